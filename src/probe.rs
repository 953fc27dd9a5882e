//! One attempt, judged against its probe's expectations: every protocol behind one signature.
//!
//! [`Prober::probe`] runs under one hard deadline for everything (resolving, connecting, TLS, request, body). The name is
//! resolved here, once, and exactly one address is tried (`pick = "each"`: one attempt per address, all must be good);
//! programs have no address and sit on their own deadline, because they have to be killed at it.
//! The trace survives the deadline, so a late answer still says how far it got.
//!
//! It knows no schedule, no retries, no SLOs, no store and no metrics.

pub mod dns;
pub mod exec;
mod expect;
mod flight;
pub mod follow;
mod grpc;
mod h2;
mod heard;
pub mod http;
mod icmp;
pub mod tcp;
pub mod tls;
mod trace;
mod veil;
mod wire;

use crate::clock::{Instant, WallClock};
use crate::model::{
    Host, IpChoice, Outcome, Phase, Pick, ProbeKind, ProbeResult, Proxy, Reason, Spec, Verdict,
    Warning, human_duration, human_latency,
};
use crate::net::{Failure, Net};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use trace::Trace;
use veil::Veil;

/// What the probers of one runtime share: resolver, trust store, transport configurations, the wall clock.
pub struct Engine {
    net: Net,
    tls: tls::Stock,
    http: http::Clients,
    tokens: http::Tokens,
    programs: exec::Programs,
    clock: Arc<dyn WallClock>,
    /// Whether all runs keep what they heard, and not the bad ones only.
    tells: bool,
}

impl Engine {
    /// Builds the shared parts. Must be called inside the runtime that will use them.
    pub fn new(roots: tls::Roots, clock: Arc<dyn WallClock>) -> Self {
        Self::with_net(Net::from_system(), roots, clock)
    }

    /// The same with a resolver of one's own.
    pub fn with_net(net: Net, roots: tls::Roots, clock: Arc<dyn WallClock>) -> Self {
        let tls = tls::Stock::new(roots, Arc::clone(&clock));
        let (http, tokens) = (http::Clients::default(), http::Tokens::default());
        Self { net, tls, http, tokens, programs: exec::Programs::default(), clock, tells: false }
    }

    /// The same, taking places for programs from those of a whole monitor.
    #[must_use]
    pub fn sharing(self, programs: exec::Programs) -> Self {
        Self { programs, ..self }
    }

    /// The same for runs whose whole story is wanted, also when they are good: what they heard is kept.
    #[must_use]
    pub fn telling(self) -> Self {
        Self { tells: true, ..self }
    }

    /// Lets go of what was made for other probes than these: the runtime runs no others from now on.
    pub fn keep_only<'s>(&self, specs: impl Iterator<Item = &'s Spec>) {
        let mut tables = BTreeMap::new();
        let mut proxies: Vec<&Proxy> = Vec::new();
        for spec in specs {
            let http = match &spec.kind {
                ProbeKind::Http(http) => Some(&**http),
                _ => None,
            };
            let of_tokens = http.and_then(|http| http.oauth2.as_deref()).map(|oauth2| &oauth2.tls);
            for table in spec.kind.tls().into_iter().chain(of_tokens) {
                tables.insert(Arc::as_ptr(table), table);
            }
            let proxy = http.and_then(|http| http.proxy.as_deref());
            proxies.extend(proxy.filter(|proxy| !proxies.contains(proxy)));
        }
        self.tls.keep_only(&tables.into_values().collect::<Vec<_>>());
        self.http.keep_only(&proxies);
    }

    /// The way into the network.
    pub fn net(&self) -> &Net {
        &self.net
    }

    /// The addresses of `host`; the trace learns whether a resolver answered for them.
    async fn resolve(
        &self,
        host: &Host,
        ip: IpChoice,
        trace: &mut Trace,
    ) -> Result<Vec<IpAddr>, Failure> {
        let found = self.net.resolve(host, ip).await;
        let is_answer = match &found {
            Ok(_) => true,
            Err(failure) => {
                matches!(failure.outcome, Outcome::Bad(Reason::DnsNxdomain | Reason::DnsNoAddress))
            }
        };
        trace.resolved |= is_answer && self.net.asks(host);
        found
    }
}

