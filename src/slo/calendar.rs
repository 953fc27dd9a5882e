//! Days, ISO weeks, months, quarters and years in a time zone (slo.md 1.3, S15).
//!
//! A [`Period`] is a unit and the civil date on which it begins; it has a label (`2026-10`) that reads back, neighbours,
//! and, in a zone, two bounds. A bound is the first valid instant of its local date, so a day has 23, 24 or 25 hours and
//! lasts exactly as long as it really does. Every instant is in one period of a unit.
//!
//! It does not know what is counted in a period, nor which periods are kept.

use crate::model::{ObjectiveWindow, Timestamp};
use jiff::civil::{Date, DateTime, ISOWeekDate, Weekday};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{Span, ToSpan};

/// A kind of calendar window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// A civil day.
    Day,
    /// An ISO week, which begins on Monday.
    Week,
    /// A civil month.
    Month,
    /// A quarter of a year.
    Quarter,
    /// A civil year.
    Year,
}

impl Unit {
    /// The unit of a calendar window; `None` for a rolling one.
    pub const fn of(window: ObjectiveWindow) -> Option<Self> {
        match window {
            ObjectiveWindow::Rolling(_) => None,
            ObjectiveWindow::Day => Some(Self::Day),
            ObjectiveWindow::Week => Some(Self::Week),
            ObjectiveWindow::Month => Some(Self::Month),
            ObjectiveWindow::Quarter => Some(Self::Quarter),
            ObjectiveWindow::Year => Some(Self::Year),
        }
    }

    /// The word of the configuration: `month`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }

    /// How far two neighbours are apart.
    fn step(self) -> Span {
        match self {
            Self::Day => 1.day(),
            Self::Week => 1.week(),
            Self::Month => 1.month(),
            Self::Quarter => 3.months(),
            Self::Year => 1.year(),
        }
    }

    /// The first date of the unit that `date` is in.
    fn first_of(self, date: Date) -> Date {
        match self {
            Self::Day => date,
            Self::Week => {
                let week = date.iso_week_date();
                ISOWeekDate::new(week.year(), week.week(), Weekday::Monday)
                    .map_or(date, ISOWeekDate::date)
            }
            Self::Month => date.first_of_month(),
            Self::Quarter => {
                let month = (date.month() - 1) / 3 * 3 + 1;
                Date::new(date.year(), month, 1).expect("every quarter begins with a first day")
            }
            Self::Year => date.first_of_year(),
        }
    }
}

/// One day, week, month, quarter or year of the calendar, in no zone yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period {
    unit: Unit,
    first: Date,
}

/// A text that is no label of a period.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a period: expected a day (`2026-10-05`), an ISO week (`2026-W43`), a month (`2026-10`), a quarter (`2026-Q4`) or a year (`2026`)"
)]
pub struct BadPeriod(String);

impl Period {
    /// The period in progress at `at`: the one with from < `at` ≤ to (S15), so that a period is whole at its own end.
    pub fn at(unit: Unit, zone: &TimeZone, at: Timestamp) -> Self {
        let before = instant(at.shifted(-1)).to_zoned(zone.clone()).date();
        let mut period = Self { unit, first: unit.first_of(before) };
        // Where midnight comes twice, the local date of an instant may be a day behind the period it is in.
        while period.bounds(zone).1 < at {
            let next = period.next();
            if next == period {
                break;
            }
            period = next;
        }
        period
    }

    /// The period that `label` names.
    pub fn parse(label: &str) -> Result<Self, BadPeriod> {
        read(label).ok_or_else(|| BadPeriod(label.to_owned()))
    }

    /// What kind of period it is.
    pub const fn unit(&self) -> Unit {
        self.unit
    }

    /// `2026-10-05`, `2026-W43`, `2026-10`, `2026-Q4`, `2026`.
    pub fn label(&self) -> String {
        let (year, month) = (self.first.year(), self.first.month());
        match self.unit {
            Unit::Day => self.first.to_string(),
            Unit::Week => {
                let week = self.first.iso_week_date();
                format!("{:04}-W{:02}", week.year(), week.week())
            }
            Unit::Month => format!("{year:04}-{month:02}"),
            Unit::Quarter => format!("{year:04}-Q{}", (month + 2) / 3),
            Unit::Year => format!("{year:04}"),
        }
    }

