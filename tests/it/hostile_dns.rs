//! DNS servers that lie or send nonsense: the probe keeps its question, its deadline and its memory.
//!
//! Forged answers come before a true one, or alone until the deadline; broken packets come with the right id.
//!
//! Honest servers with unwelcome answers are in `dns`; random bytes are tried beside the decoder itself.

use crate::support::dns::{DnsServer, Question, Reply};
use crate::support::spec::{AMPLE, dns, of_dns, run};
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::rdata::A;
use hickory_resolver::proto::rr::{RData, RecordType};
use nephoscope::model::{DnsSpec, DnsTransport, Outcome, Phase, ProbeResult, Reason};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Short, for runs in which nothing comes.
const SHORT: Duration = Duration::from_millis(150);

/// For runs that are meant to be ended by it after something has come, on a busy machine too.
const LATER: Duration = Duration::from_millis(500);

fn question(server: SocketAddr) -> DnsSpec {
    dns(server, "shop.test.", RecordType::A)
}

fn address(last: u8) -> RData {
    RData::A(A(Ipv4Addr::new(192, 0, 2, last)))
}

/// The true answer.
fn honest(question: &Question) -> Message {
    question.records(60, [address(7)])
}

/// Answers to other questions: another id, another name, another type, two questions, a question instead of an answer.
fn forged(question: &Question) -> Vec<Vec<u8>> {
    let evil = question.records(60, [address(66)]);
    let mut other_id = evil.clone();
    other_id.metadata.id = evil.id.wrapping_add(1);
    let mut other_name = evil.clone();
    other_name.queries[0].set_name("evil.test.".parse().unwrap());
    let mut other_type = evil.clone();
    other_type.queries[0].set_query_type(RecordType::AAAA);
    let mut two = evil.clone();
    two.add_query(question.message.queries[0].clone());
    let echo = question.message.clone();
    [other_id, other_name, other_type, two, echo]
        .iter()
        .map(|message| message.to_vec().unwrap())
        .collect()
}

async fn ask(server: &DnsServer, transport: DnsTransport) -> ProbeResult {
    run(of_dns(DnsSpec { transport, ..question(server.address) }), AMPLE).await
}

#[tokio::test]
async fn forged_answers_before_the_true_one_are_passed_over() {
    let server = DnsServer::start(|question| {
        let mut packets = forged(question);
        packets.push(honest(question).to_vec().unwrap());
        Reply::Packets(packets)
    })
    .await;
    for transport in [DnsTransport::Udp, DnsTransport::Tcp] {
        let result = ask(&server, transport).await;
        assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
        assert!(result.said.starts_with("NOERROR, 1 answer (192.0.2.7)"), "{}", result.said);
    }
}

#[tokio::test]
async fn forged_answers_alone_are_silence_and_counted() {
    let server = DnsServer::start(|question| Reply::Packets(forged(question))).await;
    let result = run(of_dns(question(server.address)), LATER).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::ResponseTimeout));
    assert!(
        result.said.ends_with("; 5 that did not answer the question were ignored"),
        "{}",
        result.said
    );
}

#[tokio::test]
async fn an_answer_from_another_port_is_not_heard() {
    let server =
        DnsServer::start(|question| Reply::FromElsewhere(honest(question).to_vec().unwrap())).await;
    let result = run(of_dns(question(server.address)), SHORT).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::ResponseTimeout), "{}", result.said);
}

#[tokio::test]
async fn the_name_may_come_back_in_another_case() {
    let server = DnsServer::start(|question| {
        let mut answer = honest(question);
        answer.queries[0].set_name("ShOp.TeSt.".parse().unwrap());
        answer.into()
    })
    .await;
    let result = ask(&server, DnsTransport::Udp).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
}

