//! Time lines.
//!
//! Sums are compared with a list that has one entry a millisecond.
//!
//! How lines are joined is tested with joining.

use super::*;
use proptest::prelude::*;

const BEGUN: i64 = 1_000;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(BEGUN + millis)
}

fn what(kind: u8) -> What {
    match kind {
        0 => What::Bad(Some(Reason::Status)),
        1 => What::Bad(Some(Reason::Reset)),
        2 => What::Unknown(Cause::Stopped),
        3 => What::Unknown(Cause::Overloaded),
        4 => What::Excluded,
        _ => What::Good,
    }
}

/// Lengths and kinds of stretches, one after the other.
fn stretches(most: usize) -> impl Strategy<Value = Vec<(i64, u8)>> {
    prop::collection::vec((1_i64..40, 0_u8..8), 0..most)
}

fn line_of(stretches: &[(i64, u8)]) -> Timeline {
    let mut line = Timeline::new(at(0));
    let mut end = 0;
    for (len, kind) in stretches {
        end += len;
        line.append(what(*kind), at(end));
    }
    line
}

fn painted(stretches: &[(i64, u8)]) -> Vec<u8> {
    let one = |(len, kind): &(i64, u8)| std::iter::repeat_n(*kind, usize::try_from(*len).unwrap());
    stretches.iter().flat_map(one).collect()
}

fn counted(paint: &[u8], from: i64, to: i64) -> Amounts {
    let mut amounts = Amounts::default();
    for moment in from..to {
        let kind = usize::try_from(moment).ok().and_then(|moment| paint.get(moment));
        match kind.map(|kind| what(*kind)) {
            Some(What::Good) => amounts.good += 1,
            Some(What::Bad(_)) => amounts.bad += 1,
            Some(What::Excluded) => amounts.excluded += 1,
            _ => amounts.unknown += 1,
        }
    }
    amounts
}

proptest! {
    #[test]
    fn sums_over_any_stretch_equal_a_naive_count(
        stretches in stretches(120), from in -50_i64..3_000, len in 0_i64..3_000,
    ) {
        let line = line_of(&stretches);
        let expected = counted(&painted(&stretches), from, from + len);
        prop_assert_eq!(line.amounts(at(from), at(from + len)), expected);
    }

    #[test]
    fn pieces_cover_a_stretch_without_gaps(
        stretches in stretches(60), from in -50_i64..1_500, len in 1_i64..1_500,
    ) {
        let line = line_of(&stretches);
        let mut reached = at(from);
        let mut amounts = Amounts::default();
        for piece in line.pieces(at(from), at(from + len)) {
            prop_assert_eq!(piece.from, reached);
            prop_assert!(piece.to > piece.from);
            reached = piece.to;
            let slot = match piece.what {
                What::Good => &mut amounts.good,
                What::Bad(_) => &mut amounts.bad,
                What::Unknown(_) => &mut amounts.unknown,
                What::Excluded => &mut amounts.excluded,
                What::Mixed(_) => unreachable!("nothing was coalesced"),
            };
            *slot += piece.millis();
        }
        prop_assert_eq!(reached, at(from + len));
        prop_assert_eq!(amounts, line.amounts(at(from), at(from + len)));
    }

    #[test]
    fn shedding_changes_no_sum_after_it(stretches in stretches(200), before in 0_i64..4_000) {
        let line = line_of(&stretches);
        let mut shed = line.clone();
        shed.shed(at(before));
        prop_assert_eq!(shed.since_begun(), line.since_begun());
        let (from, to) = (shed.kept_from().max(at(before)), line.upto());
        prop_assert_eq!(shed.amounts(from, to), line.amounts(from, to));
    }

    #[test]
    fn parts_make_the_same_line_again(stretches in stretches(100), before in 0_i64..4_000) {
        let mut line = line_of(&stretches);
        line.shed(at(before));
        let again = Timeline::from_parts(&line.parts()).unwrap();
        prop_assert_eq!(again.parts(), line.parts());
        prop_assert_eq!(again.since_begun(), line.since_begun());
    }

    #[test]
    fn a_line_grows_on_alike_after_it_was_restored(one in stretches(60), other in stretches(60)) {
        let mut whole = line_of(&one);
        let mut restored = Timeline::from_parts(&whole.parts()).unwrap();
        let mut end = whole.upto();
        for (len, kind) in other {
            end = end.shifted(len);
            whole.append(what(kind), end);
            restored.append(what(kind), end);
        }
        prop_assert_eq!(whole.parts(), restored.parts());
    }

    #[test]
    fn coalescing_never_moves_a_number_by_more_than_its_bound(
        stretches in stretches(200), most in 4_usize..40, from in 0_i64..4_000, len in 0_i64..4_000,
    ) {
        let line = line_of(&stretches);
        let mut merged = line.clone();
        merged.coalesce(most, at(3_000), |_, _| false);
        prop_assert_eq!(merged.since_begun(), line.since_begun());
        let (from, to) = (at(from), at(from + len));
        let off = merged.amounts(from, to).bad.abs_diff(line.amounts(from, to).bad);
        prop_assert!(off <= merged.uncertainty(from, to), "{off} off");
        prop_assert_eq!(merged.amounts(from, to).total(), line.amounts(from, to).total());
    }
}

