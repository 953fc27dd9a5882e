//! `headers_match`, `headers_lack` and `json`: rules on header fields and on values in JSON.
//!
//! Paths are compiled here, and kept to what costs no more than a walk over the body: one `..`, no absolute path inside a
//! filter, no wildcard twice in one pair of brackets. Patterns stay templates.
//!
//! It does not fill in placeholders.

use crate::config::decode::{Context, Section, read_template, section, wrong_type};
use crate::config::problem::{Kind, Problem};
use crate::config::raw::probe::read_pattern;
use crate::config::source::{At, Place};
use crate::config::template::Template;
use crate::config::tree::{Node, Value};
use crate::model::{JsonPath, JsonScalar, Missing};

/// The rules of a probe, as far as they are tables of their own.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::config) struct RawRules {
    pub(in crate::config) headers_match: Option<At<Vec<RawHeaderRule>>>,
    pub(in crate::config) headers_lack: Option<At<Vec<RawHeaderRule>>>,
    pub(in crate::config) json: Option<At<Vec<RawJsonRule>>>,
}

/// One of `headers_match` or `headers_lack`.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::config) struct RawHeaderRule {
    pub(in crate::config) name: http::HeaderName,
    pub(in crate::config) matches: Template,
    pub(in crate::config) missing: Option<Missing>,
}

/// One of `json`.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::config) struct RawJsonRule {
    pub(in crate::config) path: JsonPath,
    pub(in crate::config) wanted: RawJsonWanted,
}

/// What a path must lead to.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::config) enum RawJsonWanted {
    Scalar(JsonScalar),
    /// A text to be equal to, which may have placeholders.
    Text(Template),
    Matches(Template),
    Exists(bool),
}

const A_HEADER_RULE: &str = "`{ name = \"content-type\", matches = \"^application/json\" }`";
const A_JSON_RULE: &str = "`{ path = \"$.status\", equals = \"ok\" }`, or `matches`, or `exists`";
/// Longer paths are nobody's; characters.
const MAX_PATH: usize = 512;

pub(super) fn read_rules(table: &Section<'_>) -> RawRules {
    let expected = "a list of tables";
    RawRules {
        headers_match: table.list("headers_match", expected, read_header_rule),
        headers_lack: table.list("headers_lack", expected, read_header_rule),
        json: table.list("json", expected, read_json_rule),
    }
}

fn read_header_rule(context: Context<'_>, node: &Node, path: &str) -> Option<RawHeaderRule> {
    section(context, node, node.place, path.to_owned(), |rule| {
        for key in ["name", "matches"] {
            if !rule.has(key) {
                rule.missing(key, A_HEADER_RULE);
            }
        }
        let name = rule.string("name").and_then(|name| {
            let read = http::HeaderName::from_bytes(name.value.as_bytes());
            if read.is_err() {
                let said = format!("`{}` cannot be the name of a header", name.value);
                let problem = Problem::new(Kind::BadHeader, rule.path_of("name"), name.place, said);
                rule.report(problem.expected("letters, digits and `-`"));
            }
            read.ok()
        });
        let matches = rule.get("matches");
        let matches =
            matches.and_then(|node| read_pattern(context, node, &rule.path_of("matches")));
        let missing = rule.word("missing", Missing::ALL, Missing::as_str);
        Some(RawHeaderRule {
            name: name?,
            matches: matches?,
            missing: missing.map(|missing| missing.value),
        })
    })
    .flatten()
}

fn read_json_rule(context: Context<'_>, node: &Node, path: &str) -> Option<RawJsonRule> {
    section(context, node, node.place, path.to_owned(), |rule| {
        if !rule.has("path") {
            rule.missing("path", A_JSON_RULE);
        }
        rule.exclusive(&["equals", "matches", "exists"]);
        let path = rule.string("path").and_then(|text| read_path(rule, &text));
        let equals =
            rule.get("equals").and_then(|node| read_scalar(context, node, &rule.path_of("equals")));
        let matches = rule
            .get("matches")
            .and_then(|node| read_pattern(context, node, &rule.path_of("matches")))
            .map(RawJsonWanted::Matches);
        let exists = rule.flag("exists").map(|flag| RawJsonWanted::Exists(flag.value));
        if !["equals", "matches", "exists"].iter().any(|way| rule.has(way)) {
            rule.missing("equals", A_JSON_RULE);
        }
        Some(RawJsonRule { path: path?, wanted: equals.or(matches).or(exists)? })
    })
    .flatten()
}

