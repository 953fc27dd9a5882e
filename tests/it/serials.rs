//! All servers of a zone and their serials, on real sockets: agreement, lag, silence, and who the servers are.
//!
//! Servers stand at several addresses of the loopback; a resolver knows their names. How serials compare is tested beside the
//! rule.
//!
//! No name outside of this process is asked for.

use crate::support::daemon::binary;
use crate::support::dns::{DnsServer, Question, Reply};
use crate::support::spec::{AMPLE, dns, engine_asking, of_dns, prober, run};
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, NS, SOA};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use nephoscope::model::{
    DnsServer as Asked, DnsSpec, Host, Outcome, Phase, ProbeResult, Reason, Serials, Silent,
    Warning,
};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::UdpSocket;

/// For runs in which somebody is silent, on a busy machine too.
const LATER: Duration = Duration::from_millis(800);

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn soa(question: &Question, serial: u32) -> Message {
    let data =
        RData::SOA(SOA::new(name("ns.shop.test."), name("host.shop.test."), serial, 2, 3, 4, 5));
    let mut answer = question.records(60, [data]);
    answer.metadata.authoritative = true;
    answer
}

/// A server of the zone with this serial.
async fn with_serial(serial: u32) -> DnsServer {
    DnsServer::start(move |question| soa(question, serial).into()).await
}

async fn saying(code: ResponseCode) -> DnsServer {
    DnsServer::start(move |question| question.code(code).into()).await
}

/// A comparison of these servers.
fn comparing(servers: &[SocketAddr], serials: &Serials) -> DnsSpec {
    let servers = servers.iter().map(|each| (Host::Ip(each.ip()), each.port())).collect();
    let serials = Box::new(Serials { servers, ..serials.clone() });
    DnsSpec {
        server: Asked::System,
        serials: Some(serials),
        ..dns(([127, 0, 0, 1], 53).into(), "shop.test.", RecordType::SOA)
    }
}

async fn compare(servers: &[SocketAddr], serials: &Serials) -> ProbeResult {
    run(of_dns(comparing(servers, serials)), AMPLE).await
}

#[tokio::test]
async fn servers_that_agree_are_good_and_each_is_asked_once() {
    let one = with_serial(2_026_112_301).await;
    let other = with_serial(2_026_112_301).await;
    let result = compare(&[one.address, other.address], &Serials::default()).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    assert!(result.said.starts_with("2 servers have serial 2026112301 in "), "{}", result.said);
    assert!(result.warnings.is_empty());
    assert_eq!(result.facts.dns_serial, Some(2_026_112_301));
    assert_eq!(result.phase, Phase::Processing);
    let mut hops: Vec<_> = result.hops.iter().map(|hop| hop.target.clone()).collect();
    hops.sort();
    let mut expected =
        [&one, &other].map(|server| format!("{}: serial 2026112301", server.address));
    expected.sort();
    assert_eq!(hops, expected);
    for server in [one, other] {
        let asked = server.asked();
        assert_eq!(asked.len(), 1);
        let message = &asked[0].message;
        let query = &message.queries[0];
        assert_eq!((query.name(), query.query_type()), (&name("shop.test."), RecordType::SOA));
        assert!(!message.recursion_desired, "it should say what it knows itself");
    }
}

