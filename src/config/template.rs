//! Texts with placeholders, and how a value is written where its placeholder stands.
//!
//! `{name}` with a lower-case name is a placeholder; `{{` is a literal `{`, and the `}}` that closes it a literal `}`.
//! Any other brace is itself, so that patterns (`[0-9]{2}`) and JSON bodies need no escaping. Where a dialogue sends, groups of
//! patterns may be meant, by name or number (`{1}`). A value is escaped for
//! where it stands: in a pattern, in the path or query of a URL, as the host of a URL.
//!
//! It does not know which values there are.

use super::source::{Place, place};
use std::fmt::Write as _;

/// A text with placeholders, taken apart.
#[derive(Clone, Debug)]
pub(super) struct Template {
    /// As it was written, after TOML's own escapes.
    pub(super) text: String,
    pub(super) place: Place,
    pieces: Vec<Piece>,
}

/// By what is said, wherever it stands; the same text can mean two things ([`Template::literal`]).
impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.pieces == other.pieces
    }
}

#[derive(Clone, Debug)]
enum Piece {
    Literal(String),
    /// A placeholder; its place within the text, where that could be told.
    Name(String, Place),
    /// A number in braces: itself, except where groups of patterns can be meant.
    Number(String, Place),
}

impl PartialEq for Piece {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Literal(one), Self::Literal(other))
            | (Self::Name(one, _), Self::Name(other, _))
            | (Self::Number(one, _), Self::Number(other, _)) => one == other,
            _ => false,
        }
    }
}

/// A part of a text in which groups of patterns can be meant.
#[derive(Debug)]
pub(super) enum Part {
    /// A text with placeholders.
    Text(Template),
    /// A group of a pattern, by its name or number.
    Group(String, Place),
}

/// What a text is, which decides how values are written into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    /// Nothing special: a body, a header, a line of dialogue.
    Plain,
    /// A regular expression.
    Pattern,
    /// A URL.
    Url,
    /// `host:port`.
    Address,
}

/// A `{name` without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unclosed {
    pub(super) place: Place,
}

/// Why a text could not be filled in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unfilled {
    /// Nothing has this name.
    NoValue { name: String, place: Place },
    /// The value cannot stand here.
    Misplaced { name: String, value: String, place: Place, why: &'static str },
}

