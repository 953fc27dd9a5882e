//! The on-disk form of what changes all the time: results, and the state of checks and services.
//!
//! A record is one version byte, the `postcard` form, and a CRC-32 of both. Variants and fields are told apart by their place, so the
//! order here *is* the form: it may only be changed together with [`FORM`] (a test compares bytes). Reasons and causes are
//! [`Word`]s: numbers that the store gave to their spelling once and for ever, so that a reordered enum changes no history.
//! Decoding takes any bytes: it fails, but it does not panic, and it takes no more memory than a small multiple of them.
//!
//! It does not know what a good result is; the monitor converts.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The version of all forms in this file.
pub const FORM: u8 = 1;

/// The longest record that is decoded; above it something is wrong. A check with a thousand spans has some 15 KB.
pub const RECORD_BYTES_AT_MOST: usize = 64 << 20;

/// Bytes of a record that are not its content: the version, and the CRC-32 at the end.
const FRAME: usize = 1 + 4;

/// A reason or a cause, as the number that this store gave to its spelling.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
pub struct Word(pub u16);

/// One line of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// A run of a check has ended.
    Run(Run),
    /// The wall clock went back: all that was known of the check was earlier.
    ClockBack {
        /// Number of the check.
        check: u32,
        /// By how much: positive.
        millis: i64,
    },
}

/// A run of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Number of the check.
    pub check: u32,
    /// When it started, in milliseconds since the epoch.
    pub at_ms: i64,
    /// From the start of resolving to the last byte judged, in microseconds.
    pub latency_us: u32,
    /// What it gave.
    pub outcome: Outcome,
    /// An extra look, apart from the grid (S4).
    pub recheck: bool,
    /// Good with a warning.
    pub warned: bool,
}

/// What a run gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Good.
    Good,
    /// Bad, with the reason.
    Bad(Word),
    /// Unknown, with the cause.
    Unknown(Word),
}

/// The whole state of one service as of a moment: all that is needed to go on from there.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ServiceState {
    /// Its name.
    pub name: String,
    /// The last batch of the journal that is contained in this state.
    pub seq: u64,
    /// Time by scope, counted so far.
    pub scopes: Vec<ScopeCount>,
    /// Its checks, each with its number.
    pub checks: Vec<(u32, CheckState)>,
}

/// Time of one scope by what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeCount {
    /// Which: `any`, `all`, `entry`, `provider:NAME`.
    pub scope: String,
    /// Milliseconds that were good, bad, unknown, excluded when they were counted.
    pub millis: [u64; 4],
    /// Up to where it is counted.
    pub upto_ms: i64,
    /// By how many bad milliseconds edits after the fact have changed history since.
    pub restated_ms: i64,
}

/// The whole state of one check as of a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckState {
    /// Up to where time is settled (S6).
    pub settled_ms: i64,
    /// When this check was first watched.
    pub begun_ms: i64,
    /// What the last grid result says of the time after it.
    pub held: Held,
    /// Settled milliseconds that were good, bad, unknown, excluded.
    pub millis: [u64; 4],
    /// The confirmed health and what speaks against it.
    pub health: Health,
    /// When the last failed runs started, oldest first.
    pub failures: Vec<i64>,
    /// The time lines: one for availability, one per latency threshold.
    pub lines: Vec<Line>,
    /// When grid results were taken, run-length coded.
    pub cadence: Vec<Segment>,
}

/// What the last grid result says of the time after it (S3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Held {
    /// Known until a moment, then unknown.
    Known {
        /// Good or bad.
        good: bool,
        /// Until when.
        until_ms: i64,
        /// How long the run took.
        latency_us: u32,
        /// Why it was bad.
        reason: Option<Word>,
    },
    /// Not known.
    Unknown {
        /// Why.
        cause: Word,
    },
}

/// The confirmed health of a check and what speaks against it (S12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// What is confirmed.
    pub confirmed: Confirmed,
    /// Results in a row against it.
    pub against: u32,
    /// When the first of them started.
    pub against_since_ms: i64,
    /// Whether a warning is confirmed.
    pub warned: bool,
    /// Results in a row whose warning differs from `warned`.
    pub warn_against: u32,
    /// Since when the state that is shown holds.
    pub since_ms: i64,
}

/// A confirmed health.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Confirmed {
    /// Up.
    Up,
    /// Down.
    Down,
    /// Nothing is known.
    Unknown,
}

/// One time line of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Slower than this, in microseconds, is bad; `None` is the line of availability.
    pub threshold_us: Option<u64>,
    /// Its time.
    pub timeline: Timeline,
}

/// Time that is good except where a span says otherwise (slo.md 5.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// Where it begins.
    pub begun_ms: i64,
    /// From where on its spans are complete; those before it were shed.
    pub kept_from_ms: i64,
    /// Up to where it is known.
    pub upto_ms: i64,
    /// Milliseconds before `kept_from_ms` that were bad, unknown, excluded.
    pub shed: [u64; 3],
    /// The spans that are not good, oldest first, without overlap.
    pub spans: Vec<Span>,
}

