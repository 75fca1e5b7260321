//! JSON as `encoding/json` writes it.

pub(crate) mod read;

use std::fmt::Write as _;
use std::rc::Rc;

use base64::Engine as _;

use crate::golang::bytes::to_bytes;
use crate::golang::number::json_float;
use crate::golang::printf::GO_VERSION;
use crate::value::{IntKind, ListKind, MapKind, Object, Value};

const MAX_DEPTH: usize = 1000;

/// How JSON is written.
#[derive(Clone, Copy)]
pub struct Style {
    /// `<`, `>` and `&` as escapes.
    pub html: bool,
    /// One entry a line, two blanks a level.
    pub pretty: bool,
}

/// A value as JSON.
pub fn to_json(value: &Value, style: Style) -> Result<String, String> {
    let mut out = String::new();
    write(&mut out, value, style, 0)?;
    Ok(out)
}

fn newline(out: &mut String, style: Style, depth: usize) {
    if style.pretty {
        out.push('\n');
        for _ in 0..depth {
            out.push_str("  ");
        }
    }
}

fn write(out: &mut String, value: &Value, style: Style, depth: usize) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err(format!("json: unsupported value: encountered a cycle via {}", value.type_name()));
    }
    match value {
        Value::Nil
        | Value::Map(MapKind::NilAny | MapKind::NilStrings, _)
        | Value::List(ListKind::NilAny | ListKind::NilString, _) => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Int(IntKind::Uint64, n) => {
            let _ = write!(out, "{}", *n as u64);
        }
        Value::Int(_, n) => {
            let _ = write!(out, "{n}");
        }
        Value::Float(f) => match json_float(*f) {
            Some(text) => out.push_str(&text),
            None => {
                return Err(format!("json: unsupported value: {}", crate::golang::number::float_text(*f)));
            }
        },
        Value::Str(text) => write_string(out, text, style.html),
        Value::Bytes(bytes) => {
            write_string(out, &base64::engine::general_purpose::STANDARD.encode(bytes), false);
        }
        Value::List(_, items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                newline(out, style, depth + 1);
                write(out, item, style, depth + 1)?;
            }
            if !items.is_empty() {
                newline(out, style, depth);
            }
            out.push(']');
        }
        Value::Map(_, map) => {
            let map = map.borrow();
            let pairs = map.iter().map(|(k, v)| (&**k, v));
            write_object(out, pairs, style, depth)?;
        }
        Value::Object(object) => write_struct(out, object, style, depth)?,
    }
    Ok(())
}

fn write_object<'a>(
    out: &mut String,
    pairs: impl ExactSizeIterator<Item = (&'a str, &'a Value)>,
    style: Style,
    depth: usize,
) -> Result<(), String> {
    let empty = pairs.len() == 0;
    out.push('{');
    for (i, (key, item)) in pairs.enumerate() {
        if i > 0 {
            out.push(',');
        }
        newline(out, style, depth + 1);
        write_string(out, key, style.html);
        out.push_str(if style.pretty { ": " } else { ":" });
        write(out, item, style, depth + 1)?;
    }
    if !empty {
        newline(out, style, depth);
    }
    out.push('}');
    Ok(())
}

fn write_struct(out: &mut String, object: &Object, style: Style, depth: usize) -> Result<(), String> {
    let fields: Vec<(&str, Value)> = match object {
        Object::Time(time) => {
            write_string(out, &time.format("2006-01-02T15:04:05.999999999Z07:00"), style.html);
            return Ok(());
        }
        Object::Version(version) => {
            write_string(out, &version.to_string(), style.html);
            return Ok(());
        }
        Object::Certificate { cert, key } => {
            vec![("Cert", Value::Str(Rc::clone(cert))), ("Key", Value::Str(Rc::clone(key)))]
        }
        Object::Capabilities(c) => vec![
            ("KubeVersion", Value::object(Object::KubeVersion(Rc::clone(c)))),
            ("APIVersions", Value::strings(&c.api_versions)),
            ("HelmVersion", Value::object(Object::HelmVersion(Rc::clone(c)))),
        ],
        Object::KubeVersion(c) => {
            let (major, minor) = c.major_minor();
            vec![
                ("Version", Value::str(&c.kube_version)),
                ("Major", Value::str(major)),
                ("Minor", Value::str(minor)),
            ]
        }
        Object::HelmVersion(c) => vec![
            ("version", Value::str(&c.helm_version)),
            ("go_version", Value::str(GO_VERSION)),
            ("kube_client_version", Value::str("v1.37")),
        ],
    };
    write_object(out, fields.iter().map(|(k, v)| (*k, v)), style, depth)
}

/// A text with JSON's escapes.
pub fn write_string(out: &mut String, text: &str, html: bool) {
    out.push('"');
    match to_bytes(text) {
        std::borrow::Cow::Borrowed(_) => write_escaped(out, text, html),
        std::borrow::Cow::Owned(bytes) => {
            for chunk in bytes.utf8_chunks() {
                write_escaped(out, chunk.valid(), html);
                chunk.invalid().iter().for_each(|_| out.push_str("\\ufffd"));
            }
        }
    }
    out.push('"');
}

fn write_escaped(out: &mut String, text: &str, html: bool) {
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x08' => out.push_str("\\b"),
            '\x0C' => out.push_str("\\f"),
            '<' | '>' | '&' if html => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
}
