//! One promise: are we keeping it, and who spends its budget?
//!
//! A promise is a service, an objective and a scope; one of each is chosen, because several on one page cannot be read. Headline
//! numbers are the engine's own gauges over the promise's own window, so they agree with reports to the digit.
//!
//! The first table shows all promises and ignores the choice.

use super::frame::{Frame, Variable, info_of_team};
use super::paint::{BOTTOM, BUDGET, Colour};
use super::panel::{Panel, Unit};
use super::query::{PROMISE, Select, promised};
use crate::metrics::catalog::Metric;
use serde_json::json;

const ABSENT: &str = "No such promise, or no monitor data";
/// Rows of the table of all promises.
const LISTED: u32 = 50;
const DAY: f64 = 86_400.0;

fn chosen(metric: Metric) -> Select {
    Select::of(metric).is("service", "$service").is("slo", "$slo").is("scope", "$scope")
}

pub(super) fn frame() -> Frame {
    let info = || Select::of(Metric::SloInfo).is("service", "$service");
    Frame {
        uid: "nephoscope-slo",
        title: "SLO and error budget",
        about: "Are we keeping the promise, how much may still go wrong, and who spent the budget?",
        range: "7d",
        refresh: "1m",
        variables: vec![
            Variable::team(),
            Variable::one("service", "Service", info_of_team(), "service"),
            Variable::one("slo", "Objective", info(), "slo"),
            Variable::one(
                "scope",
                "Scope",
                info().is("slo", "$slo").unlike("alert", "none"),
                "scope",
            ),
        ],
        alerts_drawn: true,
        rows: vec![
            (7, vec![(24, objectives())]),
            (4, six().into_iter().map(|tile| (4, tile)).collect()),
            (8, vec![(12, left()), (12, burn())]),
            (7, vec![(12, conditions()), (12, fed())]),
            (8, vec![(24, spenders())]),
        ],
    }
}

fn objectives() -> Panel {
    let of_team = info_of_team();
    let all = |metric: Metric, how: &str| {
        let series = Select::of(metric);
        format!("{how} by ({PROMISE}) ({series})")
    };
    let left = all(Metric::SloBudgetRemainingRatio, "min");
    let mine = promised(&format!("{left} and on (service) {of_team}"));
    let listed = |rows: &str| format!("({rows}) and on ({PROMISE}) bottomk({LISTED}, {mine})");
    let select = "var-service=${__data.fields.service}&var-slo=${__data.fields.slo}&var-scope=${__data.fields.scope}";
    Panel::table(
        "All promises, least budget first",
        "How does every promise stand that tells somebody? Over its own window; the fifty with the least budget left. A click \
         chooses one for the rest of this page.",
    )
    .ask(&listed(&left), "")
    .ask(&listed(&all(Metric::SloObjective, "min")), "")
    .ask(&listed(&all(Metric::SloAvailability, "min")), "")
    .ask(&listed(&all(Metric::SloAlertScore, "max")), "")
    .ask(&listed(&all(Metric::SloCoverage, "min")), "")
    .merged()
    .columns(
        &[
            ("service", "Service"),
            ("slo", "Objective"),
            ("scope", "Scope"),
            ("Value #B", "Promised"),
            ("Value #C", "Availability"),
            ("Value #A", "Budget left"),
            ("Value #D", "Alert score"),
            ("Value #E", "Observed"),
        ],
        &["provider"],
    )
    .sorted("Budget left", false)
    .column("Promised", Unit::Share(3), None)
    .column("Availability", Unit::Share(3), None)
    .column("Budget left", Unit::Share(1), Some(("gauge", &BUDGET)))
    .with("Budget left", &[("min", 0.into()), ("max", 1.into())])
    .column("Alert score", Unit::Number(2), Some(("text", &SCORE)))
    .column("Observed", Unit::Share(1), None)
    .column_link("Service", "This promise", "nephoscope-slo", select)
    .absent("No promise that tells somebody, or no monitor data")
}

/// An alert fires above 1.
const SCORE: [(f64, Colour); 3] =
    [(0.0, Colour::Good), (0.5, Colour::Warn), (1.000_001, Colour::Bad)];

