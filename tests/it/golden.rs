//! What is written down against what the code says: the README's tables, the metric catalogue, how many series a check has.
//!
//! The tables are made from the enums and the catalogue and compared with the committed README; `NEPHOSCOPE_BLESS=1` writes them
//! instead. The catalogue is read off real expositions of a configuration with every kind of check.
//!
//! No daemon runs here.

use nephoscope::blame::TABLE;
use nephoscope::clock::{SystemClock, WallClock};
use nephoscope::config::{Detail, load_text};
use nephoscope::failover::{Answer, Led, Observation};
use nephoscope::metrics::catalog::{CHECK_LABELS, Metric, Subject};
use nephoscope::metrics::{Exposition, Own, PromiseNumbers, PushNumbers, Sample, Settled};
use nephoscope::model::{
    Action, Beat, Cause, CheckIndex, GivenUp, Outcome, Phase, ProbeResult, PushOutcome, Reason,
    SkipCause, State, Timestamp,
};
use nephoscope::monitor::book::Book;
use nephoscope::monitor::entries::Entries;
use nephoscope::monitor::{self, numbers};
use nephoscope::slo::history::Ahead;
use nephoscope::slo::spans::What;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Every kind of check, each with as many expectations as it can have.
const EVERYTHING: &str = r#"
[provider.aws]
host = "shop.example.com"
region = "eu"

[probe.web]
slow_after = "1s"
max_latency = "3s"
[probe.web.http]
url = "https://{host}/"
body_matches = ["ok"]
[probe.web.tls]
expires_within = "21d"

[probe.mail]
slow_after = "1s"
max_latency = "3s"
[probe.mail.tcp]
address = "{host}:25"
dialogue = [{ expect = "^220 " }, { starttls = "smtp" }, { send = "QUIT\r\n" }]
[probe.mail.tls]
expires_within = "21d"

[probe.name]
slow_after = "1s"
max_latency = "3s"
[probe.name.dns]
server = "{host}"
query = "{host}"
truncated = "tcp"
answers = { count = "1..4" }
flags = { aa = true }

[[provider.aws.canary]]
url = "https://canary.example/"

[domain.db]
kind = "data"
host = "db.example"
probes = ["mail"]

[service.shop]
probes = ["web", "mail", "name"]
depends_on = ["db"]
runbook = "https://wiki.example.com/shop"
objective = 99.9
labels = { team = "storefront" }
"#;

/// A second side and a public name, for what only services with those have.
const SECOND_CLOUD: &str = r#"
[provider.gcp]
host = "shop.example.net"

[sentinel]
tls = ["192.0.2.1:443", "198.51.100.1:443", "203.0.113.1:443"]
names = ["example.com"]

[service.shop.entry]
host = "www.example.com"
probe = "web"
"#;

/// The lines of `/metrics` before anything has run.
fn exposition(detail: Detail) -> Vec<String> {
    exposition_of(&format!("[metrics]\ndetail = \"{detail}\"\n{EVERYTHING}"))
}

fn exposition_of(text: &str) -> Vec<String> {
    let text = text.to_owned();
    let loaded = load_text(Path::new("probes.toml"), text).unwrap();
    let clock: Arc<dyn WallClock> = Arc::new(SystemClock);
    let own = Own::new("here", "0.0.0");
    own.set_push(&PushNumbers {
        receiver: "127.0.0.1:9093".into(),
        outcomes: [0; PushOutcome::ALL.len()],
        last_success: Some(clock.now()),
        healthy: true,
        alerts: 0,
    });
    own.set_listener_certificate(clock.now());
    own.expect_beats();
    own.count_beat(Beat::Taken, clock.now());
    let plan = monitor::plan(&loaded.config, Vec::new(), 1, &clock, &own, None);
    let promises = promises_after_an_hour(&plan.book, clock.now());
    let exposures = numbers::exposures(&plan.book);
    fail_over(&plan.entries, clock.now());
    let mut samples = numbers::samples(&plan.references, &plan.entries, "here");
    samples.extend(down());
    let page = Exposition::new(plan.table, own.text(), promises)
        .with_exposures(exposures)
        .with_samples(samples);
    let text: Vec<u8> = page.flatten().collect();
    String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
}

