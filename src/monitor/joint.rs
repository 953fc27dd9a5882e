//! The states above checks: endpoint, side, service (S11, S12).
//!
//! An endpoint is good when all of its counting checks are, a side when any (or all) of its active endpoints are, a service
//! when any side is. Each state remembers since when it holds. They are joined anew when a check below them changes.
//!
//! It does not judge checks, and it does not add up time (that is the SLO engine's).

use super::event::{Change, Effect};
use super::snapshot::Standing;
use crate::config::diff::Diff;
use crate::health::{join_parallel, join_serial};
use crate::model::{Check, CheckIndex, Role, Service, Side, State, Timestamp};
use std::sync::Arc;

/// The joined states of all services, in the order of the configuration.
#[derive(Debug)]
pub struct Joint {
    /// Shared with whoever shows them; changing one that is shared makes a copy.
    services: Vec<Arc<JointService>>,
    /// The service of each check; a reference has none.
    owner: Vec<Option<usize>>,
}

/// The joined states of one service.
#[derive(Clone, Debug)]
pub struct JointService {
    /// Some side can serve.
    pub any: Standing,
    /// Every side can serve.
    pub all: Standing,
    /// What a fresh client of the public name gets, if there is one.
    pub entry: Option<Standing>,
    /// One per provider, in the order of the service's endpoints.
    pub sides: Vec<JointSide>,
    /// The check of the public name.
    entry_check: Option<CheckIndex>,
}

/// The joined state of a service on one provider.
#[derive(Clone, Debug)]
pub struct JointSide {
    /// The provider.
    pub provider: Arc<str>,
    /// Its state.
    pub standing: Standing,
    /// Its endpoints.
    pub endpoints: Vec<JointEndpoint>,
    rule: Side,
}

/// The joined state of an endpoint.
#[derive(Clone, Debug)]
pub struct JointEndpoint {
    /// Position in the service's list of endpoints.
    pub position: usize,
    /// Its state.
    pub standing: Standing,
    active: bool,
    checks: Vec<CheckIndex>,
}

impl Joint {
    /// Everything that is looked at is unknown since `now`; what nothing counts for is excluded (S11).
    pub fn new(checks: &[Arc<Check>], services: &[Service], now: Timestamp) -> Self {
        let mut owner = vec![None; checks.len()];
        for (position, service) in services.iter().enumerate() {
            for check in service.checks() {
                owner[check.get()] = Some(position);
            }
        }
        let mut services: Vec<_> =
            services.iter().map(|each| JointService::new(each, checks, now)).collect();
        for service in &mut services {
            service.join(now, |_| State::Unknown);
        }
        let services = services.into_iter().map(Arc::new).collect();
        Self { services, owner }
    }

    /// The wall clock was set by `millis`: everything that was, was so much later or earlier.
    pub fn shift(&mut self, millis: i64) {
        for service in &mut self.services {
            let service = Arc::make_mut(service);
            let sides = service.sides.iter_mut().flat_map(|side| {
                let endpoints = side.endpoints.iter_mut().map(|endpoint| &mut endpoint.standing);
                endpoints.chain([&mut side.standing])
            });
            let whole = [&mut service.any, &mut service.all].into_iter().chain(&mut service.entry);
            for standing in sides.chain(whole) {
                standing.since = standing.since.shifted(millis);
            }
        }
    }

    /// What was joined in `old` holds since then here too, where it is still there; `diff` says where. Then that is joined
    /// anew: what is not as it was is so since `now`.
    pub(super) fn succeed(
        &mut self,
        old: &Self,
        diff: &Diff,
        now: Timestamp,
        state: impl Fn(CheckIndex) -> State,
    ) {
        let place = |check: CheckIndex| diff.moves[check.get()].to();
        for (was, to) in diff.services.iter().enumerate() {
            let Some(to) = *to else { continue };
            let service = Arc::make_mut(&mut self.services[to]);
            service.take_over(&old.services[was], place);
            service.join(now, &state);
        }
    }

    /// The joined states, in the order of the configuration.
    pub fn services(&self) -> &[Arc<JointService>] {
        &self.services
    }

    /// Whether a check is of a service.
    pub fn has(&self, check: CheckIndex) -> bool {
        self.owner[check.get()].is_some()
    }

    /// The position of the service that a check belongs to.
    pub fn owner(&self, check: CheckIndex) -> usize {
        self.owner[check.get()].expect("only a check of a service is asked about")
    }

