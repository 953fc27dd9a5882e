//! Retention: what goes, what stays, and how large a year of outages is.
//!
//! Rows are put in by SQL where a bound is too high to be reached otherwise.
//!
//! That the writer calls again and again is tested there.

use super::*;
use crate::store::engine::{Batch, Engine, Roster, Row, StateRow};
use crate::store::record::{Entry, encode_check, encode_scopes};
use crate::store::sqlite::Sqlite;

const NOW: i64 = 1_790_000_000_000;

fn store() -> Sqlite {
    let mut engine = Sqlite::in_memory(NOW).unwrap();
    let roster =
        Roster { services: vec!["shop".into()], checks: vec!["a".into()], ..Roster::default() };
    engine.load(&roster, NOW).unwrap();
    engine
}

/// The state of the one check and service contains everything up to `seq`.
fn contain(engine: &mut Sqlite, seq: u64) {
    let states = vec![StateRow {
        service: "shop".to_owned(),
        seq,
        scopes: encode_scopes(&[]),
        checks: vec![(1, encode_check(&crate::store::record::tests::one_of_everything()))],
    }];
    engine.commit(&Batch { at_ms: NOW, states, ..Batch::default() }).unwrap();
}

fn append(engine: &mut Sqlite, seq: u64, at_ms: i64, entries: usize) {
    let entries = vec![Entry::ClockBack { check: 1, millis: i64::MAX }; entries];
    engine.commit(&Batch { at_ms, rows: vec![Row { seq, entries }], ..Batch::default() }).unwrap();
}

fn numbers(engine: &Sqlite, query: &str) -> Vec<i64> {
    let mut select = engine.connection.prepare(query).unwrap();
    let rows = select.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn count(engine: &Sqlite, table: &str) -> i64 {
    numbers(engine, &format!("SELECT count(*) FROM {table}"))[0]
}

fn pages(engine: &Sqlite) -> i64 {
    numbers(engine, "PRAGMA page_count")[0]
}

#[test]
fn results_that_are_too_old_go_unless_a_state_still_needs_them() {
    let mut engine = store();
    for (seq, day) in [(1, 100), (2, 95), (3, 92), (4, 89)] {
        append(&mut engine, seq, NOW - day * DAY_MS, 1);
    }
    engine.prune(NOW).unwrap();
    assert_eq!(count(&engine, "journal"), 4);
    contain(&mut engine, 2);
    engine.prune(NOW).unwrap();
    assert_eq!(numbers(&engine, "SELECT seq FROM journal"), [3, 4]);
    contain(&mut engine, 4);
    engine.prune(NOW).unwrap();
    assert_eq!(numbers(&engine, "SELECT seq FROM journal"), [4]);
    assert_eq!(engine.journal_bytes, journal_bytes(&engine.connection).unwrap());
}

/// A row of this many bytes, whatever is in them.
fn append_bytes(engine: &mut Sqlite, seq: u64, at_ms: i64, bytes: u32) {
    let row = format!("INSERT INTO journal VALUES ({seq}, {at_ms}, zeroblob({bytes}))");
    engine.connection.execute_batch(&row).unwrap();
    engine.journal_bytes = journal_bytes(&engine.connection).unwrap();
}

#[test]
fn the_ring_of_results_has_a_size() {
    let mut engine = store();
    for seq in 1..=8 {
        append_bytes(&mut engine, seq, NOW, 12_000_000);
    }
    engine.prune(NOW).unwrap();
    assert_eq!(count(&engine, "journal"), 8);
    contain(&mut engine, 8);
    engine.prune(NOW).unwrap();
    assert_eq!(numbers(&engine, "SELECT min(seq) FROM journal"), [4]);
    assert!(engine.journal_bytes <= JOURNAL_BYTES);
    assert_eq!(engine.journal_bytes, journal_bytes(&engine.connection).unwrap());
}

#[test]
fn freed_pages_are_given_back() {
    let mut engine = store();
    append_bytes(&mut engine, 1, NOW - 100 * DAY_MS, 24_000_000);
    contain(&mut engine, 1);
    let before = pages(&engine);
    engine.prune(NOW).unwrap();
    assert!(pages(&engine) <= before - FREE_PAGES, "{before}");
}

#[test]
fn failed_runs_go_by_age_and_by_number() {
    let mut engine = store();
    let fill = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {FAILURES_KEPT} + 40)
         INSERT INTO failures SELECT i, 1, {NOW} - iif(i <= 50, 91, 0) * {DAY_MS}, '', 0, '', '', '' FROM n"
    );
    engine.connection.execute_batch(&fill).unwrap();
    engine.prune(NOW).unwrap();
    assert_eq!(numbers(&engine, "SELECT min(number) FROM failures"), [51]);
    engine.connection.execute("INSERT INTO failures SELECT number + 20, 1, at_ms, '', 0, '', '', '' FROM failures WHERE number > (SELECT max(number) - 20 FROM failures)", []).unwrap();
    engine.prune(NOW).unwrap();
    assert_eq!(count(&engine, "failures"), FAILURES_KEPT);
}

