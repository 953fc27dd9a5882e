//! Specs as a probe gets them from the configuration, built by hand.
//!
//! Start from `http`, `tcp` or `dns`, change fields, wrap with `spec` and run with `run`.
//!
//! No defaults of the configuration are repeated here: they are chosen to suit tests.

use hickory_resolver::proto::rr::{Name, RecordType};
use nephoscope::clock::SystemClock;
use nephoscope::model::{
    DnsServer, DnsSpec, Host, HttpSpec, IpChoice, Pattern, Pick, ProbeKind, ProbeResult, Redirects,
    Spec, TcpSpec,
};
use nephoscope::net::Net;
use nephoscope::probe::tls::Roots;
use nephoscope::probe::{Engine, Prober};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Long enough for any run that is meant to end by itself.
pub(crate) const AMPLE: Duration = Duration::from_secs(10);

/// A GET that follows up to five redirects and wants a 2xx.
pub(crate) fn http(url: &str) -> HttpSpec {
    HttpSpec {
        redirects: Redirects::Limit(5),
        body_limit: 64 * 1024,
        ..HttpSpec::get(url.parse().unwrap())
    }
}

/// A bare connection to `address`.
pub(crate) fn tcp(address: SocketAddr) -> TcpSpec {
    TcpSpec { host: Host::Ip(address.ip()), port: address.port(), tls: None, dialogue: Vec::new() }
}

/// A question to `server` over UDP that wants `NOERROR`.
pub(crate) fn dns(server: SocketAddr, query: &str, record_type: RecordType) -> DnsSpec {
    let server = DnsServer::At(Host::Ip(server.ip()), server.port());
    DnsSpec { record_type, ..DnsSpec::new(server, Name::from_ascii(query).unwrap()) }
}

/// A compiled pattern.
pub(crate) fn pattern(text: &str) -> Pattern {
    Pattern::new(regex::bytes::Regex::new(text).unwrap())
}

/// Any address family, the first address, no limits on latency.
pub(crate) fn spec(kind: ProbeKind) -> Spec {
    Spec { ip: IpChoice::Any, pick: Pick::First, slow_after: None, max_latency: None, kind }
}

/// The spec of an HTTP probe.
pub(crate) fn of_http(http: HttpSpec) -> Spec {
    spec(ProbeKind::Http(Box::new(http)))
}

/// The spec of a TCP probe.
pub(crate) fn of_tcp(tcp: TcpSpec) -> Spec {
    spec(ProbeKind::Tcp(Box::new(tcp)))
}

/// The spec of a DNS probe.
pub(crate) fn of_dns(dns: DnsSpec) -> Spec {
    spec(ProbeKind::Dns(Box::new(dns)))
}

/// An engine of its own, with no system roots. Must be called inside the runtime that will use it.
pub(crate) fn engine() -> Arc<Engine> {
    Arc::new(Engine::new(Roots::default(), Arc::new(SystemClock)))
}

/// An engine that resolves names with these servers only.
pub(crate) fn engine_asking(servers: &[SocketAddr]) -> Arc<Engine> {
    let net = Net::with_servers(servers);
    Arc::new(Engine::with_net(net, Roots::default(), Arc::new(SystemClock)))
}

/// A prober for `spec` on `engine`.
pub(crate) fn prober(spec: Spec, engine: &Arc<Engine>) -> Prober {
    Prober::build(&Arc::new(spec), engine).unwrap()
}

/// Builds a prober on an engine of its own and runs it once.
///
/// Panics if the run is bad for a reason that the spec did not announce: its counter would not stand at 0 before.
pub(crate) async fn run(spec: Spec, timeout: Duration) -> ProbeResult {
    let announced = spec.possible_reasons();
    let result = prober(spec, &engine()).probe(timeout).await;
    let reason = result.outcome.reason();
    assert!(reason.is_none_or(|reason| announced.contains(&reason)), "{reason:?}: {}", result.said);
    result
}
