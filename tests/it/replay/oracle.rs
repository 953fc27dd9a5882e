//! Random results against a painter: one byte per second, painted result by result, then maintenance, then counted.
//!
//! It shares no code with any interval arithmetic. Grids, gaps, verdicts, `until`, maintenance and instants are random, from a
//! fixed seed; two sides are joined second by second.
//!
//! Alerts and ratios are in `cases`.

use super::{BEGIN, T0, amounts, find, maintenance, rows_of, service};
use nephoscope::seed::Stream;
use std::fmt::Write as _;
use std::ops::Range;

/// Seconds that are painted.
const LENGTH: usize = 30_000;
const SERVICES: u64 = 40;

/// A second from 0 to `limit - 1`.
fn second(dice: &mut Stream, limit: usize) -> usize {
    usize::try_from(dice.below(limit as u64)).unwrap()
}

const GOOD: u8 = b'g';
const BAD: u8 = b'b';
const UNKNOWN: u8 = b'u';
const EXCLUDED: u8 = b'e';

fn paint(line: &mut [u8], from: usize, to: usize, what: u8) {
    let end = line.len();
    line[from.min(end)..to.min(end)].fill(what);
}

/// Random results of a check that holds for `hold`, written and painted.
fn check(dice: &mut Stream, id: &str, hold: usize, out: &mut String) -> Vec<u8> {
    let mut line = vec![UNKNOWN; LENGTH];
    let mut at = second(dice, 3 * hold);
    while at < LENGTH {
        let (verdict, what) = match dice.below(10) {
            0..6 => ("good", GOOD),
            6..9 => ("bad", BAD),
            _ => ("unknown", UNKNOWN),
        };
        let until = (dice.below(8) == 0).then(|| at + 1 + second(dice, 4 * hold));
        // What came before is over, whatever it held.
        paint(&mut line, at, LENGTH, UNKNOWN);
        paint(&mut line, at, until.unwrap_or(at + hold), what);
        let moment = |at: usize| T0 + i64::try_from(at).unwrap();
        write!(out, "{{\"t\": {}, \"check\": \"{id}\", \"verdict\": \"{verdict}\"", moment(at))
            .unwrap();
        if let Some(until) = until {
            write!(out, ", \"until\": {}", moment(until)).unwrap();
        }
        out.push_str("}\n");
        let step = hold / 2;
        at += match dice.below(12) {
            0 => 1 + second(dice, step),
            1 => step * (2 + second(dice, 9)),
            _ => step,
        };
    }
    line
}

fn join(one: u8, other: u8, all: bool) -> u8 {
    let (weak, strong) = if all { (GOOD, BAD) } else { (BAD, GOOD) };
    match (one, other) {
        (EXCLUDED, left) | (left, EXCLUDED) => left,
        (one, other) if one == strong || other == strong => strong,
        (one, other) if one == weak && other == weak => weak,
        _ => UNKNOWN,
    }
}

fn count(line: &[u8], during: Range<i64>, what: u8) -> f64 {
    let state = |at: i64| {
        let inside = usize::try_from(at).ok().and_then(|at| line.get(at).copied());
        inside.unwrap_or(UNKNOWN)
    };
    let seconds = during.filter(|at| state(*at) == what).count();
    f64::from(u32::try_from(seconds).unwrap())
}

#[test]
fn random_schedules_are_counted_as_they_are_painted() {
    let mut dice = Stream::new(42, "replay");
    let (mut config, mut results) = (BEGIN.to_owned(), String::new());
    let mut painted = Vec::new();
    for number in 0..SERVICES {
        let name = format!("s{number}");
        let interval = 5 + second(&mut dice, 60);
        let keys = format!(
            "interval = \"{interval}s\"\ntimeout = \"1s\"\nrecheck = \"1s\"\nslo = [{{ objective = 99, window = \"3h\" }}]"
        );
        config += &service(&name, &["aws", "gcp"], &keys);
        let mut lines = ["aws", "gcp"].map(|provider| {
            let id = format!("{name}/{provider}/web");
            check(&mut dice, &id, 2 * interval, &mut results)
        });
        for (provider, line) in ["aws", "gcp"].into_iter().zip(&mut lines) {
            for _ in 0..dice.below(3) {
                let from = second(&mut dice, LENGTH - 1);
                let to = (from + 1 + second(&mut dice, 4_000)).min(LENGTH);
                paint(line, from, to, EXCLUDED);
                let moment = |at: usize| T0 + i64::try_from(at).unwrap();
                let about = format!("service = \"{name}\", provider = \"{provider}\"");
                config += &maintenance(&about, moment(from)..moment(to));
            }
        }
        painted.push((name, lines));
    }
    let length = i64::try_from(LENGTH).unwrap();
    let mut instants = [0, 1, 3 * 3_600, length, 0, 0, 0, 0];
    for at in &mut instants[4..] {
        *at = i64::try_from(second(&mut dice, LENGTH)).unwrap();
    }
    let rows = rows_of(&config, &results, &instants.map(|at| T0 + at));
    for (at, rows) in instants.into_iter().zip(rows.chunks(rows.len() / instants.len())) {
        for (name, [aws, gcp]) in &painted {
            let joined = |all| aws.iter().zip(gcp).map(move |(one, other)| join(*one, *other, all));
            let (any, all): (Vec<u8>, Vec<u8>) = (joined(false).collect(), joined(true).collect());
            let scopes =
                [("any", &any), ("all", &all), ("provider:aws", aws), ("provider:gcp", gcp)];
            for (scope, line) in scopes {
                let row = find(rows, name, scope);
                assert_eq!(row["at"], T0 + at);
                let during = at - 3 * 3_600..at;
                amounts(
                    row,
                    [GOOD, BAD, UNKNOWN, EXCLUDED].map(|what| count(line, during.clone(), what)),
                );
            }
        }
    }
}
