//! Deployments: the newest template in a ReplicaSet of its own, older ones scaled down at the pace of the strategy.

mod progress;
mod revision;
mod rollout;

use serde_json::{Map, Value};

use super::pods;
use super::status::scaled;
use crate::builtin::{DEPLOYMENTS, PODS, REPLICA_SETS};
use crate::client::{Pending, Refusal, Resource, Shared};
use crate::object::{self, Look, number, text};
use crate::reconcile::cache::Cache;
use crate::reconcile::context::Context;
use crate::reconcile::{Key, Outcome, Reconciler, Seen};

const COMPONENT: &str = "deployment-controller";

/// The controller of Deployments.
pub(super) struct Deployments;

impl Reconciler for Deployments {
    fn name(&self) -> &'static str {
        COMPONENT
    }

    fn watches(&self) -> Vec<Resource> {
        vec![DEPLOYMENTS, REPLICA_SETS, PODS]
    }

    fn affected(&self, cache: &Cache, seen: &Seen<'_>, enqueue: &mut dyn FnMut(Key)) {
        if *seen.resource == DEPLOYMENTS {
            enqueue(seen.key());
        } else if *seen.resource == REPLICA_SETS {
            pods::affected_owners(&DEPLOYMENTS, cache, seen, enqueue);
        } else if seen.new.is_none() {
            // A strategy that recreates waits for the last old pod to go.
            let owner = object::controller(seen.object()).map(|owner| text(owner, "/name"));
            let set = owner.and_then(|name| cache.get(&REPLICA_SETS, object::namespace(seen.object()), name));
            if let Some(owner) = set.as_ref().and_then(|set| object::controller(set)) {
                enqueue(Key::new(&DEPLOYMENTS, object::namespace(seen.object()), text(owner, "/name")));
            }
        }
    }

    fn reconcile<'a>(&'a self, context: &'a Context, key: &'a Key) -> Pending<'a, Outcome> {
        Box::pin(look(context, key))
    }
}

/// A Deployment with its ReplicaSets, as one look at it goes on.
struct Rollout<'a> {
    context: &'a Context,
    deployment: Shared,
    /// The status that is being worked out, from the one that is stored.
    status: Map<String, Value>,
    new: Option<Shared>,
    old: Vec<Shared>,
}

async fn look(context: &Context, key: &Key) -> Outcome {
    let Some(deployment) = context.cache().of(key) else { return Ok(None) };
    let selector = pods::selector(&deployment);
    if selector.is_empty() {
        return Ok(None); // it would select all pods
    }
    let sets = pods::claim(context, &REPLICA_SETS, &deployment, &selector).await?;
    let status = super::status::of(&deployment);
    let mut rollout = Rollout { context, deployment, status, new: None, old: Vec::new() };
    rollout.sort_sets(sets);
    if object::is_terminating(&rollout.deployment) {
        rollout.sync_revision(false).await?;
        return rollout.write_status(rollout.counted()).await;
    }
    if rollout.check_paused().await? {
        return Ok(None); // the new condition brings us back
    }
    if rollout.is_paused() || rollout.is_scaled() {
        return rollout.sync().await;
    }
    match text(&rollout.deployment, "/spec/strategy/type") {
        "Recreate" => rollout.recreate().await,
        _ => rollout.roll().await,
    }
}

impl Rollout<'_> {
    fn wanted(&self) -> i64 {
        number(&self.deployment, "/spec/replicas").unwrap_or(1)
    }

    fn is_paused(&self) -> bool {
        object::flag(&self.deployment, "/spec/paused")
    }

    fn is_rolling(&self) -> bool {
        text(&self.deployment, "/spec/strategy/type") != "Recreate"
    }

    fn has_deadline(&self) -> bool {
        self.deadline() != i64::from(i32::MAX)
    }

    fn deadline(&self) -> i64 {
        number(&self.deployment, "/spec/progressDeadlineSeconds").unwrap_or(600)
    }

    /// How many pods there may be beyond the wanted ones.
    fn max_surge(&self) -> i64 {
        if !self.is_rolling() {
            return 0;
        }
        scaled(self.deployment.look("/spec/strategy/rollingUpdate/maxSurge"), self.wanted(), true, "25%")
    }

    /// How many of the wanted pods may be missing.
    fn max_unavailable(&self) -> i64 {
        if !self.is_rolling() || self.wanted() == 0 {
            return 0;
        }
        let value = self.deployment.look("/spec/strategy/rollingUpdate/maxUnavailable");
        let fixed = scaled(value, self.wanted(), false, "25%");
        // Nothing would ever move with both at nought.
        let fixed = if fixed == 0 && self.max_surge() == 0 { 1 } else { fixed };
        fixed.min(self.wanted())
    }

    /// All sets, the old ones first.
    fn sets(&self) -> impl Iterator<Item = &Shared> {
        self.old.iter().chain(&self.new)
    }

    fn active_old(&self) -> Vec<Shared> {
        self.old.iter().filter(|set| replicas(set) > 0).cloned().collect()
    }

    /// Puts an updated set in its place.
    fn replace(&mut self, set: Shared) {
        for known in self.old.iter_mut().chain(&mut self.new) {
            if object::uid(known) == object::uid(&set) {
                *known = set.clone();
            }
        }
    }

    /// Scales a set; whether its size changed.
    async fn scale(&mut self, set: &Shared, size: i64, force: bool) -> Result<bool, Refusal> {
        let before = replicas(set);
        if before == size && !force {
            return Ok(false);
        }
        let mut new = (**set).clone();
        let annotated = revision::annotate_sizes(&mut new, self.wanted(), self.wanted() + self.max_surge());
        if before == size && !annotated {
            return Ok(false);
        }
        if let Some(spec) = new.pointer_mut("/spec").and_then(Value::as_object_mut) {
            spec.insert("replicas".to_owned(), size.into());
        }
        let updated = self.context.update(&REPLICA_SETS, new).await?;
        let name = object::name(&updated).to_owned();
        self.replace(updated);
        if before != size {
            let way = if before < size { "up" } else { "down" };
            let message = format!("Scaled {way} replica set {name} from {before} to {size}");
            self.context.event(COMPONENT, &self.deployment, "Normal", "ScalingReplicaSet", &message);
        }
        Ok(before != size)
    }

    /// Removes old sets beyond the history that is kept.
    async fn clean_up(&self) -> Result<(), Refusal> {
        let limit = number(&self.deployment, "/spec/revisionHistoryLimit").unwrap_or(10);
        if limit == i64::from(i32::MAX) {
            return Ok(());
        }
        let mut sets: Vec<&Shared> = self.old.iter().filter(|set| !object::is_terminating(set)).collect();
        let surplus = sets.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
        sets.sort_by_key(|set| revision::of(set));
        for set in sets.into_iter().take(surplus) {
            let observed = number(set, "/status/observedGeneration").unwrap_or(0);
            let empty = replicas(set) == 0 && actual(set) == 0 && object::generation(set) <= observed;
            if empty {
                self.context.delete(&REPLICA_SETS, set, None).await?;
            }
        }
        Ok(())
    }
}

/// How many pods a set should have.
fn replicas(set: &Value) -> i64 {
    number(set, "/spec/replicas").unwrap_or(1)
}

/// How many pods a set has.
fn actual(set: &Value) -> i64 {
    number(set, "/status/replicas").unwrap_or(0)
}

/// How many of them are available.
fn available(set: &Value) -> i64 {
    number(set, "/status/availableReplicas").unwrap_or(0)
}
