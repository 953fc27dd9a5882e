//! The certificate verifier: writes down what was presented, then judges it.
//!
//! Dates and version are noted before the judgement, so they are known when it is bad. A chain that was found good is
//! remembered by its digest for a while: the same bytes, name and roots give the same judgement, except for the dates,
//! which are looked at anew each time. What proves that the peer holds the key is never skipped.
//!
//! It does not phrase failures (`fault` does), except those for which rustls has no word.

use crate::model::{Reason, Timestamp, TlsSpec, TlsVersion};
use crate::net::Failure;
use crate::probe::flight;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::hash::Hash;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Certificates of a chain that are looked at; real chains have two to five, and rustls limits the bytes to 64 KiB.
const MAX_CHAIN: usize = 16;
/// Chains remembered per configuration; the memory is emptied when it is full.
const MAX_REMEMBERED: usize = 4_096;
/// A remembered chain is verified again after so many seconds.
const REMEMBERED_FOR: u64 = 3_600;

/// Notes what is presented, then judges.
#[derive(Debug)]
pub(super) struct Witness {
    verify: bool,
    min_version: Option<TlsVersion>,
    /// `None` when there is no root at all.
    webpki: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
    remembered: Mutex<BTreeMap<[u8; 32], Verified>>,
}

/// When a chain was found good, and how long its certificates hold; seconds since the Unix epoch.
#[derive(Clone, Copy, Debug)]
struct Verified {
    at: u64,
    dates: Dates,
}

/// The stretch in which every certificate of a chain is valid; seconds since the Unix epoch.
#[derive(Clone, Copy, Debug)]
struct Dates {
    not_before: i64,
    not_after: i64,
    /// Whether every certificate could be read.
    complete: bool,
}

impl Witness {
    pub(super) fn new(
        spec: &TlsSpec,
        webpki: Option<Arc<WebPkiServerVerifier>>,
        provider: Arc<CryptoProvider>,
    ) -> Self {
        Self {
            verify: spec.verify,
            min_version: spec.min_version,
            webpki,
            provider,
            remembered: Mutex::default(),
        }
    }

    /// Breaks the handshake off for a reason of our own.
    fn refuse(reason: Reason, said: String) -> rustls::Error {
        flight::note(|seen| seen.refusal = Some(Failure::bad(reason, said)));
        CertificateError::ApplicationVerificationFailure.into()
    }

    fn too_old(&self, version: TlsVersion) -> Result<(), rustls::Error> {
        match self.min_version {
            Some(wanted) if version < wanted => Err(Self::refuse(
                Reason::TlsVersion,
                format!("the server chose TLS {version}, at least {wanted} is wanted"),
            )),
            _ => Ok(()),
        }
    }

    fn recall(&self, key: &[u8; 32]) -> Option<Verified> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied()
    }

    fn remember(&self, key: [u8; 32], verified: Verified) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(key, verified);
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let intermediates = &intermediates[..intermediates.len().min(MAX_CHAIN - 1)];
        let expected = flight::expected();
        let name = expected.as_ref().unwrap_or(server_name);
        let version = flight::version_now();

        let key = digest(leaf, intermediates, name);
        let known = self.recall(&key);
        let dates =
            known.map_or_else(|| Dates::read(leaf, intermediates), |known| Some(known.dates));
        flight::note(|seen| {
            seen.tls_version = Some(version);
            seen.not_after =
                dates.map(|dates| Timestamp::from_millis(dates.not_after.saturating_mul(1_000)));
        });

        self.too_old(version)?;
        if !self.verify || known.is_some_and(|known| known.holds(now)) {
            return Ok(ServerCertVerified::assertion());
        }
        let Some(webpki) = &self.webpki else {
            return Err(Self::refuse(
                Reason::TlsUntrusted,
                "the trust store of this system is empty: install the distribution's CA \
                 certificates, or name the roots to trust in `tls.ca`"
                    .into(),
            ));
        };
        let verified = webpki.verify_server_cert(leaf, intermediates, name, ocsp, now)?;
        if let Some(dates) = dates.filter(|dates| dates.complete) {
            self.remember(key, Verified { at: now.as_secs(), dates });
        }
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        lenient(self.verify, verify_tls12_signature(message, leaf, signature, algorithms))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        lenient(self.verify, verify_tls13_signature(message, leaf, signature, algorithms))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Without verification a certificate that webpki cannot read is let pass; a wrong signature never is.
fn lenient(
    verify: bool,
    judged: Result<HandshakeSignatureValid, rustls::Error>,
) -> Result<HandshakeSignatureValid, rustls::Error> {
    match judged {
        Err(rustls::Error::InvalidCertificate(error))
            if !verify && error != CertificateError::BadSignature =>
        {
            Ok(HandshakeSignatureValid::assertion())
        }
        judged => judged,
    }
}

