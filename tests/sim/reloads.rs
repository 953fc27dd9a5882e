//! The configuration changes while everything runs, again and again, in the middle of probes.
//!
//! The production workers, recorder and helm on one paused runtime; only the probers and the wall clock are twins. Services
//! come and go at random, change their pace, and come back. Some are in every configuration, and those must not notice: their
//! journal is compared, run by run, with that of a monitor that was left alone.
//!
//! Reading files is not tested here.

use crate::twin::Clock;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use nephoscope::clock::WallClock;
use nephoscope::config::diff::Diff;
use nephoscope::config::{Config, load_text};
use nephoscope::metrics::Own;
use nephoscope::model::{Cause, Check, CheckIndex, Outcome, ProbeResult, Reason, Verdict, Warning};
use nephoscope::monitor::event::Event;
use nephoscope::monitor::helm::{Change, Helm};
use nephoscope::monitor::scheduler::Share;
use nephoscope::monitor::snapshot::CheckView;
use nephoscope::monitor::{self, Runner, View, scheduler};
use nephoscope::seed::{Stream, stable_hash};
use nephoscope::store::{Memory, Opened, Store, Writer};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Services that are in every configuration.
const STEADY: usize = 6;
/// Services that come and go.
const FICKLE: usize = 8;
/// Seconds between two reloads.
const EVERY: u64 = 3;
/// Reloads of a story.
const RELOADS: u64 = 200;

/// Of each check: its events in order, as text.
type Journal = Arc<Mutex<BTreeMap<String, Vec<String>>>>;

/// What one monitor leaves behind.
struct Told {
    /// Of each check: its events in order, as text.
    journal: BTreeMap<String, Vec<String>>,
    /// Of each check that is watched at the end: settled milliseconds (good, bad, unknown), runs by verdict, state.
    views: BTreeMap<String, ([u128; 3], [u64; 3], String)>,
    /// Whether two runs of a check went on at once although it was never away.
    overlapped: bool,
    /// Runs in flight whose checks were removed.
    given_up: usize,
    /// Removed checks that came back.
    came_back: usize,
}

/// The configuration of a draw: the steady services, and some of the others, in any order and at any pace.
fn config(draw: Option<&mut Stream>) -> Config {
    let mut services: Vec<(String, u64)> =
        (0..STEADY).map(|n| (format!("steady{n}"), 1 + n as u64 % 3)).collect();
    if let Some(draw) = draw {
        for n in 0..FICKLE {
            if draw.chance(500) {
                let place = usize::try_from(draw.below(services.len() as u64 + 1)).unwrap();
                services.insert(place, (format!("fickle{n}"), 1 + draw.below(4)));
            }
        }
    }
    let mut text = String::from(
        "[defaults]\ntimeout = \"900ms\"\nrecheck = \"300ms\"\n[provider.a]\nhost = \"192.0.2.1\"\n\
         [provider.b]\nhost = \"192.0.2.2\"\n[probe.port.tcp]\naddress = \"{host}:25\"\n\
         [sentinel]\ntls = [\"198.51.100.1:443\", \"198.51.100.2:443\", \"198.51.100.3:443\"]\n",
    );
    for (name, seconds) in services {
        write!(
            text,
            "[service.{name}]\nprobes = [\"port\"]\ninterval = \"{seconds}s\"\nobjective = 99\nwindow = \"1h\"\n"
        )
        .unwrap();
    }
    match load_text(Path::new("probes.toml"), text) {
        Ok(loaded) => loaded.config,
        Err(problems) => panic!("{}", problems.render(false)),
    }
}

/// Probers whose results hang on the check and the second alone, so that nobody else's coming and going shows in them.
#[derive(Clone)]
struct Fate {
    all: Arc<[Arc<Check>]>,
    clock: Arc<Clock>,
    going: Arc<Mutex<BTreeMap<String, usize>>>,
    overlapped: Arc<Mutex<BTreeSet<String>>>,
}

