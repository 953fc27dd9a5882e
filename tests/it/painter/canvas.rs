//! What time was, painted second by second and counted one by one: the oracle of the SLO engine.
//!
//! A canvas has one byte a second. Each result of a check wipes everything from its start on and paints its hold; maintenance
//! is painted on top; checks are joined into scopes at each second by the words of S11. Nothing here knows an interval, a sum
//! kept along or a binary search.
//!
//! It shares no code with what it judges.

use super::story::{Plan, Run, Story, Want};

pub(crate) const GOOD: u8 = 0;
pub(crate) const BAD: u8 = 1;
pub(crate) const UNKNOWN: u8 = 2;
pub(crate) const EXCLUDED: u8 = 3;
/// Before a check was watched.
pub(crate) const ABSENT: u8 = 4;

/// One byte a second, from `from` on; what lies beside it is unknown.
pub(crate) struct Canvas {
    pub(crate) from: i64,
    cells: Vec<u8>,
}

impl Canvas {
    pub(crate) fn at(&self, second: i64) -> u8 {
        let cell = usize::try_from(second - self.from).ok().and_then(|at| self.cells.get(at));
        cell.copied().filter(|cell| *cell != ABSENT).unwrap_or(UNKNOWN)
    }

    fn fill(&mut self, from: i64, to: i64, colour: u8) {
        let place = |second: i64| {
            usize::try_from((second - self.from).max(0)).unwrap().min(self.cells.len())
        };
        let (from, to) = (place(from), place(to));
        if from < to {
            self.cells[from..to].fill(colour);
        }
    }

    /// Maintenance is painted on top.
    pub(crate) fn close(&mut self, from: i64, to: i64) {
        self.fill(from, to, EXCLUDED);
    }

    /// Good, bad, unknown and excluded seconds of `[from, to)`.
    pub(crate) fn count(&self, from: i64, to: i64) -> [u64; 4] {
        let end = self.from + i64::try_from(self.cells.len()).unwrap();
        let (low, high) = (from.max(self.from), to.min(end));
        let mut counted = [0; 5];
        if low < high {
            let place = |second: i64| usize::try_from(second - self.from).unwrap();
            for cell in &self.cells[place(low)..place(high)] {
                counted[usize::from(*cell)] += 1;
            }
        }
        let beside = (to - from) - (high - low).max(0);
        let [good, bad, unknown, excluded, absent] = counted;
        [good, bad, unknown + absent + u64::try_from(beside).unwrap(), excluded]
    }
}

/// What the results of check `number` say, up to `at`; good but slower than `within` (milliseconds) is bad.
pub(crate) fn of_check(story: &Story, number: usize, at: i64, within: Option<i64>) -> Canvas {
    let plan = &story.checks[number];
    let length = usize::try_from(at - story.begun).unwrap();
    let mut canvas = Canvas { from: story.begun, cells: vec![ABSENT; length] };
    canvas.fill(plan.begun, at, UNKNOWN);
    for run in plan.grid(at) {
        canvas.fill(run.start, at, UNKNOWN);
        let slow = within.is_some_and(|within| run.took > within);
        let colour = match run.want {
            Want::Good if slow => BAD,
            Want::Good => GOOD,
            Want::Bad => BAD,
            Want::Unknown => UNKNOWN,
        };
        canvas.fill(run.start, run.start + plan.hold, colour);
    }
    canvas
}

/// For whom it is looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    Any,
    All,
    Side(usize),
    AtLeast(usize),
}

/// The counting checks of a scope, standbys apart.
pub(crate) fn checks_of(story: &Story, view: View) -> Vec<usize> {
    let providers = story.providers();
    let in_view = |plan: &Plan| match view {
        View::Side(position) => plan.place.0 == providers[position],
        _ => true,
    };
    let judged = |plan: &Plan| {
        let side = story.checks.iter().filter(|other| other.place.0 == plan.place.0);
        let only_waits = side.map(|other| other.place).all(|place| story.waits(place));
        plan.counts && in_view(plan) && (only_waits || !story.waits(plan.place))
    };
    (0..story.checks.len()).filter(|number| judged(&story.checks[*number])).collect()
}

/// What a scope was, up to `at`, with the maintenance that is known laid over.
pub(crate) fn of_scope(story: &Story, view: View, at: i64, within: Option<i64>) -> Canvas {
    let mut checks: Vec<_> =
        (0..story.checks.len()).map(|number| of_check(story, number, at, within)).collect();
    for (number, canvas) in checks.iter_mut().enumerate() {
        let watched = story.checks[number].begun;
        for window in story.windows.iter().filter(|window| story.is_about(window, number)) {
            canvas.close(window.from.max(watched), window.to);
        }
    }
    let counting = checks_of(story, view);
    let takes_part = |number: &usize| counting.is_empty() || counting.contains(number);
    let watched = (0..story.checks.len()).filter(takes_part);
    let first = watched.map(|number| story.checks[number].begun).min().unwrap();
    let mut cells = Vec::with_capacity(checks[0].cells.len());
    let mut last: (Vec<u8>, u8) = (Vec::new(), ABSENT);
    for second in 0..checks[0].cells.len() {
        let is_same = last.0.len() == checks.len()
            && checks.iter().zip(&last.0).all(|(canvas, cell)| canvas.cells[second] == *cell);
        if !is_same {
            let now: Vec<u8> = checks.iter().map(|canvas| canvas.cells[second]).collect();
            let joined = join(story, view, &now);
            last = (now, joined);
        }
        cells.push(last.1);
    }
    let mut canvas = Canvas { from: story.begun, cells };
    // Before anything of it was watched, nothing is known.
    canvas.fill(story.begun, first, ABSENT);
    canvas
}

