//! Quotas and ranges of limits.

use serde_json::{Value, json};

use super::common::{has, quantity};
use super::container;
use crate::names;
use crate::status::Cause;
use crate::value::Get;

const STANDARD: [&str; 19] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "services",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];
const SCOPES: [&str; 7] = [
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
];

/// True if a scope says something about an amount.
fn fits(scope: &str, key: &str) -> bool {
    const OF_PODS: [&str; 7] =
        ["pods", "cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"];
    match scope {
        "Terminating"
        | "NotTerminating"
        | "NotBestEffort"
        | "PriorityClass"
        | "CrossNamespacePodAffinity" => OF_PODS.contains(&key),
        "BestEffort" => key == "pods",
        "VolumeAttributesClass" => matches!(key, "persistentvolumeclaims" | "requests.storage"),
        _ => true,
    }
}

/// The name of what a quota limits.
pub(super) fn name(key: &str, field: &str, causes: &mut Vec<Cause>) {
    container::any_name(key, field, causes);
    if !key.contains('/') && !is_standard(key) {
        causes.push(Cause::invalid(field, &key.into(), "must be a standard resource for quota"));
    }
}

/// A quota.
pub(super) fn quota(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let hard = value["spec"]["hard"].as_object();
    for (key, amount) in hard.into_iter().flatten() {
        let field = format!("spec.hard[{key}]");
        name(key, &field, &mut causes);
        container::amount(key, amount, &field, &mut causes);
    }
    let keys: Vec<&str> = hard.into_iter().flat_map(|hard| hard.keys().map(String::as_str)).collect();
    let misfits = |scope: &str| keys.iter().filter(|key| is_standard(key) && !fits(scope, key)).count();
    let scopes = value["spec"].items(&["scopes"]);
    let list = json!(scopes);
    for scope in scopes.iter().filter_map(Value::as_str) {
        if !SCOPES.contains(&scope) {
            causes.push(Cause::invalid("spec.scopes", &list, "unsupported scope"));
        }
        for _ in 0..misfits(scope) {
            causes.push(Cause::invalid("spec.scopes", &list, "unsupported scope applied to resource"));
        }
    }
    let names: Vec<&str> = scopes.iter().filter_map(Value::as_str).collect();
    conflicts(&names, &list, &mut causes);
    let chosen = &value["spec"]["scopeSelector"];
    let mut selected = Vec::new();
    for expression in chosen.items(&["matchExpressions"]) {
        let scope = expression.text(&["scopeName"]);
        expression_problems(expression, scope, &mut causes);
        for _ in 0..misfits(scope) {
            let text = "unsupported scope applied to resource";
            causes.push(super::common::invalid_struct(
                "spec.scopeSelector.matchExpressions",
                &shown(chosen),
                text,
            ));
        }
        selected.push(scope);
    }
    conflicts(&selected, &list, &mut causes);
    causes
}

fn is_standard(key: &str) -> bool {
    STANDARD.contains(&key) || key.starts_with("hugepages-") || key.starts_with("requests.hugepages-")
}

fn conflicts(scopes: &[&str], list: &Value, causes: &mut Vec<Cause>) {
    for (a, b) in [("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating")] {
        if scopes.contains(&a) && scopes.contains(&b) {
            causes.push(Cause::invalid("spec.scopes", list, "conflicting scopes"));
        }
    }
}

