//! Files that a TLS table names while they change, and the clock by which certificates are judged, through real handshakes.
//!
//! It is looked at the files when the test says so; in the last test the real daemon looks by itself. A file that is half
//! written is tried in every way in which a writer may leave it.
//!
//! What a listener does with files of its own is tested with the listener.

use crate::support::certs::{Authority, Identity};
use crate::support::daemon::{Running, wait_for};
use crate::support::http::{Server, response};
use crate::support::spec::{AMPLE, http, of_http, prober};
use nephoscope::clock::{SystemClock, WallClock};
use nephoscope::model::{HttpSpec, Outcome, PemFile, Reason, Timestamp, TlsSpec};
use nephoscope::probe::tls::Roots;
use nephoscope::probe::{Engine, Prober};
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;

const DAY: i64 = 86_400_000;

/// The system's clock, set by so many milliseconds.
#[derive(Default)]
struct Ahead(AtomicI64);

impl WallClock for Ahead {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(SystemClock.now().as_millis() + self.0.load(Ordering::Relaxed))
    }
}

/// A prober of `localhost` at a server, whose TLS table names files in a folder.
struct Stage {
    folder: TempDir,
    roots: Roots,
    clock: Arc<Ahead>,
    server: Server,
    spec: HttpSpec,
}

fn written(path: &Path, text: &str) -> PemFile {
    std::fs::write(path, text).unwrap();
    PemFile { path: path.into(), bytes: text.as_bytes().into() }
}

impl Stage {
    /// Trusts `authority`, which stands in `ca.pem`.
    fn new(server: Server, authority: &Authority) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca = written(&folder.path().join("ca.pem"), &authority.pem());
        let mut spec = http(&server.https("localhost", "/"));
        spec.connect_to = Some((Ipv4Addr::LOCALHOST.into(), None));
        spec.tls = Arc::new(TlsSpec { ca: Some(ca), ..TlsSpec::default() });
        Self { folder, roots: Roots::default(), clock: Arc::default(), server, spec }
    }

    /// Presents `identity`, which stands in `client.pem` and `client.key`.
    fn presenting(mut self, identity: &Identity) -> Self {
        let (chain, key) = identity.files();
        let text = |file: &PemFile| String::from_utf8(file.bytes.to_vec()).unwrap();
        let pair = (
            written(&self.path("client.pem"), &text(&chain)),
            written(&self.path("client.key"), &text(&key)),
        );
        self.spec.tls = Arc::new(TlsSpec { identity: Some(pair), ..(*self.spec.tls).clone() });
        self
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file over and looks at all of them.
    fn change(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
        self.roots.look();
    }

    fn prober(&self) -> Prober {
        let clock: Arc<dyn WallClock> = Arc::clone(&self.clock) as Arc<dyn WallClock>;
        let engine = Arc::new(Engine::new(self.roots.clone(), clock));
        prober(of_http(self.spec.clone()), &engine)
    }
}

async fn ending(prober: &Prober) -> Outcome {
    let result = prober.probe(AMPLE).await;
    assert!(!result.said.is_empty());
    result.outcome
}

fn ok(identity: &Identity, clients: Option<&Authority>) -> Server {
    let config = identity.server_with(rustls::ALL_VERSIONS, clients);
    Server::tls(config, |_, wire| wire.write_all(response("200 OK", &[], "hi").as_bytes()))
}

const UNTRUSTED: Outcome = Outcome::Bad(Reason::TlsUntrusted);

#[tokio::test]
async fn roots_are_read_again_when_their_file_changes() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let stage = Stage::new(ok(&ours.good(), None), &ours);
    let prober = stage.prober();
    assert_eq!(ending(&prober).await, Outcome::Good);

    stage.change("ca.pem", &theirs.pem());
    assert_eq!(ending(&prober).await, UNTRUSTED, "the remembered chain led to a root that is gone");
    // Put in its place under its name, as tools do that write to a file beside it.
    std::fs::write(stage.path("new.pem"), theirs.pem() + &ours.pem()).unwrap();
    std::fs::rename(stage.path("new.pem"), stage.path("ca.pem")).unwrap();
    assert_eq!(ending(&prober).await, UNTRUSTED, "nobody has looked yet");
    stage.roots.look();
    assert_eq!(ending(&prober).await, Outcome::Good);
}

#[tokio::test]
async fn what_changed_between_reading_the_configuration_and_the_first_look_is_seen() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let stage = Stage::new(ok(&ours.good(), None), &ours);
    std::fs::write(stage.path("ca.pem"), theirs.pem()).unwrap();
    let prober = stage.prober();
    stage.roots.look();
    assert_eq!(ending(&prober).await, UNTRUSTED);
}

#[tokio::test]
async fn a_half_written_file_of_roots_changes_nothing() {
    let ours = Authority::new();
    let stage = Stage::new(ok(&ours.good(), None), &ours);
    let prober = stage.prober();
    let whole = Authority::new().pem();
    for half in ["", &whole[..40], &whole[..whole.len() / 2], &whole[..whole.len() - 10], "\0\0"] {
        stage.change("ca.pem", half);
        assert_eq!(ending(&prober).await, Outcome::Good, "{half:?}");
    }
    std::fs::remove_file(stage.path("ca.pem")).unwrap();
    stage.roots.look();
    assert_eq!(ending(&prober).await, Outcome::Good, "no file at all");
    std::fs::create_dir(stage.path("ca.pem")).unwrap();
    stage.roots.look();
    assert_eq!(ending(&prober).await, Outcome::Good, "a folder");
    std::fs::remove_dir(stage.path("ca.pem")).unwrap();
    stage.change("ca.pem", &whole);
    assert_eq!(ending(&prober).await, UNTRUSTED, "the whole of it is used");
}

