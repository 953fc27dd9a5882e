//! The past of one check as lines of results: one for each stretch in which all of its lines said the same.
//!
//! Of a good stretch it matters which thresholds it was slower than, so its latency is a millisecond above the highest of those
//! (thresholds are whole milliseconds). Failed runs that the check remembers and that begin no stretch are lines of their
//! own, so that alerts find them. The first line says since when the check was watched, and which results there were.
//!
//! It clips, merges and writes down; it judges nothing.

use crate::cli::results::Written;
use crate::model::{Cause, Reason, Timestamp, Verdict};
use crate::monitor::form::Number;
use crate::slo::cadence::{Cadence, Run};
use crate::slo::history::{CheckHistory, Lens};
use crate::slo::spans::{Piece, What};
use std::iter::Peekable;
use std::ops::Range;
use std::time::Duration;

/// Just above a threshold.
const ABOVE: Duration = Duration::from_millis(1);

/// A stretch in which a check said the same.
#[derive(Clone, Copy)]
struct Stretch {
    from: Timestamp,
    until: Timestamp,
    what: What,
    /// The highest threshold that good time was slower than.
    slower: Option<Duration>,
}

/// Everything that is known of a check in `during`.
pub(super) fn lines<'a>(
    check: &'a str,
    past: &CheckHistory,
    during: &Range<Timestamp>,
) -> Vec<Written<'a>> {
    let stretches = stretches(past, during);
    let mut lines: Vec<_> = stretches.iter().map(|each| line(check, each)).collect();
    for failed in past.failures().filter(|failed| during.contains(failed)) {
        let starts = |each: &&Stretch| each.from == failed;
        match stretches.iter().find(starts).map(|each| each.what) {
            Some(What::Bad(_)) => {}
            // Lines of a check ascend, so one of two at the same moment has to move.
            Some(_) => lines.push(failure(check, failed.shifted(1))),
            None => lines.push(failure(check, failed)),
        }
    }
    lines.sort_by(|one, other| one.t.0.total_cmp(&other.t.0));
    lines.dedup_by(|next, last| next.t == last.t);
    let begun = past.line(Lens::Availability).begun();
    if lines.is_empty() {
        let at = begun.max(during.start);
        let nothing = Stretch { from: at, until: at, what: What::Excluded, slower: None };
        lines.push(Written { until: None, ..line(check, &nothing) });
    }
    lines[0].watched_since = Some(begun.into());
    if let Some(cadence) = past.cadence() {
        for line in &mut lines {
            line.runs = Some(Vec::new());
        }
        lines[0].runs = Some(runs(cadence, during));
    }
    lines
}

fn line<'a>(check: &'a str, stretch: &Stretch) -> Written<'a> {
    let (verdict, reason) = match stretch.what {
        What::Good => (Verdict::Good, None),
        What::Bad(reason) => (Verdict::Bad, reason.map(Reason::as_str)),
        What::Unknown(cause) => (Verdict::Unknown, Some(cause.as_str())),
        What::Excluded | What::Mixed(_) => (Verdict::Unknown, None),
    };
    let latency = stretch.slower.map(|threshold| (threshold + ABOVE).as_secs_f64() * 1e3);
    Written {
        t: stretch.from.into(),
        check,
        verdict: verdict.as_str(),
        latency_ms: latency.map(|millis| Number(millis.round())),
        reason,
        until: Some(stretch.until.into()),
        recheck: None,
        runs: None,
        watched_since: None,
    }
}

/// A failed run that alerts count and time does not.
fn failure(check: &str, at: Timestamp) -> Written<'_> {
    Written {
        t: at.into(),
        check,
        verdict: Verdict::Bad.as_str(),
        latency_ms: None,
        reason: None,
        until: None,
        recheck: Some(true),
        runs: None,
        watched_since: None,
    }
}

