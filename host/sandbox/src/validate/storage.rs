//! Claims and volumes.

mod classes;
mod drivers;

use serde_json::{Value, json};

use super::common::{has, one_of, problems, quantity, selector};
use super::{container, pod, volume};
use crate::names;
use crate::status::Cause;
use crate::value::{Get, remove};

pub(super) use classes::{attributes, attributes_update, class, class_update};
pub(super) use drivers::{attachment, capacity, capacity_update, driver, node, node_update};

const MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

fn access_modes(spec: &Value, at: &str, causes: &mut Vec<Cause>) {
    let modes = spec.items(&["accessModes"]);
    for mode in modes {
        if !mode.as_str().is_some_and(|m| MODES.contains(&m)) {
            causes.push(Cause::unsupported(format!("{at}.accessModes"), mode, &MODES));
        }
    }
    if modes.len() > 1 && modes.iter().any(|m| m == "ReadWriteOncePod") {
        let text = "may not use ReadWriteOncePod with other access modes";
        causes.push(Cause::forbidden(format!("{at}.accessModes"), text));
    }
}

/// The specification of a claim.
pub(super) fn claim(spec: &Value, at: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    if spec.items(&["accessModes"]).is_empty() {
        causes.push(Cause::required(format!("{at}.accessModes"), "at least 1 access mode is required"));
    }
    selector(&spec["selector"], &format!("{at}.selector"), &mut causes);
    access_modes(spec, at, &mut causes);
    match spec.at(&["resources", "requests", "storage"]) {
        None => causes.push(Cause::required(format!("{at}.resources[storage]"), "")),
        Some(amount) => {
            let field = format!("{at}.resources[storage]");
            if quantity(amount).is_some_and(|q| q.nano() <= 0) {
                causes.push(Cause::invalid(field, amount, "must be greater than zero"));
            } else {
                container::amount("storage", amount, &field, &mut causes);
            }
        }
    }
    let class = spec.text(&["storageClassName"]);
    if !class.is_empty() {
        causes.extend(problems(names::dns1123_subdomain(class), &format!("{at}.storageClassName"), class));
    }
    one_of(spec, "volumeMode", at, &["Block", "Filesystem"], &mut causes);
    sources(spec, at, &mut causes);
    let class = spec.text(&["volumeAttributesClassName"]);
    if !class.is_empty() {
        let field = format!("{at}.volumeAttributesClassName");
        causes.extend(problems(names::dns1123_subdomain(class), &field, class));
    }
    causes
}

/// What a claim is filled from.
fn sources(spec: &Value, at: &str, causes: &mut Vec<Cause>) {
    for source in ["dataSource", "dataSourceRef"].into_iter().filter(|source| has(spec, &[source])) {
        let (inner, field) = (&spec[source], format!("{at}.{source}"));
        for key in ["name", "kind"] {
            if inner.text(&[key]).is_empty() {
                causes.push(Cause::required(format!("{field}.{key}"), ""));
            }
        }
        let (group, kind) = (inner.text(&["apiGroup"]), inner.text(&["kind"]));
        if group.is_empty() && kind != "PersistentVolumeClaim" {
            let text = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
            causes.push(Cause::invalid(field.clone(), &kind.into(), text));
        } else if !group.is_empty() {
            causes.extend(problems(names::dns1123_subdomain(group), &format!("{field}.apiGroup"), group));
        }
    }
    let same = |key: &str| spec["dataSource"].get(key) == spec["dataSourceRef"].get(key);
    let both = has(spec, &["dataSource"]) && has(spec, &["dataSourceRef"]);
    if both && !["apiGroup", "kind", "name"].into_iter().all(same) {
        let text = format!("Invalid value: \"{at}.dataSource\": must match dataSourceRef");
        causes.push(Cause::other(at, "FieldValueInvalid", text));
    }
}

/// A changed claim: only the size may grow, and the binding may be filled in.
pub(super) fn claim_update(live: &Value, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut old = live["spec"].clone();
    let mut new = value["spec"].clone();
    if live.text(&["spec", "volumeName"]).is_empty() {
        remove(&mut old, &["volumeName"]);
        remove(&mut new, &["volumeName"]);
    }
    for spec in [&mut old, &mut new] {
        remove(spec, &["resources"]);
        remove(spec, &["volumeAttributesClassName"]);
    }
    if live.at(&["spec", "storageClassName"]).is_none_or(Value::is_null) {
        remove(&mut old, &["storageClassName"]);
        remove(&mut new, &["storageClassName"]);
    }
    if old != new {
        let text = "spec is immutable after creation except resources.requests and volumeAttributesClassName for \
                    bound claims";
        causes.push(Cause::forbidden("spec", text));
    }
    let size = |v: &Value| v.at(&["spec", "resources", "requests", "storage"]).and_then(quantity);
    let bound = live.text(&["status", "phase"]) == "Bound";
    let held = live.at(&["status", "capacity", "storage"]).and_then(quantity).unwrap_or_default();
    match (size(live), Some(size(value).unwrap_or_default())) {
        (Some(a), Some(b)) if b.nano() < a.nano() && b.nano() <= held.nano() => {
            let text = "field can not be less than status.capacity";
            causes.push(Cause::forbidden("spec.resources.requests.storage", text));
        }
        (Some(a), Some(b)) if b.nano() > a.nano() && !bound => {
            let text = "spec is immutable after creation except resources.requests and volumeAttributesClassName for \
                        bound claims";
            causes.push(Cause::forbidden("spec", text));
        }
        _ => {}
    }
    causes
}

