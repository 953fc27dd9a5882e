//! Forms of the file: making one, bringing it up to date, and refusing what is not ours or not yet known.
//!
//! The steps are tried with one more than there is, as the next version will have it.
//!
//! Damage to files is tested in `tests/it/store.rs`.

use super::*;
use crate::store::sqlite::failovers::{self, Which};
use std::path::Path;

const STEP: (i64, &str) = (FORM + 1, "ALTER TABLE meta ADD COLUMN colour TEXT DEFAULT 'blue'");

fn made(now_ms: i64) -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    configure(&connection).unwrap();
    migrate(&mut connection, now_ms).unwrap();
    connection
}

fn number(connection: &Connection, query: &str) -> i64 {
    connection.query_row(query, [], |row| row.get(0)).unwrap()
}

#[test]
fn forms_are_counted_up_from_one() {
    let forms: Vec<i64> = STEPS.iter().map(|(form, _)| *form).collect();
    assert_eq!(forms, (1..=FORM).collect::<Vec<_>>());
}

#[test]
fn a_new_file_says_whose_it_is_and_which_form_it_has() {
    let connection = made(7);
    assert_eq!(number(&connection, "PRAGMA application_id"), APPLICATION);
    assert_eq!(number(&connection, "PRAGMA user_version"), FORM);
    assert_eq!(number(&connection, "SELECT created_ms FROM meta"), 7);
}

#[test]
fn an_older_file_is_brought_to_the_next_form_with_what_is_in_it() {
    let mut connection = made(7);
    connection.execute("INSERT INTO words VALUES (0, 'status')", []).unwrap();
    let steps = [STEPS, &[STEP]].concat();
    for _ in 0..2 {
        migrate_by(&steps, &mut connection, 8).unwrap();
        assert_eq!(number(&connection, "PRAGMA user_version"), FORM + 1);
        assert_eq!(number(&connection, "SELECT created_ms FROM meta WHERE colour = 'blue'"), 7);
        assert_eq!(number(&connection, "SELECT count(*) FROM words"), 1);
    }
}

#[test]
fn outages_of_the_first_form_are_kept_and_were_never_judged() {
    let mut connection = Connection::open_in_memory().unwrap();
    configure(&connection).unwrap();
    migrate_by(&STEPS[..1], &mut connection, 7).unwrap();
    let old =
        "INSERT INTO outages VALUES ('1', 'shop', 'any', NULL, 5, NULL, 'status', 'c', 'said')";
    connection.execute(old, []).unwrap();
    // A store at rest is read in its own form.
    let outages =
        |connection: &Connection| crate::store::sqlite::load::outages(connection, "").unwrap();
    let before = outages(&connection);
    migrate(&mut connection, 8).unwrap();
    let after = outages(&connection);
    assert_eq!(before, after);
    assert_eq!((&*after[0].id, after[0].blame.as_deref(), after[0].checks_count), ("1", None, 0));
}

#[test]
fn failovers_of_an_older_form_were_never_seen_split() {
    let mut connection = Connection::open_in_memory().unwrap();
    configure(&connection).unwrap();
    let read =
        |connection: &Connection| failovers::failovers(connection, Which::During(0, 100)).unwrap();
    migrate_by(&STEPS[..2], &mut connection, 7).unwrap();
    assert!(read(&connection).is_empty());
    migrate_by(&STEPS[..4], &mut connection, 7).unwrap();
    let old = "INSERT INTO failovers VALUES
        ('1', 'shop', 'outage', 'a', 'b', 5, 6, 7, 8, 9, 10, NULL, 1, 10)";
    connection.execute(old, []).unwrap();
    let before = read(&connection);
    migrate(&mut connection, 8).unwrap();
    assert_eq!(before, read(&connection));
    assert_eq!((&*before[0].id, before[0].late, before[0].split), ("1", true, false));
}

#[test]
fn a_step_that_fails_changes_nothing() {
    let mut connection = made(7);
    let steps = [STEPS, &[STEP, (FORM + 2, "no such statement")]].concat();
    migrate_by(&steps, &mut connection, 8).unwrap_err();
    assert_eq!(number(&connection, "PRAGMA user_version"), FORM);
    connection.execute("UPDATE meta SET colour = 'red'", []).unwrap_err();
}

#[test]
fn a_file_of_a_newer_form_is_refused() {
    let connection = made(7);
    connection.pragma_update(None, "user_version", FORM + 1).unwrap();
    let error = recognise(&connection, Path::new("/state/nephoscope.db")).unwrap_err();
    assert!(!error.is_harmless());
    let said = format!(
        "`/state/nephoscope.db` has the form {}, and this version knows forms up to {FORM}; run the newer \
         nephoscope, or give this one another `monitor.state`",
        FORM + 1
    );
    assert_eq!(error.to_string(), said);
}

#[test]
fn a_database_of_another_program_is_refused() {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch("CREATE TABLE bookmarks (url TEXT)").unwrap();
    let error = recognise(&connection, Path::new("nephoscope.db")).unwrap_err();
    assert!(matches!(error, Error::Foreign { .. }) && !error.is_harmless(), "{error}");
}
