//! Containers of pods.

mod env;
mod mounts;
mod probes;
pub(super) mod resources;
mod security;

use std::collections::HashSet;

use serde_json::Value;

use super::common::{has, one_of, port, problems};
use super::volume::Volumes;
use crate::names;
use crate::status::Cause;
use crate::value::Get;

pub(super) use env::{field_reference, resource_reference};
pub(super) use resources::of_overhead as overhead;
pub(super) use resources::{amount, any_name, container_name};
pub(super) use security::{app_armor, id, seccomp};

/// What containers of one pod share.
struct Around<'a> {
    spec: &'a Value,
    volumes: &'a Volumes,
    claims: Vec<&'a str>,
}

/// All containers of a specification.
pub(super) fn of_spec(spec: &Value, at: &str, volumes: &Volumes, causes: &mut Vec<Cause>) {
    let claims = spec.items(&["resourceClaims"]).iter().map(|claim| claim.text(&["name"]));
    let around = Around { spec, volumes, claims: claims.filter(|name| !name.is_empty()).collect() };
    let containers = spec.items(&["containers"]);
    if containers.is_empty() {
        causes.push(Cause::required(format!("{at}.containers"), ""));
    }
    let mut seen: HashSet<&str> = HashSet::new();
    for (i, container) in containers.iter().enumerate() {
        let at = format!("{at}.containers[{i}]");
        one(container, &at, &around, causes);
        unique(container, &at, &mut seen, causes);
        probes::of_container(container, spec, &at, causes);
        restart_rules(container, &at, causes);
    }
    host_ports(containers, &format!("{at}.containers"), causes);
    for (i, container) in spec.items(&["initContainers"]).iter().enumerate() {
        let list = format!("{at}.initContainers");
        let at = format!("{list}[{i}]");
        one(container, &at, &around, causes);
        restart_rules(container, &at, causes);
        unique(container, &at, &mut seen, causes);
        host_ports(std::slice::from_ref(container), &list, causes);
        let sidecar = container.text(&["restartPolicy"]) == "Always";
        if sidecar {
            probes::of_container(container, spec, &at, causes);
        } else {
            only_sidecar(container, &at, causes);
        }
    }
    ephemeral(&around, at, &seen, causes);
}

/// The ephemeral containers of a specification alone.
pub(super) fn ephemeral_of(spec: &Value, at: &str, volumes: &Volumes, causes: &mut Vec<Cause>) {
    let claims = spec.items(&["resourceClaims"]).iter().map(|claim| claim.text(&["name"]));
    let around = Around { spec, volumes, claims: claims.filter(|name| !name.is_empty()).collect() };
    let others: HashSet<&str> = ["containers", "initContainers"]
        .iter()
        .flat_map(|list| spec.items(&[list]))
        .map(|container| container.text(&["name"]))
        .collect();
    ephemeral(&around, at, &others, causes);
}

/// What containers that run to their end do not have.
fn only_sidecar(container: &Value, at: &str, causes: &mut Vec<Cause>) {
    for field in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
        if has(container, &[field]) {
            let text = "may not be set for init containers without restartPolicy=Always";
            causes.push(Cause::forbidden(format!("{at}.{field}"), text));
        }
    }
    for (i, policy) in container.items(&["resizePolicy"]).iter().enumerate() {
        if policy.text(&["restartPolicy"]) == "RestartContainer" {
            let text = "must not be set to 'RestartContainer' for non-sidecar initContainers";
            let field = format!("{at}.resizePolicy[{i}].restartPolicy");
            causes.push(Cause::invalid(field, &"RestartContainer".into(), text));
        }
    }
}

