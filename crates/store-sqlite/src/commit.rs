use std::path::PathBuf;

use rusqlite::{Connection, ErrorCode, OptionalExtension, ffi};
use strongroom_core::{Batch, Expect, Outcome, Revision, Write};

use crate::{
    error::{Failure, Footing},
    loan::Loan,
    log,
    look::length,
    schema::CHECKPOINT_PAGES,
};

/// Revisions are reserved on disk in blocks of this many, so that a commit need not write the counter.
const BLOCK: i64 = 10_000;

/// The length in bytes from which a log is written back.
const LONG_LOG: u64 = CHECKPOINT_PAGES.unsigned_abs() as u64 * 4_096;

const REVISION: &str = "SELECT revision FROM strongroom_records WHERE key = ?1";
const PUT: &str = "INSERT INTO strongroom_records (key, value, revision) VALUES (?1, ?2, ?3)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, revision = excluded.revision";
const DELETE: &str = "DELETE FROM strongroom_records WHERE key = ?1";
const RESERVE: &str = "UPDATE strongroom_meta SET reserved_revision = ?1";

/// The one connection that writes.
#[derive(Debug)]
pub(crate) struct Writer {
    connection: Connection,
    log: PathBuf,
    revisions: Revisions,
    footing: Footing,
    loan: Loan,
}

/// The revisions from `next` up to `reserved`, which is excluded, are ours to give away. What was given away
/// in a transaction that did not happen is given away again: nobody saw it.
#[derive(Debug, Clone, Copy)]
struct Revisions {
    next: i64,
    reserved: i64,
}

impl Writer {
    pub(crate) fn new(
        mut connection: Connection,
        log: PathBuf,
        reserved: i64,
        footing: Footing,
    ) -> rusqlite::Result<Self> {
        let revisions = Revisions { next: reserved, reserved };
        let loan = Loan::watch(&mut connection)?;
        Ok(Self { connection, log, revisions, footing, loan })
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(crate) fn begin(&self) -> Result<(), Failure> {
        self.footing.check()?;
        self.run("BEGIN IMMEDIATE")?;
        Ok(())
    }

    /// Begins a transaction of the application.
    pub(crate) fn lend(&self) -> Result<(), Failure> {
        self.begin()?;
        self.loan.lend();
        Ok(())
    }

    /// Commits batches in one transaction, with an outcome for each: one that conflicts fails alone.
    pub(crate) fn commit(&mut self, batches: &[&Batch]) -> Result<Vec<Outcome>, Failure> {
        self.begin()?;
        let mut revisions = self.revisions;
        let applied = batches.iter().map(|batch| apply(&self.connection, &mut revisions, batch)).collect();
        self.end(applied, revisions)
    }

    /// Adds a batch to the transaction that was lent, and commits both or neither.
    pub(crate) fn commit_with(&mut self, batch: &Batch) -> Result<Outcome, Failure> {
        self.take_back()?;
        let mut revisions = self.revisions;
        match apply(&self.connection, &mut revisions, batch) {
            Ok(Outcome::Done(revision)) => self.end(Ok(Outcome::Done(revision)), revisions),
            other => {
                self.rollback();
                Ok(other?)
            }
        }
    }

    /// Commits the transaction that was lent.
    pub(crate) fn commit_lent(&mut self) -> Result<(), Failure> {
        self.take_back()?;
        self.seal_off()
    }

    /// Undoes a transaction that was begun and has not ended.
    pub(crate) fn rollback(&mut self) {
        self.loan.take_back();
        if !self.connection.is_autocommit() && self.run("ROLLBACK").is_err() {
            self.footing.lose(&self.connection);
        }
    }

    fn take_back(&self) -> Result<(), Failure> {
        let whole = self.loan.take_back() && !self.connection.is_autocommit();
        self.footing.check()?;
        if whole { Ok(()) } else { Err(Failure::Ended) }
    }

    fn end<T>(&mut self, applied: rusqlite::Result<T>, revisions: Revisions) -> Result<T, Failure> {
        match applied {
            Ok(outcome) => {
                self.seal_off()?;
                self.revisions = revisions;
                Ok(outcome)
            }
            Err(error) => {
                self.rollback();
                Err(error.into())
            }
        }
    }

    /// `COMMIT`. A refusal before anything was written leaves the transaction open; any other error leaves
    /// open what is on the disk.
    fn seal_off(&mut self) -> Result<(), Failure> {
        let Err(error) = self.run("COMMIT") else { return Ok(()) };
        let refused = matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::ConstraintViolation | ErrorCode::DatabaseBusy)
        );
        if refused && !self.connection.is_autocommit() {
            self.rollback();
            return Err(error.into());
        }
        Err(self.footing.lose(&self.connection))
    }

    /// Leaves nothing of what was deleted or overwritten in the database or its log.
    pub(crate) fn scrub(&mut self) -> Result<(), Failure> {
        self.begin()?;
        let rewritten = self.connection.execute_batch(REWRITE);
        self.end(rewritten, self.revisions)?;
        self.empty_log()?;
        log::sync(&self.log).map_err(|_| self.footing.lose(&self.connection))
    }

    /// The last revision that was given away, or a greater one that never is.
    pub(crate) fn revision(&self) -> Revision {
        Revision((self.revisions.next - 1).unsigned_abs())
    }

    /// Writes a long log back into the database, as the next commit would do.
    pub(crate) fn shorten_log(&self) -> Result<(), Failure> {
        if length(&self.log) < LONG_LOG {
            return Ok(());
        }
        let done = self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        done.map_err(|_| self.footing.lose(&self.connection))
    }

    /// Writes the log back into the database and truncates it, once all readers have left it.
    fn empty_log(&self) -> Result<(), Failure> {
        // The busy handler waits for readers, within its limit.
        let busy = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
        match busy {
            Ok(0) => Ok(()),
            Ok(_) => Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None).into()),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Err(error.into()),
            Err(_) => Err(self.footing.lose(&self.connection)),
        }
    }

    fn run(&self, statement: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(statement)?.execute([]).map(drop)
    }
}

