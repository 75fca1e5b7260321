//! How things end: owners, namespaces, claims; and what services get.

use serde_json::{Value, json};

use crate::world::{World, deployment, template};

const DEPLOYMENTS: &str = "deployments.apps";

#[tokio::test]
async fn dependents_go_with_their_owner_in_the_foreground() {
    let world = World::new().await;
    world.create(DEPLOYMENTS, deployment("web", 2, json!({})));
    world.until(DEPLOYMENTS, "web", |d| d["status"]["availableReplicas"] == 2).await;
    world.delete(DEPLOYMENTS, "web", "Foreground");
    world.until_gone(DEPLOYMENTS, "web").await;
    assert!(world.list("pods").is_empty() && world.list("replicasets.apps").is_empty());
}

#[tokio::test]
async fn dependents_follow_in_the_background_and_stay_as_orphans() {
    let world = World::new().await;
    for name in ["goes", "stays"] {
        world.create(DEPLOYMENTS, deployment(name, 1, json!({})));
        world.until(DEPLOYMENTS, name, |d| d["status"]["availableReplicas"] == 1).await;
    }
    world.delete(DEPLOYMENTS, "goes", "Background");
    world.delete(DEPLOYMENTS, "stays", "Orphan");
    world.until_gone(DEPLOYMENTS, "stays").await;
    world.until_true("only the orphans", || world.list("pods").len() == 1).await;
    let sets = world.list("replicasets.apps");
    assert!(sets.iter().all(|set| set["metadata"]["ownerReferences"].is_null()), "{sets:?}");
}

#[tokio::test]
async fn a_namespace_goes_when_it_is_empty_and_says_what_keeps_it() {
    let world = World::new().await;
    let api = &world.api;
    api.create("namespaces", "", json!({"metadata": {"name": "b"}})).unwrap();
    let has_account = || api.find("serviceaccounts", "b", "default").is_some();
    world.until_true("the service account", has_account).await;
    let kept = json!({"metadata": {"name": "kept", "finalizers": ["example.com/x"]}});
    api.create("configmaps", "b", kept).unwrap();
    api.create(DEPLOYMENTS, "b", deployment("web", 2, json!({}))).unwrap();
    api.delete("namespaces", "", "b", &Default::default()).unwrap();
    let message = || {
        let space = api.find("namespaces", "", "b").map(|space| space.value.to_string()).unwrap_or_default();
        space.contains("Some resources are remaining: configmaps. has 1 resource instances")
            && space.contains("finalizers remaining: example.com/x in 1 resource instances")
    };
    world.until_true("the reason why the namespace stays", message).await;
    api.modify("configmaps", "b", "kept", "", |map| map["metadata"]["finalizers"] = json!([])).unwrap();
    world.until_true("the end of the namespace", || api.find("namespaces", "", "b").is_none()).await;
}

#[tokio::test]
async fn a_service_knows_its_ready_pods_and_gets_an_address() {
    let world = World::new().await;
    world.create(DEPLOYMENTS, deployment("web", 2, json!({})));
    world.create(
        "services",
        json!({
            "metadata": {"name": "web"},
            "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80}]},
        }),
    );
    let ready = |slice: &Value| {
        let endpoints = slice["endpoints"].as_array().cloned().unwrap_or_default();
        endpoints.iter().filter(|endpoint| endpoint["conditions"]["ready"] == true).count() == 2
    };
    let slices = "endpointslices.discovery.k8s.io";
    world.until_true("two endpoints", || world.list(slices).iter().any(ready)).await;
    let address = |s: &Value| s["status"]["loadBalancer"]["ingress"][0]["ip"].as_str().map(str::to_owned);
    let web = world.until("services", "web", |s| address(s).is_some()).await;
    assert!(address(&web).unwrap().starts_with("192.0.2."));
    world.delete("services", "web", "Background");
    world.until_true("the slices to go", || world.list(slices).is_empty()).await;
    world.until_gone("endpoints", "web").await;
}

#[tokio::test]
async fn a_claim_waits_for_the_pod_that_uses_it_to_go() {
    let world = World::new().await;
    world.create(
        "persistentvolumeclaims",
        json!({
            "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }),
    );
    world.until("persistentvolumeclaims", "data", |claim| claim["status"]["phase"] == "Bound").await;
    let mut pod = json!({"metadata": {"name": "user"}, "spec": template("user", json!({}))["spec"]});
    pod["spec"]["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
    world.create("pods", pod);
    world.until("pods", "user", |pod| pod["status"]["phase"] == "Running").await;
    world.delete("persistentvolumeclaims", "data", "Background");
    world.create("configmaps", json!({"metadata": {"name": "later"}}));
    assert!(world.find("persistentvolumeclaims", "data").is_some());
    world.delete("pods", "user", "Background");
    world.until_gone("persistentvolumeclaims", "data").await;
    world.until_true("its volume to go", || world.api.list("persistentvolumes", None).is_empty()).await;
}

#[tokio::test]
async fn a_secret_gets_the_token_of_its_account() {
    let world = World::new().await;
    world.create(
        "secrets",
        json!({
            "metadata": {"name": "token", "annotations": {"kubernetes.io/service-account.name": "default"}},
            "type": "kubernetes.io/service-account-token",
        }),
    );
    let filled =
        |secret: &Value| ["ca.crt", "namespace", "token"].iter().all(|key| secret["data"][*key].is_string());
    world.until("secrets", "token", filled).await;
    world.delete("serviceaccounts", "default", "Background");
    world.until_gone("secrets", "token").await;
}
