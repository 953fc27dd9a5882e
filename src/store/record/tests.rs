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
        word().prop_map(SpanKind::Bad),
        word().prop_map(SpanKind::Unknown),
        Just(SpanKind::Excluded),
        (any::<u64>(), any::<u64>())
            .prop_map(|(bad_ms, unknown_ms)| SpanKind::Mixed { bad_ms, unknown_ms }),
    ]
}

fn line() -> impl Strategy<Value = Line> {
    let span = (any::<i64>(), any::<u64>(), kind()).prop_map(|(start_ms, len_ms, kind)| Span {
        start_ms,
        len_ms,
        kind,
    });
    let open = (any::<i64>(), kind()).prop_map(|(start_ms, kind)| Open { start_ms, kind });
    let open = proptest::option::of(open);
    (any::<Option<u32>>(), any::<i64>(), any::<i64>(), any::<[u64; 4]>(), open, vec(span, 0..20))
        .prop_map(|(threshold_ms, begun_ms, upto_ms, shed, open, spans)| Line {
            threshold_ms,
            timeline: Timeline { begun_ms, upto_ms, shed, open, spans },
        })
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
    let segment = (any::<i64>(), any::<u64>(), any::<u32>())
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
    fn counts_of_scopes_come_back(scopes in vec((".{0,20}", any::<[u64; 4]>()), 0..10)) {
        let scopes: Vec<_> =
            scopes.into_iter().map(|(scope, millis)| ScopeCount { scope, millis }).collect();
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
