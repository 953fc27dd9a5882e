//! The public names under watch: what the recorder feeds them, and what is kept of them for faces.
//!
//! The rules of a failover are `failover`'s; here positions become names of services and providers, what was stored is taken
//! over, and the last failovers and drills of each service are held, bounded, for whoever asks. The recorder is the only writer;
//! the follower asks how often to look, faces read copies.
//!
//! It asks no name server and stores nothing by itself.

use crate::config::Config;
use crate::failover::{Cloud, Failover, Observation, PublicName, Share, Terms, Territory, Told};
use crate::model::{
    CheckIndex, EntryPolicy, FailoverCause, FailoverStep, Outcome, ProbeResult, Role, Service,
    State, Timestamp,
};
use crate::store::{self, Image};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A failover and a drill as they are kept, with names instead of positions.
pub use crate::store::{Drill as KeptDrill, Failover as KeptFailover};

/// Failovers, and drills, of each service that are held in memory.
const HELD: usize = 50;

/// The names under watch. Cloning it clones a handle.
#[derive(Clone)]
pub struct Entries {
    names: Arc<Mutex<BTreeMap<usize, Watched>>>,
    /// The service of each entry's check.
    checks: Arc<BTreeMap<CheckIndex, usize>>,
    providers: Arc<[Arc<str>]>,
}

/// One name.
#[derive(Clone, Debug)]
pub struct Watched {
    /// Name of the service.
    pub service: Arc<str>,
    /// The public name.
    pub host: Arc<str>,
    /// What is known of it.
    pub name: PublicName,
    /// The last failovers, the newest last.
    pub failovers: VecDeque<Failover>,
    /// The last drills, the newest last.
    pub drills: VecDeque<store::Drill>,
    /// How soon to look again while something happens.
    hurry: Duration,
}

impl Watched {
    /// How soon to look again.
    pub fn pace(&self) -> Duration {
        let interval = self.name.terms().interval;
        if self.name.is_eventful() { self.hurry.min(interval) } else { interval }
    }

    fn hold(&mut self, failover: &Failover) {
        let known = self.failovers.iter().position(|each| each.id == failover.id);
        put(&mut self.failovers, known, failover.clone());
    }

    fn hold_drill(&mut self, drill: &store::Drill) {
        let known = self.drills.iter().position(|each| each.id == drill.id);
        put(&mut self.drills, known, drill.clone());
    }
}

/// Puts a value in its place, or at the end, where the oldest goes if there are too many.
fn put<T>(held: &mut VecDeque<T>, known: Option<usize>, value: T) {
    if let Some(place) = known {
        held[place] = value;
        return;
    }
    if held.len() == HELD {
        held.pop_front();
    }
    held.push_back(value);
}

/// What the recorder is to log and store.
#[derive(Debug)]
pub struct News {
    /// Of which service.
    pub service: Arc<str>,
    /// What.
    pub told: Vec<Told>,
}

impl Entries {
    /// The names of this configuration, with what `image` remembers of them.
    pub fn new(config: &Config, image: Option<&Image>) -> Self {
        let providers: Arc<[Arc<str>]> =
            config.providers.iter().map(|provider| Arc::clone(&provider.name)).collect();
        let mut names = BTreeMap::new();
        let mut checks = BTreeMap::new();
        for (position, service) in config.services.iter().enumerate() {
            let Some(entry) = &service.entry else { continue };
            checks.insert(entry.check, position);
            let hosts = service.endpoints.iter().map(|each| (&*each.provider, &*each.host));
            let territory = Territory::new(&config.providers, hosts);
            let mut watched = Watched {
                service: Arc::clone(&service.name),
                host: Arc::clone(&entry.host),
                name: PublicName::new(terms(config, service, &providers), territory),
                failovers: VecDeque::new(),
                drills: VecDeque::new(),
                hurry: entry.shape.recheck.max(Duration::from_secs(1)),
            };
            if let Some(image) = image {
                recall(&mut watched, image, &providers);
            }
            names.insert(position, watched);
        }
        Self { names: Arc::new(Mutex::new(names)), checks: Arc::new(checks), providers }
    }

    /// Whether any name is watched.
    pub fn is_empty(&self) -> bool {
        self.checks.is_empty()
    }

    /// The check of the public name of a service, if it has one.
    pub fn check_of(&self, service: usize) -> Option<CheckIndex> {
        self.checks.iter().find(|(_, each)| **each == service).map(|(check, _)| *check)
    }

    /// The position of a service that has a public name.
    pub(super) fn position(&self, service: &str) -> Option<usize> {
        let names = self.lock();
        names.iter().find(|(_, watched)| *watched.service == *service).map(|(at, _)| *at)
    }

    /// The service at a position, if it has a public name.
    pub(super) fn name_of(&self, position: usize) -> Option<Arc<str>> {
        self.lock().get(&position).map(|watched| Arc::clone(&watched.service))
    }

