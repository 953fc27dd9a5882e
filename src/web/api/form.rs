//! The JSON forms of the API.
//!
//! Every field is always there; what does not exist is null. Durations say their unit in the name, moments are Unix
//! seconds with milliseconds, words are those of the glossary. Fields are added, never renamed.
//!
//! Which rows are in an answer is decided by the handlers.

use crate::model::{Cause, Road, State, Timestamp};
use crate::monitor::snapshot::{
    About, CheckView, EndpointView, EntryView, ResultView, ServiceView, SideView, SightView,
    Standing,
};
use crate::web::exposure::ExposureForm;
use crate::web::reading;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A call that cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorForm {
    /// What is wrong.
    pub error: String,
    /// What to try.
    pub hint: String,
}

/// `/api/v1/services`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServicesForm {
    /// When the picture was taken.
    pub at: f64,
    /// Where this daemon stands.
    pub vantage: String,
    /// When it started.
    pub started: f64,
    /// Warnings of the configuration, a sentence each.
    pub notices: Vec<String>,
    /// The roads over which it sees nothing.
    pub blind: Vec<BlindForm>,
    /// Sentinels that are silent while checks succeed.
    pub broken_sentinels: Vec<BrokenForm>,
    /// Why it is blind: `vantage_offline` if nothing is seen over any network, `resolver_offline` if nothing resolves; else null.
    pub offline: Option<String>,
    /// How many failures wait for an alibi.
    pub unsettled: usize,
    /// Sentinels, canaries and shared dependencies, in the order of the configuration, whatever was narrowed to.
    pub references: Vec<super::ReferenceForm>,
    /// In the order of the configuration.
    pub services: Vec<ServiceForm>,
}

/// A road over which this daemon sees nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlindForm {
    /// `ipv4`, `ipv6` or `resolver`.
    pub road: String,
    /// Since when.
    pub since: f64,
}

/// A sentinel that is not waited for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BrokenForm {
    /// Which: the id of its check.
    pub sentinel: String,
    /// Since when.
    pub since: f64,
}

/// One service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceForm {
    /// Its name.
    pub service: String,
    /// For people.
    pub title: String,
    /// Where the person on call reads on.
    pub runbook: Option<String>,
    /// The owner's labels.
    pub labels: BTreeMap<String, String>,
    /// What the page shows for it: up, unless some side is not; down, when none can serve.
    pub state: String,
    /// Whether some side can serve.
    pub any: StandingForm,
    /// Whether every side can serve.
    pub all: StandingForm,
    /// Its public name; null if it has none.
    pub entry: Option<EntryForm>,
    /// One per provider.
    pub sides: Vec<SideForm>,
    /// How many of them could have served in the last 30 days, or since it has been watched; null with one provider and no
    /// public name.
    pub exposure: Option<ExposureForm>,
}

/// The public name of a service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryForm {
    /// The name users type.
    pub host: String,
    /// What a fresh client gets.
    pub state: String,
    /// When it began.
    pub since: f64,
    /// Why it is not up: reason, cause or warning.
    pub why: Option<String>,
    /// The same as a sentence.
    pub said: Option<String>,
    /// Id of its check.
    pub check: String,
    /// Where it leads, and how its last failovers went.
    pub leads: Option<super::LeadsForm>,
}

/// A state and since when it holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StandingForm {
    /// The state's word.
    pub state: String,
    /// When it began.
    pub since: f64,
}

/// A service on one provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SideForm {
    /// The provider's name.
    pub provider: String,
    /// The provider's title.
    pub title: String,
    /// Its joined state.
    pub state: String,
    /// When it began.
    pub since: f64,
    /// Why it is not up: the reason, cause or warning of the check that is worst off.
    pub why: Option<String>,
    /// The same as a sentence: that of the check that is worst off.
    pub said: Option<String>,
    /// Where it runs there.
    pub endpoints: Vec<EndpointForm>,
}

/// Where a service runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndpointForm {
    /// Its name within the service.
    pub endpoint: String,
    /// Its region; empty when none was given.
    pub region: String,
    /// Its host.
    pub host: String,
    /// Its joined state.
    pub state: String,
    /// When it began.
    pub since: f64,
    /// Ids of its checks.
    pub checks: Vec<String>,
}

