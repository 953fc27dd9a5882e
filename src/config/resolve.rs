//! What holds for each check: inheritance, classes, endpoints from providers, values of placeholders.
//!
//! The order is `defaults` < `probe` < `class` < `service` < `endpoint` < one `{ use = … }`; the nearest that says
//! something wins, lists replace, vars and labels merge. A provider stands right above `defaults`: it gives its endpoints
//! their host, region and vars. The result is a list of [`Plan`]s that borrow from what was read, so that the same walk
//! serves the daemon and `validate --effective`.
//!
//! It builds nothing and checks only that what is named exists.

use super::decode::Context;
use super::problem::{Kind, Problem, closest};
use super::raw::{
    Raw, RawClass, RawEndpoint, RawObjective, RawProbe, RawProvider, RawService, Settings, Shared,
    Texts, Use,
};
use super::source::{At, Place};
use super::template::{Position, Template, Unfilled};
use crate::model::CheckId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where a value came from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin<'a> {
    /// Nobody said anything.
    Default,
    /// This table said it, there.
    Said { table: &'a str, place: Place },
}

/// A value and where it came from.
#[derive(Clone, Debug)]
pub(super) struct Held<'a, T> {
    pub(super) value: T,
    pub(super) origin: Origin<'a>,
}

impl<'a, T> Held<'a, T> {
    pub(super) fn default(value: T) -> Self {
        Self { value, origin: Origin::Default }
    }

    pub(super) fn said(value: T, table: &'a str, place: Place) -> Self {
        Self { value, origin: Origin::Said { table, place } }
    }
}

/// An endpoint of a service with what it inherits.
#[derive(Debug)]
pub(super) struct Site<'a> {
    pub(super) defaults: &'a Settings,
    pub(super) service: &'a RawService,
    pub(super) class: Option<&'a RawClass>,
    pub(super) provider: &'a RawProvider,
    pub(super) table: Option<&'a RawEndpoint>,
    pub(super) name: Arc<str>,
    pub(super) region: Held<'a, Arc<str>>,
    pub(super) host: Held<'a, Arc<str>>,
    pub(super) plans: Vec<Plan<'a>>,
}

/// One check to be: a use of a probe on an endpoint.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) usage: &'a Use,
    pub(super) probe: &'a RawProbe,
}

/// A service with its endpoints.
#[derive(Debug)]
pub(super) struct Planned<'a> {
    pub(super) service: &'a RawService,
    pub(super) class: Option<&'a RawClass>,
    pub(super) sites: Vec<Site<'a>>,
}

impl<'a> Planned<'a> {
    /// What the service promises; its own list replaces that of its class.
    pub(super) fn objectives(&self) -> &'a [RawObjective] {
        let shared = [Some(&self.service.shared), self.class.map(|class| &class.shared)];
        let said = shared.into_iter().flatten().find_map(|each| each.objectives.as_ref());
        said.map_or(&[], |objectives| objectives)
    }
}

/// Names to what they name.
pub(super) struct Index<'a> {
    pub(super) providers: BTreeMap<&'a str, &'a RawProvider>,
    pub(super) probes: BTreeMap<&'a str, &'a RawProbe>,
    pub(super) classes: BTreeMap<&'a str, &'a RawClass>,
    pub(super) services: BTreeMap<&'a str, &'a RawService>,
}

impl<'a> Index<'a> {
    /// Every name once; a name that is taken is reported and its second owner left out.
    pub(super) fn new(context: Context<'_>, raw: &'a Raw) -> Self {
        Self {
            providers: by_name(context, Kind::DuplicateProvider, "provider", &raw.providers),
            probes: by_name(context, Kind::DuplicateProbe, "probe", &raw.probes),
            classes: by_name(context, Kind::DuplicateClass, "class", &raw.classes),
            services: by_name(context, Kind::DuplicateService, "service", &raw.services),
        }
    }
}

/// What has a name of its own in the configuration.
trait Named {
    fn name(&self) -> &At<Arc<str>>;
}

impl Named for RawProvider {
    fn name(&self) -> &At<Arc<str>> {
        &self.name
    }
}

impl Named for RawProbe {
    fn name(&self) -> &At<Arc<str>> {
        &self.name
    }
}

