//! YAML 1.1 as Go reads it, into JSON values: plain `yes` and `y` are true, `010` is eight, `<<` merges.
//!
//! The library reads YAML 1.2 and does not tell plain texts from quoted ones. But what it hands out lies in the text
//! that it reads, so the letter before it tells.

mod emit;
mod plain;

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde_json::{Map, Value};

/// The JSON value of a YAML text, and the complaint about duplicate keys if there are some.
pub(crate) fn parse(text: &str) -> Result<(Value, Option<String>), String> {
    // The library takes the square of the depth.
    if depth(text) > DEPTH {
        return Err(format!("error converting YAML to JSON: yaml: exceeded max depth of {DEPTH}"));
    }
    // Only the first document counts.
    let Some(first) = serde_yaml_ng::Deserializer::from_str(text).next() else {
        return Ok((Value::Null, None));
    };
    let (twice, line) = (RefCell::new(Vec::new()), Cell::new((0, 1)));
    let reader = Reader { text, twice: &twice, line: &line };
    let value = reader.deserialize(first).map_err(|error| go_error(&error.to_string()))?;
    let twice = twice.into_inner();
    let complaint = (!twice.is_empty()).then(|| format!("yaml: unmarshal errors:\n  {}", twice.join("\n  ")));
    Ok((value, complaint))
}

/// A value as YAML.
pub(crate) fn write(value: &Value) -> String {
    emit::document(value)
}

/// Deepest nesting of brackets, as in Go.
const DEPTH: usize = 10_000;

/// How deep brackets lie in each other at most; those in texts count too.
fn depth(text: &str) -> usize {
    let (mut now, mut most) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => {
                now += 1;
                most = most.max(now);
            }
            b']' | b'}' => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// A JSON value as it comes out of YAML: whole numbers have no fraction.
pub(crate) fn from_json(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => plain::float(number.as_f64().unwrap_or(0.0)),
        Value::Array(items) => Value::Array(items.into_iter().map(from_json).collect()),
        Value::Object(mut map) => {
            for value in map.values_mut() {
                *value = from_json(value.take());
            }
            Value::Object(map)
        }
        other => other,
    }
}

/// An error of the library in the words of Go, which names one line.
fn go_error(message: &str) -> String {
    let (problem, context) = match message.split_once(", while ") {
        Some((problem, context)) => (problem, context),
        None => (message, ""),
    };
    // Lines are counted from one here and from nought there; only the scanner of Go corrects that.
    let line = |text: &str| -> usize {
        let rest = text.rsplit_once(" at line ").map_or("", |(_, rest)| rest);
        rest.split(' ').next().and_then(|line| line.parse::<usize>().ok()).map_or(0, |line| line - 1)
    };
    let shown = match (line(problem), line(context)) {
        (0, line) => line,
        (line, _) => line + usize::from(context.starts_with("scanning")),
    };
    let problem = problem.split(" at line ").next().unwrap_or_default();
    let place = if shown == 0 { String::new() } else { format!("line {shown}: ") };
    format!("error converting YAML to JSON: yaml: {place}{problem}")
}

/// Reads one value of a text.
#[derive(Clone, Copy)]
struct Reader<'t> {
    text: &'t str,
    /// Complaints about keys that come twice.
    twice: &'t RefCell<Vec<String>>,
    /// A place in the text and its line, from where the next are counted.
    line: &'t Cell<(usize, usize)>,
}

