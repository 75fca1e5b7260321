//! Values that a user or chart gives: reading files of several documents, merging them, and `--set` in all its forms.

pub mod strvals;

use std::borrow::Cow;

use serde_json::{Map, Number, Value};

use crate::yaml;

/// The ways in which values reach a release, in the order in which Helm merges them.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Name and text of each `--values` file.
    pub files: Vec<(String, String)>,
    /// `--set-json`.
    pub json: Vec<String>,
    /// `--set`.
    pub set: Vec<String>,
    /// `--set-string`.
    pub strings: Vec<String>,
    /// `--set-file`: the assignment, whose right sides name entries of `file_contents`.
    pub set_files: Vec<String>,
    /// Name and text of the files that `set_files` names.
    pub file_contents: Vec<(String, String)>,
    /// `--set-literal`.
    pub literals: Vec<String>,
}

impl Sources {
    /// Merges everything into one object.
    pub fn merge(&self) -> Result<Value, String> {
        let mut base = Map::new();
        for (name, text) in &self.files {
            let values = load_values(text).map_err(|error| format!("failed to parse {name}: {error}"))?;
            if let Value::Object(values) = values {
                merge_maps(&mut base, values);
            }
        }
        for text in &self.json {
            if text.trim_start().starts_with('{') {
                let value: Value = serde_json::from_str(text.trim())
                    .map_err(|_| format!("failed parsing --set-json data JSON: {text}"))?;
                if let Value::Object(values) = to_floats(value) {
                    merge_maps(&mut base, values);
                }
            } else {
                strvals::parse_json(text, &mut base)
                    .map_err(|_| format!("failed parsing --set-json data {text}"))?;
            }
        }
        for text in &self.set {
            strvals::parse(text, &mut base).map_err(|error| format!("failed parsing --set data: {error}"))?;
        }
        for text in &self.strings {
            strvals::parse_string(text, &mut base)
                .map_err(|error| format!("failed parsing --set-string data: {error}"))?;
        }
        for text in &self.set_files {
            let mut read = |name: &str| {
                let found = self.file_contents.iter().find(|(known, _)| known == name);
                found
                    .map(|(_, text)| text.clone())
                    .ok_or_else(|| format!("open {name}: no such file or directory"))
            };
            strvals::parse_file(text, &mut base, &mut read)
                .map_err(|error| format!("failed parsing --set-file data: {error}"))?;
        }
        for text in &self.literals {
            strvals::parse_literal(text, &mut base)
                .map_err(|error| format!("failed parsing --set-literal data: {error}"))?;
        }
        Ok(Value::Object(base))
    }
}

/// Reads a values file; its documents are merged. Numbers become floats, as in Helm.
pub fn load_values(text: &str) -> Result<Value, String> {
    let mut values = Map::new();
    let (documents, separator) = split_documents(text);
    for document in documents {
        let value =
            read_yaml(&document).map_err(|error| format!("cannot unmarshal yaml document: {error}"))?;
        match to_floats(value) {
            Value::Object(map) => merge_maps(&mut values, map),
            Value::Null => {}
            other => {
                return Err(format!(
                    "cannot unmarshal yaml document: error unmarshaling JSON: while decoding JSON: json: cannot \
                     unmarshal {} into Go value of type map[string]interface {{}}",
                    json_kind(&other)
                ));
            }
        }
    }
    match separator {
        Some(rest) => Err(format!("error reading yaml document: invalid Yaml document separator: {rest}")),
        None => Ok(Value::Object(values)),
    }
}

/// Reads one document; integers stay integers, errors are worded as in Helm.
pub(crate) fn read_yaml(text: &str) -> Result<Value, String> {
    yaml::parse_object(text).map_err(|error| format!("error converting YAML to JSON: {error}"))
}

/// The text of a file; bytes that are no text become replacement characters, which YAML refuses where they matter.
pub(crate) fn text_of(data: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(data)
}

pub(crate) fn json_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Splits at lines that begin with `---`. Anything but a comment behind that ends the reading and is returned.
pub(crate) fn split_documents(text: &str) -> (Vec<String>, Option<String>) {
    let mut documents = Vec::new();
    let mut document = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("---") {
            let rest = rest.trim();
            if !rest.is_empty() && !rest.starts_with('#') {
                return (documents, Some(rest.to_owned()));
            }
            if !document.is_empty() {
                documents.push(std::mem::take(&mut document));
                continue;
            }
        }
        document.push_str(line);
        document.push('\n');
    }
    if !document.is_empty() {
        documents.push(document);
    }
    (documents, None)
}

/// Merges `from` over `into`: maps are merged, anything else is replaced.
pub fn merge_maps(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Object(into)), Value::Object(from)) => merge_maps(into, from),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// Turns every number into a float, as Go's JSON reader does for values without a type.
pub(crate) fn to_floats(value: Value) -> Value {
    match value {
        Value::Number(number) if !number.is_f64() => {
            let float = number.as_f64().and_then(Number::from_f64);
            Value::Number(float.unwrap_or(number))
        }
        Value::Array(list) => Value::Array(list.into_iter().map(to_floats).collect()),
        Value::Object(map) => {
            Value::Object(map.into_iter().map(|(key, value)| (key, to_floats(value))).collect())
        }
        other => other,
    }
}
