//! What changes in an object, for a person: a unified diff of YAML without what the cluster writes itself.

use std::time::Duration;

use serde_json::{Map, Value};
use similar::TextDiff;

const MAX_DIFF: usize = 64 << 10;
const MAX_TIME: Duration = Duration::from_millis(500);
const BOOKKEEPING: [&str; 6] =
    ["managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink"];
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The unified diff from one object to the other; empty when nothing changes. No object is an empty file.
pub fn unified(from: Option<&Value>, to: Option<&Value>) -> String {
    let (mut from, mut to) = (from.map(cleaned), to.map(cleaned));
    mask(from.as_mut(), to.as_mut());
    let (from, to) = (yaml(from.as_ref()), yaml(to.as_ref()));
    if from == to {
        return String::new();
    }
    let diff = TextDiff::configure().timeout(MAX_TIME).diff_lines(&from, &to);
    let mut text = diff.unified_diff().context_radius(3).missing_newline_hint(false).to_string();
    if text.len() > MAX_DIFF {
        let end = (0..=MAX_DIFF).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        text.truncate(end);
        text.push_str("\n... the rest is left out\n");
    }
    text
}

/// An object without its status and the cluster's bookkeeping.
fn cleaned(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for key in BOOKKEEPING {
            metadata.remove(key);
        }
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove(LAST_APPLIED);
        }
        metadata.retain(|_, value| !value.as_object().is_some_and(Map::is_empty));
    }
    object
}

/// Replaces the values of Secrets, so that one sees which keys change but not to what.
fn mask(from: Option<&mut Value>, to: Option<&mut Value>) {
    let is_secret = |object: &Option<&mut Value>| {
        object.as_ref().is_some_and(|object| object["kind"] == "Secret" && object["apiVersion"] == "v1")
    };
    if !is_secret(&from) && !is_secret(&to) {
        return;
    }
    let values = |object: Option<&mut Value>| -> Map<String, Value> {
        let Some(object) = object else { return Map::new() };
        let mut values = Map::new();
        for field in ["data", "stringData"] {
            if let Some(data) = object[field].as_object_mut() {
                for (key, value) in data.iter_mut() {
                    values.insert(format!("{field}/{key}"), std::mem::replace(value, "(masked)".into()));
                }
            }
        }
        values
    };
    let (mut from, mut to) = (from, to);
    let old = values(from.as_deref_mut());
    let new = values(to.as_deref_mut());
    for (path, value) in &old {
        if let Some(changed) = new.get(path).filter(|new| *new != value) {
            let place = |object: &mut Option<&mut Value>, text: &str| {
                if let (Some(object), Some((field, key))) = (object.as_deref_mut(), path.split_once('/')) {
                    object[field][key] = text.into();
                }
            };
            let _ = changed;
            place(&mut from, "(masked, before)");
            place(&mut to, "(masked, after)");
        }
    }
}

fn yaml(object: Option<&Value>) -> String {
    object.and_then(|object| serde_yaml_ng::to_string(object).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use serde_json::json;

    use super::*;

    #[test]
    fn shows_what_changes_and_nothing_of_the_cluster() {
        let object = |value: &str, version: &str| {
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "resourceVersion": version,
                "managedFields": [], "annotations": {LAST_APPLIED: "{}"}}, "data": {"a": "1", "b": value}, "status": {}})
        };
        assert_eq!(unified(Some(&object("2", "1")), Some(&object("2", "2"))), "");
        assert_snapshot!(unified(Some(&object("2", "1")), Some(&object("3", "2"))), @r"
        @@ -1,7 +1,7 @@
         apiVersion: v1
         data:
           a: '1'
        -  b: '2'
        +  b: '3'
         kind: ConfigMap
         metadata:
           name: x
        ");
    }

    #[test]
    fn masks_secrets() {
        let secret = |data: Value| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "data": data});
        let from = secret(json!({"same": "c2VjcmV0", "other": "b2xk", "gone": "Z29uZQ=="}));
        let to = secret(json!({"same": "c2VjcmV0", "other": "bmV3", "more": "bW9yZQ=="}));
        let diff = unified(Some(&from), Some(&to));
        for value in ["c2VjcmV0", "b2xk", "bmV3", "Z29uZQ==", "bW9yZQ=="] {
            assert!(!diff.contains(value), "{diff}");
        }
        for line in [
            "-  gone: (masked)",
            "+  more: (masked)",
            "-  other: (masked, before)",
            "+  other: (masked, after)",
            "   same: (masked)",
        ] {
            assert!(diff.contains(line), "{diff}");
        }
        assert!(unified(None, Some(&to)).contains("+  more: (masked)"));
    }
}
