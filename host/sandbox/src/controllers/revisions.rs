//! ControllerRevisions: the templates that StatefulSets and DaemonSets had.

use serde_json::{Value, json};

use super::pods;
use crate::builtin::CONTROLLER_REVISIONS;
use crate::client::{Refusal, Resource, Shared};
use crate::object::{self, Look, name, namespace, number, uid};
use crate::reconcile::Key;
use crate::reconcile::context::{Context, same};

/// How the kinds differ in what they write on their revisions.
pub(super) struct Style {
    /// The label that carries the hash.
    pub(super) hash_label: &'static str,
    /// An annotation that is copied from the owner.
    pub(super) annotation: Option<&'static str>,
}

/// The revisions of an owner, oldest first.
pub(super) fn list(context: &Context, owner: &Value) -> Vec<Shared> {
    let mut found = context.cache().owned(&CONTROLLER_REVISIONS, uid(owner));
    found.retain(|revision| pods::is_controlled_by(revision, owner));
    found.sort_by_key(|revision| (number_of(revision), name(revision).to_owned()));
    found
}

fn number_of(revision: &Value) -> i64 {
    number(revision, "/revision").unwrap_or(0)
}

/// The template of an owner as revisions keep it.
fn data(owner: &Value) -> Value {
    let mut template = owner.look("/spec/template").cloned().unwrap_or_default();
    template["$patch"] = "replace".into();
    json!({"spec": {"template": template}})
}

/// The revision of the owner's template, made or moved to the front if need be.
pub(super) async fn current(
    context: &Context,
    owner: &Value,
    style: &Style,
    known: &[Shared],
) -> Result<Shared, Refusal> {
    let data = data(owner);
    let newest = known.last().map_or(0, |revision| number_of(revision));
    let equal = known.iter().rev().find(|revision| same(revision.get("data").unwrap_or(&Value::Null), &data));
    if let Some(revision) = equal {
        if number_of(revision) == newest {
            return Ok(revision.clone());
        }
        let patch = json!({"revision": newest + 1});
        return context.merge(&Key::of(&CONTROLLER_REVISIONS, revision), patch).await;
    }
    let mut collisions = number(owner, "/status/collisionCount").unwrap_or(0);
    loop {
        let hash = pods::hash(&data, Some(collisions));
        let revision_name = format!("{}-{hash}", name(owner));
        let mut labels = owner.look("/spec/template/metadata/labels").cloned().unwrap_or_default();
        labels[style.hash_label] = hash.into();
        let mut revision = json!({
            "apiVersion": "apps/v1", "kind": "ControllerRevision",
            "metadata": {
                "name": revision_name, "labels": labels, "ownerReferences": [pods::owner_reference(owner)],
            },
            "data": data, "revision": newest + 1,
        });
        if let Some((key, value)) =
            style.annotation.and_then(|key| Some((key, object::annotation(owner, key)?)))
        {
            revision["metadata"]["annotations"][key] = value.into();
        }
        match context.create(&CONTROLLER_REVISIONS, namespace(owner), revision).await {
            // Another template with this hash, or an earlier owner's: the next name is free.
            Err(refusal) if refusal.is_already_exists() && collisions < 20 => collisions += 1,
            other => return other,
        }
    }
}

/// Removes old revisions that no pod uses, beyond the number that is kept.
pub(super) async fn clean_up(context: &Context, owner: &Value, used: &[&str]) -> Result<(), Refusal> {
    let limit = usize::try_from(number(owner, "/spec/revisionHistoryLimit").unwrap_or(10)).unwrap_or(0);
    let mut free = list(context, owner);
    free.retain(|revision| !used.contains(&name(revision)));
    let surplus = free.len().saturating_sub(limit);
    for revision in free.iter().take(surplus) {
        context.delete(&CONTROLLER_REVISIONS, revision, None).await?;
    }
    Ok(())
}

/// The template that a revision keeps.
pub(super) fn template(revision: &Value) -> Value {
    let mut template = revision.look("/data/spec/template").cloned().unwrap_or_default();
    if let Some(map) = template.as_object_mut() {
        map.remove("$patch");
    }
    template
}

/// The resource of revisions, for watching.
pub(super) const RESOURCE: Resource = CONTROLLER_REVISIONS;
