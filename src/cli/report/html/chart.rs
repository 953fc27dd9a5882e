//! The plots of a report as inline SVG: availability and coverage per day, the budget as it burns down, stretches on a line.
//!
//! A drawing stretches to the width it is given, so words and numbers stand beside it as html and keep their size. Every
//! drawing has a sentence that says what it shows, and each bar a tip. Colours are those of the style sheet; what is
//! unknown is hatched, so that it is not taken for good in black and white.
//!
//! It makes no number that the form does not have, but cumulative sums.

use crate::cli::report::words::{Clock, amount, charged, duration, maybe, objective, percent};
use crate::monitor::form::Number;
use crate::web::exposure::{ExposureForm, Left};
use crate::web::report::{DayForm, ScopeReport, SloReport, StretchForm, WhatWord};
use maud::{Markup, html};
use std::fmt::Write as _;

/// The lowest values of the axis of availability, from which the highest is taken that shows every known day.
const FLOORS: [f64; 11] = [0.9999, 0.9995, 0.999, 0.995, 0.99, 0.98, 0.95, 0.9, 0.8, 0.5, 0.0];

/// Height of a drawing in its own units; widths are chosen per drawing.
const HEIGHT: f64 = 100.0;

/// Width of the drawings over time.
const WIDTH: f64 = 1_000.0;

/// Height of a line of stretches.
const LINE: f64 = 20.0;

/// The width of a day in the drawings per day, and of the bar in it.
const DAY: f64 = 10.0;
const BAR: f64 = 8.4;

/// Height of a label beside a drawing.
const LABEL: f64 = 14.0;

/// Nothing that happened is drawn narrower than this.
const THINNEST: f64 = 5.0;

/// The hatching that all drawings share.
pub(super) fn patterns() -> Markup {
    html! {
        svg.patterns width="0" height="0" aria-hidden="true" {
            defs {
                // Level stripes, because drawings are stretched sideways.
                pattern id="hatch" width="10" height="5" patternUnits="userSpaceOnUse" {
                    rect.hatch-ground width="10" height="5" {}
                    rect.hatch-line width="10" height="1.6" {}
                }
            }
        }
    }
}

/// Bars of the availability per day, each with the whisker from low to high, and the objective as a line.
pub(super) fn availability(slo: &SloReport, scope: &ScopeReport, clock: &Clock) -> Markup {
    let goal = scope.standing.objective.0;
    let lowest = slo.days.iter().filter_map(|day| day.availability).map(|share| share.0);
    let lowest = lowest.fold(goal, f64::min);
    let floor = FLOORS.into_iter().find(|floor| *floor < lowest).unwrap_or(0.0);
    let y = |share: f64| ((1.0 - share) / (1.0 - floor)).clamp(0.0, 1.0) * HEIGHT;
    let missed =
        slo.days.iter().filter(|day| day.availability.is_some_and(|it| it.0 < goal)).count();
    let said = format!(
        "Availability of {} on {} days, {missed} of them below {}",
        scope.standing.scope,
        slo.days.len(),
        objective(goal)
    );
    let drawing = html! {
        @for (number, day) in slo.days.iter().enumerate() {
            (bar_of_day(day, place(number), goal, &y))
        }
        line.goal x1="0" x2=(width(&slo.days)) y1=(coordinate(y(goal))) y2=(coordinate(y(goal))) {}
    };
    let axis = html! {
        // Its place may be taken by the objective.
        span { @if y(goal) > LABEL { "100 %" } }
        span.at style=(format!("top:{:.1}%", y(goal))) { (objective(goal)) }
        span { (objective(floor)) }
    };
    html! {
        figure {
            figcaption { "Availability per day" span.legend {
                i.good {} "kept " i.bad {} "below the objective " i.unknown {} "not observed " i.whisker {} "low to high"
            } }
            (framed(&axis, "tall", &said, width(&slo.days), &drawing))
            (days_below(&slo.days, clock))
        }
    }
}

