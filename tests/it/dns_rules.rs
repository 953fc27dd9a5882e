//! What a DNS question says beside its name, and the rules on what comes back beyond plain answers.
//!
//! Types and classes by number, flags, EDNS with its options, the authority and additional sections: each with the side on
//! which the rule fails. The server follows scripts; what it is asked is looked at, too.
//!
//! How names, codes and transports behave is in `dns`.

use crate::support::dns::{DnsServer, Question};
use crate::support::spec::{AMPLE, dns, of_dns, pattern, run};
use hickory_resolver::proto::op::{Edns, Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_resolver::proto::rr::rdata::{A, CNAME, NS, NULL, TXT};
use hickory_resolver::proto::rr::{DNSClass, Name, RData, Record, RecordType};
use nephoscope::model::{
    Asking, DnsSpec, FlagRules, Network, Outcome, ProbeResult, Reason, RecordRules, Truncated,
    type_of,
};
use std::net::{Ipv4Addr, SocketAddr};

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn a(last: u8) -> RData {
    RData::A(A(Ipv4Addr::new(192, 0, 2, last)))
}

fn question(server: SocketAddr) -> DnsSpec {
    dns(server, "shop.test.", RecordType::A)
}

async fn answering(answer: impl Fn(&Question) -> Message + Send + Sync + 'static) -> DnsServer {
    DnsServer::start(move |question| answer(question).into()).await
}

async fn ask(spec: DnsSpec) -> ProbeResult {
    run(of_dns(spec), AMPLE).await
}

fn bad(reason: Reason) -> Outcome {
    Outcome::Bad(reason)
}

#[tokio::test]
async fn a_type_without_a_name_is_asked_for_by_number_and_written_as_such() {
    let private = type_of("TYPE65280").unwrap();
    let server = answering(move |question| {
        let rdata = NULL::with(vec![0xab, 0xcd]);
        question.records(60, [RData::Unknown { code: private, rdata }])
    })
    .await;
    let exactly = |text: &str| DnsSpec {
        answers: RecordRules { exact: Some(vec![text.to_owned()]), ..RecordRules::default() },
        ..dns(server.address, "shop.test.", private)
    };
    let right = ask(exactly("\\# 2 ABCD")).await;
    let wrong = ask(exactly("\\# 2 ABCE")).await;
    assert_eq!(right.outcome, Outcome::Good, "{}", right.said);
    assert_eq!(wrong.outcome, bad(Reason::Answer));
    assert_eq!(wrong.said, "record `\\# 2 ABCD` is not among those of `exact`");
    assert_eq!(u16::from(server.asked()[0].message.queries[0].query_type()), 65280);
}

#[tokio::test]
async fn the_class_is_asked_for_and_an_answer_of_another_class_is_none_of_ours() {
    let server = answering(|question| {
        let version = RData::TXT(TXT::new(vec!["knot 3".to_owned()]));
        let mut answer = question.records(0, [version]);
        // To the third question it answers for the class of the Internet.
        if question.message.queries[0].name() == &name("lies.bind.") {
            answer.queries[0].set_query_class(DNSClass::IN);
        }
        answer
    })
    .await;
    let of_class = |query: &str, class| DnsSpec {
        class,
        answers: RecordRules { any: vec![pattern("^\"knot ")], ..RecordRules::default() },
        ..dns(server.address, query, RecordType::TXT)
    };
    let chaos = ask(of_class("version.bind.", DNSClass::CH)).await;
    let hesiod = ask(of_class("version.bind.", DNSClass::HS)).await;
    assert_eq!((chaos.outcome, hesiod.outcome), (Outcome::Good, Outcome::Good), "{}", chaos.said);
    let spec = of_class("lies.bind.", DNSClass::CH);
    let lied = run(of_dns(spec), std::time::Duration::from_millis(300)).await;
    assert_eq!(lied.outcome, bad(Reason::ResponseTimeout), "{}", lied.said);
    assert!(
        lied.said.ends_with("1 that did not answer the question were ignored"),
        "{}",
        lied.said
    );
    let classes: Vec<_> =
        server.asked().iter().map(|asked| asked.message.queries[0].query_class()).collect();
    assert_eq!(classes, [DNSClass::CH, DNSClass::HS, DNSClass::CH]);
}

#[tokio::test]
async fn what_a_question_says_is_on_the_wire() {
    let server = answering(|question| question.records(60, [a(7)])).await;
    let subnet = Network { address: "198.51.100.0".parse().unwrap(), prefix: 24 };
    let asking = Asking {
        recursion: false,
        checking_disabled: true,
        edns: Some(4096),
        dnssec: true,
        client_subnet: Some(subnet),
    };
    let everything = ask(DnsSpec { asking, ..question(server.address) }).await;
    let plain = Asking { edns: None, ..Asking::default() };
    let nothing = ask(DnsSpec { asking: plain, ..question(server.address) }).await;
    assert_eq!((everything.outcome, nothing.outcome), (Outcome::Good, Outcome::Good));
    let asked = server.asked();
    let message = &asked[0].message;
    let edns = message.edns.as_ref().unwrap();
    assert_eq!((message.recursion_desired, message.checking_disabled), (false, true));
    assert_eq!((edns.max_payload(), edns.flags().dnssec_ok), (4096, true));
    let Some(EdnsOption::Subnet(sent)) = edns.option(EdnsCode::Subnet) else { panic!("{edns:?}") };
    assert_eq!((sent.addr(), sent.source_prefix(), sent.scope_prefix()), (subnet.address, 24, 0));
    let message = &asked[1].message;
    assert_eq!((message.recursion_desired, message.checking_disabled), (true, false));
    assert_eq!(message.edns, None);
}

#[tokio::test]
async fn the_repeated_flags_and_truncation_have_rules_too() {
    let server = answering(|question| {
        let mut answer = question.records(60, [a(7)]);
        answer.metadata.truncation = true;
        answer.metadata.checking_disabled = true;
        answer
    })
    .await;
    let flags = |flags| DnsSpec { flags, truncated: Truncated::Accept, ..question(server.address) };
    let any = FlagRules::default();
    let fits =
        ask(flags(FlagRules { tc: Some(true), rd: Some(true), cd: Some(true), ..any })).await;
    assert_eq!(fits.outcome, Outcome::Good, "{}", fits.said);
    let cases = [
        (FlagRules { tc: Some(false), ..any }, "flag `tc` is set, expected not set"),
        (FlagRules { rd: Some(false), ..any }, "flag `rd` is set, expected not set"),
        (FlagRules { cd: Some(false), ..any }, "flag `cd` is set, expected not set"),
        (FlagRules { ad: Some(true), ..any }, "flag `ad` is not set, expected set"),
    ];
    for (rules, said) in cases {
        let result = ask(flags(rules)).await;
        assert_eq!(result.outcome, bad(Reason::Flags));
        assert_eq!(result.said, format!("{said}; flags: qr tc rd cd"));
    }
}

#[tokio::test]
async fn a_truncated_answer_may_be_judged_as_it_came() {
    let server = answering(|question| {
        let mut answer = question.records(60, [a(7)]);
        answer.metadata.truncation = true;
        answer
    })
    .await;
    let counted = |count| DnsSpec {
        truncated: Truncated::Accept,
        answers: RecordRules { count: Some(count), ..RecordRules::default() },
        ..question(server.address)
    };
    let enough = ask(counted(1..=1)).await;
    let short = ask(counted(2..=2)).await;
    assert_eq!(enough.outcome, Outcome::Good, "{}", enough.said);
    assert_eq!(short.outcome, bad(Reason::Answer));
    assert_eq!(server.asked().len(), 2, "nothing is asked again");
}

/// A delegation: two servers in the authority section, the address of one beside them.
fn delegation(question: &Question) -> Message {
    let mut answer = question.response();
    for server in ["ns1.test.", "ns2.test."] {
        let data = RData::NS(NS(name(server)));
        answer.add_authority(Record::from_rdata(name("shop.test."), 3600, data));
    }
    answer.add_additional(Record::from_rdata(name("ns1.test."), 300, a(53)));
    let text = RData::TXT(TXT::new(vec!["hello".to_owned()]));
    answer.add_additional(Record::from_rdata(name("ns1.test."), 300, text));
    answer
}

#[tokio::test]
async fn the_other_sections_have_the_same_rules() {
    let server = answering(delegation).await;
    let exactly = |records: &[&str]| RecordRules {
        exact: Some(records.iter().map(|&record| record.to_owned()).collect()),
        ..RecordRules::default()
    };
    let any = |text: &str| RecordRules { any: vec![pattern(text)], ..RecordRules::default() };
    let fits = DnsSpec {
        authority: exactly(&["ns2.test.", "ns1.test."]),
        additional: any(r"^192\.0\.2\.53$"),
        ..question(server.address)
    };
    let result = ask(fits.clone()).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    let ttl = RecordRules { ttl: Some(0..=299), ..RecordRules::default() };
    let none = RecordRules { none: vec![pattern("^ns2")], ..RecordRules::default() };
    let all = RecordRules { all: vec![pattern(r"^192\.")], ..RecordRules::default() };
    let three = RecordRules { count: Some(3..=3), ..RecordRules::default() };
    let plain = question(server.address);
    let cases = [
        (
            DnsSpec { authority: exactly(&["ns1.test."]), ..plain.clone() },
            "authority record `ns2.test.` is not among those of `exact`",
        ),
        (
            DnsSpec { authority: none, ..plain.clone() },
            "authority record `ns2.test.` matches `^ns2` (none)",
        ),
        (
            DnsSpec { authority: three, ..plain.clone() },
            "2 authority records (ns1.test., ns2.test.), expected 3 (count)",
        ),
        (
            DnsSpec { additional: any("^198"), ..plain.clone() },
            "2 additional records (192.0.2.53, \"hello\"), none matches `^198` (any)",
        ),
        (
            DnsSpec { additional: all, ..plain.clone() },
            "additional record `\"hello\"` matches none of `^192\\.` (all)",
        ),
        (
            DnsSpec { additional: ttl, ..plain },
            "additional record `192.0.2.53` lives 300s, expected 0 to 299s (ttl)",
        ),
    ];
    for (spec, said) in cases {
        let result = ask(spec).await;
        assert_eq!((result.outcome, result.said.as_str()), (bad(Reason::Answer), said));
    }
}

#[tokio::test]
async fn a_rule_may_name_the_type_it_looks_at() {
    let server = answering(|question| {
        let mut answer = delegation(question);
        let alias = name("shop.cdn.test.");
        let asked = question.message.queries[0].name().clone();
        answer.add_answer(Record::from_rdata(asked, 60, RData::CNAME(CNAME(alias.clone()))));
        answer.add_answer(Record::from_rdata(alias, 60, a(7)));
        answer
    })
    .await;
    let of_type = |record_type, text: &str| RecordRules {
        record_type: Some(record_type),
        all: vec![pattern(text)],
        ..RecordRules::default()
    };
    let fits = DnsSpec {
        answers: of_type(RecordType::CNAME, r"\.cdn\.test\.$"),
        additional: of_type(RecordType::A, r"^192\."),
        ..question(server.address)
    };
    let result = ask(fits).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    let missing =
        DnsSpec { additional: of_type(RecordType::AAAA, "^2001:"), ..question(server.address) };
    let result = ask(missing).await;
    assert_eq!(result.said, "no AAAA additional record, expected at least one");
    let unlike = DnsSpec { answers: of_type(RecordType::CNAME, "^x"), ..question(server.address) };
    let result = ask(unlike).await;
    assert_eq!(result.said, "record `shop.cdn.test.` matches none of `^x` (all)");
}

#[tokio::test]
async fn signatures_are_not_counted_unless_they_are_asked_for() {
    let signature = RData::Unknown { code: RecordType::RRSIG, rdata: NULL::with(vec![0; 24]) };
    let server = answering(move |question| {
        let mut answer = question.records(60, [a(7), signature.clone()]);
        let owner = question.message.queries[0].name().clone();
        answer.add_authority(Record::from_rdata(owner, 60, signature.clone()));
        answer
    })
    .await;
    let one = RecordRules { count: Some(1..=1), ..RecordRules::default() };
    let none = RecordRules { count: Some(0..=0), ..RecordRules::default() };
    let asking = Asking { dnssec: true, ..Asking::default() };
    let plain = DnsSpec { asking, ..question(server.address) };
    let unsigned = DnsSpec { answers: one.clone(), authority: none, ..plain.clone() };
    let result = ask(unsigned).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
    let signed = RecordRules { record_type: Some(RecordType::RRSIG), ..one };
    let result = ask(DnsSpec { answers: signed, ..plain }).await;
    assert_eq!(result.outcome, Outcome::Good, "{}", result.said);
}

#[tokio::test]
async fn an_extended_error_explains_the_response_code() {
    let server = answering(|question| {
        let mut answer = question.code(ResponseCode::ServFail);
        let mut edns = Edns::new();
        let mut bytes = vec![0, 7];
        bytes.extend_from_slice(b"since\nMonday");
        edns.options_mut().insert(EdnsOption::Unknown(15, bytes));
        answer.set_edns(edns);
        answer
    })
    .await;
    let result = ask(question(server.address)).await;
    assert_eq!(result.outcome, bad(Reason::Rcode));
    let said = "answered SERVFAIL (Signature Expired: since\u{fffd}Monday), expected NOERROR";
    assert_eq!(result.said, said);
}

#[tokio::test]
async fn a_refusal_is_told_from_silence() {
    let server = answering(|question| question.code(ResponseCode::Refused)).await;
    let result = ask(question(server.address)).await;
    assert_eq!(result.outcome, bad(Reason::Rcode));
    assert_eq!(result.said, "answered REFUSED, expected NOERROR");
    assert_eq!(result.facts.dns_rcode.as_deref(), Some("REFUSED"));
}
