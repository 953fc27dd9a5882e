//! Monitor: the road from schedule to picture, assembled, started and stopped.
//!
//! [`plan`] makes everything from a valid configuration without starting it: a seat for each worker, the recorder, the
//! tables that faces read. [`Monitor::start`] puts each worker on a thread with a runtime of its own (several single-threaded
//! runtimes cost less than one that steals work) and the recorder on the caller's. The simulation starts the same parts on
//! one paused runtime.
//!
//! What was before a start is recalled from the store, if there is one, before anything runs. It does not know protocols,
//! HTML, TOML, SQL or arguments.

pub mod alerts;
pub mod board;
pub mod book;
pub mod demand;
pub mod desk;
mod doubts;
pub mod drills;
pub mod entries;
pub mod event;
mod exposed;
mod fleet;
pub mod follower;
pub mod form;
mod freezer;
pub mod heir;
pub mod helm;
pub mod herald;
pub mod joint;
pub mod journal;
pub mod ledger;
mod memory;
pub mod numbers;
pub mod outages;
pub mod peers;
mod recall;
pub mod recorder;
pub mod references;
pub mod scene;
pub mod scheduler;
mod scouts;
pub mod sight;
pub mod snapshot;
pub mod story;
pub mod track;
pub mod vantages;
pub mod vitals;
mod vouch;

use crate::clock::{Instant, WallClock};
use crate::config::Config;
use crate::metrics::{Own, Table};
use crate::model::{
    Cause, Check, CheckIndex, Maintenance, ProbeResult, Reason, Service, Timestamp,
};
use crate::probe::Engine;
use crate::probe::exec::Programs;
use crate::probe::tls::Roots;
use crate::seed::stable_hash;
use crate::store::{self, Image, Name, Opened, Roster};
use alerts::Alerts;
use board::Board;
use book::Book;
use desk::{Desk, remembered};
use drills::Drills;
use entries::Entries;
use fleet::Fleet;
use follower::Follower;
use futures_util::future::BoxFuture;
use heir::{Ground, Heart, Lists};
use helm::{Change, Helm, Turned};
use journal::Journal;
use ledger::Ledger;
use memory::Codes;
use outages::Outages;
use peers::Peers;
use recall::{recall, recall_outages, reconcile};
use recorder::Recorder;
use references::References;
use scheduler::{Share, Worker};
use scouts::{Follows, Scouts, follows};
use sight::Sight;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
pub use vitals::Vitals;
use vouch::Vouch;

/// Events on their way to the recorder at most; a worker that finds it full waits.
const EVENTS: usize = 4_096;

/// One worker for each so many checks, up to the number of processors.
const CHECKS_PER_WORKER: usize = 4_000;

/// Carries out one run of a check; never fails, whatever happens is a result.
pub trait Runner: Send + Sync + 'static {
    /// One run under `timeout`, one hard deadline for everything.
    fn run(&self, check: CheckIndex, timeout: Duration) -> BoxFuture<'static, ProbeResult>;

    /// The one that carries out the runs of another share, made from what this one has. Called where this one runs.
    fn succeed(&self, share: &Share) -> Result<Arc<dyn Runner>, Error>;

    /// It runs what is run here from now on, alone: what only others needed may go.
    fn settle(&self) {}
}

/// Everything of a monitor, not yet started.
pub struct Plan {
    /// The picture.
    pub board: Board,
    /// The past of every service.
    pub book: Book,
    /// What is known of sentinels, canaries and shared dependencies.
    pub references: References,
    /// The public names.
    pub entries: Entries,
    /// Where drills are started and ended.
    pub drills: Drills,
    /// Looks at the public names; wants to run.
    pub follower: Follower,
    /// Tells it to stop.
    follow: watch::Sender<bool>,
    /// How they are looked at.
    follows: Follows,
    /// Asks other vantage points; wants to run.
    pub peers: Peers,
    /// Tells other vantage points what is seen here.
    pub vouch: Vouch,
    /// What is or was down.
    pub outages: Arc<Mutex<Outages>>,
    /// What people are told, as it was stored.
    pub alerts: Alerts,
    /// Where maintenance is announced.
    pub desk: Desk,
    /// The numbers.
    pub table: Arc<Table>,
    /// Whether the workers move.
    pub vitals: Vitals,
    /// Takes in events; wants to run.
    pub recorder: Recorder,
    /// What the recorder reads.
    pub events: mpsc::Receiver<event::Event>,
    /// The workers; each wants a [`Runner`] and to run.
    pub workers: Vec<Worker>,
    /// Where another configuration is given to it.
    pub helm: Helm,
    /// Tells the workers to stop.
    pub stop: watch::Sender<bool>,
}

