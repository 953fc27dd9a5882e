//! The tables of tiers, what can never fire, and how few failures do (slo.md 1.6, S17, C48).
//!
//! Numbers are those of the tables in slo.md.
//!
//! Whether a time line fires is tested where standings are made.

use super::*;

fn days(count: u64) -> ObjectiveWindow {
    ObjectiveWindow::Rolling(Duration::from_hours(24 * count))
}

/// Factors in thousandths.
fn factors(window: ObjectiveWindow) -> Option<Vec<u64>> {
    let tiers = tiers(&window, None)?;
    Some(tiers.iter().map(|tier| tier.factor_millionths / 1_000).collect())
}

#[test]
fn every_window_has_the_table_of_its_length() {
    let week = Some(vec![13_440, 3_500, 1_400, 1_000]);
    let month = Some(vec![14_400, 6_000, 3_000, 1_000]);
    let quarter = Some(vec![43_200, 18_000, 9_000, 3_000]);
    assert_eq!(factors(days(1)), None);
    assert_eq!(factors(days(3)), None);
    assert_eq!(factors(days(4)), week);
    assert_eq!(factors(days(7)), week);
    assert_eq!(factors(days(10)), week);
    assert_eq!(factors(days(11)), month);
    assert_eq!(factors(days(28)), Some(vec![13_440, 5_600, 2_800, 1_000]));
    assert_eq!(factors(days(30)), month);
    assert_eq!(factors(days(45)), month);
    assert_eq!(factors(days(46)), quarter);
    assert_eq!(factors(days(90)), quarter);
    assert_eq!(factors(ObjectiveWindow::Day), None);
    assert_eq!(factors(ObjectiveWindow::Week), week);
    assert_eq!(factors(ObjectiveWindow::Month), month);
    assert_eq!(factors(ObjectiveWindow::Quarter), quarter);
    assert_eq!(factors(ObjectiveWindow::Year), quarter);
}

#[test]
fn own_tiers_take_the_place_of_the_table_even_for_short_windows() {
    let own = [Tier { factor_millionths: 7_000_000, ..THIRTY_DAYS[0].clone() }];
    assert_eq!(tiers(&days(1), Some(&own)), Some(&own[..]));
    assert_eq!(tiers(&days(30), Some(&own)), Some(&own[..]));
}

#[test]
fn short_windows_are_a_twelfth_and_severities_follow_the_names() {
    for tier in &THIRTY_DAYS {
        assert_eq!(tier.short * 12, tier.long);
        assert_eq!(tier.severity, tier.name.severity());
    }
}

#[test]
fn a_factor_that_nothing_can_exceed_is_unreachable() {
    let [page_fast, page_slow, ..] = &THIRTY_DAYS;
    assert!(is_unreachable(page_fast, 900_000_000), "90 % burns at 10 at most");
    assert!(!is_unreachable(page_slow, 900_000_000));
    assert!(is_unreachable(page_fast, 930_000_000), "14.2857");
    assert!(!is_unreachable(page_fast, 930_600_000), "14.4092");
    assert!(!is_unreachable(page_fast, 950_000_000), "20");
    // 1 ÷ (1 − objective) is the factor itself: never above it.
    let just = Tier { factor_millionths: 10_000_000, ..page_fast.clone() };
    assert!(is_unreachable(&just, 900_000_000));
    assert!(!is_unreachable(&just, 900_000_001));
}

#[test]
fn the_fewest_failures_that_fire_are_those_of_the_table() {
    let rows: [(u64, [[u64; 3]; 6]); 5] = [
        (
            990_000_000,
            [[104, 260, 519], [52, 130, 260], [35, 87, 173], [18, 44, 87], [9, 22, 44], [2, 5, 9]],
        ),
        (
            995_000_000,
            [[52, 130, 260], [26, 65, 130], [18, 44, 87], [9, 22, 44], [5, 11, 22], [1, 3, 5]],
        ),
        (999_000_000, [[11, 26, 52], [6, 13, 26], [4, 9, 18], [2, 5, 9], [1, 3, 5], [1, 1, 1]]),
        (999_500_000, [[6, 13, 26], [3, 7, 13], [2, 5, 9], [1, 3, 5], [1, 2, 3], [1, 1, 1]]),
        (999_900_000, [[2, 3, 6], [1, 2, 3], [1, 1, 2], [1, 1, 1], [1, 1, 1], [1, 1, 1]]),
    ];
    for (target, row) in rows {
        for (seconds, expected) in [5, 10, 15, 30, 60, 300].into_iter().zip(row) {
            let interval = Duration::from_secs(seconds);
            let [fast, slow, _, ticket] = &THIRTY_DAYS;
            let found = [fast, slow, ticket].map(|tier| failures_to_fire(tier, target, interval));
            assert_eq!(found, expected, "{target} at {seconds} s");
        }
    }
}

#[test]
fn a_burn_at_the_factor_itself_does_not_exceed_it() {
    // 51.84 s of an hour at 99.9 % are a burn rate of exactly 14.4 (C08).
    let burn = |bad| Burn { bad, basis: 3_600_000 };
    assert!(!burn(51_840).exceeds(14_400_000, 999_000_000));
    assert!(burn(51_841).exceeds(14_400_000, 999_000_000));
    assert!((burn(51_840).rate(999_000_000) - 14.4).abs() < 1e-12);
}

#[test]
fn nothing_expected_burns_nothing() {
    assert!(!Burn::default().exceeds(1, 999_000_000));
    assert!(Burn::default().rate(999_000_000).abs() < f64::EPSILON);
}

#[test]
fn a_century_of_outage_does_not_overflow() {
    let century = 100 * 366 * 86_400_000;
    let burn = Burn { bad: century, basis: century };
    assert!(burn.exceeds(999_000_000, 999_999_000));
    assert!(!burn.exceeds(1_000_000_000_000_000, 999_999_999));
}
