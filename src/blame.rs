//! Whose outage it is: what is seen around an outage goes in, a blame comes out (S8 to S13 say what counts as seen).
//!
//! [`TABLE`] is the whole decision, written once as data: its rows are tried in order and the first that holds decides. The
//! README's table is made of the same rows. Only what is *known* decides: an input that is unknown speaks neither for nor
//! against anything. Every input is kept as [`Evidence`], with what it said and for how long it had been saying so.
//!
//! It does not know where inputs come from, when a judgement is asked for, or who is told.

mod evidence;
mod others;

pub use evidence::{EVIDENCE_AT_MOST, Evidence};
pub use others::{Elsewhere, Other};

use crate::model::{Blame, Plane, Reason, Timestamp, Verdict, Witness};
use std::sync::Arc;
use std::time::Duration;

/// When a cloud breaks what stands on another one, that follows within so long: load moves over, queues fill, and both ends
/// are seen only to an interval.
pub const COUPLED_WITHIN: Duration = Duration::from_mins(10);

/// A public name that leads to a side which fails is itself seen to fail within so long of it: the grids of both checks.
pub const ENTRY_FOLLOWS_WITHIN: Duration = Duration::from_mins(10);

/// A blame that has lost its evidence stands for so long: a canary is well again before the last service behind it is.
pub const LINGERS: Duration = Duration::from_mins(10);

/// Services that have to fail in a region before its canary is believed.
const SERVICES_AT_LEAST: usize = 2;

/// What is known of one input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What it says; unknown also while a change is not confirmed.
    pub verdict: Verdict,
    /// Since when.
    pub since: Timestamp,
}

/// What an outage is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// The public name.
    Entry,
    /// All sides together.
    Any,
    /// One side, by its position.
    Side(usize),
}

/// Everything that bears on one outage.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// When it is judged.
    pub at: Timestamp,
    /// When the outage began.
    pub began: Timestamp,
    /// The service, as the regions number it.
    pub service: usize,
    /// What of it.
    pub about: About,
    /// The shared dependencies that the service declares.
    pub shared: Vec<(Arc<str>, Seen)>,
    /// One per provider, in the order of the service.
    pub sides: Vec<Side<'a>>,
    /// Whether every check that fails does so while its names are resolved; `None` if none fails like that.
    pub only_names: Option<bool>,
    /// What each other vantage point sees of the same.
    pub others: Vec<Other>,
    /// What other vantage points see of the canaries that are bad here.
    pub elsewhere: Vec<Elsewhere>,
}

/// A service on one provider.
#[derive(Clone, Debug)]
pub struct Side<'a> {
    /// The provider.
    pub provider: Arc<str>,
    /// What is seen of the side.
    pub seen: Seen,
    /// Where it stands there.
    pub regions: Vec<&'a Region>,
}

/// A region of a provider, as everything there shows it.
#[derive(Clone, Debug)]
pub struct Region {
    /// The provider.
    pub provider: Arc<str>,
    /// Its region; empty when none was given.
    pub region: Arc<str>,
    /// The cloud's own endpoints there.
    pub canaries: Vec<Canary>,
    /// Services that are known there, good or bad.
    pub services: usize,
    /// Those that are bad.
    pub failing: Vec<Failing>,
}

/// A provider's own endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Canary {
    /// What it shows; only `data` bears on blame.
    pub plane: Plane,
    /// What is seen of it.
    pub seen: Seen,
}

/// A service that fails in a region.
#[derive(Clone, Debug)]
pub struct Failing {
    /// Which.
    pub service: usize,
    /// Since when.
    pub since: Timestamp,
    /// The shared dependencies it declares that are bad.
    pub bad: Vec<Arc<str>>,
}

/// Whose outage it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// In one word.
    pub blame: Blame,
    /// The shared dependency, or the provider with its region (`aws/eu-central-1`), that is blamed; else empty.
    pub name: Arc<str>,
    /// What broke one cloud has broken another one too.
    pub coupled: bool,
}

/// What a row found.
struct Found {
    name: Arc<str>,
    coupled: bool,
}

