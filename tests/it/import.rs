//! `import`: the example files that Debian ships with `blackbox_exporter` (Apache-2.0, The Prometheus Authors), and a
//! Prometheus that scrapes through it, as whole outputs; `validate` takes each.
//!
//! The golden files are what a user gets; `INSTA_UPDATE=always` writes them anew.
//!
//! Single keys are tested beside `cli::import`.

use crate::support::daemon::binary;
use std::path::Path;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/data/import");

/// What `import` prints, after `validate` has taken it.
fn imported(arguments: &[&str]) -> String {
    let done = binary().current_dir(DATA).arg("import").args(arguments).output().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success(), "{said}");
    let out = String::from_utf8(done.stdout).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("probes.toml");
    std::fs::write(&file, &out).unwrap();
    // What modules name as the file of a secret.
    std::fs::copy(Path::new(DATA).join("word.txt"), folder.path().join("word.txt")).unwrap();
    let done = binary().arg("validate").arg(&file).output().unwrap();
    let said = String::from_utf8([done.stdout, done.stderr].concat()).unwrap();
    assert!(done.status.success(), "{said}\n{out}");
    out
}

/// Modules of `blackbox.yml` that come out the same whichever kinds of probes are built.
const SHIPPED: [&str; 6] =
    ["http_2xx", "http_post_2xx", "tcp_connect", "pop3s_banner", "ssh_banner", "irc_banner"];
/// The same of `example.yml`.
const EXAMPLES: [&str; 10] = [
    "http_2xx_example",
    "http_post_2xx",
    "http_basic_auth_example",
    "http_custom_ca_example",
    "tls_connect",
    "tcp_connect_example",
    "smtp_starttls",
    "irc_banner_example",
    "dns_soa",
    "dns_tcp_example",
];

/// The tables of these probes.
fn blocks(out: &str, names: &[&str]) -> String {
    let wanted =
        |block: &&str| names.iter().any(|name| block.starts_with(&format!("[probe.{name}]")));
    let found: Vec<_> = out.split("\n\n").filter(wanted).collect();
    assert_eq!(found.len(), names.len(), "{out}");
    found.join("\n\n")
}

fn golden(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings
        .set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots/import"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn the_shipped_configuration_becomes_probes() {
    golden("blackbox", &blocks(&imported(&["blackbox.yml"]), &SHIPPED));
}

#[test]
fn the_example_of_every_option_becomes_probes() {
    golden("example", &blocks(&imported(&["example.yml"]), &EXAMPLES));
}

#[test]
fn what_people_have_becomes_probes_without_their_secrets() {
    let out = imported(&["people.yml"]);
    assert!(!out.contains("hunter2"), "{out}");
    golden("people", &out);
}

#[test]
fn jobs_and_lists_become_services() {
    let out =
        imported(&["blackbox.yml", "--targets", "prometheus.yml", "--targets", "targets.json"]);
    let (_, services) = out.split_once("\n# The cloud that").unwrap();
    golden("services", services);
    for note in [
        "`prometheus` does not scrape `/probe`",
        "`more/*.json` is a pattern",
        "`missing`, which is no probe",
        "`drop` is not carried out",
    ] {
        assert!(out.contains(note), "{note} is missing in\n{out}");
    }
}

#[test]
fn what_cannot_be_read_is_said() {
    let done = binary().current_dir(DATA).args(["import", "nowhere.yml"]).output().unwrap();
    assert_eq!(done.status.code(), Some(1));
    assert!(String::from_utf8(done.stderr).unwrap().contains("reading `nowhere.yml`"));
}
