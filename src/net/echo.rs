//! Sockets for ICMP echo: without any privilege where the kernel allows it, else raw, else the reason why not.
//!
//! The kernel gives a datagram socket for ICMP to the groups in `net.ipv4.ping_group_range` (which holds for IPv6 too), and
//! a raw one to `CAP_NET_RAW`. Either is connected, so that it hears one address only; what it hears beyond the answers to
//! our own echoes is for the caller to pass over.
//!
//! It sends nothing.

use super::{Failure, connect_failure, lower_case};
use crate::model::Cause;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, SocketAddr};
use tokio::net::UdpSocket;

/// Why there is no socket for ICMP, and what to do.
const FORBIDDEN: &str = "this host allows no ICMP socket to the monitor: its group is not in `net.ipv4.ping_group_range`, and it \
                         lacks `CAP_NET_RAW`";

/// A socket for ICMP echo with one address.
#[derive(Debug)]
pub struct Echo {
    /// An ICMP socket, whatever its type says: reading and writing datagrams is the same.
    pub socket: UdpSocket,
    /// Whether the kernel sees to the identifier and hands over answers to our own echoes only.
    pub sorted: bool,
    /// Whether what is read begins with the header of IPv4.
    pub headed: bool,
}

/// A socket that hears `address` only. Must be called inside the runtime that will use it.
pub fn echo(address: IpAddr) -> Result<Echo, Failure> {
    let target = SocketAddr::new(address, 0);
    let (socket, sorted) = open(address).map_err(|error| refused(target, &error))?;
    let attempt = || {
        socket.set_nonblocking(true)?;
        socket.connect(&target.into())?;
        UdpSocket::from_std(socket.into())
    };
    let socket = attempt().map_err(|error| echo_failure(address, &error))?;
    Ok(Echo { socket, sorted, headed: !sorted && address.is_ipv4() })
}

/// Whether this process may send echoes over the family of `address`; if not, what to say about it.
pub fn may_echo(address: IpAddr) -> Result<(), String> {
    match open(address) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(FORBIDDEN.to_owned()),
        _ => Ok(()),
    }
}

/// What an error of such a socket means: as for a connection, but there is no port.
pub fn echo_failure(address: IpAddr, error: &io::Error) -> Failure {
    let target = SocketAddr::new(address, 0);
    let mut failure = connect_failure(target, error);
    failure.said = failure.said.replace(&target.to_string(), &address.to_string());
    failure
}

/// The socket, and whether it is the one without privilege.
fn open(address: IpAddr) -> io::Result<(Socket, bool)> {
    let (domain, protocol) = match address {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
    };
    let refused = match Socket::new(domain, Type::DGRAM, Some(protocol)) {
        Ok(socket) => return Ok((socket, true)),
        Err(error) => error,
    };
    match Socket::new(domain, Type::RAW, Some(protocol)) {
        Ok(socket) => Ok((socket, false)),
        // A host without IPv6 is no matter of permission.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(refused),
        Err(error) => Err(error),
    }
}

fn refused(target: SocketAddr, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Failure::unable(Cause::Unable, FORBIDDEN),
        _ if target.is_ipv4() => {
            let why = lower_case(error);
            super::own_fault(error).unwrap_or_else(|| {
                Failure::unable(Cause::Unable, format!("cannot open an ICMP socket: {why}"))
            })
        }
        _ => echo_failure(target.ip(), error),
    }
}
