//! Comparing, merging and pruning values by their schema.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::fields::{Set, Step, field};
use crate::schema::{ListKind, Node, Shape, Type};

/// What differs between two values.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Only in the new value.
    pub added: Set,
    /// In both, different.
    pub modified: Set,
    /// Only in the old value.
    pub removed: Set,
}

static ANY: Node = Node { shape: Shape::Any, atomic: None, list: ListKind::Atomic };

/// How a value is treated.
enum As<'a> {
    Leaf,
    Map(Children<'a>),
    List(&'a Node, &'a ListKind),
}

#[derive(Clone, Copy)]
enum Children<'a> {
    Struct(&'a Type),
    Same(&'a Node),
}

impl<'a> Children<'a> {
    fn get(self, key: &str) -> &'a Node {
        match self {
            Children::Struct(ty) => ty.child(key).unwrap_or(&ANY),
            Children::Same(node) => node,
        }
    }

    fn declares(self, key: &str) -> bool {
        matches!(self, Children::Struct(ty) if ty.fields.contains_key(key))
    }
}

fn kind<'a>(node: &'a Node, value: Option<&Value>) -> As<'a> {
    if node.is_atomic_map() {
        return As::Leaf;
    }
    match &node.shape {
        Shape::Struct(ty) => As::Map(Children::Struct(ty.get())),
        Shape::Map(item) => As::Map(Children::Same(item)),
        Shape::List(item) if node.list != ListKind::Atomic => As::List(item, &node.list),
        Shape::Any if value.is_none_or(|v| v.is_object() || v.is_null()) => As::Map(Children::Same(&ANY)),
        _ => As::Leaf,
    }
}

fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        _ => false,
    }
}

fn fits(kind: &As<'_>, value: Option<&Value>) -> bool {
    match (kind, value) {
        (_, None | Some(Value::Null)) => true,
        (As::Map(_), Some(value)) => value.is_object(),
        (As::List(..), Some(value)) => value.is_array(),
        (As::Leaf, _) => true,
    }
}

/// The step that tells an item of an associative list from the others.
pub fn item_step(item: &Node, list: &ListKind, value: &Value) -> Result<Step, String> {
    let ListKind::Map(keys) = list else {
        return match value {
            Value::Object(_) => Err("associative list without keys has an element that's a map type".into()),
            Value::Array(_) => Err("not supported: associative list with lists as elements".into()),
            Value::Null => Err("associative list without keys has an element that's an explicit null".into()),
            plain => Ok(format!("v:{plain}").into()),
        };
    };
    let map = match value {
        Value::Object(map) => map,
        Value::Null => return Err("associative list with keys may not have a null element".into()),
        _ => return Err("associative list with keys may not have non-map elements".into()),
    };
    let mut found = Map::new();
    for key in keys {
        let default = || item.fields()?.fields.get(key)?.key_default();
        if let Some(value) = map.get(&**key).cloned().or_else(default) {
            found.insert(key.to_string(), value);
        }
    }
    if found.is_empty() {
        let names: Vec<String> = keys.iter().map(|k| format!("{k:?}")).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] (and doesn't have default \
             values for any key fields)",
            names.join(" ")
        ));
    }
    if keys.len() > 1 {
        let mut sorted: Vec<(String, Value)> = found.into_iter().collect();
        sorted.sort_by(|a, b| a.0.cmp(&b.0));
        found = sorted.into_iter().collect();
    }
    Ok(format!("k:{}", Value::Object(found)).into())
}

fn items<'v>(item: &Node, list: &ListKind, value: Option<&'v Value>) -> Vec<(Step, &'v Value)> {
    let values = value.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    values.iter().filter_map(|v| Some((item_step(item, list, v).ok()?, v))).collect()
}

/// Compares two values.
pub fn compare(node: &Node, old: &Value, new: &Value) -> Comparison {
    let mut out = Comparison::default();
    compare_at(node, Some(old), Some(new), &mut Vec::new(), &mut out);
    out
}

