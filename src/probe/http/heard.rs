//! What was heard, kept for the story of a run: the head of the last answer and the beginning of its body.
//!
//! Only where somebody wants the story (`Trace::tells`); the daemon's checks keep none of it. Header fields that hold secrets by
//! their nature are there by name only. Everything kept is bounded.
//!
//! It judges nothing.

use crate::probe::Trace;
use reqwest::Response;
use std::fmt::Write as _;

/// Bytes of head and of body that are kept, each.
const KEPT_AT_MOST: usize = 4096;

/// Fields whose values are for nobody else.
const SECRET: [&str; 5] =
    ["set-cookie", "authorization", "proxy-authorization", "x-api-key", "authentication-info"];

/// Keeps the head of `response`.
pub(super) fn head(trace: &mut Trace, response: &Response) {
    if !trace.tells {
        return;
    }
    let mut text = format!("{:?} {}", response.version(), response.status());
    for (name, value) in response.headers() {
        let shown = if SECRET.contains(&name.as_str()) {
            "(not shown)".into()
        } else {
            String::from_utf8_lossy(value.as_bytes())
        };
        if text.len() + name.as_str().len() + shown.len() > KEPT_AT_MOST {
            text.push_str("\n(more)");
            break;
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{name}: {shown}");
    }
    text.push('\n');
    trace.facts.heard = Some(text.into());
    trace.room = KEPT_AT_MOST;
}

/// Keeps the beginning of a body, as far as there is room.
pub(super) fn body(trace: &mut Trace, chunk: &[u8]) {
    let taken = chunk.len().min(trace.room);
    if !trace.tells || taken == 0 {
        return;
    }
    trace.room -= taken;
    let before = trace.facts.heard.as_deref().unwrap_or_default();
    let more = String::from_utf8_lossy(&chunk[..taken]);
    let gap = if trace.room + taken == KEPT_AT_MOST { "\n" } else { "" };
    trace.facts.heard = Some([before, gap, &more].concat().into());
}