impl Template {
    /// Takes `text` apart. `verbatim` is the position in the file of its first byte, if it stands there unescaped.
    pub(super) fn parse(text: String, at: Place, verbatim: Option<u32>) -> Result<Self, Unclosed> {
        let within = |from: usize, to: usize| match verbatim {
            Some(offset) => place(at.file, &(offset as usize + from..offset as usize + to)),
            None => at,
        };
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut doubled = 0_usize;
        let mut rest = text.as_str();
        while let Some(brace) = rest.find(['{', '}']) {
            literal.push_str(&rest[..brace]);
            rest = &rest[brace..];
            let position = text.len() - rest.len();
            if let Some(after) = rest.strip_prefix("{{") {
                literal.push('{');
                doubled += 1;
                rest = after;
            } else if doubled > 0 && rest.starts_with("}}") {
                literal.push('}');
                doubled -= 1;
                rest = &rest[2..];
            } else if let Some(length) = name_length(&rest[1..]).filter(|_| rest.starts_with('{')) {
                let name = &rest[1..=length];
                if !rest[1 + length..].starts_with('}') {
                    return Err(Unclosed { place: within(position, position + 1 + length) });
                }
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                }
                let name_place = within(position, position + length + 2);
                pieces.push(Piece::Name(name.to_owned(), name_place));
                rest = &rest[length + 2..];
            } else if let Some(length) = number_length(rest) {
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                }
                let number = rest[1..=length].to_owned();
                pieces.push(Piece::Number(number, within(position, position + length + 2)));
                rest = &rest[length + 2..];
            } else {
                literal.push_str(&rest[..1]);
                rest = &rest[1..];
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self { text, place: at, pieces })
    }

    /// A text that says the same for everybody, whatever braces are in it.
    pub(super) fn literal(text: String, place: Place) -> Self {
        Self { pieces: vec![Piece::Literal(text.clone())], text, place }
    }

    /// Whether it says the same for everybody.
    pub(super) fn is_constant(&self) -> bool {
        self.pieces.iter().all(|piece| !matches!(piece, Piece::Name(..)))
    }

    /// The text taken apart once more: numbers in braces, and those names that `is_group` knows, stand for groups.
    pub(super) fn parts(&self, is_group: impl Fn(&str) -> bool) -> Vec<Part> {
        let mut parts = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Number(name, place) => parts.push(Part::Group(name.clone(), *place)),
                Piece::Name(name, place) if is_group(name) => {
                    parts.push(Part::Group(name.clone(), *place));
                }
                piece => match parts.last_mut() {
                    Some(Part::Text(text)) => text.pieces.push(piece.clone()),
                    _ => parts.push(Part::Text(Self {
                        text: self.text.clone(),
                        place: self.place,
                        pieces: vec![piece.clone()],
                    })),
                },
            }
        }
        parts
    }

    /// The text with every placeholder replaced by its value, escaped for its position.
    pub(super) fn fill<'v>(
        &self,
        position: Position,
        value_of: impl Fn(&str) -> Option<&'v str>,
    ) -> Result<String, Unfilled> {
        let mut filled = String::with_capacity(self.text.len() + 32);
        for (index, piece) in self.pieces.iter().enumerate() {
            match piece {
                Piece::Literal(literal) => filled.push_str(literal),
                Piece::Number(number, _) => {
                    write!(filled, "{{{number}}}").expect("writing to a string cannot fail");
                }
                Piece::Name(name, place) => {
                    let value = value_of(name)
                        .ok_or_else(|| Unfilled::NoValue { name: name.clone(), place: *place })?;
                    let before_port = matches!(
                        self.pieces.get(index + 1),
                        Some(Piece::Literal(next)) if next.starts_with(':')
                    );
                    write_value(&mut filled, value, position, before_port).map_err(|why| {
                        Unfilled::Misplaced {
                            name: name.clone(),
                            value: value.to_owned(),
                            place: *place,
                            why,
                        }
                    })?;
                }
            }
        }
        Ok(filled)
    }
}

/// Length of the name at the start of `text`: lower-case letter first, then letters, digits, `_`, `-`.
fn name_length(text: &str) -> Option<usize> {
    if !text.starts_with(|first: char| first.is_ascii_lowercase()) {
        return None;
    }
    let end = text.find(|each: char| {
        !(each.is_ascii_lowercase() || each.is_ascii_digit() || matches!(each, '_' | '-'))
    });
    Some(end.unwrap_or(text.len()))
}

/// Length of the number in braces at the start of `text`, if there is one: `{1}`.
fn number_length(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('{')?;
    let end = inner.find(|each: char| !each.is_ascii_digit())?;
    (end > 0 && inner[end..].starts_with('}')).then_some(end)
}

fn write_value(
    filled: &mut String,
    value: &str,
    position: Position,
    before_port: bool,
) -> Result<(), &'static str> {
    match position {
        Position::Plain => filled.push_str(value),
        Position::Pattern => filled.push_str(&regex::escape(value)),
        Position::Address => push_host(filled, value, before_port),
        Position::Url => return write_into_url(filled, value),
    }
    Ok(())
}

/// IPv6 addresses get their brackets, unless the text has them already.
fn push_host(filled: &mut String, value: &str, needs_brackets: bool) {
    let bare = value.parse::<std::net::Ipv6Addr>().is_ok();
    if bare && needs_brackets && !filled.ends_with('[') {
        filled.push('[');
        filled.push_str(value);
        filled.push(']');
    } else {
        filled.push_str(value);
    }
}

