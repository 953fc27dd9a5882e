//! What waits to be written, bounded: the one queue between the recorder and the writer.
//!
//! Entries join the newest row until it is sealed: by a state (which contains every row before it and nothing after it) or by being
//! taken for a commit, so that a row is stored with the same content however often it is tried. A newer state of a service replaces the
//! one that waits. A batch that could not be stored comes back to the front. Beyond its bound each kind drops its oldest, and
//! says how many.
//!
//! It does not write, wait or lock.

use super::engine::{Batch, Row, StateRow};
use super::fact::{Fact, Failure};
use super::record::Entry;
use crate::model::StoreLoss;
use std::collections::{BTreeMap, VecDeque};

/// Results that may wait, at 24 bytes each: two and a half minutes of 100 000 checks every 30 s, or five days of 40.
pub const ENTRIES_AT_MOST: usize = 500_000;
/// A row with this many entries is full; what is dropped, is dropped by whole rows.
const ROW_ENTRIES: usize = 10_000;
/// Bytes of packed states that may wait: all states of 100 000 checks with 40 spans each, as at a clean stop, and as much again.
pub const STATE_BYTES_AT_MOST: usize = 128 << 20;
/// Outages, promises, maintenance and periods that may wait.
pub const FACTS_AT_MOST: usize = 20_000;
/// Failed runs that may wait, which is also what one commit stores of them at most.
pub const FAILURES_AT_MOST: usize = 2_000;

/// What waits to be written.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    rows: VecDeque<Row>,
    entries: usize,
    /// Whether the newest row may not grow any more.
    sealed: bool,
    last_seq: u64,
    states: BTreeMap<String, StateRow>,
    state_bytes: usize,
    facts: VecDeque<Fact>,
    failures: VecDeque<Failure>,
    lost: [usize; StoreLoss::ALL.len()],
}

impl Inbox {
    pub(super) fn append(&mut self, seq: u64, mut entries: Vec<Entry>) {
        if entries.is_empty() {
            return;
        }
        assert!(seq > self.last_seq, "batches of the recorder are numbered upwards");
        self.last_seq = seq;
        self.entries += entries.len();
        let grows = |row: &&mut Row| !self.sealed && row.entries.len() < ROW_ENTRIES;
        match self.rows.back_mut().filter(grows) {
            Some(row) => {
                row.seq = seq;
                row.entries.append(&mut entries);
            }
            None => self.rows.push_back(Row { seq, entries }),
        }
        self.sealed = false;
        self.bound_entries();
    }

    pub(super) fn state(&mut self, state: StateRow) {
        self.sealed = true;
        self.put_state(state);
        self.bound_states();
    }

    pub(super) fn fact(&mut self, fact: Fact) {
        self.facts.push_back(fact);
        self.bound_facts();
    }

    pub(super) fn failure(&mut self, failure: Failure) {
        self.failures.push_back(failure);
        self.bound_failures();
    }

    /// Entries that wait.
    pub(super) fn entries(&self) -> usize {
        self.entries
    }

    /// All that waits, as one batch.
    pub(super) fn take(&mut self) -> Batch {
        let all = std::mem::take(self);
        (self.last_seq, self.lost) = (all.last_seq, all.lost);
        Batch {
            at_ms: 0,
            rows: all.rows.into(),
            states: all.states.into_values().collect(),
            facts: all.facts.into(),
            failures: all.failures.into(),
            last: false,
        }
    }

    /// Puts back what could not be stored, before what has come since.
    pub(super) fn put_back(&mut self, batch: Batch) {
        // What came since is newer than what comes back; only if nothing came is the newest row one that was tried.
        self.sealed |= self.rows.is_empty();
        for row in batch.rows.into_iter().rev() {
            self.entries += row.entries.len();
            self.rows.push_front(row);
        }
        for state in batch.states {
            if !self.states.contains_key(&state.service) {
                self.put_state(state);
            }
        }
        for fact in batch.facts.into_iter().rev() {
            self.facts.push_front(fact);
        }
        for failure in batch.failures.into_iter().rev() {
            self.failures.push_front(failure);
        }
        self.bound_entries();
        self.bound_states();
        self.bound_facts();
        self.bound_failures();
    }

    /// What was dropped since the last call.
    pub(super) fn take_lost(&mut self) -> [usize; StoreLoss::ALL.len()] {
        std::mem::take(&mut self.lost)
    }

    fn put_state(&mut self, state: StateRow) {
        self.state_bytes += state.bytes();
        if let Some(old) = self.states.insert(state.service.clone(), state) {
            self.state_bytes -= old.bytes();
        }
    }

    /// Whole rows go: one that was tried may be stored already, and must not change under its number.
    fn bound_entries(&mut self) {
        while self.entries > ENTRIES_AT_MOST {
            let Some(gone) = self.rows.pop_front() else { return };
            self.entries -= gone.entries.len();
            self.lost[StoreLoss::Entries.index()] += gone.entries.len();
        }
    }

    fn bound_states(&mut self) {
        while self.state_bytes > STATE_BYTES_AT_MOST {
            let oldest = self.states.values().min_by_key(|state| state.seq);
            let Some(oldest) = oldest.map(|state| state.service.clone()) else { return };
            if let Some(gone) = self.states.remove(&oldest) {
                self.state_bytes -= gone.bytes();
                self.lost[StoreLoss::States.index()] += 1;
            }
        }
    }

    fn bound_facts(&mut self) {
        let surplus = self.facts.len().saturating_sub(FACTS_AT_MOST);
        self.facts.drain(..surplus);
        self.lost[StoreLoss::Facts.index()] += surplus;
    }

    fn bound_failures(&mut self) {
        let surplus = self.failures.len().saturating_sub(FAILURES_AT_MOST);
        self.failures.drain(..surplus);
        self.lost[StoreLoss::Failures.index()] += surplus;
    }
}

#[cfg(test)]
mod tests;
