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
