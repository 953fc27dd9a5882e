//! No run waits while there is room, and rechecks come when they are due and never otherwise (S2, S4).
//!
//! When runs really began and ended, and so when there was room, is the prober's word. A run may begin after its due time
//! only while the one before it goes on or all room is taken.
//!
//! Around a deaf recorder and a clock that is set, only order is judged.

use crate::layout::RECHECK;
use crate::tale::{Run, Tale, millis};
use crate::world::{BEGINNING, Report, World};

/// Timers tick once a millisecond, and a run may end in the tick in which another falls due.
const TICK: i64 = 2;

/// A worker sees within so many milliseconds that the clock was set.
const SEEN: i64 = 1_100;

/// When there was room for another run.
pub(super) struct Room {
    /// From, to: milliseconds from the beginning, ascending.
    free: Vec<(i64, i64)>,
}

impl Room {
    pub(super) fn of(world: &World, report: &Report) -> Self {
        let spans = report.seen.spans.iter().flatten();
        let mut turns: Vec<_> =
            spans.flat_map(|span| [(span.begun, 1), (span.ended, -1)]).collect();
        turns.sort_unstable();
        let (mut taken, mut since, mut free) = (0, 0, Vec::new());
        let room = i64::from(world.room);
        for (at, change) in turns {
            if taken < room && at > since + TICK {
                free.push((since, at));
            }
            (taken, since) = (taken + change, at);
        }
        free.push((since, i64::MAX));
        Self { free }
    }

    /// Whether there was room for more than a tick between the two.
    fn was_free(&self, from: i64, to: i64) -> bool {
        let next = self.free.partition_point(|free| free.1 <= from + TICK);
        self.free.get(next).is_some_and(|free| free.0.max(from) + TICK < free.1.min(to))
    }
}

/// Judges every start; gives back how late all of them together were, at least and at most, in milliseconds. `wants` says after which runs
/// another look is due.
pub(super) fn judge(tale: &Tale<'_>, world: &World, room: &Room, wants: &[bool]) -> [i64; 2] {
    let runs: Vec<_> = tale.runs().copied().zip(wants.iter().copied()).collect();
    let mut watch = Watch { tale, room, late: [0; 2], last_due: i64::MIN };
    for (number, (run, _)) in runs.iter().enumerate() {
        let stamp = run.stamped - run.span.wall;
        assert!(stamp.abs() <= 1, "{}: stamped {stamp} ms off, {run:?}", tale.name);
        let earlier = &runs[..number];
        let ended = earlier.last().map_or(0, |(before, _)| before.span.ended);
        let disturbed = disturbed(world, ended, run, tale);
        if run.recheck {
            watch.recheck(earlier, run, disturbed);
        } else {
            watch.grid_run(ended, number == 0, run, disturbed);
        }
        if let Some((before, true)) = earlier.last()
            && !disturbed
        {
            let from = before.asks_for();
            let idle = room.was_free(from, run.span.begun);
            assert!(!idle, "{}: a recheck from {from} on did not come, then {run:?}", tale.name);
        }
    }
    if let Some((run, true)) = runs.last() {
        let idle = room.was_free(run.asks_for(), world.lasts_ms());
        assert!(!idle, "{}: a last recheck did not come", tale.name);
    }
    after_a_step_all_start_again(tale, world, room);
    watch.late
}

impl Run {
    /// When another look at what it left undecided is due.
    fn asks_for(&self) -> i64 {
        self.span.ended + millis(RECHECK)
    }
}

struct Watch<'a> {
    tale: &'a Tale<'a>,
    room: &'a Room,
    late: [i64; 2],
    last_due: i64,
}

impl Watch<'_> {
    /// It comes for what the run before left undecided, not too soon, and before the next grid time.
    fn recheck(&mut self, earlier: &[(Run, bool)], run: &Run, disturbed: bool) {
        let name = &self.tale.name;
        let asked = match earlier {
            [.., (before, true)] if run.span.begun >= before.asks_for() - 1 => before,
            [.., (asked, _)] if disturbed => asked,
            _ => panic!("{name}: a recheck of what {:?} decided, {run:?}", earlier.last()),
        };
        let late = run.span.begun - asked.asks_for();
        assert!(late >= -1 || disturbed, "{name}: too soon, {run:?}");
        self.late = self.late.map(|sum| sum + late);
        let next = self.tale.grid(earlier[earlier.len() - 1].0.end(), run.stamped - TICK).next();
        assert!(next.is_none() || disturbed, "{name}: not before the grid, {run:?}");
    }

    /// It answers to a due time that no run has answered to, and was not held up but by `ended`, the end of the run before
    /// it, and by want of room.
    fn grid_run(&mut self, ended: i64, is_first: bool, run: &Run, disturbed: bool) {
        let name = &self.tale.name;
        let due = due(self.tale, run, is_first);
        let lag = run.stamped - due;
        if !disturbed {
            assert!(due > self.last_due, "{name}: started twice for {due}, {run:?}");
            let idle = self.room.was_free((run.span.begun - lag).max(ended), run.span.begun);
            assert!(!idle, "{name}: {lag} ms late with room, {run:?}");
        }
        self.late = self.late.map(|sum| sum + lag);
        if disturbed {
            self.last_due = i64::MIN;
        } else if lag <= TICK
            && !is_first
            && due - self.tale.interval() > self.last_due
            && !self
                .room
                .was_free((run.span.begun - self.tale.interval()).max(ended), run.span.begun)
        {
            // It may have waited for room until the very tick in which the next one fell due, and answer to the one before.
            self.late[1] += self.tale.interval();
            self.last_due = due - self.tale.interval();
        } else {
            self.last_due = due;
        }
    }
}

/// The due time that this run answers to: the last one before it.
fn due(tale: &Tale<'_>, run: &Run, is_first: bool) -> i64 {
    let own = tale.grid(run.stamped - tale.interval(), run.stamped).next().unwrap();
    if is_first { own.max(tale.first_due(BEGINNING).min(run.stamped)) } else { own }
}

/// Whether a deaf recorder or a clock that was set lies between `from` and the start of `run`, or just before.
fn disturbed(world: &World, from: i64, run: &Run, tale: &Tale<'_>) -> bool {
    let third = world.lasts_ms() / 3;
    let deaf = world.faults.deaf.then_some((third, third * 2));
    let step = world.steps_at().map(|at| (at, at));
    let settles = tale.interval() + SEEN;
    [deaf, step]
        .into_iter()
        .flatten()
        .any(|(begins, ends)| run.span.begun >= begins && from <= ends + settles)
}

/// After the clock was set each check runs within 30 s or its interval, if there is room.
fn after_a_step_all_start_again(tale: &Tale<'_>, world: &World, room: &Room) {
    let Some(step) = world.steps_at() else { return };
    let heard = if world.faults.deaf { world.lasts_ms() / 3 * 2 } else { step };
    let latest = heard + SEEN + tale.interval().min(30_000);
    let mut ready = latest;
    for run in tale.runs() {
        if !run.recheck && run.span.begun > step {
            let idle = run.span.begun > ready + TICK && room.was_free(ready, run.span.begun);
            assert!(!idle, "{}: late after the clock was set, {run:?}", tale.name);
            return;
        }
        ready = latest.max(run.span.ended);
    }
    panic!("{}: no run after the clock was set", tale.name);
}
