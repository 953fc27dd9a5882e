//! The files of a configuration: the main one and what it includes.
//!
//! A pattern of `include` has `*` and `?` in its last part only, is relative to the main file, and its matches are read
//! in the order of their names. A pattern without wildcards must name a file. Included files include nothing.
//!
//! It does not know what stands in them.

use super::decode::Context;
use super::problem::{Kind, Problem, Sink};
use super::source::{At, Sources};
use super::tree::{self, Node, Table, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// More files are a slip of a pattern.
const MAX_INCLUDES: usize = 1_000;

/// A file is not larger; bytes. 20 000 services of a hundred bytes are 2 MB.
const MAX_FILE: u64 = 64 << 20;

/// A file as a tree, with its number.
pub(super) struct File {
    pub(super) number: u16,
    pub(super) table: Table,
    /// Whether TOML had something against it.
    pub(super) broken: bool,
}

/// Reads and parses the text of one file, reporting what TOML has against it.
pub(super) fn add(sink: &Sink, sources: &mut Sources, path: PathBuf, text: String) -> File {
    let number = sources.add(path, text);
    let (table, errors) = tree::parse(number, &sources.get(number).text);
    let broken = !errors.is_empty();
    for error in errors {
        let said = error.said.lines().next().unwrap_or_default().to_owned();
        let rest: Vec<_> = error.said.lines().skip(1).collect();
        let problem = Problem::new(Kind::Syntax, "", error.place, said);
        sink.report(match rest.as_slice() {
            [] => problem,
            rest => problem.expected(rest.join(", ").trim_start_matches("expected ").to_owned()),
        });
    }
    File { number, table, broken }
}

/// Every file that the main one includes, with what is to be read in the place of some; and those that could not be read.
pub(super) fn read_includes(
    sink: &Sink,
    sources: &mut Sources,
    main: &Table,
    instead: &BTreeMap<PathBuf, String>,
) -> (Vec<File>, Vec<PathBuf>) {
    let Some(Node { value: Value::List(patterns), .. }) = main.get("include") else {
        return (Vec::new(), Vec::new());
    };
    let mut wanted: Vec<(PathBuf, At<String>)> = Vec::new();
    for node in patterns {
        let Value::Text(pattern) = &node.value else { continue };
        let pattern = At::new(pattern.clone(), node.place);
        match matches_of(sources.get(0).folder(), &pattern.value) {
            Ok(paths) => wanted.extend(paths.into_iter().map(|path| (path, pattern.clone()))),
            Err(why) => sink.report(unreadable(&pattern, why)),
        }
    }
    let (mut files, mut lost) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    wanted.retain(|(path, _)| seen.insert(path.clone()));
    for (index, (path, pattern)) in wanted.into_iter().enumerate() {
        if index == MAX_INCLUDES {
            sink.report(unreadable(&pattern, format!("there are more than {MAX_INCLUDES} files")));
            break;
        }
        match instead.get(&path).map_or_else(|| read_text(&path), |text| Ok(text.clone())) {
            Ok(text) => files.push(add(sink, sources, path, text)),
            Err(why) => {
                sink.report(unreadable(&pattern, why));
                lost.push(path);
            }
        }
    }
    (files, lost)
}

fn unreadable(pattern: &At<String>, why: String) -> Problem {
    let said = format!("`{}` could not be included", pattern.value);
    Problem::new(Kind::UnreadableInclude, "include", pattern.place, said)
        .label(why)
        .hint("paths are relative to this file")
}

/// The text of a configuration file.
pub(super) fn read_text(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let facts = std::fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("`{shown}` does not exist"),
        std::io::ErrorKind::PermissionDenied => format!("`{shown}` may not be read"),
        _ => format!("`{shown}`: {error}"),
    })?;
    if facts.is_dir() {
        return Err(format!("`{shown}` is a folder"));
    }
    if facts.len() > MAX_FILE {
        return Err(format!("`{shown}` is larger than 64 MiB"));
    }
    let bytes = std::fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::PermissionDenied => format!("`{shown}` may not be read"),
        _ => format!("`{shown}`: {error}"),
    })?;
    String::from_utf8(bytes).map_err(|error| {
        format!("`{shown}` is not UTF-8 from byte {} on", error.utf8_error().valid_up_to())
    })
}

/// The files that a pattern names, sorted by name.
pub(super) fn matches_of(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, String> {
    let path = folder.join(pattern);
    let is_wild = |text: &str| text.contains(['*', '?']);
    let Some(last) = path.file_name().and_then(|name| name.to_str()) else {
        return Err("it names no file".to_owned());
    };
    let parent = path.parent().unwrap_or_else(|| Path::new(""));
    if parent.to_str().is_some_and(is_wild) {
        return Err("a wildcard stands before the last `/`".to_owned());
    }
    if !is_wild(last) {
        return Ok(vec![path]);
    }
    let here = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let entries = match std::fs::read_dir(here) {
        Ok(entries) => entries,
        // A folder of drop-ins that nobody has made yet is like an empty one.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("`{}`: {error}", here.display())),
    };
    let mut found = Vec::new();
    for entry in entries.take(100 * MAX_INCLUDES) {
        let entry = entry.map_err(|error| format!("`{}`: {error}", here.display()))?;
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| !name.starts_with('.') && fits(last, name)) {
            found.push(parent.join(name));
        }
    }
    found.sort();
    Ok(found)
}

/// Whether `name` fits a pattern of `*` and `?`.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut in_name) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while in_name < name.len() {
        if pattern.get(at) == Some(&'*') {
            star = Some((at, in_name));
            at += 1;
        } else if pattern.get(at).is_some_and(|each| *each == '?' || *each == name[in_name]) {
            at += 1;
            in_name += 1;
        } else if let Some((star_at, taken)) = star {
            // The last star takes one more character.
            star = Some((star_at, taken + 1));
            at = star_at + 1;
            in_name = taken + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|each| *each == '*')
}

/// Drops follow-up problems of a file that is not TOML: what stands on the line of a syntax error, or below a table
/// header that could not be read, was misunderstood rather than miswritten.
pub(super) fn drop_misunderstandings(context: Context<'_>, broken: &[u16]) {
    let mut doubtful: Vec<(u16, std::ops::Range<usize>)> = Vec::new();
    context.sink.each(|problem| {
        if let Some(place) = problem.place.filter(|_| problem.kind == Kind::Syntax) {
            doubtful.push((
                place.file,
                misunderstood(&context.sources.get(place.file).text, place.start as usize),
            ));
        }
    });
    context.sink.retain(|problem| {
        let Some(place) = problem.place else { return true };
        problem.kind == Kind::Syntax
            || !broken.contains(&place.file)
            || (problem.kind != Kind::MissingKey
                && problem.kind != Kind::NoProtocol
                && !doubtful.iter().any(|(file, range)| {
                    *file == place.file && range.contains(&(place.start as usize))
                }))
    });
}

fn misunderstood(text: &str, at: usize) -> std::ops::Range<usize> {
    let at = super::source::floor_boundary(text, at);
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let line_end = text[at..].find('\n').map_or(text.len(), |end| at + end + 1);
    if !text[start..line_end].trim_start().starts_with('[') {
        return start..line_end;
    }
    let next_header = text[line_end..].find("\n[").map_or(text.len(), |end| line_end + end);
    start..next_header
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn wildcards_fit_as_in_a_shell() {
        assert!(fits("*.toml", "a.toml"));
        assert!(fits("a?c*", "abcdef"));
        assert!(fits("*b*b", "abab"));
        assert!(!fits("*.toml", "a.toml~"));
        assert!(!fits("a?c", "ac"));
    }
}
