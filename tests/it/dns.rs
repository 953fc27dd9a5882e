//! DNS probes against a real server on the loopback: each reason an answer, or its absence, can give.
//!
//! The server follows scripts; what it is asked is looked at, too.
//!
//! Servers that lie or send nonsense are in `hostile_dns`.

use crate::support::dns::{DnsServer, Question, Reply};
use crate::support::spec::{AMPLE, dns, engine, engine_asking, of_dns, pattern, prober, run};
use crate::support::tcp::DeafServer;
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, CNAME, MX, SOA, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use nephoscope::model::{
    Cause, DnsServer as Asked, DnsSpec, DnsTransport, Facts, FlagRules, Host, Outcome, Phase,
    ProbeResult, Reason, RecordRules, Truncated,
};
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;
use tokio::net::{TcpListener, UdpSocket};

/// Short, for runs in which nothing comes.
const SHORT: Duration = Duration::from_millis(150);

/// For runs that are meant to be ended by it after something has come, on a busy machine too.
const LATER: Duration = Duration::from_millis(500);

fn name(text: &str) -> Name {
    Name::from_str(text).unwrap()
}

fn a(last: u8) -> RData {
    RData::A(A(Ipv4Addr::new(192, 0, 2, last)))
}

fn question(server: SocketAddr) -> DnsSpec {
    dns(server, "shop.test.", RecordType::A)
}

fn phases(result: &ProbeResult) -> Vec<Phase> {
    result.phases.iter().map(|(phase, _, _)| phase).collect()
}

/// A sentence without the time at its end.
fn timeless(said: &str) -> &str {
    said.split(" in ").next().unwrap()
}

async fn answering(answer: impl Fn(&Question) -> Message + Send + Sync + 'static) -> DnsServer {
    DnsServer::start(move |question| answer(question).into()).await
}

async fn ask(spec: DnsSpec) -> ProbeResult {
    run(of_dns(spec), AMPLE).await
}

#[tokio::test]
async fn a_good_answer_is_described_with_its_facts() {
    let server = answering(|question| {
        let mut answer = question.records(60, [a(7), a(8)]);
        answer.metadata.authoritative = true;
        answer.add_authority(Record::from_rdata(
            name("test."),
            60,
            RData::SOA(SOA::new(name("ns.test."), name("host.test."), 20_261_122, 1, 2, 3, 4)),
        ));
        answer
    })
    .await;
    let result = ask(question(server.address)).await;
    let facts = Facts {
        dns_rcode: Some("NOERROR".to_owned()),
        dns_answers: Some(2),
        dns_authority: Some(1),
        dns_additional: Some(0),
        dns_flags: Some("qr aa rd".to_owned()),
        dns_serial: Some(20_261_122),
        ..Facts::default()
    };
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    assert_eq!(timeless(&result.said), "NOERROR, 2 answers (192.0.2.7, 192.0.2.8)");
    assert_eq!((result.facts, result.address, result.hops.len()), (facts, Some(server.address), 0));
}

#[tokio::test]
async fn the_question_asks_as_dig_does() {
    let server = answering(|question| question.records(60, [a(7)])).await;
    for _ in 0..4 {
        ask(question(server.address)).await;
    }
    let asked = server.asked();
    let message = &asked[0].message;
    let edns = message.edns.as_ref().unwrap();
    assert_eq!(
        (message.recursion_desired, message.authentic_data, edns.max_payload()),
        (true, true, 1232)
    );
    let query = &message.queries[0];
    assert_eq!((query.name(), query.query_type()), (&name("shop.test."), RecordType::A));
    let ids: BTreeSet<_> = asked.iter().map(|each| each.message.id).collect();
    assert!(ids.len() > 1, "four equal random ids come once in 2^48 runs");
}

#[tokio::test]
async fn udp_is_all_processing_and_tcp_connects_first() {
    let server = answering(|question| question.records(60, [a(7)])).await;
    let udp = ask(question(server.address)).await;
    let tcp = ask(DnsSpec { transport: DnsTransport::Tcp, ..question(server.address) }).await;
    assert_eq!((udp.outcome, tcp.outcome), (Outcome::Good, Outcome::Good), "{}", tcp.said);
    assert_eq!(phases(&udp), [Phase::Processing]);
    assert_eq!(phases(&tcp), [Phase::Connect, Phase::Processing]);
    let transports: Vec<_> = server.asked().iter().map(|asked| asked.tcp).collect();
    assert_eq!(transports, [false, true]);
}

