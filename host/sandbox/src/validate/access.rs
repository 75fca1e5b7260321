//! Roles and their bindings.

use serde_json::{Value, json};

use super::common::{problems, selector};
use crate::names;
use crate::status::Cause;
use crate::value::Get;

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
            }
            if !rule.items(&["apiGroups"]).is_empty()
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
    let selectors = value.items(&["aggregationRule", "clusterRoleSelectors"]);
    if plural == "clusterroles" && value["aggregationRule"].is_object() {
        if selectors.is_empty() {
            let text = "at least one clusterRoleSelector required if aggregationRule is non-nil";
            causes.push(Cause::required("aggregationRule.clusterRoleSelectors", text));
        }
        for (i, chosen) in selectors.iter().enumerate() {
            let at = format!("aggregationRule.clusterRoleSelectors[{i}]");
            let before = causes.len();
            selector(chosen, &at, &mut causes);
            if causes.len() > before {
                causes.push(Cause::invalid(at, &Value::Null, "invalid label selector."));
            }
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
    let name = role.text(&["name"]);
    if name.is_empty() {
        causes.push(Cause::required("roleRef.name", ""));
    } else {
        causes.extend(problems(names::path_segment(name), "roleRef.name", name));
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
