//! Claims and volumes: matched by class, size, mode and selector, or made up by a simulated provisioner.

mod claims;
mod protection;

use serde_json::{Value, json};

use crate::builtin::{PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, STORAGE_CLASSES};
use crate::client::{Pending, Refusal, Resource, Shared};
use crate::clock;
use crate::object::{self, annotation, items, name, namespace, text, uid};
use crate::reconcile::cache::Cache;
use crate::reconcile::context::Context;
use crate::reconcile::{Key, Outcome, Reconciler, Seen};

const COMPONENT: &str = "persistentvolume-controller";
const BY_US: &str = "pv.kubernetes.io/bound-by-controller";
const COMPLETED: &str = "pv.kubernetes.io/bind-completed";
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
/// The provisioner of the default class. All others are simulated too, but for the one that makes nothing.
const PROVISIONER: &str = "sandbox.osc.io/simulated";
const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";
const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";

/// Binds claims to volumes.
pub(super) struct Volumes;

impl Reconciler for Volumes {
    fn name(&self) -> &'static str {
        COMPONENT
    }

    fn watches(&self) -> Vec<Resource> {
        vec![PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES, PODS]
    }

    fn initial(&self) -> Vec<Key> {
        vec![Key::new(&STORAGE_CLASSES, "", "standard")]
    }

    fn affected(&self, cache: &Cache, seen: &Seen<'_>, enqueue: &mut dyn FnMut(Key)) {
        let object = seen.object();
        if *seen.resource == PERSISTENT_VOLUME_CLAIMS {
            enqueue(seen.key());
            if seen.new.is_none() && !text(object, "/spec/volumeName").is_empty() {
                enqueue(Key::new(&PERSISTENT_VOLUMES, "", text(object, "/spec/volumeName")));
            }
        } else if *seen.resource == PERSISTENT_VOLUMES {
            enqueue(seen.key());
            let claim = (text(object, "/spec/claimRef/namespace"), text(object, "/spec/claimRef/name"));
            if claim.1.is_empty() {
                enqueue_pending(cache, enqueue);
            } else {
                enqueue(Key::new(&PERSISTENT_VOLUME_CLAIMS, claim.0, claim.1));
            }
        } else if *seen.resource == STORAGE_CLASSES {
            enqueue_pending(cache, enqueue);
        } else if seen.new.is_none() || super::pods::is_finished(object) {
            for claim in protection::claims_of(object) {
                enqueue(Key::new(&PERSISTENT_VOLUME_CLAIMS, namespace(object), claim));
            }
        }
    }

    fn reconcile<'a>(&'a self, context: &'a Context, key: &'a Key) -> Pending<'a, Outcome> {
        Box::pin(async move {
            if key.resource == PERSISTENT_VOLUME_CLAIMS {
                claims::look(context, key).await
            } else if key.resource == PERSISTENT_VOLUMES {
                look(context, key).await
            } else {
                make_default_class(context).await
            }
        })
    }

    fn workers(&self) -> usize {
        1 // two claims must not choose the same volume
    }
}

fn enqueue_pending(cache: &Cache, enqueue: &mut dyn FnMut(Key)) {
    let claims = cache.list(&PERSISTENT_VOLUME_CLAIMS, "");
    let pending = claims.iter().filter(|claim| text(claim, "/status/phase") != "Bound");
    pending.for_each(|claim| enqueue(Key::of(&PERSISTENT_VOLUME_CLAIMS, claim)));
}

/// A cluster without a default class gets one when it starts.
async fn make_default_class(context: &Context) -> Outcome {
    let is_default = |class: &Shared| annotation(class, DEFAULT_CLASS) == Some("true");
    if context.cache().list(&STORAGE_CLASSES, "").iter().any(is_default) {
        return Ok(None);
    }
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": "standard", "annotations": {DEFAULT_CLASS: "true"}},
        "provisioner": PROVISIONER, "reclaimPolicy": "Delete", "volumeBindingMode": "Immediate",
        "allowVolumeExpansion": true,
    });
    match context.create(&STORAGE_CLASSES, "", class).await {
        Err(refusal) if !refusal.is_already_exists() => Err(refusal),
        _ => Ok(None),
    }
}

/// A volume: available, bound, or released.
async fn look(context: &Context, key: &Key) -> Outcome {
    let Some(volume) = context.cache().of(key) else { return Ok(None) };
    if object::is_terminating(&volume) {
        protection::release_volume(context, key, &volume).await?;
        return Ok(None);
    }
    let wanted = text(&volume, "/spec/claimRef/uid");
    if text(&volume, "/spec/claimRef/name").is_empty() {
        return set_phase(context, &volume, "Available").await.map(|()| None);
    }
    if wanted.is_empty() {
        return set_phase(context, &volume, "Available").await.map(|()| None); // kept for a claim to come
    }
    let (space, claim) = (text(&volume, "/spec/claimRef/namespace"), text(&volume, "/spec/claimRef/name"));
    let claim =
        context.cache().get(&PERSISTENT_VOLUME_CLAIMS, space, claim).filter(|claim| uid(claim) == wanted);
    match claim {
        Some(claim) if text(&claim, "/spec/volumeName") == name(&volume) => {
            set_phase(context, &volume, "Bound").await?;
        }
        Some(_) => {} // the claim's own look goes on
        None => {
            set_phase(context, &volume, "Released").await?;
            if text(&volume, "/spec/persistentVolumeReclaimPolicy") == "Delete" {
                if annotation(&volume, PROVISIONED_BY).is_some() {
                    context.delete(&PERSISTENT_VOLUMES, &volume, None).await?;
                } else {
                    let message =
                        "error getting deleter volume plugin for volume: no deletable volume plugin matched";
                    let message = format!("{message}: {}", name(&volume));
                    set_failed(context, &volume, &message).await?;
                }
            }
        }
    }
    Ok(None)
}

async fn set_failed(context: &Context, volume: &Shared, message: &str) -> Result<(), Refusal> {
    if text(volume, "/status/phase") == "Failed" {
        return Ok(());
    }
    set_phase(context, volume, "Failed").await?;
    context.event(COMPONENT, volume, "Warning", "VolumeFailedDelete", message);
    Ok(())
}

async fn set_phase(context: &Context, volume: &Value, phase: &str) -> Result<(), Refusal> {
    let known = text(volume, "/status/phase");
    if known == phase || known == "Failed" && phase == "Released" {
        return Ok(());
    }
    let now = clock::seconds(context.now());
    context
        .set_status(&PERSISTENT_VOLUMES, volume, json!({"phase": phase, "lastPhaseTransitionTime": now}))
        .await
}

/// Sets an annotation in an object that is about to be written.
fn annotate(object: &mut Value, key: &str, value: &str) {
    if !object["metadata"]["annotations"].is_object() {
        object["metadata"]["annotations"] = json!({});
    }
    object["metadata"]["annotations"][key] = value.into();
}

/// Whether a volume offers all modes that a claim asks for.
fn offers(volume: &Value, modes: &[Value]) -> bool {
    modes.iter().all(|mode| items(volume, "/spec/accessModes").contains(mode))
}
