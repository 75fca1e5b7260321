//! The names, labels and claims that make each pod of a StatefulSet itself.

use serde_json::{Value, json};

use super::{COMPONENT, REVISION_LABEL};
use crate::builtin::PERSISTENT_VOLUME_CLAIMS;
use crate::client::{Refusal, Shared};
use crate::controllers::{pods, revisions};
use crate::object::{Look, items, map, name, namespace, text, uid};
use crate::reconcile::Key;
use crate::reconcile::context::Context;

/// The number of a pod in its set, by its name.
pub(super) fn ordinal(set: &Value, pod: &Value) -> Option<i64> {
    name(pod).strip_prefix(name(set))?.strip_prefix('-')?.parse().ok()
}

fn claim_name(set: &Value, template: &Value, ordinal: i64) -> String {
    format!("{}-{}-{ordinal}", name(template), name(set))
}

/// A pod of a set as a revision describes it.
pub(super) fn pod(set: &Value, revision: &Value, ordinal: i64) -> Value {
    let mut pod = pods::from_template(&revisions::template(revision), set);
    let pod_name = format!("{}-{ordinal}", name(set));
    pod["metadata"]["name"] = pod_name.clone().into();
    pod["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] = pod_name.clone().into();
    pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"] = ordinal.to_string().into();
    pod["metadata"]["labels"][REVISION_LABEL] = name(revision).into();
    pod["spec"]["hostname"] = pod_name.into();
    if !text(set, "/spec/serviceName").is_empty() {
        pod["spec"]["subdomain"] = text(set, "/spec/serviceName").into();
    }
    let templates = items(set, "/spec/volumeClaimTemplates");
    if !templates.is_empty() {
        let mut volumes: Vec<Value> = templates
            .iter()
            .map(|template| {
                let claim = claim_name(set, template, ordinal);
                json!({"name": name(template), "persistentVolumeClaim": {"claimName": claim}})
            })
            .collect();
        let others = items(&pod, "/spec/volumes").iter();
        let claimed =
            |volume: &&Value| templates.iter().any(|template| name(template) == text(volume, "/name"));
        volumes.extend(others.filter(|volume| !claimed(volume)).cloned().collect::<Vec<_>>());
        pod["spec"]["volumes"] = volumes.into();
    }
    pod
}

/// Makes the claims that a pod needs and that are not there.
pub(super) async fn make_claims(
    context: &Context,
    set: &Value,
    pod: &Value,
    ordinal: i64,
) -> Result<(), Refusal> {
    for template in items(set, "/spec/volumeClaimTemplates") {
        let claim_name = claim_name(set, template, ordinal);
        if context.cache().get(&PERSISTENT_VOLUME_CLAIMS, namespace(set), &claim_name).is_some() {
            continue;
        }
        let mut labels = template.look("/metadata/labels").cloned().unwrap_or_else(|| json!({}));
        for (key, value) in map(set, "/spec/selector/matchLabels").into_iter().flatten() {
            labels[key] = value.clone();
        }
        let mut claim = json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": claim_name, "labels": labels}, "spec": template["spec"],
        });
        if let Some(annotations) = template.look("/metadata/annotations") {
            claim["metadata"]["annotations"] = annotations.clone();
        }
        if text(set, "/spec/persistentVolumeClaimRetentionPolicy/whenDeleted") == "Delete" {
            claim["metadata"]["ownerReferences"] = json!([pods::owner_reference(set)]);
        }
        context.create(&PERSISTENT_VOLUME_CLAIMS, namespace(set), claim).await?;
        let message =
            format!("create Claim {claim_name} Pod {} in StatefulSet {} success", name(pod), name(set));
        context.event(COMPONENT, set, "Normal", "SuccessfulCreate", &message);
    }
    Ok(())
}

/// Before a pod goes for good: its claims go with it where the set says so.
pub(super) async fn hand_over_claims(context: &Context, set: &Value, pod: &Shared) -> Result<(), Refusal> {
    let policy = text(set, "/spec/persistentVolumeClaimRetentionPolicy/whenScaled");
    let Some(ordinal) = ordinal(set, pod).filter(|_| policy == "Delete") else { return Ok(()) };
    for template in items(set, "/spec/volumeClaimTemplates") {
        let claim_name = claim_name(set, template, ordinal);
        let Some(claim) = context.cache().get(&PERSISTENT_VOLUME_CLAIMS, namespace(set), &claim_name) else {
            continue;
        };
        let owner = json!({"apiVersion": "v1", "kind": "Pod", "name": name(pod), "uid": uid(pod)});
        let patch = json!({"metadata": {"uid": uid(&claim), "ownerReferences": [owner]}});
        context.merge(&Key::of(&PERSISTENT_VOLUME_CLAIMS, &claim), patch).await?;
    }
    Ok(())
}
