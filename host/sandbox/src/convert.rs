//! The few built-in kinds that are served in another version than the stored one: autoscalers and events.

mod autoscaler;

use serde_json::{Value, json};

use crate::resources::Resource;
use crate::schema::{TypeRef, table};
use crate::status::{Result, Status};
use crate::value::{Get, object};

/// The type of the stored version.
pub(crate) fn stored_type(resource: &Resource) -> Option<TypeRef> {
    let (group, version) = (&resource.stored_as.0, &resource.stored_as.1);
    table().kind(group, version, &resource.kind)
}

fn is_same(resource: &Resource) -> bool {
    resource.is_custom()
        || (resource.group == resource.stored_as.0 && resource.version == resource.stored_as.1)
}

/// A request's object in the stored version.
pub(crate) fn to_stored(resource: &Resource, mut value: Value) -> Value {
    if is_same(resource) {
        return value;
    }
    match resource.plural.as_str() {
        "horizontalpodautoscalers" => autoscaler::to_v2(&mut value),
        "events" => event_to_core(&mut value),
        _ => {}
    }
    object(&mut value).insert("apiVersion".into(), resource.stored_api_version().into());
    value
}

/// Refuses what only a conversion webhook could do: nothing runs that would answer it.
pub(crate) fn check(resource: &Resource, stored: &Value) -> Result<()> {
    let written = stored.text(&["apiVersion"]);
    let webhook = resource.custom.as_ref().is_some_and(|custom| custom.webhook);
    if !webhook || written == resource.api_version() {
        return Ok(());
    }
    Err(Status::not_offered(format!(
        "conversion webhook for {written}, Kind={} failed: nothing runs in this simulated cluster, so the object is \
         served only as {written}, in which it was written, and not as {}",
        resource.kind,
        resource.api_version()
    )))
}

/// A stored object in the version of a request.
pub(crate) fn from_stored(resource: &Resource, mut value: Value) -> Value {
    let wanted = resource.api_version();
    if value.text(&["apiVersion"]) == wanted {
        return value;
    }
    if !resource.is_custom() {
        match resource.plural.as_str() {
            "horizontalpodautoscalers" => autoscaler::to_v1(&mut value),
            "events" => event_to_new(&mut value),
            _ => {}
        }
    }
    object(&mut value).insert("apiVersion".into(), wanted.into());
    value
}

const EVENT_FIELDS: [(&str, &str); 6] = [
    ("regarding", "involvedObject"),
    ("note", "message"),
    ("reportingController", "reportingComponent"),
    ("deprecatedSource", "source"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
];

fn event_to_core(value: &mut Value) {
    let map = object(value);
    for (new, core) in EVENT_FIELDS {
        if let Some(value) = map.remove(new) {
            map.insert(core.into(), value);
        }
    }
    if let Some(count) = map.remove("deprecatedCount") {
        map.insert("count".into(), count);
    }
    for (field, empty) in [
        ("source", json!({})),
        ("involvedObject", json!({})),
        ("firstTimestamp", Value::Null),
        ("lastTimestamp", Value::Null),
        ("reportingComponent", "".into()),
        ("reportingInstance", "".into()),
    ] {
        map.entry(field).or_insert(empty);
    }
}

fn event_to_new(value: &mut Value) {
    let map = object(value);
    for (new, core) in EVENT_FIELDS {
        if let Some(value) = map.remove(core) {
            if value == "" || (new == "deprecatedSource" && value.is_null()) {
                continue;
            }
            map.insert(new.into(), value);
        }
    }
    if let Some(count) = map.remove("count") {
        map.insert("deprecatedCount".into(), count);
    }
    if map.get("reportingInstance").is_some_and(|v| v == "") {
        map.remove("reportingInstance");
    }
}
