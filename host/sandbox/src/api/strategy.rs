//! What each kind does to its own objects before they are written: initial status, generation, and the fields that a
//! request cannot change.

mod disabled;

use serde_json::{Value, json};

use crate::ownership::fields::Set;
use crate::ownership::managed::Filter;
use crate::resources::Resource;
use crate::schema::Shape;
use crate::schema::typed::zero_struct;
use crate::value::{Get, map_at, object, set};

/// Built-in resources whose objects have a generation.
const GENERATION: [&str; 25] = [
    "deployments",
    "daemonsets",
    "replicasets",
    "statefulsets",
    "jobs",
    "cronjobs",
    "replicationcontrollers",
    "ingresses",
    "ingressclasses",
    "networkpolicies",
    "poddisruptionbudgets",
    "customresourcedefinitions",
    "pods",
    "mutatingwebhookconfigurations",
    "validatingwebhookconfigurations",
    "validatingadmissionpolicies",
    "validatingadmissionpolicybindings",
    "mutatingadmissionpolicies",
    "flowschemas",
    "prioritylevelconfigurations",
    "endpointslices",
    "deviceclasses",
    "resourceslices",
    "priorityclasses",
    "podtemplates",
];

const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

/// The object of a kind before anything is set, as Go encodes it.
pub(crate) fn empty_object(resource: &Resource) -> Value {
    let mut value = match (&resource.stored_node.shape, resource.is_custom()) {
        (Shape::Struct(ty), false) => zero_struct(ty.get()),
        _ => json!({}),
    };
    let map = object(&mut value);
    map.insert("apiVersion".into(), resource.stored_api_version().into());
    map.insert("kind".into(), resource.kind.clone().into());
    value
}

/// The zero value of a built-in kind's field.
pub(super) fn zero_field(resource: &Resource, field: &str) -> Option<Value> {
    empty_object(resource).get(field).cloned()
}

/// True if the resource, or its subresource `status`, guards the status.
fn has_status(resource: &Resource) -> bool {
    resource.subresource("status").is_some()
}

pub(super) fn has_generation(resource: &Resource) -> bool {
    resource.is_custom() || GENERATION.contains(&resource.plural.as_str())
}

/// Which fields nobody owns by a request of this kind.
pub(super) fn filter(resource: &Resource, subresource: &str) -> Filter {
    let without = |paths: &[&[&str]]| Filter::Without(Set::of_fields(paths));
    match (resource.plural.as_str(), subresource) {
        (_, "status") if resource.is_custom() => Filter::Only(Set::of_fields(&[&["status"]])),
        ("pods", "status") => {
            without(&[&["spec"], &["metadata", "deletionTimestamp"], &["metadata", "ownerReferences"]])
        }
        ("deployments", "status") => without(&[&["spec"], &["metadata", "labels"]]),
        (
            "replicasets" | "replicationcontrollers" | "statefulsets" | "daemonsets" | "jobs" | "cronjobs",
            "status",
        ) => without(&[&["spec"]]),
        ("customresourcedefinitions", "status") => without(&[&["spec"], &["metadata"]]),
        (_, "status") => without(&[&["spec"]]),
        ("pods", _) => without(&[&["status"]]),
        (_, _) if has_status(resource) => without(&[&["status"]]),
        _ => without(&[]),
    }
}

