//! One probe being written: lines that may turn out not to be understood, and comments.
//!
//! A finished draft is tried on the configuration's own reader, with a service that uses it. A line that it refuses (a
//! pattern that is none here, a file that is not there, an expectation that is not built) becomes a comment with the
//! reason; if the probe itself cannot be had, all of it does.
//!
//! It does not know where lines come from.

use super::yaml::Yaml;
use crate::config::{Kind, Problem, Severity, load_text};
use std::fmt::Write as _;
use std::path::Path;

const INFALLIBLE: &str = "writing to a string cannot fail";

/// One probe.
pub(super) struct Draft {
    name: String,
    /// Those of the probe itself, then of each table, in the order of first use.
    tables: Vec<(String, Vec<Line>)>,
    refused: Option<String>,
}

enum Line {
    /// `key = value`.
    Set { key: String, value: String },
    /// The same for when a file is there that it names.
    Later { key: String, value: String },
    /// Words for a person.
    Comment(String),
}

impl Draft {
    pub(super) fn new(name: &str) -> Self {
        Self { name: plain(name), tables: vec![(String::new(), Vec::new())], refused: None }
    }

    /// What holds for every kind of probe.
    pub(super) fn settings(&mut self, timeout: &str) {
        if timeout.is_empty() {
            return;
        }
        self.set("", "timeout", quoted(timeout));
        let longest = std::time::Duration::from_secs(30);
        if crate::config::parse_duration(timeout).is_ok_and(|timeout| timeout > longest) {
            self.comment("", "a run must end before the next is due");
            self.set("", "interval", quoted(timeout));
        }
    }

    fn lines(&mut self, table: &str) -> &mut Vec<Line> {
        let place = self.tables.iter().position(|(name, _)| name == table).unwrap_or_else(|| {
            self.tables.push((table.to_owned(), Vec::new()));
            self.tables.len() - 1
        });
        &mut self.tables[place].1
    }

    /// A line of `table` (`""` is the probe itself); the value is TOML. What the module says of the same key again takes the
    /// place of what it said before.
    pub(super) fn set(&mut self, table: &str, key: &str, value: impl Into<String>) {
        let (value, lines) = (value.into(), self.lines(table));
        let said = lines.iter_mut().find_map(|line| match line {
            Line::Set { key: known, value } if known == key => Some(value),
            _ => None,
        });
        let Some(said) = said else {
            lines.push(Line::Set { key: key.to_owned(), value });
            return;
        };
        if *said != value {
            let before = std::mem::replace(said, value);
            let words = format!("`{key}` is said twice there: this one holds, and not `{before}`");
            lines.push(Line::Comment(words));
        }
    }

    pub(super) fn comment(&mut self, table: &str, words: impl Into<String>) {
        self.lines(table).push(Line::Comment(words.into()));
    }

    /// Whether `key` of `table` is said already.
    pub(super) fn has(&mut self, table: &str, key: &str) -> bool {
        self.lines(table)
            .iter()
            .any(|line| matches!(line, Line::Set { key: known, .. } if known == key))
    }

    /// A key without an equal.
    pub(super) fn lost(&mut self, key: &str, value: &Yaml, why: &str) {
        // A long value helps nobody, and a secret nobody at all.
        let text = without_secrets(key, value).text();
        let text: String = text.replace(char::is_control, " ").chars().take(120).collect();
        let words = format!("no equal for `{key}: {text}`: {why}");
        let main = self.tables.iter().rposition(|(table, _)| !table.contains('.'));
        self.tables[main.unwrap_or_default()].1.push(Line::Comment(words));
    }

    /// A reference to a secret: the file that the module names, or one into which it is to be written.
    pub(super) fn secret(&mut self, table: &str, what: &str, file: Option<String>) -> String {
        let file = file.unwrap_or_else(|| {
            let file = format!("{}.{what}.secret", self.name);
            self.comment(table, format!("the {what} stood in the module: write it into `{file}`"));
            file
        });
        format!("{{ file = {} }}", quoted(&file))
    }

