//! `[probe.NAME.grpc]`: a server and the service whose health is asked for.
//!
//! TLS is done if there is a `[probe.NAME.tls]`.
//!
//! It does not fill in placeholders.

use crate::config::decode::Section;
use crate::config::template::Template;

/// `[probe.NAME.grpc]`.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::config) struct RawGrpc {
    pub(in crate::config) address: Template,
    pub(in crate::config) service: Option<Template>,
}

pub(super) fn read_grpc(table: &Section<'_>) -> Option<RawGrpc> {
    let address = table.template("address");
    if !table.has("address") {
        table.missing("address", "`address = \"{host}:50051\"`");
    }
    table.unsupported(&["metadata"], "leave it out until it is");
    let service = table.template("service");
    Some(RawGrpc { address: address?, service })
}
