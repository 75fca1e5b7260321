//! Steps of type `hook`: an object that runs to an end, and never twice in one attempt.
//!
//! The object carries the operation, step and attempt that made it. The journal says what is known of it: that it may
//! have been made, that it was, that it ended. After a crash an object with our mark is waited for; one that is gone
//! counts as done only if the journal or an event of the cluster says that it ended.

use std::time::Duration;

use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::plan::{Action, HookDelete, HookDone, OnTimeout, Propagation};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::apply::annotate;
use super::wait::Pace;
use super::{Run, STEP_MARK, Stop};
use crate::error::Error;
use crate::kube::api::{self, DeleteOptions, LogOptions, is_transient};
use crate::operations::clock::elapsed;
use crate::operations::health::{self, Condition};
use crate::operations::journal::{Detail, HookDetail, HookPhase};
use crate::operations::scope;
use crate::secrets::hex;

const GONE_WITHIN: Duration = Duration::from_secs(120);
const LOG_BYTES: usize = 16 << 10;
const MAX_LOGGED_PODS: usize = 5;
const EVENT_TRIES: usize = 5;
/// Reasons with which a Job fails, in its condition and its event.
const JOB_FAILURES: [&str; 5] = [
    "BackoffLimitExceeded",
    "DeadlineExceeded",
    "PodFailurePolicy",
    "MaxFailedIndexesExceeded",
    "FailedIndexes",
];

/// A hook's wishes.
struct Wishes<'a> {
    done: HookDone,
    timeout: Duration,
    delete: &'a [HookDelete],
    logs: bool,
}

