//! Two clouds side by side: which one is better, and what did having both buy?
//!
//! The reader chooses A and B; B leaves out A, so that the page compares something at once. A is light blue and solid, B
//! orange and dashed, everywhere. Availability is a share of settled time; latency is that of good runs only, or an outage
//! would look like slowness.
//!
//! Promises are on another page.

use super::Reading;
use super::frame::{Frame, Variable};
use super::overview::NO_MONITOR;
use super::paint::{AVAILABILITY, Colour, Word};
use super::panel::{Panel, Unit};
use super::query::{Select, availability, latency};
use crate::metrics::catalog::Metric;
use serde_json::{Value, json};

const RANGE: &str = "$__range";
const RATE: &str = "$__rate_interval";
/// Rows of the timeline, and of the bars.
const WORST: u32 = 14;

fn a(select: Select) -> Select {
    chosen(select).is("provider", "$provider_a")
}

fn b(select: Select) -> Select {
    chosen(select).is("provider", "$provider_b")
}

fn both(select: Select) -> Select {
    chosen(select).fits("provider", "$provider_a|$provider_b")
}

fn chosen(select: Select) -> Select {
    select.fits("service", "$service")
}

pub(super) fn frame(reading: Reading) -> Frame {
    let info = || Select::of(Metric::CheckInfo);
    Frame {
        uid: "nephoscope-providers",
        title: "Provider comparison",
        about: "Which cloud is better, when and for whom? And what did the second one buy?",
        range: "24h",
        refresh: "1m",
        variables: vec![
            Variable::one("provider_a", "A", info(), "provider"),
            Variable::one("provider_b", "B", info().unlike("provider", "$provider_a"), "provider"),
            Variable::many("service", "Service", info(), "service", ".+"),
        ],
        alerts_drawn: true,
        rows: vec![
            (4, vec![(12, availabilities(reading)), (12, difference(reading))]),
            (
                4,
                vec![
                    (6, one_left(reading)),
                    (6, none_left(reading)),
                    (6, cost(reading)),
                    (6, astray()),
                ],
            ),
            (8, vec![(12, availability_lines(reading)), (12, latency_lines(reading))]),
            (8, vec![(12, redundancy(reading)), (12, exposure(reading))]),
            (8, vec![(6, leads()), (6, steps()), (12, whose())]),
            (9, vec![(14, by_service(reading)), (10, reasons(reading))]),
        ],
    }
}

fn availabilities(reading: Reading) -> Panel {
    Panel::tile(
        "Availability",
        "How much of the settled time in this range was good on each cloud? Over all checks of the chosen services; unknown time \
         and maintenance aside.",
        Unit::Share(3),
        &AVAILABILITY,
        NO_MONITOR,
    )
    .named()
    .ask(&availability(reading, "provider", RANGE, both), "{{provider}}")
}

fn difference(reading: Reading) -> Panel {
    Panel::tile(
        "Availability difference A − B",
        "Who was better, and by how much? Above 0 it is A. Few failures make a difference that means nothing: look at when they \
         were.",
        Unit::Share(3),
        &[],
        NO_MONITOR,
    )
    .unjudged()
    .ask(
        &format!("({}) - ({})", availability(reading, "", RANGE, a), availability(reading, "", RANGE, b)),
        "$provider_a − $provider_b",
    )
}

fn exposed(state: &str) -> Select {
    chosen(Select::of(Metric::ServiceExposure)).is("state", state)
}

/// The worst of the vantage points.
fn worst(reading: Reading, by: &str, series: &Select) -> String {
    format!("max by ({by}) ({})", series.grown(reading, RANGE))
}

fn one_left(reading: Reading) -> Panel {
    let only = worst(reading, "service, provider", &exposed("only"));
    Panel::tile(
        "Served by one cloud alone",
        "For how long would users have had nothing without the second cloud? Time in which only the one named was able to serve, \
         summed over services.",
        Unit::Duration,
        &[(0.0, Colour::Good), (1.0, Colour::Warn)],
        "No service on two clouds, or no monitor data",
    )
    .named()
    .word((0.0, "Never", Colour::Good))
    .ask(&format!("sum by (provider) ({only})"), "{{provider}} alone")
}

fn none_left(reading: Reading) -> Panel {
    let none = worst(reading, "service", &exposed("none"));
    Panel::tile(
        "No cloud able to serve",
        "For how long did both clouds fail a service at once? If this is long, look for what they share, or doubt the monitor.",
        Unit::Duration,
        &[(0.0, Colour::Good), (1.0, Colour::Bad)],
        "No service on two clouds, or no monitor data",
    )
    .word((0.0, "Never", Colour::Good))
    .ask(&format!("sum({none})"), "none")
}

