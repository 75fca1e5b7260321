//! Adoption: fields that older tools wrote go to our manager, so that a key dropped later is dropped in the cluster.

use serde_json::{Map, Value, json};

/// Managers whose fields an adopted release leaves behind.
const OLDER: [&str; 9] = [
    "helm",
    "Helm",
    "Go-http-client",
    "kubectl",
    "kubectl-client-side-apply",
    "kubectl-create",
    "kubectl-edit",
    "before-first-apply",
    "osc",
];

/// The JSON patch that moves the fields of older managers to `manager`, guarded by the object's resourceVersion.
/// `None` when there is nothing to move.
pub fn migration(live: &Value, manager: &str) -> Option<Value> {
    let entries = live.pointer("/metadata/managedFields")?.as_array()?;
    let is_ours =
        |entry: &Value| entry["manager"] == manager && entry["operation"] == "Apply" && is_main(entry);
    let is_older = |entry: &Value| {
        !is_ours(entry)
            && is_main(entry)
            && entry["manager"].as_str().is_some_and(|name| OLDER.contains(&name))
    };
    let newest = entries.iter().rfind(|entry| is_older(entry))?;
    let mut target = entries.iter().find(|entry| is_ours(entry)).unwrap_or(newest).clone();
    let mut fields = Map::new();
    for entry in entries.iter().filter(|entry| is_older(entry) || is_ours(entry)) {
        if let Some(more) = entry["fieldsV1"].as_object() {
            unite(&mut fields, more);
        }
    }
    target["manager"] = manager.into();
    target["operation"] = "Apply".into();
    target["fieldsV1"] = Value::Object(fields);
    let others = entries.iter().filter(|entry| !is_older(entry) && !is_ours(entry)).cloned();
    let entries: Vec<Value> = others.chain([target]).collect();
    Some(json!([
        {"op": "replace", "path": "/metadata/managedFields", "value": entries},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]},
    ]))
}

fn is_main(entry: &Value) -> bool {
    entry["subresource"].as_str().is_none_or(str::is_empty)
}

/// Field sets are nested maps: their union is the union of keys.
fn unite(fields: &mut Map<String, Value>, more: &Map<String, Value>) {
    for (key, value) in more {
        match (fields.get_mut(key), value) {
            (Some(Value::Object(fields)), Value::Object(more)) => unite(fields, more),
            (Some(_), _) => {}
            (None, value) => {
                fields.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(manager: &str, operation: &str, fields: Value) -> Value {
        json!({"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields})
    }

    #[test]
    fn moves_fields_of_older_managers() {
        let status = json!({"manager": "helm", "operation": "Update", "subresource": "status", "fieldsV1": {"f:status": {}}});
        let live = json!({"metadata": {"resourceVersion": "7", "managedFields": [
            entry("helm", "Update", json!({"f:data": {"f:a": {}}})),
            entry("controller", "Update", json!({"f:data": {"f:c": {}}})),
            entry("kubectl-edit", "Update", json!({"f:data": {"f:b": {}}})),
            status,
        ]}});
        let patch = migration(&live, "helm").unwrap();
        let moved = patch[0]["value"].as_array().unwrap();
        assert_eq!(moved.len(), 3);
        assert_eq!(moved[2], entry("helm", "Apply", json!({"f:data": {"f:a": {}, "f:b": {}}})));
        assert_eq!(patch[1], json!({"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}));
    }

    #[test]
    fn joins_what_is_ours_already_and_leaves_the_rest() {
        let ours = entry("helm", "Apply", json!({"f:data": {"f:a": {}}}));
        let live =
            |entries: Vec<Value>| json!({"metadata": {"resourceVersion": "7", "managedFields": entries}});
        assert_eq!(migration(&live(vec![ours.clone(), entry("x", "Update", json!({}))]), "helm"), None);
        let patch =
            migration(&live(vec![ours, entry("helm", "Update", json!({"f:spec": {}}))]), "helm").unwrap();
        assert_eq!(
            patch[0]["value"],
            json!([entry("helm", "Apply", json!({"f:data": {"f:a": {}}, "f:spec": {}}))])
        );
    }
}
