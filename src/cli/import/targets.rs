//! Targets as services: Prometheus' own configuration, or a list as in `file_sd`.
//!
//! Of a job the relabelling is carried out as Prometheus would, as far as it replaces; what then is `__param_target` is
//! probed by what then is `__param_module`, and the labels that are left become the service's. A target that several jobs
//! name is one service with several probes.
//!
//! It knows no cloud: every service stands on the one provider `imported`, to be renamed.

use super::draft::{plain, quoted, without_users};
use super::yaml::{self, Yaml};
use crate::config::load_text;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const INFALLIBLE: &str = "writing to a string cannot fail";

/// Targets that are taken at most.
const TARGETS_AT_MOST: usize = 50_000;

/// What comes of targets.
pub(super) struct Services {
    /// Before the probes.
    pub(super) head: String,
    /// After the probes.
    pub(super) tables: String,
}

type Labels = BTreeMap<String, String>;

/// One target and who probes it.
struct Target {
    address: String,
    modules: BTreeSet<String>,
    labels: Labels,
}

struct Found<'m> {
    /// What each probe takes, by name.
    modules: BTreeMap<String, &'m str>,
    /// How many were named, whatever became of them.
    seen: usize,
    targets: Vec<Target>,
    /// Where the target with this address and these labels is.
    places: BTreeMap<(String, Labels), usize>,
    notes: BTreeSet<String>,
    /// What labels are called here.
    labels: BTreeMap<String, Option<String>>,
}

pub(super) fn import(
    lists: &[(PathBuf, String)],
    modules: &[(String, String)],
) -> Result<Services, String> {
    let mut found = Found {
        modules: modules.iter().map(|(name, kind)| (plain(name), kind.as_str())).collect(),
        seen: 0,
        targets: Vec::new(),
        places: BTreeMap::new(),
        notes: BTreeSet::new(),
        labels: BTreeMap::new(),
    };
    for (path, text) in lists {
        let whole = yaml::read(text).map_err(|why| format!("`{}`: {why}", path.display()))?;
        if let Some(jobs) = whole.get("scrape_configs") {
            for job in jobs.list() {
                found.job(job, path)?;
            }
        } else if matches!(whole, Yaml::List(_)) {
            found.groups(&whole, &Labels::new(), &[])?;
        } else {
            return Err(format!(
                "`{}` is neither Prometheus' configuration (`scrape_configs`) nor a list of targets",
                path.display()
            ));
        }
    }
    Ok(found.write())
}

