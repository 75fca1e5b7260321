//! EndpointSlices and the older Endpoints of Services.

mod legacy;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::pods;
use crate::builtin::{ENDPOINT_SLICES, ENDPOINTS, PODS, SERVICES};
use crate::client::{Pending, Refusal, Resource, Shared};
use crate::clock;
use crate::object::{self, Look, flag, items, label, map, name, namespace, number, text, uid};
use crate::reconcile::cache::Cache;
use crate::reconcile::context::{Context, same};
use crate::reconcile::{Key, Outcome, Reconciler, Seen};
use crate::selector::LabelSelector;

const COMPONENT: &str = "endpoint-slice-controller";
const SERVICE_NAME: &str = "kubernetes.io/service-name";
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const MANAGER: &str = "endpointslice-controller.k8s.io";
const LEGACY_MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";
const HEADLESS: &str = "service.kubernetes.io/headless";
const TRIGGER: &str = "endpoints.kubernetes.io/last-change-trigger-time";
/// How many endpoints a slice holds.
const SLICE: usize = 100;

/// Keeps the endpoints of Services.
pub(super) struct ServiceEndpoints;

impl Reconciler for ServiceEndpoints {
    fn name(&self) -> &'static str {
        COMPONENT
    }

    fn watches(&self) -> Vec<Resource> {
        vec![SERVICES, PODS, ENDPOINT_SLICES, ENDPOINTS]
    }

    fn affected(&self, cache: &Cache, seen: &Seen<'_>, enqueue: &mut dyn FnMut(Key)) {
        let object = seen.object();
        if *seen.resource == SERVICES {
            enqueue(seen.key());
        } else if *seen.resource == PODS {
            if let (Some(old), Some(new)) = (seen.old, seen.new)
                && is_same_endpoint(old, new)
            {
                return;
            }
            for service in cache.list(&SERVICES, namespace(object)) {
                if seen.states().any(|state| selects(&service, state)) {
                    enqueue(Key::of(&SERVICES, &service));
                }
            }
        } else if *seen.resource == ENDPOINT_SLICES {
            if label(object, MANAGED_BY) == Some(MANAGER)
                && let Some(service) = label(object, SERVICE_NAME)
            {
                enqueue(Key::new(&SERVICES, namespace(object), service));
            }
        } else if label(object, LEGACY_MANAGED_BY).is_some() {
            enqueue(Key::new(&SERVICES, namespace(object), name(object)));
        }
    }

    fn reconcile<'a>(&'a self, context: &'a Context, key: &'a Key) -> Pending<'a, Outcome> {
        Box::pin(look(context, key))
    }

    fn is_prompt(&self) -> bool {
        true
    }
}

/// Whether a change of a pod is none to its endpoints.
fn is_same_endpoint(old: &Value, new: &Value) -> bool {
    let same = |pointer: &str| old.look(pointer) == new.look(pointer);
    pods::is_ready(old) == pods::is_ready(new)
        && same("/status/podIPs")
        && same("/metadata/labels")
        && same("/metadata/deletionTimestamp")
        && pods::is_finished(old) == pods::is_finished(new)
        && same("/spec/nodeName")
}

fn selects(service: &Value, pod: &Value) -> bool {
    service.look("/spec/selector").is_some_and(|selector| {
        let selector = LabelSelector::from_map(selector);
        !selector.is_empty() && selector.selects(pod)
    })
}

async fn look(context: &Context, key: &Key) -> Outcome {
    let cache = context.cache();
    let Some(service) = cache.of(key).filter(|service| !object::is_terminating(service)) else {
        let legacy = cache.get(&ENDPOINTS, &key.namespace, &key.name);
        if let Some(legacy) = legacy.filter(|legacy| label(legacy, LEGACY_MANAGED_BY).is_some()) {
            context.delete(&ENDPOINTS, &legacy, None).await?;
        }
        return Ok(None); // the slices go with their owner
    };
    let external = text(&service, "/spec/type") == "ExternalName";
    let Some(selector) = service.look("/spec/selector").filter(|selector| !external && selector.is_object())
    else {
        return Ok(None);
    };
    let selector = LabelSelector::from_map(selector);
    let mut members = cache.list(&PODS, &key.namespace);
    members.retain(|pod| {
        selector.selects(pod) && !pods::is_finished(pod) && !text(pod, "/status/podIP").is_empty()
    });
    keep_slices(context, &service, &members).await?;
    legacy::keep(context, &service, &members).await?;
    Ok(None)
}

