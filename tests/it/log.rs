//! The JSON log of a real daemon: every line is in the Elastic Common Schema, says what kind of event it is, and has no secret.
//!
//! `data/ecs.tsv` is the published schema as far as a log may need it; `tests/real/elsewhere` compares it with its source. The
//! index template in `deploy/elastic` is made of the same table as the lines (`NEPHOSCOPE_BLESS=1` writes it).
//!
//! Elasticsearch itself is not asked.

use crate::support::daemon::{Running, binary, wait_for};
use crate::support::http::{Server, response};
use nephoscope::daemon::logging::ecs::{ALWAYS, FIELDS, VERSION, sort};
use nephoscope::model::Action;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const SCHEMA: &str = include_str!("data/ecs.tsv");
const TEMPLATE: &str = "deploy/elastic/index-template.json";
const SECRET: &str = "correct-horse-battery-staple";

/// What the daemon of the long test has to tell.
const EVERY_LIFE: [Action; 9] = [
    Action::Started,
    Action::CheckChanged,
    Action::OutageOpened,
    Action::OutageEnded,
    Action::DeliveryFailing,
    Action::DrillStarted,
    Action::MaintenanceAnnounced,
    Action::Stopping,
    Action::Stopped,
];

/// A field of the schema.
struct Published {
    mapping: &'static str,
    list: bool,
    /// Allowed values, with the types that belong to each; empty if anything is allowed.
    allowed: BTreeMap<&'static str, Vec<&'static str>>,
}

fn schema() -> BTreeMap<&'static str, Published> {
    let rows = SCHEMA.lines().filter(|line| !line.starts_with('#'));
    rows.map(|row| {
        let mut cells = row.split('\t');
        let (name, mapping) = (cells.next().unwrap(), cells.next().unwrap());
        let list = cells.next() == Some("array");
        let words = cells.next().unwrap_or_default().split(' ').filter(|word| !word.is_empty());
        let with_types = |word: &'static str| {
            let (name, types) = word.split_once(':').unwrap_or((word, ""));
            (name, types.split('+').collect())
        };
        (name, Published { mapping, list, allowed: words.map(with_types).collect() })
    })
    .collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A text is a text, whatever it is indexed for.
fn family(mapping: &str) -> &str {
    if ["keyword", "match_only_text", "constant_keyword"].contains(&mapping) {
        "text"
    } else {
        mapping
    }
}

#[test]
fn names_are_of_the_schema_or_under_our_own() {
    assert!(
        SCHEMA.starts_with(&format!("# Fields of the Elastic Common Schema, version {VERSION},"))
    );
    let schema = schema();
    let fields = FIELDS.iter().map(|(_, name, form)| (*name, form.mapping()));
    let all: BTreeMap<&str, &str> = fields.chain(ALWAYS.iter().copied()).collect();
    assert_eq!(all.len(), FIELDS.len() + ALWAYS.len(), "two fields with one name");
    for (&name, &mapping) in &all {
        // An object cannot be a value too.
        let below = format!("{name}.");
        assert!(!all.keys().any(|other| other.starts_with(&below)), "{name} is also an object");
        if !name.starts_with("nephoscope.") {
            let published =
                schema.get(name).unwrap_or_else(|| panic!("the schema has no `{name}`"));
            assert_eq!(family(mapping), family(published.mapping), "{name}");
            assert!(!published.list, "{name} is a list");
        }
    }
}

#[test]
fn every_action_is_sorted_in_words_of_the_schema() {
    let schema = schema();
    assert!(schema["event.category"].list && schema["event.type"].list);
    for action in Action::ALL {
        let (kind, category, sort) = sort(*action);
        assert!(schema["event.kind"].allowed.contains_key(kind), "{action}: kind {kind}");
        let types = &schema["event.category"].allowed[category];
        assert!(types.contains(&sort), "{action}: {category} has no type {sort}, but {types:?}");
    }
}

/// Our own fields as properties of an index template.
fn properties() -> Value {
    let fields = FIELDS.iter().map(|(_, name, form)| (*name, form.mapping()));
    let mut properties = json!({});
    for (name, mapping) in fields.chain(ALWAYS.iter().copied()) {
        let Some(path) = name.strip_prefix("nephoscope.") else { continue };
        let mut here = &mut properties["nephoscope"]["properties"];
        let (folders, last) = path.rsplit_once('.').map_or((None, path), |(a, b)| (Some(a), b));
        for folder in folders.into_iter().flat_map(|folders| folders.split('.')) {
            here = &mut here[folder]["properties"];
        }
        here[last] = if mapping == "keyword" {
            json!({ "type": mapping, "ignore_above": 1024 })
        } else {
            json!({ "type": mapping })
        };
    }
    properties
}

