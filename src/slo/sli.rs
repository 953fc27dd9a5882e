//! What was good, by kind of objective: time, slices of time, or results (slo.md 1.2, S16).
//!
//! All kinds are read from the one time line of the scope; `latency` is time on a line where good but slow is bad.
//!
//! - A *slice* counts in the stretch that has its start. It is bad if any of it was, else good if any of it was, else
//!   unknown, or excluded if all of it was. Slices are aligned to the epoch, in a calendar window to its first instant.
//! - An *event* is a grid result of any counting check of the scope, judged by the state of the scope at its start. Time
//!   that nothing was seen in counts for as many unknown events as were due in it, so that the window is a nominal one here too.
//!
//! Sums of neighbouring stretches are those of the whole; for unknown events, but for rounding. It knows no budget.

use super::budget::Policies;
use super::burn::Burn;
use super::cadence::Cadence;
use super::spans::{Amounts, Mix, Piece, Timeline, What, millis};
use crate::model::{ObjectiveKind, ObjectiveUnit, Timestamp};
use std::time::Duration;

/// How one objective measures the time line of its scope.
#[derive(Clone, Copy, Debug)]
pub enum Meter<'a> {
    /// Milliseconds.
    Time(&'a Timeline),
    /// Slices of time.
    Slices(Slices<'a>),
    /// Grid results.
    Events(&'a Timeline, &'a [&'a Cadence]),
}

/// Slices of one length, side by side from `origin` on and before it.
#[derive(Clone, Copy, Debug)]
pub struct Slices<'a> {
    /// What is sliced.
    pub line: &'a Timeline,
    /// Milliseconds of a slice; above 0.
    pub length: u64,
    /// Where one of them begins.
    pub origin: Timestamp,
    /// The instant of evaluation: the slice in progress is judged by what was before it.
    pub at: Timestamp,
}

/// So much bad, in milliseconds or counts, in so many milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Bad time or counts.
    pub bad: u64,
    /// Milliseconds; above 0.
    pub per: u64,
}

/// What the amounts of a kind are counted in.
pub const fn unit(kind: ObjectiveKind) -> ObjectiveUnit {
    match kind {
        ObjectiveKind::Time | ObjectiveKind::Latency => ObjectiveUnit::Seconds,
        ObjectiveKind::Events => ObjectiveUnit::Events,
        ObjectiveKind::Slices => ObjectiveUnit::Slices,
    }
}

/// Long enough to say how many results come in how much time, whatever their intervals: a day.
const LONG: u64 = 86_400_000;

impl Meter<'_> {
    /// What was good, bad, unknown and excluded in `[from, to)`, before policies.
    pub fn amounts(&self, from: Timestamp, to: Timestamp) -> Amounts {
        match self {
            Self::Time(line) => line.amounts(from, to),
            Self::Slices(slices) => slices.amounts(from, to),
            Self::Events(line, cadences) => events(line, cadences, from, to),
        }
    }

    /// What is still to come in `[from, to)`, of which `excluded` milliseconds will be maintenance.
    pub fn to_come(&self, from: Timestamp, to: Timestamp, excluded: u64) -> u64 {
        match self {
            Self::Time(_) => millis(from, to).saturating_sub(excluded),
            Self::Slices(slices) => {
                let (first, end) = slices.positions(from, to);
                u64::try_from(end - first).unwrap_or(0).saturating_sub(excluded / slices.length)
            }
            Self::Events(_, cadences) => {
                expected(cadences, millis(from, to).saturating_sub(excluded))
            }
        }
    }

    /// What was bad in the `window` before `at`, of its nominal length. A window shorter than a slice is taken as a slice.
    pub fn burn(&self, policies: Policies, window: Duration, at: Timestamp) -> Burn {
        let length = self.at_least_a_slice(window);
        let from = at.shifted(-i64::try_from(length).unwrap_or(i64::MAX));
        let amounts = policies.apply(self.amounts(from, at));
        let basis = match self {
            Self::Time(_) => length,
            Self::Slices(_) => amounts.total(),
            Self::Events(_, cadences) => amounts.known().max(expected(cadences, length)),
        };
        Burn { bad: amounts.bad, basis }
    }

    /// How fast it went wrong in the `window` whose burn this is.
    pub fn rate(&self, burn: Burn, window: Duration) -> Rate {
        Rate { bad: burn.bad, per: self.at_least_a_slice(window) }
    }

    /// How fast it goes wrong while everything is bad.
    pub fn worst(&self) -> Rate {
        match self {
            Self::Time(_) => Rate { bad: 1, per: 1 },
            Self::Slices(slices) => Rate { bad: 1, per: slices.length },
            Self::Events(_, cadences) => Rate { bad: expected(cadences, LONG), per: LONG },
        }
    }

    /// Milliseconds.
    fn at_least_a_slice(&self, window: Duration) -> u64 {
        let length = u64::try_from(window.as_millis()).unwrap_or(u64::MAX);
        if let Self::Slices(slices) = self { length.max(slices.length) } else { length }
    }
}

