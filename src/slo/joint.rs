//! From the time lines of checks to the time line of a scope (S11): endpoint, side, `any`, `all`, `k of n`, `entry`.
//!
//! States are joined instant by instant with three-valued logic over what is not excluded; availabilities are never
//! multiplied. Every level is one rule, [`at_least`] so many good: all of an endpoint's counting checks, any or all of a side's
//! endpoints, any, all or k of the sides. Coalesced stretches are joined by bounds: what they may be off goes into `slack`.
//! Before a check was watched at all it takes no part, so that adding one does not make the past of its service unknown.
//!
//! It keeps nothing: what is joined is appended to the line that the caller hands in.

mod sweep;

pub use sweep::Moment;

use super::spans::{Mix, Piece, Pieces, Timeline, What, millis};
use crate::model::{Cause, Check, Endpoint, Role, Service, Side, Timestamp};
use std::iter::Peekable;
use std::sync::Arc;

/// For whom a promise holds, resolved within a service (S14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// What a fresh client of the public name got.
    Entry,
    /// Some side could have served.
    Any,
    /// Every side could have served.
    All,
    /// The side at this position of the scheme.
    Side(usize),
    /// At least so many sides could have served.
    AtLeast(u32),
}

/// How the checks of a service combine. Checks are positions in the service's own list: those of its endpoints in order,
/// then that of the entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scheme {
    /// The check of the public name.
    pub entry: Option<usize>,
    /// One per provider, in the order in which the endpoints first name it.
    pub sides: Vec<SideScheme>,
}

/// How the checks of a service on one provider combine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SideScheme {
    /// The provider.
    pub provider: Arc<str>,
    /// One good endpoint is enough, or all must be good.
    pub rule: Side,
    /// The counting checks of each endpoint that is judged.
    pub endpoints: Vec<Vec<usize>>,
}

/// The line of a check, and when it was under maintenance.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// What it was.
    pub line: &'a Timeline,
    /// Stretches of maintenance: united, ascending.
    pub excluded: &'a [(Timestamp, Timestamp)],
}

impl Scheme {
    /// Of a service. A side of standbys alone is judged by those: each by whether it could take over.
    pub fn of(service: &Service, checks: &[Arc<Check>], entry: bool) -> Self {
        let mut sides: Vec<SideScheme> = Vec::new();
        let mut position = 0;
        for endpoint in &service.endpoints {
            let mut counting = Vec::new();
            for check in &endpoint.checks {
                if endpoint.is_judged_by(&checks[check.get()]) {
                    counting.push(position);
                }
                position += 1;
            }
            let same = |other: &&Endpoint| other.provider == endpoint.provider;
            let has_active =
                service.endpoints.iter().filter(same).any(|each| each.role == Role::Active);
            let judged = endpoint.role == Role::Active || !has_active;
            let side = sides.iter().position(|side| side.provider == endpoint.provider);
            let side = side.unwrap_or_else(|| {
                let provider = Arc::clone(&endpoint.provider);
                sides.push(SideScheme { provider, rule: service.side, endpoints: Vec::new() });
                sides.len() - 1
            });
            if judged {
                sides[side].endpoints.push(counting);
            }
        }
        Self { entry: entry.then_some(position), sides }
    }

    /// Every scope that is computed, in the order of S14: entry, any, all, each side.
    pub fn scopes(&self) -> Vec<Scope> {
        let mut scopes: Vec<_> = self.entry.map(|_| Scope::Entry).into_iter().collect();
        scopes.extend([Scope::Any, Scope::All]);
        scopes.extend((0..self.sides.len()).map(Scope::Side));
        scopes
    }

    /// The word of a scope: `any`, `provider:aws`, `2_of_n`.
    pub fn word(&self, scope: Scope) -> String {
        match scope {
            Scope::Entry => "entry".to_owned(),
            Scope::Any => "any".to_owned(),
            Scope::All => "all".to_owned(),
            Scope::Side(side) => format!("provider:{}", self.sides[side].provider),
            Scope::AtLeast(least) => format!("{least}_of_n"),
        }
    }

