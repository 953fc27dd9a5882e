//! DNS probes: one question to one server, the answer judged.
//!
//! The question asks the way `dig` does: recursion desired (an authoritative server ignores it), the AD flag set (so that
//! a validating resolver says what it knows), EDNS with 1232 bytes (what resolvers use since 2020, so that `truncated`
//! means what their users would see). Over UDP the socket is connected and each datagram must carry our random id and
//! our question; others are passed over, counted, and named if the deadline strikes. Nothing is ever sent twice.
//!
//! How the messages look on the wire is in [`super::wire`], how they travel over connections in [`stream`] and [`https`],
//! what an answer must be in [`judge`], how all servers of a zone are compared in [`serials`]. No name is resolved here but for
//! those.

mod https;
mod judge;
mod serials;
mod stream;
#[cfg(test)]
mod tests;
mod text;

use super::heard::Heard;
use super::tls::{Alpn, Offer};
use super::wire::{self, Question, Reading};
use super::{Engine, Error, Trace};
use crate::clock::Instant;
use crate::model::{
    Cause, DnsServer, DnsSpec, DnsTransport, Host, Outcome, Phase, ProbeKind, Reason, Spec,
    Truncated, human_duration,
};
use crate::net::{self, Failure, Net};
use bytes::BytesMut;
use hickory_resolver::proto::op::Message;
use std::fmt::Write;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
pub(super) use text::text_of;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// Bytes of a datagram that are read: three times what our EDNS option allows. A longer one is cut, and then garbled.
const DATAGRAM_LIMIT: usize = 4096;

pub(super) struct DnsProber {
    /// Of a DNS probe; shared, because there may be tens of thousands.
    spec: Arc<Spec>,
    question: Question,
}

impl DnsProber {
    /// Makes `dns`, which is the kind of `spec`, ready to run.
    pub(super) fn build(spec: Arc<Spec>, dns: &DnsSpec, engine: &Engine) -> Result<Self, Error> {
        if let Some(tls) = dns.tls.as_ref().filter(|_| dns.transport.is_tls()) {
            // Made now, so that settings that do not fit together are found before the first run.
            engine.tls.config(tls, offer(dns.transport))?;
        }
        let question = match dns.serials {
            Some(_) => serials::question(dns),
            None => Question::with(&dns.query, dns.record_type, dns.class, &dns.asking),
        };
        Ok(Self { spec, question })
    }

    fn dns(&self) -> &DnsSpec {
        match &self.spec.kind {
            ProbeKind::Dns(dns) => dns,
            _ => unreachable!("a DNS prober is built of a DNS probe"),
        }
    }

    /// Whether all servers of a zone are compared; then [`Self::survey`] is the run.
    pub(super) fn is_survey(&self) -> bool {
        self.dns().serials.is_some()
    }

    /// Who is asked.
    pub(super) fn target(&self, net: &Net) -> Result<(Host, u16), Failure> {
        match &self.dns().server {
            DnsServer::At(host, port) => Ok((host.clone(), *port)),
            DnsServer::System => {
                let server = net.system_server().ok_or_else(|| {
                    Failure::unable(
                        Cause::ResolverOffline,
                        "no resolver is configured on this host (`nameserver` in /etc/resolv.conf)",
                    )
                })?;
                let port = match self.dns().transport {
                    DnsTransport::Udp | DnsTransport::Tcp => server.port(),
                    secure => secure.port(),
                };
                Ok((Host::Ip(server.ip()), port))
            }
        }
    }

