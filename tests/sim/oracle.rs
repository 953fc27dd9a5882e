//! What must hold, whatever happens: judged from the journal, sharing no code with what is judged.
//!
//! The time line is painted anew, second by second of each event, from the journal alone; due times are counted by walking
//! the grid; health is recounted verdict by verdict.
//!
//! It does not drive the world.

use crate::world::{BEGINNING, Line, Report, World};
use nephoscope::model::{Outcome, State};
use nephoscope::seed::stable_hash;
use std::collections::BTreeMap;

/// Everything that must hold of any run.
pub(crate) fn judge(world: &World, report: &Report) {
    assert_eq!(report.most_in_flight, 1, "a check had two runs in flight");
    let longest = report.checks.iter().map(|check| check.shape.timeout).max().unwrap();
    assert!(
        report.stopping <= longest * 3 + std::time::Duration::from_secs(2),
        "{:?}",
        report.stopping
    );
    counters_never_decrease(&report.scrapes);
    for (number, view) in (0..).zip(&report.views) {
        let lines: Vec<_> = report.journal.iter().filter(|line| number == of(line)).collect();
        let name = format!("check {number} of seed {}", world.seed);
        if world.faults.clock_step == 0 {
            every_due_run_is_accounted_for(&name, world, report, number, &lines);
        }
        let painted = paint(&lines, report, number, view.watermark.as_millis());
        let seconds = view.seconds;
        let shown = [seconds.good, seconds.bad, seconds.unknown].map(|time| time.as_millis());
        assert_eq!(shown, painted, "time line of {name}");
        assert_eq!(
            view.standing.state,
            recount_health(&lines, report, number, view),
            "health of {name}"
        );
    }
}

fn of(line: &Line) -> u32 {
    match line {
        Line::Started { check, .. }
        | Line::Finished { check, .. }
        | Line::Skipped { check, .. }
        | Line::Back { check, .. } => *check,
    }
}

/// due = done + skipped (after the end nothing is in flight or waits).
fn every_due_run_is_accounted_for(
    name: &str,
    world: &World,
    report: &Report,
    number: u32,
    lines: &[&Line],
) {
    let check = &report.checks[number as usize];
    let interval = i64::try_from(check.shape.interval.as_millis()).unwrap();
    let phase = i64::try_from(stable_hash(check.id.as_str()) >> 1).unwrap() % interval;
    let end = BEGINNING + i64::try_from(world.lasts.as_millis()).unwrap();
    let first = BEGINNING + 1 + phase % interval.min(30_000);
    let grid = (BEGINNING + 1..=end).filter(|at| (at - phase) % interval == 0);
    let mut due = grid.collect::<Vec<_>>();
    if !due.contains(&first) && due.first().is_none_or(|grid| first < *grid) && first <= end {
        due.insert(0, first);
    }
    let started = |line: &&&Line| matches!(line, Line::Started { recheck: false, .. });
    let done = lines.iter().filter(started).count() as u64;
    let skipped: u64 = lines
        .iter()
        .map(|line| if let Line::Skipped { count, .. } = line { *count } else { 0 })
        .sum();
    let total = due.len() as u64;
    // What fell due in the very millisecond of the stop may or may not have been seen.
    let on_the_edge = u64::from(due.last() == Some(&end));
    assert!(
        done + skipped == total || done + skipped + on_the_edge == total,
        "{name}: due {total}, done {done}, skipped {skipped}"
    );
}

