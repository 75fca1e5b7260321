//! The objects that every cluster has from the start.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::Core;
use crate::api::Api;
use crate::status::{Result, Status};

const ROLES: &str = include_str!("../../schema/roles.json");

/// Creates what is missing.
pub(super) fn run(core: &Arc<Core>) -> Result<()> {
    let api = core.api("kube-apiserver");
    for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
        ensure(&api, "namespaces", "", json!({"metadata": {"name": name}}))?;
    }
    for (name, value) in [("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)]
    {
        let text = match name {
            "system-node-critical" => {
                "Used for system critical pods that must not be moved from their current node."
            }
            _ => {
                "Used for system critical pods that must run in the cluster, but can be moved to another node if \
                 necessary."
            }
        };
        let class = json!({"metadata": {"name": name}, "value": value, "description": text});
        ensure(&api, "priorityclasses.scheduling.k8s.io", "", class)?;
    }
    let roles: Value = serde_json::from_str(ROLES).unwrap_or_default();
    for (resource, list) in roles.as_object().into_iter().flatten() {
        for object in list.as_array().into_iter().flatten() {
            let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default().to_string();
            ensure(&api, resource, &namespace, object.clone())?;
        }
    }
    let service = json!({
        "metadata": {"name": "kubernetes", "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"}},
        "spec": {"clusterIP": "10.96.0.1", "type": "ClusterIP",
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}]},
    });
    ensure(&api, "services", "default", service)
}

fn ensure(api: &Api, resource: &str, namespace: &str, object: Value) -> Result<()> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_string();
    if api.find(resource, namespace, &name).is_some() {
        return Ok(());
    }
    match api.create(resource, namespace, object) {
        Err(Status { reason: "AlreadyExists", .. }) | Ok(_) => Ok(()),
        Err(status) => Err(status),
    }
}

/// Tells clients inside the cluster where the API is.
pub(super) fn announce(core: &Arc<Core>, address: SocketAddr) -> Result<()> {
    let api = core.api("kube-apiserver");
    // Loopback addresses are refused in endpoints, so the service's own address stands for this process.
    let subsets = json!([{"addresses": [{"ip": "192.0.2.1"}],
        "ports": [{"name": "https", "port": i64::from(address.port()), "protocol": "TCP"}]}]);
    let labels = json!({"endpointslice.kubernetes.io/skip-mirror": "true"});
    let endpoints = json!({"metadata": {"name": "kubernetes", "namespace": "default", "labels": labels}, "subsets": subsets});
    api.apply("endpoints", "default", endpoints, true)?;
    let slice = json!({
        "metadata": {"name": "kubernetes", "namespace": "default",
            "labels": {"kubernetes.io/service-name": "kubernetes"}},
        "addressType": "IPv4", "endpoints": [{"addresses": ["192.0.2.1"], "conditions": {"ready": true}}],
        "ports": [{"name": "https", "port": i64::from(address.port()), "protocol": "TCP"}],
    });
    api.apply("endpointslices.discovery.k8s.io", "default", slice, true)?;
    Ok(())
}
