//! Containers of pods.

use serde_json::Value;

use super::common::{has, not_negative, one_of, port, problems, quantity};
use crate::names;
use crate::status::Cause;
use crate::value::Get;

/// All containers of a specification; `volumes` are the names that mounts may use.
pub(super) fn of_spec(spec: &Value, at: &str, volumes: &[String], causes: &mut Vec<Cause>) {
    let containers = spec.items(&["containers"]);
    if containers.is_empty() {
        causes.push(Cause::required(format!("{at}.containers"), ""));
    }
    let host = spec["hostNetwork"] == true;
    let mut seen: Vec<&str> = Vec::new();
    let claims = Claims { volumes, host };
    for (i, container) in containers.iter().enumerate() {
        let at = format!("{at}.containers[{i}]");
        one(container, &at, &claims, &mut seen, causes);
        lifecycle(container, &at, causes);
        for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
            self::probe(container, probe, &at, causes);
        }
    }
    host_ports(containers, at, causes);
    for (i, container) in spec.items(&["initContainers"]).iter().enumerate() {
        let at = format!("{at}.initContainers[{i}]");
        one(container, &at, &claims, &mut seen, causes);
        let sidecar = container.text(&["restartPolicy"]) == "Always";
        if sidecar {
            lifecycle(container, &at, causes);
        }
        for field in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
            if sidecar && field != "lifecycle" {
                probe(container, field, &at, causes);
            } else if !sidecar && has(container, &[field]) {
                let text = "may not be set for init containers without restartPolicy=Always";
                causes.push(Cause::forbidden(format!("{at}.{field}"), text));
            }
        }
    }
}

struct Claims<'a> {
    volumes: &'a [String],
    host: bool,
}

fn one<'a>(
    container: &'a Value,
    at: &str,
    claims: &Claims<'_>,
    seen: &mut Vec<&'a str>,
    causes: &mut Vec<Cause>,
) {
    let name = container.text(&["name"]);
    let field = format!("{at}.name");
    if name.is_empty() {
        causes.push(Cause::required(field, ""));
    } else {
        causes.extend(problems(names::dns1123_label(name), &field, name));
        if seen.contains(&name) {
            causes.push(Cause::duplicate(field, &name.into()));
        }
        seen.push(name);
    }
    let image = container.text(&["image"]);
    if image.is_empty() {
        causes.push(Cause::required(format!("{at}.image"), ""));
    } else if image.trim() != image {
        let text = "must not have leading or trailing whitespace";
        causes.push(Cause::invalid(format!("{at}.image"), &image.into(), text));
    }
    one_of(container, "terminationMessagePolicy", at, &["File", "FallbackToLogsOnError"], causes);
    ports(container, at, claims.host, causes);
    env(container, at, causes);
    mounts(container, at, claims.volumes, causes);
    one_of(container, "imagePullPolicy", at, &["Always", "IfNotPresent", "Never"], causes);
    resources(&container["resources"], &format!("{at}.resources"), causes);
    security(&container["securityContext"], &format!("{at}.securityContext"), causes);
}

