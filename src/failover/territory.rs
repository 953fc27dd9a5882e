//! Whose address is it? Networks of providers first (the longest prefix wins), then the addresses of a service's endpoints.
//!
//! An address that two providers claim equally belongs to neither: it is *unmapped*, like one that nobody claims. An answer
//! whose addresses say nothing still leads to a provider if an alias on its way is the host of an endpoint there.
//!
//! It resolves nothing: what hosts resolve to is told.

use super::observation::Led;
use crate::model::{Network, Provider};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// A provider, as a position in the configuration's list.
pub type Cloud = usize;

/// Where one answer leads: how much of it to each cloud; the rest is unmapped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Share {
    /// Cloud and ratio, ascending by cloud, each above zero.
    pub clouds: Vec<(Cloud, f64)>,
    /// The ratio of addresses that belong to no cloud that we know.
    pub unmapped: f64,
}

impl Share {
    /// The one cloud it leads to with everything that is mapped; `None` if there are several or none.
    pub fn only(&self) -> Option<Cloud> {
        match self.clouds[..] {
            [(cloud, _)] => Some(cloud),
            _ => None,
        }
    }

    /// Whether some of it leads to `cloud`.
    pub fn has(&self, cloud: Cloud) -> bool {
        self.clouds.iter().any(|(each, _)| *each == cloud)
    }
}

/// Whose address is it, for one service.
#[derive(Clone, Debug, Default)]
pub struct Territory {
    networks: Vec<(Network, Cloud)>,
    /// Addresses of endpoints that are written in the configuration.
    literal: Vec<(IpAddr, Cloud)>,
    /// Hosts of endpoints, in lower case, with position and cloud.
    hosts: Vec<(Arc<str>, usize, Cloud)>,
    /// What those hosts resolve to: position of the endpoint, addresses.
    resolved: Vec<(usize, Vec<IpAddr>)>,
}

impl Territory {
    /// That of a service: all networks of all providers, and its own endpoints (provider and host of each).
    pub fn new<'a>(
        providers: &[Provider],
        endpoints: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let mut territory = Self::default();
        for (cloud, provider) in providers.iter().enumerate() {
            territory.networks.extend(provider.networks.iter().map(|network| (*network, cloud)));
        }
        for (position, (provider, host)) in endpoints.into_iter().enumerate() {
            let Some(cloud) = providers.iter().position(|each| *each.name == *provider) else {
                continue;
            };
            match address_of(host) {
                Ok(address) => territory.literal.push((address, cloud)),
                Err(name) => territory.hosts.push((lower(name), position, cloud)),
            }
        }
        territory
    }

    /// The hosts whose addresses have to be looked up, with the position of their endpoints.
    pub fn hosts(&self) -> impl Iterator<Item = (usize, &Arc<str>)> {
        self.hosts.iter().map(|(host, position, _)| (*position, host))
    }

    /// Takes in what the hosts of endpoints resolve to now; what could not be resolved keeps its last addresses.
    pub fn set_resolved(&mut self, resolved: &[(usize, Vec<IpAddr>)]) {
        for (position, addresses) in resolved {
            match self.resolved.iter_mut().find(|(known, _)| known == position) {
                Some((_, known)) => known.clone_from(addresses),
                None => self.resolved.push((*position, addresses.clone())),
            }
        }
    }

    /// Knows what `old` knew of the same hosts.
    pub fn succeed(&mut self, old: Self) {
        if self.hosts == old.hosts {
            self.resolved = old.resolved;
        }
    }

    /// The cloud that an address belongs to.
    pub fn cloud_of(&self, address: IpAddr) -> Option<Cloud> {
        let holding = self.networks.iter().filter(|(network, _)| network.contains(address));
        if let Some(longest) = holding.clone().map(|(network, _)| network.prefix).max() {
            return one(holding.filter(|(it, _)| it.prefix == longest).map(|(_, cloud)| *cloud));
        }
        let literal =
            self.literal.iter().filter(|(each, _)| *each == address).map(|(_, cloud)| *cloud);
        let resolved = self.resolved.iter().filter(|(_, all)| all.contains(&address));
        let resolved = resolved.filter_map(|(position, _)| {
            self.hosts.iter().find(|(_, each, _)| each == position).map(|(.., cloud)| *cloud)
        });
        one(literal.chain(resolved))
    }

    /// Where an answer leads.
    pub fn share(&self, led: &Led) -> Share {
        if led.addresses.is_empty() {
            return Share::default();
        }
        let by_alias = || {
            let mut names = led.chain.iter().rev();
            names.find_map(|name| self.cloud_of_host(name))
        };
        let mut counts: Vec<(Cloud, u32)> = Vec::new();
        let mut unmapped = 0_u32;
        for address in &led.addresses {
            match self.cloud_of(*address).or_else(by_alias) {
                None => unmapped += 1,
                Some(cloud) => match counts.iter_mut().find(|(each, _)| *each == cloud) {
                    Some((_, count)) => *count += 1,
                    None => counts.push((cloud, 1)),
                },
            }
        }
        counts.sort_unstable();
        let all = f64::from(unmapped + counts.iter().map(|(_, count)| count).sum::<u32>());
        Share {
            clouds: counts
                .into_iter()
                .map(|(cloud, count)| (cloud, f64::from(count) / all))
                .collect(),
            unmapped: f64::from(unmapped) / all,
        }
    }

    fn cloud_of_host(&self, name: &str) -> Option<Cloud> {
        one(self.hosts.iter().filter(|(host, ..)| **host == *name).map(|(.., cloud)| *cloud))
    }
}

