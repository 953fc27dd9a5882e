//! TCP servers on port 0 of the loopback: one that hands each connection to a test's script, one that never accepts.
//!
//! They end with their handle, connections included.
//!
//! What is said on a connection is the test's business.

use rustls::ServerConfig;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A server that follows a script on each connection.
pub(crate) struct TcpServer {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    pub(super) tasks: JoinSet<()>,
}

impl TcpServer {
    /// Starts a server that gives each connection to `script`.
    pub(crate) async fn start<F, S>(script: S) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
        S: Fn(TcpStream) -> F + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                open.spawn(script(stream));
            }
        });
        Self { address, tasks }
    }

    /// Starts a server that gives each connection to `script` once TLS stands on it.
    pub(crate) async fn secure<F, S>(config: ServerConfig, script: S) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
        S: Fn(TlsStream<TcpStream>) -> F + Clone + Send + 'static,
    {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self::start(move |stream| {
            let (acceptor, script) = (acceptor.clone(), script.clone());
            async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    script(stream).await;
                }
            }
        })
        .await
    }

    /// A server that says `words` and then listens until the client leaves.
    pub(crate) async fn saying(words: impl Into<Vec<u8>>) -> Self {
        let words: Arc<[u8]> = words.into().into();
        Self::start(move |mut stream| {
            let words = Arc::clone(&words);
            async move {
                let _ = stream.write_all(&words).await;
                until_closed(&mut stream).await;
            }
        })
        .await
    }
}

/// Listens until the client leaves.
pub(crate) async fn until_closed(stream: &mut TcpStream) {
    let mut buffer = [0; 1024];
    while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
}

/// Does the server's side of the handshake, then echoes what comes.
pub(crate) async fn echo_over_tls(config: Arc<ServerConfig>, stream: TcpStream) {
    let Ok(mut stream) = TlsAcceptor::from(config).accept(stream).await else { return };
    let mut buffer = [0; 256];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        stream.write_all(&buffer[..length]).await.unwrap();
        stream.flush().await.unwrap();
    }
}

/// Says `bytes` one at a time, each in a packet of its own as far as the kernel lets it; whether all of them could be said.
pub(crate) async fn drip(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    stream.set_nodelay(true).unwrap();
    for byte in bytes {
        if stream.write_all(&[*byte]).await.is_err() {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    true
}

/// Says `words`.
pub(crate) async fn say(stream: &mut TcpStream, words: &str) {
    stream.write_all(words.as_bytes()).await.unwrap();
}

/// Hears a line, without its end.
pub(crate) async fn hear(stream: &mut TcpStream) -> String {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.push(stream.read_u8().await.unwrap());
    }
    line.truncate(line.len() - 2);
    String::from_utf8(line).unwrap()
}

/// A listener whose queue is full: the kernel drops further attempts to connect, as if nobody were there.
pub(crate) struct DeafServer {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    _listener: TcpListener,
    _waiting: TcpStream,
}

impl DeafServer {
    /// Listens with the smallest queue and fills it.
    pub(crate) async fn start() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let waiting = TcpSocket::new_v4().unwrap().connect(address).await.unwrap();
        Self { address, _listener: listener, _waiting: waiting }
    }
}
