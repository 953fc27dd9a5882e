//! Every metric once: name, what it is about, kind, help, labels, and from which detail on it is exported.
//!
//! The README's table, the golden catalogue and the exposition are all made from this list. Units are base units, counters
//! end in `_total`, moments are Unix timestamps, label values come from closed sets. Names follow
//! <https://prometheus.io/docs/practices/naming/>.
//!
//! Values are not here: `table` and `own` hold them.

use crate::model::Detail;

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until the daemon restarts.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Cumulative buckets, sum and count.
    Histogram,
}

impl Kind {
    /// As the `# TYPE` line says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// What a metric is about; decides its identity labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A check: [`CHECK_LABELS`].
    Check,
    /// A service: the labels named in the metric, and `vantage`.
    Service,
    /// A promise in a scope: `service`, `slo`, `scope`, `provider`, `vantage`; all of them identify it.
    Promise,
    /// What goes on at the moment of a scrape: the labels named in the metric, and `vantage`.
    Sample,
    /// The daemon itself: `vantage`.
    Own,
}

/// What is said of a metric.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// What it is about.
    pub subject: Subject,
    /// How it behaves.
    pub kind: Kind,
    /// Its help text, unit included.
    pub help: &'static str,
    /// Labels beside the identity labels.
    pub labels: &'static [&'static str],
    /// From which detail on it is exported.
    pub detail: Detail,
}

/// The identity labels of a check, in the order they are written.
pub const CHECK_LABELS: [&str; 6] = ["check", "service", "provider", "region", "probe", "vantage"];

macro_rules! metrics {
    ($($metric:ident = $subject:ident $kind:ident $name:literal [$($label:literal),*] $detail:ident $help:literal;)+) => {
        /// Every metric, in the order they are written.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Metric { $(#[doc = $help] $metric,)+ }

        impl Metric {
            /// Every metric, in the order they are written.
            pub const ALL: &'static [Self] = &[$(Self::$metric,)+];

            /// What is said of it.
            pub const fn entry(self) -> Entry {
                match self {
                    $(Self::$metric => Entry {
                        name: $name,
                        subject: Subject::$subject,
                        kind: Kind::$kind,
                        help: $help,
                        labels: &[$($label),*],
                        detail: Detail::$detail,
                    },)+
                }
            }
        }
    };
}