    /// The provider of a scope; empty unless it is one side.
    pub fn provider(&self, scope: Scope) -> &str {
        match scope {
            Scope::Side(side) => &self.sides[side].provider,
            _ => "",
        }
    }

    /// The counting checks of a scope, ascending.
    pub fn checks(&self, scope: Scope) -> Vec<usize> {
        let of_side = |side: &SideScheme| side.endpoints.concat();
        let mut checks = match scope {
            Scope::Entry => self.entry.into_iter().collect(),
            Scope::Side(side) => of_side(&self.sides[side]),
            Scope::Any | Scope::All | Scope::AtLeast(_) => {
                self.sides.iter().flat_map(of_side).collect()
            }
        };
        checks.sort_unstable();
        checks
    }

    /// Appends to `into`, from its end up to `to`, the joined state of `scope`; `parts` are all checks of the service.
    pub fn join(&self, scope: Scope, parts: &[Part<'_>], to: Timestamp, into: &mut Timeline) {
        let from = into.upto();
        let mut feeds: Vec<Feed<'_>> =
            parts.iter().map(|part| Feed::new(*part, from, to)).collect();
        let needed = self.checks(scope);
        let mut at = from;
        while at < to {
            let ends = needed.iter().map(|check| feeds[*check].end(at, to));
            let end = ends.min().unwrap_or(to);
            let mut now = |check: usize| feeds[check].what(at, end);
            let what = self.state(scope, &mut now, millis(at, end));
            into.append(what.unwrap_or(What::Unknown(Cause::Starting)), end);
            at = end;
        }
    }

    /// The state of a scope where each check is in the state that `now` says; `None` where nothing was watched yet.
    fn state(
        &self,
        scope: Scope,
        now: &mut dyn FnMut(usize) -> Option<What>,
        len: u64,
    ) -> Option<What> {
        let least = match scope {
            Scope::Entry => return self.entry.map_or(Some(What::Excluded), now),
            Scope::Side(position) => return self.side_state(position, now, len),
            Scope::Any => 1,
            Scope::All => usize::MAX,
            Scope::AtLeast(least) => least as usize,
        };
        let sides = (0..self.sides.len()).map(|side| self.side_state(side, now, len));
        present(least, &sides.collect::<Vec<_>>(), len)
    }

    /// As [`Self::state`], of one side.
    fn side_state(
        &self,
        side: usize,
        now: &mut dyn FnMut(usize) -> Option<What>,
        len: u64,
    ) -> Option<What> {
        let side = &self.sides[side];
        let endpoints = side.endpoints.iter().map(|checks| {
            let states: Vec<_> = checks.iter().map(|check| now(*check)).collect();
            present(usize::MAX, &states, len)
        });
        let endpoints: Vec<_> = endpoints.collect();
        let least = if side.rule == Side::Any { 1 } else { usize::MAX };
        present(least, &endpoints, len)
    }
}

/// As [`at_least`], over those that were watched; `None` if there are some and none was.
fn present(least: usize, states: &[Option<What>], len: u64) -> Option<What> {
    let there: Vec<What> = states.iter().copied().flatten().collect();
    if there.is_empty() && !states.is_empty() {
        return None;
    }
    Some(at_least(least, &there, len))
}

/// At least `least` of the states must be good: good, bad or unknown over what is not excluded, which drops out (C44);
/// excluded if nothing is left. `least` is at most what is left. `len` is the length of the stretch, which matters for
/// coalesced states only.
pub fn at_least(least: usize, states: &[What], len: u64) -> What {
    let left: Vec<What> = states.iter().copied().filter(|what| *what != What::Excluded).collect();
    if left.is_empty() {
        return What::Excluded;
    }
    let least = least.min(left.len());
    if left.iter().any(|what| matches!(what, What::Mixed(_))) {
        return mixed(least, &left, len);
    }
    let (mut good, mut bad) = (0, 0);
    let (mut reason, mut cause) = (None, None);
    for what in &left {
        match what {
            What::Good => good += 1,
            What::Bad(why) => {
                bad += 1;
                reason = reason.or(*why);
            }
            What::Unknown(why) => cause = cause.or(Some(*why)),
            What::Excluded | What::Mixed(_) => {}
        }
    }
    if good >= least {
        What::Good
    } else if bad > left.len() - least {
        What::Bad(reason)
    } else {
        What::Unknown(cause.expect("neither good nor bad, so something is unknown"))
    }
}

/// Where states are known by amounts only. Bad is where more than `n − least` of them are bad at once. That is as long as the
/// `(n − least + 1)`-th longest of them if they overlap as far as they can; the true value lies between what they must and
/// what they can overlap, and the larger distance is the slack.
fn mixed(least: usize, left: &[What], len: u64) -> What {
    let amounts: Vec<Mix> = left
        .iter()
        .map(|what| match what {
            What::Bad(_) => Mix { bad: len, ..Mix::default() },
            What::Unknown(_) => Mix { unknown: len, ..Mix::default() },
            What::Mixed(mix) => *mix,
            What::Good | What::Excluded => Mix::default(),
        })
        .collect();
    let needed = left.len() - least + 1;
    let bad = nth_longest(amounts.iter().map(|mix| mix.bad), needed);
    let good = nth_longest(amounts.iter().map(|mix| len - mix.bad - mix.unknown), least);
    let total: u64 = amounts.iter().map(|mix| mix.bad).sum();
    let own: u64 = amounts.iter().map(|mix| mix.slack).sum();
    let (count, needed) = (left.len() as u64, needed as u64);
    let most = (total / needed).min(len);
    let fewest = total.saturating_sub((needed - 1) * len) / (count - needed + 1);
    let slack = bad.saturating_sub(fewest).max(most.saturating_sub(bad)) + own;
    let unknown = len.saturating_sub(bad + good);
    What::Mixed(Mix { bad, unknown, slack: slack.min(len) })
}

fn nth_longest(amounts: impl Iterator<Item = u64>, nth: usize) -> u64 {
    let mut sorted: Vec<u64> = amounts.collect();
    sorted.sort_unstable_by(|one, other| other.cmp(one));
    sorted[nth - 1]
}

/// The stretches of one check with its maintenance laid over, read along.
struct Feed<'a> {
    begun: Timestamp,
    pieces: Peekable<Pieces<'a>>,
    excluded: &'a [(Timestamp, Timestamp)],
}

