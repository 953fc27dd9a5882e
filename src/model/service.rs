//! What users use, and where it runs.
//!
//! A service has endpoints on providers; each endpoint has checks. A *side* is a service on one provider.
//!
//! How their states combine is decided elsewhere.

use super::words::words;
use super::{AskedResolver, Check, CheckId, CheckIndex, IpChoice, Mark, Objective, Shape};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What users use; it carries the promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its key in the configuration, the value of the `service` label.
    pub name: Arc<str>,
    /// For people; the name when none was given.
    pub title: String,
    /// Where the person on call reads on.
    pub runbook: Option<Arc<str>>,
    /// The owner's labels.
    pub labels: Arc<BTreeMap<String, String>>,
    /// How several endpoints on one provider combine.
    pub side: Side,
    /// Where it runs, in the order of the configuration.
    pub endpoints: Vec<Endpoint>,
    /// What was promised.
    pub objectives: Vec<Objective>,
    /// Its public name.
    pub entry: Option<Entry>,
    /// Names of shared dependencies.
    pub depends_on: Vec<Arc<str>>,
}

impl Service {
    /// All of its checks: those of its endpoints in order, then that of its public name.
    pub fn checks(&self) -> impl Iterator<Item = CheckIndex> + '_ {
        let of_endpoints = self.endpoints.iter().flat_map(|endpoint| &endpoint.checks).copied();
        of_endpoints.chain(self.entry.as_ref().map(|entry| entry.check))
    }
}

/// Where a service runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its name within the service, by default the provider's.
    pub name: Arc<str>,
    /// The cloud it stands on.
    pub provider: Arc<str>,
    /// The region it stands in; empty when none was given.
    pub region: Arc<str>,
    /// Host name or address.
    pub host: Arc<str>,
    /// Whether it serves or waits.
    pub role: Role,
    /// Name of the probe that judges a standby.
    pub ready_probe: Option<Arc<str>>,
    /// Its checks, as positions in the configuration's list.
    pub checks: Vec<CheckIndex>,
}

impl Endpoint {
    /// Whether it is judged by this check of its own (S11): one that counts, and for a standby its `ready_probe` alone.
    pub fn is_judged_by(&self, check: &Check) -> bool {
        match (self.role, &self.ready_probe) {
            (Role::Standby, Some(ready)) => check.probe == *ready,
            _ => check.counts,
        }
    }
}

words! {
    /// Whether an endpoint serves or waits.
    Role {
        /// Serves.
        Active = "active",
        /// Waits; judged by its `ready_probe`.
        Standby = "standby",
    }
}

words! {
    /// How several endpoints on one provider combine into a side.
    Side {
        /// One good endpoint is enough.
        Any = "any",
        /// All must be good.
        All = "all",
    }
}

/// The public name of a service, which leads to one provider or another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name users type.
    pub host: Arc<str>,
    /// How to look through it.
    pub probe: Arc<str>,
    /// What may be called split or silent.
    pub policy: EntryPolicy,
    /// Longer on a cloud that is down is a late failover.
    pub failover_within: Option<Duration>,
    /// Who is asked where it leads, beside its authoritative servers; at least one.
    pub resolvers: Vec<AskedResolver>,
    /// What the served page says of the provider behind it.
    pub marks: Arc<[Mark]>,
    /// The address family through which it is looked at.
    pub ip: IpChoice,
    /// When its check runs, as that of an endpoint of the service without settings of its own.
    pub shape: Shape,
    /// Its check, as a position in the configuration's list.
    pub check: CheckIndex,
}

impl Entry {
    /// The id of its check: `service/entry/probe`.
    pub fn check_id(&self, service: &str) -> CheckId {
        CheckId::of_entry(service, &self.probe)
    }
}

words! {
    /// How the public name spreads clients over the clouds.
    EntryPolicy {
        /// One cloud at a time.
        Failover = "failover",
        /// By weight.
        Weighted = "weighted",
        /// By the client's place.
        Geo = "geo",
        /// Several addresses at once.
        Multivalue = "multivalue",
        /// An edge in front whose addresses never change.
        Edge = "edge",
    }
}
