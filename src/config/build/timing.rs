//! When a check runs and how long its results hold: inherited, defaulted, and compared with each other.
//!
//! Defaults follow the interval where they must: nobody who writes `interval = "2s"` has to write a timeout too.
//!
//! It does not know what the probe does.

use super::{DEFAULT_IP, DEFAULT_PICK};
use crate::config::decode::Context;
use crate::config::problem::{Kind, Problem};
use crate::config::resolve::{Held, Origin, Plan, Site};
use crate::config::source::Place;
use crate::model::{IpChoice, Pick, Shape, human_duration};
use std::time::Duration;

/// Nobody is asked more often.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
/// The grid when nobody says one.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);
/// The deadline and the wait before a recheck when nobody says them.
const DEFAULT_WAIT: Duration = Duration::from_secs(5);
/// Rechecks that follow faster would be a flood.
const SHORTEST_RECHECK: Duration = Duration::from_millis(100);
/// A result has to hold for longer than the interval by this, because the next run may start that late.
const LATE_START: Duration = Duration::from_secs(1);
/// Equal results in a row when nobody says how many.
const DEFAULT_CONFIRM: u32 = 2;

/// What the schedule needs of a check for which nobody has said anything.
pub(in crate::config) const DEFAULT_SHAPE: Shape = Shape {
    interval: DEFAULT_INTERVAL,
    timeout: DEFAULT_WAIT,
    recheck: DEFAULT_WAIT,
    hold: DEFAULT_INTERVAL.saturating_mul(2),
    confirm: DEFAULT_CONFIRM,
};

/// Every setting of a check that does not depend on its protocol.
#[derive(Debug)]
pub(in crate::config) struct Timing<'a> {
    pub(in crate::config) interval: Held<'a, Duration>,
    pub(in crate::config) timeout: Held<'a, Duration>,
    pub(in crate::config) recheck: Held<'a, Duration>,
    pub(in crate::config) hold: Held<'a, Duration>,
    pub(in crate::config) confirm: Held<'a, u32>,
    pub(in crate::config) ip: Held<'a, IpChoice>,
    pub(in crate::config) pick: Held<'a, Pick>,
    pub(in crate::config) slow_after: Option<Held<'a, Duration>>,
    pub(in crate::config) max_latency: Option<Held<'a, Duration>>,
    pub(in crate::config) counts: Held<'a, bool>,
}

/// What holds for `plan` on `site`.
pub(in crate::config) fn timing<'a>(site: &Site<'a>, plan: &Plan<'a>) -> Timing<'a> {
    let interval = site
        .inherited(plan, |layer| &layer.interval)
        .unwrap_or_else(|| Held::default(DEFAULT_INTERVAL));
    let every = interval.value;
    let wait = DEFAULT_WAIT.min(every);
    Timing {
        timeout: site
            .inherited(plan, |layer| &layer.timeout)
            .unwrap_or_else(|| Held::default(wait)),
        recheck: site
            .inherited(plan, |layer| &layer.recheck)
            .unwrap_or_else(|| Held::default(wait)),
        hold: site
            .inherited(plan, |layer| &layer.hold)
            .unwrap_or_else(|| Held::default(every.saturating_mul(2))),
        confirm: site
            .inherited(plan, |layer| &layer.confirm)
            .unwrap_or_else(|| Held::default(DEFAULT_CONFIRM)),
        ip: site.inherited(plan, |layer| &layer.ip).unwrap_or_else(|| Held::default(DEFAULT_IP)),
        pick: site
            .inherited(plan, |layer| &layer.pick)
            .unwrap_or_else(|| Held::default(DEFAULT_PICK)),
        slow_after: site.inherited(plan, |layer| &layer.slow_after),
        max_latency: site.inherited(plan, |layer| &layer.max_latency),
        counts: site.inherited(plan, |layer| &layer.counts).unwrap_or_else(|| Held::default(true)),
        interval,
    }
}

