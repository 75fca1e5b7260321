//! Services.

use serde_json::{Value, json};

use super::common::{IMMUTABLE, has, ip, one_of, port, problems};
use crate::names;
use crate::status::Cause;
use crate::value::Get;

const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

/// What only new services are checked for.
pub(super) fn new(_service: &Value) -> Vec<Cause> {
    Vec::new()
}

/// The content of a service.
pub(super) fn of_service(service: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &service["spec"];
    let kind = spec.text(&["type"]);
    let address = spec.text(&["clusterIP"]);
    let ports = spec.items(&["ports"]);
    let headless = address == "None";
    if ports.is_empty() && !headless && kind != "ExternalName" {
        causes.push(Cause::required("spec.ports", ""));
    }
    if kind == "ExternalName" {
        let name = spec.text(&["externalName"]);
        if !address.is_empty() {
            causes.push(Cause::forbidden("spec.clusterIPs", "may not be set for ExternalName services"));
        }
        if name.is_empty() {
            causes.push(Cause::required("spec.externalName", ""));
        } else {
            let name = name.trim_end_matches('.');
            causes.extend(problems(names::dns1123_subdomain(name), "spec.externalName", name));
        }
    }
    if matches!(kind, "NodePort" | "LoadBalancer") && headless {
        let text = format!("may not be set to 'None' for {kind} services");
        causes.push(Cause::invalid("spec.clusterIPs[0]", &"None".into(), &text));
    }
    self::ports(spec, &mut causes);
    for (key, value) in spec["selector"].as_object().into_iter().flatten() {
        causes.extend(problems(names::qualified_name(key), "spec.selector", key));
        let value = value.as_str().unwrap_or_default();
        causes.extend(problems(names::label_value(value), "spec.selector", value));
    }
    match spec.text(&["sessionAffinity"]) {
        "" => causes.push(Cause::required("spec.sessionAffinity", "")),
        _ => one_of(spec, "sessionAffinity", "spec", &["ClientIP", "None"], &mut causes),
    }
    if let Some(seconds) = spec.int(&["sessionAffinityConfig", "clientIP", "timeoutSeconds"])
        && !(1..=86_400).contains(&seconds)
    {
        let text = "must be greater than 0 and less than 86400";
        causes.push(Cause::invalid(
            "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
            &seconds.into(),
            text,
        ));
    }
    addresses(spec, kind, &mut causes);
    match kind {
        "" => causes.push(Cause::required("spec.type", "")),
        _ => one_of(spec, "type", "spec", &TYPES, &mut causes),
    }
    if kind == "ClusterIP" {
        for (i, entry) in ports.iter().enumerate() {
            if entry.int(&["nodePort"]).unwrap_or(0) != 0 {
                let text = "may not be used when `type` is 'ClusterIP'";
                causes.push(Cause::forbidden(format!("spec.ports[{i}].nodePort"), text));
            }
        }
    }
    duplicates(ports, &mut causes);
    external_policy(spec, kind, &mut causes);
    let only_balanced = "may only be used when `type` is 'LoadBalancer'";
    if kind != "LoadBalancer" {
        if has(spec, &["allocateLoadBalancerNodePorts"]) {
            causes.push(Cause::forbidden("spec.allocateLoadBalancerNodePorts", only_balanced));
        }
        if !spec.text(&["loadBalancerClass"]).is_empty() {
            causes.push(Cause::forbidden("spec.loadBalancerClass", only_balanced));
        }
        if !spec.items(&["loadBalancerSourceRanges"]).is_empty() {
            causes.push(Cause::forbidden("spec.LoadBalancerSourceRanges", only_balanced));
        }
    }
    for (i, range) in spec.items(&["loadBalancerSourceRanges"]).iter().filter_map(Value::as_str).enumerate() {
        super::network::cidr(range, &format!("spec.LoadBalancerSourceRanges[{i}]"), &mut causes);
    }
    if has(spec, &["internalTrafficPolicy"]) {
        one_of(spec, "internalTrafficPolicy", "spec", &["Cluster", "Local"], &mut causes);
    }
    causes
}

