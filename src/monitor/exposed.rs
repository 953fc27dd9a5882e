//! What was counted of a service's exposure, to and from the form in which counts are stored.
//!
//! It is stored among the counts of scopes, under words that no scope has: `exposure` with the states that belong to no side,
//! `exposure:NAME` with the time in which that side was the only one left, `failover_cost`. A provider that a service
//! leaves takes its time with it; one that joins begins at nothing.
//!
//! It counts nothing.

use crate::model::Timestamp;
use crate::slo::history::{Cost, Exposed, History};
use crate::slo::joint::Scope;
use crate::store::record::ScopeCount;

const STATES: &str = "exposure";
const COST: &str = "failover_cost";

fn of_side(provider: &str) -> String {
    format!("{STATES}:{provider}")
}

/// What was counted, as it is stored; nothing of a service with one side and no entry.
pub(super) fn stored(history: &History) -> Vec<ScopeCount> {
    let Some(exposed) = history.exposed() else { return Vec::new() };
    let count = |scope: String, millis, upto: Timestamp| ScopeCount {
        scope,
        millis,
        upto_ms: upto.as_millis(),
        restated_ms: 0,
    };
    let mut counts = Vec::new();
    if exposed.has_sides() {
        let Exposed { both, none, unknown, upto, .. } = *exposed;
        counts.push(count(STATES.to_owned(), [both, none, unknown, 0], upto));
        for (provider, only) in history.judged().iter().zip(&exposed.only) {
            counts.push(count(of_side(provider), [*only, 0, 0, 0], upto));
        }
    }
    counts
        .extend(exposed.cost.map(|cost| count(COST.to_owned(), [cost.millis, 0, 0, 0], cost.upto)));
    counts
}

/// Goes on counting from what was stored; what was never counted is counted from the beginning of the history.
pub(super) fn recall(history: &mut History, stored: &[ScopeCount]) {
    let Some(fresh) = history.exposed() else { return };
    let begun = history.known(Scope::All).0;
    let find = |word: &str| stored.iter().find(|count| count.scope == word);
    let mut exposed = Exposed { upto: begun, ..fresh.clone() };
    if let Some(ScopeCount { millis: [both, none, unknown, _], upto_ms, .. }) = find(STATES) {
        (exposed.both, exposed.none, exposed.unknown) = (*both, *none, *unknown);
        exposed.upto = Timestamp::from_millis(*upto_ms);
        for (provider, only) in history.judged().iter().zip(&mut exposed.only) {
            *only = find(&of_side(provider)).map_or(0, |count| count.millis[0]);
        }
    }
    exposed.cost = exposed.cost.map(|_| match find(COST) {
        Some(count) => {
            Cost { millis: count.millis[0], upto: Timestamp::from_millis(count.upto_ms) }
        }
        None => Cost { millis: 0, upto: begun },
    });
    history.reexpose(exposed);
}
