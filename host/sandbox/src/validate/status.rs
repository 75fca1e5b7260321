//! Statuses that cannot be true.

mod job;
mod pod;

use std::net::IpAddr;

use serde_json::Value;

use super::common::{address, has, not_negative, problems, quantity};
use super::{container, quotas};
use crate::names;
use crate::quantity::Quantity;
use crate::resources::Resource;
use crate::status::Cause;
use crate::value::Get;

/// What is wrong with a changed status.
pub(super) fn of_update(resource: &Resource, live: &Value, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let status = &value["status"];
    match resource.plural.as_str() {
        "deployments" => {
            let fields = [
                "observedGeneration",
                "replicas",
                "updatedReplicas",
                "readyReplicas",
                "availableReplicas",
                "unavailableReplicas",
                "terminatingReplicas",
                "collisionCount",
            ];
            counts(status, &fields, &mut causes);
            let parts = ["updatedReplicas", "readyReplicas", "availableReplicas"];
            at_most(status, &parts, "readyReplicas", &mut causes);
            not_less(live, value, "collisionCount", &mut causes);
        }
        "replicasets" | "replicationcontrollers" => {
            let fields = [
                "replicas",
                "fullyLabeledReplicas",
                "readyReplicas",
                "availableReplicas",
                "observedGeneration",
                "terminatingReplicas",
            ];
            counts(status, &fields, &mut causes);
            let parts = ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"];
            at_most(status, &parts, "readyReplicas", &mut causes);
        }
        "statefulsets" => {
            let fields = [
                "replicas",
                "readyReplicas",
                "currentReplicas",
                "updatedReplicas",
                "availableReplicas",
                "observedGeneration",
                "collisionCount",
            ];
            counts(status, &fields, &mut causes);
            let parts = ["readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"];
            at_most(status, &parts, "status.readyReplicas", &mut causes);
            not_less(live, value, "collisionCount", &mut causes);
        }
        "daemonsets" => {
            let fields = [
                "currentNumberScheduled",
                "numberMisscheduled",
                "desiredNumberScheduled",
                "numberReady",
                "observedGeneration",
                "updatedNumberScheduled",
                "numberAvailable",
                "numberUnavailable",
                "collisionCount",
            ];
            counts(status, &fields, &mut causes);
            not_less(live, value, "collisionCount", &mut causes);
        }
        "jobs" => causes.extend(job::of_update(live, value)),
        "pods" => causes.extend(pod::of_update(live, value)),
        "persistentvolumeclaims" => {
            for (key, amount) in status["capacity"].as_object().into_iter().flatten() {
                if let Some(amount) = quantity(amount).filter(|q| q.nano() < 0) {
                    let field = format!("status.capacity[{key}]");
                    causes.push(Cause::invalid(
                        field,
                        &whole(amount).into(),
                        "must be a valid resource quantity",
                    ));
                }
            }
        }
        "poddisruptionbudgets" => {
            conditions(status, &mut causes);
            counts(
                status,
                &["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"],
                &mut causes,
            );
        }
        "horizontalpodautoscalers" => counts(status, &["currentReplicas", "desiredReplicas"], &mut causes),
        "namespaces" => namespace(value, &mut causes),
        "resourcequotas" => {
            for part in ["hard", "used"] {
                for (key, amount) in status[part].as_object().into_iter().flatten() {
                    let field = format!("status.{part}[{key}]");
                    quotas::name(key, &field, &mut causes);
                    container::amount(key, amount, &field, &mut causes);
                }
            }
        }
        "services" => {
            let of_balancer = value.text(&["spec", "type"]) == "LoadBalancer";
            if !of_balancer && !status.items(&["loadBalancer", "ingress"]).is_empty() {
                let text = "may only be used when `spec.type` is 'LoadBalancer'";
                causes.push(Cause::forbidden("status.loadBalancer.ingress", text));
            } else {
                balancer(status, true, &mut causes);
            }
        }
        "ingresses" => balancer(status, false, &mut causes),
        _ => {}
    }
    causes
}

