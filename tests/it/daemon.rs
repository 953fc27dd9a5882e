//! The whole road with the real binary: from a file to series, page and log, and to a clean end.
//!
//! Servers are fixtures on loopback; the daemon runs as its own process.
//!
//! What single parts do at their edges is tested beside them.

use crate::support::daemon::{PATIENCE, Running, binary, wait_for};
use crate::support::http::{Server, response};
use nephoscope::web::api::{ChecksForm, ServicesForm};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// One service on two clouds, looked at often.
fn two_clouds(aws: &str, gcp: &str) -> String {
    format!(
        r#"
        [defaults]
        interval = "1s"
        timeout  = "500ms"
        recheck  = "100ms"
        [provider.aws]
        vars = {{ url = "{aws}" }}
        host = "127.0.0.1"
        [provider.gcp]
        vars = {{ url = "{gcp}" }}
        host = "127.0.0.1"
        [probe.web.http]
        url = "{{url}}"
        [service.shop]
        probes = ["web"]
        "#
    )
}

const AWS: &str = r#"check="shop/aws/web""#;
const GCP: &str = r#"check="shop/gcp/web""#;

#[test]
fn an_outage_is_seen_told_and_over() {
    let broken = Arc::new(AtomicBool::new(false));
    let breaks = Arc::clone(&broken);
    let aws = Server::plain(move |_, wire| {
        let status = if breaks.load(Ordering::Relaxed) { "503 Sorry" } else { "200 OK" };
        wire.write_all(response(status, &[], "hello").as_bytes())
    });
    let gcp = Server::fixed(response("200 OK", &[], "hello"));
    let daemon = Running::start(&two_clouds(&aws.url("/"), &gcp.url("/")), &[]);
    let state = |check: &str, want: f64| {
        daemon.await_metric("nephoscope_check_state{", &[check], |state| (state - want).abs() < 0.1)
    };
    state(AWS, 0.0);
    state(GCP, 0.0);

    broken.store(true, Ordering::Relaxed);
    state(AWS, 4.0);
    let reason = [AWS, r#"reason="status""#];
    daemon.await_metric("nephoscope_probe_failures_total{", &reason, |count| count >= 2.0);
    let service = |scope| daemon.metric("nephoscope_service_state{", &[scope]).unwrap();
    assert!(service(r#"scope="any""#) < 0.1, "one side is enough");
    assert!(service(r#"scope="all""#) > 3.9);
    let page = daemon.get("/");
    assert!(page.contains("status 503, expected 2xx"), "{page}");
    let down = |line: &str| line.contains("down: shop on aws (1 service, 1 check)");
    let line = wait_for("the line of the incident", || {
        daemon.log().lines().find(|line| down(line)).map(str::to_owned)
    });
    assert!(line.contains("first seen by shop/aws/web: status 503"), "{line}");
    assert!(!daemon.log().contains("check is down"), "one line per incident: {}", daemon.log());

    broken.store(false, Ordering::Relaxed);
    state(AWS, 0.0);
    daemon.await_metric("nephoscope_check_state_seconds_total{", &[AWS, r#"state="bad""#], |bad| {
        bad > 0.0
    });
    wait_for("the line of its end", || daemon.log().contains("over: shop on aws").then_some(()));
}

#[test]
fn public_names_canaries_and_shared_dependencies_are_looked_at() {
    let fine = Server::fixed(response("200 OK", &[], "hello"));
    let broken = Server::fixed(response("503 Sorry", &[], "hello"));
    let (fine, broken) = (fine.url("/"), broken.url("/"));
    let clouds = two_clouds(&fine, &fine);
    let daemon = Running::start(
        &format!(
            r#"
            {clouds}
            depends_on = ["db"]
            vars = {{ db = "{fine}" }}
            entry = {{ host = "127.0.0.1", probe = "front" }}
            [probe.front.http]
            url = "{broken}"
            [[provider.aws.canary]]
            region = "north"
            url = "{broken}"
            [[provider.gcp.canary]]
            url = "{fine}"
            [domain.db]
            kind = "data"
            host = "127.0.0.1"
            probes = ["data"]
            [probe.data.http]
            url = "{fine}"
            "#
        ),
        &[],
    );
    let await_state = |metric: &str, labels: &[&str], want: f64| {
        daemon.await_metric(metric, labels, |state| (state - want).abs() < 0.1)
    };
    let canary = "nephoscope_canary_health{";
    await_state(canary, &[r#"provider="aws",region="north",plane="data""#], 4.0);
    await_state(canary, &[r#"provider="gcp""#], 0.0);
    await_state("nephoscope_domain_state{", &[r#"domain="db",probe="data""#], 0.0);
    await_state("nephoscope_service_state{", &[r#"scope="entry""#], 4.0);
    await_state("nephoscope_service_state{", &[r#"scope="any""#], 0.0);
    let services: ServicesForm = serde_json::from_str(&daemon.get("/api/v1/services")).unwrap();
    let shop = &services.services[0];
    assert_eq!((shop.state.as_str(), shop.any.state.as_str()), ("down", "up"));
    let entry = shop.entry.as_ref().unwrap();
    assert_eq!((entry.check.as_str(), entry.state.as_str()), ("shop/entry/front", "down"));
    assert!(daemon.get("/").contains("Public name"));
}

#[test]
fn two_shards_watch_each_service_once() {
    let server = Server::fixed(response("200 OK", &[], "hello"));
    let services: String = ["s0", "s1", "s2", "s3"]
        .map(|name| format!("[service.{name}]\nprobes = [\"web\"]\n"))
        .concat();
    let asked = |which: u32| {
        let text = format!(
            "shard = \"{which}/2\"\n[defaults]\ninterval = \"1s\"\ntimeout = \"500ms\"\n\
             [provider.aws]\nhost = \"127.0.0.1\"\n[probe.web.http]\nurl = \"{}/{{service}}\"\n{services}\
             [[maintenance]]\nmatch = {{ service = \"s0\" }}\nevery = \"Sun 23:00-23:01\"\n",
            server.url(""),
        );
        let daemon = Running::start(&text, &[]);
        let log = daemon.log();
        assert!(log.contains(&format!("shard {which}/2 has ")), "{log}");
        let text = daemon.get("/metrics");
        let lines = text.lines().filter_map(|line| {
            line.strip_prefix("nephoscope_check_state{check=\"")?.split('/').next()
        });
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let mut watched = [asked(1), asked(2)].concat();
    watched.sort_unstable();
    assert_eq!(watched, ["s0", "s1", "s2", "s3"]);
}

#[test]
fn state_seconds_add_up_to_the_time_watched() {
    let server = Server::fixed(response("200 OK", &[], "hello"));
    let daemon = Running::start(&two_clouds(&server.url("/"), "http://127.0.0.1:1/"), &[]);
    for state in [[AWS, r#"state="good""#], [GCP, r#"state="bad""#]] {
        daemon.await_metric("nephoscope_check_state_seconds_total{", &state, |time| time > 1.0);
    }
    let ask = |path| serde_json::from_str::<ChecksForm>(&daemon.get(path)).unwrap();
    let services: ServicesForm = serde_json::from_str(&daemon.get("/api/v1/services")).unwrap();
    for check in ask("/api/v1/checks").checks {
        let sum = check.good_s + check.bad_s + check.unknown_s + check.excluded_s;
        let watched = check.watermark - services.started;
        assert!((sum - watched).abs() < 0.002, "{sum} of {watched}");
    }
}

#[test]
fn a_scraper_that_does_not_read_holds_nobody_up() {
    let server = Server::fixed(response("200 OK", &[], "hello"));
    let daemon = Running::start(&two_clouds(&server.url("/"), &server.url("/")), &[]);
    let stuck: Vec<_> = (0..20)
        .map(|_| {
            let mut stream = TcpStream::connect(daemon.address).unwrap();
            stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
            stream.read_exact(&mut [0]).unwrap();
            stream
        })
        .collect();
    let good = [AWS, r#"verdict="good""#];
    let before = daemon.metric("nephoscope_probes_total{", &good).unwrap();
    daemon.await_metric("nephoscope_probes_total{", &good, |runs| runs >= before + 3.0);
    assert!(daemon.get("/livez").starts_with("alive"));
    drop(stuck);
}

#[test]
fn running_out_of_descriptors_is_our_fault_and_not_the_far_sides() {
    let silent = Server::raw(|stream| stream.read(&mut [0]).map(drop));
    let services: Vec<_> = (0..40).map(|n| format!("[service.s{n}]\nprobes = [\"p\"]\n")).collect();
    let services = services.concat();
    let config = format!(
        r#"
        [defaults]
        interval = "1s"
        timeout  = "800ms"
        recheck  = "500ms"
        [provider.a]
        host = "127.0.0.1"
        [probe.p.tcp]
        address  = "{{host}}:{}"
        dialogue = [{{ expect = "never" }}]
        {services}
        "#,
        silent.address.port()
    );
    let daemon = Running::start_with_descriptors(&config, 40);
    // The log, because a page cannot be asked for without a descriptor either.
    let line = wait_for("a line about an unknown check", || {
        daemon.log().lines().find(|line| line.contains("check is unknown")).map(str::to_owned)
    });
    assert!(line.contains("LimitNOFILE"), "{line}");
    assert!(!daemon.log().contains("reason=\"connect_"), "{}", daemon.log());
}

#[test]
fn metrics_are_compressed_when_asked() {
    let daemon = Running::start(&two_clouds("http://127.0.0.1:1/", "http://127.0.0.1:1/"), &[]);
    let (plain_head, plain) = daemon.get_with("/metrics", "");
    assert!(!plain_head.contains("gzip"));
    assert!(plain_head.contains("text/plain; version=0.0.4"), "{plain_head}");
    let (head, body) = daemon.get_with("/metrics", "accept-encoding: gzip\r\n");
    assert!(head.to_lowercase().contains("content-encoding: gzip"), "{head}");
    assert!(body.starts_with(&[0x1f, 0x8b]) && body.len() * 3 < plain.len());
}

#[test]
fn the_fields_names_are_there_when_asked_for() {
    let server = Server::fixed(response("200 OK", &[], "hello"));
    let config = two_clouds(&server.url("/"), "http://127.0.0.1:1/");
    let plain = Running::start(&config, &[]);
    let field = Running::start(&format!("{config}\n[metrics]\nfield_names = true"), &[]);
    field.await_metric("probe_success{", &[AWS], |success| success > 0.9);
    field.await_metric("probe_success{", &[GCP], |success| success < 0.1);
    assert_eq!(field.metric("probe_http_status_code{", &[AWS]), Some(200.0));
    assert_eq!(field.metric("probe_http_status_code{", &[GCP]), None);
    let text = field.get("/metrics");
    assert_eq!(text.matches("# TYPE probe_success gauge").count(), 1);
    assert!(!plain.get("/metrics").contains("probe_success"));
}

#[test]
fn it_ends_cleanly_when_told_to() {
    for signal in ["TERM", "INT"] {
        let mut daemon =
            Running::start(&two_clouds("http://127.0.0.1:1/", "http://127.0.0.1:1/"), &[]);
        assert!(daemon.socket().exists());
        daemon.signal(signal);
        assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.log());
        assert!(!daemon.socket().exists());
    }
}

#[test]
fn a_hangup_does_not_end_it() {
    let daemon = Running::start(&two_clouds("http://127.0.0.1:1/", "http://127.0.0.1:1/"), &[]);
    daemon.signal("HUP");
    wait_for("a line about SIGHUP", || {
        daemon.log().contains("the configuration was read again").then_some(())
    });
    assert!(daemon.get("/livez").starts_with("alive"));
}

#[test]
fn a_second_daemon_on_the_same_address_says_so() {
    let first = Running::start(&two_clouds("http://127.0.0.1:1/", "http://127.0.0.1:1/"), &[]);
    let file = first.folder.path().join("second.toml");
    let config = two_clouds("http://127.0.0.1:1/", "http://127.0.0.1:1/");
    let listen = format!("[monitor]\nlisten = \"{}\"\n{config}", first.address);
    std::fs::write(&file, listen).unwrap();
    let second = binary()
        .arg("--config")
        .arg(&file)
        .arg("--socket")
        .arg(first.folder.path().join("other"))
        .output()
        .unwrap();
    let said = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("cannot listen on `{}`", first.address)), "{said}");

    std::fs::write(&file, format!("[monitor]\nlisten = \"127.0.0.1:0\"\n{config}")).unwrap();
    let third =
        binary().arg("--config").arg(&file).arg("--socket").arg(first.socket()).output().unwrap();
    let said = String::from_utf8(third.stderr).unwrap();
    assert_eq!(third.status.code(), Some(1), "{said}");
    assert!(said.contains("another daemon answers on the local socket"), "{said}");
}

#[test]
fn a_socket_left_over_by_a_killed_daemon_is_no_obstacle() {
    let mut first = Running::start(&two_clouds("http://127.0.0.1:1/", "http://127.0.0.1:1/"), &[]);
    first.signal("KILL");
    first.wait();
    assert!(first.socket().exists());
    let file = first.folder.path().join("probes.toml");
    let again = Running::start(
        "[provider.a]\nhost = \"127.0.0.1\"\n[probe.p.tcp]\naddress = \"{host}:1\"\n[service.s]\nprobes = [\"p\"]\n",
        &["--config", file.to_str().unwrap(), "--socket", first.socket().to_str().unwrap()],
    );
    assert!(again.get("/readyz").starts_with("ready"));
}

#[test]
fn the_log_can_be_json() {
    let daemon = Running::start(
        &two_clouds("http://127.0.0.1:1/", "http://127.0.0.1:1/"),
        &["--log-format", "json"],
    );
    let line = wait_for("a line about what is down", || {
        daemon.log().lines().find(|line| line.contains("down: shop")).map(str::to_owned)
    });
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["nephoscope.reason"], "connect_refused", "{line}");
    assert!(line["nephoscope.incident"].as_str().unwrap().starts_with("service:shop/"), "{line}");
}

#[test]
fn a_health_check_is_fine_while_the_daemon_is_ready_and_bad_without_one() {
    let mut daemon = Running::start(&two_clouds("http://127.0.0.1:1/", "http://127.0.0.1:1/"), &[]);
    let socket = daemon.socket();
    let asked = |more: &[&str]| {
        let mut command = binary();
        let output =
            command.args(["healthcheck", "--socket"]).arg(&socket).args(more).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    wait_for("a daemon that is ready", || (asked(&[]).0 == Some(0)).then_some(()));
    assert_eq!(asked(&[]), (Some(0), "ready\n".to_owned(), String::new()));
    assert_eq!(asked(&["--alive"]), (Some(0), "alive\n".to_owned(), String::new()));
    daemon.signal("KILL");
    daemon.wait();
    let (code, out, said) = asked(&[]);
    assert_eq!((code, &*out), (Some(1), ""));
    assert!(said.contains("no daemon answers"), "{said}");
}

#[test]
fn a_daemon_that_is_not_ready_fails_its_health_check_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    let answers = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]).unwrap();
        let answer = response("503 Service Unavailable", &[], "not ready: no round is planned\n");
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let output = binary().args(["healthcheck", "--socket"]).arg(&socket).output().unwrap();
    answers.join().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "nephoscope: not ready: no round is planned\n");
}

#[test]
fn a_file_where_the_socket_should_be_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("probes.toml");
    let config = two_clouds("http://127.0.0.1:1/", "http://127.0.0.1:1/");
    std::fs::write(&file, format!("[monitor]\nlisten = \"127.0.0.1:0\"\n{config}")).unwrap();
    let before = std::fs::read(&file).unwrap();
    let output = binary().arg("--config").arg(&file).arg("--socket").arg(&file).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("is not a socket, so it is left alone"), "{said}");
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

/// Bad runs of the check on aws, asked for over the local socket; `None` while nobody answers.
fn bad_runs(socket: &Path) -> Option<f64> {
    let mut stream = UnixStream::connect(socket).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let wanted = |line: &&str| {
        line.starts_with("nephoscope_probes_total{")
            && line.contains(AWS)
            && line.contains("\"bad\"")
    };
    answer.lines().find(wanted)?.rsplit_once(' ')?.1.parse().ok()
}

#[test]
fn a_log_that_nobody_reads_holds_nobody_up() {
    const PIPE_BYTES: usize = 65_536;
    let folder = tempfile::tempdir().unwrap();
    let config = two_clouds("http://127.0.0.1:1/", "http://127.0.0.1:1/");
    let text = format!("[monitor]\nlisten = \"127.0.0.1:0\"\n{config}");
    std::fs::write(folder.path().join("probes.toml"), text).unwrap();
    let (_nobody_reads, mut full) = std::io::pipe().unwrap();
    full.write_all(&vec![b'.'; PIPE_BYTES]).unwrap();
    let mut daemon = binary()
        .current_dir(folder.path())
        .args(["--socket", "socket"])
        .stdout(Stdio::null())
        .stderr(full)
        .spawn()
        .unwrap();
    let socket = folder.path().join("socket");
    wait_for("bad runs", || bad_runs(&socket).filter(|runs| *runs >= 5.0));
    let stopped = Command::new("kill").arg(daemon.id().to_string()).status().unwrap();
    assert!(stopped.success());
    let ended = wait_for("the daemon's end", || daemon.try_wait().unwrap());
    assert_eq!(ended.code(), Some(0));
}