fn ports(container: &Value, at: &str, host: bool, causes: &mut Vec<Cause>) {
    let mut seen: Vec<&str> = Vec::new();
    for (i, entry) in container.items(&["ports"]).iter().enumerate() {
        let at = format!("{at}.ports[{i}]");
        let name = entry.text(&["name"]);
        if !name.is_empty() {
            let field = format!("{at}.name");
            let found = names::port_name(name);
            if found.is_empty() && seen.contains(&name) {
                causes.push(Cause::duplicate(field, &name.into()));
            } else {
                causes.extend(problems(found, &field, name));
                seen.push(name);
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

fn host_ports(containers: &[Value], at: &str, causes: &mut Vec<Cause>) {
    let mut seen: Vec<String> = Vec::new();
    for (i, container) in containers.iter().enumerate() {
        for (j, entry) in container.items(&["ports"]).iter().enumerate() {
            let number = entry.int(&["hostPort"]).unwrap_or(0);
            if number == 0 {
                continue;
            }
            let key = format!("{}/{}/{number}", entry.text(&["protocol"]), entry.text(&["hostIP"]));
            if seen.contains(&key) {
                let field = format!("{at}.containers[{i}].ports[{j}].hostPort");
                causes.push(Cause::duplicate(field, &key.into()));
            } else {
                seen.push(key);
            }
        }
    }
}

const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];
const POD_FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

fn env(container: &Value, at: &str, causes: &mut Vec<Cause>) {
    for (i, entry) in container.items(&["env"]).iter().enumerate() {
        let at = format!("{at}.env[{i}]");
        let name = entry.text(&["name"]);
        if name.is_empty() {
            causes.push(Cause::required(format!("{at}.name"), ""));
        } else {
            causes.extend(problems(names::env_name(name), &format!("{at}.name"), name));
        }
        if has(entry, &["valueFrom"]) {
            value_from(entry, &at, causes);
        }
    }
    for (i, source) in container.items(&["envFrom"]).iter().enumerate() {
        let whole = format!("{at}.envFrom");
        let at = format!("{at}.envFrom[{i}]");
        let given: Vec<&str> =
            ["configMapRef", "secretRef"].into_iter().filter(|k| has(source, &[k])).collect();
        for key in &given {
            if source.text(&[key, "name"]).is_empty() {
                causes.push(Cause::required(format!("{at}.{key}.name"), ""));
            }
        }
        match given.len() {
            0 => {
                let text = "must specify one of: `configMapRef` or `secretRef`";
                causes.push(Cause::invalid(whole, &"".into(), text));
            }
            1 => {}
            _ => causes.push(Cause::invalid(
                whole.clone(),
                &"".into(),
                "may not have more than one field specified at a time",
            )),
        }
    }
}

fn value_from(entry: &Value, at: &str, causes: &mut Vec<Cause>) {
    let at = format!("{at}.valueFrom");
    let source = &entry["valueFrom"];
    let mut count = 0;
    if has(source, &["fieldRef"]) {
        count += 1;
        let path = source.text(&["fieldRef", "fieldPath"]);
        let field = format!("{at}.fieldRef.fieldPath");
        let keyed = ["metadata.labels['", "metadata.annotations['"].iter().any(|p| path.starts_with(p));
        if path.is_empty() {
            causes.push(Cause::required(field, ""));
        } else if !POD_FIELDS.contains(&path) && !keyed {
            let text = format!("error converting fieldPath: field label not supported: {path}");
            causes.push(Cause::invalid(field, &path.into(), &text));
        }
    }
    if has(source, &["resourceFieldRef"]) {
        count += 1;
        let resource = source.text(&["resourceFieldRef", "resource"]);
        let field = format!("{at}.resourceFieldRef.resource");
        if resource.is_empty() {
            causes.push(Cause::required(field, ""));
        } else if !RESOURCES.contains(&resource) && !resource.contains("hugepages-") {
            causes.push(Cause::unsupported(field, &resource.into(), &RESOURCES));
        }
    }
    for kind in ["configMapKeyRef", "secretKeyRef"] {
        if !has(source, &[kind]) {
            continue;
        }
        count += 1;
        let name = source.text(&[kind, "name"]);
        causes.extend(problems(names::dns1123_subdomain(name), &format!("{at}.{kind}.name"), name));
        let key = source.text(&[kind, "key"]);
        if key.is_empty() {
            causes.push(Cause::required(format!("{at}.{kind}.key"), ""));
        } else {
            causes.extend(problems(names::config_key(key), &format!("{at}.{kind}.key"), key));
        }
    }
    count += usize::from(has(source, &["fileKeyRef"]));
    if count == 0 {
        let text = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or \
                    `fileKeyRef`";
        causes.push(Cause::invalid(at, &"".into(), text));
    } else if !entry.text(&["value"]).is_empty() {
        causes.push(Cause::invalid(at, &"".into(), "may not be specified when `value` is not empty"));
    } else if count > 1 {
        causes.push(Cause::invalid(at, &"".into(), "may not have more than one field specified at a time"));
    }
}

fn mounts(container: &Value, at: &str, volumes: &[String], causes: &mut Vec<Cause>) {
    let mut paths: Vec<&str> = Vec::new();
    for (i, mount) in container.items(&["volumeMounts"]).iter().enumerate() {
        let sub_field = format!("{at}.volumeMounts.subPath");
        let at = format!("{at}.volumeMounts[{i}]");
        let name = mount.text(&["name"]);
        if name.is_empty() {
            causes.push(Cause::required(format!("{at}.name"), ""));
        }
        if !volumes.iter().any(|v| v == name) {
            causes.push(Cause::not_found(format!("{at}.name"), &name.into()));
        }
        let path = mount.text(&["mountPath"]);
        if path.is_empty() {
            causes.push(Cause::required(format!("{at}.mountPath"), ""));
        }
        if paths.contains(&path) {
            causes.push(Cause::invalid(format!("{at}.mountPath"), &path.into(), "must be unique"));
        }
        paths.push(path);
        let sub = mount.text(&["subPath"]);
        if sub.starts_with('/') {
            causes.push(Cause::invalid(sub_field, &sub.into(), "must be a relative path"));
        } else if sub.split('/').any(|p| p == "..") {
            causes.push(Cause::invalid(sub_field, &sub.into(), "must not contain '..'"));
        }
    }
}

/// Limits and requests.
pub(super) fn resources(resources: &Value, at: &str, causes: &mut Vec<Cause>) {
    for kind in ["limits", "requests"] {
        for (key, amount) in resources[kind].as_object().into_iter().flatten() {
            let field = format!("{at}.{kind}[{key}]");
            let Some(parsed) = quantity(amount) else { continue };
            let simple = matches!(key.as_str(), "cpu" | "memory" | "ephemeral-storage")
                || key.starts_with("hugepages-");
            if !simple && !key.contains('/') {
                for text in [
                    "must be a standard resource type or fully qualified",
                    "must be a standard resource for containers",
                ] {
                    causes.push(Cause::invalid(field.clone(), &key.as_str().into(), text));
                }
            }
            if parsed.nano() < 0 {
                causes.push(Cause::invalid(field.clone(), amount, super::common::NOT_NEGATIVE));
            }
            if key.contains('/') && !parsed.is_whole() {
                causes.push(Cause::invalid(field, amount, "must be an integer"));
            }
        }
    }
    for (key, amount) in resources["requests"].as_object().into_iter().flatten() {
        let limit = resources["limits"].get(key);
        let (Some(request), Some(limit_amount)) = (quantity(amount), limit.and_then(quantity)) else {
            continue;
        };
        let exact = key.contains('/');
        if exact && request.nano() != limit_amount.nano() {
            let text = format!("must be equal to {key} limit of {limit_amount}");
            causes.push(Cause::invalid(format!("{at}.requests"), amount, &text));
        } else if request.nano() > limit_amount.nano() {
            let text = format!("must be less than or equal to {key} limit of {limit_amount}");
            causes.push(Cause::invalid(format!("{at}.requests"), amount, &text));
        }
    }
}

fn handler(holder: &Value, kinds: &[&str], at: &str, causes: &mut Vec<Cause>) {
    let mut count = 0;
    for kind in kinds {
        if !has(holder, &[kind]) {
            continue;
        }
        if count > 0 {
            causes.push(Cause::forbidden(format!("{at}.{kind}"), "may not specify more than 1 handler type"));
            continue;
        }
        count += 1;
        let inner = &holder[*kind];
        let at = format!("{at}.{kind}");
        match *kind {
            "exec" if inner.items(&["command"]).is_empty() => {
                causes.push(Cause::required(format!("{at}.command"), ""));
            }
            "httpGet" => {
                named_port(&inner["port"], &format!("{at}.port"), causes);
                one_of(inner, "scheme", &at, &["HTTP", "HTTPS"], causes);
                for (i, header) in inner.items(&["httpHeaders"]).iter().enumerate() {
                    if header.text(&["name"]).is_empty() {
                        causes.push(Cause::required(format!("{at}.httpHeaders[{i}].name"), ""));
                    }
                }
            }
            "tcpSocket" => named_port(&inner["port"], &format!("{at}.port"), causes),
            "grpc" => port(inner.int(&["port"]).unwrap_or(0), &format!("{at}.port"), causes),
            _ => {}
        }
    }
    if count == 0 {
        causes.push(Cause::required(at, "must specify a handler type"));
    }
}

fn named_port(value: &Value, field: &str, causes: &mut Vec<Cause>) {
    match value {
        Value::String(name) => causes.extend(problems(names::port_name(name), field, name)),
        other => port(other.as_i64().unwrap_or(0), field, causes),
    }
}

fn lifecycle(container: &Value, at: &str, causes: &mut Vec<Cause>) {
    for hook in ["postStart", "preStop"] {
        let inner = &container["lifecycle"][hook];
        if inner.is_object() {
            handler(
                inner,
                &["exec", "httpGet", "tcpSocket", "sleep"],
                &format!("{at}.lifecycle.{hook}"),
                causes,
            );
        }
    }
}

fn probe(container: &Value, field: &str, at: &str, causes: &mut Vec<Cause>) {
    let probe = &container[field];
    if !probe.is_object() {
        return;
    }
    let at = format!("{at}.{field}");
    handler(probe, &["exec", "httpGet", "tcpSocket", "grpc"], &at, causes);
    for number in
        ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"]
    {
        not_negative(probe, number, &at, causes);
    }
    if let Some(grace) = probe.int(&["terminationGracePeriodSeconds"]) {
        let name = format!("{at}.terminationGracePeriodSeconds");
        if field == "readinessProbe" {
            causes.push(Cause::invalid(name, &grace.into(), "must not be set for readinessProbes"));
        } else if grace <= 0 {
            causes.push(Cause::invalid(name, &grace.into(), "must be greater than 0"));
        }
    }
    if field != "readinessProbe"
        && let Some(count) = probe.int(&["successThreshold"])
        && count != 1
    {
        causes.push(Cause::invalid(format!("{at}.successThreshold"), &count.into(), "must be 1"));
    }
}

/// A user or group id.
pub(super) fn id(context: &Value, field: &str, at: &str, causes: &mut Vec<Cause>) {
    if let Some(number) = context.int(&[field])
        && !(0..=i64::from(i32::MAX)).contains(&number)
    {
        let text = "must be between 0 and 2147483647, inclusive";
        causes.push(Cause::invalid(format!("{at}.{field}"), &number.into(), text));
    }
}

/// A seccomp profile.
pub(super) fn seccomp(profile: &Value, at: &str, causes: &mut Vec<Cause>) {
    if !profile.is_object() {
        return;
    }
    let local = has(profile, &["localhostProfile"]);
    match profile.text(&["type"]) {
        "Localhost" if !local => {
            let text = "must be set when seccomp type is Localhost";
            causes.push(Cause::required(format!("{at}.localhostProfile"), text));
        }
        "Localhost" => {}
        "RuntimeDefault" | "Unconfined" if local => {
            let text = "can only be set when seccomp type is Localhost";
            let shown = profile["localhostProfile"].clone();
            causes.push(Cause::invalid(format!("{at}.localhostProfile"), &shown, text));
        }
        "RuntimeDefault" | "Unconfined" => {}
        "" => {
            causes.push(Cause::required(format!("{at}.type"), "type is required when seccompProfile is set"))
        }
        other => {
            let supported = ["Localhost", "RuntimeDefault", "Unconfined"];
            causes.push(Cause::unsupported(format!("{at}.type"), &other.into(), &supported));
        }
    }
}

fn security(context: &Value, at: &str, causes: &mut Vec<Cause>) {
    if !context.is_object() {
        return;
    }
    let flag = |key: &str| context.get(key).and_then(Value::as_bool);
    // Privileged containers are allowed, as on every cluster that people use; a bare API server refuses them.
    id(context, "runAsUser", at, causes);
    id(context, "runAsGroup", at, causes);
    if has(context, &["procMount"]) {
        one_of(context, "procMount", at, &["Default", "Unmasked"], causes);
    }
    seccomp(&context["seccompProfile"], &format!("{at}.seccompProfile"), causes);
    if flag("allowPrivilegeEscalation") == Some(false) {
        let added = context.items(&["capabilities", "add"]);
        let admin = added.iter().any(|c| c == "CAP_SYS_ADMIN" || c == "SYS_ADMIN");
        let why = if flag("privileged") == Some(true) {
            Some("`privileged` to true")
        } else if admin {
            Some("`capabilities.Add` CAP_SYS_ADMIN")
        } else {
            None
        };
        if let Some(why) = why {
            let text = format!("cannot set `allowPrivilegeEscalation` to false and {why}");
            let get = |key: &str| context.get(key).cloned().unwrap_or(Value::Null);
            let shown = super::common::go_struct(&[
                ("Capabilities", get("capabilities")),
                ("Privileged", get("privileged")),
                ("SELinuxOptions", get("seLinuxOptions")),
                ("WindowsOptions", get("windowsOptions")),
                ("RunAsUser", get("runAsUser")),
                ("RunAsGroup", get("runAsGroup")),
                ("RunAsNonRoot", get("runAsNonRoot")),
                ("ReadOnlyRootFilesystem", get("readOnlyRootFilesystem")),
                ("AllowPrivilegeEscalation", get("allowPrivilegeEscalation")),
                ("ProcMount", get("procMount")),
                ("SeccompProfile", get("seccompProfile")),
                ("AppArmorProfile", get("appArmorProfile")),
            ]);
            causes.push(super::common::invalid_struct(at, &shown, &text));
        }
    }
}