metrics! {
    CheckState = Check Gauge "nephoscope_check_state" [] Lean
        "State of the check: 0 up, 1 maintenance, 2 unknown, 3 degraded, 4 down.";
    CheckStateSince = Check Gauge "nephoscope_check_state_since_timestamp_seconds" [] Lean
        "When the state of the check began, in Unix seconds.";
    CheckStateSeconds = Check Counter "nephoscope_check_state_seconds_total" ["state"] Lean
        "Settled time of the check by what it was, in seconds; adds up to the time it has been watched.";
    CheckInfo = Check Gauge "nephoscope_check_info" ["endpoint", "host", "protocol", "runbook", "label_*"] Lean
        "Always 1; says where the check looks and who owns the service.";
    CheckInterval = Check Gauge "nephoscope_check_interval_seconds" [] Standard
        "How often the check runs, in seconds.";
    CheckTimeout = Check Gauge "nephoscope_check_timeout_seconds" [] Standard
        "Deadline of one run of the check, in seconds.";
    Probes = Check Counter "nephoscope_probes_total" ["verdict"] Lean
        "Runs of the check by verdict, rechecks included.";
    ProbeFailures = Check Counter "nephoscope_probe_failures_total" ["reason"] Lean
        "Bad runs of the check by reason, rechecks included.";
    ProbeDuration = Check Histogram "nephoscope_probe_duration_seconds" ["outcome"] Standard
        "How long runs of the check took, from resolving to the last byte judged, in seconds.";
    ProbePhaseSeconds = Check Counter "nephoscope_probe_phase_seconds_total" ["phase"] Standard
        "Time that runs of the check spent in each phase, in seconds.";
    ProbeLastPhaseStart = Check Gauge "nephoscope_probe_last_phase_start_seconds" ["phase"] Full
        "When each phase of the last run began, in seconds from its start.";
    ProbeLastPhaseDuration = Check Gauge "nephoscope_probe_last_phase_duration_seconds" ["phase"] Full
        "How long each phase of the last run took, in seconds.";
    ProbeLastCompleted = Check Gauge "nephoscope_probe_last_completed_timestamp_seconds" [] Standard
        "When the last run of the check ended, in Unix seconds.";
    ProbeLastSuccess = Check Gauge "nephoscope_probe_last_success_timestamp_seconds" [] Standard
        "When the last good run of the check ended, in Unix seconds.";
    CheckWarnings = Check Counter "nephoscope_check_warnings_total" ["warning"] Standard
        "Good runs of the check that carried a warning, by warning.";
    HttpResponseCode = Check Gauge "nephoscope_http_response_code" [] Standard
        "Status code of the last response; absent if the last run got none.";
    TlsNotAfter = Check Gauge "nephoscope_tls_certificate_not_after_timestamp_seconds" [] Lean
        "Earliest end of validity in the certificate chain last presented, in Unix seconds, also when verification failed.";
    DnsAnswers = Check Gauge "nephoscope_dns_answers" [] Standard
        "Records in the answer section of the last DNS answer; absent if the last run got none.";
    ServiceSideState = Service Gauge "nephoscope_service_side_state" ["service", "provider"] Lean
        "State of the service on one provider, joined over its endpoints; same scale as the state of a check.";
    ServiceState = Service Gauge "nephoscope_service_state" ["service", "scope"] Lean
        "State of the service joined over its sides (any: one side is enough; all: every side; entry: what its public name gives); same scale as the state of a check.";
    ServiceExposure = Service Counter "nephoscope_service_exposure_seconds_total" ["service", "state", "provider"] Lean
        "Settled time of the service by how many sides were able to serve, in seconds (both: at least two; only: one, named by provider; none; unknown); maintenance of a side is not able. Absent with one side; adds up to the time it has been watched.";
    ServiceFailoverCost = Service Counter "nephoscope_service_failover_cost_seconds_total" ["service"] Lean
        "Settled time in which the public name was bad while some side was able to serve, in seconds; absent without an entry.";
    SentinelState = Sample Gauge "nephoscope_sentinel_state" ["sentinel", "kind"] Lean
        "State of a sentinel, kind tls or name; same scale as the state of a check, 2 also if it is broken: silent for `sentinel.broken_after` while checks succeeded.";
    CanaryHealth = Sample Gauge "nephoscope_canary_health" ["provider", "region", "plane", "canary"] Lean
        "State of a cloud's own endpoint, apart from our services; same scale as the state of a check.";
    DomainState = Sample Gauge "nephoscope_domain_state" ["domain", "probe"] Lean
        "State of a dependency that services share, as one of its probes sees it; same scale as the state of a check.";
    EntryShare = Sample Gauge "nephoscope_entry_share_ratio" ["service", "provider"] Lean
        "How much of the public name leads to a provider, as a share of answers (policy failover: of the last look; others: averaged over 20) or, behind an edge, of the last 20 pages served; unmapped: to none that we know.";
    EntryLate = Sample Gauge "nephoscope_failover_late" ["service"] Lean
        "Whether the public name leads to a cloud that has been down for longer than `failover_within`, while another could serve: 1 yes, 0 no; policy failover only.";
    EntrySilent = Sample Gauge "nephoscope_failover_silent" ["service"] Lean
        "Whether the public name leads to another cloud although its first one is healthy and no drill is on: 1 yes, 0 no; policy failover only.";
    EntrySplit = Sample Gauge "nephoscope_entry_split" ["service"] Lean
        "Whether answers about the public name have led to different clouds for longer than they may be kept: 1 yes, 0 no; policy failover only.";
    FailoverSeconds = Sample Gauge "nephoscope_failover_seconds" ["service", "step"] Lean
        "How long each step of the last failover took, in seconds from the first bad result (or the start of the drill); absent while not reached.";
    FailoverLastProven = Sample Gauge "nephoscope_failover_last_proven_timestamp_seconds" ["service"] Lean
        "When a fresh client of the public name was last served by another cloud after a switch, in Unix seconds; absent: never seen.";
    CanaryProblem = Sample Gauge "nephoscope_canary_problem" ["provider", "region"] Lean
        "Whether a canary of the data plane fails while every service beside it is good: 1 yes (look at the canary), 0 no.";
    OutageActive = Sample Gauge "nephoscope_outage_active" ["service", "scope", "provider"] Lean
        "Whether an outage lasts: 1 yes, 0 no; scope is any (no side can serve), entry (the public name) or one side, which provider names.";
    OutageBlame = Sample Gauge "nephoscope_outage_blame" ["service", "scope", "provider", "blame"] Lean
        "Whose the outage is while it lasts: 1 for the blame that holds, 0 for every other.";
    IncidentActive = Sample Gauge "nephoscope_incident_active" ["cause"] Lean
        "Always 1 while an incident lasts: all outages with one cause; absent otherwise.";
    IncidentServices = Sample Gauge "nephoscope_incident_services" ["cause"] Lean
        "Services that the incident has affected so far; absent without an incident.";
    PeerUp = Sample Gauge "nephoscope_peer_up" ["peer"] Lean
        "Whether another vantage point gave an answer that could be used when it was last asked: 1 yes, 0 no; absent until something was down for the first time.";
    SloInfo = Promise Gauge "nephoscope_slo_info" ["window", "kind", "unit", "alert"] Lean
        "Always 1; says over what window and in what unit a promise is judged, and who is told (none: computed for this scope, not promised).";
    SloObjective = Promise Gauge "nephoscope_slo_objective_ratio" [] Lean
        "What was promised, as a share.";
    SloWindow = Promise Gauge "nephoscope_slo_window_seconds" [] Lean
        "Length of the whole window, in seconds; of a calendar window the real length with clock changes.";
    SloAvailability = Promise Gauge "nephoscope_slo_availability_ratio" [] Lean
        "Good by known over the window, after the policies for unknown and maintenance; absent while nothing is known.";
    SloAvailabilityLow = Promise Gauge "nephoscope_slo_availability_low_ratio" [] Lean
        "Availability if all unknown time was bad.";
    SloAvailabilityHigh = Promise Gauge "nephoscope_slo_availability_high_ratio" [] Lean
        "Availability if all unknown time was good.";
    SloCoverage = Promise Gauge "nephoscope_slo_coverage_ratio" [] Lean
        "Share of the window so far, maintenance aside, that was observed.";
    SloBudget = Promise Gauge "nephoscope_slo_error_budget_seconds" [] Lean
        "What may be bad in the window, in seconds; absent for promises counted in events or slices.";
    SloBudgetRemainingRatio = Promise Gauge "nephoscope_slo_error_budget_remaining_ratio" [] Lean
        "What is left of the budget, as a share; below 0 when it is overdrawn.";
    SloBudgetRemainingSeconds = Promise Gauge "nephoscope_slo_error_budget_remaining_seconds" [] Lean
        "What is left of the budget, in seconds; absent for promises counted in events or slices.";
    SloBurnRate = Promise Gauge "nephoscope_slo_burn_rate" ["window"] Lean
        "How fast the budget burns over the last 5m to 3d: at 1 it ends with the period.";
    SloAlertScore = Promise Gauge "nephoscope_slo_alert_score" ["tier"] Lean
        "The lower of a tier's two burn rates by its factor; above 1 the tier fires (held at 1 while too few runs failed).";
    SloAlertActive = Promise Gauge "nephoscope_slo_alert_active" ["tier", "severity"] Lean
        "Whether a tier fires: 1 yes, 0 no; exact integers, strictly above the threshold.";
    SloAlertSuppressed = Promise Gauge "nephoscope_slo_alert_suppressed" ["tier", "severity"] Lean
        "Whether a tier fires while the whole scope is under maintenance, so that nobody is told: 1 yes, 0 no.";
    SloTimeToExhaustion = Promise Gauge "nephoscope_slo_time_to_exhaustion_seconds" [] Lean
        "How long the budget lasts if it burns on as in the last hour, knowing when past outages leave the window; absent: for ever.";
    SloStateSeconds = Promise Counter "nephoscope_slo_state_seconds_total" ["state"] Lean
        "Settled time of the scope by what it was when it happened, in seconds; goes on over a restart.";
    SloMaxError = Promise Gauge "nephoscope_slo_max_error_seconds" [] Lean
        "How far bad time may be off because old flapping was coalesced, in seconds; 0 for nearly everyone.";
    SloRestated = Promise Gauge "nephoscope_slo_restated_seconds" [] Lean
        "By how many bad seconds maintenance added or taken back after the fact has changed history since counting began.";
    BuildInfo = Own Gauge "nephoscope_build_info" ["version"] Lean
        "Always 1; says which version runs.";
    ScheduleLag = Own Histogram "nephoscope_schedule_lag_seconds" [] Lean
        "How much later than due runs started, in seconds.";
    ProbesSkipped = Own Counter "nephoscope_probes_skipped_total" ["cause"] Lean
        "Runs that were due and did not happen, by cause.";
    ProbesGivenUp = Own Counter "nephoscope_probes_given_up_total" ["cause"] Lean
        "Runs that had started and gave no result, by cause.";
    ProbesInFlight = Own Gauge "nephoscope_probes_in_flight" [] Lean
        "Runs going on now.";
    ProbeConcurrencyLimit = Own Gauge "nephoscope_probe_concurrency_limit" [] Lean
        "Runs that may go on at once.";
    VantageOffline = Own Gauge "nephoscope_vantage_offline" [] Lean
        "Whether this monitor sees nothing over any network: 1 yes, 0 no.";
    ResolverOffline = Own Gauge "nephoscope_resolver_offline" [] Lean
        "Whether the resolver of this host is dead while its network works: 1 yes, 0 no.";
    ResultsUnsettled = Own Gauge "nephoscope_results_unsettled" [] Lean
        "Failures that may be this monitor's own and wait for an alibi.";
    LogMessages = Own Counter "nephoscope_log_messages_total" ["level"] Lean
        "Messages logged, by level.";
    LogLinesLost = Own Counter "nephoscope_log_lines_lost_total" [] Lean
        "Lines of the log that were lost because nobody read stderr fast enough.";
    StoreHealthy = Own Gauge "nephoscope_store_healthy" [] Lean
        "Whether history is being kept: 1 yes, 0 no (no store, or the last attempt to write it failed).";
    StoreEntries = Own Counter "nephoscope_store_entries_written_total" [] Lean
        "Results written to the store's journal.";
    StoreCommits = Own Counter "nephoscope_store_commits_total" [] Lean
        "Transactions of the store.";
    StoreCommitSeconds = Own Counter "nephoscope_store_commit_seconds_total" [] Lean
        "Time spent in transactions of the store, in seconds.";
    StoreErrors = Own Counter "nephoscope_store_errors_total" ["fault"] Lean
        "Transactions of the store that failed, by fault.";
    StoreLost = Own Counter "nephoscope_store_lost_total" ["what"] Lean
        "What was dropped because the store could not be written for too long, by what it was.";
    StorePending = Own Gauge "nephoscope_store_pending_entries" [] Lean
        "Results that wait to be written.";
    StoreSize = Own Gauge "nephoscope_store_size_bytes" [] Lean
        "Size of the store on disk, in bytes.";
    StoreLastCommit = Own Gauge "nephoscope_store_last_commit_timestamp_seconds" [] Lean
        "When the store was last written, in Unix seconds.";
    Push = Own Counter "nephoscope_push_total" ["receiver", "outcome"] Lean
        "Deliveries of alerts to a receiver (host:port), by what became of them.";
    PushLastSuccess = Own Gauge "nephoscope_push_last_success_timestamp_seconds" ["receiver"] Lean
        "When the receiver last took a delivery, in Unix seconds; an Alertmanager is told every minute, a webhook of changes only.";
    PushHealthy = Own Gauge "nephoscope_push_healthy" ["receiver"] Lean
        "Whether the receiver took the last delivery: 1 yes (or none was made yet), 0 no.";
    PushAlerts = Own Gauge "nephoscope_push_alerts" ["receiver"] Lean
        "Alerts that fire, as the receiver is told.";
    ReloadSuccessful = Own Gauge "nephoscope_config_last_reload_successful" [] Lean
        "Whether the configuration was last read without problems: 1 yes, 0 no.";
    ReloadTimestamp = Own Gauge "nephoscope_config_last_reload_success_timestamp_seconds" [] Lean
        "When the configuration was last read without problems, in Unix seconds.";
    ListenerTurnedAway = Own Counter "nephoscope_listener_turned_away_total" ["cause"] Lean
        "Requests and connections that the listener turned away, by cause.";
    ListenerCertificateNotAfter = Own Gauge "nephoscope_listener_certificate_not_after_timestamp_seconds" [] Lean
        "Earliest end of validity in the certificate chain that the listener presents, in Unix seconds; absent without TLS.";
    Heartbeats = Own Counter "nephoscope_heartbeats_total" ["outcome"] Lean
        "Heartbeats that were due, by what became of them; absent without `monitor.heartbeat_url`.";
    HeartbeatLastSuccess = Own Gauge "nephoscope_heartbeat_last_success_timestamp_seconds" [] Lean
        "When a heartbeat was last taken, in Unix seconds; absent before.";
}

impl Metric {
    /// Every label of its series, identity first; `label_*` stands for the labels that owners give their services.
    pub fn labels(self) -> impl Iterator<Item = &'static str> {
        let identity: &[&str] = match self.entry().subject {
            Subject::Check => &CHECK_LABELS,
            Subject::Promise => &["service", "slo", "scope", "provider", "vantage"],
            Subject::Service | Subject::Sample | Subject::Own => &["vantage"],
        };
        identity.iter().chain(self.entry().labels).copied()
    }
}

/// Upper bounds of the buckets of run durations, in seconds: few, because each costs a series per check.
pub const DURATION_BUCKETS: [f64; 8] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Upper bounds of the buckets of schedule lag, in seconds: from tokio's timer tick (1 ms) to a lost interval.
pub const LAG_BUCKETS: [f64; 9] = [0.002, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0];
