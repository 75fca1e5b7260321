//! The grammar of `--set` and its relatives: `a.b[0].c=1,d={x,y}`, with Helm's quirks and error texts.

use std::ops::ControlFlow;

use serde_json::{Map, Value};

use super::to_floats;
use crate::text::quote;

const MAX_INDEX: i64 = 65_536;
const MAX_LEVEL: usize = 30;

/// `--set`: values look for their type.
pub fn parse(text: &str, into: &mut Map<String, Value>) -> Result<(), String> {
    Parser::new(text, Mode::Typed).run(into)
}

/// `--set-string`: every value is text.
pub fn parse_string(text: &str, into: &mut Map<String, Value>) -> Result<(), String> {
    Parser::new(text, Mode::Text).run(into)
}

/// `--set-json`: values are JSON.
pub fn parse_json(text: &str, into: &mut Map<String, Value>) -> Result<(), String> {
    Parser::new(text, Mode::Json).run(into)
}

/// `--set-literal`: everything behind the first `=` is one text.
pub fn parse_literal(text: &str, into: &mut Map<String, Value>) -> Result<(), String> {
    Parser::new(text, Mode::Literal).run(into)
}

/// `--set-file`: values name files.
pub fn parse_file(text: &str, into: &mut Map<String, Value>, read: Reader<'_>) -> Result<(), String> {
    Parser::new(text, Mode::File(read)).run(into)
}

/// Gives the text of a file by its name.
pub type Reader<'r> = &'r mut dyn FnMut(&str) -> Result<String, String>;

enum Mode<'r> {
    Typed,
    Text,
    Json,
    Literal,
    File(Reader<'r>),
}

/// The end of the text ends the whole without being a failure.
enum Stop {
    End,
    Failure(String),
}

type Step<T> = Result<T, Stop>;

fn failure<T>(text: impl Into<String>) -> Step<T> {
    Err(Stop::Failure(text.into()))
}

struct Parser<'t, 'r> {
    rest: &'t str,
    mode: Mode<'r>,
}

impl<'t, 'r> Parser<'t, 'r> {
    fn new(rest: &'t str, mode: Mode<'r>) -> Self {
        Self { rest, mode }
    }

