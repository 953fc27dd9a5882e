//! The herald: looks once a second at what should be told, keeps what is told, and hands the list to whoever delivers.
//!
//! Outages are looked at every second, promises and the monitor itself every [`LOOK_AT_CONDITIONS`]; each costs a lock for microseconds, so recorder and
//! probing never wait for it, and it never waits for a receiver: a list replaces the one before it. What changed is stored
//! before it is handed on.
//!
//! Which alerts there are is decided in `alerts`; how they travel is not known here.

use super::View;
use super::alerts::signs::{self, Promised, Stand};
use super::alerts::{Alerts, Taken};
use super::outages::Outages;
use crate::clock::{Instant, WallClock};
use crate::model::{Alert, Service, Timestamp};
use crate::push::Acknowledged;
use crate::store::Store;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// How often it looks.
const LOOK: Duration = Duration::from_secs(1);

/// How often it looks at promises, at the monitor itself, and at the words of what is told already: as often as a Prometheus
/// evaluates its rules.
pub const LOOK_AT_CONDITIONS: Duration = Duration::from_secs(15);

/// Services whose promises are worked out before others get a turn.
const AT_ONCE: usize = 64;

/// What the herald needs.
pub struct Herald {
    /// What is told.
    pub alerts: Alerts,
    /// What there is to see, of the configuration that is in force.
    pub view: watch::Receiver<View>,
    /// What is down.
    pub outages: Arc<Mutex<Outages>>,
    /// Where alerts are kept, if anywhere.
    pub store: Option<Store>,
    /// Wall time.
    pub clock: Arc<dyn WallClock>,
    /// What is in every alert.
    pub stand: Stand,
    /// The newest list.
    pub publish: watch::Sender<Arc<[Alert]>>,
    /// What webhooks took.
    pub acknowledged: mpsc::Receiver<Acknowledged>,
}

impl Herald {
    /// Looks until it is told to stop.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let (mut seen, mut first) = (BTreeSet::new(), true);
        let (mut next, mut thorough) = (Instant::now(), Instant::now());
        loop {
            let now = self.clock.now();
            let all = Instant::now() >= thorough;
            if all {
                thorough = Instant::now() + LOOK_AT_CONDITIONS;
                self.look_at_conditions(now).await;
            }
            self.look_at_outages(&mut seen, all, now);
            self.alerts.forget(now);
            self.hand_on(std::mem::take(&mut first));
            next = (next + LOOK).max(Instant::now());
            loop {
                // Stopping first; what webhooks took is kept at once, so that a crash repeats little.
                tokio::select! {
                    biased;
                    _ = stop.wait_for(|stop| *stop) => return,
                    Some(took) = self.acknowledged.recv() => self.take(&took),
                    () = tokio::time::sleep_until(next) => break,
                }
            }
        }
    }

    fn look_at_outages(&mut self, seen: &mut BTreeSet<Arc<str>>, all: bool, now: Timestamp) {
        let outages = self.outages.lock().unwrap_or_else(PoisonError::into_inner);
        let open: BTreeSet<Arc<str>> =
            outages.open().map(|outage| Arc::clone(&outage.id)).collect();
        if !all && open == *seen {
            return;
        }
        let lasting: Vec<_> = outages.open().cloned().collect();
        drop(outages);
        *seen = open;
        let book = self.view.borrow().book.clone();
        let services = book.services();
        let by_name: BTreeMap<&str, &Service> =
            services.iter().map(|service| (&*service.name, service)).collect();
        let signs = lasting.iter().filter_map(|outage| {
            let service = by_name.get(&*outage.service)?;
            signs::outage(&self.stand, service, outage)
        });
        let signs = signs.collect();
        let outages = Arc::clone(&self.outages);
        let ended = |id: &str| outages.lock().unwrap_or_else(PoisonError::into_inner).end_of(id);
        self.alerts.tell_outages(signs, ended, now);
    }

    async fn look_at_conditions(&mut self, now: Timestamp) {
        let View { board, references, book, .. } = self.view.borrow().clone();
        let views = references.list();
        let broken: Vec<_> =
            views.iter().filter_map(|view| Some((view.check.id.as_str(), view.broken?))).collect();
        let mut found = signs::monitor(&self.stand, &board.about().sight, &broken);
        for (number, service) in book.services().iter().enumerate() {
            for (position, objective) in service.objectives.iter().enumerate() {
                if !signs::is_told(objective) {
                    continue;
                }
                let (scope, provider, standing) = book.promised(number, position, now);
                let promised =
                    Promised { objective, scope: &scope, provider: &provider, standing: &standing };
                found.extend(signs::tiers(&self.stand, service, promised, now));
            }
            if number % AT_ONCE == AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
        }
        self.alerts.tell_conditions(found, now);
    }

    fn take(&mut self, took: &Acknowledged) {
        let taken = took.took.iter().map(|(fingerprint, (started, ended))| Taken {
            fingerprint: *fingerprint,
            started: *started,
            ended: *ended,
        });
        self.alerts.take(&took.receiver, &taken.collect::<Vec<_>>());
        self.keep();
    }

    /// Stores what changed, then hands on the list if it is the first or another one.
    fn hand_on(&mut self, first: bool) {
        self.keep();
        let list = self.alerts.list();
        self.publish.send_if_modified(|known| {
            let alike = |(one, other): (&Alert, &Alert)| {
                (one.fingerprint, one.started, one.ended)
                    == (other.fingerprint, other.started, other.ended)
            };
            let news = first || known.len() != list.len() || !known.iter().zip(&*list).all(alike);
            // Other words are not news: they go with what is sent next.
            *known = list;
            news
        });
    }

    fn keep(&mut self) {
        let changes = self.alerts.changes();
        if let Some(store) = &self.store {
            for fact in changes {
                store.keep(fact);
            }
        }
    }
}
