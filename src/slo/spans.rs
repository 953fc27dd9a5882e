//! The time line of a check or scope, as run-length spans of what was not good (slo.md 5.2).
//!
//! Good time is what is left, so a healthy check costs a few words. Sums over any stretch are exact to the millisecond: a
//! binary search for each end and the running totals kept every [`BLOCK`] spans. Intervals are half-open (S1). Time before the
//! beginning and after the end is unknown. Appending goes forwards only; the oldest blocks can be shed, and a line with very
//! many spans can be coalesced ([`coalesce`]), after which [`Timeline::uncertainty`] bounds the error.
//!
//! It does not know what the stretches are about, nor what a window is.

mod coalesce;

use crate::model::{Cause, Reason, Timestamp};

/// What a stretch of time was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Good.
    Good,
    /// Bad; why the stretch began, if that is known.
    Bad(Option<Reason>),
    /// Not observed.
    Unknown(Cause),
    /// Maintenance.
    Excluded,
    /// Several stretches coalesced: so much of it was bad and unknown, the rest good; where in it is no longer known.
    Mixed(Mix),
}

/// Milliseconds inside a coalesced stretch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mix {
    /// Bad.
    pub bad: u64,
    /// Unknown.
    pub unknown: u64,
    /// How far `bad` itself may be off, because coalesced lines were joined; 0 for the line of a check.
    pub slack: u64,
}

/// A stretch of time, half-open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// First moment.
    pub from: Timestamp,
    /// First moment after it.
    pub to: Timestamp,
    /// What it was.
    pub what: What,
}

impl Piece {
    /// Milliseconds.
    pub fn millis(&self) -> u64 {
        millis(self.from, self.to)
    }
}

/// Time by what it was, in milliseconds; or counts of runs or slices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Good.
    pub good: u64,
    /// Bad.
    pub bad: u64,
    /// Not observed.
    pub unknown: u64,
    /// Maintenance.
    pub excluded: u64,
}

impl Amounts {
    /// All of it together.
    pub const fn total(self) -> u64 {
        self.good + self.bad + self.unknown + self.excluded
    }

    /// Good or bad.
    pub const fn known(self) -> u64 {
        self.good + self.bad
    }

    /// As a list: good, bad, unknown, excluded.
    pub const fn list(self) -> [u64; 4] {
        [self.good, self.bad, self.unknown, self.excluded]
    }

    /// From such a list.
    pub const fn of([good, bad, unknown, excluded]: [u64; 4]) -> Self {
        Self { good, bad, unknown, excluded }
    }
}

impl std::ops::Add for Amounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            good: self.good + other.good,
            bad: self.bad + other.bad,
            unknown: self.unknown + other.unknown,
            excluded: self.excluded + other.excluded,
        }
    }
}

/// Milliseconds between two moments, zero when the second is not after the first.
pub(super) fn millis(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_millis() - from.as_millis()).unwrap_or(0)
}

/// Spans between two running totals: few enough to be added up in the time of a cache miss.
const BLOCK: usize = 16;

/// A stretch that was not good, in 12 bytes: there are very many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, packed(4))]
struct Span {
    /// Where it starts, above; below it [`CODE_BITS`] of the position of the reason plus one, or of the cause (0 if there
    /// is none), and [`KIND_BITS`] of the kind.
    packed: i64,
    /// Milliseconds; what lasts longer than 49 days is several spans.
    len: u32,
}

const KIND_BITS: u32 = 2;
const CODE_BITS: u32 = 6;
const LOW_BITS: u32 = KIND_BITS + CODE_BITS;

// Every reason and cause has a code.
const _: () = assert!(Reason::ALL.len() < 1 << CODE_BITS && Cause::ALL.len() < 1 << CODE_BITS);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bad,
    Unknown,
    Excluded,
    Mixed,
}

impl Span {
    /// `start` is within 2 200 years of the epoch.
    fn new(start: i64, len: u32, kind: Kind, code: u8) -> Self {
        let low = i64::from(code) << KIND_BITS | kind as i64;
        Self { packed: start << LOW_BITS | low, len }
    }

