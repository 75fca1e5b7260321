//! The next state of a pod: from the pod as it is and the time to the status that a node would report. Pure; nothing
//! is kept between two calls but what the pod's own status says.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::course::{Course, Fault};
use super::status::{self, Run};
use crate::client::Resource;
use crate::clock;
use crate::object::{self, items, text};

/// What is known besides the pod itself.
pub struct Surroundings<'a> {
    /// The time.
    pub now: Timestamp,
    /// Address of the node.
    pub host_ip: &'a str,
    /// A free address for the pod, used when it has none.
    pub pod_ip: &'a str,
    /// A ConfigMap or Secret that the pod needs and that is not there, in words.
    pub missing: Option<&'a Missing>,
}

/// A reference of a pod that leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// ConfigMaps or Secrets.
    pub resource: &'static Resource,
    /// Name of the object.
    pub name: String,
    /// Key of which the object has none; empty if it matters not or the object itself is missing.
    pub key: String,
    /// `configmap "settings" not found` and the like.
    pub message: String,
    /// Whether a volume needs it: the pod then waits for its volumes, else its containers cannot be configured.
    pub volume: bool,
}

/// An event to record about the pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// `Normal` or `Warning`.
    pub kind: &'static str,
    /// Reason as real kubelets give it.
    pub reason: &'static str,
    /// Text for people.
    pub message: String,
    /// Field path of the container, empty for the pod as a whole.
    pub field: String,
}

/// What to do with a pod now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// Strategic merge patch of `status`; none when nothing changes.
    pub status: Option<Value>,
    /// Events.
    pub notes: Vec<Note>,
    /// When to look again though the pod may not have changed.
    pub again: Option<Timestamp>,
    /// The pod is being deleted and has stopped: remove it.
    pub remove: bool,
}

/// Decides the next step of a pod that is bound to a node.
pub fn step(pod: &Value, around: &Surroundings<'_>) -> Step {
    let course = Course::of(pod);
    let now = around.now;
    if let Some(asked) = object::time(pod, "/metadata/deletionTimestamp") {
        return stop(pod, &course, asked, now);
    }
    match text(pod, "/status/phase") {
        "" | "Pending" => begin(pod, &course, around),
        "Running" => go_on(pod, &course, around),
        _ => Step::default(), // Succeeded and Failed are final
    }
}

/// A pod that is being deleted goes at once, or after the time its course asks for.
fn stop(pod: &Value, course: &Course, asked: Timestamp, now: Timestamp) -> Step {
    if let Some(Fault::SlowStop(seconds)) = course.fault {
        // The deletion timestamp lies the grace period after the request.
        let grace = object::number(pod, "/metadata/deletionGracePeriodSeconds").unwrap_or(0);
        let since = after(asked, -grace);
        let end = after(since, seconds.min(grace));
        if now < end {
            return Step { again: Some(end), ..Step::default() };
        }
    }
    Step { remove: true, ..Step::default() }
}

/// A pod that has not started yet.
fn begin(pod: &Value, course: &Course, around: &Surroundings<'_>) -> Step {
    let waiting = match (course.fault, around.missing) {
        (_, Some(missing)) if missing.volume => Some(("ContainerCreating", String::new())),
        (_, Some(missing)) => Some(("CreateContainerConfigError", missing.message.clone())),
        (Some(Fault::ContainerCreating), _) => Some(("ContainerCreating", String::new())),
        (Some(Fault::CreateContainerConfigError), _) => {
            Some(("CreateContainerConfigError", "simulated: the container cannot be configured".to_owned()))
        }
        (Some(Fault::RunContainerError), _) => {
            Some(("RunContainerError", "simulated: the container cannot be started".to_owned()))
        }
        (Some(Fault::InvalidImageName), _) => {
            Some(("InvalidImageName", "simulated: couldn't parse image name".to_owned()))
        }
        (Some(Fault::ErrImagePull), _) => Some(("ErrImagePull", pull_error(pod))),
        (Some(Fault::ImagePullBackOff), _) => return pull_back_off(pod, around),
        _ => None,
    };
    let Some((reason, message)) = waiting else {
        return start(pod, course, around);
    };
    let again = around.missing.map(|_| after(around.now, 2));
    let status = status::waiting(pod, around, reason, &message);
    if !status::differs(pod, &status) {
        return Step { again, ..Step::default() };
    }
    let notes = match around.missing {
        Some(missing) if missing.volume => {
            vec![note("Warning", "FailedMount", format!("MountVolume.SetUp failed: {}", missing.message), "")]
        }
        _ if reason == "ContainerCreating" => Vec::new(),
        _ => each_container(pod, |_, field| note("Warning", "Failed", format!("Error: {message}"), field)),
    };
    Step { status: Some(status), notes, again, remove: false }
}

