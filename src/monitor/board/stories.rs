//! The stories of the last failures, apart from the entries of checks: where nothing fails, nothing is kept.
//!
//! A few of each check, and of all checks together no more than [`ALL_AT_MOST`] bytes: when it is more, the oldest goes,
//! whosever it is. They live as long as the daemon does, and go over to the next configuration with their checks.
//!
//! It does not know what is in a story.

use crate::model::{CheckIndex, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Stories that are kept of a check.
const OF_A_CHECK: usize = 3;

/// Bytes of all stories together.
const ALL_AT_MOST: usize = 16 * 1024 * 1024;

/// Bytes that a story takes beside its text, about.
const BESIDE: usize = 128;

/// The stories of the last failures.
#[derive(Default)]
pub(super) struct Stories {
    /// Of each check, oldest first.
    of: BTreeMap<CheckIndex, VecDeque<(Timestamp, Arc<str>)>>,
    /// Whose each of them is, oldest first.
    order: VecDeque<CheckIndex>,
    bytes: usize,
}

impl Stories {
    /// Keeps the story of the run that started at `at`.
    pub(super) fn keep(&mut self, check: CheckIndex, at: Timestamp, story: Arc<str>) {
        let own = self.of.get(&check).map_or(0, VecDeque::len);
        if own == OF_A_CHECK
            && let Some(place) = self.order.iter().position(|whose| *whose == check)
        {
            self.order.remove(place);
            self.drop_oldest_of(check);
        }
        self.bytes += story.len() + BESIDE;
        self.of.entry(check).or_default().push_back((at, story));
        self.order.push_back(check);
        while self.bytes > ALL_AT_MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.drop_oldest_of(oldest);
        }
    }

    fn drop_oldest_of(&mut self, check: CheckIndex) {
        let Some(own) = self.of.get_mut(&check) else { return };
        if let Some((_, story)) = own.pop_front() {
            self.bytes -= story.len() + BESIDE;
        }
        if own.is_empty() {
            self.of.remove(&check);
        }
    }

    /// The story of the run that started at `at`.
    pub(super) fn at(&self, check: CheckIndex, at: Timestamp) -> Option<Arc<str>> {
        let own = self.of.get(&check)?;
        own.iter().find(|(started, _)| *started == at).map(|(_, story)| Arc::clone(story))
    }

    /// The story of the last failure.
    pub(super) fn last(&self, check: CheckIndex) -> Option<Arc<str>> {
        self.of.get(&check)?.back().map(|(_, story)| Arc::clone(story))
    }

    /// The wall clock was set by `millis`: what is kept of this check was so much later or earlier.
    pub(super) fn shift(&mut self, check: CheckIndex, millis: i64) {
        for (at, _) in self.of.get_mut(&check).into_iter().flatten() {
            *at = at.shifted(millis);
        }
    }

    /// The same where each check has its new place; without those that have none.
    pub(super) fn moved(&self, places: &BTreeMap<CheckIndex, CheckIndex>) -> Self {
        let mut moved = Self::default();
        moved.order.extend(self.order.iter().filter_map(|check| places.get(check)));
        for (check, own) in &self.of {
            if let Some(to) = places.get(check) {
                moved.bytes += own.iter().map(|(_, story)| story.len() + BESIDE).sum::<usize>();
                moved.of.insert(*to, own.clone());
            }
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn story(length: usize) -> Arc<str> {
        "s".repeat(length).into()
    }

    #[test]
    fn a_check_keeps_its_last_ones() {
        let (mut stories, check) = (Stories::default(), CheckIndex(7));
        assert!(stories.of.is_empty() && stories.order.capacity() == 0, "nothing yet");
        for run in 0..5 {
            stories.keep(check, at(run), story(10));
        }
        let kept: Vec<_> = (0..5).filter(|run| stories.at(check, at(*run)).is_some()).collect();
        assert_eq!(kept, [2, 3, 4]);
        assert_eq!(stories.bytes, 3 * (10 + BESIDE));
        stories.shift(check, 100);
        assert!(stories.at(check, at(104)).is_some() && stories.at(check, at(4)).is_none());
        assert!(stories.last(CheckIndex(8)).is_none());
    }

    #[test]
    fn all_together_are_bounded_and_the_oldest_goes_first() {
        let mut stories = Stories::default();
        let most = ALL_AT_MOST / (4_096 + BESIDE);
        let checks = u32::try_from(most).unwrap() + 100;
        for check in 0..checks {
            stories.keep(CheckIndex(check), at(1), story(4_096));
        }
        assert!(stories.bytes <= ALL_AT_MOST);
        assert_eq!((stories.of.len(), stories.order.len()), (most, most));
        let has = |check: u32| stories.last(CheckIndex(check)).is_some();
        assert!(!has(99) && has(100) && has(checks - 1));
    }

    #[test]
    fn a_reload_takes_along_those_of_checks_that_stay() {
        let mut stories = Stories::default();
        for (run, check) in [(1, 0), (2, 1), (3, 2), (4, 0)] {
            stories.keep(CheckIndex(check), at(run), story(10));
        }
        let places = [(CheckIndex(0), CheckIndex(5)), (CheckIndex(2), CheckIndex(0))].into();
        let moved = stories.moved(&places);
        assert!(
            moved.at(CheckIndex(5), at(1)).is_some() && moved.at(CheckIndex(5), at(4)).is_some()
        );
        assert!(moved.at(CheckIndex(0), at(3)).is_some() && moved.last(CheckIndex(1)).is_none());
        assert_eq!(moved.order, [CheckIndex(5), CheckIndex(0), CheckIndex(5)]);
        assert_eq!(moved.bytes, 3 * (10 + BESIDE));
    }
}
