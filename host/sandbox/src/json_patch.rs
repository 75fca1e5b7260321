//! RFC 6902, with the refusals of a real server.

use serde_json::Value;

use crate::status::{Result, Status};
use crate::value::{Get, size};

/// More operations than this are refused.
const MOST: usize = 10_000;
/// How many bytes copies may add.
const COPIED: usize = 3 << 20;
/// Deepest place that may be written to, the levels of what is written included.
const DEPTH: usize = 512;

/// The document with all operations applied.
pub(crate) fn apply(document: &Value, operations: &Value) -> Result<Value> {
    let Some(list) = operations.as_array() else {
        let found = match operations {
            Value::Object(_) => "object",
            Value::String(_) => "string",
            Value::Number(_) => "number",
            Value::Bool(_) => "bool",
            _ => "null",
        };
        return Err(Status::bad_request(format!(
            "error decoding patch: json: cannot unmarshal {found} into Go value of type []handlers.jsonPatchOp"
        )));
    };
    if list.len() > MOST {
        return Err(Status::too_large(MOST));
    }
    let mut value = document.clone();
    let mut copied = 0;
    for operation in list {
        if operation.text(&["op"]) == "copy" {
            copied += find(&value, operation.text(&["from"])).map_or(0, size);
            if copied > COPIED {
                let text = format!(
                    "the accumulated size increase of copy is {copied}, exceeding the limit {COPIED}"
                );
                return Err(Status::too_large_because(&format!("Unable to complete the copy, {text}")));
            }
        }
        step(&mut value, operation)
            .ok_or_else(|| Status { details: Some(<_>::default()), ..Status::unprocessable() })?;
    }
    Ok(value)
}

fn step(document: &mut Value, operation: &Value) -> Option<()> {
    let path = operation.get("path")?.as_str()?;
    // Without a value null is meant.
    let value = || operation.get("value").cloned().unwrap_or(Value::Null);
    match operation.text(&["op"]) {
        "add" => add(document, path, value()),
        "remove" => take(document, path).map(|_| ()),
        // A real server sets absent keys of maps too.
        "replace" => replace(document, path, value()),
        "move" => {
            let moved = take(document, operation.get("from")?.as_str()?)?;
            add(document, path, moved)
        }
        "copy" => {
            let copied = find(document, operation.get("from")?.as_str()?).cloned().unwrap_or(Value::Null);
            add(document, path, copied)
        }
        "test" => {
            let wanted = operation.get("value").unwrap_or(&Value::Null);
            let found = find(document, path);
            (found == Some(wanted) || (found.is_none() && wanted.is_null())).then_some(())
        }
        _ => None,
    }
}

fn steps(path: &str) -> Option<Vec<String>> {
    if path.is_empty() {
        return Some(Vec::new());
    }
    let rest = path.strip_prefix('/')?;
    Some(rest.split('/').map(|s| s.replace("~1", "/").replace("~0", "~")).collect())
}

fn index(text: &str, length: usize) -> Option<usize> {
    text.parse::<usize>().ok().filter(|i| *i < length)
}

fn find<'a>(document: &'a Value, path: &str) -> Option<&'a Value> {
    steps(path)?.iter().try_fold(document, |here, step| match here {
        Value::Object(map) => map.get(step),
        Value::Array(items) => items.get(index(step, items.len())?),
        _ => None,
    })
}

fn parent<'a>(document: &'a mut Value, path: &str) -> Option<(&'a mut Value, String)> {
    let mut steps = steps(path)?;
    let last = steps.pop()?;
    let mut here = document;
    for step in steps {
        here = match here {
            Value::Object(map) => map.get_mut(&step)?,
            Value::Array(items) => {
                let i = index(&step, items.len())?;
                &mut items[i]
            }
            _ => return None,
        };
    }
    Some((here, last))
}

/// How many levels a value has.
fn levels(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(levels).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(levels).max().unwrap_or(0),
        _ => 0,
    }
}

fn add(document: &mut Value, path: &str, value: Value) -> Option<()> {
    if path.matches('/').count() + levels(&value) > DEPTH {
        return None;
    }
    if path.is_empty() {
        *document = value;
        return Some(());
    }
    match parent(document, path)? {
        (Value::Object(map), key) => {
            map.insert(key, value);
        }
        (Value::Array(items), key) => {
            let at = if key == "-" { items.len() } else { index(&key, items.len() + 1)? };
            items.insert(at, value);
        }
        _ => return None,
    }
    Some(())
}

fn replace(document: &mut Value, path: &str, value: Value) -> Option<()> {
    if path.is_empty() {
        *document = value;
        return Some(());
    }
    match parent(document, path)? {
        (Value::Object(map), key) => {
            map.insert(key, value);
        }
        (Value::Array(items), key) => {
            let i = index(&key, items.len())?;
            items[i] = value;
        }
        _ => return None,
    }
    Some(())
}

fn take(document: &mut Value, path: &str) -> Option<Value> {
    match parent(document, path)? {
        (Value::Object(map), key) => map.remove(&key),
        (Value::Array(items), key) => {
            let i = index(&key, items.len())?;
            Some(items.remove(i))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::apply;

    #[test]
    fn copies_are_bounded() {
        let copies = |from: &str, to: fn(usize) -> String, times: usize| -> Vec<Value> {
            (0..times).map(|i| json!({"op": "copy", "from": from, "path": to(i)})).collect()
        };
        let document = json!({"a": {"text": "x".repeat(1_000)}});
        let fine = apply(&document, &copies("/a", |i| format!("/b{i}"), 100).into()).unwrap();
        assert_eq!(fine["b99"], document["a"]);
        let doubling = apply(&document, &copies("/a", |i| format!("/a/b{i}"), 60).into()).unwrap_err();
        assert_eq!((doubling.code, doubling.reason), (413, "RequestEntityTooLarge"));
        assert!(doubling.message.contains("accumulated size increase of copy"), "{doubling}");
        let nesting: Vec<Value> = (0..16)
            .map(|i| json!({"op": "copy", "from": "/a", "path": "/a".repeat(1 << i) + "/a"}))
            .collect();
        assert_eq!(apply(&json!({"a": {}}), &nesting.into()).unwrap_err().code, 422);
    }
}
