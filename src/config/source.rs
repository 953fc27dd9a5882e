//! Where a value of the configuration stands: in which file, from which byte to which.
//!
//! A [`Place`] is small and copied freely; the files themselves are in [`Sources`], which knows lines and columns. Text
//! that may hold a secret is masked in the copy that excerpts are cut from, byte for byte, so that places stay true.
//!
//! It does not know what the text means.

use super::discover::NAME;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Bytes of one file from `start` to before `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) file: u16,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

/// By what is said, wherever it stands.
impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T> At<T> {
    pub(super) fn new(value: T, place: Place) -> Self {
        Self { value, place }
    }
}

/// One file as it was read.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// As the person gave it, or relative to the file that includes it.
    pub(super) path: PathBuf,
    pub(super) text: String,
    /// First byte of every line.
    lines: Vec<usize>,
}

impl Source {
    /// The folder that relative paths in this file start from.
    pub(super) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or_else(|| Path::new(""))
    }
}

/// Every file that was read, in the order of reading.
#[derive(Debug, Default)]
pub(super) struct Sources {
    files: Vec<Source>,
    masked: RefCell<Vec<Place>>,
    /// What the files name and do not hold: secrets, certificates, bodies; with a digest of what was read, and whether those who
    /// use it look at it again by themselves.
    named: RefCell<BTreeMap<PathBuf, (u64, bool)>>,
}

impl Sources {
    /// Adds a file; its number is what places carry.
    pub(super) fn add(&mut self, path: PathBuf, text: String) -> u16 {
        let number = u16::try_from(self.files.len()).expect("the number of includes is bounded");
        for range in suspicious(&text) {
            self.masked.get_mut().push(place(number, &range));
        }
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(breaks).collect();
        self.files.push(Source { path, text, lines });
        number
    }

    /// Every file but the main one: its path and text.
    pub(super) fn included(&self) -> impl Iterator<Item = (&PathBuf, &str)> {
        let files = self.files.iter().skip(1).filter(|file| file.path != Path::new(NAME));
        files.map(|file| (&file.path, file.text.as_str()))
    }

    pub(super) fn get(&self, file: u16) -> &Source {
        &self.files[usize::from(file)]
    }

    /// Notes a file that the configuration names, and a digest of what was read there.
    pub(super) fn note(&self, path: &Path, digest: u64) {
        self.named.borrow_mut().insert(path.to_owned(), (digest, false));
    }

    /// Notes that whoever uses such a file looks at it again by itself.
    pub(super) fn follow(&self, path: &Path) {
        if let Some((_, followed)) = self.named.borrow_mut().get_mut(path) {
            *followed = true;
        }
    }

    /// The files that the configuration names, each with the digest of what was read there; of a configuration that is `used`
    /// without those that somebody follows.
    pub(super) fn named(&self, used: bool) -> BTreeMap<PathBuf, u64> {
        let named = self.named.borrow();
        let looked_at = named.iter().filter(|(_, (_, followed))| !(used && *followed));
        looked_at.map(|(path, (digest, _))| (path.clone(), *digest)).collect()
    }

    /// Hides what stands at `place` in every excerpt.
    pub(super) fn mask(&self, place: Place) {
        self.masked.borrow_mut().push(place);
    }

    /// Line and column, both from 1; the column counts characters.
    pub(super) fn line_and_column(&self, place: Place) -> (usize, usize) {
        let Source { text, lines, .. } = self.get(place.file);
        let start = floor_boundary(text, place.start as usize);
        let line = lines.partition_point(|first| *first <= start);
        (line, text[lines[line - 1]..start].chars().count() + 1)
    }

    /// `probes.toml:57`.
    pub(super) fn file_and_line(&self, place: Place) -> String {
        let (line, _) = self.line_and_column(place);
        format!("{}:{line}", self.get(place.file).path.display())
    }

    /// The text of `range` of a file, with masked bytes as `*` and without characters that would disturb a terminal.
    pub(super) fn excerpt(&self, file: u16, range: Range<usize>) -> String {
        let text = &self.get(file).text;
        let mut bytes = text.as_bytes()[range.clone()].to_vec();
        for mask in self.masked.borrow().iter().filter(|mask| mask.file == file) {
            let from = (mask.start as usize).clamp(range.start, range.end) - range.start;
            let to = (mask.end as usize).clamp(range.start, range.end) - range.start;
            for byte in bytes[from..to].iter_mut().filter(|byte| **byte != b'\n') {
                *byte = b'*';
            }
        }
        let masked =
            String::from_utf8(bytes).expect("masks and ranges lie on character boundaries");
        let mut shown = String::with_capacity(masked.len());
        for each in masked.chars() {
            if each != '\n' && disturbs(each) {
                shown.extend(std::iter::repeat_n(' ', each.len_utf8()));
            } else {
                shown.push(each);
            }
        }
        shown
    }
}

/// Whether a terminal would act on a character, or show what stands beside it in another order.
pub(super) fn disturbs(each: char) -> bool {
    each.is_control() || matches!(each, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The place of `range` in file number `file`.
pub(super) fn place(file: u16, range: &Range<usize>) -> Place {
    let byte = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Place { file, start: byte(range.start), end: byte(range.end) }
}

/// The nearest character boundary at or before `at`.
pub(super) fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Keys whose value is hidden in excerpts whenever it is written as text, even when the file cannot be read as TOML.
const SECRET_KEYS: [&str; 6] =
    ["password", "password_hash", "bearer", "authorization", "token", "secret"];

/// What stands in quotes directly behind `password =` and the like.
fn suspicious(text: &str) -> Vec<Range<usize>> {
    let lower = text.to_ascii_lowercase();
    let mut found = Vec::new();
    for key in SECRET_KEYS {
        for (at, _) in lower.match_indices(key) {
            let after = at + key.len();
            let rest = text[after..].trim_start_matches(['"', '\'', ' ', '\t']);
            let Some(rest) = rest.strip_prefix('=') else { continue };
            let rest = rest.trim_start_matches([' ', '\t']);
            let Some(quote) = rest.chars().next().filter(|first| matches!(first, '"' | '\''))
            else {
                continue;
            };
            let start = text.len() - rest.len() + 1;
            let length = text[start..].find([quote, '\n']).unwrap_or(text.len() - start);
            found.push(start..start + length);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_behind_a_secret_key_is_hidden_even_in_a_broken_file() {
        let mut sources = Sources::default();
        let text = "auth = { password = \"hunter2\nuser = \"mon\"\n".to_owned();
        let length = text.len();
        let file = sources.add(PathBuf::from("a.toml"), text);
        assert_eq!(
            sources.excerpt(file, 0..length),
            "auth = { password = \"*******\nuser = \"mon\"\n"
        );
    }

    #[test]
    fn nothing_in_an_excerpt_moves_the_cursor() {
        let mut sources = Sources::default();
        let text = "a = '\u{1b}[2J\u{9b}x\u{202e}'".to_owned();
        let length = text.len();
        let file = sources.add(PathBuf::from("a.toml"), text);
        assert_eq!(sources.excerpt(file, 0..length), "a = ' [2J  x   '");
    }

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        let mut sources = Sources::default();
        let file = sources.add(PathBuf::from("a.toml"), "x = 1\nä = 2\n".to_owned());
        assert_eq!(sources.line_and_column(place(file, &(9..10))), (2, 3));
    }
}
