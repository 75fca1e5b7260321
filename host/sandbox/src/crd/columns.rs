//! Printer columns of custom resources, with the part of JSONPath that definitions use.

use serde_json::{Value, json};

use super::CustomVersion;
use crate::http::age;

const AGE: &str = "CreationTimestamp is a timestamp representing the server time when this object was created. It is \
    not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It \
    is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: \
    https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";

/// The column definitions; `name` is the one that every table starts with.
pub(crate) fn definitions(custom: &CustomVersion, name: &Value) -> Vec<Value> {
    let mut out = vec![name.clone()];
    if custom.columns.is_empty() {
        out.push(json!({
            "name": "Age", "type": "date", "format": "", "priority": 0,
            "description": AGE,
        }));
    }
    for column in &custom.columns {
        let text = |key: &str| column[key].as_str().unwrap_or_default().to_string();
        let description = match text("description") {
            text if !text.is_empty() => text,
            _ => format!("Custom resource definition column (in JSONPath format): {}", text("jsonPath")),
        };
        out.push(json!({
            "name": text("name"), "type": text("type"), "format": text("format"), "description": description,
            "priority": column["priority"].as_i64().unwrap_or(0),
        }));
    }
    out
}

/// The cells of an object.
pub(crate) fn cells(custom: &CustomVersion, object: &Value) -> Vec<Value> {
    let mut out = vec![object["metadata"]["name"].clone()];
    if custom.columns.is_empty() {
        out.push(age(object["metadata"].get("creationTimestamp")).into());
    }
    for column in &custom.columns {
        let path = column["jsonPath"].as_str().unwrap_or_default();
        out.push(cell(column["type"].as_str().unwrap_or_default(), &find(object, path)));
    }
    out
}

fn cell(kind: &str, found: &[&Value]) -> Value {
    let Some(first) = found.first().filter(|v| !v.is_null()) else { return Value::Null };
    match kind {
        "integer" => match first {
            Value::Number(n) => n.as_i64().or(n.as_f64().map(|f| f as i64)).map_or(Value::Null, Value::from),
            _ => Value::Null,
        },
        "number" => {
            if first.is_number() {
                (*first).clone()
            } else {
                Value::Null
            }
        }
        "boolean" => {
            if first.is_boolean() {
                (*first).clone()
            } else {
                Value::Null
            }
        }
        "date" => match first {
            Value::String(_) => match age(Some(first)).as_str() {
                "<unknown>" => "<invalid>".into(),
                text => text.into(),
            },
            _ => "<invalid>".into(),
        },
        _ => text(first).into(),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// All values at a path such as `.status.conditions[?(@.type=="Ready")].status`.
pub(crate) fn find<'a>(object: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut here = vec![object];
    let mut rest = path.trim().trim_start_matches('{').trim_end_matches('}').trim_start_matches('$');
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let Some(end) = matching(inner) else { return Vec::new() };
            let index = inner[..end].trim();
            rest = &inner[end + 1..];
            here = here.into_iter().flat_map(|v| pick(v, index)).collect();
        } else {
            let name_start = rest.strip_prefix('.').unwrap_or(rest);
            let end = name_end(name_start);
            let name = name_start[..end].replace("\\.", ".");
            rest = &name_start[end..];
            if name.is_empty() {
                continue;
            }
            here = here
                .into_iter()
                .flat_map(|v| match (&*name, v) {
                    ("*", Value::Object(map)) => map.values().collect(),
                    ("*", Value::Array(items)) => items.iter().collect(),
                    (_, v) => v.get(&name).into_iter().collect::<Vec<_>>(),
                })
                .collect();
        }
    }
    here
}

fn name_end(text: &str) -> usize {
    let mut escaped = false;
    for (i, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '.' | '[' => return i,
            _ => {}
        }
    }
    text.len()
}

/// Where the bracket closes that is open before the text.
fn matching(text: &str) -> Option<usize> {
    let mut depth = 1;
    let mut quoted = None;
    for (i, c) in text.char_indices() {
        match (quoted, c) {
            (Some(q), c) if c == q => quoted = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quoted = Some(c),
            (None, '[') => depth += 1,
            (None, ']') => {
                depth -= 1;
                if depth == 0 {
                    return Some(i);
                }
            }
            _ => {}
        }
    }
    None
}

fn pick<'a>(value: &'a Value, index: &str) -> Vec<&'a Value> {
    if let Some(condition) = index.strip_prefix("?(").and_then(|c| c.strip_suffix(')')) {
        return value.as_array().into_iter().flatten().filter(|item| holds(item, condition)).collect();
    }
    if let Some(key) = index.strip_prefix(['\'', '"']) {
        return value.get(key.trim_end_matches(['\'', '"'])).into_iter().collect();
    }
    let Some(items) = value.as_array() else { return Vec::new() };
    let place = |text: &str| -> Option<usize> {
        let number: i64 = text.trim().parse().ok()?;
        let length = i64::try_from(items.len()).ok()?;
        usize::try_from(if number < 0 { length + number } else { number }).ok()
    };
    if index == "*" {
        return items.iter().collect();
    }
    if let Some((from, to)) = index.split_once(':') {
        let from = place(from).unwrap_or(0);
        let to = place(to).unwrap_or(items.len()).min(items.len());
        return items.get(from..to).unwrap_or_default().iter().collect();
    }
    place(index).and_then(|i| items.get(i)).into_iter().collect()
}

fn holds(item: &Value, condition: &str) -> bool {
    for operator in ["==", "!=", ">=", "<=", ">", "<"] {
        let Some((left, right)) = condition.split_once(operator) else { continue };
        let path = left.trim().trim_start_matches('@');
        let found = find(item, path).first().map(|v| text(v));
        let wanted = right.trim().trim_matches(['"', '\'']);
        let number = |t: &str| t.parse::<f64>().ok();
        let order = match (found.as_deref().and_then(number), number(wanted)) {
            (Some(a), Some(b)) => a.partial_cmp(&b),
            _ => found.as_deref().map(|f| f.cmp(wanted)),
        };
        return match operator {
            "==" => found.as_deref() == Some(wanted),
            "!=" => found.is_some() && found.as_deref() != Some(wanted),
            ">=" => order.is_some_and(std::cmp::Ordering::is_ge),
            "<=" => order.is_some_and(std::cmp::Ordering::is_le),
            ">" => order.is_some_and(std::cmp::Ordering::is_gt),
            _ => order.is_some_and(std::cmp::Ordering::is_lt),
        };
    }
    let path = condition.trim().trim_start_matches('@');
    !find(item, path).is_empty()
}
