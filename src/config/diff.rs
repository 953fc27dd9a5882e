//! What becomes of each check when one configuration takes the place of another: what a reload has to do, and says.
//!
//! A check is known by its id, so it may move in the file as it likes. One that was renamed (`formerly`) takes its past
//! along. Some settings hold from start to stop; they are named, and [`Config::with_fixed_of`] puts the old ones back.
//!
//! Pure: it compares, and applies nothing.

use super::Config;
use crate::model::{Check, CheckIndex, Service, counted};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// A change that drops a larger share of all checks than this is taken for a mistake; percent.
pub const MOST_DROPPED: usize = 40;

/// Names that are listed of each kind of change.
const NAMED: usize = 5;

/// The table of those who may use the listener, and for what.
const LISTENER: &str = "listener";

/// What becomes of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// It is there, perhaps with other settings; its runs go on.
    Kept(CheckIndex),
    /// It has another name now, and begins anew with its past.
    Renamed(CheckIndex),
    /// It is there no more.
    Gone,
}

impl Move {
    /// Where its past goes on.
    pub fn to(self) -> Option<CheckIndex> {
        match self {
            Self::Kept(to) | Self::Renamed(to) => Some(to),
            Self::Gone => None,
        }
    }
}

/// From one configuration to another. Positions of checks are those of [`Config::lookouts`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// What becomes of each check of the old one, references included.
    pub moves: Vec<Move>,
    /// What becomes of each service of the old one: its position in the new one.
    pub services: Vec<Option<usize>>,
    /// How many checks of services the old one has.
    pub before: usize,
    /// Ids that are new.
    pub added: Vec<Arc<str>>,
    /// Ids that are gone.
    pub removed: Vec<Arc<str>>,
    /// Ids whose settings are others.
    pub changed: Vec<Arc<str>>,
    /// Old and new ids of what was renamed.
    pub renamed: Vec<(Arc<str>, Arc<str>)>,
    /// Services that are not as they were, apart from their checks: promises, titles, labels.
    pub services_changed: Vec<Arc<str>>,
    /// Positions of the services of the new one that are not as they were, or of which a check is not.
    pub touched: Vec<usize>,
    /// Tables with other changes.
    pub elsewhere: Vec<&'static str>,
    /// Settings that hold until a restart, and would be others.
    pub fixed: Vec<&'static str>,
}

impl Diff {
    /// From `old` to `new`.
    pub fn of(old: &Config, new: &Config) -> Self {
        let (before, after) = (old.lookouts(), new.lookouts());
        let mut diff = Self { before: old.checks.len(), ..Self::default() };
        diff.compare_checks(&before, &after);
        diff.compare_services(old, new);
        diff.touch(new, &after);
        let mut elsewhere = |word, same: bool| {
            if !same {
                diff.elsewhere.push(word);
            }
        };
        elsewhere("provider", old.providers == new.providers);
        elsewhere("maintenance", old.maintenance == new.maintenance);
        elsewhere("domain", old.domains == new.domains);
        elsewhere("metrics", old.metrics == new.metrics);
        elsewhere("probe", old.modules == new.modules);
        let callers = old.listener.callers == new.listener.callers;
        elsewhere(LISTENER, callers && old.listener.demand == new.listener.demand);
        elsewhere("monitor", rest(old, old) == rest(new, old));
        diff.fixed = fixed(old, new);
        diff
    }

