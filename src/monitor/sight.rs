//! Can we see at all? Who has seen what over which road, who could be asked, and since when nothing was seen (S8, S9). Pure.
//!
//! A failure at network level may be our own. It is charged to the far side when it has an *alibi*: a success over the same
//! road, by a sentinel or another check, that began after the failing run had ended, and soon after ([`PROMPT`]). One that
//! comes later shows only that we can see *again*; then nothing was seen in between, and the failure is unknown. This is
//! stricter than "since it started": what fails while our own network dies or comes back has successes close by as well.
//!
//! - Whoever stands on the cloud that this monitor stands on, or nowhere in particular (a public name), is no alibi, and
//!   nobody is over loopback, which tells nothing of the network.
//! - What had to be sent twice until a connection stood says nothing of the moment when it began, only of its end.
//! - Nor has an alibi what met a blink of our own network, shorter than anybody's patience: one in which every sentinel
//!   that had answered lately failed, or had to try twice, while nobody was seen. Sentinels that have not answered for
//!   [`SEEING`] are not asked about it, so that dead ones hide no outage.
//! - A sentinel, or a whole cloud, that has been silent for long while other checks succeed is broken: not waited for.
//!   Where nobody is left who could give an alibi, nothing is in doubt.
//!
//! What is in doubt is in `doubts`; what follows from it is done by the ledger.

mod fresh;
mod moved;

use crate::model::{
    Cause, Check, CheckIndex, Host, IpChoice, Outcome, Phase, ProbeKind, ProbeResult, Reason,
    Reference, ReferenceRole, Road, Timestamp,
};
use fresh::Fresh;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

/// An alibi begins at most so long after the end of the failure. Whoever can see answers when asked, and is asked at once.
pub(super) const PROMPT: Duration = Duration::from_secs(2);

/// On each road somebody is asked no more often than this.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// Checks that are asked at once, besides the sentinels.
const ASKED: usize = 3;

/// A connection that took so long stands only since its end: the first packet of TCP is sent again after a second.
const SENT_TWICE: Duration = Duration::from_millis(900);

/// Runs that started within this were asked together.
const TOGETHER: Duration = Duration::from_millis(10);

/// Checks succeed as long as the last success is no older.
const SEEING: Duration = Duration::from_mins(1);

/// Roads that a connection can take.
const NETWORK: [Road; 2] = [Road::Ipv4, Road::Ipv6];

/// For each road, when it was shown to work, if it was.
pub(super) type Shown = [Option<Timestamp>; Road::ALL.len()];

/// What a failure is taken for when it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suspicion {
    /// It is what it is.
    None,
    /// It may be our own.
    Doubt(Road),
    /// It began while nothing was seen.
    Blind(Cause),
}

/// A sentinel was found broken, or answers again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broke {
    /// Which.
    pub(super) sentinel: CheckIndex,
    /// Since when it is broken; `None` if it answers again.
    pub(super) since: Option<Timestamp>,
}

/// Who has seen what, and when.
#[derive(Debug, Default)]
pub struct Sight {
    patience: Duration,
    /// Who has been silent for so long while checks succeed is broken.
    broken_after: Duration,
    /// Where each check stands.
    places: Vec<Place>,
    clouds: Vec<Cloud>,
    /// Their names.
    names: Vec<Arc<str>>,
    sentinels: Vec<Sentinel>,
    ways: [Way; Road::ALL.len()],
    /// Checks whose target is a name.
    named: usize,
    /// When the silent were last counted.
    counted: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    /// Nowhere in particular: what it shows is no alibi.
    Nowhere,
    /// On the cloud on which this monitor stands.
    Own,
    Cloud(u16),
    Sentinel(u16),
}

/// A cloud apart from our own.
#[derive(Clone, Copy, Debug, Default)]
struct Cloud {
    seen: [Option<Timestamp>; NETWORK.len()],
    silent: [Duration; NETWORK.len()],
    /// Some of the checks that were good last.
    fresh: [Fresh; NETWORK.len()],
}

