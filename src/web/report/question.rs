//! What a report is asked for: over which time, and of what.
//!
//! The same words on the command line and in the address: a rolling window (`30d`) or one of the calendar (`month`), or a
//! period by its label (`2026-10`), or neither, which is each slo's own window; and `key=value` pairs that all have to fit:
//! `service`, `provider`, or a label of the service. What cannot be meant is said with a hint.
//!
//! It does not know what was.

use crate::config::parse_window;
use crate::model::{Objective, ObjectiveWindow, Service, Timestamp};
use crate::slo::calendar::Period;
use crate::slo::history::KEEP;
use crate::slo::window::Span;
use crate::web::api::nearest;
use jiff::tz::TimeZone;

/// How the parameters are used, as a hint.
const USE: &str = "ask with `window=30d` or `period=2026-10`, and `match=key=value`";

/// Over which time.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Over {
    /// Each slo over its own window.
    #[default]
    Own,
    /// All over this one, with its text.
    Window(String, ObjectiveWindow),
    /// All over this one.
    Period(Period),
}

/// What a report is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Question {
    /// Over which time.
    pub over: Over,
    /// Keys and values; all have to fit.
    pub matching: Vec<(String, String)>,
}

/// A question that has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{said}")]
pub struct Wrong {
    /// What is wrong.
    pub said: String,
    /// What to try.
    pub hint: String,
    /// Whether it asks for something that there is not, rather than in the wrong way.
    pub absent: bool,
}

impl Wrong {
    pub(super) fn asked(said: impl Into<String>) -> Self {
        Self { said: said.into(), hint: USE.to_owned(), absent: false }
    }
}

impl Question {
    /// From the words of a person.
    pub fn read(
        window: Option<&str>,
        period: Option<&str>,
        matching: &[String],
    ) -> Result<Self, Wrong> {
        let over = match (window, period) {
            (Some(_), Some(_)) => {
                return Err(Wrong::asked("a report is over a window or a period, not both"));
            }
            (Some(text), None) => Over::Window(text.to_owned(), read_window(text)?),
            (None, Some(label)) => {
                Over::Period(Period::parse(label).map_err(|wrong| Wrong::asked(wrong.to_string()))?)
            }
            (None, None) => Over::Own,
        };
        let pair = |text: &String| match text.split_once('=') {
            Some((key, value)) if !key.is_empty() && !value.is_empty() => {
                Ok((key.to_owned(), value.to_owned()))
            }
            _ => Err(Wrong {
                hint: "as in `match=service=shop` or `match=team=storefront`".to_owned(),
                ..Wrong::asked(format!("`{text}` is not `key=value`"))
            }),
        };
        let matching = matching.iter().map(pair).collect::<Result<_, _>>()?;
        Ok(Self { over, matching })
    }

    /// From the parameters of an address; an empty one is none.
    pub(super) fn of_parameters(parameters: &[(String, String)]) -> Result<Self, Wrong> {
        let (mut window, mut period, mut matching) = (None, None, Vec::new());
        for (name, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
            match name.as_str() {
                "window" => window = Some(value.as_str()),
                "period" => period = Some(value.as_str()),
                "match" => matching.push(value.clone()),
                _ => return Err(Wrong::asked(format!("there is no parameter `{name}`"))),
            }
        }
        Self::read(window, period, &matching)
    }

    /// As the parameters of an address.
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        let over = match &self.over {
            Over::Own => None,
            Over::Window(text, _) => Some(("window", text.clone())),
            Over::Period(period) => Some(("period", period.label())),
        };
        let matching = self.matching.iter().map(|(key, value)| ("match", format!("{key}={value}")));
        over.into_iter().chain(matching).collect()
    }

    /// The window, if one was asked for.
    pub(super) fn window_text(&self) -> Option<String> {
        match &self.over {
            Over::Window(text, _) => Some(text.clone()),
            Over::Own | Over::Period(_) => None,
        }
    }

    /// The period, if one was asked for.
    pub(super) fn period_label(&self) -> Option<String> {
        match &self.over {
            Over::Period(period) => Some(period.label()),
            Over::Own | Over::Window(..) => None,
        }
    }

    /// What the window of the report is called for an slo.
    pub(super) fn window_name(&self, objective: &Objective) -> String {
        let asked = self.window_text().or_else(|| self.period_label());
        asked.unwrap_or_else(|| objective.window_text.to_string())
    }

    /// The time that was asked for, as far as it is over at `at`; `None` for each slo's own window.
    pub fn span(&self, zone: &TimeZone, at: Timestamp) -> Option<Span> {
        match &self.over {
            Over::Own => None,
            Over::Window(_, window) => Some(Span::at(*window, zone, at)),
            Over::Period(period) => {
                let whole = Span::whole(period, zone);
                Some(Span { to: whole.to.min(at).max(whole.from), ..whole })
            }
        }
    }

    /// Of a period that has not begun nothing can be said.
    pub(super) fn check_begun(&self, zone: &TimeZone, at: Timestamp) -> Result<(), Wrong> {
        let Over::Period(period) = &self.over else { return Ok(()) };
        if Span::whole(period, zone).from < at {
            return Ok(());
        }
        let said = format!("`{}` has not begun yet", period.label());
        let hint = "ask for a period that has, as in `period=2026-10`".to_owned();
        Err(Wrong { said, hint, absent: true })
    }

    /// The provider to which it narrows.
    pub(super) fn provider(&self) -> Option<&str> {
        self.matching.iter().find(|(key, _)| key == "provider").map(|(_, value)| value.as_str())
    }

    /// Whether a service is asked for.
    pub(super) fn fits(&self, service: &Service) -> bool {
        self.matching.iter().all(|(key, value)| match key.as_str() {
            "service" => *service.name == **value,
            "provider" => service.endpoints.iter().any(|each| *each.provider == **value),
            label => service.labels.get(label) == Some(value),
        })
    }

    /// Why no service fits, with the nearest that would.
    pub(super) fn nothing_fits(&self, services: &[Service]) -> Wrong {
        let asked: Vec<_> =
            self.matching.iter().map(|(key, value)| format!("`{key}={value}`")).collect();
        let mut pairs: Vec<String> = Vec::new();
        for service in services {
            pairs.push(format!("service={}", service.name));
            pairs
                .extend(service.endpoints.iter().map(|each| format!("provider={}", each.provider)));
            pairs.extend(service.labels.iter().map(|(key, value)| format!("{key}={value}")));
        }
        let wanted = self.matching.iter().map(|(key, value)| format!("{key}={value}"));
        let missing = wanted.into_iter().find(|pair| !pairs.contains(pair));
        let near =
            missing.as_deref().and_then(|pair| nearest(pair, pairs.iter().map(String::as_str)));
        Wrong {
            said: format!("no service fits {}", asked.join(" and ")),
            hint: near.map_or_else(
                || "match by `service`, `provider`, or a label of a service".to_owned(),
                |near| format!("did you mean `{near}`?"),
            ),
            absent: true,
        }
    }
}

fn read_window(text: &str) -> Result<ObjectiveWindow, Wrong> {
    let window = parse_window(text).map_err(Wrong::asked)?;
    if matches!(window, ObjectiveWindow::Rolling(length) if length > KEEP) {
        let days = KEEP.as_secs() / 86_400;
        return Err(Wrong {
            hint: format!("ask for at most `{days}d`, or for a `period` that was frozen"),
            ..Wrong::asked(format!(
                "nothing older than {days} days is kept, and `{text}` is longer"
            ))
        });
    }
    Ok(window)
}
