//! What a second cloud bought: exact time by how many sides of a service were able to serve.
//!
//! A side is able to serve while its line is good, and unable while it is bad or under maintenance: what is planned leaves users
//! to the other sides just the same. What is not known, or was not watched yet, may be either. At every instant, of however
//! many sides,
//!
//! - `both`: at least two are able for certain, so that losing one more is survived (with two sides: both);
//! - `only`: one is able for certain, and all others are not;
//! - `none`: all are unable for certain;
//! - `unknown`: everything else. Of it, `some` is the time in which one was able for certain and a second may have been.
//!
//! The four add up to the elapsed time, always. Beside them stands for every side what it alone would have given, judged in the
//! same way, so that it can be laid beside the joint truth, and the *failover cost*: the public name was bad for certain while
//! some side was able for certain.
//!
//! It joins no lines (`joint` does), and knows no window.

use super::budget::Ratio;
use super::joint::Moment;
use super::spans::What;

/// Milliseconds by how many sides were able to serve.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exposure {
    /// At least two.
    pub both: u64,
    /// Exactly this one, for each side.
    pub only: Vec<u64>,
    /// No side.
    pub none: u64,
    /// Not known which of these.
    pub unknown: u64,
    /// Of `unknown`: one side was able for certain.
    pub some: u64,
    /// What each side would have given alone.
    pub alone: Vec<Alone>,
    /// The entry was bad while some side was able; `None` without an entry.
    pub failover_cost: Option<u64>,
    /// How far any of these may be off, because old stretches were coalesced.
    pub slack: u64,
}

/// Milliseconds of one side; they add up to the elapsed time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alone {
    /// Able to serve.
    pub able: u64,
    /// Not able to serve, maintenance included.
    pub unable: u64,
    /// Not known.
    pub unknown: u64,
    /// Of `unable`: maintenance.
    pub maintenance: u64,
    /// Of `unable`: another side was able for certain.
    pub covered: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Able {
    Yes,
    No,
    Maybe,
}

fn able(what: Option<What>) -> Able {
    match what {
        Some(What::Good) => Able::Yes,
        Some(What::Bad(_) | What::Excluded) => Able::No,
        // A sweep tells no coalesced states.
        Some(What::Unknown(_) | What::Mixed(_)) | None => Able::Maybe,
    }
}

impl Exposure {
    /// Nothing yet, of so many sides.
    pub fn new(sides: usize, has_entry: bool) -> Self {
        Self {
            only: vec![0; sides],
            alone: vec![Alone::default(); sides],
            failover_cost: has_entry.then_some(0),
            ..Self::default()
        }
    }

    /// Adds a stretch.
    pub fn add(&mut self, moment: Moment<'_>) {
        let millis = moment.millis;
        let count = |wanted| moment.sides.iter().filter(|what| able(**what) == wanted).count();
        let (yes, maybe) = (count(Able::Yes), count(Able::Maybe));
        match (yes, maybe) {
            (2.., _) => self.both += millis,
            (1, 0) => {
                let left = moment.sides.iter().position(|what| able(*what) == Able::Yes);
                self.only[left.expect("one of them is able")] += millis;
            }
            (0, 0) => self.none += millis,
            (1, _) => {
                self.unknown += millis;
                self.some += millis;
            }
            (0, _) => self.unknown += millis,
        }
        for (alone, what) in self.alone.iter_mut().zip(moment.sides) {
            alone.add(*what, yes > 0, millis);
        }
        if let (Some(cost), Some(Some(What::Bad(_)))) = (&mut self.failover_cost, moment.entry)
            && yes > 0
        {
            *cost += millis;
        }
    }

    /// All of it together.
    pub fn elapsed(&self) -> u64 {
        self.both + self.single() + self.none + self.unknown
    }

    /// One side was left, whichever.
    pub fn single(&self) -> u64 {
        self.only.iter().sum()
    }

    /// The sides together, judged as one of them alone: able while some side was.
    pub fn together(&self) -> Alone {
        Alone {
            able: self.both + self.single() + self.some,
            unable: self.none,
            unknown: self.unknown - self.some,
            maintenance: 0,
            covered: 0,
        }
    }
}

impl Alone {
    fn add(&mut self, what: Option<What>, some_able: bool, millis: u64) {
        match able(what) {
            Able::Yes => self.able += millis,
            Able::Maybe => self.unknown += millis,
            Able::No => {
                self.unable += millis;
                self.maintenance += if what == Some(What::Excluded) { millis } else { 0 };
                self.covered += if some_able { millis } else { 0 };
            }
        }
    }

    /// The share of known time in which it was able; `None` if nothing is known.
    pub fn availability(self) -> Option<Ratio> {
        Ratio::of(self.able, self.able + self.unable)
    }

    /// The same if it was never able in unknown time, and if it always was; `None` of no time.
    pub fn bounds(self) -> (Option<Ratio>, Option<Ratio>) {
        let all = self.able + self.unable + self.unknown;
        (Ratio::of(self.able, all), Ratio::of(self.able + self.unknown, all))
    }
}

#[cfg(test)]
mod tests;
