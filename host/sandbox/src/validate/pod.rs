//! Pods and pod templates.

mod scheduling;
mod update;

use serde_json::Value;

use super::common::{address, has, one_of, problems};
use super::{container, meta, volume};
use crate::names;
use crate::status::Cause;
use crate::value::Get;

pub(super) use scheduling::{node_selector, tolerations};
pub(super) use update::{of_ephemeral, of_resize, of_update};

/// A pod that exists.
pub(super) fn changed(pod: &Value) -> Vec<Cause> {
    spec(&pod["spec"], pod.text(&["metadata", "name"]), "spec", true)
}

/// A new pod.
pub(super) fn of_pod(pod: &Value) -> Vec<Cause> {
    let mut causes = changed(pod);
    if !pod.items(&["spec", "ephemeralContainers"]).is_empty() {
        causes.push(Cause::forbidden("spec.ephemeralContainers", "cannot be set on create"));
    }
    causes
}

/// A template of pods.
pub(super) fn of_template(template: &Value, at: &str) -> Vec<Cause> {
    // Templates report their labels under the template itself.
    let mut causes = meta::of_map_metadata(&template["metadata"], at);
    causes.extend(spec(&template["spec"], "", &format!("{at}.spec"), false));
    if !template.items(&["spec", "ephemeralContainers"]).is_empty() {
        let text = "ephemeral containers not allowed in pod template";
        causes.push(Cause::forbidden(format!("{at}.spec.ephemeralContainers"), text));
    }
    causes
}

