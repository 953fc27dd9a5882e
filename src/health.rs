//! Up, down or unknown, from verdicts in a row (S12), and how the states of checks join into those above them (S11).
//!
//! Health is for people and notifications; it never rewrites time. Legal changes:
//!
//! - *unknown* → *up* with one good verdict; → *down* with `confirm` bad ones in a row;
//! - *up* ↔ *down* with `confirm` verdicts in a row of the other kind;
//! - anything → *unknown* at once, with an unknown verdict or when the last result has run out.
//!
//! It does not know what is told of a change, nor what a verdict costs a promise.

use crate::model::{State, Timestamp, Verdict};

/// The confirmed health of a check and what speaks against it; plain, so that it can be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// What is confirmed.
    pub confirmed: Confirmed,
    /// Verdicts in a row against `confirmed`; 0 when the last one agreed.
    pub against: u32,
    /// When the first of `against` was taken.
    pub against_since: Timestamp,
    /// Whether a warning is confirmed.
    pub warned: bool,
    /// Good verdicts in a row whose warning differs from `warned`; a bad one ends the row.
    pub warn_against: u32,
    /// Since when the state holds.
    pub since: Timestamp,
}

/// What `confirm` verdicts in a row have settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// Up.
    Up,
    /// Down.
    Down,
    /// Nothing is known.
    Unknown,
}

impl Health {
    /// Unknown since `now`: nothing was seen yet.
    pub fn new(now: Timestamp) -> Self {
        Self {
            confirmed: Confirmed::Unknown,
            against: 0,
            against_since: now,
            warned: false,
            warn_against: 0,
            since: now,
        }
    }

    /// What a person is shown.
    pub fn state(&self) -> State {
        match self.confirmed {
            Confirmed::Down => State::Down,
            Confirmed::Unknown if self.against == 0 => State::Unknown,
            Confirmed::Up if self.against == 0 && !self.warned => State::Up,
            Confirmed::Up | Confirmed::Unknown => State::Degraded,
        }
    }

    /// Since when [`Self::state`] holds; a confirmed down begins with its first bad result.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// Whether a further look soon would decide something: verdicts in a row that are not `confirm` yet.
    pub fn is_undecided(&self) -> bool {
        self.against > 0
    }

    /// Takes in the verdict of a run, on the grid or not, that started at `at`.
    ///
    /// `warned` says whether a good verdict carried a warning. `confirm` is at least 1.
    pub fn observe(&mut self, verdict: Verdict, warned: bool, confirm: u32, at: Timestamp) {
        let before = self.state();
        let mut begins = at;
        match (self.confirmed, verdict) {
            (_, Verdict::Unknown) => self.forget(at),
            (Confirmed::Up, Verdict::Good) | (Confirmed::Down, Verdict::Bad) => self.against = 0,
            (Confirmed::Unknown, Verdict::Good) => self.flip(Confirmed::Up),
            (Confirmed::Up | Confirmed::Unknown, Verdict::Bad)
            | (Confirmed::Down, Verdict::Good) => {
                if self.against == 0 {
                    self.against_since = at;
                }
                self.against += 1;
                if self.against >= confirm {
                    begins = self.against_since;
                    self.flip(if verdict == Verdict::Good {
                        Confirmed::Up
                    } else {
                        Confirmed::Down
                    });
                }
            }
        }
        match verdict {
            Verdict::Good => self.warn(warned, confirm),
            Verdict::Bad => self.warn_against = 0,
            Verdict::Unknown => {}
        }
        if self.state() != before {
            self.since = begins;
        }
    }

    /// The last result ran out at `at`, or the monitor could not tell.
    pub fn forget(&mut self, at: Timestamp) {
        if self.state() != State::Unknown {
            self.since = at;
        }
        self.flip(Confirmed::Unknown);
        (self.warned, self.warn_against) = (false, 0);
    }

    /// The wall clock was stepped back by `millis` (negative): everything that was, was earlier.
    pub fn shift(&mut self, millis: i64) {
        self.since = self.since.shifted(millis);
        self.against_since = self.against_since.shifted(millis);
    }

    fn flip(&mut self, to: Confirmed) {
        self.confirmed = to;
        self.against = 0;
    }

    fn warn(&mut self, warned: bool, confirm: u32) {
        if warned == self.warned {
            self.warn_against = 0;
            return;
        }
        self.warn_against += 1;
        if self.warn_against >= confirm {
            self.warned = warned;
            self.warn_against = 0;
        }
    }
}

/// All are needed: any down is down, all up is up, else unknown; nothing left is maintenance (S11, serial).
pub fn join_serial(states: impl IntoIterator<Item = State>) -> State {
    let counts = Counts::of(states);
    match counts {
        _ if counts.known_or_not() == 0 => State::Maintenance,
        Counts { down: 1.., .. } => State::Down,
        Counts { unknown: 1.., .. } => State::Unknown,
        Counts { degraded: 1.., .. } => State::Degraded,
        _ => State::Up,
    }
}

/// One is enough: any up is up, all down is down, else unknown; nothing left is maintenance (S11, parallel).
pub fn join_parallel(states: impl IntoIterator<Item = State>) -> State {
    let counts = Counts::of(states);
    match counts {
        _ if counts.known_or_not() == 0 => State::Maintenance,
        Counts { up: 1.., .. } => State::Up,
        Counts { degraded: 1.., .. } => State::Degraded,
        Counts { unknown: 1.., .. } => State::Unknown,
        _ => State::Down,
    }
}

#[derive(Default)]
struct Counts {
    up: usize,
    unknown: usize,
    degraded: usize,
    down: usize,
}

impl Counts {
    fn of(states: impl IntoIterator<Item = State>) -> Self {
        let mut counts = Self::default();
        for state in states {
            match state {
                State::Up => counts.up += 1,
                State::Maintenance => {}
                State::Unknown => counts.unknown += 1,
                State::Degraded => counts.degraded += 1,
                State::Down => counts.down += 1,
            }
        }
        counts
    }

    fn known_or_not(&self) -> usize {
        self.up + self.unknown + self.degraded + self.down
    }
}

#[cfg(test)]
mod tests;