/// First the failed pull, ten seconds later and from then on the back-off.
fn pull_back_off(pod: &Value, around: &Surroundings<'_>) -> Step {
    let reason = text(pod, "/status/containerStatuses/0/state/waiting/reason");
    let error = pull_error(pod);
    if reason == "ImagePullBackOff" {
        return Step::default();
    }
    if reason != "ErrImagePull" {
        let status = status::waiting(pod, around, "ErrImagePull", &error);
        let notes = each_container(pod, |container, field| {
            let image = text(container, "/image");
            note("Normal", "Pulling", format!("Pulling image \"{image}\""), field)
        });
        let mut notes: Vec<Note> = notes;
        notes.extend(each_container(pod, |_, field| note("Warning", "Failed", error.clone(), field)));
        let again = Some(after(around.now, 1));
        return Step { status: Some(status), notes, again, remove: false };
    }
    let image = text(pod, "/spec/containers/0/image");
    let message = format!("Back-off pulling image \"{image}\": ErrImagePull: {error}");
    let since = object::time(pod, "/status/startTime").unwrap_or(around.now);
    if around.now < after(since, 1) {
        return Step { again: Some(after(since, 1)), ..Step::default() };
    }
    let notes = each_container(pod, |container, field| {
        let image = text(container, "/image");
        note("Normal", "BackOff", format!("Back-off pulling image \"{image}\""), field)
    });
    let status = status::waiting(pod, around, "ImagePullBackOff", &message);
    Step { status: Some(status), notes, again: None, remove: false }
}

fn pull_error(pod: &Value) -> String {
    let image = text(pod, "/spec/containers/0/image");
    format!("simulated: failed to pull and unpack image \"{image}\": not found")
}

/// The containers start.
fn start(pod: &Value, course: &Course, around: &Surroundings<'_>) -> Step {
    let now = around.now;
    let (ready, again) = match course.fault {
        Some(Fault::SlowStart(seconds)) if seconds > 0 => (false, Some(after(now, seconds))),
        Some(Fault::Flapping(seconds)) => (course.ready, Some(after(now, seconds))),
        Some(Fault::CrashLoopBackOff | Fault::OomKilled) => (course.ready, Some(after(now, 1))),
        Some(Fault::Evicted(seconds)) => (course.ready, Some(after(now, seconds))),
        _ => (course.ready, course.exit.map(|_| after(now, course.seconds))),
    };
    let mut notes = Vec::new();
    for (list, path) in
        [("/spec/initContainers", "spec.initContainers"), ("/spec/containers", "spec.containers")]
    {
        for container in items(pod, list) {
            let field = format!("{path}{{{}}}", object::text(container, "/name"));
            let image = text(container, "/image");
            let pulled =
                format!("Simulated: container image \"{image}\" is taken as present, nothing is pulled");
            notes.push(note("Normal", "Pulled", pulled, &field));
            notes.push(note("Normal", "Created", "Simulated: Container created".to_owned(), &field));
            notes.push(note(
                "Normal",
                "Started",
                "Simulated: Container started, nothing runs".to_owned(),
                &field,
            ));
        }
    }
    let status = status::running(pod, around, ready, &Run::first(now));
    Step { status: Some(status), notes, again, remove: false }
}

/// A pod that runs: it may end, fail, restart or change its readiness.
fn go_on(pod: &Value, course: &Course, around: &Surroundings<'_>) -> Step {
    let now = around.now;
    let run = Run::of(pod, now);
    match course.fault {
        Some(Fault::CrashLoopBackOff) => return crash(pod, course, around, &run, 1, "Error"),
        Some(Fault::OomKilled) => return crash(pod, course, around, &run, 137, "OOMKilled"),
        Some(Fault::Evicted(seconds)) if now >= after(run.since, seconds) => {
            let message = "simulated: the node was low on resource: memory. ";
            let status = json!({
                "phase": "Failed", "reason": "Evicted", "message": message,
                "conditions": status::ended_conditions(pod, now, false),
                "containerStatuses": status::ended(pod, now, 137, "Error", &run),
            });
            let notes = vec![note("Warning", "Evicted", message.to_owned(), "")];
            return Step { status: Some(status), notes, ..Step::default() };
        }
        Some(Fault::Evicted(seconds)) => {
            return Step { again: Some(after(run.since, seconds)), ..Step::default() };
        }
        _ => {}
    }
    if let Some(limit) = object::number(pod, "/spec/activeDeadlineSeconds") {
        let start = object::time(pod, "/status/startTime").unwrap_or(now);
        if now >= after(start, limit) {
            let status = json!({
                "phase": "Failed", "reason": "DeadlineExceeded",
                "message": "Pod was active on the node longer than the specified deadline",
                "conditions": status::ended_conditions(pod, now, false),
                "containerStatuses": status::ended(pod, now, 137, "Error", &run),
            });
            return Step { status: Some(status), ..Step::default() };
        }
    }
    let mut step = run_on(pod, course, around, &run);
    if let Some(limit) = object::number(pod, "/spec/activeDeadlineSeconds") {
        let due = after(object::time(pod, "/status/startTime").unwrap_or(now), limit);
        step.again = Some(step.again.map_or(due, |again| again.min(due)));
    }
    step
}

