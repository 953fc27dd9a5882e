//! What the far side of a TCP dialogue has said and no step has taken yet.
//!
//! Bounded: beyond [`LIMIT`] nothing more is let in, so a far side that never stops costs no memory and little time. A
//! line is looked at once it has ended and, while it has not, each time something came.
//!
//! It reads from no socket.

use bytes::{Bytes, BytesMut};
use regex::bytes::Regex;

/// Bytes that may wait for a match. A greeting takes a few hundred; a pattern is tried on all of it at each arrival, so
/// sixteen times more would let a slow drip cost seconds of computing.
pub(super) const LIMIT: usize = 16 * 1024;

/// Bytes that a sentence shows.
const SHOWN: usize = 80;

/// Smallest room for one read.
const ROOM: usize = 1024;

/// What has been said and not been taken.
#[derive(Default)]
pub(super) struct Heard {
    bytes: BytesMut,
    /// Lines before this offset were tried on the pattern and have ended, so they need no second try.
    tried: usize,
    /// Whether what was taken last ended within a line.
    within_line: bool,
}

/// Whether a pattern matched, and what the groups caught that were asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Matched {
    /// It did not.
    No,
    /// It did, but a group reaches to the end of what has come, and its line has not ended: more may belong to it.
    Growing,
    /// It did, and the text was taken.
    Yes(Vec<Bytes>),
}

impl Heard {
    /// Where more is to be read into; `None` when there is too much already.
    pub(super) fn room(&mut self) -> Option<&mut BytesMut> {
        if self.bytes.len() >= LIMIT {
            return None;
        }
        self.bytes.reserve(ROOM);
        Some(&mut self.bytes)
    }

    /// What no step has taken.
    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes everything up to the end of the first match: a line (without its end) that matches, or all of it together.
    ///
    /// `groups` are those that will be needed; with `hurry` one that may still grow is taken as it is.
    pub(super) fn take_match(&mut self, pattern: &Regex, groups: &[usize], hurry: bool) -> Matched {
        while self.tried < self.bytes.len() {
            let open = &self.bytes[self.tried..];
            let end = open.iter().position(|byte| *byte == b'\n');
            let line = without_return(end.map_or(open, |end| &open[..end]));
            let next = self.tried + end.map_or(open.len(), |end| end + 1);
            if pattern.is_match(line) {
                let Some(caught) = caught(pattern, groups, line, hurry || end.is_some()) else {
                    return Matched::Growing;
                };
                self.take(next);
                return Matched::Yes(caught);
            }
            if end.is_none() {
                break;
            }
            self.tried = next;
        }
        match pattern.find(&self.bytes) {
            Some(found) if !self.bytes.is_empty() => {
                let end = found.end();
                let ended = hurry || self.bytes.ends_with(b"\n");
                let Some(caught) = caught(pattern, groups, &self.bytes, ended) else {
                    return Matched::Growing;
                };
                self.take(end);
                Matched::Yes(caught)
            }
            _ => Matched::No,
        }
    }

    /// Takes the first line that has ended, without its end.
    pub(super) fn take_line(&mut self) -> Option<Bytes> {
        let end = self.bytes.iter().position(|byte| *byte == b'\n')?;
        let line = Bytes::copy_from_slice(without_return(&self.bytes[..end]));
        self.take(end + 1);
        Some(line)
    }

    /// Drops the rest of a line of which a match has taken the beginning, if it is there; whether no such rest is awaited.
    pub(super) fn end_line(&mut self) -> bool {
        if self.within_line {
            let end = self.bytes.iter().position(|byte| *byte == b'\n');
            self.take(end.map_or(self.bytes.len(), |end| end + 1));
        }
        !self.within_line
    }

    /// Takes so many bytes.
    pub(super) fn take(&mut self, length: usize) {
        let taken = self.bytes.split_to(length);
        self.tried = 0;
        if let Some(last) = taken.last() {
            self.within_line = *last != b'\n';
        }
    }
}

