//! `/api/v1/slos` and `/api/v1/outages`: how promises stand now, and what was down.
//!
//! A standing has the form of `replay` and reports, and beside it what only makes sense now: its status, how long the budget
//! lasts, whether it was promised for this scope. Everything is worked out anew for each call, so that an outage is seen to
//! burn its budget by the second.
//!
//! What the numbers are is computed by the rules.

use super::blame::{CanaryForm, IncidentForm, RevisionForm};
use super::form::{moment, seconds};
use super::{Face, Narrow, Refusal, known};
use crate::model::Timestamp;
use crate::monitor::book::{Book, Held};
use crate::monitor::form::StandingForm;
use crate::monitor::outages::Outage;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

/// Outages in one answer at most, the newest.
const OUTAGES_AT_MOST: usize = 1_000;

/// `GET /api/v1/slos`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SlosForm {
    /// When the picture was taken.
    pub at: f64,
    /// Where this daemon stands.
    pub vantage: String,
    /// By service, slo and scope, in the order of the configuration.
    pub slos: Vec<SloForm>,
}

/// How one promise stands in one scope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SloForm {
    /// The numbers, as in `replay`.
    #[serde(flatten)]
    pub standing: StandingForm,
    /// `no_data`, `partial`, `ok`, `at_risk` or `exhausted`.
    pub status: String,
    /// Whether it is promised for this scope; the others are computed all the same.
    pub promised: bool,
    /// How long the budget lasts if it burns on as in the last hour; null if it lasts for ever.
    pub time_to_exhaustion_s: Option<f64>,
}

/// `GET /api/v1/outages`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutagesForm {
    /// When the picture was taken.
    pub at: f64,
    /// Where this daemon stands.
    pub vantage: String,
    /// Those that last, then those that ended, the newest first.
    pub outages: Vec<OutageForm>,
    /// How many older ones did not fit.
    pub left_out: usize,
    /// What lasts, by cause, whatever the outages are narrowed to.
    pub incidents: Vec<IncidentForm>,
    /// The canaries of each region that has some of the data plane.
    pub canaries: Vec<CanaryForm>,
}

/// Something is or was down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutageForm {
    /// `service/scope/start`.
    pub id: String,
    /// The service.
    pub service: String,
    /// `any`, `entry` or `provider:NAME`.
    pub scope: String,
    /// The provider; empty when it is about all sides.
    pub provider: String,
    /// The first bad result.
    pub started: f64,
    /// The first good one of the confirming run; null while it lasts.
    pub ended: Option<f64>,
    /// How long it lasted, or has lasted.
    pub duration_s: f64,
    /// Why the check that brought it down failed.
    pub reason: Option<String>,
    /// That check.
    pub check: Option<String>,
    /// What was seen, in one sentence.
    pub said: Option<String>,
    /// Whose it is, in one word; null until it was judged.
    pub blame: Option<String>,
    /// The shared dependency, or the provider with its region, that is blamed; else empty.
    pub blamed: String,
    /// Whether what broke one cloud has broken another one too.
    pub coupled: bool,
    /// The incident it belongs to; empty until it was judged.
    pub incident: String,
    /// The first checks of it that were seen to be down.
    pub checks: Vec<String>,
    /// How many checks of it were seen to be down.
    pub checks_count: usize,
    /// Every judgement with what it rests on, in order; the last one holds.
    pub revisions: Vec<RevisionForm>,
}

/// `?service=&slo=&scope=`: what is not given does not narrow.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhichSlos {
    service: Option<String>,
    slo: Option<String>,
    scope: Option<String>,
}

/// `?service=&active=`: what is not given does not narrow.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhichOutages {
    service: Option<String>,
    active: Option<bool>,
}

/// `GET /api/v1/slos`.
pub(crate) async fn slos(
    State(face): State<Face>,
    which: Result<Query<WhichSlos>, QueryRejection>,
) -> Result<Json<SlosForm>, Refusal> {
    let Query(which) = which.map_err(|rejected| {
        let hint = "narrow with `?service=`, `?slo=` and `?scope=`";
        Refusal::new(StatusCode::BAD_REQUEST, rejected.body_text(), hint)
    })?;
    let service = accept_service(&face.past.book, which.service.as_deref())?;
    let about = face.picture.about();
    let mut slos = forms(&face.past.book, service, about.now);
    let wanted = [
        ("slo", which.slo, (|form| &form.standing.slo) as fn(&SloForm) -> &String),
        ("scope", which.scope, |form| &form.standing.scope),
    ];
    for (what, name, part) in wanted {
        let names: Vec<_> = slos.iter().map(|form| part(form).clone()).collect();
        known(what, name.as_deref(), &names, "/api/v1/slos")?;
        slos.retain(|form| Narrow::text(name.as_deref()).is_none_or(|name| part(form) == name));
    }
    Ok(Json(SlosForm { at: moment(about.now), vantage: about.vantage.to_string(), slos }))
}

