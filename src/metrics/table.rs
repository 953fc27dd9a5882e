//! The numbers of every check, in plain rows.
//!
//! One row a check, in shards of a fixed size, each behind its own lock; a lock is held for one row's update or one shard's
//! copy, never over rendering. Label text is made once per configuration (`labels`). Rows are written by the recorder alone.
//!
//! It does not decide anything and does not make text of values (`writer` does).

use super::catalog::DURATION_BUCKETS;
use super::labels::{CheckText, ServiceText, check_texts, escaped};
use crate::model::{
    Check, CheckIndex, Detail, Outcome, Phase, ProbeResult, Reason, Service, State, Timestamp,
    Verdict, Warning,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Rows behind one lock: a scrape holds the recorder up for the copy of so many rows at most.
pub(super) const SHARD_ROWS: usize = 512;

/// Reasons that a `lean` check exports: the first so many that happened.
pub const LEAN_REASONS: usize = 4;

/// The numbers of every check and service.
pub struct Table {
    pub(super) detail: Detail,
    pub(super) vantage: String,
    pub(super) checks: Vec<CheckText>,
    pub(super) services: Vec<ServiceText>,
    shards: Vec<Mutex<Vec<Row>>>,
    /// The last run of each check, for the field's names; `None` where they are not exported.
    last_runs: Option<Mutex<Vec<Option<Arc<ProbeResult>>>>>,
    states: Mutex<Vec<ServiceStates>>,
}

/// The states of a service.
#[derive(Clone, Debug)]
pub struct ServiceStates {
    /// Some side can serve.
    pub any: State,
    /// Every side can serve.
    pub all: State,
    /// What a fresh client of the public name gets, if there is one.
    pub entry: Option<State>,
    /// Each side, in the order in which the service's endpoints first name its provider.
    pub sides: Vec<State>,
}

/// What the ledger says of a check.
#[derive(Clone, Copy, Debug)]
pub struct Settled {
    /// Which check.
    pub check: CheckIndex,
    /// Its state.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// Settled milliseconds: good, bad, unknown, excluded.
    pub millis: [u64; 4],
}

/// The numbers of one check.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) state: State,
    pub(super) since: Timestamp,
    pub(super) millis: [u64; 4],
    pub(super) runs: [u64; Verdict::ALL.len()],
    /// Failed runs by reason, in the order in which the reasons first happened: most checks know few or none.
    pub(super) failures: Vec<(Reason, u32)>,
    pub(super) success: Durations,
    pub(super) phase_seconds: [f64; Phase::ALL.len()],
    /// What only `full` exports; boxed, so that other details have no room for it.
    pub(super) full: Option<Box<FullRow>>,
    pub(super) last_completed: Option<Timestamp>,
    pub(super) last_success: Option<Timestamp>,
    pub(super) warnings: [u32; Warning::ALL.len()],
    pub(super) http_status: Option<u16>,
    pub(super) not_after: Option<Timestamp>,
    pub(super) dns_answers: Option<u32>,
}

/// The numbers of one check that only `full` exports.
#[derive(Clone, Default)]
pub(super) struct FullRow {
    pub(super) failure: Durations,
    /// Of the last run: start and length of the phases it reached, in seconds.
    pub(super) last_phases: [Option<(f32, f32)>; Phase::ALL.len()],
}

/// A histogram of run durations; buckets are not cumulative here.
#[derive(Clone, Copy, Default)]
pub(super) struct Durations {
    pub(super) buckets: [u32; DURATION_BUCKETS.len()],
    pub(super) count: u64,
    pub(super) sum: f64,
}

impl Durations {
    fn observe(&mut self, seconds: f64) {
        if let Some(position) = DURATION_BUCKETS.iter().position(|bound| seconds <= *bound) {
            self.buckets[position] = self.buckets[position].saturating_add(1);
        }
        self.count += 1;
        self.sum += seconds;
    }
}

impl Row {
    fn new(now: Timestamp, detail: Detail) -> Self {
        Self {
            state: State::Unknown,
            since: now,
            millis: [0; 4],
            runs: [0; Verdict::ALL.len()],
            failures: Vec::new(),
            success: Durations::default(),
            phase_seconds: [0.0; Phase::ALL.len()],
            full: (detail == Detail::Full).then(Box::default),
            last_completed: None,
            last_success: None,
            warnings: [0; Warning::ALL.len()],
            http_status: None,
            not_after: None,
            dns_answers: None,
        }
    }

    fn record(&mut self, ended: Timestamp, result: &ProbeResult) {
        self.runs[result.outcome.verdict().index()] += 1;
        self.last_completed = Some(ended);
        match result.outcome {
            Outcome::Good => {
                self.last_success = Some(ended);
                self.success.observe(result.latency.as_secs_f64());
                for warning in result.warnings.iter() {
                    self.warnings[warning.index()] += 1;
                }
            }
            Outcome::Bad(reason) => {
                if let Some(full) = &mut self.full {
                    full.failure.observe(result.latency.as_secs_f64());
                }
                self.fail(reason);
            }
            Outcome::Unknown(_) => {}
        }
        for (phase, _, took) in result.phases.iter() {
            self.phase_seconds[phase.index()] += took.as_secs_f64();
        }
        if let Some(full) = &mut self.full {
            full.last_phases = [None; Phase::ALL.len()];
            for (phase, start, took) in result.phases.iter() {
                full.last_phases[phase.index()] = Some((start.as_secs_f32(), took.as_secs_f32()));
            }
        }
        self.http_status = result.facts.http_status;
        self.dns_answers = result.facts.dns_answers;
        self.not_after = result.facts.certificate_not_after.or(self.not_after);
    }

