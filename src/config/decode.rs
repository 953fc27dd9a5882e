//! The collecting decoder: typed values out of a tree, every problem noted, none fatal.
//!
//! A [`Section`] is one table being read. Each key that is asked for is known from then on; what was never asked for is
//! an unknown key when the section ends, with the nearest known key as a guess. A value that cannot be read is
//! reported and then treated as absent, so that one slip makes one problem.
//!
//! It does not know what the keys mean for each other.

use super::problem::{Kind, Problem, Sink, closest};
use super::source::{At, Place, Sources};
use super::template::Template;
use super::tree::{Node, Table, Value};
use super::units;
use std::cell::{Cell, RefCell};
use std::ops::RangeInclusive;
use std::time::Duration;

pub(super) const A_DURATION: &str =
    "a whole number with a unit: `800ms`, `30s`, `1m30s`, `2h`, `30d`, `4w`";

/// Keys that people write into the table of a protocol although they belong to the probe.
const SETTINGS: [&str; 11] = [
    "interval",
    "timeout",
    "recheck",
    "confirm",
    "hold",
    "ip",
    "pick",
    "slow_after",
    "max_latency",
    "counts",
    "vars",
];

/// What every reader needs.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) sink: &'a Sink,
    pub(super) sources: &'a Sources,
}

/// One table being read.
pub(super) struct Section<'a> {
    pub(super) context: Context<'a>,
    table: &'a Table,
    /// Where a missing key is reported: the name of the table.
    pub(super) place: Place,
    /// Dotted, without a final dot; empty for the file itself.
    pub(super) path: String,
    asked: RefCell<Vec<&'static str>>,
    /// Whether its keys are names, any of which is fine.
    open: Cell<bool>,
}

/// Reads `node` as a table with `read`, then reports the keys that `read` did not ask for.
pub(super) fn section<'a, T>(
    context: Context<'a>,
    node: &'a Node,
    place: Place,
    path: String,
    read: impl FnOnce(&Section<'a>) -> T,
) -> Option<T> {
    let Value::Table(table) = &node.value else {
        wrong_type(context, node, &path, "a table", None);
        return None;
    };
    Some(table_section(context, table, place, path, read))
}

/// As [`section`], for what is known to be a table.
pub(super) fn table_section<'a, T>(
    context: Context<'a>,
    table: &'a Table,
    place: Place,
    path: String,
    read: impl FnOnce(&Section<'a>) -> T,
) -> T {
    let section = Section {
        context,
        table,
        place,
        path,
        asked: RefCell::new(Vec::new()),
        open: Cell::new(false),
    };
    let value = read(&section);
    section.report_unknown_keys();
    value
}

pub(super) fn wrong_type(
    context: Context<'_>,
    node: &Node,
    path: &str,
    expected: &str,
    hint: Option<String>,
) {
    let said = format!("found {}", node.value.kind());
    let mut problem = Problem::new(Kind::WrongType, path, node.place, said)
        .label(format!("this is {}", node.value.kind()))
        .expected(expected);
    problem.hint = hint;
    context.sink.report(problem);
}

impl<'a> Section<'a> {
    /// The dotted path of one of its keys.
    pub(super) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The value of `key`, which is a known key from now on.
    pub(super) fn get(&self, key: &'static str) -> Option<&'a Node> {
        self.asked.borrow_mut().push(key);
        self.table.get(key)
    }

    /// Where `key` itself stands.
    pub(super) fn key_place(&self, key: &str) -> Place {
        self.table.key(key).map_or(self.place, |key| key.place)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.get(key).is_some()
    }

    /// Keys and values in the order of the file, for tables whose keys are names: none is unknown then.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a (At<String>, Node)> + use<'a> {
        self.open.set(true);
        self.table.entries.iter()
    }

