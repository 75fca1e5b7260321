//! Endpoints objects, which older clients still read.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{LEGACY_MANAGED_BY, TRIGGER, fnv128, has_hostname, is_headless, labels, ports};
use crate::builtin::ENDPOINTS;
use crate::client::{Refusal, Shared};
use crate::clock;
use crate::controllers::pods;
use crate::object::{self, Look, flag, name, namespace, number, text, uid};
use crate::reconcile::context::{Context, same};

/// How many addresses an Endpoints object holds.
const LIMIT: usize = 1_000;

/// Keeps the Endpoints of a service.
pub(super) async fn keep(context: &Context, service: &Value, members: &[Shared]) -> Result<(), Refusal> {
    let early = flag(service, "/spec/publishNotReadyAddresses");
    // Addresses with the same set of ports share a subset.
    let mut by_address: BTreeMap<String, (Value, bool, Vec<Value>)> = BTreeMap::new();
    for pod in members.iter().filter(|pod| !object::is_terminating(pod) || early).take(LIMIT) {
        let mut address = json!({
            "ip": text(pod, "/status/podIP"),
            "targetRef": {"kind": "Pod", "namespace": namespace(pod), "name": name(pod), "uid": uid(pod)},
        });
        if !text(pod, "/spec/nodeName").is_empty() {
            address["nodeName"] = text(pod, "/spec/nodeName").into();
        }
        if has_hostname(service, pod) {
            address["hostname"] = text(pod, "/spec/hostname").into();
        }
        let ports = ports(service, pod).iter().map(legacy_port).collect();
        by_address.insert(uid(pod).to_owned(), (address, early || pods::is_ready(pod), ports));
    }
    // The real controller packs per port: ports with the same addresses share a subset.
    let mut by_port: BTreeMap<String, (Value, Vec<Value>, Vec<Value>)> = BTreeMap::new();
    for (address, ready, ports) in by_address.into_values() {
        for port in if ports.is_empty() && is_headless(service) { vec![Value::Null] } else { ports } {
            let entry = by_port.entry(port.to_string()).or_insert((port, Vec::new(), Vec::new()));
            if ready { entry.1.push(address.clone()) } else { entry.2.push(address.clone()) }
        }
    }
    let mut subsets: Vec<(Vec<Value>, Vec<Value>, Vec<Value>)> = Vec::new();
    for (port, mut ready, mut waiting) in by_port.into_values() {
        ready.sort_by_key(|address| text(address, "/ip").to_owned());
        waiting.sort_by_key(|address| text(address, "/ip").to_owned());
        match subsets.iter_mut().find(|(_, a, b)| *a == ready && *b == waiting) {
            Some((ports, _, _)) => {
                ports.push(port);
                ports.sort_by_cached_key(legacy_order);
            }
            None => subsets.push((vec![port], ready, waiting)),
        }
    }
    let subsets: Vec<Value> = subsets
        .into_iter()
        .map(|(ports, ready, waiting)| {
            let mut subset = Map::new();
            let ports: Vec<Value> = ports.into_iter().filter(|port| !port.is_null()).collect();
            for (field, list) in [("addresses", ready), ("notReadyAddresses", waiting), ("ports", ports)] {
                if !list.is_empty() {
                    subset.insert(field.to_owned(), list.into());
                }
            }
            Value::Object(subset)
        })
        .collect();
    let mut wanted = labels(service);
    wanted.insert(LEGACY_MANAGED_BY.to_owned(), "endpoint-controller".into());
    let wanted = Value::Object(wanted);
    let written = match context.cache().get(&ENDPOINTS, namespace(service), name(service)) {
        Some(old) => {
            let known = old.look("/metadata/labels").unwrap_or(&Value::Null);
            let fresh = same(old.get("subsets").unwrap_or(&Value::Null), &Value::Array(subsets.clone()));
            if fresh && same(known, &wanted) {
                return Ok(());
            }
            let mut new = (*old).clone();
            new["subsets"] = subsets.into();
            new["metadata"]["labels"] = wanted;
            new["metadata"]["annotations"][TRIGGER] = clock::seconds(context.now()).into();
            context.update(&ENDPOINTS, new).await
        }
        None => {
            let new = json!({
                "apiVersion": "v1", "kind": "Endpoints",
                "metadata": {
                    "name": name(service), "labels": wanted,
                    "annotations": {TRIGGER: clock::seconds(context.now())},
                },
                "subsets": subsets,
            });
            context.create(&ENDPOINTS, namespace(service), new).await
        }
    };
    match written {
        Err(refusal) if refusal.code != 403 => Err(refusal),
        _ => Ok(()),
    }
}

/// The order in which the real controller stores the ports of Endpoints.
fn legacy_order(port: &Value) -> u128 {
    let app = port.get("appProtocol").and_then(Value::as_str).unwrap_or("<nil>");
    let number = number(port, "/port").unwrap_or(0);
    fnv128(&format!(
        "(v1.EndpointPort){{Name:(string){} Port:(int32){number} Protocol:(v1.Protocol){} AppProtocol:(*string){app}}}",
        text(port, "/name"),
        text(port, "/protocol"),
    ))
}

fn legacy_port(port: &Value) -> Value {
    let mut legacy = json!({"port": port["port"], "protocol": port["protocol"]});
    if !text(port, "/name").is_empty() {
        legacy["name"] = port["name"].clone();
    }
    if let Some(app) = port.get("appProtocol") {
        legacy["appProtocol"] = app.clone();
    }
    legacy
}
