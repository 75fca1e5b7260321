//! Metadata of all kinds.

use serde_json::Value;

use super::common::{IMMUTABLE, problems};
use crate::names;
use crate::resources::Resource;
use crate::status::Cause;
use crate::value::Get;

/// All annotations together may not be larger.
const ANNOTATIONS: usize = 256 * 1024;

fn name_problems(resource: &Resource, name: &str) -> Vec<String> {
    if resource.is_custom() {
        return names::dns1123_subdomain(name);
    }
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "namespaces") => names::dns1123_label(name),
        ("", "services") => names::dns1123_label(name),
        ("rbac.authorization.k8s.io" | "certificates.k8s.io" | "apiregistration.k8s.io", _) => {
            names::path_segment(name)
        }
        ("", "events") | ("events.k8s.io", _) => names::dns1123_subdomain(name),
        ("apiextensions.k8s.io", _) => names::dns1123_subdomain(name),
        _ => names::dns1123_subdomain(name),
    }
}

/// Metadata of a new object.
pub(super) fn of_object(resource: &Resource, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let name = value.text(&["metadata", "name"]);
    let prefix = value.text(&["metadata", "generateName"]);
    if !prefix.is_empty() {
        // A prefix may end where a name may not.
        let name = prefix.strip_suffix('-').map_or_else(|| prefix.to_string(), |p| format!("{p}a"));
        causes.extend(problems(name_problems(resource, &name), "metadata.generateName", prefix));
    }
    if name.is_empty() {
        causes.push(Cause::required("metadata.name", "name or generateName is required"));
    } else {
        causes.extend(problems(name_problems(resource, name), "metadata.name", name));
    }
    causes.extend(of_kind(resource, &value["metadata"]));
    causes
}

/// Metadata of a template: labels and annotations only.
pub(super) fn of_map_metadata(meta: &Value, at: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    labels(&meta["labels"], &format!("{at}.labels"), &mut causes);
    annotations(meta, at, &mut causes);
    causes
}

/// Labels, annotations, finalizers and owners of an object.
fn of_kind(resource: &Resource, meta: &Value) -> Vec<Cause> {
    metadata(meta, !resource.is_custom(), "metadata")
}

/// The same inside an object.
pub(crate) fn of_metadata(meta: &Value, at: &str) -> Vec<Cause> {
    metadata(meta, false, at)
}

fn metadata(meta: &Value, built_in: bool, at: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    labels(&meta["labels"], &format!("{at}.labels"), &mut causes);
    annotations(meta, at, &mut causes);
    owners(meta, at, &mut causes);
    finalizers(meta, built_in, at, &mut causes);
    causes
}

fn annotations(meta: &Value, at: &str, causes: &mut Vec<Cause>) {
    let mut size = 0;
    for (key, text) in meta["annotations"].as_object().into_iter().flatten() {
        size += key.len() + text.as_str().map_or(0, str::len);
        causes.extend(problems(
            names::qualified_name(&key.to_lowercase()),
            &format!("{at}.annotations"),
            key,
        ));
    }
    if size > ANNOTATIONS {
        causes.push(Cause::too_long(format!("{at}.annotations"), ANNOTATIONS));
    }
}

pub(super) fn labels(labels: &Value, at: &str, causes: &mut Vec<Cause>) {
    for (key, value) in labels.as_object().into_iter().flatten() {
        causes.extend(problems(names::qualified_name(key), at, key));
        let value = value.as_str().unwrap_or_default();
        causes.extend(problems(names::label_value(value), at, value));
    }
}

fn owners(meta: &Value, at: &str, causes: &mut Vec<Cause>) {
    let mut controllers: Vec<&Value> = Vec::new();
    let field = format!("{at}.ownerReferences");
    for owner in meta.items(&["ownerReferences"]) {
        if owner.text(&["apiVersion"]).is_empty() {
            causes.push(Cause::invalid(
                format!("{field}.apiVersion"),
                &"".into(),
                "version must not be empty",
            ));
        }
        for key in ["kind", "name", "uid"] {
            if owner.text(&[key]).is_empty() {
                causes.push(Cause::invalid(format!("{field}.{key}"), &"".into(), "must not be empty"));
            }
        }
        if owner.text(&["apiVersion"]) == "v1" && owner.text(&["kind"]) == "Event" {
            let text = format!(
                "Invalid value: {}: /v1, Kind=Event is disallowed from being an owner",
                owner_text(owner)
            );
            causes.push(Cause::other(field.as_str(), "FieldValueInvalid", text));
        }
        if owner["controller"] == true {
            controllers.push(owner);
        }
    }
    if let [first, second, ..] = controllers[..] {
        let text = format!(
            "Only one reference can have Controller set to true. Found \"true\" in references for {}/{} and {}/{}",
            first.text(&["kind"]),
            first.text(&["name"]),
            second.text(&["kind"]),
            second.text(&["name"])
        );
        let list: Vec<String> = meta.items(&["ownerReferences"]).iter().map(owner_text).collect();
        let message = format!("Invalid value: [{}]: {text}", list.join(","));
        causes.push(Cause::other(field, "FieldValueInvalid", message));
    }
}

/// An owner with its fields in the order of its Go type.
fn owner_text(owner: &Value) -> String {
    const ORDER: [&str; 6] = ["apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"];
    let parts: Vec<String> =
        ORDER.iter().filter_map(|key| owner.get(*key).map(|value| format!("{key:?}:{value}"))).collect();
    format!("{{{}}}", parts.join(","))
}

fn finalizers(meta: &Value, built_in: bool, at: &str, causes: &mut Vec<Cause>) {
    const STANDARD: [&str; 3] = ["orphan", "foregroundDeletion", "kubernetes"];
    let list = meta.items(&["finalizers"]);
    let field = format!("{at}.finalizers");
    for finalizer in list.iter().filter_map(Value::as_str) {
        causes.extend(problems(names::qualified_name(finalizer), &field, finalizer));
    }
    if list.iter().any(|f| f == "orphan") && list.iter().any(|f| f == "foregroundDeletion") {
        let text = "finalizer orphan and foregroundDeletion cannot be both set";
        causes.push(Cause::invalid(field.as_str(), &Value::from(list.to_vec()), text));
    }
    for (i, finalizer) in list.iter().filter_map(Value::as_str).enumerate().filter(|_| built_in) {
        if !finalizer.contains('/') && !STANDARD.contains(&finalizer) {
            let text = "name is neither a standard finalizer name nor is it fully qualified";
            causes.push(Cause::invalid(format!("{field}[{i}]"), &finalizer.into(), text));
        }
    }
}

/// Metadata of a changed object.
pub(super) fn of_update(resource: &Resource, live: &Value, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if live.at(&["metadata", "deletionTimestamp"]).is_some() {
        let old = live.items(&["metadata", "finalizers"]);
        let new: Vec<String> = value
            .items(&["metadata", "finalizers"])
            .iter()
            .filter(|f| !old.contains(f))
            .map(Value::to_string)
            .collect();
        if !new.is_empty() {
            let text = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                new.join(", ")
            );
            causes.push(Cause::forbidden("metadata.finalizers", &text));
        }
    }
    for field in ["name", "namespace"] {
        if live.text(&["metadata", field]) != value.text(&["metadata", field]) {
            let shown = value["metadata"][field].clone();
            causes.push(Cause::invalid(format!("metadata.{field}"), &shown, IMMUTABLE));
        }
    }
    causes.extend(of_kind(resource, &value["metadata"]));
    // A real server checks metadata for all kinds and then again for each kind.
    let again = causes.clone();
    causes.extend(again);
    causes
}
