//! Selectors of series: the one way in which a dashboard names a metric.
//!
//! A selector takes its name and its labels from the catalogue; a label that the metric does not have is a fault of the
//! dashboard and ends the program that makes it, which is a test. Every selector carries the job and the instance that the
//! reader chose, so that a foreign job in the same Prometheus changes nothing.
//!
//! What is done with series (sums, rates) is text around selectors; a test parses it. How much a counter has grown is asked of the
//! counter itself or, where thousands of checks would have to be added up, of the sums that our rules record ([`Reading`]).

use super::Reading;
use crate::metrics::catalog::{Kind, Metric};
use crate::rules::aggregates::AGGREGATES;
use std::fmt;

/// Metrics that every scrape has, ours or not; what is selected is limited to us by [`ours`].
#[derive(Clone, Copy, Debug)]
pub(super) enum Standard {
    Up,
    ScrapeDuration,
    ScrapeSamples,
    CpuSeconds,
    ResidentMemory,
    OpenDescriptors,
    MaxDescriptors,
}

impl Standard {
    const fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::ScrapeDuration => "scrape_duration_seconds",
            Self::ScrapeSamples => "scrape_samples_scraped",
            Self::CpuSeconds => "process_cpu_seconds_total",
            Self::ResidentMemory => "process_resident_memory_bytes",
            Self::OpenDescriptors => "process_open_fds",
            Self::MaxDescriptors => "process_max_fds",
        }
    }
}

/// Series of one metric.
#[derive(Clone, Debug)]
pub(super) struct Select {
    name: String,
    labels: Vec<&'static str>,
    matchers: Vec<String>,
}

impl Select {
    /// Of one of our metrics.
    pub(super) fn of(metric: Metric) -> Self {
        assert_ne!(metric.entry().kind, Kind::Histogram, "a histogram has buckets");
        Self::named(metric.entry().name.to_owned(), metric.labels().collect())
    }

    /// Of one of our metrics, whatever the job: for the choice of the job itself.
    pub(super) fn bare(metric: Metric) -> Self {
        Self { matchers: Vec::new(), ..Self::of(metric) }
    }

    /// With this value of a label that the scrape adds.
    pub(super) fn scraped(mut self, label: &str, value: &str) -> Self {
        self.matchers.push(format!("{label}=~\"{value}\""));
        self
    }

    /// The buckets of one of our histograms.
    pub(super) fn buckets(metric: Metric) -> Self {
        assert_eq!(metric.entry().kind, Kind::Histogram, "only a histogram has buckets");
        let labels = metric.labels().chain(["le"]).collect();
        Self::named(format!("{}_bucket", metric.entry().name), labels)
    }

    /// Of what every scrape has.
    pub(super) fn standard(metric: Standard) -> Self {
        Self::named(metric.name().to_owned(), Vec::new())
    }

    fn named(name: String, labels: Vec<&'static str>) -> Self {
        let matchers = ["job=~\"$job\"", "instance=~\"$instance\""].map(str::to_owned).to_vec();
        Self { name, labels, matchers }
    }

    /// How much it has grown over a range; a counter or buckets.
    pub(super) fn grown(&self, reading: Reading, range: &str) -> String {
        if reading == Reading::Exported {
            return format!("increase({self}[{range}])");
        }
        let recorded = AGGREGATES.iter().find(|each| each.counter == self.name);
        let recorded = recorded.unwrap_or_else(|| panic!("`{}` is not recorded", self.name));
        let has = |matcher: &String| {
            let ends = matcher.find(['=', '!']).expect("a matcher compares");
            ["job", "instance"].iter().chain(recorded.labels).any(|each| *each == &matcher[..ends])
        };
        assert!(self.matchers.iter().all(has), "`{}` has fewer labels", recorded.recorded);
        let series = Self { name: recorded.recorded.to_owned(), ..self.clone() };
        format!("sum_over_time({series}[{range}])")
    }

    /// With this value.
    pub(super) fn is(self, label: &str, value: &str) -> Self {
        self.matcher(label, "=", value)
    }

    /// With another value.
    pub(super) fn unlike(self, label: &str, value: &str) -> Self {
        self.matcher(label, "!=", value)
    }

    /// With a value that the expression matches as a whole.
    pub(super) fn fits(self, label: &str, expression: &str) -> Self {
        self.matcher(label, "=~", expression)
    }

    fn matcher(mut self, label: &str, sign: &str, value: &str) -> Self {
        let name = &self.name;
        let owners = self.labels.contains(&"label_*") && label.starts_with("label_");
        assert!(owners || self.labels.contains(&label), "`{name}` has no label `{label}`");
        self.matchers.push(format!("{label}{sign}\"{value}\""));
        self
    }
}

impl fmt::Display for Select {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.matchers.is_empty() {
            return out.write_str(&self.name);
        }
        write!(out, "{}{{{}}}", self.name, self.matchers.join(", "))
    }
}

/// The four labels that identify a promise.
pub(super) const PROMISE: &str = "service, slo, scope, provider";

/// Limits an expression to our own instances, those that are gone since less than a day included.
pub(super) fn ours(expression: &str) -> String {
    let build = Select::of(Metric::BuildInfo);
    format!("({expression}) and on (job, instance) last_over_time({build}[1d])")
}

/// Limits an expression to what was promised: every promise is computed in every scope.
pub(super) fn promised(expression: &str) -> String {
    let info = Select::of(Metric::SloInfo).unlike("alert", "none");
    format!("({expression}) and on ({PROMISE}) {info}")
}

/// The share of known time that was good, over a range, by labels (none: one number).
///
/// Seconds that were settled as they happened; agrees with the engine to what `increase` can (semantics.md, S19).
pub(super) fn availability(
    reading: Reading,
    by: &str,
    range: &str,
    select: impl Fn(Select) -> Select,
) -> String {
    let good = select(Select::of(Metric::CheckStateSeconds)).is("state", "good");
    let known = select(Select::of(Metric::CheckStateSeconds)).fits("state", "good|bad");
    let (good, known) = (good.grown(reading, range), known.grown(reading, range));
    let sum = if by.is_empty() { "sum".to_owned() } else { format!("sum by ({by})") };
    format!("{sum} ({good}) / ({sum} ({known}) > 0)")
}

/// A quantile of how long good runs took, over a range; nothing where there was none.
pub(super) fn latency(
    reading: Reading,
    by: &str,
    quantile: f64,
    range: &str,
    select: impl Fn(Select) -> Select,
) -> String {
    let buckets = select(Select::buckets(Metric::ProbeDuration)).is("outcome", "success");
    let by = if by.is_empty() { "le".to_owned() } else { format!("le, {by}") };
    let buckets = buckets.grown(reading, range);
    format!("histogram_quantile({quantile}, sum by ({by}) ({buckets})) >= 0")
}
