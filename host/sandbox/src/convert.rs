//! The few built-in kinds that are served in another version than the stored one: autoscalers and events.

use serde_json::{Map, Value, json};

use crate::resources::Resource;
use crate::schema::{TypeRef, table};
use crate::value::{Get, object, remove, set};

/// The type of the stored version.
pub(crate) fn stored_type(resource: &Resource) -> Option<TypeRef> {
    let (group, version) = (&resource.stored_as.0, &resource.stored_as.1);
    table().kind(group, version, &resource.kind)
}

fn is_same(resource: &Resource) -> bool {
    resource.is_custom()
        || (resource.group == resource.stored_as.0 && resource.version == resource.stored_as.1)
}

/// A request's object in the stored version.
pub(crate) fn to_stored(resource: &Resource, mut value: Value) -> Value {
    if is_same(resource) {
        return value;
    }
    match resource.plural.as_str() {
        "horizontalpodautoscalers" => autoscaler_to_v2(&mut value),
        "events" => event_to_core(&mut value),
        _ => {}
    }
    object(&mut value).insert("apiVersion".into(), resource.stored_api_version().into());
    value
}

/// A stored object in the version of a request.
pub(crate) fn from_stored(resource: &Resource, mut value: Value) -> Value {
    let wanted = resource.api_version();
    if value.text(&["apiVersion"]) == wanted {
        return value;
    }
    if !resource.is_custom() {
        match resource.plural.as_str() {
            "horizontalpodautoscalers" => autoscaler_to_v1(&mut value),
            "events" => event_to_new(&mut value),
            _ => {}
        }
    }
    object(&mut value).insert("apiVersion".into(), wanted.into());
    value
}

const V1_METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const V1_CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const V1_BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";

fn autoscaler_to_v2(value: &mut Value) {
    if let Some(percent) = remove(value, &["spec", "targetCPUUtilizationPercentage"]) {
        let metric = json!([{"type": "Resource", "resource": {"name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": percent}}}]);
        set(value, &["spec", "metrics"], metric);
    }
    for (annotation, field) in [(V1_METRICS, "metrics"), (V1_BEHAVIOR, "behavior")] {
        let Some(text) = remove(value, &["metadata", "annotations", annotation]) else { continue };
        if let Some(Ok(parsed)) = text.as_str().map(serde_json::from_str::<Value>) {
            set(value, &["spec", field], parsed);
        }
    }
    remove(value, &["metadata", "annotations", V1_CONDITIONS]);
    remove(value, &["status", "currentCPUUtilizationPercentage"]);
}

fn autoscaler_to_v1(value: &mut Value) {
    let metrics = remove(value, &["spec", "metrics"]).unwrap_or(Value::Null);
    let mut others = Vec::new();
    for metric in metrics.items(&[]) {
        let percent = metric.at(&["resource", "target", "averageUtilization"]);
        match percent {
            Some(percent) if metric.text(&["resource", "name"]) == "cpu" => {
                set(value, &["spec", "targetCPUUtilizationPercentage"], percent.clone());
            }
            _ => others.push(old_metric(metric)),
        }
    }
    if !others.is_empty() {
        set(value, &["metadata", "annotations", V1_METRICS], Value::from(others).to_string());
    }
    let behavior = remove(value, &["spec", "behavior"]);
    if let Some(behavior) = behavior.filter(|b| !b.is_null()) {
        set(value, &["metadata", "annotations", V1_BEHAVIOR], behavior.to_string());
    }
    let conditions = remove(value, &["status", "conditions"]);
    if let Some(conditions) = conditions.filter(|c| !c.items(&[]).is_empty()) {
        set(value, &["metadata", "annotations", V1_CONDITIONS], conditions.to_string());
    }
    remove(value, &["status", "currentMetrics"]);
    for field in ["currentReplicas", "desiredReplicas"] {
        if value.at(&["status", field]).is_none() {
            set(value, &["status", field], 0);
        }
    }
}

/// A metric in the form that the annotation of version 1 has.
fn old_metric(metric: &Value) -> Value {
    let mut out = Map::new();
    out.insert("type".into(), metric["type"].clone());
    for kind in ["resource", "pods", "object", "external", "containerResource"] {
        let Some(source) = metric.get(kind) else { continue };
        let mut old = Map::new();
        if let Some(name) = source.get("name").or_else(|| source.at(&["metric", "name"])) {
            let key = if kind.ends_with("esource") { "name" } else { "metricName" };
            old.insert(key.into(), name.clone());
        }
        for (new, previous) in [
            ("averageUtilization", "targetAverageUtilization"),
            ("averageValue", "targetAverageValue"),
            ("value", "targetValue"),
        ] {
            if let Some(value) = source.at(&["target", new]) {
                old.insert(previous.into(), value.clone());
            }
        }
        out.insert(kind.into(), Value::Object(old));
    }
    Value::Object(out)
}

const EVENT_FIELDS: [(&str, &str); 6] = [
    ("regarding", "involvedObject"),
    ("note", "message"),
    ("reportingController", "reportingComponent"),
    ("deprecatedSource", "source"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
];

fn event_to_core(value: &mut Value) {
    let map = object(value);
    for (new, core) in EVENT_FIELDS {
        if let Some(value) = map.remove(new) {
            map.insert(core.into(), value);
        }
    }
    if let Some(count) = map.remove("deprecatedCount") {
        map.insert("count".into(), count);
    }
    for (field, empty) in [
        ("source", json!({})),
        ("involvedObject", json!({})),
        ("firstTimestamp", Value::Null),
        ("lastTimestamp", Value::Null),
        ("reportingComponent", "".into()),
        ("reportingInstance", "".into()),
    ] {
        map.entry(field).or_insert(empty);
    }
}

fn event_to_new(value: &mut Value) {
    let map = object(value);
    for (new, core) in EVENT_FIELDS {
        if let Some(value) = map.remove(core) {
            if value == "" || (new == "deprecatedSource" && value.is_null()) {
                continue;
            }
            map.insert(new.into(), value);
        }
    }
    if let Some(count) = map.remove("count") {
        map.insert("deprecatedCount".into(), count);
    }
    if map.get("reportingInstance").is_some_and(|v| v == "") {
        map.remove("reportingInstance");
    }
}
