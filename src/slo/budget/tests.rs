//! Shares, policies and budgets at their edges (slo.md 1.4, 1.5, 1.8).
//!
//! Amounts are seconds here, for the eye.
//!
//! How amounts are measured is not tested here.

use super::*;
use proptest::prelude::*;

const EXCLUDE: Policies =
    Policies { unknown: UnknownPolicy::Exclude, maintenance: PeriodPolicy::Exclude };

fn amounts(good: u64, bad: u64, unknown: u64, excluded: u64) -> Amounts {
    Amounts { good, bad, unknown, excluded }
}

#[test]
fn nines_allow_the_seconds_of_the_table() {
    let rows = [
        (900_000_000, [8_640.0, 60_480.0, 259_200.0, 3_153_600.0]),
        (999_000_000, [86.4, 604.8, 2_592.0, 31_536.0]),
        (999_500_000, [43.2, 302.4, 1_296.0, 15_768.0]),
        (999_999_000, [0.0864, 0.6048, 2.592, 31.536]),
    ];
    for (target_parts, seconds) in rows {
        for (days, expected) in [1, 7, 30, 365].into_iter().zip(seconds) {
            let budget = Budget { target_parts, eligible: days * 86_400_000, spent: 0 };
            assert!((budget.total(1e3) - expected).abs() < 1e-9, "{target_parts} {days} d");
        }
    }
}

#[test]
fn a_budget_used_to_the_last_part_is_exhausted_and_not_overdrawn() {
    let budget = |spent| Budget { target_parts: 999_000_000, eligible: 2_592_000_000, spent };
    assert!(!budget(2_591_999).is_exhausted());
    let used_up = budget(2_592_000);
    assert!(used_up.is_exhausted());
    assert_eq!(used_up.left_parts(), 0);
    let remaining = used_up.remaining().expect("a budget").as_f64();
    assert_eq!(remaining.to_bits(), 0.0_f64.to_bits(), "not −0 and not 1e-17");
    assert!(budget(21_570_000).remaining().expect("a budget").as_f64() < -7.0, "not clamped");
}

#[test]
fn where_everything_is_excluded_numbers_do_not_exist() {
    let all = amounts(0, 0, 0, 86_400);
    assert_eq!(availability(all), None);
    assert_eq!(coverage(all), None);
    assert_eq!(EXCLUDE.bounds(all), (None, None));
    let budget = Budget { target_parts: 999_000_000, eligible: 0, spent: 0 };
    assert_eq!(budget.remaining(), None);
    assert!(!budget.is_exhausted());
}

#[test]
fn where_nothing_is_known_availability_lies_between_none_and_all() {
    let nothing = amounts(0, 0, 86_400, 0);
    assert_eq!(availability(nothing), None);
    assert_eq!(coverage(nothing).map(Ratio::as_f64), Some(0.0));
    let (low, high) = EXCLUDE.bounds(nothing);
    assert_eq!((low.map(Ratio::as_f64), high.map(Ratio::as_f64)), (Some(0.0), Some(1.0)));
}

#[test]
fn policies_move_time_and_keep_the_sum() {
    let measured = amounts(100, 20, 30, 50);
    let apply = |unknown, maintenance| Policies { unknown, maintenance }.apply(measured);
    let keep = PeriodPolicy::Exclude;
    assert_eq!(apply(UnknownPolicy::Exclude, keep), measured);
    assert_eq!(apply(UnknownPolicy::Bad, keep), amounts(100, 50, 0, 50));
    assert_eq!(apply(UnknownPolicy::Good, keep), amounts(130, 20, 0, 50));
    assert_eq!(apply(UnknownPolicy::Exclude, PeriodPolicy::Good), amounts(150, 20, 30, 0));
    assert_eq!(apply(UnknownPolicy::Bad, PeriodPolicy::Good), amounts(150, 50, 0, 0));
}

proptest! {
    #[test]
    fn availability_lies_within_its_bounds_whatever_the_policies(
        parts in prop::array::uniform4(0..1_000_000_u64),
        unknown in prop::sample::select(UnknownPolicy::ALL),
        maintenance in prop::sample::select(PeriodPolicy::ALL),
    ) {
        let policies = Policies { unknown, maintenance };
        let measured = Amounts::of(parts);
        let charged = policies.apply(measured);
        prop_assert_eq!(charged.total(), measured.total());
        let (low, high) = policies.bounds(measured);
        if let (Some(low), Some(is), Some(high)) = (low, availability(charged), high) {
            prop_assert!(low.part * is.whole <= is.part * low.whole);
            prop_assert!(is.part * high.whole <= high.part * is.whole);
        }
    }

    #[test]
    fn each_bad_second_costs_its_share_of_the_budget(
        target in 1..WHOLE,
        eligible in 1..100_000_000_000_u64,
        spent in 0..100_000_000_000_u64,
        more in 0..100_000_000_000_u64,
    ) {
        let budget = |spent| Budget { target_parts: target, eligible, spent };
        let (before, after) = (budget(spent), budget(spent + more));
        prop_assert_eq!(before.left_parts() - after.left_parts(), i128::from(more) * 1_000_000_000);
        prop_assert_eq!(before.total_parts(), after.total_parts());
    }
}
