//! What was recorded of one check, as much of it as instants need.
//!
//! Results that say the same and follow each other without a gap are one piece, so that a healthy check takes no room; failed
//! runs are kept by their starts. A tape is played once, from instant to instant: only what started before one counts for it.
//!
//! It joins nothing and judges nothing.

use crate::cli::results::Line;
use crate::model::{Cause, Reason, Timestamp, Verdict};
use crate::slo::history::{Ahead, History};
use crate::slo::spans::What;
use std::sync::Arc;
use std::time::Duration;

/// What was recorded of one check.
pub(super) struct Tape {
    /// How long a result holds that does not say so itself (S3).
    hold: Duration,
    /// The latency thresholds of the service, ascending.
    thresholds: Arc<[Duration]>,
    pieces: Vec<Piece>,
    /// When failed runs started.
    failures: Vec<Timestamp>,
    /// The last line: when, and where it stands.
    last: Option<(Timestamp, u64)>,
    /// How much was played.
    played: usize,
    failed: usize,
    held: Ahead,
}

/// One or more results that say the same, in 24 bytes.
#[derive(Clone, Copy)]
struct Piece {
    from: Timestamp,
    until: Timestamp,
    says: Says,
    /// How many of the thresholds it was slower than: nothing else of its latency matters.
    slower: u8,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Says {
    Good,
    Bad(Option<Reason>),
    Unknown(Cause),
}

impl Tape {
    /// Nothing is recorded yet.
    pub(super) fn new(hold: Duration, thresholds: &Arc<[Duration]>) -> Self {
        Self {
            hold,
            thresholds: Arc::clone(thresholds),
            pieces: Vec::new(),
            failures: Vec::new(),
            last: None,
            played: 0,
            failed: 0,
            held: Ahead::unknown(Cause::Starting),
        }
    }

    /// Whether anything was recorded.
    pub(super) fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    /// Takes in the line at this number, or says why it cannot stand there.
    pub(super) fn record(&mut self, line: &Line<'_>, number: u64) -> Result<(), String> {
        if let Some((last, at)) = self.last
            && line.at <= last
        {
            return Err(format!(
                "`t` is not after that of line {at}, the one before of the same check"
            ));
        }
        self.last = Some((line.at, number));
        if line.verdict == Verdict::Bad {
            self.failures.push(line.at);
        }
        if !line.recheck {
            self.push(self.piece(line));
        }
        Ok(())
    }

    fn piece(&self, line: &Line<'_>) -> Piece {
        let reason = line.reason.as_deref();
        let (says, until) = match line.verdict {
            Verdict::Good => (Says::Good, line.at + self.hold),
            Verdict::Bad => (Says::Bad(reason.and_then(Reason::from_word)), line.at + self.hold),
            Verdict::Unknown => {
                let cause = reason.and_then(Cause::from_word).unwrap_or(Cause::Internal);
                (Says::Unknown(cause), Timestamp::from_millis(i64::MAX))
            }
        };
        let slower = self.thresholds.partition_point(|threshold| *threshold < line.latency);
        Piece {
            from: line.at,
            until: line.until.unwrap_or(until),
            says,
            slower: u8::try_from(slower).unwrap_or(u8::MAX),
        }
    }

    fn push(&mut self, piece: Piece) {
        match self.pieces.last_mut() {
            Some(last)
                if (last.says, last.slower) == (piece.says, piece.slower)
                    && piece.from <= last.until =>
            {
                last.until = piece.until;
            }
            _ => self.pieces.push(piece),
        }
    }

    /// Tells the history of the check at this position all that is known of the time before `at`.
    pub(super) fn play(&mut self, history: &mut History, check: usize, at: Timestamp) {
        while let Some(piece) = self.pieces.get(self.played).copied().filter(|next| next.from < at)
        {
            let ahead = self.ahead(piece);
            self.hold_on(history, check, piece.from);
            history.tell(check, self.held, piece.from, ahead);
            self.held = ahead;
            self.played += 1;
        }
        self.hold_on(history, check, at);
        history.tell(check, self.held, at, self.held);
        while let Some(failed) = self.failures.get(self.failed).filter(|failed| **failed < at) {
            history.observe(check, *failed, true, true);
            self.failed += 1;
        }
    }

    fn ahead(&self, piece: Piece) -> Ahead {
        let what = match piece.says {
            Says::Good => What::Good,
            Says::Bad(reason) => What::Bad(reason),
            Says::Unknown(cause) => What::Unknown(cause),
        };
        let slower = usize::from(piece.slower).checked_sub(1);
        let latency = slower.map_or(Duration::ZERO, |last| {
            self.thresholds[last.min(self.thresholds.len() - 1)] + Duration::from_nanos(1)
        });
        Ahead { what, latency, until: piece.until }
    }

    /// What was held may end before `to`; from there on time is unknown (S3).
    fn hold_on(&mut self, history: &mut History, check: usize, to: Timestamp) {
        if self.held.until < to {
            let gap = Ahead::unknown(Cause::Overloaded);
            history.tell(check, self.held, self.held.until, gap);
            self.held = gap;
        }
    }
}
