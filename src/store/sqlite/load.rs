//! From rows to an image: what a daemon needs to go on, and what a report needs to begin.
//!
//! Loading for a daemon first makes its roster known, in one transaction: reasons and causes get numbers, checks and services that are new
//! get rows, old names give their history to new ones, and who has left is marked with the time. Numbers are never used twice, because the journal
//! knows checks by number only. Every record's checksum is tested; states of checks stay packed.
//!
//! What a daemon makes of it, and what is deleted when, is not decided here.

use super::failovers::{self, Which};
use super::{database_error, keep};
use crate::store::engine::{
    FrozenPeriod, Image, Name, Roster, Row, StoredCheck, StoredService, Words,
};
use crate::store::error::Error;
use crate::store::fact::{Alert, Maintenance, Outage, Promise};
use crate::store::record::{self, Malformed};
use rusqlite::{Connection, Transaction, params};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Makes the roster known and reads everything.
pub(super) fn load(
    connection: &mut Connection,
    file: &Path,
    roster: &Roster,
    now_ms: i64,
) -> Result<Image, Error> {
    let failed = |error| database_error(file, error);
    let transaction = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(failed)?;
    let before = enrol(&transaction, roster, now_ms).map_err(failed)?;
    let mut image = image(&transaction, file)?;
    image.stopped_cleanly = before;
    let numbers: BTreeMap<&str, u32> =
        image.checks.iter().map(|check| (check.name.as_str(), check.number)).collect();
    image.numbers = roster
        .checks
        .iter()
        .map(|check| *numbers.get(check.name.as_str()).expect("every name of the roster has a row"))
        .collect();
    image.alerts = alerts(&transaction).map_err(failed)?;
    transaction.commit().map_err(failed)?;
    Ok(image)
}

/// Reads everything.
pub(in crate::store) fn image(connection: &Connection, file: &Path) -> Result<Image, Error> {
    let failed = |error| database_error(file, error);
    let damaged = |error: Malformed| Error::Damaged { file: file.to_owned(), source: error.into() };
    let mut image = meta(connection).map_err(failed)?;
    file.clone_into(&mut image.file);
    image.words = words(connection).map_err(failed)?;
    for (name, seq, scopes) in packed_services(connection).map_err(failed)? {
        let scopes = unpacked(&scopes, record::decode_scopes).map_err(damaged)?;
        image.services.push(StoredService { name, seq, scopes });
    }
    image.checks = checks(connection).map_err(failed)?;
    for check in &image.checks {
        if !check.state.is_empty() {
            record::verify(&check.state).map_err(damaged)?;
        }
    }
    let needed_after = keep::needed_after(connection).map_err(failed)?;
    for (seq, entries) in packed_journal(connection, needed_after).map_err(failed)? {
        let entries = record::decode_entries(&entries).map_err(damaged)?;
        image.journal.push(Row { seq, entries });
    }
    image.last_seq = unsigned(last_seq(connection).map_err(failed)?);
    image.open_outages = outages(connection, "WHERE ended_ms IS NULL").map_err(failed)?;
    image.failovers = failovers::failovers(connection, Which::Newest).map_err(failed)?;
    image.drills = failovers::drills(connection, Which::Newest).map_err(failed)?;
    image.maintenance = maintenance(connection).map_err(failed)?;
    image.promises = promises(connection).map_err(failed)?;
    image.frozen = frozen(connection).map_err(failed)?;
    Ok(image)
}

/// Makes the roster known; gives back whether the last daemon stopped in peace.
fn enrol(transaction: &Transaction<'_>, roster: &Roster, now_ms: i64) -> rusqlite::Result<bool> {
    let before = transaction.query_row("SELECT stopped_cleanly FROM meta", [], |row| row.get(0))?;
    transaction.execute(
        "UPDATE meta SET stopped_cleanly = 0, vantage = iif(?1 = '', vantage, ?1)",
        params![roster.vantage],
    )?;
    enrol_words(transaction, &roster.words)?;
    // A new check has nothing in the journal so far.
    let seq = last_seq(transaction)?;
    for (table, names) in [("services", &roster.services), ("checks", &roster.checks)] {
        enrol_names(transaction, table, names, seq, now_ms)?;
    }
    Ok(before)
}

