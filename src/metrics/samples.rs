//! Single numbers that are worked out for each scrape from what goes on just then: canaries, outages, public names.
//!
//! Whoever has them says metric, label values in the catalogue's order, and number; they are written where the catalogue
//! has the metric. A metric of which there is no number is absent.
//!
//! It computes nothing.

use super::catalog::Metric;
use super::labels::escaped;
use std::fmt::Write as _;

/// One number of a metric whose subject is a sample.
#[derive(Clone, Debug)]
pub struct Sample {
    metric: Metric,
    /// `provider="aws",region="…"`, escaped.
    labels: Box<str>,
    value: f64,
}

impl Sample {
    /// `values` are those of the metric's labels, in that order; `vantage` is added.
    pub fn new<const N: usize>(
        metric: Metric,
        values: [&str; N],
        vantage: &str,
        value: f64,
    ) -> Self {
        let names = metric.entry().labels;
        assert_eq!(names.len(), N, "every label has a value");
        let mut labels = String::new();
        for (name, value) in names.iter().zip(values) {
            write!(labels, "{name}=\"{}\",", escaped(value)).expect(INFALLIBLE);
        }
        write!(labels, "vantage=\"{}\"", escaped(vantage)).expect(INFALLIBLE);
        Self { metric, labels: labels.into(), value }
    }

    pub(super) fn is_of(&self, metric: Metric) -> bool {
        self.metric == metric
    }

    pub(super) fn write(&self, out: &mut String) {
        let (name, labels) = (self.metric.entry().name, &self.labels);
        writeln!(out, "{name}{{{labels}}} {}", self.value).expect(INFALLIBLE);
    }
}

const INFALLIBLE: &str = "writing to a string cannot fail";
