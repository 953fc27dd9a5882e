//! The command line as a person meets it: exit code, stdout and stderr of the real binary, compared as a whole.
//!
//! Places and versions are blanked out by filters; everything else is the committed snapshot.
//!
//! What the commands find out is tested beside them; here is what they say.

use crate::support::daemon::binary;
use crate::support::http::response;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Output;

/// Runs the binary in a folder with these files and gives back all it said.
fn said(files: &[(&str, &str)], arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let output = binary().current_dir(folder.path()).args(arguments).output().unwrap();
    whole(&output, folder.path())
}

fn whole(output: &Output, folder: &Path) -> String {
    let text = |bytes: &[u8]| {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        text.replace(folder.to_str().unwrap(), "[folder]")
            .replace(env!("CARGO_PKG_VERSION"), "[version]")
    };
    format!(
        "exit code: {}\n----- stdout -----\n{}----- stderr -----\n{}",
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr)
    )
}

const GOOD: &str = r#"
[provider.aws]
host = "{service}.aws.example.com"
[provider.gcp]
host = "{service}.gcp.example.net"
[probe.web.http]
url = "https://{host}/healthz"
[service.shop]
probes = ["web"]
"#;

const WRONG: &str = r#"
[provider.aws]
host = "{service}.aws.example.com"
[probe.web.http]
url = "https://{host}/healthz"
metod = "GET"
[service.shop]
probes = ["web", "wep"]
timeout = "40s"
"#;

#[test]
fn status_of_one_check_asks_for_its_service_first() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    let (told, asked) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            told.send(line.split(' ').nth(1).unwrap().to_owned()).unwrap();
            let body = r#"{"error":"no","hint":"ask another"}"#;
            let answer = response("404 Not Found", &["content-type: application/json"], body);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let output = binary().args(["status", "shop/aws/web", "--socket"]).arg(&socket).output();
    assert_eq!(output.unwrap().status.code(), Some(2));
    // All of them only for the hint, and for who has a name of another form.
    let asked: Vec<_> = asked.try_iter().collect();
    assert_eq!(asked, ["/api/v1/checks?service=shop", "/api/v1/checks?"]);
}

#[test]
fn a_shard_says_how_much_it_has() {
    let file = format!("[monitor]\nshard = \"1/2\"\n{GOOD}[service.pay]\nprobes = [\"web\"]\n");
    let text = said(&[("probes.toml", &file)], &["validate"]);
    let summary =
        "2 services on 2 providers, 4 checks; shard 1/2 has 1 of the services, 2 checks\n";
    assert!(text.contains(summary), "{text}");
}

#[test]
fn help_is_written_for_a_newcomer() {
    insta::assert_snapshot!("help", said(&[], &["--help"]));
}

#[test]
fn each_command_has_help_of_its_own() {
    insta::assert_snapshot!("help_validate", said(&[], &["help", "validate"]));
}

#[test]
fn maintenance_explains_itself() {
    insta::assert_snapshot!("help_maintenance", said(&[], &["help", "maintenance"]));
    insta::assert_snapshot!("help_maintenance_add", said(&[], &["help", "maintenance", "add"]));
}

#[test]
fn maintenance_without_an_end_or_a_match_is_wrong_usage() {
    let add = ["maintenance", "add", "--match", "shop", "--for", "soon"];
    insta::assert_snapshot!("maintenance_wrong", said(&[], &add));
    let endless = said(&[], &["maintenance", "add", "--match", "service=shop"]);
    assert!(endless.starts_with("exit code: 2") && endless.contains("--for"), "{endless}");
}

#[test]
fn the_version_is_said_on_stdout() {
    assert_eq!(
        said(&[], &["--version"]),
        "exit code: 0\n----- stdout -----\nnephoscope [version]\n----- stderr -----\n"
    );
}

#[test]
fn an_unknown_command_is_wrong_usage() {
    insta::assert_snapshot!("unknown_command", said(&[], &["valdate"]));
}

#[test]
fn a_missing_file_is_named_and_what_to_do_about_it() {
    insta::assert_snapshot!("missing_file", said(&[], &["run"]));
}

#[test]
fn a_valid_file_is_summed_up() {
    insta::assert_snapshot!("valid", said(&[("probes.toml", GOOD)], &["validate"]));
}

#[test]
fn every_problem_is_said_at_once() {
    insta::assert_snapshot!("invalid", said(&[("probes.toml", WRONG)], &["validate"]));
}

#[test]
fn the_daemon_does_not_start_on_an_invalid_file() {
    let output = said(&[("probes.toml", WRONG)], &[]);
    assert!(
        output.starts_with("exit code: 2\n----- stdout -----\n----- stderr -----\nerror"),
        "{output}"
    );
}

#[test]
fn every_command_has_its_man_page_and_every_shell_its_completions() {
    let folder = tempfile::tempdir().unwrap();
    // Not there yet.
    let pages = folder.path().join("share/man1");
    let made = binary().args(["man", "--out"]).arg(&pages).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let page = |name: &str| std::fs::read_to_string(pages.join(name)).unwrap();
    assert!(page("nephoscope.1").contains("probes.toml"));
    assert!(page("nephoscope-maintenance-add.1").contains("reason"));
    for shell in ["bash", "zsh", "fish"] {
        let made = binary().args(["completions", shell]).output().unwrap();
        let text = String::from_utf8(made.stdout).unwrap();
        for command in ["maintenance", "healthcheck", "replay"] {
            assert!(text.contains(command), "{shell}: {command}");
        }
    }
}
