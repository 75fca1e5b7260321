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

/// What is wrong with the numbers that a scale of a custom resource shows; `spec` says whether the wanted ones count.
pub(crate) fn problems(resource: &Resource, object: &Value, spec: bool) -> Vec<Cause> {
    let Some(scale) = resource.custom.as_ref().and_then(|custom| custom.scale.as_ref()) else {
        return Vec::new();
    };
    let wanted = spec.then_some(&scale.spec_replicas);
    let mut causes: Vec<Cause> = wanted
        .into_iter()
        .chain([&scale.status_replicas])
        .filter_map(|path| replicas_problem(object, path))
        .collect();
    let path: Vec<&str> = scale.label_selector.iter().map(String::as_str).collect();
    let selector = object.at(&path).filter(|found| !path.is_empty() && !found.is_string());
    if let Some((shown, kind)) = selector.and_then(go_kind) {
        let field = format!(".{}", path.join("."));
        let why = format!("{field} accessor error: {shown} is of the type {kind}, expected string");
        causes.push(Cause::invalid(field, &"".into(), &why));
    }
    causes
}

fn replicas_problem(object: &Value, path: &[String]) -> Option<Cause> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let field = format!(".{}", path.join("."));
    let found = object.at(&path)?;
    if let Some(number) = found.as_i64() {
        let why = match number {
            ..0 => "should be a non-negative integer".to_string(),
            0..=0x7fff_ffff => return None,
            _ => format!("should be less than or equal to {}", i32::MAX),
        };
        return Some(Cause::invalid(field, found, &why));
    }
    let (shown, kind) = go_kind(found)?;
    let why = format!("{field} accessor error: {shown} is of the type {kind}, expected int64");
    Some(Cause::invalid(field, &json!(0), &why))
}

/// A value and its type as Go prints them.
fn go_kind(value: &Value) -> Option<(String, &'static str)> {
    Some(match value {
        Value::String(text) => (text.clone(), "string"),
        Value::Bool(flag) => (flag.to_string(), "bool"),
        Value::Number(number) if number.is_f64() => (number.to_string(), "float64"),
        Value::Number(number) => (number.to_string(), "int64"),
        Value::Null => return None,
        Value::Array(_) | Value::Object(_) => {
            let kind = if value.is_array() { "[]interface {}" } else { "map[string]interface {}" };
            (crate::ownership::check::go_print(value), kind)
        }
    })
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
