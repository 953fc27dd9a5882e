//! STARTTLS in the words of each protocol, against servers that speak it: consent, refusal, nonsense, and words put between.
//!
//! A server here is a script of what it says and what it must have heard to the byte; behind consent it does a real
//! handshake. Every consent is also said one byte at a time.
//!
//! SMTP's dialogue before STARTTLS is tested with TCP.

use crate::support::certs::Authority;
use crate::support::spec::{AMPLE, of_tcp, pattern, run, tcp};
use crate::support::tcp::{TcpServer, drip, echo_over_tls, until_closed};
use nephoscope::model::{
    Outcome, Phase, ProbeResult, Reason, Said, Spec, StartTls, Step, TcpSpec, TlsSpec, TlsVersion,
};
use rustls::ServerConfig;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SHORT: Duration = Duration::from_millis(400);
const LDAP_CONSENT: &[u8] = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00";
const LDAP_REQUEST: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
const POSTGRES_REQUEST: &[u8] = b"\x00\x00\x00\x08\x04\xd2\x16\x2f";

/// What a server of a protocol says and hears as far as TLS.
struct Protocol {
    words: StartTls,
    greeting: &'static [u8],
    request: &'static [u8],
    consent: &'static [u8],
}

const PROTOCOLS: [Protocol; 5] = [
    Protocol {
        words: StartTls::Smtp,
        greeting: b"250-mail.test\r\n250 STARTTLS\r\n",
        request: b"STARTTLS\r\n",
        consent: b"220 2.0.0 Ready to start TLS\r\n",
    },
    Protocol {
        words: StartTls::Imap,
        greeting: b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n",
        request: b"tls1 STARTTLS\r\n",
        consent: b"* 1 EXISTS\r\ntls1 OK Begin TLS negotiation now.\r\n",
    },
    Protocol {
        words: StartTls::Pop3,
        greeting: b"+OK POP3 ready\r\n",
        request: b"STLS\r\n",
        consent: b"+OK Begin TLS negotiation\r\n",
    },
    Protocol { words: StartTls::Postgres, greeting: b"", request: POSTGRES_REQUEST, consent: b"S" },
    Protocol { words: StartTls::Ldap, greeting: b"", request: LDAP_REQUEST, consent: LDAP_CONSENT },
];

/// A server that greets, hears the request to the byte, answers `answer` (slowly, if so) and goes over to TLS.
async fn server(
    protocol: &'static Protocol,
    answer: impl Into<Vec<u8>>,
    config: &Arc<ServerConfig>,
    slowly: bool,
) -> TcpServer {
    let (answer, config): (Arc<[u8]>, _) = (answer.into().into(), Arc::clone(config));
    TcpServer::start(move |mut stream| {
        let (answer, config) = (Arc::clone(&answer), Arc::clone(&config));
        async move {
            if slowly {
                drip(&mut stream, protocol.greeting).await;
            } else {
                stream.write_all(protocol.greeting).await.unwrap();
            }
            let mut heard = vec![0; protocol.request.len()];
            stream.read_exact(&mut heard).await.unwrap();
            assert_eq!(heard, protocol.request, "{}", protocol.words);
            if slowly {
                drip(&mut stream, &answer).await;
            } else {
                stream.write_all(&answer).await.unwrap();
            }
            echo_over_tls(config, stream).await;
        }
    })
    .await
}

fn asking(server: &TcpServer, words: StartTls, tls: Arc<TlsSpec>) -> Spec {
    let ping = Step::Send(vec![Said::Bytes("ping\r\n".into())]);
    let echoed = Step::Expect { pattern: pattern("^ping$"), within: None };
    let dialogue = vec![Step::StartTls(words), ping, echoed];
    of_tcp(TcpSpec { tls: Some(tls), dialogue, ..tcp(server.address) })
}

fn ending(result: &ProbeResult) -> (Outcome, Phase, &str) {
    (result.outcome, result.phase, &result.said)
}

