//! Resolving the host name of a target the way this host does, without anything that would hide a failure.
//!
//! Configuration, hosts file, messages and transports are hickory's. Each lookup has a name server pool of its own:
//! hickory's `Resolver` and its pool merge identical questions that are in flight, so one lost datagram would fail every
//! check that asks for the name. Each question is sent once, over a connected socket, so that a dead resolver on this
//! host shows as a refusal. After a lookup that got no answer the next one begins with the next server.
//!
//! No cache, no resending, no asking of two servers at once, no time limit of its own. DNS probes do not come this way.

use super::{Failure, own_fault};
use crate::model::{Action, IpChoice, Reason};
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ProtocolConfig, ResolverConfig, ResolverOpts,
    ServerOrderingStrategy,
};
use hickory_resolver::net::runtime::{
    DnsUdpSocket, RuntimeProvider, TokioRuntimeProvider, TokioTime,
};
use hickory_resolver::net::udp::UdpClientStream;
use hickory_resolver::net::xfer::{DnsExchange, DnsHandle, FirstAnswer};
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::{DnsRequestOptions, Message, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::{
    ConnectionProvider, Hosts, NameServerPool, PoolContext, TlsConfig, system_conf,
};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::ReadBuf;
use tokio::net::UdpSocket;

/// hickory wants a limit; the probe's own deadline always strikes first.
const LONGER_THAN_ANY_PROBE: Duration = Duration::from_hours(24);

/// Aliases followed inside one answer before it counts as a loop.
const ALIASES: usize = 16;

/// Where names are looked up.
pub(super) struct Resolver {
    servers: Vec<NameServerConfig>,
    /// Domains appended to names with few dots, in order.
    search: Vec<Name>,
    context: Arc<PoolContext>,
    hosts: Hosts,
    /// Index of the server that is asked first.
    preferred: AtomicUsize,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Resolver({:?})", self.first_server())
    }
}

/// What looking for records of one type gave.
enum Found {
    Addresses(Vec<IpAddr>),
    /// The name exists without such records, or (`nxdomain`) not at all.
    Nothing {
        nxdomain: bool,
    },
}

impl Resolver {
    pub(super) fn from_system() -> Self {
        let (config, options) = system_conf::read_system_conf().unwrap_or_else(|error| {
            tracing::warn!(action = Action::ResolverMissing.as_str(), %error, "no resolver in this host's configuration; names cannot be resolved");
            (ResolverConfig::default(), ResolverOpts::default())
        });
        Self::new(config, options, Hosts::from_system().unwrap_or_default())
    }

    pub(super) fn with_servers(servers: &[SocketAddr]) -> Self {
        let servers = servers
            .iter()
            .map(|server| {
                let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
                for connection in &mut connections {
                    connection.port = server.port();
                }
                NameServerConfig::new(server.ip(), true, connections)
            })
            .collect();
        let config = ResolverConfig::from_name_servers(servers);
        Self::new(config, ResolverOpts::default(), Hosts::default())
    }

    fn new(config: ResolverConfig, mut options: ResolverOpts, hosts: Hosts) -> Self {
        let (domain, mut search, servers) = config.into_parts();
        if search.is_empty() {
            search.extend(domain);
        }
        options.timeout = LONGER_THAN_ANY_PROBE;
        options.num_concurrent_reqs = 1;
        options.server_ordering_strategy = ServerOrderingStrategy::UserProvidedOrder;
        let tls = TlsConfig::new().expect("without hickory's TLS features nothing is set up here");
        let context = Arc::new(PoolContext::new(options, tls));
        Self { servers, search, context, hosts, preferred: AtomicUsize::new(0) }
    }

    /// The server that is first in the configuration.
    pub(super) fn first_server(&self) -> Option<SocketAddr> {
        let server = self.servers.first()?;
        Some(SocketAddr::new(server.ip, server.connections.first()?.port))
    }

    /// All of them, in the order of the configuration.
    pub(super) fn servers(&self) -> Vec<SocketAddr> {
        let port = |server: &NameServerConfig| Some(server.connections.first()?.port);
        self.servers.iter().filter_map(|each| Some(SocketAddr::new(each.ip, port(each)?))).collect()
    }