#[tokio::test]
async fn a_server_behind_is_a_warning_with_numbers_and_bad_beyond_max_lag() {
    let master = with_serial(12).await;
    let slave = with_serial(9).await;
    let servers = [master.address, slave.address];
    let lag = |max_lag| Serials { max_lag, ..Serials::default() };
    let warned = compare(&servers, &lag(None)).await;
    assert_eq!(warned.outcome, Outcome::Good, "{}", warned.said);
    assert!(warned.warnings.contains(Warning::SerialLag));
    let [master, slave] = servers;
    let said = format!("{master} has serial 12, {slave} is 3 behind with 9");
    assert!(warned.said.starts_with(&format!("{said} in ")), "{}", warned.said);
    let allowed = compare(&servers, &lag(Some(3))).await;
    assert_eq!(allowed.outcome, Outcome::Good, "{}", allowed.said);
    let beyond = compare(&servers, &lag(Some(2))).await;
    assert_eq!(beyond.outcome, Outcome::Bad(Reason::Serial));
    assert_eq!(beyond.said, format!("{said}; allowed are 2 (`max_lag`)"));
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_named_before_the_deadline() {
    let speaks = with_serial(7).await;
    let silent = DnsServer::start(|_| Reply::Silence).await;
    let servers = [speaks.address, silent.address];
    let strict = run(of_dns(comparing(&servers, &Serials::default())), LATER).await;
    assert_eq!(strict.outcome, Outcome::Bad(Reason::Serial));
    let said = format!("{} does not answer; 1 server has serial 7", silent.address);
    assert_eq!(strict.said, said);
    assert!(strict.latency < LATER, "{:?}", strict.latency);

    let lenient = Serials { silent: Silent::Warn, ..Serials::default() };
    let warned = run(of_dns(comparing(&servers, &lenient)), LATER).await;
    assert_eq!(warned.outcome, Outcome::Good, "{}", warned.said);
    assert!(warned.said.starts_with(&said), "{}", warned.said);
    assert!(warned.warnings.contains(Warning::SerialLag));

    // If nobody answers it may be our own network, which the other checks will tell.
    let nobody = run(of_dns(comparing(&[silent.address], &lenient)), LATER).await;
    assert_eq!(nobody.outcome, Outcome::Bad(Reason::ResponseTimeout), "{}", nobody.said);
}

#[tokio::test]
async fn refusing_not_answering_for_the_zone_and_not_listening_are_told_apart() {
    let speaks = with_serial(7).await;
    let refuses = saying(ResponseCode::Refused).await;
    let lame = DnsServer::start(|question| {
        let mut answer = soa(question, 7);
        answer.metadata.authoritative = false;
        answer.into()
    })
    .await;
    let closed = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let cases = [
        (refuses.address, "it answered REFUSED"),
        (lame.address, "it does not answer for the zone (no AA flag)"),
        (closed, "refused the connection"),
    ];
    for (server, why) in cases {
        let result = compare(&[speaks.address, server], &Serials::default()).await;
        assert_eq!(result.outcome, Outcome::Bad(Reason::Serial));
        assert!(result.said.starts_with(&format!("{server}: ")), "{}", result.said);
        assert!(result.said.contains(why), "{}", result.said);
        assert!(result.said.ends_with("; 1 server has serial 7"), "{}", result.said);
    }
}

#[tokio::test]
async fn a_server_that_we_could_not_ask_is_nobodys_fault_but_ours() {
    let server = with_serial(7).await;
    let port = server.address.port();
    let (mut beside, mut servers) = (Vec::new(), Vec::new());
    for last in 2..=17 {
        let ip = Ipv4Addr::new(127, 0, 0, last);
        beside.push(server.beside(ip, |asked| soa(asked, 7).into()).await);
        servers.push(format!("\"{ip}:{port}\""));
    }
    let config = format!(
        "[provider.aws]\nhost = \"127.0.0.1\"\n[service.shop]\nprobes = [\"zone\"]\n[probe.zone.dns]\n\
         query = \"shop.test\"\nserials = {{ servers = [{}] }}\n",
        servers.join(", ")
    );
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("probes.toml"), config).unwrap();
    // With plenty all is good. What the process itself needs is its own affair: where some number leaves it that, and not a
    // socket for each of the 16 servers, it says so; of numbers that are 8 apart there is one.
    let ample = probe_with(256, folder.path()).await;
    assert!(ample.contains("\"verdict\":\"good\"") && !ample.contains("cannot ask"), "{ample}");
    let mut heard = Vec::new();
    for most in (8..=128).step_by(8) {
        let said = probe_with(most, folder.path()).await;
        if said.contains("cannot ask 127.0.0.") {
            assert!(said.contains("no file descriptor left"), "{most}: {said}");
            assert!(said.contains("\"cause\":\"overloaded\""), "{most}: {said}");
            return;
        }
        heard.push((most, said));
    }
    panic!("nobody said that there are too few: {heard:#?}");
}

/// What `probe` says in `folder` with so many file descriptors at most.
async fn probe_with(most: u32, folder: &std::path::Path) -> String {
    let mut shell = std::process::Command::new("/bin/sh");
    shell
        .args(["-c", &format!("ulimit -n {most} && exec \"$@\""), "sh"])
        .arg(binary().get_program())
        .args(["probe", "--format", "json"])
        .current_dir(folder);
    let ran = tokio::task::spawn_blocking(move || shell.output()).await.unwrap().unwrap();
    let said = [ran.stdout, ran.stderr].concat();
    String::from_utf8_lossy(&said).replace(": ", ":")
}

