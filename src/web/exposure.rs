//! How many clouds could have served a service, as JSON and in words: for the API, the page and reports.
//!
//! What the states mean stands in `slo::exposure`. Page, table, markdown and html say the same because they all read the
//! form here: its [`Part`]s in order, and a line for each cloud with what it alone would have given, below the line of all
//! together.
//!
//! It computes no number.

use crate::model::Timestamp;
use crate::monitor::book::Book;
use crate::monitor::form::Number;
use crate::slo::budget::Ratio;
use crate::slo::exposure::{Alone, Exposure};
use crate::slo::history::History;
use crate::slo::joint::Scope;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Over what time page and `/api/v1/services` say it, or since the service has been watched.
const USUAL: Duration = Duration::from_hours(30 * 24);

/// How many clouds could have served over a stretch of time: `both`, `only`, `none` and `unknown` add up to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExposureForm {
    /// First instant.
    pub from: Number,
    /// First instant after it.
    pub to: Number,
    /// How long that is.
    pub elapsed_s: Number,
    /// At least two could serve, so that losing one more would have been survived.
    pub both_s: Number,
    /// Exactly one could: the time of single-provider exposure; `sides` say which.
    pub only_s: Number,
    /// None could.
    pub none_s: Number,
    /// Which of these is not known for certain.
    pub unknown_s: Number,
    /// Of `unknown_s`: one could for certain, and another may have been able too.
    pub unknown_but_one_s: Number,
    /// The public name was bad while some side could serve; null without an entry.
    pub failover_cost_s: Option<Number>,
    /// How far any of these may be off, because old stretches were coalesced.
    pub max_error_s: Number,
    /// What all sides together gave, judged as each of them alone.
    pub together: AloneForm,
    /// What each side would have given alone, in the order of the configuration.
    pub sides: Vec<AloneForm>,
}

/// What one side would have given alone, or what all gave together; maintenance is time in which it could not serve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AloneForm {
    /// The provider; empty for all together.
    pub provider: String,
    /// The share of known time in which it could serve; null if nothing is known.
    pub availability: Option<Number>,
    /// If it could not in all unknown time.
    pub availability_low: Option<Number>,
    /// If it could in all unknown time.
    pub availability_high: Option<Number>,
    /// It could serve.
    pub able_s: Number,
    /// It could not.
    pub unable_s: Number,
    /// Not known.
    pub unknown_s: Number,
    /// Of `unable_s`: maintenance.
    pub maintenance_s: Number,
    /// Of `unable_s`: another side could serve, which is what the others bought.
    pub covered_s: Number,
    /// It was the only one that could.
    pub only_s: Number,
}

/// What was, of the four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// At least two could serve.
    Both,
    /// One could.
    Only,
    /// None could.
    None,
    /// That is not known.
    Unknown,
}

/// A part of the elapsed time.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What was.
    pub left: Left,
    /// For people: `both`, `only aws`, `none`, `unknown`.
    pub said: String,
    /// How long, in seconds.
    pub seconds: f64,
}

impl ExposureForm {
    /// Of the time `[from, to)`; `None` of a service with one side and no entry.
    pub(super) fn new(history: &History, from: Timestamp, to: Timestamp) -> Option<Self> {
        let exposure = history.exposure(from, to)?;
        let Exposure { both, ref only, none, unknown, some, failover_cost, slack, .. } = exposure;
        let sides = history.judged().into_iter().zip(&exposure.alone).zip(only);
        Some(Self {
            from: from.into(),
            to: to.into(),
            elapsed_s: Number::seconds(exposure.elapsed()),
            both_s: Number::seconds(both),
            only_s: Number::seconds(exposure.single()),
            none_s: Number::seconds(none),
            unknown_s: Number::seconds(unknown),
            unknown_but_one_s: Number::seconds(some),
            failover_cost_s: failover_cost.map(Number::seconds),
            max_error_s: Number::seconds(slack),
            together: AloneForm::new("", exposure.together(), exposure.single()),
            sides: sides
                .map(|((provider, alone), only)| AloneForm::new(&provider, *alone, *only))
                .collect(),
        })
    }

    /// Those of these services by name, as of now.
    pub(super) fn of_services(
        book: &Book,
        names: &BTreeSet<&str>,
        at: Timestamp,
    ) -> BTreeMap<String, Self> {
        let wanted = (0..).zip(book.services()).filter(|(_, each)| names.contains(&*each.name));
        let form = |number: usize| book.with(number, |history| Self::lately(history, at));
        wanted.filter_map(|(number, each)| Some((each.name.to_string(), form(number)?))).collect()
    }

    /// Of the last days, or since the service has been watched if that is less.
    fn lately(history: &History, at: Timestamp) -> Option<Self> {
        let usual = i64::try_from(USUAL.as_millis()).expect("some weeks");
        let from = at.shifted(-usual).max(history.known(Scope::All).0).min(at);
        Self::new(history, from, at)
    }

    /// Whether there is more than one side, so that there is exposure at all.
    pub fn has_sides(&self) -> bool {
        self.sides.len() > 1
    }

    /// The parts of the elapsed time, one for each side that was ever left alone; they add up to it.
    pub fn parts(&self) -> Vec<Part> {
        let both = if self.sides.len() > 2 { "at least two" } else { "both" };
        let part =
            |left, said: &str, time: Number| Part { left, said: said.to_owned(), seconds: time.0 };
        let mut parts = vec![part(Left::Both, both, self.both_s)];
        for side in self.sides.iter().filter(|side| side.only_s.0 > 0.0) {
            parts.push(part(Left::Only, &format!("only {}", side.provider), side.only_s));
        }
        parts.push(part(Left::None, "none", self.none_s));
        parts.push(part(Left::Unknown, "unknown", self.unknown_s));
        parts
    }
}

impl AloneForm {
    fn new(provider: &str, alone: Alone, only: u64) -> Self {
        let share = |ratio: Option<Ratio>| ratio.map(|ratio| Number(ratio.as_f64()));
        let (low, high) = alone.bounds();
        Self {
            provider: provider.to_owned(),
            availability: share(alone.availability()),
            availability_low: share(low),
            availability_high: share(high),
            able_s: Number::seconds(alone.able),
            unable_s: Number::seconds(alone.unable),
            unknown_s: Number::seconds(alone.unknown),
            maintenance_s: Number::seconds(alone.maintenance),
            covered_s: Number::seconds(alone.covered),
            only_s: Number::seconds(only),
        }
    }
}
