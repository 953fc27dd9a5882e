//! `tiers = […]` of an slo: burn-rate alerts of its own instead of the built-in table.
//!
//! A factor is read from its digits, in millionths. Every tier is named after one of the four of the built-in table, so
//! that metrics, rules and receivers need no others.
//!
//! It does not know whether an alert can fire: `validate` compares it with the objective.

use crate::config::decode::{Section, section};
use crate::config::problem::{Kind, Problem};
use crate::config::source::At;
use crate::config::tree::Value;
use crate::config::units;
use crate::model::{AlertKind, ObjectiveWindow, Tier, TierName, human_duration};
use std::sync::Arc;
use std::time::Duration;

/// A burn rate of 1 in millionths: the budget lasts exactly as long as the window, and below it there is nothing to say.
const ONE: u64 = 1_000_000;
/// Factors above it are slips of the pen; in millionths.
const MAX_FACTOR: u64 = 1_000_000_000 * ONE;

/// The tiers, the most urgent first; `None` when there are none or they could not be read, which has been reported.
pub(super) fn read_tiers(table: &Section<'_>, window: ObjectiveWindow) -> Option<Arc<[Tier]>> {
    let found = table.list("tiers", "a list of tables", |context, node, path| {
        let tier = section(context, node, node.place, path.to_owned(), |tier| {
            read_tier(tier, length(window))
        })
        .flatten()?;
        Some(At::new(tier, node.place))
    })?;
    let mut tiers: Vec<At<Tier>> = Vec::with_capacity(found.value.len());
    for tier in found.value {
        if let Some(first) = tiers.iter().find(|first| first.value.name == tier.value.name) {
            let said = format!("there is a second tier `{}`", tier.value.name);
            let problem = Problem::new(Kind::BadTier, table.path_of("tiers"), tier.place, said)
                .label("named the same")
                .also(first.place, "first named here");
            table.report(problem);
            continue;
        }
        tiers.push(tier);
    }
    if matches!(&table.get("tiers")?.value, Value::List(list) if list.is_empty()) {
        let said = "no tier is given";
        let problem = Problem::new(Kind::BadTier, table.path_of("tiers"), found.place, said);
        table.report(problem.hint("`alert = \"none\"` is how nobody is told"));
        return None;
    }
    let mut tiers: Vec<Tier> = tiers.into_iter().map(|tier| tier.value).collect();
    tiers.sort_by_key(|tier| tier.name);
    Some(tiers.into())
}

/// Length of a window; the shortest of its kind where the calendar varies it.
const fn length(window: ObjectiveWindow) -> Duration {
    let days = match window {
        ObjectiveWindow::Rolling(length) => return length,
        ObjectiveWindow::Day => 1,
        ObjectiveWindow::Week => 7,
        ObjectiveWindow::Month => 28,
        ObjectiveWindow::Quarter => 90,
        ObjectiveWindow::Year => 365,
    };
    Duration::from_hours(24 * days)
}

fn read_tier(tier: &Section<'_>, longest: Duration) -> Option<Tier> {
    for key in ["name", "long", "short", "burn"] {
        if !tier.has(key) {
            let example = "`{ name = \"page_fast\", long = \"1h\", short = \"5m\", burn = 14.4 }`";
            tier.missing(key, example);
        }
    }
    let name = tier.word("name", TierName::ALL, TierName::as_str);
    let (long, short) = (tier.duration("long"), tier.duration("short"));
    let factor = read_factor(tier);
    let severity = tier.word("severity", AlertKind::ALL, AlertKind::as_str);
    let (name, long, short) = (name?.value, long?, short?);
    if short.value.is_zero() || short.value >= long.value {
        let said = match short.value {
            Duration::ZERO => "a window of zero holds nothing",
            _ => "the short window is not shorter than the long one",
        };
        let path = tier.path_of("short");
        let problem = Problem::new(Kind::BadTier, path, short.place, said)
            .also(long.place, "the long window")
            .expected("a twelfth of `long` is usual");
        tier.report(problem);
        return None;
    }
    if long.value > longest {
        let said =
            format!("an alert over `{}`, of a promise over less", human_duration(long.value));
        let problem = Problem::new(Kind::BadTier, tier.path_of("long"), long.place, said);
        tier.report(problem.expected(format!("`{}` or less", human_duration(longest))));
        return None;
    }
    Some(Tier {
        name,
        long: long.value,
        short: short.value,
        factor_millionths: factor?,
        severity: severity.map_or(name.severity(), |severity| severity.value),
    })
}

fn read_factor(tier: &Section<'_>) -> Option<u64> {
    let node = tier.get("burn")?;
    let factor = match &node.value {
        Value::Integer(number) => units::decimal(&number.to_string(), 6),
        Value::Float(text) | Value::Text(text) => units::decimal(text, 6),
        _ => Err("it is no number".to_owned()),
    };
    let why = match factor {
        Ok(factor) if factor < ONE => "below 1 the budget lasts longer than its window".to_owned(),
        Ok(factor) if factor > MAX_FACTOR => "no budget burns that fast".to_owned(),
        Ok(factor) => return Some(factor),
        Err(why) => why,
    };
    let said = "not the factor of a burn-rate alert";
    let problem = Problem::new(Kind::BadTier, tier.path_of("burn"), node.place, said).label(why);
    tier.report(problem.expected("a number from 1, such as `14.4`"));
    None
}
