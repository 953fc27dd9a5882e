//! What the hooks below a probe see while one connection is made, kept where the probe can still read it afterwards.
//!
//! rustls and reqwest call their hooks without any argument that says whose connection it is; but they call them in the
//! task that polls the connection, so a task-local does. Every stamp lies in the [`Flight`], outside the future that a
//! deadline drops, and [`Landing`] carries them into the trace however that future ends.
//!
//! It opens nothing and judges nothing.

use super::Trace;
use crate::clock::Instant;
use crate::model::{Certificate, Phase, Timestamp, TlsVersion};
use crate::net::Failure;
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

tokio::task_local! {
    static FLIGHT: Arc<Flight>;
}

/// One connection being made, and what was seen of it.
pub(super) struct Flight {
    /// The one address that may be connected to.
    address: SocketAddr,
    /// The name that the certificate must be for, where it is not the one the connection is made with.
    expected: Option<ServerName<'static>>,
    /// Whether the way leads through a proxy, so that connecting is talking to it.
    proxied: bool,
    /// The proxy's name and address, where `address` is not the proxy's.
    proxy: Option<(Box<str>, SocketAddr)>,
    seen: Mutex<Seen>,
}

/// Stamps and facts, in the order in which they come.
#[derive(Default)]
pub(super) struct Seen {
    connect: Option<Instant>,
    tls: Option<Instant>,
    ready: Option<Instant>,
    /// Whether the handshake keys of TLS 1.3 were derived, which happens before a certificate can arrive.
    modern: bool,
    pub(super) tls_version: Option<TlsVersion>,
    pub(super) tls_cipher: Option<&'static str>,
    pub(super) not_after: Option<Timestamp>,
    pub(super) chain_not_after: Option<Timestamp>,
    pub(super) certificate: Option<Arc<Certificate>>,
    /// Why our own verifier broke the handshake off, where rustls has no word for it.
    pub(super) refusal: Option<Failure>,
}

impl Flight {
    /// A connection to `address`, about to be made.
    pub(super) fn new(address: SocketAddr, expected: Option<ServerName<'static>>) -> Arc<Self> {
        Arc::new(Self { address, expected, proxied: false, proxy: None, seen: Mutex::default() })
    }

    /// A connection through a proxy: to `address`, or to `proxy` (by its name) for `address`.
    pub(super) fn through(
        address: SocketAddr,
        expected: Option<ServerName<'static>>,
        proxy: Option<(Box<str>, SocketAddr)>,
    ) -> Arc<Self> {
        Arc::new(Self { address, expected, proxied: true, proxy, seen: Mutex::default() })
    }

    /// The phase before TLS or the request.
    fn first(&self) -> Phase {
        if self.proxied { Phase::Proxy } else { Phase::Connect }
    }

    /// Runs `future` so that the hooks it calls find this flight.
    pub(super) fn carry<F: Future>(self: &Arc<Self>, future: F) -> impl Future<Output = F::Output> {
        FLIGHT.scope(Arc::clone(self), future)
    }

    /// What was seen so far.
    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The phase the connection has reached.
    pub(super) fn phase(&self) -> Phase {
        let seen = self.seen();
        match (seen.ready, seen.tls) {
            (Some(_), _) => Phase::Processing,
            (None, Some(_)) => Phase::Tls,
            (None, None) => self.first(),
        }
    }

    /// Moves the stamps and facts into the trace; a second call finds nothing to move.
    fn report(&self, trace: &mut Trace) {
        let mut seen = self.seen();
        let stamps = [
            (self.first(), seen.connect.take()),
            (Phase::Tls, seen.tls.take()),
            (Phase::Processing, seen.ready.take()),
        ];
        for (phase, stamp) in stamps {
            if let Some(at) = stamp {
                trace.enter(phase, at);
            }
        }
        let facts = &mut trace.facts;
        facts.tls_version = seen.tls_version.take().or(facts.tls_version);
        facts.tls_cipher = seen.tls_cipher.take().or(facts.tls_cipher);
        facts.certificate = seen.certificate.take().or_else(|| facts.certificate.take());
        // The earliest of all chains of the run: whichever ends first is the one to renew.
        let earliest = |one: Option<Timestamp>, other| [one, other].into_iter().flatten().min();
        facts.certificate_not_after = earliest(facts.certificate_not_after, seen.not_after.take());
        facts.chain_not_after = earliest(facts.chain_not_after, seen.chain_not_after.take());
    }
}

/// Carries what a flight saw into the trace when it is dropped: at the end of the attempt, or by the deadline.
pub(super) struct Landing<'t> {
    /// The trace it lands in.
    pub(super) trace: &'t mut Trace,
    /// The flight it watches.
    pub(super) flight: Arc<Flight>,
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        self.flight.report(self.trace);
    }
}

/// The address pinned for `name`, to which a connection is being made in this task.
pub(super) fn pinned(name: &str) -> Option<SocketAddr> {
    let of = |flight: &Arc<Flight>| match &flight.proxy {
        Some((proxy, address)) if **proxy == *name => *address,
        _ => flight.address,
    };
    FLIGHT.try_with(of).ok()
}

/// The name that the certificate must be for, where the flight says so.
pub(super) fn expected() -> Option<ServerName<'static>> {
    FLIGHT.try_with(|flight| flight.expected.clone()).ok().flatten()
}

/// Stamps the start of a phase of the connection being made in this task.
pub(super) fn stamp(phase: Phase) {
    let now = Instant::now();
    note(|seen| match phase {
        Phase::Connect => seen.connect = Some(now),
        Phase::Tls => seen.tls = Some(now),
        _ => seen.ready = Some(now),
    });
}

/// Notes that the handshake keys of TLS 1.3 were derived.
pub(super) fn note_modern() {
    note(|seen| seen.modern = true);
}

/// The version of the handshake in which a certificate has just arrived.
pub(super) fn version_now() -> TlsVersion {
    let modern = FLIGHT.try_with(|flight| flight.seen().modern).unwrap_or(false);
    if modern { TlsVersion::Tls13 } else { TlsVersion::Tls12 }
}

/// Adds to what was seen of the connection being made in this task.
pub(super) fn note(change: impl FnOnce(&mut Seen)) {
    let _ = FLIGHT.try_with(|flight| change(&mut flight.seen()));
}
