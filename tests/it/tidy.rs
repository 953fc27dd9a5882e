//! Keeps the house in order: reads every Rust file of the package and compares it with the rules of the house.
//!
//! Each rule is a function from one source file to problems, and its own tests show that it fails on a bad text. The
//! table of floors is data, written once (`floors`); the rules on how files look are in `form`, on what may stand in
//! which room in `rooms`.
//!
//! It does not know Rust's grammar: it reads lines and words with comments and strings blanked out, which is enough for
//! code that rustfmt has laid out.

mod floors;
mod form;
mod manifest;
mod rooms;
mod source;

use source::{Source, read_all};
use std::fmt;

/// Where a rule is broken, and which rule.
#[derive(Debug, PartialEq, Eq)]
struct Problem {
    file: String,
    /// 1-based.
    line: usize,
    /// What was found.
    found: String,
    /// The rule, as a person should read it.
    rule: &'static str,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {} ({})", self.file, self.line, self.found, self.rule)
    }
}

/// Applies `rule` to every file of the package whose path starts with one of `folders`.
fn keep(folders: &[&str], rule: fn(&Source) -> Vec<Problem>) {
    let sources = read_all();
    let read: Vec<&Source> = sources
        .iter()
        .filter(|source| folders.iter().any(|folder| source.path.starts_with(folder)))
        .collect();
    assert!(!read.is_empty(), "no file under {folders:?}: the test looks in the wrong place");
    let problems: Vec<String> =
        read.into_iter().flat_map(rule).map(|problem| problem.to_string()).collect();
    assert!(problems.is_empty(), "{} problem(s)\n{}", problems.len(), problems.join("\n"));
}

/// What `rule` finds in `text` at `path`, as `line: found`.
fn found(path: &str, text: &str, rule: fn(&Source) -> Vec<Problem>) -> Vec<String> {
    rule(&Source::new(path, text))
        .into_iter()
        .map(|problem| format!("{}: {}", problem.line, problem.found))
        .collect()
}

/// No problem, in the form of [`found`].
const NOTHING: [&str; 0] = [];
