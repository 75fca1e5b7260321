//! The part of the Common Expression Language that rules of custom resources use.
//!
//! Rules with functions that are not known here are not checked: a refusal must be certain. Work is bounded by a
//! budget of steps.

pub(crate) mod check;
mod functions;
mod kinds;
mod parse;
pub(crate) mod types;

use std::collections::BTreeMap;

use serde_json::Value;

use functions::{arithmetic, function};
pub(crate) use parse::{Expr, Kind, parse};

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
        match &expr.kind {
            Kind::Literal(value) => Ok(value.clone()),
            Kind::Name(name) => scope.get(name).cloned().ok_or(Fault::Unknown),
            Kind::Field(inner, name) => {
                let value = self.eval(inner, scope)?;
                if let Some(content) = content(&value) {
                    // A step from an optional gives an optional.
                    return Ok(some(content.and_then(|value| value.get(unescape(name)).cloned())));
                }
                match value.get(unescape(name)) {
                    Some(found) => Ok(found.clone()),
                    None if value.is_object() => failed(&format!("no such key: {name}")),
                    None => Err(Fault::Unknown),
                }
            }
            Kind::Index(inner, at) => {
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
            Kind::MaybeField(inner, name) => {
                let value = self.maybe(inner, scope)?;
                Ok(some(value.and_then(|value| value.get(unescape(name)).filter(|v| !v.is_null()).cloned())))
            }
            Kind::MaybeIndex(inner, at) => {
                let value = self.maybe(inner, scope)?;
                let at = self.eval(at, scope)?;
                let value = value.unwrap_or(Value::Null);
                Ok(some(match (&at, at.as_u64().and_then(|i| usize::try_from(i).ok())) {
                    (Value::String(key), _) => value.get(key).cloned(),
                    (_, Some(i)) => value.get(i).cloned(),
                    _ => None,
                }))
            }
            Kind::List(items) => {
                let items: Outcome<Vec<Value>> = items.iter().map(|i| self.eval(i, scope)).collect();
                Ok(Value::Array(items?))
            }
            Kind::Map(entries) => {
                let mut map = serde_json::Map::new();
                for (key, value) in entries {
                    let Value::String(key) = self.eval(key, scope)? else { return Err(Fault::Unknown) };
                    map.insert(key, self.eval(value, scope)?);
                }
                Ok(Value::Object(map))
            }
            Kind::Not(inner) => match self.eval(inner, scope)? {
                Value::Bool(b) => Ok(Value::Bool(!b)),
                _ => Err(Fault::Unknown),
            },
            Kind::Negative(inner) => {
                let value = self.eval(inner, scope)?;
                match value.as_i64() {
                    Some(n) => {
                        n.checked_neg().map(Value::from).ok_or(Fault::Failed("integer overflow".into()))
                    }
                    None => value.as_f64().map(|n| Value::from(-n)).ok_or(Fault::Unknown),
                }
            }
            Kind::Choice(condition, yes, no) => match self.eval(condition, scope)? {
                Value::Bool(true) => self.eval(yes, scope),
                Value::Bool(false) => self.eval(no, scope),
                _ => Err(Fault::Unknown),
            },
            Kind::Binary(operator, left, right) => self.binary(operator, left, right, scope),
            Kind::Call(target, name, arguments) => self.call(target.as_deref(), name, arguments, scope),
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
            let [Expr { kind: Kind::Field(inner, field) | Kind::MaybeField(inner, field), .. }] = arguments
            else {
                return Err(Fault::Unknown);
            };
            let value = self.eval(inner, scope)?;
            return Ok(Value::Bool(value.get(unescape(field)).is_some_and(|v| !v.is_null())));
        }
        if let (Some(target), [Expr { kind: Kind::Name(variable), .. }, rest @ ..]) = (target, arguments)
            && matches!(name, "all" | "exists" | "exists_one" | "existsOne" | "filter" | "map")
        {
            return self.comprehension(target, name, variable, rest, scope);
        }
        if let Some(Expr { kind: Kind::Name(library), .. }) = target
            && !scope.contains_key(library)
        {
            return self.library(library, name, arguments, scope);
        }
        let target = target.map(|t| self.eval(t, scope)).transpose()?;
        let arguments: Outcome<Vec<Value>> = arguments.iter().map(|a| self.eval(a, scope)).collect();
        function(target.as_ref(), name, &arguments?)
    }

    /// Functions whose names have two parts.
    fn library(
        &mut self,
        library: &str,
        name: &str,
        arguments: &[Expr],
        scope: &BTreeMap<String, Value>,
    ) -> Outcome {
        if (library, name) == ("cel", "bind") {
            let [Expr { kind: Kind::Name(variable), .. }, value, body] = arguments else {
                return Err(Fault::Unknown);
            };
            let mut inner = scope.clone();
            inner.insert(variable.clone(), self.eval(value, scope)?);
            return self.eval(body, &inner);
        }
        let arguments: Outcome<Vec<Value>> = arguments.iter().map(|a| self.eval(a, scope)).collect();
        let within = |items: &[Value], item: &Value| items.iter().any(|other| equal(other, item));
        match (library, name, &arguments?[..]) {
            ("optional", "none", []) => Ok(some(None)),
            ("optional", "of", [value]) => Ok(some(Some(value.clone()))),
            ("sets", "contains", [Value::Array(a), Value::Array(b)]) => {
                Ok(b.iter().all(|item| within(a, item)).into())
            }
            ("sets", "intersects", [Value::Array(a), Value::Array(b)]) => {
                Ok(b.iter().any(|item| within(a, item)).into())
            }
            ("sets", "equivalent", [Value::Array(a), Value::Array(b)]) => {
                Ok((a.iter().all(|item| within(b, item)) && b.iter().all(|item| within(a, item))).into())
            }
            _ => Err(Fault::Unknown),
        }
    }

    /// The value before an optional step: none if it is an optional without one.
    fn maybe(&mut self, expr: &Expr, scope: &BTreeMap<String, Value>) -> Outcome<Option<Value>> {
        let value = self.eval(expr, scope)?;
        Ok(match content(&value) {
            Some(content) => content.cloned(),
            None => Some(value),
        })
    }

    fn comprehension(
        &mut self,
        target: &Expr,
        name: &str,
        variable: &str,
        rest: &[Expr],
        scope: &BTreeMap<String, Value>,
    ) -> Outcome {
        let entries = self.eval(target, scope)?;
        let items: Vec<Value> = match &entries {
            Value::Array(items) => items.clone(),
            Value::Object(map) => map.keys().cloned().map(Value::String).collect(),
            _ => return Err(Fault::Unknown),
        };
        let mut inner = scope.clone();
        let (mut count, mut out, mut fault) = (0, Vec::new(), None);
        for (index, item) in items.into_iter().enumerate() {
            inner.insert(variable.into(), item.clone());
            let (condition, result) = match rest {
                [one] => (one, None),
                [Expr { kind: Kind::Name(second), .. }, one] if name != "map" && name != "filter" => {
                    let (key, value) = match &entries {
                        Value::Object(map) => (item.clone(), item.as_str().and_then(|k| map.get(k)).cloned()),
                        _ => (Value::from(index), Some(item.clone())),
                    };
                    inner.insert(variable.into(), key);
                    inner.insert(second.clone(), value.unwrap_or(Value::Null));
                    (one, None)
                }
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

/// The one field of an optional, which no JSON text of a client can have.
const OPTIONAL: &str = "\u{0}optional";

/// An optional.
pub(crate) fn some(value: Option<Value>) -> Value {
    serde_json::json!({OPTIONAL: value.into_iter().collect::<Vec<_>>()})
}

/// What an optional holds; `None` for a value that is no optional.
fn content(value: &Value) -> Option<Option<&Value>> {
    Some(value.get(OPTIONAL)?.as_array()?.first())
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::{Fault, evaluate, parse};

    fn check(rule: &str) -> String {
        let this = json!({"size": 3, "name": "web", "tags": ["a", "b"], "limits": {"cpu": 2}, "on": true});
        let variables = BTreeMap::from([("self".to_string(), this)]);
        match parse(rule) {
            Err(mistakes) => format!("refused: {}", mistakes[0].text.split(' ').nth(2).unwrap()),
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
            ("self.?replicas.orValue(1) == 1 && self.?size.hasValue()", "true"),
            ("self.?missing.inner.orValue('x')", "\"x\""),
            ("self.limits[?'cpu'].value() + 1", "3"),
            ("sets.contains(self.tags, ['a']) && !sets.intersects(self.tags, ['z'])", "true"),
            ("cel.bind(t, self.tags, t.size() + size(t))", "4"),
            ("self.limits.all(k, v, k == 'cpu' && v == 2)", "true"),
            ("[3, 1].max() == 3 && [3, 1].min() == 1", "true"),
            ("2u == 2u", "true"),
            ("[1, 2].size() == 2 && {'a': 1}['a'] == 1", "true"),
            ("self.size >", "refused: mismatched"),
        ];
        for (rule, wanted) in pairs {
            assert_eq!(check(rule), wanted, "{rule}");
        }
        assert_eq!(check("1 == 1.0"), Value::Bool(true).to_string());
    }
}