/// Why a prober could not be built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The TLS settings cannot be used together.
    #[error("cannot set up TLS: {0}")]
    Tls(String),
    /// The HTTP client could not be made.
    #[error("cannot set up the HTTP client")]
    Http(#[source] reqwest::Error),
    /// The address cannot stand in a request.
    #[error("cannot ask for this address: {0}")]
    Address(String),
}

/// A spec made ready to run, on one runtime.
pub struct Prober {
    spec: Arc<Spec>,
    engine: Arc<Engine>,
    /// Counts runs, so that `pick = "rotate"` takes another address each time.
    turn: AtomicU32,
    /// What nobody may read in what a run says.
    veil: Veil,
    /// `None` for a program, which is nowhere.
    kind: Option<Kind>,
}

/// Who asks a far side.
enum Kind {
    Http(http::HttpProber),
    Tcp(tcp::TcpProber),
    Dns(Box<dns::DnsProber>),
    Icmp(Box<icmp::IcmpProber>),
    Grpc(Box<grpc::GrpcProber>),
}

impl Kind {
    /// What a run that asks several addresses calls one of them.
    fn label(&self, address: SocketAddr) -> String {
        match self {
            Self::Http(http) => http.label(),
            Self::Icmp(_) => address.ip().to_string(),
            Self::Tcp(_) | Self::Dns(_) | Self::Grpc(_) => address.to_string(),
        }
    }

    fn target(&self, engine: &Engine) -> Result<(Host, u16), Failure> {
        match self {
            Self::Http(http) => Ok(http.target()),
            Self::Tcp(tcp) => Ok(tcp.target()),
            Self::Dns(dns) => dns.target(&engine.net),
            Self::Icmp(icmp) => Ok(icmp.target()),
            Self::Grpc(grpc) => Ok(grpc.target()),
        }
    }
}

impl Prober {
    /// Makes `spec` ready: TLS configuration, client, request. Does not touch the network.
    pub fn build(spec: &Arc<Spec>, engine: &Arc<Engine>) -> Result<Self, Error> {
        let kind = match &spec.kind {
            ProbeKind::Http(http) => {
                Some(Kind::Http(http::HttpProber::build(Arc::clone(spec), http, engine)?))
            }
            ProbeKind::Tcp(tcp) => {
                Some(Kind::Tcp(tcp::TcpProber::build(Arc::clone(spec), tcp, engine)?))
            }
            ProbeKind::Dns(dns) => {
                Some(Kind::Dns(Box::new(dns::DnsProber::build(Arc::clone(spec), dns, engine)?)))
            }
            ProbeKind::Icmp(icmp) => Some(Kind::Icmp(Box::new(icmp::IcmpProber::build(icmp)))),
            ProbeKind::Grpc(grpc) => {
                Some(Kind::Grpc(Box::new(grpc::GrpcProber::build(grpc, engine)?)))
            }
            ProbeKind::Exec(_) => None,
        };
        Ok(Self {
            spec: Arc::clone(spec),
            engine: Arc::clone(engine),
            turn: AtomicU32::new(0),
            veil: Veil::of(spec),
            kind,
        })
    }

