//! What the daemon keeps in memory: resident size of the real binary, idle, and for each further check.
//!
//! The daemon watches one loopback server with 10, 1 000 and 9 000 checks (two clouds, two probes on each endpoint), over
//! TCP and over HTTP (a URL for each check, a body rule), keeps its history in a store, and is scraped every three seconds,
//! until every check has been good so often that whatever is kept of its runs is full; then `VmRSS` is read from `/proc`.
//! Growth is the difference by the number of checks, so that code and fixed parts cancel out.
//! `cargo bench --bench memory -- [--assert] [--json]`; twelve minutes on a machine that has nothing else to do. A
//! measurement in which runs failed, or without a store, is none: more or less would have been kept than of healthy checks.
//!
//! It does not measure TLS, whose clients are shared, nor texts of one's own: long labels, patterns, certificates.
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
/// Probes a second, as far as an interval of whole seconds goes.
const RATE: u32 = 1_500;
/// Runs of each check; the daemon keeps what 40 of them were.
const RUNS: u32 = 42;
/// Resident size with the smallest configuration: the most that passes with `--assert`, in KiB.
const IDLE_LIMIT: f64 = 30.0 * 1024.0;
/// Growth for each further check between the other two: the most that passes, in KiB.
const GROWTH_LIMIT: f64 = 4.0;
/// How often the daemon is asked whether every check has run: for six minutes.
const TRIES: u32 = 120;
/// Runs that may fail, as a share of all, before there is no number: a failed run is kept four times as long as a good one.
const FAILED: f64 = 0.01;
/// Threads of the server that is probed.
const SERVERS: usize = 4;

/// What the checks do.
#[derive(Clone, Copy)]
enum Protocol {
    Tcp,
    Http,
}

impl Protocol {
    const ALL: [Self; 2] = [Self::Tcp, Self::Http];

    const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Http => "http",
        }
    }

    /// The table of a probe called `name`, of the server at `port`.
    fn probe(self, name: &str, port: u16) -> String {
        match self {
            Self::Tcp => format!("[probe.{name}.tcp]\naddress = \"{{host}}:{port}\"\n\n"),
            Self::Http => format!(
                "[probe.{name}.http]\nurl = \"http://{{host}}:{port}/{{service}}/{name}\"\n\
                 body_matches = [\"^fine\"]\n\n"
            ),
        }
    }
}

/// Resident sizes in KiB of daemons with so many checks, and what a further check takes.
struct Sizes {
    protocol: Protocol,
    resident: Vec<f64>,
    growth: f64,
}

impl Sizes {
    fn measure(protocol: Protocol) -> Result<Self, String> {
        let resident: Vec<f64> =
            CHECKS.iter().map(|checks| resident(protocol, *checks)).collect::<Result<_, _>>()?;
        let growth = (resident[2] - resident[1]) / f64::from(CHECKS[2] - CHECKS[1]);
        Ok(Self { protocol, resident, growth })
    }

    fn met(&self) -> bool {
        self.resident[0] < IDLE_LIMIT && self.growth < GROWTH_LIMIT
    }

