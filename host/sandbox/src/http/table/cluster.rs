//! The cells of what is about the cluster itself.

use serde_json::Value;

use super::{age, duration, or_none};
use crate::value::Get;

pub(super) fn quota(o: &Value) -> (String, String) {
    let hard = o.at(&["status", "hard"]).and_then(Value::as_object);
    let (mut requests, mut limits) = (Vec::new(), Vec::new());
    for (key, amount) in hard.into_iter().flatten() {
        let used = o.text(&["status", "used", key]);
        let used = if used.is_empty() { "0" } else { used };
        let entry = format!("{key}: {used}/{}", amount.as_str().unwrap_or_default());
        if key.starts_with("limits.") { limits.push(entry) } else { requests.push(entry) }
    }
    (requests.join(", "), limits.join(", "))
}

pub(super) fn node(o: &Value, name: Value, old: Value) -> Vec<Value> {
    let mut states: Vec<String> = o
        .items(&["status", "conditions"])
        .iter()
        .filter(|c| c.text(&["type"]) == "Ready")
        .map(|c| if c.text(&["status"]) == "True" { "Ready" } else { "NotReady" }.to_string())
        .collect();
    if states.is_empty() {
        states.push("Unknown".into());
    }
    if o.at(&["spec", "unschedulable"]) == Some(&Value::Bool(true)) {
        states.push("SchedulingDisabled".into());
    }
    let mut roles: Vec<String> = Vec::new();
    for (key, value) in o.at(&["metadata", "labels"]).and_then(Value::as_object).into_iter().flatten() {
        if let Some(role) = key.strip_prefix("node-role.kubernetes.io/").filter(|r| !r.is_empty()) {
            roles.push(role.into());
        } else if key == "kubernetes.io/role" {
            roles.extend(value.as_str().map(String::from));
        }
    }
    roles.sort();
    let address = |kind: &str| {
        let found = o.items(&["status", "addresses"]).iter().find(|a| a.text(&["type"]) == kind);
        or_none(found.map_or("", |a| a.text(&["address"])))
    };
    let info = |key: &str| o.text(&["status", "nodeInfo", key]);
    let unknown = |text: &str| if text.is_empty() { "<unknown>".to_string() } else { text.to_string() };
    let kernel = match (info("kernelVersion"), info("architecture")) {
        ("", _) => "<unknown>".to_string(),
        (kernel, "") => kernel.to_string(),
        (kernel, machine) => format!("{kernel} ({machine})"),
    };
    vec![
        name,
        states.join(",").into(),
        or_none(&roles.join(",")).into(),
        old,
        info("kubeletVersion").into(),
        address("InternalIP").into(),
        address("ExternalIP").into(),
        unknown(info("osImage")).into(),
        kernel.into(),
        unknown(info("containerRuntimeVersion")).into(),
    ]
}

pub(super) fn event(o: &Value, name: Value) -> Vec<Value> {
    let pick = |keys: &[&[&str]]| keys.iter().find_map(|k| o.at(k).filter(|v| v.is_string())).cloned();
    let first = pick(&[&["firstTimestamp"], &["deprecatedFirstTimestamp"], &["eventTime"]]);
    let series = o.at(&["series", "lastObservedTime"]).filter(|v| v.is_string()).cloned();
    let last = pick(&[&["lastTimestamp"], &["deprecatedLastTimestamp"]]).or(series).or_else(|| first.clone());
    let object = o.at(&["involvedObject"]).or(o.at(&["regarding"])).cloned().unwrap_or(Value::Null);
    let mut target = object.text(&["kind"]).to_lowercase();
    if !object.text(&["name"]).is_empty() {
        target = format!("{target}/{}", object.text(&["name"]));
    }
    let source = o.at(&["source"]).or(o.at(&["deprecatedSource"])).cloned().unwrap_or(Value::Null);
    let component = match source.text(&["component"]) {
        "" => {
            let new = o.text(&["reportingComponent"]);
            if new.is_empty() { o.text(&["reportingController"]) } else { new }
        }
        text => text,
    };
    let host = match source.text(&["host"]) {
        "" => o.text(&["reportingInstance"]),
        host => host,
    };
    let source = match host {
        "" => component.to_string(),
        host => format!("{component}, {host}"),
    };
    let message = if o.text(&["message"]).is_empty() { o.text(&["note"]) } else { o.text(&["message"]) };
    let count = o.int(&["count"]).or(o.int(&["deprecatedCount"])).filter(|c| *c > 0);
    let count = o.int(&["series", "count"]).or(count).unwrap_or(1);
    vec![
        age(last.as_ref()).into(),
        o["type"].clone(),
        o["reason"].clone(),
        target.into(),
        object.text(&["fieldPath"]).into(),
        source.into(),
        message.trim().into(),
        age(first.as_ref()).into(),
        count.into(),
        name,
    ]
}

pub(super) fn signing_request(o: &Value, name: Value, old: Value) -> Vec<Value> {
    let conditions: Vec<&str> =
        o.items(&["status", "conditions"]).iter().map(|c| c.text(&["type"])).collect();
    let mut state = if conditions.contains(&"Denied") {
        "Denied".to_string()
    } else if conditions.contains(&"Approved") {
        "Approved".into()
    } else {
        "Pending".into()
    };
    if conditions.contains(&"Failed") {
        state.push_str(",Failed");
    }
    if !o.text(&["status", "certificate"]).is_empty() {
        state.push_str(",Issued");
    }
    let length = o.int(&["spec", "expirationSeconds"]).map_or("<none>".to_string(), duration);
    vec![
        name,
        old,
        o.text(&["spec", "signerName"]).into(),
        o.text(&["spec", "username"]).into(),
        length.into(),
        state.into(),
    ]
}

pub(super) fn api_service(o: &Value, name: Value, old: Value) -> Vec<Value> {
    let service = match o.at(&["spec", "service"]).filter(|s| !s.is_null()) {
        None => "Local".to_string(),
        Some(s) => format!("{}/{}", s.text(&["namespace"]), s.text(&["name"])),
    };
    let available = o.items(&["status", "conditions"]).iter().find(|c| c.text(&["type"]) == "Available");
    let available = match available {
        None => "Unknown".to_string(),
        Some(c) if c.text(&["status"]) == "True" => "True".into(),
        Some(c) => format!("{} ({})", c.text(&["status"]), c.text(&["reason"])),
    };
    vec![name, service.into(), available.into(), old]
}

pub(super) fn flow_schema(o: &Value, name: Value, old: Value) -> Vec<Value> {
    let dangling = o.items(&["status", "conditions"]).iter().find(|c| c.text(&["type"]) == "Dangling");
    vec![
        name,
        o.text(&["spec", "priorityLevelConfiguration", "name"]).into(),
        o.int(&["spec", "matchingPrecedence"]).unwrap_or(0).into(),
        or_none(o.text(&["spec", "distinguisherMethod", "type"])).into(),
        old,
        dangling.map_or("?", |c| c.text(&["status"])).into(),
    ]
}

pub(super) fn priority_level(o: &Value, name: Value, old: Value) -> Vec<Value> {
    let number =
        |path: &[&str]| o.at(path).filter(|v| !v.is_null()).cloned().unwrap_or_else(|| "<none>".into());
    let queuing = |key| number(&["spec", "limited", "limitResponse", "queuing", key]);
    vec![
        name,
        o.text(&["spec", "type"]).into(),
        number(&["spec", "limited", "nominalConcurrencyShares"]),
        queuing("queues"),
        queuing("handSize"),
        queuing("queueLengthLimit"),
        old,
    ]
}
