//! What became of public names in the reported time: failovers with their steps, and drills.
//!
//! Both are as they were stored. A failover that began before the reported time and went on into it is listed whole, so
//! that its steps can be read. With a provider asked for, those that neither left nor reached it are left out.
//!
//! What a failover is, and whether it was late, silent or split, is decided elsewhere.

use super::form::{DrillRow, FailoverRow};
use super::question::Question;
use crate::model::{FailoverCause, FailoverStep, Timestamp};
use crate::monitor::entries::{KeptDrill, KeptFailover};
use crate::monitor::form::Number;
use crate::slo::window::Span;

/// The failovers of a service, by their beginning.
pub(super) fn failovers(
    all: &[(String, KeptFailover)],
    (service, span, at): (&str, Span, Timestamp),
    question: &Question,
) -> Vec<FailoverRow> {
    let is_asked = |failover: &KeptFailover| {
        question.provider().is_none_or(|name| {
            failover.from == name || failover.to.as_deref().is_some_and(|to| to == name)
        })
    };
    let listed = all.iter().filter(|(_, each)| {
        each.service == service && is_during(span, each.began_ms, each.ended_ms) && is_asked(each)
    });
    let mut rows: Vec<FailoverRow> =
        listed.map(|(vantage, failover)| FailoverRow::new(vantage, failover, at)).collect();
    rows.sort_by(|one, next| one.began.0.total_cmp(&next.began.0));
    rows
}

/// The drills of a service, by their start.
pub(super) fn drills(
    all: &[(String, KeptDrill)],
    (service, span, at): (&str, Span, Timestamp),
) -> Vec<DrillRow> {
    let listed = all.iter().filter(|(_, each)| {
        each.service == service && is_during(span, each.started_ms, each.ended_ms)
    });
    let mut rows: Vec<DrillRow> =
        listed.map(|(vantage, drill)| DrillRow::new(vantage, drill, at)).collect();
    rows.sort_by(|one, next| one.started.0.total_cmp(&next.started.0));
    rows
}

fn is_during(span: Span, from_ms: i64, to_ms: Option<i64>) -> bool {
    from_ms < span.to.as_millis() && to_ms.is_none_or(|to| to > span.from.as_millis())
}

/// How long from one moment to another, never less than nothing.
fn between(from_ms: i64, to_ms: i64) -> Number {
    Number::seconds(u64::try_from(to_ms - from_ms).unwrap_or_default())
}

impl FailoverRow {
    fn new(vantage: &str, failover: &KeptFailover, at: Timestamp) -> Self {
        let cause = FailoverCause::from_word(&failover.cause);
        let silent = cause == Some(FailoverCause::Silent);
        let marks = [(failover.late, "late"), (silent, "silent"), (failover.split, "split")];
        let steps =
            FailoverStep::ALL.iter().zip(failover.steps_ms).filter_map(|(step, reached)| {
                Some((step.to_string(), between(failover.began_ms, reached?)))
            });
        Self {
            vantage: vantage.to_owned(),
            cause: failover.cause.clone(),
            planned: cause == Some(FailoverCause::Planned),
            from: failover.from.clone(),
            to: failover.to.clone(),
            began: moment(failover.began_ms),
            steps_s: steps.collect(),
            recovered: failover.recovered_ms.map(moment),
            marks: marks.iter().filter(|(is, _)| *is).map(|(_, mark)| (*mark).to_owned()).collect(),
            ended: failover.ended_ms.map(moment),
            duration_s: between(failover.began_ms, failover.ended_ms.unwrap_or(at.as_millis())),
        }
    }
}

impl DrillRow {
    fn new(vantage: &str, drill: &KeptDrill, at: Timestamp) -> Self {
        Self {
            vantage: vantage.to_owned(),
            started: moment(drill.started_ms),
            ended: drill.ended_ms.map(moment),
            duration_s: between(drill.started_ms, drill.ended_ms.unwrap_or(at.as_millis())),
            by: drill.by.clone(),
            reason: drill.reason.clone(),
            ended_by: drill.ended_by.clone(),
        }
    }
}

fn moment(millis: i64) -> Number {
    Timestamp::from_millis(millis).into()
}
