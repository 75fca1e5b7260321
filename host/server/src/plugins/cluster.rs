//! What plugins may see of a cluster: the reader that a call carries, and the scope that is laid over it.

use std::sync::Arc;

use futures::future::BoxFuture;
use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::objects;
use serde_json::Value;

use crate::error::Result;
use crate::kube::api::ClusterApi;

/// Reads live objects. It needs no scope of its own: `plugins/host/cluster.rs` asks only for what is in reach.
pub trait ClusterReader: Send + Sync {
    /// The live object; none when it or its kind is absent.
    fn get<'a>(&'a self, object: &'a ObjectRef) -> BoxFuture<'a, Result<Option<Value>>>;

    /// Objects of a kind; no namespace means a cluster-scoped kind.
    fn list<'a>(
        &'a self,
        api_version: &'a str,
        kind: &'a str,
        namespace: Option<&'a str>,
        label_selector: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<Value>>>;
}

/// A cluster as the executor knows it.
pub struct LiveCluster(pub Arc<dyn ClusterApi>);

impl ClusterReader for LiveCluster {
    fn get<'a>(&'a self, object: &'a ObjectRef) -> BoxFuture<'a, Result<Option<Value>>> {
        self.0.get(object)
    }

    fn list<'a>(
        &'a self,
        api_version: &'a str,
        kind: &'a str,
        namespace: Option<&'a str>,
        label_selector: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<Value>>> {
        self.0.list(api_version, kind, namespace, label_selector)
    }
}

/// Cluster-scoped kinds that say nothing about other tenants.
const SHARED: [(&str, &str); 11] = [
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("apiregistration.k8s.io", "APIService"),
    ("storage.k8s.io", "StorageClass"),
    ("storage.k8s.io", "CSIDriver"),
    ("storage.k8s.io", "VolumeAttributesClass"),
    ("snapshot.storage.k8s.io", "VolumeSnapshotClass"),
    ("networking.k8s.io", "IngressClass"),
    ("gateway.networking.k8s.io", "GatewayClass"),
    ("scheduling.k8s.io", "PriorityClass"),
    ("node.k8s.io", "RuntimeClass"),
    ("resource.k8s.io", "DeviceClass"),
];

/// Where a wish of the guest leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Cluster-scoped, and harmless.
    Shared,
    /// In this namespace: the call's own.
    Namespace(String),
    /// Elsewhere: reads as absent.
    Beyond,
}

/// Where objects of a kind and namespace may be read; `name` is none for a list.
pub(super) fn reach(
    api_version: &str,
    kind: &str,
    namespace: Option<&str>,
    name: Option<&str>,
    own: Option<&str>,
) -> Reach {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    if SHARED.contains(&(group, kind)) {
        return Reach::Shared;
    }
    if (group, kind) == ("", "Namespace") {
        return if name.is_some() && name == own { Reach::Shared } else { Reach::Beyond };
    }
    let Some(own) = own else { return Reach::Beyond };
    let elsewhere = namespace.is_some_and(|namespace| namespace != own);
    if elsewhere || objects::cluster_scoped(group, kind) == Some(true) {
        return Reach::Beyond;
    }
    Reach::Namespace(own.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_namespace_and_shared_kinds_are_in_reach() {
        let own = Some("mine");
        let mine = Reach::Namespace("mine".into());
        assert_eq!(reach("v1", "Secret", Some("mine"), Some("a"), own), mine);
        assert_eq!(reach("v1", "Secret", None, None, own), mine);
        assert_eq!(reach("v1", "Secret", Some("kube-system"), Some("a"), own), Reach::Beyond);
        assert_eq!(reach("v1", "Secret", Some("mine"), Some("a"), None), Reach::Beyond);
        assert_eq!(reach("storage.k8s.io/v1", "StorageClass", Some("x"), None, own), Reach::Shared);
        assert_eq!(reach("v1", "Node", None, Some("a"), own), Reach::Beyond);
        assert_eq!(reach("rbac.authorization.k8s.io/v1", "ClusterRole", None, Some("a"), own), Reach::Beyond);
        assert_eq!(reach("v1", "Namespace", None, Some("mine"), own), Reach::Shared);
        assert_eq!(reach("v1", "Namespace", None, Some("other"), own), Reach::Beyond);
        assert_eq!(reach("v1", "Namespace", None, None, own), Reach::Beyond);
    }
}
