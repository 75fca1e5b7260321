//! Validation of custom resources by their structural schema.

mod definition;
mod openapi;
mod rules;
mod structural;

use serde_json::{Map, Value};

use crate::patterns::{Pattern, pattern};
use crate::resources::Resource;
use crate::status::Cause;
use crate::value::Get;

pub(crate) use definition::definition;

/// What is wrong with an object of a custom resource.
pub(crate) fn object(resource: &Resource, live: Option<&Value>, value: &Value) -> Vec<Cause> {
    let Some(custom) = &resource.custom else { return Vec::new() };
    let mut causes = Vec::new();
    // Without a name there is nothing that rules could be asked about.
    let unnamed = value.text(&["metadata", "name"]).is_empty();
    check(&custom.schema, value, "", true, &mut causes);
    lists(&custom.schema, value, "", &mut causes);
    embedded(&custom.schema, value, "", true, &mut causes);
    let blocking = causes.iter().any(|c| {
        matches!(
            c.reason,
            "FieldValueNotSupported"
                | "FieldValueRequired"
                | "FieldValueTooLong"
                | "FieldValueTooMany"
                | "FieldValueTypeInvalid"
                | "FieldValueDuplicate"
        )
    });
    if !rules::any(&custom.schema) {
        return causes;
    }
    if blocking || unnamed {
        let text = "some validation rules were not checked because the object was invalid; correct the existing \
                    errors to complete validation";
        causes.push(Cause::invalid("<nil>", &Value::Null, text));
    } else {
        rules::check(&custom.schema, live, value, &mut causes);
    }
    causes
}

/// The path of a field below another.
fn join(at: &str, key: &str) -> String {
    if at.is_empty() { key.into() } else { format!("{at}.{key}") }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn wrong_type(at: &str, value: &Value, wanted: &str) -> Cause {
    let found = type_name(value);
    let text = format!("{at} in body must be of type {wanted}: {found:?}");
    Cause::type_invalid(at, &found.into(), &text)
}

/// Types, required fields and the rules of single values.
fn check(schema: &Value, value: &Value, at: &str, root: bool, causes: &mut Vec<Cause>) {
    if !schema.is_object() {
        return;
    }
    if value.is_null() {
        if schema["nullable"] != true && !schema.text(&["type"]).is_empty() {
            causes.push(wrong_type(at, value, schema.text(&["type"])));
        }
        return;
    }
    if schema["x-kubernetes-int-or-string"] == true {
        let whole = value.as_i64().is_some() || value.as_f64().is_some_and(|n| n.fract() == 0.0);
        if !value.is_string() && !whole {
            causes.push(wrong_type(at, value, "integer,string"));
        }
        combined(schema, value, at, causes);
        return;
    }
    let fits = match schema.text(&["type"]) {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.as_i64().is_some() || value.as_f64().is_some_and(|n| n.fract() == 0.0),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    };
    if !fits {
        let format = schema.text(&["format"]);
        if schema.text(&["type"]) == "integer" && matches!(format, "int32" | "int64") && value.is_number() {
            let text = format!("{at} in body must be of type {format}: \"float64\"");
            causes.push(Cause::type_invalid(at, &"float64".into(), &text));
            causes.push(wrong_format(at, format));
            return;
        }
        causes.push(wrong_type(at, value, schema.text(&["type"])));
        return;
    }
    match value {
        Value::String(text) => text_rules(schema, text, at, causes),
        Value::Number(_) => number_rules(schema, value, at, causes),
        Value::Array(items) => array_rules(schema, items, at, causes),
        Value::Object(map) => object_rules(schema, map, at, root, causes),
        _ => {}
    }
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
        && !allowed.contains(value)
    {
        let texts: Vec<String> =
            allowed.iter().map(|v| v.as_str().map_or_else(|| v.to_string(), String::from)).collect();
        let list: Vec<&str> = texts.iter().map(String::as_str).collect();
        causes.push(Cause::unsupported(at, value, &list));
    }
    combined(schema, value, at, causes);
}

fn combined(schema: &Value, value: &Value, at: &str, causes: &mut Vec<Cause>) {
    let passes = |inner: &Value| {
        let mut found = Vec::new();
        check(inner, value, at, false, &mut found);
        found.is_empty()
    };
    let before = causes.len();
    for inner in schema.items(&["allOf"]) {
        check(inner, value, at, false, causes);
    }
    if causes.len() > before {
        let text = format!("{at:?} must validate all the schemas (allOf)");
        causes.push(Cause::invalid("<nil>", &Value::from(""), &text));
    }
    let any = schema.items(&["anyOf"]);
    if !any.is_empty() && !any.iter().any(passes) {
        let text = format!("{at:?} must validate at least one schema (anyOf)");
        causes.push(Cause::invalid("<nil>", &Value::from(""), &text));
        check(&any[0], value, at, false, causes);
    }
    let one = schema.items(&["oneOf"]);
    if !one.is_empty() {
        let count = one.iter().filter(|i| passes(i)).count();
        if count != 1 {
            let found = match count {
                0 => "Found none valid".to_string(),
                count => format!("Found {count} valid alternatives"),
            };
            let text = format!("{at:?} must validate one and only one schema (oneOf). {found}");
            causes.push(Cause::invalid("<nil>", &Value::from(""), &text));
            if count == 0 {
                check(&one[0], value, at, false, causes);
            }
        }
    }
    if schema.get("not").is_some_and(|inner| inner.is_object() && passes(inner)) {
        let text = format!("{at:?} must not validate the schema (not)");
        causes.push(Cause::invalid("<nil>", &Value::from(""), &text));
    }
}

/// A number that its format does not have.
fn wrong_format(at: &str, format: &str) -> Cause {
    let text = format!("Checked value must be of type integer with format {format} in {at}");
    Cause::invalid("<nil>", &Value::from(""), &text)
}

fn length(schema: &Value, key: &str) -> Option<usize> {
    schema.get(key).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok())
}