    fn compare_checks(&mut self, before: &[Arc<Check>], after: &[Arc<Check>]) {
        let places: BTreeMap<&str, CheckIndex> =
            after.iter().zip((0..).map(CheckIndex)).map(|(it, at)| (it.id.as_str(), at)).collect();
        let ids: BTreeMap<&str, CheckIndex> =
            before.iter().zip((0..).map(CheckIndex)).map(|(it, at)| (it.id.as_str(), at)).collect();
        let mut heirs: BTreeMap<CheckIndex, CheckIndex> = BTreeMap::new();
        for (check, place) in after.iter().zip((0..).map(CheckIndex)) {
            if ids.contains_key(check.id.as_str()) {
                continue;
            }
            // As in the store: the first of its old names that nobody has any more.
            let mut old = check.formerly.iter().filter_map(|name| ids.get(name.as_str()));
            let old = old.find(|at| {
                !places.contains_key(before[at.get()].id.as_str()) && !heirs.contains_key(at)
            });
            match old {
                Some(old) => {
                    self.renamed.push((before[old.get()].id.shared(), check.id.shared()));
                    heirs.insert(*old, place);
                }
                None => self.added.push(check.id.shared()),
            }
        }
        for (check, place) in before.iter().zip((0..).map(CheckIndex)) {
            let known = places.get(check.id.as_str());
            self.moves.push(match (known, heirs.get(&place)) {
                (Some(to), _) => Move::Kept(*to),
                (None, Some(to)) => Move::Renamed(*to),
                (None, None) => Move::Gone,
            });
            match known {
                Some(to) if !same(check, &after[to.get()]) => self.changed.push(check.id.shared()),
                None if !heirs.contains_key(&place) => self.removed.push(check.id.shared()),
                _ => {}
            }
        }
    }

    fn compare_services(&mut self, old: &Config, new: &Config) {
        let places: BTreeMap<&str, usize> =
            new.services.iter().enumerate().map(|(at, service)| (&*service.name, at)).collect();
        for service in &old.services {
            let known = places.get(&*service.name).copied();
            // A service that was renamed is where its checks have gone.
            let heir = || {
                let mut checks = service.checks();
                let to = checks.find_map(|check| match self.moves[check.get()] {
                    Move::Renamed(to) => Some(to),
                    _ => None,
                })?;
                let name = &new.checks.get(to.get())?.service;
                let is_new = old.services.iter().all(|other| other.name != *name);
                places.get(&**name).copied().filter(|_| is_new)
            };
            if let Some(to) = known
                && bare(service) != bare(&new.services[to])
            {
                self.services_changed.push(Arc::clone(&service.name));
            }
            let to = known.or_else(heir);
            // Two that became one: the first goes on there.
            let is_taken = to.is_some_and(|to| self.services.contains(&Some(to)));
            self.services.push(to.filter(|_| !is_taken));
        }
    }

    fn touch(&mut self, new: &Config, after: &[Arc<Check>]) {
        let changed: BTreeSet<&str> = self.changed.iter().map(|id| &**id).collect();
        let mut as_before = vec![false; after.len()];
        for each in &self.moves {
            if let Move::Kept(to) = each {
                as_before[to.get()] = !changed.contains(after[to.get()].id.as_str());
            }
        }
        let same = |service: &Service| {
            service.checks().all(|check| as_before[check.get()])
                && !self.services_changed.contains(&service.name)
        };
        let touched = new.services.iter().enumerate().filter(|(_, service)| !same(service));
        self.touched = touched.map(|(position, _)| position).collect();
    }

    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        let Self { added, removed, changed, renamed, services_changed, elsewhere, .. } = self;
        let of_checks = [added, removed, changed, services_changed];
        of_checks.iter().all(|list| list.is_empty()) && renamed.is_empty() && elsewhere.is_empty()
    }

    /// Whether others may use the listener, or for something else.
    pub fn changes_listener(&self) -> bool {
        self.elsewhere.contains(&LISTENER)
    }

    /// Whether it drops so many checks that it looks like a mistake.
    pub fn drops_too_many(&self) -> bool {
        self.dropped() * 100 > MOST_DROPPED * self.before
    }

    /// How many checks of services it drops.
    pub fn dropped(&self) -> usize {
        self.moves[..self.before].iter().filter(|each| **each == Move::Gone).count()
    }
}

