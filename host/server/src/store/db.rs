//! One writer thread and a few read-only connections behind one cheap handle.
//!
//! SQLite has one writer anyway; waiting in our queue is async and fair, its busy loop is neither. No plugin, cluster
//! or HTTP call belongs inside a closure.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use anyhow::Context as _;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, ffi};
use tokio::sync::{Semaphore, oneshot};

use super::migrate;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// Handle of the database; clones share the connections.
#[derive(Clone)]
pub struct Db {
    writer: mpsc::Sender<Job>,
    readers: Arc<Readers>,
}

/// Idle read-only connections as a stack, so that the warmest page cache is used first.
struct Readers {
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Db {
    /// Opens the file, makes or upgrades its schema, and starts the writer.
    pub fn open(path: &Path, n_readers: usize) -> anyhow::Result<Db> {
        let mut connection =
            Connection::open(path).with_context(|| format!("cannot open database `{}`", path.display()))?;
        // The journal mode lives in the file, so the writer sets it before a reader opens.
        connection.pragma_update(None, "journal_mode", "WAL").context("cannot switch the database to WAL")?;
        set_pragmas(&connection)?;
        migrate::run(&mut connection).with_context(|| format!("cannot upgrade `{}`", path.display()))?;

        let mut idle = Vec::new();
        for _ in 0..n_readers.max(1) {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let reader = Connection::open_with_flags(path, flags).context("cannot open a read connection")?;
            set_pragmas(&reader)?;
            idle.push(reader);
        }
        let permits = Arc::new(Semaphore::new(idle.len()));

        let (writer, jobs) = mpsc::channel::<Job>();
        std::thread::Builder::new()
            .name("osc-db-writer".into())
            .spawn(move || {
                while let Ok(job) = jobs.recv() {
                    job(&mut connection);
                }
            })
            .context("cannot start the database writer")?;
        Ok(Db { writer, readers: Arc::new(Readers { idle: Mutex::new(idle), permits }) })
    }

    /// Runs `f` in one `BEGIN IMMEDIATE` transaction: committed on `Ok`, rolled back on `Err` or panic.
    pub async fn write<T, E>(
        &self,
        f: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<rusqlite::Error> + Send + 'static,
    {
        let (answer, result) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = catch_unwind(AssertUnwindSafe(|| transact(connection, f)))
                .unwrap_or_else(|_| Err(failure("a write to the database panicked").into()));
            // The caller may be gone; the transaction counts all the same.
            let _ = answer.send(result);
        });
        self.writer.send(job).map_err(|_| failure("the database is closed"))?;
        result.await.unwrap_or_else(|_| Err(failure("the database is closed").into()))
    }

    /// Runs `f` on a read-only connection, beside other readers and the writer.
    pub async fn read<T, E>(
        &self,
        f: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<rusqlite::Error> + Send + 'static,
    {
        let readers = self.readers.clone();
        let permit = readers.permits.clone().acquire_owned().await;
        let permit = permit.map_err(|_| failure("the database is closed"))?;
        let result = tokio::task::spawn_blocking(move || {
            // Owned by the closure: a dropped request must not free a connection that is still in use.
            let _permit = permit;
            let connection = readers.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = connection.ok_or_else(|| failure("no database connection is idle"))?;
            let result = catch_unwind(AssertUnwindSafe(|| read(&connection, f)))
                .unwrap_or_else(|_| Err(failure("a read of the database panicked").into()));
            readers.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            result
        });
        result.await.unwrap_or_else(|_| Err(failure("a read of the database was stopped").into()))
    }
}

fn transact<T, E: From<rusqlite::Error>>(
    connection: &mut Connection,
    f: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let value = f(&transaction)?;
    transaction.commit()?;
    Ok(value)
}

/// One read transaction, so that several statements see the same state.
fn read<T, E: From<rusqlite::Error>>(
    connection: &Connection,
    f: impl FnOnce(&Connection) -> Result<T, E>,
) -> Result<T, E> {
    let transaction = connection.unchecked_transaction()?;
    f(&transaction)
}

fn set_pragmas(connection: &Connection) -> anyhow::Result<()> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(256);
    Ok(())
}

fn failure(message: &str) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_ABORT), Some(message.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome<T> = Result<T, rusqlite::Error>;

    fn open() -> (tempfile::TempDir, Db) {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&dir.path().join("osc.db"), 2).unwrap();
        (dir, db)
    }

    fn insert(tx: &Transaction<'_>, name: &str) -> Outcome<usize> {
        tx.execute("INSERT INTO tenant (name, created_at) VALUES (?1, '')", [name])
    }

    async fn count(db: &Db) -> i64 {
        db.read(|conn| -> Outcome<i64> {
            conn.query_row("SELECT count(*) FROM tenant", [], |row| row.get(0))
        })
        .await
        .unwrap()
    }

    #[tokio::test]
    async fn commits_on_ok_and_rolls_back_on_err_or_panic() {
        let (_dir, db) = open();
        db.write(|tx| insert(tx, "a")).await.unwrap();
        let refused: Outcome<()> = db
            .write(|tx| {
                insert(tx, "b")?;
                Err(rusqlite::Error::InvalidQuery)
            })
            .await;
        assert!(refused.is_err());
        let panicked: Outcome<()> = db
            .write(|tx| {
                insert(tx, "c")?;
                panic!("on purpose")
            })
            .await;
        assert!(panicked.is_err());
        assert_eq!(count(&db).await, 1);
        db.write(|tx| insert(tx, "d")).await.unwrap();
        assert_eq!(count(&db).await, 2);
    }

    #[tokio::test]
    async fn readers_cannot_write_and_survive_a_panic() {
        let (_dir, db) = open();
        for _ in 0..4 {
            let panicked: Outcome<()> = db.read(|_| panic!("on purpose")).await;
            assert!(panicked.is_err());
        }
        let refused = db.read(|conn| conn.execute("DELETE FROM tenant", [])).await;
        assert!(refused.is_err());
        assert_eq!(count(&db).await, 0);
    }
}
