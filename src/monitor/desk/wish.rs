//! What somebody wants to announce, and whether it can be: names that exist, times that make sense, a name to answer for it.
//!
//! A window that begins in the past changes numbers that people have seen, so it says by whom and why (S18). A misspelt key
//! would be the name of a label that nobody has, and a window about nothing would be believed in: both are refused.
//!
//! Pure; it announces nothing.

use crate::model::{Check, Matching, Service, Timestamp, human_duration};
use crate::slo::history::KEEP;
use crate::store;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// A window longer than this has to be meant (`force`): after a month it is not maintenance any more.
pub const LONGEST: Duration = Duration::from_hours(31 * 24);

/// Letters of `by` at most.
pub(super) const LONGEST_BY: usize = 100;

/// Letters of a reason at most.
const LONGEST_REASON: usize = 500;

/// Values that the keys of a match may have together.
const MOST_VALUES: usize = 200;

/// What somebody wants to announce.
#[derive(Clone, Debug)]
pub struct Wish {
    /// What it is about: every key must fit, one of its values is enough.
    pub matching: BTreeMap<String, Vec<String>>,
    /// Where it begins; `None` is now.
    pub from: Option<Timestamp>,
    /// Where it ends.
    pub until: Until,
    /// By whom; empty if nobody says.
    pub by: String,
    /// Why; empty if nobody says.
    pub reason: String,
    /// A window longer than [`LONGEST`] is meant.
    pub force: bool,
}

/// Where a window ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// At this moment.
    At(Timestamp),
    /// So long after it begins.
    For(Duration),
}

