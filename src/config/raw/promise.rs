//! `slo = […]` and its shorthand `objective = …, window = …`.
//!
//! A percentage is read from its digits, so that 99.95 is exactly 999 500 000 parts in 10^9; so are shares and factors.
//! Names are filled in here; whether they are unique among what a service finally promises is for `validate`.
//!
//! It computes nothing about whether a promise is kept.

use super::RawObjective;
use super::tier::read_tiers;
use crate::config::decode::{Section, section, wrong_type};
use crate::config::problem::{Kind, Problem};
use crate::config::source::At;
use crate::config::tree::Value;
use crate::config::units;
use crate::model::{
    AlertKind, Objective, ObjectiveKind, ObjectiveWindow, PeriodPolicy, ScopeChoice, UnknownPolicy,
};
use std::time::Duration;

/// Parts in a whole.
const WHOLE: u64 = 1_000_000_000;
/// Share of a window that must be known when nobody says it: 0.9 (slo.md 1.4).
const DEFAULT_COVERAGE: u64 = 900_000_000;
/// Length of a slice when nobody says it.
const DEFAULT_SLICE: Duration = Duration::from_mins(1);
/// Failed runs that an alert needs when nobody says how many (S17).
const DEFAULT_MIN_FAILURES: u32 = 2;

/// The promises of a class or service; `None` when it says nothing about them.
pub(super) fn read_objectives(table: &Section<'_>) -> Option<Vec<RawObjective>> {
    table.exclusive(&["slo", "objective"]);
    let listed = table.list("slo", "a list of tables", |context, node, path| {
        section(context, node, node.place, path.to_owned(), read_objective).flatten()
    });
    let target = read_target(table);
    let window = read_window(table);
    if table.has("window") && !table.has("objective") {
        table.missing("objective", "`objective = 99.95` beside `window`");
    }
    if let Some(listed) = listed {
        return Some(listed.value);
    }
    if !table.has("objective") {
        return None;
    }
    let place = table.key_place("objective");
    let window = window.unwrap_or((DEFAULT_WINDOW, DEFAULT_WINDOW_TEXT.to_owned()));
    let keys = table.keys().filter(|key| ["objective", "window"].contains(&&*key.value));
    let given = keys.map(|key| (key.value.clone(), key.place)).collect();
    let promise = |parts| RawObjective { value: plain(parts, &window), place, given };
    Some(target.map(promise).into_iter().collect())
}

const DEFAULT_WINDOW: ObjectiveWindow = ObjectiveWindow::Rolling(Duration::from_hours(30 * 24));
const DEFAULT_WINDOW_TEXT: &str = "30d";

fn plain(target_parts: u64, window: &(ObjectiveWindow, String)) -> Objective {
    Objective {
        name: format!("availability-{}", window.1).into(),
        window_text: window.1.as_str().into(),
        kind: ObjectiveKind::Time,
        target_parts,
        window: window.0,
        scope: ScopeChoice::Default,
        alert: AlertKind::Page,
        threshold: None,
        slice: None,
        min_failures: DEFAULT_MIN_FAILURES,
        min_coverage_parts: DEFAULT_COVERAGE,
        tiers: None,
        unknown: UnknownPolicy::Exclude,
        maintenance: PeriodPolicy::Exclude,
    }
}