/// Before a create: status and generation.
pub(super) fn prepare_create(resource: &Resource, value: &mut Value) {
    if has_status(resource) {
        if resource.is_custom() {
            object(value).remove("status");
        } else if resource.plural != "nodes"
            && !matches!(resource.plural.as_str(), "certificatesigningrequests")
        {
            match zero_field(resource, "status") {
                Some(zero) => object(value).insert("status".into(), zero),
                None => object(value).remove("status"),
            };
        }
    }
    if has_generation(resource) {
        set(value, &["metadata", "generation"], 1);
    }
    if !resource.is_custom() {
        disabled::drop_fields(resource, None, value);
    }
    match resource.plural.as_str() {
        _ if resource.is_custom() => {}
        "namespaces" => {
            set(value, &["status", "phase"], "Active");
            let finalizers = map_at(value, &["spec"]).entry("finalizers").or_insert(Value::Null);
            match finalizers.as_array_mut() {
                Some(list) if list.iter().any(|f| f == "kubernetes") => {}
                Some(list) => list.push("kubernetes".into()),
                None => *finalizers = json!(["kubernetes"]),
            }
        }
        "pods" => {
            let class = crate::defaults::quality_class(value);
            set(value, &["status"], json!({"phase": "Pending", "qosClass": class}));
            crate::defaults::scheduling_gated(value);
            if value.int(&["spec", "terminationGracePeriodSeconds"]).is_some_and(|seconds| seconds < 0) {
                set(value, &["spec", "terminationGracePeriodSeconds"], 1);
            }
        }
        "daemonsets" => set(value, &["metadata", "annotations", TEMPLATE_GENERATION], "1"),
        "persistentvolumes" => {
            set(value, &["status", "phase"], "Pending");
            let now = crate::schema::typed::format_seconds(jiff::Timestamp::now());
            set(value, &["status", "lastPhaseTransitionTime"], now);
        }
        "persistentvolumeclaims" => {
            set(value, &["status", "phase"], "Pending");
            disabled::same_sources(value);
        }
        "customresourcedefinitions" => crate::crd::prepare_create(value),
        // What this server serves itself is available at once.
        "apiservices" if value.at(&["spec", "service"]).is_none_or(Value::is_null) => {
            let now = crate::schema::typed::format_seconds(jiff::Timestamp::now());
            let condition = json!({
                "type": "Available", "status": "True", "lastTransitionTime": now, "reason": "Local",
                "message": "Local APIServices are always available",
            });
            set(value, &["status", "conditions"], json!([condition]));
        }
        "jobs" => crate::defaults::job_labels(value),
        "secrets" | "configmaps" => {}
        _ => {}
    }
}

/// Before an update: what the request cannot change comes from the live object; the generation goes up.
pub(super) fn prepare_update(resource: &Resource, subresource: &str, live: &Value, value: &mut Value) {
    let keep = |value: &mut Value, field: &str| match live.get(field) {
        Some(old) => {
            object(value).insert(field.into(), old.clone());
        }
        None => {
            object(value).remove(field);
        }
    };
    if matches!(subresource, "resize" | "ephemeralcontainers") {
        only_part(subresource, live, value);
    }
    match subresource {
        "status" if resource.is_custom() => {
            let status = value.get("status").cloned();
            let managed = value.at(&["metadata", "managedFields"]).cloned();
            *value = live.clone();
            match status {
                Some(status) => object(value).insert("status".into(), status),
                None => object(value).remove("status"),
            };
            put_managed(value, managed);
        }
        "status" => {
            for field in live.as_object().into_iter().flatten().map(|(k, _)| k.clone()).collect::<Vec<_>>() {
                if field != "status" && field != "metadata" {
                    keep(value, &field);
                }
            }
            if resource.plural == "deployments" {
                copy_meta(live, value, "labels");
            }
            if resource.plural == "pods" {
                copy_meta(live, value, "ownerReferences");
                // Old clients dropped the class.
                if value.text(&["status", "qosClass"]).is_empty()
                    && let Some(class) = live.at(&["status", "qosClass"])
                {
                    set(value, &["status", "qosClass"], class.clone());
                }
            }
            if resource.plural == "customresourcedefinitions" {
                let managed = value.at(&["metadata", "managedFields"]).cloned();
                keep(value, "metadata");
                put_managed(value, managed);
            }
        }
        ""
        | "scale"
        | "ephemeralcontainers"
        | "resize"
        | "finalize"
        | "binding"
        | "eviction"
        | "approval" => {
            if has_status(resource) && !matches!(subresource, "binding" | "eviction" | "approval") {
                keep(value, "status");
            }
            if resource.plural == "namespaces" && subresource.is_empty() && !resource.is_custom() {
                let finalizers = live.at(&["spec", "finalizers"]).cloned();
                if let Some(finalizers) = finalizers {
                    set(value, &["spec", "finalizers"], finalizers);
                }
            }
        }
        _ => {}
    }
    if !resource.is_custom() && subresource != "status" {
        disabled::drop_fields(resource, Some(live), value);
    }
    if resource.plural == "daemonsets" && !resource.is_custom() {
        let old = live.text(&["metadata", "annotations", TEMPLATE_GENERATION]).parse().unwrap_or(1);
        let changed = live.at(&["spec", "template"]) != value.at(&["spec", "template"]);
        let now: i64 = if changed { old + 1 } else { old };
        set(value, &["metadata", "annotations", TEMPLATE_GENERATION], now.to_string());
    }
    if resource.is("apiextensions.k8s.io", "customresourcedefinitions") && subresource.is_empty() {
        crate::crd::note_stored(value);
    }
    // Drivers get a generation with their first change; the one of priority classes never moves.
    let first = resource.is("storage.k8s.io", "csidrivers");
    if has_generation(resource) || first {
        let old = live.int(&["metadata", "generation"]).unwrap_or(0);
        let fixed = resource.is("scheduling.k8s.io", "priorityclasses");
        let changed = subresource != "status" && !fixed && counts_as_change(resource, live, value);
        set(value, &["metadata", "generation"], if changed { old + 1 } else { old });
        if old == 0 && !changed {
            map_at(value, &["metadata"]).remove("generation");
        }
    }
}

