//! Go's own functions.

use std::cmp::Ordering;
use std::rc::Rc;

use super::{Function, Special, Ty, deep, fault, fixed, text, variadic};
use crate::golang::bytes::{stray, to_bytes};
use crate::golang::printf::{sprint, sprintf, sprintln};
use crate::gotemplate::exec::Fault;
use crate::value::{IntKind, ListKind, MapKind, Object, Value, deep_equal};

use Ty::{Any, Str};

pub(super) static FUNCTIONS: &[Function] = &[
    Function { special: Special::And, ..variadic("and", &[Any], Any, |_, a| Ok(a[0].clone())) },
    Function { special: Special::Or, ..variadic("or", &[Any], Any, |_, a| Ok(a[0].clone())) },
    fixed("not", &[Any], |_, a| Ok(Value::Bool(!a[0].is_true()))),
    deep(variadic("eq", &[Any], Any, |_, a| Ok(Value::Bool(equal(a)?)))),
    deep(fixed("ne", &[Any, Any], |_, a| Ok(Value::Bool(!equal(a)?)))),
    fixed("lt", &[Any, Any], |_, a| Ok(Value::Bool(less(&a[0], &a[1])?))),
    fixed("le", &[Any, Any], |_, a| Ok(Value::Bool(less_or_equal(a)?))),
    fixed("gt", &[Any, Any], |_, a| Ok(Value::Bool(!less_or_equal(a)?))),
    fixed("ge", &[Any, Any], |_, a| Ok(Value::Bool(!less(&a[0], &a[1])?))),
    variadic("index", &[Any], Any, |_, a| index(a)),
    Function { special: Special::Length, ..fixed("len", &[Any], |_, a| length(&a[0])) },
    variadic("print", &[], Any, |e, a| {
        let out = sprint(a);
        e.check_size(out.len())?;
        Ok(Value::str(out))
    }),
    variadic("println", &[], Any, |_, a| Ok(Value::str(sprintln(a)))),
    variadic("printf", &[Str], Any, |e, a| {
        let out = sprintf(text(a, 0), &a[1..]);
        e.check_size(out.len())?;
        Ok(Value::str(out))
    }),
    variadic("html", &[], Any, |_, a| Ok(Value::str(html(&shown(a))))),
    variadic("js", &[], Any, |_, a| Ok(Value::str(js(&shown(a))))),
    variadic("urlquery", &[], Any, |_, a| Ok(Value::str(super::urls::query_escape(&shown(a))))),
    // The executor puts the text of the callee in front.
    Function {
        special: Special::Callee,
        ..variadic("call", &[Any], Any, |_, a| match &a[1] {
            Value::Nil => fault("call of nil"),
            other => fault(format!("non-function {} of type {}", text(a, 0), other.type_name())),
        })
    },
];

