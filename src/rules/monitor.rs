//! Alerts about the monitor itself: that it lives, sees, keeps and tells.
//!
//! What watches has to be watched: the dead man's alert always fires, so that whoever receives alerts can tell silence from
//! health, and with several vantages their number is written into the rule.
//!
//! Nothing here is about a service.

use super::owner::Owner;
use super::{Board, Group, Rule, Template, Wanted};
use std::collections::BTreeMap;

const VANTAGE: &[&str] = &["vantage"];

/// All of them.
pub(super) fn group(wanted: &Wanted<'_>) -> Group {
    let mut rules: Vec<Rule> = ALIVE.iter().map(|template| single(wanted, template)).collect();
    if wanted.vantages > 1 {
        rules.push(missing(wanted));
        rules.push(single(wanted, &DISAGREE));
    }
    rules.push(offline(wanted));
    rules.extend(PARTS.iter().map(|template| single(wanted, template)));
    rules.extend(MONITOR.iter().map(|template| single(wanted, template)));
    Group::new("nephoscope-monitor", rules)
}

/// A rule about one vantage, or about all of them at once, that asks no other one.
fn single(wanted: &Wanted<'_>, template: &Template) -> Rule {
    let nobody = Owner { labels: BTreeMap::new(), matcher: String::new() };
    let by = template.by.join(", ");
    let expr = match template.by {
        [] => template.expr.to_owned(),
        _ => format!("max by ({by}) (\n  {}\n)", template.expr),
    };
    Rule { expr, ..template.rule(wanted, &nobody) }
}

fn missing(wanted: &Wanted<'_>) -> Rule {
    let count = wanted.vantages;
    let template = Template {
        name: "NephoscopeVantageMissing",
        expr: "",
        by: &[],
        severity: "page",
        wait: Some("5m"),
        keep: None,
        board: Board::Monitor,
        summary: "Fewer vantages are scraped than there should be",
        description: "Agreement still takes as many of them as before, so one more that is lost may hide an outage.",
    };
    let expr =
        format!("(count (count by (vantage) (nephoscope_build_info)) or vector(0)) < {count}");
    Rule { expr, ..single(wanted, &template) }
}

/// Blindness pages where agreement cannot be reached without this vantage, or none is asked for.
fn offline(wanted: &Wanted<'_>) -> Rule {
    let alone = wanted.quorum == 1 || wanted.quorum == wanted.vantages;
    let template = Template {
        name: "NephoscopeVantageOffline",
        expr: "nephoscope_vantage_offline == 1",
        by: VANTAGE,
        severity: if alone { "page" } else { "ticket" },
        wait: Some("5m"),
        keep: None,
        board: Board::Monitor,
        summary: "{{ $labels.vantage }} cannot see anything",
        description: "Its own network is out: everything it watches is unknown, and nobody is blamed. Until it is back it tells of no outage.",
    };
    single(wanted, &template)
}

/// What concerns one of several parts of a vantage.
const PARTS: [Template; 2] = [
    Template {
        name: "NephoscopeSentinelBroken",
        expr: "(nephoscope_sentinel_state == 2 or nephoscope_sentinel_state == 4) unless on (vantage) nephoscope_vantage_offline == 1",
        by: &["vantage", "sentinel"],
        severity: "ticket",
        wait: Some("15m"),
        keep: None,
        board: Board::Monitor,
        summary: "{{ $labels.sentinel }} is silent for {{ $labels.vantage }}",
        description: "A sentinel that does not answer while the vantage can see vouches for nothing. With too few of them an outage of our own is taken for somebody else's.",
    },
    Template {
        name: "NephoscopePushFailing",
        expr: "nephoscope_push_healthy == 0",
        by: &["vantage", "receiver"],
        severity: "ticket",
        wait: Some("5m"),
        keep: None,
        board: Board::Monitor,
        summary: "{{ $labels.vantage }} cannot tell {{ $labels.receiver }}",
        description: "An Alertmanager or webhook of the configuration does not take what it is sent.",
    },
];

