//! Defaults of workloads and autoscalers.

use serde_json::{Value, json};

use super::{default, has, pod, with};
use crate::value::{Get, items_mut, set};

/// Labels and selector of a replication controller come from its template.
pub(super) fn copy_labels(value: &mut Value, labels: Option<&Value>) {
    let template = value.at(&["spec", "template", "metadata", "labels"]).cloned();
    let Some(template) = template.filter(|l| l.as_object().is_some_and(|m| !m.is_empty())) else { return };
    if value.at(&["spec", "selector"]).is_none_or(|s| s.as_object().is_none_or(serde_json::Map::is_empty)) {
        set(value, &["spec", "selector"], template.clone());
    }
    if labels.is_none_or(|l| l.as_object().is_none_or(serde_json::Map::is_empty)) {
        set(value, &["metadata", "labels"], template);
    }
}

pub(super) fn apps(plural: &str, value: &mut Value) {
    with(value, &["spec", "template"], pod::template);
    let one = |value: &mut Value| {
        if !has(value, &["spec", "replicas"]) {
            set(value, &["spec", "replicas"], 1);
        }
    };
    let history = |value: &mut Value| {
        if !has(value, &["spec", "revisionHistoryLimit"]) {
            set(value, &["spec", "revisionHistoryLimit"], 10);
        }
    };
    match plural {
        "deployments" => {
            one(value);
            default(value, &["spec", "strategy", "type"], "RollingUpdate");
            if value.text(&["spec", "strategy", "type"]) == "RollingUpdate" {
                for field in ["maxUnavailable", "maxSurge"] {
                    if !has(value, &["spec", "strategy", "rollingUpdate", field]) {
                        set(value, &["spec", "strategy", "rollingUpdate", field], "25%");
                    }
                }
            }
            history(value);
            if !has(value, &["spec", "progressDeadlineSeconds"]) {
                set(value, &["spec", "progressDeadlineSeconds"], 600);
            }
        }
        "replicasets" => one(value),
        "daemonsets" => {
            default(value, &["metadata", "annotations", "deprecated.daemonset.template.generation"], "0");
            default(value, &["spec", "updateStrategy", "type"], "RollingUpdate");
            if value.text(&["spec", "updateStrategy", "type"]) == "RollingUpdate" {
                for (field, new) in [("maxUnavailable", 1), ("maxSurge", 0)] {
                    if !has(value, &["spec", "updateStrategy", "rollingUpdate", field]) {
                        set(value, &["spec", "updateStrategy", "rollingUpdate", field], new);
                    }
                }
            }
            history(value);
        }
        "statefulsets" => {
            default(value, &["spec", "podManagementPolicy"], "OrderedReady");
            // A strategy that is named gets no rolling update of its own.
            let named = !value.text(&["spec", "updateStrategy", "type"]).is_empty();
            default(value, &["spec", "updateStrategy", "type"], "RollingUpdate");
            let rolling = value.text(&["spec", "updateStrategy", "type"]) == "RollingUpdate";
            if rolling && (!named || has(value, &["spec", "updateStrategy", "rollingUpdate"])) {
                let path = ["spec", "updateStrategy", "rollingUpdate", "partition"];
                if !has(value, &path) {
                    set(value, &path, 0);
                }
            }
            for field in ["whenDeleted", "whenScaled"] {
                default(value, &["spec", "persistentVolumeClaimRetentionPolicy", field], "Retain");
            }
            one(value);
            history(value);
            for claim in items_mut(value, &["spec", "volumeClaimTemplates"]).into_iter().flatten() {
                set(claim, &["kind"], "PersistentVolumeClaim");
                set(claim, &["apiVersion"], "v1");
                default(claim, &["spec", "volumeMode"], "Filesystem");
                default(claim, &["status", "phase"], "Pending");
            }
        }
        _ => {}
    }
}

