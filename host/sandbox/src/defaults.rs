//! Defaults of built-in kinds, as the scheme of a real server sets them.

mod pod;
mod workload;

use serde_json::{Value, json};

use crate::resources::Resource;
use crate::value::{Get, items_mut, map_at, object, set};

pub(crate) use pod::{quality_class, scheduling_gated};
pub(crate) use workload::job_labels;

/// Sets a value if there is none; a null, empty text or zero counts as none.
pub(super) fn default(value: &mut Value, path: &[&str], new: impl Into<Value>) {
    let missing = match value.at(path) {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        _ => false,
    };
    if missing {
        set(value, path, new);
    }
}

/// The same where zero counts as none too.
pub(super) fn default_number(value: &mut Value, path: &[&str], new: i64) {
    if value.int(path).unwrap_or(0) == 0 && !value.at(path).is_some_and(Value::is_string) {
        set(value, path, new);
    }
}

pub(super) fn has(value: &Value, path: &[&str]) -> bool {
    value.at(path).is_some_and(|v| !v.is_null())
}

/// Defaults of an object in the version of its request.
pub(crate) fn apply(resource: &Resource, value: &mut Value) {
    let labels = value.at(&["metadata", "labels"]).cloned();
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "pods") => {
            let spec = map_at(value, &["spec"]);
            let mut inner = Value::Object(std::mem::take(spec));
            pod::own_spec(&mut inner);
            set(value, &["spec"], inner);
        }
        ("", "podtemplates") => with(value, &["template"], pod::template),
        ("", "services") => service(value),
        ("", "secrets") => secret(value),
        ("", "configmaps") => {}
        ("", "endpoints") => endpoints(value),
        ("", "nodes") => {
            let capacity = value.at(&["status", "capacity"]).cloned();
            if let Some(capacity) = capacity.filter(|_| !has(value, &["status", "allocatable"])) {
                set(value, &["status", "allocatable"], capacity);
            }
            // The one range is the first of all of them.
            let one = value.text(&["spec", "podCIDR"]).to_owned();
            let first = value.items(&["spec", "podCIDRs"]).first().and_then(Value::as_str).map(str::to_owned);
            if !one.is_empty() && first.as_deref() != Some(&*one) {
                set(value, &["spec", "podCIDRs"], json!([one]));
            } else if let Some(first) = first.filter(|_| one.is_empty()) {
                set(value, &["spec", "podCIDR"], first);
            }
        }
        ("", "namespaces") => {
            let name = value.text(&["metadata", "name"]).to_string();
            if !name.is_empty() {
                set(value, &["metadata", "labels", "kubernetes.io/metadata.name"], name);
            }
        }
        ("", "persistentvolumes") => {
            default(value, &["status", "phase"], "Pending");
            default(value, &["spec", "persistentVolumeReclaimPolicy"], "Retain");
            default(value, &["spec", "volumeMode"], "Filesystem");
            if has(value, &["spec", "hostPath"]) && !has(value, &["spec", "hostPath", "type"]) {
                set(value, &["spec", "hostPath", "type"], "");
            }
        }
        ("", "persistentvolumeclaims") => {
            default(value, &["status", "phase"], "Pending");
            default(value, &["spec", "volumeMode"], "Filesystem");
        }
        ("", "replicationcontrollers") => {
            workload::copy_labels(value, labels.as_ref());
            if !has(value, &["spec", "replicas"]) {
                set(value, &["spec", "replicas"], 1);
            }
            with(value, &["spec", "template"], pod::template);
        }
        ("", "limitranges") => workload::limit_range(value),
        ("apps", _) => workload::apps(&resource.plural, value),
        ("batch", "jobs") => with(value, &["spec"], workload::job_spec),
        ("batch", "cronjobs") => workload::cron_job(value),
        ("autoscaling", _) => workload::autoscaler(&resource.version, value),
        ("networking.k8s.io", "networkpolicies") => network_policy(value),
        ("networking.k8s.io", "ingressclasses") if has(value, &["spec", "parameters"]) => {
            default(value, &["spec", "parameters", "scope"], "Cluster");
        }
        ("policy", _) => {}
        ("rbac.authorization.k8s.io", _) => rbac(value),
        ("storage.k8s.io", "storageclasses") => {
            default(value, &["reclaimPolicy"], "Delete");
            default(value, &["volumeBindingMode"], "Immediate");
        }
        ("storage.k8s.io", "csidrivers") => {
            for (field, new) in [
                ("attachRequired", json!(true)),
                ("podInfoOnMount", json!(false)),
                ("storageCapacity", json!(false)),
                ("fsGroupPolicy", json!("ReadWriteOnceWithFSType")),
                ("volumeLifecycleModes", json!(["Persistent"])),
                ("requiresRepublish", json!(false)),
                ("seLinuxMount", json!(false)),
            ] {
                if !has(value, &["spec", field]) {
                    set(value, &["spec", field], new);
                }
            }
        }
        ("scheduling.k8s.io", _) => default(value, &["preemptionPolicy"], "PreemptLowerPriority"),
        ("discovery.k8s.io", _) => {
            for port in items_mut(value, &["ports"]).into_iter().flatten() {
                if !has(port, &["name"]) {
                    set(port, &["name"], "");
                }
                default(port, &["protocol"], "TCP");
            }
        }
        ("admissionregistration.k8s.io", _) => admission(&resource.plural, value),
        ("apiextensions.k8s.io", _) => {
            crate::crd::default_names(value);
            called(value, &["spec", "conversion", "webhook", "clientConfig", "service"]);
        }
        ("apiregistration.k8s.io", _) if has(value, &["spec", "service"]) => {
            default_number(value, &["spec", "service", "port"], 443);
        }
        ("certificates.k8s.io", _) => {}
        ("flowcontrol.apiserver.k8s.io", "flowschemas") => {
            default_number(value, &["spec", "matchingPrecedence"], 1000);
        }
        ("flowcontrol.apiserver.k8s.io", _) => priority_level(value),
        ("resource.k8s.io", "resourceclaims") => device_requests(value, &["spec", "devices", "requests"]),
        ("resource.k8s.io", "resourceclaimtemplates") => {
            device_requests(value, &["spec", "spec", "devices", "requests"]);
        }
        _ => {}
    }
}

