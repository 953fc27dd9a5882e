//! The file of results, one JSON object a line: what `replay` reads and `export` writes.
//!
//! `t`, `check` and `verdict` must be there, `latency_ms`, `reason` and `until` may. Three further keys make an export exact:
//! `recheck` (an extra look: counts as a failed run, never as time), `runs` (the results that a stretch stands for) and
//! `watched_since` (before it the check takes no part). Times are read from their digits, so that no float rounds them.
//! Everything that is wrong with a line is one sentence; a key that means nothing here is said, not obeyed.
//!
//! It does not know which checks there are.

pub(super) mod moment;

use crate::model::{Timestamp, Verdict};
use crate::monitor::form::Number;
use crate::web::api::nearest;
use moment::moment;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::time::Duration;

/// The keys of a line.
const KEYS: [&str; 9] =
    ["t", "check", "verdict", "latency_ms", "reason", "until", "recheck", "runs", "watched_since"];

/// A run that took longer is a slip of the pen: ten years.
const MOST_LATENCY_MS: f64 = 3_650.0 * 86_400e3;

/// Results in a row that a line may stand for: a year and a half of one each three seconds.
const MOST_RUNS: u64 = 1 << 24;

/// One line, understood.
#[derive(Debug)]
pub(super) struct Line<'a> {
    /// When the run started.
    pub(super) at: Timestamp,
    /// Whose result it is.
    pub(super) check: Cow<'a, str>,
    /// What it said.
    pub(super) verdict: Verdict,
    /// How long it took; zero when the line does not say.
    pub(super) latency: Duration,
    /// Why it is not good, in any words.
    pub(super) reason: Option<Cow<'a, str>>,
    /// To where it holds, if the line says so.
    pub(super) until: Option<Timestamp>,
    /// Whether it is an extra look (S4).
    pub(super) recheck: bool,
    /// The grid results that the stretch stands for: the first, the milliseconds between two, how many.
    pub(super) runs: Option<Vec<(Timestamp, u64, u64)>>,
    /// Since when the check was watched, if the line says so.
    pub(super) watched_since: Option<Timestamp>,
    /// The first key that means nothing here.
    pub(super) stray: Option<String>,
}

impl<'a> Line<'a> {
    /// Reads a line, or says in one sentence what is wrong with it.
    pub(super) fn read(text: &'a [u8]) -> Result<Self, String> {
        let raw: Raw<'a> =
            serde_json::from_slice(text.trim_ascii()).map_err(|error| not_json(&error))?;
        let missing = |key: &str| format!("`{key}` is missing");
        let at = raw.t.ok_or_else(|| missing("t")).and_then(|raw| time("t", raw))?;
        let check = raw.check.ok_or_else(|| missing("check"))?.0;
        let verdict = verdict(&raw.verdict.ok_or_else(|| missing("verdict"))?.0)?;
        let until = raw.until.map(|raw| time("until", raw)).transpose()?;
        if let Some((raw, until)) = raw.until.zip(until)
            && until <= at
        {
            return Err(format!("`until` is {}, which is not after `t`", raw.get()));
        }
        Ok(Self {
            at,
            check,
            verdict,
            latency: raw.latency_ms.map_or(Ok(Duration::ZERO), latency)?,
            reason: raw.reason.map(|reason| reason.0),
            until,
            recheck: raw.recheck,
            runs: raw.runs.map(|runs| runs.into_iter().map(run).collect()).transpose()?,
            watched_since: raw.watched_since.map(|raw| time("watched_since", raw)).transpose()?,
            stray: raw.stray,
        })
    }
}

/// One line, to be written. What is `None` is left out.
#[derive(Debug, serde::Serialize)]
pub(super) struct Written<'a> {
    pub(super) t: Number,
    pub(super) check: &'a str,
    pub(super) verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) latency_ms: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) recheck: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) runs: Option<Vec<(Number, Number, u64)>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) watched_since: Option<Number>,
}

