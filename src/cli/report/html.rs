//! A report as one html file that can be mailed: no script, nothing loaded from anywhere, plots as inline SVG.
//!
//! The file forbids itself to load or run anything, so a text from a server cannot either; `maud` escapes every text. State is
//! a word before it is a colour. It reads in light and dark, on a telephone and on paper. How the numbers are made stands at
//! its end, for whoever did not ask for it but has to believe it.
//!
//! It decides nothing about what is in a report.

mod chart;

use super::grid::{self, Grid};
use super::words::{self, Clock};
use crate::model::ObjectiveStatus;
use crate::web::exposure::ExposureForm;
use crate::web::report::{ReportForm, ScopeReport, ServiceReport, SloReport};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("html/report.css");

/// What the file may do: look like itself.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'";

/// Rows of a table above which it is folded.
const UNFOLDED: usize = 12;

/// The whole file.
pub(super) fn render(form: &ReportForm) -> String {
    let clock = Clock::of(form);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content={ "nephoscope " (env!("CARGO_PKG_VERSION")) };
                title { (words::title(form)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (chart::patterns())
                header { (head(form, &clock)) }
                main {
                    (overview(form))
                    @for service in &form.services { (of_service(service, &clock)) }
                    @if form.services.is_empty() { p.nothing { "Nothing is being watched." } }
                }
                footer { (method()) }
            }
        }
    };
    page.into_string()
}

fn head(form: &ReportForm, clock: &Clock) -> Markup {
    html! {
        p.brand { "nephoscope" }
        h1 { (words::title(form)) }
        p.lead { (words::heading(form)) }
        @for vantage in &form.vantages {
            p.seen.missing[vantage.problem.is_some()] { (words::vantage(vantage, clock)) }
        }
        @if let Some(quorum) = words::quorum(form) { p.seen { (quorum) } }
        @for notice in &form.notices { p.notice { "Note: " (notice) "." } }
    }
}

/// One line for each slo, if there are several.
fn overview(form: &ReportForm) -> Markup {
    let grid = grid::overview(form);
    html! {
        @if grid.rows.len() > 1 {
            section.overview aria-label="Overview" {
                h2 { "At a glance" }
                (table(&grid))
            }
        }
    }
}

fn of_service(service: &ServiceReport, clock: &Clock) -> Markup {
    let outages = grid::outages(service, clock);
    html! {
        section.service {
            h2 {
                (service.title)
                @if service.title != service.service { " " span.fine { (service.service) } }
            }
            @if !service.labels.is_empty() {
                p.labels {
                    @for (key, value) in &service.labels { span { (key) " " b { (value) } } " " }
                }
            }
            @if service.slos.is_empty() {
                p.nothing { "Nothing is promised for this service; it is only watched." }
            }
            @for slo in &service.slos { (of_slo(slo, clock)) }
            @if let Some(exposure) = &service.exposure { (of_clouds(exposure)) }
            @if words::has_switched(service) { (of_name(service, clock)) }
            div.block {
                h3 { "Outages" }
                @if outages.rows.is_empty() {
                    p.nothing { "None in the reported time." }
                } @else {
                    (folded(&outages, "outages"))
                }
            }
        }
    }
}

fn of_name(service: &ServiceReport, clock: &Clock) -> Markup {
    let (failovers, drills) = (grid::failovers(service, clock), grid::drills(service, clock));
    html! {
        div.block {
            h3 { (words::SWITCHED) }
            @if failovers.rows.is_empty() {
                p.nothing { (words::switched(service)) }
            } @else {
                (folded(&failovers, "failovers"))
                p.fine { (words::switched(service)) }
            }
            @if !drills.rows.is_empty() { (folded(&drills, "drills")) }
        }
    }
}

fn of_clouds(exposure: &ExposureForm) -> Markup {
    html! {
        div.block {
            h3 { (words::CLOUDS) }
            @if exposure.has_sides() {
                (chart::clouds(exposure))
                (table(&grid::clouds(exposure)))
                p.fine { (words::clouds(exposure)) }
            }
            @if let Some(cost) = words::failover_cost(exposure) { p.fine { (cost) } }
        }
    }
}

fn of_slo(slo: &SloReport, clock: &Clock) -> Markup {
    let Some(first) = slo.scopes.first() else { return html! {} };
    let bad = grid::bad_time(slo, clock);
    let blame = grid::blame(first);
    let frozen = grid::frozen(slo, clock);
    html! {
        article class=(class(&first.status)) {
            h3 { (slo.slo) }
            p.promise { (words::promise(slo, &first.standing)) "." }
            (numbers(first))
            @if let Some(frozen) = words::frozen(slo, first, clock) { p.frozen { (frozen) } }
            @if first.standing.coverage.is_none_or(|share| share.0 <= 0.0) {
                p.nothing { "Nothing of this time was observed yet, so there is nothing to plot." }
            } @else {
                div.plots {
                    (chart::availability(slo, first, clock))
                    (chart::budget(slo, first, clock))
                    (chart::lines(slo, clock))
                    (chart::coverage(slo, clock))
                }
            }
            div.block {
                h4 { "For whom" }
                (table(&grid::scopes(slo)))
                p.fine { "* what is promised. " (words::policies(slo)) " " (words::resolution(first)) }
            }
            div.block {
                h4 { "What the budget went on" }
                p { (words::bad_time(slo, first)) }
                @if !blame.rows.is_empty() { (table(&blame)) }
                @if !bad.rows.is_empty() { (folded(&bad, "stretches")) }
            }
            @if !frozen.rows.is_empty() {
                div.block {
                    h4 { "Closed periods, as they were frozen" }
                    (folded(&frozen, "revisions"))
                }
            }
        }
    }
}

