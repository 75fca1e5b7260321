//! The scheduler: binds pods to nodes that fit, and says why none does.

pub(super) mod fit;

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard};

use serde_json::{Value, json};

use crate::builtin::{NODES, PERSISTENT_VOLUME_CLAIMS, PODS, STORAGE_CLASSES};
use crate::client::{Call, Pending, Refusal, Resource, Verb};
use crate::clock;
use crate::controllers::pods;
use crate::kubelet::{Course, Fault};
use crate::object::{self, Look, items, name, namespace, text, uid};
use crate::reconcile::cache::Cache;
use crate::reconcile::context::Context;
use crate::reconcile::{Key, Outcome, Reconciler, Seen};
use fit::Needs;

const COMPONENT: &str = "default-scheduler";
/// By this annotation a claim learns which node its first user goes to.
pub(super) const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

/// Binds pods to nodes.
#[derive(Default)]
pub(super) struct Scheduler(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// What each bound pod takes, by its uid.
    taken: HashMap<String, (String, Needs)>,
    /// The sums by node.
    nodes: HashMap<String, Needs>,
    /// Pods that no node took.
    waiting: HashSet<Key>,
}

impl Known {
    fn take(&mut self, pod: &Value, node: &str) {
        if self.taken.contains_key(uid(pod)) {
            return;
        }
        let needs = Needs::of(pod);
        self.nodes.entry(node.to_owned()).or_default().add(&needs, 1);
        self.taken.insert(uid(pod).to_owned(), (node.to_owned(), needs));
    }

    fn free(&mut self, pod: &Value) -> bool {
        let Some((node, needs)) = self.taken.remove(uid(pod)) else { return false };
        if let Some(sum) = self.nodes.get_mut(&node) {
            sum.add(&needs, -1);
        }
        true
    }
}

impl Scheduler {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    async fn look(&self, context: &Context, key: &Key) -> Outcome {
        let Some(pod) = context.cache().of(key).filter(|pod| is_mine(pod)) else {
            self.known().waiting.remove(key);
            return Ok(None);
        };
        if !items(&pod, "/spec/schedulingGates").is_empty() {
            return Ok(None); // a later write removes them
        }
        let verdict = self.choose(context, &pod);
        match verdict {
            Verdict::Node(node) => {
                if self.wait_for_volumes(context, &pod, &node).await? {
                    return Ok(None); // bound claims bring the pod back
                }
                self.bind(context, &pod, &node).await?;
                self.known().waiting.remove(key);
            }
            Verdict::Nowhere(message) => {
                self.known().waiting.insert(key.clone());
                refuse(context, &pod, &message).await?;
            }
        }
        Ok(None)
    }

    fn choose(&self, context: &Context, pod: &Value) -> Verdict {
        let nodes = context.cache().list(&NODES, "");
        let count = nodes.len();
        let nowhere = |reason: String| Verdict::Nowhere(format!("0/{count} nodes are available: {reason}"));
        if nodes.is_empty() {
            return Verdict::Nowhere("no nodes available to schedule pods".to_owned());
        }
        if Course::of(pod).fault == Some(Fault::Unschedulable) {
            return nowhere(format!("{count} simulated Unschedulable."));
        }
        for claim in claims(pod) {
            let Some(found) = context.cache().get(&PERSISTENT_VOLUME_CLAIMS, namespace(pod), &claim) else {
                return nowhere(format!("persistentvolumeclaim \"{claim}\" not found. not found"));
            };
            if object::is_terminating(&found) {
                return nowhere(format!("persistentvolumeclaim \"{claim}\" is being deleted."));
            }
            if !is_bound(&found) && !waits_for_user(context.cache(), &found) {
                return nowhere("pod has unbound immediate PersistentVolumeClaims. not found".to_owned());
            }
        }
        let needs = Needs::of(pod);
        let known = self.known();
        let nothing = Needs::default();
        let mut reasons: Vec<(String, usize)> = Vec::new();
        let mut best: Option<(i64, &str)> = None;
        for node in &nodes {
            let taken = known.nodes.get(name(node)).unwrap_or(&nothing);
            let problems = fit::problems(pod, node, &needs, taken);
            if problems.is_empty() {
                let load = taken.pods();
                if best.is_none_or(|(least, _)| load < least) {
                    best = Some((load, name(node)));
                }
            }
            for problem in problems {
                match reasons.iter_mut().find(|(known, _)| *known == problem) {
                    Some((_, count)) => *count += 1,
                    None => reasons.push((problem, 1)),
                }
            }
        }
        if let Some((_, node)) = best {
            return Verdict::Node(node.to_owned());
        }
        let mut reasons: Vec<String> =
            reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        reasons.sort_unstable();
        let preemption = "no new claims to deallocate, preemption: 0/{count} nodes are available: {count} Preemption is not helpful for scheduling.";
        let preemption = preemption.replace("{count}", &count.to_string());
        nowhere(format!("{}. {preemption}", reasons.join(", ")))
    }

    /// Tells claims that wait for their first user where it goes; whether one still has to be bound.
    async fn wait_for_volumes(&self, context: &Context, pod: &Value, node: &str) -> Result<bool, Refusal> {
        let mut waits = false;
        for claim in claims(pod) {
            let Some(found) = context.cache().get(&PERSISTENT_VOLUME_CLAIMS, namespace(pod), &claim) else {
                continue;
            };
            if is_bound(&found) {
                continue;
            }
            waits = true;
            if object::annotation(&found, SELECTED_NODE) != Some(node) {
                let key = Key::new(&PERSISTENT_VOLUME_CLAIMS, namespace(pod), &claim);
                let patch = json!({"metadata": {"annotations": {SELECTED_NODE: node}}});
                let call =
                    Call::new(Verb::Merge, &key.resource, &key.namespace, &key.name, patch).by(COMPONENT);
                context.call(call).await?;
            }
        }
        Ok(waits)
    }

