//! The part of the Common Expression Language that rules of custom resources use.
//!
//! Rules with functions that are not known here are not checked: a refusal must be certain. Work is bounded by a
//! budget of steps.

mod parse;
pub(crate) mod types;

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

pub(crate) use parse::{Expr, parse};

/// Why there is no result.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    /// Something that is not known here; the rule says nothing.
    Unknown,
    /// The expression fails, which refuses the object.
    Failed(String),
}

type Outcome<T = Value> = Result<T, Fault>;

/// Steps that one rule may take.
const BUDGET: usize = 200_000;

/// Evaluates an expression with its variables.
pub(crate) fn evaluate(expr: &Expr, variables: &BTreeMap<String, Value>) -> Outcome {
    let mut machine = Machine { left: BUDGET };
    machine.eval(expr, variables)
}

struct Machine {
    left: usize,
}

fn failed<T>(text: &str) -> Outcome<T> {
    Err(Fault::Failed(text.into()))
}

impl Machine {
    fn eval(&mut self, expr: &Expr, scope: &BTreeMap<String, Value>) -> Outcome {
        self.left = self.left.checked_sub(1).ok_or(Fault::Unknown)?;
        match expr {
            Expr::Literal(value) => Ok(value.clone()),
            Expr::Name(name) => scope.get(name).cloned().ok_or(Fault::Unknown),
            Expr::Field(inner, name) => {
                let value = self.eval(inner, scope)?;
                match value.get(unescape(name)) {
                    Some(found) => Ok(found.clone()),
                    None if value.is_object() => failed(&format!("no such key: {name}")),
                    None => Err(Fault::Unknown),
                }
            }
            Expr::Index(inner, at) => {
                let value = self.eval(inner, scope)?;
                let at = self.eval(at, scope)?;
                let found = match (&value, &at) {
                    (Value::Object(map), Value::String(key)) => map.get(key),
                    (Value::Array(items), Value::Number(n)) => {
                        n.as_u64().and_then(|i| usize::try_from(i).ok()).and_then(|i| items.get(i))
                    }
                    _ => None,
                };
                found.cloned().ok_or_else(|| Fault::Failed(format!("index out of bounds: {at}")))
            }
            Expr::List(items) => {
                let items: Outcome<Vec<Value>> = items.iter().map(|i| self.eval(i, scope)).collect();
                Ok(Value::Array(items?))
            }
            Expr::Map(entries) => {
                let mut map = serde_json::Map::new();
                for (key, value) in entries {
                    let Value::String(key) = self.eval(key, scope)? else { return Err(Fault::Unknown) };
                    map.insert(key, self.eval(value, scope)?);
                }
                Ok(Value::Object(map))
            }
            Expr::Not(inner) => match self.eval(inner, scope)? {
                Value::Bool(b) => Ok(Value::Bool(!b)),
                _ => Err(Fault::Unknown),
            },
            Expr::Negative(inner) => {
                let value = self.eval(inner, scope)?;
                match value.as_i64() {
                    Some(n) => {
                        n.checked_neg().map(Value::from).ok_or(Fault::Failed("integer overflow".into()))
                    }
                    None => value.as_f64().map(|n| Value::from(-n)).ok_or(Fault::Unknown),
                }
            }
            Expr::Choice(condition, yes, no) => match self.eval(condition, scope)? {
                Value::Bool(true) => self.eval(yes, scope),
                Value::Bool(false) => self.eval(no, scope),
                _ => Err(Fault::Unknown),
            },
            Expr::Binary(operator, left, right) => self.binary(operator, left, right, scope),
            Expr::Call(target, name, arguments) => self.call(target.as_deref(), name, arguments, scope),
        }
    }

