//! HTTP probes against servers that mean harm.
//!
//! Each run ends at its deadline or before, with the right reason and without keeping what it was sent; a probe of
//! another server on the same engine is undisturbed meanwhile.
//!
//! Every server here serves until the prober goes away, so a run that did not end would hang the test.

use crate::support::certs::Authority;
use crate::support::http::{Server, hear, path, response};
use crate::support::spec::{AMPLE, engine, http, of_http, prober};
use nephoscope::model::{HttpSpec, Outcome, ProbeResult, Reason, TlsSpec};
use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

/// The deadline of a run against a hostile server.
const DEADLINE: Duration = Duration::from_millis(600);
/// What a busy machine may add to it.
const SLACK: Duration = Duration::from_secs(5);

/// Runs `spec` beside probes of a well-behaved server, which must all stay good.
async fn endure(spec: HttpSpec) -> ProbeResult {
    let engine = engine();
    let calm = Server::fixed(response("200 OK", &[], "calm"));
    let neighbour = prober(of_http(http(&calm.url("/"))), &engine);
    let hostile = prober(of_http(spec), &engine);
    let neighbours = async {
        for _ in 0..10 {
            let result = neighbour.probe(AMPLE).await;
            assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
        }
    };
    let (result, ()) = tokio::join!(hostile.probe(DEADLINE), neighbours);
    assert!(result.latency < DEADLINE + SLACK, "took {:?}", result.latency);
    result
}

async fn reason(server: &Server) -> Reason {
    let result = endure(http(&server.url("/"))).await;
    result.outcome.reason().unwrap_or_else(|| panic!("{:?}: {}", result.outcome, result.said))
}

#[tokio::test]
async fn garbage_is_not_the_protocol() {
    for garbage in [&b"\x00\x01\x02\xff\xfe garbage \r\n\r\n"[..], b"SSH-2.0-OpenSSH_9.2\r\n"] {
        assert_eq!(reason(&Server::fixed(garbage)).await, Reason::Protocol);
    }
}

#[tokio::test]
async fn a_header_without_end_is_given_up() {
    let one_line = Server::plain(|_, wire| {
        wire.write_all(b"HTTP/1.1 200 OK\r\nx-endless: ")?;
        loop {
            wire.write_all(&[b'x'; 4096])?;
        }
    });
    assert_eq!(reason(&one_line).await, Reason::Protocol);
    let many_lines = Server::plain(|_, wire| {
        wire.write_all(b"HTTP/1.1 200 OK\r\n")?;
        loop {
            wire.write_all(b"x-one-more: 1\r\n")?;
        }
    });
    assert_eq!(reason(&many_lines).await, Reason::Protocol);
}

#[tokio::test]
async fn a_body_without_end_is_cut_at_the_limit() {
    let server = Server::plain(|_, wire| {
        wire.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
        loop {
            wire.write_all(b"1000\r\n")?;
            wire.write_all(&[b'x'; 4096])?;
            wire.write_all(b"\r\n")?;
        }
    });
    let result = endure(http(&server.url("/"))).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::BodyTooLarge), "{}", result.said);
    let read = result.facts.body_bytes.unwrap();
    assert!(read <= 64 * 1024 + 512 * 1024, "{read}");
}

#[tokio::test]
async fn a_compressed_bomb_stays_compressed() {
    let server = Server::fixed(response("200 OK", &["content-encoding: gzip"], "\u{1f}bomb"));
    let result = endure(http(&server.url("/"))).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    assert_eq!(result.facts.body_bytes, Some(5));
}

/// Sends `start`, then one byte each time the prober has said nothing for a while.
fn dripping(start: &'static [u8]) -> Server {
    Server::raw(move |stream| {
        hear(stream)?;
        stream.write_all(start)?;
        stream.set_read_timeout(Some(Duration::from_millis(20)))?;
        loop {
            match stream.read(&mut [0; 1]) {
                Ok(0) => return Ok(()),
                _ => stream.write_all(b"x")?,
            }
        }
    })
}

