//! The desk: maintenance that is announced while the daemon runs, beside what the configuration has.
//!
//! It holds the one list of windows in force and tells the recorder of every change. The recorder takes the list over,
//! stores what was counted until then and only after that the window, so that a crash in between cannot let a counter go
//! back; the announcement is answered when all of it is on disk. It holds the recorder's channel weakly: nobody who keeps
//! a desk keeps the monitor from ending.
//!
//! It does not compute what a window takes out of a promise (`slo` does), and it changes no window of the configuration.

mod wish;

pub use wish::{LONGEST, Refused, Until, Wish};

use super::event::Event;
use super::heir::Lists;
use crate::clock::WallClock;
use crate::config::Config;
use crate::model::{
    Action, Check, Maintenance, MaintenancePhase, MaintenanceWhen, Matching, Service, Timestamp,
};
use crate::seed::stable_hash;
use crate::slo::history::KEEP;
use crate::slo::maintenance::excluded;
use crate::store::{self, Image, Opened, Store};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// Windows that are held at once, those that ended within [`KEEP`] included: a dozen deploys a day.
pub const MOST: usize = 5_000;

/// An announcement that is not on disk after this is answered all the same, and says so.
const STORED_WITHIN: Duration = Duration::from_secs(3);

/// An occurrence of a weekly window is looked for so far on either side of now.
const WEEK_AND_A_DAY: i64 = 8 * 86_400_000;

/// The desk. Cloning it clones a handle.
#[derive(Clone)]
pub struct Desk(Arc<Inner>);

struct Inner {
    checks: Arc<[Arc<Check>]>,
    services: Arc<[Service]>,
    zone: TimeZone,
    clock: Arc<dyn WallClock>,
    configured: Vec<Arc<Maintenance>>,
    /// One list for all configurations of this life.
    added: Arc<Mutex<Vec<Added>>>,
    store: Option<Store>,
    recorder: mpsc::WeakSender<Event>,
}

/// A window that was announced at run time.
#[derive(Clone, Debug)]
struct Added {
    /// As it is stored.
    fact: store::Maintenance,
    matching: Matching,
    /// As it is in force; `None` if it was called off before it began.
    window: Option<Arc<Maintenance>>,
}

/// A window as it is listed.
#[derive(Clone, Debug)]
pub struct WindowView {
    /// Names it.
    pub id: Arc<str>,
    /// Whether it stands in the configuration, where alone it can be changed.
    pub configured: bool,
    /// What it is about.
    pub matching: Matching,
    /// The text of a weekly window, as the configuration writes it.
    pub every: Option<String>,
    /// Whether it holds.
    pub phase: MaintenancePhase,
    /// Where it begins: of a weekly window the occurrence that holds or comes next.
    pub from: Timestamp,
    /// Where it ends, or was ended.
    pub to: Timestamp,
    /// By whom.
    pub by: Option<Arc<str>>,
    /// Why.
    pub reason: Option<Arc<str>>,
    /// When it was announced at run time.
    pub added: Option<Timestamp>,
    /// When it was ended before its time.
    pub ended: Option<Timestamp>,
    /// By whom.
    pub ended_by: Option<Arc<str>>,
}

/// What came of an announcement.
#[derive(Clone, Debug)]
pub struct Announced {
    /// The window.
    pub window: WindowView,
    /// How many checks it is about.
    pub checks: usize,
    /// Of which services.
    pub services: Vec<Arc<str>>,
    /// Whether it is on disk. Without a store, or while it cannot be written, a restart forgets the window.
    pub stored: bool,
}

impl Desk {
    /// The windows of the configuration, and those that `opened` remembers.
    pub fn new(
        config: &Config,
        (checks, services): (&Arc<[Arc<Check>]>, &Arc<[Service]>),
        opened: Option<&Opened>,
        clock: &Arc<dyn WallClock>,
        recorder: mpsc::WeakSender<Event>,
    ) -> Self {
        let added = opened.map_or_else(Vec::new, |opened| stored(&opened.image, clock.now()));
        Self(Arc::new(Inner {
            checks: Arc::clone(checks),
            services: Arc::clone(services),
            zone: config.monitor.timezone.clone(),
            clock: Arc::clone(clock),
            configured: configured(config),
            added: Arc::new(Mutex::new(added)),
            store: opened.map(|opened| opened.store.clone()),
            recorder,
        }))
    }

    /// The same for another configuration, with what was and will be announced at run time.
    pub(super) fn succeed(&self, config: &Config, lists: &Lists) -> Self {
        Self(Arc::new(Inner {
            checks: Arc::clone(&lists.checks),
            services: Arc::clone(&lists.services),
            zone: config.monitor.timezone.clone(),
            clock: Arc::clone(&self.0.clock),
            configured: configured(config),
            added: Arc::clone(&self.0.added),
            store: self.0.store.clone(),
            recorder: self.0.recorder.clone(),
        }))
    }