const DISAGREE: Template = Template {
    name: "NephoscopeVantagesDisagree",
    expr: "(max by (service, provider) (nephoscope_service_side_state) == 4) and (min by (service, provider) (nephoscope_service_side_state) == 0)",
    by: &["service", "provider"],
    severity: "ticket",
    wait: Some("15m"),
    keep: None,
    board: Board::Provider,
    summary: "{{ $labels.service }} on {{ $labels.provider }} is down for one vantage and up for another",
    description: "The road from one of them is broken, or the service treats its clients differently.",
};

const ALIVE: [Template; 2] = [
    Template {
        name: "NephoscopeDeadMan",
        expr: "vector(1)",
        by: &[],
        severity: "none",
        wait: None,
        keep: None,
        board: Board::Monitor,
        summary: "Alerting works",
        description: "This alert always fires. Whoever receives it should raise an alarm of its own when it stops.",
    },
    Template {
        name: "NephoscopeAbsent",
        expr: "absent(nephoscope_build_info)",
        by: &[],
        severity: "page",
        wait: Some("5m"),
        keep: None,
        board: Board::Monitor,
        summary: "Nothing is known: no nephoscope is scraped",
        description: "It does not run, or Prometheus cannot reach it. No alert of it can fire until it is back.",
    },
];

/// A template about a vantage.
macro_rules! about {
    ($name:literal, $expr:literal, $severity:literal, $wait:literal, $summary:literal, $description:literal) => {
        Template {
            name: $name,
            expr: $expr,
            by: VANTAGE,
            severity: $severity,
            wait: Some($wait),
            keep: None,
            board: Board::Monitor,
            summary: $summary,
            description: $description,
        }
    };
}

const MONITOR: [Template; 8] = [
    about!(
        "NephoscopeResolverOffline",
        "nephoscope_resolver_offline == 1",
        "ticket",
        "5m",
        "The resolver of {{ $labels.vantage }} gives no answers",
        "Checks that go by name are unknown; those that go by address go on."
    ),
    about!(
        "NephoscopeConfigRejected",
        "nephoscope_config_last_reload_successful == 0",
        "ticket",
        "5m",
        "{{ $labels.vantage }} runs on an older configuration",
        "The last one was rejected: `nephoscope validate` says why."
    ),
    about!(
        "NephoscopeProbesSkipped",
        "sum by (vantage) (increase(nephoscope_probes_skipped_total{cause!=\"shutdown\"}[15m])) > 0",
        "ticket",
        "15m",
        "{{ $labels.vantage }} skips runs",
        "Runs that were due did not happen; their time may become unknown. The cause is a label of the metric."
    ),
    about!(
        "NephoscopeScheduleLate",
        "histogram_quantile(0.99, sum by (vantage, le) (rate(nephoscope_schedule_lag_seconds_bucket[10m]))) > 1",
        "ticket",
        "15m",
        "{{ $labels.vantage }} starts runs late",
        "One run of a hundred starts more than a second late: the host is overloaded, and latencies are not to be trusted."
    ),
    about!(
        "NephoscopeStoreUnhealthy",
        "nephoscope_store_healthy == 0",
        "ticket",
        "5m",
        "{{ $labels.vantage }} keeps no history",
        "The store cannot be written. The present goes on; a restart now forgets what is not stored."
    ),
    about!(
        "NephoscopeStoreLoses",
        "sum by (vantage) (increase(nephoscope_store_lost_total[15m])) > 0",
        "ticket",
        "1m",
        "{{ $labels.vantage }} has lost history",
        "What waited for the store was more than is held: that part of the past is gone."
    ),
    about!(
        "NephoscopeLogLinesLost",
        "increase(nephoscope_log_lines_lost_total[15m]) > 0",
        "ticket",
        "1m",
        "{{ $labels.vantage }} has lost lines of its log",
        "Nobody reads its stderr fast enough."
    ),
    about!(
        "NephoscopeListenerCertificateExpires",
        "nephoscope_listener_certificate_not_after_timestamp_seconds - time() < 14 * 86400",
        "ticket",
        "1h",
        "The certificate that {{ $labels.vantage }} presents ends within 14 days",
        "After that Prometheus, browsers and other vantages refuse to talk to it. Put a new pair where `listener.tls` says; it is read within seconds."
    ),
];
