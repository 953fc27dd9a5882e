//! A monitor that lives several times on one store: restarts, crashes, a clock that is set, a disk that is slow or fails.
//!
//! The production recorder and store run on the in-memory engine; events come from a scripted schedule in steps of ten
//! seconds, so that a month takes seconds. A crash drops everything at a random moment without closing; what was not
//! committed is lost, and the books beside it (`recount`) lose the same runs.
//!
//! Real workers and probers are in `world`, real files and kills in `tests/it`.

use crate::layout;
use crate::recount::Recount;
use crate::world::{BEGINNING, Faults, World};
use nephoscope::clock::WallClock;
use nephoscope::config::Config;
use nephoscope::metrics::Own;
use nephoscope::model::{
    AlertKind, Cause, CheckIndex, Maintenance, MaintenanceWhen, Matching, Objective, ObjectiveKind,
    ObjectiveWindow, Outcome, PeriodPolicy, ProbeResult, Reason, ScopeChoice, StoreFault,
    Timestamp, UnknownPolicy,
};
use nephoscope::monitor::board::Board;
use nephoscope::monitor::book::Book;
use nephoscope::monitor::event::Event;
use nephoscope::monitor::outages::Outages;
use nephoscope::monitor::{self};
use nephoscope::seed::Stream;
use nephoscope::slo::joint::Scope;
use nephoscope::store::{Memory, Opened, Store, Writer};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// One step of the schedule.
pub(crate) const STEP: i64 = 10_000;
/// Every check runs once in so long.
const INTERVAL: i64 = 60_000;
/// Days of the long stories.
const DAYS: i64 = 30;
/// Room for all events of a step.
const EVENTS: usize = 1_024;

/// A story of several lives.
#[derive(Clone, Debug)]
pub(crate) struct Lives {
    pub(crate) seed: u64,
    /// How long, in steps.
    pub(crate) steps: i64,
    /// One in so many steps ends a life.
    pub(crate) life: u64,
    /// Longest time between two lives, in steps.
    pub(crate) away: u64,
    /// One in so many steps begins an outage or a gap.
    pub(crate) trouble: u64,
    /// Time is rolled every so many steps.
    pub(crate) roll: i64,
    /// The writer is pumped every so many steps.
    pub(crate) pump: i64,
    /// Whether the disk fails now and then.
    pub(crate) fails: bool,
    /// Whether the clock is set now and then; without it there is maintenance.
    pub(crate) clock_steps: bool,
    /// The numbers are compared one time in so many steps, and after each restart.
    pub(crate) look: u64,
}

/// A wall clock that goes when it is told to.
struct Dial(AtomicI64);

impl WallClock for Dial {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// A monitor that runs, and its store.
struct Life {
    board: Board,
    book: Book,
    outages: Arc<Mutex<Outages>>,
    events: mpsc::Sender<Event>,
    recorder: JoinSet<()>,
    store: Store,
    writer: Writer,
}

/// Everything on its way.
struct Teller {
    lives: Lives,
    draw: Stream,
    config: Config,
    dial: Arc<Dial>,
    memory: Memory,
    recount: Recount,
    /// What each check is in for, and until which step.
    moods: Vec<(Mood, i64)>,
    /// Checks with a run in flight.
    in_flight: Vec<Option<(i64, bool)>>,
    /// The disk fails until this step.
    failing_to: i64,
    /// The disk is slow until this step: nothing is pumped.
    slow_to: i64,
    step: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Good,
    Bad,
    Unknown,
    Missing,
}

/// What a story went through; a story in which nothing happened proves nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Told {
    pub(crate) crashes: u32,
    pub(crate) stops: u32,
    pub(crate) clock_steps: u32,
    pub(crate) lost_runs: usize,
    pub(crate) compared: u32,
    pub(crate) bad_seconds: i64,
}

impl Lives {
    /// Lives through everything and compares on the way.
    pub(crate) fn live(&self) -> Told {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(Teller::new(self).tell())
    }
}

/// A week, whatever is unknown or under maintenance.
fn objective() -> Objective {
    Objective {
        name: "week".into(),
        kind: ObjectiveKind::Time,
        target_parts: 999_000_000,
        window: ObjectiveWindow::Rolling(Duration::from_hours(7 * 24)),
        window_text: "7d".into(),
        scope: ScopeChoice::Any,
        alert: AlertKind::None,
        threshold: None,
        slice: None,
        min_failures: 1,
        min_coverage_parts: 0,
        tiers: None,
        unknown: UnknownPolicy::Exclude,
        maintenance: PeriodPolicy::Exclude,
    }
}

