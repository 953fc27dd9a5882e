//! Rules on the answer to an HTTP request: header fields, values in JSON, version, encryption.
//!
//! Patterns and paths are compiled; a rule is judged in `probe` and written in the words of the configuration.
//!
//! Nothing here looks at an answer.

use crate::model::words::words;
use crate::model::{HttpVersion, Pattern};
use std::fmt;
use std::sync::Arc;

words! {
    /// What it means when the header field of a rule is not there.
    Missing {
        /// The rule failed.
        Fail = "fail",
        /// The rule is not asked.
        Ok = "ok",
    }
}

/// A rule on the fields of one name: at least one must match, or none may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderRule {
    /// Which fields.
    pub name: http::HeaderName,
    /// What a value must, or must not, look like.
    pub pattern: Pattern,
    /// What it means when there is no such field.
    pub missing: Missing,
}

/// A rule on what a path selects in the JSON of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonRule {
    /// Where to look.
    pub path: JsonPath,
    /// What must be there.
    pub wanted: JsonWanted,
}

/// What must be where a path leads. The first two want at least one value, and hold for each that is selected.
#[derive(Clone, Debug, PartialEq)]
pub enum JsonWanted {
    /// This value, of this type.
    Equals(JsonScalar),
    /// A text, number, `true`, `false` or `null` that looks like this.
    Matches(Pattern),
    /// Anything at all, or nothing.
    Exists(bool),
}

/// No value of it is NaN: TOML's is refused in the configuration, JSON has none.
impl Eq for JsonWanted {}

/// A single value of JSON.
#[derive(Clone, Debug, PartialEq)]
pub enum JsonScalar {
    /// A string.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// `true` or `false`.
    Bool(bool),
}

impl fmt::Display for JsonScalar {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(out, "{text:?}"),
            Self::Integer(number) => write!(out, "{number}"),
            Self::Float(number) => write!(out, "{number}"),
            Self::Bool(value) => write!(out, "{value}"),
        }
    }
}

/// A compiled path into JSON (RFC 9535), shared by whoever uses it; the text is kept for messages.
#[derive(Clone, Debug)]
pub struct JsonPath(Arc<(String, serde_json_path::JsonPath)>);

impl JsonPath {
    /// A path that was compiled from `text`.
    pub fn new(text: &str, compiled: serde_json_path::JsonPath) -> Self {
        Self(Arc::new((text.to_owned(), compiled)))
    }

    /// The path itself.
    pub fn compiled(&self) -> &serde_json_path::JsonPath {
        &self.0.1
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&self.0.0)
    }
}

/// By the text.
impl PartialEq for JsonPath {
    fn eq(&self, other: &Self) -> bool {
        self.0.0 == other.0.0
    }
}

impl Eq for JsonPath {}

/// A set of versions of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HttpVersions(u8);

impl HttpVersions {
    /// Adds a version.
    pub fn insert(&mut self, version: HttpVersion) {
        self.0 |= 1 << version.index();
    }

    /// Whether it is in the set.
    pub const fn contains(self, version: HttpVersion) -> bool {
        self.0 & (1 << version.index()) != 0
    }

    /// Whether HTTP/2 is the only one, so that it is spoken without asking first.
    pub const fn only_two(self) -> bool {
        self.0 == 1 << HttpVersion::Http2.index()
    }

    /// Those in the set, in the order of [`HttpVersion::ALL`].
    pub fn iter(self) -> impl Iterator<Item = HttpVersion> {
        HttpVersion::ALL.iter().copied().filter(move |each| self.contains(*each))
    }
}

/// As in a request line, for a sentence.
impl fmt::Display for HttpVersions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, version) in self.iter().enumerate() {
            write!(out, "{}HTTP/{version}", if index == 0 { "" } else { " or " })?;
        }
        Ok(())
    }
}
