//! Garbage: objects whose owners are gone go too; owners that are deleted in the foreground wait for their dependents;
//! orphans lose the reference.

use serde_json::{Value, json};

use crate::builtin::{self, EVENTS};
use crate::client::{Call, Pending, Refusal, Resource, Shared, Verb};
use crate::object::{self, flag, items, namespace, text, uid};
use crate::reconcile::cache::Cache;
use crate::reconcile::context::Context;
use crate::reconcile::{Key, Outcome, Reconciler, Seen};

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

/// Collects what nobody owns any more.
pub(super) struct Garbage;

impl Reconciler for Garbage {
    fn name(&self) -> &'static str {
        "garbage-collector-controller"
    }

    fn watches(&self) -> Vec<Resource> {
        Vec::new()
    }

    fn affected(&self, cache: &Cache, seen: &Seen<'_>, enqueue: &mut dyn FnMut(Key)) {
        if *seen.resource == EVENTS {
            return;
        }
        let object = seen.object();
        let owners = items(object, "/metadata/ownerReferences");
        if seen.new.is_none() {
            cache.dependents(uid(object)).into_iter().for_each(&mut *enqueue);
        } else {
            let begins =
                is_waiting(object) || has_finalizer(object, ORPHAN) && object::is_terminating(object);
            let lost = owners.iter().any(|owner| cache.by_uid(text(owner, "/uid")).is_none());
            if begins || lost {
                enqueue(seen.key());
            }
        }
        // An owner that waits learns of each dependent; and dependents are made to go.
        for owner in seen.states().flat_map(|state| items(state, "/metadata/ownerReferences")) {
            let Some(key) = cache.by_uid(text(owner, "/uid")) else { continue };
            if cache.of(&key).is_some_and(|owner| is_waiting(&owner)) {
                enqueue(key);
                if seen.new.is_some() && !object::is_terminating(object) {
                    enqueue(seen.key());
                }
            }
        }
    }

    fn reconcile<'a>(&'a self, context: &'a Context, key: &'a Key) -> Pending<'a, Outcome> {
        Box::pin(look(context, key))
    }
}

fn has_finalizer(object: &Value, finalizer: &str) -> bool {
    items(object, "/metadata/finalizers").iter().any(|other| other.as_str() == Some(finalizer))
}

/// Whether an object is deleted in the foreground.
fn is_waiting(object: &Value) -> bool {
    object::is_terminating(object) && has_finalizer(object, FOREGROUND)
}

async fn look(context: &Context, key: &Key) -> Outcome {
    let Some(object) = context.cache().of(key) else { return Ok(None) };
    if object::is_terminating(&object) {
        if has_finalizer(&object, ORPHAN) {
            return orphan(context, key, &object).await;
        }
        if has_finalizer(&object, FOREGROUND) {
            return wait(context, key, &object).await;
        }
        return Ok(None);
    }
    let owners = items(&object, "/metadata/ownerReferences");
    let (mut solid, mut dangling, mut waiting) = (Vec::new(), Vec::new(), false);
    for owner in owners {
        match find(context, &object, owner).await? {
            Owner::Gone => dangling.push(owner),
            Owner::Waits => waiting = true,
            Owner::There => solid.push(owner),
        }
    }
    if owners.is_empty() || dangling.is_empty() && !waiting {
        return Ok(None);
    }
    if !solid.is_empty() {
        if !dangling.is_empty() {
            drop_references(context, key, &object, |owner| dangling.contains(&owner)).await?;
        }
        return Ok(None);
    }
    let dependents = !context.cache().dependents(uid(&object)).is_empty();
    let policy = if waiting && dependents || has_finalizer(&object, FOREGROUND) {
        "Foreground"
    } else if has_finalizer(&object, ORPHAN) {
        "Orphan"
    } else {
        "Background"
    };
    context.delete(&key.resource, &object, Some(policy)).await?;
    Ok(None)
}

enum Owner {
    There,
    Gone,
    /// It is being deleted in the foreground.
    Waits,
}

