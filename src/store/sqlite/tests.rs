//! The engine: what comes back, numbers and renames, forms of the file, and damage.
//!
//! Most of it runs on memory; what is about a file runs on a folder that vanishes.
//!
//! Retention is tested in `keep`, whole stores with their writer in `tests/it/store.rs`.

use super::*;
use crate::store::engine::Name;
use crate::store::record::*;

/// Some moment.
const NOW: i64 = 1_790_000_000_000;

fn roster(checks: &[&str]) -> Roster {
    Roster {
        vantage: "vienna".to_owned(),
        words: vec!["status".to_owned(), "stopped".to_owned()],
        services: vec!["shop".into()],
        checks: checks.iter().map(|name| Name::from(*name)).collect(),
    }
}

fn run(check: u32, at_ms: i64) -> Entry {
    Entry::Run(Run {
        check,
        at_ms,
        latency_us: 1_500,
        outcome: Outcome::Bad(Word(0)),
        recheck: false,
        warned: false,
    })
}

fn check_state(settled_ms: i64) -> CheckState {
    CheckState {
        settled_ms,
        begun_ms: NOW,
        held: Held::Unknown { cause: Word(1) },
        millis: [1, 2, 3, 4],
        health: Health {
            confirmed: Confirmed::Up,
            against: 0,
            against_since_ms: 0,
            warned: false,
            warn_against: 0,
            since_ms: NOW,
        },
        failures: vec![NOW],
        lines: Vec::new(),
        cadence: Vec::new(),
    }
}

fn state_row(seq: u64, checks: &[(u32, i64)]) -> StateRow {
    let scopes = [ScopeCount {
        scope: "any".to_owned(),
        millis: [seq, 0, 0, 0],
        upto_ms: NOW,
        restated_ms: 0,
    }];
    StateRow {
        service: "shop".to_owned(),
        seq,
        scopes: encode_scopes(&scopes),
        checks: checks.iter().map(|(n, at)| (*n, encode_check(&check_state(*at)))).collect(),
    }
}

fn rows(rows: &[(u64, &[Entry])]) -> Batch {
    let rows =
        rows.iter().map(|(seq, entries)| Row { seq: *seq, entries: entries.to_vec() }).collect();
    Batch { at_ms: NOW, rows, ..Batch::default() }
}

fn memory() -> Sqlite {
    Sqlite::in_memory(NOW).unwrap()
}

#[test]
fn a_new_store_is_empty_and_numbers_its_roster() {
    let image = memory().load(&roster(&["shop/aws/web", "shop/gcp/web"]), NOW).unwrap();
    assert_eq!(image.numbers, [1, 2]);
    assert_eq!((image.created_ms, image.heartbeat_ms, image.stopped_cleanly), (NOW, None, true));
    assert_eq!((image.last_seq, image.journal.len()), (0, 0));
    assert_eq!(image.vantage, "vienna");
    assert_eq!(image.words.spelling(image.words.number("stopped").unwrap()), Some("stopped"));
    assert!(image.checks.iter().all(|check| check.state() == Ok(None)));
}

#[test]
fn what_was_committed_comes_back() {
    let mut engine = memory();
    engine.load(&roster(&["shop/aws/web"]), NOW).unwrap();
    let mut batch = rows(&[(1, &[run(1, NOW), run(1, NOW + 5)]), (2, &[run(1, NOW + 9)])]);
    batch.states = vec![state_row(1, &[(1, NOW + 5)])];
    engine.commit(&batch).unwrap();
    let image = engine.load(&roster(&["shop/aws/web"]), NOW + 10).unwrap();
    assert_eq!(image.journal, batch.rows);
    assert_eq!(image.checks[0].state(), Ok(Some(check_state(NOW + 5))));
    assert_eq!((image.checks[0].seq, image.services[0].seq, image.last_seq), (1, 1, 2));
    assert_eq!(image.services[0].scopes[0].millis, [1, 0, 0, 0]);
    assert_eq!((image.heartbeat_ms, image.stopped_cleanly), (Some(NOW), false));
}

#[test]
fn a_batch_that_is_stored_twice_counts_once() {
    let mut engine = memory();
    engine.load(&roster(&["shop/aws/web"]), NOW).unwrap();
    let batch = rows(&[(1, &[run(1, NOW)])]);
    engine.commit(&batch).unwrap();
    engine.commit(&batch).unwrap();
    assert_eq!(engine.load(&roster(&[]), NOW).unwrap().journal, batch.rows);
}

#[test]
fn a_clean_stop_is_told_once() {
    let mut engine = memory();
    engine.load(&roster(&[]), NOW).unwrap();
    engine.commit(&Batch { at_ms: NOW, last: true, ..Batch::default() }).unwrap();
    assert!(engine.load(&roster(&[]), NOW).unwrap().stopped_cleanly);
    assert!(!engine.load(&roster(&[]), NOW).unwrap().stopped_cleanly);
}
