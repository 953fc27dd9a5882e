//! `[probe.NAME.http]`: one request and what its answer must be.
//!
//! Every key is asked for even when one that must be there is missing, so that none counts as unknown. Credentials are
//! taken by reference only.
//!
//! It does not fill in placeholders.

mod auth;
mod rules;
mod way;

pub(in crate::config) use auth::RawAuth;
pub(super) use auth::read_auth;
pub(in crate::config) use rules::{RawJsonWanted, RawRules};

use super::probe::read_patterns;
use crate::config::decode::{Section, read_template, section, wrong_type};
use crate::config::problem::{Kind, Problem};
use crate::config::secret::{file_of, read_secret};
use crate::config::source::At;
use crate::config::template::Template;
use crate::config::tree::Value;
use crate::config::units;
use crate::model::{Redirects, Secret, StatusRules, is_credential};
use auth::read_probe_auth;
use rules::read_rules;
use std::ops::RangeInclusive;
use way::{RawWay, read_way};

/// `[probe.NAME.http]`.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::config) struct RawHttp {
    pub(in crate::config) url: Template,
    pub(in crate::config) method: Option<At<http::Method>>,
    pub(in crate::config) headers: Vec<(At<http::HeaderName>, RawHeader)>,
    pub(in crate::config) body: Option<RawBody>,
    pub(in crate::config) status: Option<At<StatusRules>>,
    pub(in crate::config) body_matches: Option<At<Vec<Template>>>,
    pub(in crate::config) body_lacks: Option<At<Vec<Template>>>,
    pub(in crate::config) redirects: Option<At<Redirects>>,
    pub(in crate::config) auth: Option<At<RawAuth>>,
    pub(in crate::config) body_limit: Option<At<u64>>,
    pub(in crate::config) connect_to: Option<Template>,
    pub(in crate::config) rules: RawRules,
    pub(in crate::config) way: RawWay,
}

/// The value of a header.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::config) enum RawHeader {
    Text(Template),
    Secret(At<Secret>),
}

/// The body of a request.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::config) enum RawBody {
    Text(Template),
    File(At<bytes::Bytes>),
}

pub(super) fn read_http(table: &Section<'_>) -> Option<RawHttp> {
    let url = table.template("url");
    if !table.has("url") {
        table.missing("url", "`url = \"https://{host}/\"`");
    }
    table.exclusive(&["body", "body_file"]);
    let text = table.template("body");
    let file = file_of(table, "body_file");
    // Every key is asked for before the missing one ends this, or it would count as unknown.
    let method = table.string("method").and_then(|text| read_method(table, &text));
    let headers = table.table("headers", read_headers);
    let status = read_status(table);
    let body_matches = read_patterns(table, "body_matches");
    let body_lacks = read_patterns(table, "body_lacks");
    let redirects = read_redirects(table);
    let auth = table.table("auth", read_probe_auth);
    let body_limit = read_body_limit(table);
    let connect_to = table.template("connect_to");
    let rules = read_rules(table);
    let way = read_way(table);
    Some(RawHttp {
        url: url?,
        method,
        headers: headers.map_or_else(Vec::new, |found| found.value),
        body: text
            .map(RawBody::Text)
            .or(file.map(|(path, bytes)| RawBody::File(At::new(bytes.into(), path.place)))),
        status,
        body_matches,
        body_lacks,
        redirects,
        auth: auth.and_then(|auth| Some(At::new(auth.value?, auth.place))),
        body_limit,
        connect_to,
        rules,
        way,
    })
}

fn read_method(table: &Section<'_>, text: &At<String>) -> Option<At<http::Method>> {
    let upper = text.value.to_ascii_uppercase();
    let method = http::Method::from_bytes(text.value.as_bytes()).ok();
    // Methods are case-sensitive, and nobody means `get`.
    let fine = method.filter(|_| upper == text.value);
    if fine.is_none() {
        let said = format!("`{}` is not a method", text.value);
        let mut problem = Problem::new(Kind::BadMethod, table.path_of("method"), text.place, said)
            .expected("a method in capitals, such as `GET`, `HEAD` or `POST`");
        if http::Method::from_bytes(upper.as_bytes()).is_ok() {
            problem = problem.hint(format!("did you mean `{upper}`?"));
        }
        table.report(problem);
    }
    fine.map(|method| At::new(method, text.place))
}

