//! The objects that every cluster has from the start.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::Core;
use crate::api::{Api, Patch};
use crate::status::{Result, Status};

/// Roles, priority levels, ranges of addresses and served APIs, as kube-apiserver 1.36.3 makes them (Apache-2.0).
const OBJECTS: &str = include_str!("../../schema/bootstrap.json");

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
    let objects: Value = serde_json::from_str(OBJECTS).unwrap_or_default();
    for (resource, list) in objects.as_object().into_iter().flatten() {
        let (creator, judge) = match resource.split_once('.') {
            Some((_, "flowcontrol.apiserver.k8s.io")) => (
                "api-priority-and-fairness-config-producer-v1",
                "api-priority-and-fairness-config-consumer-v1",
            ),
            Some(("servicecidrs", _)) => ("kube-apiserver", "kubernetes-service-cidr-controller"),
            _ => ("kube-apiserver", "kube-apiserver"),
        };
        let (creator, judge) = (core.api(creator), core.api(judge));
        for object in list.as_array().into_iter().flatten() {
            let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
            with_status(&creator, &judge, resource, namespace, object)?;
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

/// Creates an object if it is missing, and its status by another manager.
fn with_status(creator: &Api, judge: &Api, resource: &str, namespace: &str, object: &Value) -> Result<()> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    if creator.find(resource, namespace, name).is_some() {
        return Ok(());
    }
    let mut object = object.clone();
    let status = object.as_object_mut().and_then(|map| map.remove("status"));
    let made = creator.create(resource, namespace, object)?;
    let Some(mut status) = status else { return Ok(()) };
    let now = made.value["metadata"]["creationTimestamp"].clone();
    for condition in status["conditions"].as_array_mut().into_iter().flatten() {
        condition["lastTransitionTime"] = now.clone();
    }
    // Only what another manager says of an object has an owner of its own.
    let kind = json!({"apiVersion": made.value["apiVersion"], "kind": made.value["kind"]});
    let mut config = json!({"metadata": {"name": name}, "status": status});
    crate::api::merge_patch(&mut config, &kind);
    judge.patch(resource, namespace, name, "status", &Patch::Apply(config))?;
    Ok(())
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
