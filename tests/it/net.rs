//! Resolving and connecting against real sockets: each way to fail has its reason.
//!
//! The name servers are fixtures on the loopback; nothing here asks the resolver of this host.
//!
//! What the probers make of these failures is tested with the probers.

use crate::support::dns::{DnsServer, Question, Reply};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use nephoscope::model::{Cause, Host, IpChoice, Outcome, Reason};
use nephoscope::net::{Failure, Net, connect, connect_failure, datagram};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;
use tokio::net::{TcpListener, UdpSocket};

/// Far longer than any of these exchanges takes on the loopback.
const PATIENCE: Duration = Duration::from_secs(20);

fn host(name: &str) -> Host {
    Host::Name(name.into())
}

fn ips(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

async fn resolve(net: &Net, name: &str, ip: IpChoice) -> Result<Vec<IpAddr>, Failure> {
    tokio::time::timeout(PATIENCE, net.resolve(&host(name), ip)).await.expect("it ends by itself")
}

/// Both families for `both.test`, one each for `four.test` and `six.test`.
fn zone(question: &Question) -> Reply {
    let query = &question.message.queries[0];
    let name = query.name().to_string();
    let a = [A(Ipv4Addr::new(192, 0, 2, 7)), A(Ipv4Addr::new(192, 0, 2, 8))].map(RData::A);
    let aaaa = [RData::AAAA(AAAA("2001:db8::7".parse().unwrap()))];
    match (name.as_str(), query.query_type()) {
        ("both.test." | "four.test.", RecordType::A) => question.records(60, a).into(),
        ("both.test." | "six.test.", RecordType::AAAA) => question.records(60, aaaa).into(),
        ("both.test." | "four.test." | "six.test.", _) => question.response().into(),
        _ => question.code(ResponseCode::NXDomain).into(),
    }
}

#[tokio::test]
async fn any_family_prefers_ipv4_and_falls_back_to_ipv6() {
    let server = DnsServer::start(zone).await;
    let net = Net::with_servers(&[server.address]);
    let seen = [
        resolve(&net, "both.test", IpChoice::Any).await.unwrap(),
        resolve(&net, "six.test", IpChoice::Any).await.unwrap(),
        resolve(&net, "both.test", IpChoice::V4).await.unwrap(),
        resolve(&net, "both.test", IpChoice::V6).await.unwrap(),
    ];
    let four = ips(&["192.0.2.7", "192.0.2.8"]);
    let six = ips(&["2001:db8::7"]);
    assert_eq!(seen, [four.clone(), six.clone(), four, six]);
}

#[tokio::test]
async fn each_question_is_asked_once_and_never_remembered() {
    let server = DnsServer::start(zone).await;
    let net = Net::with_servers(&[server.address]);
    for _ in 0..3 {
        resolve(&net, "both.test", IpChoice::V4).await.unwrap();
    }
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn equal_questions_in_flight_are_not_merged() {
    let server = DnsServer::start(zone).await;
    let net = Net::with_servers(&[server.address]);
    let (one, two) = tokio::join!(
        resolve(&net, "both.test", IpChoice::V4),
        resolve(&net, "both.test", IpChoice::V4)
    );
    assert_eq!((one.unwrap().len(), two.unwrap().len(), server.asked().len()), (2, 2, 2));
}

#[tokio::test]
async fn a_lost_question_is_not_sent_again() {
    let server = DnsServer::start(|_| Reply::Silence).await;
    let net = Net::with_servers(&[server.address]);
    // hickory would resend after 333 ms, three times.
    let given_up = tokio::time::timeout(
        Duration::from_millis(450),
        net.resolve(&host("a.test"), IpChoice::V4),
    )
    .await;
    assert!(given_up.is_err(), "silence never ends by itself");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn after_silence_the_next_server_is_asked_first() {
    let silent = DnsServer::start(|_| Reply::Silence).await;
    let alive = DnsServer::start(zone).await;
    let net = Net::with_servers(&[silent.address, alive.address]);
    let first = tokio::time::timeout(
        Duration::from_millis(50),
        net.resolve(&host("four.test"), IpChoice::V4),
    )
    .await;
    assert!(first.is_err());
    let second = resolve(&net, "four.test", IpChoice::V4).await;
    assert_eq!(second.unwrap(), ips(&["192.0.2.7", "192.0.2.8"]));
}

#[tokio::test]
async fn aliases_are_followed_within_the_answer() {
    let server = DnsServer::start(|question| {
        let target = Name::from_str("real.test.").unwrap();
        let mut answer = question.records(60, [RData::CNAME(CNAME(target.clone()))]);
        let address = RData::A(A(Ipv4Addr::new(192, 0, 2, 9)));
        let stray = RData::A(A(Ipv4Addr::new(192, 0, 2, 66)));
        answer.add_answer(Record::from_rdata(target, 60, address));
        answer.add_answer(Record::from_rdata(Name::from_str("stray.test.").unwrap(), 60, stray));
        answer.into()
    })
    .await;
    let net = Net::with_servers(&[server.address]);
    let found = resolve(&net, "alias.test", IpChoice::V4).await;
    assert_eq!(found.unwrap(), ips(&["192.0.2.9"]));
}

#[tokio::test]
async fn a_truncated_answer_is_asked_for_again_over_tcp() {
    let server = DnsServer::start(|question| {
        if question.tcp {
            return zone(question);
        }
        let mut answer = question.response();
        answer.metadata.truncation = true;
        answer.into()
    })
    .await;
    let net = Net::with_servers(&[server.address]);
    let found = resolve(&net, "four.test", IpChoice::V4).await;
    let transports: Vec<_> = server.asked().iter().map(|question| question.tcp).collect();
    assert_eq!((found.unwrap().len(), transports), (2, vec![false, true]));
}

#[tokio::test]
async fn every_answer_without_an_address_has_its_reason() {
    let server = DnsServer::start(|question| {
        let name = question.message.queries[0].name().to_string();
        match name.as_str() {
            "servfail.test." => question.code(ResponseCode::ServFail).into(),
            "refused.test." => question.code(ResponseCode::Refused).into(),
            "formerr.test." => question.code(ResponseCode::FormErr).into(),
            "garbage.test." => {
                let mut packet = question.response().to_vec().unwrap();
                packet[5] = 9;
                Reply::Packets(vec![packet])
            }
            _ => zone(question),
        }
    })
    .await;
    let net = Net::with_servers(&[server.address]);
    let cases = [
        (
            "missing.test",
            IpChoice::Any,
            Reason::DnsNxdomain,
            "the name `missing.test` does not exist",
        ),
        (
            "six.test",
            IpChoice::V4,
            Reason::DnsNoAddress,
            "`six.test` exists but does not have an IPv4 address",
        ),
        (
            "four.test",
            IpChoice::V6,
            Reason::DnsNoAddress,
            "`four.test` exists but does not have an IPv6 address",
        ),
        ("servfail.test", IpChoice::Any, Reason::DnsServfail, "it could not answer (SERVFAIL)"),
        ("refused.test", IpChoice::Any, Reason::DnsRefused, "it refused to answer (REFUSED)"),
        ("formerr.test", IpChoice::Any, Reason::DnsServfail, "it answered with an error"),
        ("garbage.test", IpChoice::Any, Reason::DnsServfail, "the answer cannot be used"),
        ("a..b", IpChoice::Any, Reason::DnsNxdomain, "`a..b` is not a name that can be asked for"),
    ];
    for (name, ip, reason, words) in cases {
        let failure = resolve(&net, name, ip).await.unwrap_err();
        assert_eq!(failure.outcome, Outcome::Bad(reason), "{name}: {}", failure.said);
        assert!(failure.said.contains(words), "{name}: {}", failure.said);
    }
}

#[tokio::test]
async fn a_resolver_that_is_not_there_is_noticed_at_once() {
    let gone = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let net = Net::with_servers(&[gone]);
    let failure = resolve(&net, "a.test", IpChoice::Any).await.unwrap_err();
    let expected = Failure::bad(
        Reason::DnsServfail,
        format!("asked resolver {gone} for `a.test`: nothing listens there"),
    );
    assert_eq!(failure, expected);
}

#[tokio::test]
async fn without_a_resolver_the_sentence_says_so() {
    let net = Net::with_servers(&[]);
    let failure = resolve(&net, "a.test", IpChoice::Any).await.unwrap_err();
    let expected = Failure::bad(
        Reason::DnsServfail,
        "cannot resolve `a.test`: no resolver is configured on this host (`nameserver` in \
         /etc/resolv.conf)",
    );
    assert_eq!((failure, net.system_server()), (expected, None));
}

#[tokio::test]
async fn localhost_needs_no_resolver() {
    let net = Net::with_servers(&[]);
    let seen = [
        resolve(&net, "localhost", IpChoice::Any).await.unwrap(),
        resolve(&net, "localhost", IpChoice::V6).await.unwrap(),
        Net::from_system().resolve(&host("localhost"), IpChoice::V4).await.unwrap(),
    ];
    assert_eq!(seen, [ips(&["127.0.0.1"]), ips(&["::1"]), ips(&["127.0.0.1"])]);
}

#[tokio::test]
async fn a_literal_address_must_fit_the_family_choice() {
    let net = Net::with_servers(&[]);
    let literal = Host::Ip("192.0.2.7".parse().unwrap());
    let fits = net.resolve(&literal, IpChoice::V4).await;
    let refused = net.resolve(&literal, IpChoice::V6).await;
    assert_eq!(fits, Ok(ips(&["192.0.2.7"])));
    assert_eq!(refused.unwrap_err().outcome, Outcome::Bad(Reason::DnsNoAddress));
}

#[tokio::test]
async fn a_connection_is_made_without_delaying_small_writes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = connect(listener.local_addr().unwrap()).await.unwrap();
    assert!(stream.nodelay().unwrap());
}

#[tokio::test]
async fn a_closed_port_refuses() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let failure = connect(gone).await.unwrap_err();
    let expected = Failure::bad(Reason::ConnectRefused, format!("{gone} refused the connection"));
    assert_eq!(failure, expected);
}

#[tokio::test]
async fn no_route_is_unreachable() {
    // A multicast address: the kernel has no way to make a connection to it, whatever the routes of this host.
    let nowhere: SocketAddr = "[ff02::1]:80".parse().unwrap();
    let failure = connect(nowhere).await.unwrap_err();
    assert_eq!(failure.outcome, Outcome::Bad(Reason::ConnectUnreachable), "{}", failure.said);
}

#[tokio::test]
async fn a_datagram_to_a_closed_port_is_refused_not_silent() {
    let gone = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let socket = datagram(gone).await.unwrap();
    socket.send(b"?").await.unwrap();
    let error = socket.recv(&mut [0; 8]).await.unwrap_err();
    assert_eq!(connect_failure(gone, &error).outcome, Outcome::Bad(Reason::ConnectRefused));
}

#[test]
fn errors_of_this_host_are_not_the_far_sides_fault() {
    let four: SocketAddr = "192.0.2.1:80".parse().unwrap();
    let six: SocketAddr = "[2001:db8::1]:80".parse().unwrap();
    let bad = Outcome::Bad;
    let own = Outcome::Unknown(Cause::Overloaded);
    let cases = [
        (four, 23, own),
        (four, 24, own),
        (four, 12, own),
        (four, 105, own),
        (four, 99, own),
        (six, 99, bad(Reason::ConnectUnreachable)),
        (six, 97, bad(Reason::ConnectUnreachable)),
        (four, 101, bad(Reason::ConnectUnreachable)),
        (four, 113, bad(Reason::ConnectUnreachable)),
        (four, 1, bad(Reason::ConnectUnreachable)),
        (four, 104, bad(Reason::ConnectReset)),
        (four, 110, bad(Reason::ConnectTimeout)),
        (four, 111, bad(Reason::ConnectRefused)),
    ];
    for (address, number, outcome) in cases {
        let failure = connect_failure(address, &io::Error::from_raw_os_error(number));
        assert_eq!(failure.outcome, outcome, "{number}: {}", failure.said);
        assert!(!failure.said.contains("os error"), "{}", failure.said);
    }
}