#[tokio::test]
async fn the_response_code_must_be_one_of_those_wanted() {
    let server = answering(|question| question.code(ResponseCode::NXDomain)).await;
    let unwanted = ask(question(server.address)).await;
    let wanted = ask(DnsSpec {
        rcodes: vec![ResponseCode::NoError, ResponseCode::NXDomain],
        ..question(server.address)
    })
    .await;
    assert_eq!(unwanted.outcome, Outcome::Bad(Reason::Rcode));
    assert_eq!(unwanted.said, "answered NXDOMAIN, expected NOERROR");
    assert_eq!(unwanted.facts.dns_rcode.as_deref(), Some("NXDOMAIN"));
    assert_eq!(wanted.outcome, Outcome::Good);
    assert_eq!(timeless(&wanted.said), "NXDOMAIN, no answers");
}

#[tokio::test]
async fn a_complaint_without_the_question_is_still_an_answer() {
    let server = answering(|question| {
        let mut answer = question.code(ResponseCode::FormErr);
        answer.queries.clear();
        answer
    })
    .await;
    let result = ask(question(server.address)).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::Rcode), "{}", result.said);
    assert_eq!(result.said, "answered FORMERR, expected NOERROR");
}

#[tokio::test]
async fn flags_must_be_as_wanted() {
    let server = answering(|question| {
        let mut answer = question.records(60, [a(7)]);
        answer.metadata.recursion_available = true;
        answer
    })
    .await;
    let flags = |aa, ad, ra| DnsSpec {
        flags: FlagRules { aa, ad, ra, ..FlagRules::default() },
        ..question(server.address)
    };
    let fits = ask(flags(Some(false), None, Some(true))).await;
    let authority = ask(flags(Some(true), None, None)).await;
    let recursion = ask(flags(None, Some(false), Some(false))).await;
    assert_eq!(fits.outcome, Outcome::Good, "{}", fits.said);
    assert_eq!(authority.outcome, Outcome::Bad(Reason::Flags));
    assert_eq!(authority.said, "flag `aa` is not set, expected set; flags: qr rd ra");
    assert_eq!(recursion.said, "flag `ra` is set, expected not set; flags: qr rd ra");
}

/// An alias and two addresses, living a minute.
fn aliased(question: &Question) -> Message {
    let mut answer = question.response();
    let asked = question.message.queries[0].name().clone();
    let alias = name("shop.cdn.test.");
    answer.add_answer(Record::from_rdata(asked, 60, RData::CNAME(CNAME(alias.clone()))));
    answer.add_answer(Record::from_rdata(alias.clone(), 60, a(7)));
    answer.add_answer(Record::from_rdata(alias, 60, a(8)));
    answer
}

#[tokio::test]
async fn rules_on_records_see_those_of_the_type_asked_for() {
    let server = answering(aliased).await;
    let ours = vec![pattern(r"^192\.0\.2\.")];
    let rules = [
        RecordRules { all: ours.clone(), ..RecordRules::default() },
        RecordRules { any: vec![pattern(r"\.8$")], ..RecordRules::default() },
        RecordRules { none: vec![pattern(r"^198\.")], ..RecordRules::default() },
        RecordRules {
            exact: Some(vec!["192.0.2.8".to_owned(), "192.0.2.7".to_owned()]),
            ..RecordRules::default()
        },
        RecordRules { count: Some(2..=2), ttl: Some(30..=3600), ..RecordRules::default() },
    ];
    for answers in rules {
        let result = ask(DnsSpec { answers, ..question(server.address) }).await;
        assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    }
}

