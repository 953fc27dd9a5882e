//! What is known of the past of one service: a line per check and way of looking, joined into a line per scope on demand.
//!
//! Each check's line is what its grid results said, without maintenance; what holds after its end is [`Ahead`]. The line of a
//! scope is joined from these with maintenance laid over, kept as far as everything below it is told, and gone on from there
//! for each question, so that a question about now sees an outage grow by the second. Maintenance may be changed at any
//! time, for the past too: the joined lines are then made anew. The counters of a scope are kept apart, because they must
//! never take anything back (S6, S19).
//!
//! It is told everything and reads no clock; what promises make of it is computed in [`super::standing`].

mod counted;
mod exposed;

pub use counted::Counted;
pub use exposed::{Cost, Exposed};

use super::cadence::Cadence;
use super::joint::{Part, Scheme, Scope};
use super::maintenance::{Stretch, excluded};
use super::spans::{Amounts, Timeline, What};
use super::standing::{Standing, View, assess_over};
use super::window::Span;
use crate::model::{
    Cause, Check, Maintenance, Objective, ObjectiveKind, ScopeChoice, Service, Timestamp,
};
use jiff::tz::TimeZone;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Spans of a line beyond which it is coalesced (slo.md 5.1): 12 kB a line, and what flaps within [`EXACT_FOR`].
pub const MOST_SPANS: usize = 1_024;

/// Nothing younger is coalesced, so that all burn windows stay exact (slo.md 5.4).
const EXACT_FOR: i64 = 73 * 3_600_000;

/// What is older is shed: a calendar year and a month.
pub const KEEP: Duration = Duration::from_hours(400 * 24);

/// Failed runs that are remembered of a check, if no promise wants more (`min_failures`).
const KEEP_FAILURES: usize = 2;

/// How far a live start may be from its place on the grid and still be counted there.
pub const LATE: Duration = Duration::from_secs(1);

/// What holds from the end of a line on, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// What the last grid result said.
    pub what: What,
    /// How long that run took.
    pub latency: Duration,
    /// Until when it holds; after that time is unknown.
    pub until: Timestamp,
}

impl Ahead {
    /// Not known, until something is.
    pub const fn unknown(cause: Cause) -> Self {
        Self {
            what: What::Unknown(cause),
            latency: Duration::ZERO,
            until: Timestamp::from_millis(i64::MAX),
        }
    }
}

/// A way of looking at results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lens {
    /// Good is good.
    Availability,
    /// Good is bad when it took longer than this (`≤` as in Prometheus' `le`).
    Within(Duration),
}

impl Lens {
    /// The one that an objective looks through.
    pub fn of(objective: &Objective) -> Self {
        match (objective.kind, objective.threshold) {
            (ObjectiveKind::Latency, Some(threshold)) => Self::Within(threshold),
            _ => Self::Availability,
        }
    }

    /// What a result that said `what` and took `latency` is, looked at so.
    pub fn through(self, what: What, latency: Duration) -> What {
        match self {
            Self::Within(threshold) if what == What::Good && latency > threshold => {
                What::Bad(Some(crate::model::Reason::TooSlow))
            }
            _ => what,
        }
    }
}

/// The past of one check.
#[derive(Clone, Debug)]
pub struct CheckHistory {
    /// Its line as to availability, which every check has.
    line: Timeline,
    /// Its lines through the other lenses of the service.
    more: Box<[(Lens, Timeline)]>,
    ahead: Ahead,
    /// When its last failed runs started, rechecks included, oldest first.
    failures: Vec<Timestamp>,
    /// When its grid results stood, if a promise counts them.
    cadence: Option<Box<Cadence>>,
    interval: Duration,
    /// The maintenance that is about it.
    windows: Box<[Arc<Maintenance>]>,
    /// By how many milliseconds its past was shifted in this life.
    set_by: i64,
}

/// A scope's joined line through one lens.
#[derive(Clone, Debug)]
struct Joined {
    scope: Scope,
    lens: Lens,
    line: Timeline,
}

/// The past of one service.
#[derive(Clone, Debug)]
pub struct History {
    /// Shared by services that are built alike, which is most of them.
    scheme: Arc<Scheme>,
    checks: Box<[CheckHistory]>,
    lenses: Vec<Lens>,
    keep_failures: usize,
    joined: Vec<Joined>,
    counted: Vec<Counted>,
    exposed: Option<Box<Exposed>>,
    zone: TimeZone,
    /// Whether everything is kept as it is, however much there is.
    recorded: bool,
}

