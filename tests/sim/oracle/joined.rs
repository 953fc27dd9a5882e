//! Endpoints, sides and services, read off the states below them (S11, S12).
//!
//! Serial: the first of down, unknown, degraded, up that stands in the list; parallel: the same list from the other end.
//! What is excluded is not in the list; if nothing is left, all is excluded.
//!
//! It does not know how the states of checks came about.

use crate::world::{BEGINNING, Scrape};
use nephoscope::model::{Role, Service, Side, State};
use nephoscope::monitor::snapshot::{CheckView, SideView, Standing};

const WORST_FIRST: [State; 4] = [State::Down, State::Unknown, State::Degraded, State::Up];

/// The picture of every service is, at that moment, what its checks say.
pub(super) fn judge(setting: &[Service], scrape: &Scrape) {
    assert_eq!(scrape.services.len(), setting.len());
    for (service, view) in setting.iter().zip(&scrape.services) {
        assert_eq!(view.name, service.name);
        for side in &view.sides {
            judge_side(&scrape.views, service, side);
        }
        let mut providers: Vec<_> = service.endpoints.iter().map(|each| &each.provider).collect();
        providers.sort();
        providers.dedup();
        assert_eq!(view.sides.len(), providers.len(), "sides of {}", service.name);
        let sides: Vec<_> = view.sides.iter().map(|side| side.standing.state).collect();
        assert_eq!(view.any.state, parallel(&sides), "any of {}", service.name);
        assert_eq!(view.all.state, serial(&sides), "all of {}", service.name);
    }
}

fn judge_side(views: &[CheckView], service: &Service, side: &SideView) {
    let name = format!("{} on {}", service.name, side.provider);
    let endpoints = || service.endpoints.iter().filter(|each| each.provider == side.provider);
    let mut states = Vec::new();
    for (endpoint, view) in endpoints().zip(&side.endpoints) {
        let checks: Vec<_> = endpoint.checks.iter().map(|at| &views[at.get()]).collect();
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

/// Nothing holds since before the beginning or since after now, also where the clock was set back by so much.
pub(super) fn judge_since(scrape: &Scrape, back: i64) {
    for view in &scrape.services {
        let sides = view.sides.iter().flat_map(|side| {
            side.endpoints.iter().map(|endpoint| endpoint.standing).chain([side.standing])
        });
        for Standing { state, since } in sides.chain([view.any, view.all]) {
            let known = BEGINNING - back..=scrape.wall;
            let since = since.as_millis();
            assert!(known.contains(&since), "{}: {state} since {since}", view.name);
        }
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