    /// One run under one hard deadline. Never an error: whatever happens is a result.
    pub async fn probe(&self, timeout: Duration) -> ProbeResult {
        let mut trace = Trace::new(Instant::now());
        let deadline = trace.started() + timeout;
        let ended = match &self.kind {
            Some(Kind::Dns(dns)) if dns.is_survey() => {
                let survey = Box::pin(dns.survey(&self.engine, deadline, &mut trace));
                tokio::time::timeout_at(deadline, survey).await
            }
            Some(kind) => {
                tokio::time::timeout_at(deadline, self.run(kind, deadline, &mut trace)).await
            }
            None => Ok(self.exec(deadline, &mut trace).await),
        };
        let now = Instant::now();
        let (token, heard) = (trace.token.take(), std::mem::take(&mut trace.heard));
        let mut result = match ended {
            Ok(ended) => trace.into_result(ended, now),
            Err(_) => trace.into_deadline(now),
        };
        self.judge_common(&mut result);
        if self.engine.tells || result.outcome.verdict() == Verdict::Bad {
            result.facts.heard = heard.text().map(Into::into);
        }
        self.veil.cover(&mut result, token.as_ref());
        result
    }

    async fn exec(&self, deadline: Instant, trace: &mut Trace) -> Result<String, Failure> {
        let ProbeKind::Exec(exec) = &self.spec.kind else {
            unreachable!("what asks no far side is a program")
        };
        // Boxed, so that the runs of all other probes are no larger for it.
        Box::pin(exec::attempt(exec, &self.engine.programs, deadline, trace)).await
    }

    async fn run(
        &self,
        kind: &Kind,
        deadline: Instant,
        trace: &mut Trace,
    ) -> Result<String, Failure> {
        let (host, port) = kind.target(&self.engine)?;
        let addresses = self.choose(&host, trace).await?;
        let several = addresses.len() > 1;
        let mut said = String::new();
        for address in addresses {
            let address = SocketAddr::new(address, port);
            if several {
                trace.begin_hop(kind.label(address), Instant::now());
            }
            trace.address = Some(address);
            said = match kind {
                Kind::Http(http) => http.attempt(&self.engine, address, trace).await?,
                Kind::Tcp(tcp) => tcp.attempt(&self.engine, address, trace).await?,
                Kind::Dns(dns) => dns.attempt(&self.engine, address, trace).await?,
                Kind::Icmp(icmp) => Box::pin(icmp.attempt(address, deadline, trace)).await?,
                Kind::Grpc(grpc) => Box::pin(grpc.attempt(&self.engine, address, trace)).await?,
            };
        }
        Ok(said)
    }

    async fn choose(&self, host: &Host, trace: &mut Trace) -> Result<Vec<IpAddr>, Failure> {
        if matches!(host, Host::Name(_)) {
            trace.enter(Phase::Resolve, Instant::now());
        }
        let mut addresses = self.engine.resolve(host, self.spec.ip, trace).await?;
        trace.close(Instant::now());
        match self.spec.pick {
            Pick::Each => {}
            Pick::First => addresses.truncate(1),
            Pick::Rotate => {
                let turn = self.turn.fetch_add(1, Ordering::Relaxed) as usize;
                let turn = turn % addresses.len();
                addresses.swap(0, turn);
                addresses.truncate(1);
            }
        }
        Ok(addresses)
    }

    /// What holds for every protocol: limits on latency, certificates about to end.
    fn judge_common(&self, result: &mut ProbeResult) {
        let spec = &self.spec;
        if result.outcome == Outcome::Good {
            if let Some(limit) = spec.max_latency.filter(|limit| result.latency > *limit) {
                result.outcome = Outcome::Bad(Reason::TooSlow);
                result.said = format!(
                    "took {}, allowed are {} (`max_latency`)",
                    human_latency(result.latency),
                    human_duration(limit)
                );
            } else if spec.slow_after.is_some_and(|limit| result.latency > limit) {
                result.warnings.insert(Warning::Slow);
            }
        }
        let within = spec.kind.tls().and_then(|tls| tls.expires_within);
        if let (Some(within), Some(not_after)) = (within, result.facts.certificate_not_after)
            && not_after < self.engine.clock.now() + within
        {
            result.warnings.insert(Warning::TlsExpiresSoon);
        }
    }
}
