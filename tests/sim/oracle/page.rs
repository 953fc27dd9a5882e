//! The numbers of `/metrics`, compared with the journal and the picture.
//!
//! A scrape is read into values by name, subject and label; counters never go down and never vanish; after the end every
//! number is what the journal says.
//!
//! It does not check help texts and label sets (the golden catalogue does).

use crate::tale::{Run, Step, Tale, millis};
use crate::world::{Report, Scrape, World};
use nephoscope::model::{Outcome, Reason, SkipCause, State, Verdict, Warning};
use nephoscope::monitor::snapshot::CheckView;
use std::collections::BTreeMap;
use std::time::Duration;

/// Labels that say of what a value is, and labels that tell values of it apart.
const SUBJECTS: [&str; 2] = ["check", "service"];
const KINDS: [&str; 11] = [
    "verdict", "reason", "state", "outcome", "scope", "cause", "level", "phase", "warning",
    "fault", "what",
];

/// Values by `name subject kind`.
pub(super) struct Page(BTreeMap<String, f64>);

impl Page {
    pub(super) fn read(text: &str) -> Self {
        let mut values = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            if !name.starts_with("nephoscope_") || name.ends_with("_bucket") {
                continue;
            }
            let label = |wanted: &str| {
                let mut labels = labels.trim_end_matches('}').split(',');
                let found = labels.find_map(|each| each.strip_prefix(wanted)?.strip_prefix("=\""));
                found.map(|value| value.trim_end_matches('"'))
            };
            let subject = SUBJECTS.iter().find_map(|name| label(name)).unwrap_or_default();
            let side = if name.ends_with("_side_state") { label("provider") } else { None };
            let kind = side.or_else(|| KINDS.iter().find_map(|name| label(name)));
            let key = format!("{name} {subject} {}", kind.unwrap_or_default());
            let value: f64 = value.parse().unwrap();
            let twice = values.insert(key, value);
            assert_eq!(twice, None, "{series} stands twice");
        }
        Self(values)
    }

    /// The value, 0 if it is not there, in milliunits: exact for counts and for moments.
    fn milli(&self, name: &str, subject: &str, kind: &str) -> i64 {
        self.0.get(&format!("nephoscope_{name} {subject} {kind}")).map_or(0, |value| {
            let rounded = format!("{:.0}", value * 1_000.0);
            rounded.parse().unwrap()
        })
    }

    fn count(&self, name: &str, subject: &str, kind: &str) -> usize {
        let milli = self.milli(name, subject, kind);
        assert_eq!(milli % 1_000, 0, "{name} is not whole");
        usize::try_from(milli / 1_000).unwrap()
    }

    /// The numbers of a check are those of its journal.
    pub(super) fn judge(&self, tale: &Tale<'_>, view: &CheckView, settled: [i64; 3]) {
        let id = tale.check.id.as_str();
        for verdict in Verdict::ALL {
            let of = |run: &&Run| run.outcome.verdict() == *verdict;
            let runs = tale.runs().filter(of).count();
            let exported = self.count("probes_total", id, verdict.as_str());
            let shown = view.runs[verdict.index()];
            let name = &tale.name;
            assert_eq!((exported, shown), (runs, runs as u64), "{verdict} runs of {name}");
        }
        for reason in Reason::ALL {
            let of = |run: &&Run| run.outcome == Outcome::Bad(*reason);
            let exported = self.count("probe_failures_total", id, reason.as_str());
            assert_eq!(exported, tale.runs().filter(of).count(), "{reason} of {}", tale.name);
        }
        for (state, expected) in ["good", "bad", "unknown"].into_iter().zip(settled) {
            let exported = self.milli("check_state_seconds_total", id, state);
            assert_eq!(exported, expected, "{state} seconds of {}", tale.name);
        }
        self.judge_good_runs(tale);
        for (name, last) in [
            ("probe_last_completed_timestamp_seconds", tale.last(|_| true)),
            ("probe_last_success_timestamp_seconds", tale.last(|run| run.outcome == Outcome::Good)),
        ] {
            let expected = last.map_or(0, |(run, back)| run.end() - back);
            assert_eq!(self.milli(name, id, ""), expected, "{name} of {}", tale.name);
        }
        let since = self.milli("check_state_since_timestamp_seconds", id, "");
        let shown = (self.count("check_state", id, ""), since);
        let standing = (view.standing.state.index(), view.standing.since.as_millis());
        assert_eq!(shown, standing, "state of {}", tale.name);
    }

    fn judge_good_runs(&self, tale: &Tale<'_>) {
        let id = tale.check.id.as_str();
        let good = || tale.runs().filter(|run| run.outcome == Outcome::Good);
        let took: Duration = good().map(|run| run.latency).sum();
        let exported = self.milli("probe_duration_seconds_sum", id, "success");
        assert_eq!(exported, millis(took), "duration of {}", tale.name);
        let exported = self.count("probe_duration_seconds_count", id, "success");
        assert_eq!(exported, good().count(), "durations of {}", tale.name);
        let warned = good().filter(|run| run.warned).count();
        let exported = self.count("check_warnings_total", id, Warning::Slow.as_str());
        assert_eq!(exported, warned, "warnings of {}", tale.name);
    }

    /// The states of services and sides are those of the picture.
    pub(super) fn judge_services(&self, scrape: &Scrape) {
        for view in &scrape.services {
            let state = |metric: &str, kind: &str| self.count(metric, &view.name, kind);
            let any = (state("service_state", "any"), state("service_state", "all"));
            let expected = (view.any.state.index(), view.all.state.index());
            assert_eq!(any, expected, "any and all of {}", view.name);
            for side in &view.sides {
                let exported = state("service_side_state", &side.provider);
                let expected = side.standing.state.index();
                assert_eq!(exported, expected, "{} on {}", view.name, side.provider);
            }
        }
    }

    /// No moment lies after the wall clock of the scrape, also where that was set back.
    pub(super) fn judge_moments(&self, scrape: &Scrape) {
        let moments = ["check_state_since", "probe_last_completed", "probe_last_success"];
        for view in &scrape.views {
            for name in moments.map(|name| format!("{name}_timestamp_seconds")) {
                let at = self.milli(&name, view.id.as_str(), "");
                let now = scrape.wall;
                assert!(at <= now, "{name} of {} is {} ms ahead", view.id, at - now);
            }
        }
    }

    /// The daemon's own counts are those of all journals; `late` is how late all starts were together, at
    /// least and at most, if it is known.
    pub(super) fn judge_own(&self, tales: &[Tale<'_>], late: Option<[i64; 2]>) {
        for cause in SkipCause::ALL {
            let of = |step: &Step| match step {
                Step::Skip { count, cause: why, .. } if why == cause => *count,
                _ => 0,
            };
            let skipped: u64 = tales.iter().flat_map(|tale| &tale.steps).map(of).sum();
            let exported = self.count("probes_skipped_total", "", cause.as_str()) as u64;
            assert_eq!(exported, skipped, "skipped: {cause}");
        }
        let starts = tales.iter().flat_map(Tale::runs).count();
        assert_eq!(self.count("schedule_lag_seconds_count", "", ""), starts, "starts");
        if let Some([least, most]) = late {
            let exported = self.milli("schedule_lag_seconds_sum", "", "");
            let starts = i64::try_from(starts).unwrap();
            let range = least - starts..=most + starts;
            assert!(range.contains(&exported), "late by {exported} ms, not {range:?} ms");
        }
    }
}

