//! When the grid results of a check stood, so that an `events` objective can count them in any stretch (S1, S16).
//!
//! Results stand on a grid, so their starts are a few runs of (start, step, count), with the counts before each: a count in
//! any stretch is a binary search for each end. A start within the tolerance of its place on the grid is not kept apart: it
//! counts at the place plus the tolerance, where the time line already says what that result was. With a tolerance of zero
//! every start is kept as it is. Recheck results do not belong here (S4).
//!
//! It does not know what a result was: that is what the time line says at its start.

use super::spans::millis;
use crate::model::Timestamp;
use std::time::Duration;

/// The most runs that are kept. Beyond that the older half is thinned: two neighbouring runs become one with their mean
/// step, so that counts over stretches that cut through them are no longer exact.
const MAX_RUNS: usize = 4_096;

/// Starts of grid results, ascending.
#[derive(Clone, Debug)]
pub struct Cadence {
    interval: u64,
    tolerance: u64,
    most_runs: usize,
    runs: Vec<Run>,
}

/// `count` starts from `start` on, each `step` milliseconds after the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first one.
    pub start: Timestamp,
    /// Milliseconds between two; without meaning for a single one.
    pub step: u64,
    /// How many; at least 1.
    pub count: u64,
    /// How many there were before this run, those that were pruned included.
    before: u64,
}

impl Run {
    fn last(&self) -> Timestamp {
        self.place(self.count - 1)
    }

    fn place(&self, position: u64) -> Timestamp {
        self.start + Duration::from_millis(self.step.saturating_mul(position))
    }

    /// How many of it stand before `at`.
    fn count_before(&self, at: Timestamp) -> u64 {
        let past = millis(self.start, at);
        past.div_ceil(self.step.max(1)).min(self.count)
    }
}

impl Cadence {
    /// Of a check that runs every `interval`; live starts waver by up to `tolerance` around their places. More than a
    /// quarter of the interval is not tolerated, since a start has to stay apart from the place of the next.
    pub fn new(interval: Duration, tolerance: Duration) -> Self {
        let whole = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let interval = whole(interval).max(1);
        let tolerance = whole(tolerance).min(interval / 4);
        Self { interval, tolerance, most_runs: MAX_RUNS, runs: Vec::new() }
    }

    /// Of recorded results: every start is kept as it is, however many there are.
    pub fn recorded(interval: Duration) -> Self {
        Self { most_runs: usize::MAX, ..Self::new(interval, Duration::ZERO) }
    }

    /// From stored runs (start, step, count); what does not ascend is left out.
    pub fn from_runs(
        interval: Duration,
        tolerance: Duration,
        runs: impl IntoIterator<Item = (Timestamp, u64, u64)>,
    ) -> Self {
        let mut cadence = Self::new(interval, tolerance);
        for (start, step, count) in runs {
            let last = cadence.runs.last();
            if count > 0 && (count == 1 || step > 0) && last.is_none_or(|run| run.last() < start) {
                let before = last.map_or(0, |run| run.before + run.count);
                cadence.runs.push(Run { start, step, count, before });
            }
        }
        cadence
    }

    /// The same results of a check that runs every `interval` from now on.
    #[must_use]
    pub fn at_pace(self, interval: Duration, tolerance: Duration) -> Self {
        Self { runs: self.runs, ..Self::new(interval, tolerance) }
    }

    /// Milliseconds between two results that are expected.
    pub const fn interval(&self) -> u64 {
        self.interval
    }

    /// Milliseconds after its place at which a start counts.
    pub const fn tolerance(&self) -> u64 {
        self.tolerance
    }

    /// The wall clock was set: everything stood so much later or earlier.
    pub fn shift(&mut self, millis: i64) {
        for run in &mut self.runs {
            run.start = run.start.shifted(millis);
        }
    }

    /// The runs, to be stored.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// A grid result started at `at`. One that is not after the last is dropped, as a clock that went back makes it.
    pub fn push(&mut self, at: Timestamp) {
        let Some(last) = self.runs.last_mut() else {
            return self.runs.push(Run { start: at, step: self.interval, count: 1, before: 0 });
        };
        if at <= last.last() {
            return;
        }
        let near = |place: Timestamp| millis(at, place).max(millis(place, at)) <= self.tolerance;
        if near(last.place(last.count)) {
            last.count += 1;
        } else if last.count == 1 && self.tolerance == 0 {
            // Recorded results may stand on another grid than that of the configuration.
            (last.step, last.count) = (millis(last.start, at), 2);
        } else {
            let before = last.before + last.count;
            self.runs.push(Run { start: at, step: self.interval, count: 1, before });
            if self.runs.len() > self.most_runs {
                self.thin();
            }
        }
    }

    /// The same with results on every due place of `[from, to)` after it.
    #[must_use]
    pub fn with_run(&self, from: Timestamp, to: Timestamp) -> Self {
        let mut longer = self.clone();
        let last = self.runs.last();
        if from < to && last.is_none_or(|run| run.last() < from) {
            let before = last.map_or(0, |run| run.before + run.count);
            let count = millis(from, to).div_ceil(self.interval);
            longer.runs.push(Run { start: from, step: self.interval, count, before });
        }
        longer
    }

    /// How many results count in `[from, to)`: with no tolerance, those that started in it.
    pub fn count(&self, from: Timestamp, to: Timestamp) -> u64 {
        let back = i64::try_from(self.tolerance).unwrap_or(i64::MAX);
        let before = |at: Timestamp| self.count_before(at.shifted(-back));
        before(to).saturating_sub(before(from))
    }

    /// How many results would be due in so many milliseconds, whole ones only.
    pub const fn expected(&self, length: u64) -> u64 {
        length / self.interval
    }

    /// Drops runs that ended before `before`; counts from there on stay as they are.
    pub fn prune(&mut self, before: Timestamp) {
        let past = self.runs.partition_point(|run| run.last() < before);
        self.runs.drain(..past);
    }

    /// How many started before `at`, of all that were ever pushed.
    fn count_before(&self, at: Timestamp) -> u64 {
        let position = self.runs.partition_point(|run| run.start < at);
        match position.checked_sub(1) {
            Some(last) => self.runs[last].before + self.runs[last].count_before(at),
            None => self.runs.first().map_or(0, |run| run.before),
        }
    }

    /// Halves the number of runs in the older half.
    fn thin(&mut self) {
        let half = self.runs.len() / 4 * 2;
        let newer = self.runs.split_off(half);
        let older = std::mem::take(&mut self.runs);
        let pairs = older.chunks_exact(2);
        self.runs = pairs.map(|pair| joined(pair[0], pair[1])).collect();
        self.runs.extend(newer);
    }
}

/// One run in the place of two.
fn joined(first: Run, second: Run) -> Run {
    let count = first.count + second.count;
    let step = millis(first.start, second.last()) / (count - 1);
    Run { count, step: step.max(1), ..first }
}

#[cfg(test)]
mod tests;
