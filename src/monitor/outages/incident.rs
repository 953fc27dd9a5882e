//! Outages with one cause are one incident: what is told of it, and how often (a cloud that fails is a handful of lines).
//!
//! An incident is known by its cause and its start (`provider:aws/eu-central-1/1780185600`), so that alerts can be grouped by
//! it; a blame that is revised moves outages from one incident to another. A line is told when one opens, when its blame is
//! revised, and when it ends. Opening waits a little until what would decide has been looked at. A hundred services that fail
//! without a common cause still give few lines: beyond [`LINES_A_MINUTE`] they are told together.
//!
//! It is pure: lines are values, and the recorder writes them.

use super::Outage;
use crate::blame::Judgement;
use crate::model::{Blame, CheckIndex, Reason, Timestamp, human_duration};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Opening is told after so long at the latest, whether or not what would decide has been looked at.
const TOLD_WITHIN: Duration = Duration::from_mins(1);

/// Lines that are told singly in one minute; what is more is told in one line when the minute ends.
const LINES_A_MINUTE: usize = 6;

/// The minute of that.
const MINUTE: Duration = Duration::from_mins(1);

/// Services that a line names.
const NAMED: usize = 3;

/// One cause, and everything that is down because of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Cause and start.
    pub id: Arc<str>,
    /// `provider:aws/eu-central-1`, `shared:orders-db`, `path:aws`, `service:shop`.
    pub cause: Arc<str>,
    /// Whose it is: the first in the decision table of what its outages are blamed on.
    pub judgement: Judgement,
    /// Start of its first outage.
    pub started: Timestamp,
    /// When its last outage ended; `None` while it lasts.
    pub ended: Option<Timestamp>,
    /// Services that it affected so far, as positions.
    pub services: BTreeSet<usize>,
    /// The first few of their names.
    pub named: Vec<Arc<str>>,
    /// Checks that it affected so far.
    pub checks: BTreeSet<CheckIndex>,
    /// Its outages that last.
    pub outages: usize,
    /// Whether some service is down on every cloud, or at its public name.
    pub whole: bool,
    /// What speaks for the blame, in plain words.
    pub because: String,
    /// What its first outage was seen by: check, reason, and what was seen.
    pub first: Option<(Arc<str>, Reason, Arc<str>)>,
    /// What of its services was down: `provider:aws`, `any`, `entry`.
    pub scopes: BTreeSet<Arc<str>>,
    told: bool,
}

/// An outage as its incident sees it.
pub(super) struct Member<'a> {
    pub(super) cause: Arc<str>,
    pub(super) service: usize,
    pub(super) outage: &'a Outage,
    pub(super) judgement: &'a Judgement,
    pub(super) affected: &'a BTreeSet<CheckIndex>,
    pub(super) whole: bool,
    /// Whether waiting for what would decide would change nothing.
    pub(super) settled: bool,
    /// The same of other vantage points.
    pub(super) vouched: bool,
}

impl Member<'_> {
    /// Whether its blame will not change as soon as all who can tell have been asked.
    fn is_decided(&self) -> bool {
        match self.judgement.blame {
            Blame::Application | Blame::Endpoint => self.settled && self.vouched,
            Blame::ProviderOrPath => self.vouched,
            _ => true,
        }
    }
}

/// Something to be told about incidents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// One began.
    Opened(Incident),
    /// It is blamed on somebody else.
    Revised(Incident),
    /// It is over.
    Ended(Incident),
    /// More of the same within a minute: how many opened, were revised, ended.
    More([usize; 3]),
}

/// All incidents that last, and what is still to be told.
#[derive(Debug, Default)]
pub(super) struct Incidents {
    open: BTreeMap<Arc<str>, Incident>,
    /// When the minute began in which lines are counted, and how many were told in it.
    minute: Option<(Timestamp, usize)>,
    held_back: [usize; 3],
}

impl Incidents {
    /// Those that last.
    pub(super) fn open(&self) -> impl Iterator<Item = &Incident> {
        self.open.values()
    }

    /// Whether nothing lasts and nothing is left to be told.
    pub(super) fn is_quiet(&self) -> bool {
        self.open.is_empty() && self.held_back == [0; 3]
    }

