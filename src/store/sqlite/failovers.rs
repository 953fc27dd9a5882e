//! Failovers and drills as rows: written whole whenever they come further, read back for each service the newest, or those of
//! some time.
//!
//! A failover that has not ended is always among the newest, however old.
//!
//! What a failover is, is not known here.

use crate::store::fact::{Drill, Failover};
use rusqlite::{Connection, Transaction, params};

/// The newest of each service that are read back.
pub(super) const READ: usize = 50;

pub(super) fn write_failover(
    transaction: &Transaction<'_>,
    failover: &Failover,
) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached(
        "INSERT OR REPLACE INTO failovers
         (id, service, cause, from_provider, to_provider, began_ms, detect_ms, authoritative_ms, resolvers_ms,
          fresh_client_ms, back_ms, recovered_ms, late, ended_ms, split)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )?;
    let [detect, authoritative, resolvers, fresh_client, back] = failover.steps_ms;
    insert.execute(params![
        failover.id,
        failover.service,
        failover.cause,
        failover.from,
        failover.to,
        failover.began_ms,
        detect,
        authoritative,
        resolvers,
        fresh_client,
        back,
        failover.recovered_ms,
        failover.late,
        failover.ended_ms,
        failover.split,
    ])?;
    Ok(())
}

pub(super) fn write_drill(transaction: &Transaction<'_>, drill: &Drill) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO drills (id, service, started_ms, by, reason, ended_ms, ended_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            drill.id,
            drill.service,
            drill.started_ms,
            drill.by,
            drill.reason,
            drill.ended_ms,
            drill.ended_by,
        ])?;
    Ok(())
}

/// Which rows are read back.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) enum Which {
    /// The newest of each service and those that go on.
    Newest,
    /// Those of which some moment lies in `[from, to)`, in milliseconds.
    During(i64, i64),
}

impl Which {
    /// The rows of `table`, of which `begun` is the column of the beginning.
    fn rows(self, table: &str, begun: &str) -> String {
        match self {
            Self::Newest => format!(
                "(SELECT *, row_number() OVER (PARTITION BY service ORDER BY {begun} DESC) AS age FROM {table})
                 WHERE age <= {READ} OR ended_ms IS NULL ORDER BY {begun}, id"
            ),
            Self::During(from, to) => format!(
                "{table} WHERE {begun} < {to} AND (ended_ms IS NULL OR ended_ms > {from}) ORDER BY {begun}, id"
            ),
        }
    }
}

/// Failovers, by their beginning.
pub(in crate::store) fn failovers(
    connection: &Connection,
    which: Which,
) -> rusqlite::Result<Vec<Failover>> {
    // A store at rest of an older form is read as it is.
    if !connection.table_exists(None, "failovers")? {
        return Ok(Vec::new());
    }
    let form: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let split = if form < super::schema::SPLIT_SINCE { "0" } else { "split" };
    let mut select = connection.prepare(&format!(
        "SELECT id, service, cause, from_provider, to_provider, began_ms, detect_ms, authoritative_ms, resolvers_ms,
             fresh_client_ms, back_ms, recovered_ms, late, ended_ms, {split}
         FROM {}",
        which.rows("failovers", "began_ms")
    ))?;
    let rows = select.query_map([], |row| {
        Ok(Failover {
            id: row.get(0)?,
            service: row.get(1)?,
            cause: row.get(2)?,
            from: row.get(3)?,
            to: row.get(4)?,
            began_ms: row.get(5)?,
            steps_ms: [row.get(6)?, row.get(7)?, row.get(8)?, row.get(9)?, row.get(10)?],
            recovered_ms: row.get(11)?,
            late: row.get(12)?,
            ended_ms: row.get(13)?,
            split: row.get(14)?,
        })
    })?;
    rows.collect()
}

/// Drills, by their start.
pub(in crate::store) fn drills(
    connection: &Connection,
    which: Which,
) -> rusqlite::Result<Vec<Drill>> {
    if !connection.table_exists(None, "drills")? {
        return Ok(Vec::new());
    }
    let mut select = connection.prepare(&format!(
        "SELECT id, service, started_ms, by, reason, ended_ms, ended_by FROM {}",
        which.rows("drills", "started_ms")
    ))?;
    let rows = select.query_map([], |row| {
        Ok(Drill {
            id: row.get(0)?,
            service: row.get(1)?,
            started_ms: row.get(2)?,
            by: row.get(3)?,
            reason: row.get(4)?,
            ended_ms: row.get(5)?,
            ended_by: row.get(6)?,
        })
    })?;
    rows.collect()
}
