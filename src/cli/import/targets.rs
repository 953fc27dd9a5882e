//! Targets as services: Prometheus' own configuration, or a list as in `file_sd`.
//!
//! Of a job the relabelling is carried out as Prometheus would, as far as it replaces; what then is `__param_target` is
//! probed by what then is `__param_module`, and the labels that are left become the service's. A target that several jobs
//! name is one service with several probes.
//!
//! It knows no cloud: every service stands on the one provider `imported`, to be renamed.

use super::draft::{plain, quoted};
use super::yaml::{self, Yaml};
use crate::config::load_text;
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
    /// Names of probes with what they take.
    modules: &'m [(String, String)],
    targets: Vec<Target>,
    notes: Vec<String>,
    /// What labels are called here.
    labels: BTreeMap<String, Option<String>>,
}

pub(super) fn import(
    lists: &[(PathBuf, String)],
    modules: &[(String, String)],
) -> Result<Services, String> {
    let mut found =
        Found { modules, targets: Vec::new(), notes: Vec::new(), labels: BTreeMap::new() };
    for (path, text) in lists {
        let whole = yaml::read(text).map_err(|why| format!("`{}`: {why}", path.display()))?;
        if let Some(jobs) = whole.get("scrape_configs") {
            for job in jobs.list() {
                found.job(job, path)?;
            }
        } else if matches!(whole, Yaml::List(_)) {
            found.groups(&whole, &Labels::new(), &[]);
        } else {
            return Err(format!(
                "`{}` is neither Prometheus' configuration (`scrape_configs`) nor a list of targets",
                path.display()
            ));
        }
    }
    if found.targets.len() > TARGETS_AT_MOST {
        return Err(format!("more than {TARGETS_AT_MOST} targets"));
    }
    Ok(found.write())
}

