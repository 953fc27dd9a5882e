//! Whether all authoritative servers of a zone have the same serial.
//!
//! The servers are those that the probe lists, or those that the zone's NS records name; each address of each is asked for
//! the SOA record at the same time, without recursion, once. All of it ends a little before the probe's deadline, so
//! that a server that has not answered by then can be named. Serials are compared as RFC 1982 has it: newer is what lies
//! less than half the way round ahead. A server that this host could not ask, for want of a descriptor, makes the whole
//! comparison unknown: nobody knows what it would have said.
//!
//! It does not ask the servers anything else: for that there are probes of each.

use super::{DnsProber, judge};
use crate::clock::Instant;
use crate::model::{
    Cause, DnsServer, DnsSpec, Hop, Host, Outcome, Phase, PhaseTimes, Reason, Serials, Silent,
    Warning, ZONE_SERVERS_AT_MOST, human_latency,
};
use crate::net::Failure;
use crate::probe::follow::ask::ask;
use crate::probe::wire::Question;
use crate::probe::{Engine, Trace};
use futures_util::future::join_all;
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::timeout_at;

/// What is kept back of the time, so that the servers that are silent can be named before the deadline strikes.
const RESERVE: Duration = Duration::from_millis(250);

/// Servers that a sentence names.
const NAMED: usize = 4;

/// The question that each server is asked.
pub(super) fn question(dns: &DnsSpec) -> Question {
    let asking = crate::model::Asking { recursion: false, ..dns.asking };
    Question::with(&dns.query, RecordType::SOA, dns.class, &asking)
}

/// One server, before it is asked.
struct Server {
    /// Its name and address, for people.
    who: String,
    /// Why it has none.
    address: Result<SocketAddr, String>,
}

/// One server and what it said.
#[derive(Debug)]
struct Voice {
    who: String,
    address: Option<SocketAddr>,
    said: Said,
    since: Instant,
    until: Instant,
}

/// What a server said.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    Serial(u32),
    /// Nothing in time.
    Silence,
    /// Something else, or it could not be reached.
    Trouble(String),
    /// It was not asked, through a fault of this host.
    Unasked(Cause, String),
}

impl DnsProber {
    /// Asks all servers of the zone, and compares.
    pub(in crate::probe) async fn survey(
        &self,
        engine: &Engine,
        deadline: Instant,
        trace: &mut Trace,
    ) -> Result<String, Failure> {
        let started = trace.started();
        let whole = deadline.saturating_duration_since(started);
        let until = deadline - RESERVE.min(whole / 10);
        trace.enter(Phase::Resolve, Instant::now());
        let found_until = started + (until - started) / 2;
        let (servers, left_out) = self.servers(engine, found_until, trace).await?;
        trace.enter(Phase::Processing, Instant::now());
        trace.address = servers.iter().find_map(|server| server.address.as_ref().ok().copied());
        let voices = join_all(servers.into_iter().map(|server| self.voice(server, until))).await;
        let now = Instant::now();
        trace.close(now);
        for voice in &voices {
            trace.hops.push(voice.hop(started));
        }
        let serials = self.dns().serials.as_deref().cloned().unwrap_or_default();
        let verdict = judged(&serials, &self.dns().query, &voices)?;
        trace.facts.dns_rcode = Some(judge::code_word(ResponseCode::NoError));
        trace.facts.dns_serial = Some(verdict.newest);
        if verdict.warns {
            trace.warnings.insert(Warning::SerialLag);
        }
        let took = human_latency(now.saturating_duration_since(started));
        let more = match left_out {
            0 => String::new(),
            count => format!("; {count} more were not asked"),
        };
        Ok(format!("{} in {took}{more}", verdict.said))
    }

    /// The servers to ask, and how many there were beyond those.
    async fn servers(
        &self,
        engine: &Engine,
        until: Instant,
        trace: &mut Trace,
    ) -> Result<(Vec<Server>, usize), Failure> {
        let serials = self.dns().serials.as_deref().cloned().unwrap_or_default();
        let hosts = if serials.servers.is_empty() {
            let names = self.name_servers(engine, until, trace).await?;
            let host = |name: Name| (Host::Name(name.to_ascii().into()), serials.port);
            names.into_iter().map(host).collect()
        } else {
            serials.servers
        };
        let mut left_out = hosts.len().saturating_sub(ZONE_SERVERS_AT_MOST);
        let asked = hosts.iter().take(ZONE_SERVERS_AT_MOST);
        let found = join_all(asked.map(async |(host, port)| {
            let found = timeout_at(until, engine.net.resolve(host, self.spec.ip)).await;
            (host, *port, found)
        }))
        .await;
        let mut servers = Vec::new();
        for (host, port, found) in found {
            let found = found.unwrap_or_else(|_| {
                let said = format!("no answer from the resolver about `{host}` in time");
                Err(Failure::bad(Reason::DnsTimeout, said))
            });
            let name = host.to_string();
            let name = name.strip_suffix('.').unwrap_or(&name);
            match found {
                Ok(addresses) => {
                    trace.resolved |= engine.net.asks(host);
                    servers.extend(addresses.into_iter().map(|ip| {
                        let address = SocketAddr::new(ip, port);
                        let who = match host {
                            Host::Name(_) => format!("{name} ({address})"),
                            Host::Ip(_) => address.to_string(),
                        };
                        Server { who, address: Ok(address) }
                    }));
                }
                Err(failure) if is_of_resolver(&failure) => return Err(failure),
                Err(failure) => {
                    servers.push(Server { who: name.to_owned(), address: Err(failure.said) });
                }
            }
        }
        servers.sort_by(|one, other| one.who.cmp(&other.who));
        servers.dedup_by(|one, other| one.address.is_ok() && one.address == other.address);
        left_out += servers.len().saturating_sub(ZONE_SERVERS_AT_MOST);
        servers.truncate(ZONE_SERVERS_AT_MOST);
        Ok((servers, left_out))
    }

