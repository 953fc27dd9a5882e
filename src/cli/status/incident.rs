//! What is down, by cause: whose it is, for how long, and why that is believed.
//!
//! Pure functions of the API's forms; bounded, and what does not fit is counted.
//!
//! It asks nobody.

use crate::cli::render::{BOLD, FAINT, tame};
use crate::model::human_duration;
use crate::web::api::IncidentForm;
use std::fmt::Write as _;
use std::time::Duration;

const INFALLIBLE: &str = "writing to a string cannot fail";

/// Incidents that are written, the longest first.
const SHOWN: usize = 10;

/// A paragraph per incident; nothing if none lasts.
pub(super) fn lines(incidents: &[IncidentForm]) -> String {
    let mut out = String::new();
    let mut incidents: Vec<_> = incidents.iter().collect();
    incidents.sort_by(|a, b| a.started.total_cmp(&b.started));
    for each in incidents.iter().take(SHOWN) {
        let (whom, whose) = (tame(&each.whom), tame(&each.whose));
        let lasted = human_duration(Duration::from_secs_f64(each.duration_s.max(0.0)));
        let coupled = if each.coupled { "; it broke another cloud too" } else { "" };
        writeln!(out, "\n{BOLD}{whom}{BOLD:#} down for {lasted}: it is {whose}{coupled}")
            .expect(INFALLIBLE);
        if !each.because.is_empty() {
            writeln!(out, "  {FAINT}{}{FAINT:#}", tame(&each.because)).expect(INFALLIBLE);
        }
    }
    let more = incidents.len().saturating_sub(SHOWN);
    if more > 0 {
        writeln!(out, "\n{more} more incidents are at /api/v1/outages").expect(INFALLIBLE);
    }
    out
}
