//! Nodes, namespaces and what describes a cluster.

use serde_json::Value;

use super::common::{
    IMMUTABLE, NOT_NEGATIVE, duplicate_struct, go_struct, has, not_negative, one_of, problems, quantity,
};
use super::{container, pod};
use crate::names;
use crate::status::Cause;
use crate::value::Get;

/// Nodes.
pub(super) fn node(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut seen: Vec<(&str, &str)> = Vec::new();
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
        let pair = (key, taint.text(&["effect"]));
        if seen.contains(&pair) {
            let shown = go_struct(&[
                ("Key", key.into()),
                ("Value", shown.into()),
                ("Effect", taint["effect"].clone()),
                ("TimeAdded", taint["timeAdded"].clone()),
            ]);
            let text = "taints must be unique by key and effect pair";
            causes.push(duplicate_struct(&at, &shown, text));
        } else {
            seen.push(pair);
        }
    }
    for list in ["capacity", "allocatable"] {
        for (name, amount) in value["status"][list].as_object().into_iter().flatten() {
            if quantity(amount).is_some_and(|q| q.nano() < 0) {
                causes.push(Cause::invalid(format!("status.{list}.{name}"), amount, NOT_NEGATIVE));
            }
        }
    }
    for (i, range) in value["spec"].items(&["podCIDRs"]).iter().filter_map(Value::as_str).enumerate() {
        super::network::cidr(range, &format!("spec.podCIDRs[{i}]"), &mut causes);
    }
    causes
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

/// A changed priority class keeps what pods were given.
pub(super) fn priority_class_update(live: &Value, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if live.get("value") != value.get("value") {
        causes.push(Cause::forbidden("value", "may not be changed in an update."));
    }
    if live.get("preemptionPolicy") != value.get("preemptionPolicy") {
        causes.push(Cause::invalid("preemptionPolicy", &value["preemptionPolicy"], IMMUTABLE));
    }
    causes
}

/// A namespace.
pub(super) fn namespace(value: &Value) -> Vec<Cause> {
    finalizers(value, |_| "spec.finalizers".into())
}

/// A namespace whose finalizers change.
pub(super) fn finalized(value: &Value) -> Vec<Cause> {
    finalizers(value, |i| format!("spec.finalizers[{i}]"))
}

fn finalizers(value: &Value, field: fn(usize) -> String) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (i, finalizer) in value.items(&["spec", "finalizers"]).iter().enumerate() {
        let Some(name) = finalizer.as_str() else { continue };
        let field = field(i);
        causes.extend(problems(names::qualified_name(name), &field, name));
        if !name.contains('/') && !["kubernetes", "orphan", "foregroundDeletion"].contains(&name) {
            let text = "name is neither a standard finalizer name nor is it fully qualified";
            causes.push(Cause::invalid(field, &name.into(), text));
        }
    }
    causes
}

/// A class of runtimes.
pub(super) fn runtime_class(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let handler = value.text(&["handler"]);
    if handler.is_empty() {
        causes.push(Cause::required("handler", ""));
    } else {
        causes.extend(problems(names::dns1123_label(handler), "handler", handler));
    }
    container::overhead(&value["overhead"]["podFixed"], "overhead", &mut causes);
    let scheduling = &value["scheduling"];
    super::meta::labels(&scheduling["nodeSelector"], "scheduling.nodeSelector", &mut causes);
    pod::tolerations(scheduling, "scheduling", &mut causes);
    causes
}

/// A changed class of runtimes.
pub(super) fn runtime_class_update(live: &Value, value: &Value) -> Vec<Cause> {
    if live.get("handler") == value.get("handler") {
        return Vec::new();
    }
    vec![Cause::invalid("handler", &value["handler"], IMMUTABLE)]
}

/// A revision of a workload.
pub(super) fn revision(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let number = value.int(&["revision"]).unwrap_or(0);
    if number < 0 {
        causes.push(Cause::invalid("revision", &number.into(), NOT_NEGATIVE));
    }
    match &value["data"] {
        Value::Null => causes.push(Cause::required("data", "data is mandatory")),
        Value::Object(_) => {}
        _ => causes.push(Cause::required("data", "data must be a valid JSON object")),
    }
    causes
}

/// An address that belongs to an object.
pub(super) fn ip_address(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    super::common::ip(value.text(&["metadata", "name"]), "metadata.name", &mut causes);
    let parent = &value["spec"]["parentRef"];
    if !parent.is_object() {
        causes.push(Cause::required("spec.parentRef", ""));
        return causes;
    }
    let group = parent.text(&["group"]);
    if !group.is_empty() {
        causes.extend(problems(names::dns1123_subdomain(group), "spec.parentRef.group", group));
    }
    for key in ["resource", "name", "namespace"] {
        let text = parent.text(&[key]);
        let field = format!("spec.parentRef.{key}");
        if text.is_empty() && key != "namespace" {
            causes.push(Cause::required(field, ""));
        } else if !text.is_empty() {
            causes.extend(problems(names::path_segment(text), &field, text));
        }
    }
    causes
}

