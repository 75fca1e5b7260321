//! Operators and functions of rules that look at values only.

use serde_json::Value;

use super::budget::{Budget, size, tenth, weight};
use super::{Fault, Outcome, content, equal, failed, some, types};

/// The operators of numbers, texts and lists.
pub(super) fn arithmetic(operator: &str, a: &Value, b: &Value) -> Outcome {
    if let (Some(x), Some(y)) = (a.as_i64(), b.as_i64()) {
        let result = match operator {
            "+" => x.checked_add(y),
            "-" => x.checked_sub(y),
            "*" => x.checked_mul(y),
            "/" if y == 0 => return failed("division by zero"),
            "/" => x.checked_div(y),
            "%" if y == 0 => return failed("modulus by zero"),
            "%" => x.checked_rem(y),
            _ => return Err(Fault::Unknown),
        };
        return result.map(Value::from).ok_or(Fault::Failed("integer overflow".into()));
    }
    match (operator, a, b) {
        ("+", Value::String(a), Value::String(b)) => Ok(format!("{a}{b}").into()),
        ("+", Value::Array(a), Value::Array(b)) => Ok(a.iter().chain(b).cloned().collect()),
        _ => {
            let (a, b) = (a.as_f64().ok_or(Fault::Unknown)?, b.as_f64().ok_or(Fault::Unknown)?);
            Ok(Value::from(match operator {
                "+" => a + b,
                "-" => a - b,
                "*" => a * b,
                "/" => a / b,
                _ => return Err(Fault::Unknown),
            }))
        }
    }
}

/// A function or method of values.
pub(super) fn function(
    target: Option<&Value>,
    name: &str,
    arguments: &[&Value],
    budget: &mut Budget,
) -> Outcome {
    // Functions go through the texts that they are given; what does more pays for it where it does.
    let length = |value: &Value| value.as_str().map_or(0, str::len);
    let priced = matches!(name, "contains" | "matches" | "find");
    budget.pay(if priced { 1 } else { 1 + tenth(target.map_or(0, length)) })?;
    budget.text(target.into_iter().chain(arguments.iter().copied()).map(length).sum())?;
    let count = |value: &Value| match value {
        Value::String(text) => Some(text.chars().count()),
        Value::Array(items) => Some(items.len()),
        Value::Object(map) => Some(map.len()),
        _ => None,
    };
    if let (None, [Value::String(text)]) = (target, arguments)
        && let Some(made) = types::make(name, text)
    {
        return made;
    }
    if let Some(content) = target.and_then(content) {
        target.into_iter().chain(arguments.iter().copied()).try_for_each(|value| budget.copy(value))?;
        return match (name, arguments, content) {
            ("hasValue", [], content) => Ok(content.is_some().into()),
            ("value", [], Some(value)) | ("orValue", [_], Some(value)) => Ok(value.clone()),
            ("value", [], None) => failed("optional.none() dereference"),
            ("orValue" | "or", [other], None) => Ok((*other).clone()),
            ("or", [_], Some(value)) => Ok(some(Some(value.clone()))),
            _ => Err(Fault::Unknown),
        };
    }
    if let Some(outcome) = target.and_then(|target| types::method(target, name, arguments)) {
        return outcome;
    }
    if arguments.iter().copied().chain(target).any(types::is_special) {
        return Err(Fault::Unknown);
    }
    if matches!(name, "dyn" | "string") {
        arguments.iter().try_for_each(|value| budget.copy(value))?;
    }
    match (target, name, arguments) {
        (None, "size", [value]) => count(value).map(Value::from).ok_or(Fault::Unknown),
        (Some(value), "size", []) => count(value).map(Value::from).ok_or(Fault::Unknown),
        (None, "int", [value]) => match value {
            Value::String(text) => {
                text.parse::<i64>().map(Value::from).map_err(|_| Fault::Failed("not a number".into()))
            }
            other => other.as_f64().map(|n| Value::from(n as i64)).ok_or(Fault::Unknown),
        },
        (None, "uint", [value]) => match value {
            Value::String(text) => {
                text.parse::<u64>().map(Value::from).map_err(|_| Fault::Failed("not a number".into()))
            }
            other => {
                other.as_f64().filter(|n| *n >= 0.0).map(|n| Value::from(n as u64)).ok_or(Fault::Unknown)
            }
        },
        (None, "dyn", [value]) => Ok((*value).clone()),
        (None, "double", [value]) => match value {
            Value::String(text) => {
                text.parse::<f64>().map(Value::from).map_err(|_| Fault::Failed("not a number".into()))
            }
            other => other.as_f64().map(Value::from).ok_or(Fault::Unknown),
        },
        (None, "string", [value]) => Ok(match value {
            Value::String(text) => text.clone().into(),
            other => other.to_string().into(),
        }),
        (None, "type", [value]) => Ok(match value {
            Value::Null => "null_type",
            Value::Bool(_) => "bool",
            Value::Number(n) if n.is_f64() => "double",
            Value::Number(_) => "int",
            Value::String(_) => "string",
            Value::Array(_) => "list",
            Value::Object(_) => "map",
        }
        .into()),
        (None, "isURL", [Value::String(text)]) => {
            Ok(Value::Bool(text.contains("://") || text.starts_with('/')))
        }
        (None, "isQuantity", [Value::String(text)]) => {
            Ok(Value::Bool(crate::quantity::Quantity::parse(text).is_some()))
        }
        (None, "isIP", [Value::String(text)]) => Ok(Value::Bool(text.parse::<std::net::IpAddr>().is_ok())),
        (Some(Value::String(text)), _, _) => text_function(text, name, arguments, budget),
        (Some(Value::Array(items)), _, _) => list_function(items, name, arguments, budget),
        _ => Err(Fault::Unknown),
    }
}

