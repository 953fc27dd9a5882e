//! What all dashboards share: rows of panels, variables, links, annotations, the head of the file.
//!
//! A row is a height and panels with their widths, which fill the grid; places are computed, so no two panels overlap and no
//! row has a hole. Variables are the data source, then what the dashboard is about, then job and instance.
//!
//! It knows no panel.

use super::Dashboard;
use super::panel::{Panel, source};
use super::query::{PROMISE, Select, promised};
use crate::metrics::catalog::Metric;
use serde_json::{Value, json};

/// Columns of Grafana's grid.
const COLUMNS: u32 = 24;

/// A variable: what a reader chooses.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    name: &'static str,
    label: &'static str,
    series: Select,
    values: &'static str,
    many: bool,
    /// Whether all may be chosen at once, and what that matches; empty: every value that is offered.
    all: Option<&'static str>,
}

impl Variable {
    /// One value of a label.
    pub(super) fn one(
        name: &'static str,
        label: &'static str,
        series: Select,
        values: &'static str,
    ) -> Self {
        Self { name, label, series, values, many: false, all: None }
    }

    /// Several values; at first all of them, which is what `all` matches.
    pub(super) fn many(
        name: &'static str,
        label: &'static str,
        series: Select,
        values: &'static str,
        all: &'static str,
    ) -> Self {
        Self { name, label, series, values, many: true, all: Some(all) }
    }

    /// The team that owns a service, by the label `team` of services; teams are optional.
    pub(super) fn team() -> Self {
        Self::many("team", "Team", Select::of(Metric::CheckInfo), "label_team", ".*")
    }

    /// The services of the chosen teams; all are those that are offered, so that the choice of a team counts.
    pub(super) fn services() -> Self {
        Self::many("service", "Service", info_of_team(), "service", "")
    }

    fn json(&self) -> Value {
        let query = format!("label_values({}, {})", self.series, self.values);
        let mut json = json!({
            "type": "query", "name": self.name, "label": self.label, "datasource": source(),
            "definition": query, "query": {"query": query, "refId": format!("variable-{}", self.name)},
            "refresh": 2, "sort": 1, "hide": 0, "multi": self.many, "includeAll": self.all.is_some(),
            "options": [], "regex": "", "skipUrlSync": false,
        });
        if let Some(all) = self.all {
            if !all.is_empty() {
                json["allValue"] = all.into();
            }
            json["current"] = json!({"selected": true, "text": ["All"], "value": ["$__all"]});
        }
        json
    }
}

/// What a dashboard is made of.
pub(super) struct Frame {
    pub(super) uid: &'static str,
    pub(super) title: &'static str,
    /// The question it answers.
    pub(super) about: &'static str,
    /// The range at first, as Grafana writes it back from now.
    pub(super) range: &'static str,
    pub(super) refresh: &'static str,
    /// Between data source and job.
    pub(super) variables: Vec<Variable>,
    /// Whether burn-rate alerts are drawn at first.
    pub(super) alerts_drawn: bool,
    /// Height, then panels with their widths.
    pub(super) rows: Vec<(u32, Vec<(u32, Panel)>)>,
}

impl Frame {
    /// The file; `runbook` is the address of the page that explains the alerts.
    pub(super) fn dashboard(self, runbook: Option<&str>) -> Dashboard {
        let (uid, title, about) = (self.uid, self.title, self.about);
        let json = json!({
            "annotations": {"list": annotations(self.alerts_drawn)},
            "description": about,
            "editable": false,
            "fiscalYearStartMonth": 0,
            "graphTooltip": 1,
            "id": null,
            "links": links(runbook),
            "liveNow": false,
            "panels": placed(self.rows),
            "refresh": self.refresh,
            "schemaVersion": 39,
            "tags": ["nephoscope"],
            "templating": {"list": variables(&self.variables)},
            "time": {"from": format!("now-{}", self.range), "to": "now"},
            "timepicker": {},
            "timezone": "browser",
            "title": format!("Nephoscope / {title}"),
            "uid": uid,
            "version": 1,
            "weekStart": "",
        });
        let text = format!("{json:#}\n");
        Dashboard { uid, title, about, text }
    }
}

/// The series of checks that belong to services of the chosen teams.
pub(super) fn info_of_team() -> Select {
    Select::of(Metric::CheckInfo).fits("label_team", "$team")
}

fn placed(rows: Vec<(u32, Vec<(u32, Panel)>)>) -> Vec<Value> {
    let (mut json, mut top) = (Vec::new(), 0);
    for (height, panels) in rows {
        let mut left = 0;
        for (width, panel) in panels {
            let place = json!({"h": height, "w": width, "x": left, "y": top});
            json.push(panel.json(json.len() + 1, &place));
            left += width;
        }
        assert_eq!(left, COLUMNS, "a row is full, at height {top}");
        top += height;
    }
    json
}

fn variables(own: &[Variable]) -> Vec<Value> {
    let datasource = json!({
        "type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus",
        "hide": 0, "includeAll": false, "multi": false, "options": [], "refresh": 1, "regex": "",
        "skipUrlSync": false,
    });
    let build = || Select::bare(Metric::BuildInfo);
    let job = Variable::many("job", "Job", build(), "job", ".+");
    let of_job = build().scraped("job", "$job");
    let instance = Variable::many("instance", "Instance", of_job, "instance", ".+");
    let all = own.iter().chain([&job, &instance]).map(Variable::json);
    std::iter::once(datasource).chain(all).collect()
}

fn links(runbook: Option<&str>) -> Vec<Value> {
    let others = json!({
        "type": "dashboards", "title": "Nephoscope", "tags": ["nephoscope"], "asDropdown": true,
        "includeVars": true, "keepTime": true, "targetBlank": false, "icon": "external link",
        "tooltip": "The other dashboards", "url": "",
    });
    let page = |url| {
        json!({
            "type": "link", "title": "Runbook", "tags": [], "asDropdown": false, "includeVars": false,
            "keepTime": false, "targetBlank": true, "icon": "doc",
            "tooltip": "What each alert means and what to look at first", "url": url,
        })
    };
    std::iter::once(others).chain(runbook.map(page)).collect()
}

fn annotations(alerts_drawn: bool) -> Value {
    let active = Select::of(Metric::SloAlertActive);
    let alerts = promised(&format!("max by ({PROMISE}, tier) ({active} == 1)"));
    let reloads = Select::of(Metric::ReloadTimestamp);
    json!([
        {
            "builtIn": 1, "datasource": {"type": "grafana", "uid": "-- Grafana --"}, "enable": true,
            "hide": true, "iconColor": "blue", "name": "Annotations & Alerts", "type": "dashboard",
        },
        {
            "datasource": source(), "enable": alerts_drawn, "expr": alerts, "hide": false,
            "iconColor": "dark-red", "name": "Burn-rate alerts", "step": "300s",
            "tagKeys": "service,scope,tier", "textFormat": "{{slo}}",
            "titleFormat": "The budget of {{service}} burns ({{tier}})",
        },
        {
            "datasource": source(), "enable": false,
            "expr": format!("max by (instance) ({reloads}) * 1000"), "hide": false,
            "iconColor": "dark-purple", "name": "Configuration reloads", "step": "60s",
            "tagKeys": "instance", "textFormat": "", "titleFormat": "Configuration read",
            "useValueForTime": true,
        },
    ])
}
