//! The engine: what comes back, numbers and renames, forms of the file, and damage.
//!
//! Most of it runs on memory; what is about a file runs on a folder that vanishes.
//!
//! Retention is tested in `keep`, whole stores with their writer in `tests/it/store.rs`.

use super::*;
use crate::store::engine::Name;
use crate::store::fact::{Drill, Failover};
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
    assert_eq!(image.journal, batch.rows[1..]);
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

#[test]
fn only_what_no_state_contains_is_loaded_again() {
    let mut engine = memory();
    let names = ["shop/aws/web", "shop/gcp/web"];
    engine.load(&roster(&names), NOW).unwrap();
    let mut batch = rows(&[(1, &[run(1, NOW)]), (2, &[run(2, NOW)]), (3, &[run(1, NOW)])]);
    batch.states = vec![state_row(2, &[(1, NOW), (2, NOW)])];
    engine.commit(&batch).unwrap();
    let image = engine.load(&roster(&names), NOW).unwrap();
    assert_eq!(image.journal, batch.rows[2..]);
    assert_eq!(image.last_seq, 3);
}

#[test]
fn a_new_check_does_not_count_what_came_before_it() {
    let mut engine = memory();
    engine.load(&roster(&["shop/aws/web"]), NOW).unwrap();
    engine.commit(&rows(&[(5, &[run(1, NOW)])])).unwrap();
    let image = engine.load(&roster(&["shop/aws/web", "shop/gcp/web"]), NOW).unwrap();
    let seqs: Vec<_> = image.checks.iter().map(|check| (check.number, check.seq)).collect();
    assert_eq!(seqs, [(1, 0), (2, 5)]);
}

#[test]
fn words_keep_their_numbers_whatever_comes_later() {
    let mut engine = memory();
    let before = engine.load(&roster(&[]), NOW).unwrap().words;
    let words = ["aaa", "stopped", "zzz"].map(str::to_owned).to_vec();
    let after = engine.load(&Roster { words, ..Roster::default() }, NOW).unwrap().words;
    for word in ["status", "stopped"] {
        assert_eq!(after.number(word), before.number(word));
    }
    let spelled = ["aaa", "status", "stopped", "zzz"]
        .map(|word| after.spelling(after.number(word).unwrap()).unwrap().to_owned());
    assert_eq!(spelled, ["aaa", "status", "stopped", "zzz"]);
    assert_eq!((before.number("aaa"), after.spelling(Word(99))), (None, None));
}

fn named(name: &str, formerly: &[&str]) -> Name {
    Name { name: name.to_owned(), formerly: formerly.iter().map(|old| (*old).to_owned()).collect() }
}

#[test]
fn a_renamed_check_keeps_its_number_and_history() {
    let mut engine = memory();
    engine.load(&roster(&["shop/aws/web", "shop/aws/api"]), NOW).unwrap();
    let mut batch = rows(&[(1, &[run(1, NOW)])]);
    batch.states = vec![state_row(1, &[(1, NOW), (2, NOW + 1)])];
    engine.commit(&batch).unwrap();
    let checks = vec![named("shop/aws/front", &["shop/aws/www", "shop/aws/web"])];
    let image = engine.load(&Roster { checks, ..roster(&[]) }, NOW).unwrap();
    assert_eq!(image.numbers, [1]);
    assert_eq!(image.checks[0].name, "shop/aws/front");
    assert_eq!(image.checks[0].state(), Ok(Some(check_state(NOW))));
    assert_eq!(image.checks[1].name, "shop/aws/api");
}

#[test]
fn a_name_that_is_still_used_keeps_its_own_history() {
    let mut engine = memory();
    engine.load(&roster(&["a", "b"]), NOW).unwrap();
    let checks = vec![named("a", &["b"]), named("b", &["a"]), named("c", &["a", "b"])];
    let image = engine.load(&Roster { checks, ..roster(&[]) }, NOW).unwrap();
    assert_eq!(image.numbers, [1, 2, 3]);
}

#[test]
fn a_history_is_given_away_once() {
    let mut engine = memory();
    engine.load(&roster(&["old"]), NOW).unwrap();
    let checks = vec![named("new", &["old"]), named("newer", &["old"])];
    let image = engine.load(&Roster { checks, ..roster(&[]) }, NOW).unwrap();
    assert_eq!(image.numbers, [1, 2]);
}

