//! Autoscalers in version 1, which keeps in annotations what it has no fields for.

use serde_json::{Map, Value, json};

use crate::value::{Get, remove, set};

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const CURRENT: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";
const ANNOTATIONS: [&str; 6] = [
    METRICS,
    CURRENT,
    CONDITIONS,
    BEHAVIOR,
    "autoscaling.alpha.kubernetes.io/scale-down-tolerance",
    "autoscaling.alpha.kubernetes.io/scale-up-tolerance",
];

/// The order of fields in the annotations, which holds for all their types.
const ORDER: [&str; 39] = [
    "type",
    "status",
    "lastTransitionTime",
    "reason",
    "message",
    "object",
    "pods",
    "resource",
    "containerResource",
    "external",
    "target",
    "kind",
    "name",
    "apiVersion",
    "metricName",
    "metricSelector",
    "targetValue",
    "targetAverageUtilization",
    "targetAverageValue",
    "currentValue",
    "currentAverageUtilization",
    "currentAverageValue",
    "selector",
    "averageValue",
    "container",
    "matchLabels",
    "matchExpressions",
    "key",
    "operator",
    "values",
    "ScaleUp",
    "ScaleDown",
    "StabilizationWindowSeconds",
    "SelectPolicy",
    "Policies",
    "Tolerance",
    "Type",
    "Value",
    "PeriodSeconds",
];

/// A version 1 object in version 2.
pub(super) fn to_v2(value: &mut Value) {
    let percent = remove(value, &["spec", "targetCPUUtilizationPercentage"]).filter(|p| !p.is_null());
    let mut metrics: Vec<Value> = Vec::new();
    if let Some(old) = annotation(value, METRICS) {
        metrics.extend(old.items(&[]).iter().map(|metric| new_metric(metric, "target")));
    }
    if let Some(percent) = percent {
        metrics.push(json!({"type": "Resource", "resource": {"name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": percent}}}));
    }
    if !metrics.is_empty() {
        set(value, &["spec", "metrics"], Value::from(metrics));
    }
    if let Some(behavior) = annotation(value, BEHAVIOR) {
        set(value, &["spec", "behavior"], recased(&behavior, char::to_ascii_lowercase));
    }
    let percent = remove(value, &["status", "currentCPUUtilizationPercentage"]).filter(|p| !p.is_null());
    if let Some(old) = annotation(value, CURRENT) {
        let current: Vec<Value> = old.items(&[]).iter().map(|metric| new_metric(metric, "current")).collect();
        set(value, &["status", "currentMetrics"], Value::from(current));
    } else if let Some(percent) = percent {
        let current = json!([{"type": "Resource", "resource": {"name": "cpu",
            "current": {"averageUtilization": percent}}}]);
        set(value, &["status", "currentMetrics"], current);
    }
    if let Some(conditions) = annotation(value, CONDITIONS) {
        set(value, &["status", "conditions"], conditions);
    }
    drop_annotations(value);
}

/// A version 2 object in version 1.
pub(super) fn to_v1(value: &mut Value) {
    drop_annotations(value);
    let metrics = remove(value, &["spec", "metrics"]).unwrap_or(Value::Null);
    let mut others = Vec::new();
    for metric in metrics.items(&[]) {
        let percent = metric.at(&["resource", "target", "averageUtilization"]).filter(|p| !p.is_null());
        match percent {
            Some(percent)
                if metric.text(&["type"]) == "Resource" && metric.text(&["resource", "name"]) == "cpu" =>
            {
                if value.at(&["spec", "targetCPUUtilizationPercentage"]).is_none() {
                    set(value, &["spec", "targetCPUUtilizationPercentage"], percent.clone());
                }
            }
            _ => others.push(old_metric(metric, "target")),
        }
    }
    note(value, METRICS, &others);
    let current = remove(value, &["status", "currentMetrics"]).unwrap_or(Value::Null);
    for metric in current.items(&[]) {
        let percent = metric.at(&["resource", "current", "averageUtilization"]).filter(|p| !p.is_null());
        if let Some(percent) = percent.filter(|_| metric.text(&["resource", "name"]) == "cpu") {
            set(value, &["status", "currentCPUUtilizationPercentage"], percent.clone());
        }
    }
    let old: Vec<Value> = current.items(&[]).iter().map(|metric| old_metric(metric, "current")).collect();
    note(value, CURRENT, &old);
    let behavior = remove(value, &["spec", "behavior"]);
    if let Some(behavior) = behavior.filter(|b| !b.is_null()) {
        set(value, &["metadata", "annotations", BEHAVIOR], text(&rules(&behavior)));
    }
    let conditions = remove(value, &["status", "conditions"]).unwrap_or(Value::Null);
    note(value, CONDITIONS, conditions.items(&[]));
    for field in ["currentReplicas", "desiredReplicas"] {
        if value.at(&["status", field]).is_none() {
            set(value, &["status", field], 0);
        }
    }
}

