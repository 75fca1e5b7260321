//! Pod statuses as a kubelet reports them.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::stage::{Surroundings, stamp};
use crate::object::{self, Look, flag, items, map, number, text};

/// How far the containers of a pod have come, read from its status.
pub(super) struct Run {
    /// When they started last.
    pub(super) since: Timestamp,
    /// How often they were restarted.
    pub(super) restarts: i64,
    /// When they ended, while they wait for the next start.
    pub(super) ended: Option<Timestamp>,
    /// How they ended before.
    pub(super) last: Value,
}

impl Run {
    /// Containers that start for the first time.
    pub(super) fn first(now: Timestamp) -> Self {
        Self { since: now, restarts: 0, ended: None, last: json!({}) }
    }

    /// Reads it from the first container, which stands for all.
    pub(super) fn of(pod: &Value, now: Timestamp) -> Self {
        let container = pod.look("/status/containerStatuses/0").unwrap_or(&Value::Null);
        let last = container.get("lastState").filter(|last| last.is_object()).cloned().unwrap_or(json!({}));
        let waits = container.look("/state/waiting").is_some();
        Self {
            since: object::time(container, "/state/running/startedAt")
                .or_else(|| object::time(pod, "/status/startTime"))
                .unwrap_or(now),
            restarts: number(container, "/restartCount").unwrap_or(0),
            ended: waits.then(|| object::time(&last, "/terminated/finishedAt").unwrap_or(now)),
            last,
        }
    }

    /// The next start.
    pub(super) fn restarted(&self, now: Timestamp) -> Self {
        Self { since: now, restarts: self.restarts + 1, ended: None, last: self.last.clone() }
    }
}

/// All containers run.
pub(super) fn running(pod: &Value, around: &Surroundings<'_>, ready: bool, run: &Run) -> Value {
    let state = json!({"running": {"startedAt": stamp(run.since)}});
    let containers = items(pod, "/spec/containers");
    let statuses: Vec<Value> =
        containers.iter().map(|c| container(pod, c, ready, run.restarts, &state, &run.last)).collect();
    let mut status = base(pod, around);
    status.insert("phase".to_owned(), "Running".into());
    status.insert("conditions".to_owned(), conditions(pod, around.now, true, true, ready, None));
    status.insert("containerStatuses".to_owned(), statuses.into());
    with_init(pod, around.now, &mut status);
    Value::Object(status)
}

/// No container runs yet, for a reason.
pub(super) fn waiting(pod: &Value, around: &Surroundings<'_>, reason: &str, message: &str) -> Value {
    let creating = reason == "ContainerCreating";
    let mut state = json!({"waiting": {"reason": reason}});
    if !message.is_empty() {
        state["waiting"]["message"] = message.into();
    }
    let containers = items(pod, "/spec/containers");
    let statuses: Vec<Value> =
        containers.iter().map(|c| container(pod, c, false, 0, &state, &json!({}))).collect();
    let mut status = base(pod, around);
    let initialized = !creating || items(pod, "/spec/initContainers").is_empty();
    status.insert("phase".to_owned(), "Pending".into());
    status.insert("conditions".to_owned(), conditions(pod, around.now, !creating, initialized, false, None));
    status.insert("containerStatuses".to_owned(), statuses.into());
    if creating {
        status.remove("podIP");
        status.remove("podIPs");
    } else {
        with_init(pod, around.now, &mut status);
    }
    Value::Object(status)
}

/// The containers ended and wait for their next start.
pub(super) fn crashed(
    pod: &Value,
    now: Timestamp,
    code: i64,
    reason: &str,
    run: &Run,
    message: &dyn Fn(&Value) -> String,
) -> Value {
    let last = json!({"terminated": terminated(now, code, reason, run)});
    let statuses: Vec<Value> = items(pod, "/spec/containers")
        .iter()
        .map(|c| {
            let state = json!({"waiting": {"reason": "CrashLoopBackOff", "message": message(c)}});
            container(pod, c, false, run.restarts, &state, &last)
        })
        .collect();
    json!({"conditions": conditions(pod, now, true, true, false, None), "containerStatuses": statuses})
}

/// The statuses of containers that ended for good.
pub(super) fn ended(pod: &Value, now: Timestamp, code: i64, reason: &str, run: &Run) -> Vec<Value> {
    let state = json!({"terminated": terminated(now, code, reason, run)});
    let containers = items(pod, "/spec/containers");
    containers.iter().map(|c| container(pod, c, false, run.restarts, &state, &run.last)).collect()
}

fn terminated(now: Timestamp, code: i64, reason: &str, run: &Run) -> Value {
    json!({"exitCode": code, "reason": reason, "startedAt": stamp(run.since), "finishedAt": stamp(now)})
}

/// The conditions of a pod whose containers ended for good.
pub(super) fn ended_conditions(pod: &Value, now: Timestamp, good: bool) -> Value {
    let reason = if good { "PodCompleted" } else { "PodFailed" };
    json!([
        condition(pod, now, "PodReadyToStartContainers", false, None),
        condition(pod, now, "Initialized", true, good.then_some("PodCompleted")),
        condition(pod, now, "Ready", false, Some(reason)),
        condition(pod, now, "ContainersReady", false, Some(reason)),
    ])
}

