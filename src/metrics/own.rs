//! The daemon's own metrics, in a registry of the `prometheus` crate.
//!
//! Handles are taken once, so that counting costs an atomic. Every label value is there at 0 from the first scrape. The
//! vantage is a constant label of the registry.
//!
//! Per-check numbers are not here: the crate's labelled vectors mix up children whose label values concatenate to the same
//! bytes, and cost kilobytes a series (measured 2026-11-22, version 0.14.0).

mod outward;

use super::catalog::{LAG_BUCKETS, Metric};
use crate::model::{GivenUp, PushOutcome, SkipCause, StoreFault, StoreLoss, Timestamp};
use outward::Outward;
use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Counter, Gauge, GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Levels of log messages, as label values.
pub const LOG_LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

type LostLines = Box<dyn Fn() -> u64 + Send + Sync>;

/// The daemon's own metrics. Cloning it clones handles.
#[derive(Clone)]
pub struct Own {
    registry: Registry,
    lag: Histogram,
    skipped: Vec<IntCounter>,
    given_up: Vec<IntCounter>,
    in_flight: IntGauge,
    limit: IntGauge,
    log_messages: Vec<IntCounter>,
    log_lines_lost: IntCounter,
    /// Says how many lines of the log were lost so far.
    lost: Arc<OnceLock<LostLines>>,
    reload_successful: IntGauge,
    reload_timestamp: Gauge,
    vantage_offline: IntGauge,
    resolver_offline: IntGauge,
    unsettled: IntGauge,
    store: StoreFamilies,
    push: PushFamilies,
    outward: Outward,
}

/// What the way to a receiver of alerts says of itself.
#[derive(Clone, Debug)]
pub struct PushNumbers {
    /// The receiver, as it is called in labels.
    pub receiver: Arc<str>,
    /// Deliveries, by position of their outcome.
    pub outcomes: [u64; PushOutcome::ALL.len()],
    /// The last one that was taken.
    pub last_success: Option<Timestamp>,
    /// Whether the last one was taken.
    pub healthy: bool,
    /// Alerts that fire.
    pub alerts: usize,
}

/// Without receivers they have no series.
#[derive(Clone)]
struct PushFamilies {
    total: IntCounterVec,
    last_success: GaugeVec,
    healthy: IntGaugeVec,
    alerts: IntGaugeVec,
}

impl PushFamilies {
    fn new() -> Self {
        let gauges = |metric| IntGaugeVec::new(opts(metric), &["receiver"]).expect(VALID);
        let last = opts(Metric::PushLastSuccess);
        Self {
            total: counters_of(Metric::Push),
            last_success: GaugeVec::new(last, &["receiver"]).expect(VALID),
            healthy: gauges(Metric::PushHealthy),
            alerts: gauges(Metric::PushAlerts),
        }
    }

    fn set(&self, now: &PushNumbers) {
        let receiver = &*now.receiver;
        for (outcome, to) in PushOutcome::ALL.iter().zip(now.outcomes) {
            let counter = self.total.with_label_values(&[receiver, outcome.as_str()]);
            counter.inc_by(to.saturating_sub(counter.get()));
        }
        if let Some(at) = now.last_success {
            self.last_success.with_label_values(&[receiver]).set(at.as_secs_f64());
        }
        self.healthy.with_label_values(&[receiver]).set(now.healthy.into());
        let alerts = i64::try_from(now.alerts).unwrap_or(i64::MAX);
        self.alerts.with_label_values(&[receiver]).set(alerts);
    }
}

/// What the store says of itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct StoreNumbers {
    /// Whether the last attempt to write it succeeded.
    pub healthy: bool,
    /// Results written to the journal.
    pub entries: u64,
    /// Transactions.
    pub commits: u64,
    /// Time spent in them.
    pub commit_time: Duration,
    /// Transactions that failed, by position of the fault.
    pub errors: [u64; StoreFault::ALL.len()],
    /// What was dropped, by position of what it was.
    pub lost: [u64; StoreLoss::ALL.len()],
    /// Results that wait.
    pub pending: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// The last transaction.
    pub last_commit: Option<Timestamp>,
}

#[derive(Clone)]
struct StoreFamilies {
    healthy: IntGauge,
    entries: IntCounter,
    commits: IntCounter,
    commit_seconds: Counter,
    errors: Vec<IntCounter>,
    lost: Vec<IntCounter>,
    pending: IntGauge,
    bytes: IntGauge,
    last_commit: Gauge,
}

