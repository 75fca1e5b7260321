//! Statuses of jobs.

use jiff::Timestamp;
use serde_json::Value;

use super::super::batch;
use super::super::common::{has, not_negative};
use crate::status::Cause;
use crate::value::Get;

/// What is wrong with the changed status of a job.
pub(super) fn of_update(live: &Value, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let (old, status) = (&live["status"], &value["status"]);
    for field in ["active", "succeeded", "failed", "ready", "terminating"] {
        not_negative(status, field, "status", &mut causes);
    }
    uncounted(status, &mut causes);
    let changed =
        |field: &str| old.get(field).filter(|v| !v.is_null()) != status.get(field).filter(|v| !v.is_null());
    let flips = |kind: &str| is(old, kind) != is(status, kind);
    let number = |field: &str| status.int(&[field]).unwrap_or(0);
    let complete = is(status, "Complete");
    let failed = is(status, "Failed");
    let finished = complete || failed;
    let finishes = (is(old, "Complete") || is(old, "Failed")) != finished;
    let conditions =
        |text: &str| Cause::other("status.conditions", "FieldValueInvalid", format!("Invalid value: {text}"));
    if (flips("Complete") || flips("Failed")) && complete && failed {
        causes.push(conditions("cannot set Complete=True and Failed=true conditions"));
    }
    if (flips("Complete") || flips("FailureTarget")) && complete && is(status, "FailureTarget") {
        causes.push(conditions("cannot set Complete=True and FailureTarget=true conditions"));
    }
    let ended = status.get("completionTime").filter(|t| !t.is_null());
    let started = status.get("startTime").filter(|t| !t.is_null());
    if flips("Complete") || changed("completionTime") {
        match ended {
            Some(time) if !complete => {
                let text = "cannot set completionTime when there is no Complete=True condition";
                causes.push(Cause::invalid("status.completionTime", time, text));
            }
            None if complete => {
                let text = "completionTime is required for Complete jobs";
                causes.push(Cause::required("status.completionTime", text));
            }
            _ => {}
        }
    }
    let time =
        |value: Option<&Value>| value.and_then(Value::as_str).and_then(|t| t.parse::<Timestamp>().ok());
    if (changed("startTime") || changed("completionTime"))
        && let (Some(from), Some(to), Some(shown)) = (time(started), time(ended), ended)
        && to < from
    {
        let text = "must be equal to or after `startTime`";
        causes.push(Cause::invalid("status.completionTime", shown, text));
    }
    if (flips("Failed") || changed("failedIndexes")) && failed && !is(status, "FailureTarget") {
        causes.push(conditions("cannot set Failed=True condition without the FailureTarget=true condition"));
    }
    if (flips("Complete") || flips("SuccessCriteriaMet")) && complete && !is(status, "SuccessCriteriaMet") {
        causes.push(conditions(
            "cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
        ));
    }
    if (finishes || changed("active")) && finished && number("active") > 0 {
        let text = "active>0 is invalid for finished job";
        causes.push(Cause::invalid("status.active", &number("active").into(), text));
    }
    let idle = live["spec"]["suspend"] == true && live["spec"]["completions"] == 0;
    if (finishes || changed("startTime")) && !idle && finished && started.is_none() {
        causes.push(Cause::required("status.startTime", "startTime is required for finished job"));
    }
    indexes(value, &changed, &mut causes);
    if (finishes || changed("terminating")) && finished && number("terminating") > 0 {
        let text = "terminating>0 is invalid for finished job";
        causes.push(Cause::invalid("status.terminating", &number("terminating").into(), text));
    }
    if (changed("ready") || changed("active")) && number("ready") > number("active") {
        let text = "cannot set more ready pods than active";
        causes.push(Cause::invalid("status.ready", &number("ready").into(), text));
    }
    for kind in ["Failed", "Complete", "FailureTarget"] {
        if is(old, kind) && !is(status, kind) {
            causes.push(conditions(&format!("cannot disable the terminal {kind}=True condition")));
        }
    }
    causes.extend(decreased(live, value));
    if is(old, "SuccessCriteriaMet") && !is(status, "SuccessCriteriaMet") {
        causes.push(conditions("cannot disable the SuccessCriteriaMet=True condition"));
    }
    causes
}

fn is(status: &Value, kind: &str) -> bool {
    status.items(&["conditions"]).iter().any(|c| c.text(&["type"]) == kind && c.text(&["status"]) == "True")
}

fn uncounted(status: &Value, causes: &mut Vec<Cause>) {
    let mut seen: Vec<&Value> = Vec::new();
    for part in ["succeeded", "failed"] {
        for (i, uid) in status.items(&["uncountedTerminatedPods", part]).iter().enumerate() {
            let field = format!("status.uncountedTerminatedPods.{part}[{i}]");
            if uid == "" {
                causes.push(Cause::invalid(field, uid, "must not be empty"));
            } else if seen.contains(&uid) {
                causes.push(Cause::duplicate(field, uid));
            } else {
                seen.push(uid);
            }
        }
    }
}

fn indexes(value: &Value, changed: &dyn Fn(&str) -> bool, causes: &mut Vec<Cause>) {
    let status = &value["status"];
    let completions = value.int(&["spec", "completions"]);
    if let (true, Some(completions)) = (changed("completedIndexes"), completions)
        && let Err(why) = batch::intervals(status.text(&["completedIndexes"]), completions)
    {
        let text = format!("error parsing completedIndexes: {why}");
        causes.push(Cause::invalid("status.completedIndexes", &status["completedIndexes"], &text));
    }
    let indexed = value.text(&["spec", "completionMode"]) == "Indexed";
    if changed("completedIndexes") && !indexed && !status.text(&["completedIndexes"]).is_empty() {
        let text = "cannot set non-empty completedIndexes when non-indexed completion mode";
        causes.push(Cause::invalid("status.completedIndexes", &status["completedIndexes"], text));
    }
    if changed("failedIndexes")
        && !has(value, &["spec", "backoffLimitPerIndex"])
        && has(status, &["failedIndexes"])
    {
        let text = "cannot set non-null failedIndexes when backoffLimitPerIndex is null";
        causes.push(Cause::invalid("status.failedIndexes", &status["failedIndexes"], text));
    }
}

/// Counters that only grow, and times that are set once.
fn decreased(live: &Value, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let (old, status) = (&live["status"], &value["status"]);
    let elastic = value.text(&["spec", "completionMode"]) == "Indexed"
        && value["spec"]["completions"] == value["spec"]["parallelism"];
    for (field, checked) in [("failed", true), ("succeeded", !elastic)] {
        let now = status.int(&[field]).unwrap_or(0);
        if checked && now < old.int(&[field]).unwrap_or(0) {
            let text = format!("cannot decrease the {field} counter");
            causes.push(Cause::invalid(format!("status.{field}"), &now.into(), &text));
        }
    }
    let both = |field: &str| has(old, &[field]) && old[field] != status[field];
    if both("completionTime") && has(status, &["completionTime"]) {
        causes.push(Cause::invalid("status.completionTime", &status["completionTime"], "field is immutable"));
    }
    let resumes = live["spec"]["suspend"] == true && value["spec"]["suspend"] != true;
    if both("startTime") && value["spec"]["suspend"] != true && !resumes {
        let text = "field is immutable for unsuspended job once set";
        causes.push(Cause::invalid("status.startTime", &status["startTime"], text));
    }
    causes
}
