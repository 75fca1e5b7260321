//! Walks schema and values side by side and nests failures as the library does that Helm uses.
//!
//! It only explains: whether values are valid was decided before. What it does not follow (dynamic references,
//! unevaluated properties, references by identifier) makes it give up, and the plain list stands in.

use serde_json::{Map, Value};

use super::failures::{self, single_quoted};
use super::patterns;

const MAX_DEPTH: usize = 200;
const MAX_STEPS: usize = 200_000;

/// Keywords that are not followed.
const UNFOLLOWED: [&str; 5] =
    ["unevaluatedProperties", "unevaluatedItems", "$dynamicRef", "$recursiveRef", "contentSchema"];

/// A failure and what led to it.
#[derive(Debug)]
pub(super) struct Node {
    place: String,
    text: String,
    kind: Kind,
    causes: Vec<Node>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    /// Several failures of one schema.
    Group,
    /// Failures behind a `$ref`; a single one stands for itself.
    Reference,
}

/// The walk met something that it does not follow.
#[derive(Debug)]
pub(super) struct Unfollowed;

type Walked<T> = Result<T, Unfollowed>;

/// The lines of all failures; `None` if there is nothing that can be said.
pub(super) fn describe(schema: &Value, values: &Value) -> Option<String> {
    let mut walk = Walk { root: schema, draft: draft(schema.get("$schema")), steps: 0 };
    let node = walk.schema(schema, values, "", 0).ok()??;
    let roots = match node.kind {
        Kind::Group => node.causes,
        _ => vec![node],
    };
    let mut text = String::new();
    roots.iter().for_each(|node| print(node, 0, &mut text));
    Some(text)
}

fn print(node: &Node, depth: usize, text: &mut String) {
    let is_skipped = node.kind == Kind::Reference && node.causes.len() == 1;
    if !is_skipped {
        text.push_str(&format!("{}- at {}: {}\n", "  ".repeat(depth), single_quoted(&node.place), node.text));
    }
    let depth = if is_skipped { depth } else { depth + 1 };
    node.causes.iter().for_each(|cause| print(cause, depth, text));
}

/// The draft as a number; the newest where the schema names none.
pub(super) fn draft(dialect: Option<&Value>) -> u32 {
    let url = dialect.and_then(Value::as_str).unwrap_or_default();
    let known = [("draft-04", 4), ("draft-06", 6), ("draft-07", 7), ("2019-09", 2019)];
    known.iter().find(|(name, _)| url.contains(name)).map_or(2020, |(_, draft)| *draft)
}

struct Walk<'s> {
    root: &'s Value,
    draft: u32,
    steps: usize,
}

/// Failures of one schema at one place.
struct Found {
    place: String,
    nodes: Vec<Node>,
}

impl Found {
    fn say(&mut self, text: impl Into<String>) {
        self.nodes.push(Node {
            place: self.place.clone(),
            text: text.into(),
            kind: Kind::Plain,
            causes: Vec::new(),
        });
    }

    fn say_because(&mut self, text: impl Into<String>, causes: Vec<Node>) {
        self.nodes.push(Node { place: self.place.clone(), text: text.into(), kind: Kind::Plain, causes });
    }
}

