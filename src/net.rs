//! One door to the network (the others are reqwest's, in `probe/http.rs` and [`way`]): resolve a name, connect, open a datagram or ICMP socket.
//!
//! Every call is one attempt: no cache, no retry, no racing of address families. What goes wrong comes back as a
//! [`Failure`] that already carries the stable reason, or a cause where the fault is our own (no descriptor, no memory).
//!
//! It sets no time limits: the caller's deadline drops the future. Only [`way`] knows of HTTP and TLS.

mod echo;
mod resolver;
pub mod way;

pub use echo::{Echo, echo, echo_failure, may_echo};

use crate::model::{Cause, Fence, Host, IpChoice, Outcome, Reason};
use resolver::Resolver;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};

/// Linux error numbers that [`ErrorKind`] has no name for.
mod errno {
    pub(super) const TOO_MANY_FILES_IN_SYSTEM: i32 = 23;
    pub(super) const TOO_MANY_FILES: i32 = 24;
    pub(super) const FAMILY_NOT_SUPPORTED: i32 = 97;
    pub(super) const NO_BUFFERS: i32 = 105;
}

/// Why a step of a probe did not succeed: what the result will be, and the sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Bad with a reason, or unknown with a cause; never good.
    pub outcome: Outcome,
    /// One sentence: what was done, what came.
    pub said: String,
}

impl Failure {
    /// The far side's fault.
    pub fn bad(reason: Reason, said: impl Into<String>) -> Self {
        Self { outcome: Outcome::Bad(reason), said: said.into() }
    }

    /// Our own fault: the run could not be done properly.
    pub fn unable(cause: Cause, said: impl Into<String>) -> Self {
        Self { outcome: Outcome::Unknown(cause), said: said.into() }
    }
}

/// The resolver and sockets of one runtime. Cloning it clones handles.
#[derive(Clone, Debug)]
pub struct Net {
    resolver: Arc<Resolver>,
    /// Where it may lead, if that is limited.
    fence: Option<Arc<Limit>>,
}

/// A fence, and what it has kept out.
#[derive(Debug)]
struct Limit {
    fence: Fence,
    refused: OnceLock<IpAddr>,
}

impl Net {
    /// Reads the host's resolver configuration and hosts file. Must be called inside the runtime that will use it.
    ///
    /// A host without a resolver configuration is not an error here: each name that has to be asked for fails then.
    pub fn from_system() -> Self {
        Self { resolver: Arc::new(Resolver::from_system()), fence: None }
    }

    /// Asks these name servers instead of the host's, in this order of preference; the hosts file is not read.
    pub fn with_servers(servers: &[SocketAddr]) -> Self {
        Self { resolver: Arc::new(Resolver::with_servers(servers)), fence: None }
    }

    /// The same way into the network, which leads nowhere that `fence` does not admit.
    #[must_use]
    pub fn fenced(&self, fence: Fence) -> Self {
        let limit = Limit { fence, refused: OnceLock::new() };
        Self { resolver: Arc::clone(&self.resolver), fence: Some(Arc::new(limit)) }
    }

    /// The first address that the fence has kept out, if it has.
    pub fn refused(&self) -> Option<IpAddr> {
        self.fence.as_ref()?.refused.get().copied()
    }

    /// The addresses of `host` for this family choice, in the resolver's order; never empty.
    /// `any` gives the IPv4 addresses if there are some, else the IPv6 ones. A literal address is checked against the choice.
    /// Addresses beyond the fence are left out.
    pub async fn resolve(&self, host: &Host, ip: IpChoice) -> Result<Vec<IpAddr>, Failure> {
        let mut addresses = self.look_up(host, ip).await?;
        if let Some(limit) = &self.fence {
            let first = addresses[0];
            addresses.retain(|address| limit.fence.admits(*address));
            if addresses.is_empty() {
                let refused = *limit.refused.get_or_init(|| first);
                let said =
                    format!("`{refused}` is not in the networks that may be probed on demand");
                return Err(Failure::bad(Reason::ConnectUnreachable, said));
            }
        }
        Ok(addresses)
    }

    async fn look_up(&self, host: &Host, ip: IpChoice) -> Result<Vec<IpAddr>, Failure> {
        match host {
            Host::Ip(address) if fits(*address, ip) => Ok(vec![*address]),
            Host::Ip(address) => Err(Failure::bad(
                Reason::DnsNoAddress,
                format!("`{address}` is not an IPv{ip} address, and `ip = \"{ip}\"` asks for one"),
            )),
            Host::Name(name) => self.resolver.addresses(name, ip).await,
        }
    }

    /// Whether the addresses of `host` have to be asked for, since neither it nor the hosts file says them.
    pub fn asks(&self, host: &Host) -> bool {
        matches!(host, Host::Name(name) if self.resolver.asks(name))
    }

