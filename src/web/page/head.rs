//! What stands above and below the services: banner, headline with the count of each state, the clouds, notices.
//!
//! The headline says in one sentence how things are; the time of the picture stands beside it, so that a stale page is
//! seen as one.
//!
//! It shows no service.

use super::{Sheet, mark};
use crate::model::State;
use crate::monitor::snapshot::Standing;
use crate::web::assets;
use maud::{Markup, html};

/// Seconds after which a browser without script loads the page again.
const RELOAD_SECONDS: u32 = 10;

pub(super) fn head(sheet: &Sheet) -> Markup {
    let version = assets::VERSION;
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            title { (title(sheet)) }
            link rel="icon" type="image/svg+xml" href={ (assets::ICON_PATH) "?v=" (version) };
            link rel="stylesheet" href={ (assets::STYLE_PATH) "?v=" (version) };
            script defer src={ (assets::SCRIPT_PATH) "?v=" (version) } {}
            noscript { meta http-equiv="refresh" content=(RELOAD_SECONDS); }
        }
    }
}

/// Short and worst first, because it is read in a tab.
fn title(sheet: &Sheet) -> String {
    let bad: Vec<_> = [State::Down, State::Degraded]
        .into_iter()
        .filter(|state| sheet.tally[state.index()] > 0)
        .map(|state| format!("{} {state}", sheet.tally[state.index()]))
        .collect();
    let word = if bad.is_empty() { sentence(sheet) } else { bad.join(", ") };
    format!("{word} · nephoscope {}", sheet.about.vantage)
}

pub(super) fn banner(sheet: &Sheet) -> Markup {
    let about = &sheet.about;
    html! {
        header.banner {
            a.brand href="/" data-key="home" {
                img src={ (assets::ICON_PATH) "?v=" (assets::VERSION) } alt="" width="26" height="26";
                span { "nephoscope" }
            }
            p.where {
                @if !about.vantage.is_empty() {
                    "seen from " strong { (about.vantage) } span.dot { " · " }
                }
                span id="taken" {
                    time datetime=(mark::rfc3339(about.now)) title=(mark::civil(about.now)) {
                        (mark::clock(about.now)) " UTC"
                    }
                }
            }
            p.live id="live" role="status" {}
        }
    }
}

/// How things are, in one sentence.
fn sentence(sheet: &Sheet) -> String {
    let count = |state: State| sheet.tally[state.index()];
    let total: usize = sheet.tally.iter().sum();
    let are = |number: usize| if number == 1 { "is" } else { "are" };
    let of = |number: usize| match total {
        1 => "The service".to_owned(),
        _ if number == total => format!("All {total} services"),
        _ => format!("{number} of {total} services"),
    };
    let (down, degraded, unknown) =
        (count(State::Down), count(State::Degraded), count(State::Unknown));
    if total == 0 {
        "Nothing is being watched".into()
    } else if down > 0 {
        format!("{} {} down", of(down), if total == 1 { "is" } else { are(down) })
    } else if degraded > 0 {
        format!("{} {} degraded", of(degraded), if total == 1 { "is" } else { are(degraded) })
    } else if unknown == total {
        "Waiting for the first results".into()
    } else if unknown > 0 {
        format!("{} cannot be seen", of(unknown))
    } else if count(State::Maintenance) > 0 {
        "Everything is up or in maintenance".into()
    } else {
        "Everything is up".into()
    }
}

fn worst(sheet: &Sheet) -> State {
    let mut states = State::ALL.iter().rev().copied();
    states.find(|state| sheet.tally[state.index()] > 0).unwrap_or(State::Unknown)
}

pub(super) fn headline(sheet: &Sheet) -> Markup {
    let chosen = sheet.narrow.state().ok().flatten();
    html! {
        section class={ "headline " (mark::class(worst(sheet))) } aria-label="Summary" {
            h1 { (mark::mark(worst(sheet))) span { (sentence(sheet)) } }
            nav aria-label="Services by state" {
                ul.tally {
                    @for state in State::ALL.iter().rev().copied() {
                        @let number = sheet.tally[state.index()];
                        @if number > 0 || chosen == Some(state) {
                            li class=(mark::class(state)) {
                                a href=(mark::link("state", state.as_str()))
                                    data-key={ "state-" (state) }
                                    aria-current=[(chosen == Some(state)).then_some("true")] {
                                    (mark::mark(state)) " " b { (number) } " " (state)
                                }
                            }
                        }
                    }
                    @if sheet.is_narrowed() {
                        li { a href="/" data-key="all" { "show all" } }
                    }
                }
            }
        }
    }
}

