//! The evaluation of rules. What is there already is looked at where it lies; only what a rule makes is copied, and
//! everything is paid for from a [`Budget`].

use std::cmp::Ordering;
use std::ops::Deref;
use std::rc::Rc;

use serde_json::Value;

use super::budget::{Budget, size, tenth, weight};
use super::functions::{arithmetic, function};
use super::parse::{Expr, Kind};
use super::{Fault, Outcome, content, equal, failed, some, types, unescape};

/// A value of a rule: a part of the object or the rule, or one that the rule made.
#[derive(Clone)]
pub(crate) enum Val<'v> {
    /// It lies elsewhere.
    At(&'v Value),
    /// It was made.
    Made(Rc<Value>),
}

impl Deref for Val<'_> {
    type Target = Value;

    fn deref(&self) -> &Value {
        match self {
            Val::At(value) => value,
            Val::Made(value) => value,
        }
    }
}

impl From<Value> for Val<'_> {
    fn from(value: Value) -> Self {
        Val::Made(Rc::new(value))
    }
}

/// Evaluates an expression with its variables.
pub(crate) fn evaluate<'v>(
    expr: &'v Expr,
    variables: &[(&'v str, Val<'v>)],
    budget: &mut Budget,
) -> Outcome<Val<'v>> {
    budget.begin();
    Machine { budget }.eval(expr, &Scope { variables, around: None })
}

/// Variables, and those around them.
struct Scope<'s, 'v> {
    variables: &'s [(&'v str, Val<'v>)],
    around: Option<&'s Scope<'s, 'v>>,
}

impl<'v> Scope<'_, 'v> {
    fn find(&self, name: &str) -> Option<&Val<'v>> {
        let own = self.variables.iter().find(|(known, _)| *known == name);
        own.map(|(_, value)| value).or_else(|| self.around?.find(name))
    }
}

struct Machine<'b> {
    budget: &'b mut Budget,
}

/// What one turn of a macro costs beside its body, and what it leaves.
const TURN: u64 = 3;
const TURN_OF_LIST: u64 = 13;
/// What it costs to make a list or a map.
const LIST: u64 = 10;
const MAP: u64 = 30;

impl<'v> Machine<'_> {
    fn eval(&mut self, expr: &'v Expr, scope: &Scope<'_, 'v>) -> Outcome<Val<'v>> {
        self.budget.work(1)?;
        match &expr.kind {
            Kind::Literal(value) => Ok(Val::At(value)),
            Kind::Name(name) => {
                self.budget.pay(1)?;
                scope.find(name).cloned().ok_or(Fault::Unknown)
            }
            Kind::Field(inner, name) => self.field(inner, name, scope),
            Kind::Index(inner, at) => {
                let (value, at) = (self.eval(inner, scope)?, self.eval(at, scope)?);
                self.budget.pay(1)?;
                let found = self.part(&value, |value| match (value, &*at) {
                    (Value::Object(map), Value::String(key)) => map.get(key),
                    (Value::Array(items), Value::Number(n)) => {
                        n.as_u64().and_then(|i| usize::try_from(i).ok()).and_then(|i| items.get(i))
                    }
                    _ => None,
                })?;
                self.budget.copy(&at)?;
                found.ok_or_else(|| Fault::Failed(format!("index out of bounds: {}", &*at)))
            }
            Kind::MaybeField(inner, name) => {
                let value = self.maybe(inner, scope)?;
                let found =
                    value.and_then(|value| value.get(unescape(name)).filter(|v| !v.is_null()).cloned());
                self.make(some(found))
            }
            Kind::MaybeIndex(inner, at) => {
                let value = self.maybe(inner, scope)?;
                let at = self.eval(at, scope)?;
                let value = value.unwrap_or(Value::Null);
                self.make(some(match (&*at, at.as_u64().and_then(|i| usize::try_from(i).ok())) {
                    (Value::String(key), _) => value.get(key).cloned(),
                    (_, Some(i)) => value.get(i).cloned(),
                    _ => None,
                }))
            }
            Kind::List(items) => {
                self.budget.pay(LIST)?;
                let items: Outcome<Vec<Value>> = items.iter().map(|i| self.owned(i, scope)).collect();
                Ok(Value::Array(items?).into())
            }
            Kind::Map(entries) => {
                self.budget.pay(MAP)?;
                let mut map = serde_json::Map::new();
                for (key, value) in entries {
                    let Value::String(key) = self.owned(key, scope)? else { return Err(Fault::Unknown) };
                    map.insert(key, self.owned(value, scope)?);
                }
                Ok(Value::Object(map).into())
            }
            Kind::Not(inner) => match *self.eval(inner, scope)? {
                Value::Bool(b) => Ok(Value::Bool(!b).into()),
                _ => Err(Fault::Unknown),
            },
            Kind::Negative(inner) => {
                let value = self.eval(inner, scope)?;
                let negative = match value.as_i64() {
                    Some(n) => {
                        n.checked_neg().map(Value::from).ok_or(Fault::Failed("integer overflow".into()))
                    }
                    None => value.as_f64().map(|n| Value::from(-n)).ok_or(Fault::Unknown),
                };
                negative.map(Val::from)
            }
            Kind::Choice(condition, yes, no) => match *self.eval(condition, scope)? {
                Value::Bool(true) => self.eval(yes, scope),
                Value::Bool(false) => self.eval(no, scope),
                _ => Err(Fault::Unknown),
            },
            Kind::Binary(operator @ ("&&" | "||"), left, right) => {
                self.either(*operator == "||", left, right, scope)
            }
            Kind::Binary(operator, left, right) => self.binary(operator, left, right, scope),
            Kind::Call(target, name, arguments) => self.call(target.as_deref(), name, arguments, scope),
        }
    }

    /// A value that was made, with its price in work.
    fn make(&mut self, value: Value) -> Outcome<Val<'v>> {
        self.budget.copy(&value)?;
        Ok(value.into())
    }

