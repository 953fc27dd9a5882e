//! When each check is due, and what becomes of a run that cannot start in time (S2, S4).
//!
//! Due times are `phase + k × interval` on the wall clock; the phase is a hash of the check's id, so it is spread over the
//! whole interval and survives restarts. An [`Agenda`] holds the due times of one runtime: at most one run of a check is in
//! flight, a run that cannot start waits in line, and one that could not start before its next due time is skipped and
//! counted, never queued up. For every check, due = started + skipped + waiting. Whose last run took half
//! of its timeout or longer waits behind all others: else a region that is silent would soon have every place.
//!
//! It does not sleep, spawn or read a clock, and it does not know what a probe is.

use crate::model::{SkipCause, Timestamp};
use crate::seed::stable_hash;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

/// A check without valid state gets its first run within this time, or within its interval if that is shorter.
pub const FIRST_RUN_WITHIN: Duration = Duration::from_secs(30);

/// The grid of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    phase_ms: i64,
    interval_ms: i64,
}

impl Grid {
    /// The grid of the check `id`, which runs every `interval` (at least 1 ms).
    pub fn new(id: &str, interval: Duration) -> Self {
        let interval_ms = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX).max(1);
        let hash = i64::try_from(stable_hash(id) >> 1).expect("63 bits fit into an i64");
        Self { phase_ms: hash % interval_ms, interval_ms }
    }

    /// The first due time after `now`.
    pub fn next_after(&self, now: Timestamp) -> Timestamp {
        let past = (now.as_millis() - self.phase_ms).rem_euclid(self.interval_ms);
        now.shifted(self.interval_ms - past)
    }

    /// Of the due times from `first` (which need not be on the grid) to `now`: the latest, and how many come before it.
    fn latest_from(&self, first: Timestamp, now: Timestamp) -> (Timestamp, u64) {
        let second = self.next_after(first);
        if second > now {
            return (first, 0);
        }
        let latest = self.next_after(now).shifted(-self.interval_ms);
        let between = (latest.as_millis() - second.as_millis()) / self.interval_ms;
        (latest, 1 + u64::try_from(between).unwrap_or(0))
    }

    /// When a check that has no valid state runs first, seen from `now`: within 30 s or its interval, at its own place.
    pub fn first_after(&self, now: Timestamp) -> Timestamp {
        let within =
            self.interval_ms.min(FIRST_RUN_WITHIN.as_millis().try_into().unwrap_or(30_000));
        self.next_after(now).min(now.shifted(1 + self.phase_ms % within))
    }
}

/// Whether a run held its place for so long that the next one of its check has to wait behind all others. Half of the timeout,
/// not all of it: echoes, the servers of a zone and steps that have deadlines of their own give up on a silent far side before
/// the timeout does.
pub fn is_long(took: Duration, timeout: Duration) -> bool {
    took >= timeout / 2
}

/// Position of a check within one agenda.
pub type Slot = u32;

/// What the agenda says of one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Start a run now.
    Start {
        /// Which check.
        slot: Slot,
        /// When it was due.
        due: Timestamp,
        /// An extra look, apart from the grid.
        recheck: bool,
    },
    /// Runs that were due and will not happen.
    Skip {
        /// Which check.
        slot: Slot,
        /// How many.
        count: u64,
        /// Why.
        cause: SkipCause,
    },
}

/// The due times of one runtime.
#[derive(Debug)]
pub struct Agenda {
    heap: BinaryHeap<Reverse<(Timestamp, Slot, bool)>>,
    entries: Vec<Entry>,
    /// Slots whose run is due and which are not running, oldest first: those that are soon done, then the slow.
    lines: [VecDeque<Slot>; 2],
    due: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    grid: Grid,
    next_due: Timestamp,
    /// The run that is due and has not started.
    waiting: Option<Wait>,
    running: bool,
    /// Whether its last run was long ([`is_long`]).
    slow: bool,
    /// The recheck that is asked for; an older heap entry is void.
    recheck_at: Option<Timestamp>,
}

impl Entry {
    fn new(grid: Grid, now: Timestamp) -> Self {
        let next_due = grid.first_after(now);
        Self { grid, next_due, waiting: None, running: false, slow: false, recheck_at: None }
    }
}

#[derive(Clone, Copy, Debug)]
struct Wait {
    due: Timestamp,
    recheck: bool,
}

impl Agenda {
    /// Plans the first round as of `now`.
    pub fn new(grids: impl IntoIterator<Item = Grid>, now: Timestamp) -> Self {
        let entries: Vec<_> = grids.into_iter().map(|grid| Entry::new(grid, now)).collect();
        let heap = (0..)
            .zip(&entries)
            .map(|(slot, entry): (Slot, &Entry)| Reverse((entry.next_due, slot, false)))
            .collect();
        let lines = [VecDeque::with_capacity(entries.len()), VecDeque::new()];
        Self { heap, lines, entries, due: 0 }
    }

    /// When something falls due next.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    /// Grid runs that have fallen due so far.
    pub fn due_total(&self) -> u64 {
        self.due
    }

    /// Whether a run could start if there were room for it.
    pub fn has_waiting(&self) -> bool {
        self.lines.iter().any(|line| !line.is_empty())
    }

    /// Grid runs that are due and have neither started nor been skipped.
    pub fn waiting_total(&self) -> u64 {
        let waits = |entry: &&Entry| entry.waiting.is_some_and(|wait| !wait.recheck);
        self.entries.iter().filter(waits).count() as u64
    }

