//! What the web shows: the tables of the configuration in force, seen from outside.
//!
//! A [`Mirror`] has what lasts from start to stop, and makes a face of every view that there is in that time.
//!
//! It decides nothing about what is shown.

use super::past;
use crate::metrics::{Exposition, Own};
use crate::monitor::demand::Demands;
use crate::monitor::outages::Outages;
use crate::monitor::peers::Answers;
use crate::monitor::{View, Vitals, numbers};
use crate::push::Tally;
use crate::store::Store;
use crate::web::reload::Reload;
use crate::web::{Face, Past};
use axum::body::Body;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// Expositions that are read at the same time; each holds a copy of every row.
const READERS: usize = 16;

/// What lasts from start to stop of what the web shows.
pub(super) struct Mirror {
    pub(super) past: Past,
    pub(super) own: Own,
    /// What each way to a receiver counts.
    pub(super) tallies: Vec<Arc<Tally>>,
    pub(super) store: Option<Store>,
    pub(super) vantage: Arc<str>,
    pub(super) outages: Arc<Mutex<Outages>>,
    pub(super) vitals: Vitals,
    /// What other vantage points say.
    pub(super) answers: Arc<[Answers]>,
    pub(super) reload: Reload,
    /// Runs probes on demand, those of the configuration in force.
    pub(super) demands: Demands,
}

impl Mirror {
    /// The face of a view.
    pub(super) fn face(&self, view: &View) -> Face {
        let (alive, ready) = (self.vitals.clone(), self.vitals.clone());
        let vouch = view.vouch.clone();
        Face {
            picture: Arc::new(view.board.clone()),
            past: Past { book: view.book.clone(), ..self.past.clone() },
            desk: view.desk.clone(),
            references: view.references.clone(),
            entries: view.entries.clone(),
            drills: view.drills.clone(),
            vouch: Arc::new(move || vouch.said()),
            demands: self.demands.clone(),
            reload: self.reload.clone(),
            keeping: past::keeping(self.store.clone()),
            alive: Arc::new(move || alive.alive()),
            ready: Arc::new(move || ready.ready()),
            metrics: self.metrics(view.clone()),
        }
    }

    fn metrics(&self, view: View) -> Arc<dyn Fn() -> Option<Body> + Send + Sync> {
        let (own, tallies, store) = (self.own.clone(), self.tallies.clone(), self.store.clone());
        let (vantage, outages) = (Arc::clone(&self.vantage), Arc::clone(&self.outages));
        let readers = Arc::new(Semaphore::new(READERS));
        let answers = Arc::clone(&self.answers);
        let View { board, book, references, entries, table, .. } = view;
        Arc::new(move || {
            let place = Arc::clone(&readers).try_acquire_owned().ok()?;
            let about = board.about();
            own.set_in_flight(about.in_flight);
            for tally in &tallies {
                own.set_push(&numbers::push(tally));
            }
            own.set_store(&numbers::store(store.as_ref().map(Store::stats)));
            let promises = numbers::promises(&book, &vantage, about.now);
            let mut samples = numbers::samples(&references, &entries, &vantage);
            let down = outages.lock().unwrap_or_else(PoisonError::into_inner);
            samples.extend(numbers::outages(&book, &down, &vantage));
            samples.extend(numbers::peers(&answers, &vantage));
            drop(down);
            let chunks = Exposition::new(Arc::clone(&table), own.text(), promises)
                .with_exposures(numbers::exposures(&book))
                .with_samples(samples);
            let chunks = chunks.map(move |chunk| {
                let _held = &place;
                Ok::<_, io::Error>(chunk)
            });
            Some(Body::from_stream(futures_util::stream::iter(chunks)))
        })
    }
}
