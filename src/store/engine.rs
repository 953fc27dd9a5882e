//! The seam between what the store promises and what keeps it: one trait, what goes in, and what comes back.
//!
//! A batch is stored as a whole or not at all; storing the same batch again changes nothing. The real engine is SQLite on a
//! file, the simulation's is SQLite in memory, and tests wrap either to make it fail.
//!
//! When a batch is made and what happens when it fails is the writer's matter.

use super::error::{Cause, Error};
use super::fact::{Alert, Drill, Fact, Failover, Failure, Maintenance, Outage, Promise};
use super::record::{self, CheckState, Entry, ScopeCount, Word};
use crate::model::StoreFault;
use std::path::PathBuf;

/// What keeps the records.
pub trait Engine: Send {
    /// Makes the roster known (names get numbers, old names give their history to new ones) and gives back what is stored.
    fn load(&mut self, roster: &Roster, now_ms: i64) -> Result<Image, Error>;

    /// Stores all of the batch or nothing of it.
    fn commit(&mut self, batch: &Batch) -> Result<(), EngineError>;

    /// Deletes some of what is older or more than is kept; called again and again.
    fn prune(&mut self, now_ms: i64) -> Result<(), EngineError>;

    /// Bytes it takes on disk.
    fn bytes(&self) -> u64;
}

/// A batch could not be stored.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the store")]
pub struct EngineError {
    /// What kind of failure it was.
    pub fault: StoreFault,
    /// What the database said.
    pub source: Cause,
}

/// Names that the configuration has, and what they were called before.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Roster {
    /// This vantage point.
    pub vantage: String,
    /// Every reason and cause that may come.
    pub words: Vec<String>,
    /// The services.
    pub services: Vec<Name>,
    /// The checks, by their ids.
    pub checks: Vec<Name>,
}

/// A name, and what it was called before.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Name {
    /// The name now.
    pub name: String,
    /// Names it had; the first one with a history gives it away, unless the new name has one.
    pub formerly: Vec<String>,
}

impl From<&str> for Name {
    fn from(name: &str) -> Self {
        Self { name: name.to_owned(), formerly: Vec::new() }
    }
}

/// What is stored in one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Batch {
    /// Becomes the heartbeat.
    pub at_ms: i64,
    /// Rows of the journal, in order.
    pub rows: Vec<Row>,
    /// States of services, each containing every row up to its number.
    pub states: Vec<StateRow>,
    /// In order.
    pub facts: Vec<Fact>,
    /// In order.
    pub failures: Vec<Failure>,
    /// The daemon stops, and this is the last batch.
    pub last: bool,
}

impl Batch {
    /// Whether there is nothing in it but its time.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
            && self.states.is_empty()
            && self.facts.is_empty()
            && self.failures.is_empty()
    }
}

/// One row of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The number of the last batch of the recorder in it.
    pub seq: u64,
    /// In order.
    pub entries: Vec<Entry>,
}

/// The state of one service in its stored form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateRow {
    /// The service.
    pub service: String,
    /// The last row of the journal that is contained.
    pub seq: u64,
    /// Its scopes.
    pub scopes: Vec<u8>,
    /// Its checks by number.
    pub checks: Vec<(u32, Vec<u8>)>,
}

impl StateRow {
    /// How many bytes it holds, nearly.
    pub fn bytes(&self) -> usize {
        let checks: usize = self.checks.iter().map(|(_, state)| state.len() + 64).sum();
        self.scopes.len() + checks + 128
    }
}

/// What is stored, as of an opening.
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// Where it was read from; empty for one in memory.
    pub file: PathBuf,
    /// Which vantage point it belongs to: the one of the roster, or what the store said if that was empty.
    pub vantage: String,
    /// When the store was made.
    pub created_ms: i64,
    /// Numbers of reasons and causes.
    pub words: Words,
    /// The number of each check of the roster, in its order.
    pub numbers: Vec<u32>,
    /// What is known of services, by name; also of those that are not in the roster.
    pub services: Vec<StoredService>,
    /// What is known of checks, by number; also of those that are not in the roster.
    pub checks: Vec<StoredCheck>,
    /// The journal after the oldest state, oldest first. An entry counts for a check only if its row's number is above the
    /// check's.
    pub journal: Vec<Row>,
    /// The highest number of a row or a state; the recorder goes on above it.
    pub last_seq: u64,
    /// The last commit.
    pub heartbeat_ms: Option<i64>,
    /// Whether the last daemon stopped in peace.
    pub stopped_cleanly: bool,
    /// Outages that have not ended.
    pub open_outages: Vec<Outage>,
    /// All that is kept, by its beginning.
    pub maintenance: Vec<Maintenance>,
    /// All that is kept, by service, slo and the time from which it holds.
    pub promises: Vec<Promise>,
    /// The newest revision of each closed period.
    pub frozen: Vec<FrozenPeriod>,
    /// The last failovers of each service, by their beginning.
    pub failovers: Vec<Failover>,
    /// The last drills of each service, by their start.
    pub drills: Vec<Drill>,
    /// Alerts that fire, or that not everybody has learnt the end of; only for a daemon, not for who just reads.
    pub alerts: Vec<Alert>,
}

/// That a closed period is frozen, without its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrozenPeriod {
    /// The service.
    pub service: String,
    /// The name of the slo within the service.
    pub slo: String,
    /// Such as `2026-10`.
    pub period: String,
    /// Where it begins.
    pub from_ms: i64,
    /// Where it ends.
    pub to_ms: i64,
    /// The newest one.
    pub revision: u32,
}

/// A service as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredService {
    /// Its name.
    pub name: String,
    /// The last row of the journal that is contained in `scopes`.
    pub seq: u64,
    /// Time by scope.
    pub scopes: Vec<ScopeCount>,
}

/// A check as stored. Its state stays packed until it is asked for, so that a hundred thousand take little memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCheck {
    /// Its number.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// The last row of the journal that is contained in its state.
    pub seq: u64,
    /// The record, with a checksum that was right; empty if there is no state yet.
    pub(super) state: Vec<u8>,
}

impl StoredCheck {
    /// Whether a state of it was ever stored.
    pub fn has_state(&self) -> bool {
        !self.state.is_empty()
    }

    /// Its state; `None` for a name that was never stored before.
    pub fn state(&self) -> Result<Option<CheckState>, record::Malformed> {
        if self.state.is_empty() {
            return Ok(None);
        }
        record::decode_check(&self.state).map(Some)
    }
}

/// Numbers of reasons and causes, given once and for ever.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Words(pub(super) Vec<String>);

impl Words {
    /// The number of `word`, if the store has ever met it.
    pub fn number(&self, word: &str) -> Option<Word> {
        let at = self.0.iter().position(|each| each == word)?;
        u16::try_from(at).ok().map(Word)
    }

    /// The spelling; `None` if the number was never given.
    pub fn spelling(&self, word: Word) -> Option<&str> {
        self.0.get(usize::from(word.0)).map(String::as_str)
    }
}
