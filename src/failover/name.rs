//! One public name under watch: did it go from a cloud that failed to one that serves, in time, and back?
//!
//! Told what was seen (health of the clouds, looks, results of the entry's check, drills), with the time. What may be called
//! late, silent or split exists for the policy `failover` only; for the others shares are kept and nothing is judged.
//!
//! The cloud that the name leads to when all is well is its *home*. A failover opens when the home goes down while the name
//! leads there, when a drill starts, or when the name is found elsewhere. The last is called silent only after an outage that
//! would explain it has had the time to become certain: names are often switched by somebody quicker than `confirm`. One that
//! has not come back within [`SETTLED`] has moved, and the other cloud is the home.
//!
//! Pure: it reads no clock, keeps nothing on disk and tells nobody by itself.

mod moved;
mod shown;

use super::lead::Lead;
use super::record::Failover;
use super::{Cloud, Observation, Territory};
use crate::model::{EntryPolicy, FailoverCause, FailoverStep, State, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// A name that has been elsewhere for so long has moved.
pub const SETTLED: Duration = Duration::from_hours(24);

/// What the configuration says of a name.
#[derive(Clone, Debug)]
pub struct Terms {
    /// How clients are spread.
    pub policy: EntryPolicy,
    /// For how long it may lead to a cloud that is down.
    pub within: Option<Duration>,
    /// How often it is looked at.
    pub interval: Duration,
    /// How long it takes until an outage is certain: a switch that long before belongs to it.
    pub certain_after: Duration,
    /// The clouds of the service that serve, then those that wait.
    pub clouds: Vec<(Cloud, Waits)>,
    /// Whether a page says which cloud served it, so that addresses need not.
    pub has_marks: bool,
}

/// Whether a cloud waits for a failover instead of serving.
pub type Waits = bool;

/// What is known of the health of a cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    /// Nothing yet, or not at the moment.
    Unknown,
    /// It serves.
    Up,
    /// Planned to be away.
    Maintained,
    /// It does not, since then; certain since then.
    Down { since: Timestamp, detected: Timestamp },
}

/// A drill that is on.
#[derive(Clone, Copy, Debug)]
struct Drill {
    since: Timestamp,
    /// Whether its failover was opened.
    used: bool,
}

/// What serves clients of a name.
#[derive(Clone, Copy, Debug)]
struct Served {
    by: Cloud,
    /// Since when all good results were served there.
    since: Timestamp,
    /// The last one.
    last: Timestamp,
}

/// Something worth telling.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// A failover began, came further or ended; to be kept.
    Failover(Failover),
    /// A step was reached.
    Reached(Failover, FailoverStep),
    /// The name leads to a cloud that has been down for longer than it may, by these sources.
    Late(Failover, Vec<Arc<str>>),
    /// The name leads elsewhere, and nothing explains it.
    Silent(Failover),
    /// Sources have disagreed for longer than their answers may be kept; since when.
    Split(Timestamp),
    /// They agree again.
    Agreed,
}

/// One public name.
#[derive(Clone, Debug)]
pub struct PublicName {
    terms: Terms,
    territory: Territory,
    lead: Lead,
    health: Vec<(Cloud, Health, Timestamp)>,
    home: Option<Cloud>,
    open: Option<Failover>,
    /// Whether the open one has been told.
    told: bool,
    latest: Option<Failover>,
    drill: Option<Drill>,
    /// What served the last good result, as far as that could be told.
    serves: Option<Served>,
    /// Whether the open one was seen to lead away from the cloud it was on, and since when it leads there again.
    returned: (bool, Option<Timestamp>),
    is_late: bool,
    is_split: bool,
    proven: Option<Timestamp>,
}

impl PublicName {
    /// A name of which nothing is known yet.
    pub fn new(terms: Terms, territory: Territory) -> Self {
        let unknown = |(cloud, _): &(Cloud, Waits)| (*cloud, Health::Unknown, Timestamp::default());
        let health = terms.clouds.iter().map(unknown).collect();
        Self {
            terms,
            territory,
            lead: Lead::default(),
            health,
            home: None,
            open: None,
            told: false,
            latest: None,
            drill: None,
            serves: None,
            returned: (false, None),
            is_late: false,
            is_split: false,
            proven: None,
        }
    }

    /// Takes over what was kept: failovers, the oldest first, and since when a drill is on.
    pub fn recall(&mut self, kept: &[Failover], drill: Option<Timestamp>) {
        self.drill = drill.map(|since| Drill { since, used: false });
        for failover in kept {
            self.proven = self.proven.max(failover.at(FailoverStep::FreshClient));
            let stayed = failover.at(FailoverStep::Back).is_none().then_some(failover.to).flatten();
            if failover.ended.is_some() {
                self.home = Some(stayed.unwrap_or(failover.from));
                self.keep_latest(failover);
            } else {
                self.home = Some(failover.from);
                self.open = Some(failover.clone());
                self.told = true;
                // Clients were served there last, and it is back only when they are served at home.
                let served = failover.to.zip(failover.at(FailoverStep::FreshClient));
                self.serves = served.map(|(by, at)| Served { by, since: at, last: at });
                if let Some(drill) = &mut self.drill {
                    drill.used = true;
                }
            }
        }
    }

