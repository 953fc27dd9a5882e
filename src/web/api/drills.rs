//! `/api/v1/drills` and where a public name leads, in `/api/v1/services`: forms, and drilling.
//!
//! Starting and ending a drill are answered when the daemon has stored them. Who may is not asked here: whoever gets this far may.
//!
//! It decides nothing: the rules of a failover do, and whoever drills switches.

use super::form::moment;
use super::{Face, Refusal, nearest};
use crate::failover::{Failover, Source};
use crate::model::{FailoverStep, Timestamp};
use crate::monitor::drills::{Drilled, NoDrill};
use crate::monitor::entries::{Entries, Watched, named_shares};
use crate::web::author::Author;
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// `GET /api/v1/drills`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DrillsForm {
    /// When the list was made.
    pub at: f64,
    /// Where this daemon stands.
    pub vantage: String,
    /// The last ones of each service, the newest first.
    pub drills: Vec<DrillForm>,
}

/// A planned failover.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DrillForm {
    /// Of which service.
    pub service: String,
    /// When it was started.
    pub started: f64,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When it was ended; null while it is on.
    pub ended: Option<f64>,
    /// By whom.
    pub ended_by: Option<String>,
}

/// The body of `POST /api/v1/drills`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartForm {
    /// Of which service.
    pub service: String,
    /// By whom.
    #[serde(default)]
    pub by: String,
    /// Why.
    #[serde(default)]
    pub reason: String,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DrilledForm {
    /// The drill as it is now.
    pub drill: DrillForm,
    /// Whether it is on disk; if not, a restart forgets it.
    pub stored: bool,
}

/// Where a public name leads, and how its last failovers went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeadsForm {
    /// How clients are spread: what may be called late, silent or split.
    pub policy: String,
    /// How much leads to each provider; `unmapped` for the rest. Empty while nothing is known.
    pub shares: BTreeMap<String, f64>,
    /// When it was last looked at.
    pub looked: Option<f64>,
    /// Why the zone's own servers could not be asked.
    pub lost: Option<String>,
    /// What the zone's own servers say, then what each resolver says.
    pub sources: Vec<SourceForm>,
    /// It leads to a cloud that has been down for longer than it may.
    pub late: bool,
    /// It leads elsewhere, and nothing explains it.
    pub silent: bool,
    /// Answers have differed for longer than they may be kept.
    pub split: bool,
    /// When a fresh client was last served by another cloud after a switch.
    pub proven: Option<f64>,
    /// The last failovers, the newest first.
    pub failovers: Vec<FailoverForm>,
    /// The last drills, the newest first.
    pub drills: Vec<DrillForm>,
}

/// What one name server says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceForm {
    /// `authoritative` or `resolver`.
    pub kind: String,
    /// Which: name and address, `system`, or an address.
    pub who: String,
    /// Providers that it leads to; of one that is silent, those it led to last.
    pub providers: Vec<String>,
    /// The addresses it gave.
    pub addresses: Vec<String>,
    /// The aliases on the way.
    pub aliases: Vec<String>,
    /// For so long its answer may be kept.
    pub ttl_s: Option<u64>,
    /// Why it gave no usable answer.
    pub said: Option<String>,
}

/// One failover.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailoverForm {
    /// `outage`, `planned` or `silent`.
    pub cause: String,
    /// The provider that the name led to.
    pub from: String,
    /// The provider that it leads to since; null if nothing has switched.
    pub to: Option<String>,
    /// From where time is counted.
    pub began: f64,
    /// How long each step took that was reached, in seconds.
    pub steps_s: BTreeMap<String, f64>,
    /// When the first provider was well again.
    pub recovered: Option<f64>,
    /// Whether it was late.
    pub late: bool,
    /// Whether answers differed for longer than they may be kept.
    pub split: bool,
    /// When there was nothing more to see of it.
    pub ended: Option<f64>,
}

/// `?by=`, who ends it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct By {
    /// By whom.
    #[serde(default)]
    by: String,
}

