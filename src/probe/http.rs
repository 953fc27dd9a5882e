//! HTTP probes through reqwest.
use super::{Engine, Error, Trace};
use crate::model::{Host, HttpSpec};
use crate::net::Failure;
use std::net::SocketAddr;
use std::sync::Arc;

pub(super) struct HttpProber {}

impl HttpProber {
    pub(super) fn build(_spec: &HttpSpec, _engine: &Arc<Engine>) -> Result<Self, Error> {
        Ok(Self {})
    }
    /// Host and port the first request connects to (`connect_to`, else the URL's).
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