fn expression_problems(expression: &Value, scope: &str, causes: &mut Vec<Cause>) {
    let at = "spec.scopeSelector.matchExpressions";
    if !SCOPES.contains(&scope) {
        causes.push(Cause::invalid(format!("{at}.scopeName"), &scope.into(), "unsupported scope"));
    }
    let (operator, values) = (expression.text(&["operator"]), expression.items(&["values"]));
    let alone = SCOPES.contains(&scope) && !matches!(scope, "PriorityClass" | "VolumeAttributesClass");
    if alone && operator != "Exists" {
        let text = "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, \
                    ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or \
                    ResourceQuotaScopeCrossNamespacePodAffinity";
        causes.push(Cause::invalid(format!("{at}.operator"), &operator.into(), text));
    }
    match operator {
        "In" | "NotIn" if values.is_empty() => {
            let text = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
            causes.push(Cause::required(format!("{at}.values"), text));
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let text = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
            causes.push(Cause::invalid(format!("{at}.values"), &json!(values), text));
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        _ => {
            let text = "not a valid selector operator";
            causes.push(Cause::invalid(format!("{at}.operator"), &operator.into(), text));
        }
    }
}

/// A selector of scopes as a real server shows its internal type.
fn shown(selector: &Value) -> Value {
    use super::common::go_struct;
    let one = |expression: &Value| {
        let get = |key: &str| expression.get(key).cloned().unwrap_or(Value::Null);
        let shown =
            [("ScopeName", get("scopeName")), ("Operator", get("operator")), ("Values", get("values"))];
        go_struct(&shown).as_str().unwrap_or_default().trim_start_matches('\u{0}').to_owned()
    };
    let all: Vec<String> = selector.items(&["matchExpressions"]).iter().map(one).collect();
    Value::String(format!("\u{0}{{\"MatchExpressions\":[{}]}}", all.join(",")))
}

pub(super) fn limit_range(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for (i, limit) in value["spec"].items(&["limits"]).iter().enumerate() {
        let at = format!("spec.limits[{i}]");
        let kind = limit.text(&["type"]);
        let found = names::qualified_name(kind);
        let named = found.is_empty();
        causes.extend(super::common::problems(found, &format!("{at}.type"), kind));
        if named && !matches!(kind, "Pod" | "Container" | "PersistentVolumeClaim") && !kind.contains('/') {
            let text = "must be a standard limit type or fully qualified";
            causes.push(Cause::invalid(format!("{at}.type"), &kind.into(), text));
        }
        if seen.contains(&kind) {
            causes.push(Cause::duplicate(format!("{at}.type"), &kind.into()));
        }
        seen.push(kind);
        for field in ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] {
            if kind == "Pod" && field.starts_with("default") {
                continue;
            }
            for key in limit[field].as_object().into_iter().flat_map(|m| m.keys()) {
                let field = format!("{at}.{field}[{key}]");
                if matches!(kind, "Pod" | "Container") {
                    container::container_name(key, &field, &mut causes);
                } else {
                    container::any_name(key, &field, &mut causes);
                }
            }
        }
        if kind == "Pod" {
            for field in ["default", "defaultRequest"] {
                if limit[field].as_object().is_some_and(|m| !m.is_empty()) {
                    let text = "may not be specified when `type` is 'Pod'";
                    causes.push(Cause::forbidden(format!("{at}.{field}"), text));
                }
            }
        }
        if kind == "PersistentVolumeClaim"
            && !has(limit, &["min", "storage"])
            && !has(limit, &["max", "storage"])
        {
            let text = "either minimum or maximum storage value is required, but neither was provided";
            causes.push(Cause::required(format!("{at}.limits"), text));
        }
        let mut all: Vec<&String> = Vec::new();
        for field in ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] {
            for key in limit[field].as_object().into_iter().flat_map(|m| m.keys()) {
                if !all.contains(&key) {
                    all.push(key);
                }
            }
        }
        for key in all {
            bounds(limit, key, &at, &mut causes);
        }
    }
    causes
}

fn bounds(limit: &Value, key: &str, at: &str, causes: &mut Vec<Cause>) {
    let get = |field: &str| limit.at(&[field, key]).and_then(quantity);
    let shown = |field: &str| limit.at(&[field, key]).cloned().unwrap_or(Value::Null);
    let mut too_much = |field: &str, small: &str, large: &str, value: Value, text: String| {
        if let (Some(a), Some(b)) = (get(small), get(large))
            && a.nano() > b.nano()
        {
            causes.push(Cause::invalid(format!("{at}.{field}[{key}]"), &value, &text));
        }
    };
    let plain = |field: &str| shown(field).as_str().unwrap_or_default().to_string();
    let (max, min, default, request) =
        (plain("max"), plain("min"), plain("default"), plain("defaultRequest"));
    too_much("min", "min", "max", shown("min"), format!("min value {min} is greater than max value {max}"));
    too_much(
        "defaultRequest",
        "min",
        "defaultRequest",
        shown("defaultRequest"),
        format!("min value {min} is greater than default request value {request}"),
    );
    too_much(
        "defaultRequest",
        "defaultRequest",
        "max",
        shown("defaultRequest"),
        format!("default request value {request} is greater than max value {max}"),
    );
    too_much(
        "defaultRequest",
        "defaultRequest",
        "default",
        shown("defaultRequest"),
        format!("default request value {request} is greater than default limit value {default}"),
    );
    too_much(
        "default",
        "min",
        "default",
        shown("min"),
        format!("min value {min} is greater than default value {default}"),
    );
    too_much(
        "default",
        "default",
        "max",
        shown("max"),
        format!("default value {default} is greater than max value {max}"),
    );
    let Some(ratio) = get("maxLimitRequestRatio") else { return };
    let field = format!("{at}.maxLimitRequestRatio[{key}]");
    if ratio.milli() < 1000 {
        let text = format!("ratio {ratio} is less than 1");
        causes.push(Cause::invalid(field.clone(), &shown("maxLimitRequestRatio"), &text));
    }
    if let (Some(least), Some(most)) = (get("min"), get("max"))
        && least.nano() > 0
    {
        let limit = most.nano() as f64 / least.nano() as f64;
        if ratio.milli() as f64 / 1000.0 > limit {
            let text = format!("ratio {ratio} is greater than max/min = {limit:.6}");
            causes.push(Cause::invalid(field, &shown("maxLimitRequestRatio"), &text));
        }
    }
}
