//! The rules that make a schema structural.

use serde_json::{Map, Value, json};

use crate::crd::structural::prune;
use crate::patterns::{self, Pattern};
use crate::status::Cause;
use crate::value::Get;

/// Where in a schema a part of it stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

/// True if the schema has the form that structural rules can be asked about.
pub(super) fn has_form(schema: &Value) -> bool {
    const OTHER: [&str; 5] = ["$ref", "definitions", "dependencies", "patternProperties", "id"];
    let Some(map) = schema.as_object() else { return true };
    let fine = OTHER.iter().all(|key| !is_set(schema, key)) && !schema["items"].is_array();
    fine && map.iter().all(|(key, value)| match (key.as_str(), value) {
        ("properties", Value::Object(inner)) => inner.values().all(has_form),
        ("items" | "additionalProperties" | "not", value) => has_form(value),
        ("allOf" | "anyOf" | "oneOf", Value::Array(list)) => list.iter().all(has_form),
        _ => true,
    })
}

pub(super) fn is_set(schema: &Value, key: &str) -> bool {
    match schema.get(key) {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(list)) => !list.is_empty(),
        Some(Value::Object(map)) => !map.is_empty() || key == "additionalProperties" || key == "items",
        Some(_) => true,
    }
}

/// What keeps a schema from being structural, in the order of the texts.
pub(super) fn check(schema: &Value, at: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    invariants(schema, Level::Root, at, &mut causes);
    causes.sort_by_key(|cause| format!("{}: {}", cause.field, cause.message));
    causes
}

fn invariants(schema: &Value, level: Level, at: &str, causes: &mut Vec<Cause>) {
    if !schema.is_object() {
        return;
    }
    let kind = schema.text(&["type"]);
    let flag = |key: &str| schema[key] == true;
    let embedded = flag("x-kubernetes-embedded-resource");
    let preserve = flag("x-kubernetes-preserve-unknown-fields");
    let either = flag("x-kubernetes-int-or-string");
    if kind == "array" && !schema["items"].is_object() {
        causes.push(Cause::required(format!("{at}.items"), "must be specified"));
    }
    invariants(&schema["items"], Level::Item, &format!("{at}.items"), causes);
    let properties = schema.get("properties").and_then(Value::as_object);
    for (key, inner) in properties.into_iter().flatten() {
        invariants(inner, Level::Field, &format!("{at}.properties[{key}]"), causes);
    }
    if let Some(additional) = schema.get("additionalProperties").filter(|a| !a.is_null()) {
        let field = format!("{at}.additionalProperties");
        if level == Level::Root {
            causes.push(Cause::forbidden(field.as_str(), "must not be used at the root"));
        }
        if embedded {
            let text = "must not be used if x-kubernetes-embedded-resource is set";
            causes.push(Cause::forbidden(field.as_str(), text));
        }
        invariants(additional, Level::Field, &field, causes);
    }
    for (other, set) in
        [("x-kubernetes-preserve-unknown-fields", preserve), ("x-kubernetes-embedded-resource", embedded)]
    {
        if either && set {
            let text = "must be false if x-kubernetes-int-or-string is true";
            causes.push(Cause::invalid(format!("{at}.{other}"), &json!(true), text));
        }
    }
    values(schema, at, causes);
    let typed = format!("{at}.type");
    if embedded && kind != "object" {
        let text = "must be object if x-kubernetes-embedded-resource is true";
        causes.push(if kind.is_empty() {
            Cause::required(typed.as_str(), text)
        } else {
            Cause::invalid(typed.as_str(), &kind.into(), text)
        });
    } else if kind.is_empty() && !either && !preserve {
        causes.push(Cause::required(
            typed.as_str(),
            match level {
                Level::Root => "must not be empty at the root",
                Level::Item => "must not be empty for specified array items",
                Level::Field => "must not be empty for specified object fields",
            },
        ));
    }
    if level == Level::Root && !kind.is_empty() && kind != "object" {
        causes.push(Cause::invalid(typed, &kind.into(), "must be object at the root"));
    }
    metadata(schema, level, embedded, at, causes);
    if embedded && !preserve && properties.is_none_or(Map::is_empty) {
        let text = "must not be empty if x-kubernetes-embedded-resource is true without \
                    x-kubernetes-preserve-unknown-fields";
        causes.push(Cause::required(format!("{at}.properties"), text));
    }
}

/// What a schema of a whole object may say about the fields that all objects have.
fn metadata(schema: &Value, level: Level, embedded: bool, at: &str, causes: &mut Vec<Cause>) {
    let whole = level == Level::Root || embedded;
    let inner = |key: &str| schema.at(&["properties", key]).filter(|p| p.is_object());
    for key in ["kind", "apiVersion"] {
        if let Some(kind) = inner(key).map(|p| p.text(&["type"])).filter(|kind| whole && *kind != "string") {
            causes.push(Cause::invalid(
                format!("{at}.properties[{key}].type"),
                &kind.into(),
                "must be string",
            ));
        }
    }
    let Some(meta) = inner("metadata") else { return };
    let at = format!("{at}.properties[metadata]");
    if whole && meta.text(&["type"]) != "object" {
        causes.push(Cause::invalid(format!("{at}.type"), &meta.text(&["type"]).into(), "must be object"));
    }
    let allowed = meta.as_object().into_iter().flatten().all(|(key, value)| match key.as_str() {
        "type" => true,
        "properties" => {
            value.as_object().is_some_and(|p| p.keys().all(|k| k == "name" || k == "generateName"))
        }
        _ => value.is_null(),
    });
    if level == Level::Root && !allowed {
        let text = "must not specify anything other than name and generateName, but metadata is implicitly specified";
        causes.push(Cause::forbidden(at, text));
    }
}

