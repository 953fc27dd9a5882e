//! ICMP probes: a few echoes to one address; how many came back, and how long they took.
//!
//! Packets leave on a grid of `spacing`, whatever comes back. An answer counts if it carries the number and the very bytes of
//! an echo of this run, for the first time, and within `within`; anything else is passed over. The run ends when all have
//! answered, when the last can no longer, or just before the deadline, and is judged by what was sent until then.
//! Its latency is the mean round trip (after resolving), not the time that the spacing takes.
//!
//! What a router or a firewall says about an echo (an ICMP error) ends nothing: that echo is lost, the others may come back.
//! It is repeated to a person if none did.
//!
//! It does not tell who on the way said what.

mod packet;

use super::Trace;
use crate::clock::Instant;
use crate::model::{Facts, Host, IcmpSpec, Phase, Reason, Warning, human_latency};
use crate::net::{self, Echo, Failure, lower_case};
use bytes::BytesMut;
use packet::{HEADERS, Packet};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::sleep_until;

/// Left before the deadline for judging what has come.
const JUDGING: Duration = Duration::from_millis(20);

pub(super) struct IcmpProber {
    spec: IcmpSpec,
}

/// The echoes of one run.
struct Echoes<'s> {
    spec: &'s IcmpSpec,
    packet: Packet,
    /// When each was sent, and how long its answer took.
    sent: Vec<(Instant, Option<Duration>)>,
    /// The last error that came back instead of an answer.
    objection: Option<String>,
}

impl IcmpProber {
    pub(super) fn build(spec: &IcmpSpec) -> Self {
        Self { spec: spec.clone() }
    }

    pub(super) fn target(&self) -> (Host, u16) {
        (self.spec.host.clone(), 0)
    }

    /// Sends the echoes to `address` and judges what comes back.
    pub(super) async fn attempt(
        &self,
        address: SocketAddr,
        deadline: Instant,
        trace: &mut Trace,
    ) -> Result<String, Failure> {
        trace.enter(Phase::Processing, Instant::now());
        let echo = net::echo(address.ip())?;
        let last = deadline.checked_sub(JUDGING).unwrap_or(deadline);
        let packet = Packet::new(address.is_ipv4(), self.spec.size);
        let mut echoes = Echoes { spec: &self.spec, packet, sent: Vec::new(), objection: None };
        let ended = echoes.run(&echo, last).await;
        ended.map_err(|error| net::echo_failure(address.ip(), &error))?;
        echoes.judge(trace)
    }
}

impl Echoes<'_> {
    async fn run(&mut self, echo: &Echo, last: Instant) -> io::Result<()> {
        let mut buffer = BytesMut::new();
        let room = HEADERS + self.spec.size as usize;
        let mut next = Instant::now();
        loop {
            let may_send = self.sent.len() < self.spec.packets as usize;
            if !may_send && self.sent.iter().all(|(_, took)| took.is_some()) {
                return Ok(());
            }
            let until = match self.sent.last() {
                Some((at, _)) if !may_send => (*at + self.spec.within).min(last),
                _ => next.min(last),
            };
            buffer.clear();
            // A longer answer than any of ours is cut, and then not one of ours.
            buffer.reserve(room);
            // What has come first: its time must not wait for our own sending.
            tokio::select! {
                biased;
                read = echo.socket.recv_buf(&mut buffer) => {
                    match read {
                        Ok(_) => self.hear(echo, &buffer),
                        Err(error) => self.object(error)?,
                    }
                }
                () = sleep_until(until) => {
                    if !may_send || until >= last {
                        return Ok(());
                    }
                    let now = Instant::now();
                    self.send(echo).await?;
                    self.sent.push((now, None));
                    next = now + self.spec.spacing;
                }
            }
        }
    }

    /// Sends the next echo. Only the first one has to get out of this host.
    async fn send(&mut self, echo: &Echo) -> io::Result<()> {
        let number = u16::try_from(self.sent.len()).unwrap_or(u16::MAX);
        let request = self.packet.request(number);
        let Err(error) = echo.socket.send(&request).await else { return Ok(()) };
        // It may be about an earlier echo; then the kernel has told it now, and sent nothing.
        self.object(error)?;
        match echo.socket.send(&request).await {
            Err(error) if self.sent.is_empty() => Err(error),
            Err(error) => self.object(error),
            Ok(_) => Ok(()),
        }
    }

    /// Takes an error for what came back of an echo, unless the fault is this host's own.
    fn object(&mut self, error: io::Error) -> io::Result<()> {
        if net::own_fault(&error).is_some() {
            return Err(error);
        }
        self.objection = Some(lower_case(&error));
        Ok(())
    }

    fn hear(&mut self, echo: &Echo, bytes: &[u8]) {
        let now = Instant::now();
        let Some(number) = self.packet.answered(bytes, echo.sorted, echo.headed) else { return };
        if let Some((at, took @ None)) = self.sent.get_mut(usize::from(number)) {
            let round = now.saturating_duration_since(*at);
            *took = (round <= self.spec.within).then_some(round);
        }
    }

    fn judge(&self, trace: &mut Trace) -> Result<String, Failure> {
        let sent = self.sent.len();
        let mut rounds: Vec<Duration> = self.sent.iter().filter_map(|(_, took)| *took).collect();
        rounds.sort_unstable();
        let lost = sent - rounds.len();
        note(&mut trace.facts, sent, lost);
        let within = human_latency(self.spec.within);
        let (Some(least), Some(most)) = (rounds.first(), rounds.last()) else {
            let instead = self.objection.as_ref().map(|error| format!("; instead came: {error}"));
            let said = format!(
                "none of {sent} {} came back within {within}{}",
                noun(sent),
                instead.unwrap_or_default()
            );
            return Err(Failure::bad(Reason::ResponseTimeout, said));
        };
        let mean = rounds.iter().sum::<Duration>() / u32::try_from(rounds.len()).unwrap_or(1);
        trace.close_counting(Instant::now(), mean);
        let (least, mean, most) =
            (human_latency(*least), human_latency(mean), human_latency(*most));
        let times = format!("round trip {least}, {mean}, {most} (least, mean, most)");
        // Compared without dividing, which would round.
        if lost * 100 > sent * self.spec.max_loss as usize {
            let said = format!(
                "{lost} of {sent} {} did not come back within {within}, allowed are {} % (`max_loss`); {times}",
                noun(sent),
                self.spec.max_loss
            );
            return Err(Failure::bad(Reason::Loss, said));
        }
        if lost > 0 {
            trace.warnings.insert(Warning::Loss);
        }
        Ok(format!("{} of {sent} {} came back, {times}", rounds.len(), noun(sent)))
    }
}

