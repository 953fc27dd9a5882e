//! What a person reads out of a view: one state for a service, the check that explains a side, and one sentence why.
//!
//! Pure functions of views and `now`. The joined states themselves come from the rules; here is only which of them is
//! put first, and in which words.
//!
//! It renders nothing: page and API do.

pub mod promise;

use crate::model::{Cause, Phase, State, Timestamp, Verdict, Warning, human_duration};
use crate::monitor::snapshot::{
    CheckView, EndpointView, ResultView, ServiceView, SideView, Standing,
};

/// Why something is not simply up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// The reason, cause or warning.
    pub word: &'static str,
    /// One sentence.
    pub said: String,
    /// `service/endpoint/probe` of the check that says so.
    pub check: String,
}

/// The one state shown for a service: down when no side can serve, degraded while one of several cannot, else the state
/// of all sides together.
pub fn overall(service: &ServiceView) -> Standing {
    let entry = service.entry.as_ref().map(|entry| entry.standing);
    if service.any.state == State::Down {
        service.any
    } else if let Some(entry) = entry.filter(|entry| entry.state == State::Down) {
        entry
    } else if service.all.state == State::Down {
        Standing { state: State::Degraded, since: service.all.since }
    } else {
        service.all
    }
}

/// Why a side is not up, by its worst check; `None` when it is.
pub fn why_side(side: &SideView, now: Timestamp) -> Option<Why> {
    if matches!(side.standing.state, State::Up | State::Maintenance) {
        return None;
    }
    worst_check(&side.endpoints).and_then(|check| why_check(check, now))
}

/// The check that stands for these endpoints: one that counts before one that does not, then the worst, then the first
/// in the order of the configuration, so that it does not change from one look to the next.
pub fn worst_check(endpoints: &[EndpointView]) -> Option<&CheckView> {
    let weight = |check: &CheckView| (check.counts, check.standing.state);
    let checks = endpoints.iter().flat_map(|endpoint| &endpoint.checks);
    checks.reduce(|chosen, next| if weight(next) > weight(chosen) { next } else { chosen })
}

/// Why a check is not up; `None` when it is, or is in maintenance.
pub fn why_check(check: &CheckView, now: Timestamp) -> Option<Why> {
    let last = check.last.as_ref();
    let (word, said) = match check.standing.state {
        State::Up | State::Maintenance => return None,
        State::Unknown => {
            let word = check.cause.map_or("unknown", Cause::as_str);
            let said = match last {
                Some(last) if last.verdict == Verdict::Unknown => last.said.to_string(),
                Some(_) => "nothing has been seen for longer than a result holds".into(),
                None => "no result yet".into(),
            };
            (word, said)
        }
        State::Down => match failure(check) {
            Some(failure) => (reason(failure), failure.said.to_string()),
            None => ("down", "the last runs were bad".into()),
        },
        State::Degraded => match last {
            Some(last) if last.verdict == Verdict::Bad => {
                (reason(last), format!("{} (not yet confirmed)", last.said))
            }
            Some(last) => match last.warnings.iter().next() {
                Some(warning) => (warning.as_str(), warning_sentence(warning, last, now)),
                None => ("recovering", "good again, not yet confirmed".into()),
            },
            None => ("degraded", "no result yet".into()),
        },
    };
    Some(Why { word, said, check: check.id.to_string() })
}

/// A warning in words.
pub fn warning_sentence(warning: Warning, result: &ResultView, now: Timestamp) -> String {
    match warning {
        Warning::Slow => {
            let slowest = slowest_phase(result)
                .map(|phase| format!(", most of it in {phase}"))
                .unwrap_or_default();
            format!("slow: {} in all{slowest}", human_duration(result.latency))
        }
        Warning::TlsExpiresSoon => match result.certificate_not_after {
            Some(end) if end > now => {
                format!("a certificate ends in {}", human_duration(end.since(now)))
            }
            Some(end) => format!("a certificate ended {} ago", human_duration(now.since(end))),
            None => "a certificate ends soon".into(),
        },
        Warning::SerialLag => "a name server is behind its peers".into(),
        Warning::Program | Warning::Loss => result.said.to_string(),
    }
}

fn slowest_phase(result: &ResultView) -> Option<Phase> {
    result.phases.iter().max_by_key(|(_, _, took)| *took).map(|(phase, _, _)| phase)
}

/// The failure that a down check is down for: the last run if it was bad, else the last bad one.
fn failure(check: &CheckView) -> Option<&ResultView> {
    check.last.as_ref().filter(|last| last.verdict == Verdict::Bad).or(check.last_failure.as_ref())
}

fn reason(result: &ResultView) -> &'static str {
    result.reason.map_or("bad", |reason| reason.as_str())
}
