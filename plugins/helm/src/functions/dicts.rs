//! Maps. They are shared: `set` and `merge` change what everybody sees.

use std::rc::Rc;

use super::casts::to_text;
use super::{Function, Ty, deep, fault, fixed, map, text, variadic};
use crate::gotemplate::exec::Fault;
use crate::value::{Entries, ListKind, Map, MapKind, Value};

use Ty::{Any, Str};

/// Depth of maps that are merged or copied; a map that contains itself ends here.
const MAX_DEPTH: usize = 500;

const MERGE: super::Call = |_, a| merge_all(a, false);
const OVERWRITE: super::Call = |_, a| merge_all(a, true);
const DEEP_COPY: super::Call = |_, a| match &a[0] {
    Value::Nil => fault("reflect: call of reflect.Value.Type on zero Value"),
    value => deep_copy(value, 0),
};

pub(super) static FUNCTIONS: &[Function] = &[
    variadic("dict", &[], Any, |_, a| {
        let mut entries = Entries::new();
        for pair in a.chunks(2) {
            let key = match &pair[0] {
                Value::Str(key) => Rc::clone(key),
                other => Rc::from(to_text(other)),
            };
            entries.insert(key, pair.get(1).cloned().unwrap_or_else(|| Value::str("")));
        }
        Ok(Value::map(entries))
    }),
    fixed("get", &[Ty::Map, Str], |_, a| Ok(map(a, 0).get(text(a, 1)).unwrap_or_else(|| Value::str("")))),
    fixed("set", &[Ty::Map, Str, Any], |_, a| {
        if let Value::Map(MapKind::NilAny, _) = a[0] {
            return fault("assignment to entry in nil map");
        }
        if let Value::Str(key) = &a[1] {
            map(a, 0).borrow_mut().insert(Rc::clone(key), a[2].clone());
        }
        Ok(plain_map(&a[0]))
    }),
    fixed("unset", &[Ty::Map, Str], |_, a| {
        map(a, 0).borrow_mut().remove(text(a, 1));
        Ok(plain_map(&a[0]))
    }),
    fixed("hasKey", &[Ty::Map, Str], |_, a| Ok(Value::Bool(map(a, 0).borrow().contains_key(text(a, 1))))),
    variadic("pluck", &[Str], Ty::Map, |_, a| {
        Ok(Value::list((1..a.len()).filter_map(|i| map(a, i).get(text(a, 0))).collect()))
    }),
    variadic("keys", &[], Ty::Map, |_, a| {
        let mut keys = Vec::new();
        for i in 0..a.len() {
            keys.extend(map(a, i).borrow().keys().map(|key| Value::Str(Rc::clone(key))));
        }
        Ok(Value::List(ListKind::String, Rc::new(keys)))
    }),
    fixed("values", &[Ty::Map], |_, a| Ok(Value::list(map(a, 0).borrow().values().cloned().collect()))),
    variadic("pick", &[Ty::Map], Str, |_, a| {
        let source = map(a, 0);
        let source = source.borrow();
        let wanted = a[1..].iter().filter_map(Value::as_str);
        Ok(Value::map(
            wanted
                .filter_map(|key| source.get_key_value(key))
                .map(|(k, v)| (Rc::clone(k), v.clone()))
                .collect(),
        ))
    }),
    variadic("omit", &[Ty::Map], Str, |_, a| {
        let source = map(a, 0);
        let source = source.borrow();
        let omitted = |key: &str| a[1..].iter().any(|o| o.as_str() == Some(key));
        Ok(Value::map(
            source.iter().filter(|(k, _)| !omitted(k)).map(|(k, v)| (Rc::clone(k), v.clone())).collect(),
        ))
    }),
    deep(variadic("merge", &[Ty::Map], Ty::Map, MERGE)),
    deep(variadic("mustMerge", &[Ty::Map], Ty::Map, MERGE)),
    deep(variadic("mergeOverwrite", &[Ty::Map], Ty::Map, OVERWRITE)),
    deep(variadic("mustMergeOverwrite", &[Ty::Map], Ty::Map, OVERWRITE)),
    deep(fixed("deepCopy", &[Any], DEEP_COPY)),
    deep(fixed("mustDeepCopy", &[Any], DEEP_COPY)),
    variadic("dig", &[], Any, |_, a| dig(a)),
];

