//! The SLO engine against paint: one byte a second, counted one by one, over random stories (slo-cases.md, S1 to S17).
//!
//! Each story goes through the production path (ledger, told pieces, history, standing) and, apart from it, onto a canvas. All
//! numbers of every promise in every scope have to be equal: seconds, budget, burn rates, alerts, for time, latency, slices
//! and results, rolling and by the calendar. Then the properties that hold of any story.
//!
//! Time is in whole seconds here; milliseconds are judged beside the parts of the engine.

mod canvas;
mod estimator;
mod properties;
mod story;

use canvas::{Canvas, View};
use nephoscope::model::{
    Objective, ObjectiveKind, ObjectiveWindow, PeriodPolicy, ScopeChoice, Tier, TierName,
    UnknownPolicy,
};
use nephoscope::slo::budget::Ratio;
use nephoscope::slo::burn::Burn;
use nephoscope::slo::joint::Scope;
use nephoscope::slo::standing::Standing;
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use story::{NOBODY, Story, second, story};

/// A result slower than this is bad to a latency promise.
const WITHIN_MS: i64 = 500;
/// Stories of each kind.
const CASES: u32 = 40;
const BURNS: [i64; 7] = [300, 1_800, 3_600, 7_200, 21_600, 86_400, 259_200];

/// A promise as it is drawn.
#[derive(Clone, Debug)]
struct Promise {
    kind: ObjectiveKind,
    window: Time,
    target_parts: u64,
    unknown: UnknownPolicy,
    maintenance: PeriodPolicy,
    slice: i64,
    min_failures: u32,
    /// Tiers of its own: long, short, factor in millionths.
    tiers: Option<Vec<(i64, i64, u64)>>,
}

/// Over what time.
#[derive(Clone, Copy, Debug)]
enum Time {
    Rolling(i64),
    Day,
    Month,
}

fn promise() -> impl Strategy<Value = Promise> {
    let window = prop_oneof![
        4 => prop::sample::select(vec![600, 1_234, 3_600, 20_000]).prop_map(Time::Rolling),
        4 => prop::sample::select(vec![3, 4, 7, 10, 11, 28, 30, 45, 46, 90])
            .prop_map(|days| Time::Rolling(days * 86_400)),
        2 => Just(Time::Day),
        1 => Just(Time::Month),
    ];
    let kind = prop::sample::select(ObjectiveKind::ALL.to_vec());
    let target = prop::sample::select(vec![500_000_000, 900_000_000, 990_000_000, 999_900_000]);
    let unknown = prop::sample::select(UnknownPolicy::ALL.to_vec());
    let maintenance = prop::sample::select(PeriodPolicy::ALL.to_vec());
    let slice = prop::sample::select(vec![60_i64, 77, 300]);
    let own = prop::collection::vec((100..5_000_i64, 30..500_i64, 1_000_000..4_000_000_u64), 1..5);
    let tiers = prop_oneof![2 => Just(None), 1 => own.prop_map(Some)];
    (kind, window, target, unknown, maintenance, slice, 1..4_u32, tiers).prop_map(
        |(kind, window, target_parts, unknown, maintenance, slice, min_failures, tiers)| Promise {
            kind,
            window,
            target_parts,
            unknown,
            maintenance,
            slice,
            min_failures,
            tiers,
        },
    )
}

fn length(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap())
}

impl Promise {
    fn objective(&self, name: usize, scope: ScopeChoice) -> Objective {
        let tier = |(name, (long, short, factor)): (&TierName, &(i64, i64, u64))| Tier {
            name: *name,
            long: length(*long),
            short: length(*short),
            factor_millionths: *factor,
            severity: NOBODY,
        };
        let tiers = |own: &Vec<_>| TierName::ALL.iter().zip(own).map(tier).collect::<Arc<[Tier]>>();
        Objective {
            name: format!("slo{name}").into(),
            kind: self.kind,
            target_parts: self.target_parts,
            window: match self.window {
                Time::Rolling(seconds) => ObjectiveWindow::Rolling(length(seconds)),
                Time::Day => ObjectiveWindow::Day,
                Time::Month => ObjectiveWindow::Month,
            },
            window_text: "drawn".into(),
            scope,
            alert: NOBODY,
            threshold: Some(Duration::from_millis(WITHIN_MS.unsigned_abs())),
            slice: Some(length(self.slice)),
            min_failures: self.min_failures,
            min_coverage_parts: 900_000_000,
            tiers: self.tiers.as_ref().map(tiers),
            unknown: self.unknown,
            maintenance: self.maintenance,
        }
    }

