//! Joining: the table of C44, the cases C39 to C43a.
//!
//! Every rule is compared with a count moment by moment.
//!
//! What a joined line is worth is tested with budgets.

use super::*;
use crate::slo::spans::Amounts;
use proptest::prelude::*;

const G: What = What::Good;
const B: What = What::Bad(None);
const U: What = What::Unknown(Cause::Overloaded);
const E: What = What::Excluded;

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1_000)
}

/// A good line of `len` seconds with these bad stretches.
fn line(len: i64, bad: &[(i64, i64)]) -> Timeline {
    let mut line = Timeline::new(at(0));
    for (from, to) in bad {
        line.append(G, at(*from));
        line.append(B, at(*to));
    }
    line.append(G, at(len));
    line
}

/// Two sides with one check each.
fn two_sides() -> Scheme {
    let side = |name: &str, check| SideScheme {
        provider: name.into(),
        rule: Side::Any,
        endpoints: vec![vec![check]],
    };
    Scheme { entry: None, sides: vec![side("a", 0), side("b", 1)] }
}

fn joined(scheme: &Scheme, scope: Scope, parts: &[Part<'_>], to: i64) -> Amounts {
    let mut into = Timeline::new(at(0));
    scheme.join(scope, parts, at(to), &mut into);
    into.amounts(at(0), at(to))
}

#[test]
fn two_of_three_c44() {
    let table = [
        ([G, G, G], G),
        ([G, G, B], G),
        ([G, G, U], G),
        ([G, B, B], B),
        ([B, B, U], B),
        ([G, B, U], U),
        ([G, U, U], U),
        ([B, U, U], U),
        ([E, E, G], G),
        ([E, G, B], B),
        ([E, E, E], E),
    ];
    for (states, expected) in table {
        assert_eq!(at_least(2, &states, 1), expected, "{states:?}");
    }
}

#[test]
fn two_providers_c39_to_c41() {
    let cases = [
        ([(36_000, 36_600)], [(36_300, 36_900)], 300, 900),
        ([(36_000, 36_600)], [(50_000, 50_600)], 0, 1_200),
        ([(36_000, 36_600)], [(36_000, 36_600)], 600, 600),
    ];
    let scheme = two_sides();
    for (one, other, any, all) in cases {
        let (one, other) = (line(86_400, &one), line(86_400, &other));
        let parts = [&one, &other].map(|line| Part { line, excluded: &[] });
        assert_eq!(joined(&scheme, Scope::Any, &parts, 86_400).bad, any * 1_000);
        assert_eq!(joined(&scheme, Scope::All, &parts, 86_400).bad, all * 1_000);
        assert_eq!(joined(&scheme, Scope::AtLeast(2), &parts, 86_400).bad, all * 1_000);
    }
}

#[test]
fn a_side_in_maintenance_drops_out_c43a() {
    let (one, other) = (line(86_400, &[]), line(86_400, &[(36_600, 36_900)]));
    let excluded = [(at(36_000), at(39_600))];
    let parts = [Part { line: &one, excluded: &excluded }, Part { line: &other, excluded: &[] }];
    let scheme = two_sides();
    for scope in [Scope::Any, Scope::All] {
        let amounts = joined(&scheme, scope, &parts, 86_400);
        assert_eq!((amounts.bad, amounts.excluded), (300_000, 0), "{scope:?}");
    }
    assert_eq!(joined(&scheme, Scope::Side(0), &parts, 86_400).excluded, 3_600_000);
}

#[test]
fn a_check_takes_no_part_before_it_was_watched() {
    let old = line(1_000, &[(100, 200)]);
    let mut new = Timeline::new(at(600));
    new.append(B, at(700));
    new.append(G, at(1_000));
    let parts = [&old, &new].map(|line| Part { line, excluded: &[] });
    let scheme = two_sides();
    let seconds = |scope| joined(&scheme, scope, &parts, 1_000).list().map(|ms| ms / 1_000);
    assert_eq!(seconds(Scope::All), [800, 200, 0, 0]);
    assert_eq!(seconds(Scope::Any), [900, 100, 0, 0]);
    assert_eq!(seconds(Scope::Side(1)), [300, 100, 600, 0]);
}

#[test]
fn a_joined_outage_has_the_reason_of_its_first_bad_check() {
    use crate::model::Reason;
    let (status, reset) = (What::Bad(Some(Reason::Status)), What::Bad(Some(Reason::Reset)));
    assert_eq!(at_least(2, &[G, reset, status], 1), reset);
}

proptest! {
    #[test]
    fn joining_equals_judging_every_moment(
        lines in prop::collection::vec(prop::collection::vec((1_i64..30, 0_usize..4), 1..30), 4),
        excluded in prop::collection::vec((0_i64..300, 1_i64..60), 0..3),
    ) {
        let kinds = [G, B, U, G];
        let end = lines.iter().map(|line| line.iter().map(|(len, _)| len).sum::<i64>()).min().unwrap();
        let timelines: Vec<_> = lines.iter().map(|stretches| {
            let mut line = Timeline::new(at(0));
            let mut reached = 0;
            for (len, kind) in stretches {
                reached += len;
                line.append(kinds[*kind], at(reached));
            }
            line
        }).collect();
        // The first check is under maintenance now and then.
        let mut covered = vec![false; usize::try_from(end).unwrap()];
        for (from, len) in &excluded {
            for second in *from..(from + len).min(end) {
                covered[usize::try_from(second).unwrap()] = true;
            }
        }
        let mut united = Vec::new();
        let mut second = 0;
        while second < covered.len() {
            let stop = (second..covered.len()).find(|each| !covered[*each]).unwrap_or(covered.len());
            if stop > second {
                united.push((at(i64::try_from(second).unwrap()), at(i64::try_from(stop).unwrap())));
            }
            second = stop.max(second + 1);
        }
        let parts: Vec<_> = timelines.iter().enumerate().map(|(n, line)| {
            Part { line, excluded: if n == 0 { &united[..] } else { &[] } }
        }).collect();
        let side = |name: &str, rule, endpoints| SideScheme { provider: name.into(), rule, endpoints };
        let scheme = Scheme { entry: None, sides: vec![
            side("a", Side::Any, vec![vec![0], vec![1]]),
            side("b", Side::All, vec![vec![2, 3]]),
        ]};
        for scope in [Scope::Any, Scope::All, Scope::Side(0), Scope::Side(1)] {
            let mut expected = Amounts::default();
            for second in 0..end {
                let what = |check: usize| {
                    let under = check == 0 && covered[usize::try_from(second).unwrap()];
                    let now = timelines[check].pieces(at(second), at(second + 1)).next().unwrap().what;
                    if under { E } else { now }
                };
                let sides = [at_least(1, &[what(0), what(1)], 1), at_least(2, &[what(2), what(3)], 1)];
                let slot = match match scope {
                    Scope::Any => at_least(1, &sides, 1),
                    Scope::All => at_least(2, &sides, 1),
                    Scope::Side(side) => sides[side],
                    _ => unreachable!("not among these"),
                } {
                    What::Good => &mut expected.good,
                    What::Bad(_) => &mut expected.bad,
                    What::Unknown(_) => &mut expected.unknown,
                    _ => &mut expected.excluded,
                };
                *slot += 1_000;
            }
            prop_assert_eq!(joined(&scheme, scope, &parts, end), expected, "{:?}", scope);
        }
    }

    #[test]
    fn joining_coalesced_lines_stays_within_the_stated_bound(
        flaps in prop::collection::vec(prop::collection::vec((1_i64..20, 1_i64..20), 20..60), 2),
    ) {
        let exact: Vec<_> = flaps.iter().map(|flaps| {
            let mut line = Timeline::new(at(0));
            let mut reached = 0;
            for (good, bad) in flaps {
                line.append(G, at(reached + good));
                line.append(B, at(reached + good + bad));
                reached += good + bad;
            }
            line.append(G, at(3_000));
            line
        }).collect();
        let merged: Vec<_> = exact.iter().map(|line| {
            let mut line = line.clone();
            line.coalesce(12, at(3_000), |_, _| false);
            line
        }).collect();
        let scheme = two_sides();
        for scope in [Scope::Any, Scope::All] {
            let line = |lines: &[Timeline]| {
                let parts: Vec<_> = lines.iter().map(|line| Part { line, excluded: &[] }).collect();
                let mut into = Timeline::new(at(0));
                scheme.join(scope, &parts, at(3_000), &mut into);
                into
            };
            let (truth, estimate) = (line(&exact), line(&merged));
            let off = truth.since_begun().bad.abs_diff(estimate.since_begun().bad);
            prop_assert!(off <= estimate.uncertainty(at(0), at(3_000)), "{off} off");
        }
    }
}