/// `GET /api/v1/drills`.
pub(crate) async fn list(State(face): State<Face>) -> Json<DrillsForm> {
    let about = face.picture.about();
    let mut drills = Vec::new();
    face.entries.each(|watched| drills.extend(drills_of(watched)));
    drills.sort_by(|a, b| b.started.total_cmp(&a.started));
    Json(DrillsForm { at: moment(about.now), vantage: about.vantage.to_string(), drills })
}

/// `POST /api/v1/drills`.
pub(crate) async fn start(
    State(face): State<Face>,
    author: Author,
    body: Result<Json<StartForm>, JsonRejection>,
) -> Result<(StatusCode, Json<DrilledForm>), Refusal> {
    let Json(form) = body.map_err(|rejected| {
        let hint =
            r#"send JSON, as in `{"service": "shop", "by": "ann", "reason": "quarterly drill"}`"#;
        Refusal::new(rejected.status(), rejected.body_text(), hint)
    })?;
    let by = author.signs(form.by);
    let started = face.drills.start(&form.service, &by, &form.reason).await;
    let started = started.map_err(|refused| refusal(&refused))?;
    Ok((StatusCode::CREATED, Json(started.into())))
}

/// `DELETE /api/v1/drills/{service}`.
pub(crate) async fn end(
    State(face): State<Face>,
    Path(service): Path<String>,
    author: Author,
    by: Result<Query<By>, QueryRejection>,
) -> Result<Json<DrilledForm>, Refusal> {
    let Query(By { by }) = by.map_err(|rejected| {
        Refusal::new(StatusCode::BAD_REQUEST, rejected.body_text(), "the only parameter is `?by=`")
    })?;
    let ended = face.drills.end(&service, &author.signs(by)).await;
    let ended = ended.map_err(|refused| refusal(&refused))?;
    Ok(Json(ended.into()))
}

/// Where each public name leads, by service.
pub(super) fn leads(entries: &Entries) -> BTreeMap<Arc<str>, LeadsForm> {
    let providers = entries.providers();
    let mut all = BTreeMap::new();
    entries.each(|watched| {
        all.insert(Arc::clone(&watched.service), LeadsForm::new(watched, providers));
    });
    all
}

/// Where each public name leads, in a sentence, by the name.
pub(in crate::web) fn sentences(entries: &Entries) -> BTreeMap<Arc<str>, String> {
    let providers = entries.providers();
    let mut all = BTreeMap::new();
    entries.each(|watched| {
        let name = &watched.name;
        let mut said = match name.share() {
            None => "not known yet where it leads".to_owned(),
            Some(share) => {
                let shares = named_shares(providers, name.terms(), &share);
                let parts = shares.iter().filter(|(_, ratio)| *ratio > 0.0).map(|(of, ratio)| {
                    if *ratio > 0.999 {
                        of.to_string()
                    } else {
                        format!("{:.0} % {of}", ratio * 100.0)
                    }
                });
                format!("leads to {}", parts.collect::<Vec<_>>().join(", "))
            }
        };
        let flags = [
            (name.drill().is_some(), "a drill is on"),
            (name.is_late(), "failover is late"),
            (name.is_silent(), "switched, and nothing explains it"),
            (name.is_split(), "answers differ for too long"),
        ];
        for (_, words) in flags.into_iter().filter(|(is, _)| *is) {
            said.push_str("; ");
            said.push_str(words);
        }
        all.insert(Arc::clone(&watched.host), said);
    });
    all
}

impl LeadsForm {
    fn new(watched: &Watched, providers: &[Arc<str>]) -> Self {
        let (name, lead) = (&watched.name, watched.name.lead());
        let shares = name.share().map(|share| named_shares(providers, name.terms(), &share));
        let sources = |kind: &'static str, sources: &[Source]| -> Vec<SourceForm> {
            sources.iter().map(|source| SourceForm::new(kind, source, providers)).collect()
        };
        let failovers = watched.failovers.iter().rev();
        Self {
            policy: name.terms().policy.to_string(),
            shares: shares
                .into_iter()
                .flatten()
                .map(|(of, ratio)| (of.to_string(), ratio))
                .collect(),
            looked: lead.looked.map(moment),
            lost: lead.lost.clone(),
            sources: [
                sources("authoritative", &lead.authoritative),
                sources("resolver", &lead.resolvers),
            ]
            .concat(),
            late: name.is_late(),
            silent: name.is_silent(),
            split: name.is_split(),
            proven: name.proven().map(moment),
            failovers: failovers.map(|each| FailoverForm::new(each, providers)).collect(),
            drills: drills_of(watched),
        }
    }
}

