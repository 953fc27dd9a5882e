//! gRPC probes against a health service spoken with `h2`: what it says, what it calls it, and what is no gRPC at all.
//!
//! One server answers each service by its name; it counts what it was asked, so that one request stays one.
//!
//! What an answer means field by field is in `probe::grpc::answer`.

use crate::support::certs::Authority;
use crate::support::spec::{AMPLE, run, spec};
use crate::support::tcp::{DeafServer, TcpServer, until_closed};
use bytes::Bytes;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderValue, Response};
use nephoscope::model::{
    GrpcSpec, Host, Outcome, Phase, ProbeKind, ProbeResult, Reason, ServingStatus, Spec, TlsSpec,
};
use rustls::ServerConfig;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

const SHORT: Duration = Duration::from_millis(300);

fn grpc(address: SocketAddr, service: &str) -> GrpcSpec {
    GrpcSpec {
        host: Host::Ip(address.ip()),
        port: address.port(),
        service: service.into(),
        tls: None,
    }
}

fn of_grpc(grpc: GrpcSpec) -> Spec {
    spec(ProbeKind::Grpc(Box::new(grpc)))
}

async fn ask(address: SocketAddr, service: &str) -> ProbeResult {
    run(of_grpc(grpc(address, service)), AMPLE).await
}

fn ending(result: &ProbeResult) -> (Outcome, Phase) {
    (result.outcome, result.phase)
}

/// Trailers, or a head that says it all.
fn status(code: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("grpc-status", HeaderValue::from_static(code));
    headers
}

fn head(kind: &'static str) -> Response<()> {
    Response::builder().header("content-type", kind).body(()).unwrap()
}

/// Answers as the name of the service asks for.
async fn reply(service: &str, mut respond: SendResponse<Bytes>) {
    let number = match service {
        "" | "good" => 1,
        "bad" => 2,
        _ => 0,
    };
    match service {
        "nobody" | "nothing" => {
            let code = if service == "nobody" { "5" } else { "12" };
            let mut only = head("application/grpc");
            only.headers_mut().extend(status(code));
            only.headers_mut().insert("grpc-message", HeaderValue::from_static("no such thing"));
            respond.send_response(only, true).unwrap();
        }
        "page" => {
            let mut stream = respond.send_response(head("text/html"), false).unwrap();
            stream.send_data(Bytes::from_static(b"<html>"), true).unwrap();
        }
        "silent" => std::future::pending::<()>().await,
        "stalling" => {
            let _stream = respond.send_response(head("application/grpc"), false).unwrap();
            std::future::pending::<()>().await;
        }
        "endless" => {
            let mut stream = respond.send_response(head("application/grpc"), false).unwrap();
            while stream.send_data(Bytes::from_static(&[0; 1024]), false).is_ok() {
                tokio::task::yield_now().await;
                if stream
                    .poll_reset(&mut std::task::Context::from_waker(std::task::Waker::noop()))
                    .is_ready()
                {
                    return;
                }
            }
        }
        "reset" => respond.send_reset(h2::Reason::REFUSED_STREAM),
        _ => {
            let mut stream = respond.send_response(head("application/grpc"), false).unwrap();
            stream.send_data(Bytes::from(vec![0, 0, 0, 0, 2, 8, number]), false).unwrap();
            stream.send_trailers(status("0")).unwrap();
        }
    }
}

/// Serves one connection.
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, asked: Arc<AtomicU32>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    let mut replies = tokio::task::JoinSet::new();
    while let Some(Ok((request, respond))) = connection.accept().await {
        asked.fetch_add(1, Ordering::Relaxed);
        assert_eq!(request.uri().path(), "/grpc.health.v1.Health/Check");
        assert_eq!(request.headers()["content-type"], "application/grpc");
        assert_eq!(request.headers()["te"], "trailers");
        replies.spawn(async move {
            let mut body = request.into_body();
            let mut frame = Vec::new();
            while let Some(Ok(chunk)) = body.data().await {
                frame.extend_from_slice(&chunk);
            }
            // The frame of five bytes; the message is empty, or a tag, a length and the name.
            let name = frame.get(7..).unwrap_or_default().to_vec();
            reply(&String::from_utf8(name).unwrap(), respond).await;
        });
    }
}

async fn server() -> (TcpServer, Arc<AtomicU32>) {
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let server = TcpServer::start(move |stream| serve(stream, Arc::clone(&counted))).await;
    (server, asked)
}

async fn tls_server(mut config: ServerConfig, protocols: &[&[u8]]) -> TcpServer {
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    TcpServer::secure(config, |stream| serve(stream, Arc::default())).await
}

