//! Deleting: preconditions, propagation, grace, finalizers.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Api, key, named, named_kind, not_found};
use crate::resources::Resource;
use crate::schema::typed::format_seconds;
use crate::status::{Named, Result, Status};
use crate::store::Object;
use crate::value::{Get, map_at, set};

const RETRIES: usize = 8;
const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

/// What a deletion asks for.
#[derive(Debug, Clone, Default)]
pub struct DeleteOptions {
    /// Seconds that a pod has to end.
    pub grace: Option<i64>,
    /// `Foreground`, `Background` or `Orphan`.
    pub propagation: Option<String>,
    /// The uid that the object must have.
    pub uid: Option<String>,
    /// The version that the object must have.
    pub version: Option<String>,
    /// Everything but the deletion.
    pub dry_run: bool,
}

/// What a deletion gave.
#[derive(Debug, Clone)]
pub struct Deleted {
    /// The object: its last state if it is gone.
    pub object: Arc<Object>,
    /// It does not exist any more.
    pub gone: bool,
}

impl Api {
    /// Deletes an object, or marks it.
    pub(crate) fn delete_object(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Deleted> {
        for _ in 0..RETRIES {
            let live = self.live(resource, namespace, name)?;
            check(resource, &live, options)?;
            if let Some(deleted) = self.delete_once(resource, &live, options)? {
                return Ok(deleted);
            }
            if self.core.store.get(&key(resource, namespace, name)).is_none() {
                return Err(not_found(resource, name));
            }
        }
        Err(Status::modified(named(resource, name)))
    }

    fn delete_once(
        &self,
        resource: &Resource,
        live: &Arc<Object>,
        options: &DeleteOptions,
    ) -> Result<Option<Deleted>> {
        let mut value = live.value.clone();
        let deleting = value.at(&["metadata", "deletionTimestamp"]).is_some();
        propagate(&mut value, options.propagation.as_deref());
        let finalizers = !value.items(&["metadata", "finalizers"]).is_empty();
        let grace = grace(resource, &value, options);
        let old_grace = value.int(&["metadata", "deletionGracePeriodSeconds"]);
        let kept = finalizers || keeps_itself(resource, &mut value);
        let pending_grace = resource.plural == "pods" && !resource.is_custom() && grace > 0;
        if deleting {
            let shorter = old_grace.is_some_and(|old| grace < old) && options.grace.is_some();
            let force = options.grace == Some(0);
            if !shorter && (kept || pending_grace || old_grace.unwrap_or(0) > 0) && (kept || !force) {
                return self.mark(live, value, options);
            }
            if shorter && grace > 0 {
                mark_deleted(&mut value, grace, false);
                return self.mark(live, value, options);
            }
        } else if pending_grace || kept {
            mark_deleted(&mut value, if pending_grace { grace } else { 0 }, true);
            if is_container(resource) {
                // Namespaces and definitions are marked by their own code, which does less.
                map_at(&mut value, &["metadata"]).remove("deletionGracePeriodSeconds");
                if let Some(generation) = live.value.at(&["metadata", "generation"]) {
                    set(&mut value, &["metadata", "generation"], generation.clone());
                }
            }
            return self.mark(live, value, options);
        }
        if kept {
            if !is_container(resource) {
                set(&mut value, &["metadata", "deletionGracePeriodSeconds"], 0);
            }
            return self.mark(live, value, options);
        }
        if options.dry_run {
            return Ok(Some(Deleted { object: live.clone(), gone: true }));
        }
        if resource.plural == "pods" && !resource.is_custom() {
            mark_deleted(&mut value, 0, !deleting);
        }
        match self.core.store.remove(&live.key, live.version, value) {
            Ok(object) => {
                self.core.after_delete(resource, live);
                Ok(Some(Deleted { object, gone: true }))
            }
            Err(_) => Ok(None),
        }
    }

    /// Refuses the deletion of a pod that is not the one that is meant.
    pub(crate) fn check_deletion(&self, pod: &Object, options: &DeleteOptions) -> Result<()> {
        check_for(Named { kind: "Pod", group: "", name: &pod.key.name }, pod, options)
    }

    fn mark(&self, live: &Arc<Object>, value: Value, options: &DeleteOptions) -> Result<Option<Deleted>> {
        if value == live.value {
            return Ok(Some(Deleted { object: live.clone(), gone: false }));
        }
        if options.dry_run {
            let object = Arc::new(Object::new(live.key.clone(), live.version, value));
            return Ok(Some(Deleted { object, gone: false }));
        }
        let stored = self.core.store.put(live.key.clone(), Some(live.version), value);
        if let Ok(object) = &stored {
            self.core.after_write(object);
        }
        Ok(stored.ok().map(|object| Deleted { object, gone: false }))
    }
}

fn check(resource: &Resource, live: &Object, options: &DeleteOptions) -> Result<()> {
    check_for(named_kind(resource, &live.key.name), live, options)
}

fn check_for(kind: Named<'_>, live: &Object, options: &DeleteOptions) -> Result<()> {
    let uid = live.value.text(&["metadata", "uid"]);
    if let Some(wanted) = options.uid.as_deref().filter(|u| *u != uid) {
        let text = format!(
            "the UID in the precondition ({wanted}) does not match the UID in record ({uid}). The object might have \
             been deleted and then recreated"
        );
        return Err(Status::conflict(kind, &text));
    }
    let version = live.value.text(&["metadata", "resourceVersion"]);
    if let Some(wanted) = options.version.as_deref().filter(|v| *v != version) {
        let text = format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record \
             ({version}). The object might have been modified"
        );
        return Err(Status::conflict(kind, &text));
    }
    Ok(())
}

