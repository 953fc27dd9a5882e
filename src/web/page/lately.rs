//! What is planned and what has happened: maintenance that holds or comes next, outages that last or ended lately.
//!
//! Bounded: a page is for the last days, the API and `report` for more.
//!
//! Services and their checks are shown elsewhere.

use super::{Sheet, mark};
use crate::model::{MaintenancePhase, State, Timestamp, human_duration};
use crate::monitor::desk::WindowView;
use crate::monitor::outages::Outage;
use maud::{Markup, html};

/// Windows that hold and are shown.
pub(super) const NOW_SHOWN: usize = 8;

/// Windows to come that are shown.
pub(super) const NEXT_SHOWN: usize = 3;

/// A window is not announced on the page before it is so near.
pub(super) const NEXT_WITHIN: i64 = 7 * 86_400_000;

/// Outages that are shown.
pub(super) const OUTAGES_SHOWN: usize = 12;

pub(super) fn maintenance(sheet: &Sheet) -> Markup {
    html! {
        @if !sheet.maintenance.is_empty() {
            section.planned aria-label="Maintenance" {
                ul { @for window in &sheet.maintenance { (planned(window, sheet.about.now)) } }
            }
        }
    }
}

fn planned(window: &WindowView, now: Timestamp) -> Markup {
    let holds = window.phase == MaintenancePhase::Now;
    let from = window.from.since(now);
    html! {
        li class=(mark::class(State::Maintenance)) {
            (mark::mark(State::Maintenance)) " "
            span.word { @if holds { "maintenance" } @else { "maintenance in " (human_duration(from)) } }
            ", "
            time datetime=(mark::rfc3339(window.to)) title=(mark::civil(window.to)) {
                @if holds { "for another " (human_duration(window.to.since(now))) }
                @else { "for " (human_duration(window.to.since(window.from))) }
            }
            ": " code { (window.matching) }
            @if let Some(reason) = &window.reason { " " span.from { (reason) } }
            @if let Some(by) = &window.by { " " span.from { "(" (by) ")" } }
        }
    }
}

pub(super) fn outages(sheet: &Sheet) -> Markup {
    html! {
        @if !sheet.outages.is_empty() {
            section.outages aria-label="Outages" {
                h2 { "Outages" }
                ul { @for each in &sheet.outages { (outage(sheet, each)) } }
                @if sheet.more_outages > 0 {
                    p { (sheet.more_outages) " more: " a href="/api/v1/outages" { "all as JSON" } }
                }
            }
        }
    }
}

fn outage(sheet: &Sheet, outage: &Outage) -> Markup {
    let now = sheet.about.now;
    let lasted = human_duration(outage.ended.unwrap_or(now).since(outage.started));
    let state = if outage.ended.is_some() { State::Unknown } else { State::Down };
    let title = sheet.titles.get(&*outage.service).map_or(&*outage.service, String::as_str);
    html! {
        li class=(mark::class(state)) {
            p.when {
                @if outage.ended.is_some() {
                    (mark::ago(outage.started, now)) ", lasted " b { (lasted) }
                } @else {
                    span.word { "now" } ", for " b { (lasted) }
                }
            }
            p.what {
                a href=(mark::link("service", &outage.service)) { (title) }
                @match &*outage.scope {
                    "entry" => " at its public name",
                    "any" => " on every provider",
                    _ => { " on " (outage.provider) }
                }
                @if let Some(said) = &outage.said { span.fine { (said) } }
            }
            p.why {
                @if let Some(reason) = outage.reason { span.reason { (reason) } }
                @if let Some(blame) = outage.blame { " " span.reason title=(blame.meaning()) { (blame) } }
            }
        }
    }
}