fn note(facts: &mut Facts, sent: usize, lost: usize) {
    facts.packets_sent = u32::try_from(sent).ok();
    facts.packets_lost = u32::try_from(lost).ok();
}

fn noun(count: usize) -> &'static str {
    if count == 1 { "echo" } else { "echoes" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Outcome, ProbeResult};

    /// What is made of a run in which these answers (in milliseconds) came, and then 5 s passed.
    fn judged(answers: &[Option<u64>], max_loss: u32) -> ProbeResult {
        let spec = IcmpSpec {
            host: Host::Ip([127, 0, 0, 1].into()),
            packets: 4,
            spacing: Duration::from_secs(1),
            within: Duration::from_secs(1),
            size: 8,
            max_loss,
        };
        let began = Instant::now();
        let sent = answers.iter().map(|took| (began, took.map(Duration::from_millis)));
        let packet = Packet::new(true, spec.size);
        let echoes = Echoes { spec: &spec, packet, sent: sent.collect(), objection: None };
        let mut trace = Trace::new(began);
        trace.enter(Phase::Processing, began);
        let ended = echoes.judge(&mut trace);
        trace.into_result(ended, Instant::now())
    }

    #[test]
    fn more_lost_than_allowed_is_bad_and_some_a_warning() {
        let answers = [Some(10), None, Some(30), Some(20)];
        let good = judged(&answers, 25);
        assert_eq!(good.outcome, Outcome::Good);
        assert!(good.warnings.contains(Warning::Loss));
        assert_eq!(
            good.said,
            "3 of 4 echoes came back, round trip 10 ms, 20 ms, 30 ms (least, mean, most)"
        );
        let bad = judged(&answers, 24);
        assert_eq!(bad.outcome, Outcome::Bad(Reason::Loss));
        assert!(
            bad.said.starts_with(
                "1 of 4 echoes did not come back within 1.0 s, allowed are 24 % (`max_loss`)"
            ),
            "{}",
            bad.said
        );
        assert_eq!((bad.facts.packets_sent, bad.facts.packets_lost), (Some(4), Some(1)));
        assert!(!judged(&[Some(1); 4], 0).warnings.contains(Warning::Loss));
    }

    #[test]
    fn the_latency_is_the_mean_round_trip() {
        let result = judged(&[Some(10), None, Some(30), Some(20)], 50);
        assert_eq!(result.phases.took(Phase::Processing), Some(Duration::from_millis(20)));
        assert_eq!(judged(&[None; 4], 99).outcome, Outcome::Bad(Reason::ResponseTimeout));
    }
}
