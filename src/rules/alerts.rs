//! Alerts about services and promises, from the daemon's own gauges.
//!
//! Burn alerts are the daemon's exact comparison; only the scope that was promised is told, and no more urgently than the
//! promise wants. Outages are one alert each, with whose they are as an annotation, because that may be revised.
//!
//! It does not repeat the arithmetic (`fallback` does).

use super::owner::{Owner, pattern};
use super::{Board, Group, Rule, Template, Wanted};
use crate::model::{AlertKind, Detail, Service};
use crate::slo::burn::tiers;
use std::collections::BTreeMap;

/// What tells promises apart.
const PROMISE: &[&str] = &["service", "slo", "scope", "provider"];
/// What tells outages apart.
const SUBJECT: &[&str] = &["service", "scope", "provider"];

/// The groups of every owner.
pub(super) fn groups(wanted: &Wanted<'_>, owners: &[Owner]) -> Vec<Group> {
    let of_owner = |(position, owner): (usize, &Owner)| {
        let of = |templates: &[Template]| -> Vec<Rule> {
            templates.iter().map(|template| template.rule(wanted, owner)).collect()
        };
        let name = |what: &str| format!("nephoscope-{what}-{}", position + 1);
        let mut burns = burns(wanted, owner);
        burns.extend(coverage(wanted, owner));
        let mut checks = of(&CHECKS);
        checks.push(stale(wanted, owner));
        [
            Group::new(name("outages"), of(&OUTAGES)),
            Group::new(name("budgets"), burns),
            Group::new(name("checks"), checks),
            Group::new(name("failover"), of(&FAILOVER)),
        ]
    };
    owners.iter().enumerate().flat_map(of_owner).collect()
}

/// The tiers, each for as long as its short window after it fell quiet, so that a burn rate around its threshold is one alert
/// (slo.md 1.6); the most urgent ends at once.
const TIERS: [(&str, Option<&str>); 4] = [
    ("page_fast", None),
    ("page_slow", Some("30m")),
    ("ticket_fast", Some("2h")),
    ("ticket_slow", Some("6h")),
];

/// A tier is told as its own urgency says, and never more urgently than the promise wants.
fn burns(wanted: &Wanted<'_>, owner: &Owner) -> Vec<Rule> {
    // The last value of five minutes, here and for outages: a daemon that restarts, or has just died, ends no alert.
    let on = "on (service, slo, scope, provider, vantage)";
    let mut rules = Vec::new();
    for (tier, keep) in TIERS {
        let active = |severity: &str| {
            format!(
                "(last_over_time(nephoscope_slo_alert_active{{{0},tier=\"{tier}\",severity=\"{severity}\"}}[5m]) == 1 \
                 unless last_over_time(nephoscope_slo_alert_suppressed{{{0}}}[5m]) == 1)",
                owner.matcher
            )
        };
        let info = |alert: &str| {
            format!("and {on} last_over_time(nephoscope_slo_info{{alert=~\"{alert}\"}}[5m])")
        };
        let page = format!("{} {}", active("page"), info("page"));
        let ticket = format!(
            "({} {}) or ({} {})",
            active("ticket"),
            info("page|ticket"),
            active("page"),
            info("ticket")
        );
        for (severity, expr) in [("page", page), ("ticket", ticket)] {
            let rule = Template { severity, keep, ..BURN }.rule(wanted, owner);
            let rule = super::of_tier(rule, tier);
            rules.push(Rule { expr: super::agreed(wanted, PROMISE, &expr), ..rule });
        }
    }
    rules
}

const BURN: Template = Template {
    name: "NephoscopeErrorBudgetBurn",
    expr: "",
    by: PROMISE,
    severity: "page",
    wait: None,
    keep: None,
    board: Board::Slo,
    summary: "{{ $labels.service }} burns its error budget ({{ $labels.slo }}, TIER)",
    description: "Over both windows of the tier the budget of {{ $labels.slo }} ({{ $labels.scope }}) burns faster than it may; the dashboard shows how much is left.",
};

const OUTAGES: [Template; 2] = [
    Template {
        name: "NephoscopeOutage",
        expr: "last_over_time(nephoscope_outage_active{OWNER,scope=~\"any|entry\"}[5m]) == 1",
        by: SUBJECT,
        severity: "page",
        wait: None,
        keep: None,
        board: Board::Overview,
        summary: "{{ $labels.service }} is down{{ if eq $labels.scope \"entry\" }} at its public name{{ else }} on every cloud{{ end }}",
        description: OUTAGE_WORDS,
    },
    Template {
        name: "NephoscopeOutage",
        expr: "last_over_time(nephoscope_outage_active{OWNER,scope=~\"provider:.+\"}[5m]) == 1",
        by: SUBJECT,
        severity: "ticket",
        wait: None,
        keep: None,
        board: Board::Provider,
        summary: "{{ $labels.service }} is down on {{ $labels.provider }}",
        description: OUTAGE_WORDS,
    },
];

