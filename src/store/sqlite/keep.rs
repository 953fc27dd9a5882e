//! What is kept how long: the bounds of the file, and deleting beyond them.
//!
//! A call deletes a slice, so that no commit waits for long; the writer calls again and again. The journal is never cut after the oldest
//! state of a check or service of the configuration: recovery needs what comes after it. Freed pages are used again, and given back to the
//! file system when they are many.
//!
//! It does not summarise what it deletes: that was stored by others before (spans, counts, frozen periods).

use rusqlite::{Connection, Transaction, params};

/// Bytes of recent results: 40 checks every 30 s for some seven weeks, or 10 000 for four hours.
pub const JOURNAL_BYTES: u64 = 64 << 20;
/// Days of recent results.
pub const JOURNAL_DAYS: i64 = 90;
/// Failed runs kept with their details, some 150 bytes each.
pub const FAILURES_KEPT: i64 = 200_000;
/// Days of failed runs.
pub const FAILURE_DAYS: i64 = 90;
/// Outages, closed periods, maintenance and promises kept of each, some 300 bytes each.
pub const FACTS_KEPT: i64 = 200_000;
/// Days that these are kept, and the history of a check that left the configuration: five years.
pub const FACT_DAYS: i64 = 5 * 366;
/// Checks that left the configuration and keep their history; the same for services.
pub const RETIRED_KEPT: i64 = 100_000;

const DAY_MS: i64 = 86_400_000;
/// Rows that one call deletes of each kind at most.
const SLICE: i64 = 5_000;
/// What a row of the journal costs beyond its record: its numbers, and its place in the tree.
const ROW_OVERHEAD: u64 = 24;
/// Pages that one call gives back to the file system at most, once this many are free.
const FREE_PAGES: i64 = 4_096;

/// What a row with a record of this length counts for.
pub(super) fn row_bytes(record: u64) -> u64 {
    record + ROW_OVERHEAD
}

/// What the journal takes.
pub(super) fn journal_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let (rows, bytes): (i64, i64) = connection.query_row(
        "SELECT count(*), ifnull(sum(length(entries)), 0) FROM journal",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(bytes.unsigned_abs() + rows.unsigned_abs() * ROW_OVERHEAD)
}

/// The number of the oldest state of the configuration: recovery needs the rows after it.
pub(super) fn needed_after(connection: &Connection) -> rusqlite::Result<i64> {
    let oldest = |table| {
        connection
            .prepare_cached(&format!("SELECT min(seq) FROM {table} WHERE left_ms IS NULL"))?
            .query_row([], |row| row.get::<_, Option<i64>>(0))
    };
    // Without any state nothing is needed.
    Ok(oldest("checks")?.into_iter().chain(oldest("services")?).min().unwrap_or(i64::MAX))
}

/// Deletes a slice of what is too old or too much; gives back by how much the journal shrank.
pub(super) fn prune(
    connection: &mut Connection,
    journal_bytes: u64,
    now_ms: i64,
) -> rusqlite::Result<u64> {
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let freed = prune_journal(&transaction, journal_bytes, now_ms - JOURNAL_DAYS * DAY_MS)?;
    prune_failures(&transaction, now_ms - FAILURE_DAYS * DAY_MS)?;
    let facts_before = now_ms - FACT_DAYS * DAY_MS;
    // What has not ended has no place in the order of ends, and stays.
    prune_by(&transaction, "outages", "id", "ended_ms", facts_before, FACTS_KEPT)?;
    prune_by(&transaction, "failovers", "id", "ended_ms", facts_before, FACTS_KEPT)?;
    prune_by(&transaction, "drills", "id", "ended_ms", facts_before, FACTS_KEPT)?;
    prune_by(&transaction, "maintenance", "id", "to_ms", facts_before, FACTS_KEPT)?;
    let period = "service, slo, scope, provider, period, revision";
    prune_by(&transaction, "periods", period, "to_ms", facts_before, FACTS_KEPT)?;
    prune_by(&transaction, "alerts", "id", "ended_ms", facts_before, FACTS_KEPT)?;
    prune_promises(&transaction, facts_before)?;
    prune_by(&transaction, "checks", "number", "left_ms", facts_before, RETIRED_KEPT)?;
    prune_by(&transaction, "services", "name", "left_ms", facts_before, RETIRED_KEPT)?;
    transaction.commit()?;
    let free: i64 = connection.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
    if free > FREE_PAGES {
        // Each step of the statement gives back one page.
        let mut vacuum = connection.prepare(&format!("PRAGMA incremental_vacuum({FREE_PAGES})"))?;
        let mut pages = vacuum.query([])?;
        while pages.next()?.is_some() {}
    }
    Ok(freed)
}

