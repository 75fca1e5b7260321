//! Checks values against `values.schema.json`, of subcharts too.
//!
//! Whether values are valid is decided by the crate `jsonschema`. Nothing is fetched: a schema that refers to another
//! host is refused.

mod failures;

use std::fmt::Write;

use jsonschema::{PatternOptions, Retrieve, Uri, Validator};
use serde_json::Value;

use crate::chart::Chart;

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
    let schema: Value = serde_json::from_slice(schema).map_err(|error| error.to_string())?;
    let validator = compile(&schema)?;
    if validator.is_valid(values) {
        return Ok(());
    }
    Err(failures::describe(&validator, values))
}

fn compile(schema: &Value) -> Result<Validator, String> {
    // Go's patterns know no look-around and no back-references, so the engine without them decides.
    jsonschema::options()
        .with_retriever(Offline)
        .with_pattern_options(PatternOptions::regex().size_limit(MAX_PATTERN))
        .build(schema)
        .map_err(|error| format!("values.schema.json cannot be used: {error}"))
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
