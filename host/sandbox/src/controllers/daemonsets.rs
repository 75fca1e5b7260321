//! DaemonSets: one pod on each node that fits.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::pods;
use super::revisions::{self, Style};
use super::scheduler::fit;
use super::status::{self, scaled};
use crate::builtin::{DAEMON_SETS, NODES, PODS};
use crate::client::{Pending, Refusal, Resource, Shared};
use crate::object::{self, Look, annotation, flag, items, label, name, number, text};
use crate::reconcile::cache::Cache;
use crate::reconcile::context::Context;
use crate::reconcile::{Key, Outcome, Reconciler, Seen};

const COMPONENT: &str = "daemonset-controller";
const REVISION_LABEL: &str = "controller-revision-hash";
const GENERATION: &str = "deprecated.daemonset.template.generation";
const STYLE: Style = Style { hash_label: REVISION_LABEL, annotation: Some(GENERATION) };
/// What no daemon minds.
const TOLERATED: [(&str, &str); 6] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];

/// The controller of DaemonSets.
pub(super) struct DaemonSets;

impl Reconciler for DaemonSets {
    fn name(&self) -> &'static str {
        COMPONENT
    }

    fn watches(&self) -> Vec<Resource> {
        vec![DAEMON_SETS, PODS, NODES, revisions::RESOURCE]
    }

    fn affected(&self, cache: &Cache, seen: &Seen<'_>, enqueue: &mut dyn FnMut(Key)) {
        if *seen.resource == DAEMON_SETS {
            enqueue(seen.key());
        } else if *seen.resource == PODS {
            pods::affected_owners(&DAEMON_SETS, cache, seen, enqueue);
        } else if *seen.resource == NODES {
            let same =
                |pointer: &str| seen.old.is_some_and(|old| old.look(pointer) == seen.object().look(pointer));
            if !(seen.new.is_some() && same("/spec") && same("/metadata/labels")) {
                cache.list(&DAEMON_SETS, "").iter().for_each(|set| enqueue(Key::of(&DAEMON_SETS, set)));
            }
        }
    }

    fn reconcile<'a>(&'a self, context: &'a Context, key: &'a Key) -> Pending<'a, Outcome> {
        Box::pin(look(context, key))
    }
}

struct Work<'a> {
    context: &'a Context,
    set: Shared,
    revision: Shared,
    hash: String,
    /// The pods by node, those that do not end first.
    by_node: BTreeMap<String, Vec<Shared>>,
}

async fn look(context: &Context, key: &Key) -> Outcome {
    let Some(set) = context.cache().of(key) else { return Ok(None) };
    let selector = pods::selector(&set);
    if selector.is_empty() || object::is_terminating(&set) {
        return Ok(None);
    }
    pods::claim(context, &PODS, &set, &selector).await?;
    let known = revisions::list(context, &set);
    let revision = revisions::current(context, &set, &STYLE, &known).await?;
    let hash = label(&revision, REVISION_LABEL).unwrap_or_default().to_owned();
    let mut work = Work { context, set, revision, hash, by_node: BTreeMap::new() };
    work.refresh();
    let result = work.step().await;
    work.refresh();
    work.write_status().await?;
    result?;
    let hashes: Vec<String> =
        work.pods().filter_map(|pod| label(pod, REVISION_LABEL)).map(str::to_owned).collect();
    let used: Vec<&str> = known
        .iter()
        .filter(|revision| hashes.iter().any(|hash| label(revision, REVISION_LABEL) == Some(hash)))
        .map(|revision| name(revision))
        .chain([name(&work.revision)])
        .collect();
    revisions::clean_up(context, &work.set, &used).await?;
    let pods: Vec<Shared> = work.pods().cloned().collect();
    Ok(pods::next_available(&pods, work.min_ready(), context.now()))
}

