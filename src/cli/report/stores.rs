//! A report from stores at rest: one, or several vantages merged by quorum.
//!
//! The configuration says what was watched and promised; each store says what its vantage saw, up to its last heartbeat,
//! which is the instant of the report (the latest of them, with several). A store that cannot be read stays in the count
//! of vantages, so that its absence makes time unknown and not good, and the report names it. Frozen numbers are those of
//! one vantage and are left out where several are merged.
//!
//! It changes no store.

use super::refuse;
use super::words::Clock;
use crate::cli::{BAD, USAGE, complain, validate};
use crate::config::{Config, Loaded};
use crate::model::Timestamp;
use crate::monitor::form::Frozen;
use crate::monitor::outages::Outage;
use crate::monitor::remember;
use crate::monitor::vantages::{Seen, merge};
use crate::slo::quorum::majority;
use crate::slo::window::Span;
use crate::store::{self, Image, Promise};
use crate::web::report::{Question, ReportForm, Source, VantageForm, make, zone};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What was read of one store.
struct Vantage {
    name: String,
    seen: Seen,
    outages: Vec<Outage>,
    failovers: Vec<store::Failover>,
    drills: Vec<store::Drill>,
    frozen: Vec<Frozen>,
    promises: Vec<Promise>,
}

/// As it was stored.
struct Stored {
    image: Image,
    outages: Vec<store::Outage>,
    failovers: Vec<store::Failover>,
    drills: Vec<store::Drill>,
    periods: Vec<store::Period>,
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
    let mut stored: Vec<Result<Stored, String>> =
        folders.iter().map(|folder| read(folder)).collect();
    share_maintenance(&mut stored);
    let read: Vec<Result<Vantage, String>> =
        stored.into_iter().map(|stored| Ok(Vantage::new(stored?, &config))).collect();
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
        failovers: Vec::new(),
        drills: Vec::new(),
        frozen: Vec::new(),
        vantages,
        quorum: several.then_some(quorum),
        notices: notices(&read, &changes(&read, question, at)),
    };
    for vantage in read.into_iter().flatten() {
        let name = if several { vantage.name } else { String::new() };
        source.outages.extend(named(&name, vantage.outages));
        source.failovers.extend(named(&name, vantage.failovers));
        source.drills.extend(named(&name, vantage.drills));
        if !several {
            source.frozen = vantage.frozen;
        }
    }
    make(&source, question).map_err(|wrong| refuse(&wrong))
}

/// Each with the vantage that saw it.
fn named<T>(vantage: &str, seen: Vec<T>) -> impl Iterator<Item = (String, T)> {
    seen.into_iter().map(move |each| (vantage.to_owned(), each))
}

/// What one store has; else a sentence why it cannot be read.
fn read(folder: &Path) -> Result<Stored, String> {
    let reader = store::read(folder).map_err(|error| said(&error))?;
    let image = reader.image().map_err(|error| said(&error))?;
    let outages = reader.outages(i64::MIN, i64::MAX).map_err(|error| said(&error))?;
    let failovers = reader.failovers(i64::MIN, i64::MAX).map_err(|error| said(&error))?;
    let drills = reader.drills(i64::MIN, i64::MAX).map_err(|error| said(&error))?;
    let periods = reader.periods().map_err(|error| said(&error))?;
    Ok(Stored { image, outages, failovers, drills, periods })
}

/// Planned work is planned whoever was told of it: a window that one vantage knows holds for all.
fn share_maintenance(stored: &mut [Result<Stored, String>]) {
    let mut all: BTreeMap<String, store::Maintenance> = BTreeMap::new();
    for window in stored.iter().flatten().flat_map(|stored| &stored.image.maintenance) {
        let known = all.entry(window.id.clone()).or_insert_with(|| window.clone());
        if known.ended_ms.is_none() {
            known.clone_from(window);
        }
    }
    for stored in stored.iter_mut().flatten() {
        stored.image.maintenance = all.values().cloned().collect();
    }
}

impl Vantage {
    fn new(stored: Stored, config: &Config) -> Self {
        let Stored { image, outages, failovers, drills, periods } = stored;
        let upto = Timestamp::from_millis(image.heartbeat_ms.unwrap_or(image.created_ms));
        Self {
            name: image.vantage.clone(),
            seen: Seen { book: remember(config, &image, upto), upto },
            outages: outages.iter().map(Outage::recalled).collect(),
            failovers,
            drills,
            frozen: periods.iter().filter_map(|period| Frozen::read(period).ok()).collect(),
            promises: image.promises,
        }
    }
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
fn notices(read: &[Result<Vantage, String>], changes: &BTreeSet<String>) -> Vec<String> {
    let several = read.len() > 1;
    let mut notices: Vec<String> = changes.iter().cloned().collect();
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

/// Promises that changed in the reported time (S18), a sentence each: the numbers are for what is promised now.
fn changes(
    read: &[Result<Vantage, String>],
    question: &Question,
    at: Timestamp,
) -> BTreeSet<String> {
    let mut changes = BTreeSet::new();
    for Vantage { seen, promises, .. } in read.iter().flatten() {
        let zone = zone(&seen.book);
        for service in seen.book.services() {
            for objective in &service.objectives {
                let span = question.span(&zone, at);
                let span = span.unwrap_or_else(|| Span::at(objective.window, &zone, at));
                let of_slo = |promise: &&Promise| {
                    promise.service == *service.name && promise.slo == *objective.name
                };
                // The first one is no change.
                for change in promises.iter().filter(of_slo).skip(1) {
                    let from = Timestamp::from_millis(change.from_ms);
                    if span.from < from && from < span.to {
                        changes.insert(format!(
                            "`{}` of `{}` was promised differently before {}; its numbers are for what is promised now",
                            objective.name,
                            service.name,
                            Clock::new(&zone).moment(from.into()),
                        ));
                    }
                }
            }
        }
    }
    changes
}
