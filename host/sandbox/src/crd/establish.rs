//! The life of a definition: names accepted, Established, and the clean-up before it goes.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::resources;
use crate::api::{Api, DeleteOptions};
use crate::cluster::Core;
use crate::metrics;
use crate::schema::typed::format_seconds;
use crate::store::ChangeKind;
use crate::value::{Get, map_at, object, set};

const DEFINITIONS: &str = "customresourcedefinitions.apiextensions.k8s.io";
const API_SERVICES: &str = "apiservices.apiregistration.k8s.io";
const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// What a create does to a definition.
pub(crate) fn prepare_create(definition: &mut Value) {
    let stored: Vec<Value> = definition
        .items(&["spec", "versions"])
        .iter()
        .filter(|v| v["storage"] == true)
        .take(1)
        .map(|v| v["name"].clone())
        .collect();
    let status = json!({
        "conditions": null, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": stored,
    });
    object(definition).insert("status".into(), status);
}

/// What the first deletion does to a definition: it stays until its objects are gone.
pub(crate) fn mark_deletion(definition: &mut Value) -> bool {
    if definition.at(&["metadata", "deletionTimestamp"]).is_none() {
        let mut list = definition.items(&["metadata", "finalizers"]).to_vec();
        if !list.iter().any(|f| f == CLEANUP) {
            list.push(CLEANUP.into());
        }
        set(definition, &["metadata", "finalizers"], list);
        set_condition(
            definition,
            "Terminating",
            "True",
            "InstanceDeletionPending",
            "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
        );
    }
    !definition.items(&["metadata", "finalizers"]).is_empty()
}

/// Serves what all definitions say; at the start.
pub(crate) fn sync(core: &Core) {
    for definition in core.store.list(DEFINITIONS, None).0 {
        serve(core, &definition.value);
    }
    metrics::sync(core);
}

/// What was served last of each definition, so that changes of conditions make no new types.
type Served = HashMap<String, Value>;

/// What the served resources of a definition depend on.
fn depends_on(definition: &Value) -> Value {
    let of = |path: &[&str]| definition.at(path).cloned().unwrap_or(Value::Null);
    let names = of(&["status", "acceptedNames"]);
    json!([
        of(&["metadata", "uid"]),
        of(&["metadata", "generation"]),
        names,
        is_true(definition, "Established")
    ])
}

fn serve(core: &Core, definition: &Value) {
    let name = definition.text(&["metadata", "name"]);
    let served = if is_true(definition, "Established") { resources(definition) } else { Vec::new() };
    core.registry.set_custom(name, served);
    core.definitions_changed();
}

fn condition<'a>(definition: &'a Value, kind: &str) -> Option<&'a Value> {
    definition.items(&["status", "conditions"]).iter().find(|c| c.text(&["type"]) == kind)
}

fn is_true(definition: &Value, kind: &str) -> bool {
    condition(definition, kind).is_some_and(|c| c.text(&["status"]) == "True")
}

/// Follows all definitions until the store goes away.
pub(crate) async fn run(core: Arc<Core>) {
    let api = core.api("kube-apiserver");
    let mut feed = api.feed();
    let mut served = Served::new();
    for definition in api.list(DEFINITIONS, None) {
        step(&api, &definition.value, &mut served);
    }
    loop {
        match feed.next().await {
            Some(changes) => {
                if changes.iter().any(|c| &*c.object.key.resource == API_SERVICES) {
                    metrics::sync(&core);
                }
                for change in changes.iter().filter(|c| &*c.object.key.resource == DEFINITIONS) {
                    if change.kind == ChangeKind::Deleted {
                        served.remove(&*change.object.key.name);
                        api.core.registry.set_custom(&change.object.key.name, Vec::new());
                        api.core.definitions_changed();
                        // A name that was taken may be free now.
                        for other in api.list(DEFINITIONS, None) {
                            step(&api, &other.value, &mut served);
                        }
                    } else if let Some(now) = api.find(DEFINITIONS, "", &change.object.key.name) {
                        step(&api, &now.value, &mut served);
                    }
                }
            }
            None => {
                metrics::sync(&core);
                served.clear();
                for definition in api.list(DEFINITIONS, None) {
                    step(&api, &definition.value, &mut served);
                }
            }
        }
    }
}

