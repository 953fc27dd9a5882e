//! Every expression parsed and compared with the catalogue of metrics.
//!
//! Of each selector: its metric exists, its labels are labels of it, it is limited to job and instance, and counters (by the
//! catalogue's word, not by their name) stand inside `rate` or `increase` and gauges never. Each metric of the catalogue is
//! asked for somewhere, or stands on a list with the reason why not.
//!
//! It evaluates nothing.

use super::{Board, boards, boards_of, list, text};
use nephoscope::dashboards::Reading;
use nephoscope::metrics::catalog::{Kind, Metric};
use nephoscope::rules::aggregates::AGGREGATES;
use promql_parser::parser::token::{T_LAND, T_LUNLESS};
use promql_parser::parser::{Expr, LabelModifier, VectorSelector, parse};
use std::collections::{BTreeMap, BTreeSet};

/// What every scrape has, ours or not.
const STANDARD: [(&str, Kind); 7] = [
    ("up", Kind::Gauge),
    ("scrape_duration_seconds", Kind::Gauge),
    ("scrape_samples_scraped", Kind::Gauge),
    ("process_cpu_seconds_total", Kind::Counter),
    ("process_resident_memory_bytes", Kind::Gauge),
    ("process_open_fds", Kind::Gauge),
    ("process_max_fds", Kind::Gauge),
];

/// Metrics that no dashboard asks for, and why.
const UNUSED: &[(Metric, &str)] = &[
    (Metric::ProbeLastSuccess, "the state and its age say it; this is for people's own alerts"),
    (Metric::CheckWarnings, "a warning shows as degraded; which one is on the page"),
    (Metric::DnsAnswers, "a fact for people's own alerts"),
    (Metric::DomainState, "shared dependencies stand in blame, and on the page"),
    (Metric::FailoverLastProven, "how old the proof is stands on the page, and is for rules"),
    (Metric::CanaryProblem, "for rules; the canary's state is shown"),
    (Metric::PeerUp, "peers are asked in an outage only; for people's own alerts"),
    (Metric::OutageActive, "for rules; blame is there while an outage lasts"),
    (Metric::IncidentServices, "the table of services lists them"),
    (Metric::SloWindow, "the window is named in the objective's name; tables would show seconds"),
    (Metric::SloAvailabilityLow, "for reports"),
    (Metric::SloAvailabilityHigh, "for reports"),
    (Metric::SloBudget, "what is left is shown, in seconds and as a share"),
    (Metric::SloAlertSuppressed, "for rules"),
    (Metric::SloMaxError, "0 for nearly everyone"),
    (Metric::SloRestated, "for rules"),
    (Metric::LogMessages, "for rules"),
    (Metric::LogLinesLost, "for rules"),
    (Metric::ProbesGivenUp, "a reload or a stop does it, on purpose"),
    (Metric::StoreEntries, "how busy the store is matters only when it fails"),
    (Metric::StoreCommits, "as above"),
    (Metric::StoreCommitSeconds, "as above"),
    (Metric::StoreErrors, "health says whether history is kept"),
    (Metric::StoreLost, "as above"),
    (Metric::StorePending, "as above"),
    (Metric::StoreSize, "for people's own alerts on disks"),
    (Metric::StoreLastCommit, "health says it"),
    (Metric::Push, "health says whether receivers are told"),
    (Metric::PushLastSuccess, "as above"),
    (Metric::PushAlerts, "the receiver shows them"),
    (Metric::ListenerTurnedAway, "for whoever looks after the listener; the log says it too"),
    (Metric::ListenerCertificateNotAfter, "for rules"),
    (Metric::Heartbeats, "whoever waits for the heartbeat says that it is missing"),
    (Metric::HeartbeatLastSuccess, "as above"),
];

