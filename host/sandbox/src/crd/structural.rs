//! Pruning and defaulting by a structural schema.

use serde_json::{Map, Value};

use crate::schema::table;
use crate::schema::typed::{Findings, round_trip};
use crate::value::{Get, object};

/// Metadata of a custom resource through its Go type.
pub(super) fn metadata(value: Value, path: &str, unknown: &mut Vec<String>) -> Result<Value, String> {
    let value = if value.is_null() { Value::Object(Map::new()) } else { value };
    let Some(ty) = table().named(super::META) else { return Ok(value) };
    let mut findings = Findings::default();
    let managed = value.get("managedFields").cloned();
    let mut out = round_trip(ty.get(), value, &mut findings)?;
    if let (Some(list @ Value::Array(_)), Value::Object(map)) = (managed, &mut out) {
        map.insert("managedFields".into(), list);
    }
    unknown.extend(findings.unknown.into_iter().map(|field| format!("{path}.{field}")));
    Ok(out)
}

/// Removes fields that the schema does not declare; their paths go to `unknown`.
pub(super) fn prune(schema: &Value, value: &mut Value, path: &str, root: bool, unknown: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            let resource = root || schema["x-kubernetes-embedded-resource"] == true;
            let preserve = schema["x-kubernetes-preserve-unknown-fields"] == true;
            let properties = schema.get("properties").and_then(Value::as_object);
            let additional = schema.get("additionalProperties");
            map.retain(|key, inner| {
                let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                if resource && matches!(key.as_str(), "apiVersion" | "kind" | "metadata") {
                    return true;
                }
                if let Some(declared) = properties.and_then(|p| p.get(key)) {
                    prune(declared, inner, &below, false, unknown);
                    return true;
                }
                match additional {
                    Some(declared @ Value::Object(_)) => {
                        prune(declared, inner, &below, false, unknown);
                        true
                    }
                    Some(Value::Bool(true)) => true,
                    _ if preserve => true,
                    _ => {
                        unknown.push(below);
                        false
                    }
                }
            });
            if resource && !root {
                prune_embedded_metadata(map, path, unknown);
            }
        }
        Value::Array(items) => {
            for (i, item) in items.iter_mut().enumerate() {
                if schema["x-kubernetes-preserve-unknown-fields"] == true && schema.get("items").is_none() {
                    continue;
                }
                prune(&schema["items"], item, &format!("{path}[{i}]"), false, unknown);
            }
        }
        _ => {}
    }
}

fn prune_embedded_metadata(map: &mut Map<String, Value>, path: &str, unknown: &mut Vec<String>) {
    if let Some(meta @ Value::Object(_)) = map.get_mut("metadata")
        && let Ok(clean) = metadata(meta.clone(), &format!("{path}.metadata"), unknown)
    {
        *meta = clean;
    }
}

/// Sets the defaults of absent fields, and of nulls where null is not allowed.
pub(super) fn set_defaults(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(map) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            for (key, declared) in properties.into_iter().flatten() {
                let nullable = declared["nullable"] == true;
                let missing = match map.get(key) {
                    None => true,
                    Some(Value::Null) => !nullable && declared.get("default").is_some(),
                    Some(_) => false,
                };
                if missing && let Some(default) = declared.get("default") {
                    map.insert(key.clone(), default.clone());
                } else if !nullable && map.get(key).is_some_and(Value::is_null) {
                    // Null means absent where it is not allowed.
                    map.remove(key);
                }
                if let Some(inner) = map.get_mut(key) {
                    set_defaults(declared, inner);
                }
            }
            if let Some(additional @ Value::Object(_)) = schema.get("additionalProperties") {
                for (key, inner) in map.iter_mut() {
                    if properties.is_none_or(|p| !p.contains_key(key)) {
                        if inner.is_null()
                            && additional["nullable"] != true
                            && let Some(default) = additional.get("default")
                        {
                            *inner = default.clone();
                        }
                        set_defaults(additional, inner);
                    }
                }
            }
        }
        Value::Array(items) => {
            let item_schema = &schema["items"];
            for item in items {
                if item.is_null()
                    && item_schema["nullable"] != true
                    && let Some(default) = item_schema.get("default")
                {
                    *item = default.clone();
                }
                set_defaults(item_schema, item);
            }
        }
        _ => {}
    }
}

/// Leaves the top level free of a null metadata.
pub(super) fn prune_null_metadata(value: &mut Value) {
    if value.at(&["metadata"]).is_some_and(Value::is_null) {
        object(value).remove("metadata");
    }
}

/// Numbers without a fraction are whole numbers, as they are when Go writes them.
pub(super) fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            let whole = number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 1e15);
            if let Some(whole) = whole {
                *value = (whole as i64).into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(map) => map.values_mut().for_each(whole_numbers),
        _ => {}
    }
}
