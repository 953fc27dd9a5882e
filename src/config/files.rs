//! The files of a configuration over the life of a daemon: what was good last, and whether anything has changed.
//!
//! With `include_errors = "isolate"` an included file that cannot be used is replaced by its last good version, and left out if
//! there is none, so that one team's slip holds up nobody else; what the main file says against it is an error all the same.
//! Lists of targets are always treated so. Whether files have changed is told by what is in them, so that it does not matter
//! how they were replaced: written, renamed, or swapped by a link as Kubernetes does. That holds for secrets,
//! bodies and networks that the configuration names by file, too; certificates and keys are looked at by those who use them, and
//! here only as long as they keep the configuration from being used.
//!
//! It waits for nothing and applies nothing.

use super::problem::{Problem, Severity};
use super::tree::{self, Table, Value};
use super::{Instead, Loaded, Problems, attempt, include, secret};
use crate::file::read_bounded;
use crate::seed::stable_hash;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

/// A main file and whatever it names.
#[derive(Debug)]
pub struct Files {
    path: PathBuf,
    /// The texts of included files and lists of targets that are in force.
    good: BTreeMap<PathBuf, String>,
    /// What [`Self::look`] said before the last reading.
    digest: u64,
    /// What that reading found in the files that are named in those: secrets, bodies, networks.
    named: BTreeMap<PathBuf, u64>,
    /// The main file's own digest, and the patterns in it.
    main: (u64, Vec<String>),
}

/// What a reading gave.
#[derive(Debug)]
pub struct Reading {
    /// The configuration.
    pub loaded: Loaded,
    /// Files that are not in it as they are.
    pub isolated: Vec<Isolated>,
    good: BTreeMap<PathBuf, String>,
}

/// The texts that are good, of a reading.
#[derive(Debug)]
pub struct Good(BTreeMap<PathBuf, String>);

impl Reading {
    /// What [`Files::accept`] wants when this is in force, and the configuration.
    pub fn into_parts(self) -> (Good, Loaded) {
        (Good(self.good), self.loaded)
    }
}

/// A file that cannot be used, although the rest can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Isolated {
    /// Which.
    pub path: PathBuf,
    /// What is wrong with it, a line each.
    pub lines: Vec<String>,
    /// Whether its last good version is in force; else it is left out.
    pub kept: bool,
}

impl fmt::Display for Isolated {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.kept { "its last good version is in force" } else { "it is left out" };
        write!(out, "`{}` cannot be used and {what}", self.path.display())?;
        if let Some(first) = self.lines.first() {
            write!(out, ": {first}")?;
        }
        match self.lines.len() {
            0 | 1 => Ok(()),
            lines => write!(out, " (and {} more)", lines - 1),
        }
    }
}

impl Files {
    /// Nothing was read yet.
    pub fn new(path: &Path) -> Self {
        let (path, good, named) = (path.to_owned(), BTreeMap::new(), BTreeMap::new());
        Self { path, good, digest: 0, named, main: (0, Vec::new()) }
    }

    /// Reads everything.
    ///
    /// # Errors
    ///
    /// Every problem of every file, if one that cannot be isolated is an error.
    pub fn read(&mut self) -> Result<Reading, Problems> {
        self.digest = self.look();
        let text = include::read_text(&self.path).map_err(|why| Problems::unreadable(&why))?;
        let mut instead = Instead { texts: BTreeMap::new(), targets: Some(&self.good) };
        let mut isolated: BTreeMap<PathBuf, Isolated> = BTreeMap::new();
        // Each turn replaces a file by its last good version, or an empty one in the place of that.
        loop {
            let attempt = attempt(&self.path, text.clone(), &instead);
            self.named = match &attempt.result {
                Ok(loaded) => loaded.warnings.sources.named(true),
                Err(problems) => problems.sources.named(false),
            };
            let problems = match attempt.result {
                Ok(loaded) => {
                    let mut good = attempt.targets;
                    if attempt.isolates {
                        let sources = &loaded.warnings.sources;
                        let used = sources.included().filter(|(_, text)| !text.is_empty());
                        good.extend(used.map(|(path, text)| (path.to_owned(), text.to_owned())));
                    }
                    let isolated = isolated.into_values().chain(attempt.isolated).collect();
                    return Ok(Reading { loaded, isolated, good });
                }
                Err(problems) => problems,
            };
            let culprits = self.culprits(&problems, &attempt.unreadable);
            if !attempt.isolates || culprits.is_empty() {
                return Err(problems);
            }
            for path in culprits {
                let good = self.good.get(&path).filter(|_| !instead.texts.contains_key(&path));
                let lines = problems.lines_of(&path);
                let entry = isolated.entry(path.clone());
                let entry =
                    entry.or_insert_with(|| Isolated { path: path.clone(), lines, kept: true });
                entry.kept = good.is_some();
                let was = instead.texts.insert(path, good.cloned().unwrap_or_default());
                if was.is_some_and(|was| was.is_empty()) {
                    // An empty file can have nothing against it.
                    return Err(problems);
                }
            }
        }
    }

