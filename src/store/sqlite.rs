//! The engine on SQLite: one file in write-ahead mode, one transaction per batch.
//!
//! `synchronous = NORMAL`: a killed process loses nothing that was committed; a power cut may lose the last commits, and never
//! damages the file. Rows are appended in order or replaced by number, never clustered by target (measured: 30 times the cost).
//! A second daemon is kept out by a lock on a file of its own, which dies with the process.
//!
//! When to write is the writer's matter; the form of records is `record`'s.

pub(super) mod failovers;
pub(super) mod keep;
pub(super) mod load;
pub(super) mod schema;

use super::engine::{Batch, Engine, EngineError, Image, Roster, Row, StateRow};
use super::error::{Cause, Error};
use super::fact::{Alert, Fact, Failure, Maintenance, Outage, Period, Promise};
use super::{FILE, LOCK, record};
use crate::model::StoreFault;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, params};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a commit waits for another program that holds the write lock.
const BUSY_AFTER: Duration = Duration::from_secs(2);
/// The write-ahead log is cut back to this after a checkpoint.
const LOG_BYTES: i64 = 16 << 20;
/// Pages of the file that are kept in memory, in KiB: the journal is only appended to, states are replaced once a minute, and
/// what is read a second time comes from the system's cache.
const CACHE_KIB: i64 = 256;

/// A store in a file, or in memory.
pub(super) struct Sqlite {
    connection: Connection,
    file: PathBuf,
    /// Bytes of the journal; summing them up in the table would take a scan.
    journal_bytes: u64,
    /// Dropped last: nobody else may open the file while the connection is there.
    _lock: Option<File>,
}

impl Sqlite {
    /// Opens the store in `folder`, makes it or brings it to the present form.
    pub(super) fn open(folder: &Path, now_ms: i64) -> Result<Self, Error> {
        std::fs::create_dir_all(folder).map_err(|error| Error::of_system(folder, error))?;
        let lock = lock(folder)?;
        let file = folder.join(FILE);
        // Asked first, because the database only says that it cannot open it.
        File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&file)
            .map_err(|error| Error::of_system(folder, error))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&file, flags)
            .map_err(|error| database_error(&file, error))?;
        Self::prepare(connection, file, Some(lock), now_ms)
    }

    /// A store that lives as long as the process.
    pub(super) fn in_memory(now_ms: i64) -> Result<Self, Error> {
        let file = PathBuf::new();
        let connection =
            Connection::open_in_memory().map_err(|error| database_error(&file, error))?;
        Self::prepare(connection, file, None, now_ms)
    }

    /// What is in it, as a reader sees it.
    pub(super) fn image(&self) -> Result<Image, Error> {
        load::image(&self.connection, &self.file)
    }

    fn prepare(
        mut connection: Connection,
        file: PathBuf,
        lock: Option<File>,
        now_ms: i64,
    ) -> Result<Self, Error> {
        let failed = |error| database_error(&file, error);
        connection.busy_timeout(BUSY_AFTER).map_err(failed)?;
        schema::recognise(&connection, &file)?;
        schema::check(&connection, &file)?;
        schema::configure(&connection).map_err(failed)?;
        schema::migrate(&mut connection, now_ms).map_err(failed)?;
        let journal_bytes = keep::journal_bytes(&connection).map_err(failed)?;
        Ok(Self { connection, file, journal_bytes, _lock: lock })
    }
}

/// Takes the lock that one daemon holds for life.
fn lock(folder: &Path) -> Result<File, Error> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join(LOCK))
        .map_err(|error| Error::of_system(folder, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse { folder: folder.to_owned() }),
        Err(TryLockError::Error(error)) => Err(Error::of_system(folder, error)),
    }
}

impl Engine for Sqlite {
    fn load(&mut self, roster: &Roster, now_ms: i64) -> Result<Image, Error> {
        load::load(&mut self.connection, &self.file, roster, now_ms)
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), EngineError> {
        let added = write(&mut self.connection, batch).map_err(engine_error)?;
        self.journal_bytes += added;
        Ok(())
    }

    fn prune(&mut self, now_ms: i64) -> Result<(), EngineError> {
        let freed =
            keep::prune(&mut self.connection, self.journal_bytes, now_ms).map_err(engine_error)?;
        self.journal_bytes = self.journal_bytes.saturating_sub(freed);
        Ok(())
    }

    fn bytes(&self) -> u64 {
        let log = self.file.with_extension("db-wal");
        [&self.file, &log]
            .iter()
            .filter_map(|file| file.metadata().ok())
            .map(|meta| meta.len())
            .sum()
    }
}

/// Writes the batch in one transaction; gives back by how much the journal grew.
fn write(connection: &mut Connection, batch: &Batch) -> rusqlite::Result<u64> {
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let mut added = 0;
    for row in &batch.rows {
        added += write_row(&transaction, row, batch.at_ms)?;
    }
    for state in &batch.states {
        write_state(&transaction, state)?;
    }
    for fact in &batch.facts {
        match fact {
            Fact::Outage(outage) => write_outage(&transaction, outage)?,
            Fact::Promise(promise) => write_promise(&transaction, promise)?,
            Fact::Maintenance(maintenance) => write_maintenance(&transaction, maintenance)?,
            Fact::Period(period) => write_period(&transaction, period)?,
            Fact::Failover(failover) => failovers::write_failover(&transaction, failover)?,
            Fact::Drill(drill) => failovers::write_drill(&transaction, drill)?,
            Fact::Alert(alert) => write_alert(&transaction, alert)?,
            Fact::AlertOver(id) => {
                let mut delete = transaction.prepare_cached("DELETE FROM alerts WHERE id = ?1")?;
                delete.execute(params![id])?;
            }
        }
    }
    for failure in &batch.failures {
        write_failure(&transaction, failure)?;
    }
    transaction
        .prepare_cached("UPDATE meta SET heartbeat_ms = ?1, stopped_cleanly = ?2")?
        .execute(params![batch.at_ms, batch.last])?;
    transaction.commit()?;
    Ok(added)
}

