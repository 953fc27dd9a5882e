//! Alerts as they are stored: plain columns, and JSON for what has names of its own.
//!
//! What is stored changes when an alert begins, ends or is taken; words that change in between are as of then, and made anew
//! after a start if it still lasts.
//!
//! It reads and writes nothing itself.

use super::{Held, Source};
use crate::model::{Alert, Fingerprint, Pairs, Timestamp};
use crate::store;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a webhook was told of an alert, as stored.
const FIRING: &str = "firing";
const RESOLVED: &str = "resolved";

pub(super) fn row(held: &Held) -> store::Alert {
    let alert = &held.alert;
    let word = |ended: bool| if ended { RESOLVED } else { FIRING };
    let taken = held.taken.iter().map(|(name, ended)| (name.to_string(), word(*ended).into()));
    store::Alert {
        id: alert.fingerprint.to_string(),
        outage: match &held.source {
            Source::Outage(id) => Some(id.to_string()),
            Source::Condition => None,
        },
        started_ms: alert.started.as_millis(),
        ended_ms: alert.ended.map(Timestamp::as_millis),
        labels: written(&alert.labels),
        annotations: written(&alert.annotations),
        taken: serde_json::Value::Object(taken.collect()).to_string(),
    }
}

/// `None` if it is not what [`row`] writes.
pub(super) fn read(row: &store::Alert, now: Timestamp) -> Option<Held> {
    let labels = pairs(&row.labels)?;
    let taken: BTreeMap<String, String> = serde_json::from_str(&row.taken).ok()?;
    let alert = Alert {
        fingerprint: Fingerprint::read(&row.id).filter(|id| *id == Fingerprint::of(&labels))?,
        labels: Arc::new(labels),
        annotations: Arc::new(pairs(&row.annotations)?),
        started: Timestamp::from_millis(row.started_ms),
        ended: row.ended_ms.map(Timestamp::from_millis),
    };
    Some(Held {
        // Whoever was away with us learns of it from now on.
        closed: alert.ended.map(|_| now),
        alert,
        source: row.outage.as_deref().map_or(Source::Condition, |id| Source::Outage(id.into())),
        quiet: None,
        taken: taken.into_iter().map(|(name, word)| (name.into(), word == RESOLVED)).collect(),
    })
}

fn written(pairs: &Pairs) -> String {
    let pairs = pairs.iter().map(|(name, value)| (name.to_string(), value.to_string().into()));
    serde_json::Value::Object(pairs.collect()).to_string()
}

fn pairs(text: &str) -> Option<Pairs> {
    let pairs: BTreeMap<String, String> = serde_json::from_str(text).ok()?;
    Some(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
}
