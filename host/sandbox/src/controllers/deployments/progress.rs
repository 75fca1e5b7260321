//! The status of a Deployment: counts, and whether it gets on.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::{Rollout, actual, available, replicas};
use crate::builtin::DEPLOYMENTS;
use crate::client::Refusal;
use crate::controllers::status::{self, Condition, Times};
use crate::object::{self, name, number, text};
use crate::reconcile::Outcome;

impl Rollout<'_> {
    /// Notes a pause or its end; whether something was written.
    pub(super) async fn check_paused(&mut self) -> Result<bool, Refusal> {
        if !self.has_deadline() {
            return Ok(false);
        }
        let reason = status::find(&self.status, "Progressing").map_or("", |c| text(c, "/reason")).to_owned();
        match (reason.as_str(), self.is_paused()) {
            ("ProgressDeadlineExceeded", _) => return Ok(false),
            ("DeploymentPaused", false) => {
                self.progressing("Unknown", "DeploymentResumed", "Deployment is resumed");
            }
            (other, true) if other != "DeploymentPaused" => {
                self.progressing("Unknown", "DeploymentPaused", "Deployment is paused");
            }
            _ => return Ok(false),
        }
        self.save().await?;
        Ok(true)
    }

    /// The counts and the condition that follows from them.
    pub(super) fn counted(&self) -> Map<String, Value> {
        let mut status = self.status.clone();
        let sum = |count: &dyn Fn(&Value) -> i64| self.sets().map(|set| count(set)).sum::<i64>();
        let (total, usable) = (sum(&replicas), sum(&available));
        status::counters(
            &mut status,
            &[
                ("observedGeneration", object::generation(&self.deployment)),
                ("replicas", sum(&actual)),
                ("updatedReplicas", self.new.as_ref().map_or(0, |set| actual(set))),
                ("readyReplicas", sum(&|set| number(set, "/status/readyReplicas").unwrap_or(0))),
                ("availableReplicas", usable),
                ("unavailableReplicas", (total - usable).max(0)),
            ],
        );
        let going = sum(&|set| number(set, "/status/terminatingReplicas").unwrap_or(0));
        status.insert("terminatingReplicas".to_owned(), going.into());
        let enough = usable >= self.wanted() - self.max_unavailable();
        let (is, reason, message) = match enough {
            true => ("True", "MinimumReplicasAvailable", "Deployment has minimum availability."),
            false => {
                ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
            }
        };
        let condition = Condition { kind: "Available", status: is, reason, message, times: Times::Update };
        status::set(&mut status, &condition, self.context.now());
        status
    }

    /// Whether everything is as wanted.
    pub(super) fn is_complete(&self, status: &Map<String, Value>) -> bool {
        let is = |field: &str| status.get(field).and_then(Value::as_i64).unwrap_or(0);
        let wanted = self.wanted();
        is("updatedReplicas") == wanted
            && is("replicas") == wanted
            && is("availableReplicas") == wanted
            && is("observedGeneration") >= object::generation(&self.deployment)
    }

    /// Works out and writes the status during a rollout.
    pub(super) async fn progress(&mut self) -> Outcome {
        let mut new = self.counted();
        let now = self.context.now();
        if !self.has_deadline() {
            status::remove(&mut new, "Progressing");
        }
        let current = status::find(&self.status, "Progressing").cloned();
        let reason = current.as_ref().map_or("", |condition| text(condition, "/reason"));
        let is =
            |status: &Map<String, Value>, field: &str| status.get(field).and_then(Value::as_i64).unwrap_or(0);
        let finished =
            is(&new, "replicas") == is(&new, "updatedReplicas") && reason == "NewReplicaSetAvailable";
        if self.has_deadline() && !finished {
            let what = match &self.new {
                Some(set) => format!("ReplicaSet \"{}\"", name(set)),
                None => format!("Deployment \"{}\"", name(&self.deployment)),
            };
            let mut condition = |is: &str, reason: &str, message: String| {
                let message = message.as_str();
                let kind = "Progressing";
                let condition = Condition { kind, status: is, reason, message, times: Times::Update };
                status::set(&mut new, &condition, now);
            };
            if self.is_complete(&self.counted()) {
                condition("True", "NewReplicaSetAvailable", format!("{what} has successfully progressed."));
            } else if self.has_moved() {
                condition("True", "ReplicaSetUpdated", format!("{what} is progressing."));
                // Each step counts as news for the deadline.
                touch(&mut new, now);
            } else if self.is_late(current.as_ref(), now) {
                let message = format!("{what} has timed out progressing.");
                condition("False", "ProgressDeadlineExceeded", message);
            }
        }
        match self.failure() {
            Some(failure) => {
                status::set(&mut new, &failure.as_condition(), now);
            }
            None => status::remove(&mut new, "ReplicaFailure"),
        }
        self.write_status(new).await
    }

    /// Whether the counts got better since the stored status.
    fn has_moved(&self) -> bool {
        let new = self.counted();
        let is =
            |status: &Map<String, Value>, field: &str| status.get(field).and_then(Value::as_i64).unwrap_or(0);
        let stored = status::of(&self.deployment);
        let old_pods = |status: &Map<String, Value>| is(status, "replicas") - is(status, "updatedReplicas");
        is(&new, "updatedReplicas") > is(&stored, "updatedReplicas")
            || old_pods(&new) < old_pods(&stored)
            || is(&new, "readyReplicas") > is(&stored, "readyReplicas")
            || is(&new, "availableReplicas") > is(&stored, "availableReplicas")
    }

    fn is_late(&self, current: Option<&Value>, now: Timestamp) -> bool {
        let Some(current) = current else { return false };
        match text(current, "/reason") {
            "NewReplicaSetAvailable" => false,
            "ProgressDeadlineExceeded" => true,
            _ => self.due(current).is_some_and(|due| due < now),
        }
    }

    /// When a rollout whose last progress a condition tells is late.
    fn due(&self, condition: &Value) -> Option<Timestamp> {
        let since = object::time(condition, "/lastUpdateTime")?;
        since.saturating_add(SignedDuration::from_secs(self.deadline())).ok()
    }

    /// The failure of a set, the newest first.
    fn failure(&self) -> Option<Failure> {
        let newest = self.new.iter().chain(&self.old);
        newest.filter_map(|set| object::condition(set, "ReplicaFailure")).next().map(|condition| Failure {
            status: text(condition, "/status").to_owned(),
            reason: text(condition, "/reason").to_owned(),
            message: text(condition, "/message").to_owned(),
        })
    }

    /// Writes a status, and comes back when the deadline is over.
    pub(super) async fn write_status(&self, status: Map<String, Value>) -> Outcome {
        let progressing = status::find(&status, "Progressing").cloned();
        self.context.set_status(&DEPLOYMENTS, &self.deployment, Value::Object(status.clone())).await?;
        let waits = self.has_deadline() && !self.is_paused() && !self.is_complete(&status);
        let Some(condition) = progressing.filter(|_| waits) else { return Ok(None) };
        if matches!(text(&condition, "/reason"), "NewReplicaSetAvailable" | "ProgressDeadlineExceeded") {
            return Ok(None);
        }
        // A second more, since times are kept in whole seconds.
        Ok(self.due(&condition).and_then(|due| due.saturating_add(SignedDuration::from_secs(1)).ok()))
    }
}

struct Failure {
    status: String,
    reason: String,
    message: String,
}

impl Failure {
    fn as_condition(&self) -> Condition<'_> {
        Condition {
            kind: "ReplicaFailure",
            status: &self.status,
            reason: &self.reason,
            message: &self.message,
            times: Times::Update,
        }
    }
}

/// Notes the time of an update on the condition of progress.
fn touch(status: &mut Map<String, Value>, now: Timestamp) {
    let list = status.get_mut("conditions").and_then(Value::as_array_mut).into_iter().flatten();
    for condition in list.filter(|condition| text(condition, "/type") == "Progressing") {
        condition["lastUpdateTime"] = json!(crate::clock::seconds(now));
    }
}
