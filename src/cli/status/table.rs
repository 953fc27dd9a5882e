//! The daemon's answers as tables.
//!
//! Pure functions of the API's forms: worst first, a sign and a word for each state, columns as wide as their longest
//! cell, and the last one cut at the edge of the paper so that a line stays a line.
//!
//! It asks nobody.

use crate::cli::render::{BOLD, FAINT, Paper, clock, latency, tame};
use crate::model::{State, Timestamp, Verdict, human_duration};
use crate::web::api::{CheckForm, ChecksForm, ResultsForm, ServicesForm};
use std::cmp::Reverse;
use std::fmt::Write as _;
use std::time::Duration;

const INFALLIBLE: &str = "writing to a string cannot fail";

/// Runs of a check that are listed.
const RUNS_LISTED: usize = 10;

/// One line of a table.
struct Row {
    first: String,
    second: String,
    state: State,
    since: String,
    why: String,
}

/// Every side of every service.
pub(super) fn services(form: &ServicesForm, paper: Paper) -> String {
    let mut services: Vec<_> = form.services.iter().collect();
    services.sort_by_key(|each| Reverse(read(&each.state)));
    let mut rows = Vec::new();
    for service in services {
        if let Some(entry) = &service.entry {
            rows.push(Row {
                first: tame(&service.service),
                second: "(public name)".to_owned(),
                state: read(&entry.state),
                since: since(entry.since, form.at),
                why: why(entry.said.as_deref(), entry.why.as_deref()),
            });
        }
        for (place, side) in service.sides.iter().enumerate() {
            let first = place == 0 && service.entry.is_none();
            rows.push(Row {
                first: if first { tame(&service.service) } else { String::new() },
                second: tame(&side.provider),
                state: read(&side.state),
                since: since(side.since, form.at),
                why: why(side.said.as_deref(), side.why.as_deref()),
            });
        }
    }
    let states = form.services.iter().map(|each| read(&each.state));
    let mut out = head(&form.vantage, form.at, &tally(states, "service"));
    table(&mut out, ["SERVICE", "PROVIDER"], &rows, paper);
    out
}

/// The checks of a service or an endpoint.
pub(super) fn checks(form: &ChecksForm, paper: Paper) -> String {
    let mut checks: Vec<_> = form.checks.iter().collect();
    checks.sort_by_key(|each| Reverse(read(&each.state)));
    let rows: Vec<_> = checks
        .iter()
        .map(|each| Row {
            first: tame(&each.check),
            second: each.last.as_ref().map_or("-".into(), |last| time(last.latency_ms)),
            state: read(&each.state),
            since: since(each.since, form.at),
            why: why(each.said.as_deref(), each.why.as_deref()),
        })
        .collect();
    let states = form.checks.iter().map(|each| read(&each.state));
    let mut out = head(&form.vantage, form.at, &tally(states, "check"));
    table(&mut out, ["CHECK", "LAST"], &rows, paper);
    out
}

/// One check and its last runs.
pub(super) fn check(form: &CheckForm, results: &ResultsForm, paper: Paper) -> String {
    let state = read(&form.state);
    let (sign, style) = paper.state(state);
    let mut out = String::new();
    let (id, since) = (tame(&form.check), since(form.since, results.at));
    writeln!(out, "{style}{sign}{style:#} {BOLD}{id}{BOLD:#}  {style}{state}{style:#} for {since}")
        .expect(INFALLIBLE);
    if form.said.is_some() {
        let why = why(form.said.as_deref(), form.why.as_deref());
        writeln!(out, "  {why}").expect(INFALLIBLE);
    }
    let region =
        if form.region.is_empty() { String::new() } else { format!(", {}", tame(&form.region)) };
    writeln!(
        out,
        "  {FAINT}{} to {} ({}{region}), every {}, at most {}{FAINT:#}",
        form.protocol,
        tame(&form.host),
        tame(&form.provider),
        span(form.interval_s),
        span(form.timeout_s)
    )
    .expect(INFALLIBLE);
    let runs = &form.runs;
    writeln!(
        out,
        "  settled: {} good, {} bad, {} unknown, {} excluded; runs: {} good, {} bad, {} unknown",
        span(form.good_s),
        span(form.bad_s),
        span(form.unknown_s),
        span(form.excluded_s),
        runs.good,
        runs.bad,
        runs.unknown
    )
    .expect(INFALLIBLE);
    for run in results.results.iter().take(RUNS_LISTED) {
        let verdict = Verdict::from_word(&run.verdict).unwrap_or(Verdict::Unknown);
        let (sign, style) = paper.verdict(verdict);
        let word = run.reason.as_deref().or(run.cause.as_deref()).unwrap_or(&run.verdict);
        let lead = format!("  {}  {:>9}  ", clock(moment(run.at)), time(run.latency_ms));
        let room = paper.width.saturating_sub(lead.chars().count() + 2 + word.chars().count() + 2);
        let said = cut(&tame(&run.said), room);
        writeln!(out, "{FAINT}{lead}{FAINT:#}{style}{sign} {word}{style:#}  {said}")
            .expect(INFALLIBLE);
    }
    let told = results.results.iter().find_map(|run| Some((run.at, run.story.as_deref()?)));
    if let Some((at, story)) = told {
        writeln!(out, "  the story of the last failure, at {}", clock(moment(at)))
            .expect(INFALLIBLE);
        for line in story.lines() {
            let line = cut(&tame(line), paper.width.saturating_sub(4));
            writeln!(out, "{}", format!("    {FAINT}{line}{FAINT:#}").trim_end())
                .expect(INFALLIBLE);
        }
    }
    out
}

