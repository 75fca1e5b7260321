//! ResourceQuotas: what a namespace uses of what it may.

use serde_json::{Map, Value, json};

use crate::builtin::{EVENTS, PODS, RESOURCE_QUOTAS};
use crate::client::{Pending, Resource};
use crate::object::{self, Look, map, namespace};
use crate::quantity::Quantity;
use crate::reconcile::cache::Cache;
use crate::reconcile::context::Context;
use crate::reconcile::{Key, Outcome, Reconciler, Seen};
use crate::usage;

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
                let same = |pointer: &str| old.look(pointer) == new.look(pointer);
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
    let used: Map<String, Value> = hard
        .keys()
        .map(|what| (what.clone(), used(context.cache(), &quota, what).to_string().into()))
        .collect();
    context.set_status(&RESOURCE_QUOTAS, &quota, json!({"hard": hard, "used": used})).await?;
    Ok(None)
}

/// The amount of something that a namespace uses.
fn used(cache: &Cache, quota: &Value, limit: &str) -> Quantity {
    let (plural, group) = usage::counted(limit).split_once('.').unwrap_or((usage::counted(limit), ""));
    let is = |resource: &&Resource| resource.plural == plural && resource.group == group;
    let known = cache.resources();
    let Some(resource) = known.iter().find(is) else { return Quantity::default() };
    let mut total = Quantity::default();
    for object in cache.list(resource, namespace(quota)) {
        if *resource != PODS || usage::in_scope(quota, &object) {
            total = total.plus(usage::of(limit, &object));
        }
    }
    total
}
