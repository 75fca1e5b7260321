//! Lists. Each function comes twice in Sprig, plain and with `must`; both end the rendering on errors.

use std::rc::Rc;

use super::casts::{is_empty, to_int, to_text, to_texts};
use super::{Function, Ty, deep, fault, fixed, int, nil_dereference, text, variadic};
use crate::gotemplate::exec::{Engine, Fault};
use crate::value::{ListKind, Value, deep_equal};

use Ty::{Any, Int, Str};

const PUSH: super::Call = |_, a| {
    let mut items = items_of(&a[0], "Cannot push on type")?.to_vec();
    items.push(a[1].clone());
    Ok(Value::list(items))
};
const PREPEND: super::Call = |_, a| {
    let mut items = vec![a[1].clone()];
    items.extend_from_slice(&items_of(&a[0], "Cannot prepend on type")?);
    Ok(Value::list(items))
};
const FIRST: super::Call =
    |_, a| Ok(items_of(&a[0], "Cannot find first on type")?.first().cloned().unwrap_or_default());
const LAST: super::Call =
    |_, a| Ok(items_of(&a[0], "Cannot find last on type")?.last().cloned().unwrap_or_default());
const REST: super::Call = |_, a| {
    let items = items_of(&a[0], "Cannot find rest on type")?;
    Ok(items.get(1..).map_or_else(nil_list, |rest| Value::list(rest.to_vec())))
};
const INITIAL: super::Call = |_, a| {
    let items = items_of(&a[0], "Cannot find initial on type")?;
    Ok(items.split_last().map_or_else(nil_list, |(_, rest)| Value::list(rest.to_vec())))
};
const REVERSE: super::Call = |_, a| {
    let mut items = items_of(&a[0], "Cannot find reverse on type")?.to_vec();
    items.reverse();
    Ok(Value::list(items))
};
const COMPACT: super::Call = |_, a| {
    let items = items_of(&a[0], "Cannot compact on type")?;
    Ok(Value::list(items.iter().filter(|item| !is_empty(item)).cloned().collect()))
};
const UNIQ: super::Call = |e, a| {
    let items = items_of(&a[0], "Cannot find uniq on type")?;
    let mut found: Vec<Value> = Vec::new();
    for item in items.iter() {
        e.step(found.len() as u64)?;
        if !found.iter().any(|known| deep_equal(known, item)) {
            found.push(item.clone());
        }
    }
    Ok(Value::list(found))
};
const WITHOUT: super::Call = |_, a| {
    let items = items_of(&a[0], "Cannot find without on type")?;
    let omit = &a[1..];
    Ok(Value::list(items.iter().filter(|item| !omit.iter().any(|o| deep_equal(o, item))).cloned().collect()))
};
const HAS: super::Call = |_, a| {
    if a[1].is_nil() {
        return Ok(Value::Bool(false));
    }
    let items = items_of(&a[1], "Cannot find has on type")?;
    Ok(Value::Bool(items.iter().any(|item| deep_equal(&a[0], item))))
};
const SLICE: super::Call = |_, a| slice(a);
const CHUNK: super::Call = |_, a| chunk(int(a, 0), &a[1]);