impl Runner for Fate {
    fn run(&self, index: CheckIndex, timeout: Duration) -> BoxFuture<'static, ProbeResult> {
        let id = self.all[index.get()].id.to_string();
        let (going, begun) = (Arc::clone(&self.going), self.clock.passed());
        *going.lock().unwrap().entry(id.clone()).or_default() += 1;
        if going.lock().unwrap()[&id] > 1 {
            self.overlapped.lock().unwrap().insert(id.clone());
        }
        let mut draw = Stream::new(stable_hash(&id) ^ begun.unsigned_abs(), "run");
        // An outage of some minutes now and then, and single failures.
        let outage = (begun / 60_000 + i64::try_from(stable_hash(&id) % 7).unwrap()) % 5 == 0;
        let bad = (outage && !id.starts_with('@')) || draw.chance(50);
        let delay = Duration::from_millis(draw.below(850)).min(timeout);
        let warned = draw.chance(100);
        async move {
            tokio::time::sleep(delay).await;
            *going.lock().unwrap().get_mut(&id).unwrap() -= 1;
            let mut result = ProbeResult::unknown(Cause::Internal, "scripted".to_owned());
            result.outcome = if bad { Outcome::Bad(Reason::ConnectRefused) } else { Outcome::Good };
            result.latency = delay;
            if warned && !bad {
                result.warnings.insert(Warning::Slow);
            }
            result
        }
        .boxed()
    }

    fn succeed(&self, share: &Share) -> Result<Arc<dyn Runner>, monitor::Error> {
        Ok(Arc::new(Self { all: Arc::clone(&share.all), ..self.clone() }))
    }
}

/// Lives through `RELOADS` times `EVERY` seconds, with reloads if there is somebody to draw them.
fn live(mut draw: Option<Stream>, stored: bool) -> Told {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let clock = Arc::new(Clock::new());
        let wall: Arc<dyn WallClock> = Arc::clone(&clock) as Arc<dyn WallClock>;
        let first = config(None);
        let shelf = stored.then(|| shelf(&first, &wall));
        let (opened, mut writer) = shelf.unzip();
        let own = Own::new("sim", "0");
        let plan = monitor::plan(&first, Vec::new(), 2, &wall, &own, opened);
        let (going, overlapped) = <(Arc<_>, Arc<_>)>::default();
        let all = first.lookouts();
        let fate = Fate { all: Arc::clone(&all), clock: Arc::clone(&clock), going, overlapped };
        let journal = Arc::new(Mutex::new(BTreeMap::new()));
        let mut tasks = JoinSet::new();
        let (tapped, events) = mpsc::channel(64);
        tasks.spawn(tap(plan.events, tapped, (all, Arc::clone(&journal))));
        tasks.spawn(plan.recorder.run(events).map(drop));
        for worker in plan.workers {
            tasks.spawn(scheduler::run(worker, Arc::new(fate.clone())));
        }
        let mut view = plan_view(&plan.helm);
        let mut helm = plan.helm;
        let (mut given_up, mut came_back, mut gone) = (0, 0, BTreeSet::new());
        let mut before = BTreeMap::new();
        for reload in 0..RELOADS {
            // In the middle of a second, where probes are in flight.
            tokio::time::sleep(Duration::from_millis(EVERY * 1_000)).await;
            if let Some(draw) = &mut draw {
                let new = config(Some(draw));
                let diff = Arc::new(Diff::of(&helm.config(), &new));
                came_back += diff.added.iter().filter(|id| gone.contains(*id)).count();
                gone.extend(diff.removed.iter().cloned());
                let change = Change { config: new, notices: Vec::new(), diff };
                let turning = helm.turn(change);
                let turned = match &mut writer {
                    Some(writer) => pumped(turning, writer).await,
                    None => turning.await,
                };
                let turned = turned.unwrap_or_else(|error| panic!("reload {reload}: {error}"));
                given_up += turned.given_up;
                view = turned.view;
            }
            nothing_goes_back(&mut before, &view);
        }
        plan.stop.send(true).unwrap();
        drop(helm);
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
        let views = view.board.checks().iter().map(of_view).collect();
        let overlapped = fate.overlapped.lock().unwrap();
        let overlapped = overlapped.iter().any(|id| id.starts_with("steady"));
        let journal = std::mem::take(&mut *journal.lock().unwrap());
        Told { journal, views, overlapped, given_up, came_back }
    })
}

fn plan_view(helm: &Helm) -> View {
    helm.view().clone()
}

/// A store in memory, whose writer is turned by hand.
fn shelf(config: &Config, wall: &Arc<dyn WallClock>) -> (Opened, Writer) {
    let roster = monitor::roster(config);
    let engine = Box::new(Memory::new(wall.now().as_millis()).unwrap());
    let (store, image, writer) = Store::with_engine(engine, &roster, Arc::clone(wall)).unwrap();
    (Opened { store, image }, writer)
}

/// Turns the writer while something waits for it.
async fn pumped<T>(waiting: impl Future<Output = T>, writer: &mut Writer) -> T {
    let mut waiting = std::pin::pin!(waiting);
    loop {
        if let Some(done) = waiting.as_mut().now_or_never() {
            return done;
        }
        writer.pump();
        tokio::task::yield_now().await;
    }
}