    /// The health of one of its clouds: its joined state, since when, and now.
    pub fn side(
        &mut self,
        cloud: Cloud,
        state: State,
        since: Timestamp,
        now: Timestamp,
    ) -> Vec<Told> {
        if let Some((_, health, changed)) = self.health.iter_mut().find(|(each, ..)| *each == cloud)
        {
            let next = match (state, *health) {
                // What could not be seen ends no outage.
                (State::Down, down @ Health::Down { .. })
                | (State::Unknown | State::Maintenance, down @ Health::Down { .. }) => down,
                (State::Down, _) => Health::Down { since, detected: now },
                (State::Up | State::Degraded, _) => Health::Up,
                (State::Maintenance, _) => Health::Maintained,
                (State::Unknown, _) => Health::Unknown,
            };
            if next != *health {
                *health = next;
                *changed = since;
            }
        }
        self.judge(now)
    }

    /// A look that began at `now`.
    pub fn observe(&mut self, seen: &Observation, now: Timestamp) -> Vec<Told> {
        self.territory.set_resolved(&seen.endpoints);
        self.lead.observe(now, seen, &self.territory);
        self.judge(now)
    }

    /// A run of the entry's check that started at `now` was good or not, and was served by that cloud as far as can be told.
    pub fn result(&mut self, is_good: bool, served: Option<Cloud>, now: Timestamp) -> Vec<Told> {
        self.lead.serve(served, is_good);
        if let (true, Some(by)) = (is_good, served) {
            let known = self.serves.filter(|served| served.by == by);
            let since = known.map_or(now, |served| served.since);
            self.serves = Some(Served { by, since, last: now });
        }
        self.judge(now)
    }

    /// A drill starts: the next switch is meant.
    pub fn start_drill(&mut self, now: Timestamp) -> Vec<Told> {
        self.drill = Some(Drill { since: now, used: false });
        self.judge(now)
    }

    /// The drill ends.
    pub fn end_drill(&mut self, now: Timestamp) -> Vec<Told> {
        self.drill = None;
        self.judge(now)
    }

    fn judge(&mut self, now: Timestamp) -> Vec<Told> {
        let mut told = Vec::new();
        if self.terms.policy != EntryPolicy::Failover {
            return told;
        }
        if self.home.is_none() {
            self.home = self.first_home();
        }
        self.open_one(now, &mut told);
        self.explain(now, &mut told);
        self.go_on(now, &mut told);
        self.end(now, &mut told);
        self.judge_late(now, &mut told);
        self.judge_split(&mut told);
        told
    }

    /// Where it leads at first, unless that is the one cloud that waits for the only one that serves.
    fn first_home(&self) -> Option<Cloud> {
        let pointing = self.lead.pointing()?;
        let serving: Vec<_> = self.terms.clouds.iter().filter(|(_, waits)| !waits).collect();
        let waits = self.terms.clouds.iter().any(|(cloud, waits)| *cloud == pointing && *waits);
        match serving[..] {
            [(only, _)] if waits => Some(*only),
            _ => Some(pointing),
        }
    }

    fn open_one(&mut self, now: Timestamp, told: &mut Vec<Told>) {
        let (Some(home), None) = (self.home, &self.open) else { return };
        let pointing = self.lead.pointing();
        let is_elsewhere = pointing.is_some_and(|cloud| cloud != home);
        let drill = self.drill;
        let failover = match (self.health_of(home), drill) {
            (Health::Down { since, detected }, _)
                if is_elsewhere || !self.lead.who_leads_to(home).is_empty() =>
            {
                let is_meant = drill.is_some_and(|drill| drill.since <= since);
                let cause = if is_meant { FailoverCause::Planned } else { FailoverCause::Outage };
                let mut outage = Failover::new(cause, home, since);
                outage.reach(FailoverStep::Detect, detected);
                outage
            }
            (_, Some(drill)) if !drill.used => {
                Failover::new(FailoverCause::Planned, home, drill.since)
            }
            (Health::Maintained, _) | (_, Some(_)) if is_elsewhere => {
                Failover::new(FailoverCause::Planned, home, now)
            }
            _ if is_elsewhere => {
                // Perhaps the outage that explains it is not certain yet.
                let mut failover = Failover::new(FailoverCause::Silent, home, now);
                failover.to = pointing;
                self.open = Some(failover);
                self.told = false;
                return;
            }
            _ => return,
        };
        if let Some(drill) = &mut self.drill {
            drill.used = true;
        }
        self.open = Some(failover);
        self.told = false;
        self.tell(told, now);
    }