    fn binary(
        &mut self,
        operator: &str,
        left: &Expr,
        right: &Expr,
        scope: &BTreeMap<String, Value>,
    ) -> Outcome {
        if matches!(operator, "&&" | "||") {
            let stop = operator == "||";
            // An error on one side does not matter if the other side decides.
            let a = self.eval(left, scope);
            if a == Ok(Value::Bool(stop)) {
                return a;
            }
            let b = self.eval(right, scope);
            if b == Ok(Value::Bool(stop)) {
                return b;
            }
            return a.and(b);
        }
        let a = self.eval(left, scope)?;
        let b = self.eval(right, scope)?;
        match operator {
            "==" => Ok(Value::Bool(equal(&a, &b))),
            "!=" => Ok(Value::Bool(!equal(&a, &b))),
            "in" => match &b {
                Value::Array(items) => Ok(Value::Bool(items.iter().any(|i| equal(i, &a)))),
                Value::Object(map) => Ok(Value::Bool(a.as_str().is_some_and(|k| map.contains_key(k)))),
                _ => Err(Fault::Unknown),
            },
            "<" | "<=" | ">" | ">=" => {
                let special = types::compare(&a, &b);
                let order = match (&a, &b) {
                    _ if special.is_some() => special.ok_or(Fault::Unknown)?,
                    (Value::String(a), Value::String(b)) => a.cmp(b),
                    (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
                    _ => match (a.as_i64(), b.as_i64()) {
                        (Some(a), Some(b)) => a.cmp(&b),
                        _ => {
                            let (a, b) =
                                (a.as_f64().ok_or(Fault::Unknown)?, b.as_f64().ok_or(Fault::Unknown)?);
                            a.partial_cmp(&b).ok_or(Fault::Unknown)?
                        }
                    },
                };
                Ok(Value::Bool(match operator {
                    "<" => order.is_lt(),
                    "<=" => order.is_le(),
                    ">" => order.is_gt(),
                    _ => order.is_ge(),
                }))
            }
            _ => arithmetic(operator, &a, &b),
        }
    }

    fn call(
        &mut self,
        target: Option<&Expr>,
        name: &str,
        arguments: &[Expr],
        scope: &BTreeMap<String, Value>,
    ) -> Outcome {
        if name == "has" && target.is_none() {
            let [Expr::Field(inner, field)] = arguments else { return Err(Fault::Unknown) };
            let value = self.eval(inner, scope)?;
            return Ok(Value::Bool(value.get(unescape(field)).is_some_and(|v| !v.is_null())));
        }
        if let (Some(target), [Expr::Name(variable), rest @ ..]) = (target, arguments)
            && matches!(name, "all" | "exists" | "exists_one" | "existsOne" | "filter" | "map")
        {
            return self.comprehension(target, name, variable, rest, scope);
        }
        let target = target.map(|t| self.eval(t, scope)).transpose()?;
        let arguments: Outcome<Vec<Value>> = arguments.iter().map(|a| self.eval(a, scope)).collect();
        function(target.as_ref(), name, &arguments?)
    }

    fn comprehension(
        &mut self,
        target: &Expr,
        name: &str,
        variable: &str,
        rest: &[Expr],
        scope: &BTreeMap<String, Value>,
    ) -> Outcome {
        let items: Vec<Value> = match self.eval(target, scope)? {
            Value::Array(items) => items,
            Value::Object(map) => map.into_iter().map(|(k, _)| Value::String(k)).collect(),
            _ => return Err(Fault::Unknown),
        };
        let mut inner = scope.clone();
        let (mut count, mut out, mut fault) = (0, Vec::new(), None);
        for item in items {
            inner.insert(variable.into(), item.clone());
            let (condition, result) = match rest {
                [one] => (one, None),
                [condition, result] if name == "map" => (condition, Some(result)),
                _ => return Err(Fault::Unknown),
            };
            let value = self.eval(condition, &inner);
            match (name, value) {
                ("map", value) => match result {
                    None => out.push(value?),
                    Some(result) => {
                        if value? == Value::Bool(true) {
                            out.push(self.eval(result, &inner)?);
                        }
                    }
                },
                ("filter", value) => {
                    if value? == Value::Bool(true) {
                        out.push(item);
                    }
                }
                ("all", Ok(Value::Bool(false))) => return Ok(Value::Bool(false)),
                ("exists", Ok(Value::Bool(true))) => return Ok(Value::Bool(true)),
                (_, Ok(Value::Bool(true))) => count += 1,
                (_, Ok(Value::Bool(false))) => {}
                (_, Ok(_)) => return Err(Fault::Unknown),
                (_, Err(found)) => fault = Some(found),
            }
        }
        match (name, fault) {
            ("map" | "filter", _) => Ok(Value::Array(out)),
            (_, Some(fault)) => Err(fault),
            ("all", None) => Ok(Value::Bool(true)),
            ("exists", None) => Ok(Value::Bool(false)),
            _ => Ok(Value::Bool(count == 1)),
        }
    }
}

/// Names that are keywords or hold other letters are escaped in rules.
fn unescape(name: &str) -> String {
    if !name.starts_with("__") && !name.contains("__") {
        return name.into();
    }
    let inner = name.replace("__dot__", ".").replace("__dash__", "-").replace("__slash__", "/");
    let inner = inner.replace("__underscores__", "__");
    match inner.strip_prefix("__").and_then(|n| n.strip_suffix("__")) {
        Some(keyword) => keyword.into(),
        None => inner,
    }
}

fn equal(a: &Value, b: &Value) -> bool {
    if let Some(same) = types::equal(a, b) {
        return same;
    }
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x.as_f64() == y.as_f64(),
        _ => a == b,
    }
}

