//! How verdicts read.

use serde_json::json;

use super::*;

/// Judges `kind` of `api_version` with this spec and status, at generation 2.
fn judge(api_version: &str, kind: &str, spec: Value, status: Value) -> String {
    let object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x", "generation": 2},
        "spec": spec, "status": status});
    match of(&object) {
        Condition::Current => "current".into(),
        Condition::InProgress(reason) => format!("in progress: {reason}"),
        Condition::Failed(reason) => format!("failed: {reason}"),
        Condition::Terminating(reason) => format!("terminating: {reason}"),
    }
}

fn condition(name: &str, status: &str) -> Value {
    json!({"type": name, "status": status, "reason": "Why", "message": "because"})
}

#[test]
fn judges_deployments() {
    let judge = |spec, status| judge("apps/v1", "Deployment", spec, status);
    let full = json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2});
    let with = |key: &str, value: Value| {
        let mut status = full.clone();
        status[key] = value;
        status
    };
    let two = || json!({"replicas": 2});
    assert_eq!(judge(two(), full.clone()), "current");
    assert_eq!(judge(two(), json!({})), "in progress: its controller has not seen the change yet");
    assert_eq!(
        judge(two(), with("observedGeneration", json!(1))),
        "in progress: its controller has not seen the change yet"
    );
    assert_eq!(judge(two(), with("updatedReplicas", json!(1))), "in progress: 1 of 2 replicas updated");
    assert_eq!(judge(two(), with("replicas", json!(3))), "in progress: 1 old replicas remain");
    assert_eq!(judge(two(), with("availableReplicas", json!(1))), "in progress: 1 of 2 replicas available");
    assert_eq!(
        judge(two(), with("conditions", json!([condition("Available", "False")]))),
        "in progress: Why: because"
    );
    let late = json!([{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "late"}]);
    assert_eq!(judge(two(), with("conditions", late)), "failed: ProgressDeadlineExceeded: late");
    assert_eq!(judge(json!({"replicas": 0}), json!({"observedGeneration": 2})), "current");
}

#[test]
fn judges_stateful_and_daemon_sets() {
    let full = json!({"observedGeneration": 2, "replicas": 2, "readyReplicas": 2, "updatedReplicas": 2,
        "currentRevision": "a", "updateRevision": "a"});
    let two = json!({"replicas": 2});
    assert_eq!(judge("apps/v1", "StatefulSet", two.clone(), full.clone()), "current");
    let mut rolling = full.clone();
    rolling["updateRevision"] = json!("b");
    rolling["updatedReplicas"] = json!(1);
    assert_eq!(judge("apps/v1", "StatefulSet", two, rolling.clone()), "in progress: 1 of 2 replicas updated");
    let partition = json!({"replicas": 2, "updateStrategy": {"rollingUpdate": {"partition": 1}}});
    assert_eq!(judge("apps/v1", "StatefulSet", partition, rolling.clone()), "current");
    let on_delete = json!({"replicas": 2, "updateStrategy": {"type": "OnDelete"}});
    assert_eq!(judge("apps/v1", "StatefulSet", on_delete, rolling), "current");
    let daemon = |ready: i64| {
        json!({"observedGeneration": 2, "desiredNumberScheduled": 3, "currentNumberScheduled": 3,
        "updatedNumberScheduled": 3, "numberAvailable": ready, "numberReady": ready})
    };
    assert_eq!(judge("apps/v1", "DaemonSet", json!({}), daemon(3)), "current");
    assert_eq!(judge("apps/v1", "DaemonSet", json!({}), daemon(2)), "in progress: 2 of 3 pods available");
    assert_eq!(
        judge("apps/v1", "DaemonSet", json!({}), json!({"observedGeneration": 2})),
        "in progress: it is not scheduled yet"
    );
}

