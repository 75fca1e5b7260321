//! Kinds with few rules.

use serde_json::{Value, json};

use super::common::{IMMUTABLE, has, not_negative, problems, quantity};
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
        if !has(value, &["data", key]) {
            causes.push(Cause::required(format!("data[{key}]"), ""));
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
    let system = value.text(&["metadata", "name"]).starts_with("system-");
    if number > 1_000_000_000 && !system {
        let text = format!("maximum allowed value of a user defined priority is 1000000000");
        causes.push(Cause::forbidden("value", &text));
    }
    let policy = value.text(&["preemptionPolicy"]);
    if !policy.is_empty() && !matches!(policy, "Never" | "PreemptLowerPriority") {
        let supported = ["Never", "PreemptLowerPriority"];
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
