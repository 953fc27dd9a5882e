//! What is looked at besides the services, to tell whose outage it is: sentinels, canaries, shared dependencies.
//!
//! A reference is a check like any other to the schedule and the probers. Its id begins with `@`, which no service can, and
//! it has no part in any promise.
//!
//! What follows from its state is decided by the rules.

use super::{Check, Plane};
use std::sync::Arc;

/// A check that is not of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// How to look, and when.
    pub check: Arc<Check>,
    /// What it stands for.
    pub role: ReferenceRole,
}

/// What a reference stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferenceRole {
    /// Neutral ground that answers TLS: our own network works.
    SentinelTls,
    /// A name that our own resolver must be able to resolve.
    SentinelName,
    /// A cloud's own endpoint.
    Canary {
        /// Position of the provider in the configuration.
        provider: usize,
        /// Position among its canaries.
        canary: usize,
        /// What it shows: only `data` can blame a provider.
        plane: Plane,
    },
    /// A dependency that services share.
    Domain {
        /// Position of the domain in the configuration.
        domain: usize,
    },
}