/// One step towards what a definition wants.
fn step(api: &Api, definition: &Value, served: &mut Served) {
    let name = definition.text(&["metadata", "name"]).to_string();
    if definition.at(&["metadata", "deletionTimestamp"]).is_some() {
        terminate(api, &name, definition);
        return;
    }
    let now = depends_on(definition);
    if served.get(&name) != Some(&now) {
        serve(&api.core, definition);
        served.insert(name.clone(), now);
    }
    let conflicts = name_conflicts(api, definition);
    let _ = api.modify(DEFINITIONS, "", &name, "status", |d| {
        accept_names(d, &conflicts);
        note_stored(d);
    });
}

/// The version that objects are stored in from now on is one of those that objects may be found in.
pub(crate) fn note_stored(definition: &mut Value) {
    let versions: Vec<Value> = definition
        .items(&["spec", "versions"])
        .iter()
        .filter(|v| v["storage"] == true)
        .take(1)
        .map(|v| v["name"].clone())
        .collect();
    let stored = map_at(definition, &["status"]).entry("storedVersions").or_insert_with(|| json!([]));
    if let Some(list) = stored.as_array_mut() {
        for version in versions {
            if !list.contains(&version) {
                list.push(version);
            }
        }
    }
}

/// Names of this definition that another accepted one of the group already has.
fn name_conflicts(api: &Api, definition: &Value) -> Vec<(&'static str, String, &'static str)> {
    let name = definition.text(&["metadata", "name"]);
    let group = definition.text(&["spec", "group"]);
    let mut taken: Vec<String> = Vec::new();
    let mut kinds: Vec<String> = Vec::new();
    for other in api.list(DEFINITIONS, None) {
        if other.value.text(&["spec", "group"]) != group || other.value.text(&["metadata", "name"]) == name {
            continue;
        }
        let accepted = |key: &str| other.value.text(&["status", "acceptedNames", key]).to_string();
        taken.extend([accepted("plural"), accepted("singular")]);
        let short = other.value.items(&["status", "acceptedNames", "shortNames"]);
        taken.extend(short.iter().filter_map(|s| s.as_str().map(String::from)));
        kinds.extend([accepted("kind"), accepted("listKind")]);
    }
    let mut out = Vec::new();
    let spec = |key: &str| definition.text(&["spec", "names", key]).to_string();
    for (key, reason) in [("plural", "PluralConflict"), ("singular", "SingularConflict")] {
        let value = spec(key);
        if !value.is_empty() && taken.contains(&value) {
            out.push((key, value, reason));
        }
    }
    for short in definition.items(&["spec", "names", "shortNames"]).iter().filter_map(Value::as_str) {
        if taken.iter().any(|t| t == short) {
            out.push(("shortNames", short.to_string(), "ShortNamesConflict"));
        }
    }
    for (key, reason) in [("kind", "KindConflict"), ("listKind", "ListKindConflict")] {
        let value = spec(key);
        if !value.is_empty() && kinds.contains(&value) {
            out.push((key, value, reason));
        }
    }
    out
}

