//! Rules as data: whom they are for, what they compare, and that agreement never gets easier.
//!
//! Every expression is parsed, and its metrics and labels are compared with the catalogue. That rules fire and are quiet at the
//! right moments is proven by promtool with the worked cases (`tests/real`).
//!
//! No rule is evaluated here.

use nephoscope::config::load_text;
use nephoscope::metrics::catalog::{CHECK_LABELS, Kind, Metric, Subject};
use nephoscope::model::Detail;
use nephoscope::rules::aggregates::AGGREGATES;
use nephoscope::rules::{Rule, RuleFile, Wanted, rules};
use promql_parser::parser::{self, Expr, VectorSelector};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

const TWO_TEAMS: &str = r#"
[provider.aws]
host = "192.0.2.1"
[provider.gcp]
host = "192.0.2.2"
[probe.web.http]
url = "http://{host}/"
[service."pay.eu"]
probes = ["web"]
labels = { team = "money", slo = "gold" }
slo = [{ objective = 99.9, window = "30d" }, { name = "week", objective = 99.5, window = "7d", scope = "all", alert = "ticket" }]
[service.shop]
probes = ["web"]
labels = { team = "store" }
objective = 99.95
[service.loose]
probes = ["web"]
"#;

pub(crate) fn file(vantages: u32, quorum: u32) -> RuleFile {
    file_of(TWO_TEAMS, vantages, quorum)
}

fn file_of(text: &str, vantages: u32, quorum: u32) -> RuleFile {
    let config = load_text(Path::new("probes.toml"), text.to_owned()).unwrap().config;
    rules(&Wanted {
        services: &config.services,
        vantages,
        quorum,
        grafana: "https://grafana.example.com",
        runbook: "https://wiki.example.com/runbook.md",
        detail: config.metrics.detail,
        longest: Duration::from_mins(1),
        settles: Duration::from_secs(45),
    })
}

fn alerts<'a>(file: &'a RuleFile, name: &str) -> Vec<&'a Rule> {
    let rules = file.groups.iter().flat_map(|group| &group.rules);
    rules.filter(|rule| rule.alert.as_deref() == Some(name)).collect()
}