fn annotation(value: &Value, name: &str) -> Option<Value> {
    let text = value.at(&["metadata", "annotations", name])?.as_str()?;
    serde_json::from_str(text).ok()
}

fn note(value: &mut Value, name: &str, items: &[Value]) {
    if !items.is_empty() {
        set(value, &["metadata", "annotations", name], text(&Value::from(items.to_vec())));
    }
}

fn drop_annotations(value: &mut Value) {
    for name in ANNOTATIONS {
        remove(value, &["metadata", "annotations", name]);
    }
    if value.at(&["metadata", "annotations"]).and_then(Value::as_object).is_some_and(Map::is_empty) {
        remove(value, &["metadata", "annotations"]);
    }
}

/// The text of a value whose fields are in the order of [`ORDER`].
fn text(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(text).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_by_key(|key| ORDER.iter().position(|o| o == key).unwrap_or(ORDER.len()));
            let parts = keys.into_iter().map(|key| {
                let below = if key == "matchLabels" { map[key].to_string() } else { text(&map[key]) };
                format!("{}:{below}", Value::from(key.as_str()))
            });
            format!("{{{}}}", parts.collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

/// The behaviour with all fields of its internal form.
fn rules(behavior: &Value) -> Value {
    let side = |key: &str| match behavior.get(key).filter(|s| !s.is_null()) {
        None => Value::Null,
        Some(side) => {
            let field = |key: &str| side.get(key).cloned().unwrap_or(Value::Null);
            let policies = match side.get("policies").filter(|p| p.is_array()) {
                None => Value::Null,
                Some(policies) => recased(policies, char::to_ascii_uppercase),
            };
            json!({"StabilizationWindowSeconds": field("stabilizationWindowSeconds"),
                "SelectPolicy": field("selectPolicy"), "Policies": policies, "Tolerance": field("tolerance")})
        }
    };
    json!({"ScaleUp": side("scaleUp"), "ScaleDown": side("scaleDown")})
}

/// The value with the first letter of all field names changed, and without nulls.
fn recased(value: &Value, change: fn(&char) -> char) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| recased(item, change)).collect(),
        Value::Object(map) => {
            let fields = map.iter().filter(|(_, v)| !v.is_null()).map(|(key, value)| {
                let mut letters = key.chars();
                let first: String = letters.next().iter().map(change).collect();
                (first + letters.as_str(), recased(value, change))
            });
            Value::Object(fields.collect())
        }
        other => other.clone(),
    }
}

/// The names of the parts of a metric: in version 2 and in version 1 with `target` or `current` before it.
const AMOUNTS: [(&str, &str); 3] =
    [("averageUtilization", "AverageUtilization"), ("averageValue", "AverageValue"), ("value", "Value")];

/// A metric in the form that an annotation has. `part` is `target` or `current`.
fn old_metric(metric: &Value, part: &str) -> Value {
    let mut out = Map::new();
    out.insert("type".into(), metric["type"].clone());
    for kind in ["resource", "pods", "object", "external", "containerResource"] {
        let Some(source) = metric.get(kind).filter(|s| s.is_object()) else { continue };
        let mut old = Map::new();
        let mut copy = |path: &[&str], key: &str| {
            if let Some(value) = source.at(path).filter(|v| !v.is_null()) {
                old.insert(key.into(), value.clone());
            }
        };
        copy(&["name"], "name");
        copy(&["container"], "container");
        copy(&["metric", "name"], "metricName");
        copy(&["metric", "selector"], if kind == "external" { "metricSelector" } else { "selector" });
        copy(&["describedObject"], "target");
        for (new, name) in AMOUNTS {
            let whole = format!("{part}{name}");
            let key = if kind == "object" && new == "averageValue" { new } else { &whole };
            copy(&[part, new], key);
        }
        // These are no pointers in version 1.
        let always = match (kind, part) {
            ("object", "target") => Some("targetValue"),
            ("object" | "external", "current") => Some("currentValue"),
            ("pods", "target") => Some("targetAverageValue"),
            ("pods" | "resource" | "containerResource", "current") => Some("currentAverageValue"),
            _ => None,
        };
        if let Some(always) = always {
            old.entry(always).or_insert_with(|| "0".into());
        }
        out.insert(kind.into(), Value::Object(old));
    }
    Value::Object(out)
}

