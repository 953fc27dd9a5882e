//! The numbers of an objective at an instant: everything that is exported, reported and alerted on (interfaces.md 3, 5).
//!
//! [`assess`] is the one way to get them, for the daemon, `replay` and reports alike. A [`Standing`] keeps integers and turns
//! them into floats when asked. For a time objective nothing is allocated and each number is a few binary searches.
//!
//! It does not know whose numbers they are, nor who is told.

use super::budget::{self, Budget, Policies, Ratio};
use super::burn::{self, Burn, TierState, WHOLE};
use super::cadence::Cadence;
use super::forecast::Course;
use super::sli::{self, Meter, Slices};
use super::spans::{Amounts, Timeline};
use super::window::Span;
use crate::model::{
    Objective, ObjectiveKind, ObjectiveStatus, ObjectiveUnit, PeriodPolicy, Tier, TierName,
    Timestamp,
};
use jiff::tz::TimeZone;
use std::time::Duration;

/// Less of the budget than this share, in parts of 10^9, is a risk.
const LITTLE_LEFT_PARTS: u64 = 250_000_000;
/// Burning faster than 1 over this one of the exported windows, a day, is a risk.
const RISK_WINDOW: usize = 5;
/// The one of the exported windows whose burn the forecast goes on with.
const HOUR: usize = 2;
/// Length of a slice when none is given.
const DEFAULT_SLICE: Duration = Duration::from_mins(1);
/// How many tiers there are.
const TIERS: usize = TierName::ALL.len();

/// What an objective is judged by.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The time line of the scope: joined, maintenance laid over, up to the instant of evaluation. For a `latency`
    /// objective good but slow time is bad in it.
    pub timeline: &'a Timeline,
    /// Grid results of the scope's counting checks; only an `events` objective needs them.
    pub cadences: &'a [&'a Cadence],
    /// Failed runs in a stretch, rechecks included, summed over the scope's checks. Asked only of a tier that would fire.
    pub failures: &'a dyn Fn(Timestamp, Timestamp) -> u64,
    /// Milliseconds in a stretch to come in which the whole scope will be under maintenance. Asked only of calendar windows.
    pub future_excluded: &'a dyn Fn(Timestamp, Timestamp) -> u64,
    /// Whether the whole scope is under maintenance now (S17).
    pub suppressed: bool,
}

/// The numbers of an objective at an instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// The window; it ends at the instant of evaluation.
    pub span: Span,
    /// What the amounts are counted in; those of [`ObjectiveUnit::Seconds`] are kept in milliseconds.
    pub unit: ObjectiveUnit,
    /// As measured.
    pub measured: Amounts,
    /// After the policies for unknown time and maintenance: what is shown and charged.
    pub charged: Amounts,
    /// Availability if all unknown time was bad; `None` if there is nothing to judge.
    pub low: Option<Ratio>,
    /// Availability if all unknown time was good.
    pub high: Option<Ratio>,
    /// What may be bad, and what was.
    pub budget: Budget,
    /// Over each of [`burn::WINDOWS`].
    pub burns: [Burn; 7],
    /// By position of their name; `None` where the objective has no such tier, and for a window without tiers.
    pub tiers: Option<[Option<TierState>; TIERS]>,
    /// Whether the whole scope is under maintenance: alerts are shown, not sent.
    pub suppressed: bool,
    /// In one word.
    pub status: ObjectiveStatus,
    /// How long the budget lasts if it burns on as in the last hour; `None` is for ever, or until a calendar window ends.
    pub time_to_exhaustion: Option<Duration>,
    /// How far bad time may be off because old stretches were coalesced, in milliseconds.
    pub max_error: u64,
}

/// The numbers of `objective` at `at`.
pub fn assess(objective: &Objective, zone: &TimeZone, view: &View<'_>, at: Timestamp) -> Standing {
    assess_over(objective, Span::at(objective.window, zone, at), view)
}

/// The numbers of `objective` over a window that the caller has: the same for many objectives, or a finished period.
pub fn assess_over(objective: &Objective, span: Span, view: &View<'_>) -> Standing {
    let at = span.to;
    let course = course(objective, span, view);
    let Course { meter, policies, measured, budget, .. } = course;
    let burns = burn::WINDOWS.map(|window| meter.burn(policies, window, at));
    let own = objective.tiers.as_deref();
    let alerts = burn::tiers(&objective.window, own);
    let over = |window: Duration| {
        let known = burn::WINDOWS.iter().position(|each| *each == window);
        known.map_or_else(|| meter.burn(policies, window, at), |known| burns[known])
    };
    let tiers = alerts.map(|alerts| {
        let mut tiers = [None; TIERS];
        for tier in alerts {
            tiers[tier.name.index()] = Some(state(objective, tier, &over, view, at));
        }
        tiers
    });
    let (low, high) = policies.bounds(measured);
    Standing {
        span,
        unit: sli::unit(objective.kind),
        measured,
        charged: policies.apply(measured),
        low,
        high,
        budget,
        burns,
        tiers,
        suppressed: view.suppressed,
        status: status(objective, measured, &budget, burns[RISK_WINDOW]),
        time_to_exhaustion: course.time_to_exhaustion(burns[HOUR]),
        max_error: view.timeline.uncertainty(span.from, at),
    }
}