impl StoreFamilies {
    /// The families, and their collectors to be registered.
    fn new() -> (Self, Vec<Box<dyn Collector>>) {
        let (errors, lost) = (counters_of(Metric::StoreErrors), counters_of(Metric::StoreLost));
        let counter = |metric| IntCounter::with_opts(opts(metric)).expect(VALID);
        let seconds = Counter::with_opts(opts(Metric::StoreCommitSeconds)).expect(VALID);
        let families = Self {
            healthy: gauge_of(Metric::StoreHealthy),
            entries: counter(Metric::StoreEntries),
            commits: counter(Metric::StoreCommits),
            commit_seconds: seconds,
            errors: children(&errors, StoreFault::ALL.iter().map(|fault| fault.as_str())),
            lost: children(&lost, StoreLoss::ALL.iter().map(|what| what.as_str())),
            pending: gauge_of(Metric::StorePending),
            bytes: gauge_of(Metric::StoreSize),
            last_commit: Gauge::with_opts(opts(Metric::StoreLastCommit)).expect(VALID),
        };
        let collectors: Vec<Box<dyn Collector>> = vec![
            Box::new(families.healthy.clone()),
            Box::new(families.entries.clone()),
            Box::new(families.commits.clone()),
            Box::new(families.commit_seconds.clone()),
            Box::new(errors),
            Box::new(lost),
            Box::new(families.pending.clone()),
            Box::new(families.bytes.clone()),
            Box::new(families.last_commit.clone()),
        ];
        (families, collectors)
    }

    fn set(&self, now: &StoreNumbers) {
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let reach =
            |counter: &IntCounter, to: u64| counter.inc_by(to.saturating_sub(counter.get()));
        self.healthy.set(now.healthy.into());
        reach(&self.entries, now.entries);
        reach(&self.commits, now.commits);
        let seconds = now.commit_time.as_secs_f64() - self.commit_seconds.get();
        self.commit_seconds.inc_by(seconds.max(0.0));
        self.errors.iter().zip(now.errors).for_each(|(counter, to)| reach(counter, to));
        self.lost.iter().zip(now.lost).for_each(|(counter, to)| reach(counter, to));
        self.pending.set(whole(now.pending));
        self.bytes.set(whole(now.bytes));
        if let Some(at) = now.last_commit {
            self.last_commit.set(at.as_secs_f64());
        }
    }
}

impl Own {
    /// Registers everything, with `vantage` on every series.
    pub fn new(vantage: &str, version: &str) -> Self {
        let labels = [("vantage".to_owned(), vantage.to_owned())].into();
        let registry =
            Registry::new_custom(None, Some(labels)).expect("no prefix, so nothing to be wrong");
        let lag = HistogramOpts::from(opts(Metric::ScheduleLag)).buckets(LAG_BUCKETS.to_vec());
        let skipped = counters_of(Metric::ProbesSkipped);
        let given_up = counters_of(Metric::ProbesGivenUp);
        let log_messages = counters_of(Metric::LogMessages);
        let build = opts(Metric::BuildInfo).const_label("version", version);
        let build = IntGauge::with_opts(build).expect(VALID);
        build.set(1);
        let (store, of_store) = StoreFamilies::new();
        let (outward, of_outward) = Outward::new();
        let own = Self {
            lag: Histogram::with_opts(lag).expect("the catalogue's buckets ascend"),
            in_flight: gauge_of(Metric::ProbesInFlight),
            limit: gauge_of(Metric::ProbeConcurrencyLimit),
            reload_successful: gauge_of(Metric::ReloadSuccessful),
            reload_timestamp: Gauge::with_opts(opts(Metric::ReloadTimestamp)).expect(VALID),
            vantage_offline: gauge_of(Metric::VantageOffline),
            resolver_offline: gauge_of(Metric::ResolverOffline),
            unsettled: gauge_of(Metric::ResultsUnsettled),
            skipped: children(&skipped, SkipCause::ALL.iter().map(|cause| cause.as_str())),
            given_up: children(&given_up, GivenUp::ALL.iter().map(|cause| cause.as_str())),
            log_messages: children(&log_messages, LOG_LEVELS),
            log_lines_lost: IntCounter::with_opts(opts(Metric::LogLinesLost)).expect(VALID),
            lost: Arc::default(),
            store,
            push: PushFamilies::new(),
            outward,
            registry,
        };
        let all: [Box<dyn Collector>; 18] = [
            Box::new(build),
            Box::new(own.lag.clone()),
            Box::new(skipped),
            Box::new(given_up),
            Box::new(own.in_flight.clone()),
            Box::new(own.limit.clone()),
            Box::new(log_messages),
            Box::new(own.log_lines_lost.clone()),
            Box::new(own.reload_successful.clone()),
            Box::new(own.reload_timestamp.clone()),
            Box::new(own.push.total.clone()),
            Box::new(own.push.last_success.clone()),
            Box::new(own.push.healthy.clone()),
            Box::new(own.push.alerts.clone()),
            Box::new(own.vantage_offline.clone()),
            Box::new(own.resolver_offline.clone()),
            Box::new(own.unsettled.clone()),
            Box::new(ProcessCollector::for_self()),
        ];
        for collector in all.into_iter().chain(of_store).chain(of_outward) {
            own.registry.register(collector).expect("the catalogue names each metric once");
        }
        own
    }

