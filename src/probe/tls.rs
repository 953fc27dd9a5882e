//! TLS for every prober: client configurations without resumption, facts captured before verification.
//!
//! Checks whose TLS tables mean the same share one rustls configuration. It keeps no sessions, so that every run does a
//! full handshake and sees the certificates; [`witness`] notes what they say before it judges them, so that it is
//! known when the judgement is bad. System roots are read once per process; [`files`] that a table names, when they change.
//!
//! It opens no connections and sets no time limits.

mod fault;
mod files;
mod presented;
mod suites;
mod trust;
mod witness;

use super::flight::{self, Flight, Landing};
use super::{Error, Trace};
use crate::clock::{Instant, WallClock};
use crate::model::{Host, Phase, Reason, TlsSpec};
use crate::net::Failure;
use files::{Files, Presenter};
use rustls::client::{
    ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, KeyLog, NamedGroup};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;

pub(super) use fault::{fault, of_io, of_rustls, of_words};
use trust::Trust;
use witness::{Source, Witness};

/// The trusted roots of the system, read once per process, and the files that TLS tables name; shared by all runtimes.
#[derive(Clone)]
pub struct Roots {
    provider: Arc<CryptoProvider>,
    /// `None` when the store is empty: then nothing can be verified, which is said at the handshake.
    system: Option<Arc<Trust>>,
    files: Arc<Files>,
}

impl Roots {
    /// Reads the distribution's trust store; an empty one is not an error until a certificate has to be verified.
    pub fn from_system() -> Self {
        let roots = Self::of(rustls_native_certs::load_native_certs().certs);
        // The first random bytes of aws-lc cost 50 ms (measured 2026-11), which would land in the first probe.
        let _ = roots.provider.secure_random.fill(&mut [0; 1]);
        roots
    }

    fn of(certificates: Vec<CertificateDer<'static>>) -> Self {
        let provider = Arc::new(suites::provider());
        let system = Trust::of_readable(certificates, &provider).map(Arc::new);
        Self { provider, system, files: Arc::default() }
    }

    /// Looks whether files that TLS tables name have changed; those that have are used from the next handshake on, unless
    /// they cannot be. Reads from the disk, so it is not for a runtime that probes.
    pub fn look(&self) {
        self.files.look(&self.provider);
    }
}

impl Default for Roots {
    /// No roots at all.
    fn default() -> Self {
        Self::of(Vec::new())
    }
}

/// What is offered in a handshake beside the TLS table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    /// Protocols, most wanted first.
    pub(super) alpn: Alpn,
    /// Whether the name is sent in the clear; not when the certificate is expected to be for an address.
    pub(super) sni: bool,
}

/// Application protocols offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alpn {
    /// None: no ALPN extension.
    None,
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2, else HTTP/1.1.
    Http2,
    /// HTTP/2 only.
    Http2Only,
}

impl Alpn {
    fn protocols(self) -> Vec<Vec<u8>> {
        match self {
            Self::None => Vec::new(),
            Self::Http1 => vec![b"http/1.1".to_vec()],
            Self::Http2 => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            Self::Http2Only => vec![b"h2".to_vec()],
        }
    }
}

/// The client configurations of one runtime, one per distinct TLS table.
pub struct Stock {
    roots: Roots,
    clock: Clock,
    made: Mutex<Vec<Made>>,
}

struct Made {
    spec: Arc<TlsSpec>,
    offer: Offer,
    config: Arc<ClientConfig>,
}

impl Stock {
    pub(super) fn new(roots: Roots, clock: Arc<dyn WallClock>) -> Self {
        Self { roots, clock: Clock(clock), made: Mutex::default() }
    }

    /// The configuration for this table and offer: the one made before if there is one that means the same.
    pub(super) fn config(
        &self,
        spec: &Arc<TlsSpec>,
        offer: Offer,
    ) -> Result<Arc<ClientConfig>, Error> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let known =
            made.iter().find(|each| each.offer == offer && same_transport(&each.spec, spec));
        if let Some(known) = known {
            return Ok(Arc::clone(&known.config));
        }
        let config = Arc::new(self.make(spec, offer)?);
        made.push(Made { spec: Arc::clone(spec), offer, config: Arc::clone(&config) });
        Ok(config)
    }

    /// Lets go of the configurations that none of these tables leads to, and with them of their files.
    pub(super) fn keep_only(&self, tables: &[&Arc<TlsSpec>]) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.retain(|each| tables.iter().any(|table| same_transport(&each.spec, table)));
    }

    fn make(&self, spec: &TlsSpec, offer: Offer) -> Result<ClientConfig, Error> {
        let Roots { provider, system, files } = &self.roots;
        let trust = match &spec.ca {
            None => Source::System(system.clone()),
            Some(file) => Source::File(files.roots(file, provider).map_err(|why| {
                Error::Tls(format!("`{}` gives no roots to trust: {why}", file.path.display()))
            })?),
        };
        let witness = Witness::new(spec, trust, Arc::clone(provider));
        let time = Arc::new(self.clock.clone());
        let builder = ClientConfig::builder_with_details(Arc::clone(provider), time)
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::Tls(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(witness));
        let mut config = match &spec.identity {
            None => builder.with_no_client_auth(),
            Some(pair) => {
                let identity = files.identity(pair, provider).map_err(|why| {
                    let (chain, key) = (pair.0.path.display(), pair.1.path.display());
                    Error::Tls(format!("`{chain}` and `{key}` are no client identity: {why}"))
                })?;
                builder.with_client_cert_resolver(Arc::new(Presenter(identity)))
            }
        };
        config.resumption = Resumption::store(Arc::new(Forgetful));
        config.key_log = Arc::new(Eavesdropper);
        config.enable_sni = offer.sni;
        config.alpn_protocols = offer.alpn.protocols();
        Ok(config)
    }
}

