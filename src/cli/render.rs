//! Words and bars on a terminal, for `probe` and `status`.
//!
//! A [`Paper`] says how wide the terminal is and whether it can show more than ASCII; everything else is a pure function
//! of what is to be shown. Colour is always written and taken out by the stream where it is not wanted, and nothing
//! depends on it: state is a sign and a word.
//!
//! It reads no result and no daemon.

use crate::model::{PhaseTimes, State, Timestamp, Verdict};
use anstyle::{AnsiColor, Style};
use std::fmt::Write as _;
use std::time::Duration;

/// Narrower than this nothing can be laid out; wider than this nothing gains.
const WIDTHS: std::ops::RangeInclusive<usize> = 40..=120;

/// What a terminal that does not say is taken to be.
const USUAL_WIDTH: usize = 100;

/// Wide enough for the longest name of a phase.
const PHASE_WIDTH: usize = 10;

/// Wide enough for `1234 ms`.
const TIME_WIDTH: usize = 8;

const INFALLIBLE: &str = "writing to a string cannot fail";

const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const RED: Style = AnsiColor::Red.on_default();
const BLUE: Style = AnsiColor::Cyan.on_default();
pub(super) const BOLD: Style = Style::new().bold();
pub(super) const FAINT: Style = Style::new().dimmed();

/// What is written on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paper {
    /// Columns.
    pub(super) width: usize,
    /// Whether it shows more than ASCII.
    pub(super) unicode: bool,
}

impl Paper {
    /// What stdout is. Something that is not a terminal gets the usual width, so that its text does not depend on where it
    /// was made.
    pub(super) fn of_process() -> Self {
        let columns = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        let width = columns.unwrap_or(USUAL_WIDTH).clamp(*WIDTHS.start(), *WIDTHS.end());
        Self { width, unicode: says_utf8(&locale()) }
    }

    /// The sign of a verdict.
    pub(super) fn verdict(self, verdict: Verdict) -> (&'static str, Style) {
        match (verdict, self.unicode) {
            (Verdict::Good, true) => ("✓", GREEN),
            (Verdict::Good, false) => ("+", GREEN),
            (Verdict::Bad, true) => ("✗", RED),
            (Verdict::Bad, false) => ("x", RED),
            (Verdict::Unknown, _) => ("?", BLUE),
        }
    }

    /// The sign of a state.
    pub(super) fn state(self, state: State) -> (&'static str, Style) {
        match (state, self.unicode) {
            (State::Up, true) => ("●", GREEN),
            (State::Up, false) => ("+", GREEN),
            (State::Maintenance, true) => ("‖", BLUE),
            (State::Maintenance, false) => ("=", BLUE),
            (State::Unknown, _) => ("?", BLUE),
            (State::Degraded, true) => ("▲", YELLOW),
            (State::Degraded, false) => ("!", YELLOW),
            (State::Down, true) => ("✗", RED),
            (State::Down, false) => ("x", RED),
        }
    }

    /// The phases of a request below each other, each bar where it lay between the start and `whole`.
    pub(super) fn waterfall(self, out: &mut String, phases: &PhaseTimes, whole: Duration) {
        let room = self.width.saturating_sub(4 + PHASE_WIDTH + 1 + TIME_WIDTH + 2).max(8);
        for (phase, start, took) in phases.iter() {
            let (before, long) = place(room, start, took, whole);
            let bar = if self.unicode { "█" } else { "#" }.repeat(long);
            let rest = if self.unicode { "·" } else { "." };
            let (left, right) = (rest.repeat(before), rest.repeat(room - before - long));
            let time = latency(took);
            writeln!(
                out,
                "    {phase:<PHASE_WIDTH$} {time:>TIME_WIDTH$}  {FAINT}{left}{FAINT:#}{BLUE}{bar}{BLUE:#}{FAINT}{right}{FAINT:#}"
            )
            .expect(INFALLIBLE);
        }
    }
}

