//! The public name of a service on the page.
//!
//! Resolvers and the policy are shown whether or not they were written; marks and `failover_within` only where they were.
//!
//! It does not ask where the name leads.

use super::page::Page;
use super::place_of;
use crate::config::resolve::{Held, Index, Plan, Planned, Site};
use crate::model::{Service, human_duration};

pub(super) fn write(page: &mut Page<'_>, planned: &Planned<'_>, service: &Service) {
    let (Some(is), Some(said)) = (&service.entry, &planned.service.entry) else { return };
    let mut set = |key: &str, value: String, place| {
        page.set(&format!("entry.{key}"), value, &said.path, place);
    };
    set("host", is.host.to_string(), said.host.as_ref().map(|host| host.place));
    set("probe", is.probe.to_string(), said.probe.as_ref().map(|usage| usage.name.place));
    set("policy", is.policy.to_string(), place_of(said.policy.as_ref()));
    if let Some(within) = &said.failover_within {
        set("failover_within", human_duration(within.value), Some(within.place));
    }
    let listed = said.resolvers.as_ref().filter(|listed| !listed.value.is_empty());
    let asked = is.resolvers.iter().map(ToString::to_string).collect::<Vec<_>>();
    set("resolvers", asked.join(", "), place_of(listed));
    let raw = said.marks.iter().flat_map(|listed| &listed.value);
    for (number, (mark, raw)) in is.marks.iter().zip(raw).enumerate() {
        let text = format!("{} '{}' {}", mark.header, mark.matches, mark.provider);
        set(&format!("marks[{number}]"), text, Some(raw.matches.place));
    }
}

/// How `service` is looked at through its public name.
pub(super) fn look<'a>(
    index: &Index<'a>,
    planned: &Planned<'a>,
    service: &Service,
) -> Option<(Site<'a>, Plan<'a>)> {
    let (is, said) = (service.entry.as_ref()?, planned.service.entry.as_ref()?);
    let (host, usage) = (said.host.as_ref()?, said.probe.as_ref()?);
    let probe = index.probes.get(&*is.probe)?;
    let (mut site, plan) = planned.sites.first()?.as_entry(usage, probe, &is.host, host.place);
    site.host = Held::said(std::sync::Arc::clone(&is.host), &said.path, host.place);
    Some((site, plan))
}