impl Run<'_> {
    pub(super) async fn hook(
        &self,
        position: i64,
        action: &Action,
        detail: &mut Detail,
        resumed: bool,
    ) -> Result<String, Stop> {
        let Action::Hook { object, done, timeout_seconds, delete, logs } = action else {
            return Err(Stop::Failed("it is no hook".into()));
        };
        let wishes = Wishes { done: *done, timeout: self.timeout(*timeout_seconds), delete, logs: *logs };
        let mark = format!("{}/{position}/{}", self.operation.id, self.operation.attempt);
        let scopes = self.scopes(false).await?;
        let mut object = named(object, &mark);
        scope::check_object(&object, &self.target.grant, &self.target.namespace, &scopes)?;
        annotate(&mut object, STEP_MARK, &mark);
        let (object_ref, object) = scopes.place_object(&object, &self.target.namespace)?;
        let object = self.marked(object);

        let mut state = match detail.hook.take().filter(|_| resumed) {
            Some(state) => state,
            None => {
                let phase = HookPhase::Making;
                HookDetail {
                    phase,
                    object: object_ref.clone(),
                    uid: String::new(),
                    failure: None,
                    logs: None,
                }
            }
        };
        self.keep(position, detail, &state).await?;
        if state.phase == HookPhase::Making {
            self.make_hook(position, &object, &mut state, &mark, wishes.delete, resumed).await?;
            state.phase = HookPhase::Made;
            self.keep(position, detail, &state).await?;
        }
        if state.phase == HookPhase::Made {
            state.failure = self.watch_hook(position, &state, &mark, &wishes).await?;
            if wishes.logs || state.failure.is_some() {
                state.logs = self.hook_logs(&state.object).await;
            }
            state.phase = HookPhase::Ended;
            self.keep(position, detail, &state).await?;
        }
        self.clean_up(position, &state, wishes.delete).await?;
        match state.failure {
            None => Ok(String::new()),
            Some(reason) => {
                let logs = state.logs.as_deref().map(last_lines).unwrap_or_default();
                Err(Stop::Failed(if logs.is_empty() { reason } else { format!("{reason}\n{logs}") }))
            }
        }
    }

    async fn keep(&self, position: i64, detail: &mut Detail, state: &HookDetail) -> Result<(), Stop> {
        detail.hook = Some(state.clone());
        self.note(position, detail).await
    }

    /// Makes the object, unless an interrupted try made it already.
    async fn make_hook(
        &self,
        position: i64,
        object: &Value,
        state: &mut HookDetail,
        mark: &str,
        delete: &[HookDelete],
        resumed: bool,
    ) -> Result<(), Stop> {
        if let Some(live) = self.ask(|| self.cluster().get(&state.object)).await? {
            if is_marked(&live, mark) {
                state.uid = uid(&live);
                return Ok(());
            }
            // What an earlier attempt of this step left is ours to remove.
            let earlier = format!("{}/{position}/", self.operation.id);
            let leftover =
                live["metadata"]["annotations"][STEP_MARK].as_str().is_some_and(|m| m.starts_with(&earlier));
            if !leftover && !delete.contains(&HookDelete::Before) {
                return Err(Stop::Failed(format!("{} exists already", state.object)));
            }
            self.remove(position, &state.object, uid(&live)).await?;
        } else if resumed && vanishes(object) {
            return Err(Stop::Ask(format!(
                "{} may have run and be gone again; retry to run it again, or cancel",
                state.object
            )));
        }
        let exists =
            |error: &Error| matches!(error, Error::Cluster { reason, .. } if reason == "AlreadyExists");
        let make = || self.cluster().create(object, &self.plan.manager, false);
        let live = match self.ask_while(make, |error| is_transient(error) && !exists(error)).await {
            Ok(live) => live,
            // A try whose answer was lost may have made it.
            Err(stop) => match self.ask(|| self.cluster().get(&state.object)).await? {
                Some(live) if is_marked(&live, mark) => live,
                _ => return Err(stop),
            },
        };
        state.uid = uid(&live);
        Ok(())
    }

    /// Waits for the end; answers why it failed, if it did.
    async fn watch_hook(
        &self,
        position: i64,
        state: &HookDetail,
        mark: &str,
        wishes: &Wishes<'_>,
    ) -> Result<Option<String>, Stop> {
        if wishes.done == HookDone::Created {
            return Ok(None);
        }
        let since = self.executor.clock.now();
        let mut pace = Pace::new();
        let mut shown = String::new();
        loop {
            let Some(live) =
                self.ask(|| self.cluster().get(&state.object)).await?.filter(|live| is_marked(live, mark))
            else {
                return self.epitaph(state).await;
            };
            let reason = match ended(&live, wishes.done) {
                Ended::Well => return Ok(None),
                Ended::Badly(reason) => return Ok(Some(format!("{}: {reason}", state.object))),
                Ended::NotYet(reason) => reason,
            };
            if elapsed(&*self.executor.clock, since) >= wishes.timeout {
                let seconds = wishes.timeout.as_secs();
                return Ok(Some(format!("{} did not end within {seconds} seconds: {reason}", state.object)));
            }
            if reason != shown {
                self.journal.progress(position, format!("{}: {reason}", state.object)).await;
                shown = reason;
            }
            self.sleep(pace.next()).await?;
        }
    }

    /// How a Job ended that is gone. Charts let the cluster remove a finished one at once (`ttlSecondsAfterFinished`),
    /// so that only its event is left; that is written apart from the Job and may be late.
    async fn epitaph(&self, state: &HookDetail) -> Result<Option<String>, Stop> {
        let namespace = state.object.namespace.as_deref().unwrap_or_default();
        let mut pace = Pace::new();
        for _ in 0..EVENT_TRIES {
            // Whoever may not read events is asked, as if there were none.
            let events =
                api::events(self.cluster(), namespace, Some(&state.object)).await.unwrap_or_default();
            let own = events.iter().rev().filter(|event| event["involvedObject"]["uid"] == *state.uid);
            for event in own {
                match event["reason"].as_str().unwrap_or_default() {
                    "Completed" => return Ok(None),
                    reason if JOB_FAILURES.contains(&reason) => {
                        let message = event["message"].as_str().unwrap_or_default();
                        return Ok(Some(format!("{}: {reason}: {message}", state.object)));
                    }
                    _ => {}
                }
            }
            self.sleep(pace.next()).await?;
        }
        Err(Stop::Ask(format!(
            "{} is gone, and nobody saw how it ended; retry to run it again, or cancel",
            state.object
        )))
    }

    async fn clean_up(&self, position: i64, state: &HookDetail, delete: &[HookDelete]) -> Result<(), Stop> {
        let wanted = if state.failure.is_none() { HookDelete::Succeeded } else { HookDelete::Failed };
        if delete.contains(&wanted) {
            self.remove(position, &state.object, state.uid.clone()).await
        } else {
            Ok(())
        }
    }

    /// Deletes this very object and waits until it is gone.
    async fn remove(&self, position: i64, object: &ObjectRef, uid: String) -> Result<(), Stop> {
        let options = DeleteOptions { uid: Some(uid), propagation: Propagation::Background, dry_run: false };
        match self.ask(|| self.cluster().delete(object, &options)).await? {
            api::Deleted::Accepted => {}
            _ => return Ok(()),
        }
        let refs = [object.clone()];
        self.wait_gone(position, &refs, GONE_WITHIN, OnTimeout::ExplainFinalizers).await.map(|_| ())
    }

    /// The end of the logs of the hook's pods, as far as there are any.
    async fn hook_logs(&self, object: &ObjectRef) -> Option<String> {
        let namespace = object.namespace.as_deref()?;
        let pods: Vec<String> = match object.kind.as_str() {
            "Pod" => vec![object.name.clone()],
            "Job" => {
                let selector = format!("job-name={}", object.name);
                let pods = self.cluster().list("v1", "Pod", Some(namespace), Some(&selector)).await.ok()?;
                let names = pods.iter().filter_map(|pod| pod["metadata"]["name"].as_str());
                names.take(MAX_LOGGED_PODS).map(str::to_owned).collect()
            }
            _ => return None,
        };
        let mut text = String::new();
        for pod in pods {
            let options =
                LogOptions { tail_lines: Some(200), limit_bytes: LOG_BYTES, ..LogOptions::default() };
            if let Ok(log) = self.cluster().logs(namespace, &pod, &options).await {
                text.push_str(&log);
            }
        }
        Some(text.chars().take(LOG_BYTES).collect::<String>()).filter(|text| !text.is_empty())
    }
}