fn bar_of_day(day: &DayForm, x: f64, goal: f64, y: &impl Fn(f64) -> f64) -> Markup {
    let observed = maybe(day.coverage, 2);
    let tip = match day.availability {
        None if day.coverage.is_none() => format!("{}: maintenance", day.day),
        None => format!("{}: not observed", day.day),
        Some(share) => format!(
            "{}: {} ({} to {}), bad {}, observed {observed}",
            day.day,
            percent(share.0, 4),
            maybe(day.availability_low, 4),
            maybe(day.availability_high, 4),
            duration(day.bad_s.0),
        ),
    };
    let middle = coordinate(x + BAR / 2.0);
    html! {
        g {
            title { (tip) }
            @match day.availability {
                None if day.coverage.is_none() => rect.excluded x=(coordinate(x)) y="0" width=(BAR) height=(HEIGHT) {},
                None => rect.unknown x=(coordinate(x)) y="0" width=(BAR) height=(HEIGHT) {},
                Some(share) => {
                    @let top = y(share.0);
                    rect.rest x=(coordinate(x)) y="0" width=(BAR) height=(HEIGHT) {}
                    rect.good[share.0 >= goal].bad[share.0 < goal] x=(coordinate(x)) y=(coordinate(top)) width=(BAR)
                        height=(coordinate((HEIGHT - top).max(1.0))) {}
                    @if let (Some(low), Some(high)) = (day.availability_low, day.availability_high) {
                        @if low.0 < high.0 {
                            line.whisker x1=(middle) x2=(middle) y1=(coordinate(y(low.0))) y2=(coordinate(y(high.0))) {}
                        }
                    }
                }
            }
        }
    }
}

/// How much of each day was observed.
pub(super) fn coverage(slo: &SloReport, clock: &Clock) -> Markup {
    let full =
        slo.days.iter().filter(|day| day.coverage.is_some_and(|share| share.0 >= 1.0)).count();
    let said = format!("{full} of {} days were observed without a gap", slo.days.len());
    let drawing = html! {
        @for (number, day) in slo.days.iter().enumerate() {
            @let x = coordinate(place(number));
            g {
                title { (day.day) ": observed " (maybe(day.coverage, 2)) }
                @match day.coverage {
                    None => rect.excluded x=(x) y="0" width=(BAR) height=(HEIGHT) {},
                    Some(share) => {
                        rect.unknown x=(x) y="0" width=(BAR) height=(HEIGHT) {}
                        rect.seen x=(x) y=(coordinate((1.0 - share.0) * HEIGHT)) width=(BAR) height=(coordinate(share.0 * HEIGHT)) {}
                    }
                }
            }
        }
    };
    let axis = html! { span { "100 %" } span { "0 %" } };
    html! {
        figure {
            figcaption { "Observed per day" span.legend { i.seen {} "observed " i.unknown {} "unknown " i.excluded {} "maintenance" } }
            (framed(&axis, "low", &said, width(&slo.days), &drawing))
            (days_below(&slo.days, clock))
        }
    }
}

