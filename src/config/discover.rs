//! `[[discover]]`: lists of targets in Prometheus' `file_sd` format, JSON or YAML, fill a class with endpoints.
//!
//! Each target is an endpoint on the provider of its `[[discover]]`. The label `service` says of which service (else it is named
//! by its host), `region` in which region; other labels become the service's. Services of one name are one, over all lists, and
//! have the class of theirs. What comes of all lists is written as a file of services and read like one, so that everything
//! that holds for services holds for these.
//!
//! A list that cannot be used is replaced by its last good version, if there may be one. How a list is written is not known here.

mod groups;

use super::files::Isolated;
use super::include::{File, add, matches_of, read_text};
use super::problem::{Kind, Problem, Sink};
use super::source::{At, Sources};
use super::tree::{Node, Table, Value};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What the file of services is called in messages.
pub(super) const NAME: &str = "[[discover]]";

/// More targets are a slip of whoever writes the lists.
const MAX_TARGETS: usize = 200_000;

/// What came of the lists.
#[derive(Default)]
pub(super) struct Found {
    /// A file of services, if there is any.
    pub(super) file: Option<File>,
    /// Lists that are not in it as they are.
    pub(super) isolated: Vec<Isolated>,
    /// The texts that are.
    pub(super) texts: BTreeMap<PathBuf, String>,
}

/// `[[discover]]`, as far as it can be understood; the rest is reported by whoever reads the main file.
struct Entry {
    pattern: At<String>,
    class: String,
    provider: String,
}

/// A service with its endpoints.
#[derive(Default)]
struct Service {
    class: String,
    labels: BTreeMap<String, String>,
    /// Provider, region and host by name.
    endpoints: BTreeMap<String, (String, Option<String>, String)>,
}

/// Reads every list that `main` names. With `good` there are last good versions; without, a list that cannot be used is an
/// error.
pub(super) fn read(
    sink: &Sink,
    sources: &mut Sources,
    main: &Table,
    good: Option<&BTreeMap<PathBuf, String>>,
) -> Found {
    let (mut found, mut services) = (Found::default(), BTreeMap::new());
    let folder = sources.get(0).folder().to_owned();
    for entry in entries(main) {
        let paths = match matches_of(&folder, &entry.pattern.value) {
            Ok(paths) => paths,
            Err(why) => {
                sink.report(unusable(&entry, why));
                continue;
            }
        };
        for path in paths {
            if found.texts.contains_key(&path) {
                continue;
            }
            let read = read_text(&path).and_then(|text| {
                take(&mut services, &entry, &path, &text)?;
                Ok(text)
            });
            let why = match read {
                Ok(text) => {
                    found.texts.insert(path, text);
                    continue;
                }
                Err(why) => format!("`{}`: {why}", path.display()),
            };
            let Some(good) = good else {
                sink.report(unusable(&entry, why));
                continue;
            };
            let last =
                good.get(&path).filter(|text| take(&mut services, &entry, &path, text).is_ok());
            found.isolated.push(Isolated {
                path: path.clone(),
                lines: vec![why],
                kept: last.is_some(),
            });
            found.texts.extend(last.map(|text| (path, text.clone())));
        }
    }
    if !services.is_empty() {
        found.file = Some(add(sink, sources, NAME.into(), written(&services)));
    }
    found
}

fn entries(main: &Table) -> Vec<Entry> {
    let Some(Node { value: Value::List(list), .. }) = main.get("discover") else {
        return Vec::new();
    };
    let entry = |node: &Node| {
        let Value::Table(table) = &node.value else { return None };
        let text = |key: &str| match table.get(key) {
            Some(Node { value: Value::Text(text), place }) => Some(At::new(text.clone(), *place)),
            _ => None,
        };
        let (class, provider) = (text("class")?.value, text("provider")?.value);
        Some(Entry { pattern: text("file_sd")?, class, provider })
    };
    list.iter().filter_map(entry).collect()
}