    /// Its first instant in `zone`, and that of the period after it. The two are equal for a date that a zone skipped.
    pub fn bounds(&self, zone: &TimeZone) -> (Timestamp, Timestamp) {
        (start_of(self.first, zone), start_of(self.next().first, zone))
    }

    /// The period after this one; at the end of jiff's calendar (year 9999) this one.
    #[must_use]
    pub fn next(&self) -> Self {
        let first = self.first.checked_add(self.unit.step()).unwrap_or(self.first);
        Self { first, ..*self }
    }

    /// The period before this one; at the beginning of jiff's calendar this one.
    #[must_use]
    pub fn previous(&self) -> Self {
        let first = self.first.checked_sub(self.unit.step()).unwrap_or(self.first);
        Self { first, ..*self }
    }
}

/// A label, by its form.
fn read(label: &str) -> Option<Period> {
    let number = |text: &str, digits: usize| -> Option<i16> {
        let plain = text.len() == digits && text.bytes().all(|each| each.is_ascii_digit());
        plain.then(|| text.parse().ok()).flatten()
    };
    let (year, rest) = label.split_once('-').map_or((label, None), |(a, b)| (a, Some(b)));
    let year = number(year, 4)?;
    let period = |unit, first| Some(Period { unit, first });
    let Some(rest) = rest else {
        return period(Unit::Year, Date::new(year, 1, 1).ok()?);
    };
    if let Some(week) = rest.strip_prefix('W') {
        let week = i8::try_from(number(week, 2)?).ok()?;
        return period(Unit::Week, ISOWeekDate::new(year, week, Weekday::Monday).ok()?.date());
    }
    if let Some(quarter) = rest.strip_prefix('Q') {
        let month = i8::try_from(number(quarter, 1)?).ok()?.checked_mul(3)? - 2;
        return period(Unit::Quarter, Date::new(year, month, 1).ok()?);
    }
    let (month, day) = rest.split_once('-').map_or((rest, None), |(a, b)| (a, Some(b)));
    let month = i8::try_from(number(month, 2)?).ok()?;
    match day {
        None => period(Unit::Month, Date::new(year, month, 1).ok()?),
        Some(day) => {
            let day = i8::try_from(number(day, 2)?).ok()?;
            period(Unit::Day, Date::new(year, month, day).ok()?)
        }
    }
}

/// The first valid instant of a local date. Where midnight does not exist, that is the end of the gap.
fn start_of(date: Date, zone: &TimeZone) -> Timestamp {
    resolve(date.at(0, 0, 0, 0), zone, Fold::First)
}

/// Which of two instants is meant by a local time that comes twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fold {
    /// The first.
    First,
    /// The second.
    Second,
}

/// The instant of a local time. A local time that does not exist is the instant at which the clocks went forward over it.
pub(super) fn resolve(local: DateTime, zone: &TimeZone, fold: Fold) -> Timestamp {
    let with = |offset: Offset| {
        let found = offset.to_timestamp(local).ok();
        found.unwrap_or(if local.year() < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX })
    };
    let found = match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => with(offset),
        AmbiguousOffset::Fold { before, after } => {
            with(if fold == Fold::First { before } else { after })
        }
        AmbiguousOffset::Gap { before, .. } => {
            // With the old offset the missing time lies after the change, and no other change lies between.
            let past = with(before);
            let after_it = past.checked_add(1.nanosecond()).unwrap_or(past);
            zone.preceding(after_it).next().map_or(past, |change| change.timestamp())
        }
    };
    Timestamp::from_millis(found.as_millisecond())
}

/// As jiff's instant; beyond the year 9999 its last one.
pub(super) fn instant(at: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or(if at.as_millis() < 0 {
        jiff::Timestamp::MIN
    } else {
        jiff::Timestamp::MAX
    })
}

#[cfg(test)]
mod tests;
