//! Texts: trimming, quoting, cutting, searching; and the types of values.

use super::casts::{is_empty, to_text};
use super::{Function, Ty, deep, fault, fixed, int, text, variadic};
use crate::golang::bytes::{from_bytes, to_bytes};
use crate::golang::printf::text_of;
use crate::gotemplate::exec::{Engine, Fault};
use crate::text::quote;
use crate::value::{Entries, Map, MapKind, Value, deep_equal};

use Ty::{Any, Bool, Int, Str};

pub(super) static FUNCTIONS: &[Function] = &[
    fixed("hello", &[], |_, _| Ok(Value::str("Hello!"))),
    fixed("trim", &[Str], |_, a| Ok(Value::str(text(a, 0).trim()))),
    fixed("upper", &[Str], |_, a| Ok(Value::str(text(a, 0).chars().map(upper).collect::<String>()))),
    fixed("lower", &[Str], |_, a| Ok(Value::str(text(a, 0).chars().map(lower).collect::<String>()))),
    fixed("repeat", &[Int, Str], |e, a| Ok(Value::str(repeat(e, int(a, 0), text(a, 1))?))),
    fixed("substr", &[Int, Int, Str], |_, a| substr(int(a, 0), int(a, 1), text(a, 2))),
    fixed("trunc", &[Int, Str], |_, a| Ok(trunc(int(a, 0), text(a, 1)))),
    fixed("trimall", &[Str, Str], TRIM_ALL),
    fixed("trimAll", &[Str, Str], TRIM_ALL),
    fixed("trimSuffix", &[Str, Str], |_, a| {
        Ok(Value::str(text(a, 1).strip_suffix(text(a, 0)).unwrap_or(text(a, 1))))
    }),
    fixed("trimPrefix", &[Str, Str], |_, a| {
        Ok(Value::str(text(a, 1).strip_prefix(text(a, 0)).unwrap_or(text(a, 1))))
    }),
    fixed("contains", &[Str, Str], |_, a| Ok(Value::Bool(text(a, 1).contains(text(a, 0))))),
    fixed("hasPrefix", &[Str, Str], |_, a| Ok(Value::Bool(text(a, 1).starts_with(text(a, 0))))),
    fixed("hasSuffix", &[Str, Str], |_, a| Ok(Value::Bool(text(a, 1).ends_with(text(a, 0))))),
    variadic("quote", &[], Any, |_, a| {
        let parts: Vec<String> = a.iter().filter(|v| !v.is_nil()).map(quote_any).collect();
        Ok(Value::str(parts.join(" ")))
    }),
    variadic("squote", &[], Any, |_, a| {
        let parts: Vec<String> =
            a.iter().filter(|v| !v.is_nil()).map(|v| format!("'{}'", text_of(v))).collect();
        Ok(Value::str(parts.join(" ")))
    }),
    variadic("cat", &[], Any, |_, a| {
        let parts: Vec<String> = a.iter().filter(|v| !v.is_nil()).map(text_of).collect();
        Ok(Value::str(parts.join(" ")))
    }),
    fixed("indent", &[Int, Str], |e, a| Ok(Value::str(indent(e, int(a, 0), text(a, 1), false)?))),
    fixed("nindent", &[Int, Str], |e, a| Ok(Value::str(indent(e, int(a, 0), text(a, 1), true)?))),
    fixed("replace", &[Str, Str, Str], |e, a| replace(e, text(a, 0), text(a, 1), text(a, 2))),
    fixed("plural", &[Str, Str, Int], |_, a| Ok(a[usize::from(int(a, 2) != 1)].clone())),
    fixed("toString", &[Any], |_, a| {
        Ok(match &a[0] {
            Value::Str(_) => a[0].clone(),
            other => Value::str(to_text(other)),
        })
    }),
    fixed("split", &[Str, Str], |_, a| Ok(numbered(split(text(a, 0), text(a, 1), -1)))),
    fixed("splitn", &[Str, Int, Str], |_, a| Ok(numbered(split(text(a, 0), text(a, 2), int(a, 1))))),
    fixed("splitList", &[Str, Str], |_, a| Ok(Value::strings(split(text(a, 0), text(a, 1), -1)))),
    variadic("default", &[Any], Any, |_, a| {
        Ok(match a.get(1) {
            Some(given) if !is_empty(given) => given.clone(),
            _ => a[0].clone(),
        })
    }),
    fixed("empty", &[Any], |_, a| Ok(Value::Bool(is_empty(&a[0])))),
    variadic("coalesce", &[], Any, |_, a| Ok(a.iter().find(|v| !is_empty(v)).cloned().unwrap_or_default())),
    variadic("all", &[], Any, |_, a| Ok(Value::Bool(!a.iter().any(is_empty)))),
    variadic("any", &[], Any, |_, a| Ok(Value::Bool(a.iter().any(|v| !is_empty(v))))),
    fixed("ternary", &[Any, Any, Bool], |_, a| Ok(a[usize::from(!a[2].is_true())].clone())),
    fixed("typeOf", &[Any], |_, a| Ok(Value::str(a[0].type_name()))),
    fixed("typeIs", &[Str, Any], |_, a| Ok(Value::Bool(text(a, 0) == a[1].type_name()))),
    fixed("typeIsLike", &[Str, Any], |_, a| {
        let name = a[1].type_name();
        Ok(Value::Bool(text(a, 0) == name || name.strip_prefix('*') == Some(text(a, 0))))
    }),
    fixed("kindOf", &[Any], |_, a| Ok(Value::str(a[0].kind_name()))),
    fixed("kindIs", &[Str, Any], |_, a| Ok(Value::Bool(text(a, 0) == a[1].kind_name()))),
    deep(fixed("deepEqual", &[Any, Any], |_, a| Ok(Value::Bool(deep_equal(&a[0], &a[1]))))),
];

