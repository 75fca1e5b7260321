//! StatefulSets: pods with names and claims of their own, one after the other.

mod identity;

use serde_json::{Map, Value};

use super::pods;
use super::revisions::{self, Style};
use super::status;
use crate::builtin::{PODS, STATEFUL_SETS};
use crate::client::{Pending, Refusal, Resource, Shared};
use crate::object::{self, Look, label, name, number, text};
use crate::reconcile::cache::Cache;
use crate::reconcile::context::Context;
use crate::reconcile::{Key, Outcome, Reconciler, Seen};

const COMPONENT: &str = "statefulset-controller";
const REVISION_LABEL: &str = "controller-revision-hash";
const STYLE: Style = Style { hash_label: "controller.kubernetes.io/hash", annotation: None };

/// The controller of StatefulSets.
pub(super) struct StatefulSets;

impl Reconciler for StatefulSets {
    fn name(&self) -> &'static str {
        COMPONENT
    }

    fn watches(&self) -> Vec<Resource> {
        vec![STATEFUL_SETS, PODS, revisions::RESOURCE]
    }

    fn affected(&self, cache: &Cache, seen: &Seen<'_>, enqueue: &mut dyn FnMut(Key)) {
        if *seen.resource == STATEFUL_SETS {
            enqueue(seen.key());
        } else if *seen.resource == PODS {
            pods::affected_owners(&STATEFUL_SETS, cache, seen, enqueue);
        }
    }

    fn reconcile<'a>(&'a self, context: &'a Context, key: &'a Key) -> Pending<'a, Outcome> {
        Box::pin(look(context, key))
    }
}

/// A set with its pods, as one look at it goes on.
struct Work<'a> {
    context: &'a Context,
    set: Shared,
    pods: Vec<Shared>,
    /// The revision that the set comes from.
    current: Shared,
    /// The revision of its template.
    update: Shared,
}

async fn look(context: &Context, key: &Key) -> Outcome {
    let Some(set) = context.cache().of(key) else { return Ok(None) };
    let selector = pods::selector(&set);
    let mut pods = pods::claim(context, &PODS, &set, &selector).await?;
    pods.retain(|pod| identity::ordinal(&set, pod).is_some());
    if object::is_terminating(&set) {
        return Ok(None);
    }
    let known = revisions::list(context, &set);
    let update = revisions::current(context, &set, &STYLE, &known).await?;
    let stored = text(&set, "/status/currentRevision");
    let current = known.iter().find(|revision| name(revision) == stored).unwrap_or(&update).clone();
    let mut work = Work { context, set, pods, current, update };
    let result = work.step().await;
    work.refresh();
    work.write_status().await?;
    result?;
    let mut used = vec![name(&work.current), name(&work.update)];
    used.extend(work.pods.iter().filter_map(|pod| label(pod, REVISION_LABEL)));
    revisions::clean_up(context, &work.set, &used).await?;
    Ok(pods::next_available(&work.pods, work.min_ready(), context.now()))
}

