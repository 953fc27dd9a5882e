//! What was read to a complete [`Config`]: defaults of the daemon itself, checks built, names that are mentioned looked
//! up, and warnings about what nobody uses.
//!
//! Called with everything that was read, it reports every problem it finds and builds what it can; the caller throws the
//! result away if one of them was an error.
//!
//! It opens nothing but the file with this host's name.

use super::build::Builder;
use super::decode::{Context, one_of};
use super::problem::{Kind, Problem, closest};
use super::raw::{DEFAULT_BROKEN_AFTER, DEFAULT_PATIENCE, Raw};
use super::resolve::{Index, Planned, Site, fill, plan, unknown};
use super::source::At;
use super::template::Position;
use super::{Config, Detail, Domain, MetricsConfig, MonitorConfig};
use crate::model::{
    Check, CheckIndex, Endpoint, Entry, EntryPolicy, Matching, Provider, Role, Service, Side,
};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

/// Where the listener is when nobody says it.
pub(super) const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9464);
/// The folder of the store when nobody says it.
pub(super) const DEFAULT_STATE: &str = "state";
/// Runs in flight when nobody says how many.
pub(super) const DEFAULT_IN_FLIGHT: u32 = 2_000;

/// Builds everything that can be built, and reports the rest.
pub(super) fn validate(context: Context<'_>, raw: &Raw) -> Config {
    let index = Index::new(context, raw);
    let planned = plan(context, raw, &index);
    let mut builder = Builder::new(context);
    let mut all_labels = BTreeMap::new();
    let mut checks = Vec::new();
    let mut services = Vec::with_capacity(planned.len());
    for each in &planned {
        let endpoints = each
            .sites
            .iter()
            .map(|site| {
                let built = build_site(
                    &mut builder,
                    site,
                    u32::try_from(checks.len()).expect("far below 2^32 checks"),
                );
                let (endpoint, more) = built;
                checks.extend(more);
                endpoint
            })
            .collect();
        let labels = labels(raw, each, &mut all_labels);
        let mut service = service(context, each, labels, endpoints);
        let next = CheckIndex(u32::try_from(checks.len()).expect("far below 2^32 checks"));
        if let Some((entry, check)) = build_entry(&mut builder, &index, each, next) {
            service.entry = Some(entry);
            checks.push(Arc::new(check));
        }
        super::promise::check(context, &index, each, &service, &checks);
        if let (Some(said), Some(entry)) = (&each.service.entry, &service.entry) {
            let shape = |check: CheckIndex| checks[check.get()].shape;
            let certain = super::entry::certain_after(&service.endpoints, shape);
            super::entry::check(context, raw, said, (entry, &service.endpoints), certain);
        }
        services.push(service);
    }
    super::former::check(context, &planned);
    mentions(context, &index, raw);
    sentinels_on_clouds(context, raw);
    super::peers::check(context, raw, &monitor(raw).vantage);
    unused(context, raw, &planned);
    let references = super::references::build(&mut builder, &index, raw, &checks);
    if !context.sink.has_errors() {
        unused_maintenance(context, raw, &services, &checks);
    }
    Config {
        monitor: monitor(raw),
        listener: raw.listener.value(),
        metrics: MetricsConfig {
            detail: raw.detail.as_ref().map_or(Detail::Standard, |detail| detail.value),
            field_names: raw.field_names.as_ref().is_some_and(|flag| flag.value),
        },
        providers: raw.providers.iter().map(provider).collect(),
        services,
        checks,
        references,
        patience: raw.sentinel.as_ref().map_or(DEFAULT_PATIENCE, |sentinel| sentinel.patience),
        broken_after: raw.sentinel.as_ref().map_or(DEFAULT_BROKEN_AFTER, |it| it.broken_after),
        domains: domains(raw),
        maintenance: raw.maintenance.iter().map(|window| window.value.clone()).collect(),
        peers: raw.peers.iter().map(|peer| peer.value.clone()).collect(),
        receivers: raw.receivers.iter().map(|receiver| receiver.value.clone()).collect(),
        modules: super::demand::Modules::new(&raw.probes, &raw.defaults),
    }
}

