//! The network's listener of the real binary: who may read, who may write, and that no secret is shown anywhere.
//!
//! Hashes are made by the binary itself. Requests are written by hand, so that nothing is added to them.
//!
//! What is wrong with a `[listener]` is tested beside the rest of the configuration.

use crate::support::certs::{Authority, Identity};
use crate::support::daemon::{Running, binary, wait_for};
use nephoscope::clock::{Instant, SystemClock, WallClock as _};
use nephoscope::model::PasswordHash;
use nephoscope::web::api::{ErrorForm, MaintenanceForm};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

const PASSWORD: &str = "correct-horse-battery-staple";
const SCRAPES: &str = "token-of-prometheus-4711";
const DEPLOYS: &str = "token-of-the-deploy-job-4712";

const WATCHED: &str = r#"
    [provider.aws]
    host = "127.0.0.1"
    [probe.port.tcp]
    address = "127.0.0.1:1"
    [service.shop]
    probes = ["port"]
"#;

/// The hash that the binary makes of a password.
fn hash_of(password: &str) -> String {
    let mut command = binary();
    command.arg("hash-password").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{password}").unwrap();
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success());
    String::from_utf8(done.stdout).unwrap().trim_end().to_owned()
}

/// What `[listener]` says in these tests.
fn guarded(hash: &str) -> String {
    format!(
        r#"
        {WATCHED}
        [listener]
        users  = [{{ name = "ann", password_hash = "{hash}" }}]
        tokens = [
            {{ name = "prometheus", token = {{ env = "SCRAPES" }} }},
            {{ name = "deploy", token = {{ env = "DEPLOYS" }} }},
        ]
        writes = ["ann", "deploy"]
        "#
    )
}

fn start(arguments: &[&str]) -> Running {
    let secrets = [("SCRAPES", SCRAPES), ("DEPLOYS", DEPLOYS)];
    Running::start_with(&guarded(&hash_of(PASSWORD)), arguments, &secrets)
}

/// The header line of a user with a password.
fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Authorization: Basic {pair}\r\n")
}

fn bearer(token: &str) -> String {
    format!("authorization: bearer {token}\r\n")
}

/// Status, head and body of the answer to one request.
fn ask(daemon: &Running, request: &str, headers: &str, body: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(daemon.address).unwrap();
    let length = body.len();
    // Who is refused early may find the way closed before all is written, and after the answer; the answer has come then.
    let _ = write!(stream, "{request} HTTP/1.0\r\n{headers}content-length: {length}\r\n\r\n{body}");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_lowercase(), body.to_owned())
}

fn status(daemon: &Running, path: &str, headers: &str) -> u16 {
    ask(daemon, &format!("GET {path}"), headers, "").0
}

#[test]
fn whoever_is_named_may_read_and_health_is_told_to_everybody() {
    let daemon = start(&[]);
    for path in ["/livez", "/readyz", "/-/healthy", "/-/ready"] {
        wait_for("health", || (status(&daemon, path, "") == 200).then_some(()));
    }
    for path in ["/", "/metrics", "/api/v1/services", "/api/v1/vantage", "/style.css", "/nowhere"] {
        let (code, head, body) = ask(&daemon, &format!("GET {path}"), "", "");
        assert_eq!(code, 401, "{path}");
        assert!(head.contains("www-authenticate: basic realm=\"nephoscope\""), "{head}");
        assert!(head.contains("www-authenticate: bearer realm=\"nephoscope\""), "{head}");
        assert!(head.contains("content-security-policy: default-src 'none'"), "{head}");
        let form: ErrorForm = serde_json::from_str(&body).unwrap();
        assert!(form.hint.contains("[listener]"), "{form:?}");
    }
    for right in [basic("ann", PASSWORD), bearer(SCRAPES), bearer(DEPLOYS)] {
        for path in ["/", "/metrics", "/api/v1/services"] {
            assert_eq!(status(&daemon, path, &right), 200, "{path} {right}");
        }
    }
    let both = basic("ann", PASSWORD) + &bearer(SCRAPES);
    let half = SCRAPES.split_at(8).0;
    for wrong in [
        basic("ann", "hunter2"),
        basic("ann", ""),
        basic("bob", PASSWORD),
        basic("prometheus", SCRAPES),
        bearer(PASSWORD),
        bearer(half),
        bearer(&format!("{SCRAPES}x")),
        bearer(""),
        "authorization: basic !!!\r\n".to_owned(),
        format!("authorization: {SCRAPES}\r\n"),
        both,
    ] {
        assert_eq!(status(&daemon, "/metrics", &wrong), 401, "{wrong}");
        assert_eq!(status(&daemon, "/livez", &wrong), 200, "{wrong}");
    }
}

