//! The monitor itself: can it be believed?
//!
//! What every scrape has (`up`, processes) is limited to instances that are ours, because "all jobs" means every job of the
//! server. A monitor that is gone is seen by what it was in the last day.
//!
//! What the monitor sees is on the other pages.

use super::frame::{Frame, Variable};
use super::overview::NO_MONITOR;
use super::paint::{BOTTOM, Colour, any_is};
use super::panel::{Panel, Unit};
use super::query::{Select, Standard, ours};
use crate::metrics::catalog::Metric;

const RATE: &str = "$__rate_interval";

pub(super) fn frame() -> Frame {
    let vantage =
        Variable::many("vantage", "Vantage", Select::of(Metric::BuildInfo), "vantage", ".+");
    Frame {
        uid: "nephoscope-self",
        title: "Monitor health",
        about: "Can the monitor be believed: is it there, on time, able to see, able to remember and to tell?",
        range: "6h",
        refresh: "30s",
        variables: vec![vantage],
        alerts_drawn: false,
        rows: vec![
            (4, [5, 5, 5, 5, 4].into_iter().zip(facts()).collect()),
            (
                4,
                vec![
                    (4, store()),
                    (5, receivers()),
                    (4, sentinels()),
                    (5, disagreement()),
                    (6, versions()),
                ],
            ),
            (8, vec![(12, lag()), (12, in_flight())]),
            (7, vec![(8, skipped()), (8, resources()), (8, scrapes())]),
        ],
    }
}

/// Series of the chosen vantage points.
fn of(metric: Metric) -> Select {
    Select::of(metric).fits("vantage", "$vantage")
}

fn facts() -> [Panel; 5] {
    let up = ours(&Select::standard(Standard::Up).to_string());
    let (runs, interval) = (of(Metric::Probes), of(Metric::CheckInterval));
    [
        Panel::tile(
            "Monitors scraped",
            "Does Prometheus reach every monitor that it reached in the last day?",
            Unit::Share(0),
            &[(BOTTOM, Colour::Bad), (0.5, Colour::Warn), (1.0, Colour::Good)],
            "MONITOR NOT SCRAPED",
        )
        .ask(&format!("sum({up}) / count({up})"), "scraped"),
        Panel::tile(
            "Blind monitors",
            "How many monitors see nothing over any network, or cannot resolve names? What they would have seen is unknown time.",
            Unit::Number(0),
            &any_is(Colour::Bad),
            NO_MONITOR,
        )
        .ask(&format!("sum({}) + sum({})", of(Metric::VantageOffline), of(Metric::ResolverOffline)), "blind"),
        Panel::tile(
            "Runs done, of those due",
            "Does it keep up? Runs in the last minutes by those that the intervals ask for; rechecks add a little. Needs \
             `detail = \"standard\"`.",
            Unit::Share(1),
            &[(0.0, Colour::Bad), (0.9, Colour::Warn), (0.98, Colour::Good)],
            "No intervals exported, or no monitor data",
        )
        .ask(&format!("sum(rate({runs}[{RATE}])) / sum(1 / {interval})"), "done"),
        Panel::tile(
            "Configuration",
            "Was the configuration last read without problems, everywhere?",
            Unit::Number(0),
            &[],
            NO_MONITOR,
        )
        .words(&[(1.0, "OK", Colour::Good), (0.0, "REJECTED", Colour::Bad)])
        .ask(&format!("min({})", of(Metric::ReloadSuccessful)), "configuration"),
        Panel::tile(
            "Waiting for an alibi",
            "How many failures may be the monitor's own, and are not charged yet?",
            Unit::Number(0),
            &any_is(Colour::Warn),
            NO_MONITOR,
        )
        .ask(&format!("sum({})", of(Metric::ResultsUnsettled)), "waiting"),
    ]
}

fn store() -> Panel {
    let healthy = of(Metric::StoreHealthy);
    Panel::tile(
        "History",
        "Is history being kept? Without a store, or when it cannot be written, the present goes on and the past is lost.",
        Unit::Number(0),
        &[],
        NO_MONITOR,
    )
    .words(&[(1.0, "KEPT", Colour::Good), (0.0, "NOT KEPT", Colour::Bad)])
    .ask(&format!("min({healthy})"), "history")
}

fn receivers() -> Panel {
    let healthy = of(Metric::PushHealthy);
    Panel::tile(
        "Receivers of alerts",
        "Did every receiver take the last delivery? The worst one is shown.",
        Unit::Number(0),
        &[],
        "No receiver, or no monitor data",
    )
    .words(&[(1.0, "TOLD", Colour::Good), (0.0, "NOT TOLD", Colour::Bad)])
    .named()
    .ask(&format!("bottomk(1, min by (receiver) ({healthy}))"), "{{receiver}}")
}

