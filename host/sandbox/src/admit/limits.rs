//! LimitRanges: amounts that containers get by default, and those that are too small or too large.

use serde_json::{Map, Value};

use crate::api::{Api, named};
use crate::object::{items, map, name, text};
use crate::quantity::Quantity;
use crate::resources::Resource;
use crate::status::{Result, Status};
use crate::store::Object;
use crate::usage::quantity;
use crate::value::{map_at, set};

const ANNOTATION: &str = "kubernetes.io/limit-ranger";

fn ranges(api: &Api, namespace: &str) -> Vec<std::sync::Arc<Object>> {
    api.list("limitranges", Some(namespace))
}

/// Fills in and checks a pod.
pub(super) fn admit_pod(api: &Api, resource: &Resource, namespace: &str, pod: &mut Value) -> Result<()> {
    for range in ranges(api, namespace) {
        fill_in(&range.value, pod);
    }
    for range in ranges(api, namespace) {
        let mut errors = Vec::new();
        for limit in items(&range.value, "/spec/limits") {
            match text(limit, "/type") {
                "Container" => {
                    for list in ["/spec/containers", "/spec/initContainers"] {
                        for container in items(pod, list) {
                            let amounts = |which: &str| map(container, which).cloned().unwrap_or_default();
                            let (asked, most) =
                                (amounts("/resources/requests"), amounts("/resources/limits"));
                            check(limit, "Container", &asked, &most, &mut errors);
                        }
                    }
                }
                "Pod" => check(limit, "Pod", &sum(pod, "requests"), &sum(pod, "limits"), &mut errors),
                _ => {}
            }
        }
        refuse(resource, pod, &errors)?;
    }
    Ok(())
}

/// Checks a claim.
pub(super) fn admit_claim(api: &Api, resource: &Resource, namespace: &str, claim: &Value) -> Result<()> {
    for range in ranges(api, namespace) {
        let mut errors = Vec::new();
        let limits = items(&range.value, "/spec/limits").iter();
        for limit in limits.filter(|limit| text(limit, "/type") == "PersistentVolumeClaim") {
            let asked = map(claim, "/spec/resources/requests").cloned().unwrap_or_default();
            check(limit, "PersistentVolumeClaim", &asked, &asked, &mut errors);
        }
        refuse(resource, claim, &errors)?;
    }
    Ok(())
}

fn refuse(resource: &Resource, object: &Value, errors: &[String]) -> Result<()> {
    let mut unique: Vec<&str> = Vec::new();
    for error in errors {
        if !unique.contains(&error.as_str()) {
            unique.push(error);
        }
    }
    let text = match unique[..] {
        [] => return Ok(()),
        [only] => only.to_owned(),
        _ => format!("[{}]", unique.join(", ")),
    };
    Err(Status::forbidden(named(resource, name(object)), &text))
}

/// The sum of all containers' amounts.
fn sum(pod: &Value, list: &str) -> Map<String, Value> {
    let mut total: Map<String, Value> = Map::new();
    for container in items(pod, "/spec/containers") {
        for (resource, amount) in map(container, &format!("/resources/{list}")).into_iter().flatten() {
            let both = quantity(total.get(resource)).plus(quantity(Some(amount)));
            total.insert(resource.clone(), both.to_string().into());
        }
    }
    total
}

/// Gives containers the amounts that they do not name, and says so in an annotation.
fn fill_in(range: &Value, pod: &mut Value) {
    let mut notes: Vec<String> = Vec::new();
    let limits: Vec<&Value> =
        items(range, "/spec/limits").iter().filter(|limit| text(limit, "/type") == "Container").collect();
    for (list, what) in [("containers", "container"), ("initContainers", "init container")] {
        let containers =
            pod.get_mut("spec").and_then(|spec| spec.get_mut(list)).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            for (field, source, word) in
                [("requests", "/defaultRequest", "request"), ("limits", "/default", "limit")]
            {
                let mut added = Vec::new();
                for limit in &limits {
                    for (resource, amount) in map(limit, source).into_iter().flatten() {
                        let own = map_at(container, &["resources", field]);
                        if !own.contains_key(resource) {
                            own.insert(resource.clone(), amount.clone());
                            added.push(resource.clone());
                        }
                    }
                }
                added.sort_unstable();
                if !added.is_empty() {
                    notes.push(format!(
                        "{} {word} for {what} {}",
                        added.join(", "),
                        text(container, "/name")
                    ));
                }
            }
        }
    }
    if !notes.is_empty() {
        let note = format!("LimitRanger plugin set: {}", notes.join("; "));
        set(pod, &["metadata", "annotations", ANNOTATION], note);
        let class = crate::defaults::quality_class(pod);
        set(pod, &["status", "qosClass"], class);
    }
}

fn check(
    limit: &Value,
    kind: &str,
    asked: &Map<String, Value>,
    most: &Map<String, Value>,
    errors: &mut Vec<String>,
) {
    let read = |amounts: &Map<String, Value>, resource: &str| {
        amounts.get(resource).map(|amount| quantity(Some(amount)))
    };
    let bounds = |which: &str| map(limit, which).cloned().unwrap_or_default();
    for (resource, bound) in bounds("/min") {
        let bound = quantity(Some(&bound));
        let start = format!("minimum {resource} usage per {kind} is {bound}");
        match (read(asked, &resource), read(most, &resource)) {
            (None, _) => errors.push(format!("{start}.  No request is specified")),
            (Some(asked), _) if asked < bound => errors.push(format!("{start}, but request is {asked}")),
            (_, Some(most)) if most < bound => errors.push(format!("{start}, but limit is {most}")),
            _ => {}
        }
    }
    for (resource, bound) in bounds("/max") {
        let bound = quantity(Some(&bound));
        let start = format!("maximum {resource} usage per {kind} is {bound}");
        match (read(asked, &resource), read(most, &resource)) {
            (_, None) => errors.push(format!("{start}.  No limit is specified")),
            (_, Some(most)) if most > bound => errors.push(format!("{start}, but limit is {most}")),
            (Some(asked), _) if asked > bound => errors.push(format!("{start}, but request is {asked}")),
            _ => {}
        }
    }
    for (resource, bound) in bounds("/maxLimitRequestRatio") {
        let bound = quantity(Some(&bound));
        let start = format!("{resource} max limit to request ratio per {kind} is {bound}");
        let some = |amount: Option<Quantity>| amount.filter(|amount| amount.nano() != 0);
        match (some(read(asked, &resource)), some(read(most, &resource))) {
            (None, _) => errors.push(format!("{start}, but no request is specified or request is 0")),
            (_, None) => errors.push(format!("{start}, but no limit is specified or limit is 0")),
            (Some(asked), Some(most)) => {
                let ratio = most.nano() as f64 / asked.nano() as f64;
                if ratio > bound.nano() as f64 / 1e9 {
                    errors.push(format!("{start}, but provided ratio is {ratio:.6}"));
                }
            }
        }
    }
}
