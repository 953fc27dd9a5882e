//! The configuration is read again while the real binary runs: by signal, by command, over HTTP.
//!
//! Checks look at a fixture on loopback every second.
//!
//! That checks which are kept do not notice is proven in the simulation.

use crate::support::certs::Authority;
use crate::support::daemon::{Running, binary, wait_for};
use crate::support::http::{Server, response};
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// The head of every file that [`Running`] makes.
const MONITOR: &str = "[monitor]\nvantage = \"test\"\nlisten = \"127.0.0.1:0\"\n";

const SUCCESSFUL: &str = "nephoscope_config_last_reload_successful{";
const RUNS: &str = "nephoscope_probes_total{";

/// These services, each with one check of `url`.
fn services(url: &str, names: &[&str]) -> String {
    let mut text = format!(
        "[defaults]\ninterval = \"1s\"\ntimeout = \"500ms\"\n[provider.aws]\nhost = \"127.0.0.1\"\n\
         [probe.web.http]\nurl = \"{url}\"\n"
    );
    for name in names {
        write!(text, "[service.{name}]\nprobes = [\"web\"]\n").unwrap();
    }
    text
}

fn rewrite(daemon: &Running, text: &str) {
    let file = daemon.folder.path().join("probes.toml");
    std::fs::write(file, format!("{MONITOR}{text}")).unwrap();
}

