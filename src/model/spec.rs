//! What a check does when it runs: everything resolved, no placeholder left, every value already valid.
//!
//! `config` makes these, `probe` carries them out. Patterns are compiled once and shared by all checks that use the same
//! text. Files (certificates, bodies) have been read.
//!
//! Nothing here knows when a check runs or what its result means for health.

mod exec;
mod grpc;
mod icmp;

pub use exec::{EnvValue, ExecSpec};
pub use grpc::GrpcSpec;
pub use icmp::{IcmpSpec, PACKET_SIZE_AT_MOST, PACKETS_AT_MOST};

use super::words::words;
use super::{DnsSpec, HttpSpec, Reason, Step};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What a check does when it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Which address family.
    pub ip: IpChoice,
    /// Which address of several.
    pub pick: Pick,
    /// Slower is a warning; a duration from the start of resolving to the last byte judged.
    pub slow_after: Option<Duration>,
    /// Slower is bad (`too_slow`).
    pub max_latency: Option<Duration>,
    /// The protocol and its expectations.
    pub kind: ProbeKind,
}

/// The protocol and its expectations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeKind {
    /// One request, redirects followed by hand.
    Http(Box<HttpSpec>),
    /// A connection and perhaps a dialogue.
    Tcp(Box<TcpSpec>),
    /// One query.
    Dns(Box<DnsSpec>),
    /// A program that says how things are.
    Exec(Box<ExecSpec>),
    /// A few echoes.
    Icmp(Box<IcmpSpec>),
    /// One question to a health service.
    Grpc(Box<GrpcSpec>),
}

impl ProbeKind {
    /// The protocol's name: `http`, `tcp`, `dns`, `exec`, `icmp` or `grpc`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Tcp(_) => "tcp",
            Self::Dns(_) => "dns",
            Self::Exec(_) => "exec",
            Self::Icmp(_) => "icmp",
            Self::Grpc(_) => "grpc",
        }
    }

    /// How it does TLS, if it does.
    pub const fn tls(&self) -> Option<&Arc<TlsSpec>> {
        match self {
            Self::Http(http) => Some(&http.tls),
            Self::Tcp(tcp) => tcp.tls.as_ref(),
            Self::Dns(dns) => dns.tls.as_ref(),
            Self::Grpc(grpc) => grpc.tls.as_ref(),
            Self::Exec(_) | Self::Icmp(_) => None,
        }
    }
}

words! {
    /// Which address family a probe uses.
    IpChoice {
        /// IPv4 if the name has one, else IPv6.
        Any = "any",
        /// IPv4 only.
        V4 = "4",
        /// IPv6 only.
        V6 = "6",
    }
}

words! {
    /// Which of several addresses a run uses.
    Pick {
        /// The first the resolver gave.
        First = "first",
        /// Another one each run.
        Rotate = "rotate",
        /// One attempt on each; all must be good.
        Each = "each",
    }
}

/// A host as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A name to resolve.
    Name(Arc<str>),
    /// An address.
    Ip(IpAddr),
}

impl From<url::Host<&str>> for Host {
    fn from(host: url::Host<&str>) -> Self {
        match host {
            url::Host::Domain(name) => Self::Name(name.into()),
            url::Host::Ipv4(ip) => Self::Ip(ip.into()),
            url::Host::Ipv6(ip) => Self::Ip(ip.into()),
        }
    }
}

impl std::fmt::Display for Host {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => out.pad(name),
            Self::Ip(ip) => out.pad(&ip.to_string()),
        }
    }
}

/// A compiled pattern, shared by whoever looks for the same; the text is kept for messages.
#[derive(Clone, Debug)]
pub struct Pattern(Arc<regex::bytes::Regex>);

impl Pattern {
    /// A pattern that was compiled.
    pub fn new(compiled: regex::bytes::Regex) -> Self {
        Self(Arc::new(compiled))
    }
}

impl std::ops::Deref for Pattern {
    type Target = regex::bytes::Regex;

    fn deref(&self) -> &regex::bytes::Regex {
        &self.0
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.pad(self.as_str())
    }
}

/// By the text.
impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Pattern {}

