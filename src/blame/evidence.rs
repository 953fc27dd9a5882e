//! What a judgement rests on: every input of a case, with what it said and for how long.
//!
//! It is made when a blame is given or revised, and kept with it; a person can read why.
//!
//! It decides nothing.

use super::{About, Case, Elsewhere, Region, Seen};
use crate::model::{Plane, Timestamp, Verdict, Witness};
use std::time::Duration;

/// Inputs that are kept of one judgement.
pub const EVIDENCE_AT_MOST: usize = 40;

/// One input of a judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What kind of input.
    pub witness: Witness,
    /// Which one: `orders-db`, `aws`, `aws/eu-central-1`, `fra-1`; of what a vantage point sees of a canary `fra-1/aws/eu`.
    pub of: String,
    /// What it said.
    pub said: Verdict,
    /// For how long it had been saying so when the judgement was made.
    pub age: Duration,
    /// How many of how many, where the input is a number of things; else zeros.
    pub count: (usize, usize),
}

impl Case<'_> {
    /// Every input, the ones that decide most first; at most [`EVIDENCE_AT_MOST`].
    pub fn evidence(&self) -> Vec<Evidence> {
        let mut list = Vec::new();
        for (name, seen) in &self.shared {
            list.push(self.input(Witness::Dependency, name.to_string(), *seen));
        }
        if let Some(only) = self.only_names {
            let verdict = if only { Verdict::Bad } else { Verdict::Good };
            let seen = Seen { verdict, since: self.began };
            list.push(self.input(Witness::Names, String::new(), seen));
        }
        for (n, side) in self.sides.iter().enumerate() {
            // Its own side is the outage itself.
            if self.about != About::Side(n) {
                list.push(self.input(Witness::Side, side.provider.to_string(), side.seen));
            }
        }
        for region in self.sides.iter().flat_map(|side| &side.regions) {
            self.region(region, &mut list);
        }
        // However many regions there are, what others said is among it.
        let vantages = self.vantages();
        list.truncate(EVIDENCE_AT_MOST.saturating_sub(vantages.len()));
        list.extend(vantages);
        list.truncate(EVIDENCE_AT_MOST);
        list
    }

    fn vantages(&self) -> Vec<Evidence> {
        let mut list = Vec::new();
        for other in &self.others {
            let inside = self.is_inside(other);
            let witness = if inside { Witness::VantageInside } else { Witness::Vantage };
            list.push(self.input(witness, other.vantage.to_string(), other.seen));
        }
        if self.others.is_empty() {
            let nobody = Seen { verdict: Verdict::Unknown, since: self.at };
            list.push(self.input(Witness::Vantage, String::new(), nobody));
        }
        for Elsewhere { place, other } in &self.elsewhere {
            let is_known = other.seen.verdict != Verdict::Unknown;
            if is_known && !self.is_inside(other) {
                let of = format!("{}/{place}", other.vantage);
                list.push(self.input(Witness::VantageCanary, of, other.seen));
            }
        }
        list
    }

    fn region(&self, region: &Region, list: &mut Vec<Evidence>) {
        let place = region.place();
        for canary in &region.canaries {
            let witness = match canary.plane {
                Plane::Data => Witness::Canary,
                Plane::Control => Witness::CanaryControl,
                Plane::Edge => Witness::CanaryEdge,
            };
            list.push(self.input(witness, place.to_string(), canary.seen));
        }
        let failing = region.failing.len();
        let latest = region.failing.iter().map(|each| each.since).max();
        let verdict = match (failing, region.services) {
            (_, 0) => Verdict::Unknown,
            (0, _) => Verdict::Good,
            _ => Verdict::Bad,
        };
        let seen = Seen { verdict, since: latest.unwrap_or(self.at) };
        let count = (failing, region.services);
        list.push(Evidence { count, ..self.input(Witness::Services, place.to_string(), seen) });
    }

    fn input(&self, witness: Witness, of: String, Seen { verdict, since }: Seen) -> Evidence {
        Evidence { witness, of, said: verdict, age: age(self.at, since), count: (0, 0) }
    }
}

fn age(at: Timestamp, since: Timestamp) -> Duration {
    at.since(since)
}

impl std::fmt::Display for Evidence {
    /// In plain words: `the data-plane canary of aws/eu-central-1 was bad, for 40 s`.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { witness, of, said, age, count: (some, all) } = self;
        let age = crate::model::human_duration(*age);
        match (witness, said) {
            (Witness::Names, Verdict::Bad) => {
                write!(out, "everything that failed did so while its name was resolved")
            }
            (Witness::Names, _) => write!(out, "not only names failed to resolve"),
            (Witness::Services, _) => write!(out, "{some} of {all} services on {of} were bad"),
            (Witness::Vantage, _) if of.is_empty() => {
                write!(out, "no other vantage point could be asked")
            }
            (Witness::Vantage | Witness::VantageInside, Verdict::Unknown) => {
                write!(out, "vantage {of} could not tell")
            }
            (Witness::Vantage, _) => write!(out, "vantage {of} saw it {said}, for {age}"),
            (Witness::VantageInside, _) => write!(
                out,
                "vantage {of}, which stands on a cloud that fails and is not believed alone, saw it {said}, for {age}"
            ),
            (Witness::VantageCanary, _) => {
                let (vantage, place) = of.split_once('/').unwrap_or(("", of));
                write!(
                    out,
                    "vantage {vantage} saw the data-plane canary of {place} {said}, for {age}"
                )
            }
            (Witness::Dependency, _) => write!(out, "`{of}` was {said}, for {age}"),
            (Witness::Side, _) => write!(out, "the side on {of} was {said}, for {age}"),
            (Witness::Canary, _) => {
                write!(out, "the data-plane canary of {of} was {said}, for {age}")
            }
            (Witness::CanaryControl, _) => {
                write!(out, "the control-plane canary of {of} was {said}, for {age}")
            }
            (Witness::CanaryEdge, _) => {
                write!(out, "the edge canary of {of} was {said}, for {age}")
            }
        }
    }
}