    fn print(&self) {
        let name = self.protocol.name();
        for (checks, size) in CHECKS.iter().zip(&self.resident) {
            println!("{name:<4}  {checks:>6} checks  {size:>8.0} KiB");
        }
        let verdict = if self.met() { "met" } else { "MISSED" };
        println!("{name:<4}  growth {:.2} KiB per check  {verdict}", self.growth);
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let asked = |option: &str| arguments.iter().any(|argument| argument == option);
    let mut met = true;
    let mut rows = Vec::new();
    for protocol in Protocol::ALL {
        let sizes = match Sizes::measure(protocol) {
            Ok(sizes) => sizes,
            Err(problem) => {
                eprintln!("error: {}: {problem}", protocol.name());
                return ExitCode::from(2);
            }
        };
        met &= sizes.met();
        if !asked("--json") {
            sizes.print();
        }
        rows.push(json!({
            "protocol": protocol.name(), "checks": CHECKS, "resident_kib": sizes.resident,
            "growth_kib": sizes.growth, "met": sizes.met(),
        }));
    }
    if asked("--json") {
        println!("{:#}", json!(rows));
    }
    if met || !asked("--assert") { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Resident size in KiB of a daemon whose `checks` checks have each run `RUNS` times.
fn resident(protocol: Protocol, checks: u32) -> Result<f64, String> {
    let fail = |problem: std::io::Error| problem.to_string();
    let folder = tempfile::tempdir().map_err(fail)?;
    let target = TcpListener::bind("0.0.0.0:0").map_err(fail)?;
    let (port, listen) = (target.local_addr().map_err(fail)?.port(), free_port()?);
    for _ in 0..SERVERS {
        let target = target.try_clone().map_err(fail)?;
        std::thread::spawn(move || target.incoming().flatten().for_each(|it| serve(protocol, it)));
    }
    let config = folder.path().join("probes.toml");
    std::fs::write(&config, configuration(protocol, checks, listen, port)).map_err(fail)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_nephoscope"));
    command.arg("run").arg("--config").arg(&config).current_dir(folder.path());
    command.arg("--socket").arg(folder.path().join("socket"));
    let daemon = start(command, listen)?;
    for _ in 0..TRIES {
        let Runs { all, good } = runs_so_far(listen)?;
        if good >= f64::from(checks * RUNS) {
            if all - good > all * FAILED {
                return Err(format!("{} of {all} runs failed; is the machine busy?", all - good));
            }
            let store = folder.path().join("state").join(nephoscope::store::FILE);
            store.metadata().map_err(|problem| format!("{}: {problem}", store.display()))?;
            return read_resident(&daemon);
        }
        std::thread::sleep(Duration::from_secs(3));
    }
    Err(format!("{checks} checks have not been good {RUNS} times each"))
}

/// Answers one connection; one that fails is the daemon's to notice.
fn serve(protocol: Protocol, mut stream: TcpStream) {
    if matches!(protocol, Protocol::Http) && stream.read(&mut [0; 2048]).is_ok() {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfine\n");
    }
}

/// Services with two endpoints and two probes each; the rest of the checks, if any, with one of each.
fn configuration(protocol: Protocol, checks: u32, listen: SocketAddr, port: u16) -> String {
    let mut text = format!(
        "[monitor]\nvantage = \"bench\"\nlisten = \"{listen}\"\nstate = \"state\"\n\n\
         [metrics]\ndetail = \"standard\"\n\n\
         [defaults]\ninterval = \"{interval}s\"\ntimeout = \"1s\"\n\n\
         [provider.one]\nregion = \"here\"\nhost = \"127.0.0.1\"\n\n\
         [provider.two]\nregion = \"there\"\nhost = \"127.0.0.2\"\n\n",
        interval = checks.div_ceil(RATE)
    );
    text += &protocol.probe("first", port);
    text += &protocol.probe("second", port);
    for service in 0..checks / 4 {
        let _ = writeln!(text, "[service.service-{service}]\nprobes = [\"first\", \"second\"]");
    }
    for rest in 0..checks % 4 {
        let _ =
            writeln!(text, "[service.rest-{rest}]\nprobes = [\"first\"]\nendpoints = [\"one\"]");
    }
    text
}

/// How many runs there were.
struct Runs {
    all: f64,
    good: f64,
}

/// The sum of `nephoscope_probes_total`, from the daemon's own exposition.
fn runs_so_far(listen: SocketAddr) -> Result<Runs, String> {
    let fail = |problem: std::io::Error| problem.to_string();
    let mut stream = TcpStream::connect(listen).map_err(fail)?;
    // HTTP/1.0, so that no chunk boundary cuts a line.
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").map_err(fail)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(fail)?;
    let mut runs = Runs { all: 0.0, good: 0.0 };
    for line in String::from_utf8_lossy(&answer).lines() {
        let Some((series, count)) = line.rsplit_once(' ') else { continue };
        if series.starts_with("nephoscope_probes_total{") {
            let count: f64 = count.parse().map_err(|_| format!("`{line}` is no series"))?;
            runs.all += count;
            if series.contains("verdict=\"good\"") {
                runs.good += count;
            }
        }
    }
    Ok(runs)
}

fn read_resident(daemon: &Running) -> Result<f64, String> {
    let path = format!("/proc/{}/status", daemon.0.id());
    let status = std::fs::read_to_string(&path).map_err(|problem| format!("{path}: {problem}"))?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok())
        .ok_or(format!("{path} has no VmRSS"))
}
