//! The demo's own certificate authority and the certificates of its clouds.
//!
//! Made anew at each start and never written except for the root, which the generated configuration trusts. Each cloud
//! has two leaves for the same names, one of which ends in a few days.
//!
//! Which of the two is presented is decided in `cloud`.

use super::Error;
use crate::clock::{SystemClock, WallClock};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::sync::Arc;
use std::time::Duration;

/// Days left of a certificate in good order.
const USUAL_DAYS: u64 = 90;

/// Days left of the one that should have been renewed; the generated configuration warns from 21 on.
const FEW_DAYS: u64 = 5;

/// Days in which the certificates have been valid already, so that a clock that is a little behind does no harm.
const PAST_DAYS: u64 = 2;

/// Signs the clouds' certificates.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// How a cloud's servers present themselves.
#[derive(Clone)]
pub(super) struct Identities {
    /// With a certificate that holds for months.
    pub(super) usual: Arc<ServerConfig>,
    /// With one that ends in a few days.
    pub(super) old: Arc<ServerConfig>,
}

impl Authority {
    pub(super) fn new() -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, "nephoscope demo root");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        Ok(Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)? })
    }

    /// The root, for the configuration to trust.
    pub(super) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Two identities for every name in `domain`.
    pub(super) fn identities(&self, domain: &str) -> Result<Identities, Error> {
        let identity = |days| self.identity(domain, days);
        Ok(Identities { usual: identity(USUAL_DAYS)?, old: identity(FEW_DAYS)? })
    }

    fn identity(&self, domain: &str, days: u64) -> Result<Arc<ServerConfig>, Error> {
        let (chain, key) = self.leaf(domain, days).map_err(Error::Certificates)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(Error::Tls)?
            .with_no_client_auth()
            .with_single_cert(vec![chain], key)
            .map_err(Error::Tls)?;
        Ok(Arc::new(config))
    }

    fn leaf(
        &self,
        domain: &str,
        days: u64,
    ) -> Result<(rustls::pki_types::CertificateDer<'static>, PrivateKeyDer<'static>), rcgen::Error>
    {
        let epoch = date_time_ymd(1970, 1, 1);
        let now = Duration::from_secs(SystemClock.now().as_millis().unsigned_abs() / 1_000);
        let mut params = CertificateParams::new(vec![format!("*.{domain}")])?;
        params.not_before = epoch + now.saturating_sub(Duration::from_hours(PAST_DAYS * 24));
        params.not_after = epoch + now + Duration::from_hours(days * 24);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let der = certificate.der().clone();
        Ok((der, PrivateKeyDer::Pkcs8(key.serialize_der().into())))
    }
}