#[tokio::test]
async fn a_record_that_breaks_a_rule_is_named_with_the_rule() {
    let server = answering(aliased).await;
    let exact = |records: &[&str]| RecordRules {
        exact: Some(records.iter().map(|&record| record.to_owned()).collect()),
        ..RecordRules::default()
    };
    let cases = [
        (
            RecordRules { all: vec![pattern(r"\.7$"), pattern("^x")], ..RecordRules::default() },
            r"record `192.0.2.8` matches none of `\.7$` or `^x` (all)",
        ),
        (
            RecordRules { any: vec![pattern("^198")], ..RecordRules::default() },
            "2 answers (192.0.2.7, 192.0.2.8), none matches `^198` (any)",
        ),
        (
            RecordRules { none: vec![pattern(r"\.8$")], ..RecordRules::default() },
            r"record `192.0.2.8` matches `\.8$` (none)",
        ),
        (
            RecordRules { count: Some(3..=u32::MAX), ..RecordRules::default() },
            "2 answers (192.0.2.7, 192.0.2.8), expected at least 3 (count)",
        ),
        (
            RecordRules { count: Some(0..=1), ..RecordRules::default() },
            "2 answers (192.0.2.7, 192.0.2.8), expected 0 to 1 (count)",
        ),
        (
            RecordRules { ttl: Some(300..=3600), ..RecordRules::default() },
            "record `192.0.2.7` lives 60s, expected 300 to 3600s (ttl)",
        ),
        (exact(&["192.0.2.7"]), "record `192.0.2.8` is not among those of `exact`"),
        (
            exact(&["192.0.2.7", "192.0.2.8", "192.0.2.9"]),
            "record `192.0.2.9` of `exact` is missing",
        ),
    ];
    for (answers, said) in cases {
        let result = ask(DnsSpec { answers, ..question(server.address) }).await;
        assert_eq!((result.outcome, result.said.as_str()), (Outcome::Bad(Reason::Answer), said));
    }
}

#[tokio::test]
async fn a_rule_that_needs_a_record_fails_without_one() {
    let server = answering(Question::response).await;
    let needing = [
        RecordRules { all: vec![pattern("")], ..RecordRules::default() },
        RecordRules { any: vec![pattern("")], ..RecordRules::default() },
        RecordRules { ttl: Some(0..=u32::MAX), ..RecordRules::default() },
    ];
    for answers in needing {
        let result = ask(DnsSpec { answers, ..question(server.address) }).await;
        let said = "no A record in the answer, expected at least one";
        assert_eq!((result.outcome, result.said.as_str()), (Outcome::Bad(Reason::Answer), said));
    }
    let none = RecordRules { none: vec![pattern("")], ..RecordRules::default() };
    let result = ask(DnsSpec { answers: none, ..question(server.address) }).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
}

#[tokio::test]
async fn records_are_written_as_zone_files_write_them() {
    let server = answering(|question| {
        let data = if question.message.queries[0].query_type() == RecordType::MX {
            RData::MX(MX::new(10, name("mail.test.")))
        } else {
            RData::TXT(TXT::new(vec!["v=spf1 ".to_owned(), "-all".to_owned()]))
        };
        question.records(60, [data])
    })
    .await;
    let exactly = |record_type, record: &str| DnsSpec {
        answers: RecordRules { exact: Some(vec![record.to_owned()]), ..RecordRules::default() },
        ..dns(server.address, "shop.test.", record_type)
    };
    let mail = ask(exactly(RecordType::MX, "10 mail.test.")).await;
    let text = ask(exactly(RecordType::TXT, r#""v=spf1 " "-all""#)).await;
    assert_eq!((mail.outcome, text.outcome), (Outcome::Good, Outcome::Good), "{}", text.said);
}

fn truncated_over_udp(question: &Question) -> Message {
    let mut answer = question.records(60, [a(7)]);
    answer.metadata.truncation = !question.tcp;
    answer
}

#[tokio::test]
async fn truncation_comes_before_every_other_judgement() {
    let server = answering(|question| {
        let mut answer = question.code(ResponseCode::ServFail);
        answer.metadata.truncation = true;
        answer
    })
    .await;
    let udp = ask(question(server.address)).await;
    let tcp = ask(DnsSpec { transport: DnsTransport::Tcp, ..question(server.address) }).await;
    assert_eq!(udp.outcome, Outcome::Bad(Reason::Truncated));
    assert_eq!(
        udp.said,
        "the answer over udp is truncated; with `truncated = \"tcp\"` it is asked for again over tcp"
    );
    assert_eq!(udp.facts.dns_flags.as_deref(), Some("qr tc rd"));
    assert_eq!(tcp.said, "the answer over tcp is truncated");
}

#[tokio::test]
async fn a_truncated_answer_may_be_asked_for_again_over_tcp() {
    let server = answering(truncated_over_udp).await;
    let result = ask(DnsSpec { truncated: Truncated::Tcp, ..question(server.address) }).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    assert!(
        result.said.ends_with(", truncated over udp and asked for again over tcp"),
        "{}",
        result.said
    );
    assert_eq!(phases(&result), [Phase::Connect, Phase::Processing]);
    let hops: Vec<_> = result.hops.iter().map(|hop| (hop.target.clone(), hop.address)).collect();
    let at = server.address;
    let expected = ["udp", "tcp"].map(|word| (format!("{at} over {word}"), Some(at)));
    assert_eq!(hops, expected);
    let transports: Vec<_> = server.asked().iter().map(|asked| asked.tcp).collect();
    assert_eq!(transports, [false, true]);
}

#[tokio::test]
async fn silence_is_a_response_timeout() {
    let server = DnsServer::start(|_| Reply::Silence).await;
    let result = run(of_dns(question(server.address)), SHORT).await;
    assert_eq!(
        (result.outcome, result.phase, server.asked().len()),
        (Outcome::Bad(Reason::ResponseTimeout), Phase::Processing, 1)
    );
    assert!(result.said.starts_with("no response within "), "{}", result.said);
}

#[tokio::test]
async fn a_closed_port_refuses_over_both_transports() {
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let datagram = ask(question(udp)).await;
    let stream = ask(DnsSpec { transport: DnsTransport::Tcp, ..question(tcp) }).await;
    let refused = Outcome::Bad(Reason::ConnectRefused);
    assert_eq!((datagram.outcome, stream.outcome), (refused, refused));
    assert_eq!(datagram.said, format!("nothing listens on {udp} (udp)"));
    assert_eq!(stream.said, format!("{tcp} refused the connection"));
}

#[tokio::test]
async fn an_address_without_a_route_is_unreachable() {
    let nowhere = "[ff02::1]:53".parse().unwrap();
    let result = ask(DnsSpec { transport: DnsTransport::Tcp, ..question(nowhere) }).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::ConnectUnreachable), "{}", result.said);
}

