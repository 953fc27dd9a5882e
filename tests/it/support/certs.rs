//! Certificates made at run time: an authority, and leaves with every fault a test needs.
//!
//! Dates are given in days from now. Keys are P-256 and made anew in each test.
//!
//! Nothing is written to disk.

use nephoscope::clock::{SystemClock, WallClock};
use nephoscope::model::{PemFile, TlsSpec};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// A root that signs leaves.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A chain and the key of its leaf.
pub(crate) struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
    pem: String,
}

impl Authority {
    /// A root of its own, valid for years.
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        let key = KeyPair::generate().unwrap();
        // Roots of different keys have different names, as in life.
        let name = format!("test root {:02x?}", &key.public_key_raw()[1..5]);
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        Self { issuer }
    }

    /// The root as a file that the configuration has read.
    pub(crate) fn file(&self) -> PemFile {
        pem_file("root.pem", &self.issuer.pem())
    }

    /// TLS settings that trust this root for `localhost`.
    pub(crate) fn trusted(&self) -> Arc<TlsSpec> {
        Arc::new(TlsSpec {
            ca: Some(self.file()),
            server_name: Some("localhost".into()),
            ..TlsSpec::default()
        })
    }

    /// The root as the text of a file.
    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A leaf for `name` (a DNS name or an address), valid from and until so many days from now.
    pub(crate) fn leaf(&self, name: &str, days: Range<i64>) -> Identity {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        hold(&mut params, days);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity { chain: vec![certificate.der().clone()], pem: certificate.pem(), key }
    }

    /// A leaf for `localhost` with nothing wrong.
    pub(crate) fn good(&self) -> Identity {
        self.leaf("localhost", -1..90)
    }
}

impl Identity {
    /// A leaf for `localhost` that is its own issuer.
    pub(crate) fn self_signed() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        hold(&mut params, -1..90);
        let certificate = params.self_signed(&key).unwrap();
        Self { chain: vec![certificate.der().clone()], pem: certificate.pem(), key }
    }

    /// A server that presents this chain.
    pub(crate) fn server(&self) -> ServerConfig {
        self.server_with(rustls::ALL_VERSIONS, None)
    }

    /// A server of these versions, which may want client certificates of `clients`.
    pub(crate) fn server_with(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        clients: Option<&Authority>,
    ) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.issuer.der().clone()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).unwrap();
        builder.with_single_cert(self.chain.clone(), key).unwrap()
    }

    /// Chain and key as files that the configuration has read.
    pub(crate) fn files(&self) -> (PemFile, PemFile) {
        (pem_file("client.pem", &self.pem), pem_file("client.key", &self.key.serialize_pem()))
    }
}

/// Text as a file that the configuration has read.
pub(crate) fn pem_file(name: &str, text: &str) -> PemFile {
    PemFile { path: name.into(), bytes: text.as_bytes().into() }
}

/// Sets from and until when, in days from now.
fn hold(params: &mut CertificateParams, days: Range<i64>) {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let now = SystemClock.now().as_millis() / 1_000;
    let moment = |days: i64| epoch + Duration::from_secs((now + days * DAY).unsigned_abs());
    params.not_before = moment(days.start);
    params.not_after = moment(days.end);
}
