//! Whether a promise means what its author thinks: somebody it holds for, something that is measured, alerts that can fire
//! and that wait for more than one lost run.
//!
//! What a promise says is kept apart from whom it is said of: a class that promises for a thousand services makes one
//! problem, with the first of them as the example. The arithmetic of alerts is that of [`burn`].
//!
//! It changes nothing: a promise that is only warned of is computed as it stands.

use super::decode::Context;
use super::problem::{Kind, Problem};
use super::raw::RawObjective;
use super::resolve::{Index, Planned, unknown};
use super::source::{At, Place};
use crate::model::{
    AlertKind, Check, CheckId, Endpoint, Objective, ScopeChoice, Service, Shape, Side, Tier,
    counted, human_duration,
};
use crate::slo::burn::{self, failures_to_fire, is_unreachable};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Shorter grids cannot be asked for.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

/// Reports what is wrong with the promises of a service, and what somebody should know about them.
pub(super) fn check(
    context: Context<'_>,
    index: &Index<'_>,
    planned: &Planned<'_>,
    service: &Service,
    checks: &[Arc<Check>],
) {
    let path = format!("{}.slo", table(planned));
    unique(context, planned, &path);
    let plans: usize = planned.sites.iter().map(|site| site.plans.len()).sum();
    let built: usize = service.endpoints.iter().map(|endpoint| endpoint.checks.len()).sum();
    for promise in planned.objectives() {
        let subject = Subject { context, promise, path: &path, planned, service, checks };
        let there = subject.scope_is_there(index);
        // Checks that could not be built have been reported; nothing is concluded from their absence.
        if there && plans > 0 && built == plans {
            subject.warn();
        }
    }
}

/// Where the promises stand: in the service, or in its class.
pub(super) fn table<'a>(planned: &Planned<'a>) -> &'a str {
    let own = &planned.service.shared;
    let said = match planned.class {
        Some(class) if own.objectives.is_none() => &class.shared,
        _ => own,
    };
    &said.settings.path
}

fn unique(context: Context<'_>, planned: &Planned<'_>, path: &str) {
    let mut seen: BTreeMap<&str, Place> = BTreeMap::new();
    for promise in planned.objectives() {
        let name = &*promise.value.name;
        if let Some(first) = seen.insert(name, promise.place) {
            let said = format!("there is a second slo named `{name}`");
            let problem = Problem::new(Kind::DuplicateObjective, path, promise.place, said)
                .label("named the same")
                .also(first, "first named here")
                .hint("`name = \"…\"` tells them apart");
            context.sink.report(problem);
        }
    }
}

/// One promise and the service that it is made of.
struct Subject<'a> {
    context: Context<'a>,
    promise: &'a RawObjective,
    path: &'a str,
    planned: &'a Planned<'a>,
    service: &'a Service,
    checks: &'a [Arc<Check>],
}

/// A check that enters a promise.
struct Look {
    id: CheckId,
    shape: Shape,
    /// A run that takes longer is bad anyway.
    longest: Duration,
}

