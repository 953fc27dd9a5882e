//! The composition root: build parts, bind, start, wait, stop.
//!
//! [`Daemon::start`] takes a valid configuration, binds the listener and the local socket before anything runs, starts the
//! monitor and serves. [`Daemon::run`] reads the configuration again when asked to, waits for a signal and stops along the
//! road: no new runs, runs in flight end, the recorder takes in the rest, the faces last, so that the final state can still be
//! read. A service manager hears of all that (`supervisor`).
//!
//! No rule of any kind lives here: an `if` about health would be a bug.

pub mod apart;
mod certificate;
mod compare;
mod face;
mod heart;
mod heralds;
mod limits;
pub mod logging;
mod look;
mod past;
pub mod reload;
pub mod signal;
mod supervisor;

use crate::clock::{SystemClock, WallClock};
use crate::config::Config;
use crate::config::files::Files;
use crate::metrics::Own;
use crate::model::Action;
use crate::monitor::demand::Demands;
use crate::monitor::{self, Monitor, View};
use crate::net::Net;
use crate::probe::tls::Roots;
use crate::push;
use crate::store::{self, Opened, Store};
use crate::web::reload::Reload;
use crate::web::serve::{self, Welcome};
use crate::web::{self, Count, Door, Faces, Gate};
use certificate::Certificate;
use face::Mirror;
use heart::Heart;
use heralds::Heralds;
use reload::{Reloader, Wanted};
use rustix::net::sockopt::set_tcp_user_timeout;
use rustls::ServerConfig;
use signal::{Signal, Signals};
use std::error::Error as _;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use supervisor::Supervisor;
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
    /// The listener's certificate changed since the configuration was read, and cannot be used.
    #[error("cannot listen with TLS (`listener.tls`): {0}")]
    Certificate(String),
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
    /// The store cannot be used, and going on without it would damage what it holds.
    #[error("refusing to start, so that stored history is not damaged")]
    Store(#[source] store::Error),
    /// A receiver of alerts cannot be told.
    #[error(transparent)]
    Receiver(#[from] push::Error),
    /// Whoever tells people of alerts ended by itself.
    #[error("what tells people of alerts ended by itself; its panic stands above")]
    HeraldLost,
    /// The monitor could not start.
    #[error(transparent)]
    Monitor(#[from] monitor::Error),
    /// There is something else where the local socket should be.
    #[error("`{}` is there and is not a socket, so it is left alone; name another place with `--socket`", path.display())]
    SocketIsFile {
        /// Where.
        path: PathBuf,
    },
    /// A listener ended: page, metrics or the local socket would be gone.
    #[error("a listener ended by itself; its panic stands above")]
    FaceLost,
    /// Stopping was asked for a second time.
    #[error("stopped at once: asked for a second time, runs in flight are lost")]
    StoppedAtOnce,
}

/// A running daemon.
pub struct Daemon {
    monitor: Monitor,
    reloader: Reloader,
    signals: Signals,
    address: SocketAddr,
    socket: Option<Local>,
    store: Option<Store>,
    heralds: Heralds,
    servers: JoinSet<()>,
    stop_servers: watch::Sender<bool>,
    supervisor: Supervisor,
}

impl Daemon {
    /// Binds, starts and serves; must be called inside a runtime with more than one thread.
    ///
    /// `notices` are the configuration's warnings, shown on the page; `files` is where it is read from again. `socket` is where
    /// the local socket is made, if anywhere.
    pub async fn start(
        config: &Config,
        mut notices: Vec<String>,
        files: Files,
        socket: Option<PathBuf>,
        own: Own,
    ) -> Result<Self, Error> {
        limits::look(config.monitor.max_in_flight, &config.checks);
        let signals = Signals::new().map_err(Error::Signals)?;
        let listener = bind(config.monitor.listen).await;
        let (listener, address) =
            listener.map_err(|source| Error::Listen { address: config.monitor.listen, source })?;
        let (certificate, tls) = certificate(config, &own)?.unzip();
        let (local, socket) = match socket {
            Some(path) => Some(bind_local(path).await?).unzip(),
            None => None.unzip(),
        };

        let clock: Arc<dyn WallClock> = Arc::new(SystemClock);
        own.set_reload(Some(clock.now()));
        let opened = open_store(config, &clock, &mut notices)?;
        let store = opened.as_ref().map(|opened| opened.store.clone());
        let mut plan = monitor::plan(config, notices, workers(config), &clock, &own, opened);
        let past = past::past(&plan, store.is_some().then(|| config.monitor.state.clone()), &clock);
        let (views, view) = watch::channel(plan.view());
        let supervised = views.subscribe();
        let heralds = Heralds::start(config, (&mut plan, view), store.clone(), &clock, address)?;
        let heart = Heart::new(config, &plan.vitals, &own, &clock)?;
        let (gate, count) = gate(config, &own, address);
        let (reload, asked) = Reload::new();
        let (roots, demands) = demands(config, address, &clock);
        let mirror = Mirror {
            past,
            own,
            tallies: heralds.tallies(),
            store: store.clone(),
            vantage: Arc::clone(&config.monitor.vantage),
            outages: Arc::clone(&plan.outages),
            vitals: plan.vitals.clone(),
            answers: Arc::clone(&plan.peers.answers),
            reload,
            demands,
        };
        let faces = Faces::from(mirror.face(&plan.view()));
        let reloader = Reloader::new(
            (files, config.monitor.watch),
            asked,
            (mirror, faces.clone(), views, Arc::clone(&gate)),
            clock,
        );
        let (stop_servers, stopping) = watch::channel(false);
        let mut servers = JoinSet::new();
        let begin = (&mut servers, &stopping);
        serve(begin, (listener, tls), local, &Served { faces, gate, count });
        if let Some(mut certificate) = certificate {
            servers.spawn(look::follow(move || certificate.look(), told(stopping.clone())));
        }
        if let Some(heart) = heart {
            servers.spawn(heart.run(told(stopping.clone())));
        }

        let supervisor = supervisor(&plan, supervised);
        let followed = roots.clone();
        servers.spawn(look::follow(move || followed.look(), told(stopping)));
        let monitor = Monitor::start(plan, &roots).await?;
        Ok(Self {
            monitor,
            reloader,
            signals,
            address,
            socket,
            store,
            heralds,
            servers,
            stop_servers,
            supervisor,
        })
    }

    /// Where page, API and metrics are.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for a signal to stop, then stops; a second signal stops at once.
    pub async fn run(self) -> Result<(), Error> {
        let Self { mut monitor, mut reloader, mut signals, socket, store, .. } = self;
        let Self { mut heralds, mut servers, stop_servers, mut supervisor, .. } = self;
        loop {
            let parts = (&mut monitor, &mut reloader, &mut heralds);
            let wanted = wait(parts, &mut signals, &mut servers, &mut supervisor).await?;
            let Some(wanted) = wanted else { break };
            let reload = reload::reload(monitor, reloader, wanted);
            (monitor, reloader) = supervisor::reloading(reload).await;
        }
        supervisor::stopping();
        // Stopping in order first: a second signal counts only while that is not done.
        let outcome = tokio::select! {
            biased;
            stopped = monitor.stop() => stopped.map_err(Error::Monitor),
            () = stop_asked(&mut signals) => Err(Error::StoppedAtOnce),
        };
        if outcome.is_ok() {
            heralds.stop().await;
        }
        if let (Ok(()), Some(store)) = (&outcome, store) {
            // The writer ends on its own thread; a runtime that cannot wait for it is ending too.
            let close = move || store.close();
            let _ = tokio::runtime::Handle::current().spawn_blocking(close).await;
        }
        if outcome.is_ok() {
            let _ = stop_servers.send(true);
            while servers.join_next().await.is_some() {}
        }
        drop(socket);
        tracing::info!(action = Action::Stopped.as_str(), "stopped");
        outcome
    }
}

/// How many threads probe.
fn workers(config: &Config) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    monitor::workers_for(config.checks.len(), processors)
}

/// Runs probes on demand, for those who may ask over the listener at `address`.
/// Also gives the roots that all probers trust.
fn demands(config: &Config, address: SocketAddr, clock: &Arc<dyn WallClock>) -> (Roots, Demands) {
    let roots = Roots::from_system();
    let rules = (&config.listener, address.ip().is_loopback());
    let ways = (Net::from_system(), roots.clone());
    (roots, Demands::new(config.modules.clone(), rules, ways, Arc::clone(clock)))
}

/// What listeners serve.
struct Served {
    faces: Faces,
    gate: Arc<Gate>,
    count: Count,
}

/// Serves on the network, and on the local socket if there is one.
fn serve(
    (servers, stopping): (&mut JoinSet<()>, &watch::Receiver<bool>),
    (listener, tls): (TcpListener, Option<Arc<ServerConfig>>),
    local: Option<UnixListener>,
    served: &Served,
) {
    let welcome = |door, tls| {
        let router = web::router(served.faces.clone(), door);
        Welcome { router, tls, count: Arc::clone(&served.count) }
    };
    if let Some(local) = local {
        let welcome = welcome(Door::Local, None);
        servers.spawn(serve::serve(local, welcome, told(stopping.clone())));
    }
    let welcome = welcome(Door::Network(Arc::clone(&served.gate)), tls);
    servers.spawn(serve::serve(listener, welcome, told(stopping.clone())));
}

/// Who may come in over the network, and what counts those who may not.
fn gate(config: &Config, own: &Own, address: SocketAddr) -> (Arc<Gate>, Count) {
    let (local, own) = (address.ip().is_loopback(), own.clone());
    let count: Count = Arc::new(move |why| own.count_turned_away(why));
    let gate = Gate::new(&config.listener, compare::compare(), Arc::clone(&count), local);
    (Arc::new(gate), count)
}

/// Binds the network's listener; gives back where it is.
async fn bind(wanted: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(wanted).await?;
    // Connections have it from the listener; and not from the local socket, where nobody comes over a network.
    let stalled = u32::try_from(serve::STALLED_FOR.as_millis()).unwrap_or(u32::MAX);
    set_tcp_user_timeout(&listener, stalled)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// What the listener presents, if it does TLS.
fn certificate(
    config: &Config,
    own: &Own,
) -> Result<Option<(Certificate, Arc<ServerConfig>)>, Error> {
    let files = config.listener.tls.as_ref();
    let read = |files| Certificate::new(files, own.clone()).map_err(Error::Certificate);
    files.map(read).transpose()
}

/// Opens the store. Where going on without one damages nothing, that is said in the log and on the page.
fn open_store(
    config: &Config,
    clock: &Arc<dyn WallClock>,
    notices: &mut Vec<String>,
) -> Result<Option<Opened>, Error> {
    let roster = monitor::roster(config);
    match store::open(&config.monitor.state, &roster, Arc::clone(clock)) {
        Ok(opened) => Ok(Some(opened)),
        Err(error) if error.is_harmless() => {
            let because = error.source().map(|source| format!(": {source}")).unwrap_or_default();
            tracing::error!(
                action = Action::StoreUnusable.as_str(),
                error = format!("{error}{because}"),
                "history is not kept; mend `monitor.state` and restart"
            );
            notices.push(format!("history is not kept: {error}"));
            Ok(None)
        }
        Err(error) => Err(Error::Store(error)),
    }
}

/// Waits until the daemon is asked to read its configuration again, or to stop (`None`); an error if a part of it ends by
/// itself.
async fn wait(
    (monitor, reloader, heralds): (&mut Monitor, &mut Reloader, &mut Heralds),
    signals: &mut Signals,
    servers: &mut JoinSet<()>,
    supervisor: &mut Supervisor,
) -> Result<Option<Wanted>, Error> {
    loop {
        // Lost parts first: without them there is nothing to wait for. Signals before calls, since stopping may be among
        // them. The service manager last: it is told what is so then.
        tokio::select! {
            biased;
            () = monitor.lost() => return Err(Error::Monitor(monitor::Error::Lost)),
            _ = servers.join_next() => return Err(Error::FaceLost),
            () = heralds.lost() => return Err(Error::HeraldLost),
            signal = signals.next() => match signal {
                Signal::Stop(name) => {
                    tracing::info!(action = Action::Stopping.as_str(), signal = name, "stopping: runs in flight may end");
                    return Ok(None);
                }
                Signal::Hangup => return Ok(Some(Wanted::by_signal())),
            },
            wanted = reloader.wanted() => return Ok(Some(wanted)),
            () = supervisor.due() => supervisor.tell(),
        }
    }
}

async fn stop_asked(signals: &mut Signals) {
    while signals.next().await == Signal::Hangup {}
}

/// What the service manager is told.
fn supervisor(plan: &monitor::Plan, view: watch::Receiver<View>) -> Supervisor {
    let (alive, ready) = (plan.vitals.clone(), plan.vitals.clone());
    let status = move || {
        let board = view.borrow().board.clone();
        match (board.about().checks, board.down()) {
            (1, down) => format!("1 check, {down} down"),
            (checks, down) => format!("{checks} checks, {down} down"),
        }
    };
    Supervisor::new(
        Box::new(move || ready.ready()),
        Box::new(move || alive.alive()),
        Box::new(status),
    )
}

async fn told(mut stopping: watch::Receiver<bool>) {
    // A sender that has gone is a daemon that has gone.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// The local socket as it was made; taken away when dropped, unless somebody has put something else there.
struct Local {
    path: PathBuf,
    identity: Option<(u64, u64)>,
}

impl Local {
    fn identity(path: &Path) -> Option<(u64, u64)> {
        let seen = std::fs::symlink_metadata(path).ok()?;
        Some((seen.dev(), seen.ino()))
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        if self.identity.is_some() && Self::identity(&self.path) == self.identity {
            // Nothing more can be done about a socket that stays; the next daemon will find that nobody answers on it.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Binds the local socket; one left over from a daemon that was killed is taken away, one that answers and anything that is
/// no socket is left alone.
async fn bind_local(path: PathBuf) -> Result<(UnixListener, Local), Error> {
    let failed = |source| Error::Socket { path: path.clone(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    if let Ok(there) = std::fs::symlink_metadata(&path) {
        if !there.file_type().is_socket() {
            return Err(Error::SocketIsFile { path });
        }
        match tokio::net::UnixStream::connect(&path).await {
            Ok(_) => return Err(Error::SocketInUse { path }),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                std::fs::remove_file(&path).map_err(failed)?;
            }
            Err(error) => return Err(failed(error)),
        }
    }
    let listener = UnixListener::bind(&path).map_err(failed)?;
    // Maintenance is announced here: whatever the umask is, that is not for everybody on this machine.
    let mode = std::fs::metadata(&path).map_err(failed)?.permissions().mode();
    let narrowed = std::fs::Permissions::from_mode(mode & !0o007);
    std::fs::set_permissions(&path, narrowed).map_err(failed)?;
    let identity = Local::identity(&path);
    Ok((listener, Local { path, identity }))
}
