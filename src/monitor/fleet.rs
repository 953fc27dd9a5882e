//! The probers of one worker, each made ready once.
//!
//! Built inside the worker's runtime, because resolver and clients belong to it. A run is one call of one prober.
//!
//! It does not schedule and does not judge.

use super::Runner;
use crate::model::{Check, CheckIndex, ProbeResult};
use crate::probe::{Engine, Error, Prober};
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

/// The probers of one worker.
pub(super) struct Fleet {
    checks: Arc<[CheckIndex]>,
    probers: Vec<Arc<Prober>>,
}

impl Fleet {
    /// Makes the probers of `checks` (ascending) ready. Must be called inside the runtime that will use them.
    pub(super) fn build(
        checks: &Arc<[CheckIndex]>,
        all: &[Arc<Check>],
        engine: &Arc<Engine>,
    ) -> Result<Self, (CheckIndex, Error)> {
        let build = |check: &CheckIndex| {
            Prober::build(&all[check.get()].spec, engine).map(Arc::new).map_err(|e| (*check, e))
        };
        let probers = checks.iter().map(build).collect::<Result<_, _>>()?;
        Ok(Self { checks: Arc::clone(checks), probers })
    }
}

impl Runner for Fleet {
    fn run(&self, check: CheckIndex, timeout: Duration) -> BoxFuture<'static, ProbeResult> {
        let position = self.checks.binary_search(&check).expect("a worker runs its own checks");
        let prober = Arc::clone(&self.probers[position]);
        Box::pin(async move { prober.probe(timeout).await })
    }
}
