//! `[[maintenance]]`: what a window is about, and when it is.
//!
//! A weekly window may cross midnight. A window names services and providers, which `validate` looks up.
//!
//! It does not know which checks a window fits.

use super::{Mentions, Raw};
use crate::config::decode::{Context, Section, read_string, section};
use crate::config::problem::{Kind, Problem};
use crate::config::source::At;
use crate::config::tree::{Node, Value};
use crate::model::{Maintenance, MaintenanceWhen, Matching, Timestamp};
use crate::seed::stable_hash;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) fn read_maintenance(top: &Section<'_>, raw: &mut Raw) {
    let found =
        top.list("maintenance", "a list of tables (`[[maintenance]]`)", |context, node, path| {
            section(context, node, node.place, path.to_owned(), |table| read_window(table))
                .flatten()
        });
    for (window, mentions) in found.into_iter().flat_map(|found| found.value) {
        // The same window twice takes out the same seconds once.
        if raw.maintenance.iter().all(|known| known.value.id != window.value.id) {
            raw.maintenance.push(window);
        }
        raw.mentions.providers.extend(mentions.providers);
        raw.mentions.services.extend(mentions.services);
    }
}

fn read_window(table: &Section<'_>) -> Option<(At<Maintenance>, Mentions)> {
    let mut mentions = Mentions::default();
    let matching = table.table("match", |inner| read_match(inner, &mut mentions));
    if !table.has("match") {
        table.missing("match", "`match = { service = \"…\" }`");
    }
    let text = |key| table.string(key).map(|text| Arc::from(text.value));
    let (by, reason) = (text("by"), text("reason"));
    let every = table.string("every");
    let (start, end) = (read_moment(table, "start"), read_moment(table, "end"));
    table.exclusive(&["every", "start"]);
    let when = if let Some(every) = every {
        weekly(&every.value).map_err(|why| (every.place, why))
    } else if table.has("start") && table.has("end") {
        let (start, end) = (start?, end?);
        if start.value < end.value {
            Ok(MaintenanceWhen::Once { from: start.value, to: end.value })
        } else {
            Err((end.place, "it ends before it starts"))
        }
    } else {
        Err((table.place, "it does not say when"))
    };
    match when {
        Ok(when) => {
            let matching = matching?.value;
            let window = Maintenance { id: id(&matching, &when), matching, when, by, reason };
            Some((At::new(window, table.place), mentions))
        }
        Err((place, why)) => {
            let said = "this is no maintenance window";
            let problem = Problem::new(Kind::BadMaintenance, table.path.clone(), place, said);
            table.report(problem.label(why).expected(
                "`every = \"Sun 02:00-04:00\"`, or `start` and `end` as date-times with an offset",
            ));
            None
        }
    }
}

/// The id of a window of the configuration: a hash of what it is about and when. Not its position, which changes when
/// another window is put before it; so it keeps its journal, and a changed window is another one.
fn id(matching: &Matching, when: &MaintenanceWhen) -> Arc<str> {
    let hash = stable_hash(&format!("{matching}\n{when}"));
    format!("config-{:08x}", hash >> 32).into()
}

fn read_match(inner: &Section<'_>, mentions: &mut Mentions) -> Matching {
    let mut matching = BTreeMap::new();
    for (key, node) in inner.names() {
        let path = inner.path_of(&key.value);
        let is_label = !Matching::KEYS.contains(&&*key.value);
        if is_label && !key.value.chars().all(|each| each.is_ascii_alphanumeric() || each == '_') {
            let said = format!("`{}` cannot be the name of a label", key.value);
            inner.report(Problem::new(Kind::BadName, path, key.place, said));
            continue;
        }
        let values = read_one_or_more(inner.context, node, &path);
        let named = values.iter().map(|value| (path.clone(), value.clone()));
        match key.value.as_str() {
            "service" => mentions.services.extend(named),
            "provider" => mentions.providers.extend(named),
            _ => {}
        }
        let values = values.into_iter().map(|value| value.value).collect();
        matching.insert(key.value.clone(), values);
    }
    matching.into()
}

fn read_one_or_more(context: Context<'_>, node: &Node, path: &str) -> Vec<At<String>> {
    match &node.value {
        Value::List(list) => {
            list.iter().filter_map(|each| read_string(context, each, path)).collect()
        }
        _ => read_string(context, node, path).into_iter().collect(),
    }
}

/// A date-time with an offset, as TOML writes it or as a string.
fn read_moment(table: &Section<'_>, key: &'static str) -> Option<At<Timestamp>> {
    let node = table.get(key)?;
    let text = match &node.value {
        Value::DateTime(text) | Value::Text(text) => text,
        _ => "",
    };
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Some(At::new(Timestamp::from_millis(moment.as_millisecond()), node.place));
    }
    let said = format!("`{key}` is not a moment");
    let problem = Problem::new(Kind::BadMaintenance, table.path_of(key), node.place, said);
    table.report(problem.expected("a date-time with an offset: `2026-10-04T02:00:00+02:00`"));
    None
}

/// `Sun 02:00-04:00`; `Sun 23:00-01:00` ends on Monday, `Sun 00:00-24:00` is the whole day.
fn weekly(text: &str) -> Result<MaintenanceWhen, &'static str> {
    use jiff::civil::Weekday;
    let (day, hours) = text.split_once(' ').ok_or("day and hours are not apart")?;
    let weekday = match day.to_ascii_lowercase().as_str() {
        "mon" => Weekday::Monday,
        "tue" => Weekday::Tuesday,
        "wed" => Weekday::Wednesday,
        "thu" => Weekday::Thursday,
        "fri" => Weekday::Friday,
        "sat" => Weekday::Saturday,
        "sun" => Weekday::Sunday,
        _ => return Err("it does not start with `Mon` … `Sun`"),
    };
    let (from, to) = hours.split_once('-').ok_or("its hours are no range")?;
    let from = time_of_day(from)?;
    let to = match to.trim() {
        "24:00" => jiff::civil::Time::midnight(),
        to => match time_of_day(to)? {
            to if to == from => return Err("it ends when it starts"),
            to => to,
        },
    };
    Ok(MaintenanceWhen::Weekly { weekday, from, to })
}

fn time_of_day(text: &str) -> Result<jiff::civil::Time, &'static str> {
    const FAULT: &str = "its hours are not written `02:00`";
    let (hour, minute) = text.trim().split_once(':').ok_or(FAULT)?;
    let number = |part: &str| if part.len() == 2 { part.parse::<i8>().ok() } else { None };
    let (hour, minute) = number(hour).zip(number(minute)).ok_or(FAULT)?;
    jiff::civil::Time::new(hour, minute, 0, 0).map_err(|_| FAULT)
}
