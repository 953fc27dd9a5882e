//! One door to the network (the other is reqwest in `probe/http.rs`): resolve a name, choose the address, connect.
//!
//! Every call is one attempt: no cache, no retry, no racing of address families. What goes wrong comes back as a
//! [`Failure`] that already carries the stable reason, or a cause where the fault is our own (no descriptor, no memory).
//!
//! It sets no time limits: the caller's deadline drops the future. It knows nothing of HTTP or TLS.

use crate::model::{Cause, Host, IpChoice, Outcome, Reason};
use std::net::{IpAddr, SocketAddr};
use tokio::net::TcpStream;

/// Why a step of a probe did not succeed: what the result will be, and the sentence for a person.
#[derive(Clone, Debug)]
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

/// The resolver and sockets of one runtime.
#[derive(Debug)]
pub struct Net {}

impl Net {
    /// Reads the host's resolver configuration. Must be called inside the runtime that will use it.
    pub fn from_system() -> Self {
        Self {}
    }

    /// The addresses of `host` for this family choice, in the resolver's order; never empty.
    /// `any` gives the IPv4 addresses if there are some, else the IPv6 ones. A literal address is checked against the choice.
    pub async fn resolve(&self, host: &Host, ip: IpChoice) -> Result<Vec<IpAddr>, Failure> {
        let _ = (host, ip);
        Err(Failure::bad(Reason::DnsServfail, "not built"))
    }

    /// The first name server of this host's configuration, for DNS probes of `server = "system"`.
    pub fn system_server(&self) -> Option<SocketAddr> {
        None
    }

    /// One TCP connection to one address, with `TCP_NODELAY`.
    pub async fn connect(&self, address: SocketAddr) -> Result<TcpStream, Failure> {
        let _ = address;
        Err(Failure::bad(Reason::ConnectRefused, "not built"))
    }
}

/// What an I/O error while connecting means (`connect_refused`, `connect_unreachable` …; no descriptor left is our own fault).
pub fn connect_failure(address: SocketAddr, error: &std::io::Error) -> Failure {
    Failure::bad(Reason::ConnectRefused, format!("{address}: {error}"))
}
