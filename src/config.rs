//! probes.toml to a complete and valid [`Config`], or every problem of the file at once.
//!
//! Three stages: `raw` is what the file says (every value with its place), `resolve` applies inheritance, classes and
//! placeholders, `validate` checks what remains and builds the typed value. Nothing downstream checks a setting again.
//!
//! It does not know that a runtime exists, whether a target can be reached, or what a metric is called.

pub use crate::model::Detail;
use crate::model::{Check, Network, Provider, Service};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Everything the daemon needs to know, complete and valid.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the daemon stands and what it may use.
    pub monitor: MonitorConfig,
    /// How much it exports.
    pub metrics: MetricsConfig,
    /// The clouds, in the order of the file.
    pub providers: Vec<Provider>,
    /// The services, in the order of the file.
    pub services: Vec<Service>,
    /// Every check of every service, in that order; `CheckIndex` is the position here.
    pub checks: Vec<Arc<Check>>,
    /// Neutral ground (not yet in effect).
    pub sentinel: Option<SentinelConfig>,
    /// Shared dependencies (not yet in effect).
    pub domains: Vec<Domain>,
    /// Planned absences (not yet in effect).
    pub maintenance: Vec<Maintenance>,
}

/// `[monitor]`.
#[derive(Clone, Debug)]
pub struct MonitorConfig {
    /// Value of the `vantage` label.
    pub vantage: Arc<str>,
    /// The watched cloud this daemon stands on, if it does.
    pub provider: Option<Arc<str>>,
    /// Address of the listener.
    pub listen: SocketAddr,
    /// Folder of the embedded store, absolute or relative to the working directory.
    pub state: PathBuf,
    /// For calendar windows and maintenance hours.
    pub timezone: jiff::tz::TimeZone,
    /// This daemon's share of the services: (which, of how many), 1-based.
    pub shard: Option<(u32, u32)>,
    /// Dead-man ping.
    pub heartbeat_url: Option<url::Url>,
    /// Runs in flight at most, over all checks.
    pub max_in_flight: u32,
}

/// `[metrics]`.
#[derive(Clone, Copy, Debug)]
pub struct MetricsConfig {
    /// Series per check.
    pub detail: Detail,
    /// Whether `probe_success` and friends are on `/metrics` too.
    pub field_names: bool,
}

/// `[sentinel]`.
#[derive(Clone, Debug)]
pub struct SentinelConfig {
    /// `host:port` pairs that answer TLS.
    pub tls: Vec<(Arc<str>, u16)>,
    /// Names that our own resolver must be able to resolve.
    pub names: Vec<Arc<str>>,
    /// How often each is asked.
    pub interval: Duration,
    /// How long a doubtful failure waits for an alibi.
    pub patience: Duration,
}

/// `[domain.NAME]`: a dependency that services share.
#[derive(Clone, Debug)]
pub struct Domain {
    /// Its name.
    pub name: Arc<str>,
    /// `dns`, `data`, `identity`, `edge` or `interconnect`.
    pub kind: Arc<str>,
    /// Its host.
    pub host: Arc<str>,
    /// Probes that look at it.
    pub probes: Vec<Arc<str>>,
}

/// `[[maintenance]]`.
#[derive(Clone, Debug)]
pub struct Maintenance {
    /// Keys are ANDed, values of a key are ORed.
    pub matching: BTreeMap<String, Vec<String>>,
    /// When.
    pub when: MaintenanceWhen,
}

/// When a maintenance window is.
#[derive(Clone, Debug)]
pub enum MaintenanceWhen {
    /// Every week, in the monitor's time zone.
    Weekly {
        /// The day.
        weekday: jiff::civil::Weekday,
        /// First minute.
        from: jiff::civil::Time,
        /// First minute after it.
        to: jiff::civil::Time,
    },
    /// Once.
    Once {
        /// First moment.
        from: crate::model::Timestamp,
        /// First moment after it.
        to: crate::model::Timestamp,
    },
}

#[allow(dead_code)]
fn unused(_: Network) {}
