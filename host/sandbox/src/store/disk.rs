//! The file behind a store: one table, one writer thread, group commit.

mod checkpoint;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, params};
use tokio::sync::oneshot;

use super::{Key, Object};

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite refuses.
    #[error("the sandbox's database cannot be opened")]
    Sqlite(#[from] rusqlite::Error),
    /// A row is not JSON.
    #[error("the sandbox's database holds a broken object")]
    Broken(#[from] serde_json::Error),
    /// The writer thread cannot be started.
    #[error("the sandbox's database writer cannot be started")]
    Thread(#[from] std::io::Error),
}

enum Job {
    Put(Arc<Object>),
    Remove(Key, u64),
    Flush(mpsc::SyncSender<()>),
}

pub(super) struct Disk {
    jobs: mpsc::Sender<Job>,
    progress: Arc<Progress>,
}

/// How far the file is, and who waits for it. Each waiter is woken once, when its own write is there.
#[derive(Default)]
struct Progress {
    done: AtomicU64,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    by_version: BTreeMap<u64, Vec<oneshot::Sender<()>>>,
    /// The file takes no more writes.
    broken: bool,
}

impl Progress {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Everything up to a version is there.
    fn reached(&self, version: u64) {
        let mut waiting = self.waiting();
        self.done.store(version, Ordering::Release);
        let later = waiting.by_version.split_off(&(version + 1));
        let there = std::mem::replace(&mut waiting.by_version, later);
        drop(waiting);
        for waiter in there.into_values().flatten() {
            // Who does not wait any more has gone away.
            let _ = waiter.send(());
        }
    }

    /// Nothing more will be there: whoever waits learns it by the end of its channel.
    fn broke(&self) {
        let mut waiting = self.waiting();
        waiting.broken = true;
        waiting.by_version.clear();
    }
}

pub(super) struct Loaded {
    pub(super) version: u64,
    pub(super) objects: Vec<Object>,
}

impl Disk {
    pub(super) fn open(path: &Path) -> Result<(Self, Loaded), Error> {
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;
             PRAGMA wal_autocheckpoint = 0;
             CREATE TABLE IF NOT EXISTS object (resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
                 version INTEGER NOT NULL, value TEXT NOT NULL, PRIMARY KEY (resource, namespace, name))
                 STRICT, WITHOUT ROWID;
             CREATE TABLE IF NOT EXISTS newest (id INTEGER PRIMARY KEY, version INTEGER NOT NULL) STRICT;",
        )?;
        let loaded = load(&connection)?;
        let (jobs, queue) = mpsc::channel();
        let progress = Arc::new(Progress { done: AtomicU64::new(loaded.version), ..Progress::default() });
        let told = progress.clone();
        let checkpoints = checkpoint::start(path)?;
        thread::Builder::new()
            .name("sandbox-disk".into())
            .spawn(move || write(connection, &queue, &told, &checkpoints))?;
        Ok((Disk { jobs, progress }, loaded))
    }

    pub(super) fn put(&self, object: &Arc<Object>) {
        let _ = self.jobs.send(Job::Put(object.clone()));
    }

    pub(super) fn remove(&self, key: &Key, version: u64) {
        let _ = self.jobs.send(Job::Remove(key.clone(), version));
    }

    pub(super) async fn durable(&self, version: u64) -> bool {
        let there = || self.progress.done.load(Ordering::Acquire) >= version;
        if there() {
            return true;
        }
        let waiter = {
            let mut waiting = self.progress.waiting();
            if there() || waiting.broken {
                return there();
            }
            let (sender, receiver) = oneshot::channel();
            waiting.by_version.entry(version).or_default().push(sender);
            receiver
        };
        waiter.await.is_ok()
    }

    pub(super) fn flush(&self) {
        let (sender, receiver) = mpsc::sync_channel(1);
        if self.jobs.send(Job::Flush(sender)).is_ok() {
            let _ = receiver.recv();
        }
    }
}

fn load(connection: &Connection) -> Result<Loaded, Error> {
    let mut version: u64 = connection
        .query_row("SELECT COALESCE(MAX(version), 0) FROM newest", [], |row| row.get::<_, i64>(0))
        .map(|v| v.cast_unsigned())?;
    let mut statement = connection
        .prepare("SELECT resource, namespace, name, version, value FROM object ORDER BY resource")?;
    let mut rows = statement.query([])?;
    let mut objects = Vec::new();
    let mut resource: Arc<str> = "".into();
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        if *name != *resource {
            resource = name.into();
        }
        let key = Key::new(&resource, &row.get::<_, String>(1)?, &row.get::<_, String>(2)?);
        let at = row.get::<_, i64>(3)?.cast_unsigned();
        version = version.max(at);
        objects.push(Object::new(key, at, serde_json::from_str(&row.get::<_, String>(4)?)?));
    }
    Ok(Loaded { version, objects })
}

/// How long a commit waits for more when writes came together before. A commit costs as much as many writes.
const GATHER: Duration = Duration::from_micros(150);

fn write(
    mut connection: Connection,
    queue: &mpsc::Receiver<Job>,
    progress: &Progress,
    checkpoints: &checkpoint::Checkpoints,
) {
    let mut busy = false;
    while let Ok(first) = queue.recv() {
        if busy {
            thread::sleep(GATHER);
        }
        let jobs: Vec<Job> = std::iter::once(first).chain(queue.try_iter().take(4096)).collect();
        busy = jobs.len() > 1;
        match commit(&mut connection, &jobs) {
            Ok(newest) => progress.reached(newest.max(progress.done.load(Ordering::Acquire))),
            // The thread ends, so that every later write is answered with an error instead of a false success.
            Err(error) => {
                tracing::error!(%error, "the sandbox's database refused a batch of writes");
                progress.broke();
                return;
            }
        }
        checkpoints.written(jobs.len(), &connection);
        for job in jobs {
            if let Job::Flush(sender) = job {
                let _ = sender.send(());
            }
        }
    }
}

/// Writes a batch in one transaction; the newest version in it.
fn commit(connection: &mut Connection, jobs: &[Job]) -> rusqlite::Result<u64> {
    let mut newest = 0;
    let mut removed = false;
    let transaction = connection.transaction()?;
    for job in jobs {
        match job {
            Job::Put(object) => {
                let text = String::from_utf8_lossy(object.text());
                let mut statement = transaction.prepare_cached(
                    "INSERT OR REPLACE INTO object (resource, namespace, name, version, value)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )?;
                let key = &object.key;
                let version = object.version.cast_signed();
                statement.execute(params![&*key.resource, &*key.namespace, &*key.name, version, text])?;
                newest = newest.max(object.version);
            }
            Job::Remove(key, version) => {
                let mut statement = transaction.prepare_cached(
                    "DELETE FROM object WHERE resource = ?1 AND namespace = ?2 AND name = ?3",
                )?;
                statement.execute(params![&*key.resource, &*key.namespace, &*key.name])?;
                newest = newest.max(*version);
                removed = true;
            }
            Job::Flush(_) => {}
        }
    }
    // What is there tells its own version; only the version of what is gone must be kept.
    if removed {
        transaction
            .prepare_cached("INSERT OR REPLACE INTO newest (id, version) VALUES (1, ?1)")?
            .execute([newest.cast_signed()])?;
    }
    transaction.commit()?;
    Ok(newest)
}
