//! What may be probed on demand, on the page.
//!
//! Without `networks` it is said what that means, since it depends on who may ask.
//!
//! It judges no address.

use super::Loaded;
use super::page::Page;

impl Loaded {
    pub(super) fn write_demand(&self, page: &mut Page<'_>) {
        let said = &self.raw.listener.demand;
        let listener = &self.config.listener;
        let trusted = !listener.callers.is_empty() || self.config.monitor.listen.ip().is_loopback();
        let networks = match &said.networks {
            Some(networks) if networks.value.is_empty() => "none".to_owned(),
            Some(networks) => {
                let texts = networks.value.iter();
                let texts = texts.map(|network| format!("{}/{}", network.address, network.prefix));
                texts.collect::<Vec<_>>().join(", ")
            }
            None if trusted => "all but guarded ones".to_owned(),
            None => "none: anybody may ask".to_owned(),
        };
        let place = said.networks.as_ref().map(|at| at.place);
        page.set("probe.networks", networks, "listener", place);
        let at_once = said.at_once.as_ref().map(|at| at.place);
        page.set("probe.at_once", listener.demand.at_once, "listener", at_once);
    }
}
