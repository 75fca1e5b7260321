//! Pods and pod templates.

use serde_json::Value;

use super::common::{has, not_negative, one_of, problems, selector};
use super::{container, meta, volume};
use crate::names;
use crate::status::Cause;
use crate::value::{Get, remove, set};

/// A new pod.
pub(super) fn of_pod(pod: &Value) -> Vec<Cause> {
    let mut causes = spec(&pod["spec"], "spec", true);
    if !pod.items(&["spec", "ephemeralContainers"]).is_empty() {
        causes.push(Cause::forbidden("spec.ephemeralContainers", "cannot be set on create"));
    }
    causes
}

/// A template of pods.
pub(super) fn of_template(template: &Value, at: &str) -> Vec<Cause> {
    // Templates report their labels under the template itself.
    let mut causes = meta::of_metadata(&template["metadata"], at);
    causes.extend(spec(&template["spec"], &format!("{at}.spec"), false));
    causes
}

/// The specification of a pod.
pub(super) fn spec(spec: &Value, at: &str, own: bool) -> Vec<Cause> {
    let mut causes = Vec::new();
    let volumes = volume::of_volumes(spec, at, &mut causes);
    container::of_spec(spec, at, &volumes, &mut causes);
    restart_policy(spec, at, &mut causes);
    dns_policy(spec, at, &mut causes);
    for (key, value) in spec["nodeSelector"].as_object().into_iter().flatten() {
        let field = format!("{at}.nodeSelector");
        causes.extend(problems(names::qualified_name(key), &field, key));
        let value = value.as_str().unwrap_or_default();
        causes.extend(problems(names::label_value(value), &field, value));
    }
    security(&spec["securityContext"], &format!("{at}.securityContext"), &mut causes);
    for (i, secret) in spec.items(&["imagePullSecrets"]).iter().enumerate() {
        if secret.text(&["name"]).is_empty() {
            causes.push(Cause::required(format!("{at}.imagePullSecrets[{i}].name"), ""));
        }
    }
    affinity(&spec["affinity"], &format!("{at}.affinity"), &mut causes);
    for (field, check) in [("serviceAccountName", true), ("nodeName", true), ("priorityClassName", true)] {
        let text = spec.text(&[field]);
        if check && !text.is_empty() {
            causes.extend(problems(names::dns1123_subdomain(text), &format!("{at}.{field}"), text));
        }
    }
    if let Some(seconds) = spec.int(&["activeDeadlineSeconds"])
        && !(1..=i64::from(i32::MAX)).contains(&seconds)
    {
        let text = "must be between 1 and 2147483647, inclusive";
        causes.push(Cause::invalid(format!("{at}.activeDeadlineSeconds"), &seconds.into(), text));
    }
    for field in ["hostname", "subdomain"] {
        let text = spec.text(&[field]);
        if !text.is_empty() {
            causes.extend(problems(names::dns1123_label(text), &format!("{at}.{field}"), text));
        }
    }
    for (i, toleration) in spec.items(&["tolerations"]).iter().enumerate() {
        self::toleration(toleration, &format!("{at}.tolerations[{i}]"), &mut causes);
    }
    for (i, alias) in spec.items(&["hostAliases"]).iter().enumerate() {
        super::common::ip(alias.text(&["ip"]), &format!("{at}.hostAliases[{i}].ip"), &mut causes);
        for (j, host) in alias.items(&["hostnames"]).iter().filter_map(Value::as_str).enumerate() {
            let field = format!("{at}.hostAliases[{i}].hostnames[{j}]");
            causes.extend(problems(names::dns1123_subdomain(host), &field, host));
        }
    }
    spread(spec, at, &mut causes);
    let gates = spec.items(&["schedulingGates"]);
    for (i, gate) in gates.iter().enumerate() {
        let name = gate.text(&["name"]);
        let field = format!("{at}.schedulingGates[{i}]");
        causes.extend(problems(names::qualified_name(name), &field, name));
        if gates[..i].contains(gate) {
            causes.push(Cause::duplicate(field, &name.into()));
        }
    }
    if own && !gates.is_empty() && !spec.text(&["nodeName"]).is_empty() {
        let text = "cannot be set until all schedulingGates have been cleared";
        causes.push(Cause::forbidden(format!("{at}.nodeName"), text));
    }
    causes
}

