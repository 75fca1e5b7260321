//! Rules that several kinds share.

use serde_json::Value;

use crate::names;
use crate::quantity::Quantity;
use crate::status::{Cause, go_json};
use crate::value::Get;

pub(super) const NOT_NEGATIVE: &str = "must be greater than or equal to 0";
const PORT_RANGE: &str = "must be between 1 and 65535, inclusive";
pub(super) const IMMUTABLE: &str = "field is immutable";

/// True if there is a value that is not null.
pub(super) fn has(value: &Value, path: &[&str]) -> bool {
    value.at(path).is_some_and(|v| !v.is_null())
}

/// A number that may not be negative.
pub(super) fn not_negative(value: &Value, field: &str, at: &str, causes: &mut Vec<Cause>) {
    if let Some(number) = value.int(&[field])
        && number < 0
    {
        causes.push(Cause::invalid(format!("{at}.{field}"), &number.into(), NOT_NEGATIVE));
    }
}

/// Each problem with a name as a cause.
pub(super) fn problems(found: Vec<String>, field: &str, value: &str) -> Vec<Cause> {
    found.into_iter().map(|text| Cause::invalid(field, &value.into(), &text)).collect()
}

/// A text that must be one of these.
pub(super) fn one_of(value: &Value, field: &str, at: &str, supported: &[&str], causes: &mut Vec<Cause>) {
    let text = value.text(&[field]);
    if text.is_empty() && !has(value, &[field]) {
        return;
    }
    if !supported.contains(&text) {
        causes.push(Cause::unsupported(format!("{at}.{field}"), &text.into(), supported));
    }
}

/// What is wrong with a port number.
pub(super) fn port_problem(number: i64) -> Option<&'static str> {
    (!(1..=65_535).contains(&number)).then_some(PORT_RANGE)
}

/// A port number.
pub(super) fn port(number: i64, field: &str, causes: &mut Vec<Cause>) {
    if !(1..=65_535).contains(&number) {
        causes.push(Cause::invalid(field, &number.into(), PORT_RANGE));
    }
}

/// A label selector.
pub(super) fn selector(value: &Value, at: &str, causes: &mut Vec<Cause>) {
    for (key, label) in value.at(&["matchLabels"]).and_then(Value::as_object).into_iter().flatten() {
        let field = format!("{at}.matchLabels");
        causes.extend(problems(names::qualified_name(key), &field, key));
        let label = label.as_str().unwrap_or_default();
        causes.extend(problems(names::label_value(label), &field, label));
    }
    for (i, expression) in value.items(&["matchExpressions"]).iter().enumerate() {
        let at = format!("{at}.matchExpressions[{i}]");
        let operator = expression.text(&["operator"]);
        let values = expression.items(&["values"]);
        match operator {
            "In" | "NotIn" if values.is_empty() => {
                let text = "must be specified when `operator` is 'In' or 'NotIn'";
                causes.push(Cause::required(format!("{at}.values"), text));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                causes.push(Cause::forbidden(format!("{at}.values"), text));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            _ => causes.push(Cause::invalid(
                format!("{at}.operator"),
                &operator.into(),
                "not a valid selector operator",
            )),
        }
        let key = expression.text(&["key"]);
        causes.extend(problems(names::qualified_name(key), &format!("{at}.key"), key));
        for (j, value) in values.iter().filter_map(Value::as_str).enumerate() {
            causes.extend(problems(names::label_value(value), &format!("{at}.values[{j}]"), value));
        }
    }
}

/// A label selector as Go prints it: labels before expressions.
pub(super) fn selector_shown(selector: &Value) -> Value {
    let given = |keys: &[&'static str], value: &Value| -> Vec<(&'static str, Value)> {
        keys.iter().filter_map(|key| Some((*key, value.get(*key)?.clone()))).collect()
    };
    let mut fields = given(&["matchLabels"], selector);
    let expressions = selector.items(&["matchExpressions"]);
    if !expressions.is_empty() {
        let shown: Vec<String> = expressions
            .iter()
            .map(|expression| {
                go_text(&go_struct(&given(&["key", "operator", "values"], expression))).to_owned()
            })
            .collect();
        fields.push(("matchExpressions", format!("\u{0}[{}]", shown.join(",")).into()));
    }
    go_struct(&fields)
}

/// The text of a struct made by [`go_struct`].
fn go_text(shown: &Value) -> &str {
    shown.as_str().unwrap_or_default().trim_start_matches('\u{0}')
}

/// Problems with a number or percentage.
pub(super) fn int_or_percent(value: &Value, field: &str, causes: &mut Vec<Cause>) {
    match value {
        Value::String(text) => {
            let digits = text.strip_suffix('%').unwrap_or_default();
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                let rule = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  \
                            or '93%', regex used for validation is '[0-9]+%')";
                causes.push(Cause::invalid(field, value, rule));
            }
        }
        Value::Number(n) if n.as_i64().is_some_and(|n| n < 0) => {
            causes.push(Cause::invalid(field, value, NOT_NEGATIVE));
        }
        _ => {}
    }
}

