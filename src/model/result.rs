//! What one run of a check gave.
//!
//! A failure is a value with a stable reason, never an error. Facts that were not seen are absent. Every result carries
//! one human sentence (`said`), which never becomes a label.
//!
//! What the result means for health, time or promises is decided by the rules.

use super::words::words;
use super::{Cause, Certificate, Phase, Reason, ServingStatus, Timestamp, Verdict, Warning};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// What one run of a check gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeResult {
    /// Good, or bad with a reason, or unknown with a cause.
    pub outcome: Outcome,
    /// What a person should know although the result is good.
    pub warnings: Warnings,
    /// The phase in which the run ended.
    pub phase: Phase,
    /// From the start of resolving to the last byte judged.
    pub latency: Duration,
    /// How long each phase took, summed over redirects.
    pub phases: PhaseTimes,
    /// The address the last attempt used.
    pub address: Option<SocketAddr>,
    /// Whether the resolver of this host was asked for a name and answered.
    pub resolved: bool,
    /// One sentence for a person.
    pub said: String,
    /// What was seen.
    pub facts: Facts,
    /// The single requests of a run that followed redirects or tried each address; empty when there was just one.
    pub hops: Vec<Hop>,
}

impl ProbeResult {
    /// A result that says nothing but that the monitor could not tell.
    pub fn unknown(cause: Cause, said: String) -> Self {
        Self {
            outcome: Outcome::Unknown(cause),
            warnings: Warnings::default(),
            phase: Phase::Resolve,
            latency: Duration::ZERO,
            phases: PhaseTimes::default(),
            address: None,
            resolved: false,
            said,
            facts: Facts::default(),
            hops: Vec::new(),
        }
    }
}

/// Good, or bad with a reason, or unknown with a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did what was expected.
    Good,
    /// It did not.
    Bad(Reason),
    /// The monitor could not tell.
    Unknown(Cause),
}

impl Outcome {
    /// The judgement without its why.
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::Good => Verdict::Good,
            Self::Bad(_) => Verdict::Bad,
            Self::Unknown(_) => Verdict::Unknown,
        }
    }

    /// Why it is bad.
    pub const fn reason(self) -> Option<Reason> {
        match self {
            Self::Bad(reason) => Some(reason),
            _ => None,
        }
    }

    /// Why it is unknown.
    pub const fn cause(self) -> Option<Cause> {
        match self {
            Self::Unknown(cause) => Some(cause),
            _ => None,
        }
    }
}

/// A set of warnings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Warnings(u8);

impl Warnings {
    /// Adds a warning.
    pub fn insert(&mut self, warning: Warning) {
        self.0 |= 1 << warning.index();
    }