impl Plan {
    /// What faces see of it.
    pub fn view(&self) -> View {
        View {
            board: self.board.clone(),
            book: self.book.clone(),
            references: self.references.clone(),
            entries: self.entries.clone(),
            drills: self.drills.clone(),
            desk: self.desk.clone(),
            table: Arc::clone(&self.table),
            vouch: self.vouch.clone(),
        }
    }
}

/// What faces see, of one configuration. Cloning it clones handles.
#[derive(Clone)]
pub struct View {
    /// The picture.
    pub board: Board,
    /// The past of every service.
    pub book: Book,
    /// What is known of sentinels, canaries and shared dependencies.
    pub references: References,
    /// The public names.
    pub entries: Entries,
    /// Where drills are started and ended.
    pub drills: Drills,
    /// Where maintenance is announced.
    pub desk: Desk,
    /// The numbers.
    pub table: Arc<Table>,
    /// Tells other vantage points what is seen here.
    pub vouch: Vouch,
}

/// How many workers so many checks get on so many processors.
pub fn workers_for(checks: usize, processors: usize) -> usize {
    checks.div_ceil(CHECKS_PER_WORKER).clamp(1, processors.max(1))
}

/// What a store has to know of the configuration when it is opened.
pub fn roster(config: &Config) -> Roster {
    let reasons = Reason::ALL.iter().map(|reason| reason.as_str());
    let causes = Cause::ALL.iter().map(|cause| cause.as_str());
    Roster {
        vantage: config.monitor.vantage.to_string(),
        words: reasons.chain(causes).map(str::to_owned).collect(),
        services: config.services.iter().map(|service| service_name(config, service)).collect(),
        checks: config
            .checks
            .iter()
            .map(|check| Name {
                name: check.id.to_string(),
                formerly: check.formerly.iter().map(ToString::to_string).collect(),
            })
            .collect(),
    }
}

/// A service and the names under which its checks were known before, so that its outages and closed periods follow it.
fn service_name(config: &Config, service: &Service) -> Name {
    let former_ids = service.checks().flat_map(|check| config.checks[check.get()].formerly.iter());
    let former = former_ids.filter_map(|id| id.split_once('/')).map(|(name, _)| name);
    // A check that came over from a service which is still there took only its own history along.
    let gone = |name: &&str| config.services.iter().all(|other| *other.name != **name);
    let formerly: BTreeSet<String> = former.filter(gone).map(str::to_owned).collect();
    Name { name: service.name.to_string(), formerly: formerly.into_iter().collect() }
}

/// What was, before anything starts.
struct Past {
    ledger: Ledger,
    book: Book,
    outages: Arc<Mutex<Outages>>,
    alerts: Alerts,
    journal: Option<Journal>,
}

impl Past {
    fn new(
        config: &Config,
        lists: &Lists,
        windows: &[Arc<Maintenance>],
        opened: Option<Opened>,
        now: Timestamp,
    ) -> Self {
        let Lists { checks, services, .. } = lists;
        let (mut ledger, book) = begin(config, lists, windows, now);
        let mut outages = Outages::default();
        let mut alerts = Alerts::new(alerts::waiting(&config.receivers));
        let journal = opened.map(|Opened { store, image }| {
            let codes = Codes::new(&image.words);
            recall(&image, &codes, checks, &mut ledger, &book, (now, &|_| true));
            recall_outages(&image, services, &mut outages);
            alerts.recall(&image.alerts, now);
            let mut journal = Journal::new(store, codes, &image);
            journal.promise(services, now);
            journal.store_new(&image, &ledger, &book);
            for outage in reconcile(&ledger, services, &mut outages) {
                journal.outage(&outage);
            }
            journal
        });
        Self { ledger, book, outages: Arc::new(Mutex::new(outages)), alerts, journal }
    }
}

/// Ledger and book in which nothing is known yet but maintenance.
fn begin(
    config: &Config,
    lists: &Lists,
    windows: &[Arc<Maintenance>],
    now: Timestamp,
) -> (Ledger, Book) {
    let Lists { checks, services, lookouts } = lists;
    let zone = &config.monitor.timezone;
    let own = config.monitor.provider.as_deref();
    let sight = Sight::new(lookouts, &config.references, own, config.patience, config.broken_after);
    let mut ledger = Ledger::new(lookouts, services, zone, now).with_sight(sight);
    let book = Book::new(services, checks, zone, now);
    ledger.set_maintenance(windows, checks, services);
    book.set_maintenance(windows, checks);
    (ledger, book)
}