/// Percentages above 100.
pub(super) fn at_most_hundred(value: &Value, field: &str, causes: &mut Vec<Cause>) {
    let percent = value.as_str().and_then(|t| t.strip_suffix('%')).and_then(|t| t.parse::<i64>().ok());
    if percent.is_some_and(|p| p > 100) {
        causes.push(Cause::invalid(field, value, "must not be greater than 100%"));
    }
}

/// The number of an int-or-percentage; percentages as they are.
pub(super) fn plain_number(value: &Value) -> i64 {
    match value {
        Value::String(text) => text.trim_end_matches('%').parse().unwrap_or(0),
        other => other.as_i64().unwrap_or(0),
    }
}

pub(super) fn quantity(value: &Value) -> Option<Quantity> {
    Quantity::parse(value.as_str()?)
}

/// A value as Go prints an internal struct in messages: upper-case names, all fields.
pub(super) fn go_struct(fields: &[(&str, Value)]) -> Value {
    // Field order matters in the text, so it is made by hand.
    let inner = |value: &Value| match value {
        Value::String(text) if text.starts_with('\u{0}') => text.trim_start_matches('\u{0}').to_owned(),
        other => other.to_string(),
    };
    let parts: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name:?}:{}", inner(value))).collect();
    Value::String(go_json(&format!("\u{0}{{{}}}", parts.join(","))))
}

/// A cause whose value is a struct made by [`go_struct`].
pub(super) fn invalid_struct(field: &str, value: &Value, detail: &str) -> Cause {
    let text = go_text(value);
    let detail = if detail.is_empty() { String::new() } else { format!(": {detail}") };
    Cause::other(field, "FieldValueInvalid", format!("Invalid value: {text}{detail}"))
}

/// The same for a struct that was there before.
pub(super) fn duplicate_struct(field: &str, value: &Value, detail: &str) -> Cause {
    let text = go_text(value);
    Cause::other(field, "FieldValueDuplicate", format!("Duplicate value: {text}: {detail}"))
}

/// The same where only some values are supported.
pub(super) fn unsupported_struct(field: &str, value: &Value, supported: &[&str]) -> Cause {
    let text = go_text(value);
    let list: Vec<String> = supported.iter().map(|s| format!("{s:?}")).collect();
    let message = format!("Unsupported value: {text}: supported values: {}", list.join(", "));
    Cause::other(field, "FieldValueNotSupported", message)
}

/// An IP address in its strict form.
pub(super) fn ip(text: &str, field: &str, causes: &mut Vec<Cause>) {
    if text.parse::<std::net::IpAddr>().is_err() {
        causes.push(Cause::invalid(field, &text.into(), IP));
    }
}

/// An IP address in any form that older servers allowed.
pub(super) fn address(text: &str, field: &str, causes: &mut Vec<Cause>) {
    if super::warnings::sloppy_ip(text).is_none() {
        causes.push(Cause::invalid(field, &text.into(), IP));
    }
}

const IP: &str = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
