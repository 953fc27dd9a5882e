//! Recording rules in the names of sloth, so that dashboards and pages made for sloth show our promises.
//!
//! One series per window and seven about the promise, with `sloth_id`, `sloth_service`, `sloth_slo`, `sloth_window` (slo.md 2).
//! All come from the exact gauges: the ratio over the whole window is no mean of five-minute ratios.
//!
//! Only the scope that was promised is written: sloth knows no other.

use super::owner::Owner;
use super::{Group, Rule, Wanted};
use crate::model::{Objective, ObjectiveWindow, ScopeChoice, Service};
use crate::slo::burn::WINDOW_WORDS;
use std::collections::BTreeMap;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

/// The version of sloth whose series these are.
const VERSION: &str = "v0.11.0";

/// A group for every promise of time.
pub(super) fn groups(wanted: &Wanted<'_>) -> Vec<Group> {
    let of_service = |service: &Service| -> Vec<Group> {
        let objectives = service.objectives.iter();
        objectives.map(|objective| group(service, objective)).collect()
    };
    wanted.services.iter().flat_map(of_service).collect()
}

fn group(service: &Service, objective: &Objective) -> Group {
    let id = format!("{}-{}", service.name, objective.name);
    let (scope, provider) = scope(service, objective);
    let which = format!(
        "service=\"{}\",slo=\"{}\",scope=\"{scope}\",provider=\"{provider}\"",
        service.name, objective.name
    );
    let mut labels = Owner::labels_of(service);
    labels.insert("sloth_id".to_owned(), id.clone());
    labels.insert("sloth_service".to_owned(), service.name.to_string());
    labels.insert("sloth_slo".to_owned(), objective.name.to_string());
    let mut rules = ratios(&which, &labels, objective);
    rules.extend(about(&which, &labels, objective));
    Group::new(format!("sloth-slo-{id}"), rules)
}

/// The scope that was promised, in the words of its labels.
fn scope(service: &Service, objective: &Objective) -> (String, String) {
    let first = service.endpoints.first().map_or("", |endpoint| &*endpoint.provider);
    let one = service.endpoints.iter().all(|endpoint| *endpoint.provider == *first);
    match &objective.scope {
        ScopeChoice::Default if service.entry.is_some() => ("entry".to_owned(), String::new()),
        ScopeChoice::Default if one => (format!("provider:{first}"), first.to_owned()),
        ScopeChoice::Default => ("any".to_owned(), String::new()),
        ScopeChoice::Provider(provider) => (format!("provider:{provider}"), provider.to_string()),
        other => (other.to_string(), String::new()),
    }
}

fn record(name: &str, expr: String, labels: &BTreeMap<String, String>) -> Rule {
    Rule { record: Some(name.to_owned()), expr, labels: labels.clone(), ..Rule::default() }
}

/// The share of errors, for every window of the alerts and the promise's own.
fn ratios(which: &str, labels: &BTreeMap<String, String>, objective: &Objective) -> Vec<Rule> {
    let allowed = super::fallback::rest(objective.target_parts);
    let of_window = |window: &&str| {
        let mut labels = labels.clone();
        labels.insert("sloth_window".to_owned(), (*window).to_owned());
        // A burn rate is the share of errors by the share that is allowed.
        let expr =
            format!("max (nephoscope_slo_burn_rate{{{which},window=\"{window}\"}}) * {allowed}");
        record(&format!("slo:sli_error:ratio_rate{window}"), expr, &labels)
    };
    let mut rules: Vec<Rule> = WINDOW_WORDS.iter().map(of_window).collect();
    let days = days(objective);
    let mut labels = labels.clone();
    labels.insert("sloth_window".to_owned(), format!("{days}d"));
    let whole = format!("1 - max (nephoscope_slo_availability_ratio{{{which}}})");
    rules.push(record(&format!("slo:sli_error:ratio_rate{days}d"), whole, &labels));
    rules
}

fn about(which: &str, labels: &BTreeMap<String, String>, objective: &Objective) -> Vec<Rule> {
    let days = days(objective);
    let id = format!("sloth_id=\"{}\"", labels["sloth_id"]);
    let ratio = |window: &str| format!("slo:sli_error:ratio_rate{window}{{{id}}}");
    let budget = format!("on (sloth_id) group_left () slo:error_budget:ratio{{{id}}}");
    let rate = |window: &str| format!("max without (sloth_window) ({}) / {budget}", ratio(window));
    let target = super::fallback::share(objective.target_parts);
    let info: BTreeMap<String, String> = [
        ("sloth_version", VERSION.to_owned()),
        ("sloth_mode", "nephoscope".to_owned()),
        ("sloth_spec", "prometheus/v1".to_owned()),
        ("sloth_objective", percent(objective.target_parts)),
    ]
    .into_iter()
    .map(|(name, text)| (name.to_owned(), text))
    .chain(labels.clone())
    .collect();
    vec![
        record("slo:objective:ratio", format!("vector({target})"), labels),
        record(
            "slo:error_budget:ratio",
            format!("vector({})", super::fallback::rest(objective.target_parts)),
            labels,
        ),
        record("slo:time_period:days", format!("vector({days})"), labels),
        record("slo:current_burn_rate:ratio", rate("5m"), labels),
        record("slo:period_burn_rate:ratio", rate(&format!("{days}d")), labels),
        record(
            "slo:period_error_budget_remaining:ratio",
            format!("max (nephoscope_slo_error_budget_remaining_ratio{{{which}}})"),
            labels,
        ),
        record("sloth_slo_info", "vector(1)".to_owned(), &info),
    ]
}

/// The window in days, which is all that sloth knows; at least one.
fn days(objective: &Objective) -> u64 {
    let length = match objective.window {
        ObjectiveWindow::Rolling(length) => length,
        ObjectiveWindow::Day => DAY,
        ObjectiveWindow::Week => DAY * 7,
        ObjectiveWindow::Month => DAY * 30,
        ObjectiveWindow::Quarter => DAY * 91,
        ObjectiveWindow::Year => DAY * 365,
    };
    (length.as_secs() / DAY.as_secs()).max(1)
}

/// Parts per 10^9 in percent, without a float's dust.
#[expect(clippy::cast_precision_loss, reason = "nine digits")]
fn percent(parts: u64) -> String {
    format!("{}", parts as f64 / 1e7)
}