#[tokio::test]
async fn serving_is_good_and_asked_for_once() {
    let (server, asked) = server().await;
    for (service, said) in [("", "the server is SERVING in "), ("good", "`good` is SERVING in ")] {
        let result = ask(server.address, service).await;
        assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
        assert!(result.said.starts_with(said), "{}", result.said);
        let phases: Vec<_> = result.phases.iter().map(|(phase, _, _)| phase).collect();
        assert_eq!(phases, [Phase::Connect, Phase::Processing, Phase::Transfer]);
        let facts = (result.facts.grpc_status, result.facts.grpc_health, result.address);
        assert_eq!(facts, (Some(0), Some(ServingStatus::Serving), Some(server.address)));
    }
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn what_does_not_serve_is_bad_and_says_how() {
    let (server, asked) = server().await;
    let cases = [
        ("bad", Reason::Health, "`bad` is NOT_SERVING"),
        ("odd", Reason::Health, "`odd` is UNKNOWN"),
        (
            "nobody",
            Reason::Status,
            "gRPC status 5 (NOT_FOUND): its health service does not know `nobody`; it says: no such thing",
        ),
        (
            "nothing",
            Reason::Status,
            "gRPC status 12 (UNIMPLEMENTED): it has no health service; it says: no such thing",
        ),
        ("page", Reason::Protocol, "the server answered with something that is not gRPC"),
        (
            "endless",
            Reason::Protocol,
            "the server's answer has no end: a health service says a few bytes",
        ),
    ];
    for (service, reason, said) in cases {
        let result = ask(server.address, service).await;
        assert_eq!(
            (ending(&result), &*result.said),
            ((Outcome::Bad(reason), Phase::Transfer), said)
        );
    }
    let reset = ask(server.address, "reset").await;
    assert_eq!(ending(&reset), (Outcome::Bad(Reason::Reset), Phase::Processing), "{}", reset.said);
    assert!(reset.said.starts_with("the server gave the request up: "), "{}", reset.said);
    assert_eq!(asked.load(Ordering::Relaxed), 7, "a request that was given up is not sent again");
}

#[tokio::test]
async fn silence_ends_with_the_deadline_in_the_phase_that_it_struck() {
    let (server, _) = server().await;
    let silent = run(of_grpc(grpc(server.address, "silent")), SHORT).await;
    assert_eq!(ending(&silent), (Outcome::Bad(Reason::ResponseTimeout), Phase::Processing));
    let stalling = run(of_grpc(grpc(server.address, "stalling")), SHORT).await;
    assert_eq!(ending(&stalling), (Outcome::Bad(Reason::BodyTimeout), Phase::Transfer));
    let deaf = DeafServer::start().await;
    let unheard = run(of_grpc(grpc(deaf.address, "")), SHORT).await;
    assert_eq!(ending(&unheard), (Outcome::Bad(Reason::ConnectTimeout), Phase::Connect));
}

#[tokio::test]
async fn what_is_not_http2_says_so() {
    let web = TcpServer::start(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
        until_closed(&mut stream).await;
    })
    .await;
    let result = ask(web.address, "").await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::Protocol), "{}", result.said);
    assert!(result.said.starts_with("the answer is not HTTP/2: "), "{}", result.said);
    let gone = TcpServer::start(|stream| async move { drop(stream) }).await;
    let result = ask(gone.address, "").await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::Reset), "{}", result.said);
}

#[tokio::test]
async fn behind_tls_the_certificate_is_looked_at_and_http2_agreed_on() {
    let authority = Authority::new();
    let identity = authority.leaf("grpc.test", -1..30);
    let trusting = |name: &str| {
        Some(Arc::new(TlsSpec {
            ca: Some(authority.file()),
            server_name: Some(name.into()),
            ..TlsSpec::default()
        }))
    };
    let server = tls_server(identity.server(), &[b"h2"]).await;
    let fine = GrpcSpec { tls: trusting("grpc.test"), ..grpc(server.address, "good") };
    let result = run(of_grpc(fine), AMPLE).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    assert!(result.facts.certificate_not_after.is_some() && result.facts.tls_version.is_some());
    let other = GrpcSpec { tls: trusting("other.test"), ..grpc(server.address, "good") };
    let result = run(of_grpc(other), AMPLE).await;
    assert_eq!(ending(&result), (Outcome::Bad(Reason::TlsHostname), Phase::Tls), "{}", result.said);
    let old = tls_server(identity.server(), &[b"http/1.1"]).await;
    let result =
        run(of_grpc(GrpcSpec { tls: trusting("grpc.test"), ..grpc(old.address, "") }), AMPLE).await;
    assert_eq!(
        ending(&result),
        (Outcome::Bad(Reason::TlsHandshake), Phase::Tls),
        "{}",
        result.said
    );
}

#[tokio::test]
async fn a_server_that_wants_a_client_certificate_objects_to_none() {
    let authority = Authority::new();
    let tls = TlsSpec { ca: Some(authority.file()), ..TlsSpec::default() };
    let identity = authority.leaf("127.0.0.1", -1..30);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let config = identity.server_with(&[version], Some(&authority));
        let server = tls_server(config, &[b"h2"]).await;
        let without = GrpcSpec { tls: Some(Arc::new(tls.clone())), ..grpc(server.address, "") };
        let result = run(of_grpc(without.clone()), AMPLE).await;
        assert_eq!(result.outcome, Outcome::Bad(Reason::TlsHandshake), "{}", result.said);
        let client = Some(authority.leaf("client.example", -1..9).files());
        let with = TlsSpec { identity: client, ..tls.clone() };
        let result = run(of_grpc(GrpcSpec { tls: Some(Arc::new(with)), ..without }), AMPLE).await;
        assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    }
}
