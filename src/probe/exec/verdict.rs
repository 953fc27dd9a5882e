//! What an exit code and the words of a program mean, by the contract of the monitoring plugins.
//!
//! Pure functions. The sentence is the first line of stdout up to a `|`, behind which is data for machines; what a
//! program says is cut and has no control characters left.
//!
//! It runs nothing.

use crate::model::{Cause, Reason, Warning, Warnings};
use crate::net::Failure;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

/// Letters of a program's words that are kept as the sentence.
const SENTENCE_LIMIT: usize = 400;

/// The sentence of a program that ended with `status`, or why it is not good.
pub(super) fn read(
    status: ExitStatus,
    out: &[u8],
    err: &[u8],
    warnings: &mut Warnings,
) -> Result<String, Failure> {
    let line = sentence(out);
    let Some(code) = status.code() else {
        let signal = status.signal().unwrap_or_default();
        let said = format!("the program was ended by signal {signal}{}", besides(line, err));
        return Err(Failure::unable(Cause::Program, said));
    };
    match (code, line) {
        (0, line) => Ok(line.unwrap_or_else(|| "exit code 0, without a word".to_owned())),
        (1, Some(line)) => {
            warnings.insert(Warning::Program);
            Ok(line)
        }
        // Interpreters end broken scripts with 1: to call that good would be not to have looked.
        (1, None) => {
            let besides = besides(None, err);
            let said = format!("exit code 1, which warns, without a line on stdout{besides}");
            Err(Failure::unable(Cause::Program, said))
        }
        (2, Some(line)) => Err(Failure::bad(Reason::Program, line)),
        (2, None) => {
            let said = format!("exit code 2, without a word on stdout{}", besides(None, err));
            Err(Failure::bad(Reason::Program, said))
        }
        (3, line) => {
            let said = format!("the program could not tell (exit code 3){}", besides(line, err));
            Err(Failure::unable(Cause::Program, said))
        }
        (code, line) => {
            let besides = besides(line, err);
            let said = format!("exit code {code}, and the contract knows 0 to 3{besides}");
            Err(Failure::unable(Cause::Program, said))
        }
    }
}

/// The first line that says something, up to a `|`.
pub(super) fn sentence(out: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(out);
    let line = text.lines().map(|line| line.split('|').next().unwrap_or(line).trim());
    line.take(1).find(|line| !line.is_empty()).map(tidied)
}

/// What a program said although that is not the sentence: its line, or the last one on stderr.
fn besides(line: Option<String>, err: &[u8]) -> String {
    if let Some(line) = line {
        return format!(": {line}");
    }
    let text = String::from_utf8_lossy(err);
    let last = text.lines().map(str::trim).rfind(|line| !line.is_empty());
    last.map(|last| format!("; on stderr: {}", tidied(last))).unwrap_or_default()
}

fn tidied(line: &str) -> String {
    let mut letters = line.chars().map(|each| if each.is_control() { ' ' } else { each });
    let mut kept: String = letters.by_ref().take(SENTENCE_LIMIT).collect();
    if letters.next().is_some() {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Outcome;

    fn after(code: i32, out: &str, err: &str) -> (Outcome, String, bool) {
        let mut warnings = Warnings::default();
        // As `wait` gives it: the exit code is the second byte.
        let status = ExitStatus::from_raw(code << 8);
        let read = read(status, out.as_bytes(), err.as_bytes(), &mut warnings);
        let warned = warnings.contains(Warning::Program);
        match read {
            Ok(said) => (Outcome::Good, said, warned),
            Err(failure) => (failure.outcome, failure.said, warned),
        }
    }

    #[test]
    fn exit_codes_mean_what_the_contract_says() {
        let unknown = Outcome::Unknown(Cause::Program);
        let cases = [
            ((0, "DISK OK | /=4%\nmore", ""), (Outcome::Good, "DISK OK", false)),
            ((0, "", ""), (Outcome::Good, "exit code 0, without a word", false)),
            ((1, "DISK WARNING", ""), (Outcome::Good, "DISK WARNING", true)),
            ((2, "DISK CRITICAL", "x"), (Outcome::Bad(Reason::Program), "DISK CRITICAL", false)),
            (
                (2, "", ""),
                (Outcome::Bad(Reason::Program), "exit code 2, without a word on stdout", false),
            ),
            (
                (3, "no disk", ""),
                (unknown, "the program could not tell (exit code 3): no disk", false),
            ),
            (
                (127, "", "sh: 1: foo: not found\n"),
                (
                    unknown,
                    "exit code 127, and the contract knows 0 to 3; on stderr: sh: 1: foo: not found",
                    false,
                ),
            ),
        ];
        for ((code, out, err), (outcome, said, warned)) in cases {
            assert_eq!(after(code, out, err), (outcome, said.to_owned(), warned));
        }
    }

    #[test]
    fn a_script_that_broke_is_no_warning() {
        let err = "Traceback (most recent call last):\n  File …\nKeyError: 'x'\n";
        let said = "exit code 1, which warns, without a line on stdout; on stderr: KeyError: 'x'";
        assert_eq!(after(1, "", err), (Outcome::Unknown(Cause::Program), said.to_owned(), false));
    }

    #[test]
    fn a_signal_is_no_word_of_the_program() {
        let read = read(ExitStatus::from_raw(11), b"OK", b"", &mut Warnings::default());
        let failure = read.unwrap_err();
        assert_eq!(failure.outcome, Outcome::Unknown(Cause::Program));
        assert_eq!(failure.said, "the program was ended by signal 11: OK");
    }

    #[test]
    fn words_are_cut_and_tamed() {
        assert_eq!(sentence(b"a\x1b[31mb\tc\n").unwrap(), "a [31mb c");
        assert_eq!(sentence(b"\nsecond line").as_deref(), None);
        assert_eq!(sentence(b" | perf=1\n"), None);
        let long = sentence("ä".repeat(500).as_bytes()).unwrap();
        assert_eq!(long.chars().count(), SENTENCE_LIMIT + 1);
    }
}
