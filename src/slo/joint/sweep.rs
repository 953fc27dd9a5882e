//! What all sides of a service were at once, stretch by stretch, for what no single scope can tell.
//!
//! Every stretch in which no check changes is told once, with the state of each side (S11) and of the entry. Inside a
//! coalesced stretch, of which only amounts are known, each check is taken to have been bad first, then unknown, then good, so
//! that bad times overlap as far as they can, as in [`super::at_least`]; how far the sums may be off by that is given back.
//!
//! It judges and adds up nothing.

use super::{Feed, Part, Scheme};
use crate::model::{Cause, Timestamp};
use crate::slo::spans::{Mix, What, millis};

/// What a service was over a stretch of time.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// One for each of [`Scheme::judged`]; `None` while nothing of a side was watched yet.
    pub sides: &'a [Option<What>],
    /// The public name, if there is one; `None` inside while it was not watched yet.
    pub entry: Option<Option<What>>,
    /// How long.
    pub millis: u64,
}

impl Scheme {
    /// The sides for which some check counts, as positions.
    pub fn judged(&self) -> Vec<usize> {
        let counts = |side: &usize| self.sides[*side].endpoints.iter().any(|each| !each.is_empty());
        (0..self.sides.len()).filter(counts).collect()
    }

    /// Tells every stretch of `[from, to)` in order; `parts` are all checks of the service. Gives back how many milliseconds
    /// of what is told may have been something else, because old stretches were coalesced.
    pub fn sweep(
        &self,
        parts: &[Part<'_>],
        from: Timestamp,
        to: Timestamp,
        tell: &mut dyn FnMut(Moment<'_>),
    ) -> u64 {
        let mut sweep = Sweep {
            scheme: self,
            judged: self.judged(),
            states: vec![None; parts.len()],
            sides: Vec::new(),
        };
        let mut feeds: Vec<Feed<'_>> =
            parts.iter().map(|part| Feed::new(*part, from, to)).collect();
        let needed: Vec<usize> = (0..parts.len()).filter(|check| self.needs(*check)).collect();
        let (mut at, mut loose) = (from, 0);
        while at < to {
            let ends = needed.iter().map(|check| feeds[*check].end(at, to));
            let end = ends.min().unwrap_or(to);
            let mut unsure = 0;
            for check in &needed {
                let feed = &mut feeds[*check];
                sweep.states[*check] = feed.what(at, end);
                if matches!(sweep.states[*check], Some(What::Mixed(_))) {
                    unsure += feed.unsure(at, end, (from, to));
                }
            }
            loose += unsure.min(millis(at, end));
            sweep.stretch(millis(at, end), tell);
            at = end;
        }
        loose
    }

    fn needs(&self, check: usize) -> bool {
        let counts = |endpoint: &Vec<usize>| endpoint.contains(&check);
        self.entry == Some(check) || self.sides.iter().any(|side| side.endpoints.iter().any(counts))
    }
}

struct Sweep<'a> {
    scheme: &'a Scheme,
    judged: Vec<usize>,
    /// What each check was, as far as it is needed.
    states: Vec<Option<What>>,
    sides: Vec<Option<What>>,
}

impl Sweep<'_> {
    /// Tells a stretch of `len` in which no check changes but where it is coalesced.
    fn stretch(&mut self, len: u64, tell: &mut dyn FnMut(Moment<'_>)) {
        let mixes = self.states.iter().flatten().filter_map(|what| match what {
            What::Mixed(mix) => Some([mix.bad, mix.bad + mix.unknown]),
            _ => None,
        });
        let mut cuts: Vec<u64> = mixes.flatten().filter(|cut| *cut < len).collect();
        cuts.push(len);
        cuts.sort_unstable();
        let mut begun = 0;
        for cut in cuts {
            if cut > begun {
                self.tell(begun, cut - begun, tell);
                begun = cut;
            }
        }
    }

    /// Tells `len` milliseconds from `offset` on, in which no check changes.
    fn tell(&mut self, offset: u64, len: u64, tell: &mut dyn FnMut(Moment<'_>)) {
        let (scheme, states) = (self.scheme, &self.states);
        let mut now = |check: usize| {
            states[check].map(|what| match what {
                What::Mixed(mix) => ordered(mix, offset),
                plain => plain,
            })
        };
        self.sides.clear();
        for side in &self.judged {
            // An endpoint for which nothing counts says nothing about a side that is not watched yet.
            let checks = scheme.sides[*side].endpoints.iter().flatten();
            let watched = checks.into_iter().any(|check| states[*check].is_some());
            let state = if watched { scheme.side_state(*side, &mut now, len) } else { None };
            self.sides.push(state);
        }
        let entry = scheme.entry.map(now);
        tell(Moment { sides: &self.sides, entry, millis: len });
    }
}

/// What a coalesced stretch is taken to have been at `offset`.
fn ordered(mix: Mix, offset: u64) -> What {
    if offset < mix.bad {
        What::Bad(None)
    } else if offset < mix.bad + mix.unknown {
        What::Unknown(Cause::Overloaded)
    } else {
        What::Good
    }
}

impl Feed<'_> {
    /// How much of the coalesced `[at, end)` may not have been what most of the stretch was. Where the amounts of a stretch are
    /// themselves a share of a longer one, cut by an end of `window`, that is all of it.
    fn unsure(&mut self, at: Timestamp, end: Timestamp, (from, to): (Timestamp, Timestamp)) -> u64 {
        let len = millis(at, end);
        match self.piece(at) {
            Some(piece) if piece.from > from && piece.to < to => match piece.what {
                What::Mixed(mix) if mix.slack == 0 => {
                    let good = piece.millis() - mix.bad - mix.unknown;
                    len.min(piece.millis() - good.max(mix.bad).max(mix.unknown))
                }
                _ => len,
            },
            _ => len,
        }
    }
}