impl History {
    /// Nothing is known before `begun`. `checks` are those of the whole configuration; with `entry` there is one more than
    /// the endpoints have, whose interval that is.
    pub fn new(
        service: &Service,
        checks: &[Arc<Check>],
        entry: Option<Duration>,
        zone: &TimeZone,
        begun: Timestamp,
    ) -> Self {
        let scheme = Scheme::of(service, checks, entry.is_some());
        let mut lenses = vec![Lens::Availability];
        lenses.extend(service.objectives.iter().map(Lens::of));
        lenses.sort_unstable();
        lenses.dedup();
        let events = service.objectives.iter().any(|each| each.kind == ObjectiveKind::Events);
        let fewest = service.objectives.iter().map(|each| each.min_failures as usize).max();
        let of_endpoints = service.endpoints.iter().flat_map(|endpoint| &endpoint.checks);
        let intervals = of_endpoints.map(|check| checks[check.get()].shape.interval).chain(entry);
        let further = lenses.iter().filter(|lens| **lens != Lens::Availability);
        let checks = intervals
            .map(|interval| CheckHistory {
                line: Timeline::new(begun),
                more: further.clone().map(|lens| (*lens, Timeline::new(begun))).collect(),
                ahead: Ahead::unknown(Cause::Starting),
                failures: Vec::new(),
                cadence: events.then(|| Box::new(Cadence::new(interval, LATE))),
                interval,
                windows: Box::default(),
                set_by: 0,
            })
            .collect();
        // Where nothing is promised nothing is joined or counted; a promise made later finds all of the past.
        let watched_only = service.objectives.is_empty();
        let mut scopes = if watched_only { Vec::new() } else { scheme.scopes() };
        for objective in &service.objectives {
            if let ScopeChoice::AtLeast(least) = objective.scope
                && !scopes.contains(&Scope::AtLeast(least))
            {
                scopes.push(Scope::AtLeast(least));
            }
        }
        let count = |scope| Counted { scope, millis: Amounts::default(), upto: begun, restated: 0 };
        Self {
            exposed: Exposed::new(&scheme, begun),
            scheme: Arc::new(scheme),
            checks,
            lenses,
            keep_failures: fewest.unwrap_or(0).max(KEEP_FAILURES),
            joined: Vec::new(),
            counted: scopes.into_iter().map(count).collect(),
            zone: zone.clone(),
            recorded: false,
        }
    }

    /// The same for recorded results, of which nothing is known yet: starts count where they are, and nothing is shed or
    /// coalesced, so that every number is exact whatever it costs.
    #[must_use]
    pub fn recorded(mut self) -> Self {
        self.recorded = true;
        for check in &mut self.checks {
            check.cadence =
                check.cadence.as_ref().map(|_| Box::new(Cadence::recorded(check.interval)));
        }
        self
    }

    /// Takes the scheme in `known` that is like its own in the place of its own, or puts its own there.
    pub fn share_scheme(&mut self, known: &mut BTreeSet<Arc<Scheme>>) {
        match known.get(&self.scheme) {
            Some(scheme) => self.scheme = Arc::clone(scheme),
            None => drop(known.insert(Arc::clone(&self.scheme))),
        }
    }

    /// How its checks combine.
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// Every scope that is computed; none where nothing is promised.
    pub fn scopes(&self) -> impl Iterator<Item = Scope> {
        self.counted.iter().map(|counted| counted.scope)
    }

    /// The scope that an objective is promised for (S14).
    pub fn scope_of(&self, objective: &Objective) -> Scope {
        let side = |name: &str| self.scheme.sides.iter().position(|side| &*side.provider == name);
        match &objective.scope {
            ScopeChoice::Entry => Scope::Entry,
            ScopeChoice::All => Scope::All,
            ScopeChoice::Provider(name) => {
                Scope::Side(side(name).expect("a promise names a provider that the service is on"))
            }
            ScopeChoice::AtLeast(least) => Scope::AtLeast(*least),
            ScopeChoice::Default if self.scheme.entry.is_some() => Scope::Entry,
            ScopeChoice::Default if self.scheme.sides.len() == 1 => Scope::Side(0),
            ScopeChoice::Any | ScopeChoice::Default => Scope::Any,
        }
    }

    /// More is known of the past of the check at this position: up to `to` time was `past`, from there on `ahead` holds.
    pub fn tell(&mut self, check: usize, past: Ahead, to: Timestamp, ahead: Ahead) {
        let (zone, recorded) = (&self.zone, self.recorded);
        let check = &mut self.checks[check];
        for (lens, line) in check.lines_mut() {
            line.append(lens.through(past.what, past.latency), to);
            if !recorded {
                tidy(line, zone);
            }
        }
        check.ahead = ahead;
    }

