//! The numbers of promises: one row per promise and scope, written straight from what the book says at a scrape.
//!
//! A row holds plain floats; a number that does not exist is absent, never 0. `score` exceeds 1 exactly where `active` is set.
//!
//! It computes nothing: the SLO engine has.

use super::catalog::Metric;
use super::labels::escaped;
use crate::model::{AlertKind, TierName};
use std::fmt::{Display, Write as _};

/// The four labels by which a promise is known, and what `slo_info` says beside them.
#[derive(Clone, Debug)]
pub struct PromiseText {
    /// `service`, `slo`, `scope`, `provider` and `vantage`, ready to be written.
    labels: String,
    /// `window`, `kind`, `unit`, `alert`, ready to be written; `alert` is `none` where nothing is promised.
    info: String,
}

impl PromiseText {
    /// Of a promise in a scope.
    pub fn new(
        [service, slo, scope, provider, vantage]: [&str; 5],
        [window, kind, unit, alert]: [&str; 4],
    ) -> Self {
        let [service, slo, scope, provider, vantage] =
            [service, slo, scope, provider, vantage].map(escaped);
        Self {
            labels: format!(
                "service=\"{service}\",slo=\"{slo}\",scope=\"{scope}\",provider=\"{provider}\",vantage=\"{vantage}\""
            ),
            info: format!(",window=\"{window}\",kind=\"{kind}\",unit=\"{unit}\",alert=\"{alert}\""),
        }
    }
}

/// A tier of burn-rate alerts.
#[derive(Clone, Copy, Debug)]
pub struct TierNumbers {
    /// Which.
    pub name: TierName,
    /// Who would be told.
    pub severity: AlertKind,
    /// Above 1 it fires.
    pub score: f64,
    /// Whether it fires.
    pub active: bool,
}

/// The numbers of a promise in a scope.
#[derive(Clone, Debug)]
pub struct PromiseNumbers {
    /// Whose they are.
    pub text: PromiseText,
    /// What was promised, as a share.
    pub objective: f64,
    /// Length of the whole window, in seconds.
    pub window: f64,
    /// Good by known.
    pub availability: Option<f64>,
    /// With all unknown time bad.
    pub low: Option<f64>,
    /// With all unknown time good.
    pub high: Option<f64>,
    /// Known by not excluded.
    pub coverage: Option<f64>,
    /// The budget in seconds, if it is counted in time.
    pub budget: Option<f64>,
    /// What is left of it in seconds, if it is counted in time.
    pub left: Option<f64>,
    /// What is left of it as a share.
    pub remaining: Option<f64>,
    /// Burn rates by window.
    pub burns: Vec<(&'static str, f64)>,
    /// Alerts; empty for a window without any.
    pub tiers: Vec<TierNumbers>,
    /// Whether the whole scope is under maintenance.
    pub suppressed: bool,
    /// Seconds the budget lasts if it burns on; absent: for ever.
    pub exhaustion: Option<f64>,
    /// Milliseconds by what they were, as they were counted: good, bad, unknown, excluded.
    pub millis: [u64; 4],
    /// How far bad time may be off, in seconds.
    pub max_error: f64,
    /// By how many bad seconds edits after the fact changed history.
    pub restated: f64,
}

const INFALLIBLE: &str = "writing to a string cannot fail";

/// Writes the lines of one metric of one promise.
pub(super) fn write(metric: Metric, row: &PromiseNumbers, out: &mut String) {
    let mut lines = Lines { name: metric.entry().name, labels: &row.text.labels, out };
    match metric {
        Metric::SloInfo => lines.more(&row.text.info, 1),
        Metric::SloObjective => lines.plain(Some(row.objective)),
        Metric::SloWindow => lines.plain(Some(row.window)),
        Metric::SloAvailability => lines.plain(row.availability),
        Metric::SloAvailabilityLow => lines.plain(row.low),
        Metric::SloAvailabilityHigh => lines.plain(row.high),
        Metric::SloCoverage => lines.plain(row.coverage),
        Metric::SloBudget => lines.plain(row.budget),
        Metric::SloBudgetRemainingRatio => lines.plain(row.remaining),
        Metric::SloBudgetRemainingSeconds => lines.plain(row.left),
        Metric::SloBurnRate => {
            for (window, rate) in &row.burns {
                lines.more(&format!(",window=\"{window}\""), rate);
            }
        }
        Metric::SloAlertScore => {
            for tier in &row.tiers {
                lines.more(&format!(",tier=\"{}\"", tier.name), tier.score);
            }
        }
        Metric::SloAlertActive => lines.tiers(&row.tiers, |tier| tier.active),
        Metric::SloAlertSuppressed => {
            lines.tiers(&row.tiers, |tier| tier.active && row.suppressed);
        }
        Metric::SloTimeToExhaustion => lines.plain(row.exhaustion),
        Metric::SloStateSeconds => {
            for (state, millis) in ["good", "bad", "unknown", "excluded"].iter().zip(row.millis) {
                let seconds = format_args!("{}.{:03}", millis / 1_000, millis % 1_000).to_string();
                lines.more(&format!(",state=\"{state}\""), seconds);
            }
        }
        Metric::SloMaxError => lines.plain(Some(row.max_error)),
        Metric::SloRestated => lines.plain(Some(row.restated)),
        other => unreachable!("`{}` is not about a promise", other.entry().name),
    }
}

struct Lines<'a> {
    name: &'static str,
    labels: &'a str,
    out: &'a mut String,
}

impl Lines<'_> {
    fn plain(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.more("", value);
        }
    }

    fn more(&mut self, labels: &str, value: impl Display) {
        writeln!(self.out, "{}{{{}{labels}}} {value}", self.name, self.labels).expect(INFALLIBLE);
    }

    fn tiers(&mut self, tiers: &[TierNumbers], is_so: impl Fn(&TierNumbers) -> bool) {
        for tier in tiers {
            let labels = format!(",tier=\"{}\",severity=\"{}\"", tier.name, tier.severity);
            self.more(&labels, u8::from(is_so(tier)));
        }
    }
}
