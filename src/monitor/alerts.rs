//! Which alerts there are: from what should be told now to what is told, with memory.
//!
//! What should be told comes as [`Sign`]s, made in [`signs`] from outages and from promises whose budget burns and from the state of the monitor itself. An
//! alert about an outage begins and ends with it. One about a condition ends only when that has not held for [`CALM`], so that
//! a burn rate around its threshold is one alert and not many. What has ended is held until everybody can have learnt of it;
//! what each webhook was told is held with it, so that a start after a crash goes on where the last life stopped.
//!
//! It is pure: it is told the time, and [`Alerts::changes`] says what to store. Who delivers is not known here.

mod kept;
pub mod signs;

use crate::model::{Alert, Fingerprint, Pairs, Receiver, ReceiverKind, Timestamp};
use crate::store;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// A condition must not hold for so long before its alert ends; if it holds again before that, it is still the same alert.
pub const CALM: Duration = Duration::from_mins(5);

/// How long an alert that has ended is held at least: longer than an Alertmanager is told of an end.
pub const HELD: Duration = Duration::from_mins(20);

/// How long an end is held for a webhook that has not been reached since.
pub const HELD_FOR_WEBHOOK: Duration = Duration::from_hours(7 * 24);

/// The webhooks that want to hear of ends, by name.
pub fn waiting(receivers: &[Receiver]) -> Vec<Arc<str>> {
    let webhooks = receivers.iter().filter(|each| each.kind == ReceiverKind::Webhook);
    let waiting = webhooks.filter(|each| each.send_resolved);
    waiting.map(|each| Arc::clone(&each.name)).collect()
}

/// What an alert is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The outage of this id.
    Outage(Arc<str>),
    /// Something that holds or does not: a tier of a promise, or what is wrong with this monitor.
    Condition,
}

/// Something that should be told now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sign {
    /// What never changes while it lasts.
    pub labels: Pairs,
    /// What is said of it.
    pub annotations: Pairs,
    /// What it is about.
    pub source: Source,
    /// When that began.
    pub started: Timestamp,
}

/// That a webhook took an alert, and whether it took its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Which alert.
    pub fingerprint: Fingerprint,
    /// When that began, which tells it from an earlier one of the same labels.
    pub started: Timestamp,
    /// Whether it was told as ended.
    pub ended: bool,
}

/// The alerts that fire, and those that ended lately.
#[derive(Debug, Default)]
pub struct Alerts {
    held: BTreeMap<Fingerprint, Held>,
    /// Webhooks that want to hear of ends.
    webhooks: Vec<Arc<str>>,
    /// What is not stored yet.
    changed: BTreeSet<Fingerprint>,
}

#[derive(Clone, Debug)]
struct Held {
    alert: Alert,
    source: Source,
    /// Since when its condition does not hold any more, while it still fires.
    quiet: Option<Timestamp>,
    /// When it was found that it has ended.
    closed: Option<Timestamp>,
    /// Who took it, and whether as ended.
    taken: BTreeMap<Arc<str>, bool>,
}

impl Alerts {
    /// None yet; ends are held for these webhooks.
    pub fn new(webhooks: Vec<Arc<str>>) -> Self {
        Self { webhooks, ..Self::default() }
    }

    /// Everything about outages, as of `now`. `ended` says when an outage that is not among the signs ended, as far as is known.
    pub fn tell_outages(
        &mut self,
        signs: Vec<Sign>,
        ended: impl Fn(&str) -> Option<Timestamp>,
        now: Timestamp,
    ) {
        let told: BTreeSet<Fingerprint> = signs.into_iter().map(|sign| self.tell(sign)).collect();
        for (fingerprint, held) in &mut self.held {
            let Source::Outage(id) = &held.source else { continue };
            if held.alert.ended.is_none() && !told.contains(fingerprint) {
                held.close(ended(id).unwrap_or(now), now);
                self.changed.insert(*fingerprint);
            }
        }
    }

