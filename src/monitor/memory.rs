//! Between what the heart knows of a check and what the store keeps of it.
//!
//! Both directions are plain conversions and lose nothing that a restart needs. Reasons and causes are kept as the store's
//! own numbers; one that this version does not know (the store is from a newer one) becomes "no reason" or `internal`. What
//! contradicts itself is not taken over at all.
//!
//! It neither writes nor reads the store.

use super::track::{Memory, Track};
use crate::health::{Confirmed, Health};
use crate::model::{Cause, Outcome, Reason, Timestamp};
use crate::slo::cadence::Cadence;
use crate::slo::history::{Ahead, CheckHistory, CheckMemory, LATE, Lens};
use crate::slo::spans::{Mix, Parts, Piece, Timeline, What};
use crate::store::Words;
use crate::store::record::{self, CheckState, Held, Line, Segment, Span, SpanKind, Word};
use std::time::Duration;

/// The store's numbers of reasons and causes, both ways.
#[derive(Clone, Debug)]
pub(super) struct Codes {
    reasons: Vec<Word>,
    causes: Vec<Word>,
}

/// The number of what the store has no word for; none is ever given it.
const NO_WORD: Word = Word(u16::MAX);

impl Codes {
    /// Of a store.
    pub(super) fn new(words: &Words) -> Self {
        // A store that was only read may lack a word that nothing in it uses.
        let number = |word: &str| words.number(word).unwrap_or(NO_WORD);
        Self {
            reasons: Reason::ALL.iter().map(|each| number(each.as_str())).collect(),
            causes: Cause::ALL.iter().map(|each| number(each.as_str())).collect(),
        }
    }

    fn word(&self, reason: Reason) -> Word {
        self.reasons[reason.index()]
    }

    fn word_of_cause(&self, cause: Cause) -> Word {
        self.causes[cause.index()]
    }

    fn reason(&self, word: Word) -> Option<Reason> {
        let position = self.reasons.iter().position(|each| *each == word)?;
        Some(Reason::ALL[position])
    }

    fn cause(&self, word: Word) -> Cause {
        let position = self.causes.iter().position(|each| *each == word);
        position.map_or(Cause::Internal, |position| Cause::ALL[position])
    }

    /// An outcome as it is journaled.
    pub(super) fn journaled(&self, outcome: Outcome) -> record::Outcome {
        match outcome {
            Outcome::Good => record::Outcome::Good,
            Outcome::Bad(reason) => record::Outcome::Bad(self.word(reason)),
            Outcome::Unknown(cause) => record::Outcome::Unknown(self.word_of_cause(cause)),
        }
    }

    /// A journaled outcome. A bad one whose reason is not known any more keeps its verdict.
    pub(super) fn outcome(&self, journaled: record::Outcome) -> Outcome {
        match journaled {
            record::Outcome::Good => Outcome::Good,
            record::Outcome::Bad(word) => {
                Outcome::Bad(self.reason(word).unwrap_or(Reason::Protocol))
            }
            record::Outcome::Unknown(word) => Outcome::Unknown(self.cause(word)),
        }
    }

    /// All that has to be kept of a check.
    pub(super) fn state(&self, track: &Track, history: &CheckHistory) -> CheckState {
        let Memory { held, settled, millis, health, .. } = track.memory();
        let runs = history.cadence().map_or(&[][..], Cadence::runs);
        CheckState {
            settled_ms: settled.as_millis(),
            begun_ms: history.line(Lens::Availability).begun().as_millis(),
            held: self.held(held),
            millis,
            health: health_record(health),
            failures: history.failures().map(Timestamp::as_millis).collect(),
            lines: history.lines().map(|(lens, line)| self.line(lens, line)).collect(),
            cadence: runs
                .iter()
                .map(|run| Segment {
                    start_ms: run.start.as_millis(),
                    step_ms: run.step,
                    count: run.count,
                })
                .collect(),
        }
    }

    fn held(&self, held: Ahead) -> Held {
        let known = |good, reason| Held::Known {
            good,
            until_ms: held.until.as_millis(),
            latency_us: u32::try_from(held.latency.as_micros()).unwrap_or(u32::MAX),
            reason,
        };
        match held.what {
            What::Good => known(true, None),
            What::Bad(reason) => known(false, reason.map(|reason| self.word(reason))),
            What::Unknown(cause) => Held::Unknown { cause: self.word_of_cause(cause) },
            What::Excluded | What::Mixed(_) => unreachable!("no result says so"),
        }
    }