impl Named for RawClass {
    fn name(&self) -> &At<Arc<str>> {
        &self.name
    }
}

impl Named for RawService {
    fn name(&self) -> &At<Arc<str>> {
        &self.name
    }
}

fn by_name<'a, T: Named>(
    context: Context<'_>,
    kind: Kind,
    word: &str,
    list: &'a [T],
) -> BTreeMap<&'a str, &'a T> {
    let mut index: BTreeMap<&str, &T> = BTreeMap::new();
    for each in list {
        let name = each.name();
        if let Some(first) = index.get(&*name.value) {
            let path = format!("{word}.{}", name.value);
            let said = format!("there is a second {word} named `{}`", name.value);
            let problem = Problem::new(kind, path, name.place, said)
                .label("used again here")
                .also(first.name().place, "first used here")
                .hint("give one of them another name");
            context.sink.report(problem);
        } else {
            index.insert(&name.value, each);
        }
    }
    index
}

/// Reports a name that nothing has, with the nearest that something has.
pub(super) fn unknown<'n>(
    context: Context<'_>,
    kind: Kind,
    word: &str,
    path: &str,
    name: &At<String>,
    known: impl Iterator<Item = &'n str>,
) {
    let known: Vec<_> = known.collect();
    let said = format!("there is no {word} `{}`", name.value);
    let problem = Problem::new(kind, path, name.place, said).label("nothing has this name");
    let problem = match closest(&name.value, known.iter().copied()) {
        Some(guess) => problem.hint(format!("did you mean `{guess}`?")),
        None if known.is_empty() => problem.hint(format!("add `[{word}.{}]`", name.value)),
        None => problem,
    };
    // A long list of names helps nobody.
    let problem = match known.len() {
        1..=12 => problem.expected(super::decode::one_of(&known)),
        _ => problem,
    };
    context.sink.report(problem);
}

/// Every service with its endpoints and the checks to be, in the order of the file.
pub(super) fn plan<'a>(context: Context<'_>, raw: &'a Raw, index: &Index<'a>) -> Vec<Planned<'a>> {
    let mut planned = Vec::with_capacity(raw.services.len());
    for service in &raw.services {
        let first_of_name = index.services.get(&*service.name.value);
        if !first_of_name.is_some_and(|first| std::ptr::eq(*first, service)) {
            continue;
        }
        let class = service.class.as_ref().and_then(|name| {
            let class = index.classes.get(name.value.as_str()).copied();
            if class.is_none() {
                let path = format!("{}.class", service.shared.settings.path);
                let known = index.classes.keys().copied();
                unknown(context, Kind::UnknownClass, "class", &path, name, known);
            }
            class
        });
        let walk = Walk { context, raw, index, service, class };
        // A class that is missing has been reported; what it would have said is not missed again.
        let sites =
            if service.class.is_some() && class.is_none() { Vec::new() } else { walk.sites() };
        planned.push(Planned { service, class, sites });
    }
    planned
}

/// One service on its way to its endpoints.
struct Walk<'a, 'c> {
    context: Context<'c>,
    raw: &'a Raw,
    index: &'c Index<'a>,
    service: &'a RawService,
    class: Option<&'a RawClass>,
}