/// Where in `room` columns a phase lies and how many it takes: at least one, never beyond the end.
fn place(room: usize, start: Duration, took: Duration, whole: Duration) -> (usize, usize) {
    let whole = whole.as_secs_f64().max(1e-9);
    #[expect(clippy::cast_precision_loss, reason = "columns are few")]
    let columns = |time: Duration| (time.as_secs_f64() / whole * room as f64).min(room as f64);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the number of columns"
    )]
    let (before, end) = (columns(start) as usize, columns(start + took).round() as usize);
    let before = before.min(room - 1);
    (before, end.saturating_sub(before).max(1))
}

/// `0.42 ms`, `12.3 ms`, `348 ms`, `1.52 s`.
pub(super) fn latency(took: Duration) -> String {
    let millis = took.as_secs_f64() * 1e3;
    match millis {
        0.0..1.0 => format!("{millis:.2} ms"),
        1.0..100.0 => format!("{millis:.1} ms"),
        100.0..1_000.0 => format!("{millis:.0} ms"),
        _ => format!("{:.2} s", millis / 1e3),
    }
}

/// `2026-11-22`.
pub(super) fn day(at: Timestamp) -> String {
    written(at, "%Y-%m-%d")
}

/// `13:05:09 UTC`.
pub(super) fn clock(at: Timestamp) -> String {
    written(at, "%H:%M:%S UTC")
}

fn written(at: Timestamp, form: &str) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis())
        .map_or_else(|_| "beyond the calendar".into(), |at| at.strftime(form).to_string())
}

/// Text from a server or a file, with everything a terminal would obey made visible.
pub(super) fn tame(text: &str) -> String {
    text.chars()
        .flat_map(|each| {
            let plain = (!each.is_control()).then_some(each);
            plain.into_iter().chain(each.escape_default().filter(move |_| plain.is_none()))
        })
        .collect()
}

/// `text` over lines of at most `width` columns, broken at spaces.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// What the environment says about the character set: the first of these that is set decides.
#[expect(clippy::disallowed_methods, reason = "the one door to the locale")]
fn locale() -> String {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty())
        .unwrap_or_default()
}

fn says_utf8(locale: &str) -> bool {
    let lower = locale.to_ascii_lowercase();
    lower.contains("utf-8") || lower.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::{Paper, place, says_utf8, tame, wrap};
    use crate::model::{Phase, PhaseTimes};
    use std::time::Duration;

    const MS: Duration = Duration::from_millis(1);
    const NO: Duration = Duration::ZERO;

    #[test]
    fn bars_lie_where_their_phase_lay_and_never_leave_the_paper() {
        assert_eq!(place(10, NO, MS * 50, MS * 100), (0, 5));
        assert_eq!(place(10, MS * 50, MS * 50, MS * 100), (5, 5));
        assert_eq!(place(10, MS * 100, NO, MS * 100), (9, 1));
        assert_eq!(place(10, NO, MS * 900, MS * 100), (0, 10));
        assert_eq!(place(10, NO, NO, NO), (0, 1));
    }

    #[test]
    fn plain_terminals_get_plain_bars() {
        let mut phases = PhaseTimes::default();
        phases.add(Phase::Connect, NO, MS * 25);
        phases.add(Phase::Processing, MS * 25, MS * 75);
        let mut out = String::new();
        Paper { width: 45, unicode: false }.waterfall(&mut out, &phases, MS * 100);
        let plain = anstream::adapter::strip_str(&out).to_string();
        let expected = "    connect     25.0 ms  #####...............\n    \
                            processing  75.0 ms  .....###############\n";
        assert_eq!(plain, expected);
    }

    #[test]
    fn locales_are_read_as_people_write_them() {
        let read = ["en_US.UTF-8", "C.utf8", "C", "", "de_AT@euro"].map(says_utf8);
        assert_eq!(read, [true, true, false, false, false]);
    }

    #[test]
    fn what_a_server_says_cannot_drive_the_terminal() {
        assert_eq!(tame("\u{1b}[2Jhello\nworld"), "\\u{1b}[2Jhello\\nworld");
    }

    #[test]
    fn long_sentences_are_broken_between_words() {
        assert_eq!(wrap("one two three four", 9), ["one two", "three", "four"]);
        assert_eq!(wrap("", 9), [""]);
    }
}