enum Ended {
    Well,
    Badly(String),
    NotYet(String),
}

fn ended(live: &Value, done: HookDone) -> Ended {
    let runs = matches!(live["kind"].as_str(), Some("Job" | "Pod"));
    if !runs && done == HookDone::Succeeded {
        return Ended::Well;
    }
    // A pod that is ready has not ended yet.
    if live["kind"] == "Pod" && !matches!(live["status"]["phase"].as_str(), Some("Succeeded" | "Failed")) {
        let phase = live["status"]["phase"].as_str().unwrap_or("Pending");
        return Ended::NotYet(format!("its phase is {phase}"));
    }
    match (health::of(live), done) {
        (Condition::Current, _) => Ended::Well,
        (Condition::Failed(_), HookDone::Complete) if runs => Ended::Well,
        (Condition::Failed(reason), _) => Ended::Badly(reason),
        (Condition::InProgress(reason) | Condition::Terminating(reason), _) => Ended::NotYet(reason),
    }
}

fn uid(live: &Value) -> String {
    live["metadata"]["uid"].as_str().unwrap_or_default().to_owned()
}

fn is_marked(live: &Value, mark: &str) -> bool {
    live["metadata"]["annotations"][STEP_MARK] == mark
}

/// Whether the cluster removes the object by itself soon after it ended.
fn vanishes(object: &Value) -> bool {
    object.pointer("/spec/ttlSecondsAfterFinished").is_some_and(|ttl| !ttl.is_null())
}

/// A generated name is made from the mark instead of by chance, so that the same attempt finds it again.
fn named(object: &Value, mark: &str) -> Value {
    let mut object = object.clone();
    let metadata = &object["metadata"];
    if metadata["name"].as_str().is_none_or(str::is_empty)
        && let Some(prefix) = metadata["generateName"].as_str()
    {
        let name = format!("{prefix}{}", &hex(&Sha256::digest(mark))[..8]);
        object["metadata"]["name"] = name.into();
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("generateName");
        }
    }
    object
}

fn last_lines(logs: &str) -> String {
    let lines: Vec<&str> = logs.trim_end().lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn generated_names_are_stable_within_an_attempt() {
        let object = json!({"metadata": {"generateName": "migrate-"}});
        let name = |mark: &str| named(&object, mark)["metadata"]["name"].as_str().unwrap().to_owned();
        assert_eq!(name("1/2/1"), name("1/2/1"));
        assert_ne!(name("1/2/1"), name("1/2/2"));
        assert!(name("1/2/1").starts_with("migrate-"));
        assert_eq!(named(&json!({"metadata": {"name": "x"}}), "1/2/1"), json!({"metadata": {"name": "x"}}));
    }

    #[test]
    fn tells_how_hooks_end() {
        let told = |object: Value, done| match ended(&object, done) {
            Ended::Well => "well".to_owned(),
            Ended::Badly(reason) => format!("badly: {reason}"),
            Ended::NotYet(reason) => format!("not yet: {reason}"),
        };
        let pod = |phase: &str| json!({"apiVersion": "v1", "kind": "Pod", "status": {"phase": phase}});
        let failed = json!({"apiVersion": "batch/v1", "kind": "Job",
            "status": {"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]}});
        assert_eq!(told(pod("Running"), HookDone::Succeeded), "not yet: its phase is Running");
        assert_eq!(told(pod("Succeeded"), HookDone::Succeeded), "well");
        assert_eq!(told(pod("Failed"), HookDone::Succeeded), "badly: the pod failed");
        assert_eq!(told(failed.clone(), HookDone::Succeeded), "badly: BackoffLimitExceeded");
        assert_eq!(told(failed, HookDone::Complete), "well");
        assert_eq!(told(json!({"apiVersion": "v1", "kind": "ConfigMap"}), HookDone::Succeeded), "well");
    }
}