    /// Its first second, and where the whole window ends.
    fn bounds(&self, zone: &str, at: i64) -> (i64, i64) {
        let starts: &[i64] = match (self.window, zone) {
            (Time::Rolling(seconds), _) => return (at - seconds, at),
            (Time::Day, "UTC") => &[1_777_593_600, 1_777_680_000, 1_777_766_400],
            // 28, 29 (23 hours), 30 and 31 March; 24, 25 (25 hours), 26 and 27 October 2026.
            (Time::Day, _) => &[
                1_774_652_400,
                1_774_738_800,
                1_774_821_600,
                1_774_908_000,
                1_792_792_800,
                1_792_879_200,
                1_792_969_200,
                1_793_055_600,
            ],
            (Time::Month, "UTC") => &[1_777_593_600, 1_780_272_000],
            // March and April, October and November 2026.
            (Time::Month, _) => &[1_772_319_600, 1_774_994_400, 1_790_805_600, 1_793_487_600],
        };
        let next = starts.iter().position(|start| *start >= at).expect("within the table");
        (starts[next - 1], starts[next])
    }

    /// S17, by hand: long, short, factor in millionths.
    fn tiers(&self) -> Option<Vec<(i64, i64, u64)>> {
        if self.tiers.is_some() {
            return self.tiers.clone();
        }
        let days = match self.window {
            Time::Rolling(seconds) => seconds / 86_400,
            Time::Day => 1,
            Time::Month => 30,
        };
        let factors = match days {
            0..=3 => return None,
            4..=10 => [13_440_000, 3_500_000, 1_400_000, 1_000_000],
            28 => [13_440_000, 5_600_000, 2_800_000, 1_000_000],
            11..=45 => [14_400_000, 6_000_000, 3_000_000, 1_000_000],
            _ => [43_200_000, 18_000_000, 9_000_000, 3_000_000],
        };
        let windows = [(3_600, 300), (21_600, 1_800), (86_400, 7_200), (259_200, 21_600)];
        let tier = |((long, short), factor): ((i64, i64), u64)| (long, short, factor);
        Some(windows.into_iter().zip(factors).map(tier).collect())
    }

    /// What is charged of what was measured: S16.
    fn charged(&self, measured: [u64; 4]) -> [u64; 4] {
        let [mut good, mut bad, mut unknown, mut excluded] = measured;
        if self.maintenance == PeriodPolicy::Good {
            good += std::mem::take(&mut excluded);
        }
        match self.unknown {
            UnknownPolicy::Exclude => {}
            UnknownPolicy::Bad => bad += std::mem::take(&mut unknown),
            UnknownPolicy::Good => good += std::mem::take(&mut unknown),
        }
        [good, bad, unknown, excluded]
    }
}

/// One promise in one scope at one second, on the canvas.
struct Eye<'a> {
    story: &'a Story,
    promise: &'a Promise,
    view: View,
    canvas: Canvas,
    /// The counting checks of the scope that are judged.
    checks: Vec<usize>,
    from: i64,
    full_to: i64,
    at: i64,
    /// Those that were counted already: counting takes its time.
    burns: RefCell<BTreeMap<i64, (u64, u64)>>,
}

impl<'a> Eye<'a> {
    fn new(story: &'a Story, promise: &'a Promise, view: View, at: i64) -> Self {
        let within = (promise.kind == ObjectiveKind::Latency).then_some(WITHIN_MS);
        let (from, full_to) = promise.bounds(story.zone, at);
        let canvas = canvas::of_scope(story, view, at, within);
        let checks = canvas::checks_of(story, view);
        let burns = RefCell::default();
        Self { story, promise, view, canvas, checks, from, full_to, at, burns }
    }