/// The ports of a service as a pod offers them, in the order in which the real controller stores them.
fn ports(service: &Value, pod: &Value) -> Vec<Value> {
    let mut found: Vec<Value> =
        items(service, "/spec/ports").iter().filter_map(|port| endpoint_port(port, pod)).collect();
    found.sort_by_cached_key(|port| {
        let app = port.get("appProtocol").and_then(Value::as_str).unwrap_or("<nil>");
        let (name, protocol) = (text(port, "/name"), text(port, "/protocol"));
        let number = number(port, "/port").unwrap_or(0);
        fnv128(&format!(
            "(v1.EndpointPort){{Name:(*string){name} Protocol:(*v1.Protocol){protocol} Port:(*int32){number} \
             AppProtocol:(*string){app}}}"
        ))
    });
    found
}

fn fnv128(text: &str) -> u128 {
    let start = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128;
    text.bytes()
        .fold(start, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(0x100_0000_0000_0000_0000_013b))
}

fn endpoint_port(port: &Value, pod: &Value) -> Option<Value> {
    let protocol = match text(port, "/protocol") {
        "" => "TCP",
        protocol => protocol,
    };
    let number = match port.get("targetPort") {
        Some(Value::String(wanted)) => named_port(pod, wanted, protocol)?,
        Some(Value::Number(number)) if number.as_i64() != Some(0) => number.as_i64()?,
        _ => number(port, "/port")?,
    };
    let mut found = json!({"name": text(port, "/name"), "protocol": protocol, "port": number});
    if let Some(app) = port.get("appProtocol") {
        found["appProtocol"] = app.clone();
    }
    Some(found)
}

fn named_port(pod: &Value, wanted: &str, protocol: &str) -> Option<i64> {
    let sidecars =
        items(pod, "/spec/initContainers").iter().filter(|c| text(c, "/restartPolicy") == "Always");
    let containers = items(pod, "/spec/containers").iter().chain(sidecars);
    let mut ports = containers.flat_map(|container| items(container, "/ports"));
    let is = |port: &&Value| {
        let own = text(port, "/protocol");
        text(port, "/name") == wanted && (own == protocol || own.is_empty() && protocol == "TCP")
    };
    ports.find(is).and_then(|port| number(port, "/containerPort"))
}

fn is_headless(service: &Value) -> bool {
    matches!(text(service, "/spec/clusterIP"), "None" | "")
}

fn endpoint(service: &Value, pod: &Value) -> Value {
    let serving = pods::is_ready(pod);
    let terminating = object::is_terminating(pod);
    let ready = flag(service, "/spec/publishNotReadyAddresses") || serving && !terminating;
    let mut endpoint = json!({
        "addresses": [text(pod, "/status/podIP")],
        "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
        "targetRef": {"kind": "Pod", "namespace": namespace(pod), "name": name(pod), "uid": uid(pod)},
    });
    if !text(pod, "/spec/nodeName").is_empty() {
        endpoint["nodeName"] = text(pod, "/spec/nodeName").into();
    }
    if has_hostname(service, pod) {
        endpoint["hostname"] = text(pod, "/spec/hostname").into();
    }
    endpoint
}

/// A pod has a name of its own below the service that its subdomain names.
fn has_hostname(service: &Value, pod: &Value) -> bool {
    !text(pod, "/spec/hostname").is_empty() && text(pod, "/spec/subdomain") == name(service)
}

/// The labels of a service without those that the controllers set themselves.
fn labels(service: &Value) -> Map<String, Value> {
    let mut labels = map(service, "/metadata/labels").cloned().unwrap_or_default();
    labels.retain(|key, _| ![SERVICE_NAME, MANAGED_BY, HEADLESS].contains(&key.as_str()));
    if is_headless(service) {
        labels.insert(HEADLESS.to_owned(), "".into());
    }
    labels
}