impl<'a> Feed<'a> {
    fn new(part: Part<'a>, from: Timestamp, to: Timestamp) -> Self {
        let over = part.excluded.partition_point(|(_, stop)| *stop <= from);
        Self {
            begun: part.line.begun(),
            pieces: part.line.pieces(from, to).peekable(),
            excluded: &part.excluded[over..],
        }
    }

    /// The piece that `at` lies in; moves on over what has passed.
    fn piece(&mut self, at: Timestamp) -> Option<Piece> {
        while self.pieces.next_if(|piece| piece.to <= at).is_some() {}
        while self.excluded.first().is_some_and(|(_, end)| *end <= at) {
            self.excluded = &self.excluded[1..];
        }
        self.pieces.peek().copied()
    }

    /// Where what holds at `at` ends, at most `to`.
    fn end(&mut self, at: Timestamp, to: Timestamp) -> Timestamp {
        if at < self.begun {
            return self.begun.min(to);
        }
        let end = self.piece(at).map_or(to, |piece| piece.to).min(to);
        match self.excluded.first() {
            Some((begin, stop)) if *begin <= at => {
                // What lies under maintenance is passed over as a whole.
                (*stop).min(to)
            }
            Some((begin, _)) => end.min(*begin),
            None => end,
        }
    }

    /// What holds over `[at, end)`, which no boundary of this check cuts.
    fn what(&mut self, at: Timestamp, end: Timestamp) -> Option<What> {
        if at < self.begun {
            return None;
        }
        let piece = self.piece(at);
        if self.excluded.first().is_some_and(|(begin, _)| *begin <= at) {
            return Some(What::Excluded);
        }
        Some(match piece {
            Some(Piece { from, to, what: What::Mixed(mix) }) => {
                let len = millis(from, to);
                What::Mixed(mix.between(millis(from, at), millis(from, end), len))
            }
            Some(piece) => piece.what,
            None => What::Unknown(Cause::Starting),
        })
    }
}

#[cfg(test)]
mod tests;
