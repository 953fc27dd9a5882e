//! Outages as objects: one per side, per service when no side can serve, and per public name that leads nowhere (S13).
//!
//! One opens when the joined health goes down, backdated to the first bad result, and ends with the first good one of the
//! confirming run. Time in which the monitor could not tell ends nothing, nor does a restart. The id is made from what it is
//! about and its start, so that it never changes afterwards.
//!
//! Whose outage it is ([`crate::blame`]) is judged when it opens and again while it lasts; every revision is kept with what was
//! seen then. Outages with one cause are one [`Incident`].
//!
//! It is pure; who is told, and where outages are kept, is the recorder's.

mod incident;
mod kept;

pub use incident::{Incident, Line};

use super::event::Change;
use super::scene::Scene;
use crate::blame::{Evidence, Judgement, Region, judge};
use crate::model::{Blame, CheckIndex, Plane, Reason, State, Timestamp, Verdict};
use crate::slo::joint::Scope;
use incident::{Incidents, Member};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Ended outages that are kept in memory, over all services.
const KEEP_ENDED: usize = 1_000;

/// Affected checks that an outage names; all are counted.
pub const CHECKS_NAMED: usize = 20;

/// Revisions of blame that are kept of an outage: the first, and the last ones.
pub const REVISIONS_KEPT: usize = 8;

/// What lasts is judged anew once in so long.
const JUDGED_EVERY: Duration = Duration::from_secs(1);

/// Where very many last, what is new is judged together: all of them are looked at each time, and each has this of the time.
const JUDGED_PER: Duration = Duration::from_micros(100);

/// What an outage is about: a service, and of it one side, all sides together (`any`) or its public name.
pub type Subject = (usize, Scope);

/// Something was down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// Whose it is; `None` until it was judged.
    pub blame: Option<Blame>,
    /// The shared dependency, or the provider with its region, that is blamed; else empty.
    pub blamed: Arc<str>,
    /// What broke one cloud has broken another one too.
    pub coupled: bool,
    /// The incident it belongs to; empty until it was judged.
    pub incident: Arc<str>,
    /// Every judgement with what it rests on, in order; the last one holds.
    pub revisions: Arc<[Revision]>,
    /// The first checks of it that were seen to be down.
    pub checks: Arc<[Arc<str>]>,
    /// How many checks of it were seen to be down.
    pub checks_count: usize,
}

/// A judgement of blame, and when it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// When.
    pub at: Timestamp,
    /// Whose it was from then on.
    pub judgement: Judgement,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
}

/// The canaries of a region's data plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanaryView {
    /// The provider.
    pub provider: Arc<str>,
    /// The region.
    pub region: Arc<str>,
    /// What they say together.
    pub said: Verdict,
    /// They are bad while the services beside them are good: their own problem, and nobody's blame.
    pub fails_alone: bool,
}

/// What a round of judging has found.
#[derive(Debug, Default)]
pub struct Judged {
    /// Outages of which something is new, to be stored.
    pub changed: Vec<Outage>,
    /// What is to be told, to people.
    pub lines: Vec<Line>,
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
    open: BTreeMap<Subject, Open>,
    ended: VecDeque<Outage>,
    incidents: Incidents,
    judged: Option<Timestamp>,
    /// Something began or ended since the last judgement.
    stirred: bool,
    canaries: Vec<CanaryView>,
}

/// An outage that lasts.
#[derive(Debug)]
struct Open {
    outage: Outage,
    affected: BTreeSet<CheckIndex>,
    /// A judgement that has not lasted long enough to take the place of the one before, and since when.
    waiting: Option<(Judgement, Timestamp)>,
}

impl Outages {
    /// Takes over what was stored: an outage goes on if it had not ended.
    pub fn recall(&mut self, subject: Option<Subject>, outage: Outage) {
        match subject.filter(|_| outage.ended.is_none()) {
            Some(subject) => {
                self.open.insert(subject, Open::new(outage));
                self.stirred = true;
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
                ..Outage::default()
            };
            self.open.insert(subject, Open::new(outage.clone()));
            self.stirred = true;
            return Some(outage);
        }
        if !is_good {
            return None;
        }
        let Open { mut outage, .. } = self.open.remove(&subject)?;
        let end = change.since.max(outage.started);
        outage.ended = Some(end);
        self.incidents.note_end(&outage.incident, end);
        self.stirred = true;
        self.keep(outage.clone());
        Some(outage)
    }

    /// The wall clock was set by `millis`: what lasts began so much later or earlier. Gives back what lasts.
    pub fn shift(&mut self, millis: i64) -> Vec<Outage> {
        for open in self.open.values_mut() {
            open.outage.started = open.outage.started.shifted(millis);
            open.waiting = None;
        }
        self.incidents.shift(millis);
        self.judged = None;
        self.open.values().map(|open| open.outage.clone()).collect()
    }

    /// Whether something is down, and nobody has asked yet whose it is.
    pub fn is_unjudged(&self, subject: Subject) -> bool {
        self.open.get(&subject).is_some_and(|open| open.outage.blame.is_none())
    }

