//! What history costs at the largest size that one daemon is meant for: 100 000 checks, 40 spans of what was not good in
//! each, over 90 days.
//!
//! Three numbers: resident memory of the book with the joined lines of every scope, CPU time of the recorder for each result
//! (journaled to a real store), and how long a start takes with such a store on disk, from the text of the configuration to
//! a plan that could run. `cargo bench --bench history -- [--assert]`; CPU time, because machines are noisy, except for the
//! start, which is what a person waits for.
//!
//! It does not probe, and it writes to a folder that goes with it.
#![allow(missing_docs, reason = "a program, not a library")]
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

use nephoscope::clock::{Instant, WallClock};
use nephoscope::config::{Config, load_text};
use nephoscope::metrics::Own;
use nephoscope::model::{Cause, CheckIndex, Outcome, ProbeResult, Reason, Timestamp};
use nephoscope::monitor::event::Event;
use nephoscope::monitor::{self, Plan};
use nephoscope::slo::history::Ahead;
use nephoscope::slo::spans::What;
use nephoscope::store;
use rustix::time::{ClockId, clock_gettime};
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// Two checks each.
const SERVICES: usize = 50_000;
/// Stretches that were not good, of each check.
const SPANS: i64 = 40;
/// What history covers, in milliseconds.
const COVERED: i64 = 90 * 86_400_000;
/// When it begins.
const BEGUN: i64 = 1_780_000_000_000;
/// Results for the recorder, in one flood; the store's inbox holds so many, so that none is lost.
const RESULTS: u32 = 400_000;
/// Checks of the recorder's part.
const BUSY_CHECKS: usize = 10_000;

/// Resident memory, at most, in MB.
const MEMORY_LIMIT: f64 = 150.0;
/// CPU time of a result, at most, in microseconds: 200 000 a second on one core.
const RESULT_LIMIT: f64 = 5.0;
/// A start, at most, in seconds.
const START_LIMIT: f64 = 3.0;

/// A wall clock that stands where it is put.
struct Still(AtomicI64);

impl WallClock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

static CLOCK: LazyLock<Arc<Still>> = LazyLock::new(|| Arc::new(Still(AtomicI64::new(BEGUN))));

