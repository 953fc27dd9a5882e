//! What a story is about: which clouds, services and names there are, what falls ill when, and when it is well again.
//!
//! A seed draws the cast (services, endpoints, intervals, what confirms) and the times. What dies together is *swizzled*: its
//! parts fall ill one by one and are well again in another order. All are ill at once for [`LEAST`] at least, so that what is
//! to be said of the outage is certain.
//!
//! It runs nothing and judges nothing.

use super::cast::Cast;
use nephoscope::seed::Stream;
use std::collections::BTreeMap;

/// Faults begin after this, in milliseconds, when everything has been seen twice.
pub(super) const FAULTS_FROM: i64 = 90_000;

/// All parts of what dies are ill together for so long at least.
pub(super) const LEAST: i64 = 120_000;

/// The parts of what dies fall ill, and are well again, within so long of each other.
pub(super) const SPREAD: u64 = 40_000;

/// For so long a resolver may keep an answer about a public name.
pub(super) const TTL: i64 = 30_000;

/// For so long a public name may lead to a cloud that is down, in seconds.
pub(super) const WITHIN: i64 = 120;

/// The stories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    CloudDies,
    BothDie,
    Vantage,
    Resolver,
    Ipv6,
    Shared,
    NamesDie,
    NamesLie,
    CanaryAlone,
    Application,
    EntryBad,
    Coupled,
    InTime,
    Late,
    Silent,
    Split,
    Drill,
    Loss,
    Flapping,
    /// A cloud dies, and while it is dead our own network does.
    BlindInOutage,
}

/// What is ill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Check(usize),
    Vantage,
    Ipv6,
    Resolver,
    /// So many packets in a thousand are lost on our own road.
    Loss(u64),
}

/// How a check's far side is ill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// Nothing comes back.
    Silent,
    /// It answers, and not well.
    Status,
    /// Its name does not exist.
    Nameless,
    /// Its name leads to somebody else's machine.
    Lied,
}

/// Something is ill from then until then, in milliseconds from the beginning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ill {
    pub(super) who: Who,
    pub(super) how: How,
    pub(super) from: i64,
    pub(super) to: i64,
}

/// Where a public name leads: at first to cloud 0.
#[derive(Clone, Debug, Default)]
pub(super) struct Lead {
    /// From when on the zone's servers lead to which cloud.
    pub(super) switches: Vec<(i64, usize)>,
    /// So much later each of the two resolvers does.
    pub(super) lags: [i64; 2],
}

impl Lead {
    pub(super) fn of_zone(&self, at: i64) -> usize {
        self.switches.iter().rev().find(|(from, _)| *from <= at).map_or(0, |(_, cloud)| *cloud)
    }

    pub(super) fn of_resolver(&self, resolver: usize, at: i64) -> usize {
        self.of_zone(at - self.lags[resolver])
    }

    pub(super) fn longest_lag(&self) -> i64 {
        self.lags[0].max(self.lags[1])
    }
}

/// What happens.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    pub(super) kind: Kind,
    pub(super) seed: u64,
    pub(super) ills: Vec<Ill>,
    /// By service.
    pub(super) leads: BTreeMap<usize, Lead>,
    /// Of service 0, from when to when.
    pub(super) drill: Option<(i64, i64)>,
    /// When the monitor is killed and started again.
    pub(super) kills: Vec<i64>,
    /// Everything is well from here on.
    pub(super) healed: i64,
}

impl Plot {
    pub(super) fn of(kind: Kind, seed: u64, cast: &Cast) -> Self {
        let mut draw = Stream::new(seed, "plot");
        let begin = FAULTS_FROM + millis(draw.below(60_000));
        let end = begin + millis(SPREAD) + LEAST + millis(draw.below(120_000));
        let mut plot = Self {
            kind,
            seed,
            ills: Vec::new(),
            leads: cast.entries.keys().map(|service| (*service, Lead::default())).collect(),
            drill: None,
            kills: Vec::new(),
            healed: 0,
        };
        plot.tell(cast, &mut draw, (begin, end));
        let ills = plot.ills.iter().map(|ill| ill.to);
        let switches = plot
            .leads
            .values()
            .flat_map(|lead| lead.switches.iter().map(|(at, _)| *at + lead.longest_lag()));
        let drill = plot.drill.map(|(_, to)| to);
        plot.healed = ills.chain(switches).chain(drill).max().expect("something happens");
        plot
    }

    /// The same, and the monitor is killed in the middle of it.
    pub(super) fn with_kills(mut self, draw: &mut Stream) -> Self {
        let (from, to) = (FAULTS_FROM, self.healed + 30_000);
        let at = |draw: &mut Stream| from + millis(draw.below((to - from).unsigned_abs()));
        self.kills = (0..=draw.below(3)).map(|_| at(draw)).collect();
        self.kills.sort_unstable();
        self
    }

