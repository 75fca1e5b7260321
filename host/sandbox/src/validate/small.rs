//! Kinds with few rules.

use serde_json::{Value, json};

use super::common::{IMMUTABLE, has, ip, not_negative, one_of, port, problems, quantity};
use crate::names;
use crate::resources::Resource;
use crate::status::Cause;
use crate::value::Get;

/// The largest ConfigMap or Secret.
const LARGEST: usize = 1024 * 1024;

fn keys(value: &Value, field: &str, causes: &mut Vec<Cause>) -> usize {
    let mut size = 0;
    for (key, text) in value[field].as_object().into_iter().flatten() {
        causes.extend(problems(names::config_key(key), &format!("{field}[{key}]"), key));
        size += text.as_str().map_or(0, str::len);
    }
    size
}

pub(super) fn config_map(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut size = 0;
    for (key, text) in value["data"].as_object().into_iter().flatten() {
        let field = format!("data[{key}]");
        causes.extend(problems(names::config_key(key), &field, key));
        if has(value, &["binaryData", key]) {
            causes.push(Cause::invalid(
                field,
                &key.as_str().into(),
                "duplicate of key present in binaryData",
            ));
        }
        size += text.as_str().map_or(0, str::len);
    }
    // Binary data counts unpacked: three bytes for four letters.
    size += keys(value, "binaryData", &mut causes) / 4 * 3;
    if size > LARGEST {
        causes.push(Cause::too_long("[]", LARGEST));
    }
    causes
}

pub(super) fn secret(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let size = keys(value, "data", &mut causes) / 4 * 3;
    if size > LARGEST {
        causes.push(Cause::too_long("data", LARGEST));
    }
    let needed: &[&str] = match value.text(&["type"]) {
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/basic-auth" => {
            if !has(value, &["data", "username"]) && !has(value, &["data", "password"]) {
                causes.push(Cause::required("data[username]", ""));
                causes.push(Cause::required("data[password]", ""));
            }
            &[]
        }
        "kubernetes.io/service-account-token" => {
            if value.text(&["metadata", "annotations", "kubernetes.io/service-account.name"]).is_empty() {
                let field = "metadata.annotations[kubernetes.io/service-account.name]";
                causes.push(Cause::required(field, ""));
            }
            &[]
        }
        _ => &[],
    };
    for key in needed {
        let Some(text) = value.at(&["data", key]).and_then(Value::as_str) else {
            causes.push(Cause::required(format!("data[{key}]"), ""));
            continue;
        };
        if key.starts_with(".docker") {
            use base64::Engine;
            let data = base64::engine::general_purpose::STANDARD.decode(text).unwrap_or_default();
            if let Err(error) = crate::json::parse(&data, &mut Vec::new()) {
                let shown = "<secret contents redacted>".into();
                causes.push(Cause::invalid(format!("data[{key}]"), &shown, &error));
            }
        }
    }
    causes
}

/// Endpoints.
pub(super) fn endpoints(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (i, subset) in value.items(&["subsets"]).iter().enumerate() {
        let at = format!("subsets[{i}]");
        if subset.items(&["addresses"]).is_empty() && subset.items(&["notReadyAddresses"]).is_empty() {
            causes.push(Cause::required(at.clone(), "must specify `addresses` or `notReadyAddresses`"));
        }
        for list in ["addresses", "notReadyAddresses"] {
            for (j, address) in subset.items(&[list]).iter().enumerate() {
                let text = address.text(&["ip"]);
                let field = format!("{at}.{list}[{j}].ip");
                ip(text, &field, &mut causes);
                match text.parse::<std::net::IpAddr>() {
                    Err(_) => causes.push(Cause::invalid(field, &text.into(), "must be a valid IP address")),
                    Ok(ip) if ip.is_loopback() => {
                        let rule = "may not be in the loopback range (127.0.0.0/8, ::1/128)";
                        causes.push(Cause::invalid(field, &text.into(), rule));
                    }
                    Ok(_) => {}
                }
            }
        }
        let ports = subset.items(&["ports"]);
        for (j, entry) in ports.iter().enumerate() {
            let at = format!("{at}.ports[{j}]");
            let name = entry.text(&["name"]);
            if name.is_empty() && ports.len() > 1 {
                causes.push(Cause::required(format!("{at}.name"), ""));
            } else if !name.is_empty() {
                causes.extend(problems(names::dns1123_label(name), &format!("{at}.name"), name));
            }
            port(entry.int(&["port"]).unwrap_or(0), &format!("{at}.port"), &mut causes);
            one_of(entry, "protocol", &at, &["SCTP", "TCP", "UDP"], &mut causes);
        }
    }
    causes
}

