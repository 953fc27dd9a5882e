//! A service with its checks, what their runs gave, and how the production code is told of it.
//!
//! A story is drawn by proptest: schedules with jitter, good, bad, unknown and missing runs, rechecks, several endpoints on
//! several providers, maintenance. [`Story::play`] sends it through the ledger into a history, as the recorder does.
//!
//! It judges nothing.

use nephoscope::model::{
    AlertKind, Cause, Check, CheckId, CheckIndex, Endpoint, Host, IpChoice, Maintenance,
    MaintenanceWhen, Matching, Objective, Outcome, Pick, ProbeKind, ProbeResult, Reason, Role,
    Service, Shape, Side, Spec, TcpSpec, Timestamp,
};
use nephoscope::monitor::event::{Effect, Event};
use nephoscope::monitor::ledger::Ledger;
use nephoscope::slo::history::{CheckMemory, History, Lens};
use nephoscope::slo::spans::Timeline;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

/// What a run gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    Good,
    Bad,
    Unknown,
}

/// One run; `start` in seconds, `took` in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) start: i64,
    pub(crate) took: i64,
    pub(crate) want: Want,
    pub(crate) recheck: bool,
}

/// One check and its runs, in order.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) interval: i64,
    pub(crate) hold: i64,
    /// Provider and endpoint.
    pub(crate) place: (usize, usize),
    pub(crate) counts: bool,
    /// Since when it is watched.
    pub(crate) begun: i64,
    pub(crate) runs: Vec<Run>,
}

impl Plan {
    /// The runs that had ended at `at`.
    fn ended(&self, at: i64) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(move |run| run.start * 1_000 + run.took <= at * 1_000)
    }

    /// The grid runs that had ended at `at`.
    pub(crate) fn grid(&self, at: i64) -> impl Iterator<Item = &Run> {
        self.ended(at).filter(|run| !run.recheck)
    }

    /// Failed runs that started in `[from, at)`, rechecks included.
    pub(crate) fn failures(&self, from: i64, at: i64) -> usize {
        let failed = |run: &&Run| run.want == Want::Bad && from <= run.start;
        self.ended(at).filter(failed).count()
    }
}

/// What a maintenance window is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum About {
    All,
    Provider(usize),
    Check(usize),
}

/// A window of maintenance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) about: About,
    pub(crate) from: i64,
    pub(crate) to: i64,
}

/// A service, its past and its promises.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    pub(crate) begun: i64,
    pub(crate) zone: &'static str,
    pub(crate) checks: Vec<Plan>,
    pub(crate) all_endpoints: bool,
    /// Endpoints that wait.
    pub(crate) standby: Vec<(usize, usize)>,
    pub(crate) windows: Vec<Window>,
    /// Whether the windows are told only when it is asked, after the fact.
    pub(crate) told_late: bool,
    /// Seconds between two rolls.
    pub(crate) roll: i64,
    /// After so many events everything is saved and loaded.
    pub(crate) reload_after: usize,
}

pub(crate) fn second(at: i64) -> Timestamp {
    Timestamp::from_millis(at * 1_000)
}

fn seconds(count: i64) -> Duration {
    Duration::from_secs(u64::try_from(count).unwrap())
}

/// Something that is told to the ledger, and when (in milliseconds).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Finish(usize, usize),
    Start(usize, usize),
    Roll,
}

impl Story {
    /// Providers in the order in which endpoints first name them.
    pub(crate) fn providers(&self) -> Vec<usize> {
        let mut providers = Vec::new();
        for plan in &self.checks {
            if !providers.contains(&plan.place.0) {
                providers.push(plan.place.0);
            }
        }
        providers
    }

    pub(crate) fn waits(&self, place: (usize, usize)) -> bool {
        self.standby.contains(&place)
    }

    pub(crate) fn is_about(&self, window: &Window, check: usize) -> bool {
        match window.about {
            About::All => true,
            About::Provider(provider) => self.checks[check].place.0 == provider,
            About::Check(number) => check == number % self.checks.len(),
        }
    }

    /// The last second in which anything ends.
    pub(crate) fn end(&self) -> i64 {
        let runs = self.checks.iter().flat_map(|plan| &plan.runs);
        runs.map(|run| run.start + 4).max().unwrap_or(self.begun + 1)
    }

    /// The same so many seconds later.
    pub(crate) fn shifted(&self, by: i64) -> Self {
        let mut later = self.clone();
        later.begun += by;
        for plan in &mut later.checks {
            plan.begun += by;
            plan.runs.iter_mut().for_each(|run| run.start += by);
        }
        for window in &mut later.windows {
            (window.from, window.to) = (window.from + by, window.to + by);
        }
        later
    }

