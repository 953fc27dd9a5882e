//! The form of the file: tables, and the steps from each older form to the present one.
//!
//! The file says what it is by its `application_id` and which form it has by its `user_version`; nothing is written before both
//! were read. Each step of [`STEPS`] takes a file from the form of its place to the next; all steps that are missing happen in
//! one transaction. A released step is never changed: a new form is a new step.
//!
//! What is in the tables is not looked at here.

use super::database_error;
use crate::store::error::Error;
use rusqlite::{Connection, params};
use std::path::Path;

/// "neph" in ASCII, so that `file` and others can tell what it is.
const APPLICATION: i64 = 0x6e65_7068;

/// The newest form this program knows.
pub(in crate::store) const FORM: i64 = STEPS[STEPS.len() - 1].0;

/// Forms, counted up from 1, and what makes each out of the one before it.
const STEPS: &[(i64, &str)] =
    &[(1, FIRST), (2, ALERTS), (3, FAILOVERS), (BLAMED_SINCE, BLAME), (SPLIT_SINCE, SPLIT)];

/// The form from which on outages have a blame.
pub(super) const BLAMED_SINCE: i64 = 4;

/// The form from which on failovers say whether answers were split.
pub(super) const SPLIT_SINCE: i64 = 5;

const FIRST: &str = "
    CREATE TABLE meta (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        created_ms INTEGER NOT NULL,
        vantage TEXT NOT NULL,
        heartbeat_ms INTEGER,
        stopped_cleanly INTEGER NOT NULL
    ) STRICT;
    INSERT INTO meta VALUES (1, 0, '', NULL, 1);
    CREATE TABLE words (number INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE journal (
        seq INTEGER PRIMARY KEY,
        at_ms INTEGER NOT NULL,
        entries BLOB NOT NULL
    ) STRICT;
    CREATE TABLE services (
        name TEXT PRIMARY KEY,
        seq INTEGER NOT NULL,
        left_ms INTEGER,
        state BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE checks (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        seq INTEGER NOT NULL,
        left_ms INTEGER,
        state BLOB NOT NULL
    ) STRICT;
    CREATE INDEX checks_seq ON checks (seq) WHERE left_ms IS NULL;
    CREATE INDEX checks_left ON checks (left_ms) WHERE left_ms IS NOT NULL;
    CREATE TABLE outages (
        id TEXT PRIMARY KEY,
        service TEXT NOT NULL,
        scope TEXT NOT NULL,
        provider TEXT,
        started_ms INTEGER NOT NULL,
        ended_ms INTEGER,
        reason TEXT,
        check_name TEXT,
        said TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX outages_ended ON outages (ended_ms);
    CREATE TABLE promises (
        service TEXT NOT NULL,
        slo TEXT NOT NULL,
        from_ms INTEGER NOT NULL,
        definition TEXT NOT NULL,
        PRIMARY KEY (service, slo, from_ms)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE maintenance (
        id TEXT PRIMARY KEY,
        added_ms INTEGER NOT NULL,
        by TEXT NOT NULL,
        reason TEXT NOT NULL,
        matching TEXT NOT NULL,
        from_ms INTEGER NOT NULL,
        to_ms INTEGER NOT NULL,
        ended_ms INTEGER,
        ended_by TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX maintenance_to ON maintenance (to_ms);
    CREATE TABLE periods (
        service TEXT NOT NULL,
        slo TEXT NOT NULL,
        scope TEXT NOT NULL,
        provider TEXT NOT NULL,
        period TEXT NOT NULL,
        from_ms INTEGER NOT NULL,
        to_ms INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        made_ms INTEGER NOT NULL,
        why TEXT NOT NULL,
        standing TEXT NOT NULL,
        PRIMARY KEY (service, slo, scope, provider, period, revision)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX periods_to ON periods (to_ms);
    CREATE TABLE failures (
        number INTEGER PRIMARY KEY,
        check_number INTEGER NOT NULL,
        at_ms INTEGER NOT NULL,
        reason TEXT NOT NULL,
        latency_us INTEGER NOT NULL,
        phase TEXT NOT NULL,
        address TEXT,
        said TEXT NOT NULL
    ) STRICT;
";

/// What people were told, so that a start goes on where the last life stopped.
const ALERTS: &str = "
    CREATE TABLE alerts (
        id TEXT PRIMARY KEY,
        outage TEXT,
        started_ms INTEGER NOT NULL,
        ended_ms INTEGER,
        labels TEXT NOT NULL,
        annotations TEXT NOT NULL,
        taken TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// What became of public names when a cloud failed, and when that was tried.
const FAILOVERS: &str = "
    CREATE TABLE failovers (
        id TEXT PRIMARY KEY,
        service TEXT NOT NULL,
        cause TEXT NOT NULL,
        from_provider TEXT NOT NULL,
        to_provider TEXT,
        began_ms INTEGER NOT NULL,
        detect_ms INTEGER,
        authoritative_ms INTEGER,
        resolvers_ms INTEGER,
        fresh_client_ms INTEGER,
        back_ms INTEGER,
        recovered_ms INTEGER,
        late INTEGER NOT NULL,
        ended_ms INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX failovers_ended ON failovers (ended_ms);
    CREATE TABLE drills (
        id TEXT PRIMARY KEY,
        service TEXT NOT NULL,
        started_ms INTEGER NOT NULL,
        by TEXT NOT NULL,
        reason TEXT NOT NULL,
        ended_ms INTEGER,
        ended_by TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX drills_ended ON drills (ended_ms);
";

/// Whose an outage was, and what it affected.
const BLAME: &str = "
    ALTER TABLE outages ADD COLUMN blame TEXT;
    ALTER TABLE outages ADD COLUMN blamed TEXT;
    ALTER TABLE outages ADD COLUMN coupled INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE outages ADD COLUMN incident TEXT;
    ALTER TABLE outages ADD COLUMN revisions TEXT;
    ALTER TABLE outages ADD COLUMN checks TEXT;
    ALTER TABLE outages ADD COLUMN checks_count INTEGER NOT NULL DEFAULT 0;
";

/// Whether answers disagreed for too long.
const SPLIT: &str = "ALTER TABLE failovers ADD COLUMN split INTEGER NOT NULL DEFAULT 0;";

/// Whether this is a file of ours, or a new one, in a form that we know. Writes nothing.
pub(in crate::store) fn recognise(connection: &Connection, file: &Path) -> Result<(), Error> {
    let failed = |error| database_error(file, error);
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let application = pragma("application_id").map_err(failed)?;
    let form = pragma("user_version").map_err(failed)?;
    if application != APPLICATION {
        let tables: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(failed)?;
        // A new file, or one whose making was cut off before anything was committed.
        let new = application == 0 && form == 0 && tables == 0;
        return if new { Ok(()) } else { Err(Error::Foreign { file: file.to_owned() }) };
    }
    if form > FORM {
        return Err(Error::Newer { file: file.to_owned(), found: form, known: FORM });
    }
    Ok(())
}

/// Sets how the file is written.
pub(super) fn configure(connection: &Connection) -> rusqlite::Result<()> {
    let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    if pages == 0 {
        // Later it would have no effect, and still write.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    // A file system without shared memory answers with another mode, which is safe too, and slower.
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "cache_size", -super::CACHE_KIB)?;
    connection.pragma_update_and_check(None, "journal_size_limit", super::LOG_BYTES, |_| Ok(()))
}

/// Brings the file to the present form.
pub(super) fn migrate(connection: &mut Connection, now_ms: i64) -> rusqlite::Result<()> {
    migrate_by(STEPS, connection, now_ms)
}

fn migrate_by(
    steps: &[(i64, &str)],
    connection: &mut Connection,
    now_ms: i64,
) -> rusqlite::Result<()> {
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let from: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for (form, step) in steps.iter().filter(|(form, _)| *form > from) {
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", form)?;
    }
    if from == 0 {
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.execute("UPDATE meta SET created_ms = ?1", params![now_ms])?;
    }
    transaction.commit()
}

/// Looks for damage: every page is read and its structure checked. Records have checksums of their own.
pub(super) fn check(connection: &Connection, file: &Path) -> Result<(), Error> {
    let found: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| database_error(file, error))?;
    if found == "ok" {
        return Ok(());
    }
    Err(Error::Damaged { file: file.to_owned(), source: found.into() })
}

#[cfg(test)]
mod tests;
