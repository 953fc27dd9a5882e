//! The world of the simulation: checks, twins, faults, journal.
//!
//! [`World::run`] builds a configuration from the seed, starts the production monitor on one paused runtime, lets virtual
//! time pass and gives back the journal and what the faces showed. Between the workers and the recorder stands a tap that
//! writes every event down.
//!
//! It does not judge: `oracle` does.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use nephoscope::clock::{Instant, WallClock};
use nephoscope::config::{Config, Detail, MetricsConfig, MonitorConfig};
use nephoscope::metrics::{Exposition, Own};
use nephoscope::model::{
    Cause, Check, CheckId, CheckIndex, Endpoint, Host, IpChoice, Outcome, Pick, ProbeKind,
    ProbeResult, Reason, Role, Service, Shape, Side, Spec, TcpSpec, Timestamp,
};
use nephoscope::monitor::event::Event;
use nephoscope::monitor::snapshot::CheckView;
use nephoscope::monitor::{self, Runner, scheduler};
use nephoscope::seed::Stream;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Where virtual wall time begins.
pub(crate) const BEGINNING: i64 = 1_780_000_000_000;

/// Faults that a seed may switch on; the chance of each is in parts of a thousand runs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// The far side is bad.
    pub(crate) bad: u64,
    /// The far side answers only when the deadline strikes.
    pub(crate) hang: u64,
    /// Our prober panics.
    pub(crate) panic: u64,
    /// The runtime is so busy that the run ends long after its deadline.
    pub(crate) stall: u64,
    /// Whether a whole provider fails for a while.
    pub(crate) provider_outage: bool,
    /// Whether the recorder takes nothing in for a while, until its channel is full and the workers wait.
    pub(crate) deaf: bool,
    /// Whether the wall clock is set, and by how many milliseconds.
    pub(crate) clock_step: i64,
}

/// One simulated run.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// From which everything is drawn.
    pub(crate) seed: u64,
    /// How many checks.
    pub(crate) checks: u32,
    /// Their intervals in seconds, one of these each.
    pub(crate) intervals: Vec<u64>,
    /// Runs in flight at most.
    pub(crate) room: u32,
    /// `confirm` of every check; drawn for each if not said.
    pub(crate) confirm: Option<u32>,
    /// Workers.
    pub(crate) workers: usize,
    /// How long.
    pub(crate) lasts: Duration,
    /// What may go wrong.
    pub(crate) faults: Faults,
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A run started.
    Started { check: u32, at: i64, recheck: bool },
    /// It ended.
    Finished { check: u32, outcome: Outcome, latency_ms: u128 },
    /// Due runs did not happen.
    Skipped { check: u32, count: u64 },
    /// The clock was set back.
    Back { check: u32, millis: i64 },
}

/// What a run leaves behind.
pub(crate) struct Report {
    /// Every event, in the order the recorder took it in.
    pub(crate) journal: Vec<Line>,
    /// The picture after the end.
    pub(crate) views: Vec<CheckView>,
    /// `/metrics` about once a virtual minute, and after the end.
    pub(crate) scrapes: Vec<String>,
    /// Most runs of one check seen in flight at once.
    pub(crate) most_in_flight: u32,
    /// All checks.
    pub(crate) checks: Vec<Arc<Check>>,
    /// How long stopping took.
    pub(crate) stopping: Duration,
}

impl World {
    /// A world drawn from `seed`: which faults exist, how often they strike, how many checks of what kind.
    pub(crate) fn drawn(seed: u64) -> Self {
        let mut draw = Stream::new(seed, "world");
        let mut maybe = |most: u64| if draw.chance(500) { draw.below(most) } else { 0 };
        let faults = Faults {
            bad: maybe(400),
            hang: maybe(300),
            panic: maybe(50),
            stall: maybe(50),
            provider_outage: maybe(2) == 1,
            deaf: maybe(2) == 1,
            clock_step: [0, 0, 3_600_000, -3_600_000, -700][usize::try_from(maybe(5)).unwrap()],
        };
        Self {
            seed,
            checks: 1 + u32::try_from(draw.below(24)).unwrap(),
            intervals: vec![1 + draw.below(3), 5, 10 + draw.below(50)],
            room: 1 + u32::try_from(draw.below(30)).unwrap(),
            confirm: None,
            workers: 1 + usize::try_from(draw.below(3)).unwrap(),
            lasts: Duration::from_mins(10),
            faults,
        }
    }

    /// Runs to the end on a paused runtime of its own.
    pub(crate) fn run(&self) -> Report {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(self.live())
    }