    /// A run of the check started at `at`; grid results are counted, failed runs remembered.
    pub fn observe(&mut self, check: usize, at: Timestamp, recheck: bool, failed: bool) {
        let most = self.keep_failures;
        let check = &mut self.checks[check];
        if failed {
            if check.failures.len() >= most {
                check.failures.remove(0);
            }
            check.failures.push(at);
        }
        if let Some(cadence) = check.cadence.as_mut().filter(|_| !recheck) {
            cadence.push(at);
        }
    }

    /// The maintenance that is about each check, from now on and for the past too; gives back whether that is news.
    pub fn set_windows(&mut self, windows: Vec<Vec<Arc<Maintenance>>>) -> bool {
        let same = |(check, windows): (&CheckHistory, &Vec<Arc<Maintenance>>)| {
            check.windows.len() == windows.len()
                && check.windows.iter().zip(windows).all(|(one, other)| Arc::ptr_eq(one, other))
        };
        if self.checks.iter().zip(&windows).all(same) {
            return false;
        }
        // What was told so far is counted as it was then.
        self.advance();
        let before: Vec<_> = self.counted.iter().map(|each| self.bad_until(each)).collect();
        for (check, windows) in self.checks.iter_mut().zip(windows) {
            check.windows = windows.into();
        }
        self.joined.clear();
        let after: Vec<_> = self.counted.iter().map(|each| self.bad_until(each)).collect();
        for (counted, (before, after)) in self.counted.iter_mut().zip(before.iter().zip(after)) {
            counted.restated += after - before;
        }
        true
    }

    /// The wall clock was set: what is known of this check was so much later or earlier.
    pub fn shift(&mut self, check: usize, millis: i64) {
        let before: Vec<i64> = self.counted.iter().map(|each| self.set_by(each.scope)).collect();
        let exposed_before = self.exposed_set_by();
        let check = &mut self.checks[check];
        check.set_by += millis;
        for (_, line) in check.lines_mut() {
            line.shift(millis);
        }
        check.ahead.until = check.ahead.until.shifted(millis);
        for failure in &mut check.failures {
            *failure = failure.shifted(millis);
        }
        if let Some(cadence) = &mut check.cadence {
            cadence.shift(millis);
        }
        // What was joined is joined anew.
        self.joined.clear();
        self.shift_counted(&before);
        self.shift_exposed(exposed_before);
    }

    /// The past of each check: those of the endpoints in order, then that of the entry.
    pub fn checks(&self) -> &[CheckHistory] {
        &self.checks
    }

    /// Takes over the past of a check as it was stored.
    pub fn recall(&mut self, check: usize, memory: CheckMemory) {
        let check = &mut self.checks[check];
        for (lens, line) in memory.lines {
            if let Some((_, mine)) = check.lines_mut().find(|(mine, _)| *mine == lens) {
                *mine = line;
            }
        }
        check.ahead = memory.ahead;
        check.failures = memory.failures.into();
        if let (Some(mine), Some(stored)) = (&mut check.cadence, memory.cadence) {
            **mine = stored;
        }
        self.joined.clear();
    }

    /// As [`Self::recall`], of a check that was looked at until now, perhaps at another pace.
    pub fn succeed(&mut self, check: usize, memory: CheckMemory) {
        let interval = self.checks[check].interval;
        let cadence = memory.cadence.map(|cadence| cadence.at_pace(interval, LATE));
        self.recall(check, CheckMemory { cadence, ..memory });
    }

    /// The line of a scope through a lens, gone on to `at` with what holds now.
    pub fn line(&self, scope: Scope, lens: Lens, at: Timestamp) -> Timeline {
        let known = self.joined.iter().find(|each| each.scope == scope && each.lens == lens);
        let mut line = match (self.only(scope), known) {
            (Some(check), _) => self.checks[check].line(lens).clone(),
            (None, Some(joined)) => joined.line.clone(),
            (None, None) => Timeline::new(self.begun(scope, lens)),
        };
        if line.upto() < at {
            self.go_on(scope, lens, at, &mut line);
        }
        line
    }

    /// As [`Self::line`], keeping what is joined on the way.
    pub fn line_kept(&mut self, scope: Scope, lens: Lens, at: Timestamp) -> Timeline {
        self.joined(scope, lens);
        self.line(scope, lens, at)
    }

