//! Single failures in the words of the library that Helm uses, and a plain list of those that were found.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{ValidationError, Validator};
use serde_json::{Map, Value, json};

use super::patterns::{Holds, Unreadable};
use crate::text::quote;

/// Failures beyond these are counted, not listed.
const MAX_FAILURES: usize = 100;

const TYPES: [&str; 7] = ["null", "boolean", "number", "integer", "string", "array", "object"];

/// One line per failure, without their nesting: for schemas that the report does not follow.
pub(super) fn list(validator: &Validator, values: &Value) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut rest = 0;
    for error in validator.iter_errors(values) {
        if lines.len() < MAX_FAILURES {
            lines.push(format!(
                "- at {}: {}\n",
                single_quoted(error.instance_path().as_str()),
                reason(&error)
            ));
        } else {
            rest += 1;
        }
    }
    if rest > 0 {
        lines.push(format!("- {rest} more failures\n"));
    }
    lines.concat()
}

/// The message about a schema that is none itself.
pub(super) fn unusable(schema: &Value, error: &ValidationError<'_>) -> String {
    let causes = match error.kind() {
        ValidationErrorKind::AnyOf { context } => context.iter().flatten().collect(),
        _ => Vec::new(),
    };
    let causes = causes.into_iter().map(|cause| (cause.instance_path().as_str(), reason(cause)));
    no_schema(schema, error.instance_path().as_str(), &reason(error), &causes.collect::<Vec<_>>())
}

/// The same about a pattern that is none.
pub(super) fn no_pattern(schema: &Value, wrong: &Unreadable) -> String {
    let text = format!("{} is not valid regex: {}", single_quoted(&wrong.pattern), wrong.reason);
    no_schema(schema, &wrong.place, &text, &[])
}

fn no_schema(schema: &Value, place: &str, reason: &str, causes: &[(&str, String)]) -> String {
    const NEWEST: &str = "https://json-schema.org/draft/2020-12/schema";
    let url = match schema.get("$schema").and_then(Value::as_str).map(|url| url.trim_end_matches('#')) {
        None | Some("http://json-schema.org/schema" | "https://json-schema.org/schema") => NEWEST,
        Some(url) => url,
    };
    // The newer drafts put their metaschemas together from parts, at each schema inside the schema anew.
    let outer = if url.contains("/draft/20") { schemas_above(place) } else { Vec::new() };
    let depth = outer.len();
    let mut lines: Vec<(usize, &str, &str)> =
        outer.into_iter().enumerate().map(|(depth, above)| (depth, above, "'allOf' failed")).collect();
    lines.push((depth, place, reason));
    lines.extend(causes.iter().map(|(place, reason)| (depth + 1, *place, reason.as_str())));
    let lines: Vec<String> = lines
        .into_iter()
        .map(|(depth, place, text)| format!("{}- at {}: {text}", "  ".repeat(depth), single_quoted(place)))
        .collect();
    format!(
        "\"file:///values.schema.json#\" is not valid against metaschema: jsonschema validation failed with '{url}#'\n{}",
        lines.join("\n")
    )
}

/// The places of all schemas inside of which a place is, the outermost first.
fn schemas_above(place: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let ends: Vec<usize> = place.match_indices('/').map(|(at, _)| at).chain([place.len()]).collect();
    let mut at = 0;
    while at + 1 < ends.len() {
        found.push(&place[..ends[at]]);
        let keyword = &place[ends[at] + 1..ends[at + 1]];
        at += match Holds::of(keyword) {
            Holds::Named => 2,
            Holds::Schemas if matches!(keyword, "allOf" | "anyOf" | "oneOf" | "prefixItems") => 2,
            Holds::Schemas => 1,
            Holds::Other => break,
        };
    }
    found
}

fn reason(error: &ValidationError<'_>) -> String {
    use ValidationErrorKind as Kind;
    let value = error.instance().as_ref();
    // Keywords that look at the value alone are worded by the same code as in the report.
    let alone = |keyword: &str, wanted: Value| {
        let schema = Map::from_iter([(keyword.to_owned(), wanted)]);
        of_value(&schema, value).or_else(|| of_number(&schema, value).pop())
    };
    let worded = match error.kind() {
        Kind::Type { kind: TypeKind::Single(kind) } => alone("type", json!(kind.to_string())),
        Kind::Type { kind: TypeKind::Multiple(kinds) } => {
            let kinds: Vec<String> = kinds.iter().map(|kind| kind.to_string()).collect();
            alone("type", json!(kinds))
        }
        Kind::Enum { options } => alone("enum", Value::clone(options)),
        Kind::Constant { expected_value } => alone("const", Value::clone(expected_value)),
        Kind::Minimum { limit } => alone("minimum", limit.clone()),
        Kind::Maximum { limit } => alone("maximum", limit.clone()),
        Kind::ExclusiveMinimum { limit } => alone("exclusiveMinimum", limit.clone()),
        Kind::ExclusiveMaximum { limit } => alone("exclusiveMaximum", limit.clone()),
        Kind::Required { property } => Some(format!("missing property {}", shown(property))),
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            let names: Vec<String> = unexpected.iter().map(|name| single_quoted(name)).collect();
            Some(format!("additional properties {} not allowed", names.join(", ")))
        }
        Kind::Pattern { pattern } => {
            Some(format!("{} does not match pattern {}", shown(value), single_quoted(pattern)))
        }
        Kind::Format { format } => Some(format!("{} is not valid {format}", shown(value))),
        Kind::AnyOf { .. } => Some("'anyOf' failed".to_owned()),
        Kind::OneOfNotValid { .. } => Some("'oneOf' failed, none matched".to_owned()),
        Kind::OneOfMultipleValid { .. } => Some("'oneOf' failed, several matched".to_owned()),
        Kind::Not { .. } => Some("'not' failed".to_owned()),
        Kind::FalseSchema => Some("false schema".to_owned()),
        _ => None,
    };
    worded.unwrap_or_else(|| error.to_string())
}

