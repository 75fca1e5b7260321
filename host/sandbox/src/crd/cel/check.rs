//! What is wrong with a rule before any object comes: names that the schema does not declare, and operators on types
//! that they do not take. Whatever is not known here counts as a value of any type, since a refusal must be certain.

use serde_json::Value;

use super::kinds::Type::{
    Any, Bool, Bytes, Double, Duration, Int, List, Map, Meta, Null, Object, Text, Time, Uint,
};
use super::kinds::{Type, fits, is_number, name, of_schema};
use super::names::{FUNCTIONS, LIBRARIES, TYPES};
use super::parse::{Expr, Kind, Mistake};
use crate::patterns::Pattern;
use crate::value::Get;

/// What a rule for a schema gives, and what is wrong with it.
pub(crate) enum Checked {
    /// Nothing is known to be wrong.
    Fine,
    /// It gives something else than what is wanted.
    Other,
    /// It cannot be compiled; the text is that of the real compiler.
    Broken(String),
}

/// Checks a rule whose `self` has a schema; `optional` if `oldSelf` may be missing. `text` says that a text is wanted
/// and not a truth value.
pub(crate) fn check(
    source: &str,
    expr: &Expr,
    schema: &Value,
    root: bool,
    optional: bool,
    text: bool,
) -> Checked {
    let this = of_schema(schema, root).unwrap_or(Any);
    let old = if optional { Any } else { this.clone() };
    let mut checker =
        Checker { mistakes: Vec::new(), scope: vec![("self".into(), this), ("oldSelf".into(), old)] };
    let found = checker.of(expr);
    if let Some(text) = checker.told(source) {
        return Checked::Broken(text);
    }
    let wanted = if text { Text } else { Bool };
    if found == wanted || found == Any { Checked::Fine } else { Checked::Other }
}

/// Why an expression over variables of any type is no truth value; `None` if it may be one.
pub(crate) fn judge(source: &str, expr: &Expr, variables: &[&str]) -> Option<String> {
    let scope = variables.iter().map(|name| (name.to_string(), Any)).collect();
    let mut checker = Checker { mistakes: Vec::new(), scope };
    let found = checker.of(expr);
    if let Some(text) = checker.told(source) {
        return Some(format!("compilation failed: {text}"));
    }
    match found {
        Any | Bool => None,
        other => name(&other).map(|name| format!("must evaluate to bool but got {name}")),
    }
}

/// What the compiler says of a text that is no expression; `None` if that is not known.
pub(crate) fn unreadable(source: &str, mistakes: &[Mistake]) -> Option<String> {
    let known = mistakes.iter().all(|mistake| !mistake.text.is_empty());
    let lines = mistakes.iter().map(|mistake| shown(source, mistake));
    known.then(|| lines.collect::<Vec<_>>().join("\n"))
}

/// How many letters of a line are shown.
const SHOWN: usize = 10_000;
/// How many mistakes are shown, as by the real compiler.
const MISTAKES: usize = 100;

/// A mistake as the compiler shows it, with the line and a mark below.
fn shown(source: &str, mistake: &Mistake) -> String {
    let before = &source[..mistake.at.min(source.len())];
    let line = before.matches('\n').count();
    let start = before.rfind('\n').map_or(0, |i| i + 1);
    let column = before[start..].chars().count();
    let line_text = source[start..].lines().next().unwrap_or_default();
    let text: String = line_text.chars().take(SHOWN).collect::<String>().replace('\t', " ");
    format!(
        "ERROR: <input>:{}:{}: {}\n | {text}\n | {}^",
        line + 1,
        column + 1,
        mistake.text,
        ".".repeat(column.min(SHOWN))
    )
}

struct Checker<'a> {
    mistakes: Vec<Mistake>,
    scope: Vec<(String, Type<'a>)>,
}