/// Whose outage it is may be revised, so it is looked up when the text is made.
const OUTAGE_WORDS: &str = "Confirmed by repeated looks.{{ with printf \"nephoscope_outage_blame{service='%s',scope='%s'} == 1\" $labels.service $labels.scope | query }} \
                            Blamed on: {{ . | first | label \"blame\" }}.{{ end }}";

const CHECKS: [Template; 4] = [
    Template {
        name: "NephoscopeCheckUnknown",
        expr: "nephoscope_check_state{OWNER} == 2 unless on (vantage) nephoscope_vantage_offline == 1",
        by: &["service", "provider"],
        severity: "ticket",
        wait: Some("15m"),
        keep: None,
        board: Board::Check,
        summary: "{{ $labels.service }} cannot be seen{{ with $labels.provider }} on {{ . }}{{ end }}",
        description: "A check has had no answer that says anything for 15 minutes. This is no outage, and nobody knows whether there is one.",
    },
    Template {
        name: "NephoscopeCertificateExpiring",
        expr: "nephoscope_tls_certificate_not_after_timestamp_seconds{OWNER} - time() < 14 * 86400",
        by: &["service", "provider", "check"],
        severity: "ticket",
        wait: Some("15m"),
        keep: None,
        board: Board::Check,
        summary: "A certificate that {{ $labels.check }} is shown ends within 14 days",
        description: "The earliest end in the chain that the server presents, intermediates included.",
    },
    Template {
        name: "NephoscopeCertificateEnding",
        expr: "nephoscope_tls_certificate_not_after_timestamp_seconds{OWNER} - time() < 2 * 86400",
        by: &["service", "provider", "check"],
        severity: "page",
        wait: Some("15m"),
        keep: None,
        board: Board::Check,
        summary: "A certificate that {{ $labels.check }} is shown ends within two days",
        description: "After that every client that verifies is refused. The earliest end in the chain counts, intermediates included.",
    },
    Template {
        name: "NephoscopeRedundancyLost",
        expr: "increase(nephoscope_service_exposure_seconds_total{OWNER,state=\"only\"}[1h]) > 3420",
        by: &["service", "provider"],
        severity: "ticket",
        wait: Some("5m"),
        keep: None,
        board: Board::Provider,
        summary: "{{ $labels.service }} has stood on {{ $labels.provider }} alone for an hour",
        description: "Users notice nothing; one more failure and they do.",
    },
];

/// No run for five intervals; without intervals in the metrics, for five of the longest.
fn stale(wanted: &Wanted<'_>, owner: &Owner) -> Rule {
    let matcher = &owner.matcher;
    let expr = if wanted.detail == Detail::Lean {
        let window = 5 * wanted.longest.as_secs().max(1) + 60;
        format!(
            "sum by (service, provider, check, vantage) (increase(nephoscope_probes_total{{{matcher}}}[{window}s])) == 0"
        )
    } else {
        format!(
            "time() - nephoscope_probe_last_completed_timestamp_seconds{{{matcher}}} > 5 * nephoscope_check_interval_seconds{{{matcher}}} + 60"
        )
    };
    let template = Template {
        name: "NephoscopeResultsStale",
        expr: "",
        by: &["service", "provider", "vantage"],
        severity: "ticket",
        wait: Some("5m"),
        keep: None,
        board: Board::Check,
        summary: "{{ $labels.vantage }} has ended no run of a check of {{ $labels.service }} for five intervals",
        description: "The daemon exports, and does not probe: look at the monitor before the service.",
    };
    Rule { expr: super::agreed(wanted, template.by, &expr), ..template.rule(wanted, owner) }
}

