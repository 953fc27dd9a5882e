//! Due times and the time line.
//!
//! Every due time was a run or was skipped, on both sides of a clock that was set. Time is settled to the last roll or run,
//! and what is settled is what the grid runs say.
//!
//! Rechecks have no part in it.

use crate::tale::{Run, Step, Tale, millis};
use crate::world::{BEGINNING, Report, World};
use nephoscope::model::{Outcome, Timestamp};
use nephoscope::monitor::snapshot::CheckView;

/// A worker rolls once a second, and a timer may be so much late.
const ROLL: i64 = 1_100;

/// due = done + skipped (after the end nothing is in flight or waits).
pub(super) fn every_due_run_is_accounted_for(tale: &Tale<'_>, world: &World, report: &Report) {
    let accounted = tale.runs().filter(|run| !run.recheck).count() as u64 + tale.skipped();
    let (least, most) = due(tale, world, report);
    assert!(
        (least..=most).contains(&accounted),
        "{}: {least} to {most} due, {accounted} done or skipped",
        tale.name
    );
}

/// How many runs fell due, at least and at most: nobody knows when within a second a worker sees that the clock was set,
/// and what falls due in the very millisecond of a stop or step may or may not be seen.
fn due(tale: &Tale<'_>, world: &World, report: &Report) -> (u64, u64) {
    let count = |from: i64, to: i64| tale.grid(from, to).count() as u64;
    let first = tale.first_due(BEGINNING);
    let from_start = |to: i64| u64::from(first <= to) + count(first, to);
    let Some(step) = world.steps_at() else {
        return (from_start(report.ended - 1), from_start(report.ended));
    };
    let before = BEGINNING + step;
    let (told, seen) = if world.faults.deaf {
        // Workers may wait for the recorder from the first third to the second.
        (BEGINNING + world.lasts_ms() / 3, world.lasts_ms() / 3 * 2 + ROLL)
    } else {
        (before - 1, step + ROLL)
    };
    let after = |passed: i64| BEGINNING + passed + world.faults.clock_step;
    let least = from_start(told) + count(after(seen), report.ended - 1);
    let most = from_start(before) + 1 + count(after(step) - 1, report.ended);
    (least, most)
}

/// The watermark is where the last roll or run puts it.
pub(super) fn time_is_settled(tale: &Tale<'_>, view: &CheckView, report: &Report) {
    let watermark = view.watermark.as_millis();
    let behind = report.ended - watermark;
    let most = ROLL + tale.longest_run();
    assert!(behind <= most, "{}: the watermark is {behind} ms behind", tale.name);
    assert!(watermark <= report.ended, "{}: the watermark is in the future", tale.name);
}

/// Good, bad and unknown milliseconds up to the watermark, painted from the journal alone; the picture shows the same.
pub(super) fn judge(tale: &Tale<'_>, view: &CheckView) -> [i64; 3] {
    let seconds = view.seconds;
    let shown = [seconds.good, seconds.bad, seconds.unknown].map(millis);
    let elapsed = view.watermark.as_millis() - BEGINNING + tale.back();
    assert_eq!(shown.iter().sum::<i64>(), elapsed, "time of {}", tale.name);
    if tale.is_torn() {
        return shown;
    }
    let painted = paint(tale, view.watermark);
    assert_eq!(shown, painted, "time line of {}", tale.name);
    assert_eq!(millis(seconds.excluded), 0, "{}", tale.name);
    painted
}

fn paint(tale: &Tale<'_>, watermark: Timestamp) -> [i64; 3] {
    let mut pieces: Vec<(i64, usize)> = vec![(BEGINNING, 2)];
    for step in &tale.steps {
        match step {
            Step::Run(Run { recheck: false, at, outcome, .. }) => {
                let colour = match outcome {
                    Outcome::Good => 0,
                    Outcome::Bad(_) => 1,
                    Outcome::Unknown(_) => 2,
                };
                pieces.push((*at, colour));
            }
            Step::Back(millis) => pieces.iter_mut().for_each(|piece| piece.0 -= millis),
            Step::Run(_) | Step::Skip { .. } => {}
        }
    }
    let mut counted = [0; 3];
    let ends = pieces.iter().skip(1).map(|next| next.0).chain([watermark.as_millis()]);
    for ((from, colour), to) in pieces.iter().zip(ends) {
        let to = to.max(*from);
        let known_to = if *colour == 2 { *from } else { to.min(from + tale.hold()) };
        counted[*colour] += known_to - from;
        counted[2] += to - known_to;
    }
    counted
}