    fn tell(&mut self, cast: &Cast, draw: &mut Stream, (begin, end): (i64, i64)) {
        let own = |who| Ill { who, how: How::Silent, from: begin, to: end };
        match self.kind {
            Kind::CloudDies => self.swizzle(&cast.cloud(0), How::Silent, (begin, end), draw),
            Kind::BothDie => {
                self.swizzle(&cast.cloud(0), How::Silent, (begin, end), draw);
                let later = millis(draw.below(30_000));
                let all = [cast.cloud(1)].concat();
                self.swizzle(&all, How::Silent, (begin + later, end - later), draw);
            }
            Kind::Vantage => self.ills.push(own(Who::Vantage)),
            Kind::Resolver => self.ills.push(own(Who::Resolver)),
            Kind::Ipv6 => self.ills.push(own(Who::Ipv6)),
            Kind::Loss => self.ills.push(own(Who::Loss(300))),
            Kind::Shared => {
                let parts = [Vec::from_iter(cast.domain), cast.dependants()].concat();
                self.swizzle(&parts, How::Status, (begin, end), draw);
            }
            Kind::NamesDie => self.swizzle(&cast.all_of(0), How::Nameless, (begin, end), draw),
            Kind::NamesLie => {
                let entry = cast.entries[&0];
                self.swizzle(&[entry], How::Lied, (begin, end), draw);
            }
            Kind::CanaryAlone => {
                let canary = cast.canaries[0];
                self.swizzle(&[canary], How::Status, (begin, end), draw);
            }
            Kind::Application => self.swizzle(&cast.sides_of(0), How::Status, (begin, end), draw),
            Kind::EntryBad => {
                let entry = cast.entries[&0];
                self.swizzle(&[entry], How::Status, (begin, end), draw);
            }
            Kind::Coupled => {
                self.swizzle(&cast.cloud(0), How::Silent, (begin, end), draw);
                // When all of cloud 0 is surely seen to be dead, load moves over.
                let over = begin + millis(SPREAD) + cast.certain_after;
                let rest = cast.side(0, 1);
                self.swizzle(&rest, How::Status, (over, over.max(end) + LEAST), draw);
            }
            Kind::InTime | Kind::Late | Kind::Silent | Kind::Split | Kind::Drill => {
                self.switch(cast, draw, (begin, end));
            }
            Kind::Flapping => self.flap(&cast.side(0, 0), begin, draw),
            Kind::BlindInOutage => {
                self.swizzle(&cast.cloud(0), How::Silent, (begin, end + LEAST), draw);
                let from = begin + millis(SPREAD) + cast.certain_after;
                let to = from + 20_000 + millis(draw.below(40_000));
                self.ills.push(Ill { who: Who::Vantage, how: How::Silent, from, to });
            }
        }
    }

    /// These fall ill one by one from `begin` on, and are well again in another order from `end` on.
    fn swizzle(&mut self, parts: &[usize], how: How, (begin, end): (i64, i64), draw: &mut Stream) {
        let end = end.max(begin + millis(SPREAD) + LEAST);
        for part in parts {
            let from = begin + millis(draw.below(SPREAD));
            let to = end + millis(draw.below(SPREAD));
            self.ills.push(Ill { who: Who::Check(*part), how, from, to });
        }
    }

    /// Cloud 0 of service 0 dies, unless nothing explains it, and its public name goes to cloud 1 and back.
    fn switch(&mut self, cast: &Cast, draw: &mut Stream, (begin, end): (i64, i64)) {
        let end = end + LEAST;
        let dies = !matches!(self.kind, Kind::Silent | Kind::Drill);
        if dies {
            for part in cast.side(0, 0) {
                let (how, who) = (How::Silent, Who::Check(part));
                self.ills.push(Ill { who, how, from: begin, to: end });
            }
        }
        let after = millis(draw.below(25_000));
        let short = TTL.unsigned_abs() * 2 / 3;
        let mut lags = [millis(draw.below(short)), millis(draw.below(short))];
        let (mut there, mut back) = (begin + 15_000 + after, end + after);
        match self.kind {
            Kind::Late => there = begin + WITHIN * 1_000 + cast.certain_after + after,
            Kind::Split => lags[1] = TTL + cast.longest_interval * 2 + 15_000 + after,
            Kind::Drill => {
                self.drill = Some((begin, end));
                back = end - 40_000 - after;
            }
            _ => {}
        }
        back = back.max(there + lags[0].max(lags[1]) + LEAST);
        if dies {
            for ill in &mut self.ills {
                ill.to = ill.to.max(there + LEAST);
            }
        }
        self.drill = self.drill.map(|(from, to)| (from, to.max(back + 40_000)));
        self.leads.insert(0, Lead { switches: vec![(there, 1), (back, 0)], lags });
    }

    /// Ill and well again and again, for a time between a moment and two minutes each.
    fn flap(&mut self, parts: &[usize], begin: i64, draw: &mut Stream) {
        let mut from = begin;
        for _ in 0..6 + draw.below(6) {
            let to = from + 1_000 + millis(draw.below(80_000));
            for part in parts {
                let (how, who) = (How::Status, Who::Check(*part));
                self.ills.push(Ill { who, how, from, to });
            }
            from = to + 1_000 + millis(draw.below(80_000));
        }
    }

    /// How this one is ill at that moment.
    pub(super) fn ill(&self, who: Who, at: i64) -> Option<How> {
        let is = |ill: &&Ill| ill.who == who && (ill.from..ill.to).contains(&at);
        self.ills.iter().find(is).map(|ill| ill.how)
    }

    /// How many packets in a thousand are lost then.
    pub(super) fn loss(&self, at: i64) -> u64 {
        let lost = self.ills.iter().filter(|ill| (ill.from..ill.to).contains(&at));
        lost.filter_map(|ill| if let Who::Loss(parts) = ill.who { Some(parts) } else { None })
            .max()
            .unwrap_or(0)
    }

    /// Whether our own end is well all the time, so that whatever fails is the far side's.
    pub(super) fn sees(&self) -> bool {
        self.ills.iter().all(|ill| matches!(ill.who, Who::Check(_)))
    }
}

pub(super) fn millis(draw: u64) -> i64 {
    i64::try_from(draw).unwrap()
}
