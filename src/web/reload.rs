//! `POST /-/reload`: the configuration is read again, as by SIGHUP, and whoever asks is told what came of it.
//!
//! The local socket takes it, and the network's listener of whom the gate lets through; a page of another site that a browser on this machine shows may send
//! it too, and is refused by the header that browsers put on such calls. Requests wait in one short queue, and the daemon
//! takes them one by one.
//!
//! It reads nothing: the daemon does.

use super::api::ErrorForm;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use super::Face;

/// Requests that wait at most; the next one is told to come again.
const WAITING: usize = 16;

/// Where the configuration is read again. Cloning it clones a handle.
#[derive(Clone, Debug)]
pub struct Reload(mpsc::Sender<Asked>);

/// Somebody wants the configuration to be read again.
#[derive(Debug)]
pub struct Asked {
    /// Even if that drops very many checks.
    pub force: bool,
    /// Told what came of it.
    pub answer: oneshot::Sender<Answer>,
}

/// What came of it.
pub type Answer = Result<ReloadForm, Refused>;

/// The configuration in the file is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadForm {
    /// What changed, in one sentence.
    pub said: String,
    /// What is not in force all the same, and why; a sentence each.
    pub notes: Vec<String>,
    /// Whether every file is in force as it is; else some could not be used and the rest was applied.
    pub complete: bool,
}

/// The configuration that was in force still is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub said: String,
    /// What to do about it.
    pub hint: String,
    /// Whether it would be done if it were forced.
    pub forceable: bool,
}

/// `?force=true`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct How {
    #[serde(default)]
    force: bool,
}

impl Reload {
    /// A handle, and where what is asked over it comes out.
    pub fn new() -> (Self, mpsc::Receiver<Asked>) {
        let (ask, asked) = mpsc::channel(WAITING);
        (Self(ask), asked)
    }
}

/// Where that is.
pub(super) const PATH: &str = "/-/reload";

/// `POST /-/reload`.
pub(super) async fn ask(
    State(face): State<Face>,
    headers: HeaderMap,
    how: Result<Query<How>, QueryRejection>,
) -> Response {
    if headers.contains_key(header::ORIGIN) {
        return wrong(
            StatusCode::FORBIDDEN,
            "a page in a browser asks for this",
            "use `nephoscope reload`, or curl without `Origin`",
        );
    }
    let Ok(Query(How { force })) = how else {
        return wrong(
            StatusCode::BAD_REQUEST,
            "only `force=true` or `force=false` can be given",
            "`/-/reload?force=true` drops however many checks the file has lost",
        );
    };
    let (answer, told) = oneshot::channel();
    if face.reload.0.try_send(Asked { force, answer }).is_err() {
        return wrong(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many reloads wait already, or the daemon is stopping",
            "ask again when the others are done",
        );
    }
    match told.await {
        Ok(Ok(form)) => Json(form).into_response(),
        Ok(Err(Refused { said, hint, forceable })) => {
            let status =
                if forceable { StatusCode::CONFLICT } else { StatusCode::UNPROCESSABLE_ENTITY };
            wrong(status, said, hint)
        }
        Err(_) => wrong(
            StatusCode::SERVICE_UNAVAILABLE,
            "the daemon is stopping",
            "the next start reads the file anyway",
        ),
    }
}

fn wrong(status: StatusCode, error: impl Into<String>, hint: impl Into<String>) -> Response {
    (status, Json(ErrorForm { error: error.into(), hint: hint.into() })).into_response()
}
