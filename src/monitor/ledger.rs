//! The heart, pure: state and an event give the next state and what has to be done (S1, S3, S5, S6, S8, S12).
//!
//! For every check it keeps a [`Track`], and joins their states into those above them. What lies behind a track's watermark
//! is counted once and never taken back; `good + bad + unknown + excluded` is always the time from the check's beginning to it.
//!
//! A run that has ended is *settled* before anything follows from it: at once, or, if its failure may be our own, when that is
//! known. Until then its check is held at its start, with whatever came after it, in order (`doubts`, `sight`).
//!
//! It performs nothing, asks no clock, and knows no protocol, metric or page.

use super::doubts::{Doubt, Doubts, Held, Next};
use super::event::{Change, Effect, Event, Recheck};
use super::joint::Joint;
use super::sight::{Broke, PROMPT, Shown, Sight, Suspicion};
use super::track::{Closed, Told, Track};
use crate::config::diff::{Diff, Move};
use crate::model::{
    Cause, Check, CheckIndex, Maintenance, Outcome, ProbeResult, Road, Service, Timestamp,
};
use crate::slo::maintenance::excluded;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The state of everything that is watched.
#[derive(Debug)]
pub struct Ledger {
    tracks: Vec<Track>,
    joint: Joint,
    calendar: Calendar,
    sight: Sight,
    doubts: Doubts,
    /// Kept from event to event for its room.
    told: Vec<Told>,
}

