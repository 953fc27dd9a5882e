//! The heart, pure: state and an event give the next state and what has to be done (S1, S3, S5, S6, S12).
//!
//! For every check it keeps a time line that is settled up to a watermark: the start of the run in flight, or the time the
//! last roll told. What lies behind the watermark is counted once and never taken back; what lies before it is provisional.
//! Only results on the grid enter the time line; rechecks feed health. `good + bad + unknown + excluded` is always the time
//! from the check's beginning to its watermark.
//!
//! It performs nothing, asks no clock, and knows no protocol, metric or page.

use super::event::{Change, Effect, Event, Recheck};
use super::joint::Joint;
use crate::health::Health;
use crate::model::{
    Cause, Check, CheckIndex, Outcome, ProbeResult, Service, Shape, State, Timestamp, Verdict,
};
use std::sync::Arc;

/// The state of everything that is watched.
#[derive(Debug)]
pub struct Ledger {
    tracks: Vec<Track>,
    joint: Joint,
}

/// Milliseconds by what they were: good, bad, unknown, excluded.
pub type SettledMillis = [u64; 4];

/// The time line and health of one check.
#[derive(Clone, Debug)]
pub struct Track {
    shape: Shape,
    held: Held,
    settled: Timestamp,
    millis: SettledMillis,
    in_flight: Option<Run>,
    health: Health,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    at: Timestamp,
    recheck: bool,
}

/// What the last grid result says of the time after it.
#[derive(Clone, Copy, Debug)]
enum Held {
    /// Known until a moment, then unknown.
    Known { good: bool, until: Timestamp },
    /// Not known.
    Unknown(Cause),
}

/// Positions in [`SettledMillis`].
const GOOD: usize = 0;
const BAD: usize = 1;
const UNKNOWN: usize = 2;

impl Track {
    fn new(shape: Shape, now: Timestamp) -> Self {
        Self {
            shape,
            held: Held::Unknown(Cause::Starting),
            settled: now,
            millis: [0; 4],
            in_flight: None,
            health: Health::new(now),
        }
    }

    /// Up to where time is settled.
    pub fn watermark(&self) -> Timestamp {
        self.settled
    }

    /// Settled time by what it was; adds up to the time from the beginning to the watermark.
    pub fn millis(&self) -> SettledMillis {
        self.millis
    }

    /// The state a person is shown.
    pub fn state(&self) -> State {
        self.health.state()
    }

    /// Since when.
    pub fn since(&self) -> Timestamp {
        self.health.since()
    }

    /// The run in flight: when it started, and whether it is a recheck.
    pub fn run(&self) -> Option<(Timestamp, bool)> {
        self.in_flight.map(|run| (run.at, run.recheck))
    }

    /// Why the time after the watermark is unknown, if it is.
    pub fn cause(&self) -> Option<Cause> {
        match self.held {
            Held::Known { .. } => None,
            Held::Unknown(cause) => Some(cause),
        }
    }

    fn start(&mut self, at: Timestamp, recheck: bool) {
        assert!(self.in_flight.is_none(), "at most one run of a check is in flight");
        self.in_flight = Some(Run { at: at.max(self.settled), recheck });
    }

    /// Takes in a result; gives back whether another look is wanted: after which run, and when.
    fn finish(&mut self, result: &ProbeResult) -> Option<(Timestamp, Timestamp)> {
        let run = self.in_flight.take().expect("a result belongs to a run that has started");
        let verdict = result.outcome.verdict();
        self.settle(run.at);
        if !run.recheck {
            self.held = match result.outcome {
                Outcome::Good => Held::Known { good: true, until: run.at + self.shape.hold },
                Outcome::Bad(_) => Held::Known { good: false, until: run.at + self.shape.hold },
                Outcome::Unknown(cause) => Held::Unknown(cause),
            };
        }
        self.health.observe(verdict, !result.warnings.is_empty(), self.shape.confirm, run.at);
        let again = self.health.is_undecided() && verdict != Verdict::Unknown;
        again.then(|| (run.at, run.at + result.latency + self.shape.recheck))
    }

    /// Counts the time up to `now`, or up to the run in flight if that is earlier.
    fn settle(&mut self, now: Timestamp) {
        let to = self.in_flight.map_or(now, |run| run.at.min(now));
        if to <= self.settled {
            return;
        }
        match self.held {
            Held::Known { good, until } => {
                let known_to = until.clamp(self.settled, to);
                self.count(if good { GOOD } else { BAD }, self.settled, known_to);
                self.count(UNKNOWN, known_to, to);
                if to >= until {
                    self.held = Held::Unknown(Cause::Overloaded);
                    self.health.forget(until);
                }
            }
            Held::Unknown(_) => self.count(UNKNOWN, self.settled, to),
        }
        self.settled = to;
    }

    fn count(&mut self, what: usize, from: Timestamp, to: Timestamp) {
        let millis = to.as_millis() - from.as_millis();
        self.millis[what] += u64::try_from(millis).expect("time is counted forwards");
    }

    /// The wall clock was set back: everything that was, was earlier, and no second is counted twice.
    fn shift(&mut self, back_millis: i64) {
        let by = -back_millis;
        self.settled = self.settled.shifted(by);
        self.health.shift(by);
        if let Some(run) = &mut self.in_flight {
            run.at = run.at.shifted(by);
        }
        if let Held::Known { until, .. } = &mut self.held {
            *until = until.shifted(by);
        }
    }
}

impl Ledger {
    /// Nothing is known yet, as of `now`.
    pub fn new(checks: &[Arc<Check>], services: &[Service], now: Timestamp) -> Self {
        let tracks: Vec<_> = checks.iter().map(|check| Track::new(check.shape, now)).collect();
        let joint = Joint::new(checks, services, now);
        Self { tracks, joint }
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
                let again = self.change(*check, effects, |track| track.finish(result));
                effects.extend(
                    again.map(|(after, at)| Effect::Recheck(Recheck { check: *check, at, after })),
                );
            }
            Event::Skipped { .. } => {}
            Event::Roll { checks, at } => {
                for check in checks.iter() {
                    self.change(*check, effects, |track| track.settle(*at));
                }
            }
            Event::ClockBack { checks, millis, leads } => {
                for check in checks.iter() {
                    self.tracks[check.get()].shift(*millis);
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
        act: impl FnOnce(&mut Track) -> T,
    ) -> T {
        let track = &mut self.tracks[check.get()];
        let from = track.state();
        let answer = act(track);
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