fn cost(reading: Reading) -> Panel {
    let cost = worst(reading, "service", &chosen(Select::of(Metric::ServiceFailoverCost)));
    Panel::tile(
        "Lost to failing over",
        "For how long did users get nothing although some cloud was able to serve? This is what a faster failover could save, \
         summed over services.",
        Unit::Duration,
        &[(0.0, Colour::Good), (1.0, Colour::Warn), (300.0, Colour::Bad)],
        "No public name, or no monitor data",
    )
    .word((0.0, "Nothing", Colour::Good))
    .ask(&format!("sum({cost})"), "lost")
}

fn astray() -> Panel {
    let each = |metric| format!("max by (service) ({})", chosen(Select::of(metric)));
    let (late, silent) = (each(Metric::EntryLate), each(Metric::EntrySilent));
    let split = each(Metric::EntrySplit);
    Panel::tile(
        "Public names astray",
        "How many public names lead where they should not now: late to leave a dead cloud, gone from a healthy one, or two ways \
         at once?",
        Unit::Number(0),
        &[(0.0, Colour::Good), (1.0, Colour::Bad)],
        "No name that fails over, or no monitor data",
    )
    .ask(&format!("sum(({late} + {silent} + {split}) > bool 0)"), "astray")
}

fn leads() -> Panel {
    let share = chosen(Select::of(Metric::EntryShare));
    Panel::areas(
        "Where public names lead",
        "To which cloud do users go? The mean share over the chosen services; unmapped leads to no cloud that we know.",
        Unit::Share(0),
    )
    .up_to(1.0)
    .step("1m")
    .ask(&format!("avg by (provider) ({share})"), "{{provider}}")
    .coloured(&[("unmapped", Colour::Unknown.name())])
    .absent("No public name, or no monitor data")
}

fn steps() -> Panel {
    let took = chosen(Select::of(Metric::FailoverSeconds));
    Panel::gauges(
        "Steps of the last failover",
        "How long did each step take, from the first bad result? Until the outage was certain, the zone answered anew, resolvers \
         followed, a fresh client was served, and the name came back.",
        Unit::Duration,
    )
    .ask(&format!("topk({WORST}, max by (service, step) ({took}))"), "{{service}}: {{step}}")
    .absent("No failover seen, or no monitor data")
}

fn whose() -> Panel {
    let blame = chosen(Select::of(Metric::OutageBlame));
    Panel::timeline(
        "Whose outage it was",
        "Who was to blame, and when? One row an outage's place and blame, fourteen at most.",
        &[(1.0, "OUTAGE", Colour::Bad)],
    )
    .step("1m")
    .ask(
        &format!(
            "max by (service, scope, blame) ({blame} == 1) and on (service, scope, blame) \
             topk({WORST}, sum by (service, scope, blame) (sum_over_time({blame}[$__range] @ end())))"
        ),
        "{{service}} {{scope}}: {{blame}}",
    )
    .absent("No outage, or no monitor data")
}

fn availability_lines(reading: Reading) -> Panel {
    let panel = Panel::lines(
        "Availability over time",
        "When did each cloud fail? The good share of the time settled in each step.",
        Unit::Share(2),
    )
    .up_to(1.0)
    .step(reading.step("2m"))
    .ask(&availability(reading, "", RATE, a), "$provider_a")
    .ask(&availability(reading, "", RATE, b), "$provider_b")
    .absent(NO_MONITOR);
    as_b(as_a(panel, "A", 2), "B", 2)
}

fn latency_lines(reading: Reading) -> Panel {
    let panel = Panel::lines(
        "Median and tail latency",
        "Is it the typical run that got slower, or only the tail? Thick: 95 of 100 good runs are faster. Thin: half of them.",
        Unit::Seconds(3),
    )
    .step(reading.step("2m"))
    .ask(&latency(reading, "", 0.5, RATE, a), "$provider_a, median")
    .ask(&latency(reading, "", 0.5, RATE, b), "$provider_b, median")
    .ask(&latency(reading, "", 0.95, RATE, a), "$provider_a, 95 of 100")
    .ask(&latency(reading, "", 0.95, RATE, b), "$provider_b, 95 of 100")
    .absent("No good run, or no monitor data");
    as_b(as_a(as_b(as_a(panel, "A", 1), "B", 1), "C", 3), "D", 3)
}

fn as_a(panel: Panel, query: &str, width: u32) -> Panel {
    panel.with_query(query, &line(Colour::Good, width, &json!({"fill": "solid"})))
}

