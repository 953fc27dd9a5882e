//! What was counted of a service's exposure, to and from the form in which counts are stored.
//!
//! It is stored among the counts of scopes, under words that no scope has: `exposure` with the states that belong to no side,
//! `exposure:NAME` with the time in which that side was the only one left, `failover_cost`. A provider that a service
//! leaves takes its time with it; one that joins begins at nothing.
//!
//! It counts nothing.

use crate::model::Timestamp;
use crate::slo::history::{Cost, Exposed, History};
use crate::slo::joint::Scope;
use crate::store::record::ScopeCount;

const STATES: &str = "exposure";
const COST: &str = "failover_cost";

fn of_side(provider: &str) -> String {
    format!("{STATES}:{provider}")
}

/// What was counted, as it is stored; nothing of a service with one side and no entry.
pub(super) fn stored(history: &History) -> Vec<ScopeCount> {
    let Some(exposed) = history.exposed() else { return Vec::new() };
    let count = |scope: String, millis, upto: Timestamp| ScopeCount {
        scope,
        millis,
        upto_ms: upto.as_millis(),
        restated_ms: 0,
    };
    let mut counts = Vec::new();
    if exposed.has_sides() {
        let Exposed { both, none, unknown, upto, .. } = *exposed;
        counts.push(count(STATES.to_owned(), [both, none, unknown, 0], upto));
        for (provider, only) in history.judged().iter().zip(&exposed.only) {
            counts.push(count(of_side(provider), [*only, 0, 0, 0], upto));
        }
    }
    counts
        .extend(exposed.cost.map(|cost| count(COST.to_owned(), [cost.millis, 0, 0, 0], cost.upto)));
    counts
}

