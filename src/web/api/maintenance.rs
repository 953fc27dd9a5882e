//! `/api/v1/maintenance`: what is announced, and announcing.
//!
//! A window says its moments in Unix seconds like everything in the API. What cannot be announced is refused with what to do
//! about it. Who may announce is not asked here: whoever gets this far may.
//!
//! It decides nothing about windows: the desk does.

use super::form::moment;
use super::{Face, Refusal, nearest};
use crate::model::Timestamp;
use crate::monitor::desk::{Announced, LONGEST, Refused, Until, WindowView, Wish};
use crate::web::author::Author;
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// `GET /api/v1/maintenance`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MaintenanceForm {
    /// When the list was made.
    pub at: f64,
    /// Where this daemon stands.
    pub vantage: String,
    /// What holds, then what comes next, then what ended last.
    pub maintenance: Vec<WindowForm>,
}

/// One window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowForm {
    /// Names it.
    pub id: String,
    /// `now`, `to_come` or `ended`.
    pub phase: String,
    /// Whether it stands in the configuration, where alone it can be changed.
    pub configured: bool,
    /// What it is about: every key must fit, one of its values is enough.
    #[serde(rename = "match")]
    pub matching: BTreeMap<String, Vec<String>>,
    /// The text of a weekly window.
    pub every: Option<String>,
    /// Where it begins: of a weekly window the occurrence that holds or comes next.
    pub start: f64,
    /// Where it ends, or was ended.
    pub end: f64,
    /// By whom it was announced.
    pub by: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// When it was announced; null for one of the configuration.
    pub added: Option<f64>,
    /// When it was ended before its time.
    pub ended: Option<f64>,
    /// By whom.
    pub ended_by: Option<String>,
}

/// The body of `POST /api/v1/maintenance`; either `end` or `for_s`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnnounceForm {
    /// What it is about: every key must fit, one of its values is enough.
    #[serde(rename = "match", default)]
    pub matching: BTreeMap<String, Vec<String>>,
    /// Where it begins, in Unix seconds; now if nothing is said.
    #[serde(default)]
    pub start: Option<f64>,
    /// Where it ends, in Unix seconds.
    #[serde(default)]
    pub end: Option<f64>,
    /// How long it lasts, in seconds.
    #[serde(default)]
    pub for_s: Option<f64>,
    /// By whom; in the past it has to be said.
    #[serde(default)]
    pub by: String,
    /// Why; in the past it has to be said.
    #[serde(default)]
    pub reason: String,
    /// A very long window is meant.
    #[serde(default)]
    pub force: bool,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnnouncedForm {
    /// The window as it is now.
    pub window: WindowForm,
    /// How many checks it is about.
    pub checks: usize,
    /// Of which services.
    pub services: Vec<String>,
    /// Whether it is on disk; if not, a restart forgets it.
    pub stored: bool,
}

/// `?by=`, who ends it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct By {
    /// By whom.
    #[serde(default)]
    by: String,
}

/// `GET /api/v1/maintenance`.
pub(crate) async fn list(State(face): State<Face>) -> Json<MaintenanceForm> {
    let about = face.picture.about();
    Json(MaintenanceForm {
        at: moment(about.now),
        vantage: about.vantage.to_string(),
        maintenance: face.desk.list().into_iter().map(WindowForm::from).collect(),
    })
}

/// `POST /api/v1/maintenance`.
pub(crate) async fn add(
    State(face): State<Face>,
    author: Author,
    body: Result<Json<AnnounceForm>, JsonRejection>,
) -> Result<(StatusCode, Json<AnnouncedForm>), Refusal> {
    let Json(mut form) = body.map_err(|rejected| {
        let hint = r#"send JSON, as in `{"match": {"service": ["shop"]}, "for_s": 900}`"#;
        Refusal::new(rejected.status(), rejected.body_text(), hint)
    })?;
    form.by = author.signs(form.by);
    let announced = face.desk.add(form.wish()?).await.map_err(|refused| refusal(&refused))?;
    Ok((StatusCode::CREATED, Json(announced.into())))
}

/// `DELETE /api/v1/maintenance/{id}`.
pub(crate) async fn end(
    State(face): State<Face>,
    Path(id): Path<String>,
    author: Author,
    by: Result<Query<By>, QueryRejection>,
) -> Result<Json<AnnouncedForm>, Refusal> {
    let Query(By { by }) = by.map_err(|rejected| {
        let hint = "the only parameter is `?by=`";
        Refusal::new(StatusCode::BAD_REQUEST, rejected.body_text(), hint)
    })?;
    let ended = face.desk.end(&id, &author.signs(by)).await.map_err(|refused| refusal(&refused))?;
    Ok(Json(ended.into()))
}