    /// The probe as a whole has no equal.
    pub(super) fn refuse(&mut self, why: &str) {
        self.refused = Some(why.to_owned());
    }

    /// Writes it to `out`; gives the first table's name (`http`, `tcp`, …) if it is a probe and not only comments.
    pub(super) fn into_text(mut self, folder: &Path, out: &mut String) -> Option<String> {
        while self.refused.is_none() {
            let found = ["https", "http"].map(|scheme| self.errors(folder, scheme));
            let found = found.into_iter().min_by_key(Vec::len).unwrap_or_default();
            if found.is_empty() {
                break;
            }
            let first = found.first().map(|error| error.said.clone()).unwrap_or_default();
            let mut changed = false;
            for error in found {
                changed |= self.give_up(&error);
            }
            if !changed {
                self.refused = Some(first);
            }
        }
        let text = self.write();
        out.push('\n');
        if let Some(why) = &self.refused {
            writeln!(out, "# The module `{}` has no equal: {why}.", self.name).expect(INFALLIBLE);
            for line in text.lines().filter(|line| !line.is_empty()) {
                writeln!(out, "# {line}").expect(INFALLIBLE);
            }
            return None;
        }
        out.push_str(&text);
        self.tables.get(1).map(|(kind, _)| kind.clone())
    }

    /// Turns the line that `path` is about into a comment; whether there was one.
    fn give_up(&mut self, Error { path, said, is_later }: &Error) -> bool {
        let Some(rest) = path.strip_prefix(&format!("probe.{}", self.name)) else { return false };
        let rest = rest.trim_start_matches('.');
        for (table, lines) in &mut self.tables {
            let inner =
                if table.is_empty() { Some(rest) } else { rest.strip_prefix(table.as_str()) };
            let Some(inner) = inner.map(|inner| inner.trim_start_matches('.')) else { continue };
            for line in lines {
                let Line::Set { key, value } = line else { continue };
                let is_it = inner
                    .strip_prefix(key.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
                if is_it {
                    *line = if *is_later {
                        Line::Later { key: key.clone(), value: value.clone() }
                    } else {
                        Line::Comment(format!("no equal for `{key} = {value}`: {said}"))
                    };
                    return true;
                }
            }
        }
        false
    }

    fn write(&self) -> String {
        let mut out = String::new();
        for (table, lines) in &self.tables {
            let dot = if table.is_empty() { "" } else { "." };
            writeln!(out, "[probe.{}{dot}{table}]", self.key()).expect(INFALLIBLE);
            for line in lines {
                match line {
                    Line::Set { key, value } => writeln!(out, "{} = {value}", key_of(key)),
                    Line::Later { key, value } => {
                        let now = "the file cannot be read here; take the `#` away where it can:";
                        writeln!(out, "# {now}\n# {} = {value}", key_of(key))
                    }
                    Line::Comment(words) => {
                        let words: Vec<_> = words.split_whitespace().collect();
                        writeln!(out, "# {}", without_users(&words.join(" ")))
                    }
                }
                .expect(INFALLIBLE);
            }
        }
        out
    }

    /// Each error, if a service uses it: what is only known with a target is looked at as well.
    fn errors(&self, folder: &Path, scheme: &str) -> Vec<Error> {
        let probe = quoted(&self.name);
        let used = format!(
            "[provider.trial]\nhost = \"trial.example\"\n[service.trial]\nprobes = [{probe}]\n\
             vars = {{ url = \"{scheme}://trial.example\", address = \"trial.example:1\", server = \"192.0.2.1\" }}\n"
        );
        let problems =
            load_text(&folder.join("probes.toml"), self.write() + &used).err().map(|problems| {
                let errors =
                    problems.iter().filter(|each| each.kind().severity() == Severity::Error);
                let error = |each: &Problem| Error {
                    path: each.path().to_owned(),
                    said: each.said().to_owned(),
                    is_later: matches!(each.kind(), Kind::SecretMissing | Kind::UnreadableFile),
                };
                errors.map(error).collect()
            });
        problems.unwrap_or_default()
    }

    /// As it stands between the dots of a table.
    fn key(&self) -> String {
        key_of(&self.name)
    }
}

/// What the configuration's reader says of a draft.
struct Error {
    path: String,
    said: String,
    /// Whether only a file is missing, which a person has to bring or has elsewhere.
    is_later: bool,
}

/// A key, in quotes if it has to be.
fn key_of(name: &str) -> String {
    let bare = |each: char| each.is_ascii_alphanumeric() || matches!(each, '_' | '-');
    if !name.is_empty() && name.chars().all(bare) { name.to_owned() } else { quoted(name) }
}

/// Whether what has this name, a key or a header, is nothing to be repeated.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["password", "passwd", "auth", "token", "secret", "credential", "key", "cookie", "session"]
        .iter()
        .any(|word| name.contains(word))
}