impl Verified {
    /// Whether the judgement still stands at `now`.
    fn holds(&self, now: UnixTime) -> bool {
        let now = now.as_secs();
        let age = now.checked_sub(self.at);
        let second = i64::try_from(now).unwrap_or(i64::MAX);
        age.is_some_and(|age| age < REMEMBERED_FOR)
            && (self.dates.not_before..=self.dates.not_after).contains(&second)
    }
}

impl Dates {
    /// The dates of those certificates that can be read; `None` if none can.
    fn read(leaf: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> Option<Self> {
        let mut dates: Option<Self> = None;
        let mut complete = true;
        for der in std::iter::once(leaf).chain(intermediates) {
            let Ok((_, certificate)) = x509_parser::parse_x509_certificate(der) else {
                complete = false;
                continue;
            };
            let validity = certificate.validity();
            let (from, to) = (validity.not_before.timestamp(), validity.not_after.timestamp());
            let before = dates.unwrap_or(Self { not_before: from, not_after: to, complete });
            dates = Some(Self {
                not_before: before.not_before.max(from),
                not_after: before.not_after.min(to),
                complete,
            });
        }
        dates.map(|dates| Self { complete, ..dates })
    }
}

/// What stands for a chain and the name it was judged against. Lengths are part of it, so that no two chains run together.
fn digest(
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    name: &ServerName<'_>,
) -> [u8; 32] {
    let mut hash = sha256().start();
    for der in std::iter::once(leaf).chain(intermediates) {
        hash.update(&der.len().to_be_bytes());
        hash.update(der);
    }
    hash.update(name.to_str().as_bytes());
    let mut key = [0; 32];
    key.copy_from_slice(hash.finish().as_ref());
    key
}

fn sha256() -> &'static dyn Hash {
    rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256
        .tls13()
        .expect("a TLS 1.3 suite by its name")
        .common
        .hash_provider
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(second: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(second))
    }

    #[test]
    fn a_remembered_chain_holds_for_an_hour_and_never_past_its_dates() {
        let dates = |not_before, not_after| Dates { not_before, not_after, complete: true };
        let remembered = |dates| Verified { at: 10_000, dates };
        let long = remembered(dates(0, 1_000_000));
        assert!(long.holds(at(10_000)));
        assert!(long.holds(at(13_599)));
        assert!(!long.holds(at(13_600)), "too old");
        assert!(!long.holds(at(9_999)), "the clock went back");

        let ending = remembered(dates(0, 10_005));
        assert!(ending.holds(at(10_005)));
        assert!(!ending.holds(at(10_006)), "a certificate has expired since");
    }

    #[test]
    fn chains_and_names_do_not_run_together() {
        let der = |bytes: &[u8]| CertificateDer::from(bytes.to_vec());
        let name = |text: &str| ServerName::try_from(text.to_owned()).unwrap();
        let one = digest(&der(b"ab"), &[der(b"c")], &name("a.example"));
        assert_eq!(one, digest(&der(b"ab"), &[der(b"c")], &name("a.example")));
        assert_ne!(one, digest(&der(b"a"), &[der(b"bc")], &name("a.example")));
        assert_ne!(one, digest(&der(b"abc"), &[], &name("a.example")));
        assert_ne!(one, digest(&der(b"ab"), &[der(b"c")], &name("b.example")));
    }
}