impl Found<'_> {
    fn job(&mut self, job: &Yaml, path: &Path) -> Result<(), String> {
        let text = |key: &str| job.get(key).map(Yaml::text).unwrap_or_default();
        let name = text("job_name");
        if !text("metrics_path").ends_with("/probe") {
            self.notes.push(format!("the job `{name}` does not scrape `/probe`"));
            return Ok(());
        }
        let mut labels = Labels::from([("job".to_owned(), name.clone())]);
        for (key, value) in job.get("params").and_then(Yaml::map).unwrap_or_default() {
            if let Some(first) = value.list().first() {
                labels.insert(format!("__param_{key}"), first.text());
            }
        }
        let rules = job.get("relabel_configs").map(Yaml::list).unwrap_or_default();
        for rule in rules {
            let action = rule.get("action").map_or_else(|| "replace".to_owned(), Yaml::text);
            if action != "replace" {
                self.notes.push(format!(
                    "the job `{name}`: the relabelling `{action}` is not carried out"
                ));
            }
        }
        for (key, value) in job.map().unwrap_or_default() {
            match key.as_str() {
                "static_configs" => self.groups(value, &labels, rules),
                "file_sd_configs" => {
                    for files in value.list() {
                        for pattern in files.get("files").map(Yaml::texts).unwrap_or_default() {
                            self.file(&pattern, path, &labels, rules)?;
                        }
                    }
                }
                key if key.ends_with("_sd_configs") => {
                    self.notes.push(format!("the job `{name}`: `{key}` has no equal; `[[discover]]` reads lists of targets"));
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
        rules: &[Yaml],
    ) -> Result<(), String> {
        let path = beside.parent().unwrap_or_else(|| Path::new("")).join(pattern);
        if pattern.contains(['*', '?', '[']) {
            let words = "give the files with `--targets`, or let `[[discover]]` read them";
            self.notes.push(format!("`{pattern}` is a pattern of files: {words}"));
            return Ok(());
        }
        let failed = |why: &dyn std::fmt::Display| format!("`{}`: {why}", path.display());
        let text = std::fs::read_to_string(&path).map_err(|error| failed(&error))?;
        let list = yaml::read(&text).map_err(|why| failed(&why))?;
        self.groups(&list, labels, rules);
        Ok(())
    }

    fn groups(&mut self, groups: &Yaml, job: &Labels, rules: &[Yaml]) {
        for group in groups.list() {
            let own = group.get("labels").and_then(Yaml::map).unwrap_or_default();
            for address in group.get("targets").map(Yaml::texts).unwrap_or_default() {
                let mut labels = job.clone();
                labels.extend(own.iter().map(|(name, value)| (name.clone(), value.text())));
                labels.insert("__address__".to_owned(), address);
                for rule in rules {
                    relabel(&mut labels, rule);
                }
                self.add(labels);
            }
        }
    }

    fn add(&mut self, labels: Labels) {
        let get = |name: &str| labels.get(name).filter(|text| !text.is_empty()).cloned();
        let Some(address) = get("__param_target").or_else(|| get("__address__")) else { return };
        let module = get("__param_module").or_else(|| get("module"));
        let module = plain(&module.unwrap_or_else(|| crate::config::DEFAULT_MODULE.to_owned()));
        if !self.modules.iter().any(|(name, _)| plain(name) == module) {
            self.notes.push(format!("`{address}` is probed by `{module}`, which is no probe here"));
            return;
        }
        if let Err(why) = self.fits(&address, &module) {
            self.notes.push(why);
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
        match self.targets.iter_mut().find(|known| known.address == address && known.labels == own)
        {
            Some(known) => _ = known.modules.insert(module),
            None => self.targets.push(Target { address, modules: [module].into(), labels: own }),
        }
    }

    /// Whether the probe could be asked to look there.
    fn fits(&self, address: &str, module: &str) -> Result<(), String> {
        let kind = self.modules.iter().find(|(name, _)| plain(name) == module);
        let url = match kind.map(|(_, kind)| kind.as_str()) {
            Some("http") if address.contains("://") => address.to_owned(),
            Some("http") => format!("http://{address}"),
            Some("dns") => format!("dns://{address}/example.com"),
            Some("tcp" | "grpc") => format!("tcp://{address}"),
            _ => format!("tcp://{address}:7"),
        };
        crate::config::adhoc(&url)?;
        let host = host_of(address);
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        crate::config::adhoc(&format!("tcp://{host}:7")).map(|_| ())
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
                self.notes.push(format!(
                    "the label `{name}` means something else here: it became `{called}`"
                ));
            }
            None => self.notes.push(format!("`{name}` cannot be a label here")),
        }
        self.labels.insert(name.to_owned(), called.clone());
        called
    }

    fn write(self) -> Services {
        let mut head = String::new();
        for note in self.notes.iter().collect::<BTreeSet<_>>() {
            writeln!(head, "# {}.", note.replace(['\n', '\r'], " ")).expect(INFALLIBLE);
        }
        let mut tables = String::new();
        if self.targets.is_empty() {
            return Services { head, tables };
        }
        tables.push_str(
            "\n# The cloud that the targets stand on: rename it, or make several and move services.\n[provider.imported]\n",
        );
        let mut names = BTreeSet::new();
        for target in &self.targets {
            let host = host_of(&target.address);
            let base = plain(&host.replace(['.', ':', '[', ']'], "-"));
            let base = match base.trim_matches('-') {
                "" => "target",
                base => base,
            };
            let mut name = base.to_owned();
            for number in 2.. {
                if names.insert(name.clone()) {
                    break;
                }
                name = format!("{base}-{number}");
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
            let kind = self.modules.iter().find(|(name, _)| plain(name) == *module);
            match kind.map(|(_, kind)| kind.as_str()) {
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

/// One rule of relabelling that replaces, as Prometheus carries it out.
fn relabel(labels: &mut Labels, rule: &Yaml) {
    let text = |key: &str| rule.get(key).map(Yaml::text);
    if text("action").is_some_and(|action| action != "replace") {
        return;
    }
    let Some(to) = text("target_label") else { return };
    let separator = text("separator").unwrap_or_else(|| ";".to_owned());
    let sources = rule.get("source_labels").map(Yaml::texts).unwrap_or_default();
    let values: Vec<_> =
        sources.iter().map(|name| labels.get(name).cloned().unwrap_or_default()).collect();
    let pattern = text("regex").unwrap_or_else(|| "(.*)".to_owned());
    let replacement = text("replacement").unwrap_or_else(|| "$1".to_owned());
    let Ok(pattern) = regex::Regex::new(&format!("^(?s:{pattern})$")) else { return };
    let joined = values.join(&separator);
    let Some(found) = pattern.captures(&joined) else { return };
    let mut value = String::new();
    found.expand(&replacement, &mut value);
    if value.is_empty() {
        labels.remove(&to);
    } else {
        labels.insert(to, value);
    }
}