#[test]
fn the_index_template_has_the_fields_that_lines_have() {
    let path = root().join(TEMPLATE);
    let text = std::fs::read_to_string(&path).unwrap();
    let mut template: Value = serde_json::from_str(&text).unwrap();
    template["template"]["mappings"]["properties"] = properties();
    let expected = serde_json::to_string_pretty(&template).unwrap() + "\n";
    #[expect(clippy::disallowed_methods, reason = "writing the file is asked for this way")]
    let bless = std::env::var("NEPHOSCOPE_BLESS").is_ok();
    if bless {
        std::fs::write(&path, &expected).unwrap();
    }
    assert!(bless || text == expected, "{TEMPLATE} is old: NEPHOSCOPE_BLESS=1 writes it");
}

/// What is wrong with a line as one of the schema's.
fn faults(line: &Map<String, Value>, schema: &BTreeMap<&str, Published>) -> Vec<String> {
    let ours: BTreeMap<&str, &str> = FIELDS
        .iter()
        .map(|(_, name, form)| (*name, form.mapping()))
        .chain(ALWAYS.iter().copied())
        .filter(|(name, _)| name.starts_with("nephoscope."))
        .collect();
    let mut faults = Vec::new();
    for (name, _) in ALWAYS.iter().filter(|(name, _)| !line.contains_key(*name)) {
        faults.push(format!("no {name}"));
    }
    for (name, value) in line {
        let (mapping, list) = match (schema.get(&**name), ours.get(&**name)) {
            (Some(published), _) => (published.mapping, published.list),
            (None, Some(mapping)) => (*mapping, false),
            // Words of libraries, as the schema wants them: texts below `labels`.
            (None, None) if name.starts_with("labels.") => ("keyword", false),
            (None, None) => {
                faults.push(format!("{name} is nobody's"));
                continue;
            }
        };
        let values =
            if list { value.as_array().cloned().unwrap_or_default() } else { vec![value.clone()] };
        let fits = |value: &Value| match mapping {
            "long" => value.is_i64() || value.is_u64(),
            "date" => value.as_str().is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
            _ => value.is_string(),
        };
        if values.is_empty() || !values.iter().all(fits) {
            faults.push(format!("{name} is {value}, not {mapping}"));
        }
    }
    faults
}

fn parsed(log: &str) -> Vec<Map<String, Value>> {
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}"));
    log.lines().map(parse).collect()
}

fn actions(lines: &[Map<String, Value>]) -> BTreeSet<&str> {
    lines.iter().filter_map(|line| line.get("event.action")?.as_str()).collect()
}

/// A service whose probe and whose receiver are asked with secrets, and fail.
fn with_secrets(target: &str, receiver: &str, folder: &Path) -> String {
    let file = folder.join("hook");
    std::fs::write(&file, format!("{receiver}{SECRET}-hook")).unwrap();
    format!(
        r#"
        [defaults]
        interval = "1s"
        timeout  = "500ms"
        recheck  = "100ms"
        [provider.aws]
        host = "127.0.0.1"
        [probe.web.http]
        url = "{target}"
        headers = {{ x-key = {{ env = "KEY" }} }}
        auth = {{ basic = {{ user = "ann", password = {{ env = "KEY" }} }} }}
        [service.shop]
        probes = ["web"]
        [service.shop.entry]
        host = "127.0.0.1"
        probe = "web"
        [[webhook]]
        url = {{ file = "{}" }}
        auth = {{ bearer = {{ env = "KEY" }} }}
        "#,
        file.display()
    )
}