/// What a name does is not believed of a vantage that sees nothing.
const FAILOVER: [Template; 5] = [
    Template {
        name: "NephoscopeFailoverLate",
        expr: "nephoscope_failover_late{OWNER} == 1 unless on (vantage) nephoscope_vantage_offline == 1",
        by: &["service"],
        severity: "page",
        wait: None,
        keep: None,
        board: Board::Provider,
        summary: "The public name of {{ $labels.service }} still leads to a cloud that is down",
        description: "It has been down for longer than `failover_within` of its entry.",
    },
    Template {
        name: "NephoscopeFailoverSilent",
        expr: "nephoscope_failover_silent{OWNER} == 1 unless on (vantage) nephoscope_vantage_offline == 1",
        by: &["service"],
        severity: "ticket",
        wait: Some("5m"),
        keep: None,
        board: Board::Provider,
        summary: "The public name of {{ $labels.service }} leads to the other cloud, and nobody said so",
        description: "The cloud it led to before is well and no drill is on: the switch was not meant, or nobody was told.",
    },
    Template {
        name: "NephoscopeEntrySplit",
        expr: "nephoscope_entry_split{OWNER} == 1 unless on (vantage) nephoscope_vantage_offline == 1",
        by: &["service"],
        severity: "ticket",
        wait: Some("5m"),
        keep: None,
        board: Board::Provider,
        summary: "Resolvers disagree on where the public name of {{ $labels.service }} leads",
        description: "For longer than the answers may be kept: some users are sent to one cloud, some to the other.",
    },
    Template {
        name: "NephoscopeFailoverUnproven",
        expr: "time() - nephoscope_failover_last_proven_timestamp_seconds{OWNER} > 90 * 86400",
        by: &["service"],
        severity: "ticket",
        wait: Some("1h"),
        keep: None,
        board: Board::Provider,
        summary: "The failover of {{ $labels.service }} has not been proven for 90 days",
        description: "What has not been tried lately may not work: `nephoscope drill start` records a planned one.",
    },
    Template {
        name: "NephoscopeFailoverUnproven",
        // A daemon that is away for less than an hour does not begin the week anew.
        expr: "last_over_time(nephoscope_failover_late{OWNER}[1h]) unless on (service, vantage) last_over_time(nephoscope_failover_last_proven_timestamp_seconds[1h])",
        by: &["service"],
        severity: "ticket",
        wait: Some("7d"),
        keep: None,
        board: Board::Provider,
        summary: "The failover of {{ $labels.service }} has never been proven",
        description: "It is watched for a week, and no failover was ever seen from beginning to end: `nephoscope drill start` records a planned one.",
    },
];

const EXHAUSTED: Template = Template {
    name: "NephoscopeErrorBudgetExhausted",
    expr: "nephoscope_slo_error_budget_remaining_ratio{OWNER} <= 0 and on (service, slo, scope, provider, vantage) nephoscope_slo_info{alert=~\"page|ticket\"}",
    by: PROMISE,
    severity: "ticket",
    wait: Some("5m"),
    keep: Some("1h"),
    board: Board::Slo,
    summary: "{{ $labels.service }} has used up its error budget ({{ $labels.slo }})",
    description: "The promise is broken or about to be; it recovers as old outages leave the window.",
};

/// The budget that is gone, and per share of time that has to be known, the promises that know less.
fn coverage(wanted: &Wanted<'_>, owner: &Owner) -> Vec<Rule> {
    let mut rules = vec![EXHAUSTED.rule(wanted, owner)];
    let of_owner = |service: &&Service| Owner::labels_of(service) == owner.labels;
    let mut wants: BTreeMap<(u64, &str), Vec<&str>> = BTreeMap::new();
    for service in wanted.services.iter().filter(of_owner) {
        let told = service.objectives.iter().filter(|each| each.alert != AlertKind::None);
        for objective in told {
            let key = (objective.min_coverage_parts, &*objective.name);
            wants.entry(key).or_default().push(&service.name);
        }
    }
    for ((least, slo), services) in wants {
        let matcher = format!("service=~\"{}\",slo=\"{slo}\"", pattern(&services));
        rules.push(coverage_lost(wanted, owner, least, &matcher));
    }
    rules
}

fn coverage_lost(wanted: &Wanted<'_>, owner: &Owner, least: u64, matcher: &str) -> Rule {
    // What is missing of the last six hours, so that a promise which is younger than its window is not told of.
    let unknown =
        format!("increase(nephoscope_slo_state_seconds_total{{{matcher},state=\"unknown\"}}[6h])");
    let lost = 21_600.0 * super::fallback::rest(least);
    let expr = format!(
        "{unknown} > {lost} and on (service, slo, scope, provider, vantage) nephoscope_slo_info{{alert=~\"page|ticket\"}}"
    );
    let template = Template {
        name: "NephoscopeCoverageLost",
        expr: "",
        by: PROMISE,
        severity: "ticket",
        wait: Some("15m"),
        keep: None,
        board: Board::Slo,
        summary: "Too little is known of {{ $labels.service }} ({{ $labels.slo }})",
        description: "Of the last six hours more was unknown than the promise allows (`min_coverage`): its numbers say less than they seem to.",
    };
    let rule = template.rule(wanted, owner);
    Rule { expr: super::agreed(wanted, PROMISE, &expr), ..rule }
}

/// Whether anybody is told of a promise by tiers.
pub(super) fn has_tiers(objective: &crate::model::Objective) -> bool {
    objective.alert != AlertKind::None
        && tiers(&objective.window, objective.tiers.as_deref()).is_some()
}
