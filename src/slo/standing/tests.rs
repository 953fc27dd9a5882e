//! The worked cases (slo-cases.md) on painted time lines, and what must hold for every line.
//!
//! Seconds are exact; ratios are compared to 1e-9. A case that is about several checks goes through `joint`.
//!
//! The painter that shares no code with interval arithmetic, and the road through files, are in `tests/it`.

use super::*;
use crate::model::{Cause, ObjectiveWindow, Side, UnknownPolicy};
use crate::slo::joint::{Part, Scheme, Scope, SideScheme};
use crate::slo::spans::What;
use crate::slo::worked::{DAY, NOW, Paint, T0, days, moment, objective};
use proptest::prelude::*;
use std::ops::Range;

fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-9 * expected.abs().max(1.0)
}

/// Good, bad, unknown, excluded in whole seconds (or counts), as shown.
fn shown(standing: &Standing) -> [u64; 4] {
    let unit = if standing.unit == ObjectiveUnit::Seconds { 1_000 } else { 1 };
    standing.charged.list().map(|amount| {
        assert!(amount.is_multiple_of(unit), "{amount} ms");
        amount / unit
    })
}

/// Names of the tiers that fire.
fn fires(standing: &Standing) -> Vec<&'static str> {
    let alerts = standing.alerts().expect("the window has tiers");
    alerts.filter(|tier| tier.active).map(|tier| tier.name.as_str()).collect()
}

#[track_caller]
fn check(standing: &Standing, expected: [u64; 4], availability: Option<f64>, remaining: f64) {
    assert_eq!(shown(standing), expected);
    let found = standing.availability().map(Ratio::as_f64);
    assert_eq!(found.is_some(), availability.is_some(), "availability {found:?}");
    if let (Some(found), Some(availability)) = (found, availability) {
        assert!(close(found, availability), "availability {found}");
    }
    let found = standing.budget_remaining().expect("a budget");
    assert!(close(found, remaining), "remaining {found}");
}

#[track_caller]
fn check_coverage(standing: &Standing, expected: f64) {
    let coverage = standing.coverage().expect("something was to be observed").as_f64();
    assert!(close(coverage, expected), "coverage {coverage}");
}

#[track_caller]
fn check_burn(standing: &Standing, expected: [f64; 7]) {
    for ((word, found), expected) in standing.burn_rates().zip(expected) {
        assert!(close(found, expected), "burn over {word}: {found}");
    }
}

const NONE: [&str; 0] = [];
const ALL: [&str; 4] = ["page_fast", "page_slow", "ticket_fast", "ticket_slow"];

#[test]
fn c01_thirty_perfect_days() {
    let standing = Paint::every(30).standing(&objective());
    check(&standing, [2_592_000, 0, 0, 0], Some(1.0), 1.0);
    check_coverage(&standing, 1.0);
    check_burn(&standing, [0.0; 7]);
    assert!(close(standing.budget_total(), 2_592.0) && close(standing.budget_left(), 2_592.0));
    assert_eq!(fires(&standing), NONE);
    assert_eq!(standing.status, ObjectiveStatus::Ok);
    assert_eq!(standing.time_to_exhaustion, None);
    assert!(close(standing.elapsed(), 2_592_000.0));
    assert_eq!(standing.max_error, 0);
}

#[test]
fn c02_half_the_budget() {
    let from = T0 + 10 * DAY;
    let standing = Paint::every(24).bad(from..from + 1_296).standing(&objective());
    check(&standing, [2_590_704, 1_296, 0, 0], Some(0.9995), 0.5);
    assert!(close(standing.budget_left(), 1_296.0));
    check_burn(&standing, [0.0; 7]);
}

#[test]
fn c03_the_budget_exactly_used_up() {
    let from = T0 + 10 * DAY;
    let standing = Paint::every(24).bad(from..from + 2_592).standing(&objective());
    check(&standing, [2_589_408, 2_592, 0, 0], Some(0.999), 0.0);
    let availability = standing.availability().expect("known");
    assert!(!availability.is_below(999_000_000), "the objective is met");
    assert_eq!(standing.status, ObjectiveStatus::Exhausted);
    assert_eq!(standing.budget_remaining().map(f64::to_bits), Some(0), "0, not −0");
    assert_eq!(standing.time_to_exhaustion, Some(Duration::ZERO));
}

