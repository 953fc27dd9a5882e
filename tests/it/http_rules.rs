//! Rules on the answer of an HTTP probe: header fields, values in JSON, encryption.
//!
//! Each rule is shown met and broken by a real server, and its sentence names it.
//!
//! Statuses and bodies are in `http`, versions in `http_versions`.

use crate::support::certs::Authority;
use crate::support::http::{Server, response};
use crate::support::spec::{AMPLE, http, of_http, pattern, run};
use nephoscope::model::{
    HeaderRule, HttpSpec, JsonPath, JsonRule, JsonScalar, JsonWanted, Missing, Outcome, Reason,
    TlsSpec,
};
use std::sync::Arc;

fn rule(name: &str, matches: &str, missing: Missing) -> HeaderRule {
    HeaderRule { name: name.parse().unwrap(), pattern: pattern(matches), missing }
}

fn json(path: &str, wanted: JsonWanted) -> JsonRule {
    let compiled = serde_json_path::JsonPath::parse(path).unwrap();
    JsonRule { path: JsonPath::new(path, compiled), wanted }
}

async fn judged(server: &Server, change: impl FnOnce(&mut HttpSpec)) -> (Outcome, String) {
    let mut spec = http(&server.url("/"));
    change(&mut spec);
    let result = run(of_http(spec), AMPLE).await;
    (result.outcome, result.said)
}

#[tokio::test]
async fn a_header_must_match_in_one_of_its_fields() {
    let fields = ["content-type: text/html", "via: one", "via: two", "set-cookie: id=s3cret"];
    let server = Server::fixed(response("200 OK", &fields, ""));
    for (name, matches, missing, expected) in [
        ("content-type", "^text/html", Missing::Fail, None),
        ("via", "^two$", Missing::Fail, None),
        ("x-absent", "^a", Missing::Ok, None),
        (
            "content-type",
            "^application/json",
            Missing::Fail,
            Some(
                "header `content-type` is `text/html`, which does not match `^application/json` (`headers_match`)",
            ),
        ),
        (
            "via",
            "three",
            Missing::Ok,
            Some("none of 2 headers `via` matches `three` (`headers_match`)"),
        ),
        ("x-absent", "^a", Missing::Fail, Some("header `x-absent` is missing (`headers_match`)")),
        (
            "set-cookie",
            "Secure",
            Missing::Fail,
            Some(
                "header `set-cookie` is one that is not shown here, which does not match `Secure` (`headers_match`)",
            ),
        ),
    ] {
        let rules = Box::new([rule(name, matches, missing)]);
        let (outcome, said) = judged(&server, |spec| spec.headers_match = rules).await;
        match expected {
            None => assert_eq!(outcome, Outcome::Good, "{said}"),
            Some(expected) => {
                assert_eq!(outcome, Outcome::Bad(Reason::Header), "{said}");
                assert_eq!(said, expected);
            }
        }
    }
}

#[tokio::test]
async fn a_header_must_not_match_in_any_of_its_fields() {
    let server = Server::fixed(response("200 OK", &["server: nginx/1.22", "via: a", "via: b"], ""));
    for (name, matches, missing, expected) in [
        ("server", "apache", Missing::Ok, None),
        ("x-debug", "", Missing::Ok, None),
        (
            "server",
            "[0-9]",
            Missing::Ok,
            Some("header `server` is `nginx/1.22`, which matches `[0-9]` (`headers_lack`)"),
        ),
        (
            "via",
            "^b$",
            Missing::Ok,
            Some("header `via` is `b`, which matches `^b$` (`headers_lack`)"),
        ),
        ("x-debug", "on", Missing::Fail, Some("header `x-debug` is missing (`headers_lack`)")),
    ] {
        let rules = Box::new([rule(name, matches, missing)]);
        let (outcome, said) = judged(&server, |spec| spec.headers_lack = rules).await;
        assert_eq!(outcome.reason(), expected.map(|_| Reason::Header), "{said}");
        if let Some(expected) = expected {
            assert_eq!(said, expected);
        }
    }
}

