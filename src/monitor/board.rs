//! The shared picture of the monitor: what the recorder has published, ready to be looked at.
//!
//! The recorder is the only writer. Each check has an entry in a shard with its own lock, held for updating or copying that
//! shard and no longer, so no reader can stall the writer. Of the last runs a few are kept, failures longer than successes.
//!
//! It does not decide and it does not render.

mod kept;
mod stories;

use super::joint::JointService;
use super::ledger::Ledger;
use super::snapshot::{
    About, CheckView, EndpointView, EntryView, ResultView, ServiceView, SideView, SightView,
    Standing, StateSeconds, Step,
};
use super::story;
use super::track::SettledMillis;
use crate::clock::WallClock;
use crate::metrics::Own;
use crate::model::{
    Cause, Check, CheckIndex, ProbeResult, Provider, Road, Service, State, Timestamp, Verdict,
};
use kept::Kept;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use stories::Stories;
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
    /// The checks in the order of their ids.
    by_id: Vec<CheckIndex>,
    shards: Vec<Mutex<Vec<Entry>>>,
    services: Mutex<Vec<Arc<JointService>>>,
    sight: Mutex<SightView>,
    stories: Mutex<Stories>,
    /// Why the last reload was refused, if it was.
    refused: Mutex<Option<String>>,
}

#[derive(Clone)]
struct Entry {
    standing: Standing,
    cause: Option<Cause>,
    millis: SettledMillis,
    watermark: Timestamp,
    runs: [u64; Verdict::ALL.len()],
    /// The last runs, oldest first: so many that were bad and so many that were not.
    kept: Vec<Kept>,
    trail: Trail,
}

/// The last runs without their words, in the entry itself: nearly every check has all of them.
#[derive(Clone, Copy)]
struct Trail {
    steps: [Step; KEEP_STEPS],
    /// Where the next one goes.
    next: u8,
    len: u8,
}

impl Trail {
    fn new() -> Self {
        Self {
            steps: [Step::new(Verdict::Unknown, false, Duration::ZERO); KEEP_STEPS],
            next: 0,
            len: 0,
        }
    }

    fn push(&mut self, step: Step) {
        self.steps[usize::from(self.next)] = step;
        let most = u8::try_from(KEEP_STEPS).expect("a few dozen");
        self.next = (self.next + 1) % most;
        self.len = (self.len + 1).min(most);
    }

    /// Newest first.
    fn iter(&self) -> impl Iterator<Item = Step> {
        let (next, len) = (usize::from(self.next), usize::from(self.len));
        (1..=len).map(move |back| self.steps[(next + KEEP_STEPS - back) % KEEP_STEPS])
    }
}

impl Entry {
    /// Keeps a run in the place of the oldest one of its kind.
    fn keep(&mut self, run: Kept) {
        let is_bad = run.verdict() == Verdict::Bad;
        let same = |kept: &Kept| (kept.verdict() == Verdict::Bad) == is_bad;
        let most = if is_bad { KEEP_BAD } else { KEEP_GOOD };
        if self.kept.iter().filter(|kept| same(kept)).count() >= most {
            let oldest = self.kept.iter().position(same).expect("there are some");
            self.kept.remove(oldest);
        }
        // Exactly the room that is needed: doubling would take half as much again, for every check.
        let room = if self.kept.capacity() == 0 { KEEP_GOOD } else { 1 };
        self.kept.reserve_exact(room);
        self.kept.push(run);
    }
}

impl Board {
    /// Everything is unknown, as `ledger` says.
    pub fn new(setting: Setting, ledger: &Ledger, started: Timestamp) -> Self {
        let entry = Entry {
            standing: Standing { state: State::Unknown, since: started },
            cause: Some(Cause::Starting),
            millis: [0; 4],
            watermark: started,
            runs: [0; Verdict::ALL.len()],
            kept: Vec::new(),
            trail: Trail::new(),
        };
        // Shard by shard from the start: a list of all entries, cut up afterwards, would be as much memory again.
        let shard = |checks: &[_]| Mutex::new(vec![entry.clone(); checks.len()]);
        let mut by_id: Vec<_> = (0..).map(CheckIndex).take(setting.checks.len()).collect();
        by_id.sort_unstable_by(|one, other| {
            let id = |check: &CheckIndex| &setting.checks[check.get()].id;
            id(one).cmp(id(other))
        });
        Self(Arc::new(Inner {
            started,
            by_id,
            shards: setting.checks.chunks(SHARD).map(shard).collect(),
            services: Mutex::new(ledger.joint().services().to_vec()),
            sight: Mutex::default(),
            stories: Mutex::default(),
            refused: Mutex::default(),
            setting,
        }))
    }

