//! The books beside a monitor with a store: the runs that are stored, recounted by painting.
//!
//! A run is written down when its result is sent, counts for good once a commit has come after it, and is taken back if a
//! crash came first: exactly what a monitor may lose. Time is painted in steps of ten seconds, as in a process that never
//! restarted but skipped the runs that are not there (S7, C15).
//!
//! It shares no code with what it judges.

use crate::lives::STEP;
use nephoscope::config::Config;
use nephoscope::model::{MaintenanceWhen, Outcome, Role, Service, Side};
use nephoscope::monitor::snapshot::CheckView;
use nephoscope::slo::standing::Standing;
use nephoscope::store::Image;
use nephoscope::store::record::Entry;
use std::collections::BTreeMap;

const GOOD: u8 = 0;
const BAD: u8 = 1;
const UNKNOWN: u8 = 2;
const EXCLUDED: u8 = 3;
/// Results hold for two intervals of a minute.
const HOLD: i64 = 120_000;

/// One line of the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Run { check: usize, at: i64, recheck: bool, colour: u8 },
    Back(i64),
}

/// The books.
pub(crate) struct Recount {
    lines: Vec<Line>,
    /// How many of them are stored.
    stored: usize,
    begun: i64,
    /// Whether anything was ever stored.
    known: bool,
    services: Vec<Service>,
    names: Vec<String>,
    counts: Vec<bool>,
    providers: Vec<String>,
    maintenance: Vec<(String, i64, i64)>,
    /// Counters as they were last seen, and as they were at the last commit.
    seen: BTreeMap<String, [u64; 4]>,
    safe: BTreeMap<String, [u64; 4]>,
}

impl Recount {
    pub(crate) fn new(config: &Config, begun: i64) -> Self {
        let window = |window: &nephoscope::model::Maintenance| {
            let (_, providers) = window.matching.iter().next().unwrap();
            let MaintenanceWhen::Once { from, to } = window.when else { panic!("once") };
            (providers[0].clone(), from.as_millis(), to.as_millis())
        };
        Self {
            lines: Vec::new(),
            stored: 0,
            begun,
            known: false,
            services: config.services.clone(),
            names: config.checks.iter().map(|check| check.id.to_string()).collect(),
            counts: config.checks.iter().map(|check| check.counts).collect(),
            providers: config.checks.iter().map(|check| check.provider.to_string()).collect(),
            maintenance: config.maintenance.iter().map(window).collect(),
            seen: BTreeMap::new(),
            safe: BTreeMap::new(),
        }
    }

    /// A result was sent.
    pub(crate) fn run(&mut self, check: usize, at: i64, recheck: bool, outcome: Outcome) {
        let colour = match outcome {
            Outcome::Good => GOOD,
            Outcome::Bad(_) => BAD,
            Outcome::Unknown(_) => UNKNOWN,
        };
        self.lines.push(Line::Run { check, at, recheck, colour });
    }

    /// The clock was set back.
    pub(crate) fn back(&mut self, millis: i64) {
        self.lines.push(Line::Back(millis));
    }

    /// A life begins: the first one of which anything is stored is the beginning.
    pub(crate) fn begin(&mut self, now: i64) {
        if !self.known {
            self.begun = now;
        }
    }

    /// A commit came through.
    pub(crate) fn acknowledge(&mut self) {
        self.known = true;
        self.stored = self.lines.len();
        self.safe.clone_from(&self.seen);
    }

    /// A life has ended: what was not stored never was. Gives back how many runs that are.
    pub(crate) fn lose(&mut self) -> usize {
        let lost = self.lines.len() - self.stored;
        self.lines.truncate(self.stored);
        self.seen.clone_from(&self.safe);
        lost
    }

    /// The journal on disk is the end of what was acknowledged, in order and without a gap.
    pub(crate) fn judge_journal(&self, image: &Image) {
        let number = |number: u32| {
            let stored = image.checks.iter().find(|check| check.number == number).unwrap();
            self.names.iter().position(|name| *name == stored.name).unwrap()
        };
        let runs =
            image.journal.iter().flat_map(|row| &row.entries).filter_map(|entry| match entry {
                Entry::Run(run) => Some((number(run.check), run.at_ms, run.recheck)),
                Entry::ClockBack { .. } => None,
            });
        let runs: Vec<_> = runs.collect();
        let mine = self.lines.iter().filter_map(|line| match *line {
            Line::Run { check, at, recheck, .. } => Some((check, at, recheck)),
            Line::Back(_) => None,
        });
        let mine: Vec<_> = mine.collect();
        assert!(runs.len() <= mine.len(), "{} of {} acknowledged", runs.len(), mine.len());
        assert_eq!(runs, mine[mine.len() - runs.len()..], "the stored journal");
    }

    /// Since when a check is watched, as the clock has it now, and its grid results.
    fn results(&self, number: usize) -> (i64, Vec<(i64, u8)>) {
        let (mut begun, mut results) = (self.begun, Vec::new());
        for line in &self.lines {
            match *line {
                Line::Run { check, at, recheck: false, colour } if check == number => {
                    results.push((at, colour));
                }
                Line::Run { .. } => {}
                Line::Back(millis) => {
                    begun -= millis;
                    for (at, _) in &mut results {
                        *at -= millis;
                    }
                }
            }
        }
        (begun, results)
    }

