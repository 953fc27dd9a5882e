//! The probers of one worker, each made ready once.
//!
//! Built inside the worker's runtime, because resolver and clients belong to it. A run is one call of one prober. When the
//! configuration changes, a prober of a check that does what it did goes on; the others are made anew,
//! and what only the former ones needed is let go.
//!
//! It does not schedule and does not judge.

use super::scheduler::Share;
use super::{Error, Runner};
use crate::model::{Check, CheckIndex, ProbeResult};
use crate::probe::{Engine, Prober};
use futures_util::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The probers of one worker.
pub(super) struct Fleet {
    checks: Arc<[CheckIndex]>,
    all: Arc<[Arc<Check>]>,
    probers: Vec<Arc<Prober>>,
    engine: Arc<Engine>,
}

impl Fleet {
    /// Makes the probers of a share ready. Must be called inside the runtime that will use them.
    pub(super) fn build(share: &Share, engine: &Arc<Engine>) -> Result<Self, Error> {
        Self::build_beside(share, engine, |_| None)
    }

    /// As [`Self::build`], with those that `known` has already.
    fn build_beside(
        share: &Share,
        engine: &Arc<Engine>,
        known: impl Fn(&Check) -> Option<Arc<Prober>>,
    ) -> Result<Self, Error> {
        let build = |index: &CheckIndex| {
            let check = &share.all[index.get()];
            if let Some(prober) = known(check) {
                return Ok(prober);
            }
            let built = Prober::build(&check.spec, engine).map(Arc::new);
            built.map_err(|source| Error::Prober { check: check.id.to_string(), source })
        };
        let probers = share.checks.iter().map(build).collect::<Result<_, _>>()?;
        let (checks, all) = (Arc::clone(&share.checks), Arc::clone(&share.all));
        Ok(Self { checks, all, probers, engine: Arc::clone(engine) })
    }
}

impl Runner for Fleet {
    fn run(&self, check: CheckIndex, timeout: Duration) -> BoxFuture<'static, ProbeResult> {
        let position = self.checks.binary_search(&check).expect("a worker runs its own checks");
        let prober = Arc::clone(&self.probers[position]);
        Box::pin(async move { prober.probe(timeout).await })
    }

    fn succeed(&self, share: &Share) -> Result<Arc<dyn Runner>, Error> {
        let mine = self.checks.iter().zip(&self.probers);
        let mine: BTreeMap<&str, (&Check, &Arc<Prober>)> = mine
            .map(|(index, prober)| {
                let check = &*self.all[index.get()];
                (check.id.as_str(), (check, prober))
            })
            .collect();
        let known = |check: &Check| {
            let (mine, prober) = mine.get(check.id.as_str())?;
            (mine.spec == check.spec).then(|| Arc::clone(prober))
        };
        Ok(Arc::new(Self::build_beside(share, &self.engine, known)?))
    }

    fn settle(&self) {
        self.engine.keep_only(self.checks.iter().map(|index| &*self.all[index.get()].spec));
    }
}
