//! The queue before the writer: what joins what, what replaces what, and what is dropped beyond each bound.
//!
//! Rows are compared by number and length; what is in them does not matter here.
//!
//! That nothing waits is tested with the writer.

use super::*;
use crate::store::fact::Outage;

fn entries(count: usize) -> Vec<Entry> {
    vec![Entry::ClockBack { check: 1, millis: 5 }; count]
}

fn state(service: &str, seq: u64, bytes: usize) -> StateRow {
    StateRow { service: service.to_owned(), seq, scopes: vec![0; bytes], checks: Vec::new() }
}

fn rows(batch: &Batch) -> Vec<(u64, usize)> {
    batch.rows.iter().map(|row| (row.seq, row.entries.len())).collect()
}

fn states(batch: &Batch) -> Vec<(&str, u64)> {
    batch.states.iter().map(|state| (state.service.as_str(), state.seq)).collect()
}

#[test]
fn entries_join_one_row_under_the_newest_number() {
    let mut inbox = Inbox::default();
    inbox.append(1, entries(2));
    inbox.append(2, Vec::new());
    inbox.append(4, entries(3));
    assert_eq!(inbox.entries(), 5);
    assert_eq!(rows(&inbox.take()), [(4, 5)]);
    assert_eq!(inbox.entries(), 0);
}

#[test]
fn a_state_ends_the_row_that_it_contains() {
    let mut inbox = Inbox::default();
    inbox.append(1, entries(1));
    inbox.state(state("shop", 1, 0));
    inbox.append(2, entries(1));
    inbox.append(3, entries(1));
    let batch = inbox.take();
    assert_eq!((rows(&batch), states(&batch)), (vec![(1, 1), (3, 2)], vec![("shop", 1)]));
}

#[test]
fn a_newer_state_of_a_service_replaces_the_one_that_waits() {
    let mut inbox = Inbox::default();
    for (service, seq) in [("shop", 1), ("mail", 2), ("shop", 3)] {
        inbox.state(state(service, seq, 10));
    }
    assert_eq!(inbox.state_bytes, 2 * state("shop", 1, 10).bytes());
    assert_eq!(states(&inbox.take()), [("mail", 2), ("shop", 3)]);
}

#[test]
fn what_comes_back_stands_before_what_has_come_and_does_not_grow() {
    let mut inbox = Inbox::default();
    inbox.append(1, entries(1));
    inbox.state(state("mail", 1, 0));
    inbox.state(state("shop", 1, 0));
    let tried = inbox.take();
    inbox.put_back(tried);
    inbox.append(2, entries(1));
    inbox.state(state("shop", 2, 0));
    let tried = inbox.take();
    assert_eq!(rows(&tried), [(1, 1), (2, 1)]);
    inbox.append(3, entries(1));
    inbox.put_back(tried);
    inbox.append(4, entries(1));
    let tried = inbox.take();
    assert_eq!(rows(&tried), [(1, 1), (2, 1), (4, 2)]);
    assert_eq!(states(&tried), [("mail", 1), ("shop", 2)]);
}

#[test]
fn beyond_the_bound_the_oldest_rows_go() {
    let mut inbox = Inbox::default();
    let appended = 1 + u64::try_from(ENTRIES_AT_MOST / ROW_ENTRIES).unwrap();
    for seq in 1..=appended {
        inbox.append(seq, entries(ROW_ENTRIES));
    }
    let mut lost = [0; 4];
    lost[StoreLoss::Entries.index()] = ROW_ENTRIES;
    assert_eq!((inbox.entries(), inbox.take_lost()), (ENTRIES_AT_MOST, lost));
    let tried = inbox.take();
    assert_eq!((tried.rows[0].seq, tried.rows.len()), (2, ENTRIES_AT_MOST / ROW_ENTRIES));
    inbox.append(appended + 1, entries(1));
    inbox.put_back(tried);
    assert_eq!((inbox.entries(), inbox.take_lost()), (ENTRIES_AT_MOST - ROW_ENTRIES + 1, lost));
}

#[test]
fn beyond_the_bound_the_oldest_states_go() {
    let mut inbox = Inbox::default();
    for (service, seq) in [("a", 2), ("b", 1), ("c", 3)] {
        inbox.state(state(service, seq, STATE_BYTES_AT_MOST / 3));
    }
    let mut lost = [0; 4];
    lost[StoreLoss::States.index()] = 1;
    assert_eq!(inbox.take_lost(), lost);
    assert_eq!(states(&inbox.take()), [("a", 2), ("c", 3)]);
}

#[test]
fn beyond_the_bound_the_oldest_facts_and_failures_go() {
    let mut inbox = Inbox::default();
    for at in 0..FACTS_AT_MOST + 2 {
        let id = at.to_string();
        inbox.fact(Fact::Outage(Outage { id, ..Outage::default() }));
    }
    for at_ms in 0..FAILURES_AT_MOST + 3 {
        let at_ms = i64::try_from(at_ms).unwrap();
        inbox.failure(Failure { at_ms, ..Failure::default() });
    }
    let mut lost = [0; 4];
    lost[StoreLoss::Facts.index()] = 2;
    lost[StoreLoss::Failures.index()] = 3;
    assert_eq!(inbox.take_lost(), lost);
    let batch = inbox.take();
    assert_eq!((batch.facts.len(), batch.failures.len()), (FACTS_AT_MOST, FAILURES_AT_MOST));
    assert_eq!(batch.failures[0].at_ms, 3);
}
