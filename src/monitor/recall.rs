//! After a start: what the store kept becomes what the heart knows (S7).
//!
//! Each check is taken over as it was stored, then the runs that were journaled after that are taken in again, in order, by
//! the same rules as live ones. Then the daemon wakes: known time ends at the last stored result plus hold, exactly as if
//! the runs since had been skipped; the heartbeat only decides the cause. A state that contradicts itself is said and left out:
//! that check starts anew.
//!
//! It writes nothing.

use super::book::Book;
use super::event::Change;
use super::exposed;
use super::ledger::{Ledger, PastRun};
use super::memory::Codes;
use super::outages::{Outage, Outages};
use super::snapshot::Standing;
use super::track::{Memory, Told, Track};
use crate::model::{
    Action, Cause, Check, CheckIndex, Endpoint, Outcome, Service, State, Timestamp,
};
use crate::slo::history::{Ahead, CheckMemory, Counted, History, Lens};
use crate::slo::joint::Scope;
use crate::slo::spans::{Amounts, Timeline};
use crate::store::Image;
use crate::store::record::{Entry, Run, ScopeCount};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Takes over everything that `image` has of the checks of this configuration that are wanted, as of `now`.
pub(super) fn recall(
    image: &Image,
    codes: &Codes,
    checks: &[Arc<Check>],
    ledger: &mut Ledger,
    book: &Book,
    (now, wanted): (Timestamp, &dyn Fn(CheckIndex) -> bool),
) {
    let mut recalling = Recalling::new(image, codes, checks, ledger, book);
    recalling.by_number.retain(|_, check| wanted(*check));
    recalling.states(image);
    recalling.scopes(image);
    recalling.journal(image);
    recalling.wake(image, now);
}

/// Takes over the outages that had not ended; one of what is not watched any more is only remembered.
pub(super) fn recall_outages(image: &Image, services: &[Service], outages: &mut Outages) {
    for stored in &image.open_outages {
        let service = services.iter().position(|service| *service.name == *stored.service);
        let subject = service.and_then(|service| match stored.provider.as_deref() {
            None if stored.scope == "entry" => {
                services[service].entry.as_ref().map(|_| (service, Scope::Entry))
            }
            None => Some((service, Scope::Any)),
            Some(provider) => {
                let side = sides(&services[service]).position(|each| each == provider)?;
                Some((service, Scope::Side(side)))
            }
        });
        outages.recall(subject, Outage::recalled(stored));
    }
}

/// What the recalled states say of outages that the store does not: one that a crash kept from being stored begins, one that
/// was over ends.
pub(super) fn reconcile(
    ledger: &Ledger,
    services: &[Service],
    outages: &mut Outages,
) -> Vec<Outage> {
    let mut told = Vec::new();
    for (number, (service, joint)) in services.iter().zip(ledger.joint().services()).enumerate() {
        let mut look = |of, scope: &str, provider: &str, standing: Standing| {
            let Standing { state, since } = standing;
            let change = Change { from: State::Unknown, to: state, since };
            told.extend(outages.change(
                (number, of),
                (&service.name, scope, provider),
                change,
                None,
            ));
        };
        for (position, side) in joint.sides.iter().enumerate() {
            let scope = format!("provider:{}", side.provider);
            look(Scope::Side(position), &scope, &side.provider, side.standing);
        }
        if let Some(entry) = joint.entry {
            look(Scope::Entry, "entry", "", entry);
        }
        look(Scope::Any, "any", "", joint.any);
    }
    told
}

/// Goes on counting from what was counted, and what was never counted from the beginning of its history.
pub(super) fn recount(history: &mut History, counts: &[ScopeCount]) {
    let scopes: Vec<_> = history.scopes().collect();
    for scope in scopes {
        let word = history.scheme().word(scope);
        let begun = history.known(scope).0;
        let counted = counts.iter().find(|count| count.scope == word).map_or(
            Counted { scope, millis: Amounts::default(), upto: begun, restated: 0 },
            |count| Counted {
                scope,
                millis: Amounts::of(count.millis),
                upto: Timestamp::from_millis(count.upto_ms),
                restated: count.restated_ms,
            },
        );
        history.recount(counted);
    }
    exposed::recall(history, counts);
}

/// The providers of a service, in the order in which its endpoints first name them.
fn sides(service: &Service) -> impl Iterator<Item = &str> {
    let endpoints = &service.endpoints;
    let first = |(n, endpoint): &(usize, &Endpoint)| {
        endpoints[..*n].iter().all(|other| other.provider != endpoint.provider)
    };
    endpoints.iter().enumerate().filter(first).map(|(_, endpoint)| &*endpoint.provider)
}

/// The checks by their names, now or formerly: of a store that was only read, and gave no numbers.
fn by_name(image: &Image, checks: &[Arc<Check>]) -> BTreeMap<u32, CheckIndex> {
    let stored: BTreeMap<&str, u32> =
        image.checks.iter().map(|stored| (&*stored.name, stored.number)).collect();
    let number = |check: &Arc<Check>| {
        let former = check.formerly.iter().find_map(|name| stored.get(&**name));
        stored.get(check.id.as_str()).or(former).copied()
    };
    let numbered = (0..).zip(checks).filter_map(|(n, check)| Some((number(check)?, CheckIndex(n))));
    numbered.collect()
}