impl AnnounceForm {
    fn wish(self) -> Result<Wish, Refusal> {
        let bad = |error: String, hint: &str| Refusal::new(StatusCode::BAD_REQUEST, error, hint);
        let at = |field: &str, seconds: f64| {
            read_moment(seconds).ok_or_else(|| {
                bad(format!("`{field}` is not a moment"), "Unix seconds, as in 1795348800")
            })
        };
        let until = match (self.end, self.for_s) {
            (Some(end), None) => Until::At(at("end", end)?),
            (None, Some(long)) => Until::For(Duration::try_from_secs_f64(long).map_err(|_| {
                bad("`for_s` is not a duration".into(), "seconds above 0, as in 900")
            })?),
            _ => return Err(bad("it does not say when it ends".into(), "either `end` or `for_s`")),
        };
        let from = self.start.map(|start| at("start", start)).transpose()?;
        let Self { matching, by, reason, force, .. } = self;
        Ok(Wish { matching, from, until, by, reason, force })
    }
}

/// Milliseconds fit: what is further away than any calendar reaches is no moment.
fn read_moment(seconds: f64) -> Option<Timestamp> {
    const FURTHEST: f64 = 253_402_300_800.0;
    #[expect(clippy::cast_possible_truncation, reason = "within the calendar")]
    let millis = (seconds * 1e3).round() as i64;
    (0.0..FURTHEST).contains(&seconds).then(|| Timestamp::from_millis(millis))
}

impl From<WindowView> for WindowForm {
    fn from(view: WindowView) -> Self {
        let text = |text: Option<std::sync::Arc<str>>| text.as_deref().map(str::to_owned);
        let keys = view.matching.iter().map(|(key, values)| (key.to_owned(), values.to_vec()));
        Self {
            matching: keys.collect(),
            id: view.id.to_string(),
            phase: view.phase.to_string(),
            configured: view.configured,
            every: view.every,
            start: moment(view.from),
            end: moment(view.to),
            by: text(view.by),
            reason: text(view.reason),
            added: view.added.map(moment),
            ended: view.ended.map(moment),
            ended_by: text(view.ended_by),
        }
    }
}

impl From<Announced> for AnnouncedForm {
    fn from(announced: Announced) -> Self {
        Self {
            window: announced.window.into(),
            checks: announced.checks,
            services: announced.services.iter().map(ToString::to_string).collect(),
            stored: announced.stored,
        }
    }
}

fn refusal(refused: &Refused) -> Refusal {
    let status = match refused {
        Refused::NoWindow { .. } => StatusCode::NOT_FOUND,
        Refused::TooMany | Refused::Configured { .. } | Refused::Ended { .. } => {
            StatusCode::CONFLICT
        }
        Refused::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    };
    let hint = hint(refused);
    Refusal::new(status, refused.to_string(), hint)
}

/// What to do about it.
fn hint(refused: &Refused) -> String {
    let near = |name: &str, known: &[String], what: &str| {
        let list = || match known {
            [] => format!("there is no {what} at all"),
            [.., _] if known.len() > 12 => format!("there are {} {what}s", known.len()),
            _ => format!("one of `{}`", known.join("`, `")),
        };
        nearest(name, known.iter().map(String::as_str))
            .map_or_else(list, |near| format!("did you mean `{near}`?"))
    };
    match refused {
        Refused::AboutNothing | Refused::NoValue { .. } => {
            "name a service, provider, region, endpoint, probe or label, as in `service=shop`"
                .into()
        }
        Refused::NoKey { key, known } => near(key, known, "key"),
        Refused::NoName { key, value, known } => near(value, known, key),
        Refused::FitsNothing { .. } => {
            "every key has to fit; several values of one key are alternatives".into()
        }
        Refused::TooWide => "match by provider or label instead of by name".into(),
        Refused::EndsFirst => "a window ends after it starts".into(),
        Refused::TooLong(_) => {
            let longest = crate::model::human_duration(LONGEST);
            format!("`force` says that more than {longest} is meant")
        }
        Refused::TooFar => "is the year right?".into(),
        Refused::Unsigned { .. } => "both are shown beside the numbers that change".into(),
        Refused::BadText { .. } => "say it in one sentence".into(),
        Refused::TooMany => "a weekly window in the configuration takes the place of many".into(),
        Refused::NoWindow { id, known } => near(id, known, "window"),
        Refused::Configured { .. } => {
            "take it out of the configuration, then restart the daemon".into()
        }
        Refused::Ended { .. } => {
            "what has ended is not taken back: reports, alerts and closed periods were made by it"
                .into()
        }
        Refused::Stopping => "ask again when it runs".into(),
    }
}
