//! Can we see? Stories in which clouds, the monitor's own network, its IPv6 or its resolver die for a while, with seeds.
//!
//! The far side and the way to it are scripted as intervals; a packet that is lost is sent again after one and three seconds,
//! as TCP does. Of every run it is written down whether the monitor's own end alone would have made it fail, and whether
//! the far side alone would. After the faults everything heals and must be up.
//!
//! It does not judge health, outages or promises.

use crate::layout;
use crate::twin::Clock;
use crate::world::{Faults, World};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use nephoscope::clock::{Instant, WallClock};
use nephoscope::config::Config;
use nephoscope::metrics::Own;
use nephoscope::model::{
    Cause, Check, CheckId, CheckIndex, Host, Outcome, Phase, ProbeKind, ProbeResult, Reason,
    Reference, ReferenceRole, Road, Shape, State,
};
use nephoscope::monitor::event::Event;
use nephoscope::monitor::scheduler::Share;
use nephoscope::monitor::{self, Runner, scheduler};
use nephoscope::seed::Stream;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Faults begin after this, in milliseconds, when everything has been seen once.
const FAULTS_FROM: i64 = 60_000;

/// Everything is well again from here on.
const HEALED: i64 = 360_000;

/// When it ends.
const ENDS: i64 = 480_000;

/// A blackout of our own is longer than the longest timeout and the time in which an alibi must begin.
const LEAST_BLACKOUT: u64 = 9_000;

/// A cable that is out for so short a time is seen by nobody's patience.
const BLINK: u64 = 1_000;

/// TCP sends its first packet again after so many milliseconds.
const TRIES: [i64; 3] = [0, 1_000, 3_000];

/// An alibi begins at most so long after the failure.
const PROMPT: i64 = 2_000;

/// What may die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Vantage,
    Ipv6,
    Resolver,
    CloudA,
    CloudB,
    Sentinels,
}

/// What dies, and from when to when.
#[derive(Clone, Debug)]
struct Story {
    seed: u64,
    sentinels: bool,
    /// How long a run may take.
    timeout: i64,
    /// Nothing leaves a dead vantage, and it is told so at once: the cable is out.
    cable: bool,
    dead: Vec<(Part, i64, i64)>,
}

impl Story {
    fn new(seed: u64, sentinels: bool, dead: &[(Part, i64, i64)]) -> Self {
        Self { seed, sentinels, timeout: 5_000, cable: false, dead: dead.to_vec() }
    }

    /// The cable of the monitor is out for one to three seconds again and again, and a cloud dies beside that or not.
    fn blinks(seed: u64) -> Self {
        let mut draw = Stream::new(seed, "blinks");
        let mut dead = Vec::new();
        let mut from = FAULTS_FROM;
        while from < HEALED - 10_000 {
            let to = from + i64::try_from(BLINK + draw.below(1_900)).unwrap();
            dead.push((Part::Vantage, from, to));
            from = to + 20_000 + i64::try_from(draw.below(20_000)).unwrap();
        }
        if draw.chance(500) {
            dead.push((Part::CloudA, 100_000, 220_000));
        }
        // Whatever fails by that fails before the cable is in again, or its packets are sent again afterwards.
        let timeout = if draw.chance(500) { 1_000 } else { 5_000 };
        Self { cable: true, timeout, ..Self::new(seed, true, &dead) }
    }

    /// Blackouts and outages one after the other or at once, as the seed says.
    fn drawn(seed: u64) -> Self {
        let mut draw = Stream::new(seed, "blind");
        let parts = [Part::Vantage, Part::Ipv6, Part::Resolver, Part::CloudA, Part::CloudB];
        let mut dead = Vec::new();
        for part in parts {
            let mut from = FAULTS_FROM;
            while draw.chance(500) {
                from += i64::try_from(draw.below(120_000)).unwrap();
                let to = from + i64::try_from(LEAST_BLACKOUT + draw.below(90_000)).unwrap();
                if to < HEALED {
                    dead.push((part, from, to));
                }
                // Between two blackouts there is time to see that we see.
                from = to + 30_000;
            }
        }
        Self::new(seed, draw.chance(700), &dead)
    }

