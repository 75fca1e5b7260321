//! The rules for schemas of definitions besides those that make them structural.

use serde_json::{Map, Value};

use super::structural::is_set;
use crate::crd::cel::{check, parse};
use crate::status::{Cause, go_json};
use crate::value::Get;

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];

/// What surrounds a part of a schema.
#[derive(Clone, Copy, Default)]
struct Around<'a> {
    root: bool,
    in_metadata: bool,
    no_defaults: Option<&'a str>,
    /// The outermost part whose items have no counterparts in older objects.
    uncorrelated: Option<&'a str>,
}

/// All of a version's schema.
pub(super) fn check(schema: &Value, at: &str, causes: &mut Vec<Cause>) {
    let (mut found, mut rules) = (Vec::new(), Vec::new());
    node(schema, at, Around { root: true, ..Around::default() }, &mut found, &mut rules);
    // Rules are compiled only where the schema is sound.
    if found.is_empty() && causes.is_empty() {
        found = rules;
    }
    causes.extend(found);
}

fn node(schema: &Value, at: &str, around: Around<'_>, causes: &mut Vec<Cause>, rules: &mut Vec<Cause>) {
    if !schema.is_object() {
        return;
    }
    offered(schema, at, around, causes);
    if schema["uniqueItems"] == true {
        let text = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        causes.push(Cause::forbidden(format!("{at}.uniqueItems"), text));
    }
    let inner = Around { root: false, ..around };
    let properties = schema.get("properties").and_then(Value::as_object);
    if let Some(additional) = schema.get("additionalProperties").filter(|a| !a.is_null()) {
        let field = format!("{at}.additionalProperties");
        if properties.is_some_and(|p| !p.is_empty()) && *additional != true {
            let text = "additionalProperties and properties are mutual exclusive";
            causes.push(Cause::forbidden(field.as_str(), text));
        }
        let below = Around {
            no_defaults: inner
                .no_defaults
                .or(inner.in_metadata.then_some("inside additionalProperties applying to object metadata")),
            ..inner
        };
        node(additional, &field, below, causes, rules);
    }
    let whole = around.root || schema["x-kubernetes-embedded-resource"] == true;
    for (key, property) in properties.into_iter().flatten() {
        let field = format!("{at}.properties[{key}]");
        if whole && matches!(key.as_str(), "metadata" | "kind" | "apiVersion") {
            let reason = format!("in top-level {key}");
            let no_defaults = if around.root { Some(reason.as_str()) } else { inner.no_defaults };
            node(property, &field, Around { in_metadata: true, no_defaults, ..inner }, causes, rules);
        } else {
            node(property, &field, inner, causes, rules);
        }
    }
    node(&schema["not"], &format!("{at}.not"), inner, causes, rules);
    for list in ["allOf", "oneOf", "anyOf"] {
        for (i, part) in schema.items(&[list]).iter().enumerate() {
            node(part, &format!("{at}.{list}[{i}]"), inner, causes, rules);
        }
    }
    for map in ["definitions", "dependencies"] {
        for (key, part) in schema.get(map).and_then(Value::as_object).into_iter().flatten() {
            node(part, &format!("{at}.{map}[{key}]"), inner, causes, rules);
        }
    }
    let told_apart = schema.text(&["x-kubernetes-list-type"]) == "map";
    let uncorrelated = inner.uncorrelated.or((!told_apart).then_some(at));
    node(&schema["items"], &format!("{at}.items"), Around { uncorrelated, ..inner }, causes, rules);
    if schema["x-kubernetes-preserve-unknown-fields"] == false {
        let field = format!("{at}.x-kubernetes-preserve-unknown-fields");
        causes.push(Cause::invalid(field, &Value::Bool(false), "must be true or undefined"));
    }
    kinds(schema, at, causes);
    keys(schema, at, causes);
    let sound = causes.is_empty();
    for (i, rule) in schema.items(&["x-kubernetes-validations"]).iter().enumerate() {
        texts(schema, rule, &format!("{at}.x-kubernetes-validations[{i}]"), causes);
        if sound {
            compiled(schema, around, rule, &format!("{at}.x-kubernetes-validations[{i}]"), rules);
        }
    }
}

