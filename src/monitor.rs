//! Monitor: owns scheduler, workers and recorder; start, stop.
pub mod event;
pub mod joint;
pub mod ledger;
pub mod snapshot;