    fn is_dead(&self, part: Part, at: i64) -> bool {
        self.dead.iter().any(|(it, from, to)| *it == part && (*from..*to).contains(&at))
    }

    fn is_dead_within(&self, part: Part, from: i64, to: i64) -> bool {
        self.dead.iter().any(|(it, begin, end)| *it == part && *begin <= to && from < *end)
    }
}

/// How a run goes: when it ends after its start, how, and when it was connected.
type Course = (i64, Outcome, i64);

/// The far sides and the ways to them.
struct Sky {
    story: Story,
    checks: Vec<Arc<Check>>,
    of_services: usize,
    clock: Arc<Clock>,
    /// Every run, as it really was.
    runs: Mutex<Vec<Truth>>,
}

#[derive(Clone, Copy, Debug)]
struct Truth {
    check: CheckIndex,
    start: i64,
    end: i64,
    /// Whether our own end alone would have made it fail.
    ours: bool,
    /// Whether the far side alone would have.
    theirs: bool,
}

impl Sky {
    fn is_v6(&self, index: CheckIndex) -> bool {
        // No sentinel here is over IPv6, and without one nobody can tell a blink from an outage.
        !self.story.cable && index.get() < self.of_services && index.get() % 4 >= 2
    }

    fn far_side(&self, index: CheckIndex) -> Part {
        match &*self.checks[index.get()].provider {
            "a" => Part::CloudA,
            "b" => Part::CloudB,
            _ => Part::Sentinels,
        }
    }

    /// The course of a run when only these parts may be dead.
    fn course(&self, index: CheckIndex, start: i64, timeout: i64, parts: &[Part]) -> Course {
        let dead = |part: Part, at: i64| parts.contains(&part) && self.story.is_dead(part, at);
        let rtt = 20 + i64::from(index.0 % 7) * 5;
        let asks = index.get().is_multiple_of(3) || self.is_name(index);
        if self.story.cable && dead(Part::Vantage, start) {
            let is_unresolved = asks && !self.is_name(index);
            let reason =
                if is_unresolved { Reason::DnsTimeout } else { Reason::ConnectUnreachable };
            return (0, Outcome::Bad(reason), 0);
        }
        if asks && (dead(Part::Resolver, start) || dead(Part::Vantage, start)) {
            let reason =
                if self.is_name(index) { Reason::ResponseTimeout } else { Reason::DnsTimeout };
            return (timeout, Outcome::Bad(reason), 0);
        }
        if self.is_name(index) {
            return (rtt, Outcome::Good, 0);
        }
        for wait in TRIES {
            let sent = start + wait;
            let lost = [sent, sent + rtt].iter().any(|at| {
                dead(Part::Vantage, *at)
                    || (self.is_v6(index) && dead(Part::Ipv6, *at))
                    || dead(self.far_side(index), *at)
            });
            if !lost && wait + rtt < timeout {
                return (wait + rtt, Outcome::Good, wait + rtt);
            }
        }
        (timeout, Outcome::Bad(Reason::ConnectTimeout), timeout)
    }

    fn is_name(&self, index: CheckIndex) -> bool {
        self.checks[index.get()].id.as_str().starts_with("@sentinel/name")
    }
}

