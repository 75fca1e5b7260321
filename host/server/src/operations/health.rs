//! How objects are, by the rules of kstatus, and how an instance is because of them.

use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::status::Health;
use serde_json::Value;

/// How one object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Observed and as wished.
    Current,
    /// On its way.
    InProgress(String),
    /// Will not get there by itself.
    Failed(String),
    /// Being deleted.
    Terminating(String),
}

impl Condition {
    /// What to tell a person who waits.
    pub fn reason(&self) -> &str {
        match self {
            Condition::Current => "ready",
            Condition::InProgress(reason) | Condition::Failed(reason) | Condition::Terminating(reason) => {
                reason
            }
        }
    }
}

fn in_progress(reason: impl Into<String>) -> Condition {
    Condition::InProgress(reason.into())
}

/// How a live object is.
pub fn of(object: &Value) -> Condition {
    let metadata = &object["metadata"];
    if !metadata["deletionTimestamp"].is_null() {
        return Condition::Terminating("it is being deleted".into());
    }
    let api_version = object["apiVersion"].as_str().unwrap_or_default();
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let judge: fn(&Value) -> Condition = match (group, object["kind"].as_str().unwrap_or_default()) {
        ("apps" | "extensions", "Deployment") => deployment,
        ("apps" | "extensions", "ReplicaSet") | ("", "ReplicationController") => replica_set,
        ("apps", "StatefulSet") => stateful_set,
        ("apps" | "extensions", "DaemonSet") => daemon_set,
        ("batch", "Job") => job,
        ("", "Pod") => pod,
        ("", "PersistentVolumeClaim") => volume_claim,
        ("", "Service") => service,
        ("", "Namespace") => namespace,
        ("policy", "PodDisruptionBudget") => observed_only,
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition,
        ("apiregistration.k8s.io", "APIService") => api_service,
        ("batch", "CronJob") | ("autoscaling", _) | ("networking.k8s.io", _) => |_| Condition::Current,
        _ => generic,
    };
    judge(object)
}

fn number(object: &Value, pointer: &str, default: i64) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or(default)
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The status, reason and message of a condition.
fn condition<'a>(object: &'a Value, name: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    let condition = conditions.iter().find(|condition| condition["type"] == name)?;
    Some((text(condition, "/status"), text(condition, "/reason"), text(condition, "/message")))
}

/// Whether a condition is `True`.
pub fn is_true(object: &Value, name: &str) -> bool {
    condition(object, name).is_some_and(|(status, ..)| status == "True")
}

fn words(reason: &str, message: &str) -> String {
    match (reason.is_empty(), message.is_empty()) {
        (false, false) => format!("{reason}: {message}"),
        (false, true) => reason.into(),
        _ => message.into(),
    }
}

/// The controller has not seen the newest wish yet.
fn behind(object: &Value) -> Option<Condition> {
    let generation = number(object, "/metadata/generation", 0);
    let observed = object.pointer("/status/observedGeneration").and_then(Value::as_i64);
    let behind = observed.is_some_and(|observed| observed < generation);
    behind.then(|| in_progress("its controller has not seen the change yet"))
}

/// Workload kinds always write what they observed, so none yet means behind.
fn workload_behind(object: &Value) -> Option<Condition> {
    let generation = number(object, "/metadata/generation", 0);
    let observed = number(object, "/status/observedGeneration", 0);
    (observed < generation).then(|| in_progress("its controller has not seen the change yet"))
}

/// `{have} of {want} {what}` as long as there are fewer.
fn fewer(have: i64, want: i64, what: &str) -> Option<Condition> {
    (have < want).then(|| in_progress(format!("{have} of {want} {what}")))
}

fn first(checks: impl IntoIterator<Item = Option<Condition>>) -> Condition {
    checks.into_iter().flatten().next().unwrap_or(Condition::Current)
}

fn observed_only(object: &Value) -> Condition {
    first([behind(object)])
}