fn write_into_url(filled: &mut String, value: &str) -> Result<(), &'static str> {
    let Some(authority) = filled.find("://").map(|at| at + 3) else {
        filled.push_str(value);
        return Ok(());
    };
    let Some(path) = filled[authority..].find(['/', '?', '#']).map(|at| authority + at) else {
        if value.contains(['/', '?', '#', '@', '\\']) || value.chars().any(char::is_whitespace) {
            return Err("it stands where the host of a URL is, and is not a host");
        }
        push_host(filled, value, true);
        return Ok(());
    };
    let in_query = filled[path..].contains(['?', '#']);
    for byte in value.bytes() {
        let kept = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'.' | b'_' | b'~')
            || (!in_query && matches!(byte, b'/' | b':' | b'@' | b',' | b'!' | b'$' | b'*'));
        if kept {
            filled.push(char::from(byte));
        } else {
            write!(filled, "%{byte:02X}").expect("writing to a string cannot fail");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HERE: Place = Place { file: 0, start: 10, end: 40 };

    fn filled(text: &str, position: Position) -> Result<String, Unfilled> {
        let template = Template::parse(text.to_owned(), HERE, Some(11)).unwrap();
        template.fill(position, |name| match name {
            "host" => Some("shop.example.com"),
            "six" => Some("2001:db8::1"),
            "odd" => Some("a b/c?d+(e)"),
            _ => None,
        })
    }

    fn fine(text: &str, position: Position) -> String {
        filled(text, position).unwrap()
    }

    #[test]
    fn placeholders_are_replaced_and_other_braces_stay() {
        assert_eq!(fine("{host}!", Position::Plain), "shop.example.com!");
        assert_eq!(fine("{{host}}", Position::Plain), "{host}");
        assert_eq!(fine("[0-9]{2}{2,3}", Position::Plain), "[0-9]{2}{2,3}");
        assert_eq!(fine(r#"{"a":{"b":1}}"#, Position::Plain), r#"{"a":{"b":1}}"#);
        assert_eq!(fine(r#"{{"a":"{host}"}}"#, Position::Plain), r#"{"a":"shop.example.com"}"#);
        assert_eq!(fine("} {", Position::Plain), "} {");
    }

    #[test]
    fn values_are_escaped_for_where_they_stand() {
        assert_eq!(fine("^{host}$", Position::Pattern), r"^shop\.example\.com$");
        assert_eq!(
            fine("https://{host}/{odd}", Position::Url),
            "https://shop.example.com/a%20b/c%3Fd%2B%28e%29"
        );
        assert_eq!(
            fine("https://{host}/?q={odd}", Position::Url),
            "https://shop.example.com/?q=a%20b%2Fc%3Fd%2B%28e%29"
        );
        assert_eq!(fine("https://{six}:8443/", Position::Url), "https://[2001:db8::1]:8443/");
        assert_eq!(fine("https://[{six}]/", Position::Url), "https://[2001:db8::1]/");
        assert_eq!(fine("{six}:25", Position::Address), "[2001:db8::1]:25");
        assert_eq!(fine("{six}", Position::Address), "2001:db8::1");
        assert_eq!(fine("{odd}", Position::Plain), "a b/c?d+(e)");
    }

    #[test]
    fn a_value_that_is_no_host_cannot_stand_as_one() {
        let refused = filled("https://{odd}/", Position::Url).unwrap_err();
        assert!(matches!(refused, Unfilled::Misplaced { name, .. } if name == "odd"));
    }

    #[test]
    fn a_placeholder_without_value_is_underlined_in_the_file() {
        let place = Place { file: 0, start: 19, end: 27 };
        assert_eq!(
            filled("https://{nobody}/", Position::Url),
            Err(Unfilled::NoValue { name: "nobody".to_owned(), place })
        );
    }

    #[test]
    fn an_unclosed_placeholder_is_found() {
        let place = Place { file: 0, start: 11, end: 16 };
        let unclosed = Template::parse("{host/x".to_owned(), HERE, Some(11)).unwrap_err();
        assert_eq!(unclosed, Unclosed { place });
    }

    proptest! {
        #[test]
        fn filling_never_panics(text in "\\PC{0,40}|[{}a-z:/?\\[\\]]{0,40}", value in "\\PC{0,20}") {
            if let Ok(template) = Template::parse(text, HERE, None) {
                for position in
                    [Position::Plain, Position::Pattern, Position::Url, Position::Address]
                {
                    let _ = template.fill(position, |_| Some(&value));
                }
            }
        }

        #[test]
        fn a_text_without_braces_is_itself(text in "[^{}]{0,40}") {
            let template = Template::parse(text.clone(), HERE, None).unwrap();
            prop_assert!(template.is_constant());
            prop_assert_eq!(template.fill(Position::Plain, |_| None), Ok(text));
        }
    }
}
