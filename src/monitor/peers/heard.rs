//! What other vantage points have said last, and what of it counts for an outage.
//!
//! A word that something is good counts only if everything it rests on was looked at after the outage began: before, it was
//! good from here too. A word that something is bad counts as long as the one who says it holds it for true. An answer stands
//! for [`VIEW_STANDS`]; who is silent, offline or does not watch the service has said nothing.
//!
//! It asks nobody and judges nothing.

use crate::blame::{Elsewhere, Other, Seen};
use crate::model::{Peer, Service, Timestamp, Verdict};
use crate::peer::{SaidForm, SeenServiceForm, VantageForm};
use crate::slo::joint::Scope;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// An answer that is older than this is as good as none.
pub const VIEW_STANDS: Duration = Duration::from_secs(30);

/// What every other vantage point said last.
#[derive(Debug, Default)]
pub struct Heard(Vec<Voice>);

#[derive(Debug)]
struct Voice {
    vantage: Arc<str>,
    /// The cloud it stands on, as configured.
    provider: Option<Arc<str>>,
    /// When it was last asked.
    asked: Option<Timestamp>,
    /// What it said then, if it answered.
    view: Option<View>,
}

/// An answer, cut to what is watched here.
#[derive(Debug)]
pub struct View {
    provider: Option<Arc<str>>,
    offline: bool,
    /// By name.
    services: BTreeMap<Arc<str>, SeenService>,
    /// By place, the worst of each.
    canaries: BTreeMap<String, Told>,
}

#[derive(Debug)]
struct SeenService {
    any: Told,
    entry: Option<Told>,
    sides: Vec<(Arc<str>, Told)>,
}

/// What is seen of something, and when it was last looked at.
#[derive(Clone, Copy, Debug)]
struct Told {
    seen: Seen,
    looked: Option<Timestamp>,
}

/// What of an answer counts.
struct Opinion {
    seen: Seen,
    /// It may say more soon.
    pending: bool,
}

impl View {
    /// What `form` says of these services; it was asked for at `at`.
    pub fn new(form: &VantageForm, services: &[Service], at: Timestamp) -> Self {
        let mut said: BTreeMap<&str, &SeenServiceForm> =
            form.services.iter().map(|each| (&*each.service, each)).collect();
        let known = services.iter().filter_map(|service| {
            let said = said.remove(&*service.name)?;
            let of = |provider: &Arc<str>| {
                let side = said.sides.iter().find(|side| *side.provider == **provider)?;
                Some((Arc::clone(provider), Told::new(&side.seen, at)))
            };
            let mut providers: Vec<&Arc<str>> = Vec::new();
            for endpoint in &service.endpoints {
                if !providers.contains(&&endpoint.provider) {
                    providers.push(&endpoint.provider);
                }
            }
            let sides = providers.into_iter().filter_map(of).collect();
            let entry = said.entry.as_ref().map(|entry| Told::new(entry, at));
            Some((
                Arc::clone(&service.name),
                SeenService { any: Told::new(&said.any, at), entry, sides },
            ))
        });
        let mut canaries: BTreeMap<String, Told> = BTreeMap::new();
        for canary in &form.canaries {
            let place = match &*canary.region {
                "" => canary.provider.clone(),
                region => format!("{}/{region}", canary.provider),
            };
            let told = Told::new(&canary.seen, at);
            let worst = canaries.entry(place).or_insert(told);
            if told.weight() > worst.weight() {
                *worst = told;
            }
        }
        Self {
            provider: form.provider.as_deref().map(Into::into),
            offline: form.offline,
            services: known.collect(),
            canaries,
        }
    }

    fn of(&self, service: &str, scope: Scope, provider: Option<&str>) -> Option<&Told> {
        let service = self.services.get(service)?;
        match scope {
            Scope::Entry => service.entry.as_ref(),
            Scope::Side(_) => {
                let side = |(name, _): &&(Arc<str>, Told)| provider == Some(&**name);
                service.sides.iter().find(side).map(|(_, told)| told)
            }
            _ => Some(&service.any),
        }
    }
}

