//! One exchange over HTTP/2 on a connection of its own: for gRPC, and for DNS over HTTPS.
//!
//! The connection is driven beside the exchange, and ends with it; nothing is kept, retried or pushed. Headers, frames and
//! what may come before it was taken are bounded. What TLS objects to is overheard on the way: in HTTP/2's own errors only
//! its words are left.
//!
//! It does not know what is asked, and judges no answer.

use super::tls;
use crate::model::Reason;
use crate::net::{self, Failure, lower_case};
use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

/// Bytes of headers, or of trailers, that are taken.
const HEADERS: u32 = 16 * 1024;

/// Bytes of one frame: the least that HTTP/2 allows.
const FRAME: u32 = 16_384;

/// Bytes that are read of a connection that broke, to hear why.
const LAST_WORDS: usize = 64;

/// Why an exchange has no answer.
pub(super) enum Stop {
    /// HTTP/2 went wrong.
    Broken(h2::Error),
    /// What came is not what it should be.
    Judged(Failure),
}

impl From<h2::Error> for Stop {
    fn from(error: h2::Error) -> Self {
        Self::Broken(error)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Judged(failure)
    }
}

/// Runs `exchange` over `stream`, on which the far side may send `window` bytes before some are taken.
pub(super) async fn drive<S, T, F>(
    stream: S,
    window: u32,
    exchange: impl FnOnce(SendRequest<Bytes>) -> F,
) -> Result<T, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Future<Output = Result<T, Stop>>,
{
    let mut stream = Overheard { stream, objection: None };
    let error = match driven(&mut stream, window, exchange).await {
        Ok(answer) => return Ok(answer),
        Err(Stop::Judged(failure)) => return Err(failure),
        Err(Stop::Broken(error)) => error,
    };
    if error.is_io() && stream.objection.is_none() {
        // It may have been said why while we were still writing.
        let _ = stream.read(&mut [0; LAST_WORDS]).await;
    }
    Err(stream.objection.unwrap_or_else(|| broken(&error)))
}

async fn driven<S, T, F>(
    stream: S,
    window: u32,
    exchange: impl FnOnce(SendRequest<Bytes>) -> F,
) -> Result<T, Stop>
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Future<Output = Result<T, Stop>>,
{
    let (sender, connection) = Builder::new()
        .initial_window_size(window)
        .initial_connection_window_size(window)
        .max_frame_size(FRAME)
        .max_header_list_size(HEADERS)
        .enable_push(false)
        .handshake::<_, Bytes>(stream)
        .await?;
    let exchange = exchange(sender);
    tokio::pin!(exchange, connection);
    // The connection first: it carries what the exchange waits for. When it is over, the exchange still has what came.
    tokio::select! {
        biased;
        ended = &mut connection => match (exchange.await, ended) {
            (Err(Stop::Broken(_)), Err(error)) => Err(error.into()),
            (exchanged, _) => exchanged,
        },
        exchanged = &mut exchange => exchanged,
    }
}

/// What an error of HTTP/2 means.
fn broken(error: &h2::Error) -> Failure {
    if let Some(io) = error.get_io() {
        return net::own_fault(io).unwrap_or_else(|| {
            let said = format!("the connection broke: {}", lower_case(io));
            Failure::bad(Reason::Reset, said)
        });
    }
    let why = error.reason().map_or_else(String::new, |reason| reason.description().to_owned());
    if error.is_remote() && error.is_go_away() {
        Failure::bad(Reason::Reset, format!("the server closed the connection: {why}"))
    } else if error.is_remote() {
        Failure::bad(Reason::Reset, format!("the server gave the request up: {why}"))
    } else {
        Failure::bad(Reason::Protocol, format!("the answer is not HTTP/2: {error}"))
    }
}

/// A stream, and what TLS objected to on it.
struct Overheard<S> {
    stream: S,
    objection: Option<Failure>,
}

impl<S> Overheard<S> {
    fn listen<T>(&mut self, done: io::Result<T>) -> io::Result<T> {
        done.inspect_err(|error| {
            self.objection = self.objection.take().or_else(|| tls::objection(error));
        })
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Overheard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let done = ready!(Pin::new(&mut self.stream).poll_read(context, into));
        Poll::Ready(self.listen(done))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Overheard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let done = ready!(Pin::new(&mut self.stream).poll_write(context, bytes));
        Poll::Ready(self.listen(done))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = ready!(Pin::new(&mut self.stream).poll_flush(context));
        Poll::Ready(self.listen(done))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = ready!(Pin::new(&mut self.stream).poll_shutdown(context));
        Poll::Ready(self.listen(done))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, slices));
        Poll::Ready(self.listen(done))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
