//! The ways on which this monitor looks out, each of which may be dead at its own end.
//!
//! A failure on one of them says nothing of the far side until something else was seen on it.
//!
//! Whether one is dead is decided by the rules.

use super::words::words;

words! {
    /// A way on which this monitor looks out.
    Road {
        /// Its network, over IPv4.
        Ipv4 = "ipv4",
        /// Its network, over IPv6.
        Ipv6 = "ipv6",
        /// The resolver of its host.
        Resolver = "resolver",
    }
}

impl Road {
    /// As a sentence says it: "nothing is seen …".
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::Ipv4 => "over IPv4",
            Self::Ipv6 => "over IPv6",
            Self::Resolver => "through the resolver of this host",
        }
    }
}
