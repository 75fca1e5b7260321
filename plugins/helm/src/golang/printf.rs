//! `fmt`: printing values with verbs.

mod format;
mod numbers;

use std::fmt::Write as _;
use std::rc::Rc;

pub use self::format::sprintf;
use self::numbers::{format_float_verb, format_integer};
use super::bytes::to_bytes;
use super::time::duration_text;
use crate::text::quote;
use crate::value::{IntKind, ListKind, MapKind, Object, Value};

/// The Go that the recorded answers of Helm were built with.
pub(crate) const GO_VERSION: &str = "go1.26.8";

/// Depth of nested values that are still printed; maps may contain themselves.
const MAX_DEPTH: usize = 200;
/// Nothing is added to a text beyond this; it is more than any rendering may put out.
const MAX_TEXT: usize = 64 << 20;

/// A value as `%v` prints it.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::Str(text) => text.to_string(),
        _ => {
            let mut out = String::new();
            write_value(&mut out, value);
            out
        }
    }
}

/// Appends a value as `%v` prints it.
pub fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Str(text) => out.push_str(text),
        Value::Int(IntKind::Int | IntKind::Int64, n) => {
            let _ = write!(out, "{n}");
        }
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        _ => print_verb(out, value, 'v', &Flags::default(), 0),
    }
}

/// `fmt.Sprint`: a blank between neighbours neither of which is a text.
pub fn sprint(args: &[Value]) -> String {
    let mut out = String::new();
    let mut after_text = false;
    for (i, arg) in args.iter().enumerate() {
        let is_text = matches!(arg, Value::Str(_));
        if i > 0 && !is_text && !after_text {
            out.push(' ');
        }
        write_value(&mut out, arg);
        after_text = is_text;
    }
    out
}

/// `fmt.Sprintln`.
pub fn sprintln(args: &[Value]) -> String {
    let mut out = String::new();
    for (i, arg) in args.iter().enumerate() {
        if i > 0 {
            out.push(' ');
        }
        write_value(&mut out, arg);
    }
    out.push('\n');
    out
}

