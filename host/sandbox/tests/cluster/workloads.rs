//! Deployments, StatefulSets, DaemonSets, and many pods at once.

use osc_sandbox::value::set;
use serde_json::{Value, json};

use crate::world::{World, deployment, is, template};

const DEPLOYMENTS: &str = "deployments.apps";

#[tokio::test]
async fn a_deployment_rolls_out_and_over_and_back() {
    let world = World::new().await;
    world.create(DEPLOYMENTS, deployment("web", 3, json!({})));
    world.until(DEPLOYMENTS, "web", |d| d["status"]["availableReplicas"] == 3).await;

    let change = |image: &'static str| {
        let image = Value::from(image);
        let change = |d: &mut Value| d["spec"]["template"]["spec"]["containers"][0]["image"] = image.clone();
        world.api.modify(DEPLOYMENTS, "default", "web", "", change).unwrap();
    };
    change("web:2");
    let rolled = |d: &Value| {
        d["status"]["observedGeneration"] == d["metadata"]["generation"]
            && d["status"]["updatedReplicas"] == 3
            && d["status"]["replicas"] == 3
            && d["status"]["availableReplicas"] == 3
    };
    let web = world.until(DEPLOYMENTS, "web", rolled).await;
    assert_eq!(web["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "2");
    assert!(is(&web, "Available") && is(&web, "Progressing"));
    assert_eq!(world.list("replicasets.apps").len(), 2);

    change("web:1");
    let back =
        |d: &Value| rolled(d) && d["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3";
    world.until(DEPLOYMENTS, "web", back).await;
    assert_eq!(world.list("replicasets.apps").len(), 2, "the first set is used again");
}

#[tokio::test]
async fn a_rollout_that_gets_stuck_keeps_the_old_pods_and_says_so() {
    let world = World::new().await;
    let mut web = deployment("web", 2, json!({}));
    set(&mut web, &["spec", "progressDeadlineSeconds"], 60);
    world.create(DEPLOYMENTS, web);
    world.until(DEPLOYMENTS, "web", |d| d["status"]["availableReplicas"] == 2).await;
    let broken = |d: &mut Value| {
        d["spec"]["template"]["metadata"]["annotations"] =
            json!({"sandbox.osc.io/fault": "ImagePullBackOff"});
    };
    world.api.modify(DEPLOYMENTS, "default", "web", "", broken).unwrap();
    let pulling =
        |pod: &Value| pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "ErrImagePull";
    world.until_true("a pod that cannot be pulled", || world.list("pods").iter().any(pulling)).await;
    // The last progress is noted before the time passes.
    world
        .until(DEPLOYMENTS, "web", |d| d["status"]["replicas"] == 3 && d["status"]["updatedReplicas"] == 1)
        .await;
    world.pass(62);
    let late = |d: &Value| {
        let conditions = d["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().any(|condition| condition["reason"] == "ProgressDeadlineExceeded")
    };
    let web = world.until(DEPLOYMENTS, "web", late).await;
    assert_eq!(web["status"]["availableReplicas"], 2);
    let backed_off = |pod: &Value| {
        pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "ImagePullBackOff"
    };
    world.until_true("a back-off", || world.list("pods").iter().any(backed_off)).await;
}

#[tokio::test]
async fn a_stateful_set_starts_in_order_with_claims_of_its_own() {
    let world = World::new().await;
    world.create(
        "statefulsets.apps",
        json!({
            "metadata": {"name": "db"},
            "spec": {
                "replicas": 3, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
                "template": template("db", json!({})),
                "volumeClaimTemplates": [{
                    "metadata": {"name": "data"},
                    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
                }],
            },
        }),
    );
    let set = world.until("statefulsets.apps", "db", |s| s["status"]["readyReplicas"] == 3).await;
    assert_eq!(set["status"]["currentRevision"], set["status"]["updateRevision"]);
    let pods = world.list("pods");
    let started = |name: &str| {
        let pod = pods.iter().find(|pod| pod["metadata"]["name"] == name).unwrap();
        pod["metadata"]["resourceVersion"].as_str().unwrap().parse::<u64>().unwrap()
    };
    assert!(started("db-0") < started("db-1") && started("db-1") < started("db-2"));
    for claim in ["data-db-0", "data-db-1", "data-db-2"] {
        world.until("persistentvolumeclaims", claim, |claim| claim["status"]["phase"] == "Bound").await;
    }
    world.api.modify("statefulsets.apps", "default", "db", "", |s| set_replicas(s, 1)).unwrap();
    world.until_gone("pods", "db-1").await;
    assert!(world.find("persistentvolumeclaims", "data-db-2").is_some());
}

fn set_replicas(object: &mut Value, replicas: i64) {
    set(object, &["spec", "replicas"], replicas);
}

#[tokio::test]
async fn a_replication_controller_keeps_its_pods() {
    let world = World::new().await;
    world.create(
        "replicationcontrollers",
        json!({
            "metadata": {"name": "old"},
            "spec": {"replicas": 2, "selector": {"app": "old"}, "template": template("old", json!({}))},
        }),
    );
    world.until("replicationcontrollers", "old", |c| c["status"]["availableReplicas"] == 2).await;
    let first = world.list("pods")[0]["metadata"]["name"].as_str().unwrap().to_owned();
    world.delete("pods", &first, "Background");
    world.until_gone("pods", &first).await;
    world.until("replicationcontrollers", "old", |c| c["status"]["availableReplicas"] == 2).await;
    world.api.modify("replicationcontrollers", "default", "old", "", |c| set_replicas(c, 0)).unwrap();
    world.until_true("the end of all pods", || world.list("pods").is_empty()).await;
}

#[tokio::test]
async fn a_daemon_runs_on_the_node_and_is_replaced() {
    let world = World::new().await;
    world.create(
        "daemonsets.apps",
        json!({
            "metadata": {"name": "agent"},
            "spec": {"selector": {"matchLabels": {"app": "agent"}}, "template": template("agent", json!({}))},
        }),
    );
    world.until("daemonsets.apps", "agent", |d| d["status"]["numberReady"] == 1).await;
    let change = |d: &mut Value| d["spec"]["template"]["spec"]["containers"][0]["image"] = "agent:2".into();
    world.api.modify("daemonsets.apps", "default", "agent", "", change).unwrap();
    let updated = |d: &Value| {
        d["status"]["observedGeneration"] == 2
            && d["status"]["updatedNumberScheduled"] == 1
            && d["status"]["numberAvailable"] == 1
    };
    world.until("daemonsets.apps", "agent", updated).await;
    assert_eq!(world.list("controllerrevisions.apps").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_pods_of_twenty_deployments_get_ready() {
    let world = World::new().await;
    for number in 0..20 {
        world.create(DEPLOYMENTS, deployment(&format!("web{number}"), 50, json!({})));
    }
    let ready = |d: &Value| d["status"]["availableReplicas"] == 50;
    world
        .until_true("a thousand pods", || world.list(DEPLOYMENTS).iter().filter(|d| ready(d)).count() == 20)
        .await;
    assert_eq!(world.list("pods").len(), 1000);
    let mut addresses: Vec<String> =
        world.list("pods").iter().map(|p| p["status"]["podIP"].to_string()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    assert_eq!(addresses.len(), 1000, "no address is given twice");
}