/// The one value that all of them are.
fn one(mut values: impl Iterator<Item = Cloud>) -> Option<Cloud> {
    let first = values.next()?;
    values.all(|each| each == first).then_some(first)
}

/// The address that a host of the configuration is, or its name without the port.
///
/// # Errors
///
/// The name, when it is one.
pub fn address_of(host: &str) -> Result<IpAddr, &str> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let with_port = || host.parse::<SocketAddr>().map(|address| address.ip());
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    bare.parse().or_else(|_| with_port()).map_err(|_| name)
}

fn lower(name: &str) -> Arc<str> {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn network(text: &str) -> Network {
        let (address, prefix) = text.split_once('/').unwrap();
        Network { address: address.parse().unwrap(), prefix: prefix.parse().unwrap() }
    }

    fn provider(name: &str, networks: &[&str]) -> Provider {
        Provider {
            name: name.into(),
            title: name.to_owned(),
            region: "".into(),
            networks: networks.iter().map(|each| network(each)).collect(),
            canaries: Vec::new(),
        }
    }

    /// Endpoints `aws` and `gcp` at these hosts, without networks.
    fn by_endpoints(aws: &str, gcp: &str) -> Territory {
        let providers = [provider("aws", &[]), provider("gcp", &[])];
        Territory::new(&providers, [("aws", aws), ("gcp", gcp)])
    }

    fn led(addresses: &[&str], chain: &[&str]) -> Led {
        Led {
            addresses: addresses.iter().map(|each| each.parse().unwrap()).collect(),
            chain: chain.iter().map(|each| Arc::from(*each)).collect(),
            ttl: Duration::from_mins(1),
        }
    }

    fn by_networks() -> Territory {
        let aws = provider("aws", &["192.0.2.0/25", "2001:db8:a::/48"]);
        let gcp = provider("gcp", &["192.0.2.128/25", "192.0.2.64/28"]);
        Territory::new(&[aws, gcp], [("aws", "shop.aws.example"), ("gcp", "shop.gcp.example")])
    }

    #[test]
    fn the_longest_network_that_holds_an_address_says_whose_it_is() {
        let territory = by_networks();
        let cloud = |ip: &str| territory.cloud_of(ip.parse().unwrap());
        assert_eq!(cloud("192.0.2.7"), Some(0));
        assert_eq!(cloud("192.0.2.200"), Some(1));
        assert_eq!(cloud("192.0.2.70"), Some(1));
        assert_eq!(cloud("2001:db8:a::1"), Some(0));
        assert_eq!(cloud("198.51.100.1"), None);
    }

    #[test]
    fn an_answer_leads_where_its_addresses_are() {
        let territory = by_networks();
        let share =
            territory.share(&led(&["192.0.2.1", "192.0.2.129", "192.0.2.130", "203.0.113.1"], &[]));
        assert_eq!(share.clouds, [(0, 0.25), (1, 0.5)]);
        assert_eq!((share.unmapped, share.only()), (0.25, None));
        assert_eq!(territory.share(&led(&["192.0.2.1"], &[])).only(), Some(0));
        assert_eq!(territory.share(&led(&[], &[])), Share::default());
    }

    #[test]
    fn without_networks_the_endpoints_say_whose_an_address_is() {
        let mut territory = by_endpoints("198.51.100.1:8443", "shop.GCP.example:8443");
        let hosts: Vec<_> = territory.hosts().map(|(at, host)| (at, host.to_string())).collect();
        assert_eq!(hosts, [(1, "shop.gcp.example".to_owned())]);
        let cloud = |territory: &Territory, ip: &str| territory.cloud_of(ip.parse().unwrap());
        assert_eq!(cloud(&territory, "198.51.100.1"), Some(0));
        assert_eq!(cloud(&territory, "198.51.100.2"), None);
        territory.set_resolved(&[(1, vec!["198.51.100.2".parse().unwrap()])]);
        assert_eq!(cloud(&territory, "198.51.100.2"), Some(1));
        // What could not be resolved keeps its last addresses; what was, has others.
        territory.set_resolved(&[]);
        assert_eq!(cloud(&territory, "198.51.100.2"), Some(1));
        territory.set_resolved(&[(1, vec!["198.51.100.1".parse().unwrap()])]);
        assert_eq!(cloud(&territory, "198.51.100.2"), None);
        // Both claim it.
        assert_eq!(cloud(&territory, "198.51.100.1"), None);
    }

    #[test]
    fn an_alias_that_is_an_endpoints_host_says_it_too() {
        let territory = by_endpoints("shop.aws.example", "shop.gcp.example");
        let by_alias = led(&["203.0.113.1"], &["lb.example", "shop.gcp.example", "x.cdn.example"]);
        assert_eq!(territory.share(&by_alias).only(), Some(1));
        assert_eq!(territory.share(&led(&["203.0.113.1"], &["lb.example"])).only(), None);
    }
}
