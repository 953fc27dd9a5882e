//! One heartbeat: a request to whoever raises an alarm when they stop coming.
//!
//! A GET without a body, under one deadline; only an answer of class 2 is a success. Redirects are not followed, nothing is sent
//! twice, and no proxy is taken from the environment.
//!
//! No message has the URL in it, which may be as good as a password. When a heartbeat is due is not decided here.

use super::Error;
use crate::net::way::Way;
use reqwest::Method;
use std::time::Duration;
use url::Url;

/// A heartbeat that is not taken after this was none.
const WITHIN: Duration = Duration::from_secs(10);

/// The way to whoever listens for the heartbeat.
pub struct Heartbeat {
    way: Way,
    url: Url,
}

impl Heartbeat {
    /// Makes the way ready; nothing is sent yet.
    pub fn new(url: Url) -> Result<Self, Error> {
        let way = Way::new(None, None, WITHIN).map_err(|source| Error {
            receiver: url.host_str().unwrap_or_default().to_owned(),
            source,
        })?;
        Ok(Self { way, url })
    }

    /// Sends one; a sentence why it was not taken.
    pub async fn send(&self) -> Result<(), String> {
        let answer = self.way.request(Method::GET, &self.url).send().await;
        let status = answer.map_err(|error| self.way.unanswered(error))?.status();
        if status.is_success() { Ok(()) } else { Err(format!("it answered {status}")) }
    }
}
