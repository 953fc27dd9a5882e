//! What a run has seen so far: phases, address, facts.
//!
//! The trace lives outside the future that the deadline drops, so whatever was seen before the deadline struck is in the
//! result, and the phase in which it struck gives the reason.
//!
//! It does not judge: the probers do, and `Prober::probe` adds what holds for all protocols.

use super::heard::Heard;
use crate::clock::Instant;
use crate::model::{
    Facts, Hop, Outcome, Phase, PhaseTimes, ProbeResult, Reason, Warnings, human_latency,
};
use crate::net::Failure;
use http::header::HeaderValue;
use std::net::SocketAddr;
use std::time::Duration;

/// What a run has seen so far.
#[derive(Debug)]
pub(super) struct Trace {
    started: Instant,
    /// The phase going on and when it began.
    current: Option<(Phase, Instant)>,
    last: Phase,
    /// Time that passed and is nobody's latency.
    uncounted: Duration,
    times: PhaseTimes,
    /// What is being asked, once the run is known to ask more than one thing.
    hop: Option<String>,
    hop_times: PhaseTimes,
    /// Status of the request going on, if an answer has come.
    pub(super) hop_status: Option<u16>,
    /// The address the current attempt uses.
    pub(super) address: Option<SocketAddr>,
    /// What the far side said, for the story.
    pub(super) heard: Heard,
    /// How the run ends, if that is known while more is heard for the story.
    pub(super) settled: Option<Box<Failure>>,
    /// What this run was given for its credentials, as the value of a header.
    pub(super) token: Option<HeaderValue>,
    /// Whether the resolver of this host was asked for a name and answered.
    pub(super) resolved: bool,
    /// What was seen.
    pub(super) facts: Facts,
    /// What a person should know.
    pub(super) warnings: Warnings,
    /// Single requests, where there were several.
    pub(super) hops: Vec<Hop>,
    /// Answers passed over because they were to another question (DNS).
    pub ignored: u32,
}

impl Trace {
    /// A run that starts at `now`.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            started: now,
            current: None,
            last: Phase::Resolve,
            uncounted: Duration::ZERO,
            times: PhaseTimes::default(),
            hop: None,
            hop_times: PhaseTimes::default(),
            hop_status: None,
            heard: Heard::Nothing,
            settled: None,
            token: None,
            address: None,
            resolved: false,
            facts: Facts::default(),
            warnings: Warnings::default(),
            hops: Vec::new(),
            ignored: 0,
        }
    }

    /// Counts from `now` on: what was before is not the far side's time.
    pub(super) fn restart(&mut self, now: Instant) {
        self.started = now;
    }

    /// When the run started.
    pub(super) fn started(&self) -> Instant {
        self.started
    }

    /// The phase going on, or the last one.
    pub(super) fn phase(&self) -> Phase {
        self.last
    }

    /// Ends the phase going on and begins `phase`, both at `now`.
    pub(super) fn enter(&mut self, phase: Phase, now: Instant) {
        self.close(now);
        self.current = Some((phase, now));
        self.last = phase;
    }

    /// Ends the phase going on at `now`, if there is one.
    pub(super) fn close(&mut self, now: Instant) {
        if let Some((_, since)) = self.current {
            self.close_counting(now, now.saturating_duration_since(since));
        }
    }

    /// Ends the phase going on at `now` and counts `took` of it: the rest was waiting of our own making.
    pub(super) fn close_counting(&mut self, now: Instant, took: Duration) {
        if let Some((phase, since)) = self.current.take() {
            let start = since.saturating_duration_since(self.started);
            let start = start.saturating_sub(self.uncounted);
            self.times.add(phase, start, took);
            self.hop_times.add(phase, start, took);
            self.uncounted += now.saturating_duration_since(since).saturating_sub(took);
        }
    }

    /// Begins one request of several at `now`: what was measured so far belongs to the one before, if that was named.
    pub(super) fn begin_hop(&mut self, target: String, now: Instant) {
        self.close(now);
        self.end_hop();
        self.hop = Some(target);
        self.address = None;
        // What was heard before was said by the one before, and is not the answer to this.
        self.heard = Heard::Nothing;
    }

    /// Names the request going on, after it turned out not to be the only one; keeps a name it has.
    pub(super) fn name_hop(&mut self, target: impl FnOnce() -> String) {
        self.hop.get_or_insert_with(target);
    }

    fn end_hop(&mut self) {
        if let Some(target) = self.hop.take() {
            self.hops.push(Hop {
                target,
                address: self.address,
                http_status: self.hop_status.take(),
                phases: std::mem::take(&mut self.hop_times),
            });
        }
    }

    /// Makes the result of a run that ended by itself: a sentence if it was good, a failure if not.
    pub(super) fn into_result(
        mut self,
        ended: Result<String, Failure>,
        now: Instant,
    ) -> ProbeResult {
        self.close(now);
        self.end_hop();
        let (outcome, said) = match ended {
            Ok(said) => (Outcome::Good, said),
            Err(Failure { outcome, said }) => (outcome, said),
        };
        ProbeResult {
            outcome,
            warnings: self.warnings,
            phase: self.last,
            latency: now.saturating_duration_since(self.started).saturating_sub(self.uncounted),
            phases: self.times,
            address: self.address,
            resolved: self.resolved,
            said,
            facts: self.facts,
            hops: self.hops,
        }
    }

    /// Makes the result of a run that the deadline ended: what was settled by then, else the reason is that of the phase in
    /// which it struck.
    pub(super) fn into_deadline(mut self, now: Instant) -> ProbeResult {
        if let Some(failure) = self.settled.take() {
            return self.into_result(Err(*failure), now);
        }
        let phase = self.last;
        let stuck = self.current.map_or(self.started, |(_, since)| since);
        let waited = human_latency(now.saturating_duration_since(stuck));
        let missing = match phase {
            Phase::Resolve => "no answer from the resolver",
            Phase::Proxy => "no tunnel through the proxy",
            Phase::Connect => "no connection",
            Phase::Starttls => "no agreement on TLS",
            Phase::Tls => "no end of the TLS handshake",
            Phase::Auth => "no token",
            Phase::Processing => "no response",
            Phase::Transfer => "no end of the response",
        };
        let before = self
            .times
            .took(Phase::Connect)
            .filter(|_| phase != Phase::Connect)
            .map(|took| format!("connected in {}, then ", human_latency(took)));
        let ignored = match self.ignored {
            0 => String::new(),
            count => format!("; {count} that did not answer the question were ignored"),
        };
        let said = format!("{}{missing} within {waited}{ignored}", before.unwrap_or_default());
        self.into_result(Err(Failure::bad(Reason::of_deadline(phase), said)), now)
    }
}