/// Every number that a public name can have, if there is one: it went from one cloud to another and back.
fn fail_over(entries: &Entries, now: Timestamp) {
    let Some(check) = entries.check_of(0) else { return };
    let seconds = |seconds| now + Duration::from_secs(seconds);
    let look = |at, host: &str| {
        let addresses = vec![IpAddr::from([203, 0, 113, 1])];
        let led = Led { addresses, chain: vec![host.into()], ttl: Duration::from_mins(1) };
        let answer = |who: &str| vec![Answer { who: who.into(), said: Ok(led.clone()) }];
        let (authoritative, resolvers) = (answer("ns1"), answer("system"));
        entries.observe(0, at, &Observation { authoritative, resolvers, ..Observation::default() });
    };
    let served = |at, provider: &str| {
        let mut result = ProbeResult::unknown(Cause::Internal, String::new());
        result.outcome = Outcome::Good;
        result.facts.served_by = Some(provider.into());
        entries.result(check, at, &result);
    };
    look(now, "shop.example.com");
    entries.side(0, "aws", (State::Down, seconds(1)), seconds(2));
    look(seconds(3), "shop.example.net");
    served(seconds(4), "gcp");
    entries.side(0, "aws", (State::Up, seconds(5)), seconds(6));
    look(seconds(7), "shop.example.com");
    served(seconds(8), "aws");
}

/// Every number that an outage can have: a side is down, a canary fails alone, another vantage was asked.
fn down() -> [Sample; 6] {
    let side = ["shop", "provider:aws", "aws"];
    let [service, scope, provider] = side;
    [
        Sample::new(Metric::CanaryProblem, ["aws", "eu"], "here", 1.0),
        Sample::new(Metric::OutageActive, side, "here", 1.0),
        Sample::new(Metric::OutageBlame, [service, scope, provider, "endpoint"], "here", 1.0),
        Sample::new(Metric::IncidentActive, ["service:shop"], "here", 1.0),
        Sample::new(Metric::IncidentServices, ["service:shop"], "here", 1.0),
        Sample::new(Metric::PeerUp, ["fra-1"], "here", 1.0),
    ]
}

/// Every number that a promise can have: an hour was good, then a minute bad.
fn promises_after_an_hour(book: &Book, now: Timestamp) -> Vec<PromiseNumbers> {
    let (hour, until) = (now + Duration::from_hours(1), now + Duration::from_hours(2));
    let ahead = |what| Ahead { what, latency: Duration::ZERO, until };
    book.with(0, |history| {
        for check in 0..history.checks().len() {
            history.tell(check, ahead(What::Good), hour, ahead(What::Bad(Some(Reason::Status))));
        }
    });
    numbers::promises(book, "here", hour + Duration::from_mins(1))
}

fn series(lines: &[String]) -> impl Iterator<Item = &str> {
    lines.iter().map(String::as_str).filter(|line| !line.starts_with('#'))
}

/// How many series each check has.
fn series_per_check(detail: Detail) -> BTreeMap<String, usize> {
    let lines = exposition(detail);
    let mut counts = BTreeMap::new();
    for line in series(&lines).filter(|line| line.contains("check=\"")) {
        let check = line.split("check=\"").nth(1).unwrap().split('"').next().unwrap();
        *counts.entry(check.to_owned()).or_insert(0) += 1;
    }
    counts
}

/// Series that appear only once a run has given the fact or the first failure.
fn later_series(check: &str, detail: Detail) -> usize {
    let last_runs = 2;
    let facts = match check {
        "shop/aws/web" => 2,
        _ => 1,
    };
    match detail {
        // The end of a certificate, and up to four reasons.
        Detail::Lean => 1 + 4,
        Detail::Standard => last_runs + facts,
        Detail::Full => last_runs + facts + 2 * 6,
    }
}

#[test]
fn a_lean_check_has_at_most_15_series_and_a_standard_one_at_most_60() {
    for (detail, most) in [(Detail::Lean, 15), (Detail::Standard, 60)] {
        let counts = series_per_check(detail);
        assert_eq!(counts.len(), 3);
        for (check, count) in counts {
            let count = count + later_series(&check, detail);
            assert!(count <= most, "{check} has {count} series at {detail}");
        }
    }
    insta::assert_debug_snapshot!(
        "series_per_check",
        [Detail::Lean, Detail::Standard, Detail::Full]
            .map(|detail| (detail.as_str(), series_per_check(detail)))
    );
}