/// Age of the outage in seconds, availability, remaining budget, burn rates, and how many tiers fire: the table of C05.
#[rustfmt::skip]
const C05: [(u32, f64, f64, [f64; 7], usize); 15] = [
    (0, 1.0, 1.0, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], 0),
    (30, 0.999_988_425_926, 0.988_425_925_926, [100.0, 16.666_667, 8.333_333, 4.166_667, 1.388_889, 0.347_222, 0.115_741], 0),
    (60, 0.999_976_851_852, 0.976_851_851_852, [200.0, 33.333_333, 16.666_667, 8.333_333, 2.777_778, 0.694_444, 0.231_481], 1),
    (90, 0.999_965_277_778, 0.965_277_777_778, [300.0, 50.0, 25.0, 12.5, 4.166_667, 1.041_667, 0.347_222], 1),
    (120, 0.999_953_703_704, 0.953_703_703_704, [400.0, 66.666_667, 33.333_333, 16.666_667, 5.555_556, 1.388_889, 0.462_963], 1),
    (150, 0.999_942_129_63, 0.942_129_629_63, [500.0, 83.333_333, 41.666_667, 20.833_333, 6.944_444, 1.736_111, 0.578_704], 2),
    (270, 0.999_895_833_333, 0.895_833_333_333, [900.0, 150.0, 75.0, 37.5, 12.5, 3.125, 1.041_667], 4),
    (300, 0.999_884_259_259, 0.884_259_259_259, [1_000.0, 166.666_667, 83.333_333, 41.666_667, 13.888_889, 3.472_222, 1.157_407], 4),
    (600, 0.999_768_518_519, 0.768_518_518_519, [1_000.0, 333.333_333, 166.666_667, 83.333_333, 27.777_778, 6.944_444, 2.314_815], 4),
    (900, 0.999_652_777_778, 0.652_777_777_778, [1_000.0, 500.0, 250.0, 125.0, 41.666_667, 10.416_667, 3.472_222], 4),
    (1_800, 0.999_305_555_556, 0.305_555_555_556, [1_000.0, 1_000.0, 500.0, 250.0, 83.333_333, 20.833_333, 6.944_444], 4),
    (2_580, 0.999_004_629_63, 0.004_629_629_63, [1_000.0, 1_000.0, 716.666_667, 358.333_333, 119.444_444, 29.861_111, 9.953_704], 4),
    (2_610, 0.998_993_055_556, -0.006_944_444_444, [1_000.0, 1_000.0, 725.0, 362.5, 120.833_333, 30.208_333, 10.069_444], 4),
    (3_600, 0.998_611_111_111, -0.388_888_888_889, [1_000.0, 1_000.0, 1_000.0, 500.0, 166.666_667, 41.666_667, 13.888_889], 4),
    (7_200, 0.997_222_222_222, -1.777_777_777_778, [1_000.0, 1_000.0, 1_000.0, 1_000.0, 333.333_333, 83.333_333, 27.777_778], 4),
];

#[test]
fn c05_a_total_outage_growing() {
    for (age, availability, remaining, burn, count) in C05 {
        let from = NOW - i64::from(age);
        let standing = Paint::every(30).bad(from..NOW).standing(&objective());
        let bad = u64::from(age);
        check(&standing, [2_592_000 - bad, bad, 0, 0], Some(availability), remaining);
        // The table has six decimals.
        for ((word, found), expected) in standing.burn_rates().zip(burn) {
            assert!((found - expected).abs() <= 5.1e-7, "after {age} s, burn over {word}: {found}");
        }
        assert_eq!(fires(&standing), ALL[..count], "after {age} s");
    }
}

