//! Runs that cannot be judged yet: a failure that may be our own, and what its check did after it (S6, S8). Pure.
//!
//! A check in doubt has a line of its runs, oldest first. The first of them is still in flight as far as the check's track
//! knows, so that nothing after its start is counted. When the first is decided it leaves, and those behind it that need no
//! decision leave with it, in order. What waits for a decision is found by the road it is about and by its end, so that
//! deciding costs no more than what is decided.
//!
//! It does not know what decides: `sight` does.

use crate::model::{CheckIndex, ProbeResult, Road, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use std::ops::RangeInclusive;

/// Runs of one check that are held at most; the oldest of more is not waited for any longer.
pub(super) const MOST_HELD: usize = 64;

/// A run that has ended and is not settled.
#[derive(Debug)]
pub(super) struct Held {
    /// When it started.
    pub(super) at: Timestamp,
    /// An extra look, apart from the grid.
    pub(super) recheck: bool,
    /// When it ended.
    pub(super) end: Timestamp,
    /// What it gave.
    pub(super) result: Box<ProbeResult>,
    /// What it waits for: an alibi on this road.
    pub(super) doubt: Option<Road>,
}

/// A doubt: which check, and which of its runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Doubt {
    /// The check.
    pub(super) check: CheckIndex,
    number: u64,
}

/// All checks in doubt.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    lines: BTreeMap<CheckIndex, Line>,
    /// What waits on each road, by its end.
    waiting: [BTreeMap<(Timestamp, u64), CheckIndex>; Road::ALL.len()],
    /// Numbers the runs that are held, each once.
    next: u64,
}

#[derive(Debug, Default)]
struct Line {
    runs: VecDeque<(u64, Held)>,
    /// What has started behind them.
    running: Option<(Timestamp, bool)>,
}

/// What a check does once the first of its line has left.
#[derive(Debug)]
pub(super) enum Next {
    /// This run is settled now.
    Settled(Held),
    /// This run is in doubt, or going on.
    Running(Timestamp, bool),
}

impl Next {
    /// When the run started, and whether it is a recheck.
    pub(super) fn run(&self) -> (Timestamp, bool) {
        match self {
            Self::Settled(run) => (run.at, run.recheck),
            Self::Running(at, recheck) => (*at, *recheck),
        }
    }
}

impl Doubts {
    /// Whether a check is in doubt.
    pub(super) fn has(&self, check: CheckIndex) -> bool {
        self.lines.contains_key(&check)
    }

    /// How many runs wait for an alibi.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.iter().map(BTreeMap::len).sum()
    }

    /// The check whose run has waited longest on a road, and when that run ended.
    pub(super) fn oldest(&self, road: Road) -> Option<(CheckIndex, Timestamp)> {
        let ((end, _), check) = self.waiting[road.index()].first_key_value()?;
        Some((*check, *end))
    }

    /// A run of a check in doubt starts; false if it is not in doubt.
    pub(super) fn start(&mut self, check: CheckIndex, at: Timestamp, recheck: bool) -> bool {
        let Some(line) = self.lines.get_mut(&check) else { return false };
        assert!(line.running.is_none(), "at most one run of a check is in flight");
        line.running = Some((at, recheck));
        true
    }

    /// The run of a check in doubt that goes on behind its line.
    pub(super) fn running(&self, check: CheckIndex) -> Option<(Timestamp, bool)> {
        self.lines.get(&check)?.running
    }

    /// Holds a run that has ended; one that waits for nothing only behind one that does.
    pub(super) fn hold(&mut self, check: CheckIndex, run: Held) {
        let line = self.lines.entry(check).or_default();
        line.running = None;
        let number = self.next;
        self.next += 1;
        if let Some(road) = run.doubt {
            self.waiting[road.index()].insert((run.end, number), check);
        }
        line.runs.push_back((number, run));
    }

    /// The first of a check's line, if that is longer than it may be.
    pub(super) fn too_many(&self, check: CheckIndex) -> Option<Doubt> {
        let line = self.lines.get(&check).filter(|line| line.runs.len() > MOST_HELD)?;
        line.runs.front().map(|(number, _)| Doubt { check, number: *number })
    }

    /// What waits on a road and ended within `ended`, oldest first.
    pub(super) fn ended(
        &self,
        road: Road,
        ended: RangeInclusive<Timestamp>,
    ) -> impl Iterator<Item = Doubt> {
        let (from, to) = ended.into_inner();
        let range = if from <= to { (from, 0)..=(to, u64::MAX) } else { (from, 0)..=(from, 0) };
        let found = self.waiting[road.index()].range(range);
        let found = found.map(|((_, number), check)| Doubt { check: *check, number: *number });
        found.filter(move |_| from <= to)
    }

    /// When the run that is in doubt began.
    pub(super) fn began(&self, doubt: Doubt) -> Timestamp {
        let line = self.lines.get(&doubt.check).expect("a doubt is in a line");
        let place = line.runs.binary_search_by_key(&doubt.number, |(number, _)| *number);
        line.runs[place.expect("a doubt is in the line of its check")].1.at
    }

    /// A doubt is over; gives back its run, and the road that it was about.
    pub(super) fn decide(&mut self, doubt: Doubt) -> (&mut Held, Option<Road>) {
        let Doubt { check, number } = doubt;
        let line = self.lines.get_mut(&check).expect("a doubt is in a line");
        let place = line.runs.binary_search_by_key(&number, |(number, _)| *number);
        let (_, run) = &mut line.runs[place.expect("a doubt is in the line of its check")];
        let road = run.doubt.take();
        if let Some(road) = road {
            self.waiting[road.index()].remove(&(run.end, number));
        }
        (run, road)
    }

    /// What the track of a check has to learn next: the first of its line, if it is decided, or what goes on behind it.
    /// After a run that goes on, or one that still waits, there is nothing more to learn for now.
    pub(super) fn next(&mut self, check: CheckIndex) -> Option<Next> {
        let line = self.lines.get_mut(&check)?;
        match line.runs.front() {
            Some((_, run)) if run.doubt.is_some() => Some(Next::Running(run.at, run.recheck)),
            Some(_) => line.runs.pop_front().map(|(_, run)| Next::Settled(run)),
            None => {
                let running = line.running;
                self.lines.remove(&check);
                running.map(|(at, recheck)| Next::Running(at, recheck))
            }
        }
    }

    /// The same in another configuration, where `to` says which check is which; of those that are gone nothing is held.
    #[must_use]
    pub(super) fn moved(self, to: impl Fn(CheckIndex) -> Option<CheckIndex>) -> Self {
        let lines = self.lines.into_iter().filter_map(|(check, line)| Some((to(check)?, line)));
        let waiting = self.waiting.map(|waiting| {
            waiting.into_iter().filter_map(|(key, check)| Some((key, to(check)?))).collect()
        });
        Self { lines: lines.collect(), waiting, next: self.next }
    }

    /// The wall clock was set by `millis` under these checks.
    pub(super) fn shift(&mut self, checks: &[CheckIndex], millis: i64) {
        for check in checks {
            let Some(line) = self.lines.get_mut(check) else { continue };
            if let Some((at, _)) = &mut line.running {
                *at = at.shifted(millis);
            }
            for (number, run) in &mut line.runs {
                let before = (run.end, *number);
                (run.at, run.end) = (run.at.shifted(millis), run.end.shifted(millis));
                if let Some(road) = run.doubt {
                    let waiting = &mut self.waiting[road.index()];
                    waiting.remove(&before);
                    waiting.insert((run.end, *number), *check);
                }
            }
        }
    }
}
