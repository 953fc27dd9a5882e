//! The wallboard: is anything wrong, where, and can I believe it?
//!
//! By service, and 24 units high, so that a wall shows it without scrolling. What is asked of single checks is asked for a
//! moment or in coarse steps, so that twenty thousand of them are no trouble; the timeline shows the services that were
//! worst in the range, however many there are.
//!
//! Why a service fails is for the dashboards that it leads to.

use super::Reading;
use super::frame::{Frame, Variable};
use super::paint::{self, AVAILABILITY, BOTTOM, BUDGET, Colour, any_is};
use super::panel::{Panel, Unit};
use super::query::{PROMISE, Select, Standard, availability, ours, promised};
use crate::metrics::catalog::Metric;

/// Rows of the timeline: as many as can be read from afar.
const WORST: u32 = 14;
/// Rows of the table.
const LISTED: u32 = 50;
/// What a tile says when nobody reports.
pub(super) const NO_MONITOR: &str = "NO MONITOR DATA";

const SERVICE: &str = "var-service=${__data.fields.service}";

/// Series of the chosen services.
fn chosen(metric: Metric) -> Select {
    Select::of(metric).fits("service", "$service")
}

/// Without the checks of public names, which are on no cloud.
fn on_a_cloud(select: Select) -> Select {
    select.unlike("provider", "")
}

/// What users get of each service: what its public name gives or, without one, whether some side could serve.
fn state() -> String {
    let scope = |word| chosen(Metric::ServiceState).is("scope", word);
    let (entry, any) = (scope("entry"), scope("any"));
    format!("(max by (service) ({entry}) or max by (service) ({any}))")
}

pub(super) fn frame(reading: Reading) -> Frame {
    Frame {
        uid: "nephoscope-overview",
        title: "Overview",
        about: "Is anything wrong, where, since when, and can I believe it? One row a service.",
        range: "6h",
        refresh: "30s",
        variables: vec![Variable::team(), Variable::services()],
        alerts_drawn: true,
        rows: vec![
            (4, counts().into_iter().chain(trust()).map(|tile| (4, tile)).collect()),
            (
                4,
                vec![
                    (8, by_provider(reading)),
                    (4, firing()),
                    (4, longest()),
                    (4, incidents()),
                    (4, clouds()),
                ],
            ),
            (8, vec![(24, timeline(reading))]),
            (8, vec![(9, checks_down()), (15, work_list())]),
        ],
    }
}

/// How many services are in which trouble.
fn counts() -> [Panel; 3] {
    let state = state();
    let all = chosen(Metric::ServiceState).is("scope", "all");
    [
        Panel::tile(
            "Services down",
            "How many services do users not get right now? By the public name where one is watched, else: no cloud can serve. The \
             worst of the vantage points counts.",
            Unit::Number(0),
            &any_is(Colour::Bad),
            NO_MONITOR,
        )
        .ask(&format!("sum({state} == bool 4)"), "down")
        .link("By cloud", "nephoscope-providers", "${service:queryparam}"),
        Panel::tile(
            "On one cloud only",
            "How many services still work, but would not survive the next outage, because a side of theirs is down?",
            Unit::Number(0),
            &any_is(Colour::Warn),
            NO_MONITOR,
        )
        .ask(
            &format!("sum((max by (service) ({all}) == bool 4) * on (service) ({state} < bool 4))"),
            "at risk",
        )
        .link("By cloud", "nephoscope-providers", "${service:queryparam}"),
        Panel::tile(
            "Cannot be judged",
            "Of how many services does the monitor not know whether they work? Then this page is incomplete.",
            Unit::Number(0),
            &any_is(Colour::Unknown),
            NO_MONITOR,
        )
        .ask(&format!("sum({state} == bool 2)"), "unknown")
        .link("Monitor health", "nephoscope-self", ""),
    ]
}