    /// Whether a server has to be asked for `host`.
    pub(super) fn asks(&self, host: &str) -> bool {
        let Ok(name) = Name::from_str_relaxed(host) else { return false };
        let is_known = |record_type| {
            let query = Query::query(name.clone(), record_type);
            self.hosts.lookup_static_host(&query).is_some()
        };
        !name.is_localhost() && !is_known(RecordType::A) && !is_known(RecordType::AAAA)
    }

    /// The addresses of `host`; never empty.
    pub(super) async fn addresses(&self, host: &str, ip: IpChoice) -> Result<Vec<IpAddr>, Failure> {
        let name = Name::from_str_relaxed(host).map_err(|error| {
            let said = format!("`{host}` is not a name that can be asked for: {error}");
            Failure::bad(Reason::DnsNxdomain, said)
        })?;
        let types: &[RecordType] = match ip {
            IpChoice::Any => &[RecordType::A, RecordType::AAAA],
            IpChoice::V4 => &[RecordType::A],
            IpChoice::V6 => &[RecordType::AAAA],
        };
        let mut exists = false;
        for record_type in types {
            match self
                .find(&name, *record_type)
                .await
                .map_err(|error| self.failure(host, &error))?
            {
                Found::Addresses(addresses) => return Ok(addresses),
                // Without a search list a name that does not exist has no addresses of the other family either.
                Found::Nothing { nxdomain: true } if self.search.is_empty() => break,
                Found::Nothing { nxdomain } => exists |= !nxdomain,
            }
        }
        Err(if exists {
            let family = match ip {
                IpChoice::Any => "an address",
                IpChoice::V4 => "an IPv4 address",
                IpChoice::V6 => "an IPv6 address",
            };
            Failure::bad(
                Reason::DnsNoAddress,
                format!("`{host}` exists but does not have {family}"),
            )
        } else {
            Failure::bad(Reason::DnsNxdomain, format!("the name `{host}` does not exist"))
        })
    }

    /// Records of one type: from the hosts file, by definition (`localhost`), or from a server.
    async fn find(&self, name: &Name, record_type: RecordType) -> Result<Found, NetError> {
        if let Some(lookup) =
            self.hosts.lookup_static_host(&Query::query(name.clone(), record_type))
        {
            let known: Vec<_> =
                lookup.answers().iter().filter_map(|each| each.data.ip_addr()).collect();
            if !known.is_empty() {
                return Ok(Found::Addresses(known));
            }
        }
        if name.is_localhost() {
            // RFC 6761, 6.3: never asked of a server.
            let address = match record_type {
                RecordType::A => IpAddr::V4(Ipv4Addr::LOCALHOST),
                _ => IpAddr::V6(Ipv6Addr::LOCALHOST),
            };
            return Ok(Found::Addresses(vec![address]));
        }
        let mut exists = false;
        for candidate in self.candidates(name) {
            match self.ask(candidate, record_type).await? {
                Found::Nothing { nxdomain } => exists |= !nxdomain,
                found @ Found::Addresses(_) => return Ok(found),
            }
        }
        Ok(Found::Nothing { nxdomain: !exists })
    }

    /// The full names that `name` may stand for, in the order of resolv.conf(5): a name with enough dots is first tried
    /// as it is, others are first tried within the search list.
    fn candidates(&self, name: &Name) -> Vec<Name> {
        let mut full = name.clone();
        full.set_fqdn(true);
        if name.is_fqdn() {
            return vec![full];
        }
        let mut names: Vec<Name> = self
            .search
            .iter()
            .filter_map(|domain| name.clone().append_domain(domain).ok())
            .collect();
        let dots = usize::from(name.num_labels()).saturating_sub(1);
        let place = if dots >= self.context.options.ndots { 0 } else { names.len() };
        names.insert(place, full);
        names
    }