/// What the groups of a match caught; `None` if one of them reaches the end of a text that has not ended.
fn caught(pattern: &Regex, groups: &[usize], text: &[u8], ended: bool) -> Option<Vec<Bytes>> {
    if groups.is_empty() {
        return Some(Vec::new());
    }
    let captures = pattern.captures(text)?;
    let of = |group: &usize| match captures.get(*group) {
        Some(caught) if !ended && caught.end() == text.len() => None,
        Some(caught) => Some(Bytes::copy_from_slice(caught.as_bytes())),
        None => Some(Bytes::new()),
    };
    groups.iter().map(of).collect()
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Bytes as a sentence shows them: escaped, in backticks, cut after the first eighty.
pub(super) fn shown(bytes: &[u8]) -> String {
    let cut = &bytes[..bytes.len().min(SHOWN)];
    let more = if cut.len() < bytes.len() { "…" } else { "" };
    format!("`{}`{more}", cut.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(text: &str) -> Heard {
        Heard { bytes: text.into(), ..Heard::default() }
    }

    fn after(text: &str, pattern: &str) -> (bool, String) {
        let mut heard = heard(text);
        let matched = heard.take_match(&Regex::new(pattern).unwrap(), &[], false);
        let matched = matched == Matched::Yes(Vec::new());
        (matched, String::from_utf8(heard.rest().to_vec()).unwrap())
    }

    fn groups(text: &str, pattern: &str, groups: &[usize], hurry: bool) -> Option<Vec<String>> {
        match heard(text).take_match(&Regex::new(pattern).unwrap(), groups, hurry) {
            Matched::Yes(caught) => {
                let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
                Some(caught.iter().map(text).collect())
            }
            Matched::Growing => None,
            Matched::No => panic!("`{pattern}` does not match `{text}`"),
        }
    }

    #[test]
    fn groups_are_caught_whole() {
        let pattern = "^ready (\\w+)(?: of (\\w+))?";
        let some = |list: &[&str]| Some(list.iter().map(|&text| text.to_owned()).collect());
        assert_eq!(
            groups("hi\nready a1\r\n", pattern, &[1, 2, 0], false),
            some(&["a1", "", "ready a1"])
        );
        assert_eq!(groups("ready a", pattern, &[1], false), None, "more of it may come");
        assert_eq!(groups("ready a", pattern, &[1], true), some(&["a"]));
        assert_eq!(groups("ready a ", pattern, &[1], false), some(&["a"]), "it has ended");
        assert_eq!(groups("ready a", pattern, &[], false), some(&[]), "nobody wants it");
        assert_eq!(groups("a\nb=7", "(?s)a.*b=(\\d+)", &[1], false), None);
        assert_eq!(groups("a\nb=7\n", "(?s)a.*b=(\\d+)", &[1], false), some(&["7"]));
    }

    #[test]
    fn the_rest_of_a_line_that_was_matched_early_can_be_dropped() {
        let mut heard = heard("250 HE");
        assert!(heard.end_line(), "nothing was taken yet");
        assert_eq!(
            heard.take_match(&Regex::new("^250 ").unwrap(), &[], false),
            Matched::Yes(vec![])
        );
        assert!(!heard.end_line());
        heard.room().unwrap().extend_from_slice(b"L");
        assert!(!heard.end_line());
        heard.room().unwrap().extend_from_slice(b"P\r\n220 go\r\n");
        assert!(heard.end_line());
        assert_eq!(heard.rest(), b"220 go\r\n");
        assert!(heard.end_line());
        assert_eq!(heard.rest(), b"220 go\r\n");
    }

    #[test]
    fn a_match_takes_its_line_and_leaves_the_rest() {
        let rest = |text: &str| (true, text.to_owned());
        assert_eq!(after("220 here\r\n250 next\r\n", "^220 "), rest("250 next\r\n"));
        assert_eq!(after("250-a\r\n250-b\r\n250 c\r\nx", "^250 "), rest("x"));
        assert_eq!(after("+PONG\r\n", "^\\+PONG$"), rest(""));
        assert_eq!(after("login: ", "login: $"), rest(""));
        assert_eq!(after("a\r\nb\r\nc", "(?s)a.*b"), rest("\r\nc"));
        assert_eq!(after("", "x?"), (false, String::new()));
        assert_eq!(after("220 here", "^250"), (false, "220 here".to_owned()));
    }

    #[test]
    fn a_line_that_grows_is_tried_again() {
        let pattern = Regex::new("^SSH-2\\.0-").unwrap();
        let mut heard = heard("hello\nSSH-");
        assert_eq!(heard.take_match(&pattern, &[], false), Matched::No);
        heard.room().unwrap().extend_from_slice(b"2.0-x\n");
        assert_eq!(heard.take_match(&pattern, &[], false), Matched::Yes(Vec::new()));
        assert_eq!(heard.rest(), b"");
    }

    #[test]
    fn more_than_the_limit_is_not_let_in() {
        let mut heard = heard(&"x".repeat(LIMIT));
        assert!(heard.room().is_none());
    }

    #[test]
    fn what_is_shown_is_escaped_and_short() {
        assert_eq!(shown(b"554 no\r\n\x00"), r"`554 no\r\n\x00`");
        assert_eq!(shown(&[b'a'; 100]), format!("`{}`…", "a".repeat(80)));
    }
}
