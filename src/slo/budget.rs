//! What may be bad, what was, and what is left (slo.md 1.4, 1.5; S15, S16).
//!
//! The budget is a share of the *nominal* window less its maintenance, not of what happened to be observed, and nothing is
//! clamped: −7.33 budgets left is information. Everything is an exact ratio of integers in milliseconds (or counts) and parts
//! of 10^9; a number becomes a float at the edge of export only. A number that does not exist is `None`.
//!
//! It does not measure: amounts come from `sli`.

use super::burn::WHOLE;
use super::spans::Amounts;
use crate::model::{PeriodPolicy, UnknownPolicy};

/// A share of two integers, exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    /// The part; negative for an overdrawn budget.
    pub part: i128,
    /// The whole; above 0.
    pub whole: i128,
}

impl Ratio {
    /// `part` of `whole`; `None` of nothing.
    pub fn of(part: u64, whole: u64) -> Option<Self> {
        (whole > 0).then(|| Self { part: part.into(), whole: whole.into() })
    }

    /// For export.
    #[expect(clippy::cast_precision_loss, reason = "the edge of export")]
    pub fn as_f64(self) -> f64 {
        self.part as f64 / self.whole as f64
    }

    /// Whether it is below `parts` of 10^9.
    pub fn is_below(self, parts: u64) -> bool {
        self.part * i128::from(WHOLE) < self.whole * i128::from(parts)
    }
}

/// What policies make of the measured amounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policies {
    /// How unknown time counts.
    pub unknown: UnknownPolicy,
    /// How maintenance counts.
    pub maintenance: PeriodPolicy,
}

impl Policies {
    /// The amounts as they are charged and shown; their sum stays the same.
    pub fn apply(self, measured: Amounts) -> Amounts {
        let mut amounts = self.without_unknown(measured);
        let unknown = std::mem::take(&mut amounts.unknown);
        match self.unknown {
            UnknownPolicy::Exclude => amounts.unknown = unknown,
            UnknownPolicy::Bad => amounts.bad += unknown,
            UnknownPolicy::Good => amounts.good += unknown,
        }
        amounts
    }

    /// The amounts after the policy for maintenance alone.
    fn without_unknown(self, measured: Amounts) -> Amounts {
        match self.maintenance {
            PeriodPolicy::Exclude => measured,
            PeriodPolicy::Good => {
                Amounts { good: measured.good + measured.excluded, excluded: 0, ..measured }
            }
        }
    }

    /// Availability if all unknown time was bad, and if it was good; `None` when nothing is left to judge. The policy for
    /// unknown time changes neither.
    pub fn bounds(self, measured: Amounts) -> (Option<Ratio>, Option<Ratio>) {
        let amounts = self.without_unknown(measured);
        let whole = amounts.known() + amounts.unknown;
        (Ratio::of(amounts.good, whole), Ratio::of(amounts.good + amounts.unknown, whole))
    }
}

/// The share of known time that was good; `None` if nothing is known.
pub fn availability(amounts: Amounts) -> Option<Ratio> {
    Ratio::of(amounts.good, amounts.known())
}

/// The share of what was to be observed that was, before policies; `None` if all of it was excluded.
pub fn coverage(measured: Amounts) -> Option<Ratio> {
    Ratio::of(measured.known(), measured.total() - measured.excluded)
}

/// What may be bad in a window, and what was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The objective, in parts of 10^9.
    pub target_parts: u64,
    /// The whole window without its maintenance, in milliseconds or counts.
    pub eligible: u64,
    /// What was bad.
    pub spent: u64,
}

impl Budget {
    /// The budget, in parts of 10^9 of a millisecond or count.
    pub fn total_parts(&self) -> i128 {
        i128::from(WHOLE.saturating_sub(self.target_parts)) * i128::from(self.eligible)
    }

    /// What is left of it, in the same parts; negative when it is overdrawn.
    pub fn left_parts(&self) -> i128 {
        self.total_parts() - i128::from(self.spent) * i128::from(WHOLE)
    }

    /// What is left by what there was; `None` when there was nothing, because all of the window is excluded.
    pub fn remaining(&self) -> Option<Ratio> {
        let whole = self.total_parts();
        (whole > 0).then(|| Ratio { part: self.left_parts(), whole })
    }

    /// Whether nothing is left, to the last part; false when there is no budget because all is excluded.
    pub fn is_exhausted(&self) -> bool {
        self.remaining().is_some_and(|left| left.part <= 0)
    }

    /// The budget in the unit of export, which is so many milliseconds or counts.
    pub fn total(&self, unit: f64) -> f64 {
        in_units(self.total_parts(), unit)
    }

    /// What is left in the unit of export.
    pub fn left(&self, unit: f64) -> f64 {
        in_units(self.left_parts(), unit)
    }
}

#[expect(clippy::cast_precision_loss, reason = "the edge of export")]
fn in_units(parts: i128, unit: f64) -> f64 {
    parts as f64 / (WHOLE as f64 * unit)
}

#[cfg(test)]
mod tests;
