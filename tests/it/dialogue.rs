//! TCP dialogues in depth: what is caught and said again, bytes, and far sides that mean ill.
//!
//! Whatever a server does, a run ends by its deadline (half a second more on real sockets), with the reason of the phase it
//! was in, and has kept little.
//!
//! The plain dialogue is tested with TCP, STARTTLS for itself.

use crate::support::certs::Authority;
use crate::support::spec::{AMPLE, of_tcp, pattern, run, tcp};
use crate::support::tcp::{TcpServer, drip, hear, say, until_closed};
use nephoscope::model::{
    Group, Outcome, Phase, ProbeResult, Reason, Said, Spec, StartTls, Step, TcpSpec,
};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

/// For runs that are meant to be ended by it.
const SHORT: Duration = Duration::from_millis(400);
/// A run on real sockets ends so long after its deadline at the latest.
const TOLERANCE: Duration = Duration::from_millis(500);

fn expect(text: &str) -> Step {
    Step::Expect { pattern: pattern(text), within: None }
}

fn expect_bytes(bytes: &'static [u8]) -> Step {
    Step::ExpectBytes { bytes: bytes.into(), within: None }
}

fn bytes(bytes: &'static [u8]) -> Said {
    Said::Bytes(bytes.into())
}

fn group(step: usize, group: usize) -> Said {
    Said::Group(Group { step, group, name: group.to_string().into() })
}

fn talk(address: SocketAddr, dialogue: Vec<Step>) -> Spec {
    of_tcp(TcpSpec { dialogue, ..tcp(address) })
}

fn ending(result: &ProbeResult) -> (Outcome, Phase, &str) {
    (result.outcome, result.phase, &result.said)
}

/// Says `greeting` and keeps what it hears; answers `+OK` if that is `wanted`, else `-ERR` and what came.
async fn strict(greeting: &'static str, wanted: &'static str, slowly: bool) -> TcpServer {
    TcpServer::start(move |mut stream| async move {
        if slowly {
            drip(&mut stream, greeting.as_bytes()).await;
        } else {
            say(&mut stream, greeting).await;
        }
        let came = hear(&mut stream).await;
        let answer = if came == wanted { "+OK\r\n".to_owned() } else { format!("-ERR {came}\r\n") };
        say(&mut stream, &answer).await;
        until_closed(&mut stream).await;
    })
    .await
}

/// The challenge and the answer of APOP (RFC 1939, section 7), as far as they matter here.
const CHALLENGE: &str = "hello\r\n+OK ready <1896.697@pop.test>\r\n";
const ANSWER: &str = "APOP <1896.697@pop.test>, number 1896";

fn answering() -> Vec<Step> {
    let said = vec![
        bytes(b"APOP "),
        group(0, 1),
        // A group that took no part is nothing.
        group(0, 3),
        bytes(b", number "),
        group(0, 2),
        bytes(b"\r\n"),
    ];
    vec![expect(r"^\+OK ready (<(\d+)\.\S+)(never)?"), Step::Send(said), expect(r"^\+OK$")]
}

#[tokio::test]
async fn what_was_caught_is_said_again_and_whole_however_slowly_it_came() {
    for slowly in [false, true] {
        let server = strict(CHALLENGE, ANSWER, slowly).await;
        let result = run(talk(server.address, answering()), AMPLE).await;
        assert_eq!(result.outcome, Outcome::Good, "{slowly}: {}", result.said);
    }
}

#[tokio::test]
async fn what_was_caught_wrongly_is_what_the_server_complains_of() {
    let server = strict("+OK ready <1.x@b>\r\n", ANSWER, false).await;
    let mut steps = answering();
    let within = Some(SHORT);
    steps[2] = Step::Expect { pattern: pattern(r"^\+OK$"), within };
    let result = run(talk(server.address, steps), AMPLE).await;
    let said = r"step 3 expected `^\+OK$` within 400ms, and `-ERR APOP <1.x@b>, number 1\r\n` came";
    assert_eq!(ending(&result), (Outcome::Bad(Reason::Banner), Phase::Transfer, said));
}