/// What a store at rest remembers of the services of this configuration, as of `now`: as a daemon that started then
/// would have it, with the maintenance that was announced at run time.
pub fn remember(config: &Config, image: &Image, now: Timestamp) -> Book {
    let lists = Lists::of(config);
    let windows = remembered(config, image, now);
    let (mut ledger, book) = begin(config, &lists, &windows, now);
    let codes = Codes::new(&image.words);
    recall(image, &codes, &lists.checks, &mut ledger, &book, (now, &|_| true));
    book
}

/// Makes everything of a monitor with so many workers; starts nothing.
pub fn plan(
    config: &Config,
    notices: Vec<String>,
    workers: usize,
    clock: &Arc<dyn WallClock>,
    own: &Own,
    opened: Option<Opened>,
) -> Plan {
    let (instant, started) = (Instant::now(), clock.now());
    let lists = Lists::of(config);
    let room = Arc::new(Semaphore::new(config.monitor.max_in_flight as usize));

    let (to_recorder, events) = mpsc::channel(EVENTS);
    let parts = (&lists.checks, &lists.services);
    let desk = Desk::new(config, parts, opened.as_ref(), clock, to_recorder.downgrade());
    let ((stop, stopped), (follow, following)) = (watch::channel(false), watch::channel(false));
    let image = opened.as_ref().map(|opened| &opened.image);
    let entries = Entries::new(config, image);
    let store = opened.as_ref().map(|opened| opened.store.clone());
    let drills =
        Drills::new(&lists.services, &entries, store.clone(), clock, to_recorder.downgrade());
    let Past { ledger, book, outages, alerts, journal } =
        Past::new(config, &lists, &desk.in_force(), opened, started);
    let ground = Ground {
        clock: Arc::clone(clock),
        own: own.clone(),
        room,
        store,
        events: to_recorder.downgrade(),
        workers,
        stop: stopped.clone(),
        started,
        outages,
    };
    let (ways, rechecks) = heir::ways(&lists.lookouts, workers);
    let (orders, seats) = heir::shares(&lists.lookouts, rechecks, &[])
        .into_iter()
        .enumerate()
        .map(|(number, share)| {
            let (order, orders) = mpsc::channel(1);
            (order, ground.seat((number, share), orders, (instant, &to_recorder)))
        })
        .unzip::<_, _, Vec<_>, Vec<_>>();
    let heart = Heart { ledger, book, desk, entries, rechecks: ways, journal };
    let mut recorder = heir::assemble(config, notices, &ground, &lists, heart, started);
    recorder.show_the_start();
    let view = recorder.view(drills, config);
    let follower = ground.follower(&view.entries, following);
    let (outages, events_of) = (Arc::clone(&ground.outages), ground.events.clone());
    let (watched, services) = watch::channel(Arc::clone(&lists.services));
    let peers = Peers::new(config, &outages, &ground.clock, (events_of, stopped), services);
    let View { board, book, references, entries, drills, desk, table, vouch } = view.clone();
    Plan {
        vitals: Vitals::of(&seats, &recorder),
        vouch,
        peers,
        board,
        book,
        references,
        entries,
        drills,
        follower,
        follow,
        follows: follows(config),
        outages,
        alerts,
        desk,
        table,
        recorder,
        events,
        workers: seats,
        helm: Helm::new(ground, orders, (config, watched), view),
        stop,
    }
}

/// The worker that a check belongs to: by its id, so that it stays where it is when others come and go.
fn seat_of(check: &Check, workers: usize) -> usize {
    // Other bits of the hash than those that its phase depends on most.
    let seat = (stable_hash(check.id.as_str()) >> 40) % u64::try_from(workers).unwrap_or(1);
    usize::try_from(seat).expect("smaller than the number of workers")
}

/// The checks of worker `number` of `workers`, ascending.
fn share_of(
    lookouts: &[Arc<Check>],
    number: usize,
    workers: usize,
) -> impl Iterator<Item = CheckIndex> {
    let indexed = (0..).map(CheckIndex).zip(lookouts);
    indexed.filter(move |(_, check)| seat_of(check, workers) == number).map(|(index, _)| index)
}