fn restart_policy(spec: &Value, at: &str, causes: &mut Vec<Cause>) {
    match spec.text(&["restartPolicy"]) {
        "" if !has(spec, &["restartPolicy"]) => {
            // An empty specification has no defaults; a real server asks only for containers then.
        }
        "" => causes.push(Cause::required(format!("{at}.restartPolicy"), "")),
        _ => one_of(spec, "restartPolicy", at, &["Always", "OnFailure", "Never"], causes),
    }
}

fn dns_policy(spec: &Value, at: &str, causes: &mut Vec<Cause>) {
    const POLICIES: [&str; 4] = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
    one_of(spec, "dnsPolicy", at, &POLICIES, causes);
    if spec.text(&["dnsPolicy"]) == "None" && spec.items(&["dnsConfig", "nameservers"]).is_empty() {
        let text = "must provide at least one DNS nameserver when `dnsPolicy` is None";
        causes.push(Cause::required(format!("{at}.dnsConfig"), text));
    }
}

fn security(context: &Value, at: &str, causes: &mut Vec<Cause>) {
    for field in ["fsGroup", "runAsUser", "runAsGroup"] {
        container::id(context, field, at, causes);
    }
    for (i, group) in context.items(&["supplementalGroups"]).iter().enumerate() {
        if !group.as_i64().is_some_and(|g| (0..=i64::from(i32::MAX)).contains(&g)) {
            let text = "must be between 0 and 2147483647, inclusive";
            causes.push(Cause::invalid(format!("{at}.supplementalGroups[{i}]"), group, text));
        }
    }
    if has(context, &["fsGroupChangePolicy"]) {
        one_of(context, "fsGroupChangePolicy", at, &["Always", "OnRootMismatch"], causes);
    }
    container::seccomp(&context["seccompProfile"], &format!("{at}.seccompProfile"), causes);
}

fn toleration(toleration: &Value, at: &str, causes: &mut Vec<Cause>) {
    let (key, operator, value) =
        (toleration.text(&["key"]), toleration.text(&["operator"]), toleration.text(&["value"]));
    if !key.is_empty() {
        causes.extend(problems(names::qualified_name(key), &format!("{at}.key"), key));
    }
    if key.is_empty() && operator != "Exists" {
        let text =
            "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
        causes.push(Cause::invalid(format!("{at}.operator"), &operator.into(), text));
    }
    if has(toleration, &["tolerationSeconds"]) && toleration.text(&["effect"]) != "NoExecute" {
        let text = "effect must be 'NoExecute' when `tolerationSeconds` is set";
        causes.push(Cause::invalid(format!("{at}.effect"), &toleration.text(&["effect"]).into(), text));
    }
    match operator {
        "" | "Equal" => causes.extend(problems(names::label_value(value), &format!("{at}.operator"), value)),
        "Exists" if !value.is_empty() => {
            let text = "value must be empty when `operator` is 'Exists'";
            causes.push(Cause::invalid(format!("{at}.operator"), &value.into(), text));
        }
        "Exists" => {}
        _ => {
            causes.push(Cause::unsupported(format!("{at}.operator"), &operator.into(), &["Equal", "Exists"]))
        }
    }
    if !toleration.text(&["effect"]).is_empty() {
        one_of(toleration, "effect", at, &["NoSchedule", "PreferNoSchedule", "NoExecute"], causes);
    }
}