/// Whether two tables lead to the same configuration; the rest of a table is judged outside of it.
fn same_transport(one: &Arc<TlsSpec>, other: &Arc<TlsSpec>) -> bool {
    Arc::ptr_eq(one, other)
        || (one.verify == other.verify
            && one.remember == other.remember
            && one.min_version == other.min_version
            && one.ca == other.ca
            && one.identity == other.identity)
}

/// The name for certificates: `spec.server_name` if there is one, else the host.
pub(super) fn name_for(spec: &TlsSpec, host: &Host) -> Option<ServerName<'static>> {
    match (&spec.server_name, host) {
        (Some(name), _) | (None, Host::Name(name)) => ServerName::try_from(name.to_string()).ok(),
        (None, Host::Ip(ip)) => Some(ServerName::from(*ip)),
    }
}

/// Does the TLS handshake over an open connection; fills phases and facts of the trace, also when it fails.
pub(super) async fn handshake(
    stock: &Stock,
    spec: &Arc<TlsSpec>,
    host: &Host,
    stream: TcpStream,
    trace: &mut Trace,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Failure> {
    let offer = Offer { alpn: Alpn::None, sni: true };
    handshake_offering(offer, stock, spec, host, stream, trace).await
}

/// The same, offering an application protocol.
pub(super) async fn handshake_offering(
    offer: Offer,
    stock: &Stock,
    spec: &Arc<TlsSpec>,
    host: &Host,
    stream: TcpStream,
    trace: &mut Trace,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Failure> {
    trace.enter(Phase::Tls, Instant::now());
    let Some(name) = name_for(spec, host) else {
        let said = format!("`{host}` cannot be the name of a certificate");
        return Err(Failure::bad(Reason::TlsHostname, said));
    };
    let config = stock
        .config(spec, offer)
        .map_err(|error| Failure::bad(Reason::TlsHandshake, error.to_string()))?;
    let address = trace.address.unwrap_or_else(|| (std::net::Ipv4Addr::UNSPECIFIED, 0).into());
    let flight = Flight::new(address, None);
    let landing = Landing { trace, flight: Arc::clone(&flight) };
    let connecting = tokio_rustls::TlsConnector::from(config).connect(name, stream);
    let ended = flight.carry(connecting).await;
    let refusal = flight.seen().refusal.take();
    drop(landing);
    trace.close(Instant::now());
    ended.map_err(|error| refusal.unwrap_or_else(|| fault(&error, spec, host)))
}

/// What TLS objects to on a connection that stood, if an error is about that: with TLS 1.3 a server says what it makes of our
/// certificate, or of there being none, after our side of the handshake.
pub(super) fn objection(error: &std::io::Error) -> Option<Failure> {
    fault::rustls_error(error).map(|error| of_rustls(error, "the server"))
}

/// By which time certificates are judged.
#[derive(Clone)]
struct Clock(Arc<dyn WallClock>);

impl std::fmt::Debug for Clock {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Clock")
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let millis = u64::try_from(self.0.now().as_millis()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_millis(millis)))
    }
}

/// A session store that stores nothing and hears when a handshake begins.
#[derive(Debug)]
struct Forgetful;

impl ClientSessionStore for Forgetful {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    /// Asked once per handshake, when the first message is made, directly after the connection stands.
    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        flight::stamp(Phase::Tls);
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, _: Tls13ClientSessionValue) {}

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}

/// A key log that never takes a key: being asked is enough to learn that TLS 1.3 was agreed on, before verification.
#[derive(Debug)]
struct Eavesdropper;

impl KeyLog for Eavesdropper {
    fn log(&self, _: &str, _: &[u8], _: &[u8]) {}

    fn will_log(&self, label: &str) -> bool {
        if label == "CLIENT_HANDSHAKE_TRAFFIC_SECRET" {
            flight::note_modern();
        }
        false
    }
}