#[test]
fn only_those_named_to_write_may_and_it_is_said_who_did() {
    let daemon = start(&[]);
    let window =
        r#"{"match": {"service": ["shop"]}, "for_s": 900, "by": "ann", "reason": "deploy"}"#;
    let json = "content-type: application/json\r\n";
    let post = |headers: &str| {
        ask(&daemon, "POST /api/v1/maintenance", &format!("{json}{headers}"), window).0
    };
    assert_eq!(post(""), 401);
    assert_eq!(post(&basic("ann", "hunter2")), 401);
    assert_eq!(post(&bearer(SCRAPES)), 403, "a scraper may read");
    let foreign = "host: monitor.example\r\norigin: https://evil.example\r\n";
    assert_eq!(post(&(basic("ann", PASSWORD) + foreign)), 403);
    assert_eq!(post(&(basic("ann", PASSWORD) + "origin: null\r\n")), 403);
    let list = || -> MaintenanceForm {
        let (_, _, body) = ask(&daemon, "GET /api/v1/maintenance", &bearer(SCRAPES), "");
        serde_json::from_str(&body).unwrap()
    };
    assert!(list().maintenance.is_empty());
    assert!(!daemon.log().contains("POST /api/v1/maintenance"));

    assert_eq!(post(&basic("ann", PASSWORD)), 201);
    let own = "host: monitor.example\r\norigin: https://monitor.example\r\n";
    assert_eq!(post(&(bearer(DEPLOYS) + own)), 201);
    wait_for("who it was", || daemon.log().contains("by=\"deploy\"").then_some(()));
    let windows = list().maintenance;
    assert_eq!(windows.len(), 2);
    let mut signed: Vec<_> = windows.iter().filter_map(|window| window.by.as_deref()).collect();
    signed.sort_unstable();
    assert_eq!(signed, ["ann", "deploy, for ann"], "nobody signs as another");
    let end = format!("DELETE /api/v1/maintenance/{}", windows[0].id);
    assert_eq!(ask(&daemon, &end, &bearer(SCRAPES), "").0, 403);
    assert_eq!(ask(&daemon, &end, &bearer(DEPLOYS), "").0, 200);
    assert!(list().maintenance.iter().any(|it| it.ended_by.as_deref() == Some("deploy")));

    let reload = |headers: &str| ask(&daemon, "POST /-/reload", headers, "").0;
    assert_eq!([reload(""), reload(&bearer(SCRAPES))], [401, 403], "also on loopback");
    assert_eq!(reload(&bearer(DEPLOYS)), 200);
}

#[test]
fn no_secret_is_in_any_output() {
    let daemon = start(&["--log-level", "trace"]);
    let right = basic("ann", PASSWORD);
    let mut seen = String::new();
    for headers in [&*right, &bearer(SCRAPES), &bearer(DEPLOYS), &basic("ann", "hunter2"), ""] {
        for path in ["/", "/metrics", "/api/v1/services", "/api/v1/vantage", "/nowhere", "/livez"] {
            let (_, head, body) = ask(&daemon, &format!("GET {path}"), headers, "");
            seen.push_str(&(head + &body));
        }
    }
    wait_for("the line of it", || daemon.log().contains("wrong credentials").then_some(()));
    let config = daemon.folder.path().join("probes.toml");
    let said = binary()
        .args(["validate", "--effective", "--config"])
        .arg(config)
        .envs([("SCRAPES", SCRAPES), ("DEPLOYS", DEPLOYS)])
        .output()
        .unwrap();
    assert!(said.status.success());
    let said = String::from_utf8(said.stdout).unwrap() + &String::from_utf8(said.stderr).unwrap();
    assert!(said.contains("tokens.deploy") && said.contains("may read and write"), "{said}");
    seen.push_str(&said);
    seen.push_str(&daemon.log());
    let encoded = right.trim().rsplit_once(' ').unwrap().1;
    for secret in [PASSWORD, SCRAPES, DEPLOYS, "hunter2", "$argon2id$", encoded] {
        assert!(!seen.contains(secret), "{secret} is shown");
    }
}

#[test]
fn writes_for_everybody_keep_the_daemon_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("probes.toml");
    let open =
        format!("[monitor]\nlisten = \"0.0.0.0:0\"\n{WATCHED}\n[listener]\nwrites = [\"ann\"]\n");
    std::fs::write(&path, open).unwrap();
    let done = binary().arg("--config").arg(&path).current_dir(folder.path()).output().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(2), "{said}");
    assert!(said.contains("open-writes") && said.contains("local socket"), "{said}");
}

#[test]
fn a_password_is_hashed_with_a_salt_of_its_own() {
    let (one, other) = (hash_of(PASSWORD), hash_of(PASSWORD));
    assert_ne!(one, other);
    let hash = PasswordHash::read(&one).unwrap();
    assert!(hash.is_of(PASSWORD.as_bytes()) && !hash.is_of(b"hunter2"));
    let nothing = binary().arg("hash-password").output().unwrap();
    assert_eq!(nothing.status.code(), Some(2));
}