fn config(lives: &Lives) -> Config {
    let world = World {
        seed: lives.seed,
        checks: 4,
        intervals: vec![INTERVAL.unsigned_abs() / 1_000],
        room: 10,
        confirm: Some(2),
        workers: 1,
        lasts: Duration::ZERO,
        mixed: true,
        heals: false,
        faults: Faults::default(),
    };
    let mut config = layout::config(&world);
    for service in &mut config.services {
        service.objectives = vec![objective()];
    }
    if !lives.clock_steps {
        let at = |step: i64| Timestamp::from_millis(BEGINNING + step * STEP);
        let window = |number: i64, provider: &str| Maintenance {
            id: format!("m{number}").into(),
            matching: Matching::from(std::collections::BTreeMap::from([(
                "provider".to_owned(),
                vec![provider.to_owned()],
            )])),
            when: MaintenanceWhen::Once {
                from: at(lives.steps / 7 * number),
                to: at(lives.steps / 7 * number + lives.steps / 20),
            },
            by: None,
            reason: None,
        };
        config.maintenance = vec![window(1, "a"), window(3, "b"), window(5, "a"), window(5, "b")];
    }
    config
}

impl Teller {
    fn new(lives: &Lives) -> Self {
        let config = config(lives);
        let count = config.checks.len();
        Self {
            lives: lives.clone(),
            draw: Stream::new(lives.seed, "lives"),
            dial: Arc::new(Dial(AtomicI64::new(BEGINNING))),
            memory: Memory::new(BEGINNING).unwrap(),
            recount: Recount::new(&config, BEGINNING),
            moods: vec![(Mood::Good, 0); count],
            in_flight: vec![None; count],
            failing_to: 0,
            slow_to: 0,
            step: 0,
            config,
        }
    }

    fn now(&self) -> i64 {
        self.dial.now().as_millis()
    }

    /// True once in `often` times, on average.
    fn now_and_then(&mut self, often: u64) -> bool {
        self.draw.below(often) == 0
    }

    async fn tell(mut self) -> Told {
        let mut told = Told::default();
        let mut life = self.begin();
        while self.step < self.lives.steps {
            self.step += 1;
            self.dial.0.fetch_add(STEP, Ordering::Relaxed);
            self.runs(&life).await;
            if self.lives.clock_steps && self.now_and_then(self.lives.life) {
                told.clock_steps += 1;
                self.set_clock(&life).await;
                self.pump(&mut life);
            }
            if self.step % self.lives.pump == 0 && self.slow_to <= self.step {
                self.pump(&mut life);
            }
            if self.now_and_then(self.lives.look) {
                self.compare(&life);
                told.compared += 1;
            }
            if self.now_and_then(self.lives.life) {
                life = self.again(life, &mut told).await;
                self.compare(&life);
                told.compared += 1;
            }
        }
        told.bad_seconds = self.recount.bad() / 1_000;
        told
    }

    /// Opens the store and starts the recorder.
    fn begin(&mut self) -> Life {
        let wall: Arc<dyn WallClock> = Arc::clone(&self.dial) as Arc<dyn WallClock>;
        let engine = Box::new(self.memory.clone());
        let roster = monitor::roster(&self.config);
        let (store, image, writer) =
            Store::with_engine(engine, &roster, Arc::clone(&wall)).unwrap();
        self.recount.begin(self.now());
        self.recount.judge_journal(&image);
        let own = Own::new("sim", "0");
        let opened = Some(Opened { store: store.clone(), image });
        let plan = monitor::plan(&self.config, Vec::new(), 1, &wall, &own, opened);
        let (events, taken) = mpsc::channel(EVENTS);
        let mut recorder = JoinSet::new();
        let run = plan.recorder.run(taken);
        recorder.spawn(async move { drop(run.await) });
        Life {
            board: plan.board,
            book: plan.book,
            outages: plan.outages,
            events,
            recorder,
            store,
            writer,
        }
    }

    /// Ends a life, by a crash or in peace, and begins another one.
    async fn again(&mut self, mut life: Life, told: &mut Told) -> Life {
        let crashes = self.draw.chance(600);
        if crashes {
            told.crashes += 1;
            life.recorder.abort_all();
            drop(life);
        } else {
            told.stops += 1;
            drop(life.events);
            while life.recorder.join_next().await.is_some() {}
            life.store.close();
            let before = self.memory.commits();
            while life.writer.pump() {}
            if self.memory.commits() > before {
                self.recount.acknowledge();
            }
        }
        told.lost_runs += self.recount.lose();
        self.in_flight.fill(None);
        let away = i64::try_from(self.draw.below(self.lives.away)).unwrap();
        self.step += away;
        self.dial.0.fetch_add(away * STEP, Ordering::Relaxed);
        self.failing_to = self.failing_to.min(self.step);
        self.memory.set_fault(None);
        self.begin()
    }