impl<'a> Checker<'a> {
    fn mistake(&mut self, at: usize, text: String) -> Type<'a> {
        if self.mistakes.len() < MISTAKES {
            self.mistakes.push(Mistake { at, text });
        }
        Any
    }

    /// The mistakes as the compiler shows them, if there are any.
    fn told(&mut self, source: &str) -> Option<String> {
        self.mistakes.sort_by_key(|mistake| mistake.at);
        let lines: Vec<String> = self.mistakes.iter().map(|mistake| shown(source, mistake)).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// An operator or function that does not take what it is given.
    fn no_overload(
        &mut self,
        at: usize,
        function: &str,
        target: Option<&Type<'a>>,
        arguments: &[&Type<'a>],
    ) -> Type<'a> {
        let arguments: Option<Vec<String>> = arguments.iter().map(|ty| name(ty)).collect();
        let target = target.map(name);
        let (Some(arguments), Some(target)) = (arguments, target.map_or(Some(None), |t| t.map(Some))) else {
            return Any;
        };
        let list = format!("({})", arguments.join(", "));
        let applied = target.map_or(list.clone(), |target| format!("{target}.{list}"));
        self.mistake(at, format!("found no matching overload for '{function}' applied to '{applied}'"))
    }

    fn of(&mut self, expr: &Expr) -> Type<'a> {
        match &expr.kind {
            Kind::Literal(value) => match value {
                Value::Null => Null,
                Value::Bool(_) => Bool,
                Value::Number(n) if n.is_f64() => Double,
                Value::Number(_) => Int,
                Value::String(_) => Text,
                _ => Any,
            },
            Kind::Name(variable) => match self.scope.iter().rev().find(|(name, _)| name == variable) {
                Some((_, ty)) => ty.clone(),
                None if TYPES.contains(&variable.as_str()) => Any,
                None => self.undeclared(expr.at, variable),
            },
            Kind::Field(inner, field) => {
                let ty = self.of(inner);
                self.field(expr.at, &ty, field)
            }
            Kind::MaybeField(inner, field) => {
                let ty = self.of(inner);
                self.field(expr.at, &ty, field);
                Any
            }
            Kind::MaybeIndex(inner, at) => {
                self.of(inner);
                self.of(at);
                Any
            }
            Kind::Index(inner, at) => {
                let (ty, at) = (self.of(inner), self.of(at));
                match &ty {
                    List(item) if matches!(at, Int | Any) => (**item).clone(),
                    Map(key, value) if fits(key, &at) => (**value).clone(),
                    List(_) | Map(..) | Bool | Int | Double | Text => {
                        self.no_overload(expr.at, "_[_]", None, &[&ty, &at])
                    }
                    _ => Any,
                }
            }
            Kind::List(items) => List(Box::new(self.all_of(items.iter()))),
            Kind::Map(entries) => {
                let key = self.all_of(entries.iter().map(|(key, _)| key));
                Map(Box::new(key), Box::new(self.all_of(entries.iter().map(|(_, value)| value))))
            }
            Kind::Not(inner) => match self.of(inner) {
                Bool | Any => Bool,
                ty => self.no_overload(expr.at, "!_", None, &[&ty]),
            },
            Kind::Negative(inner) => match self.of(inner) {
                ty @ (Int | Double | Any) => ty,
                ty => self.no_overload(expr.at, "-_", None, &[&ty]),
            },
            Kind::Choice(condition, yes, no) => {
                let (c, a, b) = (self.of(condition), self.of(yes), self.of(no));
                if !fits(&c, &Bool) || !fits(&a, &b) {
                    return self.no_overload(expr.at, "_?_:_", None, &[&c, &a, &b]);
                }
                if a == Any { b } else { a }
            }
            Kind::Binary(operator @ ("&&" | "||"), left, right) => {
                let _ = operator;
                for side in [left, right] {
                    let ty = self.of(side);
                    if !fits(&ty, &Bool) {
                        self.unexpected(side.at, &Bool, &ty);
                    }
                }
                Bool
            }
            Kind::Binary(operator, left, right) => {
                let (a, b) = (self.of(left), self.of(right));
                self.binary(expr.at, operator, a, b)
            }
            Kind::Call(target, function, arguments) => {
                self.call(expr.at, target.as_deref(), function, arguments)
            }
        }
    }

    /// The type that several expressions must have in common.
    fn all_of<'e>(&mut self, exprs: impl Iterator<Item = &'e Expr>) -> Type<'a> {
        let mut common = None;
        for expr in exprs {
            let ty = self.of(expr);
            match &common {
                None => common = Some(ty),
                Some(first) if fits(first, &ty) => {}
                Some(first) => {
                    self.unexpected(expr.at, &first.clone(), &ty);
                }
            }
        }
        common.unwrap_or(Any)
    }

    fn unexpected(&mut self, at: usize, wanted: &Type<'a>, found: &Type<'a>) -> Type<'a> {
        let (Some(wanted), Some(found)) = (name(wanted), name(found)) else { return Any };
        self.mistake(at, format!("expected type '{wanted}' but found '{found}'"))
    }

    fn undeclared(&mut self, at: usize, name: &str) -> Type<'a> {
        self.mistake(at, format!("undeclared reference to '{name}' (in container '')"))
    }

    fn field(&mut self, at: usize, ty: &Type<'a>, field: &str) -> Type<'a> {
        match ty {
            Map(_, value) => (**value).clone(),
            Meta if matches!(field, "name" | "generateName") => Text,
            Meta => self.mistake(at, format!("undefined field '{field}'")),
            Object(schema, top) => {
                let plain = super::unescape(field);
                if *top && matches!(plain.as_str(), "apiVersion" | "kind") {
                    return Text;
                }
                if *top && plain == "metadata" {
                    return Meta;
                }
                match schema.at(&["properties", &plain]).and_then(|inner| of_schema(inner, false)) {
                    Some(found) => found,
                    None => self.mistake(at, format!("undefined field '{field}'")),
                }
            }
            Bool | Int | Uint | Double | Text | Bytes => {
                let text =
                    format!("type '{}' does not support field selection", name(ty).unwrap_or_default());
                self.mistake(at, text)
            }
            _ => Any,
        }
    }

    fn binary(&mut self, at: usize, operator: &str, a: Type<'a>, b: Type<'a>) -> Type<'a> {
        let known = |ty: &Type<'a>| !matches!(ty, Any | Object(..) | Meta);
        let (both_known, either) = (known(&a) && known(&b), known(&a) || known(&b));
        let (taken, result) = match operator {
            "==" | "!=" => (!both_known || fits(&a, &b), Bool),
            "<" | "<=" | ">" | ">=" => {
                let ordered = |ty: &Type<'a>| !matches!(ty, List(_) | Map(..) | Null | Object(..) | Meta);
                let same = fits(&a, &b) || is_number(&a) && is_number(&b);
                (ordered(&a) && ordered(&b) && (!both_known || same), Bool)
            }
            "in" => match &b {
                List(item) => (!known(&a) || fits(&a, item), Bool),
                Map(key, _) => (fits(&a, key), Bool),
                Any => (true, Bool),
                _ => (false, Bool),
            },
            "+" => {
                let added = !matches!((&a, &b), (Bool | Map(..) | Null, _) | (_, Bool | Map(..) | Null));
                (added && (!both_known || fits(&a, &b)), if a == Any { b.clone() } else { a.clone() })
            }
            _ => {
                let other = |ty: &Type<'a>| matches!(ty, Bool | Text | Bytes | List(_) | Map(..) | Null);
                let counted = !either || !other(&a) && !other(&b);
                (counted && (!both_known || a == b), if a == Any { b.clone() } else { a.clone() })
            }
        };
        if taken {
            return result;
        }
        let shown = if operator == "in" { "@in".to_string() } else { format!("_{operator}_") };
        self.no_overload(at, &shown, None, &[&a, &b])
    }

    fn call(&mut self, at: usize, target: Option<&Expr>, function: &str, arguments: &[Expr]) -> Type<'a> {
        if let Some(Expr { kind: Kind::Name(library), .. }) = target
            && LIBRARIES.contains(&library.as_str())
            && !self.scope.iter().any(|(name, _)| name == library)
        {
            return Any; // what libraries take is not followed, and some bind variables
        }
        if function == "has" && target.is_none() {
            match arguments {
                [Expr { kind: Kind::Field(inner, field), .. }] => {
                    let ty = self.of(inner);
                    self.field(at, &ty, field);
                }
                [Expr { kind: Kind::MaybeField(..), .. }] => {}
                [other] => {
                    self.mistake(other.at, "invalid argument to has() macro".into());
                }
                _ => {}
            }
            return Bool;
        }
        if let (Some(range), [Expr { kind: Kind::Name(variable), .. }, rest @ ..]) = (target, arguments)
            && matches!(function, "all" | "exists" | "exists_one" | "existsOne" | "filter" | "map")
        {
            return self.comprehension(range, function, variable, rest);
        }
        if matches!(
            function,
            "transformList" | "transformMap" | "transformMapEntry" | "sortBy" | "optMap" | "optFlatMap"
        ) {
            return Any; // they bind variables
        }
        let receiver = target.map(|target| self.of(target));
        let types: Vec<Type<'a>> = arguments.iter().map(|argument| self.of(argument)).collect();
        if !FUNCTIONS.contains(&function) {
            return self.undeclared(at, function);
        }
        let refuse = |this: &mut Self| {
            let types: Vec<&Type<'a>> = types.iter().collect();
            this.no_overload(at, function, receiver.as_ref(), &types)
        };
        match (&receiver, function, &types[..]) {
            (Some(on), "startsWith" | "endsWith" | "contains" | "matches", [argument]) => {
                if let ("matches", Kind::Literal(Value::String(pattern))) = (function, &arguments[0].kind)
                    && let Pattern::Broken = *crate::patterns::pattern(pattern)
                {
                    return self.mistake(arguments[0].at, "invalid matches argument".into());
                }
                let texts = fits(on, &Text) && fits(argument, &Text);
                if texts || !matches!(on, Text | Int | Double | Bool) { Bool } else { refuse(self) }
            }
            (Some(on), "size", []) | (None, "size", [on]) => match on {
                Int | Double | Bool | Uint => refuse(self),
                _ => Int,
            },
            (Some(Text), "lowerAscii" | "upperAscii" | "trim" | "replace" | "substring" | "charAt", _) => {
                Text
            }
            (Some(Text), "find", [_]) => Text,
            (Some(Text), "split" | "findAll", _) => List(Box::new(Text)),
            (Some(List(_)), "join", _) => Text,
            (Some(List(item)), "sum" | "min" | "max", []) => (**item).clone(),
            (Some(Text | List(_)), "indexOf" | "lastIndexOf", _) => Int,
            (Some(List(_)), "isSorted", []) => Bool,
            (None, "string", [_]) => Text,
            (None, "int", [_]) => Int,
            (None, "uint", [_]) => Uint,
            (None, "double", [_]) => Double,
            (None, "bool", [_]) => Bool,
            (None, "timestamp", [_]) => Time,
            (None, "duration", [_]) => Duration,
            (
                None,
                "quantity" | "url" | "ip" | "cidr" | "semver" | "isURL" | "isIP" | "isCIDR" | "isQuantity",
                [argument],
            ) if !fits(argument, &Text) => refuse(self),
            (None, "isURL" | "isIP" | "isCIDR" | "isQuantity", [_]) => Bool,
            _ => Any,
        }
    }

    fn comprehension(&mut self, range: &Expr, function: &str, variable: &str, rest: &[Expr]) -> Type<'a> {
        let ty = self.of(range);
        let (first, second) = match &ty {
            List(item) => ((**item).clone(), (Int, (**item).clone())),
            Map(key, value) => ((**key).clone(), ((**key).clone(), (**value).clone())),
            Any => (Any, (Any, Any)),
            other => {
                let Some(shown) = name(other) else { return Any };
                if !matches!(other, Bool | Int | Double | Text) {
                    return Any;
                }
                let text = format!(
                    "expression of type '{shown}' cannot be range of a comprehension (must be list, map, or dynamic)"
                );
                return self.mistake(range.at, text);
            }
        };
        let depth = self.scope.len();
        let bodies = match rest {
            [Expr { kind: Kind::Name(other), .. }, body] if !matches!(function, "map" | "filter") => {
                self.scope.push((variable.into(), second.0));
                self.scope.push((other.clone(), second.1));
                std::slice::from_ref(body)
            }
            _ => {
                self.scope.push((variable.into(), first.clone()));
                rest
            }
        };
        let types: Vec<Type<'a>> = bodies.iter().map(|body| self.of(body)).collect();
        self.scope.truncate(depth);
        match (function, types.last()) {
            ("map", Some(item)) => List(Box::new(item.clone())),
            ("filter", _) => List(Box::new(first)),
            _ => Bool,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::parse;
    use super::*;

    fn checked(rule: &str) -> String {
        let schema = json!({"type": "object", "properties": {
            "size": {"type": "integer"}, "name": {"type": "string"}, "ratio": {"type": "number"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "limits": {"type": "object", "additionalProperties": {"type": "integer"}},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "port": {"x-kubernetes-int-or-string": true},
        }});
        match check(rule, &parse(rule).unwrap(), &schema, false, false, false) {
            Checked::Fine => "fine".into(),
            Checked::Other => "other".into(),
            Checked::Broken(text) => text,
        }
    }

    #[test]
    fn rules_of_real_definitions_are_fine() {
        for rule in [
            "self.size > 2 && self.name == 'web' && self.ratio < 3",
            "!has(self.size) || self.size <= oldSelf.size",
            "self.tags.all(t, t.size() == 1 && t.startsWith('a'))",
            "self.tags.map(t, t + '!').exists(t, t == 'x')",
            "self.limits['cpu'] - 1 == 0 && 'cpu' in self.limits && self.limits.cpu > 0",
            "self.limits.all(k, v, k == 'cpu' && v == 2)",
            "type(self.port) == int ? self.port > 0 : self.port.matches('^[0-9]+%$')",
            "self.?name.orValue('') == '' || quantity(self.name).isGreaterThan(quantity('1'))",
            "duration(self.name) >= duration('1s') && timestamp(self.name) < timestamp('2030-01-01T00:00:00Z')",
            "sets.contains(self.tags, ['a']) && [1, 2].exists(x, x > self.size)",
            "(has(self.size) ? self.size : 0) + 1 in [1, 2, 3]",
            "isURL(self.name) && url(self.name).getHostname() == 'a'",
            "self.free == null || self.tags == []",
        ] {
            assert_eq!(checked(rule), "fine", "{rule}");
        }
    }

    #[test]
    fn mistakes_are_shown_where_they_are() {
        for (rule, wanted) in [
            ("self.b > 1", "ERROR: <input>:1:5: undefined field 'b'\n | self.b > 1\n | ....^"),
            (
                "self.size > 'a'",
                "ERROR: <input>:1:11: found no matching overload for '_>_' applied to '(int, string)'\n \
                 | self.size > 'a'\n | ..........^",
            ),
            (
                "size == 1",
                "ERROR: <input>:1:1: undeclared reference to 'size' (in container '')\n | size == 1\n | ^",
            ),
            (
                "self.size.startsWith('a')",
                "ERROR: <input>:1:21: found no matching overload for 'startsWith' applied to 'int.(string)'\n \
                 | self.size.startsWith('a')\n | ....................^",
            ),
            (
                "self.size > 1 && self.name",
                "ERROR: <input>:1:22: expected type 'bool' but found 'string'\n \
                 | self.size > 1 && self.name\n | .....................^",
            ),
            ("has(self.b)", "ERROR: <input>:1:4: undefined field 'b'\n | has(self.b)\n | ...^"),
            ("self.name", "other"),
        ] {
            assert_eq!(checked(rule), wanted, "{rule}");
        }
    }
}
