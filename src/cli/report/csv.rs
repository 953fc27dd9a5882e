//! A report as comma-separated values (RFC 4180), for a spreadsheet.
//!
//! One kind of rows at a time, so that a file is one table with one heading. Numbers are as in the JSON form, with a point;
//! moments are RFC 3339 in UTC; what does not exist is empty. Text that a spreadsheet would take for a formula gets an
//! apostrophe in front of it.
//!
//! It decides nothing about what is in a report.

use super::words::rfc3339;
use crate::model::FailoverStep;
use crate::monitor::form::{Number, StandingForm};
use crate::web::report::{ReportForm, ServiceReport, SloReport, WhatWord};

/// Which rows.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Rows {
    /// One row per slo and scope.
    Standings,
    /// One row per day of each slo's first scope.
    Days,
    /// One row per stretch of each slo and scope that was not good.
    Stretches,
    /// One row per outage.
    Outages,
    /// One row per failover of a public name, with the seconds after which each step was reached.
    Failovers,
    /// One row per drill.
    Drills,
    /// One row per revision of each closed period.
    Frozen,
    /// One row per cloud of each service, and one for all together (without a provider).
    Clouds,
    /// One row per blame of the bad time of each slo and scope.
    Blame,
}

/// The heading of the numbers of a standing.
const NUMBERS: [&str; 16] = [
    "from",
    "to",
    "elapsed",
    "good",
    "bad",
    "unknown",
    "excluded",
    "availability",
    "availability_low",
    "availability_high",
    "coverage",
    "objective",
    "budget",
    "budget_left",
    "budget_remaining",
    "unit",
];

/// The whole table.
pub(super) fn render(form: &ReportForm, rows: Rows) -> String {
    let mut out = Sheet::default();
    match rows {
        Rows::Standings => standings(form, &mut out),
        Rows::Days => days(form, &mut out),
        Rows::Stretches => stretches(form, &mut out),
        Rows::Outages => outages(form, &mut out),
        Rows::Failovers => failovers(form, &mut out),
        Rows::Drills => drills(form, &mut out),
        Rows::Frozen => frozen(form, &mut out),
        Rows::Clouds => clouds(form, &mut out),
        Rows::Blame => blame(form, &mut out),
    }
    out.0
}

fn standings(form: &ReportForm, out: &mut Sheet) {
    let head =
        ["service", "slo", "kind", "window", "scope", "provider", "promised", "status", "met"];
    let tail = ["max_error_s", "resolution_s", "unknown_policy", "maintenance_policy", "revision"];
    out.row(head.iter().chain(&NUMBERS).chain(&tail).map(|text| (*text).to_owned()));
    for (service, slo) in slos(form) {
        for scope in &slo.scopes {
            let standing = &scope.standing;
            let mut row = vec![
                text(&service.service),
                text(&slo.slo),
                slo.kind.clone(),
                text(&standing.window),
                text(&standing.scope),
                text(&standing.provider),
                scope.promised.to_string(),
                scope.status.clone(),
                scope.met.map(|met| met.to_string()).unwrap_or_default(),
            ];
            row.extend(numbers(standing));
            row.extend([number(scope.max_error_s), number(scope.resolution_s)]);
            row.extend([slo.unknown.clone(), slo.maintenance.clone()]);
            row.push(scope.revision.map(|revision| revision.to_string()).unwrap_or_default());
            out.row(row);
        }
    }
}

fn numbers(standing: &StandingForm) -> Vec<String> {
    let StandingForm { elapsed_s, good_s, bad_s, unknown_s, excluded_s, .. } = standing;
    let StandingForm { availability, availability_low, availability_high, coverage, .. } = standing;
    let mut row = vec![rfc3339(standing.from), rfc3339(standing.to)];
    row.extend([elapsed_s, good_s, bad_s, unknown_s, excluded_s].map(|each| number(*each)));
    row.extend([availability, availability_low, availability_high, coverage].map(|it| maybe(*it)));
    row.extend([standing.objective, standing.budget_s, standing.budget_left_s].map(number));
    row.extend([maybe(standing.budget_remaining), standing.unit.clone()]);
    row
}

fn days(form: &ReportForm, out: &mut Sheet) {
    out.heading(&[
        "service",
        "slo",
        "scope",
        "day",
        "from",
        "to",
        "good_s",
        "bad_s",
        "unknown_s",
        "excluded_s",
        "availability",
        "availability_low",
        "availability_high",
        "coverage",
    ]);
    for (service, slo) in slos(form) {
        let scope = slo.scopes.first().map_or("", |scope| &scope.standing.scope);
        for day in &slo.days {
            let mut row =
                vec![text(&service.service), text(&slo.slo), text(scope), day.day.clone()];
            row.extend([rfc3339(day.from), rfc3339(day.to)]);
            row.extend([day.good_s, day.bad_s, day.unknown_s, day.excluded_s].map(number));
            row.extend([day.availability, day.availability_low].map(maybe));
            row.extend([day.availability_high, day.coverage].map(maybe));
            out.row(row);
        }
    }
}