/// Each cloud with a bar of the states of its sides.
pub(super) fn clouds(sheet: &Sheet) -> Markup {
    html! {
        @if sheet.clouds.len() > 1 {
            section.clouds aria-label="Clouds" {
                @for cloud in &sheet.clouds {
                    div.cloud {
                        h2 {
                            a href=(mark::link("provider", &cloud.name)) data-key={ "cloud-" (cloud.name) } {
                                (cloud.title)
                            }
                        }
                        (bar(&cloud.tally))
                        p.counts {
                            @for state in State::ALL.iter().rev().copied() {
                                @if cloud.tally[state.index()] > 0 {
                                    span class=(mark::class(state)) {
                                        (mark::mark(state)) " " b { (cloud.tally[state.index()]) } " " (state)
                                    } " "
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A bar of shares; the counts stand beside it in words.
fn bar(tally: &[usize; State::ALL.len()]) -> Markup {
    let total: usize = tally.iter().sum::<usize>().max(1);
    let mut before = 0;
    let parts: Vec<_> = State::ALL
        .iter()
        .rev()
        .filter(|state| tally[state.index()] > 0)
        .map(|state| {
            let start = before;
            before += tally[state.index()];
            (*state, start, tally[state.index()])
        })
        .collect();
    html! {
        svg.share viewBox={ "0 0 " (total) " 1" } preserveAspectRatio="none" aria-hidden="true" {
            @for (state, start, width) in parts {
                rect class=(mark::class(state)) x=(start) y="0" width=(width) height="1" {}
            }
        }
    }
}

/// What nobody may overlook: that the past is not being written down.
pub(super) fn forgetting(sheet: &Sheet) -> Markup {
    html! {
        @if let Some(why) = &sheet.forgetting {
            p.forgetting role="alert" { (mark::mark(State::Degraded)) " " (why) }
        }
    }
}

/// What nobody may overlook either: that this monitor sees nothing itself, or could tell so less well.
pub(super) fn blindness(sheet: &Sheet) -> Markup {
    let sight = &sheet.about.sight;
    html! {
        @for (road, since) in &sight.dark {
            @let standing = Standing { state: State::Unknown, since: *since };
            p.forgetting role="alert" {
                (mark::mark(State::Unknown)) " This monitor sees nothing " (road.phrase()) ", "
                (mark::since(standing, sheet.about.now))
                ". What fails by that is unknown until something answers."
            }
        }
        @for (sentinel, since) in &sight.broken {
            @let standing = Standing { state: State::Unknown, since: *since };
            p.forgetting {
                (mark::mark(State::Unknown)) " The sentinel " code { (sentinel) } " is broken, "
                (mark::since(standing, sheet.about.now))
                ": it says nothing while others answer, and is not waited for."
            }
        }
        @if sight.unsettled > 0 {
            p.forgetting {
                (mark::mark(State::Unknown)) " "
                @if sight.unsettled == 1 { "1 failure waits" }
                @else { (sight.unsettled) " failures wait" }
                " for an alibi, and may be this monitor's own."
            }
        }
    }
}

pub(super) fn notices(sheet: &Sheet) -> Markup {
    let notices = &sheet.about.notices;
    html! {
        @if !notices.is_empty() {
            details.notices id="notices" {
                summary data-key="notices" {
                    (notices.len()) @if notices.len() == 1 { " notice" } @else { " notices" }
                    " about the configuration"
                }
                ul { @for notice in notices { li { (notice) } } }
            }
        }
    }
}

pub(super) fn footer() -> Markup {
    html! {
        footer {
            p {
                "nephoscope " (env!("CARGO_PKG_VERSION")) span.dot { " · " }
                a href="/api/v1/services" { "services" } ", "
                a href="/api/v1/checks" { "checks" } " as JSON" span.dot { " · " }
                a href="/metrics" { "metrics" }
            }
        }
    }
}
