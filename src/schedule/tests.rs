//! The schedule at its edges: phases, lines, skips.
//!
//! Every test is told the time; none waits for it.
//!
//! What the scheduler task does with the turns is tested in the simulation.

use super::*;
use proptest::prelude::*;

const MINUTE: Duration = Duration::from_mins(1);

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// A grid whose due times are the multiples of `interval_ms`.
fn plain(interval_ms: i64) -> Grid {
    Grid { phase_ms: 0, interval_ms }
}

fn turns(agenda: &mut Agenda, now: i64) -> Vec<Turn> {
    let mut turns = Vec::new();
    agenda.advance(at(now), &mut turns);
    turns
}

/// An agenda of one check every second, with its first run (due at 1 ms) already done.
fn settled() -> Agenda {
    let mut agenda = Agenda::new([plain(1_000)], at(0));
    assert!(turns(&mut agenda, 1).is_empty());
    agenda.start().expect("the first run is due");
    agenda.finished(0, false);
    agenda
}

#[test]
fn phase_is_stable_and_spread_over_the_whole_interval() {
    let mut quarters = [0; 4];
    for n in 0..1_000 {
        let grid = Grid::new(&format!("service-{n}/aws/web"), MINUTE);
        assert_eq!(grid, Grid::new(&format!("service-{n}/aws/web"), MINUTE));
        quarters[usize::try_from(grid.phase_ms / 15_000).unwrap()] += 1;
    }
    assert!(quarters.iter().all(|count| (200..300).contains(count)), "{quarters:?}");
}

#[test]
fn due_times_are_phase_plus_multiples_of_the_interval() {
    let grid = Grid { phase_ms: 300, interval_ms: 1_000 };
    assert_eq!(grid.next_after(at(0)), at(300));
    assert_eq!(grid.next_after(at(299)), at(300));
    assert_eq!(grid.next_after(at(300)), at(1_300));
    assert_eq!(grid.next_after(at(1_300_000_000_000)), at(1_300_000_000_300));
}

#[test]
fn a_check_without_state_runs_within_thirty_seconds() {
    for n in 0..200 {
        let grid = Grid::new(&format!("service-{n}/aws/web"), Duration::from_hours(1));
        let first = grid.first_after(at(1_000_000));
        assert!(first > at(1_000_000) && first <= at(1_030_000), "{first:?}");
    }
}

#[test]
fn a_late_probe_is_skipped_not_queued() {
    let mut agenda = settled();
    let skipped = Turn::Skip { slot: 0, count: 2, cause: SkipCause::Late };
    assert_eq!(turns(&mut agenda, 3_400), [skipped]);
    assert_eq!(agenda.start(), Some(Turn::Start { slot: 0, due: at(3_000), recheck: false }));
    assert_eq!(agenda.start(), None);
    assert_eq!(agenda.next_wake(), Some(at(4_000)));
}

#[test]
fn a_run_without_room_is_skipped_when_the_next_falls_due() {
    let mut agenda = settled();
    assert!(turns(&mut agenda, 1_000).is_empty());
    let skipped = Turn::Skip { slot: 0, count: 1, cause: SkipCause::Concurrency };
    assert_eq!(turns(&mut agenda, 2_000), [skipped]);
    assert_eq!(agenda.start(), Some(Turn::Start { slot: 0, due: at(2_000), recheck: false }));
}

#[test]
fn a_running_check_is_never_started_twice() {
    let mut agenda = settled();
    turns(&mut agenda, 1_000);
    agenda.start().unwrap();
    assert!(turns(&mut agenda, 2_000).is_empty());
    assert_eq!(agenda.start(), None);
    let skipped = Turn::Skip { slot: 0, count: 1, cause: SkipCause::StillRunning };
    assert_eq!(turns(&mut agenda, 3_000), [skipped]);
    agenda.finished(0, false);
    assert_eq!(agenda.start(), Some(Turn::Start { slot: 0, due: at(3_000), recheck: false }));
}

#[test]
fn who_waits_longest_starts_first() {
    let mut agenda = Agenda::new([plain(1_000), plain(1_500), plain(700)], at(0));
    assert!(turns(&mut agenda, 650).is_empty());
    let mut started = Vec::new();
    while let Some(Turn::Start { slot, due, .. }) = agenda.start() {
        started.push((due, slot));
    }
    assert_eq!(started, [(at(1), 0), (at(1), 1), (at(1), 2)]);
    for slot in [2, 1, 0] {
        agenda.finished(slot, false);
    }
    assert!(turns(&mut agenda, 1_300).is_empty());
    let second = |agenda: &mut Agenda| match agenda.start() {
        Some(Turn::Start { slot, due, .. }) => (due, slot),
        other => panic!("{other:?}"),
    };
    assert_eq!([second(&mut agenda), second(&mut agenda)], [(at(700), 2), (at(1_000), 0)]);
}