fn stretches(form: &ReportForm, out: &mut Sheet) {
    out.heading(&[
        "service",
        "slo",
        "scope",
        "from",
        "to",
        "what",
        "why",
        "bad_s",
        "unknown_s",
        "outage",
        "said",
    ]);
    for (service, slo) in slos(form) {
        for scope in &slo.scopes {
            for stretch in &scope.stretches {
                out.row([
                    text(&service.service),
                    text(&slo.slo),
                    text(&scope.standing.scope),
                    rfc3339(stretch.from),
                    rfc3339(stretch.to),
                    what(stretch.what).to_owned(),
                    stretch.why.clone().unwrap_or_default(),
                    number(stretch.bad_s),
                    number(stretch.unknown_s),
                    text(stretch.outage.as_deref().unwrap_or_default()),
                    text(stretch.said.as_deref().unwrap_or_default()),
                ]);
            }
        }
    }
}

fn outages(form: &ReportForm, out: &mut Sheet) {
    out.heading(&[
        "service",
        "scope",
        "provider",
        "vantage",
        "started",
        "ended",
        "duration_s",
        "reason",
        "blame",
        "check",
        "said",
        "id",
        "blamed",
        "incident",
    ]);
    let maybe = |field: &Option<String>| text(field.as_deref().unwrap_or_default());
    for (service, outage) in each(form, |service| &service.outages) {
        out.row([
            text(service),
            text(&outage.scope),
            text(&outage.provider),
            text(&outage.vantage),
            rfc3339(outage.started),
            outage.ended.map(rfc3339).unwrap_or_default(),
            number(outage.duration_s),
            maybe(&outage.reason),
            maybe(&outage.blame),
            maybe(&outage.check),
            maybe(&outage.said),
            text(&outage.id),
            text(&outage.blamed),
            text(&outage.incident),
        ]);
    }
}

fn failovers(form: &ReportForm, out: &mut Sheet) {
    let head = ["service", "vantage", "cause", "planned", "from", "to", "began"];
    let steps = FailoverStep::ALL.iter().map(|step| format!("{step}_s"));
    let tail = ["recovered", "late", "silent", "split", "ended", "duration_s"];
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    out.row(words(&head).into_iter().chain(steps).chain(words(&tail)));
    for (service, failover) in each(form, |service| &service.failovers) {
        let mut row = vec![
            text(service),
            text(&failover.vantage),
            failover.cause.clone(),
            failover.planned.to_string(),
            text(&failover.from),
            text(failover.to.as_deref().unwrap_or_default()),
            rfc3339(failover.began),
        ];
        row.extend(
            FailoverStep::ALL
                .iter()
                .map(|step| maybe(failover.steps_s.get(step.as_str()).copied())),
        );
        row.push(failover.recovered.map(rfc3339).unwrap_or_default());
        let has = |mark: &str| failover.marks.iter().any(|each| each == mark);
        row.extend(["late", "silent", "split"].map(|mark| has(mark).to_string()));
        row.push(failover.ended.map(rfc3339).unwrap_or_default());
        row.push(number(failover.duration_s));
        out.row(row);
    }
}

fn drills(form: &ReportForm, out: &mut Sheet) {
    out.heading(&[
        "service",
        "vantage",
        "started",
        "ended",
        "duration_s",
        "by",
        "reason",
        "ended_by",
    ]);
    for (service, drill) in each(form, |service| &service.drills) {
        out.row([
            text(service),
            text(&drill.vantage),
            rfc3339(drill.started),
            drill.ended.map(rfc3339).unwrap_or_default(),
            number(drill.duration_s),
            text(&drill.by),
            text(&drill.reason),
            text(drill.ended_by.as_deref().unwrap_or_default()),
        ]);
    }
}

/// Rows of all services, each with the name of its service.
fn each<'f, T: 'f>(
    form: &'f ReportForm,
    rows: fn(&'f ServiceReport) -> &'f Vec<T>,
) -> impl Iterator<Item = (&'f str, &'f T)> {
    let of = move |service: &'f ServiceReport| {
        rows(service).iter().map(move |row| (service.service.as_str(), row))
    };
    form.services.iter().flat_map(of)
}