/// Where results count, run by run, as far as they lie in `during`.
fn runs(cadence: &Cadence, during: &Range<Timestamp>) -> Vec<(Number, Number, u64)> {
    let late = i64::try_from(cadence.tolerance()).unwrap_or(i64::MAX);
    let clip = |run: &Run| {
        let first = run.start.shifted(late);
        let step = Duration::from_millis(run.step);
        let before = |at: Timestamp| {
            let past = at.since(first).as_millis().div_ceil(step.as_millis().max(1));
            u64::try_from(past).unwrap_or(u64::MAX).min(run.count)
        };
        let (from, to) = (before(during.start), before(during.end));
        let begin = first + Duration::from_millis(run.step.saturating_mul(from));
        (to > from).then(|| (begin.into(), Number(step.as_secs_f64()), to - from))
    };
    cadence.runs().iter().filter_map(clip).collect()
}

fn stretches(past: &CheckHistory, during: &Range<Timestamp>) -> Vec<Stretch> {
    let availability = past.line(Lens::Availability);
    let ahead = past.ahead();
    let known = !matches!(ahead.what, What::Unknown(_));
    let end = if known { ahead.until.max(availability.upto()) } else { availability.upto() };
    let (from, end) = (availability.kept_from().max(during.start), end.min(during.end));
    let mut walks: Vec<_> =
        past.lines().map(|(lens, _)| Walk::new(past, lens, from, end)).collect();
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut at = from;
    while at < end {
        let until = walks.iter_mut().map(|walk| walk.end(at)).min().unwrap_or(end).min(end);
        let look = |walk: &mut Walk| (walk.lens, walk.what());
        let looks: Vec<_> = walks.iter_mut().map(look).collect();
        let of_availability = looks.iter().find(|(lens, _)| *lens == Lens::Availability);
        let what = of_availability.expect("every check has it").1;
        let slow = looks.iter().filter_map(|(lens, through)| match (lens, through) {
            (Lens::Within(threshold), What::Bad(_)) if what == What::Good => Some(*threshold),
            _ => None,
        });
        let next = Stretch { from: at, until, what, slower: slow.max() };
        match stretches.last_mut() {
            Some(last) if (last.what, last.slower) == (next.what, next.slower) => {
                last.until = until;
            }
            _ => stretches.push(next),
        }
        at = until;
    }
    stretches
}

/// One line of a check with what holds after its end, read along.
struct Walk {
    lens: Lens,
    pieces: Peekable<std::vec::IntoIter<Piece>>,
}

impl Walk {
    fn new(past: &CheckHistory, lens: Lens, from: Timestamp, end: Timestamp) -> Self {
        let line = past.line(lens);
        let upto = line.upto();
        let mut pieces: Vec<Piece> = line.pieces(from, upto).flat_map(spread).collect();
        if upto < end {
            let ahead = past.ahead();
            let what = lens.through(ahead.what, ahead.latency);
            pieces.push(Piece { from: upto.max(from), to: end, what });
        }
        Self { lens, pieces: pieces.into_iter().peekable() }
    }

    /// Where what holds at `at` ends; moves on over what has passed.
    fn end(&mut self, at: Timestamp) -> Timestamp {
        while self.pieces.next_if(|piece| piece.to <= at).is_some() {}
        self.pieces.peek().map_or(Timestamp::from_millis(i64::MAX), |piece| piece.to)
    }

    /// What holds where it stands.
    fn what(&mut self) -> What {
        self.pieces.peek().map_or(What::Excluded, |piece| piece.what)
    }
}

/// A coalesced stretch as bad, good and unknown time one after the other; any other as it is.
fn spread(piece: Piece) -> Vec<Piece> {
    let What::Mixed(mix) = piece.what else { return vec![piece] };
    let bad_to = piece.from + Duration::from_millis(mix.bad);
    let good_to = piece.to.shifted(-i64::try_from(mix.unknown).unwrap_or(0)).max(bad_to);
    let parts = [
        Piece { from: piece.from, to: bad_to, what: What::Bad(None) },
        Piece { from: bad_to, to: good_to, what: What::Good },
        Piece { from: good_to, to: piece.to, what: What::Unknown(Cause::Overloaded) },
    ];
    parts.into_iter().filter(|part| part.from < part.to).collect()
}
