//! One delivery: a body posted to a receiver under one deadline.
//!
//! Only an answer of class 2 is a success; redirects are not followed, nothing is sent twice by itself, and no proxy is taken
//! from the environment. Of any other answer the first words are kept, because they often say what is wrong.
//!
//! No message has the URL in it, which may be secret.

use crate::model::{PushOutcome, Receiver, ReceiverKind};
use crate::net::way::Way;
use reqwest::{Method, StatusCode};
use std::fmt;
use url::Url;

/// Where an Alertmanager takes alerts.
const API: &str = "api/v2/alerts";

/// Characters kept of an answer that is no success.
const KEPT: usize = 200;

/// A way could not be made ready.
#[derive(Debug, thiserror::Error)]
#[error("cannot make the way to the receiver `{receiver}` ready")]
pub struct Error {
    /// Its name.
    pub receiver: String,
    /// Why.
    #[source]
    pub source: reqwest::Error,
}

/// Why a delivery was none.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) outcome: PushOutcome,
    status: Option<StatusCode>,
    said: String,
}

impl Failure {
    /// Whether it is about what was sent, and other things may still be sent.
    pub(super) fn is_its_own(&self) -> bool {
        self.status.is_some_and(|status| {
            status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.said)
    }
}

/// Posts to one receiver.
pub(super) struct Post {
    way: Way,
    url: Url,
}

impl Post {
    pub(super) fn new(receiver: &Receiver) -> Result<Self, Error> {
        let way = Way::new(receiver.ca.as_ref(), receiver.auth.as_ref(), receiver.timeout)
            .map_err(|source| Error { receiver: receiver.name.to_string(), source })?;
        Ok(Self { way, url: address(receiver) })
    }

    /// Posts JSON; an error if it was not taken.
    pub(super) async fn send(&self, body: Vec<u8>) -> Result<(), Failure> {
        let request = self
            .way
            .request(Method::POST, &self.url)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(body);
        let mut answer = request.send().await.map_err(|error| self.unanswered(error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let first = answer.chunk().await.ok().flatten().unwrap_or_default();
        let words: String = String::from_utf8_lossy(&first).chars().take(KEPT).collect();
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        let said = if words.is_empty() {
            format!("it answered {status}")
        } else {
            format!("it answered {status}: {}", words.replace(char::is_control, " "))
        };
        Err(Failure { outcome: PushOutcome::Refused, status: Some(status), said })
    }

    fn unanswered(&self, error: reqwest::Error) -> Failure {
        let said = self.way.unanswered(error);
        Failure { outcome: PushOutcome::Unanswered, status: None, said }
    }
}

/// Where to post.
fn address(receiver: &Receiver) -> Url {
    let mut url = receiver.url.clone();
    if receiver.kind == ReceiverKind::Alertmanager {
        let path = format!("{}/{API}", url.path().trim_end_matches('/'));
        url.set_path(&path);
    }
    url
}
