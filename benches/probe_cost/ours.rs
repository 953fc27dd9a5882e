//! The prober under test, with a spec as the configuration would make it.
//!
//! One prober per process, on one current-thread runtime, as the daemon has it.
//!
//! Nothing here is measured apart from `Prober::probe`.

use super::Target;
use hickory_resolver::proto::rr::Name;
use nephoscope::clock::SystemClock;
use nephoscope::model::{
    DnsServer, DnsSpec, Host, HttpSpec, IpChoice, Outcome, PemFile, Phase, Pick, ProbeKind, Spec,
    TcpSpec, TlsSpec,
};
use nephoscope::probe::tls::Roots;
use nephoscope::probe::{Engine, Prober};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(5);

/// A prober for `target`.
pub(crate) fn prober(target: Target, address: SocketAddr, root: &Path) -> Prober {
    let kind = match target {
        Target::Tcp => ProbeKind::Tcp(Box::new(TcpSpec {
            host: Host::Ip(address.ip()),
            port: address.port(),
            tls: None,
            dialogue: Vec::new(),
        })),
        Target::Http => ProbeKind::Http(Box::new(http("http", address, TlsSpec::default()))),
        Target::Https => {
            let bytes = std::fs::read(root).expect("the parent wrote the root certificate");
            let ca = Some(PemFile { path: root.to_owned(), bytes: bytes.into() });
            let tls = TlsSpec { ca, ..TlsSpec::default() };
            ProbeKind::Http(Box::new(http("https", address, tls)))
        }
        Target::Dns => ProbeKind::Dns(Box::new(DnsSpec::new(
            DnsServer::At(Host::Ip(address.ip()), address.port()),
            Name::from_ascii("www.bench.test.").expect("a constant name"),
        ))),
    };
    let spec =
        Spec { ip: IpChoice::Any, pick: Pick::Rotate, slow_after: None, max_latency: None, kind };
    let engine = Arc::new(Engine::new(Roots::default(), Arc::new(SystemClock)));
    Prober::build(&Arc::new(spec), &engine).expect("a plain spec can be built")
}

/// One probe; anything but a good result that saw the wire is an error.
pub(crate) async fn probe(target: Target, prober: &Prober) -> Result<(), String> {
    let result = prober.probe(TIMEOUT).await;
    let connected = result.phases.took(Phase::Connect).is_some();
    let facts = &result.facts;
    let seen = match target {
        Target::Tcp => connected,
        Target::Http => connected && facts.http_status == Some(200),
        Target::Https => {
            connected && facts.http_status == Some(200) && facts.certificate_not_after.is_some()
        }
        Target::Dns => facts.dns_answers == Some(1),
    };
    if result.outcome == Outcome::Good && seen {
        Ok(())
    } else {
        Err(format!("{:?}: {} {facts:?}", result.outcome, result.said))
    }
}

fn http(scheme: &str, address: SocketAddr, tls: TlsSpec) -> HttpSpec {
    let url = format!("{scheme}://{address}/page").parse().expect("a scheme and an address");
    HttpSpec { tls: Arc::new(tls), ..HttpSpec::get(url) }
}