#[tokio::test]
async fn steps_between_do_not_forget_what_was_caught() {
    let server = strict("one alpha\r\ntwo beta\r\n", "alpha beta", false).await;
    let said = vec![group(0, 1), bytes(b" "), group(1, 1), bytes(b"\r\n")];
    let steps =
        vec![expect(r"^one (\w+)"), expect(r"^two (\w+)"), Step::Send(said), expect(r"^\+OK$")];
    let result = run(talk(server.address, steps), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
}

#[tokio::test]
async fn a_prompt_that_ends_with_what_is_caught_is_taken_when_it_is_quiet() {
    let server = strict("code 4711", "4711", true).await;
    let said = vec![group(0, 1), bytes(b"\r\n")];
    let steps = vec![expect(r"code (\d+)"), Step::Send(said), expect(r"^\+OK$")];
    let result = run(talk(server.address, steps), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
}

#[tokio::test]
async fn what_matched_counts_when_the_limit_strikes_before_it_is_quiet() {
    // Digits without end, faster than any quiet.
    let server = TcpServer::start(|mut stream| async move {
        say(&mut stream, "code ").await;
        while drip(&mut stream, b"7").await {}
    })
    .await;
    let limited =
        Step::Expect { pattern: pattern(r"code (\d+)"), within: Some(Duration::from_millis(200)) };
    let steps = vec![limited, Step::Send(vec![group(0, 1), bytes(b"\r\n")])];
    let result = run(talk(server.address, steps), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
}

#[tokio::test]
async fn bytes_are_sent_and_expected_as_they_are_in_however_many_pieces() {
    for slowly in [false, true] {
        let server = TcpServer::start(move |mut stream| async move {
            let mut heard = [0; 4];
            stream.read_exact(&mut heard).await.unwrap();
            assert_eq!(heard, [0, 0xff, b'\n', 0x80]);
            let answer = b"\x00\xff\x00\r\nREADY\r\n";
            if slowly {
                drip(&mut stream, answer).await;
            } else {
                stream.write_all(answer).await.unwrap();
            }
            until_closed(&mut stream).await;
        })
        .await;
        let steps = vec![
            Step::Send(vec![bytes(&[0, 0xff, b'\n', 0x80])]),
            expect_bytes(&[0, 0xff]),
            expect_bytes(b"\x00\r\n"),
            expect("^READY$"),
        ];
        let result = run(talk(server.address, steps), AMPLE).await;
        assert_eq!(result.outcome, Outcome::Good, "{slowly}: {}", result.said);
    }
}

#[tokio::test]
async fn wrong_bytes_are_a_banner_at_the_first_that_differs() {
    // One byte that is wrong, and then silence: nothing more has to come for it to be wrong.
    let server = TcpServer::saying(b"\x00\xfe".to_vec()).await;
    let result = run(talk(server.address, vec![expect_bytes(b"\x00\xff\x01")]), AMPLE).await;
    let said = r"step 1 expected the bytes `\x00\xff\x01` next, and `\x00\xfe` came";
    assert_eq!(ending(&result), (Outcome::Bad(Reason::Banner), Phase::Transfer, said));

    let half = TcpServer::start(|mut stream| async move {
        stream.write_all(&[0]).await.unwrap();
    })
    .await;
    let result = run(talk(half.address, vec![expect_bytes(b"\x00\xff")]), AMPLE).await;
    let said =
        r"step 1 expected the bytes `\x00\xff` before the connection was closed, and `\x00` came";
    assert_eq!(ending(&result), (Outcome::Bad(Reason::Banner), Phase::Transfer, said));

    let within = Some(Duration::from_millis(100));
    let step = Step::ExpectBytes { bytes: (&b"\x00\xfe\x01"[..]).into(), within };
    let result = run(talk(server.address, vec![step]), AMPLE).await;
    let said = r"step 1 expected the bytes `\x00\xfe\x01` within 100ms, and `\x00\xfe` came";
    assert_eq!(ending(&result), (Outcome::Bad(Reason::Banner), Phase::Transfer, said));
}

/// A far side that means ill.
type Ill = fn(TcpStream) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// Says these bytes again and again, as fast as they are taken.
async fn flood(mut stream: TcpStream, bytes: &[u8]) {
    while stream.write_all(bytes).await.is_ok() {}
}

/// Servers that never come to an end.
const ENDLESS: [(&str, Ill); 5] = [
    ("a byte at a time", |mut stream| {
        Box::pin(async move { while drip(&mut stream, b"x").await {} })
    }),
    ("a line at a time", |mut stream| {
        Box::pin(async move { while drip(&mut stream, b"\r\n").await {} })
    }),
    ("lines without end", |stream| {
        Box::pin(async move { flood(stream, &b"250-x\r\n".repeat(500)).await })
    }),
    ("one line without end", |stream| Box::pin(async move { flood(stream, &[b'x'; 4096]).await })),
    ("nothing", |mut stream| Box::pin(async move { until_closed(&mut stream).await })),
];

#[tokio::test]
async fn no_endless_talk_outlives_the_deadline() {
    let starttls = StartTls::ALL.iter().map(|words| vec![Step::StartTls(*words)]);
    let dialogues = [
        vec![expect("^never$")],
        vec![expect(r"^never (\w+)"), Step::Send(vec![group(0, 1)])],
        vec![Step::Expect { pattern: pattern("(?s)x.*never"), within: None }],
    ];
    for dialogue in dialogues.into_iter().chain(starttls) {
        for (what, ill) in ENDLESS {
            let server = TcpServer::start(ill).await;
            let result = run(talk(server.address, dialogue.clone()), SHORT).await;
            assert!(
                matches!(result.outcome, Outcome::Bad(_)),
                "{what}, {dialogue:?}: {}",
                result.said
            );
            assert!(
                result.latency < SHORT + TOLERANCE,
                "{what}, {dialogue:?}: {:?}",
                result.latency
            );
            assert!(result.said.len() < 500, "{what}: {}", result.said);
        }
    }
}

#[tokio::test]
async fn a_server_that_does_not_listen_holds_nobody_up() {
    let server = TcpServer::start(|stream| async move {
        // Whoever has not been read from is not gone either.
        stream.writable().await.unwrap();
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let said = Said::Bytes(vec![b'x'; 16 << 20].into());
    let result = run(talk(server.address, vec![Step::Send(vec![said])]), SHORT).await;
    let expected = (Outcome::Bad(Reason::ResponseTimeout), Phase::Processing);
    assert_eq!((result.outcome, result.phase), expected, "{}", result.said);
    assert!(result.latency < SHORT + TOLERANCE, "{:?}", result.latency);
}

/// A TLS record of handshake messages, whatever its length really is.
const fn record(length: [u8; 2]) -> [u8; 5] {
    [0x16, 3, 3, length[0], length[1]]
}

#[tokio::test]
async fn no_handshake_outlives_the_deadline_whatever_is_sent_in_it() {
    let ills: [(&str, Ill); 8] = [
        ("garbage", |stream| Box::pin(async move { flood(stream, &[0xa5; 4096]).await })),
        ("records longer than allowed", |stream| {
            Box::pin(async move { flood(stream, &record([0xff, 0xff])).await })
        }),
        ("the longest records, empty inside", |stream| {
            let records = [&record([0x40, 0])[..], &[0; 0x4000]].concat();
            Box::pin(async move { flood(stream, &records).await })
        }),
        ("a message of sixteen megabytes", |mut stream| {
            Box::pin(async move {
                let head = [&record([0x40, 0])[..], &[2, 0xff, 0xff, 0xff]].concat();
                let _ = stream.write_all(&head).await;
                flood(stream, &[&[0; 0x3ffc][..], &record([0x40, 0]), &[0; 4]].concat()).await;
            })
        }),
        ("empty records without end", |stream| {
            Box::pin(async move { flood(stream, &record([0, 0]).repeat(500)).await })
        }),
        ("warnings without end", |stream| {
            Box::pin(async move { flood(stream, &[0x15, 3, 3, 0, 2, 1, 90].repeat(500)).await })
        }),
        ("half a header", |mut stream| {
            Box::pin(async move {
                let _ = stream.write_all(&[0x16, 3]).await;
                until_closed(&mut stream).await;
            })
        }),
        ("a record a byte at a time", |mut stream| {
            Box::pin(async move {
                let _ = stream.write_all(&record([0x40, 0])).await;
                while drip(&mut stream, &[2]).await {}
            })
        }),
    ];
    for (what, ill) in ills {
        let server = TcpServer::start(ill).await;
        let spec = TcpSpec { tls: Some(Arc::default()), ..tcp(server.address) };
        let result = run(of_tcp(spec), SHORT).await;
        let reasons = [Reason::TlsHandshake, Reason::TlsTimeout, Reason::TlsVersion];
        let reason = result.outcome.reason().unwrap();
        assert!(reasons.contains(&reason), "{what}: {}", result.said);
        assert_eq!(result.phase, Phase::Tls, "{what}");
        assert!(result.latency < SHORT + TOLERANCE, "{what}: {:?}", result.latency);
    }
}

#[tokio::test]
async fn a_reset_in_each_part_of_a_handshake_is_a_failure_of_it() {
    for heard in [0, 1, 5, 60] {
        let server = TcpServer::start(move |mut stream| async move {
            stream.readable().await.unwrap();
            stream.read_exact(&mut vec![0; heard]).await.unwrap();
            // Closing with unread bytes in the queue makes the kernel send a reset.
        })
        .await;
        let spec = TcpSpec { tls: Some(Arc::default()), ..tcp(server.address) };
        let result = run(of_tcp(spec), AMPLE).await;
        let expected = (Outcome::Bad(Reason::TlsHandshake), Phase::Tls);
        assert_eq!((result.outcome, result.phase), expected, "{heard}: {}", result.said);
        assert!(result.said.contains("during the TLS handshake"), "{heard}: {}", result.said);
    }
}

#[tokio::test]
async fn inside_of_tls_the_same_limits_hold() {
    let authority = Authority::new();
    let config = Arc::new(authority.good().server());
    let server = TcpServer::start(move |stream| {
        let config = Arc::clone(&config);
        async move {
            let Ok(mut stream) = TlsAcceptor::from(config).accept(stream).await else { return };
            while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
        }
    })
    .await;
    let spec = TcpSpec {
        tls: Some(authority.trusted()),
        dialogue: vec![expect("^220")],
        ..tcp(server.address)
    };
    let result = run(of_tcp(spec), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::Banner), "{}", result.said);
    assert!(result.said.contains("in the first 16 KiB"), "{}", result.said);
}