    /// What is due in this step, and time passing.
    async fn runs(&mut self, life: &Life) {
        let now = self.now();
        for number in 0..self.config.checks.len() {
            if let Some((at, recheck)) = self.in_flight[number].take() {
                self.finish(life, number, (at, recheck), now - at).await;
            }
            let own = i64::try_from(number).unwrap() * STEP;
            let due = (self.step * STEP - own) % INTERVAL == 0;
            let recheck = !due && self.draw.chance(20);
            let (mood, to) = self.moods[number];
            if to <= self.step {
                self.moods[number] = self.next_mood();
            }
            let due = due && mood != Mood::Missing;
            if !due && !recheck {
                continue;
            }
            let check = CheckIndex(u32::try_from(number).unwrap());
            let at = Timestamp::from_millis(now);
            life.events.send(Event::Started { check, at, recheck }).await.unwrap();
            if self.draw.chance(100) {
                self.in_flight[number] = Some((now, recheck));
            } else {
                self.finish(life, number, (now, recheck), 200).await;
            }
        }
        let checks = (0..).map(CheckIndex).take(self.config.checks.len()).collect();
        let at = Timestamp::from_millis(now);
        if self.step % self.lives.roll == 0 {
            life.events.send(Event::Roll { checks, at }).await.unwrap();
        }
        settle(life).await;
    }

    async fn finish(&mut self, life: &Life, number: usize, run: (i64, bool), took: i64) {
        let ((at, recheck), mood) = (run, self.moods[number].0);
        let mut result = ProbeResult::unknown(Cause::VantageOffline, "scripted".to_owned());
        result.latency = Duration::from_millis(took.unsigned_abs());
        match mood {
            Mood::Good | Mood::Missing => result.outcome = Outcome::Good,
            Mood::Bad => result.outcome = Outcome::Bad(Reason::Status),
            Mood::Unknown => {}
        }
        self.recount.run(number, at, recheck, result.outcome);
        let check = CheckIndex(u32::try_from(number).unwrap());
        life.events.send(Event::Finished { check, result: Box::new(result) }).await.unwrap();
    }

    fn next_mood(&mut self) -> (Mood, i64) {
        if !self.now_and_then(self.lives.trouble / 100 + 1) {
            return (Mood::Good, self.step + 100);
        }
        let mood = [Mood::Bad, Mood::Bad, Mood::Unknown, Mood::Missing]
            [usize::try_from(self.draw.below(4)).unwrap()];
        (mood, self.step + i64::try_from(6 + self.draw.below(200)).unwrap())
    }

    /// Sets the clock. The disk works then: a step that is lost in a crash is another story.
    async fn set_clock(&mut self, life: &Life) {
        self.memory.set_fault(None);
        (self.failing_to, self.slow_to) = (self.step, self.step);
        let steps = [-360, -6, -1, 3, 300][usize::try_from(self.draw.below(5)).unwrap()];
        if steps < 0 {
            let millis = -steps * STEP;
            let checks = (0..).map(CheckIndex).take(self.config.checks.len()).collect();
            life.events.send(Event::ClockBack { checks, millis, leads: true }).await.unwrap();
            for at in self.in_flight.iter_mut().flatten() {
                at.0 -= millis;
            }
            self.recount.back(millis);
        }
        self.dial.0.fetch_add(steps * STEP, Ordering::Relaxed);
        settle(life).await;
    }

    /// One turn of the writer, with the disk as it is.
    fn pump(&mut self, life: &mut Life) {
        if self.lives.fails && self.now_and_then(100) {
            self.failing_to = self.step + i64::try_from(self.draw.below(100)).unwrap();
        }
        if self.lives.fails && self.now_and_then(100) {
            self.slow_to = self.step + i64::try_from(self.draw.below(100)).unwrap();
        }
        let fault = [StoreFault::Full, StoreFault::Io][usize::try_from(self.step % 2).unwrap()];
        self.memory.set_fault((self.failing_to > self.step).then_some(fault));
        let before = self.memory.commits();
        life.writer.pump();
        if self.memory.commits() > before {
            self.recount.acknowledge();
        }
    }