/// A row of the decision table.
pub struct Row {
    /// Whose outage it is if the row holds.
    pub blame: Blame,
    /// When it holds, in words.
    pub when: &'static str,
    /// What it means for the person on call.
    pub means: &'static str,
    holds: fn(&Case<'_>) -> Option<Found>,
}

/// The decision: first match wins.
pub const TABLE: [Row; 8] = [
    Row {
        blame: Blame::Shared,
        when: "a shared dependency that the service declares (`depends_on`) is bad",
        means: "look at the dependency first; every service that declares it is in the same incident",
        holds: |case| case.bad_dependency().map(found),
    },
    Row {
        blame: Blame::Entry,
        when: "the public name is bad, some side is good, and no side went bad within ten minutes before it",
        means: "the service works and users do not get there: look at the public name, its load balancer, its certificate",
        holds: |case| case.only_entry().then(nobody),
    },
    Row {
        blame: Blame::Dns,
        when: "everything that fails does so while names are resolved, and our own resolver works",
        means: "the servers run, their names do not resolve: look at the zone and its name servers",
        holds: |case| (case.only_names == Some(true)).then(nobody),
    },
    Row {
        blame: Blame::Provider,
        when: "a data-plane canary of the region and at least two unrelated services there are bad, and other vantage points see the canary and this service bad too",
        means: "the cloud's outage: fail over, open a ticket with it, and do not debug your service",
        holds: |case| case.cloud().filter(|cloud| case.is_vouched(&cloud.name)),
    },
    Row {
        blame: Blame::ProviderOrPath,
        when: "the same from here, and no other vantage point says so or sees the service good",
        means: "as `provider`, but it may be the road from this monitor to the cloud: look from elsewhere before you fail over",
        holds: |case| (case.others() != Verdict::Good).then(|| case.cloud()).flatten(),
    },
    Row {
        blame: Blame::Path,
        when: "other vantage points see it good",
        means: "users are probably served: look at the network between this monitor and the cloud",
        holds: |case| {
            (case.others() == Verdict::Good).then(|| found(case.place().unwrap_or_default()))
        },
    },
    Row {
        blame: Blame::Application,
        when: "the service is bad on two clouds or more, and no data-plane canary there is bad",
        means: "the service itself: look at the last deployment, its configuration, its data",
        holds: |case| case.only_service().then(nobody),
    },
    Row {
        blame: Blame::Endpoint,
        when: "none of the above",
        means: "this service on this cloud alone: look at its machines there",
        holds: |_| Some(nobody()),
    },
];

fn found(name: Arc<str>) -> Found {
    Found { name, coupled: false }
}

fn nobody() -> Found {
    found(Arc::default())
}

/// Whose outage it is, by the first row of [`TABLE`] that holds.
pub fn judge(case: &Case<'_>) -> Judgement {
    let row = |row: &Row| {
        let Found { name, coupled } = (row.holds)(case)?;
        Some(Judgement { blame: row.blame, name, coupled })
    };
    TABLE.iter().find_map(row).expect("the last row always holds")
}

/// Whether checks that fail do so only while names are resolved: of each its reason, and whether it is a DNS probe, which
/// says the same in its own words; `None` if none fails while resolving.
pub fn only_names(failing: impl IntoIterator<Item = (Reason, bool)>) -> Option<bool> {
    let (mut resolving, mut other) = (false, false);
    for (reason, is_dns_probe) in failing {
        let resolves = reason.phase() == crate::model::Phase::Resolve;
        resolving |= resolves;
        other |= !resolves && !is_dns_probe;
    }
    resolving.then_some(!other)
}

impl Judgement {
    /// The cause that outages of one incident have in common: `provider:aws/eu-central-1`, `shared:orders-db`, `service:shop`.
    pub fn cause(&self, service: &str) -> String {
        match self.blame {
            Blame::Shared => format!("shared:{}", self.name),
            Blame::Provider | Blame::ProviderOrPath => format!("provider:{}", self.name),
            Blame::Path if !self.name.is_empty() => format!("path:{}", self.name),
            Blame::Path | Blame::Entry | Blame::Dns | Blame::Application | Blame::Endpoint => {
                format!("service:{service}")
            }
        }
    }

    /// Whose it is, in words that go behind "it is".
    pub fn whose(&self) -> String {
        let name = &self.name;
        match self.blame {
            Blame::Shared => format!("`{name}`, on which it depends"),
            Blame::Entry => "the public name; the sides are good".to_owned(),
            Blame::Dns => "its names, which do not resolve".to_owned(),
            Blame::Provider => format!("{name} itself"),
            Blame::ProviderOrPath => format!("{name} itself, or the road from here to it"),
            Blame::Path if name.is_empty() => "the road from here; others see it good".to_owned(),
            Blame::Path => format!("the road from here to {name}; others see it good"),
            Blame::Application => "the service itself, on every cloud".to_owned(),
            Blame::Endpoint => "this service there alone".to_owned(),
        }
    }

