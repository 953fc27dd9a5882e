//! Another daemon that watches the same services from another place.
//!
//! It is only ever read, and only while something is down here.
//!
//! What it says, and how much that is worth, is not known here.

use super::{Auth, PemFile};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How many of them may be named.
pub const PEERS_AT_MOST: usize = 8;

/// Another vantage point that is asked: `[[peer]]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its own `monitor.vantage`; an answer in another name is not taken.
    pub vantage: Arc<str>,
    /// Where its page is.
    pub url: url::Url,
    /// The watched cloud it stands on, if it does and it is said here; else it says so itself.
    pub provider: Option<Arc<str>>,
    /// Credentials that a proxy before it wants.
    pub auth: Option<Auth>,
    /// Roots to trust instead of the system's.
    pub ca: Option<PemFile>,
    /// One hard deadline for an answer.
    pub timeout: Duration,
}

/// Without credentials.
impl fmt::Debug for Peer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Peer({})", self.vantage)
    }
}
