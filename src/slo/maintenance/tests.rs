//! Weekly and single windows as stretches, over midnight and over changes of the clock.
//!
//! Expected instants are in UTC.
//!
//! Which checks a window is about is not tested here.

use super::*;
use crate::model::Matching;
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    let moment: jiff::Timestamp = text.parse().expect("RFC 3339");
    Timestamp::from_millis(moment.as_millisecond())
}

fn plan(when: MaintenanceWhen) -> Maintenance {
    Maintenance { id: "1".into(), matching: Matching::default(), when, by: None, reason: None }
}

fn weekly_plan(weekday: Weekday, from: (i8, i8), to: (i8, i8)) -> Maintenance {
    let time = |(hour, minute)| Time::new(hour, minute, 0, 0).expect("a time of day");
    plan(MaintenanceWhen::Weekly { weekday, from: time(from), to: time(to) })
}

fn once(from: i64, to: i64) -> Maintenance {
    let (from, to) = (Timestamp::from_millis(from), Timestamp::from_millis(to));
    plan(MaintenanceWhen::Once { from, to })
}

fn vienna() -> TimeZone {
    TimeZone::get("Europe/Vienna").expect("the time zone database is installed")
}

/// What `window` takes out of `[from, to)` in Vienna.
fn taken(window: &Maintenance, from: &str, to: &str) -> Vec<Stretch> {
    excluded([window], &vienna(), at(from), at(to))
}

#[test]
fn a_weekly_window_comes_every_week_and_keeps_its_local_time() {
    let window = weekly_plan(Weekday::Wednesday, (3, 0), (5, 0));
    let found = taken(&window, "2026-03-24T00:00:00Z", "2026-04-03T00:00:00Z");
    assert_eq!(
        found,
        [
            (at("2026-03-25T02:00:00Z"), at("2026-03-25T04:00:00Z")),
            (at("2026-04-01T01:00:00Z"), at("2026-04-01T03:00:00Z")),
        ]
    );
}

#[test]
fn a_window_over_midnight_ends_on_the_next_day() {
    let window = weekly_plan(Weekday::Sunday, (23, 0), (1, 0));
    let expected = [(at("2026-10-11T21:00:00Z"), at("2026-10-11T23:00:00Z"))];
    assert_eq!(taken(&window, "2026-10-10T00:00:00Z", "2026-10-13T00:00:00Z"), expected);
    // Seen from inside, the part that is left.
    let rest = [(at("2026-10-11T22:30:00Z"), at("2026-10-11T23:00:00Z"))];
    assert_eq!(taken(&window, "2026-10-11T22:30:00Z", "2026-10-13T00:00:00Z"), rest);
}

#[test]
fn a_skipped_hour_shortens_a_window_and_swallows_one_inside_it() {
    let (from, to) = ("2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z");
    let over = weekly_plan(Weekday::Sunday, (1, 0), (4, 0));
    assert_eq!(taken(&over, from, to), [(at("2026-03-29T00:00:00Z"), at("2026-03-29T02:00:00Z"))]);
    let into = weekly_plan(Weekday::Sunday, (1, 30), (2, 30));
    assert_eq!(taken(&into, from, to), [(at("2026-03-29T00:30:00Z"), at("2026-03-29T01:00:00Z"))]);
    assert_eq!(taken(&weekly_plan(Weekday::Sunday, (2, 0), (3, 0)), from, to), []);
}

#[test]
fn an_hour_that_comes_twice_is_covered_both_times() {
    let (from, to) = ("2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z");
    let window = weekly_plan(Weekday::Sunday, (2, 0), (3, 0));
    assert_eq!(
        taken(&window, from, to),
        [(at("2026-10-25T00:00:00Z"), at("2026-10-25T02:00:00Z"))]
    );
    let half = weekly_plan(Weekday::Sunday, (2, 15), (2, 45));
    assert_eq!(taken(&half, from, to), [(at("2026-10-25T00:15:00Z"), at("2026-10-25T01:45:00Z"))]);
}

#[test]
fn overlapping_and_touching_windows_are_united() {
    let windows = [once(50, 70), once(10, 20), once(20, 30), once(60, 65), once(69, 80)];
    let (from, to) = (Timestamp::from_millis(0), Timestamp::from_millis(75));
    let found = excluded(&windows, &TimeZone::UTC, from, to);
    let millis: Vec<_> = found.iter().map(|(a, b)| (a.as_millis(), b.as_millis())).collect();
    assert_eq!(millis, [(10, 30), (50, 75)]);
}

#[test]
fn a_window_beside_the_stretch_takes_nothing_out() {
    let (from, to) = (Timestamp::from_millis(100), Timestamp::from_millis(200));
    let found = excluded([&once(0, 100), &once(200, 300)], &TimeZone::UTC, from, to);
    assert_eq!(found, []);
}

proptest! {
    #[test]
    fn the_order_of_windows_is_irrelevant_and_every_millisecond_is_right(
        windows in prop::collection::vec((0..200_i64, 1..60_i64), 0..8),
        from in 0..100_i64,
        length in 0..150_i64,
    ) {
        let mut plans: Vec<_> = windows.iter().map(|(at, long)| once(*at, at + long)).collect();
        let (low, high) = (Timestamp::from_millis(from), Timestamp::from_millis(from + length));
        let found = excluded(&plans, &TimeZone::UTC, low, high);
        plans.reverse();
        prop_assert_eq!(&found, &excluded(&plans, &TimeZone::UTC, low, high));
        prop_assert!(found.windows(2).all(|pair| pair[0].1 < pair[1].0));
        for at in from..from + length {
            let inside = windows.iter().any(|(start, long)| (*start..start + long).contains(&at));
            let said = found.iter().any(|(a, b)| (a.as_millis()..b.as_millis()).contains(&at));
            prop_assert_eq!(inside, said);
        }
    }
}
