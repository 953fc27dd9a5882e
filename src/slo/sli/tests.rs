//! Slices and events against definitions applied one by one.
//!
//! Times are milliseconds; lines are short, so that every slice and every result can be looked at alone.
//!
//! Time itself is tested where the time line is.

use super::*;
use crate::model::{Cause, PeriodPolicy, UnknownPolicy};
use proptest::prelude::*;

fn ms(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// A line from 0 on: g good, b bad, u unknown, e excluded, each with its length.
fn line(stretches: &[(char, i64)]) -> Timeline {
    let mut line = Timeline::new(ms(0));
    for (letter, length) in stretches {
        let what = match letter {
            'g' => What::Good,
            'b' => What::Bad(None),
            'u' => What::Unknown(Cause::Stopped),
            _ => What::Excluded,
        };
        line.append(what, line.upto().shifted(*length));
    }
    line
}

fn slices(line: &Timeline, length: u64, origin: i64, at: i64) -> Slices<'_> {
    Slices { line, length, origin: ms(origin), at: ms(at) }
}

fn list(slices: Slices<'_>, from: i64, to: i64) -> [u64; 4] {
    Meter::Slices(slices).amounts(ms(from), ms(to)).list()
}

const EXCLUDE: Policies =
    Policies { unknown: UnknownPolicy::Exclude, maintenance: PeriodPolicy::Exclude };

#[test]
fn any_bad_time_makes_a_slice_bad_and_any_good_time_makes_it_good() {
    let line =
        line(&[('g', 9), ('b', 1), ('u', 19), ('g', 1), ('u', 10), ('e', 10), ('u', 5), ('e', 5)]);
    // Bad at its last millisecond; unknown; good at its last; unknown; excluded; unknown and excluded.
    assert_eq!(list(slices(&line, 10, 0, 60), 0, 60), [1, 1, 3, 1]);
}

#[test]
fn a_slice_counts_where_it_starts() {
    let line = line(&[('g', 5), ('b', 10), ('g', 85)]);
    let slices = slices(&line, 10, 0, 100);
    assert_eq!(list(slices, 0, 1), [0, 1, 0, 0]);
    assert_eq!(list(slices, 1, 10), [0, 0, 0, 0]);
    assert_eq!(list(slices, 1, 11), [0, 1, 0, 0]);
    assert_eq!(list(slices, 11, 31), [2, 0, 0, 0]);
}

#[test]
fn the_slice_in_progress_is_judged_by_what_came_of_it() {
    let line = line(&[('g', 20), ('e', 3)]);
    assert_eq!(list(slices(&line, 10, 0, 23), 0, 23), [2, 0, 0, 1]);
    assert_eq!(list(slices(&line, 10, 0, 20), 0, 20), [2, 0, 0, 0], "not begun yet");
}

#[test]
fn slices_of_a_calendar_window_begin_with_it() {
    let line = line(&[('g', 7), ('b', 2), ('g', 91)]);
    assert_eq!(list(slices(&line, 10, 0, 100), 0, 100), [9, 1, 0, 0]);
    assert_eq!(list(slices(&line, 10, 8, 100), 8, 98), [8, 1, 0, 0]);
    assert_eq!(list(slices(&line, 10, 9, 100), 9, 99), [9, 0, 0, 0]);
}

#[test]
fn a_coalesced_stretch_charges_every_slice_that_may_have_been_bad() {
    let mut line = line(&[('g', 10)]);
    line.append(What::Mixed(Mix { bad: 1, unknown: 0, slack: 0 }), ms(40));
    line.append(What::Mixed(Mix { bad: 0, unknown: 5, slack: 0 }), ms(60));
    line.append(What::Mixed(Mix { bad: 0, unknown: 20, slack: 0 }), ms(80));
    assert_eq!(list(slices(&line, 10, 0, 80), 0, 80), [3, 3, 2, 0]);
}

#[test]
fn a_burn_window_is_never_shorter_than_a_slice() {
    let line = line(&[('g', 3_000_000), ('b', 1_000), ('g', 599_000)]);
    let hourly = Meter::Slices(slices(&line, 3_600_000, 0, 3_600_000));
    let burn = hourly.burn(EXCLUDE, Duration::from_mins(5), ms(3_600_000));
    assert_eq!(burn, Burn { bad: 1, basis: 1 });
    assert_eq!(hourly.rate(burn, Duration::from_mins(5)), Rate { bad: 1, per: 3_600_000 });
}

fn cadence(starts: &[i64]) -> Cadence {
    let mut cadence = Cadence::new(Duration::from_millis(10), Duration::ZERO);
    for start in starts {
        cadence.push(ms(*start));
    }
    cadence
}

