//! Talking to the running daemon over its local socket.
//!
//! One call at a time, with one deadline and one limit on the answer; what comes is one of the API's forms. A daemon that
//! does not answer is told apart from one that refuses, because a person does something different about each. A call that
//! writes is sent once: only where nobody listens is the next socket tried.
//!
//! It never starts a daemon.

pub mod socket;

use crate::web::api::ErrorForm;
use http::Method;
use http::header::CONTENT_TYPE;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use std::time::Duration;

/// A daemon on this machine that has not answered by then is not going to.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Bytes of an answer at most; the longest is that of all services.
const ANSWER_LIMIT: usize = 128 * 1024 * 1024;

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody is there.
    #[error(
        "no daemon answers on {}: is it running? start it with `nephoscope run`, or name its socket with `--socket`",
        list(tried)
    )]
    Silent {
        /// The sockets that were tried.
        tried: Vec<PathBuf>,
        /// What the last one gave.
        #[source]
        source: Option<reqwest::Error>,
    },
    /// The daemon says that the question is wrong.
    #[error("{said}")]
    Refused {
        /// What it says.
        said: String,
    },
    /// The daemon answered, and not with what was expected.
    #[error(
        "the daemon's answer to `{path}` cannot be used: {why}; are daemon and command of the same version?"
    )]
    Strange {
        /// What was asked for.
        path: String,
        /// What is wrong with it.
        why: String,
    },
}

/// A way to the running daemon.
#[derive(Debug)]
pub struct Client {
    sockets: Vec<PathBuf>,
}

impl Client {
    /// A client that tries these sockets in order, until one answers.
    pub fn new(sockets: Vec<PathBuf>) -> Self {
        Self { sockets }
    }

    /// What the daemon has at `path`; parameters are encoded.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> Result<T, Error> {
        self.call(Method::GET, path, parameters, None).await
    }

    /// Whether the daemon says yes at `path`, and its one line.
    pub async fn word(&self, path: &str) -> Result<(bool, String), Error> {
        let response = self.open(&Method::GET, &format!("http://daemon{path}"), None).await?;
        let yes = response.status().is_success();
        let strange = |why: String| Error::Strange { path: path.to_owned(), why };
        let body = whole(response).await.map_err(strange)?;
        Ok((yes, String::from_utf8_lossy(&body).trim_end().to_owned()))
    }

    /// Sends `form` to `path`; gives back what came of it.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        form: &impl Serialize,
    ) -> Result<T, Error> {
        let body = serde_json::to_vec(form).expect("a form of the API can be written");
        self.call(Method::POST, path, &[], Some(body)).await
    }

    /// Asks for something to be done at `path`; gives back what came of it.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> Result<T, Error> {
        self.call(Method::POST, path, parameters, None).await
    }

    /// Takes away what is at `path`; gives back what came of it.
    pub async fn delete<T: DeserializeOwned>(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> Result<T, Error> {
        self.call(Method::DELETE, path, parameters, None).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        parameters: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Result<T, Error> {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parameters);
        let address = format!("http://daemon{path}?{}", query.finish());
        let response = self.open(&method, &address, body.as_deref()).await?;
        let strange = |why: String| Error::Strange { path: path.to_owned(), why };
        let status = response.status();
        let body = whole(response).await.map_err(strange)?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| strange(error.to_string()));
        }
        match serde_json::from_slice::<ErrorForm>(&body) {
            Ok(form) => Err(Error::Refused { said: format!("{}; {}", form.error, form.hint) }),
            Err(_) => Err(strange(format!("its status is {status}"))),
        }
    }

    /// The head of the answer of the first socket on which somebody answers.
    async fn open(
        &self,
        method: &Method,
        address: &str,
        body: Option<&[u8]>,
    ) -> Result<reqwest::Response, Error> {
        let mut last = None;
        for socket in &self.sockets {
            let client = reqwest::Client::builder()
                .unix_socket(socket.as_path())
                .timeout(ANSWER_WITHIN)
                .retry(reqwest::retry::never())
                .redirect(reqwest::redirect::Policy::none())
                .tls_backend_preconfigured(no_tls())
                .build()
                .expect("a client with nothing but limits can be built");
            let mut request = client.request(method.clone(), address);
            if let Some(body) = body {
                request = request.header(CONTENT_TYPE, "application/json").body(body.to_vec());
            }
            match request.send().await {
                Ok(response) => return Ok(response),
                // It may have been taken in all the same: nobody else is asked to do it again.
                Err(error) if *method != Method::GET && !error.is_connect() => {
                    let why = format!(
                        "it broke off ({error}); `nephoscope maintenance list` says what came of it"
                    );
                    return Err(Error::Strange { path: address.to_owned(), why });
                }
                Err(error) => last = Some(error),
            }
        }
        Err(Error::Silent { tried: self.sockets.clone(), source: last })
    }
}

/// The whole body of an answer, or what is wrong with it.
async fn whole(mut response: reqwest::Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| error.to_string())? {
        if body.len() + chunk.len() > ANSWER_LIMIT {
            return Err(format!("it is longer than {ANSWER_LIMIT} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A TLS configuration that trusts nobody: the socket is plain, and reading the system's roots would take milliseconds.
fn no_tls() -> rustls::ClientConfig {
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has the versions it was made for")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

fn list(paths: &[PathBuf]) -> String {
    let quoted: Vec<_> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
    quoted.join(", ")
}