    /// The line of a check from its beginning to `to`, a byte for ten seconds.
    fn paint(&self, number: usize, to: i64) -> (i64, Vec<u8>) {
        let (begun, results) = self.results(number);
        let place = |at: i64| usize::try_from(((at - begun) / STEP).max(0)).unwrap();
        let mut cells = vec![UNKNOWN; place(to)];
        for (position, (at, colour)) in results.iter().enumerate() {
            let next = results.get(position + 1).map_or(i64::MAX, |(at, _)| *at);
            let (from, until) = (place(*at), place((at + HOLD).min(next).min(to)));
            if from < until {
                cells[from..until].fill(*colour);
            }
        }
        for (provider, from, until) in &self.maintenance {
            let (from, until) = (place(*from), place((*until).min(to)));
            if *provider == self.providers[number] && from < until {
                cells[from..until].fill(EXCLUDED);
            }
        }
        (begun, cells)
    }

    fn tally(cells: &[u8]) -> [i64; 4] {
        let mut tally = [0; 4];
        for cell in cells {
            tally[usize::from(*cell)] += STEP;
        }
        tally
    }

    /// Bad milliseconds of all checks.
    pub(crate) fn bad(&self) -> i64 {
        let last = self.lines.iter().filter_map(|line| match line {
            Line::Run { at, .. } => Some(*at),
            Line::Back(_) => None,
        });
        let to = last.max().unwrap_or(self.begun);
        (0..self.names.len()).map(|number| Self::tally(&self.paint(number, to).1)[1]).sum()
    }

    /// The counters of a check: they add up, they do not go back, and, where the clock was not set, they are as painted.
    pub(crate) fn judge_check(&mut self, number: usize, view: &CheckView, steady: bool) {
        let name = self.names[number].clone();
        let seconds = view.seconds;
        let shown = [seconds.good, seconds.bad, seconds.unknown, seconds.excluded];
        let shown = shown.map(|each| i64::try_from(each.as_millis()).unwrap());
        let (begun, cells) = self.paint(number, view.watermark.as_millis());
        let elapsed = view.watermark.as_millis() - begun;
        assert_eq!(shown.iter().sum::<i64>(), elapsed, "time of {name}: {shown:?}");
        if steady {
            assert_eq!(shown, Self::tally(&cells), "time line of {name}");
        }
        assert!(self.counted(&name, shown.map(i64::unsigned_abs)), "{name} went back: {shown:?}");
    }

    /// Whether none of the counters called `name` went back.
    pub(crate) fn counted(&mut self, name: &str, now: [u64; 4]) -> bool {
        let before = self.seen.insert(name.to_owned(), now).unwrap_or_default();
        before.iter().zip(now).all(|(before, now)| *before <= now)
    }

    /// The numbers of a promise.
    pub(crate) fn judge_scope(&self, service: usize, scope: &str, name: &str, found: &Standing) {
        let (from, to) = (found.span.from.as_millis(), found.span.to.as_millis());
        let service = &self.services[service];
        let checks: Vec<usize> = service
            .endpoints
            .iter()
            .flat_map(|endpoint| endpoint.checks.iter().map(|check| check.get()))
            .collect();
        let lines: BTreeMap<usize, (i64, Vec<u8>)> =
            checks.into_iter().map(|check| (check, self.paint(check, to))).collect();
        let (begun, cells) = lines.values().next().unwrap();
        let mut tally = [0; 4];
        let mut joined = UNKNOWN;
        for position in 0..cells.len() {
            let mut each = lines.values().map(|(_, cells)| cells);
            if position == 0 || each.any(|cells| cells[position] != cells[position - 1]) {
                joined = self.join(service, scope, |check| lines[&check].1[position]);
            }
            let at = begun + i64::try_from(position).unwrap() * STEP;
            if at >= from {
                tally[usize::from(joined)] += STEP;
            }
        }
        let missing = (begun - from).max(0);
        tally[usize::from(UNKNOWN)] += missing;
        let shown = found.measured.list().map(|each| i64::try_from(each).unwrap());
        assert_eq!(shown, tally, "{name} from {from} to {to}");
    }

    /// S11.
    fn join(&self, service: &Service, scope: &str, state: impl Fn(usize) -> u8) -> u8 {
        let mut providers: Vec<&str> = Vec::new();
        for endpoint in &service.endpoints {
            if !providers.contains(&&*endpoint.provider) {
                providers.push(&endpoint.provider);
            }
        }
        let side = |provider: &&str| {
            let here = service.endpoints.iter().filter(|each| *each.provider == **provider);
            let has_active = here.clone().any(|each| each.role == Role::Active);
            let judged = here.filter(|each| !has_active || each.role == Role::Active);
            let endpoints = judged.map(|endpoint| {
                let counting = endpoint.checks.iter().filter(|check| self.counts[check.get()]);
                serial(counting.map(|check| state(check.get())).collect())
            });
            let endpoints: Vec<u8> = endpoints.collect();
            if service.side == Side::All { serial(endpoints) } else { parallel(endpoints) }
        };
        match scope.strip_prefix("provider:") {
            Some(provider) => side(&provider),
            None if scope == "all" => serial(providers.iter().map(side).collect()),
            None => parallel(providers.iter().map(side).collect()),
        }
    }
}

fn serial(mut states: Vec<u8>) -> u8 {
    states.retain(|state| *state != EXCLUDED);
    if states.is_empty() {
        EXCLUDED
    } else if states.contains(&BAD) {
        BAD
    } else if states.contains(&UNKNOWN) {
        UNKNOWN
    } else {
        GOOD
    }
}

fn parallel(mut states: Vec<u8>) -> u8 {
    states.retain(|state| *state != EXCLUDED);
    if states.is_empty() {
        EXCLUDED
    } else if states.contains(&GOOD) {
        GOOD
    } else if states.contains(&UNKNOWN) {
        UNKNOWN
    } else {
        BAD
    }
}
