//! What is looked at besides the services becomes checks: sentinels, canaries, shared dependencies.
//!
//! Each goes the road of every other check, on a site that belongs to no service; a sentinel inherits nothing, the others
//! what `[defaults]` says. TLS sentinels are asked over IPv6 too where a service is.
//!
//! It judges nothing.

use super::build::{Builder, endpoint_host};
use super::problem::{Kind, Problem};
use super::raw::{
    Raw, RawCanary, RawDomain, RawProbe, RawProvider, RawService, Settings, Shared, Use,
};
use super::resolve::{Held, Index, Plan, Site};
use super::source::{At, Place};
use crate::model::{Canary, Check, IpChoice, Plane, ProbeKind, Reference, ReferenceRole};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

/// Every reference of the file; `checks` are those of its services.
pub(super) fn build(
    builder: &mut Builder<'_>,
    index: &Index<'_>,
    raw: &Raw,
    checks: &[Arc<Check>],
) -> Vec<Reference> {
    let mut building = Building { builder, raw, references: Vec::new() };
    building.sentinels(checks.iter().any(|check| uses_v6(check)));
    building.canaries();
    for (position, domain) in raw.domains.iter().enumerate() {
        building.domain(index, position, domain);
    }
    building.references
}

/// What a canary is, beside how to look at it.
pub(super) fn canary(provider: &RawProvider, canary: &RawCanary) -> Canary {
    let region = canary.region.as_ref().or(provider.region.as_ref());
    let region = region.map_or_else(|| "".into(), |region| Arc::clone(&region.value));
    Canary { region, plane: canary.plane.as_ref().map_or(Plane::Data, |plane| plane.value) }
}

/// Whether a check looks over IPv6, as far as can be told without asking anybody.
pub(super) fn uses_v6(check: &Check) -> bool {
    let literal = |host: &str| {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv6())
    };
    let spec = &check.spec;
    spec.ip == IpChoice::V6
        || match &spec.kind {
            ProbeKind::Http(http) => http.url.host_str().is_some_and(literal),
            ProbeKind::Tcp(tcp) => literal(&tcp.host.to_string()),
            ProbeKind::Icmp(icmp) => literal(&icmp.host.to_string()),
            ProbeKind::Grpc(grpc) => literal(&grpc.host.to_string()),
            ProbeKind::Dns(_) | ProbeKind::Exec(_) => false,
        }
}

struct Building<'b, 'c> {
    builder: &'b mut Builder<'c>,
    raw: &'b Raw,
    references: Vec<Reference>,
}

/// What stands in for the service and the provider where there is none.
pub(super) struct Ground {
    pub(super) service: RawService,
    pub(super) provider: RawProvider,
    pub(super) defaults: Settings,
}

/// Where a reference stands.
#[derive(Clone, Copy)]
struct Spot<'a> {
    /// Second part of its id.
    endpoint: &'a str,
    host: &'a str,
    region: &'a str,
}

impl<'a> Spot<'a> {
    fn named(endpoint: &'a str) -> Self {
        Self { endpoint, host: "", region: "" }
    }
}

impl Building<'_, '_> {
    fn sentinels(&mut self, with_v6: bool) {
        let Some(sentinel) = &self.raw.sentinel else { return };
        let ground = Ground::new("@sentinel", None, Settings::default());
        for (probe, host) in sentinel.tls.iter().zip(&sentinel.hosts) {
            self.add(&ground, Spot::named("tls"), probe, ReferenceRole::SentinelTls);
            let by_name = matches!(host, crate::model::Host::Name(_));
            if let Some(over_v6) = probe.over_v6().filter(|_| with_v6 && by_name) {
                self.add(&ground, Spot::named("tls"), &over_v6, ReferenceRole::SentinelTls);
            }
        }
        for probe in &sentinel.names {
            self.add(&ground, Spot::named("name"), probe, ReferenceRole::SentinelName);
        }
    }

