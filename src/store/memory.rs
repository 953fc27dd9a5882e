//! A store without a file, for the simulation: the real engine on memory that outlives its daemon.
//!
//! Clones share the memory. Dropping a [`super::Store`] with its writer is a crash: what was committed stays, what waited is
//! gone. While a fault is set, every commit fails with it and stores nothing.
//!
//! It does not simulate time: a slow store is one that is not pumped.

use super::engine::{Batch, Engine, EngineError, Image, Roster};
use super::error::Error;
use super::sqlite::Sqlite;
use crate::model::StoreFault;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Memory that can be crashed and opened again.
#[derive(Clone)]
pub struct Memory {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    engine: Sqlite,
    fault: Option<StoreFault>,
    commits: u64,
}

impl Memory {
    /// An empty store, made at `now_ms`.
    pub fn new(now_ms: i64) -> Result<Self, Error> {
        let engine = Sqlite::in_memory(now_ms)?;
        Ok(Self { inner: Arc::new(Mutex::new(Inner { engine, fault: None, commits: 0 })) })
    }

    /// From now on every commit fails with this, or none does.
    pub fn set_fault(&self, fault: Option<StoreFault>) {
        self.lock().fault = fault;
    }

    /// What is in it now, as a reader sees it.
    pub fn image(&self) -> Result<Image, Error> {
        self.lock().engine.image()
    }

    /// Batches stored so far.
    pub fn commits(&self) -> u64 {
        self.lock().commits
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine for Memory {
    fn load(&mut self, roster: &Roster, now_ms: i64) -> Result<Image, Error> {
        self.lock().engine.load(roster, now_ms)
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), EngineError> {
        let mut inner = self.lock();
        if let Some(fault) = inner.fault {
            return Err(EngineError { fault, source: "the simulated disk fails".into() });
        }
        inner.engine.commit(batch)?;
        inner.commits += 1;
        Ok(())
    }

    fn prune(&mut self, now_ms: i64) -> Result<(), EngineError> {
        self.lock().engine.prune(now_ms)
    }

    fn bytes(&self) -> u64 {
        self.lock().engine.bytes()
    }
}
