//! The twins of a story: what a probe finds, and what the servers of a public name answer.
//!
//! A packet that is lost is sent again after one and three seconds, as TCP does. A public name's check goes where its first
//! resolver leads, and finds there what the first endpoint of that cloud is. Of every run it is written down whether our own
//! end alone would have made it fail, and whether the far side alone would.
//!
//! It judges nothing.

use super::cast::Cast;
use super::plot::{How, Plot, TTL, Who};
use crate::twin::Clock;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use nephoscope::clock::Instant;
use nephoscope::failover::{Answer, Led, Observation};
use nephoscope::model::{Cause, CheckIndex, Outcome, Phase, ProbeResult, Reason};
use nephoscope::monitor::follower::Scout;
use nephoscope::monitor::scheduler::Share;
use nephoscope::monitor::{self, Runner};
use nephoscope::seed::Stream;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// TCP sends its first packet again after so many milliseconds.
const TRIES: [i64; 3] = [0, 1_000, 3_000];

/// A look at a public name takes so long.
const LOOK: Duration = Duration::from_millis(40);

/// A machine that is nobody's.
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 66));

/// A run as it really was; times in milliseconds from the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) check: usize,
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) outcome: Outcome,
    /// Our own end alone would have made it fail.
    pub(super) ours: bool,
    /// The far side alone would have.
    pub(super) theirs: bool,
    /// The cloud that served it.
    pub(super) served: Option<usize>,
}

/// Which ends may be ill.
#[derive(Clone, Copy)]
struct Ends {
    ours: bool,
    theirs: bool,
}

/// How a run goes.
struct Course {
    took: i64,
    outcome: Outcome,
    connected: i64,
    resolved: bool,
}

pub(super) struct Stage {
    pub(super) cast: Arc<Cast>,
    pub(super) plot: Plot,
    pub(super) clock: Arc<Clock>,
    pub(super) runs: Mutex<Vec<Run>>,
}

impl Stage {
    /// Where a check looks at that moment: the far side, as one that may be ill.
    fn target(&self, check: usize, at: i64) -> usize {
        let Some(service) = self.entry_of(check) else { return check };
        let cloud = self.plot.leads[&service].of_resolver(0, at);
        self.cast.side(service, cloud)[0]
    }

    fn entry_of(&self, check: usize) -> Option<usize> {
        self.cast.entries.iter().find(|(_, entry)| **entry == check).map(|(service, _)| *service)
    }

    fn course(&self, check: usize, start: i64, timeout: i64, ends: Ends) -> Course {
        let own = |who: Who, at: i64| ends.ours && self.plot.ill(who, at).is_some();
        let target = self.target(check, start);
        let far = |at: i64| {
            let ills = [check, target].map(|it| self.plot.ill(Who::Check(it), at));
            ills.into_iter().flatten().next().filter(|_| ends.theirs)
        };
        let rtt = 20 + i64::try_from(check % 7).unwrap() * 5;
        let course = |took, outcome, connected| Course { took, outcome, connected, resolved: true };
        let bad = |took, reason| course(took, Outcome::Bad(reason), took);
        if own(Who::Resolver, start) || own(Who::Vantage, start) || self.loses(check, start, ends) {
            let is_name = self.cast.is_name(check);
            let reason = if is_name { Reason::ResponseTimeout } else { Reason::DnsTimeout };
            return Course { resolved: false, connected: 0, ..bad(timeout, reason) };
        }
        if self.cast.is_name(check) {
            return course(rtt, Outcome::Good, 0);
        }
        if far(start) == Some(How::Nameless) {
            return bad(rtt, Reason::DnsNxdomain);
        }
        for wait in TRIES {
            let sent = start + wait;
            let lost = [sent, sent + rtt].iter().any(|at| {
                own(Who::Vantage, *at)
                    || (self.cast.is_v6(check) && own(Who::Ipv6, *at))
                    || self.loses(check, *at, ends)
                    || far(*at) == Some(How::Silent)
            });
            if lost || wait + rtt >= timeout {
                continue;
            }
            let took = wait + rtt;
            return match far(start) {
                Some(How::Status) => course(took, Outcome::Bad(Reason::Status), took),
                Some(How::Lied) => course(took, Outcome::Bad(Reason::TlsHostname), took),
                _ => course(took, Outcome::Good, took),
            };
        }
        bad(timeout, Reason::ConnectTimeout)
    }

