//! Services.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::common::{address, has, one_of, port, problems};
use super::network::{cidr, reachable};
use crate::names;
use crate::status::Cause;
use crate::value::Get;

const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const ONLY_BALANCED: &str = "may only be used when `type` is 'LoadBalancer'";

/// The content of a service.
pub(super) fn of_service(service: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &service["spec"];
    let kind = spec.text(&["type"]);
    let ports = spec.items(&["ports"]);
    let headless = kind == "ClusterIP" && spec.text(&["clusterIP"]) == "None";
    if ports.is_empty() && !headless && kind != "ExternalName" {
        causes.push(Cause::required("spec.ports", ""));
    }
    if matches!(kind, "NodePort" | "LoadBalancer") && spec.text(&["clusterIP"]) == "None" {
        let text = format!("may not be set to 'None' for {kind} services");
        causes.push(Cause::invalid("spec.clusterIPs[0]", &"None".into(), &text));
    }
    if kind == "ExternalName" {
        external_name(spec, &mut causes);
    }
    self::ports(ports, &mut causes);
    super::meta::labels(&spec["selector"], "spec.selector", &mut causes);
    affinity(spec, &mut causes);
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
    balancer(service, kind, &mut causes);
    external_policy(spec, kind, &mut causes);
    if has(spec, &["internalTrafficPolicy"]) {
        one_of(spec, "internalTrafficPolicy", "spec", &["Cluster", "Local"], &mut causes);
    }
    if has(spec, &["trafficDistribution"]) {
        const WAYS: [&str; 3] = ["PreferClose", "PreferSameZone", "PreferSameNode"];
        one_of(spec, "trafficDistribution", "spec", &WAYS, &mut causes);
    }
    causes
}

fn external_name(spec: &Value, causes: &mut Vec<Cause>) {
    let text = "may not be set for ExternalName services";
    if !spec.items(&["clusterIPs"]).is_empty() || !spec.text(&["clusterIP"]).is_empty() {
        causes.push(Cause::forbidden("spec.clusterIPs", text));
    }
    if !spec.items(&["ipFamilies"]).is_empty() {
        causes.push(Cause::forbidden("spec.ipFamilies", text));
    }
    if has(spec, &["ipFamilyPolicy"]) {
        causes.push(Cause::forbidden("spec.ipFamilyPolicy", text));
    }
    let name = spec.text(&["externalName"]);
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() {
        causes.push(Cause::required("spec.externalName", ""));
    } else {
        causes.extend(problems(names::dns1123_subdomain(name), "spec.externalName", name));
    }
}