impl Slices<'_> {
    /// The slices that start in `[from, to)`, as a half-open range of positions; that of the slice at the origin is 0.
    fn positions(&self, from: Timestamp, to: Timestamp) -> (i64, i64) {
        (self.next_from(from), self.next_from(to))
    }

    /// The slice that `at` lies in.
    fn position(&self, at: Timestamp) -> i64 {
        let length = i64::try_from(self.length).unwrap_or(i64::MAX).max(1);
        at.as_millis().saturating_sub(self.origin.as_millis()).div_euclid(length)
    }

    /// The first slice that does not start before `at`.
    fn next_from(&self, at: Timestamp) -> i64 {
        self.position(at.shifted(-1)) + 1
    }

    fn start(&self, position: i64) -> Timestamp {
        let length = i64::try_from(self.length).unwrap_or(i64::MAX);
        self.origin.shifted(position.saturating_mul(length))
    }

    fn amounts(&self, from: Timestamp, to: Timestamp) -> Amounts {
        let (first, end) = self.positions(from, to);
        if end <= first {
            return Amounts::default();
        }
        let (begin, until) = (self.start(first), self.start(end).min(self.at));
        // The slice that `until` cuts is whole once what came of it so far is.
        let whole = |from: Timestamp, to: Timestamp| {
            let last = if to == until { end } else { self.position(to) };
            u64::try_from(last - self.next_from(from)).unwrap_or(0)
        };
        let mut amounts = Amounts::default();
        let mut next_bad = first;
        let mut dark = Unbroken::default();
        let mut excluded = Unbroken::default();
        for piece in self.line.pieces(begin, until) {
            let look = Look::of(&piece);
            if look == Look::Bad {
                let past = self.position(piece.to.shifted(-1)) + 1;
                let fresh = past - self.position(piece.from).max(next_bad);
                amounts.bad += u64::try_from(fresh).unwrap_or(0);
                next_bad = next_bad.max(past);
            }
            dark.go_on(matches!(look, Look::Unknown | Look::Excluded), &piece, whole);
            excluded.go_on(look == Look::Excluded, &piece, whole);
        }
        amounts.excluded = excluded.end(until, whole);
        amounts.unknown = dark.end(until, whole) - amounts.excluded;
        let all = u64::try_from(end - first).expect("checked above");
        amounts.good = all - amounts.bad - amounts.unknown - amounts.excluded;
        amounts
    }
}

/// What a stretch makes of the slices that it touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Good,
    Bad,
    Unknown,
    Excluded,
}

impl Look {
    fn of(piece: &Piece) -> Self {
        match piece.what {
            What::Excluded => Self::Excluded,
            What::Unknown(_) => Self::Unknown,
            // Where in it is no longer known: every slice of it may be the bad one.
            What::Bad(_) | What::Mixed(Mix { bad: 1.., .. }) => Self::Bad,
            What::Mixed(Mix { unknown, .. }) if unknown == piece.millis() => Self::Unknown,
            What::Good | What::Mixed(_) => Self::Good,
        }
    }
}

/// Stretches of one look that follow each other without a gap, and how many slices lie wholly in such ones so far.
#[derive(Default)]
struct Unbroken {
    since: Option<Timestamp>,
    slices: u64,
}

impl Unbroken {
    fn go_on(
        &mut self,
        has_look: bool,
        piece: &Piece,
        whole: impl Fn(Timestamp, Timestamp) -> u64,
    ) {
        if has_look {
            self.since.get_or_insert(piece.from);
        } else if let Some(since) = self.since.take() {
            self.slices += whole(since, piece.from);
        }
    }

    fn end(self, until: Timestamp, whole: impl Fn(Timestamp, Timestamp) -> u64) -> u64 {
        self.slices + self.since.map_or(0, |since| whole(since, until))
    }
}

/// How many results are due in so many milliseconds.
fn expected(cadences: &[&Cadence], length: u64) -> u64 {
    cadences.iter().map(|cadence| cadence.expected(length)).sum()
}

fn events(line: &Timeline, cadences: &[&Cadence], from: Timestamp, to: Timestamp) -> Amounts {
    let count = |from, to| cadences.iter().map(|cadence| cadence.count(from, to)).sum::<u64>();
    let mut amounts = Amounts::default();
    let mut unseen = 0;
    for piece in line.pieces(from, to).filter(|piece| piece.what != What::Good) {
        let results = count(piece.from, piece.to);
        match piece.what {
            What::Good => {}
            What::Bad(_) => amounts.bad += results,
            What::Unknown(_) => {
                amounts.unknown += results;
                unseen += piece.millis();
            }
            What::Excluded => amounts.excluded += results,
            What::Mixed(mix) => {
                let share = |amount: u64| {
                    let share = u128::from(results) * u128::from(amount);
                    u64::try_from(share / u128::from(piece.millis())).unwrap_or(results)
                };
                amounts.bad += share(mix.bad);
                amounts.unknown += share(mix.unknown);
                unseen += mix.unknown;
            }
        }
    }
    amounts.good = count(from, to) - amounts.bad - amounts.unknown - amounts.excluded;
    amounts.unknown = amounts.unknown.max(expected(cadences, unseen));
    amounts
}

#[cfg(test)]
mod tests;