const NOT_SHOWN: &str = "(not shown)";

/// `value` of `key` without what is nothing to be repeated, however deep.
fn without_secrets(key: &str, value: &Yaml) -> Yaml {
    let hidden = |value: &Yaml| {
        let said = matches!(value, Yaml::Text(_) | Yaml::List(_));
        if said { Yaml::Text(NOT_SHOWN.to_owned()) } else { without_secrets("", value) }
    };
    match value {
        _ if is_secret(key) && !matches!(value, Yaml::Map(_)) => Yaml::Text(NOT_SHOWN.to_owned()),
        Yaml::List(list) => {
            Yaml::List(list.iter().map(|each| without_secrets(key, each)).collect())
        }
        Yaml::Map(map) => {
            let of_headers = key.contains("header");
            let pair = |(name, value): &(String, Yaml)| {
                let hide = of_headers || is_secret(name) || is_secret(key);
                let value = if hide { hidden(value) } else { without_secrets(name, value) };
                (name.clone(), value)
            };
            Yaml::Map(map.iter().map(pair).collect())
        }
        _ => value.clone(),
    }
}

/// `text` without the users and passwords of URLs.
pub(super) fn without_users(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after.find(['/', '?', '#', ' ', '\'', '"', '`']).unwrap_or(after.len());
        rest = match after[..end].rfind('@') {
            Some(user) => {
                out.push_str(NOT_SHOWN);
                &after[user..]
            }
            None => after,
        };
    }
    out + rest
}

/// A name that the configuration takes.
pub(super) fn plain(name: &str) -> String {
    let fine = |each: char| each.is_ascii_alphanumeric() || matches!(each, '.' | '_' | '-');
    name.chars().map(|each| if fine(each) { each } else { '-' }).collect()
}

/// A TOML string of this text; one with backslashes is written so that they are themselves.
pub(super) fn quoted(text: &str) -> String {
    let plain = !text.contains(|each: char| each == '\'' || each.is_control());
    if plain && text.contains(['\\', '"']) {
        return format!("'{text}'");
    }
    let mut out = String::from("\"");
    for each in text.chars() {
        match each {
            '"' | '\\' => out.extend(['\\', each]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            each if each.is_control() => {
                write!(out, "\\u{:04X}", u32::from(each)).expect(INFALLIBLE);
            }
            each => out.push(each),
        }
    }
    out + "\""
}

/// A TOML string in which every brace is itself.
pub(super) fn literal(text: &str) -> String {
    let mut escaped = String::new();
    let mut rest = text.chars().peekable();
    let mut open = 0_usize;
    while let Some(each) = rest.next() {
        // `{name}` would be a placeholder; `{2}` and `{"a"` are not.
        if each == '{' && rest.peek().is_some_and(char::is_ascii_lowercase) {
            escaped.push_str("{{");
            open += 1;
        } else if each == '}' && open > 0 {
            escaped.push_str("}}");
            open -= 1;
        } else {
            escaped.push(each);
        }
    }
    quoted(&escaped)
}

/// A TOML list of texts, each as `write` has it.
pub(super) fn list(texts: &[String], write: impl Fn(&str) -> String) -> String {
    let texts: Vec<_> = texts.iter().map(|text| write(text)).collect();
    format!("[{}]", texts.join(", "))
}