    /// An outage or a drill explains what was silent so far; the first cloud goes down or recovers under an open one.
    fn explain(&mut self, now: Timestamp, told: &mut Vec<Told>) {
        let Some(open) = &self.open else { return };
        let (health, changed) = (self.health_of(open.from), self.changed(open.from));
        let (drill, latest_start) = (self.drill, open.began + self.terms.interval);
        let is_new = !open.has_switched() || !self.told;
        let Some(open) = &mut self.open else { return };
        let before = open.clone();
        if let Health::Down { since, detected } = health {
            open.recovered = None;
            let explains = open.cause == FailoverCause::Silent && since <= latest_start;
            if explains {
                open.cause = FailoverCause::Outage;
                open.began = open.began.min(since);
            } else if open.cause == FailoverCause::Planned
                && !open.has_switched()
                && open.at(FailoverStep::Detect).is_none()
            {
                // A drill that takes the cloud away: time counts from there.
                open.began = open.began.max(since);
            }
            if (explains || is_new) && open.cause != FailoverCause::Silent {
                open.reach(FailoverStep::Detect, detected);
            }
        } else if health == Health::Up
            && open.at(FailoverStep::Detect).is_some()
            && open.recovered.is_none()
        {
            open.recovered = Some(changed.max(open.began));
        }
        if open.cause == FailoverCause::Silent && (drill.is_some() || health == Health::Maintained)
        {
            open.cause = FailoverCause::Planned;
        }
        let differs = *open != before;
        if open.cause != FailoverCause::Silent && (differs || !self.told) {
            self.tell(told, now);
        }
    }

    /// Stamps the steps that are reached.
    fn go_on(&mut self, now: Timestamp, told: &mut Vec<Told>) {
        let Some(from) = self.open.as_ref().map(|open| open.from) else { return };
        let switched = [
            (FailoverStep::Authoritative, self.lead.authoritative_elsewhere(from)),
            (FailoverStep::Resolvers, self.lead.resolvers_elsewhere(from)),
        ];
        for (step, to) in switched {
            if let (Some(to), Some(open)) = (to, &mut self.open)
                && open.reach(step, now)
            {
                open.to = Some(to);
                self.reached(step, told);
            }
        }
        if let (Some(Served { by, since, last }), Some(open)) = (self.serves, &mut self.open) {
            // Clients may have been there before anybody looked.
            let fresh = if since >= open.began { since } else { last };
            if by != from && fresh >= open.began && open.reach(FailoverStep::FreshClient, fresh) {
                open.to.get_or_insert(by);
                self.reached(FailoverStep::FreshClient, told);
            }
        }
        let is_home = self.lead.pointing() == Some(from);
        let is_up = self.health_of(from) == Health::Up;
        let Some(open) = &self.open else { return };
        if !self.told && open.cause == FailoverCause::Silent {
            if is_home {
                self.open = None;
            } else if is_up && now.since(open.began) >= self.terms.certain_after {
                self.tell(told, now);
                told.extend(self.open.clone().map(Told::Silent));
            }
        }
    }

    /// Ends the open one: it is back, nothing came of it, the other cloud has failed in turn, or it has moved for good.
    fn end(&mut self, now: Timestamp, told: &mut Vec<Told>) {
        let Some(open) = self.open.as_ref().filter(|_| self.told) else { return };
        let from_is_down = matches!(self.health_of(open.from), Health::Down { .. });
        let others = open.to.map_or(0, |to| self.lead.who_leads_to(to).len());
        let pointing = self.lead.pointing();
        if open.has_switched() {
            let is_back = pointing == Some(open.from)
                && others == 0
                && !from_is_down
                && self.serves.is_none_or(|served| served.by == open.from);
            let moved = open.switched().is_some_and(|at| now.since(at) >= SETTLED);
            let to_is_down =
                open.to.is_some_and(|to| matches!(self.health_of(to), Health::Down { .. }));
            if is_back {
                self.close(now, told, true);
            } else if pointing == open.to && (moved || (to_is_down && !from_is_down)) {
                self.home = open.to;
                self.close(now, told, false);
                self.open_one(now, told);
            }
            return;
        }
        let well = open.recovered.is_some_and(|at| now.since(at) >= self.terms.certain_after);
        let is_home = pointing.is_none_or(|cloud| cloud == open.from);
        let over = match open.cause {
            FailoverCause::Planned => self.drill.is_none() && !from_is_down,
            FailoverCause::Outage => well,
            FailoverCause::Silent => pointing.is_some(),
        };
        if over && is_home {
            self.close(now, told, false);
        }
    }

