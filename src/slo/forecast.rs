//! When the budget will be used up (slo.md 4.1).
//!
//! The assumption is one: from now on it goes wrong at a given rate, and no maintenance comes. With it the answer is exact,
//! since it is known when each past outage leaves a rolling window (and when past maintenance does, which gives budget back);
//! a calendar window ends at its boundary. "Never" is an answer, and a frequent one. The rate of
//! [`Course::time_to_exhaustion`] is that of the last hour; of [`Course::downtime_left`], everything bad.
//!
//! It predicts no rate.

use super::budget::{Budget, Policies};
use super::burn::{Burn, WHOLE};
use super::sli::{Meter, Rate};
use super::spans::{Amounts, Timeline, millis};
use super::window::Span;
use std::time::Duration;

/// The stretch whose burn is assumed to go on.
pub const RATE_WINDOW: Duration = Duration::from_hours(1);

/// A budget on its way.
#[derive(Clone, Copy, Debug)]
pub struct Course<'a> {
    /// The time line of the scope.
    pub line: &'a Timeline,
    /// How it is measured.
    pub meter: Meter<'a>,
    /// How unknown time and maintenance count.
    pub policies: Policies,
    /// The window, at now.
    pub span: Span,
    /// What was measured in it so far.
    pub measured: Amounts,
    /// The budget, at now.
    pub budget: Budget,
}

impl Course<'_> {
    /// After how long the budget is used up if it goes on as in the last hour, whose burn this is (over
    /// [`RATE_WINDOW`]); see [`Self::exhausted_after`].
    pub fn time_to_exhaustion(&self, last_hour: Burn) -> Option<Duration> {
        self.exhausted_after(self.meter.rate(last_hour, RATE_WINDOW))
    }

    /// How long everything may be bad from now on: how long a deploy may be down. `None` is until the calendar window ends.
    pub fn downtime_left(&self) -> Option<Duration> {
        self.exhausted_after(self.meter.worst())
    }

    /// After how long nothing is left if it goes wrong at `rate` from now on: zero if that is so already, `None` if that
    /// will never be, or not before a calendar window ends.
    pub fn exhausted_after(&self, rate: Rate) -> Option<Duration> {
        if self.budget.is_exhausted() {
            return Some(Duration::ZERO);
        }
        if rate.bad == 0 || self.budget.eligible == 0 {
            return None;
        }
        // What is spent above the budget, in parts of 10^9 of the unit, times `rate.per`: everything stays whole.
        let over = -self.budget.left_parts() * i128::from(rate.per);
        let entering = i128::from(rate.bad) * i128::from(WHOLE);
        if self.span.rolling {
            return self.as_the_past_leaves(over, entering, rate.per);
        }
        let after = div_ceil(-over, entering);
        let to_come = i128::from(millis(self.span.to, self.span.full_to));
        (after <= to_come).then(|| duration(after))
    }

    /// Follows the stretches out of a rolling window: while one leaves, `over` changes at one speed.
    fn as_the_past_leaves(&self, mut over: i128, entering: i128, per: u64) -> Option<Duration> {
        let allowed = i128::from(WHOLE.saturating_sub(self.budget.target_parts));
        let mut passed = 0;
        for piece in self.line.pieces(self.span.from, self.span.to) {
            let leaving = self.policies.apply(self.meter.amounts(piece.from, piece.to));
            let gone = i128::from(leaving.bad) * i128::from(WHOLE)
                + i128::from(leaving.excluded) * allowed;
            let length = i128::from(piece.millis());
            let change = entering * length - gone * i128::from(per);
            if over + change >= 0 {
                return Some(duration(passed + share(-over, length, change)));
            }
            over += change;
            passed += length;
        }
        None
    }
}

/// `length × part ÷ whole`, rounded up, of a whole that is at least the part.
fn share(part: i128, length: i128, whole: i128) -> i128 {
    match part.checked_mul(length) {
        Some(product) => div_ceil(product, whole),
        // Windows of many years: exact to the speed in whole parts for each millisecond.
        None => div_ceil(part, (whole / length).max(1)).min(length),
    }
}

/// Of numbers that are not negative, by one that is positive.
fn div_ceil(part: i128, whole: i128) -> i128 {
    (part + whole - 1) / whole
}

fn duration(millis: i128) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