#[tokio::test]
async fn consent_leads_to_tls_in_which_the_dialogue_goes_on() {
    let authority = Authority::new();
    let config = Arc::new(authority.good().server());
    for protocol in &PROTOCOLS {
        for slowly in [false, true] {
            let server = server(protocol, protocol.consent, &config, slowly).await;
            let result = run(asking(&server, protocol.words, authority.trusted()), AMPLE).await;
            let words = protocol.words;
            assert_eq!(result.outcome, Outcome::Good, "{words}, {slowly}: {}", result.said);
            let reached: Vec<Phase> = result.phases.iter().map(|(phase, ..)| phase).collect();
            let all =
                [Phase::Connect, Phase::Starttls, Phase::Tls, Phase::Processing, Phase::Transfer];
            assert_eq!(reached, all, "{words}");
            assert_eq!(result.facts.tls_version, Some(TlsVersion::Tls13), "{words}");
            assert_eq!(result.facts.tls_cipher, Some("TLS_AES_256_GCM_SHA384"), "{words}");
            assert!(result.facts.certificate.is_some(), "{words}");
        }
    }
}

#[tokio::test]
async fn the_certificate_behind_starttls_is_judged() {
    let authority = Authority::new();
    let config = Arc::new(authority.leaf("localhost", -9..-3).server());
    for protocol in &PROTOCOLS {
        let server = server(protocol, protocol.consent, &config, false).await;
        let result = run(asking(&server, protocol.words, authority.trusted()), AMPLE).await;
        let words = protocol.words;
        assert_eq!(result.outcome, Outcome::Bad(Reason::TlsExpired), "{words}: {}", result.said);
        assert!(result.facts.certificate_not_after.is_some(), "{words}");
    }
}

#[tokio::test]
async fn words_behind_the_consent_are_a_failure() {
    let authority = Authority::new();
    let config = Arc::new(authority.good().server());
    for protocol in &PROTOCOLS {
        let answer = [protocol.consent, b"ping\r\n"].concat();
        let server = server(protocol, answer, &config, false).await;
        let result = run(asking(&server, protocol.words, authority.trusted()), AMPLE).await;
        let said = r"after its consent to TLS came plain text: `ping\r\n`";
        let expected = (Outcome::Bad(Reason::Starttls), Phase::Starttls, said);
        assert_eq!(ending(&result), expected, "{}", protocol.words);
    }
}

#[tokio::test]
async fn words_that_come_after_the_consent_was_read_are_never_heard_as_the_dialogues() {
    let authority = Authority::new();
    for protocol in &PROTOCOLS {
        let server = TcpServer::start(move |mut stream| async move {
            stream.write_all(protocol.greeting).await.unwrap();
            let mut heard = vec![0; protocol.request.len()];
            stream.read_exact(&mut heard).await.unwrap();
            stream.write_all(protocol.consent).await.unwrap();
            // The beginning of the handshake: the consent was read, and what comes now is a packet of its own.
            stream.read_u8().await.unwrap();
            stream.write_all(b"ping\r\n").await.unwrap();
            until_closed(&mut stream).await;
        })
        .await;
        let result = run(asking(&server, protocol.words, authority.trusted()), AMPLE).await;
        let (outcome, phase, said) = ending(&result);
        assert_eq!(outcome, Outcome::Bad(Reason::TlsHandshake), "{}: {said}", protocol.words);
        assert_eq!(phase, Phase::Tls);
        assert!(said.contains("is not TLS"), "{said}");
    }
}

