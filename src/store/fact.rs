//! What happens seldom and is kept long: outages, failovers, drills, promises, maintenance, closed periods, failed runs; and alerts while they last.
//!
//! Each is one row of a table with plain columns, so that it can be read with any SQLite tool. Times are milliseconds since
//! the epoch; what has a structure of its own (a definition, a standing, what is matched) is JSON text of the caller's.
//!
//! What they mean, and when one is made, is decided by the caller.

/// Something was down (S13).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outage {
    /// From what it is about and its start; storing the same id again replaces it.
    pub id: String,
    /// The service.
    pub service: String,
    /// `any`, `entry` or `provider:NAME`.
    pub scope: String,
    /// The provider, if it is about one.
    pub provider: Option<String>,
    /// The first bad result.
    pub started_ms: i64,
    /// The first good one of the confirming run; `None` while it lasts.
    pub ended_ms: Option<i64>,
    /// Why.
    pub reason: Option<String>,
    /// The check that failed first.
    pub check: Option<String>,
    /// One sentence for a person.
    pub said: Option<String>,
    /// Whose it was, in one word.
    pub blame: Option<String>,
    /// Who was blamed, where that is somebody else.
    pub blamed: Option<String>,
    /// Whether what broke one cloud broke another one too.
    pub coupled: bool,
    /// The incident it belonged to.
    pub incident: Option<String>,
    /// Every judgement with what it rested on.
    pub revisions: Option<String>,
    /// The first affected checks.
    pub checks: Option<String>,
    /// How many were affected.
    pub checks_count: u64,
}

/// What was promised from a moment on (S18).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Promise {
    /// The service.
    pub service: String,
    /// The name of the slo within the service.
    pub slo: String,
    /// From when it holds.
    pub from_ms: i64,
    /// Objective, window, policies.
    pub definition: String,
}

/// Time that was announced as not counting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Maintenance {
    /// Its name; storing the same id again replaces it.
    pub id: String,
    /// When it was announced.
    pub added_ms: i64,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
    /// What it is about.
    pub matching: String,
    /// Where it begins.
    pub from_ms: i64,
    /// Where it was announced to end.
    pub to_ms: i64,
    /// When it was ended before its time.
    pub ended_ms: Option<i64>,
    /// By whom.
    pub ended_by: Option<String>,
}

/// A closed calendar period, frozen (S18); every revision is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// The service.
    pub service: String,
    /// The name of the slo within the service.
    pub slo: String,
    /// The scope.
    pub scope: String,
    /// The provider; empty if the scope is not about one.
    pub provider: String,
    /// Such as `2026-10`.
    pub period: String,
    /// Where it begins.
    pub from_ms: i64,
    /// Where it ends.
    pub to_ms: i64,
    /// 1 for the first.
    pub revision: u32,
    /// When it was frozen.
    pub made_ms: i64,
    /// Why there is this revision.
    pub why: String,
    /// The numbers.
    pub standing: String,
}

/// A failed run with its details, kept longer than the ring of results.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// Number of the check.
    pub check: u32,
    /// When it started.
    pub at_ms: i64,
    /// Why it was bad.
    pub reason: String,
    /// How long it took, in microseconds.
    pub latency_us: u32,
    /// In which phase it ended.
    pub phase: String,
    /// Which address was tried.
    pub address: Option<String>,
    /// One sentence for a person.
    pub said: String,
}

/// An alert that fires, or that not everybody has learnt the end of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alert {
    /// Made of its labels; storing the same id again replaces it.
    pub id: String,
    /// The outage that it is about, if it is about one.
    pub outage: Option<String>,
    /// When what it is about began.
    pub started_ms: i64,
    /// When that ended.
    pub ended_ms: Option<i64>,
    /// An object of texts.
    pub labels: String,
    /// An object of texts.
    pub annotations: String,
    /// By receiver, what it took.
    pub taken: String,
}

/// A public name went, or should have gone, from one cloud to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failover {
    /// From its service and its start; storing the same id again replaces it.
    pub id: String,
    /// The service.
    pub service: String,
    /// `outage`, `planned` or `silent`.
    pub cause: String,
    /// The provider that the name led to.
    pub from: String,
    /// The provider that it leads to since.
    pub to: Option<String>,
    /// From where time is counted.
    pub began_ms: i64,
    /// When each step was reached, in the order of the model's words.
    pub steps_ms: [Option<i64>; 5],
    /// When the first cloud was well again.
    pub recovered_ms: Option<i64>,
    /// Whether it was late.
    pub late: bool,
    /// Whether those who were asked disagreed for longer than their answers may be kept.
    pub split: bool,
    /// When there was nothing more to see of it.
    pub ended_ms: Option<i64>,
}

/// A planned failover, announced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drill {
    /// From its service and its start; storing the same id again replaces it.
    pub id: String,
    /// The service.
    pub service: String,
    /// When it was started.
    pub started_ms: i64,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When it was ended; `None` while it is on.
    pub ended_ms: Option<i64>,
    /// By whom.
    pub ended_by: Option<String>,
}

/// One of them on its way to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Begun, changed or ended.
    Outage(Outage),
    /// Stored only if it differs from the newest of the same service and slo.
    Promise(Promise),
    /// Announced, changed or ended.
    Maintenance(Maintenance),
    /// Frozen.
    Period(Period),
    /// Begun, come further or ended.
    Failover(Failover),
    /// Started or ended.
    Drill(Drill),
    /// Begun, ended or taken.
    Alert(Alert),
    /// Nobody has to be told of the alert of this id any more.
    AlertOver(String),
}