/// A span of time that was not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Where it begins.
    pub start_ms: i64,
    /// How long it is.
    pub len_ms: u64,
    /// What it was.
    pub kind: SpanKind,
}

/// What a span was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpanKind {
    /// Bad, with the reason it began with, if that is known.
    Bad(Option<Word>),
    /// Unknown, with the cause.
    Unknown(Word),
    /// Excluded.
    Excluded,
    /// Several spans merged into one (slo.md 5.4); what is left of it was good.
    Mixed {
        /// Of it bad.
        bad_ms: u64,
        /// Of it unknown.
        unknown_ms: u64,
        /// How far `bad_ms` itself may be off.
        slack_ms: u64,
    },
}

/// Grid results at even distances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The first of them.
    pub start_ms: i64,
    /// The distance.
    pub step_ms: u64,
    /// How many.
    pub count: u64,
}

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// They are too few or too many.
    #[error("a record has {0} bytes")]
    Length(usize),
    /// They were changed after they had been written.
    #[error("the checksum of a record is wrong")]
    Checksum,
    /// They are in a form that this program does not know.
    #[error("a record has the form {0}, this program knows {FORM}")]
    Form(u8),
    /// They have the right checksum and no meaning.
    #[error("a record cannot be read")]
    Content,
}

/// The journal's entries of one commit. Times are kept relative to the first, which makes them short.
pub fn encode_entries(entries: &[Entry]) -> Vec<u8> {
    let base = entries.iter().find_map(Entry::at).unwrap_or_default();
    let near: Vec<Entry> =
        entries.iter().map(|entry| entry.moved(|at| at.wrapping_sub(base))).collect();
    encode(&(base, near))
}

/// The entries that [`encode_entries`] wrote.
pub fn decode_entries(bytes: &[u8]) -> Result<Vec<Entry>, Malformed> {
    let (base, mut entries): (i64, Vec<Entry>) = decode(bytes)?;
    for entry in &mut entries {
        *entry = entry.moved(|at| at.wrapping_add(base));
    }
    Ok(entries)
}

impl Entry {
    /// The check it is about.
    pub fn check(&self) -> u32 {
        match self {
            Self::Run(run) => run.check,
            Self::ClockBack { check, .. } => *check,
        }
    }

    fn at(&self) -> Option<i64> {
        match self {
            Self::Run(run) => Some(run.at_ms),
            Self::ClockBack { .. } => None,
        }
    }

    fn moved(self, to: impl Fn(i64) -> i64) -> Self {
        match self {
            Self::Run(run) => Self::Run(Run { at_ms: to(run.at_ms), ..run }),
            Self::ClockBack { .. } => self,
        }
    }
}

/// The state of a check as a record.
pub fn encode_check(state: &CheckState) -> Vec<u8> {
    encode(state)
}

/// The state that [`encode_check`] wrote.
pub fn decode_check(bytes: &[u8]) -> Result<CheckState, Malformed> {
    decode(bytes)
}

/// The counts of a service's scopes as a record.
pub fn encode_scopes(scopes: &[ScopeCount]) -> Vec<u8> {
    encode(&scopes)
}

/// The counts that [`encode_scopes`] wrote.
pub fn decode_scopes(bytes: &[u8]) -> Result<Vec<ScopeCount>, Malformed> {
    decode(bytes)
}

/// Whether `bytes` are a record of a known form that nobody has changed; cheaper than decoding it.
pub fn verify(bytes: &[u8]) -> Result<&[u8], Malformed> {
    if bytes.len() < FRAME || bytes.len() > RECORD_BYTES_AT_MOST {
        return Err(Malformed::Length(bytes.len()));
    }
    let (framed, sum) = bytes.split_at(bytes.len() - 4);
    if crc32fast::hash(framed).to_le_bytes() != sum {
        return Err(Malformed::Checksum);
    }
    if framed[0] != FORM {
        return Err(Malformed::Form(framed[0]));
    }
    Ok(&framed[1..])
}

fn encode<T: Serialize>(content: &T) -> Vec<u8> {
    let mut bytes = postcard::to_extend(content, vec![FORM])
        .expect("numbers, strings and lists of known length always have a form");
    let sum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Malformed> {
    decode_content(verify(bytes)?)
}

/// A list's length is checked against nothing by the form itself, but serde reserves at most a megabyte for it in
/// advance, and each element takes at least one byte of what is there.
fn decode_content<T: DeserializeOwned>(content: &[u8]) -> Result<T, Malformed> {
    match postcard::take_from_bytes(content) {
        Ok((decoded, [])) => Ok(decoded),
        _ => Err(Malformed::Content),
    }
}

#[cfg(test)]
pub(in crate::store) mod tests;
