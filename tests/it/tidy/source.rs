//! A source file as the rules read it: the text, and the same text with comments and strings blanked out.
//!
//! Blanking keeps every line break, so a line number in one is a line number in the other. Test code is what stands in
//! `tests.rs`, under a `tests/` folder, or from a `#[cfg(test)]` before an inline module to the end of the file.
//!
//! It does not follow macros or `include!`.

use std::fs;
use std::path::{Path, PathBuf};

/// One file.
pub(super) struct Source {
    /// Relative to the package, with `/`.
    pub(super) path: String,
    /// As it stands on disk.
    pub(super) text: String,
    /// With comments and the insides of strings replaced by spaces.
    pub(super) code: String,
}

impl Source {
    pub(super) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), code: blank(text) }
    }

    /// The top-level module this file belongs to (`src/probe/dns.rs` is `probe`), if it is in `src`.
    pub(super) fn room(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        let first = inside.split('/').next().unwrap_or(inside);
        Some(first.strip_suffix(".rs").unwrap_or(first))
    }

    /// The 1-based line of a byte offset.
    pub(super) fn line_at(&self, offset: usize) -> usize {
        self.code[..offset].matches('\n').count() + 1
    }

    /// How many lines from the top are not test code.
    pub(super) fn lines_of_program(&self) -> usize {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        if name == "tests.rs" || self.path.contains("/tests/") {
            return 0;
        }
        let lines: Vec<&str> = self.code.lines().collect();
        lines
            .iter()
            .enumerate()
            .position(|(at, line)| {
                line.trim() == "#[cfg(test)]"
                    && lines.get(at + 1).is_some_and(|next| {
                        next.trim_start().starts_with("mod ") && next.trim_end().ends_with('{')
                    })
            })
            .unwrap_or(lines.len())
    }

    /// Every place where `word` stands as a whole word in the code, as byte offsets.
    pub(super) fn words(&self, word: &str) -> Vec<usize> {
        let bytes = self.code.as_bytes();
        self.code
            .match_indices(word)
            .map(|(at, _)| at)
            .filter(|&at| at == 0 || !is_word(bytes[at - 1]))
            .filter(|&at| bytes.get(at + word.len()).is_none_or(|&next| !is_word(next)))
            .collect()
    }
}

/// Whether `byte` can be part of an identifier.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Every Rust file of the package, in the order of their paths.
pub(super) fn read_all() -> Vec<Source> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests", "benches"] {
        collect(&package.join(folder), &mut files);
    }
    files.sort();
    files
        .iter()
        .map(|file| {
            let text = fs::read_to_string(file).expect("a source file is readable UTF-8");
            let path = file.strip_prefix(package).expect("collected under the package");
            Source::new(&path.to_string_lossy(), &text)
        })
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).expect("the package's folders are readable");
    for entry in entries {
        let path = entry.expect("a folder's entries are readable").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// `text` with comments and the insides of strings and characters replaced by spaces, line breaks kept.
fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes[at..].starts_with(b"//") => find(bytes, at, b"\n").unwrap_or(bytes.len()),
            b'/' if bytes[at..].starts_with(b"/*") => end_of_block_comment(bytes, at),
            b'"' => end_of_string(bytes, at + 1),
            b'r' if starts_raw_string(bytes, at) => end_of_raw_string(bytes, at),
            b'\'' => end_of_character(bytes, at),
            _ => at,
        };
        for byte in &mut code[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end.max(at + 1);
    }
    String::from_utf8(code).expect("whole characters were replaced by spaces")
}

fn find(bytes: &[u8], from: usize, wanted: &[u8]) -> Option<usize> {
    bytes[from..].windows(wanted.len()).position(|window| window == wanted).map(|at| from + at)
}

fn end_of_block_comment(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0_u32);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            (at, depth) = (at + 2, depth + 1);
        } else if bytes[at..].starts_with(b"*/") {
            (at, depth) = (at + 2, depth - 1);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    at
}

fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

fn starts_raw_string(bytes: &[u8], at: usize) -> bool {
    let prefix = at == 0 || !is_word(bytes[at - 1]) || bytes[at - 1] == b'b';
    let rest = &bytes[at + 1..];
    let hashes = rest.iter().take_while(|&&byte| byte == b'#').count();
    prefix && rest.get(hashes) == Some(&b'"')
}

fn end_of_raw_string(bytes: &[u8], start: usize) -> usize {
    let hashes = bytes[start + 1..].iter().take_while(|&&byte| byte == b'#').count();
    let closing = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
    find(bytes, start + hashes + 2, &closing).map_or(bytes.len(), |at| at + closing.len())
}

/// A lifetime is no character: it has no closing quote after one character or an escape.
fn end_of_character(bytes: &[u8], start: usize) -> usize {
    if bytes.get(start + 1) == Some(&b'\\') {
        return find(bytes, start + 3, b"'").map_or(bytes.len(), |at| at + 1);
    }
    let width = match bytes.get(start + 1) {
        Some(0xC0..=0xDF) => 2,
        Some(0xE0..=0xEF) => 3,
        Some(0xF0..) => 4,
        _ => 1,
    };
    if bytes.get(start + 1 + width) == Some(&b'\'') { start + width + 2 } else { start }
}

#[test]
fn comments_and_strings_are_blanked_and_lines_kept() {
    let text = "a // b\n\"c\\\" d\" e /* f\n/* g */ h */ i\nr#\"j \" k\"# l 'm' '\\'' 'é' &'n o";
    let code = blank(text);
    assert_eq!(code.split_whitespace().collect::<Vec<_>>(), ["a", "e", "i", "l", "&'n", "o"]);
    assert_eq!(code.matches('\n').count(), 3);
}

#[test]
fn test_code_does_not_count_as_program() {
    let lines = |path, text| Source::new(path, text).lines_of_program();
    assert_eq!(lines("src/a.rs", "x\n#[cfg(test)]\nmod tests {\n}\n"), 1);
    assert_eq!(lines("src/a.rs", "x\n#[cfg(test)]\nmod tests;\n"), 3);
    assert_eq!(lines("src/a/tests.rs", "x\ny\n"), 0);
}
