//! The simulated node itself: registered, labelled as what it is, its lease renewed.

use serde_json::{Value, json};

use super::COMPONENT;
use super::stage::after;
use crate::builtin::{LEASES, NODES};
use crate::client::{Call, Verb};
use crate::clock;
use crate::object::{self, annotation};
use crate::reconcile::Outcome;
use crate::reconcile::context::Context;

/// Address of the simulated node, from a range that is never routed.
pub const HOST_IP: &str = "192.0.2.10";
/// Label of simulated nodes.
pub const SIMULATED_LABEL: &str = "sandbox.osc.io/simulated";

const LEASE_NAMESPACE: &str = "kube-node-lease";
const RENEWED_EVERY: i64 = 10;

/// Whether a node is told to be out of order, by the annotation `sandbox.osc.io/fault: NotReady`.
pub(super) fn is_faulty(node: &Value) -> bool {
    annotation(node, "sandbox.osc.io/fault") == Some("NotReady")
}

/// Whether the node of a name is out of order.
pub(super) fn is_down(context: &Context, name: &str) -> bool {
    context.cache().get(&NODES, "", name).is_some_and(|node| is_faulty(&node))
}

/// Registers the node, reports its conditions, renews its lease.
pub(super) async fn keep(context: &Context, name: &str) -> Outcome {
    let node = match context.cache().get(&NODES, "", name) {
        Some(node) => node,
        None => {
            let body = json!({
                "apiVersion": "v1", "kind": "Node",
                "metadata": {
                    "name": name,
                    "labels": {
                        "kubernetes.io/hostname": name, "kubernetes.io/os": "linux",
                        "kubernetes.io/arch": "amd64", SIMULATED_LABEL: "true",
                    },
                },
            });
            context.call(Call::new(Verb::Create, &NODES, "", "", body).by(COMPONENT)).await?
        }
    };
    if is_faulty(&node) == object::is_true(&node, "Ready") || object::condition(&node, "Ready").is_none() {
        let status = json!({"status": status(context, &node, name)});
        context.call(Call::new(Verb::Strategic, &NODES, "", name, status).on("status").by(COMPONENT)).await?;
    }
    if !is_faulty(&node) {
        renew(context, name).await?;
    }
    Ok(Some(after(context.now(), RENEWED_EVERY)))
}

async fn renew(context: &Context, name: &str) -> Outcome {
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": name, "namespace": LEASE_NAMESPACE},
        "spec": {
            "holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": clock::micros(context.now()),
        },
    });
    let patch = Call::new(Verb::Merge, &LEASES, LEASE_NAMESPACE, name, lease.clone()).by(COMPONENT);
    match context.client().call(patch).await {
        Err(refusal) if refusal.is_not_found() => {
            let create = Call::new(Verb::Create, &LEASES, LEASE_NAMESPACE, "", lease).by(COMPONENT);
            context.client().call(create).await?;
        }
        other => drop(other?),
    }
    Ok(None)
}

fn status(context: &Context, node: &Value, name: &str) -> Value {
    let ready = !is_faulty(node);
    let now = clock::seconds(context.now());
    let capacity = json!({"cpu": "64", "memory": "256Gi", "pods": "5000", "ephemeral-storage": "1Ti"});
    let condition = |kind: &str, is: bool, reason: &str, message: &str| {
        let status = if is { "True" } else { "False" };
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": now, "lastTransitionTime": now,
        })
    };
    let (reason, message) = match ready {
        true => ("KubeletReady", "simulated: kubelet is posting ready status"),
        false => ("KubeletNotReady", "simulated: the node is out of order"),
    };
    json!({
        "capacity": capacity, "allocatable": capacity,
        "addresses": [{"type": "InternalIP", "address": HOST_IP}, {"type": "Hostname", "address": name}],
        "conditions": [
            condition("MemoryPressure", false, "KubeletHasSufficientMemory", "simulated: sufficient memory"),
            condition("DiskPressure", false, "KubeletHasNoDiskPressure", "simulated: no disk pressure"),
            condition("PIDPressure", false, "KubeletHasSufficientPID", "simulated: sufficient PID available"),
            condition("Ready", ready, reason, message),
        ],
        "nodeInfo": {
            "kubeletVersion": "v1.36.3+sandbox", "kubeProxyVersion": "", "osImage": "simulated: nothing runs here",
            "kernelVersion": "simulated", "containerRuntimeVersion": "simulated://1", "machineID": "",
            "systemUUID": "", "bootID": "", "operatingSystem": "linux", "architecture": "amd64",
        },
    })
}