impl Work<'_> {
    fn min_ready(&self) -> i64 {
        number(&self.set, "/spec/minReadySeconds").unwrap_or(0)
    }

    fn pods(&self) -> impl Iterator<Item = &Shared> {
        self.by_node.values().flatten()
    }

    fn refresh(&mut self) {
        self.by_node.clear();
        for pod in self.context.cache().owned(&PODS, object::uid(&self.set)) {
            if pods::is_controlled_by(&pod, &self.set) {
                self.by_node.entry(target(&pod)).or_default().push(pod);
            }
        }
        self.by_node.values_mut().for_each(|pods| pods.sort_by_key(|pod| object::is_terminating(pod)));
    }

    /// Whether the set wants a pod on a node, and whether one that is there may stay.
    fn wants(&self, node: &Value) -> (bool, bool) {
        let pod = self.pod_for(name(node));
        let selected = fit::selects(&pod, node);
        (selected && fit::tolerates_node(&pod, node), selected)
    }

    fn pod_for(&self, node: &str) -> Value {
        let mut pod = pods::from_template(&revisions::template(&self.revision), &self.set);
        pod["metadata"]["labels"][REVISION_LABEL] = self.hash.clone().into();
        if let Some(generation) = annotation(&self.set, GENERATION) {
            pod["metadata"]["labels"]["pod-template-generation"] = generation.into();
        }
        let mut tolerations = items(&pod, "/spec/tolerations").to_vec();
        for (key, effect) in TOLERATED {
            tolerations.push(json!({"key": key, "operator": "Exists", "effect": effect}));
        }
        if flag(&pod, "/spec/hostNetwork") {
            let key = "node.kubernetes.io/network-unavailable";
            tolerations.push(json!({"key": key, "operator": "Exists", "effect": "NoSchedule"}));
        }
        pod["spec"]["tolerations"] = tolerations.into();
        let field = json!({"key": "metadata.name", "operator": "In", "values": [node]});
        let required = "requiredDuringSchedulingIgnoredDuringExecution";
        let terms = &mut pod["spec"]["affinity"]["nodeAffinity"][required]["nodeSelectorTerms"];
        match terms.as_array_mut().filter(|terms| !terms.is_empty()) {
            Some(terms) => terms.iter_mut().for_each(|term| term["matchFields"] = json!([field])),
            None => *terms = json!([{"matchFields": [field]}]),
        }
        pod
    }

    async fn step(&self) -> Result<(), Refusal> {
        let nodes = self.context.cache().list(&NODES, "");
        let nothing = Vec::new();
        for node in &nodes {
            let (wanted, may_stay) = self.wants(node);
            let pods = self.by_node.get(name(node)).unwrap_or(&nothing);
            let mut alive = pods.iter().filter(|pod| !object::is_terminating(pod));
            if !wanted {
                if !may_stay {
                    for pod in alive {
                        self.remove(pod).await?;
                    }
                }
                continue;
            }
            match alive.next() {
                None if pods.is_empty() => {
                    let pod = self.pod_for(name(node));
                    pods::create(self.context, COMPONENT, &self.set, pod).await?;
                }
                None => {} // the old one is still going
                Some(pod) if text(pod, "/status/phase") == "Failed" => {
                    let message = format!(
                        "Found failed daemon pod {}/{} on node {}, will try to kill it",
                        object::namespace(pod),
                        name(pod),
                        name(node)
                    );
                    self.context.event(COMPONENT, &self.set, "Warning", "FailedDaemonPod", &message);
                    self.remove(pod).await?;
                }
                Some(_) => {
                    for double in alive {
                        self.remove(double).await?;
                    }
                }
            }
        }
        for (node, pods) in &self.by_node {
            if !nodes.iter().any(|known| name(known) == node) {
                for pod in pods.iter().filter(|pod| !object::is_terminating(pod)) {
                    self.remove(pod).await?;
                }
            }
        }
        if text(&self.set, "/spec/updateStrategy/type") == "OnDelete" {
            Ok(())
        } else {
            self.roll(&nodes).await
        }
    }

    /// Replaces pods of older templates: those that do not work at once, others as far as may be missing.
    async fn roll(&self, nodes: &[Shared]) -> Result<(), Refusal> {
        let now = self.context.now();
        let wanted = nodes.iter().filter(|node| self.wants(node).0).count() as i64;
        let value = self.set.look("/spec/updateStrategy/rollingUpdate/maxUnavailable");
        let most = scaled(value, wanted, true, "1").max(1);
        let mut missing = 0;
        let mut old = Vec::new();
        for node in nodes.iter().filter(|node| self.wants(node).0) {
            let pods = self.by_node.get(name(node)).map(Vec::as_slice).unwrap_or_default();
            let alive = pods.iter().find(|pod| !object::is_terminating(pod));
            let usable = alive.filter(|pod| pods::is_available(pod, self.min_ready(), now));
            missing += i64::from(usable.is_none());
            if let Some(pod) = alive.filter(|pod| label(pod, REVISION_LABEL) != Some(&self.hash)) {
                if usable.is_none() { self.remove(pod).await? } else { old.push(pod) }
            }
        }
        for pod in old.into_iter().take(usize::try_from(most - missing).unwrap_or(0)) {
            self.remove(pod).await?;
        }
        Ok(())
    }

    async fn remove(&self, pod: &Value) -> Result<(), Refusal> {
        pods::delete(self.context, COMPONENT, &self.set, pod).await
    }

    async fn write_status(&self) -> Result<(), Refusal> {
        let now = self.context.now();
        let (mut desired, mut current, mut misplaced, mut ready, mut available, mut updated) =
            (0, 0, 0, 0, 0, 0);
        for node in self.context.cache().list(&NODES, "") {
            let pods = self.by_node.get(name(&node)).map(Vec::as_slice).unwrap_or_default();
            if !self.wants(&node).0 {
                misplaced += i64::from(!pods.is_empty());
                continue;
            }
            desired += 1;
            let Some(pod) = pods.first() else { continue };
            current += 1;
            ready += i64::from(pods::is_ready(pod));
            available += i64::from(pods::is_available(pod, self.min_ready(), now));
            updated += i64::from(label(pod, REVISION_LABEL) == Some(&self.hash));
        }
        let mut status = status::of(&self.set);
        for (field, count) in [
            ("currentNumberScheduled", current),
            ("numberMisscheduled", misplaced),
            ("desiredNumberScheduled", desired),
            ("numberReady", ready),
        ] {
            status.insert(field.to_owned(), count.into());
        }
        status::counters(
            &mut status,
            &[
                ("observedGeneration", object::generation(&self.set)),
                ("updatedNumberScheduled", updated),
                ("numberAvailable", available),
                ("numberUnavailable", desired - available),
            ],
        );
        self.context.set_status(&DAEMON_SETS, &self.set, Value::Object(status)).await
    }
}

/// The node that a pod is on or was made for.
fn target(pod: &Value) -> String {
    let bound = text(pod, "/spec/nodeName");
    if !bound.is_empty() {
        return bound.to_owned();
    }
    let pointer = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/0\
                   /matchFields/0/values/0";
    text(pod, pointer).to_owned()
}
