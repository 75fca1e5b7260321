//! ResourceQuotas: what a namespace uses of what it may.

use serde_json::{Map, Value, json};

use super::pods;
use crate::builtin::{EVENTS, PERSISTENT_VOLUME_CLAIMS, PODS, RESOURCE_QUOTAS, SERVICES};
use crate::client::{Pending, Resource, Shared};
use crate::object::{self, items, map, namespace, number, text};
use crate::quantity::Quantity;
use crate::reconcile::cache::Cache;
use crate::reconcile::context::Context;
use crate::reconcile::{Key, Outcome, Reconciler, Seen};

/// Counts what quotas limit.
pub(super) struct Quotas;

impl Reconciler for Quotas {
    fn name(&self) -> &'static str {
        "resourcequota-controller"
    }

    fn watches(&self) -> Vec<Resource> {
        Vec::new()
    }

    fn affected(&self, cache: &Cache, seen: &Seen<'_>, enqueue: &mut dyn FnMut(Key)) {
        if *seen.resource == RESOURCE_QUOTAS {
            enqueue(seen.key());
            return;
        }
        if !seen.resource.namespaced || *seen.resource == EVENTS {
            return;
        }
        let counts_again = match (seen.old, seen.new) {
            (Some(old), Some(new)) => {
                let same = |pointer: &str| old.pointer(pointer) == new.pointer(pointer);
                !(same("/spec") && same("/status/phase") && same("/metadata/deletionTimestamp"))
            }
            _ => true,
        };
        if counts_again {
            let quotas = cache.list(&RESOURCE_QUOTAS, namespace(seen.object()));
            quotas.iter().for_each(|quota| enqueue(Key::of(&RESOURCE_QUOTAS, quota)));
        }
    }

    fn reconcile<'a>(&'a self, context: &'a Context, key: &'a Key) -> Pending<'a, Outcome> {
        Box::pin(look(context, key))
    }
}

async fn look(context: &Context, key: &Key) -> Outcome {
    let Some(quota) = context.cache().of(key).filter(|quota| !object::is_terminating(quota)) else {
        return Ok(None);
    };
    let hard = map(&quota, "/spec/hard").cloned().unwrap_or_default();
    let used: Map<String, Value> =
        hard.keys().map(|what| (what.clone(), used(context.cache(), &quota, what).into())).collect();
    context.set_status(&RESOURCE_QUOTAS, &quota, json!({"hard": hard, "used": used})).await?;
    Ok(None)
}

/// The amount of something that a namespace uses, as a quantity.
fn used(cache: &Cache, quota: &Value, what: &str) -> String {
    let space = namespace(quota);
    let count = |resource: &Resource, test: &dyn Fn(&Value) -> bool| {
        cache.list(resource, space).iter().filter(|object| test(object)).count().to_string()
    };
    match what {
        "pods" | "count/pods" => {
            let every = what == "count/pods";
            count(&PODS, &|pod| (every || !pods::is_finished(pod)) && in_scope(quota, pod))
        }
        "services.nodeports" => {
            let ports = cache.list(&SERVICES, space);
            let ports = ports.iter().flat_map(|service| items(service, "/spec/ports"));
            ports.filter(|port| number(port, "/nodePort").is_some()).count().to_string()
        }
        "services.loadbalancers" => {
            count(&SERVICES, &|service| text(service, "/spec/type") == "LoadBalancer")
        }
        "requests.storage" => {
            let claims = cache.list(&PERSISTENT_VOLUME_CLAIMS, space);
            sum(claims.iter().filter_map(|claim| claim.pointer("/spec/resources/requests/storage")))
        }
        _ => match compute(what) {
            Some((list, resource)) => {
                let mut running = cache.list(&PODS, space);
                running.retain(|pod| !pods::is_finished(pod) && in_scope(quota, pod));
                sum_of_pods(&running, list, resource)
            }
            None => {
                let (plural, group) = what
                    .strip_prefix("count/")
                    .unwrap_or(what)
                    .split_once('.')
                    .unwrap_or((what.strip_prefix("count/").unwrap_or(what), ""));
                let is = |resource: &&Resource| resource.plural == plural && resource.group == group;
                let known = cache.resources();
                known.iter().find(is).map_or_else(|| "0".to_owned(), |resource| count(resource, &|_| true))
            }
        },
    }
}

/// Which list of containers' resources an amount is the sum of.
fn compute(what: &str) -> Option<(&'static str, &str)> {
    match what {
        "cpu" | "memory" | "ephemeral-storage" => Some(("requests", what)),
        _ => match what.split_once('.') {
            Some(("requests", resource)) => Some(("requests", resource)),
            Some(("limits", resource)) => Some(("limits", resource)),
            _ => None,
        },
    }
}

fn in_scope(quota: &Value, pod: &Value) -> bool {
    let best_effort = text(pod, "/status/qosClass") == "BestEffort";
    let ends = pod.pointer("/spec/activeDeadlineSeconds").is_some();
    items(quota, "/spec/scopes").iter().filter_map(Value::as_str).all(|scope| match scope {
        "BestEffort" => best_effort,
        "NotBestEffort" => !best_effort,
        "Terminating" => ends,
        "NotTerminating" => !ends,
        _ => true,
    })
}

fn sum_of_pods(all: &[Shared], list: &str, resource: &str) -> String {
    let amounts = all.iter().flat_map(|pod| {
        let containers = items(pod, "/spec/containers").iter();
        containers.filter_map(|container| container.get("resources")?.get(list)?.get(resource))
    });
    sum(amounts)
}

/// The sum of quantities, written in the form of the first.
fn sum<'a>(amounts: impl Iterator<Item = &'a Value>) -> String {
    let mut total: Option<Quantity> = None;
    for amount in amounts {
        let text = match amount {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if let Some(amount) = Quantity::parse(&text) {
            total = Some(total.map_or(amount, |total| total.plus(amount)));
        }
    }
    total.map_or_else(|| "0".to_owned(), |total| total.to_string())
}
