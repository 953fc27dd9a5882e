//! What a way counts of itself: atomics that whoever scrapes reads.
//!
//! A gauge that was never set is absent, never 0.
//!
//! It names no metric.

use crate::model::{PushOutcome, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};

/// The counters of one way.
#[derive(Debug)]
pub struct Tally {
    receiver: Arc<str>,
    outcomes: [AtomicU64; PushOutcome::ALL.len()],
    /// Milliseconds since the epoch; 0 before the first.
    last_success: AtomicI64,
    healthy: AtomicBool,
    alerts: AtomicUsize,
}

/// What they say now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// Whose they are.
    pub receiver: Arc<str>,
    /// Deliveries, by position of their outcome.
    pub outcomes: [u64; PushOutcome::ALL.len()],
    /// The last delivery that was taken.
    pub last_success: Option<Timestamp>,
    /// Whether the last delivery was taken; true before the first.
    pub healthy: bool,
    /// Alerts that fire, as of the last look.
    pub alerts: usize,
}

impl Tally {
    pub(super) fn new(receiver: &Arc<str>) -> Self {
        Self {
            receiver: Arc::clone(receiver),
            outcomes: Default::default(),
            last_success: AtomicI64::new(0),
            healthy: AtomicBool::new(true),
            alerts: AtomicUsize::new(0),
        }
    }

    pub(super) fn count(&self, outcome: PushOutcome, at: Timestamp) {
        self.outcomes[outcome.index()].fetch_add(1, Ordering::Relaxed);
        let delivered = outcome == PushOutcome::Delivered;
        self.healthy.store(delivered, Ordering::Relaxed);
        if delivered {
            self.last_success.store(at.as_millis(), Ordering::Relaxed);
        }
    }

    pub(super) fn set_alerts(&self, firing: usize) {
        self.alerts.store(firing, Ordering::Relaxed);
    }

    /// What they say now.
    pub fn read(&self) -> Numbers {
        let last = self.last_success.load(Ordering::Relaxed);
        Numbers {
            receiver: Arc::clone(&self.receiver),
            outcomes: std::array::from_fn(|at| self.outcomes[at].load(Ordering::Relaxed)),
            last_success: (last > 0).then(|| Timestamp::from_millis(last)),
            healthy: self.healthy.load(Ordering::Relaxed),
            alerts: self.alerts.load(Ordering::Relaxed),
        }
    }
}
