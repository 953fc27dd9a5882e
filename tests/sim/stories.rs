//! Runs over many seeds, and single stories with one thing in them.
//!
//! Seeds that once failed stay in the list. `NEPHOSCOPE_SIM_SEEDS` asks for more fresh ones (long runs).
//!
//! What must hold is in `oracle`.

use crate::oracle::judge;
use crate::world::{Faults, Line, World};
use nephoscope::model::{Cause, Outcome, State};
use std::time::Duration;

/// Seeds of every run of the tests, unless more are asked for.
const SEEDS: u64 = 40;

fn calm() -> World {
    World {
        seed: 1,
        checks: 4,
        intervals: vec![10],
        room: 100,
        confirm: Some(2),
        workers: 1,
        lasts: Duration::from_mins(10),
        mixed: false,
        heals: false,
        faults: Faults::default(),
    }
}

#[test]
fn whatever_is_drawn_nothing_is_lost_or_counted_twice() {
    #[expect(clippy::disallowed_methods, reason = "long runs ask for more seeds this way")]
    let asked = std::env::var("NEPHOSCOPE_SIM_SEEDS").ok().and_then(|text| text.parse().ok());
    for seed in 0..asked.unwrap_or(SEEDS) {
        let world = World::drawn(seed);
        // The message of what did not hold stands above; this one says how to see it again.
        std::panic::catch_unwind(|| judge(&world, &world.run()))
            .unwrap_or_else(|_| panic!("seed {seed} fails: {world:?}"));
    }
}

#[test]
fn the_same_seed_gives_the_same_journal() {
    let world = World::drawn(7);
    let (first, second) = (world.run(), world.run());
    assert!(first.journal.len() > 100);
    assert_eq!(first.journal, second.journal);
    assert_ne!(first.journal, World::drawn(8).run().journal);
}

#[test]
fn in_a_calm_world_everything_is_up_and_on_time() {
    let world = calm();
    let report = world.run();
    judge(&world, &report);
    assert!(report.views().iter().all(|view| view.standing.state == State::Up));
    assert!(!report.journal.iter().any(|line| matches!(line, Line::Skipped { .. })));
}

#[test]
fn without_room_runs_are_skipped_and_counted() {
    let mut world = calm();
    (world.checks, world.room, world.intervals) = (20, 1, vec![1]);
    world.faults.hang = 900;
    let report = world.run();
    judge(&world, &report);
    let skips = report.journal.iter().filter(|line| matches!(line, Line::Skipped { .. })).count();
    assert!(skips > 100, "{skips}");
}

#[test]
fn a_recorder_that_is_stuck_delays_runs_and_nothing_is_lost() {
    let mut world = calm();
    (world.checks, world.intervals) = (24, vec![1]);
    world.faults.deaf = true;
    let report = world.run();
    judge(&world, &report);
    let late = |line: &&Line| matches!(line, Line::Skipped { count: 10.., .. });
    assert!(report.journal.iter().filter(late).count() > 0, "nobody was late");
    assert!(report.scrapes.iter().any(|scrape| scrape.alive.is_err()), "nobody said so");
    assert!(report.views().iter().all(|view| view.standing.state == State::Up));
}

#[test]
fn a_panicking_prober_is_unknown_and_nobody_else_notices() {
    let mut world = calm();
    world.faults.panic = 1_000;
    let report = world.run();
    judge(&world, &report);
    let internal = |line: &Line| {
        matches!(line, Line::Finished { outcome: Outcome::Unknown(Cause::Internal), .. })
    };
    let finished = |line: &&Line| matches!(line, Line::Finished { .. });
    assert!(report.journal.iter().filter(finished).all(internal));
}

#[test]
fn a_failure_far_beyond_its_deadline_is_ours_and_not_the_far_sides() {
    let mut world = calm();
    (world.faults.bad, world.faults.stall) = (1_000, 1_000);
    let report = world.run();
    judge(&world, &report);
    let bad = |line: &Line| matches!(line, Line::Finished { outcome: Outcome::Bad(_), .. });
    assert!(!report.journal.iter().any(bad));
}

#[test]
fn after_a_provider_outage_everything_is_up_again() {
    let mut world = calm();
    world.faults.provider_outage = true;
    let report = world.run();
    judge(&world, &report);
    assert!(report.views().iter().all(|view| view.standing.state == State::Up));
    let bad = |view: &nephoscope::monitor::snapshot::CheckView| view.seconds.bad.as_secs();
    let (failed, spared): (Vec<_>, Vec<_>) =
        report.views().iter().partition(|view| &*view.provider == "a");
    assert!(failed.iter().all(|view| (140..=160).contains(&bad(view))));
    assert!(spared.iter().all(|view| bad(view) == 0));
}

#[test]
fn a_recheck_confirms_an_outage_before_the_next_grid_run() {
    let mut world = calm();
    world.intervals = vec![60];
    world.faults.provider_outage = true;
    let report = world.run();
    let rechecks = |line: &&Line| matches!(line, Line::Started { recheck: true, .. });
    assert!(report.journal.iter().filter(rechecks).count() > 0);
    judge(&world, &report);
}

#[test]
fn a_clock_set_back_or_forward_loses_no_check() {
    for step in [-3_600_000, 3_600_000, -900] {
        let mut world = calm();
        world.faults.clock_step = step;
        let report = world.run();
        judge(&world, &report);
        assert!(report.views().iter().all(|view| view.standing.state == State::Up), "{step}");
    }
}
