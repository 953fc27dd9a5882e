//! What the daemon keeps in memory: resident size of the real binary, idle, and for each further check.
//!
//! The daemon runs with 10, 1 000 and 9 000 TCP checks (two clouds, two probes on each endpoint) against one loopback
//! listener, and is scraped every three seconds, until every check has run so often that whatever is kept of its runs is
//! full; then `VmRSS` is read from `/proc`. Growth is the difference by the number of checks, so that code and fixed parts
//! cancel out. `cargo bench --bench memory -- [--assert] [--json]`; seven minutes.
//!
//! It does not measure other protocols: an HTTP check keeps its request and more.
#![allow(missing_docs, reason = "a program, not a library")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its output is its purpose")]

#[path = "probe_cost/running.rs"]
mod running;

use running::{Running, free_port, start};
use serde_json::json;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, ExitCode};
use std::time::Duration;

/// Sizes of the configurations.
const CHECKS: [u32; 3] = [10, 1_000, 9_000];
/// Runs of each check; the daemon keeps what 40 of them were.
const RUNS: u32 = 42;
/// Resident size with the smallest configuration: the most that passes with `--assert`, in KiB.
const IDLE_LIMIT: f64 = 30.0 * 1024.0;
/// Growth for each further check between the other two: the most that passes, in KiB.
const GROWTH_LIMIT: f64 = 4.0;
/// How often the daemon is asked whether every check has run: for six minutes
const TRIES: u32 = 120;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let asked = |option: &str| arguments.iter().any(|argument| argument == option);
    match CHECKS.map(resident).into_iter().collect::<Result<Vec<f64>, String>>() {
        Ok(sizes) => {
            let growth = (sizes[2] - sizes[1]) / f64::from(CHECKS[2] - CHECKS[1]);
            let met = sizes[0] < IDLE_LIMIT && growth < GROWTH_LIMIT;
            if asked("--json") {
                println!(
                    "{}",
                    json!({ "checks": CHECKS, "resident_kib": sizes, "growth_kib": growth, "met": met })
                );
            } else {
                for (checks, size) in CHECKS.iter().zip(&sizes) {
                    println!("{checks:>6} checks  {size:>8.0} KiB");
                }
                println!(
                    "growth {growth:.2} KiB per check  {}",
                    if met { "met" } else { "MISSED" }
                );
            }
            if met || !asked("--assert") { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::from(2)
        }
    }
}

/// Resident size in KiB of a daemon whose `checks` checks have each run `RUNS` times.
fn resident(checks: u32) -> Result<f64, String> {
    let fail = |problem: std::io::Error| problem.to_string();
    let folder = tempfile::tempdir().map_err(fail)?;
    let target = TcpListener::bind("127.0.0.1:0").map_err(fail)?;
    let (port, listen) = (target.local_addr().map_err(fail)?, free_port()?);
    // Connections are taken and dropped, so that the listener's queue never fills.
    std::thread::spawn(move || target.incoming().for_each(drop));
    let config = folder.path().join("probes.toml");
    std::fs::write(&config, configuration(checks, listen, port)).map_err(fail)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_nephoscope"));
    command.arg("run").arg("--config").arg(&config).current_dir(folder.path());
    command.arg("--socket").arg(folder.path().join("socket"));
    let daemon = start(command, listen)?;
    for _ in 0..TRIES {
        if runs_so_far(listen)? >= f64::from(checks * RUNS) {
            return read_resident(&daemon);
        }
        std::thread::sleep(Duration::from_secs(3));
    }
    Err(format!("{checks} checks have not run {RUNS} times each"))
}

/// Services with two endpoints and two probes each; the rest of the checks, if any, with one of each.
fn configuration(checks: u32, listen: SocketAddr, target: SocketAddr) -> String {
    let mut text = format!(
        "[monitor]\nvantage = \"bench\"\nlisten = \"{listen}\"\nstate = \"state\"\n\n\
         [metrics]\ndetail = \"standard\"\n\n\
         [defaults]\ninterval = \"4s\"\ntimeout = \"2s\"\n\n\
         [provider.one]\nregion = \"here\"\nhost = \"127.0.0.1\"\n\n\
         [provider.two]\nregion = \"there\"\nhost = \"127.0.0.1\"\n\n\
         [probe.first.tcp]\naddress = \"{{host}}:{port}\"\n\n[probe.second.tcp]\naddress = \"{{host}}:{port}\"\n\n",
        port = target.port()
    );
    for service in 0..checks / 4 {
        let _ = writeln!(text, "[service.service-{service}]\nprobes = [\"first\", \"second\"]");
    }
    for rest in 0..checks % 4 {
        let _ =
            writeln!(text, "[service.rest-{rest}]\nprobes = [\"first\"]\nendpoints = [\"one\"]");
    }
    text
}

/// The sum of `nephoscope_probes_total`, from the daemon's own exposition.
fn runs_so_far(listen: SocketAddr) -> Result<f64, String> {
    let fail = |problem: std::io::Error| problem.to_string();
    let mut stream = TcpStream::connect(listen).map_err(fail)?;
    // HTTP/1.0, so that no chunk boundary cuts a line.
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").map_err(fail)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(fail)?;
    Ok(String::from_utf8_lossy(&answer)
        .lines()
        .filter(|line| line.starts_with("nephoscope_probes_total{"))
        .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
        .sum())
}

fn read_resident(daemon: &Running) -> Result<f64, String> {
    let path = format!("/proc/{}/status", daemon.0.id());
    let status = std::fs::read_to_string(&path).map_err(|problem| format!("{path}: {problem}"))?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok())
        .ok_or(format!("{path} has no VmRSS"))
}
