//! The world of the simulation: checks, twins, faults, journal.
//!
//! [`World::run`] builds a configuration from the seed, starts the production monitor on one paused runtime, lets virtual
//! time pass and gives back the journal and what the faces showed. Between the workers and the recorder stands a tap that
//! writes every event down.
//!
//! It does not judge: `oracle` does.

use crate::layout;
use crate::twin::{Clock, Seen, Twin};
use futures_util::FutureExt as _;
use nephoscope::clock::{Instant, WallClock};
use nephoscope::metrics::{Exposition, Own};
use nephoscope::model::{Check, CheckIndex, Outcome, Service, SkipCause};
use nephoscope::monitor::event::Event;
use nephoscope::monitor::snapshot::{CheckView, ServiceView};
use nephoscope::monitor::{self, Runner, scheduler};
use nephoscope::seed::Stream;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Where virtual wall time begins.
pub(crate) const BEGINNING: i64 = 1_780_000_000_000;

/// After so many minutes the wall clock is set, if it is.
pub(crate) const STEP_AFTER_MINUTES: u64 = 6;

/// So long after the wall clock was set, every worker has seen it.
const SEEN_AFTER_STEP: Duration = Duration::from_secs(2);

/// Faults that a seed may switch on; the chance of each is in parts of a thousand runs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// The far side is bad.
    pub(crate) bad: u64,
    /// The far side answers only when the deadline strikes.
    pub(crate) hang: u64,
    /// Our prober panics.
    pub(crate) panic: u64,
    /// The runtime is so busy that the run ends long after its deadline.
    pub(crate) stall: u64,
    /// A good run carries a warning.
    pub(crate) warn: u64,
    /// Whether a whole provider fails for a while.
    pub(crate) provider_outage: bool,
    /// Whether the recorder takes nothing in for a while, until its channel is full and the workers wait.
    pub(crate) deaf: bool,
    /// Whether the wall clock is set, and by how many milliseconds.
    pub(crate) clock_step: i64,
}

/// One simulated run.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// From which everything is drawn.
    pub(crate) seed: u64,
    /// How many checks.
    pub(crate) checks: u32,
    /// Their intervals in seconds, one of these each.
    pub(crate) intervals: Vec<u64>,
    /// Runs in flight at most.
    pub(crate) room: u32,
    /// `confirm` of every check; drawn for each if not said.
    pub(crate) confirm: Option<u32>,
    /// Workers.
    pub(crate) workers: usize,
    /// How long.
    pub(crate) lasts: Duration,
    /// Whether services have several endpoints and checks a side, standbys and checks that do not count.
    pub(crate) mixed: bool,
    /// Whether the far sides are good and quick in the last third.
    pub(crate) heals: bool,
    /// What may go wrong.
    pub(crate) faults: Faults,
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A run started.
    Started { check: u32, at: i64, recheck: bool },
    /// It ended.
    Finished { check: u32, outcome: Outcome, warned: bool, latency: Duration },
    /// Due runs did not happen.
    Skipped { check: u32, count: u64, cause: SkipCause },
    /// The clock was set back.
    Back { check: u32, millis: i64 },
}

impl Line {
    /// Which check it is about.
    pub(crate) fn check(&self) -> u32 {
        match self {
            Self::Started { check, .. }
            | Self::Finished { check, .. }
            | Self::Skipped { check, .. }
            | Self::Back { check, .. } => *check,
        }
    }
}

/// What a run leaves behind.
pub(crate) struct Report {
    /// Every event, in the order the recorder took it in.
    pub(crate) journal: Vec<Line>,
    /// What the probers saw.
    pub(crate) seen: Seen,
    /// What the faces said once a virtual minute, just after the clock was set, and after the end.
    pub(crate) scrapes: Vec<Scrape>,
    /// All checks.
    pub(crate) checks: Vec<Arc<Check>>,
    /// All services as configured.
    pub(crate) setting: Vec<Service>,
    /// What the wall clock said when the monitor was told to stop.
    pub(crate) ended: i64,
    /// How long stopping took.
    pub(crate) stopping: Duration,
}

/// What the faces said at a moment.
#[derive(Debug)]
pub(crate) struct Scrape {
    /// Milliseconds from the beginning.
    pub(crate) at: i64,
    /// What the wall clock said.
    pub(crate) wall: i64,
    /// The picture of the checks.
    pub(crate) views: Vec<CheckView>,
    /// The picture of the services.
    pub(crate) services: Vec<ServiceView>,
    /// The text of `/metrics`.
    pub(crate) text: String,
    /// Whether the workers move.
    pub(crate) alive: Result<(), String>,
    /// Whether they have planned.
    pub(crate) ready: Result<(), String>,
}

impl Report {
    /// What the faces said after the end.
    pub(crate) fn last(&self) -> &Scrape {
        self.scrapes.last().unwrap()
    }

    /// The picture of the checks after the end.
    pub(crate) fn views(&self) -> &[CheckView] {
        &self.last().views
    }
}

impl World {
    /// A world drawn from `seed`: which faults exist, how often they strike, how many checks of what kind.
    pub(crate) fn drawn(seed: u64) -> Self {
        let mut draw = Stream::new(seed, "world");
        let mut maybe = |most: u64| if draw.chance(500) { draw.below(most) } else { 0 };
        let faults = Faults {
            bad: maybe(400),
            hang: maybe(300),
            panic: maybe(50),
            stall: maybe(50),
            warn: maybe(600),
            provider_outage: maybe(2) == 1,
            deaf: maybe(2) == 1,
            clock_step: [0, 0, 3_600_000, -3_600_000, -700][usize::try_from(maybe(5)).unwrap()],
        };
        // A deaf recorder is noticed only where many events come.
        let (least, slowest) = if faults.deaf { (12, 5) } else { (1, 10 + draw.below(40)) };
        Self {
            seed,
            checks: least + u32::try_from(draw.below(24)).unwrap(),
            intervals: vec![1 + draw.below(3), if faults.deaf { 1 } else { 5 }, slowest],
            room: 1 + u32::try_from(draw.below(30)).unwrap(),
            confirm: None,
            workers: 1 + usize::try_from(draw.below(3)).unwrap(),
            lasts: Duration::from_mins(12),
            mixed: true,
            heals: true,
            faults,
        }
    }