    /// The keys in the order of the file.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'a At<String>> + use<'a> {
        self.table.entries.iter().map(|(key, _)| key)
    }

    /// Notes a problem with the value of `key`.
    pub(super) fn report(&self, problem: Problem) {
        self.context.sink.report(problem);
    }

    /// Notes that `key` must be there.
    pub(super) fn missing(&self, key: &str, expected: &str) {
        let said = format!("`{key}` is missing");
        let problem = Problem::new(Kind::MissingKey, self.path.clone(), self.place, said);
        self.report(problem.label(format!("needs `{key}`")).expected(expected));
    }

    /// Reports each of `keys` that is there as something this version cannot do.
    pub(super) fn unsupported(&self, keys: &[&'static str], hint: &str) {
        for key in keys {
            if self.get(key).is_some() {
                let said = "not supported yet";
                let place = self.key_place(key);
                let problem = Problem::new(Kind::NotSupported, self.path_of(key), place, said)
                    .label("this version cannot check it")
                    .hint(hint);
                self.report(problem);
            }
        }
    }

    /// Reports the first of `keys` after the first that is there: they exclude each other.
    pub(super) fn exclusive(&self, keys: &[&str]) {
        let mut present = keys.iter().filter(|key| self.has(key));
        let Some(first) = present.next() else { return };
        for second in present {
            let said = format!("`{first}` and `{second}` exclude each other");
            let problem =
                Problem::new(Kind::Conflict, self.path_of(second), self.key_place(second), said)
                    .label("also given here")
                    .also(self.key_place(first), "first given here")
                    .hint("keep one of them");
            self.report(problem);
        }
    }

    pub(super) fn string(&self, key: &'static str) -> Option<At<String>> {
        let node = self.get(key)?;
        read_string(self.context, node, &self.path_of(key))
    }

    pub(super) fn template(&self, key: &'static str) -> Option<Template> {
        let node = self.get(key)?;
        read_template(self.context, node, &self.path_of(key))
    }

    pub(super) fn templates(&self, key: &'static str) -> Option<At<Vec<Template>>> {
        self.list(key, "a list of strings", read_template)
    }

    pub(super) fn strings(&self, key: &'static str) -> Option<At<Vec<At<String>>>> {
        self.list(key, "a list of strings", read_string)
    }

    pub(super) fn flag(&self, key: &'static str) -> Option<At<bool>> {
        let node = self.get(key)?;
        if let Value::Bool(value) = node.value {
            return Some(At::new(value, node.place));
        }
        let hint = match &node.value {
            Value::Text(text) if text == "true" || text == "false" => {
                Some(format!("write `{key} = {text}`, without quotes"))
            }
            _ => None,
        };
        wrong_type(self.context, node, &self.path_of(key), "`true` or `false`", hint);
        None
    }

    /// A whole number in `range`.
    pub(super) fn integer(&self, key: &'static str, range: RangeInclusive<u32>) -> Option<At<u32>> {
        let node = self.get(key)?;
        let path = self.path_of(key);
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        let Value::Integer(value) = node.value else {
            let hint = match &node.value {
                Value::Text(text) if text.parse::<u32>().is_ok() => {
                    Some(format!("write `{key} = {text}`, without quotes"))
                }
                _ => None,
            };
            wrong_type(self.context, node, &path, &expected, hint);
            return None;
        };
        let fitting = u32::try_from(value).ok().filter(|value| range.contains(value));
        if fitting.is_none() {
            let said = format!("`{value}` is out of range");
            let problem = Problem::new(Kind::OutOfRange, path, node.place, said);
            self.report(problem.expected(expected));
        }
        fitting.map(|value| At::new(value, node.place))
    }

    pub(super) fn duration(&self, key: &'static str) -> Option<At<Duration>> {
        let node = self.get(key)?;
        read_duration(self.context, node, &self.path_of(key))
    }

    /// One of the words of a closed set.
    pub(super) fn word<W: Copy>(
        &self,
        key: &'static str,
        all: &[W],
        spelling: impl Fn(W) -> &'static str,
    ) -> Option<At<W>> {
        let text = self.string(key)?;
        let found = all.iter().copied().find(|word| spelling(*word) == text.value);
        if found.is_none() {
            let words: Vec<_> = all.iter().map(|word| spelling(*word)).collect();
            bad_word(self.context, &text, &self.path_of(key), &words);
        }
        found.map(|word| At::new(word, text.place))
    }

    /// Every element of a list that can be read; the list itself is reported when it is none.
    pub(super) fn list<T>(
        &self,
        key: &'static str,
        expected: &str,
        read: impl Fn(Context<'a>, &'a Node, &str) -> Option<T>,
    ) -> Option<At<Vec<T>>> {
        let node = self.get(key)?;
        let path = self.path_of(key);
        let Value::List(elements) = &node.value else {
            let quoted = match &node.value {
                Value::Text(_) | Value::Integer(_) => {
                    let written = self.context.sources.excerpt(
                        node.place.file,
                        node.place.start as usize..node.place.end as usize,
                    );
                    Some(format!("write `{key} = [{written}]`"))
                }
                _ => None,
            };
            let hint = quoted.filter(|hint| !hint.contains(['\n', '*']));
            wrong_type(self.context, node, &path, expected, hint);
            return None;
        };
        let values = elements
            .iter()
            .enumerate()
            .filter_map(|(index, each)| read(self.context, each, &format!("{path}[{index}]")))
            .collect();
        Some(At::new(values, node.place))
    }

    /// The table under `key`, read by `read`.
    pub(super) fn table<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&Section<'a>) -> T,
    ) -> Option<At<T>> {
        let node = self.get(key)?;
        let place = self.key_place(key);
        section(self.context, node, place, self.path_of(key), read)
            .map(|value| At::new(value, place))
    }

    /// Whether this is a table of a protocol, beside which the settings of the probe stand.
    fn is_of_a_probe(&self) -> bool {
        self.path.starts_with("probe.")
            && [".http", ".tcp", ".dns", ".exec", ".icmp", ".grpc", ".tls"]
                .iter()
                .any(|end| self.path.ends_with(end))
    }

    fn report_unknown_keys(&self) {
        if self.open.get() {
            return;
        }
        let asked = self.asked.borrow();
        for (key, _) in &self.table.entries {
            if asked.contains(&&*key.value) {
                continue;
            }
            let said = format!("unknown key `{}`", key.value);
            let path = self.path_of(&key.value);
            let free: Vec<_> = asked.iter().copied().filter(|known| !self.has(known)).collect();
            let guess = closest(&key.value, free.iter().copied());
            let elsewhere = self.is_of_a_probe() && SETTINGS.contains(&&*key.value);
            let mut problem = Problem::new(Kind::UnknownKey, path, key.place, said)
                .label("nothing has this name here");
            problem = match guess {
                _ if elsewhere => {
                    let table = self.path.rsplit_once('.').map_or("", |(table, _)| table);
                    problem.hint(format!("`{}` belongs one table up, to `[{table}]`", key.value))
                }
                Some(guess) => problem.hint(format!("did you mean `{guess}`?")),
                None => problem,
            };
            self.report(problem.expected(one_of(&asked)));
        }
    }
}

