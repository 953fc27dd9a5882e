//! A public name is followed on when the configuration changes, or the wall clock.
//!
//! What was seen and what is under way stays. Under another configuration the terms and the clouds are those of that.
//!
//! It judges nothing: the next thing that is seen does.

use super::{Health, PublicName};
use crate::failover::{Cloud, Failover};

impl PublicName {
    /// Goes on where `old` is, under its own terms; clouds mean the same in both.
    pub fn succeed(&mut self, old: Self) {
        for (cloud, health, changed) in &mut self.health {
            if let Some((_, was, since)) = old.health.iter().find(|(each, ..)| each == cloud) {
                (*health, *changed) = (*was, *since);
            }
        }
        let Self { terms, mut territory, health, .. } = self.clone();
        territory.succeed(old.territory);
        *self = Self { terms, territory, health, ..old };
        // A cloud that the service has left is nobody's home.
        let mine = |home: &Cloud| self.terms.clouds.iter().any(|(each, _)| each == home);
        self.home = self.home.filter(mine);
        if self.home.is_none() {
            (self.open, self.told) = (None, false);
        }
    }

    /// The wall clock was set by `millis`; gives back what is kept of it, moved.
    pub fn shift(&mut self, millis: i64) -> Option<&Failover> {
        self.lead.shift(millis);
        for (_, health, changed) in &mut self.health {
            *changed = changed.shifted(millis);
            if let Health::Down { since, detected } = health {
                *since = since.shifted(millis);
                *detected = detected.shifted(millis);
            }
        }
        for failover in [&mut self.open, &mut self.latest].into_iter().flatten() {
            failover.shift(millis);
        }
        if let Some(drill) = &mut self.drill {
            drill.since = drill.since.shifted(millis);
        }
        if let Some(served) = &mut self.serves {
            served.since = served.since.shifted(millis);
            served.last = served.last.shifted(millis);
        }
        self.returned.1 = self.returned.1.map(|at| at.shifted(millis));
        self.open.as_ref().filter(|_| self.told)
    }
}