/// A changed volume keeps its source and mode.
pub(super) fn volume_update(live: &Value, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let source = |v: &Value| -> Vec<Option<Value>> {
        SOURCES.iter().map(|kind| v["spec"].get(*kind).cloned()).collect()
    };
    if source(live) != source(value) {
        let text = "spec.persistentvolumesource is immutable after creation";
        causes.push(Cause::forbidden("spec.persistentvolumesource", text));
    }
    let mode = |v: &Value| v["spec"].get("volumeMode").cloned();
    if mode(live) != mode(value) {
        causes.push(Cause::invalid("volumeMode", &value["spec"]["volumeMode"], super::common::IMMUTABLE));
    }
    causes
}

const SOURCES: [&str; 22] = [
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "glusterfs",
    "flocker",
    "nfs",
    "rbd",
    "quobyte",
    "cephfs",
    "iscsi",
    "cinder",
    "fc",
    "flexVolume",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "scaleIO",
    "local",
    "storageos",
    "csi",
];

/// A volume.
pub(super) fn volume(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    if spec.items(&["accessModes"]).is_empty() {
        causes.push(Cause::required("spec.accessModes", ""));
    }
    access_modes(spec, "spec", &mut causes);
    let capacity = spec["capacity"].as_object();
    if capacity.is_none_or(serde_json::Map::is_empty) {
        causes.push(Cause::required("spec.capacity", ""));
    }
    if capacity.is_none_or(|c| c.len() != 1 || !c.contains_key("storage")) {
        let shown = capacity.map_or(Value::Null, |c| json!(c));
        causes.push(Cause::unsupported("spec.capacity", &shown, &["storage"]));
    }
    for (key, amount) in capacity.into_iter().flatten() {
        let field = format!("spec.capacity[{key}]");
        let Some(parsed) = quantity(amount) else { continue };
        if parsed.nano() < 0 {
            let whole = i64::try_from(parsed.nano() / 1_000_000_000).unwrap_or(i64::MIN);
            causes.push(Cause::invalid(field.clone(), &whole.into(), "must be a valid resource quantity"));
        }
        if parsed.nano() <= 0 {
            causes.push(Cause::invalid(field, amount, "must be greater than zero"));
        }
    }
    const POLICIES: [&str; 3] = ["Delete", "Recycle", "Retain"];
    one_of(spec, "persistentVolumeReclaimPolicy", "spec", &POLICIES, &mut causes);
    let given: Vec<&str> = SOURCES.into_iter().filter(|k| has(spec, &[k])).collect();
    if has(spec, &["nodeAffinity"]) {
        let required = &spec["nodeAffinity"]["required"];
        if required.is_object() {
            pod::node_selector(required, "spec.nodeAffinity.required", &mut causes);
        } else {
            let text = "must specify required node constraints";
            causes.push(Cause::required("spec.nodeAffinity.required", text));
        }
    }
    match given.first() {
        Some(&"hostPath") => volume::host_path(&spec["hostPath"], "spec.hostPath", &mut causes),
        Some(kind) => volume::remote(kind, &spec[*kind], &format!("spec.{kind}"), &mut causes),
        None => {}
    }
    for kind in given.iter().skip(1) {
        causes.push(Cause::forbidden(format!("spec.{kind}"), "may not specify more than 1 volume type"));
    }
    if given.is_empty() {
        causes.push(Cause::required("spec", "must specify a volume type"));
    }
    if given.first() == Some(&"local") && !has(spec, &["nodeAffinity"]) {
        causes.push(Cause::required("spec.nodeAffinity", "Local volume requires node affinity"));
    }
    let class = spec.text(&["storageClassName"]);
    if !class.is_empty() {
        causes.extend(problems(names::dns1123_subdomain(class), "spec.storageClassName", class));
    }
    one_of(spec, "volumeMode", "spec", &["Block", "Filesystem"], &mut causes);
    causes
}
