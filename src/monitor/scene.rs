//! What stands around an outage: from the states that the ledger joins and the picture of the references to the case that is
//! judged.
//!
//! [`Places`] is made once of the configuration: which services and canaries stand in each region of each provider, and which
//! references show each shared dependency. A [`Scene`] is one look at all of it, taken while something is down.
//!
//! It reads; it decides nothing (`blame` does) and keeps nothing.

use super::joint::{JointEndpoint, JointService};
use super::ledger::Ledger;
use super::peers::heard::Heard;
use super::references::ReferenceView;
use crate::blame::{self, About, Case, Failing, Region, Seen};
use crate::config::Config;
use crate::health::{Confirmed, join_parallel, join_serial};
use crate::model::{
    Check, CheckIndex, Plane, ProbeKind, Reason, ReferenceRole, Service, State, Timestamp, Verdict,
};
use crate::slo::joint::Scope;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where everything stands, as configured.
#[derive(Debug)]
pub struct Places {
    services: Arc<[Service]>,
    checks: Arc<[Arc<Check>]>,
    regions: Vec<Place>,
    /// The region of each endpoint of each service.
    of_endpoints: Vec<Vec<usize>>,
    /// The references that show each shared dependency.
    domains: BTreeMap<Arc<str>, Vec<usize>>,
}

/// A region of a provider.
#[derive(Debug)]
struct Place {
    provider: Arc<str>,
    region: Arc<str>,
    /// Canaries, as positions among the references.
    canaries: Vec<(Plane, usize)>,
    /// Services, each with its endpoints there that say something.
    services: Vec<(usize, Vec<usize>)>,
}

/// One look at everything that bears on blame.
pub struct Scene<'a> {
    places: &'a Places,
    ledger: &'a Ledger,
    references: &'a [ReferenceView],
    regions: Vec<Region>,
    heard: &'a Heard,
}

impl Places {
    /// Of a configuration; `services` and `checks` are its own.
    pub fn new(config: &Config, services: &Arc<[Service]>, checks: &Arc<[Arc<Check>]>) -> Self {
        let mut places = Self {
            services: Arc::clone(services),
            checks: Arc::clone(checks),
            regions: Vec::new(),
            of_endpoints: Vec::new(),
            domains: BTreeMap::new(),
        };
        for (number, service) in services.iter().enumerate() {
            let mut of_service = Vec::new();
            for (position, endpoint) in service.endpoints.iter().enumerate() {
                let place = places.place(&endpoint.provider, &endpoint.region);
                of_service.push(place);
                // A standby that nobody looks at may be asleep.
                if !endpoint.checks.iter().any(|it| endpoint.is_judged_by(&checks[it.get()])) {
                    continue;
                }
                let there = &mut places.regions[place].services;
                match there.last_mut().filter(|(last, _)| *last == number) {
                    Some((_, endpoints)) => endpoints.push(position),
                    None => there.push((number, vec![position])),
                }
            }
            places.of_endpoints.push(of_service);
        }
        for (position, reference) in config.references.iter().enumerate() {
            match reference.role {
                ReferenceRole::Canary { provider, canary, plane } => {
                    let provider = &config.providers[provider];
                    let canary = &provider.canaries[canary];
                    let place = places.place(&provider.name, &canary.region);
                    places.regions[place].canaries.push((plane, position));
                }
                ReferenceRole::Domain { domain } => {
                    let name = Arc::clone(&config.domains[domain].name);
                    places.domains.entry(name).or_default().push(position);
                }
                ReferenceRole::SentinelTls | ReferenceRole::SentinelName => {}
            }
        }
        places
    }

    fn place(&mut self, provider: &Arc<str>, region: &Arc<str>) -> usize {
        let known = |place: &Place| place.provider == *provider && place.region == *region;
        self.regions.iter().position(known).unwrap_or_else(|| {
            self.regions.push(Place {
                provider: Arc::clone(provider),
                region: Arc::clone(region),
                canaries: Vec::new(),
                services: Vec::new(),
            });
            self.regions.len() - 1
        })
    }

    /// The references whose word decides about an outage of `service`, as positions: canaries of the data plane where it
    /// stands, and its dependencies.
    pub fn deciding(&self, service: usize) -> impl Iterator<Item = usize> {
        let places = self.of_endpoints[service].iter();
        let canaries = places.flat_map(|place| &self.regions[*place].canaries);
        let data =
            canaries.filter(|(plane, _)| *plane == Plane::Data).map(|(_, position)| *position);
        let names = self.services[service].depends_on.iter();
        data.chain(names.filter_map(|name| self.domains.get(name)).flatten().copied())
    }
}