#[test]
fn a_result_is_judged_by_the_scope_at_its_start() {
    let line = line(&[('g', 20), ('b', 10), ('e', 10), ('g', 60)]);
    let (a, b) = (cadence(&[0, 10, 20, 30, 40]), cadence(&[5, 15, 25, 35]));
    let meter = Meter::Events(&line, &[&a, &b]);
    assert_eq!(meter.amounts(ms(0), ms(50)).list(), [5, 2, 0, 2]);
    assert_eq!(meter.amounts(ms(20), ms(21)).list(), [0, 1, 0, 0]);
}

#[test]
fn time_without_results_counts_for_those_that_were_due() {
    let line = line(&[('g', 20), ('u', 45), ('g', 35)]);
    let a = cadence(&[0, 10, 70, 80, 90]);
    let meter = Meter::Events(&line, &[&a]);
    assert_eq!(meter.amounts(ms(0), ms(100)).list(), [5, 0, 4, 0]);
    // Nothing at all: still the nominal number.
    assert_eq!(meter.amounts(ms(-1_000), ms(0)).list(), [0, 0, 100, 0]);
    // Results whose verdict was unknown are counted once, not twice.
    let b = cadence(&[0, 10, 20, 30, 40, 50, 60, 70, 80, 90]);
    assert_eq!(Meter::Events(&line, &[&b]).amounts(ms(0), ms(100)).list(), [5, 0, 5, 0]);
}

#[test]
fn few_results_burn_no_faster_than_the_expected_number_allows() {
    let line = line(&[('u', 95), ('b', 5)]);
    let a = cadence(&[95]);
    let burn = Meter::Events(&line, &[&a]).burn(EXCLUDE, Duration::from_millis(100), ms(100));
    assert_eq!(burn, Burn { bad: 1, basis: 10 });
    let many = cadence(&(0..50).map(|at| at * 2).collect::<Vec<_>>());
    let burn = Meter::Events(&line, &[&many]).burn(EXCLUDE, Duration::from_millis(100), ms(100));
    assert_eq!(burn, Burn { bad: 2, basis: 10 });
}

fn stretches() -> impl Strategy<Value = Vec<(char, i64)>> {
    let letter = prop::sample::select(vec!['g', 'b', 'u', 'e']);
    prop::collection::vec((letter, 1..40_i64), 0..20)
}

proptest! {
    #[test]
    fn every_slice_is_what_its_own_time_makes_it(
        stretches in stretches(),
        length in 1..25_u64,
        origin in -30..30_i64,
        from in -50..200_i64,
        wide in 0..300_i64,
    ) {
        let line = line(&stretches);
        let at = from + wide;
        let mut expected = Amounts::default();
        let step = i64::try_from(length).expect("short");
        for start in (from..at).filter(|start| (start - origin).rem_euclid(step) == 0) {
            let time = line.amounts(ms(start), ms((start + step).min(at)));
            match time {
                Amounts { bad: 1.., .. } => expected.bad += 1,
                Amounts { good: 1.., .. } => expected.good += 1,
                Amounts { unknown: 1.., .. } => expected.unknown += 1,
                _ => expected.excluded += 1,
            }
        }
        prop_assert_eq!(list(slices(&line, length, origin, at), from, at), expected.list());
    }

    #[test]
    fn parts_add_up_to_the_whole(
        stretches in stretches(),
        length in 1..25_u64,
        cut in 0..400_i64,
    ) {
        let line = line(&stretches);
        let starts: Vec<i64> = (0..60).map(|at| at * 7).collect();
        let a = cadence(&starts);
        let meters = [
            Meter::Time(&line),
            Meter::Slices(slices(&line, length, 0, 400)),
            Meter::Events(&line, &[&a]),
        ];
        for meter in meters {
            let (left, right) = (meter.amounts(ms(0), ms(cut)), meter.amounts(ms(cut), ms(400)));
            let (parts, whole) = (left + right, meter.amounts(ms(0), ms(400)));
            prop_assert_eq!((parts.good, parts.bad, parts.excluded), (whole.good, whole.bad, whole.excluded));
            let tolerance = u64::from(matches!(meter, Meter::Events(..)));
            prop_assert!(whole.unknown.abs_diff(parts.unknown) <= tolerance * 2);
        }
    }

    #[test]
    fn every_result_is_what_the_line_says_at_its_start(
        stretches in stretches(),
        starts in prop::collection::btree_set(0..300_i64, 0..40),
    ) {
        let line = line(&stretches);
        let starts: Vec<i64> = starts.into_iter().collect();
        let a = cadence(&starts);
        let found = Meter::Events(&line, &[&a]).amounts(ms(0), ms(300));
        let mut expected = Amounts::default();
        for start in starts {
            expected = expected + line.amounts(ms(start), ms(start + 1));
        }
        prop_assert_eq!((found.good, found.bad, found.excluded), (expected.good, expected.bad, expected.excluded));
        prop_assert!(found.unknown >= expected.unknown);
    }
}