pub(super) fn job_spec(spec: &mut Value) {
    with(spec, &["template"], pod::template);
    if !has(spec, &["completions"]) && !has(spec, &["parallelism"]) {
        set(spec, &["completions"], 1);
        set(spec, &["parallelism"], 1);
    }
    if !has(spec, &["parallelism"]) {
        set(spec, &["parallelism"], 1);
    }
    if !has(spec, &["backoffLimit"]) {
        let limit = if has(spec, &["backoffLimitPerIndex"]) { i64::from(i32::MAX) } else { 6 };
        set(spec, &["backoffLimit"], limit);
    }
    default(spec, &["completionMode"], "NonIndexed");
    if !has(spec, &["suspend"]) {
        set(spec, &["suspend"], false);
    }
    if !has(spec, &["podReplacementPolicy"]) {
        let policy = if has(spec, &["podFailurePolicy"]) { "Failed" } else { "TerminatingOrFailed" };
        set(spec, &["podReplacementPolicy"], policy);
    }
    if !has(spec, &["manualSelector"]) {
        set(spec, &["manualSelector"], false);
    }
    for rule in items_mut(spec, &["podFailurePolicy", "rules"]).into_iter().flatten() {
        for pattern in items_mut(rule, &["onPodConditions"]).into_iter().flatten() {
            default(pattern, &["status"], "True");
        }
    }
}

pub(super) fn cron_job(value: &mut Value) {
    default(value, &["spec", "concurrencyPolicy"], "Allow");
    for (field, new) in [
        ("suspend", json!(false)),
        ("successfulJobsHistoryLimit", json!(3)),
        ("failedJobsHistoryLimit", json!(1)),
    ] {
        if !has(value, &["spec", field]) {
            set(value, &["spec", field], new);
        }
    }
    // The job's own defaults come when the controller creates it; only its pods are completed here.
    with(value, &["spec", "jobTemplate", "spec", "template"], pod::template);
}

/// A job gets a selector by its uid unless its author chose one.
pub(crate) fn job_labels(value: &mut Value) {
    if value.at(&["spec", "manualSelector"]) != Some(&Value::Bool(true)) {
        let uid = value["metadata"]["uid"].clone();
        let name = value["metadata"]["name"].clone();
        for (key, new) in [
            ("controller-uid", &uid),
            ("job-name", &name),
            ("batch.kubernetes.io/controller-uid", &uid),
            ("batch.kubernetes.io/job-name", &name),
        ] {
            set(value, &["spec", "template", "metadata", "labels", key], new.clone());
        }
        if !has(value, &["spec", "selector"]) {
            set(value, &["spec", "selector"], json!({}));
        }
        set(value, &["spec", "selector", "matchLabels", "batch.kubernetes.io/controller-uid"], uid);
    }
    // Read back, a job without labels of its own shows those of its template.
    let labels = value.at(&["spec", "template", "metadata", "labels"]).cloned().filter(Value::is_object);
    let own = value.at(&["metadata", "labels"]).and_then(Value::as_object);
    if let Some(labels) = labels.filter(|_| own.is_none_or(serde_json::Map::is_empty)) {
        set(value, &["metadata", "labels"], labels);
    }
}

pub(super) fn limit_range(value: &mut Value) {
    for limit in items_mut(value, &["spec", "limits"]).into_iter().flatten() {
        if limit.text(&["type"]) != "Container" {
            continue;
        }
        for (from, to) in [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")] {
            let source = limit.at(&[from]).cloned();
            for (key, amount) in source.as_ref().and_then(Value::as_object).into_iter().flatten() {
                if !has(limit, &[to, key]) {
                    set(limit, &[to, key], amount.clone());
                }
            }
        }
    }
}

pub(super) fn autoscaler(version: &str, value: &mut Value) {
    if !has(value, &["spec", "minReplicas"]) {
        set(value, &["spec", "minReplicas"], 1);
    }
    if version == "v1" {
        return;
    }
    if value.items(&["spec", "metrics"]).is_empty() {
        let metric = json!([{"type": "Resource", "resource": {"name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": 80}}}]);
        set(value, &["spec", "metrics"], metric);
    }
    with(value, &["spec", "behavior"], |behavior| {
        let up = json!([
            {"type": "Pods", "value": 4, "periodSeconds": 15},
            {"type": "Percent", "value": 100, "periodSeconds": 15},
        ]);
        let down = json!([{"type": "Percent", "value": 100, "periodSeconds": 15}]);
        for (side, window, policies) in [("scaleUp", Some(0), up), ("scaleDown", None, down)] {
            if !has(behavior, &[side]) {
                set(behavior, &[side], json!({}));
            }
            default(behavior, &[side, "selectPolicy"], "Max");
            if let Some(window) = window
                && !has(behavior, &[side, "stabilizationWindowSeconds"])
            {
                set(behavior, &[side, "stabilizationWindowSeconds"], window);
            }
            if !behavior.at(&[side, "policies"]).is_some_and(Value::is_array) {
                set(behavior, &[side, "policies"], policies);
            }
        }
    });
}
