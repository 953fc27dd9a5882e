//! Rows into exposition text, family by family, in chunks.
//!
//! An [`Exposition`] is an iterator over chunks of about 64 KiB, so that a page of a hundred megabytes needs neither that
//! much memory nor one long turn on the runtime. It copies the rows of one family a shard at a time and holds no lock while
//! it writes: the series of a family and a check belong together, another family of the same page may be a run ahead.
//!
//! It does not compress and does not know HTTP.

use super::catalog::{DURATION_BUCKETS, Metric, Subject};
use super::exposures::{self, ExposureNumbers};
use super::field;
use super::labels::{CheckText, ServiceText};
use super::promises::{self, PromiseNumbers};
use super::samples::Sample;
use super::table::{Durations, LEAN_REASONS, Row, SHARD_ROWS, ServiceStates, Table};
use crate::model::{Detail, ProbeResult, Reason, Shape, State, Timestamp, Verdict};
use bytes::Bytes;
use std::fmt::{Display, Write as _};
use std::sync::Arc;

/// A chunk is handed out once it is longer than this, in bytes.
const CHUNK: usize = 64 * 1024;

const INFALLIBLE: &str = "writing to a string cannot fail";

/// The page, in chunks.
pub struct Exposition {
    table: Arc<Table>,
    /// The shard being written.
    rows: Vec<Row>,
    services: Vec<ServiceStates>,
    promises: Vec<PromiseNumbers>,
    exposures: Vec<ExposureNumbers>,
    samples: Vec<Sample>,
    /// The metric of samples whose head stands.
    sampled: Option<Metric>,
    last_runs: Vec<Option<Arc<ProbeResult>>>,
    own: Option<String>,
    /// Position in the catalogue.
    metric: usize,
    /// Position among the field's families, which come after it.
    field: usize,
    /// Whether the head of that family stands.
    headed: bool,
    /// Position of the next row of that metric.
    row: usize,
}

impl Exposition {
    /// The page as of now; `own` is text that stands before everything else, `promises` are those of all services.
    pub fn new(table: Arc<Table>, own: String, promises: Vec<PromiseNumbers>) -> Self {
        let rows = Vec::with_capacity(SHARD_ROWS);
        let services = table.service_states();
        let last_runs = table.last_runs();
        let own = Some(own);
        Self {
            table,
            rows,
            services,
            promises,
            exposures: Vec::new(),
            samples: Vec::new(),
            sampled: None,
            last_runs,
            own,
            metric: 0,
            field: 0,
            headed: false,
            row: 0,
        }
    }

    /// The same page with what several clouds brought each service.
    #[must_use]
    pub fn with_exposures(mut self, exposures: Vec<ExposureNumbers>) -> Self {
        self.exposures = exposures;
        self
    }

    /// The same with what was worked out for this page.
    #[must_use]
    pub fn with_samples(mut self, samples: Vec<Sample>) -> Self {
        self.samples = samples;
        self
    }

    /// Writes metrics and rows until the chunk is full or nothing is left.
    fn fill(&mut self, out: &mut String) {
        while let Some(metric) = Metric::ALL.get(self.metric) {
            match metric.entry().subject {
                Subject::Check if metric.entry().detail <= self.table.detail => {
                    if !self.write_checks(*metric, out) {
                        return;
                    }
                }
                Subject::Service
                    if matches!(metric, Metric::ServiceExposure | Metric::ServiceFailoverCost) =>
                {
                    if !self.write_exposures(*metric, out) {
                        return;
                    }
                }
                Subject::Service => self.write_services(*metric, out),
                Subject::Promise => {
                    if !self.write_promises(*metric, out) {
                        return;
                    }
                }
                Subject::Sample => {
                    if !self.write_samples(*metric, out) {
                        return;
                    }
                }
                Subject::Check | Subject::Own => {}
            }
            self.metric += 1;
        }
        self.write_fields(out);
    }

    /// Writes the field's families of the last runs until the chunk is full or nothing is left.
    fn write_fields(&mut self, out: &mut String) {
        while self.field < field::FAMILY_COUNT && out.len() <= CHUNK {
            match self.last_runs.get(self.row) {
                None => {
                    self.field += 1;
                    (self.row, self.headed) = (0, false);
                }
                Some(last_run) => {
                    let text = &self.table.checks[self.row];
                    let (labels, protocol) = (&text.labels, text.check.spec.kind.name());
                    if let Some(result) = last_run {
                        let run = field::Run { labels, protocol, result };
                        field::write_family(out, self.field, &run, &mut self.headed);
                    }
                    self.row += 1;
                }
            }
        }
    }

