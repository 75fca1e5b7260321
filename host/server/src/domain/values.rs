//! Overrides: merging as Helm merges values, and masking secrets.

use serde_json::{Map, Value};

/// Lays `over` over `base`: objects merge, everything else replaces. A null stays, since it removes a default.
pub fn merge(base: Value, over: Value) -> Value {
    match (base, over) {
        (Value::Object(mut base), Value::Object(over)) => {
            for (key, value) in over {
                let merged = match base.remove(&key) {
                    Some(present) => merge(present, value),
                    None => value,
                };
                base.insert(key, merged);
            }
            Value::Object(base)
        }
        (_, over) => over,
    }
}

/// Lays documents over each other, the last on top; nulls in place of documents are nothing.
pub fn merge_all(documents: &[Value]) -> Value {
    let documents = documents.iter().filter(|document| !document.is_null()).cloned();
    documents.fold(Value::Object(Map::new()), merge)
}

/// Replaces what the JSON pointers name with a mask.
pub fn mask(values: &mut Value, secrets: &[String]) {
    for pointer in secrets {
        if let Some(value) = values.pointer_mut(pointer)
            && !value.is_null()
        {
            *value = Value::String("••••••••".into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn objects_merge_and_the_rest_replaces() {
        let base = json!({ "a": { "b": 1, "c": [1, 2] }, "d": 1 });
        let over = json!({ "a": { "b": null, "c": [3] }, "e": {} });
        assert_eq!(merge(base, over), json!({ "a": { "b": null, "c": [3] }, "d": 1, "e": {} }));
        assert_eq!(merge_all(&[json!({ "a": 1 }), Value::Null, json!({ "a": 2 })]), json!({ "a": 2 }));
    }

    #[test]
    fn secrets_are_masked() {
        let mut values = json!({ "auth": { "password": "x", "user": "u" } });
        mask(&mut values, &["/auth/password".into(), "/absent".into()]);
        assert_eq!(values, json!({ "auth": { "password": "••••••••", "user": "u" } }));
    }
}