/// Defaults of an object in its stored version.
pub(crate) fn apply_stored(resource: &Resource, value: &mut Value) {
    if resource.group == resource.stored_as.0 && resource.version == resource.stored_as.1 {
        apply(resource, value);
    } else if resource.plural == "horizontalpodautoscalers" {
        workload::autoscaler("v2", value);
    }
}

/// Changes what lies under keys, if it is a map.
pub(super) fn with(value: &mut Value, path: &[&str], change: impl Fn(&mut Value)) {
    let mut here = value;
    for key in path {
        match here.get_mut(*key) {
            Some(next) => here = next,
            None => return,
        }
    }
    if here.is_object() {
        change(here);
    }
}

fn service(value: &mut Value) {
    default(value, &["spec", "sessionAffinity"], "None");
    if value.text(&["spec", "sessionAffinity"]) == "None" {
        map_at(value, &["spec"]).remove("sessionAffinityConfig");
    }
    if value.text(&["spec", "sessionAffinity"]) == "ClientIP"
        && !has(value, &["spec", "sessionAffinityConfig", "clientIP", "timeoutSeconds"])
    {
        set(value, &["spec", "sessionAffinityConfig"], json!({"clientIP": {"timeoutSeconds": 10800}}));
    }
    default(value, &["spec", "type"], "ClusterIP");
    for port in items_mut(value, &["spec", "ports"]).into_iter().flatten() {
        default(port, &["protocol"], "TCP");
        let target = &port["targetPort"];
        if target.is_null() || *target == 0 || *target == "" {
            let number = port["port"].clone();
            set(port, &["targetPort"], number);
        }
    }
    let kind = value.text(&["spec", "type"]).to_string();
    let outside = matches!(kind.as_str(), "NodePort" | "LoadBalancer");
    if outside || (kind == "ClusterIP" && !value.items(&["spec", "externalIPs"]).is_empty()) {
        default(value, &["spec", "externalTrafficPolicy"], "Cluster");
    }
    if kind != "ExternalName" {
        default(value, &["spec", "internalTrafficPolicy"], "Cluster");
    }
    if kind == "LoadBalancer" && !has(value, &["spec", "allocateLoadBalancerNodePorts"]) {
        set(value, &["spec", "allocateLoadBalancerNodePorts"], true);
    }
}

fn secret(value: &mut Value) {
    use base64::Engine;
    default(value, &["type"], "Opaque");
    if let Some(Value::Object(texts)) = object(value).remove("stringData") {
        for (key, text) in texts {
            let encoded = base64::engine::general_purpose::STANDARD.encode(text.as_str().unwrap_or_default());
            set(value, &["data", &key], encoded);
        }
    }
}

