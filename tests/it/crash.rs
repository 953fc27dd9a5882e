//! `kill -9` in a loop on the real binary with a real file, and files that cannot be used.
//!
//! A far side answers well or badly on command and writes down when it was asked. The daemon is killed at moments that have
//! nothing to do with its commits, and started again on the same folder. In the end every run that was asked for is in the
//! store but those of the last moments before each kill, and the time line is that of the stored runs, to the millisecond.
//!
//! Kills between single commits are in `store`, lives without files in `tests/sim`.

use crate::support::daemon::{Running, binary, wait_for};
use crate::support::http::{Server, response};
use nephoscope::clock::{SystemClock, WallClock};
use nephoscope::config::load_text;
use nephoscope::model::Timestamp;
use nephoscope::monitor;
use nephoscope::slo::history::Lens;
use nephoscope::store;
use nephoscope::store::record::{Entry, Outcome};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How often it is killed.
const KILLS: u64 = 8;
/// A run that is not stored began at most so long before a kill: a commit a second, and a machine that is busy.
const LOST_MS: i64 = 4_000;
/// From the start of a run to its request, on a busy machine.
const ASKED_MS: i64 = 900;
const HOLD_MS: i64 = 2_000;

fn now() -> i64 {
    SystemClock.now().as_millis()
}

fn config(url: &str) -> String {
    format!(
        r#"
        [defaults]
        interval = "1s"
        timeout  = "500ms"
        confirm  = 1
        [provider.aws]
        host = "127.0.0.1"
        [probe.web.http]
        url = "{url}"
        [service.shop]
        probes = ["web"]
        objective = "99.9"
        "#
    )
}

#[test]
fn killed_again_and_again_it_forgets_only_the_last_moments() {
    let (bad, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
    let (is_bad, noted) = (Arc::clone(&bad), Arc::clone(&asked));
    let server = Server::plain(move |_, wire| {
        let bad = is_bad.load(Ordering::Relaxed);
        noted.lock().unwrap().push((now(), bad));
        let status = if bad { "503 Sorry" } else { "200 OK" };
        wire.write_all(response(status, &[], "hello").as_bytes())
    });
    let count = || asked.lock().unwrap().len();
    let seconds = |daemon: &Running| {
        let states = ["good", "bad", "unknown", "excluded"].map(|state| {
            let state = format!("state=\"{state}\"");
            daemon.metric("nephoscope_check_state_seconds_total{", &[&state]).unwrap()
        });
        states.iter().sum::<f64>()
    };

    let mut daemon = Running::start(&config(&server.url("/")), &[]);
    let (mut kills, mut counted) = (Vec::new(), 0.0);
    for kill in 0..KILLS {
        let before = count();
        wait_for("runs", || (count() >= before + 2).then_some(()));
        bad.store(kill % 3 == 1, Ordering::Relaxed);
        // Anywhere in the second in which the next commit comes.
        std::thread::park_timeout(Duration::from_millis(kill * 389 % 1_000));
        let known = seconds(&daemon);
        assert!(known > counted - 2.0, "counters went from {counted} to {known}");
        counted = known;
        kills.push(now());
        daemon = daemon.kill_and_start_again();
    }
    let folder = Arc::clone(&daemon.folder);
    let text = std::fs::read_to_string(folder.path().join("probes.toml")).unwrap();
    kills.push(now());
    drop(daemon);

    let image = store::read(&folder.path().join("state")).unwrap().image().unwrap();
    let runs: Vec<(i64, bool)> = image
        .journal
        .iter()
        .flat_map(|row| &row.entries)
        .map(|entry| match entry {
            Entry::Run(run) => (run.at_ms, matches!(run.outcome, Outcome::Bad(_))),
            Entry::ClockBack { .. } => panic!("nobody set the clock"),
        })
        .collect();
    every_stored_run_was_asked(&runs, &asked.lock().unwrap(), &kills);

    let config = load_text(Path::new("probes.toml"), text).unwrap().config;
    let at = now();
    let book = monitor::remember(&config, &image, Timestamp::from_millis(at));
    book.with(0, |history| {
        let scope = history.scopes().next().unwrap();
        let line = history.line(scope, Lens::Availability, Timestamp::from_millis(at));
        let amounts = line.amounts(line.begun(), Timestamp::from_millis(at));
        assert_eq!(i64::try_from(amounts.total()).unwrap(), at - line.begun().as_millis());
        let ends = runs.iter().skip(1).map(|(at, _)| *at).chain([at]);
        let mut painted = [0; 2];
        for ((run, bad), next) in runs.iter().zip(ends) {
            painted[usize::from(*bad)] += (next - run).min(HOLD_MS);
        }
        let found = [amounts.good, amounts.bad].map(|each| i64::try_from(each).unwrap());
        assert_eq!(found, painted, "good and bad milliseconds");
        assert!(painted.iter().all(|each| *each > 2_000), "{painted:?}: nothing happened");
    });
}

/// Stored runs are runs that were asked for, in order, each once and with its verdict; what is not stored is what was asked
/// for in the last moments before a kill.
fn every_stored_run_was_asked(runs: &[(i64, bool)], asked: &[(i64, bool)], kills: &[i64]) {
    let mut stored = runs.iter().peekable();
    for (at, bad) in asked {
        let matches = |run: &&(i64, bool)| (0..ASKED_MS).contains(&(at - run.0)) && run.1 == *bad;
        if stored.next_if(matches).is_none() {
            let lost = kills.iter().any(|kill| (0..LOST_MS).contains(&(kill - at)));
            assert!(lost, "the run of {at} is not stored: {runs:?} of {asked:?}, {kills:?}");
        }
    }
    assert_eq!(stored.next(), None, "nobody was asked for it");
}

#[test]
fn a_second_daemon_on_the_same_store_refuses_to_start() {
    let server = Server::fixed(response("200 OK", &[], "hello"));
    let first = Running::start(&config(&server.url("/")), &[]);
    let mut second = binary();
    second.current_dir(first.folder.path()).args(["--socket", "other"]);
    let output = second.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("refusing to start"), "{said}");
    assert!(first.get("/livez").starts_with("alive"));
}

#[test]
fn a_damaged_store_stops_the_start_and_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = config("http://127.0.0.1:1/");
    let text = format!("[monitor]\nvantage = \"test\"\nlisten = \"127.0.0.1:0\"\n{text}");
    std::fs::write(folder.path().join("probes.toml"), text).unwrap();
    std::fs::create_dir(folder.path().join("state")).unwrap();
    let file = folder.path().join("state").join(store::FILE);
    std::fs::write(&file, "this is not a database at all, but it was somebody's").unwrap();
    let before = std::fs::read(&file).unwrap();
    let output = binary().current_dir(folder.path()).args(["--socket", "s"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("refusing to start"), "{said}");
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[test]
fn where_no_store_can_be_the_present_goes_on_and_says_so() {
    let server = Server::fixed(response("200 OK", &[], "hello"));
    let text = format!("state = \"probes.toml\"\n{}", config(&server.url("/")));
    let daemon = Running::start(&text, &[]);
    daemon.await_metric("nephoscope_probes_total{", &[r#"verdict="good""#], |runs| runs >= 1.0);
    assert!(daemon.get("/").contains("history is not kept"));
    assert!(daemon.log().contains("history is not kept"), "{}", daemon.log());
}
