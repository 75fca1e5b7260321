//! Strategic merge patches: merges that know the merge keys of lists.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use crate::ownership::check::go_print;
use crate::schema::{Field, Node, Shape};
use crate::status::{Result, Status};
use crate::value::Get;

const PATCH: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const ORDER: &str = "$setElementOrder/";
const DELETE: &str = "$deleteFromPrimitiveList/";

type Object = Map<String, Value>;

/// The object with a patch applied.
pub(crate) fn apply(node: &Node, live: &Value, patch: &Value) -> Result<Value> {
    let Value::Object(patch) = patch else {
        let found = if patch.is_array() { "array" } else { "string" };
        return Err(Status::bad_request(format!(
            "json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"
        )));
    };
    let original = live.as_object().cloned().unwrap_or_default();
    Ok(Value::Object(merge_map(Some(node), original, patch)?))
}

fn server_error(text: String) -> Status {
    Status::unclassified(text)
}

fn field<'a>(node: Option<&'a Node>, key: &str) -> Option<&'a Field> {
    node?.fields()?.fields.get(key)
}

fn child<'a>(node: Option<&'a Node>, key: &str) -> Option<&'a Node> {
    let node = node?;
    match &node.shape {
        Shape::Struct(ty) => ty.get().child(key),
        Shape::Map(item) => Some(item),
        _ => None,
    }
}

fn merge_map(node: Option<&Node>, mut original: Object, patch: &Object) -> Result<Object> {
    if let Some(directive) = patch.get(PATCH) {
        return match directive.as_str() {
            Some("replace") => {
                let mut new = patch.clone();
                new.remove(PATCH);
                Ok(new)
            }
            Some("delete") => Ok(Object::new()),
            Some("merge") => {
                let mut rest = patch.clone();
                rest.remove(PATCH);
                merge_map(node, original, &rest)
            }
            _ => {
                let text = go_print(&Value::Object(patch.clone()));
                Err(server_error(format!("unknown patch type: {} in map: {text}", go_print(directive))))
            }
        };
    }
    if let Some(retain) = patch.get(RETAIN) {
        retain_keys(&mut original, patch, retain)?;
    }
    for (key, change) in patch {
        if key == RETAIN || key.starts_with(ORDER) {
            continue;
        }
        if let Some(target) = key.strip_prefix(DELETE) {
            let gone = change.as_array().cloned().unwrap_or_default();
            if let Some(Value::Array(items)) = original.get_mut(target) {
                let gone: HashSet<String> = gone.iter().map(Value::to_string).collect();
                items.retain(|item| !gone.contains(&item.to_string()));
            }
            continue;
        }
        if change.is_null() {
            original.remove(key);
            continue;
        }
        let order = patch.get(&format!("{ORDER}{key}"));
        match (original.remove(key), change) {
            (Some(Value::Object(old)), Value::Object(change)) => {
                let merged = merge_map(child(node, key), old, change)?;
                original.insert(key.clone(), Value::Object(merged));
            }
            (Some(Value::Array(old)), Value::Array(change)) => {
                let merged = merge_list(node, key, old, Some(change), order)?;
                original.insert(key.clone(), Value::Array(merged));
            }
            (_, change) => {
                original.insert(key.clone(), without_directives(change));
            }
        }
    }
    for (key, order) in patch {
        let Some(target) = key.strip_prefix(ORDER) else { continue };
        if patch.contains_key(target) {
            continue;
        }
        if let Some(Value::Array(old)) = original.get(target).cloned() {
            let merged = merge_list(node, target, old, None, Some(order))?;
            original.insert(target.into(), Value::Array(merged));
        }
    }
    Ok(original)
}

fn retain_keys(original: &mut Object, patch: &Object, retain: &Value) -> Result<()> {
    let bad = || Status::bad_request("invalid patch format of retainKeys");
    let keys: Vec<&str> = retain.as_array().ok_or_else(bad)?.iter().filter_map(Value::as_str).collect();
    for (key, value) in patch {
        if key.starts_with('$') || value.is_null() {
            continue;
        }
        if !keys.contains(&key.as_str()) {
            return Err(bad());
        }
    }
    original.retain(|key, _| keys.contains(&key.as_str()));
    Ok(())
}

/// New values lose their directives and nulls.
fn without_directives(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .filter(|(key, value)| {
                    let directive =
                        *key == PATCH || *key == RETAIN || key.starts_with(ORDER) || key.starts_with(DELETE);
                    !directive && !value.is_null()
                })
                .map(|(key, value)| (key.clone(), without_directives(value)))
                .collect(),
        ),
        Value::Array(items) => {
            let kept = items.iter().filter(|i| i.get(PATCH).is_none_or(|p| p != "delete" && p != "replace"));
            Value::Array(kept.map(without_directives).collect())
        }
        plain => plain.clone(),
    }
}