fn of_view(view: &CheckView) -> (String, ([u128; 3], [u64; 3], String)) {
    let seconds = view.seconds;
    let settled = [seconds.good, seconds.bad, seconds.unknown].map(|time| time.as_millis());
    let runs = Verdict::ALL.iter().map(|verdict| view.runs[verdict.index()]);
    let runs: Vec<u64> = runs.collect();
    (view.id.to_string(), (settled, [runs[0], runs[1], runs[2]], view.standing.state.to_string()))
}

/// No counter of a steady check goes back.
fn nothing_goes_back(before: &mut BTreeMap<String, u128>, view: &View) {
    for check in view.board.checks().iter().filter(|check| check.service.starts_with("steady")) {
        let (id, (settled, runs, _)) = of_view(check);
        let parts = settled.into_iter().chain(runs.map(u128::from)).enumerate();
        for (number, now) in parts {
            let last = before.insert(format!("{id} {number}"), now).unwrap_or_default();
            assert!(last <= now, "{id}: a counter went from {last} to {now}");
        }
    }
    for (service, configured) in view.book.services().iter().enumerate() {
        if !configured.name.starts_with("steady") {
            continue;
        }
        for held in view.book.held(service, view.board.about().now) {
            let key = format!("{} {:?}", configured.name, held.scope);
            let now: u128 =
                held.counted.millis.list().iter().map(|millis| u128::from(*millis)).sum();
            let last = before.insert(key.clone(), now).unwrap_or_default();
            assert!(last <= now, "{key}: a promise's counter went from {last} to {now}");
        }
    }
}

/// Writes every event down by the id of its check, and passes it on.
async fn tap(
    mut from: mpsc::Receiver<Event>,
    to: mpsc::Sender<Event>,
    (mut all, journal): (Arc<[Arc<Check>]>, Journal),
) {
    while let Some(event) = from.recv().await {
        let line = match &event {
            Event::Started { check, at, recheck } => {
                Some((*check, format!("start {} {recheck}", at.as_millis())))
            }
            Event::Finished { check, result } => {
                Some((*check, format!("end {:?}", result.outcome)))
            }
            Event::Skipped { check, count, cause } => {
                Some((*check, format!("skip {count} {cause:?}")))
            }
            Event::Reload { heir, .. } => {
                all = heir.lookouts();
                None
            }
            _ => None,
        };
        if let Some((check, line)) = line {
            let id = all[check.get()].id.to_string();
            journal.lock().unwrap().entry(id).or_default().push(line);
        }
        to.send(event).await.unwrap();
    }
}

fn compare(reloaded: &Told, alone: &Told) {
    assert!(!reloaded.overlapped, "two runs of a check that was never away went on at once");
    let steady = |id: &&String| id.starts_with("steady") || id.starts_with('@');
    let ids: Vec<_> = alone.journal.keys().filter(steady).collect();
    assert_eq!(ids.len(), 2 * STEADY + 3);
    for id in ids {
        let (one, other) = (&reloaded.journal[id], &alone.journal[id]);
        for (line, (one, other)) in one.iter().zip(other).enumerate() {
            assert_eq!(one, other, "{id}, line {line}");
        }
        assert_eq!(one.len(), other.len(), "{id}");
    }
    for (id, (settled, runs, state)) in &alone.views {
        let (reloaded, reloaded_runs, reloaded_state) = &reloaded.views[id];
        assert_eq!((reloaded_runs, reloaded_state), (runs, state), "{id}");
        // Time is told once a second, up to the run in flight, and not at the same moment in both.
        let apart: u128 =
            settled.iter().zip(reloaded).map(|(one, other)| one.abs_diff(*other)).sum();
        assert!(apart <= 2_000, "{id}: {settled:?} {reloaded:?}");
    }
}

#[test]
fn who_is_kept_does_not_notice_two_hundred_reloads() {
    let alone = live(None, false);
    for seed in 0..3 {
        let reloaded = live(Some(Stream::new(seed, "reloads")), false);
        compare(&reloaded, &alone);
        assert!(
            reloaded.given_up > 0 && reloaded.came_back > 10,
            "a story in which nothing happens"
        );
    }
}

#[test]
fn who_is_kept_does_not_notice_with_a_store_either() {
    let alone = live(None, false);
    let reloaded = live(Some(Stream::new(9, "reloads")), true);
    compare(&reloaded, &alone);
    assert!(reloaded.came_back > 10);
}