/// Good, bad and unknown milliseconds up to the watermark, from the journal alone.
fn paint(lines: &[&Line], report: &Report, number: u32, watermark: i64) -> [u128; 3] {
    let hold = i64::try_from(report.checks[number as usize].shape.hold.as_millis()).unwrap();
    let mut pieces: Vec<(i64, usize)> = vec![(BEGINNING, 2)];
    let mut counted = [0_u128; 3];
    let mut started = None;
    for line in lines {
        match line {
            Line::Started { at, recheck, .. } => started = Some((*at, *recheck)),
            Line::Finished { outcome, .. } => {
                let (at, recheck) = started.take().unwrap();
                if !recheck {
                    let colour = match outcome {
                        Outcome::Good => 0,
                        Outcome::Bad(_) => 1,
                        Outcome::Unknown(_) => 2,
                    };
                    pieces.push((at, colour));
                }
            }
            Line::Back { millis, .. } => {
                for piece in &mut pieces {
                    piece.0 -= millis;
                }
                if let Some(started) = &mut started {
                    started.0 -= millis;
                }
            }
            Line::Skipped { .. } => {}
        }
    }
    for (position, (from, colour)) in pieces.iter().enumerate() {
        let next = pieces.get(position + 1).map_or(watermark, |next| next.0);
        for at in *from..next.max(*from) {
            let colour = if *colour < 2 && at >= from + hold { 2 } else { *colour };
            counted[colour] += 1;
        }
    }
    counted
}

/// The state that the verdicts in the journal lead to.
fn recount_health(
    lines: &[&Line],
    report: &Report,
    number: u32,
    view: &nephoscope::monitor::snapshot::CheckView,
) -> State {
    let shape = report.checks[number as usize].shape;
    let hold = i64::try_from(shape.hold.as_millis()).unwrap();
    let (mut state, mut streak, mut known_until) = (State::Unknown, 0, None::<i64>);
    let mut started = None;
    for line in lines {
        match line {
            Line::Started { at, recheck, .. } => started = Some((*at, *recheck)),
            Line::Finished { outcome, .. } => {
                let (at, recheck) = started.take().unwrap();
                if known_until.is_some_and(|until| at >= until) {
                    (state, streak, known_until) = (State::Unknown, 0, None);
                }
                (state, streak) = step(state, streak, *outcome, shape.confirm);
                if !recheck {
                    let known = !matches!(outcome, Outcome::Unknown(_));
                    known_until = known.then_some(at + hold);
                }
            }
            Line::Back { millis, .. } => {
                known_until = known_until.map(|until| until - millis);
                if let Some(started) = &mut started {
                    started.0 -= millis;
                }
            }
            Line::Skipped { .. } => {}
        }
    }
    if known_until.is_some_and(|until| view.watermark.as_millis() >= until) {
        return State::Unknown;
    }
    match (state, streak) {
        (State::Up | State::Unknown, 1..) => State::Degraded,
        (state, _) => state,
    }
}

fn step(state: State, streak: u32, outcome: Outcome, confirm: u32) -> (State, u32) {
    match (state, outcome) {
        (_, Outcome::Unknown(_)) => (State::Unknown, 0),
        (State::Up | State::Unknown, Outcome::Good) => (State::Up, 0),
        (State::Down, Outcome::Bad(_)) => (State::Down, 0),
        (state, Outcome::Good) if streak + 1 < confirm => (state, streak + 1),
        (state, Outcome::Bad(_)) if streak + 1 < confirm => (state, streak + 1),
        (_, Outcome::Good) => (State::Up, 0),
        (_, Outcome::Bad(_)) => (State::Down, 0),
    }
}

/// No series whose name ends like a counter's ever goes down or vanishes.
fn counters_never_decrease(scrapes: &[String]) {
    let mut before: BTreeMap<&str, f64> = BTreeMap::new();
    for scrape in scrapes {
        let mut now = BTreeMap::new();
        for line in scrape.lines().filter(|line| !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let name = series.split('{').next().unwrap();
            let counts =
                ["_total", "_bucket", "_count", "_sum"].iter().any(|end| name.ends_with(end));
            if counts && name.starts_with("nephoscope_") {
                now.insert(series, value.parse::<f64>().unwrap());
            }
        }
        for (series, value) in &before {
            let later = now.get(series).unwrap_or_else(|| panic!("{series} vanished"));
            assert!(later >= value, "{series} fell from {value} to {later}");
        }
        before = now;
    }
}