    /// Whether a packet that is sent then is lost on our own road.
    fn loses(&self, check: usize, at: i64, ends: Ends) -> bool {
        let parts = self.plot.loss(at);
        let seed = self.plot.seed.wrapping_mul(31).wrapping_add(at.unsigned_abs());
        ends.ours
            && parts > 0
            && Stream::new(seed, self.cast.lookouts[check].id.as_str()).chance(parts)
    }

    fn address(&self, check: usize, at: i64) -> IpAddr {
        let number = u8::try_from(check % 100).unwrap() + 10;
        let target = self.target(check, at);
        match self.cast.cloud_of(target) {
            _ if self.plot.ill(Who::Check(check), at) == Some(How::Lied) => STRANGER,
            _ if self.cast.is_v6(check) => {
                Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number.into()).into()
            }
            Some(cloud) => at_cloud(cloud, number),
            None => Ipv4Addr::new(198, 51, 100, number).into(),
        }
    }
}

fn at_cloud(cloud: usize, number: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, if cloud == 0 { number } else { 128 + number % 100 }).into()
}

impl Runner for Stage {
    fn run(&self, index: CheckIndex, timeout: Duration) -> BoxFuture<'static, ProbeResult> {
        let (check, start) = (index.get(), self.clock.passed());
        let timeout = i64::try_from(timeout.as_millis()).unwrap();
        let go = |ours, theirs| self.course(check, start, timeout, Ends { ours, theirs });
        let course = go(true, true);
        let connects =
            !matches!(course.outcome, Outcome::Bad(Reason::DnsTimeout | Reason::DnsNxdomain));
        let address = self.address(check, start);
        let served = self.cast.cloud_of(self.target(check, start));
        self.runs.lock().unwrap().push(Run {
            check,
            start,
            end: start + course.took,
            outcome: course.outcome,
            ours: go(true, false).outcome != Outcome::Good,
            theirs: go(false, true).outcome != Outcome::Good,
            served: served.filter(|_| connects),
        });
        let (begun, is_name) = (Instant::now(), self.cast.is_name(check));
        async move {
            tokio::time::sleep(Duration::from_millis(course.took.unsigned_abs())).await;
            let mut result = ProbeResult::unknown(Cause::Internal, "scripted".to_owned());
            result.outcome = course.outcome;
            result.latency = begun.elapsed();
            result.resolved = course.resolved && !is_name;
            if connects {
                result.address = Some(SocketAddr::new(address, 443));
                let connected = Duration::from_millis(course.connected.unsigned_abs());
                result.phases.add(Phase::Connect, Duration::ZERO, connected);
            }
            result
        }
        .boxed()
    }

    fn succeed(&self, _: &Share) -> Result<Arc<dyn Runner>, monitor::Error> {
        unreachable!("this configuration is never reloaded")
    }
}

impl Scout for Stage {
    fn look(&self, service: usize, _: Duration) -> BoxFuture<'static, Observation> {
        let at = self.clock.passed();
        let (lead, entry) = (&self.plot.leads[&service], self.cast.entries[&service]);
        let is_blind = self.plot.ill(Who::Vantage, at).is_some();
        let answer = |who: &str, cloud: usize| {
            let addresses = match self.plot.ill(Who::Check(entry), at) {
                Some(How::Nameless) => Vec::new(),
                Some(How::Lied) => vec![STRANGER],
                _ => vec![at_cloud(cloud, 9)],
            };
            let ttl = Duration::from_millis(TTL.unsigned_abs());
            let said = if is_blind {
                Err("nothing came back".to_owned())
            } else {
                Ok(Led { addresses, chain: Vec::new(), ttl })
            };
            Answer { who: who.into(), said }
        };
        let is_lost = is_blind || self.plot.ill(Who::Resolver, at).is_some();
        let seen = Observation {
            authoritative: if is_lost { Vec::new() } else { vec![answer("ns", lead.of_zone(at))] },
            lost: is_lost.then(|| "its servers were not found".to_owned()),
            resolvers: vec![
                answer("9.9.9.9", lead.of_resolver(0, at)),
                answer("1.1.1.1", lead.of_resolver(1, at)),
            ],
            endpoints: Vec::new(),
        };
        async move {
            tokio::time::sleep(LOOK).await;
            seen
        }
        .boxed()
    }
}