/// Keywords that schemas of definitions do not have.
fn offered(schema: &Value, at: &str, around: Around<'_>, causes: &mut Vec<Cause>) {
    let kind = schema.text(&["type"]);
    if !kind.is_empty() && !TYPES.contains(&kind) {
        causes.push(Cause::unsupported(format!("{at}.type"), &kind.into(), &TYPES));
    }
    if let Some(reason) = around.no_defaults.filter(|_| schema.get("default").is_some_and(|d| !d.is_null())) {
        causes.push(Cause::forbidden(format!("{at}.default"), &format!("must not be set {reason}")));
    }
    for key in ["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"] {
        if is_set(schema, key) {
            causes.push(Cause::forbidden(format!("{at}.{key}"), &format!("{key} is not supported")));
        }
    }
    if kind == "null" {
        let text = "type cannot be set to null, use nullable as an alternative";
        causes.push(Cause::forbidden(format!("{at}.type"), text));
    }
    if schema["items"].is_array() {
        causes
            .push(Cause::forbidden(format!("{at}.items"), "items must be a schema object and not an array"));
    }
    if around.in_metadata && schema["x-kubernetes-embedded-resource"] == true {
        let text = "must not be used inside of resource meta";
        causes.push(Cause::forbidden(format!("{at}.x-kubernetes-embedded-resource"), text));
    }
}

/// Kinds of lists and maps.
fn kinds(schema: &Value, at: &str, causes: &mut Vec<Cause>) {
    let kind = schema.text(&["type"]);
    let mut typed = |wanted: &str, key: &str| {
        let text = format!("must be {wanted} if {key} is specified");
        causes.push(if kind.is_empty() {
            Cause::required(format!("{at}.type"), &text)
        } else {
            Cause::invalid(format!("{at}.type"), &kind.into(), &text)
        });
    };
    let map = schema.get("x-kubernetes-map-type").filter(|m| !m.is_null());
    let list = schema.get("x-kubernetes-list-type").filter(|l| !l.is_null());
    if map.is_some() && kind != "object" {
        typed("object", "x-kubernetes-map-type");
    }
    if list.is_some() && kind != "array" {
        typed("array", "x-kubernetes-list-type");
    }
    if let Some(map) = map.filter(|m| *m != "atomic" && *m != "granular") {
        let field = format!("{at}.x-kubernetes-map-type");
        causes.push(Cause::unsupported(field, map, &["atomic", "granular"]));
    }
    let item = &schema["items"];
    if kind == "array" && list.is_some_and(|l| l == "set") && item.is_object() {
        let text = "must be atomic as item of a list with x-kubernetes-list-type=set";
        let own = item.get("x-kubernetes-list-type").filter(|l| !l.is_null());
        let shown = own.unwrap_or(&Value::Null);
        match item.text(&["type"]) {
            "array" if own.is_some_and(|l| l != "atomic") => {
                causes.push(Cause::invalid(format!("{at}.items.x-kubernetes-list-type"), shown, text));
            }
            "object" if item["x-kubernetes-map-type"] != "atomic" => {
                causes.push(Cause::invalid(format!("{at}.items.x-kubernetes-map-type"), shown, text));
            }
            _ => {}
        }
    }
    if let Some(list) = list.filter(|l| *l != "atomic" && *l != "set" && *l != "map") {
        let field = format!("{at}.x-kubernetes-list-type");
        causes.push(Cause::unsupported(field, list, &["atomic", "set", "map"]));
    }
}

