//! YAML as Helm reads and writes it: go-yaml v2 behind JSON, with YAML 1.1 types.
//!
//! Reading is bounded in depth and in what aliases may expand to. Numbers are floats for values
//! ([`parse`]) and stay integers for objects ([`parse_object`], [`parse_documents`]).

mod decode;
pub(crate) mod emit;
mod parser;
mod resolve;
mod scanner;

use std::fmt;

use serde_json::Value;

use crate::golang::number::{format_float, json_float, parse_int, parse_uint};
use decode::Decoder;
pub use decode::Numbers;
use emit::{Emitter, Flavour, Place, Source, Unwritable};
use scanner::Mark;

/// A text that is not YAML, said in go-yaml's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlError {
    /// The line as go-yaml counts it; unknown for problems on the first line and of the whole document.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
    prefix: bool,
}

impl YamlError {
    fn new(message: impl Into<String>) -> Self {
        Self { line: None, message: message.into(), prefix: true }
    }

    /// A problem found after YAML was read, so without the word `yaml`.
    fn plain(message: impl Into<String>) -> Self {
        Self { prefix: false, ..Self::new(message) }
    }

    fn at_scan(problem: Mark, context: Mark, message: &str) -> Self {
        let line = match (problem.line, context.line) {
            (0, 0) => None,
            (0, line) => Some(line),
            (line, _) => Some(line + 1),
        };
        Self { line, ..Self::new(message) }
    }

    fn at_parse(problem: Mark, context: Option<Mark>, message: &str) -> Self {
        let line = match (problem.line, context.map_or(0, |c| c.line)) {
            (0, 0) => None,
            (0, line) | (line, _) => Some(line),
        };
        Self { line, ..Self::new(message) }
    }
}

impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.prefix {
            f.write_str("yaml: ")?;
        }
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for YamlError {}

fn first_document(text: &str, numbers: Numbers) -> Result<Value, YamlError> {
    match parser::Parser::new(text)?.document()? {
        Some(document) => Decoder::new(&document, numbers).run(),
        None => Ok(Value::Null),
    }
}

/// Reads the first document as Helm reads values: every number is a float.
pub fn parse(text: &str) -> Result<Value, YamlError> {
    first_document(text, Numbers::Float)
}

/// Reads the first document as an object for the API server: integers stay integers.
pub fn parse_object(text: &str) -> Result<Value, YamlError> {
    first_document(text, Numbers::Exact)
}

/// Reads all documents of a stream; integers stay integers.
pub fn parse_documents(text: &str) -> Result<Vec<Value>, YamlError> {
    let mut parser = parser::Parser::new(text)?;
    let mut documents = Vec::new();
    while let Some(document) = parser.document()? {
        documents.push(Decoder::new(&document, Numbers::Exact).run()?);
    }
    Ok(documents)
}

/// Writes a value as `sigs.k8s.io/yaml` does, with a final line break.
pub fn to_yaml(value: &Value) -> String {
    let emitted = if is_odd(value) {
        // Some characters do not survive the way through JSON; Helm returns nothing for most of them.
        serde_json::to_string(value)
            .ok()
            .and_then(|json| parse_object(&json).ok())
            .map(|value| Emitter::new(Flavour::V2).document(&value))
    } else {
        Some(Emitter::new(Flavour::V2).document(value))
    };
    match emitted {
        Some(Ok(text)) => text,
        _ => String::new(),
    }
}

/// Characters that a JSON text may hold but YAML reads differently or refuses.
pub(crate) fn is_odd_text(text: &str) -> bool {
    text.bytes().any(|b| b >= 0x7F)
        && text.chars().any(|c| matches!(c, '\u{7F}'..='\u{9F}' | '\u{FFFE}' | '\u{FFFF}'))
}

/// Keys longer than this are no simple keys in the JSON that go-yaml reads back.
pub(crate) const LONG_KEY: usize = 1000;

fn is_odd(value: &Value) -> bool {
    match value {
        Value::String(text) => is_odd_text(text),
        Value::Array(items) => items.iter().any(is_odd),
        Value::Object(map) => {
            map.iter().any(|(key, value)| key.len() > LONG_KEY || is_odd_text(key) || is_odd(value))
        }
        _ => false,
    }
}