/// `GET /api/v1/outages`.
pub(crate) async fn outages(
    State(face): State<Face>,
    which: Result<Query<WhichOutages>, QueryRejection>,
) -> Result<Json<OutagesForm>, Refusal> {
    let Query(which) = which.map_err(|rejected| {
        let hint = "narrow with `?service=` and `?active=true` or `false`";
        Refusal::new(StatusCode::BAD_REQUEST, rejected.body_text(), hint)
    })?;
    accept_service(&face.past.book, which.service.as_deref())?;
    let about = face.picture.about();
    // What lasts is in memory; only the whole past is worth asking the disk for.
    let mut outages =
        if which.active == Some(true) { (face.past.recent)() } else { (face.past.outages)() };
    outages.retain(|outage| {
        Narrow::text(which.service.as_deref()).is_none_or(|name| *outage.service == *name)
            && which.active.is_none_or(|active| outage.ended.is_none() == active)
    });
    outages.sort_by_key(|outage| (outage.ended.is_some(), std::cmp::Reverse(outage.started)));
    let left_out = outages.len().saturating_sub(OUTAGES_AT_MOST);
    outages.truncate(OUTAGES_AT_MOST);
    Ok(Json(OutagesForm {
        at: moment(about.now),
        vantage: about.vantage.to_string(),
        outages: outages.iter().map(|outage| OutageForm::new(outage, about.now)).collect(),
        left_out,
        incidents: (face.past.incidents)()
            .iter()
            .map(|incident| IncidentForm::new(incident, about.now))
            .collect(),
        canaries: (face.past.canaries)().iter().map(CanaryForm::new).collect(),
    }))
}

/// The position of a service by its name, if one is asked for.
fn accept_service(book: &Book, name: Option<&str>) -> Result<Option<usize>, Refusal> {
    let names: Vec<_> = book.services().iter().map(|service| service.name.to_string()).collect();
    known("service", name, &names, "/api/v1/services")?;
    Ok(Narrow::text(name).and_then(|name| names.iter().position(|each| each == name)))
}

/// Every promise of one service, or of all, in every scope at `at`.
pub(crate) fn forms(book: &Book, service: Option<usize>, at: Timestamp) -> Vec<SloForm> {
    let services = service.map_or(0..book.services().len(), |one| one..one + 1);
    let held = services.flat_map(|service| book.held(service, at));
    held.map(|held| SloForm::new(book, &held)).collect()
}

impl SloForm {
    fn new(book: &Book, held: &Held) -> Self {
        let service = &book.services()[held.service];
        let objective = &service.objectives[held.objective];
        let (standing, window) = (&held.standing, &objective.window_text);
        let form = |scheme: &_| {
            StandingForm::new(&service.name, scheme, objective, held.scope, window, standing)
        };
        Self {
            standing: book.with(held.service, |history| form(history.scheme())),
            status: standing.status.to_string(),
            promised: held.promised,
            time_to_exhaustion_s: standing.time_to_exhaustion.map(seconds),
        }
    }
}

impl OutageForm {
    fn new(outage: &Outage, now: Timestamp) -> Self {
        let text = |text: &Option<std::sync::Arc<str>>| text.as_deref().map(str::to_owned);
        Self {
            id: outage.id.to_string(),
            service: outage.service.to_string(),
            scope: outage.scope.to_string(),
            provider: outage.provider.to_string(),
            started: moment(outage.started),
            ended: outage.ended.map(moment),
            duration_s: seconds(outage.ended.unwrap_or(now).since(outage.started)),
            reason: outage.reason.map(|reason| reason.to_string()),
            check: text(&outage.check),
            said: text(&outage.said),
            blame: outage.blame.map(|blame| blame.to_string()),
            blamed: outage.blamed.to_string(),
            coupled: outage.coupled,
            incident: outage.incident.to_string(),
            checks: outage.checks.iter().map(ToString::to_string).collect(),
            checks_count: outage.checks_count,
            revisions: outage.revisions.iter().map(RevisionForm::new).collect(),
        }
    }
}
