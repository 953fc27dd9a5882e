//! `nephoscope probe`: checks once, now, without the daemon.
//!
//! Names of configured checks (or of a service, or `service/endpoint`, for all of its checks) or URLs; the same probers as
//! the daemon's, so what is seen here is what it sees. Runs go side by side, a bounded number at a time, and are printed in
//! the order asked for.
//!
//! It never touches series, health or the store. How a run is written is in `report`.

mod report;

use super::{Arguments, BAD, FINE, USAGE, complain, validate};
use crate::clock::{SystemClock, WallClock};
use crate::config;
use crate::model::{Cause, Check, Outcome, ProbeResult, Timestamp};
use crate::probe::tls::Roots;
use crate::probe::{Engine, Prober};
use crate::web::api::nearest;
use anyhow::Context as _;
use futures_util::StreamExt as _;
use std::io::Write as _;
use std::sync::Arc;

/// Runs side by side at most: enough to be quick, few enough not to measure each other.
const AT_ONCE: usize = 16;

#[derive(Debug, clap::Args)]
pub(super) struct Asked {
    /// What to look at: a check (`service/endpoint/probe`), all checks of a `service` or `service/endpoint`, or a URL
    /// (`https://…`, `tcp://host:port`, `tls://host:port`, `dns://server/name?type=A`,
    /// `icmp://host`, `grpc://host:port/service`, `exec:///program?arg=…`) [default: every configured check].
    #[arg(value_name = "CHECK|URL")]
    what: Vec<String>,

    /// How the runs are written.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// For people: the phases of each run as a waterfall.
    Human,
    /// An array with one object per run.
    Json,
    /// `probe_success` and friends, as a Prometheus page.
    Prometheus,
}

/// One run: the check, when it began, what it gave.
struct Run {
    check: Arc<Check>,
    at: Timestamp,
    result: ProbeResult,
}

pub(super) fn run(arguments: &Arguments, asked: &Asked) -> anyhow::Result<u8> {
    let needs_file = asked.what.is_empty() || asked.what.iter().any(|what| !is_url(what));
    let configured = if needs_file {
        match validate::load(&arguments.config) {
            Some(loaded) => loaded.config.checks,
            None => return Ok(USAGE),
        }
    } else {
        Vec::new()
    };
    let checks = match choose(&configured, &asked.what) {
        Ok(checks) => checks,
        Err(wrong) => {
            complain(&wrong);
            return Ok(USAGE);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let runs = runtime.block_on(probe_all(checks));
    let text = match asked.format {
        Format::Human => report::human(&runs, super::render::Paper::of_process()),
        Format::Json => report::json(&runs),
        Format::Prometheus => report::prometheus(&runs),
    };
    anstream::stdout().lock().write_all(text.as_bytes()).context("cannot write to stdout")?;
    let all_good = runs.iter().all(|run| run.result.outcome == Outcome::Good);
    Ok(if all_good { FINE } else { BAD })
}

fn is_url(what: &str) -> bool {
    what.contains("://")
}

/// The checks that were asked for, each once, in that order.
fn choose(configured: &[Arc<Check>], what: &[String]) -> Result<Vec<Arc<Check>>, String> {
    if what.is_empty() {
        return Ok(configured.to_vec());
    }
    let mut chosen: Vec<Arc<Check>> = Vec::new();
    for wanted in what {
        let found = if is_url(wanted) {
            vec![Arc::new(config::adhoc(wanted)?)]
        } else {
            let prefix = format!("{wanted}/");
            let belongs = |check: &&Arc<Check>| {
                check.id.as_str() == wanted || check.id.as_str().starts_with(&prefix)
            };
            configured.iter().filter(belongs).cloned().collect()
        };
        if found.is_empty() {
            return Err(unknown(configured, wanted));
        }
        for check in found {
            if !chosen.iter().any(|each| each.id == check.id) {
                chosen.push(check);
            }
        }
    }
    Ok(chosen)
}

fn unknown(configured: &[Arc<Check>], wanted: &str) -> String {
    let names = configured.iter().flat_map(|check| [&*check.service, check.id.as_str()]);
    let hint = nearest(wanted, names).map_or_else(
        || "expected a service, `service/endpoint`, `service/endpoint/probe` or a URL".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    format!("there is no check `{wanted}`: {hint}")
}

async fn probe_all(checks: Vec<Arc<Check>>) -> Vec<Run> {
    let engine = Arc::new(Engine::new(Roots::from_system(), Arc::new(SystemClock)).telling());
    let runs = checks.into_iter().map(|check| probe_one(check, Arc::clone(&engine)));
    futures_util::stream::iter(runs).buffered(AT_ONCE).collect().await
}

async fn probe_one(check: Arc<Check>, engine: Arc<Engine>) -> Run {
    let prober = Prober::build(&check.spec, &engine);
    let at = SystemClock.now();
    let result = match prober {
        Ok(prober) => prober.probe(check.shape.timeout).await,
        Err(error) => ProbeResult::unknown(Cause::Internal, error.to_string()),
    };
    Run { check, at, result }
}
