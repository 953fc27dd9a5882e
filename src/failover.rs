//! Did failover work? What was seen of a public name, where that leads, and how long each step of a failover took.
//!
//! [`Observation`] is what the name's servers and some resolvers answered at one moment. [`Territory`] says which cloud an
//! address belongs to.
//!
//! Nothing here asks a name server, reads a clock or logs.

mod observation;
mod territory;

pub use observation::{Answer, Led, Observation};
pub use territory::{Cloud, Share, Territory, address_of};
