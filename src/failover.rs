//! Did failover work? What was seen of a public name, where that leads, and how long each step of a failover took.
//!
//! [`Observation`] is what the name's servers and some resolvers answered at one moment; [`Territory`] says which cloud an
//! address belongs to, [`Lead`] where the name leads by all of them. [`PublicName`] puts that beside the health of the clouds
//! and tells of each [`Failover`]: in time, late, silent, planned, and back.
//!
//! Nothing here asks a name server, reads a clock or logs.

mod lead;
mod name;
mod observation;
mod record;
mod territory;

pub use lead::{AVERAGED, Lead, Source};
pub use name::{PublicName, SETTLED, Terms, Told, Waits};
pub use observation::{Answer, Led, Observation};
pub use record::Failover;
pub use territory::{Cloud, Share, Territory, address_of};