/// `secure_delete` overwrites the freed cells of a page, but where SQLite rebuilds a page it leaves copies of
/// the cells that moved away, and these outlive the records. So all records are moved to new pages and back;
/// the pages that a table gives up as a whole are overwritten with zeros.
const REWRITE: &str = "
    CREATE TABLE strongroom_scrub (
        key BLOB NOT NULL PRIMARY KEY,
        value BLOB NOT NULL,
        revision INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    INSERT INTO strongroom_scrub SELECT * FROM strongroom_records;
    DELETE FROM strongroom_records;
    INSERT INTO strongroom_records SELECT * FROM strongroom_scrub;
    DROP TABLE strongroom_scrub;";

impl Revisions {
    fn take(&mut self, connection: &Connection) -> rusqlite::Result<i64> {
        if self.next == self.reserved {
            self.reserved += BLOCK;
            connection.prepare_cached(RESERVE)?.execute([self.reserved])?;
        }
        let revision = self.next;
        self.next += 1;
        Ok(revision)
    }
}

/// Checks all expectations of a batch before its first write, so that a conflict needs no undoing.
fn apply(connection: &Connection, revisions: &mut Revisions, batch: &Batch) -> rusqlite::Result<Outcome> {
    let mut find = connection.prepare_cached(REVISION)?;
    for (key, expect) in &batch.expectations {
        let found: Option<i64> = find.query_row([key.as_bytes()], |row| row.get(0)).optional()?;
        let holds = match expect {
            Expect::Absent => found.is_none(),
            Expect::At(revision) => found.is_some_and(|found| u64::try_from(found) == Ok(revision.0)),
        };
        if !holds {
            return Ok(Outcome::Conflict(key.clone()));
        }
    }
    let revision = revisions.take(connection)?;
    for (key, write) in &batch.writes {
        match write {
            Write::Put(value) => {
                connection.prepare_cached(PUT)?.execute((key.as_bytes(), value.as_slice(), revision))?
            }
            Write::Delete => connection.prepare_cached(DELETE)?.execute([key.as_bytes()])?,
        };
    }
    Ok(Outcome::Done(Revision(revision.unsigned_abs())))
}
