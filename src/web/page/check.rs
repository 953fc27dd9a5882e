//! The checks of a service, one row each: state, the last run with its phases, interval, settled time, last failure.
//!
//! Rows are bounded; the worst come first when not all fit. On a narrow screen each row becomes a small card, which is why
//! cells carry the name of their column and roles are spelled out. On the page of one service the story of a failure can be
//! unfolded, in a row of its own below.
//!
//! Why a side is in a state is told above the table.

use super::{Sheet, mark};
use crate::model::{State, human_duration};
use crate::monitor::snapshot::{CheckView, ResultView, ServiceView};
use crate::web::reading;
use maud::{Markup, html};
use std::cmp::Reverse;

/// Thousandths of the width that a phase has at least, so that it is seen.
const NARROWEST: f64 = 6.0;

pub(super) fn table(sheet: &Sheet, service: &ServiceView) -> Markup {
    let mut checks: Vec<&CheckView> = service.checks().collect();
    let (all, limit) = (checks.len(), sheet.checks_in_detail());
    if all > limit {
        checks.sort_by_key(|check| Reverse(check.standing.state));
        checks.truncate(limit);
    }
    html! {
        table role="table" {
            thead role="rowgroup" {
                tr role="row" {
                    th role="columnheader" scope="col" { "Check" }
                    th role="columnheader" scope="col" { "State" }
                    th role="columnheader" scope="col" { "Last run" }
                    th role="columnheader" scope="col" { "Settled time" }
                    th role="columnheader" scope="col" { "Last failure" }
                }
            }
            tbody role="rowgroup" {
                @for check in checks { (row(sheet, check)) }
            }
        }
        @if sheet.withheld {
            p.more {
                "The stories of failures are for whom " code { "[listener]" } " names, and on this machine for who calls the "
                "listener by address: " code { "nephoscope status CHECK" } " shows them."
            }
        }
        @if all > limit {
            p.more {
                (all - limit) " more, none of them worse: "
                a href=(mark::link("service", &service.name)) { "all checks of " (service.title) }
            }
        }
    }
}

fn row(sheet: &Sheet, check: &CheckView) -> Markup {
    let now = sheet.about.now;
    let standing = check.standing;
    html! {
        tr role="row" class=(mark::class(standing.state)) {
            th role="rowheader" scope="row" {
                span.name { (check.endpoint) "/" (check.probe) }
                span.fine {
                    (check.protocol) " to " (check.host)
                    @if !check.region.is_empty() { ", " (check.region) }
                }
                span.fine {
                    "every " (human_duration(check.interval)) ", at most " (human_duration(check.timeout))
                    @if !check.counts { ", does not count" }
                }
            }
            td role="cell" data-column="State" {
                span.standing {
                    (mark::mark(standing.state)) " " span.word { (standing.state) } " "
                    (mark::since(standing, now))
                }
                @if let Some(why) = reading::why_check(check, now) {
                    span.fine { (why.word) }
                }
            }
            td role="cell" data-column="Last run" {
                @if let Some(last) = &check.last { (last_run(sheet, last)) } @else { "none yet" }
            }
            td role="cell" data-column="Settled" { (settled(check)) }
            td role="cell" data-column="Last failure" {
                @if let Some(failure) = &check.last_failure {
                    span.name { (mark::ago(failure.at, now)) }
                    @if let Some(reason) = failure.reason { " " span.reason { (reason) } }
                    span.fine { (failure.said) }
                } @else { span.none { "none seen" } }
            }
        }
        @if let Some(story) = sheet.stories.get(check.id.as_str()) {
            tr.told role="row" {
                td role="cell" colspan="5" {
                    details.story id=(mark::id("story", check.id.as_str())) {
                        summary data-key=(mark::id("tell", check.id.as_str())) {
                            "the whole story of the last failure of " (check.endpoint) "/" (check.probe)
                        }
                        pre { (story) }
                    }
                }
            }
        }
    }
}

fn last_run(sheet: &Sheet, run: &ResultView) -> Markup {
    let now = sheet.about.now;
    html! {
        span.name {
            (mark::latency(run.latency)) ", " (run.verdict)
            @if let Some(status) = run.http_status { ", status " (status) }
        }
        " " span.from { (mark::ago(run.at, now)) @if run.recheck { " (recheck)" } }
        (phases(run))
        @if let Some(address) = run.address { span.fine { (address) } }
        @for warning in run.warnings.iter() {
            span.fine { "warning: " (reading::warning_sentence(warning, run, now)) }
        }
        @if let Some(end) = run.certificate_not_after {
            span.fine { "certificate until " (mark::day(end)) }
        }
    }
}

/// The phases on one line, from the start of the run to its end, and the same in words.
fn phases(run: &ResultView) -> Markup {
    let whole = run.latency.as_secs_f64().max(1e-6);
    let spans: Vec<_> = run
        .phases
        .iter()
        .map(|(phase, start, took)| {
            let x = (start.as_secs_f64() / whole * 1e3).clamp(0.0, 1e3 - NARROWEST);
            let width = (took.as_secs_f64() / whole * 1e3).clamp(NARROWEST, 1e3 - x);
            (phase, took, format!("{x:.0}"), format!("{width:.0}"))
        })
        .collect();
    html! {
        @if !spans.is_empty() {
            svg.phases viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" {
                rect.ground x="0" y="0" width="1000" height="10" {}
                @for (phase, _, x, width) in &spans {
                    rect class={ "p-" (phase) } x=(x) y="0" width=(width) height="10" {}
                }
            }
            span.fine.key {
                @for (phase, took, ..) in &spans {
                    span { i class={ "p-" (phase) } {} (phase) " " (mark::latency(*took)) } " "
                }
            }
        }
    }
}

fn settled(check: &CheckView) -> Markup {
    let seconds = &check.seconds;
    let parts = [
        ("good", State::Up, seconds.good),
        ("bad", State::Down, seconds.bad),
        ("unknown", State::Unknown, seconds.unknown),
        ("excluded", State::Maintenance, seconds.excluded),
    ];
    html! {
        @for (word, state, time) in parts {
            @if !time.is_zero() {
                span class={ "time " (mark::class(state)) } { (word) " " b { (human_duration(time)) } }
            }
        }
        @if parts.iter().all(|(_, _, time)| time.is_zero()) { span.none { "nothing yet" } }
    }
}