fn ephemeral(around: &Around<'_>, at: &str, others: &HashSet<&str>, causes: &mut Vec<Cause>) {
    const FORBIDDEN: [&str; 7] = [
        "ports",
        "resources",
        "resizePolicy",
        "livenessProbe",
        "readinessProbe",
        "startupProbe",
        "lifecycle",
    ];
    let mut seen = others.clone();
    for (i, container) in around.spec.items(&["ephemeralContainers"]).iter().enumerate() {
        let at = format!("{at}.ephemeralContainers[{i}]");
        one(container, &at, around, causes);
        unique(container, &at, &mut seen, causes);
        let target = container.text(&["targetContainerName"]);
        if !target.is_empty() && !others.contains(target) {
            causes.push(Cause::not_found(format!("{at}.targetContainerName"), &target.into()));
        }
        let text = "cannot be set for an Ephemeral Container";
        for field in FORBIDDEN {
            let set = match &container[field] {
                Value::Object(map) => !map.is_empty() || field != "resources",
                Value::Array(list) => !list.is_empty(),
                _ => false,
            };
            if set {
                causes.push(Cause::forbidden(format!("{at}.{field}"), text));
            }
        }
        for (j, mount) in container.items(&["volumeMounts"]).iter().enumerate() {
            for field in ["subPath", "subPathExpr"] {
                if !mount.text(&[field]).is_empty() {
                    causes.push(Cause::forbidden(format!("{at}.volumeMounts[{j}].{field}"), text));
                }
            }
        }
    }
}

fn unique<'a>(container: &'a Value, at: &str, seen: &mut HashSet<&'a str>, causes: &mut Vec<Cause>) {
    let name = container.text(&["name"]);
    if !name.is_empty() && !seen.insert(name) {
        causes.push(Cause::duplicate(format!("{at}.name"), &name.into()));
    }
}

fn one(container: &Value, at: &str, around: &Around<'_>, causes: &mut Vec<Cause>) {
    let name = container.text(&["name"]);
    if name.is_empty() {
        causes.push(Cause::required(format!("{at}.name"), ""));
    } else {
        causes.extend(problems(names::dns1123_label(name), &format!("{at}.name"), name));
    }
    let image = container.text(&["image"]);
    if image.is_empty() {
        causes.push(Cause::required(format!("{at}.image"), ""));
    }
    one_of(container, "terminationMessagePolicy", at, &["File", "FallbackToLogsOnError"], causes);
    ports(container, at, around.spec["hostNetwork"] == true, causes);
    env::of_container(container, at, causes);
    mounts::of_container(container, at, around.volumes, causes);
    one_of(container, "imagePullPolicy", at, &["Always", "IfNotPresent", "Never"], causes);
    resources::of_container(&container["resources"], &around.claims, &format!("{at}.resources"), causes);
    resize(container, around.spec, at, causes);
    let private = around.spec["hostUsers"] == false;
    security::of_container(&container["securityContext"], private, &format!("{at}.securityContext"), causes);
    if image.trim() != image && !image.is_empty() {
        let text = "must not have leading or trailing whitespace";
        causes.push(Cause::invalid(format!("{at}.image"), &image.into(), text));
    }
}

fn resize(container: &Value, spec: &Value, at: &str, causes: &mut Vec<Cause>) {
    let field = format!("{at}.resizePolicy");
    let policies = container.items(&["resizePolicy"]);
    for (i, policy) in policies.iter().enumerate() {
        let (name, restart) = (policy.text(&["resourceName"]), policy.text(&["restartPolicy"]));
        if policies[..i].iter().any(|other| other.text(&["resourceName"]) == name) {
            causes.push(Cause::duplicate(format!("{field}[{i}]"), &name.into()));
        }
        for (text, supported) in [(name, ["cpu", "memory"]), (restart, ["NotRequired", "RestartContainer"])] {
            if text.is_empty() {
                causes.push(Cause::required(field.clone(), ""));
            } else if !supported.contains(&text) {
                causes.push(Cause::unsupported(field.clone(), &text.into(), &supported));
            }
        }
        if spec.text(&["restartPolicy"]) == "Never" && restart != "NotRequired" {
            let text = "must be 'NotRequired' when pod `restartPolicy` is 'Never'";
            causes.push(Cause::invalid(field.clone(), &restart.into(), text));
        }
    }
}