    /// Asks `address` and judges what it answers.
    pub(super) async fn attempt(
        &self,
        engine: &Engine,
        address: SocketAddr,
        trace: &mut Trace,
    ) -> Result<String, Failure> {
        let started = Instant::now();
        let mut transport = self.dns().transport;
        let mut answer = match transport {
            DnsTransport::Udp => self.over_udp(address, trace).await?,
            DnsTransport::Tcp => self.over_tcp(address, trace).await?,
            // Boxed, because most runs should not carry the room for TLS.
            DnsTransport::Tls => Box::pin(self.over_tls(engine, address, trace)).await?,
            DnsTransport::Https => Box::pin(self.over_https(engine, address, trace)).await?,
        };
        let again = answer.truncation
            && transport == DnsTransport::Udp
            && self.dns().truncated == Truncated::Tcp;
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
        let judged = judge::judge(self.dns(), transport, &answer);
        trace.heard = Heard::Dns(Box::new(answer));
        let mut said = judged?;
        said.push_str(" in ");
        said.push_str(&human_duration(now - started));
        if again {
            said.push_str(", truncated over udp and asked for again over tcp");
        }
        if trace.ignored > 0 {
            let _ =
                write!(said, "; {} that did not answer the question were ignored", trace.ignored);
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

    /// RFC 7766.
    async fn over_tcp(&self, address: SocketAddr, trace: &mut Trace) -> Result<Message, Failure> {
        trace.enter(Phase::Connect, Instant::now());
        let stream = net::connect(address).await?;
        stream::ask(&self.question, stream, address, trace).await
    }

    /// RFC 7858.
    async fn over_tls(
        &self,
        engine: &Engine,
        address: SocketAddr,
        trace: &mut Trace,
    ) -> Result<Message, Failure> {
        let stream = self.secure(engine, address, trace).await?;
        stream::ask(&self.question, stream, address, trace).await
    }

    /// RFC 8484.
    async fn over_https(
        &self,
        engine: &Engine,
        address: SocketAddr,
        trace: &mut Trace,
    ) -> Result<Message, Failure> {
        let stream = self.secure(engine, address, trace).await?;
        if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            let said = "the server did not agree on HTTP/2 (ALPN `h2`), which DNS over HTTPS needs";
            return Err(Failure::bad(Reason::Protocol, said));
        }
        let authority = self.authority(address);
        https::ask(&self.question, &self.dns().https, &authority, stream, trace).await
    }

    /// A connection to `address` with TLS on it.
    async fn secure(
        &self,
        engine: &Engine,
        address: SocketAddr,
        trace: &mut Trace,
    ) -> Result<TlsStream<TcpStream>, Failure> {
        trace.enter(Phase::Connect, Instant::now());
        let stream = net::connect(address).await?;
        trace.close(Instant::now());
        let host = self.host(address);
        let tls = self.dns().tls.clone().unwrap_or_default();
        let offer = offer(self.dns().transport);
        super::tls::handshake_offering(offer, &engine.tls, &tls, &host, stream, trace).await
    }

    /// Who was meant by the one at `address`.
    fn host(&self, address: SocketAddr) -> Host {
        match &self.dns().server {
            DnsServer::At(host, _) => host.clone(),
            DnsServer::System => Host::Ip(address.ip()),
        }
    }

    /// What stands between `https://` and the path: the name of the certificate, with the port unless it is the usual one.
    fn authority(&self, address: SocketAddr) -> String {
        let own = self.dns().tls.as_ref().and_then(|tls| tls.server_name.as_deref());
        let host = own.map_or_else(
            || self.host(address),
            |name| name.parse().map_or_else(|_| Host::Name(name.into()), Host::Ip),
        );
        let name = match host {
            Host::Ip(IpAddr::V6(ip)) => format!("[{ip}]"),
            host => host.to_string(),
        };
        match address.port() {
            443 => name,
            port => format!("{name}:{port}"),
        }
    }
}

/// What is offered in the handshake. DNS over TLS offers no protocol: servers that know `dot` do not ask for it.
fn offer(transport: DnsTransport) -> Offer {
    let alpn = match transport {
        DnsTransport::Https => Alpn::Http2Only,
        _ => Alpn::None,
    };
    Offer { alpn, sni: true }
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
