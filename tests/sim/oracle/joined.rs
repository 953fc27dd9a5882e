//! Endpoints, sides and services, read off the states below them (S11, S12).
//!
//! Serial: the first of down, unknown, degraded, up that stands in the list; parallel: the same list from the other end.
//! What is excluded is not in the list; if nothing is left, all is excluded.
//!
//! It does not know how the states of checks came about.

use crate::world::{BEGINNING, Report};
use nephoscope::model::{Role, Service, Side, State};
use nephoscope::monitor::snapshot::{ServiceView, SideView, Standing};

const WORST_FIRST: [State; 4] = [State::Down, State::Unknown, State::Degraded, State::Up];

/// The picture of every service is what its checks say.
pub(super) fn judge(report: &Report) {
    assert_eq!(report.services.len(), report.setting.len());
    for (service, view) in report.setting.iter().zip(&report.services) {
        assert_eq!(view.name, service.name);
        for side in &view.sides {
            judge_side(report, service, side);
        }
        let mut providers: Vec<_> = service.endpoints.iter().map(|each| &each.provider).collect();
        providers.sort();
        providers.dedup();
        assert_eq!(view.sides.len(), providers.len(), "sides of {}", service.name);
        let sides: Vec<_> = view.sides.iter().map(|side| side.standing.state).collect();
        assert_eq!(view.any.state, parallel(&sides), "any of {}", service.name);
        assert_eq!(view.all.state, serial(&sides), "all of {}", service.name);
        judge_since(report, view);
    }
}

fn judge_side(report: &Report, service: &Service, side: &SideView) {
    let name = format!("{} on {}", service.name, side.provider);
    let endpoints = || service.endpoints.iter().filter(|each| each.provider == side.provider);
    let mut states = Vec::new();
    for (endpoint, view) in endpoints().zip(&side.endpoints) {
        let checks: Vec<_> = endpoint.checks.iter().map(|at| &report.views[at.get()]).collect();
        let counting: Vec<_> = checks.iter().filter(|check| check.counts).collect();
        let expected = serial(&counting.iter().map(|each| each.standing.state).collect::<Vec<_>>());
        assert_eq!((&view.name, view.standing.state), (&endpoint.name, expected), "{name}");
        let below = view.checks.iter().map(|check| (&check.id, check.standing));
        assert!(below.eq(checks.iter().map(|check| (&check.id, check.standing))), "{name}");
        states.push((endpoint.role, expected));
    }
    assert_eq!(states.len(), side.endpoints.len(), "{name}");
    // A side of standbys alone is judged by those.
    let serves = states.iter().any(|(role, _)| *role == Role::Active);
    let asked = states.iter().filter(|(role, _)| !serves || *role == Role::Active);
    let asked: Vec<_> = asked.map(|(_, state)| *state).collect();
    let expected = match service.side {
        Side::Any => parallel(&asked),
        Side::All => serial(&asked),
    };
    assert_eq!(side.standing.state, expected, "{name}");
}

/// Nothing holds since before the beginning or since after the end, also where the clock was set back.
fn judge_since(report: &Report, view: &ServiceView) {
    let sides = view.sides.iter().flat_map(|side| {
        side.endpoints.iter().map(|endpoint| endpoint.standing).chain([side.standing])
    });
    for Standing { state, since } in sides.chain([view.any, view.all]) {
        let since = since.as_millis();
        let beginning = BEGINNING + report.stepped.min(0);
        assert!(
            (beginning..=report.ended).contains(&since),
            "{}: {state} since {since}",
            view.name
        );
    }
}

fn serial(states: &[State]) -> State {
    first(WORST_FIRST.iter(), states)
}

fn parallel(states: &[State]) -> State {
    first(WORST_FIRST.iter().rev(), states)
}

fn first<'a>(mut order: impl Iterator<Item = &'a State>, states: &[State]) -> State {
    order.find(|state| states.contains(state)).copied().unwrap_or(State::Maintenance)
}
