//! What one probe costs: CPU time of the prober alone, beside a hand-written floor and Debian's blackbox exporter.
//!
//! All three probe the same nginx and knot on loopback in the same run, taking turns. Floor and ours each run in a child
//! process (this program again, with an argument), so that user and system time of the process are theirs alone; the
//! exporter's are read from `/proc`. Two shapes of load: a closed loop with 32 in flight, which is the best case, and 300
//! probes a second, which is what a daemon does. All processes share one processor: with two, a prober also pays for waking
//! the idle processor of its server, and only if it is slow enough to let it sleep. Printed are medians over paired rounds,
//! and the ratios of each pair; `--assert` judges those of the closed loop alone.
//! `cargo bench --bench probe_cost -- [--assert] [--json] [--rounds N] [--only NAME]`; needs Debian's `nginx-light`, `knot`
//! and `prometheus-blackbox-exporter`.
//!
//! It says nothing about latency, and nothing about schedule, recorder or metrics.
#![allow(missing_docs, reason = "a program, not a library")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its output is its purpose")]

mod blackbox;
mod floor;
mod load;
mod ours;
mod peers;
mod running;

use load::{Cost, Shape};
use peers::Peers;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde_json::json;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// What is probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Tcp,
    Http,
    Https,
    Dns,
}

impl Target {
    const ALL: [Self; 4] = [Self::Tcp, Self::Http, Self::Https, Self::Dns];

    const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Http => "http",
            Self::Https => "https",
            Self::Dns => "dns",
        }
    }

    /// Probes of one closed-loop measurement: about a second of CPU time for floor and ours.
    const fn count(self) -> u32 {
        match self {
            Self::Tcp | Self::Dns => 20_000,
            Self::Http => 10_000,
            Self::Https => 2_500,
        }
    }

    /// Ours by the floor, closed loop: the most that passes with `--assert`.
    const fn limit(self) -> f64 {
        match self {
            Self::Tcp => 1.5,
            Self::Http => 2.0,
            Self::Https => 1.0,
            Self::Dns => 1.3,
        }
    }
}

/// Ours by the blackbox exporter, closed loop: the most that passes with `--assert`.
const LIMIT_BLACKBOX: f64 = 0.4;
/// Fewer pairs than this and the noise of a shared machine decides.
const ROUNDS: usize = 9;

struct Options {
    assert: bool,
    json: bool,
    rounds: usize,
    only: Option<String>,
}

/// The costs of one pair, in microseconds of CPU time per probe.
struct Round {
    floor: f64,
    ours: f64,
    blackbox: f64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "--child") {
        return child(&arguments[1..]);
    }
    match options(&arguments).and_then(|options| measure(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::from(2)
        }
    }
}

fn options(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options { assert: false, json: false, rounds: ROUNDS, only: None };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || rest.next().ok_or(format!("`{argument}` without a value"));
        match argument.as_str() {
            // cargo's own.
            "--bench" => {}
            "--assert" => options.assert = true,
            "--json" => options.json = true,
            "--rounds" => {
                options.rounds = value()?.parse().map_err(|_| "rounds are a number".to_owned())?;
            }
            "--only" => options.only = Some(value()?.clone()),
            other => return Err(format!("unknown argument `{other}`")),
        }
    }
    Ok(options)
}

/// Takes all measurements and prints them; whether every target was met (or none was asked for).
fn measure(options: &Options) -> Result<bool, String> {
    share_one_processor().map_err(|problem| problem.to_string())?;
    let peers = Peers::start()?;
    let blackbox = blackbox::Blackbox::start(&peers)?;
    let mut rows = Vec::new();
    let mut met = true;
    let mut turn = 0_u8;
    for target in Target::ALL {
        if options.only.as_deref().is_some_and(|only| only != target.name()) {
            continue;
        }
        for shape in [Shape::Closed, Shape::Paced] {
            let mut rounds = Vec::with_capacity(options.rounds);
            for _ in 0..options.rounds {
                let mut address = || {
                    turn = turn.wrapping_add(1);
                    peers.address(target, turn)
                };
                rounds.push(Round {
                    floor: in_child("floor", target, shape, address(), &peers.root())?,
                    ours: in_child("ours", target, shape, address(), &peers.root())?,
                    blackbox: blackbox.cost(target, shape, address())?,
                });
            }
            let row = row(target, shape, &rounds);
            if !options.json {
                println!("{}", human(&row));
            }
            met &= row["met"].as_bool().unwrap_or(true);
            rows.push(row);
        }
    }
    if options.json {
        println!("{:#}", json!({ "rounds": options.rounds, "rows": rows }));
    }
    Ok(met || !options.assert)
}