fn affinity(affinity: &Value, at: &str, causes: &mut Vec<Cause>) {
    let node = &affinity["nodeAffinity"];
    let required = &node["requiredDuringSchedulingIgnoredDuringExecution"];
    let node_at = format!("{at}.nodeAffinity");
    if required.is_object() {
        let field = format!("{node_at}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms");
        if required.items(&["nodeSelectorTerms"]).is_empty() {
            causes.push(Cause::required(field.clone(), "must have at least one node selector term"));
        }
        for (i, term) in required.items(&["nodeSelectorTerms"]).iter().enumerate() {
            node_term(term, &format!("{field}[{i}]"), causes);
        }
    }
    for (i, preferred) in node.items(&["preferredDuringSchedulingIgnoredDuringExecution"]).iter().enumerate()
    {
        let field = format!("{node_at}.preferredDuringSchedulingIgnoredDuringExecution[{i}]");
        weight(preferred, &field, causes);
        node_term(&preferred["preference"], &format!("{field}.preference"), causes);
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        let pods = &affinity[kind];
        for (i, term) in pods.items(&["requiredDuringSchedulingIgnoredDuringExecution"]).iter().enumerate() {
            pod_term(
                term,
                &format!("{at}.{kind}.requiredDuringSchedulingIgnoredDuringExecution[{i}]"),
                causes,
            );
        }
        for (i, preferred) in
            pods.items(&["preferredDuringSchedulingIgnoredDuringExecution"]).iter().enumerate()
        {
            let field = format!("{at}.{kind}.preferredDuringSchedulingIgnoredDuringExecution[{i}]");
            weight(preferred, &field, causes);
            pod_term(&preferred["podAffinityTerm"], &format!("{field}.podAffinityTerm"), causes);
        }
    }
}

fn weight(preferred: &Value, at: &str, causes: &mut Vec<Cause>) {
    let weight = preferred.int(&["weight"]).unwrap_or(0);
    if !(1..=100).contains(&weight) {
        causes.push(Cause::invalid(format!("{at}.weight"), &weight.into(), "must be in the range 1-100"));
    }
}

