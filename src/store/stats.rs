//! What the store counts of itself.
//!
//! Plain atomics, each written by one side only, read by whoever wants them at any time; a reading is not a consistent cut.
//!
//! Names of metrics are not known here.

use crate::model::{StoreFault, StoreLoss};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Counters and gauges of one store.
#[derive(Debug, Default)]
pub struct Stats {
    entries: AtomicU64,
    commits: AtomicU64,
    commit_nanos: AtomicU64,
    errors: [AtomicU64; StoreFault::ALL.len()],
    lost: [AtomicU64; StoreLoss::ALL.len()],
    pending: AtomicU64,
    bytes: AtomicU64,
    last_commit_ms: AtomicI64,
    healthy: AtomicBool,
}

/// The numbers at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Reading {
    /// Entries of the journal written.
    pub entries: u64,
    /// Transactions.
    pub commits: u64,
    /// Time spent in them.
    pub commit_time: Duration,
    /// Transactions that failed, by [`StoreFault::index`].
    pub errors: [u64; StoreFault::ALL.len()],
    /// What was dropped, by [`StoreLoss::index`].
    pub lost: [u64; StoreLoss::ALL.len()],
    /// Entries that wait to be written.
    pub pending: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// The last transaction that was stored, in milliseconds since the epoch; 0 before the first.
    pub last_commit_ms: i64,
    /// Whether the last attempt was stored.
    pub healthy: bool,
}

impl Stats {
    /// The numbers now.
    pub fn read(&self) -> Reading {
        Reading {
            entries: self.entries.load(Relaxed),
            commits: self.commits.load(Relaxed),
            commit_time: Duration::from_nanos(self.commit_nanos.load(Relaxed)),
            errors: self.errors.each_ref().map(|count| count.load(Relaxed)),
            lost: self.lost.each_ref().map(|count| count.load(Relaxed)),
            pending: self.pending.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            last_commit_ms: self.last_commit_ms.load(Relaxed),
            healthy: self.healthy.load(Relaxed),
        }
    }

    pub(super) fn stored(&self, entries: u64, took: Duration, at_ms: i64, bytes: u64) {
        self.entries.fetch_add(entries, Relaxed);
        self.commits.fetch_add(1, Relaxed);
        self.commit_nanos.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Relaxed);
        self.last_commit_ms.store(at_ms, Relaxed);
        self.bytes.store(bytes, Relaxed);
        self.healthy.store(true, Relaxed);
    }

    pub(super) fn opened(&self, bytes: u64) {
        self.bytes.store(bytes, Relaxed);
        self.healthy.store(true, Relaxed);
    }

    pub(super) fn failed(&self, fault: StoreFault) {
        self.errors[fault.index()].fetch_add(1, Relaxed);
        self.healthy.store(false, Relaxed);
    }

    pub(super) fn ended(&self) {
        self.healthy.store(false, Relaxed);
    }

    pub(super) fn lost(&self, what: StoreLoss, count: usize) {
        self.lost[what.index()].fetch_add(count as u64, Relaxed);
    }

    pub(super) fn pending(&self, entries: usize) {
        self.pending.store(entries as u64, Relaxed);
    }
}