fn deployment(object: &Value) -> Condition {
    if let Some(behind) = workload_behind(object) {
        return behind;
    }
    if let Some(("False", "ProgressDeadlineExceeded", message)) = condition(object, "Progressing") {
        return Condition::Failed(words("ProgressDeadlineExceeded", message));
    }
    if object.pointer("/spec/paused").and_then(Value::as_bool) == Some(true) {
        return in_progress("it is paused");
    }
    let want = number(object, "/spec/replicas", 1);
    let status = |name: &str| number(object, &format!("/status/{name}"), 0);
    first([
        fewer(status("replicas"), want, "replicas made"),
        fewer(status("updatedReplicas"), want, "replicas updated"),
        (status("replicas") > status("updatedReplicas")).then(|| {
            in_progress(format!("{} old replicas remain", status("replicas") - status("updatedReplicas")))
        }),
        fewer(status("availableReplicas"), status("updatedReplicas"), "replicas available"),
        fewer(status("readyReplicas"), want, "replicas ready"),
        condition(object, "ReplicaFailure")
            .filter(|(status, ..)| *status == "True")
            .map(|(_, reason, message)| in_progress(words(reason, message))),
        condition(object, "Available")
            .filter(|(status, ..)| *status != "True")
            .map(|(_, reason, message)| in_progress(words(reason, message))),
    ])
}

fn replica_set(object: &Value) -> Condition {
    if let Some(behind) = workload_behind(object) {
        return behind;
    }
    if let Some(("True", reason, message)) = condition(object, "ReplicaFailure") {
        return in_progress(words(reason, message));
    }
    let want = number(object, "/spec/replicas", 1);
    let status = |name: &str| number(object, &format!("/status/{name}"), 0);
    first([
        fewer(status("fullyLabeledReplicas"), want, "replicas labelled"),
        fewer(status("availableReplicas"), want, "replicas available"),
        fewer(status("readyReplicas"), want, "replicas ready"),
        (status("replicas") > want)
            .then(|| in_progress(format!("{} replicas too many", status("replicas") - want))),
    ])
}

fn stateful_set(object: &Value) -> Condition {
    if let Some(behind) = workload_behind(object) {
        return behind;
    }
    let want = number(object, "/spec/replicas", 1);
    let status = |name: &str| number(object, &format!("/status/{name}"), 0);
    let on_delete = text(object, "/spec/updateStrategy/type") == "OnDelete";
    let partition = number(object, "/spec/updateStrategy/rollingUpdate/partition", 0);
    let counts = [
        fewer(status("replicas"), want, "replicas made"),
        fewer(status("readyReplicas"), want, "replicas ready"),
        (status("replicas") > want)
            .then(|| in_progress(format!("{} replicas too many", status("replicas") - want))),
    ];
    let revision = if on_delete {
        None
    } else if partition > 0 {
        fewer(status("updatedReplicas"), want - partition, "replicas updated")
    } else if want > 0 && text(object, "/status/currentRevision") != text(object, "/status/updateRevision") {
        Some(in_progress(format!("{} of {want} replicas updated", status("updatedReplicas"))))
    } else {
        None
    };
    first(counts.into_iter().chain([revision]))
}

fn daemon_set(object: &Value) -> Condition {
    if let Some(behind) = workload_behind(object) {
        return behind;
    }
    let status = |name: &str| number(object, &format!("/status/{name}"), 0);
    let Some(want) = object.pointer("/status/desiredNumberScheduled").and_then(Value::as_i64) else {
        return in_progress("it is not scheduled yet");
    };
    let updated = (text(object, "/spec/updateStrategy/type") != "OnDelete")
        .then(|| fewer(status("updatedNumberScheduled"), want, "pods updated"))
        .flatten();
    first([
        fewer(status("currentNumberScheduled"), want, "pods made"),
        updated,
        fewer(status("numberAvailable"), want, "pods available"),
        fewer(status("numberReady"), want, "pods ready"),
    ])
}

