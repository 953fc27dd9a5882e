//! DNS probes over TLS and over HTTPS against real servers on the loopback: what is asked, what is seen, how each part fails.
//!
//! Certificates are made for each test; the servers follow scripts.
//!
//! The rules on answers are the same over every transport, and tested in `dns` and `dns_rules`.

use crate::support::certs::{Authority, Identity};
use crate::support::dns::{DnsServer, Question, Reply};
use crate::support::doh::{Answer, Asked, DohServer, question};
use crate::support::spec::{AMPLE, dns, of_dns, run};
use crate::support::tcp::{TcpServer, until_closed};
use hickory_resolver::proto::op::{Message, Query, ResponseCode};
use hickory_resolver::proto::rr::rdata::A;
use hickory_resolver::proto::rr::{RData, Record, RecordType};
use http::Response;
use nephoscope::model::{
    DnsServer as At, DnsSpec, DnsTransport, DohMethod, DohPlace, Host, HttpVersion, Outcome, Phase,
    ProbeResult, Reason, TlsSpec, TlsVersion, Warning,
};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// For runs that are meant to be ended by it after something has come, on a busy machine too.
const LATER: Duration = Duration::from_millis(500);

/// A question to `localhost`, which trusts this authority.
fn to(server: SocketAddr, transport: DnsTransport, authority: &Authority) -> DnsSpec {
    let tls = TlsSpec { ca: Some(authority.file()), ..TlsSpec::default() };
    DnsSpec {
        server: At::At(Host::Name("localhost".into()), server.port()),
        transport,
        tls: Some(Arc::new(tls)),
        ..dns(server, "shop.test.", RecordType::A)
    }
}

async fn ask(spec: DnsSpec) -> ProbeResult {
    run(of_dns(spec), AMPLE).await
}

fn address() -> RData {
    RData::A(A(Ipv4Addr::new(192, 0, 2, 7)))
}

fn honest(question: &Question) -> Reply {
    question.records(60, [address()]).into()
}

/// The true answer to a question over HTTPS.
fn true_message(asked: &Asked) -> Message {
    let question = question(asked);
    let mut answer = Message::response(question.id, question.op_code);
    answer.add_queries(question.queries.iter().cloned());
    let owner = question.queries[0].name().clone();
    answer.add_answer(Record::from_rdata(owner, 60, address()));
    answer
}

fn dns_message(body: Vec<u8>) -> Response<Vec<u8>> {
    Response::builder().header("content-type", "application/dns-message").body(body).unwrap()
}

fn whole(asked: &Asked) -> Answer {
    Answer::Whole(dns_message(true_message(asked).to_vec().unwrap()))
}

fn phases(result: &ProbeResult) -> Vec<Phase> {
    let mut seen: Vec<_> = result.phases.iter().map(|(phase, _, _)| phase).collect();
    // Whether the answer comes in one piece is up to the kernel.
    seen.retain(|phase| *phase != Phase::Transfer);
    seen
}

