//! What the far side of a TCP dialogue has said and no step has taken yet.
//!
//! Bounded: beyond [`LIMIT`] nothing more is let in, so a far side that never stops costs no memory and little time. A
//! line is looked at once it has ended and, while it has not, each time something came.
//!
//! It reads from no socket.

use bytes::BytesMut;
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
    pub(super) fn take_match(&mut self, pattern: &Regex) -> bool {
        while self.tried < self.bytes.len() {
            let open = &self.bytes[self.tried..];
            let end = open.iter().position(|byte| *byte == b'\n');
            let line = end.map_or(open, |end| &open[..end]);
            let next = self.tried + end.map_or(open.len(), |end| end + 1);
            if pattern.is_match(without_return(line)) {
                self.take(next);
                return true;
            }
            if end.is_none() {
                break;
            }
            self.tried = next;
        }
        match pattern.find(&self.bytes) {
            Some(found) if !self.bytes.is_empty() => {
                let end = found.end();
                self.take(end);
                true
            }
            _ => false,
        }
    }

    /// Takes the first line that has ended, without its end.
    pub(super) fn take_line(&mut self) -> Option<BytesMut> {
        let end = self.bytes.iter().position(|byte| *byte == b'\n')?;
        let mut line = self.bytes.split_to(end + 1);
        line.truncate(without_return(&line[..end]).len());
        self.tried = 0;
        Some(line)
    }

    fn take(&mut self, length: usize) {
        let _ = self.bytes.split_to(length);
        self.tried = 0;
    }
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
        Heard { bytes: text.into(), tried: 0 }
    }

    fn after(text: &str, pattern: &str) -> (bool, String) {
        let mut heard = heard(text);
        let matched = heard.take_match(&Regex::new(pattern).unwrap());
        (matched, String::from_utf8(heard.rest().to_vec()).unwrap())
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
        assert!(!heard.take_match(&pattern));
        heard.room().unwrap().extend_from_slice(b"2.0-x\n");
        assert!(heard.take_match(&pattern));
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