/// How TLS is done and what is expected of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSpec {
    /// Roots to trust instead of the system's.
    pub ca: Option<PemFile>,
    /// Client certificate chain and its key.
    pub identity: Option<(PemFile, PemFile)>,
    /// Name sent as SNI and expected in the certificate, instead of the host's.
    pub server_name: Option<Arc<str>>,
    /// Whether a failed verification makes the run bad; facts are recorded either way.
    pub verify: bool,
    /// Whether a chain that was found good is taken for good again for a while, as long as its dates hold.
    pub remember: bool,
    /// Lower is bad (`tls_version`).
    pub min_version: Option<super::TlsVersion>,
    /// A presented certificate that ends sooner is a warning.
    pub expires_within: Option<Duration>,
}

impl Default for TlsSpec {
    fn default() -> Self {
        Self {
            ca: None,
            identity: None,
            server_name: None,
            verify: true,
            remember: true,
            min_version: None,
            expires_within: None,
        }
    }
}

/// A file of PEM blocks that has been read and found well-formed.
#[derive(Clone, PartialEq, Eq)]
pub struct PemFile {
    /// Where it was read.
    pub path: PathBuf,
    /// Its bytes; may be a private key, so never printed.
    pub bytes: Arc<[u8]>,
}

impl std::fmt::Debug for PemFile {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "PemFile({})", self.path.display())
    }
}

/// A TCP probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpSpec {
    /// Host to connect to.
    pub host: Host,
    /// Port to connect to.
    pub port: u16,
    /// TLS from the first byte, unless the dialogue has a `starttls`; then how that TLS is done.
    pub tls: Option<Arc<TlsSpec>>,
    /// What is said and heard after connecting.
    pub dialogue: Vec<Step>,
}

pub(super) const RESOLVE: &[Reason] = &[
    Reason::DnsNxdomain,
    Reason::DnsNoAddress,
    Reason::DnsServfail,
    Reason::DnsRefused,
    Reason::DnsTimeout,
];
pub(super) const CONNECT: &[Reason] = &[
    Reason::ConnectRefused,
    Reason::ConnectTimeout,
    Reason::ConnectUnreachable,
    Reason::ConnectReset,
];
pub(super) const TLS: &[Reason] = &[
    Reason::TlsExpired,
    Reason::TlsNotYetValid,
    Reason::TlsHostname,
    Reason::TlsUntrusted,
    Reason::TlsTimeout,
    Reason::TlsVersion,
    Reason::TlsHandshake,
];

impl Spec {
    /// The reasons that a run of this spec can give, in the order of [`Reason::ALL`].
    ///
    /// Their counters stand at 0 from the first scrape, so that a first failure is an increase.
    pub fn possible_reasons(&self) -> Vec<Reason> {
        let mut reasons = match &self.kind {
            ProbeKind::Http(http) => http.possible_reasons(),
            ProbeKind::Tcp(tcp) => tcp.possible_reasons(),
            ProbeKind::Dns(dns) => dns.possible_reasons(),
            ProbeKind::Exec(_) => ExecSpec::REASONS.to_vec(),
            ProbeKind::Icmp(icmp) => icmp.possible_reasons(),
            ProbeKind::Grpc(grpc) => grpc.possible_reasons(),
        };
        if self.max_latency.is_some() {
            reasons.push(Reason::TooSlow);
        }
        if self.ip != IpChoice::Any && !matches!(self.kind, ProbeKind::Exec(_)) {
            // A literal address may be of the other family.
            reasons.push(Reason::DnsNoAddress);
        }
        reasons.sort_unstable();
        reasons.dedup();
        reasons
    }
}

impl TcpSpec {
    fn possible_reasons(&self) -> Vec<Reason> {
        let mut reasons = CONNECT.to_vec();
        if matches!(self.host, Host::Name(_)) {
            reasons.extend(RESOLVE);
        }
        let starttls = self.dialogue.iter().any(|step| matches!(step, Step::StartTls(_)));
        if self.tls.is_some() || starttls {
            reasons.extend(TLS);
        }
        if starttls {
            reasons.push(Reason::Starttls);
        }
        if !self.dialogue.is_empty() {
            reasons.extend([
                Reason::ResponseTimeout,
                Reason::BodyTimeout,
                Reason::Reset,
                Reason::Banner,
            ]);
        }
        reasons
    }
}
