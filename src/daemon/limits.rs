//! What this process may: how many descriptors, and whether ICMP.
//!
//! Every run in flight holds one or two (a connection, a question to the resolver), and a dead region holds as many as
//! `max_in_flight` allows until their deadlines. Shells give 1 024 and let a process ask for more, so the daemon asks for all
//! it may have; if that is too few it says so at the start.
//!
//! What happens when they run out all the same, or a socket is refused (the run is unknown, cause `overloaded` or `unable`), is
//! decided where a socket is opened.

use crate::model::{Action, Check, ProbeKind};
use crate::net::may_echo;
use crate::web::serve::CONNECTIONS;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// Descriptors that a run may hold at once.
const PER_RUN: u64 = 2;

/// Descriptors that are not for runs: runtimes, listeners, log, and the connections of two listeners.
const RESERVED: u64 = 64 + 2 * CONNECTIONS as u64;

/// Asks for what this process may have, and says what it lacks for `max_in_flight` runs of `checks`.
pub(super) fn look(max_in_flight: u32, checks: &[Arc<Check>]) {
    raise_descriptors(max_in_flight);
    try_icmp(checks);
}

/// Asks for all descriptors this process may have, and says so if `max_in_flight` runs would need more.
fn raise_descriptors(max_in_flight: u32) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let available = if raised.is_ok() { maximum } else { current };
    let wanted = PER_RUN * u64::from(max_in_flight) + RESERVED;
    if let Some(available) = available.filter(|available| *available < wanted) {
        tracing::warn!(
            action = Action::DescriptorsShort.as_str(),
            available,
            wanted,
            "too few file descriptors for `monitor.max_in_flight`; raise LimitNOFILE (or `ulimit -n`), or lower it"
        );
    }
}

/// Says so if there are ICMP probes and this host allows none.
fn try_icmp(checks: &[Arc<Check>]) {
    let is_echo = |check: &Arc<Check>| matches!(check.spec.kind, ProbeKind::Icmp(_));
    if !checks.iter().any(is_echo) {
        return;
    }
    // Both families are allowed or refused together.
    if let Err(error) = may_echo(Ipv4Addr::LOCALHOST.into()) {
        tracing::warn!(
            action = Action::IcmpForbidden.as_str(),
            error,
            "ICMP probes will be unknown"
        );
    }
}
