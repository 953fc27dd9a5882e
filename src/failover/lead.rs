//! Where a name leads, by all who were asked: what is known of each source, and whether they agree.
//!
//! A resolver that says nothing keeps its last answer, as its users do; of the zone's servers those count that answered last,
//! since a silent one serves nobody. Addresses that belong to no cloud say nothing: then what a served page says counts.
//!
//! It knows no health and no time but that of a disagreement.

use super::{Answer, Cloud, Observation, Share, Territory};
use crate::model::Timestamp;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Looks, and served pages, over which shares are averaged where a name leads to several clouds.
pub const AVERAGED: usize = 20;

/// What one source last said.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Who.
    pub who: Arc<str>,
    /// Where it leads; `None` if it has never said anything usable.
    pub share: Option<Share>,
    /// The answer as it came last.
    pub answer: Answer,
}

/// Where a name leads.
#[derive(Clone, Debug, Default)]
pub struct Lead {
    /// The zone's own servers that answered last.
    pub authoritative: Vec<Source>,
    /// Why the zone's servers could not be asked, the last time.
    pub lost: Option<String>,
    /// The resolvers, in the order of the configuration.
    pub resolvers: Vec<Source>,
    /// When it was last looked at.
    pub looked: Option<Timestamp>,
    /// What served the last results of the entry's check: its cloud, as far as that can be told.
    served: VecDeque<Option<Cloud>>,
    /// The means of the last looks.
    means: VecDeque<Share>,
    /// The longest time to live that was seen while all agreed, or since.
    ttl: Duration,
    /// Since when the sources disagree.
    apart: Option<Timestamp>,
}

impl Lead {
    /// Takes in a look.
    pub(super) fn observe(&mut self, at: Timestamp, seen: &Observation, territory: &Territory) {
        self.looked = Some(at);
        self.lost.clone_from(&seen.lost);
        let source = |answer: &Answer| Source {
            who: Arc::clone(&answer.who),
            share: answer.said.as_ref().ok().map(|led| territory.share(led)),
            answer: answer.clone(),
        };
        let answered = seen.authoritative.iter().any(|answer| answer.said.is_ok());
        if answered {
            self.authoritative = seen.authoritative.iter().map(source).collect();
        } else {
            for (answer, known) in seen.authoritative.iter().zip(&mut self.authoritative) {
                if answer.who == known.who {
                    known.answer = answer.clone();
                }
            }
        }
        let mut resolvers: Vec<_> = seen.resolvers.iter().map(source).collect();
        for (fresh, known) in resolvers.iter_mut().zip(&self.resolvers) {
            if fresh.share.is_none() {
                fresh.share.clone_from(&known.share);
            }
        }
        self.resolvers = resolvers;
        let mean = mean(self.sources().filter_map(|source| source.share.as_ref()));
        if let Some(mean) = mean {
            keep(&mut self.means, mean);
        }
        self.compare(at);
    }

    /// Takes in what served a result of the entry's check; a bad one that nobody can be told to have served says nothing.
    pub(super) fn serve(&mut self, cloud: Option<Cloud>, is_good: bool) {
        if is_good || cloud.is_some() {
            keep(&mut self.served, cloud);
        }
    }

    fn compare(&mut self, at: Timestamp) {
        let longest = self
            .sources()
            .filter_map(|source| source.answer.said.as_ref().ok())
            .map(|led| led.ttl)
            .max()
            .unwrap_or_default();
        let clouds =
            |share: &Share| share.clouds.iter().map(|(cloud, _)| *cloud).collect::<Vec<_>>();
        let said: Vec<_> = self.mapped().map(clouds).collect();
        let agree = said.iter().all(|each| each.len() == 1 && *each == said[0]);
        if agree {
            self.apart = None;
            self.ttl = longest;
        } else {
            self.ttl = self.ttl.max(longest);
            self.apart.get_or_insert(at);
        }
    }

    /// Since when the sources disagree, and for how long they may: what is in resolvers has to run out.
    pub(super) fn apart(&self) -> Option<(Timestamp, Duration)> {
        self.apart.map(|since| (since, self.ttl))
    }

    fn sources(&self) -> impl Iterator<Item = &Source> {
        self.authoritative.iter().chain(&self.resolvers)
    }

    /// What sources say whose answers belong to a cloud.
    fn mapped(&self) -> impl Iterator<Item = &Share> {
        let shares = self.sources().filter_map(|source| source.share.as_ref());
        shares.filter(|share| !share.clouds.is_empty())
    }

