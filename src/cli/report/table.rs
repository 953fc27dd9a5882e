//! A report as tables on a terminal.
//!
//! Columns are as wide as their longest cell, and the last one is cut at the edge of the paper, so that a line stays a line.
//! Nothing depends on colour. What came from a server cannot drive the terminal.
//!
//! It decides nothing about what is in a report.

use super::grid::{self, Grid};
use super::words;
use crate::cli::render::{BOLD, FAINT, Paper, tame, wrap};
use crate::web::exposure::ExposureForm;
use crate::web::report::{ReportForm, ServiceReport, SloReport};
use std::fmt::Write as _;

const INFALLIBLE: &str = "writing to a string cannot fail";

/// The last column is given at least this, whatever the paper.
const LEAST: usize = 24;

/// The whole report.
pub(super) fn render(form: &ReportForm, paper: Paper) -> String {
    let mut out = format!("{BOLD}{}{BOLD:#}\n", tame(&words::title(form)));
    let clock = words::Clock::of(form);
    let mut lines = vec![words::heading(form)];
    lines.extend(form.vantages.iter().map(|each| words::vantage(each, &clock)));
    lines.extend(words::quorum(form));
    lines.extend(form.notices.iter().map(|notice| format!("Note: {notice}.")));
    for line in lines {
        paragraph(&mut out, &line, "", paper);
    }
    for service in &form.services {
        of_service(&mut out, service, &clock, paper);
    }
    if form.services.is_empty() {
        paragraph(&mut out, "\nNothing is being watched.", "", paper);
    }
    out
}

fn of_service(out: &mut String, service: &ServiceReport, clock: &words::Clock, paper: Paper) {
    let title = if service.title == service.service {
        String::new()
    } else {
        format!("  {}", tame(&service.title))
    };
    let mut labels = String::new();
    for (key, value) in &service.labels {
        write!(labels, "  {FAINT}{}={}{FAINT:#}", tame(key), tame(value)).expect(INFALLIBLE);
    }
    writeln!(out, "\n{BOLD}{}{BOLD:#}{title}{labels}", tame(&service.service)).expect(INFALLIBLE);
    if service.slos.is_empty() {
        paragraph(out, "Nothing is promised; it is only watched.", "  ", paper);
    }
    for slo in &service.slos {
        of_slo(out, slo, clock, paper);
    }
    if let Some(exposure) = &service.exposure {
        of_clouds(out, exposure, paper);
    }
    if words::has_switched(service) {
        of_name(out, service, clock, paper);
    }
    let outages = grid::outages(service, clock);
    if outages.rows.is_empty() {
        paragraph(out, "No outage.", "  ", paper);
    } else {
        writeln!(out, "  Outages").expect(INFALLIBLE);
        columns(out, &outages, paper);
    }
}

fn of_name(out: &mut String, service: &ServiceReport, clock: &words::Clock, paper: Paper) {
    writeln!(out, "  {BOLD}{}{BOLD:#}", words::SWITCHED).expect(INFALLIBLE);
    paragraph(out, words::switched(service), "  ", paper);
    for grid in [grid::failovers(service, clock), grid::drills(service, clock)] {
        if !grid.rows.is_empty() {
            columns(out, &grid, paper);
        }
    }
    out.push('\n');
}

fn of_clouds(out: &mut String, exposure: &ExposureForm, paper: Paper) {
    if exposure.has_sides() {
        writeln!(out, "  {BOLD}{}{BOLD:#}", words::CLOUDS).expect(INFALLIBLE);
        paragraph(out, &words::clouds(exposure), "  ", paper);
        columns(out, &grid::clouds(exposure), paper);
    }
    if let Some(cost) = words::failover_cost(exposure) {
        paragraph(out, &cost, "  ", paper);
    }
    out.push('\n');
}

fn of_slo(out: &mut String, slo: &SloReport, clock: &words::Clock, paper: Paper) {
    let Some(first) = slo.scopes.first() else { return };
    let promise = words::promise(slo, &first.standing);
    writeln!(out, "  {BOLD}{}{BOLD:#}  {}", tame(&slo.slo), tame(&promise)).expect(INFALLIBLE);
    columns(out, &grid::scopes(slo), paper);
    let bad = grid::bad_time(slo, clock);
    if let Some(frozen) = words::frozen(slo, first, clock) {
        paragraph(out, &frozen, "  ", paper);
    }
    paragraph(out, &words::policies(slo), "  ", paper);
    paragraph(out, &words::resolution(first), "  ", paper);
    paragraph(out, &words::bad_time(slo, first), "  ", paper);
    let blame = grid::blame(first);
    if !blame.rows.is_empty() {
        columns(out, &blame, paper);
    }
    if !bad.rows.is_empty() {
        columns(out, &bad, paper);
    }
    let frozen = grid::frozen(slo, clock);
    if !frozen.rows.is_empty() {
        writeln!(out, "  Closed periods as they were frozen").expect(INFALLIBLE);
        columns(out, &frozen, paper);
    }
    out.push('\n');
}

fn paragraph(out: &mut String, text: &str, indent: &str, paper: Paper) {
    if text.starts_with('\n') {
        out.push('\n');
    }
    for line in wrap(&tame(text.trim()), paper.width.saturating_sub(indent.len())) {
        writeln!(out, "{indent}{line}").expect(INFALLIBLE);
    }
}

fn columns(out: &mut String, grid: &Grid, paper: Paper) {
    let rows: Vec<Vec<String>> =
        grid.rows.iter().map(|row| row.iter().map(|cell| tame(cell)).collect()).collect();
    let last = grid.heads.len() - 1;
    let widths: Vec<usize> = (0..last)
        .map(|column| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.chain([grid.heads[column].len()]).max().unwrap_or(0)
        })
        .collect();
    let before: usize = widths.iter().map(|width| width + 2).sum::<usize>() + 4;
    let room = paper.width.saturating_sub(before).max(LEAST);
    let line = |cells: &[String]| {
        let mut line = String::from("    ");
        for (cell, width) in cells.iter().zip(&widths) {
            write!(line, "{cell:<width$}  ").expect(INFALLIBLE);
        }
        line + &cut(&cells[last], room)
    };
    let heads: Vec<String> = grid.heads.iter().map(|head| head.to_uppercase()).collect();
    writeln!(out, "{FAINT}{}{FAINT:#}", line(&heads).trim_end()).expect(INFALLIBLE);
    for row in &rows {
        writeln!(out, "{}", line(row).trim_end()).expect(INFALLIBLE);
    }
}

fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(room - 3).collect();
    short.push_str("...");
    short
}