impl Runner for Sky {
    fn run(&self, index: CheckIndex, timeout: Duration) -> BoxFuture<'static, ProbeResult> {
        use Part::{CloudA, CloudB, Ipv6, Resolver, Sentinels, Vantage};
        let start = self.clock.passed();
        let timeout = i64::try_from(timeout.as_millis()).unwrap();
        let fails = |parts: &[Part]| self.course(index, start, timeout, parts).1 != Outcome::Good;
        let all = [Vantage, Ipv6, Resolver, CloudA, CloudB, Sentinels];
        let (took, outcome, connected) = self.course(index, start, timeout, &all);
        self.runs.lock().unwrap().push(Truth {
            check: index,
            start,
            end: start + took,
            ours: fails(&[Vantage, Ipv6, Resolver]),
            theirs: fails(&[CloudA, CloudB, Sentinels]),
        });
        let (begun, v6) = (Instant::now(), self.is_v6(index));
        let resolved = index.get().is_multiple_of(3)
            && outcome != Outcome::Bad(Reason::DnsTimeout)
            && !self.is_name(index);
        async move {
            tokio::time::sleep(Duration::from_millis(took.unsigned_abs())).await;
            let mut result = ProbeResult::unknown(Cause::Internal, "scripted".to_owned());
            result.outcome = outcome;
            result.latency = begun.elapsed();
            result.resolved = resolved;
            if outcome != Outcome::Bad(Reason::DnsTimeout) {
                let address = if v6 { "[2001:db8::1]:443" } else { "192.0.2.1:443" };
                result.address = Some(address.parse().unwrap());
                let connected = Duration::from_millis(connected.unsigned_abs());
                result.phases.add(Phase::Connect, Duration::ZERO, connected);
            }
            result
        }
        .boxed()
    }

    fn succeed(&self, _: &Share) -> Result<Arc<dyn Runner>, monitor::Error> {
        unreachable!("this configuration is never reloaded")
    }
}

/// What is left of a story.
struct Told {
    runs: Vec<Truth>,
    /// Starts of the runs on the grid, by check.
    grid: Vec<Vec<i64>>,
    /// Settled milliseconds of each check (good, bad, unknown), its state, and its watermark from the beginning.
    checks: Vec<([i64; 3], State, i64)>,
    /// Seconds in which each road was said to be dark.
    dark: [usize; Road::ALL.len()],
    last_dark: usize,
    unsettled: usize,
    metrics: String,
}

fn config(story: &Story) -> Config {
    let world = World {
        seed: story.seed,
        checks: 12,
        intervals: vec![10, 20],
        room: 1_000,
        confirm: Some(2),
        workers: 2,
        lasts: Duration::ZERO,
        mixed: false,
        heals: false,
        faults: Faults::default(),
    };
    let mut config = layout::config(&world);
    for (number, check) in config.checks.iter_mut().enumerate() {
        let check = Arc::make_mut(check);
        check.shape.timeout = Duration::from_millis(story.timeout.unsigned_abs());
        check.shape.recheck = Duration::from_secs(2);
        if number % 3 == 0 {
            let spec = Arc::make_mut(&mut check.spec);
            if let ProbeKind::Tcp(tcp) = &mut spec.kind {
                tcp.host = Host::Name("example.com".into());
            }
        }
    }
    if story.sentinels {
        let sentinel = |endpoint: &str, probe: &str, role: ReferenceRole| {
            let mut check = Check::clone(&config.checks[1]);
            check.id = CheckId::new("@sentinel", endpoint, probe);
            check.provider = "".into();
            check.shape = Shape {
                interval: Duration::from_secs(10),
                timeout: Duration::from_secs(5),
                recheck: Duration::from_secs(5),
                hold: Duration::from_secs(20),
                confirm: 1,
            };
            Reference { check: Arc::new(check), role }
        };
        config.references = vec![
            sentinel("tls", "one", ReferenceRole::SentinelTls),
            sentinel("tls", "two", ReferenceRole::SentinelTls),
            sentinel("tls", "three", ReferenceRole::SentinelTls),
            sentinel("name", "one", ReferenceRole::SentinelName),
        ];
    }
    config
}

fn tell(story: &Story) -> Told {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(live(story))
}