#[test]
fn numbers_are_never_used_twice() {
    let mut engine = memory();
    engine.load(&roster(&["a", "b"]), NOW).unwrap();
    engine.connection.execute("DELETE FROM checks", []).unwrap();
    assert_eq!(engine.load(&roster(&["c"]), NOW).unwrap().numbers, [3]);
}

#[test]
fn a_check_that_comes_back_finds_its_history() {
    let mut engine = memory();
    engine.load(&roster(&["a", "b"]), NOW).unwrap();
    let states = vec![state_row(4, &[(1, NOW), (2, NOW)])];
    engine.commit(&Batch { states, ..rows(&[(4, &[run(1, NOW)])]) }).unwrap();
    engine.load(&roster(&["a"]), NOW).unwrap();
    engine.commit(&rows(&[(5, &[run(1, NOW)])])).unwrap();
    let image = engine.load(&roster(&["b"]), NOW).unwrap();
    assert_eq!((image.numbers, image.checks[1].seq), (vec![2], 4));
    assert_eq!(image.checks[1].state(), Ok(Some(check_state(NOW))));
}

fn outage(id: &str, started_ms: i64, ended_ms: Option<i64>) -> Outage {
    Outage {
        id: id.to_owned(),
        service: "shop".to_owned(),
        scope: "provider:aws".to_owned(),
        provider: Some("aws".to_owned()),
        started_ms,
        ended_ms,
        reason: Some("status".to_owned()),
        check: Some("shop/aws/web".to_owned()),
        said: Some("503 instead of 200".to_owned()),
        blame: Some("provider".to_owned()),
        blamed: Some("aws/eu".to_owned()),
        coupled: true,
        incident: Some("provider:aws/eu/1780185600".to_owned()),
        revisions: Some("[]".to_owned()),
        checks: Some("[\"shop/aws/web\"]".to_owned()),
        checks_count: 12,
    }
}

fn promise(from_ms: i64, definition: &str) -> Promise {
    Promise {
        service: "shop".to_owned(),
        slo: "availability-30d".to_owned(),
        from_ms,
        definition: definition.to_owned(),
    }
}

fn facts(facts: Vec<Fact>) -> Batch {
    Batch { at_ms: NOW, facts, ..Batch::default() }
}

#[test]
fn an_outage_is_changed_under_its_id_until_it_ends() {
    let mut engine = memory();
    let open = outage("1", NOW, None);
    engine.commit(&facts(vec![Fact::Outage(open.clone())])).unwrap();
    assert_eq!(engine.load(&roster(&[]), NOW).unwrap().open_outages, [open]);
    engine.commit(&facts(vec![Fact::Outage(outage("1", NOW, Some(NOW + 1)))])).unwrap();
    assert_eq!(engine.load(&roster(&[]), NOW).unwrap().open_outages, []);
}

#[test]
fn a_promise_is_stored_when_it_differs_from_the_newest() {
    let mut engine = memory();
    let told = ["99", "99", "99.9", "99"];
    let told = (1..).zip(told).map(|(at, text)| Fact::Promise(promise(at, text))).collect();
    engine.commit(&facts(told)).unwrap();
    let kept = engine.load(&roster(&[]), NOW).unwrap().promises;
    assert_eq!(kept, [promise(1, "99"), promise(3, "99.9"), promise(4, "99")]);
}

#[test]
fn a_renamed_service_takes_its_facts_along() {
    let mut engine = memory();
    engine.load(&roster(&[]), NOW).unwrap();
    let told = vec![Fact::Promise(promise(1, "99")), Fact::Outage(outage("1", NOW, None))];
    engine.commit(&Batch { states: vec![state_row(1, &[])], ..facts(told) }).unwrap();
    let services = vec![named("store", &["shop"])];
    let image = engine.load(&Roster { services, ..roster(&[]) }, NOW).unwrap();
    assert_eq!(image.services[0].name, "store");
    assert_eq!(image.services[0].scopes[0].millis, [1, 0, 0, 0]);
    assert_eq!((&*image.promises[0].service, &*image.open_outages[0].service), ("store", "store"));
}

#[test]
fn maintenance_comes_back_as_it_was_told() {
    let mut engine = memory();
    let told = Maintenance {
        id: "1".to_owned(),
        added_ms: NOW,
        by: "alice".to_owned(),
        reason: "new disks".to_owned(),
        matching: "{}".to_owned(),
        from_ms: NOW,
        to_ms: NOW + 5,
        ended_ms: Some(NOW + 3),
        ended_by: Some("bob".to_owned()),
    };
    engine.commit(&facts(vec![Fact::Maintenance(told.clone())])).unwrap();
    assert_eq!(engine.load(&roster(&[]), NOW).unwrap().maintenance, [told]);
}

