//! Serving a router on a listener, patient with nobody.
//!
//! One future drives all connections of a listener: a bounded number of them, and of each address, each with a limit on the
//! size of its request head, on the time to send it, and on its age. When `stop` resolves, what is being answered may end
//! within the grace, then the rest is dropped.
//!
//! It does not bind (the daemon does) and does not spawn: whoever calls it owns the one task it runs in.

use super::Count;
use crate::clock::Instant;
use crate::model::TurnedAway;
use axum::Router;
use axum::serve::Listener;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use std::collections::BTreeMap;
use std::future::Future;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// Connections of one listener at most; the next one waits in the kernel's queue until one ends.
pub const CONNECTIONS: usize = 256;

/// Connections of one address at most, so that one client leaves room for others; the next one is closed at once. Of IPv6 it is
/// the network of a client, its first 64 bits, for within them it has as many addresses as it likes.
pub const CONNECTIONS_OF_ONE: usize = 64;

/// Bytes of a request head (and of hyper's read buffer) at most.
const HEAD_BYTES: usize = 16 * 1024;

/// Header lines of a request at most.
const HEAD_LINES: usize = 64;

/// The first request of a connection must have its head complete after this, counted from the handshake.
const FIRST_WITHIN: Duration = Duration::from_secs(10);

/// Any further one after this; also how long an idle connection is kept, so that whoever scrapes once a minute can keep one.
const HEAD_WITHIN: Duration = Duration::from_secs(90);

/// A TLS handshake must be done after this.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// A connection older than this is closed after the answer it is giving, so that a reader who takes one byte a minute
/// cannot hold a place for ever.
const CONNECTION_AGE: Duration = Duration::from_mins(10);

/// Who takes nothing of an answer for so long is let go by the kernel: an exposition that is being read holds one of few
/// places. Set where the listener is bound.
pub const STALLED_FOR: Duration = Duration::from_secs(20);

/// How long a connection that was asked to close may still take.
const GRACE: Duration = Duration::from_secs(5);

/// Where a connection comes from.
pub trait Origin {
    /// The address of whoever connects; none on this machine's own sockets.
    fn origin(&self) -> Option<IpAddr>;
}

impl Origin for SocketAddr {
    fn origin(&self) -> Option<IpAddr> {
        Some(match self.ip().to_canonical() {
            IpAddr::V4(ip) => ip.into(),
            IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
        })
    }
}

impl Origin for tokio::net::unix::SocketAddr {
    fn origin(&self) -> Option<IpAddr> {
        None
    }
}

/// What connections are given.
#[derive(Clone)]
pub struct Welcome {
    /// What answers.
    pub router: Router,
    /// With it every connection begins with a handshake.
    pub tls: Option<Arc<ServerConfig>>,
    /// Told of those who are turned away.
    pub count: Count,
}

/// Serves on `listener` until `stop` resolves and the connections have ended.
pub async fn serve<L: Listener<Addr: Origin>>(
    mut listener: L,
    welcome: Welcome,
    stop: impl Future<Output = ()>,
) {
    let (closing, closed) = watch::channel(());
    let mut connections = FuturesUnordered::new();
    let mut crowds: BTreeMap<Option<IpAddr>, usize> = BTreeMap::new();
    let mut stop = pin!(stop);
    loop {
        // Stopping comes first so that a flood of connections cannot delay it; ending connections come before new
        // ones because they free places.
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(origin) = connections.next(), if !connections.is_empty() => leave(&mut crowds, origin),
            (stream, from) = listener.accept(), if connections.len() < CONNECTIONS => {
                let origin = from.origin();
                let crowd = crowds.entry(origin).or_default();
                if origin.is_some() && *crowd == CONNECTIONS_OF_ONE {
                    (welcome.count)(TurnedAway::Connections);
                    continue;
                }
                *crowd += 1;
                let connection = begin(stream, welcome.clone(), closed.clone());
                connections.push(async move {
                    connection.await;
                    origin
                });
            }
        }
    }
    drop(listener);
    drop(closing);
    while connections.next().await.is_some() {}
}

/// One connection less from there.
fn leave(crowds: &mut BTreeMap<Option<IpAddr>, usize>, origin: Option<IpAddr>) {
    if let Some(crowd) = crowds.get_mut(&origin) {
        *crowd -= 1;
        if *crowd == 0 {
            crowds.remove(&origin);
        }
    }
}

/// One connection from its handshake, if it has one. Who does not get through it has nobody to tell.
async fn begin<S>(stream: S, welcome: Welcome, closed: watch::Receiver<()>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Welcome { router, tls, count } = welcome;
    let Some(tls) = tls else { return connection(stream, router, &count, closed).await };
    match tokio::time::timeout(HANDSHAKE_WITHIN, TlsAcceptor::from(tls).accept(stream)).await {
        Ok(Ok(stream)) => connection(stream, router, &count, closed).await,
        Ok(Err(_)) => {}
        Err(_) => count(TurnedAway::Slow),
    }
}

/// One connection to its end, which comes at the latest [`CONNECTION_AGE`] + [`GRACE`] from now.
async fn connection<S>(stream: S, router: Router, count: &Count, mut closed: watch::Receiver<()>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let asked = Arc::new(AtomicBool::new(false));
    let (heard, router) = (Arc::clone(&asked), TowerToHyperService::new(router));
    let service = service_fn(move |request| {
        heard.store(true, Ordering::Relaxed);
        router.call(request)
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEAD_LINES)
        .serve_connection(TokioIo::new(stream), service);
    let mut served = pin!(served);
    let begun = Instant::now();
    let first = tokio::time::sleep_until(begun + FIRST_WITHIN);
    let mut first = pin!(first);
    let mut is_new = true;
    loop {
        // The connection comes first: what can be answered now is answered before anybody looks at the clock. An error is
        // the client's (reset, garbage, too slow); there is nobody left to tell.
        tokio::select! {
            biased;
            _ = &mut served => return,
            _ = closed.changed() => break,
            () = tokio::time::sleep_until(begun + CONNECTION_AGE) => break,
            () = &mut first, if is_new => {
                is_new = false;
                if !asked.load(Ordering::Relaxed) {
                    count(TurnedAway::Slow);
                    return;
                }
            }
        }
    }
    served.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(GRACE, served).await;
}

#[cfg(test)]
mod tests;
