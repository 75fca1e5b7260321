//! ReplicaSets and ReplicationControllers: as many pods as wanted.

use serde_json::{Value, json};

use super::pods;
use super::status::{self, Condition, Times};
use crate::builtin::{PODS, REPLICA_SETS, REPLICATION_CONTROLLERS};
use crate::client::{Pending, Refusal, Resource, Shared};
use crate::object::{self, Look, number};
use crate::reconcile::cache::Cache;
use crate::reconcile::context::Context;
use crate::reconcile::{Key, Outcome, Reconciler, Seen};

/// At most so many pods are made or removed at a time.
const BURST: usize = 500;

/// The controller of ReplicaSets, or of their elder kind.
pub(super) struct ReplicaSets {
    resource: Resource,
    component: pods::Component,
}

impl ReplicaSets {
    /// The controller of ReplicaSets.
    pub(super) fn new() -> Self {
        Self { resource: REPLICA_SETS, component: "replicaset-controller" }
    }

    /// The controller of ReplicationControllers.
    pub(super) fn elder() -> Self {
        Self { resource: REPLICATION_CONTROLLERS, component: "replication-controller" }
    }
}

impl Reconciler for ReplicaSets {
    fn name(&self) -> &'static str {
        self.component
    }

    fn watches(&self) -> Vec<Resource> {
        vec![self.resource.clone(), PODS]
    }

    fn affected(&self, cache: &Cache, seen: &Seen<'_>, enqueue: &mut dyn FnMut(Key)) {
        if *seen.resource == self.resource {
            enqueue(seen.key());
        } else {
            pods::affected_owners(&self.resource, cache, seen, enqueue);
        }
    }

    fn reconcile<'a>(&'a self, context: &'a Context, key: &'a Key) -> Pending<'a, Outcome> {
        Box::pin(look(context, key, self.component))
    }
}

async fn look(context: &Context, key: &Key, component: pods::Component) -> Outcome {
    let Some(set) = context.cache().of(key) else { return Ok(None) };
    let all = pods::claim(context, &PODS, &set, &pods::selector(&set)).await?;
    let terminating = all.iter().filter(|pod| object::is_terminating(pod) && !pods::is_finished(pod)).count();
    let active: Vec<Shared> = all.into_iter().filter(|pod| pods::is_active(pod)).collect();
    let managed = match object::is_terminating(&set) {
        true => Ok(()),
        false => manage(context, component, &set, &active).await,
    };
    // The pods after what was done; the pods before decide what a failure is called.
    let now = context.now();
    let min_ready = number(&set, "/spec/minReadySeconds").unwrap_or(0);
    let wanted = number(&set, "/spec/replicas").unwrap_or(1);
    let mut status = status::of(&set);
    let labels = set.look("/spec/template/metadata/labels").unwrap_or(&Value::Null);
    let count = |test: &dyn Fn(&Shared) -> bool| active.iter().filter(|pod| test(pod)).count() as i64;
    status.insert("replicas".to_owned(), active.len().into());
    if key.resource == REPLICA_SETS {
        status.insert("terminatingReplicas".to_owned(), terminating.into());
    }
    status::counters(
        &mut status,
        &[
            ("fullyLabeledReplicas", count(&|pod| pods::has_labels(pod, labels))),
            ("readyReplicas", count(&|pod| pods::is_ready(pod))),
            ("availableReplicas", count(&|pod| pods::is_available(pod, min_ready, now))),
            ("observedGeneration", object::generation(&set)),
        ],
    );
    match &managed {
        Err(refusal) if status::find(&status, "ReplicaFailure").is_none() => {
            let reason = if (active.len() as i64) < wanted { "FailedCreate" } else { "FailedDelete" };
            let message = refusal.message.as_str();
            let kind = "ReplicaFailure";
            let condition = Condition { kind, status: "True", reason, message, times: Times::Plain };
            status::set(&mut status, &condition, now);
        }
        Err(_) => {}
        Ok(()) => status::remove(&mut status, "ReplicaFailure"),
    }
    context.set_status(&key.resource, &set, Value::Object(status)).await?;
    managed?;
    Ok(pods::next_available(&active, min_ready, now))
}

/// Makes or removes pods until there are as many as wanted.
async fn manage(
    context: &Context,
    component: pods::Component,
    set: &Value,
    active: &[Shared],
) -> Result<(), Refusal> {
    let wanted = usize::try_from(number(set, "/spec/replicas").unwrap_or(1)).unwrap_or(0);
    if active.len() < wanted {
        let template = set.look("/spec/template").cloned().unwrap_or_else(|| json!({}));
        let missing = (wanted - active.len()).min(BURST);
        let new = (0..missing).map(|_| pods::from_template(&template, set));
        return pods::create_many(context, component, set, new).await;
    }
    let mut surplus = active.to_vec();
    pods::sort_for_deletion(&mut surplus);
    surplus.truncate((active.len() - wanted).min(BURST));
    for pod in &surplus {
        pods::delete(context, component, set, pod).await?;
    }
    Ok(())
}