    /// The first name server of this host's configuration, for DNS probes of `server = "system"`.
    pub fn system_server(&self) -> Option<SocketAddr> {
        self.resolver.first_server()
    }

    /// The name servers of this host's configuration, in its order; those beyond the fence are left out.
    pub fn system_servers(&self) -> Vec<SocketAddr> {
        let mut servers = self.resolver.servers();
        if let (Some(limit), Some(first)) = (&self.fence, servers.first().copied()) {
            servers.retain(|server| limit.fence.admits(server.ip()));
            if servers.is_empty() {
                limit.refused.get_or_init(|| first.ip());
            }
        }
        servers
    }

    /// One TCP connection to one address, with `TCP_NODELAY`.
    pub async fn connect(&self, address: SocketAddr) -> Result<TcpStream, Failure> {
        connect(address).await
    }

    /// A UDP socket that sends to and hears from `address` only, on a port chosen by the system.
    ///
    /// It is connected, so a closed port shows as a refusal instead of silence.
    pub async fn datagram(&self, address: SocketAddr) -> Result<UdpSocket, Failure> {
        datagram(address).await
    }
}

/// One TCP connection to one address, with `TCP_NODELAY`.
pub async fn connect(address: SocketAddr) -> Result<TcpStream, Failure> {
    let attempt = async {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        socket.set_nodelay(true)?;
        socket.connect(address).await
    };
    attempt.await.map_err(|error| connect_failure(address, &error))
}

/// A UDP socket that sends to and hears from `address` only, on a port chosen by the system.
pub async fn datagram(address: SocketAddr) -> Result<UdpSocket, Failure> {
    let here = match address {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let attempt = async {
        let socket = UdpSocket::bind(SocketAddr::new(here, 0)).await?;
        socket.connect(address).await?;
        Ok(socket)
    };
    attempt.await.map_err(|error| connect_failure(address, &error))
}

/// What an I/O error while connecting means (`connect_refused`, `connect_unreachable` …; no descriptor left is our own fault).
pub fn connect_failure(address: SocketAddr, error: &std::io::Error) -> Failure {
    if let Some(own) = own_fault(error) {
        return own;
    }
    let reason = match error.kind() {
        ErrorKind::ConnectionRefused => Reason::ConnectRefused,
        ErrorKind::TimedOut => Reason::ConnectTimeout,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            Reason::ConnectReset
        }
        // With IPv4 there always is an address to connect from: what lacks is a free port.
        ErrorKind::AddrNotAvailable | ErrorKind::AddrInUse if address.is_ipv4() => {
            return Failure::unable(
                Cause::Overloaded,
                format!(
                    "no free local port to connect to {address} from; probe less often or widen \
                     `net.ipv4.ip_local_port_range`"
                ),
            );
        }
        _ => Reason::ConnectUnreachable,
    };
    let said = match reason {
        Reason::ConnectRefused => format!("{address} refused the connection"),
        Reason::ConnectTimeout => format!("no answer from {address} to the connection attempts"),
        Reason::ConnectReset => format!("{address} reset the connection while it was being made"),
        _ if error.raw_os_error() == Some(errno::FAMILY_NOT_SUPPORTED) => {
            format!("cannot reach {address}: this host has no IPv6")
        }
        _ if error.kind() == ErrorKind::PermissionDenied => {
            format!("cannot reach {address}: this host's own firewall forbids it")
        }
        _ => format!("cannot reach {address}: {}", lower_case(error)),
    };
    Failure::bad(reason, said)
}

/// The failure for an error that this host is to blame for: no descriptor, no memory.
pub fn own_fault(error: &std::io::Error) -> Option<Failure> {
    let said = match error.raw_os_error() {
        Some(errno::TOO_MANY_FILES) => {
            "no file descriptor left for a socket; raise `LimitNOFILE` or lower `max_in_flight`"
        }
        Some(errno::TOO_MANY_FILES_IN_SYSTEM) => {
            "no file descriptor left on this host for a socket; raise `fs.file-max`"
        }
        Some(errno::NO_BUFFERS) => "no memory left for a socket's buffers",
        _ if error.kind() == ErrorKind::OutOfMemory => "no memory left for a socket",
        _ => return None,
    };
    Some(Failure::unable(Cause::Overloaded, said))
}

/// The operating system's words for an error, begun in lower case and without its number.
pub fn lower_case(error: &std::io::Error) -> String {
    let mut text = error.to_string();
    if let Some(end) = text.find(" (os error") {
        text.truncate(end);
    }
    let first = text.chars().next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(text.chars().skip(1)).collect()
}

/// Whether an address is of the family asked for.
fn fits(address: IpAddr, ip: IpChoice) -> bool {
    match ip {
        IpChoice::Any => true,
        IpChoice::V4 => address.is_ipv4(),
        IpChoice::V6 => address.is_ipv6(),
    }
}
