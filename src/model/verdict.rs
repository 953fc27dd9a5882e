//! What a result says of the service, and the state a person is shown.
//!
//! A [`Verdict`] is the judgement of one run. A [`State`] is ordered by severity and numbered as the state gauge is, so
//! that `max` over checks is the worst and `min` the best.
//!
//! How verdicts become a state is decided in `health`.

use super::words::words;

words! {
    /// The judgement of one run.
    Verdict {
        /// It did what was expected.
        Good = "good",
        /// It did not, and the reason is known.
        Bad = "bad",
        /// The monitor could not tell.
        Unknown = "unknown",
    }
}

words! {
    /// What a person is shown; the number is the value of the state gauge.
    State {
        /// Good.
        Up = "up",
        /// Excluded by maintenance.
        Maintenance = "maintenance",
        /// The monitor cannot tell.
        Unknown = "unknown",
        /// Up with a confirmed warning, or bad and not yet confirmed.
        Degraded = "degraded",
        /// Bad, confirmed.
        Down = "down",
    }
}
