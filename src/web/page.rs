//! `GET /`: the status page for people.
//!
//! A pure function of a [`Sheet`] of views. Worst first; a bounded number of services in full, the others as lines, and
//! filters (`?service=`, `?provider=`, `?state=`) to reach all. State is always a word and a shape, never only a colour.
//! Whatever the configuration or a server put into a text is escaped by `maud`.
//!
//! It has no state of its own and asks no clock: the time shown is that of the picture.

mod check;
mod exposure;
mod head;
mod incidents;
mod lately;
mod mark;
mod promise;
mod references;
mod service;

use super::api::promises::forms;
use super::api::{Narrow, SloForm};
use super::exposure::ExposureForm;
use super::trust::Trust;
use super::{Face, Picture, reading};
use crate::model::{MaintenancePhase, State, Timestamp};
use crate::monitor::desk::WindowView;
use crate::monitor::outages::{CanaryView, Incident, Outage};
use crate::monitor::references::ReferenceView;
use crate::monitor::snapshot::{About, CheckView, ServiceView, Step};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Services shown in full; at a handful of checks each this keeps the page below a few hundred kilobytes.
const SERVICES_IN_FULL: usize = 60;

/// Services shown as one line each, after those in full.
const SERVICES_AS_LINES: usize = 2_000;

/// Checks of a service in the table of its details.
const CHECKS_IN_DETAIL: usize = 40;

/// The same on the page of one service.
const CHECKS_OF_ONE_SERVICE: usize = 1_000;

/// Last runs drawn for the check that stands for a side.
const RUNS_DRAWN: usize = 40;

/// Everything the page shows, chosen and sorted.
pub struct Sheet {
    /// What the monitor says of itself.
    pub about: About,
    /// What the reader narrowed to.
    pub narrow: Narrow,
    /// How many services there are, by [`State::index`], before narrowing.
    pub tally: [usize; State::ALL.len()],
    /// The clouds with the states of their sides, before narrowing, in the order of the configuration.
    pub clouds: Vec<Cloud>,
    /// The services to show, worst first.
    pub services: Vec<ServiceView>,
    /// The last runs, newest first, of the checks that stand for sides shown in full.
    pub runs: BTreeMap<String, Vec<Step>>,
    /// The stories of last failures, by check, on the page of one service.
    pub stories: BTreeMap<String, Arc<str>>,
    /// Whether there are some that are not for whoever asks.
    pub withheld: bool,
    /// The promises of services shown in full, in the scope they were made for.
    pub promises: BTreeMap<String, Vec<SloForm>>,
    /// Where public names lead, in one sentence each, by the name.
    pub leads: BTreeMap<Arc<str>, String>,
    /// How many clouds could serve services shown in full.
    pub exposures: BTreeMap<String, ExposureForm>,
    /// What lasts, by cause, the longest first.
    pub incidents: Vec<Incident>,
    /// Canaries that fail alone.
    pub odd_canaries: Vec<CanaryView>,
    /// Sentinels, canaries and shared dependencies.
    pub references: Vec<ReferenceView>,
    /// What lasts, then what ended lately.
    pub outages: Vec<Outage>,
    /// How many did not fit.
    pub more_outages: usize,
    /// Titles of services.
    pub titles: BTreeMap<String, String>,
    /// What holds, then what comes next.
    pub maintenance: Vec<WindowView>,
    /// Why history is not being kept, if it is not.
    pub forgetting: Option<String>,
}

/// A provider with the states of the sides that run on it.
pub struct Cloud {
    /// Its name.
    pub name: String,
    /// For people.
    pub title: String,
    /// How many sides, by [`State::index`].
    pub tally: [usize; State::ALL.len()],
}

pub(super) async fn show(
    Shared(face): Shared<Face>,
    Trust(trusted): Trust,
    narrow: Result<Query<Narrow>, QueryRejection>,
) -> Response {
    let narrow = match narrow {
        Ok(Query(narrow)) => narrow,
        Err(rejected) => return refuse(&rejected.body_text()),
    };
    match Sheet::new(&face, narrow) {
        Ok(mut sheet) => {
            if !trusted {
                sheet.withhold_stories();
            }
            Html(render(&sheet).into_string()).into_response()
        }
        Err(error) => refuse(&error),
    }
}

fn refuse(error: &str) -> Response {
    let body = format!("{error}; narrow with `?service=`, `?provider=` and `?state=`\n");
    (StatusCode::BAD_REQUEST, body).into_response()
}