/// Which promise is nearest to trouble, and whether the monitor is there.
fn trust() -> [Panel; 3] {
    let remaining = chosen(Metric::SloBudgetRemainingRatio);
    let lowest = promised(&format!("min by ({PROMISE}) ({remaining})"));
    let score = chosen(Metric::SloAlertScore);
    let highest = promised(&format!("max by ({PROMISE}) ({score})"));
    let promise = "{{service}} {{scope}}";
    let to_promise = "var-service=${__field.labels.service}&var-slo=${__field.labels.slo}&var-scope=${__field.labels.scope}";
    let up = ours(&Select::standard(Standard::Up).to_string());
    [
        Panel::tile(
            "Lowest error budget left",
            "Which promise is nearest to being broken, and what is left of its budget? Below 0 it is broken. Only promises that \
             tell somebody count.",
            Unit::Share(1),
            &BUDGET,
            "No promise, or no monitor data",
        )
        .named()
        .ask(&format!("bottomk(1, {lowest})"), promise)
        .link("This promise", "nephoscope-slo", to_promise),
        Panel::tile(
            "Nearest to an alert",
            "Which promise burns its budget fastest, confirmed by two windows? An alert fires above 1; the score is the lower of \
             the two burn rates by the factor of their tier.",
            Unit::Number(2),
            &[(0.0, Colour::Good), (0.5, Colour::Warn), (1.000_001, Colour::Bad)],
            "No promise, or no monitor data",
        )
        .named()
        .ask(&format!("topk(1, {highest})"), promise)
        .link("This promise", "nephoscope-slo", to_promise),
        Panel::tile(
            "Monitors scraped",
            "May I trust this page? The share of monitor instances of the last day that Prometheus reaches now.",
            Unit::Share(0),
            &[(BOTTOM, Colour::Bad), (0.5, Colour::Warn), (1.0, Colour::Good)],
            "MONITOR NOT SCRAPED",
        )
        .ask(&format!("sum({up}) / count({up})"), "scraped")
        .link("Monitor health", "nephoscope-self", ""),
    ]
}

fn by_provider(reading: Reading) -> Panel {
    let availability = availability(reading, "provider", "1h", |select| {
        on_a_cloud(select.fits("service", "$service"))
    });
    Panel::tile(
        "Availability by cloud, last hour",
        "Whose side is it on? Of the settled time of all checks on a cloud, the share that was good; unknown time and \
         maintenance aside.",
        Unit::Share(3),
        &AVAILABILITY,
        NO_MONITOR,
    )
    .named()
    .ask(&availability, "{{provider}}")
    .link("Compare clouds", "nephoscope-providers", "${service:queryparam}")
}

fn firing() -> Panel {
    let active =
        promised(&format!("max by ({PROMISE}, tier) ({})", chosen(Metric::SloAlertActive)));
    Panel::tile(
        "Burn alerts firing",
        "How many tiers of burn-rate alerts fire now, over all promises that tell somebody?",
        Unit::Number(0),
        &any_is(Colour::Bad),
        "No promise, or no monitor data",
    )
    .ask(&format!("sum({active})"), "firing")
    .link("Promises", "nephoscope-slo", "")
}

fn longest() -> Panel {
    let (since, state) = (chosen(Metric::CheckStateSince), chosen(Metric::CheckState));
    Panel::tile(
        "Longest failure now",
        "For how long has the check that has been down longest been down?",
        Unit::Duration,
        &[(0.0, Colour::Good), (1.0, Colour::Bad)],
        NO_MONITOR,
    )
    .word((0.0, "None", Colour::Good))
    .ask(&format!("max((time() - {since}) * ({state} == bool 4))"), "longest")
    .link("By cloud", "nephoscope-providers", "${service:queryparam}")
}

