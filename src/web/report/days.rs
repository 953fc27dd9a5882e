//! The days of a report, in its time zone, each with its amounts.
//!
//! A day is as long as it really is, 23 to 25 hours; the first and the last may be cut by the window. What each was comes
//! from the scope's line, so the days add up to the window exactly.
//!
//! It does not know slos.

use super::form::DayForm;
use crate::model::Timestamp;
use crate::monitor::form::Number;
use crate::slo::budget::{Policies, Ratio, availability, coverage};
use crate::slo::calendar::{Period, Unit};
use crate::slo::spans::Timeline;
use crate::slo::window::Span;
use jiff::tz::TimeZone;

/// Days at most: those of the longest window, and the two that it cuts.
const DAYS_AT_MOST: usize = 402;

/// The days of `span`, oldest first.
pub(super) fn of_line(
    line: &Timeline,
    span: Span,
    zone: &TimeZone,
    policies: Policies,
) -> Vec<DayForm> {
    let mut days = Vec::new();
    // An instant on a boundary belongs to the day before it.
    let mut day = Period::at(Unit::Day, zone, span.from.shifted(1));
    while days.len() < DAYS_AT_MOST {
        let (begins, ends) = day.bounds(zone);
        if begins >= span.to {
            break;
        }
        let (from, to) = (begins.max(span.from), ends.min(span.to));
        if from < to {
            days.push(of_stretch(line, day.label(), from, to, policies));
        }
        if day.next() == day {
            break;
        }
        day = day.next();
    }
    days
}

fn of_stretch(
    line: &Timeline,
    day: String,
    from: Timestamp,
    to: Timestamp,
    policies: Policies,
) -> DayForm {
    let share = |share: Option<Ratio>| share.map(|ratio| Number(ratio.as_f64()));
    let measured = line.amounts(from, to);
    let charged = policies.apply(measured);
    let (low, high) = policies.bounds(measured);
    DayForm {
        day,
        from: from.into(),
        to: to.into(),
        good_s: Number::seconds(charged.good),
        bad_s: Number::seconds(charged.bad),
        unknown_s: Number::seconds(charged.unknown),
        excluded_s: Number::seconds(charged.excluded),
        availability: share(availability(charged)),
        availability_low: share(low),
        availability_high: share(high),
        coverage: share(coverage(measured)),
    }
}
