//! Bodies that come coded, and cookies: what an HTTP probe asks for, undoes, sends on and forgets.
//!
//! What is compressed is compressed here by the library that undoes it; bombs are real ones.
//!
//! Where nothing is asked for, nothing is undone: that is in `hostile_http`.

use crate::support::http::{Server, header, path, response};
use crate::support::spec::{AMPLE, engine, http, of_http, pattern, prober, run};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use nephoscope::model::{Coding, Codings, HttpSpec, Outcome, ProbeResult, Reason};
use std::io::Write;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn raw(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Answers with this body under this `content-encoding`.
fn coded(coding: &str, body: &[u8]) -> Server {
    let field =
        if coding.is_empty() { String::new() } else { format!("content-encoding: {coding}\r\n") };
    let length = body.len();
    let mut answer =
        format!("HTTP/1.1 200 OK\r\n{field}content-length: {length}\r\n\r\n").into_bytes();
    answer.extend_from_slice(body);
    Server::fixed(answer)
}

fn undoing(server: &Server) -> HttpSpec {
    let mut spec = http(&server.url("/"));
    spec.decompress = Codings(Box::new([Coding::Gzip, Coding::Deflate]));
    spec.body_matches = vec![pattern("^hello, ")];
    spec
}

async fn judged(spec: HttpSpec) -> ProbeResult {
    run(of_http(spec), AMPLE).await
}

#[tokio::test]
async fn what_is_asked_for_is_undone_and_judged() {
    let body = format!("hello, {}", "world ".repeat(500));
    let bytes = body.as_bytes();
    for (coding, sent) in [
        ("gzip", gzip(bytes)),
        ("x-GZip", gzip(bytes)),
        ("gzip", [gzip(&bytes[..10]), gzip(&bytes[10..])].concat()),
        ("deflate", zlib(bytes)),
        ("deflate", raw(bytes)),
        ("identity", bytes.to_vec()),
        ("", bytes.to_vec()),
    ] {
        let server = coded(coding, &sent);
        let result = judged(undoing(&server)).await;
        assert_eq!(result.outcome, Outcome::Good, "{coding}: {}", result.said);
        assert_eq!(result.facts.body_bytes, Some(bytes.len() as u64), "{coding}");
        assert_eq!(result.facts.content_length, Some(sent.len() as u64), "{coding}");
        let asked = server.requests();
        assert_eq!(header(&asked[0], "accept-encoding"), Some("gzip, deflate"));
    }
}

#[tokio::test]
async fn without_decompress_nothing_is_asked_for() {
    let server = coded("gzip", &gzip(b"hello, "));
    let spec = HttpSpec { decompress: Codings::default(), ..undoing(&server) };
    let result = judged(spec).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::Body), "{}", result.said);
    assert_eq!(header(&server.requests()[0], "accept-encoding"), None);
}

#[tokio::test]
async fn what_cannot_be_undone_is_named() {
    let whole = gzip(b"hello, world");
    let damaged = [&whole[..10], b"\xff\xff\xff\xff\xff\xff", &whole[16..]].concat();
    for (coding, sent, expected) in [
        ("br", whole.clone(), "the body is coded as `br`, expected gzip, deflate (`decompress`)"),
        ("gzip", b"hello, plain".to_vec(), "cannot be undone as `gzip`: "),
        ("gzip", damaged, "cannot be undone as `gzip`: "),
        (
            "gzip",
            whole[..whole.len() - 9].to_vec(),
            "cannot be undone as `gzip`: it ends too early",
        ),
    ] {
        let result = judged(undoing(&coded(coding, &sent))).await;
        assert_eq!(result.outcome, Outcome::Bad(Reason::Encoding), "{}", result.said);
        assert!(result.said.contains(expected), "{}", result.said);
    }
    // Twice is not undone: it would be a choice of the server how often.
    let twice = Server::fixed(response(
        "200 OK",
        &["content-encoding: gzip", "content-encoding: gzip"],
        "x",
    ));
    assert_eq!(judged(undoing(&twice)).await.outcome, Outcome::Bad(Reason::Encoding));
}

