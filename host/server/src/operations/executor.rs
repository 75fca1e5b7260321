//! Carries out stored plans: one step after the other, each in the journal before and after.
//!
//! Everything that it needs from outside is a parameter: clusters and the end's own rows come from an
//! [`OperationHost`], time from a [`Clock`]. It never plans, renders or asks a plugin.

pub(super) mod apply;
pub(super) mod delete;
mod hook;
mod namespace;
pub(super) mod ownership;
mod retry;
mod run;
pub(super) mod secret;
mod unavailable;
mod wait;

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::plan::{Plan, Policy};
use rusqlite::Transaction;
use tokio::sync::{broadcast, watch};

use self::run::{Run, Stop, positions};
use super::clock::Clock;
use super::document_identity;
use super::journal::{CrashPoint, Journal};
use super::scope::Grant;
use crate::error::{Error, Result};
use crate::kube::api::ClusterApi;
use crate::registry::blobs::Documents;
use crate::store;
use crate::store::db::Db;
use crate::store::operations::{Operation, OperationState};

/// Names the instance that an object belongs to: `NAMESPACE/NAME`. Objects of Helm releases have Helm's own marks.
pub const INSTANCE_MARK: &str = "osc.io/instance";
/// Names the operation, step and attempt that made a hook: `OPERATION/STEP/ATTEMPT`.
pub const STEP_MARK: &str = "osc.io/step";

/// An operation or its journal changed; look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationEvent {
    pub operation: i64,
}

/// Where an operation runs.
#[derive(Clone)]
pub struct Target {
    pub cluster: Arc<dyn ClusterApi>,
    pub cluster_id: i64,
    /// The instance's namespace and name.
    pub namespace: String,
    pub instance: String,
    pub grant: Grant,
}

/// How an operation ended, for the rows that the executor does not know.
#[derive(Clone, Debug)]
pub struct End {
    pub state: OperationState,
    pub reason: Option<String>,
    pub part: String,
    pub notes: Option<String>,
    /// What the part holds now.
    pub inventory: Vec<(ObjectRef, String, Policy)>,
}

/// What the executor needs from the rest of the server.
pub trait OperationHost: Send + Sync {
    /// The cluster and the rights under which an operation runs. Called again when it is resumed.
    fn target<'a>(&'a self, operation: &'a Operation) -> BoxFuture<'a, Result<Target>>;

    /// Writes revision and instance in the transaction that ends the operation.
    fn end(&self, tx: &Transaction<'_>, operation: &Operation, end: &End) -> Result<()>;
}

/// What an [`Executor`] is made of.
pub struct ExecutorParts {
    pub db: Db,
    pub documents: Documents,
    pub host: Arc<dyn OperationHost>,
    pub clock: Arc<dyn Clock>,
    pub crash: CrashPoint,
}

/// Executes stored plans. Shared by everything that starts, watches or cancels operations.
pub struct Executor {
    db: Db,
    documents: Documents,
    host: Arc<dyn OperationHost>,
    clock: Arc<dyn Clock>,
    crash: Arc<CrashPoint>,
    events: broadcast::Sender<OperationEvent>,
    running: Mutex<HashMap<i64, watch::Sender<bool>>>,
}

/// Takes an operation out of the running ones, however its run ends.
struct Turn<'a>(&'a Executor, i64);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

impl Executor {
    pub fn new(parts: ExecutorParts) -> Executor {
        let ExecutorParts { db, documents, host, clock, crash } = parts;
        let (events, _) = broadcast::channel(1024);
        let running = Mutex::new(HashMap::new());
        Executor { db, documents, host, clock, crash: Arc::new(crash), events, running }
    }

    /// News of all operations. A receiver that lags looks at everything again.
    pub fn subscribe(&self) -> broadcast::Receiver<OperationEvent> {
        self.events.subscribe()
    }

    /// Announces a change that somebody else made to an operation.
    pub fn announce(&self, operation: i64) {
        let _ = self.events.send(OperationEvent { operation });
    }

    /// Whether this process is at it now.
    pub fn is_running(&self, operation: i64) -> bool {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&operation)
    }

    /// Carries an operation out, or goes on with it after a restart. Answers its state afterwards: final or paused.
    /// An error means that the server itself failed; the operation can be resumed.
    pub async fn run(&self, id: i64) -> Result<OperationState> {
        let (cancel, cancelled) = watch::channel(false);
        {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            if running.contains_key(&id) {
                return Err(Error::Conflict(format!("operation `{id}` is running already")));
            }
            running.insert(id, cancel);
        }
        let _turn = Turn(self, id);
        let operation = self.load(id).await?;
        if operation.state.is_final() || operation.state == OperationState::Paused {
            return Ok(operation.state);
        }
        if operation.cancel_requested {
            self.signal(id);
        }
        let key = operation
            .document
            .as_ref()
            .ok_or_else(|| Error::Conflict(format!("operation `{id}` has no plan to carry out yet")))?;
        let plan: Plan = self.documents.get(&document_identity(operation.tenant_id), key).await?;
        let target = match self.host.target(&operation).await {
            Ok(target) => target,
            Err(error) => unavailable::target(&error).ok_or(error)?,
        };
        let before = match operation.instance_id {
            Some(instance) => {
                let part = plan.part.clone();
                self.db.read(move |conn| store::inventory::list_anywhere(conn, instance, Some(&part))).await?
            }
            None => Vec::new(),
        };
        let run = Run {
            executor: self,
            operation: &operation,
            plan: &plan,
            target: &target,
            journal: self.journal(id),
            before,
            cancel: cancelled,
            cancellable: AtomicBool::new(true),
        };
        run.run().await
    }

    /// Asks an operation to stop after what it is doing. One that was paused goes on to its end in the next run.
    pub async fn cancel(&self, id: i64) -> Result<()> {
        let now = store::time::text(self.clock.now());
        let open = self
            .db
            .write(move |tx| -> Result<bool> {
                let open = store::operations::request_cancel(tx, id)?;
                let operation = store::operations::find_anywhere(tx, id)?;
                if operation.is_some_and(|operation| operation.state == OperationState::Paused) {
                    store::operations::set_state(tx, id, OperationState::Running, None, &now)?;
                }
                Ok(open)
            })
            .await?;
        if !open {
            let operation = self.load(id).await?;
            return Err(Error::Conflict(format!(
                "operation `{id}` is over already: {}",
                operation.state.as_str()
            )));
        }
        self.signal(id);
        self.announce(id);
        Ok(())
    }

    fn signal(&self, id: i64) {
        if let Some(cancel) = self.running.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
            let _ = cancel.send(true);
        }
    }

    async fn load(&self, id: i64) -> Result<Operation> {
        self.db
            .read(move |conn| store::operations::find_anywhere(conn, id))
            .await?
            .ok_or_else(|| Error::NotFound { kind: "operation", id: id.to_string() })
    }

    fn journal(&self, operation: i64) -> Journal {
        Journal {
            db: self.db.clone(),
            operation,
            clock: self.clock.clone(),
            events: self.events.clone(),
            crash: self.crash.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