    /// The state of `check` changed at `at`: joins everything above it anew.
    pub fn rejoin(
        &mut self,
        check: CheckIndex,
        at: Timestamp,
        state: impl Fn(CheckIndex) -> State,
        effects: &mut Vec<Effect>,
    ) {
        let service = self.owner(check);
        let joint = Arc::make_mut(&mut self.services[service]);
        let before: Vec<_> = joint.sides.iter().map(|side| side.standing.state).collect();
        let (from, entry_from) = (joint.any.state, joint.entry.map(|entry| entry.state));
        joint.join(at, state);
        for (side, from) in before.into_iter().enumerate() {
            let Standing { state: to, since } = joint.sides[side].standing;
            if from != to {
                let change = Change { from, to, since };
                effects.push(Effect::SideChanged { service, side, change });
            }
        }
        if let (Some(from), Some(Standing { state: to, since })) = (entry_from, joint.entry)
            && from != to
        {
            effects.push(Effect::EntryChanged { service, change: Change { from, to, since } });
        }
        let Standing { state: to, since } = joint.any;
        if from != to {
            effects.push(Effect::ServiceChanged { service, change: Change { from, to, since } });
        }
    }
}

impl JointService {
    fn new(service: &Service, checks: &[Arc<Check>], now: Timestamp) -> Self {
        let unknown = Standing { state: State::Unknown, since: now };
        let mut sides: Vec<JointSide> = Vec::new();
        for (position, endpoint) in service.endpoints.iter().enumerate() {
            let judging = |check: &&CheckIndex| endpoint.is_judged_by(&checks[check.get()]);
            let joined = JointEndpoint {
                position,
                standing: unknown,
                active: endpoint.role == Role::Active,
                checks: endpoint.checks.iter().filter(judging).copied().collect(),
            };
            match sides.iter_mut().find(|side| side.provider == endpoint.provider) {
                Some(side) => side.endpoints.push(joined),
                None => sides.push(JointSide {
                    provider: Arc::clone(&endpoint.provider),
                    standing: unknown,
                    endpoints: vec![joined],
                    rule: service.side,
                }),
            }
        }
        let entry_check = service.entry.as_ref().map(|entry| entry.check);
        Self { any: unknown, all: unknown, entry: entry_check.map(|_| unknown), sides, entry_check }
    }

    /// What `old` says of the same sides, known by their providers, and of the same endpoints, known by their checks.
    fn take_over(&mut self, old: &Self, place: impl Fn(CheckIndex) -> Option<CheckIndex>) {
        (self.any, self.all) = (old.any, old.all);
        self.entry = self.entry.map(|unknown| old.entry.unwrap_or(unknown));
        for side in &mut self.sides {
            let mut before = old.sides.iter();
            let Some(before) = before.find(|each| each.provider == side.provider) else { continue };
            side.standing = before.standing;
            for endpoint in &mut side.endpoints {
                let is_here = |check: CheckIndex| endpoint.checks.contains(&check);
                let same = |each: &&JointEndpoint| each.checks().filter_map(&place).any(is_here);
                if let Some(same) = before.endpoints.iter().find(same) {
                    endpoint.standing = same.standing;
                }
            }
        }
    }

    /// Joins everything anew; what changes by that holds since `at`.
    fn join(&mut self, at: Timestamp, state: impl Fn(CheckIndex) -> State) {
        for side in &mut self.sides {
            for endpoint in &mut side.endpoints {
                let joined = join_serial(endpoint.checks.iter().map(|each| state(*each)));
                set(&mut endpoint.standing, joined, at);
            }
            let joined = side.joined();
            set(&mut side.standing, joined, at);
        }
        let states = || self.sides.iter().map(|side| side.standing.state);
        let (any, all) = (join_parallel(states()), join_serial(states()));
        set(&mut self.any, any, at);
        set(&mut self.all, all, at);
        if let (Some(entry), Some(check)) = (&mut self.entry, self.entry_check) {
            set(entry, state(check), at);
        }
    }
}

impl JointEndpoint {
    /// The checks that judge it.
    pub fn checks(&self) -> impl Iterator<Item = CheckIndex> + '_ {
        self.checks.iter().copied()
    }
}

impl JointSide {
    /// Over the active endpoints; a side of standbys alone is joined over those, by whether they could take over.
    fn joined(&self) -> State {
        let has_active = self.endpoints.iter().any(|endpoint| endpoint.active);
        let states = self
            .endpoints
            .iter()
            .filter(|endpoint| endpoint.active || !has_active)
            .map(|endpoint| endpoint.standing.state);
        match self.rule {
            Side::Any => join_parallel(states),
            Side::All => join_serial(states),
        }
    }
}

fn set(standing: &mut Standing, to: State, at: Timestamp) {
    if standing.state != to {
        *standing = Standing { state: to, since: at };
    }
}