    /// The value of an expression to keep.
    fn owned(&mut self, expr: &'v Expr, scope: &Scope<'_, 'v>) -> Outcome {
        let value = self.eval(expr, scope)?;
        self.budget.copy(&value)?;
        Ok(match value {
            Val::At(value) => value.clone(),
            Val::Made(value) => Rc::unwrap_or_clone(value),
        })
    }

    /// A part of a value.
    fn part(&mut self, value: &Val<'v>, find: impl Fn(&Value) -> Option<&Value>) -> Outcome<Option<Val<'v>>> {
        Ok(match value {
            Val::At(value) => find(value).map(Val::At),
            Val::Made(value) => match find(value) {
                Some(part) => {
                    self.budget.copy(part)?;
                    Some(part.clone().into())
                }
                None => None,
            },
        })
    }

    fn field(&mut self, inner: &'v Expr, name: &'v str, scope: &Scope<'_, 'v>) -> Outcome<Val<'v>> {
        let value = self.eval(inner, scope)?;
        self.budget.pay(1)?;
        if let Some(content) = content(&value) {
            // A step from an optional gives an optional.
            return self.make(some(content.and_then(|value| value.get(unescape(name)).cloned())));
        }
        match self.part(&value, |value| value.get(unescape(name)))? {
            Some(found) => Ok(found),
            None if value.is_object() => failed(&format!("no such key: {name}")),
            None => Err(Fault::Unknown),
        }
    }

