//! `status` and `probe` as a person and a program see them, with the real binary against real servers.
//!
//! Times are compared by form, everything else by value; exit codes are part of it.
//!
//! Layout at its edges is tested beside the code.

use crate::support::daemon::{Running, binary, wait_for};
use crate::support::http::{Server, response};
use serde_json::{Value, json};
use std::process::Output;

/// One service with a side that is up and one where nothing listens.
fn config(url: &str) -> String {
    format!(
        r#"
        [defaults]
        interval = "1s"
        timeout  = "500ms"
        recheck  = "100ms"
        [provider.aws]
        vars = {{ url = "{url}" }}
        host = "127.0.0.1"
        [provider.gcp]
        vars = {{ url = "http://127.0.0.1:1/" }}
        host = "127.0.0.1"
        [probe.web.http]
        url = "{{url}}"
        [service.shop]
        probes = ["web"]
        "#
    )
}

fn run(daemon: &Running, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = binary()
        .current_dir(daemon.folder.path())
        .args(["--socket", "socket"])
        .args(arguments)
        .output()
        .unwrap();
    parts(&output)
}

fn parts(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn status_tells_what_the_daemon_knows() {
    let server = Server::fixed(response("200 OK", &[], "hello"));
    let daemon = Running::start(&config(&server.url("/")), &[]);
    let (code, said) = wait_for("both sides to be decided", || {
        let (code, said, _) = run(&daemon, &["status"]);
        (said.contains("+ up") && said.contains("x down")).then_some((code, said))
    });
    assert_eq!(code, Some(1), "{said}");
    assert!(said.starts_with("1 service: 1 degraded  test, "), "{said}");
    let line = said.lines().find(|line| line.contains("gcp")).unwrap();
    assert!(line.ends_with("connect_refused: 127.0.0.1:1 refused the connection"), "{line}");

    let (code, said, _) = run(&daemon, &["status", "shop/aws"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("1 check: 1 up  test, "), "{said}");
    let (code, said, _) = run(&daemon, &["status", "shop/gcp/web", "--format", "json"]);
    let closely: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(code, Some(1));
    assert_eq!(closely["check"]["why"], "connect_refused");
    assert_eq!(closely["results"]["results"][0]["verdict"], "bad");
    let (_, said, _) = run(&daemon, &["status", "--format", "json"]);
    let all: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(all["services"][0]["service"], "shop", "{said}");
    assert_eq!((&all["sight"]["offline"], &all["sight"]["blind"]), (&json!(null), &json!([])));
    let (code, said, _) = run(&daemon, &["status", "--format", "icinga"]);
    assert!(said.starts_with("WARNING - 1 service: 1 degraded | up=0;;;0;1"), "{said}");
    assert!(said.ends_with("shop is degraded gcp: connect_refused\n"), "{said}");
    assert_eq!(code, Some(1));
    let (code, said, _) = run(&daemon, &["status", "shop/gcp", "--format", "icinga"]);
    assert!(said.starts_with("CRITICAL - 1 check: 1 down"), "{said}");
    assert_eq!(code, Some(2));
    let (code, said, error) = run(&daemon, &["status", "nothing", "--format", "icinga"]);
    assert!(said.starts_with("UNKNOWN - the daemon has no service or check `nothing`"), "{said}");
    assert_eq!((code, &*error), (Some(3), ""));
    let (code, said, error) = run(&daemon, &["status", "shop/gpc"]);
    assert_eq!((code, &*said), (Some(2), ""));
    assert_eq!(
        error,
        "nephoscope: the daemon has no service or check `shop/gpc`: did you mean `shop/gcp/web`?\n"
    );
}

#[test]
fn status_without_a_daemon_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("nobody.sock");
    let output = binary().arg("--socket").arg(&socket).arg("status").output().unwrap();
    let (code, said, error) = parts(&output);
    assert_eq!((code, &*said), (Some(1), ""));
    let expected = format!(
        "nephoscope: no daemon answers on `{}`: is it running? start it with `nephoscope run`, or name its \
         socket with `--socket`\n",
        socket.display()
    );
    assert_eq!(error, expected);
}

#[test]
fn probe_writes_every_documented_field() {
    let server = Server::fixed(response("503 Sorry", &[], "hello"));
    let url = server.url("/");
    let output = binary().args(["probe", &url, "--format", "json"]).output().unwrap();
    let (code, said, error) = parts(&output);
    assert_eq!((code, &*error), (Some(1), ""));
    let mut runs: Value = serde_json::from_str(&said).unwrap();
    let run = runs[0].as_object_mut().unwrap();
    for measured in ["at", "latency_ms", "phases", "address"] {
        assert!(run.remove(measured).is_some_and(|value| !value.is_null()), "{measured}: {said}");
    }
    let expected = json!({
        "check": format!("adhoc/{}/http", server.address), "verdict": "bad", "reason": "status", "cause": null, "warnings": [],
        "phase": "transfer", "family": 4, "said": "status 503, expected 2xx", "hops": [],
        "facts": {
            "http_status": 503, "http_version": "1.1", "redirects": 0, "body_bytes": run["facts"]["body_bytes"],
            "tls_version": null, "tls_cipher": null, "certificate_not_after": null, "chain_not_after": null, "certificate": null,
            "dns_rcode": null, "dns_answers": null, "dns_flags": null, "exit_code": null,
            "packets_sent": null, "packets_lost": null, "grpc_status": null, "grpc_health": null,
        },
    });
    assert_eq!(runs[0], expected);
}

#[test]
fn probe_draws_each_phase_and_counts_the_good() {
    let server = Server::fixed(response("200 OK", &[], "hello"));
    let urls = [server.url("/a"), server.url("/b"), "tcp://127.0.0.1:1".to_owned()];
    let output = binary().arg("probe").args(&urls).output().unwrap();
    let (code, said, _) = parts(&output);
    assert_eq!(code, Some(1), "{said}");
    let [first, second] =
        ["a", "b"].map(|path| format!("+ adhoc/{}/{path}/http  good", server.address));
    let refused = "x adhoc/127.0.0.1:1/tcp  bad: connect_refused";
    for words in [&*first, &*second, refused, "    processing ", "    transfer ", "2 of 3 good"] {
        assert!(said.contains(words), "`{words}` is not in {said}");
    }
    assert!(said.is_ascii(), "a locale without UTF-8 gets plain characters: {said}");
}

#[test]
fn probe_speaks_the_fields_names() {
    let server = Server::fixed(response("200 OK", &[], "hello"));
    let output = binary().args(["probe", &server.url("/"), "--format", "prometheus"]).output();
    let (code, said, _) = parts(&output.unwrap());
    assert_eq!(code, Some(0), "{said}");
    for line in [
        "probe_success 1\n",
        "probe_http_status_code 200\n",
        "probe_http_ssl 0\n",
        "probe_ip_protocol 4\n",
    ] {
        assert!(said.contains(line), "`{line}` is not in {said}");
    }
}

#[test]
fn probe_of_something_unknown_is_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("probes.toml"), config("http://127.0.0.1:1/")).unwrap();
    let output = binary().current_dir(folder.path()).args(["probe", "shp"]).output().unwrap();
    let (code, said, error) = parts(&output);
    assert_eq!((code, &*said), (Some(2), ""));
    assert_eq!(error, "nephoscope: there is no check `shp`: did you mean `shop`?\n");
}