    /// Every window in force, for the past and what is to come.
    pub fn in_force(&self) -> Vec<Arc<Maintenance>> {
        let added = self.lock();
        let effective = added.iter().filter_map(|added| added.window.clone());
        self.0.configured.iter().cloned().chain(effective).collect()
    }

    /// Every window that is known: what holds, then what comes next, then what ended last.
    pub fn list(&self) -> Vec<WindowView> {
        let now = self.0.clock.now();
        let mut views: Vec<_> =
            self.0.configured.iter().map(|window| self.view_configured(window, now)).collect();
        views.extend(self.lock().iter().map(|added| view(added, now)));
        views.sort_by_key(|view| match view.phase {
            MaintenancePhase::Now => (view.phase, view.to.as_millis()),
            MaintenancePhase::ToCome => (view.phase, view.from.as_millis()),
            MaintenancePhase::Ended => (view.phase, -view.to.as_millis()),
        });
        views
    }

    /// Announces a window; answered when the recorder has it, and the disk if there is one that takes it.
    pub async fn add(&self, wish: Wish) -> Result<Announced, Refused> {
        let place = self.place().await?;
        let now = self.0.clock.now();
        let mut fact = wish.check(&self.0.checks, &self.0.services, now)?;
        let matching = matching_of(&fact.matching).expect("it was just written");
        let added = {
            let mut all = self.lock();
            all.retain(|added| is_kept(&added.fact, now));
            if all.len() >= MOST {
                return Err(Refused::TooMany);
            }
            fact.id = new_id(&fact, |id| all.iter().any(|added| added.fact.id == id));
            let added = Added::new(fact, matching);
            all.push(added.clone());
            added
        };
        let store::Maintenance { id, by, reason, .. } = &added.fact;
        tracing::info!(action = Action::MaintenanceAnnounced.as_str(), id, by, why = reason, matching = %added.matching, "maintenance was announced");
        self.announce(place, added, now).await
    }

    /// Ends a window now, before its time; one that has not begun is called off.
    pub async fn end(&self, id: &str, by: &str) -> Result<Announced, Refused> {
        wish::accept_text("by", by, wish::LONGEST_BY)?;
        let place = self.place().await?;
        let now = self.0.clock.now();
        let ended = {
            let mut all = self.lock();
            let Some(added) = all.iter_mut().find(|added| added.fact.id == id) else {
                return Err(self.unknown(id, &all));
            };
            let until = end_of(&added.fact);
            if added.fact.ended_ms.is_some() || until <= now {
                return Err(Refused::Ended { id: id.to_owned(), at: until });
            }
            let mut fact = added.fact.clone();
            fact.ended_ms = Some(now.as_millis());
            fact.ended_by = Some(by.to_owned()).filter(|by| !by.is_empty());
            *added = Added::new(fact, added.matching.clone());
            added.clone()
        };
        tracing::info!(action = Action::MaintenanceEnded.as_str(), id, by, "maintenance was ended");
        self.announce(place, ended, now).await
    }

    /// A place in the recorder's channel. It is had before the list is changed: somebody who stops waiting for the answer
    /// then changes either both or nothing.
    async fn place(&self) -> Result<mpsc::OwnedPermit<Event>, Refused> {
        let recorder = self.0.recorder.upgrade().ok_or(Refused::Stopping)?;
        recorder.reserve_owned().await.map_err(|_| Refused::Stopping)
    }

    /// Has the recorder take the list over and store this change.
    async fn announce(
        &self,
        place: mpsc::OwnedPermit<Event>,
        added: Added,
        now: Timestamp,
    ) -> Result<Announced, Refused> {
        let (done, mut told) = mpsc::channel(1);
        // What it gives back is a sender, which would keep the recorder from ending.
        drop(place.send(Event::Maintenance { fact: Box::new(added.fact.clone()), done }));
        told.recv().await.ok_or(Refused::Stopping)?;
        let stored = match &self.0.store {
            Some(store) => tokio::time::timeout(STORED_WITHIN, store.flush()).await,
            None => Ok(Ok(false)),
        };
        let (checks, services) = wish::reach(&self.0.checks, &self.0.services, &added.matching);
        let stored = matches!(stored, Ok(Ok(true)));
        Ok(Announced { window: view(&added, now), checks, services, stored })
    }

    fn unknown(&self, id: &str, all: &[Added]) -> Refused {
        if self.0.configured.iter().any(|window| *window.id == *id) {
            return Refused::Configured { id: id.to_owned() };
        }
        let known = all.iter().map(|added| added.fact.id.clone()).collect();
        Refused::NoWindow { id: id.to_owned(), known }
    }