    /// The service with these promises, and its checks.
    pub(crate) fn service(&self, objectives: &[Objective]) -> (Service, Vec<Arc<Check>>) {
        let spec = Arc::new(Spec {
            ip: IpChoice::Any,
            pick: Pick::First,
            slow_after: None,
            max_latency: None,
            kind: ProbeKind::Tcp(Box::new(TcpSpec {
                host: Host::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST)),
                port: 1,
                tls: None,
                dialogue: Vec::new(),
            })),
        });
        let name = |(provider, endpoint): (usize, usize)| -> (Arc<str>, Arc<str>) {
            (format!("p{provider}").into(), format!("p{provider}e{endpoint}").into())
        };
        let (mut endpoints, mut checks): (Vec<Endpoint>, Vec<Arc<Check>>) = Default::default();
        for (number, plan) in self.checks.iter().enumerate() {
            let (provider, endpoint) = name(plan.place);
            let index = CheckIndex(u32::try_from(number).unwrap());
            match endpoints.iter_mut().find(|each| each.name == endpoint) {
                Some(known) => known.checks.push(index),
                None => endpoints.push(Endpoint {
                    name: Arc::clone(&endpoint),
                    provider: Arc::clone(&provider),
                    region: "".into(),
                    host: "127.0.0.1".into(),
                    role: if self.waits(plan.place) { Role::Standby } else { Role::Active },
                    ready_probe: None,
                    checks: vec![index],
                }),
            }
            checks.push(Arc::new(Check {
                id: CheckId::new("shop", &endpoint, &format!("c{number}")),
                service: "shop".into(),
                endpoint,
                probe: format!("c{number}").into(),
                provider,
                region: "".into(),
                host: "127.0.0.1".into(),
                shape: Shape {
                    interval: seconds(plan.interval),
                    timeout: seconds(plan.interval),
                    recheck: seconds(1),
                    hold: seconds(plan.hold),
                    confirm: 2,
                },
                counts: plan.counts,
                spec: Arc::clone(&spec),
                formerly: Arc::default(),
            }));
        }
        let service = Service {
            name: "shop".into(),
            title: "Shop".into(),
            runbook: None,
            labels: Arc::default(),
            side: if self.all_endpoints { Side::All } else { Side::Any },
            endpoints,
            objectives: objectives.to_vec(),
            entry: None,
            depends_on: Vec::new(),
        };
        (service, checks)
    }

    /// The windows as the model has them.
    pub(crate) fn maintenance(&self) -> Vec<Arc<Maintenance>> {
        let matching = |about: About| {
            let keys: BTreeMap<String, Vec<String>> = match about {
                About::All => BTreeMap::new(),
                About::Provider(provider) => {
                    [("provider".to_owned(), vec![format!("p{provider}")])].into()
                }
                About::Check(number) => {
                    let name = format!("c{}", number % self.checks.len());
                    [("probe".to_owned(), vec![name])].into()
                }
            };
            Matching::from(keys)
        };
        let window = |(number, window): (usize, &Window)| {
            Arc::new(Maintenance {
                id: format!("m{number}").into(),
                matching: matching(window.about),
                when: MaintenanceWhen::Once { from: second(window.from), to: second(window.to) },
                by: None,
                reason: None,
            })
        };
        self.windows.iter().enumerate().map(window).collect()
    }

    fn turns(&self, at: i64) -> Vec<(i64, Turn)> {
        let mut turns = Vec::new();
        for (number, plan) in self.checks.iter().enumerate() {
            for (position, run) in plan.runs.iter().enumerate() {
                turns.push((run.start * 1_000, Turn::Start(number, position)));
                turns.push((run.start * 1_000 + run.took, Turn::Finish(number, position)));
            }
        }
        let rolls = (self.begun..=self.end()).step_by(usize::try_from(self.roll).unwrap());
        turns.extend(rolls.map(|at| (at * 1_000, Turn::Roll)));
        turns.retain(|(when, _)| *when <= at * 1_000);
        turns.sort_unstable();
        turns
    }

    /// Everything up to `at` through ledger and history, as the recorder does it.
    pub(crate) fn play(&self, objectives: &[Objective], at: i64) -> Played {
        let (service, checks) = self.service(objectives);
        let zone = jiff::tz::TimeZone::get(self.zone).unwrap();
        let services = [service];
        let mut played = Played {
            ledger: Ledger::new(&checks, &services, &zone, second(self.begun)),
            history: History::new(&services[0], &checks, None, &zone, second(self.begun)),
            order: services[0].endpoints.iter().flat_map(|each| each.checks.clone()).collect(),
            service: services[0].clone(),
            checks,
        };
        for (number, plan) in self.checks.iter().enumerate() {
            played.begin(number, plan.begun);
        }
        if !self.told_late {
            let windows = self.maintenance();
            played.ledger.set_maintenance(&windows, &played.checks, &services);
            played.set_windows(&windows);
        }
        let everything: Arc<[CheckIndex]> = played.order.clone().into();
        for (count, (when, turn)) in self.turns(at).into_iter().enumerate() {
            played.take(self, Timestamp::from_millis(when), turn, &everything);
            if count == self.reload_after {
                let windows = if self.told_late { Vec::new() } else { self.maintenance() };
                played.reload(&services[0], &zone, &windows);
            }
        }
        if self.told_late {
            played.set_windows(&self.maintenance());
        }
        played
    }
}

