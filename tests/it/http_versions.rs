//! HTTP probes in the versions they may speak, and how often they ask: once.
//!
//! HTTP/2 is spoken by the fixture frame by frame, over TLS by ALPN and in the clear by prior knowledge. Requests are
//! counted at the server, which goes on listening after it has broken off.
//!
//! What the answers say is judged in `http` and `http_rules`.

use crate::support::certs::Authority;
use crate::support::h2;
use crate::support::http::{Server, Wire, hear, response};
use crate::support::spec::{AMPLE, http, of_http, run};
use nephoscope::model::{
    HttpSpec, HttpVersion, HttpVersions, Outcome, ProbeResult, Reason, TlsSpec,
};
use std::io::{Read, Result, Write};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn only(versions: &[HttpVersion]) -> Option<HttpVersions> {
    versions.iter().fold(None, |set: Option<HttpVersions>, version| {
        let mut set = set.unwrap_or_default();
        set.insert(*version);
        Some(set)
    })
}

/// Speaks HTTP/1.1 or HTTP/2, whichever was agreed on, whatever is asked.
fn polyglot(authority: &Authority, alpn: &[&[u8]]) -> Server {
    let mut config = authority.good().server();
    config.alpn_protocols = alpn.iter().map(|word| word.to_vec()).collect();
    let first = alpn.first().map(|word| word.to_vec());
    Server::tls_raw(config, move |wire| {
        if first.as_deref() == Some(b"h2") {
            let stream = h2::heard(wire)?;
            wire.write_all(&h2::answer(stream, b"two"))?;
            return wire.read(&mut [0; 64]).map(drop);
        }
        wire.read_exact(&mut [0; 16])?;
        wire.write_all(response("200 OK", &[], "one").as_bytes())
    })
}

fn over_tls(server: &Server, authority: &Authority) -> HttpSpec {
    let mut spec = http(&server.https("localhost", "/"));
    spec.connect_to = Some((Ipv4Addr::LOCALHOST.into(), None));
    spec.tls = Arc::new(TlsSpec { ca: Some(authority.file()), ..TlsSpec::default() });
    spec
}

async fn asked(mut spec: HttpSpec, versions: Option<HttpVersions>) -> ProbeResult {
    spec.versions = versions;
    run(of_http(spec), AMPLE).await
}

#[tokio::test]
async fn over_tls_the_versions_wanted_are_the_ones_offered() {
    let authority = Authority::new();
    let two = polyglot(&authority, &[b"h2"]);
    let one = polyglot(&authority, &[b"http/1.1"]);
    let (h1, h2) = (HttpVersion::Http11, HttpVersion::Http2);
    for (server, versions, came) in [
        (&two, only(&[h2]), h2),
        (&two, only(&[h1, h2]), h2),
        (&two, None, h2),
        (&one, only(&[h1]), h1),
        (&one, only(&[h1, h2]), h1),
    ] {
        let result = asked(over_tls(server, &authority), versions).await;
        assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
        assert_eq!(result.facts.http_version, Some(came));
    }
    for (server, versions, said) in [
        (&one, only(&[h2]), "the server speaks none of the versions offered: HTTP/2 (`versions`)"),
        (
            &two,
            only(&[h1]),
            "the server speaks none of the versions offered: HTTP/1.1 (`versions`)",
        ),
    ] {
        let result = asked(over_tls(server, &authority), versions).await;
        assert_eq!(result.outcome, Outcome::Bad(Reason::HttpVersion), "{}", result.said);
        assert_eq!(result.said, said);
    }
}

#[tokio::test]
async fn an_answer_in_another_version_than_wanted_is_bad() {
    let authority = Authority::new();
    // It takes no part in the choice, so HTTP/1.1 is what is spoken.
    let silent = polyglot(&authority, &[]);
    let result = asked(over_tls(&silent, &authority), only(&[HttpVersion::Http2])).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::HttpVersion), "{}", result.said);
    assert_eq!(result.said, "the answer came as HTTP/1.1, expected HTTP/2 (`versions`)");

    let old = Server::fixed("HTTP/1.0 200 OK\r\n\r\nold");
    let versions = only(&[HttpVersion::Http11, HttpVersion::Http2]);
    let result = asked(http(&old.url("/")), versions).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::HttpVersion), "{}", result.said);
    assert_eq!(
        result.said,
        "the answer came as HTTP/1.0, expected HTTP/1.1 or HTTP/2 (`versions`)"
    );
    let result = asked(http(&old.url("/")), only(&[HttpVersion::Http10])).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
}

