//! `/livez` and `/readyz`, and the same under Prometheus' names.
//!
//! Alive means that the scheduler moves; ready means that the configuration is loaded and the first round planned. Both
//! are one word and, if the answer is no, one sentence, with 200 or 503.
//!
//! What counts as moving or planned is decided by who fills the [`Face`].

use super::{Answer, Face};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

pub(super) async fn alive(State(face): State<Face>) -> Response {
    say(&face.alive, "alive")
}

pub(super) async fn ready(State(face): State<Face>) -> Response {
    say(&face.ready, "ready")
}

fn say(answer: &Answer, word: &str) -> Response {
    match answer() {
        Ok(()) => (StatusCode::OK, format!("{word}\n")).into_response(),
        Err(why) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("not {word}: {why}\n")).into_response()
        }
    }
}