fn head(vantage: &str, at: f64, tally: &str) -> String {
    let from = if vantage.is_empty() { String::new() } else { format!("{}, ", tame(vantage)) };
    format!("{BOLD}{tally}{BOLD:#}  {FAINT}{from}{}{FAINT:#}\n", clock(moment(at)))
}

/// "1 down, 2 degraded, 3 up of 6 services".
fn tally(states: impl Iterator<Item = State>, what: &str) -> String {
    let mut counts = [0_usize; State::ALL.len()];
    for state in states {
        counts[state.index()] += 1;
    }
    let parts: Vec<_> = State::ALL
        .iter()
        .rev()
        .filter(|state| counts[state.index()] > 0)
        .map(|state| format!("{} {state}", counts[state.index()]))
        .collect();
    match counts.iter().sum::<usize>() {
        0 => format!("no {what} is watched"),
        1 => format!("1 {what}: {}", parts.join(", ")),
        total => format!("{total} {what}s: {}", parts.join(", ")),
    }
}

fn table(out: &mut String, names: [&str; 2], rows: &[Row], paper: Paper) {
    let widest = |name: &str, cell: fn(&Row) -> &str| {
        let cells = rows.iter().map(|row| cell(row).chars().count());
        cells.max().unwrap_or(0).max(name.len())
    };
    let first = widest(names[0], |row| &row.first);
    let second = widest(names[1], |row| &row.second);
    let state = widest("STATE", |row| row.state.as_str()) + 2;
    let since = widest("SINCE", |row| &row.since);
    if rows.is_empty() {
        return;
    }
    writeln!(
        out,
        "{FAINT}{:<first$}  {:<second$}  {:<state$}  {:>since$}  WHY{FAINT:#}",
        names[0], names[1], "STATE", "SINCE"
    )
    .expect(INFALLIBLE);
    let room = paper.width.saturating_sub(first + second + state + since + 8);
    for row in rows {
        let (sign, style) = paper.state(row.state);
        let word = format!("{sign} {}", row.state);
        let why = cut(&row.why, room);
        let line = format!(
            "{:<first$}  {:<second$}  {style}{word:<state$}{style:#}  {:>since$}  {why}",
            row.first, row.second, row.since
        );
        writeln!(out, "{}", line.trim_end()).expect(INFALLIBLE);
    }
}

/// At most `room` columns of `text`, at least enough to say something.
fn cut(text: &str, room: usize) -> String {
    const LEAST: usize = 24;
    let room = room.max(LEAST);
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(room - 3).collect();
    short.push_str("...");
    short
}

fn why(said: Option<&str>, word: Option<&str>) -> String {
    match (said, word) {
        (Some(said), Some(word)) => tame(&format!("{word}: {said}")),
        (Some(only), None) | (None, Some(only)) => tame(only),
        (None, None) => String::new(),
    }
}

fn read(word: &str) -> State {
    State::from_word(word).unwrap_or(State::Unknown)
}

fn since(since: f64, at: f64) -> String {
    human_duration(moment(at).since(moment(since)))
}

#[expect(clippy::cast_possible_truncation, reason = "milliseconds fit 63 bits for ages")]
fn moment(seconds: f64) -> Timestamp {
    Timestamp::from_millis((seconds * 1e3).round() as i64)
}

fn span(seconds: f64) -> String {
    human_duration(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

fn time(millis: f64) -> String {
    latency(Duration::try_from_secs_f64(millis / 1e3).unwrap_or_default())
}