fn merge_list(
    node: Option<&Node>,
    key: &str,
    original: Vec<Value>,
    patch: Option<&Vec<Value>>,
    order: Option<&Value>,
) -> Result<Vec<Value>> {
    let empty = Vec::new();
    let patch = patch.unwrap_or(&empty);
    let Some(merge_key) = field(node, key).and_then(|f| f.merge.as_deref()) else {
        return Ok(patch.iter().map(without_directives).collect());
    };
    let item_node = field(node, key).and_then(|f| match &f.node.shape {
        Shape::List(item) => Some(&**item),
        _ => None,
    });
    if merge_key.is_empty() {
        let mut known: HashSet<String> = original.iter().map(Value::to_string).collect();
        let mut merged = original.clone();
        merged.extend(patch.iter().filter(|item| known.insert(item.to_string())).cloned());
        let wanted = ordered(patch, order, "")?;
        return Ok(arrange(merged, &wanted, &original, ""));
    }
    if patch.iter().any(|item| item.text(&[PATCH]) == "replace") {
        return Ok(patch.iter().filter(|i| i.get(PATCH).is_none()).map(without_directives).collect());
    }
    let mut merged = original.clone();
    let (mut plain, mut gone) = (Vec::new(), HashSet::new());
    for item in patch {
        let Some(id) = item.get(merge_key) else {
            let text = go_print(item);
            return Err(server_error(format!(
                "map: {text} does not contain declared merge key: {merge_key}"
            )));
        };
        match item.text(&[PATCH]) {
            "" | "merge" => plain.push((id.to_string(), item)),
            "delete" => {
                gone.insert(id.to_string());
            }
            other => {
                return Err(server_error(format!("unknown patch type: {other} in map: {}", go_print(item))));
            }
        }
    }
    merged.retain(|old| identity(old, merge_key).is_none_or(|id| !gone.contains(&id)));
    let mut places = places(&merged, merge_key);
    for (id, item) in &plain {
        match places.get(id) {
            Some(at) => {
                let before = merged[*at].as_object().cloned().unwrap_or_default();
                let change = item.as_object().cloned().unwrap_or_default();
                merged[*at] = Value::Object(merge_map(item_node, before, &change)?);
            }
            None => {
                places.insert(id.clone(), merged.len());
                merged.push(without_directives(item));
            }
        }
    }
    let items: Vec<Value> = plain.into_iter().map(|(_, item)| item.clone()).collect();
    let wanted = ordered(&items, order, merge_key)?;
    Ok(arrange(merged, &wanted, &original, merge_key))
}

/// The order that the patch wants, checked against the items it names.
fn ordered(patch: &[Value], order: Option<&Value>, merge_key: &str) -> Result<Vec<Value>> {
    let Some(order) = order else { return Ok(patch.to_vec()) };
    let list = order.as_array().cloned().unwrap_or_default();
    let mut at = 0;
    for item in patch {
        match list[at..].iter().position(|other| same(item, other, merge_key)) {
            Some(found) => at += found + 1,
            None => {
                return Err(server_error(format!(
                    "The order in patch list:\n{}\n doesn't match $setElementOrder list:\n{}\n",
                    go_print(&Value::Array(patch.to_vec())),
                    go_print(&Value::Array(list))
                )));
            }
        }
    }
    Ok(list)
}

fn same(a: &Value, b: &Value, merge_key: &str) -> bool {
    if merge_key.is_empty() {
        a == b
    } else {
        a.get(merge_key) == b.get(merge_key) && a.get(merge_key).is_some()
    }
}

/// What tells an item of a list from the others; `None` for one without the key.
fn identity(item: &Value, merge_key: &str) -> Option<String> {
    if merge_key.is_empty() { Some(item.to_string()) } else { item.get(merge_key).map(Value::to_string) }
}

/// Where items are first.
fn places(list: &[Value], merge_key: &str) -> HashMap<String, usize> {
    let found = list.iter().enumerate().rev();
    found.filter_map(|(at, item)| Some((identity(item, merge_key)?, at))).collect()
}

/// Items of the patch in its order, the others in the server's; new ones come before the server's.
fn arrange(merged: Vec<Value>, wanted: &[Value], server: &[Value], merge_key: &str) -> Vec<Value> {
    let (wanted, server) = (places(wanted, merge_key), places(server, merge_key));
    let place = |list: &HashMap<String, usize>, item: &Value| list.get(&identity(item, merge_key)?).copied();
    let (mut right, mut left): (Vec<Value>, Vec<Value>) =
        merged.into_iter().partition(|item| place(&wanted, item).is_some());
    right.sort_by_cached_key(|item| place(&wanted, item));
    left.sort_by_cached_key(|item| place(&server, item));
    let mut out = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(l), Some(r)) = (left.peek(), right.peek()) {
        let server_first = match (place(&server, l), place(&server, r)) {
            (Some(a), Some(b)) => a < b,
            _ => false,
        };
        out.extend(if server_first { left.next() } else { right.next() });
    }
    out.extend(left);
    out.extend(right);
    out
}
