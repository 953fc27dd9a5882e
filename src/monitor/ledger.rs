//! The heart, pure: state and an event give the next state and what has to be done (S1, S3, S5, S6, S12).
//!
//! For every check it keeps a [`Track`], and joins their states into those above them. What lies behind a track's watermark
//! is counted once and never taken back; `good + bad + unknown + excluded` is always the time from the check's beginning to it.
//!
//! It performs nothing, asks no clock, and knows no protocol, metric or page.

use super::event::{Change, Effect, Event, Recheck};
use super::joint::Joint;
use super::track::{Closed, Told, Track};
use crate::model::{Check, CheckIndex, Maintenance, Outcome, ProbeResult, Service, Timestamp};
use crate::slo::maintenance::excluded;
use jiff::tz::TimeZone;
use std::sync::Arc;
use std::time::Duration;

/// The state of everything that is watched.
#[derive(Debug)]
pub struct Ledger {
    tracks: Vec<Track>,
    joint: Joint,
    calendar: Calendar,
    /// Kept from event to event for its room.
    told: Vec<Told>,
}

/// The maintenance of each check.
#[derive(Debug)]
struct Calendar {
    windows: Vec<Vec<Arc<Maintenance>>>,
    zone: TimeZone,
}

impl Calendar {
    /// The maintenance of a check in `[from, to]`.
    fn closed(
        &self,
        check: CheckIndex,
        from: Timestamp,
        to: Timestamp,
    ) -> Vec<(Timestamp, Timestamp)> {
        let windows = &self.windows[check.get()];
        if windows.is_empty() {
            return Vec::new();
        }
        excluded(windows.iter().map(|window| &**window), &self.zone, from, to.shifted(1))
    }
}

/// A run of the past, as it was stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct PastRun {
    pub(super) at: Timestamp,
    pub(super) recheck: bool,
    pub(super) outcome: Outcome,
    pub(super) warned: bool,
    pub(super) latency: Duration,
}

impl Ledger {
    /// Nothing is known yet, as of `now`. `checks` are those of the services, and after them the references.
    pub fn new(
        checks: &[Arc<Check>],
        services: &[Service],
        zone: &TimeZone,
        now: Timestamp,
    ) -> Self {
        let tracks: Vec<_> = checks.iter().map(|check| Track::new(check.shape, now)).collect();
        let joint = Joint::new(checks, services, now);
        let calendar = Calendar { windows: vec![Vec::new(); checks.len()], zone: zone.clone() };
        Self { tracks, joint, calendar, told: Vec::new() }
    }

    /// What is known of a check.
    pub fn track(&self, check: CheckIndex) -> &Track {
        &self.tracks[check.get()]
    }

    /// The joined states.
    pub fn joint(&self) -> &Joint {
        &self.joint
    }

    /// The maintenance that is in force from each check's watermark on.
    pub fn set_maintenance(
        &mut self,
        windows: &[Arc<Maintenance>],
        checks: &[Arc<Check>],
        services: &[Service],
    ) {
        for service in services {
            for check in service.checks() {
                let about = |window: &&Arc<Maintenance>| {
                    window.matching.fits(&checks[check.get()], &service.labels)
                };
                self.calendar.windows[check.get()] =
                    windows.iter().filter(about).cloned().collect();
            }
        }
    }

    /// Takes in an event and adds what has to be done to `effects`.
    pub fn apply(&mut self, event: Event, effects: &mut Vec<Effect>) {
        match event {
            Event::Started { check, at, recheck } => self.tracks[check.get()].start(at, recheck),
            Event::Finished { check, result } => self.settle(check, result, effects),
            // The windows in force come with `set_maintenance`.
            Event::Skipped { .. } | Event::Maintenance { .. } => {}
            Event::Roll { checks, at } => {
                for check in checks.iter() {
                    self.change(*check, at, effects, |track, closed, told| {
                        track.settle(at, closed, told);
                    });
                }
            }
            Event::ClockBack { checks, millis, leads } => {
                for check in checks.iter() {
                    self.tracks[check.get()].shift(-millis);
                }
                if leads {
                    self.joint.shift(-millis);
                }
            }
        }
    }

    /// The run in flight of a check gave `result`, and that stands.
    fn settle(&mut self, check: CheckIndex, result: Box<ProbeResult>, effects: &mut Vec<Effect>) {
        let run = self.track(check).run();
        let (at, recheck) = run.expect("a result belongs to a run that has started");
        let (outcome, latency) = (result.outcome, result.latency);
        let warned = !result.warnings.is_empty();
        effects.push(Effect::Ran { check, at, recheck, result });
        let again = self.change(check, at, effects, |track, closed, told| {
            track.finish(outcome, warned, latency, closed, told)
        });
        effects.extend(again.map(|(after, at)| Effect::Recheck(Recheck { check, at, after })));
    }

    /// Does `act`, which settles up to `to`, on a track and, if its state changed by that, joins it into the states above.
    fn change<T>(
        &mut self,
        check: CheckIndex,
        to: Timestamp,
        effects: &mut Vec<Effect>,
        act: impl FnOnce(&mut Track, &Closed, &mut Vec<Told>) -> T,
    ) -> T {
        let closed = self.calendar.closed(check, self.track(check).watermark(), to);
        let track = &mut self.tracks[check.get()];
        let from = track.state();
        let answer = act(track, &closed, &mut self.told);
        effects.extend(self.told.drain(..).map(|told| Effect::Told { check, told }));
        let (to, since) = (track.state(), track.since());
        if from != to {
            effects.push(Effect::CheckChanged { check, change: Change { from, to, since } });
            let tracks = &self.tracks;
            if self.joint.has(check) {
                self.joint.rejoin(check, since, |each| tracks[each.get()].state(), effects);
            }
        }
        answer
    }

    /// Takes over a check as it was stored.
    pub(super) fn recall(&mut self, check: CheckIndex, track: Track) {
        self.tracks[check.get()] = track;
    }

    /// Takes in a run that was journaled after the check was stored; what it tells of the past is given back.
    pub(super) fn rerun(&mut self, check: CheckIndex, run: PastRun) -> Vec<Told> {
        let closed = self.calendar.closed(check, self.track(check).watermark(), run.at);
        let track = &mut self.tracks[check.get()];
        track.start(run.at, run.recheck);
        let mut told = Vec::new();
        track.finish(run.outcome, run.warned, run.latency, &closed, &mut told);
        told
    }

    /// The wall clock was set back by `millis` after the check was stored.
    pub(super) fn reshift(&mut self, check: CheckIndex, millis: i64) {
        self.tracks[check.get()].shift(-millis);
    }

    /// The daemon was away from `heartbeat` to `now`; what that tells of the past is given back.
    pub(super) fn wake(
        &mut self,
        check: CheckIndex,
        heartbeat: Timestamp,
        now: Timestamp,
    ) -> Vec<Told> {
        let closed = self.calendar.closed(check, self.track(check).watermark(), now);
        let mut told = Vec::new();
        self.tracks[check.get()].wake(heartbeat, now, &closed, &mut told);
        told
    }

    /// Joins the states above every check anew, after they were recalled; nobody is told.
    pub(super) fn rejoin_all(&mut self) {
        let tracks = &self.tracks;
        for (number, check) in (0..tracks.len()).zip((0..).map(CheckIndex)) {
            if !self.joint.has(check) {
                continue;
            }
            let since = tracks[number].since();
            self.joint.rejoin(check, since, |each| tracks[each.get()].state(), &mut Vec::new());
        }
    }
}

#[cfg(test)]
mod tests;
