//! What others write: answers of every protocol that is spoken, spoiled at random, to the real probers over real sockets; and
//! lists of targets.
//!
//! A case is drawn from a numbered stream: a seed of one protocol, then bytes flipped, cut out, doubled, put in, spliced with
//! another seed, or the end cut off. It has to end in its time and without a panic. `cargo test` tries a few;
//! `NEPHOSCOPE_FUZZ_CASES=5000` (as `.ci/run --long` does) as many of each, from the same streams, so that what once failed
//! fails again. Memory is measured in `memory`, on answers made to take much of it.
//!
//! What an answer means is tested elsewhere; here only that it does no harm. ICMP and programs have their own bounds and
//! tests; DNS over TLS and gRPC over TLS are the same readers behind a handshake.

mod memory;

use crate::support::certs::Authority;
use crate::support::dns::{DnsServer, Reply};
use crate::support::doh::{self, DohServer};
use crate::support::h2::{DATA, END, HEADERS, OK, SETTINGS, WHOLE, frame};
use crate::support::spec::{dns, http, of_dns, of_http, of_tcp, pattern, spec, tcp};
use crate::support::tcp::{TcpServer, hear, until_closed};
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::RecordType;
use hickory_resolver::proto::rr::rdata::{A, MX, SOA, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record};
use http::Response;
use nephoscope::clock::{Instant, SystemClock};
use nephoscope::config;
use nephoscope::model::{
    Coding, Codings, Demand, DnsServer as At, DnsSpec, DnsTransport, GrpcSpec, Host, JsonPath,
    JsonRule, JsonScalar, JsonWanted, Network, Outcome, ProbeKind, Said, Spec, StartTls, Step,
    TlsSpec,
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
/// The same behind a handshake, which takes a debug build its time.
const LIMIT_BEHIND_TLS: Duration = Duration::from_millis(800);
/// How much later than that it may end, on a busy machine.
const TOLERANCE: Duration = Duration::from_millis(500);
/// How long the configuration may take to be read with one list of targets.
const READ_WITHIN: Duration = Duration::from_secs(8);

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

/// Runs `spec` against what was drawn: it ends in time. It can reach nothing but loopback.
async fn survives(spec: Spec, case: u64) {
    survives_within(LIMIT, spec, case).await;
}

/// The same with another deadline, and how it ended.
async fn survives_within(limit: Duration, spec: Spec, case: u64) -> Outcome {
    let loopback = Network { address: Ipv4Addr::new(127, 0, 0, 0).into(), prefix: 8 };
    let fence = Demand { networks: Some(vec![loopback]), ..Demand::default() }.fence(false);
    let net = Net::with_servers(&[]).fenced(fence);
    let engine = Arc::new(Engine::with_net(net, Roots::default(), Arc::new(SystemClock)));
    let result = Prober::build(&Arc::new(spec), &engine).unwrap().probe(limit).await;
    assert!(
        result.latency <= limit + TOLERANCE,
        "case {case}: {:?}: {}",
        result.latency,
        result.said
    );
    assert!(!result.said.is_empty(), "case {case}: every result says something");
    result.outcome
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
        survives(of_http(spec), case).await;
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
        survives(of_tcp(spec), case).await;
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
        survives(of_tcp(spec), case).await;
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
        survives(of_dns(spec), case).await;
    }
}

