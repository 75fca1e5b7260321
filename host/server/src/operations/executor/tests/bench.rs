//! One instance in a cluster in memory, with everything that the executor needs around it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::plan::{Action, HookDelete, HookDone, Plan, Step};
use rusqlite::Transaction;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Notify;

use crate::error::{Error, Result};
use crate::kube::fake::FakeCluster;
use crate::operations::clock::Clock;
use crate::operations::document_identity;
use crate::operations::executor::{End, Executor, ExecutorParts, OperationHost, Target};
use crate::operations::journal::CrashPoint;
use crate::operations::scope::{Grant, NamespaceGrant};
use crate::registry::blobs::{Blobs, Documents};
use crate::secrets::Sealer;
use crate::store;
use crate::store::db::Db;
use crate::store::operations::{NewOperation, Operation, OperationState};

/// Time passes only while somebody waits, or not at all.
pub(super) struct TestClock {
    now: Mutex<Timestamp>,
    stopped: AtomicBool,
    waiting: Notify,
}

impl TestClock {
    /// Whoever waits from now on waits forever.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }

    /// Resolves when somebody waits on the stopped clock.
    pub(super) async fn waited_for(&self) {
        self.waiting.notified().await;
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if self.stopped.load(Ordering::SeqCst) {
                self.waiting.notify_one();
                std::future::pending::<()>().await;
            }
            *self.now.lock().unwrap() += duration;
            tokio::task::yield_now().await;
        })
    }
}

struct TestHost {
    cluster: FakeCluster,
    instance: String,
    ends: Mutex<Vec<End>>,
    /// Why there is no cluster any more.
    lost: Mutex<Option<String>>,
}

impl OperationHost for TestHost {
    fn target<'a>(&'a self, _: &'a Operation) -> BoxFuture<'a, Result<Target>> {
        let own = NamespaceGrant { namespace: "*".into(), rbac: true, privileged: true };
        let grant = Grant { namespaces: vec![own], cluster_scoped: true, ..Grant::default() };
        if let Some(reason) = self.lost.lock().unwrap().clone() {
            return Box::pin(async move { Err(Error::Refused(reason)) });
        }
        let target = Target {
            cluster: Arc::new(self.cluster.clone()),
            cluster_id: 1,
            namespace: "shop".into(),
            instance: self.instance.clone(),
            grant,
        };
        Box::pin(async move { Ok(target) })
    }

    fn end(&self, _: &Transaction<'_>, _: &Operation, end: &End) -> Result<()> {
        self.ends.lock().unwrap().push(end.clone());
        Ok(())
    }
}

pub(super) struct Bench {
    dir: Arc<TempDir>,
    db: Db,
    documents: Documents,
    pub(super) cluster: FakeCluster,
    pub(super) executor: Executor,
    pub(super) clock: Arc<TestClock>,
    host: Arc<TestHost>,
    instance_id: i64,
}

impl Bench {
    /// The instance `web` in the namespace `shop`, which exists.
    pub(super) async fn new() -> Bench {
        Bench::over(FakeCluster::new(&["shop"])).await
    }

    pub(super) async fn without_namespace() -> Bench {
        Bench::over(FakeCluster::new(&[])).await
    }

    async fn over(cluster: FakeCluster) -> Bench {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let db = Db::open(&dir.path().join("osc.db"), 2).unwrap();
        let rows = "
            INSERT INTO tenant (id, name, created_at) VALUES (1, 't', '');
            INSERT INTO service (id, tenant_id, name, kind, created_at) VALUES (1, 1, 's', 'helm', '');
            INSERT INTO version (id, tenant_id, service_id, version, state, digest, size, plugin, facts, created_at)
                VALUES (1, 1, 1, '1', 'ready', '', 0, 'helm', '{}', '');
            INSERT INTO cluster (id, name, region, kubeconfig, created_at) VALUES (1, 'c', 'r', x'', '');
            INSERT INTO cluster_namespace (cluster_id, namespace, tenant_id) VALUES (1, 'shop', 1);";
        db.write(move |tx| tx.execute_batch(rows)).await.unwrap();
        let blobs = Blobs::open_local(&dir.path().join("objects")).unwrap();
        let documents = Documents::new(blobs, Arc::new(Sealer::new([1; 32])));
        Bench::with(dir, db, documents, cluster, "web").await
    }

