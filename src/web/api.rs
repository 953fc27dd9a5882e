//! `/api/v1/{services,checks,results,slos,outages,vantage,maintenance}`: the picture as JSON.
//!
//! The forms here are the contract: their own types, apart from the views, with the unit in every name (`_s`, `_ms`) and
//! moments as Unix seconds with milliseconds. The words are those of the glossary. `nephoscope status` reads the same
//! forms back, so they can be written and read.
//!
//! It does not decide what a state is, and but for maintenance it changes nothing.

mod blame;
pub mod checks;
pub mod drills;
mod form;
pub mod maintenance;
pub mod promises;
pub mod references;

pub use blame::{CanaryForm, EvidenceForm, IncidentForm, RevisionForm};
pub use drills::{
    DrillForm, DrilledForm, DrillsForm, FailoverForm, LeadsForm, SourceForm, StartForm,
};
pub use form::{
    BlindForm, BrokenForm, CheckForm, ChecksForm, EndpointForm, ErrorForm, ResultForm, ResultsForm,
    RunsForm, ServiceForm, ServicesForm, SideForm,
};
pub use maintenance::{AnnounceForm, AnnouncedForm, MaintenanceForm, WindowForm};
pub use promises::{OutageForm, OutagesForm, SloForm, SlosForm};
pub use references::{LastForm, ReferenceForm};

use super::exposure::ExposureForm;
use super::report::Wrong;
use super::trust::Trust;
use super::{Face, reading};
use crate::model::State as Health;
use crate::peer::VantageForm;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

/// Names closer than this (Jaro-Winkler, 1 is equal) are worth a "did you mean".
const ALIKE: f64 = 0.8;

/// `?service=&provider=&state=`: what is not given does not narrow.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Narrow {
    /// Name of a service.
    pub service: Option<String>,
    /// Name of a provider.
    pub provider: Option<String>,
    /// A state's word.
    pub state: Option<String>,
}

/// `?check=service/endpoint/probe`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// Id of the check.
    pub check: String,
}

/// A call that cannot be answered: the status and what the caller is told.
pub struct Refusal(StatusCode, ErrorForm);

impl Refusal {
    pub(super) fn new(
        status: StatusCode,
        error: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self(status, ErrorForm { error: error.into(), hint: hint.into() })
    }
}

impl From<Wrong> for Refusal {
    fn from(wrong: Wrong) -> Self {
        let status = if wrong.absent { StatusCode::NOT_FOUND } else { StatusCode::BAD_REQUEST };
        Self::new(status, wrong.said, wrong.hint)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(self.1)).into_response()
    }
}

impl Narrow {
    /// The state asked for; a word that is none is the caller's mistake.
    pub(super) fn state(&self) -> Result<Option<Health>, String> {
        let Some(word) = self.state.as_deref().filter(|word| !word.is_empty()) else {
            return Ok(None);
        };
        Health::from_word(word).map(Some).ok_or_else(|| format!("`{word}` is not a state"))
    }

    /// The text of a filter; an empty one is none, so that a form field left blank does not narrow.
    pub(super) fn text(field: Option<&str>) -> Option<&str> {
        field.filter(|text| !text.is_empty())
    }
}