/// A resolver that knows the zone's two servers, at addresses of the loopback.
fn resolver(question: &Question) -> Message {
    let query = &question.message.queries[0];
    let server = |text| RData::NS(NS(name(text)));
    let at = |last| vec![RData::A(A(Ipv4Addr::new(127, 0, 0, last)))];
    let records = match (query.name().to_string().as_str(), query.query_type()) {
        ("shop.test.", RecordType::NS) => vec![server("ns1.shop.test."), server("ns2.shop.test.")],
        ("ns1.shop.test.", RecordType::A) => at(2),
        ("ns2.shop.test.", RecordType::A) => at(3),
        ("www.shop.test.", RecordType::NS) => Vec::new(),
        _ => return question.code(ResponseCode::NXDomain),
    };
    question.records(60, records)
}

/// A comparison of the servers that NS records name, all listening at this port.
fn of_zone(zone: &str, port: u16) -> DnsSpec {
    DnsSpec {
        server: Asked::System,
        serials: Some(Box::new(Serials { port, ..Serials::default() })),
        ..dns(([127, 0, 0, 1], 53).into(), zone, RecordType::SOA)
    }
}

#[tokio::test]
async fn the_servers_are_those_that_the_ns_records_name() {
    let known = DnsServer::start(|question| resolver(question).into()).await;
    let port = known.address.port();
    let first = known.beside(Ipv4Addr::new(127, 0, 0, 2), |asked| soa(asked, 8).into()).await;
    let second = known.beside(Ipv4Addr::new(127, 0, 0, 3), |asked| soa(asked, 7).into()).await;
    let spec = of_zone("shop.test.", port);
    let result = prober(of_dns(spec.clone()), &engine_asking(&[known.address])).probe(AMPLE).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    let said = format!(
        "ns1.shop.test (127.0.0.2:{port}) has serial 8, \
         ns2.shop.test (127.0.0.3:{port}) is 1 behind with 7 in "
    );
    assert!(result.said.starts_with(&said), "{}", result.said);
    assert!(result.resolved);
    let phases: Vec<_> = result.phases.iter().map(|(phase, _, _)| phase).collect();
    assert_eq!(phases, [Phase::Resolve, Phase::Processing]);
    assert_eq!((first.asked().len(), second.asked().len()), (1, 1));

    // The name servers may be asked for elsewhere than at this host's resolver.
    let at = Asked::At(Host::Ip(known.address.ip()), port);
    let elsewhere = DnsSpec { server: at, ..spec };
    let result = prober(of_dns(elsewhere), &engine_asking(&[known.address])).probe(AMPLE).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
}

#[tokio::test]
async fn not_finding_the_servers_has_a_reason_of_its_own() {
    let known = DnsServer::start(|question| resolver(question).into()).await;
    let broken = saying(ResponseCode::ServFail).await;
    let silent = DnsServer::start(|_| Reply::Silence).await;
    let cases = [
        ("gone.test.", known.address, Reason::DnsNxdomain, "it answered NXDOMAIN"),
        ("www.shop.test.", known.address, Reason::Serial, "has no NS records"),
        ("shop.test.", broken.address, Reason::DnsServfail, "it answered SERVFAIL"),
        ("shop.test.", silent.address, Reason::DnsTimeout, "no answer in time"),
    ];
    for (zone, resolver, reason, said) in cases {
        let spec = of_dns(of_zone(zone, 53));
        assert!(spec.possible_reasons().contains(&reason));
        let result = prober(spec, &engine_asking(&[resolver])).probe(LATER).await;
        assert_eq!(result.outcome, Outcome::Bad(reason), "{}", result.said);
        assert!(result.said.contains(said), "{}", result.said);
        assert!(result.latency < LATER, "{:?}", result.latency);
    }
}

#[tokio::test]
async fn more_servers_than_are_asked_are_counted() {
    let server = with_serial(7).await;
    let port = server.address.port();
    let mut beside = Vec::new();
    for last in 2..=18 {
        let ip = Ipv4Addr::new(127, 0, 0, last);
        beside.push(server.beside(ip, |asked| soa(asked, 7).into()).await);
    }
    let servers: Vec<_> = (2..=18).map(|last| ([127, 0, 0, last], port).into()).collect();
    let result = compare(&servers, &Serials::default()).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    assert!(result.said.starts_with("16 servers have serial 7 in "), "{}", result.said);
    assert!(result.said.ends_with("; 1 more were not asked"), "{}", result.said);
}