/// The patch that makes a running pod ready or not; none if it is so already.
pub(super) fn readiness(pod: &Value, ready: bool, now: Timestamp) -> Option<Value> {
    let gates = gates_pass(pod);
    let as_wanted = items(pod, "/status/containerStatuses").iter().all(|c| flag(c, "/ready") == ready)
        && object::is_true(pod, "ContainersReady") == ready
        && object::is_true(pod, "Ready") == (ready && gates);
    if as_wanted {
        return None;
    }
    let mut statuses = items(pod, "/status/containerStatuses").to_vec();
    for status in statuses.iter_mut().filter_map(Value::as_object_mut) {
        status.insert("ready".to_owned(), ready.into());
    }
    Some(json!({"conditions": conditions(pod, now, true, true, ready, None), "containerStatuses": statuses}))
}

/// Whether a status would change what the pod's containers wait for.
pub(super) fn differs(pod: &Value, status: &Value) -> bool {
    let waiting = |value: &Value| value.look("/containerStatuses/0/state/waiting").cloned();
    waiting(status) != pod.get("status").and_then(waiting)
}

/// Other components may have a say in readiness.
fn gates_pass(pod: &Value) -> bool {
    items(pod, "/spec/readinessGates").iter().all(|gate| object::is_true(pod, text(gate, "/conditionType")))
}

fn base(pod: &Value, around: &Surroundings<'_>) -> Map<String, Value> {
    let known = |pointer: &str, fallback: &str| match text(pod, pointer) {
        "" => fallback.to_owned(),
        value => value.to_owned(),
    };
    let start = object::time(pod, "/status/startTime").unwrap_or(around.now);
    let host_network = flag(pod, "/spec/hostNetwork");
    let ip = known("/status/podIP", if host_network { around.host_ip } else { around.pod_ip });
    let status = json!({
        "startTime": stamp(start),
        "hostIP": around.host_ip, "hostIPs": [{"ip": around.host_ip}],
        "podIP": ip, "podIPs": [{"ip": ip}],
    });
    match status {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Init containers have ended well; those that restart always are sidecars and run.
fn with_init(pod: &Value, now: Timestamp, status: &mut Map<String, Value>) {
    let containers = items(pod, "/spec/initContainers");
    if containers.is_empty() {
        return;
    }
    let statuses: Vec<Value> = containers
        .iter()
        .map(|c| {
            let state = if text(c, "/restartPolicy") == "Always" {
                json!({"running": {"startedAt": stamp(now)}})
            } else {
                // They took no time, so there is none to tell.
                json!({"terminated": {"exitCode": 0, "reason": "Completed"}})
            };
            container(pod, c, true, 0, &state, &json!({}))
        })
        .collect();
    status.insert("initContainerStatuses".to_owned(), statuses.into());
}

fn container(
    pod: &Value,
    container: &Value,
    ready: bool,
    restarts: i64,
    state: &Value,
    last: &Value,
) -> Value {
    let (name, image) = (text(container, "/name"), text(container, "/image"));
    let waits = state.get("waiting").is_some() && restarts == 0 && last.get("terminated").is_none();
    let id = |what: &str| format!("simulated://{what}");
    json!({
        "name": name, "image": image, "ready": ready, "restartCount": restarts,
        "imageID": if waits { String::new() } else { id(image) },
        "containerID": if waits { String::new() } else { id(&format!("{}/{name}/{restarts}", object::uid(pod))) },
        "started": state.get("running").is_some(), "state": state, "lastState": last,
    })
}

fn conditions(
    pod: &Value,
    now: Timestamp,
    can_start: bool,
    initialized: bool,
    ready: bool,
    reason: Option<&str>,
) -> Value {
    let why = if ready { None } else { reason.or(Some("ContainersNotReady")) };
    let gates = gates_pass(pod);
    let ready_why = if ready && !gates { Some("ReadinessGatesNotReady") } else { why };
    json!([
        condition(pod, now, "PodReadyToStartContainers", can_start, None),
        condition(pod, now, "Initialized", initialized, (!initialized).then_some("ContainersNotInitialized")),
        condition(pod, now, "Ready", ready && gates, ready_why),
        condition(pod, now, "ContainersReady", ready, why),
    ])
}

/// One condition; the time of the last transition stays unless the status changes.
fn condition(pod: &Value, now: Timestamp, kind: &str, is: bool, reason: Option<&str>) -> Value {
    let status = if is { "True" } else { "False" };
    let since = object::condition(pod, kind)
        .filter(|found| text(found, "/status") == status)
        .and_then(|found| map(found, "")?.get("lastTransitionTime").cloned())
        .unwrap_or_else(|| stamp(now));
    // A null removes what an earlier condition of this type said.
    json!({"type": kind, "status": status, "reason": reason, "lastTransitionTime": since})
}

/// Seconds as Go prints a duration.
pub(super) fn go_duration(seconds: i64) -> String {
    match (seconds / 60, seconds % 60) {
        (0, s) => format!("{s}s"),
        (m, s) => format!("{m}m{s}s"),
    }
}