/// A Job is as wished when it ended well; one that runs counts as in progress, for waits and hooks alike.
fn job(object: &Value) -> Condition {
    if let Some(("True", reason, message)) = condition(object, "Failed") {
        return Condition::Failed(words(reason, message));
    }
    // `SuccessCriteriaMet` comes before: pods may still be ending then.
    if is_true(object, "Complete") {
        return Condition::Current;
    }
    if is_true(object, "Suspended") || object.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true)
    {
        return in_progress("it is suspended");
    }
    let want = number(object, "/spec/completions", 1);
    in_progress(format!(
        "{} of {want} completed, {} active, {} failed",
        number(object, "/status/succeeded", 0),
        number(object, "/status/active", 0),
        number(object, "/status/failed", 0)
    ))
}

fn pod(object: &Value) -> Condition {
    match text(object, "/status/phase") {
        "Succeeded" => return Condition::Current,
        "Failed" => return Condition::Failed(pod_failure(object)),
        _ => {}
    }
    if is_true(object, "Ready") {
        return Condition::Current;
    }
    if let Some(waiting) = waiting_container(object) {
        return waiting;
    }
    match condition(object, "PodScheduled") {
        Some(("False", reason, message)) => in_progress(words(reason, message)),
        _ => in_progress(match text(object, "/status/phase") {
            "" => "it is not started yet".into(),
            phase => format!("its phase is {phase} and it is not ready"),
        }),
    }
}

fn pod_failure(object: &Value) -> String {
    let own = words(text(object, "/status/reason"), text(object, "/status/message"));
    let ended = containers(object).find_map(|container| {
        let end = &container["state"]["terminated"];
        let code = end["exitCode"].as_i64().filter(|code| *code != 0)?;
        let name = text(container, "/name");
        Some(format!(
            "container `{name}` ended with code {code}: {}",
            words(text(end, "/reason"), text(end, "/message"))
        ))
    });
    [own]
        .into_iter()
        .filter(|own| !own.is_empty())
        .chain(ended)
        .next()
        .unwrap_or_else(|| "the pod failed".into())
}

fn containers(object: &Value) -> impl Iterator<Item = &Value> {
    ["/status/initContainerStatuses", "/status/containerStatuses"]
        .into_iter()
        .flat_map(|pointer| object.pointer(pointer).and_then(Value::as_array).into_iter().flatten())
}

/// A container that waits for a reason which seldom goes away: the reason is worth telling.
fn waiting_container(object: &Value) -> Option<Condition> {
    containers(object).find_map(|container| {
        let waiting = &container["state"]["waiting"];
        let reason = waiting["reason"].as_str()?;
        let name = text(container, "/name");
        let told = words(reason, text(waiting, "/message"));
        let known = [
            "CrashLoopBackOff",
            "ImagePullBackOff",
            "ErrImagePull",
            "InvalidImageName",
            "CreateContainerConfigError",
            "CreateContainerError",
            "RunContainerError",
        ];
        known.contains(&reason).then(|| in_progress(format!("container `{name}`: {told}")))
    })
}

fn volume_claim(object: &Value) -> Condition {
    match text(object, "/status/phase") {
        "Bound" => Condition::Current,
        "Lost" => Condition::Failed("its volume is lost".into()),
        _ => in_progress("it is not bound to a volume yet"),
    }
}

fn service(object: &Value) -> Condition {
    let waits = text(object, "/spec/type") == "LoadBalancer"
        && object.pointer("/status/loadBalancer/ingress").and_then(Value::as_array).is_none_or(Vec::is_empty)
        && object.pointer("/spec/externalIPs").and_then(Value::as_array).is_none_or(Vec::is_empty);
    if waits { in_progress("it has no address of a load balancer yet") } else { Condition::Current }
}

fn namespace(object: &Value) -> Condition {
    match text(object, "/status/phase") {
        "Terminating" => Condition::Terminating("it is being deleted".into()),
        _ => Condition::Current,
    }
}

