//! Servers that send whatever a test wants sent.
//!
//! A server is a listener on a loopback port of its own and a thread per connection, so that it lives by itself whatever
//! the runtime under test does. A request is read to its end before the answer is written; what was asked is kept.
//! With a TLS configuration every connection begins with a handshake, whose kind is kept too.
//!
//! Connections are not joined: each ends when the prober closes its side.

use rustls::{HandshakeKind, ServerConfig, ServerConnection, Stream};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// How often a port that is free at several addresses is tried for.
const PORT_ATTEMPTS: usize = 32;

/// Both directions of a connection, encrypted or not.
pub(crate) trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

type Answer = dyn Fn(&str, &mut dyn Wire) -> std::io::Result<()> + Send + Sync;

/// A server that runs until it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Seen {
    requests: Vec<String>,
    handshakes: Vec<Option<HandshakeKind>>,
    connections: usize,
}

impl Server {
    /// A plain server; `answer` gets each request and writes what it likes. The connection ends with it.
    pub(crate) fn plain(
        answer: impl Fn(&str, &mut dyn Wire) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self::start(answering(answer))
    }

    /// A plain server that answers every request with these bytes.
    pub(crate) fn fixed(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::plain(move |_, wire| wire.write_all(&answer))
    }

    /// Servers with equal answers at these addresses, all on one port.
    pub(crate) fn everywhere(ips: &[IpAddr], answer: &str) -> Vec<Self> {
        let answer = answer.as_bytes().to_vec();
        for _ in 0..PORT_ATTEMPTS {
            let mut servers: Vec<Self> = Vec::new();
            for ip in ips {
                let port = servers.first().map_or(0, |first| first.address.port());
                let Ok(listener) = TcpListener::bind((*ip, port)) else { break };
                let answer = answer.clone();
                servers.push(Self::listen(
                    listener,
                    answering(move |_, wire| wire.write_all(&answer)),
                ));
            }
            if servers.len() == ips.len() {
                return servers;
            }
        }
        panic!("no port is free at all of {ips:?}");
    }

    /// A server that begins with a TLS handshake.
    pub(crate) fn tls(
        config: ServerConfig,
        answer: impl Fn(&str, &mut dyn Wire) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let config = Arc::new(config);
        let answer: Arc<Answer> = Arc::new(answer);
        Self::start(move |stream, seen| serve_tls(stream, &config, &answer, seen))
    }

    /// A server that begins with a TLS handshake and reads no request.
    pub(crate) fn tls_raw(
        config: ServerConfig,
        handle: impl Fn(&mut dyn Wire) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let config = Arc::new(config);
        Self::start(move |mut socket, _| {
            let mut connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            handle(&mut Stream::new(&mut connection, &mut socket))
        })
    }

    /// A server whose connections are handled as they come, before anything is read.
    pub(crate) fn raw(
        handle: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self::start(move |mut stream, _| {
            handle(&mut stream)?;
            linger(stream)
        })
    }

    fn start(
        serve: impl Fn(TcpStream, &Mutex<Seen>) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self::listen(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap(), serve)
    }

    fn listen(
        listener: TcpListener,
        serve: impl Fn(TcpStream, &Mutex<Seen>) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let serve = Arc::new(serve);
        let (shared, stopping) = (Arc::clone(&seen), Arc::clone(&stop));
        let accepting = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopping.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                shared.lock().unwrap().connections += 1;
                let (serve, seen) = (Arc::clone(&serve), Arc::clone(&shared));
                // An error here is the prober going away, which is its right.
                std::thread::spawn(move || drop(serve(stream, &seen)));
            }
        });
        Self { address, seen, stop, accepting: Some(accepting) }
    }

    /// The URL of `path` on this server, by address.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The URL of `path` on this server over TLS, by name.
    pub(crate) fn https(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.address.port())
    }

    /// The requests seen so far, header and body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().requests.clone()
    }

    /// The kind of each finished handshake.
    pub(crate) fn handshakes(&self) -> Vec<Option<HandshakeKind>> {
        self.seen.lock().unwrap().handshakes.clone()
    }

    /// Connections accepted so far.
    pub(crate) fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for a connection.
        drop(TcpStream::connect(self.address));
        if let Some(accepting) = self.accepting.take() {
            drop(accepting.join());
        }
    }
}

/// A whole response with this status line, extra header lines and body.
pub(crate) fn response(status: &str, headers: &[&str], body: &str) -> String {
    let mut text = format!("HTTP/1.1 {status}\r\n");
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    text.push_str("content-length: ");
    text.push_str(&body.len().to_string());
    text.push_str("\r\n\r\n");
    text.push_str(body);
    text
}

/// The path of a request.
pub(crate) fn path(request: &str) -> &str {
    request.split(' ').nth(1).unwrap_or_default()
}

/// The value of a header of a request, names in lower case.
pub(crate) fn header<'r>(request: &'r str, name: &str) -> Option<&'r str> {
    request.lines().skip(1).find_map(|line| {
        let (each, value) = line.split_once(':')?;
        each.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Reads a request, keeps it, answers.
fn answering(
    answer: impl Fn(&str, &mut dyn Wire) -> std::io::Result<()> + Send + Sync + 'static,
) -> impl Fn(TcpStream, &Mutex<Seen>) -> std::io::Result<()> + Send + Sync + 'static {
    move |mut stream, seen| {
        let request = read_request(&mut stream)?;
        seen.lock().unwrap().requests.push(request.clone());
        answer(&request, &mut stream)?;
        linger(stream)
    }
}

fn serve_tls(
    mut socket: TcpStream,
    config: &Arc<ServerConfig>,
    answer: &Arc<Answer>,
    seen: &Mutex<Seen>,
) -> std::io::Result<()> {
    let mut connection = ServerConnection::new(Arc::clone(config)).unwrap();
    while connection.is_handshaking() {
        if let Err(error) = connection.complete_io(&mut socket) {
            // The alert that rustls has made ready is part of what a test wants sent.
            while connection.wants_write() {
                connection.write_tls(&mut socket)?;
            }
            linger(socket)?;
            return Err(error);
        }
    }
    seen.lock().unwrap().handshakes.push(connection.handshake_kind());
    let mut stream = Stream::new(&mut connection, &mut socket);
    let request = read_request(&mut stream)?;
    seen.lock().unwrap().requests.push(request.clone());
    answer(&request, &mut stream)?;
    stream.conn.send_close_notify();
    stream.flush()?;
    linger(socket)
}

/// Reads what the prober says first, in one piece or part of it.
pub(crate) fn hear(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut first = [0; 4096];
    match stream.read(&mut first)? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// Reads one request: its header, and as much body as it states.
fn read_request(stream: &mut dyn Wire) -> std::io::Result<String> {
    let mut reader = BufReader::new(stream);
    let mut text = String::new();
    while !text.ends_with("\r\n\r\n") {
        if reader.read_line(&mut text)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    let length: usize =
        header(&text, "content-length").map_or(0, |value| value.parse().unwrap_or(0));
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    text.push_str(&String::from_utf8_lossy(&body));
    Ok(text)
}

/// Ends our direction and waits for the other to end, so that nothing sent is lost to a reset.
fn linger(mut stream: TcpStream) -> std::io::Result<()> {
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut rest = [0; 1024];
    while stream.read(&mut rest)? > 0 {}
    Ok(())
}