    /// What of the evidence speaks for it, in plain words; empty if nothing does by itself.
    pub fn because(&self, evidence: &[Evidence]) -> String {
        let speaks = |each: &&Evidence| match self.blame {
            Blame::Shared => each.witness == Witness::Dependency && *each.of == *self.name,
            Blame::Entry => each.witness == Witness::Side,
            Blame::Dns => each.witness == Witness::Names,
            Blame::Provider | Blame::ProviderOrPath => match each.witness {
                Witness::Canary | Witness::Services => *each.of == *self.name,
                Witness::Vantage | Witness::VantageInside | Witness::VantageCanary => true,
                _ => false,
            },
            Blame::Path => each.witness == Witness::Vantage,
            Blame::Application | Blame::Endpoint => {
                matches!(each.witness, Witness::Side | Witness::Canary)
            }
        };
        let said: Vec<_> = evidence.iter().filter(speaks).map(ToString::to_string).collect();
        said.join("; ")
    }

    /// Whether this takes the place of `old` once it has been the judgement for so long. What has evidence of its own does at
    /// once; what only says that evidence is gone has to last, since a canary is well again before the services behind it.
    pub fn replaces(&self, old: &Self, held: Duration) -> bool {
        let falls_back = match (old.blame, self.blame) {
            (Blame::Application, new) => matches!(new, Blame::Endpoint | Blame::Entry),
            // The side that a public name leads to may be well again before the name is; no other vantage point can tell any more.
            (_, Blame::Entry) | (Blame::Provider | Blame::Path, Blame::ProviderOrPath) => true,
            // While an outage is not over yet, a run of it may be good, and then no name fails.
            (Blame::Entry | Blame::Endpoint, _) => false,
            (_, new) => matches!(new, Blame::Application | Blame::Endpoint),
        };
        let lost_evidence = old.blame == self.blame
            && match (old.coupled, self.coupled) {
                // The same blame without the mark has only lost evidence, too.
                (true, false) => old.name == self.name,
                // A cloud whose canary is well again before its services are looks as if another one that fails broke it.
                (false, true) => old.name != self.name,
                _ => false,
            };
        self != old && (!(falls_back || lost_evidence) || held >= LINGERS)
    }
}

impl Region {
    /// `aws/eu-central-1`, or `aws` without a region.
    pub fn place(&self) -> Arc<str> {
        if self.region.is_empty() {
            return Arc::clone(&self.provider);
        }
        format!("{}/{}", self.provider, self.region).into()
    }

    /// What the canaries of the data plane say together: bad if one is, good if none is bad and one is good.
    pub fn data_plane(&self) -> Verdict {
        let data = self.canaries.iter().filter(|canary| canary.plane == Plane::Data);
        together(data.map(|canary| canary.seen.verdict))
    }

    /// Whether a canary of the data plane is bad while services are seen there and none fails: the canary's own problem.
    pub fn canary_is_odd(&self) -> bool {
        self.data_plane() == Verdict::Bad && self.services > 0 && self.failing.is_empty()
    }

    /// Whether the cloud fails here: its data plane says so, and services that have nothing else in common.
    fn fails(&self) -> bool {
        self.data_plane() == Verdict::Bad
            && self.failing.len() >= SERVICES_AT_LEAST
            && self.has_unrelated()
    }

    /// When what shows that the cloud fails went bad: canaries of the data plane, and services.
    fn signs(&self) -> impl Iterator<Item = Timestamp> {
        let data = self.canaries.iter().filter(|canary| canary.plane == Plane::Data);
        let bad = data.map(|it| it.seen).filter(|seen| seen.verdict == Verdict::Bad);
        bad.map(|seen| seen.since).chain(self.failing.iter().map(|each| each.since))
    }

