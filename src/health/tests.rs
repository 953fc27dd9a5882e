//! Health at its edges, and the truth tables of joining.
//!
//! Verdicts are written as letters: g good, w good with a warning, b bad, u unknown, one a second.
//!
//! How verdicts come about is not tested here.

use super::*;

/// States after each of `verdicts`, one a second from 1 s, and since when the last one holds (in seconds).
fn walk(confirm: u32, verdicts: &str) -> (Vec<State>, i64) {
    let mut health = Health::new(Timestamp::from_millis(0));
    let mut states = Vec::new();
    for (second, letter) in (1_i64..).zip(verdicts.chars()) {
        let (verdict, warned) = match letter {
            'g' => (Verdict::Good, false),
            'w' => (Verdict::Good, true),
            'b' => (Verdict::Bad, false),
            _ => (Verdict::Unknown, false),
        };
        health.observe(verdict, warned, confirm, Timestamp::from_millis(second * 1_000));
        states.push(health.state());
    }
    (states, health.since().as_millis() / 1_000)
}

use State::{Degraded, Down, Maintenance, Unknown, Up};

#[test]
fn one_good_result_after_the_start_is_up() {
    assert_eq!(walk(2, "g"), (vec![Up], 1));
}

#[test]
fn one_bad_result_is_not_down_yet() {
    assert_eq!(walk(2, "gb"), (vec![Up, Degraded], 2));
    assert_eq!(walk(2, "b"), (vec![Degraded], 1));
}

#[test]
fn down_is_confirmed_in_a_row_and_begins_with_the_first_bad_result() {
    assert_eq!(walk(2, "ggbb"), (vec![Up, Up, Degraded, Down], 3));
    assert_eq!(walk(3, "gbgbb"), (vec![Up, Degraded, Up, Degraded, Degraded], 4));
    assert_eq!(walk(1, "gb"), (vec![Up, Down], 2));
}

#[test]
fn one_good_result_does_not_end_an_outage() {
    assert_eq!(walk(2, "bbg"), (vec![Degraded, Down, Down], 1));
    assert_eq!(walk(2, "bbgg"), (vec![Degraded, Down, Down, Up], 3));
}

#[test]
fn unknown_needs_no_confirmation() {
    assert_eq!(walk(2, "gu"), (vec![Up, Unknown], 2));
    assert_eq!(walk(2, "gub"), (vec![Up, Unknown, Degraded], 3));
}

#[test]
fn a_warning_degrades_once_confirmed_and_clears_once_confirmed() {
    assert_eq!(walk(2, "gwwgg"), (vec![Up, Up, Degraded, Degraded, Up], 5));
}

#[test]
fn warnings_with_a_failure_between_them_are_not_in_a_row() {
    assert_eq!(walk(2, "gwbw"), (vec![Up, Up, Degraded, Up], 4));
}

#[test]
fn what_was_warned_of_before_an_unknown_time_is_forgotten() {
    assert_eq!(walk(2, "gwwug"), (vec![Up, Up, Degraded, Unknown, Up], 5));
}

#[test]
fn running_out_is_unknown_from_that_moment() {
    let mut health = Health::new(Timestamp::from_millis(0));
    health.observe(Verdict::Good, false, 2, Timestamp::from_millis(1_000));
    health.forget(Timestamp::from_millis(61_000));
    health.forget(Timestamp::from_millis(62_000));
    assert_eq!((health.state(), health.since()), (Unknown, Timestamp::from_millis(61_000)));
}

#[test]
fn serial_needs_all() {
    assert_eq!(join_serial([Up, Up]), Up);
    assert_eq!(join_serial([Up, Unknown, Down]), Down);
    assert_eq!(join_serial([Up, Unknown, Degraded]), Unknown);
    assert_eq!(join_serial([Up, Degraded]), Degraded);
    assert_eq!(join_serial([Up, Maintenance]), Up);
    assert_eq!(join_serial([Maintenance]), Maintenance);
    assert_eq!(join_serial([]), Maintenance);
}

#[test]
fn parallel_needs_one() {
    assert_eq!(join_parallel([Up, Down]), Up);
    assert_eq!(join_parallel([Degraded, Down]), Degraded);
    assert_eq!(join_parallel([Unknown, Down]), Unknown);
    assert_eq!(join_parallel([Down, Down]), Down);
    assert_eq!(join_parallel([Down, Maintenance]), Down);
    assert_eq!(join_parallel([Maintenance]), Maintenance);
}