impl SourceForm {
    fn new(kind: &str, source: &Source, providers: &[Arc<str>]) -> Self {
        let led = source.answer.said.as_ref();
        let clouds = source.share.iter().flat_map(|share| &share.clouds);
        let text = |list: &[Arc<str>]| list.iter().map(ToString::to_string).collect();
        Self {
            kind: kind.to_owned(),
            who: source.who.to_string(),
            providers: clouds.map(|(cloud, _)| providers[*cloud].to_string()).collect(),
            addresses: led.map_or_else(
                |_| Vec::new(),
                |led| led.addresses.iter().map(ToString::to_string).collect(),
            ),
            aliases: led.map_or_else(|_| Vec::new(), |led| text(&led.chain)),
            ttl_s: led.ok().map(|led| led.ttl.as_secs()),
            said: led.err().cloned(),
        }
    }
}

impl FailoverForm {
    fn new(failover: &Failover, providers: &[Arc<str>]) -> Self {
        let steps = FailoverStep::ALL
            .iter()
            .filter_map(|step| Some((step.to_string(), failover.took(*step)?.as_secs_f64())));
        Self {
            cause: failover.cause.to_string(),
            from: providers[failover.from].to_string(),
            to: failover.to.map(|to| providers[to].to_string()),
            began: moment(failover.began),
            steps_s: steps.collect(),
            recovered: failover.recovered.map(moment),
            late: failover.late,
            split: failover.split,
            ended: failover.ended.map(moment),
        }
    }
}

fn drills_of(watched: &Watched) -> Vec<DrillForm> {
    let at = |millis: i64| moment(Timestamp::from_millis(millis));
    let form = watched.drills.iter().rev().map(|drill| DrillForm {
        service: drill.service.clone(),
        started: at(drill.started_ms),
        by: drill.by.clone(),
        reason: drill.reason.clone(),
        ended: drill.ended_ms.map(at),
        ended_by: drill.ended_by.clone(),
    });
    form.collect()
}

impl From<Drilled> for DrilledForm {
    fn from(drilled: Drilled) -> Self {
        let at = |millis: i64| moment(Timestamp::from_millis(millis));
        let drill = drilled.drill;
        Self {
            drill: DrillForm {
                started: at(drill.started_ms),
                ended: drill.ended_ms.map(at),
                service: drill.service,
                by: drill.by,
                reason: drill.reason,
                ended_by: drill.ended_by,
            },
            stored: drilled.stored,
        }
    }
}

fn refusal(refused: &NoDrill) -> Refusal {
    let (status, hint) = match refused {
        NoDrill::NoService { name, known } => {
            let near = nearest(name, known.iter().map(String::as_str));
            let hint = near.map_or_else(
                || "`nephoscope status` lists the services".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            (StatusCode::NOT_FOUND, hint)
        }
        NoDrill::NoEntry { .. } => {
            (StatusCode::BAD_REQUEST, "give it an entry in the configuration".to_owned())
        }
        NoDrill::IsOn { .. } => (StatusCode::CONFLICT, "`nephoscope drill end` ends it".to_owned()),
        NoDrill::IsOff { .. } => {
            (StatusCode::CONFLICT, "`nephoscope drill start` starts one".to_owned())
        }
        NoDrill::Refused(crate::monitor::desk::Refused::Stopping) => {
            (StatusCode::SERVICE_UNAVAILABLE, "ask again when it runs".to_owned())
        }
        NoDrill::Refused(_) => (StatusCode::BAD_REQUEST, "say it in one sentence".to_owned()),
    };
    Refusal::new(status, refused.to_string(), hint)
}