    const fn start(self) -> i64 {
        self.packed >> LOW_BITS
    }

    fn end(self) -> i64 {
        self.start() + i64::from(self.len)
    }

    const fn kind(self) -> Kind {
        match self.packed & ((1 << KIND_BITS) - 1) {
            0 => Kind::Bad,
            1 => Kind::Unknown,
            2 => Kind::Excluded,
            _ => Kind::Mixed,
        }
    }

    fn code(self) -> u8 {
        let code = self.packed >> KIND_BITS & ((1 << CODE_BITS) - 1);
        u8::try_from(code).expect("six bits")
    }

    fn shift(&mut self, millis: i64) {
        self.packed += millis << LOW_BITS;
    }
}

/// Bad, unknown, excluded milliseconds.
type Sums = [u64; 3];

/// The time line of a check or scope.
#[derive(Clone, Debug)]
pub struct Timeline {
    begun: Timestamp,
    /// From where on its spans are kept; before that they were shed.
    kept_from: Timestamp,
    upto: Timestamp,
    spans: Vec<Span>,
    /// Since the beginning, shed spans included.
    total: Sums,
    /// There once it is needed: beyond one block, or when something is coalesced. Nearly every line does without.
    index: Option<Box<Index>>,
}

/// What makes a line of many spans quick to ask.
#[derive(Clone, Debug, Default)]
struct Index {
    /// Before the first span of each block, since the beginning.
    totals: Vec<Sums>,
    /// What is inside the spans of kind `Mixed`, by their start.
    mixed: Vec<(i64, Mix)>,
}

/// Everything of a [`Timeline`] in plain parts, to be stored and restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// First moment.
    pub begun: Timestamp,
    /// From where on the spans are complete.
    pub kept_from: Timestamp,
    /// First moment after it.
    pub upto: Timestamp,
    /// Bad, unknown and excluded milliseconds before `kept_from`.
    pub shed: [u64; 3],
    /// Stretches that were not good, ascending.
    pub pieces: Vec<Piece>,
}

impl Timeline {
    /// Empty, from `begun` on.
    pub fn new(begun: Timestamp) -> Self {
        Self { begun, kept_from: begun, upto: begun, spans: Vec::new(), total: [0; 3], index: None }
    }

    /// First moment.
    pub fn begun(&self) -> Timestamp {
        self.begun
    }

    /// From where on it can be asked; what was before is counted in [`Self::since_begun`] only.
    pub fn kept_from(&self) -> Timestamp {
        self.kept_from
    }

    /// First moment after it.
    pub fn upto(&self) -> Timestamp {
        self.upto
    }

    /// Spans of what was not good.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether nothing but good time is kept.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Goes on to `to` with `what`; nothing happens if that is not after the end.
    pub fn append(&mut self, what: What, to: Timestamp) {
        let mut start = self.upto.as_millis();
        let mut left = millis(self.upto, to);
        if left == 0 {
            return;
        }
        self.upto = to;
        let (kind, code) = match what {
            What::Good => return,
            What::Bad(reason) => (Kind::Bad, reason.map_or(0, |reason| reason as u8 + 1)),
            What::Unknown(cause) => (Kind::Unknown, cause as u8 + 1),
            What::Excluded => (Kind::Excluded, 0),
            What::Mixed(mix) => return self.push_mixed(start, left, mix),
        };
        self.total[kind as usize] += left;
        if let Some(last) = self.spans.last_mut()
            && last.end() == start
            && last.kind() == kind
            // An outage keeps the reason it began with; unknown time does not hide a change of cause.
            && (kind != Kind::Unknown || last.code() == code)
        {
            let room = u64::from(u32::MAX - last.len).min(left);
            last.len += u32::try_from(room).expect("at most what fits");
            start = last.end();
            left -= room;
        }
        while left > 0 {
            let len = u32::try_from(left).unwrap_or(u32::MAX);
            let before = self.total[kind as usize] - left;
            self.push(Span::new(start, len, kind, code), kind, before);
            start += i64::from(len);
            left -= u64::from(len);
        }
    }

