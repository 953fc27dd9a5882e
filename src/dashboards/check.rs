//! One check: what is it, what happened to it, and in which phase?
//!
//! Everything is about the one check that was chosen; with several vantage points the worst state counts, and one panel shows
//! them apart. The last run's phases are exported with `detail = "full"` only, and the panel says so.
//!
//! Whether the service suffered is on the other pages: a side may survive a bad check.

use super::Reading;
use super::frame::{Frame, Variable};
use super::overview::NO_MONITOR;
use super::paint::{self, AVAILABILITY, Colour};
use super::panel::{Panel, Unit};
use super::query::{Select, availability, latency};
use crate::metrics::catalog::Metric;
use crate::model::Phase;

const RATE: &str = "$__rate_interval";
const DAY: f64 = 86_400.0;

fn chosen(select: Select) -> Select {
    select.is("check", "$check")
}

fn of(metric: Metric) -> Select {
    chosen(Select::of(metric))
}

pub(super) fn frame() -> Frame {
    let info = || Select::of(Metric::CheckInfo);
    Frame {
        uid: "nephoscope-check",
        title: "Check",
        about: "What is this check, what happened to it, and in which phase was the time spent?",
        range: "3h",
        refresh: "30s",
        variables: vec![
            Variable::one("service", "Service", info(), "service"),
            Variable::one("check", "Check", info().is("service", "$service"), "check"),
        ],
        alerts_drawn: false,
        rows: vec![
            (4, six().into_iter().map(|tile| (4, tile)).collect()),
            (5, vec![(14, by_instance()), (10, about())]),
            (8, vec![(12, mean_by_phase()), (12, percentiles())]),
            (7, vec![(12, failures()), (12, distribution())]),
            (7, vec![(12, waterfall()), (12, state_seconds())]),
        ],
    }
}

fn six() -> [Panel; 6] {
    let (state, since) = (of(Metric::CheckState), of(Metric::CheckStateSince));
    let (last, interval) = (of(Metric::ProbeLastCompleted), of(Metric::CheckInterval));
    let (code, ends) = (of(Metric::HttpResponseCode), of(Metric::TlsNotAfter));
    [
        Panel::tile(
            "State",
            "What is it now? The worst of the vantage points.",
            Unit::Number(0),
            &[],
            NO_MONITOR,
        )
        .words(&paint::states())
        .ask(&format!("max({state})"), "state"),
        Panel::tile(
            "In this state for",
            "Since when is it so? By the vantage point that changed last.",
            Unit::Duration,
            &[],
            NO_MONITOR,
        )
        .unjudged()
        .ask(&format!("time() - max({since})"), "for"),
        Panel::tile(
            "Availability in this range",
            "Which share of its settled time was good? Unknown time and maintenance aside.",
            Unit::Share(3),
            &AVAILABILITY,
            NO_MONITOR,
        )
        .ask(&availability(Reading::Exported, "", "$__range", chosen), "availability"),
        Panel::tile(
            "Age of the last result",
            "Is it still being looked at? In intervals of the check: above 3 something is wrong with the monitor.",
            Unit::Number(1),
            &[(0.0, Colour::Good), (3.0, Colour::Warn)],
            "No run yet, or no monitor data",
        )
        .ask(&format!("(time() - max({last})) / max({interval})"), "intervals"),
        Panel::tile(
            "Last HTTP status",
            "What did the last response say?",
            Unit::Number(0),
            &[(100.0, Colour::Good), (400.0, Colour::Warn), (500.0, Colour::Bad)],
            "No HTTP response, or no monitor data",
        )
        .ask(&format!("max({code})"), "status"),
        Panel::tile(
            "Certificate expires in",
            "How long is the presented chain still valid? The earliest end in it.",
            Unit::Duration,
            &[(paint::BOTTOM, Colour::Bad), (7.0 * DAY, Colour::Warn), (21.0 * DAY, Colour::Good)],
            "No TLS, or no monitor data",
        )
        .ask(&format!("min({ends}) - time()"), "left"),
    ]
}

fn by_instance() -> Panel {
    Panel::timeline(
        "State by monitor instance",
        "Is it the target, or the way to it? Where vantage points disagree, it is the way.",
        &paint::states(),
    )
    .step("30s")
    .ask(
        &format!("max by (vantage, instance) ({})", of(Metric::CheckState)),
        "{{vantage}} {{instance}}",
    )
    .absent(NO_MONITOR)
}

fn about() -> Panel {
    let info = of(Metric::CheckInfo);
    Panel::table("About this check", "Where does it look, and where is it written what to do?")
        .ask(&format!("max by (check, provider, region, protocol, host, runbook) ({info})"), "")
        .columns(
            &[
                ("provider", "Cloud"),
                ("region", "Region"),
                ("protocol", "Protocol"),
                ("host", "Host"),
                ("runbook", "Runbook"),
            ],
            &["check", "Value"],
        )
        .with(
            "Runbook",
            &[(
                "links",
                serde_json::json!([{"title": "Runbook", "url": "${__value.raw}", "targetBlank": true}]),
            )],
        )
        .absent("No such check, or no monitor data")
}

