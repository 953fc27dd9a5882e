//! Maintenance at run time with the real binary: announced over the socket, remembered over a kill, ended; the past edited.
//!
//! What is watched is a port of this machine on which nobody listens, so every check is down.
//!
//! What a window takes out of a promise is tested with the rules.

use crate::support::daemon::{Running, binary, wait_for};
use nephoscope::web::api::{
    ErrorForm, MaintenanceForm, OutagesForm, ServicesForm, SloForm, SlosForm,
};
use serde::de::DeserializeOwned;
use std::io::{Read, Write};
use std::net::TcpStream;

/// Two services, both down, with a promise each.
const CONFIG: &str = r#"
[defaults]
interval = "1s"
timeout  = "500ms"
recheck  = "100ms"
[provider.aws]
host = "127.0.0.1"
[probe.port.tcp]
address = "{host}:1"
[service.shop]
probes = ["port"]
slo = [{ name = "week", objective = 99.9, window = "7d" }]
[service.pay]
probes = ["port"]
objective = 99
[[maintenance]]
match = { service = "pay" }
start = 2026-01-01T00:00:00Z
end = 2026-01-01T01:00:00Z
"#;

const SHOP: &str = r#"check="shop/aws/port""#;
const PAY: &str = r#"check="pay/aws/port""#;

const DOWN: f64 = 4.0;
const MAINTENANCE: f64 = 1.0;

/// Exit code, stdout and stderr of `nephoscope maintenance …` on the daemon's socket.
fn maintenance(daemon: &Running, arguments: &[&str]) -> (i32, String, String) {
    let socket = daemon.socket();
    let output = binary()
        .args(["maintenance", "--socket", socket.to_str().unwrap()])
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// The id of a new window.
fn add(daemon: &Running, arguments: &[&str]) -> String {
    let (code, id, said) = maintenance(daemon, &[&["add"], arguments].concat());
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("forgets"), "{said}");
    id.trim().to_owned()
}