#[test]
fn judges_jobs_pods_and_claims() {
    let conditions = |name: &str| json!({"conditions": [condition(name, "True")], "active": 1});
    assert_eq!(judge("batch/v1", "Job", json!({}), conditions("Complete")), "current");
    assert_eq!(judge("batch/v1", "Job", json!({}), conditions("Failed")), "failed: Why: because");
    assert_eq!(
        judge("batch/v1", "Job", json!({}), conditions("Other")),
        "in progress: 0 of 1 completed, 1 active, 0 failed"
    );
    assert_eq!(judge("v1", "Pod", json!({}), json!({"phase": "Succeeded"})), "current");
    assert_eq!(
        judge(
            "v1",
            "Pod",
            json!({}),
            json!({"phase": "Running", "conditions": [condition("Ready", "True")]})
        ),
        "current"
    );
    let crash = json!({"phase": "Running", "containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]});
    assert_eq!(judge("v1", "Pod", json!({}), crash), "in progress: container `c`: CrashLoopBackOff");
    let ended = json!({"phase": "Failed", "containerStatuses": [{"name": "c", "state": {"terminated": {"exitCode": 3, "reason": "Error"}}}]});
    assert_eq!(judge("v1", "Pod", json!({}), ended), "failed: container `c` ended with code 3: Error");
    assert_eq!(
        judge("v1", "PersistentVolumeClaim", json!({}), json!({"phase": "Pending"})),
        "in progress: it is not bound to a volume yet"
    );
    assert_eq!(
        judge("v1", "Service", json!({"type": "LoadBalancer"}), json!({})),
        "in progress: it has no address of a load balancer yet"
    );
    assert_eq!(judge("v1", "ConfigMap", Value::Null, Value::Null), "current");
}

#[test]
fn judges_definitions_and_unknown_kinds() {
    let judge_crd = |status| judge("apiextensions.k8s.io/v1", "CustomResourceDefinition", json!({}), status);
    assert_eq!(judge_crd(json!({"conditions": [condition("Established", "True")]})), "current");
    assert_eq!(
        judge_crd(json!({"conditions": [condition("NamesAccepted", "False")]})),
        "failed: Why: because"
    );
    assert_eq!(judge_crd(json!({})), "in progress: it is not established yet");
    let judge_custom = |status| judge("example.com/v1", "Thing", json!({}), status);
    assert_eq!(judge_custom(json!({})), "current");
    assert_eq!(
        judge_custom(json!({"observedGeneration": 1})),
        "in progress: its controller has not seen the change yet"
    );
    assert_eq!(
        judge_custom(json!({"conditions": [condition("Ready", "False")]})),
        "in progress: Why: because"
    );
    assert_eq!(judge_custom(json!({"conditions": [condition("Stalled", "True")]})), "failed: Why: because");
    assert_eq!(
        judge_custom(json!({"conditions": [condition("Reconciling", "True")]})),
        "in progress: Why: because"
    );
}

#[test]
fn an_instance_is_as_its_worst_object() {
    let object = |kind: &str| ObjectRef {
        api_version: "apps/v1".into(),
        kind: kind.into(),
        namespace: Some("n".into()),
        name: "x".into(),
    };
    let deployment = |ready: i64| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"generation": 1},
        "spec": {"replicas": 2}, "status": {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2,
        "availableReplicas": ready, "readyReplicas": ready}})
    };
    let verdict = |live: Option<Value>| {
        let object = object("Deployment");
        let (health, reason) = compute([(&object, live.as_ref())]);
        (health, reason.unwrap_or_default())
    };
    assert_eq!(verdict(Some(deployment(2))), (Health::Running, String::new()));
    assert_eq!(
        verdict(Some(deployment(0))),
        (Health::Progressing, "Deployment n/x: 0 of 2 replicas available".into())
    );
    assert_eq!(
        verdict(Some(deployment(1))),
        (Health::Degraded, "Deployment n/x: 1 of 2 replicas available".into())
    );
    assert_eq!(verdict(None), (Health::Degraded, "Deployment n/x: it is missing".into()));
    let job = json!({"apiVersion": "batch/v1", "kind": "Job", "status": {"active": 1}});
    let job_ref = ObjectRef { api_version: "batch/v1".into(), ..object("Job") };
    assert_eq!(compute([(&job_ref, Some(&job))]), (Health::Running, None));
}