/// The budget from full to what is left of it. Only time is spent at known instants, so only a budget of time is drawn.
pub(super) fn budget(slo: &SloReport, scope: &ScopeReport, clock: &Clock) -> Markup {
    let standing = &scope.standing;
    let total = standing.budget_s.0;
    if standing.unit != "s" || total <= 0.0 {
        return html! {};
    }
    let points = burn_down(slo, scope);
    let lowest = points.iter().map(|(_, left)| *left).fold(0.0, f64::min).min(0.0);
    let (from, to) = (standing.from.0, standing.to.0);
    let x = |at: f64| ((at - from) / (to - from).max(1.0)).clamp(0.0, 1.0) * WIDTH;
    let y = |left: f64| (total - left) / (total - lowest) * HEIGHT;
    let mut path = String::new();
    for (number, (at, left)) in points.iter().enumerate() {
        let letter = if number == 0 { "M" } else { "L" };
        write!(path, "{letter}{:.2} {:.2}", x(*at), y(*left))
            .expect("writing to a string cannot fail");
    }
    let zero = coordinate(y(0.0));
    let area = format!("{path}L{WIDTH} {zero}L0 {zero}Z");
    let said = format!(
        "The budget went from {} to {}",
        duration(total),
        amount(standing.budget_left_s, &standing.unit)
    );
    let drawing = html! {
        path.area d=(area) {}
        line.zero x1="0" x2=(WIDTH) y1=(zero) y2=(zero) {}
        path.burn.bad[standing.budget_left_s.0 < 0.0] d=(path) {}
    };
    // The zero may take the place of either end.
    let axis = html! {
        span { @if y(0.0) > LABEL { (duration(total)) } }
        @if lowest < 0.0 {
            span.at style=(format!("top:{:.1}%", y(0.0))) { "0" }
            span { @if y(0.0) < HEIGHT - LABEL { (duration(lowest)) } }
        } @else {
            span { "0" }
        }
    };
    html! {
        figure {
            figcaption { "Budget left" }
            (framed(&axis, "tall", &said, WIDTH, &drawing))
            (ends_below(standing.from, standing.to, clock))
        }
    }
}

/// What was left of the budget at the ends of each stretch that was charged. It is counted back from what is left at the end, so
/// that older stretches that are not listed are in it; of a frozen period, whose stretches are measured anew, from the beginning.
fn burn_down(slo: &SloReport, scope: &ScopeReport) -> Vec<(f64, f64)> {
    let standing = &scope.standing;
    let charged = |stretch: &StretchForm| charged(slo, stretch);
    let spent: f64 = scope.stretches.iter().map(charged).sum();
    let is_frozen = scope.revision.is_some();
    let mut left = if is_frozen { standing.budget_s.0 } else { standing.budget_left_s.0 + spent };
    let mut points = vec![(standing.from.0, left)];
    for stretch in scope.stretches.iter().filter(|stretch| charged(stretch) > 0.0) {
        points.push((stretch.from.0, left));
        left -= charged(stretch);
        points.push((stretch.to.0, left));
    }
    points.push((standing.to.0, left));
    points
}

/// All that was not good on a line for each scope.
pub(super) fn lines(slo: &SloReport, clock: &Clock) -> Markup {
    let Some(first) = slo.scopes.first() else { return html! {} };
    let (from, to) = (first.standing.from, first.standing.to);
    html! {
        figure {
            figcaption { "When" span.legend {
                i.good {} "good " i.bad {} "bad " i.unknown {} "unknown " i.excluded {} "maintenance"
            } }
            div.lines {
                @for scope in &slo.scopes {
                    span.of { (scope.standing.scope) }
                    (line(scope, from.0, to.0, clock))
                }
                span.of {}
                (ends_below(from, to, clock))
            }
        }
    }
}

fn line(scope: &ScopeReport, from: f64, to: f64, clock: &Clock) -> Markup {
    let x = |at: f64| ((at - from) / (to - from).max(1.0)).clamp(0.0, 1.0) * WIDTH;
    // What is drawn last lies on top: bad time, however short.
    let mut stretches: Vec<&StretchForm> = scope.stretches.iter().collect();
    stretches.sort_by_key(|stretch| match stretch.what {
        WhatWord::Excluded => 0,
        WhatWord::Unknown => 1,
        WhatWord::Mixed => 2,
        WhatWord::Bad => 3,
    });
    let said = format!(
        "{}: bad {}, unknown {}",
        scope.standing.scope,
        amount(scope.standing.bad_s, &scope.standing.unit),
        amount(scope.standing.unknown_s, &scope.standing.unit)
    );
    html! {
        svg.line viewBox=(format!("0 0 {WIDTH} {LINE}")) preserveAspectRatio="none" role="img" aria-label=(said) {
            rect.good x="0" y="0" width=(WIDTH) height=(LINE) {}
            @for stretch in stretches {
                @let (start, end) = (x(stretch.from.0), x(stretch.to.0));
                @let wide = (end - start).max(THINNEST);
                rect class=(class(stretch.what)) x=(coordinate(start.min(WIDTH - wide))) y="0" width=(coordinate(wide)) height=(LINE) {
                    title { (clock.moment(stretch.from)) " to " (clock.moment(stretch.to)) ": " (words_of(stretch)) }
                }
            }
        }
    }
}