#[derive(Clone, Default)]
struct Flags {
    plus: bool,
    minus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    /// `%+v` and `%#v`.
    plus_v: bool,
    sharp_v: bool,
    /// Without the methods of types, in messages about verbs.
    raw: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

fn pad(out: &mut String, text: &str, flags: &Flags) {
    let width = flags.width.unwrap_or(0);
    let missing = if width == 0 { 0 } else { width.saturating_sub(text.chars().count()) };
    if flags.minus {
        out.push_str(text);
        out.extend(std::iter::repeat_n(' ', missing));
    } else {
        let filler = if flags.zero { '0' } else { ' ' };
        out.extend(std::iter::repeat_n(filler, missing));
        out.push_str(text);
    }
}

/// The flags stay on for the value that is shown.
fn bad_verb(out: &mut String, value: &Value, verb: char, flags: &Flags) {
    let _ = write!(out, "%!{verb}(");
    if value.is_nil() {
        out.push_str("<nil>");
    } else {
        out.push_str(value.type_name());
        out.push('=');
        print_verb(out, value, 'v', &Flags { raw: true, ..flags.clone() }, 0);
    }
    out.push(')');
}

/// What types with a `String` method say of themselves.
pub(crate) fn stringer(value: &Value) -> Option<String> {
    match value {
        Value::Int(IntKind::Duration, n) => Some(duration_text(*n)),
        Value::Int(IntKind::Month, n) => Some(super::time::month_name(*n).to_owned()),
        Value::Int(IntKind::Weekday, n) => Some(super::time::weekday_name(*n).to_owned()),
        Value::Object(object) => match &**object {
            Object::Time(time) => Some(time.to_string()),
            Object::Version(version) => Some(version.to_string()),
            _ => None,
        },
        _ => None,
    }
}

fn print_verb(out: &mut String, value: &Value, verb: char, flags: &Flags, depth: usize) {
    if out.len() > MAX_TEXT {
        return;
    }
    if depth > MAX_DEPTH {
        out.push_str("...");
        return;
    }
    if verb == 'T' {
        if value.is_nil() {
            return pad(out, "<nil>", flags);
        }
        return format_string(out, value.type_name(), 's', flags);
    }
    if !(flags.sharp_v || flags.raw)
        && matches!(verb, 'v' | 's' | 'x' | 'X' | 'q')
        && let Some(text) = stringer(value)
    {
        return format_string(out, &text, verb, flags);
    }
    if verb == 'w' && depth == 0 && matches!(value, Value::List(..) | Value::Map(..) | Value::Object(_)) {
        return bad_verb(out, value, verb, flags);
    }
    match value {
        Value::Nil => match verb {
            'v' => pad(out, "<nil>", flags),
            _ => bad_verb(out, value, verb, flags),
        },
        Value::Bool(b) => match verb {
            't' | 'v' => pad(out, if *b { "true" } else { "false" }, flags),
            _ => bad_verb(out, value, verb, flags),
        },
        Value::Int(kind, n) => {
            let unsigned = matches!(kind, IntKind::Uint8 | IntKind::Uint64);
            format_integer(out, value, *n, unsigned, verb, flags);
        }
        Value::Float(f) => format_float_verb(out, value, *f, verb, flags),
        Value::Str(text) => match verb {
            'v' if flags.sharp_v => format_string(out, text, 'q', flags),
            'v' | 's' | 'q' | 'x' | 'X' => format_string(out, text, verb, flags),
            _ => bad_verb(out, value, verb, flags),
        },
        Value::Bytes(bytes) => match verb {
            's' | 'q' => format_string(out, &String::from_utf8_lossy(bytes), verb, flags),
            'x' | 'X' => hex(out, bytes, verb == 'X', flags),
            _ => {
                let items = value.items().unwrap_or_default();
                // By itself, Go calls the type as it is written in programs.
                let name = if depth == 0 { "[]byte" } else { value.type_name() };
                print_list(out, name, &items, verb, flags, depth);
            }
        },
        Value::List(ListKind::NilAny | ListKind::NilString, _)
        | Value::Map(MapKind::NilAny | MapKind::NilStrings, _)
            if flags.sharp_v =>
        {
            out.push_str(value.type_name());
            out.push_str("(nil)");
        }
        Value::List(_, items) => print_list(out, value.type_name(), items, verb, flags, depth),
        Value::Map(_, map) => {
            let entries: Vec<(Rc<str>, Value)> =
                map.borrow().iter().map(|(k, v)| (Rc::clone(k), v.clone())).collect();
            let (open, close, separator) = if flags.sharp_v {
                out.push_str(value.type_name());
                ("{", "}", ", ")
            } else {
                ("map[", "]", " ")
            };
            out.push_str(open);
            for (i, (key, item)) in entries.iter().enumerate() {
                if i > 0 {
                    out.push_str(separator);
                }
                print_verb(out, &Value::Str(Rc::clone(key)), verb, flags, depth + 1);
                out.push(':');
                print_element(out, item, verb, flags, depth);
            }
            out.push_str(close);
        }
        Value::Object(object) if flags.sharp_v && matches!(**object, Object::Time(_)) => {
            if let Object::Time(time) = &**object {
                out.push_str(&time.go_string());
            }
        }
        Value::Object(object) => print_struct(out, value, object, verb, flags, depth),
    }
}

/// An element that is nil inside a collection.
fn print_element(out: &mut String, item: &Value, verb: char, flags: &Flags, depth: usize) {
    match item {
        Value::Nil if flags.sharp_v => out.push_str("interface {}(nil)"),
        Value::Nil => out.push_str("<nil>"),
        _ => print_verb(out, item, verb, flags, depth + 1),
    }
}

fn print_list(out: &mut String, name: &str, items: &[Value], verb: char, flags: &Flags, depth: usize) {
    let (open, close, separator) = if flags.sharp_v {
        out.push_str(name);
        ("{", "}", ", ")
    } else {
        ("[", "]", " ")
    };
    out.push_str(open);
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push_str(separator);
        }
        print_element(out, item, verb, flags, depth);
    }
    out.push_str(close);
}

fn print_struct(out: &mut String, value: &Value, object: &Object, verb: char, flags: &Flags, depth: usize) {
    let fields: Vec<(&str, Value)> = match object {
        Object::Certificate { cert, key } => {
            vec![("Cert", Value::Str(Rc::clone(cert))), ("Key", Value::Str(Rc::clone(key)))]
        }
        Object::Capabilities(c) => vec![
            ("KubeVersion", Value::object(Object::KubeVersion(Rc::clone(c)))),
            (
                "APIVersions",
                Value::List(ListKind::Versions, Rc::new(c.api_versions.iter().map(Value::str).collect())),
            ),
            ("HelmVersion", Value::object(Object::HelmVersion(Rc::clone(c)))),
        ],
        Object::KubeVersion(c) => {
            let (major, minor) = c.major_minor();
            vec![
                ("Version", Value::str(&c.kube_version)),
                ("normalizedVersion", Value::str(c.normalized())),
                ("Major", Value::str(major)),
                ("Minor", Value::str(minor)),
            ]
        }
        Object::HelmVersion(c) => vec![
            ("Version", Value::str(&c.helm_version)),
            ("GitCommit", Value::str("")),
            ("GitTreeState", Value::str("")),
            ("GoVersion", Value::str(GO_VERSION)),
            ("KubeClientVersion", Value::str("v1.37")),
        ],
        Object::Version(version) => vec![
            ("major", Value::Int(IntKind::Uint64, version.major as i64)),
            ("minor", Value::Int(IntKind::Uint64, version.minor as i64)),
            ("patch", Value::Int(IntKind::Uint64, version.patch as i64)),
            ("pre", Value::str(&version.pre)),
            ("metadata", Value::str(&version.metadata)),
            ("original", Value::str(&version.original)),
        ],
        Object::Time(_) => Vec::new(),
    };
    let is_pointer = matches!(object, Object::Capabilities(_) | Object::Version(_));
    if is_pointer && depth > 0 {
        return match verb {
            'v' | 'p' | 'b' | 'o' | 'd' | 'x' | 'X' => out.push_str("0xc000000000"),
            _ => bad_verb(out, value, verb, flags),
        };
    }
    if is_pointer {
        out.push('&');
    }
    if flags.sharp_v {
        out.push_str(value.type_name().trim_start_matches('*'));
    }
    out.push('{');
    let separator = if flags.sharp_v { ", " } else { " " };
    for (i, (name, field)) in fields.iter().enumerate() {
        if i > 0 {
            out.push_str(separator);
        }
        if flags.plus_v || flags.sharp_v {
            out.push_str(name);
            out.push(':');
        }
        print_verb(out, field, verb, flags, depth + 1);
    }
    out.push('}');
}

