//! One run as the picture keeps it, packed: there are a few of them for every check.
//!
//! What every run has stands in fields of fixed size; what differs in length (the phases that were reached, the address, the
//! sentence) stands in one piece behind them, without gaps. A [`ResultView`] is made of it when somebody looks.
//!
//! It does not decide what is kept how long.

use crate::model::{Outcome, Phase, PhaseTimes, ProbeResult, Timestamp, Verdict, Warnings};
use crate::monitor::snapshot::ResultView;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

/// One run, packed.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) at: Timestamp,
    latency_ns: u64,
    certificate_not_after: Option<Timestamp>,
    http_status: Option<u16>,
    outcome: Outcome,
    phase: Phase,
    warnings: Warnings,
    recheck: bool,
    /// How many phases, each with position, start and length; kind of the address and its parts; the sentence.
    rest: Box<[u8]>,
}

const _: () = assert!(size_of::<Kept>() <= 56, "a few of these are kept of every check");

/// A packed address begins with one of these.
const NO_ADDRESS: u8 = 0;
const V4: u8 = 4;
const V6: u8 = 6;

impl Kept {
    /// A run that started at `at`.
    pub(super) fn new(at: Timestamp, recheck: bool, run: &ProbeResult) -> Self {
        Self {
            at,
            latency_ns: u64::try_from(run.latency.as_nanos()).unwrap_or(u64::MAX),
            certificate_not_after: run.facts.certificate_not_after,
            http_status: run.facts.http_status,
            outcome: run.outcome,
            phase: run.phase,
            warnings: run.warnings,
            recheck,
            rest: pack(&run.phases, run.address, &run.said),
        }
    }

    pub(super) fn verdict(&self) -> Verdict {
        self.outcome.verdict()
    }

    /// As it is shown.
    pub(super) fn view(&self) -> ResultView {
        let (phases, address, said) = unpack(&self.rest).expect("it was packed here");
        ResultView {
            at: self.at,
            recheck: self.recheck,
            verdict: self.outcome.verdict(),
            reason: self.outcome.reason(),
            cause: self.outcome.cause(),
            warnings: self.warnings,
            phase: self.phase,
            latency: Duration::from_nanos(self.latency_ns),
            phases,
            address,
            http_status: self.http_status,
            certificate_not_after: self.certificate_not_after,
            said: said.into(),
            story: None,
        }
    }
}

fn pack(phases: &PhaseTimes, address: Option<SocketAddr>, said: &str) -> Box<[u8]> {
    let mut out = vec![0];
    for (phase, start, took) in phases.iter() {
        out[0] += 1;
        out.push(u8::try_from(phase.index()).expect("phases are few"));
        for time in [start, took] {
            // Phases are kept in microseconds that fit into 32 bits.
            let micros = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
            out.extend(micros.to_le_bytes());
        }
    }
    match address {
        None => out.push(NO_ADDRESS),
        Some(SocketAddr::V4(v4)) => {
            out.push(V4);
            out.extend(v4.ip().octets());
            out.extend(v4.port().to_le_bytes());
        }
        Some(SocketAddr::V6(v6)) => {
            out.push(V6);
            out.extend(v6.ip().octets());
            out.extend(v6.port().to_le_bytes());
            out.extend(v6.flowinfo().to_le_bytes());
            out.extend(v6.scope_id().to_le_bytes());
        }
    }
    out.extend(said.as_bytes());
    out.into()
}

/// The reverse of [`pack`]; `None` for bytes that it did not make.
fn unpack(packed: &[u8]) -> Option<(PhaseTimes, Option<SocketAddr>, &str)> {
    let mut left = packed;
    let mut phases = PhaseTimes::default();
    for _ in 0..take::<1>(&mut left)?[0] {
        let phase = *Phase::ALL.get(usize::from(take::<1>(&mut left)?[0]))?;
        let start = u32::from_le_bytes(take(&mut left)?);
        let took = u32::from_le_bytes(take(&mut left)?);
        let micros = |micros: u32| Duration::from_micros(micros.into());
        phases.add(phase, micros(start), micros(took));
    }
    let address = match take::<1>(&mut left)?[0] {
        NO_ADDRESS => None,
        V4 => {
            let ip = IpAddr::V4(Ipv4Addr::from(take::<4>(&mut left)?));
            Some(SocketAddr::new(ip, u16::from_le_bytes(take(&mut left)?)))
        }
        V6 => {
            let ip = Ipv6Addr::from(take::<16>(&mut left)?);
            let port = u16::from_le_bytes(take(&mut left)?);
            let flow = u32::from_le_bytes(take(&mut left)?);
            let scope = u32::from_le_bytes(take(&mut left)?);
            Some(SocketAddr::V6(SocketAddrV6::new(ip, port, flow, scope)))
        }
        _ => return None,
    };
    Some((phases, address, std::str::from_utf8(left).ok()?))
}

fn take<const N: usize>(left: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = left.split_first_chunk()?;
    *left = rest;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cause, Facts, Reason, Warning};

    #[test]
    fn a_packed_run_is_shown_as_it_was() {
        let mut phases = PhaseTimes::default();
        let millis = Duration::from_millis;
        phases.add(Phase::Connect, millis(1), millis(2));
        phases.add(Phase::Transfer, millis(3), Duration::MAX);
        let mut warnings = Warnings::default();
        warnings.insert(Warning::Slow);
        for address in ["192.0.2.7:443", "[2001:db8::7%3]:443", ""] {
            let address: Option<SocketAddr> = address.parse().ok();
            let run = ProbeResult {
                outcome: Outcome::Bad(Reason::Status),
                warnings,
                phase: Phase::Transfer,
                latency: Duration::from_nanos(1_234_567_891),
                phases,
                address,
                facts: Facts {
                    http_status: Some(503),
                    certificate_not_after: Some(Timestamp::from_millis(9)),
                    ..Facts::default()
                },
                ..ProbeResult::unknown(Cause::Internal, "answered ‘503’".to_owned())
            };
            let view = Kept::new(Timestamp::from_millis(7), true, &run).view();
            assert_eq!(
                (view.at, view.recheck, view.verdict, view.reason, view.cause, view.warnings),
                (
                    Timestamp::from_millis(7),
                    true,
                    Verdict::Bad,
                    Some(Reason::Status),
                    None,
                    warnings
                )
            );
            assert_eq!(
                (view.phase, view.latency, view.phases, view.address, &*view.said),
                (run.phase, run.latency, phases, address, &*run.said)
            );
            assert_eq!(
                (view.http_status, view.certificate_not_after),
                (run.facts.http_status, run.facts.certificate_not_after)
            );
        }
    }
}