/// Puts the finalizers of the policy on the object, or takes them away.
fn propagate(value: &mut Value, policy: Option<&str>) {
    let Some(policy) = policy else { return };
    let mut list: Vec<Value> = value.items(&["metadata", "finalizers"]).to_vec();
    list.retain(|f| f != FOREGROUND && f != ORPHAN);
    match policy {
        "Foreground" => list.push(FOREGROUND.into()),
        "Orphan" => list.push(ORPHAN.into()),
        _ => {}
    }
    let meta = map_at(value, &["metadata"]);
    if list.is_empty() {
        meta.remove("finalizers");
    } else {
        meta.insert("finalizers".into(), list.into());
    }
}

/// Seconds until a pod may go; other kinds go at once.
fn grace(resource: &Resource, value: &Value, options: &DeleteOptions) -> i64 {
    if resource.plural != "pods" || resource.is_custom() {
        return 0;
    }
    let own = value.int(&["spec", "terminationGracePeriodSeconds"]).unwrap_or(30);
    let wanted = options.grace.unwrap_or(own);
    let wanted = if wanted < 0 { 1 } else { wanted };
    let ended = matches!(value.text(&["status", "phase"]), "Succeeded" | "Failed");
    if value.text(&["spec", "nodeName"]).is_empty() || ended { 0 } else { wanted }
}

fn is_container(resource: &Resource) -> bool {
    resource.is("", "namespaces") || resource.is("apiextensions.k8s.io", "customresourcedefinitions")
}

/// Namespaces and definitions of custom resources stay until their contents are gone.
fn keeps_itself(resource: &Resource, value: &mut Value) -> bool {
    if resource.is("apiextensions.k8s.io", "customresourcedefinitions") {
        return crate::crd::mark_deletion(value);
    }
    if resource.plural == "namespaces" && resource.group.is_empty() {
        // The first deletion only marks, even if nothing is left to do.
        let first = value.at(&["metadata", "deletionTimestamp"]).is_none();
        set(value, &["status", "phase"], "Terminating");
        return first || !value.items(&["spec", "finalizers"]).is_empty();
    }
    false
}

fn mark_deleted(value: &mut Value, grace: i64, first: bool) {
    let until = Timestamp::now() + SignedDuration::from_secs(grace);
    let meta = map_at(value, &["metadata"]);
    meta.insert("deletionTimestamp".into(), format_seconds(until).into());
    meta.insert("deletionGracePeriodSeconds".into(), grace.into());
    if first && let Some(generation) = meta.get("generation").and_then(Value::as_i64) {
        meta.insert("generation".into(), (generation + 1).into());
    }
}

impl Deleted {
    /// What a client gets: the object, or a Status if it is gone and its kind does not show it.
    pub(crate) fn answer(&self, resource: &Resource) -> Option<Value> {
        const SHOWN: [&str; 11] = [
            "pods",
            "services",
            "serviceaccounts",
            "persistentvolumes",
            "persistentvolumeclaims",
            "resourcequotas",
            "podtemplates",
            "storageclasses",
            "csinodes",
            "csidrivers",
            "volumeattachments",
        ];
        let shown = SHOWN.contains(&resource.plural.as_str()) && !resource.is_custom();
        (self.gone && !shown).then(|| {
            let Named { kind, group, name } = named(resource, &self.object.key.name);
            let mut details = json!({"name": name, "kind": kind, "uid": self.object.value["metadata"]["uid"]});
            if !group.is_empty() {
                details["group"] = group.into();
            }
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
        })
    }
}
