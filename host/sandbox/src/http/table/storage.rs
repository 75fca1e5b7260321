//! The cells of what is about volumes.

use serde_json::Value;

use super::or_none;
use crate::value::Get;

fn modes(list: &[Value]) -> String {
    let short = list.iter().filter_map(Value::as_str).map(|mode| match mode {
        "ReadWriteOnce" => "RWO",
        "ReadOnlyMany" => "ROX",
        "ReadWriteMany" => "RWX",
        "ReadWriteOncePod" => "RWOP",
        other => other,
    });
    let mut out: Vec<&str> = Vec::new();
    for mode in short {
        if !out.contains(&mode) {
            out.push(mode);
        }
    }
    let rank = |m: &&str| ["RWO", "ROX", "RWX", "RWOP"].iter().position(|r| r == m);
    out.sort_by_key(rank);
    out.join(",")
}

pub(super) fn claim(o: &Value, name: Value, old: Value) -> Vec<Value> {
    let mut phase = o.text(&["status", "phase"]);
    if o.at(&["metadata", "deletionTimestamp"]).is_some() {
        phase = "Terminating";
    }
    let bound = !o.text(&["spec", "volumeName"]).is_empty();
    let (capacity, access) = if bound {
        let size = o.text(&["status", "capacity", "storage"]);
        (if size.is_empty() { "0" } else { size }.to_string(), modes(o.items(&["status", "accessModes"])))
    } else {
        (String::new(), String::new())
    };
    let attributes = o.text(&["spec", "volumeAttributesClassName"]);
    vec![
        name,
        phase.into(),
        o.text(&["spec", "volumeName"]).into(),
        capacity.into(),
        access.into(),
        class_of(o).into(),
        if attributes.is_empty() { "<unset>" } else { attributes }.into(),
        old,
        or_unset(o.text(&["spec", "volumeMode"])).into(),
    ]
}

fn class_of(o: &Value) -> &str {
    match o.text(&["metadata", "annotations", "volume.beta.kubernetes.io/storage-class"]) {
        "" => o.text(&["spec", "storageClassName"]),
        class => class,
    }
}

fn or_unset(text: &str) -> &str {
    if text.is_empty() { "<unset>" } else { text }
}

pub(super) fn volume(o: &Value, name: Value, old: Value) -> Vec<Value> {
    let claim = match o.at(&["spec", "claimRef"]).filter(|c| !c.is_null()) {
        Some(c) => format!("{}/{}", c.text(&["namespace"]), c.text(&["name"])),
        None => String::new(),
    };
    let mut phase = o.text(&["status", "phase"]);
    if o.at(&["metadata", "deletionTimestamp"]).is_some() {
        phase = "Terminating";
    }
    vec![
        name,
        o.text(&["spec", "capacity", "storage"]).into(),
        modes(o.items(&["spec", "accessModes"])).into(),
        o.text(&["spec", "persistentVolumeReclaimPolicy"]).into(),
        phase.into(),
        claim.into(),
        class_of(o).into(),
        or_unset(o.text(&["spec", "volumeAttributesClassName"])).into(),
        o.text(&["status", "reason"]).into(),
        old,
        or_unset(o.text(&["spec", "volumeMode"])).into(),
    ]
}

pub(super) fn driver(o: &Value, name: Value, old: Value) -> Vec<Value> {
    let flag = |key: &str, default: bool| -> Value {
        o.at(&["spec", key]).and_then(Value::as_bool).unwrap_or(default).into()
    };
    let tokens: Vec<&str> =
        o.items(&["spec", "tokenRequests"]).iter().map(|t| t.text(&["audience"])).collect();
    let modes: Vec<&str> =
        o.items(&["spec", "volumeLifecycleModes"]).iter().filter_map(Value::as_str).collect();
    let tokens = if tokens.is_empty() { "<unset>".to_string() } else { tokens.join(",") };
    vec![
        name,
        flag("attachRequired", true),
        flag("podInfoOnMount", false),
        flag("storageCapacity", false),
        tokens.into(),
        flag("requiresRepublish", false),
        or_none(&modes.join(",")).into(),
        old,
    ]
}