const TRIM_ALL: super::Call = |_, a| {
    let set = text(a, 0);
    Ok(Value::str(text(a, 1).trim_matches(|c| set.contains(c))))
};

/// One character for one character, as Go does it.
pub(super) fn upper(c: char) -> char {
    let mut all = c.to_uppercase();
    match (all.next(), all.next()) {
        (Some(upper), None) => upper,
        _ => c,
    }
}

/// Upper case as the first letter of a word, which differs for letters that are two in one.
pub(super) fn to_title(c: char) -> char {
    match c {
        'Ǆ'..='ǆ' => 'ǅ',
        'Ǉ'..='ǉ' => 'ǈ',
        'Ǌ'..='ǌ' => 'ǋ',
        'Ǳ'..='ǳ' => 'ǲ',
        '\u{10D0}'..='\u{10FF}' => c,
        c if is_title(c) => c,
        c => upper(c),
    }
}

/// A letter in the case of titles, which is neither upper nor lower.
pub(super) fn is_title(c: char) -> bool {
    !c.is_uppercase() && !c.is_lowercase() && lower(c) != c
}

pub(super) fn lower(c: char) -> char {
    // The only one that becomes two characters elsewhere.
    if c == 'İ' {
        return 'i';
    }
    let mut all = c.to_lowercase();
    match (all.next(), all.next()) {
        (Some(lower), None) => lower,
        _ => c,
    }
}

fn quote_any(value: &Value) -> String {
    match value {
        Value::Str(text) => quote(text),
        other => quote(&to_text(other)),
    }
}

pub(super) fn repeat(engine: &Engine<'_>, count: i64, text: &str) -> Result<String, Fault> {
    let Ok(count) = usize::try_from(count) else { return fault("strings: negative Repeat count") };
    engine.check_size(count.saturating_mul(text.len()))?;
    Ok(text.repeat(count))
}

fn indent(engine: &Engine<'_>, spaces: i64, text: &str, newline: bool) -> Result<String, Fault> {
    let pad = repeat(engine, spaces, " ")?;
    let lines = text.bytes().filter(|b| *b == b'\n').count();
    let size = text.len() + (lines + 1).saturating_mul(pad.len()) + 1;
    engine.check_size(size)?;
    let mut out = String::with_capacity(size);
    if newline {
        out.push('\n');
    }
    for (i, line) in text.split('\n').enumerate() {
        if i > 0 {
            out.push('\n');
        }
        out.push_str(&pad);
        out.push_str(line);
    }
    Ok(out)
}

fn replace(engine: &Engine<'_>, old: &str, new: &str, text: &str) -> Result<Value, Fault> {
    if new.len() > old.len() {
        let count = if old.is_empty() { text.chars().count() + 1 } else { text.matches(old).count() };
        engine.check_size(text.len().saturating_add(count.saturating_mul(new.len())))?;
    }
    Ok(Value::str(text.replace(old, new)))
}

fn substr(start: i64, end: i64, text: &str) -> Result<Value, Fault> {
    let bytes = to_bytes(text);
    let length = bytes.len() as i64;
    let cut = |from: i64, to: i64| Ok(Value::str(from_bytes(&bytes[from as usize..to as usize])));
    if start < 0 {
        return match end {
            end if end > length => {
                fault(format!("runtime error: slice bounds out of range [:{end}] with length {length}"))
            }
            end if end < 0 => fault(format!("runtime error: slice bounds out of range [:{end}]")),
            end => cut(0, end),
        };
    }
    let end = if end < 0 || end > length { length } else { end };
    if start > end {
        return fault(format!("runtime error: slice bounds out of range [{start}:{end}]"));
    }
    cut(start, end)
}

fn trunc(count: i64, text: &str) -> Value {
    let bytes = to_bytes(text);
    let length = bytes.len() as i64;
    if count < 0 && length.saturating_add(count) > 0 {
        return Value::str(from_bytes(&bytes[(length + count) as usize..]));
    }
    if count >= 0 && length > count {
        return Value::str(from_bytes(&bytes[..count as usize]));
    }
    Value::str(text)
}

/// `strings.SplitN`: at most that many parts, all if negative, none if 0; without a separator by character.
pub(super) fn split(separator: &str, text: &str, limit: i64) -> Vec<String> {
    if limit == 0 {
        return Vec::new();
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if !separator.is_empty() {
        return text.splitn(limit, separator).map(String::from).collect();
    }
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if parts.len() + 1 == limit {
            parts.push(rest.to_owned());
            return parts;
        }
        parts.push(c.to_string());
        rest = &rest[c.len_utf8()..];
    }
    parts
}

fn numbered(parts: Vec<String>) -> Value {
    let entries: Entries =
        parts.into_iter().enumerate().map(|(i, part)| (format!("_{i}").into(), Value::str(part))).collect();
    Value::Map(MapKind::Strings, Map::new(entries))
}
