//! The shared picture of the monitor: what the recorder has published, ready to be looked at.
//!
//! The recorder is the only writer. Each check has an entry in a shard with its own lock, held for updating or copying that
//! shard and no longer, so no reader can stall the writer. Of the last runs a few are kept, failures longer than successes.
//!
//! It does not decide and it does not render.

use super::joint::JointService;
use super::ledger::Ledger;
use super::snapshot::{
    About, CheckView, EndpointView, EntryView, ResultView, ServiceView, SideView, SightView,
    Standing, StateSeconds, Step,
};
use crate::clock::WallClock;
use crate::metrics::Own;
use crate::model::{
    Cause, Check, CheckIndex, ProbeResult, Provider, Road, Service, State, Timestamp, Verdict,
};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Entries behind one lock.
const SHARD: usize = 256;

/// Runs that were not bad which are kept of a check.
const KEEP_GOOD: usize = 2;

/// Bad runs that are kept of a check.
const KEEP_BAD: usize = 8;

/// Runs of a check, of any verdict, of which verdict and latency are kept: 4 bytes each.
const KEEP_STEPS: usize = 40;

/// The shared picture. Cloning it clones a handle.
#[derive(Clone)]
pub struct Board(Arc<Inner>);

/// What never changes while a configuration holds.
pub struct Setting {
    /// Where the daemon stands.
    pub vantage: Arc<str>,
    /// Warnings of the configuration.
    pub notices: Vec<String>,
    /// Titles of the providers.
    pub providers: Vec<Provider>,
    /// All services.
    pub services: Arc<[Service]>,
    /// All checks.
    pub checks: Arc<[Arc<Check>]>,
    /// Wall time.
    pub clock: Arc<dyn WallClock>,
    /// The daemon's own metrics.
    pub own: Own,
    /// Room for runs.
    pub room: Arc<Semaphore>,
    /// How much room there is.
    pub limit: usize,
}

struct Inner {
    setting: Setting,
    started: Timestamp,
    by_id: BTreeMap<Arc<str>, CheckIndex>,
    shards: Vec<Mutex<Vec<Entry>>>,
    services: Mutex<Vec<JointService>>,
    sight: Mutex<SightView>,
}

#[derive(Clone)]
struct Entry {
    standing: Standing,
    cause: Option<Cause>,
    seconds: StateSeconds,
    watermark: Timestamp,
    runs: [u64; Verdict::ALL.len()],
    good: VecDeque<ResultView>,
    bad: VecDeque<ResultView>,
    steps: VecDeque<Step>,
}

impl Board {
    /// Everything is unknown, as `ledger` says.
    pub fn new(setting: Setting, ledger: &Ledger, started: Timestamp) -> Self {
        let entry = Entry {
            standing: Standing { state: State::Unknown, since: started },
            cause: Some(Cause::Starting),
            seconds: StateSeconds::default(),
            watermark: started,
            runs: [0; Verdict::ALL.len()],
            good: VecDeque::new(),
            bad: VecDeque::new(),
            steps: VecDeque::new(),
        };
        // Shard by shard from the start: a list of all entries, cut up afterwards, would be as much memory again.
        let shard = |checks: &[_]| Mutex::new(vec![entry.clone(); checks.len()]);
        let by_id = (0..).zip(setting.checks.iter());
        Self(Arc::new(Inner {
            started,
            by_id: by_id.map(|(n, check)| (check.id.shared(), CheckIndex(n))).collect(),
            shards: setting.checks.chunks(SHARD).map(shard).collect(),
            services: Mutex::new(ledger.joint().services().to_vec()),
            sight: Mutex::default(),
            setting,
        }))
    }

    /// Every service with its sides, in the order of the configuration.
    pub fn services(&self) -> Vec<ServiceView> {
        let checks = self.checks();
        let joint = lock(&self.0.services).clone();
        let services = self.0.setting.services.iter();
        services.zip(joint).map(|(service, joint)| self.service(service, joint, &checks)).collect()
    }