fn build_site<'a>(
    builder: &mut Builder<'_>,
    site: &'a Site<'a>,
    first: u32,
) -> (Endpoint, Vec<Arc<Check>>) {
    let host = &site.host.value;
    let checks: Vec<_> = site
        .plans
        .iter()
        .filter_map(|plan| builder.check(site, plan, host))
        .map(Arc::new)
        .collect();
    let count = u32::try_from(checks.len()).expect("far below 2^32 checks");
    let endpoint = Endpoint {
        name: Arc::clone(&site.name),
        provider: Arc::clone(&site.provider.name.value),
        region: Arc::clone(&site.region.value),
        host: Arc::clone(host),
        role: site
            .table
            .and_then(|table| table.role.as_ref())
            .map_or(Role::Active, |role| role.value),
        ready_probe: site
            .table
            .and_then(|table| table.ready_probe.as_ref())
            .map(|ready| ready.name.value.as_str().into()),
        checks: (first..first + count).map(CheckIndex).collect(),
    };
    (endpoint, checks)
}

fn monitor(raw: &Raw) -> MonitorConfig {
    let said = &raw.monitor;
    MonitorConfig {
        vantage: said.vantage.as_ref().map_or_else(host_name, |name| name.value.as_str().into()),
        provider: said.provider.as_ref().map(|name| name.value.as_str().into()),
        listen: said.listen.as_ref().map_or(DEFAULT_LISTEN, |listen| listen.value),
        state: PathBuf::from(said.state.as_ref().map_or(DEFAULT_STATE, |state| &state.value)),
        timezone: said.timezone.as_ref().map_or(jiff::tz::TimeZone::UTC, |zone| zone.value.clone()),
        shard: said.shard.as_ref().map(|shard| shard.value),
        heartbeat_url: said.heartbeat_url.as_ref().map(|url| url.value.clone()),
        max_in_flight: said.max_in_flight.as_ref().map_or(DEFAULT_IN_FLIGHT, |most| most.value),
        watch: said.watch.as_ref().is_some_and(|watch| watch.value),
    }
}

/// The name of this host, for want of a better one for the vantage.
pub fn host_name() -> Arc<str> {
    let text = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let name = text.trim();
    if name.is_empty() { "local".into() } else { name.into() }
}

fn provider(raw: &super::raw::RawProvider) -> Provider {
    Provider {
        name: Arc::clone(&raw.name.value),
        title: raw
            .title
            .as_ref()
            .map_or_else(|| raw.name.value.to_string(), |title| title.value.clone()),
        region: raw.region.as_ref().map_or_else(|| "".into(), |region| Arc::clone(&region.value)),
        networks: raw.networks.clone(),
        canaries: raw
            .canaries
            .iter()
            .map(|canary| super::references::canary(raw, canary))
            .collect(),
    }
}

fn domains(raw: &Raw) -> Vec<Domain> {
    raw.domains
        .iter()
        .map(|domain| Domain {
            name: Arc::clone(&domain.name.value),
            kind: domain.kind.as_ref().map_or("", |kind| kind.value).into(),
            host: domain.host.as_ref().map_or("", |host| &host.value).into(),
        })
        .collect()
}

/// The labels of a service; services with the same share one table.
fn labels(
    raw: &Raw,
    planned: &Planned<'_>,
    known: &mut BTreeMap<BTreeMap<String, String>, Arc<BTreeMap<String, String>>>,
) -> Arc<BTreeMap<String, String>> {
    let class = planned.class.map(|class| &class.shared.labels);
    let tables = [Some(&raw.default_labels), class, Some(&planned.service.shared.labels)];
    let mut labels = BTreeMap::new();
    for (name, text) in tables.into_iter().flatten().flatten() {
        labels.insert(name.clone(), text.value.clone());
    }
    if let Some(same) = known.get(&labels) {
        return Arc::clone(same);
    }
    let shared = Arc::new(labels.clone());
    known.insert(labels, Arc::clone(&shared));
    shared
}

