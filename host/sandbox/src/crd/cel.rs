//! The part of the Common Expression Language that rules of custom resources use.
//!
//! Rules with functions that are not known here are not checked: a refusal must be certain. What an evaluation may
//! cost is bounded as on the real API server, see [`budget`].

mod budget;
pub(crate) mod check;
mod functions;
mod kinds;
mod machine;
mod names;
mod parse;
pub(crate) mod types;

use serde_json::Value;

pub(crate) use budget::{Budget, Limit};
pub(crate) use machine::{Val, evaluate};
pub(crate) use parse::{Expr, parse};

/// Why there is no result.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    /// Something that is not known here; the rule says nothing.
    Unknown,
    /// The expression fails, which refuses the object.
    Failed(String),
    /// It costs too much, which refuses the object.
    Spent(Limit),
}

type Outcome<T = Value> = Result<T, Fault>;

fn failed<T>(text: &str) -> Outcome<T> {
    Err(Fault::Failed(text.into()))
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
    use serde_json::{Value, json};

    use super::{Budget, Fault, Val, evaluate, parse};

    fn check(rule: &str) -> String {
        let this = json!({"size": 3, "name": "web", "tags": ["a", "b"], "limits": {"cpu": 2}, "on": true});
        checked_on(rule, &this)
    }

    fn checked_on(rule: &str, this: &Value) -> String {
        match parse(rule) {
            Err(mistakes) => format!("refused: {}", mistakes[0].text.split(' ').nth(2).unwrap_or_default()),
            Ok(expr) => match evaluate(&expr, &[("self", Val::At(this))], &mut Budget::default()) {
                Ok(value) => value.to_string(),
                Err(Fault::Unknown) => "unknown".into(),
                Err(Fault::Failed(why)) => format!("failed: {why}"),
                Err(Fault::Spent(limit)) => format!("spent: {limit:?}"),
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

    #[test]
    fn rules_that_cost_too_much_are_stopped() {
        let many: Vec<Value> =
            (0..1_000).map(|i| json!({"name": format!("n{i}"), "more": [i, i, i]})).collect();
        let this = json!({"list": many, "text": "x".repeat(1 << 20)});
        let bind = |value: &str, times: usize| {
            let names: Vec<String> = (0..=times).map(|i| format!("v{i}")).collect();
            let opening =
                |i: usize| format!("cel.bind({}, {}, ", names[i + 1], value.replace('@', &names[i]));
            let inner: String = (0..times).map(opening).collect();
            format!("cel.bind(v0, self.list, {inner}size({}) > 0{})", names[times], ")".repeat(times))
        };
        for (rule, wanted) in [
            ("self.list.all(a, self.list.all(b, self.list.all(c, a.name != 'zz')))", "spent: Call"),
            ("self.list.map(a, self.list.map(b, self.list)).size() > 0", "spent: Object"),
            ("self.list.all(a, self.list.all(b, self.list == self.list))", "spent: Object"),
            ("self.text.replace('', self.text) == ''", "spent: Object"),
            ("self.list.all(a, self.text.matches('^(x|y|z)*$'))", "spent: Object"),
            ("self.list.all(a, self.text.contains(self.text))", "spent: Call"),
            ("'x'.matches('(x{1,900}){1,900}')", "unknown"),
            ("self.list.exists(a, a.name == 'n5') && self.text.size() > 5", "true"),
            // An error that does not matter otherwise matters here.
            ("self.list.all(a, self.list.all(b, self.list.all(c, c.name != 'zz'))) || true", "spent: Call"),
            (&bind("@ + @", 40), "spent: Object"),
            (&bind("[@, @]", 40), "spent: Object"),
        ] {
            assert_eq!(checked_on(rule, &this), wanted, "{}", &rule[..rule.len().min(200)]);
        }
    }

    #[test]
    fn long_and_deep_rules_need_little_of_the_stack() {
        let chain = |word: &str, times: usize| vec!["self.on"; times].join(word);
        assert_eq!(check(&chain(" && ", 9_000)), "true");
        assert_eq!(check(&chain(" || ", 9_000)), "true");
        let sum = |times: usize| vec!["1"; times].join("+");
        assert_eq!(check(&sum(100)), "100");
        let deep = [
            sum(20_000),
            "-".repeat(20_000) + "1",
            "!".repeat(20_000) + "true",
            format!("self{}", ".a".repeat(20_000)),
            format!("self{}", "[0]".repeat(20_000)),
            format!("{}1{}", "(".repeat(20_000), ")".repeat(20_000)),
            format!("{}1{}", "[".repeat(20_000), "]".repeat(20_000)),
            "true ? 1 : ".repeat(5_000) + "1",
            format!("{}1{}", "(".repeat(90), "+1)".repeat(90).replace("+1", &"+1".repeat(90))),
        ];
        for rule in deep {
            assert_eq!(check(&rule), "refused: limit", "{}", &rule[..60]);
        }
        assert_eq!(check(&"a ".repeat(60_000)), "refused: point");
    }
}