    async fn live(&self) -> Report {
        let clock = Arc::new(Clock::new());
        let config = self.config();
        let own = Own::new("sim", "0");
        let wall: Arc<dyn WallClock> = Arc::clone(&clock) as Arc<dyn WallClock>;
        let plan = monitor::plan(&config, Vec::new(), self.workers, &wall, &own);
        let twin = Arc::new(Twin::new(self, config.checks.clone()));
        let journal = Arc::default();

        let mut tasks = JoinSet::new();
        let (tapped, events) = mpsc::channel(64);
        let deaf = self.faults.deaf.then_some(self.lasts / 3);
        tasks.spawn(tap(plan.events, tapped, Arc::clone(&journal), deaf));
        tasks.spawn(plan.recorder.run(events).map(drop));
        for worker in plan.workers {
            tasks.spawn(scheduler::run(worker, Arc::clone(&twin) as Arc<dyn Runner>));
        }

        let scrape = || {
            let chunks = Exposition::new(Arc::clone(&plan.table), own.text());
            chunks.map(|chunk| String::from_utf8(chunk.to_vec()).unwrap()).collect::<String>()
        };
        let mut scrapes = Vec::new();
        let minutes = self.lasts.as_secs() / 60;
        for minute in 0..minutes {
            // The clock itself is paused: this lets virtual time pass.
            tokio::time::sleep(Duration::from_mins(1)).await;
            scrapes.push(scrape());
            if minute == minutes / 2 {
                clock.step(self.faults.clock_step);
            }
        }
        let stopping = Instant::now();
        plan.stop.send(true).unwrap();
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
        scrapes.push(scrape());
        Report {
            journal: std::mem::take(&mut *journal.lock().unwrap()),
            views: plan.board.checks(),
            scrapes,
            most_in_flight: twin.most_in_flight.load(Ordering::Relaxed),
            checks: config.checks,
            stopping: stopping.elapsed(),
        }
    }

    fn config(&self) -> Config {
        let mut draw = Stream::new(self.seed, "config");
        let spec = Arc::new(Spec {
            ip: IpChoice::Any,
            pick: Pick::Rotate,
            slow_after: None,
            max_latency: None,
            kind: ProbeKind::Tcp(Box::new(TcpSpec {
                host: Host::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST)),
                port: 1,
                tls: None,
                dialogue: Vec::new(),
            })),
        });
        let checks: Vec<_> = (0..self.checks)
            .map(|number| {
                let choice = usize::try_from(draw.below(self.intervals.len() as u64)).unwrap();
                let interval = self.intervals[choice];
                check(number, interval, self.confirm, &mut draw, &spec)
            })
            .collect();
        let services = (0..self.checks.div_ceil(2)).map(|n| service(n, &checks)).collect();
        Config {
            monitor: MonitorConfig {
                vantage: "sim".into(),
                provider: None,
                listen: ([127, 0, 0, 1], 0).into(),
                state: "state".into(),
                timezone: jiff::tz::TimeZone::UTC,
                shard: None,
                heartbeat_url: None,
                max_in_flight: self.room,
            },
            metrics: MetricsConfig { detail: Detail::Standard, field_names: false },
            providers: Vec::new(),
            services,
            checks,
            sentinel: None,
            domains: Vec::new(),
            maintenance: Vec::new(),
        }
    }
}

/// Check `number`: even ones are on cloud `a`, odd ones on cloud `b` of the same service.
fn check(
    number: u32,
    interval: u64,
    confirm: Option<u32>,
    draw: &mut Stream,
    spec: &Arc<Spec>,
) -> Arc<Check> {
    let interval = Duration::from_secs(interval);
    let provider = if number.is_multiple_of(2) { "a" } else { "b" };
    let service = format!("s{}", number / 2);
    Arc::new(Check {
        id: CheckId::new(&service, provider, "port"),
        service: service.into(),
        endpoint: provider.into(),
        probe: "port".into(),
        provider: provider.into(),
        region: "".into(),
        host: "127.0.0.1".into(),
        shape: Shape {
            interval,
            timeout: interval.min(Duration::from_millis(200 + draw.below(5_000))),
            recheck: Duration::from_millis(300),
            hold: interval * 2,
            confirm: confirm.unwrap_or(1 + u32::try_from(draw.below(3)).unwrap()),
        },
        counts: true,
        spec: Arc::clone(spec),
    })
}

fn service(number: u32, checks: &[Arc<Check>]) -> Service {
    let own = [2 * number, 2 * number + 1];
    let endpoints = own.into_iter().filter_map(|index| {
        let check = checks.get(index as usize)?;
        Some(Endpoint {
            name: Arc::clone(&check.endpoint),
            provider: Arc::clone(&check.provider),
            region: "".into(),
            host: "127.0.0.1".into(),
            role: Role::Active,
            ready_probe: None,
            checks: vec![CheckIndex(index)],
        })
    });
    Service {
        name: format!("s{number}").into(),
        title: format!("s{number}"),
        runbook: None,
        labels: Arc::default(),
        side: Side::Any,
        endpoints: endpoints.collect(),
        objectives: Vec::new(),
        entry: None,
        depends_on: Vec::new(),
    }
}