/// Exit code and stderr of `nephoscope reload …` on the daemon's socket.
fn reload(daemon: &Running, arguments: &[&str]) -> (i32, String) {
    let socket = daemon.socket();
    let output = binary()
        .args(["reload", "--socket", socket.to_str().unwrap()])
        .args(arguments)
        .output()
        .unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn good(service: &str) -> [String; 2] {
    [format!("service=\"{service}\""), "verdict=\"good\"".to_owned()]
}

fn runs(daemon: &Running, service: &str) -> Option<f64> {
    let [service, verdict] = good(service);
    daemon.metric(RUNS, &[&service, &verdict])
}

fn await_runs(daemon: &Running, service: &str, least: f64) -> f64 {
    let [service, verdict] = good(service);
    daemon.await_metric(RUNS, &[&service, &verdict], |count| count >= least)
}

#[test]
fn sighup_applies_the_file_and_the_rest_goes_on() {
    let server = Server::fixed(response("200 OK", &[], "hello"));
    let url = server.url("/");
    let daemon = Running::start(&services(&url, &["shop", "mail", "desk"]), &[]);
    let before = await_runs(&daemon, "shop", 2.0);
    await_runs(&daemon, "mail", 1.0);
    let read = daemon.metric("nephoscope_config_last_reload_success_timestamp_seconds", &[]);

    rewrite(&daemon, &services(&url, &["pay", "shop", "desk"]));
    daemon.signal("HUP");
    await_runs(&daemon, "pay", 1.0);
    assert_eq!(runs(&daemon, "mail"), None, "what was removed has no series");
    assert!(!daemon.get("/metrics").contains("service=\"mail\""));
    assert!(runs(&daemon, "shop").unwrap() >= before, "counters go on");
    await_runs(&daemon, "shop", before + 2.0);
    assert!(daemon.metric(SUCCESSFUL, &[]).unwrap() > 0.5);
    let again = daemon.metric("nephoscope_config_last_reload_success_timestamp_seconds", &[]);
    assert!(again > read, "{again:?} {read:?}");
    let said = "1 check added (pay/aws/web), 1 removed (mail/aws/web)";
    wait_for("what changed", || daemon.log().contains(said).then_some(()));
    assert!(daemon.get("/api/v1/checks").contains("pay/aws/web"));
}

#[test]
fn a_file_that_cannot_be_used_changes_nothing() {
    let server = Server::fixed(response("200 OK", &[], "hello"));
    let text = services(&server.url("/"), &["shop"]);
    let daemon = Running::start(&text, &[]);
    await_runs(&daemon, "shop", 1.0);

    rewrite(&daemon, &format!("{text}intervall = \"5s\"\nlabels = 7\n"));
    let (code, said) = reload(&daemon, &[]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("2 errors") && said.contains("intervall"), "{said}");
    assert!(said.contains("probes.toml:") && said.contains("labels"), "{said}");
    assert!(daemon.metric(SUCCESSFUL, &[]).unwrap() < 0.5);
    wait_for("every problem in the log", || {
        let log = daemon.log();
        (log.contains("intervall") && log.contains("labels")).then_some(())
    });
    assert!(daemon.get("/").contains("the last reload, at"), "the page says so");
    let before = runs(&daemon, "shop").unwrap();
    await_runs(&daemon, "shop", before + 2.0);

    rewrite(&daemon, &text);
    let (code, said) = reload(&daemon, &[]);
    assert_eq!((code, said.contains("nothing changed")), (0, true), "{said}");
    assert!(daemon.metric(SUCCESSFUL, &[]).unwrap() > 0.5);
    assert!(!daemon.get("/").contains("the last reload, at"));
}

#[test]
fn dropping_very_many_checks_has_to_be_forced() {
    let server = Server::fixed(response("200 OK", &[], "hello"));
    let url = server.url("/");
    let daemon = Running::start(&services(&url, &["a", "b", "c"]), &[]);
    await_runs(&daemon, "c", 1.0);
    rewrite(&daemon, &services(&url, &["a"]));
    let (code, said) = reload(&daemon, &[]);
    assert_eq!(code, 2);
    assert!(said.contains("2 of 3 checks would be dropped") && said.contains("--force"), "{said}");
    assert!(runs(&daemon, "c").is_some() && daemon.metric(SUCCESSFUL, &[]).unwrap() < 0.5);
    let (code, said) = reload(&daemon, &["--force"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(runs(&daemon, "c"), None);
    assert!(daemon.metric(SUCCESSFUL, &[]).unwrap() > 0.5);
}

#[test]
fn what_needs_a_restart_is_said_and_the_rest_applied() {
    let server = Server::fixed(response("200 OK", &[], "hello"));
    let url = server.url("/");
    let daemon = Running::start(&services(&url, &["shop"]), &[]);
    let file = daemon.folder.path().join("probes.toml");
    let other = MONITOR.replace("\"test\"", "\"elsewhere\"");
    std::fs::write(file, format!("{other}{}", services(&url, &["shop", "pay"]))).unwrap();
    let (code, said) = reload(&daemon, &[]);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("`monitor.vantage` has changed in the file, and needs a restart"),
        "{said}"
    );
    await_runs(&daemon, "pay", 1.0);
    assert!(daemon.get("/metrics").contains("vantage=\"test\""));
    assert!(!daemon.get("/metrics").contains("elsewhere"));
}

#[test]
fn this_machine_may_ask_over_http_and_a_browser_may_not() {
    let server = Server::fixed(response("200 OK", &[], "hello"));
    let daemon = Running::start(&services(&server.url("/"), &["shop"]), &[]);
    let post = |path: &str, headers: &str| {
        let mut stream = TcpStream::connect(daemon.address).unwrap();
        write!(stream, "POST {path} HTTP/1.0\r\n{headers}content-length: 0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let answer = post("/-/reload", "");
    assert!(answer.starts_with("HTTP/1.0 200") && answer.contains("nothing changed"), "{answer}");
    let answer = post("/-/reload?force=true", "origin: https://elsewhere.example\r\n");
    assert!(answer.starts_with("HTTP/1.0 403"), "{answer}");
    let answer = post("/-/reload?fore=true", "");
    assert!(answer.starts_with("HTTP/1.0 400"), "{answer}");
    assert!(daemon.get_with("/-/reload", "").0.contains(" 405 "));
}

#[test]
fn history_of_what_came_with_a_reload_outlives_a_crash() {
    let server = Server::fixed(response("200 OK", &[], "hello"));
    let url = server.url("/");
    let daemon = Running::start(&services(&url, &["shop"]), &[]);
    await_runs(&daemon, "shop", 2.0);
    rewrite(&daemon, &services(&url, &["pay", "shop"]));
    let (code, said) = reload(&daemon, &[]);
    assert_eq!(code, 0, "{said}");
    let seconds = |daemon: &Running, service: &str, least: f64| {
        let parts = [&*format!("service=\"{service}\""), "state=\"good\""];
        daemon.await_metric("nephoscope_check_state_seconds_total{", &parts, |it| it >= least)
    };
    let (pay, shop) = (seconds(&daemon, "pay", 4.0), seconds(&daemon, "shop", 5.0));
    let daemon = daemon.kill_and_start_again();
    // At most the last second before the crash is missing, and hold bridges that.
    seconds(&daemon, "pay", pay);
    seconds(&daemon, "shop", shop);
    // What left with a reload and comes back finds its past.
    rewrite(&daemon, &services(&url, &["shop"]));
    assert_eq!(reload(&daemon, &["--force"]).0, 0);
    rewrite(&daemon, &services(&url, &["shop", "pay"]));
    assert_eq!(reload(&daemon, &[]).0, 0);
    let parts = ["service=\"pay\"", "state=\"good\""];
    let back = daemon.metric("nephoscope_check_state_seconds_total{", &parts).unwrap();
    assert!(back >= pay, "{back} {pay}");
}

#[test]
fn a_config_map_that_is_swapped_by_its_link_is_read() {
    use std::os::unix::fs::symlink;
    let server = Server::fixed(response("200 OK", &[], "hello"));
    let url = server.url("/");
    let daemon = Running::start(&services(&url, &["shop", "desk"]), &[]);
    let folder = daemon.folder.path();
    // As the kubelet mounts one: files are links into `..data`, which is a link to a folder with the time in its name.
    let version = |name: &str, text: &str| {
        let version = folder.join(name);
        std::fs::create_dir(&version).unwrap();
        std::fs::write(version.join("probes.toml"), format!("{MONITOR}watch = true\n{text}"))
            .unwrap();
        symlink(name, folder.join("..data_tmp")).unwrap();
        std::fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    };
    version("..2026_01", &services(&url, &["shop", "desk", "one"]));
    std::fs::remove_file(folder.join("probes.toml")).unwrap();
    symlink("..data/probes.toml", folder.join("probes.toml")).unwrap();
    // Until now nobody watches.
    assert_eq!(reload(&daemon, &[]).0, 0);
    await_runs(&daemon, "one", 1.0);
    version("..2026_02", &services(&url, &["shop", "desk", "two"]));
    std::fs::remove_dir_all(folder.join("..2026_01")).unwrap();
    await_runs(&daemon, "two", 1.0);
    assert_eq!(runs(&daemon, "one"), None);
    // A version that cannot be used is told once, and the next one is read.
    version("..2026_03", "nonsense");
    daemon.await_metric(SUCCESSFUL, &[], |it| it < 0.5);
    version("..2026_04", &services(&url, &["shop", "desk", "three"]));
    await_runs(&daemon, "three", 1.0);
    daemon.await_metric(SUCCESSFUL, &[], |it| it > 0.5);
    let told = daemon.log().matches("the configuration stays as it was").count();
    assert_eq!(told, 1, "{}", daemon.log());
}

#[test]
fn a_list_of_targets_comes_and_goes_with_its_file() {
    let server = Server::fixed(response("200 OK", &[], "hello"));
    let text = "[defaults]\ninterval = \"1s\"\ntimeout = \"500ms\"\n[provider.aws]\n\
        [probe.web.http]\nurl = \"http://{host}/\"\n[class.web]\nprobes = [\"web\"]\n\
        [[discover]]\nfile_sd = \"targets/*.json\"\nclass = \"web\"\nprovider = \"aws\"\n\
        [service.own]\nclass = \"web\"\nendpoints = []\n[service.own.endpoint.a]\nprovider = \"aws\"\n";
    let text = format!("{text}host = \"{}\"\n", server.address);
    let daemon = Running::start(&text, &[]);
    await_runs(&daemon, "own", 1.0);
    let targets = daemon.folder.path().join("targets");
    std::fs::create_dir(&targets).unwrap();
    let list = |service: &str| {
        format!(
            "[{{\"targets\": [\"{}\"], \"labels\": {{\"service\": \"{service}\"}}}}]",
            server.address
        )
    };
    std::fs::write(targets.join("a.json"), list("found")).unwrap();
    assert_eq!(reload(&daemon, &[]).0, 0);
    await_runs(&daemon, "found", 1.0);
    std::fs::write(targets.join("a.json"), "[{").unwrap();
    let (code, said) = reload(&daemon, &[]);
    assert_eq!(code, 2, "{said}");
    assert!(
        said.contains("a.json") && said.contains("its last good version is in force"),
        "{said}"
    );
    assert!(runs(&daemon, "found").is_some() && daemon.metric(SUCCESSFUL, &[]).unwrap() < 0.5);
    // The guard holds for lists too: half of all checks would go.
    std::fs::write(targets.join("a.json"), "[]").unwrap();
    let (code, said) = reload(&daemon, &[]);
    assert!(code == 2 && said.contains("1 of 2 checks would be dropped"), "{said}");
    assert_eq!(reload(&daemon, &["--force"]).0, 0);
    assert_eq!(runs(&daemon, "found"), None);
}

/// Services whose check shows a token, trusts a certificate, or sends a body: each from a file.
fn with_files(place: &std::path::Path, plain: &Server, encrypted: &Server) -> String {
    let (place, address) = (place.display(), plain.address);
    let port = encrypted.address.port();
    format!(
        "[defaults]\ninterval = \"1s\"\ntimeout = \"500ms\"\n[provider.aws]\nhost = \"127.0.0.1\"\n\
         [probe.shown.http]\nurl = \"http://{address}/shown\"\nauth = {{ bearer = {{ file = \"{place}/token\" }} }}\n\
         [probe.sent.http]\nurl = \"http://{address}/sent\"\nmethod = \"POST\"\nbody_file = \"{place}/body\"\n\
         [probe.trusted.http]\nurl = \"https://localhost:{port}/\"\n[probe.trusted.tls]\nca = \"{place}/ca.pem\"\n\
         [service.shown]\nprobes = [\"shown\"]\n[service.sent]\nprobes = [\"sent\"]\n[service.trusted]\nprobes = [\"trusted\"]\n"
    )
}

#[test]
fn what_the_file_names_is_read_again_by_signal_and_by_watch() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let plain = Server::fixed(response("200 OK", &[], "hello"));
    let answer = response("200 OK", &[], "hello");
    let encrypted =
        Server::tls(ours.good().server(), move |_, wire| wire.write_all(answer.as_bytes()));
    let files = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| std::fs::write(files.path().join(name), bytes).unwrap();
    put("token", b"token-number-one\n");
    put("body", b"body-number-one");
    put("ca.pem", &theirs.file().bytes);
    let seen = |word: &str| {
        wait_for(word, || plain.requests().iter().any(|it| it.contains(word)).then_some(()));
    };
    let text = with_files(files.path(), &plain, &encrypted);
    let daemon = Running::start(&text, &[]);
    seen("Bearer token-number-one");
    seen("body-number-one");
    let untrusted = ["service=\"trusted\"", "reason=\"tls_untrusted\""];
    let failures = "nephoscope_probe_failures_total{";
    daemon.await_metric(failures, &untrusted, |count| count >= 1.0);

    // By signal, with the file itself as it was.
    put("token", b"token-number-two\n");
    daemon.signal("HUP");
    seen("Bearer token-number-two");
    wait_for("what changed", || {
        daemon.log().contains("1 check changed (shown/aws/shown)").then_some(())
    });

    // By watch: nobody asks; for a CA not even that. A file that cannot be read is said once, and what was read before holds.
    rewrite(&daemon, &format!("watch = true\n{text}"));
    assert_eq!(reload(&daemon, &[]).0, 0);
    put("ca.pem", &ours.file().bytes);
    await_runs(&daemon, "trusted", 1.0);
    put("body", b"body-number-two");
    seen("body-number-two");
    std::fs::remove_file(files.path().join("token")).unwrap();
    daemon.await_metric(SUCCESSFUL, &[], |it| it < 0.5);
    let before = await_runs(&daemon, "shown", 1.0);
    await_runs(&daemon, "shown", before + 1.0);
    put("token", b"token-number-three");
    seen("Bearer token-number-three");
    daemon.await_metric(SUCCESSFUL, &[], |it| it > 0.5);
    let log = daemon.log();
    assert_eq!(log.matches("the configuration stays as it was").count(), 1, "{log}");
    assert!(!log.contains("token-number") && !daemon.get("/").contains("token-number"), "{log}");
}

/// Resident memory of a process, in KiB.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// What a process may grow by in 40 reloads without keeping anything of them, in KiB; with what it trusted it was twice that.
const MOST_GROWN: u64 = 12 * 1_024;

#[test]
fn what_only_former_configurations_trusted_is_let_go() {
    let ours = Authority::new();
    let server = Server::tls(ours.good().server(), |_, wire| {
        wire.write_all(response("200 OK", &[], "hi").as_bytes())
    });
    // Enough roots that each version of the file costs more than half a mebibyte: 40 that were kept cannot be overlooked.
    let roots: String = (0..150).map(|_| Authority::new().pem()).collect();
    let roots = roots.repeat(4) + &ours.pem();
    let folder = tempfile::tempdir().unwrap();
    let ca = |turn: u32| folder.path().join(format!("ca-{turn}.pem"));
    let text = |turn: u32| {
        std::fs::write(ca(turn), &roots).unwrap();
        let services = services(&server.https("localhost", "/"), &["shop"]);
        let tls =
            format!("connect_to = \"127.0.0.1\"\n[probe.web.tls]\nca = '{}'\n", ca(turn).display());
        services.replace("[service.shop]", &format!("{tls}[service.shop]"))
    };
    let daemon = Running::start(&text(0), &[]);
    let turn_to = |turn: u32| {
        rewrite(&daemon, &text(turn));
        let (code, said) = reload(&daemon, &[]);
        assert_eq!(code, 0, "{said}");
    };
    let settle = || await_runs(&daemon, "shop", runs(&daemon, "shop").unwrap_or_default() + 2.0);
    settle();
    (1..=10).for_each(turn_to);
    settle();
    let before = resident(daemon.pid());
    (11..=50).for_each(turn_to);
    settle();
    let grown = resident(daemon.pid()).saturating_sub(before);
    assert!(grown < MOST_GROWN, "{grown} KiB in 40 reloads");

    // It is looked at the files in the order in which they came, at the one in force last.
    (0..=50).for_each(|turn| std::fs::write(ca(turn), "no certificate").unwrap());
    let named = |turn: u32| daemon.log().contains(&format!("`{}`", ca(turn).display()));
    wait_for("the file in force is told of", || named(50).then_some(()));
    assert_eq!((0..50).find(|turn| named(*turn)), None, "it is still looked at");
}