fn api<T: DeserializeOwned>(daemon: &Running, path: &str) -> T {
    let body = daemon.get(path);
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

fn await_state(daemon: &Running, check: &str, want: f64) {
    let is = |state: f64| (state - want).abs() < 0.1;
    daemon.await_metric("nephoscope_check_state{", &[check], is);
}

#[test]
fn a_window_is_announced_outlives_a_kill_and_is_ended() {
    let daemon = Running::start(CONFIG, &[]);
    await_state(&daemon, SHOP, DOWN);
    let id = add(&daemon, &["--match", "service=shop", "--for", "15m", "--reason", "deploy"]);
    await_state(&daemon, SHOP, MAINTENANCE);
    await_state(&daemon, PAY, DOWN);
    // The answer came when it was on disk: nothing is lost by a kill right after it.
    let daemon = daemon.kill_and_start_again();
    await_state(&daemon, SHOP, MAINTENANCE);
    await_state(&daemon, PAY, DOWN);
    let log = daemon.log();
    assert!(!log.lines().any(|line| line.contains("WARN") && line.contains("shop")), "{log}");

    let (_, list, _) = maintenance(&daemon, &["list"]);
    assert!(list.starts_with("1 now, 0 to come, 1 ended"), "{list}");
    assert!(list.contains(&id) && list.contains("service=shop\n    deploy"), "{list}");
    let (code, _, said) = maintenance(&daemon, &["end", &id, "--by", "ann"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("about 1 check of shop"), "{said}");
    await_state(&daemon, SHOP, DOWN);
    let (_, json, _) = maintenance(&daemon, &["list", "--format", "json"]);
    let form: MaintenanceForm = serde_json::from_str(&json).unwrap();
    let window = form.maintenance.iter().find(|window| window.id == id).unwrap();
    assert_eq!((&*window.phase, window.ended_by.as_deref()), ("ended", Some("ann")));
    let (code, _, said) = maintenance(&daemon, &["end", &id]);
    assert_eq!(code, 2);
    assert!(said.contains("has ended already"), "{said}");
}

#[test]
fn a_window_in_the_past_changes_numbers_and_no_counter() {
    let daemon = Running::start(CONFIG, &[]);
    let any = [r#"service="shop""#, r#"scope="any""#];
    let bad = [any[0], any[1], r#"state="bad""#];
    let counted =
        daemon.await_metric("nephoscope_slo_state_seconds_total{", &bad, |bad| bad >= 2.0);
    // The two checks have phases of their own.
    let other = [r#"service="pay""#, bad[1], bad[2]];
    daemon.await_metric("nephoscope_slo_state_seconds_total{", &other, |bad| bad >= 2.0);
    let services: ServicesForm = api(&daemon, "/api/v1/services");
    #[expect(clippy::cast_possible_truncation, reason = "seconds of a clock")]
    let start = jiff::Timestamp::from_second(services.started as i64 - 60).unwrap().to_string();
    let past = ["--match", "service=shop", "--start", &start, "--for", "1h"];
    let (code, _, said) = maintenance(&daemon, &[&["add"], &past[..]].concat());
    assert_eq!(code, 2);
    assert!(said.contains("has to say `by`"), "{said}");

    add(&daemon, &[&past[..], &["--by", "ann", "--reason", "power was cut"]].concat());
    let slos: SlosForm = api(&daemon, "/api/v1/slos?service=shop&scope=any");
    let [SloForm { standing, status, .. }] = &slos.slos[..] else { panic!("{slos:?}") };
    let seconds = (standing.bad_s.0, standing.availability);
    assert_eq!((seconds, &**status), ((0.0, None), "no_data"));
    assert!(standing.excluded_s.0 >= 2.0 && standing.suppressed, "{standing:?}");
    daemon.await_metric("nephoscope_slo_restated_seconds{", &any, |restated| restated <= -2.0);
    let after = daemon.metric("nephoscope_slo_state_seconds_total{", &bad).unwrap();
    assert!(after >= counted, "{after} after {counted}");
    let socket = daemon.socket();
    let said = binary().args(["status", "--socket", socket.to_str().unwrap()]).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains("99.9 % over 7d on aws  ? unknown"), "{said}");
    let pay: SlosForm = api(&daemon, "/api/v1/slos?service=pay&scope=any");
    assert!(pay.slos[0].standing.bad_s.0 >= 2.0, "another service is as it was: {pay:?}");
}

#[test]
fn what_cannot_be_announced_is_refused_with_what_to_do() {
    let daemon = Running::start(CONFIG, &[]);
    let refused = |arguments: &[&str]| {
        let (code, _, said) = maintenance(&daemon, arguments);
        assert_eq!(code, 2, "{said}");
        said
    };
    let said = refused(&["add", "--match", "service=shpo", "--for", "5m"]);
    assert_eq!(said, "nephoscope: there is no service `shpo`; did you mean `shop`?\n");
    let said = refused(&["add", "--match", "service=shop", "--for", "40d"]);
    assert!(said.contains("longer than 31d; `force` says"), "{said}");
    let said = refused(&["end", "m-0"]);
    assert!(said.contains("there is no window `m-0`"), "{said}");
    let form: MaintenanceForm = api(&daemon, "/api/v1/maintenance");
    let [configured] = &form.maintenance[..] else { panic!("{form:?}") };
    let said = refused(&["end", &configured.id]);
    assert!(said.contains("stands in the configuration"), "{said}");
}

#[test]
fn the_network_may_read_and_not_write() {
    let daemon = Running::start(CONFIG, &[]);
    for head in ["POST /api/v1/maintenance", "DELETE /api/v1/maintenance/m-0"] {
        let mut stream = TcpStream::connect(daemon.address).unwrap();
        write!(stream, "{head} HTTP/1.0\r\ncontent-length: 0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.0 403"), "{answer}");
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        let form: ErrorForm = serde_json::from_str(body).unwrap();
        assert!(form.hint.contains("nephoscope maintenance"), "{form:?}");
    }
}

#[test]
fn outages_are_told_with_their_reason_and_outlive_a_restart() {
    let mut daemon = Running::start(CONFIG, &[]);
    let active = |daemon: &Running| -> OutagesForm { api(daemon, "/api/v1/outages?active=true") };
    let form =
        wait_for("four outages", || Some(active(&daemon)).filter(|form| form.outages.len() == 4));
    let any = form.outages.iter().find(|outage| outage.id.starts_with("shop/any/")).unwrap();
    assert_eq!((any.reason.as_deref(), any.ended), (Some("connect_refused"), None));
    assert_eq!(any.check.as_deref(), Some("shop/aws/port"));
    let one: OutagesForm = api(&daemon, "/api/v1/outages?service=shop");
    assert!(one.outages.iter().all(|outage| outage.service == "shop"), "{one:?}");
    daemon.signal("TERM");
    daemon.wait();
    let daemon = daemon.kill_and_start_again();
    let after = active(&daemon);
    assert_eq!(after.outages.len(), 4, "no restart ends an outage: {after:?}");
    assert!(after.outages.iter().any(|outage| outage.id == any.id), "{after:?}");
}