#[tokio::test]
async fn bodies_for_rules_on_json() {
    let seeds: [&[u8]; 5] = [
        br#"{"status": "ok", "list": [{"up": true, "load": 0.5}, {"up": false}], "deep": {"er": [1, [2, [3]]]}}"#,
        b"[[[[[[[[1]]]]]]]]",
        br#"{"a\u0041\n\ud83d\ude00": "\"\\\/", "status": -1e308, "b": 18446744073709551616}"#,
        b"{\"status\": \"o\xc3\xa4\xff\", \"status\": null}",
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xab\x56\x2a\x2e\x49\x2c\x29\x2d\x56\xb2\x52\xca\xcf\x56\xaa\x05\x00",
    ];
    let rule = |path: &str, wanted| {
        let compiled = serde_json_path::JsonPath::parse(path).unwrap();
        JsonRule { path: JsonPath::new(path, compiled), wanted }
    };
    let saying = Saying::default();
    let server = server(&saying, false).await;
    for case in 0..cases() {
        let mut stream = Stream::new(case, "json");
        let body = spoiled(&mut stream, &seeds);
        let coding = if stream.chance(200) { "content-encoding: gzip\r\n" } else { "" };
        let head = format!("HTTP/1.1 200 OK\r\n{coding}content-length: {}\r\n\r\n", body.len());
        *saying.lock().unwrap() = ([head.as_bytes(), &body].concat(), false);
        let mut spec = http(&format!("http://{}/", server.address));
        spec.decompress = Codings(Box::new([Coding::Gzip, Coding::Deflate]));
        let mut rules = vec![
            rule("$..*", JsonWanted::Exists(true)),
            rule("$.list[?@.load > 0.25].up", JsonWanted::Equals(JsonScalar::Bool(true))),
            rule("$.deep.er[-1:]..[0]", JsonWanted::Matches(pattern("."))),
            rule("$.status", JsonWanted::Equals(JsonScalar::Text("ok".into()))),
        ];
        let first = stream.below(rules.len() as u64);
        rules.rotate_left(usize::try_from(first).unwrap());
        spec.json = rules.into();
        survives(of_http(spec), case).await;
    }
}

/// Frames of a gRPC answer: `SERVING` with status 0, as literal header fields (RFC 7541, 6.2.2).
fn health_answer() -> Vec<u8> {
    let literal = |name: &str, value: &str| {
        let length = |text: &str| u8::try_from(text.len()).unwrap();
        [&[0, length(name)], name.as_bytes(), &[length(value)], value.as_bytes()].concat()
    };
    let head = [OK, &literal("content-type", "application/grpc")].concat();
    let end = [literal("grpc-status", "0"), literal("grpc-message", "fine%20")].concat();
    [
        frame(SETTINGS, 0, 0, &[]),
        frame(HEADERS, WHOLE, 1, &head),
        frame(DATA, 0, 1, &[0, 0, 0, 0, 2, 8, 1]),
        frame(HEADERS, WHOLE | END, 1, &end),
    ]
    .concat()
}

#[tokio::test]
async fn answers_of_a_health_service() {
    let whole = health_answer();
    let settings = [0, 3, 0, 0, 0, 1, 0, 4, 0, 0, 0xff, 0xff, 0, 5, 0, 0, 0x40, 0];
    let short = [frame(SETTINGS, 0, 0, &settings), frame(HEADERS, WHOLE | END, 1, OK)].concat();
    let away = [&whole[..9], &frame(7, 0, 0, &[0; 8]), &frame(3, 0, 1, &[0, 0, 0, 2])].concat();
    let seeds: [&[u8]; 4] = [&whole, &short, &away, b"HTTP/1.1 400 Bad Request\r\n\r\n"];
    let saying = Saying::default();
    let server = server(&saying, true).await;
    let mut spared = 0;
    for case in 0..cases() {
        let mut stream = Stream::new(case, "grpc");
        *saying.lock().unwrap() = (spoiled(&mut stream, &seeds), stream.chance(50));
        spared += u64::from(saying.lock().unwrap().0 == whole);
        let (host, port) = (Host::Ip(server.address.ip()), server.address.port());
        let grpc = GrpcSpec { host, port, service: "shop".into(), tls: None };
        survives(spec(ProbeKind::Grpc(Box::new(grpc))), case).await;
    }
    assert!(spared > 0, "some are not spoiled at all");
}

