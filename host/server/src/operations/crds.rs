//! Whether a CustomResourceDefinition may be replaced by another: objects that are stored must stay valid.

use std::collections::BTreeSet;

use serde_json::Value;

/// Depth at which a schema is not followed any more; the API server allows far less.
const MAX_DEPTH: usize = 64;

/// Why the live definition must not become the wanted one, if so.
pub fn upgrade_problem(live: &Value, wanted: &Value) -> Option<String> {
    let text = |crd: &Value, pointer: &str| {
        crd.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let scope = (text(live, "/spec/scope"), text(wanted, "/spec/scope"));
    if scope.0 != scope.1 {
        return Some(format!("its scope would change from `{}` to `{}`", scope.0, scope.1));
    }
    for version in stored_versions(live) {
        if find_version(wanted, &version).is_none() {
            return Some(format!("the version `{version}`, in which objects are stored, would be removed"));
        }
    }
    versions(live).find_map(|old| {
        let name = old["name"].as_str()?;
        let new = find_version(wanted, name)?;
        schema_problem(schema(old)?, schema(new)?, &mut vec![name], 0)
    })
}

/// Whether the live definition already says all that the wanted one says.
pub fn is_same(live: &Value, wanted: &Value) -> bool {
    contains(&live["spec"], &wanted["spec"])
}

/// Whether everything in `part` is in `whole`, which the API server may have completed with defaults.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(key, part)| whole.get(key).is_some_and(|whole| contains(whole, part)))
        }
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(whole, part)| contains(whole, part))
        }
        (whole, part) => whole == part,
    }
}

fn versions(crd: &Value) -> impl Iterator<Item = &Value> {
    crd.pointer("/spec/versions").and_then(Value::as_array).into_iter().flatten()
}

fn find_version<'a>(crd: &'a Value, name: &str) -> Option<&'a Value> {
    versions(crd).find(|version| version["name"] == name)
}

fn schema(version: &Value) -> Option<&Value> {
    version.pointer("/schema/openAPIV3Schema")
}

fn stored_versions(crd: &Value) -> BTreeSet<String> {
    let stored = crd.pointer("/status/storedVersions").and_then(Value::as_array).into_iter().flatten();
    let current = versions(crd).filter(|version| version["storage"] == true).map(|version| &version["name"]);
    stored.chain(current).filter_map(Value::as_str).map(str::to_owned).collect()
}

fn schema_problem<'a>(
    old: &'a Value,
    new: &'a Value,
    path: &mut Vec<&'a str>,
    depth: usize,
) -> Option<String> {
    if depth > MAX_DEPTH {
        return Some(format!("the schema of `{}` is nested too deeply to be compared", path.join(".")));
    }
    let (old_type, new_type) = (type_of(old), type_of(new));
    if let (Some(old_type), Some(new_type)) = (old_type, new_type)
        && old_type != new_type
    {
        return Some(format!(
            "the type of `{}` would change from `{old_type}` to `{new_type}`",
            path.join(".")
        ));
    }
    let required = |schema: &'a Value| -> BTreeSet<&'a str> {
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    };
    if let Some(field) = required(new).difference(&required(old)).next() {
        path.push(field);
        return Some(format!("the field `{}` would become required", path.join(".")));
    }
    for (name, old) in old["properties"].as_object().into_iter().flatten() {
        if let Some(new) = new["properties"].get(name) {
            path.push(name);
            if let Some(problem) = schema_problem(old, new, path, depth + 1) {
                return Some(problem);
            }
            path.pop();
        }
    }
    for (key, label) in [("items", "[]"), ("additionalProperties", "*")] {
        if old[key].is_object() && new[key].is_object() {
            path.push(label);
            if let Some(problem) = schema_problem(&old[key], &new[key], path, depth + 1) {
                return Some(problem);
            }
            path.pop();
        }
    }
    None
}

fn type_of(schema: &Value) -> Option<&str> {
    match schema["x-kubernetes-int-or-string"].as_bool() {
        Some(true) => Some("integer or string"),
        _ => schema["type"].as_str(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn crd(schema: Value) -> Value {
        json!({"spec": {"scope": "Namespaced", "versions": [{"name": "v1", "storage": true, "served": true,
            "schema": {"openAPIV3Schema": schema}}]}, "status": {"storedVersions": ["v1"]}})
    }

    fn problem(old: Value, new: Value) -> String {
        upgrade_problem(&crd(old), &crd(new)).unwrap_or_else(|| "safe".into())
    }

    #[test]
    fn allows_what_keeps_objects_valid() {
        let old = json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}});
        let new = json!({"type": "object", "properties": {"a": {"type": "string", "description": "A"},
            "b": {"type": "object", "required": ["c"], "properties": {"c": {"type": "string"}}}}});
        assert_eq!(problem(old.clone(), new), "safe");
        assert_eq!(problem(old.clone(), json!({"type": "object"})), "safe");
        let mut more = crd(old.clone());
        more["spec"]["versions"].as_array_mut().unwrap().push(json!({"name": "v2", "served": true}));
        assert_eq!(upgrade_problem(&crd(old), &more), None);
    }

    #[test]
    fn refuses_what_breaks_them() {
        let object = |field: Value| json!({"type": "object", "properties": {"spec": {"type": "object", "properties": field}}});
        let old = || object(json!({"a": {"type": "string"}}));
        assert_eq!(
            problem(old(), object(json!({"a": {"type": "integer"}}))),
            "the type of `v1.spec.a` would change from `string` to `integer`"
        );
        assert_eq!(
            problem(old(), object(json!({"a": {"x-kubernetes-int-or-string": true}}))),
            "the type of `v1.spec.a` would change from `string` to `integer or string`"
        );
        let mut required = old();
        required["properties"]["spec"]["required"] = json!(["a"]);
        assert_eq!(problem(old(), required), "the field `v1.spec.a` would become required");
        let list = |kind: &str| object(json!({"l": {"type": "array", "items": {"type": kind}}}));
        assert_eq!(
            problem(list("string"), list("object")),
            "the type of `v1.spec.l.[]` would change from `string` to `object`"
        );
        let map =
            |kind: &str| object(json!({"m": {"type": "object", "additionalProperties": {"type": kind}}}));
        assert_eq!(
            problem(map("string"), map("number")),
            "the type of `v1.spec.m.*` would change from `string` to `number`"
        );
        let mut scope = crd(old());
        scope["spec"]["scope"] = json!("Cluster");
        assert_eq!(
            upgrade_problem(&crd(old()), &scope).unwrap(),
            "its scope would change from `Namespaced` to `Cluster`"
        );
        let mut version = crd(old());
        version["spec"]["versions"][0]["name"] = json!("v2");
        assert_eq!(
            upgrade_problem(&crd(old()), &version).unwrap(),
            "the version `v1`, in which objects are stored, would be removed"
        );
    }

    #[test]
    fn knows_what_is_there_already() {
        let mut live = crd(json!({"type": "object"}));
        live["spec"]["conversion"] = json!({"strategy": "None"});
        assert!(is_same(&live, &crd(json!({"type": "object"}))));
        assert!(!is_same(&live, &crd(json!({"type": "object", "properties": {}}))));
    }
}