impl Found<'_> {
    fn job(&mut self, job: &Yaml, path: &Path) -> Result<(), String> {
        let text = |key: &str| job.get(key).map(Yaml::text).unwrap_or_default();
        let name = text("job_name");
        if !text("metrics_path").ends_with("/probe") {
            self.notes.insert(format!("the job `{name}` does not scrape `/probe`"));
            return Ok(());
        }
        let mut labels = Labels::from([("job".to_owned(), name.clone())]);
        for (key, value) in job.get("params").and_then(Yaml::map).unwrap_or_default() {
            if let Some(first) = value.list().first() {
                labels.insert(format!("__param_{key}"), first.text());
            }
        }
        let mut rules = Vec::new();
        for rule in job.get("relabel_configs").map(Yaml::list).unwrap_or_default() {
            match Rule::read(rule) {
                Ok(rule) => rules.push(rule),
                Err(what) => {
                    self.notes.insert(format!(
                        "the job `{name}`: the relabelling {what} is not carried out"
                    ));
                }
            }
        }
        for (key, value) in job.map().unwrap_or_default() {
            match key.as_str() {
                "static_configs" => self.groups(value, &labels, &rules)?,
                "file_sd_configs" => {
                    for files in value.list() {
                        for pattern in files.get("files").map(Yaml::texts).unwrap_or_default() {
                            self.file(&pattern, path, &labels, &rules)?;
                        }
                    }
                }
                key if key.ends_with("_sd_configs") => {
                    self.notes.insert(format!("the job `{name}`: `{key}` has no equal; `[[discover]]` reads lists of targets"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The files of a `file_sd_configs`, beside the file that names them.
    fn file(
        &mut self,
        pattern: &str,
        beside: &Path,
        labels: &Labels,
        rules: &[Rule],
    ) -> Result<(), String> {
        let path = beside.parent().unwrap_or_else(|| Path::new("")).join(pattern);
        if pattern.contains(['*', '?', '[']) {
            let words = "give the files with `--targets`, or let `[[discover]]` read them";
            self.notes.insert(format!("`{pattern}` is a pattern of files: {words}"));
            return Ok(());
        }
        let text = super::read(&path).map_err(|error| format!("{error:#}"))?;
        let list = yaml::read(&text).map_err(|why| format!("`{}`: {why}", path.display()))?;
        self.groups(&list, labels, rules)
    }

    fn groups(&mut self, groups: &Yaml, job: &Labels, rules: &[Rule]) -> Result<(), String> {
        for group in groups.list() {
            let own = group.get("labels").and_then(Yaml::map).unwrap_or_default();
            for address in group.get("targets").map(Yaml::texts).unwrap_or_default() {
                self.seen += 1;
                if self.seen > TARGETS_AT_MOST {
                    return Err(format!("more than {TARGETS_AT_MOST} targets"));
                }
                let mut labels = job.clone();
                labels.extend(own.iter().map(|(name, value)| (name.clone(), value.text())));
                labels.insert("__address__".to_owned(), address);
                for rule in rules {
                    rule.carry_out(&mut labels);
                }
                self.add(labels);
            }
        }
        Ok(())
    }

    fn add(&mut self, labels: Labels) {
        let get = |name: &str| labels.get(name).filter(|text| !text.is_empty()).cloned();
        let Some(address) = get("__param_target").or_else(|| get("__address__")) else { return };
        let module = get("__param_module").or_else(|| get("module"));
        let module = plain(&module.unwrap_or_else(|| crate::config::DEFAULT_MODULE.to_owned()));
        let Some(kind) = self.modules.get(&module) else {
            let note = format!("`{address}` is probed by `{module}`, which is no probe here");
            self.notes.insert(note);
            return;
        };
        if let Err(why) = fits(&address, kind) {
            self.notes.insert(format!("`{address}` is left out: {why}"));
            return;
        }
        let is_own =
            |name: &str| !name.starts_with("__") && !matches!(name, "job" | "instance" | "module");
        let mut own = Labels::new();
        for (name, value) in labels.into_iter().filter(|(name, _)| is_own(name)) {
            if let Some(name) = self.label(&name) {
                own.insert(name, value);
            }
        }
        let place = *self.places.entry((address.clone(), own.clone())).or_insert_with(|| {
            self.targets.push(Target { address, modules: BTreeSet::new(), labels: own });
            self.targets.len() - 1
        });
        self.targets[place].modules.insert(module);
    }

    /// What a label is called here; some names mean something else.
    fn label(&mut self, name: &str) -> Option<String> {
        let fits = |name: &str| {
            let name = quoted(name);
            let text = format!(
                "[provider.a]\nhost = \"a\"\n[probe.b.tcp]\naddress = \"a:1\"\n[service.c]\nprobes = [\"b\"]\nlabels = {{ {name} = \"x\" }}\n"
            );
            load_text(Path::new("probes.toml"), text).is_ok()
        };
        if let Some(known) = self.labels.get(name) {
            return known.clone();
        }
        let other = format!("imported_{name}");
        let called = [name.to_owned(), other].into_iter().find(|name| fits(name));
        match &called {
            Some(called) if called == name => {}
            Some(called) => {
                self.notes.insert(format!(
                    "the label `{name}` means something else here: it became `{called}`"
                ));
            }
            None => {
                self.notes.insert(format!("`{name}` cannot be a label here"));
            }
        }
        self.labels.insert(name.to_owned(), called.clone());
        called
    }

    fn write(self) -> Services {
        let mut head = String::new();
        for note in &self.notes {
            let note = without_users(&note.replace(['\n', '\r'], " "));
            writeln!(head, "# {note}.").expect(INFALLIBLE);
        }
        let mut tables = String::new();
        if self.targets.is_empty() {
            return Services { head, tables };
        }
        tables.push_str(
            "\n# The cloud that the targets stand on: rename it, or make several and move services.\n[provider.imported]\n",
        );
        let mut names = BTreeSet::new();
        let mut counts = BTreeMap::new();
        for target in &self.targets {
            let host = host_of(&target.address);
            let base = plain(&host.replace(['.', ':', '[', ']'], "-"));
            let base = match base.trim_matches('-') {
                "" => "target",
                base => base,
            };
            let mut name = base.to_owned();
            let count = counts.entry(base.to_owned()).or_insert(1_usize);
            while !names.insert(name.clone()) {
                *count += 1;
                name = format!("{base}-{count}");
            }
            self.service(&mut tables, &name, &host, target);
        }
        Services { head, tables }
    }

    fn service(&self, out: &mut String, name: &str, host: &str, target: &Target) {
        let key = quoted(name);
        let probes: Vec<_> = target.modules.iter().map(|module| quoted(module)).collect();
        writeln!(out, "\n[service.{key}]\nprobes = [{}]", probes.join(", ")).expect(INFALLIBLE);
        let mut vars = BTreeMap::new();
        for module in &target.modules {
            match self.modules.get(module).copied() {
                Some("http") if target.address.contains("://") => {
                    vars.insert("url", target.address.clone());
                }
                Some("http") => _ = vars.insert("url", format!("http://{}", target.address)),
                Some("dns") => _ = vars.insert("server", target.address.clone()),
                Some("tcp" | "grpc") => _ = vars.insert("address", target.address.clone()),
                _ => {}
            }
        }
        if !vars.is_empty() {
            let vars: Vec<_> =
                vars.iter().map(|(name, value)| format!("{name} = {}", quoted(value))).collect();
            writeln!(out, "vars = {{ {} }}", vars.join(", ")).expect(INFALLIBLE);
        }
        if !target.labels.is_empty() {
            let labels = target.labels.iter();
            let labels: Vec<_> = labels
                .map(|(name, value)| format!("{} = {}", quoted(name), quoted(value)))
                .collect();
            writeln!(out, "labels = {{ {} }}", labels.join(", ")).expect(INFALLIBLE);
        }
        writeln!(out, "[service.{key}.endpoint.imported]\nhost = {}", quoted(host))
            .expect(INFALLIBLE);
    }
}

/// The host of a target: of a URL, or before the port.
fn host_of(target: &str) -> String {
    let rest = target.split_once("://").map_or(target, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    if let Some(inner) = authority.strip_prefix('[') {
        return inner.split(']').next().unwrap_or(inner).to_owned();
    }
    match authority.split_once(':') {
        Some((host, port)) if !port.contains(':') => host.to_owned(),
        _ => authority.to_owned(),
    }
}

/// Whether a probe of this kind could be asked to look there.
fn fits(address: &str, kind: &str) -> Result<(), String> {
    let url = match kind {
        "http" if address.contains("://") => address.to_owned(),
        "http" => format!("http://{address}"),
        "dns" => format!("dns://{address}/example.com"),
        "tcp" | "grpc" => format!("tcp://{address}"),
        _ => format!("tcp://{address}:7"),
    };
    crate::config::adhoc(&url)?;
    let host = host_of(address);
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    crate::config::adhoc(&format!("tcp://{host}:7")).map(|_| ())
}

/// One rule of relabelling that replaces.
struct Rule {
    sources: Vec<String>,
    separator: String,
    pattern: Regex,
    replacement: String,
    to: String,
}

impl Rule {
    /// The rule, or what it is called in a sentence that says that there is none.
    fn read(rule: &Yaml) -> Result<Self, String> {
        let text = |key: &str| rule.get(key).map(Yaml::text);
        let or = |key: &str, default: &str| text(key).unwrap_or_else(|| default.to_owned());
        let action = or("action", "replace");
        if action != "replace" {
            return Err(format!("`{action}`"));
        }
        let to = text("target_label").ok_or("without a `target_label`")?;
        let pattern = or("regex", "(.*)");
        let compiled = Regex::new(&format!("^(?s:{pattern})$"));
        Ok(Self {
            sources: rule.get("source_labels").map(Yaml::texts).unwrap_or_default(),
            separator: or("separator", ";"),
            pattern: compiled.map_err(|_| format!("of `{to}` by `{pattern}`"))?,
            replacement: or("replacement", "$1"),
            to,
        })
    }

    /// As Prometheus does.
    fn carry_out(&self, labels: &mut Labels) {
        let values = self.sources.iter().map(|name| labels.get(name).map_or("", String::as_str));
        let joined = values.collect::<Vec<_>>().join(&self.separator);
        let Some(found) = self.pattern.captures(&joined) else { return };
        let mut value = String::new();
        found.expand(&self.replacement, &mut value);
        if value.is_empty() {
            labels.remove(&self.to);
        } else {
            labels.insert(self.to.clone(), value);
        }
    }
}
