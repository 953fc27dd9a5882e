//! `versions`, `encrypted`, `decompress`, `cookies`, `proxy`: on what way a request goes, and the answer comes.
//!
//! Sets are read as lists of words; the same word twice is the same set.
//!
//! It does not fill in placeholders.

use crate::config::decode::{Context, Section, bad_word, read_string};
use crate::config::problem::{Kind, Problem};
use crate::config::source::At;
use crate::config::template::Template;
use crate::config::tree::Node;
use crate::model::{Coding, Codings, HttpVersion, HttpVersions};

/// How requests of a probe travel.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::config) struct RawWay {
    pub(in crate::config) versions: Option<At<HttpVersions>>,
    pub(in crate::config) encrypted: Option<At<bool>>,
    pub(in crate::config) decompress: Option<At<Codings>>,
    pub(in crate::config) cookies: Option<At<bool>>,
    pub(in crate::config) proxy: Option<Template>,
}

pub(super) fn read_way(table: &Section<'_>) -> RawWay {
    RawWay {
        versions: read_versions(table),
        encrypted: table.flag("encrypted"),
        decompress: read_codings(table),
        cookies: table.flag("cookies"),
        proxy: table.template("proxy"),
    }
}

fn read_versions(table: &Section<'_>) -> Option<At<HttpVersions>> {
    let expected = "a list of versions: `[\"1.1\", \"2\"]`";
    let list = table.list("versions", expected, |context, node, path| {
        read_word(context, node, path, HttpVersion::ALL, HttpVersion::as_str)
    })?;
    if list.value.is_empty() {
        let said = "no version would do".to_owned();
        let problem = Problem::new(Kind::OutOfRange, table.path_of("versions"), list.place, said);
        table.report(problem.expected(expected));
        return None;
    }
    let mut versions = HttpVersions::default();
    list.value.iter().for_each(|version| versions.insert(*version));
    Some(At::new(versions, list.place))
}

fn read_codings(table: &Section<'_>) -> Option<At<Codings>> {
    let expected = "a list of codings: `[\"gzip\", \"deflate\"]`";
    let list = table.list("decompress", expected, |context, node, path| {
        read_word(context, node, path, Coding::ALL, Coding::as_str)
    })?;
    let mut codings: Vec<Coding> = Vec::new();
    for coding in list.value {
        if !codings.contains(&coding) {
            codings.push(coding);
        }
    }
    Some(At::new(Codings(codings.into()), list.place))
}

fn read_word<W: Copy>(
    context: Context<'_>,
    node: &Node,
    path: &str,
    all: &[W],
    spelling: impl Fn(W) -> &'static str,
) -> Option<W> {
    let text = read_string(context, node, path)?;
    let found = all.iter().copied().find(|word| spelling(*word) == text.value);
    if found.is_none() {
        let words: Vec<_> = all.iter().map(|word| spelling(*word)).collect();
        bad_word(context, &text, path, &words);
    }
    found
}
