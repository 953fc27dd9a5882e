//! Everything that can change state, as one closed set.
//!
//! Workers send these through one bounded channel to the recorder. The events of a check come from one worker, in order;
//! a [`Event::Roll`] says that everything its worker started before `at` has been sent.
//!
//! What an event means is decided in `ledger`.

use super::heir::Heir;
use super::peers::heard::View;
use super::track::Told;
use crate::failover::Observation;
use crate::model::{CheckIndex, ProbeResult, Road, SkipCause, Timestamp};
use crate::store;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Something that can change state.
#[derive(Debug)]
pub enum Event {
    /// A run has started.
    Started {
        /// Which check.
        check: CheckIndex,
        /// When.
        at: Timestamp,
        /// An extra look, apart from the grid.
        recheck: bool,
    },
    /// The run of a check that had started has ended.
    Finished {
        /// Which check.
        check: CheckIndex,
        /// What it gave.
        result: Box<ProbeResult>,
    },
    /// Runs that were due did not happen.
    Skipped {
        /// Which check.
        check: CheckIndex,
        /// How many.
        count: u64,
        /// Why.
        cause: SkipCause,
    },
    /// Time has passed for these checks.
    Roll {
        /// All checks of the worker that says so.
        checks: Arc<[CheckIndex]>,
        /// Up to here.
        at: Timestamp,
    },
    /// The wall clock was set back under these checks.
    ClockBack {
        /// All checks of the worker that says so.
        checks: Arc<[CheckIndex]>,
        /// By how much; above zero.
        millis: i64,
        /// Whether this worker speaks for what belongs to no check alone; one of them does.
        leads: bool,
    },
    /// Another configuration takes the place of this one. Every worker waits, and speaks by the new one afterwards.
    Reload {
        /// What takes over.
        heir: Box<Heir>,
        /// Told when it has.
        done: mpsc::Sender<()>,
    },
    /// A public name was looked at.
    Looked {
        /// Its service.
        service: Arc<str>,
        /// When the look began.
        at: Timestamp,
        /// What was seen.
        seen: Box<Observation>,
    },
    /// Another vantage point was asked what it sees.
    Vouched {
        /// Its position among the peers.
        peer: usize,
        /// When it was asked.
        at: Timestamp,
        /// What it sees; `None` if it gave no answer that can be used.
        view: Option<Box<View>>,
    },
    /// A drill of a service's failover started or ended.
    Drill {
        /// The service.
        service: Arc<str>,
        /// As it is stored.
        fact: Box<store::Drill>,
        /// Told when it is taken in.
        done: mpsc::Sender<()>,
    },
    /// Maintenance was announced or ended; `desk` has the windows that are in force now.
    Maintenance {
        /// What changed, to be stored.
        fact: Box<store::Maintenance>,
        /// Told when it is taken in.
        done: mpsc::Sender<()>,
    },
}

/// What the recorder has to do after an event, in the order in which the ledger says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// What a run gave is settled; what follows from it comes next.
    Ran {
        /// Which check.
        check: CheckIndex,
        /// When it started.
        at: Timestamp,
        /// An extra look, apart from the grid.
        recheck: bool,
        /// What it gave.
        result: Box<ProbeResult>,
    },
    /// Look again at a check, soon.
    Recheck(Recheck),
    /// More is known of a check's past, for whoever keeps history.
    Told {
        /// Which check.
        check: CheckIndex,
        /// What is known.
        told: Told,
    },
    /// The health of a check changed.
    CheckChanged {
        /// Which check.
        check: CheckIndex,
        /// What it was and is.
        change: Change,
    },
    /// The joined state of a service on one provider changed.
    SideChanged {
        /// Position of the service.
        service: usize,
        /// Position of the side in the service.
        side: usize,
        /// What it was and is.
        change: Change,
    },
    /// What a fresh client of a service's public name gets changed.
    EntryChanged {
        /// Position of the service.
        service: usize,
        /// What it was and is.
        change: Change,
    },
    /// The joined state of a service over its sides changed (any side can serve).
    ServiceChanged {
        /// Position of the service.
        service: usize,
        /// What it was and is.
        change: Change,
    },
    /// Nothing is seen over a road any more, or something is again.
    SightChanged {
        /// The road.
        road: Road,
        /// From when on nothing was seen.
        since: Timestamp,
        /// Until when; `None` while it lasts.
        until: Option<Timestamp>,
    },
    /// A sentinel is broken, or answers again.
    SentinelChanged {
        /// Which sentinel.
        sentinel: CheckIndex,
        /// Whether it is broken.
        broken: bool,
    },
}

/// A wish to look at a check, soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recheck {
    /// Which check.
    pub check: CheckIndex,
    /// When.
    pub at: Timestamp,
    /// Void if the check has started a run after this: then what is to be known is about to be.
    pub after: Timestamp,
}

/// From one state to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it was.
    pub from: crate::model::State,
    /// What it is.
    pub to: crate::model::State,
    /// Since when.
    pub since: Timestamp,
}