impl Told {
    fn new(form: &SaidForm, at: Timestamp) -> Self {
        // An age that is none was never.
        let ago = |seconds: f64| Duration::try_from_secs_f64(seconds).ok();
        let before =
            |age: Duration| at.shifted(-i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        let since = ago(form.age_s).map(before);
        let verdict = Verdict::from_word(&form.said).filter(|_| since.is_some());
        Self {
            seen: Seen { verdict: verdict.unwrap_or(Verdict::Unknown), since: since.unwrap_or(at) },
            looked: form.looked_s.and_then(ago).map(before),
        }
    }

    fn weight(&self) -> u8 {
        match self.seen.verdict {
            Verdict::Unknown => 0,
            Verdict::Good => 1,
            Verdict::Bad => 2,
        }
    }
}

impl Heard {
    /// Nobody has said anything.
    pub fn new(peers: &[Peer]) -> Self {
        let voice = |peer: &Peer| Voice {
            vantage: Arc::clone(&peer.vantage),
            provider: peer.provider.clone(),
            asked: None,
            view: None,
        };
        Self(peers.iter().map(voice).collect())
    }

    /// The one at this position was asked at `at`; `None` if it gave no answer that can be used.
    pub fn take(&mut self, peer: usize, at: Timestamp, view: Option<View>) {
        let voice = &mut self.0[peer];
        (voice.asked, voice.view) = (Some(at), view);
    }

    /// The wall clock was set: what was said is of another time.
    pub fn forget(&mut self) {
        for voice in &mut self.0 {
            (voice.asked, voice.view) = (None, None);
        }
    }

    /// What each sees at `at` of an outage that began at `began`; `provider` is that of its side.
    pub fn others(
        &self,
        (service, scope, provider): (&str, Scope, Option<&str>),
        (began, at): (Timestamp, Timestamp),
    ) -> Vec<Other> {
        let other = |voice: &Voice| {
            let opinion = voice.opinion(|view| view.of(service, scope, provider), began, at);
            voice.other(opinion.seen)
        };
        self.0.iter().map(other).collect()
    }

    /// What each sees of the canaries at these places.
    pub fn elsewhere(
        &self,
        places: &[Arc<str>],
        (began, at): (Timestamp, Timestamp),
    ) -> Vec<Elsewhere> {
        let of = |place: &Arc<str>| {
            let of = |voice: &Voice| {
                let opinion = voice.opinion(|view| view.canaries.get(&**place), began, at);
                Elsewhere { place: Arc::clone(place), other: voice.other(opinion.seen) }
            };
            self.0.iter().map(of).collect::<Vec<_>>()
        };
        places.iter().flat_map(of).collect()
    }

    /// Whether waiting for others would not change what is known of an outage that began at `began`.
    pub fn is_settled(
        &self,
        (service, scope, provider): (&str, Scope, Option<&str>),
        (began, at): (Timestamp, Timestamp),
    ) -> bool {
        let told =
            |voice: &Voice| voice.opinion(|view| view.of(service, scope, provider), began, at);
        self.0.iter().all(|from| !told(from).pending)
    }
}

impl Voice {
    fn opinion<'a>(
        &'a self,
        of: impl FnOnce(&'a View) -> Option<&'a Told>,
        began: Timestamp,
        at: Timestamp,
    ) -> Opinion {
        let nothing =
            |pending| Opinion { seen: Seen { verdict: Verdict::Unknown, since: at }, pending };
        let Some(asked) = self.asked.filter(|asked| *asked >= began) else {
            return nothing(true);
        };
        let stands = |_: &&View| at.since(asked) <= VIEW_STANDS;
        let view = self.view.as_ref().filter(stands).filter(|view| !view.offline);
        let Some(told) = view.and_then(of) else { return nothing(false) };
        match told.seen.verdict {
            Verdict::Bad => Opinion { seen: told.seen, pending: false },
            Verdict::Good if told.looked.is_some_and(|looked| looked >= began) => {
                Opinion { seen: told.seen, pending: false }
            }
            Verdict::Good | Verdict::Unknown => nothing(true),
        }
    }

    fn other(&self, seen: Seen) -> Other {
        let says = || self.view.as_ref()?.provider.clone();
        let provider = self.provider.clone().or_else(says);
        Other { vantage: Arc::clone(&self.vantage), provider, seen }
    }
}

#[cfg(test)]
mod tests;