impl<'a> Scene<'a> {
    /// Looks; `heard` is what other vantage points said.
    pub fn look(
        places: &'a Places,
        ledger: &'a Ledger,
        references: &'a [ReferenceView],
        heard: &'a Heard,
    ) -> Self {
        let mut scene = Self { places, ledger, references, regions: Vec::new(), heard };
        scene.regions = places.regions.iter().map(|place| scene.region(place)).collect();
        scene
    }

    /// Every region in which something stands.
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// A service by its position.
    pub fn service(&self, service: usize) -> &Service {
        &self.places.services[service]
    }

    /// The id of a check.
    pub fn check_id(&self, check: CheckIndex) -> Arc<str> {
        self.places.checks[check.get()].id.shared()
    }

    /// The outage of `scope` of `service` that began at `began`, as it is seen at `at`.
    pub fn case(&self, service: usize, scope: Scope, began: Timestamp, at: Timestamp) -> Case<'_> {
        let joint = &self.ledger.joint().services()[service];
        let place = |position: usize| &self.regions[self.places.of_endpoints[service][position]];
        let sides = joint.sides.iter().map(|side| {
            let mut regions: Vec<&Region> = Vec::new();
            for endpoint in &side.endpoints {
                let region = place(endpoint.position);
                if !regions.iter().any(|known| std::ptr::eq(*known, region)) {
                    regions.push(region);
                }
            }
            let checks = side.endpoints.iter().flat_map(JointEndpoint::checks);
            let verdict = self.verdict(side.standing.state, checks);
            let seen = Seen { verdict, since: side.standing.since };
            blame::Side { provider: Arc::clone(&side.provider), seen, regions }
        });
        let about = match scope {
            Scope::Entry => About::Entry,
            Scope::Side(side) => About::Side(side),
            _ => About::Any,
        };
        let sides: Vec<_> = sides.collect();
        let regions = sides.iter().flat_map(|side: &blame::Side<'_>| &side.regions);
        let is_bad = |region: &&&Region| region.data_plane() == Verdict::Bad;
        let bad: Vec<_> = regions.filter(is_bad).map(|region| region.place()).collect();
        Case {
            at,
            began,
            service,
            about,
            shared: self.shared(service),
            sides,
            only_names: blame::only_names(self.reasons(service, scope)),
            others: self.heard.others(self.subject(service, scope), (began, at)),
            elsewhere: self.heard.elsewhere(&bad, (began, at)),
        }
    }

    /// What an outage is about, as other vantage points are asked: with the provider of its side.
    fn subject(&self, service: usize, scope: Scope) -> (&str, Scope, Option<&str>) {
        let sides = &self.ledger.joint().services()[service].sides;
        let provider = match scope {
            Scope::Side(side) => Some(&*sides[side].provider),
            _ => None,
        };
        (&self.places.services[service].name, scope, provider)
    }

    /// Whether other vantage points have said of an outage since `began` what they can, or cannot be asked.
    pub fn is_vouched(
        &self,
        service: usize,
        scope: Scope,
        began: Timestamp,
        at: Timestamp,
    ) -> bool {
        self.heard.is_settled(self.subject(service, scope), (began, at))
    }

    /// The checks of `scope` of `service` that are down.
    pub fn failing(&self, service: usize, scope: Scope) -> impl Iterator<Item = CheckIndex> {
        let joint = &self.ledger.joint().services()[service];
        let is_of = move |side: &usize| match scope {
            Scope::Side(of) => of == *side,
            Scope::Entry => false,
            _ => true,
        };
        let sides = joint.sides.iter().enumerate().filter(move |(n, _)| is_of(n));
        let endpoints = sides.flat_map(|(_, side)| &side.endpoints);
        let entry = self.service(service).entry.as_ref().map(|entry| entry.check);
        let checks = endpoints.flat_map(JointEndpoint::checks);
        let checks = checks.chain(entry.filter(|_| scope == Scope::Entry));
        checks.filter(|check| self.ledger.track(*check).state() == State::Down)
    }