fn ports(ports: &[Value], causes: &mut Vec<Cause>) {
    let named = ports.len() > 1;
    let mut seen: HashSet<&str> = HashSet::new();
    for (i, entry) in ports.iter().enumerate() {
        let at = format!("spec.ports[{i}]");
        let name = entry.text(&["name"]);
        if name.is_empty() {
            if named {
                causes.push(Cause::required(format!("{at}.name"), ""));
            }
        } else {
            causes.extend(problems(names::dns1123_label(name), &format!("{at}.name"), name));
            if !seen.insert(name) {
                causes.push(Cause::duplicate(format!("{at}.name"), &name.into()));
            }
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
        if has(entry, &["appProtocol"]) {
            let protocol = entry.text(&["appProtocol"]);
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

fn affinity(spec: &Value, causes: &mut Vec<Cause>) {
    match spec.text(&["sessionAffinity"]) {
        "" => causes.push(Cause::required("spec.sessionAffinity", "")),
        _ => one_of(spec, "sessionAffinity", "spec", &["ClientIP", "None"], causes),
    }
    if let Some(seconds) = spec.int(&["sessionAffinityConfig", "clientIP", "timeoutSeconds"])
        && !(1..=86_400).contains(&seconds)
    {
        let text = "must be greater than 0 and less than 86400";
        let field = "spec.sessionAffinityConfig.clientIP.timeoutSeconds";
        causes.push(Cause::invalid(field, &seconds.into(), text));
    }
}

fn addresses(spec: &Value, kind: &str, causes: &mut Vec<Cause>) {
    if kind != "ExternalName" {
        cluster_addresses(spec, causes);
    }
    for (i, text) in spec.items(&["externalIPs"]).iter().filter_map(Value::as_str).enumerate() {
        let field = format!("spec.externalIPs[{i}]");
        let before = causes.len();
        address(text, &field, causes);
        if causes.len() == before {
            reachable(text, &field, causes);
        }
    }
}

/// What is wrong with the addresses of a service and their families.
pub(crate) fn of_addresses(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if value.text(&["spec", "type"]) != "ExternalName" {
        cluster_addresses(&value["spec"], &mut causes);
    }
    causes
}

fn cluster_addresses(spec: &Value, causes: &mut Vec<Cause>) {
    let list = spec.items(&["clusterIPs"]);
    let first = spec.text(&["clusterIP"]);
    let shown = json!(list);
    match list.first().and_then(Value::as_str) {
        Some(_) if first.is_empty() => {
            let text = "must be empty when `clusterIP` is not specified";
            causes.push(Cause::invalid("spec.clusterIPs", &shown, text));
        }
        Some(head) if head != first => {
            let text = "first value must match `clusterIP`";
            causes.push(Cause::invalid("spec.clusterIPs", &shown, text));
        }
        None if !first.is_empty() && first != "None" => address(first, "spec.clusterIPs[0]", causes),
        _ => {}
    }
    let families = spec.items(&["ipFamilies"]);
    for (i, family) in families.iter().enumerate() {
        let (field, text) = (format!("spec.ipFamilies[{i}]"), family.as_str().unwrap_or_default());
        if !["IPv4", "IPv6"].contains(&text) {
            causes.push(Cause::unsupported(field.clone(), &text.into(), &["IPv4", "IPv6"]));
        }
        if families[..i].contains(family) {
            causes.push(Cause::duplicate(field, family));
        }
    }
    if has(spec, &["ipFamilyPolicy"]) {
        const POLICIES: [&str; 3] = ["PreferDualStack", "RequireDualStack", "SingleStack"];
        one_of(spec, "ipFamilyPolicy", "spec", &POLICIES, causes);
    }
    let before = causes.len();
    for (i, text) in list.iter().filter_map(Value::as_str).enumerate() {
        if i == 0 && text == "None" {
            if list.len() > 1 {
                let text = "'None' must be the first and only value";
                causes.push(Cause::invalid("spec.clusterIPs", &shown, text));
            }
            continue;
        }
        address(text, &format!("spec.clusterIPs[{i}]"), causes);
    }
    let bad = causes.len() > before;
    if list.len() > 2 {
        causes.push(Cause::invalid("spec.clusterIPs", &shown, "may only hold up to 2 values"));
    }
    let six = |value: &Value| value.as_str().is_some_and(|text| text.contains(':'));
    if !bad && list.len() > 1 && (list.iter().all(six) || !list.iter().any(six)) {
        let text = "may specify no more than one IP for each IP family";
        causes.push(Cause::invalid("spec.clusterIPs", &shown, text));
    }
}

fn duplicates(ports: &[Value], causes: &mut Vec<Cause>) {
    let mut nodes = HashSet::new();
    for (i, entry) in ports.iter().enumerate() {
        let number = entry.int(&["nodePort"]).unwrap_or(0);
        if number != 0 && !nodes.insert((entry.text(&["protocol"]), number)) {
            let shown = &entry["nodePort"];
            causes.push(Cause::duplicate(format!("spec.ports[{i}].nodePort"), shown));
        }
    }
    let mut keys = HashSet::new();
    for (i, entry) in ports.iter().enumerate() {
        if !keys.insert((entry.text(&["protocol"]), entry.int(&["port"]))) {
            let text = format!(
                "Duplicate value: {{\"Name\":\"\",\"Protocol\":{},\"AppProtocol\":null,\"Port\":{},\"TargetPort\":0,\
                 \"NodePort\":0}}",
                entry["protocol"], entry["port"]
            );
            causes.push(Cause::other(format!("spec.ports[{i}]"), "FieldValueDuplicate", text));
        }
    }
}

/// What only load balancers have.
fn balancer(service: &Value, kind: &str, causes: &mut Vec<Cause>) {
    const RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";
    let spec = &service["spec"];
    let balanced = kind == "LoadBalancer";
    let ranges = spec.items(&["loadBalancerSourceRanges"]);
    let annotated = service.at(&["metadata", "annotations", RANGES]).and_then(Value::as_str);
    let field = if ranges.is_empty() {
        format!("metadata.annotations[{RANGES}]")
    } else {
        "spec.LoadBalancerSourceRanges".to_owned()
    };
    if !balanced && (!ranges.is_empty() || annotated.is_some()) {
        causes.push(Cause::forbidden(field.clone(), ONLY_BALANCED));
    }
    for (i, range) in ranges.iter().filter_map(Value::as_str).enumerate() {
        cidr(range.trim(), &format!("{field}[{i}]"), causes);
    }
    if ranges.is_empty() {
        for range in annotated.into_iter().flat_map(|text| text.split(',')).map(str::trim) {
            cidr(range, &field, causes);
        }
    }
    if !balanced && has(spec, &["allocateLoadBalancerNodePorts"]) {
        causes.push(Cause::forbidden("spec.allocateLoadBalancerNodePorts", ONLY_BALANCED));
    }
    if has(spec, &["loadBalancerClass"]) {
        let class = spec.text(&["loadBalancerClass"]);
        if balanced {
            causes.extend(problems(names::qualified_name(class), "spec.loadBalancerClass", class));
        } else {
            causes.push(Cause::forbidden("spec.loadBalancerClass", ONLY_BALANCED));
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
    let number = spec.int(&["healthCheckNodePort"]).unwrap_or(0);
    if kind == "LoadBalancer" && policy == "Local" {
        if number != 0 {
            port(number, "spec.healthCheckNodePort", causes);
        }
    } else if number != 0 {
        let text = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
        causes.push(Cause::invalid("spec.healthCheckNodePort", &number.into(), text));
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
        let text = "may not change once set";
        causes.push(Cause::invalid("spec.loadBalancerClass", &value["spec"]["loadBalancerClass"], text));
    }
    let checked = |v: &Value| {
        v.text(&["spec", "type"]) == "LoadBalancer" && v.text(&["spec", "externalTrafficPolicy"]) == "Local"
    };
    let health = |v: &Value| v.int(&["spec", "healthCheckNodePort"]).unwrap_or(0);
    if checked(live) && checked(value) && health(live) != health(value) {
        causes.push(Cause::forbidden("spec.healthCheckNodePort", super::common::IMMUTABLE));
    }
    causes
}