/// The specification of a pod, or of a template (`own` is false and there is no name).
fn spec(spec: &Value, name: &str, at: &str, own: bool) -> Vec<Cause> {
    let mut causes = Vec::new();
    let volumes = volume::of_volumes(spec, name, at, &mut causes);
    claims(spec, at, &mut causes);
    container::of_spec(spec, at, &volumes, &mut causes);
    container::resources::of_pod(&spec["resources"], &format!("{at}.resources"), &mut causes);
    restart_policy(spec, at, &mut causes);
    const POLICIES: [&str; 4] = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
    one_of(spec, "dnsPolicy", at, &POLICIES, &mut causes);
    for (key, value) in spec["nodeSelector"].as_object().into_iter().flatten() {
        let field = format!("{at}.nodeSelector");
        causes.extend(problems(names::qualified_name(key), &field, key));
        let value = value.as_str().unwrap_or_default();
        causes.extend(problems(names::label_value(value), &field, value));
    }
    security(spec, &format!("{at}.securityContext"), &mut causes);
    scheduling::affinity(&spec["affinity"], &format!("{at}.affinity"), &mut causes);
    dns_config(spec, &format!("{at}.dnsConfig"), &mut causes);
    for (i, gate) in spec.items(&["readinessGates"]).iter().enumerate() {
        let kind = gate.text(&["conditionType"]);
        let field = format!("{at}.readinessGates[{i}].conditionType");
        causes.extend(problems(names::qualified_name(kind), &field, kind));
    }
    gates(spec, at, own, &mut causes);
    scheduling::spread(spec, at, &mut causes);
    hosts(spec, at, &mut causes);
    for field in ["serviceAccountName", "nodeName"] {
        let text = spec.text(&[field]);
        if !text.is_empty() {
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
    tolerations(spec, at, &mut causes);
    for (i, alias) in spec.items(&["hostAliases"]).iter().enumerate() {
        address(alias.text(&["ip"]), &format!("{at}.hostAliases[{i}].ip"), &mut causes);
        for (j, host) in alias.items(&["hostnames"]).iter().filter_map(Value::as_str).enumerate() {
            let field = format!("{at}.hostAliases[{i}].hostnames[{j}]");
            causes.extend(problems(names::dns1123_subdomain(host), &field, host));
        }
    }
    for field in ["priorityClassName", "runtimeClassName"] {
        let text = spec.text(&[field]);
        if !text.is_empty() || field == "runtimeClassName" && has(spec, &[field]) {
            causes.extend(problems(names::dns1123_subdomain(text), &format!("{at}.{field}"), text));
        }
    }
    one_of(spec, "preemptionPolicy", at, &["PreemptLowerPriority", "Never"], &mut causes);
    container::overhead(&spec["overhead"], &format!("{at}.overhead"), &mut causes);
    system(spec, at, &mut causes);
    container::file_references(spec, at, &mut causes);
    causes
}

fn claims(spec: &Value, at: &str, causes: &mut Vec<Cause>) {
    let claims = spec.items(&["resourceClaims"]);
    for (i, claim) in claims.iter().enumerate() {
        let field = format!("{at}.resourceClaims[{i}]");
        let name = claim.text(&["name"]);
        if name.is_empty() {
            causes.push(Cause::required(format!("{field}.name"), ""));
        } else if claims[..i].iter().any(|other| other.text(&["name"]) == name) {
            causes.push(Cause::duplicate(format!("{field}.name"), &name.into()));
        } else {
            causes.extend(problems(names::dns1123_label(name), &format!("{field}.name"), name));
        }
        let sources = ["resourceClaimName", "resourceClaimTemplateName"];
        let given = sources.into_iter().filter(|key| has(claim, &[key])).count();
        if given != 1 {
            let get = |key: &str| claim.get(key).cloned().unwrap_or(Value::Null);
            let shown = super::common::go_struct(&[
                ("Name", name.into()),
                ("ResourceClaimName", get("resourceClaimName")),
                ("ResourceClaimTemplateName", get("resourceClaimTemplateName")),
            ]);
            let text = if given == 0 {
                "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            } else {
                "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            };
            causes.push(super::common::invalid_struct(&field, &shown, text));
        }
        for key in sources.into_iter().filter(|key| has(claim, &[key])) {
            let text = claim.text(&[key]);
            causes.extend(problems(names::dns1123_subdomain(text), &format!("{field}.{key}"), text));
        }
    }
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

fn dns_config(spec: &Value, at: &str, causes: &mut Vec<Cause>) {
    let config = &spec["dnsConfig"];
    let servers = config.items(&["nameservers"]);
    if spec.text(&["dnsPolicy"]) == "None" {
        if !config.is_object() {
            causes.push(Cause::required(at, "must provide `dnsConfig` when `dnsPolicy` is None"));
            return;
        }
        if servers.is_empty() {
            let text = "must provide at least one DNS nameserver when `dnsPolicy` is None";
            causes.push(Cause::required(format!("{at}.nameservers"), text));
            return;
        }
    }
    let searches = config.items(&["searches"]);
    let length = searches.iter().filter_map(Value::as_str).map(|text| text.len() + 1).sum::<usize>();
    if servers.len() > 3 {
        let text = "must not have more than 3 nameservers";
        causes.push(Cause::invalid(format!("{at}.nameservers"), &servers.to_vec().into(), text));
    }
    for (i, server) in servers.iter().filter_map(Value::as_str).enumerate() {
        address(server, &format!("{at}.nameservers[{i}]"), causes);
    }
    if searches.len() > 32 {
        let text = "must not have more than 32 search paths";
        causes.push(Cause::invalid(format!("{at}.searches"), &searches.to_vec().into(), text));
    }
    if length > 2049 {
        let text = "must not have more than 2048 characters (including spaces) in the search list";
        causes.push(Cause::invalid(format!("{at}.searches"), &searches.to_vec().into(), text));
    }
    for (i, search) in searches.iter().filter_map(Value::as_str).enumerate().filter(|(_, s)| *s != ".") {
        let search = search.strip_suffix('.').unwrap_or(search);
        causes.extend(problems(names::search_domain(search), &format!("{at}.searches[{i}]"), search));
    }
    for (i, option) in config.items(&["options"]).iter().enumerate() {
        if option.text(&["name"]).is_empty() {
            causes.push(Cause::required(format!("{at}.options[{i}]"), "must not be empty"));
        }
    }
}

fn security(spec: &Value, at: &str, causes: &mut Vec<Cause>) {
    let context = &spec["securityContext"];
    for field in ["fsGroup", "runAsUser", "runAsGroup"] {
        container::id(context, field, at, causes);
    }
    for (i, group) in context.items(&["supplementalGroups"]).iter().enumerate() {
        if !group.as_i64().is_some_and(|g| (0..=i64::from(i32::MAX)).contains(&g)) {
            let text = "must be between 0 and 2147483647, inclusive";
            causes.push(Cause::invalid(format!("{at}.supplementalGroups[{i}]"), group, text));
        }
    }
    if spec["shareProcessNamespace"] == true && spec["hostPID"] == true {
        let text = "ShareProcessNamespace and HostPID cannot both be enabled";
        causes.push(Cause::invalid(format!("{at}.shareProcessNamespace"), &true.into(), text));
    }
    sysctls(spec, at, causes);
    if has(context, &["fsGroupChangePolicy"]) {
        one_of(context, "fsGroupChangePolicy", at, &["Always", "OnRootMismatch"], causes);
    }
    container::seccomp(&context["seccompProfile"], &format!("{at}.seccompProfile"), causes);
    container::app_armor(&context["appArmorProfile"], &format!("{at}.appArmorProfile"), causes);
    if has(context, &["supplementalGroupsPolicy"]) {
        one_of(context, "supplementalGroupsPolicy", at, &["Merge", "Strict"], causes);
    }
    if has(context, &["seLinuxChangePolicy"]) {
        one_of(context, "seLinuxChangePolicy", at, &["MountOption", "Recursive"], causes);
    }
}

fn sysctls(spec: &Value, at: &str, causes: &mut Vec<Cause>) {
    const PATTERN: &str = "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
    let sysctls = spec.items(&["securityContext", "sysctls"]);
    for (i, entry) in sysctls.iter().enumerate() {
        let name = entry.text(&["name"]);
        let field = format!("{at}.sysctls[{i}].name");
        let word = |word: &str| {
            let alone = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
            word.starts_with(alone)
                && word.ends_with(alone)
                && word.chars().all(|c| alone(c) || c == '-' || c == '_')
        };
        if name.is_empty() {
            causes.push(Cause::required(field.clone(), ""));
        } else if name.len() > 253 || !name.split(['.', '/']).all(word) {
            let text = format!("must have at most 253 characters and match regex {PATTERN}");
            causes.push(Cause::invalid(field.clone(), &name.into(), &text));
        } else if sysctls[..i].iter().any(|other| other.text(&["name"]) == name) {
            causes.push(Cause::duplicate(field.clone(), &name.into()));
        }
        let dotted = name.replace('/', ".");
        let shared = ["kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue."];
        if spec["hostNetwork"] == true && dotted.starts_with("net.") {
            let text = "may not be specified when 'hostNetwork' is true";
            causes.push(Cause::invalid(field, &name.into(), text));
        } else if spec["hostIPC"] == true && shared.iter().any(|prefix| dotted.starts_with(prefix)) {
            causes.push(Cause::invalid(field, &name.into(), "may not be specified when 'hostIPC' is true"));
        }
    }
}

fn gates(spec: &Value, at: &str, own: bool, causes: &mut Vec<Cause>) {
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
}

/// Namespaces of the host, and the name that the pod shows.
fn hosts(spec: &Value, at: &str, causes: &mut Vec<Cause>) {
    if spec["hostUsers"] == false {
        for (field, shown) in [("hostPID", "HostPID"), ("hostIPC", "HostIPC")] {
            if spec[field] == true {
                causes.push(Cause::forbidden(format!("{at}.{shown}"), "when `hostUsers` is false"));
            }
        }
    }
    if !has(spec, &["hostnameOverride"]) {
        return;
    }
    let field = format!("{at}.hostnameOverride");
    for other in ["setHostnameAsFQDN", "hostNetwork"] {
        if spec[other] == true {
            causes
                .push(Cause::forbidden(field.clone(), &format!("may not be specified when {other} is true")));
        }
    }
    let name = spec.text(&["hostnameOverride"]);
    if name.len() > 64 {
        causes.push(Cause::too_long(field.clone(), 64));
    }
    causes.extend(problems(names::dns1123_subdomain(name), &field, name));
}

/// What an operating system does not have.
fn system(spec: &Value, at: &str, causes: &mut Vec<Cause>) {
    if !has(spec, &["os"]) {
        return;
    }
    let lists = ["initContainers", "containers", "ephemeralContainers"];
    let contexts = || {
        lists.into_iter().flat_map(|list| {
            spec.items(&[list]).iter().enumerate().map(move |(i, container)| {
                (format!("{at}.{list}[{i}].securityContext"), &container["securityContext"])
            })
        })
    };
    let pod_at = format!("{at}.securityContext");
    let context = &spec["securityContext"];
    match spec.text(&["os", "name"]) {
        "" => causes.push(Cause::required(format!("{at}.os.name"), "")),
        "linux" => {
            let text = "windows options cannot be set for a linux pod";
            let all = std::iter::once((pod_at, context)).chain(contexts());
            for (at, _) in all.filter(|(_, context)| has(context, &["windowsOptions"])) {
                causes.push(Cause::forbidden(format!("{at}.windowsOptions"), text));
            }
        }
        "windows" => {
            // In the order of the real server; those without a slash are fields of the pod itself.
            const OF_POD: [&str; 15] = [
                "/appArmorProfile",
                "/seLinuxOptions",
                "hostUsers",
                "hostPID",
                "hostIPC",
                "/seccompProfile",
                "/fsGroup",
                "/fsGroupChangePolicy",
                "/sysctls",
                "shareProcessNamespace",
                "/runAsUser",
                "/runAsGroup",
                "/supplementalGroups",
                "/supplementalGroupsPolicy",
                "/seLinuxChangePolicy",
            ];
            const OF_CONTAINER: [&str; 10] = [
                "appArmorProfile",
                "seLinuxOptions",
                "seccompProfile",
                "capabilities",
                "readOnlyRootFilesystem",
                "privileged",
                "allowPrivilegeEscalation",
                "procMount",
                "runAsUser",
                "runAsGroup",
            ];
            let text = "cannot be set for a windows pod";
            for field in OF_POD {
                match field.strip_prefix('/') {
                    Some(field) if has(context, &[field]) => {
                        causes.push(Cause::forbidden(format!("{pod_at}.{field}"), text));
                    }
                    None if spec[field] == true
                        || !matches!(field, "hostPID" | "hostIPC") && has(spec, &[field]) =>
                    {
                        causes.push(Cause::forbidden(format!("{at}.{field}"), text));
                    }
                    _ => {}
                }
            }
            for (at, context) in contexts() {
                for field in OF_CONTAINER.into_iter().filter(|field| has(context, &[field])) {
                    causes.push(Cause::forbidden(format!("{at}.{field}"), text));
                }
            }
        }
        other => {
            causes.push(Cause::unsupported(format!("{at}.os"), &other.into(), &["linux", "windows"]));
        }
    }
}
