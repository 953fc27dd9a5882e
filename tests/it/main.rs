//! Everything that is proved with real sockets, real files and the real clock; one binary.
//!
//! One line per module, with what it proves.
//!
//! Rules at their edges are tested beside the code, order and time in `tests/sim`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

/// Fixtures: servers on port 0, certificates made at run time, specs.
mod support;
