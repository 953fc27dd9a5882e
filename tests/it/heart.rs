//! The heartbeat of the real binary: it comes while the daemon moves, and whoever does not take it holds up nobody.
//!
//! Its receivers are servers on loopback. The first one is due at once, so no test waits for a second one.
//!
//! What is stuck and stays silent is tested beside the heart itself.

use crate::support::daemon::{Running, binary, wait_for};
use crate::support::http::{Server, response};
use std::fmt::Write as _;
use std::io::Read as _;

/// A check of `target` every second, and a heartbeat to `heartbeat`.
fn config(heartbeat: &str, target: &Server) -> String {
    let mut text = format!("heartbeat_url = {heartbeat}\n");
    write!(
        text,
        "[defaults]\ninterval = \"1s\"\ntimeout = \"500ms\"\n[provider.aws]\nhost = \"127.0.0.1\"\n\
         [probe.web.http]\nurl = \"{}\"\n[service.shop]\nprobes = [\"web\"]\n",
        target.url("/")
    )
    .unwrap();
    text
}

fn beats(daemon: &Running, outcome: &str, least: f64) {
    let outcome = format!("outcome=\"{outcome}\"");
    daemon.await_metric("nephoscope_heartbeats_total{", &[&outcome], |count| count >= least);
}

#[test]
fn it_beats_as_soon_as_the_first_round_is_planned() {
    let target = Server::fixed(response("200 OK", &[], "hello"));
    let receiver = Server::fixed(response("200 OK", &[], "OK"));
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("heartbeat");
    std::fs::write(&secret, format!("{}\n", receiver.url("/ping/secret-word"))).unwrap();
    let url = format!("{{ file = \"{}\" }}", secret.display());
    let daemon = Running::start(&config(&url, &target), &["--log-level", "trace"]);
    beats(&daemon, "taken", 1.0);
    let asked = receiver.requests();
    assert!(asked[0].starts_with("GET /ping/secret-word HTTP/1.1"), "{asked:?}");
    assert!(daemon.metric("nephoscope_heartbeat_last_success_timestamp_seconds{", &[]).is_some());
    assert!(!daemon.log().contains("heartbeat_failing") && !daemon.log().contains("is not taken"));
    // Its URL is as good as a password.
    let file = daemon.folder.path().join("probes.toml");
    let shown = binary().args(["validate", "--effective", "--config"]).arg(file).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("heartbeat_url") && shown.contains("http://127.0.0.1"), "{shown}");
    for text in [shown, daemon.log(), daemon.get("/metrics"), daemon.get("/")] {
        assert!(!text.contains("secret-word"), "{text}");
    }
}

#[test]
fn whoever_does_not_take_it_holds_up_nobody_and_is_said_once() {
    let target = Server::fixed(response("200 OK", &[], "hello"));
    // It listens, and says nothing for as long as it is listened to.
    let receiver = Server::raw(|stream| {
        let mut heard = [0; 1024];
        while stream.read(&mut heard)? > 0 {}
        Ok(())
    });
    let url = format!("\"{}\"", receiver.url("/"));
    let daemon = Running::start(&config(&url, &target), &[]);
    let good = ["verdict=\"good\""];
    let runs = daemon.await_metric("nephoscope_probes_total{", &good, |count| count >= 3.0);
    beats(&daemon, "failed", 1.0);
    let later = daemon.metric("nephoscope_probes_total{", &good).unwrap();
    assert!(later >= runs + 3.0, "probing went on while nobody answered: {runs}, {later}");
    wait_for("the line", || daemon.log().contains("the heartbeat is not taken").then_some(()));
    assert_eq!(daemon.log().matches("the heartbeat is not taken").count(), 1);
}

#[test]
fn without_one_there_is_nothing() {
    let target = Server::fixed(response("200 OK", &[], "hello"));
    let text = config("\"http://127.0.0.1:1/\"", &target)
        .lines()
        .skip(1)
        .fold(String::new(), |all, line| all + line + "\n");
    let daemon = Running::start(&text, &[]);
    daemon.await_metric("nephoscope_probes_total{", &["verdict=\"good\""], |count| count >= 1.0);
    assert!(!daemon.get("/metrics").contains("nephoscope_heartbeats_total{"));
}
