//! What `replay` says: the form of its rows, the table, and one sentence with a line number for whatever is wrong.
//!
//! Outputs as a whole are snapshots.
//!
//! Whether the numbers are right is in `cases` and `oracle`.

use super::{BEGIN, DAY, HOUR, NOW, T0, grid, lines, run, service};
use crate::support::daemon::binary;
use serde_json::Value;
use std::io::Write as _;
use std::process::Stdio;

const SHOP: &str = "interval = \"30s\"\n\
    slo = [{ objective = 99.9, window = \"30d\" }, { name = \"day\", objective = 99, window = \"1d\" }]";

fn shop() -> String {
    BEGIN.to_owned() + &service("shop", &["aws", "gcp"], SHOP)
}

/// Half an hour of a bad gcp before `NOW`, little else.
fn results() -> String {
    let day = NOW - DAY..NOW;
    lines(&[
        grid("shop/aws/web", 300).during(day.clone()),
        grid("shop/gcp/web", 30).during(day).bad(NOW - HOUR / 2..NOW),
    ])
}

fn whole(config: &str, results: &str, arguments: &[&str]) -> String {
    let output = run(config, results, arguments);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    format!(
        "exit code: {}\n----- stdout -----\n{}----- stderr -----\n{}",
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr)
    )
}

/// What is said about a file whose second line is this one.
fn wrong(line: &str) -> String {
    let good = r#"{"t": 1780185600, "check": "shop/aws/web", "verdict": "good"}"#;
    let said = whole(&shop(), &format!("{good}\n{line}\n{good}\n"), &["--at", "1780185600"]);
    said.replace("exit code: 2\n----- stdout -----\n----- stderr -----\n", "")
}

/// Compares with the committed snapshot.
fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots/replay");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn help_is_written_for_a_newcomer() {
    snapshot("help", &whole(&shop(), "", &["--help"]));
}

#[test]
fn a_row_has_the_keys_of_the_interface_in_their_order() {
    snapshot("json", &whole(&shop(), &results(), &["--at", "2026-05-31T00:00:00Z"]));
}

#[test]
fn the_table_fits_on_a_hundred_columns() {
    let said =
        whole(&shop(), &results(), &["--format", "table", "--at", "1780185600", "1780142400"]);
    assert!(said.lines().all(|line| line.chars().count() <= 100), "{said}");
    snapshot("table", &said);
}

#[test]
fn whatever_is_wrong_with_a_line_is_said_with_its_number() {
    let lines = [
        r"not json",
        r#"{"t": 1780185630, "check": "shop/aws/web", "verdict": "good""#,
        r#"["t", 1780185630]"#,
        r#"{"check": "shop/aws/web", "verdict": "good"}"#,
        r#"{"t": 1780185630, "verdict": "good"}"#,
        r#"{"t": 1780185630, "check": "shop/aws/web"}"#,
        r#"{"t": 1780185630, "check": "shop/aws/wep", "verdict": "good"}"#,
        r#"{"t": 1780185630, "check": "x", "verdict": "good"}"#,
        r#"{"t": 1780185630, "check": "shop/aws/web", "verdict": "Good"}"#,
        r#"{"t": 1780185630, "check": "shop/aws/web", "verdict": true}"#,
        r#"{"t": 1780185630, "check": "shop/aws/web", "verdict": "good", "latency_ms": -1}"#,
        r#"{"t": 1780185630, "check": "shop/aws/web", "verdict": "good", "latency_ms": "1"}"#,
        r#"{"t": 1780185630, "check": "shop/aws/web", "verdict": "good", "until": 1780185630}"#,
        r#"{"t": "yesterday", "check": "shop/aws/web", "verdict": "good"}"#,
        r#"{"t": 1780185630000, "check": "shop/aws/web", "verdict": "good"}"#,
        r#"{"t": 1780185600, "check": "shop/aws/web", "verdict": "bad"}"#,
        r#"{"t": 1780185599.999, "check": "shop/aws/web", "verdict": "bad"}"#,
    ];
    let said: Vec<String> = lines.iter().map(|line| format!("{line}\n  {}", wrong(line))).collect();
    snapshot("errors", &said.join("\n"));
}

#[test]
fn wrong_usage_is_said() {
    let said = [
        whole(&shop(), "", &[]),
        whole(&shop(), "", &["--at", "tomorrow"]),
        whole(&shop(), "", &["--at", "1780185600000"]),
    ];
    snapshot("usage", &said.join("\n"));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("probes.toml"), shop()).unwrap();
    let arguments = ["replay", "--results", "gone.ndjson", "--at", "1780185600"];
    let output = binary().current_dir(folder.path()).args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("nephoscope: cannot read `gone.ndjson`: No such file"), "{said}");
}