fn prune_journal(
    transaction: &Transaction<'_>,
    bytes: u64,
    before_ms: i64,
) -> rusqlite::Result<u64> {
    let needed_after = needed_after(transaction)?;
    let (mut cut, mut freed) = (None, 0);
    let mut oldest = transaction.prepare_cached(
        "SELECT seq, at_ms, length(entries) FROM journal WHERE seq <= ?1 ORDER BY seq LIMIT ?2",
    )?;
    let mut rows = oldest.query(params![needed_after, SLICE])?;
    while let Some(row) = rows.next()? {
        let (seq, at_ms): (i64, i64) = (row.get(0)?, row.get(1)?);
        let too_much = bytes.saturating_sub(freed) > JOURNAL_BYTES;
        if !too_much && at_ms >= before_ms {
            break;
        }
        let record: i64 = row.get(2)?;
        freed += row_bytes(record.unsigned_abs());
        cut = Some(seq);
    }
    if let Some(cut) = cut {
        transaction.prepare_cached("DELETE FROM journal WHERE seq <= ?1")?.execute(params![cut])?;
    }
    Ok(freed)
}

/// Rows are numbered as they come, so that numbers tell how many there are.
fn prune_failures(transaction: &Transaction<'_>, before_ms: i64) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "DELETE FROM failures WHERE number IN (
                 SELECT number FROM (SELECT number, at_ms FROM failures ORDER BY number LIMIT ?1)
                 WHERE at_ms < ?2 OR number <= (SELECT max(number) FROM failures) - ?3)",
        )?
        .execute(params![SLICE, before_ms, FAILURES_KEPT])?;
    Ok(())
}

/// Of the rows that have an `end`, deletes the oldest: those before a moment, and those beyond a number.
fn prune_by(
    transaction: &Transaction<'_>,
    table: &str,
    key: &str,
    end: &str,
    before_ms: i64,
    at_most: i64,
) -> rusqlite::Result<()> {
    let oldest = format!("SELECT {key} FROM {table} WHERE {end} IS NOT NULL");
    transaction
        .prepare_cached(&format!(
            "DELETE FROM {table} WHERE ({key}) IN ({oldest} AND {end} < ?1 ORDER BY {end} LIMIT ?2)"
        ))?
        .execute(params![before_ms, SLICE])?;
    let count: i64 = transaction
        .prepare_cached(&format!("SELECT count(*) FROM {table} WHERE {end} IS NOT NULL"))?
        .query_row([], |row| row.get(0))?;
    let surplus = (count - at_most).clamp(0, SLICE);
    if surplus > 0 {
        transaction
            .prepare_cached(&format!(
                "DELETE FROM {table} WHERE ({key}) IN ({oldest} ORDER BY {end} LIMIT ?1)"
            ))?
            .execute(params![surplus])?;
    }
    Ok(())
}

/// The newest promise of each slo stays, however old it is: it still holds.
fn prune_promises(transaction: &Transaction<'_>, before_ms: i64) -> rusqlite::Result<()> {
    let older = "EXISTS (SELECT 1 FROM promises AS newer WHERE newer.service = promises.service
        AND newer.slo = promises.slo AND newer.from_ms > promises.from_ms)";
    transaction
        .prepare_cached(&format!("DELETE FROM promises WHERE from_ms < ?1 AND {older}"))?
        .execute(params![before_ms])?;
    let count: i64 =
        transaction.query_row("SELECT count(*) FROM promises", [], |row| row.get(0))?;
    let surplus = (count - FACTS_KEPT).clamp(0, SLICE);
    if surplus > 0 {
        transaction
            .prepare_cached(&format!(
                "DELETE FROM promises WHERE (service, slo, from_ms) IN (
                     SELECT service, slo, from_ms FROM promises WHERE {older}
                     ORDER BY from_ms LIMIT ?1)"
            ))?
            .execute(params![surplus])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
