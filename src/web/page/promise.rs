//! The promises of a service: for each what was promised, what came of it, and what is left of its budget.
//!
//! The bar is the budget: filled is left, hatched is spent, so that it can be read without colour; the same stands beside it in
//! words. What fires is said even while nobody is alerted because of maintenance.
//!
//! Promises computed for other scopes than they were made for are in the API only.

use super::mark;
use crate::model::State;
use crate::web::api::SloForm;
use crate::web::reading::promise::{
    availability, ends, firing, left, promised, seen, state, status,
};
use maud::{Markup, PreEscaped, html};

/// Width of the drawing of a budget, in its own units; it is shown about as wide.
const BAR_WIDTH: f64 = 160.0;

/// Its height.
const BAR_HEIGHT: f64 = 8.0;

/// The hatching of what is spent, once per page.
const HATCH: &str = r#"<svg class="shapes" aria-hidden="true" width="0" height="0"><defs>
<pattern id="spent" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="1.6" height="5" class="hatch"/></pattern>
</defs></svg>"#;

/// What the bars refer to; once per page.
pub(super) fn hatch() -> Markup {
    PreEscaped(HATCH.to_owned())
}

pub(super) fn list(promises: &[SloForm]) -> Markup {
    html! {
        @if !promises.is_empty() {
            ul.promises aria-label="Promises" {
                @for form in promises { (row(form)) }
            }
        }
    }
}

fn row(form: &SloForm) -> Markup {
    let standing = &form.standing;
    let firing = firing(form);
    html! {
        li class=(mark::class(state(form))) {
            p.promise {
                (mark::mark(state(form))) " "
                span.word { (status(form)) } " "
                span.promised title=(standing.slo) {
                    (promised(form))
                }
            }
            p.came { b { (availability(form)) } " " span.from { (noun(form)) } }
            div.budget {
                @if let Some(share) = standing.budget_remaining { (bar(share.0)) }
                p.left {
                    @if let Some(left) = left(form) { b { (left) } } @else { "no budget: all of it is maintenance" }
                    @for said in [seen(form), ends(form)].into_iter().flatten() { ", " (said) }
                }
                @if !firing.is_empty() {
                    p.fires {
                        @for tier in &firing { span.tier { (tier) } " " }
                        @if standing.suppressed { "would fire; maintenance keeps it silent" }
                        @else { @if firing.len() == 1 { "fires" } @else { "fire" } }
                    }
                }
            }
        }
    }
}

/// What the share is a share of.
fn noun(form: &SloForm) -> &'static str {
    if state(form) == State::Unknown {
        return if form.standing.availability.is_some() { "while seen" } else { "so far" };
    }
    match form.standing.kind.as_str() {
        "events" => "of results good",
        "slices" => "of slices good",
        "latency" => "of the time in time",
        _ => "available",
    }
}

/// The budget: what is left is filled from the left, what is spent is hatched.
fn bar(remaining: f64) -> Markup {
    let left = format!("{:.0}", remaining.clamp(0.0, 1.0) * BAR_WIDTH);
    html! {
        svg.rest-of aria-hidden="true" viewBox={ "0 0 " (BAR_WIDTH) " " (BAR_HEIGHT) } preserveAspectRatio="none" {
            rect.spent x="0" y="0" width=(BAR_WIDTH) height=(BAR_HEIGHT) {}
            rect.remains x="0" y="0" width=(left) height=(BAR_HEIGHT) {}
        }
    }
}
