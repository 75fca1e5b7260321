//! CronJobs: a Job at each time of a schedule.

mod schedule;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{jobs, pods, status};
use crate::builtin::{CRON_JOBS, JOBS};
use crate::client::{Pending, Refusal, Resource, Shared};
use crate::clock;
use crate::object::{self, Look, flag, name, namespace, number, text, uid};
use crate::reconcile::cache::Cache;
use crate::reconcile::context::Context;
use crate::reconcile::{Key, Outcome, Reconciler, Seen};
use schedule::Schedule;

const COMPONENT: &str = "cronjob-controller";
const SCHEDULED: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";

/// The controller of CronJobs.
pub(super) struct CronJobs;

impl Reconciler for CronJobs {
    fn name(&self) -> &'static str {
        COMPONENT
    }

    fn watches(&self) -> Vec<Resource> {
        vec![CRON_JOBS, JOBS]
    }

    fn affected(&self, _: &Cache, seen: &Seen<'_>, enqueue: &mut dyn FnMut(Key)) {
        if *seen.resource == CRON_JOBS {
            enqueue(seen.key());
        } else if let Some(owner) = object::controller(seen.object())
            && text(owner, "/kind") == "CronJob"
        {
            enqueue(Key::new(&CRON_JOBS, namespace(seen.object()), text(owner, "/name")));
        }
    }

    fn reconcile<'a>(&'a self, context: &'a Context, key: &'a Key) -> Pending<'a, Outcome> {
        Box::pin(look(context, key))
    }
}

async fn look(context: &Context, key: &Key) -> Outcome {
    let Some(cron) = context.cache().of(key).filter(|cron| !object::is_terminating(cron)) else {
        return Ok(None);
    };
    let mut own = context.cache().owned(&JOBS, uid(&cron));
    own.retain(|job| pods::is_controlled_by(job, &cron));
    let mut new = status::of(&cron);
    note_finished(context, &cron, &own, &mut new);
    clean_up(context, &cron, &own).await?;
    let mut again = None;
    if !flag(&cron, "/spec/suspend") {
        again = run(context, &cron, &own, &mut new).await?;
    }
    context.set_status(&CRON_JOBS, &cron, Value::Object(new)).await?;
    Ok(again)
}

/// Jobs that ended are no longer active.
fn note_finished(context: &Context, cron: &Value, own: &[Shared], new: &mut serde_json::Map<String, Value>) {
    let known = new.remove("active").and_then(|active| active.as_array().cloned()).unwrap_or_default();
    let mut active = Vec::new();
    for reference in known {
        let job = own.iter().find(|job| uid(job) == text(&reference, "/uid"));
        match job {
            Some(job) if jobs::is_finished(job) => {
                let good = object::is_true(job, "Complete");
                let how = if good { "Complete" } else { "Failed" };
                let message = format!("Saw completed job: {}, condition: {how}", name(job));
                context.event(COMPONENT, cron, "Normal", "SawCompletedJob", &message);
            }
            Some(_) => active.push(reference),
            None => {
                let message = format!("Active job went missing: {}", text(&reference, "/name"));
                context.event(COMPONENT, cron, "Normal", "MissingJob", &message);
            }
        }
    }
    let ends = own.iter().filter(|job| object::is_true(job, "Complete"));
    if let Some(last) = ends.filter_map(|job| object::time(job, "/status/completionTime")).max() {
        let known = new.get("lastSuccessfulTime").and_then(Value::as_str).and_then(clock::parse);
        if known.is_none_or(|known| known < last) {
            new.insert("lastSuccessfulTime".to_owned(), clock::seconds(last).into());
        }
    }
    if !active.is_empty() {
        new.insert("active".to_owned(), active.into());
    }
}

/// Removes old Jobs beyond the history that is kept.
async fn clean_up(context: &Context, cron: &Value, own: &[Shared]) -> Result<(), Refusal> {
    let limits = [
        ("Complete", number(cron, "/spec/successfulJobsHistoryLimit").unwrap_or(3)),
        ("Failed", number(cron, "/spec/failedJobsHistoryLimit").unwrap_or(1)),
    ];
    for (kind, limit) in limits {
        let mut ended: Vec<&Shared> =
            own.iter().filter(|job| object::is_true(job, kind) && !object::is_terminating(job)).collect();
        ended.sort_by_key(|job| object::time(job, "/status/startTime"));
        let surplus = ended.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
        for job in ended.into_iter().take(surplus) {
            context.delete(&JOBS, job, Some("Background")).await?;
            let message = format!("Deleted job {}", name(job));
            context.event(COMPONENT, cron, "Normal", "SuccessfulDelete", &message);
        }
    }
    Ok(())
}