#[derive(Clone, Copy, Debug)]
struct Sentinel {
    check: CheckIndex,
    is_name: bool,
    /// The family that it is asked over, if that is said.
    ip: IpChoice,
    seen: Shown,
    /// When its last miss over each road began.
    missed: Shown,
    silent: Duration,
    broken: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Way {
    /// The last success.
    seen: Option<Timestamp>,
    /// The last success of what is no sentinel.
    by_checks: Option<Timestamp>,
    asked: Option<Timestamp>,
    /// Since when nothing is seen.
    dark: Option<Timestamp>,
    /// What began before this began in the dark.
    light: Option<Timestamp>,
    /// Some of the checks that this road was shown by last.
    fresh: Fresh,
}

impl Sight {
    /// Nobody has seen anything. `lookouts` are the checks of all services, and after them the references; `own` is the
    /// cloud on which this monitor stands. Who is silent for `broken_after` while checks succeed is not waited for.
    pub fn new(
        lookouts: &[Arc<Check>],
        references: &[Reference],
        own: Option<&str>,
        patience: Duration,
        broken_after: Duration,
    ) -> Self {
        let mut sight = Self { patience, broken_after, ..Self::default() };
        let mut numbers: BTreeMap<&str, u16> = BTreeMap::new();
        let of_services = lookouts.len() - references.len();
        let roles = std::iter::repeat_n(None, of_services)
            .chain(references.iter().map(|reference| Some(reference.role)));
        for ((check, role), index) in lookouts.iter().zip(roles).zip((0..).map(CheckIndex)) {
            let place = match role {
                Some(ReferenceRole::SentinelTls) => sight.enrol(index, check, false),
                Some(ReferenceRole::SentinelName) => sight.enrol(index, check, true),
                _ if check.provider.is_empty() => Place::Nowhere,
                _ if Some(&*check.provider) == own => Place::Own,
                _ => {
                    let next = u16::try_from(numbers.len()).expect("fewer than 2^16 clouds");
                    Place::Cloud(*numbers.entry(&check.provider).or_insert(next))
                }
            };
            sight.named += usize::from(is_named(check));
            sight.places.push(place);
        }
        sight.clouds = vec![Cloud::default(); numbers.len()];
        sight.names = vec!["".into(); numbers.len()];
        for (name, number) in numbers {
            sight.names[usize::from(number)] = name.into();
        }
        sight
    }

    fn enrol(&mut self, index: CheckIndex, check: &Check, is_name: bool) -> Place {
        let number = u16::try_from(self.sentinels.len()).expect("fewer than 2^16 sentinels");
        let (seen, missed, silent, broken) =
            (Shown::default(), Shown::default(), Duration::ZERO, None);
        let ip = check.spec.ip;
        self.sentinels.push(Sentinel { check: index, is_name, ip, seen, missed, silent, broken });
        Place::Sentinel(number)
    }

    /// How long a failure waits for an alibi, from its end.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// Since when nothing is seen over a road.
    pub fn dark(&self, road: Road) -> Option<Timestamp> {
        self.ways[road.index()].dark
    }

    /// Whether some road is dark, and nothing was seen over any network since.
    pub fn is_vantage_offline(&self) -> bool {
        self.ways.iter().filter_map(|way| way.dark).any(|dark| self.is_network_dark_since(dark))
    }

    /// Whether nothing resolves although something is seen.
    pub fn is_resolver_offline(&self) -> bool {
        self.dark(Road::Resolver).is_some_and(|dark| !self.is_network_dark_since(dark))
    }

    fn is_network_dark_since(&self, at: Timestamp) -> bool {
        NETWORK.iter().all(|road| self.ways[road.index()].seen.is_none_or(|seen| seen < at))
    }

    /// Since when a sentinel is broken.
    pub fn broken(&self, check: CheckIndex) -> Option<Timestamp> {
        match self.place(check) {
            Place::Sentinel(number) => self.sentinels[usize::from(number)].broken,
            _ => None,
        }
    }

