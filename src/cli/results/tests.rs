//! What a line may be, and the sentence for each that may not.
//!
//! Sentences are compared as a whole where they are ours, by their beginning where JSON's reader words them.
//!
//! Files as a whole are read in `tests/it/replay`.

use super::Line;
use crate::model::{Timestamp, Verdict};
use std::time::Duration;

fn wrong(text: &str) -> String {
    Line::read(text.as_bytes()).unwrap_err()
}

#[test]
fn a_line_is_read_whatever_the_order_of_its_keys() {
    let text = r#"{"verdict":"bad","check":"shop\/aws/web","reason":"status","latency_ms":12.5,"t":"2026-05-01T00:00:00Z","until":1777593660}"#;
    let line = Line::read(text.as_bytes()).unwrap();
    assert_eq!(
        (line.at, &*line.check),
        (Timestamp::from_millis(1_777_593_600_000), "shop/aws/web")
    );
    assert_eq!((line.verdict, line.reason.as_deref()), (Verdict::Bad, Some("status")));
    assert_eq!(line.latency, Duration::from_micros(12_500));
    assert_eq!(line.until, Some(Timestamp::from_millis(1_777_593_660_000)));
    assert_eq!((line.recheck, line.stray), (false, None));
}

#[test]
fn null_is_as_good_as_nothing_where_a_key_may_be_missing() {
    let text =
        r#"{"t":1,"check":"a/b/c","verdict":"good","latency_ms":null,"reason":null,"until":null}"#;
    let line = Line::read(text.as_bytes()).unwrap();
    assert_eq!((line.latency, line.until), (Duration::ZERO, None));
    assert_eq!(line.reason, None);
}

#[test]
fn a_stray_key_is_named() {
    let text = r#"{"t":1,"check":"a/b/c","verdict":"good","latency":{"x":[1]},"z":2}"#;
    assert_eq!(Line::read(text.as_bytes()).unwrap().stray.as_deref(), Some("latency"));
}

#[test]
fn what_is_missing_or_means_nothing_is_said() {
    assert_eq!(wrong(r#"{"check":"a/b/c","verdict":"good"}"#), "`t` is missing");
    assert_eq!(wrong(r#"{"t":1,"verdict":"good"}"#), "`check` is missing");
    assert_eq!(wrong(r#"{"t":1,"check":"a/b/c"}"#), "`verdict` is missing");
    assert!(wrong(r#"{"t":1,"check":"a/b/c","verdict":"goof"}"#).ends_with("did you mean `good`?"));
    let negative = r#"{"t":1,"check":"a/b/c","verdict":"good","latency_ms":-3}"#;
    assert_eq!(wrong(negative), "`latency_ms` is -3, which is negative");
    let backwards = r#"{"t":5,"check":"a/b/c","verdict":"good","until":5}"#;
    assert_eq!(wrong(backwards), "`until` is 5, which is not after `t`");
}

#[test]
fn what_is_no_json_says_where() {
    assert_eq!(wrong(r#"{"t":1,"check":}"#), "it is not JSON: expected value at column 16");
    assert_eq!(wrong("[1]"), "it is not a result: invalid type: sequence, expected an object");
    assert!(wrong(r#"{"t":1"#).starts_with("it is not JSON: EOF"));
}

#[test]
fn runs_that_no_check_can_have_made_are_refused() {
    let runs = |runs: &str| format!(r#"{{"t":1,"check":"a/b/c","verdict":"good","runs":{runs}}}"#);
    let many = wrong(&runs("[[1,30,999999999999]]"));
    assert_eq!(many, "`runs` has 999999999999 results in a row, more than 16777216");
    let none = runs("[]");
    assert_eq!(Line::read(none.as_bytes()).unwrap().runs, Some(Vec::new()));
}
