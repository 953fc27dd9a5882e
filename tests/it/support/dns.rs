//! A DNS server on port 0 of the loopback that answers what a test's script says, over UDP and TCP, or over TLS.
//!
//! The script sees each question and gives the packets to send back, so that it can forge, truncate or mangle them. The
//! questions that came are kept, in order, for the test to look at.
//!
//! It knows no zones and does not decide what a right answer is.

use super::tcp::TcpServer;
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{RData, Record};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;

/// How often a TCP and a UDP socket on one free port are tried for.
const PORT_ATTEMPTS: usize = 32;

/// A question as it came.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// Whether it came over TCP.
    pub(crate) tcp: bool,
    /// The message itself.
    pub(crate) message: Message,
}

impl Question {
    /// A response to this question without records.
    pub(crate) fn response(&self) -> Message {
        let mut response = Message::response(self.message.id, self.message.op_code);
        response.metadata.recursion_desired = self.message.recursion_desired;
        response.add_queries(self.message.queries.iter().cloned());
        response
    }

    /// A response with these records about the name that was asked for.
    pub(crate) fn records(&self, ttl: u32, records: impl IntoIterator<Item = RData>) -> Message {
        let name = self.message.queries[0].name().clone();
        let mut response = self.response();
        response.add_answers(
            records.into_iter().map(|data| Record::from_rdata(name.clone(), ttl, data)),
        );
        response
    }

    /// A response that says so much.
    pub(crate) fn code(&self, code: ResponseCode) -> Message {
        let mut response = self.response();
        response.metadata.response_code = code;
        response
    }
}

/// What the server does about a question.
pub(crate) enum Reply {
    /// Sends these packets, one after the other.
    Packets(Vec<Vec<u8>>),
    /// Sends this packet from another port than the one that was asked.
    FromElsewhere(Vec<u8>),
    /// Over TCP: sends these bytes without framing and keeps the connection open.
    Bytes(Vec<u8>),
    /// Over TCP: sends this packet with its frame, one byte at a time.
    Drip(Vec<u8>),
    /// Over TCP: closes the connection.
    Close,
    /// Says nothing.
    Silence,
}

impl From<Message> for Reply {
    fn from(message: Message) -> Self {
        Self::Packets(vec![message.to_vec().unwrap()])
    }
}

type Script = dyn Fn(&Question) -> Reply + Send + Sync;

/// The running server; it stops when dropped.
pub(crate) struct DnsServer {
    /// Where it listens, with UDP and TCP.
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Question>>>,
    _tasks: JoinSet<()>,
}

impl DnsServer {
    /// Starts a server that follows `script`.
    pub(crate) async fn start(script: impl Fn(&Question) -> Reply + Send + Sync + 'static) -> Self {
        let sockets = sockets().await;
        Self::serve(sockets, script)
    }

    /// Starts one at another address of the loopback and the port of this one.
    pub(crate) async fn beside(
        &self,
        ip: Ipv4Addr,
        script: impl Fn(&Question) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let address = SocketAddr::new(ip.into(), self.address.port());
        let udp = UdpSocket::bind(address).await.unwrap();
        Self::serve((udp, TcpListener::bind(address).await.unwrap()), script)
    }

    /// Starts one that speaks over TLS only.
    pub(crate) async fn secure(
        config: rustls::ServerConfig,
        script: impl Fn(&Question) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Script> = Arc::new(script);
        let kept = Arc::clone(&asked);
        let TcpServer { address, tasks } = TcpServer::secure(config, move |stream| {
            serve_stream(stream, Arc::clone(&script), Arc::clone(&kept))
        })
        .await;
        Self { address, asked, _tasks: tasks }
    }

    fn serve(
        (udp, tcp): (UdpSocket, TcpListener),
        script: impl Fn(&Question) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let address = udp.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Script> = Arc::new(script);
        let mut tasks = JoinSet::new();
        tasks.spawn(serve_udp(udp, Arc::clone(&script), Arc::clone(&asked)));
        tasks.spawn(serve_tcp(tcp, script, Arc::clone(&asked)));
        Self { address, asked, _tasks: tasks }
    }

    /// The questions that have come, in order.
    pub(crate) fn asked(&self) -> Vec<Question> {
        self.asked.lock().unwrap().clone()
    }
}

async fn sockets() -> (UdpSocket, TcpListener) {
    for _ in 0..PORT_ATTEMPTS {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
            return (udp, tcp);
        }
    }
    panic!("no port is free for both UDP and TCP");
}

async fn serve_udp(socket: UdpSocket, script: Arc<Script>, asked: Arc<Mutex<Vec<Question>>>) {
    let mut buffer = vec![0; 4096];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        let question =
            Question { tcp: false, message: Message::from_vec(&buffer[..length]).unwrap() };
        asked.lock().unwrap().push(question.clone());
        match script(&question) {
            Reply::Packets(packets) => {
                for packet in packets {
                    socket.send_to(&packet, from).await.unwrap();
                }
            }
            Reply::FromElsewhere(packet) => {
                let other = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
                other.send_to(&packet, from).await.unwrap();
            }
            Reply::Bytes(_) | Reply::Drip(_) | Reply::Close | Reply::Silence => {}
        }
    }
}

async fn serve_tcp(listener: TcpListener, script: Arc<Script>, asked: Arc<Mutex<Vec<Question>>>) {
    let mut open = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        open.spawn(serve_stream(stream, Arc::clone(&script), Arc::clone(&asked)));
    }
}

async fn serve_stream(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    script: Arc<Script>,
    asked: Arc<Mutex<Vec<Question>>>,
) {
    let Ok(length) = stream.read_u16().await else { return };
    let mut packet = vec![0; usize::from(length)];
    if stream.read_exact(&mut packet).await.is_err() {
        return;
    }
    let question = Question { tcp: true, message: Message::from_vec(&packet).unwrap() };
    asked.lock().unwrap().push(question.clone());
    let bytes = match script(&question) {
        Reply::Packets(packets) => packets
            .iter()
            .flat_map(|packet| {
                let length = u16::try_from(packet.len()).unwrap().to_be_bytes();
                length.into_iter().chain(packet.iter().copied())
            })
            .collect(),
        Reply::Bytes(bytes) => bytes,
        Reply::Drip(packet) => {
            let length = u16::try_from(packet.len()).unwrap().to_be_bytes();
            for byte in length.into_iter().chain(packet) {
                if stream.write_all(&[byte]).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
                // The next byte goes out by itself.
                tokio::task::yield_now().await;
            }
            Vec::new()
        }
        Reply::FromElsewhere(_) | Reply::Silence => Vec::new(),
        Reply::Close => return,
    };
    if stream.write_all(&bytes).await.is_ok() && stream.flush().await.is_ok() {
        // Held open until the client leaves.
        let _ = stream.read_u8().await;
    }
}