/// The first failure of `type`, `const` and `enum`.
pub(super) fn of_value(schema: &Map<String, Value>, value: &Value) -> Option<String> {
    let wanted: Vec<&str> = match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let got = type_of(value);
    let is_whole = value.as_f64().is_some_and(|number| number.fract() == 0.0);
    let is_type = |name: &&str| *name == got || (*name == "integer" && is_whole);
    if !wanted.is_empty() && !wanted.iter().any(is_type) {
        let wanted: Vec<&str> = TYPES.into_iter().filter(|name| wanted.contains(name)).collect();
        return Some(format!("got {got}, want {}", wanted.join(" or ")));
    }
    if let Some(wanted) = schema.get("const").filter(|wanted| !equal(wanted, value)) {
        return Some(match wanted {
            Value::Array(_) | Value::Object(_) => "'const' failed".to_owned(),
            wanted => format!("value must be {}", shown(wanted)),
        });
    }
    let options = schema.get("enum").and_then(Value::as_array)?;
    if options.iter().any(|option| equal(option, value)) {
        return None;
    }
    Some(match options.as_slice() {
        _ if options.iter().any(|option| option.is_array() || option.is_object()) => {
            "'enum' failed".to_owned()
        }
        [single] => format!("value must be {}", shown(single)),
        several => {
            let names: Vec<String> = several.iter().map(shown).collect();
            format!("value must be one of {}", names.join(", "))
        }
    })
}

/// Failures of the limits of a number.
pub(super) fn of_number(schema: &Map<String, Value>, value: &Value) -> Vec<String> {
    let Some(got) = value.as_f64() else { return Vec::new() };
    let is_strict = |keyword: &str| schema.get(keyword) == Some(&Value::Bool(true));
    type Fails = fn(f64, f64) -> bool;
    let rules: [(&str, Fails); 5] = [
        ("minimum", |got, want| got < want),
        ("maximum", |got, want| got > want),
        ("exclusiveMinimum", |got, want| got <= want),
        ("exclusiveMaximum", |got, want| got >= want),
        ("multipleOf", |got, want| {
            let quotient = got / want;
            (quotient - quotient.round()).abs() > 1e-9
        }),
    ];
    let mut found = Vec::new();
    for (keyword, fails) in rules {
        // In draft 4 the strict limits are flags beside the limits.
        let (name, fails) = match keyword {
            "minimum" if is_strict("exclusiveMinimum") => ("exclusiveMinimum", rules[2].1),
            "maximum" if is_strict("exclusiveMaximum") => ("exclusiveMaximum", rules[3].1),
            _ => (keyword, fails),
        };
        if let Some(want) = schema.get(keyword).and_then(Value::as_f64).filter(|want| fails(got, *want)) {
            found.push(format!(
                "{name}: got {}, want {}",
                // Without the sign of a negative zero.
                grouped(&(got + 0.0).to_string()),
                grouped(&want.to_string())
            ));
        }
    }
    found
}

/// Failures of a lower and an upper bound of a count.
pub(super) fn bounds(schema: &Map<String, Value>, least: &str, most: &str, got: u64) -> Vec<String> {
    let limit = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
    let mut found = Vec::new();
    #[expect(clippy::cast_precision_loss, reason = "counts are far below the limit")]
    let count = got as f64;
    for (keyword, want) in
        [(least, limit(least).filter(|want| count < *want)), (most, limit(most).filter(|want| count > *want))]
    {
        if let Some(want) = want {
            found.push(format!(
                "{keyword}: got {}, want {}",
                grouped(&got.to_string()),
                grouped(&want.to_string())
            ));
        }
    }
    found
}

/// Equality of JSON: numbers by value.
pub(super) fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let same =
                |(key, value): (&String, &Value)| other.get(key).is_some_and(|other| equal(value, other));
            one.len() == other.len() && one.iter().all(same)
        }
        (one, other) => one == other,
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

/// Puts commas between thousands, as the English printer does.
fn grouped(number: &str) -> String {
    let (sign, rest) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (whole, fraction) = rest.find('.').map_or((rest, ""), |at| rest.split_at(at));
    let mut text = String::from(sign);
    for (index, digit) in whole.char_indices() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text.push_str(fraction);
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

/// A text in single quotes, escaped as the library does.
pub(super) fn single_quoted(text: &str) -> String {
    let text = quote(text).replace("\\\"", "\"").replace('\'', "\\'");
    format!("'{}'", &text[1..text.len() - 1])
}
