//! Tables: what kubectl shows. The columns come from a list, the cells from a function per kind.

mod cells;
mod cluster;
mod network;
mod pod;
mod scaling;
mod storage;
mod workload;

use std::collections::HashMap;
use std::sync::OnceLock;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::object::partial;
use crate::convert;
use crate::crd::columns;
use crate::resources::Resource;
use crate::status::{Result, Status};
use crate::value::Get;

const COLUMNS: &str = include_str!("../../schema/columns.txt");

struct Built {
    columns: HashMap<&'static str, Vec<Value>>,
    name: Value,
    age: Value,
}

fn built() -> &'static Built {
    static BUILT: OnceLock<Built> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut texts: HashMap<&str, &str> = HashMap::new();
        let mut columns: HashMap<&'static str, Vec<Value>> = HashMap::new();
        let mut resource = "";
        for line in COLUMNS.lines().filter(|l| !l.starts_with('#') && !l.is_empty()) {
            if line.starts_with('@') {
                if let Some((key, text)) = line.split_once(' ') {
                    texts.insert(key, text);
                }
            } else if let Some(name) = line.strip_prefix("= ") {
                resource = name;
            } else if let [name, kind, format, priority, text] = line.splitn(5, '|').collect::<Vec<_>>()[..] {
                let text = texts.get(text).copied().unwrap_or(text);
                let format = if format == "-" { "" } else { format };
                columns.entry(resource).or_default().push(column(name, kind, format, priority, text));
            }
        }
        let common = |key: &str| texts.get(key).copied().unwrap_or_default();
        Built {
            columns,
            name: column("Name", "string", "name", "0", common("@name")),
            age: column("Created At", "date", "", "0", common("@age")),
        }
    })
}

fn column(name: &str, kind: &str, format: &str, priority: &str, text: &str) -> Value {
    json!({
        "name": name, "type": kind, "format": format, "description": text.replace("\\n", "\n"),
        "priority": priority.parse::<i64>().unwrap_or(0),
    })
}

/// The table of a scale.
pub(super) fn of_scale(scale: &Value) -> Value {
    let built = built();
    let number = |part: &str| Value::from(scale.int(&[part, "replicas"]).unwrap_or(0));
    let common = |column: &Value| column["description"].as_str().unwrap_or_default().to_string();
    let wanted = "replicas is the desired number of instances for the scaled object.";
    let there = "replicas is the actual number of observed instances of the scaled object.";
    let old = age(scale.at(&["metadata", "creationTimestamp"]));
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": scale["metadata"]["resourceVersion"]},
        "columnDefinitions": [
            column("Name", "string", "", "0", &common(&built.name)),
            column("Desired", "integer", "", "0", wanted),
            column("Available", "integer", "", "0", there),
            column("Age", "string", "", "0", &common(&built.age)),
        ],
        "rows": [{
            "cells": [scale["metadata"]["name"], number("spec"), number("status"), old],
            "object": partial(scale),
        }],
    })
}

/// A table of stored objects. `meta` is the metadata of the list.
pub(super) fn of_objects(
    resource: &Resource,
    objects: &[Value],
    include: &str,
    with_columns: bool,
    meta: impl IntoIterator<Item = (impl Into<String>, Value)>,
) -> Result<Value> {
    if !matches!(include, "" | "Metadata" | "Object" | "None") {
        return Err(Status::bad_request(format!(
            "Unable to convert to Table as requested: includeObject: Invalid value: {include:?}: must be 'Metadata', \
             'Object', 'None', or empty"
        )));
    }
    let built = built();
    let known = built.columns.get(&*resource.storage).filter(|_| !resource.is_custom());
    let custom = resource.custom.as_ref().map(|c| columns::definitions(c, &built.name));
    let definitions = match (&custom, known) {
        (Some(custom), _) => custom.clone(),
        (None, Some(known)) => known.clone(),
        (None, None) => vec![built.name.clone(), built.age.clone()],
    };
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let cells = match (&resource.custom, known) {
                (Some(custom), _) => columns::cells(custom, &convert::from_stored(resource, object.clone())),
                (None, Some(_)) => cells::of(&resource.storage, object),
                (None, None) => {
                    vec![object["metadata"]["name"].clone(), object["metadata"]["creationTimestamp"].clone()]
                }
            };
            let shown = match include {
                "None" => None,
                "Object" => Some(convert::from_stored(resource, object.clone())),
                _ => Some(partial(object)),
            };
            let mut row = Map::new();
            row.insert("cells".into(), cells.into());
            let conditions = if &*resource.storage == "pods" { pod::row_conditions(object) } else { None };
            if let Some(conditions) = conditions {
                row.insert("conditions".into(), conditions);
            }
            row.insert("object".into(), shown.unwrap_or(Value::Null));
            Value::Object(row)
        })
        .collect();
    let meta: Map<String, Value> = meta.into_iter().map(|(k, v)| (k.into(), v)).collect();
    Ok(json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": meta,
        "columnDefinitions": if with_columns { definitions.into() } else { Value::Null },
        "rows": rows,
    }))
}

/// How long ago a time was, for people; `<unknown>` if there is none.
pub(crate) fn age(value: Option<&Value>) -> String {
    let Some(stamp) = value.and_then(Value::as_str).and_then(|t| t.parse::<Timestamp>().ok()) else {
        return "<unknown>".into();
    };
    duration(Timestamp::now().as_second() - stamp.as_second())
}

/// Seconds in the short form of kubectl.
pub(super) fn duration(seconds: i64) -> String {
    if seconds < -1 {
        return "<invalid>".into();
    }
    let seconds = seconds.max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let pair = |a: i64, unit: &str, b: i64, smaller: &str| {
        if b == 0 { format!("{a}{unit}") } else { format!("{a}{unit}{b}{smaller}") }
    };
    if seconds < 120 {
        format!("{seconds}s")
    } else if minutes < 10 {
        pair(minutes, "m", seconds % 60, "s")
    } else if minutes < 180 {
        format!("{minutes}m")
    } else if hours < 8 {
        pair(hours, "h", minutes % 60, "m")
    } else if hours < 48 {
        format!("{hours}h")
    } else if hours < 24 * 8 {
        pair(days, "d", hours % 24, "h")
    } else if days < 365 * 2 {
        format!("{days}d")
    } else if days < 365 * 8 {
        pair(days / 365, "y", days % 365, "d")
    } else {
        format!("{}y", days / 365)
    }
}

/// Labels as `a=b,c=d`.
pub(super) fn labels(value: Option<&Value>) -> String {
    let map = value.and_then(Value::as_object).filter(|m| !m.is_empty());
    match map {
        None => "<none>".into(),
        Some(map) => {
            let parts: Vec<String> =
                map.iter().map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default())).collect();
            parts.join(",")
        }
    }
}

/// The label selector of an object.
pub(super) fn selector(value: Option<&Value>) -> String {
    match value.filter(|v| !v.is_null()) {
        None => "<none>".into(),
        Some(value) => {
            let text =
                crate::selector::LabelSelector::from_value(value).map(|s| s.text()).unwrap_or_default();
            if text.is_empty() { "<none>".into() } else { text }
        }
    }
}

/// The text, or `<none>`.
pub(super) fn or_none(text: &str) -> String {
    if text.is_empty() { "<none>".into() } else { text.into() }
}

/// Names and images of the containers of a pod's specification.
pub(super) fn containers(spec: &Value) -> (String, String) {
    let join = |key: &str| {
        let parts: Vec<&str> = spec.items(&["containers"]).iter().map(|c| c.text(&[key])).collect();
        parts.join(",")
    };
    (join("name"), join("image"))
}