/// Every expression of a dashboard, with where it stands.
fn expressions(board: &Board) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for panel in board.panels() {
        for target in list(&panel["targets"]) {
            let place =
                format!("{} / {} / {}", board.uid, text(&panel["title"]), text(&target["refId"]));
            found.push((place, text(&target["expr"]).to_owned()));
        }
    }
    for annotation in board.annotations() {
        let place = format!("{} / {}", board.uid, text(&annotation["name"]));
        found.push((place, text(&annotation["expr"]).to_owned()));
    }
    found
}

/// The selectors of the choices of values, which have no range and no job of their own.
fn variables(board: &Board) -> Vec<(String, String, String)> {
    let queries = board.variables().iter().filter(|each| each["type"] == "query");
    queries
        .map(|each| {
            let query = text(&each["query"]["query"]);
            let inside =
                query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
            let (series, label) = inside.unwrap().rsplit_once(", ").unwrap();
            let place = format!("{} / ${}", board.uid, text(&each["name"]));
            (place, series.to_owned(), label.to_owned())
        })
        .collect()
}

fn parsed(place: &str, expression: &str) -> Expr {
    // What Grafana fills in; variables stand in quotes and may stay.
    let filled = ["$__rate_interval", "$__interval", "$__range"]
        .iter()
        .fold(expression.to_owned(), |text, name| text.replace(name, "5m"));
    parse(&filled).unwrap_or_else(|problem| panic!("{place}: {problem}\n{filled}"))
}

/// Takes a selector, the function around it and the lists of labels used on it.
type See<'a> = dyn FnMut(&VectorSelector, Option<&str>, &[&LabelModifier]) + 'a;

