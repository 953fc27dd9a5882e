//! `nephoscope export`: the time lines of the store as a file of results that `replay` reads.
//!
//! The store is only read, at rest or beside a running daemon. A line stands for a stretch in which a check said the same, with
//! `until` where it ends, so that a healthy month is one line. Replayed with the same configuration, every number comes out
//! as the daemon has it, but for two things: maintenance that was announced at run time is not in the file (that is said), and
//! where a flapping past was coalesced, the file has its amounts without their places.
//!
//! How a check becomes lines is in `stretch`; what a daemon would make of the store, in `monitor`.

mod stretch;

use super::results::Written;
use super::results::moment::moment;
use super::{Arguments, FINE, USAGE, complain, validate};
use crate::clock::{SystemClock, WallClock as _};
use crate::config::Config;
use crate::model::{CheckId, Timestamp};
use crate::monitor::book::Book;
use crate::monitor::remember;
use crate::store;
use anyhow::Context as _;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::PathBuf;

/// What stands below the options.
pub(super) const AFTER_HELP: &str = "\
A line stands for a stretch of time in which a check said the same, `t` to `until`. A good stretch that was slower than the
`threshold` of a promise has a `latency_ms` just above it: the thresholds of the configuration are kept apart, not each latency.

Example: nephoscope export > past.ndjson && nephoscope replay --results past.ndjson --at 2026-11-01T00:00:00Z";

#[derive(Debug, clap::Args)]
pub(super) struct Asked {
    /// The folder of the store [default: `monitor.state` of the configuration].
    #[arg(long, value_name = "FOLDER")]
    store: Option<PathBuf>,

    /// Nothing before this: Unix seconds or RFC 3339 [default: all that is kept].
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<Timestamp>,

    /// Nothing from here on: Unix seconds or RFC 3339 [default: now].
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Option<Timestamp>,
}

pub(super) fn run(arguments: &Arguments, asked: &Asked) -> anyhow::Result<u8> {
    let Some(loaded) = validate::load(&arguments.config) else {
        return Ok(USAGE);
    };
    let config = &loaded.config;
    let folder = asked.store.as_deref().unwrap_or(&config.monitor.state);
    let image = store::read(folder)
        .and_then(|reader| reader.image())
        .with_context(|| format!("cannot export `{}`", folder.display()))?;
    if !image.maintenance.is_empty() {
        complain(
            "maintenance that was announced at run time is not in the file; for the same numbers put it into `[[maintenance]]`",
        );
    }
    let now = SystemClock.now();
    let book = remember(config, &image, now);
    let to = asked.to.unwrap_or(now);
    let during = asked.from.unwrap_or_default().min(to)..to;
    let mut out = BufWriter::new(anstream::stdout().lock());
    write(&book, config, &during, &mut out)
        .and_then(|()| out.flush())
        .context("cannot write to stdout")?;
    Ok(FINE)
}

/// Every check of every service, one after the other.
fn write(
    book: &Book,
    config: &Config,
    during: &Range<Timestamp>,
    out: &mut impl Write,
) -> std::io::Result<()> {
    for (number, service) in config.services.iter().enumerate() {
        let ids = service.checks().map(|check| config.checks[check.get()].id.clone());
        let ids: Vec<CheckId> = ids.collect();
        let entry = service.entry.as_ref().map(|entry| entry.check_id(&service.name));
        book.with(number, |history| {
            for (id, past) in ids.iter().zip(history.checks()) {
                let lines = stretch::lines(id.as_str(), past, during);
                // An entry that was never looked at has no results and no rows.
                if Some(id) == entry.as_ref() && lines.iter().all(Written::is_unknown) {
                    continue;
                }
                for line in lines {
                    serde_json::to_writer(&mut *out, &line)?;
                    out.write_all(b"\n")?;
                }
            }
            Ok::<_, std::io::Error>(())
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
