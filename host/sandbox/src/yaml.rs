//! YAML 1.1 as Go reads it, into JSON values.

use serde_json::{Map, Number, Value};
use serde_yaml_ng::Value as Yaml;

/// The JSON value of a YAML text, and the complaint about a duplicate key if there is one.
pub(crate) fn parse(text: &str) -> Result<(Value, Option<String>), String> {
    // Only the first document counts.
    let Some(first) = serde_yaml_ng::Deserializer::from_str(text).next() else {
        return Ok((Value::Null, None));
    };
    match <Yaml as serde::Deserialize>::deserialize(first) {
        Ok(yaml) => Ok((convert(yaml)?, None)),
        Err(error) => {
            let message = error.to_string();
            if !message.contains("duplicate entry") {
                return Err(go_error(text, &message));
            }
            duplicate(text, &error)
        }
    }
}

/// Reads a text with duplicate keys again, without the earlier ones.
fn duplicate(text: &str, error: &serde_yaml_ng::Error) -> Result<(Value, Option<String>), String> {
    let message = error.to_string();
    let key = message.split('"').nth(1).unwrap_or_default().to_string();
    let mut lines: Vec<&str> = text.lines().collect();
    let found: Vec<usize> = (0..lines.len())
        .filter(|i| lines[*i].trim_start().strip_prefix(&key).is_some_and(|rest| rest.starts_with(':')))
        .collect();
    let [.., before, last] = found[..] else { return Err(message) };
    let complaint = format!("yaml: unmarshal errors:\n  line {}: key {key:?} already set in map", last + 1);
    lines.remove(before);
    let (value, _) = parse(&lines.join("\n"))?;
    Ok((value, Some(complaint)))
}

fn go_error(text: &str, message: &str) -> String {
    // The parser of Go names the flow collection that is not closed.
    let open = |c: char| text.matches(c).count();
    if open('[') > open(']') {
        return "error converting YAML to JSON: yaml: line 1: did not find expected ',' or ']'".into();
    }
    if open('{') > open('}') {
        return "error converting YAML to JSON: yaml: line 1: did not find expected ',' or '}'".into();
    }
    format!("error converting YAML to JSON: yaml: {message}")
}

fn convert(yaml: Yaml) -> Result<Value, String> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(b) => Value::Bool(b),
        Yaml::Number(n) => {
            if let Some(i) = n.as_i64() {
                i.into()
            } else if let Some(u) = n.as_u64() {
                u.into()
            } else {
                Number::from_f64(n.as_f64().unwrap_or(0.0)).map_or(Value::Null, Value::Number)
            }
        }
        Yaml::String(text) => Value::String(text),
        Yaml::Sequence(items) => Value::Array(items.into_iter().map(convert).collect::<Result<_, _>>()?),
        Yaml::Mapping(map) => {
            let mut out = Map::new();
            for (key, value) in map {
                let key = match key {
                    Yaml::String(text) => text,
                    Yaml::Bool(b) => b.to_string(),
                    Yaml::Number(n) => n.to_string(),
                    Yaml::Null => "null".into(),
                    _ => {
                        return Err(
                            "error converting YAML to JSON: a map key is neither text nor number".into()
                        );
                    }
                };
                out.insert(key, convert(value)?);
            }
            Value::Object(out)
        }
        Yaml::Tagged(tagged) => convert(tagged.value)?,
    })
}