impl<'s> Walk<'s> {
    fn schema(
        &mut self,
        schema: &'s Value,
        value: &Value,
        place: &str,
        depth: usize,
    ) -> Walked<Option<Node>> {
        self.steps += 1;
        if depth > MAX_DEPTH || self.steps > MAX_STEPS {
            return Err(Unfollowed);
        }
        let mut found = Found { place: place.to_owned(), nodes: Vec::new() };
        let map = match schema {
            Value::Bool(true) => return Ok(None),
            Value::Object(map) => map,
            _ => {
                found.say("false schema");
                return Ok(found.nodes.pop());
            }
        };
        if UNFOLLOWED.iter().any(|keyword| map.contains_key(*keyword)) {
            return Err(Unfollowed);
        }
        let is_only_reference = self.draft < 2019 && map.contains_key("$ref");
        if !is_only_reference && let Some(text) = failures::of_value(map, value) {
            found.say(text);
            return Ok(found.nodes.pop());
        }
        let format =
            map.get("format").and_then(Value::as_str).filter(|_| self.draft < 2019 && !is_only_reference);
        if let (Some(format), Value::String(text)) = (format, value)
            && let Some(wrong) = patterns::format_failure(format, text)
        {
            found.say(wrong);
        }
        if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
            let target = self.resolve(reference).ok_or(Unfollowed)?;
            if let Some(node) = self.schema(target, value, place, depth + 1)? {
                let causes = if node.kind == Kind::Group { node.causes } else { vec![node] };
                let text = "validation failed".to_owned();
                found.nodes.push(Node { place: place.to_owned(), text, kind: Kind::Reference, causes });
            }
            if is_only_reference {
                return Ok(found.nodes.pop());
            }
        }
        match value {
            Value::Object(object) => self.object(map, object, &mut found, depth)?,
            Value::Array(list) => self.array(map, list, &mut found, depth)?,
            Value::String(text) => string(map, text, &mut found)?,
            Value::Number(_) => failures::of_number(map, value).into_iter().for_each(|text| found.say(text)),
            _ => {}
        }
        self.conditions(map, value, &mut found, depth)?;
        if found.nodes.len() > 1 {
            let text = "validation failed".to_owned();
            return Ok(Some(Node { place: found.place, text, kind: Kind::Group, causes: found.nodes }));
        }
        Ok(found.nodes.pop())
    }

    /// A reference inside the document: the whole, a JSON pointer or an anchor.
    fn resolve(&self, reference: &str) -> Option<&'s Value> {
        let fragment = reference.strip_prefix('#')?;
        if fragment.is_empty() || fragment.starts_with('/') {
            return self.root.pointer(&unescaped(fragment)?);
        }
        find_anchor(self.root, fragment)
    }

    fn at(
        &mut self,
        schema: &'s Value,
        value: &Value,
        name: &str,
        found: &mut Found,
        depth: usize,
    ) -> Walked<()> {
        let place = format!("{}/{}", found.place, name.replace('~', "~0").replace('/', "~1"));
        found.nodes.extend(self.schema(schema, value, &place, depth + 1)?);
        Ok(())
    }

    fn object(
        &mut self,
        map: &'s Map<String, Value>,
        object: &Map<String, Value>,
        found: &mut Found,
        depth: usize,
    ) -> Walked<()> {
        let count = object.len() as u64;
        failures::bounds(map, "minProperties", "maxProperties", count)
            .into_iter()
            .for_each(|text| found.say(text));
        let missing = missing(object, map.get("required"));
        match missing.as_slice() {
            [] => {}
            [single] => found.say(format!("missing property {single}")),
            several => found.say(format!("missing properties {}", several.join(", "))),
        }
        self.dependents(map, object, "dependencies", found, depth)?;
        let additional = map.get("additionalProperties");
        let mut unexpected = Vec::new();
        for (name, value) in sorted(object) {
            let mut is_evaluated = false;
            if let Some(schema) = map.get("properties").and_then(|properties| properties.get(name)) {
                is_evaluated = true;
                self.at(schema, value, name, found, depth)?;
            }
            for (pattern, schema) in entries(map, "patternProperties") {
                if matches(pattern, name)? {
                    is_evaluated = true;
                    self.at(schema, value, name, found, depth)?;
                }
            }
            match additional {
                Some(Value::Bool(false)) if !is_evaluated => unexpected.push(single_quoted(name)),
                Some(schema @ Value::Object(_)) if !is_evaluated => {
                    self.at(schema, value, name, found, depth)?
                }
                _ => {}
            }
        }
        if !unexpected.is_empty() {
            found.say(format!("additional properties {} not allowed", unexpected.join(", ")));
        }
        if let (Some(schema), 5..) = (map.get("propertyNames"), self.draft) {
            for (name, _) in sorted(object) {
                let inner = self.schema(schema, &Value::String(name.clone()), "", depth + 1)?;
                if let Some(node) = inner {
                    let causes = if node.kind == Kind::Group { node.causes } else { vec![node] };
                    found.say_because(format!("invalid propertyName {}", single_quoted(name)), causes);
                }
            }
        }
        self.dependents(map, object, "dependentSchemas", found, depth)?;
        self.dependents(map, object, "dependentRequired", found, depth)
    }

    /// What the presence of one property asks of the others.
    fn dependents(
        &mut self,
        map: &'s Map<String, Value>,
        object: &Map<String, Value>,
        keyword: &str,
        found: &mut Found,
        depth: usize,
    ) -> Walked<()> {
        for (name, wanted) in entries(map, keyword) {
            if !object.contains_key(name) {
                continue;
            }
            if wanted.is_array() {
                let missing = missing(object, Some(wanted));
                if !missing.is_empty() {
                    let name = single_quoted(name);
                    found.say(format!("properties {} required, if {name} exists", missing.join(", ")));
                }
            } else {
                let place = found.place.clone();
                found.nodes.extend(self.schema(wanted, &Value::Object(object.clone()), &place, depth + 1)?);
            }
        }
        Ok(())
    }

    fn array(
        &mut self,
        map: &'s Map<String, Value>,
        list: &[Value],
        found: &mut Found,
        depth: usize,
    ) -> Walked<()> {
        failures::bounds(map, "minItems", "maxItems", list.len() as u64)
            .into_iter()
            .for_each(|text| found.say(text));
        if map.get("uniqueItems") == Some(&Value::Bool(true))
            && let Some((first, second)) = duplicates(list)
        {
            found.say(format!("items at {first} and {second} are equal"));
        }
        let tuple_keyword = if self.draft < 2020 { "items" } else { "prefixItems" };
        let tuple = map.get(tuple_keyword).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for (index, (schema, item)) in tuple.iter().zip(list).enumerate() {
            self.at(schema, item, &index.to_string(), found, depth)?;
        }
        let rest = match (self.draft < 2020, map.get("items")) {
            (_, Some(items)) if !items.is_array() => Some(items),
            (true, Some(_)) => map.get("additionalItems"),
            _ => None,
        };
        match rest {
            Some(Value::Bool(false))
                if self.draft < 2020 && list.len() > tuple.len() && !tuple.is_empty() =>
            {
                found.say(format!("last {} additionalItem(s) not allowed", list.len() - tuple.len()));
            }
            Some(schema) => {
                for (index, item) in list.iter().enumerate().skip(tuple.len()) {
                    self.at(schema, item, &index.to_string(), found, depth)?;
                }
            }
            None => {}
        }
        match map.get("contains") {
            Some(schema) if self.draft > 4 => self.contains(map, schema, list, found, depth),
            _ => Ok(()),
        }
    }

    fn contains(
        &mut self,
        map: &Map<String, Value>,
        schema: &'s Value,
        list: &[Value],
        found: &mut Found,
        depth: usize,
    ) -> Walked<()> {
        let mut apart = Found { place: found.place.clone(), nodes: Vec::new() };
        let mut matched = Vec::new();
        for (index, item) in list.iter().enumerate() {
            let before = apart.nodes.len();
            self.at(schema, item, &index.to_string(), &mut apart, depth)?;
            if apart.nodes.len() == before {
                matched.push(index.to_string());
            }
        }
        let at = format!("matched {} items at {}", matched.len(), matched.join(" "));
        // Older drafts know no numbers of matches.
        let is_counted = self.draft >= 2019;
        let limit = |keyword: &str| map.get(keyword).filter(|_| is_counted).and_then(Value::as_u64);
        let count = matched.len() as u64;
        match limit("minContains") {
            Some(least) if count < least => {
                let but = if matched.is_empty() { "none matched" } else { &at };
                found.say_because(
                    format!("min {least} items required to match contains schema, but {but}"),
                    apart.nodes,
                );
            }
            None if count == 0 => found.say_because("no items match contains schema", apart.nodes),
            _ => {}
        }
        if let Some(most) = limit("maxContains").filter(|most| count > *most) {
            found.say(format!("max {most} items required to match contains schema, but {at}"));
        }
        Ok(())
    }

    fn conditions(
        &mut self,
        map: &'s Map<String, Value>,
        value: &Value,
        found: &mut Found,
        depth: usize,
    ) -> Walked<()> {
        let place = found.place.clone();
        if let Some(schema) = map.get("not")
            && self.schema(schema, value, &place, depth + 1)?.is_none()
        {
            found.say("'not' failed");
        }
        let list =
            |keyword: &str| map.get(keyword).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut failed = Vec::new();
        for schema in list("allOf") {
            failed.extend(self.schema(schema, value, &place, depth + 1)?);
        }
        if !failed.is_empty() {
            found.say_because("'allOf' failed", failed);
        }
        let mut failed = Vec::new();
        for schema in list("anyOf") {
            failed.extend(self.schema(schema, value, &place, depth + 1)?);
        }
        if !failed.is_empty() && failed.len() == list("anyOf").len() {
            found.say_because("'anyOf' failed", failed);
        }
        let (mut failed, mut matched) = (Vec::new(), Vec::new());
        for (index, schema) in list("oneOf").iter().enumerate() {
            match self.schema(schema, value, &place, depth + 1)? {
                Some(node) => failed.push(node),
                None => matched.push(index),
            }
        }
        match matched.as_slice() {
            [] if !failed.is_empty() => found.say_because("'oneOf' failed, none matched", failed),
            [first, second, ..] => found.say(format!("'oneOf' failed, subschemas {first}, {second} matched")),
            _ => {}
        }
        if let (Some(schema), 7..) = (map.get("if"), self.draft) {
            let branch = match self.schema(schema, value, &place, depth + 1)? {
                None => map.get("then"),
                Some(_) => map.get("else"),
            };
            if let Some(branch) = branch {
                found.nodes.extend(self.schema(branch, value, &place, depth + 1)?);
            }
        }
        Ok(())
    }
}

