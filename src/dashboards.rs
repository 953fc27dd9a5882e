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

/// Where queries over many checks read how much counters have grown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// From what the daemon exports: nothing else is needed.
    Exported,
    /// From the sums that `nephoscope rules` records: for thousands of checks.
    Recorded,
}

impl Reading {
    /// The step of a course; what is recorded has a value in five minutes.
    const fn step(self, exported: &'static str) -> &'static str {
        match self {
            Self::Exported => exported,
            Self::Recorded => "5m",
        }
    }

    /// The whole range, as far as it is looked through for what was worst in it.
    const fn through(self) -> &'static str {
        match self {
            Self::Exported => "$__range",
            Self::Recorded => "$__range:5m",
        }
    }
}

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
pub fn all(runbook: Option<&str>, reading: Reading) -> [Dashboard; 5] {
    [
        overview::frame(reading),
        providers::frame(reading),
        promises::frame(),
        check::frame(),
        watcher::frame(),
    ]
    .map(|frame| frame.dashboard(runbook))
}
