//! probes.toml to a complete and valid [`Config`], or every problem of the file at once.
//!
//! Three stages: `raw` is what the file says (every value with its place), `resolve` applies inheritance, classes and
//! placeholders, `validate` checks what remains and builds the typed value. Nothing downstream checks a setting again.
//!
//! It does not know that a runtime exists, whether a target can be reached, or what a metric is called.

mod adhoc;
mod build;
mod decode;
mod demand;
pub mod diff;
mod discover;
mod effective;
mod entry;
pub mod files;
mod former;
mod include;
mod peers;
mod places;
mod problem;
mod promise;
mod raw;
mod references;
mod render;
mod resolve;
mod secret;
mod shard;
mod sight;
mod source;
mod template;
mod tree;
mod units;
mod validate;

pub use crate::model::{Detail, Maintenance, MaintenanceWhen, Matching};
pub use adhoc::adhoc;
pub use demand::{DEFAULT_MODULE, Module, Modules, Unfit, Wish};
pub use problem::{Kind, Problem, Problems, Severity};
pub use secret::pair_of_files;
pub use validate::host_name;

use crate::model::{
    Check, Listener, ObjectiveWindow, Peer, Provider, Receiver, Reference, Service,
};
use decode::Context;
use files::Isolated;
use problem::Sink;
use raw::Raw;
use source::Sources;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A configuration that can be used, and what somebody should know about it.
#[derive(Debug)]
pub struct Loaded {
    /// Complete and valid.
    pub config: Config,
    /// Only warnings.
    pub warnings: Problems,
    /// What the files said, for `effective`.
    raw: Raw,
}

/// Reads `path` and what it includes.
///
/// # Errors
///
/// Every problem of every file, if one of them is an error.
pub fn load(path: &Path) -> Result<Loaded, Problems> {
    match include::read_text(path) {
        Ok(text) => load_text(path, text),
        Err(why) => Err(Problems::unreadable(&why)),
    }
}

/// As [`load`], with the text of the main file already at hand; `path` is what relative paths in it start from.
pub fn load_text(path: &Path, text: String) -> Result<Loaded, Problems> {
    attempt(path, text, &Instead::default()).result
}

/// What is read in the place of files.
#[derive(Debug, Default)]
struct Instead<'a> {
    /// Texts of included files.
    texts: BTreeMap<PathBuf, String>,
    /// Last good lists of targets; without, a list that cannot be used is an error.
    targets: Option<&'a BTreeMap<PathBuf, String>>,
}

/// One reading of everything.
struct Attempt {
    result: Result<Loaded, Problems>,
    /// Whether an included file may be left out when it cannot be used.
    isolates: bool,
    /// Included files that could not be read at all.
    unreadable: Vec<PathBuf>,
    /// Lists of targets that are not in it as they are.
    isolated: Vec<Isolated>,
    /// The texts of those that are.
    targets: BTreeMap<PathBuf, String>,
}

fn attempt(path: &Path, text: String, instead: &Instead<'_>) -> Attempt {
    let sink = Sink::default();
    let mut sources = Sources::default();
    let main = include::add(&sink, &mut sources, path.to_owned(), text);
    let word = main.table.get("include_errors").map(|node| &node.value);
    let isolates = matches!(word, Some(tree::Value::Text(word)) if word == "isolate");
    let (mut files, unreadable) =
        include::read_includes(&sink, &mut sources, &main.table, &instead.texts);
    let discover::Found { file, isolated, texts: targets } =
        discover::read(&sink, &mut sources, &main.table, instead.targets);
    files.extend(file);
    files.insert(0, main);
    let result = understand(sink, sources, files);
    Attempt { result, isolates, unreadable, isolated, targets }
}

/// From trees to a configuration.
fn understand(sink: Sink, sources: Sources, files: Vec<include::File>) -> Result<Loaded, Problems> {
    let context = Context { sink: &sink, sources: &sources };
    let mut raw = Raw::default();
    for file in &files {
        raw::read_file(context, file.number, &file.table, &mut raw);
    }
    let broken: Vec<u16> =
        files.iter().filter(|file| file.broken).map(|file| file.number).collect();
    if !broken.is_empty() {
        include::drop_misunderstandings(context, &broken);
        return Err(sink.into_problems(sources));
    }
    // The trees of large files are large, and everything they said is in `raw`.
    drop(files);
    let config = validate::validate(context, &raw);
    if sink.has_errors() {
        return Err(sink.into_problems(sources));
    }
    Ok(Loaded { config, warnings: sink.into_problems(sources), raw })
}