    /// `&&` and `||`: an error on one side does not matter if the other side decides.
    fn either(
        &mut self,
        stop: bool,
        left: &'v Expr,
        right: &'v Expr,
        scope: &Scope<'_, 'v>,
    ) -> Outcome<Val<'v>> {
        let a = self.eval(left, scope);
        match &a {
            Err(Fault::Spent(_)) => return a,
            Ok(value) if **value == stop => return a,
            _ => {}
        }
        let b = self.eval(right, scope);
        match &b {
            Err(Fault::Spent(_)) => b,
            Ok(value) if **value == stop => b,
            _ => a.and(b),
        }
    }

    /// Whether two values are the same, with its price.
    fn same(&mut self, a: &Value, b: &Value) -> Outcome<bool> {
        self.budget.work(weight(a).min(weight(b)))?;
        Ok(equal(a, b))
    }

    fn binary(
        &mut self,
        operator: &'static str,
        left: &'v Expr,
        right: &'v Expr,
        scope: &Scope<'_, 'v>,
    ) -> Outcome<Val<'v>> {
        let (a, b) = (self.eval(left, scope)?, self.eval(right, scope)?);
        let (a, b) = (&*a, &*b);
        let truth = match operator {
            "==" | "!=" => {
                self.budget.pay(tenth(size(a).min(size(b))))?;
                self.same(a, b)? == (operator == "==")
            }
            "in" => match b {
                Value::Array(items) => {
                    self.budget.pay(items.len() as u64)?;
                    self.budget.work(items.len().saturating_mul(weight(a)))?;
                    items.iter().any(|item| equal(item, a))
                }
                Value::Object(map) => {
                    self.budget.pay(1)?;
                    a.as_str().is_some_and(|key| map.contains_key(key))
                }
                _ => return Err(Fault::Unknown),
            },
            "<" | "<=" | ">" | ">=" => {
                self.budget.pay(tenth(size(a).min(size(b))))?;
                let order = order(a, b)?;
                match operator {
                    "<" => order.is_lt(),
                    "<=" => order.is_le(),
                    ">" => order.is_gt(),
                    _ => order.is_ge(),
                }
            }
            _ => {
                let texts = a.is_string() && b.is_string();
                self.budget.pay(if texts { tenth(size(a) + size(b)) } else { 1 })?;
                self.budget.work(weight(a) + weight(b))?;
                return arithmetic(operator, a, b).map(Val::from);
            }
        };
        Ok(Value::Bool(truth).into())
    }

    fn call(
        &mut self,
        target: Option<&'v Expr>,
        name: &'v str,
        arguments: &'v [Expr],
        scope: &Scope<'_, 'v>,
    ) -> Outcome<Val<'v>> {
        if name == "has" && target.is_none() {
            let [Expr { kind: Kind::Field(inner, field) | Kind::MaybeField(inner, field), .. }] = arguments
            else {
                return Err(Fault::Unknown);
            };
            let value = self.eval(inner, scope)?;
            return Ok(Value::Bool(value.get(unescape(field)).is_some_and(|v| !v.is_null())).into());
        }
        if let (Some(target), [Expr { kind: Kind::Name(variable), .. }, rest @ ..]) = (target, arguments)
            && matches!(name, "all" | "exists" | "exists_one" | "existsOne" | "filter" | "map")
        {
            return self.comprehension(target, name, variable, rest, scope);
        }
        if let Some(Expr { kind: Kind::Name(library), .. }) = target
            && scope.find(library).is_none()
        {
            return self.library(library, name, arguments, scope);
        }
        let target = target.map(|t| self.eval(t, scope)).transpose()?;
        let arguments: Outcome<Vec<Val<'v>>> = arguments.iter().map(|a| self.eval(a, scope)).collect();
        let arguments = arguments?;
        let arguments: Vec<&Value> = arguments.iter().map(|argument| &**argument).collect();
        function(target.as_deref(), name, &arguments, self.budget).map(Val::from)
    }

    /// Functions whose names have two parts.
    fn library(
        &mut self,
        library: &str,
        name: &str,
        arguments: &'v [Expr],
        scope: &Scope<'_, 'v>,
    ) -> Outcome<Val<'v>> {
        if (library, name) == ("cel", "bind") {
            let [Expr { kind: Kind::Name(variable), .. }, value, body] = arguments else {
                return Err(Fault::Unknown);
            };
            let variables = [(variable.as_str(), self.eval(value, scope)?)];
            return self.eval(body, &Scope { variables: &variables, around: Some(scope) });
        }
        let arguments: Outcome<Vec<Value>> = arguments.iter().map(|a| self.owned(a, scope)).collect();
        let arguments = arguments?;
        let within = |items: &[Value], item: &Value| items.iter().any(|other| equal(other, item));
        if let [Value::Array(a), Value::Array(b)] = &arguments[..] {
            self.budget.pay(1 + (a.len() as u64).saturating_mul(b.len() as u64))?;
            let inside = |items: &[Value]| items.iter().map(weight).sum::<usize>();
            self.budget.work(inside(a).saturating_mul(b.len()).max(inside(b).saturating_mul(a.len())))?;
        }
        Ok(match (library, name, &arguments[..]) {
            ("optional", "none", []) => some(None),
            ("optional", "of", [value]) => some(Some(value.clone())),
            ("sets", "contains", [Value::Array(a), Value::Array(b)]) => {
                b.iter().all(|item| within(a, item)).into()
            }
            ("sets", "intersects", [Value::Array(a), Value::Array(b)]) => {
                b.iter().any(|item| within(a, item)).into()
            }
            ("sets", "equivalent", [Value::Array(a), Value::Array(b)]) => {
                (a.iter().all(|item| within(b, item)) && b.iter().all(|item| within(a, item))).into()
            }
            _ => return Err(Fault::Unknown),
        }
        .into())
    }

    /// The value before an optional step: none if it is an optional without one.
    fn maybe(&mut self, expr: &'v Expr, scope: &Scope<'_, 'v>) -> Outcome<Option<Value>> {
        let value = self.owned(expr, scope)?;
        self.budget.pay(1)?;
        Ok(match content(&value) {
            Some(content) => content.cloned(),
            None => Some(value),
        })
    }

    fn comprehension(
        &mut self,
        target: &'v Expr,
        name: &str,
        variable: &'v str,
        rest: &'v [Expr],
        scope: &Scope<'_, 'v>,
    ) -> Outcome<Val<'v>> {
        let entries = self.eval(target, scope)?;
        let items = self.items(&entries)?;
        let collects = matches!(name, "map" | "filter");
        let (mut count, mut out, mut fault) = (0, Vec::new(), None);
        for (index, item) in items.into_iter().enumerate() {
            self.budget.pay(if collects { TURN_OF_LIST } else { TURN })?;
            let (condition, result, variables) = match rest {
                [one] => (one, None, vec![(variable, item.clone())]),
                [Expr { kind: Kind::Name(second), .. }, one] if !collects => {
                    let (key, value) = match &*entries {
                        Value::Object(_) => {
                            let value = self.part(&entries, |all| all.get(item.as_str()?))?;
                            (item.clone(), value.unwrap_or(Value::Null.into()))
                        }
                        _ => (Value::from(index).into(), item.clone()),
                    };
                    (one, None, vec![(variable, key), (second.as_str(), value)])
                }
                [condition, result] if name == "map" => {
                    (condition, Some(result), vec![(variable, item.clone())])
                }
                _ => return Err(Fault::Unknown),
            };
            let inner = Scope { variables: &variables, around: Some(scope) };
            let value = match self.eval(condition, &inner) {
                Err(spent @ Fault::Spent(_)) => return Err(spent),
                other => other,
            };
            match (name, value.as_deref()) {
                ("map", _) => match result {
                    None => out.push(self.kept(value?)?),
                    Some(result) => {
                        if *value? == true {
                            out.push(self.owned(result, &inner)?);
                        }
                    }
                },
                ("filter", _) => {
                    if *value? == true {
                        out.push(self.kept(item)?);
                    }
                }
                ("all", Ok(Value::Bool(false))) => return Ok(Value::Bool(false).into()),
                ("exists", Ok(Value::Bool(true))) => return Ok(Value::Bool(true).into()),
                (_, Ok(Value::Bool(true))) => count += 1,
                (_, Ok(Value::Bool(false))) => {}
                (_, Ok(_)) => return Err(Fault::Unknown),
                (_, Err(found)) => fault = Some(found.clone()),
            }
        }
        match (name, fault) {
            ("map" | "filter", _) => Ok(Value::Array(out).into()),
            (_, Some(fault)) => Err(fault),
            ("all", None) => Ok(Value::Bool(true).into()),
            ("exists", None) => Ok(Value::Bool(false).into()),
            _ => Ok(Value::Bool(count == 1).into()),
        }
    }

    /// What a macro goes over.
    fn items(&mut self, entries: &Val<'v>) -> Outcome<Vec<Val<'v>>> {
        self.budget.work(size(entries))?;
        Ok(match (entries, &**entries) {
            (Val::At(Value::Array(items)), _) => items.iter().map(Val::At).collect(),
            (_, Value::Array(items)) => {
                self.budget.copy(entries)?;
                items.iter().cloned().map(Val::from).collect()
            }
            (_, Value::Object(map)) => map.keys().map(|key| Val::from(Value::String(key.clone()))).collect(),
            _ => return Err(Fault::Unknown),
        })
    }

    /// A value to keep.
    fn kept(&mut self, value: Val<'v>) -> Outcome {
        self.budget.copy(&value)?;
        Ok(value.clone_value())
    }
}

impl Val<'_> {
    fn clone_value(self) -> Value {
        match self {
            Val::At(value) => value.clone(),
            Val::Made(value) => Rc::unwrap_or_clone(value),
        }
    }
}

/// The order of two values.
fn order(a: &Value, b: &Value) -> Outcome<Ordering> {
    if let Some(special) = types::compare(a, b) {
        return Ok(special);
    }
    match (a, b) {
        (Value::String(a), Value::String(b)) => Ok(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Ok(a.cmp(b)),
        _ => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => Ok(a.cmp(&b)),
            _ => {
                let (a, b) = (a.as_f64().ok_or(Fault::Unknown)?, b.as_f64().ok_or(Fault::Unknown)?);
                a.partial_cmp(&b).ok_or(Fault::Unknown)
            }
        },
    }
}
