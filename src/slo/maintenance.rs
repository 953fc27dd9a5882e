//! When maintenance was: windows of a plan as stretches of time (slo.md 1.5).
//!
//! The stretches are united, ascending and clipped, so that overlapping windows are not counted twice and their order is
//! irrelevant. Times of a weekly window are those of the wall clock in the zone. One that the clocks skip is the instant of
//! the change; of one that comes twice, a window begins at the first and ends at the second: it is as long as what people
//! on either side of the change could mean, and a window that lies wholly in a skipped hour is empty.
//!
//! Which checks a window is about is for `model::Matching`; laying it over a time line, for `joint`.

use super::calendar::{Fold, instant, resolve};
use crate::model::{Maintenance, MaintenanceWhen, Timestamp};
use jiff::ToSpan;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;

/// A stretch of time, half-open.
pub type Stretch = (Timestamp, Timestamp);

/// What the windows take out of `[from, to)`: united, ascending, clipped to it.
pub fn excluded<'a>(
    windows: impl IntoIterator<Item = &'a Maintenance>,
    zone: &TimeZone,
    from: Timestamp,
    to: Timestamp,
) -> Vec<Stretch> {
    let mut stretches = Vec::new();
    for window in windows {
        match window.when {
            MaintenanceWhen::Once { from: begins, to: ends } => {
                if begins < to && ends > from {
                    stretches.push((begins, ends));
                }
            }
            MaintenanceWhen::Weekly { weekday, from: begins, to: ends } => {
                weekly(weekday, (begins, ends), zone, (from, to), &mut stretches);
            }
        }
    }
    unite(stretches, from, to)
}

/// Sorted, without overlaps or gaps of nothing, and within `[from, to)`.
fn unite(mut stretches: Vec<Stretch>, from: Timestamp, to: Timestamp) -> Vec<Stretch> {
    for (begins, ends) in &mut stretches {
        (*begins, *ends) = ((*begins).max(from), (*ends).min(to));
    }
    stretches.retain(|(begins, ends)| begins < ends);
    stretches.sort_unstable();
    stretches.dedup_by(|next, last| {
        let touches = next.0 <= last.1;
        if touches {
            last.1 = last.1.max(next.1);
        }
        touches
    });
    stretches
}

/// The occurrences of a weekly window that touch `[from, to)`.
fn weekly(
    weekday: Weekday,
    (begins, ends): (Time, Time),
    zone: &TimeZone,
    (from, to): Stretch,
    into: &mut Vec<Stretch>,
) {
    // An occurrence lasts a day at most, so the earliest that can touch began at most two dates before.
    let first = instant(from).to_zoned(zone.clone()).date().saturating_sub(2.days());
    let ahead = first.weekday().until(weekday);
    let mut date = first.saturating_add(i64::from(ahead).days());
    loop {
        let starts = resolve(date.to_datetime(begins), zone, Fold::First);
        if starts >= to {
            return;
        }
        let last = if ends > begins { date } else { date.saturating_add(1.day()) };
        into.push((starts, resolve(last.to_datetime(ends), zone, Fold::Second)));
        let Ok(next) = date.checked_add(1.week()) else { return };
        date = next;
    }
}

#[cfg(test)]
mod tests;
