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
pub mod track;
pub mod vantages;
mod vouch;

use crate::clock::{Instant, WallClock};
use crate::config::Config;
use crate::metrics::{Own, Table};
use crate::model::{
    Cause, Check, CheckIndex, Maintenance, ProbeResult, Reason, Service, Timestamp,
};
use crate::probe::Engine;
use crate::probe::tls::Roots;
use crate::store::{Image, Name, Opened, Roster};
use alerts::Alerts;
use board::{Board, Setting};
use book::Book;
use desk::{Desk, remembered};
use drills::Drills;
use entries::Entries;
use fleet::Fleet;
use follower::Follower;
use futures_util::future::BoxFuture;
use journal::Journal;
use ledger::Ledger;
use memory::Codes;
use outages::Outages;
use peers::Peers;
use peers::heard::Heard;
use recall::{recall, recall_outages, reconcile};
use recorder::Recorder;
use references::References;
use scene::Places;
use scheduler::Worker;
use scouts::{Follows, Scouts, follows};
use sight::Sight;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use vouch::Vouch;

/// Events on their way to the recorder at most; a worker that finds it full waits.
const EVENTS: usize = 4_096;

/// One worker for each so many checks, up to the number of processors.
const CHECKS_PER_WORKER: usize = 4_000;

/// A worker that has not rolled for so long is stuck, and so is a recorder that has taken nothing in.
const STUCK_AFTER: Duration = Duration::from_secs(10);

/// Carries out one run of a check; never fails, whatever happens is a result.
pub trait Runner: Send + Sync + 'static {
    /// One run under `timeout`, one hard deadline for everything.
    fn run(&self, check: CheckIndex, timeout: Duration) -> BoxFuture<'static, ProbeResult>;
}

/// Shows that a worker or the recorder lives.
#[derive(Debug)]
pub struct Pulse {
    born: Instant,
    /// Milliseconds since `born` of the last beat, plus one; 0 before the first.
    beat: AtomicU64,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { born: Instant::now(), beat: AtomicU64::new(0) }
    }
}

impl Pulse {
    /// It lives.
    pub fn beat(&self) {
        let millis = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.beat.store(millis + 1, Ordering::Relaxed);
    }

    /// How long ago the worker last showed that it lives; `None` if it has not planned its first round yet.
    fn age(&self) -> Option<Duration> {
        let beat = self.beat.load(Ordering::Relaxed).checked_sub(1)?;
        Some(self.born.elapsed().saturating_sub(Duration::from_millis(beat)))
    }
}

/// Whether the workers and the recorder move, for the health paths. Cloning it clones handles.
#[derive(Clone)]
pub struct Vitals {
    workers: Arc<[Arc<Pulse>]>,
    recorder: Arc<Pulse>,
}

impl Vitals {
    fn of(workers: &[Worker], recorder: &Recorder) -> Self {
        Self {
            workers: workers.iter().map(|worker| Arc::clone(&worker.pulse)).collect(),
            recorder: Arc::clone(&recorder.pulse),
        }
    }

    /// Whether every worker and the recorder have moved lately; else a sentence why not.
    pub fn alive(&self) -> Result<(), String> {
        let workers = self.workers.iter().filter_map(|pulse| pulse.age()).max();
        for (who, age) in [("a scheduler", workers), ("the recorder", self.recorder.age())] {
            if let Some(age) = age.filter(|age| *age > STUCK_AFTER) {
                return Err(format!("{who} has not moved for {} s", age.as_secs()));
            }
        }
        Ok(())
    }

