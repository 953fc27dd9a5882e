//! A check: one probe on one endpoint at an interval, the unit of schedule, SLI and metric row.
//!
//! Its id `service/endpoint/probe` names it everywhere; its [`CheckIndex`] is its row in every table of this run of the
//! daemon.
//!
//! What it found is in `result`; when it is due is in `schedule`.

use super::Spec;
use std::sync::Arc;
use std::time::Duration;

/// `service/endpoint/probe`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckId(Arc<str>);

impl CheckId {
    /// The id of `probe` on `endpoint` of `service`.
    pub fn new(service: &str, endpoint: &str, probe: &str) -> Self {
        Self(format!("{service}/{endpoint}/{probe}").into())
    }

    /// The id of the check of `service`'s public name: the place of an endpoint is taken by the word `entry`, which no
    /// endpoint can have for a name.
    pub fn of_entry(service: &str, probe: &str) -> Self {
        Self::new(service, "entry", probe)
    }

    /// The id as shared text.
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for CheckId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.pad(&self.0)
    }
}

/// Position of a check in the configuration's list, the same in every table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckIndex(pub u32);

impl CheckIndex {
    /// As an index into a slice.
    pub const fn get(self) -> usize {
        self.0 as usize
    }
}

/// One probe on one endpoint at an interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// `service/endpoint/probe`.
    pub id: CheckId,
    /// Name of the service.
    pub service: Arc<str>,
    /// Name of the endpoint within the service.
    pub endpoint: Arc<str>,
    /// Name of the probe.
    pub probe: Arc<str>,
    /// Name of the provider.
    pub provider: Arc<str>,
    /// Region of the endpoint; empty when none was given.
    pub region: Arc<str>,
    /// Host of the endpoint.
    pub host: Arc<str>,
    /// When it runs and how long its results hold.
    pub shape: Shape,
    /// Whether it enters the endpoint's state.
    pub counts: bool,
    /// What it does; shared by checks that do the same.
    pub spec: Arc<Spec>,
    /// Ids under which it was known before: its history may stand under one of them. None is the id of another check.
    pub formerly: Arc<[String]>,
}

/// When a check runs and how long its results hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The grid that the SLI is made of; at least one second.
    pub interval: Duration,
    /// One hard deadline for the whole run; never longer than the interval.
    pub timeout: Duration,
    /// An extra look this soon after a result that differs from the last one.
    pub recheck: Duration,
    /// How long a grid result stays valid when the next is missing.
    pub hold: Duration,
    /// Equal results in a row before health flips; at least 1.
    pub confirm: u32,
}

impl Shape {
    /// How long it takes at most until an outage is certain: the rest of the interval, and the runs that confirm it, each
    /// with its whole timeout.
    pub fn certain_after(&self) -> Duration {
        let again = (self.recheck + self.timeout).saturating_mul(self.confirm.saturating_sub(1));
        self.interval + self.timeout + again
    }
}
