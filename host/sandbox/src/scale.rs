//! The `scale` subresource of built-in and custom kinds.

use serde_json::{Map, Value, json};

use crate::resources::Resource;
use crate::selector::LabelSelector;
use crate::status::{Cause, Named, Result, Status};
use crate::value::{Get, set};

/// Where the wanted replicas lie.
pub(crate) fn replicas_path(resource: &Resource) -> Vec<String> {
    match resource.custom.as_ref().and_then(|c| c.scale.as_ref()) {
        Some(scale) => scale.spec_replicas.clone(),
        None => vec!["spec".into(), "replicas".into()],
    }
}

/// What is wrong with the replicas in a status.
pub(crate) fn status_problem(resource: &Resource, object: &Value) -> Option<Cause> {
    let scale = resource.custom.as_ref()?.scale.as_ref()?;
    let path: Vec<&str> = scale.status_replicas.iter().map(String::as_str).collect();
    let field = format!(".{}", path.join("."));
    let (shown, kind) = match object.at(&path)? {
        Value::String(text) => (text.clone(), "string"),
        Value::Bool(flag) => (flag.to_string(), "bool"),
        Value::Number(number) if number.is_f64() => (number.to_string(), "float64"),
        _ => return None,
    };
    let why = format!("{field} accessor error: {shown} is of the type {kind}, expected int64");
    Some(Cause::invalid(field, &json!(0), &why))
}

/// The scale of an object.
pub(crate) fn read(resource: &Resource, object: &Value) -> Result<Value> {
    let mut meta = Map::new();
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object.at(&["metadata", field]) {
            meta.insert(field.into(), value.clone());
        }
    }
    let at = |path: &[String]| -> Option<i64> {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        object.int(&path)
    };
    let (spec, status, selector) = match resource.custom.as_ref().and_then(|c| c.scale.as_ref()) {
        Some(scale) => {
            let path: Vec<&str> = scale.label_selector.iter().map(String::as_str).collect();
            let Some(count) = at(&scale.spec_replicas) else {
                let text =
                    format!("the spec replicas field \".{}\" does not exist", scale.spec_replicas.join("."));
                return Err(Status::internal(&text));
            };
            let selector = if path.is_empty() { String::new() } else { object.text(&path).to_string() };
            (count, at(&scale.status_replicas).unwrap_or(0), selector)
        }
        None => {
            let selector = object.at(&["spec", "selector"]).cloned().unwrap_or(Value::Null);
            let selector = if resource.plural == "replicationcontrollers" {
                LabelSelector::from_map(&selector)
            } else {
                LabelSelector::from_value(&selector).unwrap_or_default()
            };
            let count = object.int(&["spec", "replicas"]).unwrap_or(0);
            (count, object.int(&["status", "replicas"]).unwrap_or(0), selector.text())
        }
    };
    let mut out = json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": meta,
        "spec": {}, "status": {"replicas": status},
    });
    if spec != 0 {
        set(&mut out, &["spec", "replicas"], spec);
    }
    if !selector.is_empty() {
        set(&mut out, &["status", "selector"], selector);
    }
    Ok(out)
}

/// The object with the replicas of a scale.
pub(crate) fn write(resource: &Resource, object: &Value, scale: &Value) -> Result<Value> {
    let name = scale.text(&["metadata", "name"]);
    let replicas = match scale.at(&["spec", "replicas"]) {
        None | Some(Value::Null) => 0,
        Some(value) => value.as_i64().filter(|n| i32::try_from(*n).is_ok()).ok_or_else(|| {
            Status::bad_request(
                "Scale in version \"v1\" cannot be handled as a Scale: json: cannot unmarshal string into Go struct \
                 field ScaleSpec.spec.replicas of type int32",
            )
        })?,
    };
    if replicas < 0 {
        let cause = Cause::invalid("spec.replicas", &replicas.into(), "must be greater than or equal to 0");
        let named = Named { kind: "Scale", group: "autoscaling", name };
        return Err(Status::invalid(named, &[cause]));
    }
    let mut value = object.clone();
    let path = replicas_path(resource);
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    set(&mut value, &path, replicas);
    match scale.text(&["metadata", "resourceVersion"]) {
        "" => crate::value::remove(&mut value, &["metadata", "resourceVersion"]),
        version => {
            set(&mut value, &["metadata", "resourceVersion"], version);
            None
        }
    };
    Ok(value)
}