/// Goes on counting from what was stored; what was never counted is counted from the beginning of the history.
pub(super) fn recall(history: &mut History, stored: &[ScopeCount]) {
    let Some(fresh) = history.exposed() else { return };
    let begun = history.known(Scope::All).0;
    let find = |word: &str| stored.iter().find(|count| count.scope == word);
    let mut exposed = Exposed { upto: begun, ..fresh.clone() };
    if let Some(ScopeCount { millis: [both, none, unknown, _], upto_ms, .. }) = find(STATES) {
        (exposed.both, exposed.none, exposed.unknown) = (*both, *none, *unknown);
        exposed.upto = Timestamp::from_millis(*upto_ms);
        for (provider, only) in history.judged().iter().zip(&mut exposed.only) {
            *only = find(&of_side(provider)).map_or(0, |count| count.millis[0]);
        }
    }
    exposed.cost = exposed.cost.map(|_| match find(COST) {
        Some(count) => {
            Cost { millis: count.millis[0], upto: Timestamp::from_millis(count.upto_ms) }
        }
        None => Cost { millis: 0, upto: begun },
    });
    history.reexpose(exposed);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cause, Maintenance, MaintenanceWhen, Reason};
    use crate::monitor::book::Book;
    use crate::slo::history::Ahead;
    use crate::slo::joint::Scope;
    use crate::slo::spans::What;
    use jiff::tz::TimeZone;
    use std::sync::Arc;

    const TWO_CLOUDS: &str = r#"
        [provider.aws]
        host = "{service}.aws.example.com"
        [provider.gcp]
        host = "{service}.gcp.example.net"
        [probe.web.tcp]
        address = "{host}:443"
        [service.shop]
        probes = ["web"]
        [service.shop.entry]
        host = "www.example.com"
        probe = "web"
    "#;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1_000)
    }

    /// The book of the only service; `text` may lack a cloud or the public name.
    fn book(text: &str) -> Book {
        let config = crate::config::load_text("probes.toml".as_ref(), text.to_owned());
        let config = config.expect("a valid configuration").config;
        Book::new(&config.services.clone().into(), &config.checks, &TimeZone::UTC, second(0))
    }

    const GOOD: What = What::Good;
    const BAD: What = What::Bad(Some(Reason::Status));

    fn tell(history: &mut History, check: usize, pieces: &[(What, i64)]) {
        let ahead = |what| Ahead { what, ..Ahead::unknown(Cause::Starting) };
        for (what, to) in pieces {
            history.tell(check, ahead(*what), second(*to), Ahead::unknown(Cause::Stopped));
        }
    }

    /// Seconds: both, only each, none, unknown, and what failing over has cost.
    fn seconds(history: &History) -> ([u64; 3], Vec<u64>, Option<u64>) {
        let exposed = history.exposed().unwrap();
        let others = [exposed.both, exposed.none, exposed.unknown].map(|millis| millis / 1_000);
        let only = exposed.only.iter().map(|millis| millis / 1_000).collect();
        (others, only, exposed.cost.map(|cost| cost.millis / 1_000))
    }

    #[test]
    fn counting_goes_on_after_a_restart_and_waits_for_the_slowest_check() {
        let (before, after) = (book(TWO_CLOUDS), book(TWO_CLOUDS));
        let told = before.with(0, |history| {
            tell(history, 0, &[(BAD, 40), (GOOD, 100)]);
            tell(history, 1, &[(GOOD, 80)]);
            tell(history, 2, &[(BAD, 60)]);
            history.advance();
            // The sides are told of 80 seconds, the public name of 60.
            assert_eq!(seconds(history), ([40, 0, 0], vec![0, 40], Some(60)));
            stored(history)
        });
        after.with(0, |history| {
            recall(history, &told);
            assert_eq!(seconds(history), ([40, 0, 0], vec![0, 40], Some(60)));
            tell(history, 0, &[(BAD, 40), (GOOD, 100)]);
            tell(history, 1, &[(GOOD, 80), (BAD, 90)]);
            tell(history, 2, &[(BAD, 95), (GOOD, 100)]);
            history.advance();
            assert_eq!(seconds(history), ([40, 0, 0], vec![10, 40], Some(90)));
        });
    }

    /// From 20 to 50 s, for the first of three checks.
    fn late_window() -> Vec<Vec<Arc<Maintenance>>> {
        let window = Maintenance {
            id: "late".into(),
            matching: std::collections::BTreeMap::new().into(),
            when: MaintenanceWhen::Once { from: second(20), to: second(50) },
            by: None,
            reason: None,
        };
        vec![vec![Arc::new(window)], Vec::new(), Vec::new()]
    }

    #[test]
    fn maintenance_announced_afterwards_takes_nothing_back() {
        let book = book(TWO_CLOUDS);
        book.with(0, |history| {
            // Nobody has asked for the numbers so far: they are counted all the same before the announcement holds.
            (0..3).for_each(|check| tell(history, check, &[(GOOD, 100)]));
            assert!(history.set_windows(late_window()));
            history.advance();
            assert_eq!(seconds(history), ([100, 0, 0], vec![0, 0], Some(0)));
            let known = history.exposure(second(0), second(100)).unwrap();
            assert_eq!((known.both, known.only[1]), (70_000, 30_000));
        });
    }

    #[test]
    fn maintenance_announced_afterwards_restates_what_was_counted() {
        let book = book(&TWO_CLOUDS.replace("[service.shop]", "[service.shop]\nobjective = 99.0"));
        book.with(0, |history| {
            tell(history, 0, &[(BAD, 100)]);
            (1..3).for_each(|check| tell(history, check, &[(GOOD, 100)]));
            assert!(history.set_windows(late_window()));
            history.advance();
            let side = history.counted().iter().find(|each| each.scope == Scope::Side(0)).unwrap();
            let counted = (side.millis.bad, side.millis.excluded, side.restated);
            assert_eq!(counted, (100_000, 0, -30_000));
        });
    }

    #[test]
    fn a_service_on_one_cloud_has_a_failover_cost_at_most() {
        let (one_cloud, entry) = TWO_CLOUDS.split_once("[provider.gcp]").unwrap();
        let (_, service) = entry.split_once('\n').unwrap();
        let (_, service) = service.split_once('\n').unwrap();
        let with_entry = book(&format!("{one_cloud}{service}"));
        with_entry.with(0, |history| {
            assert_eq!(seconds(history), ([0; 3], Vec::new(), Some(0)));
            assert_eq!(stored(history).len(), 1);
        });
        let (without, _) = service.split_once("[service.shop.entry]").unwrap();
        book(&format!("{one_cloud}{without}")).with(0, |history| {
            assert_eq!((history.exposed(), stored(history).len()), (None, 0));
            assert_eq!(history.exposure(second(0), second(9)), None);
        });
    }
}
