//! What objects use of the things that quotas limit.

use serde_json::Value;

use crate::object::{Look, items, map, number, text};
use crate::quantity::Quantity;

/// The storage name of the objects that a limit counts, as in `pods` or `deployments.apps`.
pub(crate) fn counted(limit: &str) -> &str {
    match limit {
        "services.nodeports" | "services.loadbalancers" => "services",
        "requests.storage" => "persistentvolumeclaims",
        _ if compute(limit).is_some() => "pods",
        _ => limit.strip_prefix("count/").unwrap_or(limit),
    }
}

/// Which list of containers' resources a limit sums, and of what.
pub(crate) fn compute(limit: &str) -> Option<(&'static str, &str)> {
    match limit {
        "cpu" | "memory" | "ephemeral-storage" => Some(("requests", limit)),
        "requests.storage" => None,
        _ => match limit.split_once('.') {
            Some(("requests", resource)) => Some(("requests", resource)),
            Some(("limits", resource)) => Some(("limits", resource)),
            _ => None,
        },
    }
}

/// How much one object uses of a limit.
pub(crate) fn of(limit: &str, object: &Value) -> Quantity {
    let whole = |count: usize| Quantity::parse(&count.to_string()).unwrap_or_default();
    let ended = matches!(text(object, "/status/phase"), "Succeeded" | "Failed");
    match limit {
        "pods" => whole(usize::from(!ended)),
        "services.nodeports" => {
            let takes = matches!(text(object, "/spec/type"), "NodePort" | "LoadBalancer")
                && object.look("/spec/allocateLoadBalancerNodePorts") != Some(&Value::Bool(false));
            whole(if takes { items(object, "/spec/ports").len() } else { 0 })
        }
        "services.loadbalancers" => whole(usize::from(text(object, "/spec/type") == "LoadBalancer")),
        "requests.storage" => quantity(object.look("/spec/resources/requests/storage")),
        _ => match compute(limit) {
            Some(_) if ended => whole(0),
            Some((list, resource)) => of_pod(object, list, resource),
            None => whole(1),
        },
    }
}

/// What a pod asks for: the sum of its containers, or what an init container needs if that is more.
fn of_pod(pod: &Value, list: &str, resource: &str) -> Quantity {
    let amount =
        |container: &Value| quantity(container.look(&format!("/resources/{list}/{}", escaped(resource))));
    let mut total = Quantity::default();
    for container in items(pod, "/spec/containers") {
        total = total.plus(amount(container));
    }
    for container in items(pod, "/spec/initContainers") {
        let amount = amount(container);
        if text(container, "/restartPolicy") == "Always" {
            total = total.plus(amount);
        } else if amount > total {
            total = amount;
        }
    }
    total
}

fn escaped(resource: &str) -> String {
    resource.replace('~', "~0").replace('/', "~1")
}

/// A quantity in an object, nought if there is none.
pub(crate) fn quantity(value: Option<&Value>) -> Quantity {
    let text = match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => return Quantity::default(),
    };
    Quantity::parse(&text).unwrap_or_default()
}

/// Whether a quota concerns a pod.
pub(crate) fn in_scope(quota: &Value, pod: &Value) -> bool {
    let best_effort = ["/spec/containers", "/spec/initContainers"].iter().all(|list| {
        items(pod, list).iter().all(|container| {
            let none = |pointer: &str| map(container, pointer).is_none_or(|map| map.is_empty());
            none("/resources/requests") && none("/resources/limits")
        })
    });
    let ends = number(pod, "/spec/activeDeadlineSeconds").is_some();
    let class = text(pod, "/spec/priorityClassName");
    let simple = items(quota, "/spec/scopes").iter().filter_map(Value::as_str).all(|scope| match scope {
        "BestEffort" => best_effort,
        "NotBestEffort" => !best_effort,
        "Terminating" => ends,
        "NotTerminating" => !ends,
        _ => true,
    });
    simple
        && items(quota, "/spec/scopeSelector/matchExpressions").iter().all(|expression| {
            let among = items(expression, "/values").iter().any(|value| value.as_str() == Some(class));
            match (text(expression, "/scopeName"), text(expression, "/operator")) {
                ("PriorityClass", "In") => among,
                ("PriorityClass", "NotIn") => !among,
                ("PriorityClass", "Exists") => !class.is_empty(),
                ("PriorityClass", "DoesNotExist") => class.is_empty(),
                ("BestEffort", _) => best_effort,
                ("NotBestEffort", _) => !best_effort,
                ("Terminating", _) => ends,
                ("NotTerminating", _) => !ends,
                _ => true,
            }
        })
}
