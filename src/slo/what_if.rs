//! What an outage that begins now would do to a promise: "15 minutes, and then?", "how long may the deploy be down?".
//!
//! The outage is appended to a copy of the time line, and the copy is judged like any other; so the answer is that of the
//! day on which it happens. Another objective on the same history needs nothing from here: `assess` it.
//!
//! It changes nothing that is kept.

use super::cadence::Cadence;
use super::spans::{What, millis};
use super::standing::{Standing, View, assess, course};
use super::window::Span;
use crate::model::{Cause, Objective, Timestamp};
use jiff::tz::TimeZone;
use std::time::Duration;

/// How `objective` would stand after everything was bad for `outage` from `at` on, with a failed run every `interval`.
pub fn after_outage(
    objective: &Objective,
    zone: &TimeZone,
    view: &View<'_>,
    at: Timestamp,
    outage: Duration,
    interval: Duration,
) -> Standing {
    let then = at + outage;
    let mut line = view.timeline.clone();
    line.append(What::Unknown(Cause::Overloaded), at);
    line.append(What::Bad(None), then);
    let longer = |cadence: &&Cadence| cadence.with_run(at, then);
    let cadences: Vec<Cadence> = view.cadences.iter().map(longer).collect();
    let cadences: Vec<&Cadence> = cadences.iter().collect();
    let each = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX).max(1);
    let failures = |from: Timestamp, to: Timestamp| {
        let fresh = millis(from.max(at), to.min(then)).div_ceil(each);
        (view.failures)(from, to.min(at)) + fresh
    };
    let view = View { timeline: &line, cadences: &cadences, failures: &failures, ..*view };
    assess(objective, zone, &view, then)
}

/// How long everything may be bad from `at` on until the budget is used up; zero if it is, `None` if a calendar window
/// ends first.
pub fn downtime_left(
    objective: &Objective,
    zone: &TimeZone,
    view: &View<'_>,
    at: Timestamp,
) -> Option<Duration> {
    course(objective, Span::at(objective.window, zone, at), view).downtime_left()
}

#[cfg(test)]
mod tests;