impl Config {
    /// The same, with the settings of `old` where those hold until a restart.
    #[must_use]
    pub fn with_fixed_of(mut self, old: &Self) -> Self {
        self.monitor.vantage = Arc::clone(&old.monitor.vantage);
        self.monitor.listen = old.monitor.listen;
        self.monitor.state.clone_from(&old.monitor.state);
        self.monitor.shard = old.monitor.shard;
        self.monitor.max_in_flight = old.monitor.max_in_flight;
        self.monitor.heartbeat_url.clone_from(&old.monitor.heartbeat_url);
        self.listener.tls.clone_from(&old.listener.tls);
        if self.listener.callers.is_empty() {
            self.listener.callers.clone_from(&old.listener.callers);
        }
        self.receivers.clone_from(&old.receivers);
        self.peers.clone_from(&old.peers);
        self
    }
}

/// What is compared nowhere else, with the fixed settings of `old`.
fn rest(config: &Config, old: &Config) -> Config {
    let mut rest = config.clone().with_fixed_of(old);
    (rest.services, rest.checks, rest.references) = (Vec::new(), Vec::new(), Vec::new());
    (rest.providers, rest.domains, rest.maintenance) = (Vec::new(), Vec::new(), Vec::new());
    rest.metrics = old.metrics;
    rest.modules.clone_from(&old.modules);
    rest.listener.clone_from(&old.listener);
    rest
}

fn fixed(old: &Config, new: &Config) -> Vec<&'static str> {
    let (one, other) = (&old.monitor, &new.monitor);
    let settings = [
        ("monitor.vantage", one.vantage == other.vantage),
        ("monitor.listen", one.listen == other.listen),
        ("monitor.state", one.state == other.state),
        ("monitor.shard", one.shard == other.shard),
        ("monitor.max_in_flight", one.max_in_flight == other.max_in_flight),
        ("monitor.heartbeat_url", one.heartbeat_url == other.heartbeat_url),
        ("listener.tls", old.listener.tls == new.listener.tls),
        // A slip in the file must not open a door to everybody.
        ("listener", old.listener.callers.is_empty() || !new.listener.callers.is_empty()),
        ("alertmanager and webhook", old.receivers == new.receivers),
        ("peer", old.peers == new.peers),
    ];
    settings.iter().filter(|(_, same)| !same).map(|(name, _)| *name).collect()
}

/// Whether a check does and means the same, wherever it stands in the file.
fn same(one: &Arc<Check>, other: &Arc<Check>) -> bool {
    Arc::ptr_eq(one, other) || **one == **other
}

/// A service without the positions of its checks, which say only where it stands in the file.
fn bare(service: &Service) -> Service {
    let mut bare = service.clone();
    bare.endpoints.iter_mut().for_each(|endpoint| endpoint.checks.clear());
    bare.entry.iter_mut().for_each(|entry| entry.check = CheckIndex(0));
    bare
}

/// `3 checks added, 1 removed, 2 changed (shop/aws/web, …)`.
impl fmt::Display for Diff {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return out.write_str("nothing changed");
        }
        let renamed: Vec<_> = self.renamed.iter().map(|(_, to)| Arc::clone(to)).collect();
        let kinds = [
            (&self.added, "added"),
            (&self.removed, "removed"),
            (&self.changed, "changed"),
            (&renamed, "renamed"),
        ];
        let mut said = Vec::new();
        for (ids, word) in kinds.into_iter().filter(|(ids, _)| !ids.is_empty()) {
            let what = match (said.is_empty(), ids.len()) {
                (true, 1) => " check",
                (true, _) => " checks",
                (false, _) => "",
            };
            said.push(format!("{}{what} {word} ({})", ids.len(), named(ids)));
        }
        let services = &self.services_changed;
        if !services.is_empty() {
            let what = counted(services.len(), "service");
            said.push(format!("{what} changed ({})", named(services)));
        }
        if !self.elsewhere.is_empty() {
            said.push(format!("changes in {}", self.elsewhere.join(", ")));
        }
        out.write_str(&said.join(", "))
    }
}

fn named(names: &[Arc<str>]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMED).map(|name| &**name).collect();
    let more = if names.len() > NAMED { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests;
