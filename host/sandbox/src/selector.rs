//! Label and field selectors.

use serde_json::{Map, Value};

use crate::value::Get;

/// A label selector.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LabelSelector(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq)]
struct Requirement {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    In,
    NotIn,
    Exists,
    Absent,
    Greater,
    Less,
}

impl LabelSelector {
    /// The selector of an object: `matchLabels` and `matchExpressions`. An absent or null one selects nothing and is
    /// the caller's business; an empty one selects everything. `None` if an operator is unknown.
    pub fn from_value(selector: &Value) -> Option<Self> {
        let mut requirements = Vec::new();
        for (key, value) in selector.at(&["matchLabels"]).and_then(Value::as_object).into_iter().flatten() {
            let values = vec![value.as_str()?.to_string()];
            requirements.push(Requirement { key: key.clone(), operator: Operator::In, values });
        }
        for expression in selector.items(&["matchExpressions"]) {
            let operator = match expression.text(&["operator"]) {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::Absent,
                _ => return None,
            };
            let values =
                expression.items(&["values"]).iter().filter_map(|v| v.as_str().map(String::from)).collect();
            requirements.push(Requirement { key: expression.text(&["key"]).into(), operator, values });
        }
        Some(LabelSelector(requirements))
    }

    /// The selector of old kinds: a plain map of labels.
    pub fn from_map(labels: &Value) -> Self {
        let entries = labels.as_object().into_iter().flatten();
        LabelSelector(
            entries
                .map(|(key, value)| Requirement {
                    key: key.clone(),
                    operator: Operator::In,
                    values: vec![value.as_str().unwrap_or_default().into()],
                })
                .collect(),
        )
    }

    /// True if it selects everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if these labels are selected.
    pub fn matches(&self, labels: Option<&Map<String, Value>>) -> bool {
        self.0.iter().all(|requirement| {
            let found = labels.and_then(|l| l.get(&requirement.key)).and_then(Value::as_str);
            let number = |text: &str| text.parse::<i64>().ok();
            match requirement.operator {
                Operator::In => found.is_some_and(|v| requirement.values.iter().any(|w| w == v)),
                Operator::NotIn => found.is_none_or(|v| requirement.values.iter().all(|w| w != v)),
                Operator::Exists => found.is_some(),
                Operator::Absent => found.is_none(),
                Operator::Greater | Operator::Less => {
                    match (found.and_then(number), requirement.values.first().and_then(|v| number(v))) {
                        (Some(a), Some(b)) if requirement.operator == Operator::Greater => a > b,
                        (Some(a), Some(b)) => a < b,
                        _ => false,
                    }
                }
            }
        })
    }

    /// True if the labels of an object are selected.
    pub fn selects(&self, object: &Value) -> bool {
        self.matches(object.at(&["metadata", "labels"]).and_then(Value::as_object))
    }

    /// Parses the text of a query.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { tokens: tokens(text), at: 0 };
        let mut requirements = parser.all()?;
        requirements.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(LabelSelector(requirements))
    }

    /// The canonical text, as scale subresources show it.
    pub fn text(&self) -> String {
        let parts: Vec<String> = self
            .0
            .iter()
            .map(|r| {
                let mut values = r.values.clone();
                values.sort();
                match r.operator {
                    Operator::In if r.values.len() == 1 => format!("{}={}", r.key, r.values[0]),
                    Operator::In => format!("{} in ({})", r.key, values.join(",")),
                    Operator::NotIn => format!("{} notin ({})", r.key, values.join(",")),
                    Operator::Exists => r.key.clone(),
                    Operator::Absent => format!("!{}", r.key),
                    Operator::Greater => format!("{}>{}", r.key, values.join(",")),
                    Operator::Less => format!("{}<{}", r.key, values.join(",")),
                }
            })
            .collect();
        parts.join(",")
    }
}

fn tokens(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => {}
            '(' | ')' | ',' | '<' | '>' => out.push(c.into()),
            '=' | '!' => {
                let mut token = String::from(c);
                while token.len() < 2 && chars.peek() == Some(&'=') {
                    token.extend(chars.next());
                }
                out.push(token);
            }
            c => {
                let mut token = String::from(c);
                while let Some(next) = chars.peek() {
                    if next.is_whitespace() || "(),=!<>".contains(*next) {
                        break;
                    }
                    token.extend(chars.next());
                }
                out.push(token);
            }
        }
    }
    out
}

struct Parser {
    tokens: Vec<String>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> &str {
        self.tokens.get(self.at).map_or("", String::as_str)
    }

    fn take(&mut self) -> String {
        let token = self.peek().to_string();
        self.at += 1;
        token
    }