async fn keep_slices(context: &Context, service: &Value, members: &[Shared]) -> Result<(), Refusal> {
    let mut wanted: BTreeMap<String, (Vec<Value>, Vec<Value>)> = BTreeMap::new();
    for pod in members {
        let ports = ports(service, pod);
        let entry = wanted.entry(Value::Array(ports.clone()).to_string()).or_insert((ports, Vec::new()));
        entry.1.push(endpoint(service, pod));
    }
    let mut slice_labels = labels(service);
    slice_labels.insert(SERVICE_NAME.to_owned(), name(service).into());
    slice_labels.insert(MANAGED_BY.to_owned(), MANAGER.into());

    let mut existing = context.cache().owned(&ENDPOINT_SLICES, uid(service));
    existing.retain(|slice| label(slice, MANAGED_BY) == Some(MANAGER) && !object::is_terminating(slice));
    if wanted.is_empty() {
        wanted.insert("[]".to_owned(), (Vec::new(), Vec::new())); // a placeholder
    }
    let mut surplus: Vec<Shared> = Vec::new();
    for slice in existing {
        let own = items(&slice, "/ports").to_vec();
        let key = Value::Array(own.iter().map(plain_port).collect()).to_string();
        let Some((_, endpoints)) = wanted.get_mut(&key) else {
            surplus.push(slice);
            continue;
        };
        let placeholder = key == "[]" && endpoints.is_empty();
        if endpoints.is_empty() && !placeholder {
            surplus.push(slice);
            continue;
        }
        let mine = take_known(endpoints, items(&slice, "/endpoints"));
        let known = slice.look("/metadata/labels").unwrap_or(&Value::Null);
        let fresh = same(&Value::Array(mine.clone()), slice.get("endpoints").unwrap_or(&Value::Null));
        if !fresh || !same(known, &Value::Object(slice_labels.clone())) {
            let mut new = (*slice).clone();
            new["endpoints"] = list_or_null(&mine);
            new["metadata"]["labels"] = slice_labels.clone().into();
            new["metadata"]["annotations"][TRIGGER] = clock::seconds(context.now()).into();
            context.update(&ENDPOINT_SLICES, new).await?;
        }
        if endpoints.is_empty() {
            wanted.remove(&key);
        }
    }
    for (ports, endpoints) in wanted.into_values() {
        let chunks: Vec<&[Value]> =
            if endpoints.is_empty() { vec![&[]] } else { endpoints.chunks(SLICE).collect() };
        for chunk in chunks {
            if let Some(old) = surplus.pop() {
                // What would go anyway is used again.
                let mut new = (*old).clone();
                new["endpoints"] = list_or_null(chunk);
                new["ports"] = list_or_null(&ports);
                new["metadata"]["labels"] = slice_labels.clone().into();
                new["metadata"]["annotations"][TRIGGER] = clock::seconds(context.now()).into();
                context.update(&ENDPOINT_SLICES, new).await?;
                continue;
            }
            let slice = json!({
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                "metadata": {
                    "generateName": format!("{}-", name(service)), "labels": slice_labels,
                    "annotations": {TRIGGER: clock::seconds(context.now())},
                    "ownerReferences": [pods::owner_reference(service)],
                },
                "addressType": "IPv4", "endpoints": list_or_null(chunk), "ports": list_or_null(&ports),
            });
            let made = context.create(&ENDPOINT_SLICES, namespace(service), slice).await;
            if let Err(refusal) = made {
                return if refusal.code == 403 { Ok(()) } else { Err(refusal) }; // the namespace is going
            }
        }
    }
    for slice in surplus {
        context.delete(&ENDPOINT_SLICES, &slice, None).await?;
    }
    Ok(())
}

/// An empty list as a server stores it.
fn list_or_null(list: &[Value]) -> Value {
    if list.is_empty() { Value::Null } else { list.into() }
}

/// The parts of a port that tell it apart.
fn plain_port(port: &Value) -> Value {
    let mut plain = json!({
        "name": text(port, "/name"), "protocol": text(port, "/protocol"), "port": number(port, "/port"),
    });
    if let Some(app) = port.get("appProtocol").filter(|app| !app.is_null()) {
        plain["appProtocol"] = app.clone();
    }
    plain
}

/// Moves endpoints into a slice: those it has already in their places, then others as long as there is room.
fn take_known(endpoints: &mut Vec<Value>, known: &[Value]) -> Vec<Value> {
    let mut mine = Vec::new();
    for old in known {
        let same_pod = |new: &Value| text(new, "/targetRef/uid") == text(old, "/targetRef/uid");
        if let Some(at) = endpoints.iter().position(same_pod) {
            mine.push(endpoints.remove(at));
        }
    }
    let room = SLICE.saturating_sub(mine.len()).min(endpoints.len());
    mine.extend(endpoints.drain(..room));
    mine
}