    /// Adds a span; `before` is the total of its kind without it.
    fn push(&mut self, span: Span, kind: Kind, before: u64) {
        let mut total = self.total;
        if kind != Kind::Mixed {
            total[kind as usize] = before;
        }
        if self.index.is_none() && (self.spans.len() == BLOCK || kind == Kind::Mixed) {
            let first = (!self.spans.is_empty()).then(|| self.without_spans(total));
            let totals = first.into_iter().collect();
            self.index = Some(Box::new(Index { totals, mixed: Vec::new() }));
        }
        if let Some(index) = &mut self.index
            && self.spans.len().is_multiple_of(BLOCK)
        {
            index.totals.reserve_exact(1);
            index.totals.push(total);
        }
        if self.spans.len() == self.spans.capacity() {
            // An eighth more, not twice: most lines are short, and there are very many of them.
            self.spans.reserve_exact((self.spans.len() / 8).max(2));
        }
        self.spans.push(span);
    }

    fn push_mixed(&mut self, start: i64, len: u64, mix: Mix) {
        let len = u32::try_from(len).expect("coalesced stretches stay below 49 days");
        self.push(Span::new(start, len, Kind::Mixed, 0), Kind::Mixed, 0);
        let index = self.index.as_mut().expect("a coalesced span was just pushed");
        index.mixed.push((start, mix));
        self.total[Kind::Bad as usize] += mix.bad;
        self.total[Kind::Unknown as usize] += mix.unknown;
    }

    /// Time by what it was in `[from, to)`; adds up to its length.
    pub fn amounts(&self, from: Timestamp, to: Timestamp) -> Amounts {
        let whole = millis(from, to);
        let (low, high) = (from.max(self.kept_from), to.min(self.upto));
        let seen = millis(low, high);
        if seen == 0 {
            return Amounts { unknown: whole, ..Amounts::default() };
        }
        let (until, before) = (self.sums_before(high), self.sums_before(low));
        let [bad, unknown, excluded] = std::array::from_fn(|kind| until[kind] - before[kind]);
        // Both shares of a coalesced stretch that an end cuts are rounded, which may make a millisecond too many.
        let unknown = unknown.min(seen - bad - excluded);
        Amounts {
            good: seen - bad - unknown - excluded,
            bad,
            unknown: unknown + whole - seen,
            excluded,
        }
    }

    /// Time by what it was since the beginning, shed time included.
    pub fn since_begun(&self) -> Amounts {
        let [bad, unknown, excluded] = self.total;
        let good = millis(self.begun, self.upto) - bad - unknown - excluded;
        Amounts { good, bad, unknown, excluded }
    }

    /// Bad, unknown and excluded milliseconds between the beginning and `at`.
    fn sums_before(&self, at: Timestamp) -> Sums {
        let at = at.as_millis();
        let count = self.spans.partition_point(|span| span.start() < at);
        let Some(last) = count.checked_sub(1) else {
            return self.before_spans();
        };
        let mut sums = match &self.index {
            Some(index) => index.totals[last / BLOCK],
            None => self.before_spans(),
        };
        for span in &self.spans[last / BLOCK * BLOCK..=last] {
            let part = u64::from(span.len)
                .min(u64::try_from(at - span.start()).expect("it starts before"));
            if span.kind() == Kind::Mixed {
                let mix = self.mix_at(span.start()).part(part, u64::from(span.len));
                sums[Kind::Bad as usize] += mix.bad;
                sums[Kind::Unknown as usize] += mix.unknown;
            } else {
                sums[span.kind() as usize] += part;
            }
        }
        sums
    }

    /// Bad, unknown and excluded milliseconds before the first span that is kept.
    fn before_spans(&self) -> Sums {
        let first = self.index.as_ref().and_then(|index| index.totals.first());
        first.copied().unwrap_or_else(|| self.without_spans(self.total))
    }