/// Nodes.
pub(super) fn node(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (i, taint) in value["spec"].items(&["taints"]).iter().enumerate() {
        let at = format!("metadata.taints[{i}]");
        let key = taint.text(&["key"]);
        causes.extend(problems(names::qualified_name(key), &format!("{at}.key"), key));
        let shown = taint.text(&["value"]);
        causes.extend(problems(names::label_value(shown), &format!("{at}.value"), shown));
        match taint.text(&["effect"]) {
            "" => causes.push(Cause::required(format!("{at}.effect"), "")),
            _ => one_of(taint, "effect", &at, &["NoSchedule", "PreferNoSchedule", "NoExecute"], &mut causes),
        }
    }
    for (i, range) in value["spec"].items(&["podCIDRs"]).iter().filter_map(Value::as_str).enumerate() {
        super::network::cidr(range, &format!("spec.podCIDRs[{i}]"), &mut causes);
    }
    causes
}

/// Webhook configurations.
pub(super) fn webhooks(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (i, hook) in value.items(&["webhooks"]).iter().enumerate() {
        let at = format!("webhooks[{i}]");
        let name = hook.text(&["name"]);
        causes.extend(problems(names::dns1123_subdomain(name), &format!("{at}.name"), name));
        if name.split('.').count() < 3 {
            let text = "should be a domain with at least three segments separated by dots";
            causes.push(Cause::invalid(format!("{at}.name"), &name.into(), text));
        }
        for (j, rule) in hook.items(&["rules"]).iter().enumerate() {
            let at = format!("{at}.rules[{j}]");
            const OPERATIONS: [&str; 5] = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
            if rule.items(&["operations"]).is_empty() {
                causes.push(Cause::required(format!("{at}.operations"), ""));
            }
            for (k, operation) in rule.items(&["operations"]).iter().enumerate() {
                if !operation.as_str().is_some_and(|o| OPERATIONS.contains(&o)) {
                    causes.push(Cause::unsupported(format!("{at}.operations[{k}]"), operation, &OPERATIONS));
                }
            }
            for list in ["apiGroups", "apiVersions", "resources"] {
                if rule.items(&[list]).is_empty() {
                    causes.push(Cause::required(format!("{at}.{list}"), ""));
                }
                for (k, item) in rule.items(&[list]).iter().enumerate() {
                    if list != "apiGroups" && *item == "" {
                        causes.push(Cause::required(format!("{at}.{list}[{k}]"), ""));
                    }
                }
            }
        }
        one_of(hook, "failurePolicy", &at, &["Fail", "Ignore"], &mut causes);
        match hook.text(&["sideEffects"]) {
            "" => causes
                .push(Cause::required(format!("{at}.sideEffects"), "must specify one of None, NoneOnDryRun")),
            _ => one_of(hook, "sideEffects", &at, &["None", "NoneOnDryRun"], &mut causes),
        }
        if let Some(seconds) = hook.int(&["timeoutSeconds"])
            && !(1..=30).contains(&seconds)
        {
            let text = "the timeout value must be between 1 and 30 seconds";
            causes.push(Cause::invalid(format!("{at}.timeoutSeconds"), &seconds.into(), text));
        }
        let config = &hook["clientConfig"];
        if has(config, &["url"]) == has(config, &["service"]) {
            let text = "exactly one of url or service is required";
            causes.push(Cause::required(format!("{at}.clientConfig"), text));
        }
        if hook.items(&["admissionReviewVersions"]).is_empty() {
            let text = "must specify one of v1, v1beta1";
            causes.push(Cause::required(format!("{at}.admissionReviewVersions"), text));
        }
    }
    causes
}

/// Changes of immutable ConfigMaps and Secrets, and of a Secret's type.
pub(super) fn immutable(resource: &Resource, live: &Value, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if resource.plural == "secrets" && live.get("type") != value.get("type") {
        causes.push(Cause::invalid("type", &value["type"], IMMUTABLE));
    }
    if live["immutable"] == true {
        let text = "field is immutable when `immutable` is set";
        if value["immutable"] != true {
            causes.push(Cause::forbidden("immutable", text));
        }
        for field in ["data", "binaryData"] {
            if live.get(field) != value.get(field) {
                causes.push(Cause::forbidden(field, text));
            }
        }
    }
    causes
}

