//! Reading a store without changing it: one at rest, or one that a daemon is writing at this moment.
//!
//! Nothing is made, locked or written. A store that stopped in peace is one file and is read as it is. If there is a write-ahead log
//! (a running daemon, or one that was killed), it is read through its index, the file beside it.
//!
//! It does not judge what it reads, and does not look for damage beforehand: damage is reported where it is met.

use super::engine::{Image, Row};
use super::error::{Cause, Error};
use super::fact::{Drill, Failover, Failure, Outage, Period};
use super::sqlite::failovers::{self, Which};
use super::sqlite::{database_error, load, schema};
use super::{FILE, record};
use rusqlite::{Connection, OpenFlags, params};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a read waits for a moment in which the file can be read.
const BUSY_AFTER: Duration = Duration::from_secs(2);

/// A store open for reading.
pub struct Reader {
    connection: Connection,
    file: PathBuf,
}

/// Opens the store in `folder` for reading.
pub fn read(folder: &Path) -> Result<Reader, Error> {
    let file = folder.join(FILE);
    match file.metadata() {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(Error::Absent { folder: folder.to_owned() });
        }
        Err(error) => return Err(Error::of_system(folder, error)),
    }
    let reader = Reader { connection: connect(&file)?, file };
    schema::recognise(&reader.connection, &reader.file)?;
    Ok(reader)
}

fn connect(file: &Path) -> Result<Connection, Error> {
    let folder = file.parent().unwrap_or(file);
    let whole = std::path::absolute(file).map_err(|error| Error::of_system(folder, error))?;
    let mut address = url::Url::from_file_path(whole).expect("an absolute path has an address");
    let log = file.with_extension("db-wal");
    let index = file.with_extension("db-shm");
    // Without `immutable`, reading would make both files; without `readonly_shm`, it would write the index.
    let how = if log.exists() { "mode=ro&readonly_shm=1" } else { "mode=ro&immutable=1" };
    address.set_query(Some(how));
    if log.exists() && !index.exists() {
        let source = "the write-ahead log was copied without its index (`nephoscope.db-shm`)";
        return Err(Error::Failed { folder: folder.to_owned(), source: source.into() });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(address.as_str(), flags)
        .map_err(|error| database_error(file, error))?;
    connection.busy_timeout(BUSY_AFTER).map_err(|error| database_error(file, error))?;
    Ok(connection)
}

impl Reader {
    /// Everything that a daemon would go on from; `numbers` is empty, since there is no roster.
    pub fn image(&self) -> Result<Image, Error> {
        // One transaction, so that a running daemon's next commit does not come in between.
        self.connection.execute_batch("BEGIN").map_err(|error| self.failed(error))?;
        let image = load::image(&self.connection, &self.file);
        self.connection.execute_batch("COMMIT").map_err(|error| self.failed(error))?;
        image
    }

    /// Outages that lasted at some moment of `[from_ms, to_ms)`, by their start.
    pub fn outages(&self, from_ms: i64, to_ms: i64) -> Result<Vec<Outage>, Error> {
        let during =
            format!("WHERE started_ms < {to_ms} AND (ended_ms IS NULL OR ended_ms > {from_ms})");
        load::outages(&self.connection, &during).map_err(|error| self.failed(error))
    }

    /// Failovers of public names that went on at some moment of `[from_ms, to_ms)`, by their beginning.
    pub fn failovers(&self, from_ms: i64, to_ms: i64) -> Result<Vec<Failover>, Error> {
        let during = Which::During(from_ms, to_ms);
        failovers::failovers(&self.connection, during).map_err(|error| self.failed(error))
    }

    /// Drills that were on at some moment of `[from_ms, to_ms)`, by their start.
    pub fn drills(&self, from_ms: i64, to_ms: i64) -> Result<Vec<Drill>, Error> {
        let during = Which::During(from_ms, to_ms);
        failovers::drills(&self.connection, during).map_err(|error| self.failed(error))
    }

    /// All closed periods with all their revisions, by service, slo, scope, provider, beginning and revision.
    pub fn periods(&self) -> Result<Vec<Period>, Error> {
        periods(&self.connection).map_err(|error| self.failed(error))
    }

    /// Failed runs that started in `[from_ms, to_ms)`, in the order in which they ended.
    pub fn failures(&self, from_ms: i64, to_ms: i64) -> Result<Vec<Failure>, Error> {
        failures(&self.connection, from_ms, to_ms).map_err(|error| self.failed(error))
    }

    /// Calls `each` with every row of the journal, oldest first: for what is too long to hold at once.
    pub fn journal(&self, mut each: impl FnMut(Row)) -> Result<(), Error> {
        let failed = |error| self.failed(error);
        let mut select = self
            .connection
            .prepare("SELECT seq, entries FROM journal ORDER BY seq")
            .map_err(failed)?;
        let mut rows = select.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let (seq, packed): (i64, Vec<u8>) =
                (row.get(0).map_err(failed)?, row.get(1).map_err(failed)?);
            let entries = record::decode_entries(&packed).map_err(|error| Error::Damaged {
                file: self.file.clone(),
                source: Cause::from(error),
            })?;
            each(Row { seq: seq.cast_unsigned(), entries });
        }
        Ok(())
    }

    fn failed(&self, error: rusqlite::Error) -> Error {
        database_error(&self.file, error)
    }
}

fn periods(connection: &Connection) -> rusqlite::Result<Vec<Period>> {
    let mut select = connection.prepare(
        "SELECT service, slo, scope, provider, period, from_ms, to_ms, revision, made_ms, why, standing
         FROM periods ORDER BY service, slo, scope, provider, from_ms, revision",
    )?;
    let rows = select.query_map([], |row| {
        Ok(Period {
            service: row.get(0)?,
            slo: row.get(1)?,
            scope: row.get(2)?,
            provider: row.get(3)?,
            period: row.get(4)?,
            from_ms: row.get(5)?,
            to_ms: row.get(6)?,
            revision: row.get(7)?,
            made_ms: row.get(8)?,
            why: row.get(9)?,
            standing: row.get(10)?,
        })
    })?;
    rows.collect()
}

fn failures(connection: &Connection, from_ms: i64, to_ms: i64) -> rusqlite::Result<Vec<Failure>> {
    let mut select = connection.prepare(
        "SELECT check_number, at_ms, reason, latency_us, phase, address, said FROM failures
         WHERE at_ms >= ?1 AND at_ms < ?2 ORDER BY number",
    )?;
    let rows = select.query_map(params![from_ms, to_ms], |row| {
        Ok(Failure {
            check: row.get(0)?,
            at_ms: row.get(1)?,
            reason: row.get(2)?,
            latency_us: row.get(3)?,
            phase: row.get(4)?,
            address: row.get(5)?,
            said: row.get(6)?,
        })
    })?;
    rows.collect()
}