/// A pod that runs and has time left.
fn run_on(pod: &Value, course: &Course, around: &Surroundings<'_>, run: &Run) -> Step {
    let now = around.now;
    if let Some(code) = course.exit {
        let end = after(run.since, course.seconds);
        if now < end {
            return Step { again: Some(end), ..Step::default() };
        }
        // A workload's pod that always restarts crashes again and again; a bare pod or a Job's pod ends.
        let policy = text(pod, "/spec/restartPolicy");
        let kept = object::controller(pod).is_some_and(|owner| text(owner, "/kind") != "Job");
        if policy == "Always" && kept {
            let reason = if code == 0 { "Completed" } else { "Error" };
            return crash(pod, course, around, run, code, reason);
        }
        return end_with(pod, now, code, run);
    }
    let mut again = None;
    let ready = match course.fault {
        Some(Fault::SlowStart(seconds)) => {
            let end = after(run.since, seconds);
            again = (now < end).then_some(end);
            course.ready && now >= end
        }
        Some(Fault::Flapping(seconds)) => {
            let periods = now.duration_since(run.since).as_secs().max(0) / seconds;
            again = Some(after(run.since, (periods + 1) * seconds));
            course.ready && periods % 2 == 0
        }
        _ => course.ready,
    };
    let status = status::readiness(pod, ready, now);
    let mut notes = Vec::new();
    if status.is_some() && !ready {
        let failed = "Simulated: Readiness probe failed".to_owned();
        notes = each_container(pod, |_, field| note("Warning", "Unhealthy", failed.clone(), field));
    }
    Step { status, notes, again, remove: false }
}

/// The containers end, and the pod with them.
fn end_with(pod: &Value, now: Timestamp, code: i64, run: &Run) -> Step {
    let reason = if code == 0 { "Completed" } else { "Error" };
    let status = json!({
        "phase": if code == 0 { "Succeeded" } else { "Failed" },
        "conditions": status::ended_conditions(pod, now, code == 0),
        "containerStatuses": status::ended(pod, now, code, reason, run),
    });
    Step { status: Some(status), ..Step::default() }
}

/// The containers end and are started again after a back-off that doubles up to five minutes.
fn crash(
    pod: &Value,
    course: &Course,
    around: &Surroundings<'_>,
    run: &Run,
    code: i64,
    reason: &str,
) -> Step {
    let now = around.now;
    if let Some(ended) = run.ended {
        let end = after(ended, back_off(run.restarts));
        if now < end {
            return Step { again: Some(end), ..Step::default() };
        }
        let status = status::running(pod, around, course.ready, &run.restarted(now));
        let notes = each_container(pod, |_, field| {
            note("Normal", "Started", "Simulated: Container started, nothing runs".to_owned(), field)
        });
        return Step { status: Some(status), notes, again: Some(after(now, 1)), remove: false };
    }
    let lived = if course.exit.is_some() { course.seconds } else { 1 };
    let end = after(run.since, lived);
    if now < end {
        return Step { again: Some(end), ..Step::default() };
    }
    let wait = back_off(run.restarts);
    let pod_name = format!("{}_{}({})", object::name(pod), object::namespace(pod), object::uid(pod));
    let message = |container: &Value| {
        let name = text(container, "/name");
        format!("back-off {} restarting failed container={name} pod={pod_name}", status::go_duration(wait))
    };
    let status = status::crashed(pod, now, code, reason, run, &message);
    let notes = each_container(pod, |container, field| {
        let name = text(container, "/name");
        note(
            "Warning",
            "BackOff",
            format!("Back-off restarting failed container {name} in pod {pod_name}"),
            field,
        )
    });
    Step { status: Some(status), notes, again: Some(after(now, wait)), remove: false }
}

/// Seconds until the next start: 10, 20, 40 and so on up to 300.
fn back_off(restarts: i64) -> i64 {
    (10_i64 << restarts.clamp(0, 5)).min(300)
}

pub(super) fn after(moment: Timestamp, seconds: i64) -> Timestamp {
    moment.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(moment)
}

fn note(kind: &'static str, reason: &'static str, message: String, field: &str) -> Note {
    Note { kind, reason, message, field: field.to_owned() }
}

fn each_container(pod: &Value, make: impl Fn(&Value, &str) -> Note) -> Vec<Note> {
    let field = |container: &Value| format!("spec.containers{{{}}}", text(container, "/name"));
    items(pod, "/spec/containers").iter().map(|container| make(container, &field(container))).collect()
}

/// A time in a status.
pub(super) fn stamp(moment: Timestamp) -> Value {
    Value::String(clock::seconds(moment))
}
