//! The numbers of services on several clouds: time by how many sides were able to serve, and what failing over has cost.
//!
//! They are counters that the history of a service keeps, in milliseconds; here they become lines, each state from the first
//! scrape on. A service with one side has no exposure, one without a public name no failover cost.
//!
//! It computes nothing.

use super::catalog::Metric;
use super::labels::escaped;
use std::fmt::Write as _;

/// The numbers of one service, in milliseconds.
#[derive(Clone, Debug)]
pub struct ExposureNumbers {
    /// Ready to be written.
    service: String,
    /// `state` and `provider` with their amount; empty for a service with one side.
    states: Vec<(&'static str, String, u64)>,
    cost: Option<u64>,
}

impl ExposureNumbers {
    /// Of a service; `only` are the providers and the time in which each was the only one left, none for a single side.
    pub fn new<'a>(
        service: &str,
        [both, none, unknown]: [u64; 3],
        only: impl IntoIterator<Item = (&'a str, u64)>,
        cost: Option<u64>,
    ) -> Self {
        let only = only.into_iter().map(|(provider, millis)| ("only", escaped(provider), millis));
        let mut states: Vec<_> = only.collect();
        if !states.is_empty() {
            states.insert(0, ("both", String::new(), both));
            states.push(("none", String::new(), none));
            states.push(("unknown", String::new(), unknown));
        }
        Self { service: escaped(service), states, cost }
    }
}

const INFALLIBLE: &str = "writing to a string cannot fail";

/// Writes the lines of one metric of one service.
pub(super) fn write(metric: Metric, row: &ExposureNumbers, vantage: &str, out: &mut String) {
    let (name, service) = (metric.entry().name, &row.service);
    match metric {
        Metric::ServiceExposure => {
            for (state, provider, millis) in &row.states {
                let (whole, part) = (millis / 1_000, millis % 1_000);
                writeln!(
                    out,
                    "{name}{{service=\"{service}\",state=\"{state}\",provider=\"{provider}\",vantage=\"{vantage}\"}} {whole}.{part:03}"
                )
                .expect(INFALLIBLE);
            }
        }
        Metric::ServiceFailoverCost => {
            if let Some(millis) = row.cost {
                let (whole, part) = (millis / 1_000, millis % 1_000);
                writeln!(
                    out,
                    "{name}{{service=\"{service}\",vantage=\"{vantage}\"}} {whole}.{part:03}"
                )
                .expect(INFALLIBLE);
            }
        }
        other => unreachable!("`{}` is not about exposure", other.entry().name),
    }
}