fn read_scalar(context: Context<'_>, node: &Node, path: &str) -> Option<RawJsonWanted> {
    let expected = "a string, a number, `true` or `false`";
    Some(RawJsonWanted::Scalar(match &node.value {
        Value::Text(_) => {
            return read_template(context, node, path).map(RawJsonWanted::Text);
        }
        Value::Integer(number) => JsonScalar::Integer(*number),
        Value::Float(text) => match text.replace('_', "").parse() {
            Ok(number) if f64::is_finite(number) => JsonScalar::Float(number),
            _ => {
                let said = format!("`{text}` is no number of JSON");
                let problem = Problem::new(Kind::OutOfRange, path, node.place, said);
                context.sink.report(problem.expected(expected));
                return None;
            }
        },
        Value::Bool(value) => JsonScalar::Bool(*value),
        _ => {
            let hint = "a path leads into lists and tables: `$.list[0].name`".to_owned();
            wrong_type(context, node, path, expected, Some(hint));
            return None;
        }
    }))
}

fn read_path(rule: &Section<'_>, text: &At<String>) -> Option<JsonPath> {
    let compiled = if text.value.len() > MAX_PATH {
        Err(format!("it has more than {MAX_PATH} characters"))
    } else {
        serde_json_path::JsonPath::parse(&text.value)
            .map_err(|error| error.to_string())
            .and_then(|path| costly(&text.value).map_or(Ok(path), |why| Err(why.to_owned())))
    };
    match compiled {
        Ok(compiled) => Some(JsonPath::new(&text.value, compiled)),
        Err(why) => {
            rule.report(bad_path(rule.path_of("path"), text.place, &text.value, why));
            None
        }
    }
}

fn bad_path(path: String, place: Place, text: &str, why: String) -> Problem {
    Problem::new(Kind::BadJsonPath, path, place, format!("`{text}` is not a path into JSON"))
        .label(why)
        .expected("a path as in RFC 9535: `$.status`, `$.checks[0].state`, `$..error`")
}

/// Why looking along this path could cost more than a walk over the body: what a server sends decides how large that is.
fn costly(text: &str) -> Option<&'static str> {
    let mut descents = 0;
    // For each pair of brackets around: selectors in it that select many, and whether the one being read does.
    let mut brackets: Vec<(u32, bool)> = Vec::new();
    let mut quote = None;
    let mut rest = text.chars().skip(1).peekable();
    while let Some(each) = rest.next() {
        match (quote, each) {
            (Some(_), '\\') => drop(rest.next()),
            (Some(open), each) if each == open => quote = None,
            (None, '\'' | '"') => quote = Some(each),
            (None, '.') if rest.peek() == Some(&'.') => {
                rest.next();
                descents += 1;
            }
            (None, '$') => return Some("a filter in it starts at the root (`$`)"),
            (None, '[') => brackets.push((0, false)),
            (None, ']') => drop(brackets.pop()),
            (None, ',') => {
                if let Some((_, many)) = brackets.last_mut() {
                    *many = false;
                }
            }
            (None, '*' | ':' | '?') => {
                if let Some((count, many)) = brackets.last_mut() {
                    *count += u32::from(!*many);
                    *many = true;
                    if *count > 1 {
                        return Some("it selects many things twice in one pair of brackets");
                    }
                }
            }
            _ => {}
        }
    }
    (descents > 1).then_some("it descends (`..`) more than once")
}

#[cfg(test)]
mod tests {
    use super::costly;

    #[test]
    fn paths_that_cost_more_than_a_walk_are_told_from_those_that_do_not() {
        for fine in [
            "$.status",
            "$['a..b'][\"$..*\"]",
            "$..error",
            "$.list[0, 1, -1]",
            "$.list[1:10:2, 0]",
            "$.checks[?@.name == 'db' && @.tags[*] == 'x'].state",
            "$[?count(@.*) > 1]",
        ] {
            assert_eq!(costly(fine), None, "{fine}");
        }
        for dear in ["$..a..b", "$[?@.a == $.b]", "$[*, *]", "$[?@.a, 1:2]", "$..[?@..x]"] {
            assert!(costly(dear).is_some(), "{dear}");
        }
    }
}