/// The colours of phases, in the order of a run.
const fn colour(phase: Phase) -> &'static str {
    match phase {
        Phase::Resolve => "super-light-purple",
        Phase::Proxy => "light-purple",
        Phase::Connect => "purple",
        Phase::Starttls => "dark-purple",
        Phase::Tls => "super-light-blue",
        Phase::Auth => "light-blue",
        Phase::Processing => "blue",
        Phase::Transfer => "dark-blue",
    }
}

fn mean_by_phase() -> Panel {
    let runs = of(Metric::Probes);
    let mut panel = Panel::areas(
        "Mean time by phase",
        "Which phase grew? From below in the order of a run; the upper edge is the mean duration of a run, failed ones included.",
        Unit::Seconds(3),
    )
    .step("1m");
    // One query a phase, so that they are stacked in their order and not by name.
    for phase in Phase::ALL {
        let time = of(Metric::ProbePhaseSeconds).is("phase", phase.as_str());
        let mean = format!("sum(rate({time}[{RATE}])) / (sum(rate({runs}[{RATE}])) > 0)");
        panel = panel.ask(&mean, phase.as_str()).coloured(&[(phase.as_str(), colour(*phase))]);
    }
    panel.absent("No finished run, or no monitor data")
}

fn percentiles() -> Panel {
    let limit = of(Metric::CheckTimeout);
    Panel::lines(
        "Latency of good runs",
        "How slow is it, and how near to its deadline? Median, 95 and 99 of 100, estimated from buckets; dashed is the deadline.",
        Unit::Seconds(3),
    )
    .step("1m")
    .logarithmic(None)
    .ask(&latency(Reading::Exported, "", 0.5, RATE, chosen), "median")
    .ask(&latency(Reading::Exported, "", 0.95, RATE, chosen), "95 of 100")
    .ask(&latency(Reading::Exported, "", 0.99, RATE, chosen), "99 of 100")
    .ask(&format!("max({limit})"), "deadline")
    .coloured(&[
        ("median", "light-blue"),
        ("95 of 100", "purple"),
        ("99 of 100", "dark-purple"),
        ("deadline", Colour::Bad.name()),
    ])
    .with("deadline", &[("custom.lineStyle", serde_json::json!({"fill": "dash", "dash": [10, 6]}))])
    .absent("No good run, or no monitor data")
}

fn failures() -> Panel {
    let failed = of(Metric::ProbeFailures);
    Panel::bars(
        "Failed runs by reason",
        "How did it fail, and when? Bad runs, rechecks included.",
        Unit::Number(0),
    )
    .step("1m")
    .ask(&format!("sum by (reason) (increase({failed}[{RATE}])) > 0"), "{{reason}}")
    .absent("No failed run, or no monitor data")
}

fn distribution() -> Panel {
    let buckets = chosen(Select::buckets(Metric::ProbeDuration)).is("outcome", "success");
    Panel::heatmap(
        "Latency distribution",
        "Is there a second mode? Good runs by how long they took.",
    )
    .step("2m")
    .ask(&format!("sum by (le) (increase({buckets}[{RATE}]))"), "{{le}}")
    .absent("No good run, or no monitor data")
}

fn waterfall() -> Panel {
    let begins = of(Metric::ProbeLastPhaseStart);
    let took = of(Metric::ProbeLastPhaseDuration);
    Panel::waterfall(
        "Phases of the last run",
        "Where did the time of the newest run go? Exported with `detail = \"full\"` only.",
        "Begin",
    )
    .ask(&format!("max by (phase) ({begins})"), "")
    .ask(&format!("max by (phase) ({took})"), "")
    .joined("phase")
    .columns(&[("phase", "phase"), ("Value #A", "Begin"), ("Value #B", "Duration")], &[])
    .sorted("Begin", false)
    .absent("No finished run, no detail, or no monitor data")
}

fn state_seconds() -> Panel {
    let time = of(Metric::CheckStateSeconds);
    Panel::shares(
        "Good, bad, unknown and excluded time",
        "What is its availability made of? Time as it was settled.",
        Unit::Seconds(0),
    )
    .step("1m")
    .ask(&format!("sum by (state) (increase({time}[{RATE}]))"), "{{state}}")
    .coloured(&[
        ("good", Colour::Good.name()),
        ("bad", Colour::Bad.name()),
        ("unknown", Colour::Unknown.name()),
        ("excluded", Colour::Planned.name()),
    ])
    .absent(NO_MONITOR)
}
