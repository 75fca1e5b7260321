//! ResourceQuotas: what a namespace may still get.

use serde_json::Value;

use crate::api::{Api, named};
use crate::object::{items, map, name, text};
use crate::quantity::Quantity;
use crate::resources::Resource;
use crate::status::{Result, Status};
use crate::usage;

/// Refuses an object that a quota has no room for.
pub(super) fn admit(api: &Api, resource: &Resource, namespace: &str, value: &Value) -> Result<()> {
    let quotas = api.list("resourcequotas", Some(namespace));
    for quota in &quotas {
        let quota = &quota.value;
        if &*resource.storage == "pods" && !usage::in_scope(quota, value) {
            continue;
        }
        let refuse = |why: String| Err(Status::forbidden(named(resource, name(value)), &why));
        let hard = map(quota, "/spec/hard").into_iter().flatten();
        let mut limits: Vec<(&String, Quantity)> = hard
            .filter(|(limit, _)| usage::counted(limit) == &*resource.storage)
            .map(|(limit, most)| (limit, usage::quantity(Some(most))))
            .collect();
        limits.sort_by_key(|(limit, _)| *limit);
        let unnamed = unnamed(value, &limits);
        if !unnamed.is_empty() {
            return refuse(format!("failed quota: {}: must specify {}", name(quota), unnamed.join("; ")));
        }
        let (mut asked, mut used, mut limited) = (Vec::new(), Vec::new(), Vec::new());
        for (limit, most) in limits {
            let more = usage::of(limit, value);
            if more.nano() <= 0 {
                continue;
            }
            let now = in_use(api, resource, namespace, quota, limit);
            if now.plus(more) > most {
                asked.push(format!("{limit}={more}"));
                used.push(format!("{limit}={now}"));
                limited.push(format!("{limit}={most}"));
            }
        }
        if !asked.is_empty() {
            let (asked, used, limited) = (asked.join(","), used.join(","), limited.join(","));
            return refuse(format!(
                "exceeded quota: {}, requested: {asked}, used: {used}, limited: {limited}",
                name(quota)
            ));
        }
    }
    Ok(())
}

/// What the objects of a namespace use together.
fn in_use(api: &Api, resource: &Resource, namespace: &str, quota: &Value, limit: &str) -> Quantity {
    let all = api.list(&resource.storage, Some(namespace));
    let counts = |object: &&Value| &*resource.storage != "pods" || usage::in_scope(quota, object);
    let values = all.iter().map(|object| &object.value).filter(counts);
    values.fold(Quantity::default(), |total, object| total.plus(usage::of(limit, object)))
}

/// The amounts that a quota limits and that containers of a pod do not name.
fn unnamed(pod: &Value, limits: &[(&String, Quantity)]) -> Vec<String> {
    let mut found = Vec::new();
    for (limit, _) in limits {
        let Some((list, resource)) = usage::compute(limit) else { continue };
        if !matches!(resource, "cpu" | "memory") {
            continue;
        }
        let names = |container: &&Value| {
            !map(container, &format!("/resources/{list}"))
                .is_some_and(|amounts| amounts.contains_key(resource))
        };
        let containers = items(pod, "/spec/containers").iter().chain(items(pod, "/spec/initContainers"));
        let without: Vec<&str> = containers.filter(names).map(|container| text(container, "/name")).collect();
        if !without.is_empty() {
            found.push(format!("{limit} for: {}", without.join(",")));
        }
    }
    found
}