    /// What a run of `check` that started at `at` is taken for.
    pub(super) fn suspect(
        &self,
        check: CheckIndex,
        at: Timestamp,
        result: &ProbeResult,
    ) -> Suspicion {
        let Outcome::Bad(reason) = result.outcome else { return Suspicion::None };
        let Some(road) = doubtful(reason, result) else { return Suspicion::None };
        if !self.has_witness(check, road) {
            return Suspicion::None;
        }
        match self.ways[road.index()].light {
            Some(light) if at < light => Suspicion::Blind(self.cause(road, at)),
            _ => Suspicion::Doubt(road),
        }
    }

    /// Why a failure over `road` since `at` is unknown.
    pub(super) fn cause(&self, road: Road, at: Timestamp) -> Cause {
        if road == Road::Resolver && !self.is_network_dark_since(at) {
            Cause::ResolverOffline
        } else {
            Cause::VantageOffline
        }
    }

    /// Whether nothing was seen over `road` since `at`. A road over which nothing ever came, while it did over the other one,
    /// is none that this host has.
    pub(super) fn is_dark_since(&self, road: Road, at: Timestamp) -> bool {
        let never = |road: &Road| self.ways[road.index()].seen.is_none();
        match self.ways[road.index()].seen {
            Some(seen) => seen < at,
            None => road == Road::Resolver || NETWORK.iter().all(never),
        }
    }

    /// When which road is shown to work by a run that started at `at`, to everybody but its own check.
    pub(super) fn shows(&self, check: CheckIndex, at: Timestamp, result: &ProbeResult) -> Shown {
        let mut shown = Shown::default();
        let place = self.place(check);
        let is_good = result.outcome == Outcome::Good;
        let is_name = self.is_name(place);
        if result.resolved || (is_name && is_good) {
            shown[Road::Resolver.index()] = Some(at);
        }
        let is_witness = matches!(place, Place::Cloud(_) | Place::Sentinel(_)) && !is_name;
        if let Some(road) = network_of(result).filter(|_| is_witness && is_good) {
            shown[road.index()] =
                Some(if was_sent_twice(result) { at + result.latency } else { at });
        }
        shown
    }

    /// Runs that were going on in there met a blink of our own network, as far as is known when a run that started at `at` and
    /// ended at `end` shows `road`: since the last success of anybody, every sentinel that has answered lately failed, or is
    /// out for too long. `out` says since when a sentinel is asked.
    pub(super) fn blink(
        &self,
        road: Road,
        (at, end): (Timestamp, Timestamp),
        out: impl Fn(CheckIndex) -> Option<Timestamp>,
    ) -> Option<RangeInclusive<Timestamp>> {
        let seen = self.ways[road.index()].seen?;
        let lately = |it: Timestamp| at.since(it) <= SEEING;
        let missed = |each: &Sentinel| {
            let out = out(each.check).filter(|start| end >= *start + SENT_TWICE);
            let missed = each.missed[road.index()].max(out)?;
            // Who fails while another succeeds says nothing of our end.
            (missed > seen && missed + TOGETHER <= at).then_some(missed)
        };
        let mut first = None;
        for sentinel in self.sentinels.iter().filter(|each| each.looks(road)) {
            if sentinel.broken.is_none() && sentinel.seen[road.index()].is_some_and(lately) {
                let missed = missed(sentinel)?;
                first = Some(first.map_or(missed, |first: Timestamp| first.min(missed)));
            }
        }
        // Nobody was asked again sooner.
        first.map(|first| seen.shifted(1)..=first + ASK_EVERY)
    }

