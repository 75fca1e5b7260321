//! Jobs: pods until enough have succeeded, too many failed, or the time is over.
//!
//! A finalizer keeps each pod until it is counted: first its uid is noted in the status, then the finalizer goes, then
//! the count rises. So no pod is counted twice or forgotten, whenever we are interrupted.

mod indexes;
mod make;
mod policy;
mod tally;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::pods;
use super::status::{self, Condition, Times};
use crate::builtin::{JOBS, PODS};
use crate::client::{Pending, Refusal, Resource, Shared};
use crate::clock;
use crate::object::{self, flag, items, number, text, uid};
use crate::reconcile::cache::Cache;
use crate::reconcile::context::Context;
use crate::reconcile::{Key, Outcome, Reconciler, Seen};

const COMPONENT: &str = "job-controller";
const FINALIZER: &str = "batch.kubernetes.io/job-tracking";
const INDEX: &str = "batch.kubernetes.io/job-completion-index";
/// At most so many pods are made or removed at a time.
const BURST: i64 = 500;

/// The controller of Jobs.
pub(super) struct Jobs;

impl Reconciler for Jobs {
    fn name(&self) -> &'static str {
        COMPONENT
    }

    fn watches(&self) -> Vec<Resource> {
        vec![JOBS, PODS]
    }

    fn affected(&self, cache: &Cache, seen: &Seen<'_>, enqueue: &mut dyn FnMut(Key)) {
        if *seen.resource == JOBS {
            enqueue(seen.key());
            if seen.new.is_none() {
                // Nobody counts its pods any more.
                let left = cache.owned(&PODS, uid(seen.object()));
                left.iter().for_each(|pod| enqueue(Key::of(&PODS, pod)));
            }
            return;
        }
        pods::affected_owners(&JOBS, cache, seen, enqueue);
        if seen.new.is_some_and(|pod| has_finalizer(pod) && job_of(cache, pod).is_none()) {
            enqueue(seen.key());
        }
    }

    fn reconcile<'a>(&'a self, context: &'a Context, key: &'a Key) -> Pending<'a, Outcome> {
        Box::pin(async move {
            if key.resource == PODS { set_free(context, key).await } else { look(context, key).await }
        })
    }
}

fn has_finalizer(pod: &Value) -> bool {
    items(pod, "/metadata/finalizers").iter().any(|finalizer| finalizer.as_str() == Some(FINALIZER))
}

/// The Job that manages a pod, if it is still there.
fn job_of(cache: &Cache, pod: &Value) -> Option<Shared> {
    let owner = object::controller(pod).filter(|owner| text(owner, "/kind") == "Job")?;
    let job = cache.get(&JOBS, object::namespace(pod), text(owner, "/name"))?;
    (uid(&job) == text(owner, "/uid")).then_some(job)
}

/// Lets a pod go whose Job is gone.
async fn set_free(context: &Context, key: &Key) -> Outcome {
    let Some(pod) = context.cache().of(key) else { return Ok(None) };
    if has_finalizer(&pod) && job_of(context.cache(), &pod).is_none() {
        remove_finalizer(context, &pod).await?;
    }
    Ok(None)
}

async fn remove_finalizer(context: &Context, pod: &Value) -> Result<(), Refusal> {
    let left: Vec<&Value> =
        items(pod, "/metadata/finalizers").iter().filter(|f| f.as_str() != Some(FINALIZER)).collect();
    let patch = json!({"metadata": {
        "uid": uid(pod), "resourceVersion": text(pod, "/metadata/resourceVersion"), "finalizers": left,
    }});
    match context.merge(&Key::of(&PODS, pod), patch).await {
        Err(refusal) if !refusal.is_not_found() => Err(refusal),
        _ => Ok(()),
    }
}

/// A Job with its pods, as one look at it goes on.
struct Work<'a> {
    context: &'a Context,
    job: Shared,
    pods: Vec<Shared>,
    status: Map<String, Value>,
    now: Timestamp,
    again: Option<Timestamp>,
}

/// How a Job ends.
struct End {
    good: bool,
    reason: String,
    message: String,
}

impl End {
    fn good() -> Self {
        Self { good: true, ..Self::bad("CompletionsReached", "Reached expected number of succeeded pods") }
    }

    fn bad(reason: &str, message: impl Into<String>) -> Self {
        Self { good: false, reason: reason.to_owned(), message: message.into() }
    }
}