fn arithmetic(operator: &str, a: &Value, b: &Value) -> Outcome {
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

fn function(target: Option<&Value>, name: &str, arguments: &[Value]) -> Outcome {
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
    if let Some(outcome) = target.and_then(|target| types::method(target, name, arguments)) {
        return outcome;
    }
    if arguments.iter().chain(target).any(types::is_special) {
        return Err(Fault::Unknown);
    }
    match (target, name, arguments) {
        (None, "size", [value]) | (Some(value), "size", []) => {
            count(value).map(Value::from).ok_or(Fault::Unknown)
        }
        (None, "int", [value]) => match value {
            Value::String(text) => {
                text.parse::<i64>().map(Value::from).map_err(|_| Fault::Failed("not a number".into()))
            }
            other => other.as_f64().map(|n| Value::from(n as i64)).ok_or(Fault::Unknown),
        },
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
        (Some(Value::String(text)), _, _) => text_function(text, name, arguments),
        (Some(Value::Array(items)), _, _) => list_function(items, name, arguments),
        _ => Err(Fault::Unknown),
    }
}

fn text_function(text: &str, name: &str, arguments: &[Value]) -> Outcome {
    let texts: Vec<&str> = arguments.iter().filter_map(Value::as_str).collect();
    let numbers: Vec<i64> = arguments.iter().filter_map(Value::as_i64).collect();
    Ok(match (name, &texts[..], &numbers[..]) {
        ("startsWith", [other], []) => text.starts_with(other).into(),
        ("endsWith", [other], []) => text.ends_with(other).into(),
        ("contains", [other], []) => text.contains(other).into(),
        ("matches", [pattern], []) => {
            let regex = Regex::new(pattern).map_err(|_| Fault::Unknown)?;
            regex.is_match(text).into()
        }
        ("find", [pattern], []) => {
            let regex = Regex::new(pattern).map_err(|_| Fault::Unknown)?;
            regex.find(text).map_or("", |m| m.as_str()).into()
        }
        ("lowerAscii", [], []) => text.to_ascii_lowercase().into(),
        ("upperAscii", [], []) => text.to_ascii_uppercase().into(),
        ("trim", [], []) => text.trim().into(),
        ("replace", [from, to], []) => text.replace(from, to).into(),
        ("split", [separator], []) => text.split(separator).map(Value::from).collect(),
        ("indexOf", [other], []) => text.find(other).map_or(-1, |i| i as i64).into(),
        ("substring", [], range @ ([_] | [_, _])) => {
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

fn list_function(items: &[Value], name: &str, arguments: &[Value]) -> Outcome {
    let number = |v: &Value| v.as_f64();
    Ok(match (name, arguments) {
        ("join", []) => items.iter().filter_map(Value::as_str).collect::<String>().into(),
        ("join", [Value::String(separator)]) => {
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
        ("indexOf", [wanted]) => items.iter().position(|i| equal(i, wanted)).map_or(-1, |i| i as i64).into(),
        _ => return Err(Fault::Unknown),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::{Fault, evaluate, parse};

    fn check(rule: &str) -> String {
        let this = json!({"size": 3, "name": "web", "tags": ["a", "b"], "limits": {"cpu": 2}, "on": true});
        let variables = BTreeMap::from([("self".to_string(), this)]);
        match parse(rule) {
            Err(error) => format!("refused: {error}"),
            Ok(expr) => match evaluate(&expr, &variables) {
                Ok(value) => value.to_string(),
                Err(Fault::Unknown) => "unknown".into(),
                Err(Fault::Failed(why)) => format!("failed: {why}"),
            },
        }
    }

    #[test]
    fn rules_are_evaluated() {
        let pairs = [
            ("self.size > 2 && self.name == 'web'", "true"),
            ("!has(self.replicas) || self.replicas <= self.size", "true"),
            ("self.tags.all(t, t.size() == 1)", "true"),
            ("self.tags.exists_one(t, t == \"a\")", "true"),
            ("self.tags.map(t, t + '!')", "[\"a!\",\"b!\"]"),
            ("'c' in self.tags ? 1 : 2 + 3 * 4", "14"),
            ("self.limits['cpu'] - 1", "1"),
            ("'cpu' in self.limits", "true"),
            ("self.name.matches('^[a-z]+$')", "true"),
            ("self.missing == 1", "failed: no such key: missing"),
            ("quantity('2').isGreaterThan(quantity('1500m'))", "true"),
            ("timestamp('2020-01-01T00:00:00Z') < timestamp('2021-01-01T00:00:00Z')", "true"),
            ("duration('90s') == duration('1m30s') && duration('2h').getMinutes() == 120", "true"),
            ("url('https://a.b:8443/c?d').getHost() == 'a.b:8443'", "true"),
            ("ip('10.0.0.1').family() == 4", "true"),
            ("format.named(self.name)", "unknown"),
            ("[1, 2].size() == 2 && {'a': 1}['a'] == 1", "true"),
            ("self.size >", "refused: unexpected end"),
        ];
        for (rule, wanted) in pairs {
            assert_eq!(check(rule), wanted, "{rule}");
        }
        assert_eq!(check("1 == 1.0"), Value::Bool(true).to_string());
    }
}