    fn measure(&self, from: i64) -> [u64; 4] {
        match self.promise.kind {
            ObjectiveKind::Time | ObjectiveKind::Latency => self.canvas.count(from, self.at),
            ObjectiveKind::Slices => {
                let origin =
                    if matches!(self.promise.window, Time::Rolling(_)) { 0 } else { self.from };
                let grid = (self.promise.slice, origin);
                canvas::slices(&self.canvas, grid, (from, self.at), self.at)
            }
            ObjectiveKind::Events => {
                canvas::events(self.story, &self.canvas, &self.checks, (from, self.at), self.at)
            }
        }
    }

    /// What the rest of the window will have, without its maintenance.
    fn to_come(&self) -> u64 {
        let closed = if self.promise.maintenance == PeriodPolicy::Exclude {
            let ends = self.story.windows.iter().map(|window| window.to).max().unwrap_or(0);
            // Where nothing counts, everything is excluded for ever.
            let ends = if self.checks.is_empty() { i64::MAX } else { ends };
            let ahead = self.at..self.full_to.min(ends);
            let ahead =
                if self.story.windows.is_empty() && ends != i64::MAX { 0..0 } else { ahead };
            ahead.filter(|each| canvas::is_closed(self.story, self.view, *each)).count()
        } else {
            0
        };
        let closed = i64::try_from(closed).unwrap();
        let left = self.full_to - self.at;
        match self.promise.kind {
            ObjectiveKind::Time | ObjectiveKind::Latency => (left - closed).unsigned_abs(),
            ObjectiveKind::Slices => {
                let step = usize::try_from(self.promise.slice).unwrap();
                let starts = (self.from..self.full_to).step_by(step);
                starts.filter(|start| *start >= self.at).count() as u64
                    - (closed / self.promise.slice).unsigned_abs()
            }
            ObjectiveKind::Events => canvas::due(self.story, &self.checks, left - closed),
        }
    }

    /// What was bad in the last so many seconds, and of how much.
    fn burn(&self, window: i64) -> (u64, u64) {
        *self.burns.borrow_mut().entry(window).or_insert_with(|| self.count_burn(window))
    }

    fn count_burn(&self, window: i64) -> (u64, u64) {
        let slices = self.promise.kind == ObjectiveKind::Slices;
        let window = if slices { window.max(self.promise.slice) } else { window };
        let charged = self.promise.charged(self.measure(self.at - window));
        let basis = match self.promise.kind {
            ObjectiveKind::Time | ObjectiveKind::Latency => window.unsigned_abs(),
            ObjectiveKind::Slices => charged.iter().sum(),
            ObjectiveKind::Events => {
                (charged[0] + charged[1]).max(canvas::due(self.story, &self.checks, window))
            }
        };
        (charged[1], basis)
    }

    fn fires(&self, (long, short, factor): (i64, i64, u64)) -> bool {
        let allowed = u128::from(1_000_000_000 - self.promise.target_parts);
        let burns = |window| {
            let (bad, basis) = self.burn(window);
            // bad ÷ (allowed ÷ 10^9 × basis) > factor ÷ 10^6
            u128::from(bad) * 1_000_000_000_000_000
                > allowed * u128::from(basis) * u128::from(factor)
        };
        let failed = |check: &usize| self.story.checks[*check].failures(self.at - long, self.at);
        let failed: usize = self.checks.iter().map(failed).sum();
        burns(long) && burns(short) && failed >= self.promise.min_failures as usize
    }

    /// Milliseconds of seconds, counts as they are.
    fn unit(&self) -> u64 {
        let timed = matches!(self.promise.kind, ObjectiveKind::Time | ObjectiveKind::Latency);
        if timed { 1_000 } else { 1 }
    }

