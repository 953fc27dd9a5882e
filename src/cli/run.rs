//! `nephoscope run`: the daemon.
//!
//! Loads the configuration (every problem is printed, and the daemon does not start), installs the log, starts the daemon and
//! waits until it is told to stop.
//!
//! How parts are put together is in `daemon`.

use super::{Arguments, FINE, USAGE, validate};
use crate::client::socket::{Place, to_bind};
use crate::config::Loaded;
use crate::config::files::Files;
use crate::daemon::{Daemon, apart, logging, reload};
use crate::metrics::Own;
use crate::model::Action;
use anyhow::Context as _;
use std::path::{Path, PathBuf};
use tokio::runtime::Handle;
use tracing_subscriber::filter::LevelFilter;

/// Threads that serve the page and record results; probes have threads of their own.
const SERVING_THREADS: usize = 2;

/// What a start has made: the daemon, and what has to live as long as it.
struct Started {
    daemon: Daemon,
    _log: logging::Log,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(SERVING_THREADS)
        .thread_keep_alive(apart::STAYS)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let done = runtime.block_on(async {
        let (config, log) = (arguments.config.clone(), arguments.log());
        let socket = to_bind(&Place::of_process(arguments.socket.clone()));
        let Some(started) = apart::apart(move || start(&config, log, socket)).await? else {
            return Ok(USAGE);
        };
        started.daemon.run().await?;
        Ok(FINE)
    });
    // A daemon that was told twice to stop leaves threads behind; nobody waits for them.
    runtime.shutdown_background();
    done
}

/// Reads the configuration and starts the daemon; `None` if the configuration cannot be used.
fn start(
    config: &Path,
    (format, level): (logging::Format, LevelFilter),
    socket: PathBuf,
) -> anyhow::Result<Option<Started>> {
    let mut files = Files::new(config);
    let Some(mut reading) = validate::read(&mut files) else {
        return Ok(None);
    };
    let isolated = std::mem::take(&mut reading.isolated);
    let (good, Loaded { config, warnings, .. }) = reading.into_parts();
    files.accept(good);
    // Read as a whole; from here on there is only this daemon's share of it.
    let whole = config.services.len();
    let config = config.of_this_shard();
    let mut notices = reload::notices(&config, &warnings);
    notices.extend(isolated.iter().map(ToString::to_string));
    drop(warnings);
    let own = Own::new(&config.monitor.vantage, env!("CARGO_PKG_VERSION"));
    let log = logging::install(format, level, own.clone(), &config.monitor.vantage);
    let (services, checks) = (config.services.len(), config.checks.len());
    if let Some((which, of)) = config.monitor.shard {
        tracing::info!(
            action = Action::Shard.as_str(),
            services,
            checks,
            "shard {which}/{of} has {services} of {whole} services, {checks} checks"
        );
    }
    reload::tell_isolated(&isolated);
    let starting = Daemon::start(&config, notices, files, Some(socket), own.clone());
    let daemon = Handle::current().block_on(starting)?;
    if !isolated.is_empty() {
        own.set_reload(None);
    }
    let address = daemon.address();
    let scheme = if config.listener.tls.is_some() { "https" } else { "http" };
    tracing::info!(
        action = Action::Started.as_str(),
        checks,
        "watching; the page is at {scheme}://{address}/"
    );
    Ok(Some(Started { daemon, _log: log }))
}
