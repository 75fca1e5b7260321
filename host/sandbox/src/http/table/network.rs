//! The cells of what is about networks.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{labels, or_none};
use crate::value::Get;

pub(super) fn service(o: &Value, name: Value, old: Value) -> Vec<Value> {
    let kind = o.text(&["spec", "type"]);
    let own: Vec<&str> = o.items(&["spec", "externalIPs"]).iter().filter_map(Value::as_str).collect();
    let outside = match kind {
        "LoadBalancer" => {
            let all: Vec<&str> = balancer(o).into_iter().chain(own.iter().copied()).collect();
            if all.is_empty() { "<pending>".to_string() } else { all.join(",") }
        }
        "ExternalName" => o.text(&["spec", "externalName"]).to_string(),
        _ => or_none(&own.join(",")),
    };
    let ports: Vec<String> = o
        .items(&["spec", "ports"])
        .iter()
        .map(|p| match p.int(&["nodePort"]).unwrap_or(0) {
            0 => format!("{}/{}", p["port"], p.text(&["protocol"])),
            node => format!("{}:{node}/{}", p["port"], p.text(&["protocol"])),
        })
        .collect();
    vec![
        name,
        kind.into(),
        or_none(o.text(&["spec", "clusterIP"])).into(),
        outside.into(),
        or_none(&ports.join(",")).into(),
        old,
        labels(o.at(&["spec", "selector"])).into(),
    ]
}

/// The first three of a list, and how many more there are.
fn first_three(all: &[String]) -> String {
    match all.len() {
        0 => "<none>".into(),
        1..=3 => all.join(","),
        n => format!("{} + {} more...", all[..3].join(","), n - 3),
    }
}

pub(super) fn endpoints(o: &Value) -> String {
    let mut all = Vec::new();
    for subset in o.items(&["subsets"]) {
        let addresses = subset.items(&["addresses"]);
        if subset.items(&["ports"]).is_empty() {
            all.extend(addresses.iter().map(|a| a.text(&["ip"]).to_string()));
        }
        for port in subset.items(&["ports"]) {
            all.extend(addresses.iter().map(|a| format!("{}:{}", a.text(&["ip"]), port["port"])));
        }
    }
    first_three(&all)
}

pub(super) fn slice(o: &Value, name: Value, old: Value) -> Vec<Value> {
    let ports: Vec<String> = o
        .items(&["ports"])
        .iter()
        .map(|p| p.int(&["port"]).map_or("*".to_string(), |n| n.to_string()))
        .collect();
    let ports = if ports.is_empty() { "<unset>".to_string() } else { first_three(&ports) };
    let addresses: Vec<String> = o
        .items(&["endpoints"])
        .iter()
        .flat_map(|e| e.items(&["addresses"]).iter().filter_map(|a| a.as_str().map(String::from)))
        .collect();
    let addresses = if addresses.is_empty() { "<unset>".to_string() } else { first_three(&addresses) };
    vec![name, o["addressType"].clone(), ports.into(), addresses.into(), old]
}

pub(super) fn ingress(o: &Value, name: Value, old: Value) -> Vec<Value> {
    let class = or_none(o.text(&["spec", "ingressClassName"]));
    let hosts: Vec<String> = o
        .items(&["spec", "rules"])
        .iter()
        .map(|r| r.text(&["host"]).to_string())
        .filter(|h| !h.is_empty())
        .collect();
    let hosts = if hosts.is_empty() { "*".to_string() } else { first_three(&hosts) };
    let addresses = balancer(o).join(",");
    let ports = if o.items(&["spec", "tls"]).is_empty() { "80" } else { "80, 443" };
    vec![name, class.into(), hosts.into(), addresses.into(), ports.into(), old]
}

/// The addresses that a load balancer gave, each once and in order.
fn balancer(o: &Value) -> Vec<&str> {
    let given = o.items(&["status", "loadBalancer", "ingress"]).iter();
    let all: BTreeSet<&str> = given
        .map(|i| if i.text(&["ip"]).is_empty() { i.text(&["hostname"]) } else { i.text(&["ip"]) })
        .filter(|a| !a.is_empty())
        .collect();
    all.into_iter().collect()
}

pub(super) fn ingress_class(o: &Value, name: Value, old: Value) -> Vec<Value> {
    let parameters = match o.at(&["spec", "parameters"]).filter(|p| !p.is_null()) {
        None => "<none>".to_string(),
        Some(p) => match p.text(&["apiGroup"]) {
            "" => format!("{}/{}", p.text(&["kind"]), p.text(&["name"])),
            group => format!("{}.{group}/{}", p.text(&["kind"]), p.text(&["name"])),
        },
    };
    vec![name, o.text(&["spec", "controller"]).into(), parameters.into(), old]
}

pub(super) fn address(o: &Value, name: Value, old: Value) -> Vec<Value> {
    let parent = match o.at(&["spec", "parentRef"]).filter(|p| !p.is_null()) {
        None => "<none>".to_string(),
        Some(p) => {
            let mut parts = vec![match p.text(&["group"]) {
                "" => p.text(&["resource"]).to_lowercase(),
                group => format!("{}.{group}", p.text(&["resource"])).to_lowercase(),
            }];
            parts.extend(Some(p.text(&["namespace"])).filter(|n| !n.is_empty()).map(String::from));
            parts.push(p.text(&["name"]).into());
            parts.join("/")
        }
    };
    vec![name, parent.into(), old]
}

pub(super) fn ranges(o: &Value, name: Value, old: Value) -> Vec<Value> {
    let ranges: Vec<&str> = o.items(&["spec", "cidrs"]).iter().filter_map(Value::as_str).collect();
    vec![name, ranges.join(",").into(), old]
}