impl Timing<'_> {
    /// What the schedule needs of it.
    pub(in crate::config) fn shape(&self) -> Shape {
        Shape {
            interval: self.interval.value,
            timeout: self.timeout.value,
            recheck: self.recheck.value,
            hold: self.hold.value,
            confirm: self.confirm.value,
        }
    }

    /// Whether the settings go together; what does not is reported.
    pub(in crate::config) fn check(&self, context: Context<'_>, plan: &Plan<'_>) -> bool {
        let text = human_duration;
        let mut faults = self.too_small(plan);
        let (every, limit) = (&self.interval, &self.timeout);
        if limit.value > every.value {
            let said = format!(
                "a timeout of `{}` is longer than the interval of `{}`",
                text(limit.value),
                text(every.value)
            );
            let problem = self
                .about(Kind::TimeoutLongerThanInterval, "timeout", limit, plan, said)
                .hint("a run must end before the next is due");
            faults.push(with(problem, every, "the interval"));
        }
        if self.recheck.value > every.value {
            let said = format!(
                "a recheck after `{}` is later than the next run after `{}`",
                text(self.recheck.value),
                text(every.value)
            );
            let problem =
                self.about(Kind::RecheckLongerThanInterval, "recheck", &self.recheck, plan, said);
            faults.push(with(problem, every, "the interval"));
        }
        let room = self.hold.value.checked_sub(every.value);
        if every.value >= SHORTEST_INTERVAL && room.is_none_or(|room| room < LATE_START) {
            let said = format!(
                "a result that holds for `{}` may end before the next one, due after `{}`, has begun",
                text(self.hold.value),
                text(every.value)
            );
            let problem = self
                .about(Kind::HoldShorterThanInterval, "hold", &self.hold, plan, said)
                .hint("the time between would be unknown; twice the interval is usual");
            faults.push(with(problem, every, "the interval"));
        }
        faults.extend(self.latency_fault(plan));
        let sound = faults.is_empty();
        for fault in faults {
            context.sink.report(fault);
        }
        self.slow_warning(context, plan);
        sound
    }

    /// Values that are too small, whatever stands beside them.
    fn too_small(&self, plan: &Plan<'_>) -> Vec<Problem> {
        let text = human_duration;
        let limit = &self.timeout;
        let mut faults = Vec::new();
        if self.interval.value < SHORTEST_INTERVAL {
            let said = format!("an interval of `{}` is too short", text(self.interval.value));
            let problem =
                self.about(Kind::IntervalTooShort, "interval", &self.interval, plan, said);
            faults.push(problem.expected("`1s` or longer"));
        }
        if limit.value.is_zero() {
            let said = "a timeout of zero leaves no time to look".to_owned();
            faults.push(self.about(Kind::OutOfRange, "timeout", limit, plan, said));
        }
        if self.recheck.value < SHORTEST_RECHECK {
            let said = format!("a recheck after `{}` is too soon", text(self.recheck.value));
            let problem = self.about(Kind::OutOfRange, "recheck", &self.recheck, plan, said);
            faults.push(problem.expected("`100ms` or longer"));
        }
        faults
    }

    fn latency_fault(&self, plan: &Plan<'_>) -> Option<Problem> {
        let hard = self.max_latency.as_ref().filter(|hard| hard.value >= self.timeout.value)?;
        let said = format!(
            "`max_latency = \"{}\"` can never be passed: the timeout is `{}`",
            human_duration(hard.value),
            human_duration(self.timeout.value)
        );
        let problem = self.about(Kind::MaxLatencyBeyondTimeout, "max_latency", hard, plan, said);
        Some(with(problem, &self.timeout, "the timeout"))
    }

    fn slow_warning(&self, context: Context<'_>, plan: &Plan<'_>) {
        let Some(soft) = &self.slow_after else { return };
        let hard = self.max_latency.as_ref().filter(|hard| hard.value < self.timeout.value);
        let (limit, word) = hard.map_or((&self.timeout, "timeout"), |hard| (hard, "max_latency"));
        if soft.value >= limit.value {
            let said = format!(
                "`slow_after = \"{}\"` can never be passed: `{word}` is `{}`",
                human_duration(soft.value),
                human_duration(limit.value)
            );
            let problem = self.about(Kind::SlowAfterUnreachable, "slow_after", soft, plan, said);
            context.sink.report(with(problem, limit, &format!("`{word}`")));
        }
    }

    fn about<T>(
        &self,
        kind: Kind,
        key: &str,
        held: &Held<'_, T>,
        plan: &Plan<'_>,
        said: String,
    ) -> Problem {
        match held.origin {
            Origin::Said { table, place } => {
                Problem::new(kind, format!("{table}.{key}"), place, said)
            }
            // A default is only wrong because of a value beside it.
            Origin::Default => {
                let place = said_place(&self.interval).unwrap_or(plan.usage.name.place);
                Problem::new(kind, format!("{}.{key}", plan.probe.settings.path), place, said)
            }
        }
    }
}

fn said_place<T>(held: &Held<'_, T>) -> Option<Place> {
    match held.origin {
        Origin::Said { place, .. } => Some(place),
        Origin::Default => None,
    }
}

/// Adds the place of the other value, or that it is the default.
fn with<T>(problem: Problem, other: &Held<'_, T>, word: &str) -> Problem {
    if let Some(place) = said_place(other) {
        return problem.also(place, format!("{word} is given here"));
    }
    let label = format!("{word} is the default");
    problem.label(label)
}
