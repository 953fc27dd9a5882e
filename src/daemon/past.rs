//! What reports are made of while the daemon runs: the living past, and what the store has kept of it.
//!
//! Outages that ended before the last start and closed periods are read from the store when somebody asks, by a reader of
//! its own, so that asking holds up neither the recorder nor the writer. What cannot be read is said in the log, and the
//! report has what is in memory.
//!
//! It decides nothing about what is in a report.

use crate::clock::WallClock;
use crate::model::Action;
use crate::monitor::Plan;
use crate::monitor::entries::Entries;
use crate::monitor::form::Frozen;
use crate::monitor::outages::Outage;
use crate::slo::history::KEEP;
use crate::store::{self, Drill, Failover, Reader, Reading, Store};
use crate::web::{Answer, Past};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

/// How far back outages that have ended are recalled at the start, to be shown.
const RECENT: i64 = 7 * 86_400_000;

/// Where reports come from; `folder` is that of the store, if there is one.
pub(super) fn past(plan: &Plan, folder: Option<PathBuf>, clock: &Arc<dyn WallClock>) -> Past {
    let living = Arc::clone(&plan.outages);
    let since = clock.now().shifted(-RECENT).as_millis();
    for outage in read(folder.as_deref(), |reader| reader.outages(since, i64::MAX)) {
        if outage.ended_ms.is_some() {
            let mut living = living.lock().unwrap_or_else(PoisonError::into_inner);
            living.recall(None, Outage::recalled(&outage));
        }
    }
    let (down, canaries) = (Arc::clone(&living), Arc::clone(&living));
    let incidents = move || down.lock().unwrap_or_else(PoisonError::into_inner).incidents();
    let canaries =
        move || canaries.lock().unwrap_or_else(PoisonError::into_inner).canaries().to_vec();
    let recent = Arc::clone(&living);
    let recent = move || recent.lock().unwrap_or_else(PoisonError::into_inner).list();
    let (failovers, drills) = of_names(&plan.entries, folder.clone(), clock);
    let (clock, kept) = (Arc::clone(clock), folder.clone());
    let outages = move || {
        let mut outages = living.lock().unwrap_or_else(PoisonError::into_inner).list();
        let known: BTreeSet<Arc<str>> = outages.iter().map(|each| Arc::clone(&each.id)).collect();
        let from = oldest(&*clock);
        let stored = read(kept.as_deref(), |reader| reader.outages(from, i64::MAX));
        let stored = stored.iter().map(Outage::recalled);
        outages.extend(stored.filter(|outage| !known.contains(&outage.id)));
        outages
    };
    let frozen = move || {
        let periods = read(folder.as_deref(), Reader::periods);
        periods.iter().filter_map(|period| Frozen::read(period).ok()).collect()
    };
    Past {
        book: plan.book.clone(),
        outages: Arc::new(outages),
        failovers,
        drills,
        incidents: Arc::new(incidents),
        canaries: Arc::new(canaries),
        recent: Arc::new(recent),
        frozen: Arc::new(frozen),
    }
}

/// All that can be asked for began after this.
fn oldest(clock: &dyn WallClock) -> i64 {
    let keep = i64::try_from(KEEP.as_millis()).expect("some hundred days");
    clock.now().shifted(-keep).as_millis()
}

type Ask<T> = Arc<dyn Fn() -> Vec<T> + Send + Sync>;

/// Failovers and drills: those in memory, as they are now, and older ones from the store.
fn of_names(
    entries: &Entries,
    folder: Option<PathBuf>,
    clock: &Arc<dyn WallClock>,
) -> (Ask<Failover>, Ask<Drill>) {
    let (living, kept, now) = (entries.clone(), folder.clone(), Arc::clone(clock));
    let failovers = move || {
        let from = oldest(&*now);
        let stored = read(kept.as_deref(), |reader| reader.failovers(from, i64::MAX));
        newest(living.failovers(), stored, |failover| &failover.id)
    };
    let (living, now) = (entries.clone(), Arc::clone(clock));
    let drills = move || {
        let from = oldest(&*now);
        let stored = read(folder.as_deref(), |reader| reader.drills(from, i64::MAX));
        newest(living.drills(), stored, |drill| &drill.id)
    };
    (Arc::new(failovers), Arc::new(drills))
}

/// What lives, and of what is stored that which does not.
fn newest<T>(mut living: Vec<T>, stored: Vec<T>, id: impl Fn(&T) -> &String) -> Vec<T> {
    let known: BTreeSet<String> = living.iter().map(|each| id(each).clone()).collect();
    living.extend(stored.into_iter().filter(|each| !known.contains(id(each))));
    living
}

/// Whether history is being kept, or why not.
pub(super) fn keeping(store: Option<Store>) -> Answer {
    Arc::new(move || {
        let Some(store) = &store else {
            return Err("history is not being kept: the store could not be opened at the start (see the notices); what is shown is forgotten when the daemon ends".to_owned());
        };
        let Reading { healthy, pending, lost, .. } = store.stats().read();
        if healthy {
            return Ok(());
        }
        let lost: u64 = lost.iter().sum();
        let lost =
            if lost > 0 { format!("; {lost} records are lost already") } else { String::new() };
        Err(format!(
            "history is not being kept: the store cannot be written, {pending} results wait in memory{lost}"
        ))
    })
}

/// What `ask` reads; nothing if there is no store or it cannot be read.
fn read<T>(
    folder: Option<&Path>,
    ask: impl FnOnce(&Reader) -> Result<Vec<T>, store::Error>,
) -> Vec<T> {
    let Some(folder) = folder else { return Vec::new() };
    store::read(folder).and_then(|reader| ask(&reader)).unwrap_or_else(|error| {
        tracing::warn!(
            action = Action::ReportIncomplete.as_str(),
            error = error.to_string(),
            "a report lacks what the store has kept"
        );
        Vec::new()
    })
}