    /// Whether everything that would decide about an outage since `began` has been looked at since and is good, so that
    /// waiting for it would change nothing.
    pub fn is_settled(&self, service: usize, began: Timestamp) -> bool {
        self.places.deciding(service).all(|position| {
            let view = &self.references[position];
            let looked = view.last.as_ref().is_some_and(|last| last.at >= began);
            looked && seen(view).verdict == Verdict::Good
        })
    }

    fn region(&self, place: &Place) -> Region {
        let canary = |(plane, position): &(Plane, usize)| blame::Canary {
            plane: *plane,
            seen: seen(&self.references[*position]),
        };
        let mut services = 0;
        let mut failing = Vec::new();
        for (service, positions) in &place.services {
            let joint = &self.ledger.joint().services()[*service];
            let (state, since) = joined_there(joint, positions, self.service(*service).side);
            match state {
                State::Up | State::Degraded => services += 1,
                State::Down => {
                    services += 1;
                    let shared = self.shared(*service).into_iter();
                    let bad = shared.filter(|(_, seen)| seen.verdict == Verdict::Bad);
                    let bad = bad.map(|(name, _)| name).collect();
                    failing.push(Failing { service: *service, since, bad });
                }
                State::Maintenance | State::Unknown => {}
            }
        }
        Region {
            provider: Arc::clone(&place.provider),
            region: Arc::clone(&place.region),
            canaries: place.canaries.iter().map(canary).collect(),
            services,
            failing,
        }
    }

    /// What is seen of the shared dependencies that a service declares.
    fn shared(&self, service: usize) -> Vec<(Arc<str>, Seen)> {
        let names = self.service(service).depends_on.iter();
        let of = |name: &Arc<str>| {
            let looks = self.places.domains.get(name)?.iter().map(|it| seen(&self.references[*it]));
            // One bad look makes it bad; all have to be good to make it good.
            let worst = looks.max_by_key(|seen| match seen.verdict {
                Verdict::Good => 0,
                Verdict::Unknown => 1,
                Verdict::Bad => 2,
            });
            Some((Arc::clone(name), worst?))
        };
        names.filter_map(of).collect()
    }

    /// Why each check that fails does, and whether it is a DNS probe.
    fn reasons(&self, service: usize, scope: Scope) -> impl Iterator<Item = (Reason, bool)> {
        self.failing(service, scope).filter_map(|check| {
            let reason = self.ledger.track(check).reason()?;
            let is_dns = matches!(self.places.checks[check.get()].spec.kind, ProbeKind::Dns(_));
            Some((reason, is_dns))
        })
    }

    /// What a joined state says; nothing while a failure below it is not confirmed.
    fn verdict(&self, state: State, mut checks: impl Iterator<Item = CheckIndex>) -> Verdict {
        match state {
            State::Up => Verdict::Good,
            State::Down => Verdict::Bad,
            State::Degraded if !checks.any(|check| self.is_doubted(check)) => Verdict::Good,
            State::Degraded | State::Maintenance | State::Unknown => Verdict::Unknown,
        }
    }

    /// Whether the last runs of a check speak against what is confirmed of it.
    fn is_doubted(&self, check: CheckIndex) -> bool {
        let health = self.ledger.track(check).memory().health;
        health.confirmed != Confirmed::Down && health.against > 0
    }
}

/// The state of a service in one region, over its endpoints there, and since when the last of them has it.
fn joined_there(
    joint: &JointService,
    positions: &[usize],
    rule: crate::model::Side,
) -> (State, Timestamp) {
    let endpoints = || joint.sides.iter().flat_map(|side| &side.endpoints);
    let there = || endpoints().filter(|endpoint| positions.contains(&endpoint.position));
    let states = there().map(|endpoint| endpoint.standing.state);
    let state = match rule {
        crate::model::Side::Any => join_parallel(states),
        crate::model::Side::All => join_serial(states),
    };
    let of_state = there().filter(|endpoint| endpoint.standing.state == state);
    (state, of_state.map(|endpoint| endpoint.standing.since).max().unwrap_or_default())
}

/// What is seen of a reference; nothing while a failure is not confirmed.
pub(super) fn seen(view: &ReferenceView) -> Seen {
    let doubted = || view.last.as_ref().is_some_and(|last| last.verdict == Verdict::Bad);
    let verdict = match view.standing.state {
        State::Up => Verdict::Good,
        State::Down => Verdict::Bad,
        State::Degraded if !doubted() => Verdict::Good,
        State::Degraded | State::Maintenance | State::Unknown => Verdict::Unknown,
    };
    Seen { verdict, since: view.standing.since }
}