async fn live(story: &Story) -> Told {
    let clock = Arc::new(Clock::new());
    let config = config(story);
    let own = Own::new("sim", "0");
    let wall: Arc<dyn WallClock> = Arc::clone(&clock) as Arc<dyn WallClock>;
    let begun = wall.now().as_millis();
    let plan = monitor::plan(&config, Vec::new(), 2, &wall, &own, None);
    let sky = Arc::new(Sky {
        story: story.clone(),
        checks: config.lookouts().to_vec(),
        of_services: config.checks.len(),
        clock: Arc::clone(&clock),
        runs: Mutex::default(),
    });
    let grid = Arc::new(Mutex::new(vec![Vec::new(); sky.checks.len()]));
    let mut tasks = JoinSet::new();
    let (to, events) = mpsc::channel(64);
    let (mut from, starts) = (plan.events, Arc::clone(&grid));
    tasks.spawn(async move {
        while let Some(event) = from.recv().await {
            if let Event::Started { check, at, recheck: false } = &event {
                starts.lock().unwrap()[check.get()].push(at.as_millis() - begun);
            }
            to.send(event).await.unwrap();
        }
    });
    tasks.spawn(plan.recorder.run(events).map(drop));
    for worker in plan.workers {
        tasks.spawn(scheduler::run(worker, Arc::clone(&sky) as Arc<dyn Runner>));
    }
    let mut dark = [0; Road::ALL.len()];
    for _ in 0..ENDS / 1_000 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        for (road, _) in plan.board.about().sight.dark {
            dark[road.index()] += 1;
        }
    }
    plan.stop.send(true).unwrap();
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap();
    let sight = plan.board.about().sight;
    let views = plan.board.checks();
    let checks = views.iter().map(|view| {
        let seconds = [view.seconds.good, view.seconds.bad, view.seconds.unknown].map(millis);
        (seconds, view.standing.state, view.watermark.as_millis() - begun)
    });
    Told {
        checks: checks.collect(),
        runs: std::mem::take(&mut *sky.runs.lock().unwrap()),
        grid: std::mem::take(&mut *grid.lock().unwrap()),
        last_dark: sight.dark.len(),
        unsettled: sight.unsettled,
        metrics: own.text(),
        dark,
    }
}

/// No second of our own blindness is charged; none of a real outage is unknown while there was an alibi; in the end
/// everything is seen, nothing waits, and time adds up.
fn judge(story: &Story, told: &Told) {
    for (index, (seconds, state, watermark)) in told.checks.iter().enumerate() {
        let (mut may, mut must) = (0, 0);
        let starts = &told.grid[index];
        for (number, start) in starts.iter().enumerate() {
            let next = starts.get(number + 1).copied().unwrap_or(*watermark).min(*watermark);
            let mut runs = told.runs.iter();
            let run = runs.find(|run| run.check.get() == index && run.start == *start).unwrap();
            let span = (next - start).max(0);
            if run.theirs && !run.ours {
                may += span;
                if has_alibi(story, run) {
                    must += span;
                }
            }
        }
        let [_, bad, _] = *seconds;
        assert!(
            must <= bad && bad <= may,
            "check {index}: {bad} ms are charged, and it should be {must} to {may}; {seconds:?}"
        );
        assert_eq!(seconds.iter().sum::<i64>(), *watermark, "time of check {index} adds up");
        assert_eq!(*state, State::Up, "check {index} in the end");
    }
    assert_eq!((told.last_dark, told.unsettled), (0, 0), "in the end everything is seen");
    for gauge in ["vantage_offline", "resolver_offline", "results_unsettled"] {
        let line = format!("nephoscope_{gauge}{{vantage=\"sim\"}} 0");
        assert!(told.metrics.contains(&line), "{line} is not in {}", told.metrics);
    }
}

