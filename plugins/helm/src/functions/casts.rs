//! Conversions between dynamic types, as spf13/cast and Sprig do them: what does not fit is zero.

use crate::golang::bytes::from_bytes;
use crate::golang::number::{parse_float, parse_int};
use crate::golang::printf::text_of;
use crate::value::{IntKind, ListKind, Value};

/// A float as an integer, with the processor's answer for what does not fit.
pub(super) fn float_to_int(f: f64) -> i64 {
    if f.is_nan() || !(-9.223_372_036_854_776e18..9.223_372_036_854_776e18).contains(&f) {
        i64::MIN
    } else {
        f as i64
    }
}

/// Cuts `.0` and more zeros off.
fn trim_zero_decimal(text: &str) -> &str {
    let trimmed = text.trim_end_matches('0');
    match trimmed.strip_suffix('.') {
        Some(whole) if trimmed.len() < text.len() => whole,
        _ => text,
    }
}

pub(super) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Int(IntKind::Duration, _) => 0,
        Value::Int(_, n) => *n,
        Value::Float(f) => float_to_int(*f),
        Value::Str(text) => parse_int(trim_zero_decimal(text), 0).unwrap_or(0),
        Value::Bool(b) => i64::from(*b),
        _ => 0,
    }
}

pub(super) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Int(IntKind::Duration, _) => 0.0,
        Value::Int(IntKind::Uint64, n) => *n as u64 as f64,
        Value::Int(_, n) => *n as f64,
        Value::Float(f) => *f,
        Value::Str(text) => parse_float(text).unwrap_or(0.0),
        Value::Bool(b) => f64::from(*b),
        _ => 0.0,
    }
}

/// Sprig's `strval`.
pub(super) fn to_text(value: &Value) -> String {
    match value {
        Value::Bytes(bytes) => from_bytes(bytes).into_owned(),
        other => text_of(other),
    }
}

/// Sprig's `strslice`: the texts of a list without its nils, or one text.
pub(super) fn to_texts(value: &Value) -> Vec<Value> {
    let one = |item: &Value| match item {
        Value::Str(_) => item.clone(),
        item => Value::str(to_text(item)),
    };
    match value {
        Value::List(ListKind::String | ListKind::NilString, items) => items.to_vec(),
        Value::Nil => Vec::new(),
        value => match value.items() {
            Some(items) => items.iter().filter(|item| !item.is_nil()).map(one).collect(),
            None => vec![one(value)],
        },
    }
}

/// Sprig's `empty`.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(_) => false,
        value => !value.is_true(),
    }
}