    fn judge(&self, found: &Standing) {
        let unit = self.unit();
        let measured = self.measure(self.from);
        let charged = self.promise.charged(measured);
        assert_eq!(found.measured.list(), measured.map(|each| each * unit), "measured");
        assert_eq!(found.charged.list(), charged.map(|each| each * unit), "charged");
        let [good, bad, unknown, excluded] = charged;

        let share = |part: u64, whole: u64| (whole > 0).then(|| float(part) / float(whole));
        let availability = found.availability().map(Ratio::as_f64);
        assert_eq!(availability, share(good, good + bad));
        let known = measured[0] + measured[1];
        let coverage = found.coverage().map(Ratio::as_f64);
        assert_eq!(coverage, share(known, known + measured[2]));
        let judged = self.promise.charged(measured);
        let lows = [found.low, found.high].map(|ratio| ratio.map(Ratio::as_f64));
        let low = Promise { unknown: UnknownPolicy::Bad, ..self.promise.clone() }.charged(measured);
        let high =
            Promise { unknown: UnknownPolicy::Good, ..self.promise.clone() }.charged(measured);
        assert_eq!(lows, [share(low[0], low[0] + low[1]), share(high[0], high[0] + high[1])]);

        let eligible = judged.iter().sum::<u64>() - excluded + self.to_come();
        let allowed = 1_000_000_000 - self.promise.target_parts;
        let budget = float(eligible) * float(allowed) / 1e9;
        assert_eq!(found.budget.eligible, eligible * unit, "eligible");
        close(found.budget_total(), budget);
        close(found.budget_left(), budget - float(bad));
        match found.budget_remaining() {
            Some(left) => close(left, 1.0 - float(bad) / budget),
            None => assert_eq!(eligible, 0),
        }
        assert!(unknown == 0 || self.promise.unknown == UnknownPolicy::Exclude);

        for ((window, burn), (_, rate)) in
            BURNS.into_iter().zip(found.burns).zip(found.burn_rates())
        {
            let (bad, basis) = self.burn(window);
            assert_eq!(burn, Burn { bad: bad * unit, basis: basis * unit }, "burn over {window} s");
            let allowed = float(allowed) / 1e9 * float(basis);
            close(rate, if basis == 0 { 0.0 } else { float(bad) / allowed });
        }
        let fire = self
            .promise
            .tiers()
            .map(|tiers| tiers.into_iter().map(|tier| self.fires(tier)).collect::<Vec<_>>());
        let found_fire = found.alerts().map(|tiers| tiers.map(|tier| tier.active).collect());
        assert_eq!(found_fire, fire, "alerts");
        let closed = canvas::is_closed(self.story, self.view, self.at);
        assert_eq!(found.suppressed, closed, "suppressed");
        assert_eq!(found.max_error, 0);
    }
}

/// Far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "seconds of some months")]
fn float(number: u64) -> f64 {
    number as f64
}

fn close(found: f64, wanted: f64) {
    let within = 1e-9 * wanted.abs().max(1.0);
    assert!((found - wanted).abs() <= within, "{found}, not {wanted}");
}

fn view_of(scope: Scope) -> View {
    match scope {
        Scope::Any => View::Any,
        Scope::All => View::All,
        Scope::Side(position) => View::Side(position),
        Scope::AtLeast(least) => View::AtLeast(least as usize),
        Scope::Entry => unreachable!("these services have no entry"),
    }
}

/// Judges every promise in every scope at `at`.
fn judge(story: &Story, promises: &[Promise], at: i64) {
    let scopes =
        [ScopeChoice::Any, ScopeChoice::All, ScopeChoice::AtLeast(2), ScopeChoice::AtLeast(1)];
    let objectives: Vec<_> = promises
        .iter()
        .enumerate()
        .map(|(name, promise)| promise.objective(name, scopes[name % scopes.len()].clone()))
        .collect();
    let mut played = story.play(&objectives, at);
    for (promise, objective) in promises.iter().zip(&objectives) {
        let scopes: Vec<_> = played.history.scopes().collect();
        for scope in scopes {
            let found = played.history.standing(objective, scope, second(at));
            Eye::new(story, promise, view_of(scope), at).judge(&found);
        }
    }
    counted(story, &mut played, at);
}