/// Conditions of the common form.
fn conditions(status: &Value, causes: &mut Vec<Cause>) {
    let mut seen: Vec<&str> = Vec::new();
    for (i, condition) in status.items(&["conditions"]).iter().enumerate() {
        let at = format!("status.conditions[{i}]");
        let kind = condition.text(&["type"]);
        if seen.contains(&kind) {
            causes.push(Cause::duplicate(format!("{at}.type"), &kind.into()));
        } else {
            seen.push(kind);
        }
        causes.extend(problems(names::qualified_name(kind), &format!("{at}.type"), kind));
        let state = condition.text(&["status"]);
        if !matches!(state, "True" | "False" | "Unknown") {
            let supported = ["False", "True", "Unknown"];
            causes.push(Cause::unsupported(format!("{at}.status"), &state.into(), &supported));
        }
        if let Some(number) = condition.int(&["observedGeneration"]).filter(|n| *n < 0) {
            let text = "must be greater than or equal to zero";
            causes.push(Cause::invalid(format!("{at}.observedGeneration"), &number.into(), text));
        }
        if !has(condition, &["lastTransitionTime"]) {
            causes.push(Cause::required(format!("{at}.lastTransitionTime"), ""));
        }
        if condition.text(&["reason"]).is_empty() {
            causes.push(Cause::required(format!("{at}.reason"), ""));
        }
    }
}

fn counts(status: &Value, fields: &[&str], causes: &mut Vec<Cause>) {
    for field in fields {
        not_negative(status, field, "status", causes);
    }
}

/// None of the parts may be more than all replicas, and no more may be available than are ready.
fn at_most(status: &Value, parts: &[&str], ready: &str, causes: &mut Vec<Cause>) {
    let number = |key: &str| status.int(&[key]).unwrap_or(0);
    let mut above = |field: &str, limit: &str, name: &str| {
        if number(field) > number(limit) {
            let text = format!("cannot be greater than {name}");
            causes.push(Cause::invalid(format!("status.{field}"), &number(field).into(), &text));
        }
    };
    for field in parts {
        above(field, "replicas", "status.replicas");
    }
    above("availableReplicas", "readyReplicas", ready);
}

/// The amount as a whole number.
fn whole(amount: Quantity) -> i64 {
    i64::try_from(amount.nano() / 1_000_000_000).unwrap_or(i64::MIN)
}

fn not_less(live: &Value, value: &Value, field: &str, causes: &mut Vec<Cause>) {
    let number = |value: &Value| value.int(&["status", field]);
    if number(live).is_some_and(|before| number(value).is_none_or(|now| now < before)) {
        let now = number(value).unwrap_or(0);
        causes.push(Cause::invalid(format!("status.{field}"), &now.into(), "cannot be decremented"));
    }
}

fn namespace(value: &Value, causes: &mut Vec<Cause>) {
    let phase = &value["status"]["phase"];
    let goes = has(value, &["metadata", "deletionTimestamp"]);
    let (wanted, state) = if goes { ("Terminating", "is not empty") } else { ("Active", "is empty") };
    if phase != wanted {
        let text = format!("may only be '{wanted}' if `deletionTimestamp` {state}");
        let shown = if phase.is_null() { &Value::String(String::new()) } else { phase };
        causes.push(Cause::invalid("status.Phase", shown, &text));
    }
}

/// The addresses of a load balancer.
fn balancer(status: &Value, with_mode: bool, causes: &mut Vec<Cause>) {
    for (i, ingress) in status.items(&["loadBalancer", "ingress"]).iter().enumerate() {
        let at = format!("status.loadBalancer.ingress[{i}]");
        let ip = ingress.text(&["ip"]);
        if !ip.is_empty() {
            address(ip, &format!("{at}.ip"), causes);
        }
        let mode = ingress.get("ipMode").filter(|m| !m.is_null());
        match mode {
            _ if !with_mode => {}
            None if !ip.is_empty() => {
                causes.push(Cause::required(format!("{at}.ipMode"), "must be specified when `ip` is set"));
            }
            Some(_) if ip.is_empty() => {
                let text = "may not be specified when `ip` is not set";
                causes.push(Cause::forbidden(format!("{at}.ipMode"), text));
            }
            Some(mode) if mode != "VIP" && mode != "Proxy" => {
                causes.push(Cause::unsupported(format!("{at}.ipMode"), mode, &["Proxy", "VIP"]));
            }
            _ => {}
        }
        let host = ingress.text(&["hostname"]);
        if !host.is_empty() {
            let field = format!("{at}.hostname");
            causes.extend(problems(names::dns1123_subdomain(host), &field, host));
            if host.parse::<IpAddr>().is_ok() {
                causes.push(Cause::invalid(field, &host.into(), "must be a DNS name, not an IP address"));
            }
        }
    }
}
