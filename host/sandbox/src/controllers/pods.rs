//! What the controllers of pods have in common: counting, making, adopting and choosing pods.

use std::cmp::Reverse;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::client::{Refusal, Resource, Shared};
use crate::object::{self, Look, items, label, map, number, text, uid};
use crate::reconcile::Key;
use crate::reconcile::context::Context;
use crate::selector::LabelSelector;

/// Name of the component in the events of some controller.
pub(super) type Component = &'static str;

/// Whether a pod counts as one of its owner's replicas.
pub(super) fn is_active(pod: &Value) -> bool {
    !is_finished(pod) && !object::is_terminating(pod)
}

/// Whether a pod has ended for good.
pub(super) fn is_finished(pod: &Value) -> bool {
    matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// Whether a pod is ready.
pub(super) fn is_ready(pod: &Value) -> bool {
    object::is_true(pod, "Ready")
}

/// When a pod that is ready has been so for long enough; `None` for one that is not ready.
pub(super) fn available_at(pod: &Value, min_ready: i64) -> Option<Timestamp> {
    let ready = object::condition(pod, "Ready").filter(|condition| text(condition, "/status") == "True")?;
    let since = object::time(ready, "/lastTransitionTime").unwrap_or(Timestamp::UNIX_EPOCH);
    since.saturating_add(SignedDuration::from_secs(min_ready)).ok()
}

/// Whether a pod has been ready for long enough.
pub(super) fn is_available(pod: &Value, min_ready: i64, now: Timestamp) -> bool {
    if min_ready == 0 { is_ready(pod) } else { available_at(pod, min_ready).is_some_and(|at| at <= now) }
}

/// The next moment at which one of the pods becomes available by waiting.
pub(super) fn next_available(pods: &[Shared], min_ready: i64, now: Timestamp) -> Option<Timestamp> {
    pods.iter().filter_map(|pod| available_at(pod, min_ready)).filter(|at| *at > now).min()
}

/// A controller reference to an object.
pub(super) fn owner_reference(owner: &Value) -> Value {
    json!({
        "apiVersion": text(owner, "/apiVersion"), "kind": text(owner, "/kind"), "name": object::name(owner),
        "uid": uid(owner), "controller": true, "blockOwnerDeletion": true,
    })
}

/// A pod as a template describes it, named by the server.
pub(super) fn from_template(template: &Value, owner: &Value) -> Value {
    let mut metadata = json!({
        "generateName": format!("{}-", object::name(owner)),
        "ownerReferences": [owner_reference(owner)],
    });
    for field in ["labels", "annotations", "finalizers"] {
        if let Some(value) = template.get("metadata").and_then(|metadata| metadata.get(field)) {
            metadata[field] = value.clone();
        }
    }
    let spec = template.get("spec").cloned().unwrap_or_default();
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
}

/// Whether an object is managed by an owner.
pub(super) fn is_controlled_by(object: &Value, owner: &Value) -> bool {
    object::controller(object).is_some_and(|controller| text(controller, "/uid") == uid(owner))
}

/// The objects that an owner manages; orphans that its selector matches are adopted, others released.
pub(super) async fn claim(
    context: &Context,
    resource: &Resource,
    owner: &Value,
    selector: &LabelSelector,
) -> Result<Vec<Shared>, Refusal> {
    let mut claimed = Vec::new();
    for object in context.cache().owned(resource, uid(owner)) {
        if !is_controlled_by(&object, owner) {
            continue;
        }
        if selector.selects(&object) || object::is_terminating(owner) {
            claimed.push(object);
        } else if !object::is_terminating(&object) {
            release(context, resource, &object, owner).await?;
        }
    }
    if object::is_terminating(owner) || selector.is_empty() {
        return Ok(claimed);
    }
    for object in context.cache().orphans(resource, object::namespace(owner)) {
        let wanted = selector.selects(&object) && !object::is_terminating(&object);
        if wanted && !(object.look("/status/phase").is_some() && is_finished(&object)) {
            claimed.push(adopt(context, resource, &object, owner).await?);
        }
    }
    Ok(claimed)
}

async fn adopt(
    context: &Context,
    resource: &Resource,
    object: &Value,
    owner: &Value,
) -> Result<Shared, Refusal> {
    let mut owners = items(object, "/metadata/ownerReferences").to_vec();
    owners.push(owner_reference(owner));
    let patch = json!({"metadata": {"uid": uid(object), "ownerReferences": owners}});
    context.merge(&Key::of(resource, object), patch).await
}

async fn release(
    context: &Context,
    resource: &Resource,
    object: &Value,
    owner: &Value,
) -> Result<(), Refusal> {
    let owners = items(object, "/metadata/ownerReferences").iter();
    let others: Vec<&Value> = owners.filter(|other| text(other, "/uid") != uid(owner)).collect();
    let patch = json!({"metadata": {"uid": uid(object), "ownerReferences": others}});
    match context.merge(&Key::of(resource, object), patch).await {
        Err(refusal) if !refusal.is_not_found() => Err(refusal),
        _ => Ok(()),
    }
}

/// Makes pods, first one, then two, four and so on, so that a failure is not repeated for each.
pub(super) async fn create_many(
    context: &Context,
    component: Component,
    owner: &Value,
    pods: impl IntoIterator<Item = Value>,
) -> Result<(), Refusal> {
    for pod in pods {
        create(context, component, owner, pod).await?;
    }
    Ok(())
}

/// Makes one pod and says so.
pub(super) async fn create(
    context: &Context,
    component: Component,
    owner: &Value,
    pod: Value,
) -> Result<Shared, Refusal> {
    match context.create(&crate::builtin::PODS, object::namespace(owner), pod).await {
        Ok(pod) => {
            let message = format!("Created pod: {}", object::name(&pod));
            context.event(component, owner, "Normal", "SuccessfulCreate", &message);
            Ok(pod)
        }
        Err(refusal) => {
            if !refusal.message.contains("because it is being terminated") {
                context.event(
                    component,
                    owner,
                    "Warning",
                    "FailedCreate",
                    &format!("Error creating: {refusal}"),
                );
            }
            Err(refusal)
        }
    }
}

/// Removes one pod and says so.
pub(super) async fn delete(
    context: &Context,
    component: Component,
    owner: &Value,
    pod: &Value,
) -> Result<(), Refusal> {
    match context.delete(&crate::builtin::PODS, pod, None).await {
        Ok(()) => {
            let message = format!("Deleted pod: {}", object::name(pod));
            context.event(component, owner, "Normal", "SuccessfulDelete", &message);
            Ok(())
        }
        Err(refusal) => {
            context.event(component, owner, "Warning", "FailedDelete", &format!("Error deleting: {refusal}"));
            Err(refusal)
        }
    }
}

/// Sorts pods so that those whose loss hurts least come first.
pub(super) fn sort_for_deletion(pods: &mut [Shared]) {
    pods.sort_by_cached_key(|pod| {
        let phase = match text(pod, "/status/phase") {
            "Running" => 2,
            "Unknown" => 1,
            _ => 0,
        };
        let cost = object::annotation(pod, "controller.kubernetes.io/pod-deletion-cost");
        let ready = object::condition(pod, "Ready").and_then(|c| object::time(c, "/lastTransitionTime"));
        (
            !text(pod, "/spec/nodeName").is_empty(),
            phase,
            is_ready(pod),
            cost.and_then(|cost| cost.parse::<i64>().ok()).unwrap_or(0),
            Reverse(if is_ready(pod) { ready } else { None }),
            Reverse(restarts(pod)),
            Reverse(object::time(pod, "/metadata/creationTimestamp")),
            object::name(pod).to_owned(),
        )
    });
}

fn restarts(pod: &Value) -> i64 {
    let counts = items(pod, "/status/containerStatuses").iter();
    counts.filter_map(|status| number(status, "/restartCount")).max().unwrap_or(0)
}

/// The letters of generated names.
const SAFE: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// A short hash of a template, as a label and a part of names. Equal templates have equal hashes; the count tells
/// apart different ones that collide.
pub(super) fn hash(value: &Value, collisions: Option<i64>) -> String {
    let mut hash = Fnv(0x811c_9dc5);
    hash.value(value);
    if let Some(collisions) = collisions {
        hash.bytes(&collisions.to_le_bytes());
    }
    let digits = hash.0.to_string();
    digits.bytes().map(|digit| char::from(SAFE[usize::from(digit) % SAFE.len()])).collect()
}

struct Fnv(u32);

impl Fnv {
    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
        }
    }

    /// The order of keys does not count, and neither does what an API server drops.
    fn value(&mut self, value: &Value) {
        match value {
            Value::Object(map) => {
                let mut entries: Vec<_> = map.iter().filter(|(_, value)| !value.is_null()).collect();
                entries.sort_unstable_by_key(|(key, _)| key.as_str());
                self.bytes(b"{");
                for (key, value) in entries {
                    self.bytes(key.as_bytes());
                    self.bytes(b":");
                    self.value(value);
                }
                self.bytes(b"}");
            }
            Value::Array(list) => {
                self.bytes(b"[");
                for value in list {
                    self.value(value);
                    self.bytes(b",");
                }
                self.bytes(b"]");
            }
            other => self.bytes(other.to_string().as_bytes()),
        }
    }
}