#[test]
fn a_recheck_starts_soon_and_leaves_the_grid_alone() {
    let mut agenda = settled();
    agenda.recheck(0, at(400));
    assert_eq!(agenda.next_wake(), Some(at(400)));
    assert!(turns(&mut agenda, 400).is_empty());
    assert_eq!(agenda.start(), Some(Turn::Start { slot: 0, due: at(400), recheck: true }));
    agenda.finished(0, false);
    assert_eq!(agenda.next_wake(), Some(at(1_000)));
    assert_eq!(agenda.due_total(), 1);
}

#[test]
fn a_grid_run_takes_the_place_of_a_recheck_that_waits() {
    let mut agenda = settled();
    agenda.recheck(0, at(900));
    assert!(turns(&mut agenda, 1_000).is_empty());
    assert_eq!(agenda.start(), Some(Turn::Start { slot: 0, due: at(1_000), recheck: false }));
    assert_eq!(agenda.start(), None);
}

#[test]
fn a_recheck_after_the_next_grid_run_is_not_planned() {
    let mut agenda = settled();
    agenda.recheck(0, at(1_000));
    turns(&mut agenda, 1_000);
    assert_eq!(agenda.start(), Some(Turn::Start { slot: 0, due: at(1_000), recheck: false }));
    agenda.finished(0, false);
    assert_eq!(agenda.next_wake(), Some(at(2_000)));
}

#[test]
fn after_a_clock_step_the_grid_is_taken_anew() {
    let mut agenda = settled();
    agenda.reanchor(at(3_600_000));
    assert_eq!(agenda.next_wake(), Some(at(3_600_001)));
    turns(&mut agenda, 3_600_001);
    assert_eq!(agenda.next_wake(), Some(at(3_601_000)));
    agenda.reanchor(at(-10_500));
    assert_eq!(agenda.next_wake(), Some(at(-10_499)));
}

#[test]
fn after_a_clock_step_no_check_waits_longer_than_after_a_start() {
    let mut agenda = Agenda::new([Grid { phase_ms: 3_000_000, interval_ms: 3_600_000 }], at(0));
    agenda.reanchor(at(3_000_500));
    assert_eq!(agenda.next_wake(), Some(at(3_000_501)));
}

#[test]
fn a_run_that_waits_over_a_clock_step_is_not_late_by_it() {
    let mut agenda = settled();
    turns(&mut agenda, 1_000);
    agenda.reanchor(at(3_600_000));
    assert_eq!(agenda.start(), Some(Turn::Start { slot: 0, due: at(3_600_000), recheck: false }));
}

#[test]
fn stopping_skips_what_was_due_and_had_not_started() {
    let mut agenda = settled();
    turns(&mut agenda, 1_000);
    let mut skipped = Vec::new();
    agenda.stop(&mut skipped);
    assert_eq!(skipped, [Turn::Skip { slot: 0, count: 1, cause: SkipCause::Shutdown }]);
    assert_eq!((agenda.start(), agenda.next_wake()), (None, None));
}

/// What happens to an agenda, as a property test draws it.
#[derive(Clone, Debug)]
enum Step {
    Wait(i64),
    Start,
    /// Which of those that run ends, and whether it was long.
    Finish(usize, bool),
    Recheck(u32, i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0_i64..4_000).prop_map(Step::Wait),
        Just(Step::Start),
        Just(Step::Start),
        ((0_usize..8), any::<bool>()).prop_map(|(n, long)| Step::Finish(n, long)),
        ((0_u32..4), (0_i64..500)).prop_map(|(slot, soon)| Step::Recheck(slot, soon)),
    ];
    proptest::collection::vec(step, 0..200)
}

proptest! {
    #[test]
    fn every_due_run_is_started_skipped_or_waiting(steps in steps()) {
        let grids = (0..4).map(|n| Grid::new(&format!("s{n}/e/p"), Duration::from_millis(500 + n * 300)));
        let mut agenda = Agenda::new(grids, at(0));
        let (mut now, mut started, mut skipped) = (0, 0, 0);
        let mut running = Vec::new();
        for step in steps {
            match step {
                Step::Wait(millis) => now += millis,
                Step::Start => if let Some(Turn::Start { slot, recheck, .. }) = agenda.start() {
                    prop_assert!(!running.contains(&slot), "slot {slot} runs twice");
                    running.push(slot);
                    started += u64::from(!recheck);
                },
                Step::Finish(n, long) => if n < running.len() { agenda.finished(running.remove(n), long); },
                Step::Recheck(slot, soon) => agenda.recheck(slot, at(now + soon)),
            }
            for turn in turns(&mut agenda, now) {
                if let Turn::Skip { count, .. } = turn { skipped += count; }
            }
            prop_assert_eq!(agenda.due_total(), started + skipped + agenda.waiting_total());
        }
    }
}