/// `/api/v1/checks`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChecksForm {
    /// When the picture was taken.
    pub at: f64,
    /// Where this daemon stands.
    pub vantage: String,
    /// How many checks are asked for, on all pages.
    pub total: usize,
    /// What `?after=` has to say for the next page; null on the last one.
    pub next: Option<String>,
    /// In the order of the configuration.
    pub checks: Vec<CheckForm>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckForm {
    /// `service/endpoint/probe`.
    pub check: String,
    /// Name of the service.
    pub service: String,
    /// Name of the endpoint.
    pub endpoint: String,
    /// Name of the provider.
    pub provider: String,
    /// Region; empty when none was given.
    pub region: String,
    /// Host of the endpoint.
    pub host: String,
    /// Name of the probe.
    pub probe: String,
    /// `http`, `tcp`, `dns`, `exec`, `icmp` or `grpc`.
    pub protocol: String,
    /// How often it runs.
    pub interval_s: f64,
    /// The hard deadline of a run.
    pub timeout_s: f64,
    /// Whether it enters the endpoint's state.
    pub counts: bool,
    /// Its health as a state.
    pub state: String,
    /// When that began.
    pub since: f64,
    /// Why it is not up: a reason, a cause or a warning.
    pub why: Option<String>,
    /// The same as a sentence.
    pub said: Option<String>,
    /// Settled time that was good.
    pub good_s: f64,
    /// Settled time that was bad.
    pub bad_s: f64,
    /// Settled time that was not observed.
    pub unknown_s: f64,
    /// Settled time under maintenance.
    pub excluded_s: f64,
    /// Up to where its time is settled.
    pub watermark: f64,
    /// Runs by verdict, rechecks included.
    pub runs: RunsForm,
    /// The last run.
    pub last: Option<ResultForm>,
    /// The last run that was bad.
    pub last_failure: Option<ResultForm>,
}

/// Runs by verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunsForm {
    /// Good.
    pub good: u64,
    /// Bad.
    pub bad: u64,
    /// Unknown.
    pub unknown: u64,
}

/// `/api/v1/results`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResultsForm {
    /// When the picture was taken.
    pub at: f64,
    /// Where this daemon stands.
    pub vantage: String,
    /// `service/endpoint/probe`.
    pub check: String,
    /// Newest first.
    pub results: Vec<ResultForm>,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResultForm {
    /// When it started.
    pub at: f64,
    /// Whether it was an extra look, apart from the grid.
    pub recheck: bool,
    /// `good`, `bad` or `unknown`.
    pub verdict: String,
    /// Why bad.
    pub reason: Option<String>,
    /// Why unknown.
    pub cause: Option<String>,
    /// What a person should know although it was good.
    pub warnings: Vec<String>,
    /// The phase in which it ended.
    pub phase: String,
    /// From the start of resolving to the last byte judged.
    pub latency_ms: f64,
    /// How long each phase took, in milliseconds; those not reached are absent.
    pub phases: BTreeMap<String, f64>,
    /// The address used.
    pub address: Option<String>,
    /// Status code of the last HTTP response.
    pub http_status: Option<u16>,
    /// Earliest end of validity in the presented certificate chain.
    pub certificate_not_after: Option<f64>,
    /// One sentence for a person.
    pub said: String,
    /// The rest of the story of a run that was bad, as text, where it is kept and whoever asks may see it.
    #[serde(default)]
    pub story: Option<String>,
}

const fn offline(sight: &SightView) -> Option<Cause> {
    match (sight.vantage_offline, sight.resolver_offline) {
        (true, _) => Some(Cause::VantageOffline),
        (false, true) => Some(Cause::ResolverOffline),
        (false, false) => None,
    }
}

fn blind((road, since): &(Road, Timestamp)) -> BlindForm {
    BlindForm { road: road.as_str().to_owned(), since: moment(*since) }
}

fn broken((sentinel, since): &(Arc<str>, Timestamp)) -> BrokenForm {
    BrokenForm { sentinel: sentinel.to_string(), since: moment(*since) }
}

impl ServicesForm {
    pub(super) fn new(
        about: &About,
        services: &[ServiceView],
        mut exposures: BTreeMap<String, ExposureForm>,
    ) -> Self {
        let service =
            |view: &ServiceView| ServiceForm::new(view, exposures.remove(&*view.name), about.now);
        Self {
            at: moment(about.now),
            vantage: about.vantage.to_string(),
            started: moment(about.started),
            notices: about.notices.clone(),
            blind: about.sight.dark.iter().map(blind).collect(),
            broken_sentinels: about.sight.broken.iter().map(broken).collect(),
            offline: offline(&about.sight).map(|cause| cause.to_string()),
            unsettled: about.sight.unsettled,
            references: Vec::new(),
            services: services.iter().map(service).collect(),
        }
    }
}

impl ServiceForm {
    fn new(view: &ServiceView, exposure: Option<ExposureForm>, now: Timestamp) -> Self {
        Self {
            service: view.name.to_string(),
            title: view.title.clone(),
            runbook: view.runbook.as_deref().map(str::to_owned),
            labels: (*view.labels).clone(),
            state: word(reading::overall(view).state),
            any: StandingForm::new(view.any),
            all: StandingForm::new(view.all),
            entry: view.entry.as_ref().map(|entry| EntryForm::new(entry, now)),
            sides: view.sides.iter().map(|side| SideForm::new(side, now)).collect(),
            exposure,
        }
    }
}