    /// Every check, in the order of the configuration.
    pub fn checks(&self) -> Vec<CheckView> {
        let mut views = Vec::with_capacity(self.0.setting.checks.len());
        let mut checks = self.0.setting.checks.iter();
        for shard in &self.0.shards {
            let entries = lock(shard).clone();
            views.extend(entries.iter().zip(&mut checks).map(|(entry, check)| view(check, entry)));
        }
        views
    }

    /// What is kept of the last runs of a check, newest first; `None` if there is no such check.
    pub fn results(&self, check: &str) -> Option<Vec<ResultView>> {
        let index = self.0.by_id.get(check)?.get();
        let entry = lock(&self.0.shards[index / SHARD])[index % SHARD].clone();
        let mut results: Vec<_> = entry.good.into_iter().chain(entry.bad).collect();
        results.sort_by_key(|result| std::cmp::Reverse(result.at));
        Some(results)
    }

    /// The last runs of a check without their words, newest first; empty if there is no such check.
    pub fn trail(&self, check: &str) -> Vec<Step> {
        let Some(index) = self.0.by_id.get(check).map(|index| index.get()) else {
            return Vec::new();
        };
        lock(&self.0.shards[index / SHARD])[index % SHARD].steps.iter().copied().collect()
    }

    /// What the monitor says of itself.
    pub fn about(&self) -> About {
        let setting = &self.0.setting;
        About {
            vantage: Arc::clone(&setting.vantage),
            now: setting.clock.now(),
            started: self.0.started,
            checks: setting.checks.len(),
            in_flight: setting.limit.saturating_sub(setting.room.available_permits()),
            skipped: setting.own.skipped_total(),
            notices: setting.notices.clone(),
            sight: lock(&self.0.sight).clone(),
        }
    }

    /// Keeps a run that started at `at`.
    pub(super) fn keep(&self, check: CheckIndex, at: Timestamp, recheck: bool, run: &ProbeResult) {
        let kept = ResultView {
            at,
            recheck,
            verdict: run.outcome.verdict(),
            reason: run.outcome.reason(),
            cause: run.outcome.cause(),
            warnings: run.warnings,
            latency: run.latency,
            phases: run.phases,
            phase: run.phase,
            address: run.address,
            http_status: run.facts.http_status,
            certificate_not_after: run.facts.certificate_not_after,
            said: run.said.as_str().into(),
        };
        let mut shard = lock(&self.0.shards[check.get() / SHARD]);
        let entry = &mut shard[check.get() % SHARD];
        entry.runs[kept.verdict.index()] += 1;
        // Exactly the room that is needed: doubling would take half as much again, for every check.
        if entry.steps.capacity() == 0 {
            entry.steps.reserve_exact(KEEP_STEPS);
        }
        entry.steps.truncate(KEEP_STEPS - 1);
        let warned = !run.warnings.is_empty();
        entry.steps.push_front(Step::new(kept.verdict, warned, run.latency));
        let (kind, most) = match kept.verdict {
            Verdict::Bad => (&mut entry.bad, KEEP_BAD),
            Verdict::Good | Verdict::Unknown => (&mut entry.good, KEEP_GOOD),
        };
        if kind.len() == most {
            kind.pop_back();
        }
        kind.reserve_exact(1);
        kind.push_front(kept);
    }

    /// Takes over what the ledger says of some checks, best in ascending order.
    pub(super) fn settle(&self, checks: &[CheckIndex], ledger: &Ledger) {
        let mut checks = checks.iter().peekable();
        while let Some(first) = checks.peek() {
            let number = first.get() / SHARD;
            let mut shard = lock(&self.0.shards[number]);
            while let Some(check) = checks.next_if(|check| check.get() / SHARD == number) {
                let track = ledger.track(*check);
                let [good, bad, unknown, excluded] = track.millis().map(Duration::from_millis);
                let entry = &mut shard[check.get() % SHARD];
                entry.standing = Standing { state: track.state(), since: track.since() };
                entry.cause = track.cause();
                entry.seconds = StateSeconds { good, bad, unknown, excluded };
                entry.watermark = track.watermark();
            }
        }
    }

