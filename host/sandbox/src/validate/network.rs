//! Ingresses, network policies and endpoint slices.

use serde_json::Value;

use super::common::{has, ip, one_of, port, problems, selector};
use crate::names;
use crate::status::Cause;
use crate::value::Get;

fn host(text: &str, field: &str, causes: &mut Vec<Cause>) {
    if text.parse::<std::net::IpAddr>().is_ok() {
        causes.push(Cause::invalid(field, &text.into(), "must be a DNS name, not an IP address"));
    } else if text.contains('*') {
        causes.extend(problems(names::wildcard_subdomain(text), field, text));
    } else {
        causes.extend(problems(names::dns1123_subdomain(text), field, text));
    }
}

fn backend(backend: &Value, at: &str, causes: &mut Vec<Cause>) {
    let (service, resource) = (has(backend, &["service"]), has(backend, &["resource"]));
    if service && resource {
        let text = "cannot set both resource and service backends";
        causes.push(Cause::invalid(at, &"".into(), text));
    } else if resource {
        let group = backend.text(&["resource", "apiGroup"]);
        if !group.is_empty() {
            causes.extend(problems(
                names::dns1123_subdomain(group),
                &format!("{at}.resource.apiGroup"),
                group,
            ));
        }
        for field in ["kind", "name"] {
            let text = backend.text(&["resource", field]);
            let field = format!("{at}.resource.{field}");
            if text.is_empty() {
                causes.push(Cause::required(field, ""));
            } else {
                causes.extend(problems(names::path_segment(text), &field, text));
            }
        }
    } else if service {
        let name = backend.text(&["service", "name"]);
        if name.is_empty() {
            causes.push(Cause::required(format!("{at}.service.name"), ""));
        } else {
            causes.extend(problems(names::dns1123_label(name), &format!("{at}.service.name"), name));
        }
        let named = backend.text(&["service", "port", "name"]);
        let number = backend.int(&["service", "port", "number"]).unwrap_or(0);
        if !named.is_empty() && number != 0 {
            causes.push(Cause::invalid(at, &"".into(), "cannot set both port name & port number"));
        } else if named.is_empty() && number == 0 {
            causes.push(Cause::required(at, "port name or number is required"));
        } else if !named.is_empty() {
            causes.extend(problems(names::port_name(named), &format!("{at}.service.port.name"), named));
        } else {
            port(number, &format!("{at}.service.port.number"), causes);
        }
    } else {
        causes.push(Cause::invalid(at, &"".into(), "resource or service backend is required"));
    }
}

pub(super) fn ingress(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    let rules = spec.items(&["rules"]);
    let default = has(spec, &["defaultBackend"]);
    if rules.is_empty() && !default {
        let text = "either `defaultBackend` or `rules` must be specified";
        let shown = spec.get("rules").cloned().unwrap_or(Value::Null);
        causes.push(Cause::invalid("spec", &shown, text));
    }
    if default {
        backend(&spec["defaultBackend"], "spec.defaultBackend", &mut causes);
    }
    for (i, rule) in rules.iter().enumerate() {
        let at = format!("spec.rules[{i}]");
        let name = rule.text(&["host"]);
        if !name.is_empty() {
            host(name, &format!("{at}.host"), &mut causes);
        }
        if !has(rule, &["http"]) {
            continue;
        }
        let paths = rule.items(&["http", "paths"]);
        if paths.is_empty() {
            causes.push(Cause::required(format!("{at}.http.paths"), ""));
        }
        for (j, path) in paths.iter().enumerate() {
            self::path(path, &format!("{at}.http.paths[{j}]"), &mut causes);
        }
    }
    for (i, tls) in spec.items(&["tls"]).iter().enumerate() {
        for (j, name) in tls.items(&["hosts"]).iter().filter_map(Value::as_str).enumerate() {
            let field = format!("spec.tls[{i}].hosts[{j}]");
            let found = if name.contains('*') {
                names::wildcard_subdomain(name)
            } else {
                names::dns1123_subdomain(name)
            };
            causes.extend(problems(found, &field, name));
        }
        let secret = tls.text(&["secretName"]);
        if !secret.is_empty() {
            let field = format!("spec.tls[{i}].secretName");
            causes.extend(problems(names::dns1123_subdomain(secret), &field, secret));
        }
    }
    let class = spec.text(&["ingressClassName"]);
    if !class.is_empty() {
        causes.extend(problems(names::dns1123_subdomain(class), "spec.ingressClassName", class));
    }
    causes
}

