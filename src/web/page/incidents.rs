//! What is down now, at the top of the page: per incident what, since when, whose, why, and how much is affected.
//!
//! Bounded; what does not fit is counted.
//!
//! Single outages are listed further down.

use super::{Sheet, mark};
use crate::model::{State, human_duration};
use crate::monitor::outages::{CanaryView, Incident};
use maud::{Markup, html};

/// Incidents that are shown, the longest first.
pub(super) const INCIDENTS_SHOWN: usize = 5;

pub(super) fn incidents(sheet: &Sheet) -> Markup {
    let shown = &sheet.incidents[..sheet.incidents.len().min(INCIDENTS_SHOWN)];
    let more = sheet.incidents.len() - shown.len();
    html! {
        @if !shown.is_empty() || !sheet.odd_canaries.is_empty() {
            section.incidents aria-label="Incidents" {
                ul {
                    @for each in shown { (incident(sheet, each)) }
                    @for each in &sheet.odd_canaries { (odd_canary(each)) }
                }
                @if more > 0 {
                    p { (more) " more: " a href="/api/v1/outages?active=true" { "all as JSON" } }
                }
            }
        }
    }
}

fn incident(sheet: &Sheet, incident: &Incident) -> Markup {
    let judgement = &incident.judgement;
    let lasted = human_duration(sheet.about.now.since(incident.started));
    let (services, checks) = (incident.services.len(), incident.checks.len());
    html! {
        li class=(mark::class(State::Down)) {
            p.what {
                (mark::mark(State::Down)) " " b { (incident.whom()) } " down for " b { (lasted) }
                " " span.fine {
                    (services) @if services == 1 { " service, " } @else { " services, " }
                    (checks) @if checks == 1 { " check" } @else { " checks" }
                }
            }
            p.whose {
                "It is " (judgement.whose())
                @if judgement.coupled { "; it broke another cloud too" }
                ". " span.reason { (judgement.blame) }
            }
            @if !incident.because.is_empty() { p.fine { "Because " (incident.because) "." } }
        }
    }
}

fn odd_canary(canary: &CanaryView) -> Markup {
    html! {
        li class=(mark::class(State::Degraded)) {
            p.what {
                (mark::mark(State::Degraded)) " The canary of " b { (canary.provider) }
                @if !canary.region.is_empty() { " in " (canary.region) }
                " is bad and every service beside it is good: look at the canary. It blames nobody."
            }
        }
    }
}
