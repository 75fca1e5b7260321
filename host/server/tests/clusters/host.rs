//! One instance in a real cluster, as the executor sees it.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use futures::future::BoxFuture;
use osc_plugin_api::documents::plan::Plan;
use osc_server::egress::EgressRules;
use osc_server::kube::api::ClusterApi;
use osc_server::kube::clusters::{ClusterEntry, Clusters};
use osc_server::operations::clock::SystemClock;
use osc_server::operations::document_identity;
use osc_server::operations::executor::{End, Executor, ExecutorParts, OperationHost, Target};
use osc_server::operations::journal::CrashPoint;
use osc_server::operations::scope::Grant;
use osc_server::registry::blobs::{Blobs, Documents};
use osc_server::secrets::Sealer;
use osc_server::store;
use osc_server::store::db::Db;
use osc_server::store::operations::{NewOperation, Operation, OperationState, Step};
use rusqlite::Transaction;

/// A client of a control plane on this machine.
pub(crate) fn cluster(kubeconfig: &str) -> Result<Arc<dyn ClusterApi>> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let clusters = Clusters::new(Arc::new(EgressRules::default()));
    Ok(clusters.get(ClusterEntry { id: 1, name: "real", kubeconfig, own: true })?)
}

struct OneInstance {
    cluster: Arc<dyn ClusterApi>,
    namespace: String,
}

impl OperationHost for OneInstance {
    fn target<'a>(&'a self, _: &'a Operation) -> BoxFuture<'a, osc_server::error::Result<Target>> {
        let target = Target {
            cluster: self.cluster.clone(),
            cluster_id: 1,
            namespace: self.namespace.clone(),
            instance: "web".into(),
            grant: Grant::everything(),
        };
        Box::pin(async move { Ok(target) })
    }

    fn end(&self, _: &Transaction<'_>, _: &Operation, _: &End) -> osc_server::error::Result<()> {
        Ok(())
    }
}

/// The server's state in one folder.
pub(crate) struct Server {
    pub(crate) db: Db,
    documents: Documents,
}

impl Server {
    pub(crate) fn open(folder: &Path) -> Result<Server> {
        let db = Db::open(&folder.join("osc.db"), 1)?;
        let blobs = Blobs::open_local(&folder.join("objects"))?;
        Ok(Server { db, documents: Documents::new(blobs, Arc::new(Sealer::new([1; 32]))) })
    }

    /// Writes the rows that an instance needs.
    pub(crate) async fn prepare(&self, namespace: &str) -> Result<()> {
        let rows = format!(
            "INSERT INTO tenant (id, name, created_at) VALUES (1, 't', '');
            INSERT INTO service (id, tenant_id, name, kind, created_at) VALUES (1, 1, 's', 'helm', '');
            INSERT INTO version (id, tenant_id, service_id, version, state, digest, size, plugin, facts, created_at)
                VALUES (1, 1, 1, '1', 'ready', '', 0, 'helm', '{{}}', '');
            INSERT INTO cluster (id, name, region, kubeconfig, created_at) VALUES (1, 'c', 'r', x'', '');
            INSERT INTO cluster_namespace (cluster_id, namespace, tenant_id) VALUES (1, '{namespace}', 1);
            INSERT INTO instance (id, tenant_id, name, service_id, version_id, cluster_id, namespace, plugin,
                plugin_digest, created_at) VALUES (1, 1, 'web', 1, 1, 1, '{namespace}', 'helm', '', '');"
        );
        Ok(self.db.write(move |tx| tx.execute_batch(&rows)).await?)
    }

    pub(crate) async fn operation(&self, kind: &str, plan: &Plan) -> Result<i64> {
        let document = self.documents.put(&document_identity(1), plan).await?;
        let new = NewOperation {
            tenant_id: 1,
            instance_id: Some(1),
            kind: kind.into(),
            wish: Vec::new(),
            plan_id: None,
            document: Some(document),
            created_by: None,
        };
        Ok(self.db.write(move |tx| store::operations::insert(tx, &new, "")).await?)
    }

    pub(crate) fn executor(
        &self,
        cluster: Arc<dyn ClusterApi>,
        namespace: &str,
        crash: CrashPoint,
    ) -> Executor {
        Executor::new(ExecutorParts {
            db: self.db.clone(),
            documents: self.documents.clone(),
            host: Arc::new(OneInstance { cluster, namespace: namespace.into() }),
            clock: Arc::new(SystemClock),
            crash,
        })
    }

    pub(crate) async fn state(&self, id: i64) -> Result<(OperationState, String)> {
        let operation = self.db.read(move |conn| store::operations::find_anywhere(conn, id)).await?;
        let operation = operation.ok_or_else(|| anyhow::anyhow!("operation {id} is gone"))?;
        Ok((operation.state, operation.reason.unwrap_or_default()))
    }

    pub(crate) async fn journal(&self, id: i64) -> Result<Vec<String>> {
        let steps = self.db.read(move |conn| store::operations::list_steps(conn, id)).await?;
        let line = |step: Step| format!("{}: {}", step.name, step.state.as_str());
        Ok(steps.into_iter().map(line).collect())
    }

    pub(crate) async fn inventory(&self) -> Result<Vec<String>> {
        let rows = self.db.read(move |conn| store::inventory::list_anywhere(conn, 1, None)).await?;
        Ok(rows.into_iter().map(|row| format!("{} {:?}", row.object, row.policy)).collect())
    }
}