#[test]
fn every_line_of_a_daemon_is_in_the_schema_and_no_secret_is_in_any() {
    let broken = Arc::new(AtomicBool::new(false));
    let breaks = Arc::clone(&broken);
    let target = Server::plain(move |request, wire| {
        assert!(request.contains(SECRET));
        let status = if breaks.load(Ordering::Relaxed) { "503 Sorry" } else { "200 OK" };
        wire.write_all(response(status, &[], "hello").as_bytes())
    });
    let receiver = Server::plain(|_, wire| wire.write_all(response("500 No", &[], "").as_bytes()));
    let folder = tempfile::tempdir().unwrap();
    let config = with_secrets(&target.url("/"), &receiver.url("/"), folder.path());
    let mut daemon = Running::start_with(
        &config,
        &["--log-format", "json", "--log-level", "trace"],
        &[("KEY", SECRET)],
    );
    let logged = |action: Action| {
        let word = format!("\"event.action\":\"{action}\"");
        wait_for(&word, || daemon.log().contains(&word).then_some(()));
    };
    daemon.await_metric("nephoscope_probes_total", &["good"], |runs| runs >= 2.0);
    broken.store(true, Ordering::Relaxed);
    logged(Action::OutageOpened);
    logged(Action::DeliveryFailing);
    broken.store(false, Ordering::Relaxed);
    logged(Action::OutageEnded);
    let socket = daemon.socket();
    let command = |arguments: &[&str]| {
        let command = binary().arg("--socket").arg(&socket).args(arguments).output().unwrap();
        assert!(command.status.success(), "{}", String::from_utf8_lossy(&command.stderr));
    };
    command(&["drill", "start", "shop", "--by", "ann", "--reason", "a \"test\""]);
    command(&[
        "maintenance",
        "add",
        "--match",
        "service=shop",
        "--for",
        "1h",
        "--by",
        "ann",
        "--reason",
        "work",
    ]);
    daemon.signal("HUP");
    logged(Action::MaintenanceAnnounced);
    daemon.signal("TERM");
    assert!(daemon.wait().success());
    wait_for("its last line", || daemon.log().contains("\"stopped\"").then_some(()));

    let log = daemon.log();
    assert!(!log.contains(SECRET), "{:?}", log.lines().find(|line| line.contains(SECRET)));
    let (schema, lines) = (schema(), parsed(&log));
    for line in &lines {
        assert_eq!(faults(line, &schema), Vec::<String>::new(), "{line:?}");
        let own = line["log.logger"].as_str().unwrap().starts_with("nephoscope");
        assert!(!own || line.contains_key("event.action"), "{line:?}");
    }
    let seen = actions(&lines);
    assert!(EVERY_LIFE.iter().all(|action| seen.contains(action.as_str())), "{seen:?}");
    let ended = lines.iter().find(|line| line.get("event.action") == Some(&"outage_ended".into()));
    assert!(ended.unwrap()["event.duration"].as_u64().unwrap() > 100_000_000, "{ended:?}");
    assert_eq!(ended.unwrap()["nephoscope.vantage"], "test");
}

#[test]
fn an_outage_is_a_few_lines_and_not_one_per_probe() {
    let config = "[defaults]\ninterval = \"1s\"\ntimeout = \"500ms\"\nrecheck = \"100ms\"\n[provider.a]\nhost = \"127.0.0.1\"\n\
                  [probe.p.tcp]\naddress = \"{host}:1\"\n[service.s]\nprobes = [\"p\"]\n";
    let daemon = Running::start(config, &["--log-format", "json"]);
    daemon.await_metric("nephoscope_probes_total", &["bad"], |runs| runs >= 6.0);
    let lines = parsed(&daemon.log());
    assert_eq!(actions(&lines), BTreeSet::from(["outage_opened", "started"]));
    assert_eq!(lines.len(), 2, "{lines:?}");
}

#[test]
fn a_line_that_is_not_of_the_schema_is_found() {
    let mut line: Map<String, Value> = Map::new();
    for (name, mapping) in ALWAYS {
        let value = match *mapping {
            "long" => json!(1),
            "date" => json!("2026-05-31T00:00:00.000Z"),
            _ => json!("word"),
        };
        line.insert((*name).to_owned(), value);
    }
    let schema = schema();
    assert_eq!(faults(&line, &schema), Vec::<String>::new());
    line.remove("ecs.version");
    for (name, value) in
        [("event.type", json!("start")), ("process.pid", json!("7")), ("level", json!("info"))]
    {
        line.insert(name.to_owned(), value);
    }
    let found = faults(&line, &schema);
    let expected = [
        "no ecs.version",
        "event.type is \"start\", not keyword",
        "level is nobody's",
        "process.pid is \"7\", not long",
    ];
    assert_eq!(found, expected);
}

#[test]
fn what_brings_the_log_to_elasticsearch_names_what_is_there() {
    let read =
        |name: &str| std::fs::read_to_string(root().join("deploy/elastic").join(name)).unwrap();
    let template: Value = serde_json::from_str(&read("index-template.json")).unwrap();
    let pattern = template["index_patterns"][0].as_str().unwrap().trim_end_matches('*').to_owned();
    assert!(pattern.starts_with("logs-nephoscope.log-"));
    let (filebeat, logstash) = (read("filebeat.yml"), read("logstash.conf"));
    assert!(filebeat.contains(&format!("index: \"{pattern}default\"")));
    assert!(logstash.contains("data_stream_dataset => \"nephoscope.log\""));
    let pipeline = template["template"]["settings"]["index.default_pipeline"].as_str();
    let pipeline =
        pipeline.or(template["template"]["settings"]["index"]["default_pipeline"].as_str());
    assert!(filebeat.contains(&format!("_ingest/pipeline/{}", pipeline.unwrap())));
    let steps: Value = serde_json::from_str(&read("ingest-pipeline.json")).unwrap();
    for step in steps["processors"]
        .as_array()
        .unwrap()
        .iter()
        .chain(steps["on_failure"].as_array().unwrap())
    {
        let field = step.as_object().unwrap().values().next().unwrap()["field"].as_str().unwrap();
        assert!(field == "*" || schema().contains_key(field), "{field}");
    }
}