impl Work<'_> {
    fn wanted(&self) -> i64 {
        number(&self.set, "/spec/replicas").unwrap_or(1)
    }

    fn start(&self) -> i64 {
        number(&self.set, "/spec/ordinals/start").unwrap_or(0)
    }

    fn min_ready(&self) -> i64 {
        number(&self.set, "/spec/minReadySeconds").unwrap_or(0)
    }

    fn partition(&self) -> i64 {
        number(&self.set, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0)
    }

    fn is_rolling(&self) -> bool {
        text(&self.set, "/spec/updateStrategy/type") != "OnDelete"
    }

    fn is_ordered(&self) -> bool {
        text(&self.set, "/spec/podManagementPolicy") != "Parallel"
    }

    fn refresh(&mut self) {
        let set = &self.set;
        let mut pods = self.context.cache().owned(&PODS, object::uid(set));
        pods.retain(|pod| pods::is_controlled_by(pod, set) && identity::ordinal(set, pod).is_some());
        self.pods = pods;
    }

    fn pod(&self, ordinal: i64) -> Option<Shared> {
        self.pods.iter().find(|pod| identity::ordinal(&self.set, pod) == Some(ordinal)).cloned()
    }

    fn is_healthy(&self, pod: &Value) -> bool {
        let now = self.context.now();
        text(pod, "/status/phase") == "Running"
            && !object::is_terminating(pod)
            && pods::is_available(pod, self.min_ready(), now)
    }

    async fn step(&self) -> Result<(), Refusal> {
        let range = self.start()..self.start() + self.wanted();
        for ordinal in range.clone() {
            let Some(pod) = self.pod(ordinal) else {
                self.make(ordinal).await?;
                if self.is_ordered() {
                    return Ok(());
                }
                continue;
            };
            if pods::is_finished(&pod) && !object::is_terminating(&pod) {
                self.remove(&pod).await?;
                if self.is_ordered() {
                    return Ok(());
                }
                continue;
            }
            if text(&pod, "/status/phase") != "Running" {
                identity::make_claims(self.context, &self.set, &pod, ordinal).await?;
            }
            if self.is_ordered() && !self.is_healthy(&pod) {
                return Ok(());
            }
        }
        let mut surplus: Vec<Shared> = self.pods.clone();
        surplus
            .retain(|pod| identity::ordinal(&self.set, pod).is_some_and(|ordinal| !range.contains(&ordinal)));
        surplus.sort_by_key(|pod| std::cmp::Reverse(identity::ordinal(&self.set, pod)));
        for pod in &surplus {
            if object::is_terminating(pod) {
                if self.is_ordered() {
                    return Ok(());
                }
                continue;
            }
            identity::hand_over_claims(self.context, &self.set, pod).await?;
            self.remove(pod).await?;
            if self.is_ordered() {
                return Ok(());
            }
        }
        if self.is_rolling() { self.roll(range).await } else { Ok(()) }
    }

    /// Replaces the highest pod of an older revision, once those above it are healthy.
    async fn roll(&self, range: std::ops::Range<i64>) -> Result<(), Refusal> {
        for ordinal in (self.start() + self.partition()..range.end).rev() {
            let Some(pod) = self.pod(ordinal) else { return Ok(()) };
            if label(&pod, REVISION_LABEL) != Some(name(&self.update)) && !object::is_terminating(&pod) {
                return self.remove(&pod).await;
            }
            if !self.is_healthy(&pod) {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn make(&self, ordinal: i64) -> Result<(), Refusal> {
        let kept = number(&self.set, "/status/currentReplicas").unwrap_or(0);
        let partition = self.set.look("/spec/updateStrategy/rollingUpdate/partition").is_some();
        let bound = self.start() + if partition { self.partition() } else { kept };
        let old = self.is_rolling() && name(&self.current) != name(&self.update) && ordinal < bound;
        let revision = if old { &self.current } else { &self.update };
        let pod = identity::pod(&self.set, revision, ordinal);
        identity::make_claims(self.context, &self.set, &pod, ordinal).await?;
        let (pod_name, set_name) = (name(&pod).to_owned(), name(&self.set).to_owned());
        let made = self.context.create(&PODS, object::namespace(&self.set), pod).await;
        match made {
            Ok(_) => {
                let message = format!("create Pod {pod_name} in StatefulSet {set_name} successful");
                self.context.event(COMPONENT, &self.set, "Normal", "SuccessfulCreate", &message);
                Ok(())
            }
            Err(refusal) => {
                let message =
                    format!("create Pod {pod_name} in StatefulSet {set_name} failed error: {refusal}");
                self.context.event(COMPONENT, &self.set, "Warning", "FailedCreate", &message);
                Err(refusal)
            }
        }
    }

    async fn remove(&self, pod: &Value) -> Result<(), Refusal> {
        self.context.delete(&PODS, pod, None).await?;
        let message = format!("delete Pod {} in StatefulSet {} successful", name(pod), name(&self.set));
        self.context.event(COMPONENT, &self.set, "Normal", "SuccessfulDelete", &message);
        Ok(())
    }

    async fn write_status(&self) -> Result<(), Refusal> {
        let mut status: Map<String, Value> = status::of(&self.set);
        let now = self.context.now();
        let count = |test: &dyn Fn(&Value) -> bool| self.pods.iter().filter(|pod| test(pod)).count() as i64;
        let runs = |pod: &Value| text(pod, "/status/phase") == "Running" && pods::is_ready(pod);
        let of = |revision: &Value, pod: &Value| {
            label(pod, REVISION_LABEL) == Some(name(revision)) && !object::is_terminating(pod)
        };
        let (all, ready) = (self.pods.len() as i64, count(&runs));
        let available = count(&|pod| runs(pod) && pods::is_available(pod, self.min_ready(), now));
        let updated = count(&|pod| of(&self.update, pod));
        let mut current = count(&|pod| of(&self.current, pod));
        let mut current_name = name(&self.current);
        if self.is_rolling() && updated == all && ready == all {
            (current, current_name) = (updated, name(&self.update));
        }
        status.insert("replicas".to_owned(), all.into());
        status.insert("availableReplicas".to_owned(), available.into());
        status.insert("currentRevision".to_owned(), current_name.into());
        status.insert("updateRevision".to_owned(), name(&self.update).into());
        status.entry("collisionCount").or_insert_with(|| 0.into());
        status::counters(
            &mut status,
            &[
                ("observedGeneration", object::generation(&self.set)),
                ("readyReplicas", ready),
                ("currentReplicas", current),
                ("updatedReplicas", updated),
            ],
        );
        self.context.set_status(&STATEFUL_SETS, &self.set, Value::Object(status)).await
    }
}
