//! The twins: probers whose outcomes and delays are drawn, and a wall clock that can be set.
//!
//! The prober writes down when each run really began and ended, so that what the journal says can be compared with it. In the
//! last third of a world that heals it is good and quick, whatever the faults are.
//!
//! It does not judge, and it knows nothing of schedules.

use crate::world::{BEGINNING, Faults, World};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use nephoscope::clock::{Instant, WallClock};
use nephoscope::model::{
    Cause, Check, CheckIndex, Outcome, ProbeResult, Reason, Timestamp, Warning,
};
use nephoscope::monitor::scheduler::Share;
use nephoscope::monitor::{self, Runner};
use nephoscope::seed::Stream;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A healed far side answers within so many milliseconds.
const HEALED_WITHIN: u64 = 20;

/// The wall clock's twin: monotonic time plus an offset that a fault may move.
pub(crate) struct Clock {
    born: Instant,
    offset: AtomicI64,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { born: Instant::now(), offset: AtomicI64::new(0) }
    }

    pub(crate) fn step(&self, millis: i64) {
        self.offset.fetch_add(millis, Ordering::Relaxed);
    }

    /// Milliseconds since the beginning, whatever the wall clock says.
    pub(crate) fn passed(&self) -> i64 {
        i64::try_from(self.born.elapsed().as_millis()).unwrap()
    }
}

impl WallClock for Clock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(BEGINNING + self.passed() + self.offset.load(Ordering::Relaxed))
    }
}

/// When a run really went on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// Milliseconds from the beginning to its start.
    pub(crate) begun: i64,
    /// What the wall clock said then.
    pub(crate) wall: i64,
    /// Milliseconds from the beginning to its end.
    pub(crate) ended: i64,
}

/// What the prober saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The runs of each check, in order.
    pub(crate) spans: Vec<Vec<Span>>,
    /// Whether two runs of a check went on at once.
    pub(crate) overlapped: bool,
    /// Most runs of all checks that went on at once.
    pub(crate) most_at_once: u32,
    at_once: u32,
}

/// The probers' twin: outcomes and delays drawn per check, so that they do not hang on the order of other checks.
pub(crate) struct Twin {
    checks: Vec<Arc<Check>>,
    streams: Vec<Mutex<Stream>>,
    seen: Arc<Mutex<Seen>>,
    faults: Faults,
    heals: bool,
    clock: Arc<Clock>,
    lasts: Duration,
}

/// What a run will do.
struct Script {
    delay: Duration,
    outcome: Outcome,
    warned: bool,
    panics: bool,
}

impl Twin {
    pub(crate) fn new(world: &World, checks: Vec<Arc<Check>>, clock: Arc<Clock>) -> Self {
        let stream = |check: &Arc<Check>| Mutex::new(Stream::new(world.seed, check.id.as_str()));
        let seen = Seen { spans: vec![Vec::new(); checks.len()], ..Seen::default() };
        Self {
            streams: checks.iter().map(stream).collect(),
            seen: Arc::new(Mutex::new(seen)),
            faults: world.faults,
            heals: world.heals,
            lasts: world.lasts,
            clock,
            checks,
        }
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    /// Whether cloud `a` is down now: the second quarter of the run, if the seed says so.
    fn provider_is_down(&self, check: &Check) -> bool {
        let quarter = self.lasts / 4;
        let now = self.clock.born.elapsed();
        self.faults.provider_outage
            && &*check.provider == "a"
            && now >= quarter
            && now < quarter * 2
    }

    fn draw(&self, index: CheckIndex, timeout: Duration) -> Script {
        let mut draw = self.streams[index.get()].lock().unwrap();
        let within = u64::try_from(timeout.as_millis()).unwrap();
        if self.heals && self.clock.born.elapsed() >= self.lasts / 3 * 2 {
            let delay = Duration::from_millis(draw.below(within.min(HEALED_WITHIN)));
            return Script { delay, outcome: Outcome::Good, warned: false, panics: false };
        }
        let mut delay = Duration::from_millis(draw.below(within));
        let mut outcome = Outcome::Good;
        if draw.chance(self.faults.bad) || self.provider_is_down(&self.checks[index.get()]) {
            outcome = Outcome::Bad(Reason::ConnectRefused);
        }
        if draw.chance(self.faults.hang) {
            (delay, outcome) = (timeout, Outcome::Bad(Reason::ConnectTimeout));
        }
        if draw.chance(self.faults.stall) {
            delay = timeout * 3;
        }
        let panics = draw.chance(self.faults.panic);
        let warned = draw.chance(self.faults.warn) && outcome == Outcome::Good;
        Script { delay, outcome, warned, panics }
    }
}

impl Runner for Twin {
    fn run(&self, index: CheckIndex, timeout: Duration) -> BoxFuture<'static, ProbeResult> {
        let script = self.draw(index, timeout);
        let (clock, seen) = (Arc::clone(&self.clock), Arc::clone(&self.seen));
        seen.lock().unwrap().begin(index, &clock);
        async move {
            let begun = Instant::now();
            tokio::time::sleep(script.delay).await;
            seen.lock().unwrap().end(index, &clock);
            if script.panics {
                // A panic, but without the hook that would print it.
                std::panic::resume_unwind(Box::new("a scripted panic"));
            }
            let mut result = ProbeResult::unknown(Cause::Internal, "scripted".to_owned());
            result.outcome = script.outcome;
            // Over loopback nothing may be our own network's fault, so nothing waits for an alibi here.
            result.address = Some(([127, 0, 0, 1], 1).into());
            result.latency = begun.elapsed();
            if script.warned {
                result.warnings.insert(Warning::Slow);
            }
            result
        }
        .boxed()
    }

    fn succeed(&self, _: &Share) -> Result<Arc<dyn Runner>, monitor::Error> {
        unreachable!("this configuration is never reloaded")
    }
}

/// The end of a run that goes on.
const OPEN: i64 = i64::MAX;

impl Seen {
    fn begin(&mut self, index: CheckIndex, clock: &Clock) {
        let spans = &mut self.spans[index.get()];
        self.overlapped |= spans.last().is_some_and(|span| span.ended == OPEN);
        let wall = clock.now().as_millis();
        spans.push(Span { begun: clock.passed(), wall, ended: OPEN });
        self.at_once += 1;
        self.most_at_once = self.most_at_once.max(self.at_once);
    }

    fn end(&mut self, index: CheckIndex, clock: &Clock) {
        let open = self.spans[index.get()].iter_mut().rfind(|span| span.ended == OPEN);
        open.unwrap().ended = clock.passed();
        self.at_once -= 1;
    }
}
