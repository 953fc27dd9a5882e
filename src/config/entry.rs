//! The public name of a service: who is asked where it leads, and what names the cloud behind an edge.
//!
//! What can never be told (clouds behind an edge that look the same, addresses that mean no cloud) or measured (a failover
//! that has to be quicker than we look) is warned of, because it would be believed in.
//!
//! It asks nobody where a name leads: it only sees whether anything could say so.

use super::decode::Context;
use super::problem::{Kind, Problem};
use super::raw::{Raw, RawEntry, RawKind, RawProbe, bad_pattern};
use super::resolve::{Index, Planned, fill};
use super::template::Position;
use super::validate::known_provider;
use crate::failover::address_of;
use crate::model::{
    AskedResolver, CheckIndex, Endpoint, Entry, EntryPolicy, HttpSpec, Mark, Pattern, ProbeKind,
    Shape, Spec, human_duration,
};
use std::sync::Arc;
use std::time::Duration;

/// The resolvers that are asked where an entry leads: the host's own unless others are named.
pub(super) fn resolvers(entry: &RawEntry) -> Vec<AskedResolver> {
    let mut resolvers: Vec<AskedResolver> = Vec::new();
    for resolver in entry.resolvers.iter().flat_map(|listed| &listed.value) {
        if !resolvers.contains(&resolver.value) {
            resolvers.push(resolver.value);
        }
    }
    if resolvers.is_empty() { vec![AskedResolver::System] } else { resolvers }
}

/// The marks of an entry with their patterns compiled; what cannot be used is reported.
pub(super) fn marks(
    context: Context<'_>,
    index: &Index<'_>,
    planned: &Planned<'_>,
    entry: &RawEntry,
) -> Arc<[Mark]> {
    let listed = entry.marks.iter().flat_map(|listed| &listed.value).enumerate();
    let read = listed.filter_map(|(number, raw)| {
        let path = format!("{}.marks[{number}]", entry.path);
        known_provider(context, index, &format!("{path}.provider"), &raw.provider);
        // What a placeholder means is what it means on the cloud that the mark names.
        let mut sites = planned.sites.iter();
        let own = sites.find(|site| *site.provider.name.value == *raw.provider.value);
        let site = own.or(planned.sites.first())?;
        let path = format!("{path}.matches");
        let text = fill(context, &raw.matches, Position::Pattern, &path, site, None)?;
        let matches = match regex::bytes::Regex::new(&text) {
            Ok(pattern) => Pattern::new(pattern),
            Err(error) => {
                context.sink.report(bad_pattern(&path, &raw.matches, &text, &error));
                return None;
            }
        };
        let provider = raw.provider.value.as_str().into();
        Some(Mark { header: raw.header.clone(), matches, provider })
    });
    read.collect()
}

/// Warns of what can never be told or measured about `entry`, a service's public name.
pub(super) fn check(
    context: Context<'_>,
    raw: &Raw,
    said: &RawEntry,
    (entry, endpoints): (&Entry, &[Endpoint]),
    certain: Option<Duration>,
) {
    let place =
        said.host.as_ref().map(|host| host.place).or(said.policy.as_ref().map(|at| at.place));
    let Some(place) = place else { return };
    marks_unused(context, raw, said);
    let policy = said.policy.as_ref().map_or(place, |policy| policy.place);
    if entry.policy == EntryPolicy::Edge && entry.marks.is_empty() {
        let problem = Problem::new(
            Kind::EdgeWithoutMarks,
            format!("{}.policy", said.path),
            policy,
            "nothing tells the clouds behind this edge apart",
        )
        .label("its addresses are the same whichever cloud serves")
        .expected(
            "`marks = [{ header = \"x-served-by\", matches = \"^aws-\", provider = \"aws\" }]`",
        )
        .hint("let each cloud name itself in a header of its responses");
        context.sink.report(problem);
    } else if entry.policy == EntryPolicy::Failover
        && entry.marks.is_empty()
        && !has_addresses(raw, endpoints)
    {
        let said_so = format!("no address of `{}` can be told to be a cloud's", entry.host);
        let problem =
            Problem::new(Kind::EntryUnmapped, format!("{}.host", said.path), place, said_so)
                .label("where it leads is known only as far as the endpoints' own names say it")
                .expected(
                    "`networks` in each provider, endpoints with literal addresses, or `marks`",
                );
        context.sink.report(problem);
    }
    if let (Some(within), Some(certain)) = (&said.failover_within, certain)
        && within.value < certain
    {
        let text =
            format!("a failover within `{}` cannot be measured", human_duration(within.value));
        let problem = Problem::new(
            Kind::FailoverUnmeasurable,
            format!("{}.failover_within", said.path),
            within.place,
            text,
        )
        .label(format!("an outage is only certain after {}", human_duration(certain)))
        .hint("look more often (`interval`, `recheck`), or allow more time");
        context.sink.report(problem);
    }
}

/// Warns of marks that are looked for where no header comes: only HTTP has any.
fn marks_unused(context: Context<'_>, raw: &Raw, said: &RawEntry) {
    let (Some(marks), Some(usage)) = (&said.marks, &said.probe) else { return };
    let named = |probe: &&RawProbe| *probe.name.value == *usage.name.value;
    let Some(probe) = raw.probes.iter().find(named).filter(|_| !marks.value.is_empty()) else {
        return;
    };
    let protocol = match probe.kind {
        Some(RawKind::Tcp(_)) => "tcp",
        Some(RawKind::Dns(_)) => "dns",
        Some(RawKind::Exec(_)) => "exec",
        Some(RawKind::Icmp(_)) => "icmp",
        Some(RawKind::Grpc(_)) => "grpc",
        Some(RawKind::Http(_)) | None => return,
    };
    let text = format!("a {protocol} probe sees no headers, in which marks are looked for");
    let path = format!("{}.marks", said.path);
    let problem = Problem::new(Kind::MarksUnused, path, marks.place, text)
        .label("has no effect")
        .also(usage.name.place, format!("`{}` is a {protocol} probe", probe.name.value));
    context.sink.report(problem.hint("look through the public name with an http probe"));
}

/// Whether addresses alone can say which cloud is meant: networks of a provider, or literal addresses of endpoints.
fn has_addresses(raw: &Raw, endpoints: &[Endpoint]) -> bool {
    let literal = |endpoint: &Endpoint| address_of(&endpoint.host).is_ok();
    let networks = |endpoint: &Endpoint| {
        let mut providers = raw.providers.iter();
        providers.any(|each| each.name.value == endpoint.provider && !each.networks.is_empty())
    };
    endpoints.iter().any(|endpoint| literal(endpoint) || networks(endpoint))
}

/// How long it takes at most until an outage of one of these checks is certain, by the quickest of them.
pub(super) fn certain_after(
    endpoints: &[Endpoint],
    shape: impl Fn(CheckIndex) -> Shape,
) -> Option<Duration> {
    let checks = endpoints.iter().flat_map(|endpoint| &endpoint.checks);
    checks.map(|check| shape(*check).certain_after()).min()
}

/// The spec of the entry's check: that of its probe, with an eye on marks.
pub(super) fn with_marks(spec: Arc<Spec>, marks: &Arc<[Mark]>) -> Arc<Spec> {
    match &spec.kind {
        ProbeKind::Http(http) if !marks.is_empty() => {
            let http = HttpSpec { marks: Arc::clone(marks), ..(**http).clone() };
            Arc::new(Spec { kind: ProbeKind::Http(Box::new(http)), ..(*spec).clone() })
        }
        _ => spec,
    }
}
