//! Whatever comes from the wire: answers of every protocol, spoiled at random, to the real probers over real sockets.
//!
//! A case is drawn from a numbered stream: a seed of one protocol, then bytes flipped, cut out, doubled, put in, spliced with
//! another seed, or the end cut off. It has to end in its time, within its memory, and without a panic. `cargo test` tries a
//! few; `NEPHOSCOPE_FUZZ_CASES=5000` (as `.ci/run --long` does) as many of each, from the same streams, so that what once failed
//! fails again.
//!
//! What an answer means is tested elsewhere; here only that it does no harm.

use crate::support::dns::{DnsServer, Reply};
use crate::support::spec::{dns, http, of_dns, of_http, of_tcp, pattern, tcp};
use crate::support::tcp::{TcpServer, hear, until_closed};
use hickory_resolver::proto::rr::RecordType;
use hickory_resolver::proto::rr::rdata::{A, MX, SOA, TXT};
use hickory_resolver::proto::rr::{Name, RData};
use nephoscope::clock::SystemClock;
use nephoscope::model::{
    Demand, DnsSpec, DnsTransport, Network, Said, Spec, StartTls, Step, TlsSpec,
};
use nephoscope::net::Net;
use nephoscope::probe::tls::Roots;
use nephoscope::probe::{Engine, Prober};
use nephoscope::seed::Stream;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;

/// Cases of each protocol when nobody says how many.
const FEW: u64 = 40;
/// How long a run may take: some answers stall it.
const LIMIT: Duration = Duration::from_millis(150);
/// How much later than that it may end, on a busy machine.
const TOLERANCE: Duration = Duration::from_millis(500);
/// Bytes beyond its body limit that a probe may have read.
const BEYOND: u64 = 512 * 1024;

#[expect(
    clippy::disallowed_methods,
    reason = "the number of cases is the one thing a test is told from outside"
)]
fn cases() -> u64 {
    std::env::var("NEPHOSCOPE_FUZZ_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(FEW)
}

/// One of `seeds`, spoiled.
fn spoiled(stream: &mut Stream, seeds: &[&[u8]]) -> Vec<u8> {
    let any = |stream: &mut Stream, below: usize| -> usize {
        usize::try_from(stream.below(below as u64)).unwrap()
    };
    let pick = any(stream, seeds.len());
    let mut bytes = seeds[pick].to_vec();
    for _ in 0..stream.below(5) {
        let at = any(stream, bytes.len() + 1);
        let to = (at + 1 + any(stream, 24)).min(bytes.len());
        match stream.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << stream.below(8),
            1 if at < bytes.len() => bytes[at] = stream.next_u64().to_le_bytes()[0],
            2 if at < to => _ = bytes.drain(at..to),
            3 if at < to => {
                let part = bytes[at..to].to_vec();
                let times = 1 + any(stream, 400);
                bytes.splice(at..at, part.repeat(times));
            }
            4 => bytes.truncate(at),
            5 => {
                let other = any(stream, seeds.len());
                bytes.truncate(at);
                let from = any(stream, seeds[other].len());
                bytes.extend_from_slice(&seeds[other][from..]);
            }
            _ => {
                let noise: Vec<u8> =
                    (0..stream.below(64)).map(|_| stream.next_u64().to_le_bytes()[0]).collect();
                bytes.splice(at..at, noise);
            }
        }
    }
    bytes
}

/// What a server says next; `true` if it then waits instead of closing.
type Saying = Arc<Mutex<(Vec<u8>, bool)>>;

/// A server that hears something (unless it speaks first), says what is due, and leaves or stays.
async fn server(saying: &Saying, first: bool) -> TcpServer {
    let saying = Arc::clone(saying);
    TcpServer::start(move |mut stream| {
        let (bytes, stays) = saying.lock().unwrap().clone();
        async move {
            if !first {
                hear(&mut stream).await;
            }
            let _ = stream.write_all(&bytes).await;
            if stays {
                until_closed(&mut stream).await;
            }
        }
    })
    .await
}

/// Runs `spec` against what was drawn: it ends in time and keeps its bounds. It can reach nothing but loopback.
async fn survives(spec: Spec, case: u64, body_limit: u64) {
    let loopback = Network { address: Ipv4Addr::new(127, 0, 0, 0).into(), prefix: 8 };
    let fence = Demand { networks: Some(vec![loopback]), ..Demand::default() }.fence(false);
    let net = Net::with_servers(&[]).fenced(fence);
    let engine = Arc::new(Engine::with_net(net, Roots::default(), Arc::new(SystemClock)));
    let result = Prober::build(&Arc::new(spec), &engine).unwrap().probe(LIMIT).await;
    assert!(
        result.latency <= LIMIT + TOLERANCE,
        "case {case}: {:?}: {}",
        result.latency,
        result.said
    );
    assert!(
        result.facts.body_bytes.is_none_or(|bytes| bytes <= body_limit + BEYOND),
        "case {case}"
    );
    assert!(!result.said.is_empty(), "case {case}: every result says something");
}