    /// The names in the zone's NS records, as the resolver of this host knows them, or the server that the probe names.
    async fn name_servers(
        &self,
        engine: &Engine,
        until: Instant,
        trace: &mut Trace,
    ) -> Result<Vec<Name>, Failure> {
        let dns = self.dns();
        let zone = &dns.query;
        let question = Question::new(zone, RecordType::NS);
        let ours = dns.server == DnsServer::System;
        let askable: Vec<SocketAddr> = match &dns.server {
            DnsServer::System => engine.net.system_servers(),
            DnsServer::At(host, port) => {
                let found = engine.resolve(host, self.spec.ip, trace).await?;
                found.first().map(|ip| SocketAddr::new(*ip, *port)).into_iter().collect()
            }
        };
        let silent = if ours { Reason::DnsTimeout } else { Reason::ResponseTimeout };
        let mut trouble = Failure::bad(
            Reason::DnsServfail,
            "no resolver is configured on this host (`nameserver` in /etc/resolv.conf)",
        );
        let count = u32::try_from(askable.len()).unwrap_or(u32::MAX);
        for (place, server) in (0_u32..).zip(askable) {
            // Each of those that are left has the same share of the time that is left.
            let now = Instant::now();
            let share = until.saturating_duration_since(now) / count.saturating_sub(place).max(1);
            let about = format!("asked {server} for the name servers of `{zone}`");
            match timeout_at(now + share, ask(&question, server)).await {
                Ok(Ok(message)) => match names_in(&message, zone, &about, ours) {
                    Err(failure) if is_of_resolver(&failure) => trouble = failure,
                    names => {
                        trace.resolved |= ours;
                        return names;
                    }
                },
                Ok(Err(Failure { outcome: Outcome::Unknown(cause), said })) => {
                    return Err(Failure::unable(cause, format!("cannot ask {server}: {said}")));
                }
                Ok(Err(failure)) => {
                    let reason = if ours { Reason::DnsServfail } else { Reason::Protocol };
                    trouble = Failure::bad(reason, format!("{about}: {}", failure.said));
                }
                Err(_) => trouble = Failure::bad(silent, format!("{about}: no answer in time")),
            }
        }
        Err(trouble)
    }

    /// Asks one server.
    async fn voice(&self, server: Server, until: Instant) -> Voice {
        let since = Instant::now();
        let said = match &server.address {
            Err(why) => Said::Trouble(why.clone()),
            Ok(address) => match timeout_at(until, ask(&self.question, *address)).await {
                Err(_) => Said::Silence,
                Ok(Err(Failure { outcome: Outcome::Unknown(cause), said })) => {
                    Said::Unasked(cause, said)
                }
                Ok(Err(failure)) => Said::Trouble(failure.said),
                Ok(Ok(message)) => serial_in(&message, &self.dns().query),
            },
        };
        Voice { who: server.who, address: server.address.ok(), said, since, until: Instant::now() }
    }
}

/// Whether a failure may be our own resolver's, which says nothing of the zone.
fn is_of_resolver(failure: &Failure) -> bool {
    match failure.outcome {
        Outcome::Bad(reason) => reason.is_resolver() || reason == Reason::DnsRefused,
        _ => true,
    }
}

/// The names of the servers of `zone` in an answer of our own resolver, or of another server.
fn names_in(message: &Message, zone: &Name, about: &str, ours: bool) -> Result<Vec<Name>, Failure> {
    let code = message.response_code;
    let of_resolver = match code {
        ResponseCode::NoError => None,
        ResponseCode::NXDomain => Some(Reason::DnsNxdomain),
        ResponseCode::Refused => Some(Reason::DnsRefused),
        _ => Some(Reason::DnsServfail),
    };
    if let Some(reason) = of_resolver {
        let reason = if ours { reason } else { Reason::Rcode };
        let said = format!("{about}: it answered {}", judge::code_word(code));
        return Err(Failure::bad(reason, said));
    }
    let own = message.answers.iter().filter(|record| record.name == *zone);
    let names: Vec<_> = own
        .filter_map(|record| match &record.data {
            RData::NS(server) => Some(server.0.clone()),
            _ => None,
        })
        .collect();
    if names.is_empty() {
        let said = format!("`{zone}` has no NS records: it is not the top of a zone");
        return Err(Failure::bad(Reason::Serial, said));
    }
    Ok(names)
}

