//! From what the book and the store say to the plain numbers that are exported.
//!
//! Every promise of every service is worked out anew for each question, so that an outage burns its budget by the second and
//! not only when a result comes (slo.md, C05).
//!
//! It computes nothing and names no metric.

use super::book::{Book, Held};
use super::entries::{Entries, named_shares};
use super::outages::Outages;
use super::peers::Answers;
use super::references::{ReferenceView, References};
use crate::metrics::catalog::Metric;
use crate::metrics::{
    ExposureNumbers, PromiseNumbers, PromiseText, PushNumbers, Sample, StoreNumbers, TierNumbers,
};
use crate::model::{
    AlertKind, Blame, EntryPolicy, FailoverStep, ObjectiveUnit, ReferenceRole, Service, State,
    Timestamp,
};
use crate::push::Tally;
use crate::slo::budget::Ratio;
use crate::slo::joint::Scope;
use crate::store::Stats;
use std::collections::BTreeMap;

/// The numbers of every promise in every scope at `at`.
pub fn promises(book: &Book, vantage: &str, at: Timestamp) -> Vec<PromiseNumbers> {
    let services = 0..book.services().len();
    let held = services.flat_map(|service| book.held(service, at));
    held.map(|held| numbers(book, vantage, &held)).collect()
}

/// How many sides of every service were able to serve, as it was counted.
pub fn exposures(book: &Book) -> Vec<ExposureNumbers> {
    let services = (0..).zip(book.services());
    let numbers = |(number, service): (usize, &Service)| {
        book.with(number, |history| {
            history.exposed()?;
            history.advance();
            let (judged, exposed) = (history.judged(), history.exposed()?);
            let only = judged.iter().map(|provider| &**provider).zip(exposed.only.iter().copied());
            let cost = exposed.cost.map(|cost| cost.millis);
            let others = [exposed.both, exposed.none, exposed.unknown];
            Some(ExposureNumbers::new(&service.name, others, only, cost))
        })
    };
    services.filter_map(numbers).collect()
}

/// What is worked out for each page from what goes on just then.
pub fn samples(references: &References, entries: &Entries, vantage: &str) -> Vec<Sample> {
    let mut samples = self::references(references, vantage);
    samples.append(&mut names(entries, vantage));
    samples
}

/// Where public names lead, and how their last failovers went.
pub fn names(entries: &Entries, vantage: &str) -> Vec<Sample> {
    let mut samples = Vec::new();
    let providers = entries.providers();
    entries.each(|watched| {
        let (service, name) = (&*watched.service, &watched.name);
        if let Some(share) = name.share() {
            for (provider, ratio) in named_shares(providers, name.terms(), &share) {
                let labels = [service, &provider];
                samples.push(Sample::new(Metric::EntryShare, labels, vantage, ratio));
            }
        }
        if name.terms().policy == EntryPolicy::Failover {
            let flags = [
                (Metric::EntryLate, name.is_late()),
                (Metric::EntrySilent, name.is_silent()),
                (Metric::EntrySplit, name.is_split()),
            ];
            samples.extend(flags.map(|(metric, is)| {
                Sample::new(metric, [service], vantage, f64::from(u8::from(is)))
            }));
        }
        let steps = name.latest().into_iter().flat_map(|latest| {
            FailoverStep::ALL.iter().filter_map(|step| Some((*step, latest.took(*step)?)))
        });
        samples.extend(steps.map(|(step, took)| {
            let labels = [service, step.as_str()];
            Sample::new(Metric::FailoverSeconds, labels, vantage, took.as_secs_f64())
        }));
        samples.extend(name.proven().map(|at| {
            Sample::new(Metric::FailoverLastProven, [service], vantage, at.as_secs_f64())
        }));
    });
    samples
}

/// What is down and everything else that could be, whose it is, and canaries that fail alone.
pub fn outages(book: &Book, outages: &Outages, vantage: &str) -> Vec<Sample> {
    let open: BTreeMap<_, _> = outages.subjects().collect();
    let flag = |is: bool| f64::from(u8::from(is));
    let mut samples = Vec::new();
    for (number, service) in book.services().iter().enumerate() {
        let scheme = book.with(number, |history| history.scheme().clone());
        let entry = service.entry.as_ref().map(|_| Scope::Entry);
        let sides = (0..scheme.sides.len()).map(Scope::Side);
        for scope in entry.into_iter().chain([Scope::Any]).chain(sides) {
            let (word, provider) = (scheme.word(scope), scheme.provider(scope));
            let outage = open.get(&(number, scope));
            let names = [&*service.name, &word, provider];
            let metric = Metric::OutageActive;
            samples.push(Sample::new(metric, names, vantage, flag(outage.is_some())));
            let Some(outage) = outage else { continue };
            for blame in Blame::ALL {
                let [service, scope, provider] = names;
                let names = [service, scope, provider, blame.as_str()];
                let holds = flag(outage.blame == Some(*blame));
                samples.push(Sample::new(Metric::OutageBlame, names, vantage, holds));
            }
        }
    }
    for incident in outages.open_incidents() {
        let cause = [&*incident.cause];
        samples.push(Sample::new(Metric::IncidentActive, cause, vantage, 1.0));
        let services = u32::try_from(incident.services.len()).unwrap_or(u32::MAX);
        samples.push(Sample::new(Metric::IncidentServices, cause, vantage, services.into()));
    }
    for canary in outages.canaries() {
        let names = [&*canary.provider, &*canary.region];
        samples.push(Sample::new(Metric::CanaryProblem, names, vantage, flag(canary.fails_alone)));
    }
    samples
}

