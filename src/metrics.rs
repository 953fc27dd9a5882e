//! Exposition: what the daemon exports, as Prometheus text format 0.0.4.
//!
//! Two sources, one page. `own` is the daemon's own metrics, few, in a `prometheus` registry. `table` holds the numbers of
//! every check in plain rows, written by the recorder and copied by a scrape a shard at a time, so that a scrape never holds
//! the recorder up; `writer` turns the copy into text, family by family, in chunks. Every name stands once, in `catalog`.
//!
//! It does not know who calls it or over what protocol, nor what a state means.

pub mod catalog;
mod exposures;
pub mod field;
mod labels;
pub mod own;
pub mod promises;
pub mod samples;
pub mod table;
pub mod writer;

pub use exposures::ExposureNumbers;
pub use own::{Own, PushNumbers, StoreNumbers};
pub use promises::{PromiseNumbers, PromiseText, TierNumbers};
pub use samples::Sample;
pub use table::{ServiceStates, Settled, Table};
pub use writer::Exposition;
