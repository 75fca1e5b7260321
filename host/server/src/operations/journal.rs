//! The journal: what is written before and after each thing that changes a cluster, so that a crash at any point can
//! be gone on from.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::plan::Policy;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use super::clock::Clock;
use super::executor::OperationEvent;
use crate::error::{Error, Result};
use crate::store;
use crate::store::db::Db;
use crate::store::operations::{Step, StepState};

/// What a step leaves in the journal to be resumed, and to compute the inventory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Detail {
    /// Which attempt of the operation ran the step last.
    pub attempt: i64,
    /// It was checked that no object belongs to somebody else.
    pub checked: bool,
    /// Objects that the step made or took over.
    pub applied: Vec<Held>,
    /// Objects that are not ours any more: deleted, or left on purpose.
    pub released: Vec<ObjectRef>,
    /// The namespace was absent before the step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook: Option<HookDetail>,
}

impl Detail {
    pub(super) fn of(step: &Step) -> Detail {
        step.detail.as_deref().and_then(|detail| serde_json::from_str(detail).ok()).unwrap_or_default()
    }

    /// Notes an object that is ours now.
    pub(super) fn hold(&mut self, held: Held) {
        self.applied.retain(|other| !other.object.same_object(&held.object));
        self.released.retain(|other| !other.same_object(&held.object));
        self.applied.push(held);
    }

    /// Notes an object that is not ours any more.
    pub(super) fn release(&mut self, object: ObjectRef) {
        self.applied.retain(|other| !other.object.same_object(&object));
        if !self.released.iter().any(|other| other.same_object(&object)) {
            self.released.push(object);
        }
    }
}

/// An object that a step left in the cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Held {
    pub object: ObjectRef,
    pub uid: String,
    pub policy: Policy,
}

/// How far a hook is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HookDetail {
    pub phase: HookPhase,
    /// The object that was made; its name may have been generated.
    pub object: ObjectRef,
    #[serde(default)]
    pub uid: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The end of its pods' logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs: Option<String>,
}

/// What is known of a hook's object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HookPhase {
    /// It may have been made.
    Making,
    /// It was made.
    Made,
    /// It came to its end, and is deleted if its policy says so.
    Ended,
}

/// Makes the process end at a chosen journal write, for tests of crashes.
#[derive(Debug)]
pub struct CrashPoint {
    left: AtomicI64,
    kill: bool,
}

impl CrashPoint {
    pub fn never() -> CrashPoint {
        CrashPoint { left: AtomicI64::new(-1), kill: false }
    }

    /// Ends the process as `kill -9` does, right after the n-th write.
    pub fn kill_after(writes: u32) -> CrashPoint {
        CrashPoint { left: AtomicI64::new(writes.into()), kill: true }
    }

    /// Fails everything after the n-th write instead, so that a test can go on in the same process.
    pub fn fail_after(writes: u32) -> CrashPoint {
        CrashPoint { left: AtomicI64::new(writes.into()), kill: false }
    }

    fn passed(&self) -> Result<()> {
        if self.left.load(Ordering::SeqCst) < 0 {
            return Ok(());
        }
        let left = self.left.fetch_sub(1, Ordering::SeqCst) - 1;
        if left > 0 {
            return Ok(());
        }
        // Stays at its end: whatever else runs must not write either.
        self.left.store(0, Ordering::SeqCst);
        if self.kill {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
        Err(Error::Internal(anyhow::anyhow!("stopped at the crash point")))
    }
}

/// The journal of one operation.
#[derive(Clone)]
pub(super) struct Journal {
    pub(super) db: Db,
    pub(super) operation: i64,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) events: broadcast::Sender<OperationEvent>,
    pub(super) crash: Arc<CrashPoint>,
}

impl Journal {
    /// Writes one line; when this returns, it is on the disk.
    pub(super) async fn write(
        &self,
        position: i64,
        state: StepState,
        message: Option<String>,
        detail: &Detail,
    ) -> Result<()> {
        let operation = self.operation;
        let detail = serde_json::to_string(detail).map_err(anyhow::Error::from)?;
        let now = store::time::text(self.clock.now());
        self.db
            .write(move |tx| {
                let message = message.as_deref();
                store::operations::set_step(tx, operation, position, state, message, Some(&detail), &now)
            })
            .await?;
        self.announce();
        self.crash.passed()
    }

    /// Shows how far a step is.
    pub(super) async fn progress(&self, position: i64, message: String) {
        let operation = self.operation;
        let written: rusqlite::Result<()> = self
            .db
            .write(move |tx| store::operations::set_step_message(tx, operation, position, &message))
            .await;
        if let Err(error) = written {
            tracing::warn!(operation.id = operation, "cannot note the progress of a step: {error}");
        }
        self.announce();
    }

    pub(super) async fn steps(&self) -> Result<Vec<Step>> {
        let operation = self.operation;
        Ok(self.db.read(move |conn| store::operations::list_steps(conn, operation)).await?)
    }

    /// Says that the operation changed; nobody listening is fine.
    pub(super) fn announce(&self) {
        let _ = self.events.send(OperationEvent { operation: self.operation });
    }

    /// The crash point counts the writes of the operation itself too.
    pub(super) fn passed(&self) -> Result<()> {
        self.crash.passed()
    }
}