    /// When which road missed something in a run that started at `at`, if `check` is a sentinel: it failed, or had to try
    /// twice. One whose name did not resolve could not be asked, and has missed whatever it looks at.
    pub(super) fn misses(&self, check: CheckIndex, at: Timestamp, result: &ProbeResult) -> Shown {
        let place = self.place(check);
        let mut missed = Shown::default();
        let Place::Sentinel(_) = place else { return missed };
        let road = match result.outcome {
            Outcome::Bad(reason) if reason.is_resolver() => return [Some(at); Road::ALL.len()],
            // It asks the resolver itself, so that nothing is left to be resolved.
            Outcome::Bad(reason) if self.is_name(place) => {
                reason.is_network().then_some(Road::Resolver)
            }
            Outcome::Bad(reason) => doubtful(reason, result),
            Outcome::Good if was_sent_twice(result) => network_of(result),
            _ => None,
        };
        if let Some(road) = road {
            missed[road.index()] = Some(at);
        }
        missed
    }

    /// Takes in what a sentinel has missed.
    pub(super) fn note_misses(&mut self, check: CheckIndex, missed: &Shown) {
        if let Place::Sentinel(number) = self.place(check) {
            let last = &mut self.sentinels[usize::from(number)].missed;
            for (last, at) in last.iter_mut().zip(missed) {
                *last = (*last).max(*at);
            }
        }
    }

    /// Takes in what a run has shown; says if a sentinel that was broken answers again.
    pub(super) fn note(&mut self, check: CheckIndex, shown: &Shown, good: bool) -> Option<Broke> {
        let place = self.place(check);
        for (road, at) in Road::ALL.iter().zip(shown) {
            let way = &mut self.ways[road.index()];
            let Some(at) = *at else {
                way.fresh.remove(check);
                continue;
            };
            way.seen = way.seen.max(Some(at));
            if !matches!(place, Place::Sentinel(_)) {
                way.by_checks = way.by_checks.max(Some(at));
                way.fresh.add(check);
            }
        }
        match place {
            Place::Cloud(number) => self.clouds[usize::from(number)].note(check, shown),
            Place::Sentinel(number) if good => {
                let sentinel = &mut self.sentinels[usize::from(number)];
                for (seen, at) in sentinel.seen.iter_mut().zip(shown) {
                    *seen = (*seen).max(*at);
                }
                sentinel.silent = Duration::ZERO;
                let was_broken = sentinel.broken.take();
                return was_broken.map(|_| Broke { sentinel: check, since: None });
            }
            _ => {}
        }
        None
    }

    /// Nothing was seen over `road` from `since` on; whether that is news.
    pub(super) fn darken(&mut self, road: Road, since: Timestamp) -> bool {
        let way = &mut self.ways[road.index()];
        let is_news = way.dark.is_none();
        way.dark = Some(way.dark.map_or(since, |dark| dark.min(since)));
        is_news
    }

    /// Something is seen over `road`, at the latest at `at`; gives back since when nothing was.
    pub(super) fn lighten(&mut self, road: Road, at: Timestamp) -> Option<Timestamp> {
        let way = &mut self.ways[road.index()];
        let dark = way.dark.take()?;
        way.light = way.light.max(Some(at));
        Some(dark)
    }

    /// Whom to ask for an alibi for a run of `failing` that started at `at` and has just ended; nobody if somebody was asked just
    /// now, or if successes come anyway.
    pub(super) fn ask(
        &mut self,
        road: Road,
        failing: CheckIndex,
        (at, now): (Timestamp, Timestamp),
    ) -> Vec<CheckIndex> {
        let way = &self.ways[road.index()];
        let is_recent = |it: Timestamp| it <= now && now < it + ASK_EVERY;
        // What was seen before a run that failed at once tells nothing of it.
        let is_seen = |it: Timestamp| is_recent(it) && it >= at;
        if way.asked.is_some_and(is_recent) || way.by_checks.is_some_and(is_seen) {
            return Vec::new();
        }
        self.whom(road, failing, now)
    }

