//! Following a public name against real name servers on the loopback: its zone's own servers and resolvers.
//!
//! Each test builds a small world: a resolver that knows who serves which zone, and servers of zones on one port at several
//! addresses. What the answers mean for a failover is tested beside the rules.
//!
//! No name outside of this process is asked for.

use crate::support::dns::{DnsServer, Question, Reply};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, NS};
use hickory_resolver::proto::rr::{Name, RData, Record};
use nephoscope::failover::Observation;
use nephoscope::model::{AskedResolver, IpChoice};
use nephoscope::net::Net;
use nephoscope::probe::follow::Follow;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Long enough for any look that is meant to end by itself.
const AMPLE: Duration = Duration::from_secs(10);

/// For looks at somebody who says nothing.
const SHORT: Duration = Duration::from_millis(300);

/// Time to live of every record here, unless a test says otherwise.
const TTL: u32 = 60;

fn a(ip: &str) -> RData {
    RData::A(A(ip.parse().unwrap()))
}

fn aaaa(ip: &str) -> RData {
    RData::AAAA(AAAA(ip.parse().unwrap()))
}

fn cname(name: &str) -> RData {
    RData::CNAME(CNAME(Name::from_ascii(name).unwrap()))
}

fn ns(name: &str) -> RData {
    RData::NS(NS(Name::from_ascii(name).unwrap()))
}