#[tokio::test]
async fn without_tls_http_2_alone_is_spoken_without_asking_first() {
    let two = Server::raw(|stream| {
        let id = h2::heard(stream)?;
        stream.write_all(&h2::answer(id, b"two"))
    });
    let result = asked(http(&two.url("/")), only(&[HttpVersion::Http2])).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    assert_eq!(result.facts.http_version, Some(HttpVersion::Http2));
    assert_eq!(result.facts.body_bytes, Some(3));

    let one = Server::fixed(response("200 OK", &[], ""));
    let result = asked(http(&one.url("/")), only(&[HttpVersion::Http2])).await;
    assert!(
        matches!(result.outcome.reason(), Some(Reason::Protocol | Reason::Reset)),
        "{}",
        result.said
    );
}

/// How a server breaks off, given the stream it was asked on.
type End = fn(u32) -> Vec<u8>;

/// A server that counts what it is asked, breaks off with `end`, and listens on to hear whether it is asked again.
fn breaking(end: End) -> (impl Fn(&mut dyn Wire) -> Result<()> + Sync + Send, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let serve = move |wire: &mut dyn Wire| {
        let mut stream = h2::heard(wire)?;
        loop {
            counted.fetch_add(1, Ordering::SeqCst);
            wire.write_all(&end(stream))?;
            wire.flush()?;
            stream = h2::next_request(wire)?;
        }
    };
    (serve, count)
}

#[tokio::test]
async fn one_request_is_sent_also_when_an_http_2_server_breaks_off() {
    fn refused(stream: u32) -> Vec<u8> {
        h2::frame(h2::RST_STREAM, 0, stream, &7_u32.to_be_bytes())
    }
    let ends: [(&str, End); 3] = [
        ("GOAWAY", |_| h2::goaway(0)),
        ("REFUSED_STREAM", refused),
        ("both", |stream| [h2::goaway(0), refused(stream)].concat()),
    ];
    for (name, end) in ends {
        let authority = Authority::new();
        let mut config = authority.good().server();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let (serve, count) = breaking(end);
        let secure = Server::tls_raw(config, serve);
        let result = asked(over_tls(&secure, &authority), None).await;
        assert!(result.outcome.reason().is_some(), "{name}: {}", result.said);
        assert_eq!((secure.connections(), count.load(Ordering::SeqCst)), (1, 1), "{name}");

        let (serve, count) = breaking(end);
        let clear = Server::raw(move |stream| serve(stream));
        let result = asked(http(&clear.url("/")), only(&[HttpVersion::Http2])).await;
        assert!(result.outcome.reason().is_some(), "{name}: {}", result.said);
        assert_eq!((clear.connections(), count.load(Ordering::SeqCst)), (1, 1), "{name}");
    }
}

#[tokio::test]
async fn one_request_is_sent_also_when_the_connection_just_ends() {
    let closing = Server::raw(hear);
    let resetting = Server::raw(|stream| {
        // Closing with unread bytes makes a reset of it.
        stream.read_exact(&mut [0; 1])?;
        Err(std::io::ErrorKind::Other.into())
    });
    for server in [closing, resetting] {
        let result = asked(http(&server.url("/")), None).await;
        assert_eq!(result.outcome, Outcome::Bad(Reason::Reset), "{}", result.said);
        assert_eq!(server.connections(), 1);
    }
}

#[tokio::test]
async fn a_connection_that_would_be_kept_is_not_used_again() {
    let server = Server::plain(|_, wire| {
        let answer = response("200 OK", &["connection: keep-alive"], "");
        wire.write_all(answer.as_bytes())?;
        // Whoever asked again here would not be heard, and wait.
        wire.read(&mut [0; 1]).map(drop)
    });
    for _ in 0..3 {
        let result = asked(http(&server.url("/")), None).await;
        assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    }
    assert_eq!((server.connections(), server.requests().len()), (3, 3));
}