    /// Whether it is in the set.
    pub const fn contains(self, warning: Warning) -> bool {
        self.0 & (1 << warning.index()) != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those in the set, in the order of [`Warning::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Warning> {
        Warning::ALL.iter().copied().filter(move |each| self.contains(*each))
    }
}

/// When each phase began (from the start of the run) and how long it took; a phase that was not reached is absent.
///
/// Kept in whole microseconds (at most 71 minutes), because the last runs of every check are kept in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhaseTimes {
    spans: [PhaseSpan; Phase::ALL.len()],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PhaseSpan {
    start_us: u32,
    /// `ABSENT` if the phase was not reached.
    took_us: u32,
}

const ABSENT: u32 = u32::MAX;

impl Default for PhaseTimes {
    fn default() -> Self {
        Self { spans: [PhaseSpan { start_us: 0, took_us: ABSENT }; Phase::ALL.len()] }
    }
}

impl PhaseTimes {
    /// Adds a stretch of `phase` that began `start` after the run did and took `took`; the first start is kept, times add up.
    pub fn add(&mut self, phase: Phase, start: Duration, took: Duration) {
        let micros = |time: Duration| u32::try_from(time.as_micros()).unwrap_or(ABSENT - 1);
        let span = &mut self.spans[phase.index()];
        if span.took_us == ABSENT {
            *span = PhaseSpan { start_us: micros(start), took_us: micros(took).min(ABSENT - 1) };
        } else {
            span.took_us = span.took_us.saturating_add(micros(took)).min(ABSENT - 1);
        }
    }

    /// How long `phase` took, if it was reached.
    pub fn took(&self, phase: Phase) -> Option<Duration> {
        let span = self.spans[phase.index()];
        (span.took_us != ABSENT).then(|| Duration::from_micros(span.took_us.into()))
    }

    /// When `phase` first began, from the start of the run, if it was reached.
    pub fn start(&self, phase: Phase) -> Option<Duration> {
        let span = self.spans[phase.index()];
        (span.took_us != ABSENT).then(|| Duration::from_micros(span.start_us.into()))
    }

    /// The phases that were reached: phase, start, how long; in the order of [`Phase::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Phase, Duration, Duration)> {
        Phase::ALL
            .iter()
            .filter_map(|phase| Some((*phase, self.start(*phase)?, self.took(*phase)?)))
    }
}

words! {
    /// Version of HTTP, as in a request line.
    HttpVersion {
        /// RFC 1945.
        Http10 = "1.0",
        /// RFC 9112.
        Http11 = "1.1",
        /// RFC 9113.
        Http2 = "2",
    }
}

words! {
    /// Version of TLS.
    TlsVersion {
        /// RFC 5246.
        Tls12 = "1.2",
        /// RFC 8446.
        Tls13 = "1.3",
    }
}

/// What was seen; a fact that was not seen is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Status code of the last response.
    pub http_status: Option<u16>,
    /// Version of the last response.
    pub http_version: Option<HttpVersion>,
    /// Redirects followed.
    pub redirects: Option<u32>,
    /// `Content-Length` as the server stated it.
    pub content_length: Option<u64>,
    /// `Last-Modified` as the server stated it.
    pub last_modified: Option<Timestamp>,
    /// Bytes of body that came.
    pub body_bytes: Option<u64>,
    /// Negotiated version.
    pub tls_version: Option<TlsVersion>,
    /// Negotiated cipher suite, by its registered name (`TLS_AES_128_GCM_SHA256`).
    pub tls_cipher: Option<&'static str>,
    /// Earliest end of validity in the presented chain, also when verification failed.
    pub certificate_not_after: Option<Timestamp>,
    /// Earliest end of validity on the way from the server's certificate to the trusted root, the root included; only where
    /// that way was found.
    pub chain_not_after: Option<Timestamp>,
    /// The certificate that the server presented for itself, also when verification failed.
    pub certificate: Option<Arc<Certificate>>,
    /// Response code, as DNS spells it (`NOERROR`, `NXDOMAIN`).
    pub dns_rcode: Option<String>,
    /// Records in the answer section.
    pub dns_answers: Option<u32>,
    /// Records in the authority section.
    pub dns_authority: Option<u32>,
    /// Records in the additional section.
    pub dns_additional: Option<u32>,
    /// Flags that were set, in lower case, separated by spaces (`qr aa rd`).
    pub dns_flags: Option<String>,
    /// Serial of the SOA record, if one came.
    pub dns_serial: Option<u32>,
    /// What came back, as text, if the run was bad or somebody wanted its story: the head of the last answer and the beginning
    /// of its body, the records of an answer, the words of a dialogue.
    pub heard: Option<Arc<str>>,
    /// Exit code of the program of an exec probe.
    pub exit_code: Option<i32>,
    /// Echoes that were sent.
    pub packets_sent: Option<u32>,
    /// Echoes that did not come back in time.
    pub packets_lost: Option<u32>,
    /// Status code of the gRPC call.
    pub grpc_status: Option<u16>,
    /// What the health service said.
    pub grpc_health: Option<ServingStatus>,
    /// The provider that a mark of the served page named, where marks are looked for.
    pub served_by: Option<Arc<str>>,
}

/// One request of a run that made several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// What was asked: a URL without credentials, or an address.
    pub target: String,
    /// The address used.
    pub address: Option<SocketAddr>,
    /// Status code, if one came.
    pub http_status: Option<u16>,
    /// How long each phase of this request took.
    pub phases: PhaseTimes,
}
