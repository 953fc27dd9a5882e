//! The one that writes: takes what waits once a second, stores it in one transaction, and keeps it if that fails.
//!
//! A failing store holds nobody up: what could not be stored waits (bounded by `inbox`) and is tried again every second; each failure
//! and each loss is counted, and a change of condition is said once in the log. An idle store still shows that it lives
//! (the heartbeat). The same code runs on a thread of its own or, in the simulation, inside [`Writer::pump`].
//!
//! It does not know SQL, nor what the records mean.

use super::Shared;
use super::engine::{Batch, Engine, Image, Roster};
use super::error::Error;
use crate::clock::{Instant, WallClock};
use crate::model::{Action, StoreFault, StoreLoss};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// What waits is stored this often: what `kill -9` may cost.
pub const COMMIT_EVERY: Duration = Duration::from_secs(1);
/// An idle store writes its heartbeat this often.
pub const HEARTBEAT_EVERY_MS: i64 = 5_000;
/// What is too old or too much is deleted this often, a slice at a time.
pub const PRUNE_EVERY_MS: i64 = 60_000;

/// Takes what waits and stores it.
pub struct Writer {
    shared: Arc<Shared>,
    engine: Box<dyn Engine>,
    clock: Arc<dyn WallClock>,
    /// The condition that was last told in the log.
    fault: Option<StoreFault>,
    beaten_ms: i64,
    pruned_ms: i64,
}

/// What somebody waits for.
#[derive(Default)]
pub(super) struct Asked {
    /// Tell when all that was sent so far has been tried, and whether it is stored.
    pub(super) flushes: Vec<oneshot::Sender<bool>>,
    /// Load again, with another roster.
    pub(super) loads: Vec<(Roster, oneshot::Sender<Result<Image, Error>>)>,
    /// Write the last batch and end.
    pub(super) stop: bool,
}

impl Asked {
    fn is_something(&self) -> bool {
        self.stop || !self.flushes.is_empty() || !self.loads.is_empty()
    }
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        engine: Box<dyn Engine>,
        clock: Arc<dyn WallClock>,
    ) -> Self {
        shared.stats.opened(engine.bytes());
        // The opening itself was the first commit; the first slice is deleted with the first commit after it.
        let beaten_ms = clock.now().as_millis();
        Self { shared, engine, clock, fault: None, beaten_ms, pruned_ms: i64::MIN }
    }

    /// One turn: stores what waits, and does what was asked for. Gives back whether the store goes on.
    pub fn pump(&mut self) -> bool {
        let (batch, asked) = {
            let mut state = self.shared.lock();
            (state.inbox.take(), std::mem::take(&mut state.asked))
        };
        let now_ms = self.clock.now().as_millis();
        let stored = self.commit(batch, now_ms, asked.stop);
        for done in asked.flushes {
            // Whoever asked may have stopped waiting.
            let _ = done.send(stored);
        }
        for (roster, done) in asked.loads {
            let _ = done.send(self.engine.load(&roster, now_ms));
        }
        if asked.stop {
            self.shared.end();
        } else {
            self.prune(now_ms);
        }
        !asked.stop
    }

    /// Turns until the store is closed.
    pub(super) fn run(mut self) {
        let ended = Ended(Arc::clone(&self.shared));
        while self.pump() {
            let state = ended.0.lock();
            let idle = ended
                .0
                .wake
                .wait_timeout_while(state, COMMIT_EVERY, |state| !state.asked.is_something());
            drop(idle.unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn commit(&mut self, mut batch: Batch, now_ms: i64, last: bool) -> bool {
        (batch.at_ms, batch.last) = (now_ms, last);
        // A wall clock that was stepped back beats at once.
        let quiet = (0..HEARTBEAT_EVERY_MS).contains(&(now_ms - self.beaten_ms));
        if batch.is_empty() && quiet && !last && self.fault.is_none() {
            self.count_pending();
            return true;
        }
        let entries: usize = batch.rows.iter().map(|row| row.entries.len()).sum();
        let began = Instant::now();
        let stored = self.engine.commit(&batch);
        match stored {
            Ok(()) => {
                let bytes = self.engine.bytes();
                self.shared.stats.stored(entries as u64, began.elapsed(), now_ms, bytes);
                self.beaten_ms = now_ms;
                if self.fault.take().is_some() {
                    tracing::info!(
                        action = Action::StoreMended.as_str(),
                        "the store can be written again"
                    );
                }
                self.count_pending();
                true
            }
            Err(error) => {
                self.shared.stats.failed(error.fault);
                self.tell(error.fault, &*error.source);
                if last {
                    tracing::error!(
                        action = Action::StoreLost.as_str(),
                        entries,
                        "the last results before the stop could not be stored"
                    );
                    self.shared.stats.lost(StoreLoss::Entries, entries);
                } else {
                    self.shared.lock().inbox.put_back(batch);
                }
                self.count_pending();
                false
            }
        }
    }

    fn prune(&mut self, now_ms: i64) {
        let waited = now_ms.saturating_sub(self.pruned_ms);
        if (0..PRUNE_EVERY_MS).contains(&waited) || self.fault.is_some() {
            return;
        }
        self.pruned_ms = now_ms;
        if let Err(error) = self.engine.prune(now_ms) {
            self.shared.stats.failed(error.fault);
            self.tell(error.fault, &*error.source);
        }
    }

    /// One line per change of condition.
    fn tell(&mut self, fault: StoreFault, cause: &dyn std::error::Error) {
        if self.fault.replace(fault) != Some(fault) {
            tracing::error!(
                action = Action::StoreFailing.as_str(),
                fault = fault.as_str(),
                error = %cause,
                "cannot write the store; results wait in memory and are lost if this lasts"
            );
        }
    }

    fn count_pending(&self) {
        let (pending, lost) = {
            let mut state = self.shared.lock();
            (state.inbox.entries(), state.inbox.take_lost())
        };
        self.shared.stats.pending(pending);
        for (what, count) in StoreLoss::ALL.iter().zip(lost) {
            self.shared.stats.lost(*what, count);
        }
    }
}

/// Says that nobody writes any more, also if the writer panics.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.end();
        if std::thread::panicking() {
            tracing::error!(
                action = Action::StoreWriterFailed.as_str(),
                "the writer of the store has failed; history is not kept any more"
            );
        }
    }
}

#[cfg(test)]
mod tests;
