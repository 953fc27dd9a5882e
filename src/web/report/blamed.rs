//! What a budget went on: the bad time of a scope, split by whose outage it lies in.
//!
//! A scope with outages of its own (entry, any, a side) is split by those; one without (all, k of n) by those of the service.
//! Bad time that no confirmed outage holds is `unconfirmed`, that of an outage whose blame was never decided `undecided`, and
//! unknown time that a promise charges as bad is `unknown`. The parts add up to the bad seconds of the scope before the
//! policy for what is frozen.
//!
//! Blame itself is found elsewhere.

use super::form::BlamePart;
use crate::model::{Blame, ObjectiveUnit, Timestamp, UnknownPolicy};
use crate::monitor::form::Number;
use crate::monitor::outages::Outage;
use crate::slo::spans::Timeline;
use crate::slo::split::{Blamed, split};
use crate::slo::standing::Standing;

/// The parts of a scope's bad time, the largest first.
pub(super) fn parts(
    line: &Timeline,
    standing: &Standing,
    unknown: UnknownPolicy,
    scope: &str,
    outages: &[&(String, Outage)],
) -> Vec<BlamePart> {
    let (from, to) = (standing.span.from, standing.span.to);
    let has_own = matches!(scope, "entry" | "any") || scope.starts_with("provider:");
    let about = outages.iter().map(|(_, outage)| outage);
    let about = about.filter(|outage| !has_own || *outage.scope == *scope);
    let blamed: Vec<Blamed<Option<Blame>>> = about
        .map(|outage| Blamed {
            from: outage.started,
            to: outage.ended.unwrap_or(Timestamp::from_millis(i64::MAX)),
            blame: outage.blame,
        })
        .collect();
    let found = split(line, (from, to), &blamed);
    let mut parts: Vec<(&str, u64)> = found
        .into_iter()
        .map(|(blame, millis)| match blame {
            None => ("unconfirmed", millis),
            Some(None) => ("undecided", millis),
            Some(Some(blame)) => (blame.as_str(), millis),
        })
        .collect();
    if unknown == UnknownPolicy::Bad {
        parts.push(("unknown", line.amounts(from, to).unknown));
    }
    parts.retain(|(_, millis)| *millis > 0);
    parts.sort_by_key(|(word, millis)| (std::cmp::Reverse(*millis), *word));
    let is_time = standing.unit == ObjectiveUnit::Seconds;
    let budget = standing.budget_total();
    let share =
        |millis: u64| (is_time && budget > 0.0).then(|| Number(Number::seconds(millis).0 / budget));
    let part = |(blame, millis): (&str, u64)| BlamePart {
        blame: blame.to_owned(),
        bad_s: Number::seconds(millis),
        of_budget: share(millis),
    };
    parts.into_iter().map(part).collect()
}