    /// The check that is all there is to a scope, so that its line is the scope's and need not be kept twice.
    fn only(&self, scope: Scope) -> Option<usize> {
        match self.scheme.checks(scope)[..] {
            [check] if self.checks[check].windows.is_empty() => Some(check),
            _ => None,
        }
    }

    /// Joins what everything below the scope is told of and keeps that.
    fn joined(&mut self, scope: Scope, lens: Lens) -> &Timeline {
        if let Some(check) = self.only(scope) {
            return self.checks[check].line(lens);
        }
        let same = |each: &Joined| each.scope == scope && each.lens == lens;
        let position = self.joined.iter().position(same).unwrap_or_else(|| {
            let line = Timeline::new(self.begun(scope, lens));
            // Exactly the room that is needed: there are very many services with a few scopes each.
            self.joined.reserve_exact(1);
            self.joined.push(Joined { scope, lens, line });
            self.joined.len() - 1
        });
        let told = self.below(scope).into_iter();
        let to = told.map(|check| self.checks[check].line(lens).upto()).min();
        let from = self.joined[position].line.upto();
        if let Some(to) = to.filter(|to| *to > from) {
            let mut line = std::mem::replace(&mut self.joined[position].line, Timeline::new(from));
            self.go_on(scope, lens, to, &mut line);
            if !self.recorded {
                tidy(&mut line, &self.zone);
            }
            self.joined[position].line = line;
        }
        &self.joined[position].line
    }

    /// From where to where everything below a scope is told of.
    pub fn known(&self, scope: Scope) -> (Timestamp, Timestamp) {
        let checks = self.scheme.checks(scope).into_iter();
        let upto = checks.map(|check| self.checks[check].line(Lens::Availability).upto()).min();
        let from = self.begun(scope, Lens::Availability);
        (from, upto.unwrap_or(from))
    }

    /// The earliest moment of which anything is known in a scope.
    fn begun(&self, scope: Scope, lens: Lens) -> Timestamp {
        let checks = self.below(scope).into_iter();
        let begun = checks.map(|check| self.checks[check].line(lens).kept_from()).min();
        begun.unwrap_or_default()
    }

    /// The checks whose lines say how far a scope reaches: those that count for it, or all where none does and the scope
    /// is excluded throughout.
    fn below(&self, scope: Scope) -> Vec<usize> {
        let counting = self.scheme.checks(scope);
        if counting.is_empty() { (0..self.checks.len()).collect() } else { counting }
    }

    /// Joins a scope from the end of `line` to `to`.
    fn go_on(&self, scope: Scope, lens: Lens, to: Timestamp, line: &mut Timeline) {
        let from = line.upto();
        self.with_parts(lens, from, to, |parts| self.scheme.join(scope, parts, to, line));
    }

    /// Milliseconds of `[from, to)` in which the whole scope is under maintenance, whatever its checks would say.
    pub fn closed(&self, scope: Scope, from: Timestamp, to: Timestamp) -> u64 {
        let needed = self.scheme.checks(scope);
        if needed.iter().any(|check| self.checks[*check].windows.is_empty()) {
            // A check that is never under maintenance keeps its scope open.
            return 0;
        }
        let blank = Timeline::new(from);
        let closed: Vec<_> =
            self.checks.iter().map(|check| check.excluded(&self.zone, from, to)).collect();
        let parts: Vec<_> = closed.iter().map(|excluded| Part { line: &blank, excluded }).collect();
        let mut line = Timeline::new(from);
        self.scheme.join(scope, &parts, to, &mut line);
        line.amounts(from, to).excluded
    }

    /// Failed runs of the scope's checks that started in `[from, to)`, rechecks included, as far as they are remembered.
    pub fn failures(&self, scope: Scope, from: Timestamp, to: Timestamp) -> u64 {
        let within = |at: &&Timestamp| from <= **at && **at < to;
        let checks = self.scheme.checks(scope).into_iter();
        let count = |check: usize| self.checks[check].failures.iter().filter(within).count();
        checks.map(count).sum::<usize>() as u64
    }

    /// How an objective stands in a scope at `at`.
    pub fn standing(&mut self, objective: &Objective, scope: Scope, at: Timestamp) -> Standing {
        let span = Span::at(objective.window, &self.zone, at);
        self.standing_over(objective, scope, span)
    }