    /// `total` without the spans, none of which is coalesced.
    fn without_spans(&self, mut total: Sums) -> Sums {
        for span in &self.spans {
            total[span.kind() as usize] -= u64::from(span.len);
        }
        total
    }

    fn mixed(&self) -> &[(i64, Mix)] {
        self.index.as_ref().map_or(&[], |index| &index.mixed)
    }

    fn mix_at(&self, start: i64) -> Mix {
        let position = self.mixed().binary_search_by_key(&start, |(at, _)| *at);
        self.mixed()[position.expect("every mixed span has its amounts")].1
    }

    /// How far bad time in `[from, to)` may be off, in milliseconds, because stretches were coalesced; 0 for nearly
    /// everyone. A stretch that an end cuts is off by at most `b·(L−b)/L` (slo.md 5.4).
    pub fn uncertainty(&self, from: Timestamp, to: Timestamp) -> u64 {
        let (from, to) = (from.as_millis(), to.as_millis());
        let mixed = self.mixed();
        let near = mixed.partition_point(|(start, _)| *start < from).saturating_sub(1);
        let inside = mixed[near..].iter().take_while(|(start, _)| *start < to);
        let bound = |(start, mix): &(i64, Mix)| {
            let position = self.spans.partition_point(|span| span.start() < *start);
            let span = self.spans[position];
            let cut = *start < from || span.end() > to;
            match span.end() > from {
                true if cut => mix.slack + split_error(mix.bad, u64::from(span.len)),
                true => mix.slack,
                false => 0,
            }
        };
        inside.map(bound).sum()
    }

    /// The stretches of `[from, to)` in order, without gaps.
    pub fn pieces(&self, from: Timestamp, to: Timestamp) -> Pieces<'_> {
        let start = from.as_millis();
        let next = self.spans.partition_point(|span| span.end() <= start);
        Pieces { line: self, next, at: from, to }
    }

    /// The line with everything set by `millis` earlier or later: the wall clock was set.
    pub fn shift(&mut self, millis: i64) {
        for moment in [&mut self.begun, &mut self.kept_from, &mut self.upto] {
            *moment = moment.shifted(millis);
        }
        self.spans.iter_mut().for_each(|span| span.shift(millis));
        for (start, _) in self.index.iter_mut().flat_map(|index| &mut index.mixed) {
            *start += millis;
        }
    }

    /// Sheds the oldest spans that end before `before`, whole blocks at a time; their sums are kept.
    pub fn shed(&mut self, before: Timestamp) {
        let past = self.spans.partition_point(|span| span.end() <= before.as_millis());
        let count = past / BLOCK * BLOCK;
        if count == 0 {
            return;
        }
        let last = self.spans[count - 1];
        self.spans.drain(..count);
        self.spans.shrink_to_fit();
        if let Some(index) = &mut self.index {
            index.totals.drain(..count / BLOCK);
            index.mixed.retain(|(start, _)| *start >= last.end());
        }
        self.kept_from = self.kept_from.max(Timestamp::from_millis(last.end()));
    }

    /// Everything in plain parts.
    pub fn parts(&self) -> Parts {
        let not_good = |piece: &Piece| piece.what != What::Good;
        Parts {
            begun: self.begun,
            kept_from: self.kept_from,
            upto: self.upto,
            shed: self.before_spans(),
            pieces: self.pieces(self.kept_from, self.upto).filter(not_good).collect(),
        }
    }

    /// From such parts; `None` if they contradict each other.
    pub fn from_parts(parts: &Parts) -> Option<Self> {
        let Parts { begun, kept_from, upto, shed, ref pieces } = *parts;
        let shed_fits = shed.iter().try_fold(0_u64, |sum, each| sum.checked_add(*each))?
            <= millis(begun, kept_from);
        if begun > kept_from || kept_from > upto || !shed_fits {
            return None;
        }
        let mut line = Self::new(begun);
        (line.kept_from, line.upto, line.total) = (kept_from, kept_from, shed);
        for piece in pieces {
            let fits = match piece.what {
                What::Mixed(mix) => {
                    u32::try_from(piece.millis()).is_ok()
                        && mix.bad.checked_add(mix.unknown)? <= piece.millis()
                }
                _ => true,
            };
            if piece.from < line.upto || piece.to <= piece.from || piece.to > upto || !fits {
                return None;
            }
            line.append(What::Good, piece.from);
            line.append(piece.what, piece.to);
        }
        line.append(What::Good, upto);
        line.spans.shrink_to_fit();
        Some(line)
    }
}