fn frozen(form: &ReportForm, out: &mut Sheet) {
    let head = ["service", "slo", "scope", "period", "revision", "made", "why"];
    out.row(head.iter().chain(&NUMBERS).map(|text| (*text).to_owned()));
    for (service, slo) in slos(form) {
        for frozen in &slo.frozen {
            let mut row = vec![
                text(&service.service),
                text(&slo.slo),
                text(&frozen.standing.scope),
                frozen.period.clone(),
                frozen.revision.to_string(),
                rfc3339(frozen.made),
                text(&frozen.why),
            ];
            row.extend(numbers(&frozen.standing));
            out.row(row);
        }
    }
}

fn clouds(form: &ReportForm, out: &mut Sheet) {
    out.heading(&[
        "service",
        "provider",
        "from",
        "to",
        "elapsed_s",
        "availability",
        "availability_low",
        "availability_high",
        "able_s",
        "unable_s",
        "unknown_s",
        "maintenance_s",
        "covered_s",
        "only_s",
        "both_s",
        "none_s",
        "exposure_unknown_s",
        "failover_cost_s",
        "max_error_s",
    ]);
    for service in &form.services {
        let Some(exposure) = &service.exposure else { continue };
        for cloud in [&exposure.together].into_iter().chain(&exposure.sides) {
            let mut row = vec![text(&service.service), text(&cloud.provider)];
            row.extend([exposure.from, exposure.to].map(rfc3339));
            row.push(number(exposure.elapsed_s));
            row.extend(
                [cloud.availability, cloud.availability_low, cloud.availability_high].map(maybe),
            );
            row.extend([cloud.able_s, cloud.unable_s, cloud.unknown_s].map(number));
            row.extend([cloud.maintenance_s, cloud.covered_s, cloud.only_s].map(number));
            // What is about all of them stands in their row only, so that a column can be added up.
            let joint = cloud.provider.is_empty();
            let of_all = [Some(exposure.both_s), Some(exposure.none_s), Some(exposure.unknown_s)];
            row.extend(of_all.map(|each| maybe(each.filter(|_| joint))));
            row.push(maybe(exposure.failover_cost_s.filter(|_| joint)));
            row.push(number(exposure.max_error_s));
            out.row(row);
        }
    }
}

fn blame(form: &ReportForm, out: &mut Sheet) {
    out.heading(&["service", "slo", "scope", "provider", "blame", "bad_s", "of_budget"]);
    for (service, slo) in slos(form) {
        for scope in &slo.scopes {
            for part in &scope.blame {
                out.row([
                    text(&service.service),
                    text(&slo.slo),
                    text(&scope.standing.scope),
                    text(&scope.standing.provider),
                    part.blame.clone(),
                    number(part.bad_s),
                    maybe(part.of_budget),
                ]);
            }
        }
    }
}

fn slos(form: &ReportForm) -> impl Iterator<Item = (&ServiceReport, &SloReport)> {
    form.services.iter().flat_map(|service| service.slos.iter().map(move |slo| (service, slo)))
}

const fn what(word: WhatWord) -> &'static str {
    match word {
        WhatWord::Bad => "bad",
        WhatWord::Unknown => "unknown",
        WhatWord::Excluded => "excluded",
        WhatWord::Mixed => "mixed",
    }
}

/// Whole numbers without a point, as in JSON.
fn number(number: Number) -> String {
    number.0.to_string()
}

fn maybe(share: Option<Number>) -> String {
    share.map(number).unwrap_or_default()
}

/// Text that a spreadsheet takes for text.
fn text(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

/// Rows as they are written.
#[derive(Default)]
struct Sheet(String);

impl Sheet {
    fn heading(&mut self, names: &[&str]) {
        self.row(names.iter().map(|name| (*name).to_owned()));
    }

    fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        for (position, cell) in cells.into_iter().enumerate() {
            if position > 0 {
                self.0.push(',');
            }
            if cell.contains(['"', ',', '\n', '\r']) {
                self.0.push('"');
                self.0.push_str(&cell.replace('"', "\"\""));
                self.0.push('"');
            } else {
                self.0.push_str(&cell);
            }
        }
        self.0.push_str("\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::{Sheet, text};

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let mut sheet = Sheet::default();
        sheet.row(["plain", "a,b", "say \"no\"", "two\nlines", ""].map(str::to_owned));
        assert_eq!(sheet.0, "plain,\"a,b\",\"say \"\"no\"\"\",\"two\nlines\",\r\n");
    }

    #[test]
    fn a_formula_is_text() {
        assert_eq!(text("=HYPERLINK(1)"), "'=HYPERLINK(1)");
    }
}
