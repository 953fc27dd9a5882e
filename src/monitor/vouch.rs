//! What this vantage point tells others that it sees: `/api/v1/vantage`.
//!
//! Made anew for each question from the picture that every face reads. A failure that is not confirmed is neither good nor
//! bad, as in our own judgements, and with everything goes how long ago it was looked at, so that whoever asks can tell
//! whether that was before or after its own outage began.
//!
//! It holds up nobody and keeps nothing.

use super::board::Board;
use super::references::References;
use super::scene;
use super::snapshot::{CheckView, SideView, Standing};
use crate::config::Config;
use crate::model::{Plane, ReferenceRole, State, Timestamp, Verdict};
use crate::peer::{SaidForm, SeenCanaryForm, SeenServiceForm, SeenSideForm, VantageForm};
use std::sync::Arc;
use std::time::Duration;

/// Speaks for this vantage point. Cloning it clones handles.
#[derive(Clone)]
pub struct Vouch {
    board: Board,
    references: References,
    /// The watched cloud it stands on.
    provider: Option<Arc<str>>,
    shard: Option<(u32, u32)>,
    canaries: Arc<[Canary]>,
}

/// A canary of the data plane.
struct Canary {
    provider: Arc<str>,
    region: Arc<str>,
    /// Among the references.
    position: usize,
}

impl Vouch {
    /// Of a monitor with this configuration.
    pub(super) fn new(config: &Config, board: &Board, references: &References) -> Self {
        let canary = |(position, role)| match role {
            ReferenceRole::Canary { provider, canary, plane: Plane::Data } => {
                let provider = &config.providers[provider];
                let region = Arc::clone(&provider.canaries[canary].region);
                Some(Canary { provider: Arc::clone(&provider.name), region, position })
            }
            _ => None,
        };
        let roles = config.references.iter().map(|reference| reference.role);
        Self {
            board: board.clone(),
            references: references.clone(),
            provider: config.monitor.provider.clone(),
            shard: config.monitor.shard,
            canaries: roles.enumerate().filter_map(canary).collect(),
        }
    }

    /// What is seen now.
    pub fn said(&self) -> VantageForm {
        let about = self.board.about();
        let now = about.now;
        let services = self.board.services();
        let services = services.iter().map(|service| {
            let all = service.sides.iter().flat_map(checks);
            SeenServiceForm {
                service: service.name.to_string(),
                any: said(service.any, all, now),
                entry: service
                    .entry
                    .as_ref()
                    .map(|entry| said(entry.standing, std::iter::once(&entry.check), now)),
                sides: service
                    .sides
                    .iter()
                    .map(|side| SeenSideForm {
                        provider: side.provider.to_string(),
                        seen: said(side.standing, checks(side), now),
                    })
                    .collect(),
            }
        });
        let references = self.references.list();
        let canary = |Canary { provider, region, position }: &Canary| {
            let view = &references[*position];
            let seen = scene::seen(view);
            let looked = view.last.as_ref().map(|last| last.at);
            SeenCanaryForm {
                provider: provider.to_string(),
                region: region.to_string(),
                seen: form(seen.verdict, seen.since, looked, now),
            }
        };
        VantageForm {
            at: now.as_secs_f64(),
            vantage: about.vantage.to_string(),
            provider: self.provider.as_deref().map(str::to_owned),
            shard: self.shard.map(|(which, of)| format!("{which}/{of}")),
            offline: about.sight.vantage_offline,
            services: services.collect(),
            canaries: self.canaries.iter().map(canary).collect(),
        }
    }
}

/// The checks that enter the state of a side.
fn checks(side: &SideView) -> impl Iterator<Item = &CheckView> {
    let checks = side.endpoints.iter().flat_map(|endpoint| &endpoint.checks);
    checks.filter(|check| check.counts)
}

fn said<'a>(
    standing: Standing,
    checks: impl Iterator<Item = &'a CheckView>,
    now: Timestamp,
) -> SaidForm {
    let checks: Vec<_> = checks.collect();
    let is_doubted = |check: &&CheckView| {
        let is_bad = check.last.as_ref().is_some_and(|last| last.verdict == Verdict::Bad);
        check.standing.state != State::Down && is_bad
    };
    let verdict = match standing.state {
        State::Up => Verdict::Good,
        State::Down => Verdict::Bad,
        State::Degraded if !checks.iter().any(is_doubted) => Verdict::Good,
        State::Degraded | State::Maintenance | State::Unknown => Verdict::Unknown,
    };
    let looks: Option<Vec<_>> = checks.iter().map(|check| Some(check.last.as_ref()?.at)).collect();
    form(verdict, standing.since, looks.into_iter().flatten().min(), now)
}

fn form(verdict: Verdict, since: Timestamp, looked: Option<Timestamp>, now: Timestamp) -> SaidForm {
    let age = |at: Timestamp| Duration::from_millis(millis(now.since(at))).as_secs_f64();
    SaidForm { said: verdict.to_string(), age_s: age(since), looked_s: looked.map(age) }
}

fn millis(age: Duration) -> u64 {
    u64::try_from(age.as_millis()).unwrap_or(u64::MAX)
}