#[tokio::test]
async fn a_bomb_is_given_up_at_the_limit() {
    let bomb = vec![b'x'; 64 << 20];
    for (coding, sent) in [("gzip", gzip(&bomb)), ("deflate", zlib(&bomb)), ("deflate", raw(&bomb))]
    {
        assert!(sent.len() < 128 * 1024, "{}", sent.len());
        let server = coded(coding, &sent);
        let spec = HttpSpec { body_limit: 128 * 1024, ..undoing(&server) };
        let result = judged(spec).await;
        assert_eq!(result.outcome, Outcome::Bad(Reason::BodyTooLarge), "{}", result.said);
        let said = "the body has more than 131072 bytes once it is decompressed (`body_limit`)";
        assert_eq!(result.said, said);
        // No more than the decoder's own room was made beyond the limit.
        assert!(result.facts.body_bytes < Some(256 * 1024), "{:?}", result.facts);
    }
}

#[tokio::test]
async fn a_body_of_the_limit_is_read_and_one_byte_more_is_not() {
    for (length, reason) in [(1 << 20, None), ((1 << 20) + 1, Some(Reason::BodyTooLarge))] {
        let chunked = Server::plain(move |_, wire| {
            let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
            wire.write_all(head)?;
            wire.write_all(format!("{length:x}\r\n").as_bytes())?;
            wire.write_all(&vec![b'x'; length])?;
            wire.write_all(b"\r\n0\r\n\r\n")
        });
        let stated = Server::fixed(response("200 OK", &[], &"x".repeat(length)));
        for server in [chunked, stated] {
            let spec = HttpSpec::get(server.url("/").parse().unwrap());
            let result = judged(spec).await;
            assert_eq!(result.outcome.reason(), reason, "{length}: {}", result.said);
        }
    }
}

/// Sets a cookie at `/in` and at `/step`, and wants both at `/home`.
fn doorkeeper() -> Server {
    Server::plain(|request, wire| {
        let cookies = header(request, "cookie").unwrap_or_default();
        let answer = match path(request) {
            "/in" => response(
                "302 Found",
                &["location: /step", "set-cookie: id=1; Path=/; HttpOnly"],
                "",
            ),
            "/step" => response(
                "302 Found",
                &[
                    "location: /home",
                    "set-cookie: step=2; Domain=127.0.0.1; Path=/",
                    "set-cookie: away=3; Path=/other",
                ],
                "",
            ),
            _ if cookies.contains("id=1") && cookies.contains("step=2") => {
                response("200 OK", &["set-cookie: late=4"], "")
            }
            _ => response("403 Forbidden", &[], ""),
        };
        wire.write_all(answer.as_bytes())
    })
}

#[tokio::test]
async fn cookies_go_along_within_one_run_and_not_into_the_next() {
    let server = doorkeeper();
    let mut spec = http(&server.url("/in"));
    spec.cookies = true;
    spec.headers = vec![(::http::header::COOKIE, "own=0".parse().unwrap())];
    let engine = engine();
    let prober = prober(of_http(spec), &engine);
    for _ in 0..2 {
        let result = prober.probe(AMPLE).await;
        assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    }
    let requests = server.requests();
    let sent: Vec<_> = requests.iter().map(|request| header(request, "cookie").unwrap()).collect();
    assert_eq!([sent[0], sent[3]], ["own=0"; 2]);
    assert_eq!([sent[1], sent[4]], ["own=0; id=1"; 2]);
    for last in [sent[2], sent[5]] {
        assert!(last.starts_with("own=0; ") && !last.contains("away"), "{last}");
    }
}

#[tokio::test]
async fn without_cookies_none_goes_along() {
    let server = doorkeeper();
    let result = judged(http(&server.url("/in"))).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::Status), "{}", result.said);
    assert!(server.requests().iter().all(|request| header(request, "cookie").is_none()));
}

#[tokio::test]
async fn cookies_stay_with_their_host() {
    let other = Server::fixed(response("200 OK", &[], ""));
    let location = format!("location: http://localhost:{}/", other.address.port());
    let first = Server::fixed(response("302 Found", &[&location, "set-cookie: id=1; Path=/"], ""));
    let mut spec = http(&first.url("/"));
    spec.cookies = true;
    let result = judged(spec).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    assert_eq!(header(&other.requests()[0], "cookie"), None);
}
