//! The time line and health of one check, pure (S1, S3, S4, S5, S6, S12).
//!
//! Time is settled up to a watermark: the start of the run in flight, or the time the last roll told. What lies behind it is
//! counted once and never taken back. Only results on the grid decide what time was; rechecks feed health. What is known of
//! past time, and what holds from there on, is told piece by piece ([`Told`]), for whoever keeps history.
//!
//! It keeps no history itself, and it does not know the check's neighbours.

use crate::health::Health;
use crate::model::{Cause, Outcome, Reason, Shape, State, Timestamp, Verdict};
use crate::slo::history::Ahead;
use crate::slo::spans::What;
use std::time::Duration;

/// Milliseconds by what they were: good, bad, unknown, excluded.
pub type SettledMillis = [u64; 4];

/// Positions in [`SettledMillis`].
const GOOD: usize = 0;
const BAD: usize = 1;
const UNKNOWN: usize = 2;
const EXCLUDED: usize = 3;

/// Stretches of maintenance: united, ascending, half-open.
pub type Closed = [(Timestamp, Timestamp)];

/// Time up to `to` was `past`; from there on `ahead` holds, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// What time was since the last piece told.
    pub past: Ahead,
    /// Up to here.
    pub to: Timestamp,
    /// What holds from there on.
    pub ahead: Ahead,
}

/// The time line and health of one check.
#[derive(Clone, Debug)]
pub struct Track {
    rules: Rules,
    held: Ahead,
    settled: Timestamp,
    /// Up to where the past was told.
    told: Timestamp,
    millis: SettledMillis,
    in_flight: Option<Run>,
    health: Health,
    /// Since when it is under maintenance.
    closed_since: Option<Timestamp>,
    /// Why nothing came when a result runs out.
    gap: Cause,
}

/// What of a check's [`Shape`] matters here, in whole milliseconds, the unit of a [`Timestamp`].
#[derive(Clone, Copy, Debug)]
struct Rules {
    hold: i64,
    recheck: i64,
    confirm: u32,
}

impl Rules {
    fn of(shape: &Shape) -> Self {
        let whole = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        Self { hold: whole(shape.hold), recheck: whole(shape.recheck), confirm: shape.confirm }
    }
}

#[derive(Clone, Copy, Debug)]
struct Run {
    at: Timestamp,
    recheck: bool,
}

/// What a restart has to know of a [`Track`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// What the last grid result says of the time after it.
    pub held: Ahead,
    /// The watermark.
    pub settled: Timestamp,
    /// Up to where the past was told.
    pub told: Timestamp,
    /// Settled time.
    pub millis: SettledMillis,
    /// Health and what speaks against it.
    pub health: Health,
}

impl Track {
    /// Nothing is known, as of `now`.
    pub fn new(shape: Shape, now: Timestamp) -> Self {
        let memory = Memory {
            held: Ahead::unknown(Cause::Starting),
            settled: now,
            told: now,
            millis: [0; 4],
            health: Health::new(now),
        };
        Self::recall(shape, memory)
    }

    /// As it was when it was last stored.
    pub fn recall(shape: Shape, memory: Memory) -> Self {
        let Memory { held, settled, told, millis, health } = memory;
        let (in_flight, closed_since, gap) = (None, None, Cause::Overloaded);
        let rules = Rules::of(&shape);
        Self { rules, held, settled, told, millis, in_flight, health, closed_since, gap }
    }

    /// Goes on where `old` is, under its own rules.
    pub fn succeed(&mut self, old: &Self) {
        *self = Self { rules: self.rules, ..old.clone() };
    }

    /// The run in flight will never end.
    pub fn give_up_run(&mut self) {
        self.in_flight = None;
    }

    /// What a restart has to know.
    pub fn memory(&self) -> Memory {
        let Self { held, settled, told, millis, health, .. } = *self;
        Memory { held, settled, told, millis, health }
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
        if self.closed_since.is_some() { State::Maintenance } else { self.health.state() }
    }

    /// Since when.
    pub fn since(&self) -> Timestamp {
        self.closed_since.unwrap_or_else(|| self.health.since())
    }

    /// The run in flight: when it started, and whether it is a recheck.
    pub fn run(&self) -> Option<(Timestamp, bool)> {
        self.in_flight.map(|run| (run.at, run.recheck))
    }

    /// Why the time after the watermark is unknown, if it is.
    pub fn cause(&self) -> Option<Cause> {
        match self.held.what {
            What::Unknown(cause) => Some(cause),
            _ => None,
        }
    }

