//! Building statuses as the real controllers write them.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::clock;
use crate::object::text;

/// Counters, without those that are zero: that is how they are stored.
pub(super) fn counters(status: &mut Map<String, Value>, counts: &[(&str, i64)]) {
    for (name, count) in counts {
        if *count == 0 {
            status.remove(*name);
        } else {
            status.insert((*name).to_owned(), (*count).into());
        }
    }
}

/// The status of an object as a map to change.
pub(super) fn of(object: &Value) -> Map<String, Value> {
    object.get("status").and_then(Value::as_object).cloned().unwrap_or_default()
}

/// Which times a condition carries besides that of its last transition.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    /// None.
    Plain,
    /// `lastUpdateTime`, as Deployments have.
    Update,
    /// `lastProbeTime`, as Jobs have.
    Probe,
}

/// A condition to set.
pub(super) struct Condition<'a> {
    pub(super) kind: &'a str,
    pub(super) status: &'a str,
    pub(super) reason: &'a str,
    pub(super) message: &'a str,
    pub(super) times: Times,
}

/// The condition of a type.
pub(super) fn find<'a>(status: &'a Map<String, Value>, kind: &str) -> Option<&'a Value> {
    status.get("conditions")?.as_array()?.iter().find(|condition| text(condition, "/type") == kind)
}

/// Sets a condition unless it has this status and reason already, which the real controllers leave alone.
pub(super) fn set(status: &mut Map<String, Value>, condition: &Condition<'_>, now: Timestamp) {
    let stamp = clock::seconds(now);
    let mut since = stamp.clone();
    if let Some(old) = find(status, condition.kind).filter(|old| text(old, "/status") == condition.status) {
        if text(old, "/reason") == condition.reason {
            return;
        }
        since = text(old, "/lastTransitionTime").to_owned();
    }
    let mut new = json!({
        "type": condition.kind, "status": condition.status, "lastTransitionTime": since,
        "reason": condition.reason, "message": condition.message,
    });
    match condition.times {
        Times::Plain => {}
        Times::Update => new["lastUpdateTime"] = stamp.into(),
        Times::Probe => new["lastProbeTime"] = stamp.into(),
    }
    remove(status, condition.kind);
    if let Some(list) = status.entry("conditions").or_insert_with(|| json!([])).as_array_mut() {
        list.push(new);
    }
}

/// Removes the condition of a type.
pub(super) fn remove(status: &mut Map<String, Value>, kind: &str) {
    let Some(list) = status.get_mut("conditions").and_then(Value::as_array_mut) else { return };
    list.retain(|condition| text(condition, "/type") != kind);
    if list.is_empty() {
        status.remove("conditions");
    }
}

/// A count or a percentage of a whole.
pub(super) fn scaled(value: Option<&Value>, whole: i64, up: bool, default: &str) -> i64 {
    let text = match value {
        Some(Value::Number(number)) => return number.as_i64().unwrap_or(0),
        Some(Value::String(text)) => text.as_str(),
        _ => default,
    };
    let Some(percent) = text.strip_suffix('%').and_then(|percent| percent.parse::<i64>().ok()) else {
        return text.parse().unwrap_or(0);
    };
    let exact = whole.saturating_mul(percent);
    if up { exact.div_euclid(100) + i64::from(exact.rem_euclid(100) != 0) } else { exact.div_euclid(100) }
}
