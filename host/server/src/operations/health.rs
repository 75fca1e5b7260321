//! How objects are, by the rules of kstatus, and how an instance is because of them.

mod pods;
mod workloads;

use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::status::Health;
use serde_json::Value;

use self::pods::{pod, waiting_container};
use self::workloads::{daemon_set, deployment, job, replica_set, stateful_set};

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
mod tests;