impl Sheet {
    /// Takes the picture, counts, narrows and sorts.
    pub fn new(face: &Face, narrow: Narrow) -> Result<Self, String> {
        let picture = &*face.picture;
        let state = narrow.state()?;
        let mut services = picture.services();
        let mut tally = [0; State::ALL.len()];
        for service in &services {
            tally[reading::overall(service).state.index()] += 1;
        }
        let clouds = clouds(&services);
        let titles =
            services.iter().map(|each| (each.name.to_string(), each.title.clone())).collect();
        if let Some(name) = Narrow::text(narrow.service.as_deref()) {
            services.retain(|each| &*each.name == name);
        }
        if let Some(provider) = Narrow::text(narrow.provider.as_deref()) {
            services.retain(|each| each.sides.iter().any(|side| &*side.provider == provider));
        }
        if let Some(state) = state {
            services.retain(|each| reading::overall(each).state == state);
        }
        // Stable, so that services in the same state stand in the order of the configuration and do not jump about.
        services.sort_by_key(|each| Reverse(reading::overall(each).state));
        let mut runs = BTreeMap::new();
        let in_full = services.iter().take(SERVICES_IN_FULL);
        let shown = in_full.flat_map(|service| {
            let sides = service.sides.iter();
            let of_sides = sides.filter_map(|side| reading::worst_check(&side.endpoints));
            service.entry.iter().map(|entry| &entry.check).chain(of_sides)
        });
        for check in shown {
            let mut trail = picture.trail(check.id.as_str());
            trail.truncate(RUNS_DRAWN);
            runs.insert(check.id.to_string(), trail);
        }
        let stories = stories(picture, &narrow, &services);
        let about = picture.about();
        let full = &services[..services.len().min(SERVICES_IN_FULL)];
        let promises = promises(face, full, about.now);
        let shown = full.iter().map(|each| &*each.name).collect();
        let exposures = ExposureForm::of_services(&face.past.book, &shown, about.now);
        let incidents = incidents(face, &narrow);
        let mut odd_canaries = (face.past.canaries)();
        odd_canaries.retain(|canary| canary.fails_alone);
        let (outages, more_outages) = outages(face, &narrow);
        let maintenance = maintenance(face, about.now);
        let forgetting = (face.keeping)().err();
        Ok(Self {
            about,
            narrow,
            tally,
            clouds,
            services,
            runs,
            stories,
            withheld: false,
            promises,
            leads: super::api::drills::sentences(&face.entries),
            exposures,
            incidents,
            odd_canaries,
            references: face.references.list(),
            outages,
            more_outages,
            titles,
            maintenance,
            forgetting,
        })
    }

    /// Leaves out the stories, and says so if there are any.
    fn withhold_stories(&mut self) {
        self.withheld = !std::mem::take(&mut self.stories).is_empty();
    }

    /// Whether the reader asked for a single service, which is then shown with its checks unfolded.
    fn is_about_one(&self) -> bool {
        Narrow::text(self.narrow.service.as_deref()).is_some()
    }

    /// How many checks of one service its table may have.
    fn checks_in_detail(&self) -> usize {
        if self.is_about_one() { CHECKS_OF_ONE_SERVICE } else { CHECKS_IN_DETAIL }
    }

    fn is_narrowed(&self) -> bool {
        [&self.narrow.service, &self.narrow.provider, &self.narrow.state]
            .into_iter()
            .any(|field| Narrow::text(field.as_deref()).is_some())
    }
}

/// The stories of last failures, if a single service is asked for.
fn stories(
    picture: &dyn Picture,
    narrow: &Narrow,
    services: &[ServiceView],
) -> BTreeMap<String, Arc<str>> {
    let one = Narrow::text(narrow.service.as_deref()).and(services.first());
    let checks = one.into_iter().flat_map(ServiceView::checks);
    let failed = checks.filter(|check| check.last_failure.is_some());
    let story = |check: &CheckView| Some((check.id.to_string(), picture.story(check.id.as_str())?));
    failed.filter_map(story).collect()
}

/// The promises of these services, in the scope they were made for.
fn promises(
    face: &Face,
    services: &[ServiceView],
    now: Timestamp,
) -> BTreeMap<String, Vec<SloForm>> {
    let book = &face.past.book;
    let shown: BTreeSet<&str> = services.iter().map(|each| &*each.name).collect();
    let of = (0..).zip(book.services()).filter(|(_, service)| shown.contains(&*service.name));
    of.map(|(number, service)| {
        let mut forms = forms(book, Some(number), now);
        forms.retain(|form| form.promised);
        (service.name.to_string(), forms)
    })
    .collect()
}

/// What lasts of the services asked for, the longest first.
fn incidents(face: &Face, narrow: &Narrow) -> Vec<Incident> {
    let about: BTreeSet<_> =
        recent(face, narrow).into_iter().map(|outage| outage.incident).collect();
    let mut incidents = (face.past.incidents)();
    incidents.retain(|incident| about.contains(&incident.id));
    incidents.sort_by_key(|incident| incident.started);
    incidents
}

