//! Data of every form against what zone files have, and what does not follow its form.
//!
//! Expected texts are those of `dig +nosplit` and of the examples in the RFCs.
//!
//! How rules look at the text is tested with the judgement.

use super::*;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::proto::rr::rdata::{CAA, MX, SOA, TXT};
use proptest::prelude::*;

fn of(number: u16, bytes: &[u8]) -> String {
    written(RecordType::from(number), bytes)
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

/// Bytes from hexadecimal with blanks.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|each| each.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

#[test]
fn what_hickory_knows_is_written_by_our_forms() {
    let soa = SOA::new(name("ns.test."), name("host\\.master.test."), 2_026_112_301, 2, 3, 4, 5);
    assert_eq!(text_of(&RData::SOA(soa)), "ns.test. host\\.master.test. 2026112301 2 3 4 5");
    assert_eq!(text_of(&RData::MX(MX::new(0, Name::root()))), "0 .");
    let text = TXT::new(vec!["v=spf1 \"a\\b\" ".to_owned(), "-all".to_owned(), String::new()]);
    assert_eq!(text_of(&RData::TXT(text)), r#""v=spf1 \"a\\b\" " "-all" """#);
    let caa = CAA::new_issue(true, Some(name("ca.example.")), Vec::new());
    assert_eq!(text_of(&RData::CAA(caa)), r#"128 issue "ca.example.""#);
    let idn = MX::new(5, name("xn--bcher-kva.example."));
    assert_eq!(text_of(&RData::MX(idn)), "5 xn--bcher-kva.example.");
    assert_eq!(text_of(&RData::Update0(RecordType::A)), "\\# 0");
}

#[test]
fn types_of_dnssec_are_written_out() {
    // RFC 4034, 5.4.
    let digest = "2BB183AF5F22588179A53B0A98631FAD1A292118";
    let ds = hex(&format!("EC45 05 01 {digest}"));
    assert_eq!(of(43, &ds), format!("60485 5 1 {digest}"));
    assert_eq!(of(48, &hex("0101 03 0D 010203")), "257 3 13 AQID");
    let signature = hex("0001 08 02 00015180 67748580 67748580 0A41 04 74657374 00 FFEE");
    assert_eq!(of(46, &signature), "A 8 2 86400 20250101000000 20250101000000 2625 test. /+4=");
    // RFC 4034, 4.3: A MX RRSIG NSEC TYPE1234.
    let mut nsec = hex("04 686f7374 00 0006 400100000003 041b");
    nsec.extend([0; 26]);
    nsec.push(0x20);
    assert_eq!(of(47, &nsec), "host. A MX RRSIG NSEC TYPE1234");
    assert_eq!(of(51, &hex("01 00 000C 04 AABBCCDD")), "1 0 12 AABBCCDD");
    let next = "d6 3f 3a 0c 8a 3d 76 9c 1e c6 35 00 10 83 87 01 45 f7 10 be";
    let nsec3 = hex(&format!("01 00 0000 00 14 {next} 0001 40"));
    assert_eq!(of(50, &nsec3), "1 0 0 - QOVJK34A7LR9O7M66K0110S7052VE45U A");
}

#[test]
fn services_are_written_as_dig_does() {
    let svcb = hex("0001 00 0001 0006 02683202 6833 0002 0000 0003 0002 20FB 0004 0004 C0000207");
    assert_eq!(of(65, &svcb), r#"1 . alpn="h2,h3" no-default-alpn port=8443 ipv4hint=192.0.2.7"#);
    let more =
        hex("0001 00 0000 0002 0001 0006 0010 20010db8000000000000000000000053 029B 0002 4122");
    assert_eq!(of(64, &more), r#"1 . mandatory=alpn ipv6hint=2001:db8::53 key667="A\"""#);
    assert_eq!(of(64, &hex("0000 0474657374 00")), "0 test.");
}

#[test]
fn further_types_have_their_forms() {
    assert_eq!(of(256, &hex("000A 0001 6674703A2F2F78")), r#"10 1 "ftp://x""#);
    assert_eq!(of(108, &hex("00005E0053 2A")), "00-00-5e-00-53-2a");
    assert_eq!(of(52, &hex("03 01 01 ABCD")), "3 1 1 ABCD");
    assert_eq!(of(13, &hex("03 435055 02 4F53")), r#""CPU" "OS""#);
    assert_eq!(of(62, &hex("00000042 0003 0001 40")), "66 3 A");
    assert_eq!(of(16, &hex("03 61FF0A")), r#""a\255\010""#);
    assert_eq!(of(2, &hex("03 612e20 00")), "a\\.\\032.");
}

#[test]
fn what_has_no_form_or_breaks_it_is_written_as_unknown() {
    assert_eq!(of(65280, &hex("0A000001")), "\\# 4 0A000001");
    assert_eq!(of(65280, &[]), "\\# 0");
    assert_eq!(of(1, &hex("0A0000")), "\\# 3 0A0000");
    assert_eq!(of(1, &hex("0A00000100")), "\\# 5 0A00000100");
    // A pointer means nothing outside its message.
    assert_eq!(of(39, &hex("C00C")), "\\# 2 C00C");
    assert_eq!(of(47, &hex("00 00 07 40")), "\\# 4 00000740");
    assert_eq!(of(64, &hex("0001 00 0003 0009 00")), "\\# 8 0001000003000900");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..Default::default() })]

    #[test]
    fn whatever_the_bytes_the_text_is_one_printable_line(
        form in 0..FORMS.len(),
        bytes in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let text = of(FORMS[form].0, &bytes);
        prop_assert!(text.bytes().all(|each| (b' '..=b'~').contains(&each)), "{text:?}");
        // At most four characters for a byte, twice that for a type in a map.
        prop_assert!(text.len() <= 16 + 80 * bytes.len(), "{} for {}", text.len(), bytes.len());
    }
}
