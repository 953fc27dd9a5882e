//! Expectations of HTTP probes, judged against what was seen.
//!
//! Each rule that fails names itself and what was found, in one sentence. Rules are pure: a status or bytes in, a failure
//! or nothing out.
//!
//! It reads nothing from the network and does not know in which order the rules are asked.

use crate::model::{HeaderRule, HttpSpec, HttpVersion, Missing, Reason, StatusRules};
use crate::net::Failure;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Judges the version in which the answer came.
pub(super) fn version(spec: &HttpSpec, version: Option<HttpVersion>) -> Result<(), Failure> {
    let Some(wanted) = spec.versions else { return Ok(()) };
    match version {
        Some(version) if wanted.contains(version) => Ok(()),
        other => {
            let came = other.map_or("unknown", HttpVersion::as_str);
            let said = format!("the answer came as HTTP/{came}, expected {wanted} (`versions`)");
            Err(Failure::bad(Reason::HttpVersion, said))
        }
    }
}

/// Judges whether the answer came over TLS.
pub(super) fn encryption(spec: &HttpSpec, secure: bool) -> Result<(), Failure> {
    let said = match (spec.encrypted, secure) {
        (Some(true), false) => "the answer came without TLS, and must come over it (`encrypted`)",
        (Some(false), true) => "the answer came over TLS, and must not (`encrypted`)",
        _ => return Ok(()),
    };
    Err(Failure::bad(Reason::Protocol, said))
}

/// Judges a status code.
pub(super) fn status(rules: &StatusRules, code: u16) -> Result<(), Failure> {
    if rules.contains(code) {
        return Ok(());
    }
    Err(Failure::bad(Reason::Status, format!("status {code}, expected {}", wanted(rules))))
}

/// Judges the header: all of `headers_match`, none of `headers_lack`.
pub(super) fn headers(spec: &HttpSpec, headers: &HeaderMap) -> Result<(), Failure> {
    for rule in &spec.headers_match {
        let values = headers.get_all(&rule.name);
        let (name, pattern) = (&rule.name, &rule.pattern);
        let Some(first) = values.iter().next() else {
            absent(rule, "headers_match")?;
            continue;
        };
        if !values.iter().any(|value| pattern.is_match(value.as_bytes())) {
            let said = match values.iter().count() {
                1 => format!("header `{name}` is {}, which does not match", shown(name, first)),
                count => format!("none of {count} headers `{name}` matches"),
            };
            let said = format!("{said} `{pattern}` (`headers_match`)");
            return Err(Failure::bad(Reason::Header, said));
        }
    }
    for rule in &spec.headers_lack {
        let values = headers.get_all(&rule.name);
        let (name, pattern) = (&rule.name, &rule.pattern);
        if let Some(found) = values.iter().find(|value| pattern.is_match(value.as_bytes())) {
            let found = shown(name, found);
            let said =
                format!("header `{name}` is {found}, which matches `{pattern}` (`headers_lack`)");
            return Err(Failure::bad(Reason::Header, said));
        }
        if !headers.contains_key(name) {
            absent(rule, "headers_lack")?;
        }
    }
    Ok(())
}

fn absent(rule: &HeaderRule, key: &str) -> Result<(), Failure> {
    match rule.missing {
        Missing::Ok => Ok(()),
        Missing::Fail => {
            let said = format!("header `{}` is missing (`{key}`)", rule.name);
            Err(Failure::bad(Reason::Header, said))
        }
    }
}

/// Bytes of something from the far side that a sentence repeats.
const SHOWN: usize = 80;

/// A value as a sentence may repeat it: what opens a session is not shown.
fn shown(name: &HeaderName, value: &HeaderValue) -> String {
    if *name == header::SET_COOKIE {
        return "one that is not shown here".to_owned();
    }
    format!("`{}`", excerpt(value.as_bytes()))
}

/// The beginning of what the far side said, on one line.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    let end = bytes.len().min(SHOWN);
    let dots = if end < bytes.len() { "…" } else { "" };
    let text = String::from_utf8_lossy(&bytes[..end]);
    let plain: String =
        text.chars().map(|each| if each.is_control() { '\u{fffd}' } else { each }).collect();
    plain + dots
}

/// Judges a whole body: all of `body_matches`, none of `body_lacks`.
pub(super) fn body(spec: &HttpSpec, body: &[u8]) -> Result<(), Failure> {
    if let Some(missed) = spec.body_matches.iter().find(|pattern| !pattern.is_match(body)) {
        let said = format!("the body ({} bytes) does not match `{missed}`", body.len());
        return Err(Failure::bad(Reason::Body, said));
    }
    if let Some(found) = spec.body_lacks.iter().find(|pattern| pattern.is_match(body)) {
        let said = format!("the body matches `{found}`, which it must not (`body_lacks`)");
        return Err(Failure::bad(Reason::Body, said));
    }
    Ok(())
}

/// Whether a rule looks at the bytes of the body.
pub(super) fn wants_body(spec: &HttpSpec) -> bool {
    !spec.body_matches.is_empty() || !spec.body_lacks.is_empty() || !spec.json.is_empty()
}

/// The rules as the configuration writes them: `2xx`, `200`, `200-204`.
fn wanted(rules: &StatusRules) -> String {
    let written: Vec<String> = rules
        .0
        .iter()
        .map(|range| {
            let (low, high) = (*range.start(), *range.end());
            if low == high {
                low.to_string()
            } else if low.is_multiple_of(100) && high == low + 99 {
                format!("{}xx", low / 100)
            } else {
                format!("{low}-{high}")
            }
        })
        .collect();
    written.join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_status_rule_is_written_as_in_the_configuration() {
        let rules = StatusRules(vec![200..=200, 300..=399, 401..=404]);
        let failure = status(&rules, 503).unwrap_err();
        assert_eq!(failure.said, "status 503, expected 200 or 3xx or 401-404");
        assert_eq!(failure.outcome.reason(), Some(Reason::Status));
        assert!(status(&rules, 302).is_ok());
    }
}
