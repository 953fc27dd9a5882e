//! TCP probes: connect, perhaps TLS, perhaps a dialogue.
use super::{Engine, Error, Trace};
use crate::model::{Host, TcpSpec};
use crate::net::Failure;
use std::net::SocketAddr;
use std::sync::Arc;

pub(super) struct TcpProber {}

impl TcpProber {
    pub(super) fn build(_spec: &TcpSpec, _engine: &Arc<Engine>) -> Result<Self, Error> {
        Ok(Self {})
    }
    pub(super) fn target(&self) -> (Host, u16) {
        (Host::Name("localhost".into()), 80)
    }
    pub(super) async fn attempt(
        &self,
        _address: SocketAddr,
        _trace: &mut Trace,
    ) -> Result<String, Failure> {
        Ok(String::new())
    }
}
