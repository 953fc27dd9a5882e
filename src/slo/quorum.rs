//! One time line from those of several vantages that watched the same check (slo.md 1.7, quorum).
//!
//! Instant by instant over all `n` vantages that were asked for: bad if at least `quorum` of them saw bad, good if at least
//! `n − quorum + 1` saw good, so that bad had no quorum left, else unknown. A vantage of which nothing is known at an instant
//! (it was not there yet, it was stopped, its store is lost) is unknown there and does not drop out: fewer eyes make
//! time unknown, never good or bad.
//!
//! It neither reads stores nor knows maintenance; that is laid over afterwards.

use super::joint::{Part, Scheme, Scope, SideScheme};
use super::spans::{Timeline, What};
use crate::model::{Cause, Side, Timestamp};

/// More than half of so many vantages.
pub const fn majority(vantages: usize) -> usize {
    vantages / 2 + 1
}

/// The merged line over `[from, to)`; `None` is a vantage of which nothing is known. `quorum` is 1 to the number of lines.
pub fn merge(
    lines: &[Option<&Timeline>],
    quorum: usize,
    from: Timestamp,
    to: Timestamp,
) -> Timeline {
    let whole: Vec<Timeline> = lines.iter().map(|line| whole(*line, from, to)).collect();
    let parts: Vec<_> = whole.iter().map(|line| Part { line, excluded: &[] }).collect();
    let eye =
        |number| SideScheme { provider: "".into(), rule: Side::Any, endpoints: vec![vec![number]] };
    let scheme = Scheme { entry: None, sides: (0..lines.len()).map(eye).collect() };
    let least = (lines.len() + 1).saturating_sub(quorum).max(1);
    let least = u32::try_from(least).expect("vantages are few");
    let mut merged = Timeline::new(from);
    scheme.join(Scope::AtLeast(least), &parts, to, &mut merged);
    merged
}

/// The line from `from` to `to`, unknown where it does not reach.
fn whole(line: Option<&Timeline>, from: Timestamp, to: Timestamp) -> Timeline {
    let mut whole = Timeline::new(from);
    if let Some(line) = line {
        for piece in line.pieces(from, line.upto().min(to)) {
            whole.append(piece.what, piece.to);
        }
    }
    whole.append(What::Unknown(Cause::Stopped), to);
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slo::spans::Amounts;
    use proptest::prelude::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1_000)
    }

    /// One letter a second: good, bad, unknown. The line begins with the first that is not a blank and ends with the last.
    fn line(text: &str) -> Timeline {
        let begins = text.len() - text.trim_start().len();
        let mut line = Timeline::new(second(begins.try_into().unwrap()));
        for (at, letter) in text.trim_end().char_indices().skip(begins) {
            let what = match letter {
                'g' => What::Good,
                'b' => What::Bad(None),
                _ => What::Unknown(Cause::VantageOffline),
            };
            line.append(what, second(i64::try_from(at).unwrap() + 1));
        }
        line
    }

    fn letters(line: &Timeline, to: i64) -> String {
        let mut text = String::new();
        for piece in line.pieces(second(0), second(to)) {
            let letter = match piece.what {
                What::Good => "g",
                What::Bad(_) => "b",
                _ => "u",
            };
            text.push_str(&letter.repeat(usize::try_from(piece.millis() / 1_000).unwrap()));
        }
        text
    }

    fn merged(texts: &[&str], quorum: usize) -> String {
        let lines: Vec<_> = texts.iter().map(|text| line(text)).collect();
        let lines: Vec<_> = lines.iter().map(Some).collect();
        let to = i64::try_from(texts[0].len()).unwrap();
        letters(&merge(&lines, quorum, second(0), second(to)), to)
    }

    #[test]
    fn a_majority_of_three_decides_and_a_tie_is_unknown() {
        assert_eq!(merged(&["ggbbug", "gbbbug", "gggbbu"], majority(3)), "ggbbug");
        assert_eq!(merged(&["gb", "uu", "bg"], majority(3)), "uu");
    }

    #[test]
    fn a_quorum_of_one_asks_for_all_good() {
        assert_eq!(merged(&["ggb u", "gbbug"], 1), "gbbuu");
    }

    #[test]
    fn a_single_vantage_is_itself() {
        assert_eq!(merged(&[" gbug "], 1), "ugbugu");
    }

    #[test]
    fn a_vantage_that_is_missing_makes_time_unknown_and_not_good() {
        let seen = line("gb");
        let lines = [Some(&seen), None, None];
        assert_eq!(letters(&merge(&lines, 2, second(0), second(2)), 2), "uu");
        assert_eq!(letters(&merge(&lines[..2], 2, second(0), second(2)), 2), "gu");
    }

    /// The table of slo.md, second by second.
    fn paint(texts: &[String], quorum: usize, at: usize) -> char {
        let count = |letter| texts.iter().filter(|text| text.as_bytes()[at] == letter).count();
        if count(b'b') >= quorum {
            'b'
        } else if count(b'g') > texts.len() - quorum {
            'g'
        } else {
            'u'
        }
    }

    proptest! {
        #[test]
        fn merging_is_what_a_painter_by_seconds_would_do(
            texts in (1_usize..6).prop_flat_map(|length| prop::collection::vec(
                prop::collection::vec(prop::sample::select(vec!["ggg", "bb", "u", "b", "g"]), length * 4..=length * 4)
                    .prop_map(|words| words.concat()),
                1..5,
            )),
            quorum in 1_usize..5,
        ) {
            let shortest = texts.iter().map(String::len).min().unwrap();
            let texts: Vec<String> = texts.iter().map(|text| text[..shortest].to_owned()).collect();
            let quorum = quorum.min(texts.len());
            let found = merged(&texts.iter().map(String::as_str).collect::<Vec<_>>(), quorum);
            let painted: String = (0..shortest).map(|at| paint(&texts, quorum, at)).collect();
            prop_assert_eq!(&found, &painted);
        }

        #[test]
        fn all_time_is_accounted_for(blanks in 0_usize..5, letters in "[gbu]{1,20}", quorum in 1_usize..=2) {
            let (one, other) = (line(&letters), line(&format!("{}{letters}", " ".repeat(blanks))));
            let to = second(30);
            let merged = merge(&[Some(&one), Some(&other)], quorum, second(0), to);
            let Amounts { good, bad, unknown, excluded } = merged.amounts(second(0), to);
            prop_assert_eq!((good + bad + unknown, excluded), (30_000, 0));
        }
    }
}