fn service(
    context: Context<'_>,
    planned: &Planned<'_>,
    labels: Arc<BTreeMap<String, String>>,
    endpoints: Vec<Endpoint>,
) -> Service {
    let said = planned.service;
    let class = planned.class.map(|class| &class.shared);
    Service {
        name: Arc::clone(&said.name.value),
        title: said
            .title
            .as_ref()
            .map_or_else(|| said.name.value.to_string(), |title| title.value.clone()),
        runbook: runbook(context, planned),
        labels,
        side: said
            .shared
            .side
            .as_ref()
            .or_else(|| class.and_then(|class| class.side.as_ref()))
            .map_or(Side::Any, |side| side.value),
        endpoints,
        objectives: planned.objectives().iter().map(|promise| promise.value.clone()).collect(),
        entry: None,
        depends_on: said.depends_on.iter().map(|name| name.value.as_str().into()).collect(),
    }
}

/// The runbook may name the service, since a class can give it; it is filled at the first endpoint.
fn runbook(context: Context<'_>, planned: &Planned<'_>) -> Option<Arc<str>> {
    let own = &planned.service.shared;
    let class = planned.class.map(|class| &class.shared);
    let (template, path) = match (&own.runbook, class.and_then(|class| class.runbook.as_ref())) {
        (Some(own_text), _) => (own_text, &own.settings.path),
        (None, Some(text)) => (text, &class.expect("it gave the runbook").settings.path),
        (None, None) => return None,
    };
    if template.is_constant() {
        return template.fill(Position::Plain, |_| None).ok().map(Into::into);
    }
    let site = planned.sites.first()?;
    fill(context, template, Position::Url, &format!("{path}.runbook"), site, None).map(Into::into)
}

/// The public name of a service and its check, which will be the one at `next`.
fn build_entry(
    builder: &mut Builder<'_>,
    index: &Index<'_>,
    planned: &Planned<'_>,
    next: CheckIndex,
) -> Option<(Entry, Check)> {
    let context = builder.context;
    let entry = planned.service.entry.as_ref()?;
    if let Some(usage) = &entry.probe {
        known_probe(context, index, &usage.settings.path, &usage.name);
    }
    let marks = super::entry::marks(context, index, planned, entry);
    let path = format!("{}.host", entry.path);
    let template = entry.host.as_ref()?;
    let host = if template.is_constant() {
        template.fill(Position::Plain, |_| None).ok()?
    } else {
        fill(context, template, Position::Plain, &path, planned.sites.first()?, None)?
    };
    if let Err(why) = super::build::endpoint_host(&host) {
        let said = format!("`{host}` is not a host");
        let problem = Problem::new(Kind::BadHost, path, template.place, said).label(why);
        context.sink.report(problem);
        return None;
    }
    let host: Arc<str> = host.into();
    let usage = entry.probe.as_ref()?;
    let probe = index.probes.get(usage.name.value.as_str())?;
    let (site, plan) = planned.sites.first()?.as_entry(usage, probe, &host, template.place);
    let check = builder.check(&site, &plan, &host)?;
    // It leads to one cloud or another, and stands on none.
    let spec = super::entry::with_marks(check.spec, &marks);
    let check = Check { provider: "".into(), region: "".into(), spec, ..check };
    let entry = Entry {
        host,
        probe: Arc::clone(&check.probe),
        shape: check.shape,
        check: next,
        policy: entry.policy.as_ref().map_or(EntryPolicy::Failover, |policy| policy.value),
        failover_within: entry.failover_within.as_ref().map(|span| span.value),
        resolvers: super::entry::resolvers(entry),
        marks,
        ip: check.spec.ip,
    };
    Some((entry, check))
}