    /// One question to the preferred server.
    async fn ask(&self, name: Name, record_type: RecordType) -> Result<Found, NetError> {
        let here = Host::default();
        let mut servers = self.servers.clone();
        let first = self.preferred.load(Ordering::Relaxed) % servers.len().max(1);
        servers.rotate_left(first);
        let pool =
            NameServerPool::from_config(servers, Arc::clone(&self.context), OneTry(here.clone()));
        let mut options = DnsRequestOptions::default();
        options.use_edns = self.context.options.edns0;
        options.edns_payload_len = self.context.options.edns_payload_len;
        let mut silence = Silence { preferred: &self.preferred, next: first + 1, broken: false };
        let answer =
            pool.lookup(Query::query(name.clone(), record_type), options).first_answer().await;
        silence.broken = true;
        match answer {
            Ok(response) => Ok(addresses_in(&response, name, record_type)),
            Err(NetError::Dns(DnsError::NoRecordsFound(nothing))) => {
                Ok(Found::Nothing { nxdomain: nothing.response_code == ResponseCode::NXDomain })
            }
            Err(NetError::NoConnections) => {
                Err(here.trouble.last().map_or(NetError::NoConnections, NetError::from))
            }
            Err(error) => Err(error),
        }
    }

    /// What an error means, and how to say it.
    fn failure(&self, host: &str, error: &NetError) -> Failure {
        let Some(server) = self.first_server() else {
            return Failure::bad(
                Reason::DnsServfail,
                format!(
                    "cannot resolve `{host}`: no resolver is configured on this host \
                     (`nameserver` in /etc/resolv.conf)"
                ),
            );
        };
        let who = if self.servers.len() == 1 {
            format!("resolver {server}")
        } else {
            format!("{} resolvers of this host", self.servers.len())
        };
        let (reason, what) = match error {
            NetError::Dns(DnsError::ResponseCode(ResponseCode::Refused)) => {
                (Reason::DnsRefused, "it refused to answer (REFUSED)".to_owned())
            }
            NetError::Dns(DnsError::ResponseCode(ResponseCode::ServFail)) => {
                (Reason::DnsServfail, "it could not answer (SERVFAIL)".to_owned())
            }
            NetError::Dns(DnsError::ResponseCode(code)) => {
                (Reason::DnsServfail, format!("it answered with an error ({code})"))
            }
            NetError::Timeout => (Reason::DnsTimeout, "no answer came".to_owned()),
            NetError::Io(error) => {
                if let Some(own) = own_fault(error) {
                    return own;
                }
                let what = match error.kind() {
                    io::ErrorKind::ConnectionRefused => "nothing listens there".to_owned(),
                    _ => super::lower_case(error),
                };
                (Reason::DnsServfail, what)
            }
            NetError::Truncated => (Reason::DnsServfail, "the answer was cut off".to_owned()),
            other => (Reason::DnsServfail, format!("the answer cannot be used: {other}")),
        };
        Failure::bad(reason, format!("asked {who} for `{host}`: {what}"))
    }
}

/// The addresses in an answer that belong to `name`, over its aliases.
fn addresses_in(response: &Message, name: Name, record_type: RecordType) -> Found {
    let mut name = name;
    for _ in 0..ALIASES {
        let mut own = response.answers.iter().filter(|each| each.name == name);
        let addresses: Vec<_> = own
            .clone()
            .filter(|each| each.record_type() == record_type)
            .filter_map(|each| each.data.ip_addr())
            .collect();
        if !addresses.is_empty() {
            return Found::Addresses(addresses);
        }
        let alias = own.find_map(|each| match &each.data {
            RData::CNAME(alias) => Some(alias.0.clone()),
            _ => None,
        });
        match alias {
            Some(alias) => name = alias,
            None => break,
        }
    }
    Found::Nothing { nxdomain: response.metadata.response_code == ResponseCode::NXDomain }
}

/// Prefers the next server when a lookup is given up before it ended.
struct Silence<'a> {
    preferred: &'a AtomicUsize,
    next: usize,
    broken: bool,
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        if !self.broken {
            self.preferred.store(self.next, Ordering::Relaxed);
        }
    }
}

