//! Autoscalers.

use serde_json::Value;

use super::common::{NOT_NEGATIVE, has, one_of, quantity};
use crate::status::Cause;
use crate::value::Get;

pub(super) fn autoscaler(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    let (least, most) = (spec.int(&["minReplicas"]), spec.int(&["maxReplicas"]).unwrap_or(0));
    if let Some(least) = least
        && least < 1
    {
        let text = "must be greater than or equal to 1";
        causes.push(Cause::invalid("spec.minReplicas", &least.into(), text));
    }
    if most == 0 {
        causes.push(Cause::required("spec.maxReplicas", "must be set and greater than 0"));
    } else if most < 0 {
        causes.push(Cause::invalid("spec.maxReplicas", &most.into(), "must be greater than or equal to 1"));
    }
    if least.is_some_and(|least| most < least) {
        let text = "must be greater than or equal to `minReplicas`";
        causes.push(Cause::invalid("spec.maxReplicas", &most.into(), text));
    }
    reference(&spec["scaleTargetRef"], true, "spec.scaleTargetRef", &mut causes);
    for (i, metric) in spec.items(&["metrics"]).iter().enumerate() {
        self::metric(metric, &format!("spec.metrics[{i}]"), &mut causes);
    }
    let scalable = |metric: &Value| has(metric, &["object"]) || has(metric, &["external"]);
    if least == Some(0) && !spec.items(&["metrics"]).iter().any(scalable) {
        let text = "must specify at least one Object or External metric to support scaling to zero replicas";
        causes.push(Cause::forbidden("spec.metrics", text));
    }
    for side in ["scaleUp", "scaleDown"] {
        scaling(&spec["behavior"][side], &format!("spec.behavior.{side}"), &mut causes);
    }
    causes
}

fn scaling(rules: &Value, at: &str, causes: &mut Vec<Cause>) {
    if !rules.is_object() {
        return;
    }
    if let Some(seconds) = rules.int(&["stabilizationWindowSeconds"]) {
        let field = format!("{at}.stabilizationWindowSeconds");
        if seconds < 0 {
            causes.push(Cause::invalid(field, &seconds.into(), "must be greater than or equal to zero"));
        } else if seconds > 3600 {
            causes.push(Cause::invalid(field, &seconds.into(), "must be less than or equal to 3600"));
        }
    }
    if has(rules, &["selectPolicy"]) {
        one_of(rules, "selectPolicy", at, &["Disabled", "Max", "Min"], causes);
    }
    let policies = rules.items(&["policies"]);
    if policies.is_empty() {
        causes.push(Cause::required(format!("{at}.policies"), "must specify at least one Policy"));
    }
    for (i, policy) in policies.iter().enumerate() {
        let at = format!("{at}.policies[{i}]");
        one_of(policy, "type", &at, &["Percent", "Pods"], causes);
        for field in ["value", "periodSeconds"] {
            let number = policy.int(&[field]).unwrap_or(0);
            if number <= 0 {
                causes.push(Cause::invalid(
                    format!("{at}.{field}"),
                    &number.into(),
                    "must be greater than zero",
                ));
            }
        }
        if policy.int(&["periodSeconds"]).unwrap_or(0) > 1800 {
            let shown = policy["periodSeconds"].clone();
            causes.push(Cause::invalid(
                format!("{at}.periodSeconds"),
                &shown,
                "must be less than or equal to 1800",
            ));
        }
    }
    let tolerance = &rules["tolerance"];
    if quantity(tolerance).is_some_and(|q| q.nano() < 0) {
        causes.push(Cause::invalid(format!("{at}.tolerance"), tolerance, NOT_NEGATIVE));
    }
}

fn metric(metric: &Value, at: &str, causes: &mut Vec<Cause>) {
    const KINDS: [(&str, &str); 5] = [
        ("Object", "object"),
        ("External", "external"),
        ("Pods", "pods"),
        ("Resource", "resource"),
        ("ContainerResource", "containerResource"),
    ];
    let supported = ["ContainerResource", "External", "Object", "Pods", "Resource"];
    let kind = metric.text(&["type"]);
    let wanted = KINDS.iter().find(|(name, _)| *name == kind).map(|(_, key)| *key);
    if kind.is_empty() {
        causes.push(Cause::required(format!("{at}.type"), "must specify a metric source type"));
    }
    if wanted.is_none() {
        causes.push(Cause::unsupported(format!("{at}.type"), &kind.into(), &supported));
    }
    let given: Vec<&str> = KINDS.into_iter().map(|(_, key)| key).filter(|key| has(metric, &[key])).collect();
    if let Some(first) = given.first() {
        source(first, &metric[*first], &format!("{at}.{first}"), causes);
    }
    match wanted {
        Some(wanted) if !given.contains(&wanted) => {
            let text = "must populate information for the given metric source";
            causes.push(Cause::required(format!("{at}.{wanted}"), text));
        }
        Some(_) => {}
        // The type is looked at twice.
        None => causes.push(Cause::unsupported(format!("{at}.type"), &kind.into(), &supported)),
    }
    if given.len() != 1 {
        for other in given.iter().filter(|key| Some(**key) != wanted) {
            let text = "must populate the given metric source only";
            causes.push(Cause::forbidden(format!("{at}.{other}"), text));
        }
    }
}