fn path(path: &Value, at: &str, causes: &mut Vec<Cause>) {
    let text = path.text(&["path"]);
    if !has(path, &["pathType"]) {
        causes.push(Cause::required(format!("{at}.pathType"), "pathType must be specified"));
        return;
    }
    {
        let field = format!("{at}.path");
        match path.text(&["pathType"]) {
            "Exact" | "Prefix" => {
                if !text.starts_with('/') {
                    causes.push(Cause::invalid(field.clone(), &text.into(), "must be an absolute path"));
                }
                for bad in ["//", "/./", "/../", "%2f", "%2F"] {
                    if text.contains(bad) {
                        let rule = format!("must not contain '{bad}'");
                        causes.push(Cause::invalid(field.clone(), &text.into(), &rule));
                    }
                }
            }
            "ImplementationSpecific" => {
                if !text.is_empty() && !text.starts_with('/') {
                    causes.push(Cause::invalid(field, &text.into(), "must be an absolute path"));
                }
            }
            _ => one_of(path, "pathType", at, &["Exact", "ImplementationSpecific", "Prefix"], causes),
        }
    }
    backend(&path["backend"], &format!("{at}.backend"), causes);
}

pub(super) fn ingress_class(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let controller = value.text(&["spec", "controller"]);
    let field = "spec.controller";
    if controller.is_empty() {
        causes.push(Cause::required(field, ""));
    } else if controller.len() > 250 {
        causes.push(Cause::too_long(field, 250));
    } else {
        match controller.split_once('/') {
            Some((domain, path)) if !domain.is_empty() && !path.is_empty() => {
                causes.extend(problems(names::dns1123_subdomain(domain), field, domain));
            }
            _ => {
                let text = "must be a domain-prefixed path (such as \"acme.io/foo\")";
                causes.push(Cause::invalid(field, &controller.into(), text));
            }
        }
    }
    let parameters = &value["spec"]["parameters"];
    if !parameters.is_object() {
        return causes;
    }
    let group = parameters.text(&["apiGroup"]);
    if has(parameters, &["apiGroup"]) {
        causes.extend(problems(names::dns1123_subdomain(group), "spec.parameters.apiGroup", group));
    }
    for key in ["kind", "name"] {
        let text = parameters.text(&[key]);
        let field = format!("spec.parameters.{key}");
        if text.is_empty() {
            causes.push(Cause::required(field, ""));
        } else {
            causes.extend(problems(names::path_segment(text), &field, text));
        }
    }
    one_of(parameters, "scope", "spec.parameters", &["Cluster", "Namespace"], &mut causes);
    let field = "spec.parameters.namespace";
    let namespace = parameters.text(&["namespace"]);
    match (parameters.text(&["scope"]), has(parameters, &["namespace"])) {
        ("Namespace", true) if !namespace.is_empty() => {
            causes.extend(problems(names::dns1123_label(namespace), field, namespace));
        }
        ("Namespace", _) => {
            causes.push(Cause::required(field, "`parameters.scope` is set to 'Namespace'"));
        }
        ("Cluster", true) => {
            causes.push(Cause::forbidden(field, "`parameters.scope` is set to 'Cluster'"));
        }
        _ => {}
    }
    causes
}

pub(super) fn policy(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    selector(&spec["podSelector"], "spec.podSelector", &mut causes);
    for (rules, peers) in [("ingress", "from"), ("egress", "to")] {
        for (i, rule) in spec.items(&[rules]).iter().enumerate() {
            let at = format!("spec.{rules}[{i}]");
            for (j, entry) in rule.items(&["ports"]).iter().enumerate() {
                policy_port(entry, &format!("{at}.ports[{j}]"), &mut causes);
            }
            for (j, peer) in rule.items(&[peers]).iter().enumerate() {
                self::peer(peer, &format!("{at}.{peers}[{j}]"), &mut causes);
            }
        }
    }
    let types = spec.items(&["policyTypes"]);
    if types.len() > 2 {
        let text = "may not specify more than two policyTypes";
        causes.push(Cause::invalid("spec.policyTypes", &Value::from(types.to_vec()), text));
        return causes;
    }
    for (i, kind) in types.iter().enumerate() {
        if kind != "Ingress" && kind != "Egress" {
            causes.push(Cause::unsupported(format!("spec.policyTypes[{i}]"), kind, &["Ingress", "Egress"]));
        }
    }
    causes
}