/// A metric of an annotation in the form of version 2.
fn new_metric(metric: &Value, part: &str) -> Value {
    let mut out = Map::new();
    out.insert("type".into(), metric["type"].clone());
    for kind in ["resource", "pods", "object", "external", "containerResource"] {
        let Some(source) = metric.get(kind).filter(|s| s.is_object()) else { continue };
        let mut new = Map::new();
        let mut amounts = Map::new();
        for (key, name) in AMOUNTS {
            let whole = format!("{part}{name}");
            let old = if kind == "object" && key == "averageValue" { key } else { &whole };
            if let Some(amount) = source.get(old).filter(|a| !a.is_null()) {
                amounts.insert(key.into(), amount.clone());
            }
        }
        if part == "target" {
            let average = amounts.contains_key("averageValue");
            let kind = match kind {
                _ if amounts.contains_key("averageUtilization") => "Utilization",
                "object" if !average => "Value",
                "external" if amounts.contains_key("value") => "Value",
                _ => "AverageValue",
            };
            if kind == "AverageValue" && amounts.get("value").is_some_and(|v| v == "0") {
                amounts.remove("value");
            }
            amounts.insert("type".into(), kind.into());
        }
        new.insert(part.into(), Value::Object(amounts));
        for key in ["name", "container"] {
            if let Some(value) = source.get(key) {
                new.insert(key.into(), value.clone());
            }
        }
        if let Some(name) = source.get("metricName") {
            let mut metric = json!({"name": name});
            if let Some(selector) = source.get("selector").or_else(|| source.get("metricSelector")) {
                metric["selector"] = selector.clone();
            }
            new.insert("metric".into(), metric);
        }
        if let Some(target) = source.get("target") {
            new.insert("describedObject".into(), target.clone());
        }
        out.insert(kind.into(), Value::Object(new));
    }
    Value::Object(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{to_v1, to_v2};

    #[test]
    fn version_1_keeps_what_it_has_no_fields_for() {
        let spec = json!({"maxReplicas": 2, "metrics": [
            {"type": "Object", "object": {"describedObject": {"kind": "Service", "name": "s", "apiVersion": "v1"},
                "metric": {"name": "m"}, "target": {"type": "Value", "value": "10"}}},
            {"type": "Resource", "resource": {"name": "cpu",
                "target": {"type": "Utilization", "averageUtilization": 60}}}],
            "behavior": {"scaleDown": {"selectPolicy": "Max",
                "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}}});
        let mut value = json!({"metadata": {"name": "h"}, "spec": spec, "status": {}});
        to_v1(&mut value);
        let annotations = &value["metadata"]["annotations"];
        assert_eq!(
            annotations["autoscaling.alpha.kubernetes.io/metrics"],
            r#"[{"type":"Object","object":{"target":{"kind":"Service","name":"s","apiVersion":"v1"},"metricName":"m","targetValue":"10"}}]"#
        );
        assert_eq!(
            annotations["autoscaling.alpha.kubernetes.io/behavior"],
            r#"{"ScaleUp":null,"ScaleDown":{"StabilizationWindowSeconds":null,"SelectPolicy":"Max","Policies":[{"Type":"Pods","Value":1,"PeriodSeconds":60}],"Tolerance":null}}"#
        );
        assert_eq!(value["spec"]["targetCPUUtilizationPercentage"], 60);
        to_v2(&mut value);
        assert_eq!(value["spec"], spec);
        assert_eq!(value["metadata"], json!({"name": "h"}));
    }
}
