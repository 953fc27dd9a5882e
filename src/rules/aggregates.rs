//! Sums over checks that are recorded, so that dashboards over thousands of checks stay quick.
//!
//! Every five minutes each counter's growth in five minutes is written once for a service on a cloud, whatever checks it has. The
//! tiles have no gap, so the sum of them over a range is the growth in the range. `nephoscope dashboards --recorded` reads
//! these instead of what the daemon exports.
//!
//! No alert depends on them.

use super::{Group, Rule};

/// A counter whose growth is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aggregate {
    /// Name of the counter, as it is exported.
    pub counter: &'static str,
    /// Name of what is recorded; the labels that it has beside job, instance and vantage.
    pub recorded: &'static str,
    /// These labels.
    pub labels: &'static [&'static str],
    /// A matcher of what is recorded; empty: everything.
    matcher: &'static str,
    /// What is 0 may be left out.
    is_sparse: bool,
}

/// Every one of them.
pub const AGGREGATES: [Aggregate; 5] = [
    Aggregate {
        counter: "nephoscope_check_state_seconds_total",
        recorded: "nephoscope:check_state_seconds:increase5m",
        labels: &["service", "provider", "state"],
        matcher: "state=~\"good|bad\"",
        is_sparse: false,
    },
    Aggregate {
        counter: "nephoscope_probe_duration_seconds_bucket",
        recorded: "nephoscope:probe_duration_seconds_bucket:increase5m",
        labels: &["service", "provider", "outcome", "le"],
        matcher: "outcome=\"success\"",
        is_sparse: false,
    },
    Aggregate {
        counter: "nephoscope_probe_failures_total",
        recorded: "nephoscope:probe_failures:increase5m",
        labels: &["service", "provider", "reason"],
        matcher: "",
        is_sparse: true,
    },
    Aggregate {
        counter: "nephoscope_service_exposure_seconds_total",
        recorded: "nephoscope:service_exposure_seconds:increase5m",
        labels: &["service", "state", "provider"],
        matcher: "",
        is_sparse: false,
    },
    Aggregate {
        counter: "nephoscope_service_failover_cost_seconds_total",
        recorded: "nephoscope:service_failover_cost_seconds:increase5m",
        labels: &["service"],
        matcher: "",
        is_sparse: false,
    },
];

/// How often, and over how long; both the same, or tiles would overlap.
const TILE: &str = "5m";

/// The group.
pub(super) fn group() -> Group {
    let rule = |each: &Aggregate| {
        let by = each.labels.join(", ");
        let matcher =
            if each.matcher.is_empty() { String::new() } else { format!("{{{}}}", each.matcher) };
        let some = if each.is_sparse { " > 0" } else { "" };
        Rule {
            record: Some(each.recorded.to_owned()),
            expr: format!(
                "sum by (job, instance, vantage, {by}) (increase({}{matcher}[{TILE}])){some}",
                each.counter
            ),
            ..Rule::default()
        }
    };
    Group {
        name: "nephoscope-sums-for-dashboards".to_owned(),
        interval: Some(TILE.to_owned()),
        rules: AGGREGATES.iter().map(rule).collect(),
    }
}