/// Arguments as a template prints them: what a pointer points to.
fn shown(args: &[Value]) -> String {
    let shown = |arg: &Value| match arg {
        Value::Nil => Value::str("<no value>"),
        Value::Object(object) if matches!(**object, Object::Capabilities(_)) => {
            Value::str(sprint(std::slice::from_ref(arg)).trim_start_matches('&'))
        }
        _ => arg.clone(),
    };
    sprint(&args.iter().map(shown).collect::<Vec<_>>())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Basic {
    Bool,
    Int,
    Uint,
    Float,
    Text,
    None,
}

fn basic(value: &Value) -> Basic {
    match value {
        Value::Bool(_) => Basic::Bool,
        Value::Int(IntKind::Uint8 | IntKind::Uint64, _) => Basic::Uint,
        Value::Int(..) => Basic::Int,
        Value::Float(_) => Basic::Float,
        Value::Str(_) => Basic::Text,
        _ => Basic::None,
    }
}

fn is_nil(value: &Value) -> bool {
    matches!(
        value,
        Value::Nil
            | Value::Map(MapKind::NilAny | MapKind::NilStrings, _)
            | Value::List(ListKind::NilAny | ListKind::NilString, _)
    )
}

/// Integers of different signedness, compared by value.
fn mixed(signed: i64, unsigned: i64) -> Ordering {
    if signed < 0 { Ordering::Less } else { (signed as u64).cmp(&(unsigned as u64)) }
}

fn equal(args: &[Value]) -> Result<bool, Fault> {
    let Some((first, others)) = args.split_first() else { return Ok(false) };
    if others.is_empty() {
        return fault("missing argument for comparison");
    }
    let kind = basic(first);
    for other in others {
        let truth = match (first, other) {
            _ if kind != basic(other) => match (first, other) {
                (Value::Int(_, a), Value::Int(_, b)) if kind == Basic::Int => mixed(*a, *b).is_eq(),
                (Value::Int(_, a), Value::Int(_, b)) => mixed(*b, *a).is_eq(),
                (Value::Nil, _) | (_, Value::Nil) => false,
                _ => {
                    return fault(format!(
                        "incompatible types for comparison: {} and {}",
                        first.type_name(),
                        other.type_name()
                    ));
                }
            },
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(_, a), Value::Int(_, b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a == b,
            (Value::Str(a), Value::Str(b)) => a == b,
            _ => {
                let same_kind = first.kind_name() == other.kind_name();
                if !same_kind && !first.is_nil() && !other.is_nil() {
                    return fault(format!(
                        "non-comparable types {}: {}, {}: {}",
                        sprintf("%s", std::slice::from_ref(first)),
                        first.type_name(),
                        other.type_name(),
                        sprintf("%v", std::slice::from_ref(other))
                    ));
                }
                if is_nil(first) || is_nil(other) {
                    is_nil(first) == is_nil(other)
                } else if matches!(other, Value::Map(..) | Value::List(..) | Value::Bytes(_)) {
                    return fault(format!(
                        "non-comparable type {}: {}",
                        sprintf("%s", std::slice::from_ref(other)),
                        other.type_name()
                    ));
                } else {
                    match (first, other) {
                        (Value::Object(a), Value::Object(b)) if matches!(**a, Object::Version(_)) => {
                            Rc::ptr_eq(a, b)
                        }
                        _ => deep_equal(first, other),
                    }
                }
            }
        };
        if truth {
            return Ok(true);
        }
    }
    Ok(false)
}

fn less(a: &Value, b: &Value) -> Result<bool, Fault> {
    let (kind, other) = (basic(a), basic(b));
    if kind == Basic::None || other == Basic::None {
        return fault("invalid type for comparison");
    }
    match (a, b) {
        (Value::Int(_, m), Value::Int(_, n)) if kind != other => Ok(match kind {
            Basic::Int => mixed(*m, *n).is_lt(),
            _ => mixed(*n, *m).is_gt(),
        }),
        _ if kind != other => {
            fault(format!("incompatible types for comparison: {} and {}", a.type_name(), b.type_name()))
        }
        (Value::Int(_, m), Value::Int(_, n)) if kind == Basic::Uint => Ok((*m as u64) < (*n as u64)),
        (Value::Int(_, m), Value::Int(_, n)) => Ok(m < n),
        (Value::Float(m), Value::Float(n)) => Ok(m < n),
        (Value::Str(m), Value::Str(n)) => Ok(m < n),
        _ => fault("invalid type for comparison"),
    }
}

fn less_or_equal(args: &[Value]) -> Result<bool, Fault> {
    Ok(less(&args[0], &args[1])? || equal(args)?)
}

fn length(value: &Value) -> Result<Value, Fault> {
    let n = match value {
        Value::Nil => return fault("len of nil pointer"),
        Value::Str(text) => to_bytes(text).len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(_, items) => items.len(),
        Value::Map(_, map) => map.borrow().len(),
        other => return fault(format!("len of type {}", other.type_name().trim_start_matches('*'))),
    };
    Ok(Value::int(n as i64))
}

fn index(args: &[Value]) -> Result<Value, Fault> {
    let mut item = args[0].clone();
    if item.is_nil() {
        return fault("index of untyped nil");
    }
    for key in &args[1..] {
        item = match &item {
            Value::Nil => return fault("index of nil pointer"),
            Value::List(_, items) => {
                let at = position(key, items.len())?;
                match items.get(at) {
                    Some(item) => item.clone(),
                    None => return fault("reflect: slice index out of range"),
                }
            }
            Value::Bytes(bytes) => byte_at(bytes, key, "slice")?,
            Value::Str(text) => byte_at(&to_bytes(text), key, "string")?,
            Value::Map(kind, map) => match key {
                Value::Str(key) => match (map.get(key), kind) {
                    (Some(item), _) => item,
                    (None, MapKind::Strings | MapKind::NilStrings) => Value::str(""),
                    (None, MapKind::Files) => Value::Bytes(Rc::from([])),
                    (None, _) => Value::Nil,
                },
                Value::Nil => return fault("value is nil; should be of type string"),
                other => {
                    return fault(format!("value has type {}; should be string", other.type_name()));
                }
            },
            other => return fault(format!("can't index item of type {}", other.type_name())),
        };
    }
    Ok(item)
}

fn byte_at(bytes: &[u8], key: &Value, what: &str) -> Result<Value, Fault> {
    match bytes.get(position(key, bytes.len())?) {
        Some(byte) => Ok(Value::Int(IntKind::Uint8, i64::from(*byte))),
        None => fault(format!("reflect: {what} index out of range")),
    }
}

fn position(key: &Value, length: usize) -> Result<usize, Fault> {
    match key {
        Value::Int(_, n) => match usize::try_from(*n) {
            Ok(at) if at <= length => Ok(at),
            _ => fault(format!("index out of range: {n}")),
        },
        Value::Nil => fault("cannot index slice/array with nil"),
        other => fault(format!("cannot index slice/array with type {}", other.type_name())),
    }
}

fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\0' => out.push('\u{FFFD}'),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
    out
}

fn js(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '"' => out.push_str("\\\""),
            '<' | '>' | '&' | '=' => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c if c < ' ' => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c if c.is_ascii() || crate::text::is_print(c) || stray(c).is_some() => out.push(c),
            c => out.push_str(&format!("\\u{:04X}", u32::from(c))),
        }
    }
    out
}
