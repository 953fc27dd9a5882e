//! `GET /api/v1/checks`: every check with its state and last runs, a page at a time.
//!
//! A check takes some 1.6 KB, so what is in one answer is bounded; `next` of an answer is `after` of the next question. A page
//! begins behind the check of that id, wherever the configuration has it by then, and whatever its state is by then.
//!
//! The pages of one reading are not of one moment.

use super::{ChecksForm, Narrow, Refusal, accept, known, nearest};
use crate::web::Face;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::Deserialize;

/// Checks in one answer at most: some 8 MB.
pub const CHECKS_AT_MOST: usize = 5_000;

/// `?service=&provider=&state=&limit=&after=`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    service: Option<String>,
    provider: Option<String>,
    state: Option<String>,
    /// Checks in the answer at most; [`CHECKS_AT_MOST`] where nothing is said.
    limit: Option<usize>,
    /// Id of the check behind which the page begins.
    after: Option<String>,
}

/// What is asked for when a question cannot be read.
const HINT: &str = "narrow with `?service=`, `?provider=` and `?state=`; `?limit=` is 1 to 5000, and `?after=` the `next` of the answer before";

/// `GET /api/v1/checks`.
pub(in crate::web) async fn checks(
    State(face): State<Face>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<ChecksForm>, Refusal> {
    let bad = |said: String| Refusal::new(StatusCode::BAD_REQUEST, said, HINT);
    let Query(Asked { service, provider, state, limit, after }) =
        asked.map_err(|rejected| bad(rejected.body_text()))?;
    let limit = limit.unwrap_or(CHECKS_AT_MOST);
    if !(1..=CHECKS_AT_MOST).contains(&limit) {
        return Err(bad(format!("`limit` is {limit}")));
    }
    let (narrow, state) = accept(Ok(Query(Narrow { service, provider, state })))?;
    let mut checks = face.picture.checks();
    if narrow.service.is_some() || narrow.provider.is_some() {
        let names: Vec<_> = checks.iter().map(|each| each.service.to_string()).collect();
        known("service", narrow.service.as_deref(), &names, "/api/v1/services")?;
        let clouds: Vec<_> = checks.iter().map(|each| each.provider.to_string()).collect();
        known("provider", narrow.provider.as_deref(), &clouds, "/api/v1/services")?;
    }
    let begin = match Narrow::text(after.as_deref()) {
        None => 0,
        Some(id) => 1 + checks.iter().position(|each| each.id.as_str() == id).ok_or_else(|| {
            let ids = checks.iter().map(|each| each.id.as_str());
            let near = nearest(id, ids).map_or_else(String::new, |id| format!(" (`{id}`?)"));
            let hint = format!("`after` is the `next` of the answer before{near}; if the configuration has changed since, begin anew without it");
            Refusal::new(StatusCode::NOT_FOUND, format!("there is no check `{id}`"), hint)
        })?,
    };
    let mut position = 0;
    let mut total = 0;
    checks.retain(|each| {
        let fits = Narrow::text(narrow.service.as_deref())
            .is_none_or(|name| &*each.service == name)
            && Narrow::text(narrow.provider.as_deref()).is_none_or(|name| &*each.provider == name)
            && state.is_none_or(|state| each.standing.state == state);
        position += 1;
        total += usize::from(fits);
        fits && position > begin
    });
    let is_last = checks.len() <= limit;
    checks.truncate(limit);
    let next = checks.last().filter(|_| !is_last).map(|last| last.id.to_string());
    Ok(Json(ChecksForm { total, next, ..ChecksForm::new(&face.picture.about(), &checks) }))
}
