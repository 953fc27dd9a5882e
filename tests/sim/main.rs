//! The simulation: the production monitor under a paused clock, with scripted probers, a scripted wall clock and a seed.
//!
//! Everything between schedule and picture is the real thing; only the probers and the wall clock are twins. A seed draws
//! the checks, the faults that exist, and when they strike; the same seed gives the same run, and a failure prints it.
//!
//! Wire truth is not tested here (`tests/it` has real sockets).
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

/// Whether the monitor can see at all.
mod blind;
/// Two clouds as failure domains.
mod clouds;
/// Histories for the dashboards.
mod history;
/// What the world watches.
mod layout;
/// A monitor that lives several times on one store.
mod lives;
/// What must hold, whatever happens.
mod oracle;
/// The books beside a monitor with a store.
mod recount;
/// The configuration changes while everything runs.
mod reloads;
/// Runs over many seeds, and single stories.
mod stories;
/// The journal of one check, run by run.
mod tale;
/// Probers and wall clock.
mod twin;
/// The world: tap, journal, faults.
mod world;