fn enrol_words(transaction: &Transaction<'_>, wanted: &[String]) -> rusqlite::Result<()> {
    let known = words(transaction)?;
    let mut insert = transaction.prepare("INSERT INTO words (number, word) VALUES (?1, ?2)")?;
    let known: BTreeSet<&str> = known.0.iter().map(String::as_str).collect();
    let wanted: BTreeSet<&str> = wanted.iter().map(String::as_str).collect();
    for (next, word) in (known.len()..).zip(wanted.difference(&known)) {
        let next = u16::try_from(next).expect("reasons and causes are a few dozen");
        insert.execute(params![next, word])?;
    }
    Ok(())
}

/// The two tables have the same columns for this.
fn enrol_names(
    transaction: &Transaction<'_>,
    table: &str,
    names: &[Name],
    seq: i64,
    now_ms: i64,
) -> rusqlite::Result<()> {
    let roster: BTreeSet<&str> = names.iter().map(|name| name.name.as_str()).collect();
    // With whether it has left.
    let mut stored: BTreeMap<String, bool> = transaction
        .prepare(&format!("SELECT name, left_ms IS NOT NULL FROM {table}"))?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let mut insert = transaction
        .prepare(&format!("INSERT INTO {table} (name, seq, state) VALUES (?1, ?2, x'')"))?;
    for name in names {
        if stored.contains_key(&name.name) {
            continue;
        }
        // Who is still in the roster under the old name keeps its history.
        let old = name
            .formerly
            .iter()
            .find(|old| stored.contains_key(*old) && !roster.contains(old.as_str()));
        let left = if let Some(old) = old {
            rename(transaction, table, old, &name.name)?;
            stored.remove(old).unwrap_or_default()
        } else {
            insert.execute(params![name.name, seq])?;
            false
        };
        stored.insert(name.name.clone(), left);
    }
    let mut mark =
        transaction.prepare(&format!("UPDATE {table} SET left_ms = ?2 WHERE name = ?1"))?;
    for (name, left) in &stored {
        let leaves = !roster.contains(name.as_str());
        if leaves != *left {
            mark.execute(params![name, leaves.then_some(now_ms)])?;
        }
    }
    Ok(())
}

/// Moves the history of `old` to `new`, also where it stands under its name.
fn rename(
    transaction: &Transaction<'_>,
    table: &str,
    old: &str,
    new: &str,
) -> rusqlite::Result<()> {
    transaction
        .execute(&format!("UPDATE {table} SET name = ?2 WHERE name = ?1"), params![old, new])?;
    if table == "checks" {
        transaction.execute(
            "UPDATE outages SET check_name = ?2 WHERE check_name = ?1",
            params![old, new],
        )?;
        return Ok(());
    }
    for kept in ["outages", "promises", "periods", "failovers", "drills"] {
        // A row of the new name that stands in the way is the better one.
        transaction.execute(
            &format!("UPDATE OR IGNORE {kept} SET service = ?2 WHERE service = ?1"),
            params![old, new],
        )?;
    }
    Ok(())
}

fn unpacked<T: Default>(
    record: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, Malformed>,
) -> Result<T, Malformed> {
    if record.is_empty() { Ok(T::default()) } else { decode(record) }
}

fn meta(connection: &Connection) -> rusqlite::Result<Image> {
    connection.query_row(
        "SELECT vantage, created_ms, heartbeat_ms, stopped_cleanly FROM meta",
        [],
        |row| {
            Ok(Image {
                vantage: row.get(0)?,
                created_ms: row.get(1)?,
                heartbeat_ms: row.get(2)?,
                stopped_cleanly: row.get(3)?,
                ..Image::default()
            })
        },
    )
}

/// Numbers count up from 0, so a word's place in the list is its number.
fn words(connection: &Connection) -> rusqlite::Result<Words> {
    let mut select = connection.prepare("SELECT word FROM words ORDER BY number")?;
    Ok(Words(select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?))
}

fn packed_services(connection: &Connection) -> rusqlite::Result<Vec<(String, u64, Vec<u8>)>> {
    let mut select = connection.prepare("SELECT name, seq, state FROM services ORDER BY name")?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, unsigned(row.get(1)?), row.get(2)?)))?;
    rows.collect()
}

fn checks(connection: &Connection) -> rusqlite::Result<Vec<StoredCheck>> {
    let mut select =
        connection.prepare("SELECT number, name, seq, state FROM checks ORDER BY number")?;
    let rows = select.query_map([], |row| {
        Ok(StoredCheck {
            number: row.get(0)?,
            name: row.get(1)?,
            seq: unsigned(row.get(2)?),
            state: row.get(3)?,
        })
    })?;
    rows.collect()
}

