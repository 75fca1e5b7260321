//! Nodes: taints that follow from their conditions and from being cordoned.

use serde_json::{Value, json};

use crate::builtin::NODES;
use crate::client::{Pending, Resource};
use crate::clock;
use crate::object::{self, flag, items, text};
use crate::reconcile::cache::Cache;
use crate::reconcile::context::Context;
use crate::reconcile::{Key, Outcome, Reconciler, Seen};

const COMPONENT: &str = "node-controller";
/// Taints that nobody but us sets, with their effect.
const OURS: [(&str, &str); 4] = [
    ("node.kubernetes.io/not-ready", "NoSchedule"),
    ("node.kubernetes.io/unreachable", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
    ("node.kubernetes.io/not-ready", "NoExecute"),
];

/// Keeps the taints of nodes.
pub(super) struct Nodes;

impl Reconciler for Nodes {
    fn name(&self) -> &'static str {
        COMPONENT
    }

    fn watches(&self) -> Vec<Resource> {
        vec![NODES]
    }

    fn affected(&self, _: &Cache, seen: &Seen<'_>, enqueue: &mut dyn FnMut(Key)) {
        enqueue(seen.key());
    }

    fn reconcile<'a>(&'a self, context: &'a Context, key: &'a Key) -> Pending<'a, Outcome> {
        Box::pin(look(context, key))
    }
}

async fn look(context: &Context, key: &Key) -> Outcome {
    let Some(node) = context.cache().of(key).filter(|node| !object::is_terminating(node)) else {
        return Ok(None);
    };
    let ready = object::condition(&node, "Ready").map_or("", |condition| text(condition, "/status"));
    let wanted = |key: &str| match key {
        "node.kubernetes.io/not-ready" => ready == "False",
        "node.kubernetes.io/unreachable" => ready == "Unknown",
        _ => flag(&node, "/spec/unschedulable"),
    };
    if ready.is_empty() {
        return Ok(None); // the kubelet has not reported yet
    }
    let old = items(&node, "/spec/taints");
    let is = |taint: &Value, key: &str, effect: &str| {
        text(taint, "/key") == key && text(taint, "/effect") == effect
    };
    let mut taints: Vec<Value> = old
        .iter()
        .filter(|taint| OURS.iter().all(|(key, effect)| !is(taint, key, effect) || wanted(key)))
        .cloned()
        .collect();
    for (key, effect) in OURS.iter().filter(|(key, effect)| wanted(key) && *effect == "NoSchedule") {
        if !taints.iter().any(|taint| is(taint, key, effect)) {
            taints.push(json!({"key": key, "effect": effect, "timeAdded": clock::seconds(context.now())}));
        }
    }
    if taints != old {
        let mut new = (*node).clone();
        new["spec"]["taints"] = taints.into();
        context.update(&NODES, new).await?;
    }
    Ok(None)
}