fn compare_at(
    node: &Node,
    old: Option<&Value>,
    new: Option<&Value>,
    path: &mut Vec<Step>,
    out: &mut Comparison,
) {
    let how = kind(node, new.filter(|v| !v.is_null()).or(old));
    let leaf =
        matches!(how, As::Leaf) || (is_empty(old) && is_empty(new)) || !fits(&how, old) || !fits(&how, new);
    if leaf {
        match (old, new) {
            (None, _) => out.added.insert(path),
            (_, None) => out.removed.insert(path),
            (Some(a), Some(b)) if a != b => out.modified.insert(path),
            _ => {}
        }
        return;
    }
    match how {
        As::Map(children) => {
            let a = old.and_then(Value::as_object);
            let b = new.and_then(Value::as_object);
            for (key, value) in a.into_iter().flatten() {
                path.push(field(key));
                compare_at(children.get(key), Some(value), b.and_then(|m| m.get(key)), path, out);
                path.pop();
            }
            for (key, value) in b.into_iter().flatten().filter(|(k, _)| a.is_none_or(|m| !m.contains_key(*k)))
            {
                path.push(field(key));
                compare_at(children.get(key), None, Some(value), path, out);
                path.pop();
            }
        }
        As::List(item, list) => compare_lists(item, list, old, new, path, out),
        As::Leaf => {}
    }
    if old.is_none() {
        out.added.insert(path);
    } else if new.is_none() {
        out.removed.insert(path);
    }
}

fn compare_lists(
    item: &Node,
    list: &ListKind,
    old: Option<&Value>,
    new: Option<&Value>,
    path: &mut Vec<Step>,
    out: &mut Comparison,
) {
    let a = items(item, list, old);
    let b = items(item, list, new);
    let mut order: Vec<&Step> = Vec::new();
    let mut both: HashMap<&Step, [Vec<&Value>; 2]> = HashMap::new();
    for (side, (step, value)) in a.iter().map(|item| (0, item)).chain(b.iter().map(|item| (1, item))) {
        let sides = both.entry(step).or_insert_with(|| {
            order.push(step);
            [Vec::new(), Vec::new()]
        });
        sides[side].push(value);
    }
    for step in order {
        let [left, right] = both.remove(step).unwrap_or_default();
        path.push(step.clone());
        match (left.len(), right.len()) {
            (0 | 1, 0 | 1) => compare_at(item, left.first().copied(), right.first().copied(), path, out),
            (2.., 2..) if left != right => out.modified.insert(path),
            (2.., 2..) => {}
            (2.., _) => {
                if let Some(value) = right.first() {
                    compare_at(item, None, Some(value), path, out);
                }
                out.removed.insert(path);
            }
            (_, _) => {
                if let Some(value) = left.first() {
                    compare_at(item, Some(value), None, path, out);
                }
                out.added.insert(path);
            }
        }
        path.pop();
    }
}

/// All fields of a value.
pub fn field_set(node: &Node, value: &Value) -> Set {
    let mut set = Set::default();
    collect(node, value, &mut Vec::new(), &mut set);
    set
}

fn collect(node: &Node, value: &Value, path: &mut Vec<Step>, set: &mut Set) {
    match (kind(node, Some(value)), value) {
        (As::Map(children), Value::Object(map)) => {
            for (key, value) in map {
                path.push(field(key));
                collect(children.get(key), value, path, set);
                let empty_map = value.is_null() || value.as_object().is_some_and(Map::is_empty);
                if empty_map || !children.declares(key) {
                    set.insert(path);
                }
                path.pop();
            }
        }
        (As::List(item, list), Value::Array(values)) => {
            let steps: Vec<Option<Step>> = values.iter().map(|v| item_step(item, list, v).ok()).collect();
            let mut times: HashMap<&Step, usize> = HashMap::new();
            for step in steps.iter().flatten() {
                *times.entry(step).or_default() += 1;
            }
            for (step, value) in steps.iter().zip(values) {
                let Some(step) = step else { continue };
                path.push(step.clone());
                if times[step] < 2 {
                    collect(item, value, path, set);
                }
                set.insert(path);
                path.pop();
            }
        }
        (As::Map(_) | As::List(..), _) => {}
        (As::Leaf, _) => set.insert(path),
    }
}

/// Merges an applied value into a live one.
pub fn merge(node: &Node, live: &Value, applied: &Value) -> Value {
    merge_at(node, Some(live), Some(applied)).unwrap_or(Value::Null)
}