/// Keeps this process, and all that it starts, to the first processor it may use.
///
/// A loopback probe wakes its server, which on another processor that has gone to sleep takes an interrupt, paid by the
/// waker: several microseconds on a virtual machine. A floor that keeps its server busy never pays that, a dearer prober
/// does, and no prober of a real network ever would.
fn share_one_processor() -> rustix::io::Result<()> {
    let allowed = sched_getaffinity(None)?;
    let mut one = CpuSet::new();
    one.set((0..CpuSet::MAX_CPU).find(|each| allowed.is_set(*each)).unwrap_or_default());
    sched_setaffinity(None, &one)
}

/// One line of the result; `met` only where there is a target.
fn row(target: Target, shape: Shape, rounds: &[Round]) -> serde_json::Value {
    let over = |of: fn(&Round) -> f64| median(rounds.iter().map(of).collect());
    let by_floor = over(|round| round.ours / round.floor);
    let by_blackbox = over(|round| round.ours / round.blackbox);
    let met = (shape == Shape::Closed)
        .then(|| by_floor <= target.limit() && by_blackbox <= LIMIT_BLACKBOX);
    json!({
        "target": target.name(), "shape": shape.name(), "met": met,
        "us": { "floor": over(|r| r.floor), "ours": over(|r| r.ours), "blackbox": over(|r| r.blackbox) },
        "ours_by_floor": by_floor, "ours_by_blackbox": by_blackbox,
        "limit_floor": target.limit(), "limit_blackbox": LIMIT_BLACKBOX,
    })
}

fn human(row: &serde_json::Value) -> String {
    let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let number = |value: &serde_json::Value| value.as_f64().unwrap_or(f64::NAN);
    let verdict = match row["met"].as_bool() {
        Some(true) => "met",
        Some(false) => "MISSED",
        None => "",
    };
    format!(
        "{:<5} {:<6}  floor {:>7.1} us  ours {:>7.1} us  blackbox {:>7.1} us  ours/floor {:>5.2}  ours/blackbox {:>5.3}  {verdict}",
        text("target"),
        text("shape"),
        number(&row["us"]["floor"]),
        number(&row["us"]["ours"]),
        number(&row["us"]["blackbox"]),
        number(&row["ours_by_floor"]),
        number(&row["ours_by_blackbox"]),
    )
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Runs this program again as `who` and gives its CPU time per probe in microseconds.
fn in_child(
    who: &str,
    target: Target,
    shape: Shape,
    address: SocketAddr,
    root: &Path,
) -> Result<f64, String> {
    let program = std::env::current_exe().map_err(|problem| problem.to_string())?;
    let output = Command::new(program)
        .args(["--child", who, target.name(), shape.name()])
        .arg(address.to_string())
        .arg(root)
        .output()
        .map_err(|problem| problem.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout);
    said.trim().parse().map_err(|_| {
        format!("{who} {}: {said}{}", target.name(), String::from_utf8_lossy(&output.stderr))
    })
}

/// The measuring process: warm up, probe, print CPU time per probe.
fn child(arguments: &[String]) -> ExitCode {
    let [who, target, shape, address, root] = arguments else {
        eprintln!("error: a child needs who, target, shape, address and root");
        return ExitCode::from(2);
    };
    let target = Target::ALL.into_iter().find(|each| each.name() == target).expect("from `name`");
    let shape = Shape::from_name(shape);
    let address = address.parse().expect("printed by the parent");
    let root = PathBuf::from(root);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime of one thread needs nothing special");
    let cost: Result<Cost, String> = runtime.block_on(async {
        if who == "ours" {
            let prober = ours::prober(target, address, &root);
            load::run(shape, target.count(), || ours::probe(target, &prober)).await
        } else {
            let floor = floor::Floor::new(target, address, &root);
            load::run(shape, target.count(), || floor.probe()).await
        }
    });
    match cost {
        Ok(cost) => {
            println!("{:.3}", cost.us_per_probe());
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}
