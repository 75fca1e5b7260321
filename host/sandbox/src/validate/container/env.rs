//! The environment of containers.

use serde_json::Value;

use crate::names;
use crate::status::Cause;
use crate::validate::common::{has, problems, quantity};
use crate::validate::volume::no_backsteps;
use crate::value::Get;

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
/// All fields that can be converted, whether or not they make sense here.
const KNOWN_FIELDS: [&str; 4] =
    ["metadata.annotations", "metadata.labels", "spec.restartPolicy", "status.phase"];

pub(super) fn of_container(container: &Value, at: &str, causes: &mut Vec<Cause>) {
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
        let prefix = source.text(&["prefix"]);
        if !prefix.is_empty() {
            causes.extend(problems(names::env_name(prefix), &format!("{at}.prefix"), prefix));
        }
        let given: Vec<&str> =
            ["configMapRef", "secretRef"].into_iter().filter(|k| has(source, &[k])).collect();
        for key in &given {
            let name = source.text(&[key, "name"]);
            let field = format!("{at}.{key}.name");
            if name.is_empty() {
                causes.push(Cause::required(field, ""));
            } else {
                causes.extend(problems(names::dns1123_subdomain(name), &field, name));
            }
        }
        let text = match given.len() {
            0 => "must specify one of: `configMapRef` or `secretRef`",
            1 => continue,
            _ => "may not have more than one field specified at a time",
        };
        causes.push(Cause::invalid(whole, &"".into(), text));
    }
}

fn value_from(entry: &Value, at: &str, causes: &mut Vec<Cause>) {
    let at = format!("{at}.valueFrom");
    let source = &entry["valueFrom"];
    let mut count = 0;
    if has(source, &["fieldRef"]) {
        count += 1;
        field_reference(&source["fieldRef"], &POD_FIELDS, &format!("{at}.fieldRef"), causes);
    }
    if has(source, &["resourceFieldRef"]) {
        count += 1;
        resource_reference(&source["resourceFieldRef"], false, &format!("{at}.resourceFieldRef"), causes);
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
    if has(source, &["fileKeyRef"]) {
        count += 1;
        file_reference(&source["fileKeyRef"], &format!("{at}.fileKeyRef"), causes);
    }
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

fn file_reference(reference: &Value, at: &str, causes: &mut Vec<Cause>) {
    for (field, check) in
        [("key", names::env_name as fn(&str) -> Vec<String>), ("volumeName", names::dns1123_label)]
    {
        let text = reference.text(&[field]);
        if text.is_empty() {
            causes.push(Cause::required(format!("{at}.{field}"), ""));
        } else {
            causes.extend(problems(check(text), &format!("{at}.{field}"), text));
        }
    }
    let path = reference.text(&["path"]);
    if path.is_empty() {
        causes.push(Cause::required(format!("{at}.path"), ""));
    } else {
        no_backsteps(path, &format!("{at}.path"), causes);
    }
}

/// A path with a subscript, as in `metadata.labels['a']`.
fn subscripted(path: &str) -> Option<(&str, &str)> {
    let (path, rest) = path.split_once("['")?;
    Some((path, rest.strip_suffix("']")?))
}

/// A reference to a field of the pod.
pub(in crate::validate) fn field_reference(
    reference: &Value,
    supported: &[&str],
    at: &str,
    causes: &mut Vec<Cause>,
) {
    let (version, path) = (reference.text(&["apiVersion"]), reference.text(&["fieldPath"]));
    let field = format!("{at}.fieldPath");
    if path.is_empty() {
        causes.push(Cause::required(field, ""));
        return;
    }
    let refuse = |why: String| {
        Cause::invalid(field.clone(), &path.into(), &format!("error converting fieldPath: {why}"))
    };
    if !matches!(version, "" | "v1") {
        causes.push(refuse(format!("unsupported pod version: {version}")));
        return;
    }
    if let Some((map, key)) = subscripted(path) {
        match map {
            "metadata.annotations" => {
                causes.extend(problems(names::qualified_name(&key.to_lowercase()), at, &key.to_lowercase()))
            }
            "metadata.labels" => causes.extend(problems(names::qualified_name(key), at, key)),
            _ => causes.push(refuse(format!("field label does not support subscript: {path}"))),
        }
    } else if !POD_FIELDS.contains(&path) && !KNOWN_FIELDS.contains(&path) {
        causes.push(refuse(format!("field label not supported: {path}")));
    } else if !supported.contains(&path) {
        causes.push(Cause::unsupported(field, &path.into(), supported));
    }
}

/// A reference to an amount of a container.
pub(in crate::validate) fn resource_reference(
    reference: &Value,
    of_volume: bool,
    at: &str,
    causes: &mut Vec<Cause>,
) {
    let resource = reference.text(&["resource"]);
    let field = format!("{at}.resource");
    let huge = ["limits.hugepages-", "requests.hugepages-"].iter().any(|prefix| resource.starts_with(prefix));
    if of_volume && reference.text(&["containerName"]).is_empty() {
        causes.push(Cause::required(format!("{at}.containerName"), ""));
    } else if resource.is_empty() {
        causes.push(Cause::required(field, ""));
    } else if !RESOURCES.contains(&resource) && !huge {
        causes.push(Cause::unsupported(field, &resource.into(), &RESOURCES));
    }
    let Some(divisor) = quantity(&reference["divisor"]).filter(|divisor| divisor.nano() != 0) else { return };
    const UNITS: [&str; 13] =
        ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];
    let shown = divisor.to_string();
    let what = match resource {
        "limits.cpu" | "requests.cpu" => {
            if !["1m", "1"].contains(&&*shown) {
                let text = "only divisor's values 1m and 1 are supported with the cpu resource";
                causes.push(Cause::invalid(format!("{at}.divisor"), &resource.into(), text));
            }
            return;
        }
        "limits.memory" | "requests.memory" => "memory",
        "limits.ephemeral-storage" | "requests.ephemeral-storage" => "local ephemeral storage",
        _ if huge => "hugepages",
        _ => return,
    };
    if !UNITS.contains(&&*shown) {
        let text =
            format!("only divisor's values {} are supported with the {what} resource", UNITS.join(", "));
        causes.push(Cause::invalid(format!("{at}.divisor"), &resource.into(), &text));
    }
}
