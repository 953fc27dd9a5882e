//! A report from stores at rest: one, or several vantages merged by quorum.
//!
//! The configuration says what was watched and promised; each store says what its vantage saw, up to its last heartbeat,
//! which is the instant of the report (the latest of them, with several). A store that cannot be read stays in the count
//! of vantages, so that its absence makes time unknown and not good, and the report names it. Frozen numbers are those of
//! one vantage and are left out where several are merged.
//!
//! It changes no store.

use super::refuse;
use crate::cli::{BAD, USAGE, complain, validate};
use crate::config::{Config, Loaded};
use crate::model::Timestamp;
use crate::monitor::form::Frozen;
use crate::monitor::outages::Outage;
use crate::monitor::vantages::{Seen, merge};
use crate::monitor::{outage_of, remember};
use crate::slo::quorum::majority;
use crate::store;
use crate::web::report::{Question, ReportForm, Source, VantageForm, make, zone};
use std::path::{Path, PathBuf};

/// What was read of one store.
struct Vantage {
    name: String,
    seen: Seen,
    outages: Vec<Outage>,
    frozen: Vec<Frozen>,
}

/// The report of these stores, or the exit code after saying why there is none.
pub(super) fn report(
    config: &Path,
    folders: &[PathBuf],
    quorum: Option<usize>,
    question: &Question,
) -> Result<ReportForm, u8> {
    let count = folders.len();
    let quorum = quorum.unwrap_or(majority(count));
    if quorum == 0 || quorum > count {
        complain(&format!(
            "`--quorum {quorum}` cannot be: there are {count} stores, so it is 1 to {count}"
        ));
        return Err(USAGE);
    }
    let Some(Loaded { config, .. }) = validate::load(config) else { return Err(USAGE) };
    let read: Vec<Result<Vantage, String>> =
        folders.iter().map(|folder| read(folder, &config)).collect();
    let latest = read.iter().flatten().map(|vantage| vantage.seen.upto).max();
    let Some(at) = latest else {
        for problem in read.iter().filter_map(|each| each.as_ref().err()) {
            complain(problem);
        }
        return Err(BAD);
    };
    let vantages = covered(folders, &read, question, at);
    let seen: Vec<Option<Seen>> =
        read.iter().map(|each| each.as_ref().ok().map(|vantage| vantage.seen.clone())).collect();
    let Some(merged) = merge(&seen, quorum) else { return Err(BAD) };
    let several = count > 1;
    let mut source = Source {
        zone: zone(&merged.book),
        book: &merged.book,
        at,
        outages: Vec::new(),
        frozen: Vec::new(),
        vantages,
        quorum: several.then_some(quorum),
        notices: notices(&read, several),
    };
    for vantage in read.into_iter().flatten() {
        let name = if several { vantage.name } else { String::new() };
        source.outages.extend(vantage.outages.into_iter().map(|outage| (name.clone(), outage)));
        if !several {
            source.frozen = vantage.frozen;
        }
    }
    make(&source, question).map_err(|wrong| refuse(&wrong))
}

/// What one store remembers; else a sentence why it cannot be read.
fn read(folder: &Path, config: &Config) -> Result<Vantage, String> {
    let reader = store::read(folder).map_err(|error| said(&error))?;
    let image = reader.image().map_err(|error| said(&error))?;
    let upto = Timestamp::from_millis(image.heartbeat_ms.unwrap_or(image.created_ms));
    let outages = reader.outages(i64::MIN, i64::MAX).map_err(|error| said(&error))?;
    let periods = reader.periods().map_err(|error| said(&error))?;
    Ok(Vantage {
        name: image.vantage.clone(),
        seen: Seen { book: remember(config, &image, upto), upto },
        outages: outages.iter().map(outage_of).collect(),
        frozen: periods.iter().filter_map(|period| Frozen::read(period).ok()).collect(),
    })
}

/// The error with what lies below it.
fn said(error: &store::Error) -> String {
    let mut text = error.to_string();
    let mut below = std::error::Error::source(error);
    while let Some(cause) = below {
        text = format!("{text}: {cause}");
        below = cause.source();
    }
    text
}

/// Who looked, and what each covered of the time that is reported; before anything is merged.
fn covered(
    folders: &[PathBuf],
    read: &[Result<Vantage, String>],
    question: &Question,
    at: Timestamp,
) -> Vec<VantageForm> {
    let of = |(folder, read): (&PathBuf, &Result<Vantage, String>)| {
        let folder = folder.display().to_string();
        match read {
            Ok(Vantage { name, seen, .. }) => {
                let mut form = VantageForm::at_rest(name, &folder, seen.upto);
                form.cover((&seen.book, seen.upto), question, &zone(&seen.book), at);
                form
            }
            Err(problem) => VantageForm::missing(&folder, problem.clone()),
        }
    };
    folders.iter().zip(read).map(of).collect()
}

/// What somebody should know of stores before reading.
fn notices(read: &[Result<Vantage, String>], several: bool) -> Vec<String> {
    let mut notices = Vec::new();
    let names: Vec<&str> = read.iter().flatten().map(|vantage| vantage.name.as_str()).collect();
    let twice = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name));
    if let Some((_, name)) = twice {
        notices.push(format!("two of the stores are of the vantage `{name}`: it counts twice"));
    }
    if several && read.iter().any(Result::is_err) {
        let unseen = "all time of a missing store is unknown; leave it out of the question to count without it";
        notices.push(unseen.to_owned());
    }
    if several && read.iter().flatten().any(|vantage| !vantage.frozen.is_empty()) {
        let left_out =
            "frozen periods are left out, since each is of one vantage; read one store to see them";
        notices.push(left_out.to_owned());
    }
    notices
}
