//! TCP probes against real servers: each reason a connection or a dialogue can give.
//!
//! Servers follow scripts on the loopback; TLS is rustls on both sides.
//!
//! Certificates in all their wrong shapes are the TLS tests' business.

use crate::support::certs::{Authority, Identity};
use crate::support::dns::{DnsServer, Reply};
use crate::support::spec::{AMPLE, engine_asking, of_tcp, pattern, prober, run, tcp};
use crate::support::tcp::{DeafServer, TcpServer, echo_over_tls, hear, say, until_closed};
use hickory_resolver::proto::op::ResponseCode;
use nephoscope::model::{
    Host, IpChoice, Outcome, Phase, Pick, ProbeResult, Reason, Said, Spec, StartTls, Step, TcpSpec,
    TlsVersion,
};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

/// Short, for runs in which nothing comes.
const SHORT: Duration = Duration::from_millis(150);

/// For runs that are meant to be ended by it after something has come, on a busy machine too.
const LATER: Duration = Duration::from_millis(500);

fn expect(text: &str) -> Step {
    Step::Expect { pattern: pattern(text), within: None }
}

fn expect_within(text: &str, within: Duration) -> Step {
    Step::Expect { pattern: pattern(text), within: Some(within) }
}

fn send(text: &str) -> Step {
    Step::Send(vec![Said::Bytes(text.to_owned().into())])
}

fn talk(address: SocketAddr, dialogue: Vec<Step>) -> Spec {
    of_tcp(TcpSpec { dialogue, ..tcp(address) })
}

fn phases(result: &ProbeResult) -> Vec<Phase> {
    result.phases.iter().map(|(phase, _, _)| phase).collect()
}

/// What a test compares: outcome, phase in which the run ended, sentence.
fn ending(result: &ProbeResult) -> (Outcome, Phase, &str) {
    (result.outcome, result.phase, &result.said)
}

#[tokio::test]
async fn a_bare_connection_is_good() {
    let server =
        TcpServer::start(|mut stream| async move { until_closed(&mut stream).await }).await;
    let result = run(of_tcp(tcp(server.address)), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    assert_eq!((phases(&result), result.address), (vec![Phase::Connect], Some(server.address)));
    assert!(result.said.starts_with("connected in "), "{}", result.said);
}

#[tokio::test]
async fn a_closed_port_is_refused() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let result = run(of_tcp(tcp(gone)), AMPLE).await;
    let said = format!("{gone} refused the connection");
    let expected = (Outcome::Bad(Reason::ConnectRefused), Phase::Connect, said.as_str());
    assert_eq!(ending(&result), expected);
}

#[tokio::test]
async fn a_server_that_does_not_hear_times_out_in_connect() {
    let server = DeafServer::start().await;
    let result = run(of_tcp(tcp(server.address)), SHORT).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::ConnectTimeout), "{}", result.said);
    assert!(result.said.starts_with("no connection within "), "{}", result.said);
    assert!(result.latency >= SHORT);
}

#[tokio::test]
async fn an_address_without_a_route_is_unreachable() {
    let result = run(of_tcp(tcp("[ff02::1]:80".parse().unwrap())), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::ConnectUnreachable), "{}", result.said);
}

#[tokio::test]
async fn an_address_of_the_wrong_family_is_no_address() {
    let spec = Spec { ip: IpChoice::V6, ..of_tcp(tcp("127.0.0.1:1".parse().unwrap())) };
    let result = run(spec, AMPLE).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::DnsNoAddress), "{}", result.said);
}

#[tokio::test]
async fn a_name_is_resolved_first_and_the_time_is_its_own_phase() {
    let server =
        TcpServer::start(|mut stream| async move { until_closed(&mut stream).await }).await;
    let spec = TcpSpec { host: Host::Name("localhost".into()), ..tcp(server.address) };
    let result = run(of_tcp(spec), AMPLE).await;
    assert_eq!(phases(&result), [Phase::Resolve, Phase::Connect], "{}", result.said);
}