    /// Whether the last grid result has run out by then.
    pub fn runs_out_by(&self, at: Timestamp) -> bool {
        !matches!(self.held.what, What::Unknown(_)) && self.held.until <= at
    }

    /// Why the last grid result was bad, while it holds.
    pub fn reason(&self) -> Option<Reason> {
        match self.held.what {
            What::Bad(reason) => reason,
            _ => None,
        }
    }

    /// A run starts.
    pub fn start(&mut self, at: Timestamp, recheck: bool) {
        assert!(self.in_flight.is_none(), "at most one run of a check is in flight");
        self.in_flight = Some(Run { at: at.max(self.settled), recheck });
    }

    /// The run in flight has ended; gives back whether another look is wanted: after which run, and when.
    pub fn finish(
        &mut self,
        outcome: Outcome,
        warned: bool,
        latency: Duration,
        closed: &Closed,
        told: &mut Vec<Told>,
    ) -> Option<(Timestamp, Timestamp)> {
        let run = self.in_flight.take().expect("a result belongs to a run that has started");
        let verdict = outcome.verdict();
        self.settle(run.at, closed, told);
        if !run.recheck {
            let until = run.at.shifted(self.rules.hold);
            let ahead = match outcome {
                Outcome::Good => Ahead { what: What::Good, latency, until },
                Outcome::Bad(reason) => Ahead { what: What::Bad(Some(reason)), latency, until },
                Outcome::Unknown(cause) => Ahead::unknown(cause),
            };
            self.tell(run.at, ahead, told);
        }
        self.health.observe(verdict, warned, self.rules.confirm, run.at);
        let again = self.health.is_undecided() && verdict != Verdict::Unknown;
        again.then(|| (run.at, (run.at + latency).shifted(self.rules.recheck)))
    }

    /// Counts the time up to `now`, or up to the run in flight if that is earlier. `closed` is the maintenance of the check,
    /// complete from the watermark to `now`.
    pub fn settle(&mut self, now: Timestamp, closed: &Closed, told: &mut Vec<Told>) {
        let to = self.in_flight.map_or(now, |run| run.at.min(now));
        if to <= self.settled {
            return;
        }
        let kind = match self.held.what {
            What::Good => GOOD,
            What::Bad(_) => BAD,
            _ => UNKNOWN,
        };
        let until = self.held.until;
        let known_to = until.clamp(self.settled, to);
        self.count(kind, self.settled, known_to, closed);
        self.count(UNKNOWN, known_to, to, closed);
        if kind != UNKNOWN && to >= until {
            self.tell(until, Ahead::unknown(self.gap), told);
            self.health.forget(until);
        }
        self.settled = to;
        let within = closed.iter().find(|(from, end)| *from <= to && to < *end);
        self.closed_since = within.map(|(from, _)| self.closed_since.unwrap_or(*from));
    }

    /// The daemon was away: it last lived at `heartbeat` and is back at `now` (S7).
    pub fn wake(
        &mut self,
        heartbeat: Timestamp,
        now: Timestamp,
        closed: &Closed,
        told: &mut Vec<Told>,
    ) {
        self.settle(heartbeat.min(now), closed, told);
        self.gap = Cause::Stopped;
        if let What::Unknown(_) = self.held.what {
            self.tell(self.settled, Ahead::unknown(Cause::Stopped), told);
        }
        self.settle(now, closed, told);
        self.gap = Cause::Overloaded;
    }

    /// The wall clock was set back: everything that was, was earlier, and no second is counted twice.
    pub fn shift(&mut self, millis: i64) {
        self.settled = self.settled.shifted(millis);
        self.told = self.told.shifted(millis);
        self.held.until = self.held.until.shifted(millis);
        self.health.shift(millis);
        if let Some(run) = &mut self.in_flight {
            run.at = run.at.shifted(millis);
        }
    }

    fn tell(&mut self, to: Timestamp, ahead: Ahead, told: &mut Vec<Told>) {
        let to = to.max(self.told);
        told.push(Told { past: self.held, to, ahead });
        (self.told, self.held) = (to, ahead);
    }

    fn count(&mut self, what: usize, from: Timestamp, to: Timestamp, closed: &Closed) {
        let whole = millis(from, to);
        let overlap =
            |(begin, end): &(Timestamp, Timestamp)| millis((*begin).max(from), (*end).min(to));
        let excluded: u64 = closed.iter().map(overlap).sum();
        self.millis[EXCLUDED] += excluded;
        self.millis[what] += whole - excluded;
    }
}

fn millis(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_millis() - from.as_millis()).unwrap_or(0)
}