fn six() -> [Panel; 6] {
    let one = |metric: Metric, how: &str| format!("{how}({})", chosen(metric));
    let gone = one(Metric::SloTimeToExhaustion, "min");
    let remaining = chosen(Metric::SloBudgetRemainingRatio);
    [
        Panel::tile(
            "Promised",
            "What share of the window was promised to be good?",
            Unit::Share(3),
            &[],
            ABSENT,
        )
        .unjudged()
        .ask(&one(Metric::SloObjective, "min"), "promised"),
        Panel::tile(
            "Availability in its window",
            "What is the number in the contract? Good by known time over the window of the promise, after its policies. The worst of the \
             vantage points.",
            Unit::Share(3),
            &[],
            ABSENT,
        )
        .unjudged()
        .ask(&one(Metric::SloAvailability, "min"), "availability"),
        Panel::tile(
            "Error budget left",
            "What share of what may go wrong in the window is left? Below 0 the promise is broken.",
            Unit::Share(1),
            &BUDGET,
            ABSENT,
        )
        .ask(&one(Metric::SloBudgetRemainingRatio, "min"), "left"),
        Panel::tile(
            "Downtime still allowed",
            "What may the next deploy cost? Seconds left of the budget; below 0 they are owed.",
            Unit::Seconds(1),
            &[(BOTTOM, Colour::Bad), (0.0, Colour::Good)],
            "Not counted in time, or no monitor data",
        )
        .ask(&one(Metric::SloBudgetRemainingSeconds, "min"), "allowed"),
        Panel::tile(
            "Budget gone in",
            "How long does the budget last at the pace of the last hour?",
            Unit::Duration,
            &[(0.0, Colour::Bad), (DAY, Colour::Warn), (7.0 * DAY, Colour::Good)],
            ABSENT,
        )
        .word((-1.0, "Not burning", Colour::Good))
        .ask(&format!("{gone} or (max({remaining}) * 0 - 1)"), "gone"),
        Panel::tile(
            "Window observed",
            "How much of the window is known at all? Below 95 % the other figures are provisional.",
            Unit::Share(1),
            &[(0.0, Colour::Unknown), (0.95, Colour::Good)],
            ABSENT,
        )
        .ask(&one(Metric::SloCoverage, "min"), "observed"),
    ]
}

fn left() -> Panel {
    Panel::lines(
        "Error budget left over time",
        "When was the budget spent, and when did it come back? Below the line the promise is broken.",
        Unit::Share(0),
    )
    .step("5m")
    .signed()
    .up_to(1.0)
    .ask(&format!("min({})", chosen(Metric::SloBudgetRemainingRatio)), "left")
    .coloured(&[("left", Colour::Good.name())])
    .marks(&[(BOTTOM, Colour::Bad), (0.0, Colour::Unknown)])
    .absent(ABSENT)
}

fn burn() -> Panel {
    let rates = chosen(Metric::SloBurnRate).fits("window", "5m|1h|6h|3d");
    Panel::lines(
        "Burn rate by window",
        "How fast does the budget burn, and is it over? At 1 it ends with the period; dashed are 1, 6 and 14.4, where usual alerts \
         begin.",
        Unit::Number(1),
    )
    .step("1m")
    .logarithmic(Some(1.0))
    .ask(&format!("max by (window) ({rates})"), "{{window}}")
    .coloured(&[("5m", "purple"), ("1h", "light-blue"), ("6h", "blue"), ("3d", "text")])
    .marks(&[(1.0, Colour::Unknown), (6.0, Colour::Warn), (14.4, Colour::Bad)])
    .absent(ABSENT)
}

fn conditions() -> Panel {
    let active = chosen(Metric::SloAlertActive);
    Panel::timeline(
        "Alert conditions",
        "Which tier of burn-rate alerts fired when? Exact, and only with enough failed runs.",
        &[(0.0, "quiet", Colour::Good), (1.0, "FIRING", Colour::Bad)],
    )
    .step("1m")
    .ask(&format!("max by (tier) ({active})"), "{{tier}}")
    .absent("No alerts over a window this short, or no monitor data")
}

fn fed() -> Panel {
    let time = chosen(Metric::SloStateSeconds);
    Panel::shares(
        "Good, bad, unknown and excluded time",
        "What is the promise fed with? Time as it was settled, so edits after the fact are not here.",
        Unit::Seconds(0),
    )
    .step("5m")
    .ask(&format!("sum by (state) (increase({time}[$__rate_interval]))"), "{{state}}")
    .coloured(&[
        ("good", Colour::Good.name()),
        ("bad", Colour::Bad.name()),
        ("unknown", Colour::Unknown.name()),
        ("excluded", Colour::Planned.name()),
    ])
    .absent(ABSENT)
}

fn spenders() -> Panel {
    let bad = Select::of(Metric::CheckStateSeconds).is("service", "$service").is("state", "bad");
    let failed = Select::of(Metric::ProbeFailures).is("service", "$service");
    let by_check = "max by (service, provider, check)";
    let listed = format!("topk(10, {by_check} (increase({bad}[$__range])) > 0)");
    let runs = "sum by (service, provider, check)";
    Panel::table(
        "Who spent the budget",
        "Which checks of this service were bad, for how long, in how many runs? Bad time in this range, the ten longest; a service \
         on two clouds may survive it.",
    )
    .ask(&listed, "")
    .ask(&format!("{runs} (increase({failed}[$__range])) and on (check) {listed}"), "")
    .merged()
    .columns(
        &[("check", "Check"), ("provider", "Cloud"), ("Value #A", "Bad time"), ("Value #B", "Failed runs")],
        &["service"],
    )
    .sorted("Bad time", true)
    .column("Bad time", Unit::Duration, Some(("gauge", &[(0.0, Colour::Bad)])))
    .with("Bad time", &[("min", 0.into())])
    .column("Failed runs", Unit::Number(0), None)
    .column_link(
        "Check",
        "This check",
        "nephoscope-check",
        "${service:queryparam}&var-check=${__data.fields.check}",
    )
    .absent("Nothing was bad in this range, or no monitor data")
    .with("Check", &[("custom.minWidth", json!(140))])
}
