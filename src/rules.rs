//! Promises to Prometheus rules: recording and alerting rules as plain data, and their text.
//!
//! Alerts compare gauges that the daemon works out exactly ([`alerts`], [`monitor`]); beside them stands the same computed
//! from counters by Prometheus alone ([`fallback`]), with an alert for when the two disagree, and recording rules in the
//! names of sloth ([`sloth`]). Every alert is aggregated without instance; with several vantages it needs the agreement of an
//! explicit number of them, which does not shrink when one is lost. What dashboards would have to add up over thousands of checks
//! is recorded ([`aggregates`]).
//!
//! It reads no file and asks no Prometheus; metric names are compared with the catalogue by a test.

pub mod aggregates;
pub mod alerts;
pub mod fallback;
pub mod monitor;
pub mod owner;
pub mod sloth;

use crate::model::{Detail, Service};
use owner::Owner;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// What the rules are made for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The services, with what is promised and who owns them.
    pub services: &'a [Service],
    /// Vantages whose series the Prometheus that evaluates has; at least 1.
    pub vantages: u32,
    /// How many of them have to agree; 1 to `vantages`.
    pub quorum: u32,
    /// Where the dashboards are: a Grafana, without a slash at the end; empty for links relative to it.
    pub grafana: &'a str,
    /// Where the runbook is; an anchor per alert is added.
    pub runbook: &'a str,
    /// How much of each check is exported; no rule asks for more.
    pub detail: Detail,
    /// The longest interval of a check; above zero.
    pub longest: Duration,
    /// The longest that counters may lag behind gauges: an interval, a timeout and the wait for an alibi.
    pub settles: Duration,
}

/// A rule file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleFile {
    /// Its groups.
    pub groups: Vec<Group>,
}

/// Rules that are evaluated one after the other.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Group {
    /// Unique in the file.
    pub name: String,
    /// How often it is evaluated, if not as the Prometheus does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// One rule, in Prometheus' words.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Rule {
    /// Name of the series that is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// Name of the alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert: Option<String>,
    /// The expression.
    pub expr: String,
    /// How long it has to be so before it fires.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub wait: Option<String>,
    /// How long it goes on firing after it is no longer so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_firing_for: Option<String>,
    /// Labels that are added.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What is said.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// Everything: alerts about services and promises, the same from counters, sloth's names, the monitor itself, sums for dashboards.
pub fn rules(wanted: &Wanted<'_>) -> RuleFile {
    let owners = Owner::all(wanted.services);
    let mut groups = alerts::groups(wanted, &owners);
    groups.extend(fallback::groups(wanted, &owners));
    groups.extend(sloth::groups(wanted));
    groups.push(monitor::group(wanted));
    groups.push(aggregates::group());
    groups.retain(|group| !group.rules.is_empty());
    RuleFile { groups }
}

/// Which dashboard an alert leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Board {
    Overview,
    Provider,
    Slo,
    Check,
    Monitor,
}

impl Group {
    /// A group that is evaluated as often as the Prometheus does.
    pub(crate) fn new(name: impl Into<String>, rules: Vec<Rule>) -> Self {
        Self { name: name.into(), interval: None, rules }
    }
}

impl Board {
    /// The uid, which is the name of its file too.
    const fn uid(self) -> &'static str {
        match self {
            Self::Overview => "nephoscope-overview",
            Self::Provider => "nephoscope-providers",
            Self::Slo => "nephoscope-slo",
            Self::Check => "nephoscope-check",
            Self::Monitor => "nephoscope-self",
        }
    }

    /// Its variables, and the labels that fill them.
    const fn variables(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Overview => &[("service", "service")],
            Self::Provider => &[("service", "service"), ("provider_a", "provider")],
            Self::Slo => &[("service", "service"), ("slo", "slo"), ("scope", "scope")],
            Self::Check => &[("service", "service"), ("check", "check")],
            Self::Monitor => &[("vantage", "vantage")],
        }
    }
}

/// One kind of alert, the same for every owner.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Template {
    pub(crate) name: &'static str,
    /// The expression; `OWNER` stands for the matcher of an owner's services.
    pub(crate) expr: &'static str,
    /// What tells its alerts apart.
    pub(crate) by: &'static [&'static str],
    pub(crate) severity: &'static str,
    pub(crate) wait: Option<&'static str>,
    pub(crate) keep: Option<&'static str>,
    pub(crate) board: Board,
    pub(crate) summary: &'static str,
    pub(crate) description: &'static str,
}

impl Template {
    /// The rule for the services of `owner`.
    pub(crate) fn rule(&self, wanted: &Wanted<'_>, owner: &Owner) -> Rule {
        let expr = self.expr.replace("OWNER", &owner.matcher);
        let mut labels = owner.labels.clone();
        labels.insert("severity".to_owned(), self.severity.to_owned());
        Rule {
            alert: Some(self.name.to_owned()),
            expr: agreed(wanted, self.by, &expr),
            wait: self.wait.map(str::to_owned),
            keep_firing_for: self.keep.map(str::to_owned),
            labels,
            annotations: self.annotations(wanted),
            ..Rule::default()
        }
    }

    fn annotations(&self, wanted: &Wanted<'_>) -> BTreeMap<String, String> {
        let Wanted { grafana, runbook, .. } = wanted;
        let variables = self.board.variables().iter();
        let place: Vec<String> = variables
            .filter(|(_, label)| self.by.contains(label))
            .map(|(name, label)| format!("var-{name}={{{{ $labels.{label} }}}}"))
            .collect();
        let mark = if place.is_empty() { "" } else { "?" };
        let place = format!("{mark}{}", place.join("&"));
        let mut annotations: BTreeMap<String, String> = [
            ("summary", self.summary.to_owned()),
            ("description", self.description.to_owned()),
            ("dashboard_url", format!("{grafana}/d/{}{place}", self.board.uid())),
            ("runbook_url", format!("{runbook}#{}", self.name.to_lowercase())),
        ]
        .into_iter()
        .map(|(name, text)| (name.to_owned(), text))
        .collect();
        if self.by.contains(&"service") {
            annotations.insert("service_runbook_url".to_owned(), SERVICE_RUNBOOK.to_owned());
        }
        annotations
    }
}

/// The owner's own runbook, as the configuration has it.
const SERVICE_RUNBOOK: &str = "{{ with printf \"nephoscope_check_info{service='%s'}\" $labels.service | query }}\
                               {{ . | first | label \"runbook\" }}{{ end }}";

/// `rule` for one tier. A text cannot ask for labels that its own rule adds, so the tier is written out.
pub(crate) fn of_tier(mut rule: Rule, tier: &str) -> Rule {
    rule.labels.insert("tier".to_owned(), tier.to_owned());
    for text in rule.annotations.values_mut() {
        *text = text.replace("TIER", tier);
    }
    rule
}

/// `expr` where enough vantages agree, told apart by `by` alone. What is told of each vantage needs no agreement.
///
/// The number that has to agree is written into the rule: a vantage that is lost makes agreement harder, never easier.
pub(crate) fn agreed(wanted: &Wanted<'_>, by: &[&str], expr: &str) -> String {
    let apart = by;
    let by = by.join(", ");
    if wanted.vantages == 1 || apart.contains(&"vantage") {
        return format!("max by ({by}) (\n  {expr}\n)");
    }
    let apart = if by.is_empty() { "vantage".to_owned() } else { format!("{by}, vantage") };
    format!("count by ({by}) (\n  max by ({apart}) (\n    {expr}\n  )\n) >= {}", wanted.quorum)
}
