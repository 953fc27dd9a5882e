//! Failovers and drills as rows: written whole whenever they come further, read back for each service the newest.
//!
//! A failover that has not ended is always among those read, however old.
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
          fresh_client_ms, back_ms, recovered_ms, late, ended_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
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

/// The newest of each service and those that go on, by their beginning.
pub(super) fn failovers(connection: &Connection) -> rusqlite::Result<Vec<Failover>> {
    if !connection.table_exists(None, "failovers")? {
        // A store at rest of an older form is read as it is.
        return Ok(Vec::new());
    }
    let mut select = connection.prepare(&format!(
        "SELECT id, service, cause, from_provider, to_provider, began_ms, detect_ms, authoritative_ms, resolvers_ms,
             fresh_client_ms, back_ms, recovered_ms, late, ended_ms
         FROM (SELECT *, row_number() OVER (PARTITION BY service ORDER BY began_ms DESC) AS age FROM failovers)
         WHERE age <= {READ} OR ended_ms IS NULL ORDER BY began_ms, id"
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
        })
    })?;
    rows.collect()
}

/// The newest of each service and those that are on, by their start.
pub(super) fn drills(connection: &Connection) -> rusqlite::Result<Vec<Drill>> {
    if !connection.table_exists(None, "drills")? {
        return Ok(Vec::new());
    }
    let mut select = connection.prepare(&format!(
        "SELECT id, service, started_ms, by, reason, ended_ms, ended_by
         FROM (SELECT *, row_number() OVER (PARTITION BY service ORDER BY started_ms DESC) AS age FROM drills)
         WHERE age <= {READ} OR ended_ms IS NULL ORDER BY started_ms, id"
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