/// Opens hickory's connections with retries over UDP turned off.
#[derive(Clone)]
struct OneTry(Host);

type Opening<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

impl ConnectionProvider for OneTry {
    type Conn = DnsExchange<Host>;
    type FutureConn = Opening<'static, Self::Conn, NetError>;
    type RuntimeProvider = Host;

    fn new_connection(
        &self,
        ip: IpAddr,
        config: &ConnectionConfig,
        context: &PoolContext,
    ) -> Result<Self::FutureConn, NetError> {
        if !matches!(config.protocol, ProtocolConfig::Udp) {
            return self.0.new_connection(ip, config, context);
        }
        let server = SocketAddr::new(ip, config.port);
        let exchange = UdpClientStream::builder(server, self.0.clone())
            .with_timeout(Some(context.options.timeout))
            .with_os_port_selection(true)
            .with_max_retries(0);
        Ok(Box::pin(async move { Ok(exchange.exchange()) }))
    }

    fn runtime_provider(&self) -> &Self::RuntimeProvider {
        &self.0
    }
}

/// Tokio as hickory sees it, for one lookup: UDP sockets are connected, and the last I/O error is kept, because the pool
/// reports every one of them as "no connections available".
#[derive(Clone, Default)]
struct Host {
    tokio: TokioRuntimeProvider,
    trouble: Trouble,
}

/// The number of the last I/O error of a lookup; 0 when there was none.
#[derive(Clone, Default)]
struct Trouble(Arc<AtomicI32>);

impl Trouble {
    fn noted<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result {
            self.0.store(error.raw_os_error().unwrap_or(0), Ordering::Relaxed);
        }
        result
    }

    fn last(&self) -> Option<io::Error> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            number => Some(io::Error::from_raw_os_error(number)),
        }
    }
}

impl RuntimeProvider for Host {
    type Handle = <TokioRuntimeProvider as RuntimeProvider>::Handle;
    type Timer = TokioTime;
    type Udp = ConnectedUdp;
    type Tcp = <TokioRuntimeProvider as RuntimeProvider>::Tcp;

    fn create_handle(&self) -> Self::Handle {
        self.tokio.create_handle()
    }

    fn connect_tcp(
        &self,
        server: SocketAddr,
        bind: Option<SocketAddr>,
        limit: Option<Duration>,
    ) -> Opening<'static, Self::Tcp, io::Error> {
        let (opening, trouble) =
            (self.tokio.connect_tcp(server, bind, limit), self.trouble.clone());
        Box::pin(async move { trouble.noted(opening.await) })
    }

    fn bind_udp(
        &self,
        local: SocketAddr,
        server: SocketAddr,
    ) -> Opening<'static, Self::Udp, io::Error> {
        let trouble = self.trouble.clone();
        Box::pin(async move {
            let socket = trouble.noted(UdpSocket::bind(local).await)?;
            trouble.noted(socket.connect(server).await)?;
            Ok(ConnectedUdp { socket, trouble })
        })
    }
}

/// A UDP socket connected to the server.
struct ConnectedUdp {
    socket: UdpSocket,
    trouble: Trouble,
}

impl DnsUdpSocket for ConnectedUdp {
    type Time = TokioTime;

    fn poll_recv_from(
        &self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        let mut buffer = ReadBuf::new(buffer);
        let from = ready!(self.socket.poll_recv_from(context, &mut buffer));
        Poll::Ready(self.trouble.noted(from).map(|from| (buffer.filled().len(), from)))
    }

    /// Not built on `poll_recv_from`, which tokio does not wake for a refusal that comes back without data.
    fn recv_from<'a, 'b, 'c>(
        &'a self,
        buffer: &'b mut [u8],
    ) -> Opening<'c, (usize, SocketAddr), io::Error>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(async move { self.trouble.noted(self.socket.recv_from(buffer).await) })
    }

    fn poll_send_to(
        &self,
        context: &mut Context<'_>,
        packet: &[u8],
        _: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        self.socket.poll_send(context, packet).map(|sent| self.trouble.noted(sent))
    }
}