    /// What was read is in force.
    pub fn accept(&mut self, good: Good) {
        self.good = good.0;
    }

    /// Whether anything is not as it was before the last reading, and what it is like now.
    pub fn changed(&mut self) -> Option<u64> {
        let now = self.look();
        let mut same = now == self.digest;
        let mut seen = format!("{now:x}");
        for (path, was) in &self.named {
            let digest = secret::digest(&read_bounded(path));
            same &= digest == *was;
            write!(seen, " {digest:x}").expect("writing to a string cannot fail");
        }
        (!same).then(|| stable_hash(&seen))
    }

    /// A number that is another one whenever a file has another content, comes or goes.
    fn look(&mut self) -> u64 {
        let text = include::read_text(&self.path).unwrap_or_else(|why| why);
        let main = stable_hash(&text);
        if self.main.0 != main {
            self.main = (main, patterns(&tree::parse(0, &text).0));
        }
        let mut seen = format!("{main:x}");
        let folder = self.path.parent().unwrap_or_else(|| Path::new(""));
        for path in
            self.main.1.iter().filter_map(|it| include::matches_of(folder, it).ok()).flatten()
        {
            let text = include::read_text(&path).unwrap_or_else(|why| why);
            write!(seen, "\n{} {:x}", path.display(), stable_hash(&text))
                .expect("writing to a string cannot fail");
        }
        stable_hash(&seen)
    }

    /// The included files that these errors are about. Where two files contradict each other, it is the one that has changed.
    /// None, if an error is about the main file alone.
    fn culprits(&self, problems: &Problems, unreadable: &[PathBuf]) -> BTreeSet<PathBuf> {
        let mut culprits: BTreeSet<PathBuf> = unreadable.iter().cloned().collect();
        let errors = problems.list.iter().filter(|it| it.kind().severity() == Severity::Error);
        for problem in errors.filter(|it| it.kind() != super::Kind::UnreadableInclude) {
            let files = problems.files_of(problem);
            let has_changed = |path: &&PathBuf| {
                let now = problems.sources.included().find(|(it, _)| it == path);
                now.is_some_and(|(_, text)| self.good.get(*path).is_none_or(|good| good != text))
            };
            match files.iter().find(has_changed).or(files.first()) {
                Some(path) => culprits.insert(path.clone()),
                None => return BTreeSet::new(),
            };
        }
        culprits
    }
}

impl Problems {
    /// The included files that a problem is about, the one where it stands first.
    fn files_of(&self, problem: &Problem) -> Vec<PathBuf> {
        let places = problem.place.iter().chain(problem.also.iter().map(|(place, _)| place));
        let included = places.filter(|place| place.file != 0);
        included.map(|place| self.sources.get(place.file).path.clone()).collect()
    }

    /// What is wrong with one file.
    fn lines_of(&self, path: &Path) -> Vec<String> {
        let about = |problem: &&Problem| self.files_of(problem).iter().any(|it| it == path);
        let errors = self.list.iter().filter(|it| it.kind().severity() == Severity::Error);
        errors.filter(about).map(|problem| self.line(problem)).collect()
    }
}

/// The patterns of files that a main file names.
fn patterns(main: &Table) -> Vec<String> {
    let list = |key: &str| match main.get(key).map(|node| &node.value) {
        Some(Value::List(list)) => list.iter().map(|node| &node.value).collect::<Vec<_>>(),
        _ => Vec::new(),
    };
    let text = |value: &Value| match value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    };
    let included = list("include").into_iter().filter_map(text);
    let targets = list("discover").into_iter().filter_map(|entry| match entry {
        Value::Table(entry) => text(&entry.get("file_sd")?.value),
        _ => None,
    });
    included.chain(targets).collect()
}

#[cfg(test)]
mod tests;