fn text_rules(schema: &Value, text: &str, at: &str, causes: &mut Vec<Cause>) {
    let count = text.chars().count();
    if let Some(limit) = length(schema, "maxLength")
        && count > limit
    {
        causes.push(Cause::too_long(at, limit));
        return;
    }
    if let Some(limit) = length(schema, "minLength")
        && count < limit
    {
        let rule = format!("{at} in body should be at least {limit} chars long");
        causes.push(Cause::invalid(at, &text.into(), &rule));
        return;
    }
    if let Some(wanted) = schema.get("pattern").and_then(Value::as_str)
        && let Pattern::Fine(regex, _) = &*pattern(wanted)
        && !regex.is_match(text)
    {
        let rule = format!("{at} in body should match '{wanted}'");
        causes.push(Cause::invalid(at, &text.into(), &rule));
        return;
    }
    let format = schema.text(&["format"]);
    if !format.is_empty() && !has_format(format, text) {
        let rule = format!("{at} in body must be of type {format}: {text:?}");
        causes.push(Cause::type_invalid(at, &text.into(), &rule));
    }
}

fn has_format(format: &str, text: &str) -> bool {
    use base64::Engine;
    match format {
        "date-time" | "datetime" => text.parse::<jiff::Timestamp>().is_ok(),
        "date" => text.parse::<jiff::civil::Date>().is_ok() && text.len() == 10,
        "ipv4" => text.parse::<std::net::Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<std::net::Ipv6Addr>().is_ok(),
        "cidr" => text
            .split_once('/')
            .is_some_and(|(ip, bits)| ip.parse::<std::net::IpAddr>().is_ok() && bits.parse::<u8>().is_ok()),
        "duration" => crate::crd::cel::types::duration(text).is_some(),
        "byte" => base64::engine::general_purpose::STANDARD.decode(text).is_ok(),
        "uri" => text.contains(':') || text.starts_with('/'),
        "uuid" | "uuid3" | "uuid4" | "uuid5" => {
            let parts: Vec<usize> = text.split('-').map(str::len).collect();
            parts == [8, 4, 4, 4, 12] && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
        }
        "email" => text.split_once('@').is_some_and(|(a, b)| !a.is_empty() && b.contains('.')),
        "hostname" => crate::names::dns1123_subdomain(&text.to_lowercase()).is_empty(),
        "mac" => text.split([':', '-']).filter(|p| p.len() == 2).count() == 6,
        // Others are annotations only.
        _ => true,
    }
}

fn number_rules(schema: &Value, value: &Value, at: &str, causes: &mut Vec<Cause>) {
    let Some(number) = value.as_f64() else { return };
    let limit = |key: &str| schema.get(key).and_then(Value::as_f64);
    let mut refuse = |rule: String| causes.push(Cause::invalid(at, value, &rule));
    if let Some(step) = limit("multipleOf")
        && step > 0.0
    {
        let ratio = number / step;
        if (ratio - ratio.round()).abs() > 1e-9 {
            refuse(format!("{at} in body should be a multiple of {}", schema["multipleOf"]));
        }
    }
    if let Some(most) = limit("maximum") {
        let exclusive = schema["exclusiveMaximum"] == true;
        if number > most || exclusive && number >= most {
            let equal = if exclusive { "" } else { " or equal to" };
            refuse(format!("{at} in body should be less than{equal} {}", schema["maximum"]));
        }
    }
    if let Some(least) = limit("minimum") {
        let exclusive = schema["exclusiveMinimum"] == true;
        if number < least || exclusive && number <= least {
            let equal = if exclusive { "" } else { " or equal to" };
            refuse(format!("{at} in body should be greater than{equal} {}", schema["minimum"]));
        }
    }
    let bits = match schema.text(&["format"]) {
        "int32" => Some((f64::from(i32::MIN), f64::from(i32::MAX))),
        _ => None,
    };
    if let Some((low, high)) = bits
        && !(low..=high).contains(&number)
    {
        causes.push(wrong_format(at, "int32"));
    }
}

