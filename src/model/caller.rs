//! Who may use the network's listener, and how each proves to be who it says.
//!
//! People have a password, of which only the hash is known here; programs have a token. Each has a name for the log, and may
//! read; those who may also write are said so one by one. Where nobody is named everybody may read and nobody may write.
//!
//! How a request carries a proof is not known here.

use super::{Demand, PasswordHash, Secret};
use std::path::PathBuf;
use std::sync::Arc;

/// How many may be named.
pub const CALLERS_AT_MOST: usize = 64;

/// Characters of a token at least: 16 random ones cannot be guessed over a network.
pub const TOKEN_AT_LEAST: usize = 16;

/// `[listener]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listener {
    /// What it presents; plain HTTP if there is none.
    pub tls: Option<TlsFiles>,
    /// Who may use it; nobody named means that whoever reaches it may read.
    pub callers: Vec<Caller>,
    /// What may be probed on demand.
    pub demand: Demand,
}

/// Where a certificate and its key are; what is in them may change at any time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, the leaf first.
    pub cert: PathBuf,
    /// The key of the leaf.
    pub key: PathBuf,
}

/// One who may use the listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// What it is called; the user's name, if it has a password.
    pub name: Arc<str>,
    /// What it has to show.
    pub proof: Proof,
    /// Whether it may also announce maintenance, drills and the like.
    pub writes: bool,
}

/// What proves that a caller is who it says. Printing it shows neither.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The password of which this is the hash.
    Password(PasswordHash),
    /// This very text.
    Token(Secret),
}