    /// Whether every worker has planned its first round; else a sentence why not.
    pub fn ready(&self) -> Result<(), String> {
        let all = self.workers.len();
        let planned = self.workers.iter().filter(|pulse| pulse.age().is_some()).count();
        if planned == all {
            return Ok(());
        }
        Err(format!("{planned} of {all} schedulers have planned their first round"))
    }
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
    /// Tells the workers to stop.
    pub stop: watch::Sender<bool>,
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
        checks: &Arc<[Arc<Check>]>,
        services: &Arc<[Service]>,
        windows: &[Arc<Maintenance>],
        opened: Option<Opened>,
        now: Timestamp,
    ) -> Self {
        let (mut ledger, book) = begin(config, checks, services, windows, now);
        let mut outages = Outages::default();
        let mut alerts = Alerts::new(alerts::waiting(&config.receivers));
        let journal = opened.map(|Opened { store, image }| {
            let codes = Codes::new(&image.words);
            recall(&image, &codes, checks, &mut ledger, &book, now);
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
    checks: &Arc<[Arc<Check>]>,
    services: &Arc<[Service]>,
    windows: &[Arc<Maintenance>],
    now: Timestamp,
) -> (Ledger, Book) {
    let zone = &config.monitor.timezone;
    let (lookouts, own) = (config.lookouts(), config.monitor.provider.as_deref());
    let references = &config.references;
    let sight = Sight::new(&lookouts, references, own, config.patience, config.broken_after);
    let mut ledger = Ledger::new(&lookouts, services, zone, now).with_sight(sight);
    let book = Book::new(services, checks, zone, now);
    ledger.set_maintenance(windows, checks, services);
    book.set_maintenance(windows, checks);
    (ledger, book)
}

/// What a store at rest remembers of the services of this configuration, as of `now`: as a daemon that started then
/// would have it, with the maintenance that was announced at run time.
pub fn remember(config: &Config, image: &Image, now: Timestamp) -> Book {
    let checks: Arc<[Arc<Check>]> = config.checks.clone().into();
    let services: Arc<[Service]> = config.services.clone().into();
    let windows = remembered(config, image, now);
    let (mut ledger, book) = begin(config, &checks, &services, &windows, now);
    recall(image, &Codes::new(&image.words), &checks, &mut ledger, &book, now);
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
    let checks: Arc<[Arc<Check>]> = config.checks.clone().into();
    let lookouts = config.lookouts();
    let references = References::new(&config.references, checks.len(), started);
    let services: Arc<[Service]> = config.services.clone().into();
    let table = Arc::new(table(config, &checks, &services, started));
    let room = Arc::new(Semaphore::new(config.monitor.max_in_flight as usize));

    let (to_recorder, events) = mpsc::channel(EVENTS);
    let parts = (&checks, &services);
    let desk = Desk::new(config, parts, opened.as_ref(), clock, to_recorder.downgrade());
    let (stop, stopped) = watch::channel(false);
    let (entries, drills, follower) =
        names(config, &services, opened.as_ref(), clock, (&to_recorder, &stopped));
    let Past { ledger, book, outages, alerts, journal } =
        Past::new(config, &checks, &services, &desk.in_force(), opened, started);
    let board = Board::new(setting(config, notices, parts, (clock, own, &room)), &ledger, started);
    let seat = |number, share, asked| Worker {
        checks: share,
        all: Arc::clone(&lookouts),
        number,
        anchor: (instant, started),
        clock: Arc::clone(clock),
        room: Arc::clone(&room),
        events: to_recorder.clone(),
        rechecks: asked,
        stop: stopped.clone(),
        pulse: Arc::default(),
        own: own.clone(),
    };
    let (seats, rechecks) = seats(workers, lookouts.len(), seat);
    let mut recorder = Recorder {
        pulse: Arc::default(),
        entries: entries.clone(),
        now: started,
        ledger,
        book: book.clone(),
        desk: desk.clone(),
        journal,
        heard: Heard::new(&config.peers),
        outages: Arc::clone(&outages),
        table: Arc::clone(&table),
        board: board.clone(),
        references: references.clone(),
        lookouts,
        places: Places::new(config, &services, &checks),
        checks,
        services,
        rechecks,
    };
    recorder.show_the_start();
    Plan {
        vitals: Vitals::of(&seats, &recorder),
        vouch: Vouch::new(config, &board, &references),
        peers: Peers::new(config, &outages, clock, (to_recorder.downgrade(), stopped)),
        board,
        book,
        references,
        entries,
        drills,
        follower,
        follows: follows(config),
        outages,
        alerts,
        desk,
        table,
        recorder,
        events,
        workers: seats,
        stop,
    }
}

/// The numbers of every check, at nothing.
fn table(
    config: &Config,
    checks: &[Arc<Check>],
    services: &[Service],
    started: Timestamp,
) -> Table {
    let (vantage, metrics) = (&config.monitor.vantage, config.metrics);
    Table::new(vantage, metrics.detail, metrics.field_names, checks, services, started)
}

/// The public names: what is known of them, who drills them, and who looks at them.
fn names(
    config: &Config,
    services: &Arc<[Service]>,
    opened: Option<&Opened>,
    clock: &Arc<dyn WallClock>,
    (recorder, stop): (&mpsc::Sender<event::Event>, &watch::Receiver<bool>),
) -> (Entries, Drills, Follower) {
    let entries = Entries::new(config, opened.map(|opened| &opened.image));
    let store = opened.map(|opened| opened.store.clone());
    let drills = Drills::new(services, &entries, store, clock, recorder.downgrade());
    let follower = Follower {
        entries: entries.clone(),
        clock: Arc::clone(clock),
        events: recorder.downgrade(),
        stop: stop.clone(),
    };
    (entries, drills, follower)
}

/// What the picture knows from the start.
fn setting(
    config: &Config,
    notices: Vec<String>,
    (checks, services): (&Arc<[Arc<Check>]>, &Arc<[Service]>),
    (clock, own, room): (&Arc<dyn WallClock>, &Own, &Arc<Semaphore>),
) -> Setting {
    own.set_limit(config.monitor.max_in_flight);
    Setting {
        vantage: Arc::clone(&config.monitor.vantage),
        notices,
        providers: config.providers.clone(),
        services: Arc::clone(services),
        checks: Arc::clone(checks),
        clock: Arc::clone(clock),
        own: own.clone(),
        room: Arc::clone(room),
        limit: config.monitor.max_in_flight as usize,
    }
}

/// A seat for each worker, with its share of the checks, and the ways to ask them to look again.
fn seats(
    workers: usize,
    checks: usize,
    seat: impl Fn(usize, Arc<[CheckIndex]>, mpsc::Receiver<event::Recheck>) -> Worker,
) -> (Vec<Worker>, Vec<mpsc::Sender<event::Recheck>>) {
    let seats = (0..workers).map(|number| {
        let share: Arc<[_]> = share(checks, number, workers).collect();
        let (ask, asked) = mpsc::channel((2 * share.len()).max(1));
        (seat(number, share, asked), ask)
    });
    seats.unzip()
}

/// The checks of worker `number` of `workers`: every `workers`-th one, so that neighbours in the file are spread.
fn share(checks: usize, number: usize, workers: usize) -> impl Iterator<Item = CheckIndex> {
    let index = |n: usize| CheckIndex(u32::try_from(n).expect("fewer than 2^32 checks"));
    (number..checks).step_by(workers).map(index)
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
    /// A worker or the recorder ended by itself.
    #[error("a part of the monitor ended by itself; its panic stands above")]
    Lost,
}

/// A running monitor.
pub struct Monitor {
    stop: watch::Sender<bool>,
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
        if !plan.entries.is_empty() {
            // It ends with the workers, and holds nobody up.
            let scouts = Arc::new(Scouts::new(plan.follows));
            tokio::runtime::Handle::current().spawn(plan.follower.run(scouts));
        }
        plan.peers.start()?;
        let (end, ended) = mpsc::channel(plan.workers.len().max(1));
        let mut monitor = Self { stop: plan.stop, threads: Vec::new(), recorder, ended };
        let mut ready = Vec::new();
        for (number, worker) in plan.workers.into_iter().enumerate() {
            let (tell, told) = oneshot::channel();
            let roots = roots.clone();
            let end = End(end.clone());
            let thread = std::thread::Builder::new()
                .name(format!("probes-{number}"))
                .spawn(move || {
                    let _end = end;
                    work(worker, roots, tell);
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

    /// Stops starting runs, waits for those in flight (for a bounded time) and for the recorder to take in the rest.
    pub async fn stop(self) -> Result<(), Error> {
        let Self { stop, threads, recorder, .. } = self;
        // Without a receiver every worker has already gone.
        let _ = stop.send(true);
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

/// One worker on its thread: a runtime, its probers, its schedule.
fn work(worker: Worker, roots: Roots, tell: oneshot::Sender<Result<(), Error>>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = tell.send(Err(Error::Worker(error)));
            return;
        }
    };
    runtime.block_on(async move {
        let engine = Arc::new(Engine::new(roots, Arc::clone(&worker.clock)));
        match Fleet::build(&worker.checks, &worker.all, &engine) {
            Ok(fleet) => {
                let _ = tell.send(Ok(()));
                scheduler::run(worker, Arc::new(fleet)).await;
            }
            Err((check, source)) => {
                let check = worker.all[check.get()].id.to_string();
                let _ = tell.send(Err(Error::Prober { check, source }));
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load_text;
    use std::path::Path;

    #[test]
    fn every_check_has_exactly_one_worker() {
        let mut seen: Vec<_> = (0..3).flat_map(|number| share(10, number, 3)).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..10).map(CheckIndex).collect::<Vec<_>>());
    }

    #[test]
    fn workers_grow_with_checks_up_to_the_processors() {
        let counts = [0, 1, 4_000, 4_001, 20_000].map(|checks| workers_for(checks, 4));
        assert_eq!(counts, [1, 1, 1, 2, 4]);
    }

    #[test]
    fn a_worker_is_ready_once_it_has_planned() {
        let pulse = Arc::new(Pulse::default());
        let vitals = Vitals { workers: [Arc::clone(&pulse)].into(), recorder: Arc::default() };
        assert!(vitals.ready().is_err());
        pulse.beat();
        assert_eq!((vitals.ready(), vitals.alive()), (Ok(()), Ok(())));
    }

    #[test]
    fn a_renamed_service_is_enrolled_with_the_name_it_had() {
        let text = r#"
            [provider.aws]
            host = "192.0.2.1"
            [probe.port.tcp]
            address = "{host}:25"
            [service.shop]
            formerly = ["store"]
            probes = ["port"]
            [service.pay]
            formerly = ["bank/aws/port"]
            probes = ["port"]
            [service.bank]
            probes = ["mail"]
            [probe.mail.tcp]
            address = "{host}:587"
        "#;
        let config = load_text(Path::new("probes.toml"), text.to_owned()).unwrap().config;
        let formerly: Vec<_> = roster(&config).services.into_iter().map(|it| it.formerly).collect();
        assert_eq!(formerly, [vec!["store".to_owned()], vec![], vec![]]);
    }
}
