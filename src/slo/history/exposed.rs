//! How many sides were able to serve, of one service: over any window, and counted as it happened.
//!
//! Counting follows what the checks are told of, as in [`super::counted`]: never beyond where all of them are settled, and
//! nothing is taken back, whatever maintenance is announced later. The failover cost goes as far as the entry's check too.
//! A service with one side and no entry has neither, and costs a word.
//!
//! What the states mean is said in [`crate::slo::exposure`].

use super::{History, Lens};
use crate::model::Timestamp;
use crate::slo::exposure::Exposure;
use crate::slo::joint::{Part, Scheme, Scope};
use std::sync::Arc;

/// What was counted of a service as it happened, in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exposed {
    /// At least two sides were able.
    pub both: u64,
    /// Exactly this one, for each of [`History::judged`]; empty where there is one side only.
    pub only: Box<[u64]>,
    /// No side.
    pub none: u64,
    /// Not known which of these.
    pub unknown: u64,
    /// Up to where these are counted.
    pub upto: Timestamp,
    /// The entry was bad while some side was able; `None` without an entry.
    pub cost: Option<Cost>,
}

/// What failing over has cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Milliseconds.
    pub millis: u64,
    /// Up to where it is counted.
    pub upto: Timestamp,
}

impl Exposed {
    /// Of a service of which nothing is counted; `None` if there is nothing to count.
    pub(super) fn new(scheme: &Scheme, begun: Timestamp) -> Option<Box<Self>> {
        let sides = scheme.judged().len();
        let cost = scheme.entry.map(|_| Cost { millis: 0, upto: begun });
        let only = vec![0; if sides > 1 { sides } else { 0 }].into();
        (sides > 1 || cost.is_some())
            .then(|| Box::new(Self { only, upto: begun, cost, ..Self::default() }))
    }

    /// Whether there is more than one side, so that there is exposure at all.
    pub fn has_sides(&self) -> bool {
        !self.only.is_empty()
    }

    /// All that is counted by state; the time since counting began.
    pub fn elapsed(&self) -> u64 {
        self.both + self.only.iter().sum::<u64>() + self.none + self.unknown
    }
}

impl History {
    /// The providers of the sides that are counted, in the order of the scheme.
    pub fn judged(&self) -> Vec<Arc<str>> {
        let name = |side: usize| Arc::clone(&self.scheme.sides[side].provider);
        self.scheme.judged().into_iter().map(name).collect()
    }

    /// How many sides were able over `[from, to)`, as far as is known now and with all maintenance that is known now; `None`
    /// of a service with one side and no entry.
    pub fn exposure(&self, from: Timestamp, to: Timestamp) -> Option<Exposure> {
        self.exposed.as_ref()?;
        Some(self.swept(from, to))
    }

    fn swept(&self, from: Timestamp, to: Timestamp) -> Exposure {
        let scheme = &self.scheme;
        let mut exposure = Exposure::new(scheme.judged().len(), scheme.entry.is_some());
        exposure.slack = self.with_parts(Lens::Availability, from, to, |parts| {
            scheme.sweep(parts, from, to, &mut |moment| exposure.add(moment))
        });
        exposure
    }

    /// Does `act` with the line and the maintenance of every check over `[from, to)`.
    pub(super) fn with_parts<T>(
        &self,
        lens: Lens,
        from: Timestamp,
        to: Timestamp,
        act: impl FnOnce(&[Part<'_>]) -> T,
    ) -> T {
        let lines: Vec<_> = self.checks.iter().map(|check| check.tail(lens, from, to)).collect();
        let closed: Vec<_> =
            self.checks.iter().map(|check| check.excluded(&self.zone, from, to)).collect();
        let parts: Vec<_> = (0..self.checks.len())
            .map(|check| Part {
                line: lines[check].as_ref().unwrap_or_else(|| self.checks[check].line(lens)),
                excluded: &closed[check],
            })
            .collect();
        act(&parts)
    }

    /// What was counted as it happened; `None` of a service with one side and no entry.
    pub fn exposed(&self) -> Option<&Exposed> {
        self.exposed.as_deref()
    }

    /// Goes on counting from where a stored daemon left off.
    pub fn reexpose(&mut self, exposed: Exposed) {
        if let Some(mine) = &mut self.exposed {
            **mine = exposed;
        }
    }

    /// Counts what everything below is told of.
    pub(super) fn count_exposed(&mut self) {
        let Some(exposed) = &self.exposed else { return };
        let reached = self.known(Scope::All).1;
        if exposed.has_sides() && reached > exposed.upto {
            let more = self.swept(exposed.upto, reached);
            let exposed = self.exposed.as_mut().expect("it was there above");
            exposed.both += more.both;
            exposed.none += more.none;
            exposed.unknown += more.unknown;
            for (only, more) in exposed.only.iter_mut().zip(more.only) {
                *only += more;
            }
            exposed.upto = reached;
        }
        let reached = reached.min(self.known(Scope::Entry).1);
        let upto = self.exposed.as_ref().and_then(|exposed| exposed.cost).map(|cost| cost.upto);
        if let Some(upto) = upto.filter(|upto| reached > *upto) {
            let more = self.swept(upto, reached).failover_cost;
            let exposed = self.exposed.as_mut().expect("it was there above");
            let millis = exposed.cost.map_or(0, |cost| cost.millis) + more.unwrap_or(0);
            exposed.cost = Some(Cost { millis, upto: reached });
        }
    }

    /// By how much all checks that are counted here have been shifted.
    pub(super) fn exposed_set_by(&self) -> i64 {
        if self.exposed.is_some() { self.set_by(Scope::All) } else { 0 }
    }

    /// The past of a check was shifted; `before` is what [`Self::exposed_set_by`] said before that.
    pub(super) fn shift_exposed(&mut self, before: i64) {
        let by = self.exposed_set_by() - before;
        if let Some(exposed) = &mut self.exposed {
            exposed.upto = exposed.upto.shifted(by);
            if let Some(cost) = &mut exposed.cost {
                cost.upto = cost.upto.shifted(by);
            }
        }
    }
}
