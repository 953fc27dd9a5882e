//! What several clouds brought a service: a strip of how many could serve, and what each of them alone would have given.
//!
//! The strip is time, not order: its parts stand side by side by how long they were, and each stands below it with its
//! shape, its word and its length. A service with one side has none.
//!
//! Where the parts come from is said in `web::exposure`.

use super::mark;
use crate::model::{State, human_duration};
use crate::monitor::form::Number;
use crate::web::exposure::{ExposureForm, Left};
use maud::{Markup, html};
use std::time::Duration;

/// Width of the strip in its own units.
const WIDTH: f64 = 1_000.0;

/// No part of a strip is drawn narrower than this, so that what was short is still seen.
const THINNEST: f64 = 6.0;

pub(super) fn strip(form: Option<&ExposureForm>) -> Markup {
    let form = form.filter(|form| form.has_sides() && form.elapsed_s.0 > 0.0);
    html! {
        @if let Some(form) = form {
            section.exposure aria-label="What several clouds brought" {
                (bar(form))
                p.counts {
                    "Could serve: "
                    @for part in form.parts().iter().filter(|part| part.seconds > 0.0) {
                        span class=(mark::class(state(part.left))) {
                            (mark::mark(state(part.left))) " " (part.said) " " b { (length(part.seconds)) }
                        } " "
                    }
                }
                p.alone {
                    "In the last " (length(form.elapsed_s.0)) " together " b { (share(form.together.availability)) }
                    @for side in &form.sides {
                        span { "; " (side.provider) " alone " b { (share(side.availability)) } }
                    }
                    @if let Some(cost) = form.failover_cost_s.filter(|cost| cost.0 > 0.0) {
                        "; the public name was bad for " b { (length(cost.0)) } " while a cloud could serve"
                    }
                }
            }
        }
    }
}

/// The shape and colour that say the same of a state.
const fn state(left: Left) -> State {
    match left {
        Left::Both => State::Up,
        Left::Only => State::Degraded,
        Left::None => State::Down,
        Left::Unknown => State::Unknown,
    }
}

fn length(seconds: f64) -> String {
    human_duration(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// Cut and not rounded, so that nothing looks whole which is not.
fn share(share: Option<Number>) -> String {
    /// What a float may be short of the number it stands for.
    const SHORT: f64 = 1e-6;
    share.map_or_else(
        || "unknown".to_owned(),
        |share| format!("{:.3}\u{a0}%", (share.0 * 1e5 + SHORT).floor() / 1e3),
    )
}

fn bar(form: &ExposureForm) -> Markup {
    let mut parts = form.parts();
    parts.retain(|part| part.seconds > 0.0);
    let wide = |seconds: f64| (seconds / form.elapsed_s.0 * WIDTH).max(THINNEST);
    let whole: f64 = parts.iter().map(|part| wide(part.seconds)).sum();
    let mut upto = 0.0;
    let places: Vec<(f64, f64)> = parts
        .iter()
        .map(|part| {
            let (x, width) = (upto, wide(part.seconds) / whole * WIDTH);
            upto += width;
            (x, width)
        })
        .collect();
    html! {
        svg.share aria-hidden="true" viewBox={ "0 0 " (WIDTH) " 8" } preserveAspectRatio="none" {
            @for (part, (x, width)) in parts.iter().zip(places) {
                rect class=(mark::class(state(part.left))) x=(format!("{x:.1}"))
                    width=(format!("{width:.1}")) y="0" height="8" {
                    title { (part.said) " " (length(part.seconds)) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::share;
    use crate::monitor::form::Number;

    #[test]
    fn a_share_is_cut_and_what_is_not_known_is_said() {
        let shown = [Some(1.0), Some(0.999_999_9), Some(0.5), None].map(|it| share(it.map(Number)));
        assert_eq!(shown, ["100.000\u{a0}%", "99.999\u{a0}%", "50.000\u{a0}%", "unknown"]);
    }
}
