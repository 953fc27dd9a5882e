//! What must hold at any moment of a story, and after everything is well.
//!
//! One outage a subject; an id, a start and an end that never change; steps of a failover that are never taken back; counters
//! that never decrease. Once everything is well: nothing down, in doubt or dark, no incident, no failover, every state up.
//!
//! It knows nothing of the story.

use super::play::Faces;
use nephoscope::metrics::{Exposition, Own};
use nephoscope::model::{FailoverStep, State, Timestamp};
use nephoscope::monitor::numbers;
use std::collections::{BTreeMap, BTreeSet};

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Moments {
    /// Start and end of each outage, by its id.
    outages: BTreeMap<String, (i64, Option<i64>)>,
    /// The steps of each failover, by service and its id.
    steps: BTreeMap<(String, i64), [Option<Timestamp>; FailoverStep::ALL.len()]>,
    /// Milliseconds of exposure, by service.
    exposed: BTreeMap<usize, Vec<u64>>,
    counters: BTreeMap<String, f64>,
    /// How often the monitor was killed.
    lives: usize,
    /// Seconds in which the first public name was said to be late, silent, split.
    pub(super) late: usize,
    pub(super) silent: usize,
    pub(super) split: usize,
    /// Whether the canary of the first cloud was said to fail alone.
    pub(super) odd_canary: bool,
}

impl Moments {
    /// A killed monitor counts anew, and knows what it has stored: outages that last, and no others.
    pub(super) fn begin_again(&mut self) {
        self.counters.clear();
        self.exposed.clear();
        self.outages.retain(|_, (_, ended)| ended.is_none());
        self.lives += 1;
    }

    pub(super) fn look(&mut self, faces: &Faces, own: &Own, now: i64, scrapes: bool) {
        self.look_at_outages(faces, now);
        self.look_at_names(faces, now);
        for service in 0..faces.book.services().len() {
            let exposed = faces.book.with(service, |history| history.exposed().cloned()).unwrap();
            let mut counts = vec![exposed.both, exposed.none, exposed.unknown];
            counts.extend(exposed.only);
            counts.extend(exposed.cost.map(|cost| cost.millis));
            let before = self.exposed.insert(service, counts.clone()).unwrap_or_default();
            let less = before.iter().zip(&counts).any(|(before, now)| now < before);
            assert!(!less, "exposure of {service} at {now} ms: {before:?}, then {counts:?}");
        }
        if scrapes {
            self.scrape(faces, own, now);
        }
    }

    fn look_at_outages(&mut self, faces: &Faces, now: i64) {
        let outages = faces.outages.lock().unwrap();
        let mut subjects = BTreeSet::new();
        let list = outages.list();
        for outage in &list {
            let times = (outage.started.as_millis(), outage.ended.map(Timestamp::as_millis));
            let id = outage.id.to_string();
            let seconds = times.0.div_euclid(1_000);
            assert_eq!(id, format!("{}/{}/{seconds}", outage.service, outage.scope));
            if outage.ended.is_none() {
                let is_new = subjects.insert((outage.service.clone(), outage.scope.clone()));
                assert!(is_new, "two of {} last at {now} ms", outage.scope);
            }
            if let Some(before) = self.outages.insert(id.clone(), times) {
                assert_eq!(before.0, times.0, "the start of {id} changed at {now} ms");
                let has_changed = before.1.is_some() && before.1 != times.1;
                assert!(!has_changed, "the end of {id} changed at {now} ms: {list:?}");
            }
        }
        let ids: BTreeSet<_> = list.iter().map(|outage| &outage.id).collect();
        assert_eq!(ids.len(), list.len(), "ids are unique at {now} ms");
        let known = if self.lives == 0 { self.outages.len() } else { ids.len() };
        assert_eq!(ids.len(), known, "none is forgotten at {now} ms");
        let aws = outages.canaries().iter().find(|canary| &*canary.provider == "aws");
        self.odd_canary |= aws.is_some_and(|canary| canary.fails_alone);
    }

    fn look_at_names(&mut self, faces: &Faces, now: i64) {
        for watched in faces.entries.all().values() {
            for failover in &watched.failovers {
                let key = (watched.service.to_string(), failover.id);
                let before = self.steps.insert(key, failover.steps).unwrap_or_default();
                for (step, (before, after)) in
                    FailoverStep::ALL.iter().zip(before.iter().zip(failover.steps))
                {
                    let kept = before.is_none() || *before == after;
                    assert!(kept, "step {step:?} moved at {now} ms: {failover:?}");
                    let early = after.is_some_and(|at| at < failover.began);
                    assert!(!early, "step {step:?} before it began, at {now} ms: {failover:?}");
                }
            }
            if &*watched.service == "s0" {
                self.late += usize::from(watched.name.is_late());
                self.silent += usize::from(watched.name.is_silent());
                self.split += usize::from(watched.name.is_split());
            }
        }
    }

    fn scrape(&mut self, faces: &Faces, own: &Own, now: i64) {
        let mut samples = numbers::samples(&faces.references, &faces.entries, "sim");
        samples.extend(numbers::outages(&faces.book, &faces.outages.lock().unwrap(), "sim"));
        let page = Exposition::new(std::sync::Arc::clone(&faces.table), own.text(), Vec::new())
            .with_exposures(numbers::exposures(&faces.book))
            .with_samples(samples);
        let text: String = page.map(|chunk| String::from_utf8(chunk.to_vec()).unwrap()).collect();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let name = series.split('{').next().unwrap();
            if name.ends_with("_total") {
                let value: f64 = value.parse().unwrap();
                let before = self.counters.insert(series.to_owned(), value).unwrap_or_default();
                assert!(value >= before, "{series} at {now} ms: {before}, then {value}");
            }
        }
    }

    /// Everything is well.
    pub(super) fn judge_well(faces: &Faces, now: i64) {
        let outages = faces.outages.lock().unwrap();
        let open: Vec<_> = outages.open().collect();
        assert!(open.is_empty(), "at {now} ms there is still {open:?}");
        let incidents = outages.incidents();
        assert!(incidents.is_empty(), "at {now} ms there is still {incidents:?}");
        let sight = faces.board.about().sight;
        assert_eq!((sight.dark.len(), sight.unsettled), (0, 0), "at {now} ms: {sight:?}");
        for view in faces.board.checks() {
            assert_eq!(view.standing.state, State::Up, "{} at {now} ms", view.id);
        }
        for view in faces.references.list() {
            assert_eq!(view.standing.state, State::Up, "{} at {now} ms", view.check.id);
        }
        for service in faces.board.services() {
            let entry = service.entry.map_or(State::Up, |entry| entry.standing.state);
            let states = [service.any.state, service.all.state, entry];
            assert_eq!(states, [State::Up; 3], "{} at {now} ms", service.name);
        }
        for watched in faces.entries.all().values() {
            let open = watched.name.going_on();
            assert!(open.is_none(), "at {now} ms there is still {open:?}");
            let is_wrong =
                watched.name.is_late() || watched.name.is_silent() || watched.name.is_split();
            assert!(!is_wrong, "{} at {now} ms", watched.host);
        }
        for service in 0..faces.book.services().len() {
            let (from, to) = (super::play::moment(now - 1_000), super::play::moment(now));
            let both = faces.book.with(service, |history| history.exposure(from, to)).unwrap().both;
            assert_eq!(both, 1_000, "service {service} is served by both at {now} ms");
        }
    }
}