/// What an answer says of the zone's serial.
fn serial_in(message: &Message, zone: &Name) -> Said {
    if message.response_code != ResponseCode::NoError {
        let code = judge::code_word(message.response_code);
        return Said::Trouble(format!("it answered {code}"));
    }
    if !message.metadata.authoritative {
        return Said::Trouble("it does not answer for the zone (no AA flag)".to_owned());
    }
    let own = message.answers.iter().filter(|record| record.name == *zone);
    let serial = own.into_iter().find_map(|record| match &record.data {
        RData::SOA(soa) => Some(soa.serial),
        _ => None,
    });
    match serial {
        Some(serial) => Said::Serial(serial),
        None => Said::Trouble("there is no SOA record in its answer".to_owned()),
    }
}

impl Voice {
    /// The server as one request of the run.
    fn hop(&self, started: Instant) -> Hop {
        let mut phases = PhaseTimes::default();
        let took = self.until.saturating_duration_since(self.since);
        if self.address.is_some() {
            let start = self.since.saturating_duration_since(started);
            phases.add(Phase::Processing, start, took);
        }
        let said = match &self.said {
            Said::Serial(serial) => format!("serial {serial}"),
            Said::Silence => "no answer".to_owned(),
            Said::Trouble(why) | Said::Unasked(_, why) => why.clone(),
        };
        let target = format!("{}: {said}", self.who);
        Hop { target, address: self.address, http_status: None, phases }
    }

    /// Why it gives no serial, if it does not.
    fn trouble(&self) -> Option<String> {
        match &self.said {
            Said::Serial(_) => None,
            Said::Silence => Some(format!("{} does not answer", self.who)),
            Said::Trouble(why) | Said::Unasked(_, why) => Some(format!("{}: {why}", self.who)),
        }
    }
}

/// What came of the comparison, if it is not bad.
#[derive(Debug)]
struct Verdict {
    newest: u32,
    warns: bool,
    said: String,
}

/// Compares what was heard; pure.
fn judged(rules: &Serials, zone: &Name, voices: &[Voice]) -> Result<Verdict, Failure> {
    let bad = |said| Err(Failure::bad(Reason::Serial, said));
    for voice in voices {
        if let Said::Unasked(cause, why) = &voice.said {
            return Err(Failure::unable(*cause, format!("cannot ask {}: {why}", voice.who)));
        }
    }
    let known: Vec<(&str, u32)> = voices
        .iter()
        .filter_map(|voice| match voice.said {
            Said::Serial(serial) => Some((voice.who.as_str(), serial)),
            _ => None,
        })
        .collect();
    let troubles: Vec<_> = voices.iter().filter_map(Voice::trouble).collect();
    if known.is_empty() {
        if voices.iter().all(|voice| voice.said == Said::Silence) {
            let said = format!("no server of `{zone}` answers: {}", some(&troubles));
            return Err(Failure::bad(Reason::ResponseTimeout, said));
        }
        return bad(format!("no server of `{zone}` gives a serial: {}", some(&troubles)));
    }
    let newest = known
        .iter()
        .find(|(_, serial)| known.iter().all(|(_, other)| behind(*serial, *other).is_some()));
    let Some((leader, newest)) = newest else {
        let all: Vec<_> = known.iter().map(|(who, serial)| format!("{who} has {serial}")).collect();
        return bad(format!("the serials cannot be compared (RFC 1982): {}", some(&all)));
    };
    let mut farthest = 0;
    let mut late = Vec::new();
    for (who, serial) in &known {
        let lag = behind(*newest, *serial).unwrap_or(0);
        if lag > 0 {
            farthest = farthest.max(lag);
            late.push(format!("{who} is {lag} behind with {serial}"));
        }
    }
    let count = known.len();
    let plural = if count == 1 { "server has" } else { "servers have" };
    let mut said = if late.is_empty() {
        format!("{count} {plural} serial {newest}")
    } else {
        format!("{leader} has serial {newest}, {}", some(&late))
    };
    if !troubles.is_empty() {
        said = format!("{}; {said}", some(&troubles));
    }
    if !troubles.is_empty() && rules.silent == Silent::Fail {
        return bad(said);
    }
    if let Some(most) = rules.max_lag.filter(|most| farthest > *most) {
        return bad(format!("{said}; allowed are {most} (`max_lag`)"));
    }
    Ok(Verdict { newest: *newest, warns: farthest > 0 || !troubles.is_empty(), said })
}

/// How far `other` is behind `serial`; `None` if it is ahead, or nobody can tell (RFC 1982, 3.2).
fn behind(serial: u32, other: u32) -> Option<u32> {
    let lag = serial.wrapping_sub(other);
    (lag < 1 << 31).then_some(lag)
}

/// The first few, and how many more.
fn some(list: &[String]) -> String {
    let shown = list.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match list.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests;
