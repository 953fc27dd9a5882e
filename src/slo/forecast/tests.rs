//! When budgets run out: the two cases of slo.md 4.1 (C25), calendar windows, and a recount millisecond by millisecond.
//!
//! Rates are written as bad time in so much time.
//!
//! What the last hour was is measured elsewhere.

use super::*;
use crate::model::{ObjectiveWindow, PeriodPolicy, Timestamp, UnknownPolicy};
use crate::slo::spans::What;
use crate::slo::worked::{DAY, NOW, Paint, T0, objective};
use proptest::prelude::*;

const HOUR: i64 = 3_600;

fn seconds(found: Option<Duration>) -> Option<u64> {
    found.map(|after| {
        assert_eq!(after.subsec_nanos(), 0);
        after.as_secs()
    })
}

#[test]
fn c25_an_old_outage_leaves_the_window_in_time() {
    // Left: 2592 − 1200 − 900 = 492 s; the last hour burns at 10, so 49 200 s by division. But the outage of 1200 s
    // leaves within that time, and lasts for as much again.
    let paint = Paint::every(12)
        .bad(T0 + HOUR..T0 + HOUR + 1_200)
        .bad(NOW - 10 * DAY..NOW - 10 * DAY + 864)
        .bad(NOW - 36..NOW);
    let standing = paint.standing(&objective());
    assert!((standing.budget_left() - 492.0).abs() < 1e-9);
    assert_eq!(standing.burns[2].bad, 36_000, "a burn of 10");
    assert_eq!(seconds(standing.time_to_exhaustion), Some(169_200));
}

#[test]
fn c25_a_burn_below_one_never_ends_once_the_past_has_left() {
    // Remaining 11/60 at a burn of 0.5: 11 days by division.
    let old = 2_115;
    let line = {
        let mut line = Timeline::new(Timestamp::from_millis(0));
        line.append(What::Good, Timestamp::from_millis(3_600_000));
        line.append(What::Bad(None), Timestamp::from_millis(3_600_000 + old * 1_000));
        line.append(What::Good, Timestamp::from_millis(2_592_000_000 - 1_800));
        line.append(What::Bad(None), Timestamp::from_millis(2_592_000_000));
        line
    };
    let course = course(&line, 2_592_000_000, 999_000_000);
    let left = course.budget.left_parts();
    assert_eq!(left, (2_592_000 - 2_115_000 - 1_800) * 1_000_000_000);
    let half = Rate { bad: 1_800, per: 3_600_000 };
    // 475.2 s at 0.5 ms a second: 950 400 s are eleven days.
    assert_eq!(div_ceil(left * 3_600_000, 1_800 * 1_000_000_000), 950_400_000);
    assert_eq!(course.exhausted_after(half), None);
}

#[test]
fn a_calendar_window_ends_at_its_boundary() {
    let month = crate::model::Objective { window: ObjectiveWindow::Month, ..objective() };
    // Half of the month's 2678.4 s are gone; the rest lasts 37.2 hours at a burn of 10.
    let spent = Paint::every(12).bad(T0 + HOUR..T0 + HOUR + 1_308);
    let at = |now: i64| Paint { now, ..spent.clone() }.bad(now - 36..now).standing(&month);
    let early = at(T0 + 10 * DAY);
    assert_eq!(seconds(early.time_to_exhaustion), Some(133_440));
    let end = T0 + 31 * DAY;
    assert_eq!(seconds(at(end - 133_440).time_to_exhaustion), Some(133_440), "at the last moment");
    assert_eq!(at(end - 133_440 + 12).time_to_exhaustion, None, "the month ends before");
}

#[test]
fn without_burn_it_lasts_for_ever_and_what_is_spent_is_spent() {
    let paint = Paint::every(12).bad(T0 + HOUR..T0 + HOUR + 1_200);
    assert_eq!(paint.standing(&objective()).time_to_exhaustion, None);
    let gone = Paint::every(12).bad(T0 + HOUR..T0 + HOUR + 2_592);
    assert_eq!(gone.standing(&objective()).time_to_exhaustion, Some(Duration::ZERO));
}

#[test]
fn windows_of_centuries_do_not_overflow() {
    let century = 3_155_760_000_000;
    let mut line = Timeline::new(Timestamp::from_millis(0));
    line.append(What::Good, Timestamp::from_millis(century * 5));
    let course = course(&line, century * 5, 999_999_999);
    let found = course.exhausted_after(Rate { bad: 3_599_999, per: 3_600_000 }).expect("it burns");
    // The budget is 15 778.8 ms; at nearly full rate that is a little longer.
    assert_eq!(found.as_millis(), 15_779);
}

fn course(line: &Timeline, window: i64, target_parts: u64) -> Course<'_> {
    let to = line.upto();
    let span = Span { from: to.shifted(-window), to, full_to: to, rolling: true };
    let policies = Policies { unknown: UnknownPolicy::Exclude, maintenance: PeriodPolicy::Exclude };
    let measured = line.amounts(span.from, to);
    let eligible = measured.total() - measured.excluded;
    let budget = Budget { target_parts, eligible, spent: measured.bad };
    Course { line, meter: Meter::Time(line), policies, span, measured, budget }
}

proptest! {
    #[test]
    fn the_first_millisecond_without_budget_is_that_of_a_recount(
        stretches in prop::collection::vec((0..3_u8, 1..60_i64), 1..20),
        target in 1..1_000_u64,
        bad in 0..50_u64,
    ) {
        let mut line = Timeline::new(Timestamp::from_millis(0));
        for (letter, length) in stretches {
            let what = [What::Good, What::Bad(None), What::Excluded][usize::from(letter)];
            line.append(what, line.upto().shifted(length));
        }
        let window = 300;
        let course = course(&line, window, target * 1_000_000);
        prop_assume!(course.budget.eligible > 0);
        let rate = Rate { bad, per: 50 };
        let found = course.exhausted_after(rate).map(|after| after.as_millis());
        let allowed = 1_000 - i128::from(target);
        let to = line.upto();
        let first = (0..=window).find(|after| {
            let past = line.amounts(to.shifted(after - window), to);
            let eligible = i128::from(window) - i128::from(past.excluded);
            let spent = i128::from(past.bad) * 50 + i128::from(*after) * i128::from(bad);
            // Both sides times 50 000.
            spent * 1_000 >= allowed * eligible * 50
        });
        let expected = first.and_then(|after| u128::try_from(after).ok());
        // Burning nothing, only a budget that is gone already is found gone.
        let expected = expected.filter(|after| bad > 0 || *after == 0);
        prop_assert_eq!(found, expected);
    }
}
