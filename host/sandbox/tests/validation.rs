//! What a write is refused for. The texts are those of a real server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use osc_sandbox::{Api, Core, Patch};
use serde_json::{Value, json};

fn cluster() -> Api {
    let api = Core::open(None).unwrap().api("test");
    api.create("namespaces", "", json!({"metadata": {"name": "ns"}})).unwrap();
    api.create("serviceaccounts", "ns", json!({"metadata": {"name": "default"}})).unwrap();
    api
}

fn refused(api: &Api, resource: &str, namespace: &str, object: Value) -> String {
    api.create(resource, namespace, object).map(|_| ()).unwrap_err().to_string()
}

fn definition(schema: Value) -> Value {
    json!({"metadata": {"name": "toys.example.com"}, "spec": {
        "group": "example.com", "scope": "Namespaced", "names": {"plural": "toys", "kind": "Toy"},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]}})
}

#[test]
fn definitions_need_structural_schemas() {
    let api = cluster();
    let cases = [
        (
            json!({"type": "object", "properties": {"a": {"type": "text"}}}),
            "properties[a].type: Unsupported value: \"text\": supported values: \"array\", \"boolean\", \"integer\", \
          \"number\", \"object\", \"string\"",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "integer", "minimum": 3, "default": 1}}}),
            "properties[a].default: Invalid value: 1:  in body should be greater than or equal to 3",
        ),
        (
            json!({"type": "object", "properties": {"a": {"$ref": "#/x"}}}),
            "properties[a].$ref: Forbidden: $ref is not supported",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "string", "oneOf": [{"type": "string"}]}}}),
            "properties[a].oneOf[0].type: Forbidden: must be empty to be structural",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "array", "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["q"], "items": {"type": "object", "properties": {}}}}}),
            "properties[a].x-kubernetes-list-map-keys: Invalid value: [\"q\"]: entries must all be names of item properties",
        ),
    ];
    for (schema, wanted) in cases {
        let text = refused(&api, "customresourcedefinitions.apiextensions.k8s.io", "", definition(schema));
        let wanted = format!("is invalid: spec.validation.openAPIV3Schema.{wanted}");
        assert!(text.ends_with(&wanted), "{text}\n{wanted}");
    }
}

#[test]
fn statuses_must_be_possible() {
    let api = cluster();
    let template =
        json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}});
    let set = json!({"metadata": {"name": "s"}, "spec": {"replicas": 0, "serviceName": "s",
        "selector": {"matchLabels": {"a": "b"}}, "template": template}});
    api.create("statefulsets.apps", "ns", set).unwrap();
    let mut live = api.get("statefulsets.apps", "ns", "s").unwrap().value.clone();
    live["status"] = json!({"replicas": 1, "availableReplicas": 2, "readyReplicas": -1});
    let text = api.update_status("statefulsets.apps", live).map(|_| ()).unwrap_err().to_string();
    assert_eq!(
        text,
        "StatefulSet.apps \"s\" is invalid: [status.readyReplicas: Invalid value: -1: must be greater than or equal to \
         0, status.availableReplicas: Invalid value: 2: cannot be greater than status.replicas, \
         status.availableReplicas: Invalid value: 2: cannot be greater than status.readyReplicas]"
    );
}

#[test]
fn what_is_wrong_with_common_objects() {
    let api = cluster();
    let text = refused(
        &api,
        "events",
        "ns",
        json!({"metadata": {"name": "e"}, "involvedObject": {"namespace": "x"}}),
    );
    let wanted = "Event \"e\" is invalid: involvedObject.namespace: Invalid value: \"x\": does not match event.namespace";
    assert_eq!(text, wanted);
    let owner = json!({"apiVersion": "v1", "kind": "Event", "name": "p", "uid": "u"});
    let text =
        refused(&api, "configmaps", "ns", json!({"metadata": {"name": "c", "ownerReferences": [owner]}}));
    assert!(text.ends_with("/v1, Kind=Event is disallowed from being an owner"), "{text}");
}

#[test]
fn patches_that_cannot_be_read_show_the_object() {
    let api = cluster();
    api.create("configmaps", "ns", json!({"metadata": {"name": "c"}, "data": {"b": "1", "a": "2"}})).unwrap();
    let patch = Patch::Merge(json!({"data": {"a": 1}}));
    let text = api.patch("configmaps", "ns", "c", "", &patch).map(|_| ()).unwrap_err().to_string();
    assert!(
        text.contains(r#"{\"apiVersion\":\"v1\",\"data\":{\"a\":1,\"b\":\"1\"},\"kind\":\"ConfigMap\""#),
        "{text}"
    );
    assert!(
        text.ends_with("json: cannot unmarshal number into Go struct field ConfigMap.data of type string"),
        "{text}"
    );
}