    /// Everything stands elsewhere in another configuration: `subject` says where what an outage is about is now and how its
    /// service is called, `check` where a check is. What nobody looks at any more ends at `now`, and is given back.
    pub fn moved(
        &mut self,
        now: Timestamp,
        subject: impl Fn(Subject, &Outage) -> Option<(Subject, Arc<str>)>,
        service: impl Fn(usize) -> Option<usize>,
        check: impl Fn(CheckIndex) -> Option<CheckIndex>,
    ) -> Vec<Outage> {
        let mut gone = Vec::new();
        for (was, mut open) in std::mem::take(&mut self.open) {
            if let Some((to, name)) = subject(was, &open.outage) {
                open.outage.service = name;
                open.affected = open.affected.into_iter().filter_map(&check).collect();
                self.open.insert(to, open);
                continue;
            }
            let mut outage = open.outage;
            let end = now.max(outage.started);
            outage.ended = Some(end);
            self.incidents.note_end(&outage.incident, end);
            self.keep(outage.clone());
            gone.push(outage);
        }
        self.incidents.moved(service, check);
        self.stirred = true;
        gone
    }

    /// Those that last.
    pub fn open(&self) -> impl Iterator<Item = &Outage> {
        self.open.values().map(|open| &open.outage)
    }

    /// When the outage of this id ended, if it did and is remembered.
    pub fn end_of(&self, id: &str) -> Option<Timestamp> {
        self.ended.iter().rev().find(|outage| *outage.id == *id)?.ended
    }

    /// Those that last, then those that ended, the newest first.
    pub fn list(&self) -> Vec<Outage> {
        let mut open: Vec<_> = self.open.values().map(|open| open.outage.clone()).collect();
        open.sort_by_key(|outage| std::cmp::Reverse(outage.started));
        open.extend(self.ended.iter().rev().cloned());
        open
    }

    /// The incidents that last, by their causes.
    pub fn open_incidents(&self) -> impl Iterator<Item = &Incident> {
        self.incidents.open()
    }

    /// A copy of the incidents that last, by their causes.
    pub fn incidents(&self) -> Vec<Incident> {
        self.incidents.open().cloned().collect()
    }

    /// The canaries of each region that has some, when it was last looked.
    pub fn canaries(&self) -> &[CanaryView] {
        &self.canaries
    }

    /// Something that bears on blame has changed.
    pub fn stir(&mut self) {
        self.stirred = true;
    }

    /// What each open outage is about, and whose it is.
    pub fn subjects(&self) -> impl Iterator<Item = (Subject, &Outage)> {
        self.open.iter().map(|(subject, open)| (*subject, &open.outage))
    }

    /// Whether there is something to judge at `at`: at once when something began or ended, unless very much lasts; else once
    /// in a while.
    pub fn is_due(&self, at: Timestamp) -> bool {
        let is_quiet = self.open.is_empty() && self.incidents.is_quiet();
        let rested = |rest: Duration| {
            self.judged.is_none_or(|judged| at < judged || at.since(judged) >= rest)
        };
        let count = u32::try_from(self.open.len()).unwrap_or(u32::MAX);
        // In whole milliseconds, as moments are: where few last it is none at all.
        let soon = JUDGED_PER.saturating_mul(count).min(JUDGED_EVERY).as_millis();
        let soon = Duration::from_millis(u64::try_from(soon).unwrap_or(u64::MAX));
        // A canary that fails alone is looked at until it does not.
        let is_odd = self.canaries.iter().any(|canary| canary.said == Verdict::Bad);
        (self.stirred && rested(soon)) || ((!is_quiet || is_odd) && rested(JUDGED_EVERY))
    }

    /// Judges what lasts, as it is seen at `at`.
    pub fn judge(&mut self, at: Timestamp, scene: &Scene<'_>) -> Judged {
        (self.judged, self.stirred) = (Some(at), false);
        self.canaries = canaries(scene.regions());
        let look = |(subject, open): (&Subject, &mut Open)| open.look(at, *subject, scene);
        let mut news: Vec<bool> = self.open.iter_mut().map(look).collect();
        let members = self.open.iter();
        let members = members.filter_map(|(subject, open)| open.member(at, *subject, scene));
        let lines = self.incidents.update(at, members);
        for (open, is_new) in self.open.values_mut().zip(&mut news) {
            let judgement = open.outage.judgement();
            let cause = judgement.map(|judgement| judgement.cause(&open.outage.service));
            let Some(incident) = cause.and_then(|cause| self.incidents.of(&cause)) else {
                continue;
            };
            if open.outage.incident != incident.id {
                open.outage.incident = Arc::clone(&incident.id);
                *is_new = true;
            }
        }
        let changed = self.open.values().zip(news).filter(|(_, is_new)| *is_new);
        Judged { changed: changed.map(|(open, _)| open.outage.clone()).collect(), lines }
    }