fn main() -> ExitCode {
    let assert = std::env::args().any(|argument| argument == "--assert");
    let folder = tempfile::tempdir().expect("a folder for the store");
    let met = [
        print("memory", book(folder.path()), "MB", MEMORY_LIMIT),
        print("start", start(folder.path()), "s", START_LIMIT),
        print("result", recorder(&folder.path().join("busy")), "µs", RESULT_LIMIT),
    ];
    if met.iter().all(|met| *met) || !assert { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print(what: &str, value: f64, unit: &str, limit: f64) -> bool {
    let verdict = if value <= limit { "met" } else { "MISSED" };
    println!("{what:<8} {value:>8.2} {unit:<3} at most {limit}  {verdict}");
    value <= limit
}

fn config(services: usize) -> Config {
    let mut text = String::from(
        "[monitor]\nvantage = \"bench\"\n[provider.aws]\nhost = \"192.0.2.1\"\n[provider.gcp]\nhost = \"192.0.2.2\"\n\
         [probe.port.tcp]\naddress = \"{host}:25\"\n[class.all]\nprobes = [\"port\"]\nobjective = 99.9\n",
    );
    for service in 0..services {
        writeln!(text, "[service.s{service}]\nclass = \"all\"").expect("to a string");
    }
    load_text(Path::new("probes.toml"), text).expect("a valid configuration").config
}

fn plan(config: &Config, folder: &Path) -> (Plan, store::Store) {
    let clock: Arc<dyn WallClock> = Arc::clone(&*CLOCK) as Arc<dyn WallClock>;
    let opened =
        store::open(folder, &monitor::roster(config), Arc::clone(&clock)).expect("a store");
    let store = opened.store.clone();
    let own = Own::new("bench", "0");
    (monitor::plan(config, Vec::new(), 1, &clock, &own, Some(opened)), store)
}

/// Fills a book and stores it; gives its resident size.
fn book(folder: &Path) -> f64 {
    let config = config(SERVICES);
    let (plan, store) = plan(&config, folder);
    let before = resident();
    let until = Timestamp::from_millis(i64::MAX);
    let ahead = |what| Ahead { what, latency: Duration::ZERO, until };
    let at = |check: usize, part: i64| {
        let own = i64::try_from(check).expect("small") * 977 % 600_000;
        Timestamp::from_millis(BEGUN + COVERED / SPANS * part + own)
    };
    for service in 0..SERVICES {
        plan.book.with(service, |history| {
            for check in 0..history.checks().len() {
                let place = service * 2 + check;
                for part in 0..SPANS {
                    let bad = ahead(What::Bad(Some(Reason::Status)));
                    history.tell(check, ahead(What::Good), at(place, part), bad);
                    let end = at(place, part) + Duration::from_secs(90);
                    history.tell(check, bad, end, ahead(What::Good));
                }
                let end = Timestamp::from_millis(BEGUN + COVERED);
                history.tell(check, ahead(What::Good), end, Ahead::unknown(Cause::Overloaded));
            }
        });
        // What a scrape makes and keeps: the joined lines of every scope.
        plan.book.held(service, Timestamp::from_millis(BEGUN + COVERED));
    }
    let size = resident() - before;
    CLOCK.0.store(BEGUN + COVERED, Ordering::Relaxed);
    let checks = (0..).map(CheckIndex).take(config.checks.len()).collect();
    let end = Timestamp::from_millis(BEGUN + COVERED);
    run(plan, vec![Event::Roll { checks, at: end }]);
    store.close();
    size
}

/// How long it takes from text to a plan that could run.
fn start(folder: &Path) -> f64 {
    CLOCK.0.store(BEGUN + COVERED + 3_600_000, Ordering::Relaxed);
    let began = Instant::now();
    let config = config(SERVICES);
    let read = began.elapsed();
    let (plan, store) = plan(&config, folder);
    let took = began.elapsed();
    let bad =
        plan.book.with(0, |history| history.checks()[0].lines().next().map(|(_, it)| it.len()));
    assert_eq!(bad, Some(usize::try_from(SPANS).expect("small")), "the spans are there again");
    println!("         of these {:.2} s reading the configuration", read.as_secs_f64());
    drop(plan);
    store.close();
    took.as_secs_f64()
}

/// CPU time of the recorder for one result, in microseconds.
fn recorder(folder: &Path) -> f64 {
    let config = config(BUSY_CHECKS / 2);
    let (plan, store) = plan(&config, folder);
    let now = CLOCK.now();
    let mut events = Vec::with_capacity(2 * RESULTS as usize);
    for run in 0..RESULTS {
        let check = CheckIndex(run % u32::try_from(BUSY_CHECKS).expect("small"));
        let round = u64::from(run) / BUSY_CHECKS as u64;
        let at = now + Duration::from_secs(30 * round);
        events.push(Event::Started { check, at, recheck: false });
        let mut result = ProbeResult::unknown(Cause::Internal, String::new());
        result.outcome = Outcome::Good;
        result.latency = Duration::from_millis(12);
        result.said.push_str("connected in 12 ms");
        events.push(Event::Finished { check, result: Box::new(result) });
    }
    let before = cpu();
    run(plan, events);
    let took = cpu() - before;
    store.close();
    let stored = store.stats().read();
    assert_eq!(stored.entries, u64::from(RESULTS), "every result was journaled: {stored:?}");
    took * 1e6 / f64::from(RESULTS)
}

/// Runs the recorder over these events to its end; the sender's part is in the measure.
fn run(plan: Plan, events: Vec<Event>) {
    let Plan { recorder, events: receiver, workers, .. } = plan;
    let sender = workers[0].events.clone();
    drop(workers);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let feed = async move {
            for event in events {
                sender.send(event).await.expect("the recorder listens");
            }
        };
        tokio::join!(recorder.run(receiver), feed);
    });
}

/// CPU seconds of this process so far, the store's writer included.
fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).expect("below 10^9"))
        .as_secs_f64()
}

/// Resident megabytes of this process.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("a resident size");
    let kib: f64 = line.split_whitespace().nth(1).and_then(|it| it.parse().ok()).expect("a number");
    kib * 1_024.0 / 1e6
}