    /// The picture, the counters and the promises against the books beside them.
    fn compare(&mut self, life: &Life) {
        let at = self.now();
        for (number, view) in life.board.checks().iter().enumerate() {
            self.recount.judge_check(number, view, !self.lives.clock_steps);
        }
        for (number, service) in self.config.services.iter().enumerate() {
            for held in life.book.held(number, Timestamp::from_millis(at)) {
                let word = life.book.with(number, |history| history.scheme().word(held.scope));
                let name = format!("{} {word}", service.name);
                self.recount.judge_scope(number, &word, &name, &held.standing);
                let again = self.recount.counted(&name, held.counted.millis.list());
                assert!(again, "{name}: a counter went back, {:?}", held.counted);
            }
        }
        for number in 0..self.config.services.len() {
            self.judge_exposure(number, life);
        }
        let open = life.outages.lock().unwrap().list();
        let open = open.iter().filter(|outage| outage.ended.is_none());
        for outage in open {
            let since = outage.started.as_millis();
            assert!(since <= at, "{} began after now", outage.id);
        }
    }

    /// The counters of how many sides were able: they add up, do not go back, and are those of the history.
    fn judge_exposure(&mut self, number: usize, life: &Life) {
        let name = format!("{} exposure", self.config.services[number].name);
        let found = life.book.with(number, |history| {
            history.advance();
            let exposed = history.exposed()?.clone();
            let begun = history.known(Scope::All).0;
            Some((begun, history.exposure(begun, exposed.upto)?, exposed))
        });
        let Some((begun, history, counted)) = found else { return };
        let since = counted.upto.as_millis() - begun.as_millis();
        assert_eq!(i64::try_from(counted.elapsed()).unwrap(), since, "time of {name}");
        let single: u64 = counted.only.iter().sum();
        let now = [counted.both, counted.none, counted.unknown, single];
        assert!(self.recount.counted(&name, now), "{name}: a counter went back, {counted:?}");
        if !self.lives.clock_steps {
            let wanted = [history.both, history.none, history.unknown, history.single()];
            assert_eq!((now, &*counted.only), (wanted, &history.only[..]), "{name}");
        }
    }
}

/// Lets the recorder take in everything that was sent.
async fn settle(life: &Life) {
    while life.events.capacity() < EVENTS {
        tokio::task::yield_now().await;
    }
}

#[test]
fn whatever_ends_a_life_the_next_one_knows_what_was_stored() {
    let mut all = Told::default();
    for seed in 0..24 {
        let mut draw = Stream::new(seed, "kinds of lives");
        let lives = Lives {
            seed,
            steps: 1_500,
            life: [15, 60, 250][usize::try_from(draw.below(3)).unwrap()],
            away: [3, 40, 400][usize::try_from(draw.below(3)).unwrap()],
            trouble: 200,
            roll: 2,
            pump: 1 + i64::try_from(draw.below(6)).unwrap(),
            fails: draw.chance(500),
            clock_steps: draw.chance(400),
            look: 40,
        };
        let told = std::panic::catch_unwind(|| lives.live())
            .unwrap_or_else(|_| panic!("seed {seed} fails: {lives:?}"));
        all.crashes += told.crashes;
        all.stops += told.stops;
        all.clock_steps += told.clock_steps;
        all.lost_runs += told.lost_runs;
        all.bad_seconds += told.bad_seconds;
    }
    assert!(all.crashes > 20 && all.stops > 20 && all.clock_steps > 20, "{all:?}");
    assert!(all.lost_runs > 20 && all.bad_seconds > 10_000, "{all:?}");
}

/// Thirty days of lives of a day, or thereabouts.
fn thirty_days(seed: u64) -> Lives {
    Lives {
        seed,
        steps: DAYS * 8_640,
        life: 8_000,
        away: 500,
        trouble: 5_000,
        roll: 12,
        pump: 60,
        fails: true,
        clock_steps: false,
        look: 8_000,
    }
}

#[test]
fn thirty_days_of_restarts_and_a_failing_disk_equal_a_recount() {
    let told = thirty_days(30).live();
    assert!(told.crashes > 5 && told.stops > 5 && told.bad_seconds > 10_000, "{told:?}");
}

#[test]
fn thirty_days_of_a_clock_that_is_set_equal_a_recount() {
    let told = Lives { clock_steps: true, ..thirty_days(31) }.live();
    assert!(told.crashes > 5 && told.clock_steps > 10 && told.bad_seconds > 10_000, "{told:?}");
}