    /// What is known in `old` goes on here; `services` says where each service is now. A name that is looked at as before, on
    /// the same clouds, does not notice; of another one the failovers and drills are known.
    pub(super) fn succeed(&self, old: &Self, services: &[Option<usize>]) {
        let before = old.all();
        let mut names = self.lock();
        for (was, watched) in before {
            let to = services.get(was).copied().flatten();
            let Some(mine) = to.and_then(|to| names.get_mut(&to)) else { continue };
            mine.drills.clone_from(&watched.drills);
            if mine.host == watched.host && self.providers == old.providers {
                mine.failovers.clone_from(&watched.failovers);
                mine.name.succeed(watched.name);
                continue;
            }
            let rows = watched.failovers.iter().map(|each| old.row(&watched.service, each));
            let kept = rows.filter_map(|row| failover_of(&row, &self.providers));
            mine.failovers = kept.collect();
            let on = mine.drills.back().filter(|drill| drill.ended_ms.is_none());
            let drill = on.map(|drill| Timestamp::from_millis(drill.started_ms));
            mine.name.recall(mine.failovers.make_contiguous(), drill);
        }
    }

    /// Names of the providers, by position.
    pub fn providers(&self) -> &[Arc<str>] {
        &self.providers
    }

    /// A copy of what is known of every name, by position of its service.
    pub fn all(&self) -> BTreeMap<usize, Watched> {
        self.lock().clone()
    }

    /// Calls `read` with every name, in the order of the configuration.
    pub fn each(&self, mut read: impl FnMut(&Watched)) {
        self.lock().values().for_each(&mut read);
    }

    /// The last failovers of every name, as they are stored.
    pub fn failovers(&self) -> Vec<store::Failover> {
        let names = self.lock();
        let of = |watched: &Watched| {
            watched
                .failovers
                .iter()
                .map(|each| self.row(&watched.service, each))
                .collect::<Vec<_>>()
        };
        names.values().flat_map(of).collect()
    }

    /// The last drills of every name.
    pub fn drills(&self) -> Vec<store::Drill> {
        self.lock().values().flat_map(|watched| watched.drills.iter().cloned()).collect()
    }

    /// How soon to look again at each name.
    pub fn paces(&self) -> BTreeMap<usize, Duration> {
        self.lock().iter().map(|(service, watched)| (*service, watched.pace())).collect()
    }

    /// The joined state of a service on a provider changed.
    pub fn side(
        &self,
        service: usize,
        provider: &str,
        (state, since): (State, Timestamp),
        now: Timestamp,
    ) -> Option<News> {
        let cloud = self.providers.iter().position(|each| **each == *provider)?;
        self.with(service, |watched| watched.name.side(cloud, state, since, now))
    }

    /// A run of a check is settled; tells something if it is the check of a public name.
    pub fn result(&self, check: CheckIndex, at: Timestamp, result: &ProbeResult) -> Option<News> {
        let service = *self.checks.get(&check)?;
        let is_good = match result.outcome {
            Outcome::Good => true,
            Outcome::Bad(_) => false,
            Outcome::Unknown(_) => return None,
        };
        self.with(service, |watched| {
            let served = served(&self.providers, &watched.name, result);
            watched.name.result(is_good, served, at)
        })
    }

    /// A look at a name.
    pub fn observe(&self, service: usize, at: Timestamp, seen: &Observation) -> Option<News> {
        self.with(service, |watched| watched.name.observe(seen, at))
    }

    /// A drill started or ended.
    pub fn drill(&self, service: usize, drill: &store::Drill) -> Option<News> {
        self.with(service, |watched| {
            watched.hold_drill(drill);
            match drill.ended_ms {
                None => watched.name.start_drill(Timestamp::from_millis(drill.started_ms)),
                Some(ended) => watched.name.end_drill(Timestamp::from_millis(ended)),
            }
        })
    }

    /// The wall clock was set by `millis`; gives back what lasts, moved.
    pub(super) fn shift(&self, millis: i64) -> Vec<(Arc<str>, Failover)> {
        let mut moved = Vec::new();
        for watched in self.lock().values_mut() {
            if let Some(open) = watched.name.shift(millis).cloned() {
                watched.hold(&open);
                moved.push((Arc::clone(&watched.service), open));
            }
        }
        moved
    }

    /// A failover as it is stored.
    pub(super) fn row(&self, service: &str, failover: &Failover) -> store::Failover {
        let name = |cloud: Cloud| self.providers[cloud].to_string();
        store::Failover {
            id: format!("{service}/{}", failover.id),
            service: service.to_owned(),
            cause: failover.cause.as_str().to_owned(),
            from: name(failover.from),
            to: failover.to.map(name),
            began_ms: failover.began.as_millis(),
            steps_ms: failover.steps.map(|step| step.map(Timestamp::as_millis)),
            recovered_ms: failover.recovered.map(Timestamp::as_millis),
            late: failover.late,
            split: failover.split,
            ended_ms: failover.ended.map(Timestamp::as_millis),
        }
    }