#[tokio::test]
async fn values_in_json_are_equal_match_or_exist() {
    let body = r#"{"status": "ok", "depth": 12, "load": 0.5, "list": [{"up": true}, {"up": false}], "none": null}"#;
    let server = Server::fixed(response("200 OK", &[], body));
    let text = |text: &str| JsonWanted::Equals(JsonScalar::Text(text.to_owned()));
    let matches = |text: &str| JsonWanted::Matches(pattern(text));
    for (path, wanted, expected) in [
        ("$.status", text("ok"), None),
        ("$.depth", JsonWanted::Equals(JsonScalar::Integer(12)), None),
        ("$.load", JsonWanted::Equals(JsonScalar::Float(0.5)), None),
        ("$.depth", matches("^[0-9]+$"), None),
        ("$.none", matches("^null$"), None),
        ("$.list[?@.up == false]", JsonWanted::Exists(true), None),
        ("$..missing", JsonWanted::Exists(false), None),
        ("$.status", text("fine"), Some("`$.status` is \"ok\", expected \"fine\" (`json`)")),
        ("$.depth", text("12"), Some("`$.depth` is 12, expected \"12\" (`json`)")),
        (
            "$.list[*].up",
            JsonWanted::Equals(JsonScalar::Bool(true)),
            Some("`$.list[*].up` is false, expected true (`json`)"),
        ),
        (
            "$.list",
            matches("."),
            Some("`$.list` is a list of 2, which does not match `.` (`json`)"),
        ),
        ("$.absent", text("x"), Some("`$.absent` leads to nothing in the body (`json`)")),
        (
            "$.absent",
            JsonWanted::Exists(true),
            Some("`$.absent` leads to nothing in the body (`json`)"),
        ),
        (
            "$.depth",
            JsonWanted::Exists(false),
            Some("`$.depth` is in the body, as 12, and must not be (`json`)"),
        ),
    ] {
        let rules = Box::new([json(path, wanted)]);
        let (outcome, said) = judged(&server, |spec| spec.json = rules).await;
        assert_eq!(outcome.reason(), expected.map(|_| Reason::Json), "{path}: {said}");
        if let Some(expected) = expected {
            assert_eq!(said, expected);
        }
    }
}

#[tokio::test]
async fn what_is_not_json_or_too_much_of_it_is_named() {
    let exists = || Box::new([json("$", JsonWanted::Exists(true))]);
    let page = Server::fixed(response("200 OK", &[], "<html>"));
    let (outcome, said) = judged(&page, |spec| spec.json = exists()).await;
    assert_eq!(outcome, Outcome::Bad(Reason::Json));
    assert_eq!(said, "the body is not JSON: expected value at line 1 column 1 (`json`)");

    // Two bytes of text each, and a hundred in memory.
    let bomb = Server::fixed(response("200 OK", &[], &format!("[{}0]", "0,".repeat(30_000))));
    let (outcome, said) = judged(&bomb, |spec| spec.json = exists()).await;
    assert_eq!(outcome, Outcome::Bad(Reason::Json));
    assert!(said.contains("too many values to look into within `body_limit`"), "{said}");
}

#[tokio::test]
async fn an_answer_must_or_must_not_come_over_tls() {
    let authority = Authority::new();
    let secure = Server::tls(authority.good().server(), |_, wire| {
        wire.write_all(response("200 OK", &[], "").as_bytes())
    });
    let location = format!("location: {}", secure.https("localhost", "/"));
    let clear = Server::plain(move |request, wire| {
        let answer = match crate::support::http::path(request) {
            "/up" => response("302 Found", &[&location], ""),
            _ => response("200 OK", &[], ""),
        };
        wire.write_all(answer.as_bytes())
    });
    let ask = async |url: &str, encrypted| {
        let mut spec = http(url);
        spec.encrypted = Some(encrypted);
        spec.tls = Arc::new(TlsSpec { ca: Some(authority.file()), ..TlsSpec::default() });
        let result = run(of_http(spec), AMPLE).await;
        (result.outcome.reason(), result.said)
    };
    let (up, stays) = (clear.url("/up"), clear.url("/"));
    assert_eq!(ask(&up, true).await.0, None);
    assert_eq!(ask(&stays, false).await.0, None);
    let (reason, said) = ask(&stays, true).await;
    assert_eq!(reason, Some(Reason::Protocol));
    assert_eq!(said, "the answer came without TLS, and must come over it (`encrypted`)");
    let (reason, said) = ask(&up, false).await;
    assert_eq!(reason, Some(Reason::Protocol));
    assert!(said.starts_with("the answer came over TLS, and must not (`encrypted`)"), "{said}");
}