#[test]
fn every_owner_has_rules_of_its_own_and_a_new_service_has_some_too() {
    let file = file(1, 1);
    let outages = alerts(&file, "NephoscopeOutage");
    let team = |rule: &Rule| rule.labels.get("team").cloned().unwrap_or_default();
    let teams: Vec<_> = outages.iter().map(|rule| team(rule)).collect();
    assert_eq!(teams, ["money", "money", "store", "store", "", ""]);
    assert!(outages[0].expr.contains(r#"service=~"pay\\.eu""#), "{}", outages[0].expr);
    assert!(outages[4].expr.contains(r#"service!~"pay\\.eu|shop""#), "{}", outages[4].expr);
    assert_eq!(outages[0].labels["label_slo"], "gold", "an owner's label never hides one of ours");
}

#[test]
fn agreement_takes_as_many_vantages_as_were_said_however_many_are_left() {
    let file = file(3, 2);
    let rule = alerts(&file, "NephoscopeOutage")[0].clone();
    assert!(rule.expr.starts_with(
        "count by (service, scope, provider) (\n  max by (service, scope, provider, vantage)"
    ));
    assert!(rule.expr.ends_with(") >= 2"), "{}", rule.expr);
    let missing = alerts(&file, "NephoscopeVantageMissing");
    assert!(missing[0].expr.ends_with("< 3"), "{}", missing[0].expr);
    assert!(alerts(&crate::rules::file(1, 1), "NephoscopeVantageMissing").is_empty());
}

#[test]
fn every_alert_says_what_to_do_and_where_to_look() {
    for rule in file(2, 2).groups.iter().flat_map(|group| &group.rules) {
        let Some(name) = &rule.alert else { continue };
        for key in ["summary", "description", "dashboard_url", "runbook_url"] {
            assert!(
                rule.annotations.get(key).is_some_and(|text| !text.is_empty()),
                "{name}: {key}"
            );
        }
        assert!(rule.annotations["runbook_url"].ends_with(&format!("#{}", name.to_lowercase())));
        assert!(["page", "ticket", "none"].contains(&&*rule.labels["severity"]), "{name}");
    }
}

#[test]
fn texts_ask_only_for_labels_that_their_alerts_have() {
    for file in [file(1, 1), file(3, 2)] {
        for rule in file.groups.iter().flat_map(|group| &group.rules) {
            // What the expression is aggregated by; labels that the rule adds are not there yet when texts are made.
            let by = rule.expr.split_once("by (").map_or("", |(_, rest)| rest);
            let by = by.split_once(')').map_or("", |(labels, _)| labels);
            let by: BTreeSet<&str> = by.split(", ").collect();
            for text in rule.annotations.values() {
                for asked in text.split("$labels.").skip(1) {
                    let end = asked.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
                    let label = &asked[..end.unwrap_or(asked.len())];
                    assert!(by.contains(label), "{:?} has no label {label}: {text}", rule.alert);
                }
            }
        }
    }
}

#[test]
fn a_promise_of_tickets_never_pages() {
    let file = file(1, 1);
    let pages: Vec<_> = alerts(&file, "NephoscopeErrorBudgetBurn")
        .into_iter()
        .filter(|rule| rule.labels["severity"] == "page")
        .collect();
    assert!(!pages.is_empty());
    assert!(pages.iter().all(|rule| rule.expr.contains(r#"nephoscope_slo_info{alert=~"page"}"#)));
    let by_counters = alerts(&file, "NephoscopeErrorBudgetBurnByCounters");
    let of_week = by_counters.iter().filter(|rule| rule.expr.contains("slo=\"week\""));
    let severities: BTreeSet<_> = of_week.map(|rule| rule.labels["severity"].as_str()).collect();
    assert_eq!(severities, ["ticket"].into());
}

#[test]
fn what_counters_cannot_say_is_not_compared_with_them() {
    let strict = TWO_TEAMS.replace("window = \"7d\"", "window = \"7d\", unknown = \"bad\"");
    let file = file_of(&strict, 1, 1);
    let drift = alerts(&file, "NephoscopeBudgetDrift")[0];
    assert!(
        drift.expr.contains(
            r#"unless on (service, slo) nephoscope_slo_info{service="pay.eu",slo="week"}"#
        )
    );
    let by_counters = alerts(&file, "NephoscopeErrorBudgetBurnByCounters");
    assert!(by_counters.iter().all(|rule| !rule.expr.contains("slo=\"week\"")));
}

#[test]
fn sloth_sees_the_scope_that_was_promised() {
    let file = file(1, 1);
    let group = file.groups.iter().find(|group| group.name == "sloth-slo-pay.eu-week").unwrap();
    let names: Vec<_> = group.rules.iter().filter_map(|rule| rule.record.as_deref()).collect();
    assert!(names.contains(&"slo:sli_error:ratio_rate7d"), "{names:?}");
    assert!(names.contains(&"sloth_slo_info"));
    assert!(group.rules[0].expr.contains(r#"scope="all",provider="""#), "{}", group.rules[0].expr);
    assert_eq!(group.rules[0].labels["sloth_id"], "pay.eu-week");
}

/// Every selector of an expression.
fn selectors(expr: &Expr, found: &mut Vec<VectorSelector>) {
    match expr {
        Expr::Aggregate(each) => {
            selectors(&each.expr, found);
            each.param.iter().for_each(|param| selectors(param, found));
        }
        Expr::Unary(each) => selectors(&each.expr, found),
        Expr::Binary(each) => {
            selectors(&each.lhs, found);
            selectors(&each.rhs, found);
        }
        Expr::Paren(each) => selectors(&each.expr, found),
        Expr::Subquery(each) => selectors(&each.expr, found),
        Expr::VectorSelector(each) => found.push(each.clone()),
        Expr::MatrixSelector(each) => found.push(each.vs.clone()),
        Expr::Call(each) => each.args.args.iter().for_each(|arg| selectors(arg, found)),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}

/// The labels that each metric may have at this detail, histograms by their three series.
fn catalogue(detail: Detail) -> BTreeMap<String, BTreeSet<&'static str>> {
    let mut known: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let entries = Metric::ALL.iter().map(|metric| metric.entry());
    for entry in entries.filter(|entry| entry.detail <= detail) {
        let identity: &[&str] = match entry.subject {
            Subject::Check => &CHECK_LABELS,
            Subject::Promise => &["service", "slo", "scope", "provider", "vantage"],
            Subject::Service | Subject::Sample | Subject::Own => &["vantage"],
        };
        let labels: BTreeSet<&str> = identity.iter().chain(entry.labels).copied().collect();
        if entry.kind == Kind::Histogram {
            for suffix in ["_bucket", "_sum", "_count"] {
                let mut labels = labels.clone();
                labels.insert("le");
                known.insert(format!("{}{suffix}", entry.name), labels);
            }
        } else {
            known.insert(entry.name.to_owned(), labels);
        }
    }
    known
}

#[test]
fn every_rule_parses_and_asks_for_series_that_there_are() {
    for file in [file(1, 1), file(3, 2)] {
        each_selector_is_known(&file, Detail::Standard, &|_| true);
    }
}

#[test]
fn no_alert_of_a_lean_configuration_asks_for_what_only_more_detail_exports() {
    let lean = format!("[metrics]\ndetail = \"lean\"\n{TWO_TEAMS}");
    let file = file_of(&lean, 1, 1);
    each_selector_is_known(&file, Detail::Lean, &|rule| rule.alert.is_some());
    let stale = alerts(&file, "NephoscopeResultsStale");
    assert!(stale[0].expr.contains("[360s]"), "five intervals and a minute: {}", stale[0].expr);
}

#[test]
fn recorded_sums_have_labels_of_what_they_sum() {
    let known = catalogue(Detail::Standard);
    for each in AGGREGATES {
        let labels = known.get(each.counter).unwrap_or_else(|| panic!("no {}", each.counter));
        assert!(each.labels.iter().all(|label| labels.contains(label)), "{}", each.counter);
        assert!(each.recorded.starts_with(&each.counter.replacen('_', ":", 1)[..20]), "{each:?}");
    }
    let file = file(1, 1);
    let group = file.groups.iter().find(|group| group.interval.is_some()).unwrap();
    assert_eq!((group.interval.as_deref(), group.rules.len()), (Some("5m"), AGGREGATES.len()));
}

/// That the chosen rules parse, and that every metric and label in them is there at this detail.
fn each_selector_is_known(file: &RuleFile, detail: Detail, chosen: &dyn Fn(&Rule) -> bool) {
    let mut known = catalogue(detail);
    let all = || file.groups.iter().flat_map(|group| &group.rules);
    for name in all().filter_map(|rule| rule.record.clone()) {
        let labels = ["service", "slo", "scope", "provider", "vantage", "window", "sloth_id"];
        known.insert(name, labels.into());
    }
    for rule in all().filter(|rule| chosen(rule)) {
        let expr = parser::parse(&rule.expr).unwrap_or_else(|why| panic!("{}: {why}", rule.expr));
        let mut found = Vec::new();
        selectors(&expr, &mut found);
        for selector in found {
            let name = selector.name.expect("a rule names its metrics");
            let labels = known.get(&name).unwrap_or_else(|| panic!("there is no {name}"));
            for matcher in &selector.matchers.matchers {
                assert!(labels.contains(&*matcher.name), "{name} has no label {}", matcher.name);
            }
        }
    }
}