/// `GET /api/v1/services`. A service is kept if it, or a side of it where a provider is given, is in the state asked for.
pub(super) async fn services(
    State(face): State<Face>,
    narrow: Result<Query<Narrow>, QueryRejection>,
) -> Result<Json<ServicesForm>, Refusal> {
    let (narrow, state) = accept(narrow)?;
    let mut services = face.picture.services();
    let names: Vec<_> = services.iter().map(|each| each.name.to_string()).collect();
    known("service", narrow.service.as_deref(), &names, "/api/v1/services")?;
    let clouds: Vec<_> = services
        .iter()
        .flat_map(|each| each.sides.iter().map(|side| side.provider.to_string()))
        .collect();
    known("provider", narrow.provider.as_deref(), &clouds, "/api/v1/services")?;
    if let Some(name) = Narrow::text(narrow.service.as_deref()) {
        services.retain(|each| &*each.name == name);
    }
    if let Some(provider) = Narrow::text(narrow.provider.as_deref()) {
        for service in &mut services {
            service.sides.retain(|side| &*side.provider == provider);
        }
        services.retain(|each| !each.sides.is_empty());
        if let Some(state) = state {
            services.retain(|each| each.sides.iter().any(|side| side.standing.state == state));
        }
    } else if let Some(state) = state {
        services.retain(|each| reading::overall(each).state == state);
    }
    let about = face.picture.about();
    let names = services.iter().map(|each| &*each.name).collect();
    let exposures = ExposureForm::of_services(&face.past.book, &names, about.now);
    let mut form = ServicesForm::new(&about, &services, exposures);
    form.references = face.references.list().iter().map(ReferenceForm::new).collect();
    let mut leads = drills::leads(&face.entries);
    for service in &mut form.services {
        if let Some(entry) = &mut service.entry {
            entry.leads = leads.remove(service.service.as_str());
        }
    }
    Ok(Json(form))
}

/// `GET /api/v1/vantage`: what is seen from here, for other vantage points; nothing while the monitor does not move.
pub(super) async fn vantage(State(face): State<Face>) -> Result<Json<VantageForm>, Refusal> {
    (face.alive)().map_err(|why| {
        let hint = "what it shows is not true any more; `/livez` says the same";
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why, hint)
    })?;
    Ok(Json((face.vouch)()))
}

/// `GET /api/v1/results?check=service/endpoint/probe`; the stories are for whom is trusted.
pub(super) async fn results(
    State(face): State<Face>,
    Trust(trusted): Trust,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Json<ResultsForm>, Refusal> {
    let Query(Which { check }) = which.map_err(|rejected| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            rejected.body_text(),
            "name one check, as in `/api/v1/results?check=service/endpoint/probe`",
        )
    })?;
    let Some(mut results) = face.picture.results(&check) else {
        let ids: Vec<_> = face.picture.checks().iter().map(|each| each.id.to_string()).collect();
        known("check", Some(&check), &ids, "/api/v1/checks")?;
        return Err(Refusal::new(
            StatusCode::NOT_FOUND,
            format!("there is nothing of check `{check}` yet"),
            "ask again after its first run",
        ));
    };
    if !trusted {
        for each in &mut results {
            each.story = None;
        }
    }
    Ok(Json(ResultsForm::new(&face.picture.about(), &check, &results)))
}

fn accept(
    narrow: Result<Query<Narrow>, QueryRejection>,
) -> Result<(Narrow, Option<Health>), Refusal> {
    let Query(narrow) = narrow.map_err(|rejected| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            rejected.body_text(),
            "narrow with `?service=`, `?provider=` and `?state=`",
        )
    })?;
    let state = narrow
        .state()
        .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error, state_hint()))?;
    Ok((narrow, state))
}

/// "one of `up`, `maintenance`, …".
fn state_hint() -> String {
    let words: Vec<_> = Health::ALL.iter().map(|state| format!("`{state}`")).collect();
    format!("one of {}", words.join(", "))
}

/// Refuses a name that does not exist, with the nearest one that does.
fn known(what: &str, name: Option<&str>, names: &[String], list: &str) -> Result<(), Refusal> {
    let Some(name) = Narrow::text(name) else { return Ok(()) };
    if names.iter().any(|each| each == name) {
        return Ok(());
    }
    let error = format!("there is no {what} `{name}`");
    let hint = nearest(name, names.iter().map(String::as_str)).map_or_else(
        || format!("`{list}` lists them all"),
        |near| format!("did you mean `{near}`? `{list}` lists them all"),
    );
    Err(Refusal::new(StatusCode::NOT_FOUND, error, hint))
}

/// The name most like `wanted`, if one is like it at all.
pub fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names
        .map(|name| (strsim::jaro_winkler(wanted, name), name))
        .filter(|(alike, _)| *alike > ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}
