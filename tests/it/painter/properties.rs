//! What holds of any story, whatever its numbers are (slo-cases.md, "Properties to test besides the cases").
//!
//! Those of single parts (sums, bounds of joins, splitting, the cost of a bad second) are beside the parts; that saving and
//! loading at any point changes nothing is in the stories themselves, which are reloaded midway.
//!
//! No number is known beforehand here: two roads to the same one are compared.

use super::story::{NOBODY, Plan, Run, Story, Want, Window, second, story};
use super::{Promise, canvas, length, promise};
use nephoscope::model::{
    Objective, ObjectiveKind, ObjectiveWindow, PeriodPolicy, ScopeChoice, UnknownPolicy,
};
use nephoscope::slo::history::MOST_SPANS;
use nephoscope::slo::joint::Scope;
use nephoscope::slo::standing::Standing;
use proptest::prelude::*;

/// Every standing of these promises at `at`, as text that names each number.
fn standings(story: &Story, objectives: &[Objective], at: i64) -> Vec<Standing> {
    let mut played = story.play(objectives, at);
    all(&mut played, objectives, at)
}

fn all(played: &mut super::story::Played, objectives: &[Objective], at: i64) -> Vec<Standing> {
    let scopes: Vec<_> = played.history.scopes().collect();
    let standings = objectives.iter().flat_map(|objective| {
        scopes
            .iter()
            .map(|scope| played.history.standing(objective, *scope, second(at)))
            .collect::<Vec<_>>()
    });
    standings.collect()
}

fn objectives(promises: &[Promise]) -> Vec<Objective> {
    let named = promises.iter().enumerate();
    named.map(|(name, promise)| promise.objective(name, ScopeChoice::Any)).collect()
}