#[test]
fn a_key_that_means_nothing_is_said_once() {
    let line = |at: i64| {
        format!(
            "{{\"t\": {at}, \"check\": \"shop/aws/web\", \"verdict\": \"good\", \"latency\": 3}}\n"
        )
    };
    let output = run(&shop(), &(line(T0) + &line(T0 + 30)), &["--at", "1780185600"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(said.matches("the key `latency` is ignored").count(), 1, "{said}");
}

#[test]
fn without_a_promise_there_are_no_rows_and_it_says_why() {
    let config = BEGIN.to_owned() + &service("shop", &["aws"], "");
    let line = r#"{"t": 1780185600, "check": "shop/aws/web", "verdict": "good"}"#;
    let said = whole(&config, line, &["--at", "1780185600"]);
    let expected = "exit code: 0\n----- stdout -----\n[]\n----- stderr -----\n\
        nephoscope: no service of `probes.toml` has a promise (`slo` or `objective`)\n";
    assert_eq!(said, expected);
}

#[test]
fn rows_come_in_the_order_of_the_instants_and_of_the_file() {
    let output = run(&shop(), &results(), &["--at", "1780185600", "--at", "1780142400.5"]);
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let read: Vec<String> = rows
        .iter()
        .map(|row| {
            format!(
                "{} {} {}",
                row["at"],
                row["slo"].as_str().unwrap(),
                row["scope"].as_str().unwrap()
            )
        })
        .collect();
    let scopes = ["any", "all", "provider:aws", "provider:gcp"];
    let mut expected = Vec::new();
    for at in ["1780185600", "1780142400.5"] {
        for slo in ["availability-30d", "day"] {
            expected.extend(scopes.map(|scope| format!("{at} {slo} {scope}")));
        }
    }
    assert_eq!(read, expected);
}

#[test]
fn the_order_of_lines_of_different_checks_and_later_results_change_nothing() {
    let file = results();
    let mut sorted: Vec<&str> = file.lines().collect();
    sorted.sort_by_key(|line| line[6..16].to_owned());
    let later = lines(&[grid("shop/aws/web", 30).during(NOW..NOW + HOUR).bad(NOW..NOW + HOUR)]);
    let arguments = ["--at", "1780184400", "1780185600"];
    let one = run(&shop(), &file, &arguments).stdout;
    assert_eq!(one, run(&shop(), &(sorted.join("\n") + "\n"), &arguments).stdout);
    assert_eq!(one, run(&shop(), &(file + &later), &arguments).stdout);
    let first: Vec<Value> = serde_json::from_slice(&one).unwrap();
    assert_eq!(first.len(), 16);
}

#[test]
fn results_may_come_from_stdin_with_times_in_either_form() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("probes.toml"), shop()).unwrap();
    let mut child = binary()
        .current_dir(folder.path())
        .args(["replay", "--results", "-", "--at", "1780185600"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let text = "{\"t\": \"2026-05-30T23:59:00Z\", \"check\": \"shop/aws/web\", \"verdict\": \"good\"}\n\n\
        {\"t\": 1780185570.250, \"check\": \"shop/aws/web\", \"verdict\": \"bad\", \"reason\": \"status\"}";
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let row = super::find(&rows, "shop", "provider:aws");
    super::amounts(row, [30.25, 29.75, 2_591_940.0, 0.0]);
}

#[test]
fn the_entry_has_rows_when_it_was_looked_at() {
    let keys = format!("{SHOP}\nentry = {{ host = \"shop.example\", probe = \"web\" }}");
    let config = BEGIN.to_owned() + &service("shop", &["aws", "gcp"], &keys);
    let entry = lines(&[grid("shop/entry/web", 30).during(NOW - HOUR..NOW).bad(NOW - 60..NOW)]);
    let output = run(&config, &(results() + &entry), &["--at", "1780185600"]);
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(rows.len(), 10);
    assert_eq!((&rows[0]["scope"], &rows[1]["scope"]), (&"entry".into(), &"any".into()));
    super::amounts(&rows[5], [3_540.0, 60.0, 82_800.0, 0.0]);
    let output = run(&config, &results(), &["--at", "1780185600"]);
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(rows.len(), 8);
}