/// The selector of a workload.
pub(super) fn selector(workload: &Value) -> LabelSelector {
    let selector = workload.look("/spec/selector").unwrap_or(&Value::Null);
    if text(workload, "/kind") == "ReplicationController" {
        // The elder kind knows labels only.
        return LabelSelector::from_value(&json!({"matchLabels": selector})).unwrap_or_default();
    }
    LabelSelector::from_value(selector).unwrap_or_default()
}

/// Whether a workload's selector concerns an object of its namespace that nobody manages.
pub(super) fn might_adopt(workload: &Value, object: &Value) -> bool {
    object::controller(object).is_none() && selector(workload).selects(object)
}

/// Whether the labels of a template are on a pod.
pub(super) fn has_labels(pod: &Value, labels: &Value) -> bool {
    map(labels, "").is_none_or(|labels| {
        labels.iter().all(|(key, value)| label(pod, key) == Some(value.as_str().unwrap_or_default()))
    })
}

/// Names the workload that manages a changed pod, and those that might adopt it.
pub(super) fn affected_owners(
    resource: &Resource,
    cache: &crate::reconcile::cache::Cache,
    seen: &crate::reconcile::Seen<'_>,
    enqueue: &mut dyn FnMut(Key),
) {
    let mut orphan = false;
    for state in seen.states() {
        match object::controller(state) {
            Some(owner) => {
                if text(owner, "/kind") == resource.kind {
                    enqueue(Key::new(resource, object::namespace(state), text(owner, "/name")));
                }
            }
            None => orphan = true,
        }
    }
    let news = match (seen.old, seen.new) {
        (None, Some(_)) => true,
        (Some(old), Some(new)) => {
            old.look("/metadata/labels") != new.look("/metadata/labels")
                || old.look("/metadata/ownerReferences") != new.look("/metadata/ownerReferences")
        }
        _ => false,
    };
    if let Some(new) = seen.new.filter(|_| orphan && news) {
        for workload in cache.list(resource, object::namespace(new)) {
            if might_adopt(&workload, new) {
                enqueue(Key::of(resource, &workload));
            }
        }
    }
}