#[tokio::test]
async fn a_tcp_server_that_does_not_hear_times_out_in_connect() {
    let server = DeafServer::start().await;
    let spec = DnsSpec { transport: DnsTransport::Tcp, ..question(server.address) };
    let result = run(of_dns(spec), SHORT).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::ConnectTimeout), "{}", result.said);
}

#[tokio::test]
async fn an_answer_over_tcp_that_stalls_or_ends_early_is_told_apart() {
    let stalls = DnsServer::start(|_| Reply::Bytes(vec![0, 40, 1, 2, 3])).await;
    let leaves = DnsServer::start(|_| Reply::Close).await;
    let over_tcp = |server| of_dns(DnsSpec { transport: DnsTransport::Tcp, ..question(server) });
    let stalled = run(over_tcp(stalls.address), LATER).await;
    let left = run(over_tcp(leaves.address), AMPLE).await;
    assert_eq!(
        (stalled.outcome, stalled.phase),
        (Outcome::Bad(Reason::BodyTimeout), Phase::Transfer)
    );
    let said = format!("{} closed the connection without an answer", leaves.address);
    assert_eq!((left.outcome, left.said), (Outcome::Bad(Reason::Reset), said));
}

#[tokio::test]
async fn a_server_given_by_name_is_resolved_first() {
    let server = answering(|question| question.records(60, [a(7)])).await;
    let at = Asked::At(Host::Name("localhost".into()), server.address.port());
    let result = ask(DnsSpec { server: at, ..question(server.address) }).await;
    assert_eq!(phases(&result), [Phase::Resolve, Phase::Processing], "{}", result.said);
}

#[tokio::test]
async fn one_prober_asks_again_each_time() {
    let server = answering(|question| question.records(60, [a(7)])).await;
    let prober = prober(of_dns(question(server.address)), &engine());
    for _ in 0..5 {
        assert_eq!(prober.probe(AMPLE).await.outcome, Outcome::Good);
    }
    assert_eq!(server.asked().len(), 5);
}

#[tokio::test]
async fn the_system_server_is_the_first_of_the_configuration() {
    let first = answering(|question| question.records(60, [a(7)])).await;
    let second = answering(|question| question.code(ResponseCode::ServFail)).await;
    let spec = DnsSpec { server: Asked::System, ..question(first.address) };
    let engine = engine_asking(&[first.address, second.address]);
    let result = prober(of_dns(spec.clone()), &engine).probe(AMPLE).await;
    assert_eq!((result.outcome, result.address), (Outcome::Good, Some(first.address)));

    let nobody = prober(of_dns(spec), &engine_asking(&[])).probe(AMPLE).await;
    assert_eq!(nobody.outcome, Outcome::Unknown(Cause::ResolverOffline), "{}", nobody.said);
}