/// Ranges of addresses of services.
pub(super) fn service_range(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let ranges = value.items(&["spec", "cidrs"]);
    if ranges.is_empty() {
        causes.push(Cause::required("spec.cidrs", "at least one CIDR required"));
        return causes;
    }
    if ranges.len() > 2 {
        let text = "may only hold up to 2 values";
        let shown = serde_json::json!({"CIDRs": ranges});
        causes.push(Cause::invalid("spec.cidrs", &shown, text));
        return causes;
    }
    for (i, range) in ranges.iter().filter_map(Value::as_str).enumerate() {
        super::network::cidr(range, &format!("spec.cidrs[{i}]"), &mut causes);
    }
    if let [one, other] = ranges
        && causes.is_empty()
    {
        let of_six = |range: &Value| range.as_str().is_some_and(|range| range.contains(':'));
        if of_six(one) == of_six(other) {
            let text =
                "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64";
            causes.push(Cause::invalid("spec.cidrs", &Value::from(ranges.to_vec()), text));
        }
    }
    causes
}

/// A server behind this one.
pub(super) fn api_service(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    let (group, version) = (spec.text(&["group"]), spec.text(&["version"]));
    let (name, wanted) = (value.text(&["metadata", "name"]), format!("{version}.{group}"));
    if name != wanted {
        let text = format!("must be `spec.version+\".\"+spec.group`: {wanted:?}");
        causes.push(Cause::invalid("metadata.name", &name.into(), &text));
    }
    if !group.is_empty() {
        causes.extend(problems(names::dns1123_subdomain(group), "spec.group", group));
    } else if version != "v1" {
        let text = "only v1 may have an empty group and it better be legacy kube";
        causes.push(Cause::required("spec.group", text));
    }
    causes.extend(problems(names::dns1035_label(version), "spec.version", version));
    for (field, most) in [("groupPriorityMinimum", 20_000), ("versionPriority", 1_000)] {
        let number = spec.int(&[field]).unwrap_or(0);
        if !(1..=most).contains(&number) {
            let text = format!("must be positive and less than {most}");
            causes.push(Cause::invalid(format!("spec.{field}"), &number.into(), &text));
        }
    }
    let (bundle, skips) = (spec.text(&["caBundle"]), spec["insecureSkipTLSVerify"] == true);
    let field = "spec.insecureSkipTLSVerify";
    if !has(spec, &["service"]) {
        if !bundle.is_empty() {
            let shown = format!("{} bytes", bundle.trim_end_matches('=').len() * 3 / 4);
            let text = "local APIServices may not have a caBundle";
            causes.push(Cause::invalid("spec.caBundle", &shown.into(), text));
        }
        if skips {
            let text = "local APIServices may not have insecureSkipTLSVerify";
            causes.push(Cause::invalid(field, &true.into(), text));
        }
        return causes;
    }
    super::admission::service(&spec["service"], "spec.service", false, &mut causes);
    if skips && !bundle.is_empty() {
        causes.push(Cause::invalid(field, &true.into(), "may not be true if caBundle is present"));
    }
    causes
}

/// A wish for a certificate.
pub(super) fn signing_request(value: &Value) -> Vec<Cause> {
    use base64::Engine;
    const USAGES: [&str; 23] = [
        "any",
        "cert sign",
        "client auth",
        "code signing",
        "content commitment",
        "crl sign",
        "data encipherment",
        "decipher only",
        "digital signature",
        "email protection",
        "encipher only",
        "ipsec end system",
        "ipsec tunnel",
        "ipsec user",
        "key agreement",
        "key encipherment",
        "microsoft sgc",
        "netscape sgc",
        "ocsp signing",
        "s/mime",
        "server auth",
        "signing",
        "timestamping",
    ];
    let mut causes = Vec::new();
    let spec = &value["spec"];
    let request =
        base64::engine::general_purpose::STANDARD.decode(spec.text(&["request"])).unwrap_or_default();
    let text = String::from_utf8_lossy(&request);
    if !text.contains("-----BEGIN CERTIFICATE REQUEST-----") {
        let why = "PEM block type must be CERTIFICATE REQUEST";
        causes.push(Cause::invalid("spec.request", &spec["request"], why));
    }
    let usages = spec.items(&["usages"]);
    if usages.is_empty() {
        causes.push(Cause::required("spec.usages", ""));
    }
    for (i, usage) in usages.iter().enumerate() {
        let text = usage.as_str().unwrap_or_default();
        if !USAGES.contains(&text) {
            causes.push(Cause::unsupported(format!("spec.usages[{i}]"), &text.into(), &USAGES));
        }
    }
    for (i, usage) in usages.iter().enumerate().filter(|(i, usage)| usages[..*i].contains(usage)) {
        causes.push(Cause::duplicate(format!("spec.usages[{i}]"), usage));
    }
    signer(spec.text(&["signerName"]), "spec.signerName", &mut causes);
    if let Some(seconds) = spec.int(&["expirationSeconds"])
        && seconds < 600
    {
        let text = "may not specify a duration less than 600 seconds (10 minutes)";
        causes.push(Cause::invalid("spec.expirationSeconds", &seconds.into(), text));
    }
    causes
}

fn signer(name: &str, field: &str, causes: &mut Vec<Cause>) {
    if name.is_empty() {
        causes.push(Cause::required(field, ""));
        return;
    }
    let Some((domain, path)) = name.split_once('/').filter(|(_, path)| !path.contains('/')) else {
        let text = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
        causes.push(Cause::invalid(field, &name.into(), text));
        return;
    };
    causes.extend(problems(names::dns1123_subdomain(domain), field, domain));
    if domain.split('.').count() < 2 {
        let text = "should be a domain with at least two segments separated by dots";
        causes.push(Cause::invalid(field, &domain.into(), text));
    }
    for part in path.split('.') {
        causes.extend(problems(names::dns1123_label(part), field, part));
    }
}