#[test]
fn a_batch_that_cannot_be_stored_leaves_nothing_behind() {
    let mut engine = memory();
    engine.load(&roster(&["a"]), NOW).unwrap();
    let pages: i64 =
        engine.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    let set = |engine: &Sqlite, most: i64| {
        engine
            .connection
            .pragma_update_and_check(None, "max_page_count", most, |_| Ok(()))
            .unwrap();
    };
    set(&engine, pages + 2);
    let many = vec![run(1, NOW); 10_000];
    let batch = Batch { states: vec![state_row(1, &[(1, NOW)])], ..rows(&[(1, &many)]) };
    let error = engine.commit(&batch).unwrap_err();
    assert_eq!((error.fault, engine.journal_bytes), (StoreFault::Full, 0));
    let image = engine.load(&roster(&["a"]), NOW).unwrap();
    assert_eq!((image.journal.len(), image.checks[0].state(), image.last_seq), (0, Ok(None), 0));
    set(&engine, i64::from(u32::MAX) - 1);
    engine.commit(&batch).unwrap();
    assert_eq!(engine.load(&roster(&["a"]), NOW).unwrap().last_seq, 1);
}

#[test]
fn a_changed_record_is_damage() {
    let mut engine = memory();
    engine.load(&roster(&["a"]), NOW).unwrap();
    let states = vec![state_row(1, &[(1, NOW)])];
    engine.commit(&Batch { states, ..rows(&[(2, &[run(1, NOW)])]) }).unwrap();
    for (table, column) in [("journal", "entries"), ("services", "state"), ("checks", "state")] {
        let set = |record: &[u8]| {
            let change = format!("UPDATE {table} SET {column} = ?1");
            engine.connection.execute(&change, [record]).unwrap();
        };
        let read = format!("SELECT {column} FROM {table}");
        let record: Vec<u8> = engine.connection.query_row(&read, [], |row| row.get(0)).unwrap();
        let mut changed = record.clone();
        changed[2] ^= 1;
        set(&changed);
        let error = load::image(&engine.connection, &engine.file).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{table}: {error}");
        set(&record);
    }
    load::image(&engine.connection, &engine.file).unwrap();
}

#[test]
fn failovers_and_drills_come_back_as_they_were_told_last() {
    let mut engine = memory();
    let failover = |id: &str, began_ms, ended_ms| Failover {
        id: id.to_owned(),
        service: "shop".to_owned(),
        cause: "outage".to_owned(),
        from: "aws".to_owned(),
        to: Some("gcp".to_owned()),
        began_ms,
        steps_ms: [Some(began_ms + 1), None, Some(began_ms + 3), Some(began_ms + 4), None],
        recovered_ms: Some(began_ms + 5),
        late: true,
        split: true,
        ended_ms,
    };
    let drill = Drill {
        id: "d".to_owned(),
        service: "shop".to_owned(),
        started_ms: NOW,
        by: "ops".to_owned(),
        reason: "quarterly".to_owned(),
        ended_ms: None,
        ended_by: None,
    };
    let over = Drill { ended_ms: Some(NOW + 1), ended_by: Some("ops".to_owned()), ..drill.clone() };
    let (open, ended) = (failover("a", NOW, None), failover("a", NOW, Some(NOW + 9)));
    engine.commit(&facts(vec![Fact::Failover(open), Fact::Drill(drill)])).unwrap();
    engine.commit(&facts(vec![Fact::Failover(ended.clone()), Fact::Drill(over.clone())])).unwrap();
    let image = engine.load(&roster(&[]), NOW).unwrap();
    assert_eq!((image.failovers, image.drills), (vec![ended], vec![over]));

    // The newest of each service, and whatever goes on.
    let many = (0..100).map(|n| failover(&n.to_string(), NOW + n, (n > 0).then_some(NOW + n)));
    engine.commit(&facts(many.map(Fact::Failover).collect())).unwrap();
    let read = engine.load(&roster(&[]), NOW).unwrap().failovers;
    assert_eq!(read.len(), failovers::READ + 1);
    assert_eq!((&*read[0].id, &*read[1].id), ("0", "50"));
}