    /// Writes the rows of one metric; false if the chunk is full before the last one.
    fn write_checks(&mut self, metric: Metric, out: &mut String) -> bool {
        let count = self.table.checks.len();
        if self.row == 0 && count > 0 {
            write_head(metric, out);
        }
        while self.row < count {
            if self.row.is_multiple_of(SHARD_ROWS) {
                self.table.copy_shard(self.row, &mut self.rows);
            }
            let (text, row) = (&self.table.checks[self.row], &self.rows[self.row % SHARD_ROWS]);
            let (name, services) = (metric.entry().name, &self.table.services);
            Lines { out, name, text, services }.write(metric, row, self.table.detail);
            self.row += 1;
            if out.len() > CHUNK {
                return false;
            }
        }
        self.row = 0;
        true
    }

    /// As [`Self::write_checks`], of promises.
    fn write_promises(&mut self, metric: Metric, out: &mut String) -> bool {
        if self.row == 0 && !self.promises.is_empty() {
            write_head(metric, out);
        }
        while let Some(row) = self.promises.get(self.row) {
            promises::write(metric, row, out);
            self.row += 1;
            if out.len() > CHUNK {
                return false;
            }
        }
        self.row = 0;
        true
    }

    /// As [`Self::write_checks`], of samples; a metric without any is left out.
    fn write_samples(&mut self, metric: Metric, out: &mut String) -> bool {
        while let Some(sample) = self.samples.get(self.row) {
            self.row += 1;
            if !sample.is_of(metric) {
                continue;
            }
            if self.sampled != Some(metric) {
                write_head(metric, out);
                self.sampled = Some(metric);
            }
            sample.write(out);
            if out.len() > CHUNK {
                return false;
            }
        }
        self.row = 0;
        true
    }

    /// As [`Self::write_checks`], of exposure.
    fn write_exposures(&mut self, metric: Metric, out: &mut String) -> bool {
        if self.row == 0 && !self.exposures.is_empty() {
            write_head(metric, out);
        }
        while let Some(row) = self.exposures.get(self.row) {
            exposures::write(metric, row, &self.table.vantage, out);
            self.row += 1;
            if out.len() > CHUNK {
                return false;
            }
        }
        self.row = 0;
        true
    }

    fn write_services(&self, metric: Metric, out: &mut String) {
        if self.services.is_empty() {
            return;
        }
        write_head(metric, out);
        let (name, vantage) = (metric.entry().name, &self.table.vantage);
        for (text, states) in self.table.services.iter().zip(&self.services) {
            let sides = text.providers.iter().map(|each| &**each).zip(states.sides.iter().copied());
            let entry = states.entry.map(|state| ("entry", state));
            let scopes = entry.into_iter().chain([("any", states.any), ("all", states.all)]);
            let (label, lines): (_, Vec<(&str, State)>) = match metric {
                Metric::ServiceSideState => ("provider", sides.collect()),
                _ => ("scope", scopes.collect()),
            };
            for (value, state) in lines {
                let (service, number) = (&text.name, state.index());
                writeln!(
                    out,
                    "{name}{{service=\"{service}\",{label}=\"{value}\",vantage=\"{vantage}\"}} {number}"
                )
                .expect(INFALLIBLE);
            }
        }
    }
}

impl Iterator for Exposition {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let mut out = String::with_capacity(CHUNK + 4096);
        if let Some(own) = self.own.take() {
            out.push_str(&own);
        }
        self.fill(&mut out);
        (!out.is_empty()).then(|| out.into())
    }
}

fn write_head(metric: Metric, out: &mut String) {
    let entry = metric.entry();
    let (name, help, kind) = (entry.name, entry.help, entry.kind.as_str());
    write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n").expect(INFALLIBLE);
}

/// The lines of one metric of one check.
struct Lines<'a> {
    out: &'a mut String,
    name: &'static str,
    text: &'a CheckText,
    services: &'a [ServiceText],
}