    fn keep(&mut self, outage: Outage) {
        if self.ended.len() == KEEP_ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back(outage);
    }
}

impl Outage {
    /// The judgement that holds.
    pub fn judgement(&self) -> Option<&Judgement> {
        self.revisions.last().map(|revision| &revision.judgement)
    }

    /// What it rests on.
    pub fn evidence(&self) -> &[Evidence] {
        self.revisions.last().map_or(&[], |revision| &revision.evidence)
    }

    /// Whose it is from now on.
    fn revise(&mut self, revision: Revision) {
        let Judgement { blame, name, coupled } = revision.judgement.clone();
        (self.blame, self.blamed, self.coupled) = (Some(blame), name, coupled);
        let mut revisions = self.revisions.to_vec();
        if revisions.len() == REVISIONS_KEPT {
            // How it was judged at first stays.
            revisions.remove(1);
        }
        revisions.push(revision);
        self.revisions = revisions.into();
    }
}

impl Open {
    fn new(outage: Outage) -> Self {
        Self { outage, affected: BTreeSet::new(), waiting: None }
    }

    /// Looks at what is affected and whose it is; says whether anything is new.
    fn look(&mut self, at: Timestamp, (service, scope): Subject, scene: &Scene<'_>) -> bool {
        let named = self.outage.checks.len();
        for check in scene.failing(service, scope) {
            let is_new = self.affected.insert(check);
            if is_new && self.outage.checks.len() < CHECKS_NAMED {
                let id = scene.check_id(check);
                if !self.outage.checks.contains(&id) {
                    self.outage.checks = self.outage.checks.iter().cloned().chain([id]).collect();
                }
            }
        }
        let count = self.affected.len().max(self.outage.checks_count);
        let is_wider = count > self.outage.checks_count || self.outage.checks.len() > named;
        self.outage.checks_count = count;
        let case = scene.case(service, scope, self.outage.started, at);
        self.weigh(at, judge(&case), || case.evidence()) || is_wider
    }

    /// Takes a new judgement over, or lets it wait until it has lasted.
    fn weigh(
        &mut self,
        at: Timestamp,
        new: Judgement,
        evidence: impl FnOnce() -> Vec<Evidence>,
    ) -> bool {
        if let Some(old) = self.outage.judgement() {
            if new == *old {
                self.waiting = None;
                return false;
            }
            let since = match &self.waiting {
                Some((waiting, since)) if *waiting == new => *since,
                _ => at,
            };
            if !new.replaces(old, at.since(since)) {
                self.waiting = Some((new, since));
                return false;
            }
        }
        self.waiting = None;
        self.outage.revise(Revision { at, judgement: new, evidence: evidence() });
        true
    }

    fn member(
        &self,
        at: Timestamp,
        (service, scope): Subject,
        scene: &Scene<'_>,
    ) -> Option<Member<'_>> {
        let judgement = self.outage.judgement()?;
        Some(Member {
            cause: judgement.cause(&self.outage.service).into(),
            service,
            outage: &self.outage,
            judgement,
            affected: &self.affected,
            whole: matches!(scope, Scope::Any | Scope::Entry),
            settled: scene.is_settled(service, self.outage.started),
            vouched: scene.is_vouched(service, scope, self.outage.started, at),
        })
    }
}

/// The regions that have canaries of the data plane, and what those say.
fn canaries(regions: &[Region]) -> Vec<CanaryView> {
    let has = |region: &&Region| region.canaries.iter().any(|canary| canary.plane == Plane::Data);
    let view = |region: &Region| CanaryView {
        provider: Arc::clone(&region.provider),
        region: Arc::clone(&region.region),
        said: region.data_plane(),
        fails_alone: region.canary_is_odd(),
    };
    regions.iter().filter(has).map(view).collect()
}

#[cfg(test)]
mod stories;

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
    fn where_very_many_begin_at_once_they_are_judged_together() {
        let mut outages = Outages::default();
        let change = Change { from: Up, to: Down, since: at(1) };
        let begin = |outages: &mut Outages, from: usize, to: usize| {
            for service in from..to {
                outages.change((service, Scope::Any), ("shop", "any", ""), change, None);
            }
            outages.stir();
        };
        let after = |millis| at(1).shifted(millis);
        begin(&mut outages, 0, 5);
        assert!(outages.is_due(at(1)), "nothing was judged yet");
        (outages.judged, outages.stirred) = (Some(at(1)), false);
        assert!(!outages.is_due(after(999)) && outages.is_due(after(1_000)));
        begin(&mut outages, 5, 9);
        assert!(outages.is_due(at(1)), "few are judged at once");
        begin(&mut outages, 9, 3_000);
        assert!(!outages.is_due(after(299)) && outages.is_due(after(300)));
        begin(&mut outages, 3_000, 50_000);
        assert!(!outages.is_due(after(999)) && outages.is_due(after(1_000)));
        assert!(outages.is_due(at(0)), "a clock that was set back stops nothing");
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