fn definition(object: &Value) -> Condition {
    if let Some(("False", reason, message)) = condition(object, "NamesAccepted") {
        return Condition::Failed(words(reason, message));
    }
    if let Some(("False", reason, message)) =
        condition(object, "Established").filter(|(_, reason, _)| *reason != "Installing")
    {
        return Condition::Failed(words(reason, message));
    }
    if is_true(object, "Established") { Condition::Current } else { in_progress("it is not established yet") }
}

fn api_service(object: &Value) -> Condition {
    match condition(object, "Available") {
        Some(("True", ..)) => Condition::Current,
        Some((_, reason, message)) => in_progress(words(reason, message)),
        None => in_progress("it is not available yet"),
    }
}

/// Any other kind: what it observed, then the conditions that kstatus knows.
fn generic(object: &Value) -> Condition {
    if let Some(behind) = behind(object) {
        return behind;
    }
    if let Some(("True", reason, message)) = condition(object, "Stalled") {
        return Condition::Failed(words(reason, message));
    }
    if let Some(("True", reason, message)) = condition(object, "Reconciling") {
        return in_progress(words(reason, message));
    }
    match condition(object, "Ready") {
        Some(("True", ..)) | None => Condition::Current,
        Some((_, reason, message)) => in_progress(match words(reason, message) {
            told if told.is_empty() => "it is not ready".into(),
            told => told,
        }),
    }
}

/// How an instance is by its objects: `None` stands for an object of the inventory that is gone.
///
/// Jobs that run do not make an instance progress; a workload that serves partly makes it degraded.
pub fn compute<'a>(
    objects: impl IntoIterator<Item = (&'a ObjectRef, Option<&'a Value>)>,
) -> (Health, Option<String>) {
    let mut worst = (Health::Running, None);
    for (object_ref, live) in objects {
        let (health, reason) = match live {
            None => (Health::Degraded, "it is missing".to_owned()),
            Some(live) => match of(live) {
                Condition::Current => continue,
                Condition::InProgress(_) if object_ref.kind == "Job" => continue,
                Condition::InProgress(reason) if serves_partly(live) => (Health::Degraded, reason),
                Condition::InProgress(reason) => (Health::Progressing, reason),
                Condition::Terminating(reason) => (Health::Degraded, reason),
                Condition::Failed(reason) => (Health::Failed, reason),
            },
        };
        if severity(health) > severity(worst.0) {
            worst = (health, Some(format!("{object_ref}: {reason}")));
        }
    }
    worst
}

fn severity(health: Health) -> u8 {
    match health {
        Health::Running => 0,
        Health::Progressing => 1,
        Health::Degraded => 2,
        Health::Failed => 3,
    }
}

/// A workload whose newest wish was seen and that has some, but not all, of its replicas; or whose containers crash.
fn serves_partly(object: &Value) -> bool {
    let status = |name: &str| number(object, &format!("/status/{name}"), 0);
    let rolled_out = match object["kind"].as_str().unwrap_or_default() {
        "Deployment" | "ReplicaSet" => {
            status("readyReplicas") > 0 && status("updatedReplicas") == status("replicas")
        }
        "StatefulSet" => {
            status("readyReplicas") > 0
                && text(object, "/status/currentRevision") == text(object, "/status/updateRevision")
        }
        "DaemonSet" => {
            status("numberReady") > 0 && status("updatedNumberScheduled") == status("desiredNumberScheduled")
        }
        "Pod" => return waiting_container(object).is_some(),
        _ => false,
    };
    rolled_out && workload_behind(object).is_none()
}

#[cfg(test)]
mod tests {
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
        assert_eq!(
            judge(two(), with("availableReplicas", json!(1))),
            "in progress: 1 of 2 replicas available"
        );
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
        assert_eq!(
            judge("apps/v1", "StatefulSet", two, rolling.clone()),
            "in progress: 1 of 2 replicas updated"
        );
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
        let judge_crd =
            |status| judge("apiextensions.k8s.io/v1", "CustomResourceDefinition", json!({}), status);
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
        assert_eq!(
            judge_custom(json!({"conditions": [condition("Stalled", "True")]})),
            "failed: Why: because"
        );
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
}
