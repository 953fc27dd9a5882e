//! Closed periods: frozen once, made up for, revised with a reason.
//!
//! One service on one cloud with a promise per day, in UTC; times are hours from the epoch.
//!
//! What a standing is worth is tested with the engine.

use super::*;
use crate::config::{Config, load_text};
use crate::model::Reason;
use crate::slo::history::Ahead;
use crate::slo::spans::What;
use std::path::Path;
use std::sync::Arc;

const CONFIG: &str = r#"
[monitor]
timezone = "UTC"
[provider.aws]
host = "shop.example.com"
[probe.port.tcp]
address = "{host}:25"
[service.shop]
probes = ["port"]
slo = [{ objective = 99, window = "day", name = "daily" }, { objective = 99, window = "30d" }]
"#;

fn hour(hour: i64) -> Timestamp {
    Timestamp::from_millis(hour * 3_600_000)
}

fn config() -> Config {
    load_text(Path::new("probes.toml"), CONFIG.to_owned()).unwrap().config
}

/// A book that knows the check from hour 0: good, bad in the sixth hour, told up to `to`.
fn book(to: i64) -> Book {
    let config = config();
    let checks = config.checks.clone();
    let book = Book::new(&Arc::from(config.services), &checks, &config.monitor.timezone, hour(0));
    let ahead = |what, until| Ahead { what, latency: Duration::ZERO, until: hour(until) };
    let (good, bad) = (ahead(What::Good, 1_000), ahead(What::Bad(Some(Reason::Status)), 1_000));
    book.with(0, |history| {
        history.tell(0, good, hour(5), bad);
        history.tell(0, bad, hour(6), good);
        history.tell(0, good, hour(to), good);
    });
    book
}

/// Scope, period, revision, bad seconds.
fn read(made: &[store::Period]) -> Vec<(String, String, u32, f64)> {
    let bad = |text: &str| serde_json::from_str::<StandingForm>(text).unwrap().bad_s.0;
    let each = |each: &store::Period| {
        (each.scope.clone(), each.period.clone(), each.revision, bad(&each.standing))
    };
    made.iter().map(each).filter(|(scope, ..)| scope == "any").collect()
}

fn frozen(period: &str, revision: u32, bad: f64) -> (String, String, u32, f64) {
    ("any".to_owned(), period.to_owned(), revision, bad)
}

#[test]
fn a_day_is_frozen_once_when_it_is_settled() {
    let mut freezer = Freezer::default();
    assert_eq!(read(&freezer.close(0, hour(23), &book(23))), []);
    // Over, and the check is not settled past its end.
    assert_eq!(read(&freezer.close(0, hour(24), &book(23))), []);
    let book = book(25);
    let made = freezer.close(0, hour(25), &book);
    assert_eq!(read(&made), [frozen("1970-01-01", 1, 3_600.0)]);
    assert_eq!(made.len(), 3, "every scope: any, all and the side");
    assert_eq!(read(&freezer.close(0, hour(26), &book)), []);
}

#[test]
fn a_check_that_says_nothing_holds_a_day_open_for_an_hour_only() {
    let mut freezer = Freezer::default();
    assert_eq!(read(&freezer.close(0, hour(25), &book(23))).len(), 1);
}

#[test]
fn what_was_missed_is_made_up_for_oldest_first() {
    let mut freezer = Freezer::default();
    let made = freezer.close(0, hour(24 * 3 + 2), &book(24 * 3 + 2));
    let days = ["1970-01-01", "1970-01-02", "1970-01-03"];
    assert_eq!(read(&made).iter().map(|each| &*each.1).collect::<Vec<_>>(), days);
}

#[test]
fn a_stored_period_is_not_frozen_again_and_gets_further_revisions() {
    let book = book(50);
    let stored = FrozenPeriod {
        service: "shop".to_owned(),
        slo: "daily".to_owned(),
        period: "1970-01-01".to_owned(),
        from_ms: 0,
        to_ms: hour(24).as_millis(),
        revision: 4,
    };
    let mut freezer = Freezer::new(&[stored]);
    assert_eq!(read(&freezer.close(0, hour(50), &book)), [frozen("1970-01-02", 1, 0.0)]);
    let revised = freezer.revise(0, (hour(20), hour(21)), "forgotten work", hour(50), &book);
    assert_eq!(read(&revised), [frozen("1970-01-01", 5, 3_600.0)]);
    assert_eq!(revised[0].why, "forgotten work");
}
