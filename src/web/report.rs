//! Reports: how promises stood over a window or a calendar period, what was down, and how that is known.
//!
//! [`make`] is one pure function from what was (a [`Source`]) and what is asked for (a [`Question`]) to a [`ReportForm`],
//! for `GET /api/v1/report` and for `nephoscope report` on stores at rest alike. The numbers are those of the engine; here is
//! only which of them are put together: each slo with the scope it is promised for first, its days, and the stretches that
//! its bad time is made of.
//!
//! It renders nothing but JSON, and it reads no store.

mod blamed;
mod days;
mod form;
mod question;
mod stretches;
mod switched;
mod vantage;

pub use form::{
    BlamePart, DayForm, DrillRow, FailoverRow, FrozenForm, LeftOutForm, OutageRow, ReportForm,
    ScopeReport, ServiceReport, SloReport, StretchForm, VantageForm, WhatWord,
};
pub use question::{Over, Question, Wrong};

use super::Face;
use super::api::Refusal;
use crate::model::{
    Objective, ObjectiveStatus, ObjectiveWindow, PeriodPolicy, Service, Timestamp, UnknownPolicy,
};
use crate::monitor::book::Book;
use crate::monitor::entries::{KeptDrill, KeptFailover};
use crate::monitor::form::{Frozen, Number, StandingForm};
use crate::monitor::outages::Outage;
use crate::slo::budget::Policies;
use crate::slo::burn::WHOLE;
use crate::slo::history::{History, Lens};
use crate::slo::joint::Scope;
use crate::slo::spans::Timeline;
use crate::slo::standing::Standing;
use crate::slo::window::Span;
use crate::web::exposure::ExposureForm;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use jiff::tz::TimeZone;
use std::collections::BTreeSet;
use std::time::Duration;

/// Frozen periods listed with an slo over its own window: a year of months and the one before.
const FROZEN_LISTED: usize = 13;

/// The time that is reported of a service that promises nothing, if none is asked for.
const USUAL: Duration = Duration::from_hours(30 * 24);

/// What was.
pub struct Source<'a> {
    /// The past of every service.
    pub book: &'a Book,
    /// The instant as of which is reported.
    pub at: Timestamp,
    /// Whose days and periods.
    pub zone: TimeZone,
    /// What was down, with the vantage that saw it; empty if there is one vantage only.
    pub outages: Vec<(String, Outage)>,
    /// What became of public names, with the vantage in the same way.
    pub failovers: Vec<(String, KeptFailover)>,
    /// When that was tried.
    pub drills: Vec<(String, KeptDrill)>,
    /// Closed periods, every revision.
    pub frozen: Vec<Frozen>,
    /// Who looked.
    pub vantages: Vec<VantageForm>,
    /// How many of them make bad; `None` for one vantage.
    pub quorum: Option<usize>,
    /// What somebody should know before reading.
    pub notices: Vec<String>,
}

