//! What is deployed beside the daemon: the rule file is what `nephoscope rules` writes, the runbook has a section for every
//! alert that there is, and images, ports, files and versions in `deploy/` agree with each other and with the program.
//!
//! `NEPHOSCOPE_BLESS=1` writes what is made instead of comparing it. That the real programs accept all of it, that schemas do, and
//! that rules fire when they should, is proven in `tests/real`.
//!
//! Nothing of Prometheus, Docker or Kubernetes runs here.

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

#[test]
fn a_container_watches_what_probes_toml_says_on_an_address_that_can_be_published() {
    let text = read("probes.toml");
    let made = text
        .replace(
            "listen     = \"127.0.0.1:9464\"           # metrics, API, status page\n",
            "listen     = \"0.0.0.0:9464\"             # of the container: who gets there is decided outside it\n",
        )
        .replace(
            "# state    = \"state\"                    # folder of the history: promises and outages survive a restart there\n",
            "state      = \"/var/lib/nephoscope\"      # a volume\n",
        )
        .replace("# watch    = true ", "watch      = true ");
    let changed = text.lines().zip(made.lines()).filter(|(one, other)| one != other).count();
    assert_eq!(changed, 3, "`probes.toml` has other lines for `listen`, `state` and `watch`");
    let path = "deploy/docker/probes.toml";
    #[expect(clippy::disallowed_methods, reason = "writing the file is asked for this way")]
    let bless = std::env::var("NEPHOSCOPE_BLESS").is_ok();
    if bless {
        std::fs::write(root().join(path), &made).unwrap();
    }
    assert!(made == read(path), "{path} is old: NEPHOSCOPE_BLESS=1 writes it");
}

/// Words after `key` in `text`, up to the end of the line or a quote.
fn after<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    let rest = text.match_indices(key).map(|(at, _)| &text[at + key.len()..]);
    rest.map(|rest| rest.split([' ', '\n', '"', ',']).next().unwrap_or_default()).collect()
}

#[test]
fn images_are_pinned_by_version_and_ours_by_the_version_of_the_program() {
    let (dockerfile, compose) =
        (read("deploy/docker/Dockerfile"), read("deploy/docker/compose.yml"));
    let bases = after(&dockerfile, "\nFROM ");
    assert_eq!(bases.len(), 2);
    for image in bases.into_iter().chain(after(&compose, " image: ")) {
        let tag = image.split_once(':').map_or("", |(_, tag)| tag).trim_start_matches('v');
        let pinned =
            tag.split(['.', '-']).take(3).filter(|part| part.parse::<u32>().is_ok()).count();
        assert!(image == "scratch" || pinned == 3, "`{image}` is not pinned");
    }
    let version = env!("CARGO_PKG_VERSION");
    assert!(compose.contains(&format!("image: nephoscope:{version}\n")));
    assert!(dockerfile.contains(&format!("-t nephoscope:{version} .")));
    let chart = read("deploy/helm/nephoscope/Chart.yaml");
    assert!(chart.contains(&format!("\nappVersion: \"{version}\"\n")));
    assert!(dockerfile.contains(&format!("FROM rust:{}.", env!("CARGO_PKG_RUST_VERSION"))));
}

#[test]
fn ports_users_and_paths_agree_wherever_they_stand() {
    let config = load_text(Path::new("probes.toml"), read("probes.toml")).unwrap().config;
    let port = config.monitor.listen.port().to_string();
    let inside =
        load_text(Path::new("probes.toml"), read("deploy/docker/probes.toml")).unwrap().config;
    assert!(inside.monitor.listen.ip().is_unspecified());
    let state = inside.monitor.state.display().to_string();
    let (docker, compose) = (read("deploy/docker/Dockerfile"), read("deploy/docker/compose.yml"));
    let set = read("deploy/helm/nephoscope/templates/statefulset.yaml");
    assert_eq!(after(&docker, "\nEXPOSE "), [&*port]);
    assert_eq!(after(&set, "containerPort: "), [&*port]);
    assert!(compose.contains(&format!("\"127.0.0.1:{port}:{port}\"")));
    assert!(read("deploy/prometheus/prometheus.yml").contains(&format!("127.0.0.1:{port}")));
    assert_eq!(after(&docker, "\nUSER "), ["65532:65532"]);
    assert_eq!(after(&set, "runAsUser: "), ["65532"]);
    for text in [&docker, &compose, &set] {
        assert!(text.contains(&state) && text.contains("/run/nephoscope"));
        assert!(text.contains("/etc/nephoscope/probes.toml") && text.contains("65532"));
    }
    let help = binary().args(["help", "healthcheck"]).output().unwrap();
    assert!(help.status.success() && docker.contains("\"/usr/bin/nephoscope\", \"healthcheck\""));
}

#[test]
fn files_that_deploy_names_are_there() {
    let compose = read("deploy/docker/compose.yml");
    let mounts: Vec<_> =
        after(&compose, "\n      - .").into_iter().map(|mount| format!(".{mount}")).collect();
    assert_eq!(mounts.len(), 5, "{mounts:?}");
    for mount in mounts {
        let path = root().join("deploy/docker").join(mount.split(':').next().unwrap());
        assert!(path.exists(), "{}", path.display());
    }
    let chart = root().join("deploy/helm/nephoscope/files");
    for (name, path) in [
        ("dashboards", "dashboards"),
        ("probes.toml", "deploy/docker/probes.toml"),
        ("nephoscope.rules.yml", RULES),
    ] {
        let linked = std::fs::canonicalize(chart.join(name)).unwrap();
        assert_eq!(linked, std::fs::canonicalize(root().join(path)).unwrap());
    }
    let ignored = read("deploy/docker/Dockerfile.dockerignore");
    for line in ignored.lines().filter_map(|line| line.strip_prefix('!')) {
        assert!(root().join(line).exists(), "{line}");
    }
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