fn endpoints(value: &mut Value) {
    for subset in items_mut(value, &["subsets"]).into_iter().flatten() {
        for port in items_mut(subset, &["ports"]).into_iter().flatten() {
            default(port, &["protocol"], "TCP");
        }
    }
}

fn network_policy(value: &mut Value) {
    for rules in ["ingress", "egress"] {
        for rule in items_mut(value, &["spec", rules]).into_iter().flatten() {
            for port in items_mut(rule, &["ports"]).into_iter().flatten() {
                default(port, &["protocol"], "TCP");
            }
        }
    }
    if value.items(&["spec", "policyTypes"]).is_empty() {
        let mut types = vec!["Ingress"];
        if value.at(&["spec", "egress"]).is_some_and(Value::is_array) {
            types.push("Egress");
        }
        set(value, &["spec", "policyTypes"], types);
    }
}

fn rbac(value: &mut Value) {
    const GROUP: &str = "rbac.authorization.k8s.io";
    if has(value, &["roleRef"]) {
        default(value, &["roleRef", "apiGroup"], GROUP);
    }
    for subject in items_mut(value, &["subjects"]).into_iter().flatten() {
        if matches!(subject.text(&["kind"]), "User" | "Group") {
            default(subject, &["apiGroup"], GROUP);
        }
    }
}

fn admission(plural: &str, value: &mut Value) {
    if plural.ends_with("policies") {
        default(value, &["spec", "failurePolicy"], "Fail");
        with(value, &["spec", "matchConstraints"], matched);
    } else if plural.ends_with("policybindings") {
        with(value, &["spec", "matchResources"], matched);
    }
    for hook in items_mut(value, &["webhooks"]).into_iter().flatten() {
        default(hook, &["failurePolicy"], "Fail");
        matched(hook);
        if !has(hook, &["timeoutSeconds"]) {
            set(hook, &["timeoutSeconds"], 10);
        }
        if plural == "mutatingwebhookconfigurations" {
            default(hook, &["reinvocationPolicy"], "Never");
        }
        called(hook, &["clientConfig", "service"]);
    }
}

/// What hooks and policies say about the objects they are for.
fn matched(holder: &mut Value) {
    default(holder, &["matchPolicy"], "Equivalent");
    for selector in ["namespaceSelector", "objectSelector"] {
        if !has(holder, &[selector]) {
            set(holder, &[selector], json!({}));
        }
    }
    for rules in ["rules", "resourceRules", "excludeResourceRules"] {
        for rule in items_mut(holder, &[rules]).into_iter().flatten() {
            default(rule, &["scope"], "*");
        }
    }
}

/// The port of a service that a server calls.
fn called(holder: &mut Value, path: &[&str]) {
    let port: Vec<&str> = path.iter().copied().chain(["port"]).collect();
    if has(holder, path) && !has(holder, &port) {
        set(holder, &port, 443);
    }
}

fn priority_level(value: &mut Value) {
    let kind = value.text(&["spec", "type"]).to_owned();
    with(value, &["spec", "exempt"], |exempt| {
        for field in ["nominalConcurrencyShares", "lendablePercent"] {
            if !has(exempt, &[field]) {
                set(exempt, &[field], 0);
            }
        }
    });
    if kind == "Limited" {
        with(value, &["spec", "limited"], |limited| {
            for (field, new) in [("nominalConcurrencyShares", 30), ("lendablePercent", 0)] {
                if !has(limited, &[field]) {
                    set(limited, &[field], new);
                }
            }
            with(limited, &["limitResponse", "queuing"], |queuing| {
                for (field, new) in [("handSize", 8), ("queues", 64), ("queueLengthLimit", 50)] {
                    default_number(queuing, &[field], new);
                }
            });
        });
    }
}

fn device_requests(value: &mut Value, path: &[&str]) {
    for request in items_mut(value, path).into_iter().flatten() {
        with(request, &["exactly"], device_request);
        for inner in items_mut(request, &["firstAvailable"]).into_iter().flatten() {
            device_request(inner);
        }
    }
}

fn device_request(request: &mut Value) {
    default(request, &["allocationMode"], "ExactCount");
    if request.text(&["allocationMode"]) == "ExactCount" {
        default_number(request, &["count"], 1);
    }
    for toleration in items_mut(request, &["tolerations"]).into_iter().flatten() {
        default(toleration, &["operator"], "Equal");
    }
}
