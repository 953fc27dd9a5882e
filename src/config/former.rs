//! `formerly`: the ids that a check had before something in its name was renamed, so that its history is found again.
//!
//! Services, endpoints, probes, providers (for the endpoints named after them) and single uses of a probe say what they
//! were called; a check was known under every combination. A service may also give whole ids. An id that some check has
//! now, or that two checks claim, is an error: two histories would become one.
//!
//! It does not know whether there is any history.

use super::decode::Context;
use super::problem::{Kind, Problem};
use super::resolve::{Plan, Planned, Site};
use super::source::{At, Place};
use crate::model::CheckId;
use std::collections::{BTreeMap, BTreeSet};

/// An id that a check had.
pub(super) struct Former<'a> {
    pub(super) id: String,
    /// The table with a name that made it, and where that name stands.
    pub(super) table: &'a str,
    pub(super) place: Place,
}

/// A name that a part of an id has or had; what it has now was said by nobody here.
type Name<'n, 'a> = (&'n str, Option<(&'a str, Place)>);

/// Former ids of the check that `plan` becomes, each once.
pub(super) fn ids<'a>(site: &Site<'a>, plan: &Plan<'a>) -> Vec<Former<'a>> {
    let (service, provider) = (site.service, site.provider);
    let mut services = vec![(&*service.name.value, None)];
    let whole = |former: &&At<String>| is_id(former);
    let path = service.shared.settings.path.as_str();
    services.extend(before(path, &service.formerly).filter(|(name, _)| !name.contains('/')));
    let mut endpoints = vec![(&*site.name, None)];
    if let Some(table) = site.table {
        endpoints.extend(before(&table.settings.path, &table.formerly));
    }
    if *site.name == *provider.name.value {
        endpoints.extend(before(&provider.path, &provider.formerly));
    }
    let mut probes = vec![(&*plan.probe.name.value, None)];
    probes.extend(before(&plan.usage.settings.path, &plan.usage.formerly));
    probes.extend(before(&plan.probe.settings.path, &plan.probe.formerly));
    let mut formers = combinations(&services, &endpoints, &probes);
    let has = |names: &[Name<'_, '_>], part: &str| names.iter().any(|(name, _)| *name == part);
    for former in service.formerly.iter().filter(whole) {
        let (_, endpoint, probe) = parts(&former.value).unwrap_or_default();
        if has(&endpoints, endpoint) && has(&probes, probe) {
            formers.push(Former { id: former.value.clone(), table: path, place: former.place });
        }
    }
    let mut seen = BTreeSet::new();
    formers.retain(|former| seen.insert(former.id.clone()));
    formers
}

fn before<'n, 'a: 'n>(
    table: &'a str,
    formerly: &'a [At<String>],
) -> impl Iterator<Item = Name<'n, 'a>> {
    formerly.iter().map(move |name| (name.value.as_str(), Some((table, name.place))))
}

fn combinations<'a>(
    services: &[Name<'_, 'a>],
    endpoints: &[Name<'_, 'a>],
    probes: &[Name<'_, 'a>],
) -> Vec<Former<'a>> {
    let mut formers = Vec::new();
    for (service, of_service) in services {
        for (endpoint, of_endpoint) in endpoints {
            for (probe, of_probe) in probes {
                // Where nobody said anything, nothing was renamed: that is the id it has.
                if let Some((table, place)) = of_probe.or(*of_endpoint).or(*of_service) {
                    let id = format!("{service}/{endpoint}/{probe}");
                    formers.push(Former { id, table, place });
                }
            }
        }
    }
    formers
}

fn is_id(former: &At<String>) -> bool {
    former.value.contains('/')
}

/// Service, endpoint and probe of an id.
fn parts(id: &str) -> Option<(&str, &str, &str)> {
    let (service, rest) = id.split_once('/')?;
    let (endpoint, probe) = rest.split_once('/')?;
    let whole = ![service, endpoint, probe].contains(&"") && !probe.contains('/');
    whole.then_some((service, endpoint, probe))
}

/// Reports former ids that are in use, that two checks claim, or that belong to no check.
pub(super) fn check(context: Context<'_>, planned: &[Planned<'_>]) {
    let all = || {
        let sites = planned.iter().flat_map(|each| &each.sites);
        sites.flat_map(|site| site.plans.iter().map(move |plan| (site, plan)))
    };
    let mut claimed: Claims<'_> = BTreeMap::new();
    for (site, plan) in all() {
        for former in ids(site, plan) {
            let heir = site.check_id(plan);
            let Some((other, first)) = claimed.get(&former.id) else {
                claimed.insert(former.id.clone(), (heir, former));
                continue;
            };
            let said = format!("`{heir}` and `{other}` were both called `{}`", former.id);
            let path = format!("{}.formerly", former.table);
            let problem = Problem::new(Kind::DuplicateFormerly, path, former.place, said)
                .label(format!("claims it for `{heir}`"))
                .also(first.place, format!("claims it for `{other}`"))
                .hint("the history of a check can go on in one other only");
            context.sink.report(problem);
        }
    }
    if !claimed.is_empty() {
        for (site, plan) in all() {
            let id = site.check_id(plan);
            if let Some((heir, former)) = claimed.get(id.as_str()) {
                let said = format!("`{heir}` cannot have been `{id}`: that check is still there");
                let path = format!("{}.formerly", former.table);
                let problem = Problem::new(Kind::FormerlyInUse, path, former.place, said)
                    .label("names a check of today")
                    .hint(format!("remove the check `{id}`, or leave its name out here"));
                context.sink.report(problem);
            }
        }
    }
    for each in planned {
        whole_ids(context, each, &claimed);
    }
}

/// Former ids, and which check claims them.
type Claims<'a> = BTreeMap<String, (CheckId, Former<'a>)>;

/// Reports whole ids that are none, or that no check of their service takes.
fn whole_ids(context: Context<'_>, planned: &Planned<'_>, claimed: &Claims<'_>) {
    let path = format!("{}.formerly", planned.service.shared.settings.path);
    for former in planned.service.formerly.iter().filter(|former| is_id(former)) {
        let why = match parts(&former.value) {
            None => "it has not three parts",
            Some(_) if planned.sites.is_empty() || claimed.contains_key(&former.value) => continue,
            Some(_) => "no check of this service has or had its endpoint and probe",
        };
        let said = format!("`{}` is not the former id of a check", former.value);
        let problem = Problem::new(Kind::BadFormerly, path.as_str(), former.place, said)
            .label(why)
            .expected("the former name of the service, or `service/endpoint/probe`")
            .hint("a renamed endpoint or probe says so in its own table: `formerly = [\"…\"]`");
        context.sink.report(problem);
    }
}
