//! An ICMP probe as it was built, beside where the file says it.
//!
//! What nobody gave is a default, and `within` may have been cut to the timeout.
//!
//! It opens no socket.

use super::place_of;
use super::spec::Rows;
use crate::config::raw::RawIcmp;
use crate::model::{IcmpSpec, human_duration};

impl Rows<'_, '_> {
    pub(super) fn icmp(&mut self, is: &IcmpSpec, said: &RawIcmp) {
        self.set("icmp.host", &is.host, said.host.as_ref().map(|template| template.place));
        self.set("icmp.packets", is.packets, place_of(said.packets.as_ref()));
        let spacing = human_duration(is.spacing);
        self.set("icmp.spacing", spacing, place_of(said.spacing.as_ref()));
        self.set("icmp.within", human_duration(is.within), place_of(said.within.as_ref()));
        self.set("icmp.size", is.size, place_of(said.size.as_ref()));
        self.set("icmp.max_loss", format!("{} %", is.max_loss), place_of(said.max_loss.as_ref()));
    }
}
