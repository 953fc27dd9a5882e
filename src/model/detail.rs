//! How much is exported of a check.
//!
//! The three levels are ordered: each has everything the one before has.
//!
//! Which metric belongs to which level is in `metrics::catalog`.

use super::words::words;

words! {
    /// How many series a check has.
    Detail {
        /// State and counters; at most 15 series.
        Lean = "lean",
        /// What dashboards and alerts need; at most 60 series.
        Standard = "standard",
        /// Everything.
        Full = "full",
    }
}