/// A float on its way through JSON and YAML: whole numbers lose their fraction.
pub(crate) fn float_text(value: f64) -> Option<String> {
    let json = json_float(value)?;
    if let Ok(whole) = parse_int(&json, 0) {
        return Some(whole.to_string());
    }
    if parse_uint(&json, 0).is_ok() {
        return Some(json);
    }
    Some(format_float(value, b'g', -1, false))
}

impl Source for Value {
    fn emit(&self, emitter: &mut Emitter, place: Place) -> Result<(), Unwritable> {
        match self {
            Value::Null => emitter.plain("null"),
            Value::Bool(true) => emitter.plain("true"),
            Value::Bool(false) => emitter.plain("false"),
            Value::Number(number) if number.is_f64() => {
                let text = number.as_f64().and_then(float_text).ok_or(Unwritable)?;
                emitter.plain(&text);
            }
            Value::Number(number) => emitter.plain(&number.to_string()),
            Value::String(text) => emitter.string(text),
            Value::Array(items) => return emitter.sequence(place, items.iter()),
            Value::Object(map) => {
                let mut entries: Vec<(&str, &Value)> = map.iter().map(|(k, v)| (k.as_str(), v)).collect();
                return emitter.mapping(&mut entries);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        parse_object(text).map_or_else(|e| e.to_string(), |v| v.to_string())
    }

    #[test]
    fn types_follow_yaml_1_1() {
        let text =
            "a: yes\nb: 014\nc: 08\nd: 1_000\ne: 12:30\nf: 2020-01-01\ng: 1e400\nh: !!str 1\ni: ~\nj: n";
        let want = r#"{"a":true,"b":12,"c":8,"d":1000,"e":"12:30","f":"2020-01-01","g":"1e400","h":"1","i":null,"j":false}"#;
        assert_eq!(json(text), want);
    }

    #[test]
    fn merge_keys_override_what_comes_before() {
        assert_eq!(
            json("x: &x {a: 1, b: 2}\nz: {a: 0, <<: *x, b: 3}"),
            r#"{"x":{"a":1,"b":2},"z":{"a":1,"b":3}}"#
        );
    }

    #[test]
    fn errors_have_the_words_and_lines_of_go_yaml() {
        assert_eq!(json("a: 1\nb:\n  c: 2\n d: 3\n"), "yaml: line 3: did not find expected key");
        assert_eq!(json("a: b: c"), "yaml: mapping values are not allowed in this context");
        assert_eq!(json("\ta: b\n"), "yaml: found character that cannot start any token");
        assert_eq!(json("a: .inf"), "json: unsupported value: +Inf");
        assert_eq!(json("a: *x"), "yaml: unknown anchor 'x' referenced");
        assert_eq!(json("a: &x [*x]"), "yaml: anchor 'x' value contains itself");
    }

    #[test]
    fn aliases_cannot_explode() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for i in 1..12 {
            let list = vec![format!("*a{}", i - 1); 10].join(", ");
            text.push_str(&format!("a{i}: &a{i} [{list}]\n"));
        }
        assert_eq!(json(&text), "yaml: document contains excessive aliasing");
    }

    #[test]
    fn nesting_is_bounded() {
        assert_eq!(json(&"[".repeat(100_000)), "yaml: exceeded max depth of 1000");
    }

    #[test]
    fn strings_are_quoted_where_needed() {
        let value = serde_json::json!({
            "k10": "yes", "k9": "a: b", "z": ["x", [1.0, 2.5]], "m": "l1\nl2\n", "e": {}, "o": null, "f": 1e6,
            "long": "word ".repeat(20).trim_end(),
        });
        let want = "e: {}\nf: 1000000\nk9: 'a: b'\nk10: \"yes\"\nlong: word word word word word word word word \
                    word word word word word word word word\n  word word word word\nm: |\n  l1\n  l2\no: null\nz:\n\
                    - x\n- - 1\n  - 2.5\n";
        assert_eq!(to_yaml(&value), want);
    }

    #[test]
    fn a_next_line_character_makes_helm_give_up_on_keys() {
        assert_eq!(to_yaml(&serde_json::json!({"a\u{85}": 1})), "");
    }
}
