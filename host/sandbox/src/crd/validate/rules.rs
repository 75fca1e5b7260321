//! `x-kubernetes-validations`: rules in the Common Expression Language.

use std::collections::BTreeMap;

use serde_json::Value;

use super::join;
use crate::crd::cel::{Fault, evaluate, parse, some};
use crate::ownership::merge::item_step;
use crate::schema::{ListKind, Node, Shape};
use crate::status::Cause;
use crate::value::Get;

const RULES: &str = "x-kubernetes-validations";

/// True if a schema has any rule.
pub(super) fn any(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => {
            map.get(RULES).is_some_and(|r| !r.items(&[]).is_empty())
                || map.iter().any(|(key, inner)| match key.as_str() {
                    "properties" => inner.as_object().is_some_and(|p| p.values().any(any)),
                    "items" | "additionalProperties" => any(inner),
                    _ => false,
                })
        }
        _ => false,
    }
}

/// Checks the rules of an object.
pub(super) fn check(schema: &Value, live: Option<&Value>, value: &Value, causes: &mut Vec<Cause>) {
    at_node(schema, live, value, "", causes);
}

fn at_node(schema: &Value, old: Option<&Value>, value: &Value, at: &str, causes: &mut Vec<Cause>) {
    if value.is_null() {
        return;
    }
    for rule in schema.items(&[RULES]) {
        apply(rule, schema.text(&["type"]), old, value, at, causes);
    }
    match value {
        Value::Object(map) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            for (key, inner) in map {
                let declared = properties.and_then(|p| p.get(key)).or(schema.get("additionalProperties"));
                if let Some(declared @ Value::Object(_)) = declared {
                    let before = old.and_then(|o| o.get(key));
                    at_node(declared, before, inner, &join(at, key), causes);
                }
            }
        }
        Value::Array(items) => {
            let keys = schema.items(&["x-kubernetes-list-map-keys"]);
            let keys: Vec<Box<str>> = keys.iter().filter_map(|k| k.as_str().map(Into::into)).collect();
            let any = Node::plain(Shape::Any);
            let kind = ListKind::Map(keys);
            let map = schema.text(&["x-kubernetes-list-type"]) == "map";
            for (i, item) in items.iter().enumerate() {
                // Only items of maps have something to be compared with.
                let step = map.then(|| item_step(&any, &kind, item).ok()).flatten();
                let before = step.and_then(|step| {
                    old.and_then(Value::as_array)?
                        .iter()
                        .find(|o| item_step(&any, &kind, o).as_ref() == Ok(&step))
                });
                at_node(&schema["items"], before, item, &format!("{at}[{i}]"), causes);
            }
        }
        _ => {}
    }
}

fn apply(
    rule: &Value,
    schema_type: &str,
    old: Option<&Value>,
    value: &Value,
    at: &str,
    causes: &mut Vec<Cause>,
) {
    let text = rule.text(&["rule"]);
    let transition = text.contains("oldSelf");
    let optional = rule["optionalOldSelf"] == true;
    if transition && old.is_none() && !optional {
        return;
    }
    let Ok(expr) = parse(text) else { return };
    let mut variables = BTreeMap::from([("self".to_string(), value.clone())]);
    if optional {
        variables.insert("oldSelf".into(), some(old.cloned()));
    } else if let Some(old) = old {
        variables.insert("oldSelf".into(), old.clone());
    }
    let why = match evaluate(&expr, &variables) {
        Ok(Value::Bool(true)) | Err(Fault::Unknown) => return,
        Ok(_) => message(rule, text, &variables),
        Err(Fault::Failed(error)) => {
            let plain = match rule.text(&["message"]) {
                "" => text.trim(),
                message => message.trim(),
            };
            let field = if at.is_empty() { "<nil>" } else { at };
            let text = format!("{error} evaluating rule: {plain}");
            causes.push(Cause::invalid(field, &schema_type.into(), &text));
            return;
        }
    };
    let field = match rule.text(&["fieldPath"]) {
        "" => at.to_string(),
        path if at.is_empty() => path.trim_start_matches('.').to_string(),
        path => format!("{at}{path}"),
    };
    let field = if field.is_empty() { "<nil>".to_string() } else { field };
    causes.push(match rule.text(&["reason"]) {
        "FieldValueForbidden" => Cause::forbidden(field, &why),
        "FieldValueRequired" => Cause::required(field, &why),
        "FieldValueDuplicate" => {
            Cause::other(field, "FieldValueDuplicate", format!("Duplicate value: {why}"))
        }
        _ => match value {
            // Maps and lists are not shown.
            Value::Object(_) | Value::Array(_) => {
                Cause::other(field, "FieldValueInvalid", format!("Invalid value: {why}"))
            }
            plain => Cause::invalid(field, plain, &why),
        },
    });
}

fn message(rule: &Value, text: &str, variables: &BTreeMap<String, Value>) -> String {
    let expression = rule.text(&["messageExpression"]);
    if !expression.is_empty()
        && let Ok(expr) = parse(expression)
        && let Ok(Value::String(text)) = evaluate(&expr, variables)
        && !text.trim().is_empty()
    {
        return text;
    }
    match rule.text(&["message"]) {
        "" => format!("failed rule: {}", text.trim()),
        message => message.trim().into(),
    }
}
