//! The journal of one check, run by run, beside what its prober saw.
//!
//! Each run stands where it ended. Wall times are as the recorder had to see them then: a clock set back while a run went on
//! moves its start. Monotonic times are the prober's own.
//!
//! It does not judge.

use crate::twin::Span;
use crate::world::{BEGINNING, Line, Report, World};
use nephoscope::model::{Check, Outcome, SkipCause};
use nephoscope::seed::stable_hash;
use std::time::Duration;

/// A check's journal.
pub(crate) struct Tale<'a> {
    /// For messages.
    pub(crate) name: String,
    pub(crate) check: &'a Check,
    pub(crate) steps: Vec<Step>,
    /// A due time, found by walking.
    origin: i64,
}

/// One thing that happened.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Run(Run),
    /// Due runs did not happen.
    Skip {
        count: u64,
        cause: SkipCause,
        after: After,
    },
    /// The wall clock was set back by so many milliseconds.
    Back(i64),
}

/// What stood last in the journal when runs were skipped.
#[derive(Clone, Copy, Debug)]
pub(crate) enum After {
    Nothing,
    /// A run that was still in flight.
    Start,
    /// The end of a run, on the wall clock.
    End(i64),
}

/// One run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// When it started by the journal.
    pub(crate) stamped: i64,
    /// The same, as seen from its end.
    pub(crate) at: i64,
    pub(crate) recheck: bool,
    pub(crate) outcome: Outcome,
    pub(crate) warned: bool,
    pub(crate) latency: Duration,
    /// What the prober saw.
    pub(crate) span: Span,
}

impl Run {
    /// When it ended, on the wall clock of that moment.
    pub(crate) fn end(&self) -> i64 {
        self.at + millis(self.latency)
    }
}

impl<'a> Tale<'a> {
    /// What the journal says of check `number`.
    pub(crate) fn of(world: &World, report: &'a Report, number: u32) -> Self {
        let check = &*report.checks[number as usize];
        let name = format!("check {number} ({}) of seed {}", check.id, world.seed);
        let (mut open, mut steps) = (None, Vec::new());
        let mut spans = report.seen.spans[number as usize].iter();
        for line in report.journal.iter().filter(|line| line.check() == number) {
            match *line {
                Line::Started { at, recheck, .. } => {
                    assert!(open.is_none(), "{name}: two runs in flight");
                    open = Some((at, at, recheck));
                }
                Line::Finished { outcome, warned, latency, .. } => {
                    let (stamped, at, recheck) = open.take().expect("a run that ends has begun");
                    let span = *spans.next().expect("the prober saw each run");
                    steps.push(Step::Run(Run {
                        stamped,
                        at,
                        recheck,
                        outcome,
                        warned,
                        latency,
                        span,
                    }));
                }
                Line::Skipped { count, cause, .. } => {
                    let after = match (open, steps.last()) {
                        (Some(_), _) => After::Start,
                        (None, Some(Step::Run(run))) => After::End(run.end()),
                        (None, _) => After::Nothing,
                    };
                    steps.push(Step::Skip { count, cause, after });
                }
                Line::Back { millis, .. } => {
                    open = open.map(|(stamped, at, recheck)| (stamped, at - millis, recheck));
                    steps.push(Step::Back(millis));
                }
            }
        }
        assert!(open.is_none() && spans.next().is_none(), "{name}: a run is not in the journal");
        let due = |at: &i64| (at - phase(check)) % millis(check.shape.interval) == 0;
        let origin = (BEGINNING..BEGINNING + millis(check.shape.interval))
            .find(due)
            .expect("within an interval");
        Self { name, check, steps, origin }
    }

    pub(crate) fn runs(&self) -> impl DoubleEndedIterator<Item = &Run> {
        self.steps
            .iter()
            .filter_map(|step| if let Step::Run(run) = step { Some(run) } else { None })
    }

    /// How many runs did not happen, why, and what stood last in the journal then.
    pub(crate) fn skips(&self) -> impl Iterator<Item = (u64, SkipCause, After)> {
        self.steps.iter().filter_map(|step| match *step {
            Step::Skip { count, cause, after } => Some((count, cause, after)),
            _ => None,
        })
    }

    pub(crate) fn skipped(&self) -> u64 {
        self.skips().map(|(count, ..)| count).sum()
    }

    /// By how much the clock was set back after the last run that `is` so, and when that run was seen at its end.
    pub(crate) fn last(&self, is: impl Fn(&Run) -> bool) -> Option<(Run, i64)> {
        let mut back = 0;
        for step in self.steps.iter().rev() {
            match step {
                Step::Run(run) if is(run) => return Some((*run, back)),
                Step::Back(millis) => back += millis,
                _ => {}
            }
        }
        None
    }

    /// Whether a run was stamped by a clock already set back before the journal says so: the worker was held up by a deaf
    /// recorder in between. Its place on the time line is then the recorder's guess.
    pub(crate) fn is_torn(&self) -> bool {
        let mut last = i64::MIN;
        self.steps.iter().any(|step| match step {
            Step::Run(run) => run.at < std::mem::replace(&mut last, run.at),
            Step::Back(millis) => {
                last = last.saturating_sub(*millis);
                false
            }
            Step::Skip { .. } => false,
        })
    }

    /// By how much the clock was set back.
    pub(crate) fn back(&self) -> i64 {
        self.steps.iter().map(|step| if let Step::Back(millis) = step { *millis } else { 0 }).sum()
    }

    pub(crate) fn interval(&self) -> i64 {
        millis(self.check.shape.interval)
    }

    pub(crate) fn hold(&self) -> i64 {
        millis(self.check.shape.hold)
    }

    pub(crate) fn longest_run(&self) -> i64 {
        self.runs().map(|run| run.span.ended - run.span.begun).max().unwrap_or(0)
    }

    /// Due times from `from` (not itself) to `to`.
    pub(crate) fn grid(&self, from: i64, to: i64) -> impl Iterator<Item = i64> + use<> {
        let interval = self.interval();
        let first = self.origin + ((from - self.origin).div_euclid(interval) + 1) * interval;
        (first..=to).step_by(usize::try_from(interval).unwrap())
    }

    /// When a check that starts, or starts anew, at `now` runs first: at its own place in 30 s or its interval.
    pub(crate) fn first_due(&self, now: i64) -> i64 {
        let own = now + 1 + phase(self.check) % self.interval().min(30_000);
        self.grid(now, i64::MAX).next().unwrap().min(own)
    }
}

/// The place of a check in its interval.
fn phase(check: &Check) -> i64 {
    let hash = i64::try_from(stable_hash(check.id.as_str()) >> 1).unwrap();
    hash % millis(check.shape.interval)
}

pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap()
}
