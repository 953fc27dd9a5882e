//! gRPC probes: the standard health service (`grpc.health.v1`), asked once.
//!
//! With TLS from the first byte or in the clear; in both cases HTTP/2 without asking first.
//!
//! The messages are known to `probe::grpc`.

use super::{CONNECT, Host, RESOLVE, Reason, TLS, TlsSpec};
use std::sync::Arc;

/// A gRPC probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcSpec {
    /// Host to connect to.
    pub host: Host,
    /// Port to connect to.
    pub port: u16,
    /// Whose health is asked for; empty: that of the whole server.
    pub service: Arc<str>,
    /// How TLS is done; `None`: in the clear.
    pub tls: Option<Arc<TlsSpec>>,
}

impl GrpcSpec {
    pub(super) fn possible_reasons(&self) -> Vec<Reason> {
        let mut reasons = CONNECT.to_vec();
        if matches!(self.host, Host::Name(_)) {
            reasons.extend(RESOLVE);
        }
        if self.tls.is_some() {
            reasons.extend(TLS);
        }
        reasons.extend([
            Reason::ResponseTimeout,
            Reason::BodyTimeout,
            Reason::Reset,
            Reason::Protocol,
            Reason::Status,
            Reason::Health,
        ]);
        reasons
    }
}