#[test]
fn c05_evaluated_continuously_an_alert_fires_a_millisecond_after_its_threshold() {
    let after = |millis: i64| {
        let mut line = Timeline::new(moment(T0));
        line.append(What::Good, moment(NOW).shifted(-millis));
        line.append(What::Bad(None), moment(NOW));
        let view = View {
            timeline: &line,
            cadences: &[],
            failures: &|_, _| 1,
            future_excluded: &|_, _| 0,
            suppressed: false,
        };
        let standing = assess(&objective(), &TimeZone::UTC, &view, moment(NOW));
        (fires(&standing).len(), standing.status)
    };
    assert_eq!([51_840, 51_841].map(|age| after(age).0), [0, 1]);
    assert_eq!([129_600, 129_601].map(|age| after(age).0), [1, 2]);
    assert_eq!([259_200, 259_201].map(|age| after(age).0), [2, 4]);
    assert_eq!(after(2_591_999).1, ObjectiveStatus::AtRisk);
    assert_eq!(after(2_592_000).1, ObjectiveStatus::Exhausted);
}

#[test]
fn c09_one_lost_probe_pages_unless_two_failures_are_asked_for() {
    let paint = Paint::every(60).bad(NOW - 120..NOW - 119);
    let standing = paint.standing(&objective());
    check(&standing, [2_591_940, 60, 0, 0], Some(43_199.0 / 43_200.0), 211.0 / 216.0);
    assert!(close(standing.budget_left(), 2_532.0));
    let sixth = 100.0 / 3.0;
    check_burn(
        &standing,
        [200.0, sixth, sixth / 2.0, sixth / 4.0, sixth / 12.0, sixth / 48.0, sixth / 144.0],
    );
    assert_eq!(fires(&standing), ["page_fast"]);
    let page_fast = standing.alerts().expect("tiers").next().expect("the first tier");
    assert!(close(page_fast.score(999_000_000), 100.0 / 6.0 / 14.4));
    let gated = paint.standing(&Objective { min_failures: 2, ..objective() });
    assert_eq!(fires(&gated), NONE);
    let page_fast = gated.alerts().expect("tiers").next().expect("the first tier");
    assert!(page_fast.score(999_000_000) > 1.0, "the score does not know of `min_failures`");
}

#[test]
fn c11_nothing_was_seen() {
    let standing = Paint::every(30).missing(T0..NOW).standing(&objective());
    check(&standing, [0, 0, 2_592_000, 0], None, 1.0);
    check_coverage(&standing, 0.0);
    assert_eq!(fires(&standing), NONE);
    assert_eq!(standing.status, ObjectiveStatus::NoData);
    assert_eq!(standing.low.map(Ratio::as_f64), Some(0.0));
    assert_eq!(standing.high.map(Ratio::as_f64), Some(1.0));
}

#[test]
fn c12_the_monitor_was_down_for_six_hours() {
    let from = T0 + 20 * DAY;
    let paint = Paint::every(30).missing(from..from + 21_600);
    let standing = paint.standing(&objective());
    check(&standing, [2_570_430, 0, 21_570, 0], Some(1.0), 1.0);
    check_coverage(&standing, 85_681.0 / 86_400.0);
    assert!(standing.low.is_some_and(|low| close(low.as_f64(), 0.991_678_240_741)));
    let policy = |unknown| paint.standing(&Objective { unknown, ..objective() });
    let bad = policy(UnknownPolicy::Bad);
    check(&bad, [2_570_430, 21_570, 0, 0], Some(0.991_678_240_741), -7.321_759_259_259);
    check_coverage(&bad, 85_681.0 / 86_400.0);
    check(&policy(UnknownPolicy::Good), [2_592_000, 0, 0, 0], Some(1.0), 1.0);
}

#[test]
fn c15_a_restart_is_like_probes_that_were_skipped() {
    let since = T0 + 25 * DAY;
    for (gap, unknown) in [(20, 0_u32), (60, 30), (180, 150), (900, 870)] {
        // The last probe was at −30 s; the first after it is at +gap, and so on in steps of 30 s.
        let before = Paint { now: since + gap, ..Paint::every(30) }.missing(since..since + gap);
        let after = Paint { begun: since + gap, ..Paint::every(30) };
        let mut line = before.raw();
        for piece in after.raw().pieces(moment(since + gap), moment(NOW)) {
            line.append(piece.what, piece.to);
        }
        let view = View {
            timeline: &line,
            cadences: &[],
            failures: &|_, _| 0,
            future_excluded: &|_, _| 0,
            suppressed: false,
        };
        let standing = assess(&objective(), &TimeZone::UTC, &view, moment(NOW));
        let dark = u64::from(unknown);
        check(&standing, [2_592_000 - dark, 0, dark, 0], Some(1.0), 1.0);
        check_coverage(&standing, 1.0 - f64::from(unknown) / 2_592_000.0);
        assert_eq!(fires(&standing), NONE);
    }
}

