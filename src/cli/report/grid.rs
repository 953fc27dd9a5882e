//! The tables of a report as cells of text, one home for what table, markdown and html all show.
//!
//! A [`Grid`] has a heading for each column and its cells as people read them; how a line, a pipe or a `<td>` is made of
//! that is the renderer's. Text that came from a server or a file is as it came: renderers make it harmless.
//!
//! It chooses no colour and knows no width.

use super::words::{Clock, NOTHING, amount, charged, duration, maybe, met, promise};
use crate::model::FailoverStep;
use crate::monitor::form::{Number, StandingForm};
use crate::web::exposure::{AloneForm, ExposureForm};
use crate::web::report::{
    OutageRow, ReportForm, ScopeReport, ServiceReport, SloReport, StretchForm, WhatWord,
};

/// A table.
pub(super) struct Grid {
    /// One for each column.
    pub(super) heads: Vec<&'static str>,
    /// Cells by row.
    pub(super) rows: Vec<Vec<String>>,
}

impl Grid {
    fn new(heads: &[&'static str]) -> Self {
        Self { heads: heads.to_vec(), rows: Vec::new() }
    }

    /// Without the columns in which nothing stands.
    fn without_blanks(mut self) -> Self {
        for column in (0..self.heads.len()).rev() {
            if !self.rows.is_empty() && self.rows.iter().all(|row| row[column].is_empty()) {
                self.heads.remove(column);
                for row in &mut self.rows {
                    row.remove(column);
                }
            }
        }
        self
    }
}

/// Every slo with the scope it is promised for.
pub(super) fn overview(form: &ReportForm) -> Grid {
    let mut grid =
        Grid::new(&["Service", "SLO", "Promise", "Status", "Met", "Available", "Budget left"]);
    for service in &form.services {
        for slo in &service.slos {
            let Some(scope) = slo.scopes.first() else { continue };
            let standing = &scope.standing;
            grid.rows.push(vec![
                service.title.clone(),
                slo.slo.clone(),
                promise(slo, standing),
                scope.status.clone(),
                met(scope).to_owned(),
                maybe(standing.availability, 4),
                left(standing),
            ]);
        }
    }
    grid
}

/// Every scope of an slo, the promised one first.
pub(super) fn scopes(slo: &SloReport) -> Grid {
    let mut grid = Grid::new(&[
        "Scope",
        "Status",
        "Met",
        "Available",
        "Low",
        "High",
        "Observed",
        "Bad",
        "Budget",
        "Left",
        "Max error",
    ]);
    for scope in &slo.scopes {
        let standing = &scope.standing;
        let error = scope.max_error_s.0;
        grid.rows.push(vec![
            format!("{}{}", standing.scope, if scope.promised { " *" } else { "" }),
            scope.status.clone(),
            met(scope).to_owned(),
            maybe(standing.availability, 4),
            maybe(standing.availability_low, 4),
            maybe(standing.availability_high, 4),
            maybe(standing.coverage, 2),
            amount(standing.bad_s, &standing.unit),
            amount(standing.budget_s, &standing.unit),
            left(standing),
            if error > 0.0 { duration(error) } else { String::new() },
        ]);
    }
    grid.without_blanks()
}

/// What all clouds together gave, and what each would have given alone.
pub(super) fn clouds(form: &ExposureForm) -> Grid {
    let mut grid = Grid::new(&[
        "Cloud",
        "Could serve",
        "Low",
        "High",
        "Could not",
        "Maintenance",
        "Others could",
        "Only one left",
    ]);
    let some = |time: Number| if time.0 > 0.0 { duration(time.0) } else { String::new() };
    let row = |name: String, of: &AloneForm| {
        vec![
            name,
            maybe(of.availability, 4),
            maybe(of.availability_low, 4),
            maybe(of.availability_high, 4),
            duration(of.unable_s.0),
            some(of.maintenance_s),
            some(of.covered_s),
            some(of.only_s),
        ]
    };
    grid.rows.push(row("together".to_owned(), &form.together));
    for side in &form.sides {
        grid.rows.push(row(format!("{} alone", side.provider), side));
    }
    grid.without_blanks()
}

/// Whose the bad time of a scope was.
pub(super) fn blame(scope: &ScopeReport) -> Grid {
    let mut grid = Grid::new(&["Blame", "Bad for", "Of the budget"]);
    for part in &scope.blame {
        let share = part.of_budget.map(|share| super::words::percent(share.0, 1));
        grid.rows.push(vec![part.blame.clone(), duration(part.bad_s.0), share.unwrap_or_default()]);
    }
    grid.without_blanks()
}

/// What is left of a budget, and its share.
fn left(standing: &StandingForm) -> String {
    let left = amount(standing.budget_left_s, &standing.unit);
    match standing.budget_remaining {
        Some(share) => format!("{left} ({})", super::words::percent(share.0, 1)),
        None => NOTHING.to_owned(),
    }
}

/// What the budget of the first scope went on.
pub(super) fn bad_time(slo: &SloReport, clock: &Clock) -> Grid {
    let mut grid = Grid::new(&["From", "To", "Bad for", "Reason", "Seen"]);
    let Some(scope) = slo.scopes.first() else { return grid };
    for stretch in &scope.stretches {
        let charged = charged(slo, stretch);
        if charged > 0.0 {
            grid.rows.push(vec![
                clock.moment(stretch.from),
                clock.moment(stretch.to),
                duration(charged),
                reason(stretch),
                stretch.said.clone().unwrap_or_default(),
            ]);
        }
    }
    grid.without_blanks()
}

fn reason(stretch: &StretchForm) -> String {
    match (stretch.what, &stretch.why) {
        (WhatWord::Mixed, _) => "several, coalesced".to_owned(),
        (WhatWord::Unknown, Some(cause)) => format!("unknown: {cause}"),
        (_, Some(why)) => why.clone(),
        (_, None) => NOTHING.to_owned(),
    }
}

/// Closed periods as they were frozen.
pub(super) fn frozen(slo: &SloReport, clock: &Clock) -> Grid {
    let mut grid =
        Grid::new(&["Period", "Revision", "Available", "Observed", "Bad", "Left", "Made", "Why"]);
    for frozen in &slo.frozen {
        let standing = &frozen.standing;
        grid.rows.push(vec![
            frozen.period.clone(),
            frozen.revision.to_string(),
            maybe(standing.availability, 4),
            maybe(standing.coverage, 2),
            amount(standing.bad_s, &standing.unit),
            left(standing),
            clock.moment(frozen.made),
            frozen.why.clone(),
        ]);
    }
    grid
}

/// What became of the public name: steps as they were reached, counted from the beginning.
pub(super) fn failovers(service: &ServiceReport, clock: &Clock) -> Grid {
    let mut grid = Grid::new(&[
        "Began",
        "Vantage",
        "Cause",
        "From",
        "To",
        "Detected",
        "Authoritative",
        "Resolvers",
        "Fresh client",
        "Back",
        "Marks",
        "Ended",
    ]);
    for failover in &service.failovers {
        let mut marks = failover.marks.clone();
        if failover.to.is_none() {
            marks.push("nothing switched".to_owned());
        }
        let mut row = vec![
            clock.moment(failover.began),
            failover.vantage.clone(),
            failover.cause.clone(),
            failover.from.clone(),
            failover.to.clone().unwrap_or_else(|| NOTHING.to_owned()),
        ];
        row.extend(FailoverStep::ALL.iter().map(|step| {
            let took = failover.steps_s.get(step.as_str());
            took.map_or_else(|| NOTHING.to_owned(), |took| format!("+{}", duration(took.0)))
        }));
        row.push(marks.join(", "));
        row.push(ended(failover.ended, "goes on", clock));
        grid.rows.push(row);
    }
    grid.without_blanks()
}

/// When that was tried.
pub(super) fn drills(service: &ServiceReport, clock: &Clock) -> Grid {
    let mut grid = Grid::new(&["Started", "Ended", "Lasted", "Vantage", "By", "Ended by", "Why"]);
    for drill in &service.drills {
        grid.rows.push(vec![
            clock.moment(drill.started),
            ended(drill.ended, "is on", clock),
            duration(drill.duration_s.0),
            drill.vantage.clone(),
            drill.by.clone(),
            drill.ended_by.clone().unwrap_or_default(),
            drill.reason.clone(),
        ]);
    }
    grid.without_blanks()
}

/// When it ended, or what is said while it has not.
fn ended(ended: Option<Number>, lasts: &str, clock: &Clock) -> String {
    ended.map_or_else(|| lasts.to_owned(), |ended| clock.moment(ended))
}

/// What was down.
pub(super) fn outages(service: &ServiceReport, clock: &Clock) -> Grid {
    let mut grid = Grid::new(&[
        "Scope", "Vantage", "Started", "Ended", "Lasted", "Reason", "Blame", "Check", "Seen",
    ]);
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    for OutageRow {
        scope,
        vantage,
        started,
        ended,
        duration_s,
        reason,
        blame,
        blamed,
        check,
        said,
        ..
    } in &service.outages
    {
        grid.rows.push(vec![
            scope.clone(),
            vantage.clone(),
            clock.moment(*started),
            self::ended(*ended, "still down", clock),
            duration(duration_s.0),
            text(reason),
            format!("{} {blamed}", text(blame)).trim().to_owned(),
            text(check),
            text(said),
        ]);
    }
    grid.without_blanks()
}