/// Keys of lists that are maps.
fn keys(schema: &Value, at: &str, causes: &mut Vec<Cause>) {
    let list = schema.get("x-kubernetes-list-type").filter(|l| !l.is_null());
    let keys = schema.items(&["x-kubernetes-list-map-keys"]);
    let field = format!("{at}.x-kubernetes-list-map-keys");
    if !keys.is_empty() {
        let text = "must be map if x-kubernetes-list-map-keys is non-empty";
        let field = format!("{at}.x-kubernetes-list-type");
        match list {
            None => causes.push(Cause::required(field, text)),
            Some(list) if list != "map" => causes.push(Cause::invalid(field, list, text)),
            Some(_) => {}
        }
    }
    let item = &schema["items"];
    if list.is_some_and(|l| l == "map") {
        if keys.is_empty() {
            let text = "must not be empty if x-kubernetes-list-type is map";
            causes.push(Cause::required(field.as_str(), text));
        }
        let kind = item.text(&["type"]);
        if !item.is_object() {
            let text = "must have a schema if x-kubernetes-list-type is map";
            causes.push(Cause::required(format!("{at}.items"), text));
        } else if kind != "object" {
            let text = "must be object if parent array's x-kubernetes-list-type is map";
            causes.push(Cause::invalid(format!("{at}.items.type"), &kind.into(), text));
        } else {
            for (i, key) in keys.iter().enumerate() {
                let name = key.as_str().unwrap_or_default();
                match item.at(&["properties", name]) {
                    None => {
                        let text = "entries must all be names of item properties";
                        causes.push(Cause::invalid(field.as_str(), &Value::from(keys), text));
                    }
                    Some(property) if matches!(property.text(&["type"]), "array" | "object") => {
                        let text = "must be a scalar type if parent array's x-kubernetes-list-type is map";
                        let field = format!("{at}.items.properties[{name}].type");
                        causes.push(Cause::invalid(field, &kind.into(), text));
                    }
                    Some(_) => {}
                }
                if keys[..i].contains(key) {
                    let text = "must not contain duplicate entries";
                    causes.push(Cause::invalid(field.as_str(), &Value::from(keys), text));
                }
            }
        }
    }
    let Some(list) = list.and_then(Value::as_str).filter(|l| matches!(*l, "set" | "map")) else { return };
    if item["nullable"] == true {
        let text = format!("cannot be nullable when x-kubernetes-list-type is {list}");
        causes.push(Cause::forbidden(format!("{at}.items.nullable"), &text));
    }
    for name in keys.iter().filter_map(Value::as_str).filter(|_| list == "map") {
        let Some(property) = item.at(&["properties", name]) else { continue };
        let field = format!("{at}.items.properties[{name}]");
        let needed = item.items(&["required"]).iter().any(|r| r == name);
        if !needed && property.get("default").is_none_or(Value::is_null) {
            let text = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required \
                        property";
            causes.push(Cause::required(format!("{field}.default"), text));
        }
        if property["nullable"] == true {
            let text = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
            causes.push(Cause::forbidden(format!("{field}.nullable"), text));
        }
    }
}