#[tokio::test]
async fn each_refusal_and_each_nonsense_says_what_came() {
    let authority = Authority::new();
    let config = Arc::new(authority.good().server());
    let ldap_refusal: &[u8] =
        b"\x30\x1a\x02\x01\x01\x78\x15\x0a\x01\x34\x04\x00\x04\x0eno certificate";
    let long = "x".repeat(20_000);
    let cases: [(usize, &[u8], &str); 15] = [
        (0, b"454 TLS not available\r\n", "the answer was `454 TLS not available`"),
        (0, b"\x00\xff\r\n", r"the answer was `\x00\xff`"),
        (0, long.as_bytes(), "no end of the answer came"),
        (1, b"tls1 NO not now\r\n", "the answer was `tls1 NO not now`"),
        (1, b"tls1 BAD what?\r\n", "the answer was `tls1 BAD what?`"),
        (1, b"* BYE full\r\n", "the answer was `* BYE full`"),
        (1, b"a1 OK to somebody else\r\n", "the answer was `a1 OK to somebody else`"),
        (2, b"-ERR not now\r\n", "the answer was `-ERR not now`"),
        (2, b"hello\r\n", "the answer was `hello`"),
        (3, b"N", "the server does without"),
        (3, b"EFATAL\x00", r"the answer was `EFATAL\x00`"),
        (3, b"HTTP/1.1 400 Bad Request\r\n", "the answer was `HTTP/1.1 400"),
        (4, ldap_refusal, "the answer was result 52, `no certificate`"),
        (4, b"\x30\x84\xff\xff\xff\xff\x02\x01", r"the answer was `0\x84"),
        (4, b"\x30\x03\x02\x01\x01", r"the answer was `0\x03\x02\x01\x01`"),
    ];
    for (protocol, answer, words) in cases {
        let protocol = &PROTOCOLS[protocol];
        let server = server(protocol, answer, &config, false).await;
        let result = run(asking(&server, protocol.words, authority.trusted()), AMPLE).await;
        let (outcome, phase, said) = ending(&result);
        let expected = (Outcome::Bad(Reason::Starttls), Phase::Starttls);
        assert_eq!((outcome, phase), expected, "{}: {said}", protocol.words);
        assert!(said.contains(words), "{}: {said}", protocol.words);
    }
}

#[tokio::test]
async fn a_wrong_greeting_is_heard_before_tls_is_asked_for() {
    let cases = [
        (StartTls::Imap, "HTTP/1.1 400\r\n", "greeting that begins with `* `, and `HTTP/1.1 400`"),
        (StartTls::Pop3, "-ERR full\r\n", "greeting that begins with `+OK`, and `-ERR full`"),
    ];
    for (words, greeting, said) in cases {
        let server = TcpServer::saying(greeting).await;
        let result = run(asking(&server, words, Arc::default()), AMPLE).await;
        assert_eq!(result.outcome, Outcome::Bad(Reason::Starttls), "{}", result.said);
        assert!(result.said.contains(said), "{}", result.said);
    }
}

#[tokio::test]
async fn a_greeting_that_a_step_has_heard_in_part_is_not_the_answer() {
    let authority = Authority::new();
    let config = Arc::new(authority.good().server());
    for (protocol, greeting) in
        [(&PROTOCOLS[0], "^250"), (&PROTOCOLS[1], "^\\* O"), (&PROTOCOLS[2], "^\\+")]
    {
        let server = server(protocol, protocol.consent, &config, true).await;
        let mut spec = TcpSpec { tls: Some(authority.trusted()), ..tcp(server.address) };
        spec.dialogue = vec![
            Step::Expect { pattern: pattern(greeting), within: None },
            Step::StartTls(protocol.words),
        ];
        let result = run(of_tcp(spec), AMPLE).await;
        assert_eq!(result.outcome, Outcome::Good, "{}: {}", protocol.words, result.said);
    }
}

#[tokio::test]
async fn silence_and_half_an_answer_end_at_the_deadline_and_with_the_connection() {
    let authority = Authority::new();
    let config = Arc::new(authority.good().server());
    for protocol in &PROTOCOLS {
        let half = &protocol.consent[..protocol.consent.len() - 1];
        let closing = TcpServer::start(move |mut stream| async move {
            stream.write_all(protocol.greeting).await.unwrap();
            let mut heard = vec![0; protocol.request.len()];
            stream.read_exact(&mut heard).await.unwrap();
            stream.write_all(half).await.unwrap();
        })
        .await;
        let result = run(asking(&closing, protocol.words, authority.trusted()), AMPLE).await;
        let said = "asked for TLS, and the connection was closed";
        let expected = (Outcome::Bad(Reason::Starttls), Phase::Starttls, said);
        assert_eq!(ending(&result), expected, "{}", protocol.words);

        let stalling = server(protocol, half, &config, false).await;
        let result = run(asking(&stalling, protocol.words, authority.trusted()), SHORT).await;
        let (outcome, phase, said) = ending(&result);
        let expected = (Outcome::Bad(Reason::Starttls), Phase::Starttls);
        assert_eq!((outcome, phase), expected, "{}: {said}", protocol.words);
        assert!(result.latency < SHORT + Duration::from_millis(500), "{:?}", result.latency);
    }
}
