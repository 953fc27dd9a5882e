//! `nephoscope demo`: everything on this machine and nothing outside it.
//!
//! Starts the simulated clouds, loads the configuration they generated, runs the real daemon on it and plays the script
//! beside it, saying each incident on stderr. The daemon ends it on the usual signals; then the clouds go too.
//!
//! The clouds and the script are in `demo`, the daemon in `daemon`: here they are put side by side.

use super::{Arguments, FINE, USAGE, validate};
use crate::config::Loaded;
use crate::config::files::Files;
use crate::daemon::{Daemon, logging};
use crate::demo::{self, Demo, script};
use crate::metrics::Own;
use anyhow::Context as _;
use std::io::Write as _;
use std::net::SocketAddr;
use tracing_subscriber::filter::LevelFilter;

/// Threads for the clouds, the page and the recorder; probes have threads of their own.
const SERVING_THREADS: usize = 2;

#[derive(Debug, clap::Args)]
pub(super) struct Asked {
    /// Where the page is shown [default: 127.0.0.1:9464, or another port if that one is taken].
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,

    /// How many times faster than written the script of incidents goes; its full round takes seven minutes.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=20))]
    speed: u32,
}

pub(super) fn run(arguments: &Arguments, asked: &Asked) -> anyhow::Result<u8> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(SERVING_THREADS)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let demo = Demo::start(asked.listen.unwrap_or_else(demo::usual_address)).await?;
        let mut files = Files::new(demo.config());
        let Some(reading) = validate::read(&mut files) else {
            return Ok(USAGE);
        };
        let (good, Loaded { config, warnings, .. }) = reading.into_parts();
        files.accept(good);
        let notices = warnings.iter().map(|warning| warning.said().to_owned()).collect();
        drop(warnings);
        let own = Own::new(&config.monitor.vantage, env!("CARGO_PKG_VERSION"));
        let (format, level) = arguments.log();
        // The script tells what happens; of the log only what the script does not tell.
        let _log = logging::install(
            format,
            level.min(LevelFilter::ERROR),
            own.clone(),
            &config.monitor.vantage,
        );
        let socket = arguments.socket.clone().unwrap_or_else(|| demo.socket());
        let daemon = Daemon::start(&config, notices, files, Some(socket.clone()), own).await?;
        introduce(&demo, &socket, daemon.address());
        // The daemon comes first: when it has ended, nobody is left to watch the script.
        tokio::select! {
            biased;
            ended = daemon.run() => ended?,
            () = script::play(&demo, asked.speed, |line| say(&line.to_string())) => {}
        }
        say("the demo has ended");
        Ok(FINE)
    })
}

fn introduce(demo: &Demo, socket: &std::path::Path, address: SocketAddr) {
    let (config, socket) = (demo.config().display(), socket.display());
    say(&format!(
        "Two small clouds, aurora and borealis, live in this process; nothing leaves this machine.\n\n  \
         page     http://{address}/\n  \
         metrics  http://{address}/metrics\n  \
         config   {config}\n  \
         status   nephoscope status --socket {socket}\n  \
         probe    nephoscope probe --config {config} shop\n\n\
         Incidents come and go by the clock below. Ctrl-C ends the demo."
    ));
}

/// A line for the person who watches.
fn say(line: &str) {
    // Nobody is left to tell if stderr is closed.
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}
