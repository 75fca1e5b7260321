//! The cells of jobs.

use serde_json::Value;

use super::{containers, duration, selector};
use crate::value::Get;

pub(super) fn job(o: &Value, name: Value, old: Value) -> Vec<Value> {
    let done = o.int(&["status", "succeeded"]).unwrap_or(0);
    let completions = match (o.int(&["spec", "completions"]), o.int(&["spec", "parallelism"]).unwrap_or(0)) {
        (Some(wanted), _) => format!("{done}/{wanted}"),
        (None, parallel @ 2..) => format!("{done}/1 of {parallel}"),
        (None, _) => format!("{done}/1"),
    };
    let has = |kind: &str| {
        o.items(&["status", "conditions"])
            .iter()
            .any(|c| c.text(&["type"]) == kind && c.text(&["status"]) == "True")
    };
    let state = if has("Complete") {
        "Complete"
    } else if has("Failed") {
        "Failed"
    } else if o.at(&["metadata", "deletionTimestamp"]).is_some() {
        "Terminating"
    } else if has("Suspended") {
        "Suspended"
    } else if has("FailureTarget") {
        "FailureTarget"
    } else if has("SuccessCriteriaMet") {
        "SuccessCriteriaMet"
    } else {
        "Running"
    };
    let time = |key: &str| o.text(&["status", key]).parse::<jiff::Timestamp>().ok();
    let length = match (time("startTime"), time("completionTime")) {
        (None, _) => String::new(),
        (Some(from), Some(to)) => duration(to.as_second() - from.as_second()),
        (Some(from), None) => duration(jiff::Timestamp::now().as_second() - from.as_second()),
    };
    let (names, images) = containers(o.at(&["spec", "template", "spec"]).unwrap_or(&Value::Null));
    let chosen = selector(o.at(&["spec", "selector"]));
    vec![
        name,
        state.into(),
        completions.into(),
        length.into(),
        old,
        names.into(),
        images.into(),
        chosen.into(),
    ]
}
