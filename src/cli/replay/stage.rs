//! Every service that promised something, with the tapes of its checks and the history they are played to.
//!
//! All checks begin before the earliest window, so that time without a result is unknown and maintenance is excluded
//! wherever it lies (S5); one that the file says was watched from a moment on begins there. Results are counted for
//! `events` as they are read, since a count in a stretch asks for no order; everything else is played from instant to instant.
//!
//! It reads no file and writes none.

use super::tape::Tape;
use crate::cli::results::Line;
use crate::config::Config;
use crate::model::{Cause, Check, Maintenance, Objective, ScopeChoice, Service, Timestamp};
use crate::monitor::form::StandingForm;
use crate::slo::burn;
use crate::slo::history::{Ahead, CheckMemory, History, Lens};
use crate::slo::joint::Scope;
use crate::slo::spans::Timeline;
use crate::slo::window::Span;
use crate::web::api::nearest;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Everything that is played.
pub(in crate::cli) struct Stage<'a> {
    acts: Vec<Act<'a>>,
    /// Every check id of the configuration: the act and the position in it, if its service promised something.
    places: BTreeMap<String, Option<(usize, usize)>>,
}

/// One service that promised something.
struct Act<'a> {
    service: &'a Service,
    history: History,
    /// Those of the endpoints in order, then that of the entry.
    tapes: Vec<Tape>,
}

impl<'a> Stage<'a> {
    /// Ready for the results of this configuration and questions about these instants.
    pub(in crate::cli) fn new(config: &'a Config, instants: &[Timestamp]) -> Self {
        let mut stage = Self { acts: Vec::new(), places: BTreeMap::new() };
        for service in &config.services {
            let promised = !service.objectives.is_empty();
            let act = stage.acts.len();
            for (position, id) in ids(service, &config.checks).into_iter().enumerate() {
                stage.places.insert(id, promised.then_some((act, position)));
            }
            if promised {
                stage.acts.push(Act::new(service, config, instants));
            }
        }
        stage
    }

    /// Whether nobody promised anything.
    pub(in crate::cli) fn is_empty(&self) -> bool {
        self.acts.is_empty()
    }

    /// Takes in the line at this number; gives back its first key that means nothing, or says what is wrong with it.
    pub(in crate::cli) fn play(
        &mut self,
        line: Line<'_>,
        number: u64,
    ) -> Result<Option<String>, String> {
        let Some(place) = self.places.get(&*line.check) else {
            let id = &line.check;
            let hint = nearest(id, self.places.keys().map(String::as_str))
                .map_or_else(String::new, |near| format!(": did you mean `{near}`?"));
            return Err(format!("the configuration has no check `{id}`{hint}"));
        };
        if let Some((act, check)) = *place {
            self.acts[act].record(check, &line, number)?;
        }
        Ok(line.stray)
    }

    /// The rows of these instants, in their order; within one, services, promises and scopes in theirs.
    pub(in crate::cli) fn rows(&mut self, instants: &[Timestamp]) -> Vec<StandingForm> {
        let mut ascending = instants.to_vec();
        ascending.sort_unstable();
        ascending.dedup();
        let mut rows = BTreeMap::new();
        for at in ascending {
            let of_act = |act: &mut Act<'_>| act.rows(at);
            rows.insert(at, self.acts.iter_mut().flat_map(of_act).collect::<Vec<_>>());
        }
        instants.iter().flat_map(|at| rows[at].iter().cloned()).collect()
    }
}

impl<'a> Act<'a> {
    fn new(service: &'a Service, config: &Config, instants: &[Timestamp]) -> Self {
        let zone = &config.monitor.timezone;
        let begun = instants.iter().map(|at| begin(service, config, *at)).min();
        let entry = service.entry.as_ref().map(|entry| entry.shape.interval);
        let history = History::new(service, &config.checks, entry, zone, begun.unwrap_or_default());
        let mut history = history.recorded();
        let checks: Vec<_> = service.checks().map(|check| &config.checks[check.get()]).collect();
        let windows: Vec<_> = config.maintenance.iter().cloned().map(Arc::new).collect();
        history.set_windows(checks.iter().map(|check| about(&windows, check, service)).collect());
        let thresholds = history.lenses().iter().filter_map(|lens| match lens {
            Lens::Within(threshold) => Some(*threshold),
            Lens::Availability => None,
        });
        let thresholds: Arc<[Duration]> = thresholds.collect();
        let tapes = checks.iter().map(|check| Tape::new(check.shape.hold, &thresholds)).collect();
        Self { service, history, tapes }
    }

