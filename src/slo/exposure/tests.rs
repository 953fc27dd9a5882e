//! Exposure: the table of what is certain, every second painted and counted, and coalesced lines within their bound.
//!
//! The painter asks each check what it was in a second and judges by counting; it shares nothing with the sweep.
//!
//! Counting as it happened is tested with whole services.

use super::*;
use crate::model::{Cause, Side, Timestamp};
use crate::slo::joint::{Part, Scheme, SideScheme};
use crate::slo::spans::Timeline;
use proptest::prelude::*;

const G: What = What::Good;
const B: What = What::Bad(None);
const U: What = What::Unknown(Cause::Stopped);
const M: What = What::Excluded;

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1_000)
}

/// One moment of a second with these sides.
fn moment(sides: &[What]) -> Exposure {
    let mut exposure = Exposure::new(sides.len(), false);
    let sides: Vec<_> = sides.iter().copied().map(Some).collect();
    exposure.add(Moment { sides: &sides, entry: None, millis: 1 });
    exposure
}

/// `both`, `only` with the position of the side, `none`, `unknown`, or `some`: unknown but for one side.
fn word(sides: &[What]) -> String {
    let Exposure { both, only, none, unknown, some, .. } = moment(sides);
    assert_eq!(both + only.iter().sum::<u64>() + none + unknown, 1, "{sides:?}");
    match (both, only.iter().position(|each| *each > 0), none, some) {
        (1, ..) => "both".to_owned(),
        (_, Some(side), ..) => format!("only {side}"),
        (_, _, 1, _) => "none".to_owned(),
        (.., 1) => "some".to_owned(),
        _ => "unknown".to_owned(),
    }
}

#[test]
fn of_two_sides_only_what_is_certain_is_said() {
    let table = [
        ([G, G], "both"),
        ([G, B], "only 0"),
        ([M, G], "only 1"),
        ([B, B], "none"),
        ([M, B], "none"),
        ([M, M], "none"),
        ([G, U], "some"),
        ([U, B], "unknown"),
        ([U, M], "unknown"),
        ([U, U], "unknown"),
    ];
    for (sides, expected) in table {
        assert_eq!(word(&sides), expected, "{sides:?}");
    }
}

#[test]
fn of_three_sides_two_are_enough_to_survive_another_failure() {
    let table = [
        ([G, G, G], "both"),
        ([G, G, B], "both"),
        ([G, U, G], "both"),
        ([B, G, M], "only 1"),
        ([B, G, U], "some"),
        ([B, U, U], "unknown"),
        ([B, M, B], "none"),
    ];
    for (sides, expected) in table {
        assert_eq!(word(&sides), expected, "{sides:?}");
    }
}

#[test]
fn what_was_not_watched_yet_may_have_been_either() {
    let mut exposure = Exposure::new(2, false);
    exposure.add(Moment { sides: &[Some(G), None], entry: None, millis: 5 });
    assert_eq!((exposure.unknown, exposure.some, exposure.alone[1].unknown), (5, 5, 5));
}

#[test]
fn a_failover_costs_what_the_entry_was_bad_while_some_side_was_able() {
    let mut exposure = Exposure::new(2, true);
    for (entry, sides, millis) in [
        (Some(B), [G, B], 1),
        (Some(B), [U, G], 2),
        (Some(B), [B, B], 4),
        (Some(B), [B, U], 8),
        (Some(U), [G, G], 16),
        (Some(M), [G, G], 32),
        (Some(G), [G, G], 64),
        (None, [G, G], 128),
    ] {
        let sides = sides.map(Some);
        exposure.add(Moment { sides: &sides, entry: Some(entry), millis });
    }
    assert_eq!(exposure.failover_cost, Some(3));
}

/// Two outages that overlap by five minutes of a day, as in C39, and maintenance of the second side.
#[test]
fn a_day_with_two_clouds() {
    let line = |bad: (i64, i64)| {
        let mut line = Timeline::new(at(0));
        for (what, to) in [(G, bad.0), (B, bad.1), (G, 86_400)] {
            line.append(what, at(to));
        }
        line
    };
    let (one, other) = (line((36_000, 36_600)), line((36_300, 36_900)));
    let excluded = [(at(80_000), at(80_100))];
    let parts = [Part { line: &one, excluded: &[] }, Part { line: &other, excluded: &excluded }];
    let (exposure, _) = swept(&scheme(&[&[&[0]], &[&[1]]], Side::Any, None), &parts, 0, 86_400);
    let seconds = |millis: u64| millis / 1_000;
    let [a, b] = [exposure.only[0], exposure.only[1]].map(seconds);
    assert_eq!((a, b, seconds(exposure.none)), (300 + 100, 300, 300));
    assert_eq!(seconds(exposure.both), 86_400 - 1_000);
    let share = |alone: Alone| alone.availability().unwrap().as_f64();
    assert!((share(exposure.alone[0]) - (1.0 - 600.0 / 86_400.0)).abs() < 1e-12);
    assert!((share(exposure.alone[1]) - (1.0 - 700.0 / 86_400.0)).abs() < 1e-12);
    assert!((share(exposure.together()) - (1.0 - 300.0 / 86_400.0)).abs() < 1e-12);
    let covered = exposure.alone.iter().map(|alone| seconds(alone.covered));
    assert_eq!(covered.collect::<Vec<_>>(), [300, 400]);
    assert_eq!(exposure.alone[1].maintenance, 100_000);
}