impl Written<'_> {
    /// Whether it says that nothing is known.
    pub(super) fn is_unknown(&self) -> bool {
        self.verdict == Verdict::Unknown.as_str()
    }
}

/// What the keys that may stand in a line are.
pub(super) fn known_keys() -> String {
    KEYS.map(|key| format!("`{key}`")).join(", ")
}

fn not_json(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let what = said.rsplit_once(" at line ").map_or(said.as_str(), |(what, _)| what);
    let lead = if error.is_data() { "it is not a result" } else { "it is not JSON" };
    match error.column() {
        0 => format!("{lead}: {what}"),
        column => format!("{lead}: {what} at column {column}"),
    }
}

fn time(key: &str, raw: &RawValue) -> Result<Timestamp, String> {
    let text: Cow<'_, str> = match serde_json::from_str::<Text<'_>>(raw.get()) {
        Ok(text) => text.0,
        Err(_) => raw.get().into(),
    };
    moment(&text).map_err(|why| format!("`{key}` is {}: {why}", raw.get()))
}

fn verdict(word: &str) -> Result<Verdict, String> {
    Verdict::from_word(word).ok_or_else(|| {
        let words = Verdict::ALL.iter().map(|each| each.as_str());
        let hint = nearest(word, words).map(|near| format!(": did you mean `{near}`?"));
        let hint = hint.unwrap_or_default();
        format!("`verdict` is `{word}`, expected `good`, `bad` or `unknown`{hint}")
    })
}

fn latency(millis: f64) -> Result<Duration, String> {
    if millis < 0.0 {
        return Err(format!("`latency_ms` is {millis}, which is negative"));
    }
    if millis > MOST_LATENCY_MS {
        return Err(format!("`latency_ms` is {millis}, which is longer than ten years"));
    }
    Ok(Duration::from_secs_f64(millis / 1e3))
}

fn run((first, step, count): (&RawValue, f64, u64)) -> Result<(Timestamp, u64, u64), String> {
    if count > MOST_RUNS {
        return Err(format!("`runs` has {count} results in a row, more than {MOST_RUNS}"));
    }
    let step = moment(&step.to_string()).map_err(|why| format!("a step of `runs`: {why}"))?;
    let step = u64::try_from(step.as_millis()).expect("no moment is negative");
    Ok((time("runs", first)?, step, count))
}

/// A string that is not copied unless it has escapes in it.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A line as it stands.
#[derive(Default)]
struct Raw<'a> {
    t: Option<&'a RawValue>,
    check: Option<Text<'a>>,
    verdict: Option<Text<'a>>,
    latency_ms: Option<f64>,
    reason: Option<Text<'a>>,
    until: Option<&'a RawValue>,
    recheck: bool,
    runs: Option<Vec<(&'a RawValue, f64, u64)>>,
    watched_since: Option<&'a RawValue>,
    stray: Option<String>,
}

impl<'a> Deserialize<'a> for Raw<'a> {
    fn deserialize<D: Deserializer<'a>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Keys)
    }
}

/// Takes one key after the other, so that one that means nothing can be named.
struct Keys;

impl<'a> Visitor<'a> for Keys {
    type Value = Raw<'a>;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Raw<'a>, A::Error> {
        let mut raw = Raw::default();
        while let Some(Text(key)) = map.next_key()? {
            match &*key {
                "t" => raw.t = map.next_value()?,
                "check" => raw.check = map.next_value()?,
                "verdict" => raw.verdict = map.next_value()?,
                "latency_ms" => raw.latency_ms = map.next_value()?,
                "reason" => raw.reason = map.next_value()?,
                "until" => raw.until = map.next_value()?,
                "recheck" => raw.recheck = map.next_value()?,
                "runs" => raw.runs = map.next_value()?,
                "watched_since" => raw.watched_since = map.next_value()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    raw.stray.get_or_insert_with(|| key.into_owned());
                }
            }
        }
        Ok(raw)
    }
}

#[cfg(test)]
mod tests;
