//! The end of namespaces: everything in them goes first, and the status says what does not.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::status::{self, Condition, Times};
use crate::builtin::{NAMESPACES, PODS};
use crate::client::{Call, Pending, Refusal, Resource, Verb};
use crate::object::{self, items, name, namespace, text, uid};
use crate::reconcile::cache::Cache;
use crate::reconcile::context::Context;
use crate::reconcile::{Key, Outcome, Reconciler, Seen};

/// Empties namespaces that are being deleted.
pub(super) struct Namespaces;

impl Reconciler for Namespaces {
    fn name(&self) -> &'static str {
        "namespace-controller"
    }

    fn watches(&self) -> Vec<Resource> {
        Vec::new()
    }

    fn affected(&self, cache: &Cache, seen: &Seen<'_>, enqueue: &mut dyn FnMut(Key)) {
        let object = seen.object();
        if *seen.resource == NAMESPACES {
            if object::is_terminating(object) {
                enqueue(seen.key());
            }
        } else if seen.resource.namespaced && (seen.new.is_none() || object::is_terminating(object)) {
            let space = cache.get(&NAMESPACES, "", namespace(object));
            if space.is_some_and(|space| object::is_terminating(&space)) {
                enqueue(Key::new(&NAMESPACES, "", namespace(object)));
            }
        }
    }

    fn reconcile<'a>(&'a self, context: &'a Context, key: &'a Key) -> Pending<'a, Outcome> {
        Box::pin(look(context, key))
    }
}

async fn look(context: &Context, key: &Key) -> Outcome {
    let Some(space) = context.cache().of(key).filter(|space| object::is_terminating(space)) else {
        return Ok(None);
    };
    if items(&space, "/spec/finalizers").is_empty() {
        return Ok(None); // the server removes it
    }
    // Pods first: what they use stays until they have stopped.
    let everything = context.cache().resources();
    let namespaced: Vec<Resource> = everything.into_iter().filter(|resource| resource.namespaced).collect();
    let mut failure = empty(context, name(&space), &[PODS]).await;
    let mut left = Left::count(context.cache(), name(&space), &[PODS]);
    if left.resources.is_empty() && failure.is_none() {
        failure = empty(context, name(&space), &namespaced).await;
        left = Left::count(context.cache(), name(&space), &namespaced);
    }
    write_status(context, &space, &left, &failure).await?;
    if let Some(refusal) = failure {
        return Err(refusal);
    }
    if !left.resources.is_empty() {
        return Ok(None); // each end brings us back
    }
    // What the cache does not follow may still be there; the server knows.
    let mut new = context.cache().of(key).map_or_else(|| (*space).clone(), |space| (*space).clone());
    let others = items(&new, "/spec/finalizers").iter().filter(|f| f.as_str() != Some("kubernetes"));
    new["spec"]["finalizers"] = others.cloned().collect::<Vec<_>>().into();
    match context.call(Call::new(Verb::Update, &NAMESPACES, "", name(&space), new).on("finalize")).await {
        Err(refusal) if !refusal.is_not_found() => Err(refusal),
        _ => Ok(None),
    }
}

/// Deletes everything that is not on its way already; the first refusal, if there was one.
async fn empty(context: &Context, space: &str, resources: &[Resource]) -> Option<Refusal> {
    let mut failure = None;
    for resource in resources {
        for object in context.cache().list(resource, space) {
            if object::is_terminating(&object) {
                continue;
            }
            let options = json!({
                "kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background",
                "preconditions": {"uid": uid(&object)},
            });
            let call = Call::new(Verb::Delete, resource, space, name(&object), options);
            match context.call(call).await {
                Err(refusal) if !refusal.is_not_found() && !refusal.is_conflict() => failure = Some(refusal),
                _ => {}
            }
        }
    }
    failure
}

/// What is still in a namespace.
#[derive(Default)]
struct Left {
    resources: BTreeMap<String, usize>,
    finalizers: BTreeMap<String, usize>,
}

impl Left {
    fn count(cache: &Cache, space: &str, resources: &[Resource]) -> Self {
        let mut left = Self::default();
        for resource in resources {
            for object in cache.list(resource, space) {
                let what = format!("{}.{}", resource.plural, resource.group);
                *left.resources.entry(what).or_default() += 1;
                for finalizer in items(&object, "/metadata/finalizers").iter().filter_map(Value::as_str) {
                    *left.finalizers.entry(finalizer.to_owned()).or_default() += 1;
                }
            }
        }
        left
    }
}

async fn write_status(
    context: &Context,
    space: &Value,
    left: &Left,
    failure: &Option<Refusal>,
) -> Result<(), Refusal> {
    let list = |counts: &BTreeMap<String, usize>, word: &str| {
        let texts: Vec<String> =
            counts.iter().map(|(what, n)| format!("{what} {word} {n} resource instances")).collect();
        texts.join(", ")
    };
    let failed = failure.as_ref().map(|refusal| {
        let message = format!("Failed to delete all resource types, 1 remaining: {refusal}");
        ("ContentDeletionFailed", message)
    });
    let remaining = (!left.resources.is_empty()).then(|| {
        ("SomeResourcesRemain", format!("Some resources are remaining: {}", list(&left.resources, "has")))
    });
    let blocked = (!left.finalizers.is_empty()).then(|| {
        let message = "Some content in the namespace has finalizers remaining:";
        ("SomeFinalizersRemain", format!("{message} {}", list(&left.finalizers, "in")))
    });
    let conditions = [
        (
            "NamespaceDeletionDiscoveryFailure",
            "ResourcesDiscovered",
            "All resources successfully discovered",
            None,
        ),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
            None,
        ),
        (
            "NamespaceDeletionContentFailure",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
            failed,
        ),
        ("NamespaceContentRemaining", "ContentRemoved", "All content successfully removed", remaining),
        (
            "NamespaceFinalizersRemaining",
            "ContentHasNoFinalizers",
            "All content-preserving finalizers finished",
            blocked,
        ),
    ];
    let mut new = status::of(space);
    new.insert("phase".to_owned(), "Terminating".into());
    for (kind, good_reason, good_message, bad) in conditions {
        let (is, reason, message) = match &bad {
            Some((reason, message)) => ("True", *reason, message.as_str()),
            None => ("False", good_reason, good_message),
        };
        let outdated = status::find(&new, kind).is_some_and(|known| text(known, "/message") != message);
        let since = status::find(&new, kind).filter(|known| text(known, "/status") == is).cloned();
        if outdated {
            status::remove(&mut new, kind);
        }
        let condition = Condition { kind, status: is, reason, message, times: Times::Plain };
        status::set(&mut new, &condition, context.now());
        if let (true, Some(since)) = (outdated, since) {
            let list = new.get_mut("conditions").and_then(Value::as_array_mut).into_iter().flatten();
            list.filter(|condition| text(condition, "/type") == kind)
                .for_each(|condition| condition["lastTransitionTime"] = since["lastTransitionTime"].clone());
        }
    }
    match context.set_status(&NAMESPACES, space, Value::Object(new)).await {
        Err(refusal) if !refusal.is_not_found() => Err(refusal),
        _ => Ok(()),
    }
}
