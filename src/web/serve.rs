//! Serving a router on a listener, patient with nobody.
//!
//! One future drives all connections of a listener: a bounded number of them, each with a limit on the size of its
//! request head, on the time to send it, and on its age. When `stop` resolves, what is being answered may end within the
//! grace, then the rest is dropped.
//!
//! It does not bind (the daemon does) and does not spawn: whoever calls it owns the one task it runs in.

use axum::Router;
use axum::serve::Listener;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// Connections of one listener at most; the next one waits in the kernel's queue until one ends.
pub const CONNECTIONS: usize = 256;

/// Bytes of a request head (and of hyper's read buffer) at most.
const HEAD_BYTES: usize = 16 * 1024;

/// Header lines of a request at most.
const HEAD_LINES: usize = 64;

/// A request head must be complete after this; also how long an idle connection is kept.
const HEAD_WITHIN: Duration = Duration::from_secs(90);

/// A TLS handshake must be done after this.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// A connection older than this is closed after the answer it is giving, so that a reader who takes one byte a minute
/// cannot hold a place for ever.
const CONNECTION_AGE: Duration = Duration::from_mins(10);

/// How long a connection that was asked to close may still take.
const GRACE: Duration = Duration::from_secs(5);

/// Serves `router` on `listener` until `stop` resolves and the connections have ended.
///
/// With `tls` every connection begins with a handshake.
pub async fn serve<L: Listener>(
    mut listener: L,
    router: Router,
    tls: Option<Arc<ServerConfig>>,
    stop: impl Future<Output = ()>,
) {
    let tls = tls.map(TlsAcceptor::from);
    let (closing, closed) = watch::channel(());
    let mut connections = FuturesUnordered::new();
    let mut stop = pin!(stop);
    loop {
        // Stopping comes first so that a flood of connections cannot delay it; ending connections come before new
        // ones because they free places.
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(()) = connections.next(), if !connections.is_empty() => {}
            (stream, _) = listener.accept(), if connections.len() < CONNECTIONS => {
                connections.push(begin(stream, tls.clone(), router.clone(), closed.clone()));
            }
        }
    }
    drop(listener);
    drop(closing);
    while connections.next().await.is_some() {}
}

/// One connection from its handshake, if it has one. Who does not get through it has nobody to tell.
async fn begin<S>(stream: S, tls: Option<TlsAcceptor>, router: Router, closed: watch::Receiver<()>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Some(tls) = tls else { return connection(stream, router, closed).await };
    if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_WITHIN, tls.accept(stream)).await {
        connection(stream, router, closed).await;
    }
}

/// One connection to its end, which comes at the latest [`CONNECTION_AGE`] + [`GRACE`] from now.
async fn connection<S>(stream: S, router: Router, mut closed: watch::Receiver<()>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEAD_LINES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut served = pin!(served);
    // The connection comes first: what can be answered now is answered before anybody looks at the clock. An error is
    // the client's (reset, garbage, too slow); there is nobody left to tell.
    tokio::select! {
        biased;
        _ = &mut served => return,
        _ = closed.changed() => {}
        () = tokio::time::sleep(CONNECTION_AGE) => {}
    }
    served.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(GRACE, served).await;
}

#[cfg(test)]
mod tests {
    use super::{HANDSHAKE_WITHIN, HEAD_WITHIN, begin};
    use crate::clock::Instant;
    use axum::Router;
    use rustls::ServerConfig;
    use rustls::server::ResolvesServerCertUsingSni;
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::io::AsyncWriteExt as _;
    use tokio::sync::watch;
    use tokio_rustls::TlsAcceptor;

    /// How long a connection is kept on which `words` came and nothing after them.
    async fn kept(tls: Option<TlsAcceptor>, words: &[u8]) -> Duration {
        let (mut client, server) = tokio::io::duplex(1024);
        let (_closing, closed) = watch::channel(());
        client.write_all(words).await.unwrap();
        let begun = Instant::now();
        begin(server, tls, Router::new(), closed).await;
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_or_a_handshake_that_is_never_done_is_given_up() {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(ResolvesServerCertUsingSni::new()));
        let slack = Duration::from_secs(1);
        let head = kept(None, b"GET / HTTP/1.1\r\nhost: a\r\nx: ").await;
        assert!((HEAD_WITHIN..HEAD_WITHIN + slack).contains(&head), "{head:?}");
        let handshake = kept(Some(Arc::new(config).into()), b"\x16\x03\x01").await;
        assert!((HANDSHAKE_WITHIN..HANDSHAKE_WITHIN + slack).contains(&handshake), "{handshake:?}");
    }
}