struct Recalling<'a> {
    codes: &'a Codes,
    checks: &'a [Arc<Check>],
    ledger: &'a mut Ledger,
    book: &'a Book,
    /// The check of each of the store's numbers.
    by_number: BTreeMap<u32, CheckIndex>,
    /// The last batch that each check's state contains; `None` where nothing is known of it.
    contained: Vec<Option<u64>>,
}

impl<'a> Recalling<'a> {
    fn new(
        image: &Image,
        codes: &'a Codes,
        checks: &'a [Arc<Check>],
        ledger: &'a mut Ledger,
        book: &'a Book,
    ) -> Self {
        let contained = vec![None; checks.len()];
        let by_number = if image.numbers.is_empty() {
            by_name(image, checks)
        } else {
            (0..).zip(&image.numbers).map(|(n, number)| (*number, CheckIndex(n))).collect()
        };
        Self { codes, checks, ledger, book, by_number, contained }
    }

    fn states(&mut self, image: &Image) {
        for stored in &image.checks {
            let Some(check) = self.by_number.get(&stored.number).copied() else { continue };
            let shape = self.checks[check.get()].shape;
            let state = match stored.state() {
                Ok(None) => continue,
                Ok(Some(state)) => self.codes.recall(&state, shape.interval),
                Err(_) => None,
            };
            let Some((memory, past)) = state else {
                tracing::error!(action = Action::StateUnreadable.as_str(), check = %stored.name, "its stored state cannot be read; its history starts anew");
                continue;
            };
            self.contained[check.get()] = Some(stored.seq);
            self.ledger.recall(check, Track::recall(shape, memory));
            self.book.recall(check, past);
        }
    }

    /// Counters go on from where they were stored; what was never counted is counted from the beginning of its history.
    fn scopes(&self, image: &Image) {
        let by_name: BTreeMap<&str, &[ScopeCount]> =
            image.services.iter().map(|stored| (&*stored.name, &*stored.scopes)).collect();
        for (number, service) in self.book.services().iter().enumerate() {
            let stored = by_name.get(&*service.name).copied().unwrap_or_default();
            self.book.with(number, |history| {
                recount(history, stored);
            });
        }
    }

    fn journal(&mut self, image: &Image) {
        for row in &image.journal {
            for entry in &row.entries {
                let Some(check) = self.by_number.get(&entry.check()).copied() else { continue };
                if self.contained[check.get()].is_none_or(|contained| row.seq > contained) {
                    self.entry(check, entry);
                }
            }
        }
    }

    fn entry(&mut self, check: CheckIndex, entry: &Entry) {
        match entry {
            Entry::Run(run) => {
                let run = self.run(run);
                if self.contained[check.get()].is_none() {
                    self.begin(check, run.at);
                }
                let told = self.ledger.rerun(check, run);
                self.tell(check, &told);
                let failed = matches!(run.outcome, Outcome::Bad(_));
                self.book.observe(check, run.at, run.recheck, failed);
            }
            Entry::ClockBack { millis, .. } if self.contained[check.get()].is_some() => {
                self.ledger.reshift(check, *millis);
                self.book.shift(&[check], -millis);
            }
            Entry::ClockBack { .. } => {}
        }
    }

    fn run(&self, run: &Run) -> PastRun {
        PastRun {
            at: Timestamp::from_millis(run.at_ms),
            recheck: run.recheck,
            outcome: self.codes.outcome(run.outcome),
            warned: run.warned,
            latency: Duration::from_micros(run.latency_us.into()),
        }
    }

    /// A check of which nothing but runs was stored: it began with the first.
    fn begin(&mut self, check: CheckIndex, at: Timestamp) {
        self.contained[check.get()] = Some(0);
        self.ledger.recall(check, Track::new(self.checks[check.get()].shape, at));
        let (service, position) = self.book.place(check);
        self.book.with(service, |history| {
            let lines = history.checks()[position].lines().map(|(lens, _)| lens);
            let lines: Vec<(Lens, Timeline)> =
                lines.map(|lens| (lens, Timeline::new(at))).collect();
            let ahead = Ahead::unknown(Cause::Starting);
            let blank = CheckMemory { lines, ahead, failures: VecDeque::new(), cadence: None };
            history.recall(position, blank);
        });
    }

    fn wake(&mut self, image: &Image, now: Timestamp) {
        for number in 0..self.checks.len() {
            if self.contained[number].is_none() {
                continue;
            }
            let check = CheckIndex(u32::try_from(number).expect("fewer than 2^32 checks"));
            let Memory { settled, .. } = self.ledger.track(check).memory();
            let heartbeat = image.heartbeat_ms.map_or(settled, Timestamp::from_millis);
            let told = self.ledger.wake(check, heartbeat, now);
            self.tell(check, &told);
        }
        self.ledger.rejoin_all();
    }

    fn tell(&self, check: CheckIndex, told: &[Told]) {
        for told in told {
            self.book.tell(check, told);
        }
    }
}
