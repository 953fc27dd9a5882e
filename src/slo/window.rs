//! Over what time a promise is judged: rolling or a period of the calendar (slo.md 1.3, S15).
//!
//! A [`Span`] is half-open, ends at the instant of evaluation, and knows where the whole window ends: for a rolling
//! window that is the same instant, for a calendar window the boundary to come.
//!
//! What happened in it is in `spans`; what the calendar is, in `calendar`.

use super::calendar::{Period, Unit};
use super::spans::millis;
use crate::model::{ObjectiveWindow, Timestamp};
use jiff::tz::TimeZone;

/// The time of one window at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its first instant.
    pub from: Timestamp,
    /// The instant of evaluation, which is not in it.
    pub to: Timestamp,
    /// Where the whole window ends; never before `to`.
    pub full_to: Timestamp,
    /// Whether it slides along with the instant of evaluation.
    pub rolling: bool,
}

impl Span {
    /// The window at `at`: `[at − W, at)`, or the calendar's with from < `at` ≤ to.
    pub fn at(window: ObjectiveWindow, zone: &TimeZone, at: Timestamp) -> Self {
        if let ObjectiveWindow::Rolling(length) = window {
            let back = i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
            return Self { from: at.shifted(-back), to: at, full_to: at, rolling: true };
        }
        let unit = Unit::of(window).expect("every window but a rolling one has a unit");
        let (from, full_to) = Period::at(unit, zone, at).bounds(zone);
        Self { from, to: at, full_to, rolling: false }
    }

    /// A finished period as a whole.
    pub fn whole(period: &Period, zone: &TimeZone) -> Self {
        let (from, to) = period.bounds(zone);
        Self { from, to, full_to: to, rolling: false }
    }

    /// Milliseconds so far.
    pub fn elapsed(&self) -> u64 {
        millis(self.from, self.to)
    }

    /// Milliseconds of the whole window.
    pub fn full(&self) -> u64 {
        millis(self.from, self.full_to)
    }
}
