//! Words from a person: the argument grammar, one arm per command, exit codes.
//!
//! Exit codes: 0 fine, 1 the thing asked about is bad or something failed, 2 wrong usage or configuration. Data goes to
//! stdout, words to a person to stderr. Without a command the daemon runs.
//!
//! It does not speak to sockets (`client` does) and decides nothing about what is watched.

mod ask;
mod dashboards;
mod demo;
mod drill;
mod export;
mod grammar;
mod hash_password;
mod healthcheck;
mod import;
mod maintenance;
mod probe;
mod reload;
mod render;
mod replay;
mod report;
mod results;
mod rules;
mod run;
mod status;
mod validate;

use crate::daemon::logging;
use clap::{Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use tracing_subscriber::filter::LevelFilter;

/// Everything was fine.
const FINE: u8 = 0;
/// The thing asked about is bad, or something failed.
const BAD: u8 = 1;
/// Wrong usage or configuration.
const USAGE: u8 = 2;

/// Watches the same services on two clouds: is it up, for whom, since when, why not; are promises kept; what did the second
/// cloud buy; and can the monitor be believed.
///
/// Without a command the daemon runs on ./probes.toml. New here? `nephoscope demo` shows everything on this machine alone.
#[derive(Debug, Parser)]
#[command(name = "nephoscope", version, max_term_width = 100, after_help = AFTER_HELP)]
struct Arguments {
    /// The configuration file.
    #[arg(long, short, global = true, value_name = "FILE", default_value = "probes.toml")]
    config: PathBuf,

    /// The daemon's local socket [default: in the runtime folder].
    #[arg(long, global = true, value_name = "PATH")]
    socket: Option<PathBuf>,

    /// How the log is written to stderr.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Auto)]
    log_format: LogFormat,

    /// The least important messages that are logged.
    #[arg(long, global = true, value_enum, default_value_t = LogLevel::Info)]
    log_level: LogLevel,

    #[command(subcommand)]
    command: Option<Command>,
}

const AFTER_HELP: &str = "\
Exit codes: 0 fine; 1 the thing asked about is bad, or something failed; 2 wrong usage or configuration.
Data goes to stdout, words to a person to stderr.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon (the default).
    Run,
    /// Have the running daemon read its configuration again.
    ///
    /// As SIGHUP does, and says what came of it. Unchanged checks go on as if nothing had happened; a file that cannot be
    /// used changes nothing. Exit code 0 when the file is in force, 2 when it was refused, 1 when no daemon answers.
    Reload(reload::Asked),
    /// Say everything that is wrong with a configuration, and how to mend it.
    ///
    /// Reads the file and all it includes, and prints every problem at once: where it is, what was found, what was expected.
    /// Touches neither the network nor a running daemon.
    Validate(validate::Asked),
    /// Run checks once, now, and show where the time went.
    ///
    /// Uses the same probers as the daemon and tells nobody: no series, no health. Exit code 0 if every run was good, 1 if
    /// any was not.
    Probe(probe::Asked),
    /// Say what the running daemon knows, without probing.
    ///
    /// Asks over the daemon's local socket. Exit code 0 if all that was asked about is up, 1 if something is not or no
    /// daemon answers, 2 if there is no such service or check.
    Status(status::Asked),
    /// Report how promises stood and what was down, over a window or a calendar period.
    ///
    /// Asks the running daemon, or reads stores at rest and merges what several vantages saw. As a table, json, csv, markdown,
    /// or one html file with plots that can be mailed.
    Report(report::Asked),
    /// Write what the store remembers as a file of results, for `replay` or for other programs.
    ///
    /// Reads the store without changing it, also beside a running daemon, and prints one JSON object a line: what
    /// each check said from when to when.
    #[command(after_help = export::AFTER_HELP)]
    Export(export::Asked),
    /// Turn a configuration of `blackbox_exporter` into probes, and its targets into services.
    ///
    /// Prints a `probes.toml`, with a comment for each thing that has no equal. Modules become `[probe.*]` tables under the same
    /// names, so that `/probe?module=…` finds them.
    Import(import::Asked),
    /// Say how the configured promises stood, from recorded results.
    ///
    /// Reads a file of results, one JSON object a line, and evaluates every promise of the configuration at the instants
    /// given, with the daemon's own arithmetic: to check the numbers, to see what another objective would have meant, or to judge
    /// results that another program recorded. Touches neither the network nor a running daemon. Exit code 0
    /// whatever the numbers say, 2 if a line is not a result.
    #[command(after_help = replay::AFTER_HELP)]
    Replay(replay::Asked),
    /// Write Prometheus recording and alerting rules for what is configured.
    ///
    /// Alerts on burning budgets, outages, certificates, failover and the monitor itself, with the owner's labels, and recording
    /// rules in the names of sloth. With several vantages every alert takes the agreement of a quorum of them.
    #[command(after_help = rules::AFTER_HELP)]
    Rules(rules::Asked),
    /// Announce planned work to the running daemon, see what is announced, end it.
    ///
    /// While a window holds, probing goes on, nobody is alerted, and the time counts neither as good nor as bad. Made for
    /// deploy jobs: `add` prints the id that `end` takes. A window may lie in the past, and changes the numbers shown for it.
    #[command(subcommand)]
    Maintenance(maintenance::Asked),
    /// Announce a planned failover of a public name, so that it is measured and not called silent.
    ///
    /// The daemon switches nothing: start the drill, switch the name, switch it back, end the drill. How long each step
    /// took is in `nephoscope_failover_seconds` and in the API.
    #[command(subcommand)]
    Drill(drill::Asked),
    /// Say whether the running daemon is ready: for the health check of a container.
    ///
    /// Asks over the local socket. Exit code 0 if it is, 1 if it is not or no daemon answers.
    Healthcheck(healthcheck::Asked),
    /// Read a password from stdin and print its hash, for `password_hash` of a user of the listener.
    ///
    /// One line; its end does not belong to the password. Each hash has a salt of its own. Pipe the password in: on a terminal
    /// it would be seen.
    HashPassword,
    /// Write the Grafana dashboards that belong to this version.
    ///
    /// Five files for Grafana's provisioning from disk (10.4 or later): overview, provider comparison, SLO and error budget,
    /// check, monitor health. Without --out they are listed.
    Dashboards(dashboards::Asked),
    /// Write the man pages of this version.
    ///
    /// One file a command, made of the same text as --help.
    Man(grammar::Pages),
    /// Print the completions for a shell.
    ///
    /// For bash: `source <(nephoscope completions bash)`. The Debian package installs them for bash, zsh and fish.
    Completions(grammar::Completions),
    /// Show everything on this machine alone: two simulated clouds, scripted outages, the real daemon, the page.
    ///
    /// Needs no network and no configuration; prints where to look and what happens when. Ctrl-C ends it.
    Demo(demo::Asked),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    /// As text; with fields to search by where stderr is systemd's journal.
    Auto,
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Arguments {
    fn log(&self) -> (logging::Format, LevelFilter) {
        let format = match self.log_format {
            LogFormat::Auto => logging::Format::Auto,
            LogFormat::Text => logging::Format::Text,
            LogFormat::Json => logging::Format::Json,
        };
        let level = match self.log_level {
            LogLevel::Error => LevelFilter::ERROR,
            LogLevel::Warn => LevelFilter::WARN,
            LogLevel::Info => LevelFilter::INFO,
            LogLevel::Debug => LevelFilter::DEBUG,
            LogLevel::Trace => LevelFilter::TRACE,
        };
        (format, level)
    }
}

/// Does what the arguments ask for.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(wrong) => {
            // A closed pipe is no reason to fail differently.
            let _ = wrong.print();
            return ExitCode::from(if wrong.use_stderr() { USAGE } else { FINE });
        }
    };
    let done = match &arguments.command {
        None | Some(Command::Run) => run::run(&arguments),
        Some(Command::Reload(asked)) => reload::run(&arguments, asked),
        Some(Command::Validate(asked)) => validate::run(&arguments, asked),
        Some(Command::Probe(asked)) => probe::run(&arguments, asked),
        Some(Command::Status(asked)) => status::run(&arguments, asked),
        Some(Command::Report(asked)) => report::run(&arguments, asked),
        Some(Command::Export(asked)) => export::run(&arguments, asked),
        Some(Command::Import(asked)) => import::run(&arguments, asked),
        Some(Command::Replay(asked)) => replay::run(&arguments, asked),
        Some(Command::Rules(asked)) => rules::run(&arguments, asked),
        Some(Command::Maintenance(asked)) => maintenance::run(&arguments, asked),
        Some(Command::Drill(asked)) => drill::run(&arguments, asked),
        Some(Command::Healthcheck(asked)) => healthcheck::run(&arguments, asked),
        Some(Command::HashPassword) => hash_password::run(),
        Some(Command::Dashboards(asked)) => dashboards::run(asked),
        Some(Command::Man(asked)) => grammar::pages(asked),
        Some(Command::Completions(asked)) => grammar::completions(asked),
        Some(Command::Demo(asked)) => demo::run(&arguments, asked),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::from(BAD)
        }
    }
}

/// One line for a person.
fn complain(words: &str) {
    // Nobody is left to tell if stderr is closed.
    let _ = writeln!(anstream::stderr().lock(), "nephoscope: {words}");
}
