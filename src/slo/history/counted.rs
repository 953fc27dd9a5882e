//! What was counted of each scope as it happened: for counters, which never take anything back (S6, S19).
//!
//! Counting follows what the checks of a scope are told of. A clock that is set moves the place up to which is counted
//! together with history, once all of them have moved, so that neither a second is lost or counted twice, nor does it matter
//! whether a run was taken in live or from the journal.
//!
//! Numbers that maintenance after the fact may change are those of standings.

use super::{History, Lens};
use crate::model::Timestamp;
use crate::slo::joint::Scope;
use crate::slo::spans::Amounts;

/// What was counted of a scope as it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The scope.
    pub scope: Scope,
    /// Milliseconds by what they were when they were counted.
    pub millis: Amounts,
    /// Up to where.
    pub upto: Timestamp,
    /// By how many bad milliseconds edits after the fact have changed history since.
    pub restated: i64,
}

impl History {
    /// Keeps joined what everything below is told of, and counts it.
    pub fn advance(&mut self) {
        self.count_exposed();
        for position in 0..self.counted.len() {
            let Counted { scope, upto, .. } = self.counted[position];
            let line = self.joined(scope, Lens::Availability);
            let (amounts, reached) = (line.amounts(upto, line.upto()), line.upto());
            let counted = &mut self.counted[position];
            if reached > counted.upto {
                counted.millis = counted.millis + amounts;
                counted.upto = reached;
            }
        }
    }

    /// What was counted of every scope as it happened.
    pub fn counted(&self) -> &[Counted] {
        &self.counted
    }

    /// Goes on counting a scope from where a stored daemon left off.
    pub fn recount(&mut self, counted: Counted) {
        if let Some(mine) = self.counted.iter_mut().find(|mine| mine.scope == counted.scope) {
            *mine = counted;
        }
    }

    /// Bad milliseconds of a scope up to where it is counted, as history has it now.
    pub(super) fn bad_until(&self, counted: &Counted) -> i64 {
        let line = self.line(counted.scope, Lens::Availability, counted.upto);
        i64::try_from(line.amounts(line.kept_from(), counted.upto).bad).unwrap_or(i64::MAX)
    }

    /// By how much all checks of a scope have been shifted.
    pub(super) fn set_by(&self, scope: Scope) -> i64 {
        let shifts = self.below(scope).into_iter().map(|check| self.checks[check].set_by);
        shifts.max().unwrap_or(0)
    }

    /// The past of a check was shifted; `before` is what [`Self::set_by`] said before that.
    pub(super) fn shift_counted(&mut self, before: &[i64]) {
        for (position, before) in before.iter().enumerate() {
            let by = self.set_by(self.counted[position].scope) - before;
            let counted = &mut self.counted[position];
            counted.upto = counted.upto.shifted(by);
        }
    }
}
