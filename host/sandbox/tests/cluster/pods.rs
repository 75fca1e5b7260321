//! What the simulated kubelet and the scheduler do with single pods.

use serde_json::{Value, json};

use crate::world::World;

fn pod(name: &str, annotations: Value) -> Value {
    json!({
        "metadata": {"name": name, "annotations": annotations},
        "spec": {"containers": [{"name": "c", "image": "c:1"}]},
    })
}

fn waits_for(reason: &'static str) -> impl Fn(&Value) -> bool {
    move |pod| pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == reason
}

fn ready(pod: &Value) -> bool {
    crate::world::is(pod, "Ready")
}

#[tokio::test]
async fn a_pod_crashes_again_and_again() {
    let world = World::new().await;
    world.create("pods", pod("bad", json!({"sandbox.osc.io/fault": "OOMKilled"})));
    world.until("pods", "bad", |pod| pod["status"]["phase"] == "Running").await;
    for (restarts, pause) in [(0, 10), (1, 20), (2, 40)] {
        world.pass(2);
        let bad = world.until("pods", "bad", waits_for("CrashLoopBackOff")).await;
        let status = &bad["status"]["containerStatuses"][0];
        assert_eq!(status["restartCount"], restarts);
        assert_eq!(status["lastState"]["terminated"]["reason"], "OOMKilled");
        world.pass(pause + 1);
        world
            .until("pods", "bad", |pod| pod["status"]["containerStatuses"][0]["restartCount"] == restarts + 1)
            .await;
    }
}

#[tokio::test]
async fn a_pod_starts_slowly() {
    let world = World::new().await;
    world.create("pods", pod("slow", json!({"sandbox.osc.io/fault": "slow-start:30"})));
    let slow = world.until("pods", "slow", |pod| pod["status"]["phase"] == "Running").await;
    assert!(!ready(&slow));
    world.pass(31);
    world.until("pods", "slow", ready).await;
}

#[tokio::test]
async fn a_pod_fails_when_its_time_is_over() {
    let world = World::new().await;
    let mut limited = pod("limited", json!({}));
    limited["spec"]["activeDeadlineSeconds"] = 60.into();
    world.create("pods", limited);
    world.until("pods", "limited", ready).await;
    world.pass(61);
    let over = world.until("pods", "limited", |pod| pod["status"]["phase"] == "Failed").await;
    assert_eq!(over["status"]["reason"], "DeadlineExceeded");
}

#[tokio::test]
async fn a_pod_waits_for_its_settings() {
    let world = World::new().await;
    let mut lost = pod("lost", json!({}));
    lost["spec"]["containers"][0]["env"] =
        json!([{"name": "A", "valueFrom": {"secretKeyRef": {"name": "hidden", "key": "a"}}}]);
    world.create("pods", lost);
    let waiting = world.until("pods", "lost", waits_for("CreateContainerConfigError")).await;
    let message = &waiting["status"]["containerStatuses"][0]["state"]["waiting"]["message"];
    assert_eq!(message, "secret \"hidden\" not found");
    world.create("secrets", json!({"metadata": {"name": "hidden"}, "stringData": {"a": "1"}}));
    world.until("pods", "lost", ready).await;
}

#[tokio::test]
async fn a_pod_that_no_node_takes_says_why_and_is_taken_later() {
    let world = World::new().await;
    let mut picky = pod("picky", json!({}));
    picky["spec"]["nodeSelector"] = json!({"disk": "fast"});
    world.create("pods", picky);
    let refused = |pod: &Value| {
        let text = pod["status"].to_string();
        text.contains("0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector")
    };
    world.until("pods", "picky", refused).await;
    let label = |node: &mut Value| node["metadata"]["labels"]["disk"] = "fast".into();
    world.api.modify("nodes", "", "fake-node", "", label).unwrap();
    world.until("pods", "picky", ready).await;
}