    /// All checks of the configuration.
    pub(super) fn all_checks(&self) -> &[Arc<Check>] {
        &self.0.setting.checks
    }

    /// All services of the configuration.
    pub(super) fn all_services(&self) -> &Arc<[Service]> {
        &self.0.setting.services
    }

    /// Says on top of all notices that the file is not what is in force, and why; or that it is again.
    pub fn set_refused(&self, why: Option<String>) {
        *lock(&self.0.refused) = why;
    }

    /// Every service with its sides, in the order of the configuration.
    pub fn services(&self) -> Vec<ServiceView> {
        let checks = self.checks();
        let joint = lock(&self.0.services).clone();
        let services = self.0.setting.services.iter();
        services.zip(joint).map(|(service, joint)| self.service(service, &joint, &checks)).collect()
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

    /// How many checks are down.
    pub fn down(&self) -> usize {
        let down = |entry: &&Entry| entry.standing.state == State::Down;
        self.0.shards.iter().map(|shard| lock(shard).iter().filter(down).count()).sum()
    }

    /// What is kept of the last runs of a check, newest first; `None` if there is no such check.
    pub fn results(&self, check: &str) -> Option<Vec<ResultView>> {
        let index = self.index(check)?;
        // Both of one moment: whoever keeps a run holds the stories until its entry has it too.
        let stories = lock(&self.0.stories);
        let entry = lock(&self.0.shards[index.get() / SHARD])[index.get() % SHARD].clone();
        let mut results: Vec<_> = entry.kept.iter().rev().map(Kept::view).collect();
        for result in results.iter_mut().filter(|result| result.verdict == Verdict::Bad) {
            result.story = stories.at(index, result.at);
        }
        drop(stories);
        results.sort_by_key(|result| std::cmp::Reverse(result.at));
        Some(results)
    }

    /// The story of the last failure of a check, if it is kept.
    pub fn story(&self, check: &str) -> Option<Arc<str>> {
        lock(&self.0.stories).last(self.index(check)?)
    }

    /// The last runs of a check without their words, newest first; empty if there is no such check.
    pub fn trail(&self, check: &str) -> Vec<Step> {
        let Some(index) = self.index(check) else { return Vec::new() };
        lock(&self.0.shards[index.get() / SHARD])[index.get() % SHARD].trail.iter().collect()
    }

    /// The position of the check with this id.
    fn index(&self, id: &str) -> Option<CheckIndex> {
        let Inner { by_id, setting, .. } = &*self.0;
        let own = |check: &CheckIndex| setting.checks[check.get()].id.as_str();
        let found = by_id.binary_search_by(|check| own(check).cmp(id)).ok()?;
        Some(by_id[found])
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
            notices: lock(&self.0.refused).iter().chain(&setting.notices).cloned().collect(),
            sight: lock(&self.0.sight).clone(),
        }
    }

    /// Goes on with what `old` shows: each check there (`from`) is one here (`to`).
    pub(super) fn succeed(
        &self,
        old: &Self,
        moves: impl Iterator<Item = (CheckIndex, CheckIndex)>,
    ) {
        let mut places = BTreeMap::new();
        for (from, to) in moves {
            places.insert(from, to);
            let entry = lock(&old.0.shards[from.get() / SHARD])[from.get() % SHARD].clone();
            lock(&self.0.shards[to.get() / SHARD])[to.get() % SHARD] = entry;
        }
        let stories = lock(&old.0.stories).moved(&places);
        *lock(&self.0.stories) = stories;
    }