    fn fail(&mut self, reason: Reason) {
        if let Some((_, count)) = self.failures.iter_mut().find(|(known, _)| *known == reason) {
            *count = count.saturating_add(1);
            return;
        }
        // Exactly the room that is needed: the list of reasons is closed, and one more of them is rare.
        self.failures.reserve_exact(1);
        self.failures.push((reason, 1));
    }

    /// How many runs failed with `reason`.
    pub(super) fn failed(&self, reason: Reason) -> u32 {
        let known = self.failures.iter().find(|(known, _)| *known == reason);
        known.map_or(0, |(_, count)| *count)
    }
}

impl Table {
    /// A row for every check, unknown since `now`; with `field_names` also what `probe_success` and friends need.
    pub fn new(
        vantage: &str,
        detail: Detail,
        field_names: bool,
        checks: &[Arc<Check>],
        services: &[Service],
        now: Timestamp,
    ) -> Self {
        // Shard by shard from the start: a list of all rows, cut up afterwards, would be as much memory again.
        let shard = |checks: &[_]| Mutex::new(vec![Row::new(now, detail); checks.len()]);
        let texts: Vec<_> = services.iter().map(ServiceText::new).collect();
        let states = texts.iter().map(|service| ServiceStates {
            any: State::Unknown,
            all: State::Unknown,
            entry: None,
            sides: vec![State::Unknown; service.providers.len()],
        });
        Self {
            detail,
            vantage: escaped(vantage),
            checks: check_texts(checks, services, vantage),
            states: Mutex::new(states.collect()),
            services: texts,
            last_runs: field_names.then(|| Mutex::new(vec![None; checks.len()])),
            shards: checks.chunks(SHARD_ROWS).map(shard).collect(),
        }
    }

    /// Goes on with the numbers of `old`: each row of a check there (`from`) is that of a check here (`to`).
    pub fn succeed(&self, old: &Self, moves: impl Iterator<Item = (CheckIndex, CheckIndex)>) {
        for (from, to) in moves {
            let row = old.shard(from.get() / SHARD_ROWS)[from.get() % SHARD_ROWS].clone();
            let mine = &mut self.shard(to.get() / SHARD_ROWS)[to.get() % SHARD_ROWS];
            // What only another detail exports begins at nothing.
            let full =
                if row.full.is_some() == mine.full.is_some() { row.full } else { mine.full.take() };
            *mine = Row { full, ..row };
            if let (Some(mine), Some(old)) = (&self.last_runs, &old.last_runs) {
                let last = old.lock().unwrap_or_else(PoisonError::into_inner)[from.get()].clone();
                mine.lock().unwrap_or_else(PoisonError::into_inner)[to.get()] = last;
            }
        }
    }

    /// Counts a run of `check` that ended at `ended`.
    pub fn record(&self, check: CheckIndex, ended: Timestamp, result: &ProbeResult) {
        self.shard(check.get() / SHARD_ROWS)[check.get() % SHARD_ROWS].record(ended, result);
        if let Some(last_runs) = &self.last_runs {
            let result = Arc::new(result.clone());
            last_runs.lock().unwrap_or_else(PoisonError::into_inner)[check.get()] = Some(result);
        }
    }

    /// The last run of each check; empty where the field's names are not exported.
    pub(super) fn last_runs(&self) -> Vec<Option<Arc<ProbeResult>>> {
        let last_runs = self.last_runs.as_ref();
        last_runs.map_or_else(Vec::new, |runs| {
            runs.lock().unwrap_or_else(PoisonError::into_inner).clone()
        })
    }

    /// Takes over what the ledger says of some checks, best in ascending order.
    pub fn settle(&self, settled: impl IntoIterator<Item = Settled>) {
        let mut settled = settled.into_iter().peekable();
        while let Some(first) = settled.peek() {
            let number = first.check.get() / SHARD_ROWS;
            let mut shard = self.shard(number);
            while let Some(each) = settled.next_if(|each| each.check.get() / SHARD_ROWS == number) {
                let row = &mut shard[each.check.get() % SHARD_ROWS];
                row.state = each.state;
                row.since = each.since;
                row.millis = each.millis;
            }
        }
    }

    /// The wall clock was set by `millis`: the last runs of these checks were so much later or earlier.
    pub fn shift(&self, checks: &[CheckIndex], millis: i64) {
        for check in checks {
            let row = &mut self.shard(check.get() / SHARD_ROWS)[check.get() % SHARD_ROWS];
            for at in [&mut row.last_completed, &mut row.last_success].into_iter().flatten() {
                *at = at.shifted(millis);
            }
        }
    }

    /// Takes over the joined states of the service at this position.
    pub fn set_service(&self, service: usize, states: ServiceStates) {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)[service] = states;
    }

    pub(super) fn service_states(&self) -> Vec<ServiceStates> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces `rows` by a copy of the shard that begins with the row at `first`.
    pub(super) fn copy_shard(&self, first: usize, rows: &mut Vec<Row>) {
        rows.clear();
        rows.extend_from_slice(&self.shard(first / SHARD_ROWS));
    }

    fn shard(&self, number: usize) -> MutexGuard<'_, Vec<Row>> {
        self.shards[number].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