fn scheme(sides: &[&[&[usize]]], rule: Side, entry: Option<usize>) -> Scheme {
    let side = |(number, endpoints): (usize, &&[&[usize]])| SideScheme {
        provider: format!("p{number}").into(),
        rule,
        endpoints: endpoints.iter().map(|checks| checks.to_vec()).collect(),
    };
    Scheme { entry, sides: sides.iter().enumerate().map(side).collect() }
}

fn swept(scheme: &Scheme, parts: &[Part<'_>], from: i64, to: i64) -> (Exposure, u64) {
    let mut exposure = Exposure::new(scheme.judged().len(), scheme.entry.is_some());
    let slack = scheme.sweep(parts, at(from), at(to), &mut |moment| exposure.add(moment));
    (exposure, slack)
}

/// What a check was, second by second from its beginning on, and when it was under maintenance.
#[derive(Clone, Debug)]
struct Drawn {
    begun: i64,
    cells: Vec<u8>,
    closed: Vec<(i64, i64)>,
}

const WHATS: [What; 3] = [G, B, U];

impl Drawn {
    fn line(&self) -> Timeline {
        let mut line = Timeline::new(at(self.begun));
        for (second, cell) in (self.begun + 1..).zip(&self.cells) {
            line.append(WHATS[usize::from(*cell)], at(second));
        }
        line
    }

    fn excluded(&self) -> Vec<(Timestamp, Timestamp)> {
        self.closed.iter().map(|(from, to)| (at(*from), at(*to))).collect()
    }

    /// `None` before it was watched.
    fn at(&self, second: i64) -> Option<What> {
        if second < self.begun {
            return None;
        }
        if self.closed.iter().any(|(from, to)| *from <= second && second < *to) {
            return Some(M);
        }
        let cell = self.cells.get(usize::try_from(second - self.begun).unwrap());
        Some(cell.map_or(U, |cell| WHATS[usize::from(*cell)]))
    }
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let run = (0..3_u8, 1..9_usize);
    let closed = prop::collection::vec((1..9_i64, 1..6_i64), 0..3);
    (0..12_i64, prop::collection::vec(run, 1..12), closed).prop_map(|(begun, runs, gaps)| {
        let cells = runs.into_iter().flat_map(|(what, len)| std::iter::repeat_n(what, len));
        let mut upto = begun;
        let closed = gaps.into_iter().map(|(gap, len)| {
            let from = upto + gap;
            upto = from + len;
            (from, upto)
        });
        Drawn { begun, closed: closed.collect(), cells: cells.collect() }
    })
}

/// Judges a second by counting: whether a side is able (`Some`), and nothing if it may be either.
fn side_at(checks: &[Drawn], endpoints: &[&[usize]], rule: Side, second: i64) -> Option<bool> {
    if endpoints.iter().copied().flatten().all(|check| checks[*check].at(second).is_none()) {
        // Not watched yet, whatever its endpoints for which nothing counts.
        return None;
    }
    let serial = |states: Vec<Option<What>>| {
        let seen: Vec<What> = states.iter().flatten().copied().collect();
        if seen.is_empty() && !states.is_empty() {
            return None;
        }
        let left: Vec<&What> = seen.iter().filter(|what| **what != M).collect();
        Some(match () {
            () if left.is_empty() => M,
            () if left.contains(&&B) => B,
            () if left.iter().all(|what| **what == G) => G,
            () => U,
        })
    };
    let ends: Vec<Option<What>> = endpoints
        .iter()
        .map(|each| serial(each.iter().map(|check| checks[*check].at(second)).collect()))
        .collect();
    let joined = if rule == Side::All {
        serial(ends)
    } else {
        let left: Vec<What> = ends.iter().flatten().copied().filter(|what| *what != M).collect();
        match () {
            () if ends.iter().all(Option::is_none) => None,
            () if left.is_empty() => Some(M),
            () if left.contains(&G) => Some(G),
            () if left.iter().all(|what| *what == B) => Some(B),
            () => Some(U),
        }
    };
    match joined {
        Some(What::Good) => Some(true),
        Some(What::Bad(_) | What::Excluded) => Some(false),
        _ => None,
    }
}

/// Seconds: both, only each, none, unknown, some, failover cost.
fn painted(
    checks: &[Drawn],
    sides: &[&[&[usize]]],
    rule: Side,
    (from, to): (i64, i64),
) -> (u64, Vec<u64>, u64, u64, u64, u64) {
    let (mut both, mut none, mut unknown, mut some, mut cost) = (0, 0, 0, 0, 0);
    let mut only = vec![0; sides.len()];
    let entry = checks.last().unwrap();
    for second in from..to {
        let able: Vec<_> = sides.iter().map(|each| side_at(checks, each, rule, second)).collect();
        let sure = able.iter().filter(|each| **each == Some(true)).count();
        let may = able.iter().filter(|each| **each != Some(false)).count();
        if sure >= 2 {
            both += 1;
        } else if may == 0 {
            none += 1;
        } else if sure == 1 && may == 1 {
            only[able.iter().position(|each| *each == Some(true)).unwrap()] += 1;
        } else {
            unknown += 1;
            some += u64::from(sure == 1);
        }
        cost += u64::from(sure > 0 && entry.at(second) == Some(B));
    }
    (both, only, none, unknown, some, cost)
}

const LAYOUTS: [&[&[&[usize]]]; 4] = [
    &[&[&[0]], &[&[1]]],
    &[&[&[0, 1]], &[&[2], &[3]]],
    &[&[&[0]], &[&[1]], &[&[2, 3]]],
    &[&[&[0], &[]], &[&[1]], &[&[2]], &[&[3]]],
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_second_is_counted_once_and_as_painted(
        checks in prop::collection::vec(drawn(), 5),
        layout in prop::sample::select(LAYOUTS.to_vec()),
        all in any::<bool>(),
        from in -5..40_i64,
        len in 0..120_i64,
    ) {
        let rule = if all { Side::All } else { Side::Any };
        let lines: Vec<_> = checks.iter().map(Drawn::line).collect();
        let excluded: Vec<_> = checks.iter().map(Drawn::excluded).collect();
        let parts: Vec<_> = lines.iter().zip(&excluded)
            .map(|(line, excluded)| Part { line, excluded }).collect();
        let (found, slack) = swept(&scheme(layout, rule, Some(4)), &parts, from, from + len);
        prop_assert_eq!(slack, 0);
        let (both, only, none, unknown, some, cost) =
            painted(&checks, layout, rule, (from, from + len));
        let only: Vec<_> = only.into_iter().map(|each| each * 1_000).collect();
        prop_assert_eq!(&found.only, &only);
        let numbers = [found.both, found.none, found.unknown, found.some];
        prop_assert_eq!(numbers, [both, none, unknown, some].map(|each| each * 1_000));
        prop_assert_eq!(found.failover_cost, Some(cost * 1_000));
        prop_assert_eq!(found.elapsed(), len.unsigned_abs() * 1_000);
        for alone in found.alone.iter().copied().chain([found.together()]) {
            prop_assert_eq!(alone.able + alone.unable + alone.unknown, found.elapsed());
            prop_assert!(alone.covered <= alone.unable && alone.maintenance <= alone.unable);
        }
    }

    #[test]
    fn coalesced_lines_still_add_up_and_stay_within_their_bound(
        checks in prop::collection::vec(drawn(), 4),
        layout in prop::sample::select(LAYOUTS[..3].to_vec()),
        from in 0..40_i64,
        len in 1..120_i64,
        spans in 1..6_usize,
    ) {
        let exact: Vec<_> = checks.iter().map(Drawn::line).collect();
        let mut coarse = exact.clone();
        for line in &mut coarse {
            let upto = line.upto();
            line.coalesce(spans, upto, |_, _| false);
        }
        let of = |lines: &[Timeline]| {
            let parts: Vec<_> = lines.iter().map(|line| Part { line, excluded: &[] }).collect();
            swept(&scheme(layout, Side::Any, None), &parts, from, from + len)
        };
        let ((exact, _), (coarse, slack)) = (of(&exact), of(&coarse));
        prop_assert_eq!(coarse.elapsed(), len.unsigned_abs() * 1_000);
        let numbers = |of: &Exposure| {
            let alone = of.alone.iter().flat_map(|each| [each.able, each.unable, each.covered]);
            [of.both, of.none, of.unknown, of.some].into_iter()
                .chain(of.only.clone()).chain(alone).collect::<Vec<_>>()
        };
        for (exact, coarse) in numbers(&exact).into_iter().zip(numbers(&coarse)) {
            prop_assert!(exact.abs_diff(coarse) <= slack, "{} for {}, not {}", coarse, exact, slack);
        }
    }
}