#[test]
fn every_counter_stands_at_zero_before_the_first_run() {
    let lines = exposition(Detail::Standard);
    let failures: Vec<_> =
        series(&lines).filter(|line| line.starts_with("nephoscope_probe_failures_total")).collect();
    assert!(failures.len() > 40);
    assert!(failures.iter().all(|line| line.ends_with(" 0")), "{failures:#?}");
    for cause in SkipCause::ALL {
        let line =
            format!("nephoscope_probes_skipped_total{{cause=\"{cause}\",vantage=\"here\"}} 0");
        assert!(lines.contains(&line), "{line}");
    }
    for cause in GivenUp::ALL {
        let line =
            format!("nephoscope_probes_given_up_total{{cause=\"{cause}\",vantage=\"here\"}} 0");
        assert!(lines.contains(&line), "{line}");
    }
}

#[test]
fn the_exposition_has_what_the_catalogue_says_and_nothing_else() {
    let text = format!("[metrics]\ndetail = \"full\"\n{EVERYTHING}{SECOND_CLOUD}");
    let lines = exposition_of(&text);
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in series(&lines) {
        let (name, rest) = line.split_once('{').unwrap_or((line, "}"));
        let (labels, _) = rest.rsplit_once('}').unwrap();
        let names = labels.split("\",").filter_map(|label| label.split_once("=\"")).map(|(n, _)| n);
        found.entry(name).or_default().extend(names);
    }
    insta::assert_debug_snapshot!("metric_catalogue", found);

    let known: BTreeSet<&str> = Metric::ALL.iter().map(|metric| metric.entry().name).collect();
    for name in found.keys().filter(|name| !name.starts_with("process_")) {
        let stem = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        assert!(known.contains(name) || stem.is_some_and(|stem| known.contains(stem)), "{name}");
    }
    for metric in Metric::ALL {
        let head = format!("# TYPE {} {}", metric.entry().name, metric.entry().kind.as_str());
        assert_eq!(lines.iter().filter(|line| **line == head).count(), 1, "{head}");
    }
}

