//! The types of values in rules, as far as a schema tells them.

use serde_json::Value;

use crate::value::Get;

/// The type of a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Type<'a> {
    /// Anything, or not known.
    Any,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Bytes,
    Time,
    Duration,
    List(Box<Type<'a>>),
    Map(Box<Type<'a>>, Box<Type<'a>>),
    /// The metadata of a resource: of it rules see only the names.
    Meta,
    /// An object by its schema; true for the top of a resource.
    Object(&'a Value, bool),
}

use Type::{Any, Bool, Bytes, Double, Duration, Int, List, Map, Meta, Null, Object, Text, Time, Uint};

/// The type that a schema describes; `root` for the top of a resource. `None`: rules do not see it at all.
pub(super) fn of_schema(schema: &Value, root: bool) -> Option<Type<'_>> {
    if schema["x-kubernetes-int-or-string"] == true {
        return Some(Any);
    }
    Some(match schema.text(&["type"]) {
        "boolean" => Bool,
        "integer" => Int,
        "number" => Double,
        "string" => match schema.text(&["format"]) {
            "byte" => Bytes,
            "duration" => Duration,
            "date" | "date-time" => Time,
            _ => Text,
        },
        "array" => List(Box::new(of_schema(&schema["items"], false)?)),
        "object" => match schema.get("additionalProperties") {
            Some(inner @ Value::Object(_)) => Map(Box::new(Text), Box::new(of_schema(inner, false)?)),
            _ => Object(schema, root || schema["x-kubernetes-embedded-resource"] == true),
        },
        _ if root => Object(schema, true),
        _ => return None,
    })
}

/// The type as the compiler names it; `None` for names that differ from run to run.
pub(super) fn name(ty: &Type<'_>) -> Option<String> {
    Some(match ty {
        Any => "dyn".into(),
        Null => "null".into(),
        Bool => "bool".into(),
        Int => "int".into(),
        Uint => "uint".into(),
        Double => "double".into(),
        Text => "string".into(),
        Bytes => "bytes".into(),
        Time => "timestamp".into(),
        Duration => "duration".into(),
        List(item) => format!("list({})", name(item)?),
        Map(key, value) => format!("map({}, {})", name(key)?, name(value)?),
        // Their names differ from run to run.
        Object(..) | Meta => "object".into(),
    })
}

/// True if some type might be both.
pub(super) fn fits(a: &Type<'_>, b: &Type<'_>) -> bool {
    match (a, b) {
        (Any, _) | (_, Any) => true,
        (List(a), List(b)) => fits(a, b),
        (Map(ka, va), Map(kb, vb)) => fits(ka, kb) && fits(va, vb),
        (Object(..), Object(..) | Null) | (Null, Object(..)) => true,
        // Times and durations may be null as messages are.
        (Time | Duration, Null) | (Null, Time | Duration) => true,
        _ => a == b,
    }
}

/// True for the types of numbers.
pub(super) fn is_number(ty: &Type<'_>) -> bool {
    matches!(ty, Int | Uint | Double)
}
