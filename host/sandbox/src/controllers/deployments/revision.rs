//! The ReplicaSet of the newest template: found or made, with the annotations that tell its revision.

use serde_json::{Map, Value, json};

use super::{COMPONENT, Rollout, replicas};
use crate::builtin::{DEPLOYMENTS, REPLICA_SETS};
use crate::client::{Call, Refusal, Shared, Verb};
use crate::controllers::pods;
use crate::controllers::status::{self, Condition, Times};
use crate::object::{self, Look, annotation, name, number};
use crate::reconcile::context::same;

const REVISION: &str = "deployment.kubernetes.io/revision";
const HISTORY: &str = "deployment.kubernetes.io/revision-history";
pub(super) const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
pub(super) const MAXIMUM: &str = "deployment.kubernetes.io/max-replicas";
const HASH: &str = "pod-template-hash";
/// Annotations of a Deployment that its ReplicaSets do not get.
const KEPT_BACK: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    HISTORY,
    DESIRED,
    MAXIMUM,
    "deprecated.deployment.rollback.to",
];
/// How long the list of old revisions may grow.
const HISTORY_LENGTH: usize = 2_000;

/// The revision of a set.
pub(super) fn of(set: &Value) -> i64 {
    annotation(set, REVISION).and_then(|revision| revision.parse().ok()).unwrap_or(0)
}

/// Notes on a set how large its Deployment is and may be; whether that was news.
pub(super) fn annotate_sizes(set: &mut Value, desired: i64, maximum: i64) -> bool {
    let (desired, maximum) = (desired.to_string(), maximum.to_string());
    let news = annotation(set, DESIRED) != Some(&desired) || annotation(set, MAXIMUM) != Some(&maximum);
    let annotations = annotations(set);
    annotations.insert(DESIRED.to_owned(), desired.into());
    annotations.insert(MAXIMUM.to_owned(), maximum.into());
    news
}

fn annotations(object: &mut Value) -> &mut Map<String, Value> {
    let entry = &mut object["metadata"]["annotations"];
    if !entry.is_object() {
        *entry = json!({});
    }
    entry.as_object_mut().expect("it was made an object")
}

/// Whether a set was made from a template.
fn is_made_from(set: &Value, template: &Value) -> bool {
    let mut own = set.look("/spec/template").cloned().unwrap_or_default();
    if let Some(labels) = own.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove(HASH);
    }
    let mut template = template.clone();
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove(HASH);
    }
    same(&own, &template)
}