/// The largest error of splitting a stretch of length `len` with `bad` inside it linearly: `b·(L−b)/L`, rounded up.
pub(super) fn split_error(bad: u64, len: u64) -> u64 {
    let (bad, len) = (u128::from(bad), u128::from(len));
    let error = (bad * (len - bad)).div_ceil(len.max(1));
    u64::try_from(error).expect("never more than the bad time itself")
}

impl Mix {
    /// What lies in the first `part` milliseconds of `len`, split linearly.
    fn part(self, part: u64, len: u64) -> Self {
        let share = |amount: u64| {
            let share = u128::from(amount) * u128::from(part) / u128::from(len.max(1));
            u64::try_from(share).expect("a part is not more than the whole")
        };
        Self { bad: share(self.bad), unknown: share(self.unknown), slack: self.slack }
    }

    /// What lies between two moments of a stretch of `len`, counted from its start.
    pub(super) fn between(self, from: u64, to: u64, len: u64) -> Self {
        if from == 0 && to == len {
            return self;
        }
        let (until, before) = (self.part(to, len), self.part(from, len));
        let bad = until.bad - before.bad;
        Self {
            bad,
            // As in `amounts`: two rounded shares may make a millisecond too many.
            unknown: (until.unknown - before.unknown).min(to - from - bad),
            slack: self.slack + split_error(self.bad, len),
        }
    }
}

/// The stretches of a line, in order; see [`Timeline::pieces`].
#[derive(Clone, Debug)]
pub struct Pieces<'a> {
    line: &'a Timeline,
    next: usize,
    at: Timestamp,
    to: Timestamp,
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let from = self.at;
        if from >= self.to {
            return None;
        }
        let (what, end) = if from < self.line.kept_from {
            (What::Unknown(Cause::Starting), self.line.kept_from)
        } else if from >= self.line.upto {
            (What::Unknown(Cause::Overloaded), self.to)
        } else {
            self.inside(from)
        };
        self.at = end.min(self.to);
        let what = match what {
            What::Mixed(mix) => What::Mixed(self.clipped(mix, from)),
            other => other,
        };
        Some(Piece { from, to: self.at, what })
    }
}

impl Pieces<'_> {
    /// What the line says of the stretch at `from`, and where that ends.
    fn inside(&mut self, from: Timestamp) -> (What, Timestamp) {
        let Some(span) = self.line.spans.get(self.next) else {
            return (What::Good, self.line.upto);
        };
        if from.as_millis() < span.start() {
            return (What::Good, Timestamp::from_millis(span.start()));
        }
        self.next += 1;
        let code = usize::from(span.code()).checked_sub(1);
        let what = match span.kind() {
            Kind::Bad => What::Bad(code.map(|code| Reason::ALL[code])),
            Kind::Unknown => What::Unknown(Cause::ALL[code.expect("unknown time has a cause")]),
            Kind::Excluded => What::Excluded,
            Kind::Mixed => What::Mixed(self.line.mix_at(span.start())),
        };
        (what, Timestamp::from_millis(span.end()))
    }

    /// The part of the coalesced span just passed that lies between `from` and the place reached.
    fn clipped(&self, mix: Mix, from: Timestamp) -> Mix {
        let span = self.line.spans[self.next - 1];
        let offset =
            |at: Timestamp| u64::try_from(at.as_millis() - span.start()).expect("inside the span");
        mix.between(offset(from), offset(self.at), u64::from(span.len))
    }
}

#[cfg(test)]
mod tests;
