//! The answer as one line of a monitoring plugin, for Icinga, Nagios and their like.
//!
//! `DOWN` is critical, `degraded` a warning, `unknown` unknown; up and maintenance are fine. A monitor that is blind never says
//! OK: what it cannot see is unknown. Below the line come what it cannot see and whatever is not up.
//!
//! It asks nobody.

use super::sight::Sight;
use crate::cli::render::tame;
use crate::model::{State, counted};
use std::fmt::Write as _;

/// Lines below the first one.
const LISTED: usize = 50;

/// The exit code of a plugin that cannot tell.
pub(super) const UNKNOWN: u8 = 3;

const INFALLIBLE: &str = "writing to a string cannot fail";

/// Something with a state.
pub(super) struct Row {
    /// What it is.
    pub(super) name: String,
    /// The state's word.
    pub(super) state: String,
    /// Why it is not up.
    pub(super) why: String,
}

/// The text, and the exit code of a plugin.
pub(super) fn render(rows: &[Row], what: &str, sight: &Sight) -> (String, u8) {
    let mut counts = [0_usize; State::ALL.len()];
    let read = |row: &Row| State::from_word(&row.state).unwrap_or(State::Unknown);
    for row in rows {
        counts[read(row).index()] += 1;
    }
    let has = |state: State| counts[state.index()] > 0;
    let (word, code) = if has(State::Down) {
        ("CRITICAL", 2)
    } else if has(State::Unknown) || sight.is_blind() {
        ("UNKNOWN", UNKNOWN)
    } else if has(State::Degraded) {
        ("WARNING", 1)
    } else {
        ("OK", 0)
    };
    let states: Vec<String> = State::ALL
        .iter()
        .rev()
        .filter(|state| counts[state.index()] > 0)
        .map(|state| format!("{} {state}", counts[state.index()]))
        .collect();
    let blind = sight.sentences();
    let first = if sight.is_blind() { format!("{}; ", plain(&blind[0])) } else { String::new() };
    let mut text = format!("{word} - {first}{}: {}", counted(rows.len(), what), states.join(", "));
    let numbers: Vec<String> = State::ALL
        .iter()
        .map(|state| format!("{state}={};;;0;{}", counts[state.index()], rows.len()))
        .collect();
    writeln!(text, " | {}", numbers.join(" ")).expect(INFALLIBLE);
    for sentence in &blind {
        writeln!(text, "{}", plain(sentence)).expect(INFALLIBLE);
    }
    let mut bad: Vec<&Row> = rows.iter().filter(|row| read(row) > State::Maintenance).collect();
    bad.sort_by_key(|row| std::cmp::Reverse(read(row)));
    for row in bad.iter().take(LISTED) {
        let line = format!("{} is {} {}", row.name, row.state, row.why);
        writeln!(text, "{}", plain(line.trim_end())).expect(INFALLIBLE);
    }
    (text, code)
}

/// The line of a plugin that has no answer.
pub(super) fn cannot_tell(said: &str) -> String {
    format!("UNKNOWN - {}\n", plain(said))
}

/// A bar would begin the numbers, which a text must not.
fn plain(text: &str) -> String {
    tame(text).replace('|', "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, state: &str) -> Row {
        let why = if state == "up" { "" } else { "status | 503" };
        Row { name: name.to_owned(), state: state.to_owned(), why: why.to_owned() }
    }

    #[test]
    fn the_worst_state_is_the_exit_code_of_the_plugin() {
        let sees = Sight::of(None, &[], 0);
        let of = |states: &[&str]| {
            let rows: Vec<Row> = states.iter().map(|state| row(state, state)).collect();
            render(&rows, "service", &sees).1
        };
        let codes = [
            &["up", "maintenance"][..],
            &["up", "degraded"],
            &["unknown", "degraded"],
            &["down", "unknown"],
        ];
        assert_eq!(codes.map(of), [0, 1, 3, 2]);
        let (text, _) = render(&[row("docs", "up"), row("shop", "down")], "service", &sees);
        let expected = "CRITICAL - 2 services: 1 down, 1 up | up=1;;;0;2 maintenance=0;;;0;2 unknown=0;;;0;2 \
                        degraded=0;;;0;2 down=1;;;0;2\nshop is down status / 503\n";
        assert_eq!(text, expected);
        let (text, _) = render(&[row("docs", "up")], "service", &sees);
        assert!(text.starts_with("OK - 1 service: 1 up |"), "{text}");
    }

    #[test]
    fn a_blind_monitor_never_says_ok() {
        let blind = Sight::of(Some("vantage_offline"), &["ipv4"], 0);
        let (text, code) = render(&[row("docs", "up")], "service", &blind);
        assert_eq!(code, UNKNOWN);
        assert!(
            text.starts_with("UNKNOWN - this vantage is offline: nothing seen over IPv4"),
            "{text}"
        );
    }
}