/// Records by name, as one server has them.
type Records = Vec<(&'static str, RData)>;

/// Answers from these records as an authoritative server does: with AA, aliases followed as far as they go here.
fn authority(question: &Question, records: &Records) -> Reply {
    let query = &question.message.queries[0];
    let mut response = question.response();
    response.metadata.authoritative = true;
    let mut name = query.name().to_lowercase();
    for _ in 0..8 {
        let own: Vec<_> =
            records.iter().filter(|(each, _)| Name::from_ascii(each).unwrap() == name).collect();
        if own.is_empty() && response.answers.is_empty() {
            response.metadata.response_code = ResponseCode::NXDomain;
        }
        let mut next = None;
        for (_, data) in own {
            if let RData::CNAME(alias) = data {
                next = Some(alias.0.clone());
            }
            if data.record_type() == query.query_type() || next.is_some() {
                response.add_answer(Record::from_rdata(name.clone(), TTL, data.clone()));
            }
        }
        match next {
            Some(alias) => name = alias,
            None => break,
        }
    }
    response.into()
}

/// Answers from these records as a resolver does.
fn resolver(question: &Question, records: &Records) -> Reply {
    authority(question, records)
}

/// Who serves `example.` and `cloud.`: at the address of the first server, and one beside it.
fn zones() -> Records {
    vec![
        ("shop.example.", a("192.0.2.1")),
        ("example.", ns("ns1.host.")),
        ("example.", ns("ns2.host.")),
        ("cloud.", ns("ns2.host.")),
        ("ns1.host.", a("127.0.0.1")),
        ("ns2.host.", a("127.0.0.2")),
    ]
}

async fn serving(records: Records) -> DnsServer {
    DnsServer::start(move |question| authority(question, &records)).await
}

/// A look at `shop.example` through the system's resolver and these, whose zones are served at the port of `authority`.
fn follow(authority: &DnsServer, resolvers: &[AskedResolver]) -> Follow {
    Follow::new("shop.example", IpChoice::V4, resolvers, [])
        .unwrap()
        .with_port(authority.address.port())
}

fn addresses(led: &nephoscope::failover::Led) -> Vec<String> {
    led.addresses.iter().map(IpAddr::to_string).collect()
}

/// What each authoritative server says: its name, and addresses or a complaint.
fn authoritative(seen: &Observation) -> Vec<(String, Result<Vec<String>, String>)> {
    let name = |who: &str| who.split(' ').next().unwrap_or_default().to_owned();
    let said =
        |it: &nephoscope::failover::Answer| it.said.as_ref().map(addresses).map_err(Clone::clone);
    seen.authoritative.iter().map(|it| (name(&it.who), said(it))).collect()
}

#[tokio::test]
async fn the_zones_own_servers_and_each_resolver_say_where_a_name_leads() {
    let one = serving(vec![("shop.example.", a("192.0.2.2"))]).await;
    let two = one
        .beside(Ipv4Addr::new(127, 0, 0, 2), |question| {
            authority(question, &vec![("shop.example.", a("192.0.2.3"))])
        })
        .await;
    let system = DnsServer::start(|question| resolver(question, &zones())).await;
    let stale = DnsServer::start(|question| question.records(7, [a("192.0.2.9")]).into()).await;

    let resolvers = [AskedResolver::System, AskedResolver::At(stale.address)];
    let seen = follow(&one, &resolvers).look(&Net::with_servers(&[system.address]), AMPLE).await;

    let expected = [
        ("ns1.host".to_owned(), Ok(vec!["192.0.2.2".to_owned()])),
        ("ns2.host".to_owned(), Ok(vec!["192.0.2.3".to_owned()])),
    ];
    assert_eq!(authoritative(&seen), expected);
    assert_eq!(seen.lost, None);
    let said: Vec<_> = seen
        .resolvers
        .iter()
        .map(|it| {
            (
                it.who.to_string(),
                addresses(it.said.as_ref().unwrap()),
                it.said.as_ref().unwrap().ttl,
            )
        })
        .collect();
    let seconds = Duration::from_secs;
    let expected = [
        ("system".to_owned(), vec!["192.0.2.1".to_owned()], seconds(60)),
        (stale.address.to_string(), vec!["192.0.2.9".to_owned()], seconds(7)),
    ];
    assert_eq!(said, expected);
    // Servers of the zone are asked for what they know themselves, resolvers for what they can find out.
    assert!(one.asked().iter().chain(&two.asked()).all(|it| !it.message.recursion_desired));
    assert!(stale.asked().iter().all(|it| it.message.recursion_desired));
}

#[tokio::test]
async fn an_alias_into_another_zone_is_followed_to_the_servers_of_that() {
    let one = serving(vec![("shop.example.", cname("lb.cloud."))]).await;
    let _two = one
        .beside(Ipv4Addr::new(127, 0, 0, 2), |question| {
            let here = vec![("shop.example.", cname("lb.cloud.")), ("lb.cloud.", a("192.0.2.5"))];
            authority(question, &here)
        })
        .await;
    let system = DnsServer::start(|question| resolver(question, &zones())).await;

    let seen = follow(&one, &[AskedResolver::System])
        .look(&Net::with_servers(&[system.address]), AMPLE)
        .await;

    // The first server knows its own zone only, the second one both.
    let led = seen.authoritative[0].said.as_ref().unwrap();
    assert_eq!(
        (addresses(led), led.chain.clone()),
        (vec!["192.0.2.5".to_owned()], vec!["lb.cloud".into()])
    );
    assert_eq!(seen.authoritative[0].said, seen.authoritative[1].said);
}

#[tokio::test]
async fn one_silent_server_hides_nobody_and_is_named() {
    let one = serving(vec![("shop.example.", a("192.0.2.2"))]).await;
    let _two = one.beside(Ipv4Addr::new(127, 0, 0, 2), |_| Reply::Silence).await;
    let system = DnsServer::start(|question| resolver(question, &zones())).await;

    let seen = follow(&one, &[AskedResolver::System])
        .look(&Net::with_servers(&[system.address]), SHORT)
        .await;

    let said = authoritative(&seen);
    assert_eq!(said[0], ("ns1.host".to_owned(), Ok(vec!["192.0.2.2".to_owned()])));
    let silent = format!("no answer from 127.0.0.2:{} in time", one.address.port());
    assert_eq!(said[1], ("ns2.host".to_owned(), Err(silent)));
}

#[tokio::test]
async fn what_is_no_answer_of_the_zone_is_a_complaint() {
    // A server that does not serve the zone answers, without the AA flag; or says so.
    let one = DnsServer::start(|question| question.records(TTL, [a("192.0.2.2")]).into()).await;
    let _two = one
        .beside(Ipv4Addr::new(127, 0, 0, 2), |question| question.code(ResponseCode::Refused).into())
        .await;
    let system = DnsServer::start(|question| resolver(question, &zones())).await;

    let seen = follow(&one, &[AskedResolver::System])
        .look(&Net::with_servers(&[system.address]), AMPLE)
        .await;

    let said: Vec<_> =
        authoritative(&seen).into_iter().map(|(_, said)| said.unwrap_err()).collect();
    assert!(said[0].contains("no AA flag"), "{said:?}");
    assert!(said[1].contains("Refused") || said[1].contains("REFUSED"), "{said:?}");
}

#[tokio::test]
async fn a_name_that_is_gone_leads_nowhere() {
    let one = serving(vec![("other.example.", a("192.0.2.2"))]).await;
    let _two = one
        .beside(Ipv4Addr::new(127, 0, 0, 2), |question| {
            authority(question, &vec![("shop.example.", aaaa("2001:db8::1"))])
        })
        .await;
    let system = DnsServer::start(|question| resolver(question, &zones())).await;

    let seen = follow(&one, &[AskedResolver::System])
        .look(&Net::with_servers(&[system.address]), AMPLE)
        .await;

    // It does not exist, or has no address of this family.
    let nowhere: Vec<_> = authoritative(&seen).into_iter().map(|(_, said)| said).collect();
    assert_eq!(nowhere, [Ok(vec![]), Ok(vec![])]);
}

#[tokio::test]
async fn a_resolver_that_dies_does_not_hide_what_the_zones_servers_say() {
    let one = serving(vec![("shop.example.", a("192.0.2.2"))]).await;
    let dead = Arc::new(AtomicBool::new(false));
    let system = DnsServer::start({
        let dead = Arc::clone(&dead);
        let zones = vec![
            ("example.", ns("ns1.host.")),
            ("ns1.host.", a("127.0.0.1")),
            ("shop.example.", a("192.0.2.2")),
        ];
        move |question| {
            if dead.load(Ordering::SeqCst) { Reply::Silence } else { resolver(question, &zones) }
        }
    })
    .await;
    let net = Net::with_servers(&[system.address]);
    let follow = follow(&one, &[AskedResolver::System]);

    assert_eq!(authoritative(&follow.look(&net, AMPLE).await).len(), 1);
    dead.store(true, Ordering::SeqCst);
    let seen = follow.look(&net, SHORT).await;
    assert_eq!(authoritative(&seen)[0].1, Ok(vec!["192.0.2.2".to_owned()]));
    assert!(seen.resolvers[0].said.is_err());

    // Whoever never saw it alive does not know the zone's servers, and says why.
    let seen = Follow::new("shop.example", IpChoice::V4, &[], []).unwrap().look(&net, SHORT).await;
    assert!(seen.authoritative.is_empty());
    let lost = seen.lost.unwrap();
    assert!(
        lost.starts_with("cannot find the name servers of `shop.example`: no answer"),
        "{lost}"
    );
}

#[tokio::test]
async fn aliases_in_a_circle_end() {
    // Within one message, and from zone to zone.
    let one = DnsServer::start(|question| {
        let circle =
            vec![("shop.example.", cname("b.example.")), ("b.example.", cname("shop.example."))];
        authority(question, &circle)
    })
    .await;
    let _two = one
        .beside(Ipv4Addr::new(127, 0, 0, 2), |question| {
            let mut response = question.response();
            response.metadata.authoritative = true;
            let name = question.message.queries[0].name().clone();
            let next = if name.to_string() == "lb.cloud." { "shop.example." } else { "lb.cloud." };
            response.add_answer(Record::from_rdata(name, TTL, cname(next)));
            response.into()
        })
        .await;
    let system = DnsServer::start(|question| resolver(question, &zones())).await;

    let seen = follow(&one, &[AskedResolver::System])
        .look(&Net::with_servers(&[system.address]), AMPLE)
        .await;

    let said: Vec<_> =
        authoritative(&seen).into_iter().map(|(_, said)| said.unwrap_err()).collect();
    assert!(said.iter().all(|said| said.contains("aliases")), "{said:?}");
}

#[tokio::test]
async fn each_family_is_asked_for_as_the_probe_uses_it() {
    let records =
        || vec![("shop.example.", a("192.0.2.2")), ("shop.example.", aaaa("2001:db8::2"))];
    let server = DnsServer::start(move |question| resolver(question, &records())).await;
    let seen = async |ip| {
        let resolvers = [AskedResolver::At(server.address)];
        let follow = Follow::new("shop.example", ip, &resolvers, []).unwrap();
        let seen = follow.look(&Net::with_servers(&[server.address]), AMPLE).await;
        addresses(seen.resolvers[0].said.as_ref().unwrap())
    };
    assert_eq!(seen(IpChoice::V4).await, ["192.0.2.2"]);
    assert_eq!(seen(IpChoice::V6).await, ["2001:db8::2"]);
    assert_eq!(seen(IpChoice::Any).await, ["192.0.2.2", "2001:db8::2"]);
}

#[tokio::test]
async fn an_answer_that_was_cut_is_asked_for_again_over_tcp() {
    let server = DnsServer::start(|question| {
        if question.tcp {
            return question.records(TTL, (1..=40).map(|n| a(&format!("192.0.2.{n}")))).into();
        }
        let mut cut = question.response();
        cut.metadata.truncation = true;
        cut.into()
    })
    .await;
    let resolvers = [AskedResolver::At(server.address)];
    let follow = Follow::new("shop.example", IpChoice::V4, &resolvers, []).unwrap();
    let seen = follow.look(&Net::with_servers(&[server.address]), SHORT.max(AMPLE)).await;
    assert_eq!(seen.resolvers[0].said.as_ref().unwrap().addresses.len(), 40);
}

#[tokio::test]
async fn the_hosts_of_endpoints_are_looked_up_beside_it() {
    let zone = vec![("aws.example.", a("192.0.2.2")), ("aws.example.", aaaa("2001:db8::2"))];
    let server = DnsServer::start(move |question| resolver(question, &zone)).await;
    let hosts = [(0, Arc::from("aws.example")), (3, Arc::from("gone.example"))];
    let follow = Follow::new("shop.example", IpChoice::Any, &[], hosts).unwrap();
    let seen = follow.look(&Net::with_servers(&[server.address]), AMPLE).await;
    let expected = ["192.0.2.2".parse().unwrap(), "2001:db8::2".parse().unwrap()].to_vec();
    assert_eq!(seen.endpoints, [(0, expected)]);
}

#[test]
fn an_address_is_no_name_to_follow() {
    let is_name = |host| Follow::new(host, IpChoice::Any, &[], []).is_some();
    for address in
        ["192.0.2.1", "192.0.2.1:8443", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:8443"]
    {
        assert!(!is_name(address), "{address}");
    }
    assert!(is_name("shop.example:8443") && is_name("shop.example."));
}