    /// Every condition that holds, as of `now`.
    pub fn tell_conditions(&mut self, signs: Vec<Sign>, now: Timestamp) {
        let told: BTreeSet<Fingerprint> = signs.into_iter().map(|sign| self.tell(sign)).collect();
        for (fingerprint, held) in &mut self.held {
            let over = held.source == Source::Condition && held.alert.ended.is_none();
            if !over || told.contains(fingerprint) {
                continue;
            }
            let quiet = *held.quiet.get_or_insert(now);
            // A clock that was set back begins the wait anew.
            held.quiet = Some(quiet.min(now));
            if now.since(quiet) >= CALM {
                held.close(quiet, now);
                self.changed.insert(*fingerprint);
            }
        }
    }

    /// A webhook took these.
    pub fn take(&mut self, webhook: &Arc<str>, taken: &[Taken]) {
        for Taken { fingerprint, started, ended } in taken {
            let Some(held) = self.held.get_mut(fingerprint) else { continue };
            // An older alert of the same labels says nothing of this one.
            if held.alert.started == *started
                && held.taken.insert(Arc::clone(webhook), *ended) != Some(*ended)
            {
                self.changed.insert(*fingerprint);
            }
        }
    }

    /// What a webhook took.
    pub fn taken_by<'a>(&'a self, webhook: &'a str) -> impl Iterator<Item = Taken> + 'a {
        self.held.iter().filter_map(|(fingerprint, held)| {
            let ended = *held.taken.get(webhook)?;
            Some(Taken { fingerprint: *fingerprint, started: held.alert.started, ended })
        })
    }

    /// Drops what everybody can have learnt of.
    pub fn forget(&mut self, now: Timestamp) {
        let Self { held, webhooks, changed } = self;
        held.retain(|fingerprint, held| {
            let Some(closed) = held.closed else { return true };
            let age = now.since(closed);
            let waits = || webhooks.iter().any(|name| held.taken.get(name) != Some(&true));
            let keep = age < HELD || (age < HELD_FOR_WEBHOOK && waits());
            if !keep {
                changed.insert(*fingerprint);
            }
            keep
        });
    }

    /// All of them, those that ended too.
    pub fn list(&self) -> Arc<[Alert]> {
        self.held.values().map(|held| held.alert.clone()).collect()
    }

    /// What has changed since the last call, for the store; whether anybody has to be told is said with it.
    pub fn changes(&mut self) -> Vec<store::Fact> {
        let changed = std::mem::take(&mut self.changed);
        let fact = |fingerprint: Fingerprint| match self.held.get(&fingerprint) {
            Some(held) => store::Fact::Alert(kept::row(held)),
            None => store::Fact::AlertOver(fingerprint.to_string()),
        };
        changed.into_iter().map(fact).collect()
    }

    /// Takes over what was stored, as of `now`; a row that cannot be read is left out.
    pub fn recall(&mut self, rows: &[store::Alert], now: Timestamp) {
        let read = rows.iter().filter_map(|row| kept::read(row, now));
        self.held.extend(read.map(|held| (held.alert.fingerprint, held)));
    }

    fn tell(&mut self, sign: Sign) -> Fingerprint {
        let fingerprint = Fingerprint::of(&sign.labels);
        let lasting = self.held.get_mut(&fingerprint).filter(|held| {
            // An outage of another id is another one, however soon it came.
            held.alert.ended.is_none() && held.source == sign.source
        });
        if let Some(held) = lasting {
            held.quiet = None;
            if *held.alert.annotations != sign.annotations {
                held.alert.annotations = Arc::new(sign.annotations);
            }
            return fingerprint;
        }
        let alert = Alert {
            labels: Arc::new(sign.labels),
            fingerprint,
            annotations: Arc::new(sign.annotations),
            started: sign.started,
            ended: None,
        };
        let (source, taken) = (sign.source, BTreeMap::new());
        self.held.insert(fingerprint, Held { alert, source, quiet: None, closed: None, taken });
        self.changed.insert(fingerprint);
        fingerprint
    }
}

impl Held {
    fn close(&mut self, ended: Timestamp, now: Timestamp) {
        self.alert.ended = Some(ended.max(self.alert.started));
        self.closed = Some(now);
        self.quiet = None;
    }
}

#[cfg(test)]
mod tests;
