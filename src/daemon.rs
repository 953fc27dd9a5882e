//! The composition root: build parts, bind, start, wait, stop.
//!
//! [`Daemon::start`] takes a valid configuration, binds the listener and the local socket before anything runs, starts the
//! monitor and serves. [`Daemon::run`] waits for a signal and stops along the road: no new runs, runs in flight end, the
//! recorder takes in the rest, the faces last, so that the final state can still be read.
//!
//! No rule of any kind lives here: an `if` about health would be a bug.

mod limits;
pub mod logging;
pub mod signal;

use crate::clock::{SystemClock, WallClock};
use crate::config::Config;
use crate::metrics::{Exposition, Own};
use crate::monitor::{self, Monitor};
use crate::probe::tls::Roots;
use crate::web::{self, Face, serve};
use axum::body::Body;
use signal::{Signal, Signals};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Why the daemon could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address of the listener cannot be had.
    #[error("cannot listen on `{address}` (`monitor.listen`); is another daemon running?")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The local socket cannot be made.
    #[error("cannot make the local socket `{}`; name another place with `--socket`", path.display())]
    Socket {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another daemon answers on the local socket.
    #[error("another daemon answers on the local socket `{}`; stop it, or give this one its own with `--socket`", path.display())]
    SocketInUse {
        /// Where.
        path: PathBuf,
    },
    /// The system gives no signals.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    /// The monitor could not start.
    #[error(transparent)]
    Monitor(#[from] monitor::Error),
    /// The recorder ended: what was counted is lost.
    #[error("the recorder ended unexpectedly; its panic is in the log")]
    RecorderLost,
}

/// A running daemon.
pub struct Daemon {
    monitor: Monitor,
    signals: Signals,
    address: SocketAddr,
    socket: Option<PathBuf>,
    servers: JoinSet<()>,
    stop_servers: watch::Sender<bool>,
}

impl Daemon {
    /// Binds, starts and serves; must be called inside a runtime with more than one thread.
    ///
    /// `notices` are the configuration's warnings, shown on the page. `socket` is where the local socket is made, if anywhere.
    pub async fn start(
        config: &Config,
        notices: Vec<String>,
        socket: Option<PathBuf>,
        own: Own,
    ) -> Result<Self, Error> {
        limits::raise_descriptors(config.monitor.max_in_flight);
        let signals = Signals::new().map_err(Error::Signals)?;
        let wanted = config.monitor.listen;
        let listen = |source| Error::Listen { address: wanted, source };
        let listener = TcpListener::bind(wanted).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let local = match &socket {
            Some(path) => Some(bind_local(path).await?),
            None => None,
        };

        let clock: Arc<dyn WallClock> = Arc::new(SystemClock);
        own.set_reload(Some(clock.now()));
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let workers = monitor::workers_for(config.checks.len(), processors);
        let plan = monitor::plan(config, notices, workers, &clock, &own);
        let face = face(&plan, own);
        let (stop_servers, stopping) = watch::channel(false);
        let mut servers = JoinSet::new();
        let router = web::router(face);
        if let Some(local) = local {
            servers.spawn(serve::serve(local, router.clone(), told(stopping.clone())));
        }
        servers.spawn(serve::serve(listener, router, told(stopping)));

        let monitor = Monitor::start(plan, &Roots::from_system()).await?;
        Ok(Self { monitor, signals, address, socket, servers, stop_servers })
    }

    /// Where page, API and metrics are.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for a signal to stop, then stops.
    pub async fn run(mut self) -> Result<(), Error> {
        let outcome = loop {
            // A lost recorder first: nothing else matters then.
            tokio::select! {
                biased;
                () = self.monitor.lost() => break Err(Error::RecorderLost),
                signal = self.signals.next() => match signal {
                    Signal::Stop(name) => {
                        tracing::info!(signal = name, "stopping: runs in flight may end");
                        break Ok(());
                    }
                    Signal::Hangup => tracing::warn!(
                        "SIGHUP is not yet in effect: restart to apply a changed configuration"
                    ),
                },
            }
        };
        if outcome.is_ok() {
            self.monitor.stop().await;
        }
        let _ = self.stop_servers.send(true);
        while self.servers.join_next().await.is_some() {}
        if let Some(path) = &self.socket {
            let _ = std::fs::remove_file(path);
        }
        tracing::info!("stopped");
        outcome
    }
}

/// What the web shows: the plan's tables, seen from outside.
fn face(plan: &monitor::Plan, own: Own) -> Face {
    let (table, board) = (Arc::clone(&plan.table), plan.board.clone());
    let (alive, ready) = (plan.vitals.clone(), plan.vitals.clone());
    let picture = Arc::new(plan.board.clone());
    let metrics = move || {
        own.set_in_flight(board.about().in_flight);
        let chunks = Exposition::new(Arc::clone(&table), own.text());
        Body::from_stream(futures_util::stream::iter(chunks.map(Ok::<_, io::Error>)))
    };
    Face {
        picture,
        alive: Arc::new(move || alive.alive()),
        ready: Arc::new(move || ready.ready()),
        metrics: Arc::new(metrics),
    }
}

async fn told(mut stopping: watch::Receiver<bool>) {
    // A sender that has gone is a daemon that has gone.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// Binds the local socket; one left over from a daemon that was killed is taken away, one that answers is left alone.
async fn bind_local(path: &Path) -> Result<UnixListener, Error> {
    let failed = |source| Error::Socket { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    match tokio::net::UnixStream::connect(path).await {
        Ok(_) => return Err(Error::SocketInUse { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(failed)?;
        }
        Err(_) => {}
    }
    UnixListener::bind(path).map_err(failed)
}