fn read_objective(table: &Section<'_>) -> Option<RawObjective> {
    let name = table.string("name");
    if let Some(name) = &name {
        super::check_name(table.context, name, &table.path_of("name"), "an slo");
    }
    let kind = table.word("kind", ObjectiveKind::ALL, ObjectiveKind::as_str);
    let target = read_target(table);
    if !table.has("objective") {
        table.missing("objective", "`objective = 99.95`");
    }
    let window = read_window(table).unwrap_or((DEFAULT_WINDOW, DEFAULT_WINDOW_TEXT.to_owned()));
    let kind = match kind {
        Some(kind) => Some(kind.value),
        None => (!table.has("kind")).then_some(ObjectiveKind::Time),
    };
    let (threshold, slice) = read_of_kind(table, kind);
    let scope = read_scope(table);
    let alert = table.word("alert", AlertKind::ALL, AlertKind::as_str);
    let min_failures = table.integer("min_failures", 1..=1_000);
    let unknown = table.word("unknown", UnknownPolicy::ALL, UnknownPolicy::as_str);
    let maintenance = table.word("maintenance", PeriodPolicy::ALL, PeriodPolicy::as_str);
    let coverage = read_coverage(table);
    let tiers = read_tiers(table, window.0);
    let mut objective = plain(target?, &window);
    if let Some(name) = name {
        objective.name = name.value.into();
    }
    objective.kind = kind?;
    objective.scope = scope.unwrap_or(ScopeChoice::Default);
    objective.alert = alert.map_or(objective.alert, |alert| alert.value);
    objective.threshold = threshold;
    objective.slice = slice;
    objective.min_failures = min_failures.map_or(objective.min_failures, |least| least.value);
    objective.min_coverage_parts = coverage.unwrap_or(objective.min_coverage_parts);
    objective.tiers = tiers;
    objective.unknown = unknown.map_or(objective.unknown, |policy| policy.value);
    objective.maintenance = maintenance.map_or(objective.maintenance, |policy| policy.value);
    let given = table.keys().map(|key| (key.value.clone(), key.place)).collect();
    Some(RawObjective { value: objective, place: table.place, given })
}

/// What only one kind has: the threshold of `latency`, the slice of `slices`.
fn read_of_kind(
    table: &Section<'_>,
    kind: Option<ObjectiveKind>,
) -> (Option<Duration>, Option<Duration>) {
    let threshold = table.duration("threshold").filter(|span| positive(table, "threshold", span));
    let slice = table.duration("slice").filter(|span| positive(table, "slice", span));
    let Some(kind) = kind else { return (None, None) };
    for (key, of) in [("threshold", ObjectiveKind::Latency), ("slice", ObjectiveKind::Slices)] {
        if table.has(key) && kind != of {
            let said = format!("a promise of kind `{kind}` has no `{key}`");
            let place = table.key_place(key);
            let problem = Problem::new(Kind::WrongKind, table.path_of(key), place, said)
                .label(format!("belongs to `kind = \"{of}\"`"))
                .hint(format!("write `kind = \"{of}\"`, or leave `{key}` out"));
            table.report(problem);
        }
    }
    if kind == ObjectiveKind::Latency && !table.has("threshold") {
        table.missing("threshold", "`threshold = \"500ms\"` with `kind = \"latency\"`");
    }
    let slice = slice.map(|slice| slice.value);
    let slice = (kind == ObjectiveKind::Slices).then(|| slice.unwrap_or(DEFAULT_SLICE));
    (threshold.map(|threshold| threshold.value), slice)
}

fn positive(table: &Section<'_>, key: &str, span: &At<Duration>) -> bool {
    if span.value.is_zero() {
        let said = format!("a {key} of zero");
        let problem = Problem::new(Kind::OutOfRange, table.path_of(key), span.place, said);
        table.report(problem.expected("longer than nothing"));
    }
    !span.value.is_zero()
}

/// The share that must be good, in parts of 10^9.
fn read_target(table: &Section<'_>) -> Option<u64> {
    let node = table.get("objective")?;
    let path = table.path_of("objective");
    let expected = "a percentage above 0 and below 100, such as `99.95`";
    let text = match &node.value {
        Value::Integer(number) => number.to_string(),
        Value::Float(text) | Value::Text(text) => text.clone(),
        _ => {
            wrong_type(table.context, node, &path, expected, None);
            return None;
        }
    };
    let problem = |kind, said: String| Problem::new(kind, path.clone(), node.place, said);
    let parts = match units::percent_parts(&text) {
        Ok(parts) => parts,
        Err(why) => {
            let said = format!("`{text}` is not an objective");
            table.report(problem(Kind::OutOfRange, said).label(why).expected(expected));
            return None;
        }
    };
    if parts == WHOLE {
        let said = "an objective of 100 % leaves no budget".to_owned();
        table.report(
            problem(Kind::ObjectiveHundred, said)
                .label("the first bad second breaks it for good")
                .expected(expected)
                .hint("without `objective` the service is only watched"),
        );
        return None;
    }
    if parts > 0 && parts <= WHOLE / 100 {
        let said = format!("`{text}` is a fraction");
        let problem = problem(Kind::PercentAsFraction, said)
            .label("percent expected, and this is not more than one")
            .expected(expected);
        table.report(match parts * 100 {
            WHOLE => problem,
            meant => problem.hint(format!("did you mean `{}`?", percent_text(meant))),
        });
        return None;
    }
    if parts == 0 || parts > WHOLE {
        let said = format!("`{text}` is not an objective");
        table.report(problem(Kind::OutOfRange, said).expected(expected));
        return None;
    }
    Some(parts)
}

