//! Events in both of their versions.

use serde_json::Value;

use super::common::{IMMUTABLE, has, problems};
use crate::names;
use crate::resources::Resource;
use crate::status::Cause;
use crate::value::Get;

/// The longest action, reason and name of an instance.
const SHORT: usize = 128;
/// The longest message.
const LONG: usize = 1024;

/// A new event.
pub(super) fn of_event(resource: &Resource, value: &Value) -> Vec<Cause> {
    let mut causes = common(resource, value);
    if resource.group != "events.k8s.io" {
        return causes;
    }
    causes.extend(series(value));
    if !has(value, &["eventTime"]) {
        causes.push(Cause::required("eventTime", ""));
    }
    let kind = value.text(&["type"]);
    if !matches!(kind, "Normal" | "Warning") {
        causes.push(Cause::invalid("type", &"".into(), &format!("has invalid value: {kind}")));
    }
    let source = &value["source"];
    let old = [
        ("firstTimestamp", has(value, &["firstTimestamp"])),
        ("lastTimestamp", has(value, &["lastTimestamp"])),
        ("count", value.int(&["count"]).unwrap_or(0) != 0),
        ("source", !source.text(&["component"]).is_empty() || !source.text(&["host"]).is_empty()),
    ];
    for (field, _) in old.into_iter().filter(|(_, set)| *set) {
        causes.push(Cause::invalid(field, &"".into(), "needs to be unset"));
    }
    causes
}

/// A changed event.
pub(super) fn of_update(resource: &Resource, live: &Value, value: &Value) -> Vec<Cause> {
    const FIELDS: [&str; 13] = [
        "involvedObject",
        "reason",
        "message",
        "source",
        "firstTimestamp",
        "lastTimestamp",
        "count",
        "type",
        "eventTime",
        "action",
        "related",
        "reportingComponent",
        "reportingInstance",
    ];
    let mut causes = common(resource, value);
    if resource.group != "events.k8s.io" {
        return causes;
    }
    if live["series"] != value["series"] {
        causes.extend(series(value));
    }
    for field in FIELDS {
        let (old, new) = (&live[field], &value[field]);
        let empty = |v: &Value| v.is_null() || *v == "" || *v == 0;
        if old == new || empty(old) && empty(new) {
            continue;
        }
        let name = if field == "reportingComponent" { "reportingController" } else { field };
        causes.push(Cause::invalid(name, new, IMMUTABLE));
    }
    causes
}

fn series(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if !has(value, &["series"]) {
        return causes;
    }
    if value.int(&["series", "count"]).unwrap_or(0) < 2 {
        causes.push(Cause::invalid("series.count", &"".into(), "should be at least 2"));
    }
    if !has(value, &["series", "lastObservedTime"]) {
        causes.push(Cause::required("series.lastObservedTime", ""));
    }
    causes
}

/// What holds for events of both versions.
fn common(resource: &Resource, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let own = value.text(&["metadata", "namespace"]);
    let about = value.text(&["involvedObject", "namespace"]);
    let timed = has(value, &["eventTime"]);
    let fits = match (timed, about) {
        (false, "") => matches!(own, "" | "default"),
        (false, about) => own == about,
        (true, "") => matches!(own, "default" | "kube-system"),
        (true, _) => true,
    };
    if !fits {
        let text = "does not match event.namespace";
        causes.push(Cause::invalid("involvedObject.namespace", &about.into(), text));
    }
    if !timed {
        return causes;
    }
    let field = if resource.group.is_empty() { "reportingComponent" } else { "reportingController" };
    let controller = value.text(&["reportingComponent"]);
    if controller.is_empty() {
        causes.push(Cause::required(field, ""));
    }
    causes.extend(problems(names::qualified_name(controller), field, controller));
    for field in ["reportingInstance", "action", "reason"] {
        let text = value.text(&[field]);
        if text.is_empty() {
            causes.push(Cause::required(field, ""));
        }
        if text.len() > SHORT {
            let rule = format!("can have at most {SHORT} characters");
            causes.push(Cause::invalid(field, &"".into(), &rule));
        }
    }
    if value.text(&["message"]).len() > LONG {
        let rule = format!("can have at most {LONG} characters");
        causes.push(Cause::invalid("message", &"".into(), &rule));
    }
    causes
}