/// How many clouds could have served, as parts of one line by how long they were.
pub(super) fn clouds(form: &ExposureForm) -> Markup {
    let mut parts = form.parts();
    parts.retain(|part| part.seconds > 0.0);
    let mut upto = 0.0;
    let places: Vec<(f64, f64)> = parts
        .iter()
        .map(|part| {
            let (x, width) = (upto, part.seconds / form.elapsed_s.0.max(1e-3) * WIDTH);
            upto += width;
            (x, width.max(THINNEST))
        })
        .collect();
    let class = |left: Left| match left {
        Left::Both => "good",
        Left::Only => "single",
        Left::None => "bad",
        Left::Unknown => "unknown",
    };
    let said: Vec<String> =
        parts.iter().map(|part| format!("{} {}", part.said, duration(part.seconds))).collect();
    html! {
        figure {
            figcaption { "Could serve" span.legend {
                @for part in &parts { i class=(class(part.left)) {} (part.said) " " (duration(part.seconds)) " " }
            } }
            svg.line.parts viewBox=(format!("0 0 {WIDTH} {LINE}")) preserveAspectRatio="none" role="img" aria-label=(said.join(", ")) {
                @for ((part, said), (x, width)) in parts.iter().zip(&said).zip(places) {
                    rect class=(class(part.left)) x=(coordinate(x.min(WIDTH - width))) y="0" width=(coordinate(width)) height=(LINE) {
                        title { (said) }
                    }
                }
            }
        }
    }
}

fn words_of(stretch: &StretchForm) -> String {
    let why = stretch.why.as_deref().map(|why| format!(", {why}")).unwrap_or_default();
    match stretch.what {
        WhatWord::Bad => format!("bad for {}{why}", duration(stretch.bad_s.0)),
        WhatWord::Unknown => format!("unknown{why}"),
        WhatWord::Excluded => "maintenance".to_owned(),
        WhatWord::Mixed => format!("bad for {} of it, coalesced", duration(stretch.bad_s.0)),
    }
}

const fn class(what: WhatWord) -> &'static str {
    match what {
        WhatWord::Bad | WhatWord::Mixed => "bad",
        WhatWord::Unknown => "unknown",
        WhatWord::Excluded => "excluded",
    }
}

/// A drawing beside its axis.
fn framed(axis: &Markup, height: &str, said: &str, width: f64, drawing: &Markup) -> Markup {
    html! {
        div class={ "frame " (height) } {
            div.axis aria-hidden="true" { (axis) }
            svg viewBox=(format!("0 0 {width} {HEIGHT}")) preserveAspectRatio="none" role="img" aria-label=(said) { (drawing) }
        }
    }
}

/// The first, the middle and the last day, below the drawing.
fn days_below(days: &[DayForm], clock: &Clock) -> Markup {
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return html! {} };
    html! {
        div.below aria-hidden="true" {
            span { (clock.day(first.from)) }
            @if days.len() > 2 { span.middle { (days[days.len() / 2].day) } }
            @if days.len() > 1 { span { (last.day) } }
        }
    }
}

fn ends_below(from: Number, to: Number, clock: &Clock) -> Markup {
    html! {
        div.below aria-hidden="true" { span { (clock.moment(from)) } span { (clock.moment(to)) } }
    }
}

/// Where the bar of a day begins.
#[expect(clippy::cast_precision_loss, reason = "days are few")]
fn place(number: usize) -> f64 {
    number as f64 * DAY + (DAY - BAR) / 2.0
}

#[expect(clippy::cast_precision_loss, reason = "days are few")]
fn width(days: &[DayForm]) -> f64 {
    days.len().max(1) as f64 * DAY
}

/// Two decimals are a fraction of a pixel.
fn coordinate(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