/// The maintenance of each check.
#[derive(Debug)]
struct Calendar {
    /// Only of the checks that have some.
    windows: BTreeMap<CheckIndex, Vec<Arc<Maintenance>>>,
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
        let Some(windows) = self.windows.get(&check) else { return Vec::new() };
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
        let calendar = Calendar { windows: BTreeMap::new(), zone: zone.clone() };
        let (sight, doubts) = (Sight::default(), Doubts::default());
        Self { tracks, joint, calendar, sight, doubts, told: Vec::new() }
    }

    /// The same, with somebody who may give alibis; without, every failure is what it is.
    #[must_use]
    pub fn with_sight(self, sight: Sight) -> Self {
        Self { sight, ..self }
    }

    /// What is seen at all.
    pub fn sight(&self) -> &Sight {
        &self.sight
    }

    /// How many runs have ended and wait for an alibi.
    pub fn unsettled(&self) -> usize {
        self.doubts.waiting()
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
        self.calendar.windows.clear();
        for service in services {
            for check in service.checks() {
                let about = |window: &&Arc<Maintenance>| {
                    window.matching.fits(&checks[check.get()], &service.labels)
                };
                let about: Vec<_> = windows.iter().filter(about).cloned().collect();
                if !about.is_empty() {
                    self.calendar.windows.insert(check, about);
                }
            }
        }
    }

    /// Takes in an event and adds what has to be done to `effects`.
    pub fn apply(&mut self, event: Event, effects: &mut Vec<Effect>) {
        match event {
            Event::Started { check, at, recheck } => {
                if !self.doubts.start(check, at, recheck) {
                    self.tracks[check.get()].start(at, recheck);
                }
            }
            Event::Finished { check, result } => self.finish(check, result, effects),
            // The windows in force come with `set_maintenance`.
            Event::Skipped { .. }
            | Event::Maintenance { .. }
            | Event::Reload { .. }
            | Event::Looked { .. }
            | Event::Vouched { .. }
            | Event::Drill { .. } => {}
            Event::Roll { checks, at } => {
                for check in checks.iter() {
                    self.change(*check, at, effects, |track, closed, told| {
                        track.settle(at, closed, told);
                    });
                }
                self.grow_old(at, effects);
            }
            Event::ClockBack { checks, millis, leads } => {
                for check in checks.iter() {
                    self.tracks[check.get()].shift(-millis);
                }
                self.doubts.shift(&checks, -millis);
                if leads {
                    self.joint.shift(-millis);
                    self.sight.shift(-millis);
                }
            }
        }
    }

    /// A run has ended: it is settled or held, and may settle others by what it shows.
    fn finish(
        &mut self,
        check: CheckIndex,
        mut result: Box<ProbeResult>,
        effects: &mut Vec<Effect>,
    ) {
        let is_held = self.doubts.has(check);
        let run = if is_held { self.doubts.running(check) } else { self.track(check).run() };
        let (at, recheck) = run.expect("a result belongs to a run that has started");
        let end = at + result.latency;
        let shown = self.sight.shows(check, at, &result);
        let is_good = result.outcome == Outcome::Good;
        let missed = self.sight.misses(check, at, &result);
        let doubt = match self.sight.suspect(check, at, &result) {
            Suspicion::None => None,
            Suspicion::Doubt(road) => Some(road),
            Suspicion::Blind(cause) => {
                disown(&mut result, cause);
                None
            }
        };
        if is_held || doubt.is_some() {
            self.doubts.hold(check, Held { at, recheck, end, result, doubt });
            if let Some(oldest) = self.doubts.too_many(check) {
                self.give_up(oldest, effects);
            }
        } else {
            self.settle(check, result, effects);
        }
        self.sight.note_misses(check, &missed);
        self.alibis(check, &shown, end, effects);
        let broke = self.sight.note(check, &shown, is_good);
        effects.extend(broke.map(sentinel_changed));
        if let Some(road) = doubt {
            let asked = self.sight.ask(road, check, (at, end));
            effects.extend(asked.into_iter().map(|check| look(check, end)));
        }
    }

    /// A run of `check`, which ended at `end`, has shown roads: failures that ended just before it began are the far side's,
    /// those that ended long before, or came in the dark or in a blink, are our own.
    fn alibis(
        &mut self,
        check: CheckIndex,
        shown: &Shown,
        end: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        for (road, at) in Road::ALL.iter().zip(shown) {
            let Some(at) = *at else { continue };
            let out = |check: CheckIndex| self.tracks[check.get()].run().map(|(start, _)| start);
            let blink = self.sight.blink(*road, (at, end), out);
            let prompt = at.shifted(-i64::try_from(PROMPT.as_millis()).unwrap_or(i64::MAX));
            self.give_up_until(*road, prompt.shifted(-1), effects);
            if self.sight.dark(*road).is_some() {
                // Whatever ended before this began before anything was seen again.
                self.give_up_until(*road, end, effects);
            }
            if let Some(blink) = blink {
                let recent = self.doubts.ended(*road, prompt.max(*blink.start())..=at);
                let within = |doubt: &Doubt| self.doubts.began(*doubt) <= *blink.end();
                for doubt in recent.filter(within).collect::<Vec<_>>() {
                    self.give_up(doubt, effects);
                }
            }
            let others = |doubt: &Doubt| doubt.check != check;
            let sure: Vec<Doubt> = self.doubts.ended(*road, prompt..=at).filter(others).collect();
            for doubt in sure {
                self.doubts.decide(doubt);
                self.play(doubt.check, effects);
            }
            if let Some(since) = self.sight.lighten(*road, end) {
                effects.push(Effect::SightChanged { road: *road, since, until: Some(end) });
            }
        }
    }

    /// Time has passed: what has waited too long waits no more, and for the rest somebody is asked again.
    fn grow_old(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let patience = i64::try_from(self.sight.patience().as_millis()).unwrap_or(i64::MAX);
        for road in Road::ALL {
            self.give_up_until(*road, now.shifted(-patience), effects);
            if let Some(oldest) = self.doubts.oldest(*road) {
                let asked = self.sight.ask_again(*road, oldest, now);
                effects.extend(asked.into_iter().map(|check| look(check, now)));
            }
        }
        effects.extend(self.sight.roll(now).into_iter().map(sentinel_changed));
    }

    /// What ended until then and still waits has no alibi.
    fn give_up_until(&mut self, road: Road, end: Timestamp, effects: &mut Vec<Effect>) {
        let ended = Timestamp::from_millis(i64::MIN)..=end;
        let doubts: Vec<Doubt> = self.doubts.ended(road, ended).collect();
        for doubt in doubts {
            self.give_up(doubt, effects);
        }
    }

    /// A failure has no alibi: it is not known whose it was.
    fn give_up(&mut self, doubt: Doubt, effects: &mut Vec<Effect>) {
        let (run, road) = self.doubts.decide(doubt);
        if let Some(road) = road {
            disown(&mut run.result, self.sight.cause(road, run.at));
            if self.sight.is_dark_since(road, run.at) && self.sight.darken(road, run.at) {
                effects.push(Effect::SightChanged { road, since: run.at, until: None });
            }
        }
        self.play(doubt.check, effects);
    }

    /// Settles what nothing in the line of a check stands before any more.
    fn play(&mut self, check: CheckIndex, effects: &mut Vec<Effect>) {
        while let Some(next) = self.doubts.next(check) {
            let (at, recheck) = next.run();
            let track = &mut self.tracks[check.get()];
            if track.run().is_none() {
                track.start(at, recheck);
            }
            match next {
                Next::Settled(run) => self.settle(check, run.result, effects),
                Next::Running(..) => return,
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
        if self.track(check).runs_out_by(at) {
            // Told by itself: what was down, unknown, and is bad again did not recover in between.
            self.change(check, at, effects, |track, closed, told| track.settle(at, closed, told));
        }
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

    /// Goes on where `old` is: `diff` says where its checks and services are now. What has changed above checks by that is so
    /// since `now`; nobody is told.
    pub(super) fn succeed(&mut self, old: Self, diff: &Diff, now: Timestamp) {
        let place = |check: CheckIndex| match diff.moves[check.get()] {
            Move::Kept(to) => Some(to),
            Move::Renamed(_) | Move::Gone => None,
        };
        for (was, each) in old.tracks.into_iter().zip(&diff.moves) {
            let Some(to) = each.to() else { continue };
            let track = &mut self.tracks[to.get()];
            track.succeed(&was);
            if let Move::Renamed(_) = each {
                track.give_up_run();
            }
        }
        self.doubts = old.doubts.moved(place);
        self.sight.succeed(&old.sight, place);
        let tracks = &self.tracks;
        self.joint.succeed(&old.joint, diff, now, |check| tracks[check.get()].state());
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

/// An extra look at `check` at `now`, for what it shows others.
fn look(check: CheckIndex, now: Timestamp) -> Effect {
    Effect::Recheck(Recheck { check, at: now, after: now })
}

fn sentinel_changed(Broke { sentinel, since }: Broke) -> Effect {
    Effect::SentinelChanged { sentinel, broken: since.is_some() }
}

/// A failure that may be our own says nothing of the far side.
fn disown(result: &mut ProbeResult, cause: Cause) {
    result.outcome = Outcome::Unknown(cause);
    result.said =
        format!("nothing shows that this monitor could see then; it saw: {}", result.said);
}

#[cfg(test)]
mod tests;
