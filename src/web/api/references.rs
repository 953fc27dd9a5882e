//! What is looked at besides services, in `/api/v1/services`: sentinels, canaries, shared dependencies.
//!
//! What each last said stands beside its state. A sentinel that is broken is not asked any more until it answers.
//!
//! It decides nothing.

use super::form::moment;
use crate::model::ReferenceRole;
use crate::monitor::references::ReferenceView;
use serde::{Deserialize, Serialize};

/// One that is looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReferenceForm {
    /// `sentinel`, `canary` or `domain`.
    pub kind: String,
    /// Its name: `tls/one.one.one.one:443`, `aws/eu-central-1`, `orders-db/ping`.
    pub name: String,
    /// The provider that it is a canary of; else empty.
    pub provider: String,
    /// The region there; empty when none was given.
    pub region: String,
    /// Which plane of the provider a canary shows: `data`, `control`, `edge`; else null.
    pub plane: Option<String>,
    /// The state's word.
    pub state: String,
    /// When it began.
    pub since: f64,
    /// What its last run gave; null before the first.
    pub last: Option<LastForm>,
    /// Since when a sentinel has been silent for so long, while checks succeed, that it is not waited for; null if it is not.
    pub broken: Option<f64>,
}

/// The last run of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LastForm {
    /// When it started.
    pub at: f64,
    /// `good`, `bad` or `unknown`.
    pub verdict: String,
    /// What was seen, in one sentence.
    pub said: String,
}

/// The word for what a reference is.
pub(in crate::web) const fn kind(role: ReferenceRole) -> &'static str {
    match role {
        ReferenceRole::SentinelTls | ReferenceRole::SentinelName => "sentinel",
        ReferenceRole::Canary { .. } => "canary",
        ReferenceRole::Domain { .. } => "domain",
    }
}

/// The name of a reference within its kind.
pub(in crate::web) fn name(view: &ReferenceView) -> &str {
    let id = view.check.id.as_str();
    id.split_once('/').map_or(id, |(_, name)| name)
}

impl ReferenceForm {
    pub(super) fn new(view: &ReferenceView) -> Self {
        let plane = match view.role {
            ReferenceRole::Canary { plane, .. } => Some(plane.to_string()),
            _ => None,
        };
        let last = view.last.as_ref().map(|last| LastForm {
            at: moment(last.at),
            verdict: last.verdict.to_string(),
            said: last.said.to_string(),
        });
        Self {
            kind: kind(view.role).to_owned(),
            name: name(view).to_owned(),
            provider: view.check.provider.to_string(),
            region: view.check.region.to_string(),
            plane,
            state: view.standing.state.to_string(),
            since: moment(view.standing.since),
            last,
            broken: view.broken.map(moment),
        }
    }
}