    /// The one cloud that the zone's servers lead to; if they say nothing, the resolvers; else what served last.
    pub fn pointing(&self) -> Option<Cloud> {
        let of = |sources: &[Source]| {
            let shares: Vec<_> = sources
                .iter()
                .filter_map(|source| source.share.as_ref())
                .filter(|share| !share.clouds.is_empty())
                .collect();
            let first = shares.first()?.only();
            Some(first.filter(|first| shares.iter().all(|share| share.only() == Some(*first))))
        };
        let known = of(&self.authoritative).or_else(|| of(&self.resolvers));
        known.unwrap_or_else(|| self.last_served())
    }

    /// Who leads to `cloud`, if only partly.
    pub fn who_leads_to(&self, cloud: Cloud) -> Vec<Arc<str>> {
        if self.mapped().next().is_none() {
            let served = self.last_served() == Some(cloud);
            return if served { vec!["the served page".into()] } else { Vec::new() };
        }
        let to =
            self.sources().filter(|it| it.share.as_ref().is_some_and(|share| share.has(cloud)));
        to.map(|source| Arc::clone(&source.who)).collect()
    }

    /// The one other cloud that all these sources lead to, of those that say something.
    fn elsewhere(sources: &[Source], from: Cloud) -> Option<Cloud> {
        let mut shares = sources
            .iter()
            .filter_map(|source| source.share.as_ref())
            .filter(|share| !share.clouds.is_empty());
        let to = shares.next()?.only().filter(|to| *to != from)?;
        shares.all(|share| !share.has(from)).then_some(to)
    }

    /// The other cloud that the zone's servers lead to, if none leads to `from`.
    pub(super) fn authoritative_elsewhere(&self, from: Cloud) -> Option<Cloud> {
        Self::elsewhere(&self.authoritative, from)
    }

    /// The other cloud that the resolvers lead to, if none leads to `from`.
    pub(super) fn resolvers_elsewhere(&self, from: Cloud) -> Option<Cloud> {
        Self::elsewhere(&self.resolvers, from)
    }

    /// What served the last result of which that could be told.
    pub fn last_served(&self) -> Option<Cloud> {
        self.served.iter().rev().find_map(|cloud| *cloud)
    }

    /// How much of it leads where, by the last look or averaged over the last looks.
    pub(super) fn by_answers(&self, averaged: bool) -> Option<Share> {
        if averaged { mean(self.means.iter()) } else { self.means.back().cloned() }
    }

    /// How much of it was served from where, over the last results.
    pub(super) fn by_served(&self) -> Option<Share> {
        let one = |cloud: &Option<Cloud>| match cloud {
            Some(cloud) => Share { clouds: vec![(*cloud, 1.0)], unmapped: 0.0 },
            None => Share { clouds: Vec::new(), unmapped: 1.0 },
        };
        let all: Vec<_> = self.served.iter().map(one).collect();
        mean(all.iter())
    }

    /// The wall clock was set by `millis`.
    pub(super) fn shift(&mut self, millis: i64) {
        for moment in [&mut self.looked, &mut self.apart].into_iter().flatten() {
            *moment = moment.shifted(millis);
        }
    }
}

fn keep<T>(ring: &mut VecDeque<T>, value: T) {
    if ring.len() == AVERAGED {
        ring.pop_front();
    }
    ring.push_back(value);
}

/// The mean of shares; answers that lead nowhere count as nothing, and `None` comes of nothing.
fn mean<'s>(shares: impl Iterator<Item = &'s Share>) -> Option<Share> {
    let mut whole = Share::default();
    let mut count = 0_u32;
    for share in shares.filter(|share| !share.clouds.is_empty() || share.unmapped > 0.0) {
        count += 1;
        whole.unmapped += share.unmapped;
        for (cloud, ratio) in &share.clouds {
            match whole.clouds.iter_mut().find(|(each, _)| each == cloud) {
                Some((_, sum)) => *sum += ratio,
                None => whole.clouds.push((*cloud, *ratio)),
            }
        }
    }
    if count == 0 {
        return None;
    }
    whole.clouds.sort_unstable_by_key(|(cloud, _)| *cloud);
    for (_, ratio) in &mut whole.clouds {
        *ratio /= f64::from(count);
    }
    whole.unmapped /= f64::from(count);
    Some(whole)
}
