//! The book: the past of every service, shared between the recorder that writes it and faces that ask.
//!
//! The recorder tells it what the ledger says of past time. Each service has a lock of its own, held while a few pieces are
//! appended or its promises are worked out (microseconds; a permanent flapper some hundred), so a reader holds the recorder
//! up for one service at most.
//!
//! It does not decide what time was (`track` does), nor what a promise is worth (`slo` does).

use super::journal::scope_counts;
use super::recall::recount;
use super::track::Told;
use crate::config::diff::Diff;
use crate::model::{Check, CheckIndex, Maintenance, Objective, Service, Timestamp};
use crate::slo::history::{CheckMemory, Counted, History, Lens};
use crate::slo::joint::Scope;
use crate::slo::spans::Timeline;
use crate::slo::standing::Standing;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The past of every service. Cloning it clones a handle.
#[derive(Clone)]
pub struct Book(Arc<Inner>);

struct Inner {
    services: Arc<[Service]>,
    histories: Vec<Mutex<History>>,
    /// The service of each check, and its position there.
    places: Vec<(usize, usize)>,
}

/// How one promise of a service stands in one scope.
#[derive(Clone, Debug)]
pub struct Held {
    /// Position of the service.
    pub service: usize,
    /// Position of the promise in the service.
    pub objective: usize,
    /// For whom.
    pub scope: Scope,
    /// Whether it is promised for this scope; others are computed all the same (S14).
    pub promised: bool,
    /// How it stands.
    pub standing: Standing,
    /// What was counted of the scope as it happened.
    pub counted: Counted,
}

impl Book {
    /// Nothing is known before `begun`.
    pub fn new(
        services: &Arc<[Service]>,
        checks: &[Arc<Check>],
        zone: &TimeZone,
        begun: Timestamp,
    ) -> Self {
        let mut places = vec![(0, 0); checks.len()];
        for (number, service) in services.iter().enumerate() {
            for (position, check) in service.checks().enumerate() {
                places[check.get()] = (number, position);
            }
        }
        let entry = |service: &Service| service.entry.as_ref().map(|entry| entry.shape.interval);
        let mut schemes = BTreeSet::new();
        let history = |service: &Service| {
            let mut history = History::new(service, checks, entry(service), zone, begun);
            history.share_scheme(&mut schemes);
            Mutex::new(history)
        };
        Self(Arc::new(Inner {
            services: Arc::clone(services),
            histories: services.iter().map(history).collect(),
            places,
        }))
    }

    /// The maintenance that is in force, for the past too; gives back the services for which that is news.
    pub fn set_maintenance(
        &self,
        windows: &[Arc<Maintenance>],
        checks: &[Arc<Check>],
    ) -> Vec<usize> {
        let mut changed = Vec::new();
        for (number, service) in self.0.services.iter().enumerate() {
            let about = |check: CheckIndex| {
                let fits = |window: &&Arc<Maintenance>| {
                    window.matching.fits(&checks[check.get()], &service.labels)
                };
                windows.iter().filter(fits).cloned().collect::<Vec<_>>()
            };
            let of_service = service.checks().map(about).collect();
            if lock(&self.0.histories[number]).set_windows(of_service) {
                changed.push(number);
            }
        }
        changed
    }

    /// All services.
    pub fn services(&self) -> &[Service] {
        &self.0.services
    }

    /// The service of a check, and its position there.
    pub fn place(&self, check: CheckIndex) -> (usize, usize) {
        self.0.places[check.get()]
    }

    /// More is known of the past of a check.
    pub(super) fn tell(&self, check: CheckIndex, told: &Told) {
        let (service, position) = self.place(check);
        lock(&self.0.histories[service]).tell(position, told.past, told.to, told.ahead);
    }

    /// Takes over the past of a check as it was stored.
    pub(super) fn recall(&self, check: CheckIndex, past: CheckMemory) {
        let (service, position) = self.place(check);
        lock(&self.0.histories[service]).recall(position, past);
    }

    /// Goes on where `old` is: `diff` says where its checks and services are now. What was counted of a service is never less
    /// than it was.
    pub(super) fn succeed(&self, old: &Self, diff: &Diff) {
        for (was, each) in old.0.places.iter().zip(&diff.moves) {
            let (Some(to), (service, position)) = (each.to(), *was) else { continue };
            // A service may have become a reference, by name: nothing of it is history.
            let Some(&(to_service, to_position)) = self.0.places.get(to.get()) else { continue };
            let past = lock(&old.0.histories[service]).checks()[position].memory();
            lock(&self.0.histories[to_service]).succeed(to_position, past);
        }
        for (was, to) in diff.services.iter().enumerate() {
            let Some(to) = *to else { continue };
            let counts = scope_counts(&mut lock(&old.0.histories[was]));
            recount(&mut lock(&self.0.histories[to]), &counts);
        }
    }

    /// A run of a check started at `at`.
    pub(super) fn observe(&self, check: CheckIndex, at: Timestamp, recheck: bool, failed: bool) {
        let (service, position) = self.place(check);
        lock(&self.0.histories[service]).observe(position, at, recheck, failed);
    }

    /// The wall clock was set by `millis`.
    pub(super) fn shift(&self, checks: &[CheckIndex], millis: i64) {
        for check in checks {
            let (service, position) = self.place(*check);
            lock(&self.0.histories[service]).shift(position, millis);
        }
    }

    /// Does `act` with the past of a service.
    pub fn with<T>(&self, service: usize, act: impl FnOnce(&mut History) -> T) -> T {
        act(&mut lock(&self.0.histories[service]))
    }

    /// How every promise of a service stands in every scope at `at`.
    pub fn held(&self, service: usize, at: Timestamp) -> Vec<Held> {
        let objectives = &self.0.services[service].objectives;
        if objectives.is_empty() {
            return Vec::new();
        }
        let mut history = lock(&self.0.histories[service]);
        history.advance();
        let counted = history.counted().to_vec();
        let mut held = Vec::with_capacity(objectives.len() * counted.len());
        for (objective, promise) in objectives.iter().enumerate() {
            let promised_for = history.scope_of(promise);
            for counted in &counted {
                let standing = history.standing(promise, counted.scope, at);
                held.push(Held {
                    service,
                    objective,
                    scope: counted.scope,
                    promised: counted.scope == promised_for,
                    standing,
                    counted: *counted,
                });
            }
        }
        held
    }

    /// How a promise of a service stands at `at` in the scope that it is made for, with the scope's word and provider.
    pub fn promised(
        &self,
        service: usize,
        objective: usize,
        at: Timestamp,
    ) -> (String, Arc<str>, Standing) {
        let promise = &self.0.services[service].objectives[objective];
        let mut history = lock(&self.0.histories[service]);
        let scope = history.scope_of(promise);
        let (word, provider) =
            (history.scheme().word(scope), history.scheme().provider(scope).into());
        (word, provider, history.standing(promise, scope, at))
    }

    /// The line of a scope as an objective looks at it, up to `at`.
    pub fn line(
        &self,
        service: usize,
        objective: &Objective,
        scope: Scope,
        at: Timestamp,
    ) -> Timeline {
        lock(&self.0.histories[service]).line_kept(scope, Lens::of(objective), at)
    }
}

/// A recorder that panicked ends the process; until then readers see what it left.
fn lock(history: &Mutex<History>) -> MutexGuard<'_, History> {
    history.lock().unwrap_or_else(PoisonError::into_inner)
}