fn merge_at(node: &Node, live: Option<&Value>, applied: Option<&Value>) -> Option<Value> {
    let how = kind(node, applied.filter(|v| !v.is_null()).or(live));
    let both_empty = is_empty(live) && is_empty(applied);
    if matches!(how, As::Leaf) || both_empty || !fits(&how, live) || !fits(&how, applied) {
        return applied.or(live).cloned();
    }
    match how {
        As::Map(children) => {
            let a = live.and_then(Value::as_object);
            let b = applied.and_then(Value::as_object);
            let mut out = Map::new();
            for (key, value) in a.into_iter().flatten() {
                let merged = merge_at(children.get(key), Some(value), b.and_then(|m| m.get(key)));
                out.extend(merged.map(|v| (key.clone(), v)));
            }
            for (key, value) in b.into_iter().flatten().filter(|(k, _)| a.is_none_or(|m| !m.contains_key(*k)))
            {
                let merged = merge_at(children.get(key), None, Some(value));
                out.extend(merged.map(|v| (key.clone(), v)));
            }
            (!out.is_empty()).then_some(Value::Object(out))
        }
        As::List(item, list) => merge_lists(item, list, live, applied),
        As::Leaf => None,
    }
}

/// The first item of each step.
fn first_of<'v, 's>(items: &'s [(Step, &'v Value)]) -> HashMap<&'s Step, &'v Value> {
    items.iter().rev().map(|(step, value)| (step, *value)).collect()
}

/// Items of the live list stay before the next shared one; among shared ones the applied order wins.
fn merge_lists(item: &Node, list: &ListKind, live: Option<&Value>, applied: Option<&Value>) -> Option<Value> {
    let left = items(item, list, live);
    let right = items(item, list, applied);
    let (of_left, of_right) = (first_of(&left), first_of(&right));
    let in_right = |step: &Step| of_right.contains_key(step);
    let mut shared = right.iter().map(|(s, _)| s).filter(|s| of_left.contains_key(s));
    let mut next_shared = shared.next();
    let mut merged: HashSet<&Step> = HashSet::new();
    let mut out = Vec::new();
    let mut push = |live: Option<&Value>, applied: Option<&Value>| {
        out.extend(merge_at(item, live, applied));
    };
    let (mut l, mut r) = (0, 0);
    while l < left.len() || r < right.len() {
        if l < left.len() && r < right.len() {
            let step = &left[l].0;
            if *step == right[r].0 {
                merged.insert(step);
                push(of_left.get(step).copied(), of_right.get(step).copied());
                l += 1;
                r += 1;
                next_shared = shared.next();
                continue;
            }
            if in_right(step) && next_shared.is_some_and(|next| next != step) {
                l += 1;
                continue;
            }
        }
        if l < left.len() {
            let step = &left[l].0;
            if !in_right(step) {
                push(Some(left[l].1), None);
                l += 1;
                continue;
            }
            if merged.contains(step) {
                l += 1;
            }
        }
        if r < right.len() {
            let step = &right[r].0;
            merged.insert(step);
            push(of_left.get(step).copied(), of_right.get(step).copied());
            r += 1;
            if next_shared == Some(step) {
                next_shared = shared.next();
            }
        }
    }
    (!out.is_empty()).then_some(Value::Array(out))
}

/// The value without the members of a set.
pub fn remove_items(node: &Node, value: &Value, set: &Set) -> Value {
    match (kind(node, Some(value)), value) {
        (As::Map(children), Value::Object(map)) => {
            let mut out = Map::new();
            for (key, value) in map {
                let step = field(key);
                if set.has_step(&step) {
                    continue;
                }
                let value = match set.below(&step) {
                    Some(below) => remove_items(children.get(key), value, below),
                    None => value.clone(),
                };
                out.insert(key.clone(), value);
            }
            if out.is_empty() { Value::Null } else { Value::Object(out) }
        }
        (As::List(item, list), Value::Array(values)) => {
            let mut out = Vec::new();
            for value in values {
                let Ok(step) = item_step(item, list, value) else { continue };
                if set.has_step(&step) {
                    continue;
                }
                out.push(match set.below(&step) {
                    Some(below) => remove_items(item, value, below),
                    None => value.clone(),
                });
            }
            if out.is_empty() { Value::Null } else { Value::Array(out) }
        }
        // As in Go: an atomic or empty value below which something is removed vanishes.
        (As::Map(_) | As::List(..), _) => Value::Null,
        (As::Leaf, Value::Object(_) | Value::Array(_)) => Value::Null,
        (As::Leaf, plain) => plain.clone(),
    }
}