/// The numbers that people look for first.
fn numbers(scope: &ScopeReport) -> Markup {
    let standing = &scope.standing;
    let range = match (standing.availability_low, standing.availability_high) {
        (Some(low), Some(high)) if low != high => {
            let ends = format!("{} to {}", words::percent(low.0, 4), words::percent(high.0, 4));
            ends.replace(" %", "\u{a0}%")
        }
        (Some(_), Some(_)) => "exact: all of it was observed".to_owned(),
        _ => "nothing is known".to_owned(),
    };
    let left = match standing.budget_remaining {
        Some(share) => format!(
            "{} of {}",
            words::percent(share.0, 1),
            words::amount(standing.budget_s, &standing.unit)
        ),
        None => "no budget: all of it is maintenance".to_owned(),
    };
    let met = match words::met(scope) {
        "yes" => "objective met",
        "so far" => "objective met so far",
        "no" => "objective missed",
        "not so far" => "below the objective so far",
        _ => "no data",
    };
    let revision = scope.revision.map(|revision| format!(", frozen, revision {revision}"));
    html! {
        dl.numbers {
            div.state { dt { "Status" } dd { span.word { (scope.status) } } dd.fine { (met) (revision.unwrap_or_default()) } }
            div { dt { "Available" } dd { (words::maybe(standing.availability, 4)) } dd.fine { (range) } }
            div { dt { "Budget left" } dd { (words::amount(standing.budget_left_s, &standing.unit)) } dd.fine { (left) } }
            div { dt { "Observed" } dd { (words::maybe(standing.coverage, 2)) } dd.fine { "of the time so far, maintenance apart" } }
        }
    }
}

/// A long table is folded, so that the next section stays in reach; on paper it is open.
fn folded(grid: &Grid, what: &str) -> Markup {
    if grid.rows.len() <= UNFOLDED {
        return table(grid);
    }
    html! {
        details {
            summary { (grid.rows.len()) " " (what) }
            (table(grid))
        }
    }
}

fn table(grid: &Grid) -> Markup {
    html! {
        table {
            thead { tr { @for head in &grid.heads { th scope="col" { (head) } } } }
            tbody {
                @for row in &grid.rows {
                    tr {
                        @for (head, cell) in grid.heads.iter().zip(row) {
                            td data-column=(head) .text[is_text(head)] .wrap[is_long(head)] { (self::cell(head, cell)) }
                        }
                    }
                }
            }
        }
    }
}

fn is_text(head: &str) -> bool {
    matches!(head, "Seen" | "Promise" | "Why" | "Service" | "Check")
}

/// An amount and its share may stand below each other.
fn is_long(head: &str) -> bool {
    matches!(head, "Left" | "Budget left")
}

fn cell(head: &str, cell: &str) -> Markup {
    let cell = cell.replace(" %", "\u{a0}%");
    html! {
        @if head == "Status" {
            span class={ "word " (class(&cell)) } { (cell) }
        } @else if head == "Reason" || head == "Check" {
            code { (cell) }
        } @else {
            (cell)
        }
    }
}

/// The class that colours a status.
fn class(status: &str) -> &'static str {
    match ObjectiveStatus::from_word(status) {
        Some(ObjectiveStatus::Ok) => "is-ok",
        Some(ObjectiveStatus::AtRisk) => "is-risk",
        Some(ObjectiveStatus::Exhausted) => "is-out",
        Some(ObjectiveStatus::Partial | ObjectiveStatus::NoData) | None => "is-blind",
    }
}

/// How the numbers are made.
fn method() -> Markup {
    html! {
        h2 { "How these numbers are made" }
        p { "The services were probed from outside at fixed intervals. Time between two looks is what the earlier look saw, for
            at most two intervals; after that it is " b { "unknown" } ". Time in which the observer itself could not see is
            unknown too, and never counts as good or bad unless the promise says so." }
        p { b { "Available" } " is good time by known time. " b { "Low" } " and " b { "high" } " take all unknown time as bad
            and as good: the truth lies between them. " b { "Observed" } " is the share of the time that was known." }
        p { "The " b { "budget" } " is what may be bad: the share that is not promised of the whole window, maintenance
            apart. Scopes: " b { "any" } " is the service as long as one side works, " b { "all" } " only while every side
            works, " b { "provider" } " one side, " b { "entry" } " its public name." }
        p { b { "Could serve" } " is the same for clouds: one could while it was good, could not while it was bad or under
            maintenance, and may have been able in unknown time. " b { "Others could" } " is time in which one could not and another
            could; " b { "only one left" } " is time in which one more failure would have been an outage." }
        p { b { "Blame" } " says whose outage bad time lies in: " b { "unconfirmed" } " lay in none, " b { "undecided" } " in
            one of which that was not found out." }
        p { "A failover is " b { "late" } " when the public name led to a cloud that was down for longer than it may, "
            b { "silent" } " when nothing explained it, " b { "split" } " when answers led to different clouds for longer than
            they may be kept." }
        p { "An outage is confirmed by several looks in a row and has a beginning and an end; bad time is every look that
            failed. The two agree to within an interval at each end." }
    }
}
