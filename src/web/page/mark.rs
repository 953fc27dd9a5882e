//! The small signs of the page: a shape and a word for each state, times, durations, links.
//!
//! Every state has a shape of its own, so that it can be told without colour; the shape is hidden from screen readers,
//! because the word always stands beside it.
//!
//! What state something is in is decided below.

use crate::model::{State, Timestamp, human_duration};
use crate::monitor::snapshot::Standing;
use maud::{Markup, PreEscaped, html};
use std::fmt::Write as _;
use std::time::Duration;

/// The shapes, defined once per page: a disc with a tick, a square at rest, a broken ring, a triangle, an octagon.
const SHAPES: &str = r#"<svg class="shapes" aria-hidden="true" width="0" height="0"><defs>
<symbol id="s-up" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7"/><path class="sign-in" d="M4.7 8.3l2.3 2.3 4.4-4.9"/></symbol>
<symbol id="s-maintenance" viewBox="0 0 16 16"><rect x="1.5" y="1.5" width="13" height="13" rx="3"/><path class="sign-in" d="M6 5v6M10 5v6"/></symbol>
<symbol id="s-unknown" viewBox="0 0 16 16"><circle class="sign-ring" cx="8" cy="8" r="6.4" stroke-dasharray="2.6 2.4"/><path class="sign-ask" d="M6.2 6.5a1.8 1.8 0 1 1 2.5 1.6c-.5.3-.7.6-.7 1.2M8 11.4v.2"/></symbol>
<symbol id="s-degraded" viewBox="0 0 16 16"><path d="M8 1.2 15.2 14H.8z" stroke-linejoin="round"/><path class="sign-in" d="M8 5.8v4M8 12v.1"/></symbol>
<symbol id="s-down" viewBox="0 0 16 16"><path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z"/><path class="sign-in" d="M5.4 5.4l5.2 5.2M10.6 5.4l-5.2 5.2"/></symbol>
</defs></svg>"#;

/// What [`mark`] refers to; once per page.
pub(super) fn shapes() -> Markup {
    PreEscaped(SHAPES.to_owned())
}

/// The shape of a state.
pub(super) fn mark(state: State) -> Markup {
    let shape = format!("#s-{state}");
    html! { svg.mark aria-hidden="true" { use href=(shape) {} } }
}

/// `is-down`: the class that gives everything inside the state's colour.
pub(super) fn class(state: State) -> String {
    format!("is-{state}")
}

/// "for 3m20s", with the moment itself behind it.
pub(super) fn since(standing: Standing, now: Timestamp) -> Markup {
    html! {
        time.since datetime=(rfc3339(standing.since)) title={ "since " (civil(standing.since)) } {
            "for " (human_duration(now.since(standing.since)))
        }
    }
}

/// "12 s ago", with the moment itself behind it.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> Markup {
    html! {
        time datetime=(rfc3339(at)) title=(civil(at)) {
            @if now.since(at) < Duration::from_secs(1) { "just now" }
            @else { (human_duration(now.since(at))) " ago" }
        }
    }
}

/// `2026-11-22 13:05:09 UTC`.
pub(super) fn civil(at: Timestamp) -> String {
    written(at, "%Y-%m-%d %H:%M:%S UTC")
}

/// `13:05:09`.
pub(super) fn clock(at: Timestamp) -> String {
    written(at, "%H:%M:%S")
}

/// `2026-11-22`.
pub(super) fn day(at: Timestamp) -> String {
    written(at, "%Y-%m-%d")
}

/// `2026-11-22T13:05:09Z`.
pub(super) fn rfc3339(at: Timestamp) -> String {
    written(at, "%Y-%m-%dT%H:%M:%SZ")
}

fn written(at: Timestamp, form: &str) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis())
        .map_or_else(|_| "beyond the calendar".into(), |at| at.strftime(form).to_string())
}

/// `0.42 ms`, `12.3 ms`, `348 ms`, `1.52 s`: three digits, so that columns of them can be compared.
pub(super) fn latency(duration: Duration) -> String {
    let millis = duration.as_secs_f64() * 1e3;
    match millis {
        0.0..1.0 => format!("{millis:.2} ms"),
        1.0..100.0 => format!("{millis:.1} ms"),
        100.0..1_000.0 => format!("{millis:.0} ms"),
        _ => format!("{:.2} s", millis / 1e3),
    }
}

/// `/?service=shop`, encoded.
pub(super) fn link(field: &str, value: &str) -> String {
    let query =
        url::form_urlencoded::Serializer::new(String::new()).append_pair(field, value).finish();
    format!("/?{query}")
}

/// A text as an id of an element: everything but letters, digits and hyphens becomes its code.
pub(super) fn id(prefix: &str, name: &str) -> String {
    let mut id = format!("{prefix}-");
    for each in name.chars() {
        if each.is_ascii_alphanumeric() || each == '-' {
            id.push(each);
        } else {
            write!(id, "_{:x}", u32::from(each)).expect("writing to a string cannot fail");
        }
    }
    id
}