/// What the production code knows.
pub(crate) struct Played {
    pub(crate) ledger: Ledger,
    pub(crate) history: History,
    service: Service,
    checks: Vec<Arc<Check>>,
    /// The checks in the order of the history.
    order: Vec<CheckIndex>,
}

impl Played {
    pub(crate) fn position(&self, check: usize) -> usize {
        self.order.iter().position(|each| each.get() == check).unwrap()
    }

    /// The check at `number` is watched since `begun`.
    fn begin(&mut self, number: usize, begun: i64) {
        let position = self.position(number);
        let lenses = self.history.lenses().to_vec();
        let lines = lenses.into_iter().map(|lens| (lens, Timeline::new(second(begun))));
        let mut memory = self.history.checks()[position].memory();
        memory.lines = lines.collect();
        self.history.recall(position, memory);
    }

    pub(crate) fn set_windows(&mut self, windows: &[Arc<Maintenance>]) {
        let about = |check: &CheckIndex| {
            let check = &self.checks[check.get()];
            let fits =
                |window: &&Arc<Maintenance>| window.matching.fits(check, &self.service.labels);
            windows.iter().filter(fits).cloned().collect()
        };
        let windows: Vec<Vec<_>> = self.order.iter().map(about).collect();
        self.history.set_windows(windows);
    }

    fn take(&mut self, story: &Story, at: Timestamp, turn: Turn, everything: &Arc<[CheckIndex]>) {
        let index = |number: usize| CheckIndex(u32::try_from(number).unwrap());
        let event = match turn {
            Turn::Roll => Event::Roll { checks: Arc::clone(everything), at },
            Turn::Start(number, run) => {
                let recheck = story.checks[number].runs[run].recheck;
                Event::Started { check: index(number), at, recheck }
            }
            Turn::Finish(number, run) => {
                let run = story.checks[number].runs[run];
                let mut result = ProbeResult::unknown(Cause::Internal, String::new());
                result.latency = Duration::from_millis(u64::try_from(run.took).unwrap());
                result.outcome = match run.want {
                    Want::Good => Outcome::Good,
                    Want::Bad => Outcome::Bad(Reason::Status),
                    Want::Unknown => Outcome::Unknown(Cause::VantageOffline),
                };
                Event::Finished { check: index(number), result: Box::new(result) }
            }
        };
        let mut effects = Vec::new();
        self.ledger.apply(event, &mut effects);
        for effect in effects {
            match effect {
                Effect::Ran { check, at, recheck, result } => {
                    let failed = result.outcome.reason().is_some();
                    self.history.observe(self.position(check.get()), at, recheck, failed);
                }
                Effect::Told { check, told } => {
                    let position = self.position(check.get());
                    self.history.tell(position, told.past, told.to, told.ahead);
                }
                _ => {}
            }
        }
    }

    /// The past through the plain parts in which it is stored, into a new history that knows the windows in force.
    fn reload(
        &mut self,
        service: &Service,
        zone: &jiff::tz::TimeZone,
        windows: &[Arc<Maintenance>],
    ) {
        let fresh = History::new(service, &self.checks, None, zone, second(0));
        let old = std::mem::replace(&mut self.history, fresh);
        self.set_windows(windows);
        let fresh = &mut self.history;
        for (position, check) in old.checks().iter().enumerate() {
            let CheckMemory { lines, ahead, failures, cadence } = check.memory();
            let again = |(lens, line): (Lens, Timeline)| {
                (lens, Timeline::from_parts(&line.parts()).expect("its own parts fit"))
            };
            let lines = lines.into_iter().map(again).collect();
            fresh.recall(position, CheckMemory { lines, ahead, failures, cadence });
        }
        for counted in old.counted() {
            fresh.recount(*counted);
        }
        if let Some(exposed) = old.exposed() {
            fresh.reexpose(exposed.clone());
        }
    }
}

/// A step of a drawn schedule: what happens on one due time, or on several in a row.
type Step = (Option<Want>, usize, i64, u8, Option<Want>);

