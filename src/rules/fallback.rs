//! The same burn rates, computed by Prometheus from our counters: for those who trust two ways more than one.
//!
//! Recorded per window, compared with the factors of each promise, and told only where the exact alert is silent. Counters are
//! the as-it-happened record: `increase()` clamps and extrapolates, so the two agree to about a thousandth, not to the digit;
//! where they are further apart than that, restated time taken off, the drift alert says so.
//!
//! It covers promises of time that leave unknown time out; counters know of no policy, and there are none of events, slices and latency.

use super::owner::{Owner, pattern};
use super::{Board, Group, Rule, Template, Wanted, agreed};
use crate::model::{AlertKind, Objective, ObjectiveKind, Service, Tier, UnknownPolicy};
use crate::slo::burn::{WHOLE, WINDOW_WORDS, WINDOWS, tiers};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// Name of the recorded burn rates.
const BURN_RATE: &str = "nephoscope:slo_burn_rate:from_counters";

const PROMISE: &[&str] = &["service", "slo", "scope", "provider"];

/// The groups: one that records, one that tells for each owner, one for the drift.
pub(super) fn groups(wanted: &Wanted<'_>, owners: &[Owner]) -> Vec<Group> {
    let mut groups = vec![Group::new("nephoscope-burn-from-counters", recorded())];
    for (position, owner) in owners.iter().enumerate() {
        let name = format!("nephoscope-budgets-from-counters-{}", position + 1);
        groups.push(Group::new(name, told(wanted, owner)));
    }
    groups.push(Group::new("nephoscope-drift", vec![drift(wanted)]));
    groups
}

fn recorded() -> Vec<Rule> {
    let windows = WINDOW_WORDS.iter().zip(WINDOWS);
    windows
        .map(|(word, length)| Rule {
            record: Some(BURN_RATE.to_owned()),
            expr: format!(
                "increase(nephoscope_slo_state_seconds_total{{state=\"bad\"}}[{word}]) / {} / ignoring (state) group_left () (1 - nephoscope_slo_objective_ratio)",
                length.as_secs()
            ),
            labels: [("window".to_owned(), (*word).to_owned())].into(),
            ..Rule::default()
        })
        .collect()
}

/// What promises have in common that are told by the same rule: their tiers, how urgent they are, failures that it takes.
type Want<'a> = (Vec<Tier>, AlertKind, u32, &'a str);