    /// Milliseconds from the beginning to the moment when the wall clock is set, if it is.
    pub(crate) fn steps_at(&self) -> Option<i64> {
        let minutes = i64::try_from(STEP_AFTER_MINUTES).unwrap();
        (self.faults.clock_step != 0).then_some(minutes * 60_000)
    }

    /// Milliseconds from the beginning to the end.
    pub(crate) fn lasts_ms(&self) -> i64 {
        i64::try_from(self.lasts.as_millis()).unwrap()
    }

    /// Whether the recorder takes nothing in so long after the beginning.
    pub(crate) fn is_deaf_at(&self, passed: i64) -> bool {
        let third = self.lasts_ms() / 3;
        self.faults.deaf && (third..=third * 2).contains(&passed)
    }

    /// Whether anything happens by which starts are late although there is room.
    pub(crate) fn is_disturbed(&self) -> bool {
        self.faults.deaf || self.faults.clock_step != 0
    }

    /// Runs to the end on a paused runtime of its own.
    pub(crate) fn run(&self) -> Report {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(self.live())
    }

    async fn live(&self) -> Report {
        let clock = Arc::new(Clock::new());
        let config = layout::config(self);
        let own = Own::new("sim", "0");
        let wall: Arc<dyn WallClock> = Arc::clone(&clock) as Arc<dyn WallClock>;
        let plan = monitor::plan(&config, Vec::new(), self.workers, &wall, &own, None);
        let twin = Arc::new(Twin::new(self, config.checks.clone(), Arc::clone(&clock)));
        let journal = Arc::default();

        let mut tasks = JoinSet::new();
        let (tapped, events) = mpsc::channel(64);
        let deaf = self.faults.deaf.then_some(self.lasts / 3);
        tasks.spawn(tap(plan.events, tapped, Arc::clone(&journal), deaf));
        tasks.spawn(plan.recorder.run(events).map(drop));
        for worker in plan.workers {
            tasks.spawn(scheduler::run(worker, Arc::clone(&twin) as Arc<dyn Runner>));
        }

        let scrape = || {
            let chunks = Exposition::new(Arc::clone(&plan.table), own.text(), Vec::new());
            let text = chunks.map(|chunk| String::from_utf8(chunk.to_vec()).unwrap()).collect();
            Scrape {
                at: clock.passed(),
                wall: clock.now().as_millis(),
                text,
                views: plan.board.checks(),
                services: plan.board.services(),
                alive: plan.vitals.alive(),
                ready: plan.vitals.ready(),
            }
        };
        let (mut scrapes, begun) = (Vec::new(), Instant::now());
        for minute in 1..=self.lasts.as_secs() / 60 {
            // The clock itself is paused: this lets virtual time pass.
            tokio::time::sleep_until(begun + Duration::from_mins(minute)).await;
            scrapes.push(scrape());
            if minute == STEP_AFTER_MINUTES {
                clock.step(self.faults.clock_step);
                tokio::time::sleep(SEEN_AFTER_STEP).await;
                scrapes.push(scrape());
            }
        }
        let (stopping, ended) = (Instant::now(), clock.now().as_millis());
        plan.stop.send(true).unwrap();
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
        scrapes.push(scrape());
        Report {
            journal: std::mem::take(&mut *journal.lock().unwrap()),
            seen: twin.seen(),
            scrapes,
            checks: config.checks,
            setting: config.services,
            ended,
            stopping: stopping.elapsed(),
        }
    }
}

/// Writes every event down and passes it on.
async fn tap(
    mut from: mpsc::Receiver<Event>,
    to: mpsc::Sender<Event>,
    journal: Arc<Mutex<Vec<Line>>>,
    deaf: Option<Duration>,
) {
    let begun = Instant::now();
    let mut deaf = deaf;
    while let Some(event) = from.recv().await {
        if let Some(third) = deaf.take_if(|third| begun.elapsed() > *third) {
            tokio::time::sleep(third).await;
        }
        note(&event, &mut journal.lock().unwrap());
        to.send(event).await.unwrap();
    }
}

fn note(event: &Event, journal: &mut Vec<Line>) {
    match event {
        Event::Started { check, at, recheck } => {
            journal.push(Line::Started { check: check.0, at: at.as_millis(), recheck: *recheck });
        }
        Event::Finished { check, result } => {
            let (outcome, latency) = (result.outcome, result.latency);
            let warned = !result.warnings.is_empty();
            journal.push(Line::Finished { check: check.0, outcome, warned, latency });
        }
        Event::Skipped { check, count, cause } => {
            journal.push(Line::Skipped { check: check.0, count: *count, cause: *cause });
        }
        Event::ClockBack { checks, millis, .. } => {
            let back = |check: &CheckIndex| Line::Back { check: check.0, millis: *millis };
            journal.extend(checks.iter().map(back));
        }
        Event::Roll { .. }
        | Event::Maintenance { .. }
        | Event::Reload { .. }
        | Event::Looked { .. }
        | Event::Vouched { .. }
        | Event::Drill { .. } => {}
    }
}