#[test]
fn a_slot_that_stays_does_not_notice_others_coming_and_going() {
    let grid = |id: &str| Grid::new(id, Duration::from_mins(1));
    let now = Timestamp::from_millis(1_780_000_000_000);
    let mut alone = Agenda::new([grid("b")], now);
    let mut agenda = Agenda::new([grid("a"), grid("b")], now);
    let mut turns = Vec::new();
    // Each goes on for five minutes; in between, the neighbour leaves, comes back, and another one comes.
    let (mut starts, mut starts_alone) = (Vec::new(), Vec::new());
    let mut slot_of_b = 1;
    for second in 0..300 {
        let at = now.shifted(second * 1_000);
        match second {
            70 => agenda.succeed([(grid("b"), Some(1))], at),
            130 => agenda.succeed([(grid("c"), None), (grid("a"), None), (grid("b"), Some(0))], at),
            _ => {}
        }
        slot_of_b = match second {
            70 => 0,
            130 => 2,
            _ => slot_of_b,
        };
        for (agenda, starts, b) in
            [(&mut agenda, &mut starts, slot_of_b), (&mut alone, &mut starts_alone, 0)]
        {
            agenda.advance(at, &mut turns);
            while let Some(Turn::Start { slot, due, .. }) = agenda.start() {
                if slot == b {
                    starts.push(due);
                }
                agenda.finished(slot, false);
            }
        }
    }
    assert_eq!(starts, starts_alone);
    assert!(starts.len() >= 5 && turns.is_empty());
}

#[test]
fn a_run_in_flight_and_one_that_waits_go_on_at_their_new_place() {
    let grid = |id: &str| Grid::new(id, Duration::from_secs(1));
    let now = Timestamp::from_millis(1_780_000_000_000);
    let mut agenda = Agenda::new([grid("a"), grid("b")], now);
    let mut turns = Vec::new();
    let at = now.shifted(1_500);
    agenda.advance(at, &mut turns);
    let Some(Turn::Start { slot, .. }) = agenda.start() else { panic!("something is due") };
    // What runs stays in flight, and what is in line stays in line: both leave, with a newcomer before them.
    let other = 1 - slot;
    agenda.succeed([(grid("n"), None), (grid("x"), Some(slot)), (grid("y"), Some(other))], at);
    let next = agenda.start();
    assert!(matches!(next, Some(Turn::Start { slot: 2, .. })), "{next:?}");
    assert_eq!(agenda.start(), None);
    agenda.finished(1, false);
    agenda.finished(2, false);
}

#[test]
fn a_run_is_long_before_its_timeout_is_over() {
    let timeout = Duration::from_secs(5);
    // What a survey of a silent zone takes, which ends in time to say so; and echoes that are waited for 3 s each.
    assert!(is_long(Duration::from_millis(4_800), timeout));
    assert!(is_long(Duration::from_secs(3), timeout));
    assert!(is_long(timeout, timeout));
    assert!(!is_long(Duration::from_millis(2_400), timeout));
}

#[test]
fn whose_last_run_was_slow_waits_behind_all_others() {
    let mut agenda = Agenda::new((0..4).map(|_| plain(1_000)), at(0));
    turns(&mut agenda, 1);
    let start = |agenda: &mut Agenda| match agenda.start() {
        Some(Turn::Start { slot, .. }) => slot,
        other => panic!("{other:?}"),
    };
    for slot in 0..4 {
        assert_eq!(start(&mut agenda), slot);
        agenda.finished(slot, slot < 2);
    }
    turns(&mut agenda, 1_000);
    assert_eq!(start(&mut agenda), 2);
    agenda.finished(2, true);
    // One that is slow from now on, a look that is asked for, and a line that moves over to other slots.
    agenda.recheck(2, at(1_500));
    turns(&mut agenda, 1_500);
    agenda.succeed((0..4).map(|slot| (plain(1_000), Some(slot))), at(1_500));
    let order: Vec<Slot> = (0..4).map(|_| start(&mut agenda)).collect();
    assert_eq!(order, [3, 0, 1, 2]);
    assert!(!agenda.has_waiting());
    // A run that was not slow ends that.
    for slot in 0..4 {
        agenda.finished(slot, slot == 1);
    }
    turns(&mut agenda, 2_000);
    assert_eq!((0..4).map(|_| start(&mut agenda)).collect::<Vec<_>>(), [0, 2, 3, 1]);
}