    fn all(&mut self) -> Result<Vec<Requirement>, String> {
        let mut out = Vec::new();
        if self.tokens.is_empty() {
            return Ok(out);
        }
        if is_symbol(self.peek()) && self.peek() != "!" {
            return Err(format!("found '{}', expected: !, identifier, or 'end of string'", self.peek()));
        }
        loop {
            out.push(self.requirement().map_err(|e| format!("unable to parse requirement: {e}"))?);
            match &*self.take() {
                "" => return Ok(out),
                "," => {
                    let next = self.peek();
                    if is_symbol(next) && next != "!" {
                        return Err(format!("found '{next}', expected: identifier after ','"));
                    }
                }
                other => return Err(format!("found '{other}', expected: ',' or 'end of string'")),
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let absent = self.peek() == "!";
        if absent {
            self.at += 1;
        }
        let key = self.take();
        if is_symbol(&key) {
            return Err(format!("found '{key}', expected: identifier"));
        }
        check_key(&key)?;
        if absent {
            return Ok(Requirement { key, operator: Operator::Absent, values: Vec::new() });
        }
        let operator = match self.peek() {
            "" | "," => return Ok(Requirement { key, operator: Operator::Exists, values: Vec::new() }),
            "in" => Operator::In,
            "notin" => Operator::NotIn,
            "=" | "==" => Operator::In,
            "!=" => Operator::NotIn,
            ">" => Operator::Greater,
            "<" => Operator::Less,
            other => return Err(format!("found '{other}', expected: in, notin, =, ==, !=, gt, lt")),
        };
        let word = self.take();
        if !matches!(&*word, "in" | "notin") && is_symbol(self.peek()) && !matches!(self.peek(), "" | ",") {
            return Err(format!("found '{}', expected: identifier", self.peek()));
        }
        let values = if matches!(&*word, "in" | "notin") { self.values()? } else { vec![self.value()] };
        for (index, value) in values.iter().enumerate() {
            check_value(&key, index, value)?;
            if matches!(operator, Operator::Greater | Operator::Less) && value.parse::<i64>().is_err() {
                return Err(format!(
                    "values[0]: Invalid value: {value:?}: for 'Gt', 'Lt' operators, the value must be an integer"
                ));
            }
        }
        Ok(Requirement { key, operator, values })
    }

    fn value(&mut self) -> String {
        match self.peek() {
            "" | "," => String::new(),
            _ => self.take(),
        }
    }

    fn values(&mut self) -> Result<Vec<String>, String> {
        let open = self.take();
        if open != "(" {
            return Err(format!("found '{open}' expected: '('"));
        }
        let mut out = Vec::new();
        match self.peek() {
            ")" => {
                self.at += 1;
                return Ok(vec![String::new()]);
            }
            "," => out.push(String::new()),
            token if is_symbol(token) => {
                return Err(format!("found '{token}', expected: ',', ')' or identifier"));
            }
            _ => {}
        }
        loop {
            match &*self.take() {
                ")" => {
                    out.sort();
                    out.dedup();
                    return Ok(out);
                }
                "," => {
                    if matches!(self.peek(), "," | ")") {
                        out.push(String::new());
                    }
                }
                token if is_symbol(token) => {
                    return Err(format!("found '{token}', expected: ',' or ')'"));
                }
                token => out.push(token.into()),
            }
        }
    }
}

fn is_symbol(token: &str) -> bool {
    matches!(token, "" | "(" | ")" | "," | "=" | "==" | "!=" | "!" | "<" | ">")
}

fn check_key(key: &str) -> Result<(), String> {
    match crate::names::qualified_name(key).first() {
        None => Ok(()),
        Some(problem) => Err(format!("<nil>: Invalid value: {key:?}: {problem}")),
    }
}

fn check_value(key: &str, index: usize, value: &str) -> Result<(), String> {
    match crate::names::label_value(value).first() {
        None => Ok(()),
        Some(problem) => Err(format!("values[{index}][{key}]: Invalid value: {value:?}: {problem}")),
    }
}

/// A field selector: pairs that must be equal or different.
#[derive(Debug, Clone, Default)]
pub struct FieldSelector(Vec<(String, bool, String)>);

impl FieldSelector {
    /// Parses the text of a query.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut out = Vec::new();
        for part in split_unescaped(text) {
            if part.is_empty() {
                continue;
            }
            let (key, equal, value) = if let Some((key, value)) = part.split_once("!=") {
                (key, false, value)
            } else if let Some((key, value)) = part.split_once("==") {
                (key, true, value)
            } else if let Some((key, value)) = part.split_once('=') {
                (key, true, value)
            } else {
                return Err(format!("invalid selector: '{text}'; can't understand '{part}'"));
            };
            out.push((key.to_string(), equal, unescape(value)));
        }
        Ok(FieldSelector(out))
    }

    /// True if it selects everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names of its fields.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _, _)| key.as_str())
    }

    /// The only value that a field may have, if there is one.
    pub fn exact(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, equal, _)| k == key && *equal).map(|(_, _, v)| v.as_str())
    }

    /// True if the fields, as `read` gives them, are selected.
    pub fn matches(&self, read: impl Fn(&str) -> String) -> bool {
        self.0.iter().all(|(key, equal, value)| (read(key) == *value) == *equal)
    }
}

fn split_unescaped(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (i, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == ',' {
            out.push(&text[start..i]);
            start = i + 1;
        }
    }
    out.push(&text[start..]);
    out
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}