fn policy_port(entry: &Value, at: &str, causes: &mut Vec<Cause>) {
    one_of(entry, "protocol", at, &["TCP", "UDP", "SCTP"], causes);
    let end = |why: &str| Cause::invalid(format!("{at}.endPort"), &entry["endPort"], why);
    match &entry["port"] {
        Value::Null => {
            if has(entry, &["endPort"]) {
                causes.push(end("may not be specified when `port` is not specified"));
            }
        }
        Value::String(name) => {
            if has(entry, &["endPort"]) {
                causes.push(end("may not be specified when `port` is non-numeric"));
            }
            causes.extend(problems(names::port_name(name), &format!("{at}.port"), name));
        }
        other => {
            let number = other.as_i64().unwrap_or(0);
            port(number, &format!("{at}.port"), causes);
            if entry.int(&["endPort"]).is_some_and(|end| end < number) {
                let text = "must be greater than or equal to `port`";
                causes.push(Cause::invalid(format!("{at}.endPort"), other, text));
            }
        }
    }
}

fn peer(peer: &Value, at: &str, causes: &mut Vec<Cause>) {
    let mut count = 0;
    for kind in ["podSelector", "namespaceSelector"] {
        if has(peer, &[kind]) {
            count += 1;
            selector(&peer[kind], &format!("{at}.{kind}"), causes);
        }
    }
    if has(peer, &["ipBlock"]) {
        count += 1;
        cidr(peer.text(&["ipBlock", "cidr"]), &format!("{at}.ipBlock.cidr"), causes);
        for (i, except) in peer.items(&["ipBlock", "except"]).iter().filter_map(Value::as_str).enumerate() {
            let field = format!("{at}.ipBlock.except[{i}]");
            // The exception is looked at only within a good block.
            if super::warnings::sloppy_cidr(peer.text(&["ipBlock", "cidr"])).is_none() {
                break;
            }
            cidr(except, &field, causes);
            if !is_subset(except, peer.text(&["ipBlock", "cidr"])) {
                causes.push(Cause::invalid(field, &except.into(), "must be a strict subset of `cidr`"));
            }
        }
    }
    if count == 0 {
        causes.push(Cause::required(at, "must specify a peer"));
    } else if has(peer, &["ipBlock"]) && count > 1 {
        causes.push(Cause::forbidden(at, "may not specify both ipBlock and another peer"));
    }
}

/// True if a network lies inside another and is smaller; malformed ones are reported elsewhere.
fn is_subset(inner: &str, outer: &str) -> bool {
    let parse = |text: &str| -> Option<(u128, u32)> {
        let (ip, bits) = text.split_once('/')?;
        let bits: u32 = bits.parse().ok()?;
        Some(match ip.parse().ok()? {
            std::net::IpAddr::V4(ip) => (u128::from(u32::from(ip)) << 96, bits),
            std::net::IpAddr::V6(ip) => (u128::from(ip), bits),
        })
    };
    let (Some((a, small)), Some((b, large))) = (parse(inner), parse(outer)) else { return true };
    small > large && (large == 0 || a >> (128 - large) == b >> (128 - large))
}

pub(super) fn cidr(text: &str, field: &str, causes: &mut Vec<Cause>) {
    if text.is_empty() {
        causes.push(Cause::required(field, ""));
        return;
    }
    if super::warnings::sloppy_cidr(text).is_none() {
        let rule = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
        causes.push(Cause::invalid(field, &text.into(), rule));
    }
}

pub(super) fn endpoint_slice(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let kind = value.text(&["addressType"]);
    match kind {
        "" => causes.push(Cause::required("addressType", "")),
        "IPv4" | "IPv6" | "FQDN" => {}
        other => causes.push(Cause::unsupported("addressType", &other.into(), &["FQDN", "IPv4", "IPv6"])),
    }
    let mut seen: Vec<&str> = Vec::new();
    for (i, entry) in value.items(&["ports"]).iter().enumerate() {
        let name = entry.text(&["name"]);
        let field = format!("ports[{i}].name");
        if !name.is_empty() {
            causes.extend(problems(names::dns1123_label(name), &field, name));
        }
        if seen.contains(&name) {
            causes.push(Cause::duplicate(field, &name.into()));
        }
        seen.push(name);
        one_of(entry, "protocol", &format!("ports[{i}]"), &["SCTP", "TCP", "UDP"], &mut causes);
    }
    for (i, endpoint) in value.items(&["endpoints"]).iter().enumerate() {
        of_slice(endpoint, kind, &format!("endpoints[{i}]"), &mut causes);
    }
    causes
}

