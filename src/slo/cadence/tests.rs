//! Counts of results on a grid, a wavering grid and no grid at all.
//!
//! A list of starts, counted one by one, is what every count is compared with.
//!
//! What the results were is not tested here.

use super::*;
use proptest::prelude::*;

fn ms(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn cadence(interval: u64, tolerance: u64) -> Cadence {
    Cadence::new(Duration::from_millis(interval), Duration::from_millis(tolerance))
}

#[test]
fn a_regular_grid_is_one_run() {
    let mut cadence = cadence(30_000, 0);
    for start in 0..86_400 {
        cadence.push(ms(start * 30_000 + 7));
    }
    assert_eq!(cadence.runs().len(), 1);
    assert_eq!(cadence.count(ms(0), ms(i64::MAX)), 86_400);
    assert_eq!(cadence.count(ms(7), ms(30_007)), 1, "half-open");
    assert_eq!(cadence.count(ms(8), ms(30_007)), 0);
    assert_eq!(cadence.count(ms(8), ms(30_008)), 1);
}

#[test]
fn a_recorded_grid_other_than_the_interval_is_one_run_too() {
    let mut cadence = cadence(30_000, 0);
    for start in 0..1_000 {
        cadence.push(ms(start * 24_000));
    }
    assert_eq!(cadence.runs().len(), 1);
    assert_eq!(cadence.count(ms(0), ms(24_000_000)), 1_000);
}

#[test]
fn a_wavering_grid_is_one_run_and_every_result_is_counted_after_it_happened() {
    let mut cadence = cadence(1_000, 50);
    let starts: Vec<i64> = (0..100_i64).map(|at| 10_000 + at * 1_000 + at * 37 % 50).collect();
    for start in &starts {
        cadence.push(ms(*start));
    }
    assert_eq!(cadence.runs().len(), 1);
    for pair in starts.windows(2) {
        // The stretch of one result, as a time line has it.
        assert_eq!(cadence.count(ms(pair[0]), ms(pair[1])), 1);
    }
}

#[test]
fn a_tolerance_never_swallows_a_missing_result() {
    let mut cadence = cadence(1_000, 1_000);
    for start in [0, 1_100, 3_100, 4_000] {
        cadence.push(ms(start));
    }
    assert_eq!(cadence.count(ms(0), ms(10_000)), 4);
    assert_eq!(cadence.count(ms(1_400), ms(3_000)), 0);
}

#[test]
fn a_missing_result_begins_a_new_run() {
    let mut cadence = cadence(1_000, 50);
    for start in [0, 1_000, 2_000, 4_000, 5_000] {
        cadence.push(ms(start));
    }
    assert_eq!(cadence.runs().len(), 2);
    assert_eq!(cadence.count(ms(0), ms(10_000)), 5);
    assert_eq!(cadence.count(ms(2_500), ms(3_900)), 0);
}

#[test]
fn a_start_that_is_not_after_the_last_is_dropped() {
    let mut cadence = cadence(1_000, 0);
    for start in [5_000, 5_000, 4_000, 6_000] {
        cadence.push(ms(start));
    }
    assert_eq!(cadence.count(ms(0), ms(10_000)), 2);
}

#[test]
fn pruning_keeps_later_counts_and_stored_runs_read_back() {
    let mut cadence = cadence(1_000, 0);
    for block in 0..10 {
        for start in 0..5 {
            cadence.push(ms(block * 60_000 + start * 1_000));
        }
    }
    let before = cadence.count(ms(300_000), ms(600_000));
    cadence.prune(ms(300_000));
    assert_eq!(cadence.runs().len(), 5);
    assert_eq!(cadence.count(ms(300_000), ms(600_000)), before);
    let stored = cadence.runs().iter().map(|run| (run.start, run.step, run.count));
    let second = Duration::from_secs(1);
    let restored = Cadence::from_runs(second, Duration::ZERO, stored);
    assert_eq!(restored.count(ms(300_000), ms(600_000)), before);
}

#[test]
fn runs_are_bounded_and_none_of_the_results_is_lost() {
    let mut cadence = cadence(1_000, 0);
    let mut at = 0;
    for step in 0..40_000 {
        at += 1_000 + step * 7 % 991;
        cadence.push(ms(at));
    }
    assert!(cadence.runs().len() <= MAX_RUNS);
    assert_eq!(cadence.count(ms(0), ms(at + 1)), 40_000);
}

proptest! {
    #[test]
    fn counts_are_those_of_the_list(
        steps in prop::collection::vec(prop_oneof![4 => Just(10_i64), 1 => 1..40_i64], 1..200),
        from in 0..2_500_i64,
        length in 0..2_500_i64,
    ) {
        let mut cadence = cadence(10, 0);
        let mut at = 0;
        let mut starts = Vec::new();
        for step in steps {
            at += step;
            starts.push(at);
            cadence.push(ms(at));
        }
        let inside = starts.iter().filter(|start| (from..from + length).contains(start)).count();
        prop_assert_eq!(cadence.count(ms(from), ms(from + length)), inside as u64);
    }
}
