//! What people and programs see of the monitor over HTTP: status page, API, health, metrics.
//!
//! [`router`] is a plain function of a [`Face`]: where the picture comes from, whether the daemon is alive and ready,
//! and who writes the exposition. Every answer is made from views that were copied before rendering began, so no reader
//! can slow the writer. Reading is nearly all there is; who may do more over the network, and who may read there, is told apart by
//! the [`gate`]. There are limits on everything a client may send.
//!
//! It knows neither how to probe nor how the configuration is made, and it opens no socket: [`serve`] is given one.

pub mod api;
mod assets;
mod author;
pub mod exposure;
mod gate;
mod health;
pub mod page;
mod probe;
pub mod reading;
pub mod reload;
pub mod report;
pub mod serve;
mod story;
mod trust;

pub use gate::{Compare, Count, Gate};

use crate::monitor::board::Board;
use crate::monitor::book::Book;
use crate::monitor::demand::Demands;
use crate::monitor::desk::Desk;
use crate::monitor::drills::Drills;
use crate::monitor::entries::{Entries, KeptDrill, KeptFailover};
use crate::monitor::form::Frozen;
use crate::monitor::outages::{CanaryView, Incident, Outage};
use crate::monitor::references::References;
use crate::monitor::snapshot::{About, CheckView, ResultView, ServiceView, Step};
use crate::peer::VantageForm;
use axum::body::Body;
use axum::extract::{FromRef, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Extension, Router};
use reload::Reload;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;
use trust::Trust;

/// Bytes of request body that are read at most: the longest that is sent is an announcement of maintenance.
const BODY_LIMIT: usize = 16 * 1024;

/// An answer that takes longer to begin than this is given up with 503; rendering 20 000 checks takes well below a second.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What the page may load: its own two files, and itself again by script.
const CONTENT_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Where the views come from.
pub trait Picture: Send + Sync + 'static {
    /// What the monitor says of itself.
    fn about(&self) -> About;
    /// Every service with its sides, in the order of the configuration.
    fn services(&self) -> Vec<ServiceView>;
    /// Every check, in the order of the configuration.
    fn checks(&self) -> Vec<CheckView>;
    /// What is kept of the last runs of a check, newest first; `None` if there is no such check.
    fn results(&self, check: &str) -> Option<Vec<ResultView>>;
    /// The last runs of a check without their words, newest first; empty if there is no such check.
    fn trail(&self, check: &str) -> Vec<Step>;
    /// The story of the last failure of a check, if it is kept.
    fn story(&self, check: &str) -> Option<Arc<str>>;
}

impl Picture for Board {
    fn about(&self) -> About {
        Self::about(self)
    }

    fn services(&self) -> Vec<ServiceView> {
        Self::services(self)
    }

    fn checks(&self) -> Vec<CheckView> {
        Self::checks(self)
    }

    fn results(&self, check: &str) -> Option<Vec<ResultView>> {
        Self::results(self, check)
    }

    fn trail(&self, check: &str) -> Vec<Step> {
        Self::trail(self, check)
    }

    fn story(&self, check: &str) -> Option<Arc<str>> {
        Self::story(self, check)
    }
}

/// Where reports come from. Cloning it clones handles.
#[derive(Clone)]
pub struct Past {
    /// The past of every service.
    pub book: Book,
    /// What is or was down.
    pub outages: Arc<dyn Fn() -> Vec<Outage> + Send + Sync>,
    /// What became of public names.
    pub failovers: Arc<dyn Fn() -> Vec<KeptFailover> + Send + Sync>,
    /// When that was tried.
    pub drills: Arc<dyn Fn() -> Vec<KeptDrill> + Send + Sync>,
    /// What lasts, by cause, from memory.
    pub incidents: Arc<dyn Fn() -> Vec<Incident> + Send + Sync>,
    /// The canaries of each region that has some of the data plane.
    pub canaries: Arc<dyn Fn() -> Vec<CanaryView> + Send + Sync>,
    /// What is down, and what was lately, from memory.
    pub recent: Arc<dyn Fn() -> Vec<Outage> + Send + Sync>,
    /// Closed periods, every revision.
    pub frozen: Arc<dyn Fn() -> Vec<Frozen> + Send + Sync>,
}

