//! Every kind of prober ends at its deadline, wherever a far side leaves it standing.
//!
//! To 10 ms on a paused clock: it stands still until the server has got the run to where it is to be stuck, and then jumps to
//! whatever is due first. Who never stops talking lets no paused clock go on, so that is played on the real one, where a
//! run may end half a second late; programs are too, in `exec`.
//!
//! What each silence is called is tested with its protocol.

use crate::support::certs::Authority;
use crate::support::daemon::PATIENCE;
use crate::support::dns::{DnsServer, Reply};
use crate::support::doh::{Answer, DohServer};
use crate::support::h2::{DATA, HEADERS, OK, SETTINGS, WHOLE, frame};
use crate::support::spec::{
    dns, engine, engine_asking, http, of_dns, of_http, of_tcp, pattern, prober, run, spec, tcp,
};
use crate::support::tcp::{DeafServer, TcpServer};
use hickory_resolver::proto::rr::RecordType;
use nephoscope::clock::Instant;
use nephoscope::model::{
    Cause, DnsServer as At, DnsSpec, DnsTransport, GrpcSpec, Host, HttpSpec, IcmpSpec, JsonPath,
    JsonRule, JsonWanted, Outcome, ProbeKind, ProbeResult, Reason, Serials, Spec, StartTls, Step,
    TcpSpec, TlsSpec,
};
use nephoscope::net::may_echo;
use nephoscope::probe::Prober;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// The deadline on the paused clock: far beyond what a test may really take.
const FAR: Duration = Duration::from_mins(10);
/// What a run may take beyond it there.
const EXACT: Duration = Duration::from_millis(10);
/// What a survey keeps back, to name the servers that are silent.
const RESERVE: Duration = Duration::from_millis(250);
/// Deadlines on the real clock: the next is tried where a busy machine had not come to the point before this one.
const SHORT: [Duration; 3] =
    [Duration::from_millis(300), Duration::from_secs(2), Duration::from_secs(10)];
/// What a run may take beyond it there.
const TOLERANCE: Duration = Duration::from_millis(500);

/// Says that a run is where it is to be stuck.
type Stuck = mpsc::Sender<()>;

/// A paused clock stands still until somebody says that the run is stuck.
fn standstill() -> Stuck {
    let (stuck, told) = mpsc::channel();
    // While such a task runs tokio's clock does not go on by itself.
    tokio::task::spawn_blocking(move || {
        let _ = told.recv_timeout(PATIENCE);
    });
    stuck
}

async fn timed(prober: &Prober, timeout: Duration) -> (ProbeResult, Duration) {
    let began = Instant::now();
    let result = prober.probe(timeout).await;
    (result, began.elapsed())
}

/// Runs `spec` until the deadline on the paused clock, and gives the reason for which it is bad.
async fn until_deadline(what: &str, spec: Spec) -> Reason {
    let (result, took) = timed(&prober(spec, &engine()), FAR).await;
    assert!((FAR..=FAR + EXACT).contains(&took), "{what}: {took:?}, {}", result.said);
    match result.outcome {
        Outcome::Bad(reason) => reason,
        other => panic!("{what}: {other:?}, {}", result.said),
    }
}

fn grpc(address: SocketAddr, tls: Option<Arc<TlsSpec>>) -> Spec {
    let (host, port) = (Host::Ip(address.ip()), address.port());
    spec(ProbeKind::Grpc(Box::new(GrpcSpec { host, port, service: "shop".into(), tls })))
}

fn json(url: &str, tls: Arc<TlsSpec>) -> Spec {
    let path = serde_json_path::JsonPath::parse("$.status").unwrap();
    let rule = JsonRule { path: JsonPath::new("$.status", path), wanted: JsonWanted::Exists(true) };
    of_http(HttpSpec { json: Box::new([rule]), tls, ..http(url) })
}

fn secure_dns(address: SocketAddr, transport: DnsTransport, tls: Arc<TlsSpec>) -> Spec {
    let asked = dns(address, "shop.test.", RecordType::A);
    of_dns(DnsSpec { transport, tls: Some(tls), ..asked })
}

fn dialogue(address: SocketAddr, steps: Vec<Step>) -> Spec {
    of_tcp(TcpSpec { dialogue: steps, ..tcp(address) })
}