#[tokio::test]
async fn a_dialogue_goes_through_its_steps() {
    let server = TcpServer::start(|mut stream| async move {
        say(&mut stream, "220-mail.test\r\n220 ready\r\n").await;
        assert_eq!(hear(&mut stream).await, "EHLO monitor");
        say(&mut stream, "250-mail.test\r\n250-SIZE\r\n250 HELP\r\n").await;
        assert_eq!(hear(&mut stream).await, "QUIT");
    })
    .await;
    let steps = vec![
        expect("^220 "),
        send("EHLO monitor\r\n"),
        expect("^250-SIZE$"),
        expect("^250 "),
        send("QUIT\r\n"),
    ];
    let result = run(talk(server.address, steps), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    assert_eq!(phases(&result), [Phase::Connect, Phase::Processing, Phase::Transfer]);
    assert!(result.said.contains(", dialogue of 5 steps in "), "{}", result.said);
}

#[tokio::test]
async fn a_prompt_without_a_line_end_is_enough() {
    let server = TcpServer::saying("login: ").await;
    let result = run(talk(server.address, vec![expect("login: $")]), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
}

#[tokio::test]
async fn silence_is_a_response_timeout_of_the_step_and_of_the_run() {
    let server = TcpServer::saying("").await;
    let step = run(talk(server.address, vec![expect_within("^220", SHORT)]), AMPLE).await;
    let whole = run(talk(server.address, vec![expect("^220")]), SHORT).await;
    let timeout = Outcome::Bad(Reason::ResponseTimeout);
    assert_eq!(ending(&step), (timeout, Phase::Processing, "step 1 got no answer within 150ms"));
    assert_eq!((whole.outcome, whole.phase), (timeout, Phase::Processing));
    assert!(whole.said.contains("then no response within "), "{}", whole.said);
}

#[tokio::test]
async fn wrong_words_are_a_banner_when_the_step_ends_and_a_stall_when_the_run_does() {
    let server = TcpServer::saying("554 go away\r\n").await;
    let step = run(talk(server.address, vec![expect_within("^220", LATER)]), AMPLE).await;
    let whole = run(talk(server.address, vec![expect("^220")]), LATER).await;
    let said = r"step 1 expected `^220` within 500ms, and `554 go away\r\n` came";
    assert_eq!(ending(&step), (Outcome::Bad(Reason::Banner), Phase::Transfer, said));
    assert_eq!((whole.outcome, whole.phase), (Outcome::Bad(Reason::BodyTimeout), Phase::Transfer));
}

#[tokio::test]
async fn leaving_after_wrong_words_is_a_banner_and_without_a_word_a_reset() {
    let rude = TcpServer::start(|mut stream| async move { say(&mut stream, "no\n").await }).await;
    let mute = TcpServer::start(|stream| async move { drop(stream) }).await;
    let words = run(talk(rude.address, vec![expect("^220")]), AMPLE).await;
    let silence = run(talk(mute.address, vec![expect("^220")]), AMPLE).await;
    let said = r"step 1 expected `^220` before the connection was closed, and `no\n` came";
    assert_eq!(ending(&words), (Outcome::Bad(Reason::Banner), Phase::Transfer, said));
    let said = "step 1 expected `^220`, and the connection was closed";
    assert_eq!(ending(&silence), (Outcome::Bad(Reason::Reset), Phase::Processing, said));
}

#[tokio::test]
async fn a_connection_that_is_reset_says_so() {
    let server = TcpServer::start(|mut stream| async move {
        hear(&mut stream).await;
        // Closing with unread bytes in the queue makes the kernel send a reset.
        stream.readable().await.unwrap();
    })
    .await;
    let steps = vec![send("a\r\nb"), expect("^never")];
    let result = run(talk(server.address, steps), AMPLE).await;
    let said = "the connection broke at step 2: connection reset by peer";
    assert_eq!(ending(&result), (Outcome::Bad(Reason::Reset), Phase::Processing, said));
}

#[tokio::test]
async fn an_endless_banner_is_cut_off() {
    let server = TcpServer::start(|mut stream| async move {
        while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
    })
    .await;
    let result = run(talk(server.address, vec![expect("^220")]), AMPLE).await;
    let said =
        format!("step 1 expected `^220` in the first 16 KiB, and `{}`… came", "x".repeat(80));
    assert_eq!(ending(&result), (Outcome::Bad(Reason::Banner), Phase::Transfer, said.as_str()));
}

#[tokio::test]
async fn each_answer_to_starttls_but_consent_is_a_failure() {
    let cases = [
        ("454 TLS not available\r\n", "asked for TLS, the answer was `454 TLS not available`"),
        ("hello\r\n", "asked for TLS, the answer was `hello`"),
        (
            "220 go\r\n250 injected\r\n",
            r"after its consent to TLS came plain text: `250 injected\r\n`",
        ),
        ("", "asked for TLS, and the connection was closed"),
    ];
    for (answer, said) in cases {
        let server = TcpServer::start(move |mut stream| async move {
            say(&mut stream, "250-mail.test\r\n250 STARTTLS\r\n").await;
            assert_eq!(hear(&mut stream).await, "STARTTLS");
            say(&mut stream, answer).await;
        })
        .await;
        let steps = vec![expect("^250-"), Step::StartTls(StartTls::Smtp)];
        let result = run(talk(server.address, steps), AMPLE).await;
        let expected = (Outcome::Bad(Reason::Starttls), Phase::Starttls, said);
        assert_eq!(ending(&result), expected, "{answer}");
    }
}

#[tokio::test]
async fn silence_after_starttls_is_a_failure_of_starttls() {
    let server = TcpServer::saying("220 ready\r\n").await;
    let steps = vec![expect("^220"), Step::StartTls(StartTls::Smtp)];
    let result = run(talk(server.address, steps), LATER).await;
    assert_eq!(
        (result.outcome, result.phase),
        (Outcome::Bad(Reason::Starttls), Phase::Starttls),
        "{}",
        result.said
    );
}

async fn tls_server(identity: &Identity) -> TcpServer {
    let config = Arc::new(identity.server());
    TcpServer::start(move |stream| echo_over_tls(Arc::clone(&config), stream)).await
}

/// Speaks SMTP as far as STARTTLS, then echoes inside of TLS.
async fn smtp_server(identity: &Identity) -> TcpServer {
    let config = Arc::new(identity.server());
    TcpServer::start(move |mut stream| {
        let config = Arc::clone(&config);
        async move {
            say(&mut stream, "220 mail.test ESMTP\r\n").await;
            assert_eq!(hear(&mut stream).await, "EHLO monitor");
            say(&mut stream, "250-mail.test\r\n250 STARTTLS\r\n").await;
            assert_eq!(hear(&mut stream).await, "STARTTLS");
            say(&mut stream, "220 go ahead\r\n").await;
            echo_over_tls(config, stream).await;
        }
    })
    .await
}

#[tokio::test]
async fn tls_from_the_first_byte_is_timed_and_its_facts_are_there() {
    let authority = Authority::new();
    let server = tls_server(&authority.good()).await;
    let spec = TcpSpec {
        tls: Some(authority.trusted()),
        dialogue: vec![send("ping\r\n"), expect("^ping$")],
        ..tcp(server.address)
    };
    let result = run(of_tcp(spec), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    assert_eq!(phases(&result), [Phase::Connect, Phase::Tls, Phase::Processing, Phase::Transfer]);
    assert_eq!(result.facts.tls_version, Some(TlsVersion::Tls13));
    assert!(result.facts.certificate_not_after.is_some());
}

#[tokio::test]
async fn an_untrusted_certificate_is_a_failure_of_tls() {
    let server = tls_server(&Identity::self_signed()).await;
    let spec = TcpSpec { tls: Some(Authority::new().trusted()), ..tcp(server.address) };
    let result = run(of_tcp(spec), AMPLE).await;
    assert_eq!(
        (result.outcome, result.phase),
        (Outcome::Bad(Reason::TlsUntrusted), Phase::Tls),
        "{}",
        result.said
    );
    assert!(result.facts.certificate_not_after.is_some());
}

#[tokio::test]
async fn silence_instead_of_a_handshake_is_a_timeout_of_tls() {
    let server = TcpServer::saying("").await;
    let spec = TcpSpec { tls: Some(Authority::new().trusted()), ..tcp(server.address) };
    let result = run(of_tcp(spec), LATER).await;
    assert_eq!((result.outcome, result.phase), (Outcome::Bad(Reason::TlsTimeout), Phase::Tls));
}

#[tokio::test]
async fn starttls_goes_on_inside_of_tls() {
    let authority = Authority::new();
    let server = smtp_server(&authority.good()).await;
    let spec = TcpSpec {
        tls: Some(authority.trusted()),
        dialogue: vec![
            expect("^220 "),
            send("EHLO monitor\r\n"),
            expect("^250 "),
            Step::StartTls(StartTls::Smtp),
            send("QUIT\r\n"),
            expect("^QUIT$"),
        ],
        ..tcp(server.address)
    };
    let result = run(of_tcp(spec), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    let reached = [Phase::Connect, Phase::Starttls, Phase::Tls, Phase::Processing, Phase::Transfer];
    assert_eq!(phases(&result), reached);
    assert!(result.facts.certificate_not_after.is_some());
}

#[tokio::test]
async fn a_wrong_certificate_after_starttls_is_a_failure_of_tls() {
    let server = smtp_server(&Authority::new().leaf("other.test", -1..90)).await;
    let spec = TcpSpec {
        tls: Some(Authority::new().trusted()),
        dialogue: vec![
            expect("^220 "),
            send("EHLO monitor\r\n"),
            expect("^250 "),
            Step::StartTls(StartTls::Smtp),
        ],
        ..tcp(server.address)
    };
    let result = run(of_tcp(spec), AMPLE).await;
    assert_eq!(
        (result.outcome, result.phase),
        (Outcome::Bad(Reason::TlsUntrusted), Phase::Tls),
        "{}",
        result.said
    );
}

/// `two.test` has two addresses of this host, the rest of the world has none.
async fn two_addresses() -> DnsServer {
    use hickory_resolver::proto::rr::{RData, rdata::A};
    DnsServer::start(|question| {
        let name = question.message.queries[0].name().to_string();
        let local = |last| RData::A(A(Ipv4Addr::new(127, 0, 0, last)));
        match name.as_str() {
            "two.test." => question.records(60, [local(1), local(2)]).into(),
            "silent.test." => Reply::Silence,
            "servfail.test." => question.code(ResponseCode::ServFail).into(),
            "refused.test." => question.code(ResponseCode::Refused).into(),
            "empty.test." => question.response().into(),
            _ => question.code(ResponseCode::NXDomain).into(),
        }
    })
    .await
}

fn named(host: &str, server: &TcpServer) -> TcpSpec {
    TcpSpec { host: Host::Name(host.into()), ..tcp(server.address) }
}

#[tokio::test]
async fn each_way_not_to_resolve_is_a_reason_of_the_run() {
    let resolver = two_addresses().await;
    let server = TcpServer::saying("").await;
    let engine = engine_asking(&[resolver.address]);
    let cases = [
        ("missing.test", Reason::DnsNxdomain),
        ("empty.test", Reason::DnsNoAddress),
        ("servfail.test", Reason::DnsServfail),
        ("refused.test", Reason::DnsRefused),
        ("silent.test", Reason::DnsTimeout),
    ];
    for (host, reason) in cases {
        let prober = prober(of_tcp(named(host, &server)), &engine);
        let result = prober.probe(LATER).await;
        assert_eq!(
            (result.outcome, result.phase),
            (Outcome::Bad(reason), Phase::Resolve),
            "{}",
            result.said
        );
    }
}

#[tokio::test]
async fn rotate_takes_another_address_each_run_and_each_takes_all() {
    let resolver = two_addresses().await;
    let server = TcpServer::saying("").await;
    let engine = engine_asking(&[resolver.address]);
    let spec = |pick| Spec { pick, ..of_tcp(named("two.test", &server)) };
    let last_octet = |result: &ProbeResult| match result.address {
        Some(SocketAddr::V4(address)) => address.ip().octets()[3],
        other => panic!("no IPv4 address was used but {other:?}"),
    };

    let rotating = prober(spec(Pick::Rotate), &engine);
    let first = prober(spec(Pick::First), &engine);
    let mut seen = Vec::new();
    for prober in [&rotating, &rotating, &rotating, &first, &first] {
        seen.push(last_octet(&prober.probe(AMPLE).await));
    }
    assert_eq!(seen, [1, 2, 1, 1, 1], "whether it answers there or not");

    // The server listens on 127.0.0.1 only: one good address of two is not enough.
    let each = prober(spec(Pick::Each), &engine).probe(AMPLE).await;
    assert_eq!(each.outcome, Outcome::Bad(Reason::ConnectRefused), "{}", each.said);
    let asked: Vec<_> = each.hops.iter().map(|hop| hop.address.unwrap().ip()).collect();
    assert_eq!(asked, [Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 2)]);
}