/// The texts of a rule.
fn texts(schema: &Value, rule: &Value, at: &str, causes: &mut Vec<Cause>) {
    const REASONS: [&str; 4] =
        ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];
    let broken = |text: &str| text.contains(['\n', '\r']);
    let (source, message) = (rule.text(&["rule"]).trim(), rule.text(&["message"]));
    let field = format!("{at}.message");
    if source.is_empty() {
        causes.push(Cause::required(format!("{at}.rule"), "rule is not specified"));
    } else if !message.is_empty() && message.trim().is_empty() {
        causes.push(Cause::invalid(field, &message.into(), "must be non-empty if specified"));
    } else if broken(message.trim()) {
        causes.push(Cause::invalid(field, &message.into(), "must not contain line breaks"));
    } else if broken(source) && message.trim().is_empty() {
        causes.push(Cause::required(field, "message must be specified if rule contains line breaks"));
    }
    let expression = rule.text(&["messageExpression"]);
    if !expression.is_empty() && expression.trim().is_empty() {
        let text = "messageExpression must be non-empty if specified";
        causes.push(Cause::required(format!("{at}.messageExpression"), text));
    }
    if let Some(reason) = rule.get("reason").and_then(Value::as_str).filter(|r| !REASONS.contains(r)) {
        causes.push(Cause::unsupported(format!("{at}.reason"), &reason.into(), &REASONS));
    }
    let path = rule.text(&["fieldPath"]);
    if path.is_empty() {
        return;
    }
    let mut refuse = |text: &str| causes.push(Cause::invalid(format!("{at}.fieldPath"), &path.into(), text));
    if path.trim().is_empty() {
        refuse("must be non-empty if specified");
    }
    if broken(path) {
        refuse("must not contain line breaks");
    }
    if super::definition::field_at(schema, path).is_err() {
        refuse("must be a valid path");
    }
}

/// A rule that cannot be compiled. The compiler here knows less than the real one, so only clear errors are refused.
fn compiled(schema: &Value, around: Around<'_>, rule: &Value, at: &str, causes: &mut Vec<Cause>) {
    let source = rule.text(&["rule"]);
    if source.trim().is_empty() {
        return;
    }
    let optional = rule["optionalOldSelf"] == true;
    let mut refuse = |field: &str, why: String| {
        let text = format!("Invalid value: {}: {why}", go_text(rule));
        causes.push(Cause::other(format!("{at}.{field}"), "FieldValueInvalid", text));
    };
    let mut broken = false;
    for (field, source, is_text) in
        [("rule", source, false), ("messageExpression", rule.text(&["messageExpression"]), true)]
    {
        let (prefix, other) = match is_text {
            false => ("", "cel expression must evaluate to a bool"),
            true => ("messageExpression ", "messageExpression must evaluate to a string"),
        };
        if broken || source.trim().is_empty() {
            break;
        }
        let why = match parse(source) {
            Err(mistakes) => {
                check::unreadable(source, &mistakes).map(|text| format!("{prefix}compilation failed: {text}"))
            }
            Ok(expr) => match check::check(source, &expr, schema, around.root, optional, is_text) {
                check::Checked::Fine => None,
                check::Checked::Other => Some(other.into()),
                check::Checked::Broken(text) => Some(format!("{prefix}compilation failed: {text}")),
            },
        };
        broken = why.is_some();
        if let Some(why) = why {
            refuse(field, why);
        }
    }
    if let Some(path) = around.uncorrelated.filter(|_| source.contains("oldSelf") && !broken) {
        let text =
            format!("oldSelf cannot be used on the uncorrelatable portion of the schema within {path}");
        causes.push(Cause::invalid(format!("{at}.rule"), &source.into(), &text));
    }
    if let Some(optional) =
        rule.get("optionalOldSelf").filter(|o| !o.is_null() && !source.contains("oldSelf") && !broken)
    {
        let text = "may not be set if oldSelf is not used in rule";
        causes.push(Cause::invalid(format!("{at}.optionalOldSelf"), optional, text));
    }
}

/// A rule as Go prints its internal type.
fn go_text(rule: &Value) -> String {
    let empty = Map::new();
    let map = rule.as_object().unwrap_or(&empty);
    let text = |key: &str| map.get(key).cloned().unwrap_or_else(|| "".into()).to_string();
    let pointer = |key: &str| map.get(key).unwrap_or(&Value::Null).to_string();
    let shown = format!(
        "{{\"Rule\":{},\"Message\":{},\"MessageExpression\":{},\"Reason\":{},\"FieldPath\":{},\"OptionalOldSelf\":{}}}",
        text("rule"),
        text("message"),
        text("messageExpression"),
        pointer("reason"),
        text("fieldPath"),
        pointer("optionalOldSelf"),
    );
    go_json(&shown)
}
