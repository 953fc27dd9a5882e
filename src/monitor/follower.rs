//! One task that looks at the public names, each at its own pace, and tells the recorder what it saw.
//!
//! At most [`AT_ONCE`] looks go on together and one of a name, each under one deadline, on the runtime of the recorder and not
//! on those of the probes. A name is looked at as often as its check runs, and sooner while one of its clouds is down or a drill
//! is on. It holds the recorder's channel weakly, so that nobody waits for it when the monitor stops.
//!
//! It does not know DNS (the [`Scout`] does), nor what an answer means.

use super::entries::Entries;
use super::event::Event;
use crate::clock::{Instant, WallClock};
use crate::failover::Observation;
use crate::model::Timestamp;
use futures_util::future::BoxFuture;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// Looks that go on at once.
const AT_ONCE: usize = 8;

/// A look is given up after this.
const LIMIT: Duration = Duration::from_secs(8);

/// How often it asks whether a name is to be looked at sooner.
const TICK: Duration = Duration::from_secs(1);

/// Carries out one look at a public name; never fails.
pub trait Scout: Send + Sync + 'static {
    /// One look at the name of the service at this position, under `limit`.
    fn look(&self, service: usize, limit: Duration) -> BoxFuture<'static, Observation>;
}

/// What the follower needs.
pub struct Follower {
    /// How soon to look again.
    pub entries: Entries,
    /// Wall time.
    pub clock: Arc<dyn WallClock>,
    /// To the recorder.
    pub events: mpsc::WeakSender<Event>,
    /// Told true when the monitor stops.
    pub stop: watch::Receiver<bool>,
    /// Told true when another one takes its place.
    pub retired: watch::Receiver<bool>,
}

/// A look that ended: at which service, when it began, what it saw.
type Look = (usize, Timestamp, Observation);

impl Follower {
    /// Looks until the monitor stops; looks that go on then are given up.
    pub async fn run(mut self, scout: Arc<dyn Scout>) {
        let mut looks: JoinSet<Look> = JoinSet::new();
        let mut going: BTreeSet<usize> = BTreeSet::new();
        let mut last: BTreeMap<usize, Instant> = BTreeMap::new();
        while !*self.stop.borrow() && self.stop.has_changed().is_ok() && !*self.retired.borrow() {
            let now = Instant::now();
            for (service, pace) in self.entries.paces() {
                let due = last.get(&service).is_none_or(|last| now >= *last + pace);
                if due && looks.len() < AT_ONCE && going.insert(service) {
                    last.insert(service, now);
                    let (at, look) = (self.clock.now(), scout.look(service, LIMIT));
                    looks.spawn(async move { (service, at, look.await) });
                }
            }
            // Stopping first; what was seen before the next tick, because it may hurry others.
            tokio::select! {
                biased;
                _ = self.stop.changed() => {}
                Some(ended) = looks.join_next(), if !looks.is_empty() => {
                    if !self.tell(ended, &mut going).await {
                        return;
                    }
                }
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }

    /// Tells the recorder; false if it has gone.
    async fn tell(
        &self,
        ended: Result<Look, tokio::task::JoinError>,
        going: &mut BTreeSet<usize>,
    ) -> bool {
        let Ok((service, at, seen)) = ended else {
            // One that panicked has said so; which one it was is not known, so all may be looked at again.
            going.clear();
            return true;
        };
        going.remove(&service);
        let Some(events) = self.events.upgrade() else { return false };
        let Some(service) = self.entries.name_of(service) else { return true };
        events.send(Event::Looked { service, at, seen: Box::new(seen) }).await.is_ok()
    }
}

#[cfg(test)]
mod tests;
