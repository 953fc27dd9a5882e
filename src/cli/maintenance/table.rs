//! Windows of maintenance as a table, and what came of announcing one as a sentence.
//!
//! Pure functions of the API's forms. Times are in UTC, to the minute; what has ended long ago is only counted.
//!
//! It asks nobody.

use crate::cli::render::{BOLD, FAINT, Paper, tame};
use crate::model::{MaintenancePhase, Timestamp, counted, human_duration};
use crate::web::api::{AnnouncedForm, MaintenanceForm, WindowForm};
use std::fmt::Write as _;

const INFALLIBLE: &str = "writing to a string cannot fail";

/// Windows that have ended which are listed.
const ENDED_LISTED: usize = 20;

/// Names of services that fit into a sentence.
const NAMES_SAID: usize = 3;

/// Every window: a line each, the reason below where there is one.
pub(super) fn list(form: &MaintenanceForm, paper: Paper) -> String {
    let is = |window: &WindowForm, phase: MaintenancePhase| window.phase == phase.as_str();
    let count = |phase| form.maintenance.iter().filter(|window| is(window, phase)).count();
    let ended = count(MaintenancePhase::Ended);
    let mut out = format!(
        "{BOLD}{} now, {} to come, {ended} ended{BOLD:#}  {FAINT}{} UTC{FAINT:#}\n",
        count(MaintenancePhase::Now),
        count(MaintenancePhase::ToCome),
        time(form.at)
    );
    let rows: Vec<[String; 5]> = form
        .maintenance
        .iter()
        .take(form.maintenance.len() - ended.saturating_sub(ENDED_LISTED))
        .map(row)
        .collect();
    if rows.is_empty() {
        return out;
    }
    let names = ["ID", "STATE", "START", "END", "MATCH"];
    let widths: Vec<_> = (0..names.len())
        .map(|column| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0).max(names[column].len())
        })
        .collect();
    let line = |cells: &[String; 5]| {
        let padded: Vec<_> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    writeln!(out, "{FAINT}{}{FAINT:#}", line(&names.map(str::to_owned))).expect(INFALLIBLE);
    for (row, window) in rows.iter().zip(&form.maintenance) {
        writeln!(out, "{}", line(row)).expect(INFALLIBLE);
        if let Some(why) = why(window) {
            let why: String = why.chars().take(paper.width.saturating_sub(4)).collect();
            writeln!(out, "{FAINT}    {why}{FAINT:#}").expect(INFALLIBLE);
        }
    }
    if ended > ENDED_LISTED {
        let more = ended - ENDED_LISTED;
        writeln!(out, "{FAINT}{more} more have ended; `--format json` has all{FAINT:#}")
            .expect(INFALLIBLE);
    }
    out
}

fn row(window: &WindowForm) -> [String; 5] {
    [
        tame(&window.id),
        if window.end <= window.start {
            "called off".into()
        } else {
            window.phase.replace('_', " ")
        },
        time(window.start),
        time(window.end),
        matched(window),
    ]
}

/// `every Sun 02:00-04:00; patches (ann); ended early by bob`.
fn why(window: &WindowForm) -> Option<String> {
    let every = window.every.as_ref().map(|every| format!("every {every}"));
    let said = match (&window.reason, &window.by) {
        (Some(reason), Some(by)) => Some(format!("{reason} ({by})")),
        (Some(reason), None) => Some(reason.clone()),
        (None, Some(by)) => Some(format!("by {by}")),
        (None, None) => None,
    };
    let ended = window.ended.map(|_| match &window.ended_by {
        Some(by) => format!("ended early by {by}"),
        None => "ended early".to_owned(),
    });
    let parts: Vec<_> = [every, said, ended].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| tame(&parts.join("; ")))
}

/// What was announced, in one sentence.
pub(super) fn announced(form: &AnnouncedForm) -> String {
    let window = &form.window;
    let lasts = human_duration(moment(window.end).since(moment(window.start)));
    let verb = if window.phase == MaintenancePhase::Ended.as_str() { "was" } else { "is" };
    format!(
        "maintenance {verb} from {} to {} UTC ({lasts}), about {}",
        time(window.start),
        time(window.end),
        about(form)
    )
}

/// What was ended, in one sentence.
pub(super) fn ended(form: &AnnouncedForm) -> String {
    let window = &form.window;
    if window.end <= window.start {
        format!("maintenance `{}` was called off, about {}", tame(&window.id), about(form))
    } else {
        let (id, at) = (tame(&window.id), time(window.end));
        format!("maintenance `{id}` ended at {at} UTC, about {}", about(form))
    }
}

/// `4 checks of shop, pay`.
fn about(form: &AnnouncedForm) -> String {
    let names: Vec<_> = form.services.iter().take(NAMES_SAID).map(|name| tame(name)).collect();
    let more = form.services.len() - names.len();
    let more = if more > 0 { format!(" and {more} more services") } else { String::new() };
    format!("{} of {}{more}", counted(form.checks, "check"), names.join(", "))
}

fn matched(window: &WindowForm) -> String {
    let keys = window.matching.iter().map(|(key, values)| format!("{key}={}", values.join(",")));
    tame(&keys.collect::<Vec<_>>().join(" "))
}

/// `2026-11-22 12:00`.
fn time(seconds: f64) -> String {
    jiff::Timestamp::from_millisecond(moment(seconds).as_millis()).map_or_else(
        |_| "beyond the calendar".to_owned(),
        |moment| moment.strftime("%Y-%m-%d %H:%M").to_string(),
    )
}

#[expect(clippy::cast_possible_truncation, reason = "milliseconds fit 63 bits for moments")]
fn moment(seconds: f64) -> Timestamp {
    Timestamp::from_millis((seconds * 1e3).round() as i64)
}