fn unusable(entry: &Entry, why: String) -> Problem {
    let said = format!("`{}` gives no list of targets", entry.pattern.value);
    Problem::new(Kind::UnreadableInclude, "discover.file_sd", entry.pattern.place, said)
        .label(why)
        .expected(r#"`[{"targets": ["host:port"], "labels": {"service": "shop"}}]`"#)
}

/// Adds the targets of one list, all or none.
fn take(
    services: &mut BTreeMap<String, Service>,
    entry: &Entry,
    path: &Path,
    text: &str,
) -> Result<(), String> {
    let mut more: Vec<(String, String, Service)> = Vec::new();
    for mut group in groups::read(path, text)? {
        // Prometheus keeps those to itself.
        group.labels.retain(|key, _| !key.starts_with("__"));
        let (service, region) = (group.labels.remove("service"), group.labels.remove("region"));
        for target in &group.targets {
            super::build::endpoint_host(target).map_err(|why| format!("`{target}`: {why}"))?;
            let name = service.clone().unwrap_or_else(|| host_of(target));
            let place = (entry.provider.clone(), region.clone(), target.clone());
            let found = Service {
                class: entry.class.clone(),
                labels: group.labels.clone(),
                endpoints: BTreeMap::from([(plain(target), place)]),
            };
            more.push((plain(&name), plain(target), found));
        }
    }
    let known: usize = services.values().map(|service| service.endpoints.len()).sum();
    if known + more.len() > MAX_TARGETS {
        return Err(format!("there are more than {MAX_TARGETS} targets"));
    }
    for (name, endpoint, new) in &more {
        let Some(service) = services.get(name) else { continue };
        if service.class != new.class {
            let class = &service.class;
            return Err(format!("service `{name}` has the class `{class}` in another list"));
        }
        let other = service.endpoints.get(endpoint).filter(|it| it.0 != new.endpoints[endpoint].0);
        if let Some((provider, ..)) = other {
            return Err(format!("`{endpoint}` of `{name}` is on `{provider}` in another list"));
        }
    }
    for (name, _, new) in more {
        let service = services.entry(name).or_default();
        service.class = new.class;
        service.labels.extend(new.labels);
        service.endpoints.extend(new.endpoints);
    }
    Ok(())
}

/// A target without its port.
fn host_of(target: &str) -> String {
    let bare = target.trim_start_matches('[');
    match bare.split_once(']') {
        Some((host, _)) => host.to_owned(),
        None => bare.split_once(':').map_or(bare, |(host, _)| host).to_owned(),
    }
}

/// A text as a name: what may not stand in one becomes `-`.
fn plain(text: &str) -> String {
    let fine = |each: char| each.is_ascii_alphanumeric() || matches!(each, '.' | '_' | '-');
    text.chars().map(|each| if fine(each) { each } else { '-' }).collect()
}

/// The services as a file says them.
fn written(services: &BTreeMap<String, Service>) -> String {
    // What JSON escapes, TOML escapes alike.
    let quoted = |text: &str| Json::from(text).to_string();
    let mut text = String::new();
    for (name, service) in services {
        let table = format!("service.{}", quoted(name));
        let class = quoted(&service.class);
        write!(text, "[{table}]\nclass = {class}\nendpoints = []\n").expect(INFALLIBLE);
        if !service.labels.is_empty() {
            writeln!(text, "[{table}.labels]").expect(INFALLIBLE);
        }
        for (key, value) in &service.labels {
            writeln!(text, "{} = {}", quoted(key), quoted(value)).expect(INFALLIBLE);
        }
        for (endpoint, (provider, region, host)) in &service.endpoints {
            let (provider, host) = (quoted(provider), quoted(host));
            let endpoint = quoted(endpoint);
            write!(text, "[{table}.endpoint.{endpoint}]\nprovider = {provider}\nhost = {host}\n")
                .expect(INFALLIBLE);
            if let Some(region) = region {
                writeln!(text, "region = {}", quoted(region)).expect(INFALLIBLE);
            }
        }
    }
    text
}

const INFALLIBLE: &str = "writing to a string cannot fail";