    /// Whom to ask again for a run of `failing` that ended at `end` and is still in doubt.
    pub(super) fn ask_again(
        &mut self,
        road: Road,
        (failing, end): (CheckIndex, Timestamp),
        now: Timestamp,
    ) -> Vec<CheckIndex> {
        let asked = self.ways[road.index()].asked.filter(|asked| *asked >= end && *asked <= now);
        if asked.is_some_and(|asked| now < asked + ASK_EVERY) {
            return Vec::new();
        }
        self.whom(road, failing, now)
    }

    fn whom(&mut self, road: Road, failing: CheckIndex, now: Timestamp) -> Vec<CheckIndex> {
        self.ways[road.index()].asked = Some(now);
        let sentinels =
            self.sentinels.iter().filter(|each| each.broken.is_none() && each.looks(road));
        let mut asked: Vec<_> = sentinels.map(|each| each.check).collect();
        let way = &self.ways[road.index()];
        let elsewhere = self.elsewhere(failing, road);
        let checks = elsewhere.into_iter().chain(way.fresh.iter().filter(|it| *it != failing));
        let mut others: Vec<CheckIndex> = Vec::with_capacity(ASKED);
        for check in checks {
            if others.len() < ASKED && !others.contains(&check) {
                others.push(check);
            }
        }
        asked.append(&mut others);
        asked
    }

    /// Checks on other clouds than that of `failing` which were good last over `road`: one of each cloud, then a second.
    fn elsewhere(&self, failing: CheckIndex, road: Road) -> Vec<CheckIndex> {
        if road == Road::Resolver {
            return Vec::new();
        }
        let own = self.cloud(failing);
        let others = || {
            let clouds = self.clouds.iter().enumerate();
            clouds.filter(move |(number, _)| Some(*number) != own).map(|(_, cloud)| cloud)
        };
        let turn = |turn: usize| others().filter_map(move |it| it.fresh[road.index()].0[turn]);
        (0..ASKED).flat_map(turn).take(ASKED).collect()
    }

    /// Counts how long who has been silent while checks succeeded; says which sentinels broke by that.
    pub(super) fn roll(&mut self, now: Timestamp) -> Vec<Broke> {
        let passed = self.counted.map_or(Duration::ZERO, |counted| now.since(counted));
        if self.counted.is_some_and(|counted| counted >= now) {
            return Vec::new();
        }
        self.counted = Some(now);
        // Nobody was looking while this process did not run.
        let passed = passed.min(SEEING);
        let is_recent = |at: Option<Timestamp>| at.is_some_and(|at| now.since(at) <= SEEING);
        let seeing = self.ways.map(|way| is_recent(way.by_checks));
        for cloud in &mut self.clouds {
            for road in NETWORK.map(Road::index) {
                if seeing[road] && !is_recent(cloud.seen[road]) {
                    cloud.silent[road] += passed;
                }
            }
        }
        let mut broke = Vec::new();
        for sentinel in &mut self.sentinels {
            let looks = |road: &Road| seeing[road.index()] && sentinel.looks(*road);
            let answered = sentinel.seen.iter().any(|seen| is_recent(*seen));
            if sentinel.broken.is_some() || answered || !Road::ALL.iter().any(looks) {
                continue;
            }
            sentinel.silent += passed;
            if sentinel.silent >= self.broken_after {
                sentinel.broken = Some(now);
                broke.push(Broke { sentinel: sentinel.check, since: Some(now) });
            }
        }
        broke
    }

    /// The wall clock was set by `millis`: everything that was, was so much later or earlier.
    pub(super) fn shift(&mut self, millis: i64) {
        let shift = |at: &mut Option<Timestamp>| *at = at.map(|at| at.shifted(millis));
        for way in &mut self.ways {
            let Way { seen, by_checks, asked, dark, light, fresh: _ } = way;
            [seen, by_checks, asked, dark, light].into_iter().for_each(shift);
        }
        self.clouds.iter_mut().flat_map(|cloud| &mut cloud.seen).for_each(shift);
        for sentinel in &mut self.sentinels {
            let Sentinel { seen, missed, broken, .. } = sentinel;
            seen.iter_mut().chain(missed).chain([broken]).for_each(shift);
        }
        shift(&mut self.counted);
    }