    fn with(&self, service: usize, change: impl FnOnce(&mut Watched) -> Vec<Told>) -> Option<News> {
        let mut names = self.lock();
        let watched = names.get_mut(&service)?;
        let told = change(watched);
        for each in &told {
            if let Told::Failover(failover) = each {
                watched.hold(failover);
            }
        }
        (!told.is_empty()).then(|| News { service: Arc::clone(&watched.service), told })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, Watched>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a failover of this service is judged by.
fn terms(config: &Config, service: &Service, providers: &[Arc<str>]) -> Terms {
    let entry = service.entry.as_ref().expect("only services with an entry come here");
    let mut clouds: Vec<(Cloud, bool)> = Vec::new();
    for endpoint in &service.endpoints {
        let Some(cloud) = providers.iter().position(|each| *each == endpoint.provider) else {
            continue;
        };
        let waits = endpoint.role == Role::Standby;
        match clouds.iter_mut().find(|(each, _)| *each == cloud) {
            Some((_, all_wait)) => *all_wait &= waits,
            None => clouds.push((cloud, waits)),
        }
    }
    let checks = service.endpoints.iter().flat_map(|endpoint| &endpoint.checks);
    let certain_after = checks
        .map(|check| config.checks[check.get()].shape.certain_after() + config.patience)
        .max()
        .unwrap_or(entry.shape.interval);
    Terms {
        policy: entry.policy,
        within: entry.failover_within,
        interval: entry.shape.interval,
        certain_after,
        clouds,
        has_marks: !entry.marks.is_empty(),
    }
}

/// The cloud that served a run: what a mark says; else whose the address is, unless it is that of an edge.
fn served(providers: &[Arc<str>], name: &PublicName, result: &ProbeResult) -> Option<Cloud> {
    let by_mark = result.facts.served_by.as_ref();
    if let Some(marked) = by_mark {
        return providers.iter().position(|each| each == marked);
    }
    let by_address = name.terms().policy != EntryPolicy::Edge;
    let address = result.address.filter(|_| by_address)?;
    name.territory().cloud_of(address.ip())
}

fn recall(watched: &mut Watched, image: &Image, providers: &[Arc<str>]) {
    let of_service = image.failovers.iter().filter(|row| row.service == *watched.service);
    let kept: Vec<Failover> = of_service.filter_map(|row| failover_of(row, providers)).collect();
    for failover in &kept {
        watched.hold(failover);
    }
    let service = Arc::clone(&watched.service);
    for drill in image.drills.iter().filter(|drill| drill.service == *service) {
        watched.hold_drill(drill);
    }
    let on = watched.drills.back().filter(|drill| drill.ended_ms.is_none());
    let drill = on.map(|drill| Timestamp::from_millis(drill.started_ms));
    watched.name.recall(&kept, drill);
}

/// A stored failover, unless a provider of it is not there any more.
fn failover_of(row: &store::Failover, providers: &[Arc<str>]) -> Option<Failover> {
    let cloud = |name: &str| providers.iter().position(|each| **each == *name);
    let mut failover = Failover::new(
        FailoverCause::from_word(&row.cause)?,
        cloud(&row.from)?,
        Timestamp::from_millis(row.began_ms),
    );
    failover.id = row.id.rsplit('/').next()?.parse().ok()?;
    failover.to = row.to.as_deref().and_then(cloud);
    for (step, at) in FailoverStep::ALL.iter().zip(row.steps_ms) {
        failover.steps[step.index()] = at.map(Timestamp::from_millis);
    }
    failover.recovered = row.recovered_ms.map(Timestamp::from_millis);
    failover.late = row.late;
    failover.split = row.split;
    failover.ended = row.ended_ms.map(Timestamp::from_millis);
    Some(failover)
}

/// A share with names instead of positions; the rest is `unmapped`.
pub fn named_shares(providers: &[Arc<str>], terms: &Terms, share: &Share) -> Vec<(Arc<str>, f64)> {
    let of = |cloud: Cloud| {
        share.clouds.iter().find(|(each, _)| *each == cloud).map_or(0.0, |(_, ratio)| *ratio)
    };
    // Every cloud of the service has a series, so that one that lost all has a 0.
    let mut clouds: Vec<Cloud> = terms.clouds.iter().map(|(cloud, _)| *cloud).collect();
    clouds.extend(share.clouds.iter().map(|(cloud, _)| *cloud));
    clouds.sort_unstable();
    clouds.dedup();
    let mut shares: Vec<_> =
        clouds.into_iter().map(|cloud| (Arc::clone(&providers[cloud]), of(cloud))).collect();
    shares.push(("unmapped".into(), share.unmapped));
    shares
}

#[cfg(test)]
mod tests;
