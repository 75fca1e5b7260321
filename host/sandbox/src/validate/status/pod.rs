//! Statuses of pods.

use std::net::IpAddr;

use serde_json::Value;

use super::super::common::{IMMUTABLE, address, has, problems};
use crate::names;
use crate::status::Cause;
use crate::value::Get;

/// What is wrong with the changed status of a pod.
pub(super) fn of_update(live: &Value, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let (old, status) = (&live["status"], &value["status"]);
    for (i, condition) in status.items(&["conditions"]).iter().enumerate() {
        let at = format!("status.conditions[{i}]");
        generation(condition, &format!("{at}.observedGeneration"), &mut causes);
        let kind = condition.text(&["type"]);
        if !matches!(kind, "PodScheduled" | "Ready" | "Initialized") {
            causes.extend(problems(names::qualified_name(kind), &format!("{at}.Type"), kind));
        }
    }
    let nominated = status.text(&["nominatedNodeName"]);
    if !nominated.is_empty() && nominated != old.text(&["nominatedNodeName"]) {
        let field = "status.nominatedNodeName";
        causes.extend(problems(names::dns1123_subdomain(nominated), field, nominated));
        if !live.text(&["spec", "nodeName"]).is_empty() {
            let text = "may not be set on pods that are already bound to a node";
            causes.push(Cause::forbidden(field, text));
        }
    }
    generation(status, "status.observedGeneration", &mut causes);
    if status.text(&["qosClass"]) != old.text(&["qosClass"]) {
        let class = status.text(&["qosClass"]);
        causes.push(Cause::invalid("status.qosClass", &class.into(), IMMUTABLE));
    }
    for (kind, containers) in
        [("containerStatuses", Some("containers")), ("initContainerStatuses", Some("initContainers"))]
            .into_iter()
            .chain([("ephemeralContainerStatuses", None)])
    {
        states(&live["spec"], containers, kind, old, status, &mut causes);
    }
    for (i, ip) in status.items(&["podIPs"]).iter().enumerate() {
        address(ip.text(&["ip"]), &format!("status.podIPs[{i}]"), &mut causes);
    }
    families(status, "podIPs", &mut causes);
    if let Some(first) = status.items(&["hostIPs"]).first() {
        if status.text(&["hostIP"]) != first.text(&["ip"]) {
            let text = "must be equal to `hostIP`";
            causes.push(Cause::invalid("status.hostIPs[0].ip", &first["ip"], text));
        }
        for (i, ip) in status.items(&["hostIPs"]).iter().enumerate() {
            address(ip.text(&["ip"]), &format!("status.hostIPs[{i}]"), &mut causes);
        }
        families(status, "hostIPs", &mut causes);
    }
    causes
}

fn generation(value: &Value, field: &str, causes: &mut Vec<Cause>) {
    if let Some(number) = value.int(&["observedGeneration"]).filter(|n| *n < 0) {
        causes.push(Cause::invalid(field, &number.into(), "must be a non-negative integer"));
    }
}

/// At most one address of each family.
fn families(status: &Value, key: &str, causes: &mut Vec<Cause>) {
    let all = status.items(&[key]);
    if all.len() < 2 {
        return;
    }
    let broken = all.iter().enumerate().find(|(_, ip)| ip.text(&["ip"]).parse::<IpAddr>().is_err());
    if let Some((i, ip)) = broken {
        let text = format!(
            "Internal error: failed to check for dual stack with error:invalid IP[{i}]: {}",
            ip.text(&["ip"])
        );
        causes.push(Cause::other(format!("status.{key}"), "InternalError", text));
    }
    let parsed: Vec<IpAddr> = all.iter().filter_map(|ip| ip.text(&["ip"]).parse().ok()).collect();
    let both = parsed.iter().any(IpAddr::is_ipv4) && parsed.iter().any(IpAddr::is_ipv6);
    if !both || all.len() > 2 {
        let shown: Vec<String> =
            all.iter().map(|ip| format!("{{\"IP\":{}}}", Value::from(ip.text(&["ip"])))).collect();
        let text = format!(
            "Invalid value: [{}]: may specify no more than one IP for each IP family",
            shown.join(",")
        );
        causes.push(Cause::other(format!("status.{key}"), "FieldValueInvalid", text));
    }
}

/// A container that ended for good may not be shown as alive again.
fn states(
    spec: &Value,
    containers: Option<&str>,
    kind: &str,
    old: &Value,
    status: &Value,
    causes: &mut Vec<Cause>,
) {
    for (i, before) in old.items(&[kind]).iter().enumerate() {
        let Some(ended) = before.at(&["state", "terminated"]).filter(|t| !t.is_null()) else { continue };
        let name = before.text(&["name"]);
        let now = status.items(&[kind]).iter().find(|s| s.text(&["name"]) == name);
        if now.is_none_or(|now| has(now, &["state", "terminated"])) {
            continue;
        }
        let container = containers
            .and_then(|key| spec.items(&[key]).iter().find(|container| container.text(&["name"]) == name));
        let restarts = container.is_some_and(|container| {
            let code = ended.int(&["exitCode"]).unwrap_or(0);
            match container.text(&["restartPolicy"]) {
                "" => restarts(spec.text(&["restartPolicy"]), code),
                own => rule(container, code).unwrap_or_else(|| restarts(own, code)),
            }
        });
        if !restarts {
            let text = "may not be transitioned to non-terminated state";
            causes.push(Cause::forbidden(format!("status.{kind}[{i}].state"), text));
        }
    }
}

fn restarts(policy: &str, code: i64) -> bool {
    match policy {
        "Never" => false,
        "OnFailure" => code != 0,
        _ => true,
    }
}

/// What a rule of the container says about an exit code.
fn rule(container: &Value, code: i64) -> Option<bool> {
    let rules = container.items(&["restartPolicyRules"]).iter();
    let mut applies = rules.filter(|rule| {
        let listed = rule.items(&["exitCodes", "values"]).iter().any(|v| v.as_i64() == Some(code));
        listed == (rule.text(&["exitCodes", "operator"]) == "In")
    });
    applies.next().map(|rule| rule.text(&["action"]).starts_with("Restart"))
}