    async fn with(
        dir: Arc<TempDir>,
        db: Db,
        documents: Documents,
        cluster: FakeCluster,
        name: &str,
    ) -> Bench {
        let instance = name.to_owned();
        let instance_id = db
            .write(move |tx| -> rusqlite::Result<i64> {
                tx.execute(
                    "INSERT INTO instance (tenant_id, name, service_id, version_id, cluster_id, namespace, plugin,
                     plugin_digest, created_at) VALUES (1, ?1, 1, 1, 1, 'shop', 'helm', '', '')",
                    [&instance],
                )?;
                Ok(tx.last_insert_rowid())
            })
            .await
            .unwrap();
        let host = Arc::new(TestHost {
            cluster: cluster.clone(),
            instance: name.into(),
            ends: Mutex::default(),
            lost: Mutex::default(),
        });
        let now = Mutex::new("2026-01-01T00:00:00Z".parse().unwrap());
        let clock = Arc::new(TestClock { now, stopped: AtomicBool::new(false), waiting: Notify::new() });
        let executor = executor(&db, &documents, &host, &clock, CrashPoint::never());
        Bench { dir, db, documents, cluster, executor, clock, host, instance_id }
    }

    /// Another instance in the same namespace.
    pub(super) async fn beside(&self, name: &str) -> Bench {
        Bench::with(self.dir.clone(), self.db.clone(), self.documents.clone(), self.cluster.clone(), name)
            .await
    }

    /// The server starts anew, maybe to crash again.
    pub(super) fn restart(&mut self, crash: CrashPoint) {
        self.executor = executor(&self.db, &self.documents, &self.host, &self.clock, crash);
    }

    /// The cluster is removed, or its kubeconfig no longer accepted.
    pub(super) fn lose_cluster(&self, reason: &str) {
        *self.host.lost.lock().unwrap() = Some(reason.into());
    }

    pub(super) async fn operation(&self, kind: &str, plan: &Plan) -> i64 {
        let document = self.documents.put(&document_identity(1), plan).await.unwrap();
        let new = NewOperation {
            tenant_id: 1,
            instance_id: Some(self.instance_id),
            kind: kind.into(),
            wish: Vec::new(),
            plan_id: None,
            document: Some(document),
            created_by: None,
        };
        self.db.write(move |tx| store::operations::insert(tx, &new, "")).await.unwrap()
    }

    pub(super) async fn run(&self, id: i64) -> OperationState {
        self.executor.run(id).await.unwrap()
    }

    /// Runs until the cluster stops answering, as a process that is killed.
    pub(super) async fn run_until_death(&self, id: i64) {
        tokio::select! {
            _ = self.executor.run(id) => {}
            () = self.cluster.died() => {}
        }
    }

    /// A whole operation that must succeed.
    pub(super) async fn done(&self, kind: &str, plan: Plan) -> i64 {
        let id = self.operation(kind, &plan).await;
        let state = self.run(id).await;
        assert_eq!(state, OperationState::Succeeded, "{}", self.reason(id).await);
        id
    }

    pub(super) async fn reason(&self, id: i64) -> String {
        let operation = self.db.read(move |conn| store::operations::find_anywhere(conn, id)).await.unwrap();
        operation.unwrap().reason.unwrap_or_default()
    }

    /// The journal: `step: state, message`.
    pub(super) async fn journal(&self, id: i64) -> Vec<String> {
        let steps = self.db.read(move |conn| store::operations::list_steps(conn, id)).await.unwrap();
        let line = |step: store::operations::Step| {
            let message = step.message.map(|message| format!(", {message}")).unwrap_or_default();
            format!("{}: {}{message}", step.name, step.state.as_str())
        };
        steps.into_iter().map(line).collect()
    }

    pub(super) async fn details(&self, id: i64) -> String {
        let steps = self.db.read(move |conn| store::operations::list_steps(conn, id)).await.unwrap();
        steps.into_iter().filter_map(|step| step.detail).collect()
    }

    /// `Kind namespace/name policy`, sorted.
    pub(super) async fn inventory(&self) -> Vec<String> {
        let id = self.instance_id;
        let rows = self.db.read(move |conn| store::inventory::list_anywhere(conn, id, None)).await.unwrap();
        let policy = |row: &store::inventory::InventoryRow| serde_json::to_value(row.policy).unwrap();
        let mut lines: Vec<String> =
            rows.iter().map(|row| format!("{} {}", row.object, policy(row).as_str().unwrap())).collect();
        lines.sort();
        lines
    }

    /// Objects of the cluster apart from its namespaces.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names = self.cluster.names();
        names.retain(|name| !name.starts_with("Namespace "));
        names.sort();
        names
    }

    pub(super) fn ends(&self) -> Vec<String> {
        self.host.ends.lock().unwrap().iter().map(|end| format!("{:?}", end.state)).collect()
    }

    pub(super) fn count(&self, call: &str) -> usize {
        self.cluster.calls().iter().filter(|made| made.starts_with(call)).count()
    }

    /// The value in a config map of [`config_map`].
    pub(super) fn value(&self, name: &str) -> String {
        let object = self.cluster.snapshot().into_iter().find(|object| object["metadata"]["name"] == name);
        object.unwrap()["data"]["value"].as_str().unwrap().to_owned()
    }
}

fn executor(
    db: &Db,
    documents: &Documents,
    host: &Arc<TestHost>,
    clock: &Arc<TestClock>,
    crash: CrashPoint,
) -> Executor {
    Executor::new(ExecutorParts {
        db: db.clone(),
        documents: documents.clone(),
        host: host.clone(),
        clock: clock.clone(),
        crash,
    })
}

pub(super) fn plan(steps: Vec<Step>) -> Plan {
    Plan { steps, ..Plan::new("osc") }
}

pub(super) fn config_map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"value": value}})
}

pub(super) fn deployment(name: &str, replicas: i64) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {"replicas": replicas}})
}

pub(super) fn job(name: &str) -> Value {
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {}})
}

pub(super) fn hook(name: &str, object: Value, delete: Vec<HookDelete>) -> Step {
    let done = HookDone::Succeeded;
    Step::new(name, Action::Hook { object, done, timeout_seconds: 60, delete, logs: true })
}

pub(super) fn object_ref(api_version: &str, kind: &str, name: &str) -> ObjectRef {
    ObjectRef {
        api_version: api_version.into(),
        kind: kind.into(),
        namespace: Some("shop".into()),
        name: name.into(),
    }
}
