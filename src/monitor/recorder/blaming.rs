//! The recorder's part in blame: when outages are judged, what is asked for that, and how incidents stand in the log.
//!
//! It judges once per batch of events in which something began or ended (where very many last, less often), and once a second
//! while something lasts. When an outage begins, whatever decides about it is looked at again at once, so that a cloud is
//! blamed in seconds and not after the canary's interval. The log has a line per incident, not per check or side.
//!
//! It decides nothing: `outages` does.

use super::Recorder;
use crate::model::{Action, Timestamp};
use crate::monitor::event::Recheck;
use crate::monitor::outages::{Line, Subject};
use crate::monitor::scene::Scene;
use crate::monitor::seat_of;
use std::sync::PoisonError;

impl Recorder {
    /// Judges what lasts, if that is due; stores and tells what is new.
    pub(super) fn judge(&mut self) {
        let outages = self.outages.lock().unwrap_or_else(PoisonError::into_inner);
        if outages.is_due(self.now) {
            drop(outages);
            self.judge_now();
        }
    }

    /// Judges what lasts, due or not.
    pub(super) fn judge_now(&mut self) {
        let mut outages = self.outages.lock().unwrap_or_else(PoisonError::into_inner);
        let references = self.references.list();
        let scene = Scene::look(&self.places, &self.ledger, &references, &self.heard);
        let judged = outages.judge(self.now, &scene);
        drop(outages);
        if let Some(journal) = &mut self.journal {
            for outage in &judged.changed {
                journal.outage(outage);
            }
        }
        for line in &judged.lines {
            log_line(line);
        }
    }

    /// Whether something is down, and nobody has asked yet whose it is.
    pub(super) fn is_unjudged(&self, subject: Subject) -> bool {
        self.outages.lock().unwrap_or_else(PoisonError::into_inner).is_unjudged(subject)
    }

    /// An outage of a service has begun: what decides whose it is, is looked at again at once.
    pub(super) fn ask_around(&self, service: usize) {
        let references = self.references.list();
        for position in self.places.deciding(service) {
            let Some(last) = &references[position].last else { continue };
            let check = self.references.index(position);
            // As with any other recheck: without room this extra look does not happen; the grid goes on.
            let worker = seat_of(&self.lookouts[check.get()], self.rechecks.len());
            let recheck = Recheck { check, at: self.now, after: last.at };
            let _ = self.rechecks[worker].try_send(recheck);
        }
    }

    /// A reference has another state, which may be news about blame.
    pub(super) fn stir(&self) {
        self.outages.lock().unwrap_or_else(PoisonError::into_inner).stir();
    }

    /// It is `at`.
    pub(super) fn pass(&mut self, at: Timestamp) {
        self.now = self.now.max(at);
    }
}

/// One line per incident: an error where a service is down for its users, else a warning; information when it is over.
fn log_line(line: &Line) {
    match line {
        Line::Opened(incident) | Line::Revised(incident) => {
            let (id, blame) = (&*incident.id, incident.judgement.blame.as_str());
            let (services, checks) = (incident.services.len(), incident.checks.len());
            let action = if matches!(line, Line::Opened(_)) {
                Action::OutageOpened
            } else {
                Action::OutageRevised
            }
            .as_str();
            let since_ms = incident.started.as_millis();
            let reason = incident.first.as_ref().map(|(_, reason, _)| reason.as_str());
            let service = incident.named.join(",");
            if incident.whole {
                tracing::error!(
                    action,
                    incident = id,
                    blame,
                    service,
                    services,
                    checks,
                    reason,
                    since_ms,
                    "{line}"
                );
            } else {
                tracing::warn!(
                    action,
                    incident = id,
                    blame,
                    service,
                    services,
                    checks,
                    reason,
                    since_ms,
                    "{line}"
                );
            }
        }
        Line::Ended(incident) => {
            let (id, blame) = (&*incident.id, incident.judgement.blame.as_str());
            let since_ms = incident.started.as_millis();
            let took_ms = incident.ended.map(|end| end.since(incident.started).as_millis());
            tracing::info!(
                action = Action::OutageEnded.as_str(),
                incident = id,
                blame,
                service = incident.named.join(","),
                since_ms,
                took_ms,
                "{line}"
            );
        }
        Line::More(_) => tracing::warn!(action = Action::OutagesMore.as_str(), "{line}"),
    }
}
