//! The views of the picture: what the web and the command line can see of the monitor.
//!
//! A view is an owned copy, as of the moment it was taken; `board` gives them out.
//!
//! It does not render anything: `web` and `cli` do.

use crate::model::{
    Cause, CheckId, Phase, PhaseTimes, Reason, Road, State, Timestamp, Verdict, Warnings,
};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// What the monitor says of itself.
#[derive(Clone, Debug)]
pub struct About {
    /// Where it stands.
    pub vantage: Arc<str>,
    /// When this picture was taken.
    pub now: Timestamp,
    /// When the daemon started.
    pub started: Timestamp,
    /// How many checks it watches.
    pub checks: usize,
    /// Runs in flight.
    pub in_flight: usize,
    /// Due runs that did not happen since the start, over all causes.
    pub skipped: u64,
    /// Warnings of the configuration, a sentence each.
    pub notices: Vec<String>,
    /// Whether it can see at all.
    pub sight: SightView,
}

/// Whether the monitor can see at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SightView {
    /// The roads over which nothing is seen, and since when.
    pub dark: Vec<(Road, Timestamp)>,
    /// Sentinels that are silent while checks succeed, by the id of their check, and since when they are not waited for.
    pub broken: Vec<(Arc<str>, Timestamp)>,
    /// How many runs have ended and wait for an alibi.
    pub unsettled: usize,
    /// Whether nothing is seen over any network.
    pub vantage_offline: bool,
    /// Whether only the resolver of this host is dead.
    pub resolver_offline: bool,
}

/// A state and since when it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The state.
    pub state: State,
    /// When it began.
    pub since: Timestamp,
}

/// A service with everything below it.
#[derive(Clone, Debug)]
pub struct ServiceView {
    /// Its name.
    pub name: Arc<str>,
    /// For people.
    pub title: String,
    /// Where the person on call reads on.
    pub runbook: Option<Arc<str>>,
    /// The owner's labels.
    pub labels: Arc<BTreeMap<String, String>>,
    /// Some side can serve.
    pub any: Standing,
    /// Every side can serve.
    pub all: Standing,
    /// Its public name, if it has one.
    pub entry: Option<EntryView>,
    /// One per provider it runs on.
    pub sides: Vec<SideView>,
}

impl ServiceView {
    /// All of its checks: that of its public name, then those of its sides.
    pub fn checks(&self) -> impl Iterator<Item = &CheckView> {
        let endpoints = self.sides.iter().flat_map(|side| &side.endpoints);
        let of_sides = endpoints.flat_map(|endpoint| &endpoint.checks);
        self.entry.iter().map(|entry| &entry.check).chain(of_sides)
    }
}

/// The public name of a service.
#[derive(Clone, Debug)]
pub struct EntryView {
    /// The name users type.
    pub host: Arc<str>,
    /// What a fresh client gets.
    pub standing: Standing,
    /// How it is looked at.
    pub check: CheckView,
}

/// A service on one provider.
#[derive(Clone, Debug)]
pub struct SideView {
    /// The provider's name.
    pub provider: Arc<str>,
    /// The provider's title.
    pub title: String,
    /// Its joined state.
    pub standing: Standing,
    /// Where it runs there.
    pub endpoints: Vec<EndpointView>,
}

/// Where a service runs.
#[derive(Clone, Debug)]
pub struct EndpointView {
    /// Its name within the service.
    pub name: Arc<str>,
    /// Its region; empty when none was given.
    pub region: Arc<str>,
    /// Its host.
    pub host: Arc<str>,
    /// Its joined state.
    pub standing: Standing,
    /// Its checks.
    pub checks: Vec<CheckView>,
}

