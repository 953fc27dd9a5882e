//! Words for what happens to a public name.
//!
//! When a step is reached, and why a failover happened, is decided in `failover`.
//!
//! There is no word for a failover that did not happen: one without steps says it.

use super::words::words;

words! {
    /// A step of a failover, in the order in which they are hoped for.
    FailoverStep {
        /// The outage was certain.
        Detect = "detect",
        /// The zone's own servers lead to another cloud.
        Authoritative = "authoritative",
        /// Every configured resolver that answers leads there too.
        Resolvers = "resolvers",
        /// A fresh client of the name was served from there.
        FreshClient = "fresh_client",
        /// The name leads to the first cloud again, and a fresh client is served there.
        Back = "back",
    }
}

words! {
    /// Why a public name went to another cloud.
    FailoverCause {
        /// The first cloud was down.
        Outage = "outage",
        /// A drill was on, or the first cloud was in maintenance.
        Planned = "planned",
        /// Nothing explains it.
        Silent = "silent",
    }
}
