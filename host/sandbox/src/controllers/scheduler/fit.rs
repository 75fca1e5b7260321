//! Whether a node takes a pod: selectors, taints, room.

use serde_json::{Map, Value};

use crate::object::{Look, flag, items, map, name, text};
use crate::quantity::Quantity;

/// Amounts in thousandths.
#[derive(Clone, Debug, Default)]
pub(super) struct Needs {
    amounts: Vec<(String, i128)>,
    pods: i64,
}

impl Needs {
    /// What a pod asks for: the sum of its containers, or what an init container needs if that is more.
    pub(super) fn of(pod: &Value) -> Self {
        let mut needs = Self { amounts: Vec::new(), pods: 1 };
        for container in items(pod, "/spec/containers") {
            for (resource, amount) in requests(container) {
                *needs.amount(resource) += amount;
            }
        }
        for container in items(pod, "/spec/initContainers") {
            for (resource, amount) in requests(container) {
                let known = needs.amount(resource);
                if text(container, "/restartPolicy") == "Always" {
                    *known += amount;
                } else {
                    *known = (*known).max(amount);
                }
            }
        }
        if let Some(overhead) = map(pod, "/spec/overhead") {
            for (resource, amount) in amounts(overhead) {
                *needs.amount(resource) += amount;
            }
        }
        needs
    }

    fn amount(&mut self, resource: &str) -> &mut i128 {
        let at = self.amounts.iter().position(|(known, _)| known == resource).unwrap_or_else(|| {
            self.amounts.push((resource.to_owned(), 0));
            self.amounts.len() - 1
        });
        &mut self.amounts[at].1
    }

    pub(super) fn add(&mut self, other: &Self, sign: i64) {
        self.pods += sign * other.pods;
        for (resource, amount) in &other.amounts {
            *self.amount(resource) += i128::from(sign) * amount;
        }
    }

    pub(super) fn pods(&self) -> i64 {
        self.pods
    }

    fn of_resource(&self, resource: &str) -> i128 {
        self.amounts.iter().find(|(known, _)| known == resource).map_or(0, |(_, amount)| *amount)
    }
}

fn requests(container: &Value) -> Vec<(&str, i128)> {
    let mut found = map(container, "/resources/requests").map(amounts).unwrap_or_default();
    for (resource, amount) in map(container, "/resources/limits").map(amounts).unwrap_or_default() {
        if !found.iter().any(|(known, _)| *known == resource) {
            found.push((resource, amount));
        }
    }
    found
}

fn amounts(amounts: &Map<String, Value>) -> Vec<(&str, i128)> {
    amounts.iter().map(|(resource, amount)| (resource.as_str(), milli(amount))).collect()
}

fn milli(amount: &Value) -> i128 {
    let text = match amount {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Quantity::parse(&text).map_or(0, |quantity| quantity.milli())
}

/// Why a node does not take a pod; nothing if it does.
pub(super) fn problems(pod: &Value, node: &Value, needs: &Needs, taken: &Needs) -> Vec<String> {
    let tolerations = items(pod, "/spec/tolerations");
    if flag(node, "/spec/unschedulable")
        && !tolerations.iter().any(|t| tolerates(t, "node.kubernetes.io/unschedulable", "", "NoSchedule"))
    {
        return vec!["node(s) were unschedulable".to_owned()];
    }
    for taint in items(node, "/spec/taints") {
        let (key, value, effect) = (text(taint, "/key"), text(taint, "/value"), text(taint, "/effect"));
        let counts = matches!(effect, "NoSchedule" | "NoExecute");
        if counts && !tolerations.iter().any(|toleration| tolerates(toleration, key, value, effect)) {
            let colon = if value.is_empty() { "" } else { ": " };
            return vec![format!("node(s) had untolerated taint(s) {{{key}{colon}{value}}}")];
        }
    }
    if !selects(pod, node) {
        return vec!["node(s) didn't match Pod's node affinity/selector".to_owned()];
    }
    let mut problems = Vec::new();
    let room = |resource: &str| node.look("/status/allocatable").and_then(|all| all.get(resource)).map(milli);
    if let Some(most) = room("pods")
        && i128::from(taken.pods + 1) * 1000 > most
    {
        problems.push("Too many pods".to_owned());
    }
    for (resource, amount) in &needs.amounts {
        let most = room(resource).unwrap_or(0);
        if *amount > 0 && taken.of_resource(resource) + amount > most {
            problems.push(format!("Insufficient {resource}"));
        }
    }
    problems
}

fn tolerates(toleration: &Value, key: &str, value: &str, effect: &str) -> bool {
    let own = text(toleration, "/effect");
    if !own.is_empty() && own != effect {
        return false;
    }
    let exists = text(toleration, "/operator") == "Exists";
    match text(toleration, "/key") {
        "" => exists,
        own if own != key => false,
        _ => exists || text(toleration, "/value") == value,
    }
}

/// Whether a pod's node selector and required node affinity name a node. Also used for DaemonSets.
pub(in crate::controllers) fn selects(pod: &Value, node: &Value) -> bool {
    let labels = map(node, "/metadata/labels");
    let label = |key: &str| labels.and_then(|labels| labels.get(key)).and_then(Value::as_str);
    let wanted = map(pod, "/spec/nodeSelector").into_iter().flatten();
    if !wanted.into_iter().all(|(key, value)| label(key) == value.as_str()) {
        return false;
    }
    let pointer =
        "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    let Some(terms) = pod.look(pointer).and_then(Value::as_array) else { return true };
    terms.iter().any(|term| {
        let (expressions, fields) = (items(term, "/matchExpressions"), items(term, "/matchFields"));
        let some = !expressions.is_empty() || !fields.is_empty();
        some && expressions.iter().all(|e| matches(e, label(text(e, "/key"))))
            && fields.iter().all(|f| text(f, "/key") == "metadata.name" && matches(f, Some(name(node))))
    })
}

fn matches(requirement: &Value, found: Option<&str>) -> bool {
    let values = items(requirement, "/values");
    let among = |found: &str| values.iter().any(|value| value.as_str() == Some(found));
    let numbers = || Some((found?.parse::<i64>().ok()?, values.first()?.as_str()?.parse::<i64>().ok()?));
    match text(requirement, "/operator") {
        "In" => found.is_some_and(among),
        "NotIn" => !found.is_some_and(among),
        "Exists" => found.is_some(),
        "DoesNotExist" => found.is_none(),
        "Gt" => numbers().is_some_and(|(found, bound)| found > bound),
        "Lt" => numbers().is_some_and(|(found, bound)| found < bound),
        _ => false,
    }
}

/// Whether a pod may be on a node in spite of its taints. For DaemonSets.
pub(in crate::controllers) fn tolerates_node(pod: &Value, node: &Value) -> bool {
    let tolerations = items(pod, "/spec/tolerations");
    items(node, "/spec/taints").iter().all(|taint| {
        let (key, value, effect) = (text(taint, "/key"), text(taint, "/value"), text(taint, "/effect"));
        effect == "PreferNoSchedule" || tolerations.iter().any(|t| tolerates(t, key, value, effect))
    })
}
