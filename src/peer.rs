//! Asking another vantage point what it sees.
//!
//! One GET of `/api/v1/vantage` under one hard deadline; what comes is read up to [`ANSWER_LIMIT`] and must be in the name
//! that was expected. Redirects are not followed, nothing is sent twice, no proxy is taken from the environment. Whatever
//! goes wrong is one sentence, and means only that nothing is known.
//!
//! It does not know when to ask, nor what an answer is worth; it never writes to anybody.

mod form;

pub use form::{PATH, SaidForm, SeenCanaryForm, SeenServiceForm, SeenSideForm, VantageForm};

use crate::model::Peer;
use crate::net::way::Way;
use reqwest::Method;
use std::sync::Arc;
use url::Url;

/// Bytes of an answer at most; a service on two clouds takes some 300.
pub const ANSWER_LIMIT: usize = 8 * 1024 * 1024;

/// A way could not be made ready.
#[derive(Debug, thiserror::Error)]
#[error("cannot make the way to the vantage `{vantage}` ready")]
pub struct Error {
    /// Its name.
    pub vantage: String,
    /// Why.
    #[source]
    pub source: reqwest::Error,
}

/// Why nothing is known of what another vantage sees.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Silence(String);

/// The way to one other vantage point. Cloning it clones a handle.
#[derive(Clone)]
pub struct Asker {
    way: Way,
    url: Url,
    vantage: Arc<str>,
}

impl Asker {
    /// Makes a way ready; nothing is sent yet.
    pub fn new(peer: &Peer) -> Result<Self, Error> {
        let way = Way::new(peer.ca.as_ref(), peer.auth.as_ref(), peer.timeout)
            .map_err(|source| Error { vantage: peer.vantage.to_string(), source })?;
        let mut url = peer.url.clone();
        let path = format!("{}{PATH}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Ok(Self { way, url, vantage: Arc::clone(&peer.vantage) })
    }

    /// What it sees now.
    pub async fn ask(&self) -> Result<VantageForm, Silence> {
        let request = self.way.request(Method::GET, &self.url);
        let mut answer = request.send().await.map_err(|error| self.unanswered(error))?;
        let status = answer.status();
        if !status.is_success() {
            return Err(Silence(format!("it answered {status}")));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.unanswered(error))? {
            if body.len() + chunk.len() > ANSWER_LIMIT {
                return Err(Silence(format!("its answer is longer than {ANSWER_LIMIT} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        let form: VantageForm = serde_json::from_slice(&body)
            .map_err(|error| Silence(format!("its answer cannot be read: {error}")))?;
        if *form.vantage != *self.vantage {
            let said: String = form.vantage.escape_default().take(64).collect();
            let expected = &self.vantage;
            let why = format!("it says that it is `{said}`, not `{expected}`: check `url`");
            return Err(Silence(why));
        }
        Ok(form)
    }

    fn unanswered(&self, error: reqwest::Error) -> Silence {
        Silence(self.way.unanswered(error))
    }
}