/// What is or was down of the services asked for.
fn recent(face: &Face, narrow: &Narrow) -> Vec<Outage> {
    let mut outages = (face.past.recent)();
    if let Some(name) = Narrow::text(narrow.service.as_deref()) {
        outages.retain(|outage| *outage.service == *name);
    }
    if let Some(provider) = Narrow::text(narrow.provider.as_deref()) {
        outages.retain(|outage| outage.provider.is_empty() || *outage.provider == *provider);
    }
    outages
}

/// The same, bounded, and how many more there are.
fn outages(face: &Face, narrow: &Narrow) -> (Vec<Outage>, usize) {
    let mut outages = recent(face, narrow);
    let more = outages.len().saturating_sub(lately::OUTAGES_SHOWN);
    outages.truncate(lately::OUTAGES_SHOWN);
    (outages, more)
}

/// What holds, and what comes soon.
fn maintenance(face: &Face, now: Timestamp) -> Vec<WindowView> {
    let list = face.desk.list();
    let holds = list.iter().filter(|window| window.phase == MaintenancePhase::Now);
    let soon = now.shifted(lately::NEXT_WITHIN);
    let next = list
        .iter()
        .filter(|window| window.phase == MaintenancePhase::ToCome && window.from <= soon);
    holds.take(lately::NOW_SHOWN).chain(next.take(lately::NEXT_SHOWN)).cloned().collect()
}

/// The providers in the order in which the services name them, with the states of their sides.
fn clouds(services: &[ServiceView]) -> Vec<Cloud> {
    let mut clouds: Vec<Cloud> = Vec::new();
    for side in services.iter().flat_map(|service| &service.sides) {
        let at = clouds.iter().position(|cloud| cloud.name == *side.provider);
        let at = at.unwrap_or_else(|| {
            let (name, title) = (side.provider.to_string(), side.title.clone());
            clouds.push(Cloud { name, title, tally: [0; State::ALL.len()] });
            clouds.len() - 1
        });
        let cloud = &mut clouds[at];
        cloud.tally[side.standing.state.index()] += 1;
    }
    clouds
}

/// The whole page.
pub fn render(sheet: &Sheet) -> Markup {
    let full = &sheet.services[..sheet.services.len().min(SERVICES_IN_FULL)];
    let rest = &sheet.services[full.len()..];
    html! {
        (DOCTYPE)
        html lang="en" {
            (head::head(sheet))
            body {
                (mark::shapes())
                (promise::hatch())
                a.skip href="#main" { "To the services" }
                (head::banner(sheet))
                main id="main" tabindex="-1" {
                    (head::headline(sheet))
                    (incidents::incidents(sheet))
                    @if !sheet.is_narrowed() { (head::clouds(sheet)) }
                    (head::forgetting(sheet))
                    (head::blindness(sheet))
                    (head::notices(sheet))
                    (lately::maintenance(sheet))
                    section.services aria-label="Services" {
                        @for each in full { (service::in_full(sheet, each)) }
                        @if sheet.services.is_empty() { (nothing(sheet)) }
                    }
                    @if !rest.is_empty() { (lines(sheet, rest)) }
                    (lately::outages(sheet))
                    @if !sheet.is_narrowed() { (references::references(sheet)) }
                }
                (head::footer())
            }
        }
    }
}

fn nothing(sheet: &Sheet) -> Markup {
    html! {
        p.nothing {
            @if sheet.is_narrowed() {
                "No service is like that at the moment. " a href="/" { "Show all" } "."
            } @else {
                "No service is configured."
            }
        }
    }
}

/// The services that are not shown in full: one line each, and a count of those that do not even fit there.
fn lines(sheet: &Sheet, rest: &[ServiceView]) -> Markup {
    let shown = &rest[..rest.len().min(SERVICES_AS_LINES)];
    html! {
        section.rest aria-label="Further services" {
            h2 { (rest.len()) " more" }
            ul {
                @for each in shown {
                    @let standing = reading::overall(each);
                    li class=(mark::class(standing.state)) {
                        (mark::mark(standing.state)) " "
                        a href=(mark::link("service", &each.name)) { (each.title) }
                        " " span.word { (standing.state) }
                        " " (mark::since(standing, sheet.about.now))
                    }
                }
            }
            @if rest.len() > shown.len() {
                p { (rest.len() - shown.len()) " others are not listed here: narrow by "
                    "state above, or add " code { "?service=NAME" } " to the address." }
            }
        }
    }
}
