//! What is deployed beside the daemon: the rule file is what `nephoscope rules` writes, and the runbook has a section for every
//! alert that there is.
//!
//! `NEPHOSCOPE_BLESS=1` writes the rule file instead of comparing it. That the real programs accept all of it, and that rules fire
//! when they should, is proven in `tests/real`.
//!
//! Nothing of Prometheus runs here.

use crate::support::daemon::binary;
use nephoscope::config::load_text;
use nephoscope::model::Detail;
use nephoscope::monitor::alerts::signs;
use nephoscope::rules::{Rule, Wanted, rules};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

const RULES: &str = "deploy/prometheus/nephoscope.rules.yml";

/// A promise of which an alert about coverage and one about counters follow.
const PROMISED: &str = r#"
[provider.aws]
host = "192.0.2.1"
[provider.gcp]
host = "192.0.2.2"
[probe.web.http]
url = "http://{host}/"
[service.shop]
probes = ["web"]
objective = 99.9
"#;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|why| panic!("{path}: {why}"))
}

#[test]
fn the_rule_file_is_what_the_command_writes() {
    let output = binary().current_dir(root()).arg("rules").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made = String::from_utf8(output.stdout).unwrap();
    #[expect(clippy::disallowed_methods, reason = "writing the file is asked for this way")]
    let bless = std::env::var("NEPHOSCOPE_BLESS").is_ok();
    if bless {
        std::fs::write(root().join(RULES), &made).unwrap();
    }
    let written = read(RULES);
    let differs = made.lines().zip(written.lines()).find(|(one, other)| one != other);
    assert!(made == written, "{RULES} is old (NEPHOSCOPE_BLESS=1 writes it); first: {differs:?}");
}

/// Every alerting rule, for one vantage and for several.
fn told() -> Vec<Rule> {
    let config = load_text(Path::new("probes.toml"), PROMISED.to_owned()).unwrap().config;
    let of = |vantages, quorum| {
        rules(&Wanted {
            services: &config.services,
            vantages,
            quorum,
            grafana: "",
            runbook: "runbook.md",
            detail: Detail::Standard,
            longest: Duration::from_secs(30),
            settles: Duration::ZERO,
        })
    };
    let files = [of(1, 1), of(3, 2)];
    let rules = files.into_iter().flat_map(|file| file.groups).flat_map(|group| group.rules);
    rules.filter(|rule| rule.alert.is_some()).collect()
}

/// Every alert that rules or the daemon itself can give.
fn alerts() -> BTreeSet<String> {
    let pushed = signs::NAMES.iter().map(|&name| name.to_owned());
    told().into_iter().filter_map(|rule| rule.alert).chain(pushed).collect()
}

#[test]
fn the_runbook_has_a_section_for_every_alert_and_for_nothing_else() {
    let runbook = read("deploy/runbook.md");
    let sections: Vec<&str> = runbook.split("\n## ").skip(1).collect();
    let heading = |section: &&str| section.lines().next().unwrap_or_default().to_owned();
    let headings: Vec<String> = sections.iter().map(heading).collect();
    let of_alerts = headings.iter().filter(|each| each.starts_with("Nephoscope"));
    assert_eq!(of_alerts.cloned().collect::<BTreeSet<_>>(), alerts());
    assert_eq!(headings.len(), headings.iter().collect::<BTreeSet<_>>().len(), "twice the same");
    for section in sections.iter().filter(|section| section.starts_with("Nephoscope")) {
        for part in ["**Means.** ", "**Look first.** ", "**Quiet it.** "] {
            assert_eq!(section.matches(part).count(), 1, "{part} in {}", heading(section));
        }
    }
}
