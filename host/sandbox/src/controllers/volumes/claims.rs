//! A claim: finds a volume, gets one made, or waits.

use serde_json::{Value, json};

use super::{
    BY_US, COMPLETED, COMPONENT, NO_PROVISIONER, PROVISIONED_BY, annotate, offers, protection, set_phase,
};
use crate::builtin::{PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES};
use crate::client::{Refusal, Shared};
use crate::controllers::scheduler::SELECTED_NODE;
use crate::object::{self, Look, annotation, items, name, namespace, text, uid};
use crate::quantity::Quantity;
use crate::reconcile::context::Context;
use crate::reconcile::{Key, Outcome};
use crate::selector::LabelSelector;

/// A claim that is never bound, by its annotation `sandbox.osc.io/fault`.
const NEVER_BOUND: &str = "never-bound";

pub(super) async fn look(context: &Context, key: &Key) -> Outcome {
    let Some(claim) = context.cache().of(key) else { return Ok(None) };
    if object::is_terminating(&claim) {
        protection::release_claim(context, key, &claim).await?;
        return Ok(None);
    }
    if annotation(&claim, COMPLETED).is_some() {
        return keep(context, &claim).await.map(|()| None);
    }
    if annotation(&claim, "sandbox.osc.io/fault") == Some(NEVER_BOUND) {
        return Ok(None);
    }
    let wanted = text(&claim, "/spec/volumeName");
    let volume = if wanted.is_empty() {
        find(context, &claim)
    } else {
        context.cache().get(&PERSISTENT_VOLUMES, "", wanted).filter(|volume| is_free_for(volume, &claim))
    };
    if let Some(volume) = volume {
        let waits = waits_for_user(context, &claim);
        let prebound = uid(&claim) == text(&volume, "/spec/claimRef/uid") || !wanted.is_empty();
        if waits && !prebound {
            tell_waiting(context, &claim);
            return Ok(None);
        }
        bind(context, &claim, &volume).await?;
        return Ok(None);
    }
    if wanted.is_empty() {
        provision(context, &claim).await?;
    }
    Ok(None)
}

/// A bound claim shows what its volume offers, or that it has lost it.
async fn keep(context: &Context, claim: &Shared) -> Result<(), Refusal> {
    let volume = context.cache().get(&PERSISTENT_VOLUMES, "", text(claim, "/spec/volumeName"));
    let mut status = super::super::status::of(claim);
    let Some(volume) = volume.filter(|volume| text(volume, "/spec/claimRef/uid") == uid(claim)) else {
        if text(claim, "/status/phase") != "Lost" {
            status.insert("phase".to_owned(), "Lost".into());
            context.set_status(&PERSISTENT_VOLUME_CLAIMS, claim, Value::Object(status)).await?;
            let message = "Bound claim has lost its PersistentVolume. Data on the volume is lost!";
            context.event(COMPONENT, claim, "Warning", "ClaimLost", message);
        }
        return Ok(());
    };
    // A claim that grew: the simulated volume grows with it.
    let (asked, has) = (size(claim.look("/spec/resources/requests/storage")), size(capacity(&volume)));
    let mut volume = volume;
    if asked > has && annotation(&volume, PROVISIONED_BY).is_some() {
        let mut new = (*volume).clone();
        new["spec"]["capacity"]["storage"] = claim["spec"]["resources"]["requests"]["storage"].clone();
        volume = context.update(&PERSISTENT_VOLUMES, new).await?;
    }
    status.insert("phase".to_owned(), "Bound".into());
    status.insert("accessModes".to_owned(), volume["spec"]["accessModes"].clone());
    status.insert("capacity".to_owned(), volume["spec"]["capacity"].clone());
    context.set_status(&PERSISTENT_VOLUME_CLAIMS, claim, Value::Object(status)).await
}

fn capacity(volume: &Value) -> Option<&Value> {
    volume.look("/spec/capacity/storage")
}

fn size(quantity: Option<&Value>) -> i128 {
    let text = match quantity {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => return 0,
    };
    Quantity::parse(&text).map_or(0, |quantity| quantity.milli())
}

fn is_free_for(volume: &Value, claim: &Value) -> bool {
    let reference = volume.look("/spec/claimRef").filter(|reference| !reference.is_null());
    reference.is_none_or(|reference| {
        let same =
            text(reference, "/name") == name(claim) && text(reference, "/namespace") == namespace(claim);
        same && (text(reference, "/uid").is_empty() || text(reference, "/uid") == uid(claim))
    })
}

/// The smallest volume that suits a claim; one that was kept for it first.
fn find(context: &Context, claim: &Value) -> Option<Shared> {
    let modes = items(claim, "/spec/accessModes");
    let asked = size(claim.look("/spec/resources/requests/storage"));
    let selector = claim.look("/spec/selector").filter(|selector| selector.is_object());
    let selector = selector.and_then(LabelSelector::from_value);
    let mode = |object: &Value| match text(object, "/spec/volumeMode") {
        "" => "Filesystem".to_owned(),
        mode => mode.to_owned(),
    };
    let kept = |volume: &Value| !text(volume, "/spec/claimRef/name").is_empty();
    let suits = |volume: &Shared| {
        let fits = text(volume, "/spec/storageClassName") == text(claim, "/spec/storageClassName")
            && selector.as_ref().is_none_or(|selector| selector.selects(volume));
        !object::is_terminating(volume)
            && is_free_for(volume, claim)
            && matches!(text(volume, "/status/phase"), "" | "Available" | "Bound" | "Pending")
            && (fits || kept(volume))
            && offers(volume, modes)
            && mode(volume) == mode(claim)
            && size(capacity(volume)) >= asked
    };
    let mut volumes = context.cache().list(&PERSISTENT_VOLUMES, "");
    volumes.retain(suits);
    volumes.into_iter().min_by_key(|volume| (!kept(volume), size(capacity(volume)), name(volume).to_owned()))
}

