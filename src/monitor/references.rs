//! What is known of the references: sentinels, canaries, shared dependencies.
//!
//! The recorder is the only writer; faces and rules read copies. There are a few dozen of them, so one lock is enough.
//!
//! It keeps no history and draws no conclusion.

use super::snapshot::Standing;
use super::track::Track;
use crate::model::{
    Check, CheckIndex, ProbeResult, Reference, ReferenceRole, State, Timestamp, Verdict,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is known of all references. Cloning it clones a handle.
#[derive(Clone)]
pub struct References(Arc<Inner>);

struct Inner {
    /// The `CheckIndex` of the first one.
    first: usize,
    views: Mutex<Vec<ReferenceView>>,
}

/// What is known of one reference.
#[derive(Clone, Debug)]
pub struct ReferenceView {
    /// How it is looked at; its id is such as `@canary/aws/eu-central-1`.
    pub check: Arc<Check>,
    /// What it stands for.
    pub role: ReferenceRole,
    /// Its health as a state.
    pub standing: Standing,
    /// Its last run.
    pub last: Option<LastLook>,
    /// Since when it has been silent while checks succeed: a broken sentinel (S9).
    pub broken: Option<Timestamp>,
}

/// The last run of a reference.
#[derive(Clone, Debug)]
pub struct LastLook {
    /// When it started.
    pub at: Timestamp,
    /// What it gave.
    pub verdict: Verdict,
    /// What was seen, in one sentence.
    pub said: Arc<str>,
}

impl References {
    /// Nothing is known as of `now`; the first one has the index `first`.
    pub fn new(references: &[Reference], first: usize, now: Timestamp) -> Self {
        let unknown = Standing { state: State::Unknown, since: now };
        let view = |reference: &Reference| ReferenceView {
            check: Arc::clone(&reference.check),
            role: reference.role,
            standing: unknown,
            last: None,
            broken: None,
        };
        let views = Mutex::new(references.iter().map(view).collect());
        Self(Arc::new(Inner { first, views }))
    }

    /// Knows what `old` knew of those that it had; they are known by their names.
    pub(super) fn succeed(&self, old: &Self) {
        let before = old.list();
        for view in self.lock().iter_mut() {
            if let Some(was) = before.iter().find(|each| each.check.id == view.check.id) {
                let ReferenceView { standing, last, broken, .. } = was.clone();
                let (check, role) = (Arc::clone(&view.check), view.role);
                *view = ReferenceView { check, role, standing, last, broken };
            }
        }
    }

    /// All of them, in the order of the configuration.
    pub fn list(&self) -> Vec<ReferenceView> {
        self.lock().clone()
    }

    /// The index of the one at a position.
    pub(super) fn index(&self, position: usize) -> CheckIndex {
        CheckIndex(u32::try_from(self.0.first + position).expect("fewer than 2^32 checks"))
    }

    /// A run that started at `at` has ended.
    pub(super) fn keep(&self, check: CheckIndex, at: Timestamp, run: &ProbeResult) {
        let said = run.said.as_str().into();
        let last = LastLook { at, verdict: run.outcome.verdict(), said };
        self.lock()[check.get() - self.0.first].last = Some(last);
    }

    /// Takes over what the ledger says of one.
    pub(super) fn settle(&self, check: CheckIndex, track: &Track) {
        let standing = Standing { state: track.state(), since: track.since() };
        self.lock()[check.get() - self.0.first].standing = standing;
    }

    /// A sentinel was found broken, or answers again.
    pub(super) fn set_broken(&self, check: CheckIndex, since: Option<Timestamp>) {
        self.lock()[check.get() - self.0.first].broken = since;
    }

    /// The sentinels that are broken, by the id of their check, and since when.
    pub(super) fn broken(&self) -> Vec<(Arc<str>, Timestamp)> {
        let views = self.lock();
        let broken = views.iter().filter_map(|view| Some((view.check.id.shared(), view.broken?)));
        broken.collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<ReferenceView>> {
        self.0.views.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