fn sentinels() -> Panel {
    let state = of(Metric::SentinelState);
    Panel::tile(
        "Sentinels not up",
        "How many sentinels are no help in telling our own blindness from an outage?",
        Unit::Number(0),
        &any_is(Colour::Warn),
        "No sentinel, or no monitor data",
    )
    .ask(&format!("sum(max by (vantage, sentinel, kind) ({state}) > bool 1)"), "not up")
}

fn disagreement() -> Panel {
    let state = of(Metric::CheckState);
    let spread = |limit: &str| format!("sum by (check) ({state} == bool {limit})");
    let (down, up) = (spread("4"), spread("0"));
    Panel::tile(
        "Vantage points disagree on",
        "For how many checks does one vantage point say up and another down? Then it is the way, not the target.",
        Unit::Number(0),
        &any_is(Colour::Warn),
        NO_MONITOR,
    )
    .ask(&format!("sum(({down} > bool 0) * ({up} > bool 0))"), "checks")
}

fn versions() -> Panel {
    let build = of(Metric::BuildInfo);
    Panel::table("Versions", "Which version runs where?")
        .ask(&format!("max by (vantage, instance, version) ({build})"), "")
        .columns(
            &[("vantage", "Vantage"), ("instance", "Instance"), ("version", "Version")],
            &["Value"],
        )
        .absent(NO_MONITOR)
}

fn lag() -> Panel {
    let buckets = Select::buckets(Metric::ScheduleLag).fits("vantage", "$vantage");
    let quantile = |q: f64| {
        format!("histogram_quantile({q}, sum by (le, instance) (rate({buckets}[{RATE}]))) >= 0")
    };
    Panel::lines(
        "How late runs start",
        "Is the schedule kept? Half and 99 of 100 runs start sooner; dashed are 0.1 s and 1 s.",
        Unit::Seconds(3),
    )
    .step("1m")
    .ask(&quantile(0.5), "{{instance}} median")
    .ask(&quantile(0.99), "{{instance}} 99 of 100")
    .marks(&[(0.1, Colour::Warn), (1.0, Colour::Bad)])
    .absent("No run, or no monitor data")
}

fn in_flight() -> Panel {
    Panel::lines(
        "Runs in flight",
        "How near is it to its limit? Above the limit runs wait, and are skipped when their turn is over.",
        Unit::Number(0),
    )
    .step("1m")
    .logarithmic(Some(1.0))
    .ask(&format!("max by (instance) ({})", of(Metric::ProbesInFlight)), "{{instance}}")
    .ask(&format!("max by (instance) ({})", of(Metric::ProbeConcurrencyLimit)), "{{instance}} limit")
    .absent(NO_MONITOR)
}

fn skipped() -> Panel {
    let skipped = of(Metric::ProbesSkipped);
    Panel::bars("Skipped runs by cause", "Why did due runs not happen?", Unit::Number(0))
        .step("1m")
        .ask(&format!("sum by (cause) (increase({skipped}[{RATE}]))"), "{{cause}}")
        .coloured(&[
            ("still_running", "purple"),
            ("concurrency", Colour::Warn.name()),
            ("late", Colour::Bad.name()),
            ("shutdown", Colour::Unknown.name()),
        ])
        .absent(NO_MONITOR)
}

fn resources() -> Panel {
    let per =
        |expression: String, sum: &str| format!("{sum} by (instance) ({})", ours(&expression));
    let (open, most) = (Standard::OpenDescriptors, Standard::MaxDescriptors);
    let memory = Select::standard(Standard::ResidentMemory);
    let cpu = Select::standard(Standard::CpuSeconds);
    let (open, most) = (Select::standard(open), Select::standard(most));
    Panel::lines(
        "CPU, memory and descriptors",
        "Does the monitor itself run short? Resident memory on the left; CPU and used descriptors as shares on the right.",
        Unit::Bytes,
    )
    .step("1m")
    .ask(&per(memory.to_string(), "max"), "{{instance}} memory")
    .ask(&per(format!("rate({cpu}[{RATE}])"), "sum"), "{{instance}} CPU")
    .ask(&per(format!("{open} / {most}"), "max"), "{{instance}} descriptors")
    .on_the_right("B")
    .on_the_right("C")
    .absent(NO_MONITOR)
}

fn scrapes() -> Panel {
    let per = |select: Select| format!("max by (instance) ({})", ours(&select.to_string()));
    Panel::lines(
        "What a scrape costs",
        "Is the page of metrics growing, and how long does fetching it take? Seconds on the left, series on the right.",
        Unit::Seconds(3),
    )
    .step("1m")
    .ask(&per(Select::standard(Standard::ScrapeDuration)), "{{instance}} seconds")
    .ask(&per(Select::standard(Standard::ScrapeSamples)), "{{instance}} series")
    .counted_on_the_right("B")
    .absent(NO_MONITOR)
}