fn ports(spec: &Value, causes: &mut Vec<Cause>) {
    let ports = spec.items(&["ports"]);
    let named = ports.len() > 1;
    let mut seen: Vec<&str> = Vec::new();
    for (i, entry) in ports.iter().enumerate() {
        let at = format!("spec.ports[{i}]");
        let name = entry.text(&["name"]);
        if name.is_empty() {
            if named {
                causes.push(Cause::required(format!("{at}.name"), ""));
            }
        } else {
            causes.extend(problems(names::dns1123_label(name), &format!("{at}.name"), name));
            if seen.contains(&name) {
                causes.push(Cause::duplicate(format!("{at}.name"), &name.into()));
            }
            seen.push(name);
        }
        port(entry.int(&["port"]).unwrap_or(0), &format!("{at}.port"), causes);
        match entry.text(&["protocol"]) {
            "" => causes.push(Cause::required(format!("{at}.protocol"), "")),
            _ => one_of(entry, "protocol", &at, &["SCTP", "TCP", "UDP"], causes),
        }
        match &entry["targetPort"] {
            Value::String(text) => {
                causes.extend(problems(names::port_name(text), &format!("{at}.targetPort"), text))
            }
            other => port(other.as_i64().unwrap_or(0), &format!("{at}.targetPort"), causes),
        }
        let protocol = entry.text(&["appProtocol"]);
        if !protocol.is_empty() {
            causes.extend(problems(names::qualified_name(protocol), &format!("{at}.appProtocol"), protocol));
        }
    }
    // Rules report the target before the protocol of one port.
    reorder(causes);
}

fn reorder(causes: &mut [Cause]) {
    for i in 1..causes.len() {
        let (a, b) = (&causes[i - 1], &causes[i]);
        let base = |c: &Cause| c.field.rsplit_once('.').map(|(base, _)| base.to_string());
        if a.field.ends_with(".protocol") && b.field.ends_with(".targetPort") && base(a) == base(b) {
            causes.swap(i - 1, i);
        }
    }
}

fn addresses(spec: &Value, kind: &str, causes: &mut Vec<Cause>) {
    if kind == "ExternalName" {
        return;
    }
    let list = spec.items(&["clusterIPs"]);
    let first = spec.text(&["clusterIP"]);
    if list.is_empty() && !first.is_empty() && first != "None" {
        ip(first, "spec.clusterIPs[0]", causes);
    }
    for (i, address) in list.iter().filter_map(Value::as_str).enumerate() {
        if address == "None" {
            continue;
        }
        ip(address, &format!("spec.clusterIPs[{i}]"), causes);
    }
    if let Some(head) = list.first().and_then(Value::as_str)
        && head != first
    {
        let text = "must match `clusterIP`";
        causes.push(Cause::invalid("spec.clusterIPs", &json!(list), text));
    }
    for (i, address) in spec.items(&["externalIPs"]).iter().filter_map(Value::as_str).enumerate() {
        let field = format!("spec.externalIPs[{i}]");
        ip(address, &field, causes);
        if address.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()) {
            let text = "may not be in the loopback range (127.0.0.0/8, ::1/128)";
            causes.push(Cause::invalid(field, &address.into(), text));
        }
    }
}

fn duplicates(ports: &[Value], causes: &mut Vec<Cause>) {
    let key = |p: &Value| (p["protocol"].clone(), p["port"].clone());
    for (i, entry) in ports.iter().enumerate() {
        if ports[..i].iter().any(|other| key(other) == key(entry)) {
            let text = format!(
                "Duplicate value: {{\"Name\":\"\",\"Protocol\":{},\"AppProtocol\":null,\"Port\":{},\"TargetPort\":0,\
                 \"NodePort\":0}}",
                entry["protocol"], entry["port"]
            );
            causes.push(Cause::other(format!("spec.ports[{i}]"), "FieldValueDuplicate", text));
        }
    }
}

fn external_policy(spec: &Value, kind: &str, causes: &mut Vec<Cause>) {
    let external = matches!(kind, "NodePort" | "LoadBalancer")
        || kind == "ClusterIP" && !spec.items(&["externalIPs"]).is_empty();
    let policy = spec.text(&["externalTrafficPolicy"]);
    if !policy.is_empty() {
        if !external {
            let text = "may only be set for externally-accessible services";
            causes.push(Cause::invalid("spec.externalTrafficPolicy", &policy.into(), text));
        } else {
            one_of(spec, "externalTrafficPolicy", "spec", &["Cluster", "Local"], causes);
        }
    }
}

/// A changed service keeps its address.
pub(super) fn of_update(live: &Value, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let old_kind = live.text(&["spec", "type"]);
    if old_kind != "ExternalName" && value.text(&["spec", "type"]) != "ExternalName" {
        let old = live.items(&["spec", "clusterIPs"]);
        let new = value.items(&["spec", "clusterIPs"]);
        if let (Some(a), Some(b)) = (old.first(), new.first())
            && a != b
        {
            let text = "may not change once set";
            causes.push(Cause::invalid("spec.clusterIPs[0]", &json!([b]), text));
        }
    }
    let class = |v: &Value| v.text(&["spec", "loadBalancerClass"]).to_string();
    if old_kind == "LoadBalancer"
        && value.text(&["spec", "type"]) == "LoadBalancer"
        && class(live) != class(value)
    {
        causes.push(Cause::invalid("spec.loadBalancerClass", &class(value).into(), IMMUTABLE));
    }
    causes
}
