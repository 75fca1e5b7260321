//! TOML as BurntSushi's library lays it out.

use std::rc::Rc;

use crate::golang::number::format_float;
use crate::golang::printf::stringer;
use crate::golang::time::parse_time;
use crate::value::{Entries, Map, MapKind, Object, Value};

const MAX_DEPTH: usize = 200;

/// A value as TOML.
pub(super) fn to_toml(value: &Value) -> Result<String, String> {
    if value.is_nil() {
        return Err("reflect: call of reflect.Value.Type on zero Value".into());
    }
    let mut writer = Writer { out: String::new() };
    writer.encode(&mut Vec::new(), value)?;
    Ok(writer.out)
}

struct Writer {
    out: String,
}

fn is_table(value: &Value) -> bool {
    matches!(value, Value::Map(..))
        || matches!(value, Value::Object(object) if matches!(**object, Object::Certificate { .. }))
}

/// A list of nothing but tables. Nil items are refused.
fn is_table_array(items: &[Value]) -> Result<bool, String> {
    if items.iter().any(Value::is_nil) {
        return Err("toml: cannot encode array with nil element".into());
    }
    Ok(!items.is_empty() && items.iter().all(is_table))
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\x08' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\x0C' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if c < ' ' || c == '\x7F' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn key_text(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if bare { key.to_owned() } else { quoted(key) }
}

fn path_text(path: &[Rc<str>]) -> String {
    path.iter().map(|key| key_text(key)).collect::<Vec<_>>().join(".")
}

impl Writer {
    fn indent(&mut self, path: &[Rc<str>]) {
        for _ in 1..path.len() {
            self.out.push_str("  ");
        }
    }

    fn newline(&mut self) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    fn encode(&mut self, path: &mut Vec<Rc<str>>, value: &Value) -> Result<(), String> {
        if path.len() > MAX_DEPTH {
            return Err("toml: value is nested too deep".into());
        }
        match value {
            Value::Nil | Value::Map(MapKind::NilAny | MapKind::NilStrings, _) => Ok(()),
            Value::List(_, items) if is_table_array(items)? => {
                if path.is_empty() {
                    return Err("toml: top-level values must be Go maps or structs".into());
                }
                for item in items.iter() {
                    self.newline();
                    self.indent(path);
                    self.out.push_str(&format!("[[{}]]", path_text(path)));
                    self.newline();
                    self.table(path, item)?;
                }
                Ok(())
            }
            value if is_table(value) => {
                if path.len() == 1 {
                    self.newline();
                }
                if !path.is_empty() {
                    self.indent(path);
                    self.out.push_str(&format!("[{}]", path_text(path)));
                    self.newline();
                }
                self.table(path, value)
            }
            value => {
                let Some(key) = path.last() else { return self.element(value) };
                let key = key_text(key);
                self.indent(path);
                self.out.push_str(&format!("{key} = "));
                self.element(value)?;
                self.newline();
                Ok(())
            }
        }
    }

    fn entries(value: &Value) -> Vec<(Rc<str>, Value)> {
        match value {
            Value::Map(_, map) => map.borrow().iter().map(|(k, v)| (Rc::clone(k), v.clone())).collect(),
            Value::Object(object) => match &**object {
                Object::Certificate { cert, key } => vec![
                    ("Cert".into(), Value::Str(Rc::clone(cert))),
                    ("Key".into(), Value::Str(Rc::clone(key))),
                ],
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// Plain keys first, then tables, each sorted.
    fn split(value: &Value) -> Result<Vec<(Rc<str>, Value)>, String> {
        let (mut direct, mut tables) = (Vec::new(), Vec::new());
        for (key, item) in Self::entries(value) {
            let below = match &item {
                Value::List(_, items) => is_table_array(items)?,
                item => is_table(item),
            };
            if below { tables.push((key, item)) } else { direct.push((key, item)) }
        }
        direct.append(&mut tables);
        Ok(direct)
    }

    fn table(&mut self, path: &mut Vec<Rc<str>>, value: &Value) -> Result<(), String> {
        for (key, item) in Self::split(value)? {
            if item.is_nil() {
                continue;
            }
            path.push(key);
            self.encode(path, &item)?;
            path.pop();
        }
        Ok(())
    }

    fn element(&mut self, value: &Value) -> Result<(), String> {
        match value {
            Value::Nil => return Err("toml: cannot encode array with nil element".into()),
            Value::Str(text) => self.out.push_str(&quoted(text)),
            Value::Bool(b) => self.out.push_str(&b.to_string()),
            Value::Int(..) if stringer(value).is_some() && value.type_name() == "time.Duration" => {
                self.out.push_str(&quoted(&stringer(value).unwrap_or_default()));
            }
            Value::Int(_, n) => self.out.push_str(&n.to_string()),
            Value::Float(f) if f.is_nan() => self.out.push_str("nan"),
            Value::Float(f) if f.is_infinite() => self.out.push_str(if *f > 0.0 { "inf" } else { "-inf" }),
            Value::Float(f) => {
                let text = format_float(*f, b'g', -1, false);
                self.out.push_str(&text);
                if !text.contains(['e', '.']) {
                    self.out.push_str(".0");
                }
            }
            Value::List(..) | Value::Bytes(_) => {
                let items = value.items().unwrap_or_default();
                self.out.push('[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        self.out.push_str(", ");
                    }
                    self.element(item)?;
                }
                self.out.push(']');
            }
            Value::Object(object) if !is_table(value) => match &**object {
                Object::Time(time) => self.out.push_str(&time.format("2006-01-02T15:04:05.999999999Z07:00")),
                Object::Version(version) => self.out.push_str(&quoted(&version.to_string())),
                _ => return Err(format!("toml: cannot encode {}", value.type_name())),
            },
            value => {
                self.out.push('{');
                let entries: Vec<_> = Self::split(value)?.into_iter().filter(|(_, v)| !v.is_nil()).collect();
                for (i, (key, item)) in entries.iter().enumerate() {
                    if i > 0 {
                        self.out.push_str(", ");
                    }
                    self.out.push_str(&format!("{} = ", key_text(key)));
                    self.element(item)?;
                }
                self.out.push('}');
            }
        }
        Ok(())
    }
}

/// Reads TOML.
pub(super) fn from_toml(text: &str) -> Result<Value, String> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let line =
            error.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count());
        format!("toml: line {line}: {}", error.message())
    })?;
    Ok(from_table(&table))
}

fn from_table(table: &toml::Table) -> Value {
    let entries: Entries = table.iter().map(|(k, v)| (Rc::from(k.as_str()), from_value(v))).collect();
    Value::Map(MapKind::Any, Map::new(entries))
}

fn from_value(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::str(text),
        toml::Value::Integer(n) => Value::int64(*n),
        toml::Value::Float(f) => Value::Float(*f),
        toml::Value::Boolean(b) => Value::Bool(*b),
        toml::Value::Datetime(when) => {
            let text = when.to_string();
            let layouts = [
                "2006-01-02T15:04:05.999999999Z07:00",
                "2006-01-02T15:04:05.999999999",
                "2006-01-02",
                "15:04:05.999999999",
            ];
            match layouts.iter().find_map(|layout| parse_time(layout, &text).ok()) {
                Some(time) => Value::object(Object::Time(time)),
                None => Value::str(text),
            }
        }
        toml::Value::Array(items) => Value::list(items.iter().map(from_value).collect()),
        toml::Value::Table(table) => from_table(table),
    }
}