fn array_rules(schema: &Value, items: &[Value], at: &str, causes: &mut Vec<Cause>) {
    for (i, item) in items.iter().enumerate() {
        check(&schema["items"], item, &format!("{at}[{i}]"), false, causes);
    }
    if let Some(limit) = length(schema, "maxItems")
        && items.len() > limit
    {
        let plural = if limit == 1 { "item" } else { "items" };
        let text = format!("Too many: {}: must have at most {limit} {plural}", items.len());
        causes.push(Cause::other(at, "FieldValueTooMany", text));
    }
    if let Some(limit) = length(schema, "minItems")
        && items.len() < limit
    {
        let rule = format!("{at} in body should have at least {limit} items");
        causes.push(Cause::invalid(at, &items.len().into(), &rule));
    }
    if schema["uniqueItems"] == true {
        let twice = items.iter().enumerate().any(|(i, item)| items[..i].contains(item));
        if twice {
            let rule = format!("{at} in body shouldn't contain duplicates");
            causes.push(Cause::invalid(at, &Value::from(items.to_vec()), &rule));
        }
    }
}

fn object_rules(schema: &Value, map: &Map<String, Value>, at: &str, root: bool, causes: &mut Vec<Cause>) {
    if let Some(limit) = length(schema, "maxProperties")
        && map.len() > limit
    {
        let text = format!("Too many: {}: must have at most {limit} items", map.len());
        causes.push(Cause::other(at, "FieldValueTooMany", text));
    }
    if let Some(limit) = length(schema, "minProperties")
        && map.len() < limit
    {
        let rule = format!("{at} in body should have at least {limit} properties");
        causes.push(Cause::invalid(at, &map.len().into(), &rule));
    }
    for key in schema.items(&["required"]).iter().filter_map(Value::as_str) {
        if !map.contains_key(key) {
            causes.push(Cause::required(join(at, key), ""));
        }
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    for (key, value) in map {
        if root && matches!(key.as_str(), "apiVersion" | "kind" | "metadata") {
            continue;
        }
        match properties.and_then(|p| p.get(key)) {
            Some(inner) => check(inner, value, &join(at, key), false, causes),
            None => {
                if let Some(inner @ Value::Object(_)) = schema.get("additionalProperties") {
                    check(inner, value, &join(at, key), false, causes);
                }
            }
        }
    }
}

/// Sets and maps in lists have no duplicates.
fn lists(schema: &Value, value: &Value, at: &str, causes: &mut Vec<Cause>) {
    match value {
        Value::Array(items) => {
            let keys = schema.items(&["x-kubernetes-list-map-keys"]);
            let kind = schema.text(&["x-kubernetes-list-type"]);
            let id = |item: &Value| -> Value {
                if kind == "map" {
                    let pairs = keys.iter().filter_map(Value::as_str);
                    let map: Map<String, Value> =
                        pairs.filter_map(|k| Some((k.to_string(), item.get(k)?.clone()))).collect();
                    Value::Object(map)
                } else {
                    item.clone()
                }
            };
            if matches!(kind, "set" | "map") {
                let mut seen: Vec<Value> = Vec::new();
                for (i, item) in items.iter().enumerate() {
                    let id = id(item);
                    if seen.contains(&id) {
                        causes.push(Cause::duplicate(format!("{at}[{i}]"), &id));
                    } else {
                        seen.push(id);
                    }
                }
            }
            for (i, item) in items.iter().enumerate() {
                lists(&schema["items"], item, &format!("{at}[{i}]"), causes);
            }
        }
        Value::Object(map) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            for (key, inner) in map {
                let declared = properties.and_then(|p| p.get(key)).or(schema.get("additionalProperties"));
                if let Some(declared @ Value::Object(_)) = declared {
                    lists(declared, inner, &join(at, key), causes);
                }
            }
        }
        _ => {}
    }
}

/// Embedded resources have a kind and sound metadata.
fn embedded(schema: &Value, value: &Value, at: &str, root: bool, causes: &mut Vec<Cause>) {
    match value {
        Value::Object(map) => {
            if !root && schema["x-kubernetes-embedded-resource"] == true {
                for key in ["apiVersion", "kind"] {
                    if value.text(&[key]).is_empty() {
                        causes.push(Cause::required(join(at, key), ""));
                    }
                }
                if let Some(meta) = map.get("metadata").filter(|_| !value.text(&["kind"]).is_empty()) {
                    causes.extend(crate::validate::of_metadata(meta, &join(at, "metadata")));
                }
            }
            let properties = schema.get("properties").and_then(Value::as_object);
            for (key, inner) in map {
                let declared = properties.and_then(|p| p.get(key)).or(schema.get("additionalProperties"));
                if let Some(declared @ Value::Object(_)) = declared {
                    embedded(declared, inner, &join(at, key), false, causes);
                }
            }
        }
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                embedded(&schema["items"], item, &format!("{at}[{i}]"), false, causes);
            }
        }
        _ => {}
    }
}