#[tokio::test]
async fn a_pod_says_that_it_is_simulated() {
    let world = World::new().await;
    world.create("pods", pod("p", json!({"sandbox.osc.io/logs": "own words"})));
    let found = world.until("pods", "p", ready).await;
    let lines = osc_sandbox::kubelet::logs::lines(&found, "c", jiff::Timestamp::now());
    assert!(lines.len() >= 2 && lines.iter().all(|(_, line)| line.starts_with("[simulated]")), "{lines:?}");
    assert!(lines.iter().any(|(_, line)| line.ends_with("own words")));
    let node = world.api.get("nodes", "", "fake-node").unwrap();
    assert_eq!(node.value["metadata"]["labels"]["sandbox.osc.io/simulated"], "true");
}

/// A Job's pod of an application whose service account `maker` may create Secrets.
fn maker(world: &World, words: Value) {
    let role = json!({
        "metadata": {"name": "maker"},
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]}],
    });
    let binding = json!({
        "metadata": {"name": "maker"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "maker"},
        "subjects": [{"kind": "ServiceAccount", "name": "maker", "namespace": "default"}],
    });
    world.create("serviceaccounts", json!({"metadata": {"name": "maker"}}));
    world.create("roles.rbac.authorization.k8s.io", role);
    world.create("rolebindings.rbac.authorization.k8s.io", binding);
    world.create("pods", ends(words, "maker"));
}

fn ends(words: Value, account: &str) -> Value {
    let mut pod = pod(account, json!({"sandbox.osc.io/exit": "0"}));
    pod["metadata"]["labels"] = json!({"app.kubernetes.io/instance": "web"});
    pod["spec"]["restartPolicy"] = "Never".into();
    pod["spec"]["serviceAccountName"] = account.into();
    pod["spec"]["containers"][0]["args"] = words;
    pod
}

fn waits_for_secret(name: &str, application: &str, secret: &str) -> Value {
    let mut pod = pod(name, json!({}));
    pod["metadata"]["labels"] = json!({"app.kubernetes.io/instance": application});
    pod["spec"]["containers"][0]["env"] =
        json!([{"name": "A", "valueFrom": {"secretKeyRef": {"name": secret, "key": "password"}}}]);
    pod
}

fn ended(pod: &Value) -> bool {
    pod["status"]["phase"] == "Succeeded"
}

#[tokio::test]
async fn a_secret_that_an_ended_pod_names_is_made_up_and_says_so() {
    let world = World::new().await;
    maker(&world, json!(["create", "--secret-name=made"]));
    world.until("pods", "maker", ended).await;
    let made = world.find("secrets", "made").expect("the secret is there before the pod has ended");
    assert!(made["metadata"]["annotations"]["sandbox.osc.io/simulated"].is_string(), "{made}");
    let says_so = || world.list("events").iter().any(|event| event["reason"] == "Simulated");
    world.until_true("the event", says_so).await;
    // Keys come as pods ask for them.
    world.create("pods", waits_for_secret("user", "other", "made"));
    world.until("secrets", "made", |secret| secret["data"]["password"].is_string()).await;
    world.until("pods", "user", ready).await;
}

#[tokio::test]
async fn a_pod_gets_the_secret_that_its_application_may_have_made() {
    let world = World::new().await;
    maker(&world, json!([]));
    world.until("pods", "maker", ended).await;
    world.create("pods", waits_for_secret("mine", "web", "hidden"));
    world.create("pods", waits_for_secret("stranger", "other", "strange"));
    world.until("pods", "mine", waits_for("CreateContainerConfigError")).await;
    assert!(world.find("secrets", "hidden").is_none(), "whoever makes it really gets some time");
    world.until("pods", "stranger", waits_for("CreateContainerConfigError")).await;
    world.pass(60);
    world.until("secrets", "hidden", |secret| secret["data"]["password"].is_string()).await;
    world.until("pods", "mine", ready).await;
    assert!(world.find("secrets", "strange").is_none());
}

#[tokio::test]
async fn nothing_is_made_up_for_a_pod_that_may_not_make_it() {
    let world = World::new().await;
    world.create("pods", ends(json!(["--secret-name=made"]), "default"));
    world.until("pods", "default", ended).await;
    assert!(world.find("secrets", "made").is_none());
}