fn node_term(term: &Value, at: &str, causes: &mut Vec<Cause>) {
    for (i, expression) in term.items(&["matchExpressions"]).iter().enumerate() {
        let at = format!("{at}.matchExpressions[{i}]");
        let values = expression.items(&["values"]);
        match expression.text(&["operator"]) {
            "In" | "NotIn" if values.is_empty() => {
                let text = "must be specified when `operator` is 'In' or 'NotIn'";
                causes.push(Cause::required(format!("{at}.values"), text));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                causes.push(Cause::forbidden(format!("{at}.values"), text));
            }
            "Gt" | "Lt" if values.len() != 1 => {
                let text = "must be specified single value when `operator` is 'Lt' or 'Gt'";
                causes.push(Cause::required(format!("{at}.values"), text));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
            other => causes.push(Cause::invalid(
                format!("{at}.operator"),
                &other.into(),
                "not a valid selector operator",
            )),
        }
        let key = expression.text(&["key"]);
        causes.extend(problems(names::qualified_name(key), &format!("{at}.key"), key));
    }
}

fn pod_term(term: &Value, at: &str, causes: &mut Vec<Cause>) {
    selector(&term["labelSelector"], &format!("{at}.labelSelector"), causes);
    for namespace in term.items(&["namespaces"]).iter().filter_map(Value::as_str) {
        causes.extend(problems(names::dns1123_label(namespace), &format!("{at}.namespace"), namespace));
    }
    topology_key(term, at, causes);
}

fn topology_key(holder: &Value, at: &str, causes: &mut Vec<Cause>) {
    let key = holder.text(&["topologyKey"]);
    let field = format!("{at}.topologyKey");
    if key.is_empty() {
        causes.push(Cause::required(field.clone(), "can not be empty"));
    }
    causes.extend(problems(names::qualified_name(key), &field, key));
}

fn spread(spec: &Value, at: &str, causes: &mut Vec<Cause>) {
    for (i, constraint) in spec.items(&["topologySpreadConstraints"]).iter().enumerate() {
        let at = format!("{at}.topologySpreadConstraints[{i}]");
        let skew = constraint.int(&["maxSkew"]).unwrap_or(0);
        if skew <= 0 {
            causes.push(Cause::invalid(format!("{at}.maxSkew"), &skew.into(), "must be greater than zero"));
        }
        if constraint.text(&["topologyKey"]).is_empty() {
            causes.push(Cause::required(format!("{at}.topologyKey"), "can not be empty"));
        }
        if !matches!(constraint.text(&["whenUnsatisfiable"]), "DoNotSchedule" | "ScheduleAnyway") {
            let shown = constraint.text(&["whenUnsatisfiable"]).into();
            let supported = ["DoNotSchedule", "ScheduleAnyway"];
            causes.push(Cause::unsupported(format!("{at}.whenUnsatisfiable"), &shown, &supported));
        }
        selector(&constraint["labelSelector"], &format!("{at}.labelSelector"), causes);
    }
}

/// A changed pod: only a few fields may change.
pub(super) fn of_update(live: &Value, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for list in ["containers", "initContainers"] {
        let (old, new) = (live.items(&["spec", list]).len(), value.items(&["spec", list]).len());
        if old != new {
            let text = "pod updates may not add or remove containers";
            causes.push(Cause::forbidden(format!("spec.{list}"), text));
            return causes;
        }
        for (i, container) in value.items(&["spec", list]).iter().enumerate() {
            if container.text(&["image"]).is_empty() {
                causes.push(Cause::required(format!("spec.{list}[{i}].image"), ""));
            }
        }
    }
    let gates = |v: &Value| v.items(&["spec", "schedulingGates"]).to_vec();
    let old_gates = gates(live);
    if gates(value).iter().any(|g| !old_gates.contains(g)) {
        let text = "only deletion is allowed, but found new scheduling gate";
        causes.push(Cause::forbidden("spec.schedulingGates", text));
    }
    let old_tolerations = live.items(&["spec", "tolerations"]);
    let kept = old_tolerations.iter().all(|t| value.items(&["spec", "tolerations"]).contains(t));
    if !kept {
        let text = "existing toleration can not be modified except its tolerationSeconds";
        causes.push(Cause::forbidden("spec.tolerations", text));
    }
    let mut munged = value["spec"].clone();
    for list in ["containers", "initContainers"] {
        for i in 0..live.items(&["spec", list]).len() {
            let image = live["spec"][list][i]["image"].clone();
            munged[list][i]["image"] = image;
        }
    }
    let gated = !old_gates.is_empty();
    let mut keep = vec!["activeDeadlineSeconds", "tolerations", "schedulingGates", "ephemeralContainers"];
    if gated {
        keep.extend(["nodeSelector", "affinity"]);
    }
    if live.int(&["spec", "terminationGracePeriodSeconds"]).unwrap_or(0) < 0 {
        keep.push("terminationGracePeriodSeconds");
    }
    for field in keep {
        match live.at(&["spec", field]) {
            Some(old) => set(&mut munged, &[field], old.clone()),
            None => {
                remove(&mut munged, &[field]);
            }
        }
    }
    if munged != live["spec"] {
        let text = "pod updates may not change fields other than `spec.containers[*].image`,\
                    `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to \
                    existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was \
                    previously negative)";
        causes.push(Cause::forbidden("spec", text));
    }
    not_negative(&value["spec"], "activeDeadlineSeconds", "spec", &mut causes);
    causes
}

/// A resize changes resources only, and never the quality of service.
pub(super) fn of_resize(live: &Value, value: &Value) -> Vec<Cause> {
    let class = |v: &Value| crate::defaults::quality_class(v);
    if class(live) != class(value) {
        let text = "Pod QOS Class may not change as a result of resizing";
        return vec![Cause::invalid("spec", &class(live).into(), text)];
    }
    Vec::new()
}

/// Warnings of a pod.
pub(super) fn warn(pod: &Value, warnings: &mut Vec<String>) {
    let seconds = pod.int(&["spec", "terminationGracePeriodSeconds"]).unwrap_or(0);
    if seconds < 0 {
        warnings.push("spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1".into());
    }
}
