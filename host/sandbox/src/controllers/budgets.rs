//! PodDisruptionBudgets: how many pods may be evicted.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::pods;
use super::status::scaled;
use crate::builtin::{
    DEPLOYMENTS, POD_DISRUPTION_BUDGETS, PODS, REPLICA_SETS, REPLICATION_CONTROLLERS, STATEFUL_SETS,
};
use crate::client::{Pending, Resource, Shared};
use crate::clock;
use crate::object::{self, Look, name, namespace, number, text, uid};
use crate::reconcile::cache::Cache;
use crate::reconcile::context::Context;
use crate::reconcile::{Key, Outcome, Reconciler, Seen};

const COMPONENT: &str = "controllermanager";
/// How long an eviction that was granted counts before the pod is seen to go.
const GRANTED: i64 = 120;

/// Counts pods of budgets.
pub(super) struct Budgets;

impl Reconciler for Budgets {
    fn name(&self) -> &'static str {
        "disruption-controller"
    }

    fn watches(&self) -> Vec<Resource> {
        vec![POD_DISRUPTION_BUDGETS, PODS, DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS]
    }

    fn affected(&self, cache: &Cache, seen: &Seen<'_>, enqueue: &mut dyn FnMut(Key)) {
        if *seen.resource == POD_DISRUPTION_BUDGETS {
            enqueue(seen.key());
            return;
        }
        let object = seen.object();
        if *seen.resource != PODS {
            // Only a new size matters.
            let same = |pointer: &str| seen.old.is_some_and(|old| old.look(pointer) == object.look(pointer));
            if same("/spec/replicas") {
                return;
            }
        }
        for budget in cache.list(&POD_DISRUPTION_BUDGETS, namespace(object)) {
            let concerns =
                *seen.resource != PODS || seen.states().any(|pod| pods::selector(&budget).selects(pod));
            if concerns {
                enqueue(Key::of(&POD_DISRUPTION_BUDGETS, &budget));
            }
        }
    }

    fn reconcile<'a>(&'a self, context: &'a Context, key: &'a Key) -> Pending<'a, Outcome> {
        Box::pin(look(context, key))
    }

    fn is_prompt(&self) -> bool {
        true
    }
}

async fn look(context: &Context, key: &Key) -> Outcome {
    let Some(budget) = context.cache().of(key) else { return Ok(None) };
    let selector = budget.look("/spec/selector").filter(|selector| selector.is_object());
    let selector = selector.map(|_| pods::selector(&budget));
    let mut all = context.cache().list(&PODS, namespace(&budget));
    all.retain(|pod| {
        selector.as_ref().is_some_and(|selector| selector.selects(pod)) && !pods::is_finished(pod)
    });
    if all.is_empty() {
        context.event(COMPONENT, &budget, "Normal", "NoPods", "No matching pods found");
    }
    tell_ambiguous(context, &budget, &all);
    tell_unmanaged(context, &budget, &all);
    let now = context.now();
    let (expected, desired) = expected(context, &budget, &all);
    let (granted, again) = still_granted(&budget, &all, now);
    let healthy = |pod: &&Shared| {
        pods::is_ready(pod) && !object::is_terminating(pod) && !granted.contains_key(name(pod))
    };
    let current = all.iter().filter(healthy).count() as i64;
    let allowed = if expected <= 0 { 0 } else { (current - desired).max(0) };
    let generation = object::generation(&budget);
    let (is, reason) = if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
    let known = object::condition(&budget, "DisruptionAllowed").filter(|known| text(known, "/status") == is);
    let since = known.map(|known| text(known, "/lastTransitionTime").to_owned());
    let mut status = json!({
        "observedGeneration": generation, "disruptionsAllowed": allowed, "currentHealthy": current,
        "desiredHealthy": desired, "expectedPods": expected,
        "conditions": [{
            "type": "DisruptionAllowed", "status": is, "reason": reason, "message": "",
            "observedGeneration": generation, "lastTransitionTime": since.unwrap_or_else(|| clock::seconds(now)),
        }],
    });
    if !granted.is_empty() {
        status["disruptedPods"] = Value::Object(granted);
    }
    context.set_status(&POD_DISRUPTION_BUDGETS, &budget, status).await?;
    Ok(again)
}