pub(super) static FUNCTIONS: &[Function] = &[
    variadic("list", &[], Any, |_, a| Ok(Value::list(a.to_vec()))),
    variadic("tuple", &[], Any, |_, a| Ok(Value::list(a.to_vec()))),
    fixed("append", &[Any, Any], PUSH),
    fixed("push", &[Any, Any], PUSH),
    fixed("mustAppend", &[Any, Any], PUSH),
    fixed("mustPush", &[Any, Any], PUSH),
    fixed("prepend", &[Any, Any], PREPEND),
    fixed("mustPrepend", &[Any, Any], PREPEND),
    fixed("first", &[Any], FIRST),
    fixed("mustFirst", &[Any], FIRST),
    fixed("last", &[Any], LAST),
    fixed("mustLast", &[Any], LAST),
    fixed("rest", &[Any], REST),
    fixed("mustRest", &[Any], REST),
    fixed("initial", &[Any], INITIAL),
    fixed("mustInitial", &[Any], INITIAL),
    fixed("reverse", &[Any], REVERSE),
    fixed("mustReverse", &[Any], REVERSE),
    fixed("compact", &[Any], COMPACT),
    fixed("mustCompact", &[Any], COMPACT),
    deep(fixed("uniq", &[Any], UNIQ)),
    deep(fixed("mustUniq", &[Any], UNIQ)),
    deep(variadic("without", &[Any], Any, WITHOUT)),
    deep(variadic("mustWithout", &[Any], Any, WITHOUT)),
    deep(fixed("has", &[Any, Any], HAS)),
    deep(fixed("mustHas", &[Any, Any], HAS)),
    variadic("slice", &[Any], Any, SLICE),
    variadic("mustSlice", &[Any], Any, SLICE),
    fixed("chunk", &[Int, Any], CHUNK),
    fixed("mustChunk", &[Int, Any], CHUNK),
    variadic("concat", &[], Any, concat),
    fixed("join", &[Str, Any], |e, a| {
        let texts = to_texts(&a[1]);
        let parts: Vec<&str> = texts.iter().filter_map(Value::as_str).collect();
        let size = parts.iter().map(|p| p.len()).sum::<usize>() + parts.len() * text(a, 0).len();
        e.check_size(size)?;
        Ok(Value::str(parts.join(text(a, 0))))
    }),
    fixed("sortAlpha", &[Any], |_, a| {
        if a[0].items().is_none() {
            return Ok(Value::strings([to_text(&a[0])]));
        }
        let mut texts = to_texts(&a[0]);
        texts.sort_by(|x, y| x.as_str().cmp(&y.as_str()));
        Ok(Value::List(ListKind::String, Rc::new(texts)))
    }),
    fixed("toStrings", &[Any], |_, a| Ok(Value::List(ListKind::String, Rc::new(to_texts(&a[0]))))),
];

fn nil_list() -> Value {
    Value::List(ListKind::NilAny, Rc::new(Vec::new()))
}

fn items_of(value: &Value, refusal: &str) -> Result<Rc<Vec<Value>>, Fault> {
    match value.items() {
        Some(items) => Ok(items),
        None if value.is_nil() => nil_dereference(),
        None => fault(format!("{refusal} {}", value.kind_name())),
    }
}

fn slice(args: &[Value]) -> Result<Value, Fault> {
    let items = items_of(&args[0], "list should be type of slice or array but")?;
    if items.is_empty() {
        return Ok(Value::Nil);
    }
    let start = args.get(1).map_or(0, to_int);
    let end = args.get(2).map_or(items.len() as i64, to_int);
    let bounds = (usize::try_from(start), usize::try_from(end));
    match bounds {
        (Ok(start), Ok(end)) if start <= end && end <= items.len() => {
            let part = items[start..end].to_vec();
            Ok(match &args[0] {
                Value::List(kind, _) => Value::List(*kind, Rc::new(part)),
                Value::Bytes(bytes) => Value::Bytes(Rc::from(&bytes[start..end])),
                _ => Value::list(part),
            })
        }
        _ => fault("reflect.Value.Slice: slice index out of bounds"),
    }
}

fn chunk(size: i64, list: &Value) -> Result<Value, Fault> {
    let items = items_of(list, "Cannot chunk type")?;
    // Sprig counts the chunks before it makes them, and no chunk is fine whatever the size.
    if ((items.len() as f64 - 1.0) / size as f64).floor() == -1.0 {
        return Ok(Value::List(ListKind::Lists, Rc::new(Vec::new())));
    }
    let size = match usize::try_from(size) {
        Ok(size) if size > 0 => size,
        _ => return fault("runtime error: makeslice: len out of range"),
    };
    let chunks = items.chunks(size).map(|part| Value::list(part.to_vec())).collect();
    Ok(Value::List(ListKind::Lists, Rc::new(chunks)))
}

fn concat(engine: &mut Engine<'_>, args: &[Value]) -> Result<Value, Fault> {
    let mut all = Vec::new();
    for arg in args {
        match arg.items() {
            Some(items) => all.extend_from_slice(&items),
            None if arg.is_nil() => return nil_dereference(),
            None => return fault(format!("Cannot concat type {} as list", arg.kind_name())),
        }
        engine.step(all.len() as u64 / 16)?;
    }
    Ok(if all.is_empty() { nil_list() } else { Value::list(all) })
}