impl Reader<'_> {
    /// Where in the text a part of it lies.
    fn place(self, part: &str) -> Option<usize> {
        let at = (part.as_ptr() as usize).checked_sub(self.text.as_ptr() as usize)?;
        (at + part.len() <= self.text.len()).then_some(at)
    }

    /// Whether a part of the text stands there without quotes and without a tag that makes it text.
    fn is_plain(self, part: &str) -> bool {
        let Some(at) = self.place(part) else { return false };
        let before = &self.text[..at];
        !before.ends_with(['"', '\'']) && !before.trim_end().ends_with("!!str")
    }

    fn line(self, part: &str) -> usize {
        let Some(at) = self.place(part) else { return 1 };
        let (from, line) = match self.line.get() {
            (from, line) if from <= at => (from, line),
            _ => (0, 1),
        };
        let line = line + self.text[from..at].matches('\n').count();
        self.line.set((at, line));
        line
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

fn float<E>(number: f64) -> Result<Value, E> {
    Ok(plain::float(number))
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(truth.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_i128<E>(self, number: i128) -> Result<Value, E> {
        float(number as f64)
    }

    fn visit_u128<E>(self, number: u128) -> Result<Value, E> {
        float(number as f64)
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        float(number)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value, E> {
        Ok(if self.is_plain(text) { plain::resolve(text) } else { text.into() })
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut out = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            out.push(item);
        }
        Ok(Value::Array(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut out = Map::new();
        let mut merged = Vec::new();
        while let Some(key) = entries.next_key_seed(KeyReader(self))? {
            let value = entries.next_value_seed(self)?;
            if key.merges {
                merged.push(value);
                continue;
            }
            if out.contains_key(&key.text) {
                let complaint = format!("line {}: key {:?} already set in map", key.line, key.text);
                self.twice.borrow_mut().push(complaint);
            }
            out.insert(key.text, value);
        }
        for value in merged {
            merge(&mut out, value);
        }
        Ok(Value::Object(out))
    }

    /// A tag of its own means nothing.
    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Value, A::Error> {
        let (_, content) = data.variant::<Ignored>()?;
        content.newtype_variant_seed(self)
    }
}

/// Takes what another map has and this one has not.
fn merge(map: &mut Map<String, Value>, other: Value) {
    match other {
        Value::Object(other) => {
            for (key, value) in other {
                map.entry(key).or_insert(value);
            }
        }
        Value::Array(others) => others.into_iter().for_each(|other| merge(map, other)),
        _ => {}
    }
}

/// The name of a tag.
struct Ignored;

impl<'de> serde::Deserialize<'de> for Ignored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|_| Ignored)
    }
}

/// A key of a map.
struct Key {
    text: String,
    line: usize,
    /// It merges another map into this one.
    merges: bool,
}

/// Reads a key: texts, and what else Go makes texts of.
struct KeyReader<'t>(Reader<'t>);

impl<'de> DeserializeSeed<'de> for KeyReader<'_> {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl KeyReader<'_> {
    fn key<E: serde::de::Error>(&self, value: Value, line: usize) -> Result<Key, E> {
        let text = match value {
            Value::String(text) => text,
            Value::Bool(truth) => truth.to_string(),
            Value::Number(number) => number.to_string(),
            _ => return Err(E::custom("unsupported map key: neither text nor number")),
        };
        Ok(Key { text, line, merges: false })
    }
}

impl<'de> Visitor<'de> for KeyReader<'_> {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Key, E> {
        self.key(Value::Null, 0)
    }

    fn visit_bool<E: serde::de::Error>(self, truth: bool) -> Result<Key, E> {
        self.key(truth.into(), 0)
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Key, E> {
        self.key(number.into(), 0)
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Key, E> {
        self.key(number.into(), 0)
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Key, E> {
        self.key(float(number)?, 0)
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Key, E> {
        let line = self.0.line(text);
        if text == "<<" && self.0.is_plain(text) {
            return Ok(Key { text: text.into(), line, merges: true });
        }
        let value = self.0.visit_borrowed_str::<E>(text)?;
        self.key(value, line)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Key, E> {
        self.key(text.into(), 0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Value {
        parse(text).unwrap().0
    }

    #[test]
    fn plain_words_mean_what_they_do_in_go() {
        assert_eq!(
            read(
                "a: y\nb: 'y'\nc: \"on\"\nd: Off\ne: 010\nf: 1_000\ng: '010'\nh: yes please\ni: |\n  no\nj: !!str no"
            ),
            json!({
                "a": true, "b": "y", "c": "on", "d": false, "e": 8, "f": 1000, "g": "010", "h": "yes please",
                "i": "no\n", "j": "no",
            }),
        );
        assert_eq!(
            read("[NO, n, Yes, 2001-01-01, 1e3, 0x1f, ~, 1:30, 08, .5]"),
            json!([false, false, true, "2001-01-01", 1000, 31, null, "1:30", 8, 0.5])
        );
        assert_eq!(read("{y: 1, 2: b, no: c}"), json!({"true": 1, "2": "b", "false": "c"}));
    }

    #[test]
    fn maps_merge_and_duplicates_are_told() {
        let text = "base: &b {x: 1, y2: 2}\nmore:\n  <<: *b\n  x: 3\n";
        assert_eq!(read(text)["more"], json!({"x": 3, "y2": 2}));
        let (value, complaint) = parse("a: 1\nb: 2\na: 3\n").unwrap();
        assert_eq!(value, json!({"a": 3, "b": 2}));
        assert_eq!(complaint.unwrap(), "yaml: unmarshal errors:\n  line 3: key \"a\" already set in map");
    }

    #[test]
    fn json_is_yaml() {
        assert_eq!(read("{\"a\": [true, \"true\", 1.5, null]}"), json!({"a": [true, "true", 1.5, null]}));
    }
}
