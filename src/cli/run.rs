//! `nephoscope run`: the daemon.
//!
//! Loads the configuration (every problem is printed, and the daemon does not start), installs the log, starts the daemon and
//! waits until it is told to stop.
//!
//! How parts are put together is in `daemon`.

use super::{Arguments, FINE, USAGE, validate};
use crate::client::socket::{Place, to_bind};
use crate::config::Loaded;
use crate::daemon::{Daemon, logging};
use crate::metrics::Own;
use anyhow::Context as _;

/// Threads that serve the page and record results; probes have threads of their own.
const SERVING_THREADS: usize = 2;

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let Some(Loaded { config, warnings, .. }) = validate::load(&arguments.config) else {
        return Ok(USAGE);
    };
    // Read as a whole; from here on there is only this daemon's share of it.
    let whole = config.services.len();
    let config = config.of_this_shard();
    let notices = warnings.iter().map(|warning| warning.said().to_owned()).collect();
    drop(warnings);
    let own = Own::new(&config.monitor.vantage, env!("CARGO_PKG_VERSION"));
    let (format, level) = arguments.log();
    let _log = logging::install(format, level, own.clone());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(SERVING_THREADS)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let done = runtime.block_on(async {
        let (services, checks) = (config.services.len(), config.checks.len());
        if let Some((which, of)) = config.monitor.shard {
            tracing::info!(
                "shard {which}/{of} has {services} of {whole} services, {checks} checks"
            );
        }
        let socket = to_bind(&Place::of_process(arguments.socket.clone()));
        let daemon = Daemon::start(&config, notices, Some(socket), own).await?;
        drop(config);
        let address = daemon.address();
        tracing::info!(checks, "watching; the page is at http://{address}/");
        daemon.run().await?;
        Ok(FINE)
    });
    // A daemon that was told twice to stop leaves threads behind; nobody waits for them.
    runtime.shutdown_background();
    done
}
