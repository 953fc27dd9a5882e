//! `[probe.NAME.icmp]`: a few echoes, and how many may be lost. The table may be empty.
//!
//! Numbers are checked against the bounds of the model.
//!
//! It does not know the timeout, and fills in no placeholders.

use crate::config::decode::Section;
use crate::config::problem::{Kind, Problem};
use crate::config::source::At;
use crate::config::template::Template;
use crate::model::{PACKET_SIZE_AT_MOST, PACKETS_AT_MOST, human_duration};
use std::time::Duration;

/// `[probe.NAME.icmp]`.
#[derive(Clone, Debug)]
pub(in crate::config) struct RawIcmp {
    /// `None`: the endpoint's own.
    pub(in crate::config) host: Option<Template>,
    pub(in crate::config) packets: Option<At<u32>>,
    pub(in crate::config) spacing: Option<At<Duration>>,
    pub(in crate::config) within: Option<At<Duration>>,
    pub(in crate::config) size: Option<At<u32>>,
    pub(in crate::config) max_loss: Option<At<u32>>,
    /// Where the table stands.
    pub(in crate::config) place: crate::config::source::Place,
}

/// By what is said, wherever it stands.
impl PartialEq for RawIcmp {
    fn eq(&self, other: &Self) -> bool {
        let Self { host, packets, spacing, within, size, max_loss, place: _ } = self;
        *host == other.host
            && *packets == other.packets
            && *spacing == other.spacing
            && *within == other.within
            && *size == other.size
            && *max_loss == other.max_loss
    }
}

/// Packets follow each other no quicker: more is a flood.
const SPACING_AT_LEAST: Duration = Duration::from_millis(10);

pub(super) fn read_icmp(table: &Section<'_>) -> RawIcmp {
    let spacing = table.duration("spacing").filter(|spacing| {
        let fine = spacing.value >= SPACING_AT_LEAST;
        if !fine {
            let said = format!("`{}` is too short", human_duration(spacing.value));
            let path = table.path_of("spacing");
            let problem = Problem::new(Kind::OutOfRange, path, spacing.place, said)
                .label("would be a flood")
                .expected("`10ms` or more");
            table.report(problem);
        }
        fine
    });
    RawIcmp {
        host: table.template("host"),
        packets: table.integer("packets", 1..=PACKETS_AT_MOST),
        spacing,
        within: table.duration("within"),
        size: table.integer("size", 0..=PACKET_SIZE_AT_MOST),
        max_loss: table.integer("max_loss", 0..=99),
        place: table.place,
    }
}
