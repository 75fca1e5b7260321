//! The row of a pod.

use serde_json::{Value, json};

use super::{age, or_none};
use crate::value::Get;

/// Conditions of the row: a pod that has ended.
pub(super) fn row_conditions(pod: &Value) -> Option<Value> {
    let (reason, message) = match pod.text(&["status", "phase"]) {
        "Succeeded" => ("Succeeded", "The pod has completed successfully."),
        "Failed" => ("Failed", "The pod failed."),
        _ => return None,
    };
    Some(json!([{"type": "Completed", "status": "True", "reason": reason, "message": message}]))
}

fn is_restartable(pod: &Value, name: &str) -> bool {
    let init = pod.items(&["spec", "initContainers"]);
    init.iter().any(|c| c.text(&["name"]) == name && c.text(&["restartPolicy"]) == "Always")
}

struct Restarts {
    count: i64,
    last: Option<String>,
}

impl Restarts {
    fn add(&mut self, status: &Value) {
        self.count += status.int(&["restartCount"]).unwrap_or(0);
        let finished = status.text(&["lastState", "terminated", "finishedAt"]);
        if !finished.is_empty() && self.last.as_deref().is_none_or(|last| last < finished) {
            self.last = Some(finished.into());
        }
    }
}

fn terminated(state: &Value) -> String {
    let reason = state.text(&["reason"]);
    let signal = state.int(&["signal"]).unwrap_or(0);
    match (reason, signal) {
        ("", 0) => format!("ExitCode:{}", state.int(&["exitCode"]).unwrap_or(0)),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.into(),
    }
}

/// The cells of a pod.
pub(super) fn cells(pod: &Value) -> Vec<Value> {
    let mut total = pod.items(&["spec", "containers"]).len();
    let mut ready = 0;
    let mut restarts = Restarts { count: 0, last: None };
    let mut side_restarts = Restarts { count: 0, last: None };
    let mut reason = pod.text(&["status", "phase"]).to_string();
    let own = pod.text(&["status", "reason"]);
    if !own.is_empty() {
        reason = own.into();
    }
    let gated = pod
        .items(&["status", "conditions"])
        .iter()
        .any(|c| c.text(&["type"]) == "PodScheduled" && c.text(&["reason"]) == "SchedulingGated");
    if gated {
        reason = "SchedulingGated".into();
    }
    let init = pod.items(&["spec", "initContainers"]);
    total += init.iter().filter(|c| c.text(&["restartPolicy"]) == "Always").count();
    let mut initializing = false;
    for (i, status) in pod.items(&["status", "initContainerStatuses"]).iter().enumerate() {
        restarts.add(status);
        let restartable = is_restartable(pod, status.text(&["name"]));
        if restartable {
            side_restarts.add(status);
        }
        let state = status.at(&["state", "terminated"]).filter(|s| !s.is_null());
        if state.is_some_and(|s| s.int(&["exitCode"]) == Some(0)) {
            continue;
        }
        if restartable && status["started"] == true {
            if status["ready"] == true {
                ready += 1;
            }
            continue;
        }
        let waiting = status.text(&["state", "waiting", "reason"]);
        reason = match state {
            Some(state) => format!("Init:{}", terminated(state)),
            None if !waiting.is_empty() && waiting != "PodInitializing" => format!("Init:{waiting}"),
            None => format!("Init:{i}/{}", init.len()),
        };
        initializing = true;
        break;
    }
    let initialized = pod
        .items(&["status", "conditions"])
        .iter()
        .any(|c| c.text(&["type"]) == "Initialized" && c.text(&["status"]) == "True");
    if !initializing || initialized {
        restarts = side_restarts;
        let mut running = false;
        for status in pod.items(&["status", "containerStatuses"]).iter().rev() {
            restarts.add(status);
            let waiting = status.text(&["state", "waiting", "reason"]);
            let ended = status.at(&["state", "terminated"]).filter(|s| !s.is_null());
            if !waiting.is_empty() {
                reason = waiting.into();
            } else if let Some(state) = ended {
                reason = terminated(state);
            } else if status["ready"] == true
                && status.at(&["state", "running"]).is_some_and(|r| !r.is_null())
            {
                running = true;
                ready += 1;
            }
        }
        if reason == "Completed" && running {
            let is_ready = pod
                .items(&["status", "conditions"])
                .iter()
                .any(|c| c.text(&["type"]) == "Ready" && c.text(&["status"]) == "True");
            reason = if is_ready { "Running" } else { "NotReady" }.into();
        }
    }
    let phase = pod.text(&["status", "phase"]);
    if pod.at(&["metadata", "deletionTimestamp"]).is_some() {
        if own == "NodeLost" {
            reason = "Unknown".into();
        } else if !matches!(phase, "Succeeded" | "Failed") {
            reason = "Terminating".into();
        }
    }
    let count = match &restarts.last {
        Some(last) if restarts.count > 0 => {
            format!("{} ({} ago)", restarts.count, age(Some(&last.as_str().into())))
        }
        _ => restarts.count.to_string(),
    };
    let ip = pod.items(&["status", "podIPs"]).first().map_or("", |ip| ip.text(&["ip"]));
    let ip = if ip.is_empty() { pod.text(&["status", "podIP"]) } else { ip };
    let gates = pod.items(&["spec", "readinessGates"]);
    let gates = if gates.is_empty() {
        "<none>".to_string()
    } else {
        let met = gates.iter().filter(|g| {
            pod.items(&["status", "conditions"])
                .iter()
                .any(|c| c["type"] == g["conditionType"] && c.text(&["status"]) == "True")
        });
        format!("{}/{}", met.count(), gates.len())
    };
    vec![
        pod["metadata"]["name"].clone(),
        format!("{ready}/{total}").into(),
        reason.into(),
        count.into(),
        age(pod.at(&["metadata", "creationTimestamp"])).into(),
        or_none(ip).into(),
        or_none(pod.text(&["spec", "nodeName"])).into(),
        or_none(pod.text(&["status", "nominatedNodeName"])).into(),
        gates.into(),
    ]
}
