//! Whether a configuration fits the schema and its items can be told apart, in the words of a real server.

use std::collections::HashSet;

use serde_json::Value;

use super::fields::{Step, step_text};
use super::merge::item_step;
use crate::schema::{ListKind, Node, Shape};

/// Checks an applied value against the schema. The error reads like that of a real server.
pub fn validate(node: &Node, value: &Value) -> Result<(), String> {
    let mut errors = Vec::new();
    validate_at(node, value, "", &mut errors);
    match errors.len() {
        0 => Ok(()),
        1 => Err(errors.remove(0)),
        _ => {
            let lines: Vec<String> = errors.iter().map(|e| format!("  {e}")).collect();
            Err(format!("errors:\n{}", lines.join("\n")))
        }
    }
}

/// True if every item of the associative lists in a value can be told from the others.
pub fn has_keys(node: &Node, value: &Value) -> bool {
    match (&node.shape, value) {
        (Shape::Struct(ty), Value::Object(map)) => {
            let ty = ty.get();
            map.iter().all(|(key, value)| ty.child(key).is_none_or(|child| has_keys(child, value)))
        }
        (Shape::Map(item), Value::Object(map)) => map.values().all(|value| has_keys(item, value)),
        (Shape::List(item), Value::Array(values)) => values.iter().all(|value| {
            let told = node.list == ListKind::Atomic || item_step(item, &node.list, value).is_ok();
            told && has_keys(item, value)
        }),
        _ => true,
    }
}

fn validate_at(node: &Node, value: &Value, path: &str, errors: &mut Vec<String>) {
    if value.is_null() {
        return;
    }
    let mut wrong = |wanted: &str| errors.push(format!("{path}: expected {wanted}, got {}", go_value(value)));
    match &node.shape {
        Shape::Struct(ty) => match value.as_object() {
            None => wrong("map"),
            Some(map) => {
                let ty = ty.get();
                for (key, value) in map {
                    match ty.child(key) {
                        Some(child) => validate_at(child, value, &format!("{path}.{key}"), errors),
                        None => {
                            errors.push(format!("{path}.{key}: field not declared in schema"));
                            return;
                        }
                    }
                }
            }
        },
        Shape::Map(item) => match value.as_object() {
            None => wrong("map"),
            Some(map) => {
                for (key, value) in map {
                    validate_at(item, value, &format!("{path}.{key}"), errors);
                }
            }
        },
        Shape::List(item) => match value.as_array() {
            None => wrong("list"),
            Some(values) => validate_list(node, item, values, path, errors),
        },
        Shape::Text | Shape::Time | Shape::MicroTime | Shape::Bytes if !value.is_string() => {
            let shown = format!("&value.valueUnstructured{{Value:{}}}", go_syntax(value));
            errors.push(format!("{path}: expected string, got {shown}"));
        }
        Shape::Int32 | Shape::Int64 | Shape::Number if !value.is_number() => {
            errors.push(format!("{path}: expected numeric (int or float), got {}", go_type(value)));
        }
        Shape::Bool if !value.is_boolean() => wrong("boolean"),
        Shape::Quantity | Shape::IntOrString if value.is_array() || value.is_object() => wrong("any scalar"),
        _ => {}
    }
}

fn validate_list(node: &Node, item: &Node, values: &[Value], path: &str, errors: &mut Vec<String>) {
    let mut seen: HashSet<Step> = HashSet::new();
    for (i, value) in values.iter().enumerate() {
        let below = if node.list == ListKind::Atomic {
            format!("{path}[{i}]")
        } else {
            match item_step(item, &node.list, value) {
                Err(error) => {
                    errors.push(format!("{path}: element {i}: {error}"));
                    return;
                }
                Ok(step) => {
                    let text = step_text(&step);
                    if !seen.insert(step) {
                        errors.push(format!("{path}: duplicate entries for key {text}"));
                    }
                    format!("{path}{text}")
                }
            }
        };
        validate_at(item, value, &below, errors);
    }
}

/// A value as Go's `%v` prints it inside these errors.
fn go_value(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".into(),
        Value::String(text) => format!("&{{{text}}}"),
        other => format!("&{{{}}}", go_print(other)),
    }
}

/// The Go type of a decoded value.
fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(n) if n.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// A value as Go's `%#v` prints it.
fn go_syntax(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".into(),
        Value::Array(items) => {
            format!("[]interface {{}}{{{}}}", items.iter().map(go_syntax).collect::<Vec<_>>().join(", "))
        }
        Value::Object(map) => {
            let parts: Vec<String> = map.iter().map(|(k, v)| format!("{k:?}:{}", go_syntax(v))).collect();
            format!("map[string]interface {{}}{{{}}}", parts.join(", "))
        }
        plain => plain.to_string(),
    }
}

/// A value as Go's `%v` prints it.
pub fn go_print(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".into(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(go_print).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let mut parts: Vec<String> = map.iter().map(|(k, v)| format!("{k}:{}", go_print(v))).collect();
            parts.sort();
            format!("map[{}]", parts.join(" "))
        }
        plain => plain.to_string(),
    }
}