    async fn bind(&self, context: &Context, pod: &Value, node: &str) -> Result<(), Refusal> {
        self.known().take(pod, node);
        let binding = json!({
            "apiVersion": "v1", "kind": "Binding",
            "metadata": {"name": name(pod), "namespace": namespace(pod), "uid": uid(pod)},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        });
        let call = Call::new(Verb::Create, &PODS, namespace(pod), name(pod), binding);
        if let Err(refusal) = context.call(call.on("binding").by(COMPONENT)).await {
            self.known().free(pod);
            return if refusal.is_not_found() || refusal.is_conflict() { Ok(()) } else { Err(refusal) };
        }
        let message = format!("Successfully assigned {}/{} to {node}", namespace(pod), name(pod));
        context.event(COMPONENT, pod, "Normal", "Scheduled", &message);
        Ok(())
    }
}

enum Verdict {
    Node(String),
    Nowhere(String),
}

/// Whether a pod waits for a node and for this scheduler.
fn is_mine(pod: &Value) -> bool {
    text(pod, "/spec/nodeName").is_empty()
        && pods::is_active(pod)
        && matches!(text(pod, "/spec/schedulerName"), "" | COMPONENT)
}

async fn refuse(context: &Context, pod: &Value, message: &str) -> Result<(), Refusal> {
    let old = object::condition(pod, "PodScheduled");
    let known = old.is_some_and(|old| text(old, "/message") == message && text(old, "/status") == "False");
    if known {
        return Ok(());
    }
    let since = old.filter(|old| text(old, "/status") == "False").map(|old| text(old, "/lastTransitionTime"));
    let since = since.map_or_else(|| clock::seconds(context.now()), str::to_owned);
    let status = json!({"conditions": [{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message,
        "observedGeneration": object::generation(pod),
        "lastTransitionTime": since,
    }]});
    let patch = json!({"metadata": {"uid": uid(pod)}, "status": status});
    let call = Call::new(Verb::Strategic, &PODS, namespace(pod), name(pod), patch);
    context.call(call.on("status").by(COMPONENT)).await?;
    context.event(COMPONENT, pod, "Warning", "FailedScheduling", message);
    Ok(())
}

/// The names of the claims that a pod uses.
fn claims(pod: &Value) -> Vec<String> {
    let volumes = items(pod, "/spec/volumes").iter();
    volumes
        .filter_map(|volume| {
            if volume.get("ephemeral").is_some() {
                return Some(format!("{}-{}", name(pod), text(volume, "/name")));
            }
            let claim = text(volume, "/persistentVolumeClaim/claimName");
            (!claim.is_empty()).then(|| claim.to_owned())
        })
        .collect()
}

fn is_bound(claim: &Value) -> bool {
    object::annotation(claim, "pv.kubernetes.io/bind-completed").is_some()
        && !text(claim, "/spec/volumeName").is_empty()
}

fn waits_for_user(cache: &Cache, claim: &Value) -> bool {
    let class = cache.get(&STORAGE_CLASSES, "", text(claim, "/spec/storageClassName"));
    class.is_some_and(|class| text(&class, "/volumeBindingMode") == "WaitForFirstConsumer")
}

impl Reconciler for Scheduler {
    fn name(&self) -> &'static str {
        COMPONENT
    }

    fn watches(&self) -> Vec<Resource> {
        vec![PODS, NODES, PERSISTENT_VOLUME_CLAIMS, STORAGE_CLASSES]
    }

    fn affected(&self, cache: &Cache, seen: &Seen<'_>, enqueue: &mut dyn FnMut(Key)) {
        let object = seen.object();
        let mut known = self.known();
        if *seen.resource == PODS {
            let node = text(object, "/spec/nodeName");
            if seen.new.is_some() && !node.is_empty() && !pods::is_finished(object) {
                known.take(object, node);
            } else if seen.new.is_none() || pods::is_finished(object) {
                if seen.new.is_none() {
                    known.waiting.remove(&seen.key());
                }
                if known.free(object) {
                    known.waiting.iter().cloned().for_each(&mut *enqueue); // there is room now
                }
            }
            if seen.new.is_some_and(is_mine) {
                enqueue(seen.key());
            }
            return;
        }
        if *seen.resource == PERSISTENT_VOLUME_CLAIMS {
            drop(known);
            for pod in cache.list(&PODS, namespace(object)) {
                if is_mine(&pod) && claims(&pod).iter().any(|claim| claim == name(object)) {
                    enqueue(Key::of(&PODS, &pod));
                }
            }
            return;
        }
        let heartbeat = *seen.resource == NODES
            && seen.old.is_some_and(|old| {
                let same = |pointer: &str| old.look(pointer) == object.look(pointer);
                same("/spec") && same("/metadata/labels") && same("/status/allocatable")
            });
        if !heartbeat {
            known.waiting.iter().cloned().for_each(enqueue);
        }
    }

    fn reconcile<'a>(&'a self, context: &'a Context, key: &'a Key) -> Pending<'a, Outcome> {
        Box::pin(self.look(context, key))
    }
}