    /// Keeps a run that started at `at`.
    pub(super) fn keep(&self, check: CheckIndex, at: Timestamp, recheck: bool, run: &ProbeResult) {
        let story = (run.outcome.verdict() == Verdict::Bad).then(|| story::kept(run));
        let kept = Kept::new(at, recheck, run);
        let step = Step::new(kept.verdict(), !run.warnings.is_empty(), run.latency);
        // Always the stories before a shard, and until the entry has the run: see `results`.
        let _stories = story.map(|story| {
            let mut stories = lock(&self.0.stories);
            stories.keep(check, at, story);
            stories
        });
        let mut shard = lock(&self.0.shards[check.get() / SHARD]);
        let entry = &mut shard[check.get() % SHARD];
        entry.runs[kept.verdict().index()] += 1;
        entry.trail.push(step);
        entry.keep(kept);
    }

    /// Takes over what the ledger says of some checks, best in ascending order.
    pub(super) fn settle(&self, checks: &[CheckIndex], ledger: &Ledger) {
        let mut checks = checks.iter().peekable();
        while let Some(first) = checks.peek() {
            let number = first.get() / SHARD;
            let mut shard = lock(&self.0.shards[number]);
            while let Some(check) = checks.next_if(|check| check.get() / SHARD == number) {
                let track = ledger.track(*check);
                let entry = &mut shard[check.get() % SHARD];
                entry.standing = Standing { state: track.state(), since: track.since() };
                entry.cause = track.cause();
                entry.millis = track.millis();
                entry.watermark = track.watermark();
            }
        }
    }

    /// The wall clock was set by `millis`: what is kept of these checks was so much later or earlier.
    pub(super) fn shift(&self, checks: &[CheckIndex], millis: i64) {
        for check in checks {
            let mut stories = lock(&self.0.stories);
            stories.shift(*check, millis);
            let mut shard = lock(&self.0.shards[check.get() / SHARD]);
            let entry = &mut shard[check.get() % SHARD];
            for kept in &mut entry.kept {
                kept.at = kept.at.shifted(millis);
            }
        }
    }

    /// Takes over the joined states of a service.
    pub(super) fn set_service(&self, service: usize, joint: Arc<JointService>) {
        lock(&self.0.services)[service] = joint;
    }

    /// Takes over whether anything is seen at all.
    pub(super) fn set_sight(&self, ledger: &Ledger) {
        let sight = ledger.sight();
        let dark = |road: &Road| Some((*road, sight.dark(*road)?));
        let mut kept = lock(&self.0.sight);
        let view = SightView {
            dark: Road::ALL.iter().filter_map(dark).collect(),
            broken: std::mem::take(&mut kept.broken),
            unsettled: ledger.unsettled(),
            vantage_offline: sight.is_vantage_offline(),
            resolver_offline: sight.is_resolver_offline(),
        };
        let own = &self.0.setting.own;
        own.set_sight(view.vantage_offline, view.resolver_offline, view.unsettled);
        *kept = view;
    }

    /// Takes over which sentinels are broken, and since when.
    pub(super) fn set_broken(&self, broken: Vec<(Arc<str>, Timestamp)>) {
        lock(&self.0.sight).broken = broken;
    }

    fn service(
        &self,
        service: &Service,
        joint: &JointService,
        checks: &[CheckView],
    ) -> ServiceView {
        let title = |name: &Arc<str>| {
            let provider = self.0.setting.providers.iter().find(|each| each.name == *name);
            provider.map_or_else(|| name.to_string(), |each| each.title.clone())
        };
        let sides = joint.sides.iter().map(|side| SideView {
            title: title(&side.provider),
            provider: Arc::clone(&side.provider),
            standing: side.standing,
            endpoints: side
                .endpoints
                .iter()
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
    let [good, bad, unknown, excluded] = entry.millis.map(Duration::from_millis);
    let is_bad = |run: &&Kept| run.verdict() == Verdict::Bad;
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
        seconds: StateSeconds { good, bad, unknown, excluded },
        watermark: entry.watermark,
        runs: entry.runs,
        last: entry.kept.last().map(Kept::view),
        last_failure: entry.kept.iter().rfind(is_bad).map(Kept::view),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