fn is_int_or_string(list: &Value) -> bool {
    *list == json!([{"type": "integer"}, {"type": "string"}])
}

/// The logical parts of a schema.
fn values(schema: &Value, at: &str, causes: &mut Vec<Cause>) {
    let first = is_int_or_string(&schema["allOf"][0]["anyOf"]);
    if !is_int_or_string(&schema["anyOf"]) {
        for (i, inner) in schema.items(&["anyOf"]).iter().enumerate() {
            nested(inner, &format!("{at}.anyOf[{i}]"), false, causes);
        }
    }
    for (i, inner) in schema.items(&["allOf"]).iter().enumerate() {
        nested(inner, &format!("{at}.allOf[{i}]"), first && i == 0, causes);
    }
    for (i, inner) in schema.items(&["oneOf"]).iter().enumerate() {
        nested(inner, &format!("{at}.oneOf[{i}]"), false, causes);
    }
    nested(&schema["not"], &format!("{at}.not"), false, causes);
    pattern(schema, at, causes);
}

fn pattern(schema: &Value, at: &str, causes: &mut Vec<Cause>) {
    let pattern = schema.text(&["pattern"]);
    if pattern.is_empty() || !matches!(*patterns::pattern(pattern), Pattern::Broken) {
        return;
    }
    let open = |c: char| pattern.chars().filter(|p| *p == c).count();
    let why = if open('(') > open(')') {
        format!("missing closing ): `{pattern}`")
    } else if open('(') < open(')') {
        format!("unexpected ): `{pattern}`")
    } else if open('[') > open(']') {
        format!("missing closing ]: `{}`", &pattern[pattern.find('[').unwrap_or(0)..])
    } else if pattern.contains("(?") {
        // Rust and Go know the same groups otherwise.
        let from = pattern.find("(?").unwrap_or(0);
        format!(
            "invalid or unsupported Perl syntax: `{}`",
            pattern[from..].chars().take(3).collect::<String>()
        )
    } else {
        return;
    };
    let text = format!("must be a valid regular expression, but isn't: error parsing regexp: {why}");
    causes.push(Cause::invalid(format!("{at}.pattern"), &pattern.into(), &text));
}

/// A part below a logical one only restricts values.
fn nested(schema: &Value, at: &str, skip_any: bool, causes: &mut Vec<Cause>) {
    const EMPTY: [&str; 4] = ["type", "title", "description", "x-kubernetes-list-map-keys"];
    const FALSE: [&str; 4] = [
        "nullable",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-embedded-resource",
        "x-kubernetes-int-or-string",
    ];
    const UNDEFINED: [&str; 4] =
        ["additionalProperties", "default", "x-kubernetes-list-type", "x-kubernetes-map-type"];
    if !schema.is_object() {
        return;
    }
    if skip_any {
        let mut rest = schema.clone();
        crate::value::remove(&mut rest, &["anyOf"]);
        values(&rest, at, causes);
    } else {
        values(schema, at, causes);
    }
    nested(&schema["items"], &format!("{at}.items"), false, causes);
    for (key, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        nested(inner, &format!("{at}.properties[{key}]"), false, causes);
        if key == "metadata" {
            let text = "must not be specified in a nested context";
            causes.push(Cause::forbidden(format!("{at}.properties[metadata]"), text));
        }
    }
    let groups = [(&EMPTY, "must be empty"), (&FALSE, "must be false"), (&UNDEFINED, "must be undefined")];
    for (keys, what) in groups {
        for key in keys.iter().filter(|key| is_set(schema, key)) {
            causes.push(Cause::forbidden(format!("{at}.{key}"), &format!("{what} to be structural")));
        }
    }
    if is_set(schema, "x-kubernetes-validations") {
        let text = "must be empty to be structural";
        causes.push(Cause::forbidden(format!("{at}.x-kubernetes-validations"), text));
    }
}

/// Defaults must fit their own schema.
pub(super) fn defaults(schema: &Value, at: &str, root: bool, causes: &mut Vec<Cause>) {
    if !schema.is_object() {
        return;
    }
    if let Some(default) = schema.get("default").filter(|d| !d.is_null()) {
        let field = format!("{at}.default");
        let mut pruned = default.clone();
        let mut unknown = Vec::new();
        prune(schema, &mut pruned, "", false, &mut unknown);
        let mut found = Vec::new();
        super::check(schema, default, "", false, &mut found);
        if !unknown.is_empty() {
            causes.push(Cause::invalid(field, default, "must not have unknown fields"));
        } else {
            causes.extend(found.into_iter().map(|mut cause| {
                cause.field = match cause.field.as_str() {
                    "" | "<nil>" => field.clone(),
                    below => format!("{field}.{below}"),
                };
                cause
            }));
        }
    }
    for (key, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        if !root || key != "metadata" {
            defaults(inner, &format!("{at}.properties[{key}]"), false, causes);
        }
    }
    for key in ["items", "additionalProperties"] {
        defaults(&schema[key], &format!("{at}.{key}"), false, causes);
    }
}
