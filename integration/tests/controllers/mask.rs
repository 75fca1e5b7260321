//! Objects without what differs from run to run.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

/// Fields of metadata that every server fills by itself.
const DROPPED: [&str; 5] = ["managedFields", "uid", "resourceVersion", "creationTimestamp", "generation"];
/// Fields whose values are masked wherever they stand.
const MASKED: [&str; 6] = [
    "containerID",
    "imageID",
    "volumeName",
    "controller-uid",
    "batch.kubernetes.io/controller-uid",
    "ca.crt",
];
const HASHES: [&str; 3] = ["pod-template-hash", "controller-revision-hash", "controller.kubernetes.io/hash"];
const TRIGGER: &str = "endpoints.kubernetes.io/last-change-trigger-time";

/// All objects, masked and sorted.
pub(crate) fn all(objects: Vec<Value>) -> Vec<Value> {
    let names = names(&objects);
    let patterns = [
        (Regex::new(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").unwrap(), "<uid>"),
        (Regex::new(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z").unwrap(), "<time>"),
        (Regex::new(r"\b\d{1,3}(\.\d{1,3}){3}\b").unwrap(), "<address>"),
        (Regex::new(r"kube-api-access-\w{5}").unwrap(), "kube-api-access-<suffix>"),
    ];
    let masked = objects.into_iter().map(|object| mask(strip(object), "", &names, &patterns));
    let mut masked: Vec<Value> = masked.collect();
    masked.sort_by_cached_key(|object| format!("{}{}{object}", object["kind"], object["metadata"]["name"]));
    masked
}

/// Generated names and hashes with what stands for them, the longest first.
fn names(objects: &[Value]) -> Vec<(String, String)> {
    let mut found = BTreeMap::new();
    for object in objects {
        let meta = &object["metadata"];
        for label in HASHES {
            if let Some(hash) = meta["labels"][label].as_str() {
                found.insert(hash.rsplit('-').next().unwrap_or(hash).to_owned(), "<hash>".to_owned());
            }
        }
        if let (Some(stem), Some(name)) = (meta["generateName"].as_str(), meta["name"].as_str())
            && let Some(suffix) = name.strip_prefix(stem).filter(|suffix| suffix.len() == 5)
        {
            found.insert(format!("-{suffix}"), "-<suffix>".to_owned());
        }
    }
    let mut found: Vec<(String, String)> = found.into_iter().collect();
    found.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
    found
}

fn strip(mut object: Value) -> Value {
    if let Some(meta) = object["metadata"].as_object_mut() {
        DROPPED.iter().for_each(|field| drop(meta.remove(*field)));
        if let Some(annotations) = meta.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove(TRIGGER);
        }
        meta.retain(|_, value| !value.as_object().is_some_and(serde_json::Map::is_empty));
    }
    if object["kind"] == "ReplicaSet"
        && let Some(status) = object["status"].as_object_mut()
    {
        status.remove("observedGeneration"); // depends on the number of steps
    }
    for pointer in ["/status/conditions", "/endpoints", "/subsets/0/addresses"] {
        if let Some(list) = object.pointer_mut(pointer).and_then(Value::as_array_mut) {
            list.sort_by_cached_key(|item| format!("{}{}", item["type"], item["targetRef"]["name"]));
        }
    }
    object
}

fn mask(value: Value, key: &str, names: &[(String, String)], patterns: &[(Regex, &str)]) -> Value {
    match value {
        Value::Object(map) => {
            let masked = map.into_iter().map(|(key, value)| {
                let value = mask(value, &key, names, patterns);
                (key, value)
            });
            Value::Object(masked.collect())
        }
        Value::Array(list) => {
            Value::Array(list.into_iter().map(|item| mask(item, key, names, patterns)).collect())
        }
        Value::String(_) if MASKED.contains(&key) => Value::String(format!("<{key}>")),
        Value::String(mut text) => {
            for (pattern, stand_in) in patterns {
                text = pattern.replace_all(&text, *stand_in).into_owned();
            }
            for (name, stand_in) in names {
                text = text.replace(name, stand_in);
            }
            Value::String(text)
        }
        other => other,
    }
}

/// Where two values differ first, in words.
pub(crate) fn difference(wanted: &Value, found: &Value, path: &str) -> Option<String> {
    match (wanted, found) {
        (Value::Object(a), Value::Object(b)) => {
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            keys.into_iter().find_map(|key| match (a.get(key), b.get(key)) {
                (Some(a), Some(b)) => difference(a, b, &format!("{path}.{key}")),
                (a, b) => Some(format!("{path}.{key}: real {a:?}, ours {b:?}")),
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(at, (a, b))| difference(a, b, &format!("{path}[{at}]")))
        }
        (a, b) if a == b => None,
        (a, b) => Some(format!("{path}: real {a}, ours {b}")),
    }
}