#[tokio::test]
async fn a_question_over_tls_is_answered_and_the_certificate_is_seen() {
    let authority = Authority::new();
    let server = DnsServer::secure(authority.good().server(), honest).await;
    let result = ask(to(server.address, DnsTransport::Tls, &authority)).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    assert!(result.said.starts_with("NOERROR, 1 answer (192.0.2.7) in "), "{}", result.said);
    assert_eq!(phases(&result), [Phase::Resolve, Phase::Connect, Phase::Tls, Phase::Processing]);
    assert_eq!(result.address, Some(server.address));
    let facts = &result.facts;
    assert_eq!(facts.tls_version, Some(TlsVersion::Tls13));
    assert!(facts.certificate_not_after.is_some());
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn the_tls_table_holds_for_dns_too() {
    let authority = Authority::new();
    let stranger = Authority::new();
    for transport in [DnsTransport::Tls, DnsTransport::Https] {
        let served = async |identity: Identity| {
            if transport == DnsTransport::Tls {
                let server = DnsServer::secure(identity.server(), honest).await;
                ask(to(server.address, transport, &authority)).await
            } else {
                let server = DohServer::start(identity.server(), whole).await;
                ask(to(server.address, transport, &authority)).await
            }
        };
        let untrusted = served(stranger.good()).await;
        let misnamed = served(authority.leaf("other.test", -1..90)).await;
        let expired = served(authority.leaf("localhost", -30..-2)).await;
        assert_eq!(untrusted.outcome, Outcome::Bad(Reason::TlsUntrusted), "{}", untrusted.said);
        assert_eq!(misnamed.outcome, Outcome::Bad(Reason::TlsHostname), "{}", misnamed.said);
        assert_eq!(expired.outcome, Outcome::Bad(Reason::TlsExpired), "{}", expired.said);
        assert!(expired.facts.certificate_not_after.is_some(), "seen although it is bad");
        assert!(expired.facts.dns_rcode.is_none(), "nobody was asked");
    }
}

#[tokio::test]
async fn a_certificate_about_to_end_is_a_warning() {
    let authority = Authority::new();
    let server = DnsServer::secure(authority.leaf("localhost", -1..10).server(), honest).await;
    let mut spec = to(server.address, DnsTransport::Tls, &authority);
    let days = |count: u64| Duration::from_secs(count * 86_400);
    let within = |count| {
        let ca = Some(authority.file());
        let expires_within = Some(days(count));
        Some(Arc::new(TlsSpec { ca, expires_within, ..TlsSpec::default() }))
    };
    spec.tls = within(21);
    let warned = ask(spec.clone()).await;
    spec.tls = within(3);
    let calm = ask(spec).await;
    assert_eq!((warned.outcome, calm.outcome), (Outcome::Good, Outcome::Good), "{}", warned.said);
    assert!(warned.warnings.contains(Warning::TlsExpiresSoon));
    assert!(calm.warnings.is_empty());
}

#[tokio::test]
async fn a_server_without_tls_or_without_a_word_is_told_apart() {
    let authority = Authority::new();
    let plain = TcpServer::saying("SSH-2.0-something\r\n").await;
    let silent =
        TcpServer::start(|mut stream| async move { until_closed(&mut stream).await }).await;
    for transport in [DnsTransport::Tls, DnsTransport::Https] {
        let result = ask(to(plain.address, transport, &authority)).await;
        assert_eq!(result.outcome, Outcome::Bad(Reason::TlsHandshake), "{}", result.said);
        let spec = to(silent.address, transport, &authority);
        let result = run(of_dns(spec), LATER).await;
        assert_eq!(result.outcome, Outcome::Bad(Reason::TlsTimeout), "{}", result.said);
    }
}

#[tokio::test]
async fn over_tls_silence_closing_and_stalling_are_told_apart() {
    let authority = Authority::new();
    let server =
        |reply: fn(&Question) -> Reply| DnsServer::secure(authority.good().server(), reply);
    let silent = server(|_| Reply::Silence).await;
    let leaves = server(|_| Reply::Close).await;
    let stalls = server(|_| Reply::Bytes(vec![0, 40, 1])).await;
    let of = |server: &DnsServer| of_dns(to(server.address, DnsTransport::Tls, &authority));
    let silence = run(of(&silent), LATER).await;
    let closed = run(of(&leaves), AMPLE).await;
    let stalled = run(of(&stalls), LATER).await;
    assert_eq!(silence.outcome, Outcome::Bad(Reason::ResponseTimeout), "{}", silence.said);
    assert_eq!(closed.outcome, Outcome::Bad(Reason::Reset), "{}", closed.said);
    assert_eq!(stalled.outcome, Outcome::Bad(Reason::BodyTimeout), "{}", stalled.said);
}

#[tokio::test]
async fn a_question_over_https_goes_in_the_body_or_in_the_url() {
    let authority = Authority::new();
    let server = DohServer::start(authority.good().server(), whole).await;
    let post = to(server.address, DnsTransport::Https, &authority);
    let place = DohPlace { path: "/resolve?key=1".into(), method: DohMethod::Get };
    let get = DnsSpec { https: place, ..post.clone() };
    for spec in [post, get] {
        let result = ask(spec).await;
        assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
        let steps = [Phase::Resolve, Phase::Connect, Phase::Tls, Phase::Processing];
        assert_eq!(phases(&result), steps);
        let facts = &result.facts;
        assert_eq!((facts.http_status, facts.http_version), (Some(200), Some(HttpVersion::Http2)));
        assert_eq!(facts.dns_answers, Some(1));
    }
    let asked = server.asked();
    let [(post, authority, path, body), (get, _, url, nothing)] = &asked[..] else {
        panic!("one request for each run: {asked:?}")
    };
    assert_eq!((post.as_str(), path.as_str()), ("POST", "/dns-query"));
    assert_eq!(*authority, format!("localhost:{}", server.address.port()));
    assert_eq!(body[..2], [0, 0], "the id is 0, so that caches can share the answer");
    assert_eq!((get.as_str(), nothing.len()), ("GET", 0));
    let encoded = url.strip_prefix("/resolve?key=1&dns=").unwrap();
    assert!(encoded.starts_with("AAA") && !encoded.contains('='), "{encoded}");
}

#[tokio::test]
async fn an_address_of_ipv6_as_the_servers_name_stands_in_brackets() {
    let authority = Authority::new();
    let server = DohServer::start(authority.leaf("2001:db8::7", -1..90).server(), whole).await;
    let mut spec = to(server.address, DnsTransport::Https, &authority);
    let ca = Some(authority.file());
    let server_name = Some("2001:db8::7".into());
    spec.tls = Some(Arc::new(TlsSpec { ca, server_name, ..TlsSpec::default() }));
    let result = ask(spec).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    let expected = format!("[2001:db8::7]:{}", server.address.port());
    assert_eq!(server.asked()[0].1, expected);
}

#[tokio::test]
async fn a_server_that_wants_a_client_certificate_objects_to_none() {
    let authority = Authority::new();
    let identity = authority.good();
    for transport in [DnsTransport::Tls, DnsTransport::Https] {
        let config = identity.server_with(rustls::ALL_VERSIONS, Some(&authority));
        let (dot, doh);
        let address = if transport == DnsTransport::Tls {
            dot = DnsServer::secure(config, honest).await;
            dot.address
        } else {
            doh = DohServer::start(config, whole).await;
            doh.address
        };
        let mut spec = to(address, transport, &authority);
        let result = ask(spec.clone()).await;
        assert_eq!(result.outcome, Outcome::Bad(Reason::TlsHandshake), "{}", result.said);
        let identity = Some(authority.leaf("client.example", -1..9).files());
        let ca = Some(authority.file());
        spec.tls = Some(Arc::new(TlsSpec { ca, identity, ..TlsSpec::default() }));
        let result = ask(spec).await;
        assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    }
}

#[tokio::test]
async fn rules_see_what_came_over_https() {
    let authority = Authority::new();
    let server = DohServer::start(authority.good().server(), |asked| {
        let mut answer = true_message(asked);
        answer.answers.clear();
        answer.metadata.response_code = ResponseCode::NXDomain;
        Answer::Whole(dns_message(answer.to_vec().unwrap()))
    })
    .await;
    let result = ask(to(server.address, DnsTransport::Https, &authority)).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::Rcode));
    assert_eq!(result.said, "answered NXDOMAIN, expected NOERROR");
}

