//! Fixtures of the integration tests.
//!
//! Every server binds port 0 on loopback and ends with its handle.
//!
//! Nothing here asserts but what holds for every run.

pub(crate) mod certs;
pub(crate) mod daemon;
pub(crate) mod dns;
pub(crate) mod doh;
pub(crate) mod h2;
pub(crate) mod http;
pub(crate) mod shelf;
pub(crate) mod spec;
pub(crate) mod still;
pub(crate) mod tcp;
