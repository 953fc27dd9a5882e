//! The JSON form of a report.
//!
//! Every field is always there; what does not exist is null. Moments are Unix seconds, durations say their unit in the name,
//! words are those of the glossary. Fields are added, never renamed. The numbers of each slo and scope are the row that
//! `replay` prints.
//!
//! How it is filled is decided elsewhere.

use crate::model::Timestamp;
use crate::monitor::form::{Frozen, Number, StandingForm};
use crate::monitor::outages::Outage;
use crate::web::exposure::ExposureForm;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `/api/v1/report`, and `nephoscope report --format json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReportForm {
    /// The instant as of which is reported.
    pub at: Number,
    /// Whose days and periods, by its IANA name.
    pub timezone: String,
    /// The window that was asked for; null where each slo is over its own.
    pub window: Option<String>,
    /// The calendar period that was asked for: `2026-10`.
    pub period: Option<String>,
    /// What was asked for: `key=value`, all of which fit.
    pub matching: Vec<String>,
    /// How many vantages have to see bad for time to be bad; null for one vantage.
    pub quorum: Option<u64>,
    /// Who looked, and what each covered.
    pub vantages: Vec<VantageForm>,
    /// What somebody should know before reading, a sentence each.
    pub notices: Vec<String>,
    /// In the order of the configuration.
    pub services: Vec<ServiceReport>,
}

/// One vantage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VantageForm {
    /// Its name; empty if that is not known.
    pub vantage: String,
    /// `daemon`, or the folder of its store.
    pub source: String,
    /// The first instant of which it knows anything; null if it knows nothing.
    pub from: Option<Number>,
    /// The last one: now, or the last heartbeat of a store at rest.
    pub to: Option<Number>,
    /// The share of the reported time that it observed, over all checks that count; null if it was not read.
    pub coverage: Option<Number>,
    /// Why it could not be read.
    pub problem: Option<String>,
}

/// One service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceReport {
    /// Its name.
    pub service: String,
    /// For people.
    pub title: String,
    /// The owner's labels.
    pub labels: BTreeMap<String, String>,
    /// What was promised; empty for a service that is only watched.
    pub slos: Vec<SloReport>,
    /// What was down in the reported time, by its start.
    pub outages: Vec<OutageRow>,
    /// Whether it has a public name, of which there could have been failovers.
    pub has_name: bool,
    /// Failovers of its public name in the reported time, planned ones too, by their beginning.
    pub failovers: Vec<FailoverRow>,
    /// Drills in the reported time, by their start.
    pub drills: Vec<DrillRow>,
    /// How many clouds could have served in the reported time; null with one cloud and no public name, or if one provider
    /// was asked for.
    pub exposure: Option<ExposureForm>,
}

/// One slo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SloReport {
    /// Its name within the service.
    pub slo: String,
    /// What is promised, as a share.
    pub objective: Number,
    /// Its own window: `30d`, `month`.
    pub window: String,
    /// `time`, `events`, `slices`, `latency`.
    pub kind: String,
    /// A `latency` slo counts slower runs as bad.
    pub threshold_ms: Option<Number>,
    /// Length of a slice of a `slices` slo.
    pub slice_s: Option<Number>,
    /// How unknown time counts: `exclude`, `bad`, `good`.
    pub unknown: String,
    /// How maintenance counts: `exclude`, `good`.
    pub maintenance: String,
    /// Less observed than this share is flagged.
    pub min_coverage: Number,
    /// The scope that it is promised for.
    pub scope: String,
    /// Every scope that was asked for, the promised one first.
    pub scopes: Vec<ScopeReport>,
    /// The days of the first scope, as measured now.
    pub days: Vec<DayForm>,
    /// Closed periods of the first scope, all revisions, the newest first.
    pub frozen: Vec<FrozenForm>,
}

/// How one slo stood in one scope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScopeReport {
    /// Whether it is promised for this scope.
    pub promised: bool,
    /// In one word: `no_data`, `partial`, `ok`, `at_risk`, `exhausted`.
    pub status: String,
    /// Whether known time is at least as good as promised; null if nothing is known.
    pub met: Option<bool>,
    /// Where the whole window ends: later than its numbers go for a calendar window that is not over.
    pub ends: Number,
    /// How far bad time may be off because old stretches were coalesced.
    pub max_error_s: Number,
    /// How often the slowest of its checks looks: an outage is known to this many seconds at each end.
    pub resolution_s: Number,
    /// The revision of a closed period that the numbers are of; null if they are as measured now.
    pub revision: Option<u32>,
    /// The numbers.
    pub standing: StandingForm,
    /// All that was not good, in order: their bad seconds add up to what was bad before policies.
    pub stretches: Vec<StretchForm>,
    /// What is not listed because there are too many; null if all are.
    pub left_out: Option<LeftOutForm>,
    /// Whose the bad time was, as measured now; adds up to it, the largest first.
    pub blame: Vec<BlamePart>,
}

/// Bad time by whose outage it lies in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlamePart {
    /// A word for blame; `undecided` in an outage without one, `unconfirmed` in no outage, `unknown` where unknown time is
    /// charged as bad.
    pub blame: String,
    /// How long.
    pub bad_s: Number,
    /// The share of the whole budget; null where that is not counted in time.
    pub of_budget: Option<Number>,
}

/// What a stretch of time was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhatWord {
    /// Bad.
    Bad,
    /// Not observed.
    Unknown,
    /// Maintenance.
    Excluded,
    /// Old and coalesced: bad, unknown and good parts whose order is no longer known.
    Mixed,
}

/// A stretch of time that was not good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StretchForm {
    /// First instant.
    pub from: Number,
    /// First instant after it.
    pub to: Number,
    /// What it was.
    pub what: WhatWord,
    /// The reason why it was bad, or the cause why it is unknown.
    pub why: Option<String>,
    /// Bad seconds in it.
    pub bad_s: Number,
    /// Unknown seconds in it.
    pub unknown_s: Number,
    /// What was seen in the outage that overlaps with it, in one sentence.
    pub said: Option<String>,
    /// The id of that outage.
    pub outage: Option<String>,
}

/// Stretches that are not listed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeftOutForm {
    /// How many; they are older than those that are listed.
    pub count: u64,
    /// Bad seconds in them.
    pub bad_s: Number,
    /// Unknown seconds in them.
    pub unknown_s: Number,
}

/// A day, or the part of it that was asked for; after policies, coverage before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DayForm {
    /// Its date in the time zone of the report.
    pub day: String,
    /// First instant.
    pub from: Number,
    /// First instant after it.
    pub to: Number,
    /// Good.
    pub good_s: Number,
    /// Bad.
    pub bad_s: Number,
    /// Not observed.
    pub unknown_s: Number,
    /// Maintenance.
    pub excluded_s: Number,
    /// The share of known time that was good; null if nothing is known.
    pub availability: Option<Number>,
    /// If all unknown time was bad.
    pub availability_low: Option<Number>,
    /// If all unknown time was good.
    pub availability_high: Option<Number>,
    /// The share that was observed; null if all was excluded.
    pub coverage: Option<Number>,
}

/// A revision of a closed period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrozenForm {
    /// Such as `2026-10`.
    pub period: String,
    /// 1 for the first; the highest holds.
    pub revision: u32,
    /// When it was frozen.
    pub made: Number,
    /// Why there is this revision.
    pub why: String,
    /// The numbers as they were then.
    pub standing: StandingForm,
}

/// Something was down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutageRow {
    /// `service/scope/start`.
    pub id: String,
    /// `any`, `entry` or `provider:NAME`.
    pub scope: String,
    /// The provider; empty when it is about all sides.
    pub provider: String,
    /// The vantage that saw it; empty if there is one only.
    pub vantage: String,
    /// The first bad result.
    pub started: Number,
    /// The first good one of the confirming run; null while it lasts.
    pub ended: Option<Number>,
    /// How long it lasted, or has lasted so far.
    pub duration_s: Number,
    /// Why.
    pub reason: Option<String>,
    /// Whose it was; null where that is not known.
    pub blame: Option<String>,
    /// The check that failed.
    pub check: Option<String>,
    /// What was seen, in one sentence.
    pub said: Option<String>,
    /// The shared dependency, or the provider with its region, that was blamed; else empty.
    pub blamed: String,
    /// The incident it belonged to; empty where that is not known.
    pub incident: String,
}

/// A public name went, or should have gone, to another cloud.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailoverRow {
    /// The vantage that saw it; empty if there is one only.
    pub vantage: String,
    /// `outage`, `planned` or `silent`.
    pub cause: String,
    /// Whether it was meant: a drill, or maintenance of the first cloud.
    pub planned: bool,
    /// The provider that the name led to.
    pub from: String,
    /// The provider that it leads to since; null if nothing has switched.
    pub to: Option<String>,
    /// From where time is counted: the first bad result of the first cloud, or the start of a drill.
    pub began: Number,
    /// How long after that each step was reached; one that was not is missing.
    pub steps_s: BTreeMap<String, Number>,
    /// When the first provider was well again; null if it was not, or never down.
    pub recovered: Option<Number>,
    /// What was wrong with it: `late` (the name led to a cloud that was down for longer than it may), `silent` (nothing
    /// explained it), `split` (answers differed for longer than they may be kept).
    pub marks: Vec<String>,
    /// When there was nothing more to see of it; null while it goes on.
    pub ended: Option<Number>,
    /// How long it went on, or has so far.
    pub duration_s: Number,
}

/// A failover that was announced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DrillRow {
    /// The vantage that was told of it; empty if there is one only.
    pub vantage: String,
    /// When it was started.
    pub started: Number,
    /// When it was ended; null while it is on.
    pub ended: Option<Number>,
    /// How long it was on, or has been so far.
    pub duration_s: Number,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Who ended it; null while it is on.
    pub ended_by: Option<String>,
}

impl FrozenForm {
    pub(super) fn new(frozen: &Frozen) -> Self {
        Self {
            period: frozen.period.clone(),
            revision: frozen.revision,
            made: frozen.made.into(),
            why: frozen.why.clone(),
            standing: frozen.standing.clone(),
        }
    }
}

impl OutageRow {
    pub(super) fn new(vantage: &str, outage: &Outage, at: Timestamp) -> Self {
        let text = |text: &Option<std::sync::Arc<str>>| text.as_deref().map(str::to_owned);
        let end = outage.ended.unwrap_or(at);
        Self {
            id: outage.id.to_string(),
            scope: outage.scope.to_string(),
            provider: outage.provider.to_string(),
            vantage: vantage.to_owned(),
            started: outage.started.into(),
            ended: outage.ended.map(Number::from),
            duration_s: Number(end.since(outage.started).as_secs_f64()),
            reason: outage.reason.map(|reason| reason.to_string()),
            blame: outage.blame.map(|blame| blame.to_string()),
            check: text(&outage.check),
            said: text(&outage.said),
            blamed: outage.blamed.to_string(),
            incident: outage.incident.to_string(),
        }
    }
}