/// Pods without a workload have no size to take a part of.
fn tell_unmanaged(context: &Context, budget: &Value, all: &[Shared]) {
    let fixed = budget.look("/spec/maxUnavailable").is_none()
        && budget.look("/spec/minAvailable").is_none_or(|least| least.is_number());
    if fixed || all.iter().all(|pod| object::controller(pod).is_some()) {
        return;
    }
    let message = "Pods selected by this PodDisruptionBudget were found to be unmanaged. As a result, the status of the \
        PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please \
        set \".spec.minAvailable\" field of the PDB to an integer value.";
    context.event(COMPONENT, budget, "Warning", "UnmanagedPods", message);
}

/// A pod should have one budget; the real controller takes the first and says so.
fn tell_ambiguous(context: &Context, budget: &Value, all: &[Shared]) {
    let budgets = context.cache().list(&POD_DISRUPTION_BUDGETS, namespace(budget));
    for pod in all {
        let mut own = budgets.iter().filter(|other| pods::selector(other).selects(pod));
        let (Some(first), Some(_)) = (own.next(), own.next()) else { continue };
        if name(first) == name(budget) {
            let pod_name = format!("\"{}\"/\"{}\"", namespace(pod), name(pod));
            let message = format!(
                "Pod {pod_name} matches multiple PodDisruptionBudgets.  Chose \"{}\" arbitrarily.",
                name(first)
            );
            context.event(COMPONENT, pod, "Warning", "MultiplePodDisruptionBudgets", &message);
        }
    }
}

/// Evictions that were granted lately and whose pods are still there.
fn still_granted(budget: &Value, all: &[Shared], now: Timestamp) -> (Map<String, Value>, Option<Timestamp>) {
    let (mut kept, mut again) = (Map::new(), None);
    for (pod, moment) in object::map(budget, "/status/disruptedPods").into_iter().flatten() {
        let there = all.iter().any(|other| name(other) == pod && !object::is_terminating(other));
        let due = moment.as_str().and_then(clock::parse);
        let due = due.and_then(|at| at.saturating_add(SignedDuration::from_secs(GRANTED)).ok());
        if let Some(due) = due.filter(|due| there && *due > now) {
            kept.insert(pod.clone(), moment.clone());
            again = Some(again.map_or(due, |known: Timestamp| known.min(due)));
        }
    }
    (kept, again)
}

/// How many pods there should be, and how many of them healthy.
fn expected(context: &Context, budget: &Value, all: &[Shared]) -> (i64, i64) {
    if let Some(most) = budget.look("/spec/maxUnavailable") {
        let expected = scale(context, all);
        return (expected, (expected - scaled(Some(most), expected, true, "0")).max(0));
    }
    match budget.look("/spec/minAvailable") {
        Some(Value::String(percent)) => {
            let expected = scale(context, all);
            (expected, scaled(Some(&Value::String(percent.clone())), expected, true, "0"))
        }
        least => (all.len() as i64, least.and_then(Value::as_i64).unwrap_or(0)),
    }
}

/// The sum of the sizes of the workloads that the pods belong to.
fn scale(context: &Context, all: &[Shared]) -> i64 {
    let mut sizes: BTreeMap<String, i64> = BTreeMap::new();
    for pod in all {
        let Some(workload) = workload(context, pod) else { continue };
        sizes.insert(uid(&workload).to_owned(), number(&workload, "/spec/replicas").unwrap_or(1));
    }
    sizes.values().sum()
}

fn workload(context: &Context, pod: &Value) -> Option<Shared> {
    let owner = object::controller(pod)?;
    let resource = match text(owner, "/kind") {
        "ReplicaSet" => &REPLICA_SETS,
        "StatefulSet" => &STATEFUL_SETS,
        "ReplicationController" => &REPLICATION_CONTROLLERS,
        _ => return None,
    };
    let set = context.cache().get(resource, namespace(pod), text(owner, "/name"))?;
    let above = object::controller(&set).filter(|above| text(above, "/kind") == "Deployment");
    let above =
        above.and_then(|above| context.cache().get(&DEPLOYMENTS, namespace(pod), text(above, "/name")));
    above.or(Some(set))
}