fn format_string(out: &mut String, text: &str, verb: char, flags: &Flags) {
    let cut;
    let text = match flags.precision {
        Some(n) if verb != 'x' && verb != 'X' => {
            cut = text.chars().take(n).collect::<String>();
            &cut
        }
        _ => text,
    };
    match verb {
        'q' if flags.sharp && can_backquote(text) => pad(out, &format!("`{text}`"), flags),
        'q' if flags.plus => pad(out, &quote_ascii(text), flags),
        'q' => pad(out, &quote(text), flags),
        'x' | 'X' => hex(out, &to_bytes(text), verb == 'X', flags),
        _ => pad(out, text, flags),
    }
}

fn can_backquote(text: &str) -> bool {
    text.chars().all(|c| c != '`' && c != '\u{FEFF}' && c != '\u{7F}' && (c >= ' ' || c == '\t'))
}

fn quote_ascii(text: &str) -> String {
    let mut out = String::new();
    for c in quote(text).chars() {
        match u32::from(c) {
            0..=0x7F => out.push(c),
            n @ 0x80..=0xFFFF => {
                let _ = write!(out, "\\u{n:04x}");
            }
            n => {
                let _ = write!(out, "\\U{n:08x}");
            }
        }
    }
    out
}

fn hex(out: &mut String, bytes: &[u8], upper: bool, flags: &Flags) {
    let bytes = &bytes[..flags.precision.unwrap_or(bytes.len()).min(bytes.len())];
    let prefix = if upper { "0X" } else { "0x" };
    let mut text = String::new();
    if flags.sharp && !bytes.is_empty() {
        text.push_str(prefix);
    }
    for (i, b) in bytes.iter().enumerate() {
        if flags.space && i > 0 {
            text.push(' ');
            if flags.sharp {
                text.push_str(prefix);
            }
        }
        let _ = if upper { write!(text, "{b:02X}") } else { write!(text, "{b:02x}") };
    }
    pad(out, &text, flags);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_print_like_go() {
        let f = |format: &str, args: &[Value]| sprintf(format, args);
        assert_eq!(f("%d", &[Value::Float(8080.0)]), "%!d(float64=8080)");
        assert_eq!(f("%s", &[Value::int(3)]), "%!s(int=3)");
        assert_eq!(f("%s-%s", &[Value::str("a")]), "a-%!s(MISSING)");
        assert_eq!(f("%s", &[Value::str("a"), Value::str("b")]), "a%!(EXTRA string=b)");
        assert_eq!(
            f("%05d|%-5d|%+d|%x", &[Value::int(42), Value::int(42), Value::int(42), Value::int(255)]),
            "00042|42   |+42|ff"
        );
        assert_eq!(
            f("%6.2f|%e|%g", &[Value::Float(3.14201), Value::Float(1e6), Value::Float(1e6)]),
            "  3.14|1.000000e+06|1e+06"
        );
        assert_eq!(
            f("%q %v", &[Value::strings(["a", "b"]), Value::strings(["a", "b"])]),
            "[\"a\" \"b\"] [a b]"
        );
        assert_eq!(f("%[2]s %[1]s", &[Value::str("a"), Value::str("b")]), "b a");
        assert_eq!(f("%*d", &[Value::int(5), Value::int(42)]), "   42");
        assert_eq!(f("%T %T", &[Value::Nil, Value::strings(["x"])]), "<nil> []string");
        assert_eq!(f("100%", &[]), "100%!(NOVERB)");
        assert_eq!(f("%!", &[Value::int(1)]), "%!!(int=1)");
        assert_eq!(f("%t %v", &[Value::Bool(true), Value::Nil]), "true <nil>");
        assert_eq!(
            f("%x %X % x", &[Value::str("hi"), Value::str("hi"), Value::str("hi")]),
            "6869 6869 68 69"
        );
        assert_eq!(f("%#v %#v", &[Value::str("a"), Value::strings(["x"])]), "\"a\" []string{\"x\"}");
    }
}