/// The counters: of each check up to its watermark, of each scope up to where it is told.
fn counted(story: &Story, played: &mut story::Played, at: i64) {
    if story.told_late {
        return;
    }
    for (number, plan) in story.checks.iter().enumerate() {
        let index = nephoscope::model::CheckIndex(u32::try_from(number).unwrap());
        let track = played.ledger.track(index);
        let upto = track.watermark().as_millis() / 1_000;
        assert!(upto <= at);
        let elapsed = (upto - story.begun).unsigned_abs() * 1_000;
        assert_eq!(track.millis().iter().sum::<u64>(), elapsed);
        if plan.begun == story.begun {
            let mut canvas = canvas::of_check(story, number, at, None);
            for window in story.windows.iter().filter(|window| story.is_about(window, number)) {
                canvas.close(window.from, window.to);
            }
            let painted = canvas.count(story.begun, upto).map(|each| each * 1_000);
            assert_eq!(track.millis(), painted, "counted of check {number}");
        }
    }
    played.history.advance();
    for counted in played.history.counted() {
        let canvas = canvas::of_scope(story, view_of(counted.scope), at, None);
        let upto = counted.upto.as_millis() / 1_000;
        let painted = canvas.count(story.begun, upto).map(|each| each * 1_000);
        assert_eq!(counted.millis.list(), painted, "counted of {:?}", counted.scope);
    }
    exposed(story, &played.history, at);
}

/// How many sides were able: as it was counted, and over drawn windows.
fn exposed(story: &Story, history: &nephoscope::slo::history::History, at: i64) {
    let counts = |side: &usize| !canvas::checks_of(story, View::Side(*side)).is_empty();
    let judged: Vec<usize> = (0..story.providers().len()).filter(counts).collect();
    let Some(counted) = history.exposed() else {
        assert!(judged.len() < 2, "{judged:?}");
        return;
    };
    let sides: Vec<Canvas> =
        judged.iter().map(|side| canvas::of_scope(story, View::Side(*side), at, None)).collect();
    let upto = counted.upto.as_millis() / 1_000;
    let (both, only, none, unknown) = able(&sides, story.begun, upto);
    assert_eq!([counted.both, counted.none, counted.unknown], [both, none, unknown]);
    assert_eq!(*counted.only, only[..]);
    assert_eq!(counted.elapsed(), (upto - story.begun).unsigned_abs() * 1_000);
    for back in [1, 60, 777, 4_000, 20_000] {
        let (both, only, none, unknown) = able(&sides, at - back, at);
        let found = history.exposure(second(at - back), second(at)).unwrap();
        assert_eq!([found.both, found.none, found.unknown], [both, none, unknown], "{back} s");
        assert_eq!(found.only, only);
        assert_eq!((found.elapsed(), found.slack), (back.unsigned_abs() * 1_000, 0));
        for (alone, side) in found.alone.iter().zip(&sides) {
            let [good, bad, unknown, excluded] = side.count(at - back, at).map(|each| each * 1_000);
            assert_eq!([alone.able, alone.unable, alone.unknown], [good, bad + excluded, unknown]);
            assert_eq!(alone.maintenance, excluded);
        }
    }
}

/// Milliseconds with at least two sides able, with only each, with none, and with no telling.
fn able(sides: &[Canvas], from: i64, to: i64) -> (u64, Vec<u64>, u64, u64) {
    let (mut both, mut only, mut none, mut unknown) = (0, vec![0; sides.len()], 0, 0);
    for second in from..to {
        let is = |cell| sides.iter().filter(|side| side.at(second) == cell).count();
        let (good, dark) = (is(canvas::GOOD), is(canvas::UNKNOWN));
        let cell = match (good, dark) {
            (0, 0) => &mut none,
            (1, 0) => {
                let left = sides.iter().position(|side| side.at(second) == canvas::GOOD);
                &mut only[left.unwrap()]
            }
            (0 | 1, _) => &mut unknown,
            _ => &mut both,
        };
        *cell += 1_000;
    }
    (both, only, none, unknown)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_number_is_that_of_the_canvas(
        story in story(true),
        promises in prop::collection::vec(promise(), 1..4),
        share in 10..100_i64,
        beyond in 0..700_i64,
    ) {
        let lasts = story.end() - story.begun;
        let midway = story.begun + 1 + lasts * share / 100;
        judge(&story, &promises, midway);
        judge(&story, &promises, story.end() + beyond);
    }

    #[test]
    fn runs_that_start_late_change_nothing_but_what_they_should(
        story in story(false),
        promises in prop::collection::vec(promise(), 1..4),
        beyond in 0..700_i64,
    ) {
        // Results are counted at their places on the grid, which late starts blur; all else is exact.
        let timed = |promise: &Promise| promise.kind != ObjectiveKind::Events;
        let promises: Vec<_> = promises.into_iter().filter(timed).collect();
        judge(&story, &promises, story.end() + beyond);
    }
}