fn source(kind: &str, inner: &Value, at: &str, causes: &mut Vec<Cause>) {
    let target = &inner["target"];
    if matches!(kind, "resource" | "containerResource") {
        resource(kind, inner, at, causes);
        return;
    }
    if kind == "object" {
        let described = &inner["describedObject"];
        reference(described, false, &format!("{at}.describedObject"), causes);
    }
    let name = inner.text(&["metric", "name"]);
    let field = format!("{at}.metric.name");
    if name.is_empty() {
        causes.push(Cause::required(field, "must specify a metric name"));
    } else {
        for text in crate::names::path_segment(name) {
            causes.push(Cause::invalid(field.clone(), &name.into(), &text));
        }
    }
    target_type(target, at, causes);
    let (value, average) = (has(target, &["value"]), has(target, &["averageValue"]));
    let needed = match kind {
        "pods" if !average => "must specify a positive target averageValue",
        "object" if !value && !average => "must set either a target value or averageValue",
        "external" if !value && !average => "must set either a target value for metric or a per-pod target",
        "external" if value && average => {
            let text = "may not set both a target value for metric and a per-pod target";
            causes.push(Cause::forbidden(format!("{at}.target.value"), text));
            return;
        }
        _ => return,
    };
    causes.push(Cause::required(format!("{at}.target.averageValue"), needed));
}

fn resource(kind: &str, inner: &Value, at: &str, causes: &mut Vec<Cause>) {
    let target = &inner["target"];
    if inner.text(&["name"]).is_empty() {
        causes.push(Cause::required(format!("{at}.name"), "must specify a resource name"));
    } else if kind == "containerResource" {
        super::container::container_name(inner.text(&["name"]), &format!("{at}.name"), causes);
    }
    if kind == "containerResource" {
        let container = inner.text(&["container"]);
        let field = format!("{at}.container");
        if container.is_empty() {
            causes.push(Cause::required(field, "must specify a container"));
        } else {
            causes.extend(super::common::problems(crate::names::dns1123_label(container), &field, container));
        }
    }
    target_type(target, at, causes);
    let (utilization, value) = (has(target, &["averageUtilization"]), has(target, &["averageValue"]));
    if !utilization && !value {
        let text = "must set either a target raw value or a target utilization";
        causes.push(Cause::required(format!("{at}.target.averageUtilization"), text));
    } else if utilization && value {
        let text = "may not set both a target raw value and a target utilization";
        causes.push(Cause::forbidden(format!("{at}.target.averageValue"), text));
    }
}

/// The object that is scaled or measured.
fn reference(target: &Value, needs_group: bool, at: &str, causes: &mut Vec<Cause>) {
    for key in ["kind", "name"] {
        let text = target.text(&[key]);
        let field = format!("{at}.{key}");
        if text.is_empty() {
            causes.push(Cause::required(field, ""));
            continue;
        }
        for problem in crate::names::path_segment(text) {
            causes.push(Cause::invalid(field.clone(), &text.into(), &problem));
        }
    }
    group_problem(target, needs_group, at, causes);
}

/// The group of what is scaled must be named; of what is measured it may be the core group.
fn group_problem(target: &Value, needs_group: bool, at: &str, causes: &mut Vec<Cause>) {
    let version = target.text(&["apiVersion"]);
    let text = match version.matches('/').count() {
        0 if needs_group => "apiVersion must specify API group".to_owned(),
        1 if needs_group && version.starts_with('/') => "apiVersion must specify API group".to_owned(),
        0 | 1 => return,
        _ => format!("unexpected GroupVersion string: {version}"),
    };
    causes.push(Cause::invalid(format!("{at}.apiVersion"), &version.into(), &text));
}

fn target_type(target: &Value, at: &str, causes: &mut Vec<Cause>) {
    let kind = target.text(&["type"]);
    if kind.is_empty() {
        causes.push(Cause::required(format!("{at}.target.type"), "must specify a metric target type"));
    }
    if !matches!(kind, "Utilization" | "Value" | "AverageValue") {
        let text = "must be either Utilization, Value, or AverageValue";
        causes.push(Cause::invalid(format!("{at}.target.type"), &kind.into(), text));
    }
    for field in ["value", "averageValue"] {
        if super::common::quantity(&target[field]).is_some_and(|q| q.nano() <= 0) {
            causes.push(Cause::invalid(format!("{at}.target.{field}"), &target[field], "must be positive"));
        }
    }
    if target.int(&["averageUtilization"]).is_some_and(|n| n < 1) {
        let shown = target["averageUtilization"].clone();
        causes.push(Cause::invalid(
            format!("{at}.target.averageUtilization"),
            &shown,
            "must be greater than 0",
        ));
    }
}