/// `GET /api/v1/report?window=30d`, `?period=2026-10`, `&match=key=value`.
pub(super) async fn show(
    State(face): State<Face>,
    parameters: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Json<ReportForm>, Refusal> {
    let Query(parameters) = parameters.map_err(|rejected| Wrong::asked(rejected.body_text()))?;
    let question = Question::of_parameters(&parameters)?;
    let about = face.picture.about();
    let past = face.past.clone();
    let vantage = VantageForm::watching(&about.vantage, about.now);
    let mut source = Source {
        zone: zone(&past.book),
        book: &past.book,
        at: about.now,
        outages: nameless((past.outages)()),
        failovers: nameless((past.failovers)()),
        drills: nameless((past.drills)()),
        frozen: (past.frozen)(),
        vantages: vec![vantage],
        quorum: None,
        notices: Vec::new(),
    };
    source.vantages[0].cover((source.book, about.now), &question, &source.zone, about.now);
    Ok(Json(make(&source, &question)?))
}

/// Seen by the one vantage that there is.
fn nameless<T>(seen: Vec<T>) -> Vec<(String, T)> {
    seen.into_iter().map(|each| (String::new(), each)).collect()
}

/// Whose civil time the services follow.
pub fn zone(book: &Book) -> TimeZone {
    if book.services().is_empty() {
        return TimeZone::UTC;
    }
    book.with(0, |history| history.zone().clone())
}

/// The report that answers `question`.
pub fn make(source: &Source<'_>, question: &Question) -> Result<ReportForm, Wrong> {
    question.check_begun(&source.zone, source.at)?;
    let services = source.book.services();
    let chosen: Vec<usize> =
        (0..services.len()).filter(|number| question.fits(&services[*number])).collect();
    if chosen.is_empty() && !question.matching.is_empty() {
        return Err(question.nothing_fits(services));
    }
    let reports = chosen.into_iter().map(|number| of_service(source, question, number));
    Ok(ReportForm {
        at: source.at.into(),
        timezone: source.zone.iana_name().unwrap_or("UTC").to_owned(),
        window: question.window_text(),
        period: question.period_label(),
        matching: question.matching.iter().map(|(key, value)| format!("{key}={value}")).collect(),
        quorum: source.quorum.map(|quorum| quorum as u64),
        vantages: source.vantages.clone(),
        notices: source.notices.clone(),
        services: reports.collect(),
    })
}

fn of_service(source: &Source<'_>, question: &Question, number: usize) -> ServiceReport {
    let service = &source.book.services()[number];
    let outages: Vec<&(String, Outage)> =
        source.outages.iter().filter(|(_, outage)| outage.service == service.name).collect();
    let slos = source.book.with(number, |history| {
        let of_slo = |objective| of_slo(source, question, service, history, objective, &outages);
        service.objectives.iter().map(of_slo).collect::<Vec<_>>()
    });
    let span = longest(question, service, &source.zone, source.at);
    let exposure = question.provider().is_none().then_some(());
    let exposure = exposure.and_then(|()| {
        source.book.with(number, |history| ExposureForm::new(history, span.from, span.to))
    });
    let rows = outages.into_iter().filter(|(_, outage)| {
        outage.started < span.to
            && outage.ended.is_none_or(|end| end > span.from)
            && question.provider().is_none_or(|name| name == &*outage.provider)
    });
    let mut rows: Vec<OutageRow> =
        rows.map(|(vantage, outage)| OutageRow::new(vantage, outage, source.at)).collect();
    rows.sort_by(|one, next| one.started.0.total_cmp(&next.started.0));
    let of_name = (&*service.name, span, source.at);
    ServiceReport {
        failovers: switched::failovers(&source.failovers, of_name, question),
        drills: switched::drills(&source.drills, of_name),
        has_name: service.entry.is_some(),
        service: service.name.to_string(),
        title: service.title.clone(),
        labels: (*service.labels).clone(),
        slos,
        outages: rows,
        exposure,
    }
}

/// The time that is reported of a service: what was asked for, else the longest window of its promises.
fn longest(question: &Question, service: &Service, zone: &TimeZone, at: Timestamp) -> Span {
    let own = service.objectives.iter().map(|objective| Span::at(objective.window, zone, at));
    let span = question.span(zone, at).or_else(|| own.max_by_key(Span::elapsed));
    span.unwrap_or_else(|| Span::at(ObjectiveWindow::Rolling(USUAL), zone, at))
}

fn of_slo(
    source: &Source<'_>,
    question: &Question,
    service: &Service,
    history: &mut History,
    objective: &Objective,
    outages: &[&(String, Outage)],
) -> SloReport {
    let span = question.span(&source.zone, source.at);
    let span = span.unwrap_or_else(|| Span::at(objective.window, &source.zone, source.at));
    let promised = history.scope_of(objective);
    let mut scopes: Vec<Scope> = history.scopes().collect();
    scopes.sort_by_key(|scope| *scope != promised);
    if let Some(provider) = question.provider() {
        scopes.retain(|scope| history.scheme().provider(*scope) == provider);
    }
    let window = question.window_name(objective);
    let mut reports = Vec::new();
    let mut days = Vec::new();
    for scope in scopes {
        let standing = history.standing_over(objective, scope, span);
        let line = history.line_kept(scope, Lens::of(objective), span.to);
        if reports.is_empty() {
            days = days::of_line(&line, span, &source.zone, policies(objective));
        }
        let form = StandingForm::new(
            &service.name,
            history.scheme(),
            objective,
            scope,
            &window,
            &standing,
        );
        let mut report = of_scope(history, objective, scope, &line, &standing, form);
        stretches::explain(&mut report, outages);
        let scope_word = history.scheme().word(scope);
        report.blame = blamed::parts(&line, &standing, objective.unknown, &scope_word, outages);
        report.promised = scope == promised;
        freeze(&mut report, source, question, objective);
        reports.push(report);
    }
    let frozen = reports.first().map_or_else(Vec::new, |first| {
        let span = question.span(&source.zone, source.at);
        listed(source, &first.standing, span)
    });
    SloReport::new(objective, &history.scheme().word(promised), reports, days, frozen)
}

fn of_scope(
    history: &History,
    objective: &Objective,
    scope: Scope,
    line: &Timeline,
    standing: &Standing,
    form: StandingForm,
) -> ScopeReport {
    let checks = history.scheme().checks(scope).into_iter();
    let intervals = checks.map(|check| history.checks()[check].interval());
    let (stretches, left_out) = stretches::of_line(line, standing.span);
    ScopeReport {
        promised: false,
        status: standing.status.to_string(),
        met: standing.availability().map(|share| !share.is_below(objective.target_parts)),
        ends: standing.span.full_to.into(),
        max_error_s: Number::seconds(standing.max_error),
        resolution_s: Number(intervals.max().unwrap_or_default().as_secs_f64()),
        revision: None,
        standing: form,
        stretches,
        left_out,
        blame: Vec::new(),
    }
}

const fn policies(objective: &Objective) -> Policies {
    Policies { unknown: objective.unknown, maintenance: objective.maintenance }
}

/// A closed period that was frozen is reported as it was frozen: the newest revision becomes the number (S18).
fn freeze(
    report: &mut ScopeReport,
    source: &Source<'_>,
    question: &Question,
    objective: &Objective,
) {
    let Some(period) = question.period_label() else { return };
    let same = source
        .frozen
        .iter()
        .filter(|frozen| frozen.period == period && is_of(&frozen.standing, &report.standing));
    let Some(newest) = same.max_by_key(|frozen| frozen.revision) else { return };
    report.standing = StandingForm { window: period, ..newest.standing.clone() };
    report.revision = Some(newest.revision);
    let standing = &report.standing;
    report.met = standing.availability.map(|share| share.0 >= standing.objective.0);
    let spent = standing.budget_remaining.is_some_and(|left| left.0 <= 0.0);
    #[expect(clippy::cast_precision_loss, reason = "parts of 10^9")]
    let least = objective.min_coverage_parts as f64 / WHOLE as f64;
    let status = match (standing.availability, standing.coverage) {
        (None, _) => ObjectiveStatus::NoData,
        _ if spent => ObjectiveStatus::Exhausted,
        (_, Some(coverage)) if coverage.0 < least => ObjectiveStatus::Partial,
        _ => ObjectiveStatus::Ok,
    };
    report.status = status.to_string();
}

/// Whether both are about the same slo and scope.
fn is_of(one: &StandingForm, other: &StandingForm) -> bool {
    let whose = |form: &StandingForm| {
        [form.service.clone(), form.slo.clone(), form.scope.clone(), form.provider.clone()]
    };
    whose(one) == whose(other)
}

/// The frozen periods that are listed with an slo and scope: those in the span asked for, else the last ones. The newest
/// period first, and of it the newest revision.
fn listed(source: &Source<'_>, standing: &StandingForm, span: Option<Span>) -> Vec<FrozenForm> {
    let within = |frozen: &&Frozen| {
        is_of(&frozen.standing, standing)
            && span.is_none_or(|span| frozen.from < span.to && frozen.to > span.from)
    };
    let mut found: Vec<&Frozen> = source.frozen.iter().filter(within).collect();
    found.sort_by_key(|frozen| std::cmp::Reverse((frozen.from, frozen.revision)));
    let mut periods = BTreeSet::new();
    found.retain(|frozen| {
        periods.insert(frozen.from);
        span.is_some() || periods.len() <= FROZEN_LISTED
    });
    found.into_iter().map(FrozenForm::new).collect()
}

impl SloReport {
    fn new(
        objective: &Objective,
        scope: &str,
        scopes: Vec<ScopeReport>,
        days: Vec<DayForm>,
        frozen: Vec<FrozenForm>,
    ) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "parts of 10^9")]
        let share = |parts: u64| Number(parts as f64 / WHOLE as f64);
        Self {
            slo: objective.name.to_string(),
            objective: share(objective.target_parts),
            window: objective.window_text.to_string(),
            kind: objective.kind.to_string(),
            threshold_ms: objective.threshold.map(|it| Number(it.as_secs_f64() * 1e3)),
            slice_s: objective.slice.map(|it| Number(it.as_secs_f64())),
            unknown: objective.unknown.to_string(),
            maintenance: objective.maintenance.to_string(),
            min_coverage: share(objective.min_coverage_parts),
            scope: scope.to_owned(),
            scopes,
            days,
            frozen,
        }
    }

    /// Whether unknown time is charged as bad.
    pub fn charges_unknown(&self) -> bool {
        self.unknown == UnknownPolicy::Bad.as_str()
    }

    /// Whether maintenance counts as good time.
    pub fn maintenance_is_good(&self) -> bool {
        self.maintenance == PeriodPolicy::Good.as_str()
    }
}