/// Why a window was not announced or ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nothing is matched.
    #[error("maintenance has to say what it is about")]
    AboutNothing,
    /// A key without a value.
    #[error("`{key}` has no value to match")]
    NoValue {
        /// The key.
        key: String,
    },
    /// No such key, and no label of that name.
    #[error("no service has a label `{key}`")]
    NoKey {
        /// The key.
        key: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// Nothing has this name.
    #[error("there is no {key} `{value}`")]
    NoName {
        /// The key.
        key: String,
        /// Its value.
        value: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// Every name exists, and no check has all of them.
    #[error("no check fits `{matching}`")]
    FitsNothing {
        /// What was matched.
        matching: String,
    },
    /// More is matched than anybody writes.
    #[error("it names more than {MOST_VALUES} things to match")]
    TooWide,
    /// Not after its beginning.
    #[error("it ends before it starts")]
    EndsFirst,
    /// Longer than [`LONGEST`], and not forced.
    #[error("it lasts {}, which is longer than {}", human_duration(*.0), human_duration(LONGEST))]
    TooLong(Duration),
    /// Beyond what history remembers, or as far ahead.
    #[error("it is further away than {}", human_duration(KEEP))]
    TooFar,
    /// In the past, without somebody who answers for it.
    #[error("a window in the past changes numbers that were shown, so it has to say `{missing}`")]
    Unsigned {
        /// What is missing.
        missing: &'static str,
    },
    /// A text that is none.
    #[error("`{field}` is longer than {most} letters, or not one line")]
    BadText {
        /// Which.
        field: &'static str,
        /// Letters at most.
        most: usize,
    },
    /// More windows than are held.
    #[error("{} windows are held already", super::MOST)]
    TooMany,
    /// No such window.
    #[error("there is no window `{id}`")]
    NoWindow {
        /// What was asked for.
        id: String,
        /// Those that can be ended.
        known: Vec<String>,
    },
    /// A window of the configuration.
    #[error("window `{id}` stands in the configuration")]
    Configured {
        /// Its id.
        id: String,
    },
    /// It has ended.
    #[error("window `{id}` has ended already")]
    Ended {
        /// Its id.
        id: String,
        /// When.
        at: Timestamp,
    },
    /// Nobody takes it in any more.
    #[error("the daemon is stopping")]
    Stopping,
}

impl Wish {
    /// What is stored of it, without an id.
    pub(super) fn check(
        self,
        checks: &[Arc<Check>],
        services: &[Service],
        now: Timestamp,
    ) -> Result<store::Maintenance, Refused> {
        let Self { matching: keys, from, until, by, reason, force } = self;
        accept_text("by", &by, LONGEST_BY)?;
        accept_text("reason", &reason, LONGEST_REASON)?;
        accept_names(&keys, checks, services)?;
        let (from, to) = accept_times(from.unwrap_or(now), until, force, now)?;
        if from < now {
            let named = [("by", &by), ("reason", &reason)];
            if let Some((missing, _)) = named.into_iter().find(|(_, text)| text.is_empty()) {
                return Err(Refused::Unsigned { missing });
            }
        }
        let text = serde_json::to_string(&keys).expect("a table of texts can be written");
        let matching = Matching::from(keys);
        if reach(checks, services, &matching).0 == 0 {
            return Err(Refused::FitsNothing { matching: matching.to_string() });
        }
        Ok(store::Maintenance {
            id: String::new(),
            added_ms: now.as_millis(),
            by,
            reason,
            matching: text,
            from_ms: from.as_millis(),
            to_ms: to.as_millis(),
            ended_ms: None,
            ended_by: None,
        })
    }
}

/// How many checks `matching` is about, and of which services.
pub(super) fn reach(
    checks: &[Arc<Check>],
    services: &[Service],
    matching: &Matching,
) -> (usize, Vec<Arc<str>>) {
    let mut count = 0;
    let mut names = Vec::new();
    for service in services {
        let fits = service
            .checks()
            .filter(|check| matching.fits(&checks[check.get()], &service.labels))
            .count();
        count += fits;
        if fits > 0 {
            names.push(Arc::clone(&service.name));
        }
    }
    (count, names)
}

/// One line of at most so many letters.
pub(super) fn accept_text(field: &'static str, text: &str, most: usize) -> Result<(), Refused> {
    if text.chars().count() > most || text.chars().any(char::is_control) {
        return Err(Refused::BadText { field, most });
    }
    Ok(())
}

fn accept_times(
    from: Timestamp,
    until: Until,
    force: bool,
    now: Timestamp,
) -> Result<(Timestamp, Timestamp), Refused> {
    let to = match until {
        Until::At(to) => to,
        Until::For(long) => from + long,
    };
    if to <= from {
        return Err(Refused::EndsFirst);
    }
    if now.since(from) > KEEP || to.since(now) > KEEP {
        return Err(Refused::TooFar);
    }
    let lasts = to.since(from);
    if lasts > LONGEST && !force {
        return Err(Refused::TooLong(lasts));
    }
    Ok((from, to))
}

fn accept_names(
    keys: &BTreeMap<String, Vec<String>>,
    checks: &[Arc<Check>],
    services: &[Service],
) -> Result<(), Refused> {
    if keys.is_empty() {
        return Err(Refused::AboutNothing);
    }
    if keys.values().map(Vec::len).sum::<usize>() > MOST_VALUES {
        return Err(Refused::TooWide);
    }
    for (key, values) in keys {
        let known = names(key, checks, services);
        if known.is_empty() {
            return Err(Refused::NoKey { key: key.clone(), known: known_keys(services) });
        }
        if values.is_empty() {
            return Err(Refused::NoValue { key: key.clone() });
        }
        if let Some(value) = values.iter().find(|value| !known.contains(value.as_str())) {
            let known = known.into_iter().map(str::to_owned).collect();
            return Err(Refused::NoName { key: key.clone(), value: value.clone(), known });
        }
    }
    Ok(())
}

/// The values that `key` has anywhere.
fn names<'a>(key: &str, checks: &'a [Arc<Check>], services: &'a [Service]) -> BTreeSet<&'a str> {
    let part: fn(&Check) -> &str = match key {
        "service" => |check| &check.service,
        "provider" => |check| &check.provider,
        "region" => |check| &check.region,
        "endpoint" => |check| &check.endpoint,
        "probe" => |check| &check.probe,
        label => {
            let values = services.iter().filter_map(|service| service.labels.get(label));
            return values.map(String::as_str).collect();
        }
    };
    checks.iter().map(|check| part(check)).collect()
}

fn known_keys(services: &[Service]) -> Vec<String> {
    let labels: BTreeSet<_> = services.iter().flat_map(|service| service.labels.keys()).collect();
    Matching::KEYS
        .into_iter()
        .chain(labels.into_iter().map(String::as_str))
        .map(str::to_owned)
        .collect()
}
