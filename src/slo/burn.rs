//! How fast the budget burns, and which alerts that fires (slo.md 1.6, S17; SRE workbook, chapter 5).
//!
//! A burn rate of 1 uses the budget up exactly at the end of the window. It is bad time by the *nominal* length of its own
//! window, whatever was observed in it, so that a start or a maintenance inflates nothing. A tier fires while both of its
//! windows burn faster than its factor: strictly, compared in exact integers. Four tables of tiers serve all windows.
//!
//! It does not measure (`sli` does) and tells nobody.

use crate::model::{AlertKind, ObjectiveWindow, Tier, TierName};
use std::time::Duration;

/// Parts in a whole.
pub const WHOLE: u64 = 1_000_000_000;
/// Factors are written in millionths.
const MILLION: u128 = 1_000_000;
const DAY: Duration = Duration::from_hours(24);

/// The windows over which burn rates are exported.
pub const WINDOWS: [Duration; 7] = [
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(1),
    Duration::from_hours(2),
    Duration::from_hours(6),
    DAY,
    Duration::from_hours(72),
];
/// What they are called in labels and JSON.
pub const WINDOW_WORDS: [&str; 7] = ["5m", "30m", "1h", "2h", "6h", "1d", "3d"];

/// A table of tiers with the usual windows, by its four factors in millionths.
const fn table(factors: [u64; 4]) -> [Tier; 4] {
    const fn tier(name: TierName, long: usize, short: usize, factor: u64) -> Tier {
        let (long, short) = (WINDOWS[long], WINDOWS[short]);
        Tier { name, long, short, factor_millionths: factor, severity: name.severity() }
    }
    [
        tier(TierName::PageFast, 2, 0, factors[0]),
        tier(TierName::PageSlow, 4, 1, factors[1]),
        tier(TierName::TicketFast, 5, 3, factors[2]),
        tier(TierName::TicketSlow, 6, 4, factors[3]),
    ]
}

/// 4 to 10 days: shares of 8, 12.5, 20 and 42.9 %. The shares of 30 days would give factors below 1 here.
static SEVEN_DAYS: [Tier; 4] = table([13_440_000, 3_500_000, 1_400_000, 1_000_000]);
/// 28 days: shares of 2, 5 and 10 %, the last factor raised to 1.
static FOUR_WEEKS: [Tier; 4] = table([13_440_000, 5_600_000, 2_800_000, 1_000_000]);
/// 11 to 45 days and the month: shares of 2, 5, 10 and 10 % of 30 days.
static THIRTY_DAYS: [Tier; 4] = table([14_400_000, 6_000_000, 3_000_000, 1_000_000]);
/// Longer windows, the quarter and the year: the same shares of 90 days.
static NINETY_DAYS: [Tier; 4] = table([43_200_000, 18_000_000, 9_000_000, 3_000_000]);

/// The tiers of a window: its own, else those of its table; `None` for windows up to three days (S17).
pub fn tiers<'a>(window: &ObjectiveWindow, own: Option<&'a [Tier]>) -> Option<&'a [Tier]> {
    if own.is_some() {
        return own;
    }
    let length = match *window {
        ObjectiveWindow::Rolling(length) => length,
        ObjectiveWindow::Day => DAY,
        ObjectiveWindow::Week => DAY * 7,
        ObjectiveWindow::Month => DAY * 30,
        ObjectiveWindow::Quarter => DAY * 91,
        ObjectiveWindow::Year => DAY * 365,
    };
    if length <= DAY * 3 {
        None
    } else if length <= DAY * 10 {
        Some(&SEVEN_DAYS)
    } else if length == DAY * 28 {
        Some(&FOUR_WEEKS)
    } else if length <= DAY * 45 {
        Some(&THIRTY_DAYS)
    } else {
        Some(&NINETY_DAYS)
    }
}

/// Whether the tier can never fire: nothing burns faster than 1 ÷ (1 − objective), so a factor that high is never exceeded.
pub fn is_unreachable(tier: &Tier, target_parts: u64) -> bool {
    let allowed = u128::from(WHOLE.saturating_sub(target_parts));
    u128::from(tier.factor_millionths) * allowed >= MILLION * u128::from(WHOLE)
}

/// The smallest number of failed runs, `interval` apart, that fires the tier when all of them are in both windows and
/// `min_failures` is 1 (slo.md 1.6). Without meaning for a tier that is unreachable.
pub fn failures_to_fire(tier: &Tier, target_parts: u64, interval: Duration) -> u64 {
    let allowed = u128::from(WHOLE.saturating_sub(target_parts));
    let limit = u128::from(tier.factor_millionths) * allowed * tier.long.as_millis();
    let each = MILLION * u128::from(WHOLE) * interval.as_millis().max(1);
    u64::try_from(limit / each + 1).unwrap_or(u64::MAX)
}

/// What was bad in a window, of how much: in milliseconds or counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Burn {
    /// Bad time or counts.
    pub bad: u64,
    /// Nominal length of the window; 0 only when nothing at all was expected in it.
    pub basis: u64,
}

impl Burn {
    /// Whether the burn rate is above the factor; at the factor itself it is not.
    pub fn exceeds(self, factor_millionths: u64, target_parts: u64) -> bool {
        let allowed = u128::from(WHOLE.saturating_sub(target_parts));
        let used = u128::from(self.bad) * u128::from(WHOLE) * MILLION;
        used > u128::from(factor_millionths) * allowed * u128::from(self.basis)
    }

    /// The burn rate, for export: bad ÷ ((1 − objective) × length).
    #[expect(clippy::cast_precision_loss, reason = "the edge of export; alerts compare integers")]
    pub fn rate(self, target_parts: u64) -> f64 {
        let allowed = u128::from(WHOLE.saturating_sub(target_parts)) * u128::from(self.basis);
        if allowed == 0 {
            return 0.0;
        }
        (u128::from(self.bad) * u128::from(WHOLE)) as f64 / allowed as f64
    }
}

/// One tier at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TierState {
    /// Which of the four.
    pub name: TierName,
    /// Who is told.
    pub severity: AlertKind,
    /// In millionths.
    pub factor_millionths: u64,
    /// In the long window.
    pub long: Burn,
    /// In the short window.
    pub short: Burn,
    /// Whether it fires: both burn rates above the factor, and `min_failures` failed runs in the long window.
    pub active: bool,
}

impl TierState {
    /// How close it is: the lower of the two burn rates by the factor, above 1 when both exceed it. It does not know of
    /// `min_failures`, so whether the alert fires is [`Self::active`].
    #[expect(clippy::cast_precision_loss, reason = "the edge of export; alerts compare integers")]
    pub fn score(&self, target_parts: u64) -> f64 {
        let lower = self.long.rate(target_parts).min(self.short.rate(target_parts));
        lower * 1e6 / self.factor_millionths.max(1) as f64
    }
}

#[cfg(test)]
mod tests;