/// The highest number of a row or a state.
fn last_seq(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row(
        "SELECT max(ifnull((SELECT max(seq) FROM journal), 0), ifnull((SELECT max(seq) FROM checks), 0),
             ifnull((SELECT max(seq) FROM services), 0))",
        [],
        |row| row.get(0),
    )
}

fn packed_journal(connection: &Connection, after: i64) -> rusqlite::Result<Vec<(u64, Vec<u8>)>> {
    let mut select =
        connection.prepare("SELECT seq, entries FROM journal WHERE seq > ?1 ORDER BY seq")?;
    let rows = select.query_map([after], |row| Ok((unsigned(row.get(0)?), row.get(1)?)))?;
    rows.collect()
}

/// Outages that `condition` (a clause without parameters) selects, by their start.
pub(in crate::store) fn outages(
    connection: &Connection,
    condition: &str,
) -> rusqlite::Result<Vec<Outage>> {
    // A store at rest is read in the form it has.
    let form: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let blame = if form < super::schema::BLAMED_SINCE {
        "NULL, NULL, 0, NULL, NULL, NULL, 0"
    } else {
        "blame, blamed, coupled, incident, revisions, checks, checks_count"
    };
    let mut select = connection.prepare(&format!(
        "SELECT id, service, scope, provider, started_ms, ended_ms, reason, check_name, said, {blame}
         FROM outages {condition} ORDER BY started_ms, id"
    ))?;
    let rows = select.query_map([], |row| {
        Ok(Outage {
            id: row.get(0)?,
            service: row.get(1)?,
            scope: row.get(2)?,
            provider: row.get(3)?,
            started_ms: row.get(4)?,
            ended_ms: row.get(5)?,
            reason: row.get(6)?,
            check: row.get(7)?,
            said: row.get(8)?,
            blame: row.get(9)?,
            blamed: row.get(10)?,
            coupled: row.get(11)?,
            incident: row.get(12)?,
            revisions: row.get(13)?,
            checks: row.get(14)?,
            checks_count: row.get::<_, i64>(15)?.unsigned_abs(),
        })
    })?;
    rows.collect()
}

fn alerts(connection: &Connection) -> rusqlite::Result<Vec<Alert>> {
    let mut select = connection.prepare(
        "SELECT id, outage, started_ms, ended_ms, labels, annotations, taken FROM alerts",
    )?;
    let rows = select.query_map([], |row| {
        Ok(Alert {
            id: row.get(0)?,
            outage: row.get(1)?,
            started_ms: row.get(2)?,
            ended_ms: row.get(3)?,
            labels: row.get(4)?,
            annotations: row.get(5)?,
            taken: row.get(6)?,
        })
    })?;
    rows.collect()
}

fn maintenance(connection: &Connection) -> rusqlite::Result<Vec<Maintenance>> {
    let mut select = connection.prepare(
        "SELECT id, added_ms, by, reason, matching, from_ms, to_ms, ended_ms, ended_by
         FROM maintenance ORDER BY from_ms, id",
    )?;
    let rows = select.query_map([], |row| {
        Ok(Maintenance {
            id: row.get(0)?,
            added_ms: row.get(1)?,
            by: row.get(2)?,
            reason: row.get(3)?,
            matching: row.get(4)?,
            from_ms: row.get(5)?,
            to_ms: row.get(6)?,
            ended_ms: row.get(7)?,
            ended_by: row.get(8)?,
        })
    })?;
    rows.collect()
}

fn frozen(connection: &Connection) -> rusqlite::Result<Vec<FrozenPeriod>> {
    let mut statement = connection.prepare(
        "SELECT service, slo, period, from_ms, to_ms, max(revision) FROM periods
         GROUP BY service, slo, period, from_ms, to_ms",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(FrozenPeriod {
            service: row.get(0)?,
            slo: row.get(1)?,
            period: row.get(2)?,
            from_ms: row.get(3)?,
            to_ms: row.get(4)?,
            revision: row.get(5)?,
        })
    })?;
    rows.collect()
}

fn promises(connection: &Connection) -> rusqlite::Result<Vec<Promise>> {
    let mut select = connection.prepare(
        "SELECT service, slo, from_ms, definition FROM promises ORDER BY service, slo, from_ms",
    )?;
    let rows = select.query_map([], |row| {
        Ok(Promise {
            service: row.get(0)?,
            slo: row.get(1)?,
            from_ms: row.get(2)?,
            definition: row.get(3)?,
        })
    })?;
    rows.collect()
}

/// Numbers of batches are counted up from 1 and never reach the sign.
fn unsigned(seq: i64) -> u64 {
    seq.cast_unsigned()
}
