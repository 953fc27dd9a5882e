//! TLS through HTTP probes: each way a certificate or a handshake can be wrong, from a real server.
//!
//! Whatever the judgement, dates and version of what was presented are in the facts. Sessions are never resumed.
//!
//! TLS over bare TCP and after STARTTLS uses the same handshake and is tested with TCP.

use crate::support::certs::{Authority, Identity};
use crate::support::doh::{Answer, DohServer};
use crate::support::http::{Server, header, hear, response};
use crate::support::spec::{AMPLE, engine, http, of_http, prober, run};
use nephoscope::clock::{SystemClock, WallClock};
use nephoscope::model::{
    HttpSpec, HttpVersion, Outcome, Phase, ProbeResult, Reason, Redirects, TlsSpec, TlsVersion,
    Warning,
};
use rustls::{HandshakeKind, ServerConfig};
use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

/// Seconds of a day.
const DAY: u64 = 86_400;

fn ok(config: ServerConfig) -> Server {
    Server::tls(config, |_, wire| wire.write_all(response("200 OK", &[], "hi").as_bytes()))
}

/// A GET of `host` that reaches `server` and trusts `authority`.
fn secure(server: &Server, host: &str, authority: &Authority) -> HttpSpec {
    let mut spec = http(&server.https(host, "/"));
    spec.connect_to = Some((Ipv4Addr::LOCALHOST.into(), None));
    spec.tls = Arc::new(TlsSpec { ca: Some(authority.file()), ..TlsSpec::default() });
    spec
}

fn with_tls(spec: HttpSpec, change: impl FnOnce(&mut TlsSpec)) -> HttpSpec {
    let mut tls = (*spec.tls).clone();
    change(&mut tls);
    HttpSpec { tls: Arc::new(tls), ..spec }
}

/// Days from now until the earliest end of validity that was seen.
fn days_left(result: &ProbeResult) -> Option<i64> {
    let left = result.facts.certificate_not_after?.as_millis() - SystemClock.now().as_millis();
    Some((left + 3_600_000).div_euclid(86_400_000))
}

async fn outcome(spec: HttpSpec) -> (Outcome, String) {
    let result = run(of_http(spec), AMPLE).await;
    (result.outcome, result.said)
}

#[tokio::test]
async fn a_good_handshake_is_timed_and_its_facts_are_there() {
    let authority = Authority::new();
    let server = ok(authority.good().server());
    let result = run(of_http(secure(&server, "localhost", &authority)), AMPLE).await;

    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    assert_eq!(result.facts.tls_version, Some(TlsVersion::Tls13));
    assert_eq!(result.facts.tls_cipher, Some("TLS_AES_256_GCM_SHA384"));
    assert_eq!(days_left(&result), Some(90));
    assert_eq!(result.facts.chain_not_after, result.facts.certificate_not_after);
    let leaf = result.facts.certificate.as_deref().unwrap();
    assert_eq!(leaf.names, ["localhost"]);
    assert!(leaf.issuer.starts_with("CN=test root "), "{}", leaf.issuer);
    assert_eq!(leaf.key, "EC P-256");
    assert_eq!(Some(leaf.not_after), result.facts.certificate_not_after);
    let reached: Vec<Phase> = result.phases.iter().map(|(phase, ..)| phase).collect();
    assert_eq!(reached, [Phase::Connect, Phase::Tls, Phase::Processing, Phase::Transfer]);
}

#[tokio::test]
async fn each_fault_of_a_certificate_has_its_reason_and_leaves_its_facts() {
    let authority = Authority::new();
    let cases = [
        (authority.leaf("localhost", -9..-3), Reason::TlsExpired, -3, "expired 3d"),
        (authority.leaf("localhost", 5..9), Reason::TlsNotYetValid, 9, "becomes valid in "),
        (authority.leaf("other.example", -1..9), Reason::TlsHostname, 9, "is for `other.example`"),
        (Identity::self_signed(), Reason::TlsUntrusted, 90, "trusted"),
        (Authority::new().good(), Reason::TlsUntrusted, 90, "does not lead to a trusted root"),
    ];
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for (identity, reason, days, words) in &cases {
            let server = ok(identity.server_with(&[version], None));
            let result = run(of_http(secure(&server, "localhost", &authority)), AMPLE).await;

            assert_eq!(result.outcome, Outcome::Bad(*reason), "{}", result.said);
            assert!(result.said.contains(words), "{}", result.said);
            assert_eq!(result.phase, Phase::Tls, "{reason}");
            assert_eq!(days_left(&result), Some(*days), "{reason}");
            let expected = match version.version {
                rustls::ProtocolVersion::TLSv1_2 => TlsVersion::Tls12,
                _ => TlsVersion::Tls13,
            };
            assert_eq!(result.facts.tls_version, Some(expected), "{reason}");
            assert!(result.facts.certificate.is_some(), "{reason}");
            assert_eq!(result.facts.chain_not_after, None, "{reason}: no way to a root was found");
            assert!(server.requests().is_empty(), "{reason}: nothing is sent to the wrong server");
        }
    }
}