/// Whether the whole scope is under maintenance in a second to come, whatever its checks would say.
pub(crate) fn is_closed(story: &Story, view: View, second: i64) -> bool {
    let now: Vec<u8> = (0..story.checks.len())
        .map(|number| {
            let about = |window: &&super::story::Window| story.is_about(window, number);
            let mut windows = story.windows.iter().filter(about);
            if windows.any(|window| window.from <= second && second < window.to) {
                EXCLUDED
            } else {
                UNKNOWN
            }
        })
        .collect();
    join(story, view, &now) == EXCLUDED
}

/// S11, from checks to a scope.
fn join(story: &Story, view: View, now: &[u8]) -> u8 {
    let side = |provider: usize| {
        let of_side = |(_, place): &(usize, &(usize, usize))| place.0 == provider;
        let places: Vec<(usize, usize)> = story.checks.iter().map(|plan| plan.place).collect();
        let mut endpoints: Vec<(usize, usize)> =
            places.iter().enumerate().filter(of_side).map(|(_, place)| *place).collect();
        endpoints.sort_unstable();
        endpoints.dedup();
        let has_active = endpoints.iter().any(|place| !story.waits(*place));
        endpoints.retain(|place| !has_active || !story.waits(*place));
        let states = endpoints.into_iter().map(|place| {
            let counting = story.checks.iter().zip(now);
            let counting = counting.filter(|(plan, _)| plan.place == place && plan.counts);
            serial(&counting.map(|(_, cell)| *cell).collect::<Vec<_>>())
        });
        let states: Vec<u8> = states.collect();
        if story.all_endpoints { serial(&states) } else { parallel(&states) }
    };
    let sides: Vec<u8> = story.providers().into_iter().map(side).collect();
    match view {
        View::Any => parallel(&sides),
        View::All => serial(&sides),
        View::Side(position) => sides[position],
        View::AtLeast(least) => at_least(least, &sides),
    }
}

/// What is left to be judged; else what that makes of them.
fn left(states: &[u8]) -> Result<Vec<u8>, u8> {
    let takes_part = |cell: &u8| *cell != EXCLUDED && *cell != ABSENT;
    let left: Vec<u8> = states.iter().copied().filter(takes_part).collect();
    match left.is_empty() {
        true if !states.is_empty() && states.iter().all(|cell| *cell == ABSENT) => Err(ABSENT),
        true => Err(EXCLUDED),
        false => Ok(left),
    }
}

fn serial(states: &[u8]) -> u8 {
    match left(states) {
        Err(nothing) => nothing,
        Ok(left) if left.contains(&BAD) => BAD,
        Ok(left) if left.iter().all(|cell| *cell == GOOD) => GOOD,
        Ok(_) => UNKNOWN,
    }
}

fn parallel(states: &[u8]) -> u8 {
    match left(states) {
        Err(nothing) => nothing,
        Ok(left) if left.contains(&GOOD) => GOOD,
        Ok(left) if left.iter().all(|cell| *cell == BAD) => BAD,
        Ok(_) => UNKNOWN,
    }
}

fn at_least(least: usize, states: &[u8]) -> u8 {
    let left = match left(states) {
        Err(nothing) => return nothing,
        Ok(left) => left,
    };
    let least = least.min(left.len());
    let of = |colour: u8| left.iter().copied().filter(|cell| *cell == colour).collect::<Vec<_>>();
    if of(GOOD).len() >= least {
        GOOD
    } else if left.len() - of(BAD).len() < least {
        BAD
    } else {
        UNKNOWN
    }
}

/// Slices that start in `[from, to)`, judged by what was of them before `at`.
pub(crate) fn slices(
    canvas: &Canvas,
    (length, origin): (i64, i64),
    (from, to): (i64, i64),
    at: i64,
) -> [u64; 4] {
    let mut counted = [0; 4];
    let mut start = origin + (from - origin).div_euclid(length) * length;
    while start < to {
        if start >= from {
            let end = (start + length).min(at);
            let seen = if end <= canvas.from { [0, 0, 1, 0] } else { canvas.count(start, end) };
            let colour = match seen {
                [_, (1..), ..] => BAD,
                [(1..), ..] => GOOD,
                [_, _, (1..), _] => UNKNOWN,
                _ => EXCLUDED,
            };
            counted[usize::from(colour)] += 1;
        }
        start += length;
    }
    counted
}

/// Grid results of these checks in `[from, to)`, each judged by the scope at the second at which it counts, and at least
/// as many unknown ones as were due in what was not seen.
pub(crate) fn events(
    story: &Story,
    canvas: &Canvas,
    checks: &[usize],
    (from, to): (i64, i64),
    at: i64,
) -> [u64; 4] {
    let mut counted = [0; 4];
    for check in checks {
        for Run { start, .. } in story.checks[*check].grid(at) {
            let counts_at = start + 1;
            if from <= counts_at && counts_at < to {
                counted[usize::from(canvas.at(counts_at))] += 1;
            }
        }
    }
    let unseen = i64::try_from(canvas.count(from, to)[usize::from(UNKNOWN)]).unwrap();
    counted[2] = counted[2].max(due(story, checks, unseen));
    counted
}

/// How many results are due in so many seconds.
pub(crate) fn due(story: &Story, checks: &[usize], seconds: i64) -> u64 {
    let of_check = |check: &usize| seconds / story.checks[*check].interval;
    u64::try_from(checks.iter().map(of_check).sum::<i64>()).unwrap()
}