/// The numbers of a standing that do not say when it was.
fn timeless(standing: &Standing) -> impl PartialEq + std::fmt::Debug + use<> {
    let Standing { span: _, .. } = *standing;
    Standing {
        span: nephoscope::slo::window::Span {
            from: second(0),
            to: second(0),
            full_to: second(0),
            rolling: true,
        },
        ..*standing
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn shifting_everything_in_time_changes_no_rolling_number(
        story in story(true),
        promises in prop::collection::vec(promise(), 1..3),
        days in 1..4_000_i64,
        beyond in 0..500_i64,
    ) {
        let rolling = |promise: &Promise| {
            let by_slice = promise.kind == ObjectiveKind::Slices && 86_400 % promise.slice != 0;
            matches!(promise.window, super::Time::Rolling(_)) && !by_slice
        };
        let objectives = objectives(&promises.into_iter().filter(rolling).collect::<Vec<_>>());
        let at = story.end() + beyond;
        let later = story.shifted(days * 86_400);
        let before: Vec<_> = standings(&story, &objectives, at).iter().map(timeless).collect();
        let after = standings(&later, &objectives, at + days * 86_400);
        prop_assert_eq!(before, after.iter().map(timeless).collect::<Vec<_>>());
    }

    #[test]
    fn maintenance_that_is_added_and_removed_leaves_no_trace(
        story in story(true),
        promises in prop::collection::vec(promise(), 1..3),
        beyond in 0..500_i64,
    ) {
        let objectives = objectives(&promises);
        let at = story.end() + beyond;
        let without = Story { windows: Vec::new(), ..story.clone() };
        let mut played = without.play(&objectives, at);
        let before = all(&mut played, &objectives, at);
        played.set_windows(&story.maintenance());
        let with = all(&mut played, &objectives, at);
        prop_assert_eq!(with, standings(&Story { told_late: true, ..story }, &objectives, at));
        played.set_windows(&[]);
        prop_assert_eq!(before, all(&mut played, &objectives, at));
        let restated: Vec<_> = played.history.counted().iter().map(|each| each.restated).collect();
        prop_assert!(restated.iter().all(|restated| *restated == 0), "{:?}", restated);
    }

    #[test]
    fn the_order_of_maintenance_and_when_it_is_told_are_irrelevant(
        story in story(true),
        promises in prop::collection::vec(promise(), 1..3),
        again in any::<bool>(),
    ) {
        let objectives = objectives(&promises);
        let at = story.end();
        let told = standings(&story, &objectives, at);
        let mut other = Story { told_late: !story.told_late, ..story };
        other.windows.reverse();
        if again {
            // The same window twice, or a part of it, is the same time.
            let parts = other.windows.clone().into_iter();
            other.windows.extend(parts.map(|window| Window { to: (window.from + window.to + 1) / 2, ..window }));
        }
        prop_assert_eq!(told, standings(&other, &objectives, at));
    }
}

#[test]
fn a_scope_that_several_promises_name_is_computed_once() {
    let story = flapper(10);
    let least = [2, 1, 2].map(ScopeChoice::AtLeast);
    let objectives: Vec<_> =
        least.into_iter().map(|scope| Objective { scope, ..month() }).collect();
    let (service, checks) = story.service(&objectives);
    let zone = jiff::tz::TimeZone::UTC;
    let history = nephoscope::slo::history::History::new(&service, &checks, None, &zone, second(0));
    let scopes: Vec<_> = history.scopes().collect();
    let wanted = [Scope::Any, Scope::All, Scope::Side(0), Scope::AtLeast(2), Scope::AtLeast(1)];
    assert_eq!(scopes, wanted);
}

/// One check every minute that is bad now and then, for so many runs.
fn flapper(runs: i64) -> Story {
    let begun = 1_777_593_600;
    let mut draw = nephoscope::seed::Stream::new(1, "flapper");
    let runs = (0..runs).map(|number| Run {
        start: begun + number * 60,
        took: 100,
        want: if draw.chance(400) { Want::Bad } else { Want::Good },
        recheck: false,
    });
    let plan =
        Plan { interval: 60, hold: 120, place: (0, 0), counts: true, begun, runs: runs.collect() };
    Story {
        begun,
        zone: "Europe/Vienna",
        checks: vec![plan],
        all_endpoints: false,
        standby: Vec::new(),
        windows: Vec::new(),
        told_late: false,
        roll: 3_600,
        reload_after: 20_000,
    }
}

fn month() -> Objective {
    let promise = Promise {
        kind: ObjectiveKind::Time,
        window: super::Time::Rolling(30 * 86_400),
        target_parts: 999_000_000,
        unknown: UnknownPolicy::Exclude,
        maintenance: PeriodPolicy::Exclude,
        slice: 60,
        min_failures: 1,
        tiers: None,
    };
    Objective { alert: NOBODY, ..promise.objective(0, ScopeChoice::Any) }
}

#[test]
fn a_permanent_flapper_is_coalesced_within_its_bound_and_burns_exactly() {
    let story = flapper(12 * 1_440);
    let at = story.end();
    let mut played = story.play(&[month()], at);
    let line =
        played.history.line(Scope::Any, nephoscope::slo::history::Lens::Availability, second(at));
    let spans = line.len();
    assert!(spans > 0 && spans < 3_000, "{spans} spans, of which {MOST_SPANS} are old");
    let canvas = canvas::of_scope(&story, canvas::View::Any, at, None);
    let mut largest = 0;
    for back in (4 * 86_400..11 * 86_400).step_by(7_919) {
        let window = ObjectiveWindow::Rolling(length(back));
        let objective = Objective { window, ..month() };
        let found = played.history.standing(&objective, Scope::Any, second(at));
        let painted = canvas.count(at - back, at).map(|each| each * 1_000);
        let error = found.measured.bad.abs_diff(painted[1]);
        assert!(error <= found.max_error, "{back} s back: {error} ms, not {}", found.max_error);
        assert_eq!(found.measured.total(), painted.iter().sum::<u64>());
        for (burn, window) in found.burns.iter().zip(super::BURNS) {
            assert_eq!(burn.bad, canvas.count(at - window, at)[1] * 1_000);
        }
        largest = largest.max(found.max_error);
    }
    assert!(largest > 0, "nothing was coalesced");
    // Days of the calendar stay whole.
    for days in 1..11 {
        let (from, to) =
            (second(1_777_586_400 + days * 86_400), second(1_777_586_400 + (days + 1) * 86_400));
        let painted =
            canvas.count(1_777_586_400 + days * 86_400, 1_777_586_400 + (days + 1) * 86_400);
        let line = played.history.line(
            Scope::Any,
            nephoscope::slo::history::Lens::Availability,
            second(at),
        );
        assert_eq!(line.amounts(from, to).list(), painted.map(|each| each * 1_000), "day {days}");
        assert_eq!(line.uncertainty(from, to), 0);
    }
}
