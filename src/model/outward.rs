//! Words for what becomes of those who come to the listener, and of heartbeats.
//!
//! Each set is closed; the same word stands in the label and the README.
//!
//! What follows from one is not decided here.

use super::words::words;

words! {
    /// Why the listener turned somebody away.
    TurnedAway {
        /// No credentials, or in a form that is not known; a browser's first request is one of these.
        Anonymous = "anonymous",
        /// The credentials are not right.
        Credentials = "credentials",
        /// Whoever asks may not change anything, or a page of another site asks.
        Forbidden = "forbidden",
        /// Too many ask with new passwords at once.
        Busy = "busy",
        /// The address has too many connections.
        Connections = "connections",
        /// The first request, or the TLS handshake, did not come in time.
        Slow = "slow",
    }
}

words! {
    /// What became of a heartbeat that was due.
    Beat {
        /// It was taken.
        Taken = "taken",
        /// Nobody answered in time, or with something else than 2xx.
        Failed = "failed",
        /// It was not sent, because schedulers or recorder do not move.
        Withheld = "withheld",
    }
}
