//! A gRPC probe as it was built, beside where the file says it.
//!
//! An empty service is shown as such: it means the whole server.
//!
//! It connects to nothing.

use super::spec::Rows;
use crate::config::raw::RawGrpc;
use crate::model::GrpcSpec;

impl Rows<'_, '_> {
    pub(super) fn grpc(&mut self, is: &GrpcSpec, said: &RawGrpc) {
        let address = match &is.host {
            crate::model::Host::Ip(std::net::IpAddr::V6(ip)) => format!("[{ip}]:{}", is.port),
            host => format!("{host}:{}", is.port),
        };
        self.set("grpc.address", address, Some(said.address.place));
        let service = said.service.as_ref().map(|template| template.place);
        self.set("grpc.service", format!("{:?}", is.service), service);
    }
}