/// The daemon's answer over TLS to one who trusts `authority`; nothing if there is no trust.
fn ask_tls(daemon: &Running, authority: &Authority, headers: &str) -> Option<String> {
    ask_tls_for(daemon, authority, "/api/v1/services", headers)
}

fn ask_tls_for(
    daemon: &Running,
    authority: &Authority,
    path: &str,
    headers: &str,
) -> Option<String> {
    use rustls::pki_types::pem::PemObject as _;
    let mut roots = rustls::RootCertStore::empty();
    let root = rustls::pki_types::CertificateDer::from_pem_slice(&authority.file().bytes).unwrap();
    roots.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = rustls::StreamOwned::new(client, TcpStream::connect(daemon.address).unwrap());
    write!(stream, "GET {path} HTTP/1.0\r\n{headers}\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

fn put(folder: &Path, identity: &Identity) {
    let (cert, key) = identity.files();
    std::fs::write(folder.join("listener.pem"), &cert.bytes).unwrap();
    std::fs::write(folder.join("listener.key"), &key.bytes).unwrap();
}

#[test]
fn a_new_certificate_is_presented_without_a_restart_and_a_bad_one_is_not() {
    let (first, second) = (Authority::new(), Authority::new());
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), &first.good());
    let place = folder.path().display();
    let tls =
        format!("tls = {{ cert = \"{place}/listener.pem\", key = \"{place}/listener.key\" }}");
    let config = guarded(&hash_of(PASSWORD)).replace("[listener]", &format!("[listener]\n{tls}"));
    let secrets = [("SCRAPES", SCRAPES), ("DEPLOYS", DEPLOYS)];
    let daemon = Running::start_with(&config, &[], &secrets);
    assert!(daemon.log().contains("the page is at https://"), "{}", daemon.log());
    let answer = ask_tls(&daemon, &first, &bearer(SCRAPES)).unwrap();
    assert!(answer.starts_with("HTTP/1.0 200"), "{answer}");
    assert!(ask_tls(&daemon, &first, "").unwrap().starts_with("HTTP/1.0 401"));
    assert!(ask_tls(&daemon, &second, "").is_none(), "not yet");
    let healthy = binary().args(["healthcheck", "--socket"]).arg(daemon.socket()).output().unwrap();
    assert!(healthy.status.success(), "{healthy:?}");

    std::fs::write(folder.path().join("listener.pem"), &second.good().files().0.bytes).unwrap();
    wait_for("the line of it", || {
        daemon.log().contains("certificate of the listener cannot be used").then_some(())
    });
    assert!(daemon.log().contains("it is not the key of the certificate"), "{}", daemon.log());
    assert!(ask_tls(&daemon, &first, "").is_some(), "the one before is still presented");

    put(folder.path(), &second.good());
    wait_for("the new one", || ask_tls(&daemon, &second, ""));
    assert!(ask_tls(&daemon, &first, "").is_none());
    assert!(!daemon.log().contains("BEGIN"), "{}", daemon.log());
    let metrics = ask_tls_for(&daemon, &second, "/metrics", &bearer(SCRAPES)).unwrap();
    let ends = "nephoscope_listener_certificate_not_after_timestamp_seconds{";
    let ends = metrics.lines().find(|line| line.starts_with(ends)).unwrap();
    let ends: f64 = ends.rsplit_once(' ').unwrap().1.parse().unwrap();
    let left = ends / 86_400.0 - SystemClock.now().as_secs_f64() / 86_400.0;
    assert!((88.0..91.0).contains(&left), "{left} days");
}

#[test]
fn a_head_that_is_too_large_is_refused_before_it_is_read() {
    let daemon = start(&[]);
    for large in [format!("x: {}\r\n", "y".repeat(20_000)), "x: y\r\n".repeat(65)] {
        let (code, ..) = ask(&daemon, "GET /livez", &large, "");
        assert_eq!(code, 431);
    }
    assert_eq!(status(&daemon, "/livez", &"x: y\r\n".repeat(50)), 200);
}