fn told(wanted: &Wanted<'_>, owner: &Owner) -> Vec<Rule> {
    let of_owner = |service: &&Service| Owner::labels_of(service) == owner.labels;
    let mut wants: Vec<(Want<'_>, Vec<&str>)> = Vec::new();
    for service in wanted.services.iter().filter(of_owner) {
        for objective in service.objectives.iter().filter(|each| is_covered(each)) {
            let own = tiers(&objective.window, objective.tiers.as_deref());
            let tiers = own.unwrap_or_default().to_vec();
            let want = (tiers, objective.alert, objective.min_failures, &*objective.name);
            match wants.iter_mut().find(|(known, _)| *known == want) {
                Some((_, services)) => services.push(&service.name),
                None => wants.push((want, vec![&service.name])),
            }
        }
    }
    let mut rules = Vec::new();
    for ((tiers, alert, failures, slo), services) in wants {
        let matcher = format!("service=~\"{}\",slo=\"{slo}\"", pattern(&services));
        for tier in tiers {
            // The words are in the order of urgency.
            let tier = Tier { severity: tier.severity.max(alert), ..tier };
            if tier.severity != AlertKind::None {
                rules.push(rule(wanted, owner, &tier, failures, &matcher));
            }
        }
    }
    rules
}

fn is_covered(objective: &Objective) -> bool {
    counts(objective) && super::alerts::has_tiers(objective)
}

/// Whether counters say the same as the promise.
fn counts(objective: &Objective) -> bool {
    objective.kind == ObjectiveKind::Time && objective.unknown != UnknownPolicy::Bad
}

fn rule(wanted: &Wanted<'_>, owner: &Owner, tier: &Tier, failures: u32, matcher: &str) -> Rule {
    let factor = millionths(tier.factor_millionths);
    let (long, short) = (word(tier.long), word(tier.short));
    let mut expr = String::new();
    write!(
        expr,
        "({BURN_RATE}{{{matcher},window=\"{long}\"}} > {factor} and ignoring (window) {BURN_RATE}{{{matcher},window=\"{short}\"}} > {factor}) \
         and on (service, slo, scope, provider, vantage) nephoscope_slo_info{{alert=~\"page|ticket\"}} \
         and on (service, vantage) sum by (service, vantage) (increase(nephoscope_probes_total{{verdict=\"bad\"}}[{long}])) >= {failures} \
         unless on (service, slo, scope, provider, vantage) (nephoscope_slo_alert_active{{tier=\"{}\"}} == 1)",
        tier.name
    )
    .expect("writing to a string cannot fail");
    let template = Template {
        name: "NephoscopeErrorBudgetBurnByCounters",
        expr: "",
        by: PROMISE,
        severity: tier.severity.as_str(),
        wait: Some("5m"),
        keep: None,
        board: Board::Slo,
        summary: "By its counters {{ $labels.service }} burns its error budget ({{ $labels.slo }}, TIER), and the exact alert is silent",
        description: "Prometheus' own arithmetic says so. Either the exact gauges are missing or wrong, or the burn rate is right at the threshold, or history was edited since (`nephoscope_slo_restated_seconds`).",
    };
    let rule = super::of_tier(template.rule(wanted, owner), tier.name.as_str());
    Rule { expr: agreed(wanted, PROMISE, &expr), ..rule }
}

/// Over the last day: bad seconds by the counters against those by the gauge.
///
/// Edits after the fact change the gauge and never the counter, by no more than what was restated within the day: an edit of an
/// older time changes neither. Counters settle late, so that much of a running outage is allowed too.
fn drift(wanted: &Wanted<'_>) -> Rule {
    let allowed = 120 + wanted.settles.as_secs();
    let apart = wanted.services.iter().flat_map(|service| {
        service.objectives.iter().filter(|each| !counts(each)).map(move |objective| {
            format!(
                " unless on (service, slo) nephoscope_slo_info{{service=\"{}\",slo=\"{}\"}}",
                service.name, objective.name
            )
        })
    });
    let expr = format!(
        "abs(increase(nephoscope_slo_state_seconds_total{{state=\"bad\"}}[1d]) - ignoring (state) \
         nephoscope_slo_burn_rate{{window=\"1d\"}} * ignoring (window) (1 - nephoscope_slo_objective_ratio) * 86400) \
         - (max_over_time(nephoscope_slo_restated_seconds[1d]) - min_over_time(nephoscope_slo_restated_seconds[1d])) > {allowed} \
         and on (service, slo, scope, provider, vantage) nephoscope_slo_info{{kind=\"time\"}} \
         and on (service, slo, scope, provider, vantage) (nephoscope_slo_objective_ratio offset 1d){}",
        apart.collect::<String>()
    );
    let template = Template {
        name: "NephoscopeBudgetDrift",
        expr: "",
        by: PROMISE,
        severity: "ticket",
        wait: Some("1h"),
        keep: None,
        board: Board::Slo,
        summary: "Two ways to count bad time of {{ $labels.service }} disagree ({{ $labels.slo }}, {{ $labels.scope }})",
        description: "The exact gauge and Prometheus' increase() of our counter are further apart over a day than scrapes, settling and edits explain: scrapes were missed, the store was lost, or one of the two is wrong.",
    };
    let owner = Owner { labels: BTreeMap::new(), matcher: String::new() };
    Rule { expr: agreed(wanted, PROMISE, &expr), ..template.rule(wanted, &owner) }
}

/// What is left of a whole, as a share.
#[expect(clippy::cast_precision_loss, reason = "nine digits")]
pub(super) fn rest(parts: u64) -> f64 {
    (WHOLE - parts) as f64 / WHOLE as f64
}

/// Parts per 10^9 as a share.
#[expect(clippy::cast_precision_loss, reason = "nine digits")]
pub(super) fn share(parts: u64) -> f64 {
    parts as f64 / WHOLE as f64
}

#[expect(clippy::cast_precision_loss, reason = "a factor has a few digits")]
fn millionths(factor: u64) -> f64 {
    factor as f64 / 1e6
}

/// The window that is recorded and nearest to `length` from above; the longest if none is.
fn word(length: Duration) -> &'static str {
    let position = WINDOWS.iter().position(|window| *window >= length);
    WINDOW_WORDS[position.unwrap_or(WINDOWS.len() - 1)]
}
