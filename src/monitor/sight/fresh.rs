//! The checks that were good last on a road, newest first: who can be asked for an alibi.
//!
//! A few are enough, each once.
//!
//! It asks nobody.

use super::ASKED;
use crate::model::CheckIndex;

/// A few checks, the newest first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fresh(pub(super) [Option<CheckIndex>; ASKED]);

impl Fresh {
    pub(super) fn add(&mut self, check: CheckIndex) {
        if !self.0.contains(&Some(check)) {
            self.0.rotate_right(1);
            self.0[0] = Some(check);
        }
    }

    pub(super) fn remove(&mut self, check: CheckIndex) {
        for each in &mut self.0 {
            each.take_if(|each| *each == check);
        }
    }

    /// The same checks where they are in another configuration, as far as they are there.
    pub(super) fn moved(self, to: impl Fn(CheckIndex) -> Option<CheckIndex>) -> Self {
        let mut fresh = Self::default();
        let kept = self.iter().filter_map(to);
        fresh.0.iter_mut().zip(kept).for_each(|(place, check)| *place = Some(check));
        fresh
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = CheckIndex> {
        self.0.into_iter().flatten()
    }
}