#[test]
fn facts_go_after_years_and_beyond_a_number_but_not_while_they_hold() {
    let mut engine = store();
    let long_ago = NOW - (FACT_DAYS + 1) * DAY_MS;
    let fill = format!(
        "INSERT INTO outages (id, service, scope, provider, started_ms, ended_ms, reason, check_name, said)
             VALUES ('old', '', '', '', {long_ago}, {long_ago}, '', '', ''),
             ('open', '', '', '', {long_ago}, NULL, '', '', ''), ('new', '', '', '', {NOW}, {NOW}, '', '', '');
         INSERT INTO maintenance VALUES ('old', 1, '', '', '', 1, {long_ago}, NULL, NULL),
             ('new', 1, '', '', '', 1, {NOW}, NULL, NULL);
         INSERT INTO promises VALUES ('s', 'a', 1, ''), ('s', 'a', 2, ''), ('s', 'b', 1, ''), ('s', 'b', {NOW}, '');
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {FACTS_KEPT} + 7)
         INSERT INTO periods SELECT 's', 'a', 'any', '', '', 0, {NOW} + i, i, 0, '', '' FROM n;
         INSERT INTO periods VALUES ('s', 'old', 'any', '', '', 0, {long_ago}, 1, 0, '', '');
         INSERT INTO checks VALUES (7, 'left', 0, {long_ago}, x''), (8, 'leaves', 0, {NOW}, x'')"
    );
    engine.connection.execute_batch(&fill).unwrap();
    engine.prune(NOW).unwrap();
    engine.prune(NOW).unwrap();
    assert_eq!(numbers(&engine, "SELECT id = 'old' FROM outages"), [0, 0]);
    assert_eq!(numbers(&engine, "SELECT id = 'old' FROM maintenance"), [0]);
    assert_eq!(numbers(&engine, "SELECT from_ms FROM promises ORDER BY slo"), [2, NOW]);
    assert_eq!(numbers(&engine, "SELECT min(revision) FROM periods"), [8]);
    assert_eq!(count(&engine, "periods"), FACTS_KEPT);
    assert_eq!(numbers(&engine, "SELECT number FROM checks"), [1, 8]);
}

/// Issue 3: outages at most 5 MB per 100 healthy checks and year.
#[test]
fn a_year_of_outages_is_small() {
    use crate::store::fact::{Fact, Failure, Outage};
    use crate::store::record::{Span, SpanKind, Word};
    const CHECKS: u32 = 100;
    // One outage a week and check, each with two failed runs kept: far from healthy.
    const OUTAGES: u64 = 52;
    // Judged once, with a canary on each cloud.
    const REVISION: &str = r#"[{"at_ms":1780185600000,"blame":"endpoint","seen":[["side","aurora","good",86400000,0,0],["canary","borealis/north","good",86400000,0,0],["services","borealis/north","bad",10000,1,100],["canary","aurora/south","good",86400000,0,0],["services","aurora/south","good",0,0,100],["vantage","","unknown",0,0,0]]}]"#;
    let mut engine = store();
    let names = (0..CHECKS).map(|check| format!("service-{check}/provider/endpoint/probe"));
    let checks = names.map(|name| name.as_str().into()).collect();
    let numbers = engine.load(&Roster { checks, ..Roster::default() }, NOW).unwrap().numbers;
    let empty = pages(&engine);
    let mut state = crate::store::record::tests::one_of_everything();
    let week = |at: u64| NOW + i64::try_from(at).unwrap() * 7 * DAY_MS;
    state.lines[0].timeline.spans = (0..OUTAGES)
        .map(|at| Span { start_ms: week(at), len_ms: 65_432, kind: SpanKind::Bad(Some(Word(17))) })
        .collect();
    let mut batch = Batch { at_ms: NOW, ..Batch::default() };
    for check in numbers {
        let service = format!("service-{check}");
        let record = encode_check(&state);
        let scopes = encode_scopes(&[]);
        for at in 0..OUTAGES {
            let outage = Outage {
                id: format!("{service}-provider-{}", week(at)),
                service: service.clone(),
                scope: "provider:provider".to_owned(),
                provider: Some("provider".to_owned()),
                started_ms: week(at),
                ended_ms: Some(week(at) + 65_432),
                reason: Some("connect_timeout".to_owned()),
                check: Some(format!("{service}/provider/endpoint/probe")),
                said: Some("no answer from 192.0.2.17:443 within 5 s".to_owned()),
                blame: Some("endpoint".to_owned()),
                incident: Some(format!("service:{service}/{}", week(at) / 1_000)),
                revisions: Some(REVISION.to_owned()),
                checks: Some(format!("[\"{service}/provider/endpoint/probe\"]")),
                checks_count: 1,
                ..Outage::default()
            };
            let failure = Failure {
                check,
                at_ms: week(at),
                reason: "connect_timeout".to_owned(),
                latency_us: 5_000_000,
                phase: "connect".to_owned(),
                address: Some("192.0.2.17:443".to_owned()),
                said: "no answer from 192.0.2.17:443 within 5 s".to_owned(),
            };
            batch.facts.push(Fact::Outage(outage));
            batch.failures.extend([failure.clone(), failure]);
        }
        batch.states.push(StateRow { service, seq: 1, scopes, checks: vec![(check, record)] });
    }
    engine.commit(&batch).unwrap();
    let bytes = (pages(&engine) - empty) * 4_096;
    assert!((1 << 20..5_000_000).contains(&bytes), "{bytes} bytes");
}