    /// A run started `lag` after it was due.
    pub fn observe_lag(&self, lag: Duration) {
        self.lag.observe(lag.as_secs_f64());
    }

    /// `count` due runs did not happen.
    pub fn count_skipped(&self, cause: SkipCause, count: u64) {
        self.skipped[cause.index()].inc_by(count);
    }

    /// `count` runs that had started give no result.
    pub fn count_given_up(&self, cause: GivenUp, count: usize) {
        self.given_up[cause.index()].inc_by(count as u64);
    }

    /// Due runs that did not happen so far, over all causes.
    pub fn skipped_total(&self) -> u64 {
        self.skipped.iter().map(IntCounter::get).sum()
    }

    /// A message was logged at the level at this position of [`LOG_LEVELS`].
    pub fn count_log_message(&self, level: usize) {
        if let Some(counter) = self.log_messages.get(level) {
            counter.inc();
        }
    }

    /// Where it is asked, at each scrape, how many lines of the log were lost so far; the first one to say so is asked.
    pub fn count_lost_log_lines(&self, lost: impl Fn() -> u64 + Send + Sync + 'static) {
        // A second log of the same process is not the one that is written.
        let _ = self.lost.set(Box::new(lost));
    }

    /// How many runs may go on at once.
    pub fn set_limit(&self, limit: u32) {
        self.limit.set(limit.into());
    }

    /// How many runs go on now.
    pub fn set_in_flight(&self, running: usize) {
        self.in_flight.set(i64::try_from(running).unwrap_or(i64::MAX));
    }

    /// The configuration was read; a moment if it had no problems.
    pub fn set_reload(&self, succeeded_at: Option<Timestamp>) {
        self.reload_successful.set(succeeded_at.is_some().into());
        if let Some(at) = succeeded_at {
            self.reload_timestamp.set(at.as_secs_f64());
        }
    }

    /// Whether nothing is seen at all, or nothing resolves, and how many runs wait for an alibi.
    pub fn set_sight(&self, vantage_offline: bool, resolver_offline: bool, unsettled: usize) {
        self.vantage_offline.set(vantage_offline.into());
        self.resolver_offline.set(resolver_offline.into());
        self.unsettled.set(i64::try_from(unsettled).unwrap_or(i64::MAX));
    }

    /// What the store says of itself now.
    pub fn set_store(&self, now: &StoreNumbers) {
        self.store.set(now);
    }

    /// What the way to a receiver says of itself now.
    pub fn set_push(&self, now: &PushNumbers) {
        self.push.set(now);
    }

    /// All of them as exposition text.
    pub fn text(&self) -> String {
        if let Some(lost) = self.lost.get() {
            self.log_lines_lost.inc_by(lost().saturating_sub(self.log_lines_lost.get()));
        }
        let families = self.registry.gather();
        TextEncoder::new().encode_to_string(&families).expect("a registry encodes its own families")
    }
}

const VALID: &str = "the catalogue's names are valid";

fn opts(metric: Metric) -> Opts {
    let entry = metric.entry();
    Opts::new(entry.name, entry.help)
}

fn counters_of(metric: Metric) -> IntCounterVec {
    IntCounterVec::new(opts(metric), metric.entry().labels).expect(VALID)
}

fn children<'a>(vec: &IntCounterVec, values: impl IntoIterator<Item = &'a str>) -> Vec<IntCounter> {
    values.into_iter().map(|value| vec.with_label_values(&[value])).collect()
}

fn gauge_of(metric: Metric) -> IntGauge {
    IntGauge::with_opts(opts(metric)).expect(VALID)
}