#[tokio::test]
async fn a_body_that_drips_ends_at_the_deadline() {
    let server = dripping(b"HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\nx");
    let result = endure(http(&server.url("/"))).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::BodyTimeout), "{}", result.said);
    assert!(result.facts.body_bytes > Some(1), "{:?}", result.facts);
    assert_eq!(result.facts.http_status, Some(200));
}

#[tokio::test]
async fn a_header_that_drips_ends_at_the_deadline() {
    assert_eq!(reason(&dripping(b"HTTP/1.1 200 OK\r\nx-slow: ")).await, Reason::ResponseTimeout);
}

#[tokio::test]
async fn a_body_cut_short_is_a_reset() {
    let stated = Server::fixed("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this");
    let chunked = Server::fixed("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n64\r\nonly");
    for server in [stated, chunked] {
        assert_eq!(reason(&server).await, Reason::Reset);
    }
}

#[tokio::test]
async fn a_broken_chunk_is_not_the_protocol() {
    let server =
        Server::fixed("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nonly\r\n");
    assert_eq!(reason(&server).await, Reason::Protocol);
}

#[tokio::test]
async fn closing_without_an_answer_is_a_reset() {
    assert_eq!(reason(&Server::fixed("")).await, Reason::Reset);
    assert_eq!(reason(&Server::fixed("HTTP/1.1 200 O")).await, Reason::Reset);
}

#[tokio::test]
async fn a_redirect_loop_ends_when_it_closes() {
    let server = Server::plain(|request, wire| {
        let location = if path(request) == "/" { "location: /b" } else { "location: /" };
        wire.write_all(response("302 Found", &[location], "").as_bytes())
    });
    let result = endure(http(&server.url("/"))).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::RedirectLimit), "{}", result.said);
    assert!(result.said.contains("loop"), "{}", result.said);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_deadline_in_the_middle_of_redirects_keeps_the_hops() {
    let server = Server::plain(|request, wire| {
        if path(request) == "/" {
            let answer = response("302 Found", &["location: /silent"], "");
            return wire.write_all(answer.as_bytes());
        }
        wire.read(&mut [0; 1]).map(drop)
    });
    let result = endure(http(&server.url("/"))).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::ResponseTimeout), "{}", result.said);
    let hops: Vec<_> = result.hops.iter().map(|hop| hop.http_status).collect();
    assert_eq!(hops, [Some(302), None]);
}

#[tokio::test]
async fn a_chain_of_absurd_length_costs_neither_time_nor_memory() {
    let authority = Authority::new();
    let filler = Authority::new().good().chain[0].clone();
    for length in [100, 2_000] {
        let mut absurd = authority.good();
        absurd.chain.extend(std::iter::repeat_n(filler.clone(), length));
        let server = Server::tls(absurd.server(), |_, wire| {
            wire.write_all(response("200 OK", &[], "").as_bytes())
        });
        let mut spec = http(&server.https("localhost", "/"));
        spec.connect_to = Some((Ipv4Addr::LOCALHOST.into(), None));
        spec.tls = Arc::new(TlsSpec { ca: Some(Authority::new().file()), ..TlsSpec::default() });
        let reason = endure(spec).await.outcome.reason();
        let expected = if length == 100 { Reason::TlsUntrusted } else { Reason::TlsHandshake };
        assert_eq!(reason, Some(expected), "{length}");
    }
}

#[tokio::test]
async fn a_flood_of_informational_answers_is_no_answer() {
    let server = Server::plain(|_, wire| {
        wire.write_all(&b"HTTP/1.1 100 Continue\r\n\r\n".repeat(10_000))?;
        wire.read(&mut [0; 1]).map(drop)
    });
    assert_eq!(reason(&server).await, Reason::ResponseTimeout);
}