/// Calls `see` for each selector, with the innermost function around it and every list of labels that is used on it.
fn walk<'a>(
    expression: &'a Expr,
    call: Option<&'a str>,
    grouped: &[&'a LabelModifier],
    see: &mut See<'_>,
) {
    match expression {
        Expr::VectorSelector(selector) => see(selector, call, grouped),
        Expr::MatrixSelector(selector) => see(&selector.vs, call, grouped),
        Expr::Call(inner) => {
            for argument in &inner.args.args {
                walk(argument, Some(inner.func.name), grouped, see);
            }
        }
        Expr::Aggregate(inner) => {
            let grouped: Vec<_> = grouped.iter().copied().chain(&inner.modifier).collect();
            walk(&inner.expr, None, &grouped, see);
            if let Some(parameter) = &inner.param {
                walk(parameter, None, &grouped, see);
            }
        }
        Expr::Binary(inner) => {
            let matching = inner.modifier.as_ref().and_then(|modifier| modifier.matching.as_ref());
            let lists: Vec<_> = grouped.iter().copied().chain(matching).collect();
            walk(&inner.lhs, None, &lists, see);
            // Of the right side of `and`, only the labels to match by matter.
            let limits = [T_LAND, T_LUNLESS].contains(&inner.op.id());
            let only: Vec<_> = matching.into_iter().collect();
            walk(&inner.rhs, None, if limits { &only } else { &lists }, see);
        }
        Expr::Paren(inner) => walk(&inner.expr, call, grouped, see),
        Expr::Unary(inner) => walk(&inner.expr, call, grouped, see),
        Expr::Subquery(inner) => walk(&inner.expr, call, grouped, see),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}

/// Kind and labels of a metric as it is stored; the base name of a histogram has no series.
fn known(name: &str) -> Option<(Option<Metric>, Kind, Vec<&'static str>)> {
    if let Some((_, kind)) = STANDARD.iter().find(|(standard, _)| *standard == name) {
        return Some((None, *kind, Vec::new()));
    }
    if let Some(sum) = AGGREGATES.iter().find(|each| each.recorded == name) {
        let labels = ["vantage"].iter().chain(sum.labels).copied().collect();
        return Some((None, Kind::Gauge, labels));
    }
    let ours = |stem: &str| Metric::ALL.iter().copied().find(|metric| metric.entry().name == stem);
    if let Some(metric) = name.strip_suffix("_bucket").and_then(ours) {
        let labels = metric.labels().chain(["le"]).collect();
        return (metric.entry().kind == Kind::Histogram).then_some((
            Some(metric),
            Kind::Counter,
            labels,
        ));
    }
    let metric = ours(name).filter(|metric| metric.entry().kind != Kind::Histogram)?;
    Some((Some(metric), metric.entry().kind, metric.labels().collect()))
}

/// What is wrong with an expression.
fn problems(expression: &Expr) -> Vec<String> {
    let mut problems = Vec::new();
    walk(expression, None, &[], &mut |selector, call, grouped| {
        let name = selector.name.as_deref().unwrap_or_default();
        let Some((_, kind, labels)) = known(name) else {
            problems.push(format!("no metric `{name}`"));
            return;
        };
        let has = |label: &str| {
            ["job", "instance"].contains(&label)
                || labels.contains(&label)
                || (label.starts_with("label_") && labels.contains(&"label_*"))
        };
        for matcher in &selector.matchers.matchers {
            if !has(&matcher.name) {
                problems.push(format!("`{name}` has no label `{}`", matcher.name));
            }
        }
        for modifier in grouped {
            let (LabelModifier::Include(names) | LabelModifier::Exclude(names)) = modifier;
            for label in names.labels.iter().filter(|label| !has(label)) {
                problems.push(format!("`{name}` has no label `{label}` to group or join by"));
            }
        }
        for wanted in ["job=~\"$job\"", "instance=~\"$instance\""] {
            if !selector.matchers.matchers.iter().any(|each| each.to_string() == wanted) {
                problems.push(format!("`{name}` is not limited by {wanted}"));
            }
        }
        let counts = matches!(call, Some("rate" | "increase"));
        if counts != (kind == Kind::Counter) {
            problems.push(format!("`{name}` is a {}, inside {call:?}", kind.as_str()));
        }
    });
    problems
}

#[test]
fn every_metric_and_label_that_is_asked_for_exists_and_counters_are_rated() {
    let mut found = Vec::new();
    for board in boards().into_iter().chain(boards_of(Reading::Recorded)) {
        for (place, expression) in expressions(&board) {
            let problems = problems(&parsed(&place, &expression));
            found.extend(problems.into_iter().map(|problem| format!("{place}: {problem}")));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn over_many_checks_no_counter_is_read_whose_sum_is_recorded() {
    let mut sums = BTreeSet::new();
    for board in boards_of(Reading::Recorded) {
        if !["nephoscope-overview", "nephoscope-providers"].contains(&board.uid) {
            continue;
        }
        for (place, expression) in expressions(&board) {
            walk(&parsed(&place, &expression), None, &[], &mut |selector, call, _| {
                let name = selector.name.as_deref().unwrap_or_default();
                assert!(!AGGREGATES.iter().any(|each| each.counter == name), "{place}: {name}");
                if AGGREGATES.iter().any(|each| each.recorded == name) {
                    assert_eq!(call, Some("sum_over_time"), "{place}");
                    sums.insert(name.to_owned());
                }
            });
        }
    }
    assert_eq!(sums.len(), AGGREGATES.len(), "every sum is read: {sums:?}");
}

#[test]
fn what_is_wrong_with_a_query_is_found() {
    const J: &str = "job=~\"$job\", instance=~\"$instance\"";
    let cases = [
        (format!("nephoscope_check_states{{{J}}}"), "no metric `nephoscope_check_states`"),
        (
            format!("nephoscope_check_state{{{J}, slo=\"x\"}}"),
            "`nephoscope_check_state` has no label `slo`",
        ),
        (
            format!("sum by (tier) (nephoscope_check_state{{{J}}})"),
            "`nephoscope_check_state` has no label `tier` to group or join by",
        ),
        (
            format!("nephoscope_probes_total{{{J}}}"),
            "`nephoscope_probes_total` is a counter, inside None",
        ),
        (
            format!("rate(nephoscope_check_state{{{J}}}[5m])"),
            "`nephoscope_check_state` is a gauge, inside Some(\"rate\")",
        ),
        (
            "nephoscope_check_state{job=~\"$job\"}".to_owned(),
            "`nephoscope_check_state` is not limited by instance=~\"$instance\"",
        ),
        (
            format!("rate(nephoscope_probe_duration_seconds{{{J}}}[5m])"),
            "no metric `nephoscope_probe_duration_seconds`",
        ),
    ];
    for (expression, wanted) in cases {
        assert_eq!(problems(&parsed("", &expression)), [wanted]);
    }
    assert!(parse("sum(nephoscope_check_state[5m])").is_err());
}

#[test]
fn every_metric_of_the_catalogue_is_shown_or_left_out_on_purpose() {
    let mut used = BTreeSet::new();
    for board in boards() {
        let panels = expressions(&board);
        let choices = variables(&board).into_iter().map(|(place, series, _)| (place, series));
        for (place, expression) in panels.into_iter().chain(choices) {
            walk(&parsed(&place, &expression), None, &[], &mut |selector, _, _| {
                let known = selector.name.as_deref().and_then(known);
                used.extend(
                    known.and_then(|(metric, _, _)| metric).map(|metric| metric.entry().name),
                );
            });
        }
    }
    let left: BTreeMap<_, _> =
        UNUSED.iter().map(|(metric, why)| (metric.entry().name, why)).collect();
    assert_eq!(left.len(), UNUSED.len(), "each once");
    for metric in Metric::ALL {
        let name = metric.entry().name;
        match left.get(name) {
            Some(why) => {
                assert!(!used.contains(name), "`{name}` is used, and listed as not: {why}");
            }
            None => assert!(
                used.contains(name),
                "`{name}` is in no dashboard: show it, or list it with a reason"
            ),
        }
    }
}

#[test]
fn choices_of_values_name_labels_that_exist() {
    for board in boards() {
        for (place, series, label) in variables(&board) {
            let expression = parsed(&place, &series);
            walk(&expression, None, &[], &mut |selector, _, _| {
                let (_, _, labels) = known(selector.name.as_deref().unwrap()).unwrap();
                let has = |name: &str| {
                    ["job", "instance"].contains(&name)
                        || labels.contains(&name)
                        || (name.starts_with("label_") && labels.contains(&"label_*"))
                };
                assert!(has(&label), "{place}: no label `{label}`");
                for matcher in &selector.matchers.matchers {
                    assert!(has(&matcher.name), "{place}: no label `{}`", matcher.name);
                }
            });
        }
    }
}

#[test]
fn quantiles_are_of_good_runs_and_over_all_instances_or_one_each() {
    let mut seen = 0;
    for board in boards() {
        for (place, expression) in expressions(&board) {
            if !expression.contains("histogram_quantile") {
                continue;
            }
            seen += 1;
            assert!(expression.contains("sum by (le"), "{place}: keeps no `le`: {expression}");
            assert!(
                expression.ends_with(">= 0") || expression.contains(">= 0)"),
                "{place}: NaN: {expression}"
            );
            let runs = expression.contains("nephoscope_probe_duration_seconds_bucket");
            assert_eq!(expression.contains("outcome=\"success\""), runs, "{place}: {expression}");
        }
    }
    assert!(seen > 8, "{seen} quantiles");
}

#[test]
fn rates_take_the_range_that_grafana_finds_right() {
    for board in boards() {
        for (place, expression) in expressions(&board) {
            for (at, _) in expression.match_indices("rate(") {
                let rest = &expression[at..];
                let end = rest.find(']').unwrap();
                assert!(rest[..end].ends_with("[$__rate_interval"), "{place}: {expression}");
            }
        }
    }
}
