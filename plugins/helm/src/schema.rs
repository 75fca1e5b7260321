//! Checks values against `values.schema.json`, of subcharts too.
//!
//! Whether values are valid is decided by the crate `jsonschema`. Nothing is fetched: a schema that refers to another
//! host is refused.

mod failures;
mod formats;
mod patterns;
mod report;

use std::fmt::Write;

use jsonschema::{PatternOptions, Retrieve, Uri, Validator};
use serde_json::Value;

use crate::chart::Chart;
use crate::functions::json;

/// Bytes of compiled patterns of one schema.
const MAX_PATTERN: usize = 4 * 1024 * 1024;

/// Checks the values of a chart and its subcharts; the error lists all failures as Helm prints them.
pub fn validate(chart: &Chart, values: &Value) -> Result<(), String> {
    let mut failures = String::new();
    if let Some(schema) = &chart.schema
        && let Err(failure) = validate_single(values, schema)
    {
        // Writing to a string cannot fail.
        let _ = write!(failures, "{}:\n{failure}", chart.name());
    }
    for dependency in &chart.dependencies {
        match values.get(dependency.name()) {
            None | Some(Value::Null) => {}
            Some(inner @ Value::Object(_)) => {
                if let Err(failure) = validate(dependency, inner) {
                    failures.push_str(&failure);
                }
            }
            Some(other) => {
                let _ = writeln!(
                    failures,
                    "{}:\ninvalid type for values: expected object (map), got {}",
                    dependency.name(),
                    go_type(other)
                );
            }
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures) }
}

/// Checks values against one schema.
pub fn validate_single(values: &Value, schema: &[u8]) -> Result<(), String> {
    let schema = read(schema)?;
    let validator = compile(&schema)?;
    // Values come with floats for all numbers, which the crate takes for no integers in draft 4.
    let whole = with_integers(values);
    if validator.is_valid(&whole) {
        return Ok(());
    }
    let text = report::describe(&schema, values).unwrap_or_else(|| failures::list(&validator, &whole));
    Err(text)
}

/// Floats without a fraction as integers, as far as there are such.
fn with_integers(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            let float = number.as_f64().unwrap_or_default();
            // Both bounds are powers of two, so that what lies between is exact.
            let is_whole = float.fract() == 0.0
                && (-9_223_372_036_854_775_808.0..18_446_744_073_709_551_616.0).contains(&float);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
            match (is_whole, float < 0.0) {
                (true, true) => Value::from(float as i64),
                (true, false) => Value::from(float as u64),
                _ => value.clone(),
            }
        }
        Value::Array(list) => list.iter().map(with_integers).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), with_integers(value))).collect(),
        other => other.clone(),
    }
}

fn read(schema: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(schema).map_err(|error| {
        let text = String::from_utf8_lossy(schema);
        match json::read::first_fault(&text) {
            Err((_, reason)) => reason,
            Ok(()) => match json::read::from_json(&text) {
                Err(reason) => reason,
                Ok(_) => error.to_string(),
            },
        }
    })
}

fn compile(original: &Value) -> Result<Validator, String> {
    let schema = &patterns::translated(original).map_err(|wrong| failures::no_pattern(original, &wrong))?;
    if let Err(error) = jsonschema::meta::validate(schema) {
        return Err(failures::unusable(schema, &error));
    }
    // Go's patterns know no look-around and no back-references, so the engine without them decides.
    jsonschema::options()
        .with_retriever(Offline)
        // Helm takes what is said about the content of texts for a remark.
        .without_content_encoding_support("base64")
        .without_content_media_type_support("application/json")
        .with_keyword(patterns::KEYWORD, |_, value, _| Ok(Box::new(patterns::Pattern::new(value)?)))
        .with_keyword(patterns::FORMAT, |_, value, _| Ok(Box::new(patterns::Format::new(value))))
        .with_pattern_options(PatternOptions::regex().size_limit(MAX_PATTERN))
        .build(schema)
        .map_err(|error| {
            let text = error.to_string();
            match text.strip_prefix("Pointer '").and_then(|rest| rest.strip_suffix("' does not exist")) {
                Some(pointer) => {
                    format!("json-pointer in \"file:///values.schema.json#{pointer}\" not found")
                }
                None => format!("values.schema.json cannot be used: {text}"),
            }
        })
}

/// Answers every reference outside the schema.
struct Offline;

impl Retrieve for Offline {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        // Helm lets names that it cannot resolve pass.
        if uri.as_str().starts_with("urn:") {
            return Ok(Value::Bool(true));
        }
        Err(format!("schemas are not fetched from elsewhere, put `{uri}` into the chart").into())
    }
}

fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(schema: Value, values: Value) -> String {
        validate_single(&values, schema.to_string().as_bytes()).err().unwrap_or_default()
    }

    #[test]
    fn failures_are_nested_as_helm_prints_them() {
        let schema = json!({
            "required": ["x", "y"],
            "properties": {
                "a": {"type": ["string", "null"]},
                "b": {"properties": {"c": {"type": "integer"}, "d": {"enum": ["x", 2, null]}}, "minProperties": 3},
                "e": {"anyOf": [{"type": "string"}, {"minimum": 5000, "multipleOf": 2}]},
                "f": {"$ref": "#/$defs/port"},
                "g": {"oneOf": [{"type": "number"}, {"minimum": 1}]},
                "h": {"items": {"pattern": "^'a+$"}, "uniqueItems": true},
            },
            "additionalProperties": false,
            "$defs": {"port": {"maximum": 65535, "type": "integer"}},
        });
        let values = json!({
            "a": 1.0, "b": {"c": "x", "d": 1.0}, "e": 1.0, "f": 100000.0, "g": 2.0, "h": ["b", "b"], "z": 1.0, "w'": 1.0,
        });
        insta::assert_snapshot!(check(schema, values), @r#"
        - at '': missing properties 'x', 'y'
        - at '/a': got number, want null or string
        - at '/b': validation failed
          - at '/b': minProperties: got 2, want 3
          - at '/b/c': got string, want integer
          - at '/b/d': value must be one of 'x', 2, <nil>
        - at '/e': 'anyOf' failed
          - at '/e': got number, want string
          - at '/e': validation failed
            - at '/e': minimum: got 1, want 5,000
            - at '/e': multipleOf: got 1, want 2
        - at '/f': maximum: got 100,000, want 65,535
        - at '/g': 'oneOf' failed, subschemas 0, 1 matched
        - at '/h': validation failed
          - at '/h': items at 0 and 1 are equal
          - at '/h/0': 'b' does not match pattern '^\'a+$'
          - at '/h/1': 'b' does not match pattern '^\'a+$'
        - at '': additional properties 'w\'', 'z' not allowed
        "#);
    }

    #[test]
    fn patterns_are_those_of_go() {
        let schema = |pattern: &str| {
            json!({
                "$schema": "http://json-schema.org/draft-07/schema#",
                "properties": {"a": {"pattern": pattern}, "b": {"default": {"pattern": "("}}},
                "patternProperties": {r"^[\s\S]*\bx": {"type": "integer"}},
            })
        };
        for pattern in [r"^[\w-.]+$", r"^[[:alpha:]-]+\.b\z", r"^(?i)A-B\.", r"^\Qa-b.\E"] {
            assert_eq!(check(schema(pattern), json!({"a": "a-b.b"})), "", "{pattern}");
        }
        insta::assert_snapshot!(check(schema(r"^\<a\>$"), json!({"a": "a", "x": "1"})), @r"
        - at '/a': 'a' does not match pattern '^\\<a\\>$'
        - at '/x': got string, want integer
        ");
        insta::assert_snapshot!(check(schema("(?!a)"), json!({})), @r#"
        "file:///values.schema.json#" is not valid against metaschema: jsonschema validation failed with 'http://json-schema.org/draft-07/schema#'
        - at '/properties/a/pattern': '(?!a)' is not valid regex: error parsing regexp: invalid or unsupported Perl syntax: `(?!`
        "#);
        let schema = json!({"properties": {"a": {"items": {"pattern": "("}}}});
        insta::assert_snapshot!(check(schema, json!({})), @r#"
        "file:///values.schema.json#" is not valid against metaschema: jsonschema validation failed with 'https://json-schema.org/draft/2020-12/schema#'
        - at '': 'allOf' failed
          - at '/properties/a': 'allOf' failed
            - at '/properties/a/items': 'allOf' failed
              - at '/properties/a/items/pattern': '(' is not valid regex: error parsing regexp: missing closing ): `(`
        "#);
    }

    #[test]
    fn a_schema_that_is_none_is_said_part_by_part() {
        insta::assert_snapshot!(check(json!({"properties": {"a": {"type": "nope"}}}), json!({})), @r#"
        "file:///values.schema.json#" is not valid against metaschema: jsonschema validation failed with 'https://json-schema.org/draft/2020-12/schema#'
        - at '': 'allOf' failed
          - at '/properties/a': 'allOf' failed
            - at '/properties/a/type': 'anyOf' failed
              - at '/properties/a/type': value must be one of 'array', 'boolean', 'integer', 'null', 'number', 'object', 'string'
              - at '/properties/a/type': got string, want array
        "#);
        let older = json!({"$schema": "http://json-schema.org/draft-07/schema#", "required": "a"});
        insta::assert_snapshot!(check(older, json!({})), @r#"
        "file:///values.schema.json#" is not valid against metaschema: jsonschema validation failed with 'http://json-schema.org/draft-07/schema#'
        - at '/required': got string, want array
        "#);
    }

    #[test]
    fn the_content_of_texts_is_not_looked_into() {
        let schema = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "properties": {"a": {"contentEncoding": "base64", "contentMediaType": "application/json"}},
        });
        assert_eq!(check(schema, json!({"a": "{"})), "");
    }

    #[test]
    fn nothing_is_fetched() {
        let schema = json!({"$ref": "https://schemas.example.org/values.json"});
        insta::assert_snapshot!(check(schema, json!({})), @"values.schema.json cannot be used: Resource 'https://schemas.example.org/values.json' is not present in a registry and retrieving it failed: schemas are not fetched from elsewhere, put `https://schemas.example.org/values.json` into the chart");
        assert_eq!(check(json!({"$ref": "urn:example:unknown"}), json!({})), "");
    }

    #[test]
    fn older_drafts_keep_their_meaning() {
        let schema = json!({
            "$schema": "http://json-schema.org/draft-04/schema#",
            "properties": {
                "a": {"type": "integer", "minimum": 1, "exclusiveMinimum": true},
                "b": {"items": [{"type": ["integer", "null"]}], "additionalItems": false},
            },
        });
        assert_eq!(check(schema.clone(), json!({"a": 2.0, "b": [1e15]})), "");
        insta::assert_snapshot!(check(schema, json!({"a": 1.0, "b": [1.0, 2.0, 3.0]})), @r#"
        - at '/a': exclusiveMinimum: got 1, want 1
        - at '/b': last 2 additionalItem(s) not allowed
        "#);
    }

    #[test]
    fn what_the_report_does_not_follow_is_listed() {
        let schema = json!({"properties": {"a": {"type": "string"}}, "unevaluatedProperties": false});
        insta::assert_snapshot!(check(schema, json!({"a": 1.0})), @"- at '/a': got number, want string");
    }
}
