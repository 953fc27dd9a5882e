//! The recorder's side of the store: every run is journaled, and each service's whole state is stored in turn.
//!
//! Journal first, state second: a state contains every entry up to its number, so after a crash the state is read and only
//! what was journaled after it is taken in again; nothing is counted twice. States go round once a minute, a few services a
//! second, so that storing never comes in a burst. Sending never waits; what a failing store loses of the journal, the next
//! round of states carries.
//!
//! It does not know SQL, and it decides nothing about what is kept how long.

use super::book::Book;
use super::exposed;
use super::freezer::Freezer;
use super::ledger::Ledger;
use super::memory::Codes;
use super::outages::Outage;
use crate::model::{CheckIndex, Objective, Outcome, ProbeResult, Service, Tier, Timestamp};
use crate::slo::history::{Counted, History};
use crate::store::record::{Entry, Run, ScopeCount, ServiceState};
use crate::store::{self, Fact, Failure, Image, Store};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Every service's state is stored once in so long.
const ROUND: Duration = Duration::from_mins(1);

/// What the recorder needs to write to a store.
pub struct Journal {
    store: Store,
    codes: Codes,
    /// The store's number of each check.
    numbers: Vec<u32>,
    /// The last batch that was sent.
    seq: u64,
    freezer: Freezer,
    pending: Vec<Entry>,
    /// The service whose state is stored next.
    next: usize,
    /// When the last state was due.
    stored_to: Option<Timestamp>,
}

impl Journal {
    /// Goes on writing to `store` after what `image` has.
    pub(super) fn new(store: Store, codes: Codes, image: &Image) -> Self {
        Self {
            store,
            codes,
            numbers: image.numbers.clone(),
            seq: image.last_seq,
            freezer: Freezer::new(&image.frozen),
            pending: Vec::new(),
            next: 0,
            stored_to: None,
        }
    }

    /// A run of a check that started at `at` has ended.
    pub(super) fn run(
        &mut self,
        check: CheckIndex,
        at: Timestamp,
        recheck: bool,
        result: &ProbeResult,
    ) {
        let (number, latency_us) = (
            self.numbers[check.get()],
            u32::try_from(result.latency.as_micros()).unwrap_or(u32::MAX),
        );
        self.pending.push(Entry::Run(Run {
            check: number,
            at_ms: at.as_millis(),
            latency_us,
            outcome: self.codes.journaled(result.outcome),
            recheck,
            warned: !result.warnings.is_empty(),
        }));
        if let Outcome::Bad(reason) = result.outcome {
            self.store.keep_failure(Failure {
                check: number,
                at_ms: at.as_millis(),
                reason: reason.as_str().to_owned(),
                latency_us,
                phase: result.phase.as_str().to_owned(),
                address: result.address.map(|address| address.to_string()),
                said: result.said.clone(),
            });
        }
    }

    /// The wall clock was set back under these checks.
    pub(super) fn clock_back(&mut self, checks: &[CheckIndex], millis: i64) {
        let numbers = checks.iter().map(|check| self.numbers[check.get()]);
        self.pending.extend(numbers.map(|check| Entry::ClockBack { check, millis }));
    }

    /// An outage began or ended. The run that says so is sent before it, so that no crash leaves an outage without one.
    pub(super) fn outage(&mut self, outage: &Outage) {
        self.send();
        self.store.keep(Fact::Outage(outage.stored()));
    }

    /// A failover began, came further or ended.
    pub(super) fn failover(&self, row: store::Failover) {
        self.store.keep(Fact::Failover(row));
    }

    /// A drill started or ended.
    pub(super) fn drill(&self, drill: &store::Drill) {
        self.store.keep(Fact::Drill(drill.clone()));
    }

    /// Maintenance was announced or ended.
    pub(super) fn maintenance(&self, maintenance: &store::Maintenance) {
        self.store.keep(Fact::Maintenance(maintenance.clone()));
    }

    /// Sends what has come together.
    pub(super) fn send(&mut self) {
        if !self.pending.is_empty() {
            self.seq += 1;
            self.store.append(self.seq, std::mem::take(&mut self.pending));
        }
    }

    /// Stores the states that are due at `now`.
    pub(super) fn go_round(&mut self, now: Timestamp, ledger: &Ledger, book: &Book) {
        let services = book.services().len();
        let since = now.since(*self.stored_to.get_or_insert(now));
        let due = since.as_millis() * services as u128 / ROUND.as_millis();
        let due = usize::try_from(due).unwrap_or(services).min(services);
        if due == services || self.stored_to.is_some_and(|before| before > now) {
            // The last round is long over, or the clock was set back: a new one begins.
            self.stored_to = Some(now);
        } else if let Some(before) = &mut self.stored_to {
            // What is left of the time belongs to the next one, so that a round takes no longer than it may.
            let spent = ROUND.as_millis() * due as u128 / services.max(1) as u128;
            *before = *before + Duration::from_millis(u64::try_from(spent).unwrap_or(0));
        }
        for _ in 0..due {
            self.next = (self.next + 1) % services;
            self.store_state(self.next, ledger, book);
            for period in self.freezer.close(self.next, now, book) {
                self.store.keep(Fact::Period(period));
            }
        }
    }