fn restart_rules(container: &Value, at: &str, causes: &mut Vec<Cause>) {
    let rules = container.items(&["restartPolicyRules"]);
    if has(container, &["restartPolicy"]) {
        one_of(container, "restartPolicy", at, &["Always", "Never", "OnFailure"], causes);
    } else if !rules.is_empty() {
        let text = "must specify restartPolicy when restart rules are used";
        causes.push(Cause::required(format!("{at}.restartPolicy"), text));
    }
    if rules.len() > 20 {
        causes.push(Cause::too_many(format!("{at}.restartPolicyRules"), rules.len(), 20));
    }
    for (i, rule) in rules.iter().enumerate() {
        let at = format!("{at}.restartPolicyRules[{i}]");
        let action = rule.text(&["action"]);
        const ACTIONS: [&str; 2] = ["Restart", "RestartAllContainers"];
        if !ACTIONS.contains(&action) {
            causes.push(Cause::unsupported(format!("{at}.action"), &action.into(), &ACTIONS));
        }
        let codes = &rule["exitCodes"];
        if !codes.is_object() {
            causes.push(Cause::required(format!("{at}.exitCodes"), "must be specified"));
            continue;
        }
        let operator = codes.text(&["operator"]);
        if !["In", "NotIn"].contains(&operator) {
            let field = format!("{at}.exitCodes.operator");
            causes.push(Cause::unsupported(field, &operator.into(), &["In", "NotIn"]));
        }
        if codes.items(&["values"]).len() > 255 {
            let count = codes.items(&["values"]).len();
            causes.push(Cause::too_many(format!("{at}.exitCodes.values"), count, 255));
        }
    }
}

fn ports(container: &Value, at: &str, host: bool, causes: &mut Vec<Cause>) {
    let mut seen: HashSet<&str> = HashSet::new();
    for (i, entry) in container.items(&["ports"]).iter().enumerate() {
        let at = format!("{at}.ports[{i}]");
        let name = entry.text(&["name"]);
        if !name.is_empty() {
            let field = format!("{at}.name");
            let found = names::port_name(name);
            if found.is_empty() && !seen.insert(name) {
                causes.push(Cause::duplicate(field, &name.into()));
            } else {
                causes.extend(problems(found, &field, name));
            }
        }
        match entry.int(&["containerPort"]).unwrap_or(0) {
            0 => causes.push(Cause::required(format!("{at}.containerPort"), "")),
            number => port(number, &format!("{at}.containerPort"), causes),
        }
        let on_host = entry.int(&["hostPort"]).unwrap_or(0);
        if on_host != 0 {
            port(on_host, &format!("{at}.hostPort"), causes);
            if host && Some(on_host) != entry.int(&["containerPort"]) {
                let text = "must match `containerPort` when `hostNetwork` is true";
                causes.push(Cause::invalid(format!("{at}.hostPort"), &on_host.into(), text));
            }
        }
        one_of(entry, "protocol", &at, &["SCTP", "TCP", "UDP"], causes);
    }
}

/// Ports of the host that containers of one list share; `at` is the list.
fn host_ports(containers: &[Value], at: &str, causes: &mut Vec<Cause>) {
    let mut seen: HashSet<String> = HashSet::new();
    for (i, container) in containers.iter().enumerate() {
        for (j, entry) in container.items(&["ports"]).iter().enumerate() {
            let number = entry.int(&["hostPort"]).unwrap_or(0);
            if number == 0 {
                continue;
            }
            let key = format!("{}/{}/{number}", entry.text(&["protocol"]), entry.text(&["hostIP"]));
            if !seen.insert(key.clone()) {
                causes.push(Cause::duplicate(format!("{at}[{i}].ports[{j}].hostPort"), &key.into()));
            }
        }
    }
}

/// References to files of empty volumes.
pub(super) fn file_references(spec: &Value, at: &str, causes: &mut Vec<Cause>) {
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for (i, container) in spec.items(&[list]).iter().enumerate() {
            for (j, entry) in container.items(&["env"]).iter().enumerate() {
                let reference = &entry["valueFrom"]["fileKeyRef"];
                if !reference.is_object() {
                    continue;
                }
                let name = reference.text(&["volumeName"]);
                let field = format!("{at}.{list}[{i}].env[{j}].valueFrom.fileKeyRef.volumeName");
                let volumes = spec.items(&["volumes"]);
                match volumes.iter().rev().find(|volume| volume.text(&["name"]) == name) {
                    None => causes.push(Cause::not_found(field, &name.into())),
                    Some(volume) if !has(volume, &["emptyDir"]) => {
                        let text = "referenced volume must be of type emptyDir";
                        causes.push(Cause::invalid(field, &name.into(), text));
                    }
                    Some(_) => {}
                }
            }
        }
    }
}