/// The words in backticks, each once, in the order given, as what is expected.
pub(super) fn one_of(words: &[&str]) -> String {
    let mut listed: Vec<String> = Vec::new();
    for word in words {
        let word = format!("`{word}`");
        if !listed.contains(&word) {
            listed.push(word);
        }
    }
    match listed.as_slice() {
        [single] => single.clone(),
        _ => format!("one of {}", listed.join(", ")),
    }
}

pub(super) fn bad_word(context: Context<'_>, text: &At<String>, path: &str, words: &[&str]) {
    let said = format!("unknown word `{}`", text.value);
    let problem = Problem::new(Kind::BadWord, path, text.place, said).expected(one_of(words));
    let lower = text.value.to_ascii_lowercase();
    context.sink.report(match closest(&lower, words.iter().copied()) {
        Some(guess) => problem.hint(format!("did you mean `{guess}`?")),
        None => problem,
    });
}

pub(super) fn read_string(context: Context<'_>, node: &Node, path: &str) -> Option<At<String>> {
    if let Value::Text(text) = &node.value {
        return Some(At::new(text.clone(), node.place));
    }
    wrong_type(context, node, path, "a string", None);
    None
}

pub(super) fn read_duration(context: Context<'_>, node: &Node, path: &str) -> Option<At<Duration>> {
    let text = match &node.value {
        Value::Text(text) => text,
        Value::Integer(number) => {
            let hint = format!("write `\"{number}s\"` for {number} seconds");
            wrong_type(context, node, path, A_DURATION, Some(hint));
            return None;
        }
        _ => {
            wrong_type(context, node, path, A_DURATION, None);
            return None;
        }
    };
    match units::duration(text) {
        Ok(span) => Some(At::new(span, node.place)),
        Err(why) => {
            let said = format!("`{text}` is not a duration");
            let mut problem = Problem::new(Kind::BadDuration, path, node.place, said)
                .label(why)
                .expected(A_DURATION);
            if let Some(guess) = units::duration_guess(text) {
                problem = problem.hint(format!("did you mean `{guess}`?"));
            }
            context.sink.report(problem);
            None
        }
    }
}

pub(super) fn read_template(context: Context<'_>, node: &Node, path: &str) -> Option<Template> {
    let text = read_string(context, node, path)?;
    template_of(context, &text, path)
}

/// Takes a text with placeholders apart.
pub(super) fn template_of(context: Context<'_>, text: &At<String>, path: &str) -> Option<Template> {
    let verbatim = verbatim_offset(context.sources, text);
    match Template::parse(text.value.clone(), text.place, verbatim) {
        Ok(template) => Some(template),
        Err(unclosed) => {
            let said = format!("a placeholder in `{}` is not closed", text.value);
            let problem = Problem::new(Kind::UnclosedPlaceholder, path, unclosed.place, said)
                .label("its `}` is missing")
                .expected("`{name}` with a lower-case name")
                .hint("a literal brace before a lower-case letter is written `{{`");
            context.sink.report(problem);
            None
        }
    }
}

/// Where the text of a string starts in its file, if it stands there without escapes.
fn verbatim_offset(sources: &Sources, text: &At<String>) -> Option<u32> {
    let file = &sources.get(text.place.file).text;
    let written = file.get(text.place.start as usize..text.place.end as usize)?;
    let inside = [1, 3].into_iter().find(|quotes| {
        written.get(*quotes..).is_some_and(|rest| {
            rest.starts_with(text.value.as_str()) && rest.len() == text.value.len() + quotes
        })
    })?;
    u32::try_from(inside).ok().map(|inside| text.place.start + inside)
}
