//! Whose bad time it was: the bad time of a scope, split by the blame of the outages that it lies in (field notes 7.7).
//!
//! Every bad millisecond goes to exactly one part, so the parts add up to the bad time. Where outages overlap, it goes to the
//! one that began first: it was bad already when the next one came. What lies in no outage never lasted long enough to be
//! confirmed. Of a coalesced stretch, of which only the amount of bad time is known, that amount is taken to lie in the
//! outages first, by their share.
//!
//! It does not know how blame is found.

use super::spans::{Timeline, What, millis};
use crate::model::Timestamp;
use std::collections::BTreeMap;

/// An outage, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blamed<B> {
    /// The first bad result.
    pub from: Timestamp,
    /// The first good one after it, or how far is asked while it lasts.
    pub to: Timestamp,
    /// Whose it is.
    pub blame: B,
}

/// Bad milliseconds by blame; `None` is bad time in no outage. Only parts of which there is some.
pub type Parts<B> = BTreeMap<Option<B>, u64>;

/// Splits the bad time of `line` in `[from, to)`.
pub fn split<B: Copy + Ord>(
    line: &Timeline,
    (from, to): (Timestamp, Timestamp),
    outages: &[Blamed<B>],
) -> Parts<B> {
    let shares = disjoint(outages);
    let mut parts = Parts::new();
    let mut next = 0;
    for piece in line.pieces(from, to) {
        let bad = match piece.what {
            What::Bad(_) => piece.millis(),
            What::Mixed(mix) => mix.bad,
            What::Good | What::Unknown(_) | What::Excluded => continue,
        };
        while shares.get(next).is_some_and(|share| share.to <= piece.from) {
            next += 1;
        }
        let inside = shares[next..].iter().take_while(|share| share.from < piece.to);
        let overlaps = inside
            .map(|share| (share.blame, millis(share.from.max(piece.from), share.to.min(piece.to))));
        let overlaps: Vec<(B, u64)> = overlaps.collect();
        let covered: u64 = overlaps.iter().map(|(_, len)| len).sum();
        let mut left = bad;
        for (blame, taken) in shares_of(bad.min(covered), covered, &overlaps) {
            *parts.entry(Some(blame)).or_default() += taken;
            left -= taken;
        }
        if left > 0 {
            *parts.entry(None).or_default() += left;
        }
    }
    parts.retain(|_, millis| *millis > 0);
    parts
}

/// `amount` shared out by lengths that add up to `whole`: exactly, to the millisecond.
fn shares_of<B: Copy>(
    amount: u64,
    whole: u64,
    overlaps: &[(B, u64)],
) -> impl Iterator<Item = (B, u64)> {
    let mut before = 0;
    overlaps.iter().map(move |(blame, len)| {
        let upto = |len: u64| {
            let share = u128::from(amount) * u128::from(len) / u128::from(whole.max(1));
            u64::try_from(share).expect("a share is not more than the whole")
        };
        let taken = upto(before + len) - upto(before);
        before += len;
        (*blame, taken)
    })
}

/// The same outages without overlap, ascending: each instant belongs to the one that began first.
fn disjoint<B: Copy + Ord>(outages: &[Blamed<B>]) -> Vec<Blamed<B>> {
    let mut sorted = outages.to_vec();
    sorted.sort_unstable_by_key(|each| (each.from, each.to, each.blame));
    let mut shares: Vec<Blamed<B>> = Vec::with_capacity(sorted.len());
    let mut upto = Timestamp::from_millis(i64::MIN);
    for outage in sorted {
        let from = outage.from.max(upto);
        if from < outage.to {
            shares.push(Blamed { from, ..outage });
            upto = outage.to;
        }
    }
    shares
}

#[cfg(test)]
mod tests;