#[test]
fn c16_maintenance_covers_the_outage() {
    let from = T0 + 10 * DAY;
    let paint = Paint::every(30).maintenance(from..from + 7_200).bad(from + 1_800..from + 5_400);
    let standing = paint.standing(&objective());
    check(&standing, [2_584_800, 0, 0, 7_200], Some(1.0), 1.0);
    check_coverage(&standing, 1.0);
    assert!(close(standing.budget_total(), 2_584.8) && close(standing.budget_left(), 2_584.8));
    let good = paint.standing(&Objective { maintenance: PeriodPolicy::Good, ..objective() });
    check(&good, [2_592_000, 0, 0, 0], Some(1.0), 1.0);
    assert!(close(good.budget_total(), 2_592.0));
}

#[test]
fn c19_maintenance_starts_during_an_outage() {
    let paint = Paint::every(30).bad(NOW - 1_800..NOW).maintenance(NOW - 1_200..NOW + 2_400);
    let standing = paint.standing(&objective());
    check(&standing, [2_590_200, 600, 0, 1_200], Some(4_317.0 / 4_318.0), 1_659.0 / 2_159.0);
    assert!(close(standing.budget_total(), 2_590.8) && close(standing.budget_left(), 1_990.8));
    let third = 1_000.0 / 3.0;
    check_burn(
        &standing,
        [0.0, third, third / 2.0, third / 4.0, third / 12.0, third / 48.0, third / 144.0],
    );
    assert_eq!(fires(&standing), ALL[1..]);
    assert!(standing.suppressed);
    // When maintenance ends, nothing bad is left in the half hour.
    let after = Paint { now: NOW + 2_400, ..paint }.standing(&objective());
    assert_eq!(after.burns[1].bad, 0);
    assert!(!after.suppressed);
}

#[test]
fn c21a_flapping_for_ten_minutes() {
    let mut paint = Paint::every(30);
    for flap in 0..10 {
        let at = NOW - 600 + 60 * flap;
        paint = paint.bad(at..at + 1);
    }
    let standing = paint.standing(&objective());
    check(&standing, [2_591_700, 300, 0, 0], Some(8_639.0 / 8_640.0), 191.0 / 216.0);
    check_burn(
        &standing,
        [500.0, 500.0 / 3.0, 250.0 / 3.0, 125.0 / 3.0, 125.0 / 9.0, 125.0 / 36.0, 125.0 / 108.0],
    );
    assert_eq!(fires(&standing), ALL);
}

#[test]
fn c26_latency_is_a_share_of_all_results() {
    // 2000 results in 30 days; 10 failed, 15 more were slow.
    let probe = |position: i64| T0 + position * 1_296;
    let failed = Paint::every(1_296).bad(probe(100)..probe(110));
    let slow = failed.clone().bad(probe(500)..probe(515));
    let at = |kind| Objective { kind, target_parts: 990_000_000, ..objective() };
    let events = failed.standing(&at(ObjectiveKind::Events));
    check(&events, [1_990, 10, 0, 0], Some(0.995), 0.5);
    assert_eq!(events.unit.as_str(), "events");
    assert!(close(events.budget_total(), 20.0) && close(events.budget_left(), 10.0));
    check(&slow.standing(&at(ObjectiveKind::Events)), [1_975, 25, 0, 0], Some(0.9875), -0.25);
    let latency = slow.standing(&at(ObjectiveKind::Latency));
    check(&latency, [2_559_600, 32_400, 0, 0], Some(0.9875), -0.25);
    assert_eq!(latency.unit.as_str(), "s");
}