    /// Maintenance has changed what closed periods of these services were: they get a further revision that says why (S18).
    pub(super) fn revise(
        &mut self,
        services: &[usize],
        maintenance: &store::Maintenance,
        book: &Book,
    ) {
        let store::Maintenance { id, added_ms, by, reason, from_ms, to_ms, ended_ms, .. } =
            maintenance;
        let (now, from) = (ended_ms.unwrap_or(*added_ms), ended_ms.unwrap_or(*from_ms));
        let touched = (Timestamp::from_millis(from), Timestamp::from_millis(*to_ms));
        let why = format!("maintenance `{id}` added by {by}: {reason}");
        for service in services {
            let now = Timestamp::from_millis(now);
            for period in self.freezer.revise(*service, touched, &why, now, book) {
                self.store.keep(Fact::Period(period));
            }
        }
    }

    /// Journals what is promised from `now` on; the store keeps what is new.
    pub(super) fn promise(&self, services: &[Service], now: Timestamp) {
        for service in services {
            for objective in &service.objectives {
                self.store.keep(Fact::Promise(store::Promise {
                    service: service.name.to_string(),
                    slo: objective.name.to_string(),
                    from_ms: now.as_millis(),
                    definition: definition(objective),
                }));
            }
        }
    }

    /// Stores the states of the services of which a check was never stored, so that its beginning is known from now on.
    pub(super) fn store_new(&mut self, image: &Image, ledger: &Ledger, book: &Book) {
        let known: BTreeSet<u32> = image
            .checks
            .iter()
            .filter(|stored| stored.has_state())
            .map(|stored| stored.number)
            .collect();
        for service in 0..book.services().len() {
            let mut checks = book.services()[service].checks();
            if checks.any(|check| !known.contains(&self.numbers[check.get()])) {
                self.store_state(service, ledger, book);
            }
        }
    }

    /// Goes on with other checks, which have these numbers; `renamed` services take what is frozen of them along.
    pub(super) fn succeed(&mut self, numbers: Vec<u32>, renamed: &[(Arc<str>, Arc<str>)]) {
        self.send();
        (self.numbers, self.next) = (numbers, 0);
        for (old, new) in renamed {
            self.freezer.rename(old, new);
        }
    }

    /// Stores the states of all services.
    pub(super) fn store_all(&mut self, ledger: &Ledger, book: &Book) {
        for service in 0..book.services().len() {
            self.store_state(service, ledger, book);
        }
    }

    /// Stores the state of a service; what was journaled of it is sent first.
    pub(super) fn store_state(&mut self, service: usize, ledger: &Ledger, book: &Book) {
        self.send();
        let checks = book.services()[service].checks();
        let state = book.with(service, |history| ServiceState {
            name: book.services()[service].name.to_string(),
            seq: self.seq,
            scopes: scope_counts(history),
            checks: checks
                .zip(history.checks())
                .map(|(check, past)| {
                    let track = ledger.track(check);
                    (self.numbers[check.get()], self.codes.state(track, past))
                })
                .collect(),
        });
        self.store.checkpoint(&state);
    }
}

/// A promise as it is journaled: the words and units of the configuration.
fn definition(objective: &Objective) -> String {
    let millis = |duration: Option<Duration>| duration.map(|duration| duration.as_millis());
    let tiers = objective.tiers.as_deref().map(|tiers| {
        let tier = |tier: &Tier| {
            serde_json::json!({
                "name": tier.name.as_str(),
                "long_ms": tier.long.as_millis(),
                "short_ms": tier.short.as_millis(),
                "burn_millionths": tier.factor_millionths,
                "severity": tier.severity.as_str(),
            })
        };
        tiers.iter().map(tier).collect::<Vec<_>>()
    });
    let text = serde_json::json!({
        "objective_parts": objective.target_parts,
        "window": &*objective.window_text,
        "kind": objective.kind.as_str(),
        "scope": objective.scope.to_string(),
        "alert": objective.alert.as_str(),
        "threshold_ms": millis(objective.threshold),
        "slice_ms": millis(objective.slice),
        "min_failures": objective.min_failures,
        "min_coverage_parts": objective.min_coverage_parts,
        "unknown": objective.unknown.as_str(),
        "maintenance": objective.maintenance.as_str(),
        "tiers": tiers,
    });
    text.to_string()
}

/// What was counted of a service.
pub(super) fn scope_counts(history: &mut History) -> Vec<ScopeCount> {
    history.advance();
    let count = |counted: &Counted| ScopeCount {
        scope: history.scheme().word(counted.scope),
        millis: counted.millis.list(),
        upto_ms: counted.upto.as_millis(),
        restated_ms: counted.restated,
    };
    let scopes = history.counted().iter().map(count);
    scopes.chain(exposed::stored(history)).collect()
}