    /// How an objective stood in a scope over a window.
    pub fn standing_over(&mut self, objective: &Objective, scope: Scope, span: Span) -> Standing {
        let line = self.line_kept(scope, Lens::of(objective), span.to);
        let checks = self.scheme.checks(scope).into_iter();
        let cadences: Vec<_> =
            checks.filter_map(|check| self.checks[check].cadence.as_deref()).collect();
        let view = View {
            timeline: &line,
            cadences: &cadences,
            failures: &|from, to| self.failures(scope, from, to),
            future_excluded: &|from, to| self.closed(scope, from, to),
            suppressed: self.closed(scope, span.to, span.to.shifted(1)) > 0,
        };
        assess_over(objective, span, &view)
    }

    /// The lenses through which it is looked.
    pub fn lenses(&self) -> &[Lens] {
        &self.lenses
    }

    /// Whose civil time calendar windows and weekly maintenance follow.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }
}

/// What a restart has to know of a [`CheckHistory`].
#[derive(Clone, Debug)]
pub struct CheckMemory {
    /// Its line through each lens.
    pub lines: Vec<(Lens, Timeline)>,
    /// What holds after their end.
    pub ahead: Ahead,
    /// When its last failed runs started, oldest first.
    pub failures: VecDeque<Timestamp>,
    /// When its grid results stood.
    pub cadence: Option<Cadence>,
}

impl CheckHistory {
    /// What a restart has to know.
    pub fn memory(&self) -> CheckMemory {
        CheckMemory {
            lines: self.lines().map(|(lens, line)| (lens, line.clone())).collect(),
            ahead: self.ahead,
            failures: self.failures().collect(),
            cadence: self.cadence.as_deref().cloned(),
        }
    }

    /// Its lines.
    pub fn lines(&self) -> impl Iterator<Item = (Lens, &Timeline)> {
        let more = self.more.iter().map(|(lens, line)| (*lens, line));
        std::iter::once((Lens::Availability, &self.line)).chain(more)
    }

    fn lines_mut(&mut self) -> impl Iterator<Item = (Lens, &mut Timeline)> {
        let more = self.more.iter_mut().map(|(lens, line)| (*lens, line));
        std::iter::once((Lens::Availability, &mut self.line)).chain(more)
    }

    /// When its last failed runs started, oldest first.
    pub fn failures(&self) -> impl Iterator<Item = Timestamp> {
        self.failures.iter().copied()
    }

    /// Its line through a lens.
    pub fn line(&self, lens: Lens) -> &Timeline {
        let found = self.lines().find(|(mine, _)| *mine == lens);
        found.expect("a line is kept for every lens of the service").1
    }

    /// What holds after the end of its lines.
    pub fn ahead(&self) -> Ahead {
        self.ahead
    }

    /// When its grid results stood, if a promise counts them.
    pub fn cadence(&self) -> Option<&Cadence> {
        self.cadence.as_deref()
    }

    /// How often it runs.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Its line through a lens, gone on to `at` with what holds now.
    pub fn line_to(&self, lens: Lens, at: Timestamp) -> Timeline {
        let line = self.line(lens);
        self.tail(lens, line.begun(), at).unwrap_or_else(|| line.clone())
    }

    fn excluded(&self, zone: &TimeZone, from: Timestamp, to: Timestamp) -> Vec<Stretch> {
        if self.windows.is_empty() {
            return Vec::new();
        }
        excluded(self.windows.iter().map(|window| &**window), zone, from, to)
    }

    /// Its line from `from` on, gone on to `to` with what holds now; `None` where the line itself reaches that far.
    fn tail(&self, lens: Lens, from: Timestamp, to: Timestamp) -> Option<Timeline> {
        let line = self.line(lens);
        if line.upto() >= to {
            return None;
        }
        let mut tail = Timeline::new(from.min(line.upto()).max(line.begun()));
        for piece in line.pieces(tail.upto(), line.upto()) {
            tail.append(piece.what, piece.to);
        }
        let until = self.ahead.until.min(to);
        tail.append(lens.through(self.ahead.what, self.ahead.latency), until);
        tail.append(What::Unknown(Cause::Overloaded), to);
        Some(tail)
    }
}

/// Sheds what is too old and coalesces what flaps too much; days in the zone of calendar windows stay whole.
fn tidy(line: &mut Timeline, zone: &TimeZone) {
    if line.len() <= MOST_SPANS {
        return;
    }
    let keep = i64::try_from(KEEP.as_millis()).expect("some hundred days");
    line.shed(line.upto().shifted(-keep));
    let day = |at: Timestamp| {
        let instant = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
        zone.to_datetime(instant).date()
    };
    let exact_from = line.upto().shifted(-EXACT_FOR);
    line.coalesce(MOST_SPANS, exact_from, |from, to| day(from) != day(to.shifted(-1)));
}
