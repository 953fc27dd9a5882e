//! Whose outage it is, as `/api/v1/outages` says it: incidents, judgements, and what those rest on.
//!
//! Every input of a judgement stands here with what it said and for how long, once as fields and once in plain words.
//!
//! It decides nothing.

use super::form::{moment, seconds};
use crate::blame::Evidence;
use crate::model::Timestamp;
use crate::monitor::outages::{CanaryView, Incident, Revision};
use serde::{Deserialize, Serialize};

/// All outages with one cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IncidentForm {
    /// Cause and start: what alerts are grouped by.
    pub id: String,
    /// `provider:aws/eu-central-1`, `shared:orders-db`, `path:aws`, `service:shop`.
    pub cause: String,
    /// Whose it is, in one word.
    pub blame: String,
    /// Whose it is, in plain words.
    pub whose: String,
    /// Whether what broke one cloud has broken another one too.
    pub coupled: bool,
    /// Start of its first outage.
    pub started: f64,
    /// How long it has lasted.
    pub duration_s: f64,
    /// What is affected, in plain words.
    pub whom: String,
    /// Services that it affected so far.
    pub services: usize,
    /// Checks that it affected so far.
    pub checks: usize,
    /// Its outages that last.
    pub outages: usize,
    /// What speaks for the blame, in plain words.
    pub because: String,
}

/// A judgement of blame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RevisionForm {
    /// When it was made.
    pub at: f64,
    /// Whose it was from then on, in one word.
    pub blame: String,
    /// The shared dependency, or the provider with its region, that was blamed; else empty.
    pub blamed: String,
    /// Whether what broke one cloud had broken another one too.
    pub coupled: bool,
    /// What it rests on.
    pub evidence: Vec<EvidenceForm>,
}

/// One input of a judgement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvidenceForm {
    /// What kind of input: `dependency`, `names`, `side`, `canary`, `canary_control`, `canary_edge`, `services`, `vantage`.
    pub witness: String,
    /// Which one.
    pub of: String,
    /// What it said: `good`, `bad` or `unknown`.
    pub said: String,
    /// For how long it had been saying so when it was judged.
    pub age_s: f64,
    /// Of `services`: how many of them were bad.
    pub some: usize,
    /// Of `services`: of how many.
    pub all: usize,
    /// The same in plain words.
    pub text: String,
}

/// The canaries of a region's data plane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CanaryForm {
    /// The provider.
    pub provider: String,
    /// The region; empty if none was given.
    pub region: String,
    /// What they say together: `good`, `bad` or `unknown`.
    pub said: String,
    /// They are bad while every service beside them is good: look at the canary.
    pub fails_alone: bool,
}

impl IncidentForm {
    pub(super) fn new(incident: &Incident, now: Timestamp) -> Self {
        Self {
            id: incident.id.to_string(),
            cause: incident.cause.to_string(),
            blame: incident.judgement.blame.to_string(),
            whose: incident.judgement.whose(),
            coupled: incident.judgement.coupled,
            started: moment(incident.started),
            duration_s: seconds(now.since(incident.started)),
            whom: incident.whom(),
            services: incident.services.len(),
            checks: incident.checks.len(),
            outages: incident.outages,
            because: incident.because.clone(),
        }
    }
}

impl RevisionForm {
    pub(super) fn new(revision: &Revision) -> Self {
        let Revision { at, judgement, evidence } = revision;
        Self {
            at: moment(*at),
            blame: judgement.blame.to_string(),
            blamed: judgement.name.to_string(),
            coupled: judgement.coupled,
            evidence: evidence.iter().map(EvidenceForm::new).collect(),
        }
    }
}

impl EvidenceForm {
    fn new(evidence: &Evidence) -> Self {
        let Evidence { witness, of, said, age, count: (some, all) } = evidence;
        Self {
            witness: witness.to_string(),
            of: of.clone(),
            said: said.to_string(),
            age_s: seconds(*age),
            some: *some,
            all: *all,
            text: evidence.to_string(),
        }
    }
}

impl CanaryForm {
    pub(super) fn new(canary: &CanaryView) -> Self {
        Self {
            provider: canary.provider.to_string(),
            region: canary.region.to_string(),
            said: canary.said.to_string(),
            fails_alone: canary.fails_alone,
        }
    }
}