    fn view_configured(&self, window: &Maintenance, now: Timestamp) -> WindowView {
        let (every, (from, to)) = match window.when {
            MaintenanceWhen::Once { from, to } => (None, (from, to)),
            MaintenanceWhen::Weekly { .. } => {
                let around = (now.shifted(-WEEK_AND_A_DAY), now.shifted(WEEK_AND_A_DAY));
                let times = excluded([window], &self.0.zone, around.0, around.1);
                let next = times.into_iter().find(|(_, to)| *to > now).unwrap_or(around);
                (Some(window.when.to_string()), next)
            }
        };
        WindowView {
            id: Arc::clone(&window.id),
            configured: true,
            matching: window.matching.clone(),
            every,
            phase: phase(from, to, now),
            from,
            to,
            by: window.by.clone(),
            reason: window.reason.clone(),
            added: None,
            ended: None,
            ended_by: None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Added>> {
        self.0.added.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Added {
    fn new(fact: store::Maintenance, matching: Matching) -> Self {
        let (from, to) = (Timestamp::from_millis(fact.from_ms), end_of(&fact));
        let text = |text: &str| Some(text).filter(|text| !text.is_empty()).map(Arc::from);
        let window = (from < to).then(|| {
            Arc::new(Maintenance {
                id: fact.id.as_str().into(),
                matching: matching.clone(),
                when: MaintenanceWhen::Once { from, to },
                by: text(&fact.by),
                reason: text(&fact.reason),
            })
        });
        Self { fact, matching, window }
    }
}

/// The windows in force after a start: those of the configuration, and what `image` remembers.
pub(super) fn remembered(config: &Config, image: &Image, now: Timestamp) -> Vec<Arc<Maintenance>> {
    let added = stored(image, now).into_iter().filter_map(|added| added.window);
    configured(config).into_iter().chain(added).collect()
}

fn configured(config: &Config) -> Vec<Arc<Maintenance>> {
    config.maintenance.iter().cloned().map(Arc::new).collect()
}

fn stored(image: &Image, now: Timestamp) -> Vec<Added> {
    let kept = image.maintenance.iter().filter(|fact| is_kept(fact, now));
    let read = |fact: &store::Maintenance| {
        let Some(matching) = matching_of(&fact.matching) else {
            tracing::error!(
                action = Action::MaintenanceUnreadable.as_str(),
                id = fact.id,
                "stored maintenance cannot be read; it is left out"
            );
            return None;
        };
        Some(Added::new(fact.clone(), matching))
    };
    kept.filter_map(read).collect()
}

/// Whether any history that is kept can have been under it.
fn is_kept(fact: &store::Maintenance, now: Timestamp) -> bool {
    now.since(end_of(fact)) < KEEP
}

/// Where it ends: as announced, or as it was ended.
fn end_of(fact: &store::Maintenance) -> Timestamp {
    Timestamp::from_millis(fact.ended_ms.map_or(fact.to_ms, |ended| ended.min(fact.to_ms)))
}

/// What is stored of a match: its table as JSON.
fn matching_of(text: &str) -> Option<Matching> {
    serde_json::from_str::<BTreeMap<String, Vec<String>>>(text).ok().map(Matching::from)
}

/// Short enough to be typed; that of no other window.
fn new_id(fact: &store::Maintenance, is_taken: impl Fn(&str) -> bool) -> String {
    let store::Maintenance { matching, added_ms, from_ms, to_ms, .. } = fact;
    let id = |salt: u32| {
        let hash = stable_hash(&format!("{matching}\n{added_ms}\n{from_ms}\n{to_ms}\n{salt}"));
        format!("m-{:08x}", hash >> 32)
    };
    let salts = 0..=u32::try_from(MOST).expect("it is small");
    salts.map(id).find(|id| !is_taken(id)).expect("there are more ids than windows")
}

fn phase(from: Timestamp, to: Timestamp, now: Timestamp) -> MaintenancePhase {
    if to <= now || to <= from {
        MaintenancePhase::Ended
    } else if from <= now {
        MaintenancePhase::Now
    } else {
        MaintenancePhase::ToCome
    }
}

fn view(added: &Added, now: Timestamp) -> WindowView {
    let fact = &added.fact;
    let text = |text: &str| Some(text).filter(|text| !text.is_empty()).map(Arc::from);
    let (from, to) = (Timestamp::from_millis(fact.from_ms), end_of(fact));
    WindowView {
        id: fact.id.as_str().into(),
        configured: false,
        matching: added.matching.clone(),
        every: None,
        phase: phase(from, to, now),
        from,
        to,
        by: text(&fact.by),
        reason: text(&fact.reason),
        added: Some(Timestamp::from_millis(fact.added_ms)),
        ended: fact.ended_ms.map(Timestamp::from_millis),
        ended_by: fact.ended_by.as_deref().and_then(text),
    }
}

#[cfg(test)]
mod tests;
