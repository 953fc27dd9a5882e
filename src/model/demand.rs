//! Probes on demand (`/probe`): where they may lead, and how many there may be at once.
//!
//! Whoever may ask names the target, so the daemon must not become a door to what only it can reach. A [`Fence`] is asked
//! about every address before it is connected to. What is [`GUARDED`] (this machine, its link, the metadata services of
//! clouds, multicast) is refused unless a listed network is about just that: `0.0.0.0/0` opens none of it.
//!
//! It resolves nothing.

use super::Network;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Runs on demand at once when nobody says how many.
pub const AT_ONCE: u32 = 32;

/// Runs on demand at once at most: the listener itself takes no more connections.
pub const AT_ONCE_AT_MOST: u32 = 256;

/// `[listener]`'s `probe`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Where runs may lead; `None` if nobody said.
    pub networks: Option<Vec<Network>>,
    /// Runs at once; one more is sent away.
    pub at_once: u32,
}

impl Default for Demand {
    fn default() -> Self {
        Self { networks: None, at_once: AT_ONCE }
    }
}

impl Demand {
    /// Where runs may lead. `trusted` says that whoever asks is known, or sits on this machine: while nobody says which
    /// networks, that is everywhere but what is guarded for them, and nowhere for anybody else.
    pub fn fence(&self, trusted: bool) -> Fence {
        match &self.networks {
            Some(networks) => Fence { networks: networks.clone() },
            None if trusted => Fence { networks: EVERYWHERE.to_vec() },
            None => Fence::default(),
        }
    }
}

/// The networks that may be connected to; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fence {
    networks: Vec<Network>,
}

impl Fence {
    /// Whether nothing at all may be connected to.
    pub fn is_closed(&self) -> bool {
        self.networks.is_empty()
    }

    /// Whether `ip` may be connected to.
    pub fn admits(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        let means = |guard: &&Network| {
            guard.contains(ip) || inside(ip).is_some_and(|ip| guard.contains(ip.into()))
        };
        let guards: Vec<_> = GUARDED.iter().filter(means).collect();
        let mut holding = self.networks.iter().filter(|network| network.contains(ip));
        holding.any(|network| {
            let is_about = |guard: &&Network| {
                guard.contains(network.address) && network.prefix >= guard.prefix
            };
            guards.is_empty() || guards.iter().any(is_about)
        })
    }
}

/// The IPv4 address that a translator on the way would make of an IPv6 one: NAT64 (RFC 6052), 6to4 (RFC 3056).
fn inside(ip: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(ip) = ip else { return None };
    match ip.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..]
        | [0, 0, 0, 0, 0, 0, high, low] => {
            Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        _ => None,
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Network {
    Network { address: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix }
}

const fn v6(address: [u16; 8], prefix: u8) -> Network {
    let [a, b, c, d, ..] = address;
    let [.., last] = address;
    // None of those below has anything in between.
    Network { address: IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, last)), prefix }
}

const EVERYWHERE: [Network; 2] = [v4(0, 0, 0, 0, 0), v6([0; 8], 0)];

/// What is refused unless it is named itself.
pub const GUARDED: [Network; 14] = [
    // This machine (RFC 1122, 3.2.1.3), and what stands for it.
    v4(0, 0, 0, 0, 8),
    v4(127, 0, 0, 0, 8),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 127),
    // The link: RFC 3927 and RFC 4291. 169.254.169.254 is the metadata service of nearly every cloud.
    v4(169, 254, 0, 0, 16),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
    // Metadata services elsewhere: Alibaba, Azure's host, Oracle; AWS and Google over IPv6 (2026-11).
    v4(100, 100, 100, 200, 32),
    v4(168, 63, 129, 16, 32),
    v4(192, 0, 0, 192, 32),
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 32),
    v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0], 64),
    // A translator's own prefix (RFC 8215): which IPv4 address is meant depends on how it cuts it.
    v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48),
    // Many at once: RFC 5771 and RFC 4291; reserved, with the broadcast address (RFC 1112).
    v4(224, 0, 0, 0, 4),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8),
    v4(240, 0, 0, 0, 4),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    const GUARDED_ONES: [&str; 21] = [
        "127.0.0.1",
        "127.8.9.10",
        "0.0.0.0",
        "::",
        "::1",
        "169.254.169.254",
        "fe80::1",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd20:ce::254",
        "224.0.0.1",
        "255.255.255.255",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1:a9fe:a9:fe00::",
        "2002:7f00:1::1",
        "::169.254.169.254",
    ];

    #[test]
    fn by_default_known_people_reach_everything_but_what_is_guarded() {
        let fence = Demand::default().fence(true);
        for open in
            ["192.0.2.7", "10.1.2.3", "192.168.0.1", "2001:db8::1", "fd12::1", "::ffff:10.0.0.1"]
        {
            assert!(fence.admits(ip(open)), "{open}");
        }
        for guarded in GUARDED_ONES {
            assert!(!fence.admits(ip(guarded)), "{guarded}");
        }
    }

    #[test]
    fn by_default_nobody_else_reaches_anything() {
        let fence = Demand::default().fence(false);
        assert!(fence.is_closed());
        for closed in ["192.0.2.7", "10.1.2.3", "127.0.0.1", "2001:db8::1"] {
            assert!(!fence.admits(ip(closed)), "{closed}");
        }
    }

    #[test]
    fn only_listed_networks_are_open_whoever_asks() {
        let networks = Some(vec![v4(10, 0, 0, 0, 8), v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32)]);
        let demand = Demand { networks, ..Demand::default() };
        for trusted in [true, false] {
            let fence = demand.fence(trusted);
            assert!(fence.admits(ip("10.200.0.1")) && fence.admits(ip("2001:db8::5")));
            assert!(fence.admits(ip("::ffff:10.200.0.1")), "the kernel connects to 10.200.0.1");
            assert!(!fence.admits(ip("11.0.0.1")) && !fence.admits(ip("2001:db9::5")));
        }
    }

    #[test]
    fn what_is_guarded_opens_only_by_its_own_name() {
        let of = |network| Fence { networks: vec![network] };
        assert!(!of(v4(0, 0, 0, 0, 0)).admits(ip("127.0.0.1")), "a wide net is not about it");
        assert!(!of(v4(126, 0, 0, 0, 7)).admits(ip("127.0.0.1")));
        assert!(of(v4(127, 0, 0, 0, 8)).admits(ip("127.0.0.1")));
        assert!(of(v4(127, 0, 0, 1, 32)).admits(ip("127.0.0.1")));
        assert!(!of(v4(127, 0, 0, 1, 32)).admits(ip("127.0.0.2")));
        assert!(of(v6([0, 0, 0, 0, 0, 0, 0, 1], 128)).admits(ip("::1")));
    }
}
