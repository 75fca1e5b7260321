//! Pods by the baseline of the Pod Security Standards: more needs the right to privileged pods.

use osc_plugin_api::documents::object::ObjectRef;
use serde_json::Value;

use super::{Checker, Verdict};

const BASELINE_CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];
const SAFE_SYSCTLS: [&str; 11] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_rmem",
];

/// Judges the pods of an object of any kind that has them.
pub(super) fn check(checker: &Checker<'_>, placed: &ObjectRef, object: &Value) -> Verdict {
    if checker.privileged(placed) {
        return Ok(());
    }
    match specs(object).into_iter().find_map(beyond_baseline) {
        Some(what) => Err(format!("{what} needs the right to privileged pods")),
        None => Ok(()),
    }
}

/// Pod specs of the built-in kinds, and those that custom resources keep under the usual names.
fn specs(object: &Value) -> Vec<&Value> {
    let spec = &object["spec"];
    let places = [
        (object["kind"] == "Pod").then_some(spec),
        spec.pointer("/template/spec"),
        spec.pointer("/jobTemplate/spec/template/spec"),
        object.pointer("/template/spec"),
        spec.pointer("/podTemplate/spec"),
    ];
    places.into_iter().flatten().filter(|spec| spec.is_object()).collect()
}

/// All images that an object's pods run.
pub(in crate::operations) fn images(object: &Value) -> Vec<String> {
    let containers = specs(object).into_iter().flat_map(containers);
    containers.filter_map(|container| container["image"].as_str()).map(str::to_owned).collect()
}

fn containers(spec: &Value) -> impl Iterator<Item = &Value> {
    ["initContainers", "containers", "ephemeralContainers"]
        .into_iter()
        .flat_map(|list| spec[list].as_array().into_iter().flatten())
}

/// The first thing in a pod spec that the baseline forbids.
fn beyond_baseline(spec: &Value) -> Option<String> {
    for key in ["hostNetwork", "hostPID", "hostIPC"] {
        if truthy(&spec[key]) {
            return Some(format!("`{key}`"));
        }
    }
    if let Some(volume) =
        spec["volumes"].as_array().into_iter().flatten().find(|volume| !volume["hostPath"].is_null())
    {
        return Some(format!("the `hostPath` volume `{}`", volume["name"].as_str().unwrap_or_default()));
    }
    let sysctls = spec["securityContext"]["sysctls"].as_array().into_iter().flatten();
    if let Some(name) =
        sysctls.filter_map(|sysctl| sysctl["name"].as_str()).find(|name| !SAFE_SYSCTLS.contains(name))
    {
        return Some(format!("the sysctl `{name}`"));
    }
    if let Some(what) = context(&spec["securityContext"]) {
        return Some(what);
    }
    containers(spec).find_map(|container| {
        let name = container["name"].as_str().unwrap_or_default();
        container_beyond(container).map(|what| format!("{what} of container `{name}`"))
    })
}

fn container_beyond(container: &Value) -> Option<String> {
    let security = &container["securityContext"];
    if truthy(&security["privileged"]) {
        return Some("`privileged`".into());
    }
    let added = security["capabilities"]["add"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let bare = |name: &str| name.trim_start_matches("CAP_").to_ascii_uppercase();
    if let Some(name) = added.into_iter().find(|name| !BASELINE_CAPABILITIES.contains(&bare(name).as_str())) {
        return Some(format!("the capability `{name}`"));
    }
    let ports = container["ports"].as_array().into_iter().flatten();
    if let Some(port) = ports.filter_map(|port| port["hostPort"].as_i64()).find(|port| *port != 0) {
        return Some(format!("the host port `{port}`"));
    }
    if security["procMount"].as_str().is_some_and(|mount| mount != "Default") {
        return Some("`procMount`".into());
    }
    for handler in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if container[handler]["httpGet"]["host"].as_str().is_some_and(|host| !host.is_empty()) {
            return Some(format!("the host of `{handler}`"));
        }
    }
    context(security)
}

/// What pods and containers have in common.
fn context(security: &Value) -> Option<String> {
    if truthy(&security["windowsOptions"]["hostProcess"]) {
        return Some("`windowsOptions.hostProcess`".into());
    }
    for profile in ["seccompProfile", "appArmorProfile"] {
        if security[profile]["type"] == "Unconfined" {
            return Some(format!("an unconfined `{profile}`"));
        }
    }
    let options = &security["seLinuxOptions"];
    let known = ["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];
    let odd_type = options["type"].as_str().is_some_and(|kind| !known.contains(&kind));
    let set = |key: &str| options[key].as_str().is_some_and(|value| !value.is_empty());
    if odd_type || set("user") || set("role") {
        return Some("`seLinuxOptions`".into());
    }
    None
}

/// The API server refuses a text where a truth value belongs, but nothing hangs on that here.
fn truthy(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}
