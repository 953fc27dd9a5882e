//! One failover as it is kept: why, from where to where, and when each step was reached.
//!
//! Moments are absolute; how long a step took is counted from where the failover began: the first bad result of the cloud
//! that failed, the start of a drill, or the first look that found the name elsewhere. No step is before that.
//!
//! When a step is reached is decided in `name`.

use super::Cloud;
use crate::model::{FailoverCause, FailoverStep, Timestamp};
use std::time::Duration;

/// A public name went, or should have gone, from one cloud to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failover {
    /// When it was first told, in milliseconds: with the service's name, what it is known by for ever.
    pub id: i64,
    /// Why.
    pub cause: FailoverCause,
    /// The cloud that the name led to.
    pub from: Cloud,
    /// The cloud that it leads to since; `None` as long as nothing has switched.
    pub to: Option<Cloud>,
    /// From where time is counted.
    pub began: Timestamp,
    /// When each step was reached, by [`FailoverStep::index`].
    pub steps: [Option<Timestamp>; FailoverStep::ALL.len()],
    /// When the first cloud was well again, if it was down.
    pub recovered: Option<Timestamp>,
    /// Whether the name led to a cloud that was down for longer than it may.
    pub late: bool,
    /// Whether those who were asked disagreed for longer than their answers may be kept, at some moment of it.
    pub split: bool,
    /// When there was nothing more to see of it.
    pub ended: Option<Timestamp>,
}

impl Failover {
    /// A failover of which nothing more is known than where it began.
    pub fn new(cause: FailoverCause, from: Cloud, began: Timestamp) -> Self {
        Self {
            id: 0,
            cause,
            from,
            to: None,
            began,
            steps: [None; FailoverStep::ALL.len()],
            recovered: None,
            late: false,
            split: false,
            ended: None,
        }
    }

    /// When a step was reached.
    pub const fn at(&self, step: FailoverStep) -> Option<Timestamp> {
        self.steps[step.index()]
    }

    /// How long a step took, from where the failover began.
    pub fn took(&self, step: FailoverStep) -> Option<Duration> {
        self.at(step).map(|at| at.since(self.began))
    }

    /// Whether anything has switched: an answer, or where a fresh client is served.
    pub fn has_switched(&self) -> bool {
        let steps =
            [FailoverStep::Authoritative, FailoverStep::Resolvers, FailoverStep::FreshClient];
        steps.into_iter().any(|step| self.at(step).is_some())
    }

    /// When the last thing switched.
    pub(super) fn switched(&self) -> Option<Timestamp> {
        let steps =
            [FailoverStep::Authoritative, FailoverStep::Resolvers, FailoverStep::FreshClient];
        steps.into_iter().filter_map(|step| self.at(step)).max()
    }

    /// Reaches a step, never before it began; says whether it was not reached before.
    pub(super) fn reach(&mut self, step: FailoverStep, at: Timestamp) -> bool {
        let stamp = &mut self.steps[step.index()];
        let first = stamp.is_none();
        if first {
            *stamp = Some(at.max(self.began));
        }
        first
    }

    /// The wall clock was set by `millis`.
    pub(super) fn shift(&mut self, millis: i64) {
        self.began = self.began.shifted(millis);
        let moments = self.steps.iter_mut().chain([&mut self.recovered, &mut self.ended]);
        for moment in moments.flatten() {
            *moment = moment.shifted(millis);
        }
    }
}