/// One endpoint of a slice whose addresses are of a kind.
fn of_slice(endpoint: &Value, kind: &str, at: &str, causes: &mut Vec<Cause>) {
    let list = endpoint.items(&["addresses"]);
    if list.is_empty() {
        causes.push(Cause::required(format!("{at}.addresses"), "must contain at least 1 address"));
    }
    for (j, address) in list.iter().filter_map(Value::as_str).enumerate() {
        let field = format!("{at}.addresses[{j}]");
        match kind {
            "FQDN" => causes.extend(problems(names::dns1123_subdomain(address), &field, address)),
            "IPv4" | "IPv6" => {
                let known = causes.len();
                ip(address, &field, causes);
                if causes.len() > known {
                    continue;
                }
                if address.contains(':') != (kind == "IPv6") {
                    let text = format!("must be an {kind} address");
                    causes.push(Cause::invalid(format!("{at}.addresses"), &address.into(), &text));
                }
                reachable(address, &field, causes);
            }
            _ => {}
        }
    }
    if has(endpoint, &["nodeName"]) {
        let node = endpoint.text(&["nodeName"]);
        causes.extend(problems(names::dns1123_subdomain(node), &format!("{at}.nodeName"), node));
    }
    if has(endpoint, &["hostname"]) {
        let host = endpoint.text(&["hostname"]);
        causes.extend(problems(names::dns1123_label(host), &format!("{at}.hostname"), host));
    }
    let mut zones: Vec<&str> = Vec::new();
    for (i, zone) in endpoint.items(&["hints", "forZones"]).iter().enumerate() {
        let (zone, field) = (zone.text(&["name"]), format!("{at}.hints.forZones[{i}].name"));
        if zones.contains(&zone) {
            causes.push(Cause::duplicate(field.as_str(), &zone.into()));
        }
        zones.push(zone);
        causes.extend(problems(names::label_value(zone), &field, zone));
    }
}

/// Endpoints.
pub(super) fn endpoints(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (i, subset) in value.items(&["subsets"]).iter().enumerate() {
        let at = format!("subsets[{i}]");
        if subset.items(&["addresses"]).is_empty() && subset.items(&["notReadyAddresses"]).is_empty() {
            causes.push(Cause::required(at.clone(), "must specify `addresses` or `notReadyAddresses`"));
        }
        for list in ["addresses", "notReadyAddresses"] {
            for (j, address) in subset.items(&[list]).iter().enumerate() {
                let text = address.text(&["ip"]);
                let at = format!("{at}.{list}[{j}]");
                super::common::address(text, &format!("{at}.ip"), &mut causes);
                let host = address.text(&["hostname"]);
                if !host.is_empty() {
                    causes.extend(problems(names::dns1123_label(host), &format!("{at}.hostname"), host));
                }
                if has(address, &["nodeName"]) {
                    let node = address.text(&["nodeName"]);
                    causes.extend(problems(names::dns1123_subdomain(node), &format!("{at}.nodeName"), node));
                }
                reachable(text, &format!("{at}.ip"), &mut causes);
            }
        }
        let ports = subset.items(&["ports"]);
        for (j, entry) in ports.iter().enumerate() {
            let at = format!("{at}.ports[{j}]");
            let name = entry.text(&["name"]);
            if name.is_empty() && ports.len() > 1 {
                causes.push(Cause::required(format!("{at}.name"), ""));
            } else if !name.is_empty() {
                causes.extend(problems(names::dns1123_label(name), &format!("{at}.name"), name));
            }
            port(entry.int(&["port"]).unwrap_or(0), &format!("{at}.port"), &mut causes);
            one_of(entry, "protocol", &at, &["SCTP", "TCP", "UDP"], &mut causes);
            if has(entry, &["appProtocol"]) {
                let protocol = entry.text(&["appProtocol"]);
                causes.extend(problems(
                    names::qualified_name(protocol),
                    &format!("{at}.appProtocol"),
                    protocol,
                ));
            }
        }
    }
    causes
}

/// An address at which something may be reached.
pub(super) fn reachable(text: &str, field: &str, causes: &mut Vec<Cause>) {
    let mut refuse = |rule: &str| causes.push(Cause::invalid(field, &text.into(), rule));
    let Some(address) = super::warnings::sloppy_ip(text) else {
        refuse("must be a valid IP address");
        return;
    };
    if address.is_unspecified() {
        refuse(&format!("may not be unspecified ({text})"));
    }
    if address.is_loopback() {
        refuse("may not be in the loopback range (127.0.0.0/8, ::1/128)");
    }
    let (unicast, multicast) = match address {
        std::net::IpAddr::V4(four) => (four.is_link_local(), four.octets()[..3] == [224, 0, 0]),
        std::net::IpAddr::V6(six) => (six.is_unicast_link_local(), six.segments()[0] & 0xff0f == 0xff02),
    };
    if unicast {
        refuse("may not be in the link-local range (169.254.0.0/16, fe80::/10)");
    }
    if multicast {
        refuse("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
    }
}
