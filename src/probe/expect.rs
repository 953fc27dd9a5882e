//! Expectations of HTTP probes, judged against what was seen.
//!
//! Each rule that fails names itself and what was found, in one sentence. Rules are pure: a status or bytes in, a failure
//! or nothing out.
//!
//! It reads nothing from the network and does not know in which order the rules are asked.

use crate::model::{HttpSpec, Reason, StatusRules};
use crate::net::Failure;

/// Judges a status code.
pub(super) fn status(rules: &StatusRules, code: u16) -> Result<(), Failure> {
    if rules.contains(code) {
        return Ok(());
    }
    Err(Failure::bad(Reason::Status, format!("status {code}, expected {}", wanted(rules))))
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
    !spec.body_matches.is_empty() || !spec.body_lacks.is_empty()
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