fn put_managed(value: &mut Value, managed: Option<Value>) {
    let meta = map_at(value, &["metadata"]);
    match managed {
        Some(managed) => meta.insert("managedFields".into(), managed),
        None => meta.remove("managedFields"),
    };
}

fn copy_meta(live: &Value, value: &mut Value, field: &str) {
    let old = live.at(&["metadata", field]).cloned();
    let meta = map_at(value, &["metadata"]);
    match old {
        Some(old) => meta.insert(field.into(), old),
        None => meta.remove(field),
    };
}

/// True if the generation must go up.
fn counts_as_change(resource: &Resource, live: &Value, value: &Value) -> bool {
    let ignored = |key: &str| {
        matches!(key, "metadata" | "apiVersion" | "kind")
            || key == "status" && (has_status(resource) || !resource.is_custom())
    };
    let relevant = |v: &'_ Value| v.as_object().into_iter().flatten().filter(|(k, _)| !ignored(k)).count();
    let same = |(key, old): (&String, &Value)| ignored(key) || value.get(key) == Some(old);
    relevant(live) != relevant(value)
        || !live.as_object().into_iter().flatten().all(same)
        || resource.plural == "deployments"
            && live.at(&["metadata", "annotations"]) != value.at(&["metadata", "annotations"])
}

/// What the subresources of a pod may change: resources of containers, or the ephemeral containers.
fn only_part(subresource: &str, live: &Value, value: &mut Value) {
    const LISTS: [&str; 2] = ["containers", "initContainers"];
    let mut next = live.clone();
    if subresource == "ephemeralcontainers" {
        match value.at(&["spec", "ephemeralContainers"]) {
            Some(list) => set(&mut next, &["spec", "ephemeralContainers"], list.clone()),
            None => {
                crate::value::remove(&mut next, &["spec", "ephemeralContainers"]);
            }
        }
    } else {
        let names = |pod: &Value, list: &str| -> Vec<String> {
            pod.items(&["spec", list]).iter().map(|c| c.text(&["name"]).to_string()).collect()
        };
        if LISTS.iter().any(|list| names(live, list) != names(value, list)) {
            return;
        }
        for list in LISTS {
            for (i, container) in value.items(&["spec", list]).iter().enumerate() {
                for field in ["resources", "resizePolicy"] {
                    next["spec"][list][i][field] = container[field].clone();
                    if container.get(field).is_none() {
                        object(&mut next["spec"][list][i]).remove(field);
                    }
                }
            }
        }
    }
    for field in ["managedFields", "resourceVersion"] {
        match value.at(&["metadata", field]) {
            Some(own) => set(&mut next, &["metadata", field], own.clone()),
            None => {
                crate::value::remove(&mut next, &["metadata", field]);
            }
        }
    }
    *value = next;
}
