//! Closed calendar periods, frozen as they were when they closed (S18).
//!
//! A period is frozen once everything that counts in it is settled past its end, under the promise in force then; editing
//! the configuration later changes nothing about it. Maintenance that is added or taken back for the past makes a further
//! revision, which says why. What was missed while the daemon was away is made up for, as far as history reaches.
//!
//! It decides when; the numbers are the engine's, and keeping them is the store's.

use super::book::Book;
use super::form::StandingForm;
use crate::model::{Objective, Timestamp};
use crate::slo::calendar::{Period, Unit};
use crate::slo::window::Span;
use crate::store::{self, FrozenPeriod};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long after its end a period waits for checks that are not settled past it, then it is frozen as it is known.
const WAIT_AT_MOST: Duration = Duration::from_hours(1);

/// Periods that are made up for at most, of each promise.
const MAKE_UP: usize = 36;

/// Which periods are frozen.
#[derive(Debug, Default)]
pub(super) struct Freezer {
    /// By service and promise: the newest revision of each period, by its beginning.
    frozen: BTreeMap<(String, String), BTreeMap<i64, Frozen>>,
}

#[derive(Clone, Debug)]
struct Frozen {
    period: Period,
    to: Timestamp,
    revision: u32,
}

impl Freezer {
    /// Knows what is stored.
    pub(super) fn new(stored: &[FrozenPeriod]) -> Self {
        let mut freezer = Self::default();
        for each in stored {
            // A label that this version does not read cannot be revised; it stays as it is.
            let Ok(period) = Period::parse(&each.period) else { continue };
            let to = Timestamp::from_millis(each.to_ms);
            let frozen = Frozen { period, to, revision: each.revision };
            let key = (each.service.clone(), each.slo.clone());
            freezer.frozen.entry(key).or_default().insert(each.from_ms, frozen);
        }
        freezer
    }

    /// A service has another name now.
    pub(super) fn rename(&mut self, old: &str, new: &str) {
        let periods: Vec<_> =
            self.frozen.extract_if(.., |(service, _), _| service == old).collect();
        for ((_, slo), periods) in periods {
            self.frozen.insert((new.to_owned(), slo), periods);
        }
    }

    /// The periods of a service that are closed at `now` and not frozen yet, frozen.
    pub(super) fn close(
        &mut self,
        service: usize,
        now: Timestamp,
        book: &Book,
    ) -> Vec<store::Period> {
        let (name, objectives) = {
            let service = &book.services()[service];
            (service.name.to_string(), &service.objectives)
        };
        let mut made = Vec::new();
        for objective in objectives {
            let Some(unit) = Unit::of(objective.window) else { continue };
            let key = (name.clone(), objective.name.to_string());
            let frozen = self.frozen.entry(key).or_default();
            for period in missing(frozen, unit, service, objective, book, now) {
                let (from, to) = book.with(service, |history| period.bounds(history.zone()));
                made.extend(freeze(period, service, objective, 1, "closed", now, book));
                frozen.insert(from.as_millis(), Frozen { period, to, revision: 1 });
            }
        }
        made
    }

    /// The frozen periods of a service that touch `[from, to)`, frozen anew.
    pub(super) fn revise(
        &mut self,
        service: usize,
        (from, to): (Timestamp, Timestamp),
        why: &str,
        now: Timestamp,
        book: &Book,
    ) -> Vec<store::Period> {
        let mut made = Vec::new();
        for objective in &book.services()[service].objectives {
            let key = (book.services()[service].name.to_string(), objective.name.to_string());
            let touched = self.frozen.get_mut(&key).into_iter().flatten();
            let touched =
                touched.filter(|(begins, frozen)| **begins < to.as_millis() && frozen.to > from);
            for (_, frozen) in touched {
                frozen.revision += 1;
                let (period, revision) = (frozen.period, frozen.revision);
                made.extend(freeze(period, service, objective, revision, why, now, book));
            }
        }
        made
    }
}

/// The periods before `now` that are known of, settled and not frozen, the oldest first.
fn missing(
    frozen: &BTreeMap<i64, Frozen>,
    unit: Unit,
    service: usize,
    objective: &Objective,
    book: &Book,
    now: Timestamp,
) -> Vec<Period> {
    book.with(service, |history| {
        let scope = history.scope_of(objective);
        let (known_from, known_to) = history.known(scope);
        let mut missing = Vec::new();
        let mut period = Period::at(unit, history.zone(), now);
        while missing.len() < MAKE_UP {
            period = period.previous();
            let (from, to) = period.bounds(history.zone());
            let is_frozen = frozen.get(&from.as_millis()).is_some_and(|each| each.period == period);
            if to <= known_from || is_frozen {
                break;
            }
            if known_to >= to || now >= to + WAIT_AT_MOST {
                missing.push(period);
            }
        }
        missing.reverse();
        missing
    })
}

/// The standing of every scope over a period.
fn freeze(
    period: Period,
    service: usize,
    objective: &Objective,
    revision: u32,
    why: &str,
    now: Timestamp,
    book: &Book,
) -> Vec<store::Period> {
    let name = &book.services()[service].name;
    book.with(service, |history| {
        let span = Span::whole(&period, history.zone());
        let scopes: Vec<_> = history.scopes().collect();
        let one = |scope| {
            let standing = history.standing_over(objective, scope, span);
            let label = period.label();
            let scheme = history.scheme();
            let form = StandingForm::new(name, scheme, objective, scope, &label, &standing);
            store::Period {
                service: name.to_string(),
                slo: objective.name.to_string(),
                scope: scheme.word(scope),
                provider: scheme.provider(scope).to_owned(),
                period: label,
                from_ms: span.from.as_millis(),
                to_ms: span.to.as_millis(),
                revision,
                made_ms: now.as_millis(),
                why: why.to_owned(),
                standing: serde_json::to_string(&form).expect("a form is plain data"),
            }
        };
        scopes.into_iter().map(one).collect()
    })
}

#[cfg(test)]
mod tests;
