//! What is shown of a public name: where it leads, how its last failover went, what is wrong with it.
//!
//! Plain readings of what the rules have found.
//!
//! It changes and judges nothing.

use crate::failover::lead::Lead;
use crate::failover::name::{Health, PublicName, Terms};
use crate::failover::{Failover, Share, Territory};
use crate::model::{EntryPolicy, FailoverCause, Timestamp};

impl PublicName {
    /// What the configuration says of it.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Whose an address is.
    pub fn territory(&self) -> &Territory {
        &self.territory
    }

    /// Where it leads.
    pub fn lead(&self) -> &Lead {
        &self.lead
    }

    /// The failover that is going on.
    pub fn going_on(&self) -> Option<&Failover> {
        self.open.as_ref().filter(|_| self.told)
    }

    /// The failover that is going on, if something has switched, or the last one in which something had.
    pub fn latest(&self) -> Option<&Failover> {
        self.going_on().filter(|open| open.has_switched()).or(self.latest.as_ref())
    }

    /// Since when a drill is on.
    pub fn drill(&self) -> Option<Timestamp> {
        self.drill.map(|drill| drill.since)
    }

    /// When a fresh client was last served by another cloud after a switch.
    pub fn proven(&self) -> Option<Timestamp> {
        self.proven
    }

    /// Whether it leads to a cloud that has been down for longer than it may.
    pub fn is_late(&self) -> bool {
        self.is_late
    }

    /// Whether it leads elsewhere, and nothing explains it.
    pub fn is_silent(&self) -> bool {
        self.going_on().is_some_and(|open| open.cause == FailoverCause::Silent)
    }

    /// Whether sources have disagreed for longer than their answers may be kept.
    pub fn is_split(&self) -> bool {
        self.is_split
    }

    /// Whether it is worth looking more often: a cloud is down, a drill is on, or a switch is not explained yet.
    pub fn is_eventful(&self) -> bool {
        let down = self.health.iter().any(|(_, health, _)| matches!(health, Health::Down { .. }));
        let unexplained = self.open.is_some() && !self.told;
        down || self.drill.is_some() || unexplained
    }

    /// How much of it leads where; `None` if nothing is known.
    ///
    /// An edge has the same addresses whichever cloud serves, so what its pages say counts.
    pub fn share(&self) -> Option<Share> {
        let by_answers = self.lead.by_answers(self.terms.policy != EntryPolicy::Failover);
        let is_mapped = by_answers.as_ref().is_some_and(|share| !share.clouds.is_empty());
        let by_served = || self.lead.by_served();
        match self.terms.policy {
            EntryPolicy::Edge => by_served().or(by_answers),
            _ if self.terms.has_marks && !is_mapped => by_served().or(by_answers),
            _ => by_answers,
        }
    }
}