/// Why a monitor could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A check cannot be made ready.
    #[error("cannot make check `{check}` ready")]
    Prober {
        /// Its id.
        check: String,
        /// Why.
        #[source]
        source: crate::probe::Error,
    },
    /// The way to another vantage point cannot be made ready.
    #[error(transparent)]
    Peer(#[from] crate::peer::Error),
    /// The system gives no thread or runtime.
    #[error("cannot start a worker")]
    Worker(#[source] std::io::Error),
    /// The store does not take the checks of another configuration.
    #[error("the store cannot take the checks of this configuration")]
    Store(#[source] store::Error),
    /// A worker or the recorder ended by itself.
    #[error("a part of the monitor ended by itself; its panic stands above")]
    Lost,
}

/// A running monitor.
pub struct Monitor {
    stop: watch::Sender<bool>,
    helm: Helm,
    /// Tells whoever looks at the public names to stop.
    follow: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
    recorder: tokio::task::JoinHandle<Ledger>,
    /// Says something when a worker has ended.
    ended: mpsc::Receiver<()>,
}

/// Says that its worker has ended, however that happened.
struct End(mpsc::Sender<()>);

impl Drop for End {
    fn drop(&mut self) {
        // Nobody listens any more when the monitor itself has stopped.
        let _ = self.0.try_send(());
    }
}

impl Monitor {
    /// Starts the workers on threads of their own and the recorder on this runtime; ready when every prober is.
    pub async fn start(plan: Plan, roots: &Roots) -> Result<Self, Error> {
        let recorder = tokio::runtime::Handle::current().spawn(plan.recorder.run(plan.events));
        follow(plan.follower, plan.follows);
        plan.peers.start()?;
        let (end, ended) = mpsc::channel(plan.workers.len().max(1));
        let (stop, helm) = (plan.stop, plan.helm);
        let mut monitor =
            Self { stop, helm, follow: plan.follow, threads: Vec::new(), recorder, ended };
        let mut ready = Vec::new();
        let programs = Programs::default();
        for (number, worker) in plan.workers.into_iter().enumerate() {
            let (tell, told) = oneshot::channel();
            let roots = roots.clone();
            let programs = programs.clone();
            let end = End(end.clone());
            let thread = std::thread::Builder::new()
                .name(format!("probes-{number}"))
                .spawn(move || {
                    let _end = end;
                    work(worker, roots, programs, tell);
                })
                .map_err(Error::Worker)?;
            monitor.threads.push(thread);
            ready.push(told);
        }
        for told in ready {
            told.await.map_err(|_| Error::Lost)??;
        }
        Ok(monitor)
    }

    /// Another configuration takes the place of the present one; nothing changes if it cannot.
    pub async fn turn(&mut self, change: Change) -> Result<Turned, Error> {
        let (turned, follows) = self.helm.turn_over(change).await?;
        let (follow_next, following) = watch::channel(false);
        // The one before may have had no name to look at.
        let _ = std::mem::replace(&mut self.follow, follow_next).send(true);
        follow(self.helm.ground().follower(&turned.view.entries, following), follows);
        Ok(turned)
    }

    /// A copy of the configuration that is in force.
    pub fn config(&self) -> Config {
        self.helm.config()
    }

    /// What faces see.
    pub fn view(&self) -> &View {
        self.helm.view()
    }

    /// Stops starting runs, waits for those in flight (for a bounded time) and for the recorder to take in the rest.
    pub async fn stop(self) -> Result<(), Error> {
        let Self { stop, follow, threads, recorder, .. } = self;
        // Without a receiver every worker has already gone.
        let _ = (stop.send(true), follow.send(true));
        let join = move || threads.into_iter().map(JoinHandle::join).filter(Result::is_err).count();
        let lost = tokio::runtime::Handle::current().spawn_blocking(join).await.unwrap_or(0);
        drop(stop);
        if recorder.await.is_err() || lost > 0 {
            return Err(Error::Lost);
        }
        Ok(())
    }

    /// Resolves when a worker or the recorder ends while the monitor should run: what is shown after that is not true.
    pub async fn lost(&mut self) {
        // The recorder first: without it nothing else matters.
        tokio::select! {
            biased;
            _ = &mut self.recorder => {}
            _ = self.ended.recv() => {}
        }
    }
}

/// Looks at the public names, if there are any, until it is told to stop; it holds nobody up.
fn follow(follower: Follower, follows: Follows) {
    if !follower.entries.is_empty() {
        let scouts = Arc::new(Scouts::new(follows));
        tokio::runtime::Handle::current().spawn(follower.run(scouts));
    }
}

/// One worker on its thread: a runtime, its probers, its schedule.
fn work(
    worker: Worker,
    roots: Roots,
    programs: Programs,
    tell: oneshot::Sender<Result<(), Error>>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = tell.send(Err(Error::Worker(error)));
            return;
        }
    };
    runtime.block_on(async move {
        let engine = Engine::new(roots, Arc::clone(&worker.clock)).sharing(programs);
        let engine = Arc::new(engine);
        match Fleet::build(&worker.share, &engine) {
            Ok(fleet) => {
                let _ = tell.send(Ok(()));
                scheduler::run(worker, Arc::new(fleet)).await;
            }
            Err(error) => {
                let _ = tell.send(Err(error));
            }
        }
    });
}

#[cfg(test)]
mod tests;
