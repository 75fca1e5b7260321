//! Failures of a schema in the words of the library that Helm uses.

use std::fmt::Write;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError, Validator};
use serde_json::Value;

use crate::text::quote;

/// Failures beyond these are counted, not listed.
const MAX_FAILURES: usize = 100;

/// One line per failure, `- at '/PATH': REASON`.
pub(super) fn describe(validator: &Validator, values: &Value) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut rest = 0;
    for error in validator.iter_errors(values) {
        if lines.len() < MAX_FAILURES {
            line(&error, 0, &mut lines);
        } else {
            rest += 1;
        }
    }
    if rest > 0 {
        lines.push(format!("- {rest} more failures"));
    }
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

fn line(error: &ValidationError<'_>, depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    let place = single_quoted(error.instance_path().as_str());
    lines.push(format!("{indent}- at {place}: {}", reason(error)));
    let context = match error.kind() {
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => context,
        _ => return,
    };
    for branch in context {
        match branch.as_slice() {
            [single] => line(single, depth + 1, lines),
            several => {
                lines.push(format!("{indent}  - at {place}: validation failed"));
                several.iter().for_each(|error| line(error, depth + 2, lines));
            }
        }
    }
}

fn reason(error: &ValidationError<'_>) -> String {
    use ValidationErrorKind as Kind;
    let value = error.instance().as_ref();
    let length = || match value {
        Value::String(text) => text.chars().count(),
        Value::Array(list) => list.len(),
        Value::Object(map) => map.len(),
        _ => 0,
    };
    match error.kind() {
        Kind::Type { kind } => format!("got {}, want {}", type_of(value), wanted(kind)),
        Kind::Required { property } => format!("missing property {}", shown(property)),
        Kind::AdditionalProperties { unexpected } => {
            let names: Vec<String> = unexpected.iter().map(|name| single_quoted(name)).collect();
            format!("additional properties {} not allowed", names.join(", "))
        }
        Kind::Enum { options } => enumeration(options),
        Kind::Constant { expected_value } => match expected_value.as_ref() {
            Value::Array(_) | Value::Object(_) => "'const' failed".to_owned(),
            wanted => format!("value must be {}", shown(wanted)),
        },
        Kind::Pattern { pattern } => {
            format!("{} does not match pattern {}", shown(value), single_quoted(pattern))
        }
        Kind::Format { format } => format!("{} is not valid {format}", shown(value)),
        Kind::Minimum { limit } => limits("minimum", value, limit),
        Kind::Maximum { limit } => limits("maximum", value, limit),
        Kind::ExclusiveMinimum { limit } => limits("exclusiveMinimum", value, limit),
        Kind::ExclusiveMaximum { limit } => limits("exclusiveMaximum", value, limit),
        Kind::MultipleOf { multiple_of } => format!("multipleOf: got {}, want {multiple_of}", shown(value)),
        Kind::MinLength { limit } => counts("minLength", length(), *limit),
        Kind::MaxLength { limit } => counts("maxLength", length(), *limit),
        Kind::MinItems { limit } => counts("minItems", length(), *limit),
        Kind::MaxItems { limit } => counts("maxItems", length(), *limit),
        Kind::MinProperties { limit } => counts("minProperties", length(), *limit),
        Kind::MaxProperties { limit } => counts("maxProperties", length(), *limit),
        Kind::AnyOf { .. } => "'anyOf' failed".to_owned(),
        Kind::OneOfNotValid { .. } => "'oneOf' failed, none matched".to_owned(),
        Kind::OneOfMultipleValid { context } => {
            let matched = context.iter().enumerate().filter(|(_, branch)| branch.is_empty());
            let matched: Vec<String> = matched.take(2).map(|(index, _)| index.to_string()).collect();
            format!("'oneOf' failed, subschemas {} matched", matched.join(", "))
        }
        Kind::Not { .. } => "'not' failed".to_owned(),
        Kind::FalseSchema => "false schema".to_owned(),
        Kind::Contains => "no items match contains schema".to_owned(),
        Kind::PropertyNames { error } => {
            format!("invalid propertyName {}", shown(error.instance().as_ref()))
        }
        Kind::AdditionalItems { limit } => {
            format!("last {} additionalItem(s) not allowed", length().saturating_sub(*limit))
        }
        _ => error.to_string(),
    }
}

fn wanted(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(kind) => kind.to_string(),
        TypeKind::Multiple(kinds) => {
            let names: Vec<String> = kinds.iter().map(|kind: JsonType| kind.to_string()).collect();
            names.join(" or ")
        }
    }
}

/// The name of a value's type; numbers without a fraction are plain numbers too.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn enumeration(options: &Value) -> String {
    let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
    match options {
        _ if options.iter().any(|option| option.is_array() || option.is_object()) => {
            "'enum' failed".to_owned()
        }
        [single] => format!("value must be {}", shown(single)),
        several => {
            let names: Vec<String> = several.iter().map(shown).collect();
            format!("value must be one of {}", names.join(", "))
        }
    }
}

fn counts(keyword: &str, got: usize, want: u64) -> String {
    format!("{keyword}: got {}, want {}", grouped(&got.to_string()), grouped(&want.to_string()))
}

fn limits(keyword: &str, got: &Value, want: &Value) -> String {
    let number =
        |value: &Value| value.as_f64().map_or_else(|| value.to_string(), |float| grouped(&float.to_string()));
    format!("{keyword}: got {}, want {}", number(got), number(want))
}

/// Puts commas between thousands, as the English printer does.
fn grouped(number: &str) -> String {
    let (sign, rest) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (whole, fraction) =
        rest.split_once('.').map_or((rest, None), |(whole, fraction)| (whole, Some(fraction)));
    let mut text = String::from(sign);
    for (index, digit) in whole.char_indices() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        // Writing to a string cannot fail.
        let _ = write!(text, ".{fraction}");
    }
    text
}

/// A primitive value.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => single_quoted(text),
        Value::Array(_) | Value::Object(_) => "value".to_owned(),
        Value::Null => "<nil>".to_owned(),
        other => other.to_string(),
    }
}

fn single_quoted(text: &str) -> String {
    let text = quote(text).replace("\\\"", "\"").replace('\'', "\\'");
    format!("'{}'", &text[1..text.len() - 1])
}