/// The map with the type of a parameter.
fn plain_map(value: &Value) -> Value {
    match value {
        Value::Map(MapKind::Values, map) => Value::Map(MapKind::Any, Rc::clone(map)),
        other => other.clone(),
    }
}

fn merge_all(args: &[Value], overwrite: bool) -> Result<Value, Fault> {
    let target = match &args[0] {
        Value::Map(MapKind::NilAny, _) => Rc::new(Map::default()),
        _ => map(args, 0),
    };
    for i in 1..args.len() {
        merge(&target, &map(args, i), overwrite, 0)?;
    }
    Ok(Value::Map(MapKind::Any, target))
}

/// What mergo calls empty.
fn is_unset(value: &Value) -> bool {
    match value {
        Value::Object(_) => false,
        value => !value.is_true(),
    }
}

/// mergo's merge of maps: fills what is missing or empty, or overwrites. Nested maps are merged in place
/// and shared where they were missing.
fn merge(target: &Rc<Map>, source: &Rc<Map>, overwrite: bool, depth: usize) -> Result<(), Fault> {
    if Rc::ptr_eq(target, source) {
        return Ok(());
    }
    if depth > MAX_DEPTH {
        return fault(format!("maps are nested deeper than {MAX_DEPTH}"));
    }
    let entries: Vec<(Rc<str>, Value)> =
        source.borrow().iter().map(|(k, v)| (Rc::clone(k), v.clone())).collect();
    for (key, from) in entries {
        let old = target.get(&key);
        match (&old, &from) {
            (_, Value::Nil) => {
                if overwrite {
                    target.insert(key, Value::Nil);
                }
                continue;
            }
            (Some(Value::Map(_, below)), Value::Map(_, from)) => {
                merge(below, from, overwrite, depth + 1)?;
                if !below.borrow().is_empty() {
                    continue;
                }
            }
            _ => {}
        }
        if overwrite || old.as_ref().is_none_or(is_unset) {
            target.insert(key, from);
        }
    }
    Ok(())
}

fn deep_copy(value: &Value, depth: usize) -> Result<Value, Fault> {
    if depth > MAX_DEPTH {
        return fault(format!("value is nested deeper than {MAX_DEPTH}"));
    }
    Ok(match value {
        Value::List(kind, items) => {
            let copies: Result<_, _> = items.iter().map(|item| deep_copy(item, depth + 1)).collect();
            Value::List(*kind, Rc::new(copies?))
        }
        Value::Map(kind, map) => {
            let mut entries = Entries::new();
            for (key, item) in map.borrow().iter() {
                entries.insert(Rc::clone(key), deep_copy(item, depth + 1)?);
            }
            Value::Map(*kind, Map::new(entries))
        }
        other => other.clone(),
    })
}

fn as_plain_map(value: &Value) -> Result<Rc<Map>, Fault> {
    match value {
        Value::Map(MapKind::Any | MapKind::NilAny, map) => Ok(Rc::clone(map)),
        Value::Nil => fault("interface conversion: interface {} is nil, not map[string]interface {}"),
        other => fault(format!(
            "interface conversion: interface {{}} is {}, not map[string]interface {{}}",
            other.type_name()
        )),
    }
}

fn dig(args: &[Value]) -> Result<Value, Fault> {
    let [keys @ .., default, last] = args else { return fault("dig needs at least three arguments") };
    if keys.is_empty() {
        return fault("dig needs at least three arguments");
    }
    let mut dict = as_plain_map(last)?;
    let mut names = Vec::with_capacity(keys.len());
    for key in keys {
        match key {
            Value::Str(name) => names.push(name),
            Value::Nil => return fault("interface conversion: interface {} is nil, not string"),
            other => {
                return fault(format!(
                    "interface conversion: interface {{}} is {}, not string",
                    other.type_name()
                ));
            }
        }
    }
    for (i, name) in names.iter().enumerate() {
        let Some(step) = dict.get(name) else { return Ok(default.clone()) };
        if i + 1 == names.len() {
            return Ok(step);
        }
        dict = as_plain_map(&step)?;
    }
    Ok(default.clone())
}