    fn close(&mut self, now: Timestamp, told: &mut Vec<Told>, is_back: bool) {
        let Some(mut open) = self.open.take() else { return };
        let ended = open.switched().map_or(now, |switched| switched.max(now)).max(open.began);
        open.ended = Some(ended);
        if is_back && open.reach(FailoverStep::Back, ended) {
            told.push(Told::Reached(open.clone(), FailoverStep::Back));
        }
        self.keep_latest(&open);
        told.push(Told::Failover(open));
    }

    fn judge_late(&mut self, now: Timestamp, told: &mut Vec<Told>) {
        self.returned = match (&self.open, self.returned) {
            (None, _) => (false, None),
            (Some(open), _) if self.lead.who_leads_to(open.from).is_empty() => (true, None),
            // Who switches back sees the cloud recover as soon as we do, or sooner.
            (Some(_), (true, since)) => (true, since.or(Some(now))),
            (Some(_), never) => never,
        };
        let late = self.late_since(now);
        let is_late = late.is_some_and(|(since, within)| now.since(since) > within);
        let begins = is_late && !self.is_late;
        self.is_late = is_late;
        if let (true, Some(open)) = (begins, &mut self.open)
            && !open.late
        {
            open.late = true;
            let leading = self.lead.who_leads_to(open.from);
            told.extend([Told::Failover(open.clone()), Told::Late(open.clone(), leading)]);
        }
    }

    /// Since when the name should lead elsewhere, and how long that may take: as long as it leads to a cloud that is down,
    /// while there is another one that could serve.
    fn late_since(&self, now: Timestamp) -> Option<(Timestamp, Duration)> {
        let (open, within) = (self.open.as_ref()?, self.terms.within?);
        let Health::Down { since, .. } = self.health_of(open.from) else { return None };
        if self.lead.who_leads_to(open.from).is_empty() {
            return None;
        }
        let others = self.health.iter().filter(|(cloud, ..)| *cloud != open.from);
        let able = others.filter_map(|(_, health, changed)| match health {
            Health::Up => Some((*changed).min(now)),
            Health::Unknown | Health::Maintained | Health::Down { .. } => None,
        });
        Some((since.max(able.min()?).max(self.returned.1.unwrap_or(since)), within))
    }

    /// By what was seen: time that passes between two looks proves nothing about what they would have found.
    fn judge_split(&mut self, told: &mut Vec<Told>) {
        let long = self
            .lead
            .apart()
            .zip(self.lead.looked)
            .filter(|((since, ttl), looked)| looked.since(*since) > *ttl + self.terms.interval);
        let long = long.map(|(apart, _)| apart);
        match (long, self.is_split) {
            (Some((since, _)), false) => told.push(Told::Split(since)),
            (None, true) => told.push(Told::Agreed),
            _ => {}
        }
        self.is_split = long.is_some();
        if let (true, Some(open)) = (self.is_split, &mut self.open)
            && !open.split
        {
            open.split = true;
            if self.told {
                told.push(Told::Failover(open.clone()));
            }
        }
    }

    fn reached(&mut self, step: FailoverStep, told: &mut Vec<Told>) {
        let Some(open) = self.open.as_ref().filter(|_| self.told) else { return };
        if step == FailoverStep::FreshClient {
            self.proven = self.proven.max(open.at(step));
        }
        told.extend([Told::Reached(open.clone(), step), Told::Failover(open.clone())]);
    }

    /// Tells the open one, for the first time or as it is now.
    fn tell(&mut self, told: &mut Vec<Told>, now: Timestamp) {
        let Some(open) = &mut self.open else { return };
        if !self.told || open.id == 0 {
            open.id = now.as_millis();
            self.told = true;
            self.proven = self.proven.max(open.at(FailoverStep::FreshClient));
            let reached = FailoverStep::ALL.iter().filter(|step| open.at(**step).is_some());
            told.extend(reached.map(|step| Told::Reached(open.clone(), *step)));
        }
        told.push(Told::Failover(open.clone()));
    }

    fn keep_latest(&mut self, failover: &Failover) {
        if failover.has_switched() {
            self.latest = Some(failover.clone());
        }
    }

    fn health_of(&self, cloud: Cloud) -> Health {
        self.find(cloud).map_or(Health::Unknown, |(_, health, _)| *health)
    }

    fn changed(&self, cloud: Cloud) -> Timestamp {
        self.find(cloud).map_or(Timestamp::default(), |(.., changed)| *changed)
    }

    fn find(&self, cloud: Cloud) -> Option<&(Cloud, Health, Timestamp)> {
        self.health.iter().find(|(each, ..)| *each == cloud)
    }
}

#[cfg(test)]
mod tests;
