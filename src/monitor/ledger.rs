//! The heart, pure: state and an event give the next state and what has to be done (S1, S3, S5, S6, S12).
//!
//! For every check it keeps a [`Track`], and joins their states into those above them. What lies behind a track's watermark
//! is counted once and never taken back; `good + bad + unknown + excluded` is always the time from the check's beginning to it.
//!
//! It performs nothing, asks no clock, and knows no protocol, metric or page.

use super::event::{Change, Effect, Event, Recheck};
use super::joint::Joint;
use super::track::{Closed, Told, Track};
use crate::model::{Check, CheckIndex, Service, Timestamp};
use std::sync::Arc;

/// The state of everything that is watched.
#[derive(Debug)]
pub struct Ledger {
    tracks: Vec<Track>,
    joint: Joint,
    /// Kept from event to event for its room.
    told: Vec<Told>,
}

impl Ledger {
    /// Nothing is known yet, as of `now`.
    pub fn new(checks: &[Arc<Check>], services: &[Service], now: Timestamp) -> Self {
        let tracks: Vec<_> = checks.iter().map(|check| Track::new(check.shape, now)).collect();
        let joint = Joint::new(checks, services, now);
        Self { tracks, joint, told: Vec::new() }
    }

    /// What is known of a check.
    pub fn track(&self, check: CheckIndex) -> &Track {
        &self.tracks[check.get()]
    }

    /// The joined states.
    pub fn joint(&self) -> &Joint {
        &self.joint
    }

    /// Takes in an event and adds what has to be done to `effects`.
    pub fn apply(&mut self, event: &Event, effects: &mut Vec<Effect>) {
        match event {
            Event::Started { check, at, recheck } => self.tracks[check.get()].start(*at, *recheck),
            Event::Finished { check, result } => {
                let warned = !result.warnings.is_empty();
                let again = self.change(*check, effects, |track, closed, told| {
                    track.finish(result.outcome, warned, result.latency, closed, told)
                });
                effects.extend(
                    again.map(|(after, at)| Effect::Recheck(Recheck { check: *check, at, after })),
                );
            }
            Event::Skipped { .. } => {}
            Event::Roll { checks, at } => {
                for check in checks.iter() {
                    self.change(*check, effects, |track, closed, told| {
                        track.settle(*at, closed, told);
                    });
                }
            }
            Event::ClockBack { checks, millis, leads } => {
                for check in checks.iter() {
                    self.tracks[check.get()].shift(-*millis);
                }
                if *leads {
                    self.joint.shift(-*millis);
                }
            }
        }
    }

    /// Does `act` on a track and, if its state changed by that, joins it into the states above.
    fn change<T>(
        &mut self,
        check: CheckIndex,
        effects: &mut Vec<Effect>,
        act: impl FnOnce(&mut Track, &Closed, &mut Vec<Told>) -> T,
    ) -> T {
        let track = &mut self.tracks[check.get()];
        let from = track.state();
        let answer = act(track, &[], &mut self.told);
        effects.extend(self.told.drain(..).map(|told| Effect::Told { check, told }));
        let (to, since) = (track.state(), track.since());
        if from != to {
            effects.push(Effect::CheckChanged { check, change: Change { from, to, since } });
            let tracks = &self.tracks;
            self.joint.rejoin(check, since, |each| tracks[each.get()].state(), effects);
        }
        answer
    }
}

#[cfg(test)]
mod tests;
