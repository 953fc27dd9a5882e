//! gRPC probes: from what the file says to a [`GrpcSpec`].
//!
//! A `tls` table beside the `grpc` table means TLS; without one the request travels in the clear.
//!
//! It connects to nothing.

use super::{Builder, Job};
use crate::config::raw::RawGrpc;
use crate::config::template::Position;
use crate::model::GrpcSpec;

impl Builder<'_> {
    pub(super) fn grpc(&mut self, job: &mut Job<'_, '_>, raw: &RawGrpc) -> Option<GrpcSpec> {
        let (host, port) = job.address("grpc.address", &raw.address)?;
        let service = match &raw.service {
            None => String::new(),
            Some(template) => job.fill("grpc.service", template, Position::Plain)?,
        };
        let tls = match &job.plan.probe.tls {
            None => None,
            Some(tls) => Some(self.tls(job, Some(&tls.value))?),
        };
        Some(GrpcSpec { host, port, service: service.into(), tls })
    }
}