/// How many the listener has turned away for this.
fn turned_away(daemon: &Running, cause: &str) -> f64 {
    let (_, _, metrics) = ask(daemon, "GET /metrics", &bearer(SCRAPES), "");
    let start = format!("nephoscope_listener_turned_away_total{{cause=\"{cause}\",");
    let line = metrics.lines().find(|line| line.starts_with(&start)).unwrap();
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[test]
fn whoever_is_turned_away_is_counted_by_why() {
    let daemon = start(&[]);
    let count = |cause| turned_away(&daemon, cause);
    for cause in ["anonymous", "credentials", "forbidden", "busy", "connections", "slow"] {
        assert!(count(cause) < 0.5, "{cause}");
    }
    assert_eq!(status(&daemon, "/metrics", ""), 401);
    assert_eq!(status(&daemon, "/metrics", &bearer("nonsense")), 401);
    assert_eq!(status(&daemon, "/metrics", &basic("ann", "hunter2")), 401);
    assert_eq!(ask(&daemon, "POST /-/reload", &bearer(SCRAPES), "").0, 403);
    assert_eq!(status(&daemon, "/livez", &bearer("nonsense")), 200);
    let counts =
        ["anonymous", "credentials", "forbidden", "busy"].map(|cause| count(cause).to_string());
    assert_eq!(counts, ["1", "2", "1", "0"]);
}

/// Every word until the other side closes.
fn rest_of(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

#[test]
fn slow_clients_are_given_up_and_hold_up_nobody() {
    let daemon = start(&[]);
    let connect = || TcpStream::connect(daemon.address).unwrap();
    let begun = Instant::now();
    // One says nothing, one half a head, one a byte of its body and then nothing more; one a byte of its head now and then.
    let (silent, mut half, mut body, mut drip) = (connect(), connect(), connect(), connect());
    half.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n").unwrap();
    let right = bearer(DEPLOYS);
    write!(body, "POST /api/v1/maintenance HTTP/1.1\r\nhost: x\r\n{right}content-type: application/json\r\ncontent-length: 100\r\n\r\n{{").unwrap();
    let dripping = std::thread::spawn(move || {
        // The read waits for what never comes, and so paces the writes.
        drip.set_read_timeout(Some(std::time::Duration::from_millis(300))).unwrap();
        for byte in b"GET /livez HTTP/1.1\r\nhost: ".iter().chain(b"x".iter().cycle()) {
            let mut answer = [0; 1];
            let heard = drip.read(&mut answer);
            let is_waiting =
                matches!(&heard, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock);
            if !is_waiting || drip.write_all(&[*byte]).is_err() {
                return;
            }
        }
    });
    assert_eq!(status(&daemon, "/livez", ""), 200, "others are answered");
    assert!(rest_of(body).starts_with("HTTP/1.1 503 "));
    assert_eq!((rest_of(silent), rest_of(half)), (String::new(), String::new()));
    dripping.join().unwrap();
    let took = begun.elapsed().as_secs_f64();
    assert!((9.5..20.0).contains(&took), "{took}");
    assert_eq!(turned_away(&daemon, "slow").to_string(), "3");
}

#[test]
fn one_client_leaves_connections_for_others() {
    let daemon = start(&[]);
    let mut crowd: Vec<TcpStream> = Vec::new();
    let keep = format!("GET /livez HTTP/1.1\r\nhost: x\r\n{}\r\n", bearer(SCRAPES));
    let mut first = [0; 15];
    for _ in 0..nephoscope::web::serve::CONNECTIONS_OF_ONE {
        let mut stream = TcpStream::connect(daemon.address).unwrap();
        stream.write_all(keep.as_bytes()).unwrap();
        stream.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"HTTP/1.1 200 OK");
        crowd.push(stream);
    }
    assert!(rest_of(TcpStream::connect(daemon.address).unwrap()).is_empty(), "one too many");
    crowd.truncate(1);
    wait_for("a place", || {
        let mut stream = TcpStream::connect(daemon.address).ok()?;
        stream.write_all(keep.as_bytes()).ok()?;
        stream.read_exact(&mut first).ok()
    });
    assert!(turned_away(&daemon, "connections") >= 1.0);
}

#[test]
fn others_may_use_it_from_a_reload_on() {
    let daemon = start(&[]);
    let (right, scrapes) = (basic("ann", PASSWORD), bearer(SCRAPES));
    assert_eq!(
        [status(&daemon, "/metrics", &right), status(&daemon, "/metrics", &scrapes)],
        [200, 200]
    );
    let file = daemon.folder.path().join("probes.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let hash = hash_of("another-horse");
    let old = text.split("password_hash = \"").nth(1).unwrap().split('"').next().unwrap();
    let text =
        text.replace(old, &hash).replace("{ name = \"prometheus\"", "# { name = \"prometheus\"");
    std::fs::write(&file, text).unwrap();
    let (code, _, said) = ask(&daemon, "POST /-/reload", &bearer(DEPLOYS), "");
    assert!(
        code == 200 && said.contains("changes in listener") && !said.contains("restart"),
        "{said}"
    );
    let now = [&right, &scrapes, &basic("ann", "another-horse"), &bearer(DEPLOYS)];
    assert_eq!(now.map(|who| status(&daemon, "/metrics", who)), [401, 401, 200, 200]);
}