#[tokio::test]
async fn http_answers() {
    let seeds: [&[u8]; 6] = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\nContent-Type: application/json\r\n\r\n{\"status\":\"ok\"}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: /next\r\nSet-Cookie: a=b; Path=/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nX: y\r\n\r\n",
        b"HTTP/1.0 500 Oh no\r\n\r\n<html><p>\xff\xfe",
        b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/x\r\n\r\n",
    ];
    let saying = Saying::default();
    let server = server(&saying, false).await;
    for case in 0..cases() {
        let mut stream = Stream::new(case, "http");
        *saying.lock().unwrap() = (spoiled(&mut stream, &seeds), stream.chance(50));
        let mut spec = http(&format!("http://{}/", server.address));
        spec.body_matches = vec![pattern("ok|hello")];
        let limit = spec.body_limit;
        survives(of_http(spec), case, limit).await;
    }
}

#[tokio::test]
async fn words_of_a_dialogue() {
    let seeds: [&[u8]; 4] = [
        b"220 mail.example ESMTP\r\n250-mail.example\r\n250-SIZE 1000\r\n250 OK\r\n",
        b"220-first\r\n220 last\r\n",
        b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n",
        b"\x00\x01\x02\xff\xfe\r\n\r\n\n\n",
    ];
    let saying = Saying::default();
    let server = server(&saying, true).await;
    for case in 0..cases() {
        let mut stream = Stream::new(case, "dialogue");
        *saying.lock().unwrap() = (spoiled(&mut stream, &seeds), stream.chance(50));
        let mut spec = tcp(server.address);
        spec.dialogue = vec![
            Step::Expect { pattern: pattern("(?m)^220 "), within: None },
            Step::Send(vec![Said::Bytes(bytes::Bytes::from_static(b"EHLO monitor\r\n"))]),
            Step::Expect { pattern: pattern("(?m)^250 "), within: Some(LIMIT / 2) },
        ];
        survives(of_tcp(spec), case, 0).await;
    }
}

#[tokio::test]
async fn answers_to_starttls_and_bytes_of_a_handshake() {
    let seeds: [&[u8]; 4] = [
        b"220 mail.example ESMTP\r\n250-mail.example\r\n250 STARTTLS\r\n220 go ahead\r\n\x16\x03\x03\x00\x04abcd",
        b"220 x\r\n250 x\r\n454 TLS not available\r\n",
        b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03\x00\x00\x00\x00",
        b"\x15\x03\x03\x00\x02\x02\x28",
    ];
    let saying = Saying::default();
    let server = server(&saying, true).await;
    for case in 0..cases() {
        let mut stream = Stream::new(case, "starttls");
        *saying.lock().unwrap() = (spoiled(&mut stream, &seeds), stream.chance(50));
        let mut spec = tcp(server.address);
        spec.tls = Some(Arc::new(TlsSpec { verify: false, ..TlsSpec::default() }));
        if stream.chance(700) {
            spec.dialogue = vec![Step::StartTls(StartTls::Smtp)];
        }
        survives(of_tcp(spec), case, 0).await;
    }
}

#[tokio::test]
async fn dns_messages() {
    let name = |text: &str| Name::from_ascii(text).unwrap();
    let soa = SOA::new(name("ns.test."), name("me.test."), 7, 1, 1, 1, 1);
    let records = [
        RData::A(A(Ipv4Addr::new(192, 0, 2, 7))),
        RData::MX(MX::new(10, name("mail.test."))),
        RData::TXT(TXT::new(vec!["words".to_owned()])),
        RData::SOA(soa),
    ];
    let draws = Arc::new(Mutex::new(Stream::new(0, "dns")));
    let shared = Arc::clone(&draws);
    let server = DnsServer::start(move |question| {
        let honest = question.records(60, records.clone()).to_vec().unwrap();
        let bare = question.response().to_vec().unwrap();
        let stream = &mut *shared.lock().unwrap();
        let mut bytes = spoiled(stream, &[&honest, &bare]);
        // With the right id it gets further.
        if let (Some(id), true) = (bytes.get_mut(..2), stream.chance(800)) {
            id.copy_from_slice(&honest[..2]);
        }
        Reply::Packets(vec![bytes])
    })
    .await;
    for case in 0..cases() {
        *draws.lock().unwrap() = Stream::new(case, "dns");
        let transport = if case % 3 == 0 { DnsTransport::Tcp } else { DnsTransport::Udp };
        let mut spec = DnsSpec { transport, ..dns(server.address, "shop.test.", RecordType::A) };
        spec.answers.any = vec![pattern("192")];
        survives(of_dns(spec), case, 0).await;
    }
}