#[test]
fn c32_march_in_vienna() {
    let (from, to) = (1_772_319_600, 1_774_994_400);
    let outage = 1_774_745_400..1_774_746_600; // local 01:50 to 03:10 on 29 March
    let paint = Paint { begun: from, now: to, ..Paint::every(30) }.bad(outage);
    let month = Objective { window: ObjectiveWindow::Month, ..objective() };
    let vienna = TimeZone::get("Europe/Vienna").expect("the time zone database is installed");
    let standing = paint.standing_in(&month, &vienna);
    check(&standing, [2_673_600, 1_200, 0, 0], Some(0.999_551_368_327), 0.551_368_326_604);
    assert!(close(standing.budget_total(), 2_674.8) && close(standing.budget_left(), 1_474.8));
    // The budget is that of the whole month from its first second, and less by the maintenance to come.
    let early = Paint { now: from + 1, ..paint.clone() }.standing_in(&month, &vienna);
    assert!(close(early.budget_total(), 2_674.8));
    assert!(close(early.elapsed(), 1.0));
    let planned = Paint { now: from + 1, ..paint }.maintenance(to - 7_200..to + 3_600);
    assert!(close(planned.standing_in(&month, &vienna).budget_total(), 2_667.6));
    let good = Objective { maintenance: PeriodPolicy::Good, ..month };
    assert!(close(planned.standing_in(&good, &vienna).budget_total(), 2_674.8));
}

/// `any` and `all` of two providers over a day.
fn two_providers(a: &Paint, b: &Paint) -> [Standing; 4] {
    let side = |provider: &str, check| SideScheme {
        provider: provider.into(),
        rule: Side::Any,
        endpoints: vec![vec![check]],
    };
    let scheme = Scheme { entry: None, sides: vec![side("a", 0), side("b", 1)] };
    let lines = [(a.raw(), a.excluded()), (b.raw(), b.excluded())];
    let parts = lines.each_ref().map(|(line, excluded)| Part { line, excluded });
    [Scope::Side(0), Scope::Side(1), Scope::Any, Scope::All].map(|scope| {
        let mut line = Timeline::new(moment(T0));
        scheme.join(scope, &parts, moment(T0 + DAY), &mut line);
        let view = View {
            timeline: &line,
            cadences: &[],
            failures: &|_, _| 2,
            future_excluded: &|_, _| 0,
            suppressed: false,
        };
        let day = Objective { window: days(1), ..objective() };
        assess(&day, &TimeZone::UTC, &view, moment(T0 + DAY))
    })
}

/// The two providers, the availability of each, and of `any` and `all`: bad seconds, availability, remaining budget.
type Pair = (Paint, Paint, [f64; 2], [(u64, f64, f64); 2]);

#[test]
fn c39_to_c43_two_providers() {
    let day = || Paint { now: T0 + DAY, ..Paint::every(30) };
    let bad = |from: i64, to: i64| day().bad(T0 + from..T0 + to);
    let ten = 0.993_055_555_556;
    let rows: [Pair; 4] = [
        (
            bad(36_000, 36_600),
            bad(36_300, 36_900),
            [ten, ten],
            [
                (300, 0.996_527_777_778, -2.472_222_222_222),
                (900, 0.989_583_333_333, -9.416_666_666_667),
            ],
        ),
        (
            bad(36_000, 36_600),
            bad(50_000, 50_600),
            [ten, ten],
            [(0, 1.0, 1.0), (1_200, 0.986_111_111_111, -12.888_888_888_889)],
        ),
        (
            bad(36_000, 36_600),
            bad(36_000, 36_600),
            [ten, ten],
            [(600, ten, -5.944_444_444_444), (600, ten, -5.944_444_444_444)],
        ),
        (
            day().maintenance(T0 + 36_000..T0 + 39_600),
            bad(36_600, 36_900),
            [1.0, 0.996_527_777_778],
            [
                (300, 0.996_527_777_778, -2.472_222_222_222),
                (300, 0.996_527_777_778, -2.472_222_222_222),
            ],
        ),
    ];
    for (a, b, sides, joined) in rows {
        let standings = two_providers(&a, &b);
        for (standing, expected) in standings.iter().zip(sides) {
            assert!(close(standing.availability().expect("known").as_f64(), expected));
        }
        for (standing, (bad, availability, remaining)) in standings[2..].iter().zip(joined) {
            check(standing, [86_400 - bad, bad, 0, 0], Some(availability), remaining);
            assert!(standing.tiers.is_none(), "a window of a day has no tiers");
        }
    }
}

#[test]
fn c48_an_alert_that_cannot_fire_does_not() {
    let paint = Paint::every(30).bad(T0..NOW);
    let standing = paint.standing(&Objective { target_parts: 900_000_000, ..objective() });
    check_burn(&standing, [10.0; 7]);
    assert_eq!(fires(&standing), ALL[1..]);
}