async fn look(context: &Context, key: &Key) -> Outcome {
    let Some(job) = context.cache().of(key) else { return Ok(None) };
    let managed_by = text(&job, "/spec/managedBy");
    if !managed_by.is_empty() && managed_by != "kubernetes.io/job-controller" {
        return Ok(None);
    }
    if is_finished(&job) {
        return expire(context, &job).await;
    }
    let pods = pods::claim(context, &PODS, &job, &pods::selector(&job)).await?;
    let (status, now) = (status::of(&job), context.now());
    let mut work = Work { context, job, pods, status, now, again: None };
    work.step().await?;
    Ok(work.again)
}

/// Whether a Job has ended.
pub(super) fn is_finished(job: &Value) -> bool {
    object::is_true(job, "Complete") || object::is_true(job, "Failed")
}

/// Removes a Job that ended long enough ago.
async fn expire(context: &Context, job: &Value) -> Outcome {
    let Some(seconds) = number(job, "/spec/ttlSecondsAfterFinished") else { return Ok(None) };
    if object::is_terminating(job) {
        return Ok(None);
    }
    let ended = ["Complete", "Failed"].iter().find_map(|kind| object::condition(job, kind));
    let ended = ended.and_then(|ended| object::time(ended, "/lastTransitionTime")).unwrap_or(context.now());
    let due = ended.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(ended);
    if context.now() < due {
        return Ok(Some(due));
    }
    context.delete(&JOBS, job, Some("Foreground")).await?;
    Ok(None)
}

