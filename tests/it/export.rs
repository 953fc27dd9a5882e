//! `export` by the real binary: beside a running daemon and at rest, and what `replay` makes of it.
//!
//! The daemon says how it stands; the same instant of its exported store, replayed, must say the same to the millisecond.
//!
//! Random pasts are exported and replayed beside the code (`src/cli/export/tests.rs`).

use crate::support::daemon::{Running, binary};
use serde_json::Value;
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;

/// One side answers, one refuses.
fn config(answers: &TcpListener) -> String {
    let open = answers.local_addr().unwrap();
    format!(
        r#"
[provider.aws]
[provider.gcp]
[probe.port.tcp]
address = "{{host}}"
[service.shop]
probes = ["port"]
interval = "1s"
timeout = "800ms"
recheck = "100ms"
slo = [{{ objective = 99, window = "1h" }}]
[service.shop.endpoint.aws]
host = "{open}"
[service.shop.endpoint.gcp]
host = "127.0.0.1:9"
"#
    )
}

fn ask(folder: &Path, arguments: &[&str]) -> Output {
    binary().current_dir(folder).args(arguments).output().unwrap()
}

/// What is exported, as text; the exit code must be 0.
fn exported(folder: &Path) -> String {
    let output = ask(folder, &["export"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

/// The rows of an export at `at`.
fn replayed(folder: &Path, text: &str, at: &str) -> Vec<Value> {
    std::fs::write(folder.join("past.ndjson"), text).unwrap();
    let output = ask(folder, &["replay", "--results", "past.ndjson", "--at", at]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_store_of_a_running_daemon_and_at_rest_gives_what_the_daemon_says() {
    let answers = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut daemon = Running::start(&config(&answers), &[]);
    let bad = [r#"check="shop/gcp/port""#, r#"state="bad""#];
    daemon.await_metric("nephoscope_check_state_seconds_total{", &bad, |seconds| seconds >= 2.0);
    let report: Value = serde_json::from_str(&daemon.get("/api/v1/report")).unwrap();
    let at = report["at"].to_string();
    let folder = daemon.folder.path().to_owned();
    // The daemon stores every second; the instant is past once a run of after it is there.
    let text = crate::support::daemon::wait_for("the instant in the store", || {
        let text = exported(&folder);
        let lines = text.lines().filter(|line| line.contains("shop/gcp/port"));
        let until = |line| serde_json::from_str::<Value>(line).unwrap()["until"].as_f64();
        let until = lines.filter_map(until).fold(0.0, f64::max);
        (until > at.parse::<f64>().unwrap() + 2.0).then_some(text)
    });
    daemon.signal("TERM");
    assert!(daemon.wait().success());
    let rest = exported(&folder);
    // A state is stored once a minute: until then a check is known from its first run on, so that the sides are as the daemon
    // has them and what is joined of them is not.
    for (text, first) in [(text, 2), (rest, 0)] {
        let rows = replayed(&folder, &text, &at);
        assert_eq!(rows.len(), 4);
        for row in &rows[first..] {
            let same = said(&report, row["scope"].as_str().unwrap());
            let keys = ["good_s", "bad_s", "unknown_s", "excluded_s", "elapsed_s", "budget_left_s"];
            for key in keys {
                assert_eq!(row[key], same[key], "{key}: {row} {same}");
            }
        }
        assert!(rows[3]["bad_s"].as_f64().unwrap() >= 2.0, "{}", rows[3]);
    }
}

/// What the daemon's report has of a scope.
fn said<'a>(report: &'a Value, scope: &str) -> &'a Value {
    fn find<'a>(value: &'a Value, scope: &str) -> Option<&'a Value> {
        if value["scope"] == scope && value.get("good_s").is_some() {
            return Some(value);
        }
        match value {
            Value::Array(values) => values.iter().find_map(|each| find(each, scope)),
            Value::Object(values) => values.values().find_map(|each| find(each, scope)),
            _ => None,
        }
    }
    find(report, scope).unwrap_or_else(|| panic!("no {scope} in {report}"))
}

#[test]
fn without_a_store_it_says_where_it_looked() {
    let answers = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("probes.toml"), config(&answers)).unwrap();
    let output = ask(folder.path(), &["export", "--store", "gone"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    assert_eq!(said, "nephoscope: cannot export `gone`: there is no store in `gone`\n");
    assert!(!folder.path().join("gone").exists(), "reading makes nothing");
}

#[test]
fn help_is_written_for_a_newcomer() {
    let folder = tempfile::tempdir().unwrap();
    let output = ask(folder.path(), &["export", "--help"]);
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots/replay");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let text = String::from_utf8(output.stdout).unwrap();
    settings.bind(|| insta::assert_snapshot!("help_export", text));
}
