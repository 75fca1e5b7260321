//! The in-process API: what controllers see.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use osc_sandbox::{Core, DeleteOptions, Patch};
use serde_json::{Value, json};

fn cluster() -> osc_sandbox::Api {
    let api = Core::open(None).unwrap().api("test");
    api.create("namespaces", "", json!({"metadata": {"name": "ns"}})).unwrap();
    api.create("serviceaccounts", "ns", json!({"metadata": {"name": "default"}})).unwrap();
    api
}

fn deployment() -> Value {
    json!({"metadata": {"name": "web", "labels": {"app": "web"}}, "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "x:1"}]}},
    }})
}

#[test]
fn a_deployment_gets_defaults_generation_and_owner() {
    let api = cluster();
    let made = api.create("deployments.apps", "ns", deployment()).unwrap();
    assert_eq!(made.value["spec"]["replicas"], 1);
    assert_eq!(made.value["metadata"]["generation"], 1);
    assert_eq!(made.value["metadata"]["managedFields"][0]["manager"], "test");
    let status = api
        .modify("deployments.apps", "ns", "web", "status", |d| d["status"] = json!({"replicas": 1}))
        .unwrap();
    assert_eq!(status.value["metadata"]["generation"], 1);
    assert_eq!(status.value["status"]["replicas"], 1);
}

#[test]
fn an_update_without_change_keeps_the_version() {
    let api = cluster();
    let made = api.create("deployments.apps", "ns", deployment()).unwrap();
    let again = api.update("deployments.apps", made.value.clone()).unwrap();
    assert_eq!(made.version, again.version);
}

#[test]
fn a_stale_update_conflicts() {
    let api = cluster();
    let made = api.create("configmaps", "ns", json!({"metadata": {"name": "c"}})).unwrap();
    let patch = Patch::Merge(json!({"data": {"a": "1"}}));
    api.patch("configmaps", "ns", "c", "", &patch).unwrap();
    assert_eq!(api.update("configmaps", made.value.clone()).map(|_| ()).unwrap_err().code, 409);
}

#[test]
fn finalizers_keep_an_object() {
    let api = cluster();
    let object = json!({"metadata": {"name": "c", "finalizers": ["example.com/x"]}});
    api.create("configmaps", "ns", object).unwrap();
    assert!(!api.delete("configmaps", "ns", "c", &DeleteOptions::default()).unwrap().gone);
    api.modify("configmaps", "ns", "c", "", |c| c["metadata"]["finalizers"] = json!([])).unwrap();
    assert!(api.find("configmaps", "ns", "c").is_none());
}

#[test]
fn apply_conflicts_and_force() {
    let api = cluster();
    api.create("configmaps", "ns", json!({"metadata": {"name": "c"}, "data": {"a": "1"}})).unwrap();
    let other = api.as_manager("other");
    let config = json!({"metadata": {"name": "c"}, "data": {"a": "2"}});
    let refused = other.apply("configmaps", "ns", config.clone(), false).map(|_| ()).unwrap_err();
    assert_eq!(refused.to_string(), "Apply failed with 1 conflict: conflict with \"test\" using v1: .data.a");
    other.apply("configmaps", "ns", config, true).unwrap();
}

#[test]
fn a_feed_tells_all_changes() {
    let api = cluster();
    let mut feed = api.feed();
    api.create("configmaps", "ns", json!({"metadata": {"name": "c"}})).unwrap();
    api.delete("configmaps", "ns", "c", &DeleteOptions::default()).unwrap();
    let kinds: Vec<_> = feed.poll().unwrap().iter().map(|c| format!("{:?}", c.kind)).collect();
    assert_eq!(kinds, ["Added", "Deleted"]);
}
