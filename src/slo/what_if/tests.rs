//! Outages that have not happened.
//!
//! The answer must be that of the same outage painted as past.
//!
//! The arithmetic of budgets is tested elsewhere.

use super::*;
use crate::model::{ObjectiveKind, ObjectiveWindow};
use crate::slo::worked::{DAY, NOW, Paint, T0, moment, objective};

const QUARTER: Duration = Duration::from_mins(15);
const HALF_MINUTE: Duration = Duration::from_secs(30);

#[test]
fn a_quarter_of_an_hour_from_now_is_that_of_a_past_one() {
    let before = Paint::every(30).bad(T0 + 20 * DAY..T0 + 20 * DAY + 600);
    let past = Paint { now: NOW + 900, ..before.clone() }.bad(NOW..NOW + 900);
    for kind in [ObjectiveKind::Time, ObjectiveKind::Events, ObjectiveKind::Slices] {
        let objective = Objective { kind, min_failures: 30, ..objective() };
        let if_so = before.view(|view| {
            after_outage(&objective, &TimeZone::UTC, view, moment(NOW), QUARTER, HALF_MINUTE)
        });
        assert_eq!(if_so, past.standing(&objective));
        assert!(if_so.alerts().expect("tiers").all(|tier| tier.active));
        let strict = Objective { min_failures: 31, ..objective };
        let if_so = before.view(|view| {
            after_outage(&strict, &TimeZone::UTC, view, moment(NOW), QUARTER, HALF_MINUTE)
        });
        let pages = if_so.alerts().expect("tiers").next().expect("page_fast");
        assert!(!pages.active, "30 runs fail in an outage of a quarter of an hour");
    }
}

#[test]
fn a_deploy_may_be_down_for_what_is_left_and_what_leaves_meanwhile() {
    let left = |paint: &Paint, objective: &Objective| {
        paint.view(|view| downtime_left(objective, &TimeZone::UTC, view, moment(paint.now)))
    };
    assert_eq!(left(&Paint::every(30), &objective()), Some(Duration::from_secs(2_592)));
    // An outage of 600 s leaves from now on: it makes room for as much.
    let leaving = Paint::every(30).bad(T0..T0 + 600);
    assert_eq!(left(&leaving, &objective()), Some(Duration::from_secs(2_592)));
    let staying = Paint::every(30).bad(NOW - DAY..NOW - DAY + 600);
    assert_eq!(left(&staying, &objective()), Some(Duration::from_secs(1_992)));
    let events = Objective { kind: ObjectiveKind::Events, ..objective() };
    assert_eq!(left(&staying, &events), Some(Duration::from_secs(1_992)));
    let month = Objective { window: ObjectiveWindow::Month, ..objective() };
    let last_minute = Paint { now: T0 + 31 * DAY - 60, ..Paint::every(30) };
    assert_eq!(left(&last_minute, &month), None, "the month ends before");
}
