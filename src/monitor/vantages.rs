//! What several vantages saw of the same services, as one past (slo.md 1.7, 4.3).
//!
//! Every line of every check is merged by quorum; joining, maintenance and promises then work on the merged lines as on
//! those of one vantage. All books are of the same configuration. Maintenance and, for an `events` objective, the grid of
//! results are those of the first book that there is.
//!
//! It reads no store.

use super::book::Book;
use crate::model::{Cause, Timestamp};
use crate::slo::history::{Ahead, CheckMemory, History, Lens};
use crate::slo::quorum;
use crate::slo::spans::Timeline;

/// What one vantage remembers, and up to when.
#[derive(Clone)]
pub struct Seen {
    /// The past of every service.
    pub book: Book,
    /// The last moment of which it can know anything.
    pub upto: Timestamp,
}

/// Merges what these vantages saw, in which `None` is one of which nothing is known; `None` if that holds for all. The first
/// book becomes the merged one. Bad is what at least `quorum` of them saw bad.
pub fn merge(vantages: &[Option<Seen>], quorum: usize) -> Option<Seen> {
    let first = vantages.iter().flatten().next()?.clone();
    let upto = vantages.iter().flatten().map(|seen| seen.upto).max()?;
    if vantages.len() == 1 {
        return Some(first);
    }
    for service in 0..first.book.services().len() {
        let known = |seen: &Option<Seen>| {
            seen.as_ref()
                .map(|seen| seen.book.with(service, |history| Lines::of(history, seen.upto)))
        };
        let known: Vec<Option<Lines>> = vantages.iter().map(known).collect();
        let merged = |history: &mut History| {
            for check in 0..history.checks().len() {
                let memory = merged(history, &known, check, quorum, upto);
                history.recall(check, memory);
            }
        };
        first.book.with(service, merged);
    }
    Some(Seen { upto, ..first })
}

/// The lines of all checks of a service through every lens.
struct Lines(Vec<Vec<(Lens, Timeline)>>);

impl Lines {
    fn of(history: &History, upto: Timestamp) -> Self {
        let of_check = |check: &crate::slo::history::CheckHistory| {
            check.lines().map(|(lens, _)| (lens, check.line_to(lens, upto))).collect()
        };
        Self(history.checks().iter().map(of_check).collect())
    }

    fn line(&self, check: usize, lens: Lens) -> Option<&Timeline> {
        self.0[check].iter().find(|(mine, _)| *mine == lens).map(|(_, line)| line)
    }
}

fn merged(
    history: &History,
    known: &[Option<Lines>],
    check: usize,
    quorum: usize,
    upto: Timestamp,
) -> CheckMemory {
    let line = |lens: Lens| {
        let lines: Vec<Option<&Timeline>> =
            known.iter().map(|lines| lines.as_ref()?.line(check, lens)).collect();
        let from = lines.iter().flatten().map(|line| line.kept_from()).min().unwrap_or(upto);
        (lens, quorum::merge(&lines, quorum, from, upto))
    };
    CheckMemory {
        lines: history.lenses().iter().map(|lens| line(*lens)).collect(),
        ahead: Ahead::unknown(Cause::Stopped),
        ..history.checks()[check].memory()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slo::joint::Scope;
    use crate::slo::spans::{Amounts, What};
    use jiff::tz::TimeZone;

    const TWO_CLOUDS: &str = r#"
        [provider.aws]
        host = "{service}.aws.example.com"
        [provider.gcp]
        host = "{service}.gcp.example.net"
        [probe.web.tcp]
        address = "{host}:443"
        [service.shop]
        probes = ["web"]
    "#;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1_000)
    }

    /// A vantage that saw the check on aws like this, and the one on gcp good.
    fn seen(pieces: &[(What, i64)], upto: i64) -> Seen {
        let config = crate::config::load_text("probes.toml".as_ref(), TWO_CLOUDS.to_owned());
        let config = config.expect("a valid configuration").config;
        let book =
            Book::new(&config.services.clone().into(), &config.checks, &TimeZone::UTC, second(0));
        let ahead = |what| Ahead { what, ..Ahead::unknown(Cause::Starting) };
        book.with(0, |history| {
            for (what, to) in pieces {
                history.tell(0, ahead(*what), second(*to), Ahead::unknown(Cause::Stopped));
            }
            history.tell(1, ahead(What::Good), second(upto), Ahead::unknown(Cause::Stopped));
        });
        Seen { book, upto: second(upto) }
    }

    fn amounts(seen: &Seen, scope: Scope) -> [u64; 4] {
        let line = seen.book.with(0, |history| history.line(scope, Lens::Availability, seen.upto));
        let Amounts { good, bad, unknown, excluded } = line.amounts(second(0), seen.upto);
        [good, bad, unknown, excluded].map(|millis| millis / 1_000)
    }

    const BAD: What = What::Bad(None);

    #[test]
    fn what_one_of_three_saw_bad_was_good() {
        let vantages = [
            Some(seen(&[(What::Good, 100)], 100)),
            Some(seen(&[(What::Good, 40), (BAD, 60), (What::Good, 100)], 100)),
            Some(seen(&[(What::Good, 50), (BAD, 70), (What::Good, 100)], 100)),
        ];
        let merged = merge(&vantages, 2).unwrap();
        assert_eq!(amounts(&merged, Scope::Side(0)), [90, 10, 0, 0]);
        assert_eq!(amounts(&merged, Scope::Side(1)), [100, 0, 0, 0]);
    }

    #[test]
    fn a_vantage_that_stopped_early_leaves_the_rest_to_the_others() {
        let vantages =
            [Some(seen(&[(What::Good, 60)], 60)), Some(seen(&[(What::Good, 80), (BAD, 100)], 100))];
        let merged = merge(&vantages, 2).unwrap();
        assert_eq!(merged.upto, second(100));
        assert_eq!(amounts(&merged, Scope::Side(0)), [80, 0, 20, 0]);
    }

    #[test]
    fn nothing_comes_of_nothing() {
        assert!(merge(&[None, None], 1).is_none());
    }
}
