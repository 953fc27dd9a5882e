//! What a TCP probe says and wants to hear.
//!
//! Steps are in order. What a group of a pattern has caught may be said later: which one is meant was settled when the
//! configuration was read, so it is always a group of a step before.
//!
//! How long a step may take beside its own limit is the probe's business.

use super::Pattern;
use super::words::words;
use std::sync::Arc;
use std::time::Duration;

/// One step of a TCP dialogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Read until the pattern matches what has come since the last step; at most `within`.
    Expect {
        /// What must match.
        pattern: Pattern,
        /// Limit of this step, inside the deadline of the whole probe.
        within: Option<Duration>,
    },
    /// Read these bytes, and nothing else before them.
    ExpectBytes {
        /// What must come next.
        bytes: bytes::Bytes,
        /// Limit of this step, inside the deadline of the whole probe.
        within: Option<Duration>,
    },
    /// Write all of this.
    Send(Vec<Said>),
    /// Ask for TLS in this protocol's words and do the handshake.
    StartTls(StartTls),
}

/// A part of what is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// These bytes.
    Bytes(bytes::Bytes),
    /// What a group of a pattern has caught; nothing if the group took no part in the match.
    Group(Group),
}

/// A group of the pattern of an earlier step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The step, counted from 0.
    pub step: usize,
    /// The group, counted as patterns do: 0 is the whole match.
    pub group: usize,
    /// As the configuration calls it: a number or a name.
    pub name: Arc<str>,
}

words! {
    /// In whose words TLS is asked for.
    StartTls {
        /// RFC 3207; greeting and EHLO are steps before it.
        Smtp = "smtp",
        /// RFC 9051.
        Imap = "imap",
        /// RFC 2595.
        Pop3 = "pop3",
        /// `SSLRequest` of `PostgreSQL`.
        Postgres = "postgres",
        /// RFC 4511.
        Ldap = "ldap",
    }
}