impl Work<'_> {
    fn is_suspended(&self) -> bool {
        flag(&self.job, "/spec/suspend")
    }

    fn count(&self, field: &str) -> i64 {
        self.status.get(field).and_then(Value::as_i64).unwrap_or(0)
    }

    fn is_indexed(&self) -> bool {
        text(&self.job, "/spec/completionMode") == "Indexed"
    }

    fn active(&self) -> Vec<Shared> {
        self.pods.iter().filter(|pod| pods::is_active(pod)).cloned().collect()
    }

    async fn step(&mut self) -> Result<(), Refusal> {
        let pending = self.tally();
        if !self.status.contains_key("startTime") && !self.is_suspended() {
            self.status.insert("startTime".to_owned(), clock::seconds(self.now).into());
        }
        let mut managed = Ok(());
        let mut end = self.end_so_far();
        let mut active = self.active();
        if end.is_some() {
            // What still runs has no use any more.
            for pod in &active {
                pods::delete(self.context, COMPONENT, &self.job, pod).await?;
            }
        } else if !object::is_terminating(&self.job) {
            managed = self.manage(&active).await;
            active = self.refreshed().into_iter().filter(|pod| pods::is_active(pod)).collect();
            if self.is_complete(active.len()) {
                end = Some(End::good());
            } else {
                self.note_suspension();
            }
        }
        let refreshed = self.refreshed();
        active = refreshed.iter().filter(|pod| pods::is_active(pod)).cloned().collect();
        let going =
            refreshed.iter().filter(|pod| object::is_terminating(pod) && !pods::is_finished(pod)).count();
        let ready = active.iter().filter(|pod| pods::is_ready(pod)).count();
        status::counters(&mut self.status, &[("active", active.len() as i64)]);
        self.status.insert("ready".to_owned(), ready.into());
        self.status.insert("terminating".to_owned(), going.into());

        let mut finished = None;
        if let Some(end) = end {
            self.condition(if end.good { "SuccessCriteriaMet" } else { "FailureTarget" }, &end);
            if !pending && active.is_empty() && going == 0 {
                self.condition(if end.good { "Complete" } else { "Failed" }, &end);
                if end.good {
                    self.status.insert("completionTime".to_owned(), clock::seconds(self.now).into());
                }
                finished = Some(end);
            }
        }
        self.context.set_status(&JOBS, &self.job, Value::Object(self.status.clone())).await?;
        if let Some(end) = finished {
            let (kind, reason, message) = match end.good {
                true => ("Normal", "Completed", "Job completed"),
                false => ("Warning", end.reason.as_str(), end.message.as_str()),
            };
            self.context.event(COMPONENT, &self.job, kind, reason, message);
        }
        self.release_counted().await?;
        managed
    }

    /// The pods as they are after what was just done.
    fn refreshed(&self) -> Vec<Shared> {
        let mut pods = self.context.cache().owned(&PODS, uid(&self.job));
        pods.retain(|pod| pods::is_controlled_by(pod, &self.job));
        pods
    }

    fn condition(&mut self, kind: &str, end: &End) {
        let (reason, message) = (end.reason.as_str(), end.message.as_str());
        let condition = Condition { kind, status: "True", reason, message, times: Times::Probe };
        status::set(&mut self.status, &condition, self.now);
    }

    /// Why the Job ends, if what is known suffices.
    fn end_so_far(&mut self) -> Option<End> {
        if let Some(met) = status::find(&self.status, "SuccessCriteriaMet") {
            return Some(End { good: true, ..End::bad(text(met, "/reason"), text(met, "/message")) });
        }
        if let Some(target) = status::find(&self.status, "FailureTarget") {
            return Some(End::bad(text(target, "/reason"), text(target, "/message")));
        }
        if let Some(message) = self.pods.iter().find_map(|pod| policy::fails_job(&self.job, pod)) {
            return Some(End::bad("PodFailurePolicy", message));
        }
        let most = number(&self.job, "/spec/backoffLimit").unwrap_or(6);
        if self.failed() > most || self.restarts().is_some_and(|restarts| restarts > 0 && restarts >= most) {
            return Some(End::bad("BackoffLimitExceeded", "Job has reached the specified backoff limit"));
        }
        if let Some(end) = self.failed_indexes_end() {
            return Some(end);
        }
        if let Some(message) = policy::succeeds(&self.job, &self.completed_indexes()) {
            return Some(End { good: true, ..End::bad("SuccessPolicy", message) });
        }
        let seconds = number(&self.job, "/spec/activeDeadlineSeconds").filter(|_| !self.is_suspended())?;
        let start = self.status.get("startTime").and_then(Value::as_str).and_then(clock::parse)?;
        let due = start.saturating_add(SignedDuration::from_secs(seconds)).ok()?;
        if self.now >= due {
            return Some(End::bad("DeadlineExceeded", "Job was active longer than specified deadline"));
        }
        self.look_again(due);
        None
    }

    /// How often containers restarted where that counts as failing.
    fn restarts(&self) -> Option<i64> {
        if text(&self.job, "/spec/template/spec/restartPolicy") != "OnFailure" {
            return None;
        }
        let count = |pod: &Shared| {
            let lists = ["/status/initContainerStatuses", "/status/containerStatuses"];
            let statuses = lists.iter().flat_map(|list| items(pod, list));
            statuses.filter_map(|status| number(status, "/restartCount")).sum::<i64>()
        };
        Some(self.active().iter().map(count).sum())
    }

    /// With a limit for each index, the Job fails once all have ended and one has failed.
    fn failed_indexes_end(&self) -> Option<End> {
        let failed = self.failed_indexes()?.len() as i64;
        let completions = number(&self.job, "/spec/completions").unwrap_or(0);
        if number(&self.job, "/spec/maxFailedIndexes").is_some_and(|most| failed > most) {
            let message = "Job has exceeded the specified maximal number of failed indexes";
            return Some(End::bad("MaxFailedIndexesExceeded", message));
        }
        let all = failed + self.completed_indexes().len() as i64 >= completions;
        (failed > 0 && all).then(|| End::bad("FailedIndexes", "Job has failed indexes"))
    }

    fn is_complete(&self, active: usize) -> bool {
        match number(&self.job, "/spec/completions") {
            None => self.succeeded() > 0 && active == 0,
            Some(wanted) => self.succeeded() >= wanted && active == 0,
        }
    }

    fn note_suspension(&mut self) {
        let known = status::find(&self.status, "Suspended").map(|c| text(c, "/status").to_owned());
        let (is, reason, message, event) = match (self.is_suspended(), known.as_deref()) {
            (true, Some("True")) | (false, None | Some("False")) => return,
            (true, _) => ("True", "JobSuspended", "Job suspended", "Suspended"),
            (false, _) => ("False", "JobResumed", "Job resumed", "Resumed"),
        };
        let condition = Condition { kind: "Suspended", status: is, reason, message, times: Times::Probe };
        status::set(&mut self.status, &condition, self.now);
        self.context.event(COMPONENT, &self.job, "Normal", event, message);
        if self.is_suspended() {
            self.status.remove("startTime");
        } else {
            self.status.insert("startTime".to_owned(), clock::seconds(self.now).into());
        }
    }

    fn look_again(&mut self, at: Timestamp) {
        self.again = Some(self.again.map_or(at, |known| known.min(at)));
    }
}
