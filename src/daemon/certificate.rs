//! The listener's certificate: read at the start, and again whenever its files change.
//!
//! Every few seconds it is looked at the files' facts (which file, when written, how long), through links, so that it does
//! not matter how they were replaced. A pair that can be used is presented from the next connection on. One that cannot, as when
//! only one file of the two is there yet, is logged, and the old pair stays.
//!
//! It does not judge dates: a certificate that has run out is presented, and clients say so. When it ends is in a metric.

use crate::config::pair_of_files;
use crate::file::{self, Facts};
use crate::metrics::Own;
use crate::model::{Action, Timestamp, TlsFiles};
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::{Arc, PoisonError, RwLock};

/// The pair that is presented now.
#[derive(Debug)]
struct Presented(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Presented {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Follows the files of a certificate and its key.
pub(super) struct Certificate {
    files: TlsFiles,
    presented: Arc<Presented>,
    seen: [Option<Facts>; 2],
    own: Own,
}

impl Certificate {
    /// Reads the pair; gives back what a listener needs to present it. An error is one sentence.
    pub(super) fn new(files: &TlsFiles, own: Own) -> Result<(Self, Arc<ServerConfig>), String> {
        // Facts before content: what is written in between is seen as a change.
        let seen = facts(files);
        let pair = pair_of_files(&files.cert, &files.key)?;
        tell_end(&own, &pair);
        let presented = Arc::new(Presented(RwLock::new(Arc::new(pair))));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has the versions it was made for")
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&presented) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok((Self { files: files.clone(), presented, seen, own }, Arc::new(config)))
    }

    /// Looks whether the files have changed, and presents what is in them if it can be used.
    pub(super) fn look(&mut self) {
        let now = facts(&self.files);
        if now == self.seen {
            return;
        }
        self.seen = now;
        match pair_of_files(&self.files.cert, &self.files.key) {
            Ok(pair) => {
                tell_end(&self.own, &pair);
                *self.presented.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
                tracing::info!(
                    action = Action::CertificateChanged.as_str(),
                    "the listener presents the certificate that is now in its file"
                );
            }
            Err(why) => tracing::error!(
                action = Action::CertificateRefused.as_str(),
                error = why,
                "the changed certificate of the listener cannot be used; the one before is still presented"
            ),
        }
    }
}

/// When the first certificate of a chain ends, in the metrics.
fn tell_end(own: &Own, pair: &CertifiedKey) {
    let ends = pair.cert.iter().filter_map(|certificate| {
        let (_, read) = x509_parser::parse_x509_certificate(certificate).ok()?;
        Some(read.validity().not_after.timestamp())
    });
    if let Some(first) = ends.min() {
        own.set_listener_certificate(Timestamp::from_millis(first.saturating_mul(1_000)));
    }
}

fn facts(files: &TlsFiles) -> [Option<Facts>; 2] {
    [file::facts(&files.cert), file::facts(&files.key)]
}
