//! Reading and writing JSON values without surprises.

use serde_json::{Map, Value};

/// Shorthand for reading nested values.
pub trait Get {
    /// The value under these keys.
    fn at(&self, path: &[&str]) -> Option<&Value>;
    /// The text under these keys, empty if absent.
    fn text(&self, path: &[&str]) -> &str;
    /// The number under these keys.
    fn int(&self, path: &[&str]) -> Option<i64>;
    /// The items under these keys, none if absent.
    fn items(&self, path: &[&str]) -> &[Value];
}

impl Get for Value {
    fn at(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(self, |value, key| value.get(key))
    }

    fn text(&self, path: &[&str]) -> &str {
        self.at(path).and_then(Value::as_str).unwrap_or_default()
    }

    fn int(&self, path: &[&str]) -> Option<i64> {
        self.at(path).and_then(Value::as_i64)
    }

    fn items(&self, path: &[&str]) -> &[Value] {
        self.at(path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}

/// The map under these keys, made if it is not there.
pub fn map_at<'a>(value: &'a mut Value, path: &[&str]) -> &'a mut Map<String, Value> {
    let mut here = value;
    for key in path {
        here = object(here).entry(*key).or_insert(Value::Null);
    }
    object(here)
}

/// The value as a map; anything else becomes an empty one.
pub fn object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("made one")
}

/// Sets a value under keys, making maps on the way.
pub fn set(value: &mut Value, path: &[&str], new: impl Into<Value>) {
    if let Some((last, before)) = path.split_last() {
        map_at(value, before).insert((*last).into(), new.into());
    }
}

/// Removes what lies under keys.
pub fn remove(value: &mut Value, path: &[&str]) -> Option<Value> {
    let (last, before) = path.split_last()?;
    let mut here = value;
    for key in before {
        here = here.get_mut(*key)?;
    }
    here.as_object_mut()?.remove(*last)
}

/// The items under keys, to be changed; `None` if there is no list.
pub fn items_mut<'a>(value: &'a mut Value, path: &[&str]) -> Option<&'a mut Vec<Value>> {
    let mut here = value;
    for key in path {
        here = here.get_mut(*key)?;
    }
    here.as_array_mut()
}

/// JSON with `kind` and `apiVersion` first, so that list items can leave them out without parsing.
pub fn serialize(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    if let Value::Object(map) = value {
        serialize_object(map, &mut out, true);
    } else {
        write(value, &mut out);
    }
    out
}

/// JSON of an object as an item of a list: without `kind` and `apiVersion`.
pub fn serialize_item(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    match value {
        Value::Object(map) => serialize_object(map, &mut out, false),
        other => write(other, &mut out),
    }
    out
}

fn serialize_object(map: &Map<String, Value>, out: &mut Vec<u8>, with_kind: bool) {
    out.push(b'{');
    let mut first = true;
    let mut put = |key: &str, value: &Value, out: &mut Vec<u8>| {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        write(&Value::String(key.into()), out);
        out.push(b':');
        write(value, out);
    };
    const HEAD: [&str; 2] = ["kind", "apiVersion"];
    if with_kind {
        for key in HEAD {
            if let Some(value) = map.get(key) {
                put(key, value, out);
            }
        }
    }
    for (key, value) in map {
        if !HEAD.contains(&key.as_str()) {
            put(key, value, out);
        }
    }
    out.push(b'}');
}

fn write(value: &Value, out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("a value is always JSON");
}

/// About how many bytes the text of a value has.
pub(crate) fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| size(item) + 1).sum::<usize>() + 1,
        Value::Object(map) => map.iter().map(|(key, value)| key.len() + size(value) + 4).sum::<usize>() + 1,
        _ => 4,
    }
}
