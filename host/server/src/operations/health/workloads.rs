//! Workloads: how far a rollout is.

use serde_json::Value;

use super::{Condition, condition, fewer, first, in_progress, is_true, number, text, words, workload_behind};

pub(super) fn deployment(object: &Value) -> Condition {
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

pub(super) fn replica_set(object: &Value) -> Condition {
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

pub(super) fn stateful_set(object: &Value) -> Condition {
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

pub(super) fn daemon_set(object: &Value) -> Condition {
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
pub(super) fn job(object: &Value) -> Condition {
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