    /// Whether anybody could ever give `check` an alibi over `road`.
    fn has_witness(&self, check: CheckIndex, road: Road) -> bool {
        if let Place::Sentinel(_) = self.place(check) {
            return false;
        }
        let works = |each: &Sentinel| each.broken.is_none() && each.looks(road);
        if self.sentinels.iter().any(works) {
            return true;
        }
        if road == Road::Resolver {
            return self.named > 1;
        }
        let own = self.cloud(check);
        let mut clouds = self.clouds.iter().enumerate();
        clouds.any(|(number, cloud)| Some(number) != own && cloud.answers(road, self.broken_after))
    }

    fn place(&self, check: CheckIndex) -> Place {
        self.places.get(check.get()).copied().unwrap_or(Place::Nowhere)
    }

    fn is_name(&self, place: Place) -> bool {
        matches!(place, Place::Sentinel(number) if self.sentinels[usize::from(number)].is_name)
    }

    fn cloud(&self, check: CheckIndex) -> Option<usize> {
        match self.place(check) {
            Place::Cloud(number) => Some(usize::from(number)),
            _ => None,
        }
    }
}

impl Cloud {
    fn note(&mut self, check: CheckIndex, shown: &Shown) {
        for road in NETWORK.map(Road::index) {
            if shown[road].is_some() {
                self.seen[road] = self.seen[road].max(shown[road]);
                self.silent[road] = Duration::ZERO;
                self.fresh[road].add(check);
            } else {
                self.fresh[road].remove(check);
            }
        }
    }

    /// Whether it may be expected to answer over `road`.
    fn answers(&self, road: Road, broken_after: Duration) -> bool {
        let never = self.seen.iter().all(Option::is_none);
        let road = road.index();
        self.silent[road] < broken_after && (never || self.seen[road].is_some())
    }
}

impl Sentinel {
    /// Whether it may be expected to show `road`.
    fn looks(&self, road: Road) -> bool {
        if self.is_name || road == Road::Resolver {
            return self.is_name && road == Road::Resolver;
        }
        match self.ip {
            IpChoice::V4 => return road == Road::Ipv4,
            IpChoice::V6 => return road == Road::Ipv6,
            IpChoice::Any => {}
        }
        let never = NETWORK.iter().all(|road| self.seen[road.index()].is_none());
        never || self.seen[road.index()].is_some()
    }
}

/// The road that may be dark when a run fails for `reason`.
fn doubtful(reason: Reason, result: &ProbeResult) -> Option<Road> {
    if reason.is_resolver() {
        return Some(Road::Resolver);
    }
    // Without an address, as of a program, it is taken for the family that every host has.
    let road = if result.address.is_some() { network_of(result) } else { Some(Road::Ipv4) };
    road.filter(|_| reason.is_network())
}

/// Whether nothing came back until something was sent again.
fn was_sent_twice(result: &ProbeResult) -> bool {
    result.phases.took(Phase::Connect).is_some_and(|it| it >= SENT_TWICE)
}

/// The road of the network that a run took, if it left this host.
fn network_of(result: &ProbeResult) -> Option<Road> {
    let address = result.address?.ip().to_canonical();
    let road = if address.is_ipv4() { Road::Ipv4 } else { Road::Ipv6 };
    (!address.is_loopback()).then_some(road)
}

/// Whether the host that a check connects to is a name.
fn is_named(check: &Check) -> bool {
    match &check.spec.kind {
        ProbeKind::Http(http) => http.url.domain().is_some(),
        ProbeKind::Tcp(tcp) => matches!(tcp.host, Host::Name(_)),
        ProbeKind::Icmp(icmp) => matches!(icmp.host, Host::Name(_)),
        ProbeKind::Grpc(grpc) => matches!(grpc.host, Host::Name(_)),
        ProbeKind::Dns(_) | ProbeKind::Exec(_) => false,
    }
}

#[cfg(test)]
mod tests;