#[test]
fn an_outage_is_one_span_and_keeps_the_reason_it_began_with() {
    let line = line_of(&[(10, 0), (10, 1), (5, 7), (10, 1)]);
    assert_eq!(line.len(), 2);
    let first = line.pieces(at(0), at(20)).next().unwrap();
    assert_eq!((first.to, first.what), (at(20), What::Bad(Some(Reason::Status))));
}

#[test]
fn spans_longer_than_49_days_are_exact() {
    let mut line = Timeline::new(at(0));
    let year = 366 * 86_400_000_i64;
    line.append(What::Bad(None), at(year));
    line.append(What::Good, at(year + 5));
    line.append(What::Bad(None), at(year + 6));
    assert_eq!(line.amounts(at(0), at(year + 6)).bad, u64::try_from(year + 1).unwrap());
    assert_eq!(line.amounts(at(year - 10), at(year + 3)).bad, 10);
    assert_eq!(Timeline::from_parts(&line.parts()).unwrap().since_begun(), line.since_begun());
}

#[test]
fn nothing_is_coalesced_across_a_wall_or_lately() {
    let flaps: Vec<_> = (0..200).map(|n| (5, if n % 2 == 0 { 0 } else { 7 })).collect();
    let mut line = line_of(&flaps);
    let exact = line.clone();
    let wall = at(300);
    line.coalesce(10, at(700), |from, to| from < wall && wall < to);
    assert!(line.len() < exact.len());
    for (from, to) in [(at(0), wall), (wall, at(1_000)), (at(703), at(999))] {
        assert_eq!(line.amounts(from, to), exact.amounts(from, to));
    }
    assert_eq!(line.uncertainty(at(0), wall), 0);
}

#[test]
fn a_cut_through_a_coalesced_stretch_never_makes_more_time_than_there_is() {
    // No good time at all, so that rounding two shares up would be a millisecond too many.
    let stretches: Vec<_> = (0..60).map(|n| (7 + n % 5, if n % 3 == 0 { 2 } else { 0 })).collect();
    let mut line = line_of(&stretches);
    line.coalesce(4, at(540), |_, _| false);
    for from in 0..500 {
        for len in [1, 2, 3, 17, 40] {
            let amounts = line.amounts(at(from), at(from + len));
            assert_eq!(i64::try_from(amounts.total()).unwrap(), len, "from {from}");
        }
    }
}

#[test]
fn parts_that_contradict_each_other_make_no_line() {
    let good = line_of(&[(10, 0), (10, 7), (10, 2)]).parts();
    let mut overlapping = good.clone();
    overlapping.pieces[1].from = at(5);
    let mut beyond = good.clone();
    beyond.upto = at(12);
    let mut shed = good.clone();
    shed.shed = [1, 0, 0];
    for parts in [overlapping, beyond, shed] {
        assert!(Timeline::from_parts(&parts).is_none(), "{parts:?}");
    }
    assert!(Timeline::from_parts(&good).is_some());
}

#[test]
fn a_line_moves_with_the_clock() {
    let mut line = line_of(&[(10, 0), (10, 7), (10, 2)]);
    let before = line.amounts(at(0), at(30));
    line.shift(-700);
    assert_eq!(line.amounts(at(-700), at(-670)), before);
}
