//! Pods and what their containers wait for.

use serde_json::Value;

use super::{Condition, condition, in_progress, is_true, text, words};

pub(super) fn pod(object: &Value) -> Condition {
    match text(object, "/status/phase") {
        "Succeeded" => return Condition::Current,
        "Failed" => return Condition::Failed(pod_failure(object)),
        _ => {}
    }
    if is_true(object, "Ready") {
        return Condition::Current;
    }
    if let Some(waiting) = waiting_container(object) {
        return waiting;
    }
    match condition(object, "PodScheduled") {
        Some(("False", reason, message)) => in_progress(words(reason, message)),
        _ => in_progress(match text(object, "/status/phase") {
            "" => "it is not started yet".into(),
            phase => format!("its phase is {phase} and it is not ready"),
        }),
    }
}

fn pod_failure(object: &Value) -> String {
    let own = words(text(object, "/status/reason"), text(object, "/status/message"));
    let ended = containers(object).find_map(|container| {
        let end = &container["state"]["terminated"];
        let code = end["exitCode"].as_i64().filter(|code| *code != 0)?;
        let name = text(container, "/name");
        Some(format!(
            "container `{name}` ended with code {code}: {}",
            words(text(end, "/reason"), text(end, "/message"))
        ))
    });
    [own]
        .into_iter()
        .filter(|own| !own.is_empty())
        .chain(ended)
        .next()
        .unwrap_or_else(|| "the pod failed".into())
}

fn containers(object: &Value) -> impl Iterator<Item = &Value> {
    ["/status/initContainerStatuses", "/status/containerStatuses"]
        .into_iter()
        .flat_map(|pointer| object.pointer(pointer).and_then(Value::as_array).into_iter().flatten())
}

/// A container that waits for a reason which seldom goes away: the reason is worth telling.
pub(super) fn waiting_container(object: &Value) -> Option<Condition> {
    containers(object).find_map(|container| {
        let waiting = &container["state"]["waiting"];
        let reason = waiting["reason"].as_str()?;
        let name = text(container, "/name");
        let told = words(reason, text(waiting, "/message"));
        let known = [
            "CrashLoopBackOff",
            "ImagePullBackOff",
            "ErrImagePull",
            "InvalidImageName",
            "CreateContainerConfigError",
            "CreateContainerError",
            "RunContainerError",
        ];
        known.contains(&reason).then(|| in_progress(format!("container `{name}`: {told}")))
    })
}