    fn run(&mut self, into: &mut Map<String, Value>) -> Result<(), String> {
        loop {
            match self.key(into, 0) {
                Ok(()) => {}
                Err(Stop::End) => return Ok(()),
                Err(Stop::Failure(text)) => return Err(text),
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let mut letters = self.rest.chars();
        let letter = letters.next();
        self.rest = letters.as_str();
        letter
    }

    /// Text up to one of the signs, and the sign; `None` at the end of the text.
    fn until(&mut self, signs: &str) -> (String, Option<char>) {
        let mut text = String::new();
        let escapes = !matches!(self.mode, Mode::Literal);
        while let Some(letter) = self.next() {
            if signs.contains(letter) {
                return (text, Some(letter));
            }
            if escapes && letter == '\\' {
                match self.next() {
                    Some(next) => text.push(next),
                    None => break,
                }
            } else {
                text.push(letter);
            }
        }
        (text, None)
    }

    fn key(&mut self, data: &mut Map<String, Value>, level: usize) -> Step<()> {
        let signs = if matches!(self.mode, Mode::Literal) { "=[." } else { "=[,." };
        let (key, sign) = self.until(signs);
        match sign {
            None if key.is_empty() => Err(Stop::End),
            None => failure(format!("key {} has no value", quote(&key))),
            Some('[') => self.list_key(data, key, level),
            Some('=') => self.assign(data, key),
            Some('.') => self.nested_key(data, key, level + 1),
            Some(_) => {
                set(data, &key, Value::String(String::new()));
                failure(format!("key {} has no value (cannot end with ,)", quote(&key)))
            }
        }
    }

    fn list_key(&mut self, data: &mut Map<String, Value>, key: String, level: usize) -> Step<()> {
        let index = self.index()?;
        let mut list = match data.get_mut(&key) {
            None => Vec::new(),
            Some(Value::Array(list)) => std::mem::take(list),
            Some(other) => return failure(conversion(other, "[]interface {}")),
        };
        let result = self.item(&mut list, index, level);
        set(data, &key, Value::Array(list));
        result
    }

    fn assign(&mut self, data: &mut Map<String, Value>, key: String) -> Step<()> {
        let value = match self.value()? {
            ControlFlow::Continue(value) => value,
            // Nothing behind the sign: the value is empty and the text is over.
            ControlFlow::Break(()) => {
                set(data, &key, Value::String(String::new()));
                return Err(Stop::End);
            }
        };
        set(data, &key, value);
        Ok(())
    }

    fn nested_key(&mut self, data: &mut Map<String, Value>, key: String, level: usize) -> Step<()> {
        if level > MAX_LEVEL {
            return failure(format!(
                "value name nested level is greater than maximum supported nested level of {MAX_LEVEL}"
            ));
        }
        let (mut inner, existed) = match data.get_mut(&key) {
            None => (Map::new(), false),
            Some(Value::Object(map)) => (std::mem::take(map), true),
            Some(other) => return failure(conversion(other, "map[string]interface {}")),
        };
        let result = self.key(&mut inner, level);
        let is_empty = inner.is_empty();
        if existed {
            data.insert(key.clone(), Value::Object(inner));
        } else if !is_empty {
            set(data, &key, Value::Object(inner));
        }
        if result.is_ok() && is_empty {
            return failure(format!("key map {} has no value", quote(&key)));
        }
        result
    }

    fn index(&mut self) -> Step<i64> {
        let (text, sign) = self.until("]");
        if sign.is_none() {
            return Err(Stop::End);
        }
        text.parse().map_err(|error: std::num::ParseIntError| {
            use std::num::IntErrorKind::{NegOverflow, PosOverflow};
            let reason = match error.kind() {
                PosOverflow | NegOverflow => "value out of range",
                _ => "invalid syntax",
            };
            Stop::Failure(format!("error parsing index: strconv.Atoi: parsing {}: {reason}", quote(&text)))
        })
    }

    /// What follows `]`.
    fn item(&mut self, list: &mut Vec<Value>, index: i64, level: usize) -> Step<()> {
        if index < 0 {
            return failure(format!("negative {index} index not allowed"));
        }
        let (text, sign) = self.until("[.=");
        if !text.is_empty() {
            let letters: Vec<String> = text.chars().map(|letter| format!("{letter:?}")).collect();
            return failure(format!("unexpected data at end of array index: [{}]", letters.join(" ")));
        }
        let position = usize::try_from(index).unwrap_or(usize::MAX);
        match sign {
            None => Err(Stop::End),
            Some('=') => {
                let value = match self.value()? {
                    ControlFlow::Continue(value) => value,
                    ControlFlow::Break(()) => Value::String(String::new()),
                };
                set_index(list, index, value)
            }
            Some('[') => {
                let next = self.index()?;
                let mut inner = match list.get_mut(position) {
                    None | Some(Value::Null) => Vec::new(),
                    Some(Value::Array(inner)) => std::mem::take(inner),
                    Some(other) => return failure(conversion(other, "[]interface {}")),
                };
                let result = self.item(&mut inner, next, level);
                if result.is_ok() || list.get(position).is_some_and(Value::is_array) {
                    set_index(list, index, Value::Array(inner))?;
                }
                result
            }
            Some(_) => {
                let (mut inner, existed) = match list.get_mut(position) {
                    None => (Map::new(), false),
                    Some(Value::Object(map)) => (std::mem::take(map), true),
                    Some(_) => (Map::new(), true),
                };
                let result = self.key(&mut inner, level);
                if result.is_ok() || existed {
                    set_index(list, index, Value::Object(inner))?;
                }
                result
            }
        }
    }

    /// The value behind `=`; `Break` if there is nothing more.
    fn value(&mut self) -> Step<ControlFlow<(), Value>> {
        match self.mode {
            Mode::Json => return self.json().map(ControlFlow::Continue),
            Mode::Literal => {
                let text = std::mem::take(&mut self.rest).to_owned();
                return Ok(ControlFlow::Continue(Value::String(text)));
            }
            _ => {}
        }
        if self.rest.is_empty() {
            return Ok(ControlFlow::Break(()));
        }
        if let Some(rest) = self.rest.strip_prefix('{') {
            self.rest = rest;
            return self.list().map(ControlFlow::Continue);
        }
        let (text, _) = self.until(",");
        self.convert(text).map(ControlFlow::Continue)
    }

    fn list(&mut self) -> Step<Value> {
        let mut list = Vec::new();
        loop {
            let (text, sign) = self.until(",}");
            match sign {
                None => return failure("list must terminate with '}'"),
                Some('}') => {
                    self.rest = self.rest.strip_prefix(',').unwrap_or(self.rest);
                    list.push(self.convert(text)?);
                    return Ok(Value::Array(list));
                }
                Some(_) => list.push(self.convert(text)?),
            }
        }
    }

    fn json(&mut self) -> Step<Value> {
        if self.skip_empty() {
            return Ok(Value::Null);
        }
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<Value>();
        let value = match values.next() {
            Some(Ok(value)) => value,
            Some(Err(error)) => return failure(error.to_string()),
            None => return failure("unexpected end of JSON input"),
        };
        let read = values.byte_offset();
        self.rest = &self.rest[read..];
        self.skip_empty();
        Ok(to_floats(value))
    }

    /// Skips blanks and one comma; whether nothing else was there.
    fn skip_empty(&mut self) -> bool {
        self.rest = self.rest.trim_start();
        if let Some(rest) = self.rest.strip_prefix(',') {
            self.rest = rest;
            return true;
        }
        self.rest.is_empty()
    }

    fn convert(&mut self, text: String) -> Step<Value> {
        match &mut self.mode {
            Mode::Typed => Ok(typed(text)),
            Mode::File(read) => read(&text).map(Value::String).map_err(Stop::Failure),
            _ => Ok(Value::String(text)),
        }
    }
}

fn set(data: &mut Map<String, Value>, key: &str, value: Value) {
    if !key.is_empty() {
        data.insert(key.to_owned(), value);
    }
}

fn set_index(list: &mut Vec<Value>, index: i64, value: Value) -> Step<()> {
    if index > MAX_INDEX {
        return failure(format!("index of {index} is greater than maximum supported index of {MAX_INDEX}"));
    }
    let index = usize::try_from(index).unwrap_or_default();
    if list.len() <= index {
        list.resize(index + 1, Value::Null);
    }
    list[index] = value;
    Ok(())
}

fn typed(text: String) -> Value {
    if text.eq_ignore_ascii_case("true") {
        return Value::Bool(true);
    }
    if text.eq_ignore_ascii_case("false") {
        return Value::Bool(false);
    }
    if text.eq_ignore_ascii_case("null") {
        return Value::Null;
    }
    if text == "0" {
        return Value::from(0_i64);
    }
    if !text.starts_with('0')
        && let Ok(number) = text.parse::<i64>()
    {
        return Value::from(number);
    }
    Value::String(text)
}

fn conversion(value: &Value, wanted: &str) -> String {
    let kind = match value {
        Value::Null => "nil",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    };
    format!("unable to parse key: interface conversion: interface {{}} is {kind}, not {wanted}")
}

#[cfg(test)]
mod tests;
