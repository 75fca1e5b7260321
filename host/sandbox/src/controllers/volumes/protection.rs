//! Claims stay while pods use them, volumes while claims do.

use serde_json::{Value, json};

use super::super::pods;
use crate::builtin::PODS;
use crate::client::Refusal;
use crate::object::{items, namespace, text, uid};
use crate::reconcile::Key;
use crate::reconcile::context::Context;

/// The names of the claims that a pod uses.
pub(super) fn claims_of(pod: &Value) -> impl Iterator<Item = &str> {
    let names =
        items(pod, "/spec/volumes").iter().map(|volume| text(volume, "/persistentVolumeClaim/claimName"));
    names.filter(|name| !name.is_empty())
}

/// Lets a claim go that no pod uses.
pub(super) async fn release_claim(context: &Context, key: &Key, claim: &Value) -> Result<(), Refusal> {
    let pods = context.cache().list(&PODS, namespace(claim));
    let uses = |pod: &Value| !pods::is_finished(pod) && claims_of(pod).any(|name| name == key.name);
    let unscheduled = |pod: &Value| text(pod, "/spec/nodeName").is_empty();
    if pods.iter().any(|pod| uses(pod) && !unscheduled(pod)) {
        return Ok(());
    }
    drop_finalizer(context, key, claim, "kubernetes.io/pvc-protection").await
}

/// Lets a volume go that is not bound.
pub(super) async fn release_volume(context: &Context, key: &Key, volume: &Value) -> Result<(), Refusal> {
    if text(volume, "/status/phase") == "Bound" {
        return Ok(());
    }
    drop_finalizer(context, key, volume, "kubernetes.io/pv-protection").await
}

async fn drop_finalizer(
    context: &Context,
    key: &Key,
    object: &Value,
    finalizer: &str,
) -> Result<(), Refusal> {
    let all = items(object, "/metadata/finalizers");
    let left: Vec<&Value> = all.iter().filter(|other| other.as_str() != Some(finalizer)).collect();
    if left.len() == all.len() {
        return Ok(());
    }
    let patch = json!({"metadata": {
        "uid": uid(object), "resourceVersion": text(object, "/metadata/resourceVersion"), "finalizers": left,
    }});
    match context.merge(key, patch).await {
        Err(refusal) if !refusal.is_not_found() => Err(refusal),
        _ => Ok(()),
    }
}