/// What a server does about a request.
type Script = fn(&Asked) -> Answer;

/// Answers of an HTTPS server that are none, each with the reason and what the sentence says.
fn no_answers() -> Vec<(Script, Reason, &'static str)> {
    vec![
        (
            |_| Answer::Whole(Response::builder().status(404).body(Vec::new()).unwrap()),
            Reason::Status,
            "answered 404 Not Found, expected 2xx",
        ),
        (
            |_| Answer::Whole(Response::builder().status(302).body(Vec::new()).unwrap()),
            Reason::Status,
            "answered 302 Found, expected 2xx",
        ),
        (
            |_| {
                let page = Response::builder().header("content-type", "text/html; charset=utf-8");
                Answer::Whole(page.body(b"<p>".to_vec()).unwrap())
            },
            Reason::Protocol,
            "the answer is `text/html`, expected `application/dns-message`",
        ),
        (
            |asked| Answer::Whole(Response::new(true_message(asked).to_vec().unwrap())),
            Reason::Protocol,
            "the answer does not say what it is, expected `application/dns-message`",
        ),
        (
            |_| Answer::Whole(dns_message(vec![0; 65_536])),
            Reason::Protocol,
            "the answer cannot be read: it has more than 65535 bytes",
        ),
        (
            |asked| {
                let mut other = true_message(asked);
                other.queries = vec![Query::query("evil.test.".parse().unwrap(), RecordType::A)];
                Answer::Whole(dns_message(other.to_vec().unwrap()))
            },
            Reason::Protocol,
            "the answer cannot be read: it is not about the question",
        ),
        (
            |asked| {
                let mut bytes = true_message(asked).to_vec().unwrap();
                bytes.truncate(bytes.len() - 3);
                Answer::Whole(dns_message(bytes))
            },
            Reason::Protocol,
            "the answer cannot be read: ",
        ),
        (|_| Answer::Reset, Reason::Reset, "the server gave the request up: "),
    ]
}