impl EntryForm {
    fn new(view: &EntryView, now: Timestamp) -> Self {
        let why = reading::why_check(&view.check, now);
        Self {
            host: view.host.to_string(),
            state: word(view.standing.state),
            since: moment(view.standing.since),
            why: why.as_ref().map(|why| why.word.to_owned()),
            said: why.map(|why| why.said),
            check: view.check.id.to_string(),
            leads: None,
        }
    }
}

impl StandingForm {
    fn new(standing: Standing) -> Self {
        Self { state: word(standing.state), since: moment(standing.since) }
    }
}

impl SideForm {
    fn new(view: &SideView, now: Timestamp) -> Self {
        let why = reading::why_side(view, now);
        Self {
            provider: view.provider.to_string(),
            title: view.title.clone(),
            state: word(view.standing.state),
            since: moment(view.standing.since),
            why: why.as_ref().map(|why| why.word.to_owned()),
            said: why.map(|why| why.said),
            endpoints: view.endpoints.iter().map(EndpointForm::new).collect(),
        }
    }
}

impl EndpointForm {
    fn new(view: &EndpointView) -> Self {
        Self {
            endpoint: view.name.to_string(),
            region: view.region.to_string(),
            host: view.host.to_string(),
            state: word(view.standing.state),
            since: moment(view.standing.since),
            checks: view.checks.iter().map(|check| check.id.to_string()).collect(),
        }
    }
}

impl ChecksForm {
    pub(super) fn new(about: &About, checks: &[CheckView]) -> Self {
        Self {
            at: moment(about.now),
            vantage: about.vantage.to_string(),
            total: checks.len(),
            next: None,
            checks: checks.iter().map(|check| CheckForm::new(check, about.now)).collect(),
        }
    }
}

impl CheckForm {
    fn new(view: &CheckView, now: Timestamp) -> Self {
        let why = reading::why_check(view, now);
        let [good, bad, unknown] = view.runs;
        Self {
            check: view.id.to_string(),
            service: view.service.to_string(),
            endpoint: view.endpoint.to_string(),
            provider: view.provider.to_string(),
            region: view.region.to_string(),
            host: view.host.to_string(),
            probe: view.probe.to_string(),
            protocol: view.protocol.to_owned(),
            interval_s: seconds(view.interval),
            timeout_s: seconds(view.timeout),
            counts: view.counts,
            state: word(view.standing.state),
            since: moment(view.standing.since),
            why: why.as_ref().map(|why| why.word.to_owned()),
            said: why.map(|why| why.said),
            good_s: seconds(view.seconds.good),
            bad_s: seconds(view.seconds.bad),
            unknown_s: seconds(view.seconds.unknown),
            excluded_s: seconds(view.seconds.excluded),
            watermark: moment(view.watermark),
            runs: RunsForm { good, bad, unknown },
            last: view.last.as_ref().map(ResultForm::new),
            last_failure: view.last_failure.as_ref().map(ResultForm::new),
        }
    }
}

impl ResultsForm {
    pub(super) fn new(about: &About, check: &str, results: &[ResultView]) -> Self {
        Self {
            at: moment(about.now),
            vantage: about.vantage.to_string(),
            check: check.to_owned(),
            results: results.iter().map(ResultForm::new).collect(),
        }
    }
}

impl ResultForm {
    fn new(view: &ResultView) -> Self {
        Self {
            at: moment(view.at),
            recheck: view.recheck,
            verdict: view.verdict.to_string(),
            reason: view.reason.map(|reason| reason.to_string()),
            cause: view.cause.map(|cause| cause.to_string()),
            warnings: view.warnings.iter().map(|warning| warning.to_string()).collect(),
            phase: view.phase.to_string(),
            latency_ms: millis(view.latency),
            phases: view
                .phases
                .iter()
                .map(|(phase, _, took)| (phase.to_string(), millis(took)))
                .collect(),
            address: view.address.map(|address| address.to_string()),
            http_status: view.http_status,
            certificate_not_after: view.certificate_not_after.map(moment),
            said: view.said.to_string(),
            story: view.story.as_deref().map(str::to_owned),
        }
    }
}

fn word(state: State) -> String {
    state.to_string()
}

pub(super) fn moment(at: Timestamp) -> f64 {
    at.as_secs_f64()
}

pub(super) fn seconds(duration: Duration) -> f64 {
    // Whole milliseconds: what is exported is what is kept.
    Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)).as_secs_f64()
}

/// Milliseconds, rounded to a microsecond so that the text stays short.
fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