/// Parts of 10^9 as a percentage, without needless zeros.
pub(in crate::config) fn percent_text(parts: u64) -> String {
    let text = format!("{}.{:07}", parts / 10_000_000, parts % 10_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn read_window(table: &Section<'_>) -> Option<(ObjectiveWindow, String)> {
    let text = table.string("window")?;
    match window(&text.value) {
        Ok(window) => Some((window, text.value)),
        Err(why) => {
            let said = format!("`{}` is not a window", text.value);
            let problem = Problem::new(Kind::BadWindow, table.path_of("window"), text.place, said)
                .label(why)
                .expected("a duration (`7d`, `30d`), or `day`, `week`, `month`, `quarter`, `year`");
            table.report(problem);
            None
        }
    }
}

/// A duration of an hour or longer, or a period of the calendar.
pub(in crate::config) fn window(text: &str) -> Result<ObjectiveWindow, String> {
    match text {
        "day" => Ok(ObjectiveWindow::Day),
        "week" => Ok(ObjectiveWindow::Week),
        "month" => Ok(ObjectiveWindow::Month),
        "quarter" => Ok(ObjectiveWindow::Quarter),
        "year" => Ok(ObjectiveWindow::Year),
        rolling => units::duration(rolling).and_then(|span| {
            if span < Duration::from_hours(1) {
                return Err("it is shorter than an hour".to_owned());
            }
            Ok(ObjectiveWindow::Rolling(span))
        }),
    }
}

fn read_scope(table: &Section<'_>) -> Option<ScopeChoice> {
    let text = table.string("scope")?;
    let scope = match text.value.as_str() {
        "entry" => Some(ScopeChoice::Entry),
        "any" => Some(ScopeChoice::Any),
        "all" => Some(ScopeChoice::All),
        other => match other.split_once(':') {
            Some(("provider", name)) if !name.is_empty() => {
                Some(ScopeChoice::Provider(name.into()))
            }
            _ => other
                .strip_suffix("_of_n")
                .and_then(|least| least.parse().ok())
                .filter(|least| *least > 0)
                .map(ScopeChoice::AtLeast),
        },
    };
    if scope.is_none() {
        let said = format!("`{}` is not a scope", text.value);
        let problem = Problem::new(Kind::BadScope, table.path_of("scope"), text.place, said);
        table.report(
            problem
                .expected("`entry`, `any`, `all`, `provider:NAME`, or `2_of_n` for at least two"),
        );
    }
    scope
}

/// The share of a window that must be known, in parts of 10^9.
fn read_coverage(table: &Section<'_>) -> Option<u64> {
    let node = table.get("min_coverage")?;
    let parts = match &node.value {
        Value::Integer(number) => units::decimal(&number.to_string(), 9),
        Value::Float(text) => units::decimal(text, 9),
        _ => Err("it is no number".to_owned()),
    };
    let why = match parts {
        Ok(parts) if parts <= WHOLE => return Some(parts),
        Ok(_) => "it is more than the whole".to_owned(),
        Err(why) => why,
    };
    let path = table.path_of("min_coverage");
    let problem = Problem::new(Kind::OutOfRange, path, node.place, "not a share").label(why);
    table.report(problem.expected("a share from 0 to 1, such as `0.9`"));
    None
}