    fn canaries(&mut self) {
        for (provider, said) in self.raw.providers.iter().enumerate() {
            let ground = Ground::new("@canary", Some(said), self.raw.defaults.clone());
            let mut names = BTreeSet::new();
            for (position, each) in said.canaries.iter().enumerate() {
                let Canary { region, plane } = canary(said, each);
                let mut name = match plane {
                    Plane::Data if !region.is_empty() => region.to_string(),
                    _ if region.is_empty() => plane.to_string(),
                    _ => format!("{region}-{plane}"),
                };
                if !names.insert(name.clone()) {
                    name = format!("{name}-{}", position + 1);
                    names.insert(name.clone());
                }
                let role = ReferenceRole::Canary { provider, canary: position, plane };
                let probe = RawProbe {
                    name: At::new(name.into(), each.probe.name.place),
                    ..each.probe.clone()
                };
                let spot = Spot { region: &region, ..Spot::named(&said.name.value) };
                self.add(&ground, spot, &probe, role);
            }
        }
    }

    fn domain(&mut self, index: &Index<'_>, position: usize, domain: &RawDomain) {
        let Some(host) = &domain.host else { return };
        if let Err(why) = endpoint_host(&host.value) {
            let said = format!("`{}` is not a host", host.value);
            let path = format!("{}.host", domain.path);
            let problem = Problem::new(Kind::BadHost, path, host.place, said).label(why);
            self.builder.context.sink.report(problem);
            return;
        }
        let ground = Ground::new("@domain", None, self.raw.defaults.clone());
        for name in &domain.probes {
            if let Some(probe) = index.probes.get(name.value.as_str()) {
                let role = ReferenceRole::Domain { domain: position };
                let spot = Spot { host: &host.value, ..Spot::named(&domain.name.value) };
                self.add(&ground, spot, probe, role);
            }
        }
    }

    fn add(&mut self, ground: &Ground, spot: Spot<'_>, probe: &RawProbe, role: ReferenceRole) {
        let place = probe.name.place;
        let usage = Use {
            name: At::new(probe.name.value.to_string(), place),
            settings: Settings { path: probe.settings.path.clone(), ..Settings::default() },
            formerly: Vec::new(),
        };
        let plan = Plan { usage: &usage, probe };
        let site = ground.site(spot.endpoint, spot.region, spot.host);
        if let Some(check) = self.builder.check(&site, &plan, &spot.host.into()) {
            self.references.push(Reference { check: Arc::new(check), role });
        }
    }
}

impl Ground {
    /// For a probe on demand: what it is told of its service and provider, if anything.
    pub(super) fn on_demand(service: &str, provider: &str, defaults: &Settings) -> Self {
        let mut ground = Self::new(service, None, defaults.clone());
        ground.provider.name.value = provider.into();
        ground
    }

    /// An endpoint on it, on which nothing else is said.
    pub(super) fn site(&self, endpoint: &str, region: &str, host: &str) -> Site<'_> {
        Site {
            defaults: &self.defaults,
            service: &self.service,
            class: None,
            provider: &self.provider,
            table: None,
            name: endpoint.into(),
            region: Held::default(region.into()),
            host: Held::default(host.into()),
            plans: Vec::new(),
        }
    }

    fn new(service: &str, provider: Option<&RawProvider>, defaults: Settings) -> Self {
        let place = Place { file: 0, start: 0, end: 0 };
        let name = |text: &str| At::new(Arc::from(text), place);
        Self {
            service: RawService {
                name: name(service),
                shared: Shared::default(),
                class: None,
                title: None,
                tables: Vec::new(),
                entry: None,
                depends_on: Vec::new(),
                formerly: Vec::new(),
            },
            provider: RawProvider {
                name: provider.map_or_else(|| name(""), |said| said.name.clone()),
                path: provider.map_or_else(String::new, |said| said.path.clone()),
                title: None,
                region: provider.and_then(|said| said.region.clone()),
                host: None,
                vars: provider.map(|said| said.vars.clone()).unwrap_or_default(),
                formerly: Vec::new(),
                networks: Vec::new(),
                canaries: Vec::new(),
            },
            defaults,
        }
    }
}

#[cfg(test)]
mod tests;
