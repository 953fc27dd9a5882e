//! ICMP probes: from what the file says to an [`IcmpSpec`].
//!
//! A limit that nobody gave fits itself into the timeout; one that somebody gave and that lies beyond is warned of.
//!
//! Whether this host allows ICMP is not asked here: who validates may be allowed other things than the daemon.

use super::{Builder, Job, parse_host};
use crate::config::problem::{Kind, Problem};
use crate::config::raw::RawIcmp;
use crate::config::template::{Position, Template};
use crate::model::{Host, IcmpSpec, human_duration};
use std::time::Duration;

/// A single lost packet says little; three say a little more, and cost nothing.
pub(in crate::config) const PACKETS: u32 = 3;
/// As above: long enough for a burst of losses to pass by.
pub(in crate::config) const SPACING: Duration = Duration::from_millis(200);
/// No way on earth takes a second.
pub(in crate::config) const WITHIN: Duration = Duration::from_secs(1);
/// What `ping` sends.
pub(in crate::config) const SIZE: u32 = 56;
/// In percent: of three packets one may be lost.
pub(in crate::config) const MAX_LOSS: u32 = 50;

impl Builder<'_> {
    pub(super) fn icmp(&mut self, job: &mut Job<'_, '_>, raw: &RawIcmp) -> Option<IcmpSpec> {
        job.refuse_tls("ICMP has no TLS");
        let host = host(job, raw)?;
        let packets = raw.packets.as_ref().map_or(PACKETS, |at| at.value);
        let spacing = raw.spacing.as_ref().map_or(SPACING, |at| at.value);
        let sending = spacing * (packets - 1);
        let timeout = job.timing.timeout.value;
        let left = timeout.saturating_sub(sending);
        let within = raw.within.as_ref().map_or(WITHIN.min(left), |at| at.value);
        if within > left || left.is_zero() {
            let given = [
                raw.within.as_ref().map(|at| at.place),
                raw.spacing.as_ref().map(|at| at.place),
                raw.packets.as_ref().map(|at| at.place),
            ];
            let place = given.into_iter().flatten().next().unwrap_or(raw.place);
            let said = format!(
                "the last packet may be answered after {}, the timeout is `{}`",
                human_duration(sending + within.max(Duration::from_millis(1))),
                human_duration(timeout)
            );
            let problem = Problem::new(Kind::StepBeyondTimeout, job.path_of("icmp"), place, said)
                .label("the deadline strikes before")
                .hint("fewer `packets`, less `spacing`, a shorter `within` or a longer `timeout`");
            self.context.sink.report(problem);
        }
        Some(IcmpSpec {
            host,
            packets,
            spacing,
            within,
            size: raw.size.as_ref().map_or(SIZE, |at| at.value),
            max_loss: raw.max_loss.as_ref().map_or(MAX_LOSS, |at| at.value),
        })
    }
}

fn host(job: &mut Job<'_, '_>, raw: &RawIcmp) -> Option<Host> {
    let own;
    let template = if let Some(template) = &raw.host {
        template
    } else {
        own = Template::parse("{host}".to_owned(), raw.place, None)
            .expect("its placeholder is closed");
        &own
    };
    let text = job.fill("icmp.host", template, Position::Address)?;
    match parse_host(&text) {
        Ok(host) => Some(host),
        Err(why) => {
            let said = format!("`{text}` is not a host");
            job.report(Kind::BadHost, "icmp.host", template.place, said, why);
            None
        }
    }
}