#[tokio::test]
async fn dns_messages_over_https() {
    let authority = Authority::new();
    let draws = Arc::new(Mutex::new(Stream::new(0, "doh")));
    let shared = Arc::clone(&draws);
    let server = DohServer::start(authority.good().server(), move |asked| {
        let asked = doh::question(asked);
        let mut message = Message::response(asked.id, asked.op_code);
        message.add_queries(asked.queries.iter().cloned());
        let owner = asked.queries[0].name().clone();
        let address = RData::A(A(Ipv4Addr::new(192, 0, 2, 7)));
        message.add_answer(Record::from_rdata(owner, 60, address));
        let stream = &mut *shared.lock().unwrap();
        let body = spoiled(stream, &[&message.to_vec().unwrap(), b"<html>"]);
        let kind = ["application/dns-message", "text/html"][usize::from(stream.chance(100))];
        let status = [200, 404][usize::from(stream.chance(100))];
        let response = Response::builder().status(status).header("content-type", kind);
        let response = response.body(body).unwrap();
        match stream.below(20) {
            0 => doh::Answer::Endless(response),
            1 => doh::Answer::Reset,
            _ => doh::Answer::Whole(response),
        }
    })
    .await;
    let tls = Arc::new(TlsSpec {
        ca: Some(authority.file()),
        server_name: Some("localhost".into()),
        ..TlsSpec::default()
    });
    let mut read = 0;
    for case in 0..cases() {
        *draws.lock().unwrap() = Stream::new(case, "doh");
        let mut spec = DnsSpec {
            transport: DnsTransport::Https,
            server: At::At(Host::Ip(server.address.ip()), server.address.port()),
            tls: Some(Arc::clone(&tls)),
            ..dns(server.address, "shop.test.", RecordType::A)
        };
        spec.answers.any = vec![pattern("192")];
        let outcome = survives_within(LIMIT_BEHIND_TLS, of_dns(spec), case).await;
        read += u64::from(outcome == Outcome::Good);
    }
    assert!(read > 0, "some are not spoiled at all");
}

#[test]
fn lists_of_targets() {
    let seeds: [&[u8]; 4] = [
        br#"[{"targets": ["a.example:80", "b.example"], "labels": {"service": "shop", "region": "eu", "team": "x"}}]"#,
        b"- targets: [a.example, 'b.example:9']\n  labels: {service: shop, team: \"x\"}\n- targets:\n    - c.example\n",
        b"- &a\n  targets: &b [x.example]\n  labels: &c {k: v}\n- targets: *b\n  labels: *c\n- <<: *a\n",
        b"%YAML 1.2\n---\n- targets: [\"\\x41\", |\n  text\n  ]\n...\n",
    ];
    let folder = tempfile::tempdir().unwrap();
    let main = folder.path().join("probes.toml");
    let text = "[monitor]\nvantage = \"test\"\n[provider.aws]\n[probe.web.http]\nurl = \"http://{host}/\"\n\
                [class.web]\nprobes = [\"web\"]\n\
                [[discover]]\nfile_sd = \"list.*\"\nclass = \"web\"\nprovider = \"aws\"\n";
    std::fs::write(&main, text).unwrap();
    let (mut used, mut refused) = (0, 0);
    for case in 0..cases() {
        let mut stream = Stream::new(case, "targets");
        let list = spoiled(&mut stream, &seeds);
        let file = folder.path().join(["list.yml", "list.json"][usize::from(stream.chance(400))]);
        std::fs::write(&file, list).unwrap();
        let begun = Instant::now();
        match config::load(&main) {
            Ok(_) => used += 1,
            Err(problems) => {
                refused += 1;
                assert!(!problems.render(false).is_empty(), "case {case}");
            }
        }
        assert!(begun.elapsed() < READ_WITHIN, "case {case}: {:?}", begun.elapsed());
        std::fs::remove_file(&file).unwrap();
    }
    assert!(used > 0 && refused > 0, "{used} used, {refused} refused");
}