    /// Moves everything that has fallen due by `now` into the line; what cannot happen any more goes to `turns` as skipped.
    pub fn advance(&mut self, now: Timestamp, turns: &mut Vec<Turn>) {
        while let Some(Reverse((at, slot, recheck))) = self.heap.peek().copied() {
            if at > now {
                break;
            }
            self.heap.pop();
            if recheck {
                self.fall_due_again(slot, at);
            } else if at == self.entries[slot as usize].next_due {
                self.fall_due(slot, now, turns);
            }
        }
    }

    /// The run that is next in line, if any; the caller has room for it and will call [`Self::finished`].
    pub fn start(&mut self) -> Option<Turn> {
        let slot = self.lines.iter_mut().find_map(VecDeque::pop_front)?;
        let entry = &mut self.entries[slot as usize];
        let wait = entry.waiting.take().expect("a slot in the line waits for a run");
        entry.running = true;
        entry.recheck_at = None;
        Some(Turn::Start { slot, due: wait.due, recheck: wait.recheck })
    }

    /// The run of `slot` has ended, and was `long` or not ([`is_long`]).
    pub fn finished(&mut self, slot: Slot, long: bool) {
        let entry = &mut self.entries[slot as usize];
        assert!(entry.running, "only a running slot can finish");
        (entry.running, entry.slow) = (false, long);
        if entry.waiting.is_some() {
            self.line_up(slot);
        }
    }

    /// Asks for an extra look at `slot`; one that is asked for earlier, or a grid run that comes first, takes its place.
    pub fn recheck(&mut self, slot: Slot, at: Timestamp) {
        let entry = &mut self.entries[slot as usize];
        if entry.recheck_at.is_none_or(|asked| at < asked) && at < entry.next_due {
            entry.recheck_at = Some(at);
            self.heap.push(Reverse((at, slot, true)));
        }
    }

    /// The wall clock was stepped: every due time is taken anew from `now`, as at the start, and what waits was due now.
    pub fn reanchor(&mut self, now: Timestamp) {
        self.heap.clear();
        for (slot, entry) in (0..).zip(&mut self.entries) {
            entry.recheck_at = None;
            entry.next_due = entry.grid.first_after(now);
            if let Some(wait) = &mut entry.waiting {
                wait.due = now;
            }
            self.heap.push(Reverse((entry.next_due, slot, false)));
        }
    }

    /// Other slots from `now` on, each with its grid and which one it was before, if it was there. Such a slot goes on with its
    /// run, what waits and, if its grid is the same, its due time; one with another grid is due as at the start.
    pub fn succeed(
        &mut self,
        slots: impl IntoIterator<Item = (Grid, Option<Slot>)>,
        now: Timestamp,
    ) {
        let before = std::mem::take(&mut self.entries);
        let mut places: Vec<Option<Slot>> = vec![None; before.len()];
        self.heap.clear();
        for (slot, (grid, was)) in (0..).zip(slots) {
            let known = was.map(|was| {
                places[was as usize] = Some(slot);
                before[was as usize]
            });
            let entry = match known {
                Some(known) if known.grid == grid => known,
                Some(known) => {
                    Entry { grid, next_due: grid.first_after(now), recheck_at: None, ..known }
                }
                None => Entry::new(grid, now),
            };
            self.heap.push(Reverse((entry.next_due, slot, false)));
            self.heap.extend(entry.recheck_at.map(|at| Reverse((at, slot, true))));
            self.entries.push(entry);
        }
        for line in &mut self.lines {
            *line = line.iter().filter_map(|was| places[*was as usize]).collect();
        }
    }

    /// Nothing starts any more: what was due and waits is skipped.
    pub fn stop(&mut self, turns: &mut Vec<Turn>) {
        self.heap.clear();
        self.lines.iter_mut().for_each(VecDeque::clear);
        for (slot, entry) in (0..).zip(&mut self.entries) {
            if entry.waiting.take().is_some_and(|wait| !wait.recheck) {
                turns.push(Turn::Skip { slot, count: 1, cause: SkipCause::Shutdown });
            }
        }
    }

    fn fall_due(&mut self, slot: Slot, now: Timestamp, turns: &mut Vec<Turn>) {
        let entry = &mut self.entries[slot as usize];
        let (latest, missed) = entry.grid.latest_from(entry.next_due, now);
        entry.next_due = entry.grid.next_after(now);
        self.heap.push(Reverse((entry.next_due, slot, false)));

        self.due += missed + 1;
        if missed > 0 {
            turns.push(Turn::Skip { slot, count: missed, cause: SkipCause::Late });
        }
        let before = entry.waiting.replace(Wait { due: latest, recheck: false });
        match before {
            None if entry.running => {}
            None => self.line_up(slot),
            Some(Wait { recheck: true, .. }) => {}
            Some(_) => {
                let cause =
                    if entry.running { SkipCause::StillRunning } else { SkipCause::Concurrency };
                turns.push(Turn::Skip { slot, count: 1, cause });
            }
        }
    }

    fn fall_due_again(&mut self, slot: Slot, at: Timestamp) {
        let entry = &mut self.entries[slot as usize];
        if entry.recheck_at.take_if(|asked| *asked == at).is_none() {
            return;
        }
        if entry.running || entry.waiting.is_some() {
            return;
        }
        entry.waiting = Some(Wait { due: at, recheck: true });
        self.line_up(slot);
    }

    fn line_up(&mut self, slot: Slot) {
        let line = usize::from(self.entries[slot as usize].slow);
        self.lines[line].push_back(slot);
    }
}

#[cfg(test)]
mod tests;