const STANDARD: [&str; 21] = [
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
    "storage",
    "pods.count",
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

pub(super) fn quota(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (key, amount) in value["spec"]["hard"].as_object().into_iter().flatten() {
        let field = format!("spec.hard[{key}]");
        let found = names::qualified_name(key);
        causes.extend(problems(found, &field, key));
        let fine = STANDARD.contains(&key.as_str()) || key.contains('/') || key.contains("hugepages-");
        if !fine {
            causes.push(Cause::invalid(
                field.clone(),
                &key.as_str().into(),
                "must be a standard resource for quota",
            ));
        }
        if quantity(amount).is_some_and(|q| q.nano() < 0) {
            causes.push(Cause::invalid(field, amount, super::common::NOT_NEGATIVE));
        }
    }
    let scopes = value["spec"].items(&["scopes"]);
    for scope in scopes {
        if !scope.as_str().is_some_and(|s| SCOPES.contains(&s)) {
            causes.push(Cause::invalid("spec.scopes", &json!(scopes), "unsupported scope"));
        }
    }
    for (a, b) in [("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating")] {
        if scopes.iter().any(|s| s == a) && scopes.iter().any(|s| s == b) {
            causes.push(Cause::invalid("spec.scopes", &json!(scopes), "conflicting scopes"));
        }
    }
    causes
}

pub(super) fn limit_range(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for (i, limit) in value["spec"].items(&["limits"]).iter().enumerate() {
        let at = format!("spec.limits[{i}]");
        let kind = limit.text(&["type"]);
        if seen.contains(&kind) {
            causes.push(Cause::duplicate(format!("{at}.type"), &kind.into()));
        }
        seen.push(kind);
        if kind == "Pod" {
            for field in ["default", "defaultRequest"] {
                if limit[field].as_object().is_some_and(|m| !m.is_empty()) {
                    let text = "may not be specified when `type` is 'Pod'";
                    causes.push(Cause::forbidden(format!("{at}.{field}"), text));
                }
            }
        }
        if !matches!(kind, "Pod" | "Container" | "PersistentVolumeClaim") && !kind.contains('/') {
            let text = "must be a standard limit type or fully qualified";
            causes.push(Cause::invalid(format!("{at}.type"), &kind.into(), text));
        }
        if kind == "PersistentVolumeClaim"
            && !has(limit, &["min", "storage"])
            && !has(limit, &["max", "storage"])
        {
            let text = "either minimum or maximum storage value is required, but neither was provided";
            causes.push(Cause::required(format!("{at}.limits"), text));
        }
        for (key, ratio) in limit["maxLimitRequestRatio"].as_object().into_iter().flatten() {
            if quantity(ratio).is_some_and(|q| q.milli() < 1000) {
                let text = format!("ratio {} is less than 1", ratio.as_str().unwrap_or_default());
                causes.push(Cause::invalid(format!("{at}.maxLimitRequestRatio[{key}]"), ratio, &text));
            }
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
}

pub(super) fn lease(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    if let Some(seconds) = spec.int(&["leaseDurationSeconds"])
        && seconds <= 0
    {
        causes.push(Cause::invalid("spec.leaseDurationSeconds", &seconds.into(), "must be greater than 0"));
    }
    not_negative(spec, "leaseTransitions", "spec", &mut causes);
    causes
}

pub(super) fn priority_class(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let number = value["value"].as_i64().unwrap_or(0);
    let name = value.text(&["metadata", "name"]);
    let system = name.starts_with("system-");
    if system && !matches!(name, "system-cluster-critical" | "system-node-critical") {
        let text = format!(
            "priority class names with 'system-' prefix are reserved for system use only. error: {name} is not a \
             known system priority class"
        );
        causes.push(Cause::forbidden("metadata.name", &text));
    }
    if number > 1_000_000_000 && !system {
        let text = "maximum allowed value of a user defined priority is 1000000000".to_string();
        causes.push(Cause::forbidden("value", &text));
    }
    let policy = value.text(&["preemptionPolicy"]);
    if !policy.is_empty() && !matches!(policy, "Never" | "PreemptLowerPriority") {
        let supported = ["PreemptLowerPriority", "Never"];
        causes.push(Cause::unsupported("preemptionPolicy", &policy.into(), &supported));
    }
    causes
}

pub(super) fn event(resource: &Resource, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let own = value.text(&["metadata", "namespace"]);
    let about = value.text(&["involvedObject", "namespace"]);
    let new = resource.group == "events.k8s.io";
    let timed = !value.text(&["eventTime"]).is_empty();
    let mismatch =
        Cause::invalid("involvedObject.namespace", &about.into(), "does not match event.namespace");
    if !new || !timed {
        let fits = if about.is_empty() { matches!(own, "" | "default") } else { own == about };
        if !fits {
            causes.push(mismatch);
        }
    } else {
        if about.is_empty() && !matches!(own, "default" | "kube-system") {
            causes.push(mismatch);
        }
        let controller = value.text(&["reportingComponent"]);
        if controller.is_empty() {
            causes.push(Cause::required("reportingController", ""));
        }
        causes.extend(problems(names::qualified_name(controller), "reportingController", controller));
        for field in ["reportingInstance", "action", "reason"] {
            if value.text(&[field]).is_empty() {
                causes.push(Cause::required(field, ""));
            }
        }
    }
    if new {
        if !timed {
            causes.push(Cause::required("eventTime", ""));
        }
        let kind = value.text(&["type"]);
        if !matches!(kind, "Normal" | "Warning") {
            causes.push(Cause::invalid("type", &kind.into(), &format!("has invalid value: {kind}")));
        }
    }
    causes
}

pub(super) fn rbac(plural: &str, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (i, rule) in value.items(&["rules"]).iter().enumerate() {
        let at = format!("rules[{i}]");
        if rule.items(&["verbs"]).is_empty() {
            causes.push(Cause::required(format!("{at}.verbs"), "verbs must contain at least one value"));
        }
        let paths = rule.items(&["nonResourceURLs"]);
        if !paths.is_empty() {
            if plural == "roles" {
                let text = "namespaced rules cannot apply to non-resource URLs";
                causes.push(Cause::invalid(format!("{at}.nonResourceURLs"), &json!(paths), text));
            } else if !rule.items(&["apiGroups"]).is_empty()
                || !rule.items(&["resources"]).is_empty()
                || !rule.items(&["resourceNames"]).is_empty()
            {
                let text = "rules cannot apply to both regular resources and non-resource URLs";
                causes.push(Cause::invalid(format!("{at}.nonResourceURLs"), &json!(paths), text));
            }
            continue;
        }
        if rule.items(&["apiGroups"]).is_empty() {
            let text = "resource rules must supply at least one api group";
            causes.push(Cause::required(format!("{at}.apiGroups"), text));
        }
        if rule.items(&["resources"]).is_empty() {
            let text = "resource rules must supply at least one resource";
            causes.push(Cause::required(format!("{at}.resources"), text));
        }
    }
    if plural.ends_with("bindings") {
        binding(plural, value, &mut causes);
    }
    causes
}

fn binding(plural: &str, value: &Value, causes: &mut Vec<Cause>) {
    let role = &value["roleRef"];
    if role.text(&["apiGroup"]) != "rbac.authorization.k8s.io" {
        let shown = role.text(&["apiGroup"]).into();
        causes.push(Cause::unsupported("roleRef.apiGroup", &shown, &["rbac.authorization.k8s.io"]));
    }
    let kinds: &[&str] = if plural == "rolebindings" { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    if !kinds.contains(&role.text(&["kind"])) {
        causes.push(Cause::unsupported("roleRef.kind", &role.text(&["kind"]).into(), kinds));
    }
    if role.text(&["name"]).is_empty() {
        causes.push(Cause::required("roleRef.name", ""));
    }
    for (i, subject) in value.items(&["subjects"]).iter().enumerate() {
        let at = format!("subjects[{i}]");
        if subject.text(&["name"]).is_empty() {
            causes.push(Cause::required(format!("{at}.name"), ""));
        }
        let group = subject.text(&["apiGroup"]);
        match subject.text(&["kind"]) {
            "ServiceAccount" => {
                let name = subject.text(&["name"]);
                if !name.is_empty() {
                    causes.extend(problems(names::dns1123_subdomain(name), &format!("{at}.name"), name));
                }
                if !group.is_empty() {
                    causes.push(Cause::unsupported(format!("{at}.apiGroup"), &group.into(), &[""]));
                }
                if plural == "clusterrolebindings" && subject.text(&["namespace"]).is_empty() {
                    causes.push(Cause::required(format!("{at}.namespace"), ""));
                }
            }
            "User" | "Group" => {
                if group != "rbac.authorization.k8s.io" {
                    let supported = ["rbac.authorization.k8s.io"];
                    causes.push(Cause::unsupported(format!("{at}.apiGroup"), &group.into(), &supported));
                }
            }
            other => {
                let supported = ["ServiceAccount", "User", "Group"];
                causes.push(Cause::unsupported(format!("{at}.kind"), &other.into(), &supported));
            }
        }
    }
}

/// A binding keeps its role.
pub(super) fn rbac_update(live: &Value, value: &Value) -> Vec<Cause> {
    let Some(role) = value.get("roleRef") else { return Vec::new() };
    if live.get("roleRef") == Some(role) {
        return Vec::new();
    }
    let text = format!(
        "Invalid value: {{\"APIGroup\":{},\"Kind\":{},\"Name\":{}}}: cannot change roleRef",
        role["apiGroup"], role["kind"], role["name"]
    );
    vec![Cause::other("roleRef", "FieldValueInvalid", text)]
}