/// The window that `text` means, as in the `window` of an slo: `30d`, `month`.
///
/// # Errors
///
/// One sentence on what is wrong with it.
pub fn parse_window(text: &str) -> Result<ObjectiveWindow, String> {
    raw::window(text).map_err(|why| {
        format!(
            "`{text}` is not a window: {why}; expected a duration (`7d`, `30d`), or `day`, `week`, `month`, `quarter`, `year`"
        )
    })
}

/// The duration that `text` means, as anywhere in the configuration: `90s`, `1h30m`, `2d`.
///
/// # Errors
///
/// One sentence on what is wrong with it.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    units::duration(text).map_err(|why| {
        format!("`{text}` is not a duration: {why}; expected one such as `15m`, `1h30m`")
    })
}

/// Everything the daemon needs to know, complete and valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where the daemon stands and what it may use.
    pub monitor: MonitorConfig,
    /// Who may use the listener.
    pub listener: Listener,
    /// How much it exports.
    pub metrics: MetricsConfig,
    /// The clouds, in the order of the file.
    pub providers: Vec<Provider>,
    /// The services, in the order of the file.
    pub services: Vec<Service>,
    /// Every check of every service, in that order; `CheckIndex` is the position here.
    pub checks: Vec<Arc<Check>>,
    /// What is looked at besides the services; the `CheckIndex` of one is the number of checks plus its position here.
    pub references: Vec<Reference>,
    /// How long a doubtful failure waits for an alibi.
    pub patience: Duration,
    /// A sentinel or cloud that is silent for so long while checks succeed is not waited for.
    pub broken_after: Duration,
    /// Shared dependencies.
    pub domains: Vec<Domain>,
    /// Planned absences, each id once.
    pub maintenance: Vec<Maintenance>,
    /// Other vantage points that are asked, at most [`crate::model::PEERS_AT_MOST`], each with a name of its own.
    pub peers: Vec<Peer>,
    /// Who is told of alerts, each with a name of its own.
    pub receivers: Vec<Receiver>,
    /// The probes, for use with targets that somebody names.
    pub modules: Modules,
}

impl Config {
    /// Everything that is looked at: the checks of services, then the references.
    pub fn lookouts(&self) -> Arc<[Arc<Check>]> {
        let references = self.references.iter().map(|reference| &reference.check);
        self.checks.iter().chain(references).map(Arc::clone).collect()
    }
}

/// `[monitor]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonitorConfig {
    /// Value of the `vantage` label.
    pub vantage: Arc<str>,
    /// The watched cloud this daemon stands on, if it does.
    pub provider: Option<Arc<str>>,
    /// Address of the listener.
    pub listen: SocketAddr,
    /// Folder of the embedded store, absolute or relative to the working directory.
    pub state: PathBuf,
    /// For calendar windows and maintenance hours.
    pub timezone: jiff::tz::TimeZone,
    /// This daemon's share of the services: (which, of how many), 1-based.
    pub shard: Option<(u32, u32)>,
    /// Dead-man ping.
    pub heartbeat_url: Option<url::Url>,
    /// Runs in flight at most, over all checks.
    pub max_in_flight: u32,
    /// Whether files that have changed are read again without being asked.
    pub watch: bool,
}

/// `[metrics]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricsConfig {
    /// Series per check.
    pub detail: Detail,
    /// Whether `probe_success` and friends are on `/metrics` too.
    pub field_names: bool,
}

/// `[domain.NAME]`: a dependency that services share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Its name.
    pub name: Arc<str>,
    /// `dns`, `data`, `identity`, `edge` or `interconnect`.
    pub kind: Arc<str>,
    /// Its host.
    pub host: Arc<str>,
}

#[cfg(test)]
mod tests;
