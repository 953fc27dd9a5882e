//! The way to another program's HTTP interface: a receiver of alerts, another vantage point.
//!
//! One request under one deadline. Redirects are not followed, nothing is sent twice, no connection is kept (it would fail just
//! when the network or the far side does), no proxy is taken from the environment. What goes wrong is said without the URL,
//! which may be secret.
//!
//! It does not know what is asked for, nor what an answer means. Probes go another way (`probe/http.rs`).

use crate::model::{Auth, PemFile};
use reqwest::{Certificate, Client, Method, RequestBuilder, redirect, retry};
use std::time::Duration;
use url::Url;

/// A way that is ready. Cloning it clones a handle.
#[derive(Clone)]
pub struct Way {
    client: Client,
    auth: Option<Auth>,
    timeout: Duration,
}

impl Way {
    /// Makes a way ready, trusting `ca` instead of the system's roots if it is given; nothing is sent yet.
    ///
    /// # Errors
    /// If the roots or the client cannot be had; without a URL.
    pub fn new(
        ca: Option<&PemFile>,
        auth: Option<&Auth>,
        timeout: Duration,
    ) -> Result<Self, reqwest::Error> {
        let mut builder = Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .redirect(redirect::Policy::none())
            .referer(false)
            .retry(retry::never())
            .user_agent(concat!("nephoscope/", env!("CARGO_PKG_VERSION")))
            .timeout(timeout);
        if let Some(ca) = ca {
            let roots = Certificate::from_pem_bundle(&ca.bytes);
            builder = builder.tls_certs_only(roots.map_err(reqwest::Error::without_url)?);
        }
        let client = builder.build().map_err(reqwest::Error::without_url)?;
        Ok(Self { client, auth: auth.cloned(), timeout })
    }

    /// A request with the credentials on it.
    pub fn request(&self, method: Method, url: &Url) -> RequestBuilder {
        let request = self.client.request(method, url.clone());
        match &self.auth {
            None => request,
            Some(Auth::Basic { user, password }) => {
                request.basic_auth(user, Some(password.reveal()))
            }
            Some(Auth::Bearer(token)) => request.bearer_auth(token.reveal()),
        }
    }

    /// Why no answer came: what is at the bottom of the error, since what stands above it repeats it in fewer words.
    pub fn unanswered(&self, error: reqwest::Error) -> String {
        if error.is_timeout() {
            return format!("no answer within {:?}", self.timeout);
        }
        let error = error.without_url();
        let mut cause: &dyn std::error::Error = &error;
        while let Some(below) = cause.source() {
            cause = below;
        }
        cause.to_string()
    }
}
