//! A cloud: a failure domain, never a branch in the code.
//!
//! Providers and regions are values on endpoints; rules, metrics and pages group by them.
//!
//! Nothing anywhere asks *which* provider it is.

use super::words::words;
use std::net::IpAddr;
use std::sync::Arc;

/// A cloud as the configuration names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Its key in the configuration, the value of the `provider` label.
    pub name: Arc<str>,
    /// For people; the name when none was given.
    pub title: String,
    /// What its endpoints inherit; empty when none was given.
    pub region: Arc<str>,
    /// Addresses that mean "this cloud".
    pub networks: Vec<Network>,
    /// The cloud's own endpoints, apart from our services.
    pub canaries: Vec<Canary>,
}

/// A provider's own endpoint in a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary {
    /// Region it stands in.
    pub region: Arc<str>,
    /// What it shows: only `data` can blame a provider.
    pub plane: Plane,
}

words! {
    /// What part of a cloud a canary shows.
    Plane {
        /// Serving users.
        Data = "data",
        /// Managing resources.
        Control = "control",
        /// The edge in front.
        Edge = "edge",
    }
}

/// A network in CIDR form; host bits are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// First address of the network.
    pub address: IpAddr,
    /// Number of leading bits that count: 0 to 32, or 0 to 128.
    pub prefix: u8,
}

impl Network {
    /// Whether `ip` is in this network; an IPv6 address is never in an IPv4 network.
    pub fn contains(self, ip: IpAddr) -> bool {
        match (self.address, ip) {
            (IpAddr::V4(network), IpAddr::V4(ip)) => {
                let differing = network.to_bits() ^ ip.to_bits();
                differing.leading_zeros() >= u32::from(self.prefix)
            }
            (IpAddr::V6(network), IpAddr::V6(ip)) => {
                let differing = network.to_bits() ^ ip.to_bits();
                differing.leading_zeros() >= u32::from(self.prefix)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Network;

    #[test]
    fn a_network_holds_what_shares_its_prefix() {
        let network = |address: &str, prefix| Network { address: address.parse().unwrap(), prefix };
        let holds = |network: Network, ip: &str| network.contains(ip.parse().unwrap());
        assert!(holds(network("192.0.2.0", 25), "192.0.2.127"));
        assert!(!holds(network("192.0.2.0", 25), "192.0.2.128"));
        assert!(holds(network("0.0.0.0", 0), "203.0.113.9"));
        assert!(!holds(network("0.0.0.0", 0), "::1"));
        assert!(holds(network("2001:db8::", 32), "2001:db8:ffff::1"));
        assert!(!holds(network("2001:db8::", 32), "2001:db9::1"));
    }
}
