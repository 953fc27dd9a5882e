//! DNS probes: one question to one server, the answer judged.
//!
//! The question asks the way `dig` does: recursion desired (an authoritative server ignores it), the AD flag set (so that
//! a validating resolver says what it knows), EDNS with 1232 bytes (what resolvers use since 2020, so that `truncated`
//! means what their users would see). Over UDP the socket is connected and each datagram must carry our random id and
//! our question; others are passed over, counted, and named if the deadline strikes. Nothing is ever sent twice.
//!
//! How the messages look on the wire is in [`super::wire`], what an answer must be in [`judge`]. No name is resolved here.

mod judge;
#[cfg(test)]
mod tests;

use super::Trace;
use super::wire::{self, Question, Reading};
use crate::clock::Instant;
use crate::model::{
    Cause, DnsServer, DnsSpec, DnsTransport, Host, Outcome, Phase, Reason, Truncated,
    human_duration,
};
use crate::net::{self, Failure, Net};
use bytes::BytesMut;
use hickory_resolver::proto::op::Message;
use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes of a datagram that are read: three times what our EDNS option allows. A longer one is cut, and then garbled.
const DATAGRAM_LIMIT: usize = 4096;

/// Bytes that one read from a TCP connection may bring; a message is at most 65535.
const STREAM_READ: usize = 4096;

pub(super) struct DnsProber {
    spec: DnsSpec,
    question: Question,
}

impl DnsProber {
    pub(super) fn build(spec: &DnsSpec) -> Self {
        let question = Question::new(&spec.query, spec.record_type);
        Self { spec: spec.clone(), question }
    }

    /// Who is asked.
    pub(super) fn target(&self, net: &Net) -> Result<(Host, u16), Failure> {
        match &self.spec.server {
            DnsServer::At(host, port) => Ok((host.clone(), *port)),
            DnsServer::System => {
                let server = net.system_server().ok_or_else(|| {
                    Failure::unable(
                        Cause::ResolverOffline,
                        "no resolver is configured on this host (`nameserver` in /etc/resolv.conf)",
                    )
                })?;
                Ok((Host::Ip(server.ip()), server.port()))
            }
        }
    }

    /// Asks `address` and judges what it answers.
    pub(super) async fn attempt(
        &self,
        address: SocketAddr,
        trace: &mut Trace,
    ) -> Result<String, Failure> {
        let started = Instant::now();
        let mut transport = self.spec.transport;
        let mut answer = match transport {
            DnsTransport::Udp => self.over_udp(address, trace).await?,
            DnsTransport::Tcp => self.over_tcp(address, trace).await?,
        };
        let again = answer.truncation
            && transport == DnsTransport::Udp
            && self.spec.truncated == Truncated::Tcp;
        if again {
            trace.name_hop(|| format!("{address} over udp"));
            trace.begin_hop(format!("{address} over tcp"), Instant::now());
            trace.address = Some(address);
            transport = DnsTransport::Tcp;
            answer = self.over_tcp(address, trace).await?;
        }
        let now = Instant::now();
        trace.close(now);
        judge::note(&answer, &mut trace.facts);
        let mut said = judge::judge(&self.spec, transport, &answer)?;
        said.push_str(" in ");
        said.push_str(&human_duration(now - started));
        if again {
            said.push_str(", truncated over udp and asked for again over tcp");
        }
        Ok(said)
    }

    async fn over_udp(&self, address: SocketAddr, trace: &mut Trace) -> Result<Message, Failure> {
        trace.enter(Phase::Processing, Instant::now());
        let socket = net::datagram(address).await?;
        let id = wire::random_id();
        socket
            .send(&self.question.packet(id))
            .await
            .map_err(|error| datagram_failure(address, &error))?;
        let mut buffer = BytesMut::with_capacity(DATAGRAM_LIMIT);
        loop {
            buffer.clear();
            socket
                .recv_buf(&mut buffer)
                .await
                .map_err(|error| datagram_failure(address, &error))?;
            match self.question.read(id, &buffer) {
                Reading::Answer(message) => return Ok(*message),
                Reading::Garbled(why) => return Err(garbled(&why)),
                Reading::Foreign => trace.ignored = trace.ignored.saturating_add(1),
            }
        }
    }

    /// RFC 7766: each message with its length before it.
    async fn over_tcp(&self, address: SocketAddr, trace: &mut Trace) -> Result<Message, Failure> {
        trace.enter(Phase::Connect, Instant::now());
        let mut stream = net::connect(address).await?;
        trace.enter(Phase::Processing, Instant::now());
        let id = wire::random_id();
        stream
            .write_all(&self.question.framed(id))
            .await
            .map_err(|error| stream_failure(address, &error))?;
        let mut buffer = BytesMut::new();
        loop {
            let length = next_message(&mut stream, &mut buffer, address, trace).await?;
            match self.question.read(id, &buffer.split_to(length)) {
                Reading::Answer(message) => return Ok(*message),
                Reading::Garbled(why) => return Err(garbled(&why)),
                Reading::Foreign => trace.ignored = trace.ignored.saturating_add(1),
            }
        }
    }
}

/// Reads until a whole message stands at the start of `buffer`, and gives its length; the frame is taken off.
async fn next_message(
    stream: &mut TcpStream,
    buffer: &mut BytesMut,
    address: SocketAddr,
    trace: &mut Trace,
) -> Result<usize, Failure> {
    loop {
        if let Some(&[high, low]) = buffer.first_chunk::<2>() {
            let length = usize::from(u16::from_be_bytes([high, low]));
            if buffer.len() >= 2 + length {
                let _ = buffer.split_to(2);
                return Ok(length);
            }
        }
        if !buffer.is_empty() && trace.phase() == Phase::Processing {
            trace.enter(Phase::Transfer, Instant::now());
        }
        buffer.reserve(STREAM_READ);
        match stream.read_buf(buffer).await {
            Ok(0) => {
                let said = match buffer.len() {
                    0 => format!("{address} closed the connection without an answer"),
                    came => format!("{address} closed the connection after {came} bytes of answer"),
                };
                return Err(Failure::bad(Reason::Reset, said));
            }
            Ok(_) => {}
            Err(error) => return Err(stream_failure(address, &error)),
        }
    }
}

fn garbled(why: &str) -> Failure {
    Failure::bad(Reason::Protocol, format!("the answer cannot be read: {why}"))
}

/// What an error on the UDP socket means: mostly an ICMP message that came back.
fn datagram_failure(address: SocketAddr, error: &io::Error) -> Failure {
    let mut failure = net::connect_failure(address, error);
    if failure.outcome == Outcome::Bad(Reason::ConnectRefused) {
        failure.said = format!("nothing listens on {address} (udp)");
    }
    failure
}

/// What an error on the connection means, once it stands.
fn stream_failure(address: SocketAddr, error: &io::Error) -> Failure {
    net::own_fault(error).unwrap_or_else(|| {
        let what = net::lower_case(error);
        Failure::bad(Reason::Reset, format!("the connection to {address} broke: {what}"))
    })
}