    /// The wall clock was set by `millis`: what is kept of these checks was so much later or earlier.
    pub(super) fn shift(&self, checks: &[CheckIndex], millis: i64) {
        for check in checks {
            let mut shard = lock(&self.0.shards[check.get() / SHARD]);
            let entry = &mut shard[check.get() % SHARD];
            for kept in entry.good.iter_mut().chain(&mut entry.bad) {
                kept.at = kept.at.shifted(millis);
            }
        }
    }

    /// Takes over the joined states of a service.
    pub(super) fn set_service(&self, service: usize, joint: JointService) {
        lock(&self.0.services)[service] = joint;
    }

    /// Takes over whether anything is seen at all.
    pub(super) fn set_sight(&self, ledger: &Ledger) {
        let sight = ledger.sight();
        let dark = |road: &Road| Some((*road, sight.dark(*road)?));
        let view = SightView {
            dark: Road::ALL.iter().filter_map(dark).collect(),
            unsettled: ledger.unsettled(),
            vantage_offline: sight.is_vantage_offline(),
            resolver_offline: sight.is_resolver_offline(),
        };
        let own = &self.0.setting.own;
        own.set_sight(view.vantage_offline, view.resolver_offline, view.unsettled);
        *lock(&self.0.sight) = view;
    }

    fn service(&self, service: &Service, joint: JointService, checks: &[CheckView]) -> ServiceView {
        let title = |name: &Arc<str>| {
            let provider = self.0.setting.providers.iter().find(|each| each.name == *name);
            provider.map_or_else(|| name.to_string(), |each| each.title.clone())
        };
        let sides = joint.sides.into_iter().map(|side| SideView {
            title: title(&side.provider),
            provider: side.provider,
            standing: side.standing,
            endpoints: side
                .endpoints
                .into_iter()
                .map(|joined| {
                    let endpoint = &service.endpoints[joined.position];
                    EndpointView {
                        name: Arc::clone(&endpoint.name),
                        region: Arc::clone(&endpoint.region),
                        host: Arc::clone(&endpoint.host),
                        standing: joined.standing,
                        checks: endpoint.checks.iter().map(|at| checks[at.get()].clone()).collect(),
                    }
                })
                .collect(),
        });
        ServiceView {
            name: Arc::clone(&service.name),
            title: service.title.clone(),
            runbook: service.runbook.clone(),
            labels: Arc::clone(&service.labels),
            any: joint.any,
            all: joint.all,
            entry: service.entry.as_ref().zip(joint.entry).map(|(entry, standing)| EntryView {
                host: Arc::clone(&entry.host),
                standing,
                check: checks[entry.check.get()].clone(),
            }),
            sides: sides.collect(),
        }
    }
}

fn view(check: &Check, entry: &Entry) -> CheckView {
    let newest = [entry.good.front(), entry.bad.front()];
    CheckView {
        id: check.id.clone(),
        service: Arc::clone(&check.service),
        endpoint: Arc::clone(&check.endpoint),
        provider: Arc::clone(&check.provider),
        region: Arc::clone(&check.region),
        host: Arc::clone(&check.host),
        probe: Arc::clone(&check.probe),
        protocol: check.spec.kind.name(),
        interval: check.shape.interval,
        timeout: check.shape.timeout,
        counts: check.counts,
        standing: entry.standing,
        cause: entry.cause,
        seconds: entry.seconds,
        watermark: entry.watermark,
        runs: entry.runs,
        last: newest.into_iter().flatten().max_by_key(|result| result.at).cloned(),
        last_failure: entry.bad.front().cloned(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
