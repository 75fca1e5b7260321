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
        for field in ["kind", "name"] {
            if backend.text(&["resource", field]).is_empty() {
                causes.push(Cause::required(format!("{at}.resource.{field}"), ""));
            }
        }
    } else if service {
        let name = backend.text(&["service", "name"]);
        if name.is_empty() {
            causes.push(Cause::required(format!("{at}.service.name"), ""));
        } else {
            causes.extend(problems(names::dns1035_label(name), &format!("{at}.service.name"), name));
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
    }
}

pub(super) fn ingress(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    let rules = spec.items(&["rules"]);
    let default = has(spec, &["defaultBackend"]);
    if rules.is_empty() && !default {
        let text = "either `defaultBackend` or `rules` must be specified";
        causes.push(Cause::invalid("spec", &Value::Null, text));
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
    } else {
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
    if controller.is_empty() {
        causes.push(Cause::required("spec.controller", ""));
    } else if !controller.contains('/') {
        let text = "must be a domain-prefixed path (such as \"acme.io/foo\")";
        causes.push(Cause::invalid("spec.controller", &controller.into(), text));
    }
    let parameters = &value["spec"]["parameters"];
    if parameters.is_object() {
        for field in ["kind", "name"] {
            if parameters.text(&[field]).is_empty() {
                causes.push(Cause::required(format!("spec.parameters.{field}"), ""));
            }
        }
        one_of(parameters, "scope", "spec.parameters", &["Cluster", "Namespace"], &mut causes);
        if parameters.text(&["scope"]) == "Namespace" && parameters.text(&["namespace"]).is_empty() {
            let text = "`parameters.scope` is set to 'Namespace'";
            causes.push(Cause::required("spec.parameters.namespace", text));
        }
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
    let parsed = text.split_once('/').and_then(|(ip, bits)| {
        let ip: std::net::IpAddr = ip.parse().ok()?;
        let bits: u8 = bits.parse().ok()?;
        (bits <= if ip.is_ipv4() { 32 } else { 128 }).then_some(())
    });
    if parsed.is_none() {
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
    for (i, endpoint) in value.items(&["endpoints"]).iter().enumerate() {
        let at = format!("endpoints[{i}].addresses");
        let list = endpoint.items(&["addresses"]);
        if list.is_empty() {
            causes.push(Cause::required(at.clone(), "must contain at least 1 address"));
        }
        for (j, address) in list.iter().filter_map(Value::as_str).enumerate() {
            let field = format!("{at}[{j}]");
            if !matches!(kind, "IPv4" | "IPv6" | "FQDN") {
                continue;
            }
            if kind == "FQDN" {
                causes.extend(problems(names::dns1123_subdomain(address), &field, address));
            } else {
                ip(address, &field, &mut causes);
            }
        }
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
    causes
}
