//! One service in full: its state, its sides beside each other, and its checks behind a fold.
//!
//! A side says its state, since when, and the sentence of the check that explains it; the runs of that check are drawn
//! beside it, newest on the right.
//!
//! The table of checks is in `check`.

use super::{RUNS_DRAWN, Sheet, check, exposure, mark, promise};
use crate::model::Verdict;
use crate::monitor::snapshot::{CheckView, EntryView, ServiceView, SideView, Step};
use crate::web::reading;
use maud::{Markup, html};
use std::time::Duration;

/// Width of one run in the drawing, with the gap after it.
const RUN_STEP: usize = 4;

/// Height of the drawing.
const RUN_HEIGHT: f64 = 24.0;

pub(super) fn in_full(sheet: &Sheet, service: &ServiceView) -> Markup {
    let standing = reading::overall(service);
    let title = mark::id("title", &service.name);
    let checks = service.checks().count();
    html! {
        article class={ "service " (mark::class(standing.state)) } aria-labelledby=(title) {
            header {
                h2 id=(title) {
                    (mark::mark(standing.state))
                    a href=(mark::link("service", &service.name)) data-key=(title) { (service.title) }
                }
                p.standing {
                    span.word { (standing.state) } " " (mark::since(standing, sheet.about.now))
                }
                @if service.runbook.is_some() || !service.labels.is_empty() {
                    p.labels {
                        @for (name, value) in &*service.labels {
                            span.label { (name) " " b { (value) } } " "
                        }
                        @if let Some(runbook) = &service.runbook {
                            a.runbook href=(safe(runbook)) rel="noreferrer" { "runbook" }
                        }
                    }
                }
            }
            (promise::list(sheet.promises.get(&*service.name).map_or(&[], Vec::as_slice)))
            div.sides {
                @if let Some(each) = &service.entry { (entry(sheet, each)) }
                @for each in &service.sides { (side(sheet, each)) }
            }
            (exposure::strip(sheet.exposures.get(&*service.name)))
            details.checks id=(mark::id("checks", &service.name)) open[sheet.is_about_one()] {
                summary data-key=(mark::id("fold", &service.name)) {
                    (checks) @if checks == 1 { " check" } @else { " checks" }
                }
                (check::table(sheet, service))
            }
        }
    }
}

/// Only addresses that a browser opens as a page; anything else (`javascript:` above all) leads nowhere.
fn safe(address: &str) -> &str {
    if address.starts_with("https://") || address.starts_with("http://") { address } else { "#" }
}

fn entry(sheet: &Sheet, entry: &EntryView) -> Markup {
    let now = sheet.about.now;
    html! {
        section class={ "side entry " (mark::class(entry.standing.state)) } aria-label="Public name" {
            h3 { "Public name " span.from { (entry.host) } }
            p.standing {
                (mark::mark(entry.standing.state)) " "
                span.word { (entry.standing.state) } " " (mark::since(entry.standing, now))
            }
            @if let Some(why) = reading::why_check(&entry.check, now) {
                p.why { (why.said) " " span.reason { (why.word) } }
            }
            @if let Some(words) = sheet.leads.get(&entry.host) {
                p.leads { (words) }
            }
            (lately(sheet, &entry.check))
        }
    }
}

fn side(sheet: &Sheet, side: &SideView) -> Markup {
    let now = sheet.about.now;
    let shown = reading::worst_check(&side.endpoints);
    html! {
        section class={ "side " (mark::class(side.standing.state)) } aria-label=(side.title) {
            h3 { (side.title) }
            p.standing {
                (mark::mark(side.standing.state)) " "
                span.word { (side.standing.state) } " " (mark::since(side.standing, now))
            }
            @if let Some(why) = reading::why_side(side, now) {
                p.why { (why.said) " " span.reason { (why.word) } }
            }
            @if let Some(check) = shown { (lately(sheet, check)) }
        }
    }
}

/// The last runs of a check, and the last of them in words.
fn lately(sheet: &Sheet, check: &CheckView) -> Markup {
    html! {
        div.runs {
            (runs(check, sheet.runs.get(check.id.as_str()).map_or(&[], Vec::as_slice)))
            p.latest {
                @if let Some(last) = &check.last {
                    b { (mark::latency(last.latency)) } " "
                    span.from { (check.probe) ", " (mark::ago(last.at, sheet.about.now)) }
                } @else {
                    span.from { (check.probe) ", no run yet" }
                }
            }
        }
    }
}

/// The last runs of a check as bars: height is latency, a full bar with a gap in it is bad, a hollow one unknown.
fn runs(check: &CheckView, results: &[Step]) -> Markup {
    let highest = results
        .iter()
        .filter(|result| result.verdict() == Verdict::Good)
        .map(|result| result.latency())
        .max()
        .unwrap_or(Duration::ZERO)
        .as_secs_f64();
    let count = |verdict| results.iter().filter(|result| result.verdict() == verdict).count();
    let label = format!(
        "last {} runs of {}: {} good, {} bad, {} unknown",
        results.len(),
        check.probe,
        count(Verdict::Good),
        count(Verdict::Bad),
        count(Verdict::Unknown)
    );
    html! {
        svg.history role="img" aria-label=(label)
            viewBox={ "0 0 " (RUNS_DRAWN * RUN_STEP) " " (RUN_HEIGHT) } preserveAspectRatio="xMinYMax meet" {
            title { (label) }
            @for place in results.len()..RUNS_DRAWN {
                rect.none x=((RUNS_DRAWN - 1 - place) * RUN_STEP) width="3" y="22" height="2" {}
            }
            @for (place, result) in results.iter().copied().enumerate() {
                (run((RUNS_DRAWN - 1 - place) * RUN_STEP, result, highest))
            }
        }
    }
}

fn run(x: usize, result: Step, highest: f64) -> Markup {
    let share = if highest > 0.0 { result.latency().as_secs_f64() / highest } else { 0.0 };
    // The lowest bar is still seen, and a good one never looks like a bad one.
    let height = 4.0 + share.clamp(0.0, 1.0) * (RUN_HEIGHT - 6.0);
    let good = if result.warned() { "is-degraded" } else { "is-up" };
    html! {
        @match result.verdict() {
            Verdict::Good => {
                rect class=(good) x=(x) width="3" rx="1"
                    y=(format!("{:.1}", RUN_HEIGHT - height)) height=(format!("{height:.1}")) {}
            }
            Verdict::Bad => {
                rect class="is-down" x=(x) width="3" rx="1" y="0" height="15" {}
                rect class="is-down" x=(x) width="3" rx="1" y="18" height="6" {}
            }
            Verdict::Unknown => {
                rect class="is-unknown hollow" x=(format!("{x}.5")) width="2" rx="1" y="14.5" height="9" {}
            }
        }
    }
}
