//! Outages as objects: one per side, and per service when no side can serve (S13).
//!
//! One opens when the joined health goes down, backdated to the first bad result, and ends with the first good one of the
//! confirming run. Time in which the monitor could not tell ends nothing, nor does a restart. The id is made from what it is
//! about and its start, so that it never changes afterwards.
//!
//! It is pure; who is told, and where outages are kept, is the recorder's.

use super::event::Change;
use crate::model::{Reason, State, Timestamp};
use crate::slo::joint::Scope;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Ended outages that are kept in memory, over all services.
const KEEP_ENDED: usize = 1_000;

/// What an outage is about: a service, and of it one side, all sides together (`any`) or its public name.
pub type Subject = (usize, Scope);

/// Something was down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// `service/scope/start`, the start in Unix seconds.
    pub id: Arc<str>,
    /// Name of the service.
    pub service: Arc<str>,
    /// `any`, `entry` or `provider:NAME`.
    pub scope: Arc<str>,
    /// The provider; empty when it is about all sides.
    pub provider: Arc<str>,
    /// The first bad result.
    pub started: Timestamp,
    /// The first good one of the confirming run; `None` while it lasts.
    pub ended: Option<Timestamp>,
    /// Why the check that brought it down failed.
    pub reason: Option<Reason>,
    /// That check.
    pub check: Option<Arc<str>>,
    /// What was seen, in one sentence.
    pub said: Option<Arc<str>>,
}

/// What brought something down.
#[derive(Clone, Debug)]
pub struct Why {
    /// The check that failed last.
    pub check: Arc<str>,
    /// Its reason.
    pub reason: Reason,
    /// What was seen.
    pub said: Arc<str>,
}

/// The outages that last, and the last ones that ended.
#[derive(Debug, Default)]
pub struct Outages {
    open: BTreeMap<Subject, Outage>,
    ended: VecDeque<Outage>,
}

impl Outages {
    /// Takes over what was stored: an outage goes on if it had not ended.
    pub fn recall(&mut self, subject: Option<Subject>, outage: Outage) {
        match subject.filter(|_| outage.ended.is_none()) {
            Some(subject) => {
                self.open.insert(subject, outage);
            }
            None => self.keep(outage),
        }
    }

    /// The state of `subject`, called `service` and `scope`, changed; gives back the outage that began or ended by that.
    pub fn change(
        &mut self,
        subject: Subject,
        (service, scope, provider): (&str, &str, &str),
        change: Change,
        why: Option<&Why>,
    ) -> Option<Outage> {
        let is_good = change.to == State::Up
            // Up with a warning; from unknown it would only be a result that is not confirmed yet.
            || (change.to == State::Degraded && change.from == State::Down);
        if change.to == State::Down && !self.open.contains_key(&subject) {
            let start = change.since.as_millis().div_euclid(1_000);
            let outage = Outage {
                id: format!("{service}/{scope}/{start}").into(),
                service: service.into(),
                scope: scope.into(),
                provider: provider.into(),
                started: change.since,
                ended: None,
                reason: why.map(|why| why.reason),
                check: why.map(|why| Arc::clone(&why.check)),
                said: why.map(|why| Arc::clone(&why.said)),
            };
            self.open.insert(subject, outage.clone());
            return Some(outage);
        }
        if !is_good {
            return None;
        }
        let mut outage = self.open.remove(&subject)?;
        outage.ended = Some(change.since.max(outage.started));
        self.keep(outage.clone());
        Some(outage)
    }

    /// The wall clock was set by `millis`: what lasts began so much later or earlier. Gives back what lasts.
    pub fn shift(&mut self, millis: i64) -> Vec<Outage> {
        for outage in self.open.values_mut() {
            outage.started = outage.started.shifted(millis);
        }
        self.open.values().cloned().collect()
    }

    /// Those that last.
    pub fn open(&self) -> impl Iterator<Item = &Outage> {
        self.open.values()
    }

    /// When the outage of this id ended, if it did and is remembered.
    pub fn end_of(&self, id: &str) -> Option<Timestamp> {
        self.ended.iter().rev().find(|outage| *outage.id == *id)?.ended
    }

    /// Those that last, then those that ended, the newest first.
    pub fn list(&self) -> Vec<Outage> {
        let mut open: Vec<_> = self.open.values().cloned().collect();
        open.sort_by_key(|outage| std::cmp::Reverse(outage.started));
        open.extend(self.ended.iter().rev().cloned());
        open
    }

    fn keep(&mut self, outage: Outage) {
        if self.ended.len() == KEEP_ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back(outage);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1_000)
    }

    /// What one subject goes through; gives back (start, end) of each outage told.
    fn told(changes: &[(State, State, i64)]) -> Vec<(i64, Option<i64>)> {
        let mut outages = Outages::default();
        let change = |(from, to, since): &(State, State, i64)| {
            let change = Change { from: *from, to: *to, since: at(*since) };
            outages.change((0, Scope::Side(0)), ("shop", "provider:aws", "aws"), change, None)
        };
        let told = changes.iter().filter_map(change);
        let second = |at: Timestamp| at.as_millis() / 1_000;
        told.map(|outage| (second(outage.started), outage.ended.map(second))).collect()
    }

    use State::{Degraded, Down, Unknown, Up};

    #[test]
    fn an_outage_lasts_from_the_first_bad_result_to_the_first_good_one() {
        let changes = [(Up, Degraded, 30), (Degraded, Down, 30), (Down, Up, 90)];
        assert_eq!(told(&changes), [(30, None), (30, Some(90))]);
    }

    #[test]
    fn what_could_not_be_seen_ends_no_outage() {
        let changes =
            [(Up, Down, 30), (Down, Unknown, 60), (Unknown, Degraded, 90), (Degraded, Down, 90)];
        assert_eq!(told(&changes), [(30, None)]);
        let changes = [(Up, Down, 30), (Down, Unknown, 60), (Unknown, Up, 90)];
        assert_eq!(told(&changes), [(30, None), (30, Some(90))]);
    }

    #[test]
    fn up_with_a_warning_ends_an_outage() {
        assert_eq!(told(&[(Up, Down, 30), (Down, Degraded, 60)]), [(30, None), (30, Some(60))]);
    }

    #[test]
    fn an_outage_keeps_its_length_and_its_id_when_the_clock_is_set() {
        let mut outages = Outages::default();
        let name = ("shop", "any", "");
        let change = |from, to, since| Change { from, to, since: at(since) };
        let begun = outages.change((0, Scope::Any), name, change(Up, Down, 5_000), None).unwrap();
        assert_eq!(outages.shift(-3_600_000)[0].started, at(1_400));
        let ended = outages.change((0, Scope::Any), name, change(Down, Up, 1_460), None).unwrap();
        assert_eq!((ended.started, ended.ended), (at(1_400), Some(at(1_460))));
        assert_eq!(ended.id, begun.id);
    }

    #[test]
    fn ended_outages_are_bounded() {
        let mut outages = Outages::default();
        for number in 0..2_000 {
            let change = |from, to, since| Change { from, to, since: at(since) };
            let name = ("shop", "any", "");
            outages.change((0, Scope::Any), name, change(Up, Down, number * 10), None);
            outages.change((0, Scope::Any), name, change(Down, Up, number * 10 + 5), None);
        }
        assert_eq!(outages.list().len(), KEEP_ENDED);
    }
}
