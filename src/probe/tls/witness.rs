//! The certificate verifier: writes down what was presented, then judges it.
//!
//! What is presented is noted before the judgement, so it is known when that is bad. A chain that was found good is
//! remembered by its digest for a while (unless a table says `remember = false`): the same bytes, name and roots give the same
//! judgement, except for the dates, which are looked at anew each time. What proves that the peer holds the key is never skipped.
//!
//! It does not phrase failures (`fault` does), except those for which rustls has no word.

use super::files::Followed;
use super::presented::{Dates, Presented, moment, sha256};
use super::trust::Trust;
use crate::model::{Certificate, Reason, TlsSpec, TlsVersion};
use crate::net::Failure;
use crate::probe::flight;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
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
pub(super) struct Witness {
    verify: bool,
    remember: bool,
    min_version: Option<TlsVersion>,
    trust: Source,
    provider: Arc<CryptoProvider>,
    remembered: Mutex<BTreeMap<[u8; 32], Verified>>,
}

/// Where the roots to trust come from.
pub(super) enum Source {
    /// The system's; `None` when there is no root at all.
    System(Option<Arc<Trust>>),
    /// A file's, which may change.
    File(Arc<Followed<Trust>>),
}

impl Source {
    fn now(&self) -> Option<Arc<Trust>> {
        match self {
            Self::System(trust) => trust.clone(),
            Self::File(file) => Some(file.now()),
        }
    }
}

impl std::fmt::Debug for Witness {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Witness").field("verify", &self.verify).finish_non_exhaustive()
    }
}

/// A chain that was found good.
#[derive(Clone, Debug)]
struct Verified {
    /// When; seconds since the Unix epoch.
    at: u64,
    /// Of the presented chain.
    dates: Dates,
    /// Until when the way to its root is valid.
    end: Option<i64>,
    certificate: Option<Arc<Certificate>>,
}

impl Witness {
    pub(super) fn new(spec: &TlsSpec, trust: Source, provider: Arc<CryptoProvider>) -> Self {
        Self {
            verify: spec.verify,
            remember: spec.remember,
            min_version: spec.min_version,
            trust,
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
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn keep(&self, key: [u8; 32], verified: Verified) {
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
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let intermediates = &intermediates[..intermediates.len().min(MAX_CHAIN - 1)];
        let expected = flight::expected();
        let name = expected.as_ref().unwrap_or(server_name);
        let version = flight::version_now();
        let trust = self.trust.now();

        let key = digest(leaf, intermediates, name, trust.as_deref());
        let known = if self.remember { self.recall(&key) } else { None };
        let presented = known.as_ref().map_or_else(
            || Presented::read(leaf, intermediates),
            |known| Presented { dates: Some(known.dates), certificate: known.certificate.clone() },
        );
        flight::note(|seen| {
            seen.tls_version = Some(version);
            seen.not_after = presented.dates.map(|dates| moment(dates.not_after));
            seen.certificate.clone_from(&presented.certificate);
        });

        self.too_old(version)?;
        if !self.verify {
            return Ok(ServerCertVerified::assertion());
        }
        if let Some(known) = known.filter(|known| known.holds(now)) {
            flight::note(|seen| seen.chain_not_after = known.end.map(moment));
            return Ok(ServerCertVerified::assertion());
        }
        let Some(trust) = trust else {
            return Err(Self::refuse(
                Reason::TlsUntrusted,
                "the trust store of this system is empty: install the distribution's CA \
                 certificates, or name the roots to trust in `tls.ca`"
                    .into(),
            ));
        };
        let end = trust.judge(leaf, intermediates, name, now)?;
        flight::note(|seen| seen.chain_not_after = end.map(moment));
        if let Some(dates) = presented.dates.filter(|dates| self.remember && dates.complete) {
            let certificate = presented.certificate;
            self.keep(key, Verified { at: now.as_secs(), dates, end, certificate });
        }
        Ok(ServerCertVerified::assertion())
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

/// What stands for a chain, the name it was judged against, and the roots it had to lead to. Lengths are part of it, so that no two chains run together.
fn digest(
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    name: &ServerName<'_>,
    trust: Option<&Trust>,
) -> [u8; 32] {
    let mut hash = sha256().start();
    hash.update(trust.map_or(&[], |trust| &trust.digest));
    for der in std::iter::once(leaf).chain(intermediates) {
        hash.update(&der.len().to_be_bytes());
        hash.update(der);
    }
    hash.update(name.to_str().as_bytes());
    let mut key = [0; 32];
    key.copy_from_slice(hash.finish().as_ref());
    key
}

#[cfg(test)]
mod tests;