/// A question that is answered with yes, or with no and one sentence why.
pub type Answer = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// Everything the router needs. Cloning it clones handles.
#[derive(Clone)]
pub struct Face {
    /// Where the views come from.
    pub picture: Arc<dyn Picture>,
    /// Where reports come from.
    pub past: Past,
    /// Where maintenance is announced.
    pub desk: Desk,
    /// Sentinels, canaries and shared dependencies.
    pub references: References,
    /// The public names.
    pub entries: Entries,
    /// Where drills are started and ended.
    pub drills: Drills,
    /// What other vantage points are told.
    pub vouch: Arc<dyn Fn() -> VantageForm + Send + Sync>,
    /// Where probes are asked for.
    pub demands: Demands,
    /// Where the configuration is read again.
    pub reload: Reload,
    /// Whether history is being kept.
    pub keeping: Answer,
    /// Whether the scheduler moves.
    pub alive: Answer,
    /// Whether the configuration is loaded and the first round planned.
    pub ready: Answer,
    /// Writes the exposition text, whole or in pieces; `None` while too many are being read.
    pub metrics: Arc<dyn Fn() -> Option<Body> + Send + Sync>,
}

/// What a router shows: a face that may be replaced while it serves. An answer is given by one face from begin to end.
/// Cloning it clones a handle.
#[derive(Clone)]
pub struct Faces(Arc<RwLock<Face>>);

impl Faces {
    /// Shows another face from the next request on.
    pub fn show(&self, face: Face) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = face;
    }
}

impl From<Face> for Faces {
    fn from(face: Face) -> Self {
        Self(Arc::new(RwLock::new(face)))
    }
}

impl FromRef<Faces> for Face {
    fn from_ref(faces: &Faces) -> Self {
        faces.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// On which listener a router serves.
#[derive(Clone)]
pub enum Door {
    /// The local socket: who may open it may write.
    Local,
    /// The network: who may do what is told apart there.
    Network(Arc<Gate>),
}

/// All paths, with limits and headers.
pub fn router(faces: impl Into<Faces>, door: Door) -> Router {
    use api::{drills, maintenance};
    let paths = Router::new()
        .route(reload::PATH, post(reload::ask))
        .route("/api/v1/drills", get(drills::list).post(drills::start))
        .route("/api/v1/drills/{service}", delete(drills::end))
        .route("/api/v1/maintenance", get(maintenance::list).post(maintenance::add))
        .route("/api/v1/maintenance/{id}", delete(maintenance::end))
        .route("/", get(page::show))
        .route(assets::STYLE_PATH, get(assets::style))
        .route(assets::SCRIPT_PATH, get(assets::script))
        .route(assets::ICON_PATH, get(assets::icon))
        .route("/api/v1/services", get(api::services))
        .route("/api/v1/checks", get(api::checks::checks))
        .route("/api/v1/results", get(api::results))
        .route("/api/v1/slos", get(api::promises::slos))
        .route("/api/v1/outages", get(api::promises::outages))
        .route(crate::peer::PATH, get(api::vantage))
        .route("/api/v1/report", get(report::show))
        .route("/metrics", get(metrics))
        .route("/livez", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/-/healthy", get(health::alive))
        .route("/-/ready", get(health::ready))
        .fallback(nothing_here)
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_WITHIN))
        // It has a limit of its own, and may wait for it.
        .route(probe::PATH, get(probe::ask));
    let paths = match door {
        Door::Local => paths.layer(Extension(Trust(true))),
        Door::Network(gate) => paths.layer(from_fn_with_state(gate, gate::pass)),
    };
    paths
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT))
        .layer(map_response(guard))
        .with_state(faces.into())
}

async fn metrics(State(face): State<Face>) -> Response {
    const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";
    const BUSY: &str = "too many scrapes at once; one every few seconds is plenty\n";
    match (face.metrics)() {
        Some(body) => ([(header::CONTENT_TYPE, TEXT_FORMAT)], body).into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, BUSY).into_response(),
    }
}

async fn nothing_here() -> Response {
    const WHERE_TO_LOOK: &str = "nothing here; try `/` (status page), `/metrics`, `/probe?target=…`, `/api/v1/services`, \
         `/api/v1/checks`, `/api/v1/results?check=…`, `/api/v1/slos`, \
         `/api/v1/outages`, `/api/v1/vantage`, `/api/v1/maintenance`, `/api/v1/drills`, `/api/v1/report`, \
         `/livez` or `/readyz`\n";
    (StatusCode::NOT_FOUND, WHERE_TO_LOOK).into_response()
}

/// Headers that every answer carries; what a handler has set itself is kept.
async fn guard(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
