//! Splitting bad time: each part by hand, then the sum over drawn outages.
//!
//! Where outages overlap and where lines are coalesced, too.
//!
//! What the blames are does not matter here: they are letters.

use super::*;
use crate::model::Cause;
use proptest::prelude::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1_000)
}

fn line(pieces: &[(What, i64)]) -> Timeline {
    let mut line = Timeline::new(at(0));
    for (what, to) in pieces {
        line.append(*what, at(*to));
    }
    line
}

fn outage(from: i64, to: i64, blame: char) -> Blamed<char> {
    Blamed { from: at(from), to: at(to), blame }
}

fn seconds(parts: &Parts<char>) -> Vec<(Option<char>, u64)> {
    parts.iter().map(|(blame, millis)| (*blame, millis / 1_000)).collect()
}

const BAD: What = What::Bad(None);

#[test]
fn bad_time_goes_to_the_outage_it_lies_in_and_the_rest_is_unconfirmed() {
    let line = line(&[
        (What::Good, 100),
        (BAD, 160),
        (What::Good, 200),
        (BAD, 205),
        (What::Unknown(Cause::Stopped), 300),
        (BAD, 320),
        (What::Good, 400),
    ]);
    let outages = [outage(100, 160, 'p'), outage(280, 330, 'a')];
    let parts = split(&line, (at(0), at(400)), &outages);
    assert_eq!(seconds(&parts), [(None, 5), (Some('a'), 20), (Some('p'), 60)]);
    let later = split(&line, (at(150), at(310)), &outages);
    assert_eq!(seconds(&later), [(None, 5), (Some('a'), 10), (Some('p'), 10)]);
}

#[test]
fn where_outages_overlap_the_first_has_it() {
    let line = line(&[(BAD, 100)]);
    let outages = [outage(30, 80, 'b'), outage(10, 50, 'a'), outage(40, 45, 'c')];
    let parts = split(&line, (at(0), at(100)), &outages);
    assert_eq!(seconds(&parts), [(None, 30), (Some('a'), 40), (Some('b'), 30)]);
}

#[test]
fn nothing_bad_has_no_parts() {
    let line = line(&[(What::Good, 100)]);
    assert!(split(&line, (at(0), at(100)), &[outage(0, 100, 'a')]).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_parts_add_up_to_the_bad_time(
        runs in prop::collection::vec((0..3_u8, 1..50_i64), 1..40),
        outages in prop::collection::vec((0..900_i64, 1..90_i64, prop::char::range('a', 'd')), 0..12),
        (from, len) in (0..700_i64, 1..700_i64),
        spans in 2..40_usize,
    ) {
        let mut upto = 0;
        let mut drawn = Timeline::new(at(0));
        for (what, len) in &runs {
            upto += len;
            let what = [What::Good, BAD, What::Unknown(Cause::Stopped)][usize::from(*what)];
            drawn.append(what, at(upto));
        }
        let exact = drawn.clone();
        drawn.coalesce(spans, at(upto), |_, _| false);
        let outages: Vec<_> =
            outages.into_iter().map(|(from, len, blame)| outage(from, from + len, blame)).collect();
        let window = (at(from), at(from + len));
        let parts = split(&drawn, window, &outages);
        prop_assert_eq!(parts.values().sum::<u64>(), drawn.amounts(window.0, window.1).bad);
        // Second by second, where nothing is coalesced.
        let mut painted = Parts::new();
        for second in from..from + len {
            if exact.amounts(at(second), at(second + 1)).bad > 0 {
                let covers = |each: &&Blamed<char>| each.from <= at(second) && at(second) < each.to;
                let first = outages.iter().filter(covers).min_by_key(|each| (each.from, each.to, each.blame));
                let whose = first.map(|each| each.blame);
                *painted.entry(whose).or_insert(0) += 1_000;
            }
        }
        prop_assert_eq!(split(&exact, window, &outages), painted);
    }
}