#[tokio::test]
async fn what_is_no_answer_over_https_says_so() {
    let authority = Authority::new();
    for (script, reason, said) in no_answers() {
        let server = DohServer::start(authority.good().server(), script).await;
        let result = ask(to(server.address, DnsTransport::Https, &authority)).await;
        assert_eq!(result.outcome, Outcome::Bad(reason), "{}", result.said);
        assert!(result.said.starts_with(said), "{} is not {said}", result.said);
        assert_eq!(server.asked().len(), 1, "one request for one run: {said}");
    }
}

#[tokio::test]
async fn over_https_the_deadline_holds_for_the_header_and_for_the_body() {
    let authority = Authority::new();
    let silent = DohServer::start(authority.good().server(), |_| Answer::Silence).await;
    let endless = DohServer::start(authority.good().server(), |asked| {
        Answer::Endless(dns_message(true_message(asked).to_vec().unwrap()))
    })
    .await;
    let of = |server: &DohServer| of_dns(to(server.address, DnsTransport::Https, &authority));
    let silence = run(of(&silent), LATER).await;
    let stalled = run(of(&endless), LATER).await;
    assert_eq!(silence.outcome, Outcome::Bad(Reason::ResponseTimeout), "{}", silence.said);
    assert_eq!(stalled.outcome, Outcome::Bad(Reason::BodyTimeout), "{}", stalled.said);
    assert!(stalled.latency < LATER * 2, "{:?}", stalled.latency);
}

#[tokio::test]
async fn a_web_server_without_http2_is_named() {
    let authority = Authority::new();
    let server = TcpServer::secure(authority.good().server(), |mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
    })
    .await;
    let result = ask(to(server.address, DnsTransport::Https, &authority)).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::Protocol), "{}", result.said);
    assert!(result.said.contains("did not agree on HTTP/2"), "{}", result.said);
}

#[tokio::test]
async fn garbage_after_the_handshake_is_not_http2() {
    let authority = Authority::new();
    let mut config = authority.good().server();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let server = TcpServer::secure(config, |mut stream| async move {
        let _ = stream.write_all(&[0x47; 4096]).await;
        let _ = stream.flush().await;
        std::future::pending::<()>().await;
    })
    .await;
    let result = ask(to(server.address, DnsTransport::Https, &authority)).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::Protocol), "{}", result.said);
}