/// Looks for an owner: in the cache, and on the server before it is taken for gone.
async fn find(context: &Context, object: &Value, owner: &Value) -> Result<Owner, Refusal> {
    let state = |found: &Value| if is_waiting(found) { Owner::Waits } else { Owner::There };
    let wanted = text(owner, "/uid");
    if let Some(found) = context.cache().by_uid(wanted).and_then(|key| context.cache().of(&key)) {
        let elsewhere = !namespace(&found).is_empty() && namespace(&found) != namespace(object);
        return Ok(if elsewhere { Owner::Gone } else { state(&found) });
    }
    let Some(resource) = resource_of(context, owner) else {
        return Ok(Owner::There); // a kind that nobody serves: nothing is known
    };
    let space = if resource.namespaced { namespace(object) } else { "" };
    match context
        .client()
        .call(Call::new(Verb::Get, &resource, space, text(owner, "/name"), Value::Null))
        .await
    {
        Ok(found) if uid(&found) == wanted => Ok(state(&found)),
        Ok(_) => Ok(Owner::Gone),
        Err(refusal) if refusal.is_not_found() => Ok(Owner::Gone),
        Err(refusal) => Err(refusal),
    }
}

fn resource_of(context: &Context, owner: &Value) -> Option<Resource> {
    let (version, kind) = (text(owner, "/apiVersion"), text(owner, "/kind"));
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let is = |resource: &&Resource| resource.kind == kind && resource.group == group;
    builtin::ALL
        .iter()
        .find(is)
        .cloned()
        .or_else(|| context.client().all_resources().iter().find(is).cloned())
}

/// Takes references away that `which` names.
async fn drop_references(
    context: &Context,
    key: &Key,
    object: &Value,
    which: impl Fn(&Value) -> bool,
) -> Result<(), Refusal> {
    let left: Vec<&Value> =
        items(object, "/metadata/ownerReferences").iter().filter(|owner| !which(owner)).collect();
    let patch = json!({"metadata": {
        "uid": uid(object), "resourceVersion": text(object, "/metadata/resourceVersion"), "ownerReferences": left,
    }});
    match context.merge(key, patch).await {
        Err(refusal) if !refusal.is_not_found() => Err(refusal),
        _ => Ok(()),
    }
}

async fn drop_finalizer(context: &Context, key: &Key, object: &Value, finalizer: &str) -> Outcome {
    let all = items(object, "/metadata/finalizers").iter();
    let left: Vec<&Value> = all.filter(|other| other.as_str() != Some(finalizer)).collect();
    let patch = json!({"metadata": {
        "uid": uid(object), "resourceVersion": text(object, "/metadata/resourceVersion"), "finalizers": left,
    }});
    match context.merge(key, patch).await {
        Err(refusal) if !refusal.is_not_found() => Err(refusal),
        _ => Ok(None),
    }
}

/// Dependents stay and forget their owner.
async fn orphan(context: &Context, key: &Key, owner: &Shared) -> Outcome {
    for dependent in context.cache().dependents(uid(owner)) {
        if let Some(object) = context.cache().of(&dependent) {
            drop_references(context, &dependent, &object, |other| text(other, "/uid") == uid(owner)).await?;
        }
    }
    drop_finalizer(context, key, owner, ORPHAN).await
}

/// The owner goes once no dependent that blocks it is left.
async fn wait(context: &Context, key: &Key, owner: &Shared) -> Outcome {
    let mut blocked = false;
    for dependent in context.cache().dependents(uid(owner)) {
        let Some(object) = context.cache().of(&dependent) else { continue };
        let mut references = items(&object, "/metadata/ownerReferences").iter();
        blocked |=
            references.any(|other| text(other, "/uid") == uid(owner) && flag(other, "/blockOwnerDeletion"));
        if !object::is_terminating(&object) {
            // Its own look decides; asking twice does no harm.
            Box::pin(look(context, &dependent)).await?;
        }
    }
    if blocked { Ok(None) } else { drop_finalizer(context, key, owner, FOREGROUND).await }
}