impl<'a> Walk<'a, '_> {
    fn sites(&self) -> Vec<Site<'a>> {
        let service = self.service;
        let endpoints = self.endpoints();
        if endpoints.is_empty() {
            let said = format!("`{}` has no endpoint", service.name.value);
            let path = service.shared.settings.path.clone();
            let problem = Problem::new(Kind::NoEndpoints, path.clone(), service.name.place, said)
                .label("stands nowhere")
                .expected("a provider with a `host`, or an endpoint of its own")
                .hint(match self.raw.providers.first() {
                    Some(provider) => format!(
                        "add `host = \"{{service}}.example.com\"` to `[{}]`, or `[{path}.endpoint.{}]` with a `host`",
                        provider.path, provider.name.value
                    ),
                    None => "add `[provider.NAME]` with a `host`".to_owned(),
                });
            self.context.sink.report(problem);
        }
        endpoints
            .into_iter()
            .filter_map(|(name, place, table)| self.site(&name, place, table))
            .collect()
    }

    /// Names of the endpoints, in order: those of `endpoints` or of every provider with a `host`, then the tables.
    fn endpoints(&self) -> Vec<(Arc<str>, Place, Option<&'a RawEndpoint>)> {
        let service = self.service;
        let table_of = |name: &str| service.tables.iter().find(|table| &*table.name.value == name);
        let shared = [Some(&service.shared), self.class.map(|class| &class.shared)];
        let listed = shared.into_iter().flatten().find_map(|shared| shared.endpoints.as_ref());
        let mut endpoints: Vec<(Arc<str>, Place, Option<&RawEndpoint>)> = match listed {
            Some(listed) => listed
                .value
                .iter()
                .map(|name| (name.value.as_str().into(), name.place, table_of(&name.value)))
                .collect(),
            None => self
                .raw
                .providers
                .iter()
                .filter(|provider| provider.host.is_some())
                .map(|provider| {
                    let name = Arc::clone(&provider.name.value);
                    (Arc::clone(&name), service.name.place, table_of(&name))
                })
                .collect(),
        };
        let mut seen = BTreeSet::new();
        endpoints.retain(|(name, ..)| seen.insert(Arc::clone(name)));
        for table in &service.tables {
            if seen.insert(Arc::clone(&table.name.value)) {
                endpoints.push((Arc::clone(&table.name.value), table.name.place, Some(table)));
            }
        }
        endpoints
    }

    fn site(
        &self,
        name: &Arc<str>,
        place: Place,
        table: Option<&'a RawEndpoint>,
    ) -> Option<Site<'a>> {
        let provider = self.provider_of(name, place, table)?;
        let region = match (table.and_then(|table| table.region.as_ref()), &provider.region) {
            (Some(own), _) => {
                let path = &table.expect("it gave the region").settings.path;
                Held::said(Arc::clone(&own.value), path.as_str(), own.place)
            }
            (None, Some(given)) => {
                Held::said(Arc::clone(&given.value), provider.path.as_str(), given.place)
            }
            (None, None) => Held::default("".into()),
        };
        let mut site = Site {
            defaults: &self.raw.defaults,
            service: self.service,
            class: self.class,
            provider,
            table,
            name: Arc::clone(name),
            region,
            host: Held::default("".into()),
            plans: Vec::new(),
        };
        site.host = self.host_of(&site, place)?;
        site.plans = self.plans(&site);
        Some(site)
    }

    fn provider_of(
        &self,
        name: &Arc<str>,
        place: Place,
        table: Option<&'a RawEndpoint>,
    ) -> Option<&'a RawProvider> {
        let said = table.and_then(|table| table.provider.as_ref());
        let wanted = said.cloned().unwrap_or_else(|| At::new(name.to_string(), place));
        let found = self.index.providers.get(wanted.value.as_str()).copied();
        if found.is_none() {
            let path = match (said, table) {
                (Some(_), Some(table)) => format!("{}.provider", table.settings.path),
                (None, Some(table)) => table.settings.path.clone(),
                _ => format!("{}.endpoints", self.service.shared.settings.path),
            };
            let known = self.index.providers.keys().copied();
            unknown(self.context, Kind::UnknownProvider, "provider", &path, &wanted, known);
        }
        found
    }

    fn host_of(&self, site: &Site<'a>, place: Place) -> Option<Held<'a, Arc<str>>> {
        let own = site
            .table
            .and_then(|table| table.host.as_ref().map(|host| (host, table.settings.path.as_str())));
        let given = site.provider.host.as_ref().map(|host| (host, site.provider.path.as_str()));
        let Some((template, table)) = own.or(given) else {
            let said = format!("the endpoint `{}` has no host", site.name);
            let path = format!("{}.endpoint.{}", self.service.shared.settings.path, site.name);
            let problem = Problem::new(Kind::MissingKey, path, place, said)
                .label("needs `host`")
                .expected(format!("`host` here or in `[{}]`", site.provider.path));
            self.context.sink.report(problem);
            return None;
        };
        let path = format!("{table}.host");
        let host = fill(self.context, template, Position::Address, &path, site, None)?;
        match super::build::endpoint_host(&host) {
            Ok(()) => Some(Held::said(host.into(), table, template.place)),
            Err(why) => {
                let said = format!("`{host}` is not a host");
                let problem = Problem::new(Kind::BadHost, path, template.place, said)
                    .label(why)
                    .expected("a host name or an IP address, perhaps with a port");
                self.context.sink.report(problem);
                None
            }
        }
    }

    fn plans(&self, site: &Site<'a>) -> Vec<Plan<'a>> {
        let shared: [Option<&'a Shared>; 2] =
            [Some(&self.service.shared), self.class.map(|class| &class.shared)];
        let own = site.table.and_then(|table| table.probes.as_ref());
        let uses =
            own.or_else(|| shared.into_iter().flatten().find_map(|each| each.probes.as_ref()));
        let Some(uses) = uses.filter(|uses| !uses.value.is_empty()) else {
            let said = format!("nothing looks at `{}`", self.service.name.value);
            let path = self.service.shared.settings.path.clone();
            let problem = Problem::new(Kind::NoProbes, path, self.service.name.place, said)
                .label("has no `probes`")
                .expected("`probes = [\"…\"]` here or in its class");
            self.context.sink.report(problem);
            return Vec::new();
        };
        let mut seen: BTreeMap<&str, Place> = BTreeMap::new();
        let mut plans = Vec::with_capacity(uses.value.len());
        for usage in &uses.value {
            let name = usage.name.value.as_str();
            let path = &usage.settings.path;
            let Some(probe) = self.index.probes.get(name).copied() else {
                let known = self.index.probes.keys().copied();
                unknown(self.context, Kind::UnknownProbe, "probe", path, &usage.name, known);
                continue;
            };
            if let Some(first) = seen.insert(name, usage.name.place) {
                let id = CheckId::new(&self.service.name.value, &site.name, name);
                let said = format!("the probe `{name}` is used twice on one endpoint");
                let problem = Problem::new(Kind::DuplicateCheck, path, usage.name.place, said)
                    .label(format!("a second check `{id}`"))
                    .also(first, "first used here")
                    .hint("leave one out, or make a second probe of another name");
                self.context.sink.report(problem);
                continue;
            }
            plans.push(Plan { usage, probe });
        }
        plans.extend(self.ready(site, &seen));
        plans
    }

    /// What tells whether a standby could take over, unless it is among its probes already. A name that nothing has is
    /// reported with all others.
    fn ready(&self, site: &Site<'a>, seen: &BTreeMap<&str, Place>) -> Option<Plan<'a>> {
        let usage = site.table?.ready_probe.as_ref()?;
        let name = usage.name.value.as_str();
        let probe = self.index.probes.get(name).copied()?;
        (!seen.contains_key(name)).then_some(Plan { usage, probe })
    }
}

impl<'a> Site<'a> {
    /// The public name of the service as if it were an endpoint without a table, and its one check: a use of `probe` as
    /// the service uses it, or as `own` says where it does not.
    pub(super) fn as_entry(
        &self,
        own: &'a Use,
        probe: &'a RawProbe,
        host: &Arc<str>,
        place: Place,
    ) -> (Self, Plan<'a>) {
        let shared = [Some(&self.service.shared), self.class.map(|class| &class.shared)];
        let listed = shared.into_iter().flatten().find_map(|each| each.probes.as_ref());
        let usage = listed
            .and_then(|uses| uses.value.iter().find(|usage| usage.name.value == own.name.value));
        let site = Site {
            table: None,
            name: "entry".into(),
            host: Held::said(Arc::clone(host), own.settings.path.as_str(), place),
            plans: Vec::new(),
            region: self.region.clone(),
            ..*self
        };
        (site, Plan { usage: usage.unwrap_or(own), probe })
    }

    /// The tables that may say something about a check here, the nearest first.
    fn layers(&self, plan: Option<&Plan<'a>>) -> [Option<&'a Settings>; 6] {
        [
            plan.map(|plan| &plan.usage.settings),
            self.table.map(|table| &table.settings),
            Some(&self.service.shared.settings),
            self.class.map(|class| &class.shared.settings),
            plan.map(|plan| &plan.probe.settings),
            Some(self.defaults),
        ]
    }

    /// What the nearest table says.
    pub(super) fn inherited<T: Clone + 'a>(
        &self,
        plan: &Plan<'a>,
        of: impl Fn(&'a Settings) -> &'a Option<At<T>>,
    ) -> Option<Held<'a, T>> {
        self.layers(Some(plan)).into_iter().flatten().find_map(|layer| {
            let said = of(layer).as_ref()?;
            Some(Held::said(said.value.clone(), layer.path.as_str(), said.place))
        })
    }

    /// The value of a placeholder here.
    pub(super) fn value(&self, plan: Option<&Plan<'a>>, name: &str) -> Option<&str> {
        match name {
            "host" => Some(&*self.host.value).filter(|host| !host.is_empty()),
            // All of them are empty for a probe on demand that was not told them.
            "service" => Some(&*self.service.name.value).filter(|name| !name.is_empty()),
            "provider" => Some(&*self.provider.name.value).filter(|name| !name.is_empty()),
            "region" => Some(&*self.region.value).filter(|region| !region.is_empty()),
            "endpoint" => Some(&*self.name).filter(|name| !name.is_empty()),
            _ => {
                self.vars(plan).find_map(|(vars, _)| vars.get(name)).map(|text| text.value.as_str())
            }
        }
    }

    /// Every table of `vars` that counts here, the nearest first, with the name of its table.
    pub(super) fn vars(
        &self,
        plan: Option<&Plan<'a>>,
    ) -> impl Iterator<Item = (&'a Texts, &'a str)> {
        let layers = self.layers(plan);
        let provider = (&self.provider.vars, self.provider.path.as_str());
        let near =
            layers.into_iter().take(5).flatten().map(|layer| (&layer.vars, layer.path.as_str()));
        let far = (&self.defaults.vars, self.defaults.path.as_str());
        near.chain([provider, far])
    }

    /// The id of a check here.
    pub(super) fn check_id(&self, plan: &Plan<'_>) -> CheckId {
        CheckId::new(&self.service.name.value, &self.name, &plan.probe.name.value)
    }
}

/// A text with its placeholders replaced, or `None` when that is not possible, which is reported.
pub(super) fn fill<'a>(
    context: Context<'_>,
    template: &Template,
    position: Position,
    path: &str,
    site: &Site<'a>,
    plan: Option<&Plan<'a>>,
) -> Option<String> {
    let unfilled = match template.fill(position, |name| site.value(plan, name)) {
        Ok(text) => return Some(text),
        Err(unfilled) => unfilled,
    };
    let whose = match plan {
        Some(plan) => site.check_id(plan).to_string(),
        None => format!("{}/{}", site.service.name.value, site.name),
    };
    let problem = match unfilled {
        Unfilled::NoValue { name, place } => {
            let vars = site.vars(plan).flat_map(|(vars, _)| vars.keys().map(String::as_str));
            let known: Vec<_> = super::raw::BUILT_IN
                .into_iter()
                .chain(vars)
                .filter(|known| site.value(plan, known).is_some())
                .collect();
            let said = format!("`{{{name}}}` has no value");
            let problem = Problem::new(Kind::PlaceholderWithoutValue, path, place, said)
                .label(format!("nothing to put here for `{whose}`"))
                .expected(super::decode::one_of(&known));
            match closest(&name, known.iter().copied()) {
                Some(guess) => problem.hint(format!("did you mean `{{{guess}}}`?")),
                None if name == "region" => {
                    problem.hint("give the provider or the endpoint a `region`")
                }
                None if name == "host" => problem.hint("a host cannot be made of itself"),
                None => problem.hint(format!(
                    "give it one: `vars = {{ {name} = \"…\" }}`; a literal brace is written `{{{{`"
                )),
            }
        }
        Unfilled::Misplaced { name, value, place, why } => {
            let said = format!("`{value}` cannot stand for `{{{name}}}` here");
            Problem::new(Kind::MisplacedValue, path, place, said).label(why).hint(format!(
                "the value is that of `{whose}`; write the rest of the URL around it"
            ))
        }
    };
    context.sink.report(problem);
    None
}
