//! Time lines painted from probes on a grid, by the conventions of the worked cases (slo-cases.md). For tests.
//!
//! A [`Paint`] is a grid, all good, on which stretches fail or are missing and maintenance is laid over; every result holds
//! for two intervals. Seconds are Unix seconds, `T0` and `NOW` are 30 days apart.
//!
//! It judges nothing.

use super::cadence::Cadence;
use super::joint::{Part, Scheme, Scope};
use super::spans::{Timeline, What};
use super::standing::{Standing, View, assess};
use crate::model::{
    AlertKind, Cause, Objective, ObjectiveKind, ObjectiveWindow, PeriodPolicy, ScopeChoice,
    Timestamp, UnknownPolicy,
};
use jiff::tz::TimeZone;
use std::ops::Range;
use std::time::Duration;

/// 2026-05-01T00:00:00Z.
pub(super) const T0: i64 = 1_777_593_600;
/// 2026-05-31T00:00:00Z.
pub(super) const NOW: i64 = 1_780_185_600;
/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;

pub(super) fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

pub(super) fn days(count: i64) -> ObjectiveWindow {
    ObjectiveWindow::Rolling(Duration::from_secs(u64::try_from(count * DAY).expect("positive")))
}

/// 99.9 % of the last 30 days, `min_failures = 1`.
pub(super) fn objective() -> Objective {
    Objective {
        name: "availability-30d".into(),
        kind: ObjectiveKind::Time,
        target_parts: 999_000_000,
        window: days(30),
        window_text: "30d".into(),
        scope: ScopeChoice::Default,
        alert: AlertKind::Page,
        threshold: None,
        slice: None,
        min_failures: 1,
        min_coverage_parts: 900_000_000,
        tiers: None,
        unknown: UnknownPolicy::Exclude,
        maintenance: PeriodPolicy::Exclude,
    }
}

/// Probes on a grid.
#[derive(Clone)]
pub(super) struct Paint {
    /// The first probe.
    pub(super) begun: i64,
    /// Seconds between two.
    pub(super) interval: i64,
    /// Which of them fail.
    pub(super) bad: Vec<Range<i64>>,
    /// Which of them are not there.
    pub(super) missing: Vec<Range<i64>>,
    /// What is laid over.
    pub(super) maintenance: Vec<Range<i64>>,
    /// The instant of evaluation.
    pub(super) now: i64,
}

impl Paint {
    /// The grid of `interval` seconds from `T0` to `NOW`.
    pub(super) fn every(interval: i64) -> Self {
        let (bad, missing, maintenance) = (Vec::new(), Vec::new(), Vec::new());
        Self { begun: T0, interval, bad, missing, maintenance, now: NOW }
    }

    pub(super) fn bad(mut self, stretch: Range<i64>) -> Self {
        self.bad.push(stretch);
        self
    }

    pub(super) fn missing(mut self, stretch: Range<i64>) -> Self {
        self.missing.push(stretch);
        self
    }

    pub(super) fn maintenance(mut self, stretch: Range<i64>) -> Self {
        self.maintenance.push(stretch);
        self
    }

    /// The probes: when, and whether they failed.
    fn probes(&self) -> Vec<(i64, bool)> {
        let of = |stretches: &[Range<i64>], at| stretches.iter().any(|each| each.contains(&at));
        let count = (self.now - self.begun + self.interval - 1) / self.interval;
        (0..count)
            .map(|position| self.begun + position * self.interval)
            .filter(|at| !of(&self.missing, *at))
            .map(|at| (at, of(&self.bad, at)))
            .collect()
    }

    /// The line of the check, without maintenance.
    pub(super) fn raw(&self) -> Timeline {
        let mut line = Timeline::new(moment(self.begun));
        let probes = self.probes();
        let ends = probes.iter().skip(1).map(|(at, _)| *at).chain([self.now]);
        for ((at, failed), next) in probes.iter().zip(ends) {
            line.append(What::Unknown(Cause::Stopped), moment(*at));
            let what = if *failed { What::Bad(None) } else { What::Good };
            line.append(what, moment(next.min(at + 2 * self.interval)));
        }
        line.append(What::Unknown(Cause::Stopped), moment(self.now));
        line
    }

    /// Maintenance, united.
    pub(super) fn excluded(&self) -> Vec<(Timestamp, Timestamp)> {
        let plans = self.maintenance.iter().map(|stretch| crate::model::Maintenance {
            id: "plan".into(),
            matching: crate::model::Matching::default(),
            when: crate::model::MaintenanceWhen::Once {
                from: moment(stretch.start),
                to: moment(stretch.end),
            },
            by: None,
            reason: None,
        });
        let plans: Vec<_> = plans.collect();
        super::maintenance::excluded(
            &plans,
            &TimeZone::UTC,
            moment(self.begun),
            moment(i64::MAX / 2_000),
        )
    }

    /// The line with maintenance laid over, of a scope with this check alone.
    pub(super) fn line(&self) -> Timeline {
        let (raw, excluded) = (self.raw(), self.excluded());
        let alone = Scheme { entry: Some(0), sides: Vec::new() };
        let mut line = Timeline::new(moment(self.begun));
        let part = Part { line: &raw, excluded: &excluded };
        alone.join(Scope::Entry, &[part], moment(self.now), &mut line);
        line
    }

    /// The starts of the results.
    pub(super) fn cadence(&self) -> Cadence {
        let interval = u64::try_from(self.interval).expect("positive");
        let mut cadence = Cadence::new(Duration::from_secs(interval), Duration::ZERO);
        for (at, _) in self.probes() {
            cadence.push(moment(at));
        }
        cadence
    }

    /// How `objective` stands.
    pub(super) fn standing(&self, objective: &Objective) -> Standing {
        self.standing_in(objective, &TimeZone::UTC)
    }

    /// How it stands where a calendar window has the days of `zone`.
    pub(super) fn standing_in(&self, objective: &Objective, zone: &TimeZone) -> Standing {
        self.view(|view| assess(objective, zone, view, moment(self.now)))
    }

    /// What objectives are judged by.
    pub(super) fn view<T>(&self, with: impl FnOnce(&View<'_>) -> T) -> T {
        let (line, cadence, excluded) = (self.line(), self.cadence(), self.excluded());
        let probes = self.probes();
        let failures = |from: Timestamp, to: Timestamp| {
            let fits = |at: i64| from <= moment(at) && moment(at) < to;
            probes.iter().filter(|(at, failed)| *failed && fits(*at)).count() as u64
        };
        let future_excluded = |from: Timestamp, to: Timestamp| {
            let inside =
                |(a, b): &(Timestamp, Timestamp)| super::spans::millis(*a.max(&from), *b.min(&to));
            excluded.iter().map(inside).sum()
        };
        let at = moment(self.now);
        let view = View {
            timeline: &line,
            cadences: &[&cadence],
            failures: &failures,
            future_excluded: &future_excluded,
            suppressed: excluded.iter().any(|(from, to)| *from <= at && at < *to),
        };
        with(&view)
    }
}
