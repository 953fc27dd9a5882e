//! Planned absence: what it is about, and when it is.
//!
//! A window is about every check that all of its keys fit. Times of day are in the monitor's time zone, moments are
//! absolute.
//!
//! Which seconds a window takes out of an objective is computed by the SLO engine.

use super::words::words;
use super::{Check, Timestamp};
use jiff::civil::{Time, Weekday};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// `[[maintenance]]`, or a window that was added at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maintenance {
    /// Names it in the store and on the command line; stable over restarts.
    pub id: Arc<str>,
    /// What it is about.
    pub matching: Matching,
    /// When it is.
    pub when: MaintenanceWhen,
    /// Who said so.
    pub by: Option<Arc<str>>,
    /// Why.
    pub reason: Option<Arc<str>>,
}

/// What a maintenance window is about. Every key must fit; a key fits when one of its values does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matching(BTreeMap<String, Vec<String>>);

impl Matching {
    /// The keys that are not labels of a service, in the order of the text form.
    pub const KEYS: [&str; 5] = ["service", "provider", "region", "endpoint", "probe"];

    /// Whether it is about `check` of a service with these labels.
    pub fn fits(&self, check: &Check, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|(key, values)| {
            let is = match key.as_str() {
                "service" => Some(&*check.service),
                "provider" => Some(&*check.provider),
                "region" => Some(&*check.region),
                "endpoint" => Some(&*check.endpoint),
                "probe" => Some(&*check.probe),
                label => labels.get(label).map(String::as_str),
            };
            is.is_some_and(|is| values.iter().any(|value| value == is))
        })
    }

    /// Its keys with their values, in the order of the text form.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        let known = Self::KEYS.into_iter().filter_map(|key| self.0.get_key_value(key));
        let labels = self.0.iter().filter(|(key, _)| !Self::KEYS.contains(&key.as_str()));
        known.chain(labels).map(|(key, values)| (key.as_str(), values.as_slice()))
    }
}

impl From<BTreeMap<String, Vec<String>>> for Matching {
    fn from(keys: BTreeMap<String, Vec<String>>) -> Self {
        Self(keys)
    }
}

/// `service=shop,pay provider=aws`.
impl fmt::Display for Matching {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (key, values)) in self.iter().enumerate() {
            let gap = if position == 0 { "" } else { " " };
            write!(out, "{gap}{key}={}", values.join(","))?;
        }
        Ok(())
    }
}

/// When a maintenance window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaintenanceWhen {
    /// Every week, in the monitor's time zone.
    Weekly {
        /// The day on which it begins.
        weekday: Weekday,
        /// First minute.
        from: Time,
        /// First minute after it; on the next day unless it is after `from`.
        to: Time,
    },
    /// Once.
    Once {
        /// First moment.
        from: Timestamp,
        /// First moment after it; later than `from`.
        to: Timestamp,
    },
}

words! {
    /// Whether a window holds; in the order in which people want to read of them.
    MaintenancePhase {
        /// It holds.
        Now = "now",
        /// It has not begun.
        ToCome = "to_come",
        /// It is over, or was called off.
        Ended = "ended",
    }
}

/// `Sun 23:00-01:00`, or two moments in RFC 3339.
impl fmt::Display for MaintenanceWhen {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weekly { weekday, from, to } => {
                let (from, to) = (from.strftime("%H:%M"), to.strftime("%H:%M"));
                write!(out, "{} {from}-{to}", day_word(*weekday))
            }
            Self::Once { from, to } => write!(out, "{} to {}", moment(*from), moment(*to)),
        }
    }
}

const fn day_word(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Mon",
        Weekday::Tuesday => "Tue",
        Weekday::Wednesday => "Wed",
        Weekday::Thursday => "Thu",
        Weekday::Friday => "Fri",
        Weekday::Saturday => "Sat",
        Weekday::Sunday => "Sun",
    }
}

/// A moment beyond the calendar is written as its number.
fn moment(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis())
        .map_or_else(|_| format!("{} ms", at.as_millis()), |moment| moment.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matching(keys: &[(&str, &[&str])]) -> Matching {
        let texts = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        Matching(keys.iter().map(|(key, values)| ((*key).to_owned(), texts(values))).collect())
    }

    #[test]
    fn the_text_form_has_the_known_keys_first_and_labels_after_them() {
        let keys: [(&str, &[&str]); 3] =
            [("provider", &["aws"]), ("alpha", &["x"]), ("service", &["shop", "pay"])];
        assert_eq!(matching(&keys).to_string(), "service=shop,pay provider=aws alpha=x");
        assert_eq!(matching(&[]).to_string(), "");
    }

    #[test]
    fn windows_are_written_as_the_configuration_writes_them() {
        let (from, to) = (Time::constant(23, 0, 0, 0), Time::constant(1, 30, 0, 0));
        let weekly = MaintenanceWhen::Weekly { weekday: Weekday::Sunday, from, to };
        assert_eq!(weekly.to_string(), "Sun 23:00-01:30");
        let once = MaintenanceWhen::Once {
            from: Timestamp::from_millis(1_780_185_600_000),
            to: Timestamp::from_millis(1_780_189_200_000),
        };
        assert_eq!(once.to_string(), "2026-05-31T00:00:00Z to 2026-05-31T01:00:00Z");
    }
}
