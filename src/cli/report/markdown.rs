//! A report as markdown, for a ticket or a wiki.
//!
//! Tables with pipes and headings, nothing else, so that every dialect renders it. What came from a server or a file cannot
//! become markup: what markdown would obey is escaped.
//!
//! It decides nothing about what is in a report.

use super::grid::{self, Grid};
use super::words;
use crate::web::exposure::ExposureForm;
use crate::web::report::{ReportForm, ServiceReport, SloReport};
use std::fmt::Write as _;

const INFALLIBLE: &str = "writing to a string cannot fail";

/// The whole report.
pub(super) fn render(form: &ReportForm) -> String {
    let clock = words::Clock::of(form);
    let mut out = format!("# {}\n\n{}\n", plain(&words::title(form)), plain(&words::heading(form)));
    for vantage in &form.vantages {
        writeln!(out, "\n{}", plain(&words::vantage(vantage, &clock))).expect(INFALLIBLE);
    }
    if let Some(quorum) = words::quorum(form) {
        writeln!(out, "\n{quorum}").expect(INFALLIBLE);
    }
    for notice in &form.notices {
        writeln!(out, "\nNote: {}.", plain(notice)).expect(INFALLIBLE);
    }
    let overview = grid::overview(form);
    if !overview.rows.is_empty() {
        pipes(&mut out, &overview);
    }
    for service in &form.services {
        of_service(&mut out, service, &clock);
    }
    if form.services.is_empty() {
        out.push_str("\nNothing is being watched.\n");
    }
    out
}

fn of_service(out: &mut String, service: &ServiceReport, clock: &words::Clock) {
    writeln!(out, "\n## {}", plain(&service.title)).expect(INFALLIBLE);
    if service.slos.is_empty() {
        out.push_str("\nNothing is promised; it is only watched.\n");
    }
    for slo in &service.slos {
        of_slo(out, slo, clock);
    }
    if let Some(exposure) = &service.exposure {
        of_clouds(out, exposure);
    }
    if words::has_switched(service) {
        writeln!(out, "\n### {}\n\n{}", words::SWITCHED, words::switched(service))
            .expect(INFALLIBLE);
        for grid in [grid::failovers(service, clock), grid::drills(service, clock)] {
            if !grid.rows.is_empty() {
                pipes(out, &grid);
            }
        }
    }
    out.push_str("\n### Outages\n");
    let outages = grid::outages(service, clock);
    if outages.rows.is_empty() {
        out.push_str("\nNone.\n");
    } else {
        pipes(out, &outages);
    }
}

fn of_clouds(out: &mut String, exposure: &ExposureForm) {
    if exposure.has_sides() {
        writeln!(out, "\n### {}\n\n{}", words::CLOUDS, plain(&words::clouds(exposure)))
            .expect(INFALLIBLE);
        pipes(out, &grid::clouds(exposure));
    }
    if let Some(cost) = words::failover_cost(exposure) {
        writeln!(out, "\n{cost}").expect(INFALLIBLE);
    }
}

fn of_slo(out: &mut String, slo: &SloReport, clock: &words::Clock) {
    let Some(first) = slo.scopes.first() else { return };
    let promise = words::promise(slo, &first.standing);
    writeln!(out, "\n### {}\n\n{}. {}", plain(&slo.slo), plain(&promise), words::policies(slo))
        .expect(INFALLIBLE);
    if let Some(frozen) = words::frozen(slo, first, clock) {
        writeln!(out, "\n{}", plain(&frozen)).expect(INFALLIBLE);
    }
    pipes(out, &grid::scopes(slo));
    writeln!(out, "\n{}\n\n{}", words::resolution(first), plain(&words::bad_time(slo, first)))
        .expect(INFALLIBLE);
    let blame = grid::blame(first);
    if !blame.rows.is_empty() {
        pipes(out, &blame);
    }
    let bad = grid::bad_time(slo, clock);
    if !bad.rows.is_empty() {
        pipes(out, &bad);
    }
    let frozen = grid::frozen(slo, clock);
    if !frozen.rows.is_empty() {
        out.push_str("\nClosed periods as they were frozen:\n");
        pipes(out, &frozen);
    }
}

fn pipes(out: &mut String, grid: &Grid) {
    writeln!(out, "\n| {} |", grid.heads.join(" | ")).expect(INFALLIBLE);
    writeln!(out, "|{}", " --- |".repeat(grid.heads.len())).expect(INFALLIBLE);
    for row in &grid.rows {
        let cells: Vec<String> = row.iter().map(|cell| plain(cell)).collect();
        writeln!(out, "| {} |", cells.join(" | ")).expect(INFALLIBLE);
    }
}

/// Text that is nothing but text, on one line.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for each in text.chars() {
        match each {
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' => plain.extend(['\\', each]),
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '&' => plain.push_str("&amp;"),
            _ if each.is_control() => plain.push(' '),
            _ => plain.push(each),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn what_a_server_says_is_no_markup() {
        let said = "a|b <img src=x> [go](http://x)\n# `now`";
        assert_eq!(plain(said), "a\\|b &lt;img src=x&gt; \\[go\\](http://x) \\# \\`now\\`");
    }
}
