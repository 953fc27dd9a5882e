//! `replay` by the real binary: the worked cases (slo-cases.md) to the second, a painted oracle, errors, forms.
//!
//! Results are made here, played to the binary, and its rows compared: every amount exactly, every ratio within 1e-9.
//!
//! The engine's own tests are beside it; here is what a person with a file of results gets.

mod cases;
mod oracle;
mod said;

use crate::support::daemon::binary;
use serde_json::Value;
use std::fmt::Write as _;
use std::ops::Range;
use std::process::Output;

/// 2026-05-01T00:00:00Z.
const T0: i64 = 1_777_593_600;
/// 2026-05-31T00:00:00Z.
const NOW: i64 = 1_780_185_600;
const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;
const MINUTE: i64 = 60;

/// What every configuration here begins with.
const BEGIN: &str = r#"
[monitor]
vantage = "test"
[provider.aws]
[provider.gcp]
[provider.azure]
[probe.web.http]
url = "https://{host}/"
"#;

/// A service on these providers, with further keys.
fn service(name: &str, providers: &[&str], keys: &str) -> String {
    let mut text = format!("[service.{name}]\nprobes = [\"web\"]\n{keys}\n");
    for provider in providers {
        writeln!(text, "[service.{name}.endpoint.{provider}]\nhost = \"{provider}.example\"")
            .unwrap();
    }
    text
}

/// Maintenance of what `matching` says.
fn maintenance(matching: &str, during: Range<i64>) -> String {
    let moment = |at| jiff::Timestamp::from_second(at).unwrap();
    let (start, end) = (moment(during.start), moment(during.end));
    format!("[[maintenance]]\nmatch = {{ {matching} }}\nstart = {start}\nend = {end}\n")
}

/// Runs of one check on a grid, all good unless said.
#[derive(Clone)]
struct Grid {
    check: String,
    interval: i64,
    during: Range<i64>,
    bad: Vec<Range<i64>>,
    missing: Vec<Range<i64>>,
}

/// The runs of `check` every `interval` seconds of 30 days.
fn grid(check: &str, interval: i64) -> Grid {
    let check = check.to_owned();
    Grid { check, interval, during: T0..NOW, bad: Vec::new(), missing: Vec::new() }
}

impl Grid {
    fn during(mut self, during: Range<i64>) -> Self {
        self.during = during;
        self
    }

    fn bad(mut self, stretch: Range<i64>) -> Self {
        self.bad.push(stretch);
        self
    }

    fn missing(mut self, stretch: Range<i64>) -> Self {
        self.missing.push(stretch);
        self
    }

    fn write(&self, out: &mut String) {
        let of = |stretches: &[Range<i64>], at| stretches.iter().any(|each| each.contains(&at));
        let step = usize::try_from(self.interval).unwrap();
        for at in self.during.clone().step_by(step).filter(|at| !of(&self.missing, *at)) {
            let verdict = if of(&self.bad, at) { "bad" } else { "good" };
            let check = &self.check;
            writeln!(out, "{{\"t\": {at}, \"check\": \"{check}\", \"verdict\": \"{verdict}\"}}")
                .unwrap();
        }
    }
}

fn lines(grids: &[Grid]) -> String {
    let mut out = String::new();
    for grid in grids {
        grid.write(&mut out);
    }
    out
}

/// The binary on this configuration and these results.
fn run(config: &str, results: &str, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("probes.toml"), config).unwrap();
    std::fs::write(folder.path().join("results.ndjson"), results).unwrap();
    let replay = ["replay", "--results", "results.ndjson"];
    binary().current_dir(folder.path()).args(replay).args(arguments).output().unwrap()
}

/// The rows at these instants.
fn rows(config: &str, results: &str, instants: &[i64]) -> Vec<Value> {
    rows_of(&format!("{BEGIN}{config}"), results, instants)
}

/// As [`rows`], with a whole configuration.
fn rows_of(config: &str, results: &str, instants: &[i64]) -> Vec<Value> {
    let at: Vec<String> =
        instants.iter().flat_map(|at| ["--at".to_owned(), at.to_string()]).collect();
    let arguments: Vec<&str> = at.iter().map(String::as_str).collect();
    let output = run(config, results, &arguments);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{error}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The row of this service and scope.
fn find<'a>(rows: &'a [Value], service: &str, scope: &str) -> &'a Value {
    let fits = |row: &&Value| row["service"] == service && row["scope"] == scope;
    rows.iter().find(fits).unwrap_or_else(|| panic!("no row of {service}, {scope}"))
}

/// Good, bad, unknown, excluded: exactly these.
#[track_caller]
fn amounts(row: &Value, expected: [f64; 4]) {
    let keys = ["good_s", "bad_s", "unknown_s", "excluded_s"];
    let read = keys.map(|key| row[key].as_f64().unwrap());
    assert_eq!(read.map(f64::to_bits), expected.map(f64::to_bits), "{row}");
    let sum: f64 = read.iter().sum();
    close(sum, row["elapsed_s"].as_f64().unwrap(), row);
}

/// A number within 1e-9.
#[track_caller]
fn number(row: &Value, key: &str, expected: f64) {
    close(row[key].as_f64().unwrap_or_else(|| panic!("no number: {key} in {row}")), expected, row);
}

#[track_caller]
fn close(read: f64, expected: f64, row: &Value) {
    assert!((read - expected).abs() <= 1e-9, "{read} is not {expected}: {row}");
}

/// Burn rates over 5m, 30m, 1h, 2h, 6h, 1d, 3d.
#[track_caller]
fn burn(row: &Value, expected: [f64; 7]) {
    let windows = ["5m", "30m", "1h", "2h", "6h", "1d", "3d"];
    for (window, expected) in windows.into_iter().zip(expected) {
        close(row["burn"][window].as_f64().unwrap(), expected, row);
    }
}

/// Exactly these alerts fire.
#[track_caller]
fn fires(row: &Value, expected: &[&str]) {
    let alerts = row["alerts"].as_object().unwrap_or_else(|| panic!("no alerts: {row}"));
    let tiers = ["page_fast", "page_slow", "ticket_fast", "ticket_slow"];
    assert_eq!(alerts.len(), tiers.len(), "{row}");
    let firing: Vec<&str> = tiers.into_iter().filter(|tier| alerts[*tier] == true).collect();
    assert_eq!(firing, expected, "{row}");
}

/// Availability, coverage, budget, what is left of it in seconds and as a share.
#[track_caller]
fn standing(row: &Value, expected: [f64; 5]) {
    let keys = ["availability", "coverage", "budget_s", "budget_left_s", "budget_remaining"];
    for (key, expected) in keys.into_iter().zip(expected) {
        number(row, key, expected);
    }
}
