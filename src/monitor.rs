//! Monitor: owns scheduler, workers and recorder; start, stop.
pub mod snapshot;