    /// Whether two services fail that share no dependency that is bad.
    fn has_unrelated(&self) -> bool {
        let related = |a: &Failing, b: &Failing| {
            a.service == b.service || a.bad.iter().any(|name| b.bad.contains(name))
        };
        // With one that has no bad dependency every other service is unrelated, so this ends early as a rule.
        let with_later =
            |(n, a): (usize, &Failing)| self.failing[n + 1..].iter().any(|b| !related(a, b));
        self.failing.iter().enumerate().any(with_later)
    }
}

impl<'a> Side<'a> {
    fn is_bad(&self) -> bool {
        self.seen.verdict == Verdict::Bad
    }

    /// The region in which the cloud fails.
    fn failed(&self) -> Option<&'a Region> {
        self.regions.iter().copied().find(|region| region.fails())
    }

    /// What the data planes of all its regions say together.
    fn data_plane(&self) -> Verdict {
        together(self.regions.iter().map(|region| region.data_plane()))
    }
}

/// Bad if one is; else good if one is; what is unknown says nothing.
fn together(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    verdicts.fold(Verdict::Unknown, |so_far, verdict| match (so_far, verdict) {
        (Verdict::Bad, _) | (_, Verdict::Bad) => Verdict::Bad,
        (Verdict::Good, _) | (_, Verdict::Good) => Verdict::Good,
        _ => Verdict::Unknown,
    })
}

impl<'a> Case<'a> {
    fn bad_dependency(&self) -> Option<Arc<str>> {
        let bad = self.shared.iter().find(|(_, seen)| seen.verdict == Verdict::Bad);
        bad.map(|(name, _)| Arc::clone(name))
    }

    /// The sides that fail and that this outage is about; for the public name those that it may have followed.
    fn concerned(&self) -> impl Iterator<Item = &Side<'a>> {
        let about = move |(n, side): &(usize, &Side<'a>)| {
            side.is_bad()
                && match self.about {
                    About::Any => true,
                    About::Side(of) => of == *n,
                    About::Entry => {
                        side.seen.since + ENTRY_FOLLOWS_WITHIN >= self.began
                            && self.began + ENTRY_FOLLOWS_WITHIN >= side.seen.since
                    }
                }
        };
        self.sides.iter().enumerate().filter(about).map(|(_, side)| side)
    }

    fn only_entry(&self) -> bool {
        self.about == About::Entry
            && self.concerned().next().is_none()
            && self.sides.iter().any(|side| side.seen.verdict == Verdict::Good)
    }

    /// The region whose cloud fails and explains this outage: of a side that it is about, or of another one that broke it.
    fn cloud(&self) -> Option<Found> {
        let failed = |side: &Side<'a>| Some((side.seen.since, side.failed()?));
        let first = self.concerned().filter_map(failed).min_by_key(|(since, _)| *since);
        let own = first.map(|(since, region)| {
            // The other sides that this outage is about may have been broken by the first.
            let coupled = self.concerned().any(|side| breaks(since, region, side));
            Found { name: region.place(), coupled }
        });
        own.or_else(|| {
            let bad = self.sides.iter().filter(|side| side.is_bad()).filter_map(failed);
            let broke = bad
                .filter(|(since, region)| self.concerned().any(|side| breaks(*since, region, side)))
                .min_by_key(|(since, _)| *since);
            broke.map(|(_, region)| Found { name: region.place(), coupled: true })
        })
    }

    /// Bad on two clouds, and none of them is known to fail by itself.
    fn only_service(&self) -> bool {
        let bad = || self.sides.iter().filter(|side| side.is_bad());
        let is_about = self.about != About::Entry || self.concerned().next().is_some();
        is_about && bad().nth(1).is_some() && bad().all(|side| side.data_plane() != Verdict::Bad)
    }

    /// Where it fails: the first region of the first side that it is about.
    fn place(&self) -> Option<Arc<str>> {
        let side = self.concerned().next()?;
        Some(side.regions.first().map_or_else(|| Arc::clone(&side.provider), |first| first.place()))
    }
}

/// Whether a cloud that failed in `region`, where the same service did at `since`, broke `side` too: that stands elsewhere, went
/// bad soon after some sign of the failure, and its own cloud is known to be well. Which of two checks is looked at first is
/// chance, so that every sign counts.
fn breaks(since: Timestamp, region: &Region, side: &Side<'_>) -> bool {
    let follows =
        |sign: Timestamp| sign < side.seen.since && side.seen.since <= sign + COUPLED_WITHIN;
    side.provider != region.provider
        && (follows(since) || region.signs().any(follows))
        && side.data_plane() == Verdict::Good
}

#[cfg(test)]
mod tests;
