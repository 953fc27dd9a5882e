//! The form of records: what it is to the byte, that it gives back what went in, and that it survives any bytes.
//!
//! The bytes of form 1 are written down here; if this fails, what is on people's disks cannot be read any more.
//!
//! Where records are kept is not tested here.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

fn word() -> impl Strategy<Value = Word> {
    any::<u16>().prop_map(Word)
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Good),
        word().prop_map(Outcome::Bad),
        word().prop_map(Outcome::Unknown)
    ]
}

fn entry() -> impl Strategy<Value = Entry> {
    let run = (any::<u32>(), any::<i64>(), any::<u32>(), outcome(), any::<bool>(), any::<bool>());
    prop_oneof![
        run.prop_map(|(check, at_ms, latency_us, outcome, recheck, warned)| {
            Entry::Run(Run { check, at_ms, latency_us, outcome, recheck, warned })
        }),
        (any::<u32>(), any::<i64>()).prop_map(|(check, millis)| Entry::ClockBack { check, millis }),
    ]
}

fn kind() -> impl Strategy<Value = SpanKind> {
    prop_oneof![
        proptest::option::of(word()).prop_map(SpanKind::Bad),
        word().prop_map(SpanKind::Unknown),
        Just(SpanKind::Excluded),
        any::<[u64; 3]>().prop_map(|[bad_ms, unknown_ms, slack_ms]| {
            SpanKind::Mixed { bad_ms, unknown_ms, slack_ms }
        }),
    ]
}

fn line() -> impl Strategy<Value = Line> {
    let span = (any::<i64>(), any::<u64>(), kind()).prop_map(|(start_ms, len_ms, kind)| Span {
        start_ms,
        len_ms,
        kind,
    });
    (any::<Option<u64>>(), any::<[i64; 3]>(), any::<[u64; 3]>(), vec(span, 0..20)).prop_map(
        |(threshold_us, [begun_ms, kept_from_ms, upto_ms], shed, spans)| Line {
            threshold_us,
            timeline: Timeline { begun_ms, kept_from_ms, upto_ms, shed, spans },
        },
    )
}

fn held() -> impl Strategy<Value = Held> {
    let known = (any::<bool>(), any::<i64>(), any::<u32>(), proptest::option::of(word()));
    prop_oneof![
        known.prop_map(|(good, until_ms, latency_us, reason)| Held::Known {
            good,
            until_ms,
            latency_us,
            reason
        }),
        word().prop_map(|cause| Held::Unknown { cause }),
    ]
}

fn health() -> impl Strategy<Value = Health> {
    let confirmed =
        prop_oneof![Just(Confirmed::Up), Just(Confirmed::Down), Just(Confirmed::Unknown)];
    (confirmed, any::<u32>(), any::<i64>(), any::<bool>(), any::<u32>(), any::<i64>()).prop_map(
        |(confirmed, against, against_since_ms, warned, warn_against, since_ms)| Health {
            confirmed,
            against,
            against_since_ms,
            warned,
            warn_against,
            since_ms,
        },
    )
}

fn check_state() -> impl Strategy<Value = CheckState> {
    let segment = (any::<i64>(), any::<u64>(), any::<u64>())
        .prop_map(|(start_ms, step_ms, count)| Segment { start_ms, step_ms, count });
    let lists = (vec(any::<i64>(), 0..20), vec(line(), 0..4), vec(segment, 0..20));
    (any::<i64>(), any::<i64>(), held(), any::<[u64; 4]>(), health(), lists).prop_map(
        |(settled_ms, begun_ms, held, millis, health, (failures, lines, cadence))| CheckState {
            settled_ms,
            begun_ms,
            held,
            millis,
            health,
            failures,
            lines,
            cadence,
        },
    )
}

fn scope() -> impl Strategy<Value = ScopeCount> {
    (".{0,20}", any::<[u64; 4]>(), any::<i64>(), any::<i64>()).prop_map(
        |(scope, millis, upto_ms, restated_ms)| ScopeCount { scope, millis, upto_ms, restated_ms },
    )
}

fn framed(form: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = [&[form], content].concat();
    let sum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes
}

