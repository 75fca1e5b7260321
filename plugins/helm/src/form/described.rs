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
/// Where shapes lie inside a shape.
const INSIDE: [&str; 5] = ["properties", "items", "additionalProperties", "oneOf", "anyOf"];

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
        merged.retain(|keyword, _| !INSIDE.contains(&keyword.as_str()));
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
        for keyword in ["items", "additionalProperties"] {
            if let Some(made) = merged.get(keyword).and_then(|schema| each(builder, root, schema, place)) {
                result.insert(keyword.to_owned(), made);
            }
        }
        alternatives(builder, root, &merged, &mut result, place);
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

/// What every entry of a list or map is like, or one of several shapes: nothing has a value or a comment there.
fn each(builder: &mut Builder, root: &Value, schema: &Value, place: Place<'_>) -> Option<Value> {
    if schema.as_object().is_none_or(Map::is_empty) || !builder.take() {
        return None;
    }
    let pointer = join(place.pointer, "*");
    let inner = Place { pointer: &pointer, key: "", parent: place.key, depth: place.depth + 1, ..place };
    // A secret is named by the place of its value, and there is none yet.
    let secrets = builder.secrets.len();
    let made = described(builder, root, schema, None, inner);
    builder.secrets.truncate(secrets);
    Some(made)
}

/// Takes a choice of shapes over, unless its branches only say more about the same shape: plain types become one list
/// of types, and others a choice.
fn alternatives(
    builder: &mut Builder,
    root: &Value,
    merged: &Map<String, Value>,
    result: &mut Map<String, Value>,
    place: Place<'_>,
) {
    for keyword in ["oneOf", "anyOf"] {
        let branches = merged.get(keyword).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let flat: Vec<Map<String, Value>> = branches
            .iter()
            .map(|branch| {
                let mut flat = Map::new();
                merge(root, branch, &mut flat, &mut Vec::new(), 0);
                flat
            })
            .collect();
        let is_shape = |branch: &Map<String, Value>| {
            ["type", "properties", "enum", "const"].iter().any(|keyword| branch.contains_key(*keyword))
        };
        if flat.is_empty() || !flat.iter().all(is_shape) {
            continue;
        }
        if let Some(types) = plain_types(&flat) {
            result.entry("type").or_insert(types);
            continue;
        }
        let made: Vec<Value> =
            branches.iter().filter_map(|branch| each(builder, root, branch, place)).collect();
        if made.len() == branches.len() {
            result.insert(keyword.to_owned(), made.into());
        }
    }
}

/// The types of branches that say nothing but a type.
fn plain_types(branches: &[Map<String, Value>]) -> Option<Value> {
    let says_more = |branch: &Map<String, Value>| branch.keys().any(|key| key != "type");
    if branches.iter().any(says_more) {
        return None;
    }
    let types: Vec<&str> = branches.iter().map(|branch| branch["type"].as_str()).collect::<Option<_>>()?;
    (!types.iter().any(|kind| matches!(*kind, "object" | "array"))).then(|| types.into())
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
