//! Fewer spans for a line that flaps for months, at a bounded and stated price (slo.md 5.4).
//!
//! Neighbours are merged into one stretch of which only the amounts are known. A window that does not cut through such a
//! stretch stays exact; one that does is off by at most `b·(L−b)/L`. The pair with the smallest such error goes first, nothing
//! is merged in the last days (all burn windows stay exact) or across a wall, which is a boundary of the calendar.
//!
//! It does not decide how many spans are too many, nor where the walls are.

use super::{Mix, Piece, Timeline, What, split_error};
use crate::model::Timestamp;

/// A stretch that stays below 49 days, the longest that a span can hold.
const LONGEST: u64 = u32::MAX as u64;

impl Timeline {
    /// Merges neighbours that end before `before` until at most three quarters of `most` spans are left, if there were more
    /// than `most` and a quarter of that many are that old. `walled` says whether a boundary of the calendar lies inside a stretch; such a one is never made.
    pub fn coalesce(
        &mut self,
        most: usize,
        before: Timestamp,
        walled: impl Fn(Timestamp, Timestamp) -> bool,
    ) {
        let old = self.spans.partition_point(|span| span.end() <= before.as_millis());
        // Merging copies the line, so it waits until there is something to gain by it.
        if self.spans.len() <= most || old < (most / 4).max(2) {
            return;
        }
        let target = most / 4 * 3;
        while self.spans.len() > target {
            let merged = self.merge_cheapest(self.spans.len() - target, before, &walled);
            if !merged {
                return;
            }
        }
    }

    /// Merges up to `count` disjoint pairs, the cheapest ones; whether there was any.
    fn merge_cheapest(
        &mut self,
        count: usize,
        before: Timestamp,
        walled: &impl Fn(Timestamp, Timestamp) -> bool,
    ) -> bool {
        let pieces: Vec<Piece> = self.parts().pieces;
        let mut pairs: Vec<(u64, usize)> = (1..pieces.len())
            .filter(|second| pieces[*second].to <= before)
            .filter_map(|second| {
                let pair = merge(&pieces[second - 1], &pieces[second])?;
                let What::Mixed(mix) = pair.what else { return None };
                let cost = split_error(mix.bad, pair.millis());
                (!walled(pair.from, pair.to)).then_some((cost, second))
            })
            .collect();
        pairs.sort_unstable();
        let mut with_previous = vec![false; pieces.len()];
        let mut taken = vec![false; pieces.len()];
        let mut merged = 0;
        for (_, second) in pairs {
            if merged < count && !taken[second] && !taken[second - 1] {
                (taken[second - 1], taken[second], with_previous[second]) = (true, true, true);
                merged += 1;
            }
        }
        if merged == 0 {
            return false;
        }
        let mut fresh = Self::new(self.begun);
        (fresh.kept_from, fresh.upto) = (self.kept_from, self.kept_from);
        fresh.total = self.before_spans();
        let mut waiting: Option<Piece> = None;
        for (piece, merges) in pieces.into_iter().zip(with_previous) {
            let joined = waiting.filter(|_| merges).and_then(|first| merge(&first, &piece));
            if let Some(done) = waiting.take().filter(|_| joined.is_none()) {
                fresh.take(done);
            }
            waiting = Some(joined.unwrap_or(piece));
        }
        if let Some(last) = waiting {
            fresh.take(last);
        }
        fresh.append(What::Good, self.upto);
        *self = fresh;
        true
    }

    fn take(&mut self, piece: Piece) {
        self.append(What::Good, piece.from);
        self.append(piece.what, piece.to);
    }
}

/// Two neighbours and the good time between them as one stretch; `None` if they must stay apart.
fn merge(first: &Piece, second: &Piece) -> Option<Piece> {
    let joined = Piece { from: first.from, to: second.to, what: What::Good };
    if joined.millis() > LONGEST {
        return None;
    }
    let (one, other) = (inside(first)?, inside(second)?);
    let mix = Mix {
        bad: one.bad + other.bad,
        unknown: one.unknown + other.unknown,
        slack: one.slack + other.slack,
    };
    Some(Piece { what: What::Mixed(mix), ..joined })
}

/// What a stretch would bring into a merged one; `None` for maintenance, which is never merged.
fn inside(piece: &Piece) -> Option<Mix> {
    let millis = piece.millis();
    match piece.what {
        What::Bad(_) => Some(Mix { bad: millis, ..Mix::default() }),
        What::Unknown(_) => Some(Mix { unknown: millis, ..Mix::default() }),
        What::Mixed(mix) => Some(mix),
        What::Good => Some(Mix::default()),
        What::Excluded => None,
    }
}