    /// The incident of a cause.
    pub(super) fn of(&self, cause: &str) -> Option<&Incident> {
        self.open.get(cause)
    }

    /// An outage of `cause` ended at `at`.
    pub(super) fn note_end(&mut self, id: &str, at: Timestamp) {
        if let Some(incident) = self.open.values_mut().find(|incident| *incident.id == *id) {
            incident.ended = incident.ended.max(Some(at));
        }
    }

    /// The wall clock was set by `millis`.
    pub(super) fn moved(
        &mut self,
        service: impl Fn(usize) -> Option<usize>,
        check: impl Fn(CheckIndex) -> Option<CheckIndex>,
    ) {
        for incident in self.open.values_mut() {
            let services = std::mem::take(&mut incident.services);
            incident.services = services.into_iter().filter_map(&service).collect();
            let checks = std::mem::take(&mut incident.checks);
            incident.checks = checks.into_iter().filter_map(&check).collect();
        }
    }

    pub(super) fn shift(&mut self, millis: i64) {
        for incident in self.open.values_mut() {
            incident.started = incident.started.shifted(millis);
            incident.ended = incident.ended.map(|at| at.shifted(millis));
        }
        self.minute = None;
    }

    /// What lasts at `at` is this; gives back what is to be told.
    pub(super) fn update<'a>(
        &mut self,
        at: Timestamp,
        members: impl IntoIterator<Item = Member<'a>>,
    ) -> Vec<Line> {
        let mut before = BTreeMap::new();
        for (cause, incident) in &mut self.open {
            before.insert(Arc::clone(cause), incident.judgement.clone());
            incident.outages = 0;
            incident.whole = false;
        }
        let mut decided: BTreeSet<Arc<str>> = BTreeSet::new();
        for member in members {
            let incident = self.open.entry(Arc::clone(&member.cause));
            let incident = incident.or_insert_with(|| Incident::new(&member));
            if member.is_decided() {
                decided.insert(Arc::clone(&member.cause));
            }
            incident.join(&member);
        }
        let mut lines = Vec::new();
        let gone = self.open.extract_if(.., |_, incident| incident.outages == 0);
        for (_, incident) in gone {
            // Without an end its outages have moved to another incident, which tells of them.
            if incident.ended.is_some() {
                lines.push(Line::Ended(incident));
            }
        }
        for (cause, incident) in &mut self.open {
            // It goes on, since something of it lasts.
            incident.ended = None;
            let waited = at.since(incident.started) >= TOLD_WITHIN;
            let revised = before.get(cause).is_some_and(|before| *before != incident.judgement);
            if incident.told && revised {
                lines.push(Line::Revised(incident.clone()));
            } else if !incident.told && (waited || decided.contains(cause)) {
                incident.told = true;
                lines.push(Line::Opened(incident.clone()));
            }
        }
        self.count(at, lines)
    }

    /// Lets through what the minute has room for, and tells of the rest together when it is over.
    fn count(&mut self, at: Timestamp, lines: Vec<Line>) -> Vec<Line> {
        let mut out = Vec::new();
        let over = |(begun, _): &(Timestamp, usize)| at.since(*begun) >= MINUTE || at < *begun;
        if self.minute.as_ref().is_none_or(over) {
            let more = std::mem::take(&mut self.held_back);
            if more != [0; 3] {
                out.push(Line::More(more));
            }
            self.minute = Some((at, 0));
        }
        for line in lines {
            let (_, told) = self.minute.get_or_insert((at, 0));
            if *told < LINES_A_MINUTE {
                *told += 1;
                out.push(line);
                continue;
            }
            match line {
                Line::Opened(_) => self.held_back[0] += 1,
                Line::Revised(_) => self.held_back[1] += 1,
                Line::Ended(_) | Line::More(_) => self.held_back[2] += 1,
            }
        }
        out
    }
}

