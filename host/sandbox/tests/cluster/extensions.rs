//! What the cluster says of things that it records and does not call, made-up metrics, and rules of faults.

use serde_json::{Value, json};

use crate::world::{World, deployment};

const FAULTS: &str = "sandbox-faults";

fn event_about(world: &World, name: &str, reason: &str) -> bool {
    let about = |event: &Value| event["involvedObject"]["name"] == name && event["reason"] == reason;
    world.list("events").iter().any(about)
}

#[tokio::test]
async fn webhooks_are_recorded_and_said_not_to_be_called() {
    let world = World::embedded().await;
    let client = json!({"service": {"namespace": "default", "name": "judge"}});
    let hook = json!({
        "name": "judge.example.com", "clientConfig": client, "sideEffects": "None", "admissionReviewVersions": ["v1"],
        "rules": [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}],
    });
    let hooks = "validatingwebhookconfigurations.admissionregistration.k8s.io";
    world.api.create(hooks, "", json!({"metadata": {"name": "judge"}, "webhooks": [hook]})).unwrap();
    world.until_true("an event", || event_about(&world, "judge", "WebhooksNotCalled")).await;
    // Nobody judges.
    world.create("configmaps", json!({"metadata": {"name": "free"}}));
}

#[tokio::test]
async fn an_aggregated_api_is_said_not_to_be_served() {
    let world = World::embedded().await;
    let spec = json!({
        "group": "custom.example.com", "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 100,
        "service": {"namespace": "default", "name": "api"}, "insecureSkipTLSVerify": true,
    });
    let services = "apiservices.apiregistration.k8s.io";
    let name = "v1.custom.example.com";
    world.api.create(services, "", json!({"metadata": {"name": name}, "spec": spec})).unwrap();
    let told = || {
        let found = world.api.find(services, "", name).unwrap();
        found.value["status"]["conditions"][0]["status"] == "False"
    };
    world.until_true("a status", told).await;
}

#[tokio::test]
async fn rules_make_objects_go_wrong() {
    let world = World::embedded().await;
    if world.api.find("namespaces", "", "kube-system").is_none() {
        world.api.create("namespaces", "", json!({"metadata": {"name": "kube-system"}})).unwrap();
    }
    let data = json!({"broken": "{selector: app=web, fault: ImagePullBackOff}"});
    let rules = json!({"metadata": {"name": FAULTS}, "data": data});
    world.api.create("configmaps", "kube-system", rules).unwrap();
    world.create("deployments.apps", deployment("web", 1, json!({})));
    world.create("deployments.apps", deployment("db", 1, json!({})));
    world.until("deployments.apps", "db", |d| d["status"]["availableReplicas"] == 1).await;
    // The kubelet goes to and fro between the two.
    let stuck = |pod: &Value| {
        let reason = &pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"];
        pod["metadata"]["labels"]["app"] == "web"
            && (*reason == "ErrImagePull" || *reason == "ImagePullBackOff")
    };
    world.until_true("a pod that cannot be pulled", || world.list("pods").iter().any(stuck)).await;
}