impl Lines<'_> {
    fn write(&mut self, metric: Metric, row: &Row, detail: Detail) {
        match metric {
            Metric::CheckState => self.plain(row.state.index()),
            Metric::CheckStateSince => self.plain(row.since.as_secs_f64()),
            Metric::CheckStateSeconds => self.settled(row),
            Metric::CheckInfo => self.info(),
            Metric::CheckInterval => self.plain(self.shape().interval.as_secs_f64()),
            Metric::CheckTimeout => self.plain(self.shape().timeout.as_secs_f64()),
            Metric::Probes => {
                for (verdict, count) in Verdict::ALL.iter().zip(row.runs) {
                    self.labelled("verdict", verdict.as_str(), count);
                }
            }
            Metric::ProbeFailures => self.failures(row, detail),
            Metric::ProbeDuration => {
                self.histogram("success", &row.success);
                if let Some(full) = &row.full {
                    self.histogram("failure", &full.failure);
                }
            }
            Metric::ProbePhaseSeconds => {
                for phase in &self.text.possible.phases {
                    self.labelled("phase", phase.as_str(), row.phase_seconds[phase.index()]);
                }
            }
            Metric::ProbeLastPhaseStart => self.last_phases(row, |(start, _)| start),
            Metric::ProbeLastPhaseDuration => self.last_phases(row, |(_, took)| took),
            Metric::ProbeLastCompleted => self.moment(row.last_completed),
            Metric::ProbeLastSuccess => self.moment(row.last_success),
            Metric::CheckWarnings => {
                for warning in &self.text.possible.warnings {
                    self.labelled("warning", warning.as_str(), row.warnings[warning.index()]);
                }
            }
            Metric::HttpResponseCode => self.seen(row.http_status),
            Metric::TlsNotAfter => self.moment(row.not_after),
            Metric::DnsAnswers => self.seen(row.dns_answers),
            other => unreachable!("`{}` is not about a check", other.entry().name),
        }
    }

    fn shape(&self) -> Shape {
        self.text.check.shape
    }

    fn plain(&mut self, value: impl Display) {
        let (name, labels) = (self.name, &self.text.labels);
        writeln!(self.out, "{name}{{{labels}}} {value}").expect(INFALLIBLE);
    }

    fn labelled(&mut self, label: &str, word: &str, value: impl Display) {
        let (name, labels) = (self.name, &self.text.labels);
        writeln!(self.out, "{name}{{{labels},{label}=\"{word}\"}} {value}").expect(INFALLIBLE);
    }

    /// A fact that was not seen is absent.
    fn seen(&mut self, value: Option<impl Display>) {
        if let Some(value) = value {
            self.plain(value);
        }
    }

    fn moment(&mut self, at: Option<Timestamp>) {
        self.seen(at.map(Timestamp::as_secs_f64));
    }

    /// Milliseconds as seconds, to the millisecond.
    fn settled(&mut self, row: &Row) {
        for (state, millis) in ["good", "bad", "unknown", "excluded"].iter().zip(row.millis) {
            let seconds = format_args!("{}.{:03}", millis / 1_000, millis % 1_000).to_string();
            self.labelled("state", state, seconds);
        }
    }

    fn info(&mut self) {
        let (name, labels) = (self.name, &self.text.labels);
        write!(self.out, "{name}{{{labels}").expect(INFALLIBLE);
        self.text.push_info(self.services, self.out);
        self.out.push_str("} 1\n");
    }

    fn failures(&mut self, row: &Row, detail: Detail) {
        if detail == Detail::Lean {
            for (reason, count) in row.failures.iter().take(LEAN_REASONS) {
                self.labelled("reason", reason.as_str(), count);
            }
        } else {
            for reason in Reason::ALL {
                let count = row.failed(*reason);
                if count > 0 || self.text.possible.reasons.contains(reason) {
                    self.labelled("reason", reason.as_str(), count);
                }
            }
        }
    }

    fn last_phases(&mut self, row: &Row, value: impl Fn((f32, f32)) -> f32) {
        for phase in &self.text.possible.phases {
            if let Some(last) = row.full.as_ref().and_then(|full| full.last_phases[phase.index()]) {
                self.labelled("phase", phase.as_str(), value(last));
            }
        }
    }

    fn histogram(&mut self, outcome: &str, durations: &Durations) {
        let (name, labels) = (self.name, &self.text.labels);
        let mut cumulative = 0;
        for (bound, count) in DURATION_BUCKETS.iter().zip(durations.buckets) {
            cumulative += u64::from(count);
            writeln!(
                self.out,
                "{name}_bucket{{{labels},outcome=\"{outcome}\",le=\"{bound}\"}} {cumulative}"
            )
            .expect(INFALLIBLE);
        }
        let (sum, count) = (durations.sum, durations.count);
        write!(
            self.out,
            "{name}_bucket{{{labels},outcome=\"{outcome}\",le=\"+Inf\"}} {count}\n\
             {name}_sum{{{labels},outcome=\"{outcome}\"}} {sum}\n\
             {name}_count{{{labels},outcome=\"{outcome}\"}} {count}\n"
        )
        .expect(INFALLIBLE);
    }
}
