//! Fields from a chart's own schema, with what its values and comments add.

use serde_json::{Map, Value};

use super::guess::{annotate, field};
use super::{Builder, MAX_DEPTH, Place, join};

/// Keywords that are taken over as they are.
const KEPT: [&str; 18] = [
    "type",
    "title",
    "description",
    "default",
    "enum",
    "const",
    "examples",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "writeOnly",
    "required",
];
/// More that are taken over, for lists and objects.
const KEPT_COUNTS: [&str; 5] = ["minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties"];

/// A schema without references, in the subset that forms understand.
pub(super) fn described(
    builder: &mut Builder,
    root: &Value,
    schema: &Value,
    value: Option<&Value>,
    place: Place<'_>,
) -> Value {
    let mut merged = Map::new();
    let mut followed = Vec::new();
    merge(root, schema, &mut merged, &mut followed, 0);
    // A schema inside itself would have no end.
    let is_endless = followed.iter().any(|reference| builder.references.contains(reference));
    if is_endless {
        merged.remove("properties");
    }
    let outer = builder.references.len();
    builder.references.append(&mut followed);
    let made = field_of(builder, root, merged, value, place);
    builder.references.truncate(outer);
    made
}

fn field_of(
    builder: &mut Builder,
    root: &Value,
    merged: Map<String, Value>,
    value: Option<&Value>,
    place: Place<'_>,
) -> Value {
    let mut result: Map<String, Value> = KEPT
        .iter()
        .chain(&KEPT_COUNTS)
        .filter_map(|keyword| Some(((*keyword).to_owned(), merged.get(*keyword)?.clone())))
        .collect();
    if let Some(additional @ Value::Bool(_)) = merged.get("additionalProperties") {
        result.insert("additionalProperties".to_owned(), additional.clone());
    }
    if place.depth < MAX_DEPTH {
        if let Some(properties) = properties(builder, root, &merged, value, place) {
            result.entry("type").or_insert_with(|| "object".into());
            result.insert("properties".to_owned(), properties);
        }
        if let Some(items) = merged.get("items").filter(|items| items.is_object()) {
            let mut flat = Map::new();
            merge(root, items, &mut flat, &mut Vec::new(), 0);
            let kind = flat.get("type").cloned();
            result.insert(
                "items".to_owned(),
                kind.map_or_else(|| Value::Object(Map::new()), |kind| serde_json::json!({"type": kind})),
            );
        }
    }
    if !result.contains_key("type")
        && let Some(Value::Object(guessed)) =
            value.filter(|value| !value.is_object()).map(|value| field(builder, value, place))
        && let Some(kind) = guessed.get("type")
        && !result.contains_key("enum")
        && !["anyOf", "oneOf", "not"].iter().any(|keyword| merged.contains_key(*keyword))
    {
        result.insert("type".to_owned(), kind.clone());
    }
    annotate(builder, &mut result, value, place);
    Value::Object(result)
}

fn properties(
    builder: &mut Builder,
    root: &Value,
    merged: &Map<String, Value>,
    value: Option<&Value>,
    place: Place<'_>,
) -> Option<Value> {
    let empty = Map::new();
    let own = merged.get("properties").and_then(Value::as_object);
    let values = value.and_then(Value::as_object);
    if own.is_none() && values.is_none_or(Map::is_empty) && !place.pointer.is_empty() {
        return None;
    }
    let (own, values) = (own.unwrap_or(&empty), values.unwrap_or(&empty));
    let is_closed = merged.get("additionalProperties") == Some(&Value::Bool(false));
    let names = own.keys().chain(values.keys().filter(|key| !is_closed && !own.contains_key(*key)));
    let mut names: Vec<(usize, &String)> =
        names.map(|name| (place.comments.order(&join(place.pointer, name)), name)).collect();
    names.sort();
    let mut fields = Map::new();
    for (_, name) in names {
        if !builder.take() {
            break;
        }
        let pointer = join(place.pointer, name);
        let inner =
            Place { pointer: &pointer, key: name, parent: place.key, depth: place.depth + 1, ..place };
        let made = match own.get(name) {
            Some(schema) => described(builder, root, schema, values.get(name), inner),
            None => field(builder, &values[name], inner),
        };
        fields.insert(name.clone(), made);
    }
    Some(Value::Object(fields))
}

/// Lays a schema, what it refers to and all of its `allOf` into one map; what is nearer wins.
fn merge(
    root: &Value,
    schema: &Value,
    into: &mut Map<String, Value>,
    followed: &mut Vec<String>,
    depth: usize,
) {
    let Value::Object(map) = schema else { return };
    if depth > MAX_DEPTH {
        return;
    }
    for (key, value) in map {
        match (key.as_str(), into.get_mut(key)) {
            ("$ref" | "allOf", _) => {}
            ("properties", Some(Value::Object(properties))) => {
                for (name, schema) in value.as_object().into_iter().flatten() {
                    properties.entry(name.clone()).or_insert_with(|| schema.clone());
                }
            }
            (_, Some(_)) => {}
            (_, None) => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
    let reference = map.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
    if let Some((pointer, target)) = reference.and_then(|pointer| Some((pointer, root.pointer(pointer)?))) {
        followed.push(pointer.to_owned());
        merge(root, target, into, followed, depth + 1);
    }
    for schema in map.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        merge(root, schema, into, followed, depth + 1);
    }
}