/// The budget of `objective` over a window, and all that moves it.
pub(super) fn course<'a>(objective: &Objective, span: Span, view: &View<'a>) -> Course<'a> {
    let meter = meter(objective, span, view);
    let policies = Policies { unknown: objective.unknown, maintenance: objective.maintenance };
    let measured = meter.amounts(span.from, span.to);
    let charged = policies.apply(measured);
    let budget = Budget {
        target_parts: objective.target_parts,
        eligible: charged.total() - charged.excluded + to_come(&meter, span, policies, view),
        spent: charged.bad,
    };
    Course { line: view.timeline, meter, policies, span, measured, budget }
}

fn meter<'a>(objective: &Objective, span: Span, view: &View<'a>) -> Meter<'a> {
    let line = view.timeline;
    match objective.kind {
        ObjectiveKind::Time | ObjectiveKind::Latency => Meter::Time(line),
        ObjectiveKind::Events => Meter::Events(line, view.cadences),
        ObjectiveKind::Slices => {
            let length = objective.slice.unwrap_or(DEFAULT_SLICE).as_millis();
            let length = u64::try_from(length).unwrap_or(u64::MAX).max(1);
            let origin = if span.rolling { Timestamp::default() } else { span.from };
            Meter::Slices(Slices { line, length, origin, at: span.to })
        }
    }
}

/// What a calendar window still has before it, without the maintenance that is known (S15).
fn to_come(meter: &Meter<'_>, span: Span, policies: Policies, view: &View<'_>) -> u64 {
    if span.full_to <= span.to {
        return 0;
    }
    let excluded = match policies.maintenance {
        PeriodPolicy::Exclude => (view.future_excluded)(span.to, span.full_to),
        PeriodPolicy::Good => 0,
    };
    meter.to_come(span.to, span.full_to, excluded)
}

fn state(
    objective: &Objective,
    tier: &Tier,
    over: &impl Fn(Duration) -> Burn,
    view: &View<'_>,
    at: Timestamp,
) -> TierState {
    let (long, short) = (over(tier.long), over(tier.short));
    let fast = |burn: Burn| burn.exceeds(tier.factor_millionths, objective.target_parts);
    let back = i64::try_from(tier.long.as_millis()).unwrap_or(i64::MAX);
    let failed = || (view.failures)(at.shifted(-back), at) >= u64::from(objective.min_failures);
    TierState {
        name: tier.name,
        severity: tier.severity,
        factor_millionths: tier.factor_millionths,
        long,
        short,
        active: fast(long) && fast(short) && failed(),
    }
}

/// The worst that is certain comes first: a spent budget stays spent, whatever is not known.
fn status(objective: &Objective, measured: Amounts, budget: &Budget, day: Burn) -> ObjectiveStatus {
    let Some(coverage) = budget::coverage(measured).filter(|share| share.part > 0) else {
        return ObjectiveStatus::NoData;
    };
    let little = budget.remaining().is_some_and(|left| left.is_below(LITTLE_LEFT_PARTS));
    if budget.is_exhausted() {
        ObjectiveStatus::Exhausted
    } else if little || day.exceeds(1_000_000, objective.target_parts) {
        ObjectiveStatus::AtRisk
    } else if coverage.is_below(objective.min_coverage_parts) {
        ObjectiveStatus::Partial
    } else {
        ObjectiveStatus::Ok
    }
}

impl Standing {
    /// The instant of evaluation.
    pub const fn at(&self) -> Timestamp {
        self.span.to
    }

    /// The share of known time that was good; `None` if nothing is known.
    pub fn availability(&self) -> Option<Ratio> {
        budget::availability(self.charged)
    }

    /// The share of the window so far that was observed, before policies; `None` if all of it was excluded.
    pub fn coverage(&self) -> Option<Ratio> {
        budget::coverage(self.measured)
    }

    /// The objective as a share.
    #[expect(clippy::cast_precision_loss, reason = "the edge of export")]
    pub fn objective(&self) -> f64 {
        self.budget.target_parts as f64 / WHOLE as f64
    }

    /// An amount in the unit: seconds of milliseconds, or a count as it is.
    #[expect(clippy::cast_precision_loss, reason = "the edge of export; exact up to 2^53 ms")]
    pub fn in_unit(&self, amount: u64) -> f64 {
        amount as f64 / self.unit_size()
    }

    /// The window so far, in the unit.
    pub fn elapsed(&self) -> f64 {
        self.in_unit(self.charged.total())
    }

    /// The budget, in the unit.
    pub fn budget_total(&self) -> f64 {
        self.budget.total(self.unit_size())
    }

    /// What is left of it, in the unit; negative when it is overdrawn.
    pub fn budget_left(&self) -> f64 {
        self.budget.left(self.unit_size())
    }

    /// What is left by what there was; `None` if there is no budget because everything is excluded.
    pub fn budget_remaining(&self) -> Option<f64> {
        self.budget.remaining().map(Ratio::as_f64)
    }

    /// Burn rates with the words of their windows, in order.
    pub fn burn_rates(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let rates = self.burns.map(|burn| burn.rate(self.budget.target_parts));
        burn::WINDOW_WORDS.into_iter().zip(rates)
    }

    /// The tiers in order, `None` for a window without them.
    pub fn alerts(&self) -> Option<impl Iterator<Item = &TierState>> {
        self.tiers.as_ref().map(|tiers| tiers.iter().flatten())
    }

    fn unit_size(&self) -> f64 {
        if self.unit == ObjectiveUnit::Seconds { 1e3 } else { 1.0 }
    }
}

#[cfg(test)]
mod tests;
