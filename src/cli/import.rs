//! `nephoscope import`: what `blackbox_exporter` and Prometheus are configured with, as probes and services.
//!
//! Modules become `[probe.*]` tables, targets services. Each key that has an equal becomes a line; each one that has none, or
//! that this version cannot check, becomes a comment that says so, so that nothing is lost in silence. What comes out is
//! tried on the configuration's own reader before it is printed.
//!
//! It writes no file and asks nobody.

mod draft;
mod http;
mod others;
mod targets;
mod yaml;

use super::{Arguments, BAD, FINE, complain};
use crate::config::load_text;
use anyhow::Context as _;
use draft::Draft;
use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use yaml::Yaml;

/// Bytes of one file that are read at most.
const FILE_AT_MOST: u64 = 16 << 20;

/// Modules of one file at most; each is tried on its own.
const MODULES_AT_MOST: usize = 2_000;

#[derive(Debug, clap::Args)]
pub(super) struct Asked {
    /// The configuration of `blackbox_exporter`: `blackbox.yml`.
    file: PathBuf,

    /// Whom to probe: Prometheus' own configuration (jobs that scrape `/probe`), or a list of targets as in `file_sd`, YAML
    /// or JSON. Can be given several times.
    #[arg(long, value_name = "FILE")]
    targets: Vec<PathBuf>,
}

pub(super) fn run(_: &Arguments, asked: &Asked) -> anyhow::Result<u8> {
    let text = read(&asked.file)?;
    let lists: anyhow::Result<Vec<_>> =
        asked.targets.iter().map(|path| Ok((path.clone(), read(path)?))).collect();
    match import(&asked.file, &text, &lists?) {
        Ok(out) => {
            anstream::stdout()
                .lock()
                .write_all(out.as_bytes())
                .context("cannot write to stdout")?;
            Ok(FINE)
        }
        Err(why) => {
            complain(&why);
            Ok(BAD)
        }
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    let doing = || format!("reading `{}`", path.display());
    let mut text = String::new();
    let file = std::fs::File::open(path).with_context(doing)?;
    let size = file.take(FILE_AT_MOST + 1).read_to_string(&mut text).with_context(doing)?;
    anyhow::ensure!(
        size as u64 <= FILE_AT_MOST,
        "`{}` has more than {FILE_AT_MOST} bytes",
        path.display()
    );
    Ok(text)
}

const HEAD: &str = "\
# Made by `nephoscope import`. What has no equal stands as a comment where it was.
#
# Different on purpose: an address is IPv4 if the name has one, else IPv6 (`ip = \"6\"` asks for IPv6 alone); a text of a
# dialogue is enough without the end of its line; compressed bodies are judged as they come unless `decompress` says otherwise.
";

/// The whole of what is printed, from the texts of the files.
fn import(path: &Path, text: &str, lists: &[(PathBuf, String)]) -> Result<String, String> {
    let whole = yaml::read(text).map_err(|why| format!("`{}`: {why}", path.display()))?;
    let modules = whole.get("modules").and_then(Yaml::map).ok_or_else(|| {
        format!("`{}` has no `modules`; expected a file of blackbox_exporter", path.display())
    })?;
    let mut out = HEAD.to_owned();
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    if modules.len() > MODULES_AT_MOST {
        let count = modules.len();
        return Err(format!(
            "`{}` has {count} modules, of at most {MODULES_AT_MOST}",
            path.display()
        ));
    }
    let mut names: Vec<(String, String)> = Vec::new();
    let mut known = BTreeSet::new();
    let mut probes = String::new();
    for (name, module) in modules {
        if name.is_empty() || !known.insert(draft::plain(name)) {
            out.push_str("# A module without a name, or with that of another one, was left out.\n");
            continue;
        }
        let draft = module_draft(name, module);
        if let Some(text) = draft.into_text(folder, &mut probes) {
            names.push((name.clone(), text));
        }
    }
    let services = targets::import(lists, &names)?;
    out.push_str(&services.head);
    out.push_str(&probes);
    out.push_str(&services.tables);
    let trial = load_text(&folder.join("probes.toml"), out.clone());
    trial.map_err(|problems| {
        let lines = problems.lines().join("\n  ");
        format!("what came out cannot be used, which is a fault of this program:\n  {lines}")
    })?;
    Ok(out)
}

fn module_draft(name: &str, module: &Yaml) -> Draft {
    let mut draft = Draft::new(name);
    let prober = module.get("prober").map(Yaml::text).unwrap_or_default();
    if let Some(timeout) = module.get("timeout").map(Yaml::text) {
        draft.settings(&timeout);
    }
    for (key, value) in module.map().unwrap_or_default() {
        match key.as_str() {
            "prober" | "timeout" => {}
            key if key == prober => {}
            "http" | "tcp" | "dns" | "icmp" | "grpc" => {
                draft.lost(key, value, "the module is of another kind, so it was ignored");
            }
            _ => draft.lost(key, value, "there is no such key"),
        }
    }
    let nothing = Yaml::Map(Vec::new());
    let table = module.get(&prober).unwrap_or(&nothing);
    match prober.as_str() {
        "http" => http::http(&mut draft, table),
        "tcp" => others::tcp(&mut draft, table),
        "dns" => others::dns(&mut draft, table),
        "icmp" => others::icmp(&mut draft, table),
        "grpc" => others::grpc(&mut draft, table),
        other => draft.refuse(&format!("there is no prober `{other}` here")),
    }
    draft
}

#[cfg(test)]
mod tests;