fn read_headers(table: &Section<'_>) -> Vec<(At<http::HeaderName>, RawHeader)> {
    let mut headers = Vec::new();
    for (key, node) in table.names() {
        let path = table.path_of(&key.value);
        let Ok(name) = http::HeaderName::from_bytes(key.value.as_bytes()) else {
            let said = format!("`{}` cannot be the name of a header", key.value);
            let problem = Problem::new(Kind::BadHeader, path, key.place, said);
            table.report(problem.expected("letters, digits and `-`"));
            continue;
        };
        let value = match &node.value {
            Value::Text(_) if is_credential(&name) => {
                read_secret(table.context, node, &path).map(RawHeader::Secret)
            }
            Value::Table(_) => read_secret(table.context, node, &path).map(RawHeader::Secret),
            _ => read_template(table.context, node, &path).map(RawHeader::Text),
        };
        headers.extend(value.map(|value| (At::new(name, key.place), value)));
    }
    headers
}

fn read_status(table: &Section<'_>) -> Option<At<StatusRules>> {
    let expected = "a list of codes (`200`), classes (`\"2xx\"`) and ranges (`\"200-204\"`)";
    let rules = table.list("status", expected, |context, node, path| {
        let range = match &node.value {
            Value::Integer(code) => u16::try_from(*code).ok().map(|code| code..=code),
            Value::Text(text) => status_range(text),
            _ => {
                wrong_type(context, node, path, "a code, a class or a range", None);
                return None;
            }
        };
        let range = range.filter(|range| {
            *range.start() >= 100 && *range.end() <= 599 && range.start() <= range.end()
        });
        if range.is_none() {
            let written = match &node.value {
                Value::Text(text) => text.clone(),
                Value::Integer(code) => code.to_string(),
                _ => String::new(),
            };
            let said = format!("`{written}` is not a status");
            let problem = Problem::new(Kind::BadStatus, path, node.place, said).expected(
                "a code (`200`), a class (`\"2xx\"`) or a range (`\"200-204\"`), within 100 to 599",
            );
            context.sink.report(problem);
        }
        range
    })?;
    if rules.value.is_empty() {
        return None;
    }
    Some(At::new(StatusRules(rules.value), rules.place))
}

fn status_range(text: &str) -> Option<RangeInclusive<u16>> {
    if let Some(class) = text.strip_suffix("xx") {
        let class: u16 = class.parse().ok().filter(|class| (1..=5).contains(class))?;
        return Some(class * 100..=class * 100 + 99);
    }
    match text.split_once('-') {
        Some((from, to)) => Some(from.trim().parse().ok()?..=to.trim().parse().ok()?),
        None => text.parse().ok().map(|code| code..=code),
    }
}

fn read_redirects(table: &Section<'_>) -> Option<At<Redirects>> {
    let node = table.get("redirects")?;
    let path = table.path_of("redirects");
    match &node.value {
        Value::Bool(false) => Some(At::new(Redirects::Off, node.place)),
        Value::Table(_) => {
            let limit = section(table.context, node, node.place, path, |inner| {
                let limit = inner.integer("limit", 1..=20);
                if !inner.has("limit") {
                    inner.missing("limit", "`limit = 10`");
                }
                limit
            })??;
            let hops = u8::try_from(limit.value).expect("the range ends at 20");
            Some(At::new(Redirects::Limit(hops), node.place))
        }
        _ => {
            wrong_type(table.context, node, &path, "`false` or `{ limit = 10 }`", None);
            None
        }
    }
}

/// Larger bodies are not for a probe; bytes.
const MAX_BODY: u64 = 1 << 30;

fn read_body_limit(table: &Section<'_>) -> Option<At<u64>> {
    let node = table.get("body_limit")?;
    let path = table.path_of("body_limit");
    let expected = "a number with a unit: `64KiB`, `1MiB`; at most `1GiB`";
    let (written, read) = match &node.value {
        Value::Text(text) => (text.clone(), units::size(text)),
        Value::Integer(bytes) => {
            (bytes.to_string(), u64::try_from(*bytes).map_err(|_| "it is negative".to_owned()))
        }
        _ => {
            wrong_type(table.context, node, &path, expected, None);
            return None;
        }
    };
    let limited = read.and_then(|bytes| match bytes {
        0 => Err("nothing could be read".to_owned()),
        1..=MAX_BODY => Ok(bytes),
        _ => Err("it is more than `1GiB`".to_owned()),
    });
    match limited {
        Ok(bytes) => Some(At::new(bytes, node.place)),
        Err(why) => {
            let said = format!("`{written}` is not a size");
            let problem = Problem::new(Kind::BadSize, path, node.place, said).label(why);
            table.report(problem.expected(expected));
            None
        }
    }
}
