//! Cipher suites that note their name when a handshake has settled on them.
//!
//! rustls tells the suite at the end of a handshake to whoever holds the connection; reqwest holds it for HTTP probes and
//! does not tell. So the part of each suite that makes its keys is wrapped: being asked for keys is being chosen.
//!
//! It changes nothing in how a suite works.

use crate::probe::flight;
use rustls::crypto::cipher::{
    AeadKey, Iv, KeyBlockShape, MessageDecrypter, MessageEncrypter, Tls12AeadAlgorithm,
    Tls13AeadAlgorithm, UnsupportedOperationError,
};
use rustls::crypto::{CipherSuiteCommon, CryptoProvider};
use rustls::{
    CipherSuite, ConnectionTrafficSecrets, SupportedCipherSuite, Tls12CipherSuite, Tls13CipherSuite,
};
use std::sync::LazyLock;

/// The suites of aws-lc, each wrapped; made once per process, because rustls wants them to live for ever.
static NOTED: LazyLock<Vec<SupportedCipherSuite>> = LazyLock::new(|| {
    let suites = rustls::crypto::aws_lc_rs::DEFAULT_CIPHER_SUITES;
    suites.iter().map(|suite| noting(*suite)).collect()
});

/// The provider with suites that note their name.
pub(super) fn provider() -> CryptoProvider {
    CryptoProvider { cipher_suites: NOTED.clone(), ..rustls::crypto::aws_lc_rs::default_provider() }
}

/// The part of a TLS 1.3 suite that makes its keys.
struct Noted13 {
    name: &'static str,
    inner: &'static dyn Tls13AeadAlgorithm,
}

/// The part of a TLS 1.2 suite that makes its keys.
struct Noted12 {
    name: &'static str,
    inner: &'static dyn Tls12AeadAlgorithm,
}

fn noting(suite: SupportedCipherSuite) -> SupportedCipherSuite {
    let name = registered_name(suite.suite());
    match suite {
        SupportedCipherSuite::Tls13(suite) => {
            let aead_alg = Box::leak(Box::new(Noted13 { name, inner: suite.aead_alg }));
            SupportedCipherSuite::Tls13(Box::leak(Box::new(Tls13CipherSuite {
                common: common(&suite.common),
                hkdf_provider: suite.hkdf_provider,
                aead_alg,
                quic: suite.quic,
            })))
        }
        SupportedCipherSuite::Tls12(suite) => {
            let aead_alg = Box::leak(Box::new(Noted12 { name, inner: suite.aead_alg }));
            SupportedCipherSuite::Tls12(Box::leak(Box::new(Tls12CipherSuite {
                common: common(&suite.common),
                prf_provider: suite.prf_provider,
                kx: suite.kx,
                sign: suite.sign,
                aead_alg,
            })))
        }
    }
}

fn common(of: &CipherSuiteCommon) -> CipherSuiteCommon {
    CipherSuiteCommon {
        suite: of.suite,
        hash_provider: of.hash_provider,
        confidentiality_limit: of.confidentiality_limit,
    }
}

/// The name in IANA's registry; rustls writes `TLS13_` where that has `TLS_`.
fn registered_name(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        other => other.as_str().unwrap_or("unknown"),
    }
}

fn note(name: &'static str) {
    flight::note(|seen| seen.tls_cipher = Some(name));
}

impl Tls13AeadAlgorithm for Noted13 {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        note(self.name);
        self.inner.encrypter(key, iv)
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        self.inner.decrypter(key, iv)
    }

    fn key_len(&self) -> usize {
        self.inner.key_len()
    }

    fn extract_keys(
        &self,
        key: AeadKey,
        iv: Iv,
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        self.inner.extract_keys(key, iv)
    }

    fn fips(&self) -> bool {
        self.inner.fips()
    }
}

impl Tls12AeadAlgorithm for Noted12 {
    fn encrypter(&self, key: AeadKey, iv: &[u8], extra: &[u8]) -> Box<dyn MessageEncrypter> {
        note(self.name);
        self.inner.encrypter(key, iv, extra)
    }

    fn decrypter(&self, key: AeadKey, iv: &[u8]) -> Box<dyn MessageDecrypter> {
        self.inner.decrypter(key, iv)
    }

    fn key_block_shape(&self) -> KeyBlockShape {
        self.inner.key_block_shape()
    }

    fn extract_keys(
        &self,
        key: AeadKey,
        iv: &[u8],
        explicit: &[u8],
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        self.inner.extract_keys(key, iv, explicit)
    }

    fn fips(&self) -> bool {
        self.inner.fips()
    }
}

#[cfg(test)]
mod tests {
    use super::{LazyLock, NOTED, registered_name};

    #[test]
    fn every_suite_is_there_under_its_registered_name() {
        let plain = rustls::crypto::aws_lc_rs::DEFAULT_CIPHER_SUITES;
        let noted = LazyLock::force(&NOTED);
        assert_eq!(noted.len(), plain.len());
        for (noted, plain) in noted.iter().zip(plain) {
            assert_eq!(noted.suite(), plain.suite());
            let name = registered_name(plain.suite());
            assert!(name.starts_with("TLS_"), "{name}");
        }
    }
}
