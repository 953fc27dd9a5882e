//! Colours, and how values become them.
//!
//! The palette was measured for full colour blindness of each kind, in both of Grafana's themes: the nearest two differ by 22
//! (CIEDE2000), where Grafana's usual green and red differ by 5. Tiles have white text, so they take darker tones. A value that
//! is not there takes the colour of the base step, so the base is always grey: a dead monitor is never painted as good news.
//!
//! What is good and what is bad is decided by each panel.

use crate::model::State;
use serde_json::{Value, json};

/// What a colour means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    /// As it should be.
    Good,
    /// Look at it.
    Warn,
    /// Bad.
    Bad,
    /// Announced work.
    Planned,
    /// Not known, or not judged.
    Unknown,
    /// A number without judgement, in the colour of text.
    Plain,
}

impl Colour {
    /// On lines, cells and timelines.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Good => "light-blue",
            Self::Warn => "orange",
            Self::Bad => "dark-red",
            Self::Planned => "dark-purple",
            Self::Unknown => "#808080",
            Self::Plain => "text",
        }
    }

    /// Under white text.
    pub(super) const fn on_tile(self) -> &'static str {
        match self {
            Self::Good => "blue",
            Self::Warn => "dark-orange",
            _ => self.name(),
        }
    }

    fn of(self, tile: bool) -> &'static str {
        if tile { self.on_tile() } else { self.name() }
    }
}

/// From which value on a colour holds; above a grey base.
pub(super) type Step = (f64, Colour);

/// Below everything that is measured, for steps that begin at once.
pub(super) const BOTTOM: f64 = -1e9;

/// Good at 0, something else from 1 on.
pub(super) const fn any_is(colour: Colour) -> [Step; 2] {
    [(0.0, Colour::Good), (1.0, colour)]
}

/// Availability as a share.
pub(super) const AVAILABILITY: [Step; 3] =
    [(0.0, Colour::Bad), (0.99, Colour::Warn), (0.999, Colour::Good)];

/// What is left of a budget, as a share.
pub(super) const BUDGET: [Step; 3] =
    [(BOTTOM, Colour::Bad), (0.0, Colour::Warn), (0.25, Colour::Good)];

/// Grafana's form of steps; the base is grey.
pub(super) fn thresholds(steps: &[Step], tile: bool) -> Value {
    let base = json!({"color": Colour::Unknown.of(tile), "value": null});
    let rest = steps.iter().map(|(from, colour)| json!({"color": colour.of(tile), "value": from}));
    json!({"mode": "absolute", "steps": std::iter::once(base).chain(rest).collect::<Vec<_>>()})
}

/// A value with a word and a colour.
pub(super) type Word = (f64, &'static str, Colour);

/// The states of checks, sides and services.
pub(super) fn states() -> Vec<Word> {
    let word = |state: &State| {
        let (text, colour) = match state {
            State::Up => ("UP", Colour::Good),
            State::Maintenance => ("MAINTENANCE", Colour::Planned),
            State::Unknown => ("UNKNOWN", Colour::Unknown),
            State::Degraded => ("DEGRADED", Colour::Warn),
            State::Down => ("DOWN", Colour::Bad),
        };
        (f64::from(*state as u8), text, colour)
    };
    State::ALL.iter().map(word).collect()
}

/// Grafana's form of words for values; nothing at all is said in grey.
pub(super) fn mappings(words: &[Word], tile: bool) -> Value {
    let mut options = serde_json::Map::new();
    for (index, (value, text, colour)) in words.iter().enumerate() {
        let word = json!({"color": colour.of(tile), "index": index, "text": text});
        options.insert(value.to_string(), word);
    }
    let absent =
        json!({"color": Colour::Unknown.of(tile), "index": words.len(), "text": "NO DATA"});
    json!([
        {"type": "value", "options": options},
        {"type": "special", "options": {"match": "null", "result": absent}},
    ])
}