impl Subject<'_> {
    fn problem(&self, kind: Kind, key: &str, said: impl Into<String>) -> Problem {
        let place = self.promise.given.get(key).copied().unwrap_or(self.promise.place);
        Problem::new(kind, self.path, place, said)
    }

    fn report(&self, problem: Problem) {
        self.context.sink.report(problem);
    }

    fn sides(&self) -> BTreeSet<&str> {
        self.service.endpoints.iter().map(|endpoint| &*endpoint.provider).collect()
    }

    /// Whether the service has what the promise holds for.
    fn scope_is_there(&self, index: &Index<'_>) -> bool {
        let name = &self.service.name;
        let sides = self.sides();
        // A service without endpoints has been reported.
        let placed = !sides.is_empty();
        let why = match &self.promise.value.scope {
            ScopeChoice::Entry if self.planned.service.entry.is_none() => {
                Some(format!("there is no `[service.{name}.entry]`"))
            }
            // An entry that could not be read has been reported.
            ScopeChoice::Entry => return self.service.entry.is_some(),
            ScopeChoice::Provider(provider) if !index.providers.contains_key(&**provider) => {
                let at = self.promise.given.get("scope").copied().unwrap_or(self.promise.place);
                let said = At::new(provider.to_string(), at);
                let known = index.providers.keys().copied();
                unknown(self.context, Kind::UnknownProvider, "provider", self.path, &said, known);
                return false;
            }
            ScopeChoice::Provider(provider) if placed && !sides.contains(&**provider) => {
                Some(format!("`{name}` has no endpoint on `{provider}`"))
            }
            ScopeChoice::AtLeast(least) if placed && *least as usize > sides.len() => {
                Some(format!("`{name}` stands on {} only", counted(sides.len(), "provider")))
            }
            _ => return placed,
        };
        if let Some(why) = why {
            let said = match &self.promise.value.scope {
                ScopeChoice::Entry => "a promise for an entry that is not there".to_owned(),
                ScopeChoice::AtLeast(least) => format!("a promise for {least} sides"),
                _ => "a promise for a side that is not there".to_owned(),
            };
            self.report(self.problem(Kind::ScopeNotThere, "scope", said).label(why));
        }
        false
    }

    fn warn(&self) {
        let looks = self.looks();
        if looks.is_empty() {
            let said = "no check counts for this promise";
            let problem = self
                .problem(Kind::NothingCounts, "scope", said)
                .label(format!("nothing will ever be known about `{}`", self.service.name))
                .hint("`counts = false` keeps a check out of the state and out of every promise");
            return self.report(problem);
        }
        self.slices(&looks);
        self.threshold(&looks);
        let objective = &self.promise.value;
        if objective.alert == AlertKind::None {
            return;
        }
        let Some(tiers) = burn::tiers(&objective.window, objective.tiers.as_deref()) else {
            return self.no_tiers();
        };
        let tiers: Vec<&Tier> =
            tiers.iter().filter(|tier| tier.severity != AlertKind::None).collect();
        self.unreachable(&tiers);
        self.too_few_failures(&tiers, &looks);
        self.lost_run(&tiers);
    }

    /// Whether it is a promise about the public name.
    fn is_of_entry(&self) -> bool {
        match self.promise.value.scope {
            ScopeChoice::Entry => true,
            ScopeChoice::Default => self.service.entry.is_some(),
            _ => false,
        }
    }

    /// Every check that enters it.
    fn looks(&self) -> Vec<Look> {
        if self.is_of_entry() {
            return self.entry().into_iter().collect();
        }
        let side = match &self.promise.value.scope {
            ScopeChoice::Provider(provider) => Some(provider),
            _ => None,
        };
        let endpoints = self.service.endpoints.iter();
        endpoints
            .filter(|endpoint| side.is_none_or(|side| *side == endpoint.provider))
            .flat_map(|endpoint| self.of_endpoint(endpoint))
            .collect()
    }

    /// Those of which a single bad run makes the scope bad (S11).
    fn alone(&self) -> Vec<Look> {
        if self.is_of_entry() {
            return self.entry().into_iter().collect();
        }
        let sides = self.sides();
        let every: u32 = sides.len().try_into().unwrap_or(u32::MAX);
        let providers: BTreeSet<&str> = match &self.promise.value.scope {
            ScopeChoice::All => sides,
            ScopeChoice::Provider(provider) => BTreeSet::from([&**provider]),
            ScopeChoice::AtLeast(least) if *least == every => sides,
            _ if every == 1 => sides,
            _ => return Vec::new(),
        };
        let mut looks = Vec::new();
        for provider in providers {
            let side: Vec<&Endpoint> =
                self.service.endpoints.iter().filter(|each| *each.provider == *provider).collect();
            if side.len() == 1 || self.service.side == Side::All {
                looks.extend(side.into_iter().flat_map(|endpoint| self.of_endpoint(endpoint)));
            }
        }
        looks
    }

    fn entry(&self) -> Option<Look> {
        let entry = self.service.entry.as_ref()?;
        let id = entry.check_id(&self.service.name);
        Some(Look { id, shape: entry.shape, longest: entry.shape.timeout })
    }

    fn of_endpoint(&self, endpoint: &Endpoint) -> impl Iterator<Item = Look> {
        let checks = endpoint.checks.iter().map(|index| &self.checks[index.get()]);
        checks.filter(|check| check.counts).map(|check| {
            let timeout = check.shape.timeout;
            let longest = check.spec.max_latency.map_or(timeout, |hard| hard.min(timeout));
            Look { id: check.id.clone(), shape: check.shape, longest }
        })
    }

    fn slices(&self, looks: &[Look]) {
        let Some(slice) = self.promise.value.slice else { return };
        let slowest = looks.iter().max_by_key(|look| look.shape.interval);
        let Some(slowest) = slowest.filter(|look| look.shape.interval > slice) else { return };
        let every = human_duration(slowest.shape.interval);
        let said = format!("slices of `{}` are shorter than an interval", human_duration(slice));
        let problem = self
            .problem(Kind::SliceShorterThanInterval, "slice", said)
            .label(format!("`{}` runs every `{every}`: some slices see nothing", slowest.id))
            .hint(format!("`slice = \"{every}\"` or longer"));
        self.report(problem);
    }

    fn threshold(&self, looks: &[Look]) {
        let Some(threshold) = self.promise.value.threshold else { return };
        let quickest = looks.iter().min_by_key(|look| look.longest);
        let Some(quickest) = quickest.filter(|look| look.longest <= threshold) else { return };
        let said = format!("a threshold of `{}` is never passed", human_duration(threshold));
        let limit = human_duration(quickest.longest);
        let problem = self
            .problem(Kind::ThresholdBeyondTimeout, "threshold", said)
            .label(format!("a run of `{}` that takes `{limit}` has failed anyway", quickest.id))
            .expected("less than the timeout");
        self.report(problem);
    }

    /// Warns when an alert is asked for over a window that has none; the default is no question.
    fn no_tiers(&self) {
        let objective = &self.promise.value;
        if !self.promise.given.contains_key("alert") {
            return;
        }
        let said = format!("a window of `{}` has no alerts", objective.window_text);
        let problem =
            self.problem(Kind::AlertNeverFires, "alert", said).label("nobody will be told").hint(
                "`tiers = […]` gives the promise alerts of its own; `alert = \"none\"` wants none",
            );
        self.report(problem);
    }

    /// Warns of tiers above what a total outage burns.
    fn unreachable(&self, tiers: &[&Tier]) {
        let target = self.promise.value.target_parts;
        let never: Vec<&Tier> =
            tiers.iter().copied().filter(|tier| is_unreachable(tier, target)).collect();
        let Some(first) = never.first() else { return };
        let percent = super::raw::percent_text(target);
        let most = u128::from(burn::WHOLE) * 1_000_000 / u128::from(burn::WHOLE - target);
        let problem = self
            .problem(
                Kind::AlertNeverFires,
                "objective",
                format!("{} can never fire", names(&never)),
            )
            .label(format!(
                "at {percent} % a total outage burns at {}, which is not more than {}",
                factor(most),
                factor(first.factor_millionths.into()),
            ))
            .hint("`tiers = […]` gives the promise alerts of its own");
        self.report(problem);
    }

    /// Warns of tiers whose long window is too short for the failures they wait for.
    fn too_few_failures(&self, tiers: &[&Tier], looks: &[Look]) {
        let least = self.promise.value.min_failures;
        for tier in tiers {
            let most = looks.iter().fold(0_u128, |sum, look| {
                let grid = tier.long.as_millis().div_ceil(look.shape.interval.as_millis().max(1));
                sum + grid + u128::from(look.shape.confirm.saturating_sub(1))
            });
            if most < u128::from(least) {
                let said = format!("a total outage never gives `{}` its failures", tier.name);
                let runs = usize::try_from(most)
                    .map_or_else(|_| "few".to_owned(), |most| counted(most, "failed run"));
                let problem = self
                    .problem(Kind::AlertNeverFires, "min_failures", said)
                    .label(format!(
                        "`min_failures` is {least}, and `{}` holds {runs} at most",
                        human_duration(tier.long)
                    ))
                    .hint("a shorter interval, or fewer failures");
                self.report(problem);
            }
        }
    }

    /// Warns when a page goes out for a single lost run.
    fn lost_run(&self, tiers: &[&Tier]) {
        let Objective { target_parts, min_failures: 1, alert: AlertKind::Page, .. } =
            self.promise.value
        else {
            return;
        };
        let paging: Vec<&Tier> = tiers
            .iter()
            .copied()
            .filter(|tier| tier.severity == AlertKind::Page && !is_unreachable(tier, target_parts))
            .collect();
        let alone = self.alone();
        let Some(slowest) = alone.iter().max_by_key(|look| look.shape.interval) else { return };
        let lost = self.lost_by_one(slowest.shape.interval);
        let needs = |tier: &Tier| failures_to_fire(tier, target_parts, lost);
        if paging.iter().all(|tier| needs(tier) > 1) {
            return;
        }
        let each: Vec<String> = paging
            .iter()
            .map(|tier| format!("{} for `{}`", counted_failures(needs(tier)), tier.name))
            .collect();
        // At this interval or below one run is not more than the factor allows.
        let limits = paging
            .iter()
            .map(|tier| failures_to_fire(tier, target_parts, Duration::from_millis(1)) - 1);
        let limit = limits.min().map_or(Duration::ZERO, Duration::from_millis);
        let reachable = limit >= SHORTEST_INTERVAL && self.lost_by_one(limit) == limit;
        let shorter = if reachable {
            format!(", or an interval of `{}` or less", human_duration(limit))
        } else {
            String::new()
        };
        let problem = self
            .problem(Kind::OneLostRunPages, "min_failures", "one lost run pages")
            .label(format!(
                "at the `{}` of `{}` it takes {}",
                human_duration(slowest.shape.interval),
                slowest.id,
                each.join(", ")
            ))
            .hint(format!("`min_failures = 2`{shorter}"));
        self.report(problem);
    }

    /// What one bad run at this interval takes away: its time, or a whole slice.
    fn lost_by_one(&self, interval: Duration) -> Duration {
        self.promise.value.slice.map_or(interval, |slice| slice.max(interval))
    }
}

fn names(tiers: &[&Tier]) -> String {
    let names: Vec<String> = tiers.iter().map(|tier| format!("`{}`", tier.name)).collect();
    names.join(", ")
}

/// Millionths as a number with at most four decimals, rounded down.
pub(super) fn factor(millionths: u128) -> String {
    let text = format!("{}.{:04}", millionths / 1_000_000, millionths % 1_000_000 / 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn counted_failures(count: u64) -> String {
    if count == 1 { "1 failure".to_owned() } else { format!("{count} failures") }
}

#[cfg(test)]
mod tests;