#[tokio::test]
async fn a_client_certificate_is_used_when_both_of_its_files_are_there() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let (old, new) = (theirs.leaf("client", -1..9), ours.leaf("client", -1..9));
    let stage = Stage::new(ok(&ours.good(), Some(&ours)), &ours).presenting(&old);
    let prober = stage.prober();
    let refused = Outcome::Bad(Reason::TlsHandshake);
    assert_eq!(ending(&prober).await, refused);

    let (chain, key) = new.files();
    let text = |file: &PemFile| String::from_utf8(file.bytes.to_vec()).unwrap();
    stage.change("client.pem", &text(&chain));
    assert_eq!(ending(&prober).await, refused, "the key is not there yet, the old pair stays");
    stage.change("client.key", &text(&key)[..60]);
    assert_eq!(ending(&prober).await, refused, "half a key");
    stage.change("client.key", &text(&key));
    assert_eq!(ending(&prober).await, Outcome::Good);

    stage.change("client.key", "");
    assert_eq!(ending(&prober).await, Outcome::Good, "the new pair stays");
}

#[tokio::test]
async fn a_certificate_that_expires_between_two_runs_is_bad_at_the_second() {
    let ours = Authority::new();
    let stage = Stage::new(ok(&ours.leaf("localhost", -1..30), None), &ours);
    let prober = stage.prober();
    assert_eq!(ending(&prober).await, Outcome::Good);
    stage.clock.0.store(29 * DAY, Ordering::Relaxed);
    assert_eq!(ending(&prober).await, Outcome::Good);
    // Within the hour in which the chain is remembered.
    stage.clock.0.store(29 * DAY + DAY - 1_800_000, Ordering::Relaxed);
    assert_eq!(ending(&prober).await, Outcome::Good);
    stage.clock.0.store(30 * DAY + 60_000, Ordering::Relaxed);
    assert_eq!(ending(&prober).await, Outcome::Bad(Reason::TlsExpired));
    assert_eq!(stage.server.requests().len(), 3, "nothing is sent to the expired one");
}

#[tokio::test]
async fn what_no_probe_names_any_more_is_let_go() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let stage = Stage::new(ok(&ours.good(), Some(&ours)), &ours).presenting(&ours.good());
    let other = Stage::new(ok(&theirs.good(), None), &theirs);
    let engine = Arc::new(Engine::new(Roots::default(), Arc::new(SystemClock)));
    let (ca, identity) = (stage.spec.tls.ca.clone(), stage.spec.tls.identity.clone());
    let (ca, identity) = (ca.unwrap(), identity.unwrap());
    let held = [&ca, &identity.0, &identity.1].map(|file| Arc::downgrade(&file.bytes));
    drop((ca, identity));
    let holders = || held.each_ref().map(|file| usize::from(file.strong_count() > 0));

    let spec = Arc::new(of_http(stage.spec.clone()));
    let going = Prober::build(&spec, &engine).unwrap();
    assert_eq!(ending(&going).await, Outcome::Good);
    let next = Arc::new(of_http(other.spec.clone()));
    let coming = Prober::build(&next, &engine).unwrap();
    drop((going, stage));
    engine.keep_only([&*spec, &*next].into_iter());
    drop(spec);
    assert_eq!(holders(), [1, 1, 1], "it was named until now");
    assert_eq!(ending(&coming).await, Outcome::Good);
    engine.keep_only([&*next].into_iter());
    assert_eq!(holders(), [0, 0, 0]);
    assert_eq!(ending(&coming).await, Outcome::Good);
}

#[test]
fn the_daemon_looks_at_the_files_by_itself_and_says_what_it_found() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let server = ok(&ours.good(), None);
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, ours.pem()).unwrap();
    let port = server.address.port();
    let config = format!(
        r#"
[defaults]
interval = "1s"
timeout = "900ms"
[provider.here]
host = "localhost"
networks = ["127.0.0.0/8"]
[probe.web.http]
url = "https://localhost:{port}/"
connect_to = "127.0.0.1"
[probe.web.tls]
ca = "{}"
[service.shop]
probes = ["web"]
"#,
        ca.display()
    );
    let daemon = Running::start(&config, &[]);
    let good = |least: f64| {
        daemon.await_metric("nephoscope_probes_total", &["verdict=\"good\""], |now| now > least)
    };
    good(0.0);
    std::fs::write(&ca, &theirs.pem()[..100]).unwrap();
    let names = format!("`{}`", ca.display());
    let said = |words: &str| {
        wait_for(words, || {
            daemon
                .log()
                .lines()
                .any(|line| line.contains(words) && line.contains(&names))
                .then_some(())
        });
    };
    said("cannot be used; probes go on with what was there before");
    let before = good(0.0);
    good(before);
    std::fs::write(&ca, theirs.pem()).unwrap();
    said("probes use what is now in");
    let untrusted = ["reason=\"tls_untrusted\""];
    daemon.await_metric("nephoscope_probe_failures_total", &untrusted, |now| now > 0.0);
    let refused = daemon.log().matches("cannot be used; probes").count();
    assert_eq!(refused, 1, "each state of a file is told of once");
}