/// Ways to break a packet that has the right id and question.
fn broken(question: &Question) -> Vec<(&'static str, Vec<u8>)> {
    let whole = honest(question).to_vec().unwrap();
    // After the question, the answer's owner is a pointer to the name at offset 12.
    let owner = 12 + "\u{4}shop\u{4}test\0".len() + 4;
    assert_eq!(whole[owner..owner + 2], [0xc0, 12], "the shape this fixture relies on");
    let change = |place: usize, bytes: &[u8]| {
        let mut packet = whole.clone();
        packet[place..place + bytes.len()].copy_from_slice(bytes);
        packet
    };
    let itself = u8::try_from(owner).unwrap();
    vec![
        ("a pointer to itself", change(owner, &[0xc0, itself])),
        ("a pointer forward", change(owner, &[0xc0, itself + 2])),
        ("an absurd count of answers", change(6, &[0xff, 0xff])),
        ("an absurd count of additional records", change(10, &[0xff, 0xff])),
        ("a record longer than the packet", change(owner + 10, &[0xff, 0xff])),
        ("a record shorter than its type", change(owner + 10, &[0, 1])),
        ("an end within the answer", whole[..whole.len() - 3].to_vec()),
        ("an end within the header", whole[..7].to_vec()),
        ("nothing but the id", whole[..2].to_vec()),
    ]
}

#[tokio::test]
async fn a_broken_answer_is_a_fault_of_protocol_over_both_transports() {
    let next = Arc::new(Mutex::new(0));
    let turn = Arc::clone(&next);
    let server = DnsServer::start(move |question| {
        let packets = broken(question);
        let (_, packet) = &packets[*turn.lock().unwrap()];
        Reply::Packets(vec![packet.clone()])
    })
    .await;
    let cases = 9;
    for case in 0..cases {
        *next.lock().unwrap() = case;
        for transport in [DnsTransport::Udp, DnsTransport::Tcp] {
            let result = ask(&server, transport).await;
            let seen = (result.outcome, result.phase);
            assert_eq!(
                seen,
                (Outcome::Bad(Reason::Protocol), Phase::Processing),
                "case {case} over {transport}: {}",
                result.said
            );
            assert!(result.said.starts_with("the answer cannot be read: "), "{}", result.said);
        }
    }
}

#[tokio::test]
async fn an_endless_stream_of_foreign_answers_ends_at_the_deadline() {
    let server = DnsServer::start(|question| {
        let packets = forged(question);
        Reply::Packets(packets.iter().cycle().take(100_000).cloned().collect())
    })
    .await;
    let spec = DnsSpec { transport: DnsTransport::Tcp, ..question(server.address) };
    let result = run(of_dns(spec), Duration::from_millis(400)).await;
    assert!(result.outcome != Outcome::Good);
    assert!(result.latency < Duration::from_secs(5), "{:?}", result.latency);
}

#[tokio::test]
async fn a_datagram_longer_than_allowed_is_not_taken_for_an_answer() {
    let server = DnsServer::start(|question| {
        question.records(60, (0..=250).cycle().take(600).map(address)).into()
    })
    .await;
    let result = ask(&server, DnsTransport::Udp).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::Protocol), "{}", result.said);
}

#[tokio::test]
async fn an_answer_that_comes_byte_by_byte_is_still_an_answer() {
    let drips = |question: &Question| Reply::Drip(honest(question).to_vec().unwrap());
    let server = DnsServer::start(drips).await;
    let result = ask(&server, DnsTransport::Tcp).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);

    // A message that is announced as long as can be, and never ends.
    let server = DnsServer::start(|_| Reply::Bytes(vec![0xff, 0xff, 1])).await;
    let spec = DnsSpec { transport: DnsTransport::Tcp, ..question(server.address) };
    let result = run(of_dns(spec), LATER).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::BodyTimeout), "{}", result.said);
}

#[tokio::test]
async fn a_message_of_thousands_of_records_is_not_decoded() {
    let server = DnsServer::start(|question| {
        question.records(60, (0..=250).cycle().take(600).map(address)).into()
    })
    .await;
    let result = ask(&server, DnsTransport::Tcp).await;
    assert_eq!(result.outcome, Outcome::Bad(Reason::Protocol));
    let said = "the answer cannot be read: it claims to have 600 records, at most 512 are read";
    assert_eq!(result.said, said);

    let server = DnsServer::start(|question| {
        question.records(60, (0..=250).cycle().take(512).map(address)).into()
    })
    .await;
    let result = ask(&server, DnsTransport::Tcp).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
}
