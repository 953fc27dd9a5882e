//! The story of one run as plain text: what was asked, each step with its times, what was seen, what it means.
//!
//! Pure: a run in, a page out. What a server said is tamed, so that a terminal shows it and does nothing else; the
//! probe's own secrets are not in it, because a run masks them in whatever it gives.
//!
//! It draws no conclusions.

use crate::metrics::field;
use crate::model::{Outcome, human_latency};
use crate::monitor::demand::Ran;
use crate::monitor::story;
use std::fmt::Write as _;

const INFALLIBLE: &str = "writing to a string cannot fail";

/// The page of `/probe?debug=true`.
pub(super) fn page(module: &str, ran: &Ran) -> String {
    let mut out = String::new();
    let result = &ran.result;
    let verdict = match result.outcome {
        Outcome::Good => "good".to_owned(),
        Outcome::Bad(reason) => format!("bad: {reason}"),
        Outcome::Unknown(cause) => format!("unknown: {cause}"),
    };
    let took = human_latency(result.latency);
    let limit = human_latency(ran.timeout);
    let at = jiff::Timestamp::from_millisecond(ran.at.as_millis()).unwrap_or_default();
    writeln!(out, "probe {module} ({}), at {}", ran.spec.kind.name(), at.strftime("%F %T%.3f UTC"))
        .expect(INFALLIBLE);
    writeln!(out, "{verdict}, after {took} of at most {limit}").expect(INFALLIBLE);
    writeln!(out, "{}", story::tame(&result.said)).expect(INFALLIBLE);
    story::tell(&mut out, result);
    writeln!(out, "\nmetrics").expect(INFALLIBLE);
    let run = field::Run { labels: "", protocol: ran.spec.kind.name(), result };
    field::write(&mut out, &[run]);
    out
}