fn text_function(text: &str, name: &str, arguments: &[&Value], budget: &mut Budget) -> Outcome {
    let texts: Vec<&str> = arguments.iter().filter_map(|argument| argument.as_str()).collect();
    let numbers: Vec<i64> = arguments.iter().filter_map(|argument| argument.as_i64()).collect();
    Ok(match (name, &texts[..], &numbers[..]) {
        ("startsWith", [other], []) => text.starts_with(other).into(),
        ("endsWith", [other], []) => text.ends_with(other).into(),
        ("contains", [other], []) => {
            budget.pay(tenth(text.len()).saturating_mul(tenth(other.len())))?;
            text.contains(other).into()
        }
        ("matches", [pattern], []) => budget.find(text, pattern)?.is_some().into(),
        ("find", [pattern], []) => budget.find(text, pattern)?.unwrap_or_default().into(),
        ("lowerAscii", [], []) => text.to_ascii_lowercase().into(),
        ("upperAscii", [], []) => text.to_ascii_uppercase().into(),
        ("trim", [], []) => text.trim().into(),
        ("replace", [from, to], []) => {
            budget.pay(tenth(text.len()))?;
            budget.text(text.matches(from).count().saturating_mul(to.len()))?;
            text.replace(from, to).into()
        }
        ("split", [separator], []) => {
            budget.pay(tenth(text.len()))?;
            budget.work(text.matches(separator).count() + 1)?;
            text.split(separator).map(Value::from).collect()
        }
        ("indexOf", [other], []) => text.find(other).map_or(-1, |i| i as i64).into(),
        ("substring", [], range @ ([_] | [_, _])) => {
            budget.work(text.len() / 4)?;
            let chars: Vec<char> = text.chars().collect();
            let from = usize::try_from(range[0]).unwrap_or(usize::MAX);
            let to = range.get(1).map_or(chars.len(), |t| usize::try_from(*t).unwrap_or(usize::MAX));
            match chars.get(from..to) {
                Some(part) => part.iter().collect::<String>().into(),
                None => return failed("index out of range"),
            }
        }
        _ => return Err(Fault::Unknown),
    })
}

fn list_function(items: &[Value], name: &str, arguments: &[&Value], budget: &mut Budget) -> Outcome {
    budget.pay(items.len() as u64)?;
    let number = |v: &Value| v.as_f64();
    Ok(match (name, arguments) {
        ("join", [] | [Value::String(_)]) => {
            let separator = arguments.first().and_then(|text| text.as_str()).unwrap_or_default();
            budget.text(items.iter().map(|item| size(item) + separator.len()).sum())?;
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(separator).into()
        }
        ("isSorted", []) => {
            let numbers: Vec<f64> = items.iter().filter_map(number).collect();
            let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            (numbers.is_sorted() && texts.is_sorted()).into()
        }
        ("sum", []) => {
            if items.iter().all(Value::is_i64) {
                items.iter().filter_map(Value::as_i64).fold(0i64, i64::saturating_add).into()
            } else {
                items.iter().filter_map(number).sum::<f64>().into()
            }
        }
        ("min" | "max", []) if !items.is_empty() && items.iter().all(Value::is_number) => {
            let by = |a: &&Value, b: &&Value| number(a).unwrap_or(0.0).total_cmp(&number(b).unwrap_or(0.0));
            let found = if name == "min" { items.iter().min_by(by) } else { items.iter().max_by(by) };
            found.cloned().ok_or(Fault::Unknown)?
        }
        ("lastIndexOf", [wanted]) => {
            budget.work(items.len().saturating_mul(weight(wanted)))?;
            items.iter().rposition(|i| equal(i, wanted)).map_or(-1, |i| i as i64).into()
        }
        ("indexOf", [wanted]) => {
            budget.work(items.len().saturating_mul(weight(wanted)))?;
            items.iter().position(|i| equal(i, wanted)).map_or(-1, |i| i as i64).into()
        }
        _ => return Err(Fault::Unknown),
    })
}