fn known_probe(context: Context<'_>, index: &Index<'_>, path: &str, name: &At<String>) {
    if !index.probes.contains_key(name.value.as_str()) {
        let known = index.probes.keys().copied();
        unknown(context, Kind::UnknownProbe, "probe", path, name, known);
    }
}

pub(super) fn known_provider(
    context: Context<'_>,
    index: &Index<'_>,
    path: &str,
    name: &At<String>,
) {
    if !index.providers.contains_key(name.value.as_str()) {
        let known = index.providers.keys().copied();
        unknown(context, Kind::UnknownProvider, "provider", path, name, known);
    }
}

/// Looks up every name that stands outside of the services' own road.
fn mentions(context: Context<'_>, index: &Index<'_>, raw: &Raw) {
    if let Some(name) = &raw.monitor.provider {
        known_provider(context, index, "monitor.provider", name);
    }
    for (path, name) in &raw.mentions.providers {
        known_provider(context, index, path, name);
    }
    for (path, name) in &raw.mentions.classes {
        if !index.classes.contains_key(name.value.as_str()) {
            let known = index.classes.keys().copied();
            unknown(context, Kind::UnknownClass, "class", path, name, known);
        }
    }
    for (path, name) in &raw.mentions.services {
        if !index.services.contains_key(name.value.as_str()) {
            let known = index.services.keys().copied();
            unknown(context, Kind::UnknownService, "service", path, name, known);
        }
    }
    for domain in &raw.domains {
        for name in &domain.probes {
            known_probe(context, index, &format!("{}.probes", domain.path), name);
        }
    }
    let domains: BTreeSet<&str> = raw.domains.iter().map(|domain| &*domain.name.value).collect();
    for service in &raw.services {
        let path = &service.shared.settings.path;
        for name in service.depends_on.iter().filter(|name| !domains.contains(&*name.value)) {
            let path = format!("{path}.depends_on");
            let known = domains.iter().copied();
            unknown(context, Kind::UnknownDomain, "domain", &path, name, known);
        }
        for table in &service.tables {
            if let Some(ready) = &table.ready_probe {
                known_probe(context, index, &ready.settings.path, &ready.name);
            }
        }
    }
}

/// Warns of sentinels that stand on a watched cloud, as far as an address says so without asking anybody.
fn sentinels_on_clouds(context: Context<'_>, raw: &Raw) {
    for (ip, place) in &raw.sentinel_addresses {
        let cloud =
            raw.providers.iter().find(|each| each.networks.iter().any(|net| net.contains(*ip)));
        if let Some(cloud) = cloud {
            let said = format!("`{ip}` stands on `{}`, which is watched", cloud.name.value);
            let problem = Problem::new(Kind::SentinelOnCloud, "sentinel.tls", *place, said);
            context.sink.report(problem.label("fails together with it").expected("neutral ground"));
        }
    }
}

/// Warns of maintenance windows that no check fits; a misspelt key is the name of a label, which nobody has.
fn unused_maintenance(
    context: Context<'_>,
    raw: &Raw,
    services: &[Service],
    checks: &[Arc<Check>],
) {
    for At { value: window, place } in &raw.maintenance {
        let fits = |service: &Service| {
            service
                .checks()
                .any(|index| window.matching.fits(&checks[index.get()], &service.labels))
        };
        if services.iter().any(fits) {
            continue;
        }
        let said = format!("no check fits `{}`", window.matching);
        let problem = Problem::new(Kind::UnusedMaintenance, "maintenance", *place, said)
            .label("has no effect");
        let labels = || services.iter().flat_map(|service| service.labels.keys());
        let mut keys = window.matching.iter().map(|(key, _)| key);
        let strange =
            keys.find(|key| !Matching::KEYS.contains(key) && labels().all(|label| label != key));
        context.sink.report(match strange {
            None => problem.hint("every key must fit; a key fits when one of its values does"),
            Some(key) => {
                let known = Matching::KEYS.into_iter().chain(labels().map(String::as_str));
                let expected = format!("{}, or a label of a service", one_of(&Matching::KEYS));
                problem.expected(expected).hint(match closest(key, known) {
                    Some(guess) => format!("did you mean `{guess}`?"),
                    None => format!("no service has a label `{key}`"),
                })
            }
        });
    }
}

