//! Namespaces: made when absent, and deleted only when we made them and nothing is left in them.

use std::time::Duration;

use futures::FutureExt as _;
use futures::stream::{self, StreamExt as _};
use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::plan::OnTimeout;
use serde_json::{Value, json};

use super::{Run, Stop};
use crate::error::Error;
use crate::kube::api::is_transient;
use crate::operations::health::{self, Condition};
use crate::operations::journal::Detail;
use crate::store;
use crate::store::scope::{Scoped, TenantId};

const GONE_WITHIN: Duration = Duration::from_secs(120);
const PARALLEL: usize = 8;

impl Run<'_> {
    pub(super) async fn ensure_namespace(
        &self,
        position: i64,
        namespace: &str,
        detail: &mut Detail,
    ) -> Result<String, Stop> {
        let object = reference(namespace);
        let live = self.ask(|| self.cluster().get(&object)).await?;
        match live.as_ref().map(health::of) {
            Some(Condition::Terminating(_)) => {
                // It takes no new objects; the next one of this name is ours.
                let refs = [object.clone()];
                self.wait_gone(position, &refs, GONE_WITHIN, OnTimeout::ExplainFinalizers).await?;
            }
            Some(_) => {
                return Ok(if detail.made_namespace.is_some() {
                    "made".into()
                } else {
                    "exists already".into()
                });
            }
            None => {}
        }
        detail.made_namespace = Some(namespace.to_owned());
        self.note(position, detail).await?;
        let wanted = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        let exists =
            |error: &Error| matches!(error, Error::Cluster { reason, .. } if reason == "AlreadyExists");
        let make = || self.cluster().create(&wanted, "osc", false);
        if let Err(stop) = self.ask_while(make, |error| is_transient(error) && !exists(error)).await
            && self.ask(|| self.cluster().get(&object)).await?.is_none()
        {
            return Err(stop);
        }
        Ok("made".into())
    }

    /// Refuses to delete a namespace that is not ours or not empty.
    pub(super) async fn refuse_full_namespace(&self, object: &ObjectRef) -> Result<(), Stop> {
        let name = object.name.clone();
        let (tenant, cluster) = (TenantId(self.operation.tenant_id), self.target.cluster_id);
        let namespaces = self
            .executor
            .db
            .read(move |conn| store::clusters::namespaces(&Scoped::new(conn, tenant), cluster))
            .await
            .map_err(|error: rusqlite::Error| Stop::Broken(error.into()))?;
        if !namespaces.iter().any(|namespace| namespace.name == name && namespace.made_by_us) {
            return Err(Stop::Failed(format!(
                "the namespace `{name}` was not made by us, so it is not deleted"
            )));
        }
        let left = self.left_in(&name).await?;
        if left.is_empty() {
            return Ok(());
        }
        let more = left.len().saturating_sub(5);
        let told = left[..left.len().min(5)].join(", ");
        let told = if more > 0 { format!("{told} and {more} more") } else { told };
        Err(Stop::Failed(format!(
            "the namespace `{name}` is not empty, so it is not deleted: it holds {told}"
        )))
    }

    /// Everything in a namespace, apart from what the cluster itself puts there.
    async fn left_in(&self, namespace: &str) -> Result<Vec<String>, Stop> {
        let discovery = self.ask(|| self.cluster().discovery(true)).await?;
        let listed = |kind: &&crate::kube::discovery::ApiKind| {
            kind.namespaced
                && ["list", "delete"].iter().all(|verb| kind.verbs.iter().any(|known| known == verb))
        };
        let found: Vec<Result<Vec<String>, Stop>> = stream::iter(
            discovery
                .kinds()
                .filter(listed)
                .map(|kind| {
                    async move {
                        let objects = match self
                            .cluster()
                            .list(&kind.api_version, &kind.kind, Some(namespace), None)
                            .await
                        {
                            Ok(objects) => objects,
                            // A group whose server is down, or a kind that went away: what it held cannot be seen.
                            Err(Error::Cluster { status: 404 | 405 | 503, .. }) => Vec::new(),
                            Err(error) => return Err(error.into()),
                        };
                        Ok(objects
                            .iter()
                            .filter(|object| !is_by_cluster(object))
                            .filter_map(ObjectRef::of)
                            .map(|o| o.to_string())
                            .collect())
                    }
                    .boxed()
                })
                .collect::<Vec<_>>(),
        )
        .buffered(PARALLEL)
        .collect()
        .await;
        let mut left: Vec<String> =
            found.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
        left.sort();
        left.dedup();
        Ok(left)
    }
}

fn reference(namespace: &str) -> ObjectRef {
    ObjectRef { api_version: "v1".into(), kind: "Namespace".into(), namespace: None, name: namespace.into() }
}

/// What the cluster itself makes in each namespace, or what goes with its owner.
fn is_by_cluster(object: &Value) -> bool {
    let metadata = &object["metadata"];
    let owned = metadata["ownerReferences"].as_array().is_some_and(|owners| !owners.is_empty());
    let going = !metadata["deletionTimestamp"].is_null();
    let default = matches!(
        (object["kind"].as_str(), metadata["name"].as_str()),
        (Some("ServiceAccount"), Some("default")) | (Some("ConfigMap"), Some("kube-root-ca.crt"))
    );
    owned
        || going
        || default
        || object["kind"] == "Event"
        || object["type"] == "kubernetes.io/service-account-token"
}
