//! What the monitor leans on: sentinels, canaries, shared dependencies, each with its state and last word.
//!
//! Quiet, at the end of the page, and folded while all of it is well.
//!
//! It does not say what follows from them: that stands with incidents, and a broken sentinel at the top too.

use super::{Sheet, mark};
use crate::model::State;
use crate::monitor::references::ReferenceView;
use crate::web::api::references::{kind, name};
use maud::{Markup, html};

/// Rows that are shown, the worst first.
const SHOWN: usize = 200;

pub(super) fn references(sheet: &Sheet) -> Markup {
    let mut rows: Vec<_> = sheet.references.iter().collect();
    rows.sort_by_key(|each| std::cmp::Reverse((each.broken.is_some(), each.standing.state)));
    let more = rows.len().saturating_sub(SHOWN);
    rows.truncate(SHOWN);
    let is_bad = rows
        .first()
        .is_some_and(|worst| worst.broken.is_some() || worst.standing.state >= State::Degraded);
    html! {
        @if !rows.is_empty() {
            details.references id="references" open[is_bad] {
                summary data-key="references" { (summary(sheet)) }
                ul { @for each in rows { (row(sheet, each)) } }
                @if more > 0 {
                    p.fine { (more) " more: " a href="/api/v1/services" { "all as JSON" } }
                }
            }
        }
    }
}

/// "Sentinels and canaries: 4, all up".
fn summary(sheet: &Sheet) -> String {
    let all = &sheet.references;
    let up = all.iter().filter(|each| each.standing.state == State::Up).count();
    let has = |word: &str| all.iter().any(|each| kind(each.role) == word);
    let words = [("sentinel", "sentinels"), ("canary", "canaries"), ("domain", "dependencies")];
    let kinds: Vec<_> = words.iter().filter(|(kind, _)| has(kind)).map(|(_, word)| *word).collect();
    let how = if up == all.len() { "all up".to_owned() } else { format!("{up} up") };
    format!("What this monitor leans on: {} {}, {how}", all.len(), kinds.join(", "))
}

fn row(sheet: &Sheet, view: &ReferenceView) -> Markup {
    let now = sheet.about.now;
    let state = if view.broken.is_some() { State::Degraded } else { view.standing.state };
    html! {
        li class=(mark::class(state)) {
            span.name { (mark::mark(state)) " " (kind(view.role)) " " b { (name(view)) } }
            span.how {
                span.word { @if view.broken.is_some() { "broken" } @else { (view.standing.state) } }
                " " (mark::since(view.standing, now))
            }
            span.last {
                @if let Some(last) = &view.last { (last.said) ", " (mark::ago(last.at, now)) }
                @else { "not looked at yet" }
            }
        }
    }
}