#[test]
fn a_status_says_the_worst_that_is_certain() {
    let status = |paint: Paint| paint.standing(&objective()).status;
    let since = T0 + 5 * DAY;
    assert_eq!(status(Paint::every(30).missing(since..since + 5 * DAY)), ObjectiveStatus::Partial);
    assert_eq!(status(Paint::every(24).bad(since..since + 1_200)), ObjectiveStatus::Ok);
    assert_eq!(status(Paint::every(24).bad(since..since + 1_968)), ObjectiveStatus::AtRisk);
    assert_eq!(status(Paint::every(30).bad(NOW - 90..NOW)), ObjectiveStatus::AtRisk);
    let partial = Paint::every(30).missing(T0..since).bad(since..since + 3_600);
    assert_eq!(status(partial), ObjectiveStatus::Exhausted);
    assert_eq!(status(Paint::every(30).maintenance(T0..NOW)), ObjectiveStatus::NoData);
}

#[test]
fn an_objective_may_have_tiers_and_windows_of_its_own() {
    let own = Tier {
        name: TierName::PageSlow,
        long: Duration::from_mins(45),
        short: Duration::from_mins(3),
        factor_millionths: 2_000_000,
        severity: crate::model::AlertKind::Ticket,
    };
    let objective = Objective { tiers: Some([own].into()), window: days(1), ..objective() };
    let standing = Paint::every(30).bad(NOW - 60..NOW).standing(&objective);
    let alerts: Vec<_> = standing.alerts().expect("tiers").collect();
    assert_eq!(alerts.len(), 1);
    assert_eq!(alerts[0].severity, crate::model::AlertKind::Ticket);
    assert_eq!(alerts[0].long, Burn { bad: 60_000, basis: 2_700_000 });
    assert_eq!(alerts[0].short, Burn { bad: 60_000, basis: 180_000 });
    assert!(alerts[0].active);
}

#[test]
fn slices_and_events_of_one_line() {
    let from = T0 + 10 * DAY;
    // A quarter of a minute bad, twice; six hours without results.
    let paint = Paint::every(15)
        .bad(from..from + 1)
        .bad(from + 300..from + 301)
        .missing(from + 3_600..from + 25_200);
    let slices = Objective {
        kind: ObjectiveKind::Slices,
        slice: Some(Duration::from_mins(1)),
        ..objective()
    };
    let standing = paint.standing(&slices);
    // The last result before the gap holds for 30 s: its slice is good, the first whole slice without is the next.
    assert_eq!(shown(&standing), [43_200 - 2 - 359, 2, 359, 0]);
    assert_eq!(standing.unit.as_str(), "slices");
    assert!(close(standing.budget_total(), 43.2));
    let events = paint.standing(&Objective { kind: ObjectiveKind::Events, ..objective() });
    // 1440 results are missing; the time line lacks 21585 s of them.
    assert_eq!(shown(&events), [172_800 - 2 - 1_440, 2, 1_439, 0]);
    assert_eq!(events.status, ObjectiveStatus::Ok);
}

#[test]
fn a_calendar_window_in_progress_counts_what_is_to_come_in_its_own_unit() {
    let paint = Paint { now: T0 + DAY, ..Paint::every(30) }.bad(T0..T0 + 60);
    let month = |kind| Objective {
        kind,
        window: ObjectiveWindow::Month,
        slice: Some(Duration::from_mins(5)),
        ..objective()
    };
    let total = |kind| paint.standing(&month(kind)).budget_total();
    assert!(close(total(ObjectiveKind::Time), 2_678.4));
    assert!(close(total(ObjectiveKind::Events), 89.28));
    assert!(close(total(ObjectiveKind::Slices), 8.928));
}

/// A line from letters and lengths in milliseconds, beginning at `begun`.
fn painted(begun: i64, letters: &[(u8, i64)]) -> Timeline {
    let mut line = Timeline::new(Timestamp::from_millis(begun));
    for (letter, length) in letters {
        let what = match letter {
            0 => What::Good,
            1 => What::Bad(None),
            2 => What::Unknown(Cause::Stopped),
            _ => What::Excluded,
        };
        line.append(what, line.upto().shifted(*length));
    }
    line
}