/// A row that was stored before, by a commit that seemed to fail, is replaced by itself.
fn write_row(transaction: &Transaction<'_>, row: &Row, at_ms: i64) -> rusqlite::Result<u64> {
    let entries = record::encode_entries(&row.entries);
    transaction
        .prepare_cached("INSERT OR REPLACE INTO journal (seq, at_ms, entries) VALUES (?1, ?2, ?3)")?
        .execute(params![row.seq.cast_signed(), at_ms, entries])?;
    Ok(keep::row_bytes(entries.len() as u64))
}

fn write_state(transaction: &Transaction<'_>, state: &StateRow) -> rusqlite::Result<()> {
    let seq = state.seq.cast_signed();
    transaction
        .prepare_cached(
            "INSERT INTO services (name, seq, state) VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET seq = excluded.seq, state = excluded.state",
        )?
        .execute(params![state.service, seq, state.scopes])?;
    let mut update =
        transaction.prepare_cached("UPDATE checks SET seq = ?2, state = ?3 WHERE number = ?1")?;
    for (number, check) in &state.checks {
        update.execute(params![number, seq, check])?;
    }
    Ok(())
}

fn write_outage(transaction: &Transaction<'_>, outage: &Outage) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO outages
             (id, service, scope, provider, started_ms, ended_ms, reason, check_name, said,
              blame, blamed, coupled, incident, revisions, checks, checks_count)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
        )?
        .execute(params![
            outage.id,
            outage.service,
            outage.scope,
            outage.provider,
            outage.started_ms,
            outage.ended_ms,
            outage.reason,
            outage.check,
            outage.said,
            outage.blame,
            outage.blamed,
            outage.coupled,
            outage.incident,
            outage.revisions,
            outage.checks,
            i64::try_from(outage.checks_count).unwrap_or(i64::MAX),
        ])?;
    Ok(())
}

fn write_alert(transaction: &Transaction<'_>, alert: &Alert) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO alerts
             (id, outage, started_ms, ended_ms, labels, annotations, taken)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            alert.id,
            alert.outage,
            alert.started_ms,
            alert.ended_ms,
            alert.labels,
            alert.annotations,
            alert.taken,
        ])?;
    Ok(())
}

fn write_promise(transaction: &Transaction<'_>, promise: &Promise) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO promises (service, slo, from_ms, definition)
             SELECT ?1, ?2, ?3, ?4 WHERE ?4 IS NOT (SELECT definition FROM promises
                 WHERE service = ?1 AND slo = ?2 ORDER BY from_ms DESC LIMIT 1)",
        )?
        .execute(params![promise.service, promise.slo, promise.from_ms, promise.definition])?;
    Ok(())
}

fn write_maintenance(
    transaction: &Transaction<'_>,
    maintenance: &Maintenance,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO maintenance
             (id, added_ms, by, reason, matching, from_ms, to_ms, ended_ms, ended_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            maintenance.id,
            maintenance.added_ms,
            maintenance.by,
            maintenance.reason,
            maintenance.matching,
            maintenance.from_ms,
            maintenance.to_ms,
            maintenance.ended_ms,
            maintenance.ended_by,
        ])?;
    Ok(())
}

fn write_period(transaction: &Transaction<'_>, period: &Period) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO periods
             (service, slo, scope, provider, period, from_ms, to_ms, revision, made_ms, why, standing)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            period.service,
            period.slo,
            period.scope,
            period.provider,
            period.period,
            period.from_ms,
            period.to_ms,
            period.revision,
            period.made_ms,
            period.why,
            period.standing,
        ])?;
    Ok(())
}

fn write_failure(transaction: &Transaction<'_>, failure: &Failure) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO failures (check_number, at_ms, reason, latency_us, phase, address, said)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            failure.check,
            failure.at_ms,
            failure.reason,
            failure.latency_us,
            failure.phase,
            failure.address,
            failure.said,
        ])?;
    Ok(())
}

/// What kind of failure the database reports.
pub(super) fn fault_of(error: &rusqlite::Error) -> StoreFault {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreFault::Full,
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => StoreFault::Io,
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => StoreFault::ReadOnly,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreFault::Busy,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreFault::Damaged,
        _ => match error {
            // A column that does not hold what was written to it.
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::QueryReturnedNoRows => StoreFault::Damaged,
            _ => StoreFault::Other,
        },
    }
}

/// What the database says when `file` is opened or read.
pub(super) fn database_error(file: &Path, error: rusqlite::Error) -> Error {
    Error::of_database(file, fault_of(&error), Cause::from(error))
}

fn engine_error(error: rusqlite::Error) -> EngineError {
    EngineError { fault: fault_of(&error), source: error.into() }
}

#[cfg(test)]
mod tests;
