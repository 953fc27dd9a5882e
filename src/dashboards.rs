//! The Grafana dashboards: five questions, each a JSON file that Grafana reads from disk.
//!
//! `query` names metrics by the catalogue and refuses a label that a metric does not have; `panel` says what a panel asks,
//! how it is drawn and what it says when there is nothing to draw; `paint` has the only colours there are, and `frame` puts
//! panels in rows under the variables that all dashboards share. The five files beside them are the dashboards. The model is
//! Grafana's Classic one, schema version 39, which Grafana 10.4 to 13.2 read from files.
//!
//! Nothing here asks Prometheus; whether an answer is right is tried in `tests/real`.

mod check;
mod frame;
mod overview;
mod paint;
mod panel;
mod promises;
mod providers;
mod query;
mod watcher;

/// A dashboard, ready for a file of Grafana.
#[derive(Clone, Debug)]
pub struct Dashboard {
    /// Its name in addresses, and the stem of its file.
    pub uid: &'static str,
    /// Its title without the folder.
    pub title: &'static str,
    /// What it answers.
    pub about: &'static str,
    /// The JSON, with a final line break.
    pub text: String,
}

/// Every dashboard, in the order in which one reads them; `runbook` is the address of the page that explains the alerts, if
/// there is one.
pub fn all(runbook: Option<&str>) -> [Dashboard; 5] {
    [overview::frame(), providers::frame(), promises::frame(), check::frame(), watcher::frame()]
        .map(|frame| frame.dashboard(runbook))
}