/// Probes with TLS from the first byte, of each kind.
fn with_tls(address: SocketAddr, tls: &Arc<TlsSpec>) -> Vec<(&'static str, Spec)> {
    let tls = || Arc::clone(tls);
    vec![
        ("DNS over TLS", secure_dns(address, DnsTransport::Tls, tls())),
        ("DNS over HTTPS", secure_dns(address, DnsTransport::Https, tls())),
        ("gRPC over TLS", grpc(address, Some(tls()))),
        ("JSON over HTTPS", json(&format!("https://{address}/"), tls())),
        ("TCP with TLS", of_tcp(TcpSpec { tls: Some(tls()), ..tcp(address) })),
    ]
}

/// Probes in the clear, of each kind with something new to say.
fn in_the_clear(address: SocketAddr) -> Vec<(&'static str, Spec)> {
    let expect = Step::Expect { pattern: pattern("^220 "), within: None };
    vec![
        ("gRPC", grpc(address, None)),
        ("JSON", json(&format!("http://{address}/"), Arc::default())),
        ("dialogue", dialogue(address, vec![expect])),
    ]
}

/// A server that says these words to whoever connects, and nothing more.
async fn stops_after(words: &'static [u8]) -> TcpServer {
    stopping(words, false).await
}

/// A server that hears a little first.
async fn stops_in_its_answer(words: &'static [u8]) -> TcpServer {
    stopping(words, true).await
}