fn judged(objective: &Objective, line: &Timeline) -> Standing {
    let view = View {
        timeline: line,
        cadences: &[],
        failures: &|_, _| 1,
        future_excluded: &|_, _| 0,
        suppressed: false,
    };
    assess(objective, &TimeZone::UTC, &view, line.upto())
}

fn letters(count: Range<usize>) -> impl Strategy<Value = Vec<(u8, i64)>> {
    prop::collection::vec((0..4_u8, 1..40_000_000_i64), count)
}

proptest! {
    #[test]
    fn a_window_is_accounted_for_to_the_millisecond(letters in letters(0..60), target in 1..WHOLE) {
        let line = painted(0, &letters);
        let standing = judged(&Objective { target_parts: target, ..objective() }, &line);
        prop_assert_eq!(standing.measured.total(), 2_592_000_000);
        prop_assert_eq!(standing.charged.total(), 2_592_000_000);
        for burn in standing.burns {
            prop_assert!(burn.bad <= burn.basis);
        }
    }

    #[test]
    fn shifting_a_line_in_time_changes_nothing(letters in letters(1..60), by in 0..1_000_000_000_i64) {
        let here = judged(&objective(), &painted(0, &letters));
        let there = judged(&objective(), &painted(by, &letters));
        prop_assert_eq!(there, Standing { span: there.span, ..here });
        prop_assert_eq!(there.at(), here.at().shifted(by));
    }

    #[test]
    fn bad_time_costs_its_share_of_the_budget_when_nothing_ages_out(
        letters in letters(1..20),
        more in 1..10_000_000_i64,
    ) {
        // A month in progress: nothing leaves it before its end.
        let month = Objective { window: ObjectiveWindow::Month, ..objective() };
        let letters: Vec<_> = letters.into_iter().map(|(letter, length)| (letter, length % 86_400_000)).collect();
        let mut line = painted(T0 * 1_000, &letters);
        line.append(What::Good, line.upto().shifted(1));
        let before = judged(&month, &line).budget;
        line.append(What::Bad(None), line.upto().shifted(more));
        let after = judged(&month, &line).budget;
        prop_assert_eq!(after.eligible, before.eligible);
        let spent = u64::try_from(more).expect("positive");
        prop_assert_eq!(after.spent - before.spent, spent);
        prop_assert_eq!(before.left_parts() - after.left_parts(), i128::from(spent) * i128::from(WHOLE));
    }

    #[test]
    fn an_alert_fires_exactly_when_its_score_is_above_one(letters in letters(1..60)) {
        let standing = judged(&objective(), &painted(0, &letters));
        for tier in standing.alerts().expect("tiers") {
            let score = tier.score(999_000_000);
            prop_assert!((score - 1.0).abs() < 1e-9 || tier.active == (score > 1.0));
        }
    }

    #[test]
    fn any_is_no_worse_than_the_better_side_and_all_no_better_than_the_worse(
        sides in prop::array::uniform2(prop::collection::vec((0..2_u8, 1..20_000_000_i64), 0..20)),
    ) {
        let whole = |letters: &Vec<(u8, i64)>| {
            let mut line = painted(0, letters);
            line.append(What::Good, Timestamp::from_millis(400_000_000));
            line
        };
        let [a, b] = sides.each_ref().map(whole);
        let parts = [&a, &b].map(|line| Part { line, excluded: &[] });
        let side = |check| SideScheme { provider: "p".into(), rule: Side::Any, endpoints: vec![vec![check]] };
        let scheme = Scheme { entry: None, sides: vec![side(0), side(1)] };
        let day = Objective { window: days(1), ..objective() };
        let bad = |scope| {
            let mut line = Timeline::new(Timestamp::default());
            scheme.join(scope, &parts, a.upto(), &mut line);
            judged(&day, &line).charged.bad
        };
        let (one, other) = (bad(Scope::Side(0)), bad(Scope::Side(1)));
        prop_assert!(bad(Scope::Any) <= one.min(other));
        prop_assert!(bad(Scope::All) >= one.max(other));
        prop_assert_eq!(bad(Scope::Any) + bad(Scope::All), one + other);
    }
}