#[tokio::test]
async fn without_verification_a_bad_certificate_is_recorded_and_accepted() {
    let authority = Authority::new();
    for identity in [authority.leaf("other.example", -9..-3), Identity::self_signed()] {
        let server = ok(identity.server());
        let spec = secure(&server, "localhost", &authority);
        let spec = with_tls(spec, |tls| {
            tls.verify = false;
            tls.ca = None;
        });
        let result = run(of_http(spec), AMPLE).await;
        assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
        assert!(result.facts.certificate_not_after.is_some());
        assert!(result.facts.certificate.is_some());
        assert_eq!(result.facts.chain_not_after, None);
    }
}

#[tokio::test]
async fn an_empty_trust_store_is_said_to_be_empty() {
    let server = ok(Authority::new().good().server());
    let spec = secure(&server, "localhost", &Authority::new());
    let result = run(of_http(with_tls(spec, |tls| tls.ca = None)), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::TlsUntrusted));
    assert!(result.said.contains("trust store of this system is empty"), "{}", result.said);
    assert_eq!(days_left(&result), Some(90));
}

#[tokio::test]
async fn a_certificate_about_to_end_is_a_warning() {
    let authority = Authority::new();
    let server = ok(authority.leaf("localhost", -1..9).server());
    let within = |days: u64| {
        let spec = secure(&server, "localhost", &authority);
        run(
            of_http(with_tls(spec, |tls| {
                tls.expires_within = Some(Duration::from_secs(days * DAY));
            })),
            AMPLE,
        )
    };
    let (soon, later) = (within(21).await, within(5).await);
    assert_eq!((soon.outcome, later.outcome), (Outcome::Good, Outcome::Good));
    assert!(soon.warnings.contains(Warning::TlsExpiresSoon));
    assert!(later.warnings.is_empty());
}

#[tokio::test]
async fn a_version_below_the_wanted_one_is_bad_before_anything_is_sent() {
    let authority = Authority::new();
    let server = ok(authority.good().server_with(&[&rustls::version::TLS12], None));
    let spec = secure(&server, "localhost", &authority);
    let result = run(
        of_http(with_tls(spec.clone(), |tls| tls.min_version = Some(TlsVersion::Tls13))),
        AMPLE,
    )
    .await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::TlsVersion), "{}", result.said);
    assert_eq!(result.facts.tls_version, Some(TlsVersion::Tls12));
    assert!(server.requests().is_empty());

    let result =
        run(of_http(with_tls(spec, |tls| tls.min_version = Some(TlsVersion::Tls12))), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
}

#[tokio::test]
async fn a_server_that_refuses_our_versions_is_a_matter_of_version() {
    // The alert that a server of TLS 1.1 sends: fatal, protocol_version (RFC 5246, 7.2).
    let alert = Server::raw(|stream| {
        hear(stream)?;
        stream.write_all(&[0x15, 3, 2, 0, 2, 2, 70])
    });
    let authority = Authority::new();
    let (outcome, said) = outcome(secure(&alert, "localhost", &authority)).await;
    assert_eq!(outcome, Outcome::Bad(Reason::TlsVersion), "{said}");
}

#[tokio::test]
async fn a_server_without_tls_fails_the_handshake() {
    let plain = Server::raw(|stream| {
        hear(stream)?;
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    });
    let closing = Server::raw(hear);
    let authority = Authority::new();
    for (server, words) in [(plain, "is not TLS"), (closing, "closed the connection")] {
        let (outcome, said) = outcome(secure(&server, "localhost", &authority)).await;
        assert_eq!(outcome, Outcome::Bad(Reason::TlsHandshake), "{said}");
        assert!(said.contains(words), "{said}");
    }
}

#[tokio::test]
async fn silence_in_the_handshake_is_a_tls_timeout() {
    let server = Server::raw(|stream| {
        while stream.read(&mut [0; 1024])? > 0 {}
        Ok(())
    });
    let spec = of_http(secure(&server, "localhost", &Authority::new()));
    let result = run(spec, Duration::from_millis(400)).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::TlsTimeout), "{}", result.said);
    assert_eq!(result.phase, Phase::Tls);
    assert!(result.phases.took(Phase::Connect).is_some());
}

#[tokio::test]
async fn a_client_certificate_is_presented_where_it_is_wanted() {
    let authority = Authority::new();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let server = ok(authority.good().server_with(&[version], Some(&authority)));
        let spec = secure(&server, "localhost", &authority);

        let (without, said) = outcome(spec.clone()).await;
        assert_eq!(without, Outcome::Bad(Reason::TlsHandshake), "{said}");

        let client = authority.leaf("client.example", -1..9).files();
        let (with, said) = outcome(with_tls(spec, |tls| tls.identity = Some(client))).await;
        assert_eq!(with, Outcome::Good, "{said}");
    }
}

