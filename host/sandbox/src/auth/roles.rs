//! Role-based access control: roles, bindings, and who may make them.

use serde_json::{Value, json};

use super::{ACCOUNT, Attributes, User};
use crate::cluster::Core;
use crate::selector::LabelSelector;
use crate::store::{Key, Object};
use crate::value::Get;

/// What one binding gives to a user, and why.
pub(super) struct Grant {
    pub(super) reason: String,
    pub(super) rules: Vec<Value>,
}

const ROLES: &str = "roles.rbac.authorization.k8s.io";
const CLUSTER_ROLES: &str = "clusterroles.rbac.authorization.k8s.io";

/// What all bindings give to a user in a namespace.
pub(super) fn grants(core: &Core, user: &User, namespace: &str) -> Vec<Grant> {
    let mut out = Vec::new();
    let (cluster, _) = core.store.list("clusterrolebindings.rbac.authorization.k8s.io", None);
    let (own, _) = match namespace {
        "" => (Vec::new(), 0),
        ns => core.store.list("rolebindings.rbac.authorization.k8s.io", Some(ns)),
    };
    for binding in cluster.iter().chain(&own) {
        let Some(subject) = binding.value.items(&["subjects"]).iter().find(|s| is_subject(s, user, binding))
        else {
            continue;
        };
        let kind = binding.value.text(&["roleRef", "kind"]);
        let role = binding.value.text(&["roleRef", "name"]);
        let Some(rules) = rules_of(core, kind, role, &binding.key.namespace) else { continue };
        let shown = match subject.text(&["kind"]) {
            "ServiceAccount" => {
                let ns = subject.text(&["namespace"]);
                let ns = if ns.is_empty() { &*binding.key.namespace } else { ns };
                format!("ServiceAccount \"{}/{ns}\"", subject.text(&["name"]))
            }
            other => format!("{other} {:?}", subject.text(&["name"])),
        };
        let name = if binding.key.namespace.is_empty() {
            format!("ClusterRoleBinding {:?}", binding.key.name)
        } else {
            format!("RoleBinding \"{}/{}\"", binding.key.name, binding.key.namespace)
        };
        out.push(Grant { reason: format!("RBAC: allowed by {name} of {kind} {role:?} to {shown}"), rules });
    }
    out
}

/// The rules of a role; aggregated roles have those of the roles that they select.
pub(crate) fn rules_of(core: &Core, kind: &str, name: &str, namespace: &str) -> Option<Vec<Value>> {
    let key = match kind {
        "ClusterRole" => Key::new(&CLUSTER_ROLES.into(), "", name),
        _ => Key::new(&ROLES.into(), namespace, name),
    };
    let role = core.store.get(&key)?;
    let mut rules = role.value.items(&["rules"]).to_vec();
    for selector in role.value.items(&["aggregationRule", "clusterRoleSelectors"]) {
        let Some(selector) = LabelSelector::from_value(selector) else { continue };
        for other in core.store.list(CLUSTER_ROLES, None).0 {
            if other.key.name != role.key.name && selector.selects(&other.value) {
                rules.extend(other.value.items(&["rules"]).iter().cloned());
            }
        }
    }
    Some(rules)
}

fn is_subject(subject: &Value, user: &User, binding: &Object) -> bool {
    let name = subject.text(&["name"]);
    match subject.text(&["kind"]) {
        "User" => user.name == name,
        "Group" => user.groups.iter().any(|g| g == name),
        "ServiceAccount" => {
            let ns = subject.text(&["namespace"]);
            let ns = if ns.is_empty() { &*binding.key.namespace } else { ns };
            user.name == format!("{ACCOUNT}{ns}:{name}")
        }
        _ => false,
    }
}

fn lists(rule: &Value, key: &str, wanted: &str) -> bool {
    rule.items(&[key]).iter().any(|v| v == wanted || v == "*")
}

/// True if a rule allows something.
pub(super) fn covers(rule: &Value, attributes: &Attributes<'_>) -> bool {
    if !lists(rule, "verbs", attributes.verb) {
        return false;
    }
    if let Some(path) = attributes.path {
        return rule.items(&["nonResourceURLs"]).iter().filter_map(Value::as_str).any(|p| {
            match p.strip_suffix('*') {
                Some(prefix) => path.starts_with(prefix),
                None => p == path,
            }
        });
    }
    let full = attributes.full_resource();
    let any_parent = format!("*/{}", attributes.subresource);
    let resource = rule.items(&["resources"]).iter().any(|r| {
        r == "*" || r == full.as_str() || (!attributes.subresource.is_empty() && r == any_parent.as_str())
    });
    let names = rule.items(&["resourceNames"]);
    lists(rule, "apiGroups", attributes.group)
        && resource
        && (names.is_empty() || names.iter().any(|n| n == attributes.name))
}

/// Refuses roles with rules that their author does not have.
pub(crate) fn check_escalation(
    core: &Core,
    user: &User,
    namespace: &str,
    rules: &[Value],
) -> Result<(), String> {
    let mut missing = Vec::new();
    for rule in rules {
        let parts = single_rules(rule);
        let held = parts.iter().all(|part| {
            let text = |key: &str| part.text(&[key]).to_string();
            let (verb, group, resource, name, path) =
                (text("verb"), text("group"), text("resource"), text("name"), text("path"));
            let (resource, sub) = resource.split_once('/').unwrap_or((&resource, ""));
            let attributes = Attributes {
                verb: &verb,
                group: &group,
                resource,
                subresource: sub,
                namespace,
                name: &name,
                path: (!path.is_empty()).then_some(path.as_str()),
            };
            core.auth.allows(core, user, &attributes).is_some()
        });
        if !held {
            missing.push(rule_text(rule));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let groups: Vec<String> = user.groups.iter().map(|g| format!("{g:?}")).collect();
    Err(format!(
        "user {:?} (groups=[{}]) is attempting to grant RBAC permissions not currently held:\n{}",
        user.name,
        groups.join(" "),
        missing.join("\n")
    ))
}

fn single_rules(rule: &Value) -> Vec<Value> {
    let all = |key: &str| -> Vec<String> {
        rule.items(&[key]).iter().filter_map(|v| v.as_str().map(Into::into)).collect()
    };
    let names = match all("resourceNames") {
        names if names.is_empty() => vec![String::new()],
        names => names,
    };
    let mut out = Vec::new();
    for verb in all("verbs") {
        for path in all("nonResourceURLs") {
            out.push(json!({"verb": verb, "path": path}));
        }
        for group in all("apiGroups") {
            for resource in all("resources") {
                for name in &names {
                    out.push(json!({"verb": verb, "group": group, "resource": resource, "name": name}));
                }
            }
        }
    }
    out
}

fn rule_text(rule: &Value) -> String {
    let mut parts = Vec::new();
    for (key, label) in [
        ("nonResourceURLs", "NonResourceURLs"),
        ("apiGroups", "APIGroups"),
        ("resources", "Resources"),
        ("resourceNames", "ResourceNames"),
        ("verbs", "Verbs"),
    ] {
        let list: Vec<String> = rule.items(&[key]).iter().map(Value::to_string).collect();
        if !list.is_empty() {
            parts.push(format!("{label}:[{}]", list.join(" ")));
        }
    }
    format!("{{{}}}", parts.join(", "))
}