fn waits_for_user(context: &Context, claim: &Value) -> bool {
    let class = context.cache().get(&STORAGE_CLASSES, "", text(claim, "/spec/storageClassName"));
    let waits = class.is_some_and(|class| text(&class, "/volumeBindingMode") == "WaitForFirstConsumer");
    waits && annotation(claim, SELECTED_NODE).is_none()
}

fn tell_waiting(context: &Context, claim: &Value) {
    let message = "waiting for first consumer to be created before binding";
    context.event(COMPONENT, claim, "Normal", "WaitForFirstConsumer", message);
}

async fn bind(context: &Context, claim: &Shared, volume: &Shared) -> Result<(), Refusal> {
    let mut volume = volume.clone();
    if text(&volume, "/spec/claimRef/uid") != uid(claim) {
        let mut new = (*volume).clone();
        if text(&volume, "/spec/claimRef/name").is_empty() {
            annotate(&mut new, BY_US, "yes");
        }
        new["spec"]["claimRef"] = json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": namespace(claim),
            "name": name(claim), "uid": uid(claim),
            "resourceVersion": text(claim, "/metadata/resourceVersion"),
        });
        volume = context.update(&PERSISTENT_VOLUMES, new).await?;
    }
    set_phase(context, &volume, "Bound").await?;
    let mut new = (**claim).clone();
    if text(claim, "/spec/volumeName").is_empty() {
        annotate(&mut new, BY_US, "yes");
        new["spec"]["volumeName"] = name(&volume).into();
    }
    annotate(&mut new, COMPLETED, "yes");
    if annotation(&volume, PROVISIONED_BY).is_none()
        && let Some(annotations) = new["metadata"]["annotations"].as_object_mut()
    {
        annotations.remove(SELECTED_NODE); // only provisioners are told the node
    }
    let claim = context.update(&PERSISTENT_VOLUME_CLAIMS, new).await?;
    keep(context, &claim).await
}

/// Gets a volume made, if the class says by whom.
async fn provision(context: &Context, claim: &Shared) -> Result<(), Refusal> {
    let class_name = text(claim, "/spec/storageClassName");
    if class_name.is_empty() {
        let message = "no persistent volumes available for this claim and no storage class is set";
        context.event(COMPONENT, claim, "Normal", "FailedBinding", message);
        return Ok(());
    }
    let Some(class) = context.cache().get(&STORAGE_CLASSES, "", class_name) else {
        let message = format!("storageclass.storage.k8s.io \"{class_name}\" not found");
        context.event(COMPONENT, claim, "Warning", "ProvisioningFailed", &message);
        return Ok(());
    };
    if waits_for_user(context, claim) {
        tell_waiting(context, claim);
        return Ok(());
    }
    let provisioner = text(&class, "/provisioner");
    if provisioner == NO_PROVISIONER {
        let message = "no persistent volumes available for this claim and no storage class is set";
        context.event(COMPONENT, claim, "Normal", "FailedBinding", message);
        return Ok(());
    }
    let claim = if annotation(claim, "volume.kubernetes.io/storage-provisioner").is_none() {
        let mut new = (**claim).clone();
        annotate(&mut new, "volume.kubernetes.io/storage-provisioner", provisioner);
        annotate(&mut new, "volume.beta.kubernetes.io/storage-provisioner", provisioner);
        context.update(&PERSISTENT_VOLUME_CLAIMS, new).await?
    } else {
        claim.clone()
    };
    let volume_name = format!("pvc-{}", uid(&claim));
    let policy = match text(&class, "/reclaimPolicy") {
        "" => "Delete",
        policy => policy,
    };
    let volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {"name": volume_name, "annotations": {PROVISIONED_BY: provisioner}},
        "spec": {
            "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
            "accessModes": claim["spec"]["accessModes"], "volumeMode": claim["spec"]["volumeMode"],
            "storageClassName": class_name, "persistentVolumeReclaimPolicy": policy,
            "hostPath": {"path": format!("/simulated/{}_{}", namespace(&claim), name(&claim)), "type": ""},
            "claimRef": {
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": namespace(&claim),
                "name": name(&claim), "uid": uid(&claim),
                "resourceVersion": text(&claim, "/metadata/resourceVersion"),
            },
        },
    });
    match context.create(&PERSISTENT_VOLUMES, "", volume).await {
        Ok(volume) => {
            let message = format!("Simulated: Successfully provisioned volume {volume_name}");
            context.event(COMPONENT, &claim, "Normal", "ProvisioningSucceeded", &message);
            bind(context, &claim, &volume).await
        }
        Err(refusal) if refusal.is_already_exists() => Ok(()), // its own news brings the claim back
        Err(refusal) => Err(refusal),
    }
}