#[test]
fn a_label_value_cannot_break_out_of_its_quotes() {
    let text = EVERYTHING.replace("storefront", r#"a\"b\\c\nd"#);
    let loaded = load_text(Path::new("probes.toml"), text).unwrap();
    let clock: Arc<dyn WallClock> = Arc::new(SystemClock);
    let own = Own::new("here", "0.0.0");
    let plan = monitor::plan(&loaded.config, Vec::new(), 1, &clock, &own, None);
    let text: Vec<u8> = Exposition::new(plan.table, String::new(), Vec::new()).flatten().collect();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains(r#"label_team="a\"b\\c\nd"} 1"#), "{text}");
}

#[test]
fn each_of_very_many_checks_is_written_once_with_its_own_numbers() {
    const CHECKS: u32 = 1_300;
    let mut text =
        "[provider.one]\nhost = \"192.0.2.1\"\n[probe.port.tcp]\naddress = \"{host}:80\"\n"
            .to_owned();
    for service in 0..CHECKS {
        writeln!(text, "[service.s{service}]\nprobes = [\"port\"]").unwrap();
    }
    let loaded = load_text(Path::new("probes.toml"), text).unwrap();
    let clock: Arc<dyn WallClock> = Arc::new(SystemClock);
    let plan =
        monitor::plan(&loaded.config, Vec::new(), 1, &clock, &Own::new("here", "0.0.0"), None);
    plan.table.settle((0..CHECKS).map(|number| Settled {
        check: CheckIndex(number),
        state: State::Up,
        since: clock.now(),
        millis: [u64::from(number) * 1_000, 0, 0, 0],
    }));
    let text: Vec<u8> = Exposition::new(plan.table, String::new(), Vec::new()).flatten().collect();
    let text = String::from_utf8(text).unwrap();
    let good: Vec<(&str, &str)> = text
        .lines()
        .filter(|line| line.starts_with("nephoscope_check_state_seconds_total{check="))
        .filter(|line| line.contains("state=\"good\""))
        .map(|line| (line.split('"').nth(1).unwrap(), line.rsplit_once(' ').unwrap().1))
        .collect();
    let expected: Vec<(String, String)> = (0..CHECKS)
        .map(|number| (format!("s{number}/one/port"), format!("{number}.000")))
        .collect();
    let expected = expected.iter().map(|(id, value)| (&**id, &**value));
    let differs = good.iter().copied().zip(expected.clone()).find(|(seen, wanted)| seen != wanted);
    assert_eq!((good.len(), differs), (expected.len(), None));
    let heads = text.lines().filter(|line| line.starts_with("# TYPE ")).collect::<Vec<_>>();
    assert_eq!(heads.len(), heads.iter().collect::<BTreeSet<_>>().len());
}

fn reasons_table() -> String {
    let mut table = String::from("| phase | reason | means |\n|---|---|---|\n");
    for phase in Phase::ALL {
        for reason in Reason::ALL.iter().filter(|reason| reason.phase() == *phase) {
            writeln!(table, "| {phase} | `{reason}` | {} |", reason.meaning()).unwrap();
        }
    }
    table
}

fn metrics_table() -> String {
    let mut table =
        String::from("| metric | kind | labels | from | means |\n|---|---|---|---|---|\n");
    for metric in Metric::ALL {
        let entry = metric.entry();
        let about = match entry.subject {
            Subject::Check => "check",
            Subject::Promise => "promise",
            Subject::Service | Subject::Sample | Subject::Own => "",
        };
        let labels = entry.labels.iter().map(|label| format!("`{label}`"));
        let labels: Vec<_> =
            (!about.is_empty()).then(|| about.to_owned()).into_iter().chain(labels).collect();
        let (name, kind, detail) = (entry.name, entry.kind.as_str(), entry.detail);
        writeln!(table, "| `{name}` | {kind} | {} | {detail} | {} |", labels.join(" "), entry.help)
            .unwrap();
    }
    let labels = CHECK_LABELS.map(|label| format!("`{label}`")).join(", ");
    write!(
        table,
        "\n`check` in the column of labels stands for {labels}; `promise` for `service`, `slo`, `scope`, `provider`, which identify it \
         together; all others carry `vantage` too. "
    )
    .unwrap();
    table.push_str("`process_*` (CPU, memory, descriptors, start) are there beside them.\n");
    table
}

fn blame_table() -> String {
    let mut table = String::from("| blame | when | what it means on call |\n|---|---|---|\n");
    for row in &TABLE {
        writeln!(table, "| `{}` | {} | {} |", row.blame, row.when, row.means).unwrap();
    }
    table
}

fn actions_table() -> String {
    let mut table = String::from("| `event.action` | means |\n|---|---|\n");
    for action in Action::ALL {
        writeln!(table, "| `{action}` | {} |", action.meaning()).unwrap();
    }
    table
}

fn causes_table() -> String {
    let mut table = String::from("| cause | means |\n|---|---|\n");
    for cause in Cause::ALL {
        writeln!(table, "| `{cause}` | {} |", cause.meaning()).unwrap();
    }
    table
}

#[test]
fn the_readme_has_the_tables_that_the_code_has() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let mut expected = readme.clone();
    let tables = [
        ("reasons", reasons_table()),
        ("causes", causes_table()),
        ("actions", actions_table()),
        ("blame", blame_table()),
        ("metrics", metrics_table()),
    ];
    for (name, table) in tables {
        let open = format!("<!-- {name}: generated, kept by a test -->\n");
        let close = format!("<!-- /{name} -->");
        let from = expected.find(&open).unwrap_or_else(|| panic!("no table {name}")) + open.len();
        let to = expected.find(&close).unwrap();
        expected.replace_range(from..to, &table);
    }
    #[expect(clippy::disallowed_methods, reason = "writing the tables is asked for this way")]
    let bless = std::env::var("NEPHOSCOPE_BLESS").is_ok();
    if bless {
        std::fs::write(&path, &expected).unwrap();
    }
    assert!(
        bless || readme == expected,
        "NEPHOSCOPE_BLESS=1 cargo test --test it golden writes the README's tables anew"
    );
}

#[test]
fn the_readme_numbers_states_as_the_gauge_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    for state in State::ALL {
        assert!(readme.contains(&format!("| {state} | {} |", state.index())), "{state}");
    }
}

/// The address of a heading, as the places that show Markdown make it.
fn anchor(heading: &str) -> String {
    let kept =
        heading.trim().chars().filter(|each| each.is_alphanumeric() || " -_".contains(*each));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn links_and_files_that_documents_name_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"] {
        let text = std::fs::read_to_string(root.join(name)).unwrap();
        let headings: BTreeSet<String> = text
            .lines()
            .filter_map(|line| line.strip_prefix("##"))
            .map(|rest| anchor(rest.trim_start_matches('#')))
            .collect();
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let there = match link.strip_prefix('#') {
                Some(place) => headings.contains(place),
                None => link.starts_with("https://") || root.join(link).exists(),
            };
            assert!(there, "{name} links to `{link}`");
        }
        let files = text.split('`').skip(1).step_by(2);
        for file in files.filter(|word| word.starts_with("deploy/") || word.starts_with("src/")) {
            assert!(root.join(file).exists(), "{name} names `{file}`");
        }
    }
}