/// No series whose name ends like a counter's ever goes down or vanishes.
pub(super) fn counters_never_decrease(scrapes: &[Scrape]) {
    let mut before: BTreeMap<&str, f64> = BTreeMap::new();
    for scrape in scrapes {
        let mut now = BTreeMap::new();
        for line in scrape.text.lines().filter(|line| !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let name = series.split('{').next().unwrap();
            let counts =
                ["_total", "_bucket", "_count", "_sum"].iter().any(|end| name.ends_with(end));
            if counts && name.starts_with("nephoscope_") {
                now.insert(series, value.parse::<f64>().unwrap());
            }
        }
        for (series, value) in &before {
            let later = now.get(series).unwrap_or_else(|| panic!("{series} vanished"));
            assert!(later >= value, "{series} fell from {value} to {later}");
        }
        before = now;
    }
}

/// Once the far sides are good again, every check is up within two intervals after the last run of before has ended; where
/// there were warnings, after as many as it takes to confirm that there are none.
pub(super) fn all_is_up_once_healed(world: &World, report: &Report, longest: Duration) {
    for check in &report.checks {
        let warned = if world.faults.warn > 0 { check.shape.confirm + 1 } else { 2 };
        let within = check.shape.interval * warned.max(2) + longest * 3 + Duration::from_secs(2);
        let healed = world.lasts_ms() / 3 * 2 + millis(within);
        let asked: Vec<_> = report.scrapes.iter().filter(|scrape| scrape.at >= healed).collect();
        assert!(!asked.is_empty(), "nobody looked after {healed} ms");
        for scrape in asked {
            let wanted = format!("nephoscope_check_state{{check=\"{}\"", check.id);
            let line = scrape.text.lines().find(|line| line.starts_with(&wanted)).unwrap();
            let up = format!(" {}", State::Up.index());
            assert!(line.ends_with(&up), "at {} ms of seed {}: {line}", scrape.at, world.seed);
        }
    }
}
