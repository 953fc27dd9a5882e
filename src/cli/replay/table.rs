//! The rows of `replay` for people: a table for each instant.
//!
//! Columns are as wide as their longest cell and fit on 100 columns with names of a usual length; the last one, what fires,
//! is cut at the edge of the paper. Percentages are cut, not rounded: 100% is all of it.
//!
//! It computes nothing; everything else that a row has is in the JSON.

use crate::cli::render::{BOLD, FAINT, Paper, clock, day, tame};
use crate::model::{TierName, Timestamp, human_duration};
use crate::monitor::form::{Number, StandingForm};
use anstyle::{AnsiColor, Style};
use std::fmt::Write as _;
use std::time::Duration;

const INFALLIBLE: &str = "writing to a string cannot fail";

const RED: Style = AnsiColor::Red.on_default();

/// What stands above each column.
const HEAD: [&str; COLUMNS] =
    ["SERVICE", "SLO", "SCOPE", "OBJECTIVE", "AVAILABLE", "COVERAGE", "BUDGET LEFT", "ALERTS"];
const COLUMNS: usize = 8;

/// From here on columns are numbers, written to the right.
const NUMBERS: std::ops::Range<usize> = 3..7;

/// Between two columns.
const GAP: usize = 2;

/// All rows.
pub(super) fn table(rows: &[StandingForm], paper: Paper) -> String {
    let mut out = String::new();
    for (position, rows) in rows.chunk_by(|one, other| one.at == other.at).enumerate() {
        let gap = if position == 0 { "" } else { "\n" };
        let at = moment(rows[0].at);
        writeln!(out, "{gap}{BOLD}{} {}{BOLD:#}", day(at), clock(at)).expect(INFALLIBLE);
        one_instant(&mut out, rows, paper);
    }
    out
}

fn one_instant(out: &mut String, rows: &[StandingForm], paper: Paper) {
    let cells: Vec<_> = rows.iter().map(cells).collect();
    let width = |column: usize| {
        let longest = cells.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
        longest.max(HEAD[column].len())
    };
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    let head = line(&HEAD.map(str::to_owned), widths, paper);
    writeln!(out, "{FAINT}{head}{FAINT:#}").expect(INFALLIBLE);
    for (row, cells) in rows.iter().zip(&cells) {
        let style = if is_overdrawn(row) { RED } else { Style::new() };
        writeln!(out, "{style}{}{style:#}", line(cells, widths, paper)).expect(INFALLIBLE);
    }
}

fn is_overdrawn(row: &StandingForm) -> bool {
    row.budget_remaining.is_some_and(|left| left.0 <= 0.0)
}

fn line(cells: &[String; COLUMNS], widths: [usize; COLUMNS], paper: Paper) -> String {
    let mut line = String::new();
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        if column > 0 {
            line.push_str(&" ".repeat(GAP));
        }
        if NUMBERS.contains(&column) {
            write!(line, "{cell:>width$}").expect(INFALLIBLE);
        } else {
            write!(line, "{cell:<width$}").expect(INFALLIBLE);
        }
    }
    let line = line.trim_end();
    if line.chars().count() <= paper.width {
        return line.to_owned();
    }
    let rest = if paper.unicode { "…" } else { "~" };
    line.chars().take(paper.width - 1).collect::<String>() + rest
}

fn cells(row: &StandingForm) -> [String; COLUMNS] {
    [
        tame(&row.service),
        tame(&row.slo),
        tame(&row.scope),
        percent(Some(row.objective), 7),
        percent(row.availability, 5),
        percent(row.coverage, 3),
        budget(row),
        alerts(row),
    ]
}

/// `21m36s 50%`, `-3 events -12%`; whole percent where they are many.
fn budget(row: &StandingForm) -> String {
    let Number(left) = row.budget_left_s;
    let sign = if left < 0.0 { "-" } else { "" };
    let amount = match row.unit.as_str() {
        "s" => human_duration(Duration::from_secs_f64(left.abs())),
        unit => format!("{:.0} {unit}", left.abs()),
    };
    let share = row.budget_remaining.map_or("-".to_owned(), |Number(share)| {
        let scale = if share.abs() < 0.1 { 10.0 } else { 1.0 };
        format!("{}%", (share * 100.0 * scale + 1e-6).floor() / scale)
    });
    format!("{sign}{amount} {share}")
}

/// The most urgent tier that fires, and how many more.
fn alerts(row: &StandingForm) -> String {
    let Some(alerts) = &row.alerts else { return "-".to_owned() };
    let fires = |tier: &&TierName| alerts.get(tier.as_str()) == Some(&true);
    let mut firing = TierName::ALL.iter().filter(fires);
    let Some(name) = firing.next() else { return "none".to_owned() };
    let more = firing.count();
    let more = if more == 0 { String::new() } else { format!(" +{more}") };
    let quiet = if row.suppressed { " (suppressed)" } else { "" };
    format!("{name}{more}{quiet}")
}

/// At most so many decimals, cut.
fn percent(share: Option<Number>, decimals: i32) -> String {
    let Some(Number(share)) = share else { return "-".to_owned() };
    let scale = 10_f64.powi(decimals);
    // A share that was computed may lie a hair below what it means.
    let percent = (share * 100.0 * scale + 1e-6).floor() / scale;
    format!("{percent}%")
}

fn moment(at: Number) -> Timestamp {
    #[expect(clippy::cast_possible_truncation, reason = "it was whole milliseconds")]
    Timestamp::from_millis((at.0 * 1e3).round() as i64)
}