/// A check and what is known of it.
#[derive(Clone, Debug)]
pub struct CheckView {
    /// `service/endpoint/probe`.
    pub id: CheckId,
    /// Name of the service.
    pub service: Arc<str>,
    /// Name of the endpoint.
    pub endpoint: Arc<str>,
    /// Name of the provider.
    pub provider: Arc<str>,
    /// Region; empty when none was given.
    pub region: Arc<str>,
    /// Host of the endpoint.
    pub host: Arc<str>,
    /// Name of the probe.
    pub probe: Arc<str>,
    /// `http`, `tcp` or `dns`.
    pub protocol: &'static str,
    /// How often it runs.
    pub interval: Duration,
    /// The hard deadline of a run.
    pub timeout: Duration,
    /// Whether it enters the endpoint's state.
    pub counts: bool,
    /// Its health as a state.
    pub standing: Standing,
    /// Why the time after the watermark is unknown, if it is.
    pub cause: Option<Cause>,
    /// Settled time so far, to the watermark.
    pub seconds: StateSeconds,
    /// Up to where its time is settled.
    pub watermark: Timestamp,
    /// Runs by verdict (good, bad, unknown), rechecks included.
    pub runs: [u64; 3],
    /// The last run, if there was one.
    pub last: Option<ResultView>,
    /// The last run that was bad, if there was one.
    pub last_failure: Option<ResultView>,
}

/// Settled time by what it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateSeconds {
    /// Good.
    pub good: Duration,
    /// Bad.
    pub bad: Duration,
    /// Not observed.
    pub unknown: Duration,
    /// Maintenance.
    pub excluded: Duration,
}

/// One run as it is kept.
#[derive(Clone, Debug)]
pub struct ResultView {
    /// When it started.
    pub at: Timestamp,
    /// Whether it was an extra look, apart from the grid.
    pub recheck: bool,
    /// The judgement.
    pub verdict: Verdict,
    /// Why bad.
    pub reason: Option<Reason>,
    /// Why unknown.
    pub cause: Option<Cause>,
    /// What a person should know.
    pub warnings: Warnings,
    /// The phase in which the run ended.
    pub phase: Phase,
    /// From the start of resolving to the last byte judged.
    pub latency: Duration,
    /// How long each phase took.
    pub phases: PhaseTimes,
    /// The address used.
    pub address: Option<SocketAddr>,
    /// Status code of the last HTTP response.
    pub http_status: Option<u16>,
    /// Earliest end of validity in the presented certificate chain.
    pub certificate_not_after: Option<Timestamp>,
    /// One sentence.
    pub said: Arc<str>,
    /// What is not in it, of a run whose story was looked up.
    pub story: Option<Arc<str>>,
}

/// One run in a row of many: what it was and how long it took, without its words.
///
/// Packed, because every check keeps some dozens: verdict in the lowest two bits, then the warning, then the latency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step(u32);

/// The bits of a step's verdict.
const STEP_VERDICT: u32 = 0b11;
/// The bit of a step's warning.
const STEP_WARNED: u32 = 0b100;
/// Where a step's latency begins.
const STEP_LATENCY: u32 = 3;
/// Unit of a step's latency in microseconds; longer than 89 minutes is 89 minutes.
const STEP_UNIT: u32 = 10;

impl Step {
    /// A run of this verdict that took so long.
    pub fn new(verdict: Verdict, warned: bool, latency: Duration) -> Self {
        let units = latency.as_micros() / u128::from(STEP_UNIT);
        let latency = u32::try_from(units).unwrap_or(u32::MAX).min(u32::MAX >> STEP_LATENCY);
        let verdict = u32::try_from(verdict.index()).expect("verdicts are few");
        Self(verdict | if warned { STEP_WARNED } else { 0 } | latency << STEP_LATENCY)
    }

    /// The judgement.
    pub fn verdict(self) -> Verdict {
        Verdict::ALL[(self.0 & STEP_VERDICT) as usize]
    }

    /// Whether it was good with a warning.
    pub fn warned(self) -> bool {
        self.0 & STEP_WARNED != 0
    }

    /// From the start of resolving to the last byte judged, in steps of ten microseconds.
    pub fn latency(self) -> Duration {
        Duration::from_micros(u64::from(self.0 >> STEP_LATENCY) * u64::from(STEP_UNIT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_tells_what_it_was_made_of() {
        let longest = Duration::from_micros(u64::from(u32::MAX >> 3) * 10);
        for verdict in Verdict::ALL {
            for warned in [false, true] {
                for latency in [Duration::ZERO, Duration::from_micros(12_340), longest] {
                    let step = Step::new(*verdict, warned, latency);
                    assert_eq!(
                        (step.verdict(), step.warned(), step.latency()),
                        (*verdict, warned, latency)
                    );
                }
            }
        }
        assert_eq!(Step::new(Verdict::Bad, false, Duration::MAX).latency(), longest);
    }
}
