//! Moving what was written from the log into the file, beside the writer: that waits for the disk, and writers need
//! not.

use std::path::Path;
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};
use std::thread;

use rusqlite::Connection;

use super::Error;

/// After how many writes the log is moved.
const WRITES: usize = 2_000;
/// How many pages of the log are too many: then the writer moves it itself, so that it starts over.
const PAGES: i64 = 50_000;

/// The thread that moves the log.
pub(super) struct Checkpoints {
    ask: SyncSender<()>,
    since: AtomicUsize,
    /// The log has grown too long.
    long: Arc<AtomicBool>,
}

/// Starts it. It ends with its handle.
pub(super) fn start(path: &Path) -> Result<Checkpoints, Error> {
    let connection = Connection::open(path)?;
    connection.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;")?;
    let (ask, asked) = mpsc::sync_channel(1);
    let long = Arc::new(AtomicBool::new(false));
    let told = long.clone();
    thread::Builder::new().name("sandbox-log".into()).spawn(move || {
        while asked.recv().is_ok() {
            match move_log(&connection, "PRAGMA wal_checkpoint(PASSIVE)") {
                Ok(pages) => told.store(pages > PAGES, Ordering::Relaxed),
                // The writer meets what is wrong with the file, and says it.
                Err(error) => tracing::debug!(%error, "the sandbox's log was not moved"),
            }
        }
    })?;
    Ok(Checkpoints { ask, since: AtomicUsize::new(0), long })
}

/// Moves the log; how many pages it holds.
fn move_log(connection: &Connection, how: &str) -> rusqlite::Result<i64> {
    connection.query_row(how, [], |row| row.get(1))
}

impl Checkpoints {
    /// So many more writes are in the log.
    pub(super) fn written(&self, writes: usize, writer: &Connection) {
        if self.long.swap(false, Ordering::Relaxed) {
            // A failure leaves a long log, which is slow and right.
            let _ = move_log(writer, "PRAGMA wal_checkpoint(RESTART)");
        }
        if self.since.fetch_add(writes, Ordering::Relaxed) + writes < WRITES {
            return;
        }
        self.since.store(0, Ordering::Relaxed);
        // One request waits at most: it covers all that is written until then.
        match self.ask.try_send(()) {
            Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
        }
    }
}