/// Whether other vantage points answer.
pub fn peers(answers: &[Answers], vantage: &str) -> Vec<Sample> {
    let sample = |answers: &Answers| {
        let up = f64::from(u8::from(answers.last()?));
        Some(Sample::new(Metric::PeerUp, [&*answers.vantage], vantage, up))
    };
    answers.iter().filter_map(sample).collect()
}

fn numbers(book: &Book, vantage: &str, held: &Held) -> PromiseNumbers {
    let service = &book.services()[held.service];
    let objective = &service.objectives[held.objective];
    let (scope, provider) = book.with(held.service, |history| {
        let scheme = history.scheme();
        (scheme.word(held.scope), scheme.provider(held.scope).to_owned())
    });
    let standing = &held.standing;
    let alert = if held.promised { objective.alert } else { AlertKind::None };
    let seconds = standing.unit == ObjectiveUnit::Seconds;
    let share = |ratio: Option<Ratio>| ratio.map(Ratio::as_f64);
    let target_parts = objective.target_parts;
    PromiseNumbers {
        text: PromiseText::new(
            [&service.name, &objective.name, &scope, &provider, vantage],
            [
                &objective.window_text,
                objective.kind.as_str(),
                standing.unit.as_str(),
                alert.as_str(),
            ],
        ),
        objective: standing.objective(),
        window: seconds_of(standing.span.full()),
        availability: share(standing.availability()),
        low: share(standing.low),
        high: share(standing.high),
        coverage: share(standing.coverage()),
        budget: seconds.then(|| standing.budget_total()),
        left: seconds.then(|| standing.budget_left()),
        remaining: standing.budget_remaining(),
        burns: standing.burn_rates().collect(),
        tiers: standing
            .alerts()
            .into_iter()
            .flatten()
            .map(|tier| TierNumbers {
                name: tier.name,
                severity: tier.severity,
                // Too few failed runs hold it at the threshold, so that "above 1" is "it fires".
                score: if tier.active {
                    tier.score(target_parts)
                } else {
                    tier.score(target_parts).min(1.0)
                },
                active: tier.active,
            })
            .collect(),
        suppressed: standing.suppressed,
        exhaustion: standing.time_to_exhaustion.map(|left| left.as_secs_f64()),
        millis: held.counted.millis.list(),
        max_error: seconds_of(standing.max_error),
        restated: signed_seconds(held.counted.restated),
    }
}

#[expect(clippy::cast_precision_loss, reason = "2^53 ms are 285 000 years")]
fn seconds_of(millis: u64) -> f64 {
    millis as f64 / 1e3
}

#[expect(clippy::cast_precision_loss, reason = "2^53 ms are 285 000 years")]
fn signed_seconds(millis: i64) -> f64 {
    millis as f64 / 1e3
}

/// The states of sentinels, canaries and shared dependencies.
pub fn references(references: &References, vantage: &str) -> Vec<Sample> {
    let sentinel = |view: &ReferenceView, kind: &str| {
        // A broken one tells nothing of what it stands for.
        let state = if view.broken.is_some() { State::Unknown } else { view.standing.state };
        let labels = [&*view.check.probe, kind];
        Sample::new(Metric::SentinelState, labels, vantage, f64::from(state as u8))
    };
    let sample = |view: ReferenceView| {
        let (check, state) = (&view.check, f64::from(view.standing.state as u8));
        match view.role {
            ReferenceRole::Canary { plane, .. } => {
                let labels = [&*check.provider, &check.region, plane.as_str(), &check.probe];
                Sample::new(Metric::CanaryHealth, labels, vantage, state)
            }
            ReferenceRole::Domain { .. } => {
                let labels = [&*check.endpoint, &check.probe];
                Sample::new(Metric::DomainState, labels, vantage, state)
            }
            ReferenceRole::SentinelTls => sentinel(&view, "tls"),
            ReferenceRole::SentinelName => sentinel(&view, "name"),
        }
    };
    references.list().into_iter().map(sample).collect()
}

/// What the store says of itself; without one, that nothing is kept.
pub fn store(stats: Option<&Stats>) -> StoreNumbers {
    let Some(stats) = stats else { return StoreNumbers::default() };
    let now = stats.read();
    StoreNumbers {
        healthy: now.healthy,
        entries: now.entries,
        commits: now.commits,
        commit_time: now.commit_time,
        errors: now.errors,
        lost: now.lost,
        pending: now.pending,
        bytes: now.bytes,
        last_commit: (now.last_commit_ms > 0).then(|| Timestamp::from_millis(now.last_commit_ms)),
    }
}

/// What the way to a receiver of alerts says of itself.
pub fn push(tally: &Tally) -> PushNumbers {
    let now = tally.read();
    PushNumbers {
        receiver: now.receiver,
        outcomes: now.outcomes,
        last_success: now.last_success,
        healthy: now.healthy,
        alerts: now.alerts,
    }
}