/// The wall clock's twin: monotonic time plus an offset that a fault may move.
struct Clock {
    born: Instant,
    offset: AtomicI64,
}

impl Clock {
    fn new() -> Self {
        Self { born: Instant::now(), offset: AtomicI64::new(0) }
    }

    fn step(&self, millis: i64) {
        self.offset.fetch_add(millis, Ordering::Relaxed);
    }
}

impl WallClock for Clock {
    fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.born.elapsed().as_millis()).unwrap();
        Timestamp::from_millis(BEGINNING + passed + self.offset.load(Ordering::Relaxed))
    }
}

/// The probers' twin: outcomes and delays drawn per check, so that they do not hang on the order of other checks.
struct Twin {
    checks: Vec<Arc<Check>>,
    streams: Vec<Mutex<Stream>>,
    in_flight: Arc<Vec<AtomicU32>>,
    most_in_flight: AtomicU32,
    faults: Faults,
    born: Instant,
    lasts: Duration,
}

impl Twin {
    fn new(world: &World, checks: Vec<Arc<Check>>) -> Self {
        let stream = |check: &Arc<Check>| Mutex::new(Stream::new(world.seed, check.id.as_str()));
        Self {
            streams: checks.iter().map(stream).collect(),
            in_flight: Arc::new(checks.iter().map(|_| AtomicU32::new(0)).collect()),
            most_in_flight: AtomicU32::new(0),
            faults: world.faults,
            born: Instant::now(),
            lasts: world.lasts,
            checks,
        }
    }

    /// Whether cloud `a` is down now: the second quarter of the run, if the seed says so.
    fn provider_is_down(&self, check: &Check) -> bool {
        let quarter = self.lasts / 4;
        let now = self.born.elapsed();
        self.faults.provider_outage
            && &*check.provider == "a"
            && now >= quarter
            && now < quarter * 2
    }
}

impl Runner for Twin {
    fn run(&self, index: CheckIndex, timeout: Duration) -> BoxFuture<'static, ProbeResult> {
        let check = &self.checks[index.get()];
        let running = self.in_flight[index.get()].fetch_add(1, Ordering::Relaxed) + 1;
        self.most_in_flight.fetch_max(running, Ordering::Relaxed);

        let mut draw = self.streams[index.get()].lock().unwrap();
        let within = u64::try_from(timeout.as_millis()).unwrap();
        let mut delay = Duration::from_millis(draw.below(within));
        let mut outcome = Outcome::Good;
        if draw.chance(self.faults.bad) || self.provider_is_down(check) {
            outcome = Outcome::Bad(Reason::ConnectRefused);
        }
        if draw.chance(self.faults.hang) {
            (delay, outcome) = (timeout, Outcome::Bad(Reason::ConnectTimeout));
        }
        if draw.chance(self.faults.stall) {
            delay = timeout * 3;
        }
        let panics = draw.chance(self.faults.panic);
        let in_flight = Arc::clone(&self.in_flight);
        async move {
            let begun = Instant::now();
            tokio::time::sleep(delay).await;
            in_flight[index.get()].fetch_sub(1, Ordering::Relaxed);
            assert!(!panics, "a scripted panic");
            let mut result = ProbeResult::unknown(Cause::Internal, "scripted".to_owned());
            result.outcome = outcome;
            result.latency = begun.elapsed();
            result
        }
        .boxed()
    }
}

/// Writes every event down and passes it on.
async fn tap(
    mut from: mpsc::Receiver<Event>,
    to: mpsc::Sender<Event>,
    journal: Arc<Mutex<Vec<Line>>>,
    deaf: Option<Duration>,
) {
    let begun = Instant::now();
    let mut deaf = deaf;
    while let Some(event) = from.recv().await {
        if let Some(third) = deaf.take_if(|third| begun.elapsed() > *third) {
            tokio::time::sleep(third).await;
        }
        note(&event, &mut journal.lock().unwrap());
        to.send(event).await.unwrap();
    }
}

fn note(event: &Event, journal: &mut Vec<Line>) {
    match event {
        Event::Started { check, at, recheck } => {
            journal.push(Line::Started { check: check.0, at: at.as_millis(), recheck: *recheck });
        }
        Event::Finished { check, result } => {
            let (outcome, latency_ms) = (result.outcome, result.latency.as_millis());
            journal.push(Line::Finished { check: check.0, outcome, latency_ms });
        }
        Event::Skipped { check, count, .. } => {
            journal.push(Line::Skipped { check: check.0, count: *count });
        }
        Event::ClockBack { checks, millis, .. } => {
            let back = |check: &CheckIndex| Line::Back { check: check.0, millis: *millis };
            journal.extend(checks.iter().map(back));
        }
        Event::Roll { .. } => {}
    }
}
