//! Tokens for client credentials: asked for once, kept until they expire, and every way in which none is had.
//!
//! The token server is a fixture like any other; it counts what it is asked.
//!
//! How tokens are configured is in `config`.

use crate::support::certs::Authority;
use crate::support::http::{Server, header, path, response};
use crate::support::spec::{AMPLE, engine, http, of_http, prober, run};
use http::header::{HeaderName, HeaderValue};
use nephoscope::model::{ClientAuth, HttpSpec, OAuth2, Outcome, Phase, Reason, Secret, TlsSpec};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

fn credentials(token_url: &str) -> Box<OAuth2> {
    Box::new(OAuth2 {
        token_url: token_url.parse().unwrap(),
        client_id: "mon itor".to_owned(),
        client_secret: Secret::new("s3cret:&"),
        scopes: vec!["read".to_owned(), "health".to_owned()],
        params: vec![("audience".to_owned(), "shop".to_owned())],
        client_auth: ClientAuth::Basic,
        tls: Arc::default(),
    })
}

/// Gives tokens that last so many seconds, each another one.
fn giver(lasts: &'static str) -> Server {
    let count = std::sync::atomic::AtomicUsize::new(0);
    Server::plain(move |_, wire| {
        let count = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let body = format!(r#"{{"access_token": "t{count}", "token_type": "bearer"{lasts}}}"#);
        wire.write_all(response("200 OK", &["content-type: application/json"], &body).as_bytes())
    })
}

/// Lets in whoever has a token, except the first.
fn target() -> Server {
    Server::plain(|request, wire| {
        let answer = match header(request, "authorization") {
            Some(value) if value.starts_with("Bearer t") && path(request) != "/picky" => {
                response("200 OK", &[], "")
            }
            Some("Bearer t1") => response("200 OK", &[], ""),
            _ => response("401 Unauthorized", &[], ""),
        };
        wire.write_all(answer.as_bytes())
    })
}

fn asking(target: &Server, path: &str, token_url: &str) -> HttpSpec {
    let mut spec = http(&target.url(path));
    spec.oauth2 = Some(credentials(token_url));
    spec
}

#[tokio::test]
async fn a_token_is_asked_for_once_and_used_by_all_with_the_same_credentials() {
    let (giver, target) = (giver(", \"expires_in\": 3600"), target());
    let engine = engine();
    let url = giver.url("/token");
    let one = prober(of_http(asking(&target, "/", &url)), &engine);
    let other = prober(of_http(asking(&target, "/other", &url)), &engine);
    let (first, second) = tokio::join!(one.probe(AMPLE), other.probe(AMPLE));
    let third = one.probe(AMPLE).await;
    for result in [&first, &second, &third] {
        assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    }
    let asked = giver.requests();
    assert_eq!(asked.len(), 1);
    assert!(first.phases.took(Phase::Auth).is_some(), "{:?}", first.phases);
    assert!(third.phases.took(Phase::Auth).is_none(), "{:?}", third.phases);
    assert_eq!(first.address, Some(target.address));
    // `mon+itor:s3cret%3A%26`
    assert_eq!(header(&asked[0], "authorization"), Some("Basic bW9uK2l0b3I6czNjcmV0JTNBJTI2"));
    let form = "grant_type=client_credentials&scope=read+health&audience=shop";
    assert!(asked[0].ends_with(form), "{}", asked[0]);
    assert!(target.requests().iter().all(|ask| header(ask, "authorization") == Some("Bearer t0")));
}

#[tokio::test]
async fn a_token_that_has_ended_or_has_no_end_is_asked_for_anew() {
    for lasts in ["", ", \"expires_in\": 0", ", \"expires_in\": \"0\""] {
        let (giver, target) = (giver(lasts), target());
        let engine = engine();
        let prober = prober(of_http(asking(&target, "/", &giver.url("/"))), &engine);
        for _ in 0..2 {
            let result = prober.probe(AMPLE).await;
            assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
        }
        assert_eq!(giver.requests().len(), 2, "{lasts}");
    }
}

#[tokio::test]
async fn whoever_waited_for_a_token_takes_it_also_if_nobody_may_keep_it() {
    for lasts in ["", ", \"expires_in\": 0"] {
        let (giver, target) = (giver(lasts), target());
        let engine = engine();
        let url = giver.url("/");
        let one = prober(of_http(asking(&target, "/", &url)), &engine);
        let other = prober(of_http(asking(&target, "/other", &url)), &engine);
        let third = prober(of_http(asking(&target, "/third", &url)), &engine);
        let results = tokio::join!(one.probe(AMPLE), other.probe(AMPLE), third.probe(AMPLE));
        for result in [&results.0, &results.1, &results.2] {
            assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
        }
        assert_eq!(giver.requests().len(), 1, "{lasts}");
        assert_eq!(other.probe(AMPLE).await.outcome, Outcome::Good);
        assert_eq!(giver.requests().len(), 2, "a later run asks anew: {lasts}");
    }
}

#[tokio::test]
async fn a_life_may_be_written_as_a_fraction_or_as_a_text() {
    for (lasts, asked) in [("3600.5", 1), ("\"3600\"", 1), ("3.6e3", 1), ("-1.5", 2), ("null", 2)] {
        let written: &'static str = format!(", \"expires_in\": {lasts}").leak();
        let (giver, target) = (giver(written), target());
        let engine = engine();
        let prober = prober(of_http(asking(&target, "/", &giver.url("/"))), &engine);
        for _ in 0..2 {
            let result = prober.probe(AMPLE).await;
            assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
        }
        assert_eq!(giver.requests().len(), asked, "{lasts}");
    }
}

#[tokio::test]
async fn a_token_that_was_turned_away_is_forgotten_and_the_run_stays_bad() {
    let (giver, target) = (giver(", \"expires_in\": 3600"), target());
    let engine = engine();
    let prober = prober(of_http(asking(&target, "/picky", &giver.url("/"))), &engine);
    let first = prober.probe(AMPLE).await;
    assert_eq!(first.outcome, Outcome::Bad(Reason::Status), "{}", first.said);
    assert_eq!((giver.requests().len(), target.requests().len()), (1, 1));
    assert_eq!(prober.probe(AMPLE).await.outcome, Outcome::Good);
    assert_eq!(giver.requests().len(), 2);
}

#[tokio::test]
async fn credentials_may_stand_in_the_body_and_travel_over_tls() {
    let authority = Authority::new();
    let giver = Server::tls(authority.good().server(), |request, wire| {
        let known = request.contains("&client_id=mon+itor&client_secret=s3cret%3A%26");
        let status = if known { "200 OK" } else { "400 Bad Request" };
        wire.write_all(response(status, &[], r#"{"access_token": "t0"}"#).as_bytes())
    });
    let target = target();
    let mut spec = asking(&target, "/", &giver.https("localhost", "/"));
    let oauth2 = spec.oauth2.as_mut().unwrap();
    oauth2.client_auth = ClientAuth::Body;
    // Nobody vouches for it yet.
    let result = run(of_http(spec.clone()), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::Auth), "{}", result.said);
    let oauth2 = spec.oauth2.as_mut().unwrap();
    oauth2.tls = Arc::new(TlsSpec { ca: Some(authority.file()), ..TlsSpec::default() });
    let result = run(of_http(spec), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    assert_eq!(header(&giver.requests()[0], "authorization"), None);
}

#[tokio::test]
async fn without_a_token_the_target_is_not_asked_and_the_reason_is_its_own() {
    let target = target();
    let dead = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let refused = run(of_http(asking(&target, "/", &format!("http://{dead}/"))), AMPLE).await;
    assert_eq!(refused.outcome, Outcome::Bad(Reason::Auth), "{}", refused.said);
    assert!(
        refused.said.starts_with(&format!("no token from `http://{dead}/`: ")),
        "{}",
        refused.said
    );

    let long = format!(r#"{{"access_token": "{}"}}"#, "x".repeat(70_000));
    for (status, body, expected) in [
        ("401 Unauthorized", r#"{"error": "invalid_client"}"#, "status 401, `invalid_client`"),
        ("302 Found", "", "status 302"),
        ("200 OK", "<html>", "status 200, and the answer is not JSON"),
        ("200 OK", "{}", "the answer has no `access_token`"),
        (
            "200 OK",
            r#"{"access_token": "x", "token_type": "mac"}"#,
            "the token is of the type `mac`, expected `Bearer`",
        ),
        (
            "200 OK",
            r#"{"access_token": "a\nb"}"#,
            "the token has characters that no header can carry",
        ),
        ("200 OK", &long, "the answer has more than 65536 bytes"),
    ] {
        let giver = Server::fixed(response(status, &["location: /else"], body));
        let result = run(of_http(asking(&target, "/", &giver.url("/"))), AMPLE).await;
        assert_eq!(result.outcome, Outcome::Bad(Reason::Auth), "{}", result.said);
        assert_eq!(result.phase, Phase::Auth);
        assert_eq!(result.said, format!("no token from `{}`: {expected}", giver.url("/")));
        assert!(!format!("{result:?}").contains("s3cret"));
    }
    assert!(target.requests().is_empty());
}

#[tokio::test]
async fn a_silent_token_server_ends_at_the_deadline() {
    let silent = Server::plain(|_, wire| wire.read(&mut [0; 1]).map(drop));
    let target = target();
    let spec = asking(&target, "/", &silent.url("/"));
    let result = run(of_http(spec), Duration::from_millis(400)).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::Auth), "{}", result.said);
    assert_eq!(result.phase, Phase::Auth);
    assert!(result.said.starts_with("no token within "), "{}", result.said);
}

#[tokio::test]
async fn a_token_stays_with_the_first_host() {
    let giver = giver(", \"expires_in\": 3600");
    let other = Server::fixed(response("200 OK", &[], ""));
    let location = format!("location: {}", other.url("/"));
    let first = Server::fixed(response("302 Found", &[&location], ""));
    let result = run(of_http(asking(&first, "/", &giver.url("/"))), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    assert_eq!(header(&first.requests()[0], "authorization"), Some("Bearer t0"));
    assert_eq!(header(&other.requests()[0], "authorization"), None);
}

#[tokio::test]
async fn headers_that_are_secret_stay_with_the_first_host() {
    let other = Server::fixed(response("200 OK", &[], ""));
    let away = format!("location: {}", other.url("/"));
    let first = Server::plain(move |request, wire| {
        let location = if path(request) == "/" { "location: /next" } else { &away };
        wire.write_all(response("307 Temporary Redirect", &[location], "").as_bytes())
    });
    let mut spec = http(&first.url("/"));
    let mut key = HeaderValue::from_static("s3cret");
    // As the configuration marks what it has by reference.
    key.set_sensitive(true);
    spec.headers = vec![
        (HeaderName::from_static("x-api-key"), key),
        // Secret by their names, however they were given.
        (HeaderName::from_static("x-api-key"), HeaderValue::from_static("in-the-file")),
        (HeaderName::from_static("x-csrf-token"), HeaderValue::from_static("in-the-file")),
        (HeaderName::from_static("x-plain"), HeaderValue::from_static("for all")),
    ];
    let result = run(of_http(spec), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    let (asked, further) = (first.requests(), other.requests());
    assert_eq!((asked.len(), further.len()), (2, 1));
    for request in &asked {
        assert_eq!(header(request, "x-api-key"), Some("s3cret"), "{request}");
    }
    assert_eq!(header(&further[0], "x-api-key"), None);
    assert_eq!(header(&further[0], "x-csrf-token"), None);
    assert_eq!(header(&further[0], "x-plain"), Some("for all"));
}
