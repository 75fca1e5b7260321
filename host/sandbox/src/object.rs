//! Reading the common parts of API objects that are kept as JSON values.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::clock;

/// Steps into a value by JSON pointers, without the copies that [`Value::pointer`] makes of each step.
pub trait Look {
    /// The value at a JSON pointer.
    fn look(&self, pointer: &str) -> Option<&Value>;
}

impl Look for Value {
    fn look(&self, pointer: &str) -> Option<&Value> {
        let Some(steps) = pointer.strip_prefix('/') else {
            return pointer.is_empty().then_some(self);
        };
        let mut at = self;
        for step in steps.split('/') {
            at = match at {
                Value::Object(map) if !step.contains('~') => map.get(step)?,
                Value::Object(map) => map.get(&step.replace("~1", "/").replace("~0", "~"))?,
                Value::Array(list) => list.get(step.parse::<usize>().ok()?)?,
                _ => return None,
            };
        }
        Some(at)
    }
}

/// A text at a JSON pointer, empty when it is not there.
pub fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.look(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A whole number at a JSON pointer.
pub fn number(value: &Value, pointer: &str) -> Option<i64> {
    value.look(pointer).and_then(Value::as_i64)
}

/// Whether `true` stands at a JSON pointer.
pub fn flag(value: &Value, pointer: &str) -> bool {
    value.look(pointer).and_then(Value::as_bool).unwrap_or_default()
}

/// The items of a list at a JSON pointer; none when it is not there.
pub fn items<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.look(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A map at a JSON pointer.
pub fn map<'a>(value: &'a Value, pointer: &str) -> Option<&'a Map<String, Value>> {
    value.look(pointer).and_then(Value::as_object)
}

/// A time at a JSON pointer.
pub fn time(value: &Value, pointer: &str) -> Option<Timestamp> {
    value.look(pointer).and_then(Value::as_str).and_then(clock::parse)
}

/// `metadata.name`.
pub fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

/// `metadata.namespace`.
pub fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

/// `metadata.uid`.
pub fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

/// `metadata.resourceVersion` as a number, which it is in every cluster we talk to.
pub fn version(object: &Value) -> u64 {
    text(object, "/metadata/resourceVersion").parse().unwrap_or_default()
}

/// `metadata.generation`, 0 for kinds without one.
pub fn generation(object: &Value) -> i64 {
    number(object, "/metadata/generation").unwrap_or_default()
}

/// Whether the object is being deleted.
pub fn is_terminating(object: &Value) -> bool {
    object.look("/metadata/deletionTimestamp").is_some_and(|time| !time.is_null())
}

/// The value of an annotation.
pub fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    map(object, "/metadata/annotations")?.get(key)?.as_str()
}

/// The value of a label.
pub fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    map(object, "/metadata/labels")?.get(key)?.as_str()
}

/// The owner reference that manages the object.
pub fn controller(object: &Value) -> Option<&Value> {
    items(object, "/metadata/ownerReferences").iter().find(|owner| flag(owner, "/controller"))
}

/// The condition of a type in `status.conditions`.
pub fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    items(object, "/status/conditions").iter().find(|condition| text(condition, "/type") == kind)
}

/// Whether the condition of a type has status `True`.
pub fn is_true(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|condition| text(condition, "/status") == "True")
}