fn incidents() -> Panel {
    let (active, build) = (Select::of(Metric::IncidentActive), Select::of(Metric::BuildInfo));
    Panel::tile(
        "Incidents now",
        "How many separate causes are behind all outages that last?",
        Unit::Number(0),
        &any_is(Colour::Bad),
        NO_MONITOR,
    )
    .word((0.0, "None", Colour::Good))
    // Without an incident there is no series: the zero is said only by a monitor that lives.
    .ask(&format!("sum(max by (cause) ({active})) or 0 * max({build})"), "incidents")
    .link("By cloud", "nephoscope-providers", "${service:queryparam}")
}

fn clouds() -> Panel {
    let canary = Select::of(Metric::CanaryHealth);
    Panel::tile(
        "The clouds themselves",
        "Are the clouds well, apart from our services? The worst canary of each.",
        Unit::Number(0),
        &[],
        "No canary, or no monitor data",
    )
    .words(&paint::states())
    .named()
    .ask(&format!("max by (provider) ({canary})"), "{{provider}}")
    .link("Compare clouds", "nephoscope-providers", "")
}

fn timeline(reading: Reading) -> Panel {
    let ever = chosen(Metric::ServiceState).fits("scope", "entry|any");
    let range = reading.through();
    let worst = format!("topk({WORST}, max by (service) (max_over_time({ever}[{range}] @ end())))");
    Panel::timeline(
        "What users got",
        "What happened when? The services that were worst in this range, at most 14: by their public name where one is watched, \
         else by whether some cloud could serve.",
        &paint::states(),
    )
    .step("1m")
    .ask(&format!("{} and on (service) {worst}", state()), "{{service}}")
    .absent("No service, or no monitor data")
    .link("By cloud", "nephoscope-providers", "var-service=${__field.labels.service}")
}

fn checks_down() -> Panel {
    let down = on_a_cloud(chosen(Metric::CheckState));
    Panel::areas(
        "Checks down, by cloud",
        "How much of each cloud is down, and since when? The number of checks whose failure is confirmed.",
        Unit::Number(0),
    )
    .step("2m")
    .ask(&format!("sum by (provider) (max by (provider, check) ({down}) == bool 4)"), "{{provider}}")
    .absent("No monitor data")
}

fn work_list() -> Panel {
    let state = state();
    let any_scope = chosen(Metric::ServiceState);
    let listed = format!("topk({LISTED}, max by (service) ({any_scope}) > 1)");
    let only = |rows: &str| format!("({rows}) and on (service) {listed}");
    let all = chosen(Metric::ServiceState).is("scope", "all");
    let (since, check) = (chosen(Metric::CheckStateSince), chosen(Metric::CheckState));
    let since = format!("max by (service) ((time() - {since}) and ({check} > 1))");
    let blame = chosen(Metric::OutageBlame);
    let blame = format!("topk by (service) (1, max by (service, blame) ({blame} == 1))");
    let remaining = chosen(Metric::SloBudgetRemainingRatio);
    let left = promised(&format!("min by ({PROMISE}) ({remaining})"));
    Panel::table(
        "Services in trouble, worst first",
        "What needs somebody now? What users get, whether every cloud could serve, since when the first check is not up, whose \
         the outage is, and what is left of the tightest budget.",
    )
    .ask(&only(&state), "")
    .ask(&only(&format!("max by (service) ({all})")), "")
    .ask(&only(&since), "")
    .ask(&only(&blame), "")
    .ask(&only(&format!("min by (service) ({left})")), "")
    .joined("service")
    .columns(
        &[
            ("service", "Service"),
            ("Value #A", "Users get"),
            ("Value #B", "All clouds"),
            ("Value #C", "For"),
            ("blame", "Whose"),
            ("Value #E", "Budget left"),
        ],
        &["Value #D"],
    )
    .sorted("Users get", true)
    .state_column("Users get")
    .state_column("All clouds")
    .column("For", Unit::Duration, None)
    .column("Budget left", Unit::Share(1), Some(("text", &BUDGET)))
    .column_link("Service", "By cloud", "nephoscope-providers", SERVICE)
    .absent("No service in trouble (or no monitor data: see the tiles above)")
}