/// Whether probes can be asked for over the listener.
#[derive(Clone, Copy)]
enum OnDemand {
    /// Somebody has said where they may lead.
    Wanted,
    /// Nobody has, and those who may ask are known.
    Possible,
    /// Nobody may.
    Closed,
}

fn on_demand(raw: &Raw) -> OnDemand {
    let here = raw.monitor.listen.as_ref().is_none_or(|at| at.value.ip().is_loopback());
    match &raw.listener.demand.networks {
        Some(networks) if networks.value.is_empty() => OnDemand::Closed,
        Some(_) => OnDemand::Wanted,
        None if here || !raw.listener.callers.is_empty() => OnDemand::Possible,
        None => OnDemand::Closed,
    }
}

/// Warns of probes and classes that nobody uses.
fn unused(context: Context<'_>, raw: &Raw, planned: &[Planned<'_>]) {
    let mut probes: BTreeSet<&str> = BTreeSet::new();
    let mut classes: BTreeSet<&str> = BTreeSet::new();
    for each in planned {
        let uses = each.sites.iter().flat_map(|site| &site.plans);
        probes.extend(uses.map(|plan| &*plan.probe.name.value));
        probes.extend(
            each.service
                .entry
                .iter()
                .filter_map(|entry| entry.probe.as_ref())
                .map(|usage| usage.name.value.as_str()),
        );
        let ready = each.service.tables.iter().filter_map(|table| table.ready_probe.as_ref());
        probes.extend(ready.map(|ready| ready.name.value.as_str()));
        classes.extend(each.service.class.iter().map(|name| name.value.as_str()));
    }
    // A service that could not be placed still names its probes.
    if planned.iter().any(|each| each.sites.is_empty()) {
        let services = raw.services.iter().map(|each| &each.shared);
        let shared = services.chain(raw.classes.iter().map(|each| &each.shared));
        let uses = shared.flat_map(|each| &each.probes).flat_map(|uses| &uses.value);
        probes.extend(uses.map(|usage| usage.name.value.as_str()));
    }
    probes.extend(
        raw.domains.iter().flat_map(|domain| &domain.probes).map(|name| name.value.as_str()),
    );
    classes.extend(raw.mentions.classes.iter().map(|(_, name)| name.value.as_str()));
    let unused = raw.probes.iter().filter(|probe| !probes.contains(&*probe.name.value));
    for probe in unused {
        let label = match (on_demand(raw), probe.is_for_demand()) {
            // Where somebody has said what may be probed on demand, a probe is there to be asked for.
            (OnDemand::Wanted, true) => continue,
            (OnDemand::Possible, true) => "runs only when it is asked for (`/probe`)",
            (OnDemand::Wanted | OnDemand::Possible, false) => {
                "never runs, also not when it is asked for (`/probe`)"
            }
            (OnDemand::Closed, _) => "never runs",
        };
        let said = format!("nothing uses the probe `{}`", probe.name.value);
        let path = probe.settings.path.clone();
        let problem = Problem::new(Kind::UnusedProbe, path, probe.name.place, said);
        let hint = if label.starts_with("never") {
            "name it in the `probes` of a service or class"
        } else {
            "name it in the `probes` of a service or class, or say in `listener.probe.networks` where it may lead"
        };
        context.sink.report(problem.label(label).hint(hint));
    }
    for class in raw.classes.iter().filter(|class| !classes.contains(&*class.name.value)) {
        let said = format!("no service is of the class `{}`", class.name.value);
        let path = class.shared.settings.path.clone();
        let problem = Problem::new(Kind::UnusedClass, path, class.name.place, said);
        context.sink.report(
            problem
                .label("has no effect")
                .hint(format!("add `class = \"{}\"` to a service", class.name.value)),
        );
    }
}
