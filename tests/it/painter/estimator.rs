//! The estimator has no bias: what is measured of outages is on average what there was (slo.md 1.1, S4).
//!
//! Outages of known lengths at random times, or probes that fail now and then by themselves, are looked at every 30 s with
//! rechecks after 5 s, through the production path. Beside it runs the estimator that one would write first, in which
//! rechecks are held like results of the grid; it has to be off by more than the bound, or the test would prove nothing.
//!
//! That each second lies where it should is the painter's.

use super::story::{Plan, Run, Story, Want};
use nephoscope::model::{
    Cause, Check, CheckIndex, Outcome, ProbeResult, Reason, Service, Timestamp,
};
use nephoscope::monitor::event::{Effect, Event};
use nephoscope::monitor::ledger::Ledger;
use nephoscope::seed::Stream;
use nephoscope::slo::history::{History, Lens};
use nephoscope::slo::joint::Scope;
use std::sync::Arc;
use std::time::Duration;

const INTERVAL: i64 = 30_000;
const RECHECK: i64 = 5_000;
const TOOK: i64 = 200;
/// Standard errors within which a mean counts as the truth.
const ERRORS: f64 = 4.0;

/// A mean and its standard error.
#[derive(Clone, Copy, Debug)]
struct Mean {
    mean: f64,
    error: f64,
}

impl Mean {
    fn of(values: &[f64]) -> Self {
        let count = f64::from(u32::try_from(values.len()).unwrap());
        let mean = values.iter().sum::<f64>() / count;
        let spread = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        Self { mean, error: (spread / (count - 1.0) / count).sqrt() }
    }

    fn is(self, truth: f64) -> bool {
        (self.mean - truth).abs() <= ERRORS * self.error
    }
}

/// One check that is looked at every 30 s, with rechecks after 5 s, two in a row confirm.
struct World {
    service: Service,
    checks: Vec<Arc<Check>>,
}

impl World {
    fn new() -> Self {
        let runs: Vec<Run> = Vec::new();
        let plan = Plan { interval: 30, hold: 60, place: (0, 0), counts: true, begun: 0, runs };
        let story = Story {
            begun: 0,
            zone: "UTC",
            checks: vec![plan],
            all_endpoints: false,
            standby: Vec::new(),
            windows: Vec::new(),
            told_late: false,
            roll: 60,
            reload_after: 0,
        };
        let (service, mut checks) = story.service(&[]);
        Arc::make_mut(&mut checks[0]).shape.recheck = Duration::from_millis(RECHECK.unsigned_abs());
        Self { service, checks }
    }

    /// Looks `probes` times from `first` on at what `is_bad` says; bad milliseconds as measured, and as measured if rechecks
    /// were held like results of the grid.
    fn watch(&self, first: i64, probes: i64, mut is_bad: impl FnMut(i64) -> bool) -> [i64; 2] {
        let zone = jiff::tz::TimeZone::UTC;
        let (begun, services) = (Timestamp::from_millis(0), [self.service.clone()]);
        let mut ledger = Ledger::new(&self.checks, &services, &zone, begun);
        let mut history = History::new(&self.service, &self.checks, None, &zone, begun);
        let end = first + probes * INTERVAL;
        let mut looks: Vec<(i64, bool)> = Vec::new();
        for due in (first..end).step_by(usize::try_from(INTERVAL).unwrap()) {
            let (mut next, mut recheck) = (Some(due), false);
            while let Some(at) = next.take().filter(|at| !recheck || *at < due + INTERVAL) {
                let bad = is_bad(at);
                looks.push((at, bad));
                let want = if bad { Want::Bad } else { Want::Good };
                next = look(&mut ledger, &mut history, (at, recheck, want));
                recheck = true;
            }
        }
        let line = history.line(Scope::Any, Lens::Availability, Timestamp::from_millis(end));
        let from = Timestamp::from_millis(first);
        let bad = line.amounts(from, Timestamp::from_millis(end)).bad;
        let ends = looks.iter().skip(1).map(|(at, _)| *at).chain([end]);
        let held = looks.iter().zip(ends).filter(|((_, bad), _)| *bad);
        [i64::try_from(bad).unwrap(), held.map(|((at, _), next)| next - at).sum()]
    }
}

/// One run; when another look is wanted, if it is.
fn look(ledger: &mut Ledger, history: &mut History, run: (i64, bool, Want)) -> Option<i64> {
    let (at, recheck, want) = run;
    let (at, check) = (Timestamp::from_millis(at), CheckIndex(0));
    let mut result = ProbeResult::unknown(Cause::Internal, String::new());
    result.latency = Duration::from_millis(TOOK.unsigned_abs());
    result.outcome = if want == Want::Bad { Outcome::Bad(Reason::Status) } else { Outcome::Good };
    let mut effects = Vec::new();
    ledger.apply(Event::Started { check, at, recheck }, &mut effects);
    ledger.apply(Event::Finished { check, result: Box::new(result) }, &mut effects);
    let mut again = None;
    for effect in effects {
        match effect {
            Effect::Told { told, .. } => history.tell(0, told.past, told.to, told.ahead),
            Effect::Recheck(recheck) => again = Some(recheck.at.as_millis()),
            _ => {}
        }
    }
    again
}

fn seconds(millis: i64) -> f64 {
    f64::from(i32::try_from(millis).unwrap()) / 1e3
}

/// One outage of so many seconds in each of many hours; the means of what is measured, with and without holding rechecks.
fn outages_of(shortest: u64, longest: u64) -> [Mean; 2] {
    let (world, mut errors) = (World::new(), [Vec::new(), Vec::new()]);
    for seed in 0..3_000 {
        let mut draw = Stream::new(seed, "estimator");
        let mut drawn = |bound: u64| i64::try_from(draw.below(bound)).unwrap();
        let first = drawn(INTERVAL.unsigned_abs());
        let lasts = i64::try_from(shortest * 1_000).unwrap() + drawn((longest - shortest) * 1_000);
        let begins = first + 300_000 + drawn(600_000);
        let bad = world.watch(first, 60, |at| begins <= at && at < begins + lasts);
        for (errors, bad) in errors.iter_mut().zip(bad) {
            errors.push(seconds(bad - lasts));
        }
    }
    errors.map(|errors| Mean::of(&errors))
}

#[test]
fn short_and_long_outages_are_measured_without_bias() {
    for (shortest, longest) in [(1, 20), (10, 11), (25, 90), (200, 600)] {
        let [measured, held] = outages_of(shortest, longest);
        assert!(measured.is(0.0), "{shortest} to {longest} s: off by {measured:?} s");
        // Two rechecks shrink what is over before the next due time; of what lasts, they only blur the ends.
        let shrinks = longest < 25;
        assert!(!shrinks || !held.is(0.0), "{shortest} to {longest} s may be held: {held:?} s");
    }
}

#[test]
fn a_failure_in_a_hundred_reads_as_one_percent() {
    let (world, mut shares) = (World::new(), [Vec::new(), Vec::new()]);
    for seed in 0..200 {
        let mut draw = Stream::new(seed, "one percent");
        let bad = world.watch(0, 400, |_| draw.chance(10));
        for (shares, bad) in shares.iter_mut().zip(bad) {
            shares.push(seconds(bad) / seconds(400 * INTERVAL));
        }
    }
    let [measured, held] = shares.map(|shares| Mean::of(&shares));
    assert!(measured.is(0.01), "{measured:?}");
    assert!(!held.is(0.01), "rechecks may be held: {held:?}");
    assert!((0.001..0.003).contains(&held.mean), "{held:?}");
}
