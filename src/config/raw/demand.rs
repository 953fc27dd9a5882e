//! `[listener]`'s `probe`: what may be probed on demand.
//!
//! The list of networks may be empty: then nothing may be probed on demand. A list that cannot be read is reported, and
//! never taken for one that was not given.
//!
//! It does not know who asks.

use super::service::read_network_list;
use crate::config::decode::Section;
use crate::config::source::At;
use crate::model::{AT_ONCE, AT_ONCE_AT_MOST, Demand, Network};

/// `probe = { networks = […], at_once = 32 }`.
#[derive(Debug, Default)]
pub(in crate::config) struct RawDemand {
    /// Where runs may lead.
    pub(in crate::config) networks: Option<At<Vec<Network>>>,
    /// Runs at once.
    pub(in crate::config) at_once: Option<At<u32>>,
}

impl RawDemand {
    /// What the daemon is told.
    pub(in crate::config) fn value(&self) -> Demand {
        Demand {
            networks: self.networks.as_ref().map(|networks| networks.value.clone()),
            at_once: self.at_once.as_ref().map_or(AT_ONCE, |most| most.value),
        }
    }
}

pub(super) fn read_demand(table: &Section<'_>) -> RawDemand {
    RawDemand {
        networks: read_network_list(table),
        at_once: table.integer("at_once", 1..=AT_ONCE_AT_MOST),
    }
}
