//! `metrics.k8s.io`: made-up usage of nodes and pods, served once somebody registers a metrics server as clusters do,
//! by an APIService. Amounts follow what containers request, along a curve that moves with the time; nothing is
//! measured, and every answer says so.

use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;

use crate::cluster::Core;
use crate::object::{self, Look, items, text};
use crate::resources::Resource;
use crate::schema::typed::format_seconds;
use crate::schema::{Node, Shape};
use crate::selector::LabelSelector;
use crate::store::{Key, Object};
use crate::usage::quantity;

/// The registration that switches the API on.
pub(crate) const API_SERVICE: &str = "v1beta1.metrics.k8s.io";
/// The API's group.
pub(crate) const GROUP: &str = "metrics.k8s.io";

/// How often amounts change, in seconds; real servers look as often.
const WINDOW: i64 = 15;
/// What a container uses that requests nothing: 5 thousandths of a core, 24 MiB.
const IDLE: (i128, i128) = (5_000_000, 24 << 20);
/// What the node itself uses.
const SYSTEM: (i128, i128) = (180_000_000, 700 << 20);

/// The resources of the API.
fn resources() -> Vec<Arc<Resource>> {
    let resource = |plural: &str, kind: &str, namespaced: bool| {
        Arc::new(Resource {
            group: GROUP.into(),
            version: "v1beta1".into(),
            plural: plural.into(),
            singular: String::new(),
            kind: kind.into(),
            list_kind: format!("{kind}List"),
            namespaced,
            short_names: Vec::new(),
            categories: Vec::new(),
            verbs: vec!["get", "list"],
            subresources: Vec::new(),
            storage: format!("{plural}.{GROUP}").into(),
            stored_as: (GROUP.into(), "v1beta1".into()),
            node: Node::plain(Shape::Any),
            stored_node: Node::plain(Shape::Any),
            custom: None,
        })
    };
    vec![resource("nodes", "NodeMetrics", false), resource("pods", "PodMetrics", true)]
}

/// Serves the API if it is registered.
pub(crate) fn sync(core: &Core) {
    let key = Key::new(&"apiservices.apiregistration.k8s.io".into(), "", API_SERVICE);
    let wanted = core.store.get(&key).is_some();
    let served = core.registry.find(GROUP, "v1beta1", "pods").is_some();
    if wanted != served {
        core.registry.set_custom(API_SERVICE, if wanted { resources() } else { Vec::new() });
        core.definitions_changed();
    }
}

/// Usage of the objects of a resource, in one namespace or in all.
pub(crate) fn list(
    core: &Core,
    resource: &Resource,
    namespace: Option<&str>,
    labels: &LabelSelector,
) -> Vec<Value> {
    let now = Timestamp::now();
    let (objects, _) = core.store.list(&resource.plural, namespace);
    let wanted = objects.iter().filter(|object| labels.selects(&object.value));
    wanted.filter_map(|object| of(core, resource, object, now)).collect()
}

/// Usage of one object; `None` for one that does not run.
pub(crate) fn get(core: &Core, resource: &Resource, namespace: &str, name: &str) -> Option<Value> {
    let key = Key::new(&resource.plural.as_str().into(), namespace, name);
    of(core, resource, &*core.store.get(&key)?, Timestamp::now())
}

fn of(core: &Core, resource: &Resource, object: &Object, now: Timestamp) -> Option<Value> {
    if resource.plural == "pods" { of_pod(&object.value, now) } else { Some(of_node(core, object, now)) }
}

fn of_pod(pod: &Value, now: Timestamp) -> Option<Value> {
    if text(pod, "/status/phase") != "Running" {
        return None;
    }
    let used: Vec<Value> = used(pod, now)
        .map(|(name, (cpu, memory))| json!({"name": name, "usage": amounts(cpu, memory)}))
        .collect();
    let mut out = head("PodMetrics", pod, now);
    out["metadata"]["namespace"] = object::namespace(pod).into();
    out["containers"] = used.into();
    Some(out)
}

fn of_node(core: &Core, node: &Object, now: Timestamp) -> Value {
    let (pods, _) = core.store.list("pods", None);
    let mine = pods.iter().filter(|pod| {
        text(&pod.value, "/spec/nodeName") == &*node.key.name
            && text(&pod.value, "/status/phase") == "Running"
    });
    let (mut cpu, mut memory) = SYSTEM;
    for (_, (more_cpu, more_memory)) in mine.flat_map(|pod| used(&pod.value, now)) {
        cpu += more_cpu;
        memory += more_memory;
    }
    let mut out = head("NodeMetrics", &node.value, now);
    out["usage"] = amounts(cpu, memory);
    out
}

fn head(kind: &str, object: &Value, now: Timestamp) -> Value {
    let mut meta = json!({
        "name": object::name(object), "creationTimestamp": format_seconds(now),
        "annotations": {"sandbox.osc.io/simulated": "nothing runs here: this usage is made up"},
    });
    if let Some(labels) = object.look("/metadata/labels") {
        meta["labels"] = labels.clone();
    }
    let window = format!("{WINDOW}s");
    json!({
        "kind": kind, "apiVersion": "metrics.k8s.io/v1beta1", "metadata": meta,
        "timestamp": format_seconds(now), "window": window,
    })
}

/// Billionths of a core and bytes as a metrics server writes them.
fn amounts(cpu: i128, memory: i128) -> Value {
    json!({"cpu": format!("{cpu}n"), "memory": format!("{}Ki", memory / 1024)})
}

/// What each container of a pod uses: billionths of a core and bytes.
fn used(pod: &Value, now: Timestamp) -> impl Iterator<Item = (&str, (i128, i128))> {
    let uid = object::uid(pod);
    items(pod, "/spec/containers").iter().map(move |container| {
        let name = text(container, "/name");
        let asked =
            |resource: &str| quantity(container.look(&format!("/resources/requests/{resource}"))).nano();
        let share = |salt: &str, base: i128, amount: i128| {
            let amount = if amount == 0 { base } else { amount };
            amount * load(&format!("{uid}/{name}/{salt}"), now) / 1000
        };
        // Memory moves slowly: its curve is the same for an hour.
        let hour = Timestamp::from_second(now.as_second() / 3600 * 3600).unwrap_or(now);
        let memory = {
            let amount = asked("memory") / 1_000_000_000;
            let amount = if amount == 0 { IDLE.1 } else { amount };
            amount * load(&format!("{uid}/{name}/memory"), hour) / 1000
        };
        (name, (share("cpu", IDLE.0, asked("cpu")), memory))
    })
}

/// Thousandths of a request that are used at a time: between 200 and 900, in steps that differ from one to the next.
fn load(what: &str, now: Timestamp) -> i128 {
    let step = now.as_second().div_euclid(WINDOW);
    let text = format!("{what}/{step}");
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    200 + i128::from((hash >> 24) % 701)
}
