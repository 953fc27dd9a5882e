//! A cloud: a failure domain, never a branch in the code.
//!
//! Providers and regions are values on endpoints; rules, metrics and pages group by them.
//!
//! Nothing anywhere asks *which* provider it is.

use super::words::words;
use std::net::IpAddr;
use std::sync::Arc;

/// A cloud as the configuration names it.
#[derive(Clone, Debug)]
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
#[derive(Clone, Debug)]
pub struct Canary {
    /// Region it stands in.
    pub region: Arc<str>,
    /// What it shows: only `data` can blame a provider.
    pub plane: Plane,
    /// Where to look.
    pub url: url::Url,
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
