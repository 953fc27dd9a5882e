//! Drills: a failover that is meant, announced before it happens and ended when it is over.
//!
//! One of a service at a time. Starting and ending go through the recorder, which stores them first, and are answered when all
//! of that is on disk. Like the desk it holds the recorder's channel weakly.
//!
//! It switches nothing itself: whoever drills does.

use super::desk::Refused;
use super::entries::Entries;
use super::event::Event;
use crate::clock::WallClock;
use crate::model::{Action, Service};
use crate::store::{self, Store};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// Letters of a name or reason at most.
const LONGEST: usize = 500;

/// A drill that is not on disk after this is answered all the same, and says so.
const STORED_WITHIN: Duration = Duration::from_secs(3);

/// Where drills are started and ended. Cloning it clones a handle.
#[derive(Clone)]
pub struct Drills(Arc<Inner>);

struct Inner {
    services: Arc<[Service]>,
    entries: Entries,
    clock: Arc<dyn WallClock>,
    store: Option<Store>,
    recorder: mpsc::WeakSender<Event>,
    /// Drills that are on, so that two who start one at the same moment do not both succeed.
    on: Arc<Mutex<Vec<store::Drill>>>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Drilled {
    /// The drill as it is now.
    pub drill: store::Drill,
    /// Whether it is on disk.
    pub stored: bool,
}

/// Why a drill was not started or ended.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NoDrill {
    /// No such service.
    #[error("there is no service `{name}`")]
    NoService {
        /// What was asked for.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// It has no public name.
    #[error("service `{name}` has no public name that could fail over (`[service.{name}.entry]`)")]
    NoEntry {
        /// Which.
        name: String,
    },
    /// One is on.
    #[error("a drill of `{name}` is on already")]
    IsOn {
        /// Which.
        name: String,
    },
    /// None is on.
    #[error("no drill of `{name}` is on")]
    IsOff {
        /// Which.
        name: String,
    },
    /// A text that is none, or a daemon that stops.
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl Drills {
    /// Drills of these services; those that are on are known to `entries`.
    pub fn new(
        services: &Arc<[Service]>,
        entries: &Entries,
        store: Option<Store>,
        clock: &Arc<dyn WallClock>,
        recorder: mpsc::WeakSender<Event>,
    ) -> Self {
        let mut last = Vec::new();
        entries.each(|watched| {
            last.extend(watched.drills.back().filter(|drill| drill.ended_ms.is_none()).cloned());
        });
        Self(Arc::new(Inner {
            services: Arc::clone(services),
            entries: entries.clone(),
            clock: Arc::clone(clock),
            store,
            recorder,
            on: Arc::new(Mutex::new(last)),
        }))
    }

    /// The same for the services of another configuration.
    pub(super) fn succeed(&self, services: &Arc<[Service]>, entries: &Entries) -> Self {
        Self(Arc::new(Inner {
            services: Arc::clone(services),
            entries: entries.clone(),
            clock: Arc::clone(&self.0.clock),
            store: self.0.store.clone(),
            recorder: self.0.recorder.clone(),
            on: Arc::clone(&self.0.on),
        }))
    }

    /// Drills that are held, the newest first.
    pub fn list(&self) -> Vec<store::Drill> {
        let mut all = Vec::new();
        self.0.entries.each(|watched| all.extend(watched.drills.iter().cloned()));
        all.sort_by_key(|drill| std::cmp::Reverse(drill.started_ms));
        all
    }

    /// Starts a drill of this service.
    pub async fn start(&self, name: &str, by: &str, reason: &str) -> Result<Drilled, NoDrill> {
        accept("by", by)?;
        accept("reason", reason)?;
        self.find(name)?;
        let place = self.place().await?;
        let now = self.0.clock.now().as_millis();
        let drill = store::Drill {
            id: format!("{name}/{now}"),
            service: name.to_owned(),
            started_ms: now,
            by: by.to_owned(),
            reason: reason.to_owned(),
            ended_ms: None,
            ended_by: None,
        };
        {
            let mut on = self.0.on.lock().unwrap_or_else(PoisonError::into_inner);
            if on.iter().any(|each| each.service == name) {
                return Err(NoDrill::IsOn { name: name.to_owned() });
            }
            on.push(drill.clone());
        }
        tracing::info!(
            action = Action::DrillStarted.as_str(),
            service = name,
            by,
            why = reason,
            "a drill was started"
        );
        self.announce(place, drill).await
    }

    /// Ends the drill of this service.
    pub async fn end(&self, name: &str, by: &str) -> Result<Drilled, NoDrill> {
        accept("by", by)?;
        self.find(name)?;
        let place = self.place().await?;
        let drill = {
            let mut on = self.0.on.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(at) = on.iter().position(|each| each.service == name) else {
                return Err(NoDrill::IsOff { name: name.to_owned() });
            };
            on.remove(at)
        };
        let now = self.0.clock.now().as_millis().max(drill.started_ms);
        let ended_by = Some(by.to_owned()).filter(|by| !by.is_empty());
        let drill = store::Drill { ended_ms: Some(now), ended_by, ..drill };
        tracing::info!(
            action = Action::DrillEnded.as_str(),
            service = name,
            by,
            "a drill was ended"
        );
        self.announce(place, drill).await
    }

    fn find(&self, name: &str) -> Result<(), NoDrill> {
        let services = &self.0.services;
        let Some(position) = services.iter().position(|service| *service.name == *name) else {
            let known = services.iter().map(|service| service.name.to_string()).collect();
            return Err(NoDrill::NoService { name: name.to_owned(), known });
        };
        if services[position].entry.is_none() {
            return Err(NoDrill::NoEntry { name: name.to_owned() });
        }
        Ok(())
    }

    /// A place in the recorder's channel, had before anything changes.
    async fn place(&self) -> Result<mpsc::OwnedPermit<Event>, Refused> {
        let recorder = self.0.recorder.upgrade().ok_or(Refused::Stopping)?;
        recorder.reserve_owned().await.map_err(|_| Refused::Stopping)
    }

    async fn announce(
        &self,
        place: mpsc::OwnedPermit<Event>,
        drill: store::Drill,
    ) -> Result<Drilled, NoDrill> {
        let (done, mut told) = mpsc::channel(1);
        // What it gives back is a sender, which would keep the recorder from ending.
        let service = drill.service.as_str().into();
        drop(place.send(Event::Drill { service, fact: Box::new(drill.clone()), done }));
        told.recv().await.ok_or(Refused::Stopping)?;
        let stored = match &self.0.store {
            Some(store) => tokio::time::timeout(STORED_WITHIN, store.flush()).await,
            None => Ok(Ok(false)),
        };
        Ok(Drilled { drill, stored: matches!(stored, Ok(Ok(true))) })
    }
}

fn accept(field: &'static str, text: &str) -> Result<(), Refused> {
    if text.chars().count() > LONGEST || text.chars().any(char::is_control) {
        return Err(Refused::BadText { field, most: LONGEST });
    }
    Ok(())
}