#[tokio::test]
async fn no_run_resumes_the_session_of_another() {
    let authority = Authority::new();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let server = ok(authority.good().server_with(&[version], None));
        let engine = engine();
        let prober = prober(of_http(secure(&server, "localhost", &authority)), &engine);
        for _ in 0..3 {
            let result = prober.probe(AMPLE).await;
            assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
            assert_eq!(days_left(&result), Some(90));
        }
        assert_eq!(server.handshakes(), [Some(HandshakeKind::Full); 3]);
    }
}

#[tokio::test]
async fn the_name_for_tls_can_differ_from_the_host() {
    let authority = Authority::new();
    let server = ok(authority.leaf("inner.example", -1..9).server());
    let spec = secure(&server, "localhost", &authority);
    assert_eq!(outcome(spec.clone()).await.0, Outcome::Bad(Reason::TlsHostname));

    let named = with_tls(spec, |tls| tls.server_name = Some("inner.example".into()));
    let (named, said) = outcome(named).await;
    assert_eq!(named, Outcome::Good, "{said}");
    let expected = format!("localhost:{}", server.address.port());
    assert_eq!(header(&server.requests()[0], "host"), Some(expected.as_str()));
}

#[tokio::test]
async fn a_certificate_for_an_address_is_judged_by_the_address_of_the_url() {
    let authority = Authority::new();
    let server = ok(authority.leaf("192.0.2.9", -1..9).server());
    let mut elsewhere = secure(&server, "192.0.2.9", &authority);
    let (right, said) = outcome(elsewhere.clone()).await;
    assert_eq!(right, Outcome::Good, "{said}");
    assert!(header(&server.requests()[0], "host").unwrap().starts_with("192.0.2.9:"));

    elsewhere.url = server.https("192.0.2.8", "/").parse().unwrap();
    assert_eq!(outcome(elsewhere).await.0, Outcome::Bad(Reason::TlsHostname));

    let by_name = secure(&server, "localhost", &authority);
    let by_name = with_tls(by_name, |tls| tls.server_name = Some("192.0.2.9".into()));
    let (by_name, said) = outcome(by_name).await;
    assert_eq!(by_name, Outcome::Good, "{said}");
}

#[tokio::test]
async fn a_redirect_from_https_to_http_is_refused() {
    let authority = Authority::new();
    let server = Server::tls(authority.good().server(), |_, wire| {
        let answer = response("302 Found", &["location: http://localhost/"], "");
        wire.write_all(answer.as_bytes())
    });
    let spec = secure(&server, "localhost", &authority);
    let (refused, said) = outcome(spec.clone()).await;
    assert_eq!(refused, Outcome::Bad(Reason::RedirectRefused), "{said}");
    assert!(said.contains("from https to http"), "{said}");

    let off = HttpSpec { redirects: Redirects::Off, ..spec };
    assert_eq!(outcome(off).await.0, Outcome::Bad(Reason::Status));
}

#[tokio::test]
async fn http_2_is_spoken_where_the_server_offers_it() {
    let authority = Authority::new();
    let mut config = authority.good().server();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let server = Server::tls_raw(config, |wire| {
        // Preface (RFC 9113, 3.4), then whatever the client sends with it.
        wire.read_exact(&mut [0; 24])?;
        wire.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0])?;
        loop {
            let mut head = [0; 9];
            wire.read_exact(&mut head)?;
            let length = usize::from(head[1]) * 256 + usize::from(head[2]);
            wire.read_exact(&mut vec![0; length])?;
            if head[3] == 1 {
                break;
            }
        }
        // HEADERS with `:status 200` of the static table (RFC 7541, A), then DATA that ends the stream.
        wire.write_all(&[0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88])?;
        wire.write_all(&[0, 0, 2, 0, 1, 0, 0, 0, 1, b'h', b'i'])?;
        wire.flush()?;
        while wire.read(&mut [0; 64])? > 0 {}
        Ok(())
    });
    let result = run(of_http(secure(&server, "localhost", &authority)), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    assert_eq!(result.facts.http_version, Some(HttpVersion::Http2));
    assert_eq!(result.facts.body_bytes, Some(2));
}

#[tokio::test]
async fn a_client_certificate_is_missed_over_http2_too() {
    let authority = Authority::new();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let config = authority.good().server_with(&[version], Some(&authority));
        let server = DohServer::start(config, |_| Answer::Whole(http::Response::default())).await;
        let mut spec = http(&format!("https://localhost:{}/", server.address.port()));
        spec.connect_to = Some((Ipv4Addr::LOCALHOST.into(), None));
        spec.tls = authority.trusted();
        let (without, said) = outcome(spec.clone()).await;
        assert_eq!(without, Outcome::Bad(Reason::TlsHandshake), "{said}");
        assert_eq!(
            said,
            "the server wants a client certificate and got none (`tls.cert`, `tls.key`)"
        );
        let client = authority.leaf("client.example", -1..9).files();
        let (with, said) = outcome(with_tls(spec, |tls| tls.identity = Some(client))).await;
        assert_eq!(with, Outcome::Good, "{said}");
    }
}