impl Rollout<'_> {
    /// Tells the set of the current template, the oldest if there are several, from the others.
    pub(super) fn sort_sets(&mut self, mut sets: Vec<Shared>) {
        sets.sort_by_key(|set| (object::time(set, "/metadata/creationTimestamp"), name(set).to_owned()));
        let template = self.deployment.look("/spec/template").cloned().unwrap_or_default();
        let at = sets.iter().position(|set| is_made_from(set, &template));
        self.new = at.map(|at| sets.remove(at));
        self.old = sets;
    }

    /// Gets the annotations of the newest set and the Deployment right, and makes the set if asked to.
    pub(super) async fn sync_revision(&mut self, make: bool) -> Result<(), Refusal> {
        let next = self.old.iter().map(|set| of(set)).max().unwrap_or(0) + 1;
        let Some(set) = self.new.clone() else {
            return if make { self.make(next).await } else { Ok(()) };
        };
        let mut new = (*set).clone();
        let annotated = self.annotate(&mut new, next);
        let min_ready = number(&self.deployment, "/spec/minReadySeconds").unwrap_or(0);
        if annotated || number(&set, "/spec/minReadySeconds").unwrap_or(0) != min_ready {
            new["spec"]["minReadySeconds"] = min_ready.into();
            self.new = Some(self.context.update(&REPLICA_SETS, new).await?);
        }
        let current = self.new.as_ref().map_or(next, |set| of(set));
        self.note_revision(current).await?;
        if self.has_deadline() && status::find(&self.status, "Progressing").is_none() {
            let message = format!("Found new replica set \"{}\"", name(&set));
            self.progressing("True", "FoundNewReplicaSet", &message);
        }
        Ok(())
    }

    pub(super) fn progressing(&mut self, is: &str, reason: &str, message: &str) {
        let condition = Condition { kind: "Progressing", status: is, reason, message, times: Times::Update };
        status::set(&mut self.status, &condition, self.context.now());
    }

    /// The revision stands on the Deployment too. It is written with the status: any other way it would count as a
    /// change of the Deployment.
    async fn note_revision(&mut self, revision: i64) -> Result<(), Refusal> {
        let revision = revision.to_string();
        if annotation(&self.deployment, REVISION) == Some(&revision) {
            return Ok(());
        }
        let mut new = (*self.deployment).clone();
        annotations(&mut new).insert(REVISION.to_owned(), revision.into());
        new["status"] = Value::Object(self.status.clone());
        let (space, deployment) = (object::namespace(&self.deployment), name(&self.deployment));
        let call = Call::new(Verb::Update, &DEPLOYMENTS, space, deployment, new).on("status");
        self.deployment = self.context.call(call).await?;
        Ok(())
    }

    /// Copies annotations and sets the revision; whether something changed.
    fn annotate(&self, set: &mut Value, next: i64) -> bool {
        let mut changed = false;
        let before = annotation(set, REVISION).map(str::to_owned);
        let own = object::map(&self.deployment, "/metadata/annotations").cloned().unwrap_or_default();
        let annotations = annotations(set);
        for (key, value) in own {
            if !KEPT_BACK.contains(&key.as_str()) && annotations.get(&key) != Some(&value) {
                annotations.insert(key, value);
                changed = true;
            }
        }
        let number = before.as_deref().and_then(|before| before.parse::<i64>().ok()).unwrap_or(0);
        if number < next {
            annotations.insert(REVISION.to_owned(), next.to_string().into());
            changed = true;
            if let Some(before) = before {
                // A roll-back: the revisions that this set once was are kept.
                let history = annotations.get(HISTORY).and_then(Value::as_str).unwrap_or_default();
                let mut history: Vec<&str> = history.split(',').filter(|part| !part.is_empty()).collect();
                history.push(&before);
                while history.len() > 1 && history.join(",").len() > HISTORY_LENGTH {
                    history.remove(0);
                }
                let history = history.join(",");
                annotations.insert(HISTORY.to_owned(), history.into());
            }
        }
        changed
    }

    async fn make(&mut self, revision: i64) -> Result<(), Refusal> {
        let mut template = self.deployment.look("/spec/template").cloned().unwrap_or_default();
        let collisions = self.status.get("collisionCount").and_then(Value::as_i64);
        let hash = pods::hash(&template, collisions);
        template["metadata"]["labels"][HASH] = hash.clone().into();
        let mut selector = self.deployment.look("/spec/selector").cloned().unwrap_or_default();
        selector["matchLabels"][HASH] = hash.clone().into();
        let stem: String = name(&self.deployment).chars().take(252 - hash.len()).collect();
        let set_name = format!("{stem}-{hash}");
        let present: i64 = self.old.iter().map(|set| replicas(set)).sum();
        let size = self.size_of_new(present, 0);
        let mut set = json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {
                "name": set_name, "labels": template["metadata"]["labels"],
                "ownerReferences": [pods::owner_reference(&self.deployment)],
            },
            "spec": {"replicas": size, "selector": selector, "template": template},
        });
        if let Some(seconds) =
            number(&self.deployment, "/spec/minReadySeconds").filter(|seconds| *seconds > 0)
        {
            set["spec"]["minReadySeconds"] = seconds.into();
        }
        self.annotate(&mut set, revision);
        annotate_sizes(&mut set, self.wanted(), self.wanted() + self.max_surge());
        let namespace = object::namespace(&self.deployment).to_owned();
        match self.context.create(&REPLICA_SETS, &namespace, set).await {
            Ok(set) => {
                if size > 0 {
                    let message = format!("Scaled up replica set {} from 0 to {size}", name(&set));
                    self.context.event(COMPONENT, &self.deployment, "Normal", "ScalingReplicaSet", &message);
                }
                if self.has_deadline() {
                    let message = format!("Created new replica set \"{}\"", name(&set));
                    self.progressing("True", "NewReplicaSetCreated", &message);
                }
                self.new = Some(set);
                self.note_revision(revision).await
            }
            Err(refusal) if refusal.is_already_exists() => {
                let template = self.deployment.look("/spec/template").cloned().unwrap_or_default();
                let known = self.context.cache().get(&REPLICA_SETS, &namespace, &set_name);
                if known.is_some_and(|set| {
                    pods::is_controlled_by(&set, &self.deployment) && is_made_from(&set, &template)
                }) {
                    return Err(refusal); // it is ours and on its way: look again
                }
                self.status.insert("collisionCount".to_owned(), (collisions.unwrap_or(0) + 1).into());
                self.save().await?;
                Err(refusal)
            }
            Err(refusal) if refusal.message.contains("because it is being terminated") => Err(refusal),
            Err(refusal) => {
                let message = format!("Failed to create new replica set \"{set_name}\": {refusal}");
                if self.has_deadline() {
                    self.progressing("False", "ReplicaSetCreateError", &message);
                    self.save().await?;
                }
                let event = "ReplicaSetCreateError";
                self.context.event(COMPONENT, &self.deployment, "Warning", event, &message);
                Err(refusal)
            }
        }
    }

    /// Writes the status as far as it is worked out.
    pub(super) async fn save(&self) -> Result<(), Refusal> {
        let status = Value::Object(self.status.clone());
        self.context.set_status(&DEPLOYMENTS, &self.deployment, status).await
    }
}