proptest! {
    #[test]
    fn entries_come_back(entries in vec(entry(), 0..50)) {
        prop_assert_eq!(decode_entries(&encode_entries(&entries)), Ok(entries));
    }

    #[test]
    fn states_of_checks_come_back(state in check_state()) {
        prop_assert_eq!(decode_check(&encode_check(&state)), Ok(state));
    }

    #[test]
    fn counts_of_scopes_come_back(scopes in vec(scope(), 0..10)) {
        prop_assert_eq!(decode_scopes(&encode_scopes(&scopes)), Ok(scopes));
    }

    /// With a right frame, so that the content itself is tried.
    #[test]
    fn any_content_is_decoded_or_refused(content in vec(any::<u8>(), 0..400)) {
        let bytes = framed(FORM, &content);
        // What is decoded is what would be written, up to the form of numbers that have several.
        if let Ok(entries) = decode_entries(&bytes) {
            prop_assert!(entries.len() <= content.len());
            prop_assert_eq!(decode_entries(&encode_entries(&entries)), Ok(entries));
        }
        if let Ok(state) = decode_check(&bytes) {
            prop_assert!(state.lines.len() + state.failures.len() <= content.len());
            prop_assert_eq!(decode_check(&encode_check(&state)), Ok(state));
        }
        if let Ok(scopes) = decode_scopes(&bytes) {
            prop_assert!(scopes.len() <= content.len());
        }
    }

    #[test]
    fn any_bytes_are_refused(bytes in vec(any::<u8>(), 0..400)) {
        // One in four thousand million has the right checksum.
        prop_assert!(decode_entries(&bytes).is_err());
    }

    #[test]
    fn a_flipped_bit_is_noticed(state in check_state(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut bytes = encode_check(&state);
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        prop_assert!(decode_check(&bytes).is_err());
    }

    #[test]
    fn a_cut_record_is_noticed(state in check_state(), to in any::<prop::sample::Index>()) {
        let bytes = encode_check(&state);
        let to = to.index(bytes.len());
        prop_assert!(decode_check(&bytes[..to]).is_err());
    }
}

#[test]
fn lists_that_claim_to_be_endless_are_refused() {
    let endless = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    for before in 0..40 {
        let content = [vec![0; before], endless.to_vec()].concat();
        let bytes = framed(FORM, &content);
        assert_eq!(decode_entries(&bytes), Err(Malformed::Content));
        assert_eq!(decode_check(&bytes), Err(Malformed::Content));
        assert_eq!(decode_scopes(&bytes), Err(Malformed::Content));
    }
}

#[test]
fn another_form_is_refused_by_its_number() {
    assert_eq!(decode_entries(&framed(FORM + 1, &[0, 0])), Err(Malformed::Form(FORM + 1)));
}

#[test]
fn what_follows_a_record_is_noticed() {
    assert_eq!(decode_entries(&framed(FORM, &[0, 0])), Ok(Vec::new()));
    assert_eq!(decode_entries(&framed(FORM, &[0, 0, 0])), Err(Malformed::Content));
}

/// One of everything, so that every place in the form is fixed.
pub(in crate::store) fn one_of_everything() -> CheckState {
    let span = |start_ms, kind| Span { start_ms, len_ms: 7, kind };
    let mixed = SpanKind::Mixed { bad_ms: 8, unknown_ms: 9, slack_ms: 10 };
    let spans = vec![
        span(1, SpanKind::Bad(Some(Word(1)))),
        span(2, SpanKind::Bad(None)),
        span(3, SpanKind::Unknown(Word(300))),
        span(4, SpanKind::Excluded),
        span(5, mixed),
    ];
    let timeline = Timeline { begun_ms: -1, kept_from_ms: 0, upto_ms: 9, shed: [1, 2, 3], spans };
    CheckState {
        settled_ms: 1_790_000_000_000,
        begun_ms: 5,
        held: Held::Known { good: true, until_ms: 6, latency_us: 7, reason: None },
        millis: [1, 2, 3, 4],
        health: Health {
            confirmed: Confirmed::Down,
            against: 2,
            against_since_ms: 3,
            warned: true,
            warn_against: 4,
            since_ms: 5,
        },
        failures: vec![64, -64],
        lines: vec![Line { threshold_us: Some(300_000), timeline }],
        cadence: vec![Segment { start_ms: 1, step_ms: 30_000, count: 2 }],
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|four| char::from_digit(four.into(), 16).unwrap())
        .collect()
}

#[test]
fn form_1_stays_what_it_is_to_the_byte() {
    let run = |check, at_ms, outcome| {
        Entry::Run(Run { check, at_ms, latency_us: 1_500, outcome, recheck: false, warned: true })
    };
    let entries = [
        run(1, 1_790_000_000_000, Outcome::Good),
        run(300, 1_790_000_000_007, Outcome::Bad(Word(2))),
        run(2, 1_789_999_999_999, Outcome::Unknown(Word(3))),
        Entry::ClockBack { check: 4, millis: 5 },
    ];
    let scopes =
        [ScopeCount { scope: "any".to_owned(), millis: [1, 2, 3, 4], upto_ms: 5, restated_ms: -6 }];
    assert_eq!(
        hex(&encode_entries(&entries)),
        "0180b083c5986804000100dc0b00000100ac020edc0b01020001000201dc0b0203000101040ac0500d16"
    );
    assert_eq!(
        hex(&encode_check(&one_of_everything())),
        "0180b083c598680a00010c07000102030401020601040a0280017f0101e0a71201001201020305020700010104070000060701ac020807020a070308090a0102b0ea01023c27364c"
    );
    assert_eq!(hex(&encode_scopes(&scopes)), "010103616e79010203040a0ba0ea5df4");
}