/// Whether somebody who could be asked was seen just after a failure that was the far side's.
fn has_alibi(story: &Story, run: &Truth) -> bool {
    let (from, to) = (run.start - PROMPT, run.end + PROMPT + 100);
    let ours = [Part::Vantage, Part::Ipv6, Part::Resolver];
    // Whoever dies or comes back meanwhile may or may not be seen.
    let quiet = ours.iter().all(|part| !story.is_dead_within(*part, from - 10_000, to));
    let cloud = |part: Part| !story.is_dead_within(part, from - 10_000, to);
    quiet && (story.sentinels && run.check.0 % 4 < 2 || cloud(Part::CloudA) || cloud(Part::CloudB))
}

fn happens(story: &Story) -> Told {
    let told = tell(story);
    judge(story, &told);
    told
}

fn sum(told: &Told, what: usize) -> i64 {
    told.checks.iter().map(|(seconds, ..)| seconds[what]).sum()
}

const BAD: usize = 1;
const UNKNOWN: usize = 2;

#[test]
fn a_dead_vantage_charges_nobody() {
    for sentinels in [true, false] {
        let told = happens(&Story::new(1, sentinels, &[(Part::Vantage, 100_000, 220_000)]));
        assert_eq!(sum(&told, BAD), 0);
        assert!(sum(&told, UNKNOWN) > 12 * 100_000, "{:?}", told.checks);
        assert!(told.dark[Road::Ipv4.index()] > 90, "{:?}", told.dark);
    }
}

#[test]
fn a_dead_cloud_is_charged_with_and_without_sentinels() {
    for sentinels in [true, false] {
        let told = happens(&Story::new(2, sentinels, &[(Part::CloudA, 100_000, 220_000)]));
        assert!(sum(&told, BAD) > 6 * 100_000, "{:?}", told.checks);
        assert_eq!(told.dark, [0; 3]);
    }
}

#[test]
fn two_dead_clouds_are_charged_where_sentinels_are_seen() {
    let both = [(Part::CloudA, 100_000, 220_000), (Part::CloudB, 110_000, 200_000)];
    let told = happens(&Story::new(3, true, &both));
    assert!(sum(&told, BAD) > 6 * 100_000, "{:?}", told.checks);
    assert_eq!(told.dark[Road::Ipv4.index()], 0);
    // Without them it cannot be told from a dead vantage.
    let told = tell(&Story::new(3, false, &both));
    assert!(told.dark[Road::Ipv4.index()] > 60, "{:?}", told.dark);
}

#[test]
fn dead_ipv6_leaves_ipv4_alone() {
    let told = happens(&Story::new(4, true, &[(Part::Ipv6, 100_000, 220_000)]));
    assert_eq!(sum(&told, BAD), 0);
    assert!(told.dark[Road::Ipv6.index()] > 90 && told.dark[Road::Ipv4.index()] == 0);
}

#[test]
fn a_dead_resolver_is_nobodys_outage() {
    for sentinels in [true, false] {
        let told = happens(&Story::new(5, sentinels, &[(Part::Resolver, 100_000, 220_000)]));
        assert_eq!(sum(&told, BAD), 0);
        assert!(told.dark[Road::Resolver.index()] > 90 && told.dark[Road::Ipv4.index()] == 0);
    }
}

#[test]
fn a_host_that_may_not_reach_its_sentinels_still_charges_a_dead_cloud() {
    let dead = [(Part::Sentinels, 0, ENDS), (Part::CloudB, 100_000, 220_000)];
    let told = happens(&Story::new(6, true, &dead));
    assert!(sum(&told, BAD) > 6 * 100_000, "{:?}", told.checks);
}

#[test]
fn a_cable_that_is_out_for_a_moment_charges_nobody() {
    for seed in 0..12 {
        let story = Story::blinks(seed);
        std::panic::catch_unwind(|| happens(&story))
            .unwrap_or_else(|_| panic!("seed {seed} fails: {story:?}"));
    }
}

#[test]
fn whatever_dies_our_own_blindness_is_never_charged() {
    for seed in 0..24 {
        let story = Story::drawn(seed);
        std::panic::catch_unwind(|| happens(&story))
            .unwrap_or_else(|_| panic!("seed {seed} fails: {story:?}"));
    }
}