impl Incident {
    fn new(member: &Member<'_>) -> Self {
        let started = member.outage.started;
        let kept = &member.outage.incident;
        // After a restart it goes on under the id that its outage was stored with, and is not told again.
        let goes_on = kept.rsplit_once('/').is_some_and(|(cause, _)| *cause == *member.cause);
        let seconds = started.as_millis().div_euclid(1_000);
        Self {
            id: if goes_on {
                Arc::clone(kept)
            } else {
                format!("{}/{seconds}", member.cause).into()
            },
            cause: Arc::clone(&member.cause),
            judgement: member.judgement.clone(),
            started,
            ended: None,
            services: BTreeSet::new(),
            named: Vec::new(),
            checks: BTreeSet::new(),
            outages: 0,
            whole: false,
            because: String::new(),
            first: None,
            scopes: BTreeSet::new(),
            told: goes_on,
        }
    }

    /// Takes an outage in.
    fn join(&mut self, member: &Member<'_>) {
        // The first outage of each round says whose it is, unless a later one has the stronger word.
        let coupled = member.judgement.coupled || (self.outages > 0 && self.judgement.coupled);
        if self.outages == 0 || member.judgement.blame < self.judgement.blame {
            self.judgement = member.judgement.clone();
            self.because = member.judgement.because(member.outage.evidence());
        }
        self.judgement.coupled = coupled;
        self.outages += 1;
        self.whole |= member.whole;
        self.started = self.started.min(member.outage.started);
        if self.services.insert(member.service) && self.named.len() < NAMED {
            self.named.push(Arc::clone(&member.outage.service));
        }
        self.checks.extend(member.affected);
        let outage = member.outage;
        if !self.scopes.contains(&outage.scope) {
            self.scopes.insert(Arc::clone(&outage.scope));
        }
        if self.first.is_none() {
            let seen = outage.check.as_ref().zip(outage.reason).zip(outage.said.as_ref());
            self.first =
                seen.map(|((check, reason), said)| (Arc::clone(check), reason, Arc::clone(said)));
        }
    }

    /// The services it affected: `shop on aws`, or `shop, mail, blog and 97 more`.
    pub fn whom(&self) -> String {
        let names: Vec<&str> = self.named.iter().map(|name| &**name).collect();
        let more = self.services.len().saturating_sub(names.len());
        match (&*names, more) {
            ([name], 0) => format!("{name} {}", self.whereabouts()),
            (_, 0) => names.join(", "),
            _ => format!("{} and {more} more", names.join(", ")),
        }
    }

    /// What of its one service was down.
    fn whereabouts(&self) -> String {
        if self.scopes.contains("any") {
            return "on every cloud".to_owned();
        }
        let sides = self.scopes.iter().filter_map(|scope| scope.strip_prefix("provider:"));
        let sides: Vec<&str> = sides.collect();
        if sides.is_empty() {
            return "at its public name".to_owned();
        }
        format!("on {}", sides.join(" and "))
    }

    /// `3 services, 12 checks`.
    fn how_many(&self) -> String {
        let count = |number: usize, what: &str| match number {
            1 => format!("1 {what}"),
            _ => format!("{number} {what}s"),
        };
        format!("{}, {}", count(self.services.len(), "service"), count(self.checks.len(), "check"))
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Opened(incident) | Self::Revised(incident) => {
                let what = if matches!(self, Self::Opened(_)) { "down" } else { "blame revised" };
                let (whom, whose) = (incident.whom(), incident.judgement.whose());
                write!(out, "{what}: {whom} ({}); it is {whose}", incident.how_many())?;
                if incident.judgement.coupled {
                    write!(out, "; it broke another cloud too")?;
                }
                if !incident.because.is_empty() {
                    write!(out, "; {}", incident.because)?;
                }
                match &incident.first {
                    Some((check, _, said)) => write!(out, "; first seen by {check}: {said}"),
                    None => Ok(()),
                }
            }
            Self::Ended(incident) => {
                let end = incident.ended.unwrap_or(incident.started);
                let lasted = human_duration(end.since(incident.started));
                let (whom, many) = (incident.whom(), incident.how_many());
                write!(
                    out,
                    "over: {whom} ({many}) after {lasted}; it was {}",
                    incident.judgement.whose()
                )
            }
            Self::More([opened, revised, ended]) => write!(
                out,
                "more incidents than are told singly: {opened} opened, {revised} revised, {ended} ended; \
                 all are at /api/v1/outages"
            ),
        }
    }
}
