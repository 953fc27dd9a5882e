//! Properties of the way from bytes to a judgement: whatever comes, it neither panics nor believes what is not ours.
//!
//! Packets are random, or true answers with random damage, which gets further into the decoder.
//!
//! Real servers that send such packets are in the integration tests.

use super::judge;
use super::wire::{Question, Reading};
use crate::model::{DnsServer, DnsSpec, DnsTransport, Facts, Host, Pattern, RecordRules};
use hickory_resolver::proto::op::{Message, MessageType, OpCode, Query};
use hickory_resolver::proto::rr::rdata::{A, CNAME, MX, SOA, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use proptest::prelude::*;
use std::net::Ipv4Addr;
use std::str::FromStr;

const ID: u16 = 0x4e65;

/// Offset of the first byte after the header and the question for `shop.test.`.
const AFTER_QUESTION: usize = 12 + 11 + 4;

fn name(text: &str) -> Name {
    Name::from_str(text).unwrap()
}

/// Every rule at once, for a name with every kind of record.
fn spec() -> DnsSpec {
    let pattern = Pattern::new(regex::bytes::Regex::new("^x").unwrap());
    let rules =
        RecordRules { none: vec![pattern], ttl: Some(0..=u32::MAX), ..RecordRules::default() };
    DnsSpec {
        record_type: RecordType::ANY,
        answers: rules.clone(),
        authority: rules.clone(),
        additional: rules,
        ..DnsSpec::new(DnsServer::At(Host::Ip(Ipv4Addr::LOCALHOST.into()), 53), name("shop.test."))
    }
}

/// An answer with several kinds of records and compressed names.
fn answer() -> Vec<u8> {
    let mut message = Message::new(ID, MessageType::Response, OpCode::Query);
    message.add_query(Query::query(name("shop.test."), RecordType::ANY));
    let records = [
        RData::CNAME(CNAME(name("real.shop.test."))),
        RData::A(A(Ipv4Addr::new(192, 0, 2, 7))),
        RData::MX(MX::new(10, name("mail.shop.test."))),
        RData::TXT(TXT::new(vec!["v=spf1 -all".to_owned()])),
        RData::SOA(SOA::new(name("ns.test."), name("host.test."), 1, 2, 3, 4, 5)),
    ];
    message.add_answers(
        records.into_iter().map(|data| Record::from_rdata(name("shop.test."), 60, data)),
    );
    message.to_vec().unwrap()
}

fn read(bytes: &[u8]) -> Reading {
    Question::new(&name("shop.test."), RecordType::ANY).read(ID, bytes)
}

/// Reads and judges; gives whether it was taken for an answer.
fn digest(bytes: &[u8]) -> bool {
    let Reading::Answer(message) = read(bytes) else { return false };
    let mut facts = Facts::default();
    judge::note(&message, &mut facts);
    let _ = judge::judge(&spec(), DnsTransport::Udp, &message);
    facts.dns_rcode.is_some()
}

#[test]
fn the_undamaged_answer_is_taken() {
    assert!(digest(&answer()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..Default::default() })]

    #[test]
    fn random_bytes_are_never_an_answer_without_our_id(
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let ours = bytes.first_chunk() == Some(&ID.to_be_bytes());
        prop_assert!(ours || matches!(read(&bytes), Reading::Foreign));
    }

    #[test]
    fn random_records_behind_our_question_never_panic(
        counts in any::<[u8; 3]>(),
        flags in any::<[u8; 2]>(),
        tail in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let mut bytes = answer();
        bytes.truncate(AFTER_QUESTION);
        bytes[2] = flags[0] | 0x80;
        bytes[3] = flags[1];
        for (place, count) in [7, 9, 11].into_iter().zip(counts) {
            bytes[place] = count % 4;
        }
        bytes.extend_from_slice(&tail);
        digest(&bytes);
    }

    #[test]
    fn a_damaged_answer_never_panics(
        damage in proptest::collection::vec((0_usize..200, any::<u8>()), 1..8),
        length in 0_usize..200,
    ) {
        let mut bytes = answer();
        for (place, byte) in damage {
            let place = place % bytes.len();
            bytes[place] = byte;
        }
        bytes.truncate(bytes.len().saturating_sub(length / 8));
        digest(&bytes);
    }

    #[test]
    fn another_question_is_never_taken_for_ours(place in 12..AFTER_QUESTION, byte in any::<u8>()) {
        let mut bytes = answer();
        let before = bytes[place];
        bytes[place] = byte;
        let is_name = place < AFTER_QUESTION - 4;
        let same = byte == before || (is_name && byte.eq_ignore_ascii_case(&before));
        prop_assert_eq!(matches!(read(&bytes), Reading::Answer(_)), same);
    }
}