/// Makes a Job if one is due; the next time.
async fn run(
    context: &Context,
    cron: &Shared,
    own: &[Shared],
    new: &mut serde_json::Map<String, Value>,
) -> Outcome {
    let zone = match text(cron, "/spec/timeZone") {
        "" => TimeZone::UTC,
        zone => match TimeZone::get(zone) {
            Ok(zone) => zone,
            Err(_) => {
                let message = format!("invalid timeZone: {zone}: unknown time zone {zone}");
                context.event(COMPONENT, cron, "Warning", "UnknownTimeZone", &message);
                return Ok(None);
            }
        },
    };
    let schedule = match Schedule::parse(text(cron, "/spec/schedule")) {
        Ok(schedule) => schedule,
        Err(problem) => {
            let message = format!("unparseable schedule: {} : {problem}", text(cron, "/spec/schedule"));
            context.event(COMPONENT, cron, "Warning", "UnparseableSchedule", &message);
            return Ok(None);
        }
    };
    let now = context.now();
    let made = object::time(cron, "/metadata/creationTimestamp").unwrap_or(now);
    let mut from = object::time(cron, "/status/lastScheduleTime").unwrap_or(made);
    let deadline = number(cron, "/spec/startingDeadlineSeconds");
    if let Some(seconds) = deadline {
        from = from.max(now.saturating_sub(SignedDuration::from_secs(seconds)).unwrap_or(from));
    }
    let next = schedule.after(now, &zone);
    let Some(due) = schedule.last_between(from, now, &zone) else { return Ok(next) };
    let active = own.iter().filter(|job| !jobs::is_finished(job));
    match text(cron, "/spec/concurrencyPolicy") {
        "Forbid" if active.clone().next().is_some() => {
            let message =
                "Not starting job because prior execution is running and concurrency policy is Forbid";
            context.event(COMPONENT, cron, "Normal", "JobAlreadyActive", message);
            return Ok(next);
        }
        "Replace" => {
            for job in active {
                context.delete(&JOBS, job, Some("Background")).await?;
                let message = format!("Deleted job {}", name(job));
                context.event(COMPONENT, cron, "Normal", "SuccessfulDelete", &message);
            }
            new.remove("active");
        }
        _ => {}
    }
    let job = match context.create(&JOBS, namespace(cron), job_at(cron, due)).await {
        Ok(job) => job,
        Err(refusal) if refusal.is_already_exists() => return Ok(next),
        Err(refusal) => {
            let message = format!("Error creating job: {refusal}");
            context.event(COMPONENT, cron, "Warning", "FailedCreate", &message);
            return Err(refusal);
        }
    };
    context.event(COMPONENT, cron, "Normal", "SuccessfulCreate", &format!("Created job {}", name(&job)));
    let reference = json!({
        "kind": "Job", "apiVersion": "batch/v1", "namespace": namespace(&job), "name": name(&job),
        "uid": uid(&job), "resourceVersion": text(&job, "/metadata/resourceVersion"),
    });
    if let Some(list) = new.entry("active").or_insert_with(|| json!([])).as_array_mut() {
        list.push(reference);
    }
    new.insert("lastScheduleTime".to_owned(), clock::seconds(due).into());
    Ok(next)
}

/// The Job of a time; its name tells the time, so that none is made twice.
fn job_at(cron: &Value, due: Timestamp) -> Value {
    let template = cron.look("/spec/jobTemplate").cloned().unwrap_or_default();
    let mut job = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {
            "name": format!("{}-{}", name(cron), due.as_second() / 60),
            "annotations": {SCHEDULED: clock::seconds(due)},
            "ownerReferences": [pods::owner_reference(cron)],
        },
        "spec": template["spec"],
    });
    for (key, value) in object::map(&template, "/metadata/annotations").into_iter().flatten() {
        job["metadata"]["annotations"][key] = value.clone();
    }
    if let Some(labels) = template.look("/metadata/labels") {
        job["metadata"]["labels"] = labels.clone();
    }
    job
}
