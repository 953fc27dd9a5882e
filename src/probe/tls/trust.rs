//! Roots to trust, and the way from a presented certificate to one of them.
//!
//! rustls verifies with webpki and keeps the way to itself; here webpki is asked directly, so that it is known when that
//! way ends. What it finds wrong is asked of rustls again, whose words for it are the better ones. When a root ends is kept
//! beside it, because a trust anchor has no dates.
//!
//! It reads no files and remembers no judgement.

use super::presented::{sha256, validity};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{Error, RootCertStore};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Roots to trust.
#[derive(Debug)]
pub(super) struct Trust {
    roots: Arc<RootCertStore>,
    /// Subject and key of a root, and until when it is valid.
    ends: BTreeMap<Vec<u8>, i64>,
    verifier: Arc<WebPkiServerVerifier>,
    provider: Arc<CryptoProvider>,
    /// What stands for these roots and no others.
    pub(super) digest: [u8; 32],
}

impl Trust {
    /// The roots among `certificates` that can be read; `None` if there is none.
    pub(super) fn of_readable(
        certificates: impl IntoIterator<Item = CertificateDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Option<Self> {
        let mut store = Gathered::new();
        for certificate in certificates {
            let _ = store.add(&certificate);
        }
        store.done(provider).ok()
    }

    /// The roots in a PEM file; each of them has to be one.
    pub(super) fn of_pem(pem: &[u8], provider: &Arc<CryptoProvider>) -> Result<Self, String> {
        let mut store = Gathered::new();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| "it is not well-formed PEM".to_owned())?;
            store.add(&certificate).map_err(|error| error.to_string())?;
        }
        store.done(provider)
    }

    /// Judges a presented chain for `name`; when it is good, until when the way to its root is valid, if that is known.
    pub(super) fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<Option<i64>, Error> {
        match self.way(leaf, intermediates, name, now) {
            Some(end) => Ok(end),
            None => {
                self.verifier.verify_server_cert(leaf, intermediates, name, &[], now).map(|_| None)
            }
        }
    }

    /// Until when the way to a root is valid; `None` if there is no good one.
    #[expect(clippy::option_option, reason = "a good way whose end is not known is a third thing")]
    fn way(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Option<Option<i64>> {
        let certificate = webpki::EndEntityCert::try_from(leaf).ok()?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        let usage = webpki::KeyUsage::server_auth();
        let roots = &self.roots.roots;
        let way = certificate
            .verify_for_usage(algorithms, roots, intermediates, now, usage, None, None)
            .ok()?;
        certificate.verify_is_valid_for_subject_name(name).ok()?;
        let anchor = way.anchor();
        let root = self.ends.get(&identity(&anchor.subject, &anchor.subject_public_key_info));
        let between = way.intermediate_certificates().map(|each| validity(&each.der()));
        let ends = between.chain([validity(leaf)]).map(|dates| dates.map(|(_, end)| end));
        let ends: Option<Vec<i64>> = ends.chain([root.copied()]).collect();
        Some(ends.and_then(|ends| ends.into_iter().min()))
    }
}

/// Roots being put together.
struct Gathered {
    store: RootCertStore,
    ends: BTreeMap<Vec<u8>, i64>,
    bytes: Vec<u8>,
}

impl Gathered {
    fn new() -> Self {
        Self { store: RootCertStore::empty(), ends: BTreeMap::new(), bytes: Vec::new() }
    }

    fn add(&mut self, certificate: &CertificateDer<'static>) -> Result<(), Error> {
        self.store.add(certificate.clone())?;
        if let (Some(anchor), Some((_, end))) = (self.store.roots.last(), validity(certificate)) {
            let key = identity(&anchor.subject, &anchor.subject_public_key_info);
            // Of two with one key the later: either may be the one that a way is said to lead to.
            let known = self.ends.entry(key).or_insert(end);
            *known = end.max(*known);
        }
        self.bytes.extend_from_slice(&certificate.len().to_be_bytes());
        self.bytes.extend_from_slice(certificate);
        Ok(())
    }

    fn done(self, provider: &Arc<CryptoProvider>) -> Result<Trust, String> {
        if self.store.is_empty() {
            return Err("it holds no certificate".to_owned());
        }
        let roots = Arc::new(self.store);
        let builder =
            WebPkiServerVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(provider));
        let verifier = builder.build().map_err(|error| error.to_string())?;
        let mut digest = [0; 32];
        digest.copy_from_slice(sha256().hash(&self.bytes).as_ref());
        Ok(Trust { roots, ends: self.ends, verifier, provider: Arc::clone(provider), digest })
    }
}

/// What tells one root from another, in the words of a trust anchor.
fn identity(subject: &[u8], key: &[u8]) -> Vec<u8> {
    let mut identity = subject.to_vec();
    identity.extend_from_slice(key);
    identity
}