fn steps(even: bool) -> impl Strategy<Value = Vec<Step>> {
    let want = prop_oneof![
        6 => Just(Some(Want::Good)),
        3 => Just(Some(Want::Bad)),
        1 => Just(Some(Want::Unknown)),
        2 => Just(None),
    ];
    let again = prop_oneof![
        3 => Just(None),
        1 => Just(Some(Want::Good)),
        1 => Just(Some(Want::Bad)),
        1 => Just(Some(Want::Unknown)),
    ];
    let jitter = if even { 0..1_i64 } else { 0..100 };
    prop::collection::vec((want, 1..5_usize, jitter, 0..6_u8, again), 1..16)
}

/// The runs of a schedule whose first due time is `first`.
fn runs(steps: &[Step], first: i64, interval: i64) -> Vec<Run> {
    let (mut runs, mut due) = (Vec::new(), first);
    for (want, times, jitter, slowness, again) in steps {
        for turn in 0..*times {
            if let Some(want) = *want {
                // Late, but over before the next is due.
                let start = due + jitter % (interval / 4 + 1);
                let took = [100, 100, 100, 500, 501, 2_300][usize::from(*slowness)];
                runs.push(Run { start, took, want, recheck: false });
                if let Some(want) = again.filter(|_| turn == 0 && interval >= 20) {
                    runs.push(Run { start: start + 4, took: 100, want, recheck: true });
                }
            }
            due += interval;
        }
    }
    runs
}

prop_compose! {
    fn plan(even: bool)(
        interval in prop::sample::select(vec![5_i64, 10, 30, 60, 60, 300]),
        hold in prop_oneof![3 => Just(None), 1 => Just(Some(1_i64)), 1 => Just(Some(3))],
        place in (0..3_usize, 0..2_usize),
        counts in prop::bool::weighted(0.85),
        begun in prop_oneof![3 => Just(0_i64), 1 => 0..2_000_i64],
        first in 0..60_i64,
        steps in steps(even),
    ) -> (Plan, i64) {
        // The second is how long after the beginning of the story it is watched.
        let runs = runs(&steps, begun + first, interval);
        let hold = hold.map_or(2 * interval, |times| times * interval + 1);
        (Plan { interval, hold, place, counts, begun, runs }, begun)
    }
}

fn window() -> impl Strategy<Value = Window> {
    let about = prop_oneof![
        Just(About::All),
        (0..3_usize).prop_map(About::Provider),
        (0..4_usize).prop_map(About::Check),
    ];
    (about, -1_000..9_000_i64, 1..3_000_i64).prop_map(|(about, from, length)| Window {
        about,
        from,
        to: from + length,
    })
}

/// Where stories begin: with days of 24, 23 and 25 hours ahead or in them.
const BEGINNINGS: [(&str, i64); 5] = [
    ("UTC", 1_777_593_600 + 36_000),
    // 29 March 2026 in Vienna begins at 1774738800 and has 23 hours.
    ("Europe/Vienna", 1_774_738_800 - 4_000),
    ("Europe/Vienna", 1_774_738_800 + 500),
    // 25 October 2026 in Vienna begins at 1792879200 and has 25 hours.
    ("Europe/Vienna", 1_792_879_200 - 4_000),
    ("Europe/Vienna", 1_792_969_200 - 3_000),
];

prop_compose! {
    /// A story; `even` if every run starts exactly when it is due.
    pub(crate) fn story(even: bool)(
        (zone, begun) in prop::sample::select(BEGINNINGS.to_vec()),
        plans in prop::collection::vec(plan(even), 1..5),
        all_endpoints in any::<bool>(),
        standby in prop::collection::vec((0..3_usize, 0..2_usize), 0..2),
        windows in prop::collection::vec(window(), 0..4),
        told_late in any::<bool>(),
        roll in prop::sample::select(vec![1_i64, 7, 60]),
        reload_after in prop_oneof![Just(usize::MAX), 0..60_usize],
    ) -> Story {
        let later = |mut plan: Plan| {
            plan.begun += begun;
            plan.runs.iter_mut().for_each(|run| run.start += begun);
            plan
        };
        let windows = windows
            .into_iter()
            .map(|window| Window { from: window.from + begun, to: window.to + begun, ..window })
            .collect();
        let checks: Vec<Plan> = plans.into_iter().map(|(plan, _)| later(plan)).collect();
        let lasts = checks.iter().flat_map(|plan| &plan.runs).map(|run| run.start - begun).max();
        let roll = roll.max(lasts.unwrap_or(0) / 1_000);
        Story { begun, zone, checks, all_endpoints, standby, windows, told_late, roll, reload_after }
    }
}

/// Who is told is nothing that this judges.
pub(crate) const NOBODY: AlertKind = AlertKind::None;