    fn line(&self, lens: Lens, line: &Timeline) -> Line {
        let Parts { begun, kept_from, upto, shed, pieces } = line.parts();
        let span = |piece: &Piece| Span {
            start_ms: piece.from.as_millis(),
            len_ms: piece.millis(),
            kind: match piece.what {
                What::Bad(reason) => SpanKind::Bad(reason.map(|reason| self.word(reason))),
                What::Unknown(cause) => SpanKind::Unknown(self.word_of_cause(cause)),
                What::Excluded => SpanKind::Excluded,
                What::Mixed(mix) => SpanKind::Mixed {
                    bad_ms: mix.bad,
                    unknown_ms: mix.unknown,
                    slack_ms: mix.slack,
                },
                What::Good => unreachable!("the parts of a line are not good"),
            },
        };
        Line {
            threshold_us: match lens {
                Lens::Availability => None,
                Lens::Within(threshold) => {
                    Some(u64::try_from(threshold.as_micros()).unwrap_or(u64::MAX))
                }
            },
            timeline: record::Timeline {
                begun_ms: begun.as_millis(),
                kept_from_ms: kept_from.as_millis(),
                upto_ms: upto.as_millis(),
                shed,
                spans: pieces.iter().map(span).collect(),
            },
        }
    }

    /// What was kept of a check; `None` if it contradicts itself.
    pub(super) fn recall(
        &self,
        state: &CheckState,
        interval: Duration,
    ) -> Option<(Memory, CheckMemory)> {
        let lines: Option<Vec<_>> = state.lines.iter().map(|line| self.recall_line(line)).collect();
        let lines = lines?;
        let (_, availability) = lines.iter().find(|(lens, _)| *lens == Lens::Availability)?;
        let ahead = match state.held {
            Held::Known { good, until_ms, latency_us, reason } => Ahead {
                what: if good {
                    What::Good
                } else {
                    What::Bad(reason.and_then(|word| self.reason(word)))
                },
                latency: Duration::from_micros(latency_us.into()),
                until: Timestamp::from_millis(until_ms),
            },
            Held::Unknown { cause } => Ahead::unknown(self.cause(cause)),
        };
        let memory = Memory {
            held: ahead,
            settled: Timestamp::from_millis(state.settled_ms),
            told: availability.upto(),
            millis: state.millis,
            health: health_of(state.health),
        };
        if memory.told > memory.settled {
            return None;
        }
        let segments = state.cadence.iter().map(|segment| {
            (Timestamp::from_millis(segment.start_ms), segment.step_ms, segment.count)
        });
        let past = CheckMemory {
            ahead,
            failures: state.failures.iter().copied().map(Timestamp::from_millis).collect(),
            cadence: Some(Cadence::from_runs(interval, LATE, segments)),
            lines,
        };
        Some((memory, past))
    }

    fn recall_line(&self, line: &Line) -> Option<(Lens, Timeline)> {
        let lens = match line.threshold_us {
            None => Lens::Availability,
            Some(micros) => Lens::Within(Duration::from_micros(micros)),
        };
        let record::Timeline { begun_ms, kept_from_ms, upto_ms, shed, spans } = &line.timeline;
        let piece = |span: &Span| {
            let from = Timestamp::from_millis(span.start_ms);
            Some(Piece {
                from,
                to: Timestamp::from_millis(span.start_ms.checked_add_unsigned(span.len_ms)?),
                what: match span.kind {
                    SpanKind::Bad(word) => What::Bad(word.and_then(|word| self.reason(word))),
                    SpanKind::Unknown(word) => What::Unknown(self.cause(word)),
                    SpanKind::Excluded => What::Excluded,
                    SpanKind::Mixed { bad_ms, unknown_ms, slack_ms } => {
                        What::Mixed(Mix { bad: bad_ms, unknown: unknown_ms, slack: slack_ms })
                    }
                },
            })
        };
        let pieces: Option<Vec<_>> = spans.iter().map(piece).collect();
        let parts = Parts {
            begun: Timestamp::from_millis(*begun_ms),
            kept_from: Timestamp::from_millis(*kept_from_ms),
            upto: Timestamp::from_millis(*upto_ms),
            shed: *shed,
            pieces: pieces?,
        };
        Some((lens, Timeline::from_parts(&parts)?))
    }
}

fn health_record(health: Health) -> record::Health {
    record::Health {
        confirmed: match health.confirmed {
            Confirmed::Up => record::Confirmed::Up,
            Confirmed::Down => record::Confirmed::Down,
            Confirmed::Unknown => record::Confirmed::Unknown,
        },
        against: health.against,
        against_since_ms: health.against_since.as_millis(),
        warned: health.warned,
        warn_against: health.warn_against,
        since_ms: health.since.as_millis(),
    }
}

fn health_of(record: record::Health) -> Health {
    Health {
        confirmed: match record.confirmed {
            record::Confirmed::Up => Confirmed::Up,
            record::Confirmed::Down => Confirmed::Down,
            record::Confirmed::Unknown => Confirmed::Unknown,
        },
        against: record.against,
        against_since: Timestamp::from_millis(record.against_since_ms),
        warned: record.warned,
        warn_against: record.warn_against,
        since: Timestamp::from_millis(record.since_ms),
    }
}