    fn record(&mut self, check: usize, line: &Line<'_>, number: u64) -> Result<(), String> {
        let first = self.tapes[check].is_empty();
        self.tapes[check].record(line, number)?;
        if let Some(since) = line.watched_since.filter(|_| first) {
            self.begin_anew(check, since);
        }
        match &line.runs {
            Some(runs) => {
                for (start, step, count) in runs {
                    let place =
                        |position| *start + Duration::from_millis(step.saturating_mul(position));
                    for at in (0..*count).map(place) {
                        self.history.observe(check, at, false, false);
                    }
                }
            }
            None => self.history.observe(check, line.at, line.recheck, false),
        }
        Ok(())
    }

    /// The check takes no part before `since`.
    fn begin_anew(&mut self, check: usize, since: Timestamp) {
        let blank = |lens: &Lens| (*lens, Timeline::new(since));
        let memory = CheckMemory {
            lines: self.history.lenses().iter().map(blank).collect(),
            ahead: Ahead::unknown(Cause::Starting),
            failures: VecDeque::new(),
            cadence: None,
        };
        self.history.recall(check, memory);
    }

    fn rows(&mut self, at: Timestamp) -> Vec<StandingForm> {
        for (check, tape) in self.tapes.iter_mut().enumerate() {
            tape.play(&mut self.history, check, at);
        }
        let mut rows = Vec::new();
        for objective in &self.service.objectives {
            for scope in self.scopes(objective) {
                let standing = self.history.standing(objective, scope, at);
                let (name, window) = (&self.service.name, &objective.window_text);
                let scheme = self.history.scheme();
                rows.push(StandingForm::new(name, scheme, objective, scope, window, &standing));
            }
        }
        rows
    }

    /// The scopes of a promise in the order of S14; the entry only if it was looked at.
    fn scopes(&self, objective: &Objective) -> Vec<Scope> {
        let scheme = self.history.scheme();
        let mut scopes = scheme.scopes();
        if scheme.entry.is_some_and(|entry| self.tapes[entry].is_empty()) {
            scopes.retain(|scope| *scope != Scope::Entry);
        }
        if let ScopeChoice::AtLeast(least) = objective.scope {
            scopes.push(Scope::AtLeast(least));
        }
        scopes
    }
}

/// The ids of a service's checks: those of its endpoints in order, then that of its entry.
fn ids(service: &Service, checks: &[Arc<Check>]) -> Vec<String> {
    service.checks().map(|check| checks[check.get()].id.to_string()).collect()
}

/// The maintenance that is about a check.
fn about(windows: &[Arc<Maintenance>], check: &Check, service: &Service) -> Vec<Arc<Maintenance>> {
    let fits = |window: &&Arc<Maintenance>| window.matching.fits(check, &service.labels);
    windows.iter().filter(fits).cloned().collect()
}

/// The earliest moment that anything promised by a service asks about at `at`.
fn begin(service: &Service, config: &Config, at: Timestamp) -> Timestamp {
    let back = |length: Duration| at.shifted(-i64::try_from(length.as_millis()).unwrap_or(0));
    let of_objective = |objective: &Objective| {
        let window = Span::at(objective.window, &config.monitor.timezone, at).from;
        let tiers = objective.tiers.iter().flat_map(|tiers| tiers.iter()).map(|tier| tier.long);
        let longest = tiers.chain(burn::WINDOWS).max().unwrap_or_default();
        // A slice that the window begins within is looked at as a whole.
        let slice = objective.slice.unwrap_or_default();
        window.min(back(longest)).shifted(-i64::try_from(slice.as_millis()).unwrap_or(0))
    };
    service.objectives.iter().map(of_objective).min().unwrap_or(at)
}
