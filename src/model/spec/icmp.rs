//! ICMP probes: a few echoes, and how many of them may be lost.
//!
//! All packets of a run go to one address; the last may still be awaited when the deadline strikes, and is judged then.
//!
//! How a socket for them is had is known to `net`.

use super::{Host, RESOLVE, Reason};
use std::time::Duration;

/// Packets of a run at most.
pub const PACKETS_AT_MOST: u32 = 20;

/// Bytes behind the header of an echo at most: what fits into a frame of 9000 bytes over IPv6.
pub const PACKET_SIZE_AT_MOST: u32 = 8952;

/// An ICMP probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IcmpSpec {
    /// Who is asked.
    pub host: Host,
    /// Echoes of a run; 1 to [`PACKETS_AT_MOST`].
    pub packets: u32,
    /// From one packet to the next.
    pub spacing: Duration,
    /// A packet whose answer takes longer is lost.
    pub within: Duration,
    /// Bytes behind the header; at most [`PACKET_SIZE_AT_MOST`].
    pub size: u32,
    /// More lost packets than this are bad (`loss`), in percent; some, but no more, are a warning.
    pub max_loss: u32,
}

impl IcmpSpec {
    pub(super) fn possible_reasons(&self) -> Vec<Reason> {
        let mut reasons =
            vec![Reason::ConnectUnreachable, Reason::ConnectRefused, Reason::ResponseTimeout];
        if matches!(self.host, Host::Name(_)) {
            reasons.extend(RESOLVE);
        }
        if self.packets > 1 {
            reasons.push(Reason::Loss);
        }
        reasons
    }
}