async fn stopping(words: &'static [u8], hears: bool) -> TcpServer {
    let stuck = standstill();
    TcpServer::start(move |mut stream| {
        let stuck = stuck.clone();
        async move {
            if hears {
                stream.read_u8().await.unwrap();
            }
            stream.write_all(words).await.unwrap();
            stuck.send(()).unwrap();
            std::future::pending::<()>().await;
        }
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn connecting_ends_at_the_deadline() {
    let deaf = DeafServer::start().await;
    let address = deaf.address;
    let started = StartTls::ALL
        .iter()
        .map(|words| ("STARTTLS", dialogue(address, vec![Step::StartTls(*words)])));
    let kinds = with_tls(address, &Arc::default()).into_iter().chain(in_the_clear(address));
    for (what, spec) in kinds.chain(started) {
        assert_eq!(until_deadline(what, spec).await, Reason::ConnectTimeout, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_ends_at_the_deadline() {
    for which in 0..5 {
        let silent = stops_after(b"").await;
        let (what, spec) = with_tls(silent.address, &Arc::default()).swap_remove(which);
        assert_eq!(until_deadline(what, spec).await, Reason::TlsTimeout, "{what}");
        // Half the head of a record.
        let half = stops_after(&[0x16, 3]).await;
        let (what, spec) = with_tls(half.address, &Arc::default()).swap_remove(which);
        assert_eq!(until_deadline(what, spec).await, Reason::TlsTimeout, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn asking_for_tls_ends_at_the_deadline() {
    for words in StartTls::ALL {
        let silent = stops_after(b"").await;
        let spec = dialogue(silent.address, vec![Step::StartTls(*words)]);
        assert_eq!(until_deadline(words.as_str(), spec).await, Reason::Starttls, "{words}");
    }
    // Half of what each of them says first.
    let halves: [(StartTls, &[u8]); 4] = [
        (StartTls::Smtp, b"250-mail.test\r\n250 STAR"),
        (StartTls::Imap, b"* OK ready\r\ntls1 O"),
        (StartTls::Pop3, b"+OK POP3 rea"),
        (StartTls::Ldap, b"\x30\x0c\x02\x01\x01\x78"),
    ];
    for (words, half) in halves {
        let server = stops_after(half).await;
        let spec = dialogue(server.address, vec![Step::StartTls(words)]);
        assert_eq!(until_deadline(words.as_str(), spec).await, Reason::Starttls, "{words}");
    }
    // Consent, and then nothing.
    let server = stops_after(b"S").await;
    let tls = Some(Arc::default());
    let dialogue = vec![Step::StartTls(StartTls::Postgres)];
    let spec = of_tcp(TcpSpec { tls, dialogue, ..tcp(server.address) });
    assert_eq!(until_deadline("behind consent", spec).await, Reason::TlsTimeout);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_an_answer_ends_at_the_deadline() {
    for which in 0..3 {
        // Who waits for the server to speak first says nothing itself.
        let hears = in_the_clear(([127, 0, 0, 1], 1).into())[which].0 != "dialogue";
        let silent = stopping(b"", hears).await;
        let (what, spec) = in_the_clear(silent.address).swap_remove(which);
        assert_eq!(until_deadline(what, spec).await, Reason::ResponseTimeout, "{what}");
    }
    let halves: [&'static [u8]; 3] = [
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"status\": ",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nb\r\n{\"status\": ",
    ];
    for half in halves {
        let server = stops_in_its_answer(half).await;
        let spec = json(&format!("http://{}/", server.address), Arc::default());
        let reason = until_deadline("half an answer", spec).await;
        assert!(matches!(reason, Reason::ResponseTimeout | Reason::BodyTimeout), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_behind_tls_ends_at_the_deadline() {
    let authority = Authority::new();
    let tls = authority.trusted();
    for endless in [false, true] {
        let stuck = standstill();
        let dot = DnsServer::secure(authority.good().server(), move |_| {
            stuck.send(()).unwrap();
            if endless { Reply::Bytes(vec![0, 40, 1]) } else { Reply::Silence }
        })
        .await;
        let spec = secure_dns(dot.address, DnsTransport::Tls, Arc::clone(&tls));
        ends_in_an_answer("DNS over TLS", spec, endless).await;
        for (what, kind) in
            [("DNS over HTTPS", "application/dns-message"), ("gRPC", "application/grpc")]
        {
            let stuck = standstill();
            let server = DohServer::start(authority.good().server(), move |_| {
                stuck.send(()).unwrap();
                let head = http::Response::builder().header("content-type", kind);
                let half = head.body(vec![0, 0, 0, 0, 2, 8]).unwrap();
                if endless { Answer::Endless(half) } else { Answer::Silence }
            })
            .await;
            let spec = match what {
                "gRPC" => grpc(server.address, Some(Arc::clone(&tls))),
                _ => secure_dns(server.address, DnsTransport::Https, Arc::clone(&tls)),
            };
            ends_in_an_answer(what, spec, endless).await;
        }
    }
}

/// The run ends while its answer is waited for, or, if that has begun, at the latest while it comes.
async fn ends_in_an_answer(what: &str, spec: Spec, begun: bool) {
    let reason = until_deadline(what, spec).await;
    let expected = [Reason::ResponseTimeout, Reason::BodyTimeout];
    assert!(expected[..=usize::from(begun)].contains(&reason), "{what}: {reason}");
}

#[tokio::test(start_paused = true)]
async fn a_survey_ends_a_little_before_its_deadline() {
    let (stuck, asked) = (standstill(), Arc::new(AtomicU32::new(0)));
    let mut servers = Vec::new();
    for _ in 0..2 {
        let (stuck, asked) = (stuck.clone(), Arc::clone(&asked));
        let silent = DnsServer::start(move |_| {
            if asked.fetch_add(1, Ordering::Relaxed) == 1 {
                stuck.send(()).unwrap();
            }
            Reply::Silence
        });
        servers.push(silent.await);
    }
    let addresses = servers.iter().map(|each| (Host::Ip(each.address.ip()), each.address.port()));
    let listed = Serials { servers: addresses.collect(), ..Serials::default() };
    let comparing = |serials: Serials| {
        let asked = dns(([127, 0, 0, 1], 53).into(), "shop.test.", RecordType::SOA);
        of_dns(DnsSpec { server: At::System, serials: Some(Box::new(serials)), ..asked })
    };
    let (result, took) = timed(&prober(comparing(listed), &engine()), FAR).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::ResponseTimeout), "{}", result.said);
    assert!((FAR..=FAR + RESERVE).contains(&(took + RESERVE)), "{took:?}");

    // Who the servers are is asked of one that is silent too.
    let stuck = standstill();
    let resolver = DnsServer::start(move |_| {
        let _ = stuck.send(());
        Reply::Silence
    })
    .await;
    let engine = engine_asking(&[resolver.address]);
    let (result, took) = timed(&prober(comparing(Serials::default()), &engine), FAR).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::DnsTimeout), "{}", result.said);
    // Who they are is to be known by half of the time.
    let half = FAR.saturating_sub(RESERVE) / 2;
    assert!((half..=half + EXACT).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn echoes_end_at_the_deadline() {
    let host = Host::Ip([127, 0, 0, 1].into());
    let icmp =
        IcmpSpec { host, packets: 20, spacing: FAR / 4, within: FAR, size: 56, max_loss: 99 };
    let (result, took) =
        timed(&prober(spec(ProbeKind::Icmp(Box::new(icmp))), &engine()), FAR).await;
    assert!(took <= FAR + EXACT, "{took:?}");
    match may_echo([127, 0, 0, 1].into()) {
        Ok(()) => {
            assert!(took + EXACT * 3 >= FAR, "{took:?}: {}", result.said);
            assert_eq!(result.facts.packets_sent, Some(4), "{}", result.said);
        }
        // Where nobody may send an echo there is no deadline to wait for, and it is said whose fault that is.
        Err(why) => {
            assert_eq!((result.outcome, &result.said), (Outcome::Unknown(Cause::Unable), &why));
        }
    }
}

/// Hears a client of HTTP/2 until it has asked for something.
async fn asked(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<()> {
    stream.read_exact(&mut [0; 24]).await?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        stream.read_exact(&mut vec![0; length as usize]).await?;
        if head[3] == HEADERS {
            return Ok(());
        }
    }
}

/// Says how often something was played.
type Played = Arc<AtomicU32>;

/// Says `words` again and again.
async fn repeats(mut stream: impl AsyncWrite + Unpin, words: &[u8], played: &Played) {
    let many = words.repeat(64);
    while stream.write_all(&many).await.is_ok() {
        played.fetch_add(1, Ordering::Relaxed);
    }
}

/// Answers with the beginning of a response, and then says `words` again and again.
async fn floods(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    (first, words): &(Vec<u8>, Vec<u8>),
    played: &Played,
) {
    let _ = stream.write_all(&frame(SETTINGS, 0, 0, &[])).await;
    if asked(&mut stream).await.is_err() || stream.write_all(first).await.is_err() {
        return;
    }
    repeats(stream, words, played).await;
}

/// What a server may say without end: what it begins with, and what follows.
fn endless() -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    const PING: u8 = 6;
    const CONTINUATION: u8 = 9;
    let head = frame(HEADERS, WHOLE, 1, OK);
    vec![
        ("pings", Vec::new(), frame(PING, 0, 0, &[7; 8])),
        ("settings", Vec::new(), frame(SETTINGS, 0, 0, &[])),
        ("frames of no known kind", Vec::new(), frame(0xfa, 0, 0, &[0; 100])),
        ("a header without end", frame(HEADERS, 0, 1, OK), frame(CONTINUATION, 0, 1, &[])),
        ("empty data", head.clone(), frame(DATA, 0, 1, &[])),
        ("padded data", head, frame(DATA, 8, 1, &[3, 0, 0, 0])),
    ]
}

#[tokio::test]
async fn no_talk_without_end_outlives_the_deadline() {
    let authority = Authority::new();
    let mut config = authority.good().server();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let played = Played::default();
    for (what, first, words) in endless() {
        let parts = Arc::new((first, words));
        let kept = (Arc::clone(&parts), Arc::clone(&played));
        let clear = TcpServer::start(move |stream| {
            let (parts, played) = kept.clone();
            async move { floods(stream, &parts, &played).await }
        })
        .await;
        let kept = (parts, Arc::clone(&played));
        let behind_tls = TcpServer::secure(config.clone(), move |stream| {
            let (parts, played) = kept.clone();
            async move { floods(stream, &parts, &played).await }
        })
        .await;
        let tls = authority.trusted();
        ends(what, grpc(clear.address, None), &played).await;
        ends(what, grpc(behind_tls.address, Some(Arc::clone(&tls))), &played).await;
        ends(what, secure_dns(behind_tls.address, DnsTransport::Https, tls), &played).await;
    }
    // Over TLS: answers to nobody's question.
    let kept = Arc::clone(&played);
    let server = TcpServer::secure(authority.good().server(), move |stream| {
        let played = Arc::clone(&kept);
        async move {
            let foreign = [&[0, 12][..], &[0xab; 2], &[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0]].concat();
            repeats(stream, &foreign, &played).await;
        }
    })
    .await;
    let spec = secure_dns(server.address, DnsTransport::Tls, authority.trusted());
    ends("answers", spec, &played).await;
}

/// The run is bad, and ends by its deadline or soon after it, once the server had its say.
async fn ends(what: &str, spec: Spec, played: &Played) {
    for deadline in SHORT {
        played.store(0, Ordering::Relaxed);
        let began = Instant::now();
        let result = run(spec.clone(), deadline).await;
        let took = began.elapsed();
        assert!(matches!(result.outcome, Outcome::Bad(_)), "{what}: {}", result.said);
        assert!(took < deadline + TOLERANCE, "{what}: {took:?}, {}", result.said);
        assert!(result.said.len() < 500, "{what}: {}", result.said.len());
        if played.load(Ordering::Relaxed) > 0 {
            return;
        }
    }
    panic!("{what}: nothing was said in {SHORT:?}");
}