fn string(map: &Map<String, Value>, text: &str, found: &mut Found) -> Walked<()> {
    let length = text.chars().count() as u64;
    failures::bounds(map, "minLength", "maxLength", length).into_iter().for_each(|text| found.say(text));
    if let Some(pattern) = map.get("pattern").and_then(Value::as_str)
        && !matches(pattern, text)?
    {
        found.say(format!("{} does not match pattern {}", single_quoted(text), single_quoted(pattern)));
    }
    Ok(())
}

fn matches(pattern: &str, text: &str) -> Walked<bool> {
    patterns::matches(pattern, text).ok_or(Unfollowed)
}

fn missing(object: &Map<String, Value>, wanted: Option<&Value>) -> Vec<String> {
    let wanted = wanted.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    wanted.filter(|name| !object.contains_key(*name)).map(single_quoted).collect()
}

fn sorted(object: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = object.iter().collect();
    entries.sort_by_key(|(name, _)| *name);
    entries
}

fn entries<'s>(map: &'s Map<String, Value>, keyword: &str) -> Vec<(&'s String, &'s Value)> {
    map.get(keyword).and_then(Value::as_object).map(sorted).unwrap_or_default()
}

fn duplicates(list: &[Value]) -> Option<(usize, usize)> {
    (1..list.len()).find_map(|second| {
        let first = (0..second).find(|first| failures::equal(&list[*first], &list[second]))?;
        Some((first, second))
    })
}

fn unescaped(fragment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

fn find_anchor<'s>(schema: &'s Value, name: &str) -> Option<&'s Value> {
    match schema {
        Value::Object(map) => {
            let is_here = map.get("$anchor").and_then(Value::as_str) == Some(name)
                || ["$id", "id"].iter().any(|key| {
                    map.get(*key).and_then(Value::as_str).and_then(|id| id.strip_prefix('#')) == Some(name)
                });
            if is_here { Some(schema) } else { map.values().find_map(|inner| find_anchor(inner, name)) }
        }
        Value::Array(list) => list.iter().find_map(|inner| find_anchor(inner, name)),
        _ => None,
    }
}