fn as_b(panel: Panel, query: &str, width: u32) -> Panel {
    panel.with_query(query, &line(Colour::Warn, width, &json!({"fill": "dash", "dash": [10, 6]})))
}

fn line(colour: Colour, width: u32, style: &Value) -> [(&'static str, Value); 3] {
    [
        ("color", json!({"mode": "fixed", "fixedColor": colour.name()})),
        ("custom.lineWidth", width.into()),
        ("custom.lineStyle", style.clone()),
    ]
}

fn redundancy(reading: Reading) -> Panel {
    const WORDS: [Word; 4] = [
        (2.0, "BOTH", Colour::Good),
        (1.0, "ONE CLOUD", Colour::Warn),
        (0.0, "NO CLOUD", Colour::Bad),
        (-1.0, "UNKNOWN", Colour::Unknown),
    ];
    let side = both(Select::of(Metric::ServiceSideState));
    let states = format!("max by (service, provider) ({side})");
    let able = format!("sum by (service) (({states} == bool 0) + ({states} == bool 3))");
    let unknown = format!("max by (service) ({states} == bool 2)");
    let range = reading.through();
    let worst = format!("topk({WORST}, max by (service) (max_over_time({side}[{range}] @ end())))");
    Panel::timeline(
        "How many clouds could serve",
        "When did a service hang on one cloud, or on none? The services that were worst in this range, at most 14. A side in \
         maintenance is not able; unknown is said only where no side was known to serve.",
        &WORDS,
    )
    .step("2m")
    .ask(
        &format!("({able} - ({able} == bool 0) * {unknown}) and on (service) {worst}"),
        "{{service}}",
    )
    .absent("No service, or no monitor data")
}

fn exposure(reading: Reading) -> Panel {
    let time = chosen(Select::of(Metric::ServiceExposure)).grown(reading, RATE);
    Panel::shares(
        "Exposure",
        "Of all service time, in which share could both clouds serve, one alone, none? Settled time, mean of the vantage points.",
        Unit::Seconds(0),
    )
    .step("5m")
    .ask(&format!("sum by (state, provider) ({time})"), "{{state}} {{provider}}")
    .coloured_like("/^both/", Colour::Good.name())
    .coloured_like("/^only/", Colour::Warn.name())
    .coloured_like("/^none/", Colour::Bad.name())
    .coloured_like("/^unknown/", Colour::Unknown.name())
    .absent("No service on two clouds, or no monitor data")
}

fn by_service(reading: Reading) -> Panel {
    Panel::table(
        "By service",
        "Is it the same for every service? Availability, and the latency that 95 of 100 good runs beat, on both clouds; the \
         fifty services with the lowest availability on A or B.",
    )
    .ask(&listed(reading, &availability(reading, "service", RANGE, a)), "")
    .ask(&listed(reading, &availability(reading, "service", RANGE, b)), "")
    .ask(&listed(reading, &latency(reading, "service", 0.95, RANGE, a)), "")
    .ask(&listed(reading, &latency(reading, "service", 0.95, RANGE, b)), "")
    .joined("service")
    .columns(
        &[
            ("service", "Service"),
            ("Value #A", "Availability A"),
            ("Value #B", "Availability B"),
            ("Value #C", "p95 A"),
            ("Value #D", "p95 B"),
        ],
        &[],
    )
    .sorted("Availability A", false)
    .column("Availability A", Unit::Share(3), Some(("text", &AVAILABILITY)))
    .column("Availability B", Unit::Share(3), Some(("text", &AVAILABILITY)))
    .column("p95 A", Unit::Seconds(3), None)
    .column("p95 B", Unit::Seconds(3), None)
    .column_link("Service", "Overview", "nephoscope-overview", "var-service=${__data.fields.service}")
    .absent("No service, or no monitor data")
}

/// Only the rows of the fifty services that were worst on either side.
fn listed(reading: Reading, rows: &str) -> String {
    let worst = availability(reading, "service", RANGE, both);
    format!("({rows}) and on (service) bottomk(50, {worst})")
}

fn reasons(reading: Reading) -> Panel {
    let failed = both(Select::of(Metric::ProbeFailures)).grown(reading, RANGE);
    Panel::gauges(
        "Failed runs by reason and cloud",
        "Do they fail differently? Bad runs in this range, rechecks included; the fourteen most frequent.",
        Unit::Number(0),
    )
    .ask(
        &format!("topk({WORST}, sum by (provider, reason) ({failed}) > 0)"),
        "{{provider}}: {{reason}}",
    )
    .absent("No failed run, or no monitor data")
}