fn accept_names(definition: &mut Value, conflicts: &[(&'static str, String, &'static str)]) {
    let mut names = definition.at(&["spec", "names"]).cloned().unwrap_or(Value::Null);
    let old = definition.at(&["status", "acceptedNames"]).cloned().unwrap_or(Value::Null);
    for (key, value, _) in conflicts {
        let names = object(&mut names);
        match *key {
            "shortNames" => {
                if let Some(list) = names.get_mut("shortNames").and_then(Value::as_array_mut) {
                    list.retain(|s| s.as_str() != Some(value));
                }
                if names.get("shortNames").is_some_and(|l| l.items(&[]).is_empty()) {
                    names.remove("shortNames");
                }
            }
            key => match old.get(key) {
                Some(previous) => {
                    names.insert(key.into(), previous.clone());
                }
                None => {
                    names.remove(key);
                }
            },
        }
    }
    for key in ["plural", "kind"] {
        object(&mut names).entry(key).or_insert_with(|| "".into());
    }
    set(definition, &["status", "acceptedNames"], names);
    match conflicts.last() {
        None => {
            set_condition(definition, "NamesAccepted", "True", "NoConflicts", "no conflicts found");
            set_condition(
                definition,
                "Established",
                "True",
                "InitialNamesAccepted",
                "the initial names have been accepted",
            );
        }
        Some((_, value, reason)) => {
            set_condition(
                definition,
                "NamesAccepted",
                "False",
                reason,
                &format!("{value:?} is already in use"),
            );
            if condition(definition, "Established").is_none() {
                set_condition(
                    definition,
                    "Established",
                    "False",
                    "NotAccepted",
                    "not all names are accepted",
                );
            }
        }
    }
}

fn set_condition(definition: &mut Value, kind: &str, status: &str, reason: &str, message: &str) {
    let conditions = map_at(definition, &["status"]).entry("conditions").or_insert_with(|| json!([]));
    if !conditions.is_array() {
        *conditions = json!([]);
    }
    let Some(list) = conditions.as_array_mut() else { return };
    if let Some(old) = list.iter_mut().find(|c| c.text(&["type"]) == kind) {
        if old.text(&["status"]) == status
            && old.text(&["reason"]) == reason
            && old.text(&["message"]) == message
        {
            return;
        }
        if old.text(&["status"]) == status {
            old["reason"] = reason.into();
            old["message"] = message.into();
            return;
        }
    }
    let new = json!({
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": format_seconds(Timestamp::now()),
    });
    match list.iter_mut().find(|c| c.text(&["type"]) == kind) {
        Some(old) => *old = new,
        None => list.push(new),
    }
}

/// Deletes all objects of a terminating definition, then lets it go.
fn terminate(api: &Api, name: &str, definition: &Value) {
    let finalizers = definition.items(&["metadata", "finalizers"]);
    if !finalizers.iter().any(|f| f == CLEANUP) {
        return;
    }
    let _ = api.modify(DEFINITIONS, "", name, "status", |d| {
        set_condition(
            d,
            "Terminating",
            "True",
            "InstanceDeletionInProgress",
            "CustomResource deletion is in progress",
        );
    });
    let storage =
        format!("{}.{}", definition.text(&["spec", "names", "plural"]), definition.text(&["spec", "group"]));
    let Some(resource) = api.core.registry.find_any(&storage) else {
        release(api, name);
        return;
    };
    let (objects, _) = api.core.store.list(&storage, None);
    for instance in &objects {
        let _ = api.delete_object(
            &resource,
            &instance.key.namespace,
            &instance.key.name,
            &DeleteOptions::default(),
        );
    }
    if api.core.store.count(&storage) == 0 {
        release(api, name);
    } else {
        let (core, name) = (api.core.clone(), name.to_string());
        tokio::spawn(async move { wait_until_empty(core, storage, name).await });
    }
}

/// Waits for the finalizers of the last objects.
async fn wait_until_empty(core: Arc<Core>, storage: String, name: String) {
    let mut newest = core.store.newest();
    while core.store.count(&storage) > 0 {
        if newest.changed().await.is_err() {
            return;
        }
    }
    release(&core.api("kube-apiserver"), &name);
}

fn release(api: &Api, name: &str) {
    let _ = api.modify(DEFINITIONS, "", name, "", |d| {
        if let Some(list) = map_at(d, &["metadata"]).get_mut("finalizers").and_then(Value::as_array_mut) {
            list.retain(|f| f != CLEANUP);
        }
    });
}
